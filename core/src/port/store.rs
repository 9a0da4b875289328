//! What the engine asks of a store. One business transition = one call of [`Store::transact`]; the few other methods
//! are the parts that are not about lanes: hints, leases on singletons, cursors, sessions, timers, ledgers.

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, PoisonError},
};

use crate::{
    catalogue::{Change, ChangeFilter, Entry, EntryFilter, ListHead, Mapping},
    id::{ConnectorId, RowId},
    port::{
        inbound::InboundStore,
        index::IndexStore,
        reconciliation::ReconciliationStore,
        retention::{Holding, Kind, Step, Taken},
        sheet::SheetStore,
        work::{LedgerDelta, Release, Scope, Work},
    },
    replay::{Case, ItemFilter, ItemView, Replay, Tally},
};

pub use crate::port::condition::ConnectorCondition;

/// Why a store did not do what was asked. Each variant is a different reaction.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// No connection, time-out, shutting down, disk full: nothing was decided as far as we know; try again later.
    /// A commit whose answer was lost is also this: the caller must be able to ask again.
    #[error("the store is not available: {0}")]
    Unavailable(String),
    /// Somebody else was at the same rows, more often than the store's own repeats allow: try again at once.
    #[error("the store was busy with the same rows: {0}")]
    Contended(String),
    /// The store will never take this content: divide the batch, quarantine the one that is left.
    #[error("the store refused the content: {0}")]
    Rejected(String),
    /// Another process has taken over the singleton: stop.
    #[error("the lease on {0} was lost")]
    Fenced(String),
}

/// How far row numbers jump with a restore: numbers that were given in the time that is lost may be known outside, as parts
/// of the ids of out-events.
pub const ROWS_APART: i64 = 1_000_000_000;

/// A pure decision over loaded rows. It may be called several times; only the last call's changes are written.
pub type Decision = Arc<dyn Fn(&mut Work) + Send + Sync>;

/// A right to act as one of a kind, across all replicas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fence {
    /// What it is the right to: `relay`, `sweep:dvcqg-payment`, …
    pub name: String,
    /// Grows with every hand-over; checked in every write under it.
    pub number: i64,
}

/// An event on its way out, as the outbox keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxRow {
    /// Its number: the CloudEvents `sequence`.
    pub number: i64,
    /// The name within the type: `portal.synced`.
    pub name: String,
    /// The ordering key.
    pub subject: String,
    /// The unit, for the routing key.
    pub unit: Option<String>,
    /// The stable id.
    pub id: String,
    /// Data, JSON.
    pub data: String,
    /// When it happened.
    pub at: Timestamp,
}

/// Through which door a request of a partner came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// It calls back about something of ours.
    Callback,
    /// It sends something by itself.
    Inbound,
}

impl Door {
    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Callback => "callback",
            Self::Inbound => "inbound",
        }
    }
}

/// A partner's request, stored before anything is judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawCallback {
    /// The connector that it was sent to.
    pub connector: ConnectorId,
    /// How it came.
    pub door: Door,
    /// The request line's path and query.
    pub path: String,
    /// Headers, JSON, secrets masked.
    pub headers: String,
    /// The body as it came.
    pub body: Vec<u8>,
}

/// A partner's session or token, shared by all replicas.
#[derive(Clone, PartialEq, Eq)]
pub struct Session {
    /// The token. Secret: the `Debug` text does not show it.
    pub token: String,
    /// When it was acquired.
    pub acquired_at: Timestamp,
    /// When it has to be considered dead.
    pub expires_at: Timestamp,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("acquired_at", &self.acquired_at).finish_non_exhaustive()
    }
}

/// A durable timer that is due, with the right to run it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueTimer {
    /// Its name.
    pub name: String,
    /// When it should have run.
    pub planned_at: Timestamp,
    /// The right to run it.
    pub fence: Fence,
}

/// The installation as the store knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installation {
    /// Made at random with the store; a restored store has the same.
    pub id: String,
    /// Grows with every restore.
    pub epoch: i64,
    /// No out-event has a higher number, and none will get this one or a lower one.
    pub outbox_highest: i64,
    /// When the newest event was admitted.
    pub newest_event_at: Option<Timestamp>,
    /// The latest restore, if there was one.
    pub restored: Option<Restored>,
}

impl Installation {
    /// The restore that nobody has decided about yet: nothing goes out.
    pub fn fenced(&self) -> Option<&Restored> {
        self.restored.as_ref().filter(|restored| restored.released.is_none())
    }
}

/// A restore, as it was noticed and ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// When the fence came up.
    pub since: Timestamp,
    /// What showed it: a stable word.
    pub reason: String,
    /// When the backup was taken, where that is known.
    pub backup_at: Option<Timestamp>,
    /// The last known sign of life of the time that is lost.
    pub seen_at: Option<Timestamp>,
    /// The decision that ended it.
    pub released: Option<Release>,
}

