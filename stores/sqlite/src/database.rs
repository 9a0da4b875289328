//! The data folder: its lock, the readers, and the one writer, a task that groups waiting units of work into one commit.
//! What a unit does is in `unit.rs`.

use async_trait::async_trait;
use lienthong_core::port::store::StoreError;
use sqlx::{
    ConnectOptions, Connection, Sqlite, SqliteConnection, SqlitePool,
    pool::PoolConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::{
    fs::{File, TryLockError},
    future::poll_fn,
    io::{Read, Write},
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    pin::Pin,
    sync::{Mutex, PoisonError},
    task::Poll,
    time::Duration,
};
use tokio::sync::{mpsc, oneshot};

use crate::{
    Options,
    error::{closed, store_error},
    unit,
};

/// A unit of work under way on the writer's connection.
pub(crate) type Running<'c, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'c>>;

/// At most this many units share a commit: beyond it the first one would wait noticeably for the last.
const GROUP: usize = 64;
/// The database in the data folder.
pub(crate) const FILE: &str = "lienthong.sqlite";

/// The database, as callers see it.
pub(crate) struct Database {
    readers: SqlitePool,
    queue: mpsc::Sender<Message>,
    hints: Mutex<Vec<mpsc::Sender<()>>>,
}

enum Message {
    /// Joins a group.
    Grouped(Box<dyn Unit>),
    /// Runs without a transaction around it: migrations bring their own.
    Alone(Box<dyn Unit>),
    Close(oneshot::Sender<()>),
}

#[async_trait]
trait Unit: Send {
    /// Runs; tells whether what it wrote is to be kept.
    async fn run(&mut self, conn: &mut SqliteConnection) -> bool;
    /// Answers the caller, after the commit or with what went wrong around the unit.
    fn answer(self: Box<Self>, failed: Option<StoreError>);
}

struct Asked<T, F> {
    work: Option<F>,
    result: Result<T, StoreError>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

#[async_trait]
impl<T, F> Unit for Asked<T, F>
where
    T: Send,
    F: for<'c> FnOnce(&'c mut SqliteConnection) -> Running<'c, T> + Send,
{
    async fn run(&mut self, conn: &mut SqliteConnection) -> bool {
        let Some(work) = self.work.take() else { return false };
        let mut running = work(conn);
        // A decision that panics must not take the writer with it.
        let poll = poll_fn(|context| {
            catch_unwind(AssertUnwindSafe(|| running.as_mut().poll(context))).unwrap_or_else(|_| {
                Poll::Ready(Err(StoreError::Unavailable("a unit of work panicked".into())))
            })
        });
        self.result = poll.await;
        self.result.is_ok()
    }

    fn answer(self: Box<Self>, failed: Option<StoreError>) {
        // A caller that has gone away does not want to know; its work is done all the same.
        drop(self.reply.send(failed.map_or(self.result, Err)));
    }
}

impl Database {
    /// Locks the folder, opens the database and starts the writer.
    pub(crate) async fn open(options: &Options) -> Result<Self, StoreError> {
        let lock = lock(&options.folder, &options.holder)?;
        let file = options.folder.join(FILE);
        let readers = SqlitePoolOptions::new()
            .max_connections(options.readers.max(1))
            .acquire_timeout(Duration::from_secs(5))
            .connect_lazy_with(connect_options(&file).read_only(true));
        let (queue, receiver) = mpsc::channel(options.queue.max(1));
        let mut writer = Writer { file, conn: None, receiver, _lock: lock };
        writer.connect().await?;
        unit::spawn(writer.serve());
        Ok(Self { readers, queue, hints: Mutex::default() })
    }

    /// A connection for questions.
    pub(crate) async fn reader(&self) -> Result<PoolConnection<Sqlite>, StoreError> {
        self.readers.acquire().await.map_err(store_error)
    }

    /// Queues a unit of work and waits for its commit.
    pub(crate) async fn run<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut SqliteConnection) -> Running<'c, T> + Send + 'static,
    {
        self.ask(work, Message::Grouped).await
    }

    /// The same without a transaction around it.
    pub(crate) async fn alone<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut SqliteConnection) -> Running<'c, T> + Send + 'static,
    {
        self.ask(work, Message::Alone).await
    }

    async fn ask<T, F>(&self, work: F, message: fn(Box<dyn Unit>) -> Message) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut SqliteConnection) -> Running<'c, T> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let unit = Box::new(Asked { work: Some(work), result: Err(closed()), reply });
        self.queue.send(message(unit)).await.map_err(|_| closed())?;
        answer.await.unwrap_or_else(|_| Err(closed()))
    }

    /// Lets what is queued finish; returns when the database is closed and the folder free.
    pub(crate) async fn close(&self) {
        // The writer goes last: the last connection to close folds the write-ahead log into the database.
        self.readers.close().await;
        let (reply, answer) = oneshot::channel();
        if self.queue.send(Message::Close(reply)).await.is_ok() {
            drop(answer.await);
        }
    }

    /// A new subscription to hints.
    pub(crate) fn hints(&self) -> mpsc::Receiver<()> {
        // One place is enough: a hint that waits already says it all.
        let (sender, receiver) = mpsc::channel(1);
        self.hints.lock().unwrap_or_else(PoisonError::into_inner).push(sender);
        receiver
    }

    /// Wakes the subscribers.
    pub(crate) fn ring(&self) {
        let mut hints = self.hints.lock().unwrap_or_else(PoisonError::into_inner);
        hints.retain(|h| !matches!(h.try_send(()), Err(mpsc::error::TrySendError::Closed(()))));
    }
}

