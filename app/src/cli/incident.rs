//! `lienthong incident list|close`: what is open for a person, once however many operations it holds.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use lienthong_core::{need::Need, outcome::Cause};
use serde_json::Value;

use super::{
    Failure, Global, Screen,
    api::{self, Api},
    when,
    words::{list, number, text},
};
use crate::{
    http::advice::{self, Advice},
    i18n::Arg,
};

/// `lienthong incident …`
#[derive(Debug, Subcommand)]
pub enum Incident {
    /// Liệt kê các sự cố đang mở
    /// List what is open
    #[command(verbatim_doc_comment)]
    List,
    /// Đóng một sự cố về tiền hoặc mã hồ sơ, có ghi lý do; các sự cố khác tự đóng
    /// Close one about money or codes, on record; the others close by themselves
    #[command(verbatim_doc_comment)]
    Close(Close),
}

/// Which one, and why.
#[derive(Debug, Args)]
pub struct Close {
    /// Số trong danh sách
    /// Its number in the list
    #[arg(verbatim_doc_comment)]
    pub id: i64,
    /// Lý do, được ghi vào nhật ký xử lý
    /// The reason, kept on record
    #[arg(long, verbatim_doc_comment)]
    pub reason: String,
}

impl Close {
    /// Tells the server.
    pub(super) async fn run(
        &self,
        global: &Global,
        screen: &Screen,
        things: &str,
        done: &str,
    ) -> Result<(), Failure> {
        let api = Api::open(global, screen).await?;
        let answer = api.decide(screen, &format!("/v1/{things}/{}/close", self.id), &self.reason).await;
        api.close().await;
        let answer = answer?;
        if screen.json {
            screen.value(&answer);
        } else {
            screen.line(screen.say_with(done, &[("id", Arg::Text(&self.id.to_string()))]));
        }
        Ok(())
    }
}

impl Incident {
    pub(super) async fn run(self, global: &Global, screen: &Screen) -> Result<ExitCode, Failure> {
        match self {
            Self::List => show(screen, &api::ask(global, screen, "/v1/status").await?),
            Self::Close(close) => close.run(global, screen, "incidents", "done-incident").await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn show(screen: &Screen, status: &Value) {
    let incidents = list(status, "incidents");
    if screen.json {
        let with_advice = |incident: &Value| {
            let mut incident = incident.clone();
            incident["advice"] = told(status, &incident).to_json();
            incident
        };
        screen.value(&incidents.iter().map(with_advice).collect());
        return;
    }
    if incidents.is_empty() {
        screen.line(screen.say("no-incidents"));
        return;
    }
    screen.blocks(incidents.iter().map(|incident| block(screen, status, incident)).collect());
}

/// Why it is open, who acts, what next. The cause of a pause stands with its connector.
fn told(status: &Value, incident: &Value) -> Advice {
    let key = text(incident, "key");
    let Some(connector) = key.strip_prefix("pause:") else { return advice::of_incident(key) };
    let partner = list(status, "partners").iter().find(|p| text(p, "connector") == connector);
    match partner {
        // The incident lasts until the partner is back for good.
        Some(partner) if partner["paused"].is_null() && !partner["trouble"].is_null() => advice::of_return(),
        _ => advice::of_pause(partner.and_then(|p| p["paused"]["cause"].as_str()).and_then(Cause::from_code)),
    }
}

/// How long what waits for a partner takes once it is back.
fn drain(screen: &Screen, status: &Value, incident: &Value) -> Option<String> {
    let connector = text(incident, "key").strip_prefix("pause:")?;
    let partner = list(status, "partners").iter().find(|p| text(p, "connector") == connector)?;
    Some(super::partner::drain(screen, partner))
}

fn block(screen: &Screen, status: &Value, incident: &Value) -> (String, Vec<String>) {
    let told = told(status, incident);
    let mut facts = Vec::new();
    if number(incident, "waiting") > 0 {
        facts.push(screen.say_with("planned", &[("count", Arg::Count(number(incident, "waiting")))]));
    }
    facts.push(format!("{} {}", screen.say("since"), when::short(&incident["opened_at"])));
    facts.extend(drain(screen, status, incident));
    let mut lines = vec![told.why(screen.locale), facts.join(" · ")];
    // What is said of a need is its key or the dossier; the first line has it in words.
    let said = text(incident, "said");
    if !said.is_empty() && text(incident, "key").parse::<Need>().is_err() {
        lines.push(format!("{}: {said}", screen.say("note")));
    }
    lines.push(format!("{}: {}", screen.say("who"), told.who(screen.locale)));
    lines.push(format!("{}: {}", screen.say("next"), told.next(screen.locale)));
    (number(incident, "id").to_string(), lines)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::i18n::Locale;
    use serde_json::json;

    #[test]
    fn an_incident_is_told_in_words_with_who_acts_and_what_next() {
        let incident = json!({ "id": 3, "key": "mapping:dvcqg:procedure:XX-9", "waiting": 2,
            "said": "000.00.08.H99-261122-0001", "opened_at": "2026-11-23T08:05:00+07:00" });
        let (mark, lines) = block(&Screen::new(Locale::Vi, false), &json!({}), &incident);
        assert_eq!((mark.as_str(), lines.len()), ("3", 4));
        let all = lines.join("\n");
        assert!(!all.contains("mapping:") && !all.contains("H99-"), "{all}");
        assert!(all.contains("XX-9") && all.contains("2 thao tác") && all.contains("23/11 08:05"), "{all}");
    }

    #[test]
    fn a_pause_is_told_with_its_cause() {
        let partner = json!({ "connector": "dvcqg", "paused": { "cause": "credentials_rejected" } });
        let incident = json!({ "key": "pause:dvcqg" });
        assert!(told(&json!({ "partners": [partner] }), &incident).needs_person);
        assert!(!told(&json!({}), &incident).needs_person);
    }
}
