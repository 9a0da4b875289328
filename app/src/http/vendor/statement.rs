//! A vendor's dossier -> the event that states it: the whole dossier with its status. The same again is a duplicate; other
//! content is a new state, in the order in which it comes, also if it was said before.

use jiff::Timestamp;
use lienthong_connectors::dvcqg::{
    self,
    read_back::{self, ReadDossier},
};
use lienthong_core::{
    dossier::DossierState,
    event::{
        Origin, RawMessage, envelope,
        names::EventName,
        rejection::{Reason, Rejection},
    },
    id::{DossierCode, UnitCode, derived},
    plan::admit::Incoming,
    port::{store::StoreError, views::Timeline},
    status::PortalStatus,
};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

use super::{
    Batch, Vendor,
    answer::{Answer, Outcome, cut},
    key_of,
};
use crate::{config::RepeatedCreate, http::AppState};

/// Takes dossiers in.
pub(super) async fn take(
    state: &AppState,
    vendor: &Vendor,
    rows: Vec<Value>,
    is_updating: bool,
    unit: Option<UnitCode>,
) -> Result<Answer, StoreError> {
    let codes: Vec<String> = rows.iter().map(shown_code).collect();
    let _turns = state.vendors.turns.of(codes.iter().map(String::as_str)).await;
    let mut batch = Batch::default();
    let mut waiting = BTreeSet::new();
    for row in rows {
        let code = shown_code(&row);
        let key = key_of(vendor, if is_updating { "update" } else { "create" }, &row);
        if let Some(outcome) = state.vendors.remembered(&key, state.engine.clock.now()) {
            batch.tell(&code, outcome);
            continue;
        }
        // What the same dossier was told of before in this call has to be known first.
        if !waiting.insert(code.clone()) {
            batch.admit(state).await?;
            waiting = BTreeSet::from([code.clone()]);
        }
        match of_row(state, vendor, &row, is_updating, unit.as_ref()).await? {
            Told::Nothing(outcome) => batch.tell(&code, outcome),
            Told::Messages(messages) => batch.add(&code, &key, messages),
        }
    }
    batch.admit(state).await?;
    Ok(batch.answer)
}

/// What a row comes to.
enum Told {
    Nothing(Outcome),
    Messages(Vec<Incoming>),
}

/// The code of a row, if it is one.
pub(super) fn shown_code(row: &Value) -> String {
    read_back::code(row).map_or_else(|bad| cut(&bad.got), |code| code.to_string())
}

/// What we know of a dossier, for those who may speak for it.
pub(super) struct Known {
    pub(super) timeline: Timeline,
    pub(super) state: DossierState,
}

/// What is known of a dossier; none: nothing, or it is another's.
pub(super) async fn known(
    state: &AppState,
    vendor: &Vendor,
    code: &DossierCode,
) -> Result<Option<Known>, StoreError> {
    let Some(timeline) = state.views.timeline(code.as_str()).await? else { return Ok(None) };
    let rules = &state.engine.rules;
    // While no event has said the unit, the code says it.
    let said = timeline.unit.as_deref().or_else(|| Some(code.unit_part()).filter(|part| part.len() == 13));
    let unit = said.and_then(|unit| UnitCode::parse(unit).ok());
    let is_its = unit.is_none_or(|unit| rules.may_speak(&vendor.entry.source, &rules.canonical_unit(&unit)));
    let state = serde_json::from_str(&timeline.state).unwrap_or_else(|_| DossierState::new(code.clone()));
    Ok(is_its.then_some(Known { timeline, state }))
}

async fn of_row(
    state: &AppState,
    vendor: &Vendor,
    row: &Value,
    is_updating: bool,
    unit: Option<&UnitCode>,
) -> Result<Told, StoreError> {
    let refused = |code: Option<&DossierCode>, field: &str, expected: &str, got: &str| {
        Ok(Told::Messages(vec![put_aside(vendor, code, row, field, expected, got)]))
    };
    let read = match read_back::dossier(row, &vendor.tables) {
        Ok(read) => read,
        Err(bad) => {
            let code = read_back::code(row).ok();
            return refused(code.as_ref(), &bad.field, &bad.expected, &bad.got);
        }
    };
    let Some(code) = read.code() else { return refused(None, "MaHoSo", "mã hồ sơ", "") };
    let known = known(state, vendor, &code).await?;
    let before = known.as_ref().filter(|known| known.timeline.known).map(|known| &known.state);
    let whole = whole(vendor, &read, before, &code, unit);
    let Some(status) = read.status.or_else(|| before.and_then(|b| b.status)) else {
        return refused(Some(&code), "TrangThaiHoSo", "một trạng thái từ 1 đến 10", "");
    };
    let mut after = before.cloned().unwrap_or_else(|| DossierState::new(code.clone()));
    let news: Vec<Map<String, Value>> =
        read.supplements.iter().filter(|s| !is_known(&after, s)).cloned().collect();
    after.status = Some(status);
    after.fields.clone_from(&whole);
    for supplement in &news {
        after.merge_supplement(supplement);
    }
    if let (Some(before), Some(known)) = (before, &known) {
        if before.fields == whole && before.status == Some(status) && news.is_empty() {
            return Ok(repeated(state, vendor, known, &whole));
        }
        if !is_updating && vendor.entry.repeated_create == RepeatedCreate::Exists {
            return Ok(Told::Nothing(Outcome::Exists));
        }
    }
    let portal = vendor.portal.as_ref();
    if let Some(field) = portal.and_then(|(id, config)| dvcqg::certainly_refused(&after, config, id)) {
        return refused(Some(&code), &field, "Cổng DVC quốc gia bắt buộc có trường này, đúng dạng", "");
    }
    let last = known.as_ref().and_then(|known| known.timeline.events.last());
    let last = last.map(|event| format!("{} {}", event.source, event.id)).unwrap_or_default();
    let now = state.engine.clock.now();
    let mut events = Vec::with_capacity(1 + news.len().saturating_sub(1));
    let mut news = news.into_iter();
    let is_first = before.is_none() && status == PortalStatus::Registered;
    let mut data = json!({ "snapshot": "full", "dossier": whole });
    let mut set = |name: &str, value: Value| data[name] = value;
    if !is_first {
        set("status", json!(status));
    }
    if let Some(supplement) = news.next() {
        set("supplement", Value::Object(supplement));
    }
    if !read.left_over.is_empty() {
        set("not_understood", Value::Object(read.left_over));
    }
    let name = if is_first { EventName::Submitted } else { EventName::Corrected };
    events.push(event(vendor, name, &code, now, &last, &data));
    for supplement in news {
        let data = json!({ "dossier": {}, "supplement": supplement });
        events.push(event(vendor, EventName::Corrected, &code, now, &last, &data));
    }
    Ok(Told::Messages(read_all(state, events)))
}

