//! The writer under failure: a unit that fails, panics or finds the disk full harms nobody else.

use lienthong_core::port::store::StoreError;
use sqlx::SqliteConnection;
use std::sync::Arc;
use tokio::sync::oneshot;

use super::{Database, Running};
use crate::{Options, unit};

async fn open(folder: &tempfile::TempDir) -> Arc<Database> {
    let database = Database::open(&Options::new(folder.path(), "test")).await.unwrap();
    database
        .alone(|conn| {
            Box::pin(async move {
                sqlx::query("create table t (x integer primary key, y blob) strict")
                    .execute(conn)
                    .await
                    .unwrap();
                Ok(())
            })
        })
        .await
        .unwrap();
    Arc::new(database)
}

async fn insert(conn: &mut SqliteConnection, x: i64, size: i64) -> Result<(), StoreError> {
    let insert = sqlx::query("insert into t (x, y) values (?1, zeroblob(?2))").bind(x).bind(size);
    insert.execute(conn).await.map(drop).map_err(crate::error::store_error)
}

async fn stored(database: &Database) -> Vec<i64> {
    let mut reader = database.reader().await.unwrap();
    sqlx::query_scalar("select x from t order by x").fetch_all(&mut *reader).await.unwrap()
}

/// Queues units while the writer is kept busy, so that they make one group; answers in order.
async fn in_one_group<F>(database: &Arc<Database>, count: i64, unit: F) -> Vec<Result<(), StoreError>>
where
    F: for<'c> Fn(&'c mut SqliteConnection, i64) -> Running<'c, ()> + Clone + Send + Sync + 'static,
{
    let (begun, has_begun) = oneshot::channel();
    let (go, wait) = oneshot::channel();
    let busy = Arc::clone(database);
    let busy = unit::spawn(async move {
        let unit = busy.alone(|_| {
            Box::pin(async {
                begun.send(()).unwrap();
                wait.await.map_err(|e| StoreError::Unavailable(e.to_string()))
            })
        });
        unit.await
    });
    has_begun.await.unwrap();
    let mut waiting = Vec::new();
    for x in 0..count {
        let (database, unit) = (Arc::clone(database), unit.clone());
        waiting.push(unit::spawn(async move { database.run(move |conn| unit(conn, x)).await }));
        tokio::task::yield_now().await;
    }
    go.send(()).unwrap();
    busy.await.unwrap().unwrap();
    let mut answers = Vec::new();
    for unit in waiting {
        answers.push(unit.await.unwrap());
    }
    answers
}

#[tokio::test]
async fn a_unit_that_fails_after_writing_is_undone_alone() {
    let folder = tempfile::tempdir().unwrap();
    let database = open(&folder).await;
    let answers = in_one_group(&database, 5, |conn, x| {
        Box::pin(async move {
            insert(conn, x, 1).await?;
            match x {
                2 => Err(StoreError::Rejected("two".into())),
                3 => insert(conn, 0, 1).await,
                _ => Ok(()),
            }
        })
    })
    .await;
    assert_eq!(answers[2], Err(StoreError::Rejected("two".into())));
    assert!(matches!(answers[3], Err(StoreError::Rejected(_))), "{:?}", answers[3]);
    assert!(answers.iter().enumerate().all(|(x, a)| a.is_ok() || x == 2 || x == 3), "{answers:?}");
    assert_eq!(stored(&database).await, [0, 1, 4]);
}

#[tokio::test]
async fn a_unit_that_panics_is_undone_and_the_writer_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let database = open(&folder).await;
    let answers = in_one_group(&database, 3, |conn, x| {
        Box::pin(async move {
            insert(conn, x, 1).await?;
            assert_ne!(x, 1, "a defect");
            Ok(())
        })
    })
    .await;
    assert!(matches!(answers[1], Err(StoreError::Unavailable(_))), "{:?}", answers[1]);
    assert_eq!(stored(&database).await, [0, 2]);
}

#[tokio::test]
async fn a_full_disk_is_unavailable_and_the_writer_survives_it() {
    let folder = tempfile::tempdir().unwrap();
    let database = open(&folder).await;
    // A page limit of this connection fails like a full disk: SQLITE_FULL.
    database
        .alone(|conn| {
            Box::pin(async move {
                sqlx::query("pragma max_page_count = 20").execute(conn).await.unwrap();
                Ok(())
            })
        })
        .await
        .unwrap();
    let answers = in_one_group(&database, 3, |conn, x| {
        Box::pin(async move { insert(conn, x, if x == 1 { 1_000_000 } else { 1 }).await })
    })
    .await;
    assert!(matches!(answers[1], Err(StoreError::Unavailable(_))), "{:?}", answers[1]);
    let stored_now = stored(&database).await;
    for (x, answer) in answers.iter().enumerate() {
        assert_eq!(answer.is_ok(), stored_now.contains(&(x as i64)), "{answers:?} {stored_now:?}");
    }
    database.run(|conn| Box::pin(insert(conn, 7, 1))).await.unwrap();
    assert!(stored(&database).await.contains(&7));
}

#[tokio::test]
async fn a_group_whose_commit_fails_fails_as_a_whole_and_the_next_one_works() {
    let folder = tempfile::tempdir().unwrap();
    let database = open(&folder).await;
    let answers = in_one_group(&database, 4, |conn, x| {
        Box::pin(async move {
            insert(conn, x, 1).await?;
            if x == 2 {
                // As SQLite does by itself after an I/O error: the transaction ends under the unit's feet.
                sqlx::query("rollback").execute(conn).await.unwrap();
            }
            Ok(())
        })
    })
    .await;
    assert!(answers.iter().all(|a| matches!(a, Err(StoreError::Unavailable(_)))), "{answers:?}");
    assert_eq!(stored(&database).await, [0_i64; 0]);
    database.run(|conn| Box::pin(insert(conn, 9, 1))).await.unwrap();
    assert_eq!(stored(&database).await, [9]);
}
