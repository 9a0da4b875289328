//! What an outcome or a finding does to an operation: pure, over the operation alone. What it does to records and
//! other lanes is in `flow/settle.rs`.

use jiff::{SignedDuration, Timestamp};

use crate::{
    clock::later,
    finding::Finding,
    operation::{ActionKind, Operation, OperationState},
    outcome::{Cause, Doubt, Outcome, Proof, Refusal, Setback},
    policy::{
        action::{ActionRule, AfterRefusal, Repeat},
        backoff::Schedule,
    },
};

/// What policy needs to know beside the operation.
#[derive(Debug, Clone)]
pub struct Terms<'a> {
    /// Now, by the store's clock.
    pub now: Timestamp,
    /// The retry schedule.
    pub schedule: &'a Schedule,
    /// The row of the action table.
    pub rule: ActionRule,
    /// The partner's settling window.
    pub settling: SignedDuration,
}

/// How often a probe is repeated while it is inconclusive or the partner is still at it.
const ASK_AGAIN: SignedDuration = SignedDuration::from_secs(60);

/// Moves the operation according to an attempt's outcome. The caller has checked that the attempt is its own.
pub fn settle(operation: &mut Operation, outcome: &Outcome, terms: &Terms<'_>) {
    if let Some(attempt) = &mut operation.attempt {
        attempt.ended_at = Some(terms.now);
        attempt.outcome = Some(outcome.name().to_owned());
        (attempt.cause, attempt.said) = said(outcome);
        attempt.said = attempt.said.as_deref().map(clean);
    }
    operation.need = None;
    match outcome {
        Outcome::Done(proof) => succeed(operation, proof, terms),
        Outcome::Accepted(acceptance) => {
            operation.begun = true;
            operation.attempts += 1;
            move_to(
                operation,
                OperationState::Awaiting,
                acceptance.ask_at,
                None,
                Some(&acceptance.reference),
            );
        }
        Outcome::Refused(refusal) => refuse(operation, refusal, terms),
        Outcome::NotDone(setback) => {
            operation.attempts += 1;
            retry_later(operation, setback, terms);
        }
        Outcome::Held(need) => {
            operation.need = Some(need.clone());
            move_to(operation, OperationState::Held, terms.now, None, None);
        }
        Outcome::Paused(pause) => {
            move_to(operation, OperationState::Ready, terms.now, Some(pause.cause), Some(&pause.said));
        }
        Outcome::Unclear(doubt) => {
            operation.attempts += 1;
            doubt_it(operation, doubt, terms);
        }
    }
}

fn said(outcome: &Outcome) -> (Option<Cause>, Option<String>) {
    match outcome {
        Outcome::Done(proof) => (None, Some(proof.said.clone())),
        Outcome::Accepted(acceptance) => (None, Some(acceptance.reference.clone())),
        Outcome::Refused(r) => (Some(r.cause), Some(format!("{}: {}", r.code, r.said))),
        Outcome::NotDone(s) => (Some(s.cause), Some(s.said.clone())),
        Outcome::Held(need) => (None, Some(need.to_string())),
        Outcome::Paused(p) => (Some(p.cause), Some(p.said.clone())),
        Outcome::Unclear(d) => (Some(d.cause), Some(d.said.clone())),
    }
}

fn move_to(
    operation: &mut Operation,
    state: OperationState,
    due_at: Timestamp,
    cause: Option<Cause>,
    said: Option<&str>,
) {
    operation.state = state;
    operation.due_at = due_at;
    operation.cause = cause;
    operation.said = said.map(clean);
}

/// A partner's words without U+0000, which no store keeps: an outcome that cannot be stored would be sent again.
fn clean(said: &str) -> String {
    said.replace('\0', "")
}

/// Ends the operation as succeeded.
pub fn succeed(operation: &mut Operation, proof: &Proof, terms: &Terms<'_>) {
    operation.begun = true;
    operation.proof = Some(proof.clone());
    operation.ended_at = Some(terms.now);
    operation.need = None;
    move_to(operation, OperationState::Succeeded, terms.now, None, None);
}

/// Ends the operation as refused, or stops its lane with it, as the action table says.
pub fn refuse(operation: &mut Operation, refusal: &Refusal, terms: &Terms<'_>) {
    let said = format!("{}: {}", refusal.code, refusal.said);
    match terms.rule.after_refusal {
        AfterRefusal::Stops => {
            move_to(operation, OperationState::Stuck, terms.now, Some(refusal.cause), Some(&said));
        }
        AfterRefusal::GoesOn => {
            operation.ended_at = Some(terms.now);
            move_to(operation, OperationState::Refused, terms.now, Some(refusal.cause), Some(&said));
        }
    }
}

