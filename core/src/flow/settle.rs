//! Settling: what an attempt's outcome, a probe's finding or an expired lease does, in one transaction with everything
//! that depends on it: the lane, payment and parcel records, out-events, incidents, the ledger.

use serde_json::{Value, json};
use std::{collections::HashMap, sync::Arc};

use crate::{
    dossier::DossierState,
    finding::Finding,
    flow::health::enter,
    id::{ConnectorId, LaneKey, RowId},
    lane::{Lane, LaneState},
    operation::{ActionKind, Attempt, Operation, OperationState, Payload},
    outcome::{Cause, Outcome, Proof, Setback},
    parcel::ParcelState,
    payment::{PaymentState, ReferenceState},
    plan::{out, queue::end_waiting, rules::Rules},
    policy::{
        allowance::Limits,
        backoff::Schedule,
        decide::{self, Terms},
        health::{Alarm, HealthSettings, Phase, is_spared, sign},
    },
    port::{
        store::ConnectorCondition,
        work::{Scope, Work},
    },
};

/// How often something that exists is asked about while the installation is fenced.
const ASK_AGAIN: jiff::SignedDuration = jiff::SignedDuration::from_secs(60);

/// An operation that this process may bring to its partner (or ask about), under a lease.
#[derive(Debug, Clone)]
pub struct Assignment {
    /// The lane.
    pub connector: ConnectorId,
    /// The lane's key.
    pub key: LaneKey,
    /// The fence.
    pub claim: i64,
    /// The operation as claimed.
    pub operation: Operation,
    /// The dossier's state at the operation's version.
    pub state: Option<HeadState>,
    /// Whether the partner has acknowledged a full state.
    pub acknowledged: bool,
}

/// A dossier's state, as it is at hand.
#[derive(Debug, Clone)]
pub enum HeadState {
    /// As the store keeps it, JSON.
    Stored(Arc<str>),
    /// As the event has just made it.
    Fresh(Arc<DossierState>),
}

/// States by (dossier, version).
type States = HashMap<(RowId, i64), HeadState>;

/// What is to be settled.
#[derive(Debug, Clone)]
pub struct Settlement {
    /// What was assigned.
    pub assignment: Assignment,
    /// What came of it.
    pub result: Settled,
    /// What this process makes of it for the partner as a whole.
    pub seen: Seen,
}

/// What a process has seen of a partner, the outcome that it settles included.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// So much went wrong that the connector should open.
    pub alarm: Option<Alarm>,
    /// How long an attempt takes.
    pub mean: Option<jiff::SignedDuration>,
}

impl Settlement {
    /// One that says nothing about the partner.
    pub fn of(assignment: Assignment, result: Settled) -> Self {
        Self { assignment, result, seen: Seen::default() }
    }
}

/// What came of an assignment.
#[derive(Debug, Clone)]
pub enum Settled {
    /// An attempt's outcome.
    Outcome(Outcome),
    /// A probe's finding.
    Finding(Finding),
    /// Not sent: given back.
    GivenBack,
}

/// What the store has to load to settle these.
pub fn scope(settlements: &[Settlement]) -> Scope {
    let mut scope = Scope::default();
    for settlement in settlements {
        let operation = &settlement.assignment.operation;
        scope.lanes.insert(settlement.assignment.key.clone());
        scope.payments.extend(operation.payload.payment().cloned());
        scope.parcels.extend(operation.payload.parcel().cloned());
    }
    scope
}

/// Settles; answers for each whether it still was ours to settle. What an outcome says about a partner whose condition is
/// loaded counts even if the lane was taken over: the partner did say it.
pub fn settle(
    work: &mut Work,
    rules: &Rules,
    schedule: &Schedule,
    health: &HealthSettings,
    settlements: &[Settlement],
) -> Vec<bool> {
    let settled = settlements.iter().map(|settlement| {
        let is_ours = settle_one(work, rules, schedule, settlement);
        heal(work, health, settlement);
        is_ours
    });
    settled.collect()
}

