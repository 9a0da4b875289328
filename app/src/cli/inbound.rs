//! `lienthong inbound`: what partners sent by themselves, and what became of it.

use std::process::ExitCode;

use clap::Args;
use serde_json::Value;

use super::{
    Failure, Global, Screen, api, when,
    words::{list, number, text},
};

/// `lienthong inbound`
#[derive(Debug, Args)]
pub struct Inbound {
    /// Chỉ gói tin số này
    /// Only the request of this number
    #[arg(long, verbatim_doc_comment)]
    pub id: Option<i64>,
    /// Từ trước số này
    /// Before this number
    #[arg(long, verbatim_doc_comment)]
    pub before: Option<i64>,
    /// Nhiều nhất bao nhiêu dòng
    /// At most this many
    #[arg(long, default_value_t = 50, verbatim_doc_comment)]
    pub limit: i64,
}

impl Inbound {
    pub(super) async fn run(self, global: &Global, screen: &Screen) -> Result<ExitCode, Failure> {
        let path = match (self.id, self.before) {
            (Some(id), _) => format!("/v1/inbound/{id}"),
            (None, Some(before)) => format!("/v1/inbound?before={before}&limit={}", self.limit),
            (None, None) => format!("/v1/inbound?limit={}", self.limit),
        };
        let answer = api::ask(global, screen, &path).await?;
        if screen.json {
            screen.value(&answer);
            return Ok(ExitCode::SUCCESS);
        }
        let mut table =
            screen.roomy(&["number", "when", "inbound-service", "inbound-became", "inbound-files"], 3);
        let one = answer.get("request");
        let requests: Vec<&Value> = list(&answer, "inbound").iter().chain(one).collect();
        for request in requests {
            table.add_row([
                number(request, "id").to_string(),
                when::short(&request["received_at"]),
                format!("{}\n{}", text(request, "path"), text(request, "connector")),
                became(screen, request),
                files(screen, request),
            ]);
        }
        screen.line(table.to_string());
        if let Some(next) = answer.get("next").and_then(Value::as_i64) {
            screen.line(
                screen.say_with("inbound-next", &[("before", crate::i18n::Arg::Text(&next.to_string()))]),
            );
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn became(screen: &Screen, request: &Value) -> String {
    let mut lines = vec![screen.named("inbound", text(request, "state"))];
    lines.extend(Some(text(request, "said").to_owned()).filter(|said| !said.is_empty()));
    let told = list(request, "told").iter();
    lines.extend(told.map(|told| {
        format!("{} {}", screen.named("told", &text(told, "name").replace('.', "-")), text(told, "subject"))
    }));
    lines.join("\n")
}

fn files(screen: &Screen, request: &Value) -> String {
    let files = list(request, "files").iter();
    let lines = files.map(|file| {
        format!(
            "{} {} ({})",
            number(file, "id"),
            text(file, "name"),
            screen.named("file", text(file, "state"))
        )
    });
    lines.collect::<Vec<_>>().join("\n")
}
