//! Replays: a person selects operations, looks at what sending them again would do, and lets it run. Planning sends
//! nothing. The doing is one round of a durable timer after another, so that it survives restarts and runs once across
//! replicas; and were it to run twice at once, nothing would be sent twice: each item goes out in one transaction with
//! its note, behind the locks of its lane and of the plan, and is judged there once more.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use crate::{
    flow::{
        engine::Engine,
        operator::{self, Deed, Wish},
    },
    id::{ConnectorId, LaneKey, RowId, UnitCode},
    operation::{OperationState, Payload},
    plan::{
        course,
        queue::Missing,
        rules::{PartnerKind, Rules},
    },
    policy::replay::judge,
    port::{
        store::{StoreError, decide},
        work::{Loaded, Scope, Work},
    },
    replay::{
        Case, ItemFilter, ItemState, ItemView, Order, Plan, Progress, Replay, ReplayItem, ReplayState,
        Treatment,
    },
};

/// Operations taken into a plan in one transaction.
const PAGE: i64 = 500;
/// Pages that whoever makes a plan waits for; the timer's rounds do the rest.
const FIRST_PAGES: usize = 10;
/// Plans looked after in one round; more wait for the next one.
const PLANS: i64 = 100;

/// What became of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ordered {
    /// Carried out; the plan's state now.
    Done(ReplayState),
    /// There is no such plan.
    NotFound,
    /// Not in this state.
    NotAllowed(ReplayState),
}

/// Begins a plan; its items are collected by the next rounds. Answers its number.
pub async fn plan(engine: &Arc<Engine>, plan: Plan) -> Result<RowId, StoreError> {
    decide(&*engine.store, Scope::default(), move |work| {
        let (id, now, plan) = (work.id(), work.now, plan.clone());
        let (actor, reason) = (plan.actor.clone(), plan.reason.clone());
        let (state, progress) = (ReplayState::Planning, Progress::default());
        let mut replay = Replay { id, plan, state, progress, created_at: now };
        replay.note("plan", &actor, &reason, now);
        work.replays.insert(id, Loaded::fresh(replay));
        work.audit.push((actor, format!("replay.plan: {reason}"), id.to_string()));
        id
    })
    .await
}

/// Carries out a person's order about a plan.
pub async fn order(
    engine: &Arc<Engine>,
    id: RowId,
    order: Order,
    actor: &str,
    reason: &str,
) -> Result<Ordered, StoreError> {
    let (actor, reason) = (actor.to_owned(), reason.to_owned());
    decide(&*engine.store, of_plan(id), move |work| {
        let now = work.now;
        let Some(loaded) = work.replays.get_mut(&id) else { return Ordered::NotFound };
        let before = loaded.row.state;
        if !loaded.edit().order(order, &actor, &reason, now) {
            return Ordered::NotAllowed(before);
        }
        let state = loaded.row.state;
        work.audit.push((actor.clone(), format!("replay.{}: {reason}", order.name()), id.to_string()));
        Ordered::Done(state)
    })
    .await
}

fn of_plan(id: RowId) -> Scope {
    Scope { replays: BTreeSet::from([id]), ..Scope::default() }
}

/// One round of everything that is to be done about plans. One plan that fails does not keep the others waiting.
pub async fn round(engine: &Arc<Engine>) -> Result<(), StoreError> {
    let mut failed = None;
    for replay in engine.store.replays(true, PLANS).await? {
        let id = replay.id;
        if let Err(error) = look_after(engine, replay).await {
            tracing::warn!(%error, replay = id, "a replay waits for its next round");
            failed = Some(error);
        }
    }
    failed.map_or(Ok(()), Err)
}

async fn look_after(engine: &Arc<Engine>, replay: Replay) -> Result<(), StoreError> {
    if replay.state == ReplayState::Planning {
        return collect(engine, replay, usize::MAX).await;
    }
    if !is_current(engine, &replay).await? {
        return Ok(());
    }
    learn(engine, &replay).await?;
    if replay.state.sends() {
        send(engine, &replay).await?;
        engine.wake();
    }
    Ok(())
}