/// Moves the partner's phase by what an outcome says of it. While it is held nothing is concluded.
fn heal(work: &mut Work, health: &HealthSettings, settlement: &Settlement) {
    let Settled::Outcome(outcome) = &settlement.result else { return };
    let (connector, now) = (&settlement.assignment.connector, work.now);
    let Some(partner) = work.partners.get_mut(connector) else { return };
    let condition = &mut partner.condition;
    if condition.row.hold.is_some() {
        return;
    }
    let phase =
        condition.row.phase.clone().tried(now, &sign(outcome), settlement.seen.alarm.as_ref(), health);
    if phase != condition.row.phase {
        condition.edit().mean = settlement.seen.mean.or(condition.row.mean);
        enter(work, connector, phase);
    }
}

/// Whether a setback is not counted against the operation: the partner's, while its connector is not closed. The answer
/// tells whether nothing is sent there at all.
fn spared<'o>(work: &Work, connector: &ConnectorId, result: &'o Settled) -> Option<(&'o Setback, bool)> {
    let Settled::Outcome(Outcome::NotDone(setback)) = result else { return None };
    let condition = &work.partners.get(connector)?.condition.row;
    let is_tried = matches!(condition.phase, Phase::HalfOpen { .. } | Phase::Ramp { .. });
    let is_shut = condition.is_shut();
    (!condition.is_plain() && is_spared(setback.cause, is_tried && !is_shut)).then_some((setback, is_shut))
}

fn settle_one(work: &mut Work, rules: &Rules, schedule: &Schedule, settlement: &Settlement) -> bool {
    let assignment = &settlement.assignment;
    let now = work.now;
    let key = (assignment.key.clone(), assignment.connector.clone());
    let spared = spared(work, &assignment.connector, &settlement.result);
    let Some(loaded) = work.lanes.get_mut(&key) else { return false };
    // The claim number is the fence: nobody else claimed since. A lease that merely ran out does not make the outcome
    // less true.
    let is_ours = loaded.row.claim == assignment.claim && loaded.row.head == Some(assignment.operation.id);
    if !is_ours {
        return false;
    }
    if loaded.row.open.first().is_some_and(|head| is_settled(head, &settlement.result)) {
        return true;
    }
    let lane = loaded.edit();
    let Some(operation) = lane.open.first_mut() else { return false };
    let rule = rules.action(&assignment.connector, operation.payload.kind());
    let terms = Terms { now, schedule, rule, settling: rules.settling(&assignment.connector) };
    match &settlement.result {
        Settled::Outcome(outcome) => match spared {
            Some((setback, is_shut)) => decide::spare(operation, outcome, setback, &terms, is_shut),
            None => decide::settle(operation, outcome, &terms),
        },
        Settled::Finding(finding) => decide::found(operation, finding, &terms),
        Settled::GivenBack => give_back(operation, now),
    }
    if work.is_fenced
        && operation.state == OperationState::Ready
        && matches!(settlement.result, Settled::Finding(Finding::Present(_)))
    {
        // It is there, and only a repeat would tell the rest: it is asked about again until the fence is lifted.
        (operation.state, operation.due_at) = (OperationState::Doubtful, crate::clock::later(now, ASK_AGAIN));
    }
    if operation.state == OperationState::Succeeded && operation.payload.kind() == ActionKind::SyncDossier {
        lane.acknowledged = true;
    }
    let operation = operation.clone();
    work.touch(operation.id);
    count_end(work, operation.state);
    follow_up(work, rules, &operation, Some(&settlement.result));
    close_opening(work, &key, &operation);
    true
}

/// Whether this was stored before, and only the answer to it was lost. An attempt that was taken for interrupted is not
/// settled: what came of it is truer than that.
fn is_settled(head: &Operation, result: &Settled) -> bool {
    match result {
        Settled::Finding(_) => !matches!(head.state, OperationState::Doubtful | OperationState::Awaiting),
        Settled::Outcome(_) | Settled::GivenBack => {
            let attempt = head.attempt.as_ref();
            attempt.is_some_and(|a| a.ended_at.is_some() && a.cause != Some(Cause::Interrupted))
        }
    }
}

