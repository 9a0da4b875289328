//! Moments of the API (`2026-11-23T08:05:00+07:00`) as a terminal shows them, on the business clock.

use jiff::Timestamp;
use lienthong_core::clock::business;
use serde_json::Value;

/// `23/11 08:05`; empty for none.
pub(super) fn short(value: &Value) -> String {
    formatted(value, "%d/%m %H:%M")
}

/// `23/11/2026 08:05:00`; empty for none.
pub(super) fn long(value: &Value) -> String {
    formatted(value, "%d/%m/%Y %H:%M:%S")
}

fn formatted(value: &Value, format: &str) -> String {
    let at = value.as_str().and_then(|text| text.parse::<Timestamp>().ok());
    at.map(|at| business(at).strftime(format).to_string()).unwrap_or_default()
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
