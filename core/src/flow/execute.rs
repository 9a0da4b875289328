//! Execute: permit, claim, check the lease, attempt with a deadline, settle. A loop per connector claims; every attempt
//! is a task of its own; one task settles whatever is finished, in batches, two at a time.

use futures_util::{FutureExt, StreamExt, stream::FuturesUnordered};
use jiff::SignedDuration;
use std::{collections::BTreeSet, panic::AssertUnwindSafe, sync::Arc, time::Duration};
use tokio::{
    sync::{OwnedSemaphorePermit, mpsc},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use crate::{
    flow::{
        engine::{Engine, Member},
        in_hand::Claim,
        pool::Pool,
        settle::{self, Assignment, HeadState, Seen, Settled, Settlement, Share},
    },
    id::ConnectorId,
    lane::LaneState,
    outcome::{Cause, Outcome},
    policy::{
        action::Repeat,
        health::{Sign, sign},
    },
    port::{
        connector::{Call, Task},
        store::{ConnectorCondition, StoreError, decide},
        work::{Scan, Scope},
    },
};

/// So many units of work record outcomes at the same time, unless there are many to record: then they cost less together.
const SETTLE_AT_ONCE: usize = 2;
/// So many outcomes are many.
const MANY: usize = 16;

/// Runs assignments: attempts in tasks of their own, settlements in batches.
#[derive(Debug, Clone)]
pub struct Dispatcher {
    pool: Pool,
    settler: mpsc::Sender<Finished>,
}

/// How an assignment was claimed.
#[derive(Debug, Clone, Copy)]
pub struct Claimed {
    /// From when its lease counts.
    pub at: Instant,
    /// Without a look at what all processes have with the partner: it worked.
    pub freely: bool,
}

/// A settlement on its way, with what it frees.
pub struct Finished {
    settlement: Settlement,
    /// The turn, unless it passed on with the partner's answer: where a second time could be a second effect no more can be
    /// in doubt than are with the partner.
    permit: Option<OwnedSemaphorePermit>,
    place: Option<OwnedSemaphorePermit>,
}

impl Dispatcher {
    /// Runs an assignment when its turn comes. The place is free again once the outcome is stored.
    pub fn perform(
        &self,
        engine: &Arc<Engine>,
        assignment: Assignment,
        place: OwnedSemaphorePermit,
        claim: Claimed,
    ) {
        let (engine, settler) = (Arc::clone(engine), self.settler.clone());
        let stopping = self.pool.stopping();
        engine.in_hand.take(claim_of(&assignment));
        self.pool.work(async move {
            let (result, seen, permit) = attempt(&engine, &assignment, claim, &stopping).await;
            let action = engine.rules.action(&assignment.connector, assignment.operation.payload.kind());
            let goes_ahead = engine.members.get(&assignment.connector).is_some_and(|m| m.goes_ahead);
            let could_double = matches!(action.repeat, Repeat::ByteForByte | Repeat::Dangerous);
            let permit = permit.filter(|_| could_double || !goes_ahead);
            let settlement = Settlement { assignment, result, seen };
            // The settler lives as long as the pool; without it the lease runs out and the operation is doubtful.
            if settler.send(Finished { settlement, place: Some(place), permit }).await.is_err() {
                tracing::warn!("an outcome could not be settled: the process is stopping");
            }
        });
    }

    /// Whether nothing new may be begun.
    pub fn is_stopping(&self) -> bool {
        self.pool.stopping().is_cancelled()
    }

    /// Settles something that needed no attempt.
    pub async fn settle(&self, settlement: Settlement) {
        if self.settler.send(Finished { settlement, place: None, permit: None }).await.is_err() {
            tracing::warn!("a finding could not be settled: the process is stopping");
        }
    }
}

/// Starts the execute role in this process.
pub fn start(engine: &Arc<Engine>, pool: &Pool) {
    let (settler, finished) = mpsc::channel(1024);
    let dispatcher = Dispatcher { pool: pool.clone(), settler };
    if engine.dispatcher.set(dispatcher.clone()).is_err() {
        return;
    }
    pool.spawn("settle", settle_loop(Arc::clone(engine), pool.clone(), finished));
    for member in engine.members.values() {
        pool.spawn(
            "execute",
            execute_loop(Arc::clone(engine), Arc::clone(member), pool.clone(), dispatcher.clone()),
        );
    }
    pool.spawn("leases", lease_loop(Arc::clone(engine), pool.clone()));
}

/// The task of a connector, built from an assignment.
pub fn task_of(assignment: &Assignment) -> Result<Task, String> {
    let operation = &assignment.operation;
    let dossier = match &assignment.state {
        Some(HeadState::Stored(text)) => {
            Some(Arc::new(serde_json::from_str(text).map_err(|e| e.to_string())?))
        }
        Some(HeadState::Fresh(state)) => Some(Arc::clone(state)),
        None => None,
    };
    Ok(Task {
        operation: operation.id,
        payload: Arc::clone(&operation.payload),
        subject: operation.subject.clone(),
        dossier,
        acknowledged: assignment.acknowledged,
        begun: operation.begun,
        doubted: operation.doubted,
        attempt: operation.attempt.as_ref().map_or(1, |a| a.number),
    })
}

async fn attempt(
    engine: &Arc<Engine>,
    assignment: &Assignment,
    claim: Claimed,
    stopping: &CancellationToken,
) -> (Settled, Seen, Option<OwnedSemaphorePermit>) {
    let given_back = || (Settled::GivenBack, Seen::default(), None);
    let Some(member) = engine.members.get(&assignment.connector) else { return given_back() };
    let permit = tokio::select! {
        biased;
        mut permits = member.permits.take(1) => permits.pop(),
        () = stopping.cancelled() => return given_back(),
    };
    let kind = assignment.operation.payload.kind();
    let deadline = engine.deadline(&assignment.connector, kind);
    let lease = Duration::try_from(engine.lease(&assignment.connector)).unwrap_or_default();
    // Immediately before the first byte: what is left of the lease must cover the whole attempt and the margin.
    if lease.saturating_sub(claim.at.elapsed()) < deadline + engine.settings.lease_margin
        || !member.may_go(claim.freely)
    {
        return given_back();
    }
    let task = match task_of(assignment) {
        Ok(task) => task,
        Err(said) => {
            let outcome = Outcome::refused(Cause::Internal, "state", said);
            return (Settled::Outcome(outcome), Seen::default(), permit);
        }
    };
    let call = Call { now: engine.clock.now(), deadline, sessions: &**engine };
    let began = Instant::now();
    let work = AssertUnwindSafe(member.connector.attempt(&task, &call)).catch_unwind();
    // Only a partner call is cut off here, never a transaction.
    let outcome = match tokio::time::timeout(deadline, work).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) => Outcome::unclear(Cause::Internal, "the connector panicked"),
        Err(_) => Outcome::unclear(Cause::NoAnswer, "no answer before the deadline"),
    };
    record(&assignment.connector, kind.name(), &outcome, began.elapsed());
    let sign = sign(&outcome);
    if sign == Sign::Answer {
        member.took(began.elapsed());
    }
    let alarm = member.note(&sign, engine.clock.now(), &engine.settings.health);
    (Settled::Outcome(outcome), Seen { alarm, mean: member.mean() }, permit)
}

