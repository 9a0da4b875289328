//! The morning sheet: figures by unit, the dossiers behind them, and sheets as they were kept.

use jiff::civil::Date;
use lienthong_core::{
    id::{ConnectorId, UnitCode},
    index::tally::FactRow,
    port::{
        sheet::{BlockedLane, OnSheet, SheetAsk},
        store::StoreError,
    },
    sheet::Line,
};
use sqlx::PgConnection;
use std::collections::BTreeMap;

use crate::{
    error::store_error,
    index::Row,
    rows::{At, col},
};

/// The figures of every unit that has any.
pub(crate) async fn lines(conn: &mut PgConnection, ask: &SheetAsk) -> Result<Vec<Line>, StoreError> {
    let mut lines: BTreeMap<String, Line> = BTreeMap::new();
    let mut add = |line: Line| lines.entry(line.unit.clone()).or_default().join(&line);
    received(conn, ask).await?.into_iter().for_each(&mut add);
    open(conn, ask).await?.into_iter().for_each(&mut add);
    blocked(conn, ask).await?.into_iter().for_each(&mut add);
    Ok(lines.into_iter().map(|(unit, line)| Line { unit, ..line }).collect())
}

/// Units with other hours, and a moment of theirs.
fn own(ask: &SheetAsk) -> Vec<&str> {
    col(&ask.units, |(unit, _)| UnitCode::as_str(unit))
}

/// Connectors that send nothing.
fn shut(ask: &SheetAsk) -> Vec<&str> {
    col(&ask.shut, |(connector, _)| ConnectorId::as_str(connector))
}

async fn received(conn: &mut PgConnection, ask: &SheetAsk) -> Result<Vec<Line>, StoreError> {
    let earliest = ask.units.iter().map(|(_, window)| window.before).chain([ask.usual.before]).min();
    let rows = sqlx::query!(
        r#"
        select f.unit_key as "unit!", count(*) filter (where f.anchor >= $5) as "today!",
            count(*) filter (where f.anchor < $5) as "before!"
        from index_facts f
        left join unnest($1::text[], $2::bigint[]) as w (unit, before) on w.unit = f.unit_key
        where f.anchor >= $3 and f.anchor <= $6 and f.anchor >= coalesce(w.before, $4) and f.stage > 0
        group by f.unit_key
        "#,
        &own(ask) as _,
        &col(&ask.units, |(_, window)| window.before),
        earliest.unwrap_or(ask.usual.before),
        ask.usual.before,
        ask.usual.today,
        ask.usual.now,
    )
    .fetch_all(conn)
    .await
    .map_err(store_error)?;
    let line = |unit, today, before| Line {
        unit,
        received_today: today,
        received_before: before,
        ..Line::default()
    };
    Ok(rows.into_iter().map(|row| line(row.unit, row.today, row.before)).collect())
}

/// From the partial index: what has ended is by far the most.
async fn open(conn: &mut PgConnection, ask: &SheetAsk) -> Result<Vec<Line>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select f.unit_key as "unit!", count(*) as "open!",
            count(*) filter (where f.stage = 1 and f.due < $6) as "late!",
            min(f.due) filter (where f.stage = 1 and f.due < $6) as late_since,
            count(*) filter (where f.stage = 1 and f.due >= $6 and f.due <= coalesce(w.soon, $4)) as "due_soon!",
            count(*) filter (where f.stage = 1 and f.due >= $6 and f.due <= coalesce(w.next, $5)) as "due_next!",
            count(*) filter (where f.stage = 2) as "waiting!",
            count(*) filter (where f.stage = 2 and f.respond_by < $6) as "waiting_over!"
        from index_facts f
        left join unnest($1::text[], $2::bigint[], $3::bigint[]) as w (unit, soon, next) on w.unit = f.unit_key
        where f.stage in (1, 2)
        group by f.unit_key
        "#,
        &own(ask) as _,
        &col(&ask.units, |(_, window)| window.soon),
        &col(&ask.units, |(_, window)| window.next),
        ask.usual.soon,
        ask.usual.next,
        ask.usual.now,
    )
    .fetch_all(conn)
    .await
    .map_err(store_error)?;
    let lines = rows.into_iter().map(|row| Line {
        unit: row.unit,
        open: row.open,
        late: row.late,
        late_since: row.late_since,
        due_soon: row.due_soon,
        due_next: row.due_next,
        waiting: row.waiting,
        waiting_over: row.waiting_over,
        ..Line::default()
    });
    Ok(lines.collect())
}

async fn blocked(conn: &mut PgConnection, ask: &SheetAsk) -> Result<Vec<Line>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select coalesce(f.unit, o.unit, '') as "unit!", count(distinct o.dossier) as "dossiers!",
            min(greatest(l.since, case when l.is_shut then o.created_at else l.since end)) as "since!"
        from (
            select head, since, false as is_shut from lanes where state in (5, 6)
            union all
            select s.head, w.since, true from unnest($1::text[], $2::bigint[]) as w (connector, since)
            join lanes s on s.connector = w.connector and s.state in (1, 3, 4) and s.state <> 4
        ) as l
        join operations o on o.id = l.head
        left join index_facts f on f.dossier = o.dossier
        where o.dossier is not null and o.subject is not null
        group by coalesce(f.unit, o.unit, '')
        "#,
        &shut(ask) as _,
        &col(&ask.shut, |(_, since)| *since),
    )
    .fetch_all(conn)
    .await
    .map_err(store_error)?;
    let lines = rows.into_iter().map(|row| Line {
        unit: row.unit,
        blocked: row.dossiers,
        blocked_since: Some(row.since.div_euclid(1_000_000)),
        ..Line::default()
    });
    Ok(lines.collect())
}

