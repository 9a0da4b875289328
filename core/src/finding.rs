//! What a probe found when it asked the partner about a doubtful or awaiting operation.

use crate::outcome::{Cause, Proof, Refusal};

/// The answer of a probe.
#[derive(Debug, Clone, PartialEq)]
pub enum Finding {
    /// The effect exists.
    Present(Proof),
    /// It does not; counts only after the partner's settling window.
    Absent,
    /// The partner is still at it.
    InProgress,
    /// The partner refused it.
    Refused(Refusal),
    /// The question was not answered.
    Inconclusive {
        /// Why.
        cause: Cause,
        /// In words.
        said: String,
    },
}

impl Finding {
    /// Its name, for metrics and logs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Present(_) => "present",
            Self::Absent => "absent",
            Self::InProgress => "in_progress",
            Self::Refused(_) => "refused",
            Self::Inconclusive { .. } => "inconclusive",
        }
    }
}
