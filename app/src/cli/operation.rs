//! `lienthong operation list|show|payload|edit|retry|dismiss`: what is meant to happen at a partner, and what a person decides.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::Value;

use super::{
    Failure, Global, Screen,
    api::{self, Api},
    edit, when,
    words::{advice, list, number, text},
};
use crate::i18n::Arg;

/// `lienthong operation …`
#[derive(Debug, Subcommand)]
pub enum Operation {
    /// Liệt kê thao tác
    /// List operations
    #[command(verbatim_doc_comment)]
    List(Filter),
    /// Một thao tác với các lần thử
    /// One operation with its attempts
    #[command(verbatim_doc_comment)]
    Show(One),
    /// Gửi lại một thao tác đang kẹt, có ghi lý do
    /// Send a stuck operation again, on record
    #[command(verbatim_doc_comment)]
    Retry(Because),
    /// Dữ liệu mà một thao tác mang, không che, để sửa
    /// What an operation carries, unmasked, to be edited
    #[command(verbatim_doc_comment)]
    Payload(One),
    /// Sửa dữ liệu của một thao tác đang kẹt, đang giữ hoặc đang chờ, rồi gửi bản đã sửa
    /// Fix what a stuck, held or waiting operation carries, and send it so
    #[command(verbatim_doc_comment)]
    Edit(edit::Edit),
    /// Bỏ qua một thao tác, có ghi lý do
    /// End an operation without effect, on record
    #[command(verbatim_doc_comment)]
    Dismiss(Because),
}

/// Which operations.
#[derive(Debug, Default, Args)]
pub struct Filter {
    /// Theo kết nối
    /// By connector
    #[arg(long, verbatim_doc_comment)]
    pub connector: Option<String>,
    /// Theo hành động: sync_dossier, append_progress, open_payment, create_parcel, cancel_parcel
    /// By action
    #[arg(long, verbatim_doc_comment)]
    pub action: Option<String>,
    /// Theo trạng thái: ready, running, doubtful, awaiting, held, stuck, succeeded, refused, superseded, dismissed
    /// By state
    #[arg(long, verbatim_doc_comment)]
    pub state: Option<String>,
    /// Theo đơn vị
    /// By unit
    #[arg(long, verbatim_doc_comment)]
    pub unit: Option<String>,
    /// Theo nguyên nhân
    /// By cause
    #[arg(long, verbatim_doc_comment)]
    pub cause: Option<String>,
    /// Theo thứ còn thiếu, ví dụ mapping:vnpost:ward:99001
    /// By need
    #[arg(long, verbatim_doc_comment)]
    pub need: Option<String>,
    /// Chỉ những thao tác chưa xong
    /// Only open ones
    #[arg(long, verbatim_doc_comment)]
    pub open: bool,
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
    /// Số của thao tác
    /// The operation's number
    #[arg(verbatim_doc_comment)]
    pub id: i64,
}

/// Which one, and why.
#[derive(Debug, Args)]
pub struct Because {
    /// Số của thao tác
    /// The operation's number
    #[arg(verbatim_doc_comment)]
    pub id: i64,
    /// Lý do, được ghi vào nhật ký xử lý
    /// The reason, kept on record
    #[arg(long, verbatim_doc_comment)]
    pub reason: String,
}

impl Filter {
    /// As the API's query.
    fn query(&self) -> String {
        let texts = [
            ("connector", &self.connector),
            ("action", &self.action),
            ("state", &self.state),
            ("unit", &self.unit),
            ("cause", &self.cause),
            ("need", &self.need),
        ];
        let mut query = format!("/v1/operations?after={}&limit={}", self.after, self.limit);
        for (name, value) in texts {
            if let Some(value) = value {
                query.extend(["&", name, "=", &api::percent(value)]);
            }
        }
        if self.open {
            query.push_str("&open=true");
        }
        query
    }
}

