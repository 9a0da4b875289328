//! The installation's row: who it is, its epoch, and the fence after a restore.

use lienthong_core::port::{
    store::{Installation, ROWS_APART, Restored, StoreError},
    work::{Fenced, Release, RestoreStep, Work},
};
use sqlx::SqliteConnection;

use crate::{
    error::store_error,
    rows::{At, us},
};

/// The installation.
pub(crate) async fn installation(conn: &mut SqliteConnection) -> Result<Installation, StoreError> {
    let row = sqlx::query!(
        r#"select id as "id!", epoch as "epoch!", fenced_since, fence_reason, fence_backup_at, fence_seen_at,
            released_at, released_by, release_steps_until,
            max(outbox_floor, (select coalesce(max(number), 0) from outbox)) as "outbox_highest!: i64",
            (select max(received_at) from events) as "newest_event_at?: i64"
        from installation where one = 1"#
    )
    .fetch_one(conn)
    .await
    .map_err(store_error)?;
    let at = At::new("installation", &1);
    let time = |name: &'static str, value: Option<i64>| value.map(|v| at.time(name, v)).transpose();
    let released = match time("released_at", row.released_at)? {
        Some(released_at) => Some(Release {
            at: released_at,
            by: row.released_by.unwrap_or_default(),
            steps_until: time("release_steps_until", row.release_steps_until)?,
        }),
        None => None,
    };
    let restored = match time("fenced_since", row.fenced_since)? {
        Some(since) => Some(Restored {
            since,
            reason: row.fence_reason.unwrap_or_default(),
            backup_at: time("fence_backup_at", row.fence_backup_at)?,
            seen_at: time("fence_seen_at", row.fence_seen_at)?,
            released,
        }),
        None => None,
    };
    Ok(Installation {
        id: row.id,
        epoch: row.epoch,
        outbox_highest: row.outbox_highest,
        newest_event_at: time("newest_event_at", row.newest_event_at)?,
        restored,
    })
}

/// Writes a unit's step around a restore.
pub(crate) async fn write(conn: &mut SqliteConnection, work: &Work) -> Result<(), StoreError> {
    match &work.restore {
        None => Ok(()),
        Some(RestoreStep::Fence(fenced)) => fence(conn, work, fenced).await,
        Some(RestoreStep::Release(release)) => self::release(conn, work, release).await,
    }
}

async fn fence(conn: &mut SqliteConnection, work: &Work, fenced: &Fenced) -> Result<(), StoreError> {
    let (now, backup_at, seen_at) = (us(work.now), fenced.backup_at.map(us), fenced.seen_at.map(us));
    let written = sqlx::query!(
        "update installation set epoch = ?2, next_id = next_id + ?3, fenced_since = ?4, fence_reason = ?5,
            fence_backup_at = ?6, fence_seen_at = ?7, released_at = null, released_by = null,
            release_steps_until = null,
            outbox_floor = max(outbox_floor, ?8, (select coalesce(max(number), 0) from outbox))
        where one = 1 and epoch = ?1",
        work.epoch,
        fenced.epoch,
        ROWS_APART,
        now,
        fenced.reason,
        backup_at,
        seen_at,
        fenced.outbox_above
    )
    .execute(&mut *conn)
    .await
    .map_err(store_error)?;
    changed(written.rows_affected())?;
    // Where SQLite keeps the number that the next row goes above. (A row there has no constraint to conflict with.)
    sqlx::query!("delete from sqlite_sequence where name = 'outbox'")
        .execute(&mut *conn)
        .await
        .map_err(store_error)?;
    sqlx::query!("insert into sqlite_sequence (name, seq) select 'outbox', outbox_floor from installation")
        .execute(conn)
        .await
        .map_err(store_error)
        .map(drop)
}

async fn release(conn: &mut SqliteConnection, work: &Work, release: &Release) -> Result<(), StoreError> {
    let (at, steps_until) = (us(release.at), release.steps_until.map(us));
    let written = sqlx::query!(
        "update installation set released_at = ?2, released_by = ?3, release_steps_until = ?4
        where one = 1 and epoch = ?1 and fenced_since is not null and released_at is null",
        work.epoch,
        at,
        release.by,
        steps_until
    )
    .execute(conn)
    .await
    .map_err(store_error)?;
    changed(written.rows_affected())
}

fn changed(rows: u64) -> Result<(), StoreError> {
    if rows == 1 { Ok(()) } else { Err(StoreError::Contended("the installation's epoch has changed".into())) }
}
