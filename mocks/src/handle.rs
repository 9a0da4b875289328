//! The caller's end of a running simulator: where it is, what it saw, how it should behave.
//! What each partner lets one look at is implemented in the partner's own folder.

use crate::{
    behaviour::Rule,
    journal::Journal,
    server,
    simulator::{Partner, Simulator},
};
use serde_json::Value;
use std::{net::SocketAddr, sync::Arc};
use tokio::net::TcpListener;

/// A running simulator; dropping it stops it.
pub struct Handle<P: Partner> {
    addr: SocketAddr,
    pub(crate) simulator: Arc<Simulator<P>>,
}

impl<P: Partner> Handle<P> {
    pub(crate) fn start(listener: TcpListener, addr: SocketAddr, partner: P, keep_bodies: bool) -> Self {
        let simulator = Simulator::new(partner, keep_bodies);
        server::start(listener, &simulator);
        Self { addr, simulator }
    }

    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// `http://host:port`, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    pub fn journal(&self) -> Journal {
        self.simulator.journal.clone()
    }

    /// Adds a rule behind those in force.
    pub fn behave(&self, rule: Rule) {
        self.simulator.rules.push(rule);
    }

    /// Replaces all rules.
    pub fn behave_only(&self, rules: Vec<Rule>) {
        self.simulator.rules.replace(rules);
    }

    /// Removes all rules.
    pub fn behave_well(&self) {
        self.simulator.rules.replace(Vec::new());
    }

    /// The whole state as JSON, as `GET /_sim/state` gives it.
    pub fn state(&self) -> Value {
        self.simulator.partner.state()
    }

    /// Forgets state, journal and rules.
    pub fn reset(&self) {
        self.behave_well();
        self.simulator.partner.reset();
        self.simulator.journal.clear();
    }

    pub async fn stop(self) {
        self.simulator.runtime.stop().await;
    }
}

impl<P: Partner> Drop for Handle<P> {
    fn drop(&mut self) {
        self.simulator.runtime.token.cancel();
    }
}

/// The listener's address; a bound listener always has one.
pub(crate) fn addr_of(listener: &TcpListener) -> SocketAddr {
    listener.local_addr().unwrap_or_else(|_| SocketAddr::from(([0, 0, 0, 0], 0)))
}
