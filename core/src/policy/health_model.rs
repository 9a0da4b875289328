//! The phases as a machine under whatever may come: claims, outcomes, crashes, holds, trials, time.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::{
    allowance::Limits,
    health::{Alarm, HealthSettings, Phase, Sign},
    watch::Watch,
};
use crate::{clock::later, outcome::Cause};

/// What may come.
#[derive(Debug, Clone)]
enum Event {
    /// A replica claims as much as it may, up to this.
    Claim(usize),
    /// The oldest attempt that runs comes to its end.
    Ends(Kind),
    /// A process dies: the oldest attempt's lease runs out.
    Dies,
    /// So many seconds go by.
    Pass(u16),
    /// The trial, if it is due, ends like this.
    Trial(bool),
    /// A hold ends.
    Released,
    /// A person wants a trial now.
    TryNow,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Answer,
    Setback,
    Down,
    Silent,
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![Just(Kind::Answer), Just(Kind::Setback), Just(Kind::Down), Just(Kind::Silent)]
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (1..6_usize).prop_map(Event::Claim),
        6 => kind().prop_map(Event::Ends),
        1 => Just(Event::Dies),
        3 => (1..400_u16).prop_map(Event::Pass),
        3 => any::<bool>().prop_map(Event::Trial),
        1 => Just(Event::Released),
        1 => Just(Event::TryNow),
    ]
}

fn alarm(cause: Cause) -> Alarm {
    Alarm { cause, said: String::new(), retry_after: None }
}

fn sign(kind: Kind) -> Sign {
    match kind {
        Kind::Answer => Sign::Answer,
        Kind::Setback => Sign::Setback(alarm(Cause::Unreachable)),
        Kind::Down => Sign::Down(alarm(Cause::CredentialsRejected)),
        Kind::Silent => Sign::Silent,
    }
}

/// A partner with endless work, and what is with it: whether each attempt began while half-open.
struct World {
    now: Timestamp,
    phase: Phase,
    watch: Watch,
    running: Vec<bool>,
    settings: HealthSettings,
    limits: Limits,
}

impl World {
    fn new() -> Self {
        Self {
            now: Timestamp::UNIX_EPOCH,
            phase: Phase::Closed,
            watch: Watch::default(),
            running: Vec::new(),
            settings: HealthSettings::default(),
            limits: Limits { in_flight: 8, in_flight_total: Some(20), rate: None },
        }
    }

    fn happen(&mut self, event: &Event) {
        let before = self.phase.clone();
        match event {
            Event::Claim(most) => {
                let all = self.limits.at_once(&self.phase, &self.settings).unwrap_or(usize::MAX);
                let free = all.saturating_sub(self.running.len()).min(*most);
                let is_trying = matches!(self.phase, Phase::HalfOpen { .. });
                self.running.extend(std::iter::repeat_n(is_trying, free));
            }
            Event::Ends(kind) if !self.running.is_empty() => {
                self.running.remove(0);
                let sign = sign(*kind);
                let is_returning = !self.phase.is_closed();
                let alarm = self.watch.note(self.now, &sign, is_returning, &self.settings);
                self.phase = before.clone().tried(self.now, &sign, alarm.as_ref(), &self.settings);
            }
            Event::Dies if !self.running.is_empty() => drop(self.running.remove(0)),
            Event::Ends(_) | Event::Dies => {}
            Event::Pass(seconds) => {
                self.now = later(self.now, SignedDuration::from_secs(i64::from(*seconds)));
                self.phase = before.clone().step_up(self.now, &self.settings);
            }
            Event::Trial(is_back) => {
                if self.phase.is_trial_due(self.now) {
                    let answer = if *is_back { Ok(()) } else { Err(None) };
                    self.phase = before.clone().trial_answered(self.now, answer, true, &self.settings);
                }
            }
            Event::Released => self.phase = before.clone().held_no_more(self.now),
            Event::TryNow => self.phase = before.clone().try_now(self.now),
        }
        if self.phase.name() != before.name() {
            self.watch.clear();
        }
        self.check(&before);
    }

    fn check(&self, before: &Phase) {
        let trying = self.running.iter().filter(|is_trying| **is_trying).count();
        assert!(trying <= 1, "{trying} operations try at once");
        match (before.trouble(), self.phase.trouble()) {
            (Some(old), Some(new)) => assert_eq!(old.since, new.since, "an incident keeps its beginning"),
            (Some(_), None) => assert!(self.phase.is_closed(), "trouble ends by closing: {:?}", self.phase),
            (None, _) => {}
        }
        if let Phase::Open { trial_at, .. } = &self.phase {
            let wait = trial_at.duration_since(self.now);
            assert!(wait <= self.settings.longest_trial, "a trial comes: {wait}");
        }
        if let (Phase::Open { .. }, Phase::Closed) = (before, &self.phase) {
            panic!("closed without an operation that tried, though some wait");
        }
    }
}

proptest! {
    #[test]
    fn whatever_comes_one_operation_tries_at_a_time_and_a_partner_that_answers_is_closed_again(
        events in prop::collection::vec(event(), 0..200),
    ) {
        let mut world = World::new();
        for event in &events {
            world.happen(event);
        }
        // From now on the partner answers everything.
        let well = [Event::Pass(300), Event::Trial(true), Event::Claim(5), Event::Ends(Kind::Answer)];
        for _ in 0..40 {
            for event in &well {
                world.happen(event);
            }
        }
        prop_assert!(world.phase.is_closed(), "{:?}", world.phase);
    }
}

#[test]
fn a_partner_that_fails_again_and_again_is_asked_less_and_less_often() {
    let settings = HealthSettings::default();
    let mut now = Timestamp::UNIX_EPOCH;
    let mut phase = Phase::Closed.open(now, &alarm(Cause::Unreachable), &settings);
    let mut waits = Vec::new();
    for round in 0..7 {
        let Phase::Open { trial_at, .. } = &phase else { panic!("{phase:?}") };
        waits.push(trial_at.duration_since(now).as_secs());
        now = *trial_at;
        // Every other trial goes well, and the operation after it does not.
        phase = if round % 2 == 0 {
            phase.trial_answered(now, Err(None), true, &settings)
        } else {
            let half = phase.trial_answered(now, Ok(()), true, &settings);
            half.tried(now, &sign(Kind::Setback), None, &settings)
        };
    }
    assert_eq!(waits, [30, 60, 120, 240, 300, 300, 300]);
}

#[test]
fn a_wish_of_the_partner_puts_the_trial_off_but_not_for_ever() {
    let settings = HealthSettings::default();
    let wait = |seconds| {
        let alarm =
            Alarm { retry_after: Some(SignedDuration::from_secs(seconds)), ..alarm(Cause::Throttled) };
        match Phase::Closed.open(Timestamp::UNIX_EPOCH, &alarm, &settings) {
            Phase::Open { trial_at, .. } => trial_at.as_second(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!([wait(5), wait(90), wait(86_400)], [30, 90, 3_600]);
}

#[test]
fn where_nothing_waits_the_trial_alone_closes() {
    let settings = HealthSettings::default();
    let now = Timestamp::UNIX_EPOCH;
    let open = Phase::Closed.open(now, &alarm(Cause::Unreachable), &settings);
    assert_eq!(open.trial_answered(now, Ok(()), false, &settings), Phase::Closed);
    assert_eq!(Phase::HalfOpen { trouble: None }.nothing_to_try(), Phase::Closed);
}
