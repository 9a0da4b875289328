//! The gateway's token (docs/partners/vnpost.md, 1.2, OAuth2 client credentials): one for all replicas, fetched by one task at
//! a time, kept until shortly before it ends.

use jiff::{SignedDuration, Timestamp};
use lienthong_core::{
    clock::later,
    outcome::{Cause, Outcome, Pause, Setback},
    port::{
        connector::{Call, CheckFailure},
        store::Session,
    },
};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;

use super::{Vnpost, wire::TokenAnswer};
use crate::http::{Answer, Budget, Failure, FailureKind, Request, read_setback};

/// Why a call was not made, or was turned away before it could have an effect.
pub(super) enum Stop {
    NotDone(Setback),
    Paused(Pause),
}

impl Stop {
    pub(super) fn not_done(cause: Cause, said: impl Into<String>) -> Self {
        Self::NotDone(Setback { cause, said: said.into(), retry_after: None })
    }

    pub(super) fn paused(cause: Cause, said: impl Into<String>) -> Self {
        Self::Paused(Pause { cause, said: said.into() })
    }

    pub(super) fn outcome(self) -> Outcome {
        match self {
            Self::NotDone(setback) => Outcome::NotDone(setback),
            Self::Paused(pause) => Outcome::Paused(pause),
        }
    }
}

impl From<Stop> for CheckFailure {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::NotDone(Setback { cause, said, .. }) | Stop::Paused(Pause { cause, said }) => {
                Self { cause, said }
            }
        }
    }
}

/// The tokens of one connector.
pub(super) struct Tokens {
    basic: SecretString,
    /// Locked while a token is fetched: the others wait for that one instead of fetching more.
    newest: Mutex<Option<Session>>,
}

impl Tokens {
    pub(super) fn new(key: &str, secret: &SecretString) -> Self {
        let pair = format!("{key}:{}", secret.expose_secret());
        Self { basic: format!("Basic {}", base64(pair.as_bytes())).into(), newest: Mutex::default() }
    }

    /// The value of `Authorization`. `rejected`: one that the gateway has just turned away.
    pub(super) async fn get(
        &self,
        post: &Vnpost,
        call: &Call<'_>,
        budget: Budget,
        rejected: Option<&str>,
    ) -> Result<String, Stop> {
        let mut newest = self.newest.lock().await;
        let now = budget.now(call.now);
        let is_alive =
            |session: &Session| session.expires_at > now && Some(session.token.as_str()) != rejected;
        if let Some(session) = newest.as_ref().filter(|session| is_alive(session)) {
            return Ok(session.token.clone());
        }
        match call.sessions.get(&post.manifest.id).await {
            Ok(Some(session)) if is_alive(&session) => return Ok(newest.insert(session).token.clone()),
            Ok(_) => {}
            Err(error) => tracing::warn!(connector = %post.manifest.id, %error, "no shared token"),
        }
        let session = self.fetch(post, now, budget).await?;
        if let Err(error) = call.sessions.put(&post.manifest.id, &session).await {
            tracing::warn!(connector = %post.manifest.id, %error, "the token is not shared");
        }
        Ok(newest.insert(session).token.clone())
    }

    async fn fetch(&self, post: &Vnpost, now: Timestamp, budget: Budget) -> Result<Session, Stop> {
        let request = Request {
            method: "POST",
            url: post.config.token_url.clone(),
            headers: vec![("Authorization".to_owned(), self.basic.expose_secret().to_owned())],
            body: b"grant_type=client_credentials".to_vec(),
            content_type: "application/x-www-form-urlencoded",
        };
        let answer = post.http.send(request, budget.for_call(post.call_timeout())).await;
        let answer = answer.map_err(|failure| unanswered(&failure))?;
        match serde_json::from_slice::<TokenAnswer>(&answer.body) {
            Ok(token) if answer.is_success() && !token.access_token.is_empty() => {
                Ok(session(&token, now, post))
            }
            Ok(_) | Err(_) => Err(refused(&answer)),
        }
    }
}

fn unanswered(failure: &Failure) -> Stop {
    match failure.kind {
        FailureKind::Untrusted | FailureKind::Refused => Stop::paused(failure.cause(), &failure.said),
        FailureKind::NotSent | FailureKind::NoAnswer | FailureKind::Broken | FailureKind::Unreadable => {
            Stop::not_done(failure.cause(), &failure.said)
        }
    }
}

fn session(answer: &TokenAnswer, now: Timestamp, post: &Vnpost) -> Session {
    let kind = answer.token_type.as_deref().filter(|kind| !kind.is_empty()).unwrap_or("Bearer");
    let life = answer.expires_in.unwrap_or(i64::from(post.config.token_seconds)).clamp(0, 30 * 86_400);
    let margin = i64::from(post.config.token_margin_seconds).min(life / 2);
    Session {
        token: format!("{kind} {}", answer.access_token),
        acquired_at: now,
        expires_at: later(now, SignedDuration::from_secs(life - margin)),
    }
}

/// The token service answers a wrong key with 401, or with 400 and `invalid_client` (RFC 6749 §5.2).
fn refused(answer: &Answer) -> Stop {
    if matches!(answer.status, 400 | 401 | 403) {
        return Stop::paused(Cause::CredentialsRejected, answer.said());
    }
    if answer.is_success() {
        return Stop::not_done(Cause::Unreadable, "the token service answered without a token"); // what it said may be one
    }
    Stop::NotDone(read_setback(answer))
}

/// Standard base64 with padding (RFC 4648 §4).
pub(super) fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * at)) as usize & 63];
            out.push(if at <= chunk.len() { char::from(letter) } else { '=' });
        }
    }
    out
}
