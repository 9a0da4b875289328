//! The floor without servers: events by HTTP, a batch a request, answered after the commit; SQLite with one writer; one POST
//! each. It runs as a process of its own and speaks the engine's own intake, so that both are fed alike.
#![expect(clippy::disallowed_methods, reason = "a pipeline of its own: none of the engine's rules hold here")]

use std::{path::PathBuf, sync::Arc};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::StatusCode,
    routing::{get, post},
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sqlx::{
    ConnectOptions as _, Connection as _,
    sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous},
};
use tokio::{
    net::TcpListener,
    sync::{mpsc, oneshot},
};

use crate::{
    failed::{Failed, at},
    floor::{Done, Item, send},
};

const TABLE: &str = "create table inbox (event_id text primary key, dossier text not null, payload text not null,
    received_at real not null default (unixepoch('subsec')), status integer, result text, done_at real) without rowid";
const INSERT: &str = "insert or ignore into inbox (event_id, dossier, payload) values (?1, ?2, ?3)";
const UPDATE: &str =
    "update inbox set status = ?2, result = ?3, done_at = unixepoch('subsec') where event_id = ?1";
/// So many pieces of work share a commit at most.
const GROUP: usize = 64;

/// What one is to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Embedded {
    /// The database file.
    pub file: PathBuf,
    /// The port to listen on.
    pub port: u16,
    /// Where to POST.
    pub partner: String,
    /// How many events there are.
    pub events: usize,
    /// Requests at once.
    pub in_flight: usize,
}

/// A piece of work for the writer.
enum Work {
    Admit(Vec<Item>, oneshot::Sender<()>),
    Record(Vec<Done>),
}

#[derive(Deserialize)]
struct Read {
    id: String,
    subject: String,
}

impl Embedded {
    /// Runs until all events are done.
    pub async fn run(self) -> Result<(), Failed> {
        let options = SqliteConnectOptions::new()
            .filename(&self.file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full);
        let mut store = options.connect().await.map_err(at("SQLite"))?;
        sqlx::query(TABLE).execute(&mut store).await.map_err(at("SQLite"))?;
        let (work, works) = mpsc::channel::<Work>(1024);
        let (queue, queued) = mpsc::channel::<Item>(4000);
        let (finish, mut finished) = mpsc::channel::<Done>(8000);
        let router = Router::new()
            .route("/readyz", get(|| async { "ready" }))
            .route("/v1/events", post(admit))
            .with_state(Arc::new(work.clone()));
        let listener = TcpListener::bind(("127.0.0.1", self.port)).await.map_err(at("the floor's port"))?;
        let serving = tokio::spawn(async move { drop(axum::serve(listener, router).await) });
        let sending = tokio::spawn(send(self.partner.clone(), self.in_flight, queued, finish));
        let recording = tokio::spawn(async move {
            let mut batch = Vec::new();
            while finished.recv_many(&mut batch, 200).await > 0 {
                if work.send(Work::Record(std::mem::take(&mut batch))).await.is_err() {
                    return;
                }
            }
        });
        write(&mut store, works, queue, self.events).await?;
        serving.abort();
        sending.abort();
        recording.abort();
        store.close().await.map_err(at("SQLite"))
    }
}

async fn admit(State(work): State<Arc<mpsc::Sender<Work>>>, body: Bytes) -> StatusCode {
    let Ok(events) = serde_json::from_slice::<Vec<&RawValue>>(&body) else { return StatusCode::BAD_REQUEST };
    let items = events.into_iter().filter_map(|event| {
        let read: Read = serde_json::from_str(event.get()).ok()?;
        Some(Item { id: read.id, dossier: read.subject, body: event.get().as_bytes().to_vec() })
    });
    let (done, is_done) = oneshot::channel();
    let sent = work.send(Work::Admit(items.collect(), done)).await;
    if sent.is_ok() && is_done.await.is_ok() { StatusCode::ACCEPTED } else { StatusCode::SERVICE_UNAVAILABLE }
}

async fn write(
    store: &mut SqliteConnection,
    mut works: mpsc::Receiver<Work>,
    queue: mpsc::Sender<Item>,
    events: usize,
) -> Result<(), Failed> {
    let (mut group, mut recorded) = (Vec::with_capacity(GROUP), 0);
    while recorded < events && works.recv_many(&mut group, GROUP).await > 0 {
        let mut tx = store.begin().await.map_err(at("SQLite"))?;
        for work in &group {
            match work {
                Work::Admit(items, _) => {
                    for item in items {
                        let body = str::from_utf8(&item.body).unwrap_or_default();
                        let insert = sqlx::query(INSERT).bind(&item.id).bind(&item.dossier).bind(body);
                        insert.execute(&mut *tx).await.map_err(at("SQLite"))?;
                    }
                }
                Work::Record(done) => {
                    for done in done {
                        let update = sqlx::query(UPDATE).bind(&done.id).bind(done.status).bind(&done.text);
                        update.execute(&mut *tx).await.map_err(at("SQLite"))?;
                    }
                }
            }
        }
        tx.commit().await.map_err(at("SQLite"))?;
        for work in group.drain(..) {
            match work {
                Work::Admit(items, done) => {
                    done.send(()).ok();
                    for item in items {
                        if queue.send(item).await.is_err() {
                            return Ok(());
                        }
                    }
                }
                Work::Record(done) => recorded += done.len(),
            }
        }
    }
    Ok(())
}
