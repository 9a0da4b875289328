//! Copies of the whole database: made beside a running store, looked over, and put in its place.

use lienthong_core::port::store::{Installation, StoreError};
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use std::{
    fs::File,
    path::{Path, PathBuf},
};

use crate::{
    database::{self, connect_options},
    error::store_error,
    installation,
};

/// What is in a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// The number of its newest migration.
    pub migration: i64,
    /// The installation that it is of.
    pub installation: Installation,
}

/// The number of the newest migration of this program.
pub fn newest_migration() -> i64 {
    sqlx::migrate!("../../migrations/sqlite").iter().map(|m| m.version).max().unwrap_or(0)
}

/// Copies the database of a data folder into a new file, as it is at one moment; whoever writes meanwhile is not held up.
pub async fn copy(folder: &Path, into: &Path) -> Result<Copied, StoreError> {
    let file = folder.join(database::FILE);
    let mut conn = connect_options(&file).read_only(true).connect().await.map_err(store_error)?;
    let copied = sqlx::query("vacuum into ?1").bind(into.display().to_string()).execute(&mut conn).await;
    copied.map_err(store_error)?;
    conn.close().await.map_err(store_error)?;
    sync(into)?;
    look(into).await
}

/// Looks a copy over: every page, and what it is of.
pub async fn look(file: &Path) -> Result<Copied, StoreError> {
    let mut conn = connect_options(file).read_only(true).connect().await.map_err(store_error)?;
    let sound: String =
        sqlx::query_scalar("pragma integrity_check").fetch_one(&mut conn).await.map_err(store_error)?;
    if sound != "ok" {
        return Err(StoreError::Rejected(format!("{} is damaged: {sound}", file.display())));
    }
    let answer = contents(&mut conn).await;
    conn.close().await.map_err(store_error)?;
    answer
}

async fn contents(conn: &mut SqliteConnection) -> Result<Copied, StoreError> {
    let migration: i64 =
        sqlx::query_scalar("select coalesce(max(version), 0) from _sqlx_migrations where success")
            .fetch_one(&mut *conn)
            .await
            .map_err(store_error)?;
    Ok(Copied { migration, installation: installation::installation(conn).await? })
}

/// What a copy replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// The installation that was there, if it could be read.
    pub before: Option<Installation>,
}

/// A data folder that nobody else can use meanwhile.
pub struct Held {
    folder: PathBuf,
    _lock: File,
}

/// Takes a data folder for a restore; refused while a service uses it.
pub fn hold(folder: &Path) -> Result<Held, StoreError> {
    Ok(Held { folder: folder.to_owned(), _lock: database::lock(folder, "restore")? })
}

impl Held {
    /// Puts a copy in the place of the database. What is there keeps its file beside, with this ending; without one it must
    /// not be there.
    pub async fn place(self, file: &Path, aside: Option<&str>) -> Result<Placed, StoreError> {
        place(file, &self.folder, aside).await
    }
}

async fn place(file: &Path, folder: &Path, aside: Option<&str>) -> Result<Placed, StoreError> {
    let target = folder.join(database::FILE);
    let parts = ["-wal", "-shm", ""].map(|ending| format!("{}{ending}", database::FILE));
    let there: Vec<&String> = parts.iter().filter(|part| folder.join(part).exists()).collect();
    if let (Some(part), None) = (there.first(), aside) {
        return Err(StoreError::Rejected(format!(
            "there is a store already: {}",
            folder.join(part).display()
        )));
    }
    // One that cannot be read any more may be why somebody restores.
    let before = match former(&target).await {
        Ok(installation) => Some(installation),
        Err(error) => {
            tracing::warn!(%error, "no store to replace, or one that cannot be read");
            None
        }
    };
    // A log that stayed behind would be played into the new database.
    for part in parts.iter().filter(|part| folder.join(part).exists()) {
        let (name, ending) = part.split_at(database::FILE.len());
        let to = folder.join(format!("{name}.{}{ending}", aside.unwrap_or_default()));
        if to.exists() {
            return Err(StoreError::Unavailable(format!("{} is there already: try again", to.display())));
        }
        std::fs::rename(folder.join(part), &to).map_err(|error| failed(&to, &error))?;
    }
    // Whole or not at all: a crash leaves no half of a database under that name.
    let coming = folder.join(format!("{}.coming", database::FILE));
    std::fs::copy(file, &coming).map_err(|error| failed(&coming, &error))?;
    sync(&coming)?;
    std::fs::rename(&coming, &target).map_err(|error| failed(&target, &error))?;
    sync(folder)?;
    Ok(Placed { before })
}

/// The installation of a database that is to go, its log folded into it.
async fn former(file: &Path) -> Result<Installation, StoreError> {
    let mut conn = connect_options(file).connect().await.map_err(store_error)?;
    sqlx::query("pragma wal_checkpoint(truncate)").execute(&mut conn).await.map_err(store_error)?;
    let answer = contents(&mut conn).await;
    conn.close().await.map_err(store_error)?;
    answer.map(|copied| copied.installation)
}

fn sync(path: &Path) -> Result<(), StoreError> {
    File::open(path).and_then(|file| file.sync_all()).map_err(|error| failed(path, &error))
}

fn failed(path: &Path, error: &std::io::Error) -> StoreError {
    StoreError::Unavailable(format!("{}: {error}", path.display()))
}
