//! Pages that say one thing: not found, not allowed, the store does not answer, the form was not ours.

use askama::Template;
use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::Response,
};
use lienthong_core::port::store::StoreError;

use super::shell::{Section, Shell, Visit, page};
use crate::http::{AppState, auth::Caller};

#[derive(Template)]
#[template(path = "notice.html")]
struct Notice {
    s: Shell,
    said: String,
    next: String,
}

fn notice(visit: &Visit, status: StatusCode, key: &str, what: &str) -> Response {
    let said = visit.w.tv(key, what);
    let next = visit.w.tv(&format!("{key}.next"), what);
    page(status, &Notice { s: visit.shell(Section::None, said.clone()), said, next })
}

/// Nothing under this code or number.
pub fn not_found(visit: &Visit, key: &str, what: &str) -> Response {
    notice(visit, StatusCode::NOT_FOUND, key, what)
}

/// The visitor's token lacks a right.
pub fn forbidden(state: &AppState, headers: &HeaderMap, uri: &Uri, caller: Option<Caller>) -> Response {
    notice(&Visit::of(state, headers, uri, caller), StatusCode::FORBIDDEN, "notice-forbidden", "")
}

/// A form without our token.
pub fn foreign_form(visit: &Visit) -> Response {
    notice(visit, StatusCode::FORBIDDEN, "notice-form", "")
}

/// A question that cannot be read.
pub fn bad_question(visit: &Visit, what: &str) -> Response {
    notice(visit, StatusCode::BAD_REQUEST, "notice-question", what)
}

/// The store did not answer.
pub fn store_failed(visit: &Visit, error: &StoreError) -> Response {
    tracing::warn!(error = %error, "a page could not be answered by the store");
    let mut response = notice(visit, StatusCode::SERVICE_UNAVAILABLE, "notice-store", "");
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    response
}
