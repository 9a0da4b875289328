//! The conformance suite of all stores (`lienthong_core::testing::conformance`) on SQLite, each story in a folder of its
//! own. One writer: the second handle is a clone.
#![expect(clippy::unwrap_used, reason = "this is how a test fails")]

use lienthong_core::testing::conformance::Harness;
use lienthong_store_sqlite::{Options, SqliteStore};
use sqlx::{AssertSqlSafe, Connection, Executor, SqliteConnection, sqlite::SqliteConnectOptions};
use std::{pin::Pin, sync::Arc};

async fn sqlite(_story: &str) -> Harness {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::connect(Options::new(folder.path(), "conformance")).await.unwrap();
    store.migrate().await.unwrap();
    let file = folder.path().join("lienthong.sqlite");
    let tamper = move |id: i64| -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let file = file.clone();
        Box::pin(async move {
            let options = SqliteConnectOptions::new().filename(file);
            let mut behind = SqliteConnection::connect_with(&options).await.unwrap();
            behind.execute(AssertSqlSafe(format!("delete from operations where id = {id}"))).await.unwrap();
        })
    };
    let (views, second, closing) = (store.clone(), store.clone(), store.clone());
    let finish = Box::pin(async move {
        closing.close().await;
        drop(folder);
    });
    Harness::new(Arc::new(store), Arc::new(views), Arc::new(second), false)
        .with_tamper(tamper)
        .with_finish(finish)
}

lienthong_core::conformance_tests!(sqlite);
