//! `POST /v1/events`: one event or a batch, a verdict for each, after they are stored; or, with `?dry_run=true`, judged
//! without storing.

use axum::{
    Json,
    body::Bytes,
    extract::{State, rejection::BytesRejection},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use lienthong_core::{
    event::{
        Origin, RawMessage,
        rejection::{Rejection, Verdict},
    },
    flow::intake,
};
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

use super::Asked;
use crate::{
    http::{AppState, error::ApiError},
    i18n::{Locale, text},
};

/// What a publisher may ask.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wanted {
    dry_run: bool,
}

/// A batch of ordinary events, or one as large as the broker would bring.
pub fn longest_body(state: &AppState) -> usize {
    const BATCH: usize = 16 * 1024 * 1024;
    BATCH.max(state.engine.settings.max_message_bytes + 1)
}

/// Takes events in.
pub async fn publish(
    State(state): State<AppState>,
    Asked(wanted): Asked<Wanted>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    let body = body.map_err(|r| ApiError::new(r.status(), "body_unreadable"))?;
    let messages = messages(&headers, &body)?;
    if wanted.dry_run {
        let verdicts: Vec<Value> = messages.iter().map(|m| judged(&state, m)).collect();
        return Ok(Json(json!({ "dry_run": true, "verdicts": verdicts })).into_response());
    }
    let mut verdicts = Vec::with_capacity(messages.len());
    let mut rest = messages;
    while !rest.is_empty() {
        // What came before a failure is stored; sent again it is a duplicate, so the whole may be repeated.
        let later = rest.split_off(rest.len().min(state.engine.settings.batch.max(1)));
        verdicts.extend(intake::admit(&state.engine, rest).await?.iter().map(verdict));
        rest = later;
    }
    Ok((StatusCode::ACCEPTED, Json(json!({ "verdicts": verdicts }))).into_response())
}

fn messages(headers: &HeaderMap, body: &[u8]) -> Result<Vec<RawMessage>, ApiError> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or("");
    let kind = kind.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    let is_batch = match kind.as_str() {
        "application/cloudevents+json" => false,
        "application/cloudevents-batch+json" => true,
        "application/json" => body.trim_ascii_start().starts_with(b"["),
        _ => {
            return Err(ApiError {
                what: kind,
                field: Some("content-type".into()),
                ..ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "content_type")
            });
        }
    };
    if body.trim_ascii().is_empty() {
        return Err(ApiError::bad("body_empty", "body", ""));
    }
    let message = |body: Vec<u8>| RawMessage { origin: Origin::Http, body, attributes: None };
    if !is_batch {
        return Ok(vec![message(body.to_vec())]);
    }
    // Each event keeps its own bytes: what goes to quarantine is what came.
    let events: Vec<&RawValue> =
        serde_json::from_slice(body).map_err(|e| ApiError::bad("batch_unreadable", "body", e.to_string()))?;
    Ok(events.into_iter().map(|event| message(event.get().as_bytes().to_vec())).collect())
}

fn judged(state: &AppState, message: &RawMessage) -> Value {
    match intake::judge(&state.engine, message) {
        Ok(_) => json!({ "verdict": "acceptable" }),
        Err(rejection) => quarantined(&rejection),
    }
}

fn verdict(verdict: &Verdict) -> Value {
    match verdict {
        Verdict::Quarantined(rejection) => quarantined(rejection),
        Verdict::Accepted { .. } | Verdict::Duplicate { .. } => {
            serde_json::to_value(verdict).unwrap_or(Value::Null)
        }
    }
}

/// The rejection with words, so that a vendor's log says what a clerk would understand.
fn quarantined(rejection: &Rejection) -> Value {
    let mut value = serde_json::to_value(rejection).unwrap_or(Value::Null);
    let key = format!("reason-{}", rejection.reason.code());
    if let Some(fields) = value.as_object_mut() {
        fields.insert("verdict".into(), "quarantined".into());
        fields.insert("message_vi".into(), text(Locale::Vi, &key).into());
        fields.insert("message_en".into(), text(Locale::En, &key).into());
    }
    value
}
