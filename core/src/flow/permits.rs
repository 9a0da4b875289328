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
    /// How many there are, those that are out included.
    limit: AtomicUsize,
    /// How many there are to be: the rest goes as it comes back.
    target: AtomicUsize,
}

impl Permits {
    /// So many.
    pub fn new(limit: usize) -> Self {
        let semaphore = Arc::new(Semaphore::new(limit));
        Self { semaphore, limit: AtomicUsize::new(limit), target: AtomicUsize::new(limit) }
    }

    /// How many there are at all.
    pub fn limit(&self) -> usize {
        self.limit.load(Ordering::Acquire)
    }

    /// How many are free now.
    pub fn free(&self) -> usize {
        self.semaphore.available_permits()
    }

    /// Makes them so many; those that are out and too many go as they come back. One caller at a time.
    pub fn resize(&self, target: usize) {
        self.target.store(target, Ordering::Release);
        let limit = self.limit();
        if target > limit {
            self.limit.fetch_add(target - limit, Ordering::AcqRel);
            self.semaphore.add_permits(target - limit);
        } else if target < limit {
            let gone = self.semaphore.forget_permits(limit - target);
            self.limit.fetch_sub(gone, Ordering::AcqRel);
        }
    }

    /// As many as there are now: none goes any more.
    pub fn keep(&self) {
        self.resize(self.limit());
    }

    /// A permit that came back, unless there are too many.
    fn kept(&self, permit: OwnedSemaphorePermit) -> Option<OwnedSemaphorePermit> {
        let target = self.target.load(Ordering::Acquire);
        let fewer = |limit: usize| (limit > target).then(|| limit - 1);
        if self.limit.fetch_update(Ordering::AcqRel, Ordering::Acquire, fewer).is_err() {
            return Some(permit);
        }
        permit.forget();
        None
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
            taken.extend(self.kept(permit));
        }
        taken
    }

    /// Waits for one permit, then takes up to `most` in all. Empty: closed.
    pub async fn take(&self, most: usize) -> Vec<OwnedSemaphorePermit> {
        loop {
            let Ok(first) = Arc::clone(&self.semaphore).acquire_owned().await else { return Vec::new() };
            if let Some(first) = self.kept(first) {
                let mut taken = vec![first];
                taken.extend(self.try_take(most.saturating_sub(1)));
                return taken;
            }
        }
    }
}
