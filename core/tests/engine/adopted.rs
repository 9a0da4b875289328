//! Go-live day: dossiers, payments and parcels of a former system are taken over, and nothing is made twice.

use lienthong_core::{
    event::rejection::{Reason, Verdict},
    operation::{ActionKind, Payload},
    outcome::{Outcome, Proof},
    parcel::ParcelState,
    payment::PaymentState,
    testing::fixtures::events::{Event, data, event, parcel, parcel_id, payment, payment_id, raw, step},
};
use serde_json::{Value, json};

use crate::world::{World, code};

fn adopted(code: &str, on_portal: &str) -> Event {
    let mut sent = step("đã gửi");
    sent["at"] = json!("2026-11-20T08:00:00+07:00");
    let mut left = step("chưa gửi");
    left["at"] = json!("2026-11-22T08:00:00+07:00");
    event("dossier.adopted", code, 1)
        .with_data("/on_portal", on_portal)
        .with_data("/steps", json!([sent, left]))
        .with_data("/steps_sent_until", "2026-11-21T00:00:00+07:00")
}

fn found() -> Outcome {
    let mut proof = Proof { said: "known".into(), ..Proof::default() };
    proof.facts.insert("found".into(), Value::Bool(true));
    Outcome::Done(proof)
}

fn payloads(world: &World, code: &str) -> Vec<&'static str> {
    let name = |payload: &Payload| match payload {
        Payload::AdoptDossier => "ask",
        Payload::SyncDossier => "sync",
        Payload::AppendProgress { .. } => "steps",
        _ => "other",
    };
    world.portal.tasks_of(code).iter().map(|t| name(&t.payload)).collect()
}

#[tokio::test]
async fn the_portal_is_asked_whether_it_knows_the_dossier_and_only_what_is_missing_is_sent() {
    let world = World::running();
    let (there, missing, sent) = (code(1), code(2), code(3));
    world.portal.on_lane(&there, found());
    world.admit([adopted(&there, "ask"), adopted(&missing, "ask"), adopted(&sent, "yes")]).await;
    world.settled().await;
    assert_eq!(payloads(&world, &there), ["ask", "steps"]);
    assert_eq!(payloads(&world, &missing), ["ask", "steps"]);
    assert_eq!(payloads(&world, &sent), ["steps"]);
    assert_eq!(world.seen_at_portal(&there).last().unwrap(), "chưa gửi");
    assert_eq!(world.told("portal.synced").await.len(), 1, "what was there already is not told as taken");
    // From now on the portal knows it: a change is an ordinary update.
    world.admit([event("dossier.finished", &there, 2)]).await;
    world.settled().await;
    assert_eq!(payloads(&world, &there), ["ask", "steps", "sync", "steps"]);
    assert!(world.portal.tasks_of(&there)[2].acknowledged);
    world.ledgers_balance().await;
}

#[tokio::test]
async fn a_newer_state_does_not_stand_in_for_the_question() {
    let world = World::resting();
    let code = code(1);
    world.admit([adopted(&code, "ask"), event("dossier.finished", &code, 2)]).await;
    let open = world.operations(ActionKind::SyncDossier);
    assert!(open.iter().all(|o| !o.state.is_ended()), "the portal may know an older state, or none");
    assert_eq!(*open[0].payload, Payload::AdoptDossier);
}

#[tokio::test]
async fn open_payments_and_parcels_are_known_and_not_made_again() {
    let world = World::running();
    let code = code(1);
    let (pay, send) = (payment_id(&code), parcel_id(&code));
    let all = adopted(&code, "yes")
        .with_data("/open_payments", json!([payment(&pay)]))
        .with_data("/open_parcels", json!([parcel(&send)]));
    world.admit([all]).await;
    world.settled().await;
    assert_eq!((world.payment(&pay).state, world.payment(&pay).amount), (PaymentState::Open, 8000));
    assert_eq!(world.store.parcels()[0].state, ParcelState::Accepted);
    // The same again asks for nothing new; other content is a conflict.
    let other = event("fee.requested", &code, 4).with_data("/payment/lines/0/amount", 9000);
    let verdicts = world
        .admit([event("fee.requested", &code, 2), event("post.return_requested", &code, 3), other])
        .await;
    assert!(
        matches!(&verdicts[2], Verdict::Quarantined(r) if r.reason == Reason::EffectConflict),
        "{verdicts:?}"
    );
    world.settled().await;
    assert!(world.platform.tasks().is_empty() && world.post.tasks().is_empty());
    world.admit([event("fee.paid_at_desk", &code, 5), event("post.cancelled", &code, 6)]).await;
    world.settled().await;
    assert_eq!(world.payment(&pay).state, PaymentState::PaidAtDesk);
    let state = world.portal.tasks_of(&code).last().unwrap().dossier.clone().unwrap();
    assert_eq!(state.settled[0].amount, 8000);
    assert_eq!(world.operations(ActionKind::CancelParcel).len(), 1, "the post is asked to cancel it");
    world.ledgers_balance().await;
}

