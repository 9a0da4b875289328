//! Partners, brokers and session stores that do what a script says and remember what they were asked.

mod abilities;
mod connector;
mod publisher;

pub use abilities::{callback_body, callback_request};
pub use connector::{Asked, ScriptedConnector};
pub use publisher::{MemorySessions, ScriptedPublisher};
