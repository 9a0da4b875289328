//! `GET /v1/incidents`: what is open and waits for somebody, with what to do about it; a partner's with how it stands.

use axum::{Json, extract::State};
use lienthong_core::{
    flow::{engine::Engine, operator},
    port::views::IncidentView,
};
use serde_json::{Value, json};

use super::{Answer, partners::standing};
use crate::http::{
    AppState, advice,
    json::shown,
    summary::{Partner, partners},
};

fn row(engine: &Engine, incident: &IncidentView, partners: &[Partner]) -> Value {
    let mut value = shown(incident);
    let of_partner = incident.key.strip_prefix("pause:");
    let partner = of_partner.and_then(|id| partners.iter().find(|p| p.connector == id));
    value["advice"] = match partner {
        Some(partner) => partner.advice().to_json(),
        None => advice::of_incident(&incident.key).to_json(),
    };
    if let Some(partner) = partner {
        value["partner"] = standing(partner);
    }
    value["closes_itself"] = operator::closes_itself(engine, &incident.key).into();
    value
}

/// All open incidents, oldest first.
pub async fn list(State(state): State<AppState>) -> Answer {
    let now = state.engine.clock.now().as_microsecond();
    let overview = state.views.overview(now).await?;
    let partners = partners(&state.engine, &overview);
    let rows: Vec<Value> =
        overview.incidents.iter().map(|incident| row(&state.engine, incident, &partners)).collect();
    Ok(Json(json!({ "incidents": rows, "next": null })))
}
