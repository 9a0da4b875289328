//! What a person may do, on record: send an operation again or dismiss it, close an incident about money or a quarantine
//! entry. Also the waking of held operations when a setting supplied their need.

use serde_json::json;
use std::{collections::BTreeSet, sync::Arc};

use crate::{
    flow::{engine::Engine, settle::count_end},
    id::ConnectorId,
    lane::LaneState,
    need::Need,
    operation::{Operation, OperationState},
    plan::{course, money, out, queue, rules::Rules},
    policy::decide::doubted_until,
    port::{
        store::{StoreError, decide},
        work::{Scan, Scope, Work},
    },
};

/// What became of a person's wish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    /// Done.
    Done,
    /// There is no such operation, open incident or open entry.
    NotFound,
    /// Not in its present state; the code says why: `running`, `ended`, `reason_missing`, `no_connector`, `closes_itself`,
    /// `fenced`, `not_fenced`, `not_marked`, `recreated`.
    NotAllowed(String),
}

/// Sends an operation again: at once, whatever it waits for. Its attempts start to count anew.
pub async fn retry(
    engine: &Arc<Engine>,
    operation: i64,
    actor: &str,
    reason: &str,
) -> Result<Deed, StoreError> {
    let deed = act(engine, operation, actor, Wish::Retry, reason).await;
    engine.wake();
    deed
}

/// Ends an operation without its effect. A reason is needed.
pub async fn dismiss(
    engine: &Arc<Engine>,
    operation: i64,
    actor: &str,
    reason: &str,
) -> Result<Deed, StoreError> {
    if reason.trim().is_empty() {
        return Ok(Deed::NotAllowed("reason_missing".into()));
    }
    let deed = act(engine, operation, actor, Wish::Dismiss, reason).await;
    engine.wake();
    deed
}

async fn act(
    engine: &Arc<Engine>,
    id: i64,
    actor: &str,
    wish: Wish,
    reason: &str,
) -> Result<Deed, StoreError> {
    let mut scope = Scope::default();
    scope.operations.insert(id);
    let (actor, reason) = (actor.to_owned(), reason.to_owned());
    let (rules, connectors) = (Arc::clone(&engine.rules), connectors(engine));
    decide(&*engine.store, scope, move |work| fulfil(work, &rules, &connectors, id, wish, (&actor, &reason)))
        .await
}

/// What a person wishes of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    Retry,
    Dismiss,
}

impl Wish {
    fn name(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Dismiss => "dismiss",
        }
    }

    /// `earliest`: after an unclear attempt nothing goes out until the settling window has passed, whoever wishes it, and
    /// however often.
    fn change(self, operation: &mut Operation, now: jiff::Timestamp, earliest: jiff::Timestamp) {
        match self {
            Self::Retry => {
                operation.state = OperationState::Ready;
                operation.due_at = earliest;
                operation.attempts = 0;
            }
            Self::Dismiss => {
                operation.state = OperationState::Dismissed;
                operation.ended_at = Some(now);
                // What comes next on an empty lane waits for it.
                operation.due_at = earliest;
            }
        }
        operation.need = None;
    }
}

/// When an operation may go out by a person's wish: not before the settling window of its doubt has passed.
pub(super) fn earliest(operation: &Operation, rules: &Rules, now: jiff::Timestamp) -> jiff::Timestamp {
    let settling = rules.settling(&operation.connector);
    let earliest = doubted_until(operation, settling).map_or(now, |until| until.max(now));
    // One that never went out is due later only because it waits for the end of another one's window.
    if operation.attempt.is_none() { earliest.max(operation.due_at) } else { earliest }
}

