//! Errors of the JSON API: a stable code, and words for people in both languages. Internal causes go to the log.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use lienthong_core::port::store::StoreError;
use serde_json::json;
use std::borrow::Cow;

use super::auth::Scope;
use crate::i18n::{Arg, Locale, text_with};

/// An error answer. Its words are `error-{code}` in the translation files.
#[derive(Debug, Clone)]
pub struct ApiError {
    /// The HTTP status.
    pub status: StatusCode,
    /// The stable code.
    pub code: &'static str,
    /// Which parameter or field; of an edit its JSON pointer.
    pub field: Option<Cow<'static, str>>,
    /// What the words need.
    pub what: String,
}

/// Seconds after which a caller may try again when the store is down.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("5");

impl ApiError {
    /// An error with a status and a code.
    pub fn new(status: StatusCode, code: &'static str) -> Self {
        Self { status, code, field: None, what: String::new() }
    }

    /// 400 about a field.
    pub fn bad(code: &'static str, field: impl Into<Cow<'static, str>>, what: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code, field: Some(field.into()), what: what.into() }
    }

    /// 401.
    pub fn unauthorised(code: &'static str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, code)
    }

    /// 403: the token lacks a scope.
    pub fn forbidden(scope: Scope) -> Self {
        Self {
            what: scope.name().into(),
            field: Some("scope".into()),
            ..Self::new(StatusCode::FORBIDDEN, "scope_missing")
        }
    }

    /// 404.
    pub fn not_found(code: &'static str, what: impl Into<String>) -> Self {
        Self { what: what.into(), ..Self::new(StatusCode::NOT_FOUND, code) }
    }

    /// 503: try again.
    pub fn unavailable() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "store_unavailable")
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        tracing::warn!(error = %error, "a request could not be answered by the store");
        match error {
            StoreError::Unavailable(_) | StoreError::Contended(_) | StoreError::Fenced(_) => {
                Self::unavailable()
            }
            StoreError::Rejected(_) => Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let key = format!("error-{}", self.code);
        let words = |locale| text_with(locale, &key, &[("what", Arg::Text(&self.what))]);
        let mut error =
            json!({ "code": self.code, "message_vi": words(Locale::Vi), "message_en": words(Locale::En) });
        if let (Some(field), Some(map)) = (self.field, error.as_object_mut()) {
            map.insert("field".into(), field.into_owned().into());
        }
        let mut response = (self.status, Json(json!({ "error": error }))).into_response();
        match self.status {
            StatusCode::SERVICE_UNAVAILABLE => {
                response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
            }
            StatusCode::UNAUTHORIZED => {
                response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            _ => {}
        }
        response
    }
}