/// Whether a plan may go on. Under the fence after a restore a running one is paused: what it knows of its progress is as
/// old as the backup, and what is held for the restore has not failed.
async fn is_current(engine: &Arc<Engine>, replay: &Replay) -> Result<bool, StoreError> {
    if engine.store.installation().await?.fenced().is_none() {
        return Ok(true);
    }
    let id = replay.id;
    decide(&*engine.store, of_plan(id), move |work| {
        if !work.is_fenced {
            return true;
        }
        let now = work.now;
        if let Some(loaded) = work.replays.get_mut(&id).filter(|r| r.row.state.sends()) {
            loaded.edit().order(Order::Pause, "lienthong", "restore", now);
        }
        false
    })
    .await
}

/// Collects the first items of a plan at once, so that a small one is complete when its maker looks at it.
pub async fn collect_first(engine: &Arc<Engine>, id: RowId) -> Result<(), StoreError> {
    match engine.store.replay(id).await? {
        Some((replay, _)) if replay.state == ReplayState::Planning => {
            collect(engine, replay, FIRST_PAGES).await
        }
        _ => Ok(()),
    }
}

/// Collects a plan's items, page by page; each page is a transaction of its own that leaves a cursor.
async fn collect(engine: &Arc<Engine>, mut replay: Replay, pages: usize) -> Result<(), StoreError> {
    for _ in 0..pages {
        let cases = Arc::new(engine.store.replay_cases(&replay, PAGE).await?);
        let rules = Arc::clone(&engine.rules);
        let (id, from) = (replay.id, replay.progress.cursor);
        let taken =
            decide(&*engine.store, of_plan(id), move |work| take_page(work, &rules, id, from, &cases))
                .await?;
        match taken {
            Some(next) if next.state == ReplayState::Planning => replay = next,
            _ => break,
        }
    }
    Ok(())
}

/// Takes a page into a plan. `None`: somebody else did, or the plan was cancelled.
fn take_page(work: &mut Work, rules: &Rules, id: RowId, from: RowId, cases: &[Case]) -> Option<Replay> {
    let now = work.now;
    let loaded = work.replays.get_mut(&id)?;
    if loaded.row.state != ReplayState::Planning || loaded.row.progress.cursor != from {
        return None;
    }
    let replay = loaded.edit();
    let mut sent_lanes = BTreeSet::new();
    for case in cases {
        let rule = rules.action(&replay.plan.selection.connector, case.action);
        let is_sent_by_plan = case.is_sent_by_plan || sent_lanes.contains(&case.lane);
        let treatment = judge(&Case { is_sent_by_plan, ..case.clone() }, replay.plan.purpose, rule);
        if treatment == Treatment::ResendState {
            sent_lanes.insert(case.lane);
        }
        let state = if treatment.acts() { ItemState::Waiting } else { ItemState::Left };
        let item = ReplayItem {
            replay: id,
            operation: case.operation,
            lane: case.lane,
            subject: case.subject.clone(),
            unit: case.unit.clone(),
            since: case.since,
            tried: case.tried,
            treatment,
            state,
            sent_as: None,
            at: now,
        };
        replay.count(None, state);
        replay.progress.cursor = replay.progress.cursor.max(case.operation);
        work.replay_items.insert((id, case.operation), Loaded::fresh(item));
    }
    if (cases.len() as i64) < PAGE {
        replay.state = ReplayState::Planned;
        replay.progress.planned_at = Some(now);
    }
    Some(replay.clone())
}

/// Learns what came of what was sent.
async fn learn(engine: &Arc<Engine>, replay: &Replay) -> Result<(), StoreError> {
    let id = replay.id;
    let limit = replay.progress.counts.sent.max(1);
    let sent = ItemFilter { replay: id, state: Some(ItemState::Sent), limit, ..ItemFilter::default() };
    let items = engine.store.replay_items(&sent).await?;
    let ends: Vec<_> =
        items.into_iter().filter_map(|view| Some((view.item.operation, ending(&view)?))).collect();
    if ends.is_empty() {
        return Ok(());
    }
    let mut scope = of_plan(id);
    scope.replay_items.extend(ends.iter().map(|(operation, _)| (id, *operation)));
    decide(&*engine.store, scope, move |work| {
        let now = work.now;
        let Some(replay) = work.replays.get_mut(&id) else { return };
        for (operation, (state, treatment)) in &ends {
            let item = work.replay_items.get_mut(&(id, *operation));
            // Another replica may have noted it meanwhile.
            let Some(item) = item.filter(|item| item.row.state == ItemState::Sent) else { continue };
            let item = item.edit();
            (item.state, item.treatment, item.at) = (*state, treatment.unwrap_or(item.treatment), now);
            replay.edit().count(Some(ItemState::Sent), *state);
        }
        replay.edit().advance(now);
    })
    .await
}