/// Carries out a wish about an operation whose lane is loaded. `by`: who, and why.
pub(super) fn fulfil(
    work: &mut Work,
    rules: &Rules,
    connectors: &BTreeSet<ConnectorId>,
    id: i64,
    wish: Wish,
    by: (&str, &str),
) -> Deed {
    let ((actor, reason), deed) = (by, wish.name());
    if work.ended.contains_key(&id) {
        return Deed::NotAllowed("ended".into());
    }
    let now = work.now;
    let key =
        work.lanes.iter().find(|(_, l)| l.row.open.iter().any(|o| o.id == id)).map(|(key, _)| key.clone());
    let Some(loaded) = key.as_ref().and_then(|key| work.lanes.get_mut(key)) else {
        return Deed::NotFound;
    };
    let is_head = loaded.row.head == Some(id);
    if is_head && loaded.row.state == LaneState::Running {
        return Deed::NotAllowed("running".into());
    }
    if wish == Wish::Retry && work.is_fenced {
        return Deed::NotAllowed("fenced".into());
    }
    // Steps of a history go out only if the partner has made the dossier anew: then by themselves.
    let waits = |o: &Operation| o.id == id && matches!(o.need, Some(Need::Recreated(_)));
    if wish == Wish::Retry && loaded.row.open.iter().any(waits) {
        return Deed::NotAllowed("recreated".into());
    }
    if wish == Wish::Retry && !connectors.contains(&loaded.row.connector) {
        return Deed::NotAllowed("no_connector".into());
    }
    let lane = loaded.edit();
    if is_head && lane.head().is_some_and(|head| head.attempt.is_some()) {
        // An answer that is still under way (a probe's, a stalled attempt's) must not undo a person's decision. An
        // answer about the head before a later operation stays true.
        lane.claim += 1;
    }
    let Some(operation) = lane.open.iter_mut().find(|o| o.id == id) else { return Deed::NotFound };
    let (was, need) = (operation.state, operation.need.clone());
    let earliest = earliest(operation, rules, now);
    wish.change(operation, now, earliest);
    operation.decided_by =
        Some(if reason.is_empty() { actor.to_owned() } else { format!("{actor}: {reason}") });
    let operation = operation.clone();
    // What it may still do there must not meet the next one of its lane.
    let next = (is_head && earliest > now && operation.state.is_ended())
        .then(|| lane.front())
        .flatten()
        .and_then(|at| lane.open.get_mut(at))
        .map(|next| {
            next.due_at = next.due_at.max(earliest);
            next.id
        });
    for changed in next.into_iter().chain([id]) {
        work.touch(changed);
    }
    count_end(work, operation.state);
    if let Some(Need::Decision(_)) = &need {
        let is_void = operation.state == OperationState::Dismissed;
        if let (true, Some(code)) = (is_void, &operation.subject)
            && course::not_void(work, rules, code).is_err()
        {
            // The store decides again with more rows.
            return Deed::Done;
        }
    }
    if let (true, true, Some(key)) = (is_head, wish == Wish::Dismiss, &key)
        && queue::without_first_state(work, key, &operation)
    {
        ask_for_state(work, rules, &operation);
    }
    if let (Some(Need::Setting(_)), Some(key)) = (&need, &key) {
        money::resolve_account(work, rules, key, id);
    }
    if was == OperationState::Stuck {
        resumed(work, rules, &operation, deed);
    }
    work.audit.push((actor.to_owned(), format!("operation.{deed}: {reason}"), id.to_string()));
    Deed::Done
}

/// Closes an incident that nothing but a person's word can close: money that went back, a conflict that was looked into.
/// Those of needs, pauses and readings close by themselves.
pub async fn close_incident(
    engine: &Arc<Engine>,
    incident: i64,
    actor: &str,
    reason: &str,
) -> Result<Deed, StoreError> {
    if reason.trim().is_empty() {
        return Ok(Deed::NotAllowed("reason_missing".into()));
    }
    let mut scope = Scope::default();
    scope.incidents.insert(incident);
    let (actor, reason) = (actor.to_owned(), reason.to_owned());
    let inside = Arc::clone(engine);
    decide(&*engine.store, scope, move |work| {
        let Some(key) = work.incidents.get(&incident).cloned() else { return Deed::NotFound };
        if closes_itself(&inside, &key) {
            return Deed::NotAllowed("closes_itself".into());
        }
        work.audit.push((actor.clone(), format!("incident.close: {reason}"), key.clone()));
        work.close(key);
        Deed::Done
    })
    .await
}

/// Whether an incident ends with what caused it; the others a person closes, on record.
pub fn closes_itself(engine: &Engine, key: &str) -> bool {
    // Nobody tests or reads a connector that is not there any more.
    let is_there = || engine.members.keys().any(|c| key.rsplit(':').next() == Some(c.as_str()));
    match key.split_once(':') {
        Some(("pause" | "reading", _)) => is_there(),
        Some(("catalogue" | "catalogue-broken", of)) => {
            engine.members.keys().any(|c| of.split(':').next() == Some(c.as_str()))
        }
        Some(("ledger", _)) => true,
        Some(("calendar", _)) => engine.settings.index.calendar_ahead_days.is_some(),
        _ => key.parse::<Need>().is_ok(),
    }
}

