//! The store on SQLite, embedded: one data folder, one process, one writer. Same files and functions as the
//! PostgreSQL store; what differs is in `database.rs` and in the statements.

pub mod backup;
mod catalogue;
mod database;
mod error;
mod inbound;
mod incidents;
mod index;
mod installation;
mod ledger;
mod load;
mod merge;
mod outbox;
mod partner;
mod reconciliation;
mod replays;
mod retention;
mod rows;
mod sheet;
mod singleton;
mod unit;
mod views;
mod write;

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
        work::{IdSource, Scope},
    },
    reconciliation::{Discrepancy, Expectation, Filter, Run, Told, Wanted},
    replay::{Case, ItemFilter, ItemView, Replay, Tally},
    sheet::Line,
};
use std::{path::PathBuf, sync::Arc};
use tokio::sync::mpsc;

use crate::database::Database;

/// Where the store is and how it is opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// The data folder; made if it is not there. The database is `lienthong.sqlite` in it.
    pub folder: PathBuf,
    /// This process, under a name that no two runs share: its own leases never expire by the clock.
    pub holder: String,
    /// How many connections answer questions beside the one that writes.
    pub readers: u32,
    /// How many units of work may wait for the writer; more than these wait outside.
    pub queue: usize,
}

impl Options {
    /// The usual settings: 4 readers, a queue of 256 units.
    pub fn new(folder: impl Into<PathBuf>, holder: impl Into<String>) -> Self {
        Self { folder: folder.into(), holder: holder.into(), readers: 4, queue: 256 }
    }
}

/// The store. Cheap to clone; all clones share the writer and the readers.
#[derive(Clone)]
pub struct SqliteStore {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) holder: String,
    pub(crate) database: Database,
    pub(crate) ids: IdSource,
    /// Held while row numbers are being reserved, so that one reservation serves all who wait for it.
    pub(crate) reserving: tokio::sync::Mutex<()>,
}

impl SqliteStore {
    /// Locks the folder and opens the database. Does not migrate: see [`Self::migrate`].
    pub async fn connect(options: Options) -> Result<Self, StoreError> {
        unit::run(async move {
            let inner = Inner {
                database: Database::open(&options).await?,
                holder: options.holder,
                ids: IdSource::default(),
                reserving: tokio::sync::Mutex::new(()),
            };
            Ok(Self { inner: Arc::new(inner) })
        })
        .await
    }

