//! The store on PostgreSQL 15 and later, for any number of processes. Same files and functions as the SQLite store;
//! what differs is in `database.rs`, `codes.rs`, `write/new.rs` and in the statements.

mod backup;
mod catalogue;
mod codes;
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
#[cfg(feature = "server-tests")]
#[cfg(test)]
mod plans;
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
use std::{sync::Arc, time::Duration};
use tokio::sync::mpsc;

pub use crate::backup::{Contents, newest_migration};
use crate::database::{Database, Limits};

/// What running services call themselves at the server.
pub const SERVICE: &str = "lienthong";

/// The oldest server that has everything the statements use.
const OLDEST_SERVER: i32 = 150_000;

/// Where the store is and how it is reached. A connection pooler in between has to pass start-up options on and must
/// keep a session on one server connection.
#[derive(Clone)]
pub struct Options {
    /// `postgres://user:password@host:port/database?sslmode=verify-full`. Secret: the `Debug` text does not show it.
    pub url: String,
    /// How many connections units of work and questions share; hints take one more.
    pub max_connections: u32,
    /// How long the server lets a statement run. A unit of work that has not ended after twice as long counts as one
    /// whose connection has vanished: its connection is thrown away, and its caller may ask again.
    pub longest_statement: Duration,
    /// What the sessions are called at the server.
    pub name: String,
}

impl Options {
    /// The usual settings: 16 connections, 30 seconds for a statement.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            max_connections: 16,
            longest_statement: Duration::from_secs(30),
            name: SERVICE.into(),
        }
    }
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("max_connections", &self.max_connections)
            .field("longest_statement", &self.longest_statement)
            .finish_non_exhaustive()
    }
}

/// The store. Cheap to clone; all clones share the connections.
#[derive(Clone)]
pub struct PostgresStore {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) database: Arc<Database>,
    pub(crate) ids: IdSource,
    /// Held while row numbers are being reserved, so that one reservation serves all who wait for it.
    pub(crate) reserving: tokio::sync::Mutex<()>,
}

impl PostgresStore {
    /// Connects, and looks whether the server is new enough. Does not migrate: see [`Self::migrate`].
    pub async fn connect(options: Options) -> Result<Self, StoreError> {
        unit::run(Limits::new(options.longest_statement).caller, async move {
            let inner = Inner {
                database: Database::open(&options).await?,
                ids: IdSource::default(),
                reserving: tokio::sync::Mutex::new(()),
            };
            let store = Self { inner: Arc::new(inner) };
            let database = &store.inner.database;
            let mut lent = database.connection().await?;
            let asking =
                sqlx::query_scalar!(r#"select current_setting('server_version_num')::integer as "version!""#)
                    .fetch_one(&mut **lent);
            let version = database.limit(async { asking.await.map_err(error::store_error) }).await;
            let version = database.give_back(lent, version)?;
            if version < OLDEST_SERVER {
                return Err(StoreError::Rejected(format!("PostgreSQL 15 or later is needed, not {version}")));
            }
            Ok(store)
        })
        .await
    }

    /// Brings the schema up to date; forward only. Several processes may do it at once: one does, the others wait.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let store = self.clone();
        let migration = unit::spawn(async move { store.inner.database.migrate().await });
        match migration.await {
            Ok(answer) => answer,
            Err(error) => {
                Err(StoreError::Unavailable(format!("the migration did not come to its end: {error}")))
            }
        }
    }

    /// Lets the units that run finish and closes the connections. Later calls are refused.
    pub async fn close(&self) {
        self.inner.database.close().await;
    }

    /// Hints that a commit of any process made lanes ready or wrote out-events. Only hints: poll beside.
    #[expect(clippy::unused_async, reason = "the same signature in both dialects")]
    pub async fn hints(&self) -> mpsc::Receiver<()> {
        self.inner.database.hints()
    }
}

