//! One replica's way to the store: slow at times, cut off at times, with answers that get lost after the deed, and a
//! process that may end before and after each of them.

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp, civil::Date};
use lienthong_core::{
    catalogue::{Change, ChangeFilter, Entry, EntryFilter, ListHead, Mapping},
    id::{ConnectorId, DossierCode, RowId},
    index::tally::FactRow,
    lane::LaneState,
    port::{
        inbound::{FileNews, FileRecord, InboundStore, RequestFilter, RequestView},
        index::{FactFilter, IndexStore, Sources},
        reconciliation::{Ended, ReconciliationStore},
        retention::{Holding, Kind, Step, Taken},
        sheet::{BlockedLane, OnSheet, SheetAsk, SheetStore},
        store::{
            ConnectorCondition, Decision, DueTimer, Fence, Installation, LedgerAudit, LedgerState, OutboxRow,
            RawCallback, ReferenceToAsk, Session, Store, StoreError,
        },
        work::{Scan, Scope},
    },
    reconciliation::{Discrepancy, Expectation, Filter, Run, Told, Wanted},
    replay::{Case, ItemFilter, ItemView, Replay, Tally},
    sheet,
    testing::MemoryStore,
};
use std::{future::Future, sync::Arc};

use super::{
    machine::{Cut, Link, Machine},
    weather::Weather,
};

/// The store, as one replica reaches it.
pub struct Line {
    pub store: MemoryStore,
    pub machine: Arc<Machine>,
    pub weather: Arc<Weather>,
}

