//! What every request passes on its way in and out: request id, log line, time limit, panic net, security headers.
//! Answers are not compressed: pages mix a form token with what the visitor typed (BREACH), and they are small.

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header},
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
};
use std::{any::Any, time::Duration};
use tower_http::{
    catch_panic::CatchPanicLayer,
    classify::ServerErrorsFailureClass,
    request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer},
    set_header::SetResponseHeaderLayer,
    trace::TraceLayer,
};

use super::{
    AppState,
    console::{notice, shell::Visit},
    error::ApiError,
    vendor,
};

/// Longer than any question to a store may take, shorter than a browser's patience.
const TIME_LIMIT: Duration = Duration::from_secs(30);

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// No script at all; our own style sheet and pictures; forms to ourselves; never inside another site's frame.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; \
                      frame-ancestors 'none'";

/// `same-origin`, not `no-referrer`: with the latter browsers post our own forms as origin `null`.
const HEADERS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
];

/// Wraps all routes.
pub fn wrap(routes: Router<AppState>, state: &AppState) -> Router<AppState> {
    let mut routes = routes
        .fallback(elsewhere)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn(time_limit))
        .layer(CatchPanicLayer::custom(panicked));
    for (name, value) in HEADERS {
        routes = routes.layer(SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value)));
    }
    // Everything may hold personal data; assets say otherwise for themselves.
    let uncached = HeaderValue::from_static("no-store");
    routes = routes.layer(SetResponseHeaderLayer::if_not_present(header::CACHE_CONTROL, uncached));
    if state.display.is_https() {
        let year = HeaderValue::from_static("max-age=31536000");
        routes =
            routes.layer(SetResponseHeaderLayer::if_not_present(header::STRICT_TRANSPORT_SECURITY, year));
    }
    routes
        .layer(TraceLayer::new_for_http().make_span_with(span).on_failure(failed))
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(SetRequestIdLayer::new(REQUEST_ID, MakeRequestUuid))
}

/// The path without its query: a query may carry a log-in token. Supervisors' probes have none: what `/readyz` finds is
/// logged when it changes, not every time somebody asks.
fn span(request: &Request) -> tracing::Span {
    if super::health::is_probe(request.uri().path()) {
        return tracing::Span::none();
    }
    let id = request.headers().get(REQUEST_ID).and_then(|v| v.to_str().ok()).unwrap_or("");
    tracing::info_span!("http", method = %request.method(), path = request.uri().path(), request = id)
}

fn failed(class: ServerErrorsFailureClass, took: Duration, span: &tracing::Span) {
    if !span.is_none() {
        tracing::error!(parent: span, %class, took_ms = took.as_millis(), "a request failed");
    }
}

/// Dropping a handler is safe: stores finish their units of work in their own tasks.
async fn time_limit(request: Request, next: Next) -> Response {
    match tokio::time::timeout(TIME_LIMIT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "too_slow").into_response(),
    }
}

fn panicked(_: Box<dyn Any + Send + 'static>) -> Response {
    tracing::error!("a handler panicked; the request was answered with 500");
    ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal").into_response()
}

/// An address that is none of ours may be a vendor's.
pub(super) async fn elsewhere(State(state): State<AppState>, request: Request) -> Response {
    match vendor::take(&state, request).await {
        Ok(response) => response,
        Err(request) => missing(&state, request.headers(), request.uri()),
    }
}

/// A person's browser gets a page, everybody else JSON.
fn missing(state: &AppState, headers: &HeaderMap, uri: &Uri) -> Response {
    let wants_page = headers
        .get(header::ACCEPT)
        .and_then(|v| v.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"));
    if wants_page && !uri.path().starts_with("/v1/") {
        let visit = Visit::of(state, headers, uri, None);
        return notice::not_found(&visit, "notice-address", uri.path());
    }
    ApiError::new(StatusCode::NOT_FOUND, "no_such_address").into_response()
}

async fn wrong_method() -> ApiError {
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "wrong_method")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_that_finds_us_not_ready_is_no_failed_request_in_the_log() {
        let is_logged = |path: &str| {
            let request = Request::get(path).body(axum::body::Body::empty()).unwrap();
            !span(&request).is_none()
        };
        assert!(!is_logged("/readyz") && !is_logged("/livez"));
        assert!(is_logged("/v1/events") && is_logged("/readyz/else"));
    }
}
