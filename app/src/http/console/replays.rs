//! `/gui-lai`: plans of replays, what each would do or has done, and the orders that a person may give.

use askama::Template;
use axum::{
    Extension, Form,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect, Response},
};
use lienthong_core::{
    flow::replay::{self, Ordered},
    outcome::Cause,
    port::store::StoreError,
    replay::{ItemFilter, ItemState, ItemView, Order, Replay, ReplayState, StopReason, Tally},
};
use serde::Deserialize;

use super::{
    notice,
    operation::Shown,
    shell::{Section, Shell, Visit, page as rendered},
    when::When,
};
use crate::http::{
    AppState, advice,
    api::operations::checked_reason,
    auth::{Caller, Scope},
    mask,
    session::is_our_form,
};

const PAGE: i64 = 100;
/// Failures shown.
const FAILURES: i64 = 50;

struct Row {
    id: i64,
    state: String,
    tone: &'static str,
    partner: String,
    counts: String,
    because: String,
    made: When,
}

#[derive(Template)]
#[template(path = "replays.html")]
struct List {
    s: Shell,
    rows: Vec<Row>,
}

/// The newest plans.
pub async fn list(State(state): State<AppState>, visit: Visit) -> Response {
    let replays = match state.engine.store.replays(false, PAGE).await {
        Ok(replays) => replays,
        Err(error) => return notice::store_failed(&visit, &error),
    };
    let list = List {
        s: visit.shell(Section::Replays, visit.w.t("nav-replays")),
        rows: replays.iter().map(|replay| row(&visit, replay)).collect(),
    };
    rendered(StatusCode::OK, &list)
}

fn row(visit: &Visit, replay: &Replay) -> Row {
    Row {
        id: replay.id,
        state: visit.w.name("replay", replay.state.name()),
        tone: tone(replay.state),
        partner: replay.plan.selection.connector.to_string(),
        counts: counts(visit, replay),
        because: because(replay),
        made: visit.when(replay.created_at.as_microsecond()),
    }
}

fn tone(state: ReplayState) -> &'static str {
    match state {
        ReplayState::Stopped => "bad",
        ReplayState::Planned | ReplayState::Paused => "warn",
        ReplayState::Finished => "good",
        ReplayState::Planning | ReplayState::Canary | ReplayState::Running | ReplayState::Cancelled => "mute",
    }
}

fn because(replay: &Replay) -> String {
    mask::free(&format!("{}: {}", replay.plan.actor, replay.plan.reason))
}

fn counts(visit: &Visit, replay: &Replay) -> String {
    let parts = replay.progress.counts.by_name().into_iter().filter(|(_, items)| *items > 0);
    let part = |(state, items)| format!("{} {}", visit.w.num(&items), visit.w.name("item", state));
    parts.map(part).collect::<Vec<_>>().join(" · ")
}

struct Line {
    treatment: String,
    state: String,
    items: String,
    oldest: When,
    newest: When,
}

struct Failed {
    operation: i64,
    dossier: String,
    why: String,
    next: String,
}

