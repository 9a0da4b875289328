//! Moments for people: "cách đây 3 giờ" to read, the exact time on the business clock (UTC+7) to check.

use jiff::Timestamp;
use lienthong_core::clock::business;

use crate::i18n::{Arg, Locale, text, text_with};

/// A moment, ready to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct When {
    /// For machines: RFC 3339.
    pub machine: String,
    /// `10:23 22/11/2026`.
    pub exact: String,
    /// "cách đây 3 giờ".
    pub ago: String,
}

impl When {
    /// A moment as seen from `now_us`; both in microseconds since 1970.
    pub fn new(locale: Locale, at_us: i64, now_us: i64) -> Self {
        let Ok(at) = Timestamp::from_microsecond(at_us) else {
            return Self { machine: String::new(), exact: "–".into(), ago: "–".into() };
        };
        let local = business(at);
        let pattern = match locale {
            Locale::Vi => "%H:%M:%S %d/%m/%Y",
            Locale::En => "%d %b %Y, %H:%M:%S",
        };
        Self {
            machine: local.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
            exact: local.strftime(pattern).to_string(),
            ago: ago(locale, (now_us - at_us) / 1_000_000),
        }
    }
}

/// Seconds that have passed, in words; negative: still to come.
fn ago(locale: Locale, seconds: i64) -> String {
    let (past, distance) = (seconds >= 0, seconds.abs());
    let (key, n) = match distance {
        0..=59 => return text(locale, if past { "ago-now" } else { "in-moment" }),
        60..=3_599 => (if past { "ago-minutes" } else { "in-minutes" }, distance / 60),
        3_600..=86_399 => (if past { "ago-hours" } else { "in-hours" }, distance / 3_600),
        _ => (if past { "ago-days" } else { "in-days" }, distance / 86_400),
    };
    text_with(locale, key, &[("n", Arg::Count(n))])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_told_from_now_and_exactly_on_the_business_clock() {
        let now = 1_763_800_000_000_000;
        let when = When::new(Locale::Vi, now - 3 * 3_600_000_000, now);
        assert_eq!((when.ago.as_str(), when.exact.as_str()), ("cách đây 3 giờ", "12:26:40 22/11/2025"));
        assert_eq!(When::new(Locale::En, now - 60_000_000, now).ago, "1 minute ago");
        assert_eq!(When::new(Locale::En, now + 120_000_000, now).ago, "in 2 minutes");
        assert_eq!(When::new(Locale::Vi, now - 5, now).ago, "mới đây");
    }
}
