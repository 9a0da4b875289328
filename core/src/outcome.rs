//! What an attempt tells: does the effect exist on the other side? Never a bare error.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::need::Need;

/// The answer of one attempt.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// The effect exists.
    Done(Proof),
    /// The partner took it; a callback or a probe settles it.
    Accepted(Acceptance),
    /// It does not exist and repeating cannot help.
    Refused(Refusal),
    /// It certainly does not exist; try again later.
    NotDone(Setback),
    /// It certainly does not exist: something of ours is missing. No attempt is burnt.
    Held(Need),
    /// It certainly does not exist: our credentials, or the partner as a whole. No attempt is burnt.
    Paused(Pause),
    /// Unknown.
    Unclear(Doubt),
}

/// What the partner said when the effect took place.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Proof {
    /// The partner's words, masked and cut by the connector.
    pub said: String,
    /// What later work needs of the answer: a pay link, an item code, `"mode": "update"`, what was cut.
    #[serde(default)]
    pub facts: serde_json::Map<String, Value>,
    /// Whether this success was found on a repeat ("already exists" after an attempt that had begun).
    #[serde(default)]
    pub repeated: bool,
}

impl Proof {
    /// The fact that says why nothing was sent: by configuration the partner is not told of this.
    pub const NOT_SENT: &str = "not_sent";

    /// Whether it ended well without anything being sent.
    pub fn is_unsent(&self) -> bool {
        self.facts.contains_key(Self::NOT_SENT)
    }
}

/// Taken by the partner, not settled yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acceptance {
    /// The partner's reference.
    pub reference: String,
    /// When to ask, if nothing came by then.
    pub ask_at: Timestamp,
}

/// Why it did not work, as a stable code for people and filters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// No connection, name or route.
    Unreachable,
    /// The partner says that it is overloaded (429, 503).
    Throttled,
    /// The partner failed before it could act (5xx documented as such).
    PartnerFailed,
    /// The session or token was not accepted, also after a new login.
    SessionRejected,
    /// Our credentials or certificate are not accepted.
    CredentialsRejected,
    /// The partner's certificate is not one that we may believe: expired, for another name, of an unknown authority.
    PartnerUntrusted,
    /// The partner is paused or under maintenance.
    PartnerUnavailable,
    /// The partner found our data wrong.
    DataRefused,
    /// The partner has a record under our key that this operation did not make.
    ForeignRecord,
    /// The partner does not know the dossier, parcel or payment that this belongs to.
    UnknownThere,
    /// No answer before the deadline, after sending.
    NoAnswer,
    /// The connection broke after sending.
    Broken,
    /// An answer that says nothing we can read.
    Unreadable,
    /// A code or phrase that no table lists.
    Unlisted,
    /// Our process stopped while the operation was with the partner.
    Interrupted,
    /// The retry schedule has ended.
    Exhausted,
    /// A defect or a wrong setting of ours.
    Internal,
}

impl Cause {
    /// The stable code, as in JSON.
    pub fn code(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Throttled => "throttled",
            Self::PartnerFailed => "partner_failed",
            Self::SessionRejected => "session_rejected",
            Self::CredentialsRejected => "credentials_rejected",
            Self::PartnerUntrusted => "partner_untrusted",
            Self::PartnerUnavailable => "partner_unavailable",
            Self::DataRefused => "data_refused",
            Self::ForeignRecord => "foreign_record",
            Self::UnknownThere => "unknown_there",
            Self::NoAnswer => "no_answer",
            Self::Broken => "broken",
            Self::Unreadable => "unreadable",
            Self::Unlisted => "unlisted",
            Self::Interrupted => "interrupted",
            Self::Exhausted => "exhausted",
            Self::Internal => "internal",
        }
    }

    /// Who has to act once the system itself does nothing more about it.
    pub fn owner(self) -> &'static str {
        match self {
            Self::DataRefused => "unit",
            Self::PartnerFailed | Self::PartnerUnavailable => "partner",
            Self::Unreachable
            | Self::Throttled
            | Self::SessionRejected
            | Self::CredentialsRejected
            | Self::PartnerUntrusted
            | Self::ForeignRecord
            | Self::UnknownThere
            | Self::NoAnswer
            | Self::Broken
            | Self::Unreadable
            | Self::Unlisted
            | Self::Interrupted
            | Self::Exhausted
            | Self::Internal => "administrator",
        }
    }

    /// What that person does: `correct` the data at the source; `retry` once the cause is gone; `look_up` at the partner
    /// whether the effect is there, then retry or dismiss; `ask_partner` what the answer means; `check_settings`.
    pub fn next_step(self) -> &'static str {
        match self {
            Self::DataRefused => "correct",
            Self::Unreachable
            | Self::Throttled
            | Self::PartnerFailed
            | Self::PartnerUnavailable
            | Self::SessionRejected
            | Self::CredentialsRejected
            | Self::PartnerUntrusted
            | Self::Exhausted => "retry",
            Self::ForeignRecord | Self::UnknownThere | Self::NoAnswer | Self::Broken | Self::Interrupted => {
                "look_up"
            }
            Self::Unreadable | Self::Unlisted => "ask_partner",
            Self::Internal => "check_settings",
        }
    }

    /// The cause with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        serde_json::from_value(Value::String(code.to_owned())).ok()
    }
}

/// A refusal by the partner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The class of the reason.
    pub cause: Cause,
    /// The partner's code, verbatim.
    pub code: String,
    /// The partner's words, masked and cut.
    pub said: String,
    /// The field that the partner complains of, where it names one.
    pub field: Option<String>,
}

/// Certainly nothing happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setback {
    /// Why.
    pub cause: Cause,
    /// In words, masked and cut.
    pub said: String,
    /// What the partner asked for (`Retry-After`), clamped by policy.
    pub retry_after: Option<SignedDuration>,
}

/// The connector as a whole cannot work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// Why.
    pub cause: Cause,
    /// In words, masked and cut.
    pub said: String,
}

/// Nobody knows whether the effect exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt {
    /// Why.
    pub cause: Cause,
    /// In words, masked and cut.
    pub said: String,
}

impl Outcome {
    /// Its name, for metrics and logs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Done(_) => "done",
            Self::Accepted(_) => "accepted",
            Self::Refused(_) => "refused",
            Self::NotDone(_) => "not_done",
            Self::Held(_) => "held",
            Self::Paused(_) => "paused",
            Self::Unclear(_) => "unclear",
        }
    }

    /// A setback without a wish for the moment of the next try.
    pub fn not_done(cause: Cause, said: impl Into<String>) -> Self {
        Self::NotDone(Setback { cause, said: said.into(), retry_after: None })
    }

    /// A doubt.
    pub fn unclear(cause: Cause, said: impl Into<String>) -> Self {
        Self::Unclear(Doubt { cause, said: said.into() })
    }

    /// A pause.
    pub fn paused(cause: Cause, said: impl Into<String>) -> Self {
        Self::Paused(Pause { cause, said: said.into() })
    }

    /// A refusal without a named field.
    pub fn refused(cause: Cause, code: impl Into<String>, said: impl Into<String>) -> Self {
        Self::Refused(Refusal { cause, code: code.into(), said: said.into(), field: None })
    }
}
