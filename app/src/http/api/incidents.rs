//! `GET /v1/incidents`: what is open and waits for somebody, with what to do about it.

use axum::{Json, extract::State};
use lienthong_core::{
    flow::{engine::Engine, operator},
    port::views::IncidentView,
};
use serde_json::{Value, json};

use super::Answer;
use crate::http::{AppState, advice, json::shown};

fn row(engine: &Engine, incident: &IncidentView) -> Value {
    let mut value = shown(incident);
    value["advice"] = advice::of_incident(&incident.key).to_json();
    value["closes_itself"] = operator::closes_itself(engine, &incident.key).into();
    value
}

/// All open incidents, oldest first.
pub async fn list(State(state): State<AppState>) -> Answer {
    let now = state.engine.clock.now().as_microsecond();
    let found = state.views.overview(now).await?.incidents;
    let rows: Vec<Value> = found.iter().map(|incident| row(&state.engine, incident)).collect();
    Ok(Json(json!({ "incidents": rows, "next": null })))
}