/// A payment that was taken back or paid meanwhile must not be opened (again): its opening ends instead of waiting.
fn close_opening(work: &mut Work, lane: &(LaneKey, ConnectorId), operation: &Operation) {
    let Some(payment) = operation.payload.payment().and_then(|id| work.payments.get(id)) else { return };
    if payment.row.state == PaymentState::Open {
        return;
    }
    let why = format!("the payment is {}", payment.row.state.name());
    end_waiting(work, lane, &why, |o| o.id == operation.id);
}

fn give_back(operation: &mut Operation, now: jiff::Timestamp) {
    if operation.state == OperationState::Running {
        operation.state = OperationState::Ready;
        operation.due_at = now;
        if let Some(attempt) = &mut operation.attempt {
            attempt.ended_at = Some(now);
            attempt.outcome = Some("given_back".into());
        }
    } else {
        operation.due_at = now;
    }
}

/// Turns the running heads doubtful of the loaded lanes that `is_over` tells. Answers how many.
pub fn interrupt(
    work: &mut Work,
    rules: &Rules,
    schedule: &Schedule,
    is_over: impl Fn(&Lane) -> bool,
) -> usize {
    let now = work.now;
    let is_running = |lane: &Lane| lane.state == LaneState::Running && is_over(lane);
    let heads: Vec<_> = work
        .lanes
        .iter()
        .filter(|(_, lane)| is_running(&lane.row))
        .filter_map(|(key, lane)| Some((key.clone(), lane.row.open.first()?.clone())))
        .collect();
    // A doubt is noted with the payment as well.
    for payment in heads.iter().filter_map(|(_, head)| head.payload.payment()) {
        if !work.scope.payments.contains(payment) {
            work.missing.payments.insert(payment.clone());
        }
    }
    if work.is_incomplete() {
        return 0;
    }
    for (key, head) in &heads {
        let Some(operation) = work.lanes.get_mut(key).and_then(|l| l.edit().open.first_mut()) else {
            continue;
        };
        let rule = rules.action(&key.1, head.payload.kind());
        decide::interrupt(operation, &Terms { now, schedule, rule, settling: rules.settling(&key.1) });
        let operation = operation.clone();
        work.touch(operation.id);
        follow_up(work, rules, &operation, None);
    }
    heads.len()
}

/// Gives back the running heads of the loaded lanes that `is_unsent` tells. Answers how many.
pub fn give_back_unsent(work: &mut Work, is_unsent: impl Fn(&Lane) -> bool) -> usize {
    let now = work.now;
    let mut given_back = Vec::new();
    for loaded in work.lanes.values_mut() {
        if loaded.row.state != LaneState::Running || !is_unsent(&loaded.row) {
            continue;
        }
        if let Some(operation) = loaded.edit().open.first_mut() {
            give_back(operation, now);
            given_back.push(operation.id);
        }
    }
    for id in &given_back {
        work.touch(*id);
    }
    given_back.len()
}

/// Counts an ending in the ledger.
pub fn count_end(work: &mut Work, state: OperationState) {
    match state {
        OperationState::Succeeded => work.ledger.succeeded += 1,
        OperationState::Refused => work.ledger.refused += 1,
        OperationState::Superseded => work.ledger.superseded += 1,
        OperationState::Dismissed => work.ledger.dismissed += 1,
        OperationState::Ready
        | OperationState::Running
        | OperationState::Doubtful
        | OperationState::Awaiting
        | OperationState::Held
        | OperationState::Stuck => {}
    }
}

