//! What a person may do about a partner, on record: hold it, release it, try it now.

use jiff::Timestamp;
use std::sync::Arc;

use crate::{
    flow::{
        engine::Engine,
        health::{enter, hold_as_planned},
        operator::Deed,
    },
    id::ConnectorId,
    policy::health::{CALENDAR, Hold, Phase},
    port::{
        store::{StoreError, decide},
        work::{Scope, Work},
    },
};

/// Sends nothing to a partner from now on, until a moment or until it is released. Whoever holds a held one replaces
/// the hold. A reason is needed.
pub async fn hold(
    engine: &Arc<Engine>,
    connector: &ConnectorId,
    actor: &str,
    reason: &str,
    until: Option<Timestamp>,
) -> Result<Deed, StoreError> {
    if reason.trim().is_empty() {
        return Ok(Deed::NotAllowed("reason_missing".into()));
    }
    let (by, why) = (actor.to_owned(), reason.to_owned());
    act(engine, connector, actor, format!("partner.hold: {reason}"), move |work, connector| {
        let now = work.now;
        if until.is_some_and(|until| until <= now) {
            return Deed::NotAllowed("until_past".into());
        }
        let Some(partner) = work.partners.get_mut(connector) else { return Deed::NotFound };
        let since = partner.condition.row.hold.as_ref().map_or(now, |hold| hold.since);
        let hold = Hold { by: by.clone(), reason: why.clone(), since, until };
        let condition = partner.condition.edit();
        if condition.hold.as_ref().is_some_and(|hold| hold.by == CALENDAR) {
            // What is left of the planned window holds again afterwards.
            condition.planned_until = None;
        }
        condition.hold = Some(hold);
        Deed::Done
    })
    .await
}

/// Ends a hold, planned maintenance too. The partner comes back gently: half-open, then the ramp. A person's hold within
/// planned maintenance gives way to what is left of that.
pub async fn release(
    engine: &Arc<Engine>,
    connector: &ConnectorId,
    actor: &str,
    reason: &str,
) -> Result<Deed, StoreError> {
    if reason.trim().is_empty() {
        return Ok(Deed::NotAllowed("reason_missing".into()));
    }
    let windows = engine.members.get(connector).map(|member| member.maintenance.clone()).unwrap_or_default();
    act(engine, connector, actor, format!("partner.release: {reason}"), move |work, connector| {
        let now = work.now;
        let Some(partner) = work.partners.get_mut(connector) else { return Deed::NotFound };
        if partner.condition.row.hold.is_none() {
            return Deed::NotAllowed("not_held".into());
        }
        let condition = partner.condition.edit();
        condition.hold = None;
        // At once: the next look at the calendar would be too late for what is claimed before it.
        hold_as_planned(condition, &windows, now);
        let phase = partner.condition.row.phase.clone().held_no_more(now);
        enter(work, connector, phase);
        Deed::Done
    })
    .await
}

/// Makes the trial of an open connector due now.
pub async fn try_now(engine: &Arc<Engine>, connector: &ConnectorId, actor: &str) -> Result<Deed, StoreError> {
    act(engine, connector, actor, "partner.trial".to_owned(), move |work, connector| {
        let now = work.now;
        let Some(partner) = work.partners.get(connector) else { return Deed::NotFound };
        if partner.condition.row.hold.is_some() {
            return Deed::NotAllowed("held".into());
        }
        let phase = partner.condition.row.phase.clone();
        if !matches!(phase, Phase::Open { .. }) {
            return Deed::NotAllowed("not_open".into());
        }
        enter(work, connector, phase.try_now(now));
        Deed::Done
    })
    .await
}

async fn act(
    engine: &Arc<Engine>,
    connector: &ConnectorId,
    actor: &str,
    deed: String,
    change: impl Fn(&mut Work, &ConnectorId) -> Deed + Send + Sync + 'static,
) -> Result<Deed, StoreError> {
    let Some(member) = engine.members.get(connector) else { return Ok(Deed::NotFound) };
    let scope = Scope { partners: [connector.clone()].into(), ..Scope::default() };
    let (id, actor) = (connector.clone(), actor.to_owned());
    let asked = tokio::time::Instant::now();
    let (done, condition) = decide(&*engine.store, scope, move |work| {
        let done = change(work, &id);
        if done == Deed::Done {
            work.audit.push((actor.clone(), deed.clone(), id.to_string()));
        }
        (done, work.partners.get(&id).map(|p| p.condition.row.clone()))
    })
    .await?;
    if let Some(condition) = condition {
        member.set(condition, asked);
    }
    engine.wake();
    Ok(done)
}
