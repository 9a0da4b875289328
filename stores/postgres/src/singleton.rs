//! Rights that only one process has at a time: singletons and durable timers. A fence number grows with every hand-over
//! and is checked in every write under it. All times are the store's.

use jiff::{SignedDuration, Timestamp};
use lienthong_core::{
    clock::later,
    port::store::{DueTimer, Fence, StoreError},
};
use sqlx::PgConnection;

use crate::{
    error::store_error,
    rows::{At, us},
};

/// Takes the singleton if it is free, expired or ours already. Waits for a holder who writes under it just now.
pub(crate) async fn acquire(
    conn: &mut PgConnection,
    name: &str,
    holder: &str,
    ttl: SignedDuration,
    now: Timestamp,
) -> Result<Option<Fence>, StoreError> {
    let number = sqlx::query_scalar!(
        "insert into singletons as s (name, holder, until, fence) values ($1, $2, $3, 1)
        on conflict (name) do update set holder = excluded.holder, until = excluded.until,
            fence = s.fence + case when s.holder = excluded.holder and s.until > $4 then 0 else 1 end
        where s.holder is null or s.holder = excluded.holder or s.until <= $4
        returning fence",
        name,
        holder,
        us(later(now, ttl)),
        us(now),
    )
    .fetch_optional(conn)
    .await
    .map_err(store_error)?;
    Ok(number.map(|number| Fence { name: name.to_owned(), number }))
}

/// Gives a singleton back; nothing happens if it was lost already.
pub(crate) async fn relinquish(conn: &mut PgConnection, fence: &Fence) -> Result<(), StoreError> {
    sqlx::query!(
        "update singletons set holder = null, until = 0 where name = $1 and fence = $2",
        fence.name,
        fence.number,
    )
    .execute(conn)
    .await
    .map_err(store_error)
    .map(drop)
}

/// Leases the known timers that are due and that nobody runs; makes those that are new.
pub(crate) async fn due_timers(
    conn: &mut PgConnection,
    known: &[(String, Timestamp)],
    holder: &str,
    ttl: SignedDuration,
    now: Timestamp,
) -> Result<Vec<DueTimer>, StoreError> {
    let names: Vec<&str> = known.iter().map(|(name, _)| name.as_str()).collect();
    let firsts: Vec<i64> = known.iter().map(|(_, first)| us(*first)).collect();
    sqlx::query!(
        "insert into timers (name, next_at, until, fence)
        select k.name, k.next_at, 0, 0 from unnest($1::text[], $2::bigint[]) as k(name, next_at)
        order by k.name
        on conflict (name) do nothing",
        &names as _,
        &firsts as _,
    )
    .execute(&mut *conn)
    .await
    .map_err(store_error)?;
    // Only names that this process knows: it could not run the others, and would keep them from those who can.
    let rows = sqlx::query!(
        "with due as (
            select t.name from timers t
            where t.name = any($1) and t.next_at <= $4 and (t.holder is null or t.until <= $4)
            order by t.name
            for update skip locked
        )
        update timers t set holder = $2, until = $3, fence = t.fence + 1 from due where t.name = due.name
        returning t.name, t.next_at, t.fence",
        &names as _,
        holder,
        us(later(now, ttl)),
        us(now),
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
    conn: &mut PgConnection,
    fence: &Fence,
    ttl: SignedDuration,
    now: Timestamp,
) -> Result<(), StoreError> {
    let renewed = sqlx::query!(
        "update timers set until = $3 where name = $1 and fence = $2 and holder is not null",
        fence.name,
        fence.number,
        us(later(now, ttl)),
    )
    .execute(conn)
    .await
    .map_err(store_error)?;
    if renewed.rows_affected() == 1 { Ok(()) } else { Err(StoreError::Fenced(fence.name.clone())) }
}

/// Plans the next run of a timer and gives it back.
pub(crate) async fn timer_done(
    conn: &mut PgConnection,
    fence: &Fence,
    next_at: Timestamp,
) -> Result<(), StoreError> {
    let done = sqlx::query!(
        "update timers set next_at = $3, holder = null, until = 0 where name = $1 and fence = $2",
        fence.name,
        fence.number,
        us(next_at),
    )
    .execute(conn)
    .await
    .map_err(store_error)?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(StoreError::Fenced(fence.name.clone())) }
}
