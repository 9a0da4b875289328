//! The comparison of what we believe with what a partner says. Never more certain than both are.

use jiff::{SignedDuration, Timestamp};

use super::{Answer, Expectation, Kind};

/// What a comparison comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    /// Both sides say the same, as far as it can be compared.
    Agrees,
    /// Nothing can be said now.
    CannotTell(Wait),
    /// They differ.
    Differs(Kind),
}

/// What has to happen before something can be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// An operation is open: its end comes first.
    Operation,
    /// Nobody was asked since it changed, or there was no answer.
    NotAsked,
    /// Unknown there, and so far only once: to be asked again at this moment.
    Again(Timestamp),
}

/// Compares an expectation with an answer to it that came at `now`. Absence counts only if it was said before, a settling
/// window ago; a time-out is no answer.
pub fn compare(
    expectation: &Expectation,
    answer: &Answer,
    now: Timestamp,
    settling: SignedDuration,
) -> Judgement {
    if expectation.is_waiting {
        return Judgement::CannotTell(Wait::Operation);
    }
    let ours = &expectation.ours;
    match (ours.is_acknowledged, answer.is_known) {
        (true, true) => of_statuses(ours.status, &ours.told, answer.status),
        (false, true) if ours.is_born_there => Judgement::Agrees,
        (false, true) => Judgement::Differs(Kind::Ahead),
        // What it had acknowledged once is missing, whatever became of sending it again.
        (false, false) if !ours.is_born_there && ours.version.is_none() && ours.told.is_empty() => {
            Judgement::Agrees
        }
        (true | false, false) => absent(expectation.absent_since, now, settling),
    }
}

fn absent(since: Option<Timestamp>, now: Timestamp, settling: SignedDuration) -> Judgement {
    match since {
        Some(since) if now.duration_since(since) >= settling => Judgement::Differs(Kind::Missing),
        since => {
            let first = since.unwrap_or(now);
            let again = first.checked_add(settling).unwrap_or(first);
            Judgement::CannotTell(Wait::Again(again))
        }
    }
}

/// A partner that shows what it was told before has not taken what came after; one that shows what it never was told has it
/// from somebody else.
fn of_statuses(ours: Option<u8>, told: &[u8], theirs: Option<u8>) -> Judgement {
    match (ours, theirs) {
        (Some(ours), Some(theirs)) if ours == theirs => Judgement::Agrees,
        (Some(_), Some(theirs)) if told.contains(&theirs) => Judgement::Differs(Kind::Behind),
        (Some(_), Some(_)) => Judgement::Differs(Kind::Ahead),
        // Known is all that can be said.
        (None, _) | (_, None) => Judgement::Agrees,
    }
}

