//! Exchanges and queues: declared at the beginning of every session, so that a broker that was set up anew, or restored
//! without its definitions, is mended by reconnecting.

use lapin::{
    Channel, Connection, ErrorKind, ExchangeKind,
    options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions},
    protocol::{AMQPErrorKind, AMQPSoftError},
    types::{AMQPValue, FieldTable},
};

use super::{Names, link::Broken, version::has_unlimited_deliveries};

/// How RabbitMQ limits redeliveries of a message in our queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryLimit {
    /// 4.x: switched off by `x-delivery-limit = -1`; its own default would be 20, and then the message leaves the queue.
    Off,
    /// 3.x has none by default, and takes -1 to mean that the first return is one too many.
    Absent,
}

impl DeliveryLimit {
    /// The right one for a broker of this version. Of an unknown one nothing is asked that it might misunderstand.
    pub fn of(version: Option<&str>) -> Self {
        if has_unlimited_deliveries(version) { Self::Off } else { Self::Absent }
    }
}

/// Declares everything for the intake. The warning, if any, says what a queue of before needs.
pub(super) async fn declare_intake(
    connection: &Connection,
    names: &Names,
    limit: DeliveryLimit,
) -> Result<Option<String>, Broken> {
    let channel = connection.create_channel().await?;
    exchange(&channel, &names.exchange_in).await?;
    exchange(&channel, &names.dead_exchange).await?;
    queue(&channel, &names.dead_queue, quorum()).await?;
    // `#`: dead letters keep their routing key, whatever it was.
    bind(&channel, &names.dead_queue, &names.dead_exchange, "#").await?;
    let warning = intake_queue(connection, names, limit).await?;
    for pattern in &names.bindings {
        bind(&channel, &names.queue, &names.exchange_in, pattern).await?;
    }
    close(&channel).await;
    Ok(warning)
}

/// Declares the exchange that we publish to. Who wants the events binds queues of their own.
pub(super) async fn declare_outlet(channel: &Channel, names: &Names) -> Result<(), Broken> {
    exchange(channel, &names.exchange_out).await
}

/// The intake queue. Each declaration has a channel of its own: RabbitMQ closes a channel at the first refusal.
async fn intake_queue(
    connection: &Connection,
    names: &Names,
    limit: DeliveryLimit,
) -> Result<Option<String>, Broken> {
    let channel = connection.create_channel().await?;
    let Err(refusal) = declare(&channel, &names.queue, intake_arguments(names, limit)).await else {
        close(&channel).await;
        return Ok(None);
    };
    let is_about_limit = precondition(&refusal).is_some_and(|text| text.contains("x-delivery-limit"));
    if limit == DeliveryLimit::Absent || !is_about_limit {
        return Err(refused("queue", &names.queue, refusal));
    }
    // Right but for the limit: made on 3.x, and the broker has been upgraded since. It works; a policy mends it.
    let channel = connection.create_channel().await?;
    let second = declare(&channel, &names.queue, intake_arguments(names, DeliveryLimit::Absent)).await;
    second.map_err(|error| refused("queue", &names.queue, error))?;
    close(&channel).await;
    Ok(Some(format!(
        "the queue {0} was made on RabbitMQ 3 and has a delivery limit of 20 on RabbitMQ 4. Set a policy: rabbitmqctl \
         set_policy lienthong '^{0}$' '{{\"delivery-limit\":-1}}' --apply-to quorum_queues",
        names.queue
    )))
}

