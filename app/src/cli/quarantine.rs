//! `lienthong quarantine list|show|close`: events that could not be admitted, with the reason in a clerk's words.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::Value;

use super::{
    Failure, Global, Screen, api,
    incident::Close,
    when,
    words::{advice, list, number, text},
};

/// `lienthong quarantine …`
#[derive(Debug, Subcommand)]
pub enum Quarantine {
    /// Liệt kê
    /// List
    #[command(verbatim_doc_comment)]
    List(Page),
    /// Một sự kiện với nguyên văn
    /// One event with its raw text
    #[command(verbatim_doc_comment)]
    Show(One),
    /// Đóng một mục vì không còn gì để làm, có ghi lý do
    /// Close an entry of which nothing will come, on record
    #[command(verbatim_doc_comment)]
    Close(Close),
}

/// Which page.
#[derive(Debug, Args)]
pub struct Page {
    /// Từ sau số này
    /// After this number
    #[arg(long, default_value_t = 0, verbatim_doc_comment)]
    pub after: i64,
    /// Nhiều nhất bao nhiêu dòng
    /// At most this many
    #[arg(long, default_value_t = 50, verbatim_doc_comment)]
    pub limit: i64,
}

/// Which one.
#[derive(Debug, Args)]
pub struct One {
    /// Số trong danh sách
    /// Its number in the list
    #[arg(verbatim_doc_comment)]
    pub id: i64,
}

impl Quarantine {
    pub(super) async fn run(self, global: &Global, screen: &Screen) -> Result<ExitCode, Failure> {
        match self {
            Self::List(page) => {
                let path = format!("/v1/quarantine?after={}&limit={}", page.after, page.limit);
                show_list(screen, &api::ask(global, screen, &path).await?);
            }
            Self::Show(one) => {
                show_one(screen, &api::ask(global, screen, &format!("/v1/quarantine/{}", one.id)).await?);
            }
            Self::Close(close) => close.run(global, screen, "quarantine", "done-entry").await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn show_list(screen: &Screen, answer: &Value) {
    if screen.json {
        screen.value(answer);
        return;
    }
    let mut table = screen.roomy(&["number", "when", "event", "why"], 3);
    for entry in list(answer, "quarantine") {
        let event: Vec<&str> =
            [text(entry, "event_id"), text(entry, "source")].into_iter().filter(|t| !t.is_empty()).collect();
        table.add_row([
            number(entry, "id").to_string(),
            when::short(&entry["received_at"]),
            event.join("\n"),
            format!("{}\n{}", advice(screen, entry, "why"), text(entry, "path")),
        ]);
    }
    screen.line(table.to_string());
    if let Some(next) = answer.get("next").and_then(Value::as_i64) {
        screen.line(screen.say_with("next-page", &[("after", crate::i18n::Arg::Text(&next.to_string()))]));
    }
}

fn show_one(screen: &Screen, answer: &Value) {
    if screen.json {
        screen.value(answer);
        return;
    }
    let entry = answer.get("entry").unwrap_or(&Value::Null);
    let mut table = screen.plain_table();
    let mut row = |key: &str, value: String| {
        if !value.is_empty() {
            table.add_row([screen.say(key), value]);
        }
    };
    row("number", number(entry, "id").to_string());
    row("when", when::long(&entry["received_at"]));
    row("source", text(entry, "source").to_owned());
    row("event", text(entry, "event_id").to_owned());
    row("dossier-code", text(entry, "subject").to_owned());
    row("why", advice(screen, entry, "why").to_owned());
    row("where", text(entry, "path").to_owned());
    row("expected", text(entry, "expected").to_owned());
    row("got", text(entry, "got").to_owned());
    if entry.get("closed_at").is_some_and(Value::is_string) {
        let how = match (text(entry, "closed_by"), text(entry, "closed_because")) {
            ("", _) => screen.say("closed-told-again"),
            (who, why) => format!("{who}: {why}"),
        };
        row("closed", format!("{} · {how}", when::long(&entry["closed_at"])));
    } else {
        row("who", advice(screen, entry, "who").to_owned());
        row("next", advice(screen, entry, "next").to_owned());
    }
    screen.line(table.to_string());
    screen.line(text(entry, "raw"));
}
