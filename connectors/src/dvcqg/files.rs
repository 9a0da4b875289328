//! Addresses of files, which are handed around by reference: outbound as the portal can reach them through the adapter,
//! inbound as we can reach them through ours (contract 7.6).

use super::config::Config;
use crate::http::ConfigError;

/// What every adapter's address has after its own host and context.
const SERVICE: &str = "/RestService/";

impl Config {
    /// The address at which the portal can reach a file of ours.
    pub fn reachable(&self, url: &str) -> String {
        let Some(rule) = self.url_rewrite.iter().find(|r| url.starts_with(&r.from)) else {
            return url.to_owned();
        };
        let rest = url.get(rule.from.len()..).unwrap_or_default();
        let mut url = format!("{}{rest}", rule.to);
        if !rule.query.is_empty() {
            url.push(if url.contains('?') { '&' } else { '?' });
            url.push_str(&rule.query);
        }
        url
    }

    /// The address at which we can fetch a file that the portal names: its scheme, host and context are those of another
    /// adapter, or a placeholder, and ours stand in for them; everything from `/RestService/` stays. An address without it
    /// leads past the adapters and stays as it is.
    pub fn fetchable(&self, url: &str) -> Result<String, ConfigError> {
        let path = url.split(['?', '#']).next().unwrap_or_default();
        match path.find(SERVICE) {
            Some(at) => Ok(format!("{}{}", self.own_adapter()?, url.get(at..).unwrap_or_default())),
            None => Ok(url.to_owned()),
        }
    }

    /// Scheme, host and context of our own adapter, without a slash at the end.
    pub(super) fn own_adapter(&self) -> Result<String, ConfigError> {
        let stated = self.file_adapter.as_deref().map(str::trim).filter(|base| !base.is_empty());
        if let Some(base) = stated {
            return Ok(base.trim_end_matches('/').to_owned());
        }
        let context = self.integration_path.find(SERVICE).and_then(|at| self.integration_path.get(..at));
        match context {
            Some(context) if self.gateway.is_none() => {
                let context = context.trim_matches('/');
                Ok(format!("{}/{context}", self.adapter_url.trim().trim_end_matches('/')))
            }
            _ => Err(ConfigError::new(
                "file_adapter",
                "missing: files come through an adapter, and none is named by adapter_url and integration_path",
            )),
        }
    }
}
