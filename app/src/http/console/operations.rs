//! `/thao-tac`: operations by filter, page by page.

use askama::Template;
use axum::{
    extract::{Query, RawQuery, State},
    http::StatusCode,
    response::Response,
};
use lienthong_core::{
    operation::{ActionKind, OperationState},
    outcome::Cause,
};

use super::{
    dossier::label,
    notice,
    shell::{Section, Shell, Visit, page as rendered},
    when::When,
    words::{percent, tone},
};
use crate::http::{
    AppState, advice,
    api::operations::{Wanted, paused},
};

/// One choice of a select box.
pub struct Choice {
    /// What is asked for.
    pub value: String,
    /// What is read.
    pub label: String,
    /// Whether it is the present one.
    pub is_chosen: bool,
}

/// A choice, and whether it is the chosen one.
pub fn choice(value: &str, label: String, chosen: &str) -> Choice {
    Choice { is_chosen: value == chosen, value: value.to_owned(), label }
}

struct Row {
    id: i64,
    action: String,
    partner: String,
    subject: String,
    unit: String,
    state: String,
    tone: &'static str,
    why: String,
    attempts: i32,
    created: When,
    due: Option<When>,
}

#[derive(Template)]
#[template(path = "operations.html")]
struct Operations {
    s: Shell,
    wanted: Wanted,
    connectors: Vec<Choice>,
    actions: Vec<Choice>,
    states: Vec<Choice>,
    causes: Vec<Choice>,
    units: Vec<(String, String)>,
    rows: Vec<Row>,
    next: Option<String>,
    first: Option<String>,
    need: Option<String>,
}

/// All causes, for the select box; a test keeps it whole.
pub const CAUSES: [Cause; 17] = [
    Cause::Unreachable,
    Cause::Throttled,
    Cause::PartnerFailed,
    Cause::SessionRejected,
    Cause::CredentialsRejected,
    Cause::PartnerUntrusted,
    Cause::PartnerUnavailable,
    Cause::DataRefused,
    Cause::ForeignRecord,
    Cause::UnknownThere,
    Cause::NoAnswer,
    Cause::Broken,
    Cause::Unreadable,
    Cause::Unlisted,
    Cause::Interrupted,
    Cause::Exhausted,
    Cause::Internal,
];

const PAGE: i64 = 50;

/// The page. Who asks nothing wants what is still open: the list begins with the oldest.
pub async fn page(
    State(state): State<AppState>,
    visit: Visit,
    RawQuery(query): RawQuery,
    Query(wanted): Query<Wanted>,
) -> Response {
    let open = if query.is_none() { "1".to_owned() } else { wanted.open.clone() };
    let wanted = Wanted { limit: Some(PAGE), open, ..wanted };
    let filter = match wanted.filter() {
        Ok(filter) => filter,
        Err(error) => return notice::bad_question(&visit, &error.what),
    };
    let (mut found, paused) = match (state.views.operations(&filter).await, paused(&state).await) {
        (Ok(found), Ok(paused)) => (found, paused),
        (Err(error), _) | (_, Err(error)) => return notice::store_failed(&visit, &error),
    };
    let has_more = found.len() as i64 > PAGE;
    found.truncate(PAGE as usize);
    let next = found.last().filter(|_| has_more).map(|o| address(&wanted, Some(o.id)));
    let w = visit.w;
    let rows = found.iter().map(|o| {
        let advice = advice::of_operation(o, paused.get(&o.connector));
        let is_to_come = o.is_head && o.state == OperationState::Ready.name() && o.due_us > visit.now_us;
        Row {
            id: o.id,
            action: w.name("action", &o.action),
            partner: label(&state, w, &o.connector),
            subject: o.subject.clone().unwrap_or_default(),
            unit: o.unit.clone().unwrap_or_default(),
            state: w.name("state", &o.state),
            tone: tone(&o.state),
            why: advice.map(|a| a.why(w.locale)).unwrap_or_default(),
            attempts: o.attempts,
            created: visit.when(o.created_us),
            due: is_to_come.then(|| visit.when(o.due_us)),
        }
    });
    let rows = rows.collect();
    let members = &state.engine.members;
    let operations = Operations {
        s: visit.shell(Section::Operations, w.t("nav-operations")),
        connectors: members
            .iter()
            .map(|(id, c)| choice(id.as_str(), c.manifest.label.clone(), &wanted.connector))
            .collect(),
        actions: ActionKind::ALL
            .iter()
            .map(|a| choice(a.name(), w.name("action", a.name()), &wanted.action))
            .collect(),
        states: OperationState::ALL
            .iter()
            .map(|s| choice(s.name(), w.name("state", s.name()), &wanted.state))
            .collect(),
        causes: CAUSES.iter().map(|c| choice(c.code(), w.name("cause", c.code()), &wanted.cause)).collect(),
        units: state.engine.rules.units.iter().map(|(c, u)| (c.to_string(), u.name.clone())).collect(),
        first: (filter.after > 0).then(|| address(&wanted, None)),
        need: filter.need.as_deref().map(|key| advice::of_need(key).why(w.locale)),
        rows,
        next,
        wanted,
    };
    rendered(StatusCode::OK, &operations)
}

/// The same filter, at another place.
fn address(wanted: &Wanted, after: Option<i64>) -> String {
    let after = after.map(|a| a.to_string()).unwrap_or_default();
    let pairs = [
        ("connector", &wanted.connector),
        ("action", &wanted.action),
        ("state", &wanted.state),
        ("unit", &wanted.unit),
        ("cause", &wanted.cause),
        ("need", &wanted.need),
        ("open", &wanted.open),
        ("after", &after),
    ];
    let query: Vec<String> = pairs
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!("{name}={}", percent(value)))
        .collect();
    format!("/thao-tac?{}", query.join("&"))
}
