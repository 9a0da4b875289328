//! Takes away what is kept for a time only, a few rows a transaction: a kind's row in `retention` says how far the walk has come,
//! and keeps what the ledgers count of what has gone.

use jiff::Timestamp;
use lienthong_core::port::{
    retention::{DUE_COUNTED, Holding, KEPT_EVENTS, Kind, Step, Taken, WALK_EVERY},
    store::StoreError,
    work::LedgerDelta,
};
use sqlx::SqliteConnection;

use crate::{
    error::store_error,
    rows::{At, json, us},
};

/// What went in a step.
#[derive(Default)]
struct Gone {
    rows: i64,
    ledger: LedgerDelta,
    /// How far was looked; none: to the end.
    until: Option<i64>,
}

impl Gone {
    fn of(rows: u64, limit: i64) -> Self {
        let rows = i64::try_from(rows).unwrap_or(i64::MAX);
        Self { rows, until: (rows >= limit).then_some(0), ..Self::default() }
    }
}

/// One step of a kind.
pub(crate) async fn retire(
    conn: &mut SqliteConnection,
    step: &Step,
    now: Timestamp,
) -> Result<Taken, StoreError> {
    const DONE: Taken = Taken { rows: 0, is_done: true };
    let kind = step.kind.name();
    let row = sqlx::query!(
        r#"select looked_until, walk_since,
            exists (select 1 from installation where fenced_since is not null and released_at is null) as "is_fenced!: bool",
            exists (select 1 from replays where state < 10) as "is_replaying!: bool"
        from retention where kind = ?1"#,
        kind
    )
    .fetch_optional(&mut *conn)
    .await
    .map_err(store_error)?;
    let Some(row) = row else { return Ok(DONE) };
    if row.is_fenced || (row.is_replaying && step.kind == Kind::Operations) {
        return Ok(DONE);
    }
    let (before, now) = (us(step.before), us(now));
    // What had to stay when it was looked at may go now.
    let is_new_walk = row.walk_since + WALK_EVERY.as_micros() as i64 <= now;
    let (from, walk_since) = if is_new_walk { (0, now) } else { (row.looked_until, row.walk_since) };
    let gone = match step.kind {
        Kind::Versions | Kind::Events => by_events(conn, step, from, before).await?,
        Kind::Operations => operations(conn, step, from, before).await?,
        Kind::Keys => Gone::of(keys(conn, before, step.limit).await?, step.limit),
        Kind::Outbox => Gone::of(outbox(conn, step, before).await?, step.limit),
        Kind::Callbacks => Gone::of(callbacks(conn, before, step.limit).await?, step.limit),
        Kind::Quarantine => quarantine(conn, before, step.limit).await?,
        Kind::Audit => Gone::of(audit(conn, before, step.limit).await?, step.limit),
        Kind::Files => Gone::of(files(conn, before, step.limit).await?, step.limit),
    };
    // What is younger is not looked at yet: the end is where the walk goes on.
    let looked_until = gone.until.unwrap_or(before);
    let l = &gone.ledger;
    sqlx::query!(
        "update retention set looked_until = ?2, walk_since = ?3, gone = gone + ?4,
            last_at = case when ?4 > 0 then ?5 else last_at end, admitted = admitted + ?6, quarantined = quarantined + ?7,
            planned = planned + ?8, refused = refused + ?9, superseded = superseded + ?10, dismissed = dismissed + ?11
        where kind = ?1",
        kind,
        looked_until,
        walk_since,
        gone.rows,
        now,
        l.admitted,
        l.quarantined,
        l.planned,
        l.refused,
        l.superseded,
        l.dismissed,
    )
    .execute(conn)
    .await
    .map_err(store_error)?;
    Ok(Taken { rows: gone.rows, is_done: gone.until.is_none() })
}

/// How far a look at `limit` rows from a moment on comes; none: to the end. Rows of one moment are looked at together.
fn bound(from: i64, seen: &[i64], limit: i64) -> Option<i64> {
    let last = seen.last().copied().filter(|_| seen.len() as i64 >= limit)?;
    // More rows of one moment than are looked at, all of which stay: go on behind it.
    Some(if last == from { from + 1 } else { last })
}

