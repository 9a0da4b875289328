//! Events from RabbitMQ by an independent client, through PostgreSQL, to the partners, and results back to RabbitMQ.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use lienthong_tests::{Allowance, Oracle, Plan, feed, listener::Heard, traffic};

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_lives_from_rabbitmq_reach_every_partner_and_results_come_back() {
    let world = Plan::on_servers().open().await;
    let lines = traffic::lines(&traffic::generate(&["--dossiers", "100", "--seed", "21"]).await);
    let oracle = Oracle::of(&lines);

    // Both modes of CloudEvents, mixed.
    let counts = traffic::published(world.publish("events.jsonl", &lines, &["--binary", "0.3"])).await;
    assert!(counts["binary"].as_u64() > Some(100) && counts["structured"].as_u64() > Some(100), "{counts}");
    world.rests(lines.len()).await;
    world.citizens_pay(&oracle).await;
    world.told("payment.succeeded", oracle.payable().count()).await;
    world.postmen_deliver(&oracle).await;
    world.rests(lines.len()).await;

    assert_eq!(oracle.differences(&world.seen().await, Allowance::default()), Vec::<String>::new());
    assert_eq!(world.suite.payments.double_openings(), Vec::new());
    assert_eq!(world.unfinished().await, Vec::<String>::new());

    // What RabbitMQ brought is what the feed shows, in order per dossier, under a key that begins with the unit.
    let told = feed::whole(&world.api, 500).await;
    let ids = |events: &mut dyn Iterator<Item = &Value>| -> BTreeSet<String> {
        events.filter_map(|e| e["id"].as_str().map(str::to_owned)).collect()
    };
    let must = ids(&mut told.iter());
    let missing =
        |heard: &[Heard]| must.difference(&ids(&mut heard.iter().map(|h| &h.event))).cloned().collect();
    let heard = world.listener.as_ref().unwrap().hear(world.plan.patience, missing).await;
    assert_eq!(ids(&mut heard.iter().map(|h| &h.event)), must);
    assert!(
        heard
            .iter()
            .any(|h| h.routing_key.starts_with("000.00.") && h.routing_key.ends_with("payment.succeeded"))
    );
    grows_per_dossier(&heard);
}

fn grows_per_dossier(heard: &[Heard]) {
    let mut last: BTreeMap<&str, i64> = BTreeMap::new();
    for Heard { event, .. } in heard {
        let subject = event["subject"].as_str().unwrap_or_default();
        let sequence = feed::sequence(event);
        assert!(
            last.insert(subject, sequence).is_none_or(|before| before < sequence),
            "{subject}: {sequence}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_messages_are_acknowledged_and_kept_and_block_nothing() {
    let world = Plan::on_servers().open().await;
    let lines = traffic::MESS.lines();
    let oracle = Oracle::of(&lines);
    let counts = traffic::published(world.publish("events.jsonl", &lines, &["--binary", "0.2"])).await;
    assert!(counts["raw"].as_u64() > Some(0), "{counts}");
    let standing = world.rests(lines.len()).await;
    assert_eq!(standing.stuck, 0);
    assert_eq!(oracle.differences(&world.seen().await, Allowance::default()), Vec::<String>::new());
    let kept =
        world.database.as_ref().unwrap().ask("select count(*) from quarantine where length(raw) > 0").await;
    assert_eq!(kept, oracle.broken.len().to_string());
}
