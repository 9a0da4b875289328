//! Retention: what is kept for a time only, kind by kind, and what a store tells about it. What is open, what money hangs on,
//! and the newest event and out-event are never taken away.

use jiff::Timestamp;
use std::time::Duration;

/// What is kept for a time only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Dossiers' versions but the newest, once nothing has happened to the dossier for so long.
    Versions,
    /// Events with their bodies, all of a dossier at once, once nothing has happened to it for so long.
    Events,
    /// Ended operations with their attempts, of dossiers to which nothing has happened for so long; not those of money, and
    /// not those that a person has edited.
    Operations,
    /// De-duplication keys.
    Keys,
    /// Out-events that have been told.
    Outbox,
    /// Judged callbacks; those that were applied are kept for ever.
    Callbacks,
    /// Quarantine entries that are closed.
    Quarantine,
    /// The audit trail.
    Audit,
    /// Files that partners sent or that were fetched from them.
    Files,
}

impl Kind {
    /// All kinds. Versions are found by their events, and so go before them.
    pub const ALL: [Self; 9] = [
        Self::Versions,
        Self::Events,
        Self::Operations,
        Self::Keys,
        Self::Outbox,
        Self::Callbacks,
        Self::Quarantine,
        Self::Audit,
        Self::Files,
    ];

    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Versions => "versions",
            Self::Events => "events",
            Self::Operations => "operations",
            Self::Keys => "keys",
            Self::Outbox => "outbox",
            Self::Callbacks => "callbacks",
            Self::Quarantine => "quarantine",
            Self::Audit => "audit",
            Self::Files => "files",
        }
    }
}

/// Events that stay when their dossier's others go: what takes a payment or a parcel back is looked for when its request comes
/// after it, however late.
pub const KEPT_EVENTS: [&str; 3] = ["fee.cancelled", "fee.paid_at_desk", "post.cancelled"];

/// How often a walk begins anew with the oldest rows: what had to stay when it was looked at may go by then.
pub const WALK_EVERY: Duration = Duration::from_hours(24 * 30);

/// One step: looks at a bounded number of rows, oldest first, and takes away those that may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// The kind.
    pub kind: Kind,
    /// Only what is older.
    pub before: Timestamp,
    /// So many rows are looked at.
    pub limit: i64,
    /// Whether out-events have to be behind the relay's cursor too.
    pub relays: bool,
}

/// What a step came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Taken {
    /// Rows that have gone; an operation's attempts are not counted.
    pub rows: i64,
    /// Nothing older is left to look at.
    pub is_done: bool,
}

/// How many rows that are due are counted at most.
pub const DUE_COUNTED: i64 = 100_000;

/// What a store tells about a kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Holding {
    /// The oldest row's time, where the store can tell at once.
    pub oldest: Option<Timestamp>,
    /// Rows older than asked for, counted up to [`DUE_COUNTED`], where the store can tell; not all of them need to go.
    pub due: Option<i64>,
    /// Rows that have ever gone.
    pub gone: i64,
    /// When rows went last.
    pub last: Option<Timestamp>,
}
