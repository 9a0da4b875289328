//! Checks a unit of work against the schema's constraints, then writes it. All checks come first, so that a unit is
//! written whole or not at all.

use jiff::Timestamp;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    catalogue, inbound, reconciliation, replays,
    tables::{StoredEvent, StoredQuarantine, StoredVersion, Tables},
};
use crate::{
    event::rejection::Reason,
    id::RowId,
    port::{
        store::{OutboxRow, StoreError},
        work::{Change, RestoreStep, Work},
    },
};

/// A constraint that a repeated decision can satisfy, because somebody else's row is the reason.
fn contended(constraint: &str, what: impl std::fmt::Debug) -> StoreError {
    StoreError::Contended(format!("{constraint}: {what:?}"))
}

/// A constraint that no repetition can satisfy.
fn rejected(constraint: &str, what: impl std::fmt::Debug) -> StoreError {
    StoreError::Rejected(format!("{constraint}: {what:?}"))
}

fn ensure(holds: bool, error: impl FnOnce() -> StoreError) -> Result<(), StoreError> {
    if holds { Ok(()) } else { Err(error()) }
}

/// Whether the schema would take all of it.
pub(super) fn check(tables: &Tables, work: &Work) -> Result<(), StoreError> {
    events(tables, work)?;
    dossiers(tables, work)?;
    payments(tables, work)?;
    parcels(tables, work)?;
    lanes(tables, work)?;
    operations(tables, work)?;
    callbacks(tables, work)?;
    inbound::check(tables, work)?;
    reconciliation::check(tables, work)?;
    let is_late = matches!(work.restore, Some(RestoreStep::Release(_))) && !tables.is_fenced();
    ensure(!is_late, || contended("installation", work.epoch))
}

fn events(tables: &Tables, work: &Work) -> Result<(), StoreError> {
    let (mut keys, mut rows) = (BTreeSet::new(), BTreeSet::new());
    for event in &work.new_events {
        let is_new = keys.insert(&event.key) && !tables.event_keys.contains_key(&event.key);
        ensure(is_new, || contended("event_keys_pkey", &event.key))?;
        let is_new = rows.insert(event.row) && !tables.events.contains_key(&event.row);
        ensure(is_new, || rejected("events_pkey", event.row))?;
    }
    let mut rows = BTreeSet::new();
    for entry in &work.new_quarantine {
        let is_new = rows.insert(entry.row) && !tables.quarantine.contains_key(&entry.row);
        ensure(is_new, || rejected("quarantine_pkey", entry.row))?;
    }
    Ok(())
}

fn dossiers(tables: &Tables, work: &Work) -> Result<(), StoreError> {
    let (mut codes, mut rows) = (BTreeSet::new(), BTreeSet::new());
    for dossier in work.dossiers.values() {
        let row = &dossier.row;
        match dossier.change {
            Change::None => {}
            Change::Update => {
                ensure(tables.dossiers.contains_key(&row.row), || {
                    contended("dossiers: no row to update", row.row)
                })?;
            }
            Change::Insert => {
                let is_new = codes.insert(&row.code) && !tables.codes.contains_key(&row.code);
                ensure(is_new, || contended("dossiers_code_key", &row.code))?;
                let is_new = rows.insert(row.row) && !tables.dossiers.contains_key(&row.row);
                ensure(is_new, || rejected("dossiers_pkey", row.row))?;
            }
        }
    }
    let mut aliases = BTreeSet::new();
    for (alias, _) in &work.new_aliases {
        let is_new = aliases.insert(alias) && !tables.aliases.contains_key(alias);
        ensure(is_new, || contended("aliases_pkey", alias))?;
    }
    let mut versions = BTreeSet::new();
    for version in &work.new_versions {
        let key = (version.dossier, version.version);
        let is_new = versions.insert(key) && !tables.versions.contains_key(&key);
        ensure(is_new, || contended("dossier_versions_pkey", key))?;
    }
    Ok(())
}

fn payments(tables: &Tables, work: &Work) -> Result<(), StoreError> {
    let mut rows = BTreeSet::new();
    let mut owners: BTreeMap<_, RowId> = BTreeMap::new();
    for payment in work.payments.values().filter(|p| p.change != Change::None) {
        let row = &payment.row;
        if payment.change == Change::Insert {
            ensure(!tables.payment_ids.contains_key(&row.id), || {
                contended("payments_payment_id_key", &row.id)
            })?;
            let is_new = rows.insert(row.row) && !tables.payments.contains_key(&row.row);
            ensure(is_new, || rejected("payments_pkey", row.row))?;
        } else {
            ensure(tables.payments.contains_key(&row.row), || {
                contended("payments: no row to update", row.row)
            })?;
        }
        for reference in &row.references {
            let key = (reference.connector.clone(), reference.reference.clone());
            let stored = tables.references.get(&key).map(|(owner, _)| *owner);
            let owner = owners.insert(key, row.row).or(stored);
            let is_ours = owner.is_none_or(|owner| owner == row.row);
            ensure(is_ours, || contended("payment_references_pkey", &reference.reference))?;
        }
    }
    Ok(())
}

