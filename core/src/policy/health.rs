//! The health of a partner, pure: closed (it works), open (nothing is sent), half-open (one operation at a time tries),
//! ramp (a growing share of what is allowed), closed again. Every transition is a function of phase, moment and settings;
//! who stores it holds the connector's row. How many may go is in `allowance.rs`, when to open in `watch.rs`.

use jiff::{SignedDuration, Timestamp};

use crate::{
    clock::later,
    outcome::{Cause, Outcome, Pause},
    policy::backoff::LONGEST_RETRY_AFTER,
};

/// When a connector opens, how it is tried, how it comes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthSettings {
    /// From opening to the first trial; doubles with every one that fails.
    pub trial_every: SignedDuration,
    /// The longest time between two trials.
    pub longest_trial: SignedDuration,
    /// How far back outcomes count.
    pub window: SignedDuration,
    /// Fewer outcomes than this say nothing.
    pub minimum: u32,
    /// The share of setbacks among them that opens, in percent.
    pub percent: u32,
    /// Where traffic is too thin for shares: so many setbacks in a row open, however long they took.
    pub in_a_row: u32,
    /// The steps of the way back: shares of what may be with the partner at once, in percent.
    pub ramp: Vec<u32>,
    /// How long each step lasts.
    pub step: SignedDuration,
}

impl Default for HealthSettings {
    fn default() -> Self {
        Self {
            trial_every: SignedDuration::from_secs(30),
            longest_trial: SignedDuration::from_mins(5),
            window: SignedDuration::from_mins(1),
            minimum: 20,
            percent: 50,
            in_a_row: 20,
            ramp: vec![10, 25, 50],
            step: SignedDuration::from_mins(1),
        }
    }
}

impl HealthSettings {
    fn until_trial(&self, trials: u32) -> SignedDuration {
        let doubled = self.trial_every.saturating_mul(1 << trials.min(16));
        doubled.min(self.longest_trial.max(self.trial_every))
    }
}

/// What is wrong with a partner: the incident, from its beginning to the return to closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// Since when.
    pub since: Timestamp,
    /// The newest reason.
    pub cause: Cause,
    /// In words, masked and cut.
    pub said: String,
    /// How many trials failed: the next one waits the longer.
    pub trials: u32,
}

/// How a connector stands with its partner. A return after a planned hold has no trouble.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Phase {
    /// It works.
    #[default]
    Closed,
    /// Nothing is sent; at `trial_at` a question without effect asks whether the partner is back.
    Open {
        /// Why.
        trouble: Trouble,
        /// When to ask.
        trial_at: Timestamp,
    },
    /// One operation at a time is with the partner, across all replicas.
    HalfOpen {
        /// Why, unless it was planned.
        trouble: Option<Trouble>,
    },
    /// A share of what is allowed is with the partner.
    Ramp {
        /// Why, unless it was planned.
        trouble: Option<Trouble>,
        /// Which step, from 0.
        step: usize,
        /// When the next one begins.
        until: Timestamp,
    },
}

/// Nothing is sent because somebody, or the calendar, says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// Who: a person's name, or [`CALENDAR`].
    pub by: String,
    /// Why, in their words.
    pub reason: String,
    /// Since when.
    pub since: Timestamp,
    /// Until when; none: until it is released.
    pub until: Option<Timestamp>,
}

/// Holds planned maintenance by configuration.
pub const CALENDAR: &str = "calendar";

/// What an attempt's outcome says about the partner as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sign {
    /// It deals with our operations, whatever it said about this one.
    Answer,
    /// It may be down.
    Setback(Alarm),
    /// It certainly takes nothing from us now.
    Down(Alarm),
    /// Nothing.
    Silent,
}

/// A reason to open a connector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alarm {
    /// The class of the reason.
    pub cause: Cause,
    /// In words, masked and cut.
    pub said: String,
    /// What the partner asked for (`Retry-After`).
    pub retry_after: Option<SignedDuration>,
}

