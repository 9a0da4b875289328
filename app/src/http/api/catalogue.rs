//! `/v1/catalogue`: the partners' catalogues as they are stored, their pull, and what drifts.

use axum::{
    Extension, Json,
    extract::{State, rejection::JsonRejection},
    http::StatusCode,
};
use jiff::{SignedDuration, Timestamp};
use lienthong_core::{
    catalogue::{Broken, Change, Entry, EntryFilter, ListHead},
    clock::later,
    flow::catalogue::{self, Run},
    id::ConnectorId,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, Asked, page};
use crate::http::{
    AppState,
    auth::Caller,
    codes::{self, Standing},
    error::ApiError,
    json::rfc3339,
};

/// What drifted is told of this many days unless a caller says otherwise.
const DAYS: i64 = 30;

/// The named connector, or the only one with a catalogue.
pub(super) fn connector(state: &AppState, named: &str) -> Result<ConnectorId, ApiError> {
    codes::chosen(state, named).ok_or_else(|| ApiError::bad("no_catalogue", "connector", named))
}

/// How the catalogues stand.
pub async fn show(State(state): State<AppState>) -> Answer {
    let all = codes::standing(&state).await?;
    Ok(Json(json!({ "catalogues": all.iter().map(standing).collect::<Vec<_>>(), "next": null })))
}

fn standing(of: &Standing) -> Value {
    json!({
        "connector": of.connector,
        "running": of.progress.run.as_ref().map(run),
        "last": of.progress.last.as_ref().map(run),
        "ended_at": of.progress.ended_at.map(rfc3339),
        "next_at": of.progress.next_at.map(rfc3339),
        "lists": of.lists.iter().map(head).collect::<Vec<_>>(),
    })
}

fn run(run: &Run) -> Value {
    json!({ "since_at": rfc3339(run.since), "by": run.by, "confirmed": run.confirmed, "done": run.done,
        "after": run.after, "refused": run.refused, "failed": run.failed })
}

fn head(head: &ListHead) -> Value {
    json!({ "list": head.list, "version": head.version, "rows": head.rows, "held_back": head.held_back,
        "pulled_at": rfc3339(head.pulled_at), "changed_at": rfc3339(head.changed_at) })
}

/// Which entries.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct WantedEntries {
    connector: String,
    list: String,
    code: Option<String>,
    withdrawn: bool,
    after: String,
    limit: Option<i64>,
}

/// A page of a list, by code.
pub async fn entries(State(state): State<AppState>, Asked(wanted): Asked<WantedEntries>) -> Answer {
    let connector = connector(&state, &wanted.connector)?;
    let limit = page(wanted.limit);
    let WantedEntries { list, code, withdrawn, after, .. } = wanted;
    let filter = EntryFilter { connector, list, code, withdrawn, after, limit: limit + 1 };
    let mut found = state.engine.store.catalogue_entries(&filter).await?;
    let has_more = found.len() as i64 > limit;
    found.truncate(usize::try_from(limit).unwrap_or(0));
    let next = found.last().filter(|_| has_more).map(|entry| entry.code.clone());
    Ok(Json(json!({ "entries": found.iter().map(entry).collect::<Vec<_>>(), "next": next })))
}

fn entry(entry: &Entry) -> Value {
    let content: Value = serde_json::from_str(&entry.content).unwrap_or(Value::Null);
    json!({ "list": entry.list, "code": entry.code, "name": entry.name, "in_force": entry.in_force,
        "content": content, "version": entry.version, "first_at": rfc3339(entry.first_at),
        "changed_at": rfc3339(entry.changed_at), "withdrawn_at": entry.withdrawn_at.map(rfc3339) })
}

/// Since when, of which list.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct WantedDrift {
    connector: String,
    list: Option<String>,
    since: Option<String>,
}

/// What is new, changed or gone, and which mappings are broken.
pub async fn drift(State(state): State<AppState>, Asked(wanted): Asked<WantedDrift>) -> Answer {
    let connector = connector(&state, &wanted.connector)?;
    let since = match wanted.since.as_deref().map(str::trim).filter(|text| !text.is_empty()) {
        Some(text) => {
            let read = super::replays::moment(text, false);
            read.ok_or_else(|| ApiError::bad("value_unknown", "since", text))?
        }
        None => later(state.engine.clock.now(), SignedDuration::from_hours(-24 * DAYS)),
    };
    let list = wanted.list.filter(|list| !list.trim().is_empty());
    let (changes, broken) = codes::drift(&state, &connector, list, since).await?;
    Ok(Json(told(&connector, since, &changes, &broken)))
}

fn told(connector: &ConnectorId, since: Timestamp, changes: &[Change], broken: &[Broken]) -> Value {
    let change = |change: &Change| {
        json!({ "list": change.list, "code": change.code, "name": change.name, "kind": change.kind.name(),
            "version": change.version, "at": rfc3339(change.at), "differences": change.differences })
    };
    json!({
        "connector": connector,
        "since_at": rfc3339(since),
        "broken": broken,
        "changes": changes.iter().map(change).collect::<Vec<_>>(),
    })
}

/// Which catalogue, and whether what is missing is really gone.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pull {
    connector: String,
    believe_missing: bool,
}

/// Has the catalogue pulled by the service.
pub async fn pull(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    body: Result<Json<Pull>, JsonRejection>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let Json(wanted) = body.map_err(|r| ApiError::bad("body_unreadable", "body", r.body_text()))?;
    let connector = connector(&state, &wanted.connector)?;
    catalogue::want(&state.engine, &connector, &caller.subject, wanted.believe_missing).await?;
    Ok((StatusCode::ACCEPTED, Json(json!({ "result": "wanted", "connector": connector }))))
}