#[tokio::test]
async fn an_adopted_payment_of_another_dossier_is_a_conflict() {
    let world = World::resting();
    let (one, two) = (code(1), code(2));
    world.admit([event("dossier.received", &one, 1), event("fee.requested", &one, 2)]).await;
    let mut stolen = data("dossier.adopted", &two);
    stolen["open_payments"] = json!([payment("TT-new"), payment(&payment_id(&one))]);
    let verdicts = world.admit([raw("dossier.adopted", &two, 1, stolen)]).await;
    let Verdict::Quarantined(rejection) = &verdicts[0] else { panic!("{verdicts:?}") };
    assert_eq!(
        (rejection.reason, rejection.path.as_str()),
        (Reason::EffectConflict, "/data/open_payments/1/id")
    );
    assert_eq!(world.store.payments().len(), 1);
}

fn happened(at: &str, content: &str) -> Value {
    let mut happened = step(content);
    happened["at"] = json!(at);
    happened
}

/// The steps that the portal got, each with its status.
fn history(world: &World, code: &str) -> Vec<(String, u8)> {
    let steps = |payload: &Payload| match payload {
        Payload::AppendProgress { steps } => steps.clone(),
        _ => Vec::new(),
    };
    let tasks = world.portal.tasks_of(code);
    tasks.iter().flat_map(|t| steps(&t.payload)).map(|s| (s.content, s.status.code())).collect()
}

/// A dossier that was finished, with its history in no order.
fn finished(code: &str, n: u32, on_portal: &str) -> Event {
    event("dossier.adopted", code, n)
        .with_data("/on_portal", on_portal)
        .with_data("/steps_sent_until", Value::Null)
        .with_data("/status", 9)
        .with_data("/dossier/submitted_at", "2026-11-20T07:30:00+07:00")
        .with_data("/dossier/received_at", "2026-11-20T08:00:00+07:00")
        .with_data("/dossier/finished_at", "2026-11-22T10:00:00+07:00")
        .with_data(
            "/steps",
            json!([
                happened("2026-11-22T10:00:00+07:00", "kết thúc"),
                happened("2026-11-20T07:30:00+07:00", "nộp"),
                happened("2026-11-21T09:00:00+07:00", "thẩm định"),
                happened("2026-11-20T08:00:00+07:00", "tiếp nhận"),
            ]),
        )
}

#[tokio::test]
async fn a_history_goes_out_in_the_order_of_its_times_and_ends_once() {
    let world = World::running();
    let code = code(1);
    world.admit([finished(&code, 1, "no")]).await;
    world.settled().await;
    let expected = [("nộp", 1), ("tiếp nhận", 2), ("thẩm định", 4), ("kết thúc", 9)];
    assert_eq!(history(&world, &code), expected.map(|(content, status)| (content.to_owned(), status)));
}

#[tokio::test]
async fn a_history_that_the_portal_lacks_goes_out_again_without_the_state() {
    let world = World::running();
    let code = code(1);
    world.admit([finished(&code, 1, "no")]).await;
    world.settled().await;
    let before = payloads(&world, &code).len();
    world
        .admit([finished(&code, 2, "yes").with_data("/steps_sent_until", "2026-11-20T08:00:00+07:00")])
        .await;
    world.settled().await;
    assert_eq!(payloads(&world, &code)[before..], ["steps"]);
    assert_eq!(history(&world, &code)[4..], [("thẩm định".to_owned(), 4), ("kết thúc".to_owned(), 9)]);
    world.ledgers_balance().await;
}

#[tokio::test]
async fn a_status_knows_when_and_with_which_words_it_came() {
    let world = World::running();
    let code = code(1);
    let from = |world: &World| {
        let tasks = world.portal.tasks_of(&code);
        tasks.last().unwrap().dossier.as_ref().unwrap().status_from.clone().unwrap().content
    };
    let said = |name: &str, n: u32, content: &str| {
        event(name, &code, n).with_data("/step", happened("2026-11-23T09:00:00+07:00", content))
    };
    world.admit([said("dossier.received", 1, "tiếp nhận")]).await;
    world.settled().await;
    assert_eq!(from(&world), "tiếp nhận");
    world.admit([said("dossier.processing", 2, "thụ lý"), said("dossier.processing", 3, "vẫn thụ lý")]).await;
    world.settled().await;
    assert_eq!(from(&world), "thụ lý", "the same status came when it came");
    world.admit([said("dossier.supplement_requested", 4, "thiếu một")]).await;
    world
        .admit([said("dossier.supplement_requested", 5, "thiếu hai").with_data("/supplement/id", "BS-2")])
        .await;
    world.settled().await;
    assert_eq!(from(&world), "thiếu hai");
}
