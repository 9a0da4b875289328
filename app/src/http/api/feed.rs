//! `GET /v1/events`: what goes out to the one-stop system, for those without a broker. A cursor is `EPOCH-NUMBER`; after
//! a restore the epoch differs and the reader is told, instead of being given a gap.

use axum::{Json, extract::State, http::StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, Asked, page};
use crate::{
    http::{AppState, error::ApiError},
    out_event,
};

/// From where on.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wanted {
    after: String,
    limit: Option<i64>,
}

/// Events above the cursor, in order, and the cursor to come back with.
pub async fn feed(State(state): State<AppState>, Asked(wanted): Asked<Wanted>) -> Answer {
    let store = &state.engine.store;
    let epoch = store.installation().await?.epoch;
    let after = match wanted.after.trim() {
        "" => 0,
        text => match cursor(text) {
            None => return Err(ApiError::bad("cursor_unreadable", "after", text)),
            Some((theirs, _)) if theirs != epoch => {
                let what = format!("{epoch}-0");
                return Err(ApiError {
                    what,
                    field: Some("after".into()),
                    ..ApiError::new(StatusCode::CONFLICT, "epoch_changed")
                });
            }
            Some((_, number)) => number,
        },
    };
    let limit = page(wanted.limit);
    let rows = store.outbox(after, limit).await?;
    let last = rows.last().map_or(after, |r| r.number);
    let events: Vec<Value> =
        rows.iter().map(|r| out_event::structured(r, &state.display.installation)).collect();
    Ok(Json(
        json!({ "events": events, "next": format!("{epoch}-{last}"), "more": rows.len() as i64 == limit }),
    ))
}

fn cursor(text: &str) -> Option<(i64, i64)> {
    let (epoch, number) = text.split_once('-')?;
    Some((epoch.parse().ok()?, number.parse().ok().filter(|n| *n >= 0)?))
}
