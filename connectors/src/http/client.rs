//! Building the client: time-outs, roots, client certificate. The only place that may use `reqwest::Client::builder`.

use serde::Deserialize;
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use super::ConfigError;

/// Settings of the connection to a partner.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpConfig {
    /// Name resolution, connection and TLS handshake together.
    pub connect_timeout_ms: u64,
    /// PEM file with further certificate authorities, for partners with a private one.
    pub extra_roots_file: Option<PathBuf>,
    /// PEM file with our certificate and its key, for partners that ask for one.
    pub client_certificate_file: Option<PathBuf>,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self { connect_timeout_ms: 5000, extra_roots_file: None, client_certificate_file: None }
    }
}

/// Why no client could be made.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A certificate file cannot be used.
    #[error("{key}: {path}: {said}")]
    File {
        /// The setting.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        said: String,
    },
    /// The client itself cannot be made.
    #[error("no HTTP client: {0}")]
    Client(#[from] reqwest::Error),
}

impl From<BuildError> for ConfigError {
    fn from(error: BuildError) -> Self {
        match &error {
            BuildError::File { key, path, said } => {
                Self::new(format!("http.{key}"), format!("{}: {said}", path.display()))
            }
            BuildError::Client(_) => Self::new("http", error.to_string()),
        }
    }
}

/// Idle connections are closed before the usual keep-alive of servers (20 s and more) ends: a request that meets the
/// server's closing is of unknown effect.
const IDLE: Duration = Duration::from_secs(10);

pub(super) fn build(config: &HttpConfig) -> Result<reqwest::Client, BuildError> {
    // Without a CA store every client fails to build, also for http:// (reqwest #2988).
    let has_store = builder(config).build().is_ok();
    let mut builder = builder(config);
    let extra = match &config.extra_roots_file {
        Some(path) => {
            let bytes = read("extra_roots_file", path)?;
            let found = reqwest::Certificate::from_pem_bundle(&bytes)
                .map_err(|e| bad("extra_roots_file", path, &e))?;
            if found.is_empty() {
                return Err(bad("extra_roots_file", path, &"no certificate in it"));
            }
            found
        }
        None => Vec::new(),
    };
    if has_store {
        builder = builder.tls_certs_merge(extra);
    } else {
        let known = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter();
        let known = known.filter_map(|der| reqwest::Certificate::from_der(der).ok());
        builder = builder.tls_certs_only(known.chain(extra).collect::<Vec<_>>());
    }
    if let Some(path) = &config.client_certificate_file {
        let bytes = read("client_certificate_file", path)?;
        let identity =
            reqwest::Identity::from_pem(&bytes).map_err(|e| bad("client_certificate_file", path, &e))?;
        builder = builder.identity(identity);
    }
    Ok(builder.build()?)
}

#[expect(clippy::disallowed_methods, reason = "the one place that builds clients")]
fn builder(config: &HttpConfig) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .connect_timeout(Duration::from_millis(config.connect_timeout_ms))
        .pool_idle_timeout(IDLE)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .no_proxy()
        .user_agent(concat!("lienthong/", env!("CARGO_PKG_VERSION")))
}

fn read(key: &'static str, path: &Path) -> Result<Vec<u8>, BuildError> {
    std::fs::read(path).map_err(|e| bad(key, path, &e))
}

fn bad(key: &'static str, path: &Path, said: &dyn std::fmt::Display) -> BuildError {
    BuildError::File { key, path: path.to_owned(), said: said.to_string() }
}
