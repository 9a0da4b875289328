//! What RabbitMQ may do to messages besides delivering them: give up, give back, be set up by somebody else.

use std::time::Duration;

use futures_util::StreamExt;
use lapin::{
    Channel, Connection, ConnectionProperties,
    options::{BasicConsumeOptions, BasicQosOptions, QueueDeclareOptions, QueueDeleteOptions},
    types::FieldTable,
};
use lienthong_tests::{Allowance, Oracle, Plan, World, eventually, traffic};
use serde_json::json;

async fn channel(url: &str) -> (Connection, Channel) {
    let connection = Connection::connect(url, ConnectionProperties::default()).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    (connection, channel)
}

async fn traffic_of(dossiers: &str) -> (Vec<Vec<u8>>, Oracle) {
    let lines = traffic::lines(&traffic::generate(&["--dossiers", dossiers, "--seed", "31"]).await);
    let oracle = Oracle::of(&lines);
    (lines, oracle)
}

async fn delivered(world: &World, oracle: &Oracle) {
    assert_eq!(oracle.differences(&world.seen().await, Allowance::default()), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_rabbitmq_gave_up_is_counted_and_admitted_in_order_at_a_persons_word() {
    let world = Plan::on_servers().open().await;
    let (lines, oracle) = traffic_of("20").await;
    let file = world.file("dead.jsonl");
    std::fs::write(&file, lines.join(&b'\n')).unwrap();
    let servers = world.servers.clone().unwrap();
    let waits = async || match world.api.try_get("/v1/dead").await {
        Ok(answer) => Ok(answer),
        Err(error) => Err(error),
    };
    eventually("the dead-letter queue is there", world.plan.patience, waits).await;
    let dead = traffic::publisher(&file, &servers.rabbitmq, &world.places.dead_exchange(), &[]);
    traffic::published(dead).await;
    assert_eq!(world.api.get("/v1/dead").await, json!({ "dead": lines.len() }));
    assert_eq!(world.api.standing().await.unwrap().received, 0, "nobody takes them unasked");

    let (status, done) = world.command(&["dead", "admit", "--reason", "RabbitMQ đã đầy"]).await;
    assert!(status.success(), "{done}");
    assert_eq!((&done["admitted"], &done["left"]), (&json!(lines.len()), &json!(0)));
    world.rests(lines.len()).await;
    delivered(&world, &oracle).await;
    assert_eq!(world.api.get("/v1/dead").await, json!({ "dead": 0 }));
    let kept = world.database.as_ref().unwrap();
    assert_eq!(kept.ask("select count(*) from audit where deed like 'dead.admit: RabbitMQ%'").await, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_the_broker_took_back_again_and_again_is_admitted_like_any_other() {
    let mut world = Plan::on_servers().open().await;
    let (lines, oracle) = traffic_of("5").await;
    world.stop().await;
    traffic::published(world.publish("events.jsonl", &lines, &[])).await;
    let servers = world.servers.clone().unwrap();
    // More often than the delivery limit that RabbitMQ 4 would have by default.
    for _ in 0..25 {
        let (connection, channel) = channel(&servers.rabbitmq).await;
        channel.basic_qos(1000, BasicQosOptions::default()).await.unwrap();
        let (queue, none) = (world.places.queue(), FieldTable::default());
        let consumer = channel.basic_consume(
            queue.as_str().into(),
            "taker".into(),
            BasicConsumeOptions::default(),
            none,
        );
        let mut consumer = consumer.await.unwrap();
        for _ in 0..lines.len() {
            consumer.next().await.unwrap().unwrap();
        }
        connection.close(200, "gone without a word".into()).await.unwrap();
    }
    world.start().await;
    world.rests(lines.len()).await;
    delivered(&world, &oracle).await;
    assert_eq!(world.api.get("/v1/dead").await, json!({ "dead": 0 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_would_drop_what_it_gives_up_is_not_consumed_and_the_remedy_is_named() {
    let mut world = Plan::on_servers().open().await;
    world.stop().await;
    let servers = world.servers.clone().unwrap();
    let (connection, channel) = channel(&servers.rabbitmq).await;
    let queue = world.places.queue();
    channel.queue_delete(queue.as_str().into(), QueueDeleteOptions::default()).await.unwrap();
    // Somebody else's: classic, without a dead-letter exchange.
    let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    channel.queue_declare(queue.as_str().into(), durable, FieldTable::default()).await.unwrap();
    world.start().await;
    let refused = async || match world.api.send(reqwest::Method::GET, "/readyz", None).await {
        Ok(answered) if answered.status == 503 && answered.body.contains("exists with other settings") => {
            Ok(())
        }
        other => Err(format!("{other:?}")),
    };
    eventually("the program says what is wrong", Duration::from_mins(1), refused).await;
    channel.queue_delete(queue.as_str().into(), QueueDeleteOptions::default()).await.unwrap();
    let works = async || match world.api.send(reqwest::Method::GET, "/readyz", None).await {
        Ok(answered) if answered.status == 200 => Ok(()),
        other => Err(format!("{other:?}")),
    };
    eventually("it heals by itself", Duration::from_mins(1), works).await;
    connection.close(200, "done".into()).await.unwrap();
}
