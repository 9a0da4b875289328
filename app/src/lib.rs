//! The application: configuration, broker, HTTP, command line, and how they are put together. What things mean is in
//! `lienthong-core`; how partners speak is in `lienthong-connectors`.

pub mod backup;
pub mod broker;
pub mod cli;
pub mod compose;
pub mod config;
pub mod http;
pub mod i18n;
pub mod lifecycle;
pub mod logging;
pub mod out_event;
pub mod sandbox;
pub mod sheets;
pub mod state_file;
pub mod tokens;

/// Names the one crypto provider of the process, before TLS or a token is used: with two linked in, rustls and
/// jsonwebtoken would panic rather than guess. A second call changes nothing.
pub fn install_crypto() {
    let tls = rustls::crypto::aws_lc_rs::default_provider().install_default().is_ok();
    let tokens = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default().is_ok();
    tracing::debug!(tls, tokens, "crypto providers");
}
