//! `GET /v1/status`: the province at a glance. `GET /v1/ledgers`: the two ledgers alone.

use axum::{Json, extract::State};
use lienthong_core::port::store::LedgerState;
use serde_json::{Value, json};

use super::{Answer, partners::standing};
use crate::http::{
    AppState,
    json::{moment, shown},
    summary::{Matter, Summary},
};

/// Both ledgers with what must be 0.
pub async fn ledgers(State(state): State<AppState>) -> Answer {
    Ok(Json(ledger_json(&state.engine.store.ledgers().await?)))
}

/// Everything that the front page shows.
pub async fn status(State(state): State<AppState>) -> Answer {
    let summary = Summary::ask(&state.engine, state.views.as_ref()).await?;
    let overview = &summary.overview;
    let health = state.health.borrow().clone();
    Ok(Json(json!({
        "installation": state.display.name,
        "now_at": moment(overview.now_us),
        "since_at": moment(summary.since_us),
        "health": { "store": health.store, "broker": health.broker, "detail": health.detail },
        "needs_person": summary.for_persons(),
        "matters": summary.matters.iter().map(matter_json).collect::<Vec<_>>(),
        "partners": summary.partners.iter().map(standing).collect::<Vec<_>>(),
        "operations": overview.partners,
        "lanes": shown(&overview.lanes),
        "units": overview.units,
        "incidents": shown(&overview.incidents),
        "ledgers": ledger_json(&overview.ledgers),
        "quarantine_open": overview.quarantine_open,
        "dossiers": overview.dossiers,
        "outbox": { "highest": overview.outbox_highest, "relayed": overview.outbox_relayed },
    })))
}

fn matter_json(matter: &Matter) -> Value {
    json!({
        "advice": matter.advice.to_json(),
        "connector": matter.connector,
        "count": matter.count,
        "at_least": matter.at_least,
        "since_at": matter.since_us.and_then(moment),
        "said": matter.said,
        "link": matter.link,
    })
}

fn ledger_json(ledgers: &LedgerState) -> Value {
    let t = &ledgers.total;
    json!({
        "messages": { "received": t.received, "admitted": t.admitted, "duplicate": t.duplicate,
                      "quarantined": t.quarantined, "difference": ledgers.message_difference() },
        "operations": { "planned": t.planned, "succeeded": t.succeeded, "refused": t.refused,
                        "superseded": t.superseded, "dismissed": t.dismissed, "open": ledgers.open,
                        "difference": ledgers.operation_difference() },
    })
}
