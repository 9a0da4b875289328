//! One attempt's conversation with the portal: session, time, repeat after a refused session, and what a missing or odd
//! answer means.

use jiff::Timestamp;
use lienthong_core::{
    outcome::{Cause, Outcome},
    port::connector::{Call, Codes},
};
use secrecy::ExposeSecret;
use std::time::Duration;

use super::{
    Dvcqg,
    classify::{self, Meaning},
    dialect::Dialect,
    session::Lent,
    wire::{Reply, Service},
};
use crate::http::{Answer, Budget, read_setback, write_outcome};

/// Whether a call changes something at the portal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// A read.
    None,
    /// A write: what it did is unknown if no answer comes.
    Write,
}

/// One attempt at the portal.
pub(super) struct Visit<'a> {
    pub(super) portal: &'a Dvcqg,
    call: &'a Call<'a>,
    budget: Budget,
    lent: Option<Lent>,
    /// Values to mask in the partner's words.
    personal: Vec<String>,
    /// Whether a call was repeated with another session: once an attempt.
    has_repeated: bool,
    /// The login's failure: nothing more can be asked in this attempt.
    blocked: Option<Outcome>,
}

impl<'a> Visit<'a> {
    pub(super) fn new(portal: &'a Dvcqg, call: &'a Call<'a>, personal: Vec<String>) -> Self {
        let budget = Budget::new(call.deadline);
        Self { portal, call, budget, lent: None, personal, has_repeated: false, blocked: None }
    }

    /// With a login of its own.
    pub(super) async fn log_in(&mut self) -> Result<(), Outcome> {
        self.lent = Some(self.portal.lend_anew(self.call, &self.budget).await?);
        Ok(())
    }

    pub(super) fn now(&self) -> Timestamp {
        self.budget.now(self.call.now)
    }

    /// What is stored of the catalogue, within an engine.
    pub(super) fn codes(&self) -> Option<&'a dyn Codes> {
        self.call.sessions.codes()
    }

    /// The login's failure, if there was one.
    pub(super) fn blocked(&self) -> Option<Outcome> {
        self.blocked.clone()
    }

    /// One more value to mask.
    pub(super) fn mask(&mut self, value: &str) {
        self.personal.push(value.to_owned());
    }

    /// What to mask.
    pub(super) fn personal(&self) -> Vec<&str> {
        let session = self.lent.iter().map(|l| l.token.expose_secret());
        let headers = self.portal.config.headers.values().map(ExposeSecret::expose_secret);
        self.personal.iter().map(String::as_str).chain(session).chain(headers).collect()
    }

    /// Asks for a service; a refused session is replaced once. An error is the attempt's outcome so far: for a read and
    /// for a write that was not sent it is certainly without effect.
    pub(super) async fn ask<S: Service>(&mut self, service: &S, effect: Effect) -> Result<Reply, Outcome> {
        if self.portal.config.dialect == Dialect::Gateway {
            return self.send(service, effect, None).await;
        }
        loop {
            let lent = self.session(None).await?;
            let Some(lent) = lent else {
                return Err(Outcome::not_done(Cause::SessionRejected, "not sent: no session"));
            };
            let reply = self.send(service, effect, Some(&lent)).await?;
            let meaning = classify::meaning(&reply, &self.portal.config);
            let may_be_the_session = matches!(meaning, Meaning::Session | Meaning::Unlisted);
            if !may_be_the_session || lent.is_fresh || self.has_repeated {
                return Ok(reply);
            }
            // A refusal is certainly without effect, and nobody knows what a dead session is answered with.
            match self.session(Some(&lent)).await? {
                Some(_) => self.has_repeated = true,
                None => return Ok(reply),
            }
        }
    }

    async fn session(&mut self, rejected: Option<&Lent>) -> Result<Option<Lent>, Outcome> {
        if let Some(outcome) = &self.blocked {
            return Err(outcome.clone());
        }
        if rejected.is_none() && self.lent.is_some() {
            return Ok(self.lent.clone());
        }
        match self.portal.lend(self.call, &self.budget, rejected).await {
            Ok(Some(lent)) => {
                self.lent = Some(lent.clone());
                Ok(Some(lent))
            }
            Ok(None) => Ok(None),
            Err(outcome) => {
                self.blocked = Some(outcome.clone());
                Err(outcome)
            }
        }
    }

    async fn send<S: Service>(
        &self,
        service: &S,
        effect: Effect,
        lent: Option<&Lent>,
    ) -> Result<Reply, Outcome> {
        let Dvcqg { config, http, .. } = self.portal;
        let least = match effect {
            Effect::None => Duration::from_millis(1),
            Effect::Write => Duration::from_millis(config.min_write_ms),
        };
        if !self.budget.has(least) {
            return Err(Outcome::not_done(
                Cause::NoAnswer,
                format!("{}: not sent: too little time was left", service.name()),
            ));
        }
        let request = self.portal.request(service, lent)?;
        let answer = http.send(request, self.budget.for_call(config.call_timeout())).await;
        let answer = answer.map_err(|failure| match effect {
            Effect::Write => failure.outcome(),
            Effect::None => failure.reading_outcome(),
        })?;
        let reply = read(&answer, config.dialect);
        reply.ok_or_else(|| match effect {
            Effect::Write => write_outcome(&answer),
            Effect::None => {
                let setback = read_setback(&answer);
                match setback.cause {
                    Cause::CredentialsRejected => Outcome::paused(setback.cause, setback.said),
                    _ => Outcome::NotDone(setback),
                }
            }
        })
    }
}

/// The portal's own reply, where the answer states a result. Clients of the portal do not look at the status; where status
/// and body contradict each other nothing is stated.
fn read(answer: &Answer, dialect: Dialect) -> Option<Reply> {
    let reply = Reply::read(&answer.body)?;
    let reply = match dialect {
        Dialect::Adapter => reply,
        Dialect::Gateway => reply.unwrapped()?,
    };
    let is_consistent = match answer.status {
        200..=299 => true,
        401 | 403 | 429 => false,
        400..=499 => !reply.is_success(),
        _ => false,
    };
    is_consistent.then_some(reply)
}
