//! Joining: an event says that two codes mean one dossier, and each was told of before. One of the two that the portal has
//! never been told of moves into the other, with all that was said of it; if both are more than that, a person decides.

use jiff::Timestamp;
use serde_json::Value;
use std::{collections::BTreeSet, sync::Arc};

use crate::{
    event::{
        Admissible,
        names::EventName,
        rejection::{Reason, Rejection},
    },
    id::{DossierCode, LaneKey, RowId},
    need::Need,
    operation::{Operation, OperationState, Payload},
    plan::{
        admit::{Refusal, check_right},
        course::{bound, plan_at_portal, replace_state, stated_codes, sync},
        queue::Missing,
        rules::{PartnerKind, Rules},
    },
    port::work::{Change, IncidentRecord, Loaded, Merge, Work},
    status::PortalStatus,
};

/// Makes sure that all codes of an event mean one dossier. Answers how many operations were planned for that.
pub fn join(
    work: &mut Work,
    rules: &Rules,
    event: &Admissible,
    row: RowId,
    subject: &DossierCode,
) -> Result<i32, Refusal> {
    let stated = stated_codes(event);
    let codes = std::iter::once(subject).chain(&stated);
    let known: BTreeSet<DossierCode> =
        codes.filter_map(|c| work.dossier(c)).map(|d| d.code.clone()).collect();
    let mut known = known.into_iter();
    let (Some(one), Some(other)) = (known.next(), known.next()) else { return Ok(0) };
    let key = format!("codes:{one}:{other}");
    let pair = match known.next() {
        // Whoever joins them has to have the right to both.
        None => {
            check_right(work, rules, event, &one)?;
            check_right(work, rules, event, &other)?;
            stub_and_survivor(work, &one, &other)?
        }
        Some(_) => None,
    };
    let Some((stub, survivor)) = pair else {
        let said = format!("{one} and {other} are two dossiers here, and an event says that they are one");
        work.opened.push(IncidentRecord { key, connector: None, said });
        let expected = format!("mã hồ sơ chỉ thuộc một hồ sơ (đang thuộc {one})");
        return Err(Rejection::new(Reason::AliasConflict, "/data/dossier", expected, other.as_str()).into());
    };
    work.close(key);
    let deed = format!("dossier.joined: {stub}");
    work.audit.push((event.key.source.to_string(), deed, survivor.to_string()));
    Ok(merge(work, rules, event, row, &stub, &survivor)?)
}

/// Which of two dossiers may move into the other: the one told of later, if both may.
fn stub_and_survivor(
    work: &mut Work,
    one: &DossierCode,
    other: &DossierCode,
) -> Result<Option<(DossierCode, DossierCode)>, Missing> {
    // Both say what they need before anything is decided.
    let (one_may, other_may) = (is_stub(work, one), is_stub(work, other));
    let first_seen = |code| work.dossiers.get(code).map(|d| (d.row.created_at, d.row.row));
    let is_later = first_seen(one) > first_seen(other);
    Ok(match (one_may?, other_may?) {
        (true, false) => Some((one.clone(), other.clone())),
        (true, true) if is_later => Some((one.clone(), other.clone())),
        (_, true) => Some((other.clone(), one.clone())),
        (false, false) => None,
    })
}

/// Whether nothing of a dossier can have reached the portal or a payment platform: it was never told whole, so that all
/// its operations wait for that, and none was ever claimed. A parcel has its own key at the post and may have gone.
fn is_stub(work: &mut Work, code: &DossierCode) -> Result<bool, Missing> {
    let keys = loaded_keys(work, code)?;
    let Some(dossier) = work.dossiers.get(code) else { return Ok(false) };
    if dossier.row.known {
        return Ok(false);
    }
    let parcels: BTreeSet<LaneKey> = work.parcels.keys().map(LaneKey::from).collect();
    let lanes = work.lanes.values().filter(|l| keys.contains(&l.row.key) && !parcels.contains(&l.row.key));
    Ok(lanes.clone().all(|l| l.row.claim == 0 && !l.row.acknowledged)
        && lanes.flat_map(|l| &l.row.open).all(|o| {
            !o.begun && o.state == OperationState::Held && !matches!(o.need, Some(Need::Decision(_)))
        }))
}