/// What the state of a sent operation means for its item. `None`: nothing yet.
fn ending(view: &ItemView) -> Option<(ItemState, Option<Treatment>)> {
    match view.now {
        OperationState::Succeeded => Some((ItemState::Done, None)),
        // What is held now did not go out: a plan that makes a thousand of them has failed a thousand times.
        OperationState::Refused | OperationState::Stuck | OperationState::Held => {
            Some((ItemState::Failed, None))
        }
        OperationState::Superseded => Some((ItemState::Skipped, Some(Treatment::Covered))),
        OperationState::Dismissed => Some((ItemState::Skipped, Some(Treatment::Changed))),
        OperationState::Ready
        | OperationState::Running
        | OperationState::Doubtful
        | OperationState::Awaiting => None,
    }
}

/// Sends as much as may go now.
async fn send(engine: &Arc<Engine>, replay: &Replay) -> Result<(), StoreError> {
    // A process without the connector, or with a partner that is away, sends nothing.
    let is_there = engine.members.get(&replay.plan.selection.connector).is_some_and(|m| !m.is_shut());
    if !is_there {
        return Ok(());
    }
    let connectors = Arc::new(operator::connectors(engine));
    loop {
        let filter = ItemFilter {
            replay: replay.id,
            state: Some(ItemState::Waiting),
            limit: PAGE,
            ..ItemFilter::default()
        };
        let waiting = engine.store.replay_items(&filter).await?;
        let items: Vec<ReplayItem> = waiting.into_iter().map(|view| view.item).collect();
        if items.is_empty() {
            return Ok(());
        }
        for item in in_turn(items, replay.state) {
            let (rules, connectors) = (Arc::clone(&engine.rules), Arc::clone(&connectors));
            let key = (item.replay, item.operation);
            let scope = Scope {
                operations: BTreeSet::from([item.operation]),
                replays: BTreeSet::from([item.replay]),
                replay_items: BTreeSet::from([key]),
                cases: BTreeSet::from([item.operation]),
                ..Scope::default()
            };
            if !decide(&*engine.store, scope, move |work| send_one(work, &rules, &connectors, key)).await? {
                return Ok(());
            }
        }
    }
}

/// The order in which items go: by number, but the first few by turns of their units, so that one unit's trouble or luck
/// does not speak for all.
fn in_turn(items: Vec<ReplayItem>, state: ReplayState) -> Vec<ReplayItem> {
    if state != ReplayState::Canary {
        return items;
    }
    let mut units: BTreeMap<Option<UnitCode>, VecDeque<ReplayItem>> = BTreeMap::new();
    for item in items {
        units.entry(item.unit.clone()).or_default().push_back(item);
    }
    let mut turns = Vec::new();
    while !units.is_empty() {
        turns.extend(units.values_mut().filter_map(VecDeque::pop_front));
        units.retain(|_, left| !left.is_empty());
    }
    turns
}

/// Sends one item, or skips it if it has to be treated otherwise by now. Whether the next one may be tried.
fn send_one(work: &mut Work, rules: &Rules, connectors: &BTreeSet<ConnectorId>, key: (RowId, RowId)) -> bool {
    let now = work.now;
    let (Some(replay), Some(item)) = (work.replays.get(&key.0), work.replay_items.get(&key)) else {
        return true;
    };
    if !replay.row.may_send(now) {
        return false;
    }
    if item.row.state != ItemState::Waiting {
        return true;
    }
    let (replay, item) = (replay.row.clone(), item.row.clone());
    let case = work.cases.get(&key.1).cloned();
    let judged = case.as_ref().map_or(Treatment::Changed, |case| judge_again(&replay, &item, case, rules));
    let Ok((treatment, sent_as)) = act(work, rules, connectors, &replay, case.as_ref(), judged) else {
        // The store decides again with more rows.
        return false;
    };
    let state = match treatment {
        Treatment::Dismiss => ItemState::Done,
        treatment if treatment.acts() => ItemState::Sent,
        _ => ItemState::Skipped,
    };
    if let Some(item) = work.replay_items.get_mut(&key) {
        let item = item.edit();
        (item.treatment, item.state, item.sent_as, item.at) = (treatment, state, sent_as, now);
    }
    if let Some(replay) = work.replays.get_mut(&key.0) {
        let replay = replay.edit();
        replay.count(Some(ItemState::Waiting), state);
        if treatment.acts() {
            replay.note_sent(now);
        }
        replay.advance(now);
    }
    true
}

