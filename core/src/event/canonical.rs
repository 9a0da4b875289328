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
                write_text(key, out);
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
        Value::String(text) => write_text(text, out),
        Value::Null | Value::Bool(_) | Value::Number(_) => {
            out.push_str(&value.to_string());
        }
    }
}

/// As JSON writes it. Most texts need no escape.
fn write_text(text: &str, out: &mut String) {
    if text.bytes().any(|b| b < 0x20 || b == b'"' || b == b'\\') {
        out.push_str(&Value::from(text).to_string());
    } else {
        out.push('"');
        out.push_str(text);
        out.push('"');
    }
}

/// SHA-256 of the canonical text.
pub fn hash(value: &Value) -> [u8; 32] {
    let mut text = String::new();
    write(value, &mut text);
    digest_of(&text)
}

/// The same of an object with these members, which are in the order of their names.
pub fn hash_of(members: &[(&str, &Value)]) -> [u8; 32] {
    let mut text = String::with_capacity(2048);
    for (name, value) in members {
        text.push(if text.is_empty() { '{' } else { ',' });
        write_text(name, &mut text);
        text.push(':');
        write(value, &mut text);
    }
    text.push('}');
    digest_of(&text)
}

fn digest_of(text: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, text.as_bytes()).as_ref());
    hash
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    #[test]
    fn members_apart_hash_like_the_object_and_texts_as_json_writes_them() {
        let value = json!({"data": {"b": "a\"\\\n\u{1}ă\u{7f}/", "a": [1.5, null, true]}, "time": "x"});
        let members = [("data", &value["data"]), ("time", &value["time"])];
        assert_eq!(super::hash_of(&members), super::hash(&value));
        let mut text = String::new();
        super::write(&value, &mut text);
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
        // serde_json's maps are in order as well, and it escapes as little.
        assert_eq!(text, value.to_string());
    }

    #[test]
    fn the_order_of_keys_does_not_matter_and_the_order_of_items_does() {
        let a: Value = serde_json::from_str(r#"{"b":[1,2],"a":{"y":1,"x":"ă"}}"#).unwrap();
        let b: Value = serde_json::from_str(r#"{ "a": {"x":"ă","y":1}, "b":[1,2]}"#).unwrap();
        assert_eq!(super::hash(&a), super::hash(&b));
        assert_ne!(super::hash(&json!([1, 2])), super::hash(&json!([2, 1])));
    }
}
