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
use sqlx::SqliteConnection;
use std::collections::BTreeMap;

use crate::{
    error::store_error,
    index::Row,
    rows::{At, Batch},
};

/// The figures of every unit that has any.
pub(crate) async fn lines(conn: &mut SqliteConnection, ask: &SheetAsk) -> Result<Vec<Line>, StoreError> {
    let mut lines: BTreeMap<String, Line> = BTreeMap::new();
    let mut add = |line: Line| lines.entry(line.unit.clone()).or_default().join(&line);
    received(conn, ask).await?.into_iter().for_each(&mut add);
    open(conn, ask).await?.into_iter().for_each(&mut add);
    blocked(conn, ask).await?.into_iter().for_each(&mut add);
    Ok(lines.into_iter().map(|(unit, line)| Line { unit, ..line }).collect())
}

/// Units with other hours, and their moments.
fn own(ask: &SheetAsk) -> Result<String, StoreError> {
    let mut batch = Batch::new("index_facts");
    for (unit, window) in &ask.units {
        batch.row(&[
            ("unit", &UnitCode::as_str(unit)),
            ("before", &window.before),
            ("soon", &window.soon),
            ("next", &window.next),
        ])?;
    }
    Ok(batch.text()?.unwrap_or_else(|| "[]".into()))
}

/// Connectors that send nothing, and since when.
fn shut(ask: &SheetAsk) -> Result<String, StoreError> {
    let mut batch = Batch::new("lanes");
    for (connector, since) in &ask.shut {
        batch.row(&[("connector", &ConnectorId::as_str(connector)), ("since", since)])?;
    }
    Ok(batch.text()?.unwrap_or_else(|| "[]".into()))
}

