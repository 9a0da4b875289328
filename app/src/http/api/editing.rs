//! `GET /v1/operations/{id}/payload` and `POST /v1/operations/{id}/edit`: fix and retry. What an operation carries is
//! shown unmasked here, to those who may operate; the look is on record.

use axum::{
    Extension, Json,
    extract::{State, rejection::JsonRejection},
    http::StatusCode,
};
use lienthong_core::{
    flow::edit::{self, Wish},
    plan::edit::{Draft, Fault, Fixed, fixed},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, Number, operations::checked_reason};
use crate::http::{AppState, auth::Caller, error::ApiError};

/// A person's edit.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    #[serde(default)]
    reason: String,
    payload: Value,
    expected: i64,
}

/// What can be edited.
pub async fn payload(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Number(id): Number,
) -> Answer {
    let draft = done(id, edit::open(&state.engine, id, &caller.subject).await?)?;
    Ok(Json(document(id, &draft)))
}

/// What is edited, as the API and the command line exchange it.
pub fn document(id: i64, draft: &Draft) -> Value {
    let stay: Vec<Value> =
        fixed(draft.kind).iter().map(|(path, why)| json!({ "path": path, "why": why.code() })).collect();
    json!({ "operation": id, "action": draft.kind.name(), "expected": draft.expected, "fixed": stay,
            "payload": draft.content })
}

/// Edits it, and lets it go out.
pub async fn edit(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Number(id): Number,
    body: Result<Json<Edit>, JsonRejection>,
) -> Answer {
    let Json(wanted) = body.map_err(|r| ApiError::bad("body_unreadable", "body", r.body_text()))?;
    let reason =
        checked_reason(&wanted.reason).ok_or_else(|| ApiError::bad("reason_missing", "reason", ""))?;
    let (expected, content) = (wanted.expected, wanted.payload);
    let wish = Wish { operation: id, actor: caller.subject, reason, expected, content };
    let number = done(id, edit::edit(&state.engine, wish).await?)?;
    Ok(Json(json!({ "result": "done", "operation": id, "edit": number })))
}

/// The answer, or the error that it is.
pub fn done<T>(id: i64, answer: edit::Answer<T>) -> Result<T, ApiError> {
    match answer {
        edit::Answer::Done(done) => Ok(done),
        edit::Answer::NotFound => Err(ApiError::not_found("no_such_operation", id.to_string())),
        edit::Answer::NotAllowed(code) => {
            Err(ApiError { what: code.into(), ..ApiError::new(StatusCode::CONFLICT, "not_allowed") })
        }
        edit::Answer::Stale(now) => {
            Err(ApiError { what: now.to_string(), ..ApiError::new(StatusCode::CONFLICT, "edit_stale") })
        }
        edit::Answer::Faulty(fault) => Err(fault_error(fault)),
    }
}

fn fault_error(fault: Fault) -> ApiError {
    match fault {
        Fault::Fixed(path, why) => {
            let code = match why {
                Fixed::Identity => "edit_identity",
                Fixed::Money => "edit_money",
                Fixed::Course => "edit_course",
                Fixed::Length => "edit_length",
            };
            ApiError::bad(code, path.clone(), path)
        }
        Fault::Misfit(rejection) => {
            let what = format!("{} – {} – {}", rejection.path, rejection.expected, rejection.got);
            ApiError::bad("edit_misfit", rejection.path, what)
        }
    }
}
