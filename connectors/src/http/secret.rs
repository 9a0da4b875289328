//! Secrets from the configuration: a value, or the path of a file that holds it.

use secrecy::{ExposeSecret, SecretString};
use std::path::Path;

use super::ConfigError;

/// A setting `x = "…"` or `x_file = "path"`.
#[derive(Debug, Clone, Copy)]
pub struct SecretSource<'a> {
    /// The setting's name, `x`.
    pub key: &'static str,
    /// The value of `x`.
    pub value: Option<&'a SecretString>,
    /// The value of `x_file`.
    pub file: Option<&'a Path>,
}

impl<'a> SecretSource<'a> {
    /// Of these two settings.
    pub fn new(key: &'static str, value: Option<&'a SecretString>, file: Option<&'a Path>) -> Self {
        Self { key, value, file }
    }

    /// The secret; a line end after it does not belong to it.
    pub fn read(&self) -> Result<SecretString, ConfigError> {
        self.optional()?.ok_or_else(|| {
            ConfigError::new(self.key, format!("missing: write {0} = \"…\" or {0}_file = \"path\"", self.key))
        })
    }

    /// The secret, if one is set.
    pub fn optional(&self) -> Result<Option<SecretString>, ConfigError> {
        let secret = match (self.value, self.file) {
            (Some(_), Some(_)) => {
                return Err(ConfigError::new(
                    self.key,
                    format!("both {0} and {0}_file are set: keep one", self.key),
                ));
            }
            (None, None) => return Ok(None),
            (Some(value), None) => value.clone(),
            (None, Some(path)) => {
                let key = format!("{}_file", self.key);
                let text = std::fs::read_to_string(path)
                    .map_err(|e| ConfigError::new(key, format!("{}: {e}", path.display())))?;
                SecretString::from(text.trim_end_matches(['\r', '\n']))
            }
        };
        if secret.expose_secret().is_empty() {
            return Err(ConfigError::new(self.key, "empty"));
        }
        Ok(Some(secret))
    }
}
