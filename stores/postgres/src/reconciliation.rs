//! Expectations, discrepancies and runs of the reconciliation, and what expectations are made of.

use jiff::Timestamp;
use lienthong_core::{
    dossier::DossierState,
    id::{ConnectorId, DossierCode, RowId},
    operation::{ActionKind, OperationState, Payload},
    port::{
        reconciliation::Ended,
        store::StoreError,
        work::{Loaded, Work},
    },
    reconciliation::{Discrepancy, Expectation, Filter, Kind, Run, Stamp, Told, ToldOperation, Wanted},
};
use sqlx::PgConnection;
use std::collections::BTreeMap;

use crate::{
    error::store_error,
    rows::{At, changed, col, json_col, us, us_if},
    write::run,
};

fn expectations_of(rows: Vec<String>) -> Result<Vec<Expectation>, StoreError> {
    let read = |text: &String| At::new("expectations", &"?").json("expectation", text);
    rows.iter().map(read).collect()
}

fn discrepancy(text: &str) -> Result<Discrepancy, StoreError> {
    At::new("discrepancies", &"?").json("discrepancy", text)
}

fn run_of(text: &str) -> Result<Run, StoreError> {
    At::new("reconciliations", &"?").json("run", text)
}

/// Operations that ended, by when.
pub(crate) async fn ended(
    conn: &mut PgConnection,
    connector: &ConnectorId,
    after: (Timestamp, RowId),
    until: Timestamp,
    limit: i64,
) -> Result<Vec<Ended>, StoreError> {
    let rows = sqlx::query!(
        r#"select ended_at as "ended_at!", id, dossier from operations
        where ended_at >= $2 and ended_at < $4 and (ended_at > $2 or id > $3) and connector = $1
        order by ended_at, id limit $5"#,
        connector.as_str(),
        us(after.0),
        after.1,
        us(until),
        limit,
    )
    .fetch_all(conn)
    .await
    .map_err(store_error)?;
    let ended = rows
        .into_iter()
        .map(|row| Ok((At::new("operations", &row.id).time("ended_at", row.ended_at)?, row.id, row.dossier)));
    ended.collect()
}

/// What a connector's partner was told of dossiers, on one snapshot.
pub(crate) async fn told(
    conn: &mut PgConnection,
    connector: &ConnectorId,
    dossiers: &[RowId],
) -> Result<Vec<Told>, StoreError> {
    let rows = sqlx::query!(
        r#"select d.id, d.code, d.unit, d.created_at, v.state as "state?", l.next_position, l.claim, l.acknowledged
        from dossiers d
        join lanes l on l.connector = $2 and l.key = d.code
        left join dossier_versions v on v.dossier = d.id and v.version = d.version
        where d.id = any($1)
        order by d.id"#,
        dossiers,
        connector.as_str(),
    )
    .fetch_all(&mut *conn)
    .await
    .map_err(store_error)?;
    let mut found = BTreeMap::new();
    for row in rows {
        let at = At::new("dossiers", &row.id);
        let state = row.state.map(|state| at.json::<DossierState>("state", &state)).transpose()?;
        let told = Told {
            dossier: row.id,
            code: at.parse("code", &row.code)?,
            unit: at.parse_if("unit", row.unit.as_deref())?,
            created_at: at.time("created_at", row.created_at)?,
            state,
            stamp: Stamp { place: row.next_position, claim: row.claim },
            is_acknowledged: row.acknowledged,
            operations: Vec::new(),
        };
        found.insert(row.id, told);
    }
    let operations = sqlx::query!(
        r#"select id, dossier as "dossier!", action, version, state, doubted, proof, ended_at,
            case when action = 'append_progress' then payload end as payload
        from operations
        where dossier = any($1) and connector = $2 and (state <= 6 or state = 10)
            and action in ('sync_dossier', 'append_progress')
        order by dossier, id"#,
        dossiers,
        connector.as_str(),
    )
    .fetch_all(conn)
    .await
    .map_err(store_error)?;
    for row in operations {
        let Some(told) = found.get_mut(&row.dossier) else { continue };
        let at = At::new("operations", &row.id);
        let payload = row.payload.map(|payload| at.json::<Payload>("payload", &payload)).transpose()?;
        told.operations.push(ToldOperation {
            id: row.id,
            action: at.known("action", &row.action, ActionKind::from_name(&row.action))?,
            version: row.version,
            state: at.known("state", row.state, OperationState::from_number(row.state))?,
            is_doubted: row.doubted,
            proof: row.proof.map(|proof| at.json("proof", &proof)).transpose()?,
            steps: match payload {
                Some(Payload::AppendProgress { steps }) => steps,
                _ => Vec::new(),
            },
            ended_at: at.time_if("ended_at", row.ended_at)?,
        });
    }
    Ok(found.into_values().collect())
}

