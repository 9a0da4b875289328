//! Fields of what the portal sends, read leniently: numbers stand for texts, control characters for blanks.

use jiff::{Timestamp, civil::DateTime, tz};
use serde_json::{Map, Value};

pub(super) type Object = Map<String, Value>;

/// A scalar as text, trimmed; empty where there is none.
pub(super) fn text(object: &Object, field: &str) -> String {
    match object.get(field) {
        Some(Value::String(text)) => clean(text),
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::Bool(is)) => is.to_string(),
        Some(Value::Null | Value::Array(_) | Value::Object(_)) | None => String::new(),
    }
}

/// Without control characters, which no store and no page wants.
pub(super) fn clean(text: &str) -> String {
    let is_odd = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    if text.contains(is_odd) { text.replace(is_odd, " ").trim().to_owned() } else { text.trim().to_owned() }
}

/// A value with all its texts cleaned; files as base64 are left out, because they are kept as files.
pub(super) fn as_sent(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(clean(text)),
        Value::Array(items) => items.iter().map(as_sent).collect(),
        Value::Object(object) => {
            let fields = object.iter().filter(|(name, _)| *name != "Base64");
            Value::Object(fields.map(|(name, value)| (clean(name), as_sent(value))).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

/// The fields that must be there: the names of those that are not.
pub(super) fn missing(object: &Object, fields: &[&str]) -> Vec<String> {
    fields.iter().filter(|field| text(object, field).is_empty()).map(|field| (*field).to_owned()).collect()
}

/// A moment on the Vietnamese clock: `yyyyMMddHHmmss` as the portal writes it, or a form that its siblings use. None: it is
/// none of them, and nothing is guessed.
pub(super) fn moment(said: &str) -> Option<Timestamp> {
    if let Ok(at) = said.parse::<Timestamp>() {
        return Some(at);
    }
    let forms =
        ["%Y%m%d%H%M%S", "%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S"];
    let at = forms.iter().find_map(|form| DateTime::strptime(form, said).ok());
    let at = at.or_else(|| Some(day(said)?.at(0, 0, 0, 0)))?;
    tz::offset(7).to_timestamp(at).ok()
}

/// A day.
pub(super) fn day(said: &str) -> Option<jiff::civil::Date> {
    ["%Y%m%d", "%d/%m/%Y", "%Y-%m-%d"].iter().find_map(|form| jiff::civil::Date::strptime(form, said).ok())
}

/// Whole đồng, as digits: separators would be a guess, and so would a fraction.
pub(super) fn amount(said: &str) -> Option<i64> {
    let is_whole = !said.is_empty() && said.len() <= 15 && said.bytes().all(|b| b.is_ascii_digit());
    said.parse().ok().filter(|_| is_whole)
}

/// The beginning of a hash, which tells contents apart.
pub(super) fn short(hash: &[u8; 32]) -> String {
    hash.iter().take(12).fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// A text for a key: stores index keys, and take none that is long without end.
pub(super) fn key(parts: &[&str]) -> String {
    let text = parts.join("|");
    if text.len() <= 200 { text } else { lienthong_core::id::derived("~", parts, 40) }
}

/// `True` as the portal writes it, and as others do.
pub(super) fn is_true(said: &str) -> bool {
    ["true", "1"].contains(&said.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_on_the_vietnamese_clock_and_none_is_guessed() {
        let at = |said| moment(said).map(|at| at.to_string());
        assert_eq!(at("20261122235900"), Some("2026-11-22T16:59:00Z".to_owned()));
        assert_eq!(at("22/11/2026 00:00:00"), Some("2026-11-21T17:00:00Z".to_owned()));
        assert_eq!(at("22/11/2026"), Some("2026-11-21T17:00:00Z".to_owned()));
        assert_eq!(at("2026-11-22T08:00:00+07:00"), Some("2026-11-22T01:00:00Z".to_owned()));
        assert_eq!(
            [at("22-11-2026"), at("11/22/2026"), at(""), at("20261322000000")],
            [None, None, None, None]
        );
    }

    #[test]
    fn keys_stay_short_and_tell_long_texts_apart() {
        let (long, other) = ("9".repeat(500), "8".repeat(500));
        assert_eq!(key(&["QD-1", "QD-2"]), "QD-1|QD-2");
        assert_ne!(key(&[&long]), key(&[&other]));
        assert!(key(&[&long]).len() <= 40);
    }

    #[test]
    fn amounts_are_whole_digits_and_nothing_else() {
        assert_eq!(amount("1500000"), Some(1_500_000));
        for said in ["1.500.000", "1500000.5", "-1", "1e6", "", " 1", "1234567890123456"] {
            assert_eq!(amount(said), None, "{said:?}");
        }
    }
}
