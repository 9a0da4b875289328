//! `/livez`, `/readyz`, `/metrics`: for supervisors and Prometheus, without a token, without personal data.

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::json;

use super::{AppState, error::ApiError};

/// The three addresses.
pub fn routes() -> Router<AppState> {
    Router::new().route("/livez", get(live)).route("/readyz", get(ready)).route("/metrics", get(metrics))
}

/// Whether a path is asked by supervisors, every few seconds.
pub(super) fn is_probe(path: &str) -> bool {
    matches!(path, "/livez" | "/readyz")
}

/// The process answers; nothing else is claimed.
async fn live() -> &'static str {
    "ok\n"
}

/// 200 when the store, and the broker where one is used, work; else 503 with what does not.
async fn ready(State(state): State<AppState>) -> Response {
    let health = state.health.borrow().clone();
    let is_ready = health.is_ready();
    let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = json!({
        "ready": is_ready, "store": health.store, "broker": health.broker, "detail": health.detail,
    });
    (status, Json(body)).into_response()
}

/// Prometheus text.
async fn metrics(State(state): State<AppState>) -> Response {
    match &state.metrics {
        Some(handle) => {
            ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], handle.render())
                .into_response()
        }
        None => ApiError::new(StatusCode::NOT_FOUND, "metrics_off").into_response(),
    }
}
