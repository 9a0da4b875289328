//! Events in, national portal, payments and post out, results back.

use lienthong_tests::{Allowance, Oracle, Place, Plan, feed, traffic};
use serde_json::Value;

/// The examples of the event contract, word for word.
const CONTRACT: &str = include_str!("../fixtures/contract.jsonl");

#[tokio::test(flavor = "multi_thread")]
async fn sixty_dossier_lives_reach_every_partner_in_order_and_once() {
    let world = Plan::embedded(Place::Inside).open().await;
    let lines = traffic::SIXTY.lines();
    let oracle = Oracle::of(&lines);

    let verdicts = world.api.publish(&lines).await;
    assert!(verdicts.iter().all(|v| v["verdict"] == "accepted"), "{verdicts:?}");
    world.rests(lines.len()).await;
    assert_eq!(world.unfinished().await, Vec::<String>::new());

    world.citizens_pay(&oracle).await;
    world.told("payment.succeeded", oracle.payable().count()).await;
    world.postmen_deliver(&oracle).await;
    world.rests(lines.len()).await;

    assert_eq!(oracle.differences(&world.seen().await, Allowance::default()), Vec::<String>::new());
    assert_eq!(world.suite.payments.double_openings(), Vec::new());
    assert_eq!(world.unfinished().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_out_has_growing_numbers_and_tells_of_every_payment_once() {
    let world = Plan::embedded(Place::Inside).open().await;
    let lines = traffic::SIXTY.lines();
    let oracle = Oracle::of(&lines);
    world.api.publish(&lines).await;
    world.rests(lines.len()).await;
    world.citizens_pay(&oracle).await;
    world.told("payment.succeeded", oracle.payable().count()).await;
    world.rests(lines.len()).await;

    // Pages of seven: whoever reads by cursor misses nothing and sees nothing twice.
    let events = feed::whole(&world.api, 7).await;
    let numbers: Vec<i64> = events.iter().map(feed::sequence).collect();
    assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
    let mut must: Vec<String> = oracle.payable().map(|(id, ..)| id.clone()).collect();
    must.sort();
    assert!(must.len() > 5, "the sample is too poor");
    assert_eq!(feed::payments(&events, "payment.succeeded"), must);
    for event in &events {
        for attribute in ["specversion", "id", "source", "type", "time", "sequence"] {
            assert!(event[attribute].as_str().is_some_and(|a| !a.is_empty()), "{attribute}: {event}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_examples_of_the_contract_are_taken_as_they_stand() {
    let world = Plan::embedded(Place::Inside).open().await;
    let lines = traffic::lines(CONTRACT.as_bytes());
    let oracle = Oracle::of(&lines);
    assert_eq!((oracle.lines, oracle.admitted, oracle.payable().count(), oracle.parcels()), (3, 3, 1, 1));

    let verdicts = world.api.publish(&lines).await;
    assert!(verdicts.iter().all(|v| v["verdict"] == "accepted"), "{verdicts:?}");
    world.rests(lines.len()).await;
    assert_eq!(oracle.differences(&world.seen().await, Allowance::default()), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_judges_and_stores_nothing() {
    let world = Plan::embedded(Place::Inside).open().await;
    let body = (CONTRACT.lines().next().unwrap_or_default()).as_bytes().to_vec();
    for (body, wanted) in [(body, "acceptable"), (b"{\"specversion\":".to_vec(), "quarantined")] {
        let sent = Some(("application/cloudevents+json", body));
        let answered = world.api.send(reqwest::Method::POST, "/v1/events?dry_run=true", sent).await.unwrap();
        assert_eq!(
            (answered.status, answered.json()["verdicts"][0]["verdict"].as_str()),
            (200, Some(wanted))
        );
    }
    assert_eq!(world.api.get("/v1/ledgers").await["messages"]["received"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_published_twice_has_its_effects_once() {
    let world = Plan::embedded(Place::Inside).open().await;
    let lines = traffic::SIXTY.lines();
    world.api.publish(&lines).await;
    let again = world.api.publish(&lines).await;
    assert!(again.iter().all(|v| v["verdict"] == "duplicate"), "{again:?}");
    world.rests(2 * lines.len()).await;

    let twice: Vec<Vec<u8>> = lines.iter().chain(&lines).cloned().collect();
    let oracle = Oracle::of(&twice);
    assert_eq!((oracle.admitted, oracle.duplicates), (lines.len(), lines.len()));
    assert_eq!(oracle.differences(&world.seen().await, Allowance::default()), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dossiers_timeline_shows_what_went_where() {
    let world = Plan::embedded(Place::Inside).open().await;
    let lines = traffic::lines(CONTRACT.as_bytes());
    world.api.publish(&lines).await;
    world.rests(lines.len()).await;
    let timeline = world.api.get("/v1/dossiers/000.00.08.H99-261123-0001").await;
    let count = |list: &str| timeline[list].as_array().map_or(0, Vec::len);
    assert_eq!((count("events"), count("payments"), count("parcels")), (3, 1, 1), "{timeline:#}");
    let operations = timeline["operations"].as_array().cloned().unwrap_or_default();
    assert!(operations.len() >= 4 && operations.iter().all(|o| o["state"] == "succeeded"), "{timeline:#}");
    assert_ne!(timeline["payments"][0]["references"][0]["pay_url"], Value::Null, "{timeline:#}");
}
