//! Events of the one-stop system: the message as it came, the envelope, names, data, validation.

pub mod canonical;
pub mod data;
pub mod envelope;
pub mod names;
pub mod rejection;
pub mod schema;

pub use envelope::{Admissible, Subject};

use std::collections::BTreeMap;

/// Where a message came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// RabbitMQ.
    Amqp,
    /// `POST /v1/events`.
    Http,
    /// A JSON-lines file.
    File,
}

impl Origin {
    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Amqp => "amqp",
            Self::Http => "http",
            Self::File => "file",
        }
    }
}

/// A message as it came, before anything is judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawMessage {
    /// Where it came from.
    pub origin: Origin,
    /// The body: the whole event (structured mode) or its data (binary mode).
    pub body: Vec<u8>,
    /// Binary mode: the CloudEvents attributes by their plain names (`id`, `source`, …). `None`: structured mode.
    pub attributes: Option<BTreeMap<String, String>>,
}
