//! `/cach-ly`: events that could not be admitted, why, and what their sender has to mend.

use askama::Template;
use axum::{
    extract::{Path, Query, State},
    http::StatusCode,
    response::Response,
};
use lienthong_core::port::views::QuarantineView;
use serde::Deserialize;

use super::{
    notice,
    shell::{Section, Shell, Visit, page as rendered},
    when::When,
    words::Told,
};
use crate::http::{AppState, advice, auth::Scope, mask};

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
}

/// One entry; its bytes only for those who may operate.
pub async fn page(State(state): State<AppState>, visit: Visit, Path(id): Path<String>) -> Response {
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
        path: entry.path,
        expected: entry.expected,
    };
    rendered(StatusCode::OK, &page)
}