/// Closes a quarantine entry: nothing will come of the event, or it came in another way.
pub async fn close_quarantine(
    engine: &Arc<Engine>,
    entry: i64,
    actor: &str,
    reason: &str,
) -> Result<Deed, StoreError> {
    if reason.trim().is_empty() {
        return Ok(Deed::NotAllowed("reason_missing".into()));
    }
    let mut scope = Scope::default();
    scope.quarantine.insert(entry);
    let (actor, reason) = (actor.to_owned(), reason.to_owned());
    decide(&*engine.store, scope, move |work| {
        if !work.quarantine.contains(&entry) {
            return Deed::NotFound;
        }
        work.audit.push((actor.clone(), format!("quarantine.close: {reason}"), entry.to_string()));
        work.closed_quarantine.push(entry);
        Deed::Done
    })
    .await
}

/// Keeps on record what a person does beyond the store.
pub async fn note(
    engine: &Engine,
    actor: &str,
    deed: &str,
    reason: &str,
    subject: &str,
) -> Result<(), StoreError> {
    let entry = (actor.to_owned(), format!("{deed}: {reason}"), subject.to_owned());
    decide(&*engine.store, Scope::default(), move |work| work.audit.push(entry.clone())).await
}

/// Tells that a person moved what was stuck.
pub(super) fn resumed(work: &mut Work, rules: &Rules, operation: &Operation, deed: &str) {
    let subject = operation.subject.as_ref().map_or_else(String::new, ToString::to_string);
    let number = operation.attempt.as_ref().map_or(0, |a| a.number);
    let about = format!("{}:{number}", operation.id);
    let data = json!({ "operation_id": operation.id, "partner": operation.connector, "by": deed });
    out::tell(work, rules, "operation.resumed", &subject, operation.unit.as_ref(), &about, data);
}

/// Steps wait for a state that is to be sent after all.
fn ask_for_state(work: &mut Work, rules: &Rules, dismissed: &Operation) {
    let subject = dismissed.subject.as_ref().map_or_else(String::new, ToString::to_string);
    let about = format!("{subject}:{}", dismissed.id);
    let data = json!({ "code": subject, "asked_because": "operation.dismissed" });
    out::tell(work, rules, "dossier.snapshot_requested", &subject, dismissed.unit.as_ref(), &about, data);
}

/// The connectors of this installation: what waits for another one cannot be sent.
pub(super) fn connectors(engine: &Engine) -> BTreeSet<ConnectorId> {
    engine.members.keys().cloned().collect()
}

/// Wakes every operation whose need begins with `prefix`: something of ours was supplied.
pub async fn wake(engine: &Arc<Engine>, prefix: &str) -> Result<usize, StoreError> {
    let mut woken = 0;
    let connectors: Vec<ConnectorId> = connectors(engine).into_iter().collect();
    // What is woken may be held again at once and be found again: the passes are bounded.
    for _ in 0..PASSES {
        let scan = Scan::Need { connectors: connectors.clone(), prefix: prefix.to_owned(), limit: PASS };
        let scope = Scope { scan: vec![scan], ..Scope::default() };
        let rules = Arc::clone(&engine.rules);
        let count = decide(&*engine.store, scope, move |work| wake_loaded(work, &rules)).await?;
        woken += count;
        if count < PASS {
            break;
        }
    }
    engine.wake();
    Ok(woken)
}

const PASS: usize = 1000;
const PASSES: usize = 200;

fn wake_loaded(work: &mut Work, rules: &Rules) -> usize {
    let now = work.now;
    let mut woken = Vec::new();
    let held = work.lanes.iter_mut().filter(|(_, l)| l.row.state == LaneState::Held);
    for (key, loaded) in held {
        if let Some(operation) = loaded.edit().open.first_mut() {
            let need = operation.need.clone();
            queue::supply(operation, rules, now);
            woken.push((key.clone(), operation.id, need));
        }
    }
    let count = woken.len();
    for (lane, id, need) in woken {
        work.touch(id);
        if let Some(Need::Setting(_)) = need {
            money::resolve_account(work, rules, &lane, id);
        }
    }
    count
}
