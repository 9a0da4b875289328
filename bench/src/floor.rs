//! The floor: what remains of the job if nothing is promised. Consume, insert a batch, one POST each, update a batch; in
//! order per dossier, in memory only. No retry, no dossier, no lease. It runs as a process of its own.
#![expect(clippy::disallowed_methods, reason = "a pipeline of its own: none of the engine's rules hold here")]

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

use futures_util::StreamExt as _;
use lapin::{
    Connection, ConnectionProperties,
    message::Delivery,
    options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions},
    types::FieldTable,
};
use serde::{Deserialize, Serialize};
use sqlx::{Connection as _, postgres::PgConnection};
use tokio::sync::{Semaphore, mpsc};

use crate::{
    broker::Broker,
    failed::{Failed, at},
    traffic::Event,
};

/// The floor's table.
pub const TABLE: &str = "create table inbox (event_id text primary key, dossier text not null, payload text not null,
    received_at timestamptz not null default clock_timestamp(), status integer, result text, done_at timestamptz)";
const INSERT: &str = "insert into inbox (event_id, dossier, payload)
    select * from unnest($1::text[], $2::text[], $3::text[]) on conflict do nothing";
const UPDATE: &str = "update inbox i set status = u.status, result = u.result, done_at = clock_timestamp()
    from unnest($1::text[], $2::integer[], $3::text[]) as u(id, status, result) where i.event_id = u.id";
/// As many as the engine takes at once.
const BATCH: usize = 200;
const PREFETCH: u16 = 1000;

/// What one is to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Floor {
    /// RabbitMQ.
    pub rabbitmq: String,
    /// The queue.
    pub queue: String,
    /// PostgreSQL.
    pub store: String,
    /// Where to POST.
    pub partner: String,
    /// How many events there are.
    pub events: usize,
    /// Requests at once.
    pub in_flight: usize,
    /// An exchange for results, if they are told.
    pub tell: Option<String>,
}

#[derive(Deserialize)]
struct Read {
    id: String,
    subject: String,
}

/// An event that was stored.
pub(crate) struct Item {
    pub(crate) id: String,
    pub(crate) dossier: String,
    pub(crate) body: Vec<u8>,
}

/// What the partner said to one.
pub(crate) struct Done {
    pub(crate) id: String,
    pub(crate) dossier: String,
    pub(crate) status: i32,
    pub(crate) text: String,
}

impl Floor {
    /// Runs until all events are done.
    pub async fn run(self) -> Result<(), Failed> {
        let connection = Connection::connect(&self.rabbitmq, ConnectionProperties::default())
            .await
            .map_err(at("RabbitMQ"))?;
        let channel = connection.create_channel().await.map_err(at("a channel"))?;
        channel.basic_qos(PREFETCH, BasicQosOptions::default()).await.map_err(at("prefetch"))?;
        let options = BasicConsumeOptions::default();
        let consumed =
            channel.basic_consume(self.queue.as_str().into(), "floor".into(), options, FieldTable::default());
        let mut consumer = consumed.await.map_err(at("consuming"))?;
        let (arrive, arrived) = mpsc::channel::<Delivery>(usize::from(PREFETCH));
        let consuming = tokio::spawn(async move {
            while let Some(Ok(delivery)) = consumer.next().await {
                if arrive.send(delivery).await.is_err() {
                    break;
                }
            }
        });
        let (queue, queued) = mpsc::channel::<Item>(4000);
        let (finish, finished) = mpsc::channel::<Done>(8000);
        let inbox = PgConnection::connect(&self.store).await.map_err(at("PostgreSQL"))?;
        let outcome = PgConnection::connect(&self.store).await.map_err(at("PostgreSQL"))?;
        let admitting = tokio::spawn(admit(inbox, arrived, queue));
        let sending = tokio::spawn(send(self.partner.clone(), self.in_flight, queued, finish));
        record(&self, outcome, finished).await?;
        consuming.abort();
        admitting.abort();
        sending.abort();
        Ok(())
    }
}

