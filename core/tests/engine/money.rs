//! Payments: one payable reference, every success recorded, what comes twice goes back.

use jiff::Timestamp;
use lienthong_core::{
    clock::Clock,
    event::rejection::{Reason, Verdict},
    finding::Finding,
    flow::callback,
    id::ConnectorId,
    need::Need,
    operation::{ActionKind, OperationState, Payload},
    outcome::{Cause, Outcome, Proof},
    payment::{News, PaymentState, ReferenceState, Tiding},
    port::connector::Task,
    testing::{
        fixtures::events::{event, payment_id},
        scripted::{callback_body, callback_request},
    },
};
use serde_json::{Value, json};

use crate::world::{World, code, rules};

fn lost() -> Outcome {
    Outcome::unclear(Cause::NoAnswer, "không trả lời")
}

async fn opened(world: &World, code: &str) -> String {
    world.admit([event("dossier.received", code, 1), event("fee.requested", code, 2)]).await;
    world.settled().await;
    world.payment(&payment_id(code)).references[0].reference.to_string()
}

pub async fn call_back(
    world: &World,
    reference: &str,
    platform_ref: &str,
    result: &str,
    amount: i64,
) -> String {
    let at: Timestamp = world.clock.now();
    let request = callback_request(callback_body(reference, platform_ref, result, amount, at));
    let pay = ConnectorId::parse("pay").unwrap();
    callback::receive(&world.engine, &pay, request).await.unwrap().body
}

#[tokio::test]
async fn a_paid_callback_is_recorded_once_told_once_and_reaches_the_portal() {
    let world = World::running();
    let code = code(1);
    let reference = opened(&world, &code).await;
    assert_eq!(world.told("payment.opened").await.len(), 1);
    for _ in 0..3 {
        call_back(&world, &reference, "GD1", "paid", 8000).await;
    }
    world.settled().await;
    assert_eq!(world.payment(&payment_id(&code)).state, PaymentState::Paid);
    assert_eq!(world.told("payment.succeeded").await.len(), 1);
    let state = world.portal.tasks_of(&code).last().unwrap().dossier.clone().unwrap();
    assert_eq!(state.settled.len(), 1);
    assert_eq!(state.settled[0].lines, [("LP01".to_owned(), 8000)]);
    world.ledgers_balance().await;
}

#[tokio::test]
async fn a_callback_for_another_amount_or_an_unknown_reference_moves_nothing() {
    let world = World::running();
    let code = code(1);
    let reference = opened(&world, &code).await;
    call_back(&world, &reference, "GD1", "paid", 800).await;
    call_back(&world, "LTUNKNOWN", "GD2", "paid", 8000).await;
    assert_eq!(world.payment(&payment_id(&code)).state, PaymentState::Open);
    assert!(
        world.store.callbacks().iter().all(|c| c.verdict.as_deref().unwrap_or("").starts_with("rejected"))
    );
    // The genuine one that follows is not poisoned by it.
    call_back(&world, &reference, "GD1", "paid", 8000).await;
    assert_eq!(world.payment(&payment_id(&code)).state, PaymentState::Paid);
}

#[tokio::test]
async fn a_forged_callback_is_kept_and_not_believed() {
    let world = World::running();
    let code = code(1);
    let reference = opened(&world, &code).await;
    let mut request = callback_request(callback_body(&reference, "GD1", "paid", 8000, world.clock.now()));
    request.headers.clear();
    let pay = ConnectorId::parse("pay").unwrap();
    callback::receive(&world.engine, &pay, request).await.unwrap();
    assert_eq!(world.payment(&payment_id(&code)).state, PaymentState::Open);
    assert_eq!(world.store.callbacks().len(), 1);
}

#[tokio::test]
async fn a_callback_that_comes_before_the_answer_is_applied_and_the_running_attempt_settles_itself() {
    let world = World::running();
    let code = code(1);
    world.platform.hold();
    world.admit([event("dossier.received", &code, 1), event("fee.requested", &code, 2)]).await;
    world.platform.until_begun(1).await;
    let reference = world.payment(&payment_id(&code)).references[0].reference.to_string();
    call_back(&world, &reference, "GD1", "paid", 8000).await;
    assert_eq!(world.payment(&payment_id(&code)).state, PaymentState::Paid);
    assert_eq!(world.states(ActionKind::OpenPayment), [OperationState::Running]);
    world.platform.release_all();
    world.settled().await;
    assert_eq!(world.states(ActionKind::OpenPayment), [OperationState::Succeeded]);
    assert_eq!(world.payment(&payment_id(&code)).state, PaymentState::Paid, "an answer does not undo money");
    world.ledgers_balance().await;
}