struct Writer {
    file: PathBuf,
    /// None after a failure that leaves the connection in doubt: the next group opens a new one.
    conn: Option<SqliteConnection>,
    receiver: mpsc::Receiver<Message>,
    /// Unlocks the folder when the task ends.
    _lock: File,
}

impl Writer {
    async fn serve(mut self) {
        let mut messages = Vec::with_capacity(GROUP);
        let mut closing = Vec::new();
        while self.receiver.recv_many(&mut messages, GROUP).await > 0 {
            let mut group = Vec::with_capacity(messages.len());
            for message in messages.drain(..) {
                match message {
                    Message::Grouped(unit) => group.push(unit),
                    Message::Alone(unit) => {
                        self.group(std::mem::take(&mut group)).await;
                        self.alone(unit).await;
                    }
                    Message::Close(reply) => {
                        self.receiver.close();
                        closing.push(reply);
                    }
                }
            }
            self.group(group).await;
        }
        if let Some(conn) = self.conn.take()
            && let Err(error) = conn.close().await
        {
            tracing::warn!(%error, "the SQLite database did not close cleanly");
        }
        // First the folder is free, then the caller of `close` hears of it.
        drop(self);
        for reply in closing {
            // (a caller that has gone away does not wait any more)
            reply.send(()).unwrap_or_default();
        }
    }

    /// Runs the units, each in its own savepoint, commits once, answers.
    async fn group(&mut self, units: Vec<Box<dyn Unit>>) {
        if units.is_empty() {
            return;
        }
        let (mut kept, mut undone) = (Vec::with_capacity(units.len()), Vec::new());
        let result = self.transaction(units, &mut kept, &mut undone).await;
        if let Err(error) = &result {
            tracing::warn!(%error, units = kept.len(), "units of work were not committed");
            self.disconnect().await;
        }
        for unit in kept {
            unit.answer(result.clone().err());
        }
        for unit in undone {
            unit.answer(None);
        }
    }

