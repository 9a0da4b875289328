//! Tests with a real RabbitMQ, a real PostgreSQL, the real program and a real browser. Run under `scripts/with-servers`.
#![expect(clippy::unwrap_used, reason = "also what tests share may fail the test")]

mod broker;
mod chaos;
mod console;
mod fixtures;
mod killed;
mod main_path;
mod outages;
mod replicas;
mod vanished;
