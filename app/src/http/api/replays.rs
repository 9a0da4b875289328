//! `/v1/replays`: plans to send (or dismiss) operations again in bulk: made, looked at, started, paused, cancelled.

use axum::{
    Extension, Json,
    extract::{State, rejection::JsonRejection},
    http::StatusCode,
};
use jiff::{Timestamp, civil::Date};
use lienthong_core::{
    clock::business_zone,
    flow::replay::{self, Ordered},
    id::{ConnectorId, DossierCode, UnitCode},
    operation::{ActionKind, OperationState},
    outcome::Cause,
    replay::{
        ItemFilter, ItemState, ItemView, Order, Pace, Plan, Purpose, Replay, Selection, Tally, Treatment,
    },
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Answer, Asked, Number, operations::checked_reason, page};
use crate::{
    http::{AppState, advice, auth::Caller, error::ApiError, json::rfc3339, mask},
    i18n::{Locale, find},
};

/// Plans shown in the list.
const NEWEST: i64 = 100;
/// Examples shown of each treatment.
const EXAMPLES: i64 = 3;
/// Dossiers that one plan may name.
const MOST_DOSSIERS: usize = 500;

/// What to plan.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Wanted {
    /// The connector instance.
    pub connector: String,
    /// Operation states; none: stuck ones.
    pub states: Vec<String>,
    /// An action.
    pub action: Option<String>,
    /// A cause.
    pub cause: Option<String>,
    /// A unit.
    pub unit: Option<String>,
    /// Planned at this moment (RFC 3339) or from this day on.
    pub since: Option<String>,
    /// Planned before this moment, or before the end of this day.
    pub until: Option<String>,
    /// Codes of dossiers.
    pub dossiers: Vec<String>,
    /// To end them without effect instead of sending them.
    pub dismiss: bool,
    /// At most this many a minute.
    pub rate: Option<u32>,
    /// At most this many without an outcome.
    pub window: Option<u32>,
    /// How many go first.
    pub canary: Option<u32>,
    /// Stops when this share has failed, in percent.
    pub stop_percent: Option<u32>,
    /// Why.
    pub reason: String,
}

impl Wanted {
    fn plan(&self, actor: &str) -> Result<Plan, ApiError> {
        let named =
            |field, text: &Option<String>| text.as_deref().map(|text| (field, text.trim().to_owned()));
        let unknown = |(field, text): (&'static str, String)| ApiError::bad("value_unknown", field, text);
        let connector = ConnectorId::parse(self.connector.trim())
            .map_err(|_| unknown(("connector", self.connector.clone())))?;
        let states = self.states.iter().map(|name| {
            OperationState::from_name(name.trim())
                .ok_or_else(|| ApiError::bad("unknown_state", "states", name))
        });
        let mut states = states.collect::<Result<std::collections::BTreeSet<_>, _>>()?;
        if states.is_empty() {
            states.insert(OperationState::Stuck);
        }
        let action = named("action", &self.action)
            .map(|wanted| ActionKind::from_name(&wanted.1).ok_or_else(|| unknown(wanted)))
            .transpose()?;
        let cause = named("cause", &self.cause)
            .map(|wanted| Cause::from_code(&wanted.1).ok_or_else(|| unknown(wanted)))
            .transpose()?;
        let unit = named("unit", &self.unit)
            .map(|wanted| UnitCode::parse(&wanted.1).map_err(|_| unknown(wanted)))
            .transpose()?;
        let moment = |field, text: &Option<String>, is_end| {
            let wanted = named(field, text);
            wanted.map(|wanted| moment(&wanted.1, is_end).ok_or_else(|| unknown(wanted))).transpose()
        };
        let (since, until) = (moment("since", &self.since, false)?, moment("until", &self.until, true)?);
        if self.dossiers.len() > MOST_DOSSIERS {
            return Err(unknown(("dossiers", self.dossiers.len().to_string())));
        }
        let subjects = self
            .dossiers
            .iter()
            .map(|code| DossierCode::parse(code.trim()).map_err(|_| unknown(("dossiers", code.clone()))));
        let subjects = subjects.collect::<Result<_, _>>()?;
        let reason =
            checked_reason(&self.reason).ok_or_else(|| ApiError::bad("reason_missing", "reason", ""))?;
        Ok(Plan {
            purpose: if self.dismiss { Purpose::Dismiss } else { Purpose::Send },
            selection: Selection { connector, states, action, cause, unit, since, until, subjects },
            pace: self.pace()?,
            actor: actor.to_owned(),
            reason,
        })
    }

    fn pace(&self) -> Result<Pace, ApiError> {
        let usual = Pace::default();
        let within = |field, wanted: Option<u32>, usual: u32, least: u32, most: u32| match wanted {
            Some(n) if n < least || n > most => Err(ApiError::bad("value_unknown", field, n.to_string())),
            wanted => Ok(wanted.unwrap_or(usual)),
        };
        // A dismissal asks no partner: there is nothing to try on a few, and nothing to spare.
        let (canary, rate) = if self.dismiss { (0, 60_000) } else { (usual.canary, usual.rate) };
        Ok(Pace {
            rate: within("rate", self.rate, rate, 1, 60_000)?,
            window: within("window", self.window, usual.window, 1, 1000)?,
            canary: within("canary", self.canary, canary, 0, 100)?,
            stop_percent: within("stop_percent", self.stop_percent, usual.stop_percent, 1, 100)?,
        })
    }
}

/// A moment in RFC 3339, or the beginning (or end) of a day on the business clock.
pub(super) fn moment(text: &str, is_end: bool) -> Option<Timestamp> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at);
    }
    let day: Date = text.parse().ok()?;
    let day = if is_end { day.tomorrow().ok()? } else { day };
    Some(day.to_zoned(business_zone()).ok()?.timestamp())
}

