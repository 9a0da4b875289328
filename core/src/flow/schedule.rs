//! Schedule: durable timers that catch up after downtime and run once across replicas; and the test of paused
//! connectors.

use futures_util::FutureExt;
use jiff::SignedDuration;
use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use crate::{
    clock::later,
    flow::{
        engine::{Engine, Member},
        pool::Pool,
        reconcile,
    },
    id::ConnectorId,
    outcome::Cause,
    port::{
        connector::{Call, CheckFailure},
        store::{ConnectorCondition, DueTimer, StoreError},
    },
};

/// A timer's run has to end within this, or another replica takes it over.
const TENURE: SignedDuration = SignedDuration::from_mins(10);

/// When a timer that failed runs again.
const TRY_AGAIN: Duration = Duration::from_mins(1);

/// How often the ledgers' delta rows are folded.
const FOLD_EVERY: Duration = Duration::from_mins(1);

/// Runs until the pool stops.
pub async fn run(engine: Arc<Engine>, pool: Pool) -> Result<(), String> {
    let stopping = pool.stopping();
    while !stopping.is_cancelled() {
        // A sweep may take long; dropping it at a stop is safe: what was asked is stored, its timer's lease runs out.
        let done = tokio::select! {
            biased;
            () = stopping.cancelled() => return Ok(()),
            done = round(&engine) => done,
        };
        if let Err(error) = done {
            tracing::warn!(%error, "timers wait for the store");
        }
        tokio::select! {
            biased;
            () = stopping.cancelled() => {}
            () = tokio::time::sleep(engine.settings.poll) => {}
        }
    }
    Ok(())
}

/// The timers that this installation has, with their periods.
fn timers(engine: &Engine) -> Vec<(String, Duration)> {
    let mut timers = vec![("ledgers".to_owned(), FOLD_EVERY)];
    for (id, member) in &engine.members {
        if member.connector.inquiries().is_some() {
            timers.push((format!("sweep:{id}"), engine.settings.sweep_every));
        }
        if member.connector.feed().is_some() {
            timers.push((format!("tracking:{id}"), engine.settings.tracking_every));
        }
    }
    timers
}

/// Runs what is due.
pub async fn round(engine: &Arc<Engine>) -> Result<(), StoreError> {
    let timers = timers(engine);
    let now = engine.store.now().await?;
    let known: Vec<_> =
        timers.iter().map(|(name, every)| (name.clone(), later(now, signed(*every)))).collect();
    for due in engine.store.due_timers(&known, &engine.settings.holder, TENURE).await? {
        let Some((_, every)) = timers.iter().find(|(name, _)| *name == due.name) else { continue };
        // One that fails is tried again soon; the others are due all the same.
        let every = match run_timer(engine, &due).await {
            Ok(()) => *every,
            Err(error) => {
                tracing::warn!(%error, timer = due.name, "a timer could not be run");
                (*every).min(TRY_AGAIN)
            }
        };
        let next = later(engine.store.now().await?, signed(every));
        match engine.store.timer_done(&due.fence, next).await {
            Ok(()) => {}
            Err(StoreError::Fenced(_)) => tracing::warn!(timer = due.name, "took longer than its tenure"),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}

async fn run_timer(engine: &Arc<Engine>, due: &DueTimer) -> Result<(), StoreError> {
    let (kind, connector) = due.name.split_once(':').unwrap_or((&due.name, ""));
    let member = ConnectorId::parse(connector).ok().and_then(|id| engine.members.get(&id)).cloned();
    match (kind, member) {
        ("ledgers", _) => engine.store.fold_ledgers().await,
        ("sweep", Some(member)) => reconcile::sweep(engine, &member).await,
        ("tracking", Some(member)) => reconcile::track(engine, &member).await,
        _ => Ok(()),
    }
}

/// Keeps this process's view of paused connectors in step with the store, and tests those whose time has come.
pub async fn watch_conditions(engine: Arc<Engine>, pool: Pool) -> Result<(), String> {
    let stopping = pool.stopping();
    while !stopping.is_cancelled() {
        let done = tokio::select! {
            biased;
            () = stopping.cancelled() => return Ok(()),
            done = conditions_round(&engine) => done,
        };
        if let Err(error) = done {
            tracing::warn!(%error, "conditions wait for the store");
        }
        tokio::select! {
            biased;
            () = stopping.cancelled() => {}
            () = tokio::time::sleep(engine.settings.poll) => {}
        }
    }
    Ok(())
}

/// One round of [`watch_conditions`].
pub async fn conditions_round(engine: &Arc<Engine>) -> Result<(), StoreError> {
    let changes: Vec<u64> = engine.members.values().map(|m| m.changes()).collect();
    let conditions = engine.store.conditions().await?;
    let now = engine.store.now().await?;
    let mut trials = Vec::new();
    for ((id, member), changes) in engine.members.iter().zip(changes) {
        let condition = conditions.iter().find(|c| c.connector == *id && c.paused_since.is_some()).cloned();
        member.learn(condition.clone(), changes);
        if let Some(condition) = condition
            && condition.test_at.is_none_or(|at| at <= now)
        {
            trials.push(test(engine, member, condition));
        }
    }
    // At once: a partner that lets its trial wait must not keep the others paused.
    futures_util::future::join_all(trials).await.into_iter().collect()
}

/// The trial: one question without effect, by one replica, tells whether the partner is back.
async fn test(
    engine: &Arc<Engine>,
    member: &Arc<Member>,
    condition: ConnectorCondition,
) -> Result<(), StoreError> {
    let name = format!("trial:{}", condition.connector);
    let tenure = SignedDuration::from_mins(2);
    let Some(fence) = engine.store.acquire(&name, &engine.settings.holder, tenure).await? else {
        return Ok(());
    };
    let longest = member.manifest.actions.values().max().copied().unwrap_or(Duration::from_secs(30));
    let deadline = longest.min(Duration::from_secs(90));
    let call = Call { now: engine.clock.now(), deadline, sessions: &**engine };
    let check = AssertUnwindSafe(member.connector.check(&call)).catch_unwind();
    let answer = match tokio::time::timeout(deadline, check).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(_)) => Ok(Err(CheckFailure { cause: Cause::Internal, said: "the connector panicked".into() })),
        Err(late) => Err(late),
    };
    let now = engine.store.now().await?;
    let next = match answer {
        Ok(Ok(_)) => {
            tracing::info!(partner = %condition.connector, "the partner is back");
            ConnectorCondition { paused_since: None, cause: None, said: None, test_at: None, ..condition }
        }
        Ok(Err(failure)) => ConnectorCondition {
            cause: Some(failure.cause.code().to_owned()),
            said: Some(failure.said),
            test_at: Some(later(now, signed(engine.settings.test_every))),
            ..condition
        },
        Err(_) => {
            ConnectorCondition { test_at: Some(later(now, signed(engine.settings.test_every))), ..condition }
        }
    };
    engine.store.set_condition(&next).await?;
    member.set_paused(next.paused_since.map(|_| next.clone()));
    member.work.notify_one();
    engine.store.relinquish(&fence).await
}
