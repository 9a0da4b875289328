//! `/phuc-hoi`: after a restore, what waits for the decision, and the decision. And the line about it on every page.

use askama::Template;
use axum::{
    Extension, Form,
    extract::{Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect, Response},
};
use lienthong_core::flow::{operator::Deed, restore};
use serde::Deserialize;

use super::{
    notice,
    operation::Shown,
    shell::{Section, Shell, Visit, page as rendered},
    when::When,
};
use crate::http::{
    AppState,
    api::operations::checked_reason,
    auth::{Caller, Scope},
    restored::{Report, Until},
    session::is_our_form,
};

struct Row {
    partner: String,
    action: String,
    operations: i64,
    absent: i64,
}

#[derive(Template)]
#[template(path = "restore.html")]
struct RestorePage {
    s: Shell,
    since: Option<When>,
    reason: String,
    backup: Option<When>,
    seen: Option<When>,
    is_marked: bool,
    rows: Vec<Row>,
    asking: i64,
    single: i64,
    total: i64,
    steps_before: i64,
    steps_after: i64,
    released: Option<(When, String)>,
    can_release: bool,
    lacks_right: bool,
    result: Option<(String, &'static str)>,
}

/// What there is to know before the decision, and the form.
pub async fn page(State(state): State<AppState>, visit: Visit, Query(shown): Query<Shown>) -> Response {
    let report = match Report::ask(&state.engine, state.views.as_ref(), None).await {
        Ok(report) => report,
        Err(error) => return notice::store_failed(&visit, &error),
    };
    let w = visit.w;
    let restored = report.installation.restored.clone();
    let is_fenced = report.installation.fenced().is_some();
    let when = |at: Option<jiff::Timestamp>| at.map(|at| visit.when(at.as_microsecond()));
    let rows = report.waiting.iter().map(|((connector, action), waiting)| Row {
        partner: report.label(connector).to_owned(),
        action: w.name("action", action),
        operations: waiting.operations,
        absent: waiting.absent,
    });
    let release = restored.as_ref().and_then(|r| r.released.clone());
    let page = RestorePage {
        s: visit.shell(Section::None, w.t("restore-title")),
        since: when(restored.as_ref().map(|r| r.since)),
        reason: restored.as_ref().map(|r| w.name("restore-reason", &r.reason)).unwrap_or_default(),
        backup: when(restored.as_ref().and_then(|r| r.backup_at)),
        seen: when(restored.as_ref().and_then(|r| r.seen_at)),
        is_marked: report.is_marked,
        rows: rows.collect(),
        asking: report.asking,
        single: report.single,
        total: report.total(),
        steps_before: report.steps.before,
        steps_after: report.steps.after,
        released: release.map(|r| (visit.when(r.at.as_microsecond()), r.by)),
        can_release: is_fenced && report.is_marked && visit.may(Scope::Operate),
        lacks_right: is_fenced && !visit.may(Scope::Operate),
        result: match shown.kq.as_str() {
            "released" => Some((w.t("restore-done"), "good")),
            "reason" => Some((w.t("deed-reason"), "bad")),
            "moment" => Some((w.t("restore-moment"), "bad")),
            "" => None,
            _ => Some((w.t("restore-not-now"), "warn")),
        },
    };
    rendered(StatusCode::OK, &page)
}

/// The form of the decision.
#[derive(Debug, Deserialize)]
pub struct Decision {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    reason: String,
    /// `restore`, `none`, or `at` with a moment beside it.
    #[serde(default)]
    steps: String,
    #[serde(default)]
    moment: String,
}

/// Lifts the fence.
pub async fn release(
    State(state): State<AppState>,
    visit: Visit,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    Form(decision): Form<Decision>,
) -> Response {
    if !is_our_form(&headers, &state, &decision.form_token) {
        return notice::foreign_form(&visit);
    }
    let Some(reason) = checked_reason(&decision.reason) else { return back("reason") };
    let Some(until) = chosen(&decision) else { return back("moment") };
    let until = match until.of(&*state.engine.store).await {
        Ok(until) => until,
        Err(error) => return notice::store_failed(&visit, &error),
    };
    match restore::release(&state.engine, &caller.subject, &reason, until).await {
        Ok(Deed::Done) => back("released"),
        Ok(Deed::NotFound | Deed::NotAllowed(_)) => back("not-now"),
        Err(error) => notice::store_failed(&visit, &error),
    }
}

/// A moment comes from the page without a zone: it is meant on the business clock.
fn chosen(decision: &Decision) -> Option<Until> {
    if decision.steps != "at" {
        return Until::parse(&decision.steps);
    }
    let local: jiff::civil::DateTime = decision.moment.trim().parse().ok()?;
    let zoned = local.to_zoned(lienthong_core::clock::business_zone()).ok()?;
    Some(Until::At(zoned.timestamp()))
}

fn back(code: &str) -> Response {
    Redirect::to(&format!("/phuc-hoi?kq={code}")).into_response()
}
