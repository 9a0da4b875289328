//! How statuses are reconciled: when, how fast, and whether anything is mended.

use jiff::{SignedDuration, Timestamp, civil::Time};
use std::time::Duration;

use crate::{clock::business, policy::allowance::Limits};

/// How statuses are reconciled.
#[derive(Debug, Clone)]
pub struct StatusSettings {
    /// How often it is looked whether there is something to ask.
    pub tick: Duration,
    /// How often what changed is asked about.
    pub every: Duration,
    /// From and until which time of day, on the business clock, all open dossiers are asked about; none: only by hand.
    pub night: Option<(Time, Time)>,
    /// Questions a second, at most.
    pub per_second: f64,
    /// Of a partner's rate, where it has one, questions take at most this share, in percent.
    pub share_percent: u8,
    /// So long after something about it ended a dossier is asked about at the earliest, and at least the partner's settling
    /// window: what was stamped earlier may be committed later.
    pub rest: SignedDuration,
    /// Whether a difference that can be mended safely is mended; else it is only reported.
    pub repair: bool,
    /// So near its due date a dossier is asked about earlier.
    pub soon: SignedDuration,
    /// So long without news a dossier is asked about earlier.
    pub silent: SignedDuration,
}

impl Default for StatusSettings {
    fn default() -> Self {
        Self {
            tick: Duration::from_secs(10),
            every: Duration::from_mins(15),
            night: Some((jiff::civil::time(22, 0, 0, 0), jiff::civil::time(5, 0, 0, 0))),
            per_second: 2.0,
            share_percent: 20,
            rest: SignedDuration::from_mins(1),
            repair: true,
            soon: SignedDuration::from_hours(72),
            silent: SignedDuration::from_hours(24 * 30),
        }
    }
}

impl StatusSettings {
    /// The least time from one question to the next: sending comes first.
    pub fn pace(&self, limits: &Limits) -> Duration {
        let share = f64::from(self.share_percent.clamp(1, 100)) / 100.0;
        let of_rate = limits.rate.map_or(f64::INFINITY, |rate| rate.per_second() * share);
        Duration::try_from_secs_f64(1.0 / self.per_second.min(of_rate).max(1e-3)).unwrap_or_default()
    }

    /// Whether all open dossiers may be asked about by the clock now.
    pub(crate) fn is_night(&self, now: Timestamp) -> bool {
        let at = business(now).time();
        self.night.is_some_and(|(from, until)| {
            if from <= until { from <= at && at < until } else { at >= from || at < until }
        })
    }
}
