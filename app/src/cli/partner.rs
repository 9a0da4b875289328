//! `lienthong partner list|show|hold|release|trial`: how each partner stands, and a person's word about it.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{
    Failure, Global, Screen,
    api::{self, Api},
    when,
    words::{list, number, text},
};
use crate::{http::advice, i18n::Arg};

/// `lienthong partner …`
#[derive(Debug, Subcommand)]
pub enum Partner {
    /// Liệt kê các đối tác và tình trạng
    /// List the partners and how they stand
    #[command(verbatim_doc_comment)]
    List,
    /// Một đối tác: tình trạng, giới hạn, dự kiến hết hàng chờ
    /// One partner: phase, limits, when its queue should be empty
    #[command(verbatim_doc_comment)]
    Show(One),
    /// Tạm ngừng gửi tới một đối tác, có ghi lý do
    /// Send nothing to a partner, on record
    #[command(verbatim_doc_comment)]
    Hold(Hold),
    /// Gửi lại sau khi tạm ngừng hoặc bảo trì, có ghi lý do; lượng gửi tăng dần
    /// End a hold or planned maintenance, on record; what is sent grows step by step
    #[command(verbatim_doc_comment)]
    Release(Release),
    /// Hỏi thử ngay một đối tác đang mất liên lạc
    /// Try a partner that is taken for down now
    #[command(verbatim_doc_comment)]
    Trial(One),
}

/// Which one.
#[derive(Debug, Args)]
pub struct One {
    /// Tên kết nối trong cấu hình, ví dụ dvcqg
    /// The connector's name in the configuration
    #[arg(verbatim_doc_comment)]
    pub id: String,
}

/// Which one, why, until when.
#[derive(Debug, Args)]
pub struct Hold {
    #[command(flatten)]
    pub one: One,
    /// Đến khi nào, ví dụ 2026-12-01T06:00 (giờ Việt Nam); bỏ trống: đến khi có người cho gửi lại
    /// Until when, e.g. 2026-12-01T06:00 (Vietnamese time); unset: until it is released
    #[arg(long, value_name = "WHEN", verbatim_doc_comment)]
    pub until: Option<String>,
    /// Lý do, được ghi vào nhật ký xử lý
    /// The reason, kept on record
    #[arg(long, verbatim_doc_comment)]
    pub reason: String,
}

/// Which one, and why.
#[derive(Debug, Args)]
pub struct Release {
    #[command(flatten)]
    pub one: One,
    /// Lý do, được ghi vào nhật ký xử lý
    /// The reason, kept on record
    #[arg(long, verbatim_doc_comment)]
    pub reason: String,
}