/// What an operation's new state means for records, incidents and listeners. `result`: what moved it, unless a rule did.
pub fn follow_up(work: &mut Work, rules: &Rules, operation: &Operation, result: Option<&Settled>) {
    let subject = operation.subject.as_ref().map_or_else(String::new, ToString::to_string);
    let unit = operation.unit.as_ref();
    match operation.state {
        OperationState::Succeeded => succeeded(work, rules, operation, &subject),
        OperationState::Refused => refused(work, rules, operation, &subject),
        OperationState::Stuck => {
            // Attempts are numbered without end, also after a person's retry: each refusal is told.
            let about = format!("{}:{}", operation.id, operation.attempt.as_ref().map_or(0, |a| a.number));
            if matches!(operation.payload.kind(), ActionKind::SyncDossier | ActionKind::AppendProgress)
                && let Some(Settled::Outcome(Outcome::Refused(refusal))) = result
            {
                let data = json!({ "code": refusal.code, "message": refusal.said, "field": refusal.field });
                out::tell(work, rules, "portal.refused", &subject, unit, &about, data);
            }
            out::tell(work, rules, "operation.stuck", &subject, unit, &about, out::stuck(operation));
            mark_parcel(work, operation, ParcelState::Refused);
        }
        OperationState::Doubtful | OperationState::Awaiting => {
            mark_reference(work, operation, ReferenceState::Live);
        }
        OperationState::Ready
        | OperationState::Running
        | OperationState::Held
        | OperationState::Superseded
        | OperationState::Dismissed => {}
    }
}

fn succeeded(work: &mut Work, rules: &Rules, operation: &Operation, subject: &str) {
    let unit = operation.unit.as_ref();
    let facts = operation.proof.as_ref().map(|p| p.facts.clone()).unwrap_or_default();
    let fact = |name: &str| facts.get(name).cloned().unwrap_or(Value::Null);
    match &*operation.payload {
        // It was there: what the portal shows is the former system's.
        Payload::AdoptDossier if facts.contains_key("found") => {}
        // By configuration the portal is not told of this status.
        Payload::SyncDossier | Payload::AdoptDossier if facts.contains_key(Proof::NOT_SENT) => {}
        Payload::SyncDossier | Payload::AdoptDossier => {
            let version = operation.version.unwrap_or_default();
            let data = json!({ "portal_status": fact("portal_status"), "version": version, "at": work.now });
            out::tell(work, rules, "portal.synced", subject, unit, &format!("{subject}:{version}"), data);
        }
        Payload::AppendProgress { .. } | Payload::Unassigned { .. } => {}
        Payload::OpenPayment { payment, reference, .. } => {
            let url = fact("pay_url").as_str().map(str::to_owned);
            mark_reference(work, operation, ReferenceState::Live);
            let now = work.now;
            let Some(loaded) = work.payments.get_mut(&payment.id) else { return };
            let record = loaded.edit();
            record.updated_at = now;
            if let Some(r) = record.references.iter_mut().find(|r| r.reference == *reference)
                && url.is_some()
            {
                r.pay_url.clone_from(&url);
            }
            if record.state != PaymentState::Open {
                // Taken back or paid while it was under way: nobody is to be shown the link.
                return;
            }
            let data = json!({
                "payment_id": payment.id, "platform": operation.connector, "pay_url": url, "qr": fact("qr"),
                "expires_at": payment.expires_at, "reference": reference,
            });
            out::tell(work, rules, "payment.opened", subject, unit, reference.as_str(), data);
        }
        Payload::CreateParcel { parcel, order_number, .. } => {
            mark_parcel(work, operation, ParcelState::Accepted);
            let data = json!({ "parcel_id": parcel.id, "order_number": order_number, "item_code": fact("item_code") });
            out::tell(work, rules, "post.accepted", subject, unit, parcel.id.as_str(), data);
        }
        Payload::CancelParcel { parcel, reason, .. } => {
            mark_parcel(work, operation, ParcelState::Cancelled);
            let data = json!({ "parcel_id": parcel, "reason": reason });
            out::tell(work, rules, "post.cancelled", subject, unit, parcel.as_str(), data);
        }
    }
}

