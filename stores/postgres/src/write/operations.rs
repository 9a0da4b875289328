//! Lanes with their operations and attempts: the rows that change most.

use lienthong_core::{
    lane::Lane,
    operation::Operation,
    port::work::{Change, Work},
};
use sqlx::PgConnection;

use super::{Result, run, run_all};
use crate::rows::{col, json, json_col, us, us_if};

/// New lanes and changed ones apart: an upsert would look through the whole table for those that have to be there.
pub(super) async fn lanes(conn: &mut PgConnection, work: &Work) -> Result<()> {
    let (new, old): (Vec<_>, Vec<_>) =
        work.lanes.values().filter(|l| l.change != Change::None).partition(|l| l.change == Change::Insert);
    update_lanes(conn, &old.into_iter().map(|l| &l.row).collect::<Vec<_>>()).await?;
    insert_lanes(conn, &new.into_iter().map(|l| &l.row).collect::<Vec<_>>()).await
}

async fn insert_lanes(conn: &mut PgConnection, rows: &[&Lane]) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let written = sqlx::query!(
        "insert into lanes (id, connector, key, next_position, acknowledged, state, due_at, need, head, lease_holder,
            lease_until, claim, since)
        select l.*
        from unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[], $5::boolean[], $6::smallint[], $7::bigint[],
            $8::text[], $9::bigint[], $10::text[], $11::bigint[], $12::bigint[], $13::bigint[]) as l",
        &col(rows, |l| l.id) as _,
        &col(rows, |l| l.connector.as_str()) as _,
        &col(rows, |l| l.key.as_str()) as _,
        &col(rows, |l| l.next_position) as _,
        &col(rows, |l| l.acknowledged) as _,
        &col(rows, |l| l.state.number()) as _,
        &col(rows, |l| us(l.due_at)) as _,
        &col(rows, |l| l.need.as_ref().map(ToString::to_string)) as _,
        &col(rows, |l| l.head) as _,
        &col(rows, |l| l.lease.as_ref().map(|lease| lease.holder.as_str())) as _,
        &col(rows, |l| l.lease.as_ref().map(|lease| us(lease.until))) as _,
        &col(rows, |l| l.claim) as _,
        &col(rows, |l| us(l.since)) as _,
    );
    run(conn, written).await
}

async fn update_lanes(conn: &mut PgConnection, rows: &[&Lane]) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let written = sqlx::query!(
        "update lanes l set next_position = n.next_position, acknowledged = n.acknowledged, state = n.state,
            due_at = n.due_at, need = n.need, head = n.head, lease_holder = n.lease_holder,
            lease_until = n.lease_until, claim = n.claim, since = n.since
        from unnest($1::bigint[], $2::bigint[], $3::boolean[], $4::smallint[], $5::bigint[], $6::text[], $7::bigint[],
            $8::text[], $9::bigint[], $10::bigint[], $11::bigint[])
            as n(id, next_position, acknowledged, state, due_at, need, head, lease_holder, lease_until, claim, since)
        where l.id = n.id",
        &col(rows, |l| l.id) as _,
        &col(rows, |l| l.next_position) as _,
        &col(rows, |l| l.acknowledged) as _,
        &col(rows, |l| l.state.number()) as _,
        &col(rows, |l| us(l.due_at)) as _,
        &col(rows, |l| l.need.as_ref().map(ToString::to_string)) as _,
        &col(rows, |l| l.head) as _,
        &col(rows, |l| l.lease.as_ref().map(|lease| lease.holder.as_str())) as _,
        &col(rows, |l| l.lease.as_ref().map(|lease| us(lease.until))) as _,
        &col(rows, |l| l.claim) as _,
        &col(rows, |l| us(l.since)) as _,
    );
    run_all(conn, written, "lanes", rows.len()).await
}

