//! `/doi-soat`: runs that compare what partners have with what we have, and the differences that a person has to see.

use askama::Template;
use axum::{
    Extension, Form,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect, Response},
};
use lienthong_core::{
    flow::{
        discrepancy::{self, Moved},
        statuses,
    },
    port::store::StoreError,
    reconciliation::{Discrepancy, Filter, Kind, Move, Reach, Run},
};
use serde::Deserialize;
use serde_json::Value;

use super::{
    notice,
    operation::{Decision, Shown},
    shell::{Section, Shell, Visit, page as rendered},
    timeline,
    when::When,
    words::Told,
};
use crate::http::{
    AppState, advice,
    api::operations::checked_reason,
    auth::{Caller, Scope},
    mask, reconciled,
    session::is_our_form,
};

/// Runs shown.
const RUNS: usize = 20;
/// Discrepancies shown.
const PAGE: i64 = 100;

struct RunRow {
    began: When,
    reach: String,
    by: String,
    took: String,
    asked: String,
    agrees: String,
    differs: String,
    repaired: String,
    failed: i64,
}

struct Row {
    id: i64,
    since: When,
    kind: String,
    key: String,
    why: String,
}

#[derive(Template)]
#[template(path = "reconcile.html")]
struct Page {
    s: Shell,
    may: bool,
    repairs: bool,
    open: i64,
    rows: Vec<Row>,
    runs: Vec<RunRow>,
    connectors: Vec<String>,
    next: Option<i64>,
    result: Option<(String, &'static str)>,
}

/// From where on.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wanted {
    after: String,
    kq: String,
}

/// The page.
pub async fn page(State(state): State<AppState>, visit: Visit, Query(wanted): Query<Wanted>) -> Response {
    match told(&state, &visit, &wanted).await {
        Ok(page) => rendered(StatusCode::OK, &page),
        Err(error) => notice::store_failed(&visit, &error),
    }
}

async fn told(state: &AppState, visit: &Visit, wanted: &Wanted) -> Result<Page, StoreError> {
    let w = visit.w;
    let after = wanted.after.trim().parse().unwrap_or(0);
    let filter = Filter { after, limit: PAGE + 1, ..Filter::default() };
    let mut found = state.engine.store.discrepancies(&filter).await?;
    let has_more = found.len() as i64 > PAGE;
    found.truncate(usize::try_from(PAGE).unwrap_or(0));
    let runs = reconciled::runs(state, None, RUNS).await?;
    Ok(Page {
        s: visit.shell(Section::Reconciliation, w.t("nav-reconcile")),
        may: visit.may(Scope::Operate),
        repairs: state.engine.settings.statuses.repair,
        open: state.engine.store.open_discrepancies().await?,
        next: found.last().filter(|_| has_more).map(|d| d.id),
        rows: found.iter().map(|d| row(visit, d)).collect(),
        runs: runs.iter().map(|run| run_row(visit, run)).collect(),
        connectors: reconciled::connectors(state).iter().map(ToString::to_string).collect(),
        result: result(visit, &wanted.kq),
    })
}

fn result(visit: &Visit, code: &str) -> Option<(String, &'static str)> {
    match code {
        "" => None,
        "done" => Some((visit.w.t("reconcile-noted"), "good")),
        other => Some((visit.w.name("reconcile-failed", other), "bad")),
    }
}

fn kind_of(visit: &Visit, kind: Kind) -> String {
    visit.w.name("discrepancy", kind.name())
}

fn row(visit: &Visit, of: &Discrepancy) -> Row {
    Row {
        id: of.id,
        since: visit.when(of.opened_at.as_microsecond()),
        kind: kind_of(visit, of.kind),
        key: of.key.clone(),
        why: advice::of_discrepancy(of.why).why(visit.w.locale),
    }
}

fn run_row(visit: &Visit, run: &Run) -> RunRow {
    let (w, counts) = (visit.w, run.counts);
    let took = run.ended_at.map(|ended| ended.duration_since(run.began_at).as_micros());
    RunRow {
        began: visit.when(run.began_at.as_microsecond()),
        reach: w.name("reach", run.reach.name()),
        by: run.by.as_deref().map(mask::free).unwrap_or_default(),
        took: took.map(|us| timeline::took(w, i64::try_from(us).unwrap_or(0))).unwrap_or_default(),
        asked: w.num(&counts.asked),
        agrees: w.num(&counts.agrees),
        differs: w.num(&(counts.missing + counts.behind + counts.ahead + counts.unknown_here)),
        repaired: w.num(&counts.repaired),
        failed: counts.failed,
    }
}

struct NoteRow {
    at: When,
    deed: String,
    by: String,
    said: String,
}

