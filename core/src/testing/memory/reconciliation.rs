//! Expectations, discrepancies and runs over the tables: the same answers as the SQL of the other stores.

use async_trait::async_trait;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

use super::{MemoryStore, tables::Tables};
use crate::{
    id::{ConnectorId, DossierCode, RowId},
    operation::{ActionKind, OperationState, Payload},
    port::{
        reconciliation::{Ended, ReconciliationStore},
        store::StoreError,
        work::{Change, Loaded, Work},
    },
    reconciliation::{Discrepancy, Expectation, Filter, Kind, Run, Stamp, Told, ToldOperation, Wanted},
};

fn size(limit: i64) -> usize {
    usize::try_from(limit).unwrap_or(0)
}

pub(super) fn load(tables: &Tables, work: &mut Work) {
    for key in &work.scope.expectations {
        if let Some(found) = tables.expectations.get(key) {
            work.expectations.insert(key.clone(), Loaded::stored(found.clone()));
        }
    }
    for id in &work.scope.reconciliations {
        if let Some(found) = tables.reconciliations.get(id) {
            work.reconciliations.insert(*id, Loaded::stored(found.clone()));
        }
    }
    let mut newest: BTreeMap<(ConnectorId, Kind, String), RowId> = BTreeMap::new();
    for (id, found) in &tables.discrepancies {
        let is_of_key = work.scope.discrepancies.contains(&(found.connector.clone(), found.key.clone()));
        if work.scope.discrepancy_ids.contains(id) || (is_of_key && found.closed.is_none()) {
            work.discrepancies.insert(*id, Loaded::stored(found.clone()));
        } else if is_of_key {
            newest.insert((found.connector.clone(), found.kind, found.key.clone()), *id);
        }
    }
    for id in newest.into_values() {
        if let Some(found) = tables.discrepancies.get(&id) {
            work.discrepancies.insert(id, Loaded::stored(found.clone()));
        }
    }
}

/// One is open per connector, kind and key.
pub(super) fn check(tables: &Tables, work: &Work) -> Result<(), StoreError> {
    let key = |d: &Discrepancy| (d.connector.clone(), d.kind, d.key.clone());
    let mut open = BTreeSet::new();
    let written = |id: &RowId| work.discrepancies.get(id).is_some_and(|d| d.change != Change::None);
    let kept = tables.discrepancies.values().filter(|d| !written(&d.id));
    let new = work.discrepancies.values().filter(|d| d.change != Change::None).map(|d| &d.row);
    for found in kept.chain(new).filter(|d| d.closed.is_none()) {
        if !open.insert(key(found)) {
            return Err(StoreError::Contended(format!("discrepancies_open: {:?}", key(found))));
        }
    }
    Ok(())
}

pub(super) fn apply(
    tables: &mut Tables,
    expectations: BTreeMap<(ConnectorId, DossierCode), Loaded<Expectation>>,
    discrepancies: BTreeMap<RowId, Loaded<Discrepancy>>,
    runs: BTreeMap<RowId, Loaded<Run>>,
) {
    fn changed<K: Ord, T>(rows: BTreeMap<K, Loaded<T>>) -> impl Iterator<Item = (K, T)> {
        rows.into_iter().filter(|(_, row)| row.change != Change::None).map(|(key, row)| (key, row.row))
    }
    tables.expectations.extend(changed(expectations));
    tables.discrepancies.extend(changed(discrepancies));
    tables.reconciliations.extend(changed(runs));
}

fn told(tables: &Tables, connector: &ConnectorId, id: RowId) -> Option<Told> {
    let dossier = tables.dossiers.get(&id)?;
    let key = ((&dossier.code).into(), connector.clone());
    let lane = tables.lanes.get(tables.lane_keys.get(&key)?)?;
    let operations = tables.operations_of.get(&id).into_iter().flatten();
    let operations = operations.filter_map(|id| tables.operations.get(id)).filter(|o| {
        let is_of_course = matches!(o.payload.kind(), ActionKind::SyncDossier | ActionKind::AppendProgress);
        o.connector == *connector
            && is_of_course
            && (!o.state.is_ended() || o.state == OperationState::Succeeded)
    });
    Some(Told {
        dossier: id,
        code: dossier.code.clone(),
        unit: dossier.unit.clone(),
        created_at: dossier.created_at,
        state: (dossier.version > 0).then(|| (*dossier.state).clone()),
        stamp: Stamp { place: lane.next_position, claim: lane.claim },
        is_acknowledged: lane.acknowledged,
        operations: operations
            .map(|o| ToldOperation {
                id: o.id,
                action: o.payload.kind(),
                version: o.version,
                state: o.state,
                is_doubted: o.doubted,
                proof: o.proof.clone(),
                steps: match &*o.payload {
                    Payload::AppendProgress { steps } => steps.clone(),
                    _ => Vec::new(),
                },
                ended_at: o.ended_at,
            })
            .collect(),
    })
}