fn refused(work: &mut Work, rules: &Rules, operation: &Operation, subject: &str) {
    let Payload::OpenPayment { payment, reference, .. } = &*operation.payload else { return };
    let now = work.now;
    let mut has_failed = false;
    if let Some(loaded) = work.payments.get_mut(&payment.id) {
        let record = loaded.edit();
        record.updated_at = now;
        for r in record.references.iter_mut().filter(|r| r.reference == *reference) {
            if r.state < ReferenceState::Paid {
                r.state = ReferenceState::Dead;
            }
        }
        if record.state == PaymentState::Open {
            record.state = PaymentState::Failed;
            has_failed = true;
        }
    }
    if !has_failed {
        // It has money, was taken back, or its failure was told before.
        return;
    }
    let data =
        json!({ "payment_id": payment.id, "platform": operation.connector, "message": operation.said });
    out::tell(work, rules, "payment.failed", subject, operation.unit.as_ref(), reference.as_str(), data);
}

/// Moves the reference of an opening forward, never back.
fn mark_reference(work: &mut Work, operation: &Operation, state: ReferenceState) {
    let Payload::OpenPayment { payment, reference, .. } = &*operation.payload else { return };
    let Some(loaded) = work.payments.get_mut(&payment.id) else { return };
    let is_planned =
        loaded.row.references.iter().any(|r| r.reference == *reference && r.state == ReferenceState::Planned);
    if !is_planned {
        return;
    }
    for r in loaded.edit().references.iter_mut().filter(|r| r.reference == *reference) {
        r.state = state;
    }
}

/// Moves a parcel's record forward with its operation; tracking may have moved it further already.
fn mark_parcel(work: &mut Work, operation: &Operation, state: ParcelState) {
    let Some(id) = operation.payload.parcel() else { return };
    let is_cancel = operation.payload.kind() == ActionKind::CancelParcel;
    let now = work.now;
    let Some(loaded) = work.parcels.get_mut(id) else { return };
    // A refused order may be sent again by a person and be taken then.
    let is_not_there = matches!(loaded.row.state, ParcelState::Requested | ParcelState::Refused);
    let forward = if is_cancel { state == ParcelState::Cancelled } else { is_not_there };
    if !forward {
        return;
    }
    let record = loaded.edit();
    (record.state, record.updated_at) = (state, now);
    if let Some(code) =
        operation.proof.as_ref().and_then(|p| p.facts.get("item_code")).and_then(Value::as_str)
    {
        record.item_code = Some(code.to_owned());
    }
}

/// Begins an attempt on a lane's head under a lease. `None`: the head is not ready.
pub fn begin(
    lane: &mut Lane,
    now: jiff::Timestamp,
    until: jiff::Timestamp,
    holder: &str,
) -> Option<(Operation, Option<Attempt>)> {
    let front = lane.front()?;
    let operation = lane.open.get_mut(front)?;
    if operation.state != OperationState::Ready || operation.due_at > now {
        return None;
    }
    let past = operation.attempt.take();
    let number = past.as_ref().map_or(1, |a| a.number + 1);
    operation.attempt = Some(Attempt {
        number,
        started_at: now,
        ended_at: None,
        outcome: None,
        cause: None,
        said: None,
        holder: holder.to_owned(),
    });
    operation.state = OperationState::Running;
    lane.claim += 1;
    lane.state = LaneState::Running;
    lane.lease = Some(crate::lane::Lease { holder: holder.to_owned(), until });
    Some((operation.clone(), past))
}

/// Begins attempts on every loaded lane of a connector whose head is ready (and `may` go), at most `limit`.
pub fn claim(
    work: &mut Work,
    connector: &ConnectorId,
    limit: usize,
    holder: &str,
    lease: jiff::SignedDuration,
    may: impl Fn(&Operation) -> bool,
) -> Vec<Assignment> {
    // Read in this very transaction: a process that has not heard of the restore claims nothing either.
    if work.is_fenced {
        return Vec::new();
    }
    let now = work.now;
    let until = crate::clock::later(now, lease);
    let states = states_of(work);
    let state_of = |o: &Operation| states.get(&(o.dossier?, o.version?)).cloned();
    let keys: Vec<_> = work.lanes.keys().filter(|(_, c)| c == connector).cloned().collect();
    let mut assignments = Vec::new();
    for key in keys {
        if assignments.len() >= limit {
            break;
        }
        let head = work.lanes.get(&key).and_then(|l| l.row.head());
        let is_ready = head.is_some_and(|o| o.state == OperationState::Ready && o.due_at <= now && may(o));
        // Intake does not load the states of the heads: a head that an earlier batch planned is left to the execute
        // loop, which does.
        let is_at_hand = head.is_some_and(|o| {
            work.scope.head_states || o.version.is_none_or(|version| version == 0) || state_of(o).is_some()
        });
        if !(is_ready && is_at_hand) {
            continue;
        }
        let Some(loaded) = work.lanes.get_mut(&key) else { continue };
        let lane = loaded.edit();
        let acknowledged = lane.acknowledged;
        let Some((operation, past)) = begin(lane, now, until, holder) else { continue };
        let claim = lane.claim;
        if let Some(past) = past {
            work.past_attempts.push((operation.id, past));
        }
        work.touch(operation.id);
        let state = state_of(&operation);
        assignments.push(Assignment { connector: key.1, key: key.0, claim, operation, state, acknowledged });
    }
    assignments
}

