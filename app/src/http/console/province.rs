//! `/`: the province today. First a sentence that says whether anything needs a person, then what, then the numbers.

use askama::Template;
use axum::{
    Extension, Form,
    extract::{Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect, Response},
};
use lienthong_core::flow::{
    ledger,
    operator::{self, Deed},
};
use serde::Deserialize;

use super::{
    notice,
    operation::Decision,
    partner::phase,
    shell::{Section, Shell, Visit, page as rendered},
    when::When,
    words::Told,
};
use crate::http::{
    AppState, Health, advice,
    api::{Number, operations::checked_reason},
    auth::{Caller, Scope},
    mask,
    session::is_our_form,
    summary::{Matter, Partner, Summary, UNASSIGNED},
};

struct MatterRow {
    told: Told,
    partner: String,
    count: String,
    /// Whether it holds any operation.
    holds: bool,
    since: Option<When>,
    said: String,
    link: String,
    /// The incident that the visitor may close.
    closable: Option<i64>,
    /// How long what waits takes, of a partner as a whole.
    drain: String,
}

struct PartnerRow {
    id: String,
    /// What no connector does: there is no condition to show.
    is_nobody: bool,
    label: String,
    done: i64,
    waiting: i64,
    doubtful: i64,
    stuck: i64,
    oldest: Option<When>,
    /// The phase or the hold, how it looks, since when, why.
    phase: Option<(String, &'static str)>,
    since: Option<When>,
    why: String,
}

struct UnitRow {
    code: String,
    name: String,
    events: i64,
    sent: i64,
    waiting: i64,
    stuck: i64,
}

/// One ledger: its left side, the terms of its right side, what is left over.
struct Ledger {
    title: String,
    total: (String, i64),
    terms: Vec<(String, i64)>,
    difference: i64,
}

#[derive(Template)]
#[template(path = "province.html")]
struct Province {
    s: Shell,
    headline: String,
    tone: &'static str,
    broken: Vec<String>,
    matters: Vec<MatterRow>,
    partners: Vec<PartnerRow>,
    units: Vec<UnitRow>,
    ledgers: Vec<Ledger>,
    /// When the ledgers were last recounted, and whether they were right.
    audit: Option<(When, bool)>,
    /// Lanes that need somebody, or whose partner's answer is not known.
    blocked: i64,
    quarantine: i64,
    discrepancies: i64,
    dossiers: i64,
    outbox_waiting: i64,
    outbox_highest: i64,
    /// Whether RabbitMQ takes them; else they are read over HTTP, which moves no cursor of ours.
    is_relayed: bool,
    is_refreshing: bool,
    result: Option<(String, &'static str)>,
}

/// Whether the page reloads itself.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wanted {
    auto: String,
    kq: String,
}

const REFRESH_SECONDS: u32 = 30;

/// The page.
pub async fn page(State(state): State<AppState>, visit: Visit, Query(wanted): Query<Wanted>) -> Response {
    let summary = match Summary::ask(&state.engine, state.views.as_ref()).await {
        Ok(summary) => summary,
        Err(error) => return notice::store_failed(&visit, &error),
    };
    let audit = match ledger::last(&state.engine).await {
        Ok(audit) => audit,
        Err(error) => return notice::store_failed(&visit, &error),
    };
    let w = visit.w;
    let health = state.health.borrow().clone();
    let broken = broken(&visit, &health, &summary);
    let persons = summary.for_persons() as i64;
    let (headline, tone) = if !broken.is_empty() {
        (w.t("headline-broken"), "bad")
    } else if persons > 0 {
        (w.tn("headline-persons", &persons), "warn")
    } else if summary.matters.is_empty() {
        (w.t("headline-calm"), "good")
    } else {
        (w.t("headline-waiting"), "good")
    };
    let is_refreshing = wanted.auto == "1";
    let mut s = visit.shell(Section::Province, w.t("nav-province"));
    s.refresh_seconds = is_refreshing.then_some(REFRESH_SECONDS);
    let overview = &summary.overview;
    let province = Province {
        s,
        headline,
        tone,
        broken,
        matters: summary.matters.iter().map(|m| matter_row(&visit, m, &summary)).collect(),
        partners: summary.partners.iter().map(|p| partner_row(&visit, p)).collect(),
        units: unit_rows(&summary),
        ledgers: ledgers(&visit, &summary),
        audit: audit.map(|a| (visit.when(a.at_us), a.entries.iter().all(|e| e.booked == e.counted))),
        blocked: blocked(&summary),
        quarantine: overview.quarantine_open,
        discrepancies: summary.discrepancies,
        dossiers: overview.dossiers,
        outbox_waiting: overview.outbox_waiting,
        outbox_highest: overview.outbox_highest,
        is_relayed: health.broker.is_some(),
        is_refreshing,
        result: match wanted.kq.as_str() {
            "closed" => Some((w.t("incident-done"), "good")),
            "already" => Some((w.t("incident-already"), "warn")),
            "reason" => Some((w.t("deed-reason"), "bad")),
            _ => None,
        },
    };
    rendered(StatusCode::OK, &province)
}

/// What of ours does not work: above everything else.
fn broken(visit: &Visit, health: &Health, summary: &Summary) -> Vec<String> {
    let mut found = Vec::new();
    if !health.store {
        found.push(visit.w.t("broken-store"));
    }
    if health.broker == Some(false) {
        found.push(visit.w.t("broken-broker"));
    }
    if !summary.is_balanced() {
        found.push(visit.w.t("broken-ledger"));
    }
    found
}

fn matter_row(visit: &Visit, matter: &Matter, summary: &Summary) -> MatterRow {
    let key = if matter.at_least { "matter-count-least" } else { "matter-count" };
    let label = |id: &String| summary.partners.iter().find(|p| p.connector == *id).map(|p| p.label.clone());
    let partner = summary.partners.iter().find(|p| Some(&p.connector) == matter.connector.as_ref());
    let drain = advice::drain(visit.w.locale, partner.and_then(|p| p.drain).map(|d| d.as_secs()));
    MatterRow {
        told: visit.w.told(&matter.advice),
        partner: matter
            .connector
            .as_ref()
            .map(|id| match id.as_str() {
                UNASSIGNED => visit.w.t("partner-unassigned"),
                _ => label(id).unwrap_or_else(|| id.clone()),
            })
            .unwrap_or_default(),
        count: visit.w.tn(key, &matter.count),
        holds: matter.count > 0,
        since: matter.since_us.map(|at| visit.when(at)),
        said: matter.said.clone(),
        link: matter.link.clone(),
        closable: matter.closable.filter(|_| visit.may(Scope::Operate)),
        drain: if matter.is_standing && matter.count > 0 { drain } else { String::new() },
    }
}

fn partner_row(visit: &Visit, partner: &Partner) -> PartnerRow {
    let condition = partner.condition.as_ref();
    let (trouble, hold) =
        (condition.and_then(|c| c.phase.trouble()), condition.and_then(|c| c.hold.as_ref()));
    let since = hold.map(|h| h.since).or(trouble.map(|t| t.since));
    let why = match hold {
        Some(hold) => mask::free(&hold.reason),
        None => trouble.map(|t| visit.w.name("cause", t.cause.code())).unwrap_or_default(),
    };
    let is_nobody = partner.connector == UNASSIGNED;
    PartnerRow {
        id: partner.connector.clone(),
        label: if is_nobody { visit.w.t("partner-unassigned") } else { partner.label.clone() },
        is_nobody,
        done: partner.done,
        waiting: partner.waiting,
        doubtful: partner.doubtful,
        stuck: partner.stuck,
        oldest: partner.oldest_us.map(|at| visit.when(at)),
        phase: condition.map(|c| phase(visit.w, c)),
        since: since.map(|at| visit.when(at.as_microsecond())),
        why,
    }
}

/// Units with something to do first, then by how much came today.
fn unit_rows(summary: &Summary) -> Vec<UnitRow> {
    let mut rows: Vec<UnitRow> = summary
        .overview
        .units
        .iter()
        .map(|u| UnitRow {
            code: u.unit.clone(),
            name: summary.unit_names.get(&u.unit).cloned().unwrap_or_default(),
            events: u.events,
            sent: u.sent,
            waiting: u.waiting,
            stuck: u.stuck,
        })
        .collect();
    rows.sort_by_key(|u| (-u.stuck, -u.events, u.code.clone()));
    rows
}

fn blocked(summary: &Summary) -> i64 {
    let blocks = ["held", "stuck", "doubtful"];
    let lanes = summary.overview.lanes.iter().filter(|l| blocks.contains(&l.state.as_str()));
    lanes.map(|l| l.lanes).sum()
}

fn ledgers(visit: &Visit, summary: &Summary) -> Vec<Ledger> {
    let w = visit.w;
    let ledgers = &summary.overview.ledgers;
    let t = &ledgers.total;
    vec![
        Ledger {
            title: w.t("ledger-messages"),
            total: (w.t("ledger-received"), t.received),
            terms: vec![
                (w.t("ledger-admitted"), t.admitted),
                (w.t("ledger-duplicate"), t.duplicate),
                (w.t("ledger-quarantined"), t.quarantined),
            ],
            difference: ledgers.message_difference(),
        },
        Ledger {
            title: w.t("ledger-operations"),
            total: (w.t("ledger-planned"), t.planned),
            terms: vec![
                (w.t("ledger-succeeded"), t.succeeded),
                (w.t("ledger-refused"), t.refused),
                (w.t("ledger-superseded"), t.superseded),
                (w.t("ledger-dismissed"), t.dismissed),
                (w.t("ledger-open"), ledgers.open),
            ],
            difference: ledgers.operation_difference(),
        },
    ]
}

/// Closes an incident that only a person's word can end.
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
    let back = |code: &str| Redirect::to(&format!("/?kq={code}")).into_response();
    let Some(reason) = checked_reason(&decision.reason) else { return back("reason") };
    match operator::close_incident(&state.engine, id, &caller.subject, &reason).await {
        Ok(Deed::Done) => back("closed"),
        Ok(Deed::NotFound | Deed::NotAllowed(_)) => back("already"),
        Err(error) => notice::store_failed(&visit, &error),
    }
}
