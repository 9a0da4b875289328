//! A database of its own for each test, on the throwaway server of `LIENTHONG_TEST_PG`.

use lienthong_store_postgres::{Options, PostgresStore};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

/// Runs a test on a fresh, migrated database; drops it afterwards, also when the test failed.
pub async fn with_store<F, R>(test: F)
where
    F: FnOnce(PostgresStore, String) -> R,
    R: Future<Output = ()> + Send + 'static,
{
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let Ok(server) = std::env::var("LIENTHONG_TEST_PG") else {
        println!("skipped: LIENTHONG_TEST_PG is not set");
        return;
    };
    let name = format!("lienthong_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let mut admin = PgConnection::connect(&server).await.unwrap();
    admin.execute(AssertSqlSafe(format!("create database {name}"))).await.unwrap();
    let (before, _) = server.rsplit_once('/').unwrap();
    let url = format!("{before}/{name}");
    let store = PostgresStore::connect(Options::new(&url)).await.unwrap();
    store.migrate().await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(test(store.clone(), url));
    let outcome = tasks.join_next().await.unwrap();
    store.close().await;
    admin.execute(AssertSqlSafe(format!("drop database {name} with (force)"))).await.unwrap();
    if let Err(failure) = outcome {
        std::panic::resume_unwind(failure.into_panic());
    }
}

/// Waits until something holds, at most 10 seconds.
pub async fn eventually<R: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> R) {
    for _ in 0..500 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("not within 10 seconds: {what}");
}