/// Dossiers to which nothing has happened for so long and of which nothing is open: a list, JSON. There is one writer.
async fn quiet(conn: &mut SqliteConnection, dossiers: &[i64], before: i64) -> Result<String, StoreError> {
    let dossiers = json(&dossiers)?;
    let quiet = sqlx::query_scalar!(
        r#"select d.id as "id!: i64" from json_each(?1) w cross join dossiers d on d.id = w.value
        where d.updated_at < ?2
            and not exists (
                select 1 from operations o where o.dossier = d.id and (o.state < 10 or o.ended_at >= ?2)
            )
            and not exists (select 1 from events e where e.dossier = d.id and e.received_at >= ?2)"#,
        dossiers,
        before,
    )
    .fetch_all(conn)
    .await
    .map_err(store_error)?;
    json(&quiet)
}

/// Events, or the earlier versions that events have made.
async fn by_events(
    conn: &mut SqliteConnection,
    step: &Step,
    from: i64,
    before: i64,
) -> Result<Gone, StoreError> {
    let rows = sqlx::query!(
        "select e.received_at, e.dossier from events e
        where e.received_at >= ?1 and e.received_at < ?2
        order by e.received_at limit ?3",
        from,
        before,
        step.limit,
    )
    .fetch_all(&mut *conn)
    .await
    .map_err(store_error)?;
    let seen: Vec<i64> = rows.iter().map(|row| row.received_at).collect();
    let Some(last) = seen.last().copied() else { return Ok(Gone::default()) };
    let mut dossiers: Vec<i64> = rows.iter().filter_map(|row| row.dossier).collect();
    dossiers.sort_unstable();
    dossiers.dedup();
    let dossiers = quiet(conn, &dossiers, before).await?;
    let mut gone = Gone { until: bound(from, &seen, step.limit), ..Gone::default() };
    let deleted = if step.kind == Kind::Versions {
        sqlx::query!(
            "delete from dossier_versions
            where dossier in (select value from json_each(?1))
                and version <> (select d.version from dossiers d where d.id = dossier_versions.dossier)",
            dossiers,
        )
        .execute(conn)
        .await
    } else {
        let kept = json(&KEPT_EVENTS)?;
        // The newest event stays, with its dossier's: the state file knows of it. Where a dossier's first event stays, all do:
        // that it is gone is how a late event learns that others are.
        let first_stays = sqlx::query_scalar!(
            r#"select d.id as "id!: i64" from json_each(?1) w cross join dossiers d on d.id = w.value
            where exists (select 1 from events k where k.dossier = d.id and k.received_at <= d.created_at
                and k.name in (select value from json_each(?2)))"#,
            dossiers,
            kept,
        )
        .fetch_all(&mut *conn)
        .await
        .map_err(store_error)?;
        let first_stays = json(&first_stays)?;
        sqlx::query!(
            "delete from events
            where ((dossier in (select value from json_each(?1)) and dossier not in (select value from json_each(?5))
                        and dossier is not (select n.dossier from events n order by n.received_at desc limit 1))
                    or (dossier is null and received_at between ?2 and ?3))
                and received_at < (select max(received_at) from events)
                and name not in (select value from json_each(?4))",
            dossiers,
            from,
            last,
            kept,
            first_stays,
        )
        .execute(conn)
        .await
    };
    gone.rows = deleted.map_err(store_error)?.rows_affected() as i64;
    if step.kind == Kind::Events {
        gone.ledger.admitted = gone.rows;
    }
    Ok(gone)
}

