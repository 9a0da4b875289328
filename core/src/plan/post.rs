//! Parcels: records beside the operations that order and cancel them, and what the tracking feed tells.

use serde_json::{Value, json};
use std::sync::Arc;

use crate::{
    event::{
        Admissible, Subject, canonical,
        data::Parcel,
        names::{EventData, EventName},
        rejection::{Reason, Rejection},
    },
    id::{ConnectorId, DossierCode, LaneKey, OrderNumber, ParcelId, RowId},
    need::Need,
    operation::{ActionKind, Operation, OperationState, Payload},
    outcome::Proof,
    parcel::{Direction, ParcelMove, ParcelRecord, ParcelState},
    plan::{
        admit::Effect,
        course::{bound, names, unassigned},
        late, out,
        queue::{Missing, Planned, annul, enqueue},
        rules::{PartnerKind, Rules},
    },
    port::work::{Loaded, Work},
};

/// The same parcel id with other content or for another dossier is a conflict.
pub fn check(work: &Work, event: &Admissible) -> Result<(), Rejection> {
    for (at, parcel, raw) in still_open(event) {
        let Subject::Dossier(subject) = &event.subject else { return Ok(()) };
        let is_other = |known: &Loaded<ParcelRecord>| {
            known.row.content_hash != canonical::hash(raw) || !names(work, event, subject, known.row.dossier)
        };
        if work.parcels.get(&parcel.id).is_some_and(is_other) {
            let expected = "bưu gửi của chính hồ sơ này, nội dung đúng như lần đầu";
            let path = format!("/data/open_parcels/{at}/id");
            return Err(Rejection::new(Reason::EffectConflict, path, expected, parcel.id.as_str()));
        }
    }
    let (id, path) = match &event.data {
        EventData::Parcel(data) => (&data.parcel.id, "/data/parcel/id"),
        EventData::ParcelCancelled(data) => (&data.parcel_id, "/data/parcel_id"),
        _ => return Ok(()),
    };
    let Subject::Dossier(subject) = &event.subject else { return Ok(()) };
    if let Some(known) = work.parcels.get(id)
        && !names(work, event, subject, known.row.dossier)
    {
        let expected = "bưu gửi của chính hồ sơ này";
        return Err(Rejection::new(Reason::EffectConflict, path, expected, id.as_str()));
    }
    let EventData::Parcel(data) = &event.data else { return Ok(()) };
    let hash = canonical::hash(event.raw.get("parcel").unwrap_or(&Value::Null));
    match work.parcels.get(&data.parcel.id) {
        Some(known) if known.row.content_hash != hash => {
            let expected = "nội dung đúng như lần đầu của bưu gửi này, hoặc một mã bưu gửi mới";
            Err(Rejection::new(Reason::EffectConflict, "/data/parcel/id", expected, data.parcel.id.as_str()))
        }
        _ => Ok(()),
    }
}

/// Parcels that a former system ordered, as an adopted dossier brings them.
fn still_open(event: &Admissible) -> impl Iterator<Item = (usize, &Parcel, &Value)> {
    let typed = if let EventData::Dossier(data) = &event.data { data.open_parcels.as_slice() } else { &[] };
    let raw = event.raw.get("open_parcels").and_then(Value::as_array).into_iter().flatten();
    typed.iter().zip(raw).enumerate().map(|(at, (parcel, raw))| (at, parcel, raw))
}

/// Keeps what a former system ordered: it is not ordered again, can be cancelled, and is tracked if the post knows it by
/// the order number that we would have given it.
fn adopt(work: &mut Work, rules: &Rules, event: &Admissible, code: &DossierCode) {
    let Some(dossier) = work.dossiers.get(code).map(|d| d.row.clone()) else { return };
    for (_, parcel, raw) in still_open(event) {
        if work.parcels.contains_key(&parcel.id) {
            continue;
        }
        let connector = bound(work, rules, code, PartnerKind::Post, event.name.as_str());
        let record = ParcelRecord {
            row: work.id(),
            id: parcel.id.clone(),
            dossier: dossier.row,
            subject: code.clone(),
            unit: dossier.unit.clone(),
            connector: connector.unwrap_or_else(unassigned),
            direction: if parcel.sender.is_some() { Direction::Pickup } else { Direction::Return },
            order_number: OrderNumber::of(&parcel.id),
            state: ParcelState::Accepted,
            item_code: None,
            moved_at: None,
            last_move: None,
            body: Arc::new(parcel.clone()),
            content_hash: canonical::hash(raw),
            created_at: work.now,
            updated_at: work.now,
        };
        work.parcels.insert(parcel.id.clone(), Loaded::fresh(record));
    }
}

