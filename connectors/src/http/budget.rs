//! The time of one attempt, shared by its calls.

use jiff::{SignedDuration, Timestamp};
use lienthong_core::clock::later;
use std::time::{Duration, Instant};

/// Left for our own work after the last call, so that the engine does not have to cut an attempt off.
const MARGIN: Duration = Duration::from_millis(250);

/// Remaining time across the calls of one attempt, by the monotonic clock.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    started: Instant,
    whole: Duration,
}

impl Budget {
    /// Starts now.
    pub fn new(whole: Duration) -> Self {
        Self { started: Instant::now(), whole }
    }

    /// What is left, less a margin for our own work.
    pub fn remaining(&self) -> Duration {
        let margin = MARGIN.min(self.whole / 10);
        self.whole.saturating_sub(margin).saturating_sub(self.started.elapsed())
    }

    /// The time for one call: its own limit, or what is left if that is less.
    pub fn for_call(&self, limit: Duration) -> Duration {
        limit.min(self.remaining())
    }

    /// Whether at least this much is left.
    pub fn has(&self, least: Duration) -> bool {
        self.remaining() >= least
    }

    /// The present moment, given the engine's moment of the start.
    pub fn now(&self, at_start: Timestamp) -> Timestamp {
        let elapsed = SignedDuration::try_from(self.started.elapsed()).unwrap_or(SignedDuration::ZERO);
        later(at_start, elapsed)
    }
}
