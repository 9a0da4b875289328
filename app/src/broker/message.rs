//! An AMQP message as the engine takes it: structured or binary CloudEvents. Nothing is judged here; what fits neither
//! mode goes on as a structured body and is judged, and kept, by the intake.

use std::collections::BTreeMap;

use lapin::{
    BasicProperties,
    types::{AMQPValue, FieldTable},
};
use lienthong_core::event::{Origin, RawMessage};

/// Both prefixes that the AMQP binding and its users write; RabbitMQ's shovels and MQTT turn one into the other.
const PREFIXES: [&str; 2] = ["cloudEvents:", "cloudEvents_"];

/// The message of a delivery.
pub fn raw(properties: &BasicProperties, body: Vec<u8>) -> RawMessage {
    let attributes = if is_structured(properties) { None } else { binary_attributes(properties) };
    RawMessage { origin: Origin::Amqp, body, attributes }
}

fn is_structured(properties: &BasicProperties) -> bool {
    let content_type = properties.content_type().as_ref().map(|t| t.as_str().to_ascii_lowercase());
    content_type.is_some_and(|t| t.trim_start().starts_with("application/cloudevents"))
}

/// The attributes of binary mode by their plain names, if the headers carry any.
fn binary_attributes(properties: &BasicProperties) -> Option<BTreeMap<String, String>> {
    let headers = properties.headers().as_ref()?;
    let mut attributes = named(headers);
    if attributes.is_empty() {
        return None;
    }
    if let Some(content_type) = properties.content_type() {
        attributes.entry("datacontenttype".into()).or_insert_with(|| content_type.to_string());
    }
    Some(attributes)
}

fn named(headers: &FieldTable) -> BTreeMap<String, String> {
    let plain = |name: &str| {
        PREFIXES
            .iter()
            .find_map(|p| {
                name.get(..p.len()).filter(|n| n.eq_ignore_ascii_case(p)).and_then(|_| name.get(p.len()..))
            })
            .map(str::to_ascii_lowercase)
    };
    headers
        .inner()
        .iter()
        .filter_map(|(name, value)| Some((plain(name.as_str())?, text(value)?)))
        .filter(|(name, _)| !name.is_empty())
        .collect()
}

/// A header's value as text. Tables, arrays and bytes are no CloudEvents attribute values.
fn text(value: &AMQPValue) -> Option<String> {
    match value {
        AMQPValue::LongString(text) => Some(String::from_utf8_lossy(text.as_bytes()).into_owned()),
        AMQPValue::ShortString(text) => Some(text.to_string()),
        AMQPValue::Boolean(v) => Some(v.to_string()),
        AMQPValue::ShortShortInt(v) => Some(v.to_string()),
        AMQPValue::ShortShortUInt(v) => Some(v.to_string()),
        AMQPValue::ShortInt(v) => Some(v.to_string()),
        AMQPValue::ShortUInt(v) => Some(v.to_string()),
        AMQPValue::LongInt(v) => Some(v.to_string()),
        AMQPValue::LongUInt(v) => Some(v.to_string()),
        AMQPValue::LongLongInt(v) => Some(v.to_string()),
        AMQPValue::Float(v) => Some(v.to_string()),
        AMQPValue::Double(v) => Some(v.to_string()),
        AMQPValue::Timestamp(seconds) => {
            let at = jiff::Timestamp::from_second(i64::try_from(*seconds).ok()?).ok()?;
            Some(at.to_string())
        }
        AMQPValue::DecimalValue(_)
        | AMQPValue::FieldArray(_)
        | AMQPValue::FieldTable(_)
        | AMQPValue::ByteArray(_)
        | AMQPValue::Void => None,
    }
}
