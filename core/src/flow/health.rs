//! Partners' health as it is stored: this process's view of all conditions, what time alone changes (holds, planned
//! maintenance, the ramp), and the trial. Every change is a unit of work that holds the connector's row.

use futures_util::FutureExt;
use jiff::{SignedDuration, Timestamp};
use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

use crate::{
    flow::{
        engine::{Engine, Member},
        pool::Pool,
    },
    id::ConnectorId,
    outcome::Cause,
    policy::{
        calendar::{self, Maintenance},
        health::{CALENDAR, HealthSettings, Hold, Phase},
    },
    port::{
        connector::{Call, CheckFailure, Connector, Sessions},
        store::{ConnectorCondition, StoreError, decide},
        work::{IncidentRecord, Scope, Work},
    },
};

/// How long a trial may take before another replica may make one: longer than its deadline.
const TRIAL_TENURE: SignedDuration = SignedDuration::from_mins(2);

/// The longest deadline of a trial.
const LONGEST_TRIAL: Duration = Duration::from_secs(90);

/// Keeps this process's view of the conditions in step with the store, and tries partners whose time has come. A trial
/// is a task of its own: one that hangs must not delay the news about the other connectors.
pub async fn watch(engine: Arc<Engine>, pool: Pool) -> Result<(), String> {
    let stopping = pool.stopping();
    while !stopping.is_cancelled() {
        match round(&engine).await {
            Ok(due) => {
                for member in due.into_iter().filter(|member| member.begin_trial()) {
                    let (engine, stopping) = (Arc::clone(&engine), stopping.clone());
                    pool.work(async move {
                        if let Err(error) = trial(&engine, &member, &stopping).await {
                            tracing::warn!(%error, partner = %member.manifest.id, "a trial waits for the store");
                        }
                        member.end_trial();
                    });
                }
            }
            Err(error) => tracing::warn!(%error, "conditions wait for the store"),
        }
        tokio::select! {
            biased;
            () = stopping.cancelled() => {}
            () = tokio::time::sleep(engine.settings.poll) => {}
        }
    }
    Ok(())
}

/// One round of [`watch`]: takes over what the store says and does what time alone changes. Answers whose trial is due.
pub async fn round(engine: &Engine) -> Result<Vec<Arc<Member>>, StoreError> {
    let changes: Vec<u64> = engine.members.values().map(|m| m.changes()).collect();
    let asked = tokio::time::Instant::now();
    let conditions = engine.store.conditions().await?;
    let now = engine.store.now().await?;
    let mut due = Vec::new();
    for ((id, member), changes) in engine.members.iter().zip(changes) {
        let stored = conditions.iter().find(|c| c.connector == *id).cloned();
        let mut condition = stored.unwrap_or_else(|| ConnectorCondition::works(id.clone()));
        member.learn(condition.clone(), changes, asked);
        let health = &engine.settings.health;
        if passed(&condition, &member.maintenance, now, health).is_some() {
            let windows = member.maintenance.clone();
            condition = change(engine, member, move |condition, health, now| {
                passed(condition, &windows, now, health).unwrap_or_else(|| condition.clone())
            })
            .await?;
        }
        if condition.hold.is_none() && condition.phase.is_trial_due(now) {
            due.push(Arc::clone(member));
        }
    }
    Ok(due)
}

/// What time alone makes of a condition: a hold ends, a planned window begins, the ramp goes up. `None`: nothing.
fn passed(
    condition: &ConnectorCondition,
    windows: &[Maintenance],
    now: Timestamp,
    health: &HealthSettings,
) -> Option<ConnectorCondition> {
    let mut next = condition.clone();
    if next.hold.as_ref().is_some_and(|hold| hold.until.is_some_and(|until| until <= now)) {
        next.hold = None;
        next.phase = next.phase.held_no_more(now);
    }
    hold_as_planned(&mut next, windows, now);
    if next.hold.is_none() {
        next.phase = next.phase.step_up(now, health);
    }
    (next != *condition).then_some(next)
}

/// Turns a planned window that covers this moment into a hold, unless something holds or it was ended early.
pub(super) fn hold_as_planned(condition: &mut ConnectorCondition, windows: &[Maintenance], now: Timestamp) {
    let planned = calendar::ends(windows, now).filter(|end| condition.planned_until != Some(*end));
    if let (Some(end), None) = (planned, &condition.hold) {
        condition.hold =
            Some(Hold { by: CALENDAR.to_owned(), reason: String::new(), since: now, until: Some(end) });
        condition.planned_until = Some(end);
    }
}