#[async_trait]
impl ReconciliationStore for MemoryStore {
    async fn ended_operations(
        &self,
        connector: &ConnectorId,
        after: (Timestamp, RowId),
        until: Timestamp,
        limit: i64,
    ) -> Result<Vec<Ended>, StoreError> {
        tokio::task::yield_now().await;
        let tables = self.open()?;
        let of_ours = tables.operations.values().filter(|o| o.connector == *connector);
        let mut ended: Vec<Ended> = of_ours.filter_map(|o| Some((o.ended_at?, o.id, o.dossier))).collect();
        ended.retain(|(at, id, _)| (*at, *id) > after && *at < until);
        ended.sort_unstable();
        ended.truncate(size(limit));
        Ok(ended)
    }

    async fn told(&self, connector: &ConnectorId, dossiers: &[RowId]) -> Result<Vec<Told>, StoreError> {
        tokio::task::yield_now().await;
        let tables = self.open()?;
        let ids: BTreeSet<RowId> = dossiers.iter().copied().collect();
        Ok(ids.into_iter().filter_map(|id| told(&tables, connector, id)).collect())
    }

    async fn expectations_wanted(
        &self,
        connector: &ConnectorId,
        wanted: Wanted,
        limit: i64,
    ) -> Result<Vec<Expectation>, StoreError> {
        tokio::task::yield_now().await;
        let tables = self.open()?;
        let is_wanted = |e: &&Expectation| match wanted {
            Wanted::Again { by } => e.again_at.is_some_and(|at| at <= by),
            Wanted::Changed => e.is_fresh,
            Wanted::Open { risk, since } => {
                e.is_open && !e.is_waiting && e.risk == risk && e.asked_at.is_none_or(|at| at < since)
            }
            Wanted::Repairing => e.repair.as_ref().is_some_and(|repair| repair.operation.is_some()),
        };
        let of_ours = tables.expectations.values().filter(|e| e.connector == *connector);
        let mut found: Vec<Expectation> = of_ours.filter(is_wanted).cloned().collect();
        found.sort_by(|a, b| match wanted {
            Wanted::Again { .. } => (a.again_at, &a.key).cmp(&(b.again_at, &b.key)),
            Wanted::Changed => (b.risk, &a.key).cmp(&(a.risk, &b.key)),
            Wanted::Open { .. } => (a.asked_at, &a.key).cmp(&(b.asked_at, &b.key)),
            Wanted::Repairing => a.key.cmp(&b.key),
        });
        found.truncate(size(limit));
        Ok(found)
    }

    async fn expectations(
        &self,
        connector: &ConnectorId,
        after: Option<&DossierCode>,
        limit: i64,
    ) -> Result<Vec<Expectation>, StoreError> {
        tokio::task::yield_now().await;
        let tables = self.open()?;
        let of_ours = tables.expectations.values().filter(|e| e.connector == *connector);
        let page = of_ours.filter(|e| after.is_none_or(|after| e.key > *after));
        Ok(page.take(size(limit)).cloned().collect())
    }

    async fn discrepancies(&self, filter: &Filter) -> Result<Vec<Discrepancy>, StoreError> {
        tokio::task::yield_now().await;
        let tables = self.open()?;
        let wanted = tables.discrepancies.values().filter(|d| {
            filter.id.is_none_or(|id| d.id == id)
                && filter.connector.as_ref().is_none_or(|connector| d.connector == *connector)
                && filter.kind.is_none_or(|kind| d.kind == kind)
                && filter.key.as_ref().is_none_or(|key| d.key == *key)
                && (filter.closed || d.closed.is_none())
                && d.id > filter.after
        });
        Ok(wanted.take(size(filter.limit)).cloned().collect())
    }

    async fn open_discrepancies(&self) -> Result<i64, StoreError> {
        tokio::task::yield_now().await;
        Ok(self.open()?.discrepancies.values().filter(|d| d.closed.is_none()).count() as i64)
    }

    async fn reconciliations(&self, is_open: bool, limit: i64) -> Result<Vec<Run>, StoreError> {
        tokio::task::yield_now().await;
        let tables = self.open()?;
        let runs = tables.reconciliations.values().rev().filter(|run| !is_open || run.ended_at.is_none());
        Ok(runs.take(size(limit)).cloned().collect())
    }
}