async fn operations(
    conn: &mut SqliteConnection,
    step: &Step,
    from: i64,
    before: i64,
) -> Result<Gone, StoreError> {
    let rows = sqlx::query!(
        r#"select ended_at as "ended_at!", dossier from operations
        where ended_at is not null and ended_at >= ?1 and ended_at < ?2
        order by ended_at limit ?3"#,
        from,
        before,
        step.limit,
    )
    .fetch_all(&mut *conn)
    .await
    .map_err(store_error)?;
    let seen: Vec<i64> = rows.iter().map(|row| row.ended_at).collect();
    let Some(last) = seen.last().copied() else { return Ok(Gone::default()) };
    let mut dossiers: Vec<i64> = rows.iter().filter_map(|row| row.dossier).collect();
    dossiers.sort_unstable();
    dossiers.dedup();
    let dossiers = quiet(conn, &dossiers, before).await?;
    let rows = sqlx::query!(
        r#"delete from operations as o
        where (o.dossier in (select value from json_each(?1)) or (o.dossier is null and o.ended_at between ?2 and ?3))
            and o.state >= 10 and o.ended_at < ?4 and o.action <> 'open_payment' and o.edits = 0
            and not exists (select 1 from operations k where k.dossier = o.dossier and k.edits > 0)
        returning id as "id!: i64", state as "state!: i64""#,
        dossiers,
        from,
        last,
        before,
    )
    .fetch_all(&mut *conn)
    .await
    .map_err(store_error)?;
    let gone = json(&rows.iter().map(|row| row.id).collect::<Vec<_>>())?;
    sqlx::query!("delete from attempts where operation in (select value from json_each(?1))", gone)
        .execute(conn)
        .await
        .map_err(store_error)?;
    let ended = |state: i64| rows.iter().filter(|row| row.state == state).count() as i64;
    let ledger = LedgerDelta {
        planned: rows.len() as i64,
        refused: ended(11),
        superseded: ended(12),
        dismissed: ended(13),
        ..LedgerDelta::default()
    };
    Ok(Gone { rows: rows.len() as i64, ledger, until: bound(from, &seen, step.limit) })
}

async fn keys(conn: &mut SqliteConnection, before: i64, limit: i64) -> Result<u64, StoreError> {
    let deleted = sqlx::query!(
        "delete from event_keys where rowid in (
            select rowid from event_keys where admitted_at < ?1 order by admitted_at limit ?2
        )",
        before,
        limit,
    );
    deleted.execute(conn).await.map_err(store_error).map(|done| done.rows_affected())
}

/// The newest one stays: the state file knows its number.
async fn outbox(conn: &mut SqliteConnection, step: &Step, before: i64) -> Result<u64, StoreError> {
    let deleted = sqlx::query!(
        "delete from outbox where number in (
            select o.number from (select number, at from outbox order by number limit ?3) as o
            where o.at < ?1 and o.number < (select max(number) from outbox)
                and (not ?2 or o.number <= coalesce((select cast(cursor as bigint) from cursors where name = 'relay'), 0))
        )",
        before,
        step.relays,
        step.limit,
    );
    deleted.execute(conn).await.map_err(store_error).map(|done| done.rows_affected())
}

async fn callbacks(conn: &mut SqliteConnection, before: i64, limit: i64) -> Result<u64, StoreError> {
    let deleted = sqlx::query!(
        "delete from callbacks where id in (
            select id from callbacks where verdict <> 'applied' and received_at < ?1 order by received_at limit ?2
        )",
        before,
        limit,
    );
    deleted.execute(conn).await.map_err(store_error).map(|done| done.rows_affected())
}

async fn files(conn: &mut SqliteConnection, before: i64, limit: i64) -> Result<u64, StoreError> {
    let deleted = sqlx::query!(
        "delete from files where id in (
            select id from files where created_at < ?1 order by created_at limit ?2
        )",
        before,
        limit,
    );
    deleted.execute(conn).await.map_err(store_error).map(|done| done.rows_affected())
}

async fn quarantine(conn: &mut SqliteConnection, before: i64, limit: i64) -> Result<Gone, StoreError> {
    let deleted = sqlx::query!(
        "delete from quarantine where id in (
            select id from quarantine where closed_at is not null and closed_at < ?1 order by closed_at limit ?2
        )",
        before,
        limit,
    );
    let rows = deleted.execute(conn).await.map_err(store_error)?.rows_affected();
    let mut gone = Gone::of(rows, limit);
    gone.ledger.quarantined = gone.rows;
    Ok(gone)
}

async fn audit(conn: &mut SqliteConnection, before: i64, limit: i64) -> Result<u64, StoreError> {
    let deleted = sqlx::query!(
        "delete from audit where id in (
            select a.id from (select id, at from audit order by id limit ?2) as a
            where a.at < ?1 and a.id < (select max(id) from audit)
        )",
        before,
        limit,
    );
    deleted.execute(conn).await.map_err(store_error).map(|done| done.rows_affected())
}

