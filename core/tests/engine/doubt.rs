//! Doubts, setbacks, pauses, leases: what may be sent again and when.

use lienthong_core::{
    finding::Finding,
    flow::{execute, operator},
    id::ConnectorId,
    operation::{ActionKind, OperationState},
    outcome::{Cause, Outcome, Proof},
    port::{
        connector::CheckFailure,
        store::{Store, decide},
        work::Scope,
    },
    testing::fixtures::{
        self,
        events::{data, event, raw},
    },
};

use crate::world::{World, code, rules};

fn lost() -> Outcome {
    Outcome::unclear(Cause::NoAnswer, "không trả lời")
}

#[tokio::test]
async fn an_unclear_attempt_is_not_repeated_before_the_settling_window_and_then_byte_for_byte() {
    let world = World::running();
    let code = code(1);
    world.portal.on_action(ActionKind::AppendProgress, lost());
    world.admit([event("dossier.received", &code, 1), event("dossier.processing", &code, 2)]).await;
    world
        .eventually("the step is doubtful", |w| {
            w.states(ActionKind::AppendProgress)[0] == OperationState::Doubtful
        })
        .await;
    let before = world.portal.tasks().len();
    world.advance(59);
    world.settled().await;
    assert_eq!(world.portal.tasks().len(), before, "the window has not passed");
    world.advance(2);
    world.eventually("everything is sent", |w| w.store.operations().iter().all(|o| o.state.is_ended())).await;
    let steps: Vec<_> = world
        .portal
        .tasks_of(&code)
        .into_iter()
        .filter(|t| t.payload.kind() == ActionKind::AppendProgress)
        .collect();
    assert_eq!(steps[0].payload, steps[1].payload, "the repeat carries the same bytes");
    assert!(steps[1].doubted && steps[1].begun && !steps[0].doubted);
    assert_eq!(
        world.seen_at_portal(&code),
        ["sync 2", "Tiếp nhận hồ sơ", "Tiếp nhận hồ sơ", "sync 4", "Đang xử lý"]
    );
}

#[tokio::test]
async fn unclear_steps_wait_for_a_person_where_configuration_says_so() {
    let mut world = World::with(rules(), |portal| {
        portal.with_manifest(|m| m.person_after_doubt = [ActionKind::AppendProgress].into())
    });
    world.start();
    let code = code(1);
    world.portal.on_action(ActionKind::SyncDossier, lost());
    world.portal.on_action(ActionKind::AppendProgress, lost());
    world.admit([event("dossier.received", &code, 1)]).await;
    world.eventually("doubtful", |w| w.states(ActionKind::SyncDossier) == [OperationState::Doubtful]).await;
    world.advance(61);
    world
        .eventually("doubtful", |w| w.states(ActionKind::AppendProgress) == [OperationState::Doubtful])
        .await;
    world.advance(61);
    world
        .eventually("a person is asked", |w| w.states(ActionKind::AppendProgress) == [OperationState::Stuck])
        .await;
    assert_eq!(world.told("operation.stuck").await[0]["action"], "append_progress");
    world.advance(100_000);
    world.settled().await;
    assert_eq!(world.seen_at_portal(&code), ["sync 2", "sync 2", "Tiếp nhận hồ sơ"], "nothing by itself");

    let step = world.operations(ActionKind::AppendProgress)[0].id;
    operator::retry(&world.engine, step, "an", "chưa có trên Cổng").await.unwrap();
    world.eventually("all is sent", |w| w.store.operations().iter().all(|o| o.state.is_ended())).await;
    assert_eq!(world.seen_at_portal(&code).last().unwrap(), "Tiếp nhận hồ sơ");
    world.ledgers_balance().await;
}

