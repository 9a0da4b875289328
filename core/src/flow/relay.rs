//! Relay: the outbox to the broker, in order, by one process at a time under a fence; the cursor moves once per
//! confirmed batch. What the broker returns as unroutable stays and is shown.

use jiff::SignedDuration;
use std::{sync::Arc, time::Duration};

use crate::{
    flow::{engine::Engine, pool::Pool},
    port::{
        publisher::{PublishError, Publisher},
        store::{Fence, StoreError},
    },
};

/// The name of the singleton and of its cursor.
pub const RELAY: &str = "relay";

const TENURE: SignedDuration = SignedDuration::from_secs(30);
const BATCH: i64 = 500;

/// How long the relay waits after an error; twice as long after each further one, at most [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// Well within the tenure, so that the relay stays with this process.
const LONGEST_WAIT: Duration = Duration::from_secs(15);

/// Runs until the pool stops.
pub async fn run(engine: Arc<Engine>, pool: Pool, publisher: Arc<dyn Publisher>) -> Result<(), String> {
    let stopping = pool.stopping();
    let mut fence: Option<Fence> = None;
    let mut wait = FIRST_WAIT;
    while !stopping.is_cancelled() {
        let error = match round(&engine, &*publisher, &mut fence).await {
            Ok(more) => {
                wait = FIRST_WAIT;
                if !more {
                    tokio::select! {
                        biased;
                        () = stopping.cancelled() => {}
                        () = engine.told.notified() => {}
                        () = tokio::time::sleep(engine.settings.poll) => {}
                    }
                }
                continue;
            }
            Err(error) => error,
        };
        match error {
            RelayError::Store(error) => {
                fence = None;
                tracing::warn!(%error, "the relay waits for the store");
            }
            RelayError::Publish(error) => tracing::warn!(%error, "the relay waits for the broker"),
        }
        // Slept out: more to tell does not bring the broker back.
        tokio::select! {
            biased;
            () = stopping.cancelled() => {}
            () = tokio::time::sleep(wait) => {}
        }
        wait = (wait * 2).min(LONGEST_WAIT);
    }
    if let Some(fence) = fence
        && let Err(error) = engine.store.relinquish(&fence).await
    {
        tracing::debug!(%error, "the relay's lease will run out by itself");
    }
    Ok(())
}

/// Why a round ended early.
#[derive(Debug)]
pub enum RelayError {
    /// The store.
    Store(StoreError),
    /// The broker.
    Publish(PublishError),
}

impl From<StoreError> for RelayError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Publishes one batch. `true`: there may be more.
pub async fn round(
    engine: &Engine,
    publisher: &dyn Publisher,
    fence: &mut Option<Fence>,
) -> Result<bool, RelayError> {
    *fence = engine.store.acquire(RELAY, &engine.settings.holder, TENURE).await?;
    let Some(held) = fence else { return Ok(false) };
    let cursor = engine.store.cursor(RELAY).await?;
    let after: i64 = cursor.and_then(|c| c.parse().ok()).unwrap_or(0);
    let rows = engine.store.outbox(after, BATCH).await?;
    if rows.is_empty() {
        return Ok(false);
    }
    let published = publisher.publish(&rows).await.map_err(RelayError::Publish)?;
    let Some(last) = published.checked_sub(1).and_then(|at| rows.get(at)) else { return Ok(false) };
    engine.store.set_cursor(RELAY, &last.number.to_string(), held).await?;
    metrics::counter!("lienthong_relayed_total").increment(published as u64);
    Ok(published == rows.len())
}
