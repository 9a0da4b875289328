//! The unit of work: load, decide, write, all or nothing, and every one in a task of its own, so that a caller that
//! goes away never cuts a transaction in two.

use jiff::Timestamp;
use lienthong_core::{
    lane::LaneState,
    port::{
        store::{Decision, StoreError, run_decision},
        work::{Change, IdBlock, Scope, Work},
    },
};
use sqlx::{Connection, PgConnection};
use std::{pin::Pin, sync::Arc, time::Duration};
use tracing::Instrument;

use crate::{PostgresStore, error::store_error, load::load, rows::At, write::write as write_work};

/// Work on a connection.
pub(crate) type Running<'c, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'c>>;

/// How often a whole unit is repeated when somebody else was at the same rows.
const REPEATS: u32 = 8;
/// How often a decision may ask for more before it counts as one that never has enough.
const ROUNDS: usize = 6;
/// Row numbers reserved at a time: one extra commit per million rows.
const RESERVE: i64 = 1_000_000;

/// Loads, decides and writes; see `Store::transact`.
pub(crate) async fn transact(
    store: &PostgresStore,
    scope: Scope,
    decide: Decision,
) -> Result<(), StoreError> {
    let store = store.clone();
    run(store.inner.database.limits.caller, async move {
        let mut scope = scope;
        let mut repeats = 0;
        loop {
            match rounds(&store, &mut scope, &decide).await {
                Err(StoreError::Contended(said)) if repeats < REPEATS => {
                    tracing::debug!(said, repeats, "repeating a unit of work");
                    tokio::time::sleep(Duration::from_millis(1 << repeats)).await;
                    repeats += 1;
                }
                answer => return answer,
            }
        }
    })
    .await
}

/// Passes until the decision has all that it needs. What it asked for once stays in the scope when it is repeated.
async fn rounds(store: &PostgresStore, scope: &mut Scope, decide: &Decision) -> Result<(), StoreError> {
    for _ in 0..ROUNDS {
        let block = Arc::new(ids(store).await?);
        let missing = one_pass(store, scope.clone(), decide, &block).await;
        // Numbers that a failed pass took are gaps, and do no harm.
        store.inner.ids.add(block.rest());
        match missing? {
            Some(missing) => scope.merge(missing),
            None => return Ok(()),
        }
    }
    Err(StoreError::Rejected(format!(
        "the decision asked for more rows {ROUNDS} times and still lacks {scope:?}"
    )))
}

/// One pass on a connection of the pool, for as long as a unit may take.
async fn one_pass(
    store: &PostgresStore,
    scope: Scope,
    decide: &Decision,
    block: &Arc<IdBlock>,
) -> Result<Option<Scope>, StoreError> {
    let database = &store.inner.database;
    let mut lent = database.connection().await?;
    let answer = database.limit(pass(store, &mut lent, scope, decide, block)).await;
    database.give_back(lent, answer)
}

/// One pass in one transaction, which is rolled back unless all is well. Answers what the decision lacks, if anything.
async fn pass(
    store: &PostgresStore,
    connection: &mut PgConnection,
    scope: Scope,
    decide: &Decision,
    block: &Arc<IdBlock>,
) -> Result<Option<Scope>, StoreError> {
    let mut tx = connection.begin_with("begin isolation level read committed").await.map_err(store_error)?;
    // The clock is the store's: read with the first statement.
    let mut work = Work::new(Timestamp::default(), scope, Arc::clone(block));
    load(&mut tx, &mut work).await?;
    run_decision(decide, &mut work)?;
    if block.is_overdrawn() {
        return Err(StoreError::Rejected("one decision took more row numbers than it may: divide it".into()));
    }
    if work.is_incomplete() {
        tx.rollback().await.map_err(store_error)?;
        return Ok(Some(work.missing));
    }
    work.finish();
    write_work(&mut tx, &work).await?;
    tx.commit().await.map_err(store_error)?;
    if work.fences() {
        store.inner.ids.retire(block);
    }
    if has_news(&work) {
        store.inner.database.ring();
    }
    Ok(None)
}

/// Whether somebody may have something to do after this commit.
fn has_news(work: &Work) -> bool {
    let is_ready = |state| matches!(state, LaneState::Ready | LaneState::Doubtful | LaneState::Awaiting);
    !work.outbox.is_empty()
        || work.lanes.values().any(|lane| lane.change != Change::None && is_ready(lane.row.state))
}

