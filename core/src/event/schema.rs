//! The published JSON Schemas, made from the same types that read the events, and the explanation of a misfit by them.

use jsonschema::{
    JsonType, ValidationError, Validator,
    error::{TypeKind, ValidationErrorKind as Kind},
};
use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::OnceLock};

use crate::event::{data, names::EventName};

fn of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Value {
    let mut schema = T::json_schema(generator).to_value();
    if let Some(map) = schema.as_object_mut() {
        map.remove("$schema");
        map.remove("title");
    }
    schema
}

fn data_schema(name: EventName) -> Value {
    use EventName as N;
    let mut settings = SchemaSettings::draft2020_12();
    settings.inline_subschemas = true;
    let generator = &mut settings.into_generator();
    match name {
        N::ResultCorrected | N::ResultRevoked => of::<data::ResultData>(generator),
        N::FeeRequested => of::<data::FeeRequestedData>(generator),
        N::FeeCancelled => of::<data::FeeCancelledData>(generator),
        N::PaidAtDesk => of::<data::PaidAtDeskData>(generator),
        N::RefundRequested => of::<data::RefundRequestedData>(generator),
        N::Refunded => of::<data::RefundedData>(generator),
        N::ReceiptCancelled => of::<data::ReceiptCancelledData>(generator),
        N::ReturnRequested | N::PickupRequested => of::<data::ParcelData>(generator),
        N::PostCancelled => of::<data::ParcelCancelledData>(generator),
        N::SurveyAnswered => of::<data::SurveyData>(generator),
        N::QuestionAnswered => of::<data::QuestionData>(generator),
        _ => of::<data::DossierData>(generator),
    }
}

/// The schema of one event, envelope included (JSON Schema 2020-12).
pub fn document(name: EventName) -> Value {
    let mut data = data_schema(name);
    if let Some(map) = data.as_object_mut() {
        map.insert("required".into(), json!(name.required()));
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": format!("urn:vn:motcua:{}:v1", name.as_str()),
        "title": name.event_type(),
        "type": "object",
        "required": ["specversion", "id", "source", "type", "subject", "time", "data"],
        "properties": {
            "specversion": { "const": "1.0" },
            "id": { "type": "string", "minLength": 1, "maxLength": 200 },
            "source": { "type": "string", "minLength": 1, "maxLength": 200 },
            "type": { "const": name.event_type() },
            "subject": { "type": "string", "minLength": 1 },
            "time": { "type": "string", "format": "date-time" },
            "sequence": { "type": "string", "pattern": "^[0-9]{1,18}$" },
            "datacontenttype": { "type": "string" },
            "data": data
        }
    })
}

/// Every schema with the name of its file.
pub fn documents() -> Vec<(String, Value)> {
    EventName::ALL.iter().map(|n| (format!("{}.schema.json", n.as_str()), document(*n))).collect()
}

fn validators() -> &'static BTreeMap<EventName, Validator> {
    static VALIDATORS: OnceLock<BTreeMap<EventName, Validator>> = OnceLock::new();
    VALIDATORS.get_or_init(|| {
        EventName::ALL
            .iter()
            .filter_map(|n| {
                let options = jsonschema::options().should_validate_formats(true);
                options.build(&document(*n)).ok().map(|v| (*n, v))
            })
            .collect()
    })
}

/// What the schema finds wrong first: JSON pointer, what was expected (in Vietnamese words), what was found.
pub fn explain(name: EventName, event: &Value) -> Option<(String, String, String)> {
    let validator = validators().get(&name)?;
    let error = validator.iter_errors(event).next()?;
    Some(describe(&error))
}

/// Whether the schema admits the event.
pub fn admits(name: EventName, event: &Value) -> bool {
    validators().get(&name).is_some_and(|v| v.is_valid(event))
}

fn describe(error: &ValidationError<'_>) -> (String, String, String) {
    let path = error.instance_path().to_string();
    let got = || error.instance().to_string();
    let expected = match error.kind() {
        // An optional value: the first branch is the value's own, the other one is `null`.
        Kind::AnyOf { context } => {
            if let Some(inner) = context.first().and_then(|branch| branch.first()) {
                return describe(inner);
            }
            "một giá trị hợp lệ".to_owned()
        }
        Kind::Required { property } => {
            let property = property.as_str().map_or_else(|| property.to_string(), str::to_owned);
            return (
                format!("{path}/{property}"),
                "trường này là bắt buộc".to_owned(),
                "không có".to_owned(),
            );
        }
        Kind::OneOfNotValid { context } => match choices(context).as_slice() {
            [] => "một giá trị hợp lệ".to_owned(),
            choices => format!("một trong các giá trị: {}", choices.join(", ")),
        },
        Kind::Type { kind } => types(kind),
        Kind::Enum { options } => format!("một trong các giá trị: {}", list(options)),
        Kind::Constant { expected_value } => format!("giá trị {expected_value}"),
        Kind::MinLength { .. } => "chuỗi không được để trống".to_owned(),
        Kind::MaxLength { limit } => format!("chuỗi không quá {limit} ký tự"),
        Kind::MinItems { .. } => "ít nhất một phần tử".to_owned(),
        Kind::Minimum { limit } => format!("số không nhỏ hơn {limit}"),
        Kind::Maximum { limit } => format!("số không lớn hơn {limit}"),
        Kind::Pattern { .. } => "chuỗi chỉ gồm chữ số".to_owned(),
        Kind::Format { format } if format == "date-time" => {
            "thời điểm theo RFC 3339, có múi giờ, ví dụ 2026-11-23T08:05:00+07:00".to_owned()
        }
        _ => format!("một giá trị hợp lệ ({error})"),
    };
    (path, expected, got())
}

fn list(options: &Value) -> String {
    let values = options.as_array().into_iter().flatten();
    values.map(Value::to_string).collect::<Vec<_>>().join(", ")
}

/// The values that a choice allows: every branch is one constant, or a list of them.
fn choices(branches: &[Vec<ValidationError<'static>>]) -> Vec<String> {
    let of = |error: &ValidationError<'static>| match error.kind() {
        Kind::Constant { expected_value } => Some(expected_value.to_string()),
        Kind::Enum { options } => Some(list(options)),
        _ => None,
    };
    branches.iter().flatten().filter_map(of).collect()
}

/// What may stand there, in words; that a value may be `null` helps nobody.
fn types(kind: &TypeKind) -> String {
    let name = |kind: JsonType| match kind {
        JsonType::Array => Some("mảng"),
        JsonType::Boolean => Some("true hoặc false"),
        JsonType::Integer => Some("số nguyên"),
        JsonType::Number => Some("số"),
        JsonType::Object => Some("đối tượng"),
        JsonType::String => Some("chuỗi"),
        JsonType::Null => None,
    };
    let names: Vec<&str> = match kind {
        TypeKind::Single(kind) => name(*kind).into_iter().collect(),
        TypeKind::Multiple(kinds) => kinds.iter().filter_map(name).collect(),
    };
    if names.is_empty() { "null".to_owned() } else { names.join(" hoặc ") }
}
