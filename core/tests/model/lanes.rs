//! The property: whatever happens in whatever order, no rule is broken, and afterwards everything comes to its end.

use proptest::prelude::*;

use crate::{
    steps::{Fate, Step, Word, steps},
    world::World,
};

/// Plays the steps, then lets everything come to its end. `Err`: the broken rules, and what happened.
fn play(steps: &[Step]) -> Result<(), String> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime can be built");
    runtime.block_on(async {
        let mut world = World::new();
        for step in steps {
            world.play(*step).await;
            world.judge_tables().await;
            if !world.broken.is_empty() {
                break;
            }
        }
        if world.broken.is_empty() {
            world.drain().await;
            world.judge_tables().await;
            world.judge_end();
        }
        if world.broken.is_empty() {
            return Ok(());
        }
        Err(format!("{}\n\n{}", world.broken.join("\n"), world.log.join("\n")))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_interleaving_breaks_a_rule(steps in steps()) {
        if let Err(said) = play(&steps.0) {
            return Err(TestCaseError::fail(said));
        }
    }
}

/// What the property has found.
#[test]
fn a_person_who_says_again_twice_does_not_shorten_the_settling_window() {
    let steps = [
        Step::Plan { lane: 0, is_state: false, hand_over: Some(1) },
        Step::Send { process: 1, at: 0, fate: Fate::Late(0) },
        Step::Answer { process: 1, at: 0, word: Word::Truth },
        Step::Settle { process: 1, at: 0, is_answer_lost: false },
        Step::Retry { lane: 0, at: 0 },
        Step::Retry { lane: 0, at: 0 },
    ];
    if let Err(said) = play(&steps) {
        panic!("{said}");
    }
}

#[test]
fn an_interleaving_that_goes_out_again_after_a_doubt_is_played_to_its_end() {
    let steps = [
        Step::Plan { lane: 0, is_state: true, hand_over: Some(0) },
        Step::Send { process: 0, at: 0, fate: Fate::AnswerLost },
        Step::Plan { lane: 0, is_state: true, hand_over: None },
        Step::Crash { process: 0 },
        Step::Pass { seconds: 100 },
        Step::Expire { process: 1 },
        Step::Pass { seconds: 100 },
        Step::Resolve { process: 2, partner: 0, is_awaiting: false },
        Step::Claim { process: 2, partner: 0 },
        Step::Send { process: 2, at: 0, fate: Fate::Done },
        Step::Answer { process: 2, at: 0, word: Word::Truth },
        Step::Settle { process: 2, at: 0, is_answer_lost: true },
    ];
    if let Err(said) = play(&steps) {
        panic!("{said}");
    }
}
