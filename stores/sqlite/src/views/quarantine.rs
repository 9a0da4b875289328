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
            got, closed_at as closed_us, null as "closed_by?: String", null as "closed_because?: String",
            x'' as "raw!: Vec<u8>"
        from quarantine where id > ?1 and closed_at is null order by id limit ?2"#,
        after,
        limit,
    )
    .fetch_all(conn)
    .await
    .map_err(store_error)
}

/// One entry. Who closed it and why is in the audit trail, as `flow::operator::close_quarantine` writes it.
pub(crate) async fn quarantine_entry(
    conn: &mut SqliteConnection,
    id: i64,
) -> Result<Option<QuarantineView>, StoreError> {
    sqlx::query_as!(
        QuarantineView,
        r#"select id as "id!", received_at as "received_us!", origin as "origin!", source, event_id, subject, event_type,
            reason as "reason!", path as "path!", expected as "expected!", got as "got!", closed_at as closed_us,
            (select actor from audit
                where subject = cast(quarantine.id as text) and deed like 'quarantine.close: %' limit 1) as "closed_by?: String",
            (select substr(deed, 19) from audit
                where subject = cast(quarantine.id as text) and deed like 'quarantine.close: %' limit 1) as "closed_because?: String",
            raw as "raw!"
        from quarantine where id = ?1"#,
        id,
    )
    .fetch_optional(conn)
    .await
    .map_err(store_error)
}