/// The two ledgers, folded, and the counts that they must match.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LedgerState {
    /// Everything ever added.
    pub total: LedgerDelta,
    /// Operations that are open now, by recount.
    pub open: i64,
}

impl LedgerState {
    /// Messages received minus all their verdicts. Must be 0.
    pub fn message_difference(&self) -> i64 {
        self.total.received - self.total.admitted - self.total.duplicate - self.total.quarantined
    }

    /// Operations planned minus ended and open ones. Must be 0.
    pub fn operation_difference(&self) -> i64 {
        let t = &self.total;
        t.planned - t.succeeded - t.refused - t.superseded - t.dismissed - self.open
    }
}

/// The ledgers beside a recount of what they count, in one snapshot. What leaves no row cannot be recounted: messages
/// received and duplicates are only in the books.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LedgerAudit {
    /// The books.
    pub ledgers: LedgerState,
    /// The same from the rows of events, quarantine and operations and from the count of those that retention took; `received` and `duplicate` are taken from the books.
    pub counted: LedgerDelta,
}

impl LedgerAudit {
    /// Every entry that can be recounted: its name, what is booked, what was counted.
    pub fn entries(&self) -> [(&'static str, i64, i64); 7] {
        let (booked, counted) = (&self.ledgers.total, &self.counted);
        [
            ("admitted", booked.admitted, counted.admitted),
            ("quarantined", booked.quarantined, counted.quarantined),
            ("planned", booked.planned, counted.planned),
            ("succeeded", booked.succeeded, counted.succeeded),
            ("refused", booked.refused, counted.refused),
            ("superseded", booked.superseded, counted.superseded),
            ("dismissed", booked.dismissed, counted.dismissed),
        ]
    }
}

/// The store, as the engine needs it. Every method runs to its end even if its caller goes away.
#[async_trait]
pub trait Store: IndexStore + InboundStore + ReconciliationStore + SheetStore + Send + Sync {
    /// Loads and locks `scope`, calls `decide`, writes what it changed, commits; all or nothing. Repeats by itself on
    /// serialisation failures, on unique violations by a concurrent insert, and when the decision asks for more scope.
    /// Returns after the commit.
    async fn transact(&self, scope: Scope, decide: Decision) -> Result<(), StoreError>;

    /// The store's clock.
    async fn now(&self) -> Result<Timestamp, StoreError>;

    /// Outbox rows above `after`, in order, at most `limit`; none while the installation is fenced. No row appears behind a cursor: numbers are drawn under one
    /// lock, by a unit of work that then has nothing left to wait for (docs/decisions).
    async fn outbox(&self, after: i64, limit: i64) -> Result<Vec<OutboxRow>, StoreError>;

    /// Takes or renews the singleton `name` for `ttl`. `None`: somebody else has it.
    async fn acquire(
        &self,
        name: &str,
        holder: &str,
        ttl: SignedDuration,
    ) -> Result<Option<Fence>, StoreError>;

    /// Gives a singleton back.
    async fn relinquish(&self, fence: &Fence) -> Result<(), StoreError>;

    /// A feed's or the relay's cursor.
    async fn cursor(&self, name: &str) -> Result<Option<String>, StoreError>;

    /// Sets a cursor under a fence. [`StoreError::Fenced`] if the fence is not the newest.
    async fn set_cursor(&self, name: &str, cursor: &str, fence: &Fence) -> Result<(), StoreError>;

    /// Stores a callback before it is judged.
    async fn keep_callback(&self, raw: &RawCallback) -> Result<RowId, StoreError>;

    /// The shared session of a connector.
    async fn session(&self, connector: &ConnectorId) -> Result<Option<Session>, StoreError>;

    /// Replaces it, unless a newer one is there already.
    async fn put_session(&self, connector: &ConnectorId, session: &Session) -> Result<(), StoreError>;

    /// The conditions of all connectors that ever had one.
    async fn conditions(&self) -> Result<Vec<ConnectorCondition>, StoreError>;

    /// Due timers, each leased to `holder` for `ttl`; unknown names of `known` are created, first due at the given time.
    async fn due_timers(
        &self,
        known: &[(String, Timestamp)],
        holder: &str,
        ttl: SignedDuration,
    ) -> Result<Vec<DueTimer>, StoreError>;

    /// Keeps a timer that runs for another `ttl`. [`StoreError::Fenced`] if it is not leased under this fence any more.
    async fn renew_timer(&self, fence: &Fence, ttl: SignedDuration) -> Result<(), StoreError>;

    /// Plans the next run of a timer and gives it back. [`StoreError::Fenced`] if somebody else took it meanwhile.
    async fn timer_done(&self, fence: &Fence, next_at: Timestamp) -> Result<(), StoreError>;

    /// Folds the ledgers' delta rows into their totals.
    async fn fold_ledgers(&self) -> Result<(), StoreError>;

