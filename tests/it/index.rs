//! The national index on the whole: counted from what the strict portal has acknowledged, beside what is known here.

use lienthong_core::testing::fixtures::{self, events::event};
use lienthong_mocks::{Behaviour, Rule};
use lienthong_tests::{Place, Plan, World, eventually, province::Tuning, traffic};
use serde_json::Value;
use std::{collections::BTreeSet, time::Duration};

const PATIENCE: Duration = Duration::from_mins(2);

/// The index of the year, once it counts so many dossiers here, so many of which wait for the portal.
async fn index(world: &World, received: usize, waiting: usize) -> Value {
    let counted = async || {
        let index = world.api.get("/v1/index?period=2026").await["index"].clone();
        let is_there = index["received_here"] == received && index["waiting"] == waiting;
        if is_there { Ok(index) } else { Err(format!("{}, {}", index["received_here"], index["waiting"])) }
    };
    eventually("all that was received is counted", PATIENCE, counted).await
}

fn share(index: &Value, code: &str) -> (usize, usize) {
    let indicators = index["indicators"].as_array().unwrap();
    let one = indicators.iter().find(|i| i["code"] == code).unwrap();
    let part = |name: &str| usize::try_from(one[name].as_u64().unwrap()).unwrap();
    (part("numerator"), part("denominator"))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_index_counts_what_the_portal_has_acknowledged_and_says_what_the_rest_would_bring() {
    let tuning = Tuning { index_seconds: 1, ..Tuning::default() };
    let world = Plan { tuning, ..Plan::embedded(Place::Inside) }.open().await;
    let lines = traffic::SIXTY.lines();
    let events: Vec<Value> = lines.iter().map(|line| serde_json::from_slice(line).unwrap()).collect();
    // Read from the traffic itself: a dossier counts from when it was received, or handed in.
    let counts = |e: &&Value| {
        let kind = e["type"].as_str().unwrap();
        let begins = ["vn.motcua.dossier.received.v1", "vn.motcua.dossier.submitted.v1"].contains(&kind);
        begins && e["time"].as_str().unwrap().starts_with("2026-")
    };
    let received: BTreeSet<&str> =
        events.iter().filter(counts).map(|e| e["subject"].as_str().unwrap()).collect();
    assert!(received.len() > 30, "the sample is too poor");
    world.api.publish(&lines).await;
    world.rests(lines.len()).await;

    let count = received.len();
    let whole = index(&world, count, 0).await;
    assert_eq!(whole["dossiers"], count, "{whole}");
    assert_eq!(share(&whole, "1.4"), (count, count));
    assert!(whole["computed"]["of"].as_u64().unwrap() <= 76, "never a total of 100");
    let units = whole["units"].as_array().unwrap();
    let of_units: u64 = units.iter().map(|u| u["dossiers"].as_u64().unwrap()).sum();
    assert_eq!(of_units, count as u64, "every dossier belongs to one unit: {units:?}");

    // Received while the portal is away: known here, not acknowledged there.
    world.suite.portal.behave_only(vec![Rule::always(Behaviour::Down)]);
    world.api.publish(&[event("dossier.received", fixtures::nth_code(1).as_str(), 1).bytes()]).await;
    let ahead = index(&world, count + 1, 1).await;
    assert_eq!(share(&ahead, "1.4"), (count, count + 1), "{ahead}");

    world.suite.portal.behave_well();
    let after = index(&world, count + 1, 0).await;
    assert_eq!(share(&after, "1.4"), (count + 1, count + 1), "{after}");
}
