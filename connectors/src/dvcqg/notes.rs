//! What mapping had to do to the data, for the proof's facts: cut, left out, assumed. Field names only, never values.

use serde_json::{Map, Value, json};

/// Collected while mapping.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Notes {
    cut: Vec<String>,
    left_out: Vec<String>,
    assumed: Vec<String>,
}

impl Notes {
    /// The text, cut to `longest` characters with an ellipsis as the last.
    pub(super) fn cut(&mut self, field: &str, text: &str, longest: usize) -> String {
        let text = text.trim();
        if text.chars().count() <= longest {
            return text.to_owned();
        }
        self.cut.push(field.to_owned());
        text.chars().take(longest.saturating_sub(1)).chain(['…']).collect()
    }

    /// Something that the portal has no place for, or cannot take as it is.
    pub(super) fn left_out(&mut self, field: &str, why: &str) {
        self.left_out.push(format!("{field}: {why}"));
    }

    /// Something that the event did not say.
    pub(super) fn assumed(&mut self, field: &str, what: &str) {
        self.assumed.push(format!("{field}: {what}"));
    }

    /// Writes what there is.
    pub(super) fn write(&self, facts: &mut Map<String, Value>) {
        for (name, list) in [("cut", &self.cut), ("left_out", &self.left_out), ("assumed", &self.assumed)] {
            if !list.is_empty() {
                facts.insert(name.to_owned(), json!(list));
            }
        }
    }
}
