//! After a restore: the installation is fenced, asks what can be asked, holds the rest for one decision, then sends.
//! The fence itself is in the store, so that all replicas obey whoever noticed: nothing is claimed or told under it
//! (`settle::claim`, `Store::outbox`), and nothing that is written under it is ready (`Work::finish`). Here are its
//! beginning, the walks over what is open, and its end.

use jiff::Timestamp;
use std::sync::Arc;

use crate::{
    flow::{
        engine::Engine,
        operator::Deed,
        pool::Pool,
        settle::{count_end, follow_up},
    },
    id::{ConnectorId, LaneKey, RowId},
    lane::Lane,
    need::Need,
    operation::{ActionKind, Operation, OperationState, Payload},
    outcome::Cause,
    plan::rules::Rules,
    policy::action::Repeat,
    port::{
        store::{Installation, Store, StoreError, decide},
        work::{Fenced, IncidentRecord, Release, RestoreStep, Scan, Scope, Work},
    },
};

/// Beyond every number that a process may have given without this one's having seen it: replicas write their files every
/// few seconds, and at the worst one of them has been away for weeks.
pub const OUTBOX_MARGIN: i64 = 1_000_000;

/// Where the walks keep how far they are: `EPOCH marked`, `EPOCH after LANE`, `EPOCH done`.
const CURSOR: &str = "restore";

/// What is known of the time that the store does not know.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Evidence {
    /// What showed it: `older`, `other_store`, `restored`.
    pub reason: String,
    /// The highest epoch known.
    pub epoch: i64,
    /// The highest number of an out-event known.
    pub outbox: i64,
    /// When the backup was taken, where that is known.
    pub backup_at: Option<Timestamp>,
    /// The last sign of life.
    pub seen_at: Option<Timestamp>,
}

/// Fences the installation, unless somebody has since `known` was read. Answers whether this call did.
pub async fn fence(store: &dyn Store, known: &Installation, evidence: &Evidence) -> Result<bool, StoreError> {
    let (before, is_fenced) = (known.epoch, known.fenced().is_some());
    let fenced = Fenced {
        epoch: before.max(evidence.epoch) + 1,
        outbox_above: known.outbox_highest.max(evidence.outbox) + OUTBOX_MARGIN,
        reason: evidence.reason.clone(),
        backup_at: evidence.backup_at.or(known.newest_event_at),
        seen_at: evidence.seen_at,
    };
    decide(store, Scope::default(), move |work| {
        if work.epoch != before {
            return false;
        }
        if is_fenced {
            work.close(Need::Restore(before).to_string());
        }
        let (key, said) = (Need::Restore(fenced.epoch).to_string(), fenced.reason.clone());
        work.opened.push(IncidentRecord { key, connector: None, said });
        work.audit.push((
            "lienthong".into(),
            format!("restore.fence: {}", fenced.reason),
            fenced.epoch.to_string(),
        ));
        work.restore = Some(RestoreStep::Fence(fenced.clone()));
        true
    })
    .await
}

/// Lifts the fence: a person's decision, with a reason. Steps that happened up to `steps_until` count as sent before.
pub async fn release(
    engine: &Arc<Engine>,
    actor: &str,
    reason: &str,
    steps_until: Option<Timestamp>,
) -> Result<Deed, StoreError> {
    if reason.trim().is_empty() {
        return Ok(Deed::NotAllowed("reason_missing".into()));
    }
    let known = engine.store.installation().await?;
    if known.fenced().is_none() {
        return Ok(Deed::NotAllowed("not_fenced".into()));
    }
    let epoch = known.epoch;
    if Walk::read(engine.store.cursor(CURSOR).await?.as_deref(), epoch) != Walk::Marked {
        return Ok(Deed::NotAllowed("not_marked".into()));
    }
    let (actor, by) = (actor.to_owned(), format!("{actor}: {reason}"));
    let deed = decide(&*engine.store, Scope::default(), move |work| {
        if !work.is_fenced || work.epoch != epoch {
            return Deed::NotAllowed("not_fenced".into());
        }
        let release = Release { at: work.now, by: by.clone(), steps_until };
        let steps = steps_until.map_or_else(|| "none".to_owned(), |until| until.to_string());
        work.audit.push((
            actor.clone(),
            format!("restore.release (steps until {steps}): {by}"),
            epoch.to_string(),
        ));
        work.cursors.push((CURSOR.into(), Walk::After(0).text(epoch)));
        work.close(Need::Restore(epoch).to_string());
        work.restore = Some(RestoreStep::Release(release));
        Deed::Done
    })
    .await?;
    Ok(deed)
}

