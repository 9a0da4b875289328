//! What a review of the engine found: every test failed once. Money, order and loss at the seams between the flows.

use lienthong_core::{
    clock::Clock,
    event::rejection::{Reason, Verdict},
    flow::{
        callback,
        engine::{Engine, EngineSettings},
        intake, operator,
        pool::Pool,
        run::{self, Roles},
    },
    id::ConnectorId,
    operation::{ActionKind, OperationState},
    outcome::{Cause, Outcome},
    parcel::ParcelState,
    payment::{News, PaymentState, Tiding},
    plan::{
        admit::{self, Incoming},
        rules::{PartnerKind, Route},
        tidings,
    },
    policy::health::HealthSettings,
    port::{
        store::{Store, decide},
        work::{IDS_PER_DECISION, IdSource, Scope},
    },
    testing::{
        ScriptedConnector, fixtures,
        fixtures::events::{Event, data, event, parcel_id, payment_id, raw},
        scripted::{callback_body, callback_request},
    },
};
use serde_json::json;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio_util::sync::CancellationToken;

use crate::world::{World, code, rules};

async fn call_back(world: &World, reference: &str, platform_ref: &str, result: &str) {
    let request = callback_request(callback_body(reference, platform_ref, result, 8000, world.clock.now()));
    let pay = ConnectorId::parse("pay").unwrap();
    callback::receive(&world.engine, &pay, request).await.unwrap();
}

async fn opened(world: &World, code: &str) -> String {
    world.admit([event("dossier.received", code, 1), event("fee.requested", code, 2)]).await;
    world.settled().await;
    reference(world, code)
}

fn reference(world: &World, code: &str) -> String {
    world.payment(&payment_id(code)).references[0].reference.to_string()
}

fn lost() -> Outcome {
    Outcome::unclear(Cause::NoAnswer, "không trả lời")
}

fn is_quarantined(verdict: &Verdict, reason: Reason) -> bool {
    matches!(verdict, Verdict::Quarantined(r) if r.reason == reason)
}

/// How often a batch is decided before everything that it needs is loaded.
async fn rounds(world: &World, batch: impl IntoIterator<Item = Event>) -> usize {
    let batch: Vec<Incoming> = batch
        .into_iter()
        .map(|e| {
            let message = e.message();
            let read = intake::judge(&world.engine, &message);
            Incoming { origin: message.origin, raw: message.body, read }
        })
        .collect();
    let count = Arc::new(AtomicUsize::new(0));
    let (seen, rules) = (Arc::clone(&count), Arc::clone(&world.engine.rules));
    decide(&world.store, admit::scope(&batch), move |work| {
        seen.fetch_add(1, Ordering::Relaxed);
        admit::admit(work, &rules, &batch);
    })
    .await
    .unwrap();
    count.load(Ordering::Relaxed)
}

#[tokio::test]
async fn a_batch_costs_as_many_rounds_as_one_event() {
    let world = World::resting();
    assert_eq!(rounds(&world, (1..=50).map(|n| event("dossier.received", &code(n), 5))).await, 1);
    let late = (1..=50).map(|n| event("dossier.processing", &code(n), 3));
    assert_eq!(rounds(&world, late).await, 2, "the history is loaded once for all");
    assert!(world.store.events().len() == 100);
    world.ledgers_balance().await;
}

#[tokio::test]
async fn deciding_about_a_later_operation_does_not_lose_the_answer_about_the_running_head() {
    let world = World::running();
    let code = code(1);
    world.portal.hold();
    world.admit([event("dossier.received", &code, 1)]).await;
    world.portal.until_begun(1).await;
    let step = world.operations(ActionKind::AppendProgress)[0].id;
    assert_eq!(operator::dismiss(&world.engine, step, "an", "ghi nhầm").await.unwrap(), operator::Deed::Done);
    world.portal.release_all();
    world.settled().await;
    assert_eq!(world.states(ActionKind::SyncDossier), [OperationState::Succeeded]);
    assert_eq!(world.portal.tasks().len(), 1);
    world.ledgers_balance().await;
}

