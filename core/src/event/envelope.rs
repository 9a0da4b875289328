//! The CloudEvents envelope: from the bytes of a message to an admissible event or a rejection. No store is asked here.

use jiff::Timestamp;
use serde_json::{Map, Value};
use std::sync::Arc;

use crate::{
    event::{
        RawMessage, canonical,
        data::{Party, Payment},
        names::{EventData, EventName},
        rejection::{self, Reason, Rejection},
        schema,
    },
    id::{DossierCode, EventId, EventKey, Source, UnitCode},
    money::Dong,
    plan::rules::Rules,
};

/// What an event is about: the ordering key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A dossier, by the code of first sight or an alias.
    Dossier(DossierCode),
    /// A unit (surveys, questions).
    Unit(UnitCode),
}

impl Subject {
    /// As in the event.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Dossier(code) => code.as_str(),
            Self::Unit(code) => code.as_str(),
        }
    }
}

/// An event that fits the contract as far as can be told without the store.
#[derive(Debug, Clone, PartialEq)]
pub struct Admissible {
    /// The de-duplication key.
    pub key: EventKey,
    /// The name.
    pub name: EventName,
    /// What it is about.
    pub subject: Subject,
    /// When it happened.
    pub at: Timestamp,
    /// Its number within source and dossier.
    pub sequence: Option<i64>,
    /// Typed data.
    pub data: EventData,
    /// The data as it came, for merging.
    pub raw: Map<String, Value>,
    /// SHA-256 of the canonical content.
    pub content_hash: [u8; 32],
    /// The event in structured mode, JSON.
    pub body: Arc<str>,
}

/// Reads a message. `largest`: bytes.
pub fn read(message: &RawMessage, rules: &Rules, largest: usize) -> Result<Admissible, Rejection> {
    if message.body.len() > largest {
        let got = format!("{} byte", message.body.len());
        return Err(Rejection::new(
            Reason::TooLarge,
            "",
            format!("thông điệp không quá {largest} byte"),
            got,
        ));
    }
    let event = structured(message)?;
    let Value::Object(fields) = &event else {
        return Err(not_json(message, &format!("nhận được {}", kind_of(&event))));
    };
    let read = admissible(&event, fields, may_hold_nul(message), rules);
    let mut read = read.map_err(|rejection| identify(rejection, fields))?;
    if let Value::Object(mut fields) = event
        && let Some(Value::Object(data)) = fields.remove("data")
    {
        read.raw = data;
    }
    Ok(read)
}

/// Whether U+0000 can be in the text: JSON writes it as an escape only, and attributes hold it as it is.
fn may_hold_nul(message: &RawMessage) -> bool {
    const ESCAPE: &[u8] = b"\\u0000";
    let is_escape = |at: usize| message.body.get(at..at + ESCAPE.len()) == Some(ESCAPE);
    let attributes = message.attributes.iter().flatten();
    attributes.into_iter().any(|(name, value)| name.contains('\0') || value.contains('\0'))
        || message.body.iter().enumerate().any(|(at, byte)| *byte == b'\\' && is_escape(at))
}

/// The whole event as JSON, whatever the mode.
fn structured(message: &RawMessage) -> Result<Value, Rejection> {
    let body = serde_json::from_slice(&message.body).map_err(|e| not_json(message, &e.to_string()))?;
    let Some(attributes) = &message.attributes else { return Ok(body) };
    let mut event: Map<String, Value> =
        attributes.iter().map(|(name, value)| (name.clone(), Value::String(value.clone()))).collect();
    event.insert("data".into(), body);
    Ok(Value::Object(event))
}

fn not_json(message: &RawMessage, said: &str) -> Rejection {
    let head: String = String::from_utf8_lossy(&message.body).chars().take(200).collect();
    Rejection::new(Reason::NotJson, "", format!("một đối tượng JSON mã hoá UTF-8 ({said})"), head)
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true/false",
        Value::Number(_) => "một số",
        Value::String(_) => "một chuỗi",
        Value::Array(_) => "một mảng",
        Value::Object(_) => "một đối tượng",
    }
}