/// Makes a plan. A small one comes back complete; a large one is collected by and by.
pub async fn plan(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    body: Result<Json<Wanted>, JsonRejection>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let Json(wanted) = body.map_err(|r| ApiError::bad("body_unreadable", "body", r.body_text()))?;
    let plan = wanted.plan(&caller.subject)?;
    if !state.engine.members.contains_key(&plan.selection.connector) {
        return Err(ApiError::bad("value_unknown", "connector", plan.selection.connector.to_string()));
    }
    let id = replay::plan(&state.engine, plan).await?;
    // It is stored: should this fail, the timer goes on with it.
    if let Err(error) = replay::collect_first(&state.engine, id).await {
        tracing::warn!(%error, replay = id, "a plan is left to the timer");
    }
    Ok((StatusCode::ACCEPTED, Json(told(&state, id).await?)))
}

/// The newest plans.
pub async fn list(State(state): State<AppState>) -> Answer {
    let replays = state.engine.store.replays(false, NEWEST).await?;
    Ok(Json(json!({ "replays": replays.iter().map(row).collect::<Vec<_>>(), "next": null })))
}

/// One plan: what it would do or has done.
pub async fn show(State(state): State<AppState>, Number(id): Number) -> Answer {
    Ok(Json(told(&state, id).await?))
}

async fn told(state: &AppState, id: i64) -> Result<Value, ApiError> {
    let Some((replay, tallies)) = state.engine.store.replay(id).await? else {
        return Err(ApiError::not_found("no_such_replay", id.to_string()));
    };
    let mut rows = Vec::with_capacity(tallies.len());
    for tally in &tallies {
        let filter = ItemFilter {
            replay: id,
            treatment: Some(tally.treatment),
            state: Some(tally.state),
            limit: EXAMPLES,
            ..ItemFilter::default()
        };
        let examples = state.engine.store.replay_items(&filter).await?;
        rows.push(tally_json(tally, &examples));
    }
    Ok(json!({ "replay": row(&replay), "tallies": rows }))
}

fn row(replay: &Replay) -> Value {
    let (plan, progress) = (&replay.plan, &replay.progress);
    let selection = &plan.selection;
    let counts: Map<String, Value> =
        progress.counts.by_name().into_iter().map(|(name, n)| (name.to_owned(), n.into())).collect();
    let left = progress.counts.waiting;
    let deeds = progress.deeds.iter().map(|deed| {
        json!({ "at": rfc3339(deed.at), "by": deed.actor, "order": deed.order, "reason": deed.reason })
    });
    json!({
        "id": replay.id,
        "state": replay.state.name(),
        "purpose": plan.purpose,
        "connector": selection.connector,
        "selection": {
            "states": selection.states, "action": selection.action, "cause": selection.cause,
            "unit": selection.unit, "since": selection.since.map(rfc3339),
            "until": selection.until.map(rfc3339), "dossiers": selection.subjects,
        },
        "pace": plan.pace,
        "by": plan.actor,
        "reason": plan.reason,
        "counts": counts,
        "minutes_left": (left + i64::from(plan.pace.rate) - 1) / i64::from(plan.pace.rate.max(1)),
        "stopped": progress.stopped,
        "created_at": rfc3339(replay.created_at),
        "planned_at": progress.planned_at.map(rfc3339),
        "started_at": progress.started_at.map(rfc3339),
        "ended_at": progress.ended_at.map(rfc3339),
        "deeds": deeds.collect::<Vec<_>>(),
    })
}

