//! The data of every event of the contract, as typed values. Unknown fields are ignored, known ones are checked.
//! `null` is the same as absent. Doc comments become the descriptions of the published JSON Schemas.

mod dossier;
mod effects;
mod events;
mod words;

pub use dossier::*;
pub use effects::*;
pub use events::*;
pub use words::*;

use serde::Deserialize;

/// Reads `null` as the default.
fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}
