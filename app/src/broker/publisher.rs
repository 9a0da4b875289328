//! The publisher: out-events in order, persistent, mandatory, confirmed. What counts as published is only the contiguous
//! run from the first row that RabbitMQ confirmed without returning it.

use std::time::Duration;

use async_trait::async_trait;
use lapin::{
    BasicProperties, Channel, Confirmation, Connection, PublisherConfirm,
    options::{BasicPublishOptions, ConfirmSelectOptions},
    types::{AMQPValue, FieldTable, ShortString},
};
use lienthong_core::port::{
    publisher::{PublishError, Publisher},
    store::OutboxRow,
};
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::{
    Settings,
    link::{self, Broken, Link, LinkSender},
    supervise::supervise,
    topology,
};
use crate::out_event;

/// How long a caller waits for a session that is just connecting.
const HAND_OVER_WITHIN: Duration = Duration::from_secs(2);

type Answer = Result<usize, PublishError>;

struct Order {
    rows: Vec<OutboxRow>,
    answer: oneshot::Sender<Answer>,
}

/// What the relay holds. The connection belongs to the task that [`run`] is.
pub struct RabbitPublisher {
    orders: mpsc::Sender<Order>,
}

/// The other end, for [`run`].
pub struct Orders(mpsc::Receiver<Order>);

impl RabbitPublisher {
    /// A publisher and the orders that its task serves. One order at a time: the relay keeps the order of events.
    pub fn new() -> (Self, Orders) {
        let (orders, receiver) = mpsc::channel(1);
        (Self { orders }, Orders(receiver))
    }
}

#[async_trait]
impl Publisher for RabbitPublisher {
    async fn publish(&self, rows: &[OutboxRow]) -> Answer {
        if rows.is_empty() {
            return Ok(0);
        }
        let away = |why: &str| PublishError::Unavailable(why.to_owned());
        let (answer, reply) = oneshot::channel();
        let order = Order { rows: rows.to_vec(), answer };
        match timeout(HAND_OVER_WITHIN, self.orders.send(order)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return Err(away("the publisher has stopped")),
            Err(_) => return Err(away("not connected")),
        }
        reply.await.unwrap_or_else(|_| Err(away("the connection broke")))
    }
}

/// Serves orders until `stop`, through any number of sessions.
pub async fn run(orders: Orders, settings: Settings, link: LinkSender, stop: CancellationToken) {
    let orders = tokio::sync::Mutex::new(orders.0);
    supervise("publisher", &link, &stop, || async {
        let mut orders = orders.lock().await;
        session(&mut orders, &settings, &link, &stop).await
    })
    .await;
}

async fn session(
    orders: &mut mpsc::Receiver<Order>,
    settings: &Settings,
    link: &LinkSender,
    stop: &CancellationToken,
) -> Result<(), Broken> {
    let connection = link::connect(settings, "publisher").await?;
    let channel = connection.create_channel().await?;
    topology::declare_outlet(&channel, &settings.names).await?;
    // nowait = false: from the answer on every publish is confirmed.
    channel.confirm_select(ConfirmSelectOptions { nowait: false }).await?;
    link.send_replace(Link::Up(None));
    let mut health = tokio::time::interval(Duration::from_secs(5));
    loop {
        let order = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            order = orders.recv() => match order {
                Some(order) => order,
                None => break,
            },
            // Without traffic nobody else would notice that the connection has gone.
            _ = health.tick() => {
                if !connection.status().connected() || !channel.status().connected() {
                    return Err(Broken::Said("the connection was closed".into()));
                }
                continue;
            }
        };
        serve(&connection, &channel, settings, order).await?;
    }
    link::close(&connection).await;
    Ok(())
}

/// Publishes one order and answers it; an error after the answer ends the session.
async fn serve(
    connection: &Connection,
    channel: &Channel,
    settings: &Settings,
    order: Order,
) -> Result<(), Broken> {
    if connection.status().blocked() {
        // Memory or disk alarm: RabbitMQ reads nothing more from us. Nothing is sent, so nothing is in doubt.
        answer(
            order.answer,
            Err(PublishError::Unavailable("RabbitMQ has blocked publishers (alarm)".into())),
        );
        return Ok(());
    }
    let published = timeout(settings.confirm_timeout, publish(channel, settings, &order.rows)).await;
    let (result, broken) = published.unwrap_or_else(|_| {
        // Some may have been confirmed, but nobody knows which: all are repeated, with the same ids and sequences.
        let within = settings.confirm_timeout;
        let said = format!("no confirmation within {within:?}");
        (Err(PublishError::Unavailable(said)), Some(Broken::Silent(within, "publisher confirms")))
    });
    answer(order.answer, result);
    broken.map_or(Ok(()), Err)
}

