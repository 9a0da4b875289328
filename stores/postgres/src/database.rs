//! The connections: how they are made, how long work may hold one, how they come back to the pool, what replaces a pool
//! that has run dry, and the hints that processes give each other. What only PostgreSQL has is here.

use lienthong_core::port::store::StoreError;
use sqlx::{
    Connection as _, PgPool, Postgres,
    pool::PoolConnection,
    postgres::{PgConnectOptions, PgListener, PgPoolOptions},
};
use std::{
    ops::{Deref, DerefMut},
    str::FromStr,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    sync::{Notify, mpsc, watch},
    time::timeout,
};

use crate::{
    Options,
    error::{migrate_error, store_error},
    unit::{run, spawn},
};

/// How long a caller waits for a connection, and how long giving one back may take.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// So many requests for a connection in a row have to time out before the pool counts as dry: one alone may have met one
/// dead connection, of which there can be as many as the pool holds.
const DRY_AFTER: u32 = 3;
/// While the server is away every request times out: a new pool each time would change nothing.
const REPLACE_EVERY: Duration = Duration::from_secs(30);
/// A process gives at most one hint in this time.
const HINT_EVERY: Duration = Duration::from_millis(50);
/// The channel of the hints.
const CHANNEL: &str = "lienthong";

/// How long things may take. The server ends a statement; nothing but we ourselves notices that the server has vanished:
/// the driver has no time-out of its own, and a connection that nobody answers on is silent for ever.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// One statement, by the server.
    pub(crate) statement: Duration,
    /// Everything between taking a connection and giving it back: more than any one statement.
    pub(crate) unit: Duration,
    /// A caller's wait for a unit, with its repetitions.
    pub(crate) caller: Duration,
}

impl Limits {
    pub(crate) fn new(statement: Duration) -> Self {
        Self { statement, unit: 2 * statement, caller: 4 * statement }
    }
}

/// The server, as this process sees it.
pub(crate) struct Database {
    connect: PgConnectOptions,
    pool: PgPoolOptions,
    current: RwLock<PgPool>,
    pub(crate) limits: Limits,
    /// How many connections units hold.
    lent: Arc<AtomicU32>,
    dryness: Mutex<Dryness>,
    bell: Arc<Notify>,
    /// Becomes true, or is dropped, when the store ends.
    ending: watch::Sender<bool>,
}

/// What is known of a pool that gives nothing.
#[derive(Debug, Default)]
struct Dryness {
    /// Requests in a row that have timed out.
    timed_out: u32,
    replaced: Option<Instant>,
}

/// A connection that is out of the pool.
pub(crate) struct Lent {
    connection: PoolConnection<Postgres>,
    lent: Arc<AtomicU32>,
}

impl Deref for Lent {
    type Target = PoolConnection<Postgres>;

    fn deref(&self) -> &Self::Target {
        &self.connection
    }
}

