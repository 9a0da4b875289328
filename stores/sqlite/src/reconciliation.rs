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
use sqlx::SqliteConnection;
use std::collections::BTreeMap;

use crate::{
    error::store_error,
    rows::{At, Batch, json, us},
    write::{changed, run},
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
    conn: &mut SqliteConnection,
    connector: &ConnectorId,
    after: (Timestamp, RowId),
    until: Timestamp,
    limit: i64,
) -> Result<Vec<Ended>, StoreError> {
    let (connector, since, id, until) = (connector.as_str(), us(after.0), after.1, us(until));
    let rows = sqlx::query!(
        r#"select ended_at as "ended_at!", id as "id!", dossier from operations
        where ended_at >= ?2 and ended_at < ?4 and (ended_at > ?2 or id > ?3) and connector = ?1
        order by ended_at, id limit ?5"#,
        connector,
        since,
        id,
        until,
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
    conn: &mut SqliteConnection,
    connector: &ConnectorId,
    dossiers: &[RowId],
) -> Result<Vec<Told>, StoreError> {
    let (ids, connector) = (json(dossiers)?, connector.as_str());
    let rows = sqlx::query!(
        r#"select d.id as "id!", d.code as "code!", d.unit, d.created_at as "created_at!", v.state as "state?",
            l.next_position as "next_position!", l.claim as "claim!", l.acknowledged as "acknowledged!: bool"
        from json_each(?1) w
        cross join dossiers d on d.id = w.value
        cross join lanes l on l.connector = ?2 and l.key = d.code
        left join dossier_versions v on v.dossier = d.id and v.version = d.version
        order by d.id"#,
        ids,
        connector,
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
        r#"select o.id as "id!", o.dossier as "dossier!", o.action as "action!", o.version, o.state as "state!: i16",
            o.doubted as "doubted!: bool", o.proof, o.ended_at,
            case when o.action = 'append_progress' then o.payload end as "payload: String"
        from json_each(?1) w
        cross join operations o on o.dossier = w.value
        where o.connector = ?2 and (o.state <= 6 or o.state = 10) and o.action in ('sync_dossier', 'append_progress')
        order by o.dossier, o.id"#,
        ids,
        connector,
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
    conn: &mut SqliteConnection,
    connector: &ConnectorId,
    wanted: Wanted,
    limit: i64,
) -> Result<Vec<Expectation>, StoreError> {
    let connector = connector.as_str();
    let rows = match wanted {
        Wanted::Again { by } => {
            let by = us(by);
            sqlx::query_scalar!(
                "select expectation from expectations where connector = ?1 and again_at <= ?2
                order by again_at, key limit ?3",
                connector,
                by,
                limit,
            )
            .fetch_all(conn)
            .await
        }
        Wanted::Changed => {
            sqlx::query_scalar!(
                "select expectation from expectations where connector = ?1 and is_fresh
                order by risk desc, key limit ?2",
                connector,
                limit,
            )
            .fetch_all(conn)
            .await
        }
        Wanted::Open { risk, since } => {
            let (risk, since) = (i64::from(risk), us(since));
            sqlx::query_scalar!(
                "select expectation from expectations
                where connector = ?1 and is_open and risk = ?2 and asked_at < ?3
                order by asked_at, key limit ?4",
                connector,
                risk,
                since,
                limit,
            )
            .fetch_all(conn)
            .await
        }
        Wanted::Repairing => {
            sqlx::query_scalar!(
                "select expectation from expectations where connector = ?1 and is_repairing order by key limit ?2",
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
    conn: &mut SqliteConnection,
    connector: &ConnectorId,
    after: Option<&DossierCode>,
    limit: i64,
) -> Result<Vec<Expectation>, StoreError> {
    let (connector, after) = (connector.as_str(), after.map_or("", DossierCode::as_str));
    let rows = sqlx::query_scalar!(
        "select expectation from expectations where connector = ?1 and key > ?2 order by key limit ?3",
        connector,
        after,
        limit,
    )
    .fetch_all(conn)
    .await
    .map_err(store_error)?;
    expectations_of(rows)
}

/// Discrepancies, the oldest first.
pub(crate) async fn discrepancies(
    conn: &mut SqliteConnection,
    filter: &Filter,
) -> Result<Vec<Discrepancy>, StoreError> {
    let connector = filter.connector.as_ref().map(ConnectorId::as_str);
    let kind = filter.kind.map(Kind::name);
    let rows = sqlx::query_scalar!(
        "select discrepancy from discrepancies
        where (?1 is null or id = ?1) and (?2 is null or connector = ?2)
            and (?3 is null or kind = ?3) and (?4 is null or key = ?4) and (?5 or is_open) and id > ?6
        order by id limit ?7",
        filter.id,
        connector,
        kind,
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
pub(crate) async fn open_count(conn: &mut SqliteConnection) -> Result<i64, StoreError> {
    sqlx::query_scalar!(r#"select count(*) as "count!: i64" from discrepancies where is_open"#)
        .fetch_one(conn)
        .await
        .map_err(store_error)
}

/// Runs, the newest first.
pub(crate) async fn runs(
    conn: &mut SqliteConnection,
    is_open: bool,
    limit: i64,
) -> Result<Vec<Run>, StoreError> {
    let rows = sqlx::query_scalar!(
        "select run from reconciliations where not ?1 or is_open order by id desc limit ?2",
        is_open,
        limit
    )
    .fetch_all(conn)
    .await
    .map_err(store_error)?;
    rows.iter().map(|text| run_of(text)).collect()
}

/// Loads what a unit wants of the reconciliation.
pub(crate) async fn load(conn: &mut SqliteConnection, work: &mut Work) -> Result<(), StoreError> {
    if !work.scope.expectations.is_empty() {
        let keys = json(&work.scope.expectations)?;
        let rows = sqlx::query_scalar!(
            "select e.expectation from json_each(?1) w
            cross join expectations e on e.connector = w.value ->> 0 and e.key = w.value ->> 1",
            keys,
        )
        .fetch_all(&mut *conn)
        .await
        .map_err(store_error)?;
        for row in expectations_of(rows)? {
            work.expectations.insert((row.connector.clone(), row.key.clone()), Loaded::stored(row));
        }
    }
    if !work.scope.discrepancies.is_empty() || !work.scope.discrepancy_ids.is_empty() {
        let (keys, ids) = (json(&work.scope.discrepancies)?, json(&work.scope.discrepancy_ids)?);
        let rows = sqlx::query_scalar!(
            "select d.discrepancy from discrepancies d where d.id in (
                select o.id from json_each(?1) w
                cross join discrepancies o on o.connector = w.value ->> 0 and o.key = w.value ->> 1 and o.is_open
                union
                select max(c.id) from json_each(?1) w
                cross join discrepancies c on c.connector = w.value ->> 0 and c.key = w.value ->> 1 and not c.is_open
                group by c.connector, c.kind, c.key
                union
                select value from json_each(?2))
            order by d.id",
            keys,
            ids,
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
        let ids = json(&work.scope.reconciliations)?;
        let rows = sqlx::query_scalar!(
            "select run from reconciliations where id in (select value from json_each(?1)) order by id",
            ids,
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
pub(crate) async fn write(conn: &mut SqliteConnection, work: &Work) -> Result<(), StoreError> {
    let mut batch = Batch::new("expectations");
    for Loaded { row: made, .. } in changed(work.expectations.values()) {
        batch.row(&[
            ("connector", &made.connector.as_str()),
            ("key", &made.key.as_str()),
            ("is_open", &(made.is_open && !made.is_waiting)),
            ("is_fresh", &made.is_fresh),
            ("risk", &i64::from(made.risk)),
            ("asked_at", &made.asked_at.map_or(0, us)),
            ("again_at", &made.again_at),
            ("is_repairing", &made.repair.as_ref().is_some_and(|r| r.operation.is_some())),
            ("expectation", &json(made)?),
        ])?;
    }
    if let Some(rows) = batch.text()? {
        let written = sqlx::query!(
            "insert into expectations
                (connector, key, is_open, is_fresh, risk, asked_at, again_at, is_repairing, expectation)
             select value ->> 'connector', value ->> 'key', value ->> 'is_open', value ->> 'is_fresh', value ->> 'risk',
                value ->> 'asked_at', value ->> 'again_at', value ->> 'is_repairing', value ->> 'expectation'
             from jsonb_each(?1) where true
             on conflict (connector, key) do update set is_open = excluded.is_open, is_fresh = excluded.is_fresh,
                risk = excluded.risk, asked_at = excluded.asked_at, again_at = excluded.again_at,
                is_repairing = excluded.is_repairing, expectation = excluded.expectation",
            rows
        );
        run(&mut *conn, written).await?;
    }
    let mut batch = Batch::new("discrepancies");
    for Loaded { row: found, .. } in changed(work.discrepancies.values()) {
        batch.row(&[
            ("id", &found.id),
            ("connector", &found.connector.as_str()),
            ("kind", &found.kind.name()),
            ("key", &found.key),
            ("is_open", &found.closed.is_none()),
            ("discrepancy", &json(found)?),
        ])?;
    }
    if let Some(rows) = batch.text()? {
        let written = sqlx::query!(
            "insert into discrepancies (id, connector, kind, key, is_open, discrepancy)
             select value ->> 'id', value ->> 'connector', value ->> 'kind', value ->> 'key', value ->> 'is_open',
                value ->> 'discrepancy'
             from jsonb_each(?1) where true
             on conflict (id) do update set is_open = excluded.is_open, discrepancy = excluded.discrepancy",
            rows
        );
        run(&mut *conn, written).await?;
    }
    let mut batch = Batch::new("reconciliations");
    for Loaded { row: one, .. } in changed(work.reconciliations.values()) {
        batch.row(&[
            ("id", &one.id),
            ("connector", &one.connector.as_str()),
            ("is_open", &one.ended_at.is_none()),
            ("run", &json(one)?),
        ])?;
    }
    let Some(rows) = batch.text()? else { return Ok(()) };
    let written = sqlx::query!(
        "insert into reconciliations (id, connector, is_open, run)
         select value ->> 'id', value ->> 'connector', value ->> 'is_open', value ->> 'run'
         from jsonb_each(?1) where true
         on conflict (id) do update set is_open = excluded.is_open, run = excluded.run",
        rows
    );
    run(conn, written).await
}
