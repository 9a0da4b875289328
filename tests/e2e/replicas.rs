//! Two processes of the program on one PostgreSQL and one RabbitMQ: one is killed, later the other is asked to stop, and
//! nobody outside can tell.

use std::collections::BTreeSet;

use lienthong_mocks::{Behaviour, Rule};
use lienthong_tests::{
    Allowance, Oracle, Plan, World,
    api::Api,
    eventually, feed,
    feed::Reader,
    listener::{Heard, taken},
    province::Tuning,
    traffic,
};

/// Waits until so many messages were taken in and so many steps have reached the portal; meanwhile somebody reads the
/// feed of this replica.
async fn reach(world: &World, received: usize, steps: usize, reader: &mut Reader, from: &Api) {
    eventually("the next part is under way", world.plan.patience, async || {
        reader.read_on(from).await;
        let taken = from.standing().await?.received;
        match world.suite.portal.counts().steps {
            there if there >= steps as u64 && taken >= received as i64 => Ok(()),
            there => Err(format!("{taken} of {received} messages, {there} of {steps} steps")),
        }
    })
    .await;
}

/// How many events this process has admitted since it started: RabbitMQ gives them to one replica at a time.
async fn admitted_by(replica: &Api) -> u64 {
    replica.counted("lienthong_events_total", "verdict=\"admitted\"").await
}

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_one_killed_and_one_stopped_keep_order_and_counts() {
    let mut world = Plan::on_servers().open().await;
    let lines = traffic::lines(&traffic::generate(&["--dossiers", "250", "--seed", "25"]).await);
    let oracle = Oracle::of(&lines);
    // Whoever is left has to take in the parts that are published after the other one went.
    let parts: Vec<&[Vec<u8>]> = lines.chunks(lines.len().div_ceil(4)).collect();
    let until = |part: usize| parts[..part].iter().map(|p| p.len()).sum::<usize>();
    let steps_until = |part: usize| Oracle::of(&lines[..until(part)]).steps();
    let mut reader = Reader::default();
    // Slow enough that calls are under way whenever one dies.
    world.suite.portal.behave(Rule::always(Behaviour::Stall { millis: 30 }));

    // The one that came first has the queue; the second stands by there, and has its share of the lanes.
    traffic::published(world.publish("first.jsonl", parts[0], &[])).await;
    reach(&world, until(1), steps_until(1) / 4, &mut reader, &world.api).await;
    let (second, other) = world.replica().await;
    reach(&world, until(1), steps_until(1) / 2, &mut reader, &other).await;
    let publisher = world.publish("second.jsonl", parts[1], &[]);
    reach(&world, until(1) + parts[1].len() / 4, steps_until(1) / 2, &mut reader, &other).await;
    assert_eq!(admitted_by(&other).await, 0, "the standby took messages in");
    world.kill9();
    traffic::published(publisher).await;
    traffic::published(world.publish("third.jsonl", parts[2], &[])).await;
    reach(&world, until(3), steps_until(2), &mut reader, &other).await;
    assert!(admitted_by(&other).await >= parts[2].len() as u64);

    world.start().await;
    assert!(second.stop().await.success());
    traffic::published(world.publish("fourth.jsonl", parts[3], &[])).await;
    reach(&world, until(4), steps_until(3), &mut reader, &world.api).await;
    assert!(admitted_by(&world.api).await >= parts[3].len() as u64);

    world.rests(lines.len()).await;
    world.citizens_pay(&oracle).await;
    world.told("payment.succeeded", oracle.payable().count()).await;
    world.postmen_deliver(&oracle).await;
    world.rests(lines.len()).await;

    let allowance = Allowance { adjacent_identical_steps: world.plan.tuning.permits, redelivered: true };
    assert_eq!(oracle.differences(&world.seen().await, allowance), Vec::<String>::new());
    assert_eq!(world.suite.payments.double_openings(), Vec::new());
    assert_eq!(world.unfinished().await, Vec::<String>::new());

    // Who read along while two processes wrote saw every out-event, in order: nothing appeared behind the cursor.
    reader.read_on(&world.api).await;
    let numbers: Vec<i64> = reader.events.iter().map(feed::sequence).collect();
    assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
    let stored = world.database.as_ref().unwrap().ask("select count(*) from outbox").await;
    assert_eq!(numbers.len().to_string(), stored);
    let paid = feed::payments(&reader.events, "payment.succeeded");
    assert_eq!(paid.len(), oracle.payable().count());
    assert_eq!(paid.iter().collect::<BTreeSet<_>>().len(), paid.len());

    // The relay changed hands: what RabbitMQ brought twice is recognised by its number, and nothing is missing.
    let missing = |heard: &[Heard]| {
        let heard: BTreeSet<i64> = heard.iter().map(|h| feed::sequence(&h.event)).collect();
        numbers.iter().filter(|n| !heard.contains(n)).map(ToString::to_string).collect()
    };
    let heard = world.listener.as_ref().unwrap().hear(world.plan.patience, missing).await;
    assert_eq!(taken(&heard), numbers.iter().copied().collect());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_replica_gives_back_when_it_stops_comes_to_the_next_before_what_follows() {
    let tuning = Tuning { prefetch: 40, ..Tuning::default() };
    let mut world = Plan { tuning, ..Plan::on_servers() }.open().await;
    let lines = traffic::lines(&traffic::generate(&["--dossiers", "40", "--seed", "26"]).await);
    let oracle = Oracle::of(&lines);
    let (first, rest) = lines.split_at(lines.len() / 4);
    // The replica gets the queue, and the other one stands by.
    let (replica, its) = world.replica().await;
    world.stop().await;
    traffic::published(world.publish("first.jsonl", first, &[])).await;
    eventually("the replica has the queue", world.plan.patience, async || match admitted_by(&its).await {
        taken if taken == first.len() as u64 => Ok(()),
        taken => Err(taken),
    })
    .await;
    world.start().await;
    // While it stands still RabbitMQ hands it what it may have; it stops with most of that in hand.
    replica.freeze().await;
    traffic::published(world.publish("rest.jsonl", rest, &[])).await;
    assert!(replica.stop().await.success());

    world.rests(lines.len()).await;
    assert!(admitted_by(&world.api).await as usize >= rest.len() - 40, "the replica took more than it may");
    let late = world.database.as_ref().unwrap().ask("select count(*) from events where late").await;
    assert_eq!(late, "0", "events came to us in another order than they were published in");
    assert_eq!(oracle.steps(), world.suite.portal.counts().steps as usize);
    assert_eq!(oracle.differences(&world.seen().await, Allowance::default()), Vec::<String>::new());
}
