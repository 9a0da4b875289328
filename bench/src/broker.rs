//! RabbitMQ as the one-stop system uses it: queues to fill, confirmed publishing.

use std::{collections::VecDeque, time::Duration};

use lapin::{
    BasicProperties, Channel, Confirmation, Connection, ConnectionProperties,
    options::{
        BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions, QueueBindOptions,
        QueueDeclareOptions, QueueDeleteOptions,
    },
    types::{AMQPValue, FieldTable},
};
use tokio::time::Instant;

use crate::{
    failed::{Failed, at},
    peers,
    traffic::Event,
};

/// So many messages are on their way without a confirmation at most.
const UNCONFIRMED: usize = 500;

/// A connection and a channel with confirmations.
pub struct Broker {
    connection: Connection,
    channel: Channel,
}

impl Broker {
    /// Connects.
    pub async fn connect(url: &str) -> Result<Self, Failed> {
        let connection =
            Connection::connect(url, ConnectionProperties::default()).await.map_err(at("RabbitMQ"))?;
        let channel = connection.create_channel().await.map_err(at("a channel"))?;
        channel.confirm_select(ConfirmSelectOptions::default()).await.map_err(at("confirmations"))?;
        Ok(Self { connection, channel })
    }

    /// A durable quorum queue.
    pub async fn declare_queue(&self, name: &str) -> Result<(), Failed> {
        let mut arguments = FieldTable::default();
        arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
        let queue = QueueDeclareOptions::durable();
        self.channel.queue_declare(name.into(), queue, arguments).await.map_err(at("a queue")).map(drop)
    }

    /// A durable quorum queue that takes everything from a topic exchange of the same name.
    pub async fn declare(&self, name: &str) -> Result<(), Failed> {
        let none = FieldTable::default;
        let exchange = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
        let topic = lapin::ExchangeKind::Topic;
        self.channel
            .exchange_declare(name.into(), topic, exchange, none())
            .await
            .map_err(at("an exchange"))?;
        self.declare_queue(name).await?;
        let all = "#".into();
        let bound =
            self.channel.queue_bind(name.into(), name.into(), all, QueueBindOptions::default(), none());
        bound.await.map_err(at("a binding"))
    }

    /// How many messages wait in a queue.
    pub async fn waiting(&self, queue: &str) -> Result<u32, Failed> {
        let only_ask = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::durable() };
        let asked = self.channel.queue_declare(queue.into(), only_ask, FieldTable::default()).await;
        Ok(asked.map_err(at("a queue's length"))?.message_count())
    }

    /// Publishes, persistent, and waits for every confirmation; at most so many a second, if told.
    pub async fn publish(
        &self,
        exchange: &str,
        events: &[Event],
        per_second: Option<f64>,
    ) -> Result<(), Failed> {
        let began = Instant::now();
        let mut unconfirmed = Unconfirmed(VecDeque::new());
        for (number, event) in events.iter().enumerate() {
            if let Some(rate) = per_second {
                tokio::time::sleep_until(began + Duration::from_secs_f64(number as f64 / rate)).await;
            }
            let properties = BasicProperties::default()
                .with_delivery_mode(2)
                .with_content_type("application/cloudevents+json".into());
            let published = self.channel.basic_publish(
                exchange.into(),
                event.routing_key.as_str().into(),
                BasicPublishOptions::default(),
                event.body.as_bytes(),
                properties,
            );
            unconfirmed.add(published.await.map_err(at("publishing"))?).await?;
        }
        unconfirmed.all().await
    }

    /// Puts tasks for Celery into a queue: the name of the function is in the headers, its arguments are the body.
    pub async fn publish_tasks(&self, queue: &str, events: &[Event]) -> Result<(), Failed> {
        let mut unconfirmed = Unconfirmed(VecDeque::new());
        for event in events {
            let mut headers = FieldTable::default();
            for (name, value) in
                [("lang", "py"), ("task", "dossier.deliver"), ("id", &event.id), ("root_id", &event.id)]
            {
                headers.insert(name.into(), AMQPValue::LongString(value.into()));
            }
            let properties = BasicProperties::default()
                .with_delivery_mode(2)
                .with_content_type("application/json".into())
                .with_content_encoding("utf-8".into())
                .with_correlation_id(event.id.as_str().into())
                .with_headers(headers);
            let (task, options) = (peers::task_of(event), BasicPublishOptions::default());
            let published =
                self.channel.basic_publish("".into(), queue.into(), options, task.as_bytes(), properties);
            unconfirmed.add(published.await.map_err(at("publishing"))?).await?;
        }
        unconfirmed.all().await
    }

    /// Removes a queue, if there is one.
    pub async fn remove(&self, queue: &str) -> Result<(), Failed> {
        let removed = self.channel.queue_delete(queue.into(), QueueDeleteOptions::default()).await;
        removed.map_err(at("removing a queue")).map(drop)
    }

    /// Ends the connection.
    pub async fn close(self) {
        drop(self.connection.close(200, "done".into()).await);
    }
}

/// Messages whose confirmations are on their way.
struct Unconfirmed<C>(VecDeque<C>);

impl<C: Future<Output = lapin::Result<Confirmation>>> Unconfirmed<C> {
    /// One more, when there are not too many.
    async fn add(&mut self, confirmation: C) -> Result<(), Failed> {
        self.0.push_back(confirmation);
        self.down_to(UNCONFIRMED).await
    }

    /// Waits for all of them.
    async fn all(mut self) -> Result<(), Failed> {
        self.down_to(0).await
    }

    async fn down_to(&mut self, most: usize) -> Result<(), Failed> {
        while self.0.len() > most
            && let Some(confirmation) = self.0.pop_front()
        {
            if !confirmation.await.map_err(at("a confirmation"))?.is_ack() {
                return Err(Failed::new("RabbitMQ did not take a message"));
            }
        }
        Ok(())
    }
}
