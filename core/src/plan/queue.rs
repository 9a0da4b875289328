//! Puts operations into lanes and takes them out: places, superseding, annulling, waking. Every change is counted in
//! the ledger here.

use jiff::Timestamp;
use std::sync::Arc;

use crate::{
    id::{ConnectorId, DossierCode, LaneKey, RowId, UnitCode},
    lane::Lane,
    need::Need,
    operation::{ActionKind, Operation, OperationState, Payload},
    outcome::Cause,
    plan::rules::Rules,
    policy::action::Repeat,
    port::work::{Change, Work},
};

/// The decision needs more than was loaded: [`Work::missing`] says what. The store decides again with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missing;

/// An operation about to get its place.
#[derive(Debug, Clone)]
pub struct Planned {
    /// Who carries it out.
    pub connector: ConnectorId,
    /// Its lane's key.
    pub key: LaneKey,
    /// What it carries.
    pub payload: Payload,
    /// The dossier: row, code, version.
    pub dossier: Option<(RowId, DossierCode, i64)>,
    /// The unit.
    pub unit: Option<UnitCode>,
    /// The event that asked for it (0: none).
    pub event: RowId,
    /// What it waits for from the start.
    pub need: Option<Need>,
}

/// Gives an operation its place; a sync may take over that of an older one, as the action table allows.
pub fn enqueue(work: &mut Work, rules: &Rules, planned: Planned) -> Result<RowId, Missing> {
    let id = work.id();
    let now = work.now;
    let action = rules.action(&planned.connector, planned.payload.kind());
    let lane = work.lane(&planned.connector, &planned.key).ok_or(Missing)?.edit();
    let position = lane.next_position;
    lane.next_position += 1;
    // After a doubt that a person dismissed nothing goes out within the settling window.
    let earliest = if lane.head().is_none() { now.max(lane.due_at) } else { now };
    let (dossier, subject, version) = match planned.dossier {
        Some((row, code, version)) => (Some(row), Some(code), Some(version)),
        None => (None, None, None),
    };
    let mut operation = Operation {
        id,
        lane: lane.id,
        position,
        connector: planned.connector,
        dossier,
        subject,
        version,
        unit: planned.unit,
        event: planned.event,
        payload: Arc::new(planned.payload),
        state: if planned.need.is_some() { OperationState::Held } else { OperationState::Ready },
        due_at: earliest,
        need: planned.need,
        attempts: 0,
        edits: 0,
        begun: false,
        doubted: false,
        attempt: None,
        cause: None,
        said: None,
        proof: None,
        superseded_by: None,
        decided_by: None,
        created_at: now,
        ended_at: None,
    };
    let superseded =
        if action.superseded_by_newer { supersede(lane, &mut operation, now) } else { Vec::new() };
    let woken = lead(lane, &mut operation);
    lane.open.push(operation);
    work.ledger.planned += 1;
    work.ledger.superseded += superseded.len() as i64;
    work.touched.insert(id, Change::Insert);
    for changed in superseded.into_iter().chain(woken) {
        work.touch(changed);
    }
    Ok(id)
}

/// A state of a dossier that the partner does not have goes before the steps that wait for one, and they follow it.
fn lead(lane: &mut Lane, new: &mut Operation) -> Vec<RowId> {
    let waits = |o: &Operation| {
        o.payload.kind() == ActionKind::AppendProgress
            && o.state == OperationState::Held
            && matches!(o.need, Some(Need::Snapshot(_)))
    };
    let is_first = new.payload.kind() == ActionKind::SyncDossier && new.need.is_none() && !lane.acknowledged;
    let Some(front) = lane.head().filter(|head| is_first && waits(head)).map(|head| head.position) else {
        return Vec::new();
    };
    new.position = front - 1;
    let mut woken = Vec::new();
    for step in lane.open.iter_mut().filter(|o| waits(o)) {
        (step.state, step.need, step.due_at) = (OperationState::Ready, None, new.due_at);
        step.version = new.version;
        woken.push(step.id);
    }
    woken
}

/// A person dismissed the head of a lane. If it was the first state of a dossier, and the partner certainly does not
/// have it, steps would be about something that is not there: a later state of the lane goes first; without one they
/// wait for the dossier's next full snapshot. Answers whether they do.
pub fn without_first_state(work: &mut Work, lane: &(LaneKey, ConnectorId), gone: &Operation) -> bool {
    // Whoever was asked to look there, or to ask there, has done so: the dismissal says nothing of what they found.
    let may_be_there =
        gone.begun || gone.cause.is_some_and(|c| matches!(c.next_step(), "look_up" | "ask_partner"));
    let (Some(code), Some(loaded)) = (&gone.subject, work.lanes.get_mut(lane)) else { return false };
    let is_first = gone.payload.kind() == ActionKind::SyncDossier && !loaded.row.acknowledged;
    if may_be_there || !is_first {
        return false;
    }
    let lane = loaded.edit();
    let (mut changed, mut has_steps) = (Vec::new(), false);
    let mut left = lane.open.iter_mut().filter(|o| !o.state.is_ended());
    if let Some(next) = left.find(|o| o.payload.kind() == ActionKind::SyncDossier) {
        // Not the place of the one that ends here: both are written at once.
        next.position = gone.position - 1;
        changed.push(next.id);
    } else {
        let steps = lane.open.iter_mut().filter(|o| o.state == OperationState::Ready && !o.begun);
        for step in steps.filter(|o| o.payload.kind() == ActionKind::AppendProgress) {
            (step.state, step.need) = (OperationState::Held, Some(Need::Snapshot(code.to_string())));
            has_steps = true;
            changed.push(step.id);
        }
    }
    for id in changed {
        work.touch(id);
    }
    has_steps
}

