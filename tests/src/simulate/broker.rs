//! The broker: one queue with a single active consumer, redelivery in order after a lost connection, and an exchange
//! that takes out-events.

use async_trait::async_trait;
use lienthong_core::port::{
    publisher::{PublishError, Publisher},
    store::OutboxRow,
};
use std::{
    collections::{BTreeSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{
    machine::{Cut, Link, Machine},
    weather::Weather,
};

/// A connection of a replica; one that was lost is never the same again.
pub type Connection = u64;

#[derive(Default)]
struct State {
    queue: VecDeque<Vec<u8>>,
    /// What the active consumer has and has not acknowledged.
    delivered: VecDeque<Vec<u8>>,
    active: Option<Connection>,
    connections: Connection,
    dead: BTreeSet<Connection>,
    acknowledged: Vec<Vec<u8>>,
    taken: Vec<OutboxRow>,
    is_down: bool,
    /// How many messages went back after they had been delivered.
    returned: u64,
}

/// The broker.
#[derive(Default)]
pub struct Broker(Mutex<State>);

impl Broker {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn publish(&self, body: Vec<u8>) {
        self.state().queue.push_back(body);
    }

    pub fn connect(&self) -> Connection {
        let mut state = self.state();
        state.connections += 1;
        state.connections
    }

    /// Stops or starts; a stop ends all connections.
    pub fn set_down(&self, is_down: bool) {
        let active = {
            let mut state = self.state();
            state.is_down = is_down;
            state.active
        };
        if let Some(active) = active.filter(|_| is_down) {
            self.disconnect(active);
        }
    }

    /// The connection is gone: what it had not acknowledged goes back to where it was.
    pub fn disconnect(&self, connection: Connection) {
        let mut state = self.state();
        state.dead.insert(connection);
        if state.active == Some(connection) {
            state.active = None;
            while let Some(body) = state.delivered.pop_back() {
                state.queue.push_front(body);
                state.returned += 1;
            }
        }
    }

    /// Whether the connection was lost.
    pub fn is_dead(&self, connection: Connection) -> bool {
        self.state().dead.contains(&connection)
    }

    /// Whether this connection is the active consumer or may be it from now on.
    fn is_active(&self, connection: Connection) -> bool {
        let mut state = self.state();
        if state.is_down || state.dead.contains(&connection) {
            return false;
        }
        *state.active.get_or_insert(connection) == connection
    }

    /// Up to so many messages for the active consumer.
    pub fn deliver(&self, connection: Connection, most: usize) -> Vec<Vec<u8>> {
        if !self.is_active(connection) {
            return Vec::new();
        }
        let mut state = self.state();
        let most = most.min(state.queue.len());
        let batch: Vec<_> = state.queue.drain(..most).collect();
        state.delivered.extend(batch.iter().cloned());
        batch
    }

    /// Acknowledges the first so many delivered messages. `false`: without effect, for the connection is gone.
    pub fn acknowledge(&self, connection: Connection, messages: usize) -> bool {
        let mut state = self.state();
        if state.active != Some(connection) {
            return false;
        }
        let messages = messages.min(state.delivered.len());
        let done: Vec<_> = state.delivered.drain(..messages).collect();
        state.acknowledged.extend(done);
        true
    }

    /// How many messages went back to the queue after they had been delivered.
    pub fn returned(&self) -> u64 {
        self.state().returned
    }

    pub fn acknowledged(&self) -> Vec<Vec<u8>> {
        self.state().acknowledged.clone()
    }

    pub fn is_empty(&self) -> bool {
        let state = self.state();
        state.queue.is_empty() && state.delivered.is_empty()
    }

    /// All out-events as they arrived, repetitions included.
    pub fn taken(&self) -> Vec<OutboxRow> {
        self.state().taken.clone()
    }
}

/// One replica's way to the exchange.
pub struct Exchange {
    pub broker: Arc<Broker>,
    pub machine: Arc<Machine>,
    pub weather: Arc<Weather>,
}

#[async_trait]
impl Publisher for Exchange {
    async fn publish(&self, rows: &[OutboxRow]) -> Result<usize, PublishError> {
        let away = || PublishError::Unavailable("no broker".into());
        self.machine.runs().await;
        tokio::time::sleep(self.weather.dice.ms(1..20)).await;
        let cut = self.machine.cut(Link::Broker);
        let is_down = self.broker.state().is_down || cut == Cut::Requests;
        if is_down || self.weather.strikes("broker away", 200) {
            return Err(away());
        }
        let (arrive, confirmed) = if self.weather.strikes("confirms lost", 300) {
            let arrive = usize::try_from(self.weather.dice.pick(0..rows.len() as u64 + 1)).unwrap_or(0);
            (arrive, usize::try_from(self.weather.dice.pick(0..arrive as u64 + 1)).unwrap_or(0))
        } else {
            (rows.len(), rows.len())
        };
        self.broker.state().taken.extend(rows.iter().take(arrive).cloned());
        if self.weather.strikes("crash after publishing, before the cursor moves", 50) {
            self.machine.crash().await;
        }
        self.machine.runs().await;
        if confirmed == 0 || cut == Cut::Answers { Err(away()) } else { Ok(confirmed) }
    }
}
