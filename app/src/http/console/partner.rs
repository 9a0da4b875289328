//! `/doi-tac/{id}`: one partner, how it stands, and what a person may do about it: hold, release, try now.

use askama::Template;
use axum::{
    Extension, Form,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect, Response},
};
use lienthong_core::{
    flow::{operator::Deed, partner},
    id::ConnectorId,
    policy::health::{CALENDAR, Phase},
    port::store::{ConnectorCondition, StoreError},
};
use serde::Deserialize;

use super::{
    notice,
    operation::Shown,
    shell::{Section, Shell, Visit, page as rendered},
    when::When,
    words::{Told, Words, percent},
};
use crate::http::{
    AppState, advice,
    api::{operations::checked_reason, partners::moment_of},
    auth::{Caller, Scope},
    mask,
    session::is_our_form,
    summary::{Partner, Summary},
};

#[derive(Template)]
#[template(path = "partner.html")]
struct PartnerPage {
    s: Shell,
    id: String,
    label: String,
    phase: String,
    tone: &'static str,
    since: Option<When>,
    told: Vec<Told>,
    said: String,
    facts: Vec<(String, String)>,
    is_held: bool,
    can_try: bool,
    may_operate: bool,
    result: Option<(String, &'static str)>,
}

/// The phase in words, and how it looks: a hold goes before it.
pub fn phase(w: Words, condition: &ConnectorCondition) -> (String, &'static str) {
    let (name, tone) = match (&condition.hold, &condition.phase) {
        (Some(_), _) => ("held", "mute"),
        (None, Phase::Closed) => ("closed", "good"),
        (None, Phase::Open { .. }) => ("open", "warn"),
        (None, phase @ (Phase::HalfOpen { .. } | Phase::Ramp { .. })) => (phase.name(), "wait"),
    };
    (w.name("phase", name), tone)
}

/// The page.
pub async fn page(
    State(state): State<AppState>,
    visit: Visit,
    Path(id): Path<String>,
    Query(shown): Query<Shown>,
) -> Response {
    let summary = match Summary::ask(&state.engine, state.views.as_ref()).await {
        Ok(summary) => summary,
        Err(error) => return notice::store_failed(&visit, &error),
    };
    let found = summary.partners.iter().find(|p| p.connector == id);
    let Some((partner, condition)) = found.and_then(|p| Some((p, p.condition.as_ref()?))) else {
        return notice::not_found(&visit, "notice-partner", &mask::free(&id));
    };
    let w = visit.w;
    let (phase, tone) = phase(w, condition);
    let trouble = condition.phase.trouble();
    let told = summary.matters.iter().filter(|m| m.connector.as_ref() == Some(&id) && !m.link.is_empty());
    let since = condition.hold.as_ref().map(|h| h.since).or(trouble.map(|t| t.since));
    let is_open = matches!(condition.phase, Phase::Open { .. });
    let page = PartnerPage {
        s: visit.shell(Section::Province, partner.label.clone()),
        label: partner.label.clone(),
        phase,
        tone,
        since: since.map(|at| visit.when(at.as_microsecond())),
        told: told.map(|m| w.told(&m.advice)).collect(),
        said: trouble.map(|t| advice::said(Some(&t.said))).unwrap_or_default(),
        facts: facts(&visit, partner, condition),
        is_held: condition.hold.is_some(),
        can_try: is_open && condition.hold.is_none(),
        may_operate: visit.may(Scope::Operate),
        result: result(w, &shown.kq),
        id,
    };
    rendered(StatusCode::OK, &page)
}

fn facts(visit: &Visit, partner: &Partner, condition: &ConnectorCondition) -> Vec<(String, String)> {
    let w = visit.w;
    let moment = |at: jiff::Timestamp| visit.when(at.as_microsecond()).exact;
    let trouble = condition.phase.trouble();
    let (trial, step) = match &condition.phase {
        Phase::Open { trial_at, .. } => (Some(moment(*trial_at)), None),
        Phase::Ramp { until, .. } => (None, Some(moment(*until))),
        Phase::Closed | Phase::HalfOpen { .. } => (None, None),
    };
    let hold = condition.hold.as_ref();
    let by = hold.map(|h| if h.by == CALENDAR { w.t("held-by-calendar") } else { mask::free(&h.by) });
    let until = hold.map(|h| h.until.map_or_else(|| w.t("held-until-released"), moment));
    let drain = partner.drain.map(|d| d.as_secs());
    let rows = [
        ("fact-waiting", Some(w.num(&partner.waiting))),
        ("fact-drain", Some(advice::drain(w.locale, drain))),
        ("fact-cause", trouble.map(|t| w.name("cause", t.cause.code()))),
        ("fact-trial", trial),
        ("fact-step", step),
        ("fact-held-by", by),
        ("fact-held-because", hold.map(|h| mask::free(&h.reason)).filter(|r| !r.is_empty())),
        ("fact-held-until", until),
        ("fact-in-flight", Some(partner.limits.in_flight.to_string())),
        ("fact-in-flight-total", partner.limits.in_flight_total.map(|n| n.to_string())),
        ("fact-rate", partner.limits.rate.map(|r| format!("{:.2}", r.per_second()))),
    ];
    rows.into_iter().filter_map(|(key, value)| Some((w.t(key), value?))).collect()
}

fn result(w: Words, code: &str) -> Option<(String, &'static str)> {
    match code {
        "" => None,
        "held" | "released" | "tried" => Some((w.t(&format!("partner-{code}")), "good")),
        "reason" => Some((w.t("deed-reason"), "bad")),
        "until" | "until_past" => Some((w.t("partner-until"), "bad")),
        _ => Some((w.t("partner-not-allowed"), "bad")),
    }
}

/// A person's word about a partner.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wish {
    form_token: String,
    reason: String,
    until: String,
}

