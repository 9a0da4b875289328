//! One dossier told of under two codes: joined where that is safe, left to a person where it is not.

use lienthong_core::{
    event::rejection::{Reason, Verdict},
    flow::operator::{self, Deed},
    operation::{ActionKind, OperationState},
    port::views::Views,
    testing::fixtures::events::{Event, event, parcel_id, payment_id},
};

use crate::world::{World, code, rules};

const PORTAL_CODE: &str = "G22.99-261123-000009";

fn says_both(code: &str, n: u32) -> Event {
    event("dossier.corrected", code, n).with_data("/dossier/portal_code", PORTAL_CODE)
}

/// What comes under the portal's code before anybody said whose it is.
fn under_the_portals_code() -> [Event; 4] {
    [
        event("dossier.processing", PORTAL_CODE, 2)
            .with_data("/dossier/note", "ghi dưới mã của Cổng")
            .with_data("/dossier/summary", "không thắng"),
        event("fee.requested", PORTAL_CODE, 3),
        event("post.return_requested", PORTAL_CODE, 4),
        event("dossier.processing", PORTAL_CODE, 5).with_data("/step/content", "bước hai"),
    ]
}

fn accepted(verdicts: &[Verdict]) {
    assert!(verdicts.iter().all(|v| matches!(v, Verdict::Accepted { .. })), "{verdicts:?}");
}

async fn is_one(world: &World, code: &str) {
    world.eventually("all is sent", |w| w.store.operations().iter().all(|o| o.state.is_ended())).await;
    let one = world.store.timeline(PORTAL_CODE).await.unwrap().unwrap();
    assert_eq!((one.code.as_str(), one.aliases), (code, vec![PORTAL_CODE.to_owned()]));
    assert_eq!((one.events.len(), one.payments.len(), one.parcels.len()), (6, 1, 1));
    assert_eq!(world.store.overview(0).await.unwrap().dossiers, 1);
    assert!(world.store.overview(0).await.unwrap().incidents.is_empty());
    assert!(world.store.operations().iter().all(|o| o.subject.as_ref().is_none_or(|s| s.as_str() == code)));
    assert_eq!(world.portal.tasks_of(PORTAL_CODE).len(), 0, "nothing goes out under the other code");
    let seen = world.seen_at_portal(code);
    let steps: Vec<&str> = seen.iter().filter(|s| !s.starts_with("sync")).map(String::as_str).collect();
    assert_eq!(steps, ["Tiếp nhận hồ sơ", "Đang xử lý", "bước hai"]);
    let state = world.portal.tasks_of(code).last().unwrap().dossier.clone().unwrap();
    assert_eq!(state.status.unwrap().code(), 4, "the later word");
    assert_eq!(state.fields["summary"], "Đăng ký khai sinh cho con", "what is known wins");
    assert_eq!(state.fields["code"], code);
    assert_eq!(world.platform.tasks_of(&payment_id(PORTAL_CODE)).len(), 1);
    assert_eq!(world.post.tasks_of(&parcel_id(PORTAL_CODE)).len(), 1);
    // Later events of either code are about the one dossier, money too.
    accepted(
        &world
            .admit([event("dossier.finished", PORTAL_CODE, 7), event("fee.cancelled", PORTAL_CODE, 8)])
            .await,
    );
    world.settled().await;
    assert_eq!(world.seen_at_portal(code).last().unwrap(), "Đã có kết quả");
    assert_eq!(world.payment(&payment_id(PORTAL_CODE)).subject.as_str(), code);
    world.ledgers_balance().await;
}

#[tokio::test]
async fn a_dossier_told_of_under_the_portals_code_moves_into_the_one_it_is() {
    let world = World::running();
    let code = code(1);
    world.admit([event("dossier.received", &code, 1)]).await;
    world.settled().await;
    accepted(&world.admit(under_the_portals_code()).await);
    world.settled().await;
    assert_eq!(world.seen_at_portal(PORTAL_CODE).len(), 0);
    accepted(&world.admit([says_both(&code, 6)]).await);
    is_one(&world, &code).await;
}

#[tokio::test]
async fn the_event_that_joins_may_be_about_the_one_that_moves() {
    let world = World::running();
    let code = code(1);
    world.admit([event("dossier.received", &code, 1)]).await;
    accepted(&world.admit(under_the_portals_code()).await);
    let joins = event("dossier.corrected", PORTAL_CODE, 6).with_data("/dossier/code", code.as_str());
    accepted(&world.admit([joins]).await);
    is_one(&world, &code).await;
}

#[tokio::test]
async fn joining_within_one_batch_is_the_same() {
    let world = World::running();
    let code = code(1);
    let mut all = under_the_portals_code().to_vec();
    all.insert(0, event("dossier.received", &code, 1));
    all.push(says_both(&code, 6));
    accepted(&world.admit(all).await);
    is_one(&world, &code).await;
}

