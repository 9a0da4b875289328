//! Out-events and the cursors of those who read them.

use jiff::Timestamp;
use lienthong_core::port::store::{Fence, OutboxRow, StoreError};
use sqlx::SqliteConnection;

use crate::{
    error::store_error,
    rows::{At, us},
};

/// Rows above `after`, in order. There is one writer: numbers appear in order, nothing appears behind a cursor.
pub(crate) async fn outbox(
    conn: &mut SqliteConnection,
    after: i64,
    limit: i64,
) -> Result<Vec<OutboxRow>, StoreError> {
    let rows = sqlx::query!(
        "select number, name, subject, unit, event_id, data, at from outbox
        where number > ?1
            and not exists (select 1 from installation where fenced_since is not null and released_at is null)
        order by number limit ?2",
        after,
        limit
    )
    .fetch_all(conn)
    .await
    .map_err(store_error)?;
    let rows = rows.into_iter().map(|row| {
        Ok(OutboxRow {
            number: row.number,
            at: At::new("outbox", &row.number).time("at", row.at)?,
            name: row.name,
            subject: row.subject,
            unit: row.unit,
            id: row.event_id,
            data: row.data,
        })
    });
    rows.collect()
}

/// A cursor.
pub(crate) async fn cursor(conn: &mut SqliteConnection, name: &str) -> Result<Option<String>, StoreError> {
    sqlx::query_scalar!("select cursor from cursors where name = ?1", name)
        .fetch_optional(conn)
        .await
        .map_err(store_error)
}

/// Sets a cursor if the fence still holds.
pub(crate) async fn set_cursor(
    conn: &mut SqliteConnection,
    name: &str,
    cursor: &str,
    fence: &Fence,
    now: Timestamp,
) -> Result<(), StoreError> {
    let now = us(now);
    let done = sqlx::query!(
        "insert into cursors (name, cursor, fence, updated_at)
        select ?1, ?2, s.fence, ?5 from singletons s where s.name = ?3 and s.fence = ?4
        on conflict (name) do update set cursor = excluded.cursor, fence = excluded.fence,
            updated_at = excluded.updated_at",
        name,
        cursor,
        fence.name,
        fence.number,
        now
    )
    .execute(conn)
    .await
    .map_err(store_error)?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(StoreError::Fenced(fence.name.clone())) }
}
