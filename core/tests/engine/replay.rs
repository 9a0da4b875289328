//! Replays: planned, tried on a few, run with an eye on failures, paused, resumed, and never sent twice or out of order.

use futures_util::future::join_all;
use lienthong_core::{
    flow::{
        engine::{Engine, EngineSettings},
        operator, replay,
    },
    id::RowId,
    operation::{ActionKind, OperationState},
    outcome::{Cause, Outcome},
    port::store::{Store, StoreError},
    replay::{ItemState, Order, Pace, Plan, Purpose, Replay, ReplayState, Selection, StopReason, Treatment},
    testing::fixtures::{self, events::event},
};
use std::{collections::BTreeMap, sync::Arc};

use crate::world::{World, code, rules};

fn refusal() -> Outcome {
    Outcome::refused(Cause::DataRefused, "E1", "thiếu ngày sinh")
}

fn wanted(states: &[OperationState]) -> Plan {
    let selection = Selection {
        connector: fixtures::connector("dvcqg"),
        states: states.iter().copied().collect(),
        action: Some(ActionKind::SyncDossier),
        cause: None,
        unit: None,
        since: None,
        until: None,
        subjects: [].into(),
    };
    Plan {
        purpose: Purpose::Send,
        selection,
        pace: Pace::default(),
        actor: "an".into(),
        reason: "đã sửa dữ liệu".into(),
    }
}

/// So many dossiers whose first state the portal refused.
async fn stuck(dossiers: u32) -> World {
    let world = World::running();
    world.portal.always(refusal());
    world.admit((1..=dossiers).map(|n| event("dossier.received", &code(n), 1))).await;
    world.settled().await;
    world.portal.works();
    assert_eq!(world.states(ActionKind::SyncDossier), vec![OperationState::Stuck; dossiers as usize]);
    world
}

async fn plan(world: &World, plan: Plan) -> RowId {
    let id = replay::plan(&world.engine, plan).await.unwrap();
    replay::round(&world.engine).await.unwrap();
    assert_eq!(show(world, id).await.state, ReplayState::Planned);
    id
}

async fn show(world: &World, id: RowId) -> Replay {
    world.store.replay(id).await.unwrap().expect("it is there").0
}

async fn order(world: &World, id: RowId, order: Order) {
    let done = replay::order(&world.engine, id, order, "an", "").await.unwrap();
    assert!(matches!(done, replay::Ordered::Done(_)), "{done:?}");
}

/// Rounds as the timer runs them, each with what it sent brought to its outcome.
async fn rounds(world: &World, rounds: usize) {
    for _ in 0..rounds {
        replay::round(&world.engine).await.unwrap();
        world.settled().await;
        world.advance(2);
    }
}

async fn until(world: &World, id: RowId, state: ReplayState) -> Replay {
    let mut left = 200;
    loop {
        let replay = show(world, id).await;
        if replay.state == state {
            return replay;
        }
        assert!(left > 0, "never {state:?}: {replay:#?}");
        left -= 1;
        rounds(world, 1).await;
    }
}

fn treatments(world: &World) -> BTreeMap<Treatment, usize> {
    let mut counts = BTreeMap::new();
    for item in world.store.items_of_replays() {
        *counts.entry(item.treatment).or_default() += 1;
    }
    counts
}

fn sends(world: &World, n: u32) -> usize {
    world.portal.tasks_of(&code(n)).iter().filter(|t| t.payload.kind() == ActionKind::SyncDossier).count()
}

