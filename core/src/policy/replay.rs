//! What a plan may do with an operation: pure. Two promises are kept here and nowhere else: no older state goes over a
//! newer one, and nothing is sent of which an effect may exist.

use crate::{
    operation::{ActionKind, OperationState},
    policy::action::{ActionRule, Repeat},
    replay::{Case, Purpose, Treatment},
};

/// What becomes of an operation as it is now. Judged when the plan is made, and again when its turn comes.
pub fn judge(case: &Case, purpose: Purpose, rule: ActionRule) -> Treatment {
    match (purpose, case.state) {
        (Purpose::Dismiss, OperationState::Stuck | OperationState::Held) => Treatment::Dismiss,
        (Purpose::Dismiss, state) if state.is_ended() => Treatment::Changed,
        (Purpose::Send, OperationState::Stuck) => stuck(case, rule),
        (Purpose::Send, OperationState::Held) => Treatment::Wait,
        (
            _,
            OperationState::Ready
            | OperationState::Running
            | OperationState::Doubtful
            | OperationState::Awaiting,
        ) => Treatment::Moving,
        (
            _,
            OperationState::Succeeded
            | OperationState::Refused
            | OperationState::Superseded
            | OperationState::Dismissed,
        ) => ended(case),
    }
}

/// In its place: the order of its lane is untouched, and nothing newer has gone out behind it.
fn stuck(case: &Case, rule: ActionRule) -> Treatment {
    if case.action == ActionKind::Unassigned {
        return Treatment::Wait;
    }
    if rule.repeat == Repeat::Dangerous && may_exist(case) { Treatment::Unsure } else { Treatment::Retry }
}

fn ended(case: &Case) -> Treatment {
    match case.action {
        ActionKind::SyncDossier => {
            if case.is_moved || case.has_open_state {
                Treatment::Covered
            } else if case.is_sent_by_plan {
                Treatment::Regress
            } else if !case.is_known || case.stands {
                Treatment::Wait
            } else {
                Treatment::ResendState
            }
        }
        ActionKind::AppendProgress => {
            if case.state != OperationState::Dismissed || may_exist(case) {
                Treatment::Duplicate
            } else if case.is_moved || case.has_later_step {
                Treatment::Regress
            } else if !case.is_known || !case.acknowledged || case.stands {
                Treatment::Wait
            } else {
                Treatment::ResendSteps
            }
        }
        // The id is one effect for ever: what is to happen after all has to be asked for under another one.
        ActionKind::OpenPayment
        | ActionKind::CreateParcel
        | ActionKind::CancelParcel
        | ActionKind::Unassigned => {
            let has_no_effect = case.state == OperationState::Refused
                || (case.state == OperationState::Dismissed && !may_exist(case));
            if has_no_effect { Treatment::Renew } else { Treatment::Duplicate }
        }
    }
}

/// Whether the effect may exist of an operation that has not succeeded. Whoever was asked to look there, or to ask there,
/// may have found it.
fn may_exist(case: &Case) -> bool {
    let is_looked_up = case.cause.is_some_and(|c| matches!(c.next_step(), "look_up" | "ask_partner"));
    case.begun || case.doubted || is_looked_up
}