/// Row numbers for one decision. They are reserved in a commit of their own: numbers of a transaction that fails later
/// are never given twice.
async fn ids(store: &PostgresStore) -> Result<IdBlock, StoreError> {
    if let Some(block) = store.inner.ids.slice() {
        return Ok(block);
    }
    let _one_at_a_time = store.inner.reserving.lock().await;
    loop {
        // Somebody else may have reserved meanwhile.
        if let Some(block) = store.inner.ids.slice() {
            return Ok(block);
        }
        let database = &store.inner.database;
        let mut lent = database.connection().await?;
        let reserving = sqlx::query_scalar!(
            "update installation set next_id = next_id + $1 where one = 1 returning next_id",
            RESERVE,
        )
        .fetch_one(&mut **lent);
        // Everybody waits for this answer: the lock above is held until it is there or given up.
        let end = database.limit(async { reserving.await.map_err(store_error) }).await;
        let end = database.give_back(lent, end)?;
        store.inner.ids.add(end - RESERVE..end);
    }
}

/// The store's clock.
pub(crate) async fn now(conn: &mut PgConnection) -> Result<Timestamp, StoreError> {
    let now =
        sqlx::query_scalar!(r#"select (extract(epoch from clock_timestamp()) * 1000000)::bigint as "now!""#)
            .fetch_one(conn)
            .await
            .map_err(store_error)?;
    At::new("installation", &1).time("now", now)
}

/// Runs a unit that writes, in a transaction, to its end.
pub(crate) async fn write<T, F>(store: &PostgresStore, work: F) -> Result<T, StoreError>
where
    T: Send + 'static,
    F: for<'c> FnOnce(&'c mut PgConnection) -> Running<'c, T> + Send + 'static,
{
    in_transaction(store, "begin isolation level read committed", work).await
}

/// Runs questions on one consistent snapshot, to their end. Their statements serve many filters: planned anew each time,
/// they use the index that fits.
pub(crate) async fn read<T, F>(store: &PostgresStore, questions: F) -> Result<T, StoreError>
where
    T: Send + 'static,
    F: for<'c> FnOnce(&'c mut PgConnection) -> Running<'c, T> + Send + 'static,
{
    let begin =
        "begin isolation level repeatable read, read only; set local plan_cache_mode = force_custom_plan;
        set local enable_seqscan = on; set local enable_hashjoin = on; set local enable_mergejoin = on";
    in_transaction(store, begin, questions).await
}

async fn in_transaction<T, F>(store: &PostgresStore, begin: &'static str, work: F) -> Result<T, StoreError>
where
    T: Send + 'static,
    F: for<'c> FnOnce(&'c mut PgConnection) -> Running<'c, T> + Send + 'static,
{
    let store = store.clone();
    run(store.inner.database.limits.caller, async move {
        let database = &store.inner.database;
        let mut lent = database.connection().await?;
        let answer = database.limit(async {
            let mut tx = lent.begin_with(begin).await.map_err(store_error)?;
            let answer = work(&mut tx).await?;
            tx.commit().await.map_err(store_error)?;
            Ok(answer)
        });
        let answer = answer.await;
        database.give_back(lent, answer)
    })
    .await
}

/// Asks one statement's worth, to its end: one statement is one snapshot, and one round trip.
pub(crate) async fn ask<T, F>(store: &PostgresStore, question: F) -> Result<T, StoreError>
where
    T: Send + 'static,
    F: for<'c> FnOnce(&'c mut PgConnection) -> Running<'c, T> + Send + 'static,
{
    let store = store.clone();
    run(store.inner.database.limits.caller, async move {
        let database = &store.inner.database;
        let mut lent = database.connection().await?;
        let answer = database.limit(question(&mut lent)).await;
        database.give_back(lent, answer)
    })
    .await
}

/// Runs work in a task of its own: if the caller goes away it still runs to its end. sqlx 0.9 can leave a transaction
/// open on a pooled connection when `begin` is cancelled (transact-rs/sqlx #4394). A caller waits no longer than
/// `patience`; the work itself goes on, and ends by the limits on its connections.
pub(crate) async fn run<T: Send + 'static>(
    patience: Duration,
    work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
) -> Result<T, StoreError> {
    match tokio::time::timeout(patience, spawn(work)).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => {
            Err(StoreError::Unavailable(format!("a unit of work did not come to its end: {error}")))
        }
        Err(_) => Err(StoreError::Unavailable(format!("no answer within {patience:?}"))),
    }
}

/// The one place that spawns.
#[expect(clippy::disallowed_methods, reason = "a unit of work outlives its caller")]
pub(crate) fn spawn<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> tokio::task::JoinHandle<T> {
    tokio::spawn(work.in_current_span())
}