#[tokio::test]
async fn a_plan_sends_nothing_before_it_is_started_and_then_everything_once() {
    let world = stuck(30).await;
    let id = plan(&world, wanted(&[OperationState::Stuck])).await;
    rounds(&world, 3).await;
    assert_eq!(treatments(&world), [(Treatment::Retry, 30)].into());
    assert!((1..=30).all(|n| sends(&world, n) == 1), "planning sends nothing");
    order(&world, id, Order::Start).await;
    let done = until(&world, id, ReplayState::Finished).await;
    assert_eq!((done.progress.counts.done, done.progress.counts.failed), (30, 0));
    world.settled().await;
    assert!((1..=30).all(|n| sends(&world, n) == 2));
    assert_eq!(world.states(ActionKind::SyncDossier), [OperationState::Succeeded; 30]);
    let orders: Vec<_> = done.progress.deeds.iter().map(|d| d.order.as_str()).collect();
    assert_eq!(orders, ["plan", "start"]);
    world.ledgers_balance().await;
}

#[tokio::test]
async fn the_first_few_fail_and_nothing_else_goes() {
    let world = stuck(30).await;
    world.portal.always(refusal());
    let id = plan(&world, wanted(&[OperationState::Stuck])).await;
    order(&world, id, Order::Start).await;
    let stopped = until(&world, id, ReplayState::Stopped).await;
    assert_eq!(stopped.progress.stopped, Some(StopReason::CanaryFailed));
    rounds(&world, 5).await;
    let sent = (1..=30).filter(|n| sends(&world, *n) > 1).count();
    assert!((1..=5).contains(&sent), "{sent} were tried");
    // Somebody mends it and goes on: the first few are tried anew.
    world.portal.works();
    order(&world, id, Order::Resume).await;
    assert_eq!(show(&world, id).await.state, ReplayState::Canary);
    let done = until(&world, id, ReplayState::Finished).await;
    assert_eq!(done.progress.counts.done + done.progress.counts.failed, 30);
}

#[tokio::test]
async fn a_run_stops_itself_when_too_much_fails() {
    let world = stuck(60).await;
    let mut plan_of = wanted(&[OperationState::Stuck]);
    plan_of.pace = Pace { rate: 6000, window: 4, ..Pace::default() };
    let id = plan(&world, plan_of).await;
    order(&world, id, Order::Start).await;
    until(&world, id, ReplayState::Running).await;
    world.portal.always(refusal());
    let stopped = until(&world, id, ReplayState::Stopped).await;
    assert_eq!(stopped.progress.stopped, Some(StopReason::TooManyFailed));
    let failed = stopped.progress.counts.failed;
    assert!((2..=12).contains(&failed), "{failed} failed before it stopped");
    let attempts = world.portal.tasks().len();
    rounds(&world, 3).await;
    assert_eq!(world.portal.tasks().len(), attempts, "a stopped one sends nothing");
}

#[tokio::test]
async fn not_more_go_than_the_rate_and_the_window_allow() {
    let world = stuck(40).await;
    let mut plan_of = wanted(&[OperationState::Stuck]);
    plan_of.pace = Pace { rate: 60, canary: 0, ..Pace::default() };
    let slow = plan(&world, plan_of.clone()).await;
    order(&world, slow, Order::Start).await;
    rounds(&world, 5).await;
    let ended = show(&world, slow).await.progress.counts;
    assert!((8..=12).contains(&(ended.done + ended.sent)), "one a second, for ten seconds: {ended:?}");
    order(&world, slow, Order::Cancel).await;
    // A partner that answers nobody: what is out stays within the window.
    plan_of.pace = Pace { rate: 60_000, window: 7, canary: 0, ..Pace::default() };
    let wide = plan(&world, plan_of).await;
    world.portal.hold();
    order(&world, wide, Order::Start).await;
    for _ in 0..5 {
        replay::round(&world.engine).await.unwrap();
        world.advance(2);
    }
    assert_eq!(show(&world, wide).await.progress.counts.sent, 7);
    world.portal.release_all();
    until(&world, wide, ReplayState::Finished).await;
}

