//! Drives each simulator over HTTP with raw JSON, as a stranger would.
#![recursion_limit = "256"]
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail like tests")]

mod behaviours;
mod payments;
mod portal;
mod post;
mod suite;
mod wire;
