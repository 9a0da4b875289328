//! `kill -9` in the middle: the same end state, everything paid and delivered, and steps that were in flight at most twice.

use std::collections::BTreeSet;

use lienthong_mocks::{Behaviour, Rule};
use lienthong_tests::{Allowance, Oracle, Plan, eventually, feed, traffic};

const KILLS: usize = 4;

#[tokio::test(flavor = "multi_thread")]
async fn a_program_killed_again_and_again_ends_in_the_same_state() {
    let mut world = Plan::on_servers().open().await;
    let lines = traffic::lines(&traffic::generate(&["--dossiers", "100", "--seed", "22"]).await);
    let oracle = Oracle::of(&lines);
    // Slow enough that calls are under way whenever it dies.
    world.suite.portal.behave(Rule::always(Behaviour::Stall { millis: 30 }));
    let publisher = world.publish("events.jsonl", &lines, &[]);
    for kill in 1..=KILLS {
        let enough = (oracle.steps() * kill / (KILLS + 2)) as u64;
        let moved = async || match world.suite.portal.counts().steps {
            steps if steps >= enough => Ok(()),
            steps => Err(format!("{steps} of {enough} steps")),
        };
        eventually("the next part is under way", world.plan.patience, moved).await;
        world.kill9();
        world.start().await;
    }
    traffic::published(publisher).await;
    world.rests(lines.len()).await;
    world.citizens_pay(&oracle).await;
    world.told("payment.succeeded", oracle.payable().count()).await;
    let events = world.postmen_deliver(&oracle).await;
    world.rests(lines.len()).await;

    let seen = world.seen().await;
    let allowance =
        Allowance { adjacent_identical_steps: KILLS * world.plan.tuning.permits, redelivered: true };
    assert_eq!(oracle.differences(&seen, allowance), Vec::<String>::new());
    assert_eq!(world.suite.payments.double_openings(), Vec::new());
    assert_eq!(world.unfinished().await, Vec::<String>::new());
    assert_eq!(feed::payments(&events, "payment.succeeded").len(), oracle.payable().count());
    let delivered = feed::parcels(&events, "post.delivered");
    assert_eq!(
        (delivered.len(), delivered.iter().collect::<BTreeSet<_>>().len()),
        (oracle.parcels(), oracle.parcels())
    );
}