fn words(key: &str) -> Value {
    let say = |locale| find(locale, key, &[]).unwrap_or_default();
    json!({ "vi": say(Locale::Vi), "en": say(Locale::En) })
}

fn tally_json(tally: &Tally, examples: &[ItemView]) -> Value {
    json!({
        "treatment": tally.treatment.name(),
        "state": tally.state.name(),
        "words": words(&format!("treatment-{}", tally.treatment.name())),
        "items": tally.items,
        "oldest_at": rfc3339(tally.oldest),
        "newest_at": rfc3339(tally.newest),
        "examples": examples.iter().map(item_json).collect::<Vec<_>>(),
    })
}

fn item_json(view: &ItemView) -> Value {
    let item = &view.item;
    let advice =
        (item.state == ItemState::Failed).then(|| advice::of_cause(view.cause.map(Cause::code)).to_json());
    let mut value = json!({
        "operation": item.operation,
        "dossier": item.subject,
        "unit": item.unit,
        "treatment": item.treatment.name(),
        "state": item.state.name(),
        "sent_as": item.sent_as,
        "now": view.now.name(),
        "cause": view.cause.map(Cause::code),
        "said": view.said,
        "since_at": rfc3339(item.since),
        "at": rfc3339(item.at),
        "advice": advice,
    });
    mask::value(&mut value);
    value
}

/// Which items.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct WantedItems {
    /// By treatment.
    pub treatment: String,
    /// By state.
    pub state: String,
    /// Only operations above this number.
    pub after: i64,
    /// At most this many.
    pub limit: Option<i64>,
}

/// A page of a plan's items, by ascending number of their operations.
pub async fn items(
    State(state): State<AppState>,
    Number(id): Number,
    Asked(wanted): Asked<WantedItems>,
) -> Answer {
    let some = |text: &str| Some(text.trim().to_owned()).filter(|t| !t.is_empty());
    let unknown = |field, text: String| ApiError::bad("value_unknown", field, text);
    let treatment = some(&wanted.treatment)
        .map(|name| Treatment::from_name(&name).ok_or_else(|| unknown("treatment", name)))
        .transpose()?;
    let item_state = some(&wanted.state)
        .map(|name| ItemState::from_name(&name).ok_or_else(|| unknown("state", name)))
        .transpose()?;
    let limit = page(wanted.limit);
    let filter =
        ItemFilter { replay: id, treatment, state: item_state, after: wanted.after, limit: limit + 1 };
    let mut found = state.engine.store.replay_items(&filter).await?;
    let has_more = found.len() as i64 > limit;
    found.truncate(usize::try_from(limit).unwrap_or(0));
    let next = found.last().filter(|_| has_more).map(|view| view.item.operation);
    Ok(Json(json!({ "items": found.iter().map(item_json).collect::<Vec<_>>(), "next": next })))
}

/// Why somebody orders something; may be left out.
#[derive(Debug, Default, Deserialize)]
pub struct Because {
    #[serde(default)]
    reason: String,
}

type Body = Result<Json<Because>, JsonRejection>;

/// Begins.
pub async fn start(state: State<AppState>, caller: Extension<Caller>, id: Number, body: Body) -> Answer {
    order(state, caller, id, body, Order::Start).await
}

/// Sends nothing for now.
pub async fn pause(state: State<AppState>, caller: Extension<Caller>, id: Number, body: Body) -> Answer {
    order(state, caller, id, body, Order::Pause).await
}

/// Goes on.
pub async fn resume(state: State<AppState>, caller: Extension<Caller>, id: Number, body: Body) -> Answer {
    order(state, caller, id, body, Order::Resume).await
}

/// Ends it; what was sent stays sent.
pub async fn cancel(state: State<AppState>, caller: Extension<Caller>, id: Number, body: Body) -> Answer {
    order(state, caller, id, body, Order::Cancel).await
}

async fn order(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Number(id): Number,
    body: Body,
    order: Order,
) -> Answer {
    let Json(because) = body.map_err(|r| ApiError::bad("body_unreadable", "body", r.body_text()))?;
    let reason = checked_reason(&because.reason).unwrap_or_default();
    match replay::order(&state.engine, id, order, &caller.subject, &reason).await? {
        Ordered::Done(now) => Ok(Json(json!({ "result": "done", "replay": id, "state": now.name() }))),
        Ordered::NotFound => Err(ApiError::not_found("no_such_replay", id.to_string())),
        Ordered::NotAllowed(now) => Err(ApiError {
            what: now.name().into(),
            ..ApiError::new(StatusCode::CONFLICT, "replay_not_allowed")
        }),
    }
}
