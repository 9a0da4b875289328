//! Time and randomness as parameters. The system's own clock lives here behind the trait, and nowhere else.

use jiff::{SignedDuration, Timestamp, Zoned, tz::TimeZone};

/// Where "now" comes from.
pub trait Clock: Send + Sync {
    /// The present moment.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place where the machine's clock is read")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// The business time zone, Asia/Ho_Chi_Minh: UTC+7 without daylight saving since 1975.
pub fn business_zone() -> TimeZone {
    TimeZone::fixed(jiff::tz::offset(7))
}

/// A moment on the business clock.
pub fn business(at: Timestamp) -> Zoned {
    at.to_zoned(business_zone())
}

/// `yyyyMMddHHmmss` on the business clock, as the national portal and the payment platform write time.
pub fn compact(at: Timestamp) -> String {
    business(at).strftime("%Y%m%d%H%M%S").to_string()
}

/// `at + by`, kept inside the representable range.
pub fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.saturating_add(by).unwrap_or(Timestamp::MAX)
}
