//! Everything new that an admission brings, in one statement: what a unit costs for one event is its round trips.

use lienthong_core::{
    dossier::DossierRecord,
    id::{DossierCode, UnitCode},
    lane::Lane,
    operation::Operation,
    outcome::Cause,
    port::{
        store::StoreError,
        work::{Change, Work},
    },
};
use sqlx::PgConnection;

use super::{Result, operations::proofs};
use crate::{
    error::store_error,
    rows::{col, json_col, of_change, us, us_if},
};

/// Inserts new events with their keys, dossiers, versions, aliases, lanes and operations; after whatever leaves a place
/// that they take. Rows of a kind go in by a natural key, and the kinds in the order of the plan, which is the same
/// everywhere: two units do not wait for each other crosswise.
///
/// What was set aside under the key of an event has been told again. The answer of the statement is a code that somebody
/// gave another meaning since it was looked for: it sees what was committed before [`crate::codes::add_alone`] let it go on,
/// and none of its own rows: within one unit it is the decision that knows.
pub(super) async fn insert(conn: &mut PgConnection, work: &Work) -> Result<()> {
    let (events, versions, aliases) = (&work.new_events, &work.new_versions, &work.new_aliases);
    let dossiers: Vec<&DossierRecord> = of_change(work.dossiers.values(), Change::Insert);
    let lanes: Vec<&Lane> = of_change(work.lanes.values(), Change::Insert);
    let operations: Vec<&Operation> = of_change(work.operations.values(), Change::Insert);
    let rows = [events.len(), versions.len(), aliases.len(), dossiers.len(), lanes.len(), operations.len()];
    if rows == [0; 6] {
        return Ok(());
    }
    let taken = sqlx::query_scalar!(
        r#"with keys as (
            insert into event_keys (source, event_id, content_hash, admitted_at)
            select k.source, k.event_id, k.content_hash, $1::bigint
            from unnest($3::text[], $4::text[], $5::bytea[]) as k(source, event_id, content_hash)
            order by k.source, k.event_id
        ), told_again as (
            update quarantine q set closed_at = $1::bigint
            from unnest($3::text[], $4::text[]) as k(source, event_id)
            where q.source = k.source and q.event_id = k.event_id and q.closed_at is null and q.reason <> 'conflict'
        ), new_events as (
            insert into events (id, source, event_id, name, subject, unit, dossier, occurred_at, sequence, late,
                planned, note, body, received_at)
            select e.*, $1::bigint
            from unnest($2::bigint[], $3::text[], $4::text[], $6::text[], $7::text[], $8::text[], $9::bigint[],
                $10::bigint[], $11::bigint[], $12::boolean[], $13::integer[], $14::text[], $15::text[]) as e
        ), new_dossiers as (
            insert into dossiers (id, code, unit, known, version, sequences, bindings, created_at, updated_at)
            select d.*, $1::bigint
            from unnest($16::bigint[], $17::text[], $18::text[], $19::boolean[], $20::bigint[], $21::text[],
                $22::text[], $23::bigint[]) as d(id, code)
            order by d.code
        ), new_versions as (
            insert into dossier_versions (dossier, version, state, event, created_at)
            select v.*, $1::bigint from unnest($24::bigint[], $25::bigint[], $26::text[], $27::bigint[]) as v
        ), new_aliases as (
            insert into aliases (alias, dossier)
            select a.alias, a.dossier from unnest($28::text[], $29::bigint[]) as a(alias, dossier) order by a.alias
        ), new_lanes as (
            insert into lanes (id, connector, key, next_position, acknowledged, state, due_at, need, head, lease_holder,
                lease_until, claim, since)
            select l.*
            from unnest($30::bigint[], $31::text[], $32::text[], $33::bigint[], $34::boolean[], $35::smallint[],
                $36::bigint[], $37::text[], $38::bigint[], $39::text[], $40::bigint[], $41::bigint[], $42::bigint[])
                as l(id, connector, key)
            order by l.key, l.connector
        ), new_operations as (
            insert into operations (id, lane, position, connector, action, dossier, subject, version, unit, event,
                payload, state, due_at, need, attempts, begun, doubted, attempt_number, attempt_started_at,
                attempt_ended_at, attempt_outcome, attempt_cause, attempt_said, attempt_holder, cause, said, proof,
                superseded_by, decided_by, created_at, ended_at, edits)
            select o.*
            from unnest($43::bigint[], $44::bigint[], $45::bigint[], $46::text[], $47::text[], $48::bigint[],
                $49::text[], $50::bigint[], $51::text[], $52::bigint[], $53::text[], $54::smallint[], $55::bigint[],
                $56::text[], $57::integer[], $58::boolean[], $59::boolean[], $60::integer[], $61::bigint[],
                $62::bigint[], $63::text[], $64::text[], $65::text[], $66::text[], $67::text[], $68::text[],
                $69::text[], $70::bigint[], $71::text[], $72::bigint[], $73::bigint[], $74::integer[]) as o
        )
        select a.alias as "code!" from aliases a
        join unnest($16::bigint[], $17::text[]) as d(id, code) on a.alias = d.code and a.dossier <> d.id
        union all
        select d.code from dossiers d
        join unnest($28::text[], $29::bigint[]) as a(alias, dossier) on d.code = a.alias and d.id <> a.dossier
        limit 1"#,
        us(work.now),
        &col(events, |e| e.row) as _,
        &col(events, |e| e.key.source.as_str()) as _,
        &col(events, |e| e.key.id.as_str()) as _,
        &col(events, |e| &e.content_hash[..]) as _,
        &col(events, |e| e.name.as_str()) as _,
        &col(events, |e| e.subject.as_str()) as _,
        &col(events, |e| e.unit.as_ref().map(UnitCode::as_str)) as _,
        &col(events, |e| e.dossier) as _,
        &col(events, |e| us(e.at)) as _,
        &col(events, |e| e.sequence) as _,
        &col(events, |e| e.late) as _,
        &col(events, |e| e.planned) as _,
        &col(events, |e| e.note.as_deref()) as _,
        &col(events, |e| &*e.body) as _,
        &col(&dossiers, |d| d.row) as _,
        &col(&dossiers, |d| d.code.as_str()) as _,
        &col(&dossiers, |d| d.unit.as_ref().map(UnitCode::as_str)) as _,
        &col(&dossiers, |d| d.known) as _,
        &col(&dossiers, |d| d.version) as _,
        &json_col(&dossiers, |d| &d.sequences)? as _,
        &json_col(&dossiers, |d| &d.bindings)? as _,
        &col(&dossiers, |d| us(d.created_at)) as _,
        &col(versions, |v| v.dossier) as _,
        &col(versions, |v| v.version) as _,
        &col(versions, |v| &*v.state) as _,
        &col(versions, |v| v.event) as _,
        &col(aliases, |(alias, _)| alias.as_str()) as _,
        &col(aliases, |(_, dossier)| *dossier) as _,
        &col(&lanes, |l| l.id) as _,
        &col(&lanes, |l| l.connector.as_str()) as _,
        &col(&lanes, |l| l.key.as_str()) as _,
        &col(&lanes, |l| l.next_position) as _,
        &col(&lanes, |l| l.acknowledged) as _,
        &col(&lanes, |l| l.state.number()) as _,
        &col(&lanes, |l| us(l.due_at)) as _,
        &col(&lanes, |l| l.need.as_ref().map(ToString::to_string)) as _,
        &col(&lanes, |l| l.head) as _,
        &col(&lanes, |l| l.lease.as_ref().map(|lease| lease.holder.as_str())) as _,
        &col(&lanes, |l| l.lease.as_ref().map(|lease| us(lease.until))) as _,
        &col(&lanes, |l| l.claim) as _,
        &col(&lanes, |l| us(l.since)) as _,
        &col(&operations, |o| o.id) as _,
        &col(&operations, |o| o.lane) as _,
        &col(&operations, |o| o.position) as _,
        &col(&operations, |o| o.connector.as_str()) as _,
        &col(&operations, |o| o.payload.kind().name()) as _,
        &col(&operations, |o| o.dossier) as _,
        &col(&operations, |o| o.subject.as_ref().map(DossierCode::as_str)) as _,
        &col(&operations, |o| o.version) as _,
        &col(&operations, |o| o.unit.as_ref().map(UnitCode::as_str)) as _,
        &col(&operations, |o| o.event) as _,
        &json_col(&operations, |o| &*o.payload)? as _,
        &col(&operations, |o| o.state.number()) as _,
        &col(&operations, |o| us(o.due_at)) as _,
        &col(&operations, |o| o.need.as_ref().map(ToString::to_string)) as _,
        &col(&operations, |o| o.attempts) as _,
        &col(&operations, |o| o.begun) as _,
        &col(&operations, |o| o.doubted) as _,
        &col(&operations, |o| o.attempt.as_ref().map(|a| a.number)) as _,
        &col(&operations, |o| o.attempt.as_ref().map(|a| us(a.started_at))) as _,
        &col(&operations, |o| o.attempt.as_ref().and_then(|a| us_if(a.ended_at))) as _,
        &col(&operations, |o| o.attempt.as_ref().and_then(|a| a.outcome.as_deref())) as _,
        &col(&operations, |o| o.attempt.as_ref().and_then(|a| a.cause).map(Cause::code)) as _,
        &col(&operations, |o| o.attempt.as_ref().and_then(|a| a.said.as_deref())) as _,
        &col(&operations, |o| o.attempt.as_ref().map(|a| a.holder.as_str())) as _,
        &col(&operations, |o| o.cause.map(Cause::code)) as _,
        &col(&operations, |o| o.said.as_deref()) as _,
        &proofs(&operations)? as _,
        &col(&operations, |o| o.superseded_by) as _,
        &col(&operations, |o| o.decided_by.as_deref()) as _,
        &col(&operations, |o| us(o.created_at)) as _,
        &col(&operations, |o| us_if(o.ended_at)) as _,
        &col(&operations, |o| o.edits) as _,
    )
    .fetch_optional(conn)
    .await
    .map_err(store_error)?;
    match taken {
        None => Ok(()),
        Some(code) => {
            Err(StoreError::Contended(format!("{code} became a dossier's own code and another's alias")))
        }
    }
}
