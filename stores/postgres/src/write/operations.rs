//! Lanes with their operations and attempts: the rows that change most.

use lienthong_core::{
    id::{DossierCode, UnitCode},
    lane::Lane,
    operation::Operation,
    outcome::Cause,
    port::work::{Change, Work},
};
use sqlx::PgConnection;

use super::{Result, run};
use crate::{
    error::{missing_rows, store_error},
    rows::{col, json, json_col, of_change, us, us_if},
};

/// Changes lanes and their operations. Ended operations leave their places before others take them: what is open then has a
/// statement of its own.
pub(super) async fn change(conn: &mut PgConnection, work: &Work) -> Result<()> {
    let changed = of_change(work.operations.values(), Change::Update);
    let (ended, open): (Vec<&Operation>, Vec<_>) = changed.into_iter().partition(|o| o.state.is_ended());
    let (first, second) = if ended.is_empty() { (open, ended) } else { (ended, open) };
    change_at_once(conn, &of_change(work.lanes.values(), Change::Update), &first).await?;
    change_at_once(conn, &[], &second).await
}

/// Rows that have to be there are updated: an upsert would look through the whole table for them.
async fn change_at_once(conn: &mut PgConnection, lanes: &[&Lane], operations: &[&Operation]) -> Result<()> {
    if lanes.is_empty() && operations.is_empty() {
        return Ok(());
    }
    let found = sqlx::query!(
        r#"with lanes as (
            update lanes l set next_position = n.next_position, acknowledged = n.acknowledged, state = n.state,
                due_at = n.due_at, need = n.need, head = n.head, lease_holder = n.lease_holder,
                lease_until = n.lease_until, claim = n.claim, since = n.since
            from unnest($1::bigint[], $2::bigint[], $3::boolean[], $4::smallint[], $5::bigint[], $6::text[],
                $7::bigint[], $8::text[], $9::bigint[], $10::bigint[], $11::bigint[])
                as n(id, next_position, acknowledged, state, due_at, need, head, lease_holder, lease_until, claim, since)
            where l.id = n.id
            returning 1
        ), operations as (
            update operations o set position = n.position, connector = n.connector, action = n.action,
                dossier = n.dossier, subject = n.subject, version = n.version, unit = n.unit, payload = n.payload,
                state = n.state, due_at = n.due_at, need = n.need, attempts = n.attempts, begun = n.begun,
                doubted = n.doubted, attempt_number = n.attempt_number, attempt_started_at = n.attempt_started_at,
                attempt_ended_at = n.attempt_ended_at, attempt_outcome = n.attempt_outcome,
                attempt_cause = n.attempt_cause, attempt_said = n.attempt_said, attempt_holder = n.attempt_holder,
                cause = n.cause, said = n.said, proof = n.proof, superseded_by = n.superseded_by,
                decided_by = n.decided_by, ended_at = n.ended_at, edits = n.edits
            from unnest($12::bigint[], $13::bigint[], $14::bigint[], $15::text[], $16::text[], $17::bigint[],
                $18::text[], $19::bigint[], $20::text[], $21::text[], $22::smallint[], $23::bigint[], $24::text[],
                $25::integer[], $26::boolean[], $27::boolean[], $28::integer[], $29::bigint[], $30::bigint[],
                $31::text[], $32::text[], $33::text[], $34::text[], $35::text[], $36::text[], $37::text[],
                $38::bigint[], $39::text[], $40::bigint[], $41::integer[])
                as n(id, lane, position, connector, action, dossier, subject, version, unit, payload, state, due_at,
                    need, attempts, begun, doubted, attempt_number, attempt_started_at, attempt_ended_at,
                    attempt_outcome, attempt_cause, attempt_said, attempt_holder, cause, said, proof, superseded_by,
                    decided_by, ended_at, edits)
            where o.id = n.id and o.lane = n.lane
            returning 1
        )
        select (select count(*) from lanes) as "lanes!", (select count(*) from operations) as "operations!""#,
        &col(lanes, |l| l.id) as _,
        &col(lanes, |l| l.next_position) as _,
        &col(lanes, |l| l.acknowledged) as _,
        &col(lanes, |l| l.state.number()) as _,
        &col(lanes, |l| us(l.due_at)) as _,
        &col(lanes, |l| l.need.as_ref().map(ToString::to_string)) as _,
        &col(lanes, |l| l.head) as _,
        &col(lanes, |l| l.lease.as_ref().map(|lease| lease.holder.as_str())) as _,
        &col(lanes, |l| l.lease.as_ref().map(|lease| us(lease.until))) as _,
        &col(lanes, |l| l.claim) as _,
        &col(lanes, |l| us(l.since)) as _,
        &col(operations, |o| o.id) as _,
        &col(operations, |o| o.lane) as _,
        &col(operations, |o| o.position) as _,
        &col(operations, |o| o.connector.as_str()) as _,
        &col(operations, |o| o.payload.kind().name()) as _,
        &col(operations, |o| o.dossier) as _,
        &col(operations, |o| o.subject.as_ref().map(DossierCode::as_str)) as _,
        &col(operations, |o| o.version) as _,
        &col(operations, |o| o.unit.as_ref().map(UnitCode::as_str)) as _,
        &json_col(operations, |o| &*o.payload)? as _,
        &col(operations, |o| o.state.number()) as _,
        &col(operations, |o| us(o.due_at)) as _,
        &col(operations, |o| o.need.as_ref().map(ToString::to_string)) as _,
        &col(operations, |o| o.attempts) as _,
        &col(operations, |o| o.begun) as _,
        &col(operations, |o| o.doubted) as _,
        &col(operations, |o| o.attempt.as_ref().map(|a| a.number)) as _,
        &col(operations, |o| o.attempt.as_ref().map(|a| us(a.started_at))) as _,
        &col(operations, |o| o.attempt.as_ref().and_then(|a| us_if(a.ended_at))) as _,
        &col(operations, |o| o.attempt.as_ref().and_then(|a| a.outcome.as_deref())) as _,
        &col(operations, |o| o.attempt.as_ref().and_then(|a| a.cause).map(Cause::code)) as _,
        &col(operations, |o| o.attempt.as_ref().and_then(|a| a.said.as_deref())) as _,
        &col(operations, |o| o.attempt.as_ref().map(|a| a.holder.as_str())) as _,
        &col(operations, |o| o.cause.map(Cause::code)) as _,
        &col(operations, |o| o.said.as_deref()) as _,
        &proofs(operations)? as _,
        &col(operations, |o| o.superseded_by) as _,
        &col(operations, |o| o.decided_by.as_deref()) as _,
        &col(operations, |o| us_if(o.ended_at)) as _,
        &col(operations, |o| o.edits) as _,
    )
    .fetch_one(conn)
    .await
    .map_err(store_error)?;
    for (table, wanted, found) in
        [("lanes", lanes.len(), found.lanes), ("operations", operations.len(), found.operations)]
    {
        if found != wanted as i64 {
            return Err(missing_rows(table, wanted as u64, found as u64));
        }
    }
    Ok(())
}

pub(super) fn proofs(rows: &[&Operation]) -> Result<Vec<Option<String>>> {
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
        &col(rows, |(_, a)| a.cause.map(Cause::code)) as _,
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
