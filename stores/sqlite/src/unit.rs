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
use sqlx::{Connection, SqliteConnection};
use std::sync::Arc;
use tracing::Instrument;

use crate::{
    SqliteStore, database::Running, error::store_error, load::load, rows::At, write::write as write_work,
};

/// How often a whole unit is repeated when somebody else was at the same rows.
const REPEATS: u32 = 8;
/// How often a decision may ask for more before it counts as one that never has enough.
const ROUNDS: usize = 6;
/// Row numbers reserved at a time: one extra commit per million rows.
const RESERVE: i64 = 1_000_000;

/// What became of a pass.
enum Pass {
    /// Decided and written; whether somebody may have something to do after the commit.
    Written { has_news: bool },
    /// The decision lacks this.
    Incomplete(Box<Scope>),
    /// This process has no row numbers left: reserve and come again.
    OutOfIds,
}

/// Loads, decides and writes; see `Store::transact`.
pub(crate) async fn transact(store: &SqliteStore, scope: Scope, decide: Decision) -> Result<(), StoreError> {
    let store = store.clone();
    run(async move {
        let mut repeats = 0;
        loop {
            let (inside, scope, decide) = (store.clone(), scope.clone(), Arc::clone(&decide));
            let unit = store
                .inner
                .database
                .run(move |conn| Box::pin(async move { rounds(conn, &inside, scope, &decide).await }));
            match unit.await {
                Ok(Pass::OutOfIds) => reserve_ids(&store).await?,
                Ok(Pass::Written { has_news }) => {
                    if has_news {
                        store.inner.database.ring();
                    }
                    return Ok(());
                }
                Ok(Pass::Incomplete(missing)) => {
                    return Err(StoreError::Rejected(format!(
                        "the decision asked for more rows {ROUNDS} times and still lacks {missing:?}"
                    )));
                }
                Err(StoreError::Contended(said)) if repeats < REPEATS => {
                    tracing::debug!(said, repeats, "repeating a unit of work");
                    repeats += 1;
                }
                Err(error) => return Err(error),
            }
        }
    })
    .await
}

/// Passes until the decision has all that it needs, all in one savepoint: before a decision is complete nothing is
/// written, and nobody else writes meanwhile.
async fn rounds(
    conn: &mut SqliteConnection,
    store: &SqliteStore,
    mut scope: Scope,
    decide: &Decision,
) -> Result<Pass, StoreError> {
    let mut pass = Pass::OutOfIds;
    for _ in 0..ROUNDS {
        let Some(block) = store.inner.ids.slice() else { return Ok(Pass::OutOfIds) };
        let block = Arc::new(block);
        let result = one_pass(conn, store, scope.clone(), decide, &block).await;
        // Numbers that a failed pass took are gaps, and do no harm.
        store.inner.ids.add(block.rest());
        pass = result?;
        match &pass {
            Pass::Incomplete(missing) => scope.merge(Scope::clone(missing)),
            Pass::Written { .. } | Pass::OutOfIds => break,
        }
    }
    Ok(pass)
}

/// One pass. Its savepoint is rolled back unless all is well.
async fn one_pass(
    conn: &mut SqliteConnection,
    store: &SqliteStore,
    scope: Scope,
    decide: &Decision,
    block: &Arc<IdBlock>,
) -> Result<Pass, StoreError> {
    let (now, epoch, is_fenced) = begin(conn).await?;
    let mut work = Work::new(now, scope, Arc::clone(block));
    (work.epoch, work.is_fenced) = (epoch, is_fenced);
    load(conn, &store.inner.holder, &mut work).await?;
    run_decision(decide, &mut work)?;
    if block.is_overdrawn() {
        return Err(StoreError::Rejected("one decision took more row numbers than it may: divide it".into()));
    }
    if work.is_incomplete() {
        return Ok(Pass::Incomplete(Box::new(work.missing)));
    }
    work.finish();
    write_work(conn, &work).await?;
    if work.fences() {
        store.inner.ids.retire(block);
    }
    Ok(Pass::Written { has_news: has_news(&work) })
}