pub(super) async fn update_operations(conn: &mut PgConnection, rows: &[&Operation]) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let written = sqlx::query!(
        "update operations o set position = n.position, connector = n.connector, action = n.action, dossier = n.dossier,
            subject = n.subject, version = n.version, unit = n.unit, payload = n.payload, state = n.state,
            due_at = n.due_at, need = n.need, attempts = n.attempts, begun = n.begun, doubted = n.doubted,
            attempt_number = n.attempt_number, attempt_started_at = n.attempt_started_at,
            attempt_ended_at = n.attempt_ended_at, attempt_outcome = n.attempt_outcome,
            attempt_cause = n.attempt_cause, attempt_said = n.attempt_said, attempt_holder = n.attempt_holder,
            cause = n.cause, said = n.said, proof = n.proof, superseded_by = n.superseded_by,
            decided_by = n.decided_by, ended_at = n.ended_at, edits = n.edits
        from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::bigint[], $7::text[],
            $8::bigint[], $9::text[], $10::text[], $11::smallint[], $12::bigint[], $13::text[], $14::integer[],
            $15::boolean[], $16::boolean[], $17::integer[], $18::bigint[], $19::bigint[], $20::text[], $21::text[],
            $22::text[], $23::text[], $24::text[], $25::text[], $26::text[], $27::bigint[], $28::text[], $29::bigint[],
            $30::integer[])
            as n(id, lane, position, connector, action, dossier, subject, version, unit, payload, state, due_at, need,
                attempts, begun, doubted, attempt_number, attempt_started_at, attempt_ended_at, attempt_outcome,
                attempt_cause, attempt_said, attempt_holder, cause, said, proof, superseded_by, decided_by, ended_at,
                edits)
        where o.id = n.id and o.lane = n.lane",
        &col(rows, |o| o.id) as _,
        &col(rows, |o| o.lane) as _,
        &col(rows, |o| o.position) as _,
        &col(rows, |o| o.connector.as_str()) as _,
        &col(rows, |o| o.payload.kind().name()) as _,
        &col(rows, |o| o.dossier) as _,
        &col(rows, |o| o.subject.as_ref().map(lienthong_core::id::DossierCode::as_str)) as _,
        &col(rows, |o| o.version) as _,
        &col(rows, |o| o.unit.as_ref().map(lienthong_core::id::UnitCode::as_str)) as _,
        &json_col(rows, |o| &*o.payload)? as _,
        &col(rows, |o| o.state.number()) as _,
        &col(rows, |o| us(o.due_at)) as _,
        &col(rows, |o| o.need.as_ref().map(ToString::to_string)) as _,
        &col(rows, |o| o.attempts) as _,
        &col(rows, |o| o.begun) as _,
        &col(rows, |o| o.doubted) as _,
        &col(rows, |o| o.attempt.as_ref().map(|a| a.number)) as _,
        &col(rows, |o| o.attempt.as_ref().map(|a| us(a.started_at))) as _,
        &col(rows, |o| o.attempt.as_ref().and_then(|a| us_if(a.ended_at))) as _,
        &col(rows, |o| o.attempt.as_ref().and_then(|a| a.outcome.as_deref())) as _,
        &col(rows, |o| o.attempt.as_ref().and_then(|a| a.cause).map(lienthong_core::outcome::Cause::code)) as _,
        &col(rows, |o| o.attempt.as_ref().and_then(|a| a.said.as_deref())) as _,
        &col(rows, |o| o.attempt.as_ref().map(|a| a.holder.as_str())) as _,
        &col(rows, |o| o.cause.map(lienthong_core::outcome::Cause::code)) as _,
        &col(rows, |o| o.said.as_deref()) as _,
        &proofs(rows)? as _,
        &col(rows, |o| o.superseded_by) as _,
        &col(rows, |o| o.decided_by.as_deref()) as _,
        &col(rows, |o| us_if(o.ended_at)) as _,
        &col(rows, |o| o.edits) as _,
    );
    run_all(conn, written, "operations", rows.len()).await
}

