//! Tests with a real RabbitMQ, a real PostgreSQL, the real program and a real browser. Run under `scripts/with-servers`.

mod console;
mod fixtures;
mod killed;
mod main_path;
mod outages;