    /// Brings the schema up to date; forward only.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let store = self.clone();
        unit::run(async move {
            let migrations = store.inner.database.alone(|conn| {
                Box::pin(async move {
                    let migrations = sqlx::migrate!("../../migrations/sqlite");
                    migrations.run_direct(None, conn, false).await.map_err(error::migrate_error)
                })
            });
            migrations.await
        })
        .await
    }

    /// Lets what is queued finish, closes the database and gives the folder back. Later calls are refused.
    pub async fn close(&self) {
        self.inner.database.close().await;
    }

    /// Hints that a commit made lanes ready or wrote out-events. Only hints: poll beside.
    #[expect(clippy::unused_async, reason = "the same signature in both dialects")]
    pub async fn hints(&self) -> mpsc::Receiver<()> {
        self.inner.database.hints()
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn transact(&self, scope: Scope, decide: Decision) -> Result<(), StoreError> {
        unit::transact(self, scope, decide).await
    }

    async fn now(&self) -> Result<Timestamp, StoreError> {
        unit::read(self, |conn| Box::pin(unit::now(conn))).await
    }

    async fn outbox(&self, after: i64, limit: i64) -> Result<Vec<OutboxRow>, StoreError> {
        unit::read(self, move |conn| Box::pin(outbox::outbox(conn, after, limit))).await
    }

    async fn acquire(
        &self,
        name: &str,
        holder: &str,
        ttl: SignedDuration,
    ) -> Result<Option<Fence>, StoreError> {
        let (name, holder) = (name.to_owned(), holder.to_owned());
        unit::write(self, move |conn, now| {
            Box::pin(async move { singleton::acquire(conn, &name, &holder, ttl, now).await })
        })
        .await
    }

    async fn relinquish(&self, fence: &Fence) -> Result<(), StoreError> {
        let fence = fence.clone();
        unit::write(self, move |conn, _| Box::pin(async move { singleton::relinquish(conn, &fence).await }))
            .await
    }

    async fn cursor(&self, name: &str) -> Result<Option<String>, StoreError> {
        let name = name.to_owned();
        unit::read(self, move |conn| Box::pin(async move { outbox::cursor(conn, &name).await })).await
    }

    async fn set_cursor(&self, name: &str, cursor: &str, fence: &Fence) -> Result<(), StoreError> {
        let (name, cursor, fence) = (name.to_owned(), cursor.to_owned(), fence.clone());
        unit::write(self, move |conn, now| {
            Box::pin(async move { outbox::set_cursor(conn, &name, &cursor, &fence, now).await })
        })
        .await
    }

    async fn keep_callback(&self, raw: &RawCallback) -> Result<RowId, StoreError> {
        let raw = raw.clone();
        unit::write(self, move |conn, now| {
            Box::pin(async move { partner::keep_callback(conn, &raw, now).await })
        })
        .await
    }

    async fn session(&self, connector: &ConnectorId) -> Result<Option<Session>, StoreError> {
        let connector = connector.clone();
        unit::read(self, move |conn| Box::pin(async move { partner::session(conn, &connector).await })).await
    }

    async fn put_session(&self, connector: &ConnectorId, session: &Session) -> Result<(), StoreError> {
        let (connector, session) = (connector.clone(), session.clone());
        unit::write(self, move |conn, _| {
            Box::pin(async move { partner::put_session(conn, &connector, &session).await })
        })
        .await
    }

    async fn conditions(&self) -> Result<Vec<ConnectorCondition>, StoreError> {
        unit::read(self, |conn| Box::pin(partner::conditions(conn))).await
    }

    async fn due_timers(
        &self,
        known: &[(String, Timestamp)],
        holder: &str,
        ttl: SignedDuration,
    ) -> Result<Vec<DueTimer>, StoreError> {
        let (known, holder) = (known.to_vec(), holder.to_owned());
        unit::write(self, move |conn, now| {
            Box::pin(async move { singleton::due_timers(conn, &known, &holder, ttl, now).await })
        })
        .await
    }

    async fn renew_timer(&self, fence: &Fence, ttl: SignedDuration) -> Result<(), StoreError> {
        let fence = fence.clone();
        unit::write(self, move |conn, now| {
            Box::pin(async move { singleton::renew_timer(conn, &fence, ttl, now).await })
        })
        .await
    }

    async fn timer_done(&self, fence: &Fence, next_at: Timestamp) -> Result<(), StoreError> {
        let fence = fence.clone();
        unit::write(self, move |conn, _| {
            Box::pin(async move { singleton::timer_done(conn, &fence, next_at).await })
        })
        .await
    }

    async fn fold_ledgers(&self) -> Result<(), StoreError> {
        unit::write(self, |conn, _| Box::pin(ledger::fold_ledgers(conn))).await
    }

    async fn ledgers(&self) -> Result<LedgerState, StoreError> {
        unit::read(self, |conn| Box::pin(ledger::ledgers(conn))).await
    }

    async fn recount_ledgers(&self) -> Result<LedgerAudit, StoreError> {
        unit::read(self, |conn| Box::pin(ledger::recount_ledgers(conn))).await
    }

    async fn retire(&self, step: &Step) -> Result<Taken, StoreError> {
        let step = *step;
        unit::write(self, move |conn, now| Box::pin(async move { retention::retire(conn, &step, now).await }))
            .await
    }

    async fn holding(&self, kind: Kind, before: Option<Timestamp>) -> Result<Holding, StoreError> {
        unit::read(self, move |conn| Box::pin(retention::holding(conn, kind, before))).await
    }

    async fn references_to_ask(
        &self,
        connector: &ConnectorId,
        made_after: Timestamp,
        before: Timestamp,
        expired_by: Timestamp,
        limit: i64,
    ) -> Result<Vec<ReferenceToAsk>, StoreError> {
        let connector = connector.clone();
        unit::read(self, move |conn| {
            Box::pin(async move {
                partner::references_to_ask(conn, &connector, (made_after, before, expired_by), limit).await
            })
        })
        .await
    }

    async fn next_due(
        &self,
        connector: &ConnectorId,
        state: LaneState,
    ) -> Result<Option<Timestamp>, StoreError> {
        let connector = connector.clone();
        unit::read(self, move |conn| {
            Box::pin(async move { partner::next_due(conn, &connector, state).await })
        })
        .await
    }

    async fn replays(&self, is_active: bool, limit: i64) -> Result<Vec<Replay>, StoreError> {
        unit::read(self, move |conn| Box::pin(replays::replays(conn, is_active, limit))).await
    }

    async fn replay(&self, id: RowId) -> Result<Option<(Replay, Vec<Tally>)>, StoreError> {
        unit::read(self, move |conn| Box::pin(replays::replay(conn, id))).await
    }

    async fn replay_cases(&self, replay: &Replay, limit: i64) -> Result<Vec<Case>, StoreError> {
        let replay = replay.clone();
        unit::read(self, move |conn| Box::pin(async move { replays::cases(conn, &replay, limit).await }))
            .await
    }

    async fn replay_items(&self, filter: &ItemFilter) -> Result<Vec<ItemView>, StoreError> {
        let filter = filter.clone();
        unit::read(self, move |conn| Box::pin(async move { replays::items(conn, &filter).await })).await
    }

    async fn catalogue_lists(&self) -> Result<Vec<ListHead>, StoreError> {
        unit::read(self, |conn| Box::pin(catalogue::lists(conn))).await
    }

    async fn catalogue_entries(&self, filter: &EntryFilter) -> Result<Vec<Entry>, StoreError> {
        let filter = filter.clone();
        unit::read(self, move |conn| Box::pin(async move { catalogue::entries(conn, &filter).await })).await
    }

    async fn catalogue_changes(&self, filter: &ChangeFilter) -> Result<Vec<Change>, StoreError> {
        let filter = filter.clone();
        unit::read(self, move |conn| Box::pin(async move { catalogue::changes(conn, &filter).await })).await
    }

    async fn mapping_version(&self) -> Result<i64, StoreError> {
        unit::read(self, |conn| Box::pin(catalogue::mapping_version(conn))).await
    }

    async fn mappings(&self, withdrawn: bool) -> Result<(i64, Vec<Mapping>), StoreError> {
        unit::read(self, move |conn| Box::pin(catalogue::mappings(conn, withdrawn))).await
    }

    async fn installation(&self) -> Result<Installation, StoreError> {
        unit::read(self, |conn| Box::pin(installation::installation(conn))).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        // Through the writer: readers answer even where nothing can be written any more.
        unit::write(self, |_, _| Box::pin(async { Ok(()) })).await
    }
}

