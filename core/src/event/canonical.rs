//! The canonical text of an event's content: keys sorted, no spaces, whatever order the source wrote. Two events are
//! the same if type, subject, time, sequence and data have the same canonical text.

use aws_lc_rs::digest;
use serde_json::Value;

/// Appends the canonical text of a value.
pub fn write(value: &Value, out: &mut String) {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort_unstable();
            out.push('{');
            for (at, key) in keys.into_iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                out.push_str(&Value::String(key.clone()).to_string());
                out.push(':');
                write(&map[key.as_str()], out);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write(item, out);
            }
            out.push(']');
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            out.push_str(&value.to_string());
        }
    }
}

/// SHA-256 of the canonical text.
pub fn hash(value: &Value) -> [u8; 32] {
    let mut text = String::new();
    write(value, &mut text);
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, text.as_bytes()).as_ref());
    hash
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    #[test]
    fn the_order_of_keys_does_not_matter_and_the_order_of_items_does() {
        let a: Value = serde_json::from_str(r#"{"b":[1,2],"a":{"y":1,"x":"ă"}}"#).unwrap();
        let b: Value = serde_json::from_str(r#"{ "a": {"x":"ă","y":1}, "b":[1,2]}"#).unwrap();
        assert_eq!(super::hash(&a), super::hash(&b));
        assert_ne!(super::hash(&json!([1, 2])), super::hash(&json!([2, 1])));
    }
}
