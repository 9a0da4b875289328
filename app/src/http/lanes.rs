//! A lane as people see it: its head, who owns it, and its exits: what can be done about it now. The console, the API and
//! the command line tell the same.

use lienthong_core::{
    flow::engine::Engine,
    id::ConnectorId,
    need::Need,
    operation::{ActionKind, OperationState},
    outcome::Cause,
    plan::edit::Standing,
    port::{
        store::{ConnectorCondition, StoreError},
        views::{LaneFilter, LaneView, OperationView, Views},
    },
};
use serde_json::{Value, json};

use super::{
    advice,
    json::{moment, shown},
};
use crate::i18n::{Arg, Locale, text_with};

/// Who has to act: `unit`, `administrator`, `partner`; `nobody`: it goes on by itself.
pub const OWNERS: [&str; 4] = ["unit", "administrator", "partner", "nobody"];

/// A way out of a lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exit {
    /// `retry`, `edit`, `dismiss`, `correction`, `wait`.
    pub name: &'static str,
    /// The message that tells it.
    key: &'static str,
    /// The events that bring it about.
    pub events: &'static [&'static str],
    /// Until when, microseconds.
    pub until_us: Option<i64>,
}

impl Exit {
    fn new(name: &'static str, key: &'static str) -> Self {
        Self { name, key, events: &[], until_us: None }
    }

    /// In words.
    pub fn say(&self, locale: Locale) -> String {
        let until = self.until_us.and_then(moment).unwrap_or_default();
        let until = until.get(..16).map(|t| t.replace('T', " ")).unwrap_or_default();
        let args = [("until", until.as_str()), ("what", &self.events.join(", "))];
        text_with(locale, self.key, &args.map(|(name, value)| (name, Arg::Text(value))))
    }

    fn to_json(&self) -> Value {
        json!({ "name": self.name, "events": self.events, "until_at": self.until_us.and_then(moment),
                "vi": self.say(Locale::Vi), "en": self.say(Locale::En) })
    }
}

/// Whether an operation can be edited now, as the engine would answer.
pub fn is_editable(engine: &Engine, o: &OperationView, now: jiff::Timestamp) -> bool {
    let (Some(kind), Some(state)) = (ActionKind::from_name(&o.action), OperationState::from_name(&o.state))
    else {
        return false;
    };
    let Ok(connector) = ConnectorId::parse(&o.connector) else { return false };
    let need = o.need.as_deref().and_then(|need| need.parse::<Need>().ok());
    let standing = Standing {
        kind,
        state,
        begun: o.begun,
        due_at: jiff::Timestamp::from_microsecond(o.due_us).unwrap_or_default(),
        need: need.as_ref(),
        version: o.version,
        repeat: engine.rules.action(&connector, kind).repeat,
    };
    engine.members.contains_key(&connector) && standing.barrier(now).is_none()
}

/// What can be done about a lane now.
pub fn exits(engine: &Engine, lane: &LaneView, pause: Option<&ConnectorCondition>) -> Vec<Exit> {
    let Some(head) = &lane.head else { return Vec::new() };
    let now = engine.clock.now();
    let is_running = lane.state == OperationState::Running.name();
    let is_there = ConnectorId::parse(&lane.connector).is_ok_and(|id| engine.members.contains_key(&id));
    // After a restore one decision is for all.
    let is_fenced = matches!(head.need.as_deref().map(str::parse), Some(Ok(Need::Restore(_))));
    let mut exits = Vec::new();
    if is_there && !is_running && !is_fenced {
        exits.push(Exit::new("retry", "exit-retry"));
    }
    if is_editable(engine, head, now) {
        exits.push(Exit::new("edit", "exit-edit"));
    }
    exits.extend(correction(head));
    if !is_running {
        exits.push(Exit::new("dismiss", "exit-dismiss"));
    }
    let waits = owner(lane, pause) == "nobody" || pause.is_some();
    if waits {
        let due = Some(lane.due_us).filter(|due| *due > now.as_microsecond());
        let (key, until_us) = match (pause, due) {
            (Some(_), _) => ("exit-wait-paused", None),
            (None, Some(due)) if !is_running => ("exit-wait-until", Some(due)),
            (None, _) => ("exit-wait", None),
        };
        exits.push(Exit { until_us, ..Exit::new("wait", key) });
    }
    exits
}

