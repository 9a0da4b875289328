//! `lienthong dossier CODE`: everything about one dossier, in the order in which it happened.

use std::process::ExitCode;

use clap::Args;
use serde_json::Value;

use super::{
    Failure, Global, Screen, api, when,
    words::{advice, list, number, text},
};
use crate::i18n::Arg;

/// Which dossier.
#[derive(Debug, Args)]
pub struct Dossier {
    /// Mã hồ sơ, hoặc mã trên Cổng DVC quốc gia
    /// The dossier's code, or its code at the portal
    #[arg(verbatim_doc_comment)]
    pub code: String,
}

/// Seconds between an event and its arrival that are told.
const WORTH_SAYING: i64 = 60;

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
            table.add_row([when::exact(&Value::String(line.at)), line.what, line.more]);
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
    let state = &timeline["state"];
    if let Some(status) = state["status"].as_i64() {
        row("dossier-status", screen.named("status", &status.to_string()));
    }
    let procedure = &state["fields"]["procedure"];
    row(
        "dossier-procedure",
        match (text(procedure, "name"), text(procedure, "code")) {
            (name, "") => name.to_owned(),
            ("", code) => code.to_owned(),
            (name, code) => format!("{name} ({code})"),
        },
    );
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
        let step = &event["body"]["data"]["step"];
        let happened = &event["at"];
        // The clocks of sources differ; less than this is the way to us.
        let is_worth_saying = when::apart(happened, &event["received_at"]) > WORTH_SAYING;
        let more = [
            text(step, "content").to_owned(),
            text(step, "officer").to_owned(),
            if is_worth_saying {
                screen.say_with("happened", &[("when", Arg::Text(&when::exact(happened)))])
            } else {
                String::new()
            },
            screen.say_with("planned", &[("count", Arg::Count(number(event, "planned")))]),
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
        let id = number(operation, "id");
        let attempts: Vec<&Value> =
            list(timeline, "attempts").iter().filter(|a| number(a, "operation") == id).collect();
        // What was said at an attempt stands with that attempt.
        let said = if attempts.is_empty() { text(operation, "said") } else { "" };
        let decided = text(operation, "decided_by");
        lines.push(Line {
            at: text(operation, "created_at").to_owned(),
            what: format!("→ {} · {action}", text(operation, "connector")),
            more: joined(&[
                format!("#{id} {state}"),
                said.to_owned(),
                if decided.is_empty() {
                    String::new()
                } else {
                    format!("{}: {decided}", screen.say("decided-by"))
                },
            ]),
        });
        lines.extend(attempts.into_iter().map(|attempt| self::attempt(screen, id, attempt)));
    }
    lines.extend(list(timeline, "payments").iter().map(|p| payment(screen, p)));
    lines.extend(list(timeline, "parcels").iter().map(|p| parcel(screen, p)));
    lines
}

fn attempt(screen: &Screen, operation: i64, attempt: &Value) -> Line {
    let outcome = Some(text(attempt, "outcome")).filter(|o| !o.is_empty()).unwrap_or("running");
    let (number, operation) = (number(attempt, "number").to_string(), operation.to_string());
    Line {
        at: text(attempt, "started_at").to_owned(),
        what: format!(
            "  ↳ {}",
            screen.say_with("attempt-of", &[("number", Arg::Text(&number)), ("id", Arg::Text(&operation))])
        ),
        more: joined(&[screen.named("outcome", outcome), text(attempt, "said").to_owned()]),
    }
}

fn payment(screen: &Screen, payment: &Value) -> Line {
    let references: Vec<&str> = list(payment, "references").iter().map(|r| text(r, "reference")).collect();
    let amount = screen.number(number(payment, "amount"));
    Line {
        at: text(payment, "updated_at").to_owned(),
        what: format!("₫ {}", text(payment, "id")),
        more: joined(&[
            format!("{amount} đ · {}", screen.named("payment", text(payment, "state"))),
            references.join(", "),
        ]),
    }
}

fn parcel(screen: &Screen, parcel: &Value) -> Line {
    Line {
        at: text(parcel, "updated_at").to_owned(),
        what: format!("✉ {}", text(parcel, "id")),
        more: joined(&[
            screen.named("parcel", text(parcel, "state")),
            text(parcel, "item_code").to_owned(),
            text(parcel, "last_move").to_owned(),
        ]),
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::i18n::Locale;
    use serde_json::json;

    #[test]
    fn the_timeline_has_steps_attempts_and_late_arrivals_in_their_order() {
        let timeline = json!({
            "events": [{ "name": "dossier.processing", "at": "2026-11-23T08:00:00+07:00", "planned": 1,
                "received_at": "2026-11-23T08:05:01+07:00",
                "body": { "data": { "step": { "content": "Thẩm định", "officer": "An" } } } }],
            "operations": [{ "id": 7, "connector": "dvcqg", "action": "append_progress", "state": "succeeded",
                "created_at": "2026-11-23T08:05:01+07:00", "ended_at": "2026-11-23T08:05:09+07:00" }],
            "attempts": [
                { "operation": 7, "number": 1, "started_at": "2026-11-23T08:05:02+07:00",
                  "outcome": "not_done", "said": "bận" },
                { "operation": 7, "number": 2, "started_at": "2026-11-23T08:05:08+07:00", "outcome": "done" },
            ],
        });
        let lines = lines(&Screen::new(Locale::Vi, false), &timeline);
        assert_eq!(lines.len(), 4);
        assert!(lines[0].more.contains("Thẩm định · An") && lines[0].more.contains("23/11 08:00:00"));
        assert!(lines[1].more.contains("#7 Đã xong"), "{}", lines[1].more);
        assert_eq!(lines[2].more, "Chưa được · bận");
        assert_eq!(lines[3].more, "Thành công");
        assert!(lines.is_sorted_by_key(|l| l.at.clone()));
    }
}