#[async_trait]
impl Store for PostgresStore {
    async fn transact(&self, scope: Scope, decide: Decision) -> Result<(), StoreError> {
        unit::transact(self, scope, decide).await
    }

    async fn now(&self) -> Result<Timestamp, StoreError> {
        unit::ask(self, |conn| Box::pin(unit::now(conn))).await
    }

    async fn outbox(&self, after: i64, limit: i64) -> Result<Vec<OutboxRow>, StoreError> {
        unit::ask(self, move |conn| Box::pin(outbox::outbox(conn, after, limit))).await
    }

    async fn acquire(
        &self,
        name: &str,
        holder: &str,
        ttl: SignedDuration,
    ) -> Result<Option<Fence>, StoreError> {
        let (name, holder) = (name.to_owned(), holder.to_owned());
        unit::write(self, move |conn| {
            Box::pin(async move {
                let now = unit::now(conn).await?;
                singleton::acquire(conn, &name, &holder, ttl, now).await
            })
        })
        .await
    }

    async fn relinquish(&self, fence: &Fence) -> Result<(), StoreError> {
        let fence = fence.clone();
        unit::write(self, move |conn| Box::pin(async move { singleton::relinquish(conn, &fence).await }))
            .await
    }

    async fn cursor(&self, name: &str) -> Result<Option<String>, StoreError> {
        let name = name.to_owned();
        unit::ask(self, move |conn| Box::pin(async move { outbox::cursor(conn, &name).await })).await
    }

    async fn set_cursor(&self, name: &str, cursor: &str, fence: &Fence) -> Result<(), StoreError> {
        let (name, cursor, fence) = (name.to_owned(), cursor.to_owned(), fence.clone());
        unit::write(self, move |conn| {
            Box::pin(async move {
                let now = unit::now(conn).await?;
                outbox::set_cursor(conn, &name, &cursor, &fence, now).await
            })
        })
        .await
    }

    async fn keep_callback(&self, raw: &RawCallback) -> Result<RowId, StoreError> {
        let raw = raw.clone();
        unit::write(self, move |conn| {
            Box::pin(async move {
                let now = unit::now(conn).await?;
                partner::keep_callback(conn, &raw, now).await
            })
        })
        .await
    }

    async fn session(&self, connector: &ConnectorId) -> Result<Option<Session>, StoreError> {
        let connector = connector.clone();
        unit::ask(self, move |conn| Box::pin(async move { partner::session(conn, &connector).await })).await
    }

    async fn put_session(&self, connector: &ConnectorId, session: &Session) -> Result<(), StoreError> {
        let (connector, session) = (connector.clone(), session.clone());
        unit::write(self, move |conn| {
            Box::pin(async move { partner::put_session(conn, &connector, &session).await })
        })
        .await
    }

    async fn conditions(&self) -> Result<Vec<ConnectorCondition>, StoreError> {
        unit::ask(self, |conn| Box::pin(partner::conditions(conn))).await
    }

    async fn due_timers(
        &self,
        known: &[(String, Timestamp)],
        holder: &str,
        ttl: SignedDuration,
    ) -> Result<Vec<DueTimer>, StoreError> {
        let (known, holder) = (known.to_vec(), holder.to_owned());
        unit::write(self, move |conn| {
            Box::pin(async move {
                let now = unit::now(conn).await?;
                singleton::due_timers(conn, &known, &holder, ttl, now).await
            })
        })
        .await
    }

    async fn renew_timer(&self, fence: &Fence, ttl: SignedDuration) -> Result<(), StoreError> {
        let fence = fence.clone();
        unit::write(self, move |conn| {
            Box::pin(async move {
                let now = unit::now(conn).await?;
                singleton::renew_timer(conn, &fence, ttl, now).await
            })
        })
        .await
    }

    async fn timer_done(&self, fence: &Fence, next_at: Timestamp) -> Result<(), StoreError> {
        let fence = fence.clone();
        unit::write(self, move |conn| {
            Box::pin(async move { singleton::timer_done(conn, &fence, next_at).await })
        })
        .await
    }

