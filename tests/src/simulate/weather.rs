//! The weather of a seed: chance, whether the storm still rages, and how often each kind of fault struck.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use super::Dice;

/// Every kind of fault that there is. A test sees to it that each of them strikes.
pub const FAULTS: [&str; 67] = [
    // A process ends at a certain step.
    "crash before an admission's commit",
    "crash after an admission's commit, before its answer",
    "crash after an admission's answer, before the hand-over",
    "crash before the acknowledgement",
    "crash before a claim's commit",
    "crash after a claim's commit, before its answer",
    "crash after a claim's answer, before the hand-over",
    "crash after the send, before its answer",
    "crash before a settlement's commit",
    "crash after a settlement's commit, before its answer",
    "crash after a settlement's answer",
    "crash before another unit's commit",
    "crash after another unit's commit, before its answer",
    "crash after another unit's answer",
    "crash while asking a partner",
    "crash after a callback was kept",
    "crash after publishing, before the cursor moves",
    // A process ends, or stands still, at any step.
    "replica killed",
    "all replicas killed",
    "replica stopped softly",
    "replica frozen",
    // Networks.
    "replica's requests to the store lost",
    "the store's answers to a replica lost",
    "replica's requests to the broker lost",
    "the broker's answers to a replica lost",
    "replica's requests to partners lost",
    "partners' answers to a replica lost",
    // Clocks.
    "store's clock jumps on",
    "store's clock jumps on by hours",
    "store's clock jumps back",
    "replica's clock jumps",
    "replica starts with a wrong clock",
    // The store.
    "slow store",
    "store stalls",
    "store's answer stalls",
    "store away",
    "lost answer of the store",
    "contended rows",
    // The broker.
    "broker stopped",
    "broker away",
    "confirms lost",
    "connection lost before the acknowledgement",
    "acknowledgement after the connection was lost",
    "messages delivered again",
    // Partners.
    "partner down",
    "partner away",
    "throttled",
    "credentials rejected",
    "refused",
    "request lost",
    "late effect",
    "answer broken",
    "answer lost",
    "half an answer: taken, not settled",
    "question unanswered",
    "question answered late",
    // Callbacks.
    "callback before the answer",
    "callback repeated",
    "callback forged",
    "callback for another amount",
    "callback of an unknown reference",
    // People and sources.
    "operation retried by a person",
    "operation dismissed by a person",
    "events out of order",
    "event published twice",
    "nonsense published",
    "other content under a known id",
];

/// Chance, and whether the storm still rages.
pub struct Weather {
    pub dice: Dice,
    calm: AtomicBool,
    faults: Mutex<BTreeMap<&'static str, u64>>,
}

impl Weather {
    pub fn new(seed: u64, part: &str) -> Self {
        Self { dice: Dice::new(seed, part), calm: AtomicBool::new(false), faults: Mutex::default() }
    }

    /// Ends the storm: nothing strikes any more.
    pub fn calm_down(&self) {
        self.calm.store(true, Ordering::Release);
    }

    pub fn is_calm(&self) -> bool {
        self.calm.load(Ordering::Acquire)
    }

    /// Whether a fault strikes now that strikes so many times in ten thousand; never in the calm.
    pub fn strikes(&self, fault: &'static str, in_ten_thousand: u32) -> bool {
        if self.is_calm() || !self.dice.strikes(in_ten_thousand) {
            return false;
        }
        self.count(fault);
        true
    }

    /// How often each fault struck.
    pub fn faults(&self) -> BTreeMap<&'static str, u64> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn count(&self, fault: &'static str) {
        self.count_so_many(fault, 1);
    }

    pub fn count_so_many(&self, fault: &'static str, times: u64) {
        if times > 0 {
            *self.faults.lock().unwrap_or_else(PoisonError::into_inner).entry(fault).or_default() += times;
        }
    }
}