/// Ends older syncs for which `new` stands in. A held or stuck head is replaced in its place, and then nothing older may
/// follow it; otherwise those that have not begun, only once the partner knows the dossier, and the survivor keeps its
/// own place behind the steps between them.
fn supersede(lane: &mut Lane, new: &mut Operation, now: Timestamp) -> Vec<RowId> {
    let mut superseded = Vec::new();
    // What still waits for a person stands in for nothing: the person may say no.
    if is_asked(new) {
        return superseded;
    }
    let kind = new.payload.kind();
    let front = lane.front();
    let is_cure = |o: &Operation| {
        o.payload.kind() == kind
            && matches!(o.state, OperationState::Held | OperationState::Stuck)
            && !is_asked(o)
            && !is_fenced(o)
    };
    let cures = front.is_some_and(|at| lane.open.get(at).is_some_and(is_cure));
    let acknowledged = lane.acknowledged || cures;
    for (at, old) in lane.open.iter_mut().enumerate() {
        if old.payload.kind() != kind || old.state.is_ended() {
            continue;
        }
        let cures_head = cures && front == Some(at);
        let waits = matches!(old.state, OperationState::Ready | OperationState::Held);
        // What has begun without being the head was marked so after a restore: nothing older may follow the cure either.
        let may_go = cures_head || (acknowledged && waits && (cures || !old.begun));
        if is_asked(old) || !may_go {
            continue;
        }
        if front == Some(at) && old.attempt.is_none() {
            // It waits for the end of another one's settling window.
            new.due_at = new.due_at.max(old.due_at);
        }
        new.begun |= old.begun;
        if cures_head {
            new.position = old.position;
        }
        old.state = OperationState::Superseded;
        old.superseded_by = Some(new.id);
        old.need = None;
        old.ended_at = Some(now);
        superseded.push(old.id);
    }
    superseded
}

/// A decision of a person is not taken by a later event.
fn is_asked(operation: &Operation) -> bool {
    matches!(operation.need, Some(Need::Decision(_)))
}

/// After a restore one decision is for all that is held so; what cures a single one does not end it.
fn is_fenced(operation: &Operation) -> bool {
    matches!(operation.need, Some(Need::Restore(_)))
}

/// What was missing is there: the operation goes out when its turn comes. One that a restore marked as what may have
/// been sent, and that no attempt of ours is known of, is asked about first, or left to a person.
pub fn supply(operation: &mut Operation, rules: &Rules, now: Timestamp) {
    let (kind, connector) = (operation.payload.kind(), &operation.connector);
    let can_be_asked = rules.connector(connector).is_some_and(|c| c.probes.contains(&kind));
    let is_dangerous = rules.action(connector, kind).repeat == Repeat::Dangerous;
    let is_of_before = operation.doubted && operation.attempt.is_none();
    operation.need = None;
    operation.due_at = operation.due_at.max(now);
    operation.state = match (is_of_before, kind) {
        (true, ActionKind::OpenPayment) if can_be_asked => OperationState::Doubtful,
        (true, ActionKind::OpenPayment) if is_dangerous => {
            operation.cause = Some(Cause::Interrupted);
            OperationState::Stuck
        }
        _ => OperationState::Ready,
    };
}

/// Ends an operation that has not begun because an event took it back. `false`: too late, or not there.
pub fn annul(
    work: &mut Work,
    rules: &Rules,
    lane: &(LaneKey, ConnectorId),
    kind: ActionKind,
    why: &str,
) -> Result<bool, Missing> {
    if !work.scope.lanes.contains(&lane.0) && !work.lanes.contains_key(lane) {
        work.missing.lanes.insert(lane.0.clone());
        return Err(Missing);
    }
    Ok(rules.action(&lane.1, kind).annullable
        && end_waiting(work, lane, why, |o| o.payload.kind() == kind && !o.begun))
}

/// Ends a waiting operation of a lane that nothing may come of any more. `false`: there is none.
pub fn end_waiting(
    work: &mut Work,
    lane: &(LaneKey, ConnectorId),
    why: &str,
    is_it: impl Fn(&Operation) -> bool,
) -> bool {
    let now = work.now;
    let Some(loaded) = work.lanes.get_mut(lane) else { return false };
    let waits = |o: &Operation| {
        matches!(o.state, OperationState::Ready | OperationState::Held | OperationState::Stuck)
    };
    if !loaded.row.open.iter().any(|o| waits(o) && is_it(o)) {
        return false;
    }
    let Some(operation) = loaded.edit().open.iter_mut().find(|o| waits(o) && is_it(o)) else { return false };
    operation.state = OperationState::Dismissed;
    operation.need = None;
    operation.decided_by = Some(why.to_owned());
    operation.ended_at = Some(now);
    let id = operation.id;
    work.ledger.dismissed += 1;
    work.touch(id);
    true
}

/// Wakes the operations of a dossier's lane that waited for its snapshot. Those that have not begun carry the newest
/// version: the one fixed at planning was known to be incomplete.
pub fn wake_snapshot(work: &mut Work, rules: &Rules, key: &LaneKey, code: &DossierCode, version: i64) {
    let need = Need::Snapshot(code.to_string());
    let mut woken = Vec::new();
    let now = work.now;
    for lane in work.lanes.values_mut().filter(|l| l.row.key == *key) {
        if !lane.row.open.iter().any(|o| o.need.as_ref() == Some(&need)) {
            continue;
        }
        for operation in lane.edit().open.iter_mut().filter(|o| o.need.as_ref() == Some(&need)) {
            supply(operation, rules, now);
            // After a restore what never went out counts as begun too.
            if !operation.begun || operation.attempt.is_none() {
                operation.version = Some(version);
            }
            woken.push(operation.id);
        }
    }
    for id in woken {
        work.touch(id);
    }
}