impl Partner {
    pub(super) async fn run(self, global: &Global, screen: &Screen) -> Result<ExitCode, Failure> {
        match self {
            Self::List => {
                let answer = api::ask(global, screen, "/v1/partners").await?;
                if screen.json {
                    screen.value(&answer["partners"]);
                } else {
                    show_list(screen, list(&answer, "partners"));
                }
            }
            Self::Show(one) => {
                let answer = api::ask(global, screen, &format!("/v1/partners/{}", one.id)).await?;
                let partner = &answer["partner"];
                if screen.json {
                    screen.value(partner);
                } else {
                    screen.blocks(vec![(text(partner, "connector").to_owned(), lines(screen, partner))]);
                }
            }
            Self::Hold(hold) => {
                let body = json!({ "reason": hold.reason, "until": hold.until });
                act(global, screen, &hold.one.id, "hold", body).await?;
            }
            Self::Release(release) => {
                act(global, screen, &release.one.id, "release", json!({ "reason": release.reason })).await?;
            }
            Self::Trial(one) => act(global, screen, &one.id, "trial", json!({})).await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn act(
    global: &Global,
    screen: &Screen,
    id: &str,
    deed: &'static str,
    body: Value,
) -> Result<(), Failure> {
    let api = Api::open(global, screen).await?;
    let answer = api.decide_with(screen, &format!("/v1/partners/{id}/{deed}"), &body).await;
    api.close().await;
    let answer = answer?;
    if screen.json {
        screen.value(&answer);
    } else {
        screen.line(screen.say_with(&format!("done-{deed}"), &[("id", Arg::Text(id))]));
    }
    Ok(())
}

fn show_list(screen: &Screen, partners: &[Value]) {
    let mut table = screen.table(&["partner", "phase", "since", "waiting", "drain"]);
    for partner in partners {
        table.add_row([
            format!("{}\n{}", text(partner, "label"), text(partner, "connector")),
            phase(screen, partner),
            since(partner),
            screen.number(number(partner, "waiting")),
            if number(partner, "waiting") > 0 { drain(screen, partner) } else { String::new() },
        ]);
    }
    screen.line(table.to_string());
}

/// The phase in words; a hold goes before it.
pub(super) fn phase(screen: &Screen, partner: &Value) -> String {
    let name = if partner["hold"].is_null() { text(partner, "phase") } else { "held" };
    if name.is_empty() { String::new() } else { screen.named("phase", name) }
}

fn since(partner: &Value) -> String {
    let hold = when::short(&partner["hold"]["since_at"]);
    if hold.is_empty() { when::short(&partner["trouble"]["since_at"]) } else { hold }
}

/// How long what waits takes, in words; unknown where nobody can tell.
pub(super) fn drain(screen: &Screen, partner: &Value) -> String {
    advice::drain(screen.locale, partner["drain_seconds"].as_i64())
}

fn lines(screen: &Screen, partner: &Value) -> Vec<String> {
    let waiting = screen.say_with("planned", &[("count", Arg::Count(number(partner, "waiting")))]);
    let mut lines = vec![
        format!("{} · {}", text(partner, "label"), phase(screen, partner)),
        format!("{}: {waiting} · {}", screen.say("waiting"), drain(screen, partner)),
    ];
    let trouble = &partner["trouble"];
    if !trouble.is_null() {
        let cause = screen.named("cause", text(trouble, "cause"));
        lines.push(format!("{} {} · {cause}", screen.say("since"), when::short(&trouble["since_at"])));
        lines.push(format!("{}: {}", screen.say("said"), text(trouble, "said")));
    }
    let trial = when::exact(&partner["paused"]["test_at"]);
    if !trial.is_empty() {
        lines.push(format!("{}: {trial}", screen.say("trial-at")));
    }
    let hold = &partner["hold"];
    if !hold.is_null() {
        let until = when::short(&hold["until_at"]);
        let until = if until.is_empty() { screen.say("until-released") } else { until };
        let who =
            if text(hold, "by") == "calendar" { screen.say("by-calendar") } else { text(hold, "by").into() };
        lines.push(format!("{}: {who} · {}", screen.say("held-by"), text(hold, "reason")));
        lines.push(format!("{}: {until}", screen.say("held-until")));
    }
    let limits = &partner["limits"];
    if !limits.is_null() {
        let or = |value: &Value| if value.is_null() { "–".to_owned() } else { value.to_string() };
        let args = [&limits["in_flight"], &limits["in_flight_total"], &limits["rate_per_second"]].map(or);
        let [each, all, rate] = &args;
        let args = [("each", Arg::Text(each)), ("all", Arg::Text(all)), ("rate", Arg::Text(rate))];
        lines.push(screen.say_with("limits", &args));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::i18n::Locale;

    #[test]
    fn a_partner_is_told_with_its_trouble_its_hold_and_an_honest_estimate() {
        let screen = Screen::new(Locale::Vi, false);
        let partner = json!({
            "connector": "dvcqg", "label": "Cổng", "phase": "open", "waiting": 1234, "drain_seconds": null,
            "trouble": { "since_at": "2026-11-23T08:05:00+07:00", "cause": "unreachable", "said": "từ chối" },
            "paused": { "test_at": "2026-11-23T08:06:00+07:00" },
            "hold": { "by": "an", "reason": "đối chiếu", "since_at": "2026-11-23T08:00:00+07:00", "until_at": null },
            "limits": { "in_flight": 16, "in_flight_total": 40, "rate_per_second": null },
        });
        let all = lines(&screen, &partner).join("\n");
        for words in ["1.234", "23/11 08:05", "từ chối", "08:06:00", "an · đối chiếu", "40", "chưa rõ"]
        {
            assert!(all.contains(words), "{words}: {all}");
        }
        let named = |phase: &str| super::phase(&screen, &json!({ "phase": phase, "hold": null }));
        assert_ne!(named("half_open"), "half_open");
    }
}