#[async_trait]
impl IndexStore for SqliteStore {
    async fn index_changed(
        &self,
        since: Option<Timestamp>,
        after: RowId,
        limit: i64,
    ) -> Result<Vec<RowId>, StoreError> {
        unit::read(self, move |conn| Box::pin(index::changed(conn, since, after, limit))).await
    }

    async fn index_sources(&self, dossiers: &[RowId]) -> Result<Vec<Sources>, StoreError> {
        let dossiers = dossiers.to_vec();
        unit::read(self, move |conn| Box::pin(async move { index::sources(conn, &dossiers).await })).await
    }

    async fn keep_index_facts(&self, rows: &[FactRow]) -> Result<(), StoreError> {
        let rows = rows.to_vec();
        unit::write(self, move |conn, _| Box::pin(async move { index::keep(conn, &rows).await })).await
    }

    async fn index_facts(&self, filter: &FactFilter) -> Result<Vec<FactRow>, StoreError> {
        let filter = filter.clone();
        unit::read(self, move |conn| Box::pin(async move { index::facts(conn, &filter).await })).await
    }

    async fn index_latest(&self, until: i64) -> Result<Option<i64>, StoreError> {
        unit::read(self, move |conn| Box::pin(index::latest(conn, until))).await
    }
}

#[async_trait]
impl SheetStore for SqliteStore {
    async fn sheet_lines(&self, ask: &SheetAsk) -> Result<Vec<Line>, StoreError> {
        let ask = ask.clone();
        unit::read(self, move |conn| Box::pin(async move { sheet::lines(conn, &ask).await })).await
    }

    async fn sheet_facts(&self, unit: &str, wanted: OnSheet, limit: i64) -> Result<Vec<FactRow>, StoreError> {
        let unit = unit.to_owned();
        unit::read(self, move |conn| Box::pin(async move { sheet::facts(conn, &unit, wanted, limit).await }))
            .await
    }

    async fn blocked_lanes(
        &self,
        ask: &SheetAsk,
        unit: Option<&str>,
        limit: i64,
    ) -> Result<Vec<BlockedLane>, StoreError> {
        let (ask, unit) = (ask.clone(), unit.map(str::to_owned));
        unit::read(self, move |conn| {
            Box::pin(async move { sheet::blocked_lanes(conn, &ask, unit.as_deref(), limit).await })
        })
        .await
    }

