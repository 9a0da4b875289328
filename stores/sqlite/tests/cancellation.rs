//! Callers that give up in the middle lose nothing: every `Ok` is visible, what was begun is finished, and no
//! transaction stays open.
#![expect(clippy::unwrap_used, reason = "this is how a test fails")]
#![expect(clippy::disallowed_methods, reason = "each caller is a task of its own, as in life")]

use lienthong_core::port::{
    store::{Decision, Store, StoreError},
    work::Scope,
};
use lienthong_store_sqlite::{Options, SqliteStore};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_that_give_up_in_the_middle_of_transact_lose_nothing() {
    const CALLERS: usize = 300;
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::connect(Options::new(folder.path(), "test")).await.unwrap();
    store.migrate().await.unwrap();
    let decided = Arc::new(AtomicUsize::new(0));
    let mut callers = Vec::new();
    for n in 0..CALLERS {
        let (store, decided) = (store.clone(), Arc::clone(&decided));
        callers.push(tokio::task::spawn(async move {
            let counted = Arc::clone(&decided);
            let decide: Decision = Arc::new(move |work| {
                std::thread::sleep(Duration::from_micros(200));
                work.audit.push(("caller".into(), "wrote".into(), n.to_string()));
                counted.fetch_add(1, Ordering::SeqCst);
            });
            // Some give up at once, some in the middle, some never.
            let patience = match n % 3 {
                0 => Duration::ZERO,
                1 => Duration::from_micros(n as u64 * 397 % 60_000),
                _ => Duration::from_mins(1),
            };
            (n, tokio::time::timeout(patience, store.transact(Scope::default(), decide)).await.is_ok())
        }));
    }
    let (mut answered, mut given_up) = (Vec::new(), 0);
    for caller in callers {
        match caller.await.unwrap() {
            (n, true) => answered.push(n),
            (_, false) => given_up += 1,
        }
    }
    assert!(given_up >= CALLERS / 3 && answered.len() >= CALLERS / 3, "{given_up} gave up");
    // Every unit is decided, whether its caller waits or not; and the writer takes them in order, so that after the
    // answer to a later one all are committed.
    while decided.load(Ordering::SeqCst) < CALLERS {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    store.ping().await.unwrap();
    store.close().await;

    // A second process sees everything: also what nobody waited for any more.
    let store = SqliteStore::connect(Options::new(folder.path(), "second")).await.unwrap();
    let rows = audit_rows(folder.path()).await;
    assert_eq!(rows.len(), CALLERS);
    assert!(answered.iter().all(|n| rows.contains(&n.to_string())));
    // No transaction was left open: the writer still writes.
    store
        .transact(Scope::default(), Arc::new(|work| work.audit.push(("a".into(), "b".into(), "c".into()))))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_decision_that_panics_is_rejected_and_poisons_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::connect(Options::new(folder.path(), "test")).await.unwrap();
    store.migrate().await.unwrap();
    let failed = store.transact(Scope::default(), Arc::new(|_| panic!("a defect"))).await;
    assert!(matches!(failed, Err(StoreError::Rejected(_))), "{failed:?}");
    store.ping().await.unwrap();
}

async fn audit_rows(folder: &std::path::Path) -> Vec<String> {
    let file =
        sqlx::sqlite::SqliteConnectOptions::new().filename(folder.join("lienthong.sqlite")).read_only(true);
    let mut conn = sqlx::ConnectOptions::connect(&file).await.unwrap();
    sqlx::query_scalar("select subject from audit").fetch_all(&mut conn).await.unwrap()
}
