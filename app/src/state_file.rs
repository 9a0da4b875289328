//! The state file: what this process has seen of the store, kept where a restore of the store does not reach. A store
//! that knows less than the file is an older one: the installation is fenced before anything goes out.

use std::{
    fs::{self, File, OpenOptions},
    io::{ErrorKind, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use lienthong_core::{
    flow::restore::{self, Evidence},
    port::store::{Installation, Store, StoreError},
};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::config::Config;

/// How often the store is looked at while the process runs.
const LOOK_EVERY: Duration = Duration::from_secs(3);

/// What a process has seen of the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// The installation's id.
    pub installation: String,
    /// Its epoch.
    pub epoch: i64,
    /// The highest number of an out-event.
    pub outbox: i64,
    /// When the newest event was admitted.
    pub newest_event_at: Option<Timestamp>,
    /// When this was written, by the store's clock.
    pub at: Timestamp,
}

/// What reading the file brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// What was seen.
    Seen(Seen),
    /// There is no file.
    Missing,
    /// There is one that nobody can read; why.
    Unreadable(String),
}

/// Where the file of a configuration is.
pub fn path(config: &Config) -> PathBuf {
    let installation = &config.installation;
    installation.state_file.clone().unwrap_or_else(|| installation.data_dir.join("state.json"))
}

/// Reads the file.
pub fn read(path: &Path) -> Found {
    match fs::read_to_string(path) {
        Ok(text) => match serde_json::from_str(&text) {
            Ok(seen) => Found::Seen(seen),
            Err(error) => Found::Unreadable(error.to_string()),
        },
        Err(error) if error.kind() == ErrorKind::NotFound => Found::Missing,
        Err(error) => Found::Unreadable(error.to_string()),
    }
}

/// Writes it whole or not at all: a crash leaves the old one or the new one.
pub fn write(path: &Path, seen: &Seen) -> std::io::Result<()> {
    let folder = path.parent().filter(|f| !f.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}.new", std::process::id()));
    let beside = folder.join(name);
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    let mut text = serde_json::to_vec(seen)?;
    text.push(b'\n');
    file.write_all(&text)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    File::open(folder)?.sync_all()
}

impl Seen {
    /// What there is to see of an installation now.
    pub fn of(installation: &Installation, at: Timestamp) -> Self {
        Self {
            installation: installation.id.clone(),
            epoch: installation.epoch,
            outbox: installation.outbox_highest,
            newest_event_at: installation.newest_event_at,
            at,
        }
    }

    /// What shows that a store is not the one that was seen, or an older state of it. `None`: nothing does.
    pub fn against(&self, store: &Installation) -> Option<Evidence> {
        let reason = if self.installation != store.id {
            "other_store"
        } else if store.epoch < self.epoch
            || store.outbox_highest < self.outbox
            || store.epoch == self.epoch && store.newest_event_at < self.newest_event_at
        {
            "older"
        } else {
            return None;
        };
        Some(Evidence {
            reason: reason.into(),
            epoch: self.epoch,
            outbox: self.outbox,
            backup_at: None,
            seen_at: Some(self.at),
        })
    }
}

/// The state file of a running process.
#[derive(Debug)]
pub struct StateFile {
    path: PathBuf,
    last: Option<Seen>,
}

impl StateFile {
    /// Reads the file and looks at the store; nothing may have been claimed yet. Says what is odd, and writes the file anew.
    pub async fn open(path: PathBuf, store: &dyn Store) -> Result<Self, StoreError> {
        let last = match read(&path) {
            Found::Seen(seen) => Some(seen),
            found => {
                let is_new = store.installation().await?.newest_event_at.is_none();
                if !is_new || found != Found::Missing {
                    tracing::warn!(path = %path.display(), ?found, "no state file to tell whether the store is an older \
                        one. If it was restored, stop and use `lienthong restore --fence` before anything is sent; a \
                        new state file is written now");
                }
                None
            }
        };
        let mut file = Self { path, last };
        file.look(store).await?;
        Ok(file)
    }

