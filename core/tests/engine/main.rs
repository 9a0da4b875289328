//! The engine as a whole on the in-memory store, with scripted connectors and a clock that the tests move.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "this is how a test fails")]

mod course;
mod doubt;
mod events;
mod hand_over;
mod intake;
mod money;
mod post;
mod review;
mod timers;
mod world;
