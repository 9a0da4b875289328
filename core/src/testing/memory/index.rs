//! The facts of the index over the tables: the same answers as the SQL of the other stores.

use async_trait::async_trait;
use jiff::Timestamp;
use std::collections::BTreeSet;

use super::{MemoryStore, tables::Tables};
use crate::{
    id::RowId,
    index::tally::FactRow,
    operation::{ActionKind, OperationState, Payload},
    outcome::Proof,
    port::{
        index::{FactFilter, IndexStore, Sources},
        store::StoreError,
    },
};

fn size(limit: i64) -> usize {
    usize::try_from(limit).unwrap_or(0)
}

#[async_trait]
impl IndexStore for MemoryStore {
    async fn index_changed(
        &self,
        since: Option<Timestamp>,
        after: RowId,
        limit: i64,
    ) -> Result<Vec<RowId>, StoreError> {
        tokio::task::yield_now().await;
        let tables = self.open()?;
        let ids: BTreeSet<RowId> = match since {
            None => tables.dossiers.keys().copied().collect(),
            Some(since) => {
                let events = tables.events.values().filter(|e| e.received_at >= since);
                let operations = tables.operations.values().filter(|o| {
                    o.ended_at.is_some_and(|at| at >= since) || (!o.state.is_ended() && o.created_at >= since)
                });
                events.filter_map(|e| e.record.dossier).chain(operations.filter_map(|o| o.dossier)).collect()
            }
        };
        Ok(ids.into_iter().filter(|id| *id > after).take(size(limit)).collect())
    }

    async fn index_sources(&self, dossiers: &[RowId]) -> Result<Vec<Sources>, StoreError> {
        tokio::task::yield_now().await;
        let tables = self.open()?;
        let ids: BTreeSet<RowId> = dossiers.iter().copied().collect();
        Ok(ids.into_iter().filter_map(|id| sources(&tables, id)).collect())
    }

    async fn keep_index_facts(&self, rows: &[FactRow]) -> Result<(), StoreError> {
        tokio::task::yield_now().await;
        let mut tables = self.open()?;
        for row in rows {
            let gone: Vec<String> = tables
                .aliases
                .iter()
                .filter(|(_, dossier)| **dossier == row.dossier)
                .map(|(alias, _)| alias.to_string())
                .collect();
            tables.index_facts.retain(|id, kept| *id == row.dossier || !gone.contains(&kept.code));
            tables.index_facts.insert(row.dossier, row.clone());
        }
        Ok(())
    }

    async fn index_latest(&self, until: i64) -> Result<Option<i64>, StoreError> {
        tokio::task::yield_now().await;
        let tables = self.open()?;
        Ok(tables.index_facts.values().filter_map(|row| row.anchor).filter(|at| *at < until).max())
    }

    async fn index_facts(&self, filter: &FactFilter) -> Result<Vec<FactRow>, StoreError> {
        tokio::task::yield_now().await;
        let tables = self.open()?;
        let after = filter.after.unwrap_or((filter.from, RowId::MIN));
        let place = |row: &FactRow| row.anchor.map(|anchor| (anchor, row.dossier));
        let wanted = tables.index_facts.values().filter(|row| {
            place(row).is_some_and(|at| at > after && at.0 < filter.until)
                && filter.unit.as_ref().is_none_or(|u| row.unit.as_ref().is_some_and(|of| of.as_str() == u))
        });
        let mut rows: Vec<FactRow> = wanted.cloned().collect();
        rows.sort_by_key(place);
        rows.truncate(size(filter.limit));
        Ok(rows)
    }
}

fn sources(tables: &Tables, id: RowId) -> Option<Sources> {
    let dossier = tables.dossiers.get(&id)?;
    let state = |version: i64| tables.versions.get(&(id, version)).map(|v| v.record.state.to_string());
    let operations: Vec<_> = tables
        .operations_of
        .get(&id)
        .into_iter()
        .flatten()
        .filter_map(|operation| tables.operations.get(operation))
        .filter(|o| !o.state.is_ended() || o.state == OperationState::Succeeded)
        .collect();
    let (unsent, operations): (Vec<_>, Vec<_>) =
        operations.into_iter().partition(|o| o.proof.as_ref().is_some_and(Proof::is_unsent));
    let steps = operations.iter().filter_map(|o| match &*o.payload {
        Payload::AppendProgress { steps } => Some((steps.clone(), o.state == OperationState::Succeeded)),
        _ => None,
    });
    let told = operations
        .iter()
        .filter(|o| o.payload.kind() == ActionKind::SyncDossier && o.state == OperationState::Succeeded);
    let lanes = tables.lanes.values().filter(|lane| lane.key.as_str() == dossier.code.as_str());
    Some(Sources {
        dossier: id,
        code: dossier.code.clone(),
        unit: dossier.unit.clone(),
        newest: state(dossier.version).map(|state| (dossier.version, state)),
        is_acknowledged: lanes.into_iter().any(|lane| lane.acknowledged),
        acknowledged: told.filter_map(|o| o.version).max().and_then(|v| Some((v, state(v)?))),
        is_unsent: unsent.iter().any(|o| o.payload.kind() == ActionKind::SyncDossier),
        steps: steps.collect(),
        kept: tables.index_facts.get(&id).cloned(),
    })
}