#[derive(Template)]
#[template(path = "replay.html")]
struct OnePage {
    s: Shell,
    row: Row,
    stopped: Option<String>,
    facts: Vec<(String, String)>,
    lines: Vec<Line>,
    failed: Vec<Failed>,
    /// The last part of the address and the label.
    orders: Vec<(&'static str, String)>,
    result: Option<(String, &'static str)>,
}

/// One plan.
pub async fn page(
    State(state): State<AppState>,
    visit: Visit,
    Path(id): Path<String>,
    Query(shown): Query<Shown>,
) -> Response {
    let Ok(number) = id.parse::<i64>() else { return notice::not_found(&visit, "notice-replay", &id) };
    let (replay, tallies, failed) = match told(&state, number).await {
        Ok(Some(told)) => told,
        Ok(None) => return notice::not_found(&visit, "notice-replay", &id),
        Err(error) => return notice::store_failed(&visit, &error),
    };
    let w = visit.w;
    let page = OnePage {
        s: visit.shell(Section::Replays, format!("{} {number}", w.t("replay-title"))),
        stopped: replay.progress.stopped.map(|why| w.name("stopped", stopped(why))),
        facts: facts(&visit, &replay),
        lines: tallies.iter().map(|tally| line(&visit, tally)).collect(),
        failed: failed.iter().map(|view| failure(&visit, view)).collect(),
        orders: if visit.may(Scope::Operate) { orders(&visit, replay.state) } else { Vec::new() },
        result: match shown.kq.as_str() {
            "done" => Some((w.t("replay-ordered"), "good")),
            "not-allowed" => Some((w.t("replay-too-late"), "warn")),
            _ => None,
        },
        row: row(&visit, &replay),
    };
    rendered(StatusCode::OK, &page)
}

type Told = (Replay, Vec<Tally>, Vec<ItemView>);

async fn told(state: &AppState, id: i64) -> Result<Option<Told>, StoreError> {
    let store = &state.engine.store;
    let Some((replay, tallies)) = store.replay(id).await? else { return Ok(None) };
    let filter =
        ItemFilter { replay: id, state: Some(ItemState::Failed), limit: FAILURES, ..ItemFilter::default() };
    Ok(Some((replay, tallies, store.replay_items(&filter).await?)))
}

fn stopped(why: StopReason) -> &'static str {
    match why {
        StopReason::CanaryFailed => "canary_failed",
        StopReason::TooManyFailed => "too_many_failed",
    }
}

fn facts(visit: &Visit, replay: &Replay) -> Vec<(String, String)> {
    let (w, pace) = (visit.w, &replay.plan.pace);
    let rate = i64::from(pace.rate);
    let left = (replay.progress.counts.waiting + rate - 1) / rate.max(1);
    let deeds = replay.progress.deeds.iter().map(|deed| {
        let at = visit.when(deed.at.as_microsecond()).exact;
        mask::free(format!("{at} {} {} {}", deed.actor, w.name("order", &deed.order), deed.reason).trim_end())
    });
    let mut facts = vec![
        (w.t("replay-because"), because(replay)),
        (w.t("replay-counts"), counts(visit, replay)),
        (w.t("replay-pace"), w.tn("replay-rate", &rate)),
        (w.t("replay-left"), w.tn("replay-minutes", &left)),
    ];
    facts.extend(deeds.map(|deed| (w.t("replay-deed"), deed)));
    facts
}

fn line(visit: &Visit, tally: &Tally) -> Line {
    Line {
        treatment: visit.w.name("treatment", tally.treatment.name()),
        state: visit.w.name("item", tally.state.name()),
        items: visit.w.num(&tally.items),
        oldest: visit.when(tally.oldest.as_microsecond()),
        newest: visit.when(tally.newest.as_microsecond()),
    }
}

fn failure(visit: &Visit, view: &ItemView) -> Failed {
    let told = advice::of_cause(view.cause.map(Cause::code));
    let said = view.said.as_deref().map(mask::free).unwrap_or_default();
    Failed {
        operation: view.item.sent_as.unwrap_or(view.item.operation),
        dossier: view.item.subject.as_ref().map(ToString::to_string).unwrap_or_default(),
        why: format!("{} {said}", told.why(visit.w.locale)).trim_end().to_owned(),
        next: told.next(visit.w.locale),
    }
}

/// What may be ordered now: the last part of the address, and the button.
fn orders(visit: &Visit, state: ReplayState) -> Vec<(&'static str, String)> {
    let w = visit.w;
    let start = ("bat-dau", w.t("replay-start"));
    let pause = ("tam-dung", w.t("replay-pause"));
    let resume = ("chay-tiep", w.t("replay-resume"));
    let cancel = ("huy", w.t("replay-cancel"));
    match state {
        ReplayState::Planning => vec![cancel],
        ReplayState::Planned => vec![start, cancel],
        ReplayState::Canary | ReplayState::Running => vec![pause, cancel],
        ReplayState::Paused | ReplayState::Stopped => vec![resume, cancel],
        ReplayState::Finished | ReplayState::Cancelled => Vec::new(),
    }
}

/// The form: a reason, which may be empty.
#[derive(Debug, Deserialize)]
pub struct Wish {
    form_token: String,
    #[serde(default)]
    reason: String,
}

/// Carries out an order.
pub async fn order(
    State(state): State<AppState>,
    visit: Visit,
    Extension(caller): Extension<Caller>,
    Path((id, what)): Path<(String, String)>,
    headers: HeaderMap,
    Form(wish): Form<Wish>,
) -> Response {
    if !is_our_form(&headers, &state, &wish.form_token) {
        return notice::foreign_form(&visit);
    }
    let order = match what.as_str() {
        "bat-dau" => Order::Start,
        "tam-dung" => Order::Pause,
        "chay-tiep" => Order::Resume,
        "huy" => Order::Cancel,
        _ => return notice::not_found(&visit, "notice-address", &what),
    };
    let Ok(number) = id.parse::<i64>() else { return notice::not_found(&visit, "notice-replay", &id) };
    let reason = checked_reason(&wish.reason).unwrap_or_default();
    let code = match replay::order(&state.engine, number, order, &caller.subject, &reason).await {
        Ok(Ordered::Done(_)) => "done",
        // What does not exist says so on its page.
        Ok(Ordered::NotFound | Ordered::NotAllowed(_)) => "not-allowed",
        Err(error) => return notice::store_failed(&visit, &error),
    };
    Redirect::to(&format!("/gui-lai/{number}?kq={code}")).into_response()
}
