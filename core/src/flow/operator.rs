//! What a person may do to an operation: send it again, or dismiss it, on record. Also the waking of held operations
//! when a setting supplied their need.

use std::sync::Arc;

use crate::{
    flow::{engine::Engine, settle::count_end},
    lane::LaneState,
    operation::{Operation, OperationState},
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
    /// There is no such operation.
    NotFound,
    /// Not in its present state; the code says why: `running`, `ended`, `reason_missing`.
    NotAllowed(String),
}

/// Sends an operation again: at once, whatever it waits for. Its attempts start to count anew.
pub async fn retry(
    engine: &Arc<Engine>,
    operation: i64,
    actor: &str,
    reason: &str,
) -> Result<Deed, StoreError> {
    let deed = act(engine, operation, actor, "retry", reason, |operation, now| {
        operation.state = OperationState::Ready;
        operation.due_at = now;
        operation.need = None;
        operation.attempts = 0;
    })
    .await;
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
    let deed = act(engine, operation, actor, "dismiss", reason, |operation, now| {
        operation.state = OperationState::Dismissed;
        operation.need = None;
        operation.ended_at = Some(now);
    })
    .await;
    engine.wake();
    deed
}

async fn act(
    engine: &Arc<Engine>,
    id: i64,
    actor: &str,
    deed: &'static str,
    reason: &str,
    change: impl Fn(&mut Operation, jiff::Timestamp) + Send + Sync + 'static,
) -> Result<Deed, StoreError> {
    let mut scope = Scope::default();
    scope.operations.insert(id);
    let (actor, reason) = (actor.to_owned(), reason.to_owned());
    decide(&*engine.store, scope, move |work| {
        if work.ended.contains_key(&id) {
            return Deed::NotAllowed("ended".into());
        }
        let now = work.now;
        let key = work
            .lanes
            .iter()
            .find(|(_, l)| l.row.open.iter().any(|o| o.id == id))
            .map(|(key, _)| key.clone());
        let Some(loaded) = key.and_then(|key| work.lanes.get_mut(&key)) else { return Deed::NotFound };
        if loaded.row.head == Some(id) && loaded.row.state == LaneState::Running {
            return Deed::NotAllowed("running".into());
        }
        let lane = loaded.edit();
        // An answer that is still under way (a probe's, a stalled attempt's) must not undo a person's decision.
        lane.claim += 1;
        let Some(operation) = lane.open.iter_mut().find(|o| o.id == id) else { return Deed::NotFound };
        change(operation, now);
        operation.decided_by =
            Some(if reason.is_empty() { actor.clone() } else { format!("{actor}: {reason}") });
        let state = operation.state;
        work.touch(id);
        count_end(work, state);
        work.audit.push((actor.clone(), format!("operation.{deed}: {reason}"), id.to_string()));
        Deed::Done
    })
    .await
}

/// Wakes every operation whose need begins with `prefix`: something of ours was supplied.
pub async fn wake(engine: &Arc<Engine>, prefix: &str) -> Result<usize, StoreError> {
    let mut woken = 0;
    // What is woken may be held again at once and be found again: the passes are bounded.
    for _ in 0..PASSES {
        let scan = Scan::Need { prefix: prefix.to_owned(), limit: PASS };
        let scope = Scope { scan: vec![scan], ..Scope::default() };
        let count = decide(&*engine.store, scope, wake_loaded).await?;
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

fn wake_loaded(work: &mut Work) -> usize {
    let now = work.now;
    let mut woken = Vec::new();
    for loaded in work.lanes.values_mut().filter(|l| l.row.state == LaneState::Held) {
        if let Some(operation) = loaded.edit().open.first_mut() {
            let need = operation.need.take();
            operation.state = OperationState::Ready;
            operation.due_at = now;
            woken.push((operation.id, need));
        }
    }
    let count = woken.len();
    for (id, need) in woken {
        work.touch(id);
        if let Some(need) = need {
            work.closed.push(need.to_string());
        }
    }
    count
}
