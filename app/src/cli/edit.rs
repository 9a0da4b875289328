//! `lienthong operation payload|edit`: fix and retry. The document of the API goes through a file or an editor.

use std::{io::Write, path::PathBuf};

use clap::Args;
use serde_json::{Value, json};

use super::{Failure, Global, Screen, api::Api};
use crate::i18n::Arg;

/// Which one, what it is to carry, and why.
#[derive(Debug, Args)]
pub struct Edit {
    /// Số của thao tác
    /// The operation's number
    #[arg(verbatim_doc_comment)]
    pub id: i64,
    /// Tệp JSON đã sửa, lấy từ: lienthong operation payload SỐ (mặc định: mở bằng $EDITOR)
    /// The edited document of `operation payload`; $EDITOR opens by default
    #[arg(long, value_name = "FILE", verbatim_doc_comment)]
    pub file: Option<PathBuf>,
    /// Lý do, được ghi vào nhật ký xử lý
    /// The reason, kept on record
    #[arg(long, verbatim_doc_comment)]
    pub reason: String,
}

/// Prints what can be edited, unmasked.
pub(super) async fn payload(global: &Global, screen: &Screen, id: i64) -> Result<(), Failure> {
    let api = Api::open(global, screen).await?;
    let answer = api.get(screen, &path(id)).await;
    api.close().await;
    screen.value(&answer?);
    Ok(())
}

fn path(id: i64) -> String {
    format!("/v1/operations/{id}/payload")
}

/// Edits it.
pub(super) async fn edit(global: &Global, screen: &Screen, edit: Edit) -> Result<(), Failure> {
    let api = Api::open(global, screen).await?;
    let answer = send(&api, screen, &edit).await;
    api.close().await;
    let answer = answer?;
    if screen.json {
        screen.value(&answer);
    } else {
        screen.line(screen.say_with("done-edit", &[("id", Arg::Text(&edit.id.to_string()))]));
    }
    Ok(())
}

async fn send(api: &Api, screen: &Screen, edit: &Edit) -> Result<Value, Failure> {
    let text = match &edit.file {
        Some(file) => {
            let failed = |e: std::io::Error| Failure::new(format!("{}: {e}", file.display()), "");
            std::fs::read_to_string(file).map_err(failed)?
        }
        None => in_editor(screen, edit.id, &api.get(screen, &path(edit.id)).await?)?,
    };
    let document: Value = serde_json::from_str(&text)
        .map_err(|e| Failure::new(format!("JSON: {e}"), screen.say("edit-document.remedy")))?;
    let (Some(payload), Some(expected)) = (document.get("payload"), document.get("expected")) else {
        return Err(Failure::new(screen.say("edit-document"), screen.say("edit-document.remedy")));
    };
    let body = json!({ "reason": edit.reason, "payload": payload, "expected": expected });
    api.decide_with(screen, &format!("/v1/operations/{}/edit", edit.id), &body).await
}

/// Lets a person edit the document in a file of their own, which nobody else can read and which goes afterwards.
fn in_editor(screen: &Screen, id: i64, document: &Value) -> Result<String, Failure> {
    let failed = |e: std::io::Error| Failure::new(e.to_string(), screen.say("edit-editor.remedy"));
    let editor = ["VISUAL", "EDITOR"].into_iter().find_map(|name| std::env::var(name).ok());
    let Some(editor) = editor.filter(|e| !e.trim().is_empty()) else {
        return Err(Failure::new(screen.say("edit-editor"), screen.say("edit-editor.remedy")));
    };
    let prefix = format!("lienthong-{id}-");
    let mut file = tempfile::Builder::new().prefix(&prefix).suffix(".json").tempfile().map_err(failed)?;
    file.write_all(format!("{document:#}\n").as_bytes()).map_err(failed)?;
    let mut words = editor.split_whitespace();
    let program = words.next().unwrap_or_default();
    let status = std::process::Command::new(program).args(words).arg(file.path()).status().map_err(failed)?;
    if !status.success() {
        return Err(Failure::new(screen.say("edit-editor"), screen.say("edit-editor.remedy")));
    }
    std::fs::read_to_string(file.path()).map_err(failed)
}
