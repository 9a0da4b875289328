//! The consumer: whatever is queued up, at most a batch, is admitted in one transaction and acknowledged after its
//! commit. One admit at a time; never a nack with requeue (it reorders); no delivery outlives its channel.

use std::{mem::ManuallyDrop, sync::Arc, time::Duration};

use futures_util::{FutureExt, StreamExt};
use lapin::{
    Connection, Consumer,
    message::Delivery,
    options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions},
    types::FieldTable,
};
use lienthong_core::{
    flow::{engine::Engine, intake},
    plan::admit::Incoming,
    port::store::StoreError,
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    Settings,
    link::{self, Broken, Link, LinkSender},
    message,
    supervise::supervise,
    topology::{self, DeliveryLimit},
    version,
};

/// The store may be away this long before the messages go back to the queue.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between two tries of the same batch while the store is away.
const RETRY_EVERY: Duration = Duration::from_millis(250);
/// How often the dead-letter queue is counted.
const COUNT_DEAD_EVERY: Duration = Duration::from_secs(30);
/// How long the broker may take to close a channel.
const CLOSE_WITHIN: Duration = Duration::from_secs(2);
const TAG: &str = "lienthong.intake";

/// Consumes until `stop`, through any number of sessions.
pub async fn run(engine: Arc<Engine>, settings: Settings, link: LinkSender, stop: CancellationToken) {
    supervise("intake", &link, &stop, || session(&engine, &settings, &link, &stop)).await;
}

/// Why consuming on a channel ended without an error.
#[derive(Debug, PartialEq, Eq)]
enum Ended {
    Stopped,
    StoreAway,
}

async fn session(
    engine: &Arc<Engine>,
    settings: &Settings,
    link: &LinkSender,
    stop: &CancellationToken,
) -> Result<(), Broken> {
    let version = version::ask(&settings.url).await?;
    let connection = link::connect(settings, "intake").await?;
    let limit = DeliveryLimit::of(version.as_deref());
    tracing::debug!(version, ?limit, "the broker");
    let warning = topology::declare_intake(&connection, &settings.names, limit).await?;
    if let Some(warning) = &warning {
        tracing::warn!(queue = settings.names.queue, "{warning}");
    }
    loop {
        store_answers(engine, link, stop).await;
        if stop.is_cancelled() {
            break;
        }
        link.send_replace(Link::Up(warning.clone()));
        match consume(engine, settings, &connection, stop).await? {
            Ended::Stopped => break,
            Ended::StoreAway => {}
        }
    }
    link::close(&connection).await;
    Ok(())
}

/// Waits until the store answers (or we are to stop). Without it nothing may be taken from the queue.
async fn store_answers(engine: &Arc<Engine>, link: &LinkSender, stop: &CancellationToken) {
    while !stop.is_cancelled() {
        let Err(error) = engine.store.ping().await else { return };
        tracing::warn!(%error, "the intake waits for the store");
        link.send_replace(Link::Waiting);
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
        }
    }
}

/// Consumes on a channel of its own, and closes it, whatever ended the consumption: that gives everything unacknowledged
/// back in its order. Never cancel before, nor let go of the consumer, which cancels: RabbitMQ would hand what follows in
/// the queue to another replica at once, and only afterwards what we give back.
/// <https://github.com/rabbitmq/rabbitmq-server/issues/10499>
async fn consume(
    engine: &Arc<Engine>,
    settings: &Settings,
    connection: &Connection,
    stop: &CancellationToken,
) -> Result<Ended, Broken> {
    let channel = connection.create_channel().await?;
    // global = false: per consumer; RabbitMQ 4.3 refuses the global kind. 0 would mean unlimited; config refuses it.
    channel.basic_qos(settings.prefetch, BasicQosOptions { global: false }).await?;
    // no_ack = false: we acknowledge after the commit. exclusive = false: other replicas stand by on the same queue.
    // no_local = false: RabbitMQ does not implement it. nowait = false: we want to hear a refusal.
    let options = BasicConsumeOptions { no_local: false, no_ack: false, exclusive: false, nowait: false };
    let consumer = channel
        .basic_consume(settings.names.queue.as_str().into(), TAG.into(), options, FieldTable::default())
        .await?;
    // Dropped nowhere but below: if this is cut off in its middle, the connection's end gives everything back.
    let mut consumer = ManuallyDrop::new(consumer);
    let ended = take_in(engine, settings, connection, &mut consumer, stop).await;
    if tokio::time::timeout(CLOSE_WITHIN, topology::close(&channel)).await.is_err() {
        tracing::debug!("the broker does not answer; the messages go back when it misses us");
    }
    drop(ManuallyDrop::into_inner(consumer));
    ended
}

