//! Policy and lane as a state machine: random interleavings of plans, claims, sends, answers, lost answers, crashes,
//! expired leases, questions and people, against a small model of the partner that knows nothing of the engine. Every
//! transition is the engine's own decision over a unit of work; there is no task, no network and no clock but the
//! test's. Beside it properties of the tables that policy goes by.

#![expect(clippy::expect_used, reason = "this is how a test fails")]

mod lanes;
mod partner;
mod rules;
mod steps;
mod tables;
mod world;
