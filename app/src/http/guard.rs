//! Who may pass. Applied to groups of routes, so that a new handler is guarded by where it is listed.
//! The API wants a Bearer token (a cookie will do for reading); the console wants the cookie and sends others to `/login`.

use axum::{
    extract::{Request, State},
    http::{HeaderMap, Method, header},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};

use super::{
    AppState,
    auth::{AuthError, Caller, Scope},
    console::{notice, words::percent},
    error::ApiError,
    session::Cookie,
};

/// A guard's argument: the state, and what the caller must be allowed.
pub type Guarded = (AppState, Scope);

/// The token of an `Authorization: Bearer` header.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn explain(error: AuthError) -> ApiError {
    match error {
        AuthError::Expired => ApiError::unauthorised("token_expired"),
        AuthError::NotOurs | AuthError::Used | AuthError::Unsigned => ApiError::unauthorised("token_invalid"),
    }
}

fn api_caller(state: &AppState, request: &Request) -> Result<Caller, ApiError> {
    let now = state.engine.clock.now();
    if let Some(token) = bearer(request.headers()) {
        return state.auth.check(token, now).map_err(explain);
    }
    // A cookie is sent by the browser whether or not the user meant it: good enough to look, never to change.
    let is_reading = matches!(*request.method(), Method::GET | Method::HEAD);
    match Cookie::Session.read(request.headers(), &state.display).filter(|_| is_reading) {
        Some(token) => state.auth.check(&token, now).map_err(explain),
        None => Err(ApiError::unauthorised("token_missing")),
    }
}

/// Guards API routes: 401 without a good token, 403 without the scope.
pub async fn api(State((state, scope)): State<Guarded>, mut request: Request, next: Next) -> Response {
    match api_caller(&state, &request) {
        Err(error) => error.into_response(),
        Ok(caller) if !caller.may(scope) => ApiError::forbidden(scope).into_response(),
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
    }
}

/// Guards console pages: without a good cookie to `/login`, without the scope a page that says which right is missing.
pub async fn console(State((state, scope)): State<Guarded>, mut request: Request, next: Next) -> Response {
    let now = state.engine.clock.now();
    let caller =
        Cookie::Session.read(request.headers(), &state.display).and_then(|t| state.auth.check(&t, now).ok());
    match caller {
        None => {
            let wanted = request.uri().path_and_query().map_or("/", |p| p.as_str());
            let back = if request.method() == Method::GET { wanted } else { "/" };
            Redirect::to(&format!("/login?next={}", percent(back))).into_response()
        }
        Some(caller) if !caller.may(scope) => {
            let parts = request.into_parts().0;
            notice::forbidden(&state, &parts.headers, &parts.uri, Some(caller))
        }
        Some(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
    }
}