#[tokio::test]
async fn a_callback_settles_a_doubtful_opening() {
    let world = World::running();
    let code = code(1);
    world.platform.next(Outcome::unclear(Cause::Broken, "đứt"));
    let reference = opened(&world, &code).await;
    world.eventually("doubtful", |w| w.states(ActionKind::OpenPayment) == [OperationState::Doubtful]).await;
    call_back(&world, &reference, "GD1", "paid", 8000).await;
    assert_eq!(world.states(ActionKind::OpenPayment), [OperationState::Succeeded]);
    assert_eq!(world.platform.tasks().len(), 1);
    world.ledgers_balance().await;
}

#[tokio::test]
async fn money_that_comes_twice_or_after_a_cancellation_needs_a_refund() {
    let world = World::running();
    let (twice, cancelled, desk) = (code(1), code(2), code(3));
    let reference = opened(&world, &twice).await;
    call_back(&world, &reference, "GD1", "paid", 8000).await;
    call_back(&world, &reference, "GD2", "paid", 8000).await;
    assert_eq!(world.payment(&payment_id(&twice)).state, PaymentState::NeedsRefund);

    let reference = opened(&world, &cancelled).await;
    world.admit([event("fee.cancelled", &cancelled, 3)]).await;
    assert_eq!(world.payment(&payment_id(&cancelled)).state, PaymentState::Cancelled);
    call_back(&world, &reference, "GD3", "paid", 8000).await;
    assert_eq!(world.payment(&payment_id(&cancelled)).state, PaymentState::NeedsRefund);

    let reference = opened(&world, &desk).await;
    world.admit([event("fee.paid_at_desk", &desk, 3)]).await;
    assert_eq!(world.payment(&payment_id(&desk)).state, PaymentState::PaidAtDesk);
    call_back(&world, &reference, "GD4", "paid", 8000).await;
    assert_eq!(world.payment(&payment_id(&desk)).state, PaymentState::NeedsRefund);
    assert_eq!(world.told("payment.needs_refund").await.len(), 3);
    assert_eq!(world.told("payment.succeeded").await.len(), 1);
}

#[tokio::test]
async fn paid_at_the_desk_after_paid_online_is_a_refund_and_not_an_overwrite() {
    let world = World::running();
    let code = code(1);
    let reference = opened(&world, &code).await;
    call_back(&world, &reference, "GD1", "paid", 8000).await;
    world.admit([event("fee.paid_at_desk", &code, 3)]).await;
    assert_eq!(world.payment(&payment_id(&code)).state, PaymentState::NeedsRefund);
}

#[tokio::test]
async fn a_payment_taken_back_before_it_was_sent_is_never_opened() {
    let mut world = World::resting();
    let code = code(1);
    world
        .admit([
            event("dossier.received", &code, 1),
            event("fee.requested", &code, 2),
            event("fee.cancelled", &code, 3),
        ])
        .await;
    world.start();
    world.settled().await;
    assert!(world.platform.tasks().is_empty());
    assert_eq!(world.states(ActionKind::OpenPayment), [OperationState::Dismissed]);
    let references = world.payment(&payment_id(&code)).references;
    let states: Vec<_> = references.iter().map(|r| r.state).collect();
    assert_eq!(states, [ReferenceState::Dead], "the platform was never told of it: nobody asks about it");
    world.ledgers_balance().await;
}

#[tokio::test]
async fn a_request_that_comes_after_its_own_cancellation_opens_nothing() {
    let world = World::running();
    let code = code(1);
    world.admit([event("dossier.received", &code, 1), event("fee.cancelled", &code, 3)]).await;
    world.admit([event("fee.requested", &code, 2)]).await;
    world.settled().await;
    assert!(world.platform.tasks().is_empty());
    assert_eq!(world.payment(&payment_id(&code)).state, PaymentState::Cancelled);
}

#[tokio::test]
async fn the_same_payment_in_two_events_is_one_and_other_content_a_conflict() {
    let world = World::running();
    let code = code(1);
    opened(&world, &code).await;
    world.admit([event("dossier.fee_requested", &code, 3)]).await;
    let other = event("fee.requested", &code, 4).with_data("/payment/description", "khác");
    let verdicts = world.admit([other]).await;
    assert!(
        matches!(&verdicts[0], Verdict::Quarantined(r) if r.reason == Reason::EffectConflict),
        "{verdicts:?}"
    );
    world.settled().await;
    assert_eq!(world.platform.tasks().len(), 1);
}

