//! The catalogue that a partner publishes (procedures, services, fields, agencies, …) as the store keeps it, with its
//! differences; and the mappings from our codes to its codes that a person confirmed. Pure: the pull is
//! `flow/catalogue.rs`, what a partner answers is its connector's.

pub mod drift;
pub mod listing;
pub mod mapping;
pub mod similar;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

use crate::id::ConnectorId;

pub use drift::{Bound, Broken, Origin, Why};
pub use listing::Pulled;
pub use mapping::{Book, Mapping, Table, Word};

/// The list of all procedures.
pub const PROCEDURES: &str = "procedures";
/// Each procedure's whole tree.
pub const PROCEDURE_DETAILS: &str = "procedure-details";
/// Online services.
pub const SERVICES: &str = "services";
/// Fields.
pub const FIELDS: &str = "fields";
/// Agencies.
pub const AGENCIES: &str = "agencies";

/// How a list stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListHead {
    /// The connector instance that it came through.
    pub connector: ConnectorId,
    /// Which list.
    pub list: String,
    /// Grows by one with every pull that changed something; 0: never pulled.
    pub version: i64,
    /// Entries that are not withdrawn.
    pub rows: i64,
    /// Entries that were missing from the latest answer and kept all the same: the answer was not believed.
    pub held_back: i64,
    /// When it was pulled last.
    pub pulled_at: Timestamp,
    /// When it last changed.
    pub changed_at: Timestamp,
}

/// An entry of a list, as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The connector instance.
    pub connector: ConnectorId,
    /// Which list.
    pub list: String,
    /// Its code there.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Whether the partner says that it is in force.
    pub in_force: bool,
    /// Everything that the partner says of it: JSON whose values are all text, as they came ("không", blanks).
    pub content: Arc<str>,
    /// The list's version that changed it last.
    pub version: i64,
    /// Since when it is known.
    pub first_at: Timestamp,
    /// When it last changed.
    pub changed_at: Timestamp,
    /// Since when it is missing from the list; none: it is there.
    pub withdrawn_at: Option<Timestamp>,
}

/// What happened to an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// It was not there before.
    New = 1,
    /// It says something else.
    Changed = 2,
    /// It is gone.
    Withdrawn = 3,
    /// It is there again.
    Returned = 4,
}

impl ChangeKind {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::New, Self::Changed, Self::Withdrawn, Self::Returned];

    /// The store's number.
    pub fn number(self) -> i16 {
        self as i16
    }

    /// The kind with this number.
    pub fn from_number(number: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.number() == number)
    }

    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Changed => "changed",
            Self::Withdrawn => "withdrawn",
            Self::Returned => "returned",
        }
    }
}

/// One value that is another one now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// Where in the content, as a JSON pointer.
    pub path: String,
    /// What was there; none: nothing.
    pub before: Option<String>,
    /// What is there; none: nothing.
    pub after: Option<String>,
}

/// What a version of a list did to an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The connector instance.
    pub connector: ConnectorId,
    /// Which list.
    pub list: String,
    /// The list's version.
    pub version: i64,
    /// The entry.
    pub code: String,
    /// Its name.
    pub name: String,
    /// What happened.
    pub kind: ChangeKind,
    /// What is different; for a changed entry.
    pub differences: Vec<Difference>,
    /// When.
    pub at: Timestamp,
}

/// Which entries are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryFilter {
    /// The connector instance.
    pub connector: ConnectorId,
    /// Which list.
    pub list: String,
    /// Only this one.
    pub code: Option<String>,
    /// Whether withdrawn ones are wanted too.
    pub withdrawn: bool,
    /// Only codes above this.
    pub after: String,
    /// At most this many, by code.
    pub limit: i64,
}

/// Which changes are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeFilter {
    /// The connector instance.
    pub connector: ConnectorId,
    /// Only of this list.
    pub list: Option<String>,
    /// At this moment or later.
    pub since: Timestamp,
    /// At most this many, newest first.
    pub limit: i64,
}
