//! Rows with good defaults.

use jiff::Timestamp;
use lienthong_core::{
    dossier::{DossierRecord, DossierState},
    id::{ConnectorId, DossierCode, LaneKey, RowId},
    operation::{Operation, OperationState, Payload},
    port::work::{Change, Work},
};
use std::{collections::BTreeMap, sync::Arc};

pub fn at(us: i64) -> Timestamp {
    Timestamp::from_microsecond(us).unwrap()
}

pub fn code(number: u32) -> DossierCode {
    DossierCode::parse(&format!("000.00.08.H99-261122-{number:04}")).unwrap()
}

pub fn connector() -> ConnectorId {
    ConnectorId::parse("portal").unwrap()
}

pub fn dossier(row: RowId, code: &DossierCode) -> DossierRecord {
    DossierRecord {
        row,
        code: code.clone(),
        unit: None,
        known: false,
        version: 0,
        sequences: BTreeMap::new(),
        bindings: BTreeMap::new(),
        state: Arc::new(DossierState::new(code.clone())),
        created_at: at(1),
    }
}

pub fn operation(id: RowId, lane: RowId, position: i64, now: Timestamp) -> Operation {
    Operation {
        id,
        lane,
        position,
        connector: connector(),
        dossier: None,
        subject: None,
        version: None,
        unit: None,
        event: 0,
        payload: Arc::new(Payload::SyncDossier),
        state: OperationState::Ready,
        due_at: now,
        need: None,
        attempts: 0,
        edits: 3,
        begun: false,
        doubted: false,
        attempt: None,
        cause: None,
        said: None,
        proof: None,
        superseded_by: None,
        decided_by: None,
        created_at: now,
        ended_at: None,
    }
}

/// Plans an operation at the end of a lane of the portal.
pub fn plan(work: &mut Work, key: &LaneKey, change: impl Fn(&mut Operation)) -> Option<RowId> {
    let (id, now) = (work.id(), work.now);
    let lane = work.lane(&connector(), key)?.edit();
    let mut operation = operation(id, lane.id, lane.next_position, now);
    change(&mut operation);
    lane.next_position += 1;
    lane.open.push(operation);
    work.touched.insert(id, Change::Insert);
    Some(id)
}
