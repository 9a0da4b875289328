//! `/v1/partners`: how each partner stands, and what a person may do about it: hold, release, try now.

use axum::{
    Extension, Json,
    extract::{Path, State, rejection::JsonRejection},
    http::StatusCode,
};
use jiff::{Timestamp, civil::DateTime};
use lienthong_core::{
    clock::business_zone,
    flow::{operator::Deed, partner},
    id::ConnectorId,
    policy::health::{Phase, Trouble},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, operations::checked_reason};
use crate::http::{
    AppState,
    auth::Caller,
    error::ApiError,
    json::{moment, rfc3339},
    mask,
    summary::{Partner, Summary},
};

/// A partner as the API shows it. `paused`: only while nothing is sent because it is down.
pub fn standing(partner: &Partner) -> Value {
    let phase = partner.condition.as_ref().map(|c| &c.phase);
    let trouble = |t: &Trouble| json!({ "since_at": rfc3339(t.since), "cause": t.cause.code(), "said": mask::free(&t.said), "trials": t.trials });
    let paused = match phase {
        Some(Phase::Open { trouble: t, trial_at }) => {
            json!({ "since_at": rfc3339(t.since), "cause": t.cause.code(), "said": mask::free(&t.said),
                    "test_at": rfc3339(*trial_at) })
        }
        _ => Value::Null,
    };
    let step_until = match phase {
        Some(Phase::Ramp { until, .. }) => Some(rfc3339(*until)),
        _ => None,
    };
    let hold = partner.condition.as_ref().and_then(|c| c.hold.as_ref()).map(|h| {
        json!({ "by": h.by, "reason": mask::free(&h.reason), "since_at": rfc3339(h.since),
                "until_at": h.until.map(rfc3339) })
    });
    let limits = partner.condition.as_ref().map(|_| {
        json!({ "in_flight": partner.limits.in_flight, "in_flight_total": partner.limits.in_flight_total,
                "rate_per_second": partner.limits.rate.map(|r| r.per_second()) })
    });
    json!({
        "connector": partner.connector,
        "label": partner.label,
        "phase": phase.map(Phase::name),
        "trouble": phase.and_then(Phase::trouble).map(trouble),
        "paused": paused,
        "step_until_at": step_until,
        "hold": hold,
        "limits": limits,
        "done": partner.done,
        "waiting": partner.waiting,
        "doubtful": partner.doubtful,
        "stuck": partner.stuck,
        "oldest_at": partner.oldest_us.and_then(moment),
        "drain_seconds": partner.drain.map(|d| d.as_secs()),
    })
}

/// All partners, in the order of the configuration.
pub async fn list(State(state): State<AppState>) -> Answer {
    let partners = Summary::ask(&state.engine, state.views.as_ref()).await?.partners;
    Ok(Json(json!({ "partners": partners.iter().map(standing).collect::<Vec<_>>(), "next": null })))
}

/// One partner.
pub async fn show(State(state): State<AppState>, Path(id): Path<String>) -> Answer {
    let partners = Summary::ask(&state.engine, state.views.as_ref()).await?.partners;
    let found = partners.iter().find(|p| p.connector == id);
    found.map(|p| Json(json!({ "partner": standing(p) }))).ok_or_else(|| no_such(&id))
}

/// Why, and until when.
#[derive(Debug, Deserialize)]
pub struct Wish {
    #[serde(default)]
    reason: String,
    #[serde(default)]
    until: Option<String>,
}

/// Sends nothing any more.
pub async fn hold(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    body: Result<Json<Wish>, JsonRejection>,
) -> Answer {
    let (reason, until) = wish(body)?;
    let until = match until.as_deref().map(str::trim).filter(|u| !u.is_empty()) {
        Some(text) => Some(moment_of(text).ok_or_else(|| ApiError::bad("moment_unreadable", "until", text))?),
        None => None,
    };
    let connector = connector(&id)?;
    answer(&id, partner::hold(&state.engine, &connector, &caller.subject, &reason, until).await?)
}

/// Ends a hold.
pub async fn release(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    body: Result<Json<Wish>, JsonRejection>,
) -> Answer {
    let (reason, _) = wish(body)?;
    let connector = connector(&id)?;
    answer(&id, partner::release(&state.engine, &connector, &caller.subject, &reason).await?)
}

/// Tries the partner now.
pub async fn trial(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Answer {
    let connector = connector(&id)?;
    answer(&id, partner::try_now(&state.engine, &connector, &caller.subject).await?)
}

/// A moment with its offset, or one on the business clock; to the minute is enough.
pub fn moment_of(text: &str) -> Option<Timestamp> {
    let local = || text.parse::<DateTime>().ok()?.to_zoned(business_zone()).ok().map(|at| at.timestamp());
    text.parse().ok().or_else(local)
}

fn wish(body: Result<Json<Wish>, JsonRejection>) -> Result<(String, Option<String>), ApiError> {
    let Json(wish) = body.map_err(|r| ApiError::bad("body_unreadable", "body", r.body_text()))?;
    let reason = checked_reason(&wish.reason).ok_or_else(|| ApiError::bad("reason_missing", "reason", ""))?;
    Ok((reason, wish.until))
}

fn connector(id: &str) -> Result<ConnectorId, ApiError> {
    ConnectorId::parse(id).map_err(|_| no_such(id))
}

fn no_such(id: &str) -> ApiError {
    ApiError::not_found("no_such_partner", id)
}

fn answer(id: &str, deed: Deed) -> Answer {
    match deed {
        Deed::Done => Ok(Json(json!({ "result": "done", "partner": id }))),
        Deed::NotFound => Err(no_such(id)),
        Deed::NotAllowed(code) => {
            Err(ApiError { what: code, ..ApiError::new(StatusCode::CONFLICT, "partner_not_allowed") })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_without_an_offset_is_one_of_the_business_clock() {
        let with_offset = moment_of("2026-12-01T20:00:00+07:00");
        assert!(with_offset.is_some());
        assert_eq!(moment_of("2026-12-01T20:00"), with_offset);
        assert_eq!(moment_of("mai"), None);
    }
}
