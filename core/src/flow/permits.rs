//! Permits: how many operations of a connector may be with the partner. Taken before work is, so that the limit holds.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The permits of one connector in this process.
#[derive(Debug)]
pub struct Permits {
    semaphore: Arc<Semaphore>,
    limit: AtomicUsize,
}

impl Permits {
    /// So many.
    pub fn new(limit: usize) -> Self {
        Self { semaphore: Arc::new(Semaphore::new(limit)), limit: AtomicUsize::new(limit) }
    }

    /// How many there are at all.
    pub fn limit(&self) -> usize {
        self.limit.load(Ordering::Acquire)
    }

    /// How many are free now.
    pub fn free(&self) -> usize {
        self.semaphore.available_permits()
    }

    /// Makes them so many; of those that are out as many as come back first. One caller at a time.
    pub fn resize(&self, limit: usize) {
        let now = self.limit();
        if limit > now {
            self.limit.fetch_add(limit - now, Ordering::AcqRel);
            self.semaphore.add_permits(limit - now);
        } else {
            let gone = self.semaphore.forget_permits(now - limit);
            self.limit.fetch_sub(gone, Ordering::AcqRel);
        }
    }

    /// Waits until so many are free at once, however long that takes.
    pub async fn wait_for(&self, free: usize) {
        let wanted = u32::try_from(free.min(self.limit())).unwrap_or(u32::MAX);
        drop(self.semaphore.acquire_many(wanted).await);
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