/// What an outcome says about the partner.
pub fn sign(outcome: &Outcome) -> Sign {
    let alarm = |cause, said: &str, retry_after| Alarm { cause, said: said.to_owned(), retry_after };
    match outcome {
        Outcome::Done(_) | Outcome::Accepted(_) | Outcome::Refused(_) => Sign::Answer,
        Outcome::NotDone(setback) => {
            let alarm = alarm(setback.cause, &setback.said, setback.retry_after);
            match setback.cause {
                Cause::CredentialsRejected | Cause::PartnerUntrusted | Cause::SessionRejected => {
                    Sign::Down(alarm)
                }
                Cause::Unreachable
                | Cause::Throttled
                | Cause::PartnerFailed
                | Cause::PartnerUnavailable
                | Cause::NoAnswer
                | Cause::Broken
                | Cause::Unreadable
                | Cause::Unlisted => Sign::Setback(alarm),
                Cause::DataRefused | Cause::ForeignRecord | Cause::UnknownThere => Sign::Answer,
                Cause::Interrupted | Cause::Exhausted | Cause::Internal => Sign::Silent,
            }
        }
        Outcome::Held(_) => Sign::Silent,
        Outcome::Paused(Pause { cause, said }) => Sign::Down(alarm(*cause, said, None)),
        // A partner that lets everybody wait is down as well: going on would leave a doubt in every lane.
        Outcome::Unclear(doubt) => Sign::Setback(alarm(doubt.cause, &doubt.said, None)),
    }
}

/// Whether a setback of this cause is the partner's as a whole, so that it is not counted against an operation while
/// the connector is not closed. `is_tried`: the partner has just answered a question without effect; a failure on its
/// side may then be about this very operation, which has to come to an end some day.
pub fn is_spared(cause: Cause, is_tried: bool) -> bool {
    match cause {
        Cause::Unreachable
        | Cause::Throttled
        | Cause::PartnerUnavailable
        | Cause::CredentialsRejected
        | Cause::PartnerUntrusted
        | Cause::SessionRejected => true,
        Cause::PartnerFailed => !is_tried,
        Cause::DataRefused
        | Cause::ForeignRecord
        | Cause::UnknownThere
        | Cause::NoAnswer
        | Cause::Broken
        | Cause::Unreadable
        | Cause::Unlisted
        | Cause::Interrupted
        | Cause::Exhausted
        | Cause::Internal => false,
    }
}