/// Whether everything that was open when the fence came up has been looked at: before that nobody can decide.
pub async fn is_marked(store: &dyn Store, epoch: i64) -> Result<bool, StoreError> {
    Ok(Walk::read(store.cursor(CURSOR).await?.as_deref(), epoch) != Walk::Begun)
}

/// How far the walks over the open lanes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Walk {
    /// Not every lane has been marked.
    Begun,
    /// Every lane has been marked.
    Marked,
    /// Released up to this lane.
    After(RowId),
    /// Released altogether.
    Done,
}

impl Walk {
    fn read(cursor: Option<&str>, epoch: i64) -> Self {
        let of = cursor.and_then(|text| text.split_once(' ')).filter(|(of, _)| of.parse() == Ok(epoch));
        match of.map(|(_, walk)| walk) {
            Some("marked") => Self::Marked,
            Some("done") => Self::Done,
            Some(walk) => walk
                .strip_prefix("after ")
                .and_then(|lane| lane.parse().ok())
                .map_or(Self::Begun, Self::After),
            None => Self::Begun,
        }
    }

    fn text(self, epoch: i64) -> String {
        match self {
            Self::Begun => format!("{epoch} begun"),
            Self::Marked => format!("{epoch} marked"),
            Self::After(lane) => format!("{epoch} after {lane}"),
            Self::Done => format!("{epoch} done"),
        }
    }
}

/// Runs until the pool stops.
pub async fn run(engine: Arc<Engine>, pool: Pool) -> Result<(), String> {
    let stopping = pool.stopping();
    let mut place = Place::default();
    while !stopping.is_cancelled() {
        let goes_on = match round(&engine, &mut place).await {
            Ok(goes_on) => goes_on,
            Err(error) => {
                tracing::warn!(%error, "what follows a restore waits for the store");
                false
            }
        };
        if goes_on {
            continue;
        }
        tokio::select! {
            biased;
            () = stopping.cancelled() => {}
            () = tokio::time::sleep(engine.settings.poll) => {}
        }
    }
    Ok(())
}

/// Where this process's walk under the fence is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Place {
    epoch: i64,
    after: RowId,
}

/// One pass of a walk. `true`: there is more at once.
pub async fn round(engine: &Arc<Engine>, place: &mut Place) -> Result<bool, StoreError> {
    let installation = engine.store.installation().await?;
    if place.epoch != installation.epoch {
        // Another restore: what was passed before has to be looked at again.
        *place = Place { epoch: installation.epoch, after: 0 };
    }
    let Some(restored) = installation.restored.clone() else { return Ok(false) };
    let walk = Walk::read(engine.store.cursor(CURSOR).await?.as_deref(), installation.epoch);
    match restored.released {
        None => mark(engine, walk, place).await,
        Some(release) => match walk {
            Walk::After(lane) => send(engine, installation.epoch, release, lane).await,
            // Another process's note of the walk before came after the decision's.
            Walk::Begun | Walk::Marked => send(engine, installation.epoch, release, 0).await,
            Walk::Done => Ok(false),
        },
    }
}

/// Under the fence the walk goes round and round: what a probe's end brings to the head of its lane, what events add and
/// what a unit wrote that had begun before the fence is found by a later round.
async fn mark(engine: &Arc<Engine>, walk: Walk, place: &mut Place) -> Result<bool, StoreError> {
    let (rules, limit, epoch) = (Arc::clone(&engine.rules), engine.settings.batch, place.epoch);
    let scan = Scan::Open { after: place.after, limit };
    let scope = Scope { scan: vec![scan], ..Scope::default() };
    let last = decide(&*engine.store, scope, move |work| {
        if !work.is_fenced || work.epoch != epoch {
            return None;
        }
        let last = last_of(work, limit);
        for key in keys(work) {
            for (id, is_stuck) in mark_lane(work, &key, &rules, epoch) {
                work.touch(id);
                if is_stuck {
                    tell_stuck(work, &key, &rules, id);
                }
            }
        }
        if last.is_none() && walk == Walk::Begun {
            work.cursors.push((CURSOR.into(), Walk::Marked.text(epoch)));
        }
        last
    })
    .await?;
    place.after = last.unwrap_or(0);
    Ok(last.is_some())
}