impl Operation {
    pub(super) async fn run(self, global: &Global, screen: &Screen) -> Result<ExitCode, Failure> {
        match self {
            Self::List(filter) => {
                let answer = api::ask(global, screen, &filter.query()).await?;
                show_list(screen, &answer);
            }
            Self::Show(one) => {
                let answer = api::ask(global, screen, &format!("/v1/operations/{}", one.id)).await?;
                show_one(screen, &answer);
            }
            Self::Retry(because) => decide(global, screen, "retry", because).await?,
            Self::Payload(one) => edit::payload(global, screen, one.id).await?,
            Self::Edit(wanted) => edit::edit(global, screen, wanted).await?,
            Self::Dismiss(because) => decide(global, screen, "dismiss", because).await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn decide(global: &Global, screen: &Screen, deed: &str, because: Because) -> Result<(), Failure> {
    let api = Api::open(global, screen).await?;
    let path = format!("/v1/operations/{}/{deed}", because.id);
    let answer = api.decide(screen, &path, &because.reason).await;
    api.close().await;
    let answer = answer?;
    if screen.json {
        screen.value(&answer);
    } else {
        screen.line(screen.say_with(&format!("done-{deed}"), &[("id", Arg::Text(&because.id.to_string()))]));
    }
    Ok(())
}

fn show_list(screen: &Screen, answer: &Value) {
    if screen.json {
        screen.value(answer);
        return;
    }
    let mut table = screen.roomy(&["number", "dossier-code", "action"], 2);
    for operation in list(answer, "operations") {
        let what = format!(
            "{} · {}",
            text(operation, "connector"),
            screen.named("action", text(operation, "action"))
        );
        let state = screen.named("state", text(operation, "state"));
        let why = advice(screen, operation, "why");
        table.add_row([
            number(operation, "id").to_string(),
            text(operation, "subject").to_owned(),
            [what.as_str(), state.as_str(), why].join("\n").trim_end().to_owned(),
        ]);
    }
    screen.line(table.to_string());
    if let Some(next) = answer.get("next").and_then(Value::as_i64) {
        screen.line(screen.say_with("next-page", &[("after", Arg::Text(&next.to_string()))]));
    }
}

fn show_one(screen: &Screen, answer: &Value) {
    if screen.json {
        screen.value(answer);
        return;
    }
    let operation = answer.get("operation").unwrap_or(&Value::Null);
    let mut table = screen.plain_table();
    let mut row = |key: &str, value: String| {
        if !value.is_empty() {
            table.add_row([screen.say(key), value]);
        }
    };
    row("number", number(operation, "id").to_string());
    row("partner", text(operation, "connector").to_owned());
    row("action", screen.named("action", text(operation, "action")));
    row("dossier-code", text(operation, "subject").to_owned());
    row("unit", text(operation, "unit").to_owned());
    row("state", screen.named("state", text(operation, "state")));
    row("why", advice(screen, operation, "why").to_owned());
    row("who", advice(screen, operation, "who").to_owned());
    row("next", advice(screen, operation, "next").to_owned());
    row("said", text(operation, "said").to_owned());
    row("created", when::long(&operation["created_at"]));
    row("ended", when::long(&operation["ended_at"]));
    row("decided-by", text(operation, "decided_by").to_owned());
    row("payload", format!("{:#}", operation.get("payload").unwrap_or(&Value::Null)));
    screen.line(table.to_string());
    for edit in list(answer, "edits") {
        let number = number(edit, "number").to_string();
        let by = [("number", number.as_str()), ("by", text(edit, "actor"))].map(|(n, v)| (n, Arg::Text(v)));
        screen.line(format!(
            "{} · {} · {}",
            screen.say_with("edited", &by),
            when::long(&edit["at"]),
            text(edit, "reason")
        ));
        for change in list(edit, "changes") {
            let (before, after) = (text(change, "before"), text(change, "after"));
            screen.line(format!("  {}: {before} → {after}", text(change, "path")));
        }
    }
    let attempts = list(answer, "attempts");
    if attempts.is_empty() {
        return;
    }
    let mut table = screen.table(&["attempt", "when", "outcome", "said"]);
    for attempt in attempts {
        table.add_row([
            number(attempt, "number").to_string(),
            when::long(&attempt["started_at"]),
            screen.named("outcome", text(attempt, "outcome")),
            text(attempt, "said").to_owned(),
        ]);
    }
    screen.line(table.to_string());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_become_a_query_with_everything_escaped() {
        let filter = Filter {
            connector: Some("dvc qg".into()),
            need: Some("mapping:vnpost:ward:99001".into()),
            open: true,
            limit: 50,
            ..Filter::default()
        };
        assert_eq!(
            filter.query(),
            "/v1/operations?after=0&limit=50&connector=dvc%20qg&need=mapping%3Avnpost%3Award%3A99001&open=true"
        );
    }
}