fn parcels(tables: &Tables, work: &Work) -> Result<(), StoreError> {
    let (mut rows, mut orders) = (BTreeSet::new(), BTreeSet::new());
    for parcel in work.parcels.values().filter(|p| p.change != Change::None) {
        let row = &parcel.row;
        let order = (row.connector.clone(), row.order_number.clone());
        let owner = tables.orders.get(&order).copied();
        ensure(orders.insert(order) && owner.is_none_or(|o| o == row.row), || {
            contended("parcels_order_key", &row.order_number)
        })?;
        if parcel.change == Change::Insert {
            ensure(!tables.parcel_ids.contains_key(&row.id), || contended("parcels_parcel_id_key", &row.id))?;
            let is_new = rows.insert(row.row) && !tables.parcels.contains_key(&row.row);
            ensure(is_new, || rejected("parcels_pkey", row.row))?;
        } else {
            ensure(tables.parcels.contains_key(&row.row), || {
                contended("parcels: no row to update", row.row)
            })?;
        }
    }
    Ok(())
}

fn lanes(tables: &Tables, work: &Work) -> Result<(), StoreError> {
    let mut rows = BTreeSet::new();
    for (key, lane) in work.lanes.iter().filter(|(_, l)| l.change != Change::None) {
        let row = lane.row.id;
        if lane.change == Change::Insert {
            ensure(!tables.lane_keys.contains_key(key), || contended("lanes_connector_key_key", key))?;
            let is_new = rows.insert(row) && !tables.lanes.contains_key(&row);
            ensure(is_new, || rejected("lanes_pkey", row))?;
        } else {
            ensure(tables.lanes.contains_key(&row), || contended("lanes: no row to update", row))?;
        }
    }
    Ok(())
}

fn operations(tables: &Tables, work: &Work) -> Result<(), StoreError> {
    let mut open: BTreeMap<RowId, BTreeMap<i64, RowId>> = BTreeMap::new();
    for operation in work.operations.values() {
        let (row, change) = (&operation.row, operation.change);
        let stored = tables.operations.get(&row.id);
        match change {
            Change::None => continue,
            Change::Insert => ensure(stored.is_none(), || rejected("operations_pkey", row.id))?,
            Change::Update => ensure(stored.is_some(), || contended("operations: no row to update", row.id))?,
        }
        for lane in [Some(row.lane), stored.map(|o| o.lane)].into_iter().flatten() {
            open.entry(lane).or_insert_with(|| tables.open.get(&lane).cloned().unwrap_or_default());
        }
        if let Some(places) = stored.and_then(|o| open.get_mut(&o.lane)) {
            places.retain(|_, id| *id != row.id);
        }
    }
    for operation in work.operations.values().filter(|o| o.change != Change::None && !o.row.state.is_ended())
    {
        let row = &operation.row;
        let taken = open.entry(row.lane).or_default().insert(row.position, row.id);
        ensure(taken.is_none(), || contended("operations_open", (row.lane, row.position)))?;
    }
    let mut attempts = BTreeSet::new();
    for (operation, attempt) in &work.past_attempts {
        let key = (*operation, attempt.number);
        let is_new = attempts.insert(key) && !tables.attempts.contains_key(&key);
        ensure(is_new, || contended("attempts_pkey", key))?;
    }
    for edit in &work.edits {
        let key = (edit.operation, edit.number);
        ensure(!tables.edits.contains_key(&key), || contended("edits_pkey", key))?;
    }
    Ok(())
}

fn callbacks(tables: &Tables, work: &Work) -> Result<(), StoreError> {
    let mut identities = BTreeSet::new();
    for verdict in work.callbacks.iter().filter(|v| v.verdict == "applied") {
        let Some(identity) = &verdict.identity else { continue };
        let is_new = identities.insert(identity) && !tables.applied.contains(identity);
        ensure(is_new, || contended("callbacks_applied", identity))?;
    }
    Ok(())
}

