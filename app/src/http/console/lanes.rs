//! `/luong`: lanes that do not move, the oldest first: how long, why, who, and the ways out. `/luong/{id}`: one of them.

use askama::Template;
use axum::{
    extract::{Path, Query, State},
    http::StatusCode,
    response::Response,
};
use lienthong_core::{
    lane::LaneState,
    port::{
        store::ConnectorCondition,
        views::{LaneFilter, LaneView},
    },
};

use super::{
    dossier::label,
    notice,
    operations::{Choice, choice},
    shell::{Section, Shell, Visit, page as rendered},
    when::When,
    words::{Told, percent, tone},
};
use crate::http::{
    AppState, advice,
    api::{
        lanes::{Wanted, written},
        operations::paused,
    },
    lanes::{self, OWNERS},
};

struct Row {
    id: i64,
    told: Told,
    said: String,
    partner: String,
    subject: String,
    unit: String,
    state: String,
    tone: &'static str,
    owner: String,
    behind: i64,
    head: i64,
    action: String,
    planned: When,
    since: When,
    exits: Vec<(String, String)>,
}

#[derive(Template)]
#[template(path = "lanes.html")]
struct Lanes {
    s: Shell,
    wanted: Wanted,
    connectors: Vec<Choice>,
    states: Vec<Choice>,
    owners: Vec<Choice>,
    rows: Vec<Row>,
    next: Option<String>,
    first: bool,
    /// One lane by its number: no filter around it.
    is_single: bool,
}

const PAGE: i64 = 50;

/// The list.
pub async fn page(State(state): State<AppState>, visit: Visit, Query(wanted): Query<Wanted>) -> Response {
    let wanted = Wanted { limit: Some(PAGE), ..wanted };
    let filter = match wanted.filter() {
        Ok(filter) => filter,
        Err(error) => return notice::bad_question(&visit, &error.what),
    };
    match (wanted.page(&state, &filter).await, paused(&state).await) {
        (Ok(found), Ok(paused)) => {
            let next = found.next.map(|place| address(&wanted, &written(place)));
            let rows = found.lanes.iter().map(|l| row(&state, &visit, l, paused.get(&l.connector))).collect();
            show(&state, &visit, wanted, rows, next, false)
        }
        (Err(error), _) | (_, Err(error)) => notice::store_failed(&visit, &error),
    }
}

/// One lane.
pub async fn one(State(state): State<AppState>, visit: Visit, Path(id): Path<String>) -> Response {
    let Ok(id) = id.parse::<i64>() else { return notice::not_found(&visit, "notice-lane", &id) };
    let filter = LaneFilter { id: Some(id), limit: 1, ..LaneFilter::default() };
    match (state.views.lanes(&filter).await, paused(&state).await) {
        (Ok(mut found), Ok(paused)) => match found.pop() {
            Some(lane) if lane.head.is_some() => {
                let rows = vec![row(&state, &visit, &lane, paused.get(&lane.connector))];
                show(&state, &visit, Wanted::default(), rows, None, true)
            }
            _ => notice::not_found(&visit, "notice-lane", &id.to_string()),
        },
        (Err(error), _) | (_, Err(error)) => notice::store_failed(&visit, &error),
    }
}

fn show(
    state: &AppState,
    visit: &Visit,
    wanted: Wanted,
    rows: Vec<Row>,
    next: Option<String>,
    is_single: bool,
) -> Response {
    let w = visit.w;
    let members = &state.engine.members;
    let states = LaneState::ALL.iter().filter(|s| **s != LaneState::Idle);
    let lanes = Lanes {
        s: visit.shell(Section::Operations, w.t("lanes-title")),
        connectors: members
            .iter()
            .map(|(id, c)| choice(id.as_str(), c.manifest.label.clone(), &wanted.connector))
            .collect(),
        states: states.map(|s| choice(s.name(), w.name("state", s.name()), &wanted.state)).collect(),
        owners: OWNERS.iter().map(|o| choice(o, w.name("owner", o), &wanted.owner)).collect(),
        first: !wanted.after.is_empty(),
        rows,
        next,
        is_single,
        wanted,
    };
    rendered(StatusCode::OK, &lanes)
}

fn row(state: &AppState, visit: &Visit, lane: &LaneView, pause: Option<&ConnectorCondition>) -> Row {
    let w = visit.w;
    let head = lane.head.as_ref();
    let advice = head.and_then(|head| advice::of_operation(head, pause));
    let exits = lanes::exits(&state.engine, lane, pause);
    let no_advice = || Told {
        why: w.name("state", &lane.state),
        who: String::new(),
        next: String::new(),
        needs_person: false,
    };
    Row {
        id: lane.id,
        told: advice.map_or_else(no_advice, |advice| w.told(&advice)),
        said: advice::said(head.and_then(|head| head.said.as_deref())),
        partner: label(state, w, &lane.connector),
        subject: head.and_then(|head| head.subject.clone()).unwrap_or_default(),
        unit: head.and_then(|head| head.unit.clone()).unwrap_or_default(),
        state: w.name("state", &lane.state),
        tone: tone(&lane.state),
        owner: w.name("owner", lanes::owner(lane, pause)),
        behind: lane.behind,
        head: head.map_or(0, |head| head.id),
        action: head.map(|head| w.name("action", &head.action)).unwrap_or_default(),
        planned: visit.when(head.map_or(lane.since_us, |head| head.created_us)),
        since: visit.when(lane.since_us),
        exits: exits.iter().map(|e| (w.name("exit-name", e.name), e.say(w.locale))).collect(),
    }
}

/// The same filter, at another place.
fn address(wanted: &Wanted, after: &str) -> String {
    let pairs = [
        ("connector", wanted.connector.as_str()),
        ("state", &wanted.state),
        ("unit", &wanted.unit),
        ("cause", &wanted.cause),
        ("owner", &wanted.owner),
        ("after", after),
    ];
    let query: Vec<String> = pairs
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!("{name}={}", percent(value)))
        .collect();
    format!("/luong?{}", query.join("&"))
}
