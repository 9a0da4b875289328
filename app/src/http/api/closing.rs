//! `POST /v1/incidents/{id}/close` and `POST /v1/quarantine/{id}/close`: what only a person's word can end, on record.

use axum::{
    Extension, Json,
    extract::{State, rejection::JsonRejection},
    http::StatusCode,
};
use lienthong_core::flow::operator::{self, Deed};
use serde_json::json;

use super::{
    Answer, Number,
    operations::{Because, reason},
};
use crate::http::{AppState, auth::Caller, error::ApiError};

/// Closes an incident about money or codes.
pub async fn incident(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Number(id): Number,
    body: Result<Json<Because>, JsonRejection>,
) -> Answer {
    let reason = reason(body)?;
    let deed = operator::close_incident(&state.engine, id, &caller.subject, &reason).await?;
    answer("incident", id, deed)
}

/// Closes a quarantine entry.
pub async fn entry(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Number(id): Number,
    body: Result<Json<Because>, JsonRejection>,
) -> Answer {
    let reason = reason(body)?;
    let deed = operator::close_quarantine(&state.engine, id, &caller.subject, &reason).await?;
    if deed == Deed::NotFound && state.views.quarantine_entry(id).await?.is_some() {
        return Err(ApiError {
            what: id.to_string(),
            ..ApiError::new(StatusCode::CONFLICT, "closed_already")
        });
    }
    answer("entry", id, deed)
}

fn answer(what: &str, id: i64, deed: Deed) -> Answer {
    match deed {
        Deed::Done => Ok(Json(json!({ "result": "done", what: id }))),
        Deed::NotFound if what == "entry" => Err(ApiError::not_found("no_such_entry", id.to_string())),
        Deed::NotFound => Err(ApiError::not_found("no_such_incident", id.to_string())),
        Deed::NotAllowed(_) => {
            Err(ApiError { what: id.to_string(), ..ApiError::new(StatusCode::CONFLICT, "closes_itself") })
        }
    }
}