fn answer(to: oneshot::Sender<Answer>, result: Answer) {
    if to.send(result).is_err() {
        tracing::debug!("the relay did not wait for the confirmation");
    }
}

/// Sends all rows, then awaits the confirmations in order.
async fn publish(channel: &Channel, settings: &Settings, rows: &[OutboxRow]) -> (Answer, Option<Broken>) {
    let mut confirms: Vec<PublisherConfirm> = Vec::with_capacity(rows.len());
    let mut broken = None;
    for row in rows {
        match send(channel, settings, row).await {
            Ok(confirm) => confirms.push(confirm),
            Err(error) => {
                broken = Some(Broken::from(error));
                break;
            }
        }
    }
    let mut run = Run::default();
    for (confirm, row) in confirms.into_iter().zip(rows) {
        match confirm.await {
            Ok(confirmation) => run.take(&confirmation, row, settings),
            Err(error) => {
                run.stop(PublishError::Unavailable(error.to_string()));
                broken.get_or_insert_with(|| Broken::from(error));
            }
        }
    }
    if let Some(broken) = &broken {
        run.stop(PublishError::Unavailable(broken.to_string()));
    }
    (run.answer(), broken)
}

/// The contiguous run of published rows, and what ended it.
#[derive(Debug, Default)]
pub(super) struct Run {
    published: usize,
    ended_by: Option<PublishError>,
}

impl Run {
    /// The next confirmation, in the rows' order.
    pub(super) fn take(&mut self, confirmation: &Confirmation, row: &OutboxRow, settings: &Settings) {
        match confirmation {
            Confirmation::Ack(None) if self.ended_by.is_none() => self.published += 1,
            Confirmation::Ack(None) => {}
            // Unroutable messages are returned and *acknowledged*: the return is what counts.
            Confirmation::Ack(Some(_)) => self.stop(PublishError::Unroutable {
                routing_key: out_event::routing_key(row),
                exchange: settings.names.exchange_out.clone(),
            }),
            Confirmation::Nack(_) => {
                self.stop(PublishError::Unavailable("RabbitMQ refused to store it".into()));
            }
            Confirmation::NotRequested => {
                self.stop(PublishError::Unavailable("confirmations are not switched on".into()));
            }
        }
    }

    fn stop(&mut self, why: PublishError) {
        self.ended_by.get_or_insert(why);
    }

    pub(super) fn answer(self) -> Answer {
        match self.ended_by {
            Some(why) if self.published == 0 => Err(why),
            Some(_) | None => Ok(self.published),
        }
    }
}

async fn send(
    channel: &Channel,
    settings: &Settings,
    row: &OutboxRow,
) -> Result<PublisherConfirm, lapin::Error> {
    // mandatory: a message that no queue takes comes back; without it RabbitMQ would drop and still confirm it.
    // immediate = false: RabbitMQ does not implement it and closes the connection.
    let options = BasicPublishOptions { mandatory: true, immediate: false };
    let body = out_event::structured(row, &settings.installation).to_string();
    channel
        .basic_publish(
            settings.names.exchange_out.as_str().into(),
            short(&out_event::routing_key(row)),
            options,
            body.as_bytes(),
            properties(row),
        )
        .await
}

/// The properties of an out-event.
pub(super) fn properties(row: &OutboxRow) -> BasicProperties {
    let mut headers = FieldTable::default();
    // Consumers may split by it with the consistent-hash exchange and keep the order of each dossier.
    headers.insert("dossier".into(), AMQPValue::LongString(row.subject.as_str().into()));
    BasicProperties::default()
        .with_content_type(out_event::CONTENT_TYPE.into())
        // 2 = persistent: written to disk before it is confirmed.
        .with_delivery_mode(2)
        .with_message_id(short(&row.id))
        .with_headers(headers)
}

/// AMQP's short strings hold 255 bytes; ours are far below, but a long one must not end the process.
fn short(text: &str) -> ShortString {
    let end = (0..=text.len().min(255)).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
    ShortString::try_new(&text[..end]).unwrap_or_default()
}
