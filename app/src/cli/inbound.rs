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
        let one = answer.get("request");
        let requests: Vec<&Value> = list(&answer, "inbound").iter().chain(one).collect();
        if requests.is_empty() {
            screen.line(screen.say("inbound-none"));
        }
        let block = |request: &&Value| (number(request, "id").to_string(), lines(screen, request));
        screen.blocks(requests.iter().map(block).collect());
        if let Some(next) = answer.get("next").and_then(Value::as_i64) {
            screen.line(
                screen.say_with("inbound-next", &[("before", crate::i18n::Arg::Text(&next.to_string()))]),
            );
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// When and which service; what became of it; what was told; the files.
fn lines(screen: &Screen, request: &Value) -> Vec<String> {
    let (at, path) = (when::short(&request["received_at"]), text(request, "path"));
    let (state, said) = (screen.named("inbound", text(request, "state")), text(request, "said"));
    let mut lines = vec![
        format!("{at} · {} · {path}", text(request, "connector")),
        if said.is_empty() { state } else { format!("{state}: {said}") },
    ];
    lines.extend(list(request, "told").iter().map(|told| {
        let name = screen.named("told", &text(told, "name").replace('.', "-"));
        format!("→ {name}: {}", text(told, "subject"))
    }));
    lines.extend(list(request, "files").iter().map(|file| {
        let (id, state) = (number(file, "id"), screen.named("file", text(file, "state")));
        let said = text(file, "said");
        let said = if said.is_empty() { String::new() } else { format!(", {said}") };
        format!("· {id} {} ({state}{said})", text(file, "name"))
    }));
    lines
}