#[tokio::test]
async fn a_paused_run_goes_on_in_the_next_process_and_sends_nothing_twice() {
    let mut world = stuck(30).await;
    let mut plan_of = wanted(&[OperationState::Stuck]);
    plan_of.pace = Pace { rate: 300, ..Pace::default() };
    let id = plan(&world, plan_of).await;
    order(&world, id, Order::Start).await;
    until(&world, id, ReplayState::Running).await;
    rounds(&world, 1).await;
    order(&world, id, Order::Pause).await;
    let before = world.portal.tasks().len();
    rounds(&world, 3).await;
    assert_eq!(world.portal.tasks().len(), before, "paused");
    world.restart_with(rules()).await;
    rounds(&world, 1).await;
    order(&world, id, Order::Resume).await;
    assert_eq!(show(&world, id).await.state, ReplayState::Running, "it was tried before the restart");
    until(&world, id, ReplayState::Finished).await;
    assert!((1..=30).all(|n| sends(&world, n) == 2));
    let again = replay::order(&world.engine, id, Order::Resume, "an", "").await.unwrap();
    assert_eq!(again, replay::Ordered::NotAllowed(ReplayState::Finished));
}

#[tokio::test]
async fn what_went_out_before_a_crash_does_not_go_out_again() {
    let world = stuck(12).await;
    let id = replay::plan(&world.engine, wanted(&[OperationState::Stuck])).await.unwrap();
    // The answer to each transaction is lost in turn, as when the process dies right after the commit.
    let mut lost = 0;
    for _ in 0..400 {
        world.store.lose_next_answer();
        if let Err(error) = replay::round(&world.engine).await {
            assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
            lost += 1;
        }
        let state = show(&world, id).await.state;
        if state == ReplayState::Planned {
            replay::order(&world.engine, id, Order::Start, "an", "").await.ok();
        }
        if state == ReplayState::Finished {
            break;
        }
        world.settled().await;
        world.advance(2);
    }
    assert!(lost >= 12, "{lost} answers were lost");
    assert_eq!(show(&world, id).await.state, ReplayState::Finished);
    assert!((1..=12).all(|n| sends(&world, n) == 2), "each exactly once more");
    world.ledgers_balance().await;
}

#[tokio::test]
async fn two_replicas_run_a_plan_once() {
    let world = stuck(30).await;
    let mut plan_of = wanted(&[OperationState::Stuck]);
    plan_of.pace = Pace { rate: 600, ..Pace::default() };
    let id = plan(&world, plan_of).await;
    order(&world, id, Order::Start).await;
    let settings = EngineSettings { holder: "two".into(), ..EngineSettings::default() };
    let store = Arc::new(world.store.second());
    let clock = Arc::new(world.clock.clone());
    let other = Engine::new(store, rules(), vec![world.portal.clone()], clock, settings);
    while show(&world, id).await.state != ReplayState::Finished {
        // Both at once, as when a timer's lease is lost in the middle of its run.
        let both = join_all([replay::round(&world.engine), replay::round(&other)]).await;
        assert!(both.iter().all(Result::is_ok), "{both:?}");
        world.settled().await;
        world.advance(2);
    }
    assert!((1..=30).all(|n| sends(&world, n) == 2));
    let counts = show(&world, id).await.progress.counts;
    assert_eq!((counts.done, counts.waiting, counts.sent, counts.skipped), (30, 0, 0, 0));
}

#[tokio::test]
async fn of_a_dossier_only_the_newest_state_goes_again_and_only_once() {
    let world = World::running();
    let one = code(1);
    for (n, name) in ["dossier.received", "dossier.processing", "dossier.finished"].into_iter().enumerate() {
        world.admit([event(name, &one, n as u32 + 1)]).await;
        world.settled().await;
    }
    let before = world.seen_at_portal(&one);
    let newest = before.iter().rfind(|seen| seen.starts_with("sync")).unwrap().clone();
    let id = plan(&world, wanted(&[OperationState::Succeeded, OperationState::Superseded])).await;
    let sent: Vec<_> = treatments(&world).into_iter().filter(|(t, _)| t.acts()).collect();
    assert_eq!(sent, [(Treatment::ResendState, 1)]);
    assert!(treatments(&world)[&Treatment::Regress] >= 1);
    order(&world, id, Order::Start).await;
    until(&world, id, ReplayState::Finished).await;
    assert_eq!(world.seen_at_portal(&one)[before.len()..], [newest], "the newest state, and nothing else");
    world.ledgers_balance().await;
}