pub(super) async fn insert_operations(conn: &mut PgConnection, rows: &[&Operation]) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let written = sqlx::query!(
        "insert into operations (id, lane, position, connector, action, dossier, subject, version, unit, event, payload,
            state, due_at, need, attempts, begun, doubted, attempt_number, attempt_started_at, attempt_ended_at,
            attempt_outcome, attempt_cause, attempt_said, attempt_holder, cause, said, proof, superseded_by,
            decided_by, created_at, ended_at, edits)
        select n.*
        from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::bigint[], $7::text[],
            $8::bigint[], $9::text[], $10::bigint[], $11::text[], $12::smallint[], $13::bigint[], $14::text[],
            $15::integer[], $16::boolean[], $17::boolean[], $18::integer[], $19::bigint[], $20::bigint[], $21::text[],
            $22::text[], $23::text[], $24::text[], $25::text[], $26::text[], $27::text[], $28::bigint[], $29::text[],
            $30::bigint[], $31::bigint[], $32::integer[]) as n",
        &col(rows, |o| o.id) as _,
        &col(rows, |o| o.lane) as _,
        &col(rows, |o| o.position) as _,
        &col(rows, |o| o.connector.as_str()) as _,
        &col(rows, |o| o.payload.kind().name()) as _,
        &col(rows, |o| o.dossier) as _,
        &col(rows, |o| o.subject.as_ref().map(lienthong_core::id::DossierCode::as_str)) as _,
        &col(rows, |o| o.version) as _,
        &col(rows, |o| o.unit.as_ref().map(lienthong_core::id::UnitCode::as_str)) as _,
        &col(rows, |o| o.event) as _,
        &json_col(rows, |o| &*o.payload)? as _,
        &col(rows, |o| o.state.number()) as _,
        &col(rows, |o| us(o.due_at)) as _,
        &col(rows, |o| o.need.as_ref().map(ToString::to_string)) as _,
        &col(rows, |o| o.attempts) as _,
        &col(rows, |o| o.begun) as _,
        &col(rows, |o| o.doubted) as _,
        &col(rows, |o| o.attempt.as_ref().map(|a| a.number)) as _,
        &col(rows, |o| o.attempt.as_ref().map(|a| us(a.started_at))) as _,
        &col(rows, |o| o.attempt.as_ref().and_then(|a| us_if(a.ended_at))) as _,
        &col(rows, |o| o.attempt.as_ref().and_then(|a| a.outcome.as_deref())) as _,
        &col(rows, |o| o.attempt.as_ref().and_then(|a| a.cause).map(lienthong_core::outcome::Cause::code)) as _,
        &col(rows, |o| o.attempt.as_ref().and_then(|a| a.said.as_deref())) as _,
        &col(rows, |o| o.attempt.as_ref().map(|a| a.holder.as_str())) as _,
        &col(rows, |o| o.cause.map(lienthong_core::outcome::Cause::code)) as _,
        &col(rows, |o| o.said.as_deref()) as _,
        &proofs(rows)? as _,
        &col(rows, |o| o.superseded_by) as _,
        &col(rows, |o| o.decided_by.as_deref()) as _,
        &col(rows, |o| us(o.created_at)) as _,
        &col(rows, |o| us_if(o.ended_at)) as _,
        &col(rows, |o| o.edits) as _,
    );
    run(conn, written).await
}

fn proofs(rows: &[&Operation]) -> Result<Vec<Option<String>>> {
    rows.iter().map(|o| o.proof.as_ref().map(json).transpose()).collect()
}

pub(super) async fn past_attempts(conn: &mut PgConnection, work: &Work) -> Result<()> {
    let rows = &work.past_attempts;
    if rows.is_empty() {
        return Ok(());
    }
    let written = sqlx::query!(
        "insert into attempts (operation, number, started_at, ended_at, outcome, cause, said, holder)
        select a.*
        from unnest($1::bigint[], $2::integer[], $3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::text[],
            $8::text[]) as a",
        &col(rows, |(operation, _)| *operation) as _,
        &col(rows, |(_, a)| a.number) as _,
        &col(rows, |(_, a)| us(a.started_at)) as _,
        &col(rows, |(_, a)| us_if(a.ended_at)) as _,
        &col(rows, |(_, a)| a.outcome.as_deref()) as _,
        &col(rows, |(_, a)| a.cause.map(lienthong_core::outcome::Cause::code)) as _,
        &col(rows, |(_, a)| a.said.as_deref()) as _,
        &col(rows, |(_, a)| a.holder.as_str()) as _,
    );
    run(conn, written).await
}

pub(super) async fn edits(conn: &mut PgConnection, work: &Work) -> Result<()> {
    let rows = &work.edits;
    if rows.is_empty() {
        return Ok(());
    }
    let written = sqlx::query!(
        "insert into edits (operation, number, actor, reason, before, after, at)
        select e.*, $7::bigint
        from unnest($1::bigint[], $2::integer[], $3::text[], $4::text[], $5::text[], $6::text[]) as e",
        &col(rows, |e| e.operation) as _,
        &col(rows, |e| e.number) as _,
        &col(rows, |e| e.actor.as_str()) as _,
        &col(rows, |e| e.reason.as_str()) as _,
        &col(rows, |e| &*e.before) as _,
        &col(rows, |e| &*e.after) as _,
        us(work.now),
    );
    run(conn, written).await
}
