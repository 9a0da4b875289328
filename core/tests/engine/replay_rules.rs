//! The verdict about an operation in a plan, by itself: examples, and what holds of every case.

use lienthong_core::{
    operation::{ActionKind, OperationState},
    outcome::Cause,
    policy::{
        action::{Repeat, rule},
        replay::judge,
    },
    replay::{Case, Purpose, Treatment},
    testing::fixtures::{self, morning},
};
use proptest::prelude::*;

fn case(action: ActionKind, state: OperationState) -> Case {
    Case {
        operation: 7,
        lane: 3,
        subject: Some(fixtures::nth_code(1)),
        unit: None,
        action,
        state,
        begun: false,
        doubted: false,
        cause: None,
        tried: 1,
        since: morning(0),
        is_known: true,
        acknowledged: true,
        is_moved: false,
        has_open_state: false,
        stands: false,
        has_later_step: false,
        is_sent_by_plan: false,
    }
}

fn sent(case: &Case) -> Treatment {
    judge(case, Purpose::Send, rule(case.action, false))
}

#[test]
fn what_is_stuck_goes_again_in_its_place_unless_it_could_be_doubled() {
    let sync = case(ActionKind::SyncDossier, OperationState::Stuck);
    assert_eq!(sent(&sync), Treatment::Retry);
    let mut opening = case(ActionKind::OpenPayment, OperationState::Stuck);
    assert_eq!(sent(&opening), Treatment::Retry, "it was certainly refused");
    opening.doubted = true;
    assert_eq!(sent(&opening), Treatment::Unsure);
    assert_eq!(judge(&opening, Purpose::Send, rule(opening.action, true)), Treatment::Retry);
}

#[test]
fn what_moves_or_waits_for_something_is_left() {
    for state in OperationState::ALL.into_iter().filter(|s| !s.is_ended()) {
        let treatment = sent(&case(ActionKind::AppendProgress, state));
        assert_eq!(treatment.acts(), state == OperationState::Stuck, "{state:?}");
    }
}

#[test]
fn of_a_dossier_only_the_newest_state_goes_and_only_once() {
    let mut sync = case(ActionKind::SyncDossier, OperationState::Succeeded);
    assert_eq!(sent(&sync), Treatment::ResendState);
    sync.is_sent_by_plan = true;
    assert_eq!(sent(&sync), Treatment::Regress);
    sync.has_open_state = true;
    assert_eq!(sent(&sync), Treatment::Covered, "a newer one is under way");
}

#[test]
fn a_dismissed_step_goes_only_before_later_ones() {
    let mut step = case(ActionKind::AppendProgress, OperationState::Dismissed);
    assert_eq!(sent(&step), Treatment::ResendSteps);
    step.has_later_step = true;
    assert_eq!(sent(&step), Treatment::Regress);
    step.cause = Some(Cause::ForeignRecord);
    assert_eq!(sent(&step), Treatment::Duplicate, "who looked there may have found it");
}

#[test]
fn an_id_of_a_payment_or_parcel_is_used_up() {
    for action in [ActionKind::OpenPayment, ActionKind::CreateParcel, ActionKind::CancelParcel] {
        assert_eq!(sent(&case(action, OperationState::Succeeded)), Treatment::Duplicate);
        assert_eq!(sent(&case(action, OperationState::Dismissed)), Treatment::Renew);
    }
}

/// Said again in the test's own words.
fn may_exist(case: &Case) -> bool {
    let unclear = [Cause::NoAnswer, Cause::Unlisted, Cause::ForeignRecord];
    case.begun || case.doubted || case.cause.is_some_and(|c| unclear.contains(&c))
}

fn any_case() -> impl Strategy<Value = Case> {
    let flags = proptest::array::uniform9(any::<bool>());
    let causes = prop_oneof![
        Just(None),
        Just(Some(Cause::DataRefused)),
        Just(Some(Cause::NoAnswer)),
        Just(Some(Cause::Unlisted))
    ];
    let actions = proptest::sample::select(ActionKind::ALL.to_vec());
    let states = proptest::sample::select(OperationState::ALL.to_vec());
    (actions, states, causes, flags).prop_map(|(action, state, cause, flags)| {
        let [begun, doubted, is_known, acknowledged, is_moved, has_open_state, stands, step, by_plan] = flags;
        Case {
            begun,
            doubted,
            cause,
            is_known,
            acknowledged,
            is_moved,
            has_open_state,
            stands,
            has_later_step: step,
            is_sent_by_plan: by_plan,
            ..case(action, state)
        }
    })
}

proptest! {
    #[test]
    fn nothing_older_goes_over_something_newer(case in any_case(), has_query: bool) {
        let treatment = judge(&case, Purpose::Send, rule(case.action, has_query));
        if treatment == Treatment::ResendState {
            prop_assert!(!case.has_open_state && !case.is_sent_by_plan && !case.is_moved && case.is_known);
        }
        if treatment == Treatment::ResendSteps {
            prop_assert!(!case.has_later_step && !case.is_moved && case.acknowledged);
        }
        if treatment.acts() {
            prop_assert!(case.state == OperationState::Stuck || !case.stands);
        }
    }

    #[test]
    fn what_is_sent_is_never_a_duplicate(case in any_case(), has_query: bool) {
        let rule = rule(case.action, has_query);
        let treatment = judge(&case, Purpose::Send, rule);
        if !treatment.acts() {
            return Ok(());
        }
        // A full state is the same as often as it goes.
        let is_state = case.action == ActionKind::SyncDossier;
        if case.state.is_ended() {
            prop_assert!(is_state || (case.state == OperationState::Dismissed && !may_exist(&case)));
            prop_assert!(!matches!(case.action, ActionKind::OpenPayment | ActionKind::CreateParcel));
        } else {
            prop_assert!(rule.repeat != Repeat::Dangerous || !may_exist(&case));
        }
    }

    #[test]
    fn a_dismissal_never_touches_what_is_with_the_partner(case in any_case()) {
        let treatment = judge(&case, Purpose::Dismiss, rule(case.action, false));
        let is_at_rest = matches!(case.state, OperationState::Stuck | OperationState::Held);
        prop_assert_eq!(treatment.acts(), is_at_rest);
    }
}
