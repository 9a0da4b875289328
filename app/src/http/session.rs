//! Cookies and the tokens of forms. The session cookie holds a JWT of ours; a form is bound to it, or, before anybody
//! has logged in, to a random cookie of its own.

use axum::http::{HeaderMap, HeaderValue, header};

use super::{AppState, Display};

/// Which cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cookie {
    /// The session: a JWT.
    Session,
    /// What a log-in form is bound to.
    Visit,
    /// The chosen language.
    Language,
}

impl Cookie {
    /// The name; with https the `__Host-` prefix keeps other hosts of the domain from setting it.
    fn name(self, display: &Display) -> &'static str {
        match (self, display.is_https()) {
            (Self::Session, true) => "__Host-lienthong",
            (Self::Session, false) => "lienthong",
            (Self::Visit, true) => "__Host-lienthong-visit",
            (Self::Visit, false) => "lienthong-visit",
            (Self::Language, _) => "lang",
        }
    }

    /// Its value in a request.
    pub fn read(self, headers: &HeaderMap, display: &Display) -> Option<String> {
        let name = self.name(display);
        headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .find(|(key, value)| *key == name && !value.is_empty())
            .map(|(_, value)| value.to_owned())
    }

    /// The header that sets it for so many seconds; 0 removes it. `None`: the value cannot stand in a cookie.
    pub fn set(self, display: &Display, value: &str, seconds: i64) -> Option<HeaderValue> {
        if !value.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)) {
            return None;
        }
        let secure = if display.is_https() { "; Secure" } else { "" };
        let name = self.name(display);
        HeaderValue::from_str(&format!(
            "{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}"
        ))
        .ok()
    }
}

/// What forms of this visitor are bound to: the session if there is one, else the visit.
pub fn form_binding(headers: &HeaderMap, state: &AppState) -> Option<String> {
    Cookie::Session.read(headers, &state.display).or_else(|| Cookie::Visit.read(headers, &state.display))
}

/// Whether a posted form came from one of our pages: the browser does not say otherwise, and the token fits.
pub fn is_our_form(headers: &HeaderMap, state: &AppState, token: &str) -> bool {
    let from_elsewhere =
        headers.get("sec-fetch-site").is_some_and(|site| site != "same-origin" && site != "none");
    !from_elsewhere
        && form_binding(headers, state).is_some_and(|binding| state.auth.is_form_token(&binding, token))
}

/// A path of this site to go on to after the log-in, or the front page: never another site.
pub fn local_path(wanted: Option<&str>) -> &str {
    match wanted {
        Some(path)
            if path.starts_with('/')
                && !path.starts_with("//")
                && !path.starts_with("/login")
                && path.bytes().all(|b| b.is_ascii_graphic() && b != b'\\') =>
        {
            path
        }
        _ => "/",
    }
}
