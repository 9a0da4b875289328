//! The tables of the in-memory store and their indexes. Only plain look-ups and row changes; rules are in `write.rs`.

use jiff::{Timestamp, civil::Date};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    catalogue::{Change, Entry, ListHead, Mapping},
    dossier::{DossierRecord, DossierState},
    id::{ConnectorId, DossierCode, EventKey, LaneKey, OrderNumber, ParcelId, PaymentId, Reference, RowId},
    index::tally::FactRow,
    lane::{Lane, LaneState},
    operation::{Attempt, Operation},
    parcel::{ParcelMove, ParcelRecord},
    payment::{PaymentRecord, ReferenceRecord},
    port::{
        inbound::{ToldRecord, WholeFile},
        retention::Kind,
        store::{ConnectorCondition, OutboxRow, ROWS_APART, RawCallback, Restored, Session},
        work::{EditRecord, EventRecord, LedgerDelta, Merge, QuarantineRecord, RestoreStep, VersionRecord},
    },
    reconciliation::{Discrepancy, Expectation, Run},
    replay::{Replay, ReplayItem},
};

/// A stored event.
#[derive(Clone)]
pub(super) struct StoredEvent {
    pub(super) record: EventRecord,
    pub(super) received_at: Timestamp,
}

/// A stored quarantine entry.
#[derive(Clone)]
pub(super) struct StoredQuarantine {
    pub(super) record: QuarantineRecord,
    pub(super) received_at: Timestamp,
    pub(super) closed_at: Option<Timestamp>,
}

/// A version with its state read once.
#[derive(Clone)]
pub(super) struct StoredVersion {
    pub(super) record: VersionRecord,
    pub(super) state: Option<Arc<DossierState>>,
}

/// A stored callback.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredCallback {
    /// As it came.
    pub raw: RawCallback,
    /// When.
    pub received_at: Timestamp,
    /// Its identity, once verified.
    pub identity: Option<String>,
    /// Its verdict.
    pub verdict: Option<String>,
}

/// An incident, open or closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredIncident {
    /// Its row.
    pub id: i64,
    /// What makes it one.
    pub key: String,
    /// The connector.
    pub connector: Option<ConnectorId>,
    /// In words.
    pub said: String,
    /// Since.
    pub opened_at: Timestamp,
    /// Until.
    pub closed_at: Option<Timestamp>,
}

/// A lease row: of a singleton or of a timer.
#[derive(Clone, Default)]
pub(super) struct LeaseRow {
    pub(super) holder: Option<String>,
    pub(super) until: Timestamp,
    pub(super) fence: i64,
}

/// A durable timer.
#[derive(Clone)]
pub(super) struct TimerRow {
    pub(super) next_at: Timestamp,
    pub(super) lease: LeaseRow,
}