/// Writes a checked unit.
pub(super) fn apply(tables: &mut Tables, work: Work) {
    let now = work.now;
    for record in work.new_quarantine {
        tables.quarantine.insert(record.row, StoredQuarantine { record, received_at: now, closed_at: None });
    }
    for id in &work.closed_quarantine {
        tables.close_quarantine(now, |entry| entry.row == *id);
    }
    for event in work.new_events {
        tables.close_quarantine(now, |entry| {
            entry.reason != Reason::Conflict.code()
                && entry.source.as_deref() == Some(event.key.source.as_str())
                && entry.event_id.as_deref() == Some(event.key.id.as_str())
        });
        tables.event_keys.insert(event.key.clone(), event.content_hash);
        tables.keys_since.insert(event.key.clone(), now);
        if let Some(dossier) = event.dossier {
            tables.events_of.entry(dossier).or_default().push(event.row);
        }
        tables.events.insert(event.row, StoredEvent { record: event, received_at: now });
    }
    for dossier in work.dossiers.into_values().filter(|d| d.change != Change::None) {
        tables.codes.insert(dossier.row.code.clone(), dossier.row.row);
        tables.dossiers_since.insert(dossier.row.row, now);
        tables.dossiers.insert(dossier.row.row, dossier.row);
    }
    for record in work.new_versions {
        let state = serde_json::from_str(&record.state).ok().map(Arc::new);
        tables.versions.insert((record.dossier, record.version), StoredVersion { record, state });
    }
    for merge in &work.merged {
        tables.merge_dossiers(merge);
    }
    tables.aliases.extend(work.new_aliases);
    for payment in work.payments.into_values().filter(|p| p.change != Change::None) {
        let mut row = payment.row;
        for reference in std::mem::take(&mut row.references) {
            let key = (reference.connector.clone(), reference.reference.clone());
            tables.references_of.entry(row.row).or_default().insert(key.clone());
            tables.references.insert(key, (row.row, reference));
        }
        tables.payment_ids.insert(row.id.clone(), row.row);
        tables.payments.insert(row.row, row);
    }
    for parcel in work.parcels.into_values().filter(|p| p.change != Change::None) {
        let row = parcel.row;
        tables.parcel_ids.insert(row.id.clone(), row.row);
        tables.orders.insert((row.connector.clone(), row.order_number.clone()), row.row);
        tables.parcels.insert(row.row, row);
    }
    for lane in work.lanes.values().filter(|l| l.change != Change::None) {
        tables.put_lane(&lane.row);
    }
    let changed: Vec<_> = work.operations.into_values().filter(|o| o.change != Change::None).collect();
    for operation in &changed {
        tables.leave_place(operation.row.id);
    }
    for operation in changed {
        tables.put_operation(operation.row);
    }
    for partner in work.partners.into_values().filter(|p| p.condition.change != Change::None) {
        tables.conditions.insert(partner.condition.row.connector.clone(), partner.condition.row);
    }
    for (operation, attempt) in work.past_attempts {
        tables.attempts.insert((operation, attempt.number), attempt);
    }
    for edit in work.edits {
        tables.edits.insert((edit.operation, edit.number), (now, edit));
    }
    for (connector, parcel, record) in work.new_moves {
        tables.moves.entry((connector, record.record.clone())).or_insert((parcel, record));
    }
    for key in &work.closed {
        tables.close_incident(now, key);
    }
    for key in &work.left {
        if !tables.is_waited_for(key) {
            tables.close_incident(now, key);
        }
    }
    for incident in work.opened {
        tables.open_incident(now, &incident.key, incident.connector, &incident.said);
    }
    for verdict in work.callbacks {
        if verdict.verdict == "applied" {
            tables.applied.extend(verdict.identity.clone());
        }
        if let Some(stored) = tables.callbacks.get_mut(&verdict.callback) {
            (stored.identity, stored.verdict) = (verdict.identity, Some(verdict.verdict));
        }
    }
    inbound::apply(tables, work.inbound);
    replays::apply(tables, work.replays, work.replay_items);
    catalogue::apply(tables, work.catalogue_heads, work.catalogue, work.catalogue_changes);
    catalogue::apply_mappings(tables, work.mappings);
    reconciliation::apply(tables, work.expectations, work.discrepancies, work.reconciliations);
    tables.cursors.extend(work.cursors);
    if let Some(step) = work.restore {
        tables.step(now, step);
    }
    for event in work.outbox {
        let number = tables.outbox_highest() + 1;
        let data = event.data.to_string();
        let unit = event.unit.map(String::from);
        let (name, subject, id, at) = (event.name, event.subject, event.id, event.at);
        tables.outbox.push(OutboxRow { number, name, subject, unit, id, data, at });
    }
    if !work.ledger.is_zero() {
        tables.deltas.push(work.ledger);
    }
    audit(tables, now, work.audit);
}

fn audit(tables: &mut Tables, now: Timestamp, deeds: Vec<(String, String, String)>) {
    tables.audit.extend(deeds.into_iter().map(|(actor, deed, subject)| (now, actor, deed, subject)));
}
