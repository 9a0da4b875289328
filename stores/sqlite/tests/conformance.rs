//! The conformance suite of all stores (`lienthong_core::testing::conformance`) on SQLite, each story in a folder of its
//! own. One writer: the second handle is a clone.
#![expect(clippy::unwrap_used, reason = "this is how a test fails")]

use lienthong_core::testing::conformance::Harness;
use lienthong_store_sqlite::{Options, SqliteStore};
use std::sync::Arc;

async fn sqlite(_story: &str) -> Harness {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::connect(Options::new(folder.path(), "conformance")).await.unwrap();
    store.migrate().await.unwrap();
    let (views, second, closing) = (store.clone(), store.clone(), store.clone());
    let finish = Box::pin(async move {
        closing.close().await;
        drop(folder);
    });
    Harness::new(Arc::new(store), Arc::new(views), Arc::new(second), false).with_finish(finish)
}

lienthong_core::conformance_tests!(sqlite);