/// Changes a connector's condition under its lock, with its incident, and takes it over in this process.
pub async fn change<F>(engine: &Engine, member: &Member, to: F) -> Result<ConnectorCondition, StoreError>
where
    F: Fn(&ConnectorCondition, &HealthSettings, Timestamp) -> ConnectorCondition + Send + Sync + 'static,
{
    let connector = member.manifest.id.clone();
    let scope = Scope { partners: [connector.clone()].into(), ..Scope::default() };
    let health = engine.settings.health.clone();
    let asked = tokio::time::Instant::now();
    let condition = decide(&*engine.store, scope, move |work| {
        let now = work.now;
        let partner = work.partners.get_mut(&connector)?;
        let next = to(&partner.condition.row, &health, now);
        if next != partner.condition.row {
            let (phase, before) = (next.phase.clone(), partner.condition.row.phase.clone());
            *partner.condition.edit() = ConnectorCondition { phase: before, ..next };
            enter(work, &connector, phase);
        }
        work.partners.get(&connector).map(|p| p.condition.row.clone())
    })
    .await?;
    let condition = condition.unwrap_or_else(|| ConnectorCondition::works(member.manifest.id.clone()));
    member.set(condition.clone(), asked);
    member.work.notify_one();
    Ok(condition)
}

/// Moves a loaded connector to a phase, and opens or closes the incident that goes with it.
pub fn enter(work: &mut Work, connector: &ConnectorId, phase: Phase) {
    let Some(partner) = work.partners.get_mut(connector) else { return };
    if partner.condition.row.phase == phase {
        return;
    }
    let before = std::mem::replace(&mut partner.condition.edit().phase, phase.clone());
    let key = format!("pause:{connector}");
    match (before.trouble(), phase.trouble()) {
        (None, Some(trouble)) => {
            let said = if trouble.said.is_empty() { trouble.cause.code() } else { &trouble.said };
            let (said, connector) = (said.to_owned(), Some(connector.clone()));
            work.opened.push(IncidentRecord { key, connector, said });
        }
        (Some(_), None) => work.close(key),
        (None, None) | (Some(_), Some(_)) => {}
    }
}

/// The trial: one question without effect, by one replica, tells whether the partner is back.
pub async fn trial(engine: &Engine, member: &Member, stopping: &CancellationToken) -> Result<(), StoreError> {
    let id = &member.manifest.id;
    let name = format!("trial:{id}");
    let Some(fence) = engine.store.acquire(&name, &engine.settings.holder, TRIAL_TENURE).await? else {
        return Ok(());
    };
    let asked = tokio::select! {
        biased;
        asked = ask(engine, member) => asked,
        () = stopping.cancelled() => Ok(()),
    };
    engine.store.relinquish(&fence).await?;
    asked
}

async fn ask(engine: &Engine, member: &Member) -> Result<(), StoreError> {
    let id = &member.manifest.id;
    // Another replica may have tried since this one last looked.
    let now = engine.store.now().await?;
    let stored = engine.store.conditions().await?.into_iter().find(|c| c.connector == *id);
    if !stored.is_some_and(|c| c.hold.is_none() && c.phase.is_trial_due(now)) {
        return Ok(());
    }
    turn(engine, member).await?;
    let answer = match check(&*member.connector, engine.clock.now(), engine).await {
        Some(Ok(_)) => Ok(()),
        Some(Err(failure)) => Err(Some((failure.cause, failure.said))),
        None => Err(None),
    };
    tracing::info!(partner = %id, is_back = answer.is_ok(), "the partner was tried");
    let connector = id.clone();
    let scope = Scope { partners: [connector.clone()].into(), ..Scope::default() };
    let health = engine.settings.health.clone();
    let since = tokio::time::Instant::now();
    let condition = decide(&*engine.store, scope, move |work| {
        let now = work.now;
        let partner = work.partners.get(&connector)?;
        let phase = partner.condition.row.phase.clone();
        enter(work, &connector, phase.trial_answered(now, answer.clone(), partner.is_waiting, &health));
        work.partners.get(&connector).map(|p| p.condition.row.clone())
    })
    .await?;
    if let Some(condition) = condition {
        member.set(condition, since);
    }
    member.work.notify_one();
    Ok(())
}

/// Takes a place under the connector's rate, where it has one, for a question that is no operation, and waits for it.
pub async fn turn(engine: &Engine, member: &Member) -> Result<(), StoreError> {
    let Some(rate) = member.limits.rate else { return Ok(()) };
    let connector = member.manifest.id.clone();
    let scope = Scope { partners: [connector.clone()].into(), ..Scope::default() };
    let wait = decide(&*engine.store, scope, move |work| {
        let now = work.now;
        let row = work.partners.get_mut(&connector)?.condition.edit();
        let wait = rate.wait(row.tat, now);
        row.tat = Some(rate.after(row.tat, now, 1));
        Duration::try_from(wait).ok()
    })
    .await?;
    tokio::time::sleep(wait.unwrap_or_default()).await;
    Ok(())
}

/// Asks a partner the question without effect. `None`: no answer in time.
pub async fn check(
    connector: &dyn Connector,
    now: Timestamp,
    sessions: &dyn Sessions,
) -> Option<Result<String, CheckFailure>> {
    let longest = connector.manifest().actions.values().max().copied().unwrap_or(Duration::from_secs(30));
    let deadline = longest.min(LONGEST_TRIAL);
    let call = Call { now, deadline, sessions };
    let check = AssertUnwindSafe(connector.check(&call)).catch_unwind();
    let answer = tokio::time::timeout(deadline, check).await.ok()?;
    Some(answer.unwrap_or_else(|_| {
        Err(CheckFailure { cause: Cause::Internal, said: "the connector panicked".to_owned() })
    }))
}
