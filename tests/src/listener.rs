//! A one-stop system that listens: a queue of its own on the exchange of results, read with lapin.

use std::time::Duration;

use futures_util::StreamExt;
use lapin::{
    Channel, Connection, ConnectionProperties, ExchangeKind,
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

    /// Everything that came until `missing` names nothing more.
    pub async fn hear(
        &self,
        within: Duration,
        mut missing: impl FnMut(&[Heard]) -> Vec<String>,
    ) -> Vec<Heard> {
        let (_connection, channel) = self.open().await;
        let options = BasicConsumeOptions::default();
        let consumer =
            channel.basic_consume(self.queue.as_str().into(), "test".into(), options, FieldTable::default());
        let mut consumer = consumer.await.expect("a consumer");
        let mut heard = Vec::new();
        let deadline = tokio::time::Instant::now() + within;
        while !missing(&heard).is_empty() {
            let next = tokio::time::timeout_at(deadline, consumer.next()).await;
            let Ok(next) = next else {
                panic!("{} results were heard within {within:?}; missing: {:?}", heard.len(), missing(&heard))
            };
            let delivery = next.expect("the consumer goes on").expect("a delivery");
            delivery.ack(BasicAckOptions::default()).await.expect("an acknowledgement");
            heard.push(Heard {
                routing_key: delivery.routing_key.to_string(),
                event: serde_json::from_slice(&delivery.data).expect("JSON"),
            });
        }
        heard
    }
}