#[tokio::test]
async fn a_doubtful_payment_is_asked_about_before_anything_is_sent_again() {
    let world = World::running();
    let code = code(1);
    world.platform.next(lost());
    world.platform.on_probe(Finding::Absent);
    world.admit([event("dossier.received", &code, 1), event("fee.requested", &code, 2)]).await;
    world
        .eventually("the opening is doubtful", |w| {
            w.states(ActionKind::OpenPayment) == [OperationState::Doubtful]
        })
        .await;
    assert!(world.platform.probes().is_empty(), "not before the settling window");
    world.advance(61);
    world
        .eventually("the platform was asked", |w| {
            w.states(ActionKind::OpenPayment) == [OperationState::Ready]
        })
        .await;
    assert_eq!(world.platform.probes().len(), 1);
    world.advance(60);
    world
        .eventually("it is opened", |w| w.states(ActionKind::OpenPayment) == [OperationState::Succeeded])
        .await;
    let tasks = world.platform.tasks();
    assert_eq!(tasks.len(), 2);
    assert_eq!(tasks[0].payload, tasks[1].payload, "the same reference");
}

#[tokio::test]
async fn a_present_effect_ends_the_doubt_without_a_second_send() {
    let world = World::running();
    let code = code(1);
    world.platform.next(lost());
    world.platform.on_probe(Finding::Present(Proof { said: "có".into(), ..Proof::default() }));
    world.admit([event("dossier.received", &code, 1), event("fee.requested", &code, 2)]).await;
    world.eventually("doubtful", |w| w.states(ActionKind::OpenPayment) == [OperationState::Doubtful]).await;
    world.advance(61);
    world.eventually("settled", |w| w.states(ActionKind::OpenPayment) == [OperationState::Succeeded]).await;
    assert_eq!(world.platform.tasks().len(), 1);
    world.ledgers_balance().await;
}

#[tokio::test]
async fn setbacks_follow_the_schedule_and_other_lanes_go_on() {
    let world = World::running();
    let (one, two) = (code(1), code(2));
    world.portal.on_lane(&one, Outcome::not_done(Cause::Unreachable, "từ chối kết nối"));
    world.admit([event("dossier.received", &one, 1), event("dossier.received", &two, 1)]).await;
    world.eventually("the other lane is through", |w| w.seen_at_portal(&two).len() == 2).await;
    assert_eq!(world.seen_at_portal(&one).len(), 1);
    world.advance(7);
    world.settled().await;
    assert_eq!(world.seen_at_portal(&one).len(), 1, "at least 80 % of ten seconds");
    world.advance(4);
    world.eventually("tried again", |w| w.seen_at_portal(&one).len() == 3).await;
}

#[tokio::test]
async fn rejected_credentials_pause_the_connector_and_burn_no_attempt() {
    let world = World::running();
    let code = code(1);
    let refused = CheckFailure { cause: Cause::CredentialsRejected, said: "sai mật khẩu".into() };
    world.portal.on_check(Err(refused));
    world.portal.next(Outcome::paused(Cause::CredentialsRejected, "sai mật khẩu"));
    world.admit([event("dossier.received", &code, 1)]).await;
    let portal = ConnectorId::parse("dvcqg").unwrap();
    world.eventually("open", |w| w.engine.members[&portal].condition().is_shut()).await;
    let open = world.engine.members[&portal].condition().phase;
    world.advance(31);
    world.eventually("tested in vain", |w| w.engine.members[&portal].condition().phase != open).await;
    assert_eq!(world.portal.checks(), 1);
    assert_eq!(world.portal.tasks().len(), 1, "nothing is sent while paused");
    assert_eq!(world.operations(ActionKind::SyncDossier)[0].attempts, 0);
    assert_eq!(world.store.incidents().iter().filter(|i| i.closed_at.is_none()).count(), 1, "one incident");
    // The second trial waits twice as long.
    world.advance(61);
    world.eventually("back and through", |w| w.seen_at_portal(&code).len() == 3).await;
    for _ in 0..3 {
        world.advance(61);
        let steps = world.engine.members[&portal].condition().phase;
        world.eventually("a step", |w| w.engine.members[&portal].condition().phase != steps).await;
    }
    assert!(world.store.incidents().iter().all(|i| i.closed_at.is_some()));
}

