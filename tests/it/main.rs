//! Tests that need nothing installed: simulators, the embedded store, the application in this process or as the real
//! program.

mod commands;
mod faults;
mod main_path;
mod mess;
mod money;
mod restarts;
