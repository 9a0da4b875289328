//! Schedule: durable timers that catch up after downtime and run once across replicas.

use futures_util::future::join_all;
use jiff::SignedDuration;
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    clock::later,
    flow::{
        catalogue, engine::Engine, inbound, index, ledger, pool::Pool, reconcile, replay, retention, sheet,
        statuses,
    },
    id::ConnectorId,
    port::store::{DueTimer, Fence, StoreError},
};

/// When a timer that failed runs again.
const TRY_AGAIN: Duration = Duration::from_mins(1);

/// How often the ledgers' delta rows are folded.
const FOLD_EVERY: Duration = Duration::from_mins(1);

/// How often the ledgers are recounted.
const AUDIT_EVERY: Duration = Duration::from_hours(24);

/// Runs until the pool stops.
pub async fn run(engine: Arc<Engine>, pool: Pool) -> Result<(), String> {
    let stopping = pool.stopping();
    while !stopping.is_cancelled() {
        match due(&engine).await {
            Ok(due) => {
                // Each by itself: a long sweep must not keep the ledgers from being folded.
                for leased in due {
                    let (engine, stopping) = (Arc::clone(&engine), stopping.clone());
                    pool.work(async move {
                        if let Err(error) = run_leased(&engine, &leased, &stopping).await {
                            tracing::warn!(%error, timer = leased.timer.name, "a timer waits for the store");
                        }
                    });
                }
            }
            Err(error) => tracing::warn!(%error, "timers wait for the store"),
        }
        tokio::select! {
            biased;
            () = stopping.cancelled() => {}
            () = tokio::time::sleep(engine.settings.poll) => {}
        }
    }
    Ok(())
}

/// How often it is looked whether the day's sheet is to be kept.
const SHEET_EVERY: Duration = Duration::from_secs(20);

/// How often what is kept for a time only is gone through.
const RETAIN_EVERY: Duration = Duration::from_hours(1);

/// The timers that this installation has, with their periods.
fn timers(engine: &Engine) -> Vec<(String, Duration)> {
    let mut timers = vec![
        ("ledgers".to_owned(), FOLD_EVERY),
        ("ledger-audit".to_owned(), AUDIT_EVERY),
        ("replays".to_owned(), engine.settings.replay_every),
        ("index".to_owned(), engine.settings.index.every),
    ];
    if engine.settings.sheet.at.is_some() {
        timers.push(("sheet".to_owned(), SHEET_EVERY));
    }
    if !engine.settings.retention.kept.is_empty() {
        timers.push(("retention".to_owned(), RETAIN_EVERY));
    }
    for (id, member) in &engine.members {
        if member.connector.inquiries().is_some() {
            timers.push((format!("sweep:{id}"), engine.settings.sweep_every));
        }
        if member.connector.feed().is_some() {
            timers.push((format!("tracking:{id}"), engine.settings.tracking_every));
        }
        if member.connector.look_ups().is_some() {
            timers.push((format!("statuses:{id}"), engine.settings.statuses.tick));
        }
        if member.connector.catalogue().is_some() {
            timers.push((format!("catalogue:{id}"), engine.settings.catalogue_every));
        }
        if member.connector.inbound().is_some() {
            timers.push((format!("files:{id}"), engine.settings.files_every));
        }
    }
    timers
}

/// A timer that this process has leased.
struct Leased {
    timer: DueTimer,
    every: Duration,
    since: Instant,
}

/// Runs what is due, all at once, and waits for it.
pub async fn round(engine: &Arc<Engine>, stopping: &CancellationToken) -> Result<(), StoreError> {
    let due = due(engine).await?;
    join_all(due.iter().map(|leased| run_leased(engine, leased, stopping))).await.into_iter().collect()
}

