//! Strict, stateful HTTP simulators of three partners: the national portal (`portal`), the
//! national payment platform (`payments`) and the postal service (`post`).
//!
//! Written from the public contracts only; nothing here knows a type of the adapter.

pub mod behaviour;
mod clock;
mod control;
pub mod credentials;
mod encoding;
mod handle;
pub mod journal;
pub mod payments;
pub mod portal;
pub mod post;
mod request;
mod runtime;
mod server;
mod shape;
mod sign;
mod simulator;
pub mod suite;

pub use behaviour::{Behaviour, Rule};
pub use handle::Handle;
pub use journal::{Effect, Entry, Journal, Summary};
pub use suite::Suite;
