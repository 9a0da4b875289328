//! Quarantine entries, for people.

use lienthong_core::port::{store::StoreError, views::QuarantineView};
use sqlx::PgConnection;

use crate::error::store_error;

/// Open entries above `after`, by number, without their bytes: a page of them could be a hundred megabytes.
pub(crate) async fn quarantine(
    conn: &mut PgConnection,
    after: i64,
    limit: i64,
) -> Result<Vec<QuarantineView>, StoreError> {
    sqlx::query_as!(
        QuarantineView,
        r#"select id, received_at as received_us, origin, source, event_id, subject, event_type, reason, path, expected,
            got, closed_at as closed_us, null::text as closed_by, null::text as closed_because,
            ''::bytea as "raw!"
        from quarantine where id > $1 and closed_at is null order by id limit $2"#,
        after,
        limit,
    )
    .fetch_all(conn)
    .await
    .map_err(store_error)
}

/// One entry. Who closed it and why is in the audit trail, as `flow::operator::close_quarantine` writes it.
pub(crate) async fn quarantine_entry(
    conn: &mut PgConnection,
    id: i64,
) -> Result<Option<QuarantineView>, StoreError> {
    sqlx::query_as!(
        QuarantineView,
        r#"select id, received_at as received_us, origin, source, event_id, subject, event_type, reason, path, expected,
            got, closed_at as closed_us,
            (select actor from audit
                where subject = quarantine.id::text and deed like 'quarantine.close: %' limit 1) as closed_by,
            (select substr(deed, 19) from audit
                where subject = quarantine.id::text and deed like 'quarantine.close: %' limit 1) as closed_because,
            raw
        from quarantine where id = $1"#,
        id,
    )
    .fetch_optional(conn)
    .await
    .map_err(store_error)
}