/// The lanes of a dossier, its payments and its parcels, once all are loaded.
fn loaded_keys(work: &mut Work, code: &DossierCode) -> Result<BTreeSet<LaneKey>, Missing> {
    let own = LaneKey::from(code);
    let scope = &work.scope;
    if !(scope.payments_of.contains(code)
        && scope.parcels_of.contains(code)
        && scope.history_of.contains(code)
        && scope.lanes.contains(&own))
    {
        work.missing.payments_of.insert(code.clone());
        work.missing.parcels_of.insert(code.clone());
        work.missing.history_of.insert(code.clone());
        work.missing.lanes.insert(own);
        return Err(Missing);
    }
    let payments = work.payments.values().filter(|p| p.row.subject == *code);
    let parcels = work.parcels.values().filter(|p| p.row.subject == *code);
    let mut keys: BTreeSet<LaneKey> = payments.map(|p| LaneKey::from(&p.row.id)).collect();
    keys.extend(parcels.map(|p| LaneKey::from(&p.row.id)));
    keys.insert(own);
    let absent: Vec<_> = keys.iter().filter(|key| !work.scope.lanes.contains(*key)).cloned().collect();
    if absent.is_empty() {
        return Ok(keys);
    }
    work.missing.lanes.extend(absent);
    Err(Missing)
}

fn merge(
    work: &mut Work,
    rules: &Rules,
    event: &Admissible,
    row: RowId,
    stub: &DossierCode,
    survivor: &DossierCode,
) -> Result<i32, Missing> {
    loaded_keys(work, stub)?;
    let is_told_later = last_status(work, rules, stub) > last_status(work, rules, survivor);
    let Some(Loaded { row: gone, change }) = work.dossiers.remove(stub) else { return Ok(0) };
    let Some(into) = work.dossiers.get_mut(survivor).map(Loaded::edit) else { return Ok(0) };
    for (source, sequence) in &gone.sequences {
        let highest = into.sequences.entry(source.clone()).or_insert(*sequence);
        *highest = (*highest).max(*sequence);
    }
    for (kind, connector) in &gone.bindings {
        into.bindings.entry(*kind).or_insert_with(|| connector.clone());
    }
    into.unit = into.unit.take().or_else(|| gone.unit.clone());
    let mut state = (*into.state).clone();
    state.absorb(&gone.state);
    if is_told_later {
        state.status = gone.state.status;
        // What the status was before a voiding that waits is not what it would be now.
        state.before_void = None;
    }
    let (into_row, version) = (into.row, into.version);
    repoint(work, gone.row, into_row, stub, survivor, change);
    let changed = replace_state(work, survivor, state, row);
    let version = if changed { version + 1 } else { version };
    move_effects(work, stub, survivor, (into_row, version));
    move_steps(work, rules, event, row, stub, survivor)
}

/// Everything that names the row of the one that goes names the other's.
fn repoint(
    work: &mut Work,
    gone: RowId,
    into: RowId,
    stub: &DossierCode,
    survivor: &DossierCode,
    change: Change,
) {
    for code in work.aliases.values_mut().filter(|code| *code == stub) {
        code.clone_from(survivor);
    }
    for (_, dossier) in work.new_aliases.iter_mut().filter(|(_, dossier)| *dossier == gone) {
        *dossier = into;
    }
    work.new_aliases.push((stub.clone(), into));
    for event in work.new_events.iter_mut().filter(|e| e.dossier == Some(gone)) {
        event.dossier = Some(into);
    }
    work.new_versions.retain(|v| v.dossier != gone);
    let mut past = work.history.remove(&into).unwrap_or_default();
    past.extend(work.history.remove(&gone).unwrap_or_default());
    work.history.insert(into, past);
    if change != Change::Insert {
        work.merged.push(Merge { from: gone, into, code: survivor.clone() });
    }
}

