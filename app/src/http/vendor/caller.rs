//! Who calls: a token of this installation as bearer, in a configured header or as the password of HTTP basic, or a password
//! of the vendor's own; with the envelope, the session of a login.

use axum::{
    http::{HeaderMap, header},
    response::Response,
};
use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret;

use super::{Call, Place, Vendor, answer};
use crate::http::{
    AppState,
    auth::{AuthError, Scope, is_same},
};

/// The vendor that calls, of those who have the address. `Err`: why nobody is let in.
pub(super) fn of<'v, 'p>(
    state: &AppState,
    found: &'p [(&'v Vendor, Place)],
    call: &Call,
) -> Result<(&'v Vendor, &'p Place), &'static str> {
    let now = state.engine.clock.now();
    let mut why = "vendor-stranger";
    for (vendor, place) in found {
        match shows(state, vendor, place, call, now) {
            Ok(true) => return Ok((vendor, place)),
            Err(AuthError::Expired) => why = "vendor-expired",
            Ok(false) | Err(AuthError::NotOurs | AuthError::Used | AuthError::Unsigned) => {}
        }
    }
    Err(why)
}

fn shows(
    state: &AppState,
    vendor: &Vendor,
    place: &Place,
    call: &Call,
    now: Timestamp,
) -> Result<bool, AuthError> {
    let is_own = |secret: &str| is_own(state, vendor, secret, now);
    if *place == Place::Login {
        return if call.text("username") == vendor.entry.name {
            is_own(&call.text("password"))
        } else {
            Ok(false)
        };
    }
    if *place == Place::Envelope {
        let session = call.text("session");
        if !session.is_empty() {
            return state.auth.check_session(&vendor.entry.name, &session, now).map(|()| true);
        }
    }
    if let Some(name) = &vendor.entry.header
        && let Some(secret) = call.headers.get(name).and_then(|value| value.to_str().ok())
    {
        return is_own(secret.strip_prefix("Bearer ").unwrap_or(secret).trim());
    }
    match authorization(&call.headers) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => is_own(token),
        Some((scheme, pair)) if scheme.eq_ignore_ascii_case("basic") => {
            let pair = base64(pair).and_then(|bytes| String::from_utf8(bytes).ok());
            match pair.as_deref().and_then(|pair| pair.split_once(':')) {
                Some((name, secret)) if name == vendor.entry.name => is_own(secret),
                _ => Ok(false),
            }
        }
        _ => Ok(false),
    }
}

fn authorization(headers: &HeaderMap) -> Option<(&str, &str)> {
    let (scheme, rest) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    Some((scheme, rest.trim()))
}

/// Base64 with the usual alphabet, padded or not.
fn base64(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut held) = (0_u32, 0_u32);
    for byte in text.trim_end_matches('=').bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6) | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push((bits >> held) as u8);
            bits &= (1 << held) - 1;
        }
    }
    Some(out)
}

/// Whether a secret is this vendor's: its password, or a token that may publish and bears its name.
fn is_own(state: &AppState, vendor: &Vendor, secret: &str, now: Timestamp) -> Result<bool, AuthError> {
    if vendor.password.as_ref().is_some_and(|own| is_same(own.expose_secret(), secret)) {
        return Ok(true);
    }
    let caller = state.auth.check(secret, now)?;
    Ok(caller.subject == vendor.entry.name && caller.may(Scope::Publish))
}

/// The session of a login.
pub(super) fn log_in(state: &AppState, vendor: &Vendor) -> Response {
    let life = SignedDuration::from_mins(i64::from(vendor.entry.session_minutes));
    let until = lienthong_core::clock::later(state.engine.clock.now(), life);
    answer::session(&state.auth.session(&vendor.entry.name, until))
}

#[cfg(test)]
mod tests {
    use super::base64;

    #[test]
    fn base64_is_read_with_and_without_padding() {
        for (text, plain) in
            [("", ""), ("bQ==", "m"), ("bTpr", "m:k"), ("bTprw7Q", "m:kô"), ("YT8+fw==", "a?>\u{7f}")]
        {
            assert_eq!(base64(text).as_deref(), Some(plain.as_bytes()), "{text}");
        }
        assert_eq!(base64("b Q="), None);
    }
}
