//! In and out: a token pasted into the form, or a link that works once. The cookie gets a token of its own, of the same
//! rights, for a working day at most.

use askama::Template;
use axum::{
    Form,
    extract::{Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use jiff::SignedDuration;
use serde::Deserialize;

use super::{
    notice,
    shell::{Section, Shell, Visit, page},
};
use crate::http::{
    AppState,
    auth::{AuthError, Caller, random_text},
    session::{Cookie, is_our_form, local_path},
};

const WORKING_DAY: SignedDuration = SignedDuration::from_hours(12);

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage {
    s: Shell,
    next: String,
    problem: Option<String>,
}

#[derive(Template)]
#[template(path = "welcome.html")]
struct WelcomePage {
    s: Shell,
    next: String,
}

/// How somebody arrives.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Arrival {
    token: Option<String>,
    next: Option<String>,
}

/// The form, or the end of a link.
pub async fn arrive(State(state): State<AppState>, visit: Visit, Query(arrival): Query<Arrival>) -> Response {
    let next = local_path(arrival.next.as_deref()).to_owned();
    let Some(token) = arrival.token else { return form(&state, &visit, next, None) };
    match state.auth.check_once(&token, state.engine.clock.now()) {
        Ok(caller) => {
            // Not a redirect: a strict cookie is not sent along a chain that another site began (a link in a mail).
            let s = visit.shell(Section::None, visit.w.t("login-welcome"));
            let welcome = page(StatusCode::OK, &WelcomePage { s, next });
            with_session(&state, &caller, welcome)
        }
        Err(error) => form(&state, &visit, next, Some(error)),
    }
}

/// A pasted token.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Entry {
    token: String,
    form_token: String,
    next: Option<String>,
}

/// Takes a pasted token.
pub async fn enter(
    State(state): State<AppState>,
    visit: Visit,
    headers: HeaderMap,
    Form(entry): Form<Entry>,
) -> Response {
    if !is_our_form(&headers, &state, &entry.form_token) {
        return notice::foreign_form(&visit);
    }
    let next = local_path(entry.next.as_deref()).to_owned();
    match state.auth.check(&entry.token, state.engine.clock.now()) {
        Ok(caller) => with_session(&state, &caller, Redirect::to(&next).into_response()),
        Err(error) => form(&state, &visit, next, Some(error)),
    }
}

/// A log-out.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Leaving {
    form_token: String,
}

/// Forgets the session.
pub async fn leave(
    State(state): State<AppState>,
    visit: Visit,
    headers: HeaderMap,
    Form(leaving): Form<Leaving>,
) -> Response {
    if !is_our_form(&headers, &state, &leaving.form_token) {
        return notice::foreign_form(&visit);
    }
    let mut response = Redirect::to("/login").into_response();
    if let Some(cookie) = Cookie::Session.set(&state.display, "", 0) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// The form. Without a session it is bound to a cookie of its own, made here if there is none.
fn form(state: &AppState, visit: &Visit, next: String, error: Option<AuthError>) -> Response {
    let problem = error.map(|e| {
        visit.w.t(match e {
            AuthError::Expired => "login-expired",
            AuthError::Used => "login-used",
            AuthError::NotOurs | AuthError::Unsigned => "login-wrong",
        })
    });
    let status = if problem.is_some() { StatusCode::UNAUTHORIZED } else { StatusCode::OK };
    let mut s = visit.shell(Section::None, visit.w.t("login-title"));
    let mut fresh = None;
    if s.form_token.is_empty()
        && let Ok(binding) = random_text()
    {
        s.form_token = state.auth.form_token(&binding);
        fresh = Cookie::Visit.set(&state.display, &binding, 86_400);
    }
    let mut response = page(status, &LoginPage { s, next, problem });
    if let Some(cookie) = fresh {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

fn with_session(state: &AppState, caller: &Caller, mut response: Response) -> Response {
    let now = state.engine.clock.now();
    let left = caller.expires_at.duration_since(now).min(WORKING_DAY);
    let cookie = state
        .auth
        .issue(&caller.subject, &caller.scopes, left, now)
        .ok()
        .and_then(|token| Cookie::Session.set(&state.display, &token, left.as_secs()));
    match cookie {
        Some(cookie) => {
            response.headers_mut().append(header::SET_COOKIE, cookie);
            response
        }
        None => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