/// Payments, parcels and answers keep their own lanes; what waited for the one's snapshot waits for the other's.
fn move_effects(work: &mut Work, stub: &DossierCode, survivor: &DossierCode, (row, version): (RowId, i64)) {
    let now = work.now;
    for payment in work.payments.values_mut().filter(|p| p.row.subject == *stub) {
        let record = payment.edit();
        (record.dossier, record.subject) = (row, survivor.clone());
    }
    for parcel in work.parcels.values_mut().filter(|p| p.row.subject == *stub) {
        let record = parcel.edit();
        (record.dossier, record.subject) = (row, survivor.clone());
    }
    let is_known = work.dossiers.get(survivor).is_some_and(|d| d.row.known);
    let need = Need::Snapshot(stub.to_string());
    let mut touched = Vec::new();
    let is_its_own = |o: &Operation| o.subject.as_ref() == Some(stub);
    for lane in work.lanes.values_mut().filter(|l| l.row.open.iter().any(is_its_own)) {
        for operation in lane.edit().open.iter_mut().filter(|o| is_its_own(o)) {
            (operation.dossier, operation.subject) = (Some(row), Some(survivor.clone()));
            operation.version = operation.version.map(|_| version);
            if operation.need.as_ref() == Some(&need) {
                operation.need = (!is_known).then(|| Need::Snapshot(survivor.to_string()));
                if is_known {
                    (operation.state, operation.due_at) = (OperationState::Ready, now);
                }
            }
            touched.push(operation.id);
        }
    }
    for id in touched {
        work.touch(id);
    }
}

/// The steps follow at the end of the other's lane, behind a state; the states that waited are part of that one.
fn move_steps(
    work: &mut Work,
    rules: &Rules,
    event: &Admissible,
    row: RowId,
    stub: &DossierCode,
    survivor: &DossierCode,
) -> Result<i32, Missing> {
    let (key, now) = (LaneKey::from(stub), work.now);
    let mut steps: Vec<(RowId, RowId, Arc<Payload>)> = Vec::new();
    let mut ended = Vec::new();
    for lane in work.lanes.values_mut().filter(|l| l.row.key == key && !l.row.open.is_empty()) {
        for operation in lane.edit().open.iter_mut().filter(|o| !o.state.is_ended()) {
            if matches!(&*operation.payload, Payload::AppendProgress { .. }) {
                steps.push((operation.id, operation.event, Arc::clone(&operation.payload)));
                operation.state = OperationState::Superseded;
                work.ledger.superseded += 1;
            } else {
                operation.state = OperationState::Dismissed;
                operation.decided_by = Some(format!("joined with {survivor}"));
                work.ledger.dismissed += 1;
            }
            (operation.need, operation.ended_at) = (None, Some(now));
            ended.push(operation.id);
        }
    }
    for id in ended {
        work.touch(id);
    }
    if steps.is_empty() {
        return Ok(0);
    }
    let Some(portal) = bound(work, rules, survivor, PartnerKind::Portal, event.name.as_str()) else {
        return Ok(0);
    };
    sync(work, rules, &portal, survivor, row, None)?;
    let planned = i32::try_from(steps.len()).unwrap_or(i32::MAX);
    for (old, asked_by, payload) in steps {
        let new = plan_at_portal(work, rules, &portal, survivor, asked_by, (*payload).clone(), None)?;
        for lane in work.lanes.values_mut().filter(|l| l.row.key == key) {
            for operation in lane.row.open.iter_mut().filter(|o| o.id == old) {
                operation.superseded_by = Some(new);
            }
        }
    }
    Ok(planned.saturating_add(1))
}

/// When an event last said of a dossier which status it has.
fn last_status(work: &Work, rules: &Rules, code: &DossierCode) -> Option<Timestamp> {
    let row = work.dossiers.get(code)?.row.row;
    let stored = work.history.get(&row).into_iter().flatten().map(|past| &past.body);
    let of_this_batch = work.new_events.iter().filter(|e| e.dossier == Some(row)).map(|e| &e.body);
    let moments = stored.chain(of_this_batch).filter_map(|body| {
        let past: Value = serde_json::from_str(body).ok()?;
        let name = EventName::from_type(past.get("type")?.as_str()?)?;
        let stated = past.pointer("/data/status").and_then(Value::as_u64);
        let stated = stated.and_then(|s| PortalStatus::try_from(u8::try_from(s).ok()?).ok());
        name.portal_status(stated, &rules.status)?;
        past.get("time")?.as_str()?.parse::<Timestamp>().ok()
    });
    moments.max()
}
