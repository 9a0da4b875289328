//! Working time: which hours of which days a unit works. One calendar for everything that counts in working time: the
//! index, warnings of what falls due, the morning sheet. Pure; the year files are read by the configuration.

mod year;

use jiff::{
    SignedDuration, Timestamp, ToSpan,
    civil::{Date, DateTime, Time, Weekday},
};
use std::collections::BTreeMap;

use crate::{
    clock::{business, business_zone},
    id::UnitCode,
};

pub use year::{BadYear, Year};

/// How far ahead an answer is looked for: a unit that works at all works within ten years.
const FURTHEST_DAYS: usize = 3660;

/// A part of a day in which a unit works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shift {
    from: Time,
    until: Time,
}

/// A text that is no shift.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a shift like 07:30-11:30, the end after the beginning, got {0:?}")]
pub struct BadShift(pub String);

impl Shift {
    /// Reads `07:30-11:30`.
    pub fn parse(text: &str) -> Result<Self, BadShift> {
        let bad = || BadShift(text.to_owned());
        let (from, until) = text.split_once('-').ok_or_else(bad)?;
        let time = |text: &str| text.trim().parse::<Time>().map_err(|_| bad());
        let shift = Self { from: time(from)?, until: time(until)? };
        if shift.from < shift.until { Ok(shift) } else { Err(bad()) }
    }
}

/// A week's shifts, by day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Week([Vec<Shift>; 7]);

impl Default for Week {
    /// Monday to Friday, eight hours: 07:30-11:30 and 13:00-17:00.
    fn default() -> Self {
        let shift = |from, until| Shift { from: Time::constant(from, 30, 0, 0), until };
        let morning = shift(7, Time::constant(11, 30, 0, 0));
        let afternoon = Shift { from: Time::constant(13, 0, 0, 0), until: Time::constant(17, 0, 0, 0) };
        let day = vec![morning, afternoon];
        Self([day.clone(), day.clone(), day.clone(), day.clone(), day, Vec::new(), Vec::new()])
    }
}

impl Week {
    /// A week without work.
    pub fn empty() -> Self {
        Self(Default::default())
    }

    /// Sets the shifts of a day. `Err`: two of them overlap.
    pub fn set(&mut self, day: Weekday, mut shifts: Vec<Shift>) -> Result<(), BadShift> {
        shifts.sort_unstable();
        if let Some(pair) =
            shifts.windows(2).find(|pair| matches!(pair, [one, next] if one.until > next.from))
        {
            let said = pair.iter().map(|s| format!("{}-{}", s.from, s.until)).collect::<Vec<_>>();
            return Err(BadShift(said.join(", ")));
        }
        if let Some(known) = self.0.get_mut(place(day)) {
            *known = shifts;
        }
        Ok(())
    }

    fn day(&self, day: Weekday) -> &[Shift] {
        self.0.get(place(day)).map_or(&[], Vec::as_slice)
    }
}

fn place(day: Weekday) -> usize {
    usize::try_from(day.to_monday_zero_offset()).unwrap_or_default()
}

/// The working time of all units. A year without a file counts as one without holidays: see [`Calendar::missing`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Calendar {
    years: BTreeMap<i16, Year>,
    usual: Week,
    units: BTreeMap<UnitCode, Week>,
}

impl Calendar {
    /// A calendar of these years. `units`: those whose hours differ from the usual ones.
    pub fn new(years: Vec<Year>, usual: Week, units: BTreeMap<UnitCode, Week>) -> Self {
        let years = years.into_iter().map(|year| (year.number(), year)).collect();
        Self { years, usual, units }
    }

    /// The years that lack their file: this one, and the next one from `ahead_days` before it begins.
    pub fn missing(&self, now: Timestamp, ahead_days: i32) -> Vec<i16> {
        let today = business(now).date();
        let ahead = today.checked_add(ahead_days.days()).unwrap_or(today);
        (today.year()..=ahead.year()).filter(|year| !self.years.contains_key(year)).collect()
    }

