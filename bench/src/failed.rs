//! Why a benchmark could not be run: a text for the person who runs it.

use std::fmt;

/// What went wrong, and where.
#[derive(Debug)]
pub struct Failed(String);

impl Failed {
    /// With these words.
    pub fn new(said: impl Into<String>) -> Self {
        Self(said.into())
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Names the step that failed.
pub(crate) fn at<E: fmt::Display>(step: &'static str) -> impl FnOnce(E) -> Failed {
    move |error| Failed(format!("{step}: {error}"))
}
