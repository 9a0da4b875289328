//! Small readers of the API's JSON.

use serde_json::Value;

use super::Screen;

/// A field as text; empty where it is absent or null.
pub(super) fn text<'v>(value: &'v Value, field: &str) -> &'v str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// A field as a number.
pub(super) fn number(value: &Value, field: &str) -> i64 {
    value.get(field).and_then(Value::as_i64).unwrap_or(0)
}

/// A field as a list.
pub(super) fn list<'v>(value: &'v Value, field: &str) -> &'v [Value] {
    value.get(field).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// A part of an `advice` in the screen's language: `why`, `who`, `next`.
pub(super) fn advice<'v>(screen: &Screen, value: &'v Value, part: &str) -> &'v str {
    value.get("advice").and_then(|a| a.get(screen.locale.code())).map_or("", |a| text(a, part))
}
