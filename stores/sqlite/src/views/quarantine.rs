//! Quarantine entries, for people.

use lienthong_core::port::{store::StoreError, views::QuarantineView};
use sqlx::SqliteConnection;

use crate::error::store_error;

/// Open entries above `after`, by number, without their bytes: a page of them could be a hundred megabytes.
pub(crate) async fn quarantine(
    conn: &mut SqliteConnection,
    after: i64,
    limit: i64,
) -> Result<Vec<QuarantineView>, StoreError> {
    sqlx::query_as!(
        QuarantineView,
        r#"select id, received_at as received_us, origin, source, event_id, subject, event_type, reason, path, expected,
            got, x'' as "raw!: Vec<u8>"
        from quarantine where id > ?1 and closed_at is null order by id limit ?2"#,
        after,
        limit,
    )
    .fetch_all(conn)
    .await
    .map_err(store_error)
}

/// One entry.
pub(crate) async fn quarantine_entry(
    conn: &mut SqliteConnection,
    id: i64,
) -> Result<Option<QuarantineView>, StoreError> {
    sqlx::query_as!(
        QuarantineView,
        "select id, received_at as received_us, origin, source, event_id, subject, event_type, reason, path, expected,
            got, raw
        from quarantine where id = ?1",
        id,
    )
    .fetch_optional(conn)
    .await
    .map_err(store_error)
}
