//! `lienthong dossier CODE`: everything about one dossier, in the order in which it happened.

use std::process::ExitCode;

use clap::Args;
use serde_json::Value;

use super::{
    Failure, Global, Screen, api, when,
    words::{advice, list, number, text},
};

/// Which dossier.
#[derive(Debug, Args)]
pub struct Dossier {
    /// Mã hồ sơ, hoặc mã trên Cổng DVC quốc gia
    /// The dossier's code, or its code at the portal
    #[arg(verbatim_doc_comment)]
    pub code: String,
}

/// A line of the timeline.
struct Line {
    at: String,
    what: String,
    more: String,
}

impl Dossier {
    pub(super) async fn run(self, global: &Global, screen: &Screen) -> Result<ExitCode, Failure> {
        let path = format!("/v1/dossiers/{}", api::percent(&self.code));
        let timeline = api::ask(global, screen, &path).await?;
        if screen.json {
            screen.value(&timeline);
            return Ok(ExitCode::SUCCESS);
        }
        head(screen, &timeline);
        let mut lines = lines(screen, &timeline);
        lines.sort_by(|a, b| a.at.cmp(&b.at));
        let mut table = screen.table(&["when", "what", "more"]);
        for line in lines {
            table.add_row([when::short(&Value::String(line.at)), line.what, line.more]);
        }
        screen.line(table.to_string());
        waiting(screen, &timeline);
        Ok(ExitCode::SUCCESS)
    }
}

fn head(screen: &Screen, timeline: &Value) {
    let mut table = screen.plain_table();
    let mut row = |key: &str, value: String| {
        if !value.is_empty() {
            table.add_row([screen.say(key), value]);
        }
    };
    row("dossier-code", text(timeline, "code").to_owned());
    let aliases: Vec<&str> = list(timeline, "aliases").iter().filter_map(Value::as_str).collect();
    row("dossier-aliases", aliases.join(", "));
    row("unit", text(timeline, "unit").to_owned());
    row("dossier-version", number(timeline, "version").to_string());
    if timeline.get("known") == Some(&Value::Bool(false)) {
        row("dossier-known", screen.say("dossier-unknown"));
    }
    screen.line(table.to_string());
}

fn lines(screen: &Screen, timeline: &Value) -> Vec<Line> {
    let mut lines = Vec::new();
    for event in list(timeline, "events") {
        let name = text(event, "name");
        let late =
            if event.get("late") == Some(&Value::Bool(true)) { screen.say("late") } else { String::new() };
        let more = [
            screen.say_with("planned", &[("count", crate::i18n::Arg::Count(number(event, "planned")))]),
            late,
        ];
        lines.push(Line {
            at: text(event, "received_at").to_owned(),
            what: format!("● {}", screen.named("event", &name.replace('.', "-"))),
            more: joined(&more),
        });
    }
    for operation in list(timeline, "operations") {
        let action = screen.named("action", text(operation, "action"));
        let state = screen.named("state", text(operation, "state"));
        let ended = text(operation, "ended_at");
        lines.push(Line {
            at: if ended.is_empty() { text(operation, "created_at") } else { ended }.to_owned(),
            what: format!("→ {} · {action}", text(operation, "connector")),
            more: joined(&[
                format!("#{} {state}", number(operation, "id")),
                text(operation, "said").to_owned(),
            ]),
        });
    }
    for payment in list(timeline, "payments") {
        let amount = crate::i18n::number(screen.locale, number(payment, "amount"));
        let references: Vec<&str> =
            list(payment, "references").iter().map(|r| text(r, "reference")).collect();
        lines.push(Line {
            at: text(payment, "updated_at").to_owned(),
            what: format!("₫ {}", text(payment, "id")),
            more: joined(&[
                format!("{amount} đ · {}", screen.named("payment", text(payment, "state"))),
                references.join(", "),
            ]),
        });
    }
    for parcel in list(timeline, "parcels") {
        lines.push(Line {
            at: text(parcel, "updated_at").to_owned(),
            what: format!("✉ {}", text(parcel, "id")),
            more: joined(&[
                screen.named("parcel", text(parcel, "state")),
                text(parcel, "item_code").to_owned(),
                text(parcel, "last_move").to_owned(),
            ]),
        });
    }
    lines
}

/// What waits, why, who acts, what next.
fn waiting(screen: &Screen, timeline: &Value) {
    let open = list(timeline, "operations").iter().filter(|o| o.get("advice").is_some_and(Value::is_object));
    for operation in open {
        let what = format!(
            "#{} {} · {}",
            number(operation, "id"),
            text(operation, "connector"),
            screen.named("action", text(operation, "action"))
        );
        screen.line(format!("{what}\n  {}", advice(screen, operation, "why")));
        screen.line(format!("  {}: {}", screen.say("who"), advice(screen, operation, "who")));
        screen.line(format!("  {}: {}", screen.say("next"), advice(screen, operation, "next")));
    }
}

fn joined(parts: &[String]) -> String {
    parts.iter().filter(|p| !p.is_empty()).map(String::as_str).collect::<Vec<_>>().join(" · ")
}