/// The dossier as the call leaves it. Its unit: by the name that the call gives, else by its code, else what the vendor or
/// the call is.
fn whole(
    vendor: &Vendor,
    read: &ReadDossier,
    before: Option<&DossierState>,
    code: &DossierCode,
    unit: Option<&UnitCode>,
) -> Map<String, Value> {
    let mut whole = read.over(before.map(|before| &before.fields));
    // The portal's code of a dossier that has one of its own here stays that.
    if let Some(before) = before
        && before.fields.get("portal_code").and_then(Value::as_str) == Some(code.as_str())
        && let Some(own) = before.fields.get("code")
    {
        whole.insert("code".into(), own.clone());
    }
    if !whole.contains_key("unit")
        && let Some(unit) = vendor.entry.unit.as_ref().or(unit)
    {
        whole.insert("unit".into(), json!({ "code": unit, "name": read.unit_name }));
    }
    whole
}

fn is_known(state: &DossierState, supplement: &Map<String, Value>) -> bool {
    let Some(known) = state.supplements.iter().find(|k| k.get("id") == supplement.get("id")) else {
        return false;
    };
    supplement.iter().all(|(name, value)| known.get(name) == Some(value))
}

/// The same again: the event that said it, so that it counts as a duplicate; without one, nothing at all.
fn repeated(state: &AppState, vendor: &Vendor, known: &Known, whole: &Map<String, Value>) -> Told {
    let source = vendor.entry.source.as_str();
    let own = known.timeline.events.iter().rev().filter(|event| event.source == source);
    let mut bodies = own.filter_map(|event| serde_json::from_str::<Value>(&event.body).ok());
    let said = |body: &Value| body.pointer("/data/dossier").and_then(Value::as_object) == Some(whole);
    match bodies.find(said) {
        Some(body) => Told::Messages(read_all(state, vec![body])),
        None => Told::Nothing(Outcome::Repeated),
    }
}

/// An event of this vendor. Its id is of its content and of what came before: the same content is a state of its own where
/// something else was said in between.
fn event(
    vendor: &Vendor,
    name: EventName,
    code: &DossierCode,
    at: Timestamp,
    last: &str,
    data: &Value,
) -> Value {
    let text = data.to_string();
    let id = derived("", &[code.as_str(), name.as_str(), &text, last, &at.to_string()], 26);
    envelope_of(vendor, name, code, &crate::http::json::rfc3339(at), &format!("{code}-{id}"), data)
}

/// The envelope.
pub(super) fn envelope_of(
    vendor: &Vendor,
    name: EventName,
    code: &DossierCode,
    time: &str,
    id: &str,
    data: &Value,
) -> Value {
    json!({ "specversion": "1.0", "id": id, "source": vendor.entry.source, "type": name.event_type(), "subject": code,
        "time": time, "datacontenttype": "application/json", "data": data })
}

/// Events as any door brings them.
pub(super) fn read_all(state: &AppState, events: Vec<Value>) -> Vec<Incoming> {
    let (rules, longest) = (&state.engine.rules, state.engine.settings.max_message_bytes);
    let read = |event: Value| {
        let message =
            RawMessage { origin: Origin::Http, body: event.to_string().into_bytes(), attributes: None };
        let read = envelope::read(&message, rules, longest);
        Incoming { origin: message.origin, raw: message.body, read }
    };
    events.into_iter().map(read).collect()
}

/// What cannot become an event: put aside as it came, for people, like any other event that cannot be admitted.
pub(super) fn put_aside(
    vendor: &Vendor,
    code: Option<&DossierCode>,
    row: &Value,
    field: &str,
    expected: &str,
    got: &str,
) -> Incoming {
    let reason = if field == "MaHoSo" { Reason::Subject } else { Reason::Data };
    let mut rejection = Rejection::new(reason, format!("/{field}"), expected, got);
    rejection.source = Some(vendor.entry.source.to_string());
    rejection.subject = code.map(ToString::to_string);
    Incoming { origin: Origin::Http, raw: row.to_string().into_bytes(), read: Err(rejection) }
}