/// Leases what is due.
async fn due(engine: &Engine) -> Result<Vec<Leased>, StoreError> {
    let timers = timers(engine);
    let now = engine.store.now().await?;
    let known: Vec<_> =
        timers.iter().map(|(name, every)| (name.clone(), later(now, signed(*every)))).collect();
    // The tenure counts from before it was asked for.
    let since = Instant::now();
    let tenure = signed(engine.settings.timer_tenure);
    let due = engine.store.due_timers(&known, &engine.settings.holder, tenure).await?;
    let every =
        |timer: &DueTimer| timers.iter().find(|(name, _)| *name == timer.name).map(|(_, every)| *every);
    Ok(due.into_iter().filter_map(|timer| Some(Leased { every: every(&timer)?, timer, since })).collect())
}

/// How a timer's run ended.
enum Ended {
    Ran(Result<(), StoreError>),
    /// Somebody else may run it now.
    Lost,
    Stopping,
}

/// Runs a timer under its lease and gives it back. Dropping the run is safe: what was asked is stored.
async fn run_leased(
    engine: &Arc<Engine>,
    leased: &Leased,
    stopping: &CancellationToken,
) -> Result<(), StoreError> {
    let Leased { timer: due, every, since } = leased;
    let ended = tokio::select! {
        biased;
        done = run_timer(engine, due) => Ended::Ran(done),
        () = keep(engine, &due.fence, *since) => Ended::Lost,
        () = stopping.cancelled() => Ended::Stopping,
    };
    let next = match ended {
        Ended::Ran(Ok(())) => later(engine.store.now().await?, signed(*every)),
        Ended::Ran(Err(error)) => {
            tracing::warn!(%error, timer = due.name, "a timer could not be run");
            later(engine.store.now().await?, signed((*every).min(TRY_AGAIN)))
        }
        Ended::Lost => {
            tracing::warn!(timer = due.name, "the timer was lost in the middle of its run");
            return Ok(());
        }
        // Due again at once, for another replica or the next start.
        Ended::Stopping => due.planned_at,
    };
    match engine.store.timer_done(&due.fence, next).await {
        Err(StoreError::Fenced(_)) => {
            tracing::warn!(timer = due.name, "took longer than its tenure");
            Ok(())
        }
        other => other,
    }
}

/// Renews a timer's lease for as long as it can be done; ends when the lease is lost or may be.
async fn keep(engine: &Engine, fence: &Fence, mut since: Instant) {
    let tenure = engine.settings.timer_tenure;
    loop {
        tokio::time::sleep(tenure / 3).await;
        let asked = Instant::now();
        let left = tenure.saturating_sub(since.elapsed());
        match tokio::time::timeout(left, engine.store.renew_timer(fence, signed(tenure))).await {
            Ok(Ok(())) => since = asked,
            Ok(Err(StoreError::Fenced(_))) | Err(_) => return,
            // While the tenure lasts nobody else has it.
            Ok(Err(error)) => tracing::debug!(%error, timer = fence.name, "could not be renewed yet"),
        }
    }
}

fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}

async fn run_timer(engine: &Arc<Engine>, due: &DueTimer) -> Result<(), StoreError> {
    let (kind, connector) = due.name.split_once(':').unwrap_or((&due.name, ""));
    let member = ConnectorId::parse(connector).ok().and_then(|id| engine.members.get(&id)).cloned();
    match (kind, member) {
        ("ledgers", _) => engine.store.fold_ledgers().await,
        ("ledger-audit", _) => ledger::audit(engine, None).await.map(drop),
        ("replays", _) => replay::round(engine).await,
        ("retention", _) => retention::round(engine).await,
        ("index", _) => index::refresh(engine).await.map(drop),
        ("sheet", _) => sheet::round(engine).await,
        ("sweep", Some(member)) => reconcile::sweep(engine, &member).await,
        ("tracking", Some(member)) => reconcile::track(engine, &member).await,
        ("files", Some(member)) => inbound::fetch(engine, &member).await,
        ("statuses", Some(member)) => statuses::round(engine, &member).await,
        ("catalogue", Some(member)) => catalogue::round(engine, &member).await,
        _ => Ok(()),
    }
}
