//! A clock that stands still until a test moves it, or that follows the (virtual) time of the runtime.

use jiff::{SignedDuration, Timestamp};
use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use crate::clock::Clock;

/// A clock in the hands of a test; clones show the same time. Whole microseconds, as the stores keep them.
#[derive(Debug, Clone)]
pub struct ManualClock {
    us: Arc<AtomicI64>,
    running_since: Option<tokio::time::Instant>,
}

/// 2026-11-23T08:00:00+07:00, a Monday morning: where a manual clock begins.
pub const MORNING_US: i64 = 1_795_395_600_000_000;

impl Default for ManualClock {
    fn default() -> Self {
        Self { us: Arc::new(AtomicI64::new(MORNING_US)), running_since: None }
    }
}

impl ManualClock {
    /// A clock that shows this moment.
    pub fn at(now: Timestamp) -> Self {
        Self { us: Arc::new(AtomicI64::new(now.as_microsecond())), running_since: None }
    }

    /// A clock that begins on that morning and goes as fast as the runtime's own.
    pub fn running() -> Self {
        Self { running_since: Some(tokio::time::Instant::now()), ..Self::default() }
    }

    /// Sets a clock that stands still, backwards too.
    pub fn set(&self, now: Timestamp) {
        self.us.store(now.as_microsecond(), Ordering::Release);
    }

    /// Moves it on (or back, if negative) and returns the new time.
    pub fn advance(&self, by: SignedDuration) -> Timestamp {
        let by = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        self.us.fetch_add(by, Ordering::AcqRel);
        self.now()
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        let gone = self.running_since.map_or(0, |since| since.elapsed().as_micros());
        let now = self.us.load(Ordering::Acquire).saturating_add(i64::try_from(gone).unwrap_or(i64::MAX));
        Timestamp::from_microsecond(now).unwrap_or(Timestamp::MAX)
    }
}
