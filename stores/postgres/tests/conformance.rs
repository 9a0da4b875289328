//! The conformance suite of all stores (`lienthong_core::testing::conformance`) on PostgreSQL, each story in a database
//! of its own on the throwaway server of `LIENTHONG_TEST_PG`. The second handle has connections of its own.

#![expect(clippy::unwrap_used, clippy::panic, reason = "this is how a test fails")]

use lienthong_core::testing::conformance::Harness;
use lienthong_store_postgres::{Options, PostgresStore};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

async fn postgres(story: &str) -> Harness {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let server = std::env::var("LIENTHONG_TEST_PG")
        .unwrap_or_else(|_| panic!("{story}: set LIENTHONG_TEST_PG to the URL of a throwaway server"));
    let name = format!("conformance_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let mut admin = PgConnection::connect(&server).await.unwrap();
    admin.execute(AssertSqlSafe(format!("create database {name}"))).await.unwrap();
    let (before, _) = server.rsplit_once('/').unwrap();
    let url = format!("{before}/{name}");
    let tamper = move |id: i64| -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let url = url.clone();
        Box::pin(async move {
            let mut behind = PgConnection::connect(&url).await.unwrap();
            behind.execute(AssertSqlSafe(format!("delete from operations where id = {id}"))).await.unwrap();
        })
    };
    let options = || Options { max_connections: 4, ..Options::new(format!("{before}/{name}")) };
    let store = PostgresStore::connect(options()).await.unwrap();
    store.migrate().await.unwrap();
    let second = PostgresStore::connect(options()).await.unwrap();
    let (views, closing) = (store.clone(), [store.clone(), second.clone()]);
    let finish = Box::pin(async move {
        for store in closing {
            store.close().await;
        }
        admin.execute(AssertSqlSafe(format!("drop database {name} with (force)"))).await.unwrap();
    });
    Harness::new(Arc::new(store), Arc::new(views), Arc::new(second), true)
        .with_tamper(tamper)
        .with_finish(finish)
}

lienthong_core::conformance_tests!(postgres);
