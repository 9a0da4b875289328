//! What has bitten others, one test a lesson, as far as no other test tells of it already (docs/guarantees.md).

use lienthong_core::{
    event::rejection::Verdict,
    flow::{
        engine::{Engine, EngineSettings},
        operator,
        pool::Pool,
        run::{self, Roles},
    },
    id::ConnectorId,
    lane::LaneState,
    operation::{ActionKind, OperationState},
    outcome::{Cause, Outcome},
    policy::backoff::Schedule,
    port::{publisher::PublishError, views::Views},
    testing::{
        fixtures::events::{event, parcel_id, payment_id},
        scripted::{callback_body, callback_request},
    },
};
use std::{sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

use crate::world::{World, code, rules};

/// Another process on the same store, with the same partners and the same broker.
fn replica(world: &World, name: &str) -> (Arc<Engine>, Pool) {
    let settings = EngineSettings { holder: name.into(), ..world.engine.settings.clone() };
    let engine = Engine::new(
        Arc::new(world.store.second()),
        rules(),
        vec![world.portal.clone(), world.platform.clone(), world.post.clone()],
        Arc::new(world.clock.clone()),
        settings,
    );
    let (pool, _ends) = Pool::new(CancellationToken::new());
    let roles = Roles { schedule: false, ..Roles::all() };
    run::start(&engine, &pool, roles, Some(world.publisher.clone()));
    (engine, pool)
}

#[tokio::test]
async fn an_event_that_is_known_is_a_duplicate_and_what_it_planned_still_goes_out() {
    let mut world = World::resting();
    let code = code(1);
    world.admit([event("dossier.received", &code, 1)]).await;
    let again = world.admit([event("dossier.received", &code, 1)]).await;
    assert!(matches!(again[0], Verdict::Duplicate { .. }), "{again:?}");
    assert!(world.portal.tasks().is_empty(), "the rows are there; nothing was delivered");
    world.start();
    world.settled().await;
    assert_eq!(world.seen_at_portal(&code), ["sync 2", "Tiếp nhận hồ sơ"]);
}

#[tokio::test]
async fn a_connector_that_panics_leaves_a_doubt_and_never_a_success() {
    let world = World::running();
    let code = code(1);
    world.portal.panic_next();
    world.admit([event("dossier.received", &code, 1)]).await;
    world.eventually("doubtful", |w| w.states(ActionKind::SyncDossier) == [OperationState::Doubtful]).await;
    let operation = world.operations(ActionKind::SyncDossier).remove(0);
    assert_eq!((operation.cause, operation.begun), (Some(Cause::Internal), true));
    assert!(operation.proof.is_none());
    world.advance(61);
    world.eventually("all is sent", |w| w.store.operations().iter().all(|o| o.state.is_ended())).await;
    world.ledgers_balance().await;
}

#[tokio::test]
async fn a_change_that_comes_while_an_older_state_is_with_the_partner_goes_out_after_it() {
    let world = World::running();
    let code = code(1);
    world.admit([event("dossier.received", &code, 1)]).await;
    world.settled().await;
    world.portal.hold();
    world.admit([event("dossier.corrected", &code, 2).with_data("/dossier/note", "hai")]).await;
    world.portal.until_begun(3).await;
    // Two more while it is there: the first may be left out, the last must not.
    world.admit([event("dossier.corrected", &code, 3).with_data("/dossier/note", "ba")]).await;
    world.admit([event("dossier.corrected", &code, 4).with_data("/dossier/note", "bốn")]).await;
    world.portal.release_all();
    world.settled().await;
    let notes: Vec<_> = world
        .portal
        .tasks_of(&code)
        .iter()
        .filter(|t| t.payload.kind() == ActionKind::SyncDossier)
        .map(|t| t.dossier.as_ref().unwrap().fields["note"].clone())
        .collect();
    assert_eq!(notes.iter().skip(1).collect::<Vec<_>>(), ["hai", "bốn"]);
    let syncs = world.operations(ActionKind::SyncDossier);
    for left_out in syncs.iter().filter(|o| o.state == OperationState::Superseded) {
        let by = left_out.superseded_by.unwrap();
        assert!(
            syncs.iter().any(|o| o.id == by && o.state == OperationState::Succeeded),
            "names its successor"
        );
    }
    world.ledgers_balance().await;
}

#[tokio::test]
async fn a_dead_head_is_shown_with_its_age_and_opens_by_each_of_its_exits() {
    let world = World::running();
    let lanes: Vec<String> = (1..=3).map(code).collect();
    for code in &lanes {
        world.portal.on_lane(code, Outcome::refused(Cause::DataRefused, "-1", "sai họ tên"));
        world.admit([event("dossier.received", code, 1)]).await;
    }
    world.eventually("all stuck", |w| w.states(ActionKind::SyncDossier) == [OperationState::Stuck; 3]).await;
    world.advance(3600);
    let overview = world.store.overview(0).await.unwrap();
    let stuck = overview.lanes.iter().find(|l| l.connector == "dvcqg" && l.state == "stuck").unwrap();
    assert_eq!(stuck.lanes, 3);
    assert!(overview.now_us - stuck.oldest_us.unwrap() >= 3_600_000_000, "its age is told");
    assert_eq!(world.told("operation.stuck").await.len(), 3, "and it was told at once");

    let [retried, dismissed, corrected] = &lanes[..] else { unreachable!() };
    let head = |code: &str| {
        let of = world.operations(ActionKind::SyncDossier).into_iter();
        of.filter(|o| o.subject.as_ref().is_some_and(|s| s.as_str() == code)).map(|o| o.id).next().unwrap()
    };
    operator::retry(&world.engine, head(retried), "an", "đã sửa trên Cổng").await.unwrap();
    operator::dismiss(&world.engine, head(dismissed), "an", "nhập trùng").await.unwrap();
    world.admit([event("dossier.corrected", corrected, 2).with_data("/dossier/note", "đúng")]).await;
    world.settled().await;
    assert_eq!(world.seen_at_portal(retried).len(), 3, "refused, then sent with its step");
    assert_eq!(world.seen_at_portal(dismissed).len(), 1);
    assert_eq!(world.seen_at_portal(corrected).len(), 3);
    let stuck = world.store.lanes().iter().filter(|l| l.state == LaneState::Stuck).count();
    assert_eq!(stuck, 0);
    world.ledgers_balance().await;
}

#[tokio::test]
async fn an_event_without_a_usable_subject_is_set_aside_once_and_nothing_waits_behind_it() {
    let world = World::running();
    let code = code(1);
    let without = event("dossier.received", &code, 1).with("subject", "");
    let unknown = event("dossier.received", &code, 2).with("subject", "không phải mã");
    let verdicts = world.admit([without, unknown, event("dossier.received", &code, 3)]).await;
    assert!(matches!(verdicts[0], Verdict::Quarantined(_)), "{verdicts:?}");
    assert!(matches!(verdicts[1], Verdict::Quarantined(_)), "{verdicts:?}");
    assert!(matches!(verdicts[2], Verdict::Accepted { .. }), "{verdicts:?}");
    world.settled().await;
    assert_eq!(world.store.quarantined().len(), 2);
    assert_eq!(world.seen_at_portal(&code).len(), 2);
    world.ledgers_balance().await;
}

#[tokio::test]
async fn several_processes_relay_one_after_the_other_and_never_side_by_side() {
    let mut world = World::running();
    let (second, pool) = replica(&world, "second");
    for n in 1..=40 {
        world.admit([event("dossier.received", &code(n), 1)]).await;
        second.wake();
        if n == 20 {
            // The one that relays is gone without a word; its tenure has to run out.
            assert!(world.stop().await);
            world.advance(31);
        }
    }
    let told = |w: &World| w.publisher.published().iter().filter(|r| r.name == "portal.synced").count();
    world.eventually("everything is told", |w| told(w) >= 40).await;
    let numbers: Vec<i64> = world.publisher.published().iter().map(|r| r.number).collect();
    let mut sorted = numbers.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(numbers, sorted, "in order, and no number from two hands");
    assert!(pool.stop(Duration::from_secs(5)).await);
}

#[tokio::test]
async fn a_lease_outlasts_the_longest_attempt_by_both_margins_whatever_is_configured() {
    for seconds in [1, 45, 600] {
        let longest = Duration::from_secs(seconds);
        let world = World::with(rules(), |portal| {
            portal.with_manifest(|m| {
                m.actions.insert(ActionKind::SyncDossier, longest);
            })
        });
        let portal = ConnectorId::parse("dvcqg").unwrap();
        let lease = Duration::try_from(world.engine.lease(&portal)).unwrap();
        let deadline = world.engine.deadline(&portal, ActionKind::SyncDossier);
        assert_eq!(deadline, longest);
        assert!(lease >= deadline + 2 * world.engine.settings.lease_margin, "{lease:?} for {deadline:?}");
    }
}

#[tokio::test]
async fn work_behind_a_paused_partner_stays_in_the_age_that_alarms_watch() {
    let world = World::running();
    let code = code(1);
    world.portal.always(Outcome::paused(Cause::CredentialsRejected, "sai mật khẩu"));
    world.admit([event("dossier.received", &code, 1)]).await;
    let portal = ConnectorId::parse("dvcqg").unwrap();
    world.eventually("open", |w| w.engine.members[&portal].condition().is_shut()).await;
    world.advance(20);
    let overview = world.store.overview(0).await.unwrap();
    let waiting = overview.lanes.iter().find(|l| l.connector == "dvcqg" && l.state == "ready").unwrap();
    assert!(overview.now_us - waiting.oldest_us.unwrap() >= 20_000_000, "{waiting:?}");
}

#[tokio::test]
async fn a_connector_that_is_taken_away_with_work_in_flight_ends_cleanly_and_may_come_back() {
    let mut world = World::running();
    let (sent, waits, later) = (code(1), code(2), code(3));
    let asked = |code: &str| [event("dossier.received", code, 1), event("post.return_requested", code, 2)];
    world.post.on_lane(&parcel_id(&waits), Outcome::not_done(Cause::Unreachable, "từ chối kết nối"));
    world.admit(asked(&waits)).await;
    world.settled().await;
    world.post.hold();
    world.admit(asked(&sent)).await;
    world.post.until_begun(2).await;
    let post = world.post.clone();
    let release = async { post.release_all() };
    let (is_clean, ()) = tokio::join!(world.stop(), release);
    assert!(is_clean, "what was in flight was settled");
    assert_eq!(world.states(ActionKind::CreateParcel), [OperationState::Ready, OperationState::Succeeded]);

    let restarted = |world: &World, connectors| {
        let settings = world.engine.settings.clone();
        let (store, clock) = (Arc::new(world.store.clone()), Arc::new(world.clock.clone()));
        Engine::new(store, rules(), connectors, clock, settings)
    };
    world.engine = restarted(&world, vec![world.portal.clone(), world.platform.clone()]);
    world.start();
    world.advance(60);
    world.admit(asked(&later)).await;
    world.eventually("the portal has the other dossier", |w| w.seen_at_portal(&later).len() == 2).await;
    let left = world.operations(ActionKind::CreateParcel).remove(0);
    assert_eq!(left.state, OperationState::Ready, "kept, and shown as waiting");
    let deed = operator::retry(&world.engine, left.id, "an", "").await.unwrap();
    assert_eq!(deed, operator::Deed::NotAllowed("no_connector".into()));
    assert_eq!(world.states(ActionKind::Unassigned), [OperationState::Held], "new work waits for the action");
    assert!(world.stop().await);

    world.engine = restarted(&world, vec![world.portal.clone(), world.platform.clone(), world.post.clone()]);
    world.start();
    world
        .eventually("what waited is ordered", |w| {
            w.states(ActionKind::CreateParcel) == [OperationState::Succeeded; 2]
        })
        .await;
    world.ledgers_balance().await;
}

#[tokio::test]
async fn a_refusal_is_not_tried_again_and_the_end_of_all_tries_is_told() {
    let mut world = World::resting();
    let settings =
        EngineSettings { retry: Schedule::from_seconds(&[10, 10]), ..world.engine.settings.clone() };
    world.engine = Engine::new(
        Arc::new(world.store.clone()),
        rules(),
        vec![world.portal.clone(), world.platform.clone(), world.post.clone()],
        Arc::new(world.clock.clone()),
        settings,
    );
    world.start();
    let (refused, failing) = (code(1), code(2));
    world.portal.on_lane(&refused, Outcome::refused(Cause::DataRefused, "400", "sai"));
    for _ in 0..3 {
        world.portal.on_lane(&failing, Outcome::not_done(Cause::PartnerFailed, "500"));
    }
    world.admit([event("dossier.received", &refused, 1), event("dossier.received", &failing, 1)]).await;
    for tries in 1..=3 {
        world.eventually("tried", |w| w.portal.tasks_of(&failing).len() == tries).await;
        world.settled().await;
        world.advance(11);
    }
    world.eventually("both stuck", |w| w.states(ActionKind::SyncDossier) == [OperationState::Stuck; 2]).await;
    world.advance(100_000);
    world.settled().await;
    assert_eq!(world.portal.tasks_of(&refused).len(), 1);
    assert_eq!(world.portal.tasks_of(&failing).len(), 3);
    let causes: Vec<_> =
        world.told("operation.stuck").await.iter().map(|t| t["cause"].as_str().unwrap().to_owned()).collect();
    assert_eq!(causes, ["data_refused", "exhausted"]);
}

#[tokio::test]
async fn more_replicas_make_no_more_attempts() {
    let mut attempts = Vec::new();
    for replicas in [0, 2] {
        let world = World::running();
        let more: Vec<_> = (0..replicas).map(|n| replica(&world, &format!("more {n}"))).collect();
        let lanes: Vec<String> = (1..=12).map(code).collect();
        for code in &lanes {
            for _ in 0..2 {
                world.portal.on_lane(code, Outcome::not_done(Cause::PartnerFailed, "500"));
            }
            world.admit([event("dossier.received", code, 1)]).await;
        }
        for tries in 1..=2 {
            let count = |w: &World| lanes.iter().map(|code| w.portal.tasks_of(code).len()).sum::<usize>();
            world.eventually("each lane was tried", |w| count(w) == 12 * tries).await;
            world.settled().await;
            assert_eq!(count(&world), 12 * tries, "nobody tried out of turn");
            world.advance(31);
        }
        world.eventually("all is sent", |w| w.store.operations().iter().all(|o| o.state.is_ended())).await;
        assert!(world.portal.overlaps().is_empty());
        attempts.push(world.portal.tasks().len());
        for (_, pool) in more {
            assert!(pool.stop(Duration::from_secs(5)).await);
        }
    }
    assert_eq!(attempts, [48, 48], "two setbacks, the state and the step, for twelve dossiers");
}

#[tokio::test]
async fn a_browser_that_comes_back_with_success_moves_no_money_and_spoils_nothing() {
    let world = World::running();
    let code = code(1);
    world.admit([event("dossier.received", &code, 1), event("fee.requested", &code, 2)]).await;
    world.settled().await;
    let payment = payment_id(&code);
    let reference = world.payment(&payment).references[0].reference.to_string();
    let now = lienthong_core::clock::Clock::now(&world.clock);
    let genuine = callback_request(callback_body(&reference, "GD1", "paid", 8000, now));
    let mut browser = genuine.clone();
    browser.headers.clear();
    browser.query = format!("reference={reference}&result=paid&amount=8000");
    let pay = ConnectorId::parse("pay").unwrap();
    let receive = |request| lienthong_core::flow::callback::receive(&world.engine, &pay, request);
    receive(browser.clone()).await.unwrap();
    browser.body.clear();
    receive(browser).await.unwrap();
    assert_eq!(world.payment(&payment).state, lienthong_core::payment::PaymentState::Open);
    assert!(world.told("payment.succeeded").await.is_empty());
    // The same claim, proved: the unproved one before it does not make it a repetition.
    receive(genuine).await.unwrap();
    assert_eq!(world.payment(&payment).state, lienthong_core::payment::PaymentState::Paid);
    assert_eq!(world.told("payment.succeeded").await.len(), 1);
}

#[tokio::test]
async fn what_the_broker_returns_stays_in_the_outbox_and_is_not_taken_for_told() {
    let world = World::running();
    let unroutable =
        PublishError::Unroutable { routing_key: "portal.synced".into(), exchange: "lienthong.events".into() };
    world.publisher.break_down(Some(unroutable));
    world.admit([event("dossier.received", &code(1), 1)]).await;
    world.settled().await;
    world.eventually("it was tried", |w| w.publisher.calls() > 0).await;
    let overview = world.store.overview(0).await.unwrap();
    assert!(overview.outbox_waiting > 0 && world.publisher.published().is_empty());
}