#[tokio::test]
async fn a_newer_state_that_comes_after_the_plan_is_not_overtaken() {
    let mut world = World::running();
    let one = code(1);
    world.admit([event("dossier.received", &one, 1)]).await;
    world.settled().await;
    let id = plan(&world, wanted(&[OperationState::Succeeded])).await;
    // The newer one is still on its way when the plan's turn comes.
    world.stop().await;
    world.admit([event("dossier.finished", &one, 2)]).await;
    order(&world, id, Order::Start).await;
    replay::round(&world.engine).await.unwrap();
    let item = world.store.items_of_replays().remove(0);
    assert_eq!((item.state, item.treatment), (ItemState::Skipped, Treatment::Covered));
    assert_eq!(show(&world, id).await.state, ReplayState::Finished);
}

#[tokio::test]
async fn what_somebody_tried_or_decided_since_the_plan_is_left_alone() {
    let world = stuck(4).await;
    let id = plan(&world, wanted(&[OperationState::Stuck])).await;
    let of = |n: u32| world.operations(ActionKind::SyncDossier)[n as usize - 1].id;
    // Tried again, and refused again; dismissed; sent by a person, and done.
    world.portal.on_lane(&code(1), refusal());
    operator::retry(&world.engine, of(1), "bình", "").await.unwrap();
    operator::dismiss(&world.engine, of(2), "bình", "trùng").await.unwrap();
    operator::retry(&world.engine, of(3), "bình", "").await.unwrap();
    world.settled().await;
    order(&world, id, Order::Start).await;
    until(&world, id, ReplayState::Finished).await;
    assert_eq!([1, 2, 3, 4].map(|n| sends(&world, n)), [2, 1, 2, 2], "only the fourth was still as planned");
    let skipped = world.store.items_of_replays().iter().filter(|i| i.state == ItemState::Skipped).count();
    assert_eq!(skipped, 3);
}

#[tokio::test]
async fn dismissed_steps_go_again_in_their_order_and_not_behind_later_ones() {
    let world = World::running();
    let (one, two) = (code(1), code(2));
    for code in [&one, &two] {
        world.admit([event("dossier.received", code, 1)]).await;
    }
    world.settled().await;
    // Both first steps are refused and dismissed; of the second dossier a later step is taken by the portal.
    for n in 2..=3 {
        world.portal.on_action(ActionKind::AppendProgress, refusal());
        world.admit([event("dossier.processing", &one, n)]).await;
        world.settled().await;
        dismiss_stuck(&world).await;
    }
    world.portal.on_action(ActionKind::AppendProgress, refusal());
    world.admit([event("dossier.processing", &two, 2)]).await;
    world.settled().await;
    dismiss_stuck(&world).await;
    world.admit([event("dossier.finished", &two, 3)]).await;
    world.settled().await;
    let before = (world.seen_at_portal(&one), world.seen_at_portal(&two));
    let mut plan_of = wanted(&[OperationState::Dismissed]);
    plan_of.selection.action = Some(ActionKind::AppendProgress);
    let id = plan(&world, plan_of).await;
    assert_eq!(treatments(&world), [(Treatment::ResendSteps, 2), (Treatment::Regress, 1)].into());
    order(&world, id, Order::Start).await;
    let done = until(&world, id, ReplayState::Finished).await;
    assert_eq!((done.progress.counts.done, done.progress.counts.skipped), (2, 0));
    assert_eq!(world.seen_at_portal(&two), before.1);
    let sent = world.portal.tasks_of(&one);
    let steps: Vec<_> = sent.iter().rev().take(2).map(|t| t.payload.clone()).collect();
    let planned: Vec<_> = world.operations(ActionKind::AppendProgress);
    let origin = |state| {
        planned
            .iter()
            .filter(move |o| o.state == state && o.subject.as_ref().is_some_and(|s| s.as_str() == one))
    };
    let dismissed: Vec<_> = origin(OperationState::Dismissed).map(|o| o.payload.clone()).collect();
    assert_eq!(steps, [dismissed[1].clone(), dismissed[0].clone()], "in the order of their events");
    world.ledgers_balance().await;
}