/// All tables.
#[derive(Clone, Default)]
pub(super) struct Tables {
    pub(super) next_id: i64,
    pub(super) epoch: i64,
    pub(super) installation: String,
    pub(super) outbox_floor: i64,
    pub(super) restored: Option<Restored>,
    pub(super) event_keys: BTreeMap<EventKey, [u8; 32]>,
    pub(super) keys_since: BTreeMap<EventKey, Timestamp>,
    pub(super) events: BTreeMap<RowId, StoredEvent>,
    pub(super) events_of: BTreeMap<RowId, Vec<RowId>>,
    pub(super) quarantine: BTreeMap<RowId, StoredQuarantine>,
    pub(super) dossiers: BTreeMap<RowId, DossierRecord>,
    pub(super) dossiers_since: BTreeMap<RowId, Timestamp>,
    pub(super) codes: BTreeMap<DossierCode, RowId>,
    pub(super) aliases: BTreeMap<DossierCode, RowId>,
    pub(super) versions: BTreeMap<(RowId, i64), StoredVersion>,
    /// Lanes without their open operations.
    pub(super) lanes: BTreeMap<RowId, Lane>,
    pub(super) lane_keys: BTreeMap<(LaneKey, ConnectorId), RowId>,
    pub(super) lanes_due: BTreeSet<(ConnectorId, LaneState, Timestamp, RowId)>,
    pub(super) lanes_running: BTreeSet<RowId>,
    pub(super) lanes_need: BTreeSet<(String, RowId)>,
    pub(super) operations: BTreeMap<RowId, Operation>,
    pub(super) operations_of: BTreeMap<RowId, BTreeSet<RowId>>,
    /// Open operations by lane and place.
    pub(super) open: BTreeMap<RowId, BTreeMap<i64, RowId>>,
    pub(super) open_count: i64,
    pub(super) attempts: BTreeMap<(RowId, i32), Attempt>,
    pub(super) edits: BTreeMap<(RowId, i32), (Timestamp, EditRecord)>,
    /// Payments without their references.
    pub(super) payments: BTreeMap<RowId, PaymentRecord>,
    pub(super) payment_ids: BTreeMap<PaymentId, RowId>,
    pub(super) references: BTreeMap<(ConnectorId, Reference), (RowId, ReferenceRecord)>,
    pub(super) references_of: BTreeMap<RowId, BTreeSet<(ConnectorId, Reference)>>,
    pub(super) parcels: BTreeMap<RowId, ParcelRecord>,
    pub(super) parcel_ids: BTreeMap<ParcelId, RowId>,
    pub(super) orders: BTreeMap<(ConnectorId, OrderNumber), RowId>,
    pub(super) moves: BTreeMap<(ConnectorId, String), (Option<RowId>, ParcelMove)>,
    pub(super) callbacks: BTreeMap<RowId, StoredCallback>,
    pub(super) applied: BTreeSet<String>,
    pub(super) inbound: BTreeMap<(ConnectorId, String), ToldRecord>,
    pub(super) files: BTreeMap<RowId, WholeFile>,
    pub(super) outbox: Vec<OutboxRow>,
    pub(super) cursors: BTreeMap<String, String>,
    pub(super) singletons: BTreeMap<String, LeaseRow>,
    pub(super) timers: BTreeMap<String, TimerRow>,
    pub(super) sessions: BTreeMap<ConnectorId, Session>,
    pub(super) conditions: BTreeMap<ConnectorId, ConnectorCondition>,
    pub(super) incidents: Vec<StoredIncident>,
    pub(super) replays: BTreeMap<RowId, Replay>,
    pub(super) replay_items: BTreeMap<(RowId, RowId), ReplayItem>,
    pub(super) index_facts: BTreeMap<RowId, FactRow>,
    pub(super) sheets: BTreeMap<(Date, String), String>,
    pub(super) catalogue_heads: BTreeMap<(ConnectorId, String), ListHead>,
    pub(super) catalogue: BTreeMap<(ConnectorId, String, String), Entry>,
    pub(super) catalogue_changes: BTreeMap<(ConnectorId, String, i64, String), Change>,
    pub(super) mappings: BTreeMap<RowId, Mapping>,
    pub(super) mapping_version: i64,
    pub(super) expectations: BTreeMap<(ConnectorId, DossierCode), Expectation>,
    pub(super) discrepancies: BTreeMap<RowId, Discrepancy>,
    pub(super) reconciliations: BTreeMap<RowId, Run>,
    pub(super) folded: LedgerDelta,
    pub(super) deltas: Vec<LedgerDelta>,
    /// What retention took: rows, when last, and what the ledgers count of them.
    pub(super) retired: BTreeMap<Kind, (i64, Timestamp)>,
    pub(super) retired_ledger: LedgerDelta,
    pub(super) audit: Vec<(Timestamp, String, String, String)>,
}

impl Tables {
    /// Empty tables of a first epoch.
    pub(super) fn new() -> Self {
        Self { next_id: 1, epoch: 1, installation: "memory".into(), ..Self::default() }
    }

    /// The row of a dossier by code or alias.
    pub(super) fn dossier_row(&self, code: &DossierCode) -> Option<RowId> {
        self.codes.get(code).or_else(|| self.aliases.get(code)).copied()
    }

    /// Lets a dossier go into another one.
    pub(super) fn merge_dossiers(&mut self, merge: &Merge) {
        let Some(gone) = self.dossiers.remove(&merge.from) else { return };
        self.codes.remove(&gone.code);
        self.versions.retain(|(dossier, _), _| *dossier != merge.from);
        for dossier in self.aliases.values_mut().filter(|dossier| **dossier == merge.from) {
            *dossier = merge.into;
        }
        let events = self.events_of.remove(&merge.from).unwrap_or_default();
        for id in &events {
            let Some(event) = self.events.get_mut(id) else { continue };
            event.record.dossier = Some(merge.into);
        }
        let all = self.events_of.entry(merge.into).or_default();
        all.extend(events);
        all.sort_unstable();
        let operations = self.operations_of.remove(&merge.from).unwrap_or_default();
        for id in &operations {
            let Some(operation) = self.operations.get_mut(id) else { continue };
            (operation.dossier, operation.subject) = (Some(merge.into), Some(merge.code.clone()));
            operation.version = None;
        }
        self.operations_of.entry(merge.into).or_default().extend(operations);
    }

    /// A lane with its open operations.
    pub(super) fn lane(&self, row: RowId) -> Option<Lane> {
        let mut lane = self.lanes.get(&row)?.clone();
        if let Some(places) = self.open.get(&row) {
            lane.open = places.values().filter_map(|id| self.operations.get(id)).cloned().collect();
        }
        Some(lane)
    }

    /// A payment with its references, oldest first.
    pub(super) fn payment(&self, row: RowId) -> Option<PaymentRecord> {
        let mut payment = self.payments.get(&row)?.clone();
        let keys = self.references_of.get(&row).into_iter().flatten();
        payment.references = keys.filter_map(|k| self.references.get(k)).map(|(_, r)| r.clone()).collect();
        payment.references.sort_by(|a, b| (a.created_at, &a.reference).cmp(&(b.created_at, &b.reference)));
        Some(payment)
    }