#[tokio::test]
async fn an_account_that_nobody_approved_receives_nothing() {
    let world = World::resting();
    let code = code(1);
    let account = json!({"account": "666", "bank_bin": "970400", "bank_code": "X", "holder": "Y"});
    let events = [
        event("fee.requested", &code, 1).with_data("/payment/beneficiary_code", "KB-khac"),
        event("fee.requested", &code, 2).with_data("/payment/beneficiary", account.clone()),
        event("fee.requested", &code, 3)
            .with_data("/payment/beneficiary_code", Value::Null)
            .with_data("/payment/beneficiary", account),
    ];
    for verdict in world.admit(events).await {
        assert!(
            matches!(&verdict, Verdict::Quarantined(r) if r.reason == Reason::Beneficiary),
            "{verdict:?}"
        );
    }
}

#[tokio::test]
async fn the_sweep_finds_money_that_no_callback_told_of() {
    let world = World::running();
    let code = code(1);
    let reference = opened(&world, &code).await;
    let tiding = Tiding {
        reference: reference.parse().unwrap(),
        platform_ref: "GD1".into(),
        news: News::Paid { amount: 8000, at: world.clock.now() },
        by: "query",
    };
    world.platform.on_inquiry(&reference, Ok(Some(tiding)));
    world.run_timers().await;
    world.advance(16 * 60);
    world.run_timers().await;
    assert_eq!(world.payment(&payment_id(&code)).state, PaymentState::Paid);
    world.settled().await;
    assert_eq!(world.told("payment.succeeded").await.len(), 1);
}

#[tokio::test]
async fn a_refused_opening_fails_the_payment_and_its_lane_goes_on() {
    let world = World::running();
    let code = code(1);
    world.platform.next(Outcome::refused(Cause::DataRefused, "99", "từ chối"));
    opened(&world, &code).await;
    assert_eq!(world.payment(&payment_id(&code)).state, PaymentState::Failed);
    assert_eq!(world.states(ActionKind::OpenPayment), [OperationState::Refused]);
    assert_eq!(world.told("payment.failed").await.len(), 1);
    world.ledgers_balance().await;
}

#[tokio::test]
async fn what_the_platform_is_told_is_fixed_at_planning() {
    let mut world = World::resting();
    let code = code(1);
    world.admit([event("dossier.received", &code, 1), event("fee.requested", &code, 2)]).await;
    let planned = world.payment(&payment_id(&code)).references[0].sent_at.clone();
    world.advance(7200);
    world.start();
    world.settled().await;
    let Payload::OpenPayment { sent_at, amount, .. } = &*world.platform.tasks()[0].payload else {
        panic!("an opening")
    };
    assert_eq!((sent_at, *amount), (&planned, 8000));
}

#[tokio::test]
async fn an_opening_that_waited_for_the_account_goes_out_with_the_one_supplied_since() {
    let mut incomplete = rules();
    for account in incomplete.beneficiaries.values_mut() {
        account.holder.clear();
    }
    let mut world = World::with(incomplete, |portal| portal);
    world.start();
    let (by_code, in_full) = (code(1), code(2));
    world.platform.always(Outcome::Held(Need::Setting("beneficiary".into())));
    let account =
        json!({"account": "3511.0.1234567", "bank_bin": "970400", "bank_code": "KBNN", "holder": ""});
    let named = event("fee.requested", &in_full, 2)
        .with_data("/payment/beneficiary_code", Value::Null)
        .with_data("/payment/beneficiary", account);
    world.admit([event("dossier.received", &by_code, 1), event("fee.requested", &by_code, 2)]).await;
    world.admit([event("dossier.received", &in_full, 1), named]).await;
    world.settled().await;
    assert_eq!(world.states(ActionKind::OpenPayment), [OperationState::Held; 2]);

    world.platform.works();
    world.restart_with(rules()).await;
    world.eventually("both are open", |w| w.store.operations().iter().all(|o| o.state.is_ended())).await;
    for code in [by_code, in_full] {
        let tasks = world.platform.tasks_of(&payment_id(&code));
        let holder = |task: &Task| match &*task.payload {
            Payload::OpenPayment { payment, .. } => payment.beneficiary.clone().unwrap().holder,
            _ => unreachable!(),
        };
        assert_eq!((holder(&tasks[0]).as_str(), holder(tasks.last().unwrap()).as_str()), ("", "KBNN Mẫu"));
        let record = world.payment(&payment_id(&code));
        assert_eq!(record.body.beneficiary.as_ref().unwrap().holder, "KBNN Mẫu");
    }
    assert!(world.store.incidents().iter().all(|i| i.closed_at.is_some()));
    world.ledgers_balance().await;
}

