//! Lanes with their operations and attempts: the rows that change most.

use lienthong_core::{
    operation::Operation,
    outcome::Cause,
    port::{
        store::StoreError,
        work::{Change, Loaded, Work},
    },
};
use sqlx::SqliteConnection;

use super::{changed, run, run_all};
use crate::rows::{Batch, operation_rows};

pub(super) async fn lanes(conn: &mut SqliteConnection, work: &Work) -> Result<(), StoreError> {
    let mut batch = Batch::new("lanes");
    for Loaded { row: lane, change } in changed(work.lanes.values()) {
        batch.row(&[
            ("is_new", &(*change == Change::Insert)),
            ("id", &lane.id),
            ("connector", &lane.connector.as_str()),
            ("key", &lane.key.as_str()),
            ("next_position", &lane.next_position),
            ("acknowledged", &lane.acknowledged),
            ("state", &lane.state.number()),
            ("due_at", &lane.due_at),
            ("need", &lane.need.as_ref().map(ToString::to_string)),
            ("head", &lane.head),
            ("lease_holder", &lane.lease.as_ref().map(|l| l.holder.as_str())),
            ("lease_until", &lane.lease.as_ref().map(|l| l.until)),
            ("claim", &lane.claim),
            ("since", &lane.since),
        ])?;
    }
    let size = batch.size();
    let Some(rows) = batch.text()? else { return Ok(()) };
    let written = sqlx::query!(
        "insert into lanes (id, connector, key, next_position, acknowledged, state, due_at, need, head, lease_holder,
            lease_until, claim, since)
         select value ->> 'id', value ->> 'connector', value ->> 'key', value ->> 'next_position',
            value ->> 'acknowledged', value ->> 'state', value ->> 'due_at', value ->> 'need', value ->> 'head',
            value ->> 'lease_holder', value ->> 'lease_until', value ->> 'claim', value ->> 'since'
         from jsonb_each(?1)
         where value ->> 'is_new' or value ->> 'id' in (select id from lanes)
         on conflict (id) do update set
            next_position = excluded.next_position, acknowledged = excluded.acknowledged, state = excluded.state,
            due_at = excluded.due_at, need = excluded.need, head = excluded.head,
            lease_holder = excluded.lease_holder, lease_until = excluded.lease_until, claim = excluded.claim,
            since = excluded.since",
        rows
    );
    run_all(conn, written, size).await
}

pub(super) async fn update_operations(
    conn: &mut SqliteConnection,
    operations: &[&Operation],
) -> Result<(), StoreError> {
    let Some(rows) = operation_rows(operations)? else { return Ok(()) };
    let written = sqlx::query!(
        "update operations set
            lane = n.value ->> 'lane', position = n.value ->> 'position', connector = n.value ->> 'connector',
            action = n.value ->> 'action', dossier = n.value ->> 'dossier', subject = n.value ->> 'subject',
            version = n.value ->> 'version', unit = n.value ->> 'unit', event = n.value ->> 'event',
            payload = n.value ->> 'payload', state = n.value ->> 'state', due_at = n.value ->> 'due_at',
            need = n.value ->> 'need', attempts = n.value ->> 'attempts', begun = n.value ->> 'begun',
            doubted = n.value ->> 'doubted', attempt_number = n.value ->> 'attempt_number',
            attempt_started_at = n.value ->> 'attempt_started_at',
            attempt_ended_at = n.value ->> 'attempt_ended_at', attempt_outcome = n.value ->> 'attempt_outcome',
            attempt_cause = n.value ->> 'attempt_cause', attempt_said = n.value ->> 'attempt_said',
            attempt_holder = n.value ->> 'attempt_holder', cause = n.value ->> 'cause', said = n.value ->> 'said',
            proof = n.value ->> 'proof', superseded_by = n.value ->> 'superseded_by',
            decided_by = n.value ->> 'decided_by', ended_at = n.value ->> 'ended_at',
            edits = n.value ->> 'edits'
         from jsonb_each(?1) n
         where operations.id = n.value ->> 'id'",
        rows
    );
    run_all(conn, written, ("operations", operations.len() as u64)).await
}

pub(super) async fn insert_operations(
    conn: &mut SqliteConnection,
    operations: &[&Operation],
) -> Result<(), StoreError> {
    let Some(rows) = operation_rows(operations)? else { return Ok(()) };
    let written = sqlx::query!(
        "insert into operations (id, lane, position, connector, action, dossier, subject, version, unit, event,
            payload, state, due_at, need, attempts, begun, doubted, attempt_number, attempt_started_at,
            attempt_ended_at, attempt_outcome, attempt_cause, attempt_said, attempt_holder, cause, said, proof,
            superseded_by, decided_by, created_at, ended_at, edits)
         select value ->> 'id', value ->> 'lane', value ->> 'position', value ->> 'connector', value ->> 'action',
            value ->> 'dossier', value ->> 'subject', value ->> 'version', value ->> 'unit', value ->> 'event',
            value ->> 'payload', value ->> 'state', value ->> 'due_at', value ->> 'need', value ->> 'attempts',
            value ->> 'begun', value ->> 'doubted', value ->> 'attempt_number', value ->> 'attempt_started_at',
            value ->> 'attempt_ended_at', value ->> 'attempt_outcome', value ->> 'attempt_cause',
            value ->> 'attempt_said', value ->> 'attempt_holder', value ->> 'cause', value ->> 'said',
            value ->> 'proof', value ->> 'superseded_by', value ->> 'decided_by', value ->> 'created_at',
            value ->> 'ended_at', value ->> 'edits'
         from jsonb_each(?1)",
        rows
    );
    run(conn, written).await
}

pub(super) async fn past_attempts(conn: &mut SqliteConnection, work: &Work) -> Result<(), StoreError> {
    let mut batch = Batch::new("attempts");
    for (operation, attempt) in &work.past_attempts {
        batch.row(&[
            ("operation", operation),
            ("number", &attempt.number),
            ("started_at", &attempt.started_at),
            ("ended_at", &attempt.ended_at),
            ("outcome", &attempt.outcome),
            ("cause", &attempt.cause.map(Cause::code)),
            ("said", &attempt.said),
            ("holder", &attempt.holder),
        ])?;
    }
    let Some(rows) = batch.text()? else { return Ok(()) };
    let written = sqlx::query!(
        "insert into attempts (operation, number, started_at, ended_at, outcome, cause, said, holder)
         select value ->> 'operation', value ->> 'number', value ->> 'started_at', value ->> 'ended_at',
            value ->> 'outcome', value ->> 'cause', value ->> 'said', value ->> 'holder'
         from jsonb_each(?1)",
        rows
    );
    run(conn, written).await
}

pub(super) async fn edits(conn: &mut SqliteConnection, work: &Work) -> Result<(), StoreError> {
    let mut batch = Batch::new("edits");
    for edit in &work.edits {
        batch.row(&[
            ("operation", &edit.operation),
            ("number", &edit.number),
            ("at", &work.now),
            ("actor", &edit.actor),
            ("reason", &edit.reason),
            ("before", &&*edit.before),
            ("after", &&*edit.after),
        ])?;
    }
    let Some(rows) = batch.text()? else { return Ok(()) };
    let written = sqlx::query!(
        "insert into edits (operation, number, actor, reason, before, after, at)
         select value ->> 'operation', value ->> 'number', value ->> 'actor', value ->> 'reason', value ->> 'before',
            value ->> 'after', value ->> 'at'
         from jsonb_each(?1)",
        rows
    );
    run(conn, written).await
}
