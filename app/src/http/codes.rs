//! The catalogue and the mappings as the API and the console both show them: how the lists stand, what drifts, what waits
//! for a mapping and what might be meant.

use jiff::Timestamp;
use lienthong_core::{
    catalogue::{
        Broken, Change, ChangeFilter, ListHead, Mapping, Table,
        similar::{Candidates, Suggestion},
    },
    flow::catalogue::{self, Progress},
    id::ConnectorId,
    need::Need,
    port::store::StoreError,
};
use serde_json::Value;

use super::AppState;

/// Changes shown at most.
const CHANGES: i64 = 500;
/// Suggestions for one code.
const SUGGESTIONS: usize = 5;

/// How a connector's catalogue stands.
pub struct Standing {
    /// Whose.
    pub connector: ConnectorId,
    /// The pull.
    pub progress: Progress,
    /// The lists.
    pub lists: Vec<ListHead>,
}

/// The connectors that have a catalogue.
pub fn connectors(state: &AppState) -> Vec<ConnectorId> {
    let members = state.engine.members.iter();
    members.filter(|(_, m)| m.connector.catalogue().is_some()).map(|(id, _)| id.clone()).collect()
}

/// The named one, or the only one. `None`: there is none, or more than one and none is named.
pub fn chosen(state: &AppState, named: &str) -> Option<ConnectorId> {
    let mut all = connectors(state);
    if named.trim().is_empty() {
        return (all.len() == 1).then(|| all.remove(0));
    }
    all.into_iter().find(|id| id.as_str() == named.trim())
}

/// How all catalogues stand.
pub async fn standing(state: &AppState) -> Result<Vec<Standing>, StoreError> {
    let store = &*state.engine.store;
    let heads = store.catalogue_lists().await?;
    let mut out = Vec::new();
    for connector in connectors(state) {
        let lists = heads.iter().filter(|head| head.connector == connector).cloned().collect();
        let progress = catalogue::progress(store, &connector).await?;
        out.push(Standing { connector, progress, lists });
    }
    Ok(out)
}

/// What drifts: what changed since a moment, newest first, and which mappings are broken now.
pub async fn drift(
    state: &AppState,
    connector: &ConnectorId,
    list: Option<String>,
    since: Timestamp,
) -> Result<(Vec<Change>, Vec<Broken>), StoreError> {
    let filter = ChangeFilter { connector: connector.clone(), list, since, limit: CHANGES };
    let changes = state.engine.store.catalogue_changes(&filter).await?;
    Ok((changes, catalogue::broken(&state.engine, connector).await?))
}

/// A code of ours that operations wait for.
pub struct Waiting {
    /// Which codes.
    pub table: Table,
    /// Ours.
    pub local: String,
    /// What it is called, where a waiting dossier says so.
    pub name: String,
    /// How many operations wait.
    pub operations: i64,
}

/// The codes of ours without a mapping that operations wait for.
pub async fn waiting(state: &AppState, connector: &ConnectorId) -> Result<Vec<Waiting>, StoreError> {
    let mut out = Vec::new();
    for incident in state.views.overview(i64::MAX).await?.incidents {
        let Ok(Need::Mapping { connector: of, table, code }) = incident.key.parse() else { continue };
        let Some(table) = Table::from_name(&table).filter(|_| of == connector.as_str()) else { continue };
        // What is said of a need is the first dossier that waited for it.
        let timeline = state.views.timeline(&incident.said).await?;
        let fields: Value = timeline.and_then(|t| serde_json::from_str(&t.state).ok()).unwrap_or_default();
        let at = match table {
            Table::Procedure => "/fields/procedure/name",
            Table::Unit => "/fields/unit/name",
            Table::Status | Table::Fee => "",
        };
        let name = fields.pointer(at).and_then(Value::as_str).unwrap_or_default().to_owned();
        out.push(Waiting { table, local: code, name, operations: incident.waiting });
    }
    Ok(out)
}

/// What the catalogue has for a table, to be compared with.
pub async fn candidates(
    state: &AppState,
    connector: &ConnectorId,
    table: Table,
) -> Result<Candidates, StoreError> {
    let Some(list) = table.list() else { return Ok(Candidates::new([])) };
    let entries = catalogue::whole_list(&state.engine, connector, list).await?;
    let live = entries.into_values().filter(|entry| entry.withdrawn_at.is_none() && entry.in_force);
    Ok(Candidates::new(live.map(|entry| (entry.code, entry.name))))
}

/// What a code of ours might mean.
pub fn suggestions(candidates: &Candidates, local: &str, name: &str) -> Vec<Suggestion> {
    candidates.like(local, name, SUGGESTIONS)
}

/// The stored mappings of a connector.
pub async fn mappings(
    state: &AppState,
    connector: &ConnectorId,
    withdrawn: bool,
) -> Result<Vec<Mapping>, StoreError> {
    let all = state.engine.store.mappings(withdrawn).await?.1;
    Ok(all.into_iter().filter(|mapping| mapping.connector == *connector).collect())
}
