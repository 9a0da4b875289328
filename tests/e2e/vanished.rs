//! Connections that vanish without a word: to the store, to the broker. No supervisor restarts anything here.

use std::{sync::Arc, time::Duration};

use lienthong_core::port::{
    store::{Decision, Store},
    work::Scope,
};
use lienthong_store_postgres::{Options, PostgresStore};
use lienthong_tests::{
    Plan, Proxy, eventually, proxy,
    proxy::Mode,
    servers::{Database, Held, Servers},
    traffic,
};
use tokio::{task::JoinSet, time::timeout};

/// Far more than it takes on a slow machine.
const PATIENCE: Duration = Duration::from_mins(2);
const CONNECTIONS: u32 = 3;

/// A store whose connections lead through a proxy.
struct Place {
    store: PostgresStore,
    proxy: Proxy,
    database: Database,
    _held: Held,
}

async fn place() -> Place {
    let servers = Servers::get();
    let held = servers.shared().await;
    let database = Database::create(&servers).await;
    let proxy = Proxy::before(proxy::target(&database.url), Duration::from_secs(5));
    let mut options = Options::new(proxy.instead_of(&database.url));
    options.max_connections = CONNECTIONS;
    options.longest_statement = Duration::from_secs(1);
    let store = PostgresStore::connect(options).await.unwrap();
    store.migrate().await.unwrap();
    Place { store, proxy, database, _held: held }
}

fn entry(subject: &str) -> Decision {
    let subject = subject.to_owned();
    Arc::new(move |work| work.audit.push(("somebody".into(), "test".into(), subject.clone())))
}

impl Place {
    async fn answers(&self, round: usize) {
        eventually("the store answers again", PATIENCE, async || {
            self.store.transact(Scope::default(), entry(&format!("after {round}"))).await
        })
        .await;
    }

    /// Units that are under way from now on, more than there are connections.
    fn busy(&self) -> JoinSet<()> {
        let mut units = JoinSet::new();
        for unit in 0..2 * CONNECTIONS {
            let store = self.store.clone();
            units.spawn(async move {
                // Until one of them is told that it failed: a unit does not hang for ever, and does not hide it.
                while store.transact(Scope::default(), entry(&format!("unit {unit}"))).await.is_ok() {}
            });
        }
        units
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_whose_connections_vanish_again_and_again_heals_by_itself() {
    let place = place().await;
    for round in 0..4 {
        let mut units = place.busy();
        place.answers(round).await;
        // With the network back at once, and with a network that stays away for a while. Connections that nobody uses at
        // that moment may all be found dead before a unit begins on them: then others have to vanish.
        let vanish = || match round % 2 {
            0 => place.proxy.vanish_all(),
            _ => place.proxy.set(Mode::Blackhole),
        };
        let mut first = None;
        for _ in 0..12 {
            vanish();
            if let Ok(ended) = timeout(PATIENCE / 12, units.join_next()).await {
                first = ended;
                break;
            }
        }
        first.expect("a unit hangs for ever").unwrap();
        place.proxy.set(Mode::Pass);
        units.abort_all();
        place.answers(round).await;
    }
    // Every place of the pool is there: so many can hold a connection at once.
    let mut waiting = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let store = place.store.clone();
        waiting.spawn(async move {
            for _ in 0..50 {
                store.transact(Scope::default(), entry("at the end")).await.unwrap();
            }
        });
    }
    while let Some(done) = waiting.join_next().await {
        done.unwrap();
    }
    assert_eq!(place.database.ask("select count(*) from audit where subject = 'at the end'").await, "150");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_full_of_dead_connections_is_replaced() {
    let place = place().await;
    // Nothing is under way: all connections lie in the pool and vanish there.
    let mut units = place.busy();
    place.answers(0).await;
    units.abort_all();
    while units.join_next().await.is_some() {}
    place.proxy.vanish_all();
    place.answers(1).await;
    place.proxy.vanish_all();
    place.answers(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hints_come_again_after_their_connection_has_vanished() {
    let place = place().await;
    let mut hints = place.store.hints().await;
    hints.recv().await.expect("the first hint: listening");
    place.proxy.vanish_all();
    // What was told meanwhile was missed; that the connection is back is a hint.
    timeout(PATIENCE, hints.recv()).await.expect("nobody noticed").expect("the store goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_falls_silent_is_missed_by_its_heartbeat_and_found_again() {
    let world = Plan { proxied: true, ..Plan::on_servers() }.open().await;
    let lines = traffic::lines(&traffic::generate(&["--dossiers", "30", "--seed", "28"]).await);
    let (before, after) = lines.split_at(lines.len() / 2);
    traffic::published(world.publish("before.jsonl", before, &[])).await;
    world.rests(before.len()).await;
    world.proxies.as_ref().unwrap().broker.vanish_all();
    traffic::published(world.publish("after.jsonl", after, &[])).await;
    world.rests(lines.len()).await;
    let noticed = world.api.counted("lienthong_broker_reconnects_total", "role").await;
    assert_eq!(noticed, 2, "the intake and the publisher each have a connection");
}
