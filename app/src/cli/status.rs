//! `lienthong status`: the province today, as the console's front page.

use std::process::ExitCode;

use serde_json::Value;

use super::{
    Failure, Global, Screen, api, when,
    words::{advice, list, number, text},
};
use crate::i18n::{self, Arg};

/// Lines of units; a province has some hundred.
const UNITS_SHOWN: usize = 15;
/// Beside what needs a person.
const MARK: &str = "!";

pub(super) async fn run(global: &Global, screen: &Screen) -> Result<ExitCode, Failure> {
    let status = api::ask(global, screen, "/v1/status").await?;
    if screen.json {
        screen.value(&status);
    } else {
        show(screen, &status);
    }
    let ledgers = &status["ledgers"];
    let is_balanced =
        number(&ledgers["messages"], "difference") == 0 && number(&ledgers["operations"], "difference") == 0;
    Ok(if is_balanced { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn show(screen: &Screen, status: &Value) {
    let persons = number(status, "needs_person");
    let headline = if persons == 0 { "headline-quiet" } else { "headline-matters" };
    screen.line(format!(
        "{} · {} · {}",
        text(status, "installation"),
        when::long(&status["now_at"]),
        screen.say_with(headline, &[("count", Arg::Count(persons))])
    ));
    for (part, key) in [("store", "broken-store"), ("broker", "broken-broker")] {
        if status["health"][part] == Value::Bool(false) {
            screen.line(format!("✗ {}", i18n::text(screen.locale, key)));
        }
    }
    if !status["fenced_at"].is_null() {
        let since = when::short(&status["fenced_at"]);
        screen.line(format!("✗ {}", screen.say_with("restore-fenced", &[("when", Arg::Text(&since))])));
    }
    screen.line("");
    screen.blocks(matters(screen, status));
    partners(screen, status);
    lanes(screen, status);
    units(screen, status);
    screen.line("");
    ledgers(screen, &status["ledgers"]);
    screen.line(screen.say_with(
        "counts",
        &[
            ("dossiers", Arg::Count(number(status, "dossiers"))),
            ("quarantine", Arg::Count(number(status, "quarantine_open"))),
        ],
    ));
    screen.line(outbox(screen, status));
}

fn partners(screen: &Screen, status: &Value) {
    let mut table = screen.table(&["partner", "done", "waiting", "stuck", "oldest", "phase"]);
    for partner in list(status, "partners") {
        table.add_row([
            text(partner, "label").to_owned(),
            screen.number(number(partner, "done")),
            screen.number(number(partner, "waiting")),
            screen.number(number(partner, "stuck")),
            when::short(&partner["oldest_at"]),
            super::partner::phase(screen, partner),
        ]);
    }
    screen.line(table.to_string());
}

/// Lanes with something in them, by the state of what stands first.
fn lanes(screen: &Screen, status: &Value) {
    let mut table = screen.table(&["partner", "lane-state", "lanes", "oldest"]);
    for lanes in list(status, "lanes").iter().filter(|l| text(l, "state") != "idle") {
        table.add_row([
            label(status, text(lanes, "connector")).to_owned(),
            screen.named("state", text(lanes, "state")),
            screen.number(number(lanes, "lanes")),
            when::short(&lanes["oldest_at"]),
        ]);
    }
    if table.row_count() > 0 {
        screen.line(format!("\n{table}"));
    }
}

/// What people call a connector.
fn label<'s>(status: &'s Value, connector: &'s str) -> &'s str {
    let partner = list(status, "partners").iter().find(|p| text(p, "connector") == connector);
    partner.map_or(connector, |p| text(p, "label"))
}

/// Units with something to do first, then by how much came today; as many as fit a screen.
fn units(screen: &Screen, status: &Value) {
    let mut units: Vec<&Value> = list(status, "units").iter().collect();
    if units.is_empty() {
        return;
    }
    units.sort_by_key(|u| (-number(u, "stuck"), -number(u, "events"), text(u, "unit")));
    let mut table = screen.table(&["unit", "events-today", "sent-today", "waiting", "stuck"]);
    for unit in units.iter().take(UNITS_SHOWN) {
        let code = text(unit, "unit");
        let name = if code.is_empty() { screen.say("unit-unknown") } else { code.to_owned() };
        let counts = ["events", "sent", "waiting", "stuck"].map(|f| screen.number(number(unit, f)));
        table.add_row(std::iter::once(name).chain(counts));
    }
    screen.line(format!("\n{table}"));
    if units.len() > UNITS_SHOWN {
        let more = (units.len() - UNITS_SHOWN) as i64;
        screen.line(screen.say_with("more-units", &[("count", Arg::Count(more))]));
    }
}

/// Result events: without a broker they are read from the feed and nothing of them waits.
fn outbox(screen: &Screen, status: &Value) -> String {
    let count = |name| Arg::Count(number(&status["outbox"], name));
    if status["health"]["broker"].is_null() {
        return screen.say_with("outbox-readable", &[("highest", count("highest"))]);
    }
    screen.say_with("outbox-waiting", &[("highest", count("highest")), ("waiting", count("waiting"))])
}

/// What a person has to take up, marked, and what is waited out. Those marked are as many as the headline says: the
/// quarantine is one of them.
fn matters(screen: &Screen, status: &Value) -> Vec<(String, Vec<String>)> {
    let mut blocks = Vec::new();
    for matter in list(status, "matters") {
        let is_persons = matter["advice"]["needs_person"] == Value::Bool(true);
        let mark = if is_persons { MARK } else { "…" };
        let mut facts = Vec::new();
        if let Some(connector) = matter["connector"].as_str() {
            facts.push(label(status, connector).to_owned());
        }
        if number(matter, "count") > 0 {
            let least = if matter["at_least"] == Value::Bool(true) { "≥ " } else { "" };
            let count = Arg::Count(number(matter, "count"));
            facts.push(format!("{least}{}", screen.say_with("planned", &[("count", count)])));
        }
        if !matter["since_at"].is_null() {
            facts.push(format!("{} {}", screen.say("since"), when::short(&matter["since_at"])));
        }
        let mut lines = vec![advice(screen, matter, "why").to_owned(), facts.join(" · ")];
        if !text(matter, "said").is_empty() {
            lines.push(format!("{}: {}", screen.say("said"), text(matter, "said")));
        }
        for (key, part) in [("who", "who"), ("next", "next")] {
            lines.push(format!("{}: {}", screen.say(key), advice(screen, matter, part)));
        }
        blocks.push((mark.to_owned(), lines));
    }
    let quarantine = number(status, "quarantine_open");
    if quarantine > 0 {
        let shared = |key: &str| i18n::text_with(screen.locale, key, &[("n", Arg::Count(quarantine))]);
        blocks.push((
            MARK.to_owned(),
            vec![
                shared("quarantine-matter"),
                format!("{}: {}", screen.say("who"), shared("quarantine-matter.who")),
                format!("{}: {}", screen.say("next"), screen.say("quarantine-next")),
            ],
        ));
    }
    blocks
}

/// Both ledgers, each as a sum that must come out at 0.
pub(crate) fn ledgers(screen: &Screen, ledgers: &Value) {
    for name in ["messages", "operations"] {
        let Some(fields) = ledgers.get(name).and_then(Value::as_object) else { continue };
        let mut table = screen.table(&[]);
        let order = [
            "received",
            "admitted",
            "duplicate",
            "quarantined",
            "planned",
            "succeeded",
            "refused",
            "superseded",
            "dismissed",
            "open",
            "difference",
        ];
        let known = order.iter().filter(|f| fields.contains_key(**f));
        let (heads, values): (Vec<String>, Vec<String>) = known
            .map(|f| {
                let value = fields.get(*f).and_then(Value::as_i64).unwrap_or(0);
                (screen.say(&format!("ledger-{f}")), screen.number(value))
            })
            .unzip();
        table.set_header(heads).add_row(values);
        screen.line(screen.say(&format!("ledger-{name}")));
        screen.line(table.to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::i18n::Locale;
    use serde_json::json;

    #[test]
    fn as_many_matters_are_marked_as_the_headline_counts() {
        let advice = |needs_person: bool| json!({ "needs_person": needs_person, "vi": { "why": "Vì", "who": "Ai", "next": "Gì" } });
        let status = json!({
            "matters": [
                { "advice": advice(true), "connector": "dvcqg", "count": 1234, "said": "" },
                { "advice": advice(false), "count": 0, "said": "chậm" },
            ],
            "partners": [{ "connector": "dvcqg", "label": "Cổng" }],
            "quarantine_open": 2, "needs_person": 2,
        });
        let blocks = matters(&Screen::new(Locale::Vi, false), &status);
        assert_eq!(blocks.iter().filter(|(mark, _)| mark == MARK).count(), 2);
        assert_eq!(blocks.len(), 3);
        assert_eq!(blocks[0].1, ["Vì", "Cổng · 1.234 thao tác", "Ai xử lý: Ai", "Việc tiếp theo: Gì"]);
        assert!(blocks[2].1[0].starts_with("2 "), "{:?}", blocks[2]);
    }

    #[test]
    fn result_events_wait_only_for_a_broker() {
        let screen = Screen::new(Locale::Vi, false);
        let outbox_98 = json!({ "highest": 2098, "waiting": 98 });
        let status = |broker: Value| json!({ "health": { "broker": broker }, "outbox": outbox_98 });
        assert!(!outbox(&screen, &status(Value::Null)).contains("RabbitMQ"));
        let waits = outbox(&screen, &status(json!(true)));
        assert!(waits.contains("2.098") && waits.contains("98"), "{waits}");
    }
}
