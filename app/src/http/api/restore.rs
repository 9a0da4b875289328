//! `GET /v1/restore`: whether the installation is fenced after a restore, and what waits for the decision.
//! `POST /v1/restore/release`: the decision, on record.

use axum::{
    Extension, Json,
    extract::{State, rejection::JsonRejection},
    http::StatusCode,
};
use lienthong_core::flow::{operator::Deed, restore};
use serde::Deserialize;
use serde_json::json;

use super::{Answer, Asked, operations::checked_reason};
use crate::http::{
    AppState,
    auth::Caller,
    error::ApiError,
    restored::{Report, Until},
};

/// Up to when steps would count as sent.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wanted {
    steps_until: String,
}

fn until(text: &str) -> Result<Until, ApiError> {
    Until::parse(text).ok_or_else(|| ApiError::bad("moment_unreadable", "steps_until", text))
}

/// What there is to know before a decision.
pub async fn status(State(state): State<AppState>, Asked(wanted): Asked<Wanted>) -> Answer {
    let moment = match until(&wanted.steps_until)? {
        Until::At(at) => Some(at),
        Until::Restore | Until::None => None,
    };
    Ok(Json(Report::ask(&state.engine, state.views.as_ref(), moment).await?.to_json()))
}

/// The decision.
#[derive(Debug, Deserialize)]
pub struct Decision {
    #[serde(default)]
    reason: String,
    #[serde(default)]
    steps_until: String,
}

/// Lifts the fence.
pub async fn release(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    body: Result<Json<Decision>, JsonRejection>,
) -> Answer {
    let Json(decision) = body.map_err(|r| ApiError::bad("body_unreadable", "body", r.body_text()))?;
    let reason =
        checked_reason(&decision.reason).ok_or_else(|| ApiError::bad("reason_missing", "reason", ""))?;
    let until = until(&decision.steps_until)?.of(&*state.engine.store).await?;
    match restore::release(&state.engine, &caller.subject, &reason, until).await? {
        Deed::Done => Ok(Json(json!({ "result": "done" }))),
        Deed::NotFound => Err(ApiError::not_found("no_such_address", "")),
        Deed::NotAllowed(code) => {
            Err(ApiError { what: code, ..ApiError::new(StatusCode::CONFLICT, "not_allowed") })
        }
    }
}
