//! When to try again: the retry schedule as data, with jitter that depends on the operation only, so that it can be
//! computed again and simulated.

use jiff::SignedDuration;

/// Delays after the first, second, … failed attempt. After the last one the operation is stuck.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    delays: Vec<SignedDuration>,
}

/// A delay is drawn from this share of it to the whole of it.
const JITTER_FLOOR_PERCENT: u64 = 80;

/// What a partner's `Retry-After` may ask for at most: longer is a pause, which is decided elsewhere.
pub const LONGEST_RETRY_AFTER: SignedDuration = SignedDuration::from_hours(1);

impl Default for Schedule {
    /// About three days: quick while a hiccup is likely, hourly while somebody mends the partner.
    fn default() -> Self {
        let mut seconds = vec![10, 30, 60, 120, 300, 600, 1200, 1800];
        seconds.extend(std::iter::repeat_n(3600, 71));
        Self::from_seconds(&seconds)
    }
}

impl Schedule {
    /// A schedule of delays in seconds.
    pub fn from_seconds(seconds: &[u32]) -> Self {
        Self { delays: seconds.iter().map(|s| SignedDuration::from_secs(i64::from(*s))).collect() }
    }

    /// How long to wait after `attempts` counted attempts (1, 2, …), or `None`: it has ended.
    /// `retry_after`: the partner's wish, honoured when longer than the schedule, clamped to an hour.
    pub fn delay(
        &self,
        attempts: i32,
        operation: i64,
        retry_after: Option<SignedDuration>,
    ) -> Option<SignedDuration> {
        let at = usize::try_from(attempts.max(1) - 1).ok()?;
        let planned = *self.delays.get(at)?;
        let share = JITTER_FLOOR_PERCENT + spread(operation, attempts) % (101 - JITTER_FLOOR_PERCENT);
        let millis = i64::try_from(planned.as_millis()).unwrap_or(i64::MAX / 100);
        let jittered = SignedDuration::from_millis(millis / 100 * i64::try_from(share).unwrap_or(100));
        let wished = retry_after.unwrap_or(SignedDuration::ZERO).min(LONGEST_RETRY_AFTER);
        Some(jittered.max(wished))
    }

    /// The sum of all delays.
    pub fn span(&self) -> SignedDuration {
        self.delays.iter().copied().sum()
    }
}

/// A well-mixed number of two (SplitMix64's finaliser).
fn spread(operation: i64, attempts: i32) -> u64 {
    let mut x =
        (operation as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (u64::from(attempts.unsigned_abs()) << 32);
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_schedule_lasts_about_three_days() {
        let hours = Schedule::default().span().as_hours();
        assert!((70..=75).contains(&hours), "{hours} h");
    }

    #[test]
    fn delays_stay_within_the_jitter_and_end() {
        let schedule = Schedule::from_seconds(&[10, 20]);
        for operation in 0..200 {
            let delay = schedule.delay(1, operation, None).unwrap().as_millis();
            assert!((8_000..=10_000).contains(&delay), "{delay}");
        }
        assert!(schedule.delay(3, 1, None).is_none());
    }

    #[test]
    fn retry_after_is_honoured_and_clamped() {
        let schedule = Schedule::from_seconds(&[10]);
        let wish = |s| schedule.delay(1, 1, Some(SignedDuration::from_secs(s))).unwrap().as_secs();
        assert_eq!(wish(120), 120);
        assert_eq!(wish(86_400), 3_600);
        assert!(wish(1) >= 8);
    }
}