#[tokio::test]
async fn a_failed_try_before_the_success_does_not_make_the_success_a_second_one() {
    let world = World::running();
    let code = code(1);
    let reference = opened(&world, &code).await;
    call_back(&world, &reference, "GD1", "failed").await;
    call_back(&world, &reference, "GD2", "paid").await;
    let tiding = Tiding {
        reference: reference.parse().unwrap(),
        platform_ref: "GD2".into(),
        news: News::Paid { amount: 8000, at: world.clock.now() },
        by: "query",
    };
    let mut scope = Scope::default();
    scope.references.insert((ConnectorId::parse("pay").unwrap(), tiding.reference.clone()));
    let rules = Arc::clone(&world.engine.rules);
    decide(&world.store, scope, move |work| {
        tidings::apply(work, &rules, &ConnectorId::parse("pay").unwrap(), &tiding).ok();
    })
    .await
    .unwrap();
    assert_eq!(world.payment(&payment_id(&code)).state, PaymentState::Paid);
    assert!(world.told("payment.needs_refund").await.is_empty());
}

#[tokio::test]
async fn every_success_too_many_is_told_under_an_id_of_its_own() {
    let world = World::running();
    let code = code(1);
    let reference = opened(&world, &code).await;
    for transaction in ["GD1", "GD2", "GD3"] {
        call_back(&world, &reference, transaction, "paid").await;
    }
    let rows = world.store.outbox(0, 1000).await.unwrap();
    let ids: std::collections::BTreeSet<_> =
        rows.iter().filter(|r| r.name == "payment.needs_refund").map(|r| r.id.clone()).collect();
    assert_eq!(ids.len(), 2, "{ids:?}");
}

#[tokio::test]
async fn a_link_is_not_told_of_a_payment_that_was_taken_back_meanwhile() {
    let world = World::running();
    let code = code(1);
    world.platform.hold();
    world.admit([event("dossier.received", &code, 1), event("fee.requested", &code, 2)]).await;
    world.platform.until_begun(1).await;
    world.admit([event("fee.cancelled", &code, 3)]).await;
    world.platform.release_all();
    world.settled().await;
    assert!(world.told("payment.opened").await.is_empty());
    call_back(&world, &reference(&world, &code), "GD1", "paid").await;
    assert_eq!(world.payment(&payment_id(&code)).state, PaymentState::NeedsRefund);
}

#[tokio::test]
async fn what_goes_back_of_doubled_money_leaves_the_fee_paid() {
    let world = World::running();
    let code = code(1);
    let reference = opened(&world, &code).await;
    call_back(&world, &reference, "GD1", "paid").await;
    world.admit([event("fee.paid_at_desk", &code, 3), event("fee.refunded", &code, 4)]).await;
    world.settled().await;
    let settled = world.portal.tasks_of(&code).last().unwrap().dossier.clone().unwrap().settled.clone();
    assert_eq!(settled.len(), 1, "{settled:?}");

    let two = crate::world::code(2);
    let reference = opened(&world, &two).await;
    call_back(&world, &reference, "GD2", "paid").await;
    world.admit([event("fee.refunded", &two, 3)]).await;
    world.settled().await;
    let state = world.portal.tasks_of(&two).last().unwrap().dossier.clone().unwrap();
    assert!(state.settled.is_empty(), "the only money went back");
}

#[tokio::test]
async fn a_payment_whose_time_is_over_expires_once_the_platform_knows_of_no_money() {
    let world = World::running();
    let code = code(1);
    let request =
        event("fee.requested", &code, 2).with_data("/payment/expires_at", "2026-11-23T08:10:00+07:00");
    world.admit([event("dossier.received", &code, 1), request]).await;
    world.settled().await;
    world.run_timers().await;
    world.advance(16 * 60);
    world.run_timers().await;
    assert_eq!(world.payment(&payment_id(&code)).state, PaymentState::Expired);
    assert_eq!(world.told("payment.expired").await.len(), 1);
    call_back(&world, &reference(&world, &code), "GD1", "paid").await;
    assert_eq!(world.payment(&payment_id(&code)).state, PaymentState::Paid, "paid beats expired");
}

