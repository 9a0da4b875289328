//! `/v1/sheet`: the morning sheet of the province or of a unit, of now or as it was kept.

use axum::{Json, extract::State};
use jiff::civil::Date;
use lienthong_core::clock::business;
use serde::Deserialize;

use super::{Answer, Asked};
use crate::http::{AppState, error::ApiError, sheet};

/// Which sheet.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Wanted {
    /// Of one unit; none: the province.
    pub unit: Option<String>,
    /// As it was kept on this day, `2026-11-23` or `today`; none: as it is now.
    pub day: Option<String>,
}

impl Wanted {
    /// The unit, if one is named.
    pub fn unit(&self) -> Option<&str> {
        self.unit.as_deref().map(str::trim).filter(|unit| !unit.is_empty())
    }

    /// The day, if one is named. `Err`: what cannot be read as one.
    pub fn day(&self, state: &AppState) -> Result<Option<Date>, String> {
        match self.day.as_deref().map(str::trim).filter(|day| !day.is_empty()) {
            None => Ok(None),
            Some("today") => Ok(Some(business(state.engine.clock.now()).date())),
            Some(day) => day.parse().map(Some).map_err(|_| day.to_owned()),
        }
    }
}

/// The sheet.
pub async fn show(State(state): State<AppState>, Asked(wanted): Asked<Wanted>) -> Answer {
    let day = wanted.day(&state).map_err(|day| ApiError::bad("day_unreadable", "day", day))?;
    match sheet::ask(&state, wanted.unit(), day).await? {
        Some(shown) => Ok(Json(sheet::to_json(&state, &shown))),
        None => Err(ApiError::not_found("sheet_not_kept", day.map(|d| d.to_string()).unwrap_or_default())),
    }
}
