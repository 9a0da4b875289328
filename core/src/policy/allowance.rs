//! How much of a connector's work may go now, across all replicas: pure, over its stored condition and the number of
//! operations that are with the partner, both read under the lock of the connector's row.

use jiff::{SignedDuration, Timestamp};

use super::health::{HealthSettings, Phase};
use crate::clock::later;

/// So many a second, with a burst: the generic cell rate algorithm over one stored moment, the theoretical arrival time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    interval: SignedDuration,
    burst: u32,
}

impl Rate {
    /// `per_second` above 0; `burst` at least 1.
    pub fn new(per_second: f64, burst: u32) -> Self {
        let micros = (1e6 / per_second.max(1e-6)).round().max(1.0);
        Self { interval: SignedDuration::from_micros(micros as i64), burst: burst.max(1) }
    }

    /// How many a second.
    pub fn per_second(&self) -> f64 {
        1.0 / self.interval.as_secs_f64()
    }

    /// How many may go now.
    pub fn free(&self, tat: Option<Timestamp>, now: Timestamp) -> usize {
        let ahead = tat.map_or(SignedDuration::ZERO, |tat| tat.duration_since(now)).max(SignedDuration::ZERO);
        let room = self.interval.saturating_mul(i32::try_from(self.burst).unwrap_or(i32::MAX)) - ahead;
        usize::try_from(room.as_micros() / self.interval.as_micros()).unwrap_or(0)
    }

    /// The arrival time once so many have gone.
    pub fn after(&self, tat: Option<Timestamp>, now: Timestamp, gone: usize) -> Timestamp {
        let by = self.interval.saturating_mul(i32::try_from(gone).unwrap_or(i32::MAX));
        later(tat.map_or(now, |tat| tat.max(now)), by)
    }

    /// How long until the next one may go.
    pub fn wait(&self, tat: Option<Timestamp>, now: Timestamp) -> SignedDuration {
        let ahead = tat.map_or(SignedDuration::ZERO, |tat| tat.duration_since(now));
        let room = self.interval.saturating_mul(i32::try_from(self.burst - 1).unwrap_or(i32::MAX));
        (ahead - room).max(SignedDuration::ZERO)
    }
}

/// What configuration allows a connector.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Limits {
    /// Operations with the partner at once, of one process.
    pub in_flight: usize,
    /// The same of all processes together; none: no limit of all together.
    pub in_flight_total: Option<usize>,
    /// How many a second, of all processes together.
    pub rate: Option<Rate>,
}

impl Limits {
    /// Whether a limit holds over all processes, so that claims go by the connector's row.
    pub fn are_shared(&self) -> bool {
        self.in_flight_total.is_some() || self.rate.is_some()
    }

    /// How many operations a second get through, if one takes so long on the average. `None`: nobody knows.
    pub fn per_second(&self, mean: Option<SignedDuration>) -> Option<f64> {
        let by_pace = mean.map(|mean| self.whole() as f64 / mean.as_secs_f64().max(0.001));
        let by_rate = self.rate.map(|rate| rate.per_second());
        match (by_pace, by_rate) {
            (Some(pace), Some(rate)) => Some(pace.min(rate)),
            (pace, rate) => pace.or(rate),
        }
    }

    /// How long so many operations take once the partner works. `None`: nobody knows.
    pub fn drain(&self, waiting: i64, mean: Option<SignedDuration>) -> Option<SignedDuration> {
        let seconds = waiting.max(0) as f64 / self.per_second(mean)?;
        SignedDuration::try_from_secs_f64(seconds.ceil()).ok()
    }

    /// What the steps of the ramp are shares of.
    pub fn whole(&self) -> usize {
        self.in_flight_total.unwrap_or(self.in_flight).max(1)
    }

    /// How many operations may be with the partner at once in a phase, across all replicas. `None`: no limit of all.
    pub fn at_once(&self, phase: &Phase, settings: &HealthSettings) -> Option<usize> {
        match phase {
            Phase::Closed => self.in_flight_total,
            Phase::Open { .. } => Some(0),
            Phase::HalfOpen { .. } => Some(1),
            Phase::Ramp { step, .. } => {
                let percent = settings.ramp.get(*step).map_or(100, |p| *p as usize);
                Some((self.whole() * percent / 100).clamp(1, self.whole()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(1_700_000_000_000 + millis).unwrap()
    }

    #[test]
    fn the_rate_holds_over_a_minute_however_it_is_taken() {
        let rate = Rate::new(5.0, 10);
        let (mut tat, mut gone) = (None, 0);
        for millis in (0..60_000).step_by(37) {
            let free = rate.free(tat, at(millis));
            assert!(free <= 10, "{free}");
            tat = Some(rate.after(tat, at(millis), free));
            gone += free;
        }
        assert!((300..=310).contains(&gone), "{gone}: five a second, and the burst once");
    }

    #[test]
    fn the_wait_ends_when_one_may_go() {
        let rate = Rate::new(2.0, 3);
        let tat = Some(rate.after(None, at(0), 3));
        assert_eq!((rate.free(None, at(0)), rate.free(tat, at(0))), (3, 0));
        let wait = rate.wait(tat, at(0));
        assert_eq!(wait.as_millis(), 500);
        assert_eq!((rate.free(tat, at(499)), rate.free(tat, at(500))), (0, 1));
        assert_eq!(rate.wait(None, at(0)), SignedDuration::ZERO);
    }

    #[test]
    fn a_ramp_is_a_growing_share_of_what_is_allowed_and_never_nothing() {
        let settings = HealthSettings::default();
        let limits = |in_flight, in_flight_total| Limits { in_flight, in_flight_total, rate: None };
        let step = |limits: &Limits, step| {
            limits.at_once(&Phase::Ramp { trouble: None, step, until: at(0) }, &settings)
        };
        let all = limits(16, Some(40));
        assert_eq!([0, 1, 2].map(|n| step(&all, n)), [Some(4), Some(10), Some(20)]);
        assert_eq!(all.at_once(&Phase::HalfOpen { trouble: None }, &settings), Some(1));
        assert_eq!(all.at_once(&Phase::Closed, &settings), Some(40));
        let few = limits(2, None);
        assert_eq!([0, 1, 2].map(|n| step(&few, n)), [Some(1); 3]);
        assert_eq!(few.at_once(&Phase::Closed, &settings), None);
    }
}
