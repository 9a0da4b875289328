//! Writes what waits for a person: quarantine entries and incidents, and their ends.

use lienthong_core::{id::ConnectorId, port::work::Work};
use sqlx::PgConnection;

use crate::{
    error::store_error,
    rows::{col, us},
    write::{Result, run},
};

/// New entries, and those that are closed by hand.
pub(crate) async fn quarantine(conn: &mut PgConnection, work: &Work) -> Result<()> {
    if !work.closed_quarantine.is_empty() {
        let written = sqlx::query!(
            "update quarantine set closed_at = $2 where id = any($1) and closed_at is null",
            &work.closed_quarantine as _,
            us(work.now),
        );
        run(conn, written).await?;
    }
    let rows = &work.new_quarantine;
    if rows.is_empty() {
        return Ok(());
    }
    let written = sqlx::query!(
        "insert into quarantine (id, origin, source, event_id, subject, event_type, reason, path, expected, got, raw,
            received_at)
        select q.*, $12::bigint
        from unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
            $9::text[], $10::text[], $11::bytea[]) as q",
        &col(rows, |q| q.row) as _,
        &col(rows, |q| q.origin.as_str()) as _,
        &col(rows, |q| q.source.as_deref()) as _,
        &col(rows, |q| q.event_id.as_deref()) as _,
        &col(rows, |q| q.subject.as_deref()) as _,
        &col(rows, |q| q.event_type.as_deref()) as _,
        &col(rows, |q| q.reason.as_str()) as _,
        &col(rows, |q| q.path.as_str()) as _,
        &col(rows, |q| q.expected.as_str()) as _,
        &col(rows, |q| q.got.as_str()) as _,
        &col(rows, |q| q.raw.as_slice()) as _,
        us(work.now),
    );
    run(conn, written).await
}

/// Closes before it opens: what is both opened and closed in one unit of work stays visible. Whoever opens an incident or
/// looks whether it can close holds its row: an operation must not begin to wait for what is being closed.
pub(crate) async fn write(conn: &mut PgConnection, work: &Work) -> Result<()> {
    let closing: Vec<&str> = work.closed.iter().chain(&work.left).map(String::as_str).collect();
    if !closing.is_empty() {
        let opened = work.opened.iter().map(|i| i.key.as_str());
        let keys: Vec<&str> = closing.iter().copied().chain(opened).collect();
        sqlx::query!(
            "select id from incidents where key = any($1) and closed_at is null order by key for update",
            &keys as _,
        )
        .fetch_all(&mut *conn)
        .await
        .map_err(store_error)?;
    }
    if !work.closed.is_empty() {
        let written = sqlx::query!(
            "update incidents set closed_at = $2 where key = any($1) and closed_at is null",
            &work.closed as _,
            us(work.now),
        );
        run(conn, written).await?;
    }
    if !work.left.is_empty() {
        // By the index of needs, never by one of all that is open: `+ 0` and `offset 0` leave the planner no other.
        let written = sqlx::query!(
            "update incidents i set closed_at = $2
            where i.key = any($1) and i.closed_at is null
                and not exists (select from operations o where o.need = i.key and o.state + 0 < 10 offset 0)",
            &work.left.iter().map(String::as_str).collect::<Vec<_>>() as _,
            us(work.now),
        );
        run(conn, written).await?;
    }
    let rows = &work.opened;
    if rows.is_empty() {
        return Ok(());
    }
    // `where false`: the row that is open already is locked and not written.
    let written = sqlx::query!(
        "insert into incidents (key, connector, said, opened_at)
        select distinct on (i.key) i.key, i.connector, i.said, $4::bigint
        from unnest($1::text[], $2::text[], $3::text[]) with ordinality as i(key, connector, said, n)
        order by i.key, i.n
        on conflict (key) where closed_at is null do update set said = incidents.said where false",
        &col(rows, |i| i.key.as_str()) as _,
        &col(rows, |i| i.connector.as_ref().map(ConnectorId::as_str)) as _,
        &col(rows, |i| i.said.as_str()) as _,
        us(work.now),
    );
    run(conn, written).await
}
