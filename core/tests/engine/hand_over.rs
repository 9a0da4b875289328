//! Hand-over and its losses: answers that never come, callers that go away, outcomes that cannot be kept.

use jiff::SignedDuration;
use lienthong_core::{
    flow::{
        engine::{Engine, EngineSettings},
        intake,
        settle::{self, Settled, Settlement},
    },
    id::ConnectorId,
    lane::LaneState,
    operation::{ActionKind, OperationState},
    outcome::{Cause, Outcome, Proof},
    port::{
        store::{StoreError, decide},
        work::{Scan, Scope},
    },
    testing::fixtures::events::event,
};
use std::{future::Future, sync::Arc, task::Poll, time::Duration};

use crate::world::{World, code, rules};

/// Whether everything planned was done, each thing in one attempt that nobody doubted.
fn is_done_at_once(world: &World) -> bool {
    let operations = world.store.operations();
    !operations.is_empty()
        && operations.iter().all(|o| o.state == OperationState::Succeeded && !o.doubted && o.attempts == 0)
}

#[tokio::test]
async fn what_an_admission_claimed_whose_answer_was_lost_goes_out_at_once_and_once() {
    let world = World::running();
    let code = code(1);
    let message = || vec![event("dossier.received", &code, 1).message()];
    world.store.lose_next_answer();
    let lost = intake::admit(&world.engine, message()).await;
    assert!(matches!(lost, Err(StoreError::Unavailable(_))), "{lost:?}");
    let claimed = world.store.operations().iter().any(|o| o.state == OperationState::Running);
    assert!(claimed, "the lost transaction had claimed the head");
    // The clock stands still: no lease runs out.
    world.eventually("everything is done", is_done_at_once).await;
    assert_eq!(world.seen_at_portal(&code), ["sync 2", "Tiếp nhận hồ sơ"]);
    world.ledgers_balance().await;
}

#[tokio::test]
async fn what_a_claim_took_whose_answer_was_lost_goes_out_at_once_and_once() {
    let mut world = World::resting();
    let code = code(1);
    world.admit([event("dossier.received", &code, 1)]).await;
    world.store.lose_next_answer();
    world.start();
    world.eventually("everything is done", is_done_at_once).await;
    assert_eq!(world.seen_at_portal(&code), ["sync 2", "Tiếp nhận hồ sơ"]);
}

#[tokio::test]
async fn a_caller_that_goes_away_after_the_commit_does_not_stop_the_hand_over() {
    let world = World::running();
    let code = code(1);
    {
        let mut admitting =
            std::pin::pin!(intake::admit(&world.engine, vec![event("dossier.received", &code, 1).message()]));
        // Polled until the commit is done, and not once more.
        std::future::poll_fn(|context| {
            let _is_ready = admitting.as_mut().poll(context).is_ready();
            if world.store.events().is_empty() {
                context.waker().wake_by_ref();
                Poll::Pending
            } else {
                Poll::Ready(())
            }
        })
        .await;
    }
    world.eventually("everything is done", is_done_at_once).await;
    assert_eq!(world.seen_at_portal(&code), ["sync 2", "Tiếp nhận hồ sơ"]);
}

#[tokio::test]
async fn an_outcome_that_the_store_refuses_is_a_doubt_at_once() {
    let world = World::running();
    let (good, bad) = (code(1), code(2));
    world.store.refuse("unstorable answer");
    world.portal.on_lane(&bad, Outcome::Done(Proof { said: "unstorable answer".into(), ..Proof::default() }));
    world.admit([event("dossier.received", &good, 1), event("dossier.received", &bad, 1)]).await;
    world
        .eventually("the one is doubtful and the other done", |w| {
            w.states(ActionKind::SyncDossier) == [OperationState::Succeeded, OperationState::Doubtful]
        })
        .await;
    let doubtful = world.operations(ActionKind::SyncDossier).remove(1);
    assert_eq!(doubtful.cause, Some(Cause::Interrupted));
    assert_eq!(
        world.portal.tasks_of(&bad).len(),
        1,
        "it was sent once and is not repeated within the window"
    );
}