#[tokio::test]
async fn a_lease_that_runs_out_leaves_a_doubt_and_not_a_second_send() {
    let mut world = World::running();
    let code = code(1);
    world.portal.hold();
    world.admit([event("dossier.received", &code, 1)]).await;
    world.portal.until_begun(1).await;
    // The process freezes in the middle of the attempt; another one finds the lease.
    world.advance(3600);
    let expired = execute::expire(&world.engine).await.unwrap();
    assert!(expired <= 1);
    world.eventually("doubtful", |w| w.states(ActionKind::SyncDossier) == [OperationState::Doubtful]).await;
    // The frozen attempt answers after all: nobody claimed since, so what it says is true.
    world.portal.release_all();
    world
        .eventually("settled by the late answer", |w| {
            w.states(ActionKind::SyncDossier) == [OperationState::Succeeded]
        })
        .await;
    assert!(world.stop().await);
}

#[tokio::test]
async fn a_person_may_retry_and_dismiss_but_not_what_is_running() {
    let world = World::running();
    let code = code(1);
    world.portal.on_lane(&code, Outcome::refused(Cause::DataRefused, "-1", "sai"));
    world.admit([event("dossier.received", &code, 1)]).await;
    world.eventually("stuck", |w| w.states(ActionKind::SyncDossier) == [OperationState::Stuck]).await;
    let id = world.operations(ActionKind::SyncDossier)[0].id;
    assert_eq!(
        operator::dismiss(&world.engine, id, "an", " ").await.unwrap(),
        operator::Deed::NotAllowed("reason_missing".into())
    );
    assert_eq!(
        operator::retry(&world.engine, 999_999_999, "an", "").await.unwrap(),
        operator::Deed::NotFound
    );
    assert_eq!(operator::dismiss(&world.engine, id, "an", "nhập trùng").await.unwrap(), operator::Deed::Done);
    world.settled().await;
    assert_eq!(world.states(ActionKind::SyncDossier), [OperationState::Dismissed]);
    assert_eq!(
        world.states(ActionKind::AppendProgress),
        [OperationState::Held],
        "of a dossier that is not there"
    );
    assert_eq!(
        operator::retry(&world.engine, id, "an", "").await.unwrap(),
        operator::Deed::NotAllowed("ended".into())
    );
    assert_eq!(world.store.audit().len(), 1);
    world.ledgers_balance().await;
}

#[tokio::test]
async fn a_held_mapping_waits_as_one_incident_and_is_woken_together() {
    let world = World::running();
    let need = fixtures::need("mapping:dvcqg:procedure:9.9");
    for n in 1..=3 {
        world.portal.on_lane(&code(n), Outcome::Held(need.clone()));
        world.admit([event("dossier.received", &code(n), 1)]).await;
    }
    world.eventually("all held", |w| w.states(ActionKind::SyncDossier) == [OperationState::Held; 3]).await;
    assert_eq!(world.store.incidents().iter().filter(|i| i.closed_at.is_none()).count(), 1);
    assert!(world.operations(ActionKind::SyncDossier).iter().all(|o| o.attempts == 0));
    assert_eq!(operator::wake(&world.engine, "mapping:").await.unwrap(), 3);
    world.eventually("all sent", |w| w.store.operations().iter().all(|o| o.state.is_ended())).await;
    assert!(world.store.incidents().iter().all(|i| i.closed_at.is_some()));
}

