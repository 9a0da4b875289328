//! Parcels: ordered once, cancelled in time or with the post, tracked.

use lienthong_core::{
    clock::Clock,
    operation::{ActionKind, OperationState},
    parcel::{ParcelMove, ParcelState},
    testing::fixtures::events::{event, parcel_id},
};

use crate::world::{World, code};

fn tracked(world: &World, record: &str, order: &str, code: i64, means: Option<ParcelState>) -> ParcelMove {
    ParcelMove {
        record: record.into(),
        order_number: order.into(),
        item_code: "RR123".into(),
        status_code: code,
        status: "trạng thái".into(),
        post_office: "590000".into(),
        at: world.clock.now(),
        notes: String::new(),
        means,
    }
}

#[tokio::test]
async fn a_parcel_is_ordered_under_a_number_derived_from_its_id_and_tracked_to_its_end() {
    let world = World::running();
    let code = code(1);
    world.admit([event("dossier.received", &code, 1), event("post.return_requested", &code, 2)]).await;
    world.settled().await;
    let order = parcel_id(&code);
    assert_eq!(world.store.parcels()[0].order_number.as_str(), order);
    assert_eq!(world.store.parcels()[0].state, ParcelState::Accepted);
    world.run_timers().await;
    world.advance(700);
    world.post.feed_moves([tracked(&world, "a1", &order, 2, None), tracked(&world, "a2", "LA", 2, None)]);
    world.run_timers().await;
    assert_eq!(world.store.parcels()[0].state, ParcelState::Moving);
    assert_eq!(world.store.moves().len(), 2, "a record that matches no parcel is kept");
    world.advance(700);
    world.post.feed_moves([tracked(&world, "a3", &order, 4, Some(ParcelState::Delivered))]);
    world.run_timers().await;
    assert_eq!(world.store.parcels()[0].state, ParcelState::Delivered);
    assert_eq!(world.told("post.delivered").await.len(), 1);
    assert_eq!(world.told("post.moved").await.len(), 1);
}

#[tokio::test]
async fn a_parcel_cancelled_before_it_was_sent_is_never_ordered() {
    let mut world = World::resting();
    let code = code(1);
    world
        .admit([
            event("dossier.received", &code, 1),
            event("post.pickup_requested", &code, 2),
            event("post.cancelled", &code, 3),
        ])
        .await;
    world.start();
    world.settled().await;
    assert!(world.post.tasks().is_empty());
    assert_eq!(world.store.parcels()[0].state, ParcelState::Cancelled);
    assert_eq!(world.told("post.cancelled").await.len(), 1);
    world.ledgers_balance().await;
}

#[tokio::test]
async fn a_parcel_that_the_post_has_is_cancelled_there_after_its_order() {
    let world = World::running();
    let code = code(1);
    world.post.hold();
    world.admit([event("dossier.received", &code, 1), event("post.return_requested", &code, 2)]).await;
    world.post.until_begun(1).await;
    world.admit([event("post.cancelled", &code, 3)]).await;
    world.post.release_all();
    world.settled().await;
    let kinds: Vec<_> = world.post.tasks().iter().map(|t| t.payload.kind()).collect();
    assert_eq!(kinds, [ActionKind::CreateParcel, ActionKind::CancelParcel]);
    assert_eq!(world.states(ActionKind::CancelParcel), [OperationState::Succeeded]);
    assert_eq!(world.store.parcels()[0].state, ParcelState::Cancelled);
}
