//! Rights that only one process has at a time: singletons and durable timers. A fence number grows with every hand-over
//! and is checked in every write under it. All times are the store's.

use jiff::{SignedDuration, Timestamp};
use lienthong_core::{
    clock::later,
    port::store::{DueTimer, Fence, StoreError},
};
use sqlx::SqliteConnection;

use crate::{
    error::store_error,
    rows::{At, Batch, json, us},
};

/// Takes the singleton if it is free, expired or ours already.
pub(crate) async fn acquire(
    conn: &mut SqliteConnection,
    name: &str,
    holder: &str,
    ttl: SignedDuration,
    now: Timestamp,
) -> Result<Option<Fence>, StoreError> {
    let (until, now) = (us(later(now, ttl)), us(now));
    let number = sqlx::query_scalar!(
        r#"insert into singletons as s (name, holder, until, fence) values (?1, ?2, ?3, 1)
        on conflict (name) do update set holder = excluded.holder, until = excluded.until,
            fence = s.fence + case when s.holder = excluded.holder and s.until > ?4 then 0 else 1 end
        where s.holder is null or s.holder = excluded.holder or s.until <= ?4
        returning fence as "fence!: i64""#,
        name,
        holder,
        until,
        now
    )
    .fetch_optional(conn)
    .await
    .map_err(store_error)?;
    Ok(number.map(|number| Fence { name: name.to_owned(), number }))
}

/// Gives a singleton back; nothing happens if it was lost already.
pub(crate) async fn relinquish(conn: &mut SqliteConnection, fence: &Fence) -> Result<(), StoreError> {
    sqlx::query!(
        "update singletons set holder = null, until = 0 where name = ?1 and fence = ?2",
        fence.name,
        fence.number
    )
    .execute(conn)
    .await
    .map_err(store_error)
    .map(drop)
}

/// Leases the known timers that are due and that nobody runs; makes those that are new.
pub(crate) async fn due_timers(
    conn: &mut SqliteConnection,
    known: &[(String, Timestamp)],
    holder: &str,
    ttl: SignedDuration,
    now: Timestamp,
) -> Result<Vec<DueTimer>, StoreError> {
    let mut firsts = Batch::new("timers");
    for (name, first) in known {
        firsts.row(&[("name", name), ("next_at", first)])?;
    }
    let Some(firsts) = firsts.text()? else { return Ok(Vec::new()) };
    // (`where true`: see write.rs)
    sqlx::query!(
        "insert into timers (name, next_at, until, fence)
        select value ->> 'name', value ->> 'next_at', 0, 0 from json_each(?1) where true
        on conflict (name) do nothing",
        firsts
    )
    .execute(&mut *conn)
    .await
    .map_err(store_error)?;
    // Only names that this process knows: it could not run the others, and would keep them from those who can.
    let names = json(&known.iter().map(|(name, _)| name).collect::<Vec<_>>())?;
    let (until, now) = (us(later(now, ttl)), us(now));
    let rows = sqlx::query!(
        r#"update timers set holder = ?2, until = ?3, fence = fence + 1
        where name in (select value from json_each(?1)) and next_at <= ?4 and (holder is null or until <= ?4)
        returning name as "name!: String", next_at as "next_at!: i64", fence as "fence!: i64""#,
        names,
        holder,
        until,
        now
    )
    .fetch_all(conn)
    .await
    .map_err(store_error)?;
    let mut due = Vec::with_capacity(rows.len());
    for row in rows {
        let planned_at = At::new("timers", &row.name).time("next_at", row.next_at)?;
        due.push(DueTimer {
            name: row.name.clone(),
            planned_at,
            fence: Fence { name: row.name, number: row.fence },
        });
    }
    due.sort_by(|a, b| (a.planned_at, &a.name).cmp(&(b.planned_at, &b.name)));
    Ok(due)
}

/// Keeps a timer that runs.
pub(crate) async fn renew_timer(
    conn: &mut SqliteConnection,
    fence: &Fence,
    ttl: SignedDuration,
    now: Timestamp,
) -> Result<(), StoreError> {
    let until = us(later(now, ttl));
    let renewed = sqlx::query!(
        "update timers set until = ?3 where name = ?1 and fence = ?2 and holder is not null",
        fence.name,
        fence.number,
        until
    )
    .execute(conn)
    .await
    .map_err(store_error)?;
    if renewed.rows_affected() == 1 { Ok(()) } else { Err(StoreError::Fenced(fence.name.clone())) }
}

/// Plans the next run of a timer and gives it back.
pub(crate) async fn timer_done(
    conn: &mut SqliteConnection,
    fence: &Fence,
    next_at: Timestamp,
) -> Result<(), StoreError> {
    let next_at = us(next_at);
    let done = sqlx::query!(
        "update timers set next_at = ?3, holder = null, until = 0 where name = ?1 and fence = ?2",
        fence.name,
        fence.number,
        next_at
    )
    .execute(conn)
    .await
    .map_err(store_error)?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(StoreError::Fenced(fence.name.clone())) }
}
