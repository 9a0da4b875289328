//! What the index asks of a store: what changed, what is known of a dossier and what the portal has acknowledged of it,
//! and the facts that are made of this. Nothing here is part of a transition: rows of facts can be made anew.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::{
    id::{DossierCode, RowId, UnitCode},
    index::tally::FactRow,
    operation::ProgressStep,
    port::store::StoreError,
};

/// Where facts about a dossier come from.
#[derive(Debug, Clone, PartialEq)]
pub struct Sources {
    /// The dossier.
    pub dossier: RowId,
    /// Its code.
    pub code: DossierCode,
    /// The unit that handles it.
    pub unit: Option<UnitCode>,
    /// The newest version's number, and its state (JSON); none: no version is stored yet.
    pub newest: Option<(i64, String)>,
    /// The portal has acknowledged a full state.
    pub is_acknowledged: bool,
    /// The newest version that it acknowledged by an operation, and its state; none: neither is kept any more, or nothing
    /// was sent.
    pub acknowledged: Option<(i64, String)>,
    /// A version ended well without being sent.
    pub is_unsent: bool,
    /// Steps for the portal that it got or is still to get, in the order they were planned, and whether it has them.
    pub steps: Vec<(Vec<ProgressStep>, bool)>,
    /// The facts made of it before.
    pub kept: Option<FactRow>,
}

/// Which facts are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FactFilter {
    /// Anchored at this second or later.
    pub from: i64,
    /// Anchored before this second.
    pub until: i64,
    /// Of this unit only.
    pub unit: Option<String>,
    /// Only those after this anchor and dossier.
    pub after: Option<(i64, RowId)>,
    /// At most this many, by anchor and dossier.
    pub limit: i64,
}

/// The index's part of a store.
#[async_trait]
pub trait IndexStore: Send + Sync {
    /// Dossiers above `after`, by number, about which something was admitted or planned or ended at `since` or later; all
    /// of them, if there is no such moment.
    async fn index_changed(
        &self,
        since: Option<Timestamp>,
        after: RowId,
        limit: i64,
    ) -> Result<Vec<RowId>, StoreError>;

    /// What is known of these dossiers, by number; those that went into others are not there any more.
    async fn index_sources(&self, dossiers: &[RowId]) -> Result<Vec<Sources>, StoreError>;

    /// Puts rows of facts in the place of earlier ones; those of dossiers that went into one of these leave.
    async fn keep_index_facts(&self, rows: &[FactRow]) -> Result<(), StoreError>;

    /// The latest anchor before this second: where there is anything to score.
    async fn index_latest(&self, until: i64) -> Result<Option<i64>, StoreError>;

    /// Rows of facts.
    async fn index_facts(&self, filter: &FactFilter) -> Result<Vec<FactRow>, StoreError>;
}
