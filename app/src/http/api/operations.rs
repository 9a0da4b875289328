//! `/v1/operations`: the list, one with its attempts, and what a person may decide about it.

use axum::{
    Extension, Json,
    extract::{State, rejection::JsonRejection},
    http::StatusCode,
};
use lienthong_core::{
    flow::operator::{self, Deed},
    operation::OperationState,
    port::{
        store::{ConnectorCondition, StoreError},
        views::{OperationFilter, OperationView},
    },
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

use super::{Answer, Asked, Number, page};
use crate::http::{AppState, advice, auth::Caller, difference, error::ApiError, json::shown};

/// Which operations. Empty texts do not narrow, as forms send them.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Wanted {
    /// By connector.
    pub connector: String,
    /// By action.
    pub action: String,
    /// By state.
    pub state: String,
    /// By unit.
    pub unit: String,
    /// By cause.
    pub cause: String,
    /// By need.
    pub need: String,
    /// Only open ones, if it says yes.
    pub open: String,
    /// Only numbers above this.
    pub after: String,
    /// At most this many.
    pub limit: Option<i64>,
}

impl Wanted {
    /// Whether ended operations are left out.
    pub fn is_open_only(&self) -> bool {
        matches!(self.open.as_str(), "1" | "true" | "on" | "yes")
    }

    /// The store's filter, one row longer than the page so that a next page shows.
    pub fn filter(&self) -> Result<OperationFilter, ApiError> {
        let some = |text: &str| Some(text.trim().to_owned()).filter(|t| !t.is_empty());
        let state = match some(&self.state) {
            None => None,
            Some(name) => Some(
                OperationState::from_name(&name)
                    .ok_or_else(|| ApiError::bad("unknown_state", "state", &name))?,
            ),
        };
        Ok(OperationFilter {
            connector: some(&self.connector),
            action: some(&self.action),
            state,
            unit: some(&self.unit),
            cause: some(&self.cause),
            need: some(&self.need),
            open_only: self.is_open_only(),
            after: match some(&self.after) {
                None => 0,
                Some(text) => text.parse().map_err(|_| ApiError::bad("number_unreadable", "after", &text))?,
            },
            limit: page(self.limit) + 1,
        })
    }
}

/// Connectors to whose partners nothing is sent now.
pub async fn paused(state: &AppState) -> Result<BTreeMap<String, ConnectorCondition>, StoreError> {
    let conditions = state.engine.store.conditions().await?;
    let paused = conditions.into_iter().filter(ConnectorCondition::is_shut);
    Ok(paused.map(|c| (c.connector.to_string(), c)).collect())
}

fn row(operation: &OperationView, paused: &BTreeMap<String, ConnectorCondition>) -> Value {
    let mut value = shown(operation);
    value["advice"] = advice::of_operation(operation, paused.get(&operation.connector))
        .map_or(Value::Null, |a| a.to_json());
    value
}

/// A page of operations, by ascending number.
pub async fn list(State(state): State<AppState>, Asked(wanted): Asked<Wanted>) -> Answer {
    let filter = wanted.filter()?;
    let mut found = state.views.operations(&filter).await?;
    let has_more = found.len() as i64 == filter.limit;
    if has_more {
        found.pop();
    }
    let next = found.last().filter(|_| has_more).map(|o| o.id);
    let paused = paused(&state).await?;
    let rows: Vec<Value> = found.iter().map(|o| row(o, &paused)).collect();
    Ok(Json(json!({ "operations": rows, "next": next })))
}

/// One operation, its attempts, its edits, and the dossier as it carries it.
pub async fn show(State(state): State<AppState>, Number(id): Number) -> Answer {
    let Some((operation, attempts, dossier)) = state.views.operation(id).await? else {
        return Err(ApiError::not_found("no_such_operation", id.to_string()));
    };
    let edits = state.views.edits(&[id]).await?;
    let paused = paused(&state).await?;
    let dossier = shown(&json!({ "state": dossier }));
    let mut operation = row(&operation, &paused);
    operation["sent"] = attempts.iter().map(|a| a.number).max().unwrap_or(0).into();
    Ok(Json(json!({
        "operation": operation,
        "attempts": shown(&attempts),
        "edits": edits.iter().map(difference::to_json).collect::<Vec<_>>(),
        "dossier": dossier["state"],
    })))
}

/// Why somebody decides.
#[derive(Debug, Deserialize)]
pub struct Because {
    #[serde(default)]
    reason: String,
}

/// Sends it again.
pub async fn retry(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Number(id): Number,
    body: Result<Json<Because>, JsonRejection>,
) -> Answer {
    let reason = reason(body)?;
    answer(id, operator::retry(&state.engine, id, &caller.subject, &reason).await?)
}

/// Ends it without effect.
pub async fn dismiss(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Number(id): Number,
    body: Result<Json<Because>, JsonRejection>,
) -> Answer {
    let reason = reason(body)?;
    answer(id, operator::dismiss(&state.engine, id, &caller.subject, &reason).await?)
}

/// The reason that somebody gave.
pub fn reason(body: Result<Json<Because>, JsonRejection>) -> Result<String, ApiError> {
    let Json(because) = body.map_err(|r| ApiError::bad("body_unreadable", "body", r.body_text()))?;
    checked_reason(&because.reason).ok_or_else(|| ApiError::bad("reason_missing", "reason", ""))
}

/// A reason of 1-500 characters, on one line; the console's forms go by the same.
pub fn checked_reason(reason: &str) -> Option<String> {
    let plain: String = reason.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(500).collect();
    Some(plain).filter(|r| !r.is_empty())
}

fn answer(id: i64, deed: Deed) -> Answer {
    match deed {
        Deed::Done => Ok(Json(json!({ "result": "done", "operation": id }))),
        Deed::NotFound => Err(ApiError::not_found("no_such_operation", id.to_string())),
        Deed::NotAllowed(code) => {
            Err(ApiError { what: code, ..ApiError::new(StatusCode::CONFLICT, "not_allowed") })
        }
    }
}
