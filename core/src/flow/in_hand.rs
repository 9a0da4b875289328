//! What this process has in hand: the claims whose attempts run or whose outcomes wait for the store. A claim that the
//! store shows under this process's name and that is not in hand was made by a transaction whose answer was lost: it
//! was never sent, and is given back as unsent instead of becoming doubtful.

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{RwLock, RwLockReadGuard, RwLockWriteGuard},
    time::Instant,
};

use crate::id::RowId;

/// An operation and the number of its lane's claim.
pub type Claim = (RowId, i64);

/// How long all claims may be held up for the sake of lost ones.
const LONGEST_WAIT: Duration = Duration::from_millis(500);

/// The claims in hand.
#[derive(Debug, Default)]
pub struct InHand {
    held: Mutex<BTreeSet<Claim>>,
    /// Held for reading from before a claim is asked for until what it brought is in `held`, so that nobody who writes
    /// takes a claim that is on its way for a lost one.
    claiming: RwLock<()>,
    /// Until when claims may turn up in the store whose answers were lost.
    look_until: Mutex<Option<Instant>>,
}

impl InHand {
    /// To be kept from before a claim is asked for until all that it brought was taken.
    pub async fn claiming(&self) -> RwLockReadGuard<'_, ()> {
        self.claiming.read().await
    }

    /// Nobody claims as long as this is kept. `None`: somebody's claim is on its way for too long, and the others must
    /// not wait for it any longer.
    pub async fn nobody_claims(&self) -> Option<RwLockWriteGuard<'_, ()>> {
        tokio::time::timeout(LONGEST_WAIT, self.claiming.write()).await.ok()
    }

    /// An attempt on this claim begins.
    pub fn take(&self, claim: Claim) {
        self.held().insert(claim);
    }

    /// The outcome is stored: the claim is over.
    pub fn release(&self, claim: Claim) {
        self.held().remove(&claim);
    }

    /// The claims in hand now.
    pub fn all(&self) -> BTreeSet<Claim> {
        self.held().clone()
    }

    /// The answer to a claim was lost; what it did will be in the store within this time, if it did anything.
    pub fn answer_lost(&self, within: Duration) {
        *self.look_until.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now().checked_add(within);
    }

    /// Whether the store may show claims whose answers were lost.
    pub fn is_in_doubt(&self) -> bool {
        let until = self.look_until.lock().unwrap_or_else(PoisonError::into_inner);
        until.is_some_and(|until| Instant::now() < until)
    }

    fn held(&self) -> MutexGuard<'_, BTreeSet<Claim>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