/// Whether a loaded lane has something for the loops that claim, now or later.
pub fn leaves_work(work: &Work) -> bool {
    let waits = |o: &Operation| {
        matches!(o.state, OperationState::Ready | OperationState::Doubtful | OperationState::Awaiting)
    };
    work.lanes.values().any(|lane| lane.row.open.iter().find(|o| !o.state.is_ended()).is_some_and(waits))
}

/// What a claim under a connector's lock brought.
#[derive(Debug, Clone)]
pub struct Share {
    /// What may go to the partner.
    pub assignments: Vec<Assignment>,
    /// Whether there may be more that must not go yet.
    pub is_bounded: bool,
    /// When the rate lets the next one go.
    pub wait: jiff::SignedDuration,
    /// The condition as it is now.
    pub condition: Option<ConnectorCondition>,
}

/// Begins attempts as [`claim`] does, but within what the loaded condition of the connector allows all replicas together.
pub fn claim_within(
    work: &mut Work,
    connector: &ConnectorId,
    (limits, health): (&Limits, &HealthSettings),
    limit: usize,
    holder: &str,
    lease: jiff::SignedDuration,
) -> Share {
    let now = work.now;
    let mut share = Share {
        assignments: Vec::new(),
        is_bounded: true,
        wait: jiff::SignedDuration::ZERO,
        condition: None,
    };
    let Some(partner) = work.partners.get(connector) else { return share };
    let (condition, running, is_waiting) =
        (partner.condition.row.clone(), partner.running, partner.is_waiting);
    let at_once = if condition.is_shut() { Some(0) } else { limits.at_once(&condition.phase, health) };
    let room = at_once.map_or(limit, |most| most.saturating_sub(running)).min(limit);
    let free = limits.rate.map_or(room, |rate| rate.free(condition.tat, now).min(room));
    share.assignments = claim(work, connector, free, holder, lease, |_| true);
    share.is_bounded = share.assignments.len() == free && free < limit;
    let gone = share.assignments.len();
    if let (Some(rate), Some(partner)) = (limits.rate, work.partners.get_mut(connector)) {
        if gone > 0 {
            partner.condition.edit().tat = Some(rate.after(condition.tat, now, gone));
        }
        share.wait = rate.wait(partner.condition.row.tat, now);
    }
    if !condition.is_shut() && gone == 0 && running == 0 && !is_waiting {
        enter(work, connector, condition.phase.nothing_to_try());
    }
    share.condition = work.partners.get(connector).map(|p| p.condition.row.clone());
    share
}

/// The dossier states that operations carry: loaded with the heads, or made in this very work.
fn states_of(work: &Work) -> States {
    let loaded = work.states.iter().map(|(at, state)| (*at, HeadState::Stored(Arc::clone(state))));
    let made = work.new_versions.iter();
    let made = made.map(|v| ((v.dossier, v.version), HeadState::Stored(Arc::clone(&v.state))));
    let newest = work.dossiers.values();
    let newest = newest.map(|d| ((d.row.row, d.row.version), HeadState::Fresh(Arc::clone(&d.row.state))));
    loaded.chain(made).chain(newest).collect()
}
