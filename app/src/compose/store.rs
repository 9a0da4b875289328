//! The store that the configuration names, under one roof.

use std::{sync::Arc, time::Duration};

use lienthong_core::port::{
    store::{Store, StoreError},
    views::Views,
};
use lienthong_store_postgres::PostgresStore;
use lienthong_store_sqlite::SqliteStore;
use secrecy::ExposeSecret;
use tokio::sync::mpsc;

use super::parts::store_address;
use crate::{
    cli::Failure,
    config::{Config, StoreKind},
    tokens,
};

/// An open store.
#[derive(Clone)]
pub enum StoreHandle {
    /// Embedded.
    Sqlite(SqliteStore),
    /// A server.
    Postgres(PostgresStore),
}

impl StoreHandle {
    /// Opens it; does not migrate. `holder`: the name of this run.
    pub async fn open(config: &Config, holder: &str) -> Result<Self, Failure> {
        match config.store.kind {
            StoreKind::Sqlite => {
                let folder = &config.installation.data_dir;
                tokens::make_folder(folder)?;
                let mut options = lienthong_store_sqlite::Options::new(folder, holder);
                if let Some(most) = config.store.max_connections {
                    options.readers = most.saturating_sub(1).max(1);
                }
                Ok(Self::Sqlite(SqliteStore::connect(options).await?))
            }
            StoreKind::Postgres => {
                let url = store_address(config)?.ok_or_else(|| Failure::new("store.url", ""))?;
                let mut options = lienthong_store_postgres::Options::new(url.expose_secret());
                if let Some(most) = config.store.max_connections {
                    options.max_connections = most;
                }
                if let Some(longest) = config.store.statement_seconds {
                    options.longest_statement = Duration::from_secs(longest);
                }
                Ok(Self::Postgres(PostgresStore::connect(options).await?))
            }
        }
    }

    /// As the engine sees it.
    pub fn store(&self) -> Arc<dyn Store> {
        match self {
            Self::Sqlite(store) => Arc::new(store.clone()),
            Self::Postgres(store) => Arc::new(store.clone()),
        }
    }

    /// As people see it.
    pub fn views(&self) -> Arc<dyn Views> {
        match self {
            Self::Sqlite(store) => Arc::new(store.clone()),
            Self::Postgres(store) => Arc::new(store.clone()),
        }
    }

    /// Brings the schema up to date.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(store) => store.migrate().await,
            Self::Postgres(store) => store.migrate().await,
        }
    }

    /// Hints that there may be work.
    pub(super) async fn hints(&self) -> mpsc::Receiver<()> {
        match self {
            Self::Sqlite(store) => store.hints().await,
            Self::Postgres(store) => store.hints().await,
        }
    }

    /// Finishes what is queued and closes.
    pub async fn close(&self) {
        match self {
            Self::Sqlite(store) => store.close().await,
            Self::Postgres(store) => store.close().await,
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let remedy = match &error {
            StoreError::Unavailable(_) | StoreError::Contended(_) => {
                "Kho dữ liệu có đang chạy và tới được không? Thư mục dữ liệu có đang được một tiến trình khác dùng không?\n\
                 Is the store running and reachable? Is another process using the data folder?"
            }
            StoreError::Rejected(_) | StoreError::Fenced(_) => "",
        };
        Self::new(format!("Kho dữ liệu không dùng được · The store cannot be used: {error}"), remedy)
    }
}