async fn received(conn: &mut SqliteConnection, ask: &SheetAsk) -> Result<Vec<Line>, StoreError> {
    let earliest = ask.units.iter().map(|(_, window)| window.before).chain([ask.usual.before]).min();
    let (own, earliest) = (own(ask)?, earliest.unwrap_or(ask.usual.before));
    let rows = sqlx::query!(
        r#"
        select f.unit_key as "unit!: String", count(*) filter (where f.anchor >= ?4) as "today!: i64",
            count(*) filter (where f.anchor < ?4) as "before!: i64"
        from index_facts f
        left join (
            select value ->> 'unit' as unit, value ->> 'before' as before from json_each(?1)
        ) as w on w.unit = f.unit_key
        where f.anchor >= ?2 and f.anchor <= ?5 and f.anchor >= coalesce(w.before, ?3) and f.stage > 0
        group by f.unit_key
        "#,
        own,
        earliest,
        ask.usual.before,
        ask.usual.today,
        ask.usual.now
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
async fn open(conn: &mut SqliteConnection, ask: &SheetAsk) -> Result<Vec<Line>, StoreError> {
    let own = own(ask)?;
    let rows = sqlx::query!(
        r#"
        select f.unit_key as "unit!: String", count(*) as "open!: i64",
            count(*) filter (where f.stage = 1 and f.due < ?4) as "late!: i64",
            min(f.due) filter (where f.stage = 1 and f.due < ?4) as "late_since: i64",
            count(*) filter (where f.stage = 1 and f.due >= ?4 and f.due <= coalesce(w.soon, ?2)) as "due_soon!: i64",
            count(*) filter (where f.stage = 1 and f.due >= ?4 and f.due <= coalesce(w.next, ?3)) as "due_next!: i64",
            count(*) filter (where f.stage = 2) as "waiting!: i64",
            count(*) filter (where f.stage = 2 and f.respond_by < ?4) as "waiting_over!: i64"
        from index_facts f
        left join (
            select value ->> 'unit' as unit, value ->> 'soon' as soon, value ->> 'next' as next from json_each(?1)
        ) as w on w.unit = f.unit_key
        where f.stage in (1, 2)
        group by f.unit_key
        "#,
        own,
        ask.usual.soon,
        ask.usual.next,
        ask.usual.now
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

async fn blocked(conn: &mut SqliteConnection, ask: &SheetAsk) -> Result<Vec<Line>, StoreError> {
    let shut = shut(ask)?;
    let rows = sqlx::query!(
        r#"
        select coalesce(f.unit, o.unit, '') as "unit!: String", count(distinct o.dossier) as "dossiers!: i64",
            min(max(l.since, case when l.is_shut then o.created_at else l.since end)) as "since!: i64"
        from (
            select head, since, 0 as is_shut from lanes where state in (5, 6)
            union all
            select s.head, w.value ->> 'since', 1 from json_each(?1) w
            cross join lanes s on s.connector = w.value ->> 'connector' and s.state in (1, 3, 4) and s.state <> 4
        ) as l
        join operations o on o.id = l.head
        left join index_facts f on f.dossier = o.dossier
        where o.dossier is not null and o.subject is not null
        group by coalesce(f.unit, o.unit, '')
        "#,
        shut
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
    conn: &mut SqliteConnection,
    unit: &str,
    wanted: OnSheet,
    limit: i64,
) -> Result<Vec<FactRow>, StoreError> {
    let rows = match wanted {
        OnSheet::Due { from, until } => {
            sqlx::query_as!(
                Row,
                r#"select dossier as "dossier!", code as "code!", unit, anchor, known as "known!",
                    at_portal as "at_portal!: i16", older
                from index_facts
                where unit_key = ?1 and stage in (1, 2) and stage = 1 and due >= ?2 and due < ?3
                order by due, dossier limit ?4"#,
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
                r#"select dossier as "dossier!", code as "code!", unit, anchor, known as "known!",
                    at_portal as "at_portal!: i16", older
                from index_facts
                where unit_key = ?1 and stage in (1, 2) and stage = 2
                order by asked nulls last, dossier limit ?2"#,
                unit,
                limit
            )
            .fetch_all(conn)
            .await
        }
        OnSheet::Received { from, until } => {
            sqlx::query_as!(
                Row,
                r#"select dossier as "dossier!", code as "code!", unit, anchor, known as "known!",
                    at_portal as "at_portal!: i16", older
                from index_facts
                where anchor >= ?2 and anchor <= ?3 and unit_key = ?1 and stage > 0
                order by anchor desc, dossier desc limit ?4"#,
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
    conn: &mut SqliteConnection,
    ask: &SheetAsk,
    unit: Option<&str>,
    limit: i64,
) -> Result<Vec<BlockedLane>, StoreError> {
    let shut = shut(ask)?;
    let rows = sqlx::query!(
        r#"
        select b.lane as "lane!: i64", b.unit as "unit!: String", b.since as "since!: i64",
            b.connector as "connector!: String", coalesce(f.code, b.subject) as "code!: String", b.cause as "cause: String",
            f.known as "known?: String"
        from (
            select l.lane, l.connector, o.dossier, o.subject, o.cause, coalesce(g.unit, o.unit, '') as unit,
                max(l.since, case when l.is_shut then o.created_at else l.since end) as since,
                row_number() over (
                    partition by coalesce(g.unit, o.unit, '')
                    order by max(l.since, case when l.is_shut then o.created_at else l.since end), l.lane
                ) as place
            from (
                select id as lane, connector, head, since, 0 as is_shut from lanes where state in (5, 6)
                union all
                select s.id, s.connector, s.head, w.value ->> 'since', 1 from json_each(?1) w
                cross join lanes s
                    on s.connector = w.value ->> 'connector' and s.state in (1, 3, 4) and s.state <> 4
            ) as l
            join operations o on o.id = l.head
            left join index_facts g on g.dossier = o.dossier
            where o.dossier is not null and o.subject is not null
                and (?2 is null or coalesce(g.unit, o.unit, '') = ?2)
        ) as b
        left join index_facts f on f.dossier = b.dossier
        where b.place <= ?3
        order by b.unit, b.place
        "#,
        shut,
        unit,
        limit
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
    conn: &mut SqliteConnection,
    day: Date,
    sheets: &[(String, String)],
    oldest: Date,
) -> Result<(), StoreError> {
    let (day, oldest) = (day.to_string(), oldest.to_string());
    sqlx::query!("delete from sheets where day < ?1", oldest)
        .execute(&mut *conn)
        .await
        .map_err(store_error)?;
    let mut batch = Batch::new("sheets");
    for (unit, body) in sheets {
        batch.row(&[("unit", unit), ("body", body)])?;
    }
    let Some(batch) = batch.text()? else { return Ok(()) };
    sqlx::query!(
        "insert into sheets (day, unit, body)
        select ?1, n.value ->> 'unit', n.value ->> 'body' from json_each(?2) n where true
        on conflict (day, unit) do update set body = excluded.body",
        day,
        batch
    )
    .execute(conn)
    .await
    .map_err(store_error)?;
    Ok(())
}

/// A sheet as it was kept.
pub(crate) async fn kept(
    conn: &mut SqliteConnection,
    day: Date,
    unit: &str,
) -> Result<Option<String>, StoreError> {
    let day = day.to_string();
    sqlx::query_scalar!("select body from sheets where day = ?1 and unit = ?2", day, unit)
        .fetch_optional(conn)
        .await
        .map_err(store_error)
}

/// The days that are kept whole, the latest first.
pub(crate) async fn days(conn: &mut SqliteConnection) -> Result<Vec<Date>, StoreError> {
    let days = sqlx::query_scalar!("select day from sheets where unit = '' order by day desc")
        .fetch_all(conn)
        .await
        .map_err(store_error)?;
    days.iter().map(|day| At::new("sheets", day).parse("day", day)).collect()
}
