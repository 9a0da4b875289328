//! When to open: outcomes over a sliding window, and setbacks in a row where traffic is thin. Kept per process, because
//! what follows from it is shared through the store; pure, over the moments that it is given.

use jiff::{SignedDuration, Timestamp};
use std::collections::VecDeque;

use super::health::{Alarm, HealthSettings, Sign};

/// The window is kept in so many slots; the oldest one falls out as a whole.
const SLOTS: i32 = 12;

/// Fewer outcomes than this say nothing, even on the way back.
const LEAST: u32 = 3;

#[derive(Debug, Clone, Copy)]
struct Slot {
    begins: Timestamp,
    answers: u32,
    setbacks: u32,
}

/// What a process has seen of a partner lately.
#[derive(Debug, Clone, Default)]
pub struct Watch {
    slots: VecDeque<Slot>,
    in_a_row: u32,
    /// The longest wish of the setbacks in a row.
    retry_after: Option<SignedDuration>,
}

impl Watch {
    /// Takes note of an outcome's sign; an alarm if the connector should open. `is_returning`: on the way back a quarter
    /// of the outcomes is enough to tell.
    pub fn note(
        &mut self,
        now: Timestamp,
        sign: &Sign,
        is_returning: bool,
        settings: &HealthSettings,
    ) -> Option<Alarm> {
        let alarm = match sign {
            Sign::Silent => return None,
            Sign::Down(alarm) => return Some(alarm.clone()),
            Sign::Answer => {
                (self.in_a_row, self.retry_after) = (0, None);
                self.slot(now, settings).answers += 1;
                return None;
            }
            Sign::Setback(alarm) => alarm,
        };
        self.in_a_row = self.in_a_row.saturating_add(1);
        self.retry_after = self.retry_after.max(alarm.retry_after);
        self.slot(now, settings).setbacks += 1;
        let answers: u32 = self.slots.iter().map(|s| s.answers).sum();
        let setbacks: u32 = self.slots.iter().map(|s| s.setbacks).sum();
        let all = answers.saturating_add(setbacks);
        let minimum = if is_returning { (settings.minimum / 4).max(LEAST) } else { settings.minimum };
        let is_share =
            all >= minimum && u64::from(setbacks) * 100 >= u64::from(all) * u64::from(settings.percent);
        let is_row = self.in_a_row >= settings.in_a_row;
        (is_share || is_row).then(|| Alarm { retry_after: self.retry_after, ..alarm.clone() })
    }

    /// Forgets everything: what was seen belongs to a phase that is over.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    fn slot(&mut self, now: Timestamp, settings: &HealthSettings) -> &mut Slot {
        let width = settings.window / SLOTS;
        let is_over = |slot: &Slot| now.duration_since(slot.begins) >= settings.window;
        while self.slots.front().is_some_and(is_over) {
            self.slots.pop_front();
        }
        let is_current = |slot: &Slot| now.duration_since(slot.begins) < width;
        match self.slots.back() {
            Some(slot) if is_current(slot) => {}
            _ => self.slots.push_back(Slot { begins: now, answers: 0, setbacks: 0 }),
        }
        let last = self.slots.len() - 1;
        &mut self.slots[last]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Cause;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + seconds).unwrap()
    }

    fn setback(retry_after: Option<i64>) -> Sign {
        let retry_after = retry_after.map(SignedDuration::from_secs);
        Sign::Setback(Alarm { cause: Cause::Throttled, said: "chậm lại".into(), retry_after })
    }

    #[test]
    fn half_of_twenty_within_a_minute_open_and_fewer_do_not() {
        let settings = HealthSettings { in_a_row: 1000, ..HealthSettings::default() };
        let mut watch = Watch::default();
        for n in 0..19 {
            let sign = if n % 2 == 0 { setback(None) } else { Sign::Answer };
            assert_eq!(watch.note(at(n), &sign, false, &settings), None, "{n}");
        }
        assert!(watch.note(at(19), &setback(None), false, &settings).is_some());
        let mut thin = Watch::default();
        for n in 0..100 {
            assert_eq!(thin.note(at(n * 10), &setback(None), false, &settings), None, "six in a minute");
        }
        let mut mostly_well = Watch::default();
        for n in 0..300 {
            let sign = if n % 3 == 0 { setback(None) } else { Sign::Answer };
            assert_eq!(mostly_well.note(at(n / 10), &sign, false, &settings), None, "a third");
        }
    }

    #[test]
    fn so_many_in_a_row_open_however_slowly_they_come() {
        let settings = HealthSettings { in_a_row: 4, ..HealthSettings::default() };
        let mut watch = Watch::default();
        let mut note = |n: i64, sign: &Sign| watch.note(at(n * 600), sign, false, &settings);
        for n in 0..3 {
            assert_eq!(note(n, &setback(Some(90))), None);
        }
        assert_eq!(note(3, &Sign::Answer), None);
        for n in 4..7 {
            assert_eq!(note(n, &setback(Some(40 + n))), None);
        }
        let alarm = note(7, &setback(None)).unwrap();
        assert_eq!(alarm.retry_after, Some(SignedDuration::from_secs(46)), "the longest wish of the row");
    }

    #[test]
    fn on_the_way_back_a_quarter_is_enough() {
        let settings = HealthSettings::default();
        let mut watch = Watch::default();
        let alarms = (0..5).filter_map(|n| watch.note(at(n), &setback(None), true, &settings));
        assert_eq!(alarms.count(), 1);
    }

    #[test]
    fn rejected_credentials_are_told_at_once() {
        let mut watch = Watch::default();
        let down =
            Sign::Down(Alarm { cause: Cause::CredentialsRejected, said: String::new(), retry_after: None });
        assert!(watch.note(at(0), &down, false, &HealthSettings::default()).is_some());
    }
}
