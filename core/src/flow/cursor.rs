//! Where a timer's work stands, kept in the store as JSON under a name.

use serde::{Serialize, de::DeserializeOwned};

use crate::port::{
    store::{Store, StoreError},
    work::Work,
};

/// What is kept under a name; none: nothing, or nothing that can be read.
pub(super) async fn read<T: DeserializeOwned>(
    store: &dyn Store,
    name: &str,
) -> Result<Option<T>, StoreError> {
    // What cannot be read was written by another version: begin anew.
    Ok(store.cursor(name).await?.and_then(|text| serde_json::from_str(&text).ok()))
}

/// Keeps it in this unit of work.
pub(super) fn put<T: Serialize>(work: &mut Work, name: String, value: &T) {
    if let Ok(text) = serde_json::to_string(value) {
        work.cursors.push((name, text));
    }
}
