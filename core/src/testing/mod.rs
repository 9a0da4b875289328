//! Doubles of our own traits, and the conformance suite of the stores. Fakes of partners live in `mocks` and speak HTTP.

pub mod clock;
pub mod fixtures;
pub mod memory;
pub mod scripted;

pub use clock::ManualClock;
pub use memory::MemoryStore;
pub use scripted::{MemorySessions, ScriptedConnector, ScriptedPublisher};
