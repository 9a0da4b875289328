//! Retention over the tables: everything that may go, at once.

use jiff::Timestamp;
use std::collections::BTreeSet;

use super::tables::{Tables, add};
use crate::{
    id::RowId,
    operation::{ActionKind, OperationState},
    port::{
        retention::{DUE_COUNTED, Holding, KEPT_EVENTS, Kind, Step, Taken},
        work::LedgerDelta,
    },
    replay::ReplayState,
};

/// Takes away all that may go of a kind.
pub(super) fn retire(tables: &mut Tables, step: &Step, now: Timestamp) -> Taken {
    let done = Taken { rows: 0, is_done: true };
    let is_replaying = tables
        .replays
        .values()
        .any(|replay| !matches!(replay.state, ReplayState::Finished | ReplayState::Cancelled));
    if tables.is_fenced() || (is_replaying && step.kind == Kind::Operations) {
        return done;
    }
    let before = step.before;
    let rows = match step.kind {
        Kind::Versions => {
            let quiet = quiet(tables, before);
            let newest = |dossier| tables.dossiers.get(&dossier).map(|d| d.version);
            let due: Vec<_> = tables.versions.keys().copied().collect();
            let due = due.into_iter().filter(|(d, v)| quiet.contains(d) && newest(*d) != Some(*v));
            due.collect::<Vec<_>>().iter().filter_map(|key| tables.versions.remove(key)).count()
        }
        Kind::Events => events(tables, before),
        Kind::Operations => operations(tables, before),
        Kind::Keys => {
            let due = tables.keys_since.iter().filter(|(_, at)| **at < before);
            let due: Vec<_> = due.map(|(key, _)| key.clone()).collect();
            for key in &due {
                tables.keys_since.remove(key);
                tables.event_keys.remove(key);
            }
            due.len()
        }
        Kind::Outbox => {
            let told = tables.cursors.get("relay").and_then(|c| c.parse().ok()).unwrap_or(0);
            let young = tables.outbox.iter().position(|row| row.at >= before);
            let old = young.unwrap_or(tables.outbox.len().saturating_sub(1));
            let told = tables.outbox.partition_point(|row| !step.relays || row.number <= told);
            tables.outbox.drain(..old.min(told)).count()
        }
        Kind::Callbacks => {
            let is_due = |c: &super::StoredCallback| {
                c.received_at < before && c.verdict.as_ref().is_some_and(|v| v != "applied")
            };
            tables.callbacks.extract_if(.., |_, c| is_due(c)).count()
        }
        Kind::Quarantine => {
            let due =
                tables.quarantine.extract_if(.., |_, q| q.closed_at.is_some_and(|at| at < before)).count();
            tables.retired_ledger.quarantined += due as i64;
            due
        }
        Kind::Audit => {
            let young = tables.audit.iter().position(|(at, ..)| *at >= before);
            let old = young.unwrap_or(tables.audit.len().saturating_sub(1));
            tables.audit.drain(..old).count()
        }
        Kind::Files => tables.files.extract_if(.., |_, (file, _)| file.created_at < before).count(),
    } as i64;
    if rows > 0 {
        let (gone, last) = tables.retired.entry(step.kind).or_insert((0, now));
        (*gone, *last) = (*gone + rows, now);
    }
    Taken { rows, ..done }
}

/// Dossiers to which nothing has happened for so long and of which nothing is open.
fn quiet(tables: &Tables, before: Timestamp) -> BTreeSet<RowId> {
    let old = tables.dossiers_since.iter().filter(|(_, at)| **at < before).map(|(row, _)| *row);
    let is_open = |row: &RowId| {
        let of_it = tables.operations_of.get(row).into_iter().flatten();
        of_it.filter_map(|id| tables.operations.get(id)).any(|o| o.ended_at.is_none_or(|at| at >= before))
    };
    let is_new = |row: &RowId| {
        let of_it = tables.events_of.get(row).into_iter().flatten();
        of_it.filter_map(|id| tables.events.get(id)).any(|e| e.received_at >= before)
    };
    old.filter(|row| !is_open(row) && !is_new(row)).collect()
}

