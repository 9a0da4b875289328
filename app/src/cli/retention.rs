//! `lienthong retention`: for how long each kind is kept, what is due, what has gone.

use std::process::ExitCode;

use super::{
    Failure, Global, Screen, api, when,
    words::{list, number, text},
};

/// Shows every kind.
pub(super) async fn run(global: &Global, screen: &Screen) -> Result<ExitCode, Failure> {
    let answer = api::ask(global, screen, "/v1/retention").await?;
    if screen.json {
        screen.value(&answer);
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = screen.table(&[
        "retention-kind",
        "retention-kept",
        "retention-oldest",
        "retention-due",
        "retention-gone",
        "retention-last",
    ]);
    for row in list(&answer, "retention") {
        let days = row["kept_days"].as_i64();
        table.add_row([
            screen.say(&format!("retention-{}", text(row, "kind"))),
            days.map_or_else(|| screen.say("retention-for-ever"), |days| screen.number(days)),
            when::long(&row["oldest_at"]),
            row["due"].as_i64().map_or_else(String::new, |due| screen.number(due)),
            screen.number(number(row, "gone")),
            when::long(&row["last_at"]),
        ]);
    }
    screen.line(table.to_string());
    screen.line(screen.say("retention-note"));
    Ok(ExitCode::SUCCESS)
}
