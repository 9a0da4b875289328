//! Sessions: opaque tokens with a lifetime, carried in the body of every later request.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

#[derive(Default)]
pub(super) struct Sessions {
    given: u64,
    alive: HashMap<String, Instant>,
}

impl Sessions {
    pub(super) fn open(&mut self, ttl: Duration) -> String {
        let now = Instant::now();
        self.alive.retain(|_, end| *end > now);
        self.given += 1;
        let session = format!("c0ffee00-0000-4000-8000-{:012}", self.given);
        self.alive.insert(session.clone(), now + ttl);
        session
    }

    pub(super) fn is_alive(&self, session: &str) -> bool {
        self.alive.get(session).is_some_and(|end| *end > Instant::now())
    }

    pub(super) fn forget(&mut self) {
        self.alive.clear();
    }
}
