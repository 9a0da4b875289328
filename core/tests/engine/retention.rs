//! Retention as the engine carries it out, and what a dossier does whose events have gone.

use jiff::SignedDuration;
use lienthong_core::{
    event::rejection::Verdict,
    flow::{engine::EngineSettings, ledger, retention::Retention},
    port::{retention::Kind, store::Store, views::Views},
    testing::fixtures::{events::event, nth_code},
};

use crate::world::{World, code, rules, settings};

const DAY: i64 = 24 * 3600;

/// Everything is kept for ten days.
fn world() -> World {
    let days = SignedDuration::from_hours(24 * 10);
    let kept = Kind::ALL.into_iter().map(|kind| (kind, days)).collect();
    let retention = Retention { kept, relays: false };
    let mut world =
        World::with_settings(rules(), |portal| portal, EngineSettings { retention, ..settings() });
    world.start();
    world
}

#[tokio::test]
async fn the_timer_takes_what_is_old_says_so_on_record_and_the_books_stay_right() {
    let world = world();
    world.admit([event("dossier.received", &code(1), 1)]).await;
    world.settled().await;
    world.run_timers().await;
    world.advance(20 * DAY);
    world.admit([event("dossier.received", &code(2), 1)]).await;
    world.settled().await;
    world.run_timers().await;

    let left: Vec<_> = world.store.events().iter().map(|e| e.subject.clone()).collect();
    assert_eq!(left, [code(2)]);
    let left = world.store.operations();
    assert!(left.iter().all(|o| o.subject == Some(nth_code(2))) && !left.is_empty(), "{left:?}");
    let said: Vec<_> = world.store.audit().into_iter().filter(|(_, who, ..)| who == "lienthong").collect();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].2.contains("events 1, operations "), "{said:?}");
    let audit = ledger::audit(&world.engine, None).await.unwrap();
    assert!(audit.entries.iter().all(|e| e.booked == e.counted), "{audit:?}");
    world.ledgers_balance().await;
    let holding = world.store.holding(Kind::Events, None).await.unwrap();
    assert_eq!((holding.gone, holding.due), (1, Some(0)));
}

#[tokio::test]
async fn a_late_event_of_a_dossier_whose_events_have_gone_adds_its_step_and_changes_no_field() {
    let world = world();
    world.admit([event("dossier.received", &code(1), 1)]).await;
    world.admit([event("dossier.finished", &code(1), 5).with_data("/dossier/note", "mới")]).await;
    world.settled().await;
    world.run_timers().await;
    world.advance(20 * DAY);
    world.admit([event("dossier.received", &code(2), 1)]).await;
    world.settled().await;
    world.run_timers().await;
    assert_eq!(world.store.events().len(), 1, "the first dossier's have gone");

    let late = event("dossier.processing", &code(1), 3)
        .with_data("/dossier/note", "cũ")
        .with_data("/step/content", "muộn");
    let verdicts = world.admit([late]).await;
    assert!(matches!(verdicts[0], Verdict::Accepted { late: true, .. }), "{verdicts:?}");
    world.settled().await;
    let timeline = world.store.timeline(&code(1)).await.unwrap().expect("the dossier is kept");
    assert!(timeline.state.contains("mới") && !timeline.state.contains("cũ"), "{}", timeline.state);
    assert_eq!(world.seen_at_portal(&code(1)).last().map(String::as_str), Some("muộn"));
    world.ledgers_balance().await;
}
