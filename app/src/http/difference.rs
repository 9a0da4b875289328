//! What an edit changed: JSON against JSON, value by value, masked as everything that people see.

use lienthong_core::port::views::EditView;
use serde::Serialize;
use serde_json::{Value, json};

use super::{json::moment, mask};

/// One changed value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Where, as a JSON pointer.
    pub path: String,
    /// What it was; empty: it was not there.
    pub before: String,
    /// What it is; empty: it is not there any more.
    pub after: String,
}

/// Every value that differs.
pub fn between(before: &Value, after: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    compare(before, after, "", &mut found);
    found
}

/// What an edit changed.
pub fn of(edit: &EditView) -> Vec<Difference> {
    let read = |text: &str| serde_json::from_str(text).unwrap_or(Value::Null);
    between(&read(&edit.before), &read(&edit.after))
}

/// An edit as JSON.
pub fn to_json(edit: &EditView) -> Value {
    json!({ "number": edit.number, "at": moment(edit.at_us), "actor": edit.actor,
            "reason": mask::free(&edit.reason), "changes": of(edit) })
}

fn compare(before: &Value, after: &Value, path: &str, found: &mut Vec<Difference>) {
    match (before, after) {
        (Value::Object(was), Value::Object(is)) => {
            for name in was.keys().chain(is.keys().filter(|name| !was.contains_key(*name))) {
                let inner =
                    |of: &serde_json::Map<String, Value>| of.get(name).cloned().unwrap_or(Value::Null);
                compare(&inner(was), &inner(is), &format!("{path}/{name}"), found);
            }
        }
        (Value::Array(was), Value::Array(is)) => {
            for at in 0..was.len().max(is.len()) {
                let inner = |of: &[Value]| of.get(at).cloned().unwrap_or(Value::Null);
                compare(&inner(was), &inner(is), &format!("{path}/{at}"), found);
            }
        }
        _ if before == after => {}
        _ => found.push(Difference {
            path: path.to_owned(),
            before: written(before, path),
            after: written(after, path),
        }),
    }
}

fn written(value: &Value, path: &str) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => mask::at_path(path, text),
        Value::Object(_) | Value::Array(_) => {
            let mut value = value.clone();
            mask::value(&mut value);
            value.to_string()
        }
        Value::Bool(_) | Value::Number(_) => mask::at_path(path, &value.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_differ_are_told_by_their_place_and_masked() {
        let before =
            json!({"fields":{"summary":"a","applicant":{"phone":"0900000001"},"papers":[{"id":"1"}]}});
        let after = json!({"fields":{"summary":"b","applicant":{"phone":"0900000002"},"papers":[{"id":"1"},{"id":"2"}]}});
        let told: Vec<_> =
            between(&before, &after).into_iter().map(|d| (d.path, d.before, d.after)).collect();
        let expected = [
            ("/fields/applicant/phone", "090****001", "090****002"),
            ("/fields/papers/1", "", r#"{"id":"2"}"#),
            ("/fields/summary", "a", "b"),
        ];
        let mut told: Vec<_> = told.iter().map(|(p, b, a)| (p.as_str(), b.as_str(), a.as_str())).collect();
        told.sort_unstable();
        assert_eq!(told, expected);
    }
}
