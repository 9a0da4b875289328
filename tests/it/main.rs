//! Tests that need nothing installed: simulators, the embedded store, the application in this process or as the real
//! program.
#![expect(clippy::unwrap_used, reason = "also what tests share may fail the test")]

mod alerts;
mod catalogue;
mod commands;
mod faults;
mod go_live;
mod inbound;
mod index;
mod main_path;
mod mess;
mod money;
mod reconcile;
mod restarts;
mod restore;
mod sheet;
mod simulated;
mod vendor;