/// A unit's dossiers.
pub(crate) async fn facts(
    conn: &mut PgConnection,
    unit: &str,
    wanted: OnSheet,
    limit: i64,
) -> Result<Vec<FactRow>, StoreError> {
    let rows = match wanted {
        OnSheet::Due { from, until } => {
            sqlx::query_as!(
                Row,
                r#"select dossier, code, unit, anchor, known, at_portal, older from index_facts
                where unit_key = $1 and stage in (1, 2) and stage = 1 and due >= $2 and due < $3
                order by due, dossier limit $4"#,
                unit,
                from,
                until,
                limit
            )
            .fetch_all(conn)
            .await
        }
        OnSheet::Waiting => {
            sqlx::query_as!(
                Row,
                r#"select dossier, code, unit, anchor, known, at_portal, older from index_facts
                where unit_key = $1 and stage in (1, 2) and stage = 2
                order by asked nulls last, dossier limit $2"#,
                unit,
                limit
            )
            .fetch_all(conn)
            .await
        }
        OnSheet::Received { from, until } => {
            sqlx::query_as!(
                Row,
                r#"select dossier, code, unit, anchor, known, at_portal, older from index_facts
                where anchor >= $2 and anchor <= $3 and unit_key = $1 and stage > 0
                order by anchor desc, dossier desc limit $4"#,
                unit,
                from,
                until,
                limit
            )
            .fetch_all(conn)
            .await
        }
    };
    rows.map_err(store_error)?.into_iter().map(Row::fact).collect()
}

/// Lanes that do not move, the first ones of every unit.
pub(crate) async fn blocked_lanes(
    conn: &mut PgConnection,
    ask: &SheetAsk,
    unit: Option<&str>,
    limit: i64,
) -> Result<Vec<BlockedLane>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select b.lane as "lane!", b.unit as "unit!", b.since as "since!", b.connector as "connector!",
            coalesce(f.code, b.subject) as "code!", b.cause, f.known as "known?"
        from (
            select l.lane, l.connector, o.dossier, o.subject, o.cause, coalesce(g.unit, o.unit, '') as unit,
                greatest(l.since, case when l.is_shut then o.created_at else l.since end) as since,
                row_number() over (
                    partition by coalesce(g.unit, o.unit, '')
                    order by greatest(l.since, case when l.is_shut then o.created_at else l.since end), l.lane
                ) as place
            from (
                select id as lane, connector, head, since, false as is_shut from lanes where state in (5, 6)
                union all
                select s.id, s.connector, s.head, w.since, true
                from unnest($1::text[], $2::bigint[]) as w (connector, since)
                join lanes s on s.connector = w.connector and s.state in (1, 3, 4) and s.state <> 4
            ) as l
            join operations o on o.id = l.head
            left join index_facts g on g.dossier = o.dossier
            where o.dossier is not null and o.subject is not null
                and ($3::text is null or coalesce(g.unit, o.unit, '') = $3)
        ) as b
        left join index_facts f on f.dossier = b.dossier
        where b.place <= $4
        order by b.unit, b.place
        "#,
        &shut(ask) as _,
        &col(&ask.shut, |(_, since)| *since),
        unit,
        limit,
    )
    .fetch_all(conn)
    .await
    .map_err(store_error)?;
    let lanes = rows.into_iter().map(|row| {
        let at = At::new("index_facts", &row.code);
        Ok(BlockedLane {
            lane: row.lane,
            unit: row.unit,
            connector: row.connector,
            since: row.since.div_euclid(1_000_000),
            cause: row.cause,
            facts: row.known.map(|known| at.json("known", &known)).transpose()?,
            dossier: row.code,
        })
    });
    lanes.collect()
}

/// Keeps sheets of a day; earlier days than `oldest` go.
pub(crate) async fn keep(
    conn: &mut PgConnection,
    day: Date,
    sheets: &[(String, String)],
    oldest: Date,
) -> Result<(), StoreError> {
    sqlx::query!("delete from sheets where day < $1", oldest.to_string())
        .execute(&mut *conn)
        .await
        .map_err(store_error)?;
    sqlx::query!(
        "insert into sheets (day, unit, body)
        select $1, n.unit, n.body from unnest($2::text[], $3::text[]) as n (unit, body)
        on conflict (day, unit) do update set body = excluded.body",
        day.to_string(),
        &col(sheets, |(unit, _)| unit.as_str()) as _,
        &col(sheets, |(_, body)| body.as_str()) as _,
    )
    .execute(conn)
    .await
    .map_err(store_error)?;
    Ok(())
}

/// A sheet as it was kept.
pub(crate) async fn kept(
    conn: &mut PgConnection,
    day: Date,
    unit: &str,
) -> Result<Option<String>, StoreError> {
    sqlx::query_scalar!("select body from sheets where day = $1 and unit = $2", day.to_string(), unit)
        .fetch_optional(conn)
        .await
        .map_err(store_error)
}

/// The days that are kept whole, the latest first.
pub(crate) async fn days(conn: &mut PgConnection) -> Result<Vec<Date>, StoreError> {
    let days = sqlx::query_scalar!("select day from sheets where unit = '' order by day desc")
        .fetch_all(conn)
        .await
        .map_err(store_error)?;
    days.iter().map(|day| At::new("sheets", day).parse("day", day)).collect()
}
