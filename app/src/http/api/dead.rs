//! `GET /v1/dead` and `POST /v1/dead/admit`: what RabbitMQ has given up, and its normal admission at a person's word.

use axum::{
    Extension, Json,
    extract::{State, rejection::JsonRejection},
    http::StatusCode,
};
use lienthong_core::flow::operator;
use serde_json::json;

use super::{
    Answer,
    operations::{Because, reason},
};
use crate::{
    broker::{
        Settings,
        dead::{self, DeadError},
    },
    http::{AppState, auth::Caller, error::ApiError},
};

/// Of one call at most.
const MOST: usize = 5_000;

/// How many there are.
pub async fn count(State(state): State<AppState>) -> Answer {
    let dead = dead::count(settings(&state)?).await.map_err(failed)?;
    Ok(Json(json!({ "dead": dead })))
}

/// Admits them, on record.
pub async fn admit(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    body: Result<Json<Because>, JsonRejection>,
) -> Answer {
    let reason = reason(body)?;
    let settings = settings(&state)?;
    operator::note(&state.engine, &caller.subject, "dead.admit", &reason, &settings.names.dead_queue).await?;
    let done = dead::admit(&state.engine, settings, MOST).await.map_err(failed)?;
    Ok(Json(json!({
        "result": "done", "admitted": done.admitted, "duplicate": done.duplicate,
        "quarantined": done.quarantined, "left": done.left,
    })))
}

fn settings(state: &AppState) -> Result<&Settings, ApiError> {
    state.broker.as_deref().ok_or_else(|| ApiError::new(StatusCode::CONFLICT, "no_broker"))
}

fn failed(error: DeadError) -> ApiError {
    match error {
        DeadError::Store(error) => error.into(),
        DeadError::Broker(said) => {
            tracing::warn!(said, "the dead-letter queue could not be read");
            ApiError { what: said, ..ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "broker_unavailable") }
        }
    }
}
