//! The story of a restore, told by the real program on any store: backup of a running service, further traffic, death,
//! restore, everything since published again, a decision; then everybody has everything once.

use serde_json::Value;

use crate::{Allowance, Oracle, World, eventually, feed, program, traffic};

/// Plays it.
pub async fn story(mut world: World) {
    let lines = traffic::SIXTY.lines();
    let oracle = Oracle::of(&lines);
    let (first, _) = lines.split_at(lines.len() / 2);
    world.api.publish(first).await;
    world.rests(first.len()).await;
    let backup = world.file("backup").display().to_string();
    let (status, made) = world.command(&["backup", &backup]).await;
    assert!(status.success() && made["manifest"]["epoch"] == 1, "{made}");
    let (status, _) = program_of(&world, &["backup", &backup]).await;
    assert!(!status, "a backup is not written over another one");

    // The second half, and a part of the first once more: what the backup does not know.
    world.api.publish(&lines).await;
    world.rests(first.len() + lines.len()).await;
    let lost = sent(&world);
    let told = feed::whole(&world.api, 500).await.iter().filter_map(number).max().unwrap_or(0);
    let (refused, said) = program_of(&world, &["restore", &backup, "--replace"]).await;
    assert!(!refused, "nobody restores under a running service: {said}");
    world.kill9();
    let (refused, said) = program_of(&world, &["restore", &backup]).await;
    assert!(!refused, "there is a store: {said}");
    let (done, said) = program_of(&world, &["restore", &backup, "--replace"]).await;
    assert!(done && said.contains("\"fenced\":true"), "{said}");

    world.start().await;
    world.api.publish(&lines).await;
    let report = eventually("what can be asked about has been", world.plan.patience, async || {
        let report = world.api.try_get("/v1/restore").await?;
        let standing = world.api.standing().await?;
        // A payment that is open at the platform is asked about again and again: only a repeat brings its link.
        // What events brought under the fence is held first, and asked about by a later round.
        let mut waiting = report["waiting"].as_array().into_iter().flatten();
        let is_asked = waiting.all(|w| w["action"] != "open_payment" || w["operations"] == w["absent"]);
        let rests = report["is_marked"] == true && is_asked && report["asking"] == standing.moving;
        if rests { Ok(report) } else { Err(format!("{report} {standing:?}")) }
    })
    .await;
    assert!(report["fenced"] == true && report["total"].as_i64() > Some(0), "{report}");
    assert_eq!(sent(&world), lost, "nothing goes out before the decision");
    assert_eq!(feed::whole(&world.api, 500).await, Vec::<Value>::new(), "and nothing is told");
    let (_, shown) = world.command(&["restore", "status"]).await;
    // What is asked about again and again waits in between.
    let all =
        |report: &Value| ["total", "asking"].map(|n| report[n].as_i64().unwrap_or(0)).iter().sum::<i64>();
    assert_eq!((all(&shown), &shown["steps"]), (all(&report), &report["steps"]), "{shown}");
    let (_, incidents) = world.command(&["incident", "list"]).await;
    let keys: Vec<&str> =
        incidents.as_array().into_iter().flatten().filter_map(|i| i["key"].as_str()).collect();
    assert_eq!(keys.iter().filter(|key| key.starts_with("restore:")).count(), 1, "{keys:?}");

    let (status, answer) = world.command(&["restore", "release", "--reason", "đã phát lại"]).await;
    assert!(status.success(), "{answer}");
    eventually("nothing waits behind the fence", world.plan.patience, async || {
        let held =
            world.api.try_get(&format!("/v1/operations?open=1&need=restore:{}", report["epoch"])).await?;
        if held["operations"] == Value::Array(Vec::new()) { Ok(()) } else { Err(held.to_string()) }
    })
    .await;
    world.rests(first.len() + lines.len()).await;
    let allowance = Allowance { redelivered: true, ..Allowance::default() };
    assert_eq!(oracle.differences(&world.seen().await, allowance), Vec::<String>::new());
    assert_eq!(world.unfinished().await, Vec::<String>::new());
    let numbers: Vec<i64> = feed::whole(&world.api, 500).await.iter().filter_map(number).collect();
    assert!(numbers.windows(2).all(|w| w[0] < w[1]), "{numbers:?}");
    let new: Vec<&i64> = numbers.iter().filter(|n| **n > told).collect();
    assert!(!new.is_empty() && new.iter().all(|n| **n > told + 900_000), "{told}: {new:?}");
}

/// How much the partners were sent.
fn sent(world: &World) -> (u64, u64, usize, usize) {
    let portal = world.suite.portal.counts();
    let (payments, post) = (world.suite.payments.references().len(), world.suite.post.orders().len());
    (portal.steps, portal.creates + portal.updates, payments, post)
}

fn number(event: &Value) -> Option<i64> {
    event["sequence"].as_str()?.parse().ok()
}

/// A command on this world's configuration: whether it did it, and what it said.
async fn program_of(world: &World, arguments: &[&str]) -> (bool, String) {
    let config = world.config().display().to_string();
    let output = program::run(&[&["--json", "--config", &config], arguments].concat()).await;
    let said =
        [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned()).concat();
    (output.status.success(), said)
}