/// Whether somebody may have something to do after this commit.
fn has_news(work: &Work) -> bool {
    let is_ready = |state| matches!(state, LaneState::Ready | LaneState::Doubtful | LaneState::Awaiting);
    !work.outbox.is_empty()
        || work.lanes.values().any(|lane| lane.change != Change::None && is_ready(lane.row.state))
}

/// Reserves row numbers in a commit of their own: numbers of a transaction that fails later are never given twice.
async fn reserve_ids(store: &SqliteStore) -> Result<(), StoreError> {
    let _one_at_a_time = store.inner.reserving.lock().await;
    if let Some(block) = store.inner.ids.slice() {
        // Somebody else has reserved meanwhile.
        store.inner.ids.add(block.rest());
        return Ok(());
    }
    let end = store.inner.database.run(move |conn| {
        Box::pin(async move {
            sqlx::query_scalar!(
                "update installation set next_id = next_id + ?1 where one = 1 returning next_id",
                RESERVE
            )
            .fetch_one(conn)
            .await
            .map_err(store_error)
        })
    });
    let end = end.await?;
    store.inner.ids.add(end - RESERVE..end);
    Ok(())
}

/// The store's clock.
pub(crate) async fn now(conn: &mut SqliteConnection) -> Result<Timestamp, StoreError> {
    // Rounded, because the fraction of a second is not exact in a floating number.
    let now =
        sqlx::query_scalar!(r#"select cast(round(unixepoch('subsec') * 1000000) as integer) as "now!: i64""#)
            .fetch_one(conn)
            .await
            .map_err(store_error)?;
    At::new("installation", &1).time("now", now)
}

/// What every unit begins with: the store's clock, the epoch, and whether the installation is fenced.
async fn begin(conn: &mut SqliteConnection) -> Result<(Timestamp, i64, bool), StoreError> {
    let row = sqlx::query!(
        r#"select cast(round(unixepoch('subsec') * 1000000) as integer) as "now!: i64", epoch as "epoch!: i64",
            fenced_since is not null and released_at is null as "is_fenced!: bool"
        from installation where one = 1"#
    )
    .fetch_one(conn)
    .await
    .map_err(store_error)?;
    Ok((At::new("installation", &1).time("now", row.now)?, row.epoch, row.is_fenced))
}

/// Runs a unit that writes, to its end; it gets the store's clock.
pub(crate) async fn write<T, F>(store: &SqliteStore, work: F) -> Result<T, StoreError>
where
    T: Send + 'static,
    F: for<'c> FnOnce(&'c mut SqliteConnection, Timestamp) -> Running<'c, T> + Send + 'static,
{
    let store = store.clone();
    run(async move {
        let work = store.inner.database.run(move |conn| {
            Box::pin(async move {
                let now = now(conn).await?;
                work(conn, now).await
            })
        });
        work.await
    })
    .await
}

/// Runs questions on one consistent snapshot of a reader, to their end.
pub(crate) async fn read<T, F>(store: &SqliteStore, questions: F) -> Result<T, StoreError>
where
    T: Send + 'static,
    F: for<'c> FnOnce(&'c mut SqliteConnection) -> Running<'c, T> + Send + 'static,
{
    let store = store.clone();
    run(async move {
        let mut conn = store.inner.database.reader().await?;
        let mut snapshot = conn.begin().await.map_err(store_error)?;
        let answer = questions(&mut snapshot).await?;
        // Nothing was written: the end of the snapshot cannot fail in a way that matters to the answer.
        snapshot.commit().await.map_err(store_error)?;
        Ok(answer)
    })
    .await
}

/// Runs work in a task of its own: if the caller goes away it still runs to its end. sqlx 0.9 can leave a transaction
/// open on a pooled connection when `begin` is cancelled (transact-rs/sqlx #4394).
pub(crate) async fn run<T: Send + 'static>(
    work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
) -> Result<T, StoreError> {
    match spawn(work).await {
        Ok(result) => result,
        Err(error) => {
            Err(StoreError::Unavailable(format!("a unit of work did not come to its end: {error}")))
        }
    }
}

/// The one place that spawns.
#[expect(
    clippy::disallowed_methods,
    reason = "a unit of work outlives its caller; the writer outlives them all"
)]
pub(crate) fn spawn<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> tokio::task::JoinHandle<T> {
    tokio::spawn(work.in_current_span())
}
