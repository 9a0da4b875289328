//! `GET /v1/retention`: for how long each kind is kept, what is due, and what has gone.

use axum::{Json, extract::State};
use lienthong_core::flow::retention;
use serde_json::{Value, json};

use super::Answer;
use crate::http::{AppState, json::rfc3339};

/// Every kind. `due` counts what is older; what must not go yet is among it.
pub async fn list(State(state): State<AppState>) -> Answer {
    let holdings = retention::holdings(&state.engine).await?;
    let row = |(kind, kept, holding): &(_, Option<jiff::SignedDuration>, _)| -> Value {
        let kind: &lienthong_core::port::retention::Kind = kind;
        let holding: &lienthong_core::port::retention::Holding = holding;
        json!({
            "kind": kind.name(),
            "kept_days": kept.map(|kept| kept.as_hours() / 24),
            "oldest_at": holding.oldest.map(rfc3339),
            "due": holding.due,
            "gone": holding.gone,
            "last_at": holding.last.map(rfc3339),
        })
    };
    Ok(Json(json!({ "retention": holdings.iter().map(row).collect::<Vec<_>>(), "next": null })))
}