/// Sends nothing any more.
pub async fn hold(
    State(state): State<AppState>,
    visit: Visit,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    headers: HeaderMap,
    Form(wish): Form<Wish>,
) -> Response {
    if !is_our_form(&headers, &state, &wish.form_token) {
        return notice::foreign_form(&visit);
    }
    let Some(reason) = checked_reason(&wish.reason) else { return back(&id, "reason") };
    let until = match wish.until.trim() {
        "" => None,
        text => match moment_of(text) {
            None => return back(&id, "until"),
            until => until,
        },
    };
    let Ok(connector) = ConnectorId::parse(&id) else {
        return notice::not_found(&visit, "notice-partner", &mask::free(&id));
    };
    let deed = partner::hold(&state.engine, &connector, &caller.subject, &reason, until).await;
    after(&visit, &id, "held", deed)
}

/// Ends a hold.
pub async fn release(
    State(state): State<AppState>,
    visit: Visit,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    headers: HeaderMap,
    Form(wish): Form<Wish>,
) -> Response {
    if !is_our_form(&headers, &state, &wish.form_token) {
        return notice::foreign_form(&visit);
    }
    let Some(reason) = checked_reason(&wish.reason) else { return back(&id, "reason") };
    let Ok(connector) = ConnectorId::parse(&id) else {
        return notice::not_found(&visit, "notice-partner", &mask::free(&id));
    };
    let deed = partner::release(&state.engine, &connector, &caller.subject, &reason).await;
    after(&visit, &id, "released", deed)
}

/// Tries the partner now.
pub async fn trial(
    State(state): State<AppState>,
    visit: Visit,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    headers: HeaderMap,
    Form(wish): Form<Wish>,
) -> Response {
    if !is_our_form(&headers, &state, &wish.form_token) {
        return notice::foreign_form(&visit);
    }
    let Ok(connector) = ConnectorId::parse(&id) else {
        return notice::not_found(&visit, "notice-partner", &mask::free(&id));
    };
    after(&visit, &id, "tried", partner::try_now(&state.engine, &connector, &caller.subject).await)
}

fn after(visit: &Visit, id: &str, done: &str, deed: Result<Deed, StoreError>) -> Response {
    match deed {
        Ok(Deed::Done) => back(id, done),
        Ok(Deed::NotAllowed(code)) => back(id, &code),
        Ok(Deed::NotFound) => notice::not_found(visit, "notice-partner", &mask::free(id)),
        Err(error) => notice::store_failed(visit, &error),
    }
}

/// To the page by GET, so that a reload decides nothing.
fn back(id: &str, code: &str) -> Response {
    Redirect::to(&format!("/doi-tac/{}?kq={}", percent(id), percent(code))).into_response()
}