/// Where a process may end: before a commit, after it, after its answer.
type Crashes = [&'static str; 3];

const ADMISSION: Crashes = [
    "crash before an admission's commit",
    "crash after an admission's commit, before its answer",
    "crash after an admission's answer, before the hand-over",
];
const CLAIM: Crashes = [
    "crash before a claim's commit",
    "crash after a claim's commit, before its answer",
    "crash after a claim's answer, before the hand-over",
];
const SETTLEMENT: Crashes = [
    "crash before a settlement's commit",
    "crash after a settlement's commit, before its answer",
    "crash after a settlement's answer",
];
const OTHER: Crashes = [
    "crash before another unit's commit",
    "crash after another unit's commit, before its answer",
    "crash after another unit's answer",
];

/// What a unit of work does, told by what it asks for, and how often its process ends at each of its steps.
fn crashes_of(scope: &Scope) -> (Crashes, u32) {
    let is_claim = |scan: &Scan| matches!(scan, Scan::Due { state: LaneState::Ready, .. });
    if !scope.event_keys.is_empty() {
        (ADMISSION, 30)
    } else if scope.scan.iter().any(is_claim) {
        (CLAIM, 8)
    } else if scope.scan.is_empty() && !scope.lanes.is_empty() {
        (SETTLEMENT, 30)
    } else {
        (OTHER, 4)
    }
}

impl Line {
    async fn call<T>(&self, call: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        self.stepwise(None, call).await
    }

    async fn stepwise<T>(
        &self,
        crashes: Option<(Crashes, u32)>,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let (weather, machine) = (&self.weather, &self.machine);
        let crashes_at = |step: usize| crashes.is_some_and(|(all, often)| weather.strikes(all[step], often));
        let lost = |said: &str| StoreError::Unavailable(said.to_owned());
        machine.runs().await;
        let pause = if weather.strikes("slow store", 30) {
            500..4000
        } else if weather.strikes("store stalls", 5) {
            4000..90_000
        } else {
            0..4
        };
        let pause = weather.dice.ms(pause);
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
        if crashes_at(0) {
            machine.crash().await;
        }
        if machine.cut(Link::Store) == Cut::Requests || weather.strikes("store away", 40) {
            return Err(lost("cut off"));
        }
        let answer = call.await;
        if crashes_at(1) {
            machine.crash().await;
        }
        if weather.strikes("store's answer stalls", 5) {
            tokio::time::sleep(weather.dice.ms(4000..90_000)).await;
        }
        machine.runs().await;
        let is_lost = machine.cut(Link::Store) == Cut::Answers
            || (answer.is_ok() && weather.strikes("lost answer of the store", 40));
        if is_lost {
            return Err(lost("the answer was lost"));
        }
        if answer.is_ok() && crashes_at(2) {
            machine.crash_behind();
        }
        answer
    }
}

#[async_trait]
impl Store for Line {
    async fn transact(&self, scope: Scope, decide: Decision) -> Result<(), StoreError> {
        if self.weather.strikes("contended rows", 20) {
            return Err(StoreError::Contended("somebody else is there".into()));
        }
        let crashes = crashes_of(&scope);
        self.stepwise(Some(crashes), self.store.transact(scope, decide)).await
    }

    async fn now(&self) -> Result<Timestamp, StoreError> {
        self.call(self.store.now()).await
    }

    async fn outbox(&self, after: i64, limit: i64) -> Result<Vec<OutboxRow>, StoreError> {
        self.call(self.store.outbox(after, limit)).await
    }

    async fn acquire(
        &self,
        name: &str,
        holder: &str,
        ttl: SignedDuration,
    ) -> Result<Option<Fence>, StoreError> {
        self.call(self.store.acquire(name, holder, ttl)).await
    }

    async fn relinquish(&self, fence: &Fence) -> Result<(), StoreError> {
        self.call(self.store.relinquish(fence)).await
    }

    async fn cursor(&self, name: &str) -> Result<Option<String>, StoreError> {
        self.call(self.store.cursor(name)).await
    }

    async fn set_cursor(&self, name: &str, cursor: &str, fence: &Fence) -> Result<(), StoreError> {
        self.call(self.store.set_cursor(name, cursor, fence)).await
    }

    async fn keep_callback(&self, raw: &RawCallback) -> Result<RowId, StoreError> {
        let kept = self.call(self.store.keep_callback(raw)).await;
        if self.weather.strikes("crash after a callback was kept", 400) {
            self.machine.crash().await;
        }
        kept
    }

    async fn session(&self, connector: &ConnectorId) -> Result<Option<Session>, StoreError> {
        self.call(self.store.session(connector)).await
    }

    async fn put_session(&self, connector: &ConnectorId, session: &Session) -> Result<(), StoreError> {
        self.call(self.store.put_session(connector, session)).await
    }

    async fn conditions(&self) -> Result<Vec<ConnectorCondition>, StoreError> {
        self.call(self.store.conditions()).await
    }

    async fn due_timers(
        &self,
        known: &[(String, Timestamp)],
        holder: &str,
        ttl: SignedDuration,
    ) -> Result<Vec<DueTimer>, StoreError> {
        self.call(self.store.due_timers(known, holder, ttl)).await
    }

    async fn renew_timer(&self, fence: &Fence, ttl: SignedDuration) -> Result<(), StoreError> {
        self.call(self.store.renew_timer(fence, ttl)).await
    }

    async fn timer_done(&self, fence: &Fence, next_at: Timestamp) -> Result<(), StoreError> {
        self.call(self.store.timer_done(fence, next_at)).await
    }

    async fn fold_ledgers(&self) -> Result<(), StoreError> {
        self.call(self.store.fold_ledgers()).await
    }

    async fn ledgers(&self) -> Result<LedgerState, StoreError> {
        self.call(self.store.ledgers()).await
    }

    async fn recount_ledgers(&self) -> Result<LedgerAudit, StoreError> {
        self.call(self.store.recount_ledgers()).await
    }

    async fn retire(&self, step: &Step) -> Result<Taken, StoreError> {
        self.call(self.store.retire(step)).await
    }

    async fn holding(&self, kind: Kind, before: Option<Timestamp>) -> Result<Holding, StoreError> {
        self.call(self.store.holding(kind, before)).await
    }

    async fn references_to_ask(
        &self,
        connector: &ConnectorId,
        made_after: Timestamp,
        before: Timestamp,
        expired_by: Timestamp,
        limit: i64,
    ) -> Result<Vec<ReferenceToAsk>, StoreError> {
        self.call(self.store.references_to_ask(connector, made_after, before, expired_by, limit)).await
    }

    async fn next_due(
        &self,
        connector: &ConnectorId,
        state: LaneState,
    ) -> Result<Option<Timestamp>, StoreError> {
        self.call(self.store.next_due(connector, state)).await
    }

    async fn replays(&self, is_active: bool, limit: i64) -> Result<Vec<Replay>, StoreError> {
        self.call(self.store.replays(is_active, limit)).await
    }

    async fn replay(&self, id: RowId) -> Result<Option<(Replay, Vec<Tally>)>, StoreError> {
        self.call(self.store.replay(id)).await
    }

    async fn replay_cases(&self, replay: &Replay, limit: i64) -> Result<Vec<Case>, StoreError> {
        self.call(self.store.replay_cases(replay, limit)).await
    }

    async fn replay_items(&self, filter: &ItemFilter) -> Result<Vec<ItemView>, StoreError> {
        self.call(self.store.replay_items(filter)).await
    }

    async fn catalogue_lists(&self) -> Result<Vec<ListHead>, StoreError> {
        self.call(self.store.catalogue_lists()).await
    }

    async fn catalogue_entries(&self, filter: &EntryFilter) -> Result<Vec<Entry>, StoreError> {
        self.call(self.store.catalogue_entries(filter)).await
    }

    async fn catalogue_changes(&self, filter: &ChangeFilter) -> Result<Vec<Change>, StoreError> {
        self.call(self.store.catalogue_changes(filter)).await
    }

    async fn mapping_version(&self) -> Result<i64, StoreError> {
        self.call(self.store.mapping_version()).await
    }

    async fn mappings(&self, withdrawn: bool) -> Result<(i64, Vec<Mapping>), StoreError> {
        self.call(self.store.mappings(withdrawn)).await
    }

    async fn installation(&self) -> Result<Installation, StoreError> {
        self.call(self.store.installation()).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.call(self.store.ping()).await
    }
}

#[async_trait]
impl ReconciliationStore for Line {
    async fn ended_operations(
        &self,
        connector: &ConnectorId,
        after: (Timestamp, RowId),
        until: Timestamp,
        limit: i64,
    ) -> Result<Vec<Ended>, StoreError> {
        self.call(self.store.ended_operations(connector, after, until, limit)).await
    }

    async fn told(&self, connector: &ConnectorId, dossiers: &[RowId]) -> Result<Vec<Told>, StoreError> {
        self.call(self.store.told(connector, dossiers)).await
    }

    async fn expectations_wanted(
        &self,
        connector: &ConnectorId,
        wanted: Wanted,
        limit: i64,
    ) -> Result<Vec<Expectation>, StoreError> {
        self.call(self.store.expectations_wanted(connector, wanted, limit)).await
    }

    async fn expectations(
        &self,
        connector: &ConnectorId,
        after: Option<&DossierCode>,
        limit: i64,
    ) -> Result<Vec<Expectation>, StoreError> {
        self.call(self.store.expectations(connector, after, limit)).await
    }

    async fn discrepancies(&self, filter: &Filter) -> Result<Vec<Discrepancy>, StoreError> {
        self.call(self.store.discrepancies(filter)).await
    }

    async fn open_discrepancies(&self) -> Result<i64, StoreError> {
        self.call(self.store.open_discrepancies()).await
    }

    async fn reconciliations(&self, is_open: bool, limit: i64) -> Result<Vec<Run>, StoreError> {
        self.call(self.store.reconciliations(is_open, limit)).await
    }
}

#[async_trait]
impl IndexStore for Line {
    async fn index_changed(
        &self,
        since: Option<Timestamp>,
        after: RowId,
        limit: i64,
    ) -> Result<Vec<RowId>, StoreError> {
        self.call(self.store.index_changed(since, after, limit)).await
    }

    async fn index_sources(&self, dossiers: &[RowId]) -> Result<Vec<Sources>, StoreError> {
        self.call(self.store.index_sources(dossiers)).await
    }

    async fn keep_index_facts(&self, rows: &[FactRow]) -> Result<(), StoreError> {
        self.call(self.store.keep_index_facts(rows)).await
    }

    async fn index_facts(&self, filter: &FactFilter) -> Result<Vec<FactRow>, StoreError> {
        self.call(self.store.index_facts(filter)).await
    }

    async fn index_latest(&self, until: i64) -> Result<Option<i64>, StoreError> {
        self.call(self.store.index_latest(until)).await
    }
}

#[async_trait]
impl SheetStore for Line {
    async fn sheet_lines(&self, ask: &SheetAsk) -> Result<Vec<sheet::Line>, StoreError> {
        self.call(self.store.sheet_lines(ask)).await
    }

    async fn sheet_facts(&self, unit: &str, wanted: OnSheet, limit: i64) -> Result<Vec<FactRow>, StoreError> {
        self.call(self.store.sheet_facts(unit, wanted, limit)).await
    }

    async fn blocked_lanes(
        &self,
        ask: &SheetAsk,
        unit: Option<&str>,
        limit: i64,
    ) -> Result<Vec<BlockedLane>, StoreError> {
        self.call(self.store.blocked_lanes(ask, unit, limit)).await
    }

    async fn keep_sheets(
        &self,
        day: Date,
        sheets: &[(String, String)],
        oldest: Date,
    ) -> Result<(), StoreError> {
        self.call(self.store.keep_sheets(day, sheets, oldest)).await
    }

    async fn kept_sheet(&self, day: Date, unit: &str) -> Result<Option<String>, StoreError> {
        self.call(self.store.kept_sheet(day, unit)).await
    }

    async fn sheet_days(&self) -> Result<Vec<Date>, StoreError> {
        self.call(self.store.sheet_days()).await
    }
}

#[async_trait]
impl InboundStore for Line {
    async fn inbound_requests(&self, filter: &RequestFilter) -> Result<Vec<RequestView>, StoreError> {
        self.call(self.store.inbound_requests(filter)).await
    }

    async fn file(&self, id: RowId) -> Result<Option<(FileRecord, Option<Vec<u8>>)>, StoreError> {
        self.call(self.store.file(id)).await
    }

    async fn files_to_fetch(
        &self,
        connector: &ConnectorId,
        limit: i64,
    ) -> Result<Vec<FileRecord>, StoreError> {
        self.call(self.store.files_to_fetch(connector, limit)).await
    }

    async fn settle_file(&self, id: RowId, news: &FileNews) -> Result<(), StoreError> {
        self.call(self.store.settle_file(id, news)).await
    }
}
