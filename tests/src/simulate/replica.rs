//! A replica of the program, without its drivers: engine, pool and consumer on one machine.

use jiff::SignedDuration;
use lienthong_core::{
    event::{Origin, RawMessage},
    flow::{
        engine::{Engine, EngineSettings},
        intake,
        pool::Pool,
        run::{self, Roles},
    },
    policy::{backoff::Schedule, health::HealthSettings},
    port::connector::Connector,
};
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tokio_util::sync::CancellationToken;

use super::{
    broker::Exchange,
    machine::{Cut, Link, Machine, WallClock},
    partner::{Kind, Window},
    store::Line,
    world::{Shared, aside, rules},
};

/// A running replica.
pub struct Replica {
    pub machine: Arc<Machine>,
    pub engine: Arc<Engine>,
    pool: Pool,
}

/// How many messages are taken at once.
const BATCH: usize = 20;

impl Replica {
    /// Starts a replica under a name that no other run has.
    pub fn start(shared: &Shared, name: &str) -> Self {
        let machine = Arc::new(Machine::default());
        if shared.weather.strikes("replica starts with a wrong clock", 3000) {
            machine.set_wrong_by(shared.wrong_time());
        }
        let settings = EngineSettings {
            holder: name.to_owned(),
            retry: Schedule::from_seconds(&[2, 5, 10, 20, 30, 60, 60, 60, 60, 60, 60, 60]),
            lease_margin: Duration::from_secs(2),
            batch: 10,
            poll: Duration::from_secs(2),
            sweep_every: Duration::from_mins(1),
            tracking_every: Duration::from_secs(30),
            health: HealthSettings {
                trial_every: SignedDuration::from_secs(5),
                longest_trial: SignedDuration::from_secs(20),
                minimum: 10,
                in_a_row: 6,
                step: SignedDuration::from_secs(10),
                ..HealthSettings::default()
            },
            ..EngineSettings::default()
        };
        let connectors = Kind::ALL
            .into_iter()
            .map(|kind| Arc::new(Window::new(shared, kind, &machine)) as Arc<dyn Connector>)
            .collect();
        let line = Line {
            store: shared.store.second(),
            machine: Arc::clone(&machine),
            weather: Arc::clone(&shared.weather),
        };
        let clock = Arc::new(WallClock { right: shared.time.clone(), machine: Arc::clone(&machine) });
        let engine = Engine::new(Arc::new(line), rules(), connectors, clock, settings);
        let (pool, _ends) = Pool::new(CancellationToken::new());
        let exchange = Exchange {
            broker: Arc::clone(&shared.broker),
            machine: Arc::clone(&machine),
            weather: Arc::clone(&shared.weather),
        };
        run::start(&engine, &pool, Roles::all(), Some(Arc::new(exchange)));
        pool.spawn(
            "intake",
            consume(Arc::clone(&engine), shared.clone(), Arc::clone(&machine), pool.clone()),
        );
        aside(bury(shared.clone(), Arc::clone(&machine), Arc::clone(&engine), pool.clone()));
        Self { machine, engine, pool }
    }

    /// The process is killed: nothing of it does another step.
    pub async fn kill(self, shared: &Shared) {
        self.pool.kill().await;
        shared.broker.disconnect(self.machine.connection.load(Ordering::Acquire));
    }

    /// The process is asked to stop.
    pub async fn stop(self, shared: &Shared) {
        self.pool.stop(Duration::from_secs(20)).await;
        shared.broker.disconnect(self.machine.connection.load(Ordering::Acquire));
    }
}

/// After a crash nothing of the replica does another step, and the broker notices that it is gone.
async fn bury(shared: Shared, machine: Arc<Machine>, engine: Arc<Engine>, pool: Pool) {
    machine.ended().await;
    pool.kill().await;
    shared.broker.disconnect(machine.connection.load(Ordering::Acquire));
    shared.forget(&engine);
    machine.set_over();
}

/// Consumes: acknowledges what was admitted, after it was.
async fn consume(
    engine: Arc<Engine>,
    shared: Shared,
    machine: Arc<Machine>,
    pool: Pool,
) -> Result<(), String> {
    let stopping = pool.stopping();
    let connect = || {
        let connection = shared.broker.connect();
        machine.connection.store(connection, Ordering::Release);
        connection
    };
    let (mut connection, mut deaf_on) = (connect(), None);
    while !stopping.is_cancelled() {
        machine.runs().await;
        if shared.broker.is_dead(connection) {
            connection = connect();
        }
        let mut batch = shared.broker.deliver(connection, BATCH);
        if machine.cut(Link::Broker) == Cut::Answers {
            deaf_on = Some(connection);
        }
        if deaf_on == Some(connection) {
            // Delivered, but nothing arrives on this connection any more: what comes later cannot overtake.
            batch.clear();
        }
        if batch.is_empty() {
            tokio::select! {
                biased;
                () = stopping.cancelled() => {}
                () = tokio::time::sleep(Duration::from_millis(200)) => {}
            }
            continue;
        }
        let messages: Vec<RawMessage> = batch
            .iter()
            .map(|body| RawMessage { origin: Origin::Amqp, body: body.clone(), attributes: None })
            .collect();
        while intake::admit(&engine, messages.clone()).await.is_err() {
            if stopping.is_cancelled() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        let weather = &shared.weather;
        if weather.strikes("crash before the acknowledgement", 50) {
            machine.crash().await;
        }
        machine.runs().await;
        if weather.strikes("connection lost before the acknowledgement", 200) {
            shared.broker.disconnect(connection);
        }
        let arrives = machine.cut(Link::Broker) != Cut::Requests;
        if arrives && !shared.broker.acknowledge(connection, batch.len()) {
            weather.count("acknowledgement after the connection was lost");
        }
    }
    Ok(())
}
