//! The facts of the index, and what they are made of.

use jiff::Timestamp;
use lienthong_core::{
    id::{RowId, UnitCode},
    index::tally::{AtPortal, FactRow},
    operation::{OperationState, Payload},
    outcome::Proof,
    port::{
        index::{FactFilter, Sources},
        store::StoreError,
    },
};
use sqlx::SqliteConnection;
use std::collections::BTreeMap;

use crate::{
    error::store_error,
    load::states,
    rows::{At, Batch, json, us},
};

/// A row of facts as it is read.
pub(crate) struct Row {
    pub(crate) dossier: i64,
    pub(crate) code: String,
    pub(crate) unit: Option<String>,
    pub(crate) anchor: Option<i64>,
    pub(crate) known: String,
    pub(crate) at_portal: i16,
    pub(crate) older: Option<String>,
}

impl Row {
    pub(crate) fn fact(self) -> Result<FactRow, StoreError> {
        let at = At::new("index_facts", &self.dossier);
        let portal = match (self.at_portal, &self.older) {
            (1, _) => AtPortal::Same,
            (2, Some(older)) => AtPortal::Older(Box::new(at.json("older", older)?)),
            _ => AtPortal::Nothing,
        };
        Ok(FactRow {
            dossier: self.dossier,
            unit: at.parse_if("unit", self.unit.as_deref())?,
            anchor: self.anchor,
            known: at.json("known", &self.known)?,
            portal,
            code: self.code,
        })
    }
}

/// A row as it is written: the facts, what the portal has, its number.
fn written(row: &FactRow) -> Result<(String, i16, Option<String>), StoreError> {
    let (at_portal, older) = match &row.portal {
        AtPortal::Nothing => (0, None),
        AtPortal::Same => (1, None),
        AtPortal::Older(older) => (2, Some(json(older)?)),
    };
    Ok((json(&row.known)?, at_portal, older))
}

/// Dossiers about which something was admitted, planned or ended.
pub(crate) async fn changed(
    conn: &mut SqliteConnection,
    since: Option<Timestamp>,
    after: RowId,
    limit: i64,
) -> Result<Vec<RowId>, StoreError> {
    let ids = match since {
        None => {
            sqlx::query_scalar!("select id from dossiers where id > ?1 order by id limit ?2", after, limit)
                .fetch_all(conn)
                .await
        }
        Some(since) => {
            let since = us(since);
            sqlx::query_scalar!(
                r#"select distinct c.dossier as "dossier!: i64" from (
                    select e.dossier from events e where e.received_at >= ?1
                    union all
                    select o.dossier from operations o where o.ended_at >= ?1
                    union all
                    select o.dossier from operations o where o.state < 10 and o.created_at >= ?1
                ) c where c.dossier > ?2 order by c.dossier limit ?3"#,
                since,
                after,
                limit
            )
            .fetch_all(conn)
            .await
        }
    };
    ids.map_err(store_error)
}

/// What is known of dossiers, on one snapshot.
pub(crate) async fn sources(
    conn: &mut SqliteConnection,
    dossiers: &[RowId],
) -> Result<Vec<Sources>, StoreError> {
    let ids = json(dossiers)?;
    let rows = sqlx::query!(
        r#"select d.id as "id!", d.code as "code!", d.unit, d.version as "version!", v.state as "state?",
            exists(select 1 from lanes l where l.key = d.code and l.acknowledged) as "is_acknowledged!: bool"
        from json_each(?1) w
        cross join dossiers d on d.id = w.value
        left join dossier_versions v on v.dossier = d.id and v.version = d.version
        order by d.id"#,
        ids
    )
    .fetch_all(&mut *conn)
    .await
    .map_err(store_error)?;
    let mut found = BTreeMap::new();
    for row in rows {
        let at = At::new("dossiers", &row.id);
        let sources = Sources {
            dossier: row.id,
            code: at.parse("code", &row.code)?,
            unit: at.parse_if("unit", row.unit.as_deref())?,
            newest: row.state.map(|state| (row.version, state)),
            is_acknowledged: row.is_acknowledged,
            acknowledged: None,
            is_unsent: false,
            steps: Vec::new(),
            kept: None,
        };
        found.insert(row.id, sources);
    }
    told(conn, &ids, &mut found).await?;
    let kept = sqlx::query_as!(
        Row,
        r#"select f.dossier as "dossier!", f.code as "code!", f.unit, f.anchor, f.known as "known!",
            f.at_portal as "at_portal!: i16", f.older
        from json_each(?1) w
        cross join index_facts f on f.dossier = w.value"#,
        ids
    )
    .fetch_all(conn)
    .await
    .map_err(store_error)?;
    for row in kept {
        if let Some(sources) = found.get_mut(&row.dossier) {
            sources.kept = Some(row.fact()?);
        }
    }
    Ok(found.into_values().collect())
}