    async fn fold_ledgers(&self) -> Result<(), StoreError> {
        unit::write(self, |conn| Box::pin(ledger::fold_ledgers(conn))).await
    }

    async fn ledgers(&self) -> Result<LedgerState, StoreError> {
        unit::ask(self, |conn| Box::pin(ledger::ledgers(conn))).await
    }

    async fn recount_ledgers(&self) -> Result<LedgerAudit, StoreError> {
        unit::read(self, |conn| Box::pin(ledger::recount_ledgers(conn))).await
    }

    async fn retire(&self, step: &Step) -> Result<Taken, StoreError> {
        let step = *step;
        unit::write(self, move |conn| {
            Box::pin(async move {
                let now = unit::now(conn).await?;
                retention::retire(conn, &step, now).await
            })
        })
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
        unit::ask(self, move |conn| {
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
        unit::ask(self, move |conn| Box::pin(async move { partner::next_due(conn, &connector, state).await }))
            .await
    }

    async fn replays(&self, is_active: bool, limit: i64) -> Result<Vec<Replay>, StoreError> {
        unit::ask(self, move |conn| Box::pin(replays::replays(conn, is_active, limit))).await
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
        unit::ask(self, |conn| Box::pin(catalogue::lists(conn))).await
    }

    async fn catalogue_entries(&self, filter: &EntryFilter) -> Result<Vec<Entry>, StoreError> {
        let filter = filter.clone();
        unit::ask(self, move |conn| Box::pin(async move { catalogue::entries(conn, &filter).await })).await
    }

    async fn catalogue_changes(&self, filter: &ChangeFilter) -> Result<Vec<Change>, StoreError> {
        let filter = filter.clone();
        unit::ask(self, move |conn| Box::pin(async move { catalogue::changes(conn, &filter).await })).await
    }

    async fn mapping_version(&self) -> Result<i64, StoreError> {
        unit::ask(self, |conn| Box::pin(catalogue::mapping_version(conn))).await
    }

    async fn mappings(&self, withdrawn: bool) -> Result<(i64, Vec<Mapping>), StoreError> {
        unit::read(self, move |conn| Box::pin(catalogue::mappings(conn, withdrawn))).await
    }

    async fn installation(&self) -> Result<Installation, StoreError> {
        unit::ask(self, |conn| Box::pin(installation::installation(conn))).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.now().await.map(drop)
    }
}

#[async_trait]
impl IndexStore for PostgresStore {
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
        unit::write(self, move |conn| Box::pin(async move { index::keep(conn, &rows).await })).await
    }

    async fn index_facts(&self, filter: &FactFilter) -> Result<Vec<FactRow>, StoreError> {
        let filter = filter.clone();
        unit::read(self, move |conn| Box::pin(async move { index::facts(conn, &filter).await })).await
    }

    async fn index_latest(&self, until: i64) -> Result<Option<i64>, StoreError> {
        unit::ask(self, move |conn| Box::pin(index::latest(conn, until))).await
    }
}

#[async_trait]
impl SheetStore for PostgresStore {
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
        unit::write(self, move |conn| Box::pin(async move { sheet::keep(conn, day, &sheets, oldest).await }))
            .await
    }

    async fn kept_sheet(&self, day: Date, unit: &str) -> Result<Option<String>, StoreError> {
        let unit = unit.to_owned();
        unit::ask(self, move |conn| Box::pin(async move { sheet::kept(conn, day, &unit).await })).await
    }

    async fn sheet_days(&self) -> Result<Vec<Date>, StoreError> {
        unit::ask(self, |conn| Box::pin(sheet::days(conn))).await
    }
}

#[async_trait]
impl InboundStore for PostgresStore {
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
        unit::write(self, move |conn| Box::pin(async move { inbound::settle(conn, id, &news).await })).await
    }
}

#[async_trait]
impl ReconciliationStore for PostgresStore {
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