#[tokio::test]
async fn two_that_were_both_never_told_whole_wait_together_and_go_in_order() {
    let world = World::running();
    let code = code(1);
    accepted(&world.admit([event("dossier.processing", &code, 1).with_data("/step/content", "một")]).await);
    accepted(
        &world.admit([event("dossier.processing", PORTAL_CODE, 2).with_data("/step/content", "hai")]).await,
    );
    let joins = event("dossier.processing", &code, 3)
        .with_data("/step/content", "ba")
        .with_data("/dossier/portal_code", PORTAL_CODE);
    accepted(&world.admit([joins]).await);
    world.settled().await;
    assert!(world.portal.tasks().is_empty(), "it was never told whole");
    let incidents = world.store.overview(0).await.unwrap().incidents;
    let keys: Vec<_> = incidents.iter().map(|i| i.key.clone()).collect();
    assert_eq!(keys, [format!("snapshot:{code}")]);
    accepted(&world.admit([event("dossier.received", &code, 4)]).await);
    world.settled().await;
    assert_eq!(world.seen_at_portal(&code), ["sync 2", "một", "hai", "ba", "Tiếp nhận hồ sơ"]);
    world.ledgers_balance().await;
}

#[tokio::test]
async fn two_dossiers_that_were_both_told_to_the_portal_stay_two_until_a_person_has_looked() {
    let world = World::running();
    let code = code(1);
    world.admit([event("dossier.received", &code, 1), event("dossier.received", PORTAL_CODE, 1)]).await;
    world.settled().await;
    let verdicts = world.admit([says_both(&code, 2)]).await;
    let Verdict::Quarantined(rejection) = &verdicts[0] else { panic!("{verdicts:?}") };
    assert_eq!(rejection.reason, Reason::AliasConflict);
    let incidents = world.store.overview(0).await.unwrap().incidents;
    assert_eq!(incidents[0].key, format!("codes:{code}:{PORTAL_CODE}"));
    let closed = operator::close_incident(&world.engine, incidents[0].id, "an", "hai hồ sơ khác nhau").await;
    assert_eq!(closed.unwrap(), Deed::Done);
    assert_eq!(world.store.overview(0).await.unwrap().dossiers, 2);
    world.ledgers_balance().await;
}

#[tokio::test]
async fn a_state_that_a_person_was_asked_to_send_is_not_moved() {
    let world = World::running();
    let code = code(1);
    world.admit([event("dossier.received", &code, 1), event("dossier.processing", PORTAL_CODE, 1)]).await;
    world.settled().await;
    let held = world.operations(ActionKind::SyncDossier).into_iter().find(|o| !o.state.is_ended()).unwrap();
    world.portal.hold();
    operator::retry(&world.engine, held.id, "an", "gửi thử").await.unwrap();
    let verdicts = world.admit([says_both(&code, 2)]).await;
    assert!(
        matches!(&verdicts[0], Verdict::Quarantined(r) if r.reason == Reason::AliasConflict),
        "{verdicts:?}"
    );
    world.portal.release_all();
}

#[tokio::test]
async fn an_event_that_is_set_aside_for_another_reason_joins_nothing() {
    let world = World::resting();
    let code = code(1);
    world.admit([event("dossier.received", &code, 1), event("fee.requested", PORTAL_CODE, 2)]).await;
    let joins = |amount: u32| {
        event("dossier.fee_requested", &code, 3)
            .with_data("/payment/id", payment_id(PORTAL_CODE))
            .with_data("/payment/lines/0/amount", amount)
            .with_data("/dossier/portal_code", PORTAL_CODE)
    };
    let verdicts = world.admit([joins(9000)]).await;
    assert!(matches!(&verdicts[0], Verdict::Quarantined(r) if r.reason == Reason::EffectConflict));
    assert_eq!(world.store.overview(0).await.unwrap().dossiers, 2);
    accepted(&world.admit([joins(8000)]).await);
    assert_eq!(world.store.overview(0).await.unwrap().dossiers, 1, "the same payment in both is one");
    assert_eq!(world.store.payments().len(), 1);
}

#[tokio::test]
async fn a_source_joins_only_what_it_may_speak_for() {
    let mut rules = rules();
    rules.sources = vec![
        ("/motcua/000.00.08.H99".into(), vec!["000.00.08.H99".into()]),
        ("/motcua/000.00.09.H99".into(), vec!["000.00.09.H99".into()]),
    ];
    let world = World::with(rules, |portal| portal);
    let (own, other) = (code(1), "000.00.09.H99-261123-0001");
    let theirs = event("dossier.processing", other, 1).with("source", "/motcua/000.00.09.H99");
    accepted(&world.admit([event("dossier.received", &own, 1), theirs]).await);
    let takes = event("dossier.corrected", &own, 2).with_data("/dossier/portal_code", other);
    let verdicts = world.admit([takes]).await;
    assert!(
        matches!(&verdicts[0], Verdict::Quarantined(r) if r.reason == Reason::UnitNotAllowed),
        "{verdicts:?}"
    );
    assert_eq!(world.states(ActionKind::AppendProgress)[1], OperationState::Held);
}

#[tokio::test]
async fn an_answer_that_waits_moves_with_its_dossier_also_within_one_batch() {
    let code = code(1);
    let events = || {
        [event("question.answered", PORTAL_CODE, 1), event("dossier.received", &code, 2), says_both(&code, 3)]
    };
    for is_one_batch in [true, false] {
        let world = World::resting();
        if is_one_batch {
            accepted(&world.admit(events()).await);
        } else {
            for event in events() {
                accepted(&world.admit([event]).await);
            }
        }
        let held = &world.operations(ActionKind::Unassigned)[0];
        let sync = &world.operations(ActionKind::SyncDossier)[0];
        assert_eq!(held.subject.as_ref().map(ToString::to_string).as_deref(), Some(code.as_str()));
        assert_eq!(held.dossier, sync.dossier, "in one batch: {is_one_batch}");
        world.ledgers_balance().await;
    }
}