#[tokio::test]
async fn a_soft_stop_gives_back_what_was_not_sent_and_settles_what_was() {
    let mut world = World::running();
    world.portal.hold();
    world.admit((1..=10).map(|n| event("dossier.received", &code(n), 1))).await;
    world.portal.until_begun(4).await;
    let portal = world.portal.clone();
    let release = async { portal.release_all() };
    let (stopped, ()) = tokio::join!(world.stop(), release);
    assert!(stopped, "everything ended by itself");
    let states = world.states(ActionKind::SyncDossier);
    assert!(
        states.iter().all(|s| matches!(s, OperationState::Ready | OperationState::Succeeded)),
        "{states:?}"
    );
    assert!(world.store.ledgers().await.unwrap().operation_difference() == 0);
}

/// A dossier whose first state the portal refused, with steps behind it that nobody has sent.
async fn refused_at_first(cause: Cause) -> (World, String) {
    let world = World::running();
    let code = code(1);
    world.portal.on_lane(&code, Outcome::refused(cause, "-1", "sai"));
    world.admit([event("dossier.received", &code, 1)]).await;
    world.eventually("stuck", |w| w.states(ActionKind::SyncDossier) == [OperationState::Stuck]).await;
    let id = world.operations(ActionKind::SyncDossier)[0].id;
    assert_eq!(operator::dismiss(&world.engine, id, "an", "bỏ").await.unwrap(), operator::Deed::Done);
    world.settled().await;
    (world, code)
}

#[tokio::test]
async fn steps_behind_a_dismissed_first_state_wait_until_the_portal_has_one() {
    let (world, code) = refused_at_first(Cause::DataRefused).await;
    assert_eq!(world.seen_at_portal(&code), ["sync 2"], "the one that was refused");
    let asked = world.told("dossier.snapshot_requested").await;
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0]["asked_because"], "operation.dismissed");
    // The whole dossier again: nothing new in it, and it goes first.
    let whole = || raw("dossier.corrected", &code, 2, data("dossier.received", &code));
    world.admit([whole().with_data("/step", serde_json::Value::Null)]).await;
    world.settled().await;
    assert_eq!(world.seen_at_portal(&code), ["sync 2", "sync 2", "Tiếp nhận hồ sơ"]);
    assert!(world.store.incidents().iter().all(|i| i.closed_at.is_some()));
    world.ledgers_balance().await;
}

#[tokio::test]
async fn any_newer_state_goes_before_the_steps_that_wait_for_one() {
    let (world, code) = refused_at_first(Cause::DataRefused).await;
    world.admit([event("dossier.finished", &code, 2)]).await;
    world.settled().await;
    assert_eq!(world.seen_at_portal(&code), ["sync 2", "sync 9", "Tiếp nhận hồ sơ", "Đã có kết quả"]);
    assert!(world.store.incidents().iter().all(|i| i.closed_at.is_some()));
    world.ledgers_balance().await;
}

#[tokio::test]
async fn a_later_state_of_the_lane_takes_the_lead_of_a_dismissed_first_one() {
    let world = World::resting();
    let code = code(1);
    world.admit([event("dossier.received", &code, 1)]).await;
    world.admit([event("dossier.finished", &code, 2)]).await;
    let first = world.operations(ActionKind::SyncDossier)[0].id;
    assert_eq!(world.states(ActionKind::SyncDossier), [OperationState::Ready; 2]);
    operator::dismiss(&world.engine, first, "an", "bỏ").await.unwrap();
    let mut world = world;
    world.start();
    world.settled().await;
    assert_eq!(world.seen_at_portal(&code), ["sync 9", "Tiếp nhận hồ sơ", "Đã có kết quả"]);
    world.ledgers_balance().await;
}

#[tokio::test]
async fn who_looked_at_the_portal_and_dismissed_may_have_found_it_there() {
    let (world, code) = refused_at_first(Cause::ForeignRecord).await;
    assert_eq!(world.seen_at_portal(&code), ["sync 2", "Tiếp nhận hồ sơ"]);
    world.ledgers_balance().await;
}