fn record(connector: &ConnectorId, action: &'static str, outcome: &Outcome, took: Duration) {
    let partner = connector.to_string();
    metrics::counter!("lienthong_operations_total", "partner" => partner.clone(), "action" => action, "outcome" => outcome.name())
        .increment(1);
    metrics::histogram!("lienthong_partner_seconds", "partner" => partner, "action" => action)
        .record(took.as_secs_f64());
}

/// What a round of a loop did.
enum Round {
    /// As much as there were places for, or less.
    Worked {
        is_full: bool,
    },
    Idle,
    /// More may wait, and must not go for so long, unless an outcome makes room.
    Bounded(Duration),
    Paused,
}

async fn execute_loop(
    engine: Arc<Engine>,
    member: Arc<Member>,
    pool: Pool,
    dispatcher: Dispatcher,
) -> Result<(), String> {
    let stopping = pool.stopping();
    let batch = engine.settings.batch;
    let mut is_backlog = false;
    while !stopping.is_cancelled() {
        let places = async {
            if is_backlog {
                // Not for ever: there may be fewer places by now than are waited for.
                let share = member.places.wait_for(member.share(batch));
                tokio::time::timeout(engine.settings.poll, share).await.ok();
            }
            member.places.take(batch).await
        };
        let places = tokio::select! {
            biased;
            () = stopping.cancelled() => return Ok(()),
            places = places => places,
        };
        let round = claim_round(&engine, &member, &dispatcher, places).await;
        is_backlog = matches!(round, Ok(Round::Worked { is_full: true }));
        let nap = match round {
            Ok(Round::Worked { .. }) => continue,
            Ok(Round::Idle) => nap(&engine, &member).await,
            Ok(Round::Bounded(wait)) => wait,
            Ok(Round::Paused) => engine.settings.poll,
            Err(error) => {
                tracing::warn!(%error, partner = %member.manifest.id, "could not claim");
                engine.settings.poll
            }
        };
        tokio::select! {
            biased;
            () = stopping.cancelled() => return Ok(()),
            () = member.work.notified() => {}
            () = tokio::time::sleep(nap) => {}
        }
    }
    Ok(())
}

