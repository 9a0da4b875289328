//! `/v1/index`: the national index of a period, computed here; figures that are entered by hand or compared with ours.

use axum::{
    Extension, Json,
    extract::{State, rejection::JsonRejection},
};
use lienthong_core::{
    clock::business,
    flow::index,
    index::{
        compare::{compare, hundredths, read},
        indicator::Indicator,
        period::Period,
        tally::Scope,
    },
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;

use super::{Answer, Asked, operations::checked_reason};
use crate::http::{
    AppState,
    auth::Caller,
    error::ApiError,
    index::{compared, counted, shown},
};

/// The largest file of saved figures.
pub const LARGEST: usize = 8 << 20;
/// A request may take little more than this.
const LONGEST_REFRESH: Duration = Duration::from_secs(20);
/// Dossiers named of each repair unless told.
const EXAMPLES: usize = 20;

/// Which index.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Wanted {
    /// `2026-10`, `2026-Q4`, `2026`; none: the present month.
    pub period: Option<String>,
    /// Of one unit.
    pub unit: Option<String>,
    /// Of one procedure, by its national code.
    pub procedure: Option<String>,
    /// How many dossiers are named of each repair.
    pub examples: Option<usize>,
}

impl Wanted {
    fn period(&self, state: &AppState) -> Result<Period, ApiError> {
        match self.period.as_deref().map(str::trim).filter(|text| !text.is_empty()) {
            Some(text) => text.parse().map_err(|_| ApiError::bad("period_unreadable", "period", text)),
            None => Ok(Period::month_of(business(state.engine.clock.now()).date())),
        }
    }

    fn scope(&self) -> Scope {
        let named = |text: &Option<String>| {
            text.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
        };
        Scope { unit: named(&self.unit), procedure: named(&self.procedure) }
    }
}

/// The index of a period.
pub async fn show(State(state): State<AppState>, Asked(wanted): Asked<Wanted>) -> Answer {
    let answered = state.index.ask(&state.engine, wanted.period(&state)?, wanted.scope()).await?;
    let months = index::months(&state.engine).await?;
    Ok(Json(shown(&answered, &months, wanted.examples.unwrap_or(EXAMPLES))))
}

/// Figures saved from the portal, beside ours.
pub async fn compare_with(
    State(state): State<AppState>,
    Asked(wanted): Asked<Wanted>,
    body: Result<Json<Value>, JsonRejection>,
) -> Answer {
    let Json(saved) = body.map_err(|r| ApiError::bad("body_unreadable", "body", r.body_text()))?;
    let theirs = read(&saved);
    if theirs.is_empty() {
        return Err(ApiError::bad("figures_unreadable", "body", ""));
    }
    let answered = state.index.ask(&state.engine, wanted.period(&state)?, wanted.scope()).await?;
    let mut answer = compared(&compare(counted(&answered.report), &theirs));
    answer["period"] = answered.period.to_string().into();
    Ok(Json(answer))
}

/// Brings the facts up to date now. Making all of them may take longer than a request may: then it is to be asked again,
/// and goes on where it was.
pub async fn refresh(State(state): State<AppState>) -> Answer {
    let refreshed = tokio::time::timeout(LONGEST_REFRESH, index::refresh(&state.engine)).await;
    state.index.forget().await;
    let is_complete = refreshed.is_ok();
    if let Ok(answer) = refreshed {
        answer?;
    }
    Ok(Json(json!({ "complete": is_complete })))
}

/// A figure that nothing here can know.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figure {
    period: String,
    indicator: String,
    /// `5.50`; none takes an earlier one back.
    points: Option<Value>,
    #[serde(default)]
    reason: String,
}

/// Keeps a figure that a person enters.
pub async fn enter(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    body: Result<Json<Figure>, JsonRejection>,
) -> Answer {
    let Json(figure) = body.map_err(|r| ApiError::bad("body_unreadable", "body", r.body_text()))?;
    let period: Period =
        figure.period.parse().map_err(|_| ApiError::bad("period_unreadable", "period", &figure.period))?;
    let indicator = Indicator::from_code(figure.indicator.trim())
        .filter(|indicator| !indicator.is_computable())
        .ok_or_else(|| ApiError::bad("indicator_unknown", "indicator", &figure.indicator))?;
    let points = match &figure.points {
        None => None,
        Some(value) => {
            let points = hundredths(value).filter(|points| *points <= indicator.max() * 100);
            Some(points.ok_or_else(|| ApiError::bad("value_unknown", "points", value.to_string()))?)
        }
    };
    let reason =
        checked_reason(&figure.reason).ok_or_else(|| ApiError::bad("reason_missing", "reason", ""))?;
    index::enter(&state.engine, period, indicator, points, (&caller.subject, &reason)).await?;
    state.index.forget().await;
    let entered = index::entered(&state.engine, period).await?;
    Ok(Json(json!({ "period": period.to_string(), "entered": entered })))
}
