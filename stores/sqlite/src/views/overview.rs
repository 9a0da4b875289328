//! The front page.

use lienthong_core::{
    lane::LaneState,
    operation::OperationState,
    port::{
        store::StoreError,
        views::{IncidentView, LaneCount, OUTBOX_COUNTED, Overview, PartnerCount, UnitCount},
    },
};
use sqlx::SqliteConnection;

use crate::{
    error::store_error,
    ledger::ledgers,
    partner::conditions,
    rows::{At, us},
    unit::now,
};

/// Everything that the front page shows.
pub(crate) async fn overview(conn: &mut SqliteConnection, since_us: i64) -> Result<Overview, StoreError> {
    let totals = sqlx::query!(
        r#"
        select (select count(*) from quarantine where closed_at is null) as "quarantine_open!: i64",
            (select count(*) from dossiers) as "dossiers!: i64",
            (select coalesce(max(number), 0) from outbox) as "outbox_highest!: i64",
            (select count(*) from (
                select 1 from outbox
                where number > coalesce((select cast(cursor as bigint) from cursors where name = 'relay'), 0)
                limit ?1
            ) as waiting) as "outbox_waiting!: i64"
        "#,
        OUTBOX_COUNTED,
    )
    .fetch_one(&mut *conn)
    .await
    .map_err(store_error)?;
    Ok(Overview {
        now_us: us(now(conn).await?),
        partners: partners(conn, since_us).await?,
        lanes: lanes(conn).await?,
        units: units(conn, since_us).await?,
        incidents: incidents(conn).await?,
        conditions: conditions(conn).await?,
        ledgers: ledgers(conn).await?,
        quarantine_open: totals.quarantine_open,
        dossiers: totals.dossiers,
        outbox_highest: totals.outbox_highest,
        outbox_waiting: totals.outbox_waiting,
    })
}

/// Open operations, and those that ended since: all that ever ended would be a walk through years.
async fn partners(conn: &mut SqliteConnection, since_us: i64) -> Result<Vec<PartnerCount>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select connector as "connector!: String", action as "action!: String", state as "state!: i16",
            sum(operations) as "operations!: i64"
        from (
            select connector, action, state, count(*) as operations from operations
            where state between 1 and 6 group by connector, action, state
            union all
            select connector, action, state, count(*) from operations
            where state >= 10 and ended_at >= ?1 group by connector, action, state
        ) as counts
        group by connector, action, state
        order by connector, action, state
        "#,
        since_us,
    )
    .fetch_all(conn)
    .await
    .map_err(store_error)?;
    let counts = rows.into_iter().map(|row| {
        let at = At::new("operations", &row.connector);
        let state = at.known("state", row.state, OperationState::from_number(row.state))?.name().to_owned();
        Ok(PartnerCount { connector: row.connector, action: row.action, state, operations: row.operations })
    });
    counts.collect()
}

/// From the partial indexes, one for each set of states: idle lanes are by far the most, and nobody asks for them.
async fn lanes(conn: &mut SqliteConnection) -> Result<Vec<LaneCount>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select l.connector as "connector!: String", l.state as "state!: i16", count(*) as "lanes!: i64",
            min(o.created_at) as "oldest_us?: i64"
        from (
            select connector, state, head from lanes where state in (1, 3, 4)
            union all select connector, state, head from lanes where state = 2
            union all select connector, state, head from lanes where state in (5, 6)
        ) as l left join operations o on o.id = l.head
        group by l.connector, l.state
        order by l.connector, l.state
        "#,
    )
    .fetch_all(conn)
    .await
    .map_err(store_error)?;
    let counts = rows.into_iter().map(|row| {
        let at = At::new("lanes", &row.connector);
        let state = at.known("state", row.state, LaneState::from_number(row.state))?.name().to_owned();
        Ok(LaneCount { connector: row.connector, state, lanes: row.lanes, oldest_us: row.oldest_us })
    });
    counts.collect()
}

async fn units(conn: &mut SqliteConnection, since_us: i64) -> Result<Vec<UnitCount>, StoreError> {
    sqlx::query_as!(
        UnitCount,
        r#"
        select coalesce(unit, '') as "unit!: String", sum(events) as "events!: i64", sum(sent) as "sent!: i64",
            sum(waiting) as "waiting!: i64", sum(stuck) as "stuck!: i64"
        from (
            select unit, count(*) as events, 0 as sent, 0 as waiting, 0 as stuck from events
            where received_at >= ?1 group by unit
            union all
            select unit, 0, count(*), 0, 0 from operations where state = 10 and ended_at >= ?1 group by unit
            union all
            select unit, 0, 0, count(*) filter (where state <= 4), count(*) filter (where state > 4) from operations
            where state between 1 and 6 group by unit
        ) as counts
        group by coalesce(unit, '')
        order by 1
        "#,
        since_us,
    )
    .fetch_all(conn)
    .await
    .map_err(store_error)
}

/// A need's incident counts the open operations with that need, a pause's all open ones of the connector.
async fn incidents(conn: &mut SqliteConnection) -> Result<Vec<IncidentView>, StoreError> {
    sqlx::query_as!(
        IncidentView,
        r#"
        select i.id as "id!: i64", i.key as "key!: String", i.connector, i.said as "said!: String",
            i.opened_at as "opened_us!: i64",
            case when i.key = 'pause:' || i.connector then coalesce(c.waiting, 0)
                else coalesce(n.waiting, 0) end as "waiting!: i64"
        from incidents i
        left join (
            select need, count(*) as waiting from operations where state < 10 and need is not null group by need
        ) as n on n.need = i.key
        left join (
            select connector, count(*) as waiting from operations where state between 1 and 6 group by connector
        ) as c on c.connector = i.connector
        where i.closed_at is null
        order by i.opened_at, i.id
        "#,
    )
    .fetch_all(conn)
    .await
    .map_err(store_error)
}
