//! Why a command could not do its work, as the terminal shows it: what, and what to do.

use std::fmt;

use crate::config::ConfigError;

/// A failed command.
pub enum Failure {
    /// In words, and what to do.
    Said {
        /// What.
        said: String,
        /// What to do; may be empty.
        remedy: String,
    },
    /// A configuration that cannot be used, with its lines.
    Config(Box<ConfigError>),
}

impl Failure {
    /// In words, and what to do.
    pub fn new(said: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::Said { said: said.into(), remedy: remedy.into() }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::Config(Box::new(error))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Said { said, .. } => f.write_str(said),
            Self::Config(error) => f.write_str(&error.messages().join("\n")),
        }
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