/// The same for what is stored: the answer beside the expectation that it belongs to.
pub fn standing(expectation: &Expectation, settling: SignedDuration) -> Judgement {
    match (&expectation.answer, expectation.asked_at) {
        (_, _) if expectation.is_waiting => Judgement::CannotTell(Wait::Operation),
        (Some(answer), Some(at)) => compare(expectation, answer, at, settling),
        (None, _) | (_, None) => Judgement::CannotTell(Wait::NotAsked),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        id::{ConnectorId, DossierCode},
        reconciliation::{Ours, Stamp},
    };

    const WINDOW: SignedDuration = SignedDuration::from_secs(90);

    fn expectation(ours: Ours) -> Expectation {
        let key = DossierCode::parse("000.00.08.H99-261122-0001").unwrap();
        Expectation {
            connector: ConnectorId::parse("dvcqg").unwrap(),
            key: key.clone(),
            dossier: 1,
            asked_as: key,
            unit: None,
            ours,
            stamp: Stamp::default(),
            is_open: true,
            is_waiting: false,
            is_doubted: false,
            is_whole: true,
            due_at: None,
            changed_at: Timestamp::UNIX_EPOCH,
            risk: 0,
            is_fresh: true,
            asked_at: None,
            answer: None,
            absent_since: None,
            again_at: None,
            repair: None,
        }
    }

    fn ours(is_acknowledged: bool, is_born_there: bool, told: &[u8]) -> Ours {
        let (status, version) = (told.last().copied(), is_acknowledged.then_some(1));
        Ours { is_acknowledged, is_born_there, status, told: told.to_vec(), version, steps: 2 }
    }

    fn known(status: Option<u8>) -> Answer {
        Answer { is_known: true, status, others: Vec::new() }
    }

    #[test]
    fn every_pair_of_belief_and_answer_has_its_judgement() {
        let now = Timestamp::UNIX_EPOCH;
        let again = Judgement::CannotTell(Wait::Again(now.checked_add(WINDOW).unwrap()));
        let unknown = Answer::default();
        let differs = Judgement::Differs;
        let cases = [
            // Acknowledged, and known there.
            (ours(true, false, &[2, 4]), known(None), Judgement::Agrees),
            (ours(true, false, &[2, 4]), known(Some(4)), Judgement::Agrees),
            (ours(true, false, &[2, 4]), known(Some(2)), differs(Kind::Behind)),
            (ours(true, false, &[2, 4]), known(Some(9)), differs(Kind::Ahead)),
            // A way back is a way too: what it was told before is behind.
            (ours(true, false, &[4, 5, 4]), known(Some(5)), differs(Kind::Behind)),
            // Nothing is known of the status that it was told.
            (ours(true, false, &[]), known(Some(9)), Judgement::Agrees),
            // Acknowledged, and unknown there: once is not enough.
            (ours(true, false, &[2]), unknown.clone(), again),
            (ours(true, true, &[2]), unknown.clone(), again),
            // Never acknowledged.
            (ours(false, false, &[]), unknown.clone(), Judgement::Agrees),
            (ours(false, false, &[]), known(Some(2)), differs(Kind::Ahead)),
            (ours(false, true, &[]), known(Some(1)), Judgement::Agrees),
            (ours(false, true, &[]), unknown.clone(), again),
            // It had been there; sending it again was given up.
            (ours(false, false, &[2]), unknown, again),
        ];
        for (ours, answer, wanted) in cases {
            let made = expectation(ours);
            assert_eq!(compare(&made, &answer, now, WINDOW), wanted, "{:?} {answer:?}", made.ours);
            // With an operation open nothing can be said, whatever the answer.
            let waiting = Expectation { is_waiting: true, ..made };
            assert_eq!(
                compare(&waiting, &answer, now, WINDOW),
                Judgement::CannotTell(Wait::Operation),
                "{answer:?}"
            );
        }
    }

    /// Contract 10, pitfall 2: only two answers a settling window apart make a dossier missing.
    #[test]
    fn absence_counts_when_it_was_said_twice_with_the_settling_window_between() {
        let first = Timestamp::UNIX_EPOCH;
        let at = |seconds| first.checked_add(SignedDuration::from_secs(seconds)).unwrap();
        let again = Judgement::CannotTell(Wait::Again(at(90)));
        let made = expectation(ours(true, false, &[2]));
        assert_eq!(compare(&made, &Answer::default(), first, WINDOW), again);
        let once = Expectation { absent_since: Some(first), ..made };
        assert_eq!(compare(&once, &Answer::default(), at(30), WINDOW), again);
        assert_eq!(compare(&once, &Answer::default(), at(90), WINDOW), Judgement::Differs(Kind::Missing));
        assert_eq!(compare(&once, &known(Some(2)), at(90), WINDOW), Judgement::Agrees);
    }

    #[test]
    fn what_is_stored_is_compared_with_the_answer_to_it_only() {
        let made = expectation(ours(true, false, &[2, 4]));
        assert_eq!(standing(&made, WINDOW), Judgement::CannotTell(Wait::NotAsked));
        let (answer, asked_at) = (Some(known(Some(2))), Some(Timestamp::UNIX_EPOCH));
        let answered = Expectation { asked_at, answer, ..made };
        assert_eq!(standing(&answered, WINDOW), Judgement::Differs(Kind::Behind));
    }
}