/// Applies what the event says about parcels.
pub fn follow(
    work: &mut Work,
    rules: &Rules,
    event: &Admissible,
    row: RowId,
    effect: &mut Effect,
) -> Result<(), Missing> {
    match &event.data {
        EventData::Parcel(_) => order(work, rules, event, row, effect),
        EventData::ParcelCancelled(_) => cancel(work, rules, event, row, effect),
        EventData::Dossier(_) => {
            if let Subject::Dossier(subject) = &event.subject
                && let Some(code) = work.dossier(subject).map(|d| d.code.clone())
            {
                adopt(work, rules, event, &code);
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn order(
    work: &mut Work,
    rules: &Rules,
    event: &Admissible,
    row: RowId,
    effect: &mut Effect,
) -> Result<(), Missing> {
    let (EventData::Parcel(data), Subject::Dossier(subject)) = (&event.data, &event.subject) else {
        return Ok(());
    };
    let Some(code) = work.dossier(subject).map(|d| d.code.clone()) else { return Ok(()) };
    if work.parcels.contains_key(&data.parcel.id) {
        return Ok(());
    }
    let direction =
        if event.name == EventName::PickupRequested { Direction::Pickup } else { Direction::Return };
    let post = bound(work, rules, &code, PartnerKind::Post, event.name.as_str());
    let connector = post.clone().unwrap_or_else(unassigned);
    let Some(dossier) = work.dossiers.get(&code).map(|d| d.row.clone()) else { return Ok(()) };
    let order_number = OrderNumber::of(&data.parcel.id);
    let is_cancelled = effect.late && is_cancelled(work, dossier.row, &data.parcel.id);
    let record = ParcelRecord {
        row: work.id(),
        id: data.parcel.id.clone(),
        dossier: dossier.row,
        subject: code.clone(),
        unit: effect.unit.clone(),
        connector: connector.clone(),
        direction,
        order_number: order_number.clone(),
        state: if is_cancelled { ParcelState::Cancelled } else { ParcelState::Requested },
        item_code: None,
        moved_at: None,
        last_move: None,
        body: Arc::new(data.parcel.clone()),
        content_hash: canonical::hash(event.raw.get("parcel").unwrap_or(&Value::Null)),
        created_at: work.now,
        updated_at: work.now,
    };
    work.parcels.insert(data.parcel.id.clone(), Loaded::fresh(record));
    if is_cancelled {
        effect.note = Some("a newer event cancelled this parcel".into());
        return Ok(());
    }
    let (payload, need) = if post.is_some() {
        (Payload::CreateParcel { parcel: Box::new(data.parcel.clone()), direction, order_number }, None)
    } else {
        let wanted = "create_parcel".to_owned();
        let need = Need::Action(wanted.clone());
        (Payload::Unassigned { wanted }, Some(need))
    };
    // A parcel needs nothing of the dossier: it goes even while the dossier's snapshot is missing.
    let dossier = Some((dossier.row, code, dossier.version));
    let key = LaneKey::from(&data.parcel.id);
    enqueue(
        work,
        rules,
        Planned { connector, key, payload, dossier, unit: effect.unit.clone(), event: row, need },
    )?;
    effect.planned += 1;
    Ok(())
}

fn is_cancelled(work: &Work, dossier: RowId, parcel: &ParcelId) -> bool {
    let of_it = |name, data: &serde_json::Map<String, Value>| {
        let is_about = data.get("parcel_id").and_then(Value::as_str) == Some(parcel.as_str());
        (name == EventName::PostCancelled && is_about).then_some(())
    };
    late::took_back(work, dossier, of_it).is_some()
}

fn cancel(
    work: &mut Work,
    rules: &Rules,
    event: &Admissible,
    row: RowId,
    effect: &mut Effect,
) -> Result<(), Missing> {
    let EventData::ParcelCancelled(data) = &event.data else { return Ok(()) };
    let Some(known) = work.parcels.get(&data.parcel_id).map(|p| p.row.clone()) else {
        effect.note = Some("post.cancelled for a parcel that is unknown".into());
        return Ok(());
    };
    let lane = (LaneKey::from(&known.id), known.connector.clone());
    let asks = |o: &Operation| o.payload.kind() == ActionKind::CancelParcel && !o.state.is_ended();
    if known.state == ParcelState::Cancelled
        || work.lanes.get(&lane).is_some_and(|l| l.row.open.iter().any(asks))
    {
        effect.note = Some("the parcel is cancelled already".into());
        return Ok(());
    }
    let is_unassigned = known.connector == unassigned();
    let kind = if is_unassigned { ActionKind::Unassigned } else { ActionKind::CreateParcel };
    if annul(work, rules, &lane, kind, &format!("post.cancelled: {}", data.reason))? || is_unassigned {
        let now = work.now;
        if let Some(loaded) = work.parcels.get_mut(&known.id) {
            let record = loaded.edit();
            (record.state, record.updated_at) = (ParcelState::Cancelled, now);
        }
        let told = json!({ "parcel_id": known.id, "reason": data.reason });
        out::tell(
            work,
            rules,
            "post.cancelled",
            known.subject.as_str(),
            known.unit.as_ref(),
            known.id.as_str(),
            told,
        );
        return Ok(());
    }
    let payload = Payload::CancelParcel {
        parcel: known.id.clone(),
        order_number: known.order_number.clone(),
        reason: data.reason.clone(),
    };
    let version = work.dossiers.get(&known.subject).map_or(0, |d| d.row.version);
    let dossier = Some((known.dossier, known.subject.clone(), version));
    let planned = Planned {
        connector: known.connector,
        key: lane.0,
        payload,
        dossier,
        unit: effect.unit.clone(),
        event: row,
        need: None,
    };
    enqueue(work, rules, planned)?;
    effect.planned += 1;
    Ok(())
}

/// Applies one page of a tracking feed. Records that match no parcel are kept; a record seen before changes nothing.
pub fn track(work: &mut Work, rules: &Rules, connector: &ConnectorId, moves: &[ParcelMove]) {
    for tracked in moves {
        let id = work
            .parcels
            .values()
            .find(|p| &p.row.connector == connector && p.row.order_number.as_str() == tracked.order_number)
            .map(|p| p.row.id.clone());
        let row = id.as_ref().and_then(|id| work.parcels.get(id)).map(|p| p.row.row);
        if let Some(id) = &id {
            settle_order(work, connector, id);
        }
        work.new_moves.push((connector.clone(), row, tracked.clone()));
        let advanced = match id.and_then(|id| work.parcels.get_mut(&id)) {
            Some(loaded) => moved(loaded, tracked, work.now),
            None => false,
        };
        if let (Some(row), true) = (row, advanced) {
            tell_move(work, rules, row, tracked);
        }
    }
}

/// A tracking record proves that the order exists: ends the doubt about it.
fn settle_order(work: &mut Work, connector: &ConnectorId, id: &ParcelId) {
    let is_open = work.parcels.get(id).is_some_and(|p| p.row.state == ParcelState::Requested);
    let key = LaneKey::from(id);
    if !is_open {
        return;
    }
    if !work.scope.lanes.contains(&key) {
        work.missing.lanes.insert(key);
        return;
    }
    let Some(lane) = work.lanes.get_mut(&(key, connector.clone())) else { return };
    let is_doubtful = |o: &Operation| {
        o.payload.kind() == ActionKind::CreateParcel
            && matches!(o.state, OperationState::Doubtful | OperationState::Awaiting)
    };
    if !lane.row.open.first().is_some_and(is_doubtful) {
        return;
    }
    let now = work.now;
    if let Some(operation) = lane.edit().open.first_mut() {
        operation.state = OperationState::Succeeded;
        operation.proof = Some(Proof { said: "known by tracking".into(), ..Proof::default() });
        operation.ended_at = Some(now);
        let id = operation.id;
        work.ledger.succeeded += 1;
        work.touch(id);
    }
}

fn moved(loaded: &mut Loaded<ParcelRecord>, tracked: &ParcelMove, now: jiff::Timestamp) -> bool {
    // The feed is read again from ten minutes before the cursor: only what is newer moves the record and is told. Of
    // two records of the same moment the one that is further on counts.
    let is_further = tracked.means.is_some_and(|means| means > loaded.row.state);
    if loaded.row.moved_at.is_some_and(|at| at > tracked.at || (at == tracked.at && !is_further)) {
        return false;
    }
    let record = loaded.edit();
    record.moved_at = Some(tracked.at);
    record.last_move = Some(format!("{} {}", tracked.status_code, tracked.status));
    record.updated_at = now;
    if !tracked.item_code.is_empty() {
        record.item_code = Some(tracked.item_code.clone());
    }
    match tracked.means {
        Some(state) => record.state = state,
        None if record.state < ParcelState::Moving => record.state = ParcelState::Moving,
        None => {}
    }
    true
}

fn tell_move(work: &mut Work, rules: &Rules, row: RowId, tracked: &ParcelMove) {
    let Some(parcel) = work.parcels.values().find(|p| p.row.row == row).map(|p| p.row.clone()) else {
        return;
    };
    let name = match tracked.means {
        Some(ParcelState::Delivered) => "post.delivered",
        Some(ParcelState::Failed) => "post.failed",
        Some(ParcelState::CameBack) => "post.came_back",
        Some(ParcelState::Cancelled) => "post.cancelled",
        // That the post has the order was told when it was placed.
        Some(ParcelState::Requested | ParcelState::Accepted | ParcelState::Moving | ParcelState::Refused)
        | None => "post.moved",
    };
    let data = json!({
        "parcel_id": parcel.id, "status_code": tracked.status_code, "status": tracked.status, "at": tracked.at,
        "post_office": tracked.post_office, "item_code": tracked.item_code,
    });
    let about = format!("{}:{}", parcel.connector, tracked.record);
    out::tell(work, rules, name, parcel.subject.as_str(), parcel.unit.as_ref(), &about, data);
}
