//! Planning, pure: what an event changes about a dossier and which operations follow, per connector. Everything here
//! works on a unit of work's loaded rows; nothing waits, reads a clock or does I/O.

pub mod admit;
pub mod course;
pub mod discrepancy;
pub mod edit;
pub mod join;
pub mod late;
pub mod money;
pub mod out;
pub mod post;
pub mod queue;
pub mod repair;
pub mod rules;
pub mod tidings;
