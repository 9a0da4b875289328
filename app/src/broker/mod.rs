//! RabbitMQ: one supervised task for the intake, one for publishing, each with a connection of its own. lapin's own
//! recovery stays off: the adapter has to know about every gap, and must never use a delivery of an older channel.

pub mod dead;
pub mod intake;
pub mod link;
pub mod message;
pub mod publisher;
mod supervise;
#[cfg(test)]
mod tests;
pub mod topology;
mod version;

use std::time::Duration;

use secrecy::SecretString;

/// How the broker is reached and what everything is called there.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The address, password included.
    pub url: SecretString,
    /// The installation's name, for the connection's name and the out-events' source.
    pub installation: String,
    /// Unacknowledged messages at most.
    pub prefetch: u16,
    /// Messages of one admit at most.
    pub batch: usize,
    /// How long a confirmation may take.
    pub confirm_timeout: Duration,
    /// Exchanges, queues, bindings.
    pub names: Names,
}

/// What exchanges and queues are called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// Where the one-stop systems publish.
    pub exchange_in: String,
    /// Where we publish.
    pub exchange_out: String,
    /// Our queue.
    pub queue: String,
    /// The dead-letter exchange.
    pub dead_exchange: String,
    /// The queue behind it.
    pub dead_queue: String,
    /// What our queue takes.
    pub bindings: Vec<String>,
}
