//! Money: what the platform says counts, once, and only when it is really the platform.

use lienthong_mocks::{Behaviour, Rule};
use lienthong_tests::{Oracle, Place, Plan, World, feed, traffic};

/// A world in which the sixty lives have been worked off and every payment is open.
async fn opened() -> (World, Oracle) {
    let world = Plan::embedded(Place::Inside).open().await;
    let lines = traffic::SIXTY.lines();
    world.api.publish(&lines).await;
    world.rests(lines.len()).await;
    (world, Oracle::of(&lines))
}

/// A reference of a payment that nobody cancelled.
fn some_reference(world: &World, oracle: &Oracle) -> String {
    let (_, dossier, paying) = oracle.payable().next().unwrap();
    let known = world.suite.payments.references();
    known.into_iter().find(|r| r.dossier == dossier && r.content == paying.content).unwrap().reference
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_callback_moves_no_money() {
    let (world, oracle) = opened().await;
    assert!(world.suite.payments.forge(&some_reference(&world, &oracle), None));
    world.suite.payments.callbacks_delivered().await;
    let counts = world.suite.payments.counts();
    assert!(counts.forged_sent > 0);
    assert_eq!(counts.forged_accepted, 0);
    let events = feed::whole(&world.api, 500).await;
    assert_eq!(feed::payments(&events, "payment.succeeded"), Vec::<String>::new());

    // And the genuine one still counts.
    assert!(world.suite.payments.pay(&some_reference(&world, &oracle)));
    world.told("payment.succeeded", 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn callbacks_that_come_twice_tell_once() {
    let (world, oracle) = opened().await;
    world.suite.payments.behave(Rule::always(Behaviour::DuplicateCallback));
    let reference = some_reference(&world, &oracle);
    assert!(world.suite.payments.pay(&reference));
    world.suite.payments.callbacks_delivered().await;
    assert!(world.suite.payments.resend(&reference));
    world.suite.payments.callbacks_delivered().await;
    let events = world.told("payment.succeeded", 1).await;
    assert_eq!(feed::payments(&events, "payment.succeeded").len(), 1);
    assert_eq!(feed::payments(&events, "payment.needs_refund"), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_whose_callback_is_lost_is_found_by_asking() {
    let (world, oracle) = opened().await;
    assert!(world.suite.payments.pay_silently(&some_reference(&world, &oracle)));
    world.told("payment.succeeded", 1).await;
    assert_eq!(world.suite.payments.counts().callbacks_sent, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn money_for_a_payment_that_was_cancelled_needs_a_refund() {
    let (world, oracle) = opened().await;
    let reference = some_reference(&world, &oracle);
    let (id, dossier, _) = oracle.payable().next().unwrap();
    let subject = oracle.known().find(|(s, life)| life.portal_code(s) == dossier).unwrap().0;
    let cancelled = serde_json::json!({
        "specversion": "1.0", "id": "cancel-1", "source": traffic::source_of(&traffic::SIXTY.lines(), subject),
        "type": "vn.motcua.fee.cancelled.v1", "subject": subject, "time": "2026-06-01T08:00:00+07:00",
        "sequence": "999", "data": { "payment_id": id, "reason": "Nhập nhầm" },
    });
    let verdicts = world.api.publish(&[serde_json::to_vec(&cancelled).unwrap()]).await;
    assert_eq!(verdicts[0]["verdict"], "accepted", "{verdicts:?}");
    assert!(world.suite.payments.pay(&reference));
    let events = world.told("payment.needs_refund", 1).await;
    assert_eq!(feed::payments(&events, "payment.succeeded"), Vec::<String>::new());
}
