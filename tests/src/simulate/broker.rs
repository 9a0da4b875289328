//! The broker: one queue with a single active consumer, as RabbitMQ's quorum queues are, and an exchange that takes
//! out-events. The active consumer is given what was given back before, then what follows, up to its prefetch at once; what
//! it has not acknowledged when it goes is given back behind whatever else was.
//! <https://github.com/rabbitmq/rabbitmq-server/issues/10499>

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

/// How many messages the active consumer has at most before it acknowledges the first of them.
const PREFETCH: usize = 40;

#[derive(Default)]
struct State {
    /// Never delivered.
    ready: VecDeque<Vec<u8>>,
    /// Delivered and given back.
    returned: VecDeque<Vec<u8>>,
    /// What the active consumer was given and has not acknowledged.
    delivered: VecDeque<Vec<u8>>,
    /// How many of those it has looked at.
    seen: usize,
    active: Option<Connection>,
    connections: Connection,
    dead: BTreeSet<Connection>,
    acknowledged: Vec<Vec<u8>>,
    taken: Vec<OutboxRow>,
    is_down: bool,
    /// How many messages were given back.
    returns: u64,
}

impl State {
    /// Gives the active consumer what it may have.
    fn give(&mut self) {
        while self.delivered.len() < PREFETCH {
            let Some(body) = self.returned.pop_front().or_else(|| self.ready.pop_front()) else { break };
            self.delivered.push_back(body);
        }
    }
}

/// The broker.
#[derive(Default)]
pub struct Broker(Mutex<State>);

impl Broker {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn publish(&self, body: Vec<u8>) {
        self.state().ready.push_back(body);
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

    /// The connection is gone: what it had not acknowledged is given back.
    pub fn disconnect(&self, connection: Connection) {
        let mut state = self.state();
        state.dead.insert(connection);
        if state.active == Some(connection) {
            state.active = None;
            state.seen = 0;
            let given_back = std::mem::take(&mut state.delivered);
            state.returns += given_back.len() as u64;
            state.returned.extend(given_back);
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
        state.give();
        let batch: Vec<_> = state.delivered.iter().skip(state.seen).take(most).cloned().collect();
        state.seen += batch.len();
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
        state.seen -= messages;
        state.acknowledged.extend(done);
        true
    }

    /// How many messages were given back.
    pub fn returns(&self) -> u64 {
        self.state().returns
    }

    pub fn acknowledged(&self) -> Vec<Vec<u8>> {
        self.state().acknowledged.clone()
    }

    pub fn is_empty(&self) -> bool {
        let state = self.state();
        state.ready.is_empty() && state.returned.is_empty() && state.delivered.is_empty()
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
