//! Partners that fail in every way their simulators know.

use lienthong_mocks::{Behaviour, Rule};
use lienthong_tests::{Allowance, Oracle, Place, Plan, World, eventually, traffic};
use std::time::Duration;

/// Publishes the sixty lives and waits for rest; what is different from what must be.
async fn play(world: &World, allowance: Allowance) -> Vec<String> {
    let lines = traffic::SIXTY.lines();
    let oracle = Oracle::of(&lines);
    world.api.publish(&lines).await;
    world.rests(lines.len()).await;
    oracle.differences(&world.seen().await, allowance)
}

/// Steps that the portal took and whose answer it swallowed: each may stand there twice.
fn unanswered_steps(world: &World) -> usize {
    let steps = world.suite.portal.journal().of("CapNhatTienDoHoSoMC");
    steps.iter().filter(|e| e.status.is_none() || e.behaviour == Some("half_body")).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_are_lost_after_the_effect_double_nothing_but_adjacent_steps() {
    let world = Plan::embedded(Place::Inside).open().await;
    world.suite.portal.behave(Rule::always(Behaviour::DropAfterEffect).chance(0.04, 1));
    world.suite.portal.behave(Rule::always(Behaviour::HalfBody).chance(0.02, 2));
    world.suite.payments.behave(Rule::on("INIT", Behaviour::DropAfterEffect).chance(0.2, 3));
    world.suite.post.behave(Rule::always(Behaviour::DropAfterEffect).chance(0.2, 4));
    let allowance = Allowance { adjacent_identical_steps: usize::MAX, ..Allowance::default() };
    assert_eq!(play(&world, allowance).await, Vec::<String>::new());
    let doubled = world.suite.portal.counts().adjacent_duplicates as usize;
    let unanswered = unanswered_steps(&world);
    assert!(unanswered > 0 && doubled <= unanswered, "{doubled} doubled, {unanswered} unanswered");
    assert_eq!(world.suite.payments.double_openings(), Vec::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_never_arrive_throttling_and_error_pages_change_nothing() {
    let world = Plan::embedded(Place::Inside).open().await;
    for (seed, behaviour) in [
        (1, Behaviour::DropBeforeEffect),
        (2, Behaviour::Throttle { retry_after: 1, status: 429 }),
        (3, Behaviour::HttpError { status: 502, html: "<html>Bad Gateway</html>".into() }),
        (4, Behaviour::ExpiredSession),
    ] {
        world.suite.portal.behave(Rule::always(behaviour.clone()).chance(0.03, seed));
        world.suite.payments.behave(Rule::always(behaviour.clone()).chance(0.05, seed));
        world.suite.post.behave(Rule::always(behaviour).chance(0.05, seed));
    }
    // A connection that closes without an answer is a doubt, even when the partner did nothing: a step may be repeated,
    // but nothing is there twice.
    assert_eq!(play(&world, Allowance::default()).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_that_is_down_pauses_and_everything_goes_out_in_order_afterwards() {
    let world = Plan::embedded(Place::Inside).open().await;
    let lines = traffic::SIXTY.lines();
    let oracle = Oracle::of(&lines);
    world.suite.portal.behave_only(vec![Rule::always(Behaviour::Down)]);
    world.api.publish(&lines).await;
    eventually("the portal's connector pauses", Duration::from_mins(1), async || {
        let standing = world.api.standing().await?;
        if standing.paused == ["dvcqg"] { Ok(()) } else { Err(format!("{standing:?}")) }
    })
    .await;
    let status = world.api.get("/v1/status").await;
    let incidents = status["incidents"].as_array().cloned().unwrap_or_default();
    let pauses: Vec<_> =
        incidents.iter().filter(|i| i["key"].as_str().is_some_and(|k| k.starts_with("pause:"))).collect();
    assert_eq!(pauses.len(), 1, "{incidents:?}");

    world.suite.portal.behave_well();
    world.rests(lines.len()).await;
    assert_eq!(oracle.differences(&world.seen().await, Allowance::default()), Vec::<String>::new());
}
