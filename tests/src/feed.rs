//! The HTTP feed of what goes out, read as a one-stop system without a broker would: page by page, by cursor.

use serde_json::Value;

use crate::api::Api;

/// Everything from the beginning, pages of `page` events.
pub async fn whole(api: &Api, page: usize) -> Vec<Value> {
    let mut reader = Reader::default();
    reader.pages(api, page).await;
    reader.events
}

/// A one-stop system that reads along: it remembers its cursor, whichever replica it asks.
#[derive(Debug, Default)]
pub struct Reader {
    /// What it has read.
    pub events: Vec<Value>,
    cursor: String,
}

impl Reader {
    /// Reads what came since.
    pub async fn read_on(&mut self, api: &Api) {
        self.pages(api, 500).await;
    }

    async fn pages(&mut self, api: &Api, page: usize) {
        loop {
            let answered = api.get(&format!("/v1/events?after={}&limit={page}", self.cursor)).await;
            self.events.extend(answered["events"].as_array().cloned().unwrap_or_default());
            answered["next"].as_str().unwrap_or_default().clone_into(&mut self.cursor);
            if answered["more"] != Value::Bool(true) {
                return;
            }
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
    sorted(events, wanted, "payment_id")
}

/// `data.parcel_id` of every event of a name, sorted.
pub fn parcels(events: &[Value], wanted: &str) -> Vec<String> {
    sorted(events, wanted, "parcel_id")
}

fn sorted(events: &[Value], wanted: &str, field: &str) -> Vec<String> {
    let found = events.iter().filter(|e| name(e) == wanted);
    let mut ids: Vec<String> =
        found.map(|e| e["data"][field].as_str().unwrap_or_default().to_owned()).collect();
    ids.sort();
    ids
}
