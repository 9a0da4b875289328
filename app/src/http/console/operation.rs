//! `/thao-tac/{id}`: one operation with its attempts, and the two things that a person may decide about it.

use askama::Template;
use axum::{
    Extension, Form,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect, Response},
};
use lienthong_core::{
    flow::operator::{self, Deed},
    operation::OperationState,
    port::{
        store::StoreError,
        views::{AttemptView, EditView, OperationView},
    },
};
use serde::Deserialize;
use serde_json::Value;

use super::{
    dossier::label,
    notice,
    shell::{Section, Shell, Visit, page as rendered},
    timeline::{AttemptRow, attempt_row},
    when::When,
    words::{Told, percent, tone},
};
use crate::http::{
    AppState, advice,
    api::{
        Number,
        operations::{checked_reason, paused},
    },
    auth::{Caller, Scope},
    difference::{self, Difference},
    lanes::is_editable,
    mask,
    session::is_our_form,
};

#[derive(Template)]
#[template(path = "operation.html")]
struct OperationPage {
    s: Shell,
    id: i64,
    title: String,
    partner: String,
    state: String,
    tone: &'static str,
    told: Option<Told>,
    said: String,
    subject: Option<String>,
    facts: Vec<(String, String)>,
    created: When,
    due: Option<When>,
    ended: Option<When>,
    superseded_by: Option<i64>,
    attempts: Vec<AttemptRow>,
    payload: String,
    proof: Option<String>,
    dossier: Option<String>,
    edits: Vec<EditRow>,
    can_edit: bool,
    can_retry: bool,
    can_dismiss: bool,
    lacks_right: bool,
    result: Option<(String, &'static str)>,
}

/// An edit of what it carries.
struct EditRow {
    number: i32,
    at: When,
    who: String,
    reason: String,
    changes: Vec<Difference>,
}

/// What came of a decision, as the redirect after it says.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Shown {
    /// A code.
    pub kq: String,
}

/// The page.
pub async fn page(
    State(state): State<AppState>,
    visit: Visit,
    Path(id): Path<String>,
    Query(shown): Query<Shown>,
) -> Response {
    let Ok(id) = id.parse::<i64>() else { return notice::not_found(&visit, "notice-operation", &id) };
    let asked = (state.views.operation(id).await, state.views.edits(&[id]).await, paused(&state).await);
    let (found, edits, paused) = match asked {
        (Ok(found), Ok(edits), Ok(paused)) => (found, edits, paused),
        (Err(error), ..) | (_, Err(error), _) | (.., Err(error)) => {
            return notice::store_failed(&visit, &error);
        }
    };
    let Some((o, attempts, dossier)) = found else {
        return notice::not_found(&visit, "notice-operation", &id.to_string());
    };
    let w = visit.w;
    let advice = advice::of_operation(&o, paused.get(&o.connector));
    let may_operate = visit.may(Scope::Operate);
    // Offered where it can make sense; whether it is allowed is the engine's answer.
    let is_open = OperationState::from_name(&o.state).is_some_and(|s| !s.is_ended());
    let is_to_come = o.is_head && o.state == OperationState::Ready.name() && o.due_us > visit.now_us;
    let is_decidable = is_open && o.state != OperationState::Running.name();
    let page = OperationPage {
        s: visit.shell(Section::Operations, format!("{} {id}", w.t("operation-title"))),
        id,
        title: w.name("action", &o.action),
        partner: label(&state, w, &o.connector),
        state: w.name("state", &o.state),
        tone: tone(&o.state),
        told: advice.map(|a| w.told(&a)),
        said: advice::said(o.said.as_deref()),
        facts: facts(&visit, &o, &attempts),
        created: visit.when(o.created_us),
        due: is_to_come.then(|| visit.when(o.due_us)),
        ended: o.ended_us.map(|at| visit.when(at)),
        superseded_by: o.superseded_by,
        attempts: attempts.iter().map(|a| attempt_row(&visit, a)).collect(),
        payload: pretty(&o.payload),
        proof: o.proof.as_deref().map(pretty),
        dossier: dossier.as_deref().map(pretty),
        edits: edits.iter().map(|e| edit_row(&visit, e)).collect(),
        can_edit: may_operate && is_editable(&state.engine, &o, state.engine.clock.now()),
        can_retry: may_operate && is_decidable,
        can_dismiss: may_operate && is_decidable,
        lacks_right: is_decidable && !may_operate,
        result: result(&visit, &shown.kq),
        subject: o.subject,
    };
    rendered(StatusCode::OK, &page)
}

fn edit_row(visit: &Visit, edit: &EditView) -> EditRow {
    EditRow {
        number: edit.number,
        at: visit.when(edit.at_us),
        who: edit.actor.clone(),
        reason: mask::free(&edit.reason),
        changes: difference::of(edit),
    }
}

fn facts(visit: &Visit, o: &OperationView, attempts: &[AttemptView]) -> Vec<(String, String)> {
    let w = visit.w;
    let place = w.tv(if o.is_head { "operation-head" } else { "operation-behind" }, &o.position.to_string());
    let rows = [
        ("fact-unit", o.unit.clone()),
        ("fact-lane", Some(o.lane.clone())),
        ("fact-place", Some(place)),
        ("fact-version", o.version.map(|v| v.to_string())),
        ("fact-attempts", Some(attempts.iter().map(|a| a.number).max().unwrap_or(0).to_string())),
        ("fact-setbacks", Some(o.attempts.to_string()).filter(|_| o.attempts > 0)),
        ("fact-need", o.need.clone()),
        ("fact-decided", o.decided_by.as_deref().map(mask::free)),
    ];
    rows.into_iter().filter_map(|(key, value)| Some((w.t(key), value?))).collect()
}

/// JSON as the store keeps it, masked and laid out; what is no JSON is shown as words.
fn pretty(text: &str) -> String {
    match serde_json::from_str::<Value>(text) {
        Ok(mut value) => {
            mask::value(&mut value);
            serde_json::to_string_pretty(&value).unwrap_or_default()
        }
        Err(_) => mask::free(text),
    }
}

fn result(visit: &Visit, code: &str) -> Option<(String, &'static str)> {
    let w = visit.w;
    match code {
        "" => None,
        "retried" | "dismissed" | "edited" => Some((w.t(&format!("deed-{code}")), "good")),
        "reason" => Some((w.t("deed-reason"), "bad")),
        code => {
            let words = w.name("deed", code);
            let is_known = words != code;
            Some((if is_known { words } else { w.t("deed-not-allowed") }, "bad"))
        }
    }
}

/// A person's decision.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Decision {
    /// That the form is ours.
    pub form_token: String,
    /// Why.
    pub reason: String,
}

/// Sends it again.
pub async fn retry(
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
    after(&visit, id, "retried", operator::retry(&state.engine, id, &caller.subject, &reason).await)
}

/// Ends it without effect.
pub async fn dismiss(
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
    after(&visit, id, "dismissed", operator::dismiss(&state.engine, id, &caller.subject, &reason).await)
}

fn after(visit: &Visit, id: i64, done: &str, deed: Result<Deed, StoreError>) -> Response {
    match deed {
        Ok(Deed::Done) => back(id, done),
        Ok(Deed::NotAllowed(code)) => back(id, &code),
        Ok(Deed::NotFound) => notice::not_found(visit, "notice-operation", &id.to_string()),
        Err(error) => notice::store_failed(visit, &error),
    }
}

/// To the page by GET, so that a reload decides nothing.
pub fn back(id: i64, code: &str) -> Response {
    Redirect::to(&format!("/thao-tac/{id}?kq={}", percent(code))).into_response()
}