    /// The shifts of a day at a unit; empty: it is no working day there.
    fn shifts(&self, unit: Option<&UnitCode>, date: Date) -> &[Shift] {
        let week = unit.and_then(|unit| self.units.get(unit)).unwrap_or(&self.usual);
        match self.years.get(&date.year()) {
            Some(year) if year.is_off(date) => &[],
            // A day that is worked in the place of another has the other one's hours.
            Some(year) => week.day(year.worked_instead_of(date).unwrap_or(date).weekday()),
            None => week.day(date.weekday()),
        }
    }

    /// Whether a unit works on this day.
    pub fn is_working_day(&self, unit: Option<&UnitCode>, date: Date) -> bool {
        !self.shifts(unit, date).is_empty()
    }

    /// The units whose hours differ from the usual ones.
    pub fn units(&self) -> impl Iterator<Item = &UnitCode> {
        self.units.keys()
    }

    /// The last day before this one on which a unit worked. `None`: there is none for years.
    pub fn working_day_before(&self, unit: Option<&UnitCode>, day: Date) -> Option<Date> {
        let earlier = std::iter::successors(day.yesterday().ok(), |date| date.yesterday().ok());
        earlier.take(FURTHEST_DAYS).find(|date| self.is_working_day(unit, *date))
    }

    /// How long a unit works between two moments; zero if the second is not later.
    pub fn worked(&self, unit: Option<&UnitCode>, from: Timestamp, until: Timestamp) -> SignedDuration {
        let (from, until) = (business(from).datetime(), business(until).datetime());
        let mut sum = SignedDuration::ZERO;
        let mut date = from.date();
        while date <= until.date() {
            for shift in self.shifts(unit, date) {
                let begin = date.to_datetime(shift.from).max(from);
                let end = date.to_datetime(shift.until).min(until);
                if begin < end {
                    sum = sum.saturating_add(begin.duration_until(end));
                }
            }
            match date.tomorrow() {
                Ok(next) => date = next,
                Err(_) => break,
            }
        }
        sum
    }

    /// The moment by which a unit has worked for so long since `from`: the first such moment. `None`: it never has.
    pub fn after(&self, unit: Option<&UnitCode>, from: Timestamp, work: SignedDuration) -> Option<Timestamp> {
        let start = business(from).datetime();
        let mut left = work;
        if left <= SignedDuration::ZERO {
            return Some(from);
        }
        for date in days_from(start.date()) {
            for shift in self.shifts(unit, date) {
                let begin = date.to_datetime(shift.from).max(start);
                let end = date.to_datetime(shift.until);
                if begin >= end {
                    continue;
                }
                let length = begin.duration_until(end);
                if left <= length {
                    return moment(begin.checked_add(left).ok()?);
                }
                left = left.saturating_sub(length);
            }
        }
        None
    }

    /// The same time of day, so many working days later; the day of `from` itself does not count. `None`: there is none.
    pub fn days_later(&self, unit: Option<&UnitCode>, from: Timestamp, days: u32) -> Option<Timestamp> {
        let start = business(from).datetime();
        if days == 0 {
            return Some(from);
        }
        let working = days_from(start.date()).skip(1).filter(|date| self.is_working_day(unit, *date));
        let date = working.take(usize::try_from(days).ok()?).enumerate().last();
        let (place, date) = date?;
        if place + 1 < usize::try_from(days).ok()? {
            return None;
        }
        moment(date.to_datetime(start.time()))
    }
}

fn days_from(date: Date) -> impl Iterator<Item = Date> {
    std::iter::successors(Some(date), |date| date.tomorrow().ok()).take(FURTHEST_DAYS)
}

fn moment(at: DateTime) -> Option<Timestamp> {
    at.to_zoned(business_zone()).ok().map(|zoned| zoned.timestamp())
}

#[cfg(test)]
mod tests;