async fn dismiss_stuck(world: &World) {
    let stuck = world.store.operations().into_iter().filter(|o| o.state == OperationState::Stuck);
    for operation in stuck {
        operator::dismiss(&world.engine, operation.id, "an", "nhầm").await.unwrap();
    }
    world.settled().await;
}

#[tokio::test]
async fn dismissing_a_group_does_not_swallow_later_failures_of_the_same_cause() {
    let world = stuck(3).await;
    let mut plan_of = wanted(&[OperationState::Stuck]);
    plan_of.purpose = Purpose::Dismiss;
    plan_of.selection.cause = Some(Cause::DataRefused);
    plan_of.pace.canary = 0;
    let id = plan(&world, plan_of).await;
    // After the plan: one fails anew with the same cause, another one is tried again and fails as before.
    world.portal.always(refusal());
    world.admit([event("dossier.received", &code(4), 1)]).await;
    let again = world.operations(ActionKind::SyncDossier)[0].id;
    operator::retry(&world.engine, again, "bình", "thử lại").await.unwrap();
    world.settled().await;
    order(&world, id, Order::Start).await;
    until(&world, id, ReplayState::Finished).await;
    let (stuck, dismissed) = (OperationState::Stuck, OperationState::Dismissed);
    assert_eq!(world.states(ActionKind::SyncDossier), [stuck, dismissed, dismissed, stuck]);
    assert_eq!(world.portal.tasks().len(), 5, "a dismissal sends nothing");
    world.ledgers_balance().await;
}

#[tokio::test]
async fn a_large_plan_is_made_page_by_page_and_goes_on_after_a_crash() {
    let world = World::resting();
    world.admit((1..=1100).map(|n| event("dossier.received", &code(n), 1))).await;
    let id = replay::plan(&world.engine, wanted(&[OperationState::Ready])).await.unwrap();
    // The first page is committed and its answer lost, so that the round ends there.
    world.store.lose_next_answer();
    replay::round(&world.engine).await.unwrap_err();
    let after = show(&world, id).await;
    assert_eq!((after.state, after.progress.counts.left), (ReplayState::Planning, 500));
    replay::round(&world.engine).await.unwrap();
    let done = show(&world, id).await;
    assert_eq!((done.state, done.progress.counts.left), (ReplayState::Planned, 1100));
    assert_eq!(world.store.items_of_replays().len(), 1100);
}

#[tokio::test]
async fn a_partner_that_is_away_is_waited_for() {
    let world = stuck(10).await;
    let id = plan(&world, wanted(&[OperationState::Stuck])).await;
    order(&world, id, Order::Start).await;
    world.portal.next(Outcome::paused(Cause::CredentialsRejected, "hết hạn"));
    replay::round(&world.engine).await.unwrap();
    let member = Arc::clone(&world.engine.members[world.portal.id()]);
    world.eventually("the connector is paused", |_| member.condition().is_shut()).await;
    let sent = show(&world, id).await.progress.counts.sent;
    for _ in 0..3 {
        world.advance(2);
        replay::round(&world.engine).await.unwrap();
    }
    assert_eq!(show(&world, id).await.progress.counts.sent, sent, "nothing more piles up");
}