async fn claim_round(
    engine: &Arc<Engine>,
    member: &Member,
    dispatcher: &Dispatcher,
    places: Vec<OwnedSemaphorePermit>,
) -> Result<Round, StoreError> {
    if member.is_shut() {
        return Ok(Round::Paused);
    }
    let connector = member.manifest.id.clone();
    let is_free = member.is_free(&engine.settings.health);
    // On its way back, or where all share a limit, nothing is claimed before its turn.
    let limit = if is_free { places.len() } else { places.len().min(member.permits.free()) };
    if limit == 0 {
        return Ok(Round::Bounded(engine.settings.poll));
    }
    let scan = Scan::Due { connector: connector.clone(), state: LaneState::Ready, limit };
    // Where something holds for all processes, or may, claims go by the connector's row, one process at a time.
    let partners = (!is_free).then(|| connector.clone()).into_iter().collect();
    let scope = Scope { scan: vec![scan], head_states: true, partners, ..Scope::default() };
    let (holder, lease) = (engine.settings.holder.clone(), engine.lease(&connector));
    let (limits, health) = (member.limits.clone(), engine.settings.health.clone());
    let claimed_at = Instant::now();
    let _claiming = engine.in_hand.claiming().await;
    let claimed = decide(&*engine.store, scope, move |work| {
        if is_free {
            let assignments = settle::claim(work, &connector, limit, &holder, lease, |_| true);
            let wait = SignedDuration::ZERO;
            return Share { assignments, is_bounded: false, wait, condition: None };
        }
        settle::claim_within(work, &connector, (&limits, &health), limit, &holder, lease)
    })
    .await;
    if let Err(StoreError::Unavailable(_)) = &claimed {
        engine.claims_may_be_lost();
    }
    let Share { assignments, is_bounded, wait, condition } = claimed?;
    if let Some(condition) = condition {
        member.set(condition, claimed_at);
    }
    if assignments.is_empty() {
        let poll = engine.settings.poll;
        let wait = Duration::try_from(wait).ok().filter(|wait| !wait.is_zero());
        return Ok(if is_bounded { Round::Bounded(wait.unwrap_or(poll).min(poll)) } else { Round::Idle });
    }
    let is_full = assignments.len() == limit;
    for (assignment, place) in assignments.into_iter().zip(places) {
        dispatcher.perform(engine, assignment, place, Claimed { at: claimed_at, freely: is_free });
    }
    Ok(Round::Worked { is_full })
}

/// Until the next lane falls due, at most a poll.
async fn nap(engine: &Engine, member: &Member) -> Duration {
    let next = engine.store.next_due(&member.manifest.id, LaneState::Ready).await;
    let Ok(Some(due)) = next else { return engine.settings.poll };
    let wait =
        Duration::try_from(due.duration_since(engine.clock.now())).unwrap_or(Duration::from_millis(10));
    wait.max(Duration::from_millis(10)).min(engine.settings.poll)
}

async fn settle_loop(
    engine: Arc<Engine>,
    pool: Pool,
    mut finished: mpsc::Receiver<Finished>,
) -> Result<(), String> {
    let stopping = pool.stopping();
    let most = engine.settings.batch * 2;
    let mut settling = FuturesUnordered::new();
    let mut under_way = 0;
    loop {
        let mut batch: Vec<Finished> = Vec::new();
        let may_begin = settling.len() < SETTLE_AT_ONCE && under_way < MANY;
        let got = tokio::select! {
            biased;
            Some(settled) = settling.next() => {
                under_way -= settled;
                continue;
            }
            got = finished.recv_many(&mut batch, most), if may_begin => got,
            // At a soft stop the attempts that still run are settled; the loop ends when no task can send any more.
            () = drained(&stopping, &engine), if may_begin => 0,
        };
        if got == 0 {
            while settling.next().await.is_some() {}
            return Ok(());
        }
        under_way += got;
        settling.push(settle_batch(&engine, batch).map(move |()| got));
    }
}

