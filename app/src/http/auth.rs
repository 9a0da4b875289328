//! Tokens: who somebody is, what they may do, until when. JWT, HS256; the process installs the crypto provider first
//! (`jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER`). Cookies and forms are in `session.rs`, enforcement in `guard.rs`.

use aws_lc_rs::{digest, hmac};
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

/// What a token allows. None contains another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Look at everything, personal numbers masked.
    Read,
    /// Publish events.
    Publish,
    /// Retry and dismiss operations, see raw quarantine bytes.
    Operate,
}

impl Scope {
    /// All scopes.
    pub const ALL: [Self; 3] = [Self::Read, Self::Publish, Self::Operate];

    /// The stable name, as in a token's `scope`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Publish => "publish",
            Self::Operate => "operate",
        }
    }

    /// The scope with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.name() == name)
    }
}

/// Who is calling, as a checked token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The token's subject: the name that the audit trail keeps.
    pub subject: String,
    /// What they may do.
    pub scopes: Vec<Scope>,
    /// Until when.
    pub expires_at: Timestamp,
}

impl Caller {
    /// Whether they may.
    pub fn may(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }
}

/// Why a token could not be issued or is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// Not ours, altered, or for something else.
    #[error("the token is not one of this installation")]
    NotOurs,
    /// It was good once.
    #[error("the token has expired")]
    Expired,
    /// A link that somebody has followed already.
    #[error("the link has been used already")]
    Used,
    /// The token could not be signed.
    #[error("the token could not be signed")]
    Unsigned,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    scope: String,
    iat: i64,
    exp: i64,
    jti: String,
}

const ISSUER: &str = "lienthong";

/// Issues and checks tokens. Cheap to clone; never prints its secret.
#[derive(Clone)]
pub struct Auth {
    inner: Arc<Keys>,
}

struct Keys {
    encoding: EncodingKey,
    decoding: DecodingKey,
    forms: hmac::Key,
    /// Digests of tokens that came by a link, until they expire. Of this process only: links live for minutes.
    used: Mutex<HashMap<Vec<u8>, Timestamp>>,
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Auth").finish_non_exhaustive()
    }
}

impl Auth {
    /// Keys from the installation's secret. The key of forms is derived, so that one never stands in for the other.
    pub fn new(secret: SecretString) -> Self {
        let bytes = secret.expose_secret().as_bytes();
        let derived = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, bytes), b"lienthong forms");
        Self {
            inner: Arc::new(Keys {
                encoding: EncodingKey::from_secret(bytes),
                decoding: DecodingKey::from_secret(bytes),
                forms: hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref()),
                used: Mutex::default(),
            }),
        }
    }

    /// A token for `subject`, good for `ttl` from `now`. For a log-in link (`/login?token=…`) give it minutes.
    pub fn issue(
        &self,
        subject: &str,
        scopes: &[Scope],
        ttl: SignedDuration,
        now: Timestamp,
    ) -> Result<String, AuthError> {
        let claims = Claims {
            iss: ISSUER.into(),
            sub: subject.into(),
            scope: scopes.iter().map(|s| s.name()).collect::<Vec<_>>().join(" "),
            iat: now.as_second(),
            exp: now.saturating_add(ttl).map_err(|_| AuthError::Unsigned)?.as_second(),
            jti: random_text().map_err(|_| AuthError::Unsigned)?,
        };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.inner.encoding)
            .map_err(|_| AuthError::Unsigned)
    }

    /// Checks a token. Expiry goes by `now`, not by the library's own clock.
    pub fn check(&self, token: &str, now: Timestamp) -> Result<Caller, AuthError> {
        let mut rules = Validation::new(Algorithm::HS256);
        rules.set_issuer(&[ISSUER]);
        rules.set_required_spec_claims(&["exp", "iss", "sub"]);
        rules.validate_exp = false;
        rules.validate_aud = false;
        let claims = jsonwebtoken::decode::<Claims>(token.trim(), &self.inner.decoding, &rules)
            .map_err(|_| AuthError::NotOurs)?
            .claims;
        let expires_at = Timestamp::from_second(claims.exp).map_err(|_| AuthError::NotOurs)?;
        if expires_at <= now {
            return Err(AuthError::Expired);
        }
        let scopes = claims.scope.split(' ').filter_map(Scope::from_name).collect();
        Ok(Caller { subject: claims.sub, scopes, expires_at })
    }

    /// Checks a token that came by a link, and never takes the same link again.
    pub fn check_once(&self, token: &str, now: Timestamp) -> Result<Caller, AuthError> {
        let caller = self.check(token, now)?;
        let key = digest::digest(&digest::SHA256, token.trim().as_bytes()).as_ref().to_vec();
        let mut used = self.inner.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.retain(|_, until| *until > now);
        match used.insert(key, caller.expires_at) {
            None => Ok(caller),
            Some(_) => Err(AuthError::Used),
        }
    }

    /// A short session for whoever has this name, until then: about 50 characters, for clients that keep it in a narrow
    /// column. Good for nothing else; any process of the installation can check it.
    pub fn session(&self, name: &str, until: Timestamp) -> String {
        let until = until.as_second();
        format!("{until:x}-{}", self.session_tag(name, until))
    }

    /// Whether a session is this name's and lasts.
    pub fn check_session(&self, name: &str, session: &str, now: Timestamp) -> Result<(), AuthError> {
        let (until, tag) = session.trim().split_once('-').ok_or(AuthError::NotOurs)?;
        let until = i64::from_str_radix(until, 16).map_err(|_| AuthError::NotOurs)?;
        if !is_same(tag, &self.session_tag(name, until)) {
            return Err(AuthError::NotOurs);
        }
        if until <= now.as_second() { Err(AuthError::Expired) } else { Ok(()) }
    }

    fn session_tag(&self, name: &str, until: i64) -> String {
        let text = format!("session\n{until}\n{name}");
        let tag = hex(hmac::sign(&self.inner.forms, text.as_bytes()).as_ref());
        tag.chars().take(40).collect()
    }

    /// The token that a form must carry to count as ours: bound to the session (or pre-login) cookie.
    pub fn form_token(&self, binding: &str) -> String {
        hex(hmac::sign(&self.inner.forms, binding.as_bytes()).as_ref())
    }

    /// Whether a form's token belongs to this binding; in constant time.
    pub fn is_form_token(&self, binding: &str, token: &str) -> bool {
        unhex(token).is_some_and(|tag| hmac::verify(&self.inner.forms, binding.as_bytes(), &tag).is_ok())
    }
}

/// Whether two secrets are the same, in constant time.
pub fn is_same(one: &str, other: &str) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(one.as_bytes(), other.as_bytes()).is_ok()
}

/// 128 random bits as hex.
pub fn random_text() -> Result<String, aws_lc_rs::error::Unspecified> {
    let mut bytes = [0u8; 16];
    aws_lc_rs::rand::fill(&mut bytes)?;
    Ok(hex(&bytes))
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |n: u8| char::from(DIGITS[usize::from(n & 15)]);
    bytes.iter().flat_map(|b| [digit(b >> 4), digit(*b)]).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    (0..64).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}