#[tokio::test]
async fn a_payment_that_expires_after_it_is_not_asked_about_any_more_is_told_expired_too() {
    let world = World::running();
    let code = code(1);
    let request =
        event("fee.requested", &code, 2).with_data("/payment/expires_at", "2026-12-23T08:10:00+07:00");
    world.admit([event("dossier.received", &code, 1), request]).await;
    world.settled().await;
    world.run_timers().await;
    let days = |days: i64| days * 24 * 3600;
    world.advance(days(20));
    world.run_timers().await;
    let asked = world.platform.journal().len();
    assert!(world.told("payment.expired").await.is_empty(), "its time is not over");
    world.advance(days(20));
    world.run_timers().await;
    assert_eq!(world.platform.journal().len(), asked + 1, "asked once more before it is told");
    assert_eq!(world.payment(&payment_id(&code)).state, PaymentState::Expired);
    world.advance(days(1));
    world.run_timers().await;
    assert_eq!(world.platform.journal().len(), asked + 1);
    assert_eq!(world.told("payment.expired").await.len(), 1);
}

#[tokio::test]
async fn an_event_moves_only_payments_and_parcels_of_its_own_dossier() {
    let world = World::running();
    let (one, two) = (code(1), code(2));
    world
        .admit([
            event("dossier.received", &one, 1),
            event("fee.requested", &one, 2),
            event("post.return_requested", &one, 3),
            event("dossier.received", &two, 1),
        ])
        .await;
    let foreign = [
        raw("fee.cancelled", &two, 2, data("fee.cancelled", &one)),
        raw("fee.paid_at_desk", &two, 3, data("fee.paid_at_desk", &one)),
        raw("fee.requested", &two, 4, data("fee.requested", &one)),
        raw("post.cancelled", &two, 5, data("post.cancelled", &one)),
    ];
    for verdict in world.admit(foreign).await {
        assert!(is_quarantined(&verdict, Reason::EffectConflict), "{verdict:?}");
    }
    assert_eq!(world.payment(&payment_id(&one)).state, PaymentState::Open);
    world.ledgers_balance().await;
}

#[tokio::test]
async fn a_statement_of_its_own_unit_does_not_let_a_source_take_a_dossier_over() {
    let mut rules = rules();
    let (ours, theirs) = ("000.00.08.H99", "000.00.09.H99");
    rules.sources = vec![
        (format!("/motcua/{ours}"), vec![ours.into()]),
        (format!("/motcua/{theirs}"), vec![theirs.into()]),
    ];
    let world = World::with(rules, |portal| portal);
    let from_them = |e: Event, id: &str| e.with("source", format!("/motcua/{theirs}")).with("id", id);
    world.admit([event("dossier.received", &code(1), 1)]).await;
    let verdicts = world
        .admit([
            from_them(event("dossier.corrected", &code(1), 1).with_data("/dossier/unit/code", theirs), "a"),
            from_them(event("dossier.processing", &code(2), 1), "b"),
        ])
        .await;
    assert!(verdicts.iter().all(|v| is_quarantined(v, Reason::UnitNotAllowed)), "{verdicts:?}");
}

#[tokio::test]
async fn postage_joins_fees_where_the_unit_is_configured_for_it() {
    let mixed = |n| {
        let line = json!({"kind": "postage", "code": "CP", "name": "Cước", "amount": 20000});
        let fee = json!({"fee_id": "LP01", "kind": "fee", "code": "LP01", "name": "Lệ phí", "amount": 8000});
        event("fee.requested", &code(n), 1).with_data("/payment/lines", json!([fee, line]))
    };
    let mut rules = rules();
    let world = World::with(rules.clone(), |portal| portal);
    assert!(is_quarantined(&world.admit([mixed(1)]).await[0], Reason::Amount));
    rules.postage_with_fees = vec![fixtures::UNIT.into()];
    let world = World::with(rules, |portal| portal);
    assert!(matches!(world.admit([mixed(1)]).await[0], Verdict::Accepted { .. }));
}

#[tokio::test]
async fn an_order_that_was_refused_and_sent_again_is_accepted() {
    let world = World::running();
    let code = code(1);
    world.post.next(Outcome::refused(Cause::DataRefused, "9", "sai mã phường"));
    world.admit([event("dossier.received", &code, 1), event("post.return_requested", &code, 2)]).await;
    world.eventually("stuck", |w| w.states(ActionKind::CreateParcel) == [OperationState::Stuck]).await;
    assert_eq!(world.store.parcels()[0].state, ParcelState::Refused);
    let id = world.operations(ActionKind::CreateParcel)[0].id;
    operator::retry(&world.engine, id, "an", "đã sửa").await.unwrap();
    world.settled().await;
    assert_eq!(world.store.parcels()[0].state, ParcelState::Accepted);
    assert_eq!(world.told("operation.resumed").await.len(), 1);
}

