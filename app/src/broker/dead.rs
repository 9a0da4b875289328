//! What RabbitMQ has given up (a limit set by policy, an expiry): counted, and at a person's word admitted like any
//! other message, in its order. A message leaves the queue after the commit only.

use std::{sync::Arc, time::Duration};

use lapin::{
    Channel,
    message::BasicGetMessage,
    options::{BasicAckOptions, BasicGetOptions},
};
use lienthong_core::{
    event::rejection::Verdict,
    flow::{engine::Engine, intake},
    port::store::StoreError,
};

use super::{Settings, link, link::Broken, message, topology};

/// What became of dead letters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Revived {
    /// New to us.
    pub admitted: u64,
    /// Known already.
    pub duplicate: u64,
    /// Put into quarantine.
    pub quarantined: u64,
    /// Still in the queue.
    pub left: u32,
}

/// Why dead letters could not be looked at or admitted. What was admitted before stays admitted.
#[derive(Debug, thiserror::Error)]
pub enum DeadError {
    /// RabbitMQ; in words without secrets.
    #[error("{0}")]
    Broker(String),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Broken> for DeadError {
    fn from(broken: Broken) -> Self {
        Self::Broker(broken.to_string())
    }
}

impl From<lapin::Error> for DeadError {
    fn from(error: lapin::Error) -> Self {
        Self::Broker(error.to_string())
    }
}

/// How long a person waits for RabbitMQ at most; what is not done by then is done by asking again.
const WITHIN: Duration = Duration::from_secs(45);

/// How many there are.
pub async fn count(settings: &Settings) -> Result<u32, DeadError> {
    let connection = link::connect(settings, "dead").await?;
    let counted = async {
        let channel = connection.create_channel().await.map_err(Broken::from)?;
        topology::dead_messages(&channel, &settings.names).await
    };
    let counted = within(counted).await;
    link::close(&connection).await;
    Ok(counted?)
}

/// Admits up to `most` of them.
pub async fn admit(engine: &Arc<Engine>, settings: &Settings, most: usize) -> Result<Revived, DeadError> {
    let connection = link::connect(settings, "dead").await?;
    let revived = async {
        let channel = connection.create_channel().await?;
        let mut revived = Revived::default();
        let began = tokio::time::Instant::now();
        let mut taken = 0;
        while taken < most && began.elapsed() < WITHIN {
            let batch = take(&channel, settings, (most - taken).min(settings.batch)).await?;
            let Some(last) = batch.last() else { break };
            taken += batch.len();
            let messages =
                batch.iter().map(|m| message::raw(&m.properties, m.data.clone())).collect::<Vec<_>>();
            // Not cut off: an admission runs to its end, and only then may they leave the queue.
            for verdict in intake::admit(engine, messages).await? {
                match verdict {
                    Verdict::Accepted { .. } => revived.admitted += 1,
                    Verdict::Duplicate { .. } => revived.duplicate += 1,
                    Verdict::Quarantined(_) => revived.quarantined += 1,
                }
            }
            last.acker.ack(BasicAckOptions { multiple: true }).await?;
        }
        revived.left = within(topology::dead_messages(&channel, &settings.names)).await?;
        Ok(revived)
    }
    .await;
    link::close(&connection).await;
    revived
}

async fn take(
    channel: &Channel,
    settings: &Settings,
    most: usize,
) -> Result<Vec<BasicGetMessage>, DeadError> {
    let mut batch = Vec::new();
    while batch.len() < most {
        // no_ack = false: it stays RabbitMQ's until we have it.
        let options = BasicGetOptions { no_ack: false };
        let asked = channel.basic_get(settings.names.dead_queue.as_str().into(), options);
        match within(async { asked.await.map_err(Broken::from) }).await? {
            Some(message) => batch.push(message),
            None => break,
        }
    }
    Ok(batch)
}

async fn within<T>(asked: impl Future<Output = Result<T, Broken>>) -> Result<T, Broken> {
    match tokio::time::timeout(WITHIN, asked).await {
        Ok(answer) => answer,
        Err(_) => Err(Broken::Silent(WITHIN, "the dead-letter queue")),
    }
}