/// Why each argument is there.
fn intake_arguments(names: &Names, limit: DeliveryLimit) -> FieldTable {
    let mut arguments = quorum();
    // One replica consumes, the others stand by: order per dossier holds through fail-over.
    // https://www.rabbitmq.com/docs/consumers#single-active-consumer
    arguments.insert("x-single-active-consumer".into(), AMQPValue::Boolean(true));
    // We never reject. What RabbitMQ itself gives up (a limit set by policy, a purge by expiry) must land somewhere.
    arguments.insert("x-dead-letter-exchange".into(), text(&names.dead_exchange));
    // At-least-once dead-lettering, so that a dead letter is not lost between two nodes. It needs reject-publish.
    // https://www.rabbitmq.com/docs/quorum-queues#activating-at-least-once-dead-lettering
    arguments.insert("x-dead-letter-strategy".into(), text("at-least-once"));
    arguments.insert("x-overflow".into(), text("reject-publish"));
    if limit == DeliveryLimit::Off {
        // Every restart of ours returns what was prefetched, and each return counts as a delivery: with a limit, good
        // messages leave the queue after that many restarts.
        // https://www.rabbitmq.com/docs/quorum-queues#poison-message-handling
        arguments.insert("x-delivery-limit".into(), AMQPValue::LongInt(-1));
    }
    arguments
}

/// Replicated and on disk; classic mirrored queues are gone in 4.x.
fn quorum() -> FieldTable {
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), text("quorum"));
    arguments
}

/// How many messages RabbitMQ has given up on.
pub(super) async fn dead_messages(channel: &Channel, names: &Names) -> Result<u32, Broken> {
    // passive: only asks, never creates.
    let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::durable() };
    let queue =
        channel.queue_declare(names.dead_queue.as_str().into(), options, FieldTable::default()).await?;
    Ok(queue.message_count())
}

async fn exchange(channel: &Channel, name: &str) -> Result<(), Broken> {
    // durable: survives a restart of the broker. Not auto-delete: publishers may come before we do. Not internal: clients
    // publish to it.
    let options = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
    let declared =
        channel.exchange_declare(name.into(), ExchangeKind::Topic, options, FieldTable::default()).await;
    declared.map_err(|error| refused("exchange", name, error))
}

async fn queue(channel: &Channel, name: &str, arguments: FieldTable) -> Result<(), Broken> {
    declare(channel, name, arguments).await.map_err(|error| refused("queue", name, error))
}

async fn declare(channel: &Channel, name: &str, arguments: FieldTable) -> Result<(), lapin::Error> {
    // durable is what quorum queues must be; exclusive and auto-delete are what they cannot be.
    channel.queue_declare(name.into(), QueueDeclareOptions::durable(), arguments).await.map(|_| ())
}

async fn bind(channel: &Channel, queue: &str, exchange: &str, pattern: &str) -> Result<(), Broken> {
    let options = QueueBindOptions::default();
    channel
        .queue_bind(queue.into(), exchange.into(), pattern.into(), options, FieldTable::default())
        .await
        .map_err(|error| refused("binding", queue, error))
}

/// Closes a channel politely, rather than by dropping it while the connection closes too.
pub(super) async fn close(channel: &Channel) {
    if let Err(error) = channel.close(200, "OK".into()).await {
        tracing::debug!(%error, "closing a channel");
    }
}

/// A refusal by the broker, with what to do.
fn refused(what: &str, name: &str, error: lapin::Error) -> Broken {
    match soft(&error) {
        Some(AMQPSoftError::PRECONDITIONFAILED) => Broken::Said(format!(
            "the {what} {name:?} exists with other settings ({error}): delete it when it is empty, or give ours another \
             name in [broker]"
        )),
        Some(AMQPSoftError::ACCESSREFUSED) => Broken::Said(format!(
            "the broker's account may not declare the {what} {name:?} ({error}): grant configure, write and read on it"
        )),
        Some(_) | None => Broken::Amqp(error),
    }
}

fn precondition(error: &lapin::Error) -> Option<String> {
    (soft(error) == Some(AMQPSoftError::PRECONDITIONFAILED)).then(|| error.to_string())
}

fn soft(error: &lapin::Error) -> Option<AMQPSoftError> {
    match error.kind() {
        ErrorKind::ProtocolError(error) => match error.kind() {
            AMQPErrorKind::Soft(soft) => Some(soft.clone()),
            AMQPErrorKind::Hard(_) => None,
        },
        _ => None,
    }
}

fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(value.into())
}