#[tokio::test]
async fn a_parcel_is_cancelled_once_and_not_ordered_after_its_cancellation() {
    let mut world = World::resting();
    let (twice, late) = (code(1), code(2));
    world
        .admit([
            event("dossier.received", &twice, 1),
            event("post.return_requested", &twice, 2),
            event("post.cancelled", &twice, 3),
            event("post.cancelled", &twice, 4),
            event("dossier.received", &late, 1),
            event("post.cancelled", &late, 3),
            event("post.return_requested", &late, 2),
        ])
        .await;
    world.start();
    world.settled().await;
    assert!(world.post.tasks().is_empty(), "{:?}", world.post.tasks());
    assert!(world.store.parcels().iter().all(|p| p.state == ParcelState::Cancelled));
    world.ledgers_balance().await;
}

#[tokio::test]
async fn what_nobody_carries_out_is_taken_back_and_never_made_ready() {
    let mut rules = rules();
    let only = Route { units: vec!["000.00.77.H99".into()], ..Route::default() };
    rules.connectors = [("pay", PartnerKind::Payment), ("post", PartnerKind::Post)]
        .map(|(id, kind)| {
            let mut rule = ScriptedConnector::new(fixtures::manifest(id, kind)).rule();
            rule.routes = vec![only.clone()];
            rule
        })
        .into();
    let world = World::with(rules, |portal| portal);
    let code = code(1);
    world
        .admit([
            event("dossier.received", &code, 1),
            event("fee.requested", &code, 2),
            event("post.return_requested", &code, 3),
        ])
        .await;
    let held = world.operations(ActionKind::Unassigned);
    assert_eq!(held.len(), 2);
    assert_eq!(
        operator::retry(&world.engine, held[0].id, "an", "").await.unwrap(),
        operator::Deed::NotAllowed("no_connector".into())
    );
    assert_eq!(operator::wake(&world.engine, "action:").await.unwrap(), 0);
    world.admit([event("fee.cancelled", &code, 4), event("post.cancelled", &code, 5)]).await;
    assert_eq!(world.states(ActionKind::Unassigned), [OperationState::Dismissed; 2]);
    world.ledgers_balance().await;
}

#[tokio::test]
async fn a_late_extension_still_moves_the_due_date_and_a_late_result_does_not_undo_a_newer_one() {
    let world = World::running();
    let code = code(1);
    world.admit([event("dossier.received", &code, 1), event("dossier.processing", &code, 5)]).await;
    world.admit([event("dossier.extended", &code, 3)]).await;
    world.admit([event("result.corrected", &code, 8).with_data("/result/number", "mới")]).await;
    world.admit([event("result.corrected", &code, 7).with_data("/result/number", "cũ")]).await;
    world.settled().await;
    let state = world.portal.tasks_of(&code).last().unwrap().dossier.clone().unwrap();
    assert_eq!(state.fields["due_at"], "2026-11-27T17:00:00+07:00");
    assert_eq!(state.fields["results"][0]["number"], "mới");
}

#[tokio::test]
async fn a_late_event_does_not_undo_what_newer_ones_state_outside_the_dossier() {
    let world = World::running();
    let code = code(1);
    world.admit([event("dossier.received", &code, 1), event("dossier.extended", &code, 5)]).await;
    let late = event("dossier.corrected", &code, 3).with_data("/dossier/due_at", "2026-11-25T09:00:00+07:00");
    world.admit([late]).await;
    world.settled().await;
    let state = world.portal.tasks_of(&code).last().unwrap().dossier.clone().unwrap();
    assert_eq!(state.fields["due_at"], "2026-11-27T17:00:00+07:00");
}