/// After the decision: one walk over everything that was open, each lane once.
async fn send(engine: &Arc<Engine>, epoch: i64, release: Release, after: RowId) -> Result<bool, StoreError> {
    let (rules, limit) = (Arc::clone(&engine.rules), engine.settings.batch);
    let scope = Scope { scan: vec![Scan::Open { after, limit }], ..Scope::default() };
    let last = decide(&*engine.store, scope, move |work| {
        if work.is_fenced || work.epoch != epoch {
            return None;
        }
        let last = last_of(work, limit);
        for key in keys(work) {
            release_lane(work, &key, &rules, epoch, &release);
        }
        let walk = last.map_or(Walk::Done, Walk::After);
        work.cursors.push((CURSOR.into(), walk.text(epoch)));
        last
    })
    .await?;
    engine.wake();
    Ok(last.is_some())
}

fn keys(work: &Work) -> Vec<(LaneKey, ConnectorId)> {
    work.lanes.keys().cloned().collect()
}

/// The last lane of a full pass; `None`: there is no further one.
fn last_of(work: &Work, limit: usize) -> Option<RowId> {
    let lanes = work.lanes.values().map(|lane| lane.row.id);
    if work.lanes.len() < limit { None } else { lanes.max() }
}

/// Marks everything open in a lane as what may have been sent, and sorts what is held: what can be asked about is asked,
/// what nobody may repeat waits for a decision of its own. Answers what changed, and whether it is stuck now.
fn mark_lane(work: &mut Work, key: &(LaneKey, ConnectorId), rules: &Rules, epoch: i64) -> Vec<(RowId, bool)> {
    let now = work.now;
    let Some(loaded) = work.lanes.get_mut(key) else { return Vec::new() };
    let mut lane = loaded.row.clone();
    let mut changed = Vec::new();
    for operation in lane.open.iter_mut().filter(|o| o.payload.kind() != ActionKind::Unassigned) {
        let before = operation.clone();
        if operation.state != OperationState::Running {
            (operation.begun, operation.doubted) = (true, true);
        }
        if operation.state == OperationState::Ready {
            // What was found out before the backup says nothing of the time since.
            (operation.cause, operation.said) = (None, None);
            (operation.state, operation.need) = (OperationState::Held, Some(Need::Restore(epoch)));
        }
        sort_out(operation, rules, epoch, now);
        if *operation != before {
            changed.push((
                operation.id,
                operation.state == OperationState::Stuck && before.state != OperationState::Stuck,
            ));
        }
    }
    if !changed.is_empty() {
        *loaded.edit() = lane;
    }
    changed
}

/// What becomes of an operation that the fence holds.
fn sort_out(operation: &mut Operation, rules: &Rules, epoch: i64, now: Timestamp) {
    if !is_held(operation) {
        return;
    }
    let kind = operation.payload.kind();
    let can_be_asked = rules.connector(&operation.connector).is_some_and(|c| c.probes.contains(&kind));
    // A person decides about steps for the whole group; for money without a question there is only the single case.
    let is_single = rules.action(&operation.connector, kind).repeat == Repeat::Dangerous
        && kind != ActionKind::AppendProgress;
    if can_be_asked && operation.cause != Some(Cause::UnknownThere) {
        (operation.state, operation.need, operation.due_at) = (OperationState::Doubtful, None, now);
    } else if is_single && !can_be_asked {
        (operation.state, operation.need) = (OperationState::Stuck, None);
        operation.cause = Some(Cause::Interrupted);
        operation.said = Some("restored: it may have been sent since the backup".into());
    } else {
        operation.need = Some(Need::Restore(epoch));
    }
}

fn is_held(operation: &Operation) -> bool {
    operation.state == OperationState::Held && matches!(operation.need, Some(Need::Restore(_)))
}

fn tell_stuck(work: &mut Work, key: &(LaneKey, ConnectorId), rules: &Rules, id: RowId) {
    let lane = work.lanes.get(key).map(|lane| &lane.row);
    let operation = lane.and_then(|lane| lane.open.iter().find(|o| o.id == id)).cloned();
    if let Some(operation) = operation {
        follow_up(work, rules, &operation, None);
    }
}

