//! One connection to RabbitMQ, and what the rest of the process sees of it.

use std::time::Duration;

use lapin::{Connection, ConnectionProperties, uri::AMQPUri};
use secrecy::ExposeSecret;
use tokio::sync::watch;

use super::Settings;

/// Where a role stands with the broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    /// Not connected yet.
    Connecting,
    /// Works. The text is a warning that does not stop it.
    Up(Option<String>),
    /// Not connected; why, without secrets.
    Down(String),
    /// Connected, but waiting for our own store.
    Waiting,
    /// Stopped on purpose.
    Stopped,
}

impl Link {
    /// Whether the broker is reachable.
    pub fn is_connected(&self) -> bool {
        matches!(self, Self::Up(_) | Self::Waiting)
    }
}

/// Where a role tells how it stands.
pub type LinkSender = watch::Sender<Link>;

/// Why a session with the broker ended. Everything of it is dropped; a new one begins after a pause.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    /// lapin says so.
    #[error("{0}")]
    Amqp(#[from] lapin::Error),
    /// It did not answer in time.
    #[error("no answer within {0:?}: {1}")]
    Silent(Duration, &'static str),
    /// Something is not as it must be: what, and what to do.
    #[error("{0}")]
    Said(String),
}

/// How long connecting may take, login included: lapin itself waits for ever.
const CONNECT_WITHIN: Duration = Duration::from_secs(20);

/// Seconds between signs of life, unless the address says otherwise (`?heartbeat=`). A peer that gave none for twice as
/// long is gone: a connection that vanished without a word is noticed within half a minute, and the queue goes to another
/// replica. RabbitMQ proposes 60 and recommends 5 to 20.
/// <https://www.rabbitmq.com/docs/heartbeats#heartbeats-timeout>
const HEARTBEAT_SECONDS: u16 = 15;

/// Connects. `role` shows up in RabbitMQ's list of connections.
pub(super) async fn connect(settings: &Settings, role: &str) -> Result<Connection, Broken> {
    let name = format!("lienthong {} {role}", settings.installation);
    let properties = ConnectionProperties::default().with_connection_name(name.into());
    // The parser's complaint could quote the address, and with it the password.
    let mut uri: AMQPUri = settings
        .url
        .expose_secret()
        .parse()
        .map_err(|_| Broken::Said("broker.url is no AMQP address".into()))?;
    uri.query.heartbeat.get_or_insert(HEARTBEAT_SECONDS);
    let connecting = Connection::connect_uri(uri, properties);
    match tokio::time::timeout(CONNECT_WITHIN, connecting).await {
        Ok(connection) => Ok(connection?),
        Err(_) => Err(Broken::Silent(CONNECT_WITHIN, "connect")),
    }
}

/// Closes politely, but does not wait long: the broker may be the reason for closing.
pub(super) async fn close(connection: &Connection) {
    let closing = connection.close(200, "OK".into());
    if let Ok(Err(error)) = tokio::time::timeout(Duration::from_secs(2), closing).await {
        tracing::debug!(%error, "closing the broker connection");
    }
}
