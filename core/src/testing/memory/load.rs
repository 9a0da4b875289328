//! Loads a scope into a unit of work, in the stores' order: dossiers, payments, parcels, lanes, conditions.

use std::{collections::BTreeSet, sync::Arc};

use super::{catalogue, inbound, reconciliation, replays, tables::Tables};
use crate::{
    dossier::DossierState,
    id::RowId,
    lane::LaneState,
    port::{
        store::{ConnectorCondition, StoreError},
        work::{Loaded, PartnerAtWork, PastEvent, Scan, Work},
    },
};

/// Everything that the scope asks for.
pub(super) fn load(tables: &Tables, work: &mut Work) -> Result<(), StoreError> {
    event_keys(tables, work);
    dossiers(tables, work)?;
    history(tables, work);
    payments(tables, work);
    parcels(tables, work);
    lanes(tables, work);
    replays::load(tables, work);
    partners(tables, work);
    head_states(tables, work);
    callback_identities(tables, work);
    inbound::load(tables, work);
    catalogue::load(tables, work);
    reconciliation::load(tables, work);
    for incident in &tables.incidents {
        if work.scope.incidents.contains(&incident.id) && incident.closed_at.is_none() {
            work.incidents.insert(incident.id, incident.key.clone());
        }
    }
    let is_open = |id: &&RowId| tables.quarantine.get(id).is_some_and(|entry| entry.closed_at.is_none());
    work.quarantine.extend(work.scope.quarantine.iter().filter(is_open));
    Ok(())
}

fn event_keys(tables: &Tables, work: &mut Work) {
    for key in &work.scope.event_keys {
        if let Some(hash) = tables.event_keys.get(key) {
            work.known_events.insert(key.clone(), *hash);
        }
    }
}

fn dossiers(tables: &Tables, work: &mut Work) -> Result<(), StoreError> {
    for code in &work.scope.dossiers {
        let Some(row) = tables.dossier_row(code) else { continue };
        let Some(stored) = tables.dossiers.get(&row) else { continue };
        work.aliases.insert(code.clone(), stored.code.clone());
        work.aliases.insert(stored.code.clone(), stored.code.clone());
        if work.dossiers.contains_key(&stored.code) {
            continue;
        }
        let mut dossier = stored.clone();
        dossier.state = match (dossier.version, tables.versions.get(&(row, dossier.version))) {
            (0, _) => Arc::new(DossierState::new(dossier.code.clone())),
            (_, Some(version)) => match &version.state {
                Some(state) => Arc::clone(state),
                None => {
                    return Err(StoreError::Rejected(format!(
                        "dossier_versions {row}: state is not readable"
                    )));
                }
            },
            (v, None) => {
                return Err(StoreError::Rejected(format!("dossiers {row}: version {v} is not stored")));
            }
        };
        work.dossiers.insert(dossier.code.clone(), Loaded::stored(dossier));
    }
    Ok(())
}

fn history(tables: &Tables, work: &mut Work) {
    for row in work.scope.history_of.iter().filter_map(|code| tables.dossier_row(code)) {
        let past = tables.events_of.get(&row).into_iter().flatten().filter_map(|id| tables.events.get(id));
        let past = past.map(|e| PastEvent {
            source: e.record.key.source.clone(),
            sequence: e.record.sequence,
            body: Arc::clone(&e.record.body),
        });
        work.history.insert(row, past.collect());
        let received = |id| tables.events.get(id).map(|e| e.received_at);
        let first = tables.events_of.get(&row).into_iter().flatten().filter_map(received).min();
        let created = tables.dossiers.get(&row).map(|d| d.created_at);
        if first.is_none_or(|first| Some(first) > created) {
            work.forgotten.insert(row);
        }
    }
}

fn payments(tables: &Tables, work: &mut Work) {
    let scope = &work.scope;
    let mut rows: BTreeSet<RowId> =
        scope.payments.iter().filter_map(|id| tables.payment_ids.get(id)).copied().collect();
    rows.extend(scope.references.iter().filter_map(|key| tables.references.get(key)).map(|(row, _)| *row));
    let of: BTreeSet<RowId> =
        scope.payments_of.iter().filter_map(|code| tables.codes.get(code)).copied().collect();
    if !of.is_empty() {
        rows.extend(tables.payments.values().filter(|p| of.contains(&p.dossier)).map(|p| p.row));
    }
    for payment in rows.into_iter().filter_map(|row| tables.payment(row)) {
        work.payments.insert(payment.id.clone(), Loaded::stored(payment));
    }
}