    /// The statements here are plain texts: they have neither parameters nor rows for the macros to check.
    async fn transaction(
        &mut self,
        units: Vec<Box<dyn Unit>>,
        kept: &mut Vec<Box<dyn Unit>>,
        undone: &mut Vec<Box<dyn Unit>>,
    ) -> Result<(), StoreError> {
        let mut units = units.into_iter();
        let result = async {
            let conn = self.connect().await?;
            // Immediate: a deferred transaction that turns into a writer later may fail at once with SQLITE_BUSY.
            sqlx::query("begin immediate").execute(&mut *conn).await.map_err(store_error)?;
            for mut unit in units.by_ref() {
                let before = sqlx::query("savepoint unit").execute(&mut *conn).await;
                if let Err(error) = before {
                    kept.push(unit);
                    return Err(store_error(error));
                }
                // SQLite undoes the whole transaction by itself on a full disk or an I/O error. Then the savepoint
                // is gone, its end fails, and with it the group: no unit goes on outside of a transaction.
                let (end, list) = if unit.run(conn).await {
                    ("release unit", &mut *kept)
                } else {
                    ("rollback to unit; release unit", &mut *undone)
                };
                list.push(unit);
                sqlx::query(end).execute(&mut *conn).await.map_err(store_error)?;
            }
            sqlx::query("commit").execute(&mut *conn).await.map_err(store_error).map(drop)
        }
        .await
        // Whatever the code: it is not about the content of a unit. After a failed commit nobody knows what the disk
        // has; the next connection will see, and a unit that is asked for again finds what it wrote.
        .map_err(|error| StoreError::Unavailable(format!("a group of units was not committed: {error}")));
        kept.extend(units);
        result
    }

    async fn alone(&mut self, mut unit: Box<dyn Unit>) {
        match self.connect().await {
            Ok(conn) => {
                if !unit.run(conn).await {
                    self.disconnect().await;
                }
                unit.answer(None);
            }
            Err(error) => unit.answer(Some(error)),
        }
    }

    /// Whatever happened, no transaction may stay open: closing the connection rolls back.
    async fn disconnect(&mut self) {
        if let Some(conn) = self.conn.take()
            && let Err(error) = conn.close_hard().await
        {
            tracing::debug!(%error, "a connection in doubt did not close cleanly");
        }
    }

    async fn connect(&mut self) -> Result<&mut SqliteConnection, StoreError> {
        if self.conn.is_none() {
            let options = connect_options(&self.file)
                .create_if_missing(true)
                .journal_mode(SqliteJournalMode::Wal)
                // An acknowledged event survives a power cut: every commit waits for the disk.
                .synchronous(SqliteSynchronous::Full)
                // Savepoints keep what they may have to undo in memory instead of in temporary files.
                .pragma("temp_store", "memory")
                .pragma("cache_size", "-65536")
                // After a checkpoint the log shrinks to this: a burst does not hold the disk for ever.
                .pragma("journal_size_limit", "67108864");
            self.conn = Some(options.connect().await.map_err(store_error)?);
        }
        self.conn.as_mut().ok_or_else(closed)
    }
}

/// What all connections share.
pub(crate) fn connect_options(file: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(file)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(5))
        // All statements of the crate stay prepared.
        .statement_cache_capacity(256)
        // Rows come from a thread of their own; a wider channel means fewer hand-overs.
        .row_buffer_size(512)
}

/// Takes the folder for this process, until the file is closed.
pub(crate) fn lock(folder: &Path, holder: &str) -> Result<File, StoreError> {
    let path = folder.join("lienthong.lock");
    let failed = |error: std::io::Error| {
        StoreError::Unavailable(format!("the data folder {} cannot be used: {error}", folder.display()))
    };
    std::fs::create_dir_all(folder).map_err(failed)?;
    let mut file =
        File::options().read(true).write(true).create(true).truncate(false).open(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut other = String::new();
            let other = file.read_to_string(&mut other).map_or("unknown", |_| other.trim());
            return Err(StoreError::Unavailable(format!(
                "the data folder {} is in use by another process ({other}): stop that one, speak to it over its API \
                 instead, or choose another folder",
                folder.display()
            )));
        }
        Err(TryLockError::Error(error)) => return Err(failed(error)),
    }
    // Who has it, for the message above.
    file.set_len(0).map_err(failed)?;
    writeln!(file, "{holder}, process {}", std::process::id()).map_err(failed)?;
    Ok(file)
}

#[cfg(test)]
mod tests;
