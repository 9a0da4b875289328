//! `/v1/inbound`: what partners sent by themselves, and what became of it. Bodies are not shown: what they said is in the
//! out-events and the files.

use axum::{Json, extract::State};
use lienthong_core::port::inbound::{FileRecord, RequestFilter, RequestView};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, Asked, Number, page};
use crate::http::{AppState, error::ApiError, json::rfc3339};

/// Which page.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wanted {
    before: Option<i64>,
    limit: Option<i64>,
}

/// The word of a verdict, and what else it says.
pub fn verdict(view: &RequestView) -> (&str, &str) {
    let verdict = view.verdict.as_deref().unwrap_or("open");
    verdict.split_once(": ").unwrap_or((verdict, ""))
}

fn row(view: &RequestView) -> Value {
    let (state, said) = verdict(view);
    let told = view.told.iter().map(|(name, subject)| json!({ "name": name, "subject": subject }));
    json!({
        "id": view.id, "connector": view.connector, "path": view.path, "received_at": rfc3339(view.received_at),
        "bytes": view.bytes, "state": state, "said": said, "told": told.collect::<Vec<_>>(),
        "files": view.files.iter().map(file).collect::<Vec<_>>(),
    })
}

fn file(file: &FileRecord) -> Value {
    json!({
        "id": file.id, "name": file.name, "subject": file.subject, "state": file.state.name(),
        "media_type": file.media_type, "size_bytes": file.size, "tries": file.tries,
        "next_at": file.next_at.map(rfc3339), "said": file.said,
    })
}

/// A page of requests, newest first.
pub async fn list(State(state): State<AppState>, Asked(wanted): Asked<Wanted>) -> Answer {
    let limit = page(wanted.limit);
    let filter = RequestFilter { before: wanted.before, limit: limit + 1, ..RequestFilter::default() };
    let mut found = state.engine.store.inbound_requests(&filter).await?;
    let has_more = found.len() as i64 > limit;
    found.truncate(limit as usize);
    let next = found.last().filter(|_| has_more).map(|view| view.id);
    Ok(Json(json!({ "inbound": found.iter().map(row).collect::<Vec<_>>(), "next": next })))
}

/// One request.
pub async fn show(State(state): State<AppState>, Number(id): Number) -> Answer {
    let filter = RequestFilter { id: Some(id), limit: 1, ..RequestFilter::default() };
    match state.engine.store.inbound_requests(&filter).await?.first() {
        Some(view) => Ok(Json(json!({ "request": row(view) }))),
        None => Err(ApiError::not_found("no_such_request", id.to_string())),
    }
}
