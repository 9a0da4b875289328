//! The engine as a whole on the in-memory store, with scripted connectors and a clock that the tests move.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "this is how a test fails")]

mod adopted;
mod ahead;
mod catalogue;
mod course;
mod doubt;
mod edit;
mod events;
mod hand_over;
mod health;
mod inbound;
mod incidents;
mod index;
mod intake;
mod join;
mod ledger;
mod lessons;
mod money;
mod post;
mod replay;
mod replay_rules;
mod restore;
mod retention;
mod review;
mod second_look;
mod sheet;
mod statuses;
mod timers;
mod transfer;
mod world;
