//! A broker and a session store in memory.

use async_trait::async_trait;
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{
    id::ConnectorId,
    port::{
        connector::Sessions,
        publisher::{PublishError, Publisher},
        store::{OutboxRow, Session, StoreError},
    },
};

#[derive(Default)]
struct Broker {
    script: VecDeque<Result<usize, PublishError>>,
    published: Vec<OutboxRow>,
    calls: usize,
    broken: Option<PublishError>,
}

/// A broker that takes everything, unless a script says otherwise.
#[derive(Default)]
pub struct ScriptedPublisher {
    broker: Mutex<Broker>,
}

impl ScriptedPublisher {
    /// The next call confirms only this many rows, from the first; the rest is lost on the way.
    pub fn confirm_next(&self, rows: usize) {
        self.broker().script.push_back(Ok(rows));
    }

    /// The next call fails and nothing arrives.
    pub fn fail_next(&self, error: PublishError) {
        self.broker().script.push_back(Err(error));
    }

    /// From now on every call fails like this, or none any more.
    pub fn break_down(&self, error: Option<PublishError>) {
        self.broker().broken = error;
    }

    /// Everything that arrived, in order, repetitions included.
    pub fn published(&self) -> Vec<OutboxRow> {
        self.broker().published.clone()
    }

    /// How often it was called.
    pub fn calls(&self) -> usize {
        self.broker().calls
    }

    fn broker(&self) -> MutexGuard<'_, Broker> {
        self.broker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Publisher for ScriptedPublisher {
    async fn publish(&self, rows: &[OutboxRow]) -> Result<usize, PublishError> {
        tokio::task::yield_now().await;
        let mut broker = self.broker();
        broker.calls += 1;
        if let Some(error) = &broker.broken {
            return Err(error.clone());
        }
        let taken = broker.script.pop_front().unwrap_or(Ok(rows.len()))?.min(rows.len());
        broker.published.extend_from_slice(&rows[..taken]);
        Ok(taken)
    }
}

/// Sessions in memory, for tests of a connector without a store.
#[derive(Default)]
pub struct MemorySessions {
    sessions: Mutex<BTreeMap<ConnectorId, Session>>,
}

#[async_trait]
impl Sessions for MemorySessions {
    async fn get(&self, connector: &ConnectorId) -> Result<Option<Session>, StoreError> {
        Ok(self.sessions.lock().unwrap_or_else(PoisonError::into_inner).get(connector).cloned())
    }

    async fn put(&self, connector: &ConnectorId, session: &Session) -> Result<(), StoreError> {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        if sessions.get(connector).is_none_or(|known| known.acquired_at < session.acquired_at) {
            sessions.insert(connector.clone(), session.clone());
        }
        Ok(())
    }
}
