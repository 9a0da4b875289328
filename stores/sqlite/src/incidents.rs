//! Writes what waits for a person: quarantine entries and incidents, and their ends.

use lienthong_core::{
    id::ConnectorId,
    port::{store::StoreError, work::Work},
};
use sqlx::SqliteConnection;

use crate::{
    rows::{Batch, json, us},
    write::run,
};

/// New entries, and those that are closed by hand.
pub(crate) async fn quarantine(conn: &mut SqliteConnection, work: &Work) -> Result<(), StoreError> {
    if !work.closed_quarantine.is_empty() {
        let (ids, now) = (json(&work.closed_quarantine)?, us(work.now));
        let written = sqlx::query!(
            "update quarantine set closed_at = ?2
             where closed_at is null and id in (select value from jsonb_each(?1))",
            ids,
            now
        );
        run(&mut *conn, written).await?;
    }
    let mut batch = Batch::new("quarantine");
    for entry in &work.new_quarantine {
        batch.row(&[
            ("id", &entry.row),
            ("received_at", &work.now),
            ("origin", &entry.origin),
            ("source", &entry.source),
            ("event_id", &entry.event_id),
            ("subject", &entry.subject),
            ("event_type", &entry.event_type),
            ("reason", &entry.reason),
            ("path", &entry.path),
            ("expected", &entry.expected),
            ("got", &entry.got),
            ("raw", &entry.raw.as_slice()),
        ])?;
    }
    let Some(rows) = batch.text()? else { return Ok(()) };
    let written = sqlx::query!(
        "insert into quarantine (id, received_at, origin, source, event_id, subject, event_type, reason, path,
            expected, got, raw)
         select value ->> 'id', value ->> 'received_at', value ->> 'origin', value ->> 'source',
            value ->> 'event_id', value ->> 'subject', value ->> 'event_type', value ->> 'reason',
            value ->> 'path', value ->> 'expected', value ->> 'got', unhex(value ->> 'raw')
         from jsonb_each(?1)",
        rows
    );
    run(conn, written).await
}

/// Closes first: a key that one unit closes and opens again stays open.
pub(crate) async fn write(conn: &mut SqliteConnection, work: &Work) -> Result<(), StoreError> {
    if !work.closed.is_empty() {
        let (keys, now) = (json(&work.closed)?, us(work.now));
        let written = sqlx::query!(
            "update incidents set closed_at = ?2
             where closed_at is null and key in (select value from jsonb_each(?1))",
            keys,
            now
        );
        run(&mut *conn, written).await?;
    }
    if !work.left.is_empty() {
        let (keys, now) = (json(&work.left)?, us(work.now));
        let written = sqlx::query!(
            "update incidents set closed_at = ?2
             where closed_at is null and key in (select value from jsonb_each(?1))
                and not exists (select 1 from operations o where o.need = incidents.key and +o.state < 10)",
            keys,
            now
        );
        run(&mut *conn, written).await?;
    }
    let mut batch = Batch::new("incidents");
    for incident in &work.opened {
        batch.row(&[
            ("key", &incident.key),
            ("connector", &incident.connector.as_ref().map(ConnectorId::as_str)),
            ("said", &incident.said),
            ("opened_at", &work.now),
        ])?;
    }
    let Some(rows) = batch.text()? else { return Ok(()) };
    let written = sqlx::query!(
        "insert into incidents (key, connector, said, opened_at)
         select value ->> 'key', value ->> 'connector', value ->> 'said', value ->> 'opened_at'
         from jsonb_each(?1) where true order by jsonb_each.key
         on conflict (key) where closed_at is null do nothing",
        rows
    );
    run(conn, written).await
}