#[derive(Template)]
#[template(path = "discrepancy.html")]
struct One {
    s: Shell,
    id: i64,
    kind: String,
    key: String,
    is_dossier: bool,
    partner: String,
    since: When,
    seen: When,
    told: Told,
    /// What is compared: its name, ours, theirs.
    both: Vec<(String, String, String)>,
    history: Vec<NoteRow>,
    moves: Vec<(&'static str, String, String)>,
    is_closed: bool,
    lacks_right: bool,
    result: Option<(String, &'static str)>,
}

/// One discrepancy.
pub async fn one(
    State(state): State<AppState>,
    visit: Visit,
    Path(id): Path<String>,
    Query(shown): Query<Shown>,
) -> Response {
    let Ok(id) = id.parse::<i64>() else { return notice::not_found(&visit, "notice-discrepancy", &id) };
    let filter = Filter { id: Some(id), closed: true, limit: 1, ..Filter::default() };
    let of = match state.engine.store.discrepancies(&filter).await {
        Ok(mut found) => match found.pop() {
            Some(of) => of,
            None => return notice::not_found(&visit, "notice-discrepancy", &id.to_string()),
        },
        Err(error) => return notice::store_failed(&visit, &error),
    };
    let w = visit.w;
    let (is_closed, may) = (of.closed.is_some(), visit.may(Scope::Operate));
    let moves = of.kind.moves().iter().filter(|_| may && !is_closed).map(|wish| {
        let name = wish.name();
        (name, w.name("move", name), w.name("move-help", name))
    });
    let history = of.history.iter().map(|note| NoteRow {
        at: visit.when(note.at.as_microsecond()),
        deed: w.name("did", &note.deed),
        by: note.by.as_deref().map_or_else(|| w.t("reconcile-clock"), mask::free),
        said: if note.by.is_some() { mask::free(&note.said) } else { String::new() },
    });
    let page = One {
        s: visit.shell(Section::Reconciliation, format!("{} {id}", w.t("discrepancy-title"))),
        id,
        kind: kind_of(&visit, of.kind),
        is_dossier: of.subject.is_some(),
        key: of.key.clone(),
        partner: of.connector.to_string(),
        since: visit.when(of.opened_at.as_microsecond()),
        seen: visit.when(of.seen_at.as_microsecond()),
        told: w.told(&advice::of_discrepancy(of.why)),
        both: both(&visit, &of.ours, &of.theirs),
        history: history.collect(),
        moves: moves.collect(),
        is_closed,
        lacks_right: !may && !is_closed,
        result: result(&visit, &shown.kq),
    };
    rendered(StatusCode::OK, &page)
}

fn both(visit: &Visit, ours: &Value, theirs: &Value) -> Vec<(String, String, String)> {
    let w = visit.w;
    let said = |side: &Value, field: &str| match (field, &side[field]) {
        (_, Value::Bool(yes)) => w.t(if *yes { "both-yes" } else { "both-no" }),
        ("status", Value::Number(code)) => format!("{code} · {}", w.name("status", &code.to_string())),
        (_, Value::Number(number)) => number.to_string(),
        (_, Value::String(text)) => text.clone(),
        _ => "–".to_owned(),
    };
    let fields = ["known", "status", "version", "steps", "named_by"].into_iter();
    let told = fields.filter(|field| !ours[*field].is_null() || !theirs[*field].is_null());
    told.map(|field| (w.name("both", field), said(ours, field), said(theirs, field))).collect()
}

/// Carries out a move about one.
pub async fn act(
    State(state): State<AppState>,
    visit: Visit,
    Extension(caller): Extension<Caller>,
    Path((id, wish)): Path<(i64, String)>,
    headers: HeaderMap,
    Form(decision): Form<Decision>,
) -> Response {
    if !is_our_form(&headers, &state, &decision.form_token) {
        return notice::foreign_form(&visit);
    }
    let back = |code: &str| Redirect::to(&format!("/doi-soat/{id}?kq={code}")).into_response();
    let Some(wish) = Move::from_name(&wish) else { return back("not_so") };
    let Some(reason) = checked_reason(&decision.reason) else { return back("reason") };
    match discrepancy::act(&state.engine, id, wish, &caller.subject, &reason).await {
        Ok(Moved::Done) => back("done"),
        Ok(Moved::NotFound) => notice::not_found(&visit, "notice-discrepancy", &id.to_string()),
        Ok(Moved::NotAllowed("closed")) => back("closed"),
        Ok(Moved::NotAllowed("busy")) => back("busy"),
        Ok(Moved::NotAllowed(_)) => back("not_so"),
        Err(error) => notice::store_failed(&visit, &error),
    }
}

/// The form: whose.
#[derive(Debug, Deserialize)]
pub struct Start {
    form_token: String,
    #[serde(default)]
    connector: String,
}

/// Has all open dossiers asked about now.
pub async fn start(
    State(state): State<AppState>,
    visit: Visit,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    Form(start): Form<Start>,
) -> Response {
    if !is_our_form(&headers, &state, &start.form_token) {
        return notice::foreign_form(&visit);
    }
    let back = |code: &str| Redirect::to(&format!("/doi-soat?kq={code}")).into_response();
    let Some(connector) = reconciled::chosen(&state, &start.connector) else { return back("not_so") };
    match statuses::want(&state.engine, &connector, &caller.subject, Reach::Open).await {
        Ok(_) => back("done"),
        Err(error) => notice::store_failed(&visit, &error),
    }
}