/// Ends once the process is stopping and no place is taken: no attempt runs any more.
async fn drained(stopping: &CancellationToken, engine: &Engine) {
    stopping.cancelled().await;
    for member in engine.members.values() {
        member.keep_places();
        let mut held = Vec::new();
        while held.len() < member.places.limit() {
            // Again and again: their number may still fall by one that came back in this very moment.
            let more = member.places.take(member.places.limit());
            if let Ok(more) = tokio::time::timeout(engine.settings.poll, more).await {
                if more.is_empty() {
                    break;
                }
                held.extend(more);
            }
        }
    }
}

async fn settle_batch(engine: &Arc<Engine>, batch: Vec<Finished>) {
    // The turn first: whoever waits for a place then finds it.
    let freed = |f: Finished| (f.settlement, (f.permit, f.place));
    let (settlements, freed): (Vec<_>, Vec<_>) = batch.into_iter().map(freed).unzip();
    let alarmed = settlements.iter().filter(|s| s.seen.alarm.is_some());
    let alarmed: Vec<_> = alarmed.map(|s| s.assignment.connector.clone()).collect();
    keep_outcomes(engine, Arc::new(settlements)).await;
    for member in alarmed.iter().filter_map(|connector| engine.members.get(connector)) {
        member.heard();
        member.work.notify_one();
    }
    drop(freed);
}

/// Stores outcomes, for as long as it takes: the lease turns the operations doubtful if it takes too long. One that the
/// store refuses is told as a doubt.
async fn keep_outcomes(engine: &Arc<Engine>, settlements: Arc<Vec<Settlement>>) {
    let mut wait = Duration::from_millis(50);
    loop {
        let (rules, schedule) = (Arc::clone(&engine.rules), engine.settings.retry.clone());
        let health = engine.settings.health.clone();
        let scope = Scope { partners: concerned(engine, &settlements), ..settle::scope(&settlements) };
        let inside = Arc::clone(&settlements);
        let asked = Instant::now();
        let settled = decide(&*engine.store, scope, move |work| {
            let settled = settle::settle(work, &rules, &schedule, &health, &inside);
            let conditions: Vec<_> = work.partners.values().map(|p| p.condition.row.clone()).collect();
            (settled, conditions, settle::leaves_work(work))
        })
        .await;
        let settled = settled.map(|(settled, conditions, leaves_work)| {
            take_over(engine, conditions, asked);
            engine.told.notify_one();
            if leaves_work || makes_room(engine, &settlements) {
                engine.wake();
            }
            settled
        });
        let result = match settled {
            Err(StoreError::Rejected(said)) if settlements.len() > 1 => {
                // One of them cannot be stored: each alone, so that the others are not held up.
                tracing::error!(%said, "the store refused a batch of outcomes; settling one by one");
                for settlement in settlements.iter() {
                    Box::pin(keep_outcomes(engine, Arc::new(vec![settlement.clone()]))).await;
                }
                return;
            }
            Err(StoreError::Rejected(said)) => {
                tracing::error!(%said, "the store refused an outcome; the operation is doubtful");
                let interrupted = interrupt_claims(engine, &settlements).await.map(|_| 0);
                engine.wake();
                interrupted
            }
            other => other.map(|ours| ours.iter().filter(|is_ours| !**is_ours).count()),
        };
        match result {
            Ok(lost) => {
                for settlement in settlements.iter() {
                    engine.in_hand.release(claim_of(&settlement.assignment));
                }
                if lost > 0 {
                    tracing::warn!(lost, "outcomes came after their lane had been taken over");
                    metrics::counter!("lienthong_leases_lost_total").increment(lost as u64);
                }
                return;
            }
            Err(StoreError::Rejected(said)) => {
                // It stays in hand: it was sent, and must not be given back as unsent.
                tracing::error!(%said, "the store refused a doubt as well; the lease has to run out");
                return;
            }
            Err(error) => {
                tracing::warn!(%error, "outcomes wait for the store");
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(Duration::from_secs(5));
            }
        }
    }
}

/// The partners whose condition counts for these outcomes, or may change by them: those on their way back, and those that
/// had a setback. Successes at a partner that works ask for no row.
fn concerned(engine: &Engine, settlements: &[Settlement]) -> BTreeSet<ConnectorId> {
    let health = &engine.settings.health;
    let is_concerned = |settlement: &&Settlement| {
        let Settled::Outcome(outcome) = &settlement.result else { return false };
        let member = engine.members.get(&settlement.assignment.connector);
        let is_plain = member.is_some_and(|m| m.condition().is_plain() && m.is_up_to_date(health));
        !is_plain || matches!(sign(outcome), Sign::Setback(_) | Sign::Down(_))
    };
    settlements.iter().filter(is_concerned).map(|s| s.assignment.connector.clone()).collect()
}

