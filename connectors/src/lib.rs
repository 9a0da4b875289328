//! How to speak to each partner. One folder per connector, one registry, one shared `http/`; a connector never imports
//! a sibling.

pub mod dvcqg;
pub mod dvcqg_payment;
pub mod http;
pub mod registry;
pub mod vnpost;

pub use http::ConfigError;
