//! The conformance suite on the in-memory store, and the doubles themselves.

use futures_util::FutureExt;
use jiff::SignedDuration;
use std::sync::Arc;

use super::{
    MemoryStore, ScriptedConnector,
    conformance::Harness,
    fixtures::{self, events},
};
use crate::{
    clock::Clock,
    outcome::{Cause, Outcome},
    port::{
        connector::{Call, Connector, Task},
        store::{Store, StoreError, decide},
        work::Scope,
    },
};

async fn memory(_story: &str) -> Harness {
    let store = MemoryStore::default();
    let clock = store.clock().clone();
    let losing = store.clone();
    Harness::new(Arc::new(store.clone()), Arc::new(store.clone()), Arc::new(store.second()), false)
        .with_pass(move |by| {
            clock.advance(SignedDuration::try_from(by).unwrap());
            async {}.boxed()
        })
        .with_tamper(move |id| {
            losing.lose_operation(id);
            async {}.boxed()
        })
}

mod conformance {
    use super::memory;
    crate::conformance_tests!(memory);
}

fn task(code: &str) -> Task {
    let lane = fixtures::lane(1, "dvcqg", code);
    Task {
        operation: 1,
        payload: fixtures::operation(1, &lane, 1).payload,
        subject: Some(fixtures::code(code)),
        dossier: None,
        acknowledged: false,
        begun: false,
        doubted: false,
        attempt: 1,
    }
}

#[tokio::test]
async fn a_lost_answer_is_committed_and_a_fault_does_nothing() {
    let store = MemoryStore::default();
    let mark = |work: &mut crate::port::work::Work| work.cursors.push(("mark".into(), "1".into()));
    store.fail_next(StoreError::Contended("as ordered".into()));
    let answer = decide(&store, Scope::default(), mark).await;
    assert_eq!(answer, Err(StoreError::Contended("as ordered".into())));
    assert_eq!(store.cursor("mark").await.unwrap(), None);
    store.lose_next_answer();
    assert!(matches!(decide(&store, Scope::default(), mark).await, Err(StoreError::Unavailable(_))));
    assert_eq!(store.cursor("mark").await.unwrap().as_deref(), Some("1"));
    store.set_down(true);
    assert!(store.ping().await.is_err());
    store.set_down(false);
    store.clock().advance(SignedDuration::from_secs(5));
    assert_eq!(store.now().await.unwrap(), store.clock().now());
}

#[tokio::test]
async fn the_scripted_connector_answers_by_lane_then_action_then_turn() {
    let (one, two) = (fixtures::nth_code(1), fixtures::nth_code(2));
    let portal = ScriptedConnector::portal("dvcqg").shared();
    portal.next(Outcome::not_done(Cause::Unreachable, "any"));
    portal.on_lane(two.as_str(), Outcome::unclear(Cause::NoAnswer, "lane"));
    let sessions = super::MemorySessions::default();
    let call = || Call {
        now: fixtures::morning(0),
        deadline: std::time::Duration::from_secs(5),
        sessions: &sessions,
    };
    assert_eq!(portal.attempt(&task(two.as_str()), &call()).await.name(), "unclear");
    assert_eq!(portal.attempt(&task(one.as_str()), &call()).await.name(), "not_done");
    portal.hold();
    let (held, again) = (task(one.as_str()), task(one.as_str()));
    let (first_call, second_call) = (call(), call());
    let release = async {
        portal.until_begun(4).await;
        portal.release_all();
    };
    let (a, b, ()) = futures_util::join!(
        portal.attempt(&held, &first_call),
        portal.attempt(&again, &second_call),
        release
    );
    assert_eq!((a.name(), b.name()), ("done", "done"));
    assert_eq!(portal.overlaps(), vec![one.to_string()]);
    assert_eq!((portal.tasks().len(), portal.highest_in_flight()), (4, 2));
}

#[test]
fn every_event_of_the_contract_has_an_example() {
    for name in events::NAMES {
        let event = events::event(name, fixtures::nth_code(1).as_str(), 1).json();
        assert_eq!(event["type"], format!("vn.motcua.{name}.v1"));
        assert!(event["data"].is_object(), "{name}");
    }
    let changed = events::event("dossier.received", "x", 2)
        .with("sequence", serde_json::Value::Null)
        .with_data("/dossier/documents/0/name", "b.pdf");
    assert_eq!(changed.json()["data"]["dossier"]["documents"][0]["name"], "b.pdf");
    assert!(changed.json().get("sequence").is_none());
}
