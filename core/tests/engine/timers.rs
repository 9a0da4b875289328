//! Timers under their short leases, and how the relay waits for a broker.

use jiff::SignedDuration;
use lienthong_core::{
    clock::{Clock, later},
    flow::{
        engine::{Engine, EngineSettings},
        pool::Pool,
        run::{self, Roles},
        schedule,
    },
    port::{publisher::PublishError, store::Store},
    testing::{MemoryStore, fixtures::events::event, scripted::Asked},
};
use std::{sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

use crate::world::{World, code, rules};

const TRACKING: &str = "tracking:post";
const LONG: SignedDuration = SignedDuration::from_hours(1);

/// A post whose feed takes the question and never answers, and an engine with this tenure that has to read it.
fn hanging(tenure: Duration) -> (World, Arc<Engine>) {
    let world = World::resting();
    world.post.hang_feed(true);
    let settings = EngineSettings {
        holder: "one".into(),
        poll: Duration::from_millis(5),
        tracking_every: Duration::ZERO,
        timer_tenure: tenure,
        ..EngineSettings::default()
    };
    let store = Arc::new(world.store.clone());
    let clock = Arc::new(world.clock.clone());
    let engine = Engine::new(store, rules(), vec![world.post.clone()], clock, settings);
    (world, engine)
}

fn is_asked(world: &World) -> bool {
    world.post.journal().iter().any(|asked| matches!(asked, Asked::Page(_)))
}

fn until(world: &World) -> Option<jiff::Timestamp> {
    world.store.timers().into_iter().find(|(name, _)| name == TRACKING).and_then(|(_, until)| until)
}

async fn taken_by_another(store: &MemoryStore) -> bool {
    let known = [(TRACKING.to_owned(), later(store.clock().now(), LONG))];
    !store.second().due_timers(&known, "two", LONG).await.unwrap().is_empty()
}

#[tokio::test]
async fn a_timer_that_runs_longer_than_its_tenure_is_renewed_and_stays() {
    let (world, engine) = hanging(Duration::from_secs(6));
    let stop = CancellationToken::new();
    let story = async {
        world.eventually("the feed is read", is_asked).await;
        world.clock.advance(SignedDuration::from_secs(5));
        let before = until(&world);
        world.eventually("the lease is renewed", |w| until(w) > before).await;
        world.clock.advance(SignedDuration::from_secs(5));
        assert!(!taken_by_another(&world.store).await, "ten seconds after a lease of six was taken");
    };
    tokio::select! {
        done = schedule::round(&engine, &stop) => panic!("the feed hangs, yet: {done:?}"),
        () = story => {}
    }
}

#[tokio::test]
async fn a_timer_whose_process_dies_is_another_s_after_its_tenure() {
    let (world, engine) = hanging(EngineSettings::default().timer_tenure);
    let stop = CancellationToken::new();
    tokio::select! {
        done = schedule::round(&engine, &stop) => panic!("the feed hangs, yet: {done:?}"),
        () = world.eventually("the feed is read", is_asked) => {}
    }
    assert!(!taken_by_another(&world.store).await);
    world.clock.advance(SignedDuration::from_secs(31));
    assert!(taken_by_another(&world.store).await, "half a minute after a kill");
}

#[tokio::test]
async fn a_run_whose_timer_was_lost_is_dropped_and_leaves_the_new_holder_alone() {
    let (world, engine) = hanging(Duration::from_secs(3));
    let stop = CancellationToken::new();
    let theft = async {
        world.eventually("the feed is read", is_asked).await;
        // It stalled for longer than its tenure.
        while !taken_by_another(&world.store).await {
            world.clock.advance(SignedDuration::from_secs(4));
        }
        until(&world)
    };
    let within = Duration::from_secs(20);
    let (done, others) =
        tokio::time::timeout(within, async { tokio::join!(schedule::round(&engine, &stop), theft) })
            .await
            .expect("the run is dropped");
    done.unwrap();
    assert_eq!(until(&world), others, "the new holder's lease");
}

#[tokio::test]
async fn a_soft_stop_gives_a_running_timer_back_at_once() {
    let (world, engine) = hanging(EngineSettings::default().timer_tenure);
    let (pool, _ends) = Pool::new(CancellationToken::new());
    let roles = Roles { intake: false, execute: false, http: false, relay: false, schedule: true };
    run::start(&engine, &pool, roles, None);
    world.eventually("the feed is read", is_asked).await;
    assert!(pool.stop(Duration::from_secs(5)).await, "the stop does not wait for the feed");
    assert!(taken_by_another(&world.store).await, "due again, for whoever is there");
}

#[tokio::test]
async fn the_relay_sleeps_after_an_error_however_much_there_is_to_tell() {
    let mut world = World::resting();
    let (routing_key, exchange) = ("portal.synced".into(), "lienthong.events".into());
    world.publisher.break_down(Some(PublishError::Unroutable { routing_key, exchange }));
    world.start();
    world.admit([event("dossier.received", &code(1), 1)]).await;
    world.eventually("tried once", |w| w.publisher.calls() > 0).await;
    for _ in 0..2000 {
        world.engine.told.notify_one();
        tokio::task::yield_now().await;
    }
    assert!(world.publisher.calls() < 20, "called {} times", world.publisher.calls());
    assert!(world.stop().await, "a stop does not wait for the broker");
    world.publisher.break_down(None);
    assert!(world.publisher.published().is_empty());
}

#[tokio::test]
async fn what_waited_for_the_broker_goes_out_in_order_once_it_is_back() {
    let world = World::running();
    world.publisher.break_down(Some(PublishError::Unavailable("blocked".into())));
    world.admit((1..=3).map(|n| event("dossier.received", &code(n), 1))).await;
    world.settled().await;
    world.eventually("tried", |w| w.publisher.calls() > 0).await;
    world.publisher.break_down(None);
    let all = world.store.outbox(0, 100).await.unwrap().len();
    world.eventually("all is published", |w| w.publisher.published().len() == all).await;
    let numbers: Vec<i64> = world.publisher.published().iter().map(|r| r.number).collect();
    assert!(numbers.is_sorted(), "{numbers:?}");
}
