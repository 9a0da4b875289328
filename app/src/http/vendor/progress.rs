//! A vendor's progress entries -> events with one step each. A step is the same whenever it comes again: its event's id is
//! of its content. It states its own status; the dossier's is only what its dossier calls say.

use jiff::Timestamp;
use lienthong_connectors::dvcqg::read_back::{self, ReadStep};
use lienthong_core::{
    clock::business_zone,
    event::names::EventName,
    id::{DossierCode, UnitCode, derived},
    port::store::StoreError,
};
use serde_json::{Value, json};
use std::collections::HashMap;

use super::{
    Batch, Vendor,
    answer::{Answer, Outcome},
    key_of,
    statement::{Known, envelope_of, known, put_aside, read_all, shown_code},
};
use crate::{
    config::UnknownProgress,
    http::{AppState, json::rfc3339},
};

/// Takes steps in.
pub(super) async fn take(state: &AppState, vendor: &Vendor, rows: Vec<Value>) -> Result<Answer, StoreError> {
    let mut batch = Batch::default();
    let mut dossiers: HashMap<DossierCode, Option<Known>> = HashMap::new();
    for row in rows {
        let (code, key) = (shown_code(&row), key_of(vendor, "progress", &row));
        if let Some(outcome) = state.vendors.remembered(&key, state.engine.clock.now()) {
            batch.tell(&code, outcome);
            continue;
        }
        let step = match read_back::step(&row, &vendor.tables) {
            Ok(step) => step,
            Err(bad) => {
                let known = read_back::code(&row).ok();
                let aside = put_aside(vendor, known.as_ref(), &row, &bad.field, &bad.expected, &bad.got);
                batch.add(&code, &key, vec![aside]);
                continue;
            }
        };
        if !dossiers.contains_key(&step.code) {
            let found = known(state, vendor, &step.code).await?;
            dossiers.insert(step.code.clone(), found);
        }
        let dossier = dossiers.get(&step.code).and_then(Option::as_ref);
        if dossier.is_none() && vendor.entry.unknown_progress == UnknownProgress::Refuse {
            // Nothing is put aside: the dossier may come a moment later, and the client repeats.
            let (field, expected) = ("MaHoSo".to_owned(), "hồ sơ đã được gửi lên trước".to_owned());
            batch.tell(&code, Outcome::Refused { field, expected });
            continue;
        }
        let event = event(state, vendor, step, dossier);
        batch.add(&code, &key, read_all(state, vec![event]));
    }
    batch.admit(state).await?;
    Ok(batch.answer)
}

fn event(state: &AppState, vendor: &Vendor, read: ReadStep, dossier: Option<&Known>) -> Value {
    let ReadStep { code, step, left_over, .. } = read;
    let content = Value::Object(step.clone()).to_string();
    let id = format!("{code}-{}", derived("", &[code.as_str(), &content], 26));
    // As it was stored: what was said around it may have been put otherwise then.
    let events = dossier.iter().flat_map(|known| &known.timeline.events);
    let mut own = events.filter(|event| event.source == vendor.entry.source.as_str());
    if let Some(stored) = own.find(|event| event.id == id)
        && let Ok(stored) = serde_json::from_str(&stored.body)
    {
        return stored;
    }
    let at = step.get("at").and_then(Value::as_str).and_then(|at| at.parse::<Timestamp>().ok());
    let time = in_office(state, &code, dossier, at.unwrap_or_default());
    // Of a dossier that was never told whole the code is all there is.
    let is_told = dossier.is_some_and(|known| known.timeline.known);
    let about = if is_told { json!({}) } else { json!({ "code": code }) };
    let mut data = json!({ "dossier": about, "step": step });
    if !left_over.is_empty() {
        data["not_understood"] = Value::Object(left_over);
    }
    envelope_of(vendor, EventName::Corrected, &code, &rfc3339(time), &id, &data)
}

/// When a step was told: its own time, but not before its unit was in office. A history is brought by the unit of today.
fn in_office(state: &AppState, code: &DossierCode, dossier: Option<&Known>, at: Timestamp) -> Timestamp {
    let rules = &state.engine.rules;
    let unit = dossier.and_then(|known| known.timeline.unit.as_deref()).unwrap_or(code.unit_part());
    let unit = UnitCode::parse(unit).ok().map(|unit| rules.canonical_unit(&unit));
    let from = unit.and_then(|unit| rules.units.get(&unit)?.from);
    let from = from.and_then(|day| day.to_zoned(business_zone()).ok()).map(|day| day.timestamp());
    from.map_or(at, |from| from.max(at))
}
