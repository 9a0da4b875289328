//! Every event of the contract is admitted, and a rejection says where and why; schemas and parser agree.

use jiff::SignedDuration;
use lienthong_core::{
    event::{
        names::EventName,
        rejection::{Reason, Verdict},
        schema,
    },
    flow::{
        engine::{Engine, EngineSettings},
        relay,
    },
    operation::{ActionKind, OperationState},
    outcome::{Cause, Outcome},
    plan::rules::PartnerKind,
    port::store::Store,
    testing::fixtures::events::{self, event},
};
use serde_json::{Value, json};
use std::sync::Arc;

use crate::world::{World, code, rules};

#[test]
fn fees_are_for_the_platform_parcels_for_the_post_and_the_rest_for_the_portal() {
    for name in EventName::ALL {
        let expected = match name.as_str() {
            "fee.requested" | "fee.cancelled" => PartnerKind::Payment,
            text if text.starts_with("post.") => PartnerKind::Post,
            _ => PartnerKind::Portal,
        };
        assert_eq!(name.partner(), expected, "{}", name.as_str());
    }
}

#[tokio::test]
async fn every_event_of_the_contract_is_admitted_and_fits_its_schema() {
    assert_eq!(EventName::ALL.len(), events::NAMES.len());
    for name in events::NAMES {
        let world = World::resting();
        let code = code(1);
        let whole = event(name, &code, 2);
        assert!(
            schema::admits(EventName::from_type(&format!("vn.motcua.{name}.v1")).unwrap(), &whole.json()),
            "{name}"
        );
        let verdicts = world.admit([event("dossier.received", &code, 1), whole]).await;
        assert!(matches!(verdicts[1], Verdict::Accepted { .. }), "{name}: {verdicts:?}");
        world.ledgers_balance().await;
    }
}

#[tokio::test]
async fn what_must_reach_a_partner_without_connector_is_held_for_the_action() {
    let world = World::resting();
    world.admit([event("question.answered", "000.00.08.H99", 1)]).await;
    let held = world.operations(ActionKind::Unassigned);
    assert_eq!(held[0].state, OperationState::Held);
    assert_eq!(held[0].need.as_ref().unwrap().to_string(), "action:question.answered");
    assert_eq!(held[0].dossier, None, "it is about a unit");
}

#[tokio::test]
async fn what_no_connector_carries_is_found_under_its_dossier() {
    let world = World::resting();
    let code = code(1);
    world.admit([event("dossier.received", &code, 1), event("question.answered", &code, 2)]).await;
    let held = &world.operations(ActionKind::Unassigned)[0];
    let sync = &world.operations(ActionKind::SyncDossier)[0];
    assert_eq!(held.subject.as_ref().map(ToString::to_string), Some(code));
    assert_eq!((held.dossier, held.version), (sync.dossier, sync.version));
    world.ledgers_balance().await;
}

#[tokio::test]
async fn a_rejection_names_the_path_what_was_expected_and_what_was_found() {
    let world = World::resting();
    let code = code(1);
    let received = || event("dossier.received", &code, 1);
    let cases: Vec<(events::Event, Reason, &str)> = vec![
        (received().with("subject", Value::Null), Reason::Subject, "/subject"),
        (received().with("subject", "hồ sơ 1"), Reason::Subject, "/subject"),
        (received().with("specversion", "0.3"), Reason::Envelope, "/specversion"),
        (received().with("time", "23/11/2026"), Reason::Envelope, "/time"),
        (received().with("sequence", "-1"), Reason::Envelope, "/sequence"),
        (received().with("sequence", 1), Reason::Envelope, "/sequence"),
        (received().with("type", "vn.motcua.dossier.teleported.v1"), Reason::UnknownType, "/type"),
        (received().with("data", json!([])), Reason::Data, "/data"),
        (received().with_data("/step", Value::Null), Reason::Data, "/data/step"),
        (received().with_data("/step/content", " "), Reason::Data, "/data/step/content"),
        (
            received().with_data("/dossier/applicant/kind", "robot"),
            Reason::Data,
            "/data/dossier/applicant/kind",
        ),
        (received().with_data("/dossier/fees/0/amount", 12.5), Reason::Data, "/data/dossier/fees/0/amount"),
        (received().with_data("/dossier/due_at", "mai"), Reason::Data, "/data/dossier/due_at"),
        (received().with_data("/dossier/note", "a\u{0}b"), Reason::NulCharacter, "/data/dossier/note"),
        (
            event("fee.requested", &code, 1).with_data("/payment/lines", json!([])),
            Reason::Data,
            "/data/payment/lines",
        ),
        (
            event("fee.requested", &code, 1).with_data("/payment/lines/0/amount", 0),
            Reason::Amount,
            "/data/payment/lines",
        ),
        (event("survey.answered", &code, 1).with_data("/score", 6), Reason::Data, "/data/score"),
    ];
    for (broken, reason, path) in cases {
        let verdicts = world.admit([broken.clone()]).await;
        let Verdict::Quarantined(rejection) = &verdicts[0] else { panic!("{path}: {verdicts:?}") };
        assert_eq!((rejection.reason, rejection.path.as_str()), (reason, path), "{rejection:?}");
        assert!(!rejection.expected.is_empty() && !rejection.got.is_empty(), "{rejection:?}");
    }
    assert!(world.store.events().is_empty());
    world.ledgers_balance().await;
}

