//! The traits that the engine is written against; drivers implement them elsewhere.

pub mod condition;
pub mod connector;
pub mod ids;
pub mod inbound;
pub mod index;
pub mod publisher;
pub mod reconciliation;
pub mod retention;
pub mod scope;
pub mod sheet;
pub mod store;
pub mod views;
pub mod work;
