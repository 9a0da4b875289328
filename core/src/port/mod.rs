//! The traits that the engine is written against; drivers implement them elsewhere.

pub mod connector;
mod ids;
pub mod publisher;
pub mod store;
pub mod views;
pub mod work;
