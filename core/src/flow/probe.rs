//! Probe: doubtful and overdue awaiting heads are asked about where the partner can answer; otherwise the action's rule
//! decides. One loop for all connectors; questions run as tasks of their own.

use futures_util::FutureExt;
use jiff::SignedDuration;
use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};
use tokio::sync::OwnedSemaphorePermit;

use crate::{
    clock::later,
    finding::Finding,
    flow::{
        engine::{Engine, Member},
        execute::task_of,
        pool::Pool,
        settle::{Assignment, HeadState, Settled, Settlement, follow_up},
    },
    lane::LaneState,
    outcome::Cause,
    policy::decide::{Terms, resolve_unprobed},
    port::{
        connector::Call,
        store::{StoreError, decide},
        work::{Scan, Scope, Work},
    },
};

/// For so long nobody else asks about the same head; longer than any question's deadline.
const ASKING: SignedDuration = SignedDuration::from_mins(3);

/// How far ahead of the rate a question may be.
const CREDIT: SignedDuration = SignedDuration::from_secs(2);

/// Runs until the pool stops.
pub async fn run(engine: Arc<Engine>, pool: Pool) -> Result<(), String> {
    let stopping = pool.stopping();
    while !stopping.is_cancelled() {
        let mut found = 0;
        for member in engine.members.values() {
            if !member.may_be_asked() {
                continue;
            }
            for state in [LaneState::Doubtful, LaneState::Awaiting] {
                // No more questions at once than operations may be with the partner.
                let permits = member.questions.try_take(engine.settings.batch);
                if permits.is_empty() {
                    continue;
                }
                let limit = if member.probes.is_empty() { engine.settings.batch } else { permits.len() };
                match round(&engine, member, state, limit).await {
                    Ok(assignments) => {
                        found += assignments.len();
                        for (assignment, permit) in assignments.into_iter().zip(permits) {
                            ask(&engine, member, &pool, assignment, permit);
                        }
                    }
                    Err(error) => {
                        tracing::warn!(%error, partner = %member.manifest.id, "could not look for doubts");
                    }
                }
            }
        }
        let nap = if found > 0 { Duration::from_millis(20) } else { engine.settings.poll };
        tokio::select! {
            biased;
            () = stopping.cancelled() => {}
            () = tokio::time::sleep(nap) => {}
        }
    }
    Ok(())
}

/// Resolves what no probe can tell, and fences what will be asked about.
pub async fn round(
    engine: &Engine,
    member: &Member,
    state: LaneState,
    limit: usize,
) -> Result<Vec<Assignment>, StoreError> {
    let connector = member.manifest.id.clone();
    let scan = Scan::Due { connector: connector.clone(), state, limit };
    // Questions count against the rate, where there is one.
    let rate = member.limits.rate.filter(|_| !member.probes.is_empty());
    let partners = rate.iter().map(|_| connector.clone()).collect();
    let scope = Scope { scan: vec![scan], head_states: true, partners, ..Scope::default() };
    let probes = member.probes.clone();
    let (rules, schedule) = (Arc::clone(&engine.rules), engine.settings.retry.clone());
    let assignments = decide(&*engine.store, scope, move |work| {
        let mut assignments = Vec::new();
        let tat = work.partners.get(&connector).and_then(|p| p.condition.row.tat);
        // A backlog takes every place as it falls free: questions take one on credit, or doubts would stand as long.
        let most = rate.map_or(usize::MAX, |rate| {
            rate.free(tat, work.now).max(usize::from(rate.wait(tat, work.now) <= CREDIT))
        });
        let keys: Vec<_> = work.lanes.keys().filter(|(_, c)| *c == connector).cloned().collect();
        for key in keys {
            let Some(loaded) = work.lanes.get_mut(&key) else { continue };
            let now = work.now;
            let is_due =
                loaded.row.state == state && loaded.row.open.first().is_some_and(|o| o.due_at <= now);
            if !is_due {
                continue;
            }
            let is_asked = loaded.row.open.first().is_some_and(|o| probes.contains(&o.payload.kind()));
            if is_asked && assignments.len() >= most {
                continue;
            }
            let lane = loaded.edit();
            let acknowledged = lane.acknowledged;
            let Some(operation) = lane.open.first_mut() else { continue };
            let kind = operation.payload.kind();
            if is_asked {
                operation.due_at = later(now, ASKING);
                lane.claim += 1;
                let (operation, claim) = (operation.clone(), lane.claim);
                work.touch(operation.id);
                let state = head_state(work, &operation);
                let (key, connector) = key;
                assignments.push(Assignment { connector, key, claim, operation, state, acknowledged });
            } else {
                let settling = rules.settling(&connector);
                let terms =
                    Terms { now, schedule: &schedule, rule: rules.action(&connector, kind), settling };
                resolve_unprobed(operation, &terms);
                let operation = operation.clone();
                work.touch(operation.id);
                follow_up(work, &rules, &operation, None);
            }
        }
        if let (Some(rate), Some(partner)) = (rate, work.partners.get_mut(&connector))
            && !assignments.is_empty()
        {
            let tat = rate.after(tat, work.now, assignments.len());
            partner.condition.edit().tat = Some(tat);
        }
        assignments
    })
    .await?;
    member.work.notify_one();
    Ok(assignments)
}

fn head_state(work: &Work, operation: &crate::operation::Operation) -> Option<HeadState> {
    work.states.get(&(operation.dossier?, operation.version?)).map(Arc::clone).map(HeadState::Stored)
}

fn ask(
    engine: &Arc<Engine>,
    member: &Arc<Member>,
    pool: &Pool,
    assignment: Assignment,
    permit: OwnedSemaphorePermit,
) {
    let (engine, member) = (Arc::clone(engine), Arc::clone(member));
    pool.work(async move {
        let finding = question(&engine, &member, &assignment).await;
        drop(permit);
        let partner = member.manifest.id.to_string();
        metrics::counter!("lienthong_probes_total", "partner" => partner, "finding" => finding.name())
            .increment(1);
        let settlement = Settlement::of(assignment, Settled::Finding(finding));
        if let Some(dispatcher) = engine.dispatcher.get() {
            dispatcher.settle(settlement).await;
        }
    });
}

async fn question(engine: &Engine, member: &Member, assignment: &Assignment) -> Finding {
    let inconclusive = |cause, said: &str| Finding::Inconclusive { cause, said: said.to_owned() };
    let Some(prober) = member.connector.prober() else {
        return inconclusive(Cause::Internal, "nobody to ask");
    };
    let task = match task_of(assignment) {
        Ok(task) => task,
        Err(said) => return inconclusive(Cause::Internal, &said),
    };
    let deadline = engine.deadline(&member.manifest.id, task.payload.kind());
    let call = Call { now: engine.clock.now(), deadline, sessions: engine };
    let asking = AssertUnwindSafe(prober.probe(&task, &call)).catch_unwind();
    match tokio::time::timeout(deadline, asking).await {
        Ok(Ok(finding)) => finding,
        Ok(Err(_)) => inconclusive(Cause::Internal, "the connector panicked"),
        Err(_) => inconclusive(Cause::NoAnswer, "no answer before the deadline"),
    }
}
