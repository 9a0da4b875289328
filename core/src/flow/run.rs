//! Which flows run in this process, and their start.

use std::{str::FromStr, sync::Arc};

use crate::{
    flow::{engine::Engine, execute, health, operator, pool::Pool, probe, relay, restore, schedule},
    port::publisher::Publisher,
};

/// The roles of one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Roles {
    /// Consumes the broker's queue.
    pub intake: bool,
    /// Brings operations to partners.
    pub execute: bool,
    /// Serves HTTP.
    pub http: bool,
    /// Publishes the outbox.
    pub relay: bool,
    /// Runs timers.
    pub schedule: bool,
}

impl Roles {
    /// Everything.
    pub fn all() -> Self {
        Self { intake: true, execute: true, http: true, relay: true, schedule: true }
    }
}

/// A role that does not exist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no role: use intake, execute, http, relay, schedule, or all")]
pub struct BadRole(String);

impl FromStr for Roles {
    type Err = BadRole;
    fn from_str(text: &str) -> Result<Self, BadRole> {
        let mut roles = Self { intake: false, execute: false, http: false, relay: false, schedule: false };
        for role in text.split(',').map(str::trim).filter(|r| !r.is_empty()) {
            match role {
                "all" => roles = Self::all(),
                "intake" => roles.intake = true,
                "execute" => roles.execute = true,
                "http" => roles.http = true,
                "relay" => roles.relay = true,
                "schedule" => roles.schedule = true,
                other => return Err(BadRole(other.to_owned())),
            }
        }
        Ok(roles)
    }
}

/// Needs that a change of settings may have supplied: woken at start, they are held again if it did not.
const SUPPLIED_BY_SETTINGS: [&str; 3] = ["action:", "mapping:", "setting:"];

/// Starts the flows of these roles. Intake and HTTP are started by whoever owns their drivers.
pub fn start(engine: &Arc<Engine>, pool: &Pool, roles: Roles, publisher: Option<Arc<dyn Publisher>>) {
    if engine.pool.set(pool.clone()).is_err() {
        tracing::error!("the flows of an engine are started once");
        return;
    }
    pool.spawn("conditions", health::watch(Arc::clone(engine), pool.clone()));
    if roles.execute {
        execute::start(engine, pool);
        pool.spawn("probe", probe::run(Arc::clone(engine), pool.clone()));
        pool.spawn("restore", restore::run(Arc::clone(engine), pool.clone()));
        let (engine, stopping) = (Arc::clone(engine), pool.stopping());
        pool.spawn("wake", async move {
            let mut prefixes = SUPPLIED_BY_SETTINGS.into_iter().peekable();
            while let Some(prefix) = prefixes.peek().filter(|_| !stopping.is_cancelled()) {
                match operator::wake(&engine, prefix).await {
                    Ok(woken) => {
                        tracing::info!(woken, prefix, "held operations were woken at start");
                        prefixes.next();
                    }
                    Err(error) => {
                        tracing::warn!(%error, prefix, "held operations could not be woken yet");
                        tokio::time::sleep(engine.settings.poll).await;
                    }
                }
            }
            stopping.cancelled().await;
            Ok(())
        });
    }
    if let Some(publisher) = publisher.filter(|_| roles.relay) {
        pool.spawn("relay", relay::run(Arc::clone(engine), pool.clone(), publisher));
    }
    if roles.schedule {
        pool.spawn("schedule", schedule::run(Arc::clone(engine), pool.clone()));
    }
}
