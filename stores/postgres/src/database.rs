//! The connections: how they are made, how they come back to the pool, what replaces a pool that has run dry, and the
//! hints that processes give each other. What only PostgreSQL has is here.

use lienthong_core::port::store::StoreError;
use sqlx::{
    PgPool, Postgres,
    pool::PoolConnection,
    postgres::{PgConnectOptions, PgListener, PgPoolOptions},
};
use std::{
    str::FromStr,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::{Duration, Instant},
};
use tokio::sync::{Notify, mpsc, watch};

use crate::{
    Options,
    error::{migrate_error, store_error},
    unit::{run, spawn},
};

/// How long a caller waits for a connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// Longer than any statement may take: if nobody got a connection for so long, the pool has lost them.
const DRY_AFTER: Duration = Duration::from_secs(45);
/// A process gives at most one hint in this time.
const HINT_EVERY: Duration = Duration::from_millis(50);
/// The channel of the hints.
const CHANNEL: &str = "lienthong";

/// The server, as this process sees it.
pub(crate) struct Database {
    connect: PgConnectOptions,
    pool: PgPoolOptions,
    current: RwLock<PgPool>,
    /// Since when every request for a connection has timed out.
    dry_since: Mutex<Option<Instant>>,
    bell: Arc<Notify>,
    /// Becomes true, or is dropped, when the store ends.
    ending: watch::Sender<bool>,
}

impl Database {
    pub(crate) async fn open(options: &Options) -> Result<Arc<Self>, StoreError> {
        let connect = connect_options(&options.url)?.application_name(&options.name);
        let pool = pool_options(options.max_connections);
        let current = pool.clone().connect_with(connect.clone()).await.map_err(store_error)?;
        let database = Arc::new(Self {
            connect,
            pool,
            current: RwLock::new(current),
            dry_since: Mutex::new(None),
            bell: Arc::new(Notify::new()),
            ending: watch::Sender::new(false),
        });
        spawn(announce(Arc::downgrade(&database), Arc::clone(&database.bell), database.ending.subscribe()));
        Ok(database)
    }

    /// A connection of the pool.
    pub(crate) async fn connection(&self) -> Result<PoolConnection<Postgres>, StoreError> {
        let pool = self.current.read().unwrap_or_else(PoisonError::into_inner).clone();
        let connection = pool.acquire().await;
        match &connection {
            Ok(_) => *self.dry_since.lock().unwrap_or_else(PoisonError::into_inner) = None,
            Err(sqlx::Error::PoolTimedOut) => self.ran_dry(),
            Err(_) => {}
        }
        connection.map_err(store_error)
    }

    /// Replaces a pool that gives no connections any more: sqlx 0.9 loses the place of a connection whose peer vanished
    /// silently for good (<https://github.com/transact-rs/sqlx/issues/4349>). Units that still run keep the old one.
    fn ran_dry(&self) {
        let mut dry_since = self.dry_since.lock().unwrap_or_else(PoisonError::into_inner);
        if dry_since.get_or_insert_with(Instant::now).elapsed() < DRY_AFTER || *self.ending.borrow() {
            return;
        }
        *dry_since = None;
        tracing::warn!(?DRY_AFTER, "no connection to the store for too long: starting with new ones");
        let fresh = self.pool.clone().connect_lazy_with(self.connect.clone());
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let old = std::mem::replace(&mut *current, fresh);
        spawn(async move { old.close().await });
    }

    /// Brings the schema up to date, on a connection without time-out: a migration takes as long as it takes.
    pub(crate) async fn migrate(&self) -> Result<(), StoreError> {
        let connect = self
            .connect
            .clone()
            .options([("statement_timeout", "0"), ("idle_in_transaction_session_timeout", "0")]);
        let pool =
            PgPoolOptions::new().max_connections(1).connect_with(connect).await.map_err(store_error)?;
        let answer = sqlx::migrate!("../../migrations/postgres").run(&pool).await.map_err(migrate_error);
        pool.close().await;
        answer
    }

    /// Waits for the units that run and closes everything.
    pub(crate) async fn close(&self) {
        self.ending.send_replace(true);
        let pool = self.current.read().unwrap_or_else(PoisonError::into_inner).clone();
        pool.close().await;
    }

    /// Tells all processes, this one too, that there may be something to do; soon, and not for every commit.
    pub(crate) fn ring(&self) {
        self.bell.notify_one();
    }

    /// Hints from now on. They end with the store or when the receiver is dropped.
    pub(crate) fn hints(&self) -> mpsc::Receiver<()> {
        let (hint, hints) = mpsc::channel(1);
        spawn(listen(self.connect.clone(), hint, self.ending.subscribe()));
        hints
    }
}

fn connect_options(url: &str) -> Result<PgConnectOptions, StoreError> {
    // The driver's message may repeat the address, which holds the password.
    let options = PgConnectOptions::from_str(url).map_err(|_| {
        StoreError::Rejected("the store's address is not postgres://user@host:port/database".into())
    })?;
    Ok(options.options([
        // What a client that is gone has locked is free again after this.
        ("statement_timeout", "30s"),
        ("idle_in_transaction_session_timeout", "30s"),
        ("tcp_user_timeout", "20s"),
        // Short statements: compiling them costs more than it saves.
        ("jit", "off"),
    ]))
}

fn pool_options(max_connections: u32) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(max_connections.max(1))
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .after_release(|connection, _| {
            // Ends a transaction that a cancelled `begin` left open (transact-rs/sqlx #4394). A lone `rollback` would do,
            // but makes the server log a warning every time there is none. In a failed transaction `begin` is an error
            // and the connection is thrown away.
            Box::pin(async move { sqlx::raw_sql("begin; rollback").execute(connection).await.map(|_| true) })
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
        let told = run(async move {
            let mut connection = database.connection().await?;
            sqlx::query!("select pg_notify($1, '')", CHANNEL)
                .execute(&mut *connection)
                .await
                .map_err(store_error)
        });
        if let Err(error) = told.await {
            tracing::debug!(%error, "could not give a hint");
        }
        tokio::time::sleep(HINT_EVERY).await;
    }
}

/// Receives hints, and makes the connection again for as long as somebody wants them.
async fn listen(connect: PgConnectOptions, hint: mpsc::Sender<()>, mut ending: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            _ = ending.changed() => return,
            () = hint.closed() => return,
            Err(error) = receive(&connect, &hint) => tracing::debug!(%error, "no hints for a moment"),
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

async fn receive(
    connect: &PgConnectOptions,
    hint: &mpsc::Sender<()>,
) -> Result<std::convert::Infallible, sqlx::Error> {
    // A pool of its own, so that listening takes no connection from the units of work.
    let pool = PgPoolOptions::new().max_connections(1).max_lifetime(None).idle_timeout(None);
    let mut listener = PgListener::connect_with(&pool.connect_with(connect.clone()).await?).await?;
    listener.listen(CHANNEL).await?;
    loop {
        // A full channel holds a hint already. What was told while there was no connection was missed: that is a hint.
        hint.try_send(()).ok();
        listener.try_recv().await?;
    }
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
