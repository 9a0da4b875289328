//! Partners' callbacks. No token: the signature inside is the proof. The engine judges and says what to answer; this
//! file only carries bytes there and back.

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, Path, RawQuery, State, rejection::BytesRejection},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use lienthong_core::{
    flow::callback,
    id::ConnectorId,
    port::connector::{CallbackAnswer, CallbackRequest},
};

use super::{AppState, error::ApiError};

/// A payment result is about 1 KiB; more than this is no callback.
const LARGEST: usize = 256 * 1024;

/// `/callbacks/{connector}` and everything below it.
pub fn routes() -> Router<AppState> {
    Router::new()
        .route("/callbacks/{connector}", get(bare).post(bare))
        .route("/callbacks/{connector}/{*path}", get(below).post(below))
        .layer(DefaultBodyLimit::max(LARGEST))
}

async fn bare(
    state: State<AppState>,
    Path(connector): Path<String>,
    query: RawQuery,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    take(state, connector, String::new(), query, headers, body).await
}

async fn below(
    state: State<AppState>,
    Path((connector, path)): Path<(String, String)>,
    query: RawQuery,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    take(state, connector, path, query, headers, body).await
}

async fn take(
    State(state): State<AppState>,
    connector: String,
    path: String,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let body = match body {
        Ok(body) => body.to_vec(),
        Err(rejection) => return ApiError::new(rejection.status(), "body_unreadable").into_response(),
    };
    let headers = headers
        .iter()
        .map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        })
        .collect();
    let request = CallbackRequest { path, query: query.unwrap_or_default(), headers, body };
    let answer = match ConnectorId::parse(&connector) {
        Ok(connector) => callback::receive(&state.engine, &connector, request).await,
        Err(_) => None,
    };
    match answer {
        Some(answer) => exactly(answer),
        None => ApiError::new(StatusCode::NOT_FOUND, "no_such_address").into_response(),
    }
}

/// An answer as the partner expects it.
pub(super) fn exactly(answer: CallbackAnswer) -> Response {
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(answer.content_type));
    response
}