#[tokio::test]
async fn what_was_expected_is_said_in_the_clerks_words_with_the_values_allowed() {
    let world = World::resting();
    let received = || event("dossier.received", &code(1), 1);
    let cases = [
        (
            received().with_data("/dossier/applicant/kind", "robot"),
            r#"một trong các giá trị: "citizen", "business", "agency""#,
        ),
        (received().with_data("/dossier/fees/0/amount", "8000"), "số nguyên"),
        (received().with_data("/dossier/summary", json!(7)), "chuỗi"),
        (received().with_data("/dossier/fees", json!({})), "mảng"),
        (event("fee.paid_at_desk", &code(1), 1).with_data("/method", "gold"), r#""cash", "pos", "transfer""#),
        (received().with_data("/snapshot", "half"), r#""full""#),
    ];
    for (broken, words) in cases {
        let verdicts = world.admit([broken]).await;
        let Verdict::Quarantined(rejection) = &verdicts[0] else { panic!("{words}: {verdicts:?}") };
        assert!(rejection.expected.contains(words), "{words}: {rejection:?}");
        assert!(!rejection.expected.contains("schema"), "{rejection:?}");
        assert!(!rejection.expected.contains("is not"), "{rejection:?}");
    }
}

#[tokio::test]
async fn a_parcel_without_the_citizen_it_goes_to_or_comes_from_is_set_aside() {
    let world = World::resting();
    let back = || event("post.return_requested", &code(1), 2);
    let fetch = || event("post.pickup_requested", &code(1), 2);
    let cases = [
        (back().with_data("/parcel/recipient", Value::Null), "/data/parcel/recipient"),
        (back().with_data("/parcel/recipient/name", " "), "/data/parcel/recipient/name"),
        (back().with_data("/parcel/recipient/phone", ""), "/data/parcel/recipient/phone"),
        (fetch().with_data("/parcel/sender", Value::Null), "/data/parcel/sender"),
        (fetch().with_data("/parcel/sender/address", ""), "/data/parcel/sender/address"),
        (
            back()
                .with_data("/parcel/recipient/ward_code", "")
                .with_data("/parcel/recipient/province_code", ""),
            "/data/parcel/recipient/ward_code",
        ),
    ];
    for (broken, path) in cases {
        let judged = lienthong_core::flow::intake::judge(&world.engine, &broken.clone().message());
        assert_eq!(judged.unwrap_err().path, path, "the dry run says the same");
        let verdicts = world.admit([broken]).await;
        let Verdict::Quarantined(rejection) = &verdicts[0] else { panic!("{path}: {verdicts:?}") };
        assert_eq!((rejection.reason, rejection.path.as_str()), (Reason::Data, path), "{rejection:?}");
    }
    assert!(world.operations(ActionKind::CreateParcel).is_empty());
    world.ledgers_balance().await;
}

#[tokio::test]
async fn what_the_parser_accepts_the_schema_accepts_too() {
    // Every value of every event is replaced by values of other kinds, one at a time.
    let world = World::resting();
    let others = [json!("x"), json!(-1), json!(true), json!([]), json!({})];
    let mut disagreements = Vec::new();
    for name in events::NAMES {
        let whole = event(name, &code(1), 1).json();
        let name = EventName::from_type(whole["type"].as_str().unwrap()).unwrap();
        let mut paths = Vec::new();
        leaves(&whole["data"], "/data".into(), &mut paths);
        for path in paths {
            for other in &others {
                let mut changed = whole.clone();
                *changed.pointer_mut(&path).unwrap() = other.clone();
                let message = lienthong_core::event::RawMessage {
                    origin: lienthong_core::event::Origin::File,
                    body: changed.to_string().into_bytes(),
                    attributes: None,
                };
                let parsed = lienthong_core::flow::intake::judge(&world.engine, &message);
                let parser_accepts = !matches!(&parsed, Err(r) if r.reason == Reason::Data);
                if parser_accepts && !schema::admits(name, &changed) {
                    disagreements.push(format!("{} {path} = {other}", name.as_str()));
                }
            }
        }
    }
    assert!(disagreements.is_empty(), "{} of them:\n{}", disagreements.len(), disagreements.join("\n"));
}

fn leaves(value: &Value, path: String, paths: &mut Vec<String>) {
    paths.push(path.clone());
    match value {
        Value::Object(map) => map.iter().for_each(|(k, v)| leaves(v, format!("{path}/{k}"), paths)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(n, v)| leaves(v, format!("{path}/{n}"), paths));
        }
        _ => {}
    }
}

#[tokio::test]
async fn the_relay_publishes_in_order_and_goes_on_after_what_was_confirmed() {
    let world = World::running();
    world.publisher.confirm_next(1);
    world.admit((1..=5).map(|n| event("dossier.received", &code(n), 1))).await;
    world.settled().await;
    let all = world.store.outbox(0, 100).await.unwrap().len();
    world
        .eventually("all is published", |w| {
            let mut seen: Vec<i64> = w.publisher.published().iter().map(|r| r.number).collect();
            seen.dedup();
            seen.len() >= all
        })
        .await;
    let numbers: Vec<i64> = world.publisher.published().iter().map(|r| r.number).collect();
    let mut highest = 0;
    for number in numbers {
        assert!(number <= highest + 1, "a number appeared before its predecessor");
        highest = highest.max(number);
    }
}

#[tokio::test]
async fn only_the_one_that_holds_the_relay_publishes() {
    let world = World::resting();
    // What is put aside is told of at once.
    world.admit([event("dossier.received", &code(1), 1).with("specversion", "0.3")]).await;
    let other = Engine::new(
        Arc::new(world.store.second()),
        rules(),
        Vec::new(),
        Arc::new(world.clock.clone()),
        EngineSettings { holder: "other".into(), ..EngineSettings::default() },
    );
    // The other one holds the relay and has not published yet.
    let held = other.store.acquire(relay::RELAY, "other", SignedDuration::from_secs(30)).await.unwrap();
    assert!(held.is_some());
    let mut fence = None;
    assert!(matches!(relay::round(&world.engine, &*world.publisher, &mut fence).await, Ok(false)));
    assert_eq!(world.publisher.published(), []);
    // Its tenure runs out.
    world.advance(31);
    assert!(relay::round(&world.engine, &*world.publisher, &mut fence).await.is_ok());
    assert!(!world.publisher.published().is_empty());
}

#[tokio::test]
async fn what_is_stuck_says_why_who_has_to_act_and_how() {
    let world = World::running();
    world.portal.next(Outcome::refused(Cause::DataRefused, "M12", "thiếu CCCD"));
    world.portal.next(Outcome::refused(Cause::ForeignRecord, "101", "đã tồn tại"));
    world.admit([event("dossier.received", &code(1), 1)]).await;
    world.settled().await;
    world.admit([event("dossier.received", &code(2), 1)]).await;
    world.settled().await;
    let told = world.told("operation.stuck").await;
    let of = |n: usize, name: &str| told[n][name].as_str().unwrap().to_owned();
    let words = |n| ["partner", "action", "cause", "owner", "next_step"].map(|name| of(n, name));
    assert_eq!(words(0), ["dvcqg", "sync_dossier", "data_refused", "unit", "correct"]);
    assert_eq!(words(1), ["dvcqg", "sync_dossier", "foreign_record", "administrator", "look_up"]);
    assert!(told[0]["operation_id"].is_number() && told[0]["said"].is_string(), "{}", told[0]);
}