/// Admits what comes until there is a reason to stop.
async fn take_in(
    engine: &Arc<Engine>,
    settings: &Settings,
    connection: &Connection,
    consumer: &mut Consumer,
    stop: &CancellationToken,
) -> Result<Ended, Broken> {
    let counting = connection.create_channel().await?;
    let mut count = tokio::time::interval(COUNT_DEAD_EVERY);
    let mut batch = Batch::default();
    loop {
        let first = tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(Ended::Stopped),
            _ = count.tick() => {
                let dead = topology::dead_messages(&counting, &settings.names).await?;
                metrics::gauge!("lienthong_dead_letters").set(f64::from(dead));
                continue;
            }
            () = std::future::ready(()), if !batch.deliveries.is_empty() => None,
            next = consumer.next() => match next {
                Some(delivery) => Some(delivery?),
                None => return Err(Broken::Said(format!(
                    "RabbitMQ ended the consumption of {:?}: was the queue deleted?", settings.names.queue
                ))),
            },
        };
        batch.add(engine, first);
        batch.take_queued(engine, consumer, settings.batch)?;
        let full = std::mem::take(&mut batch);
        // While the store works on these, what has come meanwhile is read.
        let ahead = async { batch.take_queued(engine, consumer, settings.batch) };
        let (admitted, ahead) = tokio::join!(admit(engine, full), ahead);
        if admitted? == Admitted::StoreAway {
            return Ok(Ended::StoreAway);
        }
        ahead?;
    }
}

/// Deliveries in their order, with what was read of them.
#[derive(Default)]
struct Batch {
    deliveries: Vec<Delivery>,
    read: Vec<Incoming>,
}

impl Batch {
    fn add(&mut self, engine: &Engine, deliveries: impl IntoIterator<Item = Delivery>) {
        for mut delivery in deliveries {
            let message = message::raw(&delivery.properties, std::mem::take(&mut delivery.data));
            self.read.extend(intake::read(engine, [message]));
            self.deliveries.push(delivery);
        }
    }

    /// Adds what is here already: no lingering, a batch of one is a batch.
    fn take_queued(&mut self, engine: &Engine, consumer: &mut Consumer, most: usize) -> Result<(), Broken> {
        while self.deliveries.len() < most {
            match consumer.next().now_or_never() {
                Some(Some(delivery)) => self.add(engine, [delivery?]),
                Some(None) | None => break,
            }
        }
        Ok(())
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Admitted {
    All,
    StoreAway,
}

/// Admits a batch and acknowledges what was committed: a prefix of it, in order.
async fn admit(engine: &Arc<Engine>, batch: Batch) -> Result<Admitted, Broken> {
    let (deliveries, read): (_, Arc<[Incoming]>) = (batch.deliveries, batch.read.into());
    let began = Instant::now();
    loop {
        match intake::admit_read(engine, Arc::clone(&read)).await {
            Ok(verdicts) => {
                metrics::histogram!("lienthong_intake_batch").record(verdicts.len() as f64);
                acknowledge(&deliveries, verdicts.len()).await?;
                if verdicts.len() >= deliveries.len() {
                    return Ok(Admitted::All);
                }
                // Not to be expected: the rest goes back by closing the channel.
                return Ok(Admitted::StoreAway);
            }
            Err(error) => {
                // Busy rows are tried again at once; for anything else the store needs a moment.
                let is_busy = matches!(error, StoreError::Contended(_));
                let messages = deliveries.len();
                tracing::warn!(%error, messages, "a batch of events could not be stored yet");
                if began.elapsed() > PATIENCE {
                    return Ok(Admitted::StoreAway);
                }
                tokio::time::sleep(if is_busy { RETRY_EVERY / 10 } else { RETRY_EVERY }).await;
            }
        }
    }
}

/// Acknowledges the first `committed` deliveries at once.
async fn acknowledge(batch: &[Delivery], committed: usize) -> Result<(), Broken> {
    let Some(last) = committed.checked_sub(1).and_then(|i| batch.get(i)) else { return Ok(()) };
    // multiple: this tag and all before it on this channel. Those are exactly the committed ones: batches are taken in
    // the order of their tags, one at a time.
    let is_taken = last.acker.ack(BasicAckOptions { multiple: true }).await?;
    if is_taken {
        Ok(())
    } else {
        // The channel has gone: the messages come again and are found to be duplicates.
        Err(Broken::Said("the channel closed before the acknowledgement".into()))
    }
}