    async fn keep_sheets(
        &self,
        day: Date,
        sheets: &[(String, String)],
        oldest: Date,
    ) -> Result<(), StoreError> {
        let sheets = sheets.to_vec();
        unit::write(self, move |conn, _| {
            Box::pin(async move { sheet::keep(conn, day, &sheets, oldest).await })
        })
        .await
    }

    async fn kept_sheet(&self, day: Date, unit: &str) -> Result<Option<String>, StoreError> {
        let unit = unit.to_owned();
        unit::read(self, move |conn| Box::pin(async move { sheet::kept(conn, day, &unit).await })).await
    }

    async fn sheet_days(&self) -> Result<Vec<Date>, StoreError> {
        unit::read(self, |conn| Box::pin(sheet::days(conn))).await
    }
}

#[async_trait]
impl InboundStore for SqliteStore {
    async fn inbound_requests(&self, filter: &RequestFilter) -> Result<Vec<RequestView>, StoreError> {
        let filter = filter.clone();
        unit::read(self, move |conn| Box::pin(async move { inbound::requests(conn, &filter).await })).await
    }

    async fn file(&self, id: RowId) -> Result<Option<(FileRecord, Option<Vec<u8>>)>, StoreError> {
        unit::read(self, move |conn| Box::pin(inbound::file(conn, id))).await
    }

    async fn files_to_fetch(
        &self,
        connector: &ConnectorId,
        limit: i64,
    ) -> Result<Vec<FileRecord>, StoreError> {
        let connector = connector.clone();
        unit::read(self, move |conn| {
            Box::pin(async move {
                let now = unit::now(conn).await?;
                inbound::due(conn, &connector, now, limit).await
            })
        })
        .await
    }

    async fn settle_file(&self, id: RowId, news: &FileNews) -> Result<(), StoreError> {
        let news = news.clone();
        unit::write(self, move |conn, _| Box::pin(async move { inbound::settle(conn, id, &news).await }))
            .await
    }
}

#[async_trait]
impl ReconciliationStore for SqliteStore {
    async fn ended_operations(
        &self,
        connector: &ConnectorId,
        after: (Timestamp, RowId),
        until: Timestamp,
        limit: i64,
    ) -> Result<Vec<Ended>, StoreError> {
        let connector = connector.clone();
        unit::read(self, move |conn| {
            Box::pin(async move { reconciliation::ended(conn, &connector, after, until, limit).await })
        })
        .await
    }

    async fn told(&self, connector: &ConnectorId, dossiers: &[RowId]) -> Result<Vec<Told>, StoreError> {
        let (connector, dossiers) = (connector.clone(), dossiers.to_vec());
        unit::read(self, move |conn| {
            Box::pin(async move { reconciliation::told(conn, &connector, &dossiers).await })
        })
        .await
    }

    async fn expectations_wanted(
        &self,
        connector: &ConnectorId,
        wanted: Wanted,
        limit: i64,
    ) -> Result<Vec<Expectation>, StoreError> {
        let connector = connector.clone();
        unit::read(self, move |conn| {
            Box::pin(async move { reconciliation::wanted(conn, &connector, wanted, limit).await })
        })
        .await
    }

    async fn expectations(
        &self,
        connector: &ConnectorId,
        after: Option<&DossierCode>,
        limit: i64,
    ) -> Result<Vec<Expectation>, StoreError> {
        let (connector, after) = (connector.clone(), after.cloned());
        unit::read(self, move |conn| {
            Box::pin(
                async move { reconciliation::expectations(conn, &connector, after.as_ref(), limit).await },
            )
        })
        .await
    }

    async fn discrepancies(&self, filter: &Filter) -> Result<Vec<Discrepancy>, StoreError> {
        let filter = filter.clone();
        unit::read(self, move |conn| {
            Box::pin(async move { reconciliation::discrepancies(conn, &filter).await })
        })
        .await
    }

    async fn open_discrepancies(&self) -> Result<i64, StoreError> {
        unit::read(self, |conn| Box::pin(reconciliation::open_count(conn))).await
    }

    async fn reconciliations(&self, is_open: bool, limit: i64) -> Result<Vec<Run>, StoreError> {
        unit::read(self, move |conn| Box::pin(reconciliation::runs(conn, is_open, limit))).await
    }
}