fn identify(mut rejection: Rejection, event: &Map<String, Value>) -> Rejection {
    let text = |name: &str| event.get(name).and_then(Value::as_str).map(|t| rejection::storable(t, 200));
    rejection.source = text("source");
    rejection.event_id = text("id");
    rejection.subject = text("subject");
    rejection.event_type = text("type");
    rejection
}

/// Everything but the data as it came.
fn admissible(
    whole: &Value,
    event: &Map<String, Value>,
    may_hold_nul: bool,
    rules: &Rules,
) -> Result<Admissible, Rejection> {
    if may_hold_nul && let Some(path) = nul_in(whole, "") {
        return Err(Rejection::new(Reason::NulCharacter, path, "văn bản không chứa ký tự U+0000", "U+0000"));
    }
    let attribute = |name: &'static str, expected: &str| -> Result<&str, Rejection> {
        let got = event.get(name);
        got.and_then(Value::as_str).filter(|t| !t.is_empty()).ok_or_else(|| {
            let found = got.map_or_else(|| "không có".to_owned(), ToString::to_string);
            Rejection::new(Reason::Envelope, format!("/{name}"), expected, found)
        })
    };
    let version = attribute("specversion", "phiên bản CloudEvents \"1.0\"")?;
    if version != "1.0" {
        return Err(Rejection::new(
            Reason::Envelope,
            "/specversion",
            "phiên bản CloudEvents \"1.0\"",
            version,
        ));
    }
    let bad = |path: &'static str, expected: &'static str| {
        move |e: crate::id::BadId| Rejection::new(Reason::Envelope, path, expected, e.got)
    };
    let id = EventId::parse(attribute("id", "mã sự kiện, duy nhất trong nguồn")?)
        .map_err(bad("/id", "mã sự kiện 1-200 ký tự, không có ký tự điều khiển"))?;
    let source = Source::parse(attribute("source", "nguồn, ví dụ /motcua/000.00.08.H99")?)
        .map_err(bad("/source", "nguồn là URI 1-200 ký tự ASCII, ví dụ /motcua/000.00.08.H99"))?;
    let event_type = attribute("type", "loại sự kiện vn.motcua.<tên>.v1")?;
    let Some(name) = EventName::from_type(event_type) else {
        let expected = "một loại sự kiện của hợp đồng, ví dụ vn.motcua.dossier.received.v1";
        return Err(Rejection::new(Reason::UnknownType, "/type", expected, event_type));
    };
    let subject = subject(event, name)?;
    let at = attribute("time", "thời điểm xảy ra theo RFC 3339")?;
    let at: Timestamp = at.parse().map_err(|_| {
        let expected = "thời điểm theo RFC 3339, có múi giờ, ví dụ 2026-11-23T08:05:00+07:00";
        Rejection::new(Reason::Envelope, "/time", expected, at)
    })?;
    let sequence = sequence(event)?;
    let Some(value @ Value::Object(_)) = event.get("data") else {
        let found = event.get("data").map_or("không có", kind_of);
        return Err(Rejection::new(Reason::Data, "/data", "một đối tượng JSON", found));
    };
    let data = data(name, whole, value)?;
    checks(name, &data, rules)?;
    let of = |attribute: &'static str| (attribute, event.get(attribute).unwrap_or(&Value::Null));
    let content = [of("data"), of("sequence"), of("subject"), of("time"), of("type")];
    let body = whole.to_string();
    Ok(Admissible {
        key: EventKey { source, id },
        name,
        subject,
        at,
        sequence,
        data,
        raw: Map::new(),
        content_hash: canonical::hash_of(&content),
        body: body.into(),
    })
}

