//! Doubles of our own traits, and the conformance suite of the stores. Fakes of partners live in `mocks` and speak HTTP.

pub mod clock;
pub mod conformance;
pub mod fixtures;
pub mod memory;
pub mod scripted;
#[cfg(test)]
mod tests;

pub use clock::ManualClock;
pub use memory::MemoryStore;
pub use scripted::{MemorySessions, ScriptedConnector, ScriptedPublisher};