async fn admit(
    mut store: PgConnection,
    mut arrived: mpsc::Receiver<Delivery>,
    queue: mpsc::Sender<Item>,
) -> Result<(), Failed> {
    let mut batch = Vec::with_capacity(BATCH);
    while arrived.recv_many(&mut batch, BATCH).await > 0 {
        let mut items = Vec::with_capacity(batch.len());
        for delivery in &mut batch {
            let body = std::mem::take(&mut delivery.data);
            let read: Read = serde_json::from_slice(&body).map_err(at("an event"))?;
            items.push(Item { id: read.id, dossier: read.subject, body });
        }
        let ids: Vec<&str> = items.iter().map(|i| i.id.as_str()).collect();
        let dossiers: Vec<&str> = items.iter().map(|i| i.dossier.as_str()).collect();
        let bodies: Vec<&str> = items.iter().map(|i| str::from_utf8(&i.body).unwrap_or_default()).collect();
        let written = sqlx::query(INSERT).bind(&ids).bind(&dossiers).bind(&bodies).execute(&mut store).await;
        written.map_err(at("the inbox"))?;
        if let Some(last) = batch.last() {
            last.acker.ack(BasicAckOptions { multiple: true }).await.map_err(at("an acknowledgement"))?;
        }
        batch.clear();
        for item in items {
            if queue.send(item).await.is_err() {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// By dossier: what waits behind the one that is on its way.
type Lanes = Arc<Mutex<HashMap<String, VecDeque<Item>>>>;

/// Sends what is queued, so many at once, in order per dossier.
pub(crate) async fn send(
    partner: String,
    in_flight: usize,
    mut queued: mpsc::Receiver<Item>,
    finish: mpsc::Sender<Done>,
) -> Result<(), Failed> {
    let client =
        reqwest::Client::builder().pool_max_idle_per_host(in_flight).build().map_err(at("a client"))?;
    let lanes = Lanes::default();
    let permits = Arc::new(Semaphore::new(in_flight));
    while let Some(item) = queued.recv().await {
        {
            let mut lanes = lanes.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(waiting) = lanes.get_mut(&item.dossier) {
                waiting.push_back(item);
                continue;
            }
            lanes.insert(item.dossier.clone(), VecDeque::new());
        }
        let permit = Arc::clone(&permits).acquire_owned().await.map_err(at("a permit"))?;
        let (client, partner, lanes, finish) =
            (client.clone(), partner.clone(), Arc::clone(&lanes), finish.clone());
        tokio::spawn(async move {
            let mut next = Some(item);
            while let Some(item) = next.take() {
                let Item { id, dossier, body } = item;
                let posted =
                    client.post(&partner).header("content-type", "application/json").body(body).send().await;
                let (status, text) = match posted {
                    Ok(answer) => {
                        (i32::from(answer.status().as_u16()), answer.text().await.unwrap_or_default())
                    }
                    Err(error) => (0, error.to_string()),
                };
                let lane = dossier.clone();
                if finish.send(Done { id, dossier, status, text }).await.is_err() {
                    return;
                }
                let mut lanes = lanes.lock().unwrap_or_else(PoisonError::into_inner);
                next = lanes.get_mut(&lane).and_then(VecDeque::pop_front);
                if next.is_none() {
                    lanes.remove(&lane);
                }
            }
            drop(permit);
        });
    }
    Ok(())
}

async fn record(
    floor: &Floor,
    mut store: PgConnection,
    mut finished: mpsc::Receiver<Done>,
) -> Result<(), Failed> {
    // Told beside the recording, as the engine's relay does; the end waits for the last confirmation.
    let (tell, mut told) = mpsc::channel::<Vec<Event>>(64);
    let telling = match &floor.tell {
        Some(exchange) => {
            let (broker, exchange) = (Broker::connect(&floor.rabbitmq).await?, exchange.clone());
            Some(tokio::spawn(async move {
                while let Some(events) = told.recv().await {
                    broker.publish(&exchange, &events, None).await?;
                }
                Ok::<_, Failed>(())
            }))
        }
        None => None,
    };
    let (mut batch, mut recorded) = (Vec::with_capacity(BATCH), 0);
    while recorded < floor.events && finished.recv_many(&mut batch, BATCH).await > 0 {
        let ids: Vec<&str> = batch.iter().map(|d| d.id.as_str()).collect();
        let statuses: Vec<i32> = batch.iter().map(|d| d.status).collect();
        let texts: Vec<&str> = batch.iter().map(|d| d.text.as_str()).collect();
        let written = sqlx::query(UPDATE).bind(&ids).bind(&statuses).bind(&texts).execute(&mut store).await;
        written.map_err(at("the inbox"))?;
        if telling.is_some() && tell.send(batch.iter().map(result_of).collect()).await.is_err() {
            return Err(Failed::new("results could not be published"));
        }
        recorded += batch.len();
        batch.clear();
    }
    drop(tell);
    match telling {
        Some(telling) => telling.await.map_err(at("publishing results"))?,
        None => Ok(()),
    }
}

fn result_of(done: &Done) -> Event {
    let body = serde_json::json!({ "specversion": "1.0", "id": done.id, "source": "/floor", "subject": done.dossier,
        "type": "vn.lienthong.portal.synced.v1", "data": { "status": done.status } });
    Event {
        id: done.id.clone(),
        subject: done.dossier.clone(),
        routing_key: "portal.synced".to_owned(),
        body: body.to_string(),
    }
}
