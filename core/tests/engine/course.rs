//! A dossier's course to the portal: order, snapshots, late events, superseding, corrections.

use lienthong_core::{
    event::rejection::{Reason, Verdict},
    operation::{ActionKind, OperationState},
    outcome::{Cause, Outcome},
    testing::fixtures::events::{event, raw, step},
};
use serde_json::json;

use crate::world::{World, code};

#[tokio::test]
async fn a_dossier_reaches_the_portal_in_the_order_of_its_events() {
    let world = World::running();
    let code = code(1);
    let names = ["dossier.received", "dossier.processing", "dossier.finished", "dossier.returned"];
    let events =
        names.iter().zip(1..).map(|(name, n)| event(name, &code, n).with_data("/step/content", *name));
    let verdicts = world.admit(events).await;
    assert!(verdicts.iter().all(|v| matches!(v, Verdict::Accepted { .. })), "{verdicts:?}");
    world.settled().await;
    assert_eq!(
        world.seen_at_portal(&code),
        [
            "sync 2",
            "dossier.received",
            "sync 4",
            "dossier.processing",
            "sync 9",
            "dossier.finished",
            "sync 10",
            "dossier.returned"
        ]
    );
    assert!(world.portal.overlaps().is_empty(), "two operations of a lane were with the partner at once");
    let synced: Vec<_> =
        world.told("portal.synced").await.iter().map(|data| data["portal_status"].clone()).collect();
    assert_eq!(synced, [2, 4, 9, 10]);
    world.ledgers_balance().await;
}

#[tokio::test]
async fn an_event_that_changes_nothing_but_the_history_plans_only_its_step() {
    let world = World::running();
    let code = code(1);
    world.admit([event("dossier.received", &code, 1), event("dossier.processing", &code, 2)]).await;
    world.admit([event("dossier.processing", &code, 3).with_data("/step/content", "lần hai")]).await;
    world.settled().await;
    assert_eq!(world.states(ActionKind::SyncDossier).len(), 2);
    assert_eq!(world.seen_at_portal(&code).last().unwrap(), "lần hai");
}

#[tokio::test]
async fn operations_of_an_unknown_dossier_are_held_until_its_snapshot_comes_and_go_in_order() {
    let world = World::running();
    let code = code(1);
    world.admit([event("dossier.processing", &code, 2), event("dossier.finished", &code, 3)]).await;
    world.settled().await;
    assert!(world.portal.tasks().is_empty(), "nothing may be sent about an unknown dossier");
    assert!(world.store.operations().iter().all(|o| o.state.is_ended() || o.state == OperationState::Held));
    assert_eq!(world.told("dossier.snapshot_requested").await.len(), 1);
    assert_eq!(world.store.incidents().iter().filter(|i| i.closed_at.is_none()).count(), 1);

    let whole = raw(
        "dossier.corrected",
        &code,
        4,
        lienthong_core::testing::fixtures::events::data("dossier.received", &code),
    );
    world.admit([whole.with_data("/step", json!(null))]).await;
    world.settled().await;
    // The newest full state stands in at the head, then the steps in their order.
    assert_eq!(world.seen_at_portal(&code), ["sync 9", "Đang xử lý", "Đã có kết quả"]);
    assert!(world.store.incidents().iter().all(|i| i.closed_at.is_some()), "the need was supplied");
    world.ledgers_balance().await;
}

#[tokio::test]
async fn a_late_event_adds_its_step_and_what_nobody_set_since_but_never_turns_the_status_back() {
    let world = World::running();
    let code = code(1);
    world.admit([event("dossier.received", &code, 1)]).await;
    let newer = event("dossier.finished", &code, 5).with_data("/dossier/note", "mới");
    world.settled().await;
    world.admit([newer]).await;
    world.settled().await;
    let late = event("dossier.processing", &code, 3)
        .with_data("/dossier/note", "cũ")
        .with_data("/dossier/summary", "tóm tắt")
        .with_data("/step/content", "muộn");
    let verdicts = world.admit([late]).await;
    assert!(matches!(verdicts[0], Verdict::Accepted { late: true, .. }), "{verdicts:?}");
    world.settled().await;
    let last = world.portal.tasks_of(&code);
    let state = last.last().unwrap().dossier.clone().unwrap();
    assert_eq!(state.fields["note"], "mới");
    assert_eq!(state.fields["summary"], "tóm tắt");
    assert_eq!(state.status.unwrap().code(), 9);
    assert_eq!(
        world.seen_at_portal(&code),
        ["sync 2", "Tiếp nhận hồ sơ", "sync 9", "Đã có kết quả", "sync 9", "muộn"]
    );
}