/// A dossier whose first state the portal was sent and did not answer about, and that operation.
async fn first_in_doubt() -> (World, String, i64) {
    let world = World::running();
    let code = code(1);
    world.portal.next(lost());
    world.admit([event("dossier.received", &code, 1)]).await;
    world.eventually("doubtful", |w| w.states(ActionKind::SyncDossier) == [OperationState::Doubtful]).await;
    let id = world.operations(ActionKind::SyncDossier)[0].id;
    (world, code, id)
}

#[tokio::test]
async fn a_doubt_that_ends_stuck_is_told() {
    let (world, _, id) = first_in_doubt().await;
    let mut scope = Scope::default();
    scope.operations.insert(id);
    decide(&world.store, scope, move |work| {
        for lane in work.lanes.values_mut() {
            lane.edit().open[0].attempts = 1000;
        }
        work.touch(id);
    })
    .await
    .unwrap();
    world.advance(61);
    world.eventually("stuck", |w| w.states(ActionKind::SyncDossier) == [OperationState::Stuck]).await;
    assert_eq!(world.told("operation.stuck").await.len(), 1);
}

#[tokio::test]
async fn a_person_does_not_shorten_the_settling_window() {
    let (world, code, id) = first_in_doubt().await;
    // However often.
    for _ in 0..2 {
        operator::retry(&world.engine, id, "an", "gửi lại").await.unwrap();
        world.settled().await;
        assert_eq!(world.portal.tasks().len(), 1);
    }
    world.advance(61);
    world.eventually("sent", |w| w.seen_at_portal(&code).len() == 3).await;
}

#[tokio::test]
async fn what_follows_a_dismissed_doubt_waits_for_the_settling_window() {
    let (world, code, id) = first_in_doubt().await;
    operator::dismiss(&world.engine, id, "an", "đã có ở cổng").await.unwrap();
    // Nor does a wish for what follows.
    let next = world.operations(ActionKind::AppendProgress)[0].id;
    operator::retry(&world.engine, next, "an", "gửi ngay").await.unwrap();
    world.settled().await;
    assert_eq!(world.portal.tasks().len(), 1);
    world.advance(61);
    world.eventually("sent", |w| w.seen_at_portal(&code).len() == 2).await;
}

#[tokio::test]
async fn what_follows_a_doubt_that_was_retried_and_then_dismissed_waits_for_the_settling_window_too() {
    let (world, code, id) = first_in_doubt().await;
    operator::retry(&world.engine, id, "an", "gửi lại").await.unwrap();
    operator::dismiss(&world.engine, id, "an", "đã có ở cổng").await.unwrap();
    world.settled().await;
    assert_eq!(world.portal.tasks().len(), 1);
    world.advance(61);
    world.eventually("sent", |w| w.seen_at_portal(&code).len() == 2).await;
}

#[tokio::test]
async fn what_comes_after_a_dismissed_doubt_waits_for_the_settling_window_too() {
    let world = World::running();
    let code = code(1);
    world.admit([event("dossier.received", &code, 1)]).await;
    world.settled().await;
    world.portal.next(lost());
    world.admit([event("dossier.corrected", &code, 2).with_data("/dossier/note", "một")]).await;
    world
        .eventually("doubtful", |w| {
            w.states(ActionKind::SyncDossier).last() == Some(&OperationState::Doubtful)
        })
        .await;
    let id = world.operations(ActionKind::SyncDossier)[1].id;
    operator::dismiss(&world.engine, id, "an", "đã có ở cổng").await.unwrap();
    let sent = world.portal.tasks().len();
    // One comes to the empty lane, and one stands in for it.
    for n in 3..=4 {
        world.admit([event("dossier.corrected", &code, n).with_data("/dossier/note", n.to_string())]).await;
        world.settled().await;
        assert_eq!(world.portal.tasks().len(), sent);
    }
    world.advance(61);
    world.eventually("sent", |w| w.portal.tasks().len() > sent).await;
}