fn events(tables: &mut Tables, before: Timestamp) -> usize {
    let quiet = quiet(tables, before);
    let Some(newest) = tables.events.values().map(|e| e.received_at).max() else { return 0 };
    let last = tables.events.values().rev().find(|e| e.received_at == newest);
    let last = last.and_then(|e| e.record.dossier);
    let is_kept = |name: &str| KEPT_EVENTS.contains(&name);
    let created = |row: &RowId| tables.dossiers.get(row).map(|d| d.created_at);
    let first_stays: BTreeSet<RowId> = tables
        .events
        .values()
        .filter(|e| is_kept(&e.record.name))
        .filter_map(|e| e.record.dossier.filter(|row| Some(e.received_at) <= created(row)))
        .collect();
    let due: Vec<RowId> = tables
        .events
        .iter()
        .filter(|(_, e)| match e.record.dossier {
            Some(row) => quiet.contains(&row) && !first_stays.contains(&row) && Some(row) != last,
            None => e.received_at < before,
        })
        .filter(|(_, e)| e.received_at < newest && !is_kept(&e.record.name))
        .map(|(id, _)| *id)
        .collect();
    for id in &due {
        tables.events.remove(id);
    }
    for rows in tables.events_of.values_mut() {
        rows.retain(|id| tables.events.contains_key(id));
    }
    tables.retired_ledger.admitted += due.len() as i64;
    due.len()
}

fn operations(tables: &mut Tables, before: Timestamp) -> usize {
    let quiet = quiet(tables, before);
    let edited: BTreeSet<_> =
        tables.operations.values().filter(|o| o.edits > 0).filter_map(|o| o.dossier).collect();
    let due: Vec<_> = tables
        .operations
        .values()
        .filter(|o| o.dossier.is_none_or(|row| !edited.contains(&row)))
        .filter(|o| o.ended_at.is_some_and(|at| at < before) && o.edits == 0)
        .filter(|o| o.dossier.is_none_or(|row| quiet.contains(&row)))
        .filter(|o| o.payload.kind() != ActionKind::OpenPayment)
        .map(|o| (o.id, o.state))
        .collect();
    for (id, state) in &due {
        let one = |is: OperationState| i64::from(*state == is);
        let ledger = LedgerDelta {
            planned: 1,
            succeeded: one(OperationState::Succeeded),
            refused: one(OperationState::Refused),
            superseded: one(OperationState::Superseded),
            dismissed: one(OperationState::Dismissed),
            ..LedgerDelta::default()
        };
        tables.retired_ledger = add(tables.retired_ledger, ledger);
        tables.operations.remove(id);
        tables.attempts.retain(|(operation, _), _| operation != id);
    }
    for rows in tables.operations_of.values_mut() {
        rows.retain(|id| tables.operations.contains_key(id));
    }
    due.len()
}

/// What there is of a kind.
pub(super) fn holding(tables: &Tables, kind: Kind, before: Option<Timestamp>) -> Holding {
    let times: Option<Vec<Timestamp>> = match kind {
        Kind::Versions => None,
        Kind::Events => Some(tables.events.values().map(|e| e.received_at).collect()),
        Kind::Operations => Some(tables.operations.values().filter_map(|o| o.ended_at).collect()),
        Kind::Keys => Some(tables.keys_since.values().copied().collect()),
        Kind::Outbox => Some(tables.outbox.iter().map(|row| row.at).collect()),
        Kind::Callbacks => {
            let judged =
                tables.callbacks.values().filter(|c| c.verdict.as_ref().is_some_and(|v| v != "applied"));
            Some(judged.map(|c| c.received_at).collect())
        }
        Kind::Quarantine => Some(tables.quarantine.values().filter_map(|q| q.closed_at).collect()),
        Kind::Audit => Some(tables.audit.iter().map(|(at, ..)| *at).collect()),
        Kind::Files => Some(tables.files.values().map(|(file, _)| file.created_at).collect()),
    };
    let is_due = |at: &&Timestamp| before.is_some_and(|before| **at < before);
    let stays = i64::from(matches!(kind, Kind::Outbox | Kind::Audit));
    let due = times.as_ref().map(|times| {
        let due = times.iter().filter(is_due).count() as i64;
        due.min(times.len() as i64 - stays).clamp(0, DUE_COUNTED)
    });
    let (gone, last) = tables.retired.get(&kind).map_or((0, None), |(gone, at)| (*gone, Some(*at)));
    Holding { oldest: times.and_then(|times| times.into_iter().min()), due, gone, last }
}
