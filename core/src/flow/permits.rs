//! Permits: how many operations of a connector may be with the partner. Taken before work is, so that the limit holds.

use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The permits of one connector in this process.
#[derive(Debug)]
pub struct Permits {
    semaphore: Arc<Semaphore>,
    limit: usize,
}

impl Permits {
    /// So many.
    pub fn new(limit: usize) -> Self {
        Self { semaphore: Arc::new(Semaphore::new(limit)), limit }
    }

    /// How many there are at all.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Up to `most` permits that are free now.
    pub fn try_take(&self, most: usize) -> Vec<OwnedSemaphorePermit> {
        let mut taken = Vec::new();
        while taken.len() < most
            && let Ok(permit) = Arc::clone(&self.semaphore).try_acquire_owned()
        {
            taken.push(permit);
        }
        taken
    }

    /// Waits for one permit, then takes up to `most` in all. Empty: closed.
    pub async fn take(&self, most: usize) -> Vec<OwnedSemaphorePermit> {
        let Ok(first) = Arc::clone(&self.semaphore).acquire_owned().await else { return Vec::new() };
        let mut taken = vec![first];
        taken.extend(self.try_take(most.saturating_sub(1)));
        taken
    }
}