    /// Looks at the store: an older one is fenced, a change is written down.
    pub async fn look(&mut self, store: &dyn Store) -> Result<(), StoreError> {
        let mut installation = store.installation().await?;
        let found = self.last.as_ref().and_then(|last| last.against(&installation));
        if let Some(evidence) = found {
            if restore::fence(store, &installation, &evidence).await? {
                tracing::error!(
                    ?evidence,
                    "the store is an older one: nothing is sent or told until a person has decided \
                    (lienthong restore status)"
                );
            }
            installation = store.installation().await?;
        }
        let seen = Seen::of(&installation, store.now().await?);
        let is_news = self.last.as_ref().is_none_or(|last| Seen { at: seen.at, ..last.clone() } != seen);
        if !is_news {
            return Ok(());
        }
        match write(&self.path, &seen) {
            Ok(()) => self.last = Some(seen),
            // Kept in memory all the same: this process still notices.
            Err(error) => {
                tracing::warn!(%error, path = %self.path.display(), "the state file cannot be written");
                self.last = Some(seen);
            }
        }
        Ok(())
    }

    /// Looks every few seconds until the process stops, and once more then.
    pub async fn keep(mut self, store: Arc<dyn Store>, stop: CancellationToken) -> Result<(), String> {
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            if let Err(error) = self.look(&*store).await {
                tracing::debug!(%error, "the state file waits for the store");
            }
        }
        if let Err(error) = self.look(&*store).await {
            tracing::warn!(%error, "the state file's last look at the store failed");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lienthong_core::testing::MemoryStore;

    fn seen(outbox: i64) -> Seen {
        let at = "2026-11-23T01:00:00Z".parse().unwrap();
        Seen { installation: "a".into(), epoch: 2, outbox, newest_event_at: Some(at), at }
    }

    fn store(id: &str, epoch: i64, outbox: i64, newest: &str) -> Installation {
        Installation {
            id: id.into(),
            epoch,
            outbox_highest: outbox,
            newest_event_at: newest.parse().ok(),
            restored: None,
        }
    }

    #[test]
    fn a_file_comes_back_as_it_was_written_and_a_torn_one_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.json");
        assert_eq!(read(&path), Found::Missing);
        write(&path, &seen(7)).unwrap();
        assert_eq!(read(&path), Found::Seen(seen(7)));
        write(&path, &seen(8)).unwrap();
        assert_eq!(read(&path), Found::Seen(seen(8)));
        assert_eq!(folder.path().read_dir().unwrap().count(), 1, "nothing is left beside it");
        let whole = fs::read(&path).unwrap();
        fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        assert!(matches!(read(&path), Found::Unreadable(_)));
    }

    #[test]
    fn a_store_that_knows_less_is_an_older_one() {
        const LATER: &str = "2026-11-23T02:00:00Z";
        let reason = |store: Installation| seen(100).against(&store).map(|e| e.reason);
        assert_eq!(reason(store("a", 2, 100, LATER)), None);
        assert_eq!(reason(store("a", 3, 1_000_100, LATER)), None, "fenced and numbered on by somebody else");
        assert_eq!(reason(store("a", 1, 100, LATER)).as_deref(), Some("older"));
        assert_eq!(reason(store("a", 2, 99, LATER)).as_deref(), Some("older"));
        assert_eq!(reason(store("a", 2, 100, "2026-11-22T02:00:00Z")).as_deref(), Some("older"));
        assert_eq!(reason(store("b", 9, 9_999, LATER)).as_deref(), Some("other_store"));
        assert_eq!(reason(store("b", 1, 0, "")).as_deref(), Some("other_store"), "restored to nothing");
    }

    #[tokio::test]
    async fn an_older_store_is_fenced_at_the_start_and_while_the_process_runs() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.json");
        let store = MemoryStore::default();
        let backup = store.copy();
        let mut file = StateFile::open(path.clone(), &store).await.unwrap();
        assert!(store.installation().await.unwrap().fenced().is_none(), "a new store without a file is none");
        let known = store.installation().await.unwrap();
        restore::fence(&store, &known, &Evidence { outbox: 500, ..Evidence::default() }).await.unwrap();
        file.look(&store).await.unwrap();
        store.put_back(&backup);
        file.look(&store).await.unwrap();
        let fenced = store.installation().await.unwrap();
        assert_eq!((fenced.epoch, fenced.fenced().is_some()), (3, true), "above the epoch that is lost");
        file.look(&store).await.unwrap();
        assert_eq!(store.installation().await.unwrap().epoch, 3, "once");

        store.put_back(&backup);
        StateFile::open(path.clone(), &store).await.unwrap();
        let fenced = store.installation().await.unwrap();
        assert_eq!((fenced.epoch, fenced.fenced().map(|r| r.reason.as_str())), (4, Some("older")));
        fs::write(&path, "{").unwrap();
        StateFile::open(path.clone(), &store).await.unwrap();
        assert!(matches!(read(&path), Found::Seen(Seen { epoch: 4, .. })), "a fresh file");
    }
}