/// What the portal was told of these dossiers, and what of it it has.
async fn told(
    conn: &mut SqliteConnection,
    ids: &str,
    found: &mut BTreeMap<RowId, Sources>,
) -> Result<(), StoreError> {
    let operations = sqlx::query!(
        r#"select o.id as "id!", o.dossier as "dossier!", o.version, o.state as "state!: i16",
            case when o.action = 'append_progress' then o.payload end as "payload: String",
            case when instr(o.proof, '"not_sent"') > 0 then o.proof end as "proof: String"
        from json_each(?1) w
        cross join operations o on o.dossier = w.value
        where (o.state <= 6 or o.state = 10) and o.action in ('sync_dossier', 'append_progress')
        order by o.dossier, o.id"#,
        ids
    )
    .fetch_all(&mut *conn)
    .await
    .map_err(store_error)?;
    let mut versions: BTreeMap<RowId, i64> = BTreeMap::new();
    for operation in operations {
        let has = operation.state == OperationState::Succeeded.number();
        let Some(sources) = found.get_mut(&operation.dossier) else { continue };
        let at = At::new("operations", &operation.id);
        let proof = operation.proof.map(|proof| at.json::<Proof>("proof", &proof)).transpose()?;
        if proof.is_some_and(|proof| proof.is_unsent()) {
            sources.is_unsent |= operation.payload.is_none();
        } else if let Some(payload) = operation.payload {
            if let Payload::AppendProgress { steps } = at.json("payload", &payload)? {
                sources.steps.push((steps, has));
            }
        } else if let (true, Some(version)) = (has, operation.version) {
            let newest = versions.entry(operation.dossier).or_insert(version);
            *newest = version.max(*newest);
        }
    }
    for ((dossier, version), state) in states(conn, versions).await? {
        if let Some(sources) = found.get_mut(&dossier) {
            sources.acknowledged = Some((version, state));
        }
    }
    Ok(())
}

/// Puts rows of facts in the place of earlier ones.
pub(crate) async fn keep(conn: &mut SqliteConnection, rows: &[FactRow]) -> Result<(), StoreError> {
    let ids = json(&rows.iter().map(|r| r.dossier).collect::<Vec<_>>())?;
    sqlx::query!(
        "delete from index_facts where dossier in (
            select f.dossier from json_each(?1) w
            cross join aliases a on a.dossier = w.value
            cross join index_facts f on f.code = a.alias and f.dossier <> a.dossier)",
        ids
    )
    .execute(&mut *conn)
    .await
    .map_err(store_error)?;
    let mut batch = Batch::new("index_facts");
    for row in rows {
        let (known, at_portal, older) = written(row)?;
        let unit = row.unit.as_ref().map(UnitCode::as_str);
        batch.row(&[
            ("dossier", &row.dossier),
            ("code", &row.code),
            ("unit", &unit),
            ("anchor", &row.anchor),
            ("known", &known),
            ("at_portal", &at_portal),
            ("older", &older),
            ("stage", &row.known.stage().number()),
            ("due", &row.known.due),
            ("asked", &row.known.asked()),
            ("respond_by", &row.known.respond_by),
        ])?;
    }
    let Some(batch) = batch.text()? else { return Ok(()) };
    sqlx::query!(
        "insert into index_facts (dossier, code, unit, anchor, known, at_portal, older, stage, due, asked, respond_by,
            unit_key)
        select w.value ->> 'dossier', w.value ->> 'code', w.value ->> 'unit', w.value ->> 'anchor',
            w.value ->> 'known', w.value ->> 'at_portal', w.value ->> 'older', w.value ->> 'stage',
            w.value ->> 'due', w.value ->> 'asked', w.value ->> 'respond_by', coalesce(w.value ->> 'unit', '')
        from json_each(?1) w where true
        on conflict (dossier) do update set unit = excluded.unit, anchor = excluded.anchor,
            known = excluded.known, at_portal = excluded.at_portal, older = excluded.older, stage = excluded.stage,
            due = excluded.due, asked = excluded.asked, respond_by = excluded.respond_by,
            unit_key = excluded.unit_key",
        batch
    )
    .execute(conn)
    .await
    .map_err(store_error)?;
    Ok(())
}

/// Rows of facts, by anchor and dossier.
pub(crate) async fn facts(
    conn: &mut SqliteConnection,
    filter: &FactFilter,
) -> Result<Vec<FactRow>, StoreError> {
    let (anchor, dossier) = filter.after.unwrap_or((filter.from, RowId::MIN));
    let rows = sqlx::query_as!(
        Row,
        r#"select dossier as "dossier!", code as "code!", unit, anchor, known as "known!",
            at_portal as "at_portal!: i16", older
        from index_facts
        where (anchor, dossier) > (?1, ?2) and anchor < ?3 and (?4 is null or unit = ?4)
        order by anchor, dossier limit ?5"#,
        anchor,
        dossier,
        filter.until,
        filter.unit,
        filter.limit
    )
    .fetch_all(conn)
    .await
    .map_err(store_error)?;
    rows.into_iter().map(Row::fact).collect()
}

/// The latest anchor before this second.
pub(crate) async fn latest(conn: &mut SqliteConnection, until: i64) -> Result<Option<i64>, StoreError> {
    sqlx::query_scalar!(r#"select max(anchor) as "anchor: i64" from index_facts where anchor < ?1"#, until)
        .fetch_one(conn)
        .await
        .map_err(store_error)
}