impl Phase {
    /// The stable name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open { .. } => "open",
            Self::HalfOpen { .. } => "half_open",
            Self::Ramp { .. } => "ramp",
        }
    }

    /// The names of all phases.
    pub const NAMES: [&'static str; 4] = ["closed", "open", "half_open", "ramp"];

    /// What is wrong, if anything is.
    pub fn trouble(&self) -> Option<&Trouble> {
        match self {
            Self::Closed => None,
            Self::Open { trouble, .. } => Some(trouble),
            Self::HalfOpen { trouble } | Self::Ramp { trouble, .. } => trouble.as_ref(),
        }
    }

    /// Whether the partner works, as far as we know, and nothing limits the way there but settings.
    pub fn is_closed(&self) -> bool {
        *self == Self::Closed
    }

    /// Opens. An incident that is there already goes on with its beginning, and its next trial waits longer.
    #[must_use]
    pub fn open(self, now: Timestamp, alarm: &Alarm, settings: &HealthSettings) -> Self {
        let known = match self {
            Self::Open { .. } => return self,
            Self::Closed => None,
            Self::HalfOpen { trouble } | Self::Ramp { trouble, .. } => trouble,
        };
        let (since, trials) = known.map_or((now, 0), |t| (t.since, t.trials.saturating_add(1)));
        let trouble = Trouble { since, cause: alarm.cause, said: alarm.said.clone(), trials };
        let wished = alarm.retry_after.unwrap_or(SignedDuration::ZERO).min(LONGEST_RETRY_AFTER);
        let trial_at = later(now, settings.until_trial(trials).max(wished));
        Self::Open { trouble, trial_at }
    }

    /// What the trial's answer makes of an open connector. Where nothing waits there is nothing to try with, and the
    /// answer alone closes it. `None`: no answer in time.
    #[must_use]
    pub fn trial_answered(
        self,
        now: Timestamp,
        answer: Result<(), Option<(Cause, String)>>,
        is_waiting: bool,
        settings: &HealthSettings,
    ) -> Self {
        let Self::Open { trouble, .. } = self else { return self };
        match answer {
            Ok(()) if is_waiting => Self::HalfOpen { trouble: Some(trouble) },
            Ok(()) => Self::Closed,
            Err(failure) => {
                let trials = trouble.trials.saturating_add(1);
                let (cause, said) = failure.unwrap_or((trouble.cause, trouble.said));
                let trouble = Trouble { since: trouble.since, cause, said, trials };
                Self::Open { trouble, trial_at: later(now, settings.until_trial(trials)) }
            }
        }
    }

    /// What an operation's outcome makes of a connector on its way back; `alarm`: so many setbacks that it should open.
    #[must_use]
    pub fn tried(
        self,
        now: Timestamp,
        sign: &Sign,
        alarm: Option<&Alarm>,
        settings: &HealthSettings,
    ) -> Self {
        match (self, sign) {
            (Self::HalfOpen { trouble }, Sign::Answer) => Self::climb(trouble, 0, now, settings),
            (half @ Self::HalfOpen { .. }, Sign::Setback(alarm) | Sign::Down(alarm)) => {
                half.open(now, alarm, settings)
            }
            (any, Sign::Down(alarm)) => any.open(now, alarm, settings),
            (half @ Self::HalfOpen { .. }, Sign::Silent) => half,
            (any, Sign::Answer | Sign::Setback(_) | Sign::Silent) => match alarm {
                Some(alarm) => any.open(now, alarm, settings),
                None => any,
            },
        }
    }

    /// A step of the ramp that is over gives way to the next one, the last one to closed.
    #[must_use]
    pub fn step_up(self, now: Timestamp, settings: &HealthSettings) -> Self {
        match self {
            Self::Ramp { trouble, step, until } if until <= now => {
                Self::climb(trouble, step + 1, now, settings)
            }
            other => other,
        }
    }

    fn climb(trouble: Option<Trouble>, step: usize, now: Timestamp, settings: &HealthSettings) -> Self {
        if step >= settings.ramp.len() {
            return Self::Closed;
        }
        Self::Ramp { trouble, step, until: later(now, settings.step) }
    }

    /// Nothing is with the partner and nothing waits: a half-open connector has nothing to try with, and closes.
    #[must_use]
    pub fn nothing_to_try(self) -> Self {
        if matches!(self, Self::HalfOpen { .. }) { Self::Closed } else { self }
    }

    /// A hold is over: the way back is gentle, and what was open before is asked at once.
    #[must_use]
    pub fn held_no_more(self, now: Timestamp) -> Self {
        match self {
            Self::Closed => Self::HalfOpen { trouble: None },
            Self::Ramp { trouble, .. } | Self::HalfOpen { trouble } => Self::HalfOpen { trouble },
            Self::Open { trouble, .. } => Self::Open { trouble, trial_at: now },
        }
    }

    /// The trial is due now, whatever was planned.
    #[must_use]
    pub fn try_now(self, now: Timestamp) -> Self {
        match self {
            Self::Open { trouble, trial_at } => Self::Open { trouble, trial_at: trial_at.min(now) },
            other => other,
        }
    }

    /// Whether the trial's time has come.
    pub fn is_trial_due(&self, now: Timestamp) -> bool {
        matches!(self, Self::Open { trial_at, .. } if *trial_at <= now)
    }
}
