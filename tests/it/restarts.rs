//! Stopping and dying in the middle.

use lienthong_tests::{Allowance, Oracle, Place, Plan, eventually, traffic};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_in_the_middle_gives_work_back_and_the_next_run_finishes_it() {
    let mut world = Plan::embedded(Place::Inside).open().await;
    let lines = traffic::SIXTY.lines();
    let (first, second) = lines.split_at(lines.len() / 2);
    world.api.publish(first).await;
    world.stop().await;
    world.start().await;
    world.api.publish(second).await;
    world.rests(lines.len()).await;
    let oracle = Oracle::of(&lines);
    assert_eq!(oracle.differences(&world.seen().await, Allowance::default()), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_killed_thrice_in_the_middle_ends_in_the_same_state() {
    const KILLS: usize = 3;
    let mut world = Plan::embedded(Place::Program).open().await;
    let lines = traffic::SIXTY.lines();
    let oracle = Oracle::of(&lines);
    // Slow enough that calls are under way whenever it dies.
    let slow = lienthong_mocks::Behaviour::Stall { millis: 30 };
    world.suite.portal.behave(lienthong_mocks::Rule::always(slow));
    for part in lines.chunks(lines.len().div_ceil(KILLS + 1)) {
        world.api.publish(part).await;
        let steps = world.suite.portal.counts().steps;
        let moved =
            async || if world.suite.portal.counts().steps > steps { Ok(()) } else { Err("no new step") };
        eventually("work is under way", Duration::from_mins(1), moved).await;
        if !part.ends_with(&lines[lines.len() - 1..]) {
            world.kill9();
            world.start().await;
        }
    }
    world.rests(lines.len()).await;
    let allowance =
        Allowance { adjacent_identical_steps: KILLS * world.plan.tuning.permits, ..Allowance::default() };
    assert_eq!(oracle.differences(&world.seen().await, allowance), Vec::<String>::new());
    assert_eq!(world.unfinished().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_is_asked_to_stop_ends_cleanly() {
    let mut world = Plan::embedded(Place::Program).open().await;
    let lines = traffic::SIXTY.lines();
    world.api.publish(&lines).await;
    let status = world.stop().await.unwrap();
    assert!(status.success(), "{status}");
}
