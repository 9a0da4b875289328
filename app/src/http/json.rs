//! How the views look as JSON: times in RFC 3339 on the business clock (`created_us` becomes `created_at`), JSON that
//! the store keeps as text opened up, personal numbers masked.

use jiff::Timestamp;
use lienthong_core::clock::business;
use serde::Serialize;
use serde_json::{Map, Value};

use super::mask;

/// Fields that hold JSON as text.
const TEXTS: [&str; 4] = ["payload", "proof", "state", "body"];

/// A view for people.
pub fn shown<T: Serialize>(view: &T) -> Value {
    let mut value = serde_json::to_value(view).unwrap_or(Value::Null);
    open(&mut value);
    mask::value(&mut value);
    value
}

/// A moment in RFC 3339, +07:00, to the second.
pub fn moment(at_us: i64) -> Option<String> {
    Timestamp::from_microsecond(at_us).ok().map(rfc3339)
}

/// The same of a timestamp.
pub fn rfc3339(at: Timestamp) -> String {
    business(at).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

fn open(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            let mut opened = Map::with_capacity(fields.len());
            for (name, mut inner) in std::mem::take(fields) {
                match (time_name(&name), &inner) {
                    (Some(plain), Value::Number(at)) => {
                        let at = at.as_i64().and_then(moment);
                        opened.insert(plain, at.map_or(Value::Null, Value::String));
                    }
                    (Some(plain), _) => {
                        opened.insert(plain, Value::Null);
                    }
                    (None, Value::String(text))
                        if TEXTS.contains(&name.as_str()) && text.starts_with(['{', '[']) =>
                    {
                        let parsed = serde_json::from_str(text).unwrap_or_else(|_| inner.clone());
                        opened.insert(name, parsed);
                    }
                    (None, _) => {
                        open(&mut inner);
                        opened.insert(name, inner);
                    }
                }
            }
            *fields = opened;
        }
        Value::Array(items) => items.iter_mut().for_each(open),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// `created_us` → `created_at`, `at_us` → `at`.
fn time_name(name: &str) -> Option<String> {
    match name.strip_suffix("_us")? {
        "at" => Some("at".into()),
        stem => Some(format!("{stem}_at")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn times_are_named_and_written_for_people_and_texts_are_opened_and_masked() {
        let view = json!({"created_us": 1_763_800_000_000_000_i64, "at_us": 0, "ended_us": null, "state": "ready",
            "payload": "{\"parcel\":{\"recipient\":{\"phone\":\"0900000001\"}}}"});
        assert_eq!(
            shown(&view),
            json!({"created_at": "2025-11-22T15:26:40+07:00", "at": "1970-01-01T07:00:00+07:00", "ended_at": null,
                "state": "ready", "payload": {"parcel":{"recipient":{"phone":"090****001"}}}})
        );
    }
}
