//! The HTTP feed of what goes out, read as a one-stop system without a broker would: page by page, by cursor.

use serde_json::Value;

use crate::api::Api;

/// Everything from the beginning, pages of `page` events.
pub async fn whole(api: &Api, page: usize) -> Vec<Value> {
    let (mut events, mut cursor) = (Vec::new(), String::new());
    loop {
        let answered = api.get(&format!("/v1/events?after={cursor}&limit={page}")).await;
        events.extend(answered["events"].as_array().cloned().unwrap_or_default());
        answered["next"].as_str().unwrap_or_default().clone_into(&mut cursor);
        if answered["more"] != Value::Bool(true) {
            return events;
        }
    }
}

/// The short name: `payment.succeeded` of `vn.lienthong.payment.succeeded.v1`.
pub fn name(event: &Value) -> &str {
    let kind = event["type"].as_str().unwrap_or_default();
    kind.strip_prefix("vn.lienthong.").and_then(|k| k.rsplit_once('.')).map_or(kind, |(name, _)| name)
}

/// The `sequence` as a number.
pub fn sequence(event: &Value) -> i64 {
    event["sequence"].as_str().and_then(|s| s.parse().ok()).unwrap_or(-1)
}

/// `data.payment_id` of every event of a name, sorted.
pub fn payments(events: &[Value], wanted: &str) -> Vec<String> {
    let found = events.iter().filter(|e| name(e) == wanted);
    let mut ids: Vec<String> =
        found.map(|e| e["data"]["payment_id"].as_str().unwrap_or_default().to_owned()).collect();
    ids.sort();
    ids
}