/// Expectations that ask for something.
pub(crate) async fn wanted(
    conn: &mut PgConnection,
    connector: &ConnectorId,
    wanted: Wanted,
    limit: i64,
) -> Result<Vec<Expectation>, StoreError> {
    let connector = connector.as_str();
    let rows = match wanted {
        Wanted::Again { by } => {
            sqlx::query_scalar!(
                "select expectation from expectations where connector = $1 and again_at <= $2
                order by again_at, key limit $3",
                connector,
                us(by),
                limit,
            )
            .fetch_all(conn)
            .await
        }
        Wanted::Changed => {
            sqlx::query_scalar!(
                "select expectation from expectations where connector = $1 and is_fresh
                order by risk desc, key limit $2",
                connector,
                limit,
            )
            .fetch_all(conn)
            .await
        }
        Wanted::Open { risk, since } => {
            sqlx::query_scalar!(
                "select expectation from expectations
                where connector = $1 and is_open and risk = $2 and asked_at < $3
                order by asked_at, key limit $4",
                connector,
                i16::from(risk),
                us(since),
                limit,
            )
            .fetch_all(conn)
            .await
        }
        Wanted::Repairing => {
            sqlx::query_scalar!(
                "select expectation from expectations where connector = $1 and is_repairing order by key limit $2",
                connector,
                limit,
            )
            .fetch_all(conn)
            .await
        }
    };
    expectations_of(rows.map_err(store_error)?)
}

/// All expectations above a key.
pub(crate) async fn expectations(
    conn: &mut PgConnection,
    connector: &ConnectorId,
    after: Option<&DossierCode>,
    limit: i64,
) -> Result<Vec<Expectation>, StoreError> {
    let rows = sqlx::query_scalar!(
        "select expectation from expectations where connector = $1 and key > $2 order by key limit $3",
        connector.as_str(),
        after.map_or("", DossierCode::as_str),
        limit,
    )
    .fetch_all(conn)
    .await
    .map_err(store_error)?;
    expectations_of(rows)
}

/// Discrepancies, the oldest first.
pub(crate) async fn discrepancies(
    conn: &mut PgConnection,
    filter: &Filter,
) -> Result<Vec<Discrepancy>, StoreError> {
    let rows = sqlx::query_scalar!(
        "select discrepancy from discrepancies
        where ($1::bigint is null or id = $1) and ($2::text is null or connector = $2)
            and ($3::text is null or kind = $3) and ($4::text is null or key = $4) and ($5 or is_open) and id > $6
        order by id limit $7",
        filter.id,
        filter.connector.as_ref().map(ConnectorId::as_str),
        filter.kind.map(Kind::name),
        filter.key,
        filter.closed,
        filter.after,
        filter.limit,
    )
    .fetch_all(conn)
    .await
    .map_err(store_error)?;
    rows.iter().map(|text| discrepancy(text)).collect()
}