fn subject(event: &Map<String, Value>, name: EventName) -> Result<Subject, Rejection> {
    let got = event.get("subject");
    let text = got.and_then(Value::as_str).unwrap_or_default();
    if let Ok(code) = DossierCode::parse(text) {
        return Ok(Subject::Dossier(code));
    }
    if name.allows_unit_subject()
        && let Ok(unit) = UnitCode::parse(text)
    {
        return Ok(Subject::Unit(unit));
    }
    let found = got.map_or_else(|| "không có".to_owned(), ToString::to_string);
    let expected = "mã hồ sơ {đơn vị}-{yyMMdd}-{số}, ví dụ 000.00.08.H99-261122-0001";
    Err(Rejection::new(Reason::Subject, "/subject", expected, found))
}

fn sequence(event: &Map<String, Value>) -> Result<Option<i64>, Rejection> {
    let wrong = |got: String| {
        Rejection::new(
            Reason::Envelope,
            "/sequence",
            "chuỗi 1-18 chữ số, bắt đầu từ \"1\", hoặc bỏ trống",
            got,
        )
    };
    match event.get("sequence") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => {
            let is_number = (1..=18).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
            match text.parse::<i64>() {
                Ok(number) if is_number && number >= 1 => Ok(Some(number)),
                _ => Err(wrong(text.clone())),
            }
        }
        Some(other) => Err(wrong(other.to_string())),
    }
}

fn data(name: EventName, event: &Value, data: &Value) -> Result<EventData, Rejection> {
    let missing = name.required().iter().find(|field| data.get(**field).is_none_or(Value::is_null));
    let misfit = match (missing, EventData::read(name, data)) {
        (None, Ok(data)) => return Ok(data),
        (Some(field), Ok(_)) => (format!("/{field}"), "trường này là bắt buộc".to_owned()),
        (_, Err(misfit)) => misfit,
    };
    // The schema says it better than the parser does; the parser's words remain for what only it refuses.
    let (path, expected, got) = schema::explain(name, event).unwrap_or_else(|| {
        let path = format!("/data{}", misfit.0);
        let got = event.pointer(&path).map_or_else(|| "không có".to_owned(), Value::to_string);
        (path, misfit.1, got)
    });
    Err(Rejection::new(Reason::Data, path, expected, got))
}

/// What the types alone do not say.
fn checks(name: EventName, data: &EventData, rules: &Rules) -> Result<(), Rejection> {
    match data {
        EventData::Dossier(dossier) => {
            for (at, step) in dossier.steps.iter().enumerate() {
                not_empty(&step.content, &format!("/data/steps/{at}/content"))?;
            }
            if let Some(step) = &dossier.step {
                not_empty(&step.content, "/data/step/content")?;
            }
            if let Some(payment) = &dossier.payment {
                check_payment(payment, rules, "/data/payment")?;
            }
        }
        EventData::FeeRequested(fee) => check_payment(&fee.payment, rules, "/data/payment")?,
        EventData::PaidAtDesk(paid) if paid.payment_id.is_none() && paid.lines.is_empty() => {
            let expected = "payment_id hoặc lines, để biết khoản nào đã thu";
            return Err(Rejection::new(Reason::Data, "/data", expected, "không có cả hai"));
        }
        EventData::Survey(survey) if !(1..=5).contains(&survey.score) => {
            return Err(Rejection::new(
                Reason::Data,
                "/data/score",
                "điểm từ 1 đến 5",
                survey.score.to_string(),
            ));
        }
        EventData::Question(question) => not_empty(&question.content, "/data/content")?,
        EventData::Parcel(data) if name == EventName::PickupRequested => {
            check_party(data.parcel.sender.as_ref(), "/data/parcel/sender")?;
        }
        EventData::Parcel(data) => check_party(data.parcel.recipient.as_ref(), "/data/parcel/recipient")?,
        EventData::PaidAtDesk(_)
        | EventData::Survey(_)
        | EventData::Result(_)
        | EventData::FeeCancelled(_)
        | EventData::RefundRequested(_)
        | EventData::Refunded(_)
        | EventData::ReceiptCancelled(_)
        | EventData::ParcelCancelled(_) => {}
    }
    Ok(())
}