fn retry_later(operation: &mut Operation, setback: &Setback, terms: &Terms<'_>) {
    match terms.schedule.delay(operation.attempts, operation.id, setback.retry_after) {
        Some(delay) => {
            let due = later(terms.now, delay);
            move_to(operation, OperationState::Ready, due, Some(setback.cause), Some(&setback.said));
        }
        None => {
            move_to(operation, OperationState::Stuck, terms.now, Some(Cause::Exhausted), Some(&setback.said));
        }
    }
}

/// Marks the operation as doubtful: nothing goes out on its lane until the settling window has passed.
pub fn doubt_it(operation: &mut Operation, doubt: &Doubt, terms: &Terms<'_>) {
    operation.begun = true;
    operation.doubted = true;
    let due = later(terms.now, terms.settling);
    move_to(operation, OperationState::Doubtful, due, Some(doubt.cause), Some(&doubt.said));
}

/// Until when nothing may go out on the operation's lane, because its last attempt ended in doubt, whatever has been
/// decided about it since.
pub fn doubted_until(operation: &Operation, settling: SignedDuration) -> Option<Timestamp> {
    let attempt = operation.attempt.as_ref().filter(|a| a.outcome.as_deref() == Some(UNCLEAR))?;
    attempt.ended_at.map(|at| later(at, settling))
}

/// The outcome of an attempt that ended in doubt, as [`Outcome::name`] has it.
const UNCLEAR: &str = "unclear";

/// A lease ran out or its process is gone: the partner may have been reached.
pub fn interrupt(operation: &mut Operation, terms: &Terms<'_>) {
    let doubt =
        Doubt { cause: Cause::Interrupted, said: "the process stopped or stalled during the attempt".into() };
    if let Some(attempt) = &mut operation.attempt {
        attempt.ended_at = Some(terms.now);
        attempt.outcome = Some(UNCLEAR.into());
        attempt.cause = Some(doubt.cause);
        attempt.said = Some(doubt.said.clone());
    }
    operation.attempts += 1;
    doubt_it(operation, &doubt, terms);
}

/// The doubt has outlasted the settling window and no probe can tell: the one function in which Repeat decides.
pub fn resolve_unprobed(operation: &mut Operation, terms: &Terms<'_>) {
    match terms.rule.repeat {
        Repeat::Safe | Repeat::ByKey | Repeat::ByteForByte => {
            let setback = Setback {
                cause: operation.cause.unwrap_or(Cause::NoAnswer),
                said: operation.said.clone().unwrap_or_default(),
                retry_after: None,
            };
            // The settling window has passed already; from the second doubt on the schedule spaces the repeats.
            if operation.attempts <= 1 {
                move_to(
                    operation,
                    OperationState::Ready,
                    terms.now,
                    Some(setback.cause),
                    Some(&setback.said),
                );
            } else {
                retry_later(operation, &setback, terms);
            }
        }
        Repeat::Dangerous => {
            // What was taken and never settled has no cause yet; whoever is to act has to be named.
            let (cause, said) = (operation.cause.unwrap_or(Cause::NoAnswer), operation.said.clone());
            move_to(operation, OperationState::Stuck, terms.now, Some(cause), said.as_deref());
        }
    }
}

/// Whether a platform says that a payment is open (`pending`), but not where it can be paid.
fn is_open_without_link(operation: &Operation, proof: &Proof) -> bool {
    operation.payload.kind() == ActionKind::OpenPayment
        && proof.facts.get("pending").is_some_and(|pending| pending == true)
        && !proof.facts.contains_key("pay_url")
}

/// Moves a doubtful or awaiting operation according to what a probe found.
pub fn found(operation: &mut Operation, finding: &Finding, terms: &Terms<'_>) {
    match finding {
        Finding::Present(proof) if is_open_without_link(operation, proof) => {
            // It is there, but only the answer to a repeat under the same reference tells where to pay.
            let said = "open there, without a link to pay".to_owned();
            retry_later(operation, &Setback { cause: Cause::NoAnswer, said, retry_after: None }, terms);
        }
        Finding::Present(proof) => succeed(operation, proof, terms),
        Finding::Absent => {
            // Certainly not there after the window: the same again cannot double.
            let said = "the partner says that it is not there".to_owned();
            retry_later(operation, &Setback { cause: Cause::UnknownThere, said, retry_after: None }, terms);
        }
        Finding::Refused(refusal) => refuse(operation, refusal, terms),
        Finding::InProgress => {
            let (state, due) = (operation.state, later(terms.now, ASK_AGAIN));
            move_to(operation, state, due, None, Some("the partner is still at it"));
        }
        Finding::Inconclusive { cause, said } => {
            let (state, due) = (operation.state, later(terms.now, ASK_AGAIN));
            move_to(operation, state, due, Some(*cause), Some(said));
        }
    }
}