#[tokio::test]
async fn a_payment_cancelled_in_doubt_is_not_opened_again() {
    let world = World::running();
    let code = code(1);
    world.platform.next(lost());
    world.platform.always_finds(Finding::Absent);
    opened(&world, &code).await;
    world.eventually("doubtful", |w| w.states(ActionKind::OpenPayment) == [OperationState::Doubtful]).await;
    world.admit([event("fee.cancelled", &code, 3)]).await;
    world.advance(61);
    world.eventually("asked", |w| w.platform.probes().len() == 1).await;
    world.eventually("over", |w| w.states(ActionKind::OpenPayment) == [OperationState::Dismissed]).await;
    assert_eq!(world.platform.tasks().len(), 1);
    world.ledgers_balance().await;
}

/// A payment whose opening got no answer, and about which the platform said this when it was asked: it is to be sent
/// again. With its dossier's code and its reference.
async fn asked_about(finding: Finding) -> (World, String, String) {
    let world = World::running();
    let code = code(1);
    world.platform.next(lost());
    world.platform.on_probe(finding);
    let reference = opened(&world, &code).await;
    world.advance(61);
    world.eventually("asked", |w| w.states(ActionKind::OpenPayment) == [OperationState::Ready]).await;
    (world, code, reference)
}

#[tokio::test]
async fn a_payment_cancelled_while_its_repeat_waits_is_not_opened_again() {
    let (world, code, _) = asked_about(Finding::Absent).await;
    world.admit([event("fee.cancelled", &code, 3)]).await;
    world.advance(600);
    world.settled().await;
    assert_eq!(world.platform.tasks().len(), 1);
    assert_eq!(world.states(ActionKind::OpenPayment), [OperationState::Dismissed]);
    assert!(world.told("payment.opened").await.is_empty());
    world.ledgers_balance().await;
}

#[tokio::test]
async fn money_ends_an_opening_that_waits_to_be_sent_again() {
    let (world, _, reference) = asked_about(Finding::Absent).await;
    call_back(&world, &reference, "GD1", "paid", 8000).await;
    world.advance(600);
    world.settled().await;
    assert_eq!(world.platform.tasks().len(), 1, "nobody is asked to pay again");
    assert_eq!(world.states(ActionKind::OpenPayment), [OperationState::Succeeded]);
    world.ledgers_balance().await;
}

#[tokio::test]
async fn a_payment_that_is_open_without_a_link_is_asked_for_again_under_its_reference() {
    let mut pending = Proof::default();
    pending.facts.insert("pending".into(), json!(true));
    let (world, _, _) = asked_about(Finding::Present(pending)).await;
    world.advance(60);
    world.eventually("opened", |w| w.states(ActionKind::OpenPayment) == [OperationState::Succeeded]).await;
    let tasks = world.platform.tasks();
    assert_eq!(tasks.len(), 2);
    assert_eq!(tasks[0].payload, tasks[1].payload);
}

#[tokio::test]
async fn callbacks_that_come_together_are_applied_together_and_each_is_answered_for_itself() {
    let world = World::running();
    let (first, second, third) = (code(1), code(2), code(3));
    let mut references = Vec::new();
    for code in [&first, &second, &third] {
        references.push(opened(&world, code).await);
    }
    let turn = world.engine.members[world.platform.id()].callbacks.turn().await;
    let all = async {
        tokio::join!(
            call_back(&world, &references[0], "GD1", "paid", 8000),
            call_back(&world, "LTUNKNOWN", "GD2", "paid", 8000),
            call_back(&world, &references[1], "GD3", "paid", 8000),
            call_back(&world, &references[0], "GD1", "paid", 8000),
            call_back(&world, &references[2], "GD4", "paid", 7999),
        )
    };
    let let_go = async {
        world.eventually("all are kept", |w| w.store.callbacks().len() == 5).await;
        assert!(
            world.store.callbacks().iter().all(|c| c.verdict.is_none()),
            "nothing is applied out of turn"
        );
        drop(turn);
    };
    let (answers, ()) = tokio::join!(all, let_go);
    let mut verdicts: Vec<_> = world.store.callbacks().into_iter().filter_map(|c| c.verdict).collect();
    verdicts.sort();
    let rejected = ["rejected: 7999 told, 8000 due", "rejected: unknown reference"];
    assert_eq!(verdicts, [&["applied", "applied"], &rejected[..], &["repeated"]].concat());
    assert_eq!(answers.0, answers.3, "the second of the same is thanked like the first");
    world.settled().await;
    let states = [&first, &second, &third].map(|code| world.payment(&payment_id(code)).state);
    assert_eq!(states, [PaymentState::Paid, PaymentState::Paid, PaymentState::Open]);
    assert_eq!(world.told("payment.succeeded").await.len(), 2);
    world.ledgers_balance().await;
}
