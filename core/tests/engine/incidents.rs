//! Incidents and quarantine entries: open as long as there is something to do, and no longer.

use lienthong_core::{
    flow::operator::{self, Deed},
    need::Need,
    operation::{ActionKind, OperationState},
    outcome::{Cause, Outcome},
    port::{connector::CheckFailure, views::Views},
    testing::fixtures::events::{event, payment_id},
};
use serde_json::json;

use crate::world::{World, code};

async fn open(world: &World) -> Vec<(i64, String)> {
    let overview = world.store.overview(0).await.unwrap();
    overview.incidents.into_iter().map(|i| (i.id, i.key)).collect()
}

async fn open_keys(world: &World) -> Vec<String> {
    open(world).await.into_iter().map(|(_, key)| key).collect()
}

#[tokio::test]
async fn an_incident_of_a_need_closes_with_the_last_operation_that_waits() {
    let world = World::running();
    world.settled().await;
    let need = || Need::Mapping { connector: "post".into(), table: "ward".into(), code: "99001".into() };
    world.post.always(Outcome::Held(need()));
    for n in 1..=3 {
        let code = code(n);
        world.admit([event("dossier.received", &code, 1), event("post.return_requested", &code, 2)]).await;
    }
    world
        .eventually("all are held", |w| w.states(ActionKind::CreateParcel) == [OperationState::Held; 3])
        .await;
    assert_eq!(open_keys(&world).await, [need().to_string()]);
    world.post.works();
    let held = world.operations(ActionKind::CreateParcel);
    // One is dismissed, one sent again, one cancelled by the one-stop system: each leaves in its own way.
    operator::dismiss(&world.engine, held[0].id, "an", "lập nhầm").await.unwrap();
    operator::retry(&world.engine, held[1].id, "an", "đã bổ sung").await.unwrap();
    world.settled().await;
    assert_eq!(open_keys(&world).await, [need().to_string()], "the third one still waits");
    world.admit([event("post.cancelled", &code(3), 3)]).await;
    assert!(open(&world).await.is_empty());
    world.ledgers_balance().await;
}

#[tokio::test]
async fn a_snapshots_incident_closes_when_a_correction_takes_the_place_of_what_was_held() {
    let world = World::resting();
    let code = code(1);
    world.admit([event("fee.requested", &code, 1)]).await;
    assert_eq!(open_keys(&world).await, [format!("snapshot:{code}")], "a payment that waits counts as well");
    world.admit([event("dossier.received", &code, 2)]).await;
    assert!(open(&world).await.is_empty());
}

#[tokio::test]
async fn money_incidents_close_by_the_word_of_the_one_stop_system_or_of_a_person() {
    let world = World::running();
    let (refunded, by_hand) = (code(1), code(2));
    for code in [&refunded, &by_hand] {
        world.admit([event("dossier.received", code, 1), event("fee.requested", code, 2)]).await;
        world.settled().await;
        let reference = world.payment(&payment_id(code)).references[0].reference.to_string();
        for platform_ref in ["GD1", "GD2"] {
            crate::money::call_back(&world, &reference, platform_ref, "paid", 8000).await;
        }
    }
    let keys = [&refunded, &by_hand].map(|code| format!("refund:{}", payment_id(code)));
    assert_eq!(open_keys(&world).await, keys);
    world.admit([event("fee.refunded", &refunded, 3)]).await;
    assert_eq!(open_keys(&world).await, keys[1..]);

    let (id, _) = open(&world).await[0];
    let engine = &world.engine;
    let missing = Deed::NotAllowed("reason_missing".into());
    assert_eq!(operator::close_incident(engine, id, "an", " ").await.unwrap(), missing);
    assert_eq!(operator::close_incident(engine, id, "an", "đã hoàn tay").await.unwrap(), Deed::Done);
    assert!(open(&world).await.is_empty());
    assert_eq!(operator::close_incident(engine, id, "an", "lần nữa").await.unwrap(), Deed::NotFound);
    assert!(world.store.audit().iter().any(|(_, who, deed, about)| {
        who == "an" && deed == "incident.close: đã hoàn tay" && *about == keys[1]
    }));
}

#[tokio::test]
async fn an_incident_of_a_need_is_not_closed_by_hand() {
    let world = World::resting();
    world.admit([event("dossier.processing", &code(1), 1)]).await;
    let (id, _) = open(&world).await[0];
    let deed = operator::close_incident(&world.engine, id, "an", "xong").await.unwrap();
    assert_eq!(deed, Deed::NotAllowed("closes_itself".into()));
    assert_eq!(open(&world).await.len(), 1);
}

#[tokio::test]
async fn a_quarantine_entry_closes_when_its_event_is_told_right_or_by_hand() {
    let world = World::resting();
    let wrong = |n| event("dossier.received", &code(n), 1).with_data("/step/content", " ");
    world.admit([wrong(1), wrong(2), wrong(3)]).await;
    let entries = || async { world.store.quarantine(0, 10).await.unwrap() };
    assert_eq!(entries().await.len(), 3);
    world.admit([event("dossier.received", &code(1), 1)]).await;
    // Wrong and right in one batch, then other content under the admitted id: that one stays.
    world.admit([event("dossier.received", &code(2), 1), event("dossier.processing", &code(2), 1)]).await;
    let left = entries().await;
    let reasons: Vec<_> = left.iter().map(|e| e.reason.as_str()).collect();
    assert_eq!(reasons, ["data", "conflict"]);
    let close = |id| operator::close_quarantine(&world.engine, id, "an", "gửi bằng mã khác");
    for entry in &left {
        assert_eq!(close(entry.id).await.unwrap(), Deed::Done);
        assert_eq!(close(entry.id).await.unwrap(), Deed::NotFound);
    }
    assert!(entries().await.is_empty());
    assert_eq!(json!(world.store.overview(0).await.unwrap().quarantine_open), 0);
    world.ledgers_balance().await;
}

#[tokio::test]
async fn a_reading_that_fails_is_an_incident_until_one_ends_well() {
    let world = World::running();
    let code = code(1);
    world.admit([event("dossier.received", &code, 1), event("fee.requested", &code, 2)]).await;
    world.settled().await;
    let reference = world.payment(&payment_id(&code)).references[0].reference.to_string();
    let failure = || CheckFailure { cause: Cause::Unreachable, said: "từ chối kết nối".into() };
    world.platform.on_inquiry(&reference, Err(failure()));
    world.post.fail_feed(failure());
    world.run_timers().await;
    world.advance(16 * 60);
    world.run_timers().await;
    let mut keys = open_keys(&world).await;
    // Both timers run at once.
    keys.sort();
    assert_eq!(keys, ["reading:sweep:pay", "reading:tracking:post"]);
    let incident = world.store.overview(0).await.unwrap().incidents.remove(0);
    assert!(incident.said.contains("từ chối kết nối"), "{incident:?}");
    let closed = operator::close_incident(&world.engine, incident.id, "an", "biết rồi").await.unwrap();
    assert_eq!(closed, Deed::NotAllowed("closes_itself".into()));
    world.advance(16 * 60);
    world.run_timers().await;
    assert!(open(&world).await.is_empty());
}