/// What was planned is done only if it is still what would be planned: somebody may have tried the operation since, or
/// decided about it, or a newer state may have come.
fn judge_again(replay: &Replay, item: &ReplayItem, case: &Case, rules: &Rules) -> Treatment {
    let rule = rules.action(&replay.plan.selection.connector, case.action);
    let treatment = judge(case, replay.plan.purpose, rule);
    let is_as_planned = treatment == item.treatment && case.tried == item.tried;
    if treatment.acts() && !is_as_planned { Treatment::Changed } else { treatment }
}

/// Acts as was judged; answers how it was treated in the end, and what was sent.
fn act(
    work: &mut Work,
    rules: &Rules,
    connectors: &BTreeSet<ConnectorId>,
    replay: &Replay,
    case: Option<&Case>,
    treatment: Treatment,
) -> Result<(Treatment, Option<RowId>), Missing> {
    let Some(case) = case.filter(|_| treatment.acts()) else { return Ok((treatment, None)) };
    let reason = format!("replay {}: {}", replay.id, replay.plan.reason);
    let wish = match treatment {
        Treatment::Retry => Wish::Retry,
        Treatment::Dismiss => Wish::Dismiss,
        _ => {
            let sent = resend(work, rules, replay, case, treatment, &reason)?;
            return Ok(sent.map_or((Treatment::Covered, None), |id| (treatment, Some(id))));
        }
    };
    let deed = operator::fulfil(work, rules, connectors, case.operation, wish, (&replay.plan.actor, &reason));
    if work.is_incomplete() {
        return Err(Missing);
    }
    Ok(if deed == Deed::Done { (treatment, Some(case.operation)) } else { (Treatment::Changed, None) })
}

/// Plans the newest state of the dossier, or the steps of an ended operation, anew. `None`: it belongs to another
/// connector by now.
fn resend(
    work: &mut Work,
    rules: &Rules,
    replay: &Replay,
    case: &Case,
    treatment: Treatment,
    reason: &str,
) -> Result<Option<RowId>, Missing> {
    let connector = &replay.plan.selection.connector;
    let (Some(code), Some(old)) = (&case.subject, work.ended.get(&case.operation).cloned()) else {
        return Ok(None);
    };
    let key = LaneKey::from(code);
    let Some(dossier) = work.dossiers.get(code).map(|d| d.row.clone()) else {
        if work.scope.dossiers.contains(code) {
            return Ok(None);
        }
        work.missing.dossiers.insert(code.clone());
        work.missing.lanes.insert(key);
        return Err(Missing);
    };
    if dossier.bindings.get(&PartnerKind::Portal) != Some(connector) {
        return Ok(None);
    }
    let payload = match (treatment, &*old.payload) {
        (Treatment::ResendSteps, Payload::AppendProgress { steps }) => {
            let mut steps = steps.clone();
            // What the portal shows never goes back because of a step that comes late.
            for step in &mut steps {
                step.status = dossier.state.status.unwrap_or(step.status);
            }
            Payload::AppendProgress { steps }
        }
        // Nothing but the question whether it is there was ever asked about this state.
        (Treatment::ResendState, Payload::AdoptDossier) if old.version == Some(dossier.version) => {
            Payload::AdoptDossier
        }
        (Treatment::ResendState, _) => Payload::SyncDossier,
        _ => return Ok(None),
    };
    let id = course::plan_at_portal(work, rules, connector, code, 0, payload, None)?;
    let lane = work.lanes.get_mut(&(key, connector.clone()));
    if let Some(new) = lane.and_then(|lane| lane.edit().open.iter_mut().find(|o| o.id == id)) {
        new.decided_by = Some(format!("{}: {reason}", replay.plan.actor));
    }
    let deed = format!("operation.resend: {reason}");
    work.audit.push((replay.plan.actor.clone(), deed, case.operation.to_string()));
    Ok(Some(id))
}