/// The event that cures a stuck or held head, if one does.
fn correction(head: &OperationView) -> Option<Exit> {
    let is_blocked =
        [OperationState::Stuck.name(), OperationState::Held.name()].contains(&head.state.as_str());
    let need = head.need.as_deref().and_then(|need| need.parse::<Need>().ok());
    let (key, events): (_, &'static [&'static str]) = match (ActionKind::from_name(&head.action)?, need) {
        _ if !is_blocked => return None,
        (_, Some(Need::Decision(_) | Need::Restore(_))) => return None,
        (_, Some(Need::Snapshot(_))) => ("exit-correction-snapshot", &["dossier.corrected"]),
        (ActionKind::SyncDossier, _) => ("exit-correction-dossier", &["dossier.corrected"]),
        (ActionKind::OpenPayment, _) => ("exit-correction-anew", &["fee.cancelled", "fee.requested"]),
        (ActionKind::CreateParcel, _) => {
            ("exit-correction-anew", &["post.cancelled", "post.return_requested", "post.pickup_requested"])
        }
        // A step stands for what happened: no later event replaces it.
        (ActionKind::AppendProgress | ActionKind::CancelParcel | ActionKind::Unassigned, _) => return None,
    };
    Some(Exit { events, ..Exit::new("correction", key) })
}

/// Who has to act: one of [`OWNERS`].
pub fn owner(lane: &LaneView, pause: Option<&ConnectorCondition>) -> &'static str {
    let Some(head) = &lane.head else { return "nobody" };
    let cause = head.cause.as_deref().and_then(Cause::from_code);
    match OperationState::from_name(&lane.state) {
        Some(OperationState::Stuck) => cause.map_or("administrator", Cause::owner),
        Some(OperationState::Held) => {
            let need = head.need.as_deref().and_then(|need| need.parse::<Need>().ok());
            need.map_or("administrator", |need| need.owner())
        }
        // Behind a pause nothing moves before whoever has to has mended what caused it.
        Some(OperationState::Ready | OperationState::Doubtful) if pause.is_some() => {
            let cause = pause.and_then(|p| p.phase.trouble()).map(|trouble| trouble.cause);
            if advice::of_pause(cause).needs_person { "administrator" } else { "partner" }
        }
        _ => "nobody",
    }
}

/// A lane as JSON. `is_whole`: with what its head carries.
pub fn to_json(
    engine: &Engine,
    lane: &LaneView,
    pause: Option<&ConnectorCondition>,
    is_whole: bool,
) -> Value {
    let mut value = shown(lane);
    if let (false, Some(head)) = (is_whole, value["head"].as_object_mut()) {
        head.remove("payload");
        head.remove("proof");
    }
    let head = lane.head.as_ref();
    let age = head.map(|head| (engine.clock.now().as_microsecond() - head.created_us).max(0) / 1_000_000);
    value["subject"] = head.and_then(|h| h.subject.clone()).into();
    value["unit"] = head.and_then(|h| h.unit.clone()).into();
    value["cause"] = head.and_then(|h| h.cause.clone()).into();
    value["need"] = head.and_then(|h| h.need.clone()).into();
    value["age_seconds"] = age.into();
    value["owner"] = owner(lane, pause).into();
    value["advice"] = head
        .and_then(|head| advice::of_operation(head, pause))
        .map_or(Value::Null, |advice| advice.to_json());
    value["exits"] = exits(engine, lane, pause).iter().map(Exit::to_json).collect();
    value
}

/// A page of lanes and the place after which the next one begins.
pub struct Page {
    /// The lanes, the oldest head first.
    pub lanes: Vec<LaneView>,
    /// Where to go on; none: that was all.
    pub next: Option<(i64, i64)>,
}

/// How many lanes are looked through for one page at most; who looks for a rare owner goes on from there.
const MOST_LOOKED_AT: i64 = 5_000;

/// Lanes by filter and owner. Who owns a lane is no column of the store: those of others are passed over.
pub async fn page(
    views: &dyn Views,
    filter: &LaneFilter,
    is_wanted: impl Fn(&LaneView) -> bool,
) -> Result<Page, StoreError> {
    let mut page = Page { lanes: Vec::new(), next: filter.after };
    let mut looked_at = 0;
    loop {
        let asked = LaneFilter { after: page.next, limit: filter.limit + 1, ..filter.clone() };
        let found = views.lanes(&asked).await?;
        let is_last = (found.len() as i64) < asked.limit;
        looked_at += found.len() as i64;
        let count = found.len();
        for (at, lane) in found.into_iter().enumerate() {
            let place = lane.place();
            if is_wanted(&lane) {
                page.lanes.push(lane);
            }
            page.next = place;
            if page.lanes.len() as i64 == filter.limit {
                page.next = place.filter(|_| !(is_last && at + 1 == count));
                return Ok(page);
            }
        }
        if is_last {
            page.next = None;
            return Ok(page);
        }
        if looked_at >= MOST_LOOKED_AT {
            return Ok(page);
        }
    }
}
