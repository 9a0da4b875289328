//! Moments of the API (`2026-11-23T08:05:00+07:00`) as a terminal shows them, on the business clock.

use jiff::Timestamp;
use lienthong_core::clock::business;
use serde_json::Value;

/// `23/11 08:05`; empty for none.
pub(super) fn short(value: &Value) -> String {
    formatted(value, "%d/%m %H:%M")
}

/// `23/11 08:05:00`; empty for none.
pub(super) fn exact(value: &Value) -> String {
    formatted(value, "%d/%m %H:%M:%S")
}

/// Seconds between two moments; 0 if either is missing.
pub(super) fn apart(one: &Value, other: &Value) -> i64 {
    match (moment(one), moment(other)) {
        (Some(one), Some(other)) => (one.as_second() - other.as_second()).abs(),
        _ => 0,
    }
}

/// `23/11/2026 08:05:00`; empty for none.
pub(super) fn long(value: &Value) -> String {
    formatted(value, "%d/%m/%Y %H:%M:%S")
}

fn formatted(value: &Value, format: &str) -> String {
    moment(value).map(|at| business(at).strftime(format).to_string()).unwrap_or_default()
}

fn moment(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn moments_are_shown_on_the_business_clock() {
        assert_eq!(short(&json!("2026-11-23T01:05:00Z")), "23/11 08:05");
        assert_eq!(long(&json!("2026-11-23T08:05:09+07:00")), "23/11/2026 08:05:09");
        assert_eq!(short(&Value::Null), "");
    }
}