fn parcels(tables: &Tables, work: &mut Work) {
    let by_id = work.scope.parcels.iter().filter_map(|id| tables.parcel_ids.get(id));
    let by_order = work.scope.orders.iter().filter_map(|key| tables.orders.get(key));
    let of: BTreeSet<RowId> =
        work.scope.parcels_of.iter().filter_map(|code| tables.codes.get(code)).copied().collect();
    let of_dossiers = tables.parcels.values().filter(|p| of.contains(&p.dossier)).map(|p| &p.row);
    for parcel in by_id.chain(by_order).chain(of_dossiers).filter_map(|row| tables.parcels.get(row)) {
        work.parcels.insert(parcel.id.clone(), Loaded::stored(parcel.clone()));
    }
}

fn lanes(tables: &Tables, work: &mut Work) {
    let mut rows: BTreeSet<RowId> = BTreeSet::new();
    for key in &work.scope.lanes {
        let from = tables.lane_keys.range((key.clone(), LOWEST.clone())..);
        rows.extend(from.take_while(|((k, _), _)| k == key).map(|(_, row)| *row));
    }
    for id in &work.scope.operations {
        let Some(operation) = tables.operations.get(id) else { continue };
        rows.insert(operation.lane);
        if operation.state.is_ended() {
            work.ended.insert(*id, operation.clone());
        }
    }
    for scan in &work.scope.scan {
        rows.extend(scanned(tables, scan, work.now));
    }
    for lane in rows.into_iter().filter_map(|row| tables.lane(row)) {
        work.lanes.insert((lane.key.clone(), lane.connector.clone()), Loaded::stored(lane));
    }
}

/// Sorts before every connector's name.
static LOWEST: std::sync::LazyLock<crate::id::ConnectorId> =
    std::sync::LazyLock::new(|| crate::testing::fixtures::connector("-"));

fn scanned(tables: &Tables, scan: &Scan, now: jiff::Timestamp) -> Vec<RowId> {
    let running = || tables.lanes_running.iter().filter_map(|row| tables.lanes.get(row));
    match scan {
        Scan::Due { connector, state, limit } => {
            let from = (connector.clone(), *state, jiff::Timestamp::MIN, RowId::MIN);
            let to = (connector.clone(), *state, now, RowId::MAX);
            tables.lanes_due.range(from..=to).take(*limit).map(|(_, _, _, row)| *row).collect()
        }
        Scan::LeaseExpired { limit } => {
            let until = |lane: &crate::lane::Lane| lane.lease.as_ref().map(|l| l.until);
            let mut expired: Vec<_> = running().filter(|l| until(l).is_some_and(|u| u < now)).collect();
            expired.sort_by_key(|l| (until(l), l.id));
            expired.into_iter().take(*limit).map(|l| l.id).collect()
        }
        Scan::Open { after, limit } => {
            let from = tables.lanes.range(after.saturating_add(1)..).map(|(_, lane)| lane);
            from.filter(|l| l.state != LaneState::Idle).take(*limit).map(|l| l.id).collect()
        }
        Scan::HeldBy { holder, limit } => {
            let theirs = running().filter(|l| l.lease.as_ref().is_some_and(|lease| lease.holder == *holder));
            theirs.take(*limit).map(|l| l.id).collect()
        }
        Scan::Need { connectors, prefix, limit } => {
            let from = tables.lanes_need.range((prefix.clone(), RowId::MIN)..);
            let with = from.take_while(|(need, _)| need.starts_with(prefix.as_str())).map(|(_, row)| *row);
            let is_held =
                |l: &crate::lane::Lane| l.state == LaneState::Held && connectors.contains(&l.connector);
            let held = with.filter(|row| tables.lanes.get(row).is_some_and(is_held));
            held.take(*limit).collect()
        }
    }
}

fn partners(tables: &Tables, work: &mut Work) {
    for connector in work.scope.partners.clone() {
        let of = |row: &&RowId| tables.lanes.get(row).is_some_and(|lane| lane.connector == connector);
        let running = tables.lanes_running.iter().filter(of).count();
        let from = (connector.clone(), LaneState::Ready, jiff::Timestamp::MIN, RowId::MIN);
        let to = (connector.clone(), LaneState::Ready, work.now, RowId::MAX);
        let is_waiting = tables.lanes_due.range(from..=to).next().is_some();
        let condition = tables.conditions.get(&connector).cloned();
        let condition = condition.unwrap_or_else(|| ConnectorCondition::works(connector.clone()));
        let partner = PartnerAtWork { condition: Loaded::stored(condition), running, is_waiting };
        work.partners.insert(connector, partner);
    }
}

fn head_states(tables: &Tables, work: &mut Work) {
    for key in work.wanted_states() {
        if let Some(stored) = tables.versions.get(&key) {
            work.states.insert(key, Arc::clone(&stored.record.state));
        }
    }
}

fn callback_identities(tables: &Tables, work: &mut Work) {
    let known = work.scope.callback_identities.intersection(&tables.applied);
    work.applied_callbacks.extend(known.cloned());
}