    /// Puts a lane's row and keeps its indexes.
    pub(super) fn put_lane(&mut self, lane: &Lane) {
        if let Some(old) = self.lanes.remove(&lane.id) {
            self.lanes_due.remove(&(old.connector.clone(), old.state, old.due_at, old.id));
            self.lanes_running.remove(&old.id);
            if let Some(need) = &old.need {
                self.lanes_need.remove(&(need.to_string(), old.id));
            }
        }
        self.lanes_due.insert((lane.connector.clone(), lane.state, lane.due_at, lane.id));
        if lane.state == LaneState::Running {
            self.lanes_running.insert(lane.id);
        }
        if let Some(need) = &lane.need {
            self.lanes_need.insert((need.to_string(), lane.id));
        }
        self.lane_keys.insert((lane.key.clone(), lane.connector.clone()), lane.id);
        self.lanes.insert(lane.id, Lane { open: Vec::new(), ..lane.clone() });
    }

    /// Takes an operation's place away, if it was open.
    pub(super) fn leave_place(&mut self, id: RowId) {
        let Some(old) = self.operations.get(&id) else { return };
        if old.state.is_ended() {
            return;
        }
        self.open_count -= 1;
        if let Some(places) = self.open.get_mut(&old.lane) {
            places.remove(&old.position);
            if places.is_empty() {
                self.open.remove(&old.lane);
            }
        }
    }

    /// Puts an operation's row; its old place must have been left.
    pub(super) fn put_operation(&mut self, operation: Operation) {
        if !operation.state.is_ended() {
            self.open_count += 1;
            self.open.entry(operation.lane).or_default().insert(operation.position, operation.id);
        }
        if let Some(dossier) = operation.dossier {
            self.operations_of.entry(dossier).or_default().insert(operation.id);
        }
        self.operations.insert(operation.id, operation);
    }

    /// Opens an incident unless one with the key is open.
    pub(super) fn open_incident(
        &mut self,
        now: Timestamp,
        key: &str,
        connector: Option<ConnectorId>,
        said: &str,
    ) {
        if self.incidents.iter().any(|i| i.key == key && i.closed_at.is_none()) {
            return;
        }
        let id = self.incidents.len() as i64 + 1;
        let (key, said) = (key.to_owned(), said.to_owned());
        self.incidents.push(StoredIncident { id, key, connector, said, opened_at: now, closed_at: None });
    }

    /// Closes the open incident with this key, if any.
    pub(super) fn close_incident(&mut self, now: Timestamp, key: &str) {
        for incident in self.incidents.iter_mut().filter(|i| i.key == key && i.closed_at.is_none()) {
            incident.closed_at = Some(now);
        }
    }

    /// Whether an open operation has this need.
    pub(super) fn is_waited_for(&self, need: &str) -> bool {
        let open = self.operations.values().filter(|o| !o.state.is_ended());
        open.filter_map(|o| o.need.as_ref()).any(|n| n.to_string() == need)
    }

    /// Closes the open quarantine entries that are meant.
    pub(super) fn close_quarantine(&mut self, now: Timestamp, is_meant: impl Fn(&QuarantineRecord) -> bool) {
        for entry in self.quarantine.values_mut().filter(|e| e.closed_at.is_none() && is_meant(&e.record)) {
            entry.closed_at = Some(now);
        }
    }

    /// The highest number of an out-event, or what it may not fall below.
    pub(super) fn outbox_highest(&self) -> i64 {
        self.outbox.last().map_or(0, |row| row.number).max(self.outbox_floor)
    }

    /// Whether nothing may go out.
    pub(super) fn is_fenced(&self) -> bool {
        self.restored.as_ref().is_some_and(|restored| restored.released.is_none())
    }

    /// A step around a restore.
    pub(super) fn step(&mut self, now: Timestamp, step: RestoreStep) {
        match step {
            RestoreStep::Fence(fenced) => {
                self.epoch = fenced.epoch;
                self.outbox_floor = self.outbox_highest().max(fenced.outbox_above);
                self.next_id += ROWS_APART;
                self.restored = Some(Restored {
                    since: now,
                    reason: fenced.reason,
                    backup_at: fenced.backup_at,
                    seen_at: fenced.seen_at,
                    released: None,
                });
            }
            RestoreStep::Release(release) => {
                if let Some(restored) = &mut self.restored {
                    restored.released = Some(release);
                }
            }
        }
    }

    /// Folded totals plus deltas not folded yet.
    pub(super) fn ledger_total(&self) -> LedgerDelta {
        self.deltas.iter().fold(self.folded, |total, delta| add(total, *delta))
    }
}

/// The sum of two deltas.
pub(super) fn add(a: LedgerDelta, b: LedgerDelta) -> LedgerDelta {
    LedgerDelta {
        received: a.received + b.received,
        admitted: a.admitted + b.admitted,
        duplicate: a.duplicate + b.duplicate,
        quarantined: a.quarantined + b.quarantined,
        planned: a.planned + b.planned,
        succeeded: a.succeeded + b.succeeded,
        refused: a.refused + b.refused,
        superseded: a.superseded + b.superseded,
        dismissed: a.dismissed + b.dismissed,
    }
}
