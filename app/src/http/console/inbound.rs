//! `/tu-cong`: what partners sent by themselves, and what became of it.

use askama::Template;
use axum::{
    extract::{Query, State},
    http::StatusCode,
    response::Response,
};
use lienthong_core::port::inbound::{FileState, RequestFilter, RequestView};
use serde::Deserialize;

use super::{
    notice,
    shell::{Section, Shell, Visit, page as rendered},
    when::When,
};
use crate::http::{AppState, api::inbound::verdict, mask};

struct FileRow {
    id: i64,
    name: String,
    state: String,
    is_here: bool,
    said: String,
}

struct Row {
    id: i64,
    received: When,
    partner: String,
    path: String,
    word: String,
    tone: &'static str,
    said: String,
    told: Vec<(String, String)>,
    files: Vec<FileRow>,
}

#[derive(Template)]
#[template(path = "inbound.html")]
struct Page {
    s: Shell,
    rows: Vec<Row>,
    next: Option<i64>,
    is_first: bool,
    has_door: bool,
}

/// From where on.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wanted {
    before: String,
}

const PAGE: usize = 50;

/// The page.
pub async fn page(State(state): State<AppState>, visit: Visit, Query(wanted): Query<Wanted>) -> Response {
    let before = wanted.before.trim().parse().ok();
    let filter = RequestFilter { before, limit: PAGE as i64 + 1, ..RequestFilter::default() };
    let mut found = match state.engine.store.inbound_requests(&filter).await {
        Ok(found) => found,
        Err(error) => return notice::store_failed(&visit, &error),
    };
    let has_more = found.len() > PAGE;
    found.truncate(PAGE);
    let page = Page {
        s: visit.shell(Section::Inbound, visit.w.t("nav-inbound")),
        next: found.last().filter(|_| has_more).map(|view| view.id),
        rows: found.iter().map(|view| row(&visit, view)).collect(),
        is_first: before.is_none(),
        has_door: lienthong_core::flow::inbound::doors(&state.engine).next().is_some(),
    };
    rendered(StatusCode::OK, &page)
}

fn row(visit: &Visit, view: &RequestView) -> Row {
    let (word, said) = verdict(view);
    let tone = match word {
        "told" => "good",
        "repeated" | "asked" | "not_found" => "mute",
        "open" | "unread" => "warn",
        _ => "bad",
    };
    let files = view.files.iter().map(|file| FileRow {
        id: file.id,
        name: mask::free(&file.name),
        state: visit.w.name("file", file.state.name()),
        is_here: file.state == FileState::Stored,
        said: mask::free(&file.said),
    });
    Row {
        id: view.id,
        received: visit.when(view.received_at.as_microsecond()),
        partner: view.connector.clone(),
        // What an adapter put before it says nothing.
        path: view.path.rsplit_once("/forward/").map_or(view.path.as_str(), |(_, path)| path).to_owned(),
        word: visit.w.name("inbound", word),
        tone,
        said: mask::free(said),
        told: view
            .told
            .iter()
            .map(|(name, subject)| (visit.w.name("told", &name.replace('.', "-")), subject.clone()))
            .collect(),
        files: files.collect(),
    }
}