#[tokio::test]
async fn a_late_full_snapshot_is_no_newer_than_what_came_after_it() {
    let world = World::running();
    let code = code(1);
    world.admit([event("dossier.received", &code, 1)]).await;
    world.admit([event("dossier.corrected", &code, 7).with_data("/dossier/note", "bảy")]).await;
    world.admit([event("dossier.submitted", &code, 5).with_data("/dossier/note", "năm")]).await;
    world.settled().await;
    let state = world.portal.tasks_of(&code).last().unwrap().dossier.clone().unwrap();
    assert_eq!(state.fields["note"], "bảy");
    assert_eq!(state.status.unwrap().code(), 2, "a late submission does not undo the reception");
}

#[tokio::test]
async fn a_refused_sync_stops_its_lane_and_a_correction_cures_it_at_the_head() {
    let world = World::running();
    let code = code(1);
    world.portal.on_lane(&code, Outcome::refused(Cause::DataRefused, "-1", "thiếu chủ hồ sơ"));
    world.admit([event("dossier.received", &code, 1), event("dossier.processing", &code, 2)]).await;
    world
        .eventually("the sync is stuck", |w| w.states(ActionKind::SyncDossier)[0] == OperationState::Stuck)
        .await;
    assert_eq!(world.portal.tasks().len(), 1, "nothing passes a stuck head");
    assert_eq!(world.told("portal.refused").await.len(), 1);

    world
        .admit([event("dossier.corrected", &code, 3).with_data("/dossier/applicant/name", "Nguyễn Văn Mẫu")])
        .await;
    world.settled().await;
    let syncs = world.operations(ActionKind::SyncDossier);
    assert_eq!(syncs[0].state, OperationState::Superseded);
    assert_eq!(syncs[0].superseded_by, Some(syncs[2].id), "the correction took the stuck one's place");
    // [stuck sync 2 replaced by the corrected state] [step] [step]: the older, uncorrected sync 4 does not follow it.
    assert_eq!(syncs[1].state, OperationState::Superseded);
    assert_eq!(world.seen_at_portal(&code)[1..], ["sync 4", "Tiếp nhận hồ sơ", "Đang xử lý"]);
    world.ledgers_balance().await;
}

#[tokio::test]
async fn a_waiting_sync_is_superseded_only_once_the_portal_knows_the_dossier() {
    let world = World::resting();
    let code = code(1);
    world.admit([event("dossier.received", &code, 1), event("dossier.processing", &code, 2)]).await;
    assert!(world.states(ActionKind::SyncDossier).iter().all(|s| *s == OperationState::Ready));

    let mut world = world;
    world.start();
    world.settled().await;
    world.stop().await;
    world.admit([event("dossier.finished", &code, 3)]).await;
    world.admit([event("dossier.corrected", &code, 4).with_data("/dossier/note", "x")]).await;
    let states = world.states(ActionKind::SyncDossier);
    assert_eq!(
        states[2..],
        [OperationState::Superseded, OperationState::Ready],
        "the newer full state stands in"
    );
    world.ledgers_balance().await;
}

#[tokio::test]
async fn a_dossier_born_on_the_portal_is_one_dossier_under_both_codes() {
    let world = World::running();
    let (code, born) = (code(1), "G22.99-261123-000001".to_owned());
    let received = event("dossier.received", &code, 1)
        .with_data("/dossier/portal_code", born.as_str())
        .with_data("/dossier/origin", "portal");
    world.admit([received]).await;
    // A later event that names the portal's code is about the same dossier.
    world.admit([event("dossier.processing", &born, 2)]).await;
    world.settled().await;
    assert_eq!(world.seen_at_portal(&code), ["sync 2", "Tiếp nhận hồ sơ", "sync 4", "Đang xử lý"]);
    let state = world.portal.tasks_of(&code)[0].dossier.clone().unwrap();
    assert_eq!(state.portal_code().as_str(), born);
}

