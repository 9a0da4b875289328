//! Intake: verdicts, de-duplication, who may speak, bisecting, lost answers.

use lienthong_core::{
    event::{
        Origin, RawMessage,
        rejection::{Reason, Verdict},
    },
    flow::intake,
    id::UnitCode,
    plan::rules::UnitRule,
    port::store::StoreError,
    testing::fixtures::{
        self,
        events::{self, Event, event},
    },
};
use serde_json::json;
use std::collections::BTreeSet;

use crate::world::{World, code, rules};

#[tokio::test]
async fn the_same_event_twice_is_one_event() {
    let world = World::resting();
    let code = code(1);
    let twice = [event("dossier.received", &code, 1), event("dossier.received", &code, 1)];
    let verdicts = world.admit(twice.clone()).await;
    assert!(matches!(verdicts[1], Verdict::Duplicate { .. }), "{verdicts:?}");
    let verdicts = world.admit(twice).await;
    assert!(verdicts.iter().all(|v| matches!(v, Verdict::Duplicate { .. })), "{verdicts:?}");
    assert_eq!(world.store.events().len(), 1);
    world.ledgers_balance().await;
}

#[tokio::test]
async fn the_same_key_with_other_content_is_a_conflict_that_is_told() {
    let world = World::resting();
    let code = code(1);
    world.admit([event("dossier.received", &code, 1)]).await;
    let verdicts =
        world.admit([event("dossier.received", &code, 1).with_data("/dossier/note", "khác")]).await;
    assert!(matches!(&verdicts[0], Verdict::Quarantined(r) if r.reason == Reason::Conflict), "{verdicts:?}");
    assert_eq!(world.told("event.conflict").await.len(), 1);
    assert_eq!(world.store.quarantined().len(), 1);
}

#[tokio::test]
async fn a_corrected_event_may_reuse_the_id_of_a_quarantined_one() {
    let world = World::resting();
    let code = code(1);
    let broken = event("dossier.received", &code, 1).with_data("/step/content", "");
    let verdicts = world.admit([broken, event("dossier.received", &code, 1)]).await;
    assert!(
        matches!(&verdicts[0], Verdict::Quarantined(r) if r.path == "/data/step/content"),
        "{verdicts:?}"
    );
    assert!(matches!(verdicts[1], Verdict::Accepted { .. }), "{verdicts:?}");
}

#[tokio::test]
async fn a_source_speaks_only_for_its_units() {
    let mut rules = rules();
    rules.sources = vec![("/motcua/000.00.01.H99".into(), vec!["000.00.01.H99".into()])];
    let world = World::with(rules, |portal| portal);
    let verdicts = world.admit([event("dossier.received", &code(1), 1)]).await;
    assert!(
        matches!(&verdicts[0], Verdict::Quarantined(r) if r.reason == Reason::UnitNotAllowed),
        "{verdicts:?}"
    );
}

#[tokio::test]
async fn bytes_that_are_no_event_are_kept_as_they_came_and_block_nothing() {
    let world = World::resting();
    let raw = |body: &[u8]| RawMessage { origin: Origin::Amqp, body: body.to_vec(), attributes: None };
    let messages = vec![
        raw(b"\xff\xfe"),
        raw(b"{\"specversion\": \"1.0\", \"id\": "),
        event("dossier.received", &code(1), 1).message(),
    ];
    let verdicts = intake::admit(&world.engine, messages).await.unwrap();
    assert!(matches!(&verdicts[0], Verdict::Quarantined(r) if r.reason == Reason::NotJson));
    assert!(matches!(&verdicts[1], Verdict::Quarantined(r) if r.reason == Reason::NotJson));
    assert!(matches!(verdicts[2], Verdict::Accepted { .. }));
    assert_eq!(world.store.quarantined()[0].raw, b"\xff\xfe");
    world.ledgers_balance().await;
}

