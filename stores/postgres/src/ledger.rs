//! The two ledgers: each transaction adds one row, a singleton folds them into one, anybody may sum them up.

use lienthong_core::port::{
    store::{LedgerState, StoreError},
    work::LedgerDelta,
};
use sqlx::PgConnection;

use crate::error::store_error;

/// Folds what is there into one row. Two who do it at once each fold only the rows that they delete.
pub(crate) async fn fold_ledgers(conn: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::query!(
        "with folded as (delete from ledger_deltas returning *)
        insert into ledger_deltas (received, admitted, duplicate, quarantined, planned, succeeded, refused, superseded,
            dismissed)
        select sum(received), sum(admitted), sum(duplicate), sum(quarantined), sum(planned), sum(succeeded),
            sum(refused), sum(superseded), sum(dismissed)
        from folded having count(*) > 0",
    )
    .execute(conn)
    .await
    .map_err(store_error)
    .map(drop)
}

/// The sums and the recount; one statement, so one snapshot.
pub(crate) async fn ledgers(conn: &mut PgConnection) -> Result<LedgerState, StoreError> {
    let row = sqlx::query!(
        r#"
        select coalesce(sum(received), 0)::bigint as "received!", coalesce(sum(admitted), 0)::bigint as "admitted!",
            coalesce(sum(duplicate), 0)::bigint as "duplicate!",
            coalesce(sum(quarantined), 0)::bigint as "quarantined!", coalesce(sum(planned), 0)::bigint as "planned!",
            coalesce(sum(succeeded), 0)::bigint as "succeeded!", coalesce(sum(refused), 0)::bigint as "refused!",
            coalesce(sum(superseded), 0)::bigint as "superseded!",
            coalesce(sum(dismissed), 0)::bigint as "dismissed!",
            (select count(*) from operations where state < 10) as "open!"
        from ledger_deltas
        "#,
    )
    .fetch_one(conn)
    .await
    .map_err(store_error)?;
    let total = LedgerDelta {
        received: row.received,
        admitted: row.admitted,
        duplicate: row.duplicate,
        quarantined: row.quarantined,
        planned: row.planned,
        succeeded: row.succeeded,
        refused: row.refused,
        superseded: row.superseded,
        dismissed: row.dismissed,
    };
    Ok(LedgerState { total, open: row.open })
}
