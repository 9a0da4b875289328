//! Where out-events go: a broker, or nowhere (they can always be read from the feed).

use async_trait::async_trait;

use crate::port::store::OutboxRow;

/// Publishes and waits for the confirmation.
#[async_trait]
pub trait Publisher: Send + Sync {
    /// Publishes the rows in order. Returns how many, from the first, are certainly with the broker: the relay goes on
    /// after those and repeats the rest.
    async fn publish(&self, rows: &[OutboxRow]) -> Result<usize, PublishError>;
}

/// Why nothing (more) could be published.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// No connection, blocked, no confirmation: try again.
    #[error("the broker is not available: {0}")]
    Unavailable(String),
    /// The broker returned the message: no queue is bound. Kept and tried again, and shown.
    #[error("no queue takes {routing_key}: bind one to the exchange {exchange}")]
    Unroutable {
        /// The routing key.
        routing_key: String,
        /// The exchange.
        exchange: String,
    },
}
