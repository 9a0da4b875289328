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
use sqlx::PgConnection;
use std::collections::BTreeMap;

use crate::{
    error::store_error,
    load::states,
    rows::{At, col, json, us},
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
    conn: &mut PgConnection,
    since: Option<Timestamp>,
    after: RowId,
    limit: i64,
) -> Result<Vec<RowId>, StoreError> {
    let ids = match since {
        None => {
            sqlx::query_scalar!("select id from dossiers where id > $1 order by id limit $2", after, limit)
                .fetch_all(conn)
                .await
        }
        Some(since) => {
            sqlx::query_scalar!(
                r#"select distinct c.dossier as "dossier!" from (
                    select e.dossier from events e where e.received_at >= $1
                    union all
                    select o.dossier from operations o where o.ended_at >= $1
                    union all
                    select o.dossier from operations o where o.state < 10 and o.created_at >= $1
                ) c where c.dossier > $2 order by c.dossier limit $3"#,
                us(since),
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
pub(crate) async fn sources(conn: &mut PgConnection, dossiers: &[RowId]) -> Result<Vec<Sources>, StoreError> {
    let rows = sqlx::query!(
        r#"select d.id, d.code, d.unit, d.version, v.state as "state?",
            exists(select from lanes l where l.key = d.code and l.acknowledged) as "is_acknowledged!"
        from dossiers d
        left join dossier_versions v on v.dossier = d.id and v.version = d.version
        where d.id = any($1)
        order by d.id"#,
        dossiers
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
    told(conn, dossiers, &mut found).await?;
    let kept = sqlx::query_as!(
        Row,
        "select dossier, code, unit, anchor, known, at_portal, older from index_facts where dossier = any($1)",
        dossiers
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
    conn: &mut PgConnection,
    dossiers: &[RowId],
    found: &mut BTreeMap<RowId, Sources>,
) -> Result<(), StoreError> {
    let operations = sqlx::query!(
        r#"select id, dossier as "dossier!", version, state,
            case when action = 'append_progress' then payload end as payload,
            case when position('"not_sent"' in proof) > 0 then proof end as proof
        from operations
        where dossier = any($1) and (state <= 6 or state = 10) and action in ('sync_dossier', 'append_progress')
        order by dossier, id"#,
        dossiers
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
pub(crate) async fn keep(conn: &mut PgConnection, rows: &[FactRow]) -> Result<(), StoreError> {
    let ids = col(rows, |r| r.dossier);
    sqlx::query!(
        "delete from index_facts f using aliases a
        where a.dossier = any($1) and f.code = a.alias and f.dossier <> a.dossier",
        &ids
    )
    .execute(&mut *conn)
    .await
    .map_err(store_error)?;
    let written = rows.iter().map(written).collect::<Result<Vec<_>, _>>()?;
    sqlx::query!(
        "insert into index_facts (dossier, code, unit, anchor, known, at_portal, older, stage, due, asked, respond_by,
            unit_key)
        select n.* from unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::smallint[],
            $7::text[], $8::smallint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::text[]) as n
        on conflict (dossier) do update set unit = excluded.unit, anchor = excluded.anchor,
            known = excluded.known, at_portal = excluded.at_portal, older = excluded.older, stage = excluded.stage,
            due = excluded.due, asked = excluded.asked, respond_by = excluded.respond_by,
            unit_key = excluded.unit_key",
        &ids,
        &col(rows, |r| r.code.as_str()) as _,
        &col(rows, |r| r.unit.as_ref().map(UnitCode::as_str)) as _,
        &col(rows, |r| r.anchor) as _,
        &col(&written, |w| w.0.as_str()) as _,
        &col(&written, |w| w.1) as _,
        &col(&written, |w| w.2.as_deref()) as _,
        &col(rows, |r| r.known.stage().number()) as _,
        &col(rows, |r| r.known.due) as _,
        &col(rows, |r| r.known.asked()) as _,
        &col(rows, |r| r.known.respond_by) as _,
        &col(rows, |r| r.unit.as_ref().map_or("", UnitCode::as_str)) as _,
    )
    .execute(conn)
    .await
    .map_err(store_error)?;
    Ok(())
}

/// Rows of facts, by anchor and dossier.
pub(crate) async fn facts(conn: &mut PgConnection, filter: &FactFilter) -> Result<Vec<FactRow>, StoreError> {
    let (anchor, dossier) = filter.after.unwrap_or((filter.from, RowId::MIN));
    let rows = sqlx::query_as!(
        Row,
        r#"select dossier, code, unit, anchor, known, at_portal, older from index_facts
        where (anchor, dossier) > ($1, $2) and anchor < $3 and ($4::text is null or unit = $4)
        order by anchor, dossier limit $5"#,
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
pub(crate) async fn latest(conn: &mut PgConnection, until: i64) -> Result<Option<i64>, StoreError> {
    sqlx::query_scalar!("select max(anchor) from index_facts where anchor < $1", until)
        .fetch_one(conn)
        .await
        .map_err(store_error)
}
