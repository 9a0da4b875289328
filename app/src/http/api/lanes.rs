//! `/v1/lanes`: what blocks, who owns it, how to get out.

use axum::{Json, extract::State};
use lienthong_core::{
    lane::LaneState,
    port::views::{LaneFilter, LaneView},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, Asked, Number, operations::paused, page};
use crate::http::{
    AppState,
    error::ApiError,
    lanes::{self, OWNERS},
};

/// Which lanes. Empty texts do not narrow, as forms send them.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Wanted {
    /// By connector.
    pub connector: String,
    /// By state; none: those that do not move.
    pub state: String,
    /// By the head's unit.
    pub unit: String,
    /// By the head's cause.
    pub cause: String,
    /// By who has to act.
    pub owner: String,
    /// After this place, as `next` gave it.
    pub after: String,
    /// At most this many.
    pub limit: Option<i64>,
}

impl Wanted {
    /// The store's filter.
    pub fn filter(&self) -> Result<LaneFilter, ApiError> {
        let some = |text: &str| Some(text.trim().to_owned()).filter(|t| !t.is_empty());
        let state = match some(&self.state) {
            None => None,
            Some(name) => Some(
                LaneState::ALL
                    .into_iter()
                    .find(|s| *s != LaneState::Idle && s.name() == name)
                    .ok_or_else(|| ApiError::bad("unknown_state", "state", &name))?,
            ),
        };
        if !self.owner.is_empty() && !OWNERS.contains(&self.owner.as_str()) {
            return Err(ApiError::bad("unknown_owner", "owner", &self.owner));
        }
        Ok(LaneFilter {
            id: None,
            connector: some(&self.connector),
            state,
            unit: some(&self.unit),
            cause: some(&self.cause),
            after: some(&self.after).map(|text| place(&text)).transpose()?,
            limit: page(self.limit),
        })
    }

    /// A page of the lanes that are wanted.
    pub async fn page(
        &self,
        state: &AppState,
        filter: &LaneFilter,
    ) -> Result<lanes::Page, lienthong_core::port::store::StoreError> {
        let paused = paused(state).await?;
        let is_wanted = |lane: &LaneView| {
            self.owner.is_empty() || lanes::owner(lane, paused.get(&lane.connector)) == self.owner
        };
        lanes::page(state.views.as_ref(), filter, is_wanted).await
    }
}

/// A place in the order as text: the head's creation and number.
pub fn written(place: (i64, i64)) -> String {
    format!("{}-{}", place.0, place.1)
}

fn place(text: &str) -> Result<(i64, i64), ApiError> {
    let parts = text.split_once('-').and_then(|(at, id)| Some((at.parse().ok()?, id.parse().ok()?)));
    parts.ok_or_else(|| ApiError::bad("number_unreadable", "after", text))
}

/// A page of lanes, the oldest head first.
pub async fn list(State(state): State<AppState>, Asked(wanted): Asked<Wanted>) -> Answer {
    let filter = wanted.filter()?;
    let found = wanted.page(&state, &filter).await?;
    let paused = paused(&state).await?;
    let row = |lane: &LaneView| lanes::to_json(&state.engine, lane, paused.get(&lane.connector), false);
    let rows: Vec<Value> = found.lanes.iter().map(row).collect();
    Ok(Json(json!({ "lanes": rows, "next": found.next.map(written) })))
}

/// One lane with its head.
pub async fn show(State(state): State<AppState>, Number(id): Number) -> Answer {
    let filter = LaneFilter { id: Some(id), limit: 1, ..LaneFilter::default() };
    let Some(lane) = state.views.lanes(&filter).await?.pop() else {
        return Err(ApiError::not_found("no_such_lane", id.to_string()));
    };
    let paused = paused(&state).await?;
    Ok(Json(json!({ "lane": lanes::to_json(&state.engine, &lane, paused.get(&lane.connector), true) })))
}