/// How many are open.
pub(crate) async fn open_count(conn: &mut PgConnection) -> Result<i64, StoreError> {
    sqlx::query_scalar!(r#"select count(*) as "count!" from discrepancies where is_open"#)
        .fetch_one(conn)
        .await
        .map_err(store_error)
}

/// Runs, the newest first.
pub(crate) async fn runs(conn: &mut PgConnection, is_open: bool, limit: i64) -> Result<Vec<Run>, StoreError> {
    let rows = sqlx::query_scalar!(
        "select run from reconciliations where not $1 or is_open order by id desc limit $2",
        is_open,
        limit
    )
    .fetch_all(conn)
    .await
    .map_err(store_error)?;
    rows.iter().map(|text| run_of(text)).collect()
}

/// Loads what a unit wants of the reconciliation.
pub(crate) async fn load(conn: &mut PgConnection, work: &mut Work) -> Result<(), StoreError> {
    let scope = &work.scope;
    if !scope.expectations.is_empty() {
        let rows = sqlx::query_scalar!(
            "select e.expectation from unnest($1::text[], $2::text[]) as w(connector, key)
            join expectations e on e.connector = w.connector and e.key = w.key
            order by e.connector, e.key for update of e",
            &scope.expectations.iter().map(|(connector, _)| connector.as_str()).collect::<Vec<_>>() as _,
            &scope.expectations.iter().map(|(_, key)| key.as_str()).collect::<Vec<_>>() as _,
        )
        .fetch_all(&mut *conn)
        .await
        .map_err(store_error)?;
        for row in expectations_of(rows)? {
            work.expectations.insert((row.connector.clone(), row.key.clone()), Loaded::stored(row));
        }
    }
    let scope = &work.scope;
    if !scope.discrepancies.is_empty() || !scope.discrepancy_ids.is_empty() {
        let rows = sqlx::query_scalar!(
            r#"select d.discrepancy from discrepancies d where d.id in (
                select o.id from unnest($1::text[], $2::text[]) as w(connector, key)
                join discrepancies o on o.connector = w.connector and o.key = w.key and o.is_open
                union
                select max(c.id) from unnest($1::text[], $2::text[]) as w(connector, key)
                join discrepancies c on c.connector = w.connector and c.key = w.key and not c.is_open
                group by c.connector, c.kind, c.key
                union
                select unnest($3::bigint[]))
            order by d.id for update of d"#,
            &scope.discrepancies.iter().map(|(connector, _)| connector.as_str()).collect::<Vec<_>>() as _,
            &scope.discrepancies.iter().map(|(_, key)| key.as_str()).collect::<Vec<_>>() as _,
            &scope.discrepancy_ids.iter().copied().collect::<Vec<_>>() as _,
        )
        .fetch_all(&mut *conn)
        .await
        .map_err(store_error)?;
        for text in rows {
            let row = discrepancy(&text)?;
            work.discrepancies.insert(row.id, Loaded::stored(row));
        }
    }
    if !work.scope.reconciliations.is_empty() {
        let rows = sqlx::query_scalar!(
            "select run from reconciliations where id = any($1) order by id for update",
            &work.scope.reconciliations.iter().copied().collect::<Vec<_>>() as _,
        )
        .fetch_all(conn)
        .await
        .map_err(store_error)?;
        for text in rows {
            let row = run_of(&text)?;
            work.reconciliations.insert(row.id, Loaded::stored(row));
        }
    }
    Ok(())
}

/// Writes what changed of the reconciliation.
pub(crate) async fn write(conn: &mut PgConnection, work: &Work) -> Result<(), StoreError> {
    let rows = changed(work.expectations.values());
    if !rows.is_empty() {
        let written = sqlx::query!(
            "insert into expectations
                (connector, key, is_open, is_fresh, risk, asked_at, again_at, is_repairing, expectation)
            select * from unnest($1::text[], $2::text[], $3::boolean[], $4::boolean[], $5::smallint[], $6::bigint[],
                $7::bigint[], $8::boolean[], $9::text[])
            on conflict (connector, key) do update set is_open = excluded.is_open, is_fresh = excluded.is_fresh,
                risk = excluded.risk, asked_at = excluded.asked_at, again_at = excluded.again_at,
                is_repairing = excluded.is_repairing, expectation = excluded.expectation",
            &col(&rows, |e| e.connector.as_str()) as _,
            &col(&rows, |e| e.key.as_str()) as _,
            &col(&rows, |e| e.is_open && !e.is_waiting) as _,
            &col(&rows, |e| e.is_fresh) as _,
            &col(&rows, |e| i16::from(e.risk)) as _,
            &col(&rows, |e| us_if(e.asked_at).unwrap_or(0)) as _,
            &col(&rows, |e| us_if(e.again_at)) as _,
            &col(&rows, |e| e.repair.as_ref().is_some_and(|r| r.operation.is_some())) as _,
            &json_col(&rows, |e| *e)? as _,
        );
        run(&mut *conn, written).await?;
    }
    let rows = changed(work.discrepancies.values());
    if !rows.is_empty() {
        let written = sqlx::query!(
            "insert into discrepancies (id, connector, kind, key, is_open, discrepancy)
            select * from unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::boolean[], $6::text[])
            on conflict (id) do update set is_open = excluded.is_open, discrepancy = excluded.discrepancy",
            &col(&rows, |d| d.id) as _,
            &col(&rows, |d| d.connector.as_str()) as _,
            &col(&rows, |d| d.kind.name()) as _,
            &col(&rows, |d| d.key.as_str()) as _,
            &col(&rows, |d| d.closed.is_none()) as _,
            &json_col(&rows, |d| *d)? as _,
        );
        run(&mut *conn, written).await?;
    }
    let rows = changed(work.reconciliations.values());
    if rows.is_empty() {
        return Ok(());
    }
    let written = sqlx::query!(
        "insert into reconciliations (id, connector, is_open, run)
        select * from unnest($1::bigint[], $2::text[], $3::boolean[], $4::text[])
        on conflict (id) do update set is_open = excluded.is_open, run = excluded.run",
        &col(&rows, |r| r.id) as _,
        &col(&rows, |r| r.connector.as_str()) as _,
        &col(&rows, |r| r.ended_at.is_none()) as _,
        &json_col(&rows, |r| *r)? as _,
    );
    run(conn, written).await
}
