//! A deterministic simulation: the whole engine, several replicas of it, on virtual time, over the in-memory store,
//! with a broker, partners, a network and machines that fail by a script that a seed writes. The same seed is the same
//! run, to the last step; what went wrong once can be looked at again.

mod broker;
mod lives;
mod machine;
mod oracle;
mod partner;
mod people;
mod replica;
mod store;
mod weather;
mod world;

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hasher},
};

pub use oracle::Violation;
pub use weather::FAULTS;
pub use world::run;

/// What became of a seed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// What must not be, in words; empty: all is well.
    pub violations: Vec<Violation>,
    /// How often each kind of fault struck.
    pub faults: BTreeMap<&'static str, u64>,
    /// How many events were published.
    pub events: usize,
    /// How many effects the partners saw.
    pub effects: usize,
    /// A hash of everything that the partners and the broker saw, with the times: equal for equal runs.
    pub trace: u64,
}

/// A source of chance of its own for each part of the world, so that one part's choices do not shift another's.
#[derive(Debug)]
struct Dice(std::sync::Mutex<fastrand::Rng>);

impl Dice {
    fn new(seed: u64, part: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        hasher.write_u64(seed);
        hasher.write(part.as_bytes());
        Self(std::sync::Mutex::new(fastrand::Rng::with_seed(hasher.finish())))
    }

    fn rng(&self) -> std::sync::MutexGuard<'_, fastrand::Rng> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Whether something happens that happens so many times in ten thousand.
    fn strikes(&self, in_ten_thousand: u32) -> bool {
        self.rng().u32(0..10_000) < in_ten_thousand
    }

    /// A number of this range.
    fn pick(&self, range: std::ops::Range<u64>) -> u64 {
        self.rng().u64(range)
    }

    /// A duration of this range, in milliseconds.
    fn ms(&self, range: std::ops::Range<u64>) -> std::time::Duration {
        std::time::Duration::from_millis(self.pick(range))
    }
}
