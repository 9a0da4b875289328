//! Questions of people. Each method answers from one snapshot; none of them locks anything.

mod lanes;
mod operations;
mod overview;
mod quarantine;
mod timeline;

use async_trait::async_trait;
use lienthong_core::port::{
    store::StoreError,
    views::{
        AttemptView, EditView, LaneFilter, LaneView, OperationFilter, OperationView, Overview,
        QuarantineView, Timeline, Views,
    },
};

use crate::{SqliteStore, unit};

#[async_trait]
impl Views for SqliteStore {
    async fn overview(&self, since_us: i64) -> Result<Overview, StoreError> {
        unit::read(self, move |conn| Box::pin(overview::overview(conn, since_us))).await
    }

    async fn timeline(&self, code: &str) -> Result<Option<Timeline>, StoreError> {
        let code = code.to_owned();
        unit::read(self, move |conn| Box::pin(async move { timeline::timeline(conn, &code).await })).await
    }

    async fn operations(&self, filter: &OperationFilter) -> Result<Vec<OperationView>, StoreError> {
        let filter = filter.clone();
        unit::read(self, move |conn| Box::pin(async move { operations::operations(conn, &filter).await }))
            .await
    }

    async fn operation(
        &self,
        id: i64,
    ) -> Result<Option<(OperationView, Vec<AttemptView>, Option<String>)>, StoreError> {
        unit::read(self, move |conn| Box::pin(operations::operation(conn, id))).await
    }

    async fn lanes(&self, filter: &LaneFilter) -> Result<Vec<LaneView>, StoreError> {
        let filter = filter.clone();
        unit::read(self, move |conn| Box::pin(async move { lanes::lanes(conn, &filter).await })).await
    }

    async fn edits(&self, operations: &[i64]) -> Result<Vec<EditView>, StoreError> {
        let operations = operations.to_vec();
        unit::read(self, move |conn| Box::pin(async move { operations::edits(conn, &operations).await }))
            .await
    }

    async fn quarantine(&self, after: i64, limit: i64) -> Result<Vec<QuarantineView>, StoreError> {
        unit::read(self, move |conn| Box::pin(quarantine::quarantine(conn, after, limit))).await
    }

    async fn quarantine_entry(&self, id: i64) -> Result<Option<QuarantineView>, StoreError> {
        unit::read(self, move |conn| Box::pin(quarantine::quarantine_entry(conn, id))).await
    }
}
