//! `GET /v1/status`: the province at a glance. `GET /v1/ledgers`: the two ledgers alone, with
//! their last audit.

use axum::{Extension, Json, extract::State};
use lienthong_core::{
    flow::ledger::{self, Audit, Entry},
    port::store::LedgerState,
};
use serde_json::{Value, json};

use super::{Answer, partners::standing};
use crate::http::{
    AppState,
    auth::Caller,
    json::{moment, rfc3339, shown},
    summary::{Matter, Summary},
};

/// Both ledgers with what must be 0.
pub async fn ledgers(State(state): State<AppState>) -> Answer {
    let ledgers = state.engine.store.ledgers().await?;
    let last = ledger::last(&state.engine).await?;
    Ok(Json(with_audit(ledger_json(&ledgers), last.as_ref())))
}

/// Counts the rows again and compares them with the books, now; the last audit is in `GET /v1/ledgers` as well.
pub async fn audit(State(state): State<AppState>, Extension(caller): Extension<Caller>) -> Answer {
    let audit = ledger::audit(&state.engine, Some(&caller.subject)).await?;
    let ledgers = state.engine.store.ledgers().await?;
    Ok(Json(with_audit(ledger_json(&ledgers), Some(&audit))))
}

fn with_audit(mut ledgers: Value, audit: Option<&Audit>) -> Value {
    let entry = |e: &Entry| json!({ "entry": e.entry, "booked": e.booked, "counted": e.counted, "difference": e.booked - e.counted });
    ledgers["audit"] = audit.map_or(Value::Null, |audit| {
        let entries: Vec<Value> = audit.entries.iter().map(entry).collect();
        json!({ "at": moment(audit.at_us), "entries": entries })
    });
    ledgers
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
        "fenced_at": state.engine.store.installation().await?.fenced().map(|r| rfc3339(r.since)),
        "needs_person": summary.for_persons(),
        "discrepancies_open": summary.discrepancies,
        "matters": summary.matters.iter().map(matter_json).collect::<Vec<_>>(),
        "partners": summary.partners.iter().map(standing).collect::<Vec<_>>(),
        "operations": overview.partners,
        "lanes": shown(&overview.lanes),
        "units": overview.units,
        "incidents": shown(&overview.incidents),
        "ledgers": ledger_json(&overview.ledgers),
        "quarantine_open": overview.quarantine_open,
        "dossiers": overview.dossiers,
        "outbox": { "highest": overview.outbox_highest, "waiting": overview.outbox_waiting },
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