#[tokio::test]
async fn one_event_that_the_store_refuses_goes_to_quarantine_alone() {
    let world = World::resting();
    world.store.refuse("độc");
    let batch = (1..=8).map(|n| {
        let note = if n == 5 { "độc" } else { "lành" };
        event("dossier.received", &code(n), 1).with_data("/dossier/note", note)
    });
    let verdicts = world.admit(batch).await;
    for (n, verdict) in (1..).zip(&verdicts) {
        match n {
            5 => assert!(
                matches!(verdict, Verdict::Quarantined(r) if r.reason == Reason::Unstorable),
                "{verdict:?}"
            ),
            _ => assert!(matches!(verdict, Verdict::Accepted { .. }), "{n}: {verdict:?}"),
        }
    }
    world.ledgers_balance().await;
}

#[tokio::test]
async fn an_admission_whose_answer_was_lost_can_be_made_again() {
    let world = World::resting();
    let message = || vec![event("dossier.received", &code(1), 1).message()];
    world.store.lose_next_answer();
    let lost = intake::admit(&world.engine, message()).await;
    assert!(matches!(lost, Err(StoreError::Unavailable(_))), "{lost:?}");
    let again = intake::admit(&world.engine, message()).await.unwrap();
    assert!(matches!(again[0], Verdict::Duplicate { .. }), "{again:?}");
    assert_eq!(world.store.events().len(), 1);
    world.ledgers_balance().await;
}

#[tokio::test]
async fn binary_mode_is_the_same_event() {
    let world = World::resting();
    let whole = event("dossier.received", &code(1), 1);
    let json = whole.json();
    let attributes = json
        .as_object()
        .unwrap()
        .iter()
        .filter(|(name, _)| *name != "data")
        .map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()))
        .collect();
    let binary = RawMessage {
        origin: Origin::Amqp,
        body: json["data"].to_string().into_bytes(),
        attributes: Some(attributes),
    };
    let verdicts = intake::admit(&world.engine, vec![whole.message(), binary]).await.unwrap();
    assert!(matches!(verdicts[1], Verdict::Duplicate { .. }), "{verdicts:?}");
}

#[tokio::test]
async fn a_dry_run_gives_the_verdict_of_an_admission_to_an_empty_store() {
    let with_rules = || {
        let mut rules = rules();
        let unit = UnitCode::parse(fixtures::UNIT).unwrap();
        let rule = UnitRule { code: unit.clone(), name: "Mẫu".into(), from: None, until: None };
        rules.units = [(unit, rule)].into();
        World::with(rules, |portal| portal)
    };
    let line = |kind: &str| json!({"kind": kind, "code": kind, "name": "Khoản", "amount": 8000});
    let mut cases: Vec<Event> = events::NAMES.iter().map(|name| event(name, &code(1), 1)).collect();
    let accepted = cases.len();
    let strange = |e: Event| e.with("source", "/nguon-la/000.00.99.H99");
    cases.extend(events::NAMES.iter().map(|name| strange(event(name, &code(1), 1))));
    cases.extend([
        event("dossier.received", &code(1), 1).with_data("/dossier/unit/code", "000.00.77.H99"),
        event("survey.answered", "000.00.77.H99", 1).with_data("/unit", "000.00.77.H99"),
        event("question.answered", "000.00.77.H99", 1),
        event("fee.requested", &code(1), 1)
            .with_data("/payment/lines", json!([line("fee"), line("postage")])),
        event("dossier.received", &code(1), 1).with_data("/step/content", ""),
    ]);
    let mut refused = BTreeSet::new();
    for (n, case) in cases.into_iter().enumerate() {
        let world = with_rules();
        let dry = intake::judge(&world.engine, &case.message());
        let said = case.json();
        match world.admit([case]).await.remove(0) {
            Verdict::Accepted { .. } => assert!(dry.is_ok() && n < accepted, "{dry:?} for {said}"),
            Verdict::Quarantined(rejection) => {
                refused.insert(rejection.reason.code());
                assert_eq!(dry.unwrap_err(), rejection, "{said}");
            }
            Verdict::Duplicate { .. } => panic!("a duplicate in an empty store"),
        }
    }
    assert_eq!(refused, ["amount", "data", "unit_not_allowed", "unknown_unit"].into());
}
