//! `/ho-so`: find a dossier by its code. `/ho-so/{code}`: where it is, what waits and why, and everything that happened.

use askama::Template;
use axum::{
    extract::{Path, Query, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use lienthong_core::{
    operation::OperationState,
    port::{store::ConnectorCondition, views::Timeline},
    status::PortalStatus,
};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

use super::{
    notice,
    shell::{Section, Shell, Visit, page as rendered},
    timeline::{Entry, entries},
    words::{Told, Words, percent},
};
use crate::http::{AppState, advice, api::operations::paused, mask, summary::UNASSIGNED};

#[derive(Template)]
#[template(path = "dossier_search.html")]
struct Search {
    s: Shell,
    typed: String,
}

/// What was typed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wanted {
    ma: String,
}

/// The search form; with a code, on to its page.
pub async fn search(visit: Visit, Query(wanted): Query<Wanted>) -> Response {
    let code = wanted.ma.trim();
    if code.is_empty() {
        let s = visit.shell(Section::Dossiers, visit.w.t("nav-dossiers"));
        return rendered(StatusCode::OK, &Search { s, typed: String::new() });
    }
    Redirect::to(&format!("/ho-so/{}", percent(code))).into_response()
}

/// Something that waits now.
pub struct Waiting {
    /// The operation.
    pub id: i64,
    /// What it is to do.
    pub action: String,
    /// Whom it goes to.
    pub partner: String,
    /// Why, who, what next.
    pub told: Told,
    /// What the partner or we said.
    pub said: String,
}

#[derive(Template)]
#[template(path = "dossier.html")]
struct DossierPage {
    s: Shell,
    code: String,
    aliases: Vec<String>,
    is_known: bool,
    sentence: String,
    tone: &'static str,
    facts: Vec<(String, String)>,
    waiting: Vec<Waiting>,
    entries: Vec<Entry>,
}

/// The page of one dossier.
pub async fn page(State(state): State<AppState>, visit: Visit, Path(code): Path<String>) -> Response {
    let code = code.trim();
    let (found, paused) = match (state.views.timeline(code).await, paused(&state).await) {
        (Ok(found), Ok(paused)) => (found, paused),
        (Err(error), _) | (_, Err(error)) => return notice::store_failed(&visit, &error),
    };
    let Some(timeline) = found else { return notice::not_found(&visit, "notice-dossier", &mask::free(code)) };
    let w = visit.w;
    let waiting = waiting(&state, &visit, &timeline, &paused);
    let (sentence, tone) = if waiting.iter().any(|x| x.told.needs_person) {
        (
            w.tn("dossier-needs-person", &(waiting.iter().filter(|x| x.told.needs_person).count() as i64)),
            "warn",
        )
    } else if waiting.is_empty() {
        (w.t("dossier-calm"), "good")
    } else {
        (w.t("dossier-waiting"), "good")
    };
    let dossier = DossierPage {
        s: visit.shell(Section::Dossiers, format!("{} {}", w.t("dossier-title"), timeline.code)),
        facts: facts(&state, &visit, &timeline),
        entries: entries(&state, &visit, &timeline),
        code: timeline.code,
        aliases: timeline.aliases,
        is_known: timeline.known,
        sentence,
        tone,
        waiting,
    };
    rendered(StatusCode::OK, &dossier)
}

/// The heads of lanes that have not ended.
fn waiting(
    state: &AppState,
    visit: &Visit,
    timeline: &Timeline,
    paused: &BTreeMap<String, ConnectorCondition>,
) -> Vec<Waiting> {
    let open = timeline
        .operations
        .iter()
        .filter(|o| o.is_head && OperationState::from_name(&o.state).is_some_and(|s| !s.is_ended()));
    open.filter_map(|o| {
        let advice = advice::of_operation(o, paused.get(&o.connector))?;
        Some(Waiting {
            id: o.id,
            action: visit.w.name("action", &o.action),
            partner: label(state, visit.w, &o.connector),
            told: visit.w.told(&advice),
            said: advice::said(o.said.as_deref()),
        })
    })
    .collect()
}

/// What people call a connector.
pub fn label(state: &AppState, w: Words, connector: &str) -> String {
    if connector == UNASSIGNED {
        return w.t("partner-unassigned");
    }
    let members = &state.engine.members;
    let member = members.iter().find(|(id, _)| id.as_str() == connector);
    member.map_or_else(|| connector.to_owned(), |(_, m)| m.manifest.label.clone())
}

/// What is known of it, in the order in which people ask.
fn facts(state: &AppState, visit: &Visit, timeline: &Timeline) -> Vec<(String, String)> {
    let mut known: Value = serde_json::from_str(&timeline.state).unwrap_or(Value::Null);
    mask::value(&mut known);
    let w = visit.w;
    let text = |path: &str| {
        let value = known.pointer(path)?;
        value.as_str().map(str::trim).filter(|t| !t.is_empty()).map(str::to_owned)
    };
    let status =
        known.get("status").and_then(Value::as_u64).and_then(|n| PortalStatus::try_from(n as u8).ok());
    let day = |path: &str| {
        let at: jiff::Timestamp = text(path)?.parse().ok()?;
        Some(visit.when(at.as_microsecond()).exact)
    };
    let unit = timeline.unit.as_ref().map(|code| {
        let name = state.engine.rules.units.iter().find(|(c, _)| c.as_str() == code.as_str());
        let name =
            name.map(|(_, u)| u.name.clone()).or_else(|| text("/fields/unit/name")).unwrap_or_default();
        if name.is_empty() { code.clone() } else { format!("{name} ({code})") }
    });
    let joined = |a: Option<String>, b: Option<String>| match (a, b) {
        (Some(a), Some(b)) => Some(format!("{a} ({b})")),
        (a, b) => a.or(b),
    };
    let rows = [
        ("fact-status", status.map(|s| w.status(s))),
        ("fact-procedure", joined(text("/fields/procedure/name"), text("/fields/procedure/code"))),
        ("fact-unit", unit),
        ("fact-applicant", text("/fields/applicant/name")),
        ("fact-phone", text("/fields/applicant/phone")),
        ("fact-summary", text("/fields/summary")),
        ("fact-received", day("/fields/received_at")),
        ("fact-due", day("/fields/due_at")),
        ("fact-finished", day("/fields/finished_at")),
        ("fact-returned", day("/fields/returned_at")),
    ];
    rows.into_iter().filter_map(|(key, value)| Some((w.t(key), value?))).collect()
}
