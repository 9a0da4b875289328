//! Stories that a second look at the engine brought up.

use lienthong_core::{
    event::data::Account,
    flow::operator,
    operation::{ActionKind, OperationState},
    outcome::{Cause, Outcome, Proof},
    payment::{News, PaymentState, Tiding},
    port::{connector::CheckFailure, views::Views},
    status::PortalStatus,
    testing::fixtures::events::{data, event, payment_id, raw},
};

use crate::world::{World, code, rules};

async fn incidents(world: &World) -> Vec<String> {
    world.store.overview(0).await.unwrap().incidents.into_iter().map(|i| i.key).collect()
}

#[tokio::test]
async fn a_question_about_an_adopted_dossier_does_not_stand_in_for_a_state_that_waits() {
    let world = World::running();
    let code = code(1);
    let mut known = Proof { said: "known".into(), ..Proof::default() };
    known.facts.insert("found".into(), true.into());
    world.portal.on_lane(&code, Outcome::Done(known));
    world.admit([event("dossier.finished", &code, 2)]).await;
    world.admit([event("dossier.adopted", &code, 1).with_data("/on_portal", "ask")]).await;
    world.settled().await;
    let sent = world.portal.tasks_of(&code);
    let status = sent.last().and_then(|task| task.dossier.as_ref()?.status);
    assert_eq!(status.map(PortalStatus::code), Some(9), "{:?}", world.seen_at_portal(&code));
    assert!(world.seen_at_portal(&code).iter().any(|seen| seen == "sync 9"));
}

#[tokio::test]
async fn the_same_account_number_at_two_banks_is_never_guessed() {
    let mut rules = rules();
    let account = |bin: &str, holder: &str| Account {
        account: "123456789".into(),
        bank_bin: bin.into(),
        bank_code: String::new(),
        holder: holder.into(),
    };
    rules.beneficiaries =
        [("B-unit".to_owned(), account("", "")), ("A-other".to_owned(), account("970436", "OTHER"))].into();
    let world = World::with(rules, |portal| portal);
    let code = code(1);
    let mut data = data("fee.requested", &code);
    let payment = data["payment"].as_object_mut().unwrap();
    payment.remove("beneficiary_code");
    payment.insert("beneficiary".into(), serde_json::to_value(account("", "")).unwrap());
    world.admit([raw("fee.requested", &code, 1, data)]).await;
    assert_eq!(world.payment(&payment_id(&code)).body.beneficiary, Some(account("", "")));
}

#[tokio::test]
async fn one_payment_that_cannot_be_asked_about_does_not_stand_before_the_others() {
    let world = World::running();
    for n in [1, 2] {
        world.admit([event("dossier.received", &code(n), 1), event("fee.requested", &code(n), 2)]).await;
    }
    world.settled().await;
    let reference = |n| world.payment(&payment_id(&code(n))).references[0].clone();
    for n in [1, 2] {
        let unlisted = CheckFailure { cause: Cause::Unlisted, said: "99".into() };
        world.platform.on_inquiry(reference(n).reference.as_str(), Err(unlisted));
    }
    // The first round only plans the timers.
    world.run_timers().await;
    world.advance(1800);
    world.run_timers().await;
    assert!(reference(1).asked_at.is_some() && reference(2).asked_at.is_some());
    assert_eq!(incidents(&world).await, ["reading:sweep:pay"]);
    world.advance(1800);
    world.run_timers().await;
    assert_eq!(incidents(&world).await, Vec::<String>::new(), "both were answered now");
}

#[tokio::test]
async fn nothing_opens_a_payment_after_it_was_told_as_expired() {
    let world = World::running();
    let code = code(1);
    let until = "2026-11-23T12:00:00+07:00";
    world.admit([event("fee.requested", &code, 1).with_data("/payment/expires_at", until)]).await;
    let reference = world.payment(&payment_id(&code)).references[0].reference.clone();
    world.platform.on_inquiry(reference.as_str(), Ok(None));
    // The first round only plans the timers.
    world.run_timers().await;
    world.advance(6 * 3600);
    world.run_timers().await;
    assert_eq!(world.payment(&payment_id(&code)).state, PaymentState::Expired);
    assert_eq!(world.states(ActionKind::OpenPayment), [OperationState::Dismissed]);
    world.admit([event("dossier.received", &code, 2)]).await;
    world.settled().await;
    assert_eq!(world.platform.tasks().len(), 0, "the platform was asked to open it");
    assert_eq!(world.told("payment.expired").await.len(), 1);
}

#[tokio::test]
async fn money_of_another_amount_is_no_expiry() {
    let world = World::running();
    let code = code(1);
    let until = "2026-11-23T12:00:00+07:00";
    let fee = event("fee.requested", &code, 2).with_data("/payment/expires_at", until);
    world.admit([event("dossier.received", &code, 1), fee]).await;
    world.settled().await;
    let reference = world.payment(&payment_id(&code)).references[0].reference.clone();
    let paid = Tiding {
        reference: reference.clone(),
        platform_ref: "GD1".into(),
        news: News::Paid { amount: 7000, at: until.parse().unwrap() },
        by: "query",
    };
    world.platform.on_inquiry(reference.as_str(), Ok(Some(paid)));
    // The first round only plans the timers.
    world.run_timers().await;
    world.advance(6 * 3600);
    world.run_timers().await;
    assert_eq!(world.payment(&payment_id(&code)).state, PaymentState::Open);
    assert_eq!(incidents(&world).await, [format!("amount:{}", payment_id(&code))]);
}

#[tokio::test]
async fn an_incident_that_begins_and_ends_in_one_batch_is_none() {
    let world = World::running();
    let code = code(1);
    world.admit([event("dossier.received", &code, 1), event("fee.requested", &code, 2)]).await;
    world.settled().await;
    let reference = world.payment(&payment_id(&code)).references[0].reference.to_string();
    crate::money::call_back(&world, &reference, "GD1", "paid", 8000).await;
    world.admit([event("fee.paid_at_desk", &code, 3), event("fee.refunded", &code, 4)]).await;
    assert_eq!(world.payment(&payment_id(&code)).state, PaymentState::Refunded);
    assert_eq!(incidents(&world).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_dossier_whose_waiting_state_was_dismissed_can_still_be_joined() {
    let world = World::running();
    let (ours, portals) = (code(1), "G22.99-261123-000009");
    world.admit([event("dossier.received", &ours, 1), event("dossier.processing", portals, 1)]).await;
    world.settled().await;
    let held = world.operations(ActionKind::SyncDossier).into_iter().find(|o| !o.state.is_ended()).unwrap();
    operator::dismiss(&world.engine, held.id, "an", "nhầm").await.unwrap();
    let verdicts =
        world.admit([event("dossier.corrected", &ours, 2).with_data("/dossier/portal_code", portals)]).await;
    assert!(
        matches!(verdicts[0], lienthong_core::event::rejection::Verdict::Accepted { .. }),
        "{verdicts:?}"
    );
}