    /// The ledgers: folded totals plus deltas not folded yet, and the count of open operations, in one snapshot.
    async fn ledgers(&self) -> Result<LedgerState, StoreError>;

    /// Counts events, quarantine entries and operations by their ends, those that retention took included, beside the books: one
    /// snapshot, no lock.
    async fn recount_ledgers(&self) -> Result<LedgerAudit, StoreError>;

    /// Takes away a few rows of a kind that is kept for a time only. What the ledgers count of them stays in the books of what
    /// has gone. Nothing goes while the installation is fenced; no operation goes while a plan of a replay is active; a dossier
    /// with anything open, or that somebody else has locked, is passed over, and looked at again a month later.
    async fn retire(&self, step: &Step) -> Result<Taken, StoreError>;

    /// What there is of a kind, what of it is older than `before`, and what has gone.
    async fn holding(&self, kind: Kind, before: Option<Timestamp>) -> Result<Holding, StoreError>;

    /// Payments with a reference that may be paid and was not asked about since `before`, oldest first: what the sweep
    /// asks the platform about. Only references made after `made_after`, and those of open payments whose time was over
    /// at `expired_by`, whenever they were made.
    async fn references_to_ask(
        &self,
        connector: &ConnectorId,
        made_after: Timestamp,
        before: Timestamp,
        expired_by: Timestamp,
        limit: i64,
    ) -> Result<Vec<ReferenceToAsk>, StoreError>;

    /// The next moment at which a lane of this connector in this state falls due.
    async fn next_due(
        &self,
        connector: &ConnectorId,
        state: crate::lane::LaneState,
    ) -> Result<Option<Timestamp>, StoreError>;

    /// Plans of replays, newest first, at most `limit`; all, or only those about which there is something to do.
    async fn replays(&self, is_active: bool, limit: i64) -> Result<Vec<Replay>, StoreError>;

    /// One plan with its items counted, by treatment and state.
    async fn replay(&self, id: RowId) -> Result<Option<(Replay, Vec<Tally>)>, StoreError>;

    /// The next operations that a plan selects, above its cursor, by number, at most `limit`: read from a snapshot,
    /// without a lock.
    async fn replay_cases(&self, replay: &Replay, limit: i64) -> Result<Vec<Case>, StoreError>;

    /// Items of a plan, with what became of their operations.
    async fn replay_items(&self, filter: &ItemFilter) -> Result<Vec<ItemView>, StoreError>;

    /// How the lists of the catalogue stand, by connector and name.
    async fn catalogue_lists(&self) -> Result<Vec<ListHead>, StoreError>;

    /// Entries of a list of the catalogue.
    async fn catalogue_entries(&self, filter: &EntryFilter) -> Result<Vec<Entry>, StoreError>;

    /// What happened to entries of the catalogue.
    async fn catalogue_changes(&self, filter: &ChangeFilter) -> Result<Vec<Change>, StoreError>;

    /// A number that grows with every commit that changes a mapping.
    async fn mapping_version(&self) -> Result<i64, StoreError>;

    /// That number and all mappings, by number; only those that were not withdrawn, or all.
    async fn mappings(&self, withdrawn: bool) -> Result<(i64, Vec<Mapping>), StoreError>;

    /// The installation: its epoch, and whether it is fenced after a restore.
    async fn installation(&self) -> Result<Installation, StoreError>;

    /// Whether the store answers.
    async fn ping(&self) -> Result<(), StoreError>;
}

/// A reference that the sweep asks about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReferenceToAsk {
    /// The payment.
    pub payment: crate::id::PaymentId,
    /// Our reference.
    pub reference: crate::id::Reference,
    /// The moment that the platform was told, byte for byte.
    pub sent_at: String,
    /// Due, in đồng.
    pub amount: i64,
}

/// Runs a decision on what was loaded; for stores. One that panics is refused, so that what made it panic is found by
/// halving the batch and put aside, and nothing waits behind it.
pub fn run_decision(decide: &Decision, work: &mut Work) -> Result<(), StoreError> {
    work.begin();
    catch_unwind(AssertUnwindSafe(|| decide(work)))
        .map_err(|_| StoreError::Rejected("the decision panicked; the log has the place".into()))
}

/// Runs a decision that answers something.
pub async fn decide<T, F>(store: &dyn Store, scope: Scope, decision: F) -> Result<T, StoreError>
where
    T: Send + 'static,
    F: Fn(&mut Work) -> T + Send + Sync + 'static,
{
    let slot = Arc::new(Mutex::new(None));
    let inside = Arc::clone(&slot);
    let decision: Decision = Arc::new(move |work: &mut Work| {
        let answer = decision(work);
        *inside.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
    });
    store.transact(scope, decision).await?;
    let answer = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
    answer.ok_or_else(|| StoreError::Unavailable("the store committed without a decision".into()))
}
