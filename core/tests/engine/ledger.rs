//! The audit of the ledgers, and the timer that runs it.

use lienthong_core::{
    flow::{ledger, operator},
    port::views::Views,
    testing::fixtures::events::event,
};

use crate::world::{World, code};

async fn incidents(world: &World) -> Vec<(i64, String)> {
    let overview = world.store.overview(0).await.unwrap();
    overview.incidents.into_iter().map(|i| (i.id, i.key)).collect()
}

#[tokio::test]
async fn a_row_that_is_lost_is_named_by_the_next_audit_and_stays_an_incident_until_the_books_are_right() {
    let world = World::running();
    world.admit([event("dossier.received", &code(1), 1), event("dossier.received", &code(1), 1)]).await;
    world.settled().await;
    // The first round plans the timers; a day later they are due.
    world.run_timers().await;
    assert_eq!(ledger::last(&world.engine).await.unwrap(), None);
    world.advance(25 * 3600);
    world.run_timers().await;
    let last = ledger::last(&world.engine).await.unwrap().expect("the timer audited");
    assert!(last.entries.iter().all(|e| e.booked == e.counted), "{last:?}");
    assert_eq!(incidents(&world).await, []);

    let lost = world.store.operations().remove(0);
    world.store.lose_operation(lost.id);
    let audit = ledger::audit(&world.engine, Some("an")).await.unwrap();
    let wrong: Vec<_> = audit.entries.iter().filter(|e| e.booked != e.counted).collect();
    let names: Vec<&str> = wrong.iter().map(|e| e.entry.as_str()).collect();
    assert_eq!(names, ["planned", "succeeded"]);
    assert!(wrong.iter().all(|e| e.booked - e.counted == 1));
    let open = incidents(&world).await;
    assert_eq!(
        open.iter().map(|(_, key)| key.as_str()).collect::<Vec<_>>(),
        ["ledger:planned", "ledger:succeeded"]
    );
    let closed = operator::close_incident(&world.engine, open[0].0, "an", "biết rồi").await.unwrap();
    assert_eq!(closed, operator::Deed::NotAllowed("closes_itself".into()));
    assert_eq!(ledger::last(&world.engine).await.unwrap(), Some(audit));

    world.store.restore_operation(lost);
    ledger::audit(&world.engine, None).await.unwrap();
    assert_eq!(incidents(&world).await, []);
    assert!(world.store.audit().iter().any(|(_, who, deed, _)| who == "an" && deed == "ledger.audit"));
}
