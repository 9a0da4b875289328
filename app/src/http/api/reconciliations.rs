//! `/v1/reconciliations`: runs that compare what a partner has with what we have, and the start of one by hand.

use axum::{
    Extension, Json,
    extract::{State, rejection::JsonRejection},
    http::StatusCode,
};
use lienthong_core::{
    flow::statuses,
    reconciliation::{Reach, Run},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, Asked, page};
use crate::http::{AppState, auth::Caller, error::ApiError, json::rfc3339, reconciled};

/// Which runs.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wanted {
    connector: String,
    limit: Option<i64>,
}

/// How it stands, and the latest runs.
pub async fn list(State(state): State<AppState>, Asked(wanted): Asked<Wanted>) -> Answer {
    let connector = match wanted.connector.trim() {
        "" => None,
        named => Some(
            reconciled::chosen(&state, named)
                .ok_or_else(|| ApiError::bad("no_look_ups", "connector", named))?,
        ),
    };
    let limit = usize::try_from(page(wanted.limit)).unwrap_or(0);
    let runs = reconciled::runs(&state, connector.as_ref(), limit).await?;
    let standings = reconciled::standing(&state).await?;
    let standing = standings.iter().map(|of| {
        json!({ "connector": of.connector, "changed_at": of.progress.changed_at.map(rfc3339),
            "open_at": of.progress.open_at.map(rfc3339), "has_changed": of.has_changed })
    });
    Ok(Json(json!({
        "connectors": standing.collect::<Vec<_>>(),
        "repair": state.engine.settings.statuses.repair,
        "open_discrepancies": state.engine.store.open_discrepancies().await?,
        "reconciliations": runs.iter().map(run).collect::<Vec<_>>(),
        "next": null,
    })))
}

fn run(run: &Run) -> Value {
    json!({ "id": run.id, "connector": run.connector, "reach": run.reach, "day": run.day,
        "began_at": rfc3339(run.began_at), "ended_at": run.ended_at.map(rfc3339), "by": run.by,
        "counts": run.counts, "standing": run.standing })
}

/// Of which connector, and whether about all open dossiers.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Start {
    connector: String,
    changed_only: bool,
}

/// Has a run begun by the service.
pub async fn start(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    body: Result<Json<Start>, JsonRejection>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let Json(wanted) = body.map_err(|r| ApiError::bad("body_unreadable", "body", r.body_text()))?;
    let connector = reconciled::chosen(&state, &wanted.connector)
        .ok_or_else(|| ApiError::bad("no_look_ups", "connector", wanted.connector.clone()))?;
    let reach = if wanted.changed_only { Reach::Changed } else { Reach::Open };
    statuses::want(&state.engine, &connector, &caller.subject, reach).await?;
    let said = json!({ "result": "wanted", "connector": connector, "reach": reach });
    Ok((StatusCode::ACCEPTED, Json(said)))
}