/// What there is of a kind. Counted by index, and not further than [`DUE_COUNTED`].
pub(crate) async fn holding(
    conn: &mut SqliteConnection,
    kind: Kind,
    before: Option<Timestamp>,
) -> Result<Holding, StoreError> {
    let name = kind.name();
    let row = sqlx::query!("select gone, last_at from retention where kind = ?1", name)
        .fetch_one(&mut *conn)
        .await
        .map_err(store_error)?;
    let before = before.map_or(i64::MIN, us);
    let (oldest, due) = match kind {
        Kind::Versions => (None, None),
        Kind::Events => {
            let row = sqlx::query!(
                r#"select (select min(received_at) from events) as "oldest: i64", (select count(*) from (
                    select 1 from events where received_at < ?1 limit ?2) as due) as "due!: i64""#,
                before,
                DUE_COUNTED,
            );
            let row = row.fetch_one(&mut *conn).await.map_err(store_error)?;
            (row.oldest, Some(row.due))
        }
        Kind::Operations => {
            let row = sqlx::query!(
                r#"select (select min(ended_at) from operations where ended_at is not null) as "oldest: i64", (select count(*) from (
                    select 1 from operations where ended_at is not null and ended_at < ?1 limit ?2) as due) as "due!: i64""#,
                before,
                DUE_COUNTED,
            );
            let row = row.fetch_one(&mut *conn).await.map_err(store_error)?;
            (row.oldest, Some(row.due))
        }
        Kind::Keys => {
            let row = sqlx::query!(
                r#"select (select min(admitted_at) from event_keys) as "oldest: i64", (select count(*) from (
                    select 1 from event_keys where admitted_at < ?1 limit ?2) as due) as "due!: i64""#,
                before,
                DUE_COUNTED,
            );
            let row = row.fetch_one(&mut *conn).await.map_err(store_error)?;
            (row.oldest, Some(row.due))
        }
        Kind::Outbox => {
            let row = sqlx::query!(
                r#"select (select at from outbox order by number limit 1) as "oldest: i64", (select count(*) from (
                    select number, at from outbox order by number limit ?2) as o
                    where o.at < ?1 and o.number < (select max(number) from outbox)) as "due!: i64""#,
                before,
                DUE_COUNTED,
            );
            let row = row.fetch_one(&mut *conn).await.map_err(store_error)?;
            (row.oldest, Some(row.due))
        }
        Kind::Callbacks => {
            let row = sqlx::query!(
                r#"select (select min(received_at) from callbacks where verdict <> 'applied') as "oldest: i64",
                    (select count(*) from (select 1 from callbacks where verdict <> 'applied' and received_at < ?1 limit ?2)
                        as due) as "due!: i64""#,
                before,
                DUE_COUNTED,
            );
            let row = row.fetch_one(&mut *conn).await.map_err(store_error)?;
            (row.oldest, Some(row.due))
        }
        Kind::Quarantine => {
            let row = sqlx::query!(
                r#"select (select min(closed_at) from quarantine where closed_at is not null) as "oldest: i64",
                    (select count(*) from (select 1 from quarantine where closed_at is not null and closed_at < ?1 limit ?2)
                        as due) as "due!: i64""#,
                before,
                DUE_COUNTED,
            );
            let row = row.fetch_one(&mut *conn).await.map_err(store_error)?;
            (row.oldest, Some(row.due))
        }
        Kind::Audit => {
            let row = sqlx::query!(
                r#"select (select at from audit order by id limit 1) as "oldest: i64", (select count(*) from (
                    select id, at from audit order by id limit ?2) as a
                    where a.at < ?1 and a.id < (select max(id) from audit)) as "due!: i64""#,
                before,
                DUE_COUNTED,
            );
            let row = row.fetch_one(&mut *conn).await.map_err(store_error)?;
            (row.oldest, Some(row.due))
        }
        Kind::Files => {
            let row = sqlx::query!(
                r#"select (select min(created_at) from files) as "oldest: i64",
                    (select count(*) from (select 1 from files where created_at < ?1 limit ?2)
                        as due) as "due!: i64""#,
                before,
                DUE_COUNTED,
            );
            let row = row.fetch_one(&mut *conn).await.map_err(store_error)?;
            (row.oldest, Some(row.due))
        }
    };
    let at = At::new("retention", &name);
    Ok(Holding {
        oldest: oldest.map(|t| at.time("oldest", t)).transpose()?,
        due,
        gone: row.gone,
        last: row.last_at.map(|t| at.time("last_at", t)).transpose()?,
    })
}