/// Lets a lane go on after the decision: steps of before are left out, of several states only the newest goes, the rest
/// goes in its order.
fn release_lane(work: &mut Work, key: &(LaneKey, ConnectorId), rules: &Rules, epoch: i64, release: &Release) {
    let now = work.now;
    let Some(loaded) = work.lanes.get_mut(key) else { return };
    let mut lane = loaded.row.clone();
    let mut changed = Vec::new();
    let (mut stuck, mut ended) = (Vec::new(), Vec::new());
    // Held ones may have been written by a unit that began under the fence and ended after the decision.
    let is_of_before = |o: &Operation| is_held(o) || (o.doubted && o.created_at <= release.at);
    for operation in lane.open.iter_mut().filter(|o| is_of_before(o)) {
        let before = operation.clone();
        // Something that came in too late to be sorted out under the fence.
        sort_out(operation, rules, epoch, now);
        if is_held(operation) {
            (operation.state, operation.need, operation.due_at) = (OperationState::Ready, None, now);
        }
        if let Some(until) = release.steps_until {
            leave_out(operation, until, &release.by, now);
        }
        if *operation != before {
            changed.push(operation.id);
            if operation.state.is_ended() {
                ended.push(operation.state);
            } else if operation.state == OperationState::Stuck {
                stuck.push(operation.id);
            }
        }
    }
    let superseded = newest_state_only(&mut lane, &changed, now);
    ended.extend(superseded.iter().map(|_| OperationState::Superseded));
    if changed.is_empty() {
        return;
    }
    *loaded.edit() = lane;
    for id in changed {
        work.touch(id);
    }
    for state in ended {
        count_end(work, state);
    }
    for id in stuck {
        tell_stuck(work, key, rules, id);
    }
}

/// Takes the steps out of an operation that happened up to a moment; one without steps is dismissed.
fn leave_out(operation: &mut Operation, until: Timestamp, by: &str, now: Timestamp) {
    let Payload::AppendProgress { steps } = &*operation.payload else { return };
    let waits =
        matches!(operation.state, OperationState::Ready | OperationState::Held | OperationState::Doubtful);
    if !waits || steps.iter().all(|step| step.at > until) {
        return;
    }
    let left: Vec<_> = steps.iter().filter(|step| step.at > until).cloned().collect();
    operation.decided_by = Some(by.to_owned());
    if left.is_empty() {
        (operation.state, operation.need) = (OperationState::Dismissed, None);
        operation.ended_at = Some(now);
    } else {
        operation.payload = Arc::new(Payload::AppendProgress { steps: left });
    }
}

/// Of the states of a dossier that were held only the newest goes, in its own place: the portal may have a newer one
/// already than any but the last. If it may have none, the first goes too when steps go before the newest: they need
/// one, and behind the newest they would turn its status back. Answers the others.
fn newest_state_only(lane: &mut Lane, woken: &[RowId], now: Timestamp) -> Vec<RowId> {
    let is_state = |o: &Operation| {
        matches!(*o.payload, Payload::SyncDossier)
            && o.state == OperationState::Ready
            && woken.contains(&o.id)
    };
    let states = || lane.open.iter().filter(|o| is_state(o));
    let Some(newest) = states().max_by_key(|o| (o.version, o.position)) else { return Vec::new() };
    let (newest, place) = (newest.id, newest.position);
    let has_steps_before = lane
        .open
        .iter()
        .any(|o| o.payload.kind() == ActionKind::AppendProgress && !o.state.is_ended() && o.position < place);
    let needed = states().min_by_key(|o| o.position).map(|o| o.id);
    let needed = needed.filter(|_| has_steps_before && !lane.acknowledged);
    let mut superseded = Vec::new();
    let goes = |o: &Operation| o.id == newest || Some(o.id) == needed;
    for operation in lane.open.iter_mut().filter(|o| is_state(o) && !goes(o)) {
        operation.state = OperationState::Superseded;
        operation.superseded_by = Some(newest);
        operation.ended_at = Some(now);
        superseded.push(operation.id);
    }
    superseded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_belongs_to_its_epoch() {
        for walk in [Walk::Begun, Walk::Marked, Walk::After(77), Walk::Done] {
            assert_eq!(Walk::read(Some(&walk.text(3)), 3), walk);
            assert_eq!(Walk::read(Some(&walk.text(3)), 4), Walk::Begun);
        }
        assert_eq!(Walk::read(None, 1), Walk::Begun);
    }
}
