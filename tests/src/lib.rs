//! The harness of the tests that drive the whole adapter: simulators of the partners, the application (in this process or
//! as the real program), private servers, traffic, and an oracle that knows what must have reached whom.
//!
//! A harness fails by panicking with a sentence; that is its error handling.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "what the harness cannot do fails the test that asked for it"
)]

pub mod api;
pub mod browser;
pub mod chaos;
pub mod eventually;
pub mod feed;
pub mod listener;
pub mod oracle;
pub mod program;
pub mod province;
pub mod proxy;
pub mod servers;
pub mod simulate;
pub mod traffic;
pub mod world;

pub use eventually::eventually;
pub use oracle::{Allowance, Oracle, Seen};
pub use proxy::Proxy;
pub use world::{Place, Plan, World};
