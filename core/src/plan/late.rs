//! Late events: below the highest sequence applied of their source. Their step joins the end of the lane; their fields
//! apply where no newer event of the source set the same field; what a newer event took back stays taken back.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::{
    dossier::{DossierState, without},
    event::{Admissible, names::EventName},
    id::{DossierCode, RowId},
    plan::{admit::Standing, queue::Missing},
    port::work::Work,
};

/// Whether a newer event of the same source was applied before.
pub fn is_late(work: &Work, event: &Admissible, code: Option<&DossierCode>) -> bool {
    let Some(sequence) = event.sequence else { return false };
    code.and_then(|code| work.dossiers.get(code))
        .and_then(|d| d.row.sequences.get(&event.key.source))
        .is_some_and(|highest| sequence < *highest)
}

/// What a late event still says of the dossier. One of a former unit is late by its time: what another source told of
/// later moments is newer, and the unit is not its to say.
pub fn patch(
    work: &mut Work,
    event: &Admissible,
    code: &DossierCode,
    standing: Standing,
) -> Result<Map<String, Value>, Missing> {
    let Some(loaded) = work.dossiers.get(code) else { return Ok(Map::new()) };
    let (row, state) = (loaded.row.row, std::sync::Arc::clone(&loaded.row.state));
    if !work.scope.history_of.contains(code) {
        work.missing.history_of.insert(code.clone());
        return Err(Missing);
    }
    // Which of its fields newer events have set or taken back, nobody knows any more.
    if work.forgotten.contains(&row) {
        return Ok(Map::new());
    }
    let mut patch = said(event.name, &event.raw);
    implied(&mut patch, event, &state);
    if standing == Standing::Former {
        patch.remove("unit");
    }
    let of_this_batch = work
        .new_events
        .iter()
        .filter(|e| e.dossier == Some(row))
        .map(|e| (&e.key.source, e.sequence, &e.body));
    let stored = work.history.get(&row).into_iter().flatten().map(|e| (&e.source, e.sequence, &e.body));
    for (source, sequence, body) in stored.chain(of_this_batch) {
        let is_own = *source == event.key.source;
        if (is_own && sequence <= event.sequence) || (!is_own && standing == Standing::Present) {
            continue;
        }
        let newer: Value = serde_json::from_str(body).unwrap_or_default();
        let at = newer.get("time").and_then(Value::as_str).and_then(|t| t.parse::<Timestamp>().ok());
        if !is_own && at <= Some(event.at) {
            continue;
        }
        if newer.pointer("/data/snapshot").and_then(Value::as_str) == Some("full") {
            return Ok(Map::new());
        }
        let name = newer.get("type").and_then(Value::as_str).and_then(EventName::from_type);
        if let (Some(name), Some(Value::Object(data))) = (name, newer.get("data")) {
            patch = without(&patch, &said(name, data));
            if name == EventName::Reopened {
                patch.retain(|field, _| !matches!(field.as_str(), "finished_at" | "returned_at"));
            }
        }
    }
    Ok(patch)
}

/// The dossier fields that an event sets, those that it states outside `data.dossier` included.
fn said(name: EventName, data: &Map<String, Value>) -> Map<String, Value> {
    let mut fields = data.get("dossier").and_then(Value::as_object).cloned().unwrap_or_default();
    let mut set = |field: &str, value: Option<&Value>| {
        if let Some(value) = value {
            fields.insert(field.to_owned(), value.clone());
        }
    };
    match name {
        EventName::Extended => set("due_at", data.get("due_new")),
        EventName::Transferred => set("unit", data.get("to_unit")),
        EventName::ResultCorrected | EventName::ResultRevoked => {
            set("results", result(name, data).map(|r| Value::Array(vec![r])).as_ref());
        }
        _ => {}
    }
    fields
}

/// The result that `result.corrected` or `result.revoked` is about, as an element of the dossier's results.
pub fn result(name: EventName, data: &Map<String, Value>) -> Option<Value> {
    let mut result = data.get("result").and_then(Value::as_object).cloned().unwrap_or_default();
    result.insert("id".into(), data.get("result_id")?.clone());
    if name == EventName::ResultRevoked {
        result.insert("deleted".into(), json!(true));
    }
    Some(Value::Object(result))
}

/// An end has a date, also where the event does not state it, while the dossier is at its end.
fn implied(patch: &mut Map<String, Value>, event: &Admissible, state: &DossierState) {
    let field = match event.name {
        EventName::Finished => "finished_at",
        EventName::Returned => "returned_at",
        _ => return,
    };
    let has_ended = state.status.is_some_and(crate::status::PortalStatus::is_end);
    if has_ended && !patch.contains_key(field) && !state.fields.contains_key(field) {
        patch.insert(field.into(), json!(event.at));
    }
}

/// What took an effect back: the name and data of an event after which it must not be brought about.
pub fn took_back<T>(
    work: &Work,
    dossier: RowId,
    judge: impl Fn(EventName, &Map<String, Value>) -> Option<T>,
) -> Option<T> {
    let stored = work.history.get(&dossier).into_iter().flatten().map(|past| &past.body);
    let of_this_batch = work.new_events.iter().filter(|e| e.dossier == Some(dossier)).map(|e| &e.body);
    stored.chain(of_this_batch).find_map(|body| {
        let past: Value = serde_json::from_str(body).ok()?;
        let name = EventName::from_type(past.get("type")?.as_str()?)?;
        judge(name, past.get("data")?.as_object()?)
    })
}
