//! `GET /v1/dossiers/{code}`: a dossier's timeline, by its code or any other code that means it.

use axum::{
    Json,
    extract::{Path, State},
};

use super::Answer;
use crate::http::{AppState, advice, error::ApiError, json::shown, mask};

/// Events, operations with advice, attempts, payments, parcels.
pub async fn timeline(State(state): State<AppState>, Path(code): Path<String>) -> Answer {
    let code = code.trim();
    let Some(timeline) = state.views.timeline(code).await? else {
        return Err(ApiError::not_found("no_such_dossier", mask::free(code)));
    };
    let paused = super::operations::paused(&state).await?;
    let mut value = shown(&timeline);
    if let Some(rows) = value.get_mut("operations").and_then(|o| o.as_array_mut()) {
        for (row, operation) in rows.iter_mut().zip(&timeline.operations) {
            row["advice"] = advice::of_operation(operation, paused.get(&operation.connector))
                .map_or(serde_json::Value::Null, |a| a.to_json());
        }
    }
    Ok(Json(value))
}
