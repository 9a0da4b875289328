//! A store in memory that keeps to the port's words and to the schema's constraints: for flow tests, and as the model
//! that the conformance suite is tried on. One writer; its clock is a manual one; faults can be ordered.

mod catalogue;
mod inbound;
mod index;
mod load;
mod reconciliation;
mod replays;
mod retention;
mod sheet;
mod store;
mod tables;
mod views;
mod write;

pub use tables::{StoredCallback, StoredIncident};

use jiff::Timestamp;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{
    clock::Clock,
    lane::Lane,
    operation::Operation,
    parcel::{ParcelMove, ParcelRecord},
    payment::PaymentRecord,
    port::{
        store::{Decision, StoreError, run_decision},
        work::{EventRecord, IdSource, QuarantineRecord, Scope, Work},
    },
    replay::ReplayItem,
    testing::clock::ManualClock,
};
use tables::Tables;

/// How often a decision may ask for more scope before the store gives up, as in the other stores.
const ROUNDS: usize = 6;
/// How many row numbers are reserved at a time, as in the other stores.
const RESERVE: i64 = 1_000_000;

/// What a test ordered to go wrong.
#[derive(Default)]
struct Faults {
    is_down: bool,
    next: VecDeque<StoreError>,
    lost_answers: usize,
    late_answer: Option<Duration>,
    owed_delay: Option<Duration>,
    unacceptable: Vec<String>,
}

/// The store. Clones are one process; [`MemoryStore::second`] is another one on the same tables.
#[derive(Clone)]
pub struct MemoryStore {
    tables: Arc<Mutex<Tables>>,
    faults: Arc<Mutex<Faults>>,
    ids: Arc<IdSource>,
    clock: ManualClock,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new(ManualClock::default())
    }
}

impl MemoryStore {
    /// An empty store under this clock.
    pub fn new(clock: ManualClock) -> Self {
        Self {
            tables: Arc::new(Mutex::new(Tables::new())),
            faults: Arc::default(),
            ids: Arc::default(),
            clock,
        }
    }

    /// Another process' handle on the same tables: own row numbers and own faults.
    pub fn second(&self) -> Self {
        Self {
            tables: Arc::clone(&self.tables),
            faults: Arc::default(),
            ids: Arc::default(),
            clock: self.clock.clone(),
        }
    }

    /// The store's clock.
    pub fn clock(&self) -> &ManualClock {
        &self.clock
    }

    /// The next call on this handle fails like this and does nothing. Several queue up.
    pub fn fail_next(&self, error: StoreError) {
        self.faults().next.push_back(error);
    }

    /// The next unit of work that writes events, operations, a cursor, a plan or what a partner said commits, and then its answer is lost: the caller sees
    /// `Unavailable`.
    pub fn lose_next_answer(&self) {
        self.faults().lost_answers += 1;
    }

    /// The next unit of work that writes events or operations commits at once, and its answer takes this long.
    pub fn delay_next_answer(&self, by: Duration) {
        self.faults().late_answer = Some(by);
    }

    /// While down, every call on this handle answers `Unavailable` and does nothing.
    pub fn set_down(&self, is_down: bool) {
        self.faults().is_down = is_down;
    }

    /// From now on a unit of work is refused with `Rejected` that has an event whose body, or an operation whose proof,
    /// contains this text.
    pub fn refuse(&self, text: &str) {
        self.faults().unacceptable.push(text.to_owned());
    }

    /// Sets the epoch, as a restore does.
    pub fn set_epoch(&self, epoch: i64) {
        self.tables().epoch = epoch;
    }

    /// Loses an operation's row, as no unit of work can: for tests of the audit.
    pub fn lose_operation(&self, id: i64) {
        let mut tables = self.tables();
        tables.leave_place(id);
        tables.operations.remove(&id);
    }

    /// Brings a lost operation's row back.
    pub fn restore_operation(&self, operation: Operation) {
        self.tables().put_operation(operation);
    }

    /// A backup: a store of its own with what is in this one now.
    pub fn copy(&self) -> Self {
        Self {
            tables: Arc::new(Mutex::new(self.tables().clone())),
            faults: Arc::default(),
            ids: Arc::default(),
            clock: self.clock.clone(),
        }
    }

    /// Puts a backup in the place of everything, under the hands of whoever uses the store.
    pub fn put_back(&self, backup: &Self) {
        let old = backup.tables().clone();
        *self.tables() = old;
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn owed_delay(&self) -> Option<Duration> {
        self.faults().owed_delay.take()
    }

    fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn time(&self) -> Timestamp {
        self.clock.now()
    }

    /// The ordered fault, or the tables.
    fn open(&self) -> Result<MutexGuard<'_, Tables>, StoreError> {
        let mut faults = self.faults();
        if faults.is_down {
            return Err(StoreError::Unavailable("down, as ordered".into()));
        }
        match faults.next.pop_front() {
            Some(error) => Err(error),
            None => Ok(self.tables()),
        }
    }

