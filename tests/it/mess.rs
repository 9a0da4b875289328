//! What broken and careless one-stop systems send.

use lienthong_tests::{Allowance, Oracle, Place, Plan, feed, traffic};
use serde_json::Value;

#[tokio::test(flavor = "multi_thread")]
async fn mess_goes_to_quarantine_with_a_reason_and_everything_good_is_delivered() {
    let world = Plan::embedded(Place::Inside).open().await;
    let lines = traffic::MESS.lines();
    let oracle = Oracle::of(&lines);
    assert!(oracle.broken.len() > 20, "the sample is too clean");

    let verdicts = world.api.publish(&lines).await;
    world.rests(lines.len()).await;
    assert_eq!(oracle.differences(&world.seen().await, Allowance::default()), Vec::<String>::new());

    // Line by line: what we say is broken was refused, at once and with words.
    let refused = verdicts.iter().enumerate().filter(|(_, v)| v["verdict"] == "quarantined");
    let refused: Vec<usize> = refused.map(|(at, _)| at + 1).collect();
    let must: Vec<usize> = oracle.broken.iter().map(|b| b.line).collect();
    assert_eq!(refused, must);
    for verdict in verdicts.iter().filter(|v| v["verdict"] == "quarantined") {
        for field in ["reason", "expected", "message_vi"] {
            assert!(verdict[field].as_str().is_some_and(|text| !text.is_empty()), "{field}: {verdict}");
        }
    }

    // Every one of them can be looked at, with why, who and what next.
    let shown = world.api.get("/v1/quarantine?limit=500").await;
    let shown = shown["quarantine"].as_array().cloned().unwrap_or_default();
    assert_eq!(shown.len(), must.len());
    for entry in &shown {
        for part in ["why", "who", "next"] {
            assert!(
                entry["advice"]["vi"][part].as_str().is_some_and(|text| !text.is_empty()),
                "{part}: {entry}"
            );
        }
    }

    // And its source was told.
    let events = feed::whole(&world.api, 500).await;
    let told = events.iter().filter(|e| ["event.quarantined", "event.conflict"].contains(&feed::name(e)));
    assert_eq!(told.count(), must.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dossier_that_was_never_told_whole_waits_for_it_and_then_goes_in_order() {
    let world = Plan::embedded(Place::Inside).open().await;
    // A dossier that begins with its whole state; that first event comes last, as after a lost message.
    let lines = traffic::SIXTY.lines();
    let event = |line: &Vec<u8>| serde_json::from_slice::<Value>(line).unwrap();
    let first = lines
        .iter()
        .map(event)
        .find(|e| e["type"] == "vn.motcua.dossier.received.v1" && e["sequence"] == "1");
    let subject = first.unwrap()["subject"].clone();
    let mut life: Vec<Vec<u8>> = lines.iter().filter(|l| event(l)["subject"] == subject).cloned().collect();
    let whole = life.remove(0);

    world.api.publish(&life).await;
    let standing = world.rests(life.len()).await;
    assert!(standing.held > 0 && standing.stuck == 0, "{standing:?}");
    assert_eq!(world.suite.portal.dossiers().len(), 0);
    let events = feed::whole(&world.api, 100).await;
    let asked: Vec<&Value> =
        events.iter().filter(|e| feed::name(e) == "dossier.snapshot_requested").collect();
    assert!(asked.len() == 1 && asked[0]["subject"] == subject, "{asked:?}");

    // The source repeats the whole state, as it was asked: a new event of today.
    let mut again = event(&whole);
    let sequence = life.len() + 2;
    again["id"] = format!("{}-{sequence}", subject.as_str().unwrap()).into();
    again["sequence"] = sequence.to_string().into();
    again["type"] = "vn.motcua.dossier.corrected.v1".into();
    again["data"] = serde_json::json!({ "snapshot": "full", "dossier": again["data"]["dossier"] });
    life.push(serde_json::to_vec(&again).unwrap());
    world.api.publish(&life[life.len() - 1..]).await;
    world.rests(life.len()).await;
    let oracle = Oracle::of(&life);
    assert_eq!(oracle.differences(&world.seen().await, Allowance::default()), Vec::<String>::new());
}