#[tokio::test]
async fn a_code_that_means_another_dossier_is_a_conflict() {
    let world = World::resting();
    let (one, two) = (code(1), code(2));
    world.admit([event("dossier.received", &one, 1), event("dossier.received", &two, 1)]).await;
    let verdicts = world
        .admit([event("dossier.corrected", &one, 2).with_data("/dossier/portal_code", two.as_str())])
        .await;
    assert!(
        matches!(&verdicts[0], Verdict::Quarantined(r) if r.reason == Reason::AliasConflict),
        "{verdicts:?}"
    );
}

#[tokio::test]
async fn a_voided_dossier_waits_for_a_person() {
    let world = World::running();
    let code = code(1);
    world.admit([event("dossier.received", &code, 1)]).await;
    world.settled().await;
    world.admit([event("dossier.voided", &code, 2)]).await;
    world.settled().await;
    let held = world.operations(ActionKind::SyncDossier).pop().unwrap();
    assert_eq!(held.state, OperationState::Held);
    lienthong_core::flow::operator::retry(&world.engine, held.id, "an", "đã xác nhận").await.unwrap();
    world.settled().await;
    assert_eq!(world.seen_at_portal(&code).last().unwrap(), "sync 8");
}

#[tokio::test]
async fn reopening_takes_back_the_dates_of_what_is_undone() {
    let world = World::running();
    let code = code(1);
    let names = ["dossier.received", "dossier.finished", "dossier.reopened"];
    world.admit(names.iter().zip(1..).map(|(name, n)| event(name, &code, n))).await;
    world.settled().await;
    let state = world.portal.tasks_of(&code).last().unwrap().dossier.clone().unwrap();
    assert!(!state.fields.contains_key("finished_at"), "the portal would count an end");
    assert_eq!(state.status.unwrap().code(), 4);
}

#[tokio::test]
async fn an_adopted_dossier_sends_only_what_the_former_system_did_not() {
    let world = World::running();
    let code = code(1);
    let mut later = step("sau ngày chuyển đổi");
    later["at"] = json!("2026-11-23T10:00:00+07:00");
    let adopted = event("dossier.adopted", &code, 1).with_data("/steps", json!([step("trước"), later]));
    world.admit([adopted]).await;
    world.settled().await;
    assert_eq!(world.seen_at_portal(&code), ["sau ngày chuyển đổi"]);
}

#[tokio::test]
async fn a_correction_may_state_the_status_and_a_step_its_own_without_moving_the_dossier() {
    let world = World::running();
    let code = code(1);
    let whole = |n, status: u8| {
        let received = lienthong_core::testing::fixtures::events::data("dossier.received", &code);
        raw("dossier.corrected", &code, n, received)
            .with_data("/step", json!(null))
            .with_data("/status", status)
    };
    world.admit([whole(2, 9)]).await;
    // The history comes afterwards, each entry with what was then.
    let then = |n, content: &str, status: u8| {
        let mut told = step(content);
        told["status"] = json!(status);
        raw("dossier.corrected", &code, n, json!({"dossier": {}, "step": told}))
    };
    world.admit([then(3, "tiếp nhận", 2), then(4, "thẩm định", 4)]).await;
    world.settled().await;
    assert_eq!(world.seen_at_portal(&code), ["sync 9", "tiếp nhận", "thẩm định"]);
    let statuses = |world: &World| -> Vec<u8> {
        let tasks = world.portal.tasks_of(&code);
        let steps = tasks.iter().filter_map(|task| match task.payload.as_ref() {
            lienthong_core::operation::Payload::AppendProgress { steps } => Some(steps.clone()),
            _ => None,
        });
        steps.flatten().map(|step| step.status.code()).collect()
    };
    assert_eq!(statuses(&world), [2, 4]);
    world.admit([whole(5, 4)]).await;
    world.settled().await;
    assert_eq!(world.seen_at_portal(&code).last().unwrap(), "sync 4");
    // A late one is told with what the dossier is now.
    world.admit([then(1, "muộn", 2)]).await;
    world.settled().await;
    assert_eq!(statuses(&world), [2, 4, 4]);
    world.ledgers_balance().await;
}
