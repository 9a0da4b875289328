//! `/v1/quarantine`: events that could not be admitted. Raw bytes only for those who may operate.

use axum::{Extension, Json, extract::State};
use lienthong_core::port::views::QuarantineView;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, Asked, Number, page};
use crate::http::{
    AppState, advice,
    auth::{Caller, Scope},
    error::ApiError,
    json::shown,
    mask,
};

/// Which page.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wanted {
    after: i64,
    limit: Option<i64>,
}

fn row(entry: &QuarantineView) -> Value {
    let mut value = shown(entry);
    value["got"] = mask::at_path(&entry.path, &entry.got).into();
    value["advice"] = advice::of_reason(&entry.reason).to_json();
    value
}

/// A page of entries, by ascending number.
pub async fn list(State(state): State<AppState>, Asked(wanted): Asked<Wanted>) -> Answer {
    let limit = page(wanted.limit);
    let mut found = state.views.quarantine(wanted.after, limit + 1).await?;
    let has_more = found.len() as i64 > limit;
    found.truncate(limit as usize);
    let next = found.last().filter(|_| has_more).map(|e| e.id);
    Ok(Json(json!({ "quarantine": found.iter().map(row).collect::<Vec<_>>(), "next": next })))
}

/// One entry; with `raw` (as text, bytes that are no UTF-8 replaced) if the caller may operate, else `null`.
pub async fn show(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Number(id): Number,
) -> Answer {
    let Some(entry) = state.views.quarantine_entry(id).await? else {
        return Err(ApiError::not_found("no_such_entry", id.to_string()));
    };
    let mut value = row(&entry);
    value["raw_bytes"] = entry.raw.len().into();
    value["raw"] = if caller.may(Scope::Operate) {
        String::from_utf8_lossy(&entry.raw).into_owned().into()
    } else {
        Value::Null
    };
    Ok(Json(json!({ "entry": value })))
}