impl DerefMut for Lent {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.connection
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.lent.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Database {
    pub(crate) async fn open(options: &Options) -> Result<Arc<Self>, StoreError> {
        let limits = Limits::new(options.longest_statement);
        let connect = connect_options(&options.url, limits)?.application_name(&options.name);
        let pool = pool_options(options.max_connections);
        let current = pool.clone().connect_with(connect.clone()).await.map_err(store_error)?;
        let database = Arc::new(Self {
            connect,
            pool,
            current: RwLock::new(current),
            limits,
            lent: Arc::new(AtomicU32::new(0)),
            dryness: Mutex::new(Dryness::default()),
            bell: Arc::new(Notify::new()),
            ending: watch::Sender::new(false),
        });
        spawn(announce(Arc::downgrade(&database), Arc::clone(&database.bell), database.ending.subscribe()));
        Ok(database)
    }

    /// A connection of the pool. What is done with it goes through [`Self::limit`] and ends in [`Self::give_back`].
    pub(crate) async fn connection(&self) -> Result<Lent, StoreError> {
        let pool = self.current.read().unwrap_or_else(PoisonError::into_inner).clone();
        let connection = pool.acquire().await;
        match &connection {
            Ok(_) => self.dryness.lock().unwrap_or_else(PoisonError::into_inner).timed_out = 0,
            Err(sqlx::Error::PoolTimedOut) => self.ran_dry(),
            Err(_) => {}
        }
        let connection = connection.map_err(store_error)?;
        self.lent.fetch_add(1, Ordering::AcqRel);
        Ok(Lent { connection, lent: Arc::clone(&self.lent) })
    }

    /// Runs work on a connection for as long as a unit may take. None: it did not end, and nobody knows what the server
    /// has done.
    pub(crate) async fn limit<T>(&self, work: impl Future<Output = Result<T, StoreError>>) -> Limited<T> {
        timeout(self.limits.unit, work).await.ok()
    }

    /// Gives a connection back to the pool; throws it away where its work was cut off. Only because it never returns may
    /// the work be cut off, even within `begin` or `commit` (transact-rs/sqlx #4394): nobody will write on it again, and
    /// the server ends what was open on it.
    pub(crate) fn give_back<T>(&self, mut lent: Lent, answer: Limited<T>) -> Result<T, StoreError> {
        if let Some(answer) = answer {
            return answer;
        }
        // Closed in a task of the driver, which does not wait long for a server that is not there.
        lent.close_on_drop();
        metrics::counter!("lienthong_store_connections_dropped_total").increment(1);
        let within = self.limits.unit;
        tracing::warn!(?within, "a unit of work did not end: its connection is thrown away");
        Err(StoreError::Unavailable(format!("no answer from the store within {within:?}")))
    }

    /// Replaces a pool that gives no connections any more: sqlx 0.9 loses the place of a connection whose peer vanished
    /// silently for good (<https://github.com/transact-rs/sqlx/issues/4349>), and finds the dead ones among the idle one
    /// time-out at a time. Units that still run keep the old one. A pool whose connections are all with units is busy,
    /// not dry.
    fn ran_dry(&self) {
        let mut dryness = self.dryness.lock().unwrap_or_else(PoisonError::into_inner);
        dryness.timed_out = dryness.timed_out.saturating_add(1);
        let is_recent = dryness.replaced.is_some_and(|at| at.elapsed() < REPLACE_EVERY);
        let is_busy = self.lent.load(Ordering::Acquire) >= self.pool.get_max_connections();
        if dryness.timed_out < DRY_AFTER || is_recent || is_busy || *self.ending.borrow() {
            return;
        }
        *dryness = Dryness { timed_out: 0, replaced: Some(Instant::now()) };
        metrics::counter!("lienthong_store_pool_replaced_total").increment(1);
        tracing::warn!(
            times = DRY_AFTER,
            "no connection to the store again and again: starting with new ones"
        );
        let fresh = self.pool.clone().connect_lazy_with(self.connect.clone());
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        put_aside(std::mem::replace(&mut *current, fresh), self.limits.unit);
    }

    /// Brings the schema up to date, on a connection without time-out: a migration takes as long as it takes. Where there
    /// is nothing to do, which is nearly always, a start must not wait for ever for a server that has vanished.
    pub(crate) async fn migrate(&self) -> Result<(), StoreError> {
        let connect = self
            .connect
            .clone()
            .options([("statement_timeout", "0"), ("idle_in_transaction_session_timeout", "0")]);
        let migrator = sqlx::migrate!("../../migrations/postgres");
        let pool =
            PgPoolOptions::new().max_connections(1).connect_with(connect).await.map_err(store_error)?;
        let applied = sqlx::query_scalar::<_, i64>("select count(*) from _sqlx_migrations where success");
        let applied = self.limit(async { Ok(applied.fetch_one(&pool).await.unwrap_or(0)) }).await;
        let is_whole = match applied {
            Some(applied) => applied? >= i64::try_from(migrator.iter().count()).unwrap_or(i64::MAX),
            None => return Err(StoreError::Unavailable("no answer about the store's schema".into())),
        };
        let migrating = async { migrator.run(&pool).await.map_err(migrate_error) };
        let answer = if is_whole { self.limit(migrating).await } else { Some(migrating.await) };
        // Its one connection may be the one that has vanished.
        timeout(ACQUIRE_TIMEOUT, pool.close()).await.ok();
        answer.unwrap_or_else(|| Err(StoreError::Unavailable("no answer about the store's schema".into())))
    }

    /// Waits for the units that run and closes everything.
    pub(crate) async fn close(&self) {
        self.ending.send_replace(true);
        let pool = self.current.read().unwrap_or_else(PoisonError::into_inner).clone();
        // A place that was lost never comes back.
        if timeout(self.limits.unit, pool.close()).await.is_err() {
            tracing::warn!("not all connections to the store came back");
        }
    }

    /// Tells all processes, this one too, that there may be something to do; soon, and not for every commit.
    pub(crate) fn ring(&self) {
        self.bell.notify_one();
    }

    /// Hints from now on. They end with the store or when the receiver is dropped.
    pub(crate) fn hints(&self) -> mpsc::Receiver<()> {
        let (hint, hints) = mpsc::channel(1);
        spawn(listen(self.connect.clone(), self.limits, hint, self.ending.subscribe()));
        hints
    }
}

/// What work on a connection came to; none: it did not end.
pub(crate) type Limited<T> = Option<Result<T, StoreError>>;

/// Closes a pool in the background. It waits for its units, but not for connections that never come back.
fn put_aside(pool: PgPool, within: Duration) {
    while let Some(idle) = pool.try_acquire() {
        drop(idle.detach());
    }
    spawn(async move { timeout(within + ACQUIRE_TIMEOUT, pool.close()).await.ok() });
}

pub(crate) fn connect_options(url: &str, limits: Limits) -> Result<PgConnectOptions, StoreError> {
    // The driver's message may repeat the address, which holds the password.
    let options = PgConnectOptions::from_str(url).map_err(|_| {
        StoreError::Rejected("the store's address is not postgres://user@host:port/database".into())
    })?;
    let longest = format!("{}ms", limits.statement.as_millis());
    Ok(options.options([
        // What a client that is gone has locked is free again after this.
        ("statement_timeout", longest.as_str()),
        ("idle_in_transaction_session_timeout", longest.as_str()),
        ("tcp_user_timeout", "20s"),
        // Short statements: compiling them costs more than it saves.
        ("jit", "off"),
        // Units of work go by keys. A plan that was made while a table was small, and kept, would read all of it later;
        // questions of people and programs may do as they like (see `unit::read`).
        ("enable_seqscan", "off"),
        ("enable_hashjoin", "off"),
        ("enable_mergejoin", "off"),
        // By itself the server plans most of them anew each time: the length of an array is known then, which looks cheaper,
        // and planning takes longer than doing it. A kept plan has to be right whatever the tables hold: `plans.rs` tests it.
        ("plan_cache_mode", "force_generic_plan"),
    ]))
}

/// So long a connection is believed in that was asked when it came back.
const TRUSTED: Duration = Duration::from_secs(1);

fn pool_options(max_connections: u32) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(max_connections.max(1))
        .acquire_timeout(ACQUIRE_TIMEOUT)
        // Whether a server is still there is asked of connections that have lain idle; one that just came back was asked
        // then, and a unit of work need not wait for the same answer again.
        .test_before_acquire(false)
        .before_acquire(|connection, meta| {
            Box::pin(async move {
                if meta.idle_for > TRUSTED {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        .after_release(|connection, _| {
            // Ends a transaction that a cancelled `begin` left open (transact-rs/sqlx #4394). A lone `rollback` would do,
            // but makes the server log a warning every time there is none. In a failed transaction `begin` is an error
            // and the connection is thrown away.
            // Limited, because a connection that nobody answers on would keep its place in the pool for ever.
            Box::pin(async move {
                let ended = timeout(ACQUIRE_TIMEOUT, sqlx::raw_sql("begin; rollback").execute(connection));
                ended.await.unwrap_or(Err(sqlx::Error::PoolTimedOut)).map(|_| true)
            })
        })
}

/// Sends the hints. One task for the process, so that a hint that comes too early is late, not lost.
async fn announce(database: std::sync::Weak<Database>, bell: Arc<Notify>, mut ending: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            _ = ending.changed() => return,
            () = bell.notified() => {}
        }
        let Some(database) = database.upgrade() else { return };
        let told = run(database.limits.caller, async move {
            let mut lent = database.connection().await?;
            let telling = sqlx::query!("select pg_notify($1, '')", CHANNEL).execute(&mut **lent);
            let told = database.limit(async { telling.await.map_err(store_error) }).await;
            database.give_back(lent, told)
        });
        if let Err(error) = told.await {
            tracing::debug!(%error, "could not give a hint");
        }
        tokio::time::sleep(HINT_EVERY).await;
    }
}

/// Receives hints, and makes the connection again for as long as somebody wants them.
async fn listen(
    connect: PgConnectOptions,
    limits: Limits,
    hint: mpsc::Sender<()>,
    mut ending: watch::Receiver<bool>,
) {
    loop {
        tokio::select! {
            _ = ending.changed() => return,
            () = hint.closed() => return,
            Err(error) = receive(&connect, limits, &hint) => tracing::debug!(%error, "no hints for a moment"),
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

async fn receive(
    connect: &PgConnectOptions,
    limits: Limits,
    hint: &mpsc::Sender<()>,
) -> Result<std::convert::Infallible, sqlx::Error> {
    let mut listener = answered(limits, listener(connect)).await?;
    loop {
        // A full channel holds a hint already. What was told while there was no connection was missed: that is a hint.
        hint.try_send(()).ok();
        // Giving up the wait loses nothing: the driver takes a message out of its buffer only when it is whole. Silence
        // may mean that nobody has anything to tell, or that the server has vanished: only asking tells which.
        loop {
            if let Ok(heard) = timeout(limits.statement, listener.try_recv()).await {
                heard?;
                break;
            }
            answered(limits, sqlx::raw_sql("select 1").execute(&mut listener)).await?;
        }
    }
}

async fn listener(connect: &PgConnectOptions) -> Result<PgListener, sqlx::Error> {
    // A pool of its own, so that listening takes no connection from the units of work.
    let pool = PgPoolOptions::new().max_connections(1).max_lifetime(None).idle_timeout(None);
    let mut listener = PgListener::connect_with(&pool.connect_with(connect.clone()).await?).await?;
    listener.listen(CHANNEL).await?;
    Ok(listener)
}

/// An answer of the server, if it comes at all.
async fn answered<T>(
    limits: Limits,
    question: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    timeout(limits.unit, question).await.unwrap_or(Err(sqlx::Error::PoolTimedOut))
}

#[cfg(all(test, feature = "server-tests"))]
mod tests {
    use super::pool_options;
    use sqlx::{Executor, PgPool};

    #[tokio::test]
    async fn a_transaction_that_a_connection_brings_back_is_ended_before_the_next_use() {
        let Ok(url) = std::env::var("LIENTHONG_TEST_PG") else {
            println!("skipped: LIENTHONG_TEST_PG is not set");
            return;
        };
        let pool: PgPool = pool_options(1).connect(&url).await.unwrap();
        let mut connection = pool.acquire().await.unwrap();
        // Behind the driver's back, as a cancelled `begin` of sqlx 0.9 does it.
        connection.execute("begin; create temporary table lost (i integer)").await.unwrap();
        drop(connection);
        let lost: Option<String> =
            sqlx::query_scalar("select to_regclass('lost')::text").fetch_one(&pool).await.unwrap();
        assert_eq!(lost, None, "the transaction was still open");
        pool.close().await;
    }
}
