//! The reconciliation as the API and the console both show it: which connectors can be asked, their runs, and what is open.

use lienthong_core::{
    flow::statuses::{self, Progress},
    id::ConnectorId,
    port::store::StoreError,
    reconciliation::{Run, Wanted},
};

use super::AppState;

/// Runs that are looked at.
const RUNS: i64 = 500;

/// How a connector's reconciliation stands.
pub struct Standing {
    /// Whose.
    pub connector: ConnectorId,
    /// How far it is.
    pub progress: Progress,
    /// Whether anything waits to be asked about because it changed.
    pub has_changed: bool,
}

/// The connectors that can be asked.
pub fn connectors(state: &AppState) -> Vec<ConnectorId> {
    let members = state.engine.members.iter();
    members.filter(|(_, m)| m.connector.look_ups().is_some()).map(|(id, _)| id.clone()).collect()
}

/// The named one, or the only one. `None`: there is none, or more than one and none is named.
pub fn chosen(state: &AppState, named: &str) -> Option<ConnectorId> {
    let mut all = connectors(state);
    if named.trim().is_empty() {
        return (all.len() == 1).then(|| all.remove(0));
    }
    all.into_iter().find(|id| id.as_str() == named.trim())
}

/// How all stand.
pub async fn standing(state: &AppState) -> Result<Vec<Standing>, StoreError> {
    let (store, mut out) = (&*state.engine.store, Vec::new());
    for connector in connectors(state) {
        let progress = statuses::progress(store, &connector).await?;
        let has_changed = !store.expectations_wanted(&connector, Wanted::Changed, 1).await?.is_empty();
        out.push(Standing { connector, progress, has_changed });
    }
    Ok(out)
}

/// Runs, the newest first; of one connector, if it is named.
pub async fn runs(
    state: &AppState,
    connector: Option<&ConnectorId>,
    limit: usize,
) -> Result<Vec<Run>, StoreError> {
    let mut runs = state.engine.store.reconciliations(false, RUNS).await?;
    runs.retain(|run| connector.is_none_or(|of| run.connector == *of));
    runs.truncate(limit);
    Ok(runs)
}