    /// A unit of work: synchronous, so that nobody can give up in the middle.
    fn unit(&self, mut scope: Scope, decide: &Decision) -> Result<(), StoreError> {
        let mut tables = self.open()?;
        for _ in 0..ROUNDS {
            let block = loop {
                if let Some(block) = self.ids.slice() {
                    break Arc::new(block);
                }
                let start = tables.next_id;
                tables.next_id += RESERVE;
                self.ids.add(start..tables.next_id);
            };
            let mut work = Work::new(self.time(), scope.clone(), Arc::clone(&block));
            (work.epoch, work.is_fenced) = (tables.epoch, tables.is_fenced());
            let decided = load::load(&tables, &mut work).and_then(|()| run_decision(decide, &mut work));
            self.ids.add(block.rest());
            decided?;
            if work.is_incomplete() {
                scope.merge(work.missing);
                continue;
            }
            if block.is_overdrawn() {
                return Err(StoreError::Rejected(
                    "the decision took more row numbers than there are for one".into(),
                ));
            }
            work.finish();
            self.accept(&work)?;
            write::check(&tables, &work)?;
            if work.fences() {
                self.ids.retire(&block);
            }
            let matters = !(work.new_events.is_empty()
                && work.operations.is_empty()
                && work.cursors.is_empty()
                && work.inbound.told.is_empty()
                && work.replays.is_empty());
            write::apply(&mut tables, work);
            let mut faults = self.faults();
            if matters && faults.lost_answers > 0 {
                faults.lost_answers -= 1;
                return Err(StoreError::Unavailable("the answer was lost, as ordered".into()));
            }
            if matters {
                faults.owed_delay = faults.late_answer.take();
            }
            return Ok(());
        }
        Err(StoreError::Rejected(format!("the decision still asked for more after {ROUNDS} rounds")))
    }

    fn accept(&self, work: &Work) -> Result<(), StoreError> {
        let faults = self.faults();
        let is_bad = |text: &str| {
            text.contains('\0') || faults.unacceptable.iter().any(|bad| text.contains(bad.as_str()))
        };
        let events = work.new_events.iter().map(|event| &*event.body);
        let proofs = work.operations.values().filter_map(|o| o.row.proof.as_ref()).map(|p| p.said.as_str());
        match events.chain(proofs).find(|text| is_bad(text)) {
            Some(text) => Err(StoreError::Rejected(format!("unacceptable: {text}"))),
            None => Ok(()),
        }
    }
}

/// What tests look at: copies of whole tables, in order of row numbers.
impl MemoryStore {
    /// All lanes with their open operations.
    pub fn lanes(&self) -> Vec<Lane> {
        let tables = self.tables();
        tables.lanes.keys().filter_map(|row| tables.lane(*row)).collect()
    }

    /// All operations, open and ended.
    pub fn operations(&self) -> Vec<Operation> {
        self.tables().operations.values().cloned().collect()
    }

    /// All events.
    pub fn events(&self) -> Vec<EventRecord> {
        self.tables().events.values().map(|e| e.record.clone()).collect()
    }

    /// All quarantine entries.
    pub fn quarantined(&self) -> Vec<QuarantineRecord> {
        self.tables().quarantine.values().map(|q| q.record.clone()).collect()
    }

    /// All payments with their references.
    pub fn payments(&self) -> Vec<PaymentRecord> {
        let tables = self.tables();
        tables.payments.keys().filter_map(|row| tables.payment(*row)).collect()
    }

    /// All parcels.
    pub fn parcels(&self) -> Vec<ParcelRecord> {
        self.tables().parcels.values().cloned().collect()
    }

    /// All timers: the name, and until when somebody holds it.
    pub fn timers(&self) -> Vec<(String, Option<Timestamp>)> {
        let tables = self.tables();
        let until = |lease: &tables::LeaseRow| lease.holder.as_ref().map(|_| lease.until);
        tables.timers.iter().map(|(name, timer)| (name.clone(), until(&timer.lease))).collect()
    }

    /// All items of plans of replays.
    pub fn items_of_replays(&self) -> Vec<ReplayItem> {
        self.tables().replay_items.values().cloned().collect()
    }

    /// All tracking records with the parcel that they belong to.
    pub fn moves(&self) -> Vec<(Option<i64>, ParcelMove)> {
        self.tables().moves.values().cloned().collect()
    }

    /// All callbacks.
    pub fn callbacks(&self) -> Vec<StoredCallback> {
        self.tables().callbacks.values().cloned().collect()
    }

    /// All incidents, closed ones too.
    pub fn incidents(&self) -> Vec<StoredIncident> {
        self.tables().incidents.clone()
    }

    /// The audit trail: when, actor, deed, subject.
    pub fn audit(&self) -> Vec<(Timestamp, String, String, String)> {
        self.tables().audit.clone()
    }
}
