//! `lienthong status`: the province today, as the console's front page.

use std::process::ExitCode;

use serde_json::Value;

use super::{
    Failure, Global, Screen, api, when,
    words::{advice, list, number, text},
};
use crate::i18n::Arg;

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
    partners(screen, status);
    matters(screen, status);
    ledgers(screen, &status["ledgers"]);
    screen.line(screen.say_with(
        "counts",
        &[
            ("dossiers", Arg::Count(number(status, "dossiers"))),
            ("quarantine", Arg::Count(number(status, "quarantine_open"))),
        ],
    ));
}

fn partners(screen: &Screen, status: &Value) {
    let mut table = screen.table(&["partner", "done", "waiting", "stuck", "oldest", "paused-since"]);
    for partner in list(status, "partners") {
        table.add_row([
            text(partner, "label").to_owned(),
            number(partner, "done").to_string(),
            number(partner, "waiting").to_string(),
            number(partner, "stuck").to_string(),
            when::short(&partner["oldest_at"]),
            when::short(&partner["paused"]["since_at"]),
        ]);
    }
    screen.line(table.to_string());
}

fn matters(screen: &Screen, status: &Value) {
    let matters = list(status, "matters");
    if matters.is_empty() {
        return;
    }
    let mut table = screen.roomy(&["count", "since", "why", "who", "next"], 2);
    for matter in matters {
        table.add_row([
            number(matter, "count").to_string(),
            when::short(&matter["since_at"]),
            advice(screen, matter, "why").to_owned(),
            advice(screen, matter, "who").to_owned(),
            advice(screen, matter, "next").to_owned(),
        ]);
    }
    screen.line(table.to_string());
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
                (screen.say(&format!("ledger-{f}")), fields.get(*f).map(Value::to_string).unwrap_or_default())
            })
            .unzip();
        table.set_header(heads).add_row(values);
        screen.line(screen.say(&format!("ledger-{name}")));
        screen.line(table.to_string());
    }
}
