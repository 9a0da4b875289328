//! An out-event as it leaves: the same structured CloudEvent on RabbitMQ and in the HTTP feed.

use lienthong_core::port::store::OutboxRow;
use serde_json::{Value, json};

/// The content type of structured mode.
pub const CONTENT_TYPE: &str = "application/cloudevents+json; charset=utf-8";

/// The event. `installation` is the short name of `[installation]`.
pub fn structured(row: &OutboxRow, installation: &str) -> Value {
    // The store keeps what the planner wrote; should it ever not be JSON, the text itself goes out.
    let data = serde_json::from_str(&row.data).unwrap_or_else(|_| Value::String(row.data.clone()));
    let mut event = json!({
        "specversion": "1.0",
        "id": row.id,
        "source": format!("/lienthong/{installation}"),
        "type": format!("vn.lienthong.{}.v1", row.name),
        "time": row.at.to_string(),
        "sequence": row.number.to_string(),
        "datacontenttype": "application/json",
        "data": data,
    });
    // CloudEvents knows no empty subject: what is about nothing readable has none.
    if !row.subject.is_empty() {
        event["subject"] = Value::String(row.subject.clone());
    }
    event
}

/// `{unit}.{name}`; the name alone where the unit is not known (bindings begin with `#.` and take both).
pub fn routing_key(row: &OutboxRow) -> String {
    match row.unit.as_deref() {
        Some(unit) if !unit.is_empty() => format!("{unit}.{}", row.name),
        Some(_) | None => row.name.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(unit: Option<&str>) -> OutboxRow {
        OutboxRow {
            number: 42,
            name: "portal.synced".into(),
            subject: "000.00.08.H99-261122-0001".into(),
            unit: unit.map(str::to_owned),
            id: "o-42".into(),
            data: r#"{"portal_status":2}"#.into(),
            at: "2026-11-23T01:05:00Z".parse().unwrap(),
        }
    }

    #[test]
    fn an_out_event_is_a_structured_cloud_event_with_the_outbox_number_as_sequence() {
        let expected = json!({
            "specversion": "1.0", "id": "o-42", "source": "/lienthong/h99", "type": "vn.lienthong.portal.synced.v1",
            "subject": "000.00.08.H99-261122-0001", "time": "2026-11-23T01:05:00Z", "sequence": "42",
            "datacontenttype": "application/json", "data": {"portal_status": 2},
        });
        assert_eq!(structured(&row(None), "h99"), expected);
    }

    #[test]
    fn what_is_about_nothing_readable_has_no_subject() {
        let told = structured(&OutboxRow { subject: String::new(), ..row(None) }, "h99");
        assert_eq!(told.get("subject"), None, "CloudEvents forbids an empty one");
    }

    #[test]
    fn the_routing_key_begins_with_the_unit_where_it_is_known() {
        assert_eq!(routing_key(&row(Some("000.00.08.H99"))), "000.00.08.H99.portal.synced");
        assert_eq!(routing_key(&row(None)), "portal.synced");
        assert_eq!(routing_key(&row(Some(""))), "portal.synced");
    }
}
