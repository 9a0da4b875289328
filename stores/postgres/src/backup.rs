//! What a restore needs of the server beside `pg_dump` and `pg_restore`: who else is there, what the database holds, and
//! its tables put aside.

use lienthong_core::port::store::{Installation, StoreError};
use sqlx::AssertSqlSafe;

use crate::{PostgresStore, SERVICE, error::store_error, installation, unit};

/// What is in a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// The number of its newest migration.
    pub migration: i64,
    /// The installation that it is of.
    pub installation: Installation,
}

/// The number of the newest migration of this program.
pub fn newest_migration() -> i64 {
    sqlx::migrate!("../../migrations/postgres").iter().map(|m| m.version).max().unwrap_or(0)
}

impl PostgresStore {
    /// What the database holds; `None`: it has no tables of ours.
    pub async fn contents(&self) -> Result<Option<Contents>, StoreError> {
        unit::write(self, |conn| {
            Box::pin(async move {
                let is_there: bool =
                    sqlx::query_scalar("select to_regclass('public._sqlx_migrations') is not null")
                        .fetch_one(&mut *conn)
                        .await
                        .map_err(store_error)?;
                if !is_there {
                    return Ok(None);
                }
                let migration: i64 = sqlx::query_scalar(
                    "select coalesce(max(version), 0) from _sqlx_migrations where success",
                )
                .fetch_one(&mut *conn)
                .await
                .map_err(store_error)?;
                Ok(Some(Contents { migration, installation: installation::installation(conn).await? }))
            })
        })
        .await
    }

    /// How many sessions of running services use the database. Only for a store that was opened under another name.
    pub async fn others(&self) -> Result<i64, StoreError> {
        unit::ask(self, |conn| {
            Box::pin(async move {
                sqlx::query_scalar(
                    "select count(*) from pg_stat_activity
                    where datname = current_database() and application_name = $1",
                )
                .bind(SERVICE)
                .fetch_one(conn)
                .await
                .map_err(store_error)
            })
        })
        .await
    }

    /// Renames the schema with everything in it and makes an empty one in its place.
    pub async fn put_aside(&self, name: &str) -> Result<(), StoreError> {
        let renamed = format!("alter schema public rename to {name}");
        unit::write(self, move |conn| {
            Box::pin(async move {
                for statement in [renamed.as_str(), "create schema public"] {
                    sqlx::query(AssertSqlSafe(statement)).execute(&mut *conn).await.map_err(store_error)?;
                }
                Ok(())
            })
        })
        .await
    }
}