#[tokio::test]
async fn each_refusal_is_told_under_an_id_of_its_own() {
    let world = World::running();
    let code = code(1);
    world.portal.on_lane(&code, Outcome::refused(Cause::DataRefused, "-1", "sai"));
    world.portal.on_lane(&code, Outcome::refused(Cause::DataRefused, "-1", "vẫn sai"));
    world.admit([event("dossier.received", &code, 1)]).await;
    world.eventually("stuck", |w| w.states(ActionKind::SyncDossier) == [OperationState::Stuck]).await;
    let id = world.operations(ActionKind::SyncDossier)[0].id;
    operator::retry(&world.engine, id, "an", "").await.unwrap();
    world
        .eventually("stuck again", |w| {
            w.portal.tasks().len() == 2 && w.states(ActionKind::SyncDossier) == [OperationState::Stuck]
        })
        .await;
    let rows = world.store.outbox(0, 1000).await.unwrap();
    let ids: std::collections::BTreeSet<_> =
        rows.iter().filter(|r| r.name == "portal.refused").map(|r| r.id.clone()).collect();
    assert_eq!(ids.len(), 2);
}

#[tokio::test]
async fn a_partner_that_asks_for_a_snapshot_of_a_known_dossier_gets_the_next_one() {
    let world = World::running();
    let code = code(1);
    world.platform.next(Outcome::Held(fixtures::need(&format!("snapshot:{code}"))));
    opened(&world, &code).await;
    world.eventually("held", |w| w.states(ActionKind::OpenPayment) == [OperationState::Held]).await;
    let whole = raw("dossier.corrected", &code, 3, data("dossier.received", &code));
    world.admit([whole.with_data("/step", json!(null)).with_data("/dossier/note", "đủ")]).await;
    world.settled().await;
    assert_eq!(world.states(ActionKind::OpenPayment), [OperationState::Succeeded]);
    assert!(world.store.incidents().iter().all(|i| i.closed_at.is_some()));
}

#[tokio::test]
async fn a_dossier_that_is_not_void_after_all_goes_back_to_its_status() {
    let world = World::running();
    let code = code(1);
    world.admit([event("dossier.received", &code, 1)]).await;
    world.settled().await;
    world.admit([event("dossier.voided", &code, 2)]).await;
    let held = world.operations(ActionKind::SyncDossier).pop().unwrap();
    operator::dismiss(&world.engine, held.id, "an", "nhầm hồ sơ").await.unwrap();
    world.admit([event("dossier.corrected", &code, 3).with_data("/dossier/note", "x")]).await;
    world.settled().await;
    assert!(world.seen_at_portal(&code)[2..].iter().all(|seen| seen == "sync 2"));
    assert!(world.seen_at_portal(&code).len() > 2);
    assert!(world.store.incidents().iter().all(|i| i.closed_at.is_some()));
    world.ledgers_balance().await;
}

#[tokio::test]
async fn a_void_that_waits_for_a_person_does_not_stand_in_for_a_stuck_state() {
    let world = World::running();
    let code = code(1);
    world.portal.on_lane(&code, Outcome::refused(Cause::DataRefused, "-1", "sai"));
    world.admit([event("dossier.received", &code, 1)]).await;
    world.eventually("stuck", |w| w.states(ActionKind::SyncDossier) == [OperationState::Stuck]).await;
    world.admit([event("dossier.voided", &code, 2)]).await;
    assert_eq!(world.states(ActionKind::SyncDossier), [OperationState::Stuck, OperationState::Held]);
}

#[tokio::test]
async fn states_of_an_unknown_dossier_stand_in_at_the_head_within_a_batch_too() {
    let world = World::running();
    let code = code(1);
    world
        .admit([
            event("dossier.processing", &code, 2),
            event("dossier.supplement_requested", &code, 3),
            event("dossier.finished", &code, 4),
        ])
        .await;
    let states = world.states(ActionKind::SyncDossier);
    assert_eq!(states, [OperationState::Superseded, OperationState::Superseded, OperationState::Held]);
    world.admit([raw("dossier.corrected", &code, 5, data("dossier.submitted", &code))]).await;
    world.settled().await;
    assert_eq!(world.seen_at_portal(&code), ["sync 9", "Đang xử lý", "Yêu cầu bổ sung", "Đã có kết quả"]);
    world.ledgers_balance().await;
}

