//! `/cach-ly`: events that could not be admitted, why, and what their sender has to mend.

use askama::Template;
use axum::{
    Extension, Form,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect, Response},
};
use lienthong_core::{
    flow::operator::{self, Deed},
    port::views::QuarantineView,
};
use serde::Deserialize;

use super::{
    notice,
    operation::{Decision, Shown},
    shell::{Section, Shell, Visit, page as rendered},
    when::When,
    words::Told,
};
use crate::http::{
    AppState, advice,
    api::{Number, operations::checked_reason},
    auth::{Caller, Scope},
    mask,
    session::is_our_form,
};

struct Row {
    id: i64,
    received: When,
    reason: String,
    source: String,
    subject: String,
    path: String,
}

#[derive(Template)]
#[template(path = "quarantine.html")]
struct List {
    s: Shell,
    rows: Vec<Row>,
    next: Option<i64>,
    is_first: bool,
}

/// From where on.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wanted {
    after: String,
}

const PAGE: usize = 50;

/// The list.
pub async fn list(State(state): State<AppState>, visit: Visit, Query(wanted): Query<Wanted>) -> Response {
    let after = wanted.after.trim().parse().unwrap_or(0);
    let mut found = match state.views.quarantine(after, PAGE as i64 + 1).await {
        Ok(found) => found,
        Err(error) => return notice::store_failed(&visit, &error),
    };
    let has_more = found.len() > PAGE;
    found.truncate(PAGE);
    let list = List {
        s: visit.shell(Section::Quarantine, visit.w.t("nav-quarantine")),
        next: found.last().filter(|_| has_more).map(|e| e.id),
        rows: found.iter().map(|e| row(&visit, e)).collect(),
        is_first: after <= 0,
    };
    rendered(StatusCode::OK, &list)
}

fn row(visit: &Visit, entry: &QuarantineView) -> Row {
    Row {
        id: entry.id,
        received: visit.when(entry.received_us),
        reason: advice::of_reason(&entry.reason).why(visit.w.locale),
        source: entry.source.clone().unwrap_or_default(),
        subject: entry.subject.as_deref().map(mask::free).unwrap_or_default(),
        path: entry.path.clone(),
    }
}

#[derive(Template)]
#[template(path = "quarantine_entry.html")]
struct EntryPage {
    s: Shell,
    id: i64,
    received: When,
    told: Told,
    path: String,
    expected: String,
    got: String,
    facts: Vec<(String, String)>,
    raw: Option<String>,
    size: i64,
    closed: Option<Closed>,
    can_close: bool,
    lacks_right: bool,
    result: Option<(String, &'static str)>,
}

/// How an entry ended.
struct Closed {
    at: When,
    /// By whom and why, or that its event was admitted after all.
    how: String,
}

/// One entry; its bytes only for those who may operate.
pub async fn page(
    State(state): State<AppState>,
    visit: Visit,
    Path(id): Path<String>,
    Query(shown): Query<Shown>,
) -> Response {
    let Ok(id) = id.parse::<i64>() else { return notice::not_found(&visit, "notice-entry", &id) };
    let entry = match state.views.quarantine_entry(id).await {
        Ok(Some(entry)) => entry,
        Ok(None) => return notice::not_found(&visit, "notice-entry", &id.to_string()),
        Err(error) => return notice::store_failed(&visit, &error),
    };
    let w = visit.w;
    let facts = [
        ("fact-source", entry.source.clone()),
        ("fact-subject", entry.subject.as_deref().map(mask::free)),
        ("fact-type", entry.event_type.clone()),
        ("fact-event-id", entry.event_id.clone()),
        ("fact-origin", Some(w.name("origin", &entry.origin))),
    ];
    let page = EntryPage {
        s: visit.shell(Section::Quarantine, format!("{} {id}", w.t("quarantine-title"))),
        id,
        received: visit.when(entry.received_us),
        told: w.told(&advice::of_reason(&entry.reason)),
        got: mask::at_path(&entry.path, &entry.got),
        facts: facts.into_iter().filter_map(|(key, value)| Some((w.t(key), value?))).collect(),
        raw: visit.may(Scope::Operate).then(|| String::from_utf8_lossy(&entry.raw).into_owned()),
        size: entry.raw.len() as i64,
        closed: closed(&visit, &entry),
        can_close: entry.closed_us.is_none() && visit.may(Scope::Operate),
        lacks_right: entry.closed_us.is_none() && !visit.may(Scope::Operate),
        result: match shown.kq.as_str() {
            "closed" => Some((w.t("close-done"), "good")),
            "already" => Some((w.t("close-already"), "warn")),
            "reason" => Some((w.t("deed-reason"), "bad")),
            _ => None,
        },
        path: entry.path,
        expected: entry.expected,
    };
    rendered(StatusCode::OK, &page)
}

fn closed(visit: &Visit, entry: &QuarantineView) -> Option<Closed> {
    let how = match (&entry.closed_by, &entry.closed_because) {
        (Some(who), Some(why)) => format!("{}: {}", mask::free(who), mask::free(why)),
        _ => visit.w.t("closed-told-again"),
    };
    Some(Closed { at: visit.when(entry.closed_us?), how })
}

/// Closes an entry: nothing will come of it, or the event came in another way.
pub async fn close(
    State(state): State<AppState>,
    visit: Visit,
    Extension(caller): Extension<Caller>,
    Number(id): Number,
    headers: HeaderMap,
    Form(decision): Form<Decision>,
) -> Response {
    if !is_our_form(&headers, &state, &decision.form_token) {
        return notice::foreign_form(&visit);
    }
    let Some(reason) = checked_reason(&decision.reason) else { return back(id, "reason") };
    match operator::close_quarantine(&state.engine, id, &caller.subject, &reason).await {
        Ok(Deed::Done) => back(id, "closed"),
        // What does not exist says so on its page.
        Ok(Deed::NotFound | Deed::NotAllowed(_)) => back(id, "already"),
        Err(error) => notice::store_failed(&visit, &error),
    }
}

fn back(id: i64, code: &str) -> Response {
    Redirect::to(&format!("/cach-ly/{id}?kq={code}")).into_response()
}
