//! What the reconciliation asks of a store: what changed, what a partner was told, expectations, discrepancies and runs.
//! Their changes are parts of units of work ([`Work`](crate::port::work::Work)).

use async_trait::async_trait;
use jiff::Timestamp;

use crate::{
    id::{ConnectorId, DossierCode, RowId},
    port::store::StoreError,
    reconciliation::{Discrepancy, Expectation, Filter, Run, Told, Wanted},
};

/// An operation that ended: when, its number, its dossier.
pub type Ended = (Timestamp, RowId, Option<RowId>);

/// The reconciliation's part of a store.
#[async_trait]
pub trait ReconciliationStore: Send + Sync {
    /// Operations of a connector that ended after this moment and number and before `until`, in that order: found by the
    /// index on the end of operations.
    async fn ended_operations(
        &self,
        connector: &ConnectorId,
        after: (Timestamp, RowId),
        until: Timestamp,
        limit: i64,
    ) -> Result<Vec<Ended>, StoreError>;

    /// What this connector's partner was told of dossiers, on one snapshot, by number; those that went into others, or have
    /// no lane there, are not among them.
    async fn told(&self, connector: &ConnectorId, dossiers: &[RowId]) -> Result<Vec<Told>, StoreError>;

    /// Expectations that ask for something, at most `limit`.
    async fn expectations_wanted(
        &self,
        connector: &ConnectorId,
        wanted: Wanted,
        limit: i64,
    ) -> Result<Vec<Expectation>, StoreError>;

    /// All expectations above a key, by key.
    async fn expectations(
        &self,
        connector: &ConnectorId,
        after: Option<&DossierCode>,
        limit: i64,
    ) -> Result<Vec<Expectation>, StoreError>;

    /// Discrepancies, the oldest first.
    async fn discrepancies(&self, filter: &Filter) -> Result<Vec<Discrepancy>, StoreError>;

    /// How many are open.
    async fn open_discrepancies(&self) -> Result<i64, StoreError>;

    /// Runs, the newest first; all, or only those that have not ended.
    async fn reconciliations(&self, is_open: bool, limit: i64) -> Result<Vec<Run>, StoreError>;
}