#[tokio::test]
async fn a_step_of_an_unknown_dossier_is_not_lost_where_procedures_decide_the_route() {
    let mut rules = rules();
    let mut rule = ScriptedConnector::portal("dvcqg").rule();
    rule.routes = vec![Route { procedures: vec!["1.*".into()], ..Route::default() }];
    rules.connectors = vec![rule];
    let mut world = World::with(rules, |portal| portal);
    world.start();
    let code = code(1);
    world.admit([event("dossier.processing", &code, 2)]).await;
    world.admit([event("dossier.received", &code, 1)]).await;
    world.settled().await;
    assert!(
        world.seen_at_portal(&code).contains(&"Đang xử lý".to_owned()),
        "{:?}",
        world.seen_at_portal(&code)
    );
}

#[tokio::test]
async fn two_tracking_records_of_one_moment_both_count() {
    let world = World::running();
    let code = code(1);
    world.admit([event("dossier.received", &code, 1), event("post.return_requested", &code, 2)]).await;
    world.settled().await;
    world.run_timers().await;
    world.advance(700);
    let order = parcel_id(&code);
    let tracked = |record: &str, means| {
        let mut tracked = fixtures::parcel_move(record, &order, means);
        tracked.at = world.clock.now();
        tracked
    };
    world.post.feed_moves([tracked("a1", None), tracked("a2", Some(ParcelState::Delivered))]);
    world.run_timers().await;
    assert_eq!(world.store.parcels()[0].state, ParcelState::Delivered);
    assert_eq!(world.told("post.delivered").await.len(), 1);
}

#[tokio::test]
async fn a_tracking_record_ends_the_doubt_about_its_order() {
    let world = World::running();
    let code = code(1);
    world.run_timers().await;
    world.post.next(lost());
    world.admit([event("dossier.received", &code, 1), event("post.return_requested", &code, 2)]).await;
    world.eventually("doubtful", |w| w.states(ActionKind::CreateParcel) == [OperationState::Doubtful]).await;
    let record = fixtures::parcel_move("a1", &parcel_id(&code), None);
    world.post.feed_moves([record]);
    let post = &world.engine.members[&ConnectorId::parse("post").unwrap()];
    lienthong_core::flow::reconcile::track(&world.engine, post).await.unwrap();
    assert_eq!(world.states(ActionKind::CreateParcel), [OperationState::Succeeded]);
    assert_eq!(world.post.tasks().len(), 1);
    world.ledgers_balance().await;
}

#[tokio::test]
async fn a_partner_that_lets_everybody_wait_is_paused() {
    let world = World::resting();
    let portal = world.portal.clone();
    let settings = EngineSettings {
        holder: "impatient".into(),
        poll: Duration::from_millis(5),
        health: HealthSettings { in_a_row: 3, ..HealthSettings::default() },
        ..EngineSettings::default()
    };
    let engine = Engine::new(
        Arc::new(world.store.clone()),
        rules(),
        vec![portal.clone()],
        Arc::new(world.clock.clone()),
        settings,
    );
    portal.always(lost());
    portal.on_check(Err(lienthong_core::port::connector::CheckFailure {
        cause: Cause::NoAnswer,
        said: "không trả lời".into(),
    }));
    world.admit((1..=40).map(|n| event("dossier.received", &code(n), 1))).await;
    let (pool, _ends) = Pool::new(CancellationToken::new());
    run::start(&engine, &pool, Roles { schedule: false, ..Roles::all() }, None);
    let member = Arc::clone(&engine.members[portal.id()]);
    world.eventually("open", |_| member.condition().is_shut()).await;
    world
        .eventually("nothing runs", |w| {
            w.store.operations().iter().all(|o| o.state != OperationState::Running)
        })
        .await;
    assert!(portal.tasks().len() <= 10, "{} lanes were left in doubt", portal.tasks().len());
    assert!(pool.stop(Duration::from_secs(5)).await);
}

#[test]
fn rests_of_row_numbers_do_not_pile_up() {
    let source = IdSource::default();
    source.add(0..IDS_PER_DECISION * 1000);
    for _ in 0..400 {
        let (Some(one), Some(two)) = (source.slice(), source.slice()) else {
            panic!("there are numbers left")
        };
        one.take();
        two.take();
        source.add(two.rest());
        source.add(one.rest());
    }
    assert!(format!("{source:?}").len() < 200, "{source:?}");
}

#[test]
fn a_rejection_can_always_be_stored() {
    let rejection = lienthong_core::event::rejection::Rejection::new(Reason::NotJson, "", "", "a\u{0}b");
    assert!(!rejection.got.contains('\0'));
}
