//! The two ledgers: each transaction adds one row, a singleton folds them into one, anybody may sum them up.

use lienthong_core::port::{
    store::{LedgerAudit, LedgerState, StoreError},
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
            (select count(*) from operations where state between 1 and 6) as "open!"
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

/// The books and a recount of what they count, in one snapshot. Only narrow indexes are read, and nothing
/// is locked: what is neither open nor ended otherwise has succeeded. What retention took counts as it did.
pub(crate) async fn recount_ledgers(conn: &mut PgConnection) -> Result<LedgerAudit, StoreError> {
    // Years of operations take longer than other statements may; the caller's patience still bounds it.
    sqlx::query!("set local statement_timeout = '110s'").execute(&mut *conn).await.map_err(store_error)?;
    let row = sqlx::query!(
        r#"
        select ((select count(*) from events) + r.admitted) as "admitted!", ((select count(*) from quarantine) + r.quarantined) as "quarantined!",
            ((select count(*) from operations) + r.planned) as "planned!",
            ((select count(*) from operations where state > 10 and state = 11) + r.refused) as "refused!",
            ((select count(*) from operations where state > 10 and state = 12) + r.superseded) as "superseded!",
            ((select count(*) from operations where state > 10 and state = 13) + r.dismissed) as "dismissed!"
        from (
            select coalesce(sum(admitted), 0)::bigint as admitted, coalesce(sum(quarantined), 0)::bigint as quarantined, coalesce(sum(planned), 0)::bigint as planned,
                coalesce(sum(refused), 0)::bigint as refused, coalesce(sum(superseded), 0)::bigint as superseded, coalesce(sum(dismissed), 0)::bigint as dismissed
            from retention
        ) as r
        "#,
    )
    .fetch_one(&mut *conn)
    .await
    .map_err(store_error)?;
    let ledgers = ledgers(conn).await?;
    let counted = LedgerDelta {
        admitted: row.admitted,
        quarantined: row.quarantined,
        planned: row.planned,
        succeeded: row.planned - ledgers.open - row.refused - row.superseded - row.dismissed,
        refused: row.refused,
        superseded: row.superseded,
        dismissed: row.dismissed,
        ..ledgers.total
    };
    Ok(LedgerAudit { ledgers, counted })
}
