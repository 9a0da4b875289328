//! A dossier goes from one unit to another, each with a system of its own.

use lienthong_core::{
    event::rejection::{Reason, Verdict},
    operation::ActionKind,
    testing::fixtures::events::{Event, event, step},
};

use crate::world::{World, code, rules};

const OLD: &str = "/motcua/000.00.08.H99";
const NEW: &str = "/motcua/000.00.09.H99";

fn two_systems() -> World {
    let mut rules = rules();
    rules.sources =
        vec![(OLD.into(), vec!["000.00.08.H99".into()]), (NEW.into(), vec!["000.00.09.H99".into()])];
    let mut world = World::with(rules, |portal| portal);
    world.start();
    world
}

/// An event of a system, at a minute, with what it says of the step.
fn said(source: &str, name: &str, code: &str, sequence: u32, minute: u32, content: &str) -> Event {
    event(name, code, sequence)
        .with("id", format!("{source}-{sequence}"))
        .with("source", source)
        .with("time", format!("2026-11-23T09:{minute:02}:00+07:00"))
        .with_data("/step", step(content))
}

async fn transferred(world: &World, code: &str) {
    let verdicts = world
        .admit([
            said(OLD, "dossier.received", code, 1, 0, "nhận"),
            said(OLD, "dossier.transferred", code, 3, 30, "chuyển"),
            said(NEW, "dossier.finished", code, 1, 40, "xong").with_data("/dossier/note", "đơn vị mới"),
        ])
        .await;
    assert!(verdicts.iter().all(|v| matches!(v, Verdict::Accepted { .. })), "{verdicts:?}");
    world.settled().await;
}

#[tokio::test]
async fn what_the_former_unit_said_before_the_transfer_is_admitted_as_late() {
    let world = two_systems();
    let code = code(1);
    transferred(&world, &code).await;
    let under_way = said(OLD, "dossier.processing", &code, 2, 20, "còn trên đường");
    // Its own numbers say that this one is newer than the transfer; its time says that it is not.
    let newer = said(OLD, "dossier.corrected", &code, 4, 25, "sửa")
        .with_data("/dossier/unit/code", "000.00.08.H99")
        .with_data("/dossier/note", "đơn vị cũ")
        .with_data("/dossier/summary", "đơn vị cũ");
    for event in [under_way, newer] {
        let verdicts = world.admit([event]).await;
        assert!(matches!(verdicts[0], Verdict::Accepted { late: true, .. }), "{verdicts:?}");
    }
    world.settled().await;
    let seen = world.seen_at_portal(&code);
    let steps: Vec<&str> = seen.iter().filter(|s| !s.starts_with("sync")).map(String::as_str).collect();
    assert_eq!(steps, ["nhận", "chuyển", "xong", "còn trên đường", "sửa"]);
    let syncs = world.portal.tasks_of(&code).into_iter().filter_map(|t| t.dossier);
    let state = syncs.last().unwrap();
    assert_eq!(state.status.unwrap().code(), 9, "the status does not go back");
    assert_eq!(state.unit().unwrap().as_str(), "000.00.09.H99", "nor the unit");
    assert_eq!(state.fields["note"], "đơn vị mới");
    assert_eq!(state.fields["summary"], "đơn vị cũ", "nobody has said it since");
    world.ledgers_balance().await;
}

#[tokio::test]
async fn what_the_former_unit_says_of_later_moments_is_not_its_to_say() {
    let world = two_systems();
    let code = code(1);
    transferred(&world, &code).await;
    let before = world.operations(ActionKind::AppendProgress).len();
    let verdicts = world.admit([said(OLD, "dossier.processing", &code, 5, 31, "quá muộn")]).await;
    assert!(
        matches!(&verdicts[0], Verdict::Quarantined(r) if r.reason == Reason::UnitNotAllowed),
        "{verdicts:?}"
    );
    assert_eq!(world.operations(ActionKind::AppendProgress).len(), before);
}

#[tokio::test]
async fn a_former_unit_does_not_speak_for_a_third_one() {
    let world = two_systems();
    let code = code(1);
    transferred(&world, &code).await;
    let third =
        said(OLD, "dossier.received", &code, 5, 20, "x").with_data("/dossier/unit/code", "000.00.10.H99");
    let verdicts = world.admit([third]).await;
    assert!(
        matches!(&verdicts[0], Verdict::Quarantined(r) if r.reason == Reason::UnitNotAllowed),
        "{verdicts:?}"
    );
}
