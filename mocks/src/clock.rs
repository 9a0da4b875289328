//! The one place that reads the clock, and the partners' date format `yyyyMMddHHmmss` (GMT+7).

use jiff::{Timestamp, civil::DateTime, tz};

#[expect(clippy::disallowed_methods, reason = "a simulator is the outside world: it has its own clock")]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

/// Now, as the partners write it.
pub(crate) fn stamp() -> String {
    let local = now().to_zoned(tz::Offset::constant(7).to_time_zone());
    local.strftime("%Y%m%d%H%M%S").to_string()
}

/// Whether `text` is fourteen digits naming a real date and time.
pub(crate) fn is_stamp(text: &str) -> bool {
    text.len() == 14
        && text.bytes().all(|b| b.is_ascii_digit())
        && DateTime::strptime("%Y%m%d%H%M%S", text).is_ok()
}

/// Whether `text` is six digits naming a real date (`yyMMdd`).
pub(crate) fn is_short_date(text: &str) -> bool {
    text.len() == 6
        && text.bytes().all(|b| b.is_ascii_digit())
        && jiff::civil::Date::strptime("%Y%m%d", format!("20{text}")).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_real_dates_of_fourteen_digits_are_stamps() {
        assert!(is_stamp("20250110081500") && is_stamp("20240229235959"));
        for bad in
            ["20250230081500", "20250110241500", "2025011008150", "20250110 81500", "", "20251310081500"]
        {
            assert!(!is_stamp(bad), "{bad}");
        }
        assert!(is_stamp(&stamp()));
        assert!(is_short_date("250110") && !is_short_date("251340"));
    }
}
