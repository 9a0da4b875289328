//! Properties of what policy goes by: the retry schedule, the action table, and what one outcome or finding does to one
//! operation, wherever it stands.

use jiff::SignedDuration;
use lienthong_core::{
    clock::later,
    finding::Finding,
    operation::{ActionKind, Operation, OperationState},
    outcome::{Acceptance, Cause, Outcome, Proof},
    policy::{
        action::{self, Repeat},
        backoff::{LONGEST_RETRY_AFTER, Schedule},
        decide::{self, Terms},
    },
    testing::fixtures,
};
use proptest::prelude::*;

fn outcome() -> impl Strategy<Value = Outcome> {
    let ask_at = fixtures::morning(90);
    prop_oneof![
        Just(Outcome::Done(Proof::default())),
        Just(Outcome::Accepted(Acceptance { reference: "x".into(), ask_at })),
        Just(Outcome::refused(Cause::DataRefused, "-1", "no")),
        Just(Outcome::not_done(Cause::PartnerFailed, "500")),
        Just(Outcome::Held(fixtures::need("mapping:dvcqg:unit:X"))),
        Just(Outcome::paused(Cause::CredentialsRejected, "401")),
        Just(Outcome::unclear(Cause::NoAnswer, "?")),
    ]
}

fn finding() -> impl Strategy<Value = Finding> {
    prop_oneof![
        Just(Finding::Present(Proof::default())),
        Just(Finding::Absent),
        Just(Finding::InProgress),
        Just(Finding::Inconclusive { cause: Cause::NoAnswer, said: "?".into() }),
    ]
}

fn kind() -> impl Strategy<Value = ActionKind> {
    prop::sample::select(&ActionKind::ALL[..])
}

/// An operation somewhere in its life.
fn operation(state: OperationState, attempts: i32, begun: bool) -> Operation {
    let lane = fixtures::lane(1, "dvcqg", "k");
    Operation { state, attempts, begun, ..fixtures::operation(7, &lane, 1) }
}

fn terms(schedule: &Schedule, kind: ActionKind, has_query: bool) -> Terms<'_> {
    let settling = SignedDuration::from_secs(60);
    Terms { now: fixtures::morning(0), schedule, rule: action::rule(kind, has_query), settling }
}

proptest! {
    #[test]
    fn a_delay_lies_within_its_jitter_or_is_what_the_partner_asked_for(
        delays in prop::collection::vec(0..100_000_u32, 0..20),
        attempts in -3..30_i32,
        operation in any::<i64>(),
        wish in prop::option::of(-10..10_000_000_i64),
    ) {
        let schedule = Schedule::from_seconds(&delays);
        let wished = wish.map(SignedDuration::from_secs);
        let delay = schedule.delay(attempts, operation, wished);
        prop_assert_eq!(delay, schedule.delay(attempts, operation, wished), "computed again it is the same");
        let at = usize::try_from(attempts.max(1) - 1).expect("not negative");
        let planned = delays.get(at).map(|seconds| SignedDuration::from_secs(i64::from(*seconds)));
        prop_assert_eq!(delay.is_some(), planned.is_some(), "it ends with its last delay");
        let Some((delay, planned)) = delay.zip(planned) else { return Ok(()) };
        let least = planned * 4 / 5;
        let heard = wished.unwrap_or_default().min(LONGEST_RETRY_AFTER);
        prop_assert!(delay >= least.max(heard) && delay <= planned.max(heard), "{delay:?} of {planned:?}, {heard:?}");
    }

    #[test]
    fn an_outcome_moves_an_operation_by_what_it_says_of_the_effect_alone(
        kind in kind(), has_query: bool, outcome in outcome(), attempts in 0..6_i32, begun: bool,
    ) {
        let schedule = Schedule::from_seconds(&[10, 20, 40]);
        let terms = terms(&schedule, kind, has_query);
        let mut moved = operation(OperationState::Running, attempts, begun);
        decide::settle(&mut moved, &outcome, &terms);
        let counts = matches!(outcome, Outcome::NotDone(_) | Outcome::Unclear(_) | Outcome::Accepted(_));
        prop_assert_eq!(moved.attempts - attempts, i32::from(counts), "what burns an attempt");
        prop_assert_eq!(moved.need.is_some(), moved.state == OperationState::Held, "only who waits needs something");
        prop_assert_eq!(moved.ended_at.is_some(), moved.state.is_ended());
        let may_exist = matches!(outcome, Outcome::Done(_) | Outcome::Unclear(_) | Outcome::Accepted(_));
        prop_assert_eq!(moved.begun, begun || may_exist, "once begun, for ever begun");
        if let Outcome::Unclear(_) = outcome {
            prop_assert_eq!(moved.state, OperationState::Doubtful);
            prop_assert_eq!(moved.due_at, later(terms.now, terms.settling), "nothing goes out within the window");
            prop_assert!(moved.doubted);
        }
        if moved.state == OperationState::Succeeded {
            prop_assert!(matches!(outcome, Outcome::Done(_)), "only the partner's word is a success");
        }
    }

    #[test]
    fn a_doubt_that_nobody_can_be_asked_about_goes_out_again_only_where_the_table_says_so(
        kind in kind(), has_query: bool, attempts in 1..6_i32, by_person: bool,
    ) {
        let schedule = Schedule::from_seconds(&[10, 20, 40]);
        let mut terms = terms(&schedule, kind, has_query);
        if by_person {
            terms.rule = terms.rule.for_a_person();
        }
        let mut moved = operation(OperationState::Doubtful, attempts, true);
        decide::resolve_unprobed(&mut moved, &terms);
        let is_dangerous = terms.rule.repeat == Repeat::Dangerous;
        let is_over = schedule.delay(attempts, moved.id, None).is_none();
        let wanted = if is_dangerous || is_over { OperationState::Stuck } else { OperationState::Ready };
        prop_assert_eq!(moved.state, wanted);
        prop_assert!(!(is_dangerous && terms.rule.handed_over), "what is dangerous is never handed over");
    }

    #[test]
    fn an_answer_that_says_nothing_leaves_the_question_open(
        kind in kind(), finding in finding(), is_awaiting: bool, attempts in 1..6_i32,
    ) {
        let schedule = Schedule::from_seconds(&[10, 20, 40]);
        let terms = terms(&schedule, kind, true);
        let state = if is_awaiting { OperationState::Awaiting } else { OperationState::Doubtful };
        let mut moved = operation(state, attempts, true);
        decide::found(&mut moved, &finding, &terms);
        match finding {
            Finding::Present(_) => prop_assert_eq!(moved.state, OperationState::Succeeded),
            Finding::Absent => prop_assert!(matches!(moved.state, OperationState::Ready | OperationState::Stuck)),
            _ => {
                prop_assert_eq!(moved.state, state);
                prop_assert!(moved.due_at > terms.now, "it is asked again, not at once");
            }
        }
        prop_assert_eq!(moved.attempts, attempts, "a question burns no attempt");
    }
}