pub(crate) fn not_empty(text: &str, path: &str) -> Result<(), Rejection> {
    if text.trim().is_empty() {
        Err(Rejection::new(Reason::Data, path, "nội dung không được để trống", "\"\""))
    } else {
        Ok(())
    }
}

/// No post takes a parcel without the citizen's end of the way: better said now than when it is to be sent.
pub(crate) fn check_party(party: Option<&Party>, path: &str) -> Result<(), Rejection> {
    let Some(party) = party else {
        return Err(Rejection::new(Reason::Data, path, "trường này là bắt buộc", "không có"));
    };
    not_empty(&party.name, &format!("{path}/name"))?;
    not_empty(&party.phone, &format!("{path}/phone"))?;
    not_empty(&party.address, &format!("{path}/address"))?;
    if party.ward_code.trim().is_empty() && party.province_code.trim().is_empty() {
        let expected = "mã xã hoặc mã tỉnh (ward_code, province_code)";
        return Err(Rejection::new(Reason::Data, format!("{path}/ward_code"), expected, "không có cả hai"));
    }
    Ok(())
}

fn check_payment(payment: &Payment, rules: &Rules, path: &str) -> Result<(), Rejection> {
    if payment.lines.is_empty() {
        let path = format!("{path}/lines");
        return Err(Rejection::new(Reason::Data, path, "ít nhất một khoản thu", "[]"));
    }
    let total = Dong::checked_sum(payment.lines.iter().map(|l| l.amount));
    if !matches!(total, Ok(sum) if sum > Dong::ZERO) {
        let got = payment.lines.iter().map(|l| l.amount.to_string()).collect::<Vec<_>>().join(" + ");
        let expected = "tổng các khoản lớn hơn 0 và không quá 10^15 đồng";
        return Err(Rejection::new(Reason::Amount, format!("{path}/lines"), expected, got));
    }
    let approved = |account: &crate::event::data::Account| rules.beneficiaries.values().any(|a| a == account);
    match (&payment.beneficiary_code, &payment.beneficiary) {
        (Some(code), inline) => match rules.beneficiaries.get(code) {
            Some(listed) if inline.as_ref().is_none_or(|i| i == listed) => Ok(()),
            Some(_) => {
                let expected = format!("tài khoản đúng như đã duyệt cho {code}");
                Err(Rejection::new(
                    Reason::Beneficiary,
                    format!("{path}/beneficiary"),
                    expected,
                    "tài khoản khác",
                ))
            }
            None => {
                let expected = "mã thụ hưởng có trong danh sách đã duyệt ([[beneficiary]] trong cấu hình)";
                Err(Rejection::new(Reason::Beneficiary, format!("{path}/beneficiary_code"), expected, code))
            }
        },
        (None, Some(account)) if approved(account) => Ok(()),
        (None, Some(account)) => {
            let expected = "tài khoản thụ hưởng có trong danh sách đã duyệt";
            let tail: String =
                account.account.chars().rev().take(4).collect::<Vec<_>>().into_iter().rev().collect();
            Err(Rejection::new(
                Reason::Beneficiary,
                format!("{path}/beneficiary"),
                expected,
                format!("…{tail}"),
            ))
        }
        (None, None) => {
            let expected = "beneficiary_code: mã thụ hưởng đã duyệt";
            Err(Rejection::new(Reason::Beneficiary, format!("{path}/beneficiary_code"), expected, "không có"))
        }
    }
}

/// Where a text contains U+0000.
pub(crate) fn nul_in(value: &Value, path: &str) -> Option<String> {
    match value {
        Value::String(text) => text.contains('\0').then(|| path.to_owned()),
        Value::Array(items) => {
            items.iter().enumerate().find_map(|(at, item)| nul_in(item, &format!("{path}/{at}")))
        }
        Value::Object(map) => map.iter().find_map(|(key, item)| {
            if key.contains('\0') { Some(path.to_owned()) } else { nul_in(item, &format!("{path}/{key}")) }
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}