#[tokio::test]
async fn an_outcome_whose_storing_was_answered_by_nothing_counts_and_is_told_once() {
    let world = World::running();
    let (refused, late) = (code(1), code(2));
    world.portal.on_lane(&refused, Outcome::refused(Cause::DataRefused, "-1", "thiếu chủ hồ sơ"));
    world.portal.on_lane(&late, Outcome::not_done(Cause::PartnerFailed, "500"));
    for (begun, code) in [(1, &refused), (2, &late)] {
        world.portal.hold();
        world.admit([event("dossier.received", code, 1)]).await;
        world.portal.until_begun(begun).await;
        world.store.lose_next_answer();
        world.portal.release_all();
        world.settled().await;
    }
    assert_eq!(world.told("portal.refused").await.len(), 1);
    assert_eq!(world.told("operation.stuck").await.len(), 1);
    let counted: Vec<_> = world.operations(ActionKind::SyncDossier).iter().map(|o| o.attempts).collect();
    assert_eq!(counted, [0, 1], "an attempt counts once");
}

#[tokio::test]
async fn a_claim_whose_answer_came_too_late_to_send_under_it_is_given_back_unsent() {
    let mut world = World::resting();
    let margin = Duration::from_millis(200);
    let settings = EngineSettings { lease_margin: margin, ..world.engine.settings.clone() };
    world.engine = Engine::new(
        Arc::new(world.store.clone()),
        rules(),
        vec![world.portal.clone()],
        Arc::new(world.clock.clone()),
        settings,
    );
    let code = code(1);
    world.admit([event("dossier.received", &code, 1)]).await;
    world.store.delay_next_answer(2 * margin);
    world.start();
    world.eventually("everything is done", is_done_at_once).await;
    assert_eq!(world.seen_at_portal(&code), ["sync 2", "Tiếp nhận hồ sơ"]);
    let first = world.portal.tasks_of(&code).remove(0);
    assert!(first.attempt >= 2, "it was sent under a lease of which too little was left");
}

#[tokio::test]
async fn an_answer_to_an_older_claim_does_not_settle_the_attempt_that_runs_now() {
    let world = World::running();
    let code = code(1);
    world.portal.hold();
    world.admit([event("dossier.received", &code, 1)]).await;
    world.portal.until_begun(1).await;
    let older = world.engine.in_hand.all().pop_first().expect("one claim is in hand");
    // Its lease runs out, the doubt is resolved, and it goes out again while the first attempt still hangs.
    world.advance(3600);
    world.eventually("doubtful", |w| w.states(ActionKind::SyncDossier) == [OperationState::Doubtful]).await;
    world.advance(3600);
    world.portal.until_begun(2).await;
    world.portal.release(1);
    world.eventually("the older answer was dealt with", |w| !w.engine.in_hand.all().contains(&older)).await;
    assert_eq!(world.states(ActionKind::SyncDossier), [OperationState::Running]);
    world.portal.release_all();
    world.eventually("done", |w| w.states(ActionKind::SyncDossier) == [OperationState::Succeeded]).await;
}

#[tokio::test]
async fn what_is_told_while_all_units_are_busy_is_recorded_before_a_soft_stop_ends() {
    let mut world = World::resting();
    let portal = ConnectorId::parse("dvcqg").unwrap();
    world.admit((1..=3).map(|n| event("dossier.received", &code(n), 1))).await;
    // Claimed by hand: these hold no places that a stop would wait for, like what is only asked about.
    let scan = Scan::Due { connector: portal.clone(), state: LaneState::Ready, limit: 3 };
    let scope = Scope { scan: vec![scan], head_states: true, ..Scope::default() };
    let claimed = decide(&*world.engine.store, scope, move |work| {
        settle::claim(work, &portal, 3, "test", SignedDuration::from_hours(1), |_| true)
    });
    let claimed = claimed.await.unwrap();
    assert_eq!(claimed.len(), 3);
    world.start();
    world.store.set_down(true);
    let dispatcher = world.engine.dispatcher.get().unwrap().clone();
    for assignment in claimed {
        dispatcher.settle(Settlement::of(assignment, Settled::GivenBack)).await;
        // The settler takes each by itself, as long as it takes any.
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
    }
    let store = world.store.clone();
    let up_again = async move {
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
        store.set_down(false);
    };
    let (stopped, ()) = tokio::join!(world.stop(), up_again);
    assert!(stopped);
    assert_eq!(world.states(ActionKind::SyncDossier), [OperationState::Ready; 3]);
}
