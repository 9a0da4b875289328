//! The broker, the database and the partners going away in the middle; nothing is restarted by hand afterwards.

use std::time::Duration;

use lienthong_mocks::{Behaviour, Rule};
use lienthong_tests::{Allowance, Oracle, Plan, World, eventually, traffic};

/// A world to oneself, with traffic under way.
async fn under_way() -> (World, Oracle, std::process::Child, usize) {
    let world = Plan { alone: true, ..Plan::on_servers() }.open().await;
    let lines = traffic::lines(&traffic::generate(&["--dossiers", "80", "--seed", "23"]).await);
    let oracle = Oracle::of(&lines);
    world.suite.portal.behave(Rule::always(Behaviour::Stall { millis: 20 }));
    let publisher = world.publish("events.jsonl", &lines, &["--rate", "60"]);
    let enough = (oracle.steps() / 8) as u64;
    let moved =
        async || if world.suite.portal.counts().steps >= enough { Ok(()) } else { Err("not enough steps") };
    eventually("traffic is under way", world.plan.patience, moved).await;
    (world, oracle, publisher, lines.len())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_restarts_is_found_again_and_nothing_is_lost() {
    let (world, oracle, publisher, lines) = under_way().await;
    let servers = world.servers.clone().unwrap();
    servers.control("rabbitmq", "restart").await;
    let counts = traffic::published(publisher).await;
    assert!(counts["reconnects"].as_u64() > Some(0), "the publisher did not notice: {counts}");
    world.rests(lines).await;
    let allowance = Allowance { redelivered: true, ..Allowance::default() };
    assert_eq!(oracle.differences(&world.seen().await, allowance), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_crashes_is_found_again_and_nothing_is_lost_or_doubled() {
    let (world, oracle, publisher, lines) = under_way().await;
    let servers = world.servers.clone().unwrap();
    servers.control("postgres", "crash").await;
    let unready = async || match world.api.send(reqwest::Method::GET, "/readyz", None).await {
        Ok(answered) if answered.status == 503 => Ok(()),
        other => Err(other.map(|a| a.status)),
    };
    eventually("the program says that it is not ready", Duration::from_mins(1), unready).await;
    servers.control("postgres", "start").await;
    traffic::published(publisher).await;
    world.rests(lines).await;
    // An outcome that could not be stored before its lease ran out is a doubt, as after a kill.
    let allowance = Allowance { adjacent_identical_steps: world.plan.tuning.permits, redelivered: true };
    assert_eq!(oracle.differences(&world.seen().await, allowance), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_different_partner_outages_keep_order_and_counts() {
    let world = Plan::on_servers().open().await;
    let lines = traffic::lines(&traffic::generate(&["--dossiers", "80", "--seed", "24"]).await);
    let oracle = Oracle::of(&lines);
    let publisher = world.publish("events.jsonl", &lines, &[]);
    // The portal answers with a proxy's page; the payment platform closes every connection.
    let page = Behaviour::HttpError { status: 503, html: "<html>Bảo trì</html>".into() };
    world.suite.portal.behave(Rule::always(page).skip(40));
    world.suite.payments.behave(Rule::always(Behaviour::DropBeforeEffect).skip(5));
    let paused = async || {
        let standing = world.api.standing().await?;
        if standing.paused.iter().any(|p| p == "dvcqg") { Ok(()) } else { Err(format!("{standing:?}")) }
    };
    eventually("the portal's connector pauses", world.plan.patience, paused).await;
    traffic::published(publisher).await;
    world.suite.portal.behave_well();
    world.suite.payments.behave_well();
    world.rests(lines.len()).await;
    assert_eq!(oracle.differences(&world.seen().await, Allowance::default()), Vec::<String>::new());
    assert_eq!(world.suite.payments.double_openings(), Vec::new());
    assert_eq!(world.unfinished().await, Vec::<String>::new());
}
