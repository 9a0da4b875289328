//! `/v1/discrepancies`: differences between us and partners that a person has to see, and what may be done about one.

use axum::{
    Extension, Json,
    extract::{Path, State, rejection::JsonRejection},
    http::StatusCode,
};
use lienthong_core::{
    flow::discrepancy::{self, Moved},
    id::ConnectorId,
    reconciliation::{Discrepancy, Filter, Kind, Move},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, Asked, Number, operations::checked_reason, page};
use crate::http::{AppState, advice, auth::Caller, error::ApiError, json::rfc3339};

/// Which discrepancies.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wanted {
    connector: String,
    kind: String,
    key: String,
    closed: bool,
    after: i64,
    limit: Option<i64>,
}

/// A page, the oldest first.
pub async fn list(State(state): State<AppState>, Asked(wanted): Asked<Wanted>) -> Answer {
    let limit = page(wanted.limit);
    let connector = match wanted.connector.trim() {
        "" => None,
        name => {
            Some(ConnectorId::parse(name).map_err(|_| ApiError::bad("value_unknown", "connector", name))?)
        }
    };
    let kind = match wanted.kind.trim() {
        "" => None,
        name => Some(Kind::from_name(name).ok_or_else(|| ApiError::bad("value_unknown", "kind", name))?),
    };
    let key = Some(wanted.key.trim().to_owned()).filter(|key| !key.is_empty());
    let Wanted { closed, after, .. } = wanted;
    let filter = Filter { id: None, connector, kind, key, closed, after, limit: limit + 1 };
    let mut found = state.engine.store.discrepancies(&filter).await?;
    let has_more = found.len() as i64 > limit;
    found.truncate(usize::try_from(limit).unwrap_or(0));
    let next = found.last().filter(|_| has_more).map(|d| d.id);
    let open = state.engine.store.open_discrepancies().await?;
    Ok(Json(
        json!({ "discrepancies": found.iter().map(row).collect::<Vec<_>>(), "open": open, "next": next }),
    ))
}

fn row(of: &Discrepancy) -> Value {
    let moves = of.kind.moves().iter().filter(|_| of.closed.is_none());
    json!({
        "id": of.id, "connector": of.connector, "kind": of.kind, "key": of.key, "subject": of.subject,
        "unit": of.unit, "ours": of.ours, "theirs": of.theirs, "cause": of.why.code(), "owner": of.why.owner(),
        "next_step": of.why.next_step(), "opened_at": rfc3339(of.opened_at), "seen_at": rfc3339(of.seen_at),
        "moves": moves.collect::<Vec<_>>(), "advice": advice::of_discrepancy(of.why).to_json(),
        "closed_at": of.closed.as_ref().map(|c| rfc3339(c.at)),
        "closed_by": of.closed.as_ref().and_then(|c| c.by.clone()),
        "closed_because": of.closed.as_ref().map(|c| c.reason.clone()),
    })
}

/// One, with its history.
pub async fn show(State(state): State<AppState>, Number(id): Number) -> Answer {
    let filter = Filter { id: Some(id), closed: true, limit: 1, ..Filter::default() };
    let found = state.engine.store.discrepancies(&filter).await?.pop();
    let of = found.ok_or_else(|| ApiError::not_found("no_such_discrepancy", id.to_string()))?;
    let history = of
        .history
        .iter()
        .map(|note| json!({ "at": rfc3339(note.at), "by": note.by, "deed": note.deed, "said": note.said }));
    let mut shown = row(&of);
    shown["history"] = history.collect::<Vec<_>>().into();
    Ok(Json(json!({ "discrepancy": shown })))
}

/// Why.
#[derive(Debug, Default, Deserialize)]
pub struct Because {
    #[serde(default)]
    reason: String,
}

/// Carries out a move: `ask`, `resend`, `close`.
pub async fn act(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path((id, wish)): Path<(i64, String)>,
    body: Result<Json<Because>, JsonRejection>,
) -> Answer {
    let wish =
        Move::from_name(&wish).ok_or_else(|| ApiError::new(StatusCode::NOT_FOUND, "no_such_address"))?;
    let Json(because) = body.map_err(|r| ApiError::bad("body_unreadable", "body", r.body_text()))?;
    let reason =
        checked_reason(&because.reason).ok_or_else(|| ApiError::bad("reason_missing", "reason", ""))?;
    match discrepancy::act(&state.engine, id, wish, &caller.subject, &reason).await? {
        Moved::Done => Ok(Json(json!({ "result": wish, "id": id }))),
        Moved::NotFound => Err(ApiError::not_found("no_such_discrepancy", id.to_string())),
        Moved::NotAllowed("reason_missing") => Err(ApiError::bad("reason_missing", "reason", "")),
        Moved::NotAllowed("closed") => Err(ApiError::new(StatusCode::CONFLICT, "discrepancy_closed")),
        Moved::NotAllowed("busy") => Err(ApiError::new(StatusCode::CONFLICT, "discrepancy_busy")),
        Moved::NotAllowed(_) => Err(ApiError::new(StatusCode::CONFLICT, "discrepancy_not_so")),
    }
}
