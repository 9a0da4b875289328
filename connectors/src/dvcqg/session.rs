//! The session: one login at a time, shared by all attempts of the process and, through the store, by all replicas.
//! The token never leaves this folder except in a request's body.

use jiff::{SignedDuration, Timestamp};
use lienthong_core::{
    clock::later,
    outcome::{Cause, Outcome},
    port::{connector::Call, store::Session},
};
use secrecy::{ExposeSecret, SecretString};
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::Mutex;

use super::{
    Dvcqg, classify,
    wire::{self, Reply},
};
use crate::http::{Budget, Request, read_setback};

/// No second login while the session is younger than this, however often it is refused.
const RELOGIN_AGE: SignedDuration = SignedDuration::from_secs(30);

/// A session in use.
#[derive(Debug, Clone)]
pub(super) struct Lent {
    pub(super) token: SecretString,
    acquired_at: Timestamp,
    /// Whether this very attempt logged in for it.
    pub(super) is_fresh: bool,
}

/// What the process holds, behind the lock that makes logins single.
#[derive(Debug, Default)]
pub(super) struct Keeper {
    kept: Mutex<Kept>,
    /// Logins ended so far: whoever waited while one failed takes its failure instead of trying again.
    logins: AtomicU64,
}

#[derive(Debug, Default)]
struct Kept {
    session: Option<Session>,
    failure: Option<Outcome>,
}

impl Dvcqg {
    /// A session: the process's, the store's, or a new one. `rejected` is one that the portal has just refused: none is
    /// returned if it is too young to be replaced. An error is certainly without effect.
    pub(super) async fn lend(
        &self,
        call: &Call<'_>,
        budget: &Budget,
        rejected: Option<&Lent>,
    ) -> Result<Option<Lent>, Outcome> {
        let before = self.keeper.logins.load(Ordering::Acquire);
        let waiting = tokio::time::timeout(budget.remaining(), self.keeper.kept.lock());
        let Ok(mut kept) = waiting.await else {
            return Err(Outcome::not_done(Cause::NoAnswer, "not sent: the login took too long"));
        };
        let now = budget.now(call.now);
        let is_good = |session: &Session| {
            session.expires_at > now && rejected.is_none_or(|r| r.token.expose_secret() != session.token)
        };
        if kept.session.as_ref().is_none_or(|s| !is_good(s)) {
            match call.sessions.get(&self.manifest.id).await {
                Ok(Some(shared)) if is_good(&shared) => kept.session = Some(shared),
                Ok(_) => {}
                Err(error) => tracing::warn!(connector = %self.manifest.id, %error, "no shared session"),
            }
        }
        if let Some(session) = kept.session.as_ref().filter(|s| is_good(s)) {
            return Ok(Some(lent(session, false)));
        }
        if rejected.is_some_and(|r| now.duration_since(r.acquired_at) < RELOGIN_AGE) {
            return Ok(None);
        }
        if self.keeper.logins.load(Ordering::Acquire) != before
            && let Some(failure) = &kept.failure
        {
            return Err(failure.clone());
        }
        let result = self.login(call, budget).await;
        self.keeper.logins.fetch_add(1, Ordering::AcqRel);
        match result {
            Ok(session) => {
                let lent = lent(&session, true);
                if let Err(error) = call.sessions.put(&self.manifest.id, &session).await {
                    tracing::warn!(connector = %self.manifest.id, %error, "the new session is not shared");
                }
                *kept = Kept { session: Some(session), failure: None };
                Ok(Some(lent))
            }
            Err(failure) => {
                *kept = Kept { session: None, failure: Some(failure.clone()) };
                Err(failure)
            }
        }
    }

    /// Logs in whatever is kept, for a check; keeps the new session.
    pub(super) async fn lend_anew(&self, call: &Call<'_>, budget: &Budget) -> Result<Lent, Outcome> {
        let session = self.login(call, budget).await?;
        let lent = lent(&session, true);
        if let Err(error) = call.sessions.put(&self.manifest.id, &session).await {
            tracing::warn!(connector = %self.manifest.id, %error, "the new session is not shared");
        }
        self.keeper.kept.lock().await.session = Some(session);
        Ok(lent)
    }

    async fn login(&self, call: &Call<'_>, budget: &Budget) -> Result<Session, Outcome> {
        let password = self.password.expose_secret();
        let body = serde_json::to_vec(&wire::Login { username: &self.config.username, password })
            .map_err(|e| Outcome::not_done(Cause::Internal, e.to_string()))?;
        let request = self.with_headers(Request::post_json(&self.login_url, body));
        let asked_at = budget.now(call.now);
        let answer = self.http.send(request, budget.for_call(self.config.call_timeout())).await;
        let answer = answer.map_err(|failure| failure.reading_outcome())?;
        let reply = Reply::read(&answer.body).filter(|_| answer.status < 500 && answer.status != 429);
        let Some(reply) = reply else {
            let setback = read_setback(&answer);
            let is_refused = setback.cause == Cause::CredentialsRejected;
            return Err(if is_refused {
                Outcome::paused(setback.cause, setback.said)
            } else {
                Outcome::NotDone(setback)
            });
        };
        if !reply.is_success() {
            let said = format!("login: {}: {}", reply.code(), classify::said(&reply, &[password]));
            return Err(Outcome::paused(Cause::CredentialsRejected, said));
        }
        let Some(token) = reply.session() else {
            return Err(Outcome::not_done(Cause::Unreadable, "login: success without a session"));
        };
        let lifetime = SignedDuration::from_mins(i64::from(self.config.session_minutes));
        Ok(Session { token: token.to_owned(), acquired_at: asked_at, expires_at: later(asked_at, lifetime) })
    }
}

fn lent(session: &Session, is_fresh: bool) -> Lent {
    Lent { token: SecretString::from(session.token.as_str()), acquired_at: session.acquired_at, is_fresh }
}

#[cfg(test)]
impl Dvcqg {
    /// Puts a session into the process's hands.
    pub(super) async fn keeper_holds(&self, session: Session) {
        self.keeper.kept.lock().await.session = Some(session);
    }
}
