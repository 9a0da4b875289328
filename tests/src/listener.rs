//! A one-stop system that listens: a queue of its own on the exchange of results, read with lapin.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use futures_util::StreamExt;
use lapin::{
    Channel, Connection, ConnectionProperties, Consumer, ExchangeKind,
    message::Delivery,
    options::{
        BasicAckOptions, BasicConsumeOptions, ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions,
    },
    types::FieldTable,
};
use serde_json::Value;

/// A durable queue that was bound before anything happened.
pub struct Listener {
    url: String,
    queue: String,
}

/// What came, with its routing key.
#[derive(Debug, Clone)]
pub struct Heard {
    pub routing_key: String,
    pub event: Value,
}

/// The numbers that a listener takes who drops what is not above the last one of its subject, as docs/events.md says.
pub fn taken(heard: &[Heard]) -> BTreeSet<i64> {
    let mut last: BTreeMap<&str, i64> = BTreeMap::new();
    let mut taken = BTreeSet::new();
    for Heard { event, .. } in heard {
        let (subject, number) = (event["subject"].as_str().unwrap_or_default(), crate::feed::sequence(event));
        if last.get(subject).is_none_or(|before| *before < number) {
            last.insert(subject, number);
            taken.insert(number);
        }
    }
    taken
}

impl Listener {
    pub async fn bind(url: &str, exchange: &str) -> Self {
        let listener = Self { url: url.to_owned(), queue: format!("listens.{exchange}") };
        let (_connection, channel) = listener.open().await;
        let durable = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
        let (name, arguments) = (listener.queue.as_str(), FieldTable::default);
        let made = channel.exchange_declare(exchange.into(), ExchangeKind::Topic, durable, arguments()).await;
        made.expect("the exchange");
        let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
        channel.queue_declare(name.into(), options, arguments()).await.expect("the queue");
        let bound = channel.queue_bind(
            name.into(),
            exchange.into(),
            "#".into(),
            QueueBindOptions::default(),
            arguments(),
        );
        bound.await.expect("the binding");
        listener
    }

    async fn open(&self) -> (Connection, Channel) {
        let connection =
            Connection::connect(&self.url, ConnectionProperties::default()).await.expect("RabbitMQ");
        let channel = connection.create_channel().await.expect("a channel");
        (connection, channel)
    }

    /// Everything that came until all these numbers have, or nothing more came for `silence`.
    pub async fn hear_numbers(&self, silence: Duration, wanted: &BTreeSet<i64>) -> Vec<Heard> {
        let (_connection, mut consumer) = self.consume().await;
        let (mut heard, mut missing) = (Vec::new(), wanted.clone());
        while !missing.is_empty() {
            let Ok(next) = tokio::time::timeout(silence, consumer.next()).await else { break };
            let came = take(next.expect("the consumer goes on").expect("a delivery")).await;
            missing.remove(&crate::feed::sequence(&came.event));
            heard.push(came);
        }
        heard
    }

    async fn consume(&self) -> (Connection, Consumer) {
        let (connection, channel) = self.open().await;
        let options = BasicConsumeOptions::default();
        let consumer =
            channel.basic_consume(self.queue.as_str().into(), "test".into(), options, FieldTable::default());
        (connection, consumer.await.expect("a consumer"))
    }

    /// Everything that came until `missing` names nothing more.
    pub async fn hear(
        &self,
        within: Duration,
        mut missing: impl FnMut(&[Heard]) -> Vec<String>,
    ) -> Vec<Heard> {
        let (_connection, mut consumer) = self.consume().await;
        let mut heard = Vec::new();
        let deadline = tokio::time::Instant::now() + within;
        while !missing(&heard).is_empty() {
            let next = tokio::time::timeout_at(deadline, consumer.next()).await;
            let Ok(next) = next else {
                panic!("{} results were heard within {within:?}; missing: {:?}", heard.len(), missing(&heard))
            };
            heard.push(take(next.expect("the consumer goes on").expect("a delivery")).await);
        }
        heard
    }
}

async fn take(delivery: Delivery) -> Heard {
    delivery.ack(BasicAckOptions::default()).await.expect("an acknowledgement");
    Heard {
        routing_key: delivery.routing_key.to_string(),
        event: serde_json::from_slice(&delivery.data).expect("JSON"),
    }
}
