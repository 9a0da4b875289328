//! The two ledgers: each transaction adds one row, a singleton folds them into one, anybody may sum them up.

use lienthong_core::port::{
    store::{LedgerAudit, LedgerState, StoreError},
    work::LedgerDelta,
};
use sqlx::SqliteConnection;

use crate::error::store_error;

/// Folds what is there into one row. A single row is folded already: `having` then leaves nothing to insert.
pub(crate) async fn fold_ledgers(conn: &mut SqliteConnection) -> Result<(), StoreError> {
    let folded = sqlx::query!(
        "insert into ledger_deltas (received, admitted, duplicate, quarantined, planned, succeeded, refused, superseded,
            dismissed)
        select sum(received), sum(admitted), sum(duplicate), sum(quarantined), sum(planned), sum(succeeded),
            sum(refused), sum(superseded), sum(dismissed)
        from ledger_deltas having count(*) > 1"
    )
    .execute(&mut *conn)
    .await
    .map_err(store_error)?;
    if folded.rows_affected() == 0 {
        return Ok(());
    }
    // (autoincrement: the sum has the highest number, and nobody else writes meanwhile)
    let sum = folded.last_insert_rowid();
    sqlx::query!("delete from ledger_deltas where id < ?1", sum)
        .execute(conn)
        .await
        .map_err(store_error)
        .map(drop)
}

/// The sums and the recount; one statement, so one snapshot.
pub(crate) async fn ledgers(conn: &mut SqliteConnection) -> Result<LedgerState, StoreError> {
    let row = sqlx::query!(
        r#"select coalesce(sum(received), 0) as "received!: i64", coalesce(sum(admitted), 0) as "admitted!: i64",
            coalesce(sum(duplicate), 0) as "duplicate!: i64", coalesce(sum(quarantined), 0) as "quarantined!: i64",
            coalesce(sum(planned), 0) as "planned!: i64", coalesce(sum(succeeded), 0) as "succeeded!: i64",
            coalesce(sum(refused), 0) as "refused!: i64", coalesce(sum(superseded), 0) as "superseded!: i64",
            coalesce(sum(dismissed), 0) as "dismissed!: i64",
            (select count(*) from operations where state between 1 and 6) as "open!: i64"
         from ledger_deltas"#
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

/// The books and a recount of what they count, in one snapshot. Only narrow indexes are read, and nothing is locked: what
/// is neither open nor ended otherwise has succeeded. What retention took counts as it did.
pub(crate) async fn recount_ledgers(conn: &mut SqliteConnection) -> Result<LedgerAudit, StoreError> {
    let row = sqlx::query!(
        r#"
        select ((select count(*) from events) + r.admitted) as "admitted!: i64", ((select count(*) from quarantine) + r.quarantined) as "quarantined!: i64",
            ((select count(*) from operations) + r.planned) as "planned!: i64",
            ((select count(*) from operations where state > 10 and state = 11) + r.refused) as "refused!: i64",
            ((select count(*) from operations where state > 10 and state = 12) + r.superseded) as "superseded!: i64",
            ((select count(*) from operations where state > 10 and state = 13) + r.dismissed) as "dismissed!: i64"
        from (
            select coalesce(sum(admitted), 0) as admitted, coalesce(sum(quarantined), 0) as quarantined, coalesce(sum(planned), 0) as planned,
                coalesce(sum(refused), 0) as refused, coalesce(sum(superseded), 0) as superseded, coalesce(sum(dismissed), 0) as dismissed
            from retention
        ) as r
        "#
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
