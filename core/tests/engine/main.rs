//! The engine as a whole on the in-memory store, with scripted connectors and a clock that the tests move.

mod course;
mod doubt;
mod events;
mod intake;
mod money;
mod post;
mod review;
mod world;