/// Whether what is settled makes room for others where the store counts what is with the partner.
fn makes_room(engine: &Engine, settlements: &[Settlement]) -> bool {
    let health = &engine.settings.health;
    let members = settlements.iter().filter_map(|s| engine.members.get(&s.assignment.connector));
    members.into_iter().any(|member| !member.is_free(health))
}

fn take_over(engine: &Engine, conditions: Vec<ConnectorCondition>, asked: Instant) {
    for condition in conditions {
        let Some(member) = engine.members.get(&condition.connector) else { continue };
        let before = member.condition().phase;
        if before.name() != condition.phase.name() {
            let (partner, phase) = (&condition.connector, condition.phase.name());
            let trouble = condition.phase.trouble();
            let (cause, said) = trouble.map_or(("", ""), |t| (t.cause.code(), t.said.as_str()));
            tracing::warn!(%partner, phase, cause, said, "the partner's condition changed");
        }
        member.set(condition, asked);
    }
}

fn claim_of(assignment: &Assignment) -> Claim {
    (assignment.operation.id, assignment.claim)
}

/// Turns heads whose lease ran out doubtful: their process died or stalled during the attempt.
async fn lease_loop(engine: Arc<Engine>, pool: Pool) -> Result<(), String> {
    let stopping = pool.stopping();
    while !stopping.is_cancelled() {
        match expire(&engine).await {
            Ok(0) => {}
            Ok(expired) => tracing::warn!(expired, "leases ran out; their operations are doubtful"),
            Err(error) => tracing::warn!(%error, "could not look for expired leases"),
        }
        if engine.in_hand.is_in_doubt() {
            match reclaim(&engine).await {
                Ok(0) => {}
                Ok(unsent) => {
                    tracing::info!(unsent, "claims whose answer was lost were given back unsent");
                    engine.wake();
                }
                Err(error) => tracing::warn!(%error, "could not look for claims whose answer was lost"),
            }
        }
        tokio::select! {
            biased;
            () = stopping.cancelled() => {}
            () = tokio::time::sleep(engine.settings.poll.max(Duration::from_millis(200))) => {}
        }
    }
    Ok(())
}

/// One round of `lease_loop`.
pub async fn expire(engine: &Engine) -> Result<usize, StoreError> {
    let scan = Scan::LeaseExpired { limit: engine.settings.batch };
    let scope = Scope { scan: vec![scan], ..Scope::default() };
    let (rules, schedule) = (Arc::clone(&engine.rules), engine.settings.retry.clone());
    decide(&*engine.store, scope, move |work| {
        let now = work.now;
        settle::interrupt(work, &rules, &schedule, |lane| lane.lease.as_ref().is_none_or(|l| l.until < now))
    })
    .await
}

/// Turns attempts doubtful whose outcomes cannot be stored.
async fn interrupt_claims(engine: &Engine, settlements: &Arc<Vec<Settlement>>) -> Result<usize, StoreError> {
    let (rules, schedule) = (Arc::clone(&engine.rules), engine.settings.retry.clone());
    let claims: BTreeSet<Claim> = settlements.iter().map(|s| claim_of(&s.assignment)).collect();
    decide(&*engine.store, settle::scope(settlements), move |work| {
        settle::interrupt(work, &rules, &schedule, |lane| {
            lane.held_claim().is_some_and(|c| claims.contains(&c))
        })
    })
    .await
}

/// Gives back what a transaction whose answer was lost had claimed for this process: it is not in hand, so nobody sent
/// it or ever will.
pub async fn reclaim(engine: &Engine) -> Result<usize, StoreError> {
    let Some(_nobody_claims) = engine.in_hand.nobody_claims().await else { return Ok(0) };
    let in_hand = engine.in_hand.all();
    let holder = engine.settings.holder.clone();
    let scan = Scan::HeldBy { holder: holder.clone(), limit: engine.settings.batch + in_hand.len() };
    let scope = Scope { scan: vec![scan], ..Scope::default() };
    decide(&*engine.store, scope, move |work| {
        settle::give_back_unsent(work, |lane| {
            lane.lease.as_ref().is_some_and(|l| l.holder == holder)
                && lane.held_claim().is_some_and(|claim| !in_hand.contains(&claim))
        })
    })
    .await
}
