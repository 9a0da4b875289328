//! The steps of which an interleaving is made. A place in a list is taken modulo its length, so that every step means
//! something everywhere and a failure shrinks to few of them.

use proptest::prelude::*;
use std::fmt;

/// What becomes of a request that goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It takes effect and is answered so.
    Done,
    /// It takes effect and the answer is lost.
    AnswerLost,
    /// It takes effect so many seconds after the deadline.
    Late(u8),
    /// It never arrives, and nobody says so.
    RequestLost,
    /// It certainly has no effect, for now.
    NotDone,
    /// The partner finds it wrong.
    Refused,
    /// Something of ours is missing.
    Held,
    /// The partner is closed for everything.
    Paused,
    /// The partner took it and will see (payments only).
    Taken,
}

/// What a question brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// What there is.
    Truth,
    /// What there is, without saying where to pay.
    TruthWithoutLink,
    /// Nothing.
    Silence,
    /// The partner is still at it.
    InProgress,
}

/// One step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// An operation comes at the end of a lane; intake may hand it over to a process at once.
    Plan { lane: u8, is_state: bool, hand_over: Option<u8> },
    /// A process claims what is due at a partner.
    Claim { process: u8, partner: u8 },
    /// The same, and the answer of the store is lost.
    ClaimLost { process: u8, partner: u8 },
    /// A process looks for claims whose answer was lost.
    Reclaim { process: u8 },
    /// A process sends one of its claims, if its lease still lasts.
    Send { process: u8, at: u8, fate: Fate },
    /// An answer, or the lack of one, becomes known to the process.
    Answer { process: u8, at: u8, word: Word },
    /// The process stores one of the outcomes that it knows.
    Settle { process: u8, at: u8, is_answer_lost: bool },
    /// The process dies and another one takes its place.
    Crash { process: u8 },
    /// Time passes.
    Pass { seconds: u16 },
    /// Leases that ran out become doubts.
    Expire { process: u8 },
    /// Doubts whose time has come are resolved, or asked about.
    Resolve { process: u8, partner: u8, is_awaiting: bool },
    /// A person sends an open operation again.
    Retry { lane: u8, at: u8 },
    /// A person ends an open operation.
    Dismiss { lane: u8, at: u8 },
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        6 => Just(Fate::Done),
        4 => Just(Fate::AnswerLost),
        3 => (0..10_u8).prop_map(Fate::Late),
        2 => Just(Fate::RequestLost),
        2 => Just(Fate::NotDone),
        1 => Just(Fate::Refused),
        1 => Just(Fate::Held),
        1 => Just(Fate::Paused),
        2 => Just(Fate::Taken),
    ]
}

fn word() -> impl Strategy<Value = Word> {
    prop_oneof![
        6 => Just(Word::Truth),
        1 => Just(Word::TruthWithoutLink),
        1 => Just(Word::Silence),
        1 => Just(Word::InProgress),
    ]
}

/// A step; what brings work forward comes more often than what hinders it.
fn step() -> impl Strategy<Value = Step> {
    let process = || 0..3_u8;
    let partner = || 0..5_u8;
    let at = || 0..4_u8;
    // Most of what happens, happens on two lanes: interleavings matter, not numbers.
    let lane = || prop_oneof![3 => Just(0_u8), 2 => 0..5_u8];
    prop_oneof![
        6 => (lane(), any::<bool>(), proptest::option::of(process()))
            .prop_map(|(lane, is_state, hand_over)| Step::Plan { lane, is_state, hand_over }),
        8 => (process(), partner()).prop_map(|(process, partner)| Step::Claim { process, partner }),
        1 => (process(), partner()).prop_map(|(process, partner)| Step::ClaimLost { process, partner }),
        2 => process().prop_map(|process| Step::Reclaim { process }),
        10 => (process(), at(), fate()).prop_map(|(process, at, fate)| Step::Send { process, at, fate }),
        8 => (process(), at(), word()).prop_map(|(process, at, word)| Step::Answer { process, at, word }),
        8 => (process(), at(), prop::bool::weighted(0.2))
            .prop_map(|(process, at, is_answer_lost)| Step::Settle { process, at, is_answer_lost }),
        2 => process().prop_map(|process| Step::Crash { process }),
        6 => prop_oneof![0..20_u16, 20..200_u16, 200..4000_u16].prop_map(|seconds| Step::Pass { seconds }),
        4 => process().prop_map(|process| Step::Expire { process }),
        6 => (process(), partner(), prop::bool::weighted(0.3))
            .prop_map(|(process, partner, is_awaiting)| Step::Resolve { process, partner, is_awaiting }),
        2 => (lane(), at()).prop_map(|(lane, at)| Step::Retry { lane, at }),
        1 => (lane(), at()).prop_map(|(lane, at)| Step::Dismiss { lane, at }),
    ]
}

/// An interleaving; shown with one step a line, as it can be pasted into a test.
#[derive(Clone)]
pub struct Steps(pub Vec<Step>);

impl fmt::Debug for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|step| write!(f, "\n    Step::{step:?},"))
    }
}

/// Interleavings.
pub fn steps() -> impl Strategy<Value = Steps> {
    prop::collection::vec(step(), 1..120).prop_map(Steps)
}
