//! A year's file: holidays, and working days that swapped places with days off.

use jiff::civil::Date;
use std::collections::{BTreeMap, BTreeSet};

/// The days of a year that are not as their weekday says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Year {
    number: i16,
    off: BTreeSet<Date>,
    /// The day that is worked, and the one in whose place.
    instead: BTreeMap<Date, Date>,
}

/// Why a year's file is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadYear {
    /// A day of another year.
    #[error("{0} is not in {1}")]
    OtherYear(Date, i16),
    /// A day that is both off and worked, or swapped twice.
    #[error("{0} is said to be two things")]
    Twice(Date),
}

impl Year {
    /// A year. `swaps`: the day off, and the day that is worked in its place; they may lie in neighbouring years, of which
    /// only the day in this year counts here.
    pub fn new(number: i16, holidays: &[Date], swaps: &[(Date, Date)]) -> Result<Self, BadYear> {
        let mut year = Self { number, off: BTreeSet::new(), instead: BTreeMap::new() };
        for day in holidays {
            if day.year() != number {
                return Err(BadYear::OtherYear(*day, number));
            }
            if !year.off.insert(*day) {
                return Err(BadYear::Twice(*day));
            }
        }
        for (off, worked) in swaps {
            if off.year() != number && worked.year() != number {
                return Err(BadYear::OtherYear(*off, number));
            }
            if off.year() == number && !year.off.insert(*off) {
                return Err(BadYear::Twice(*off));
            }
            if worked.year() == number && year.instead.insert(*worked, *off).is_some() {
                return Err(BadYear::Twice(*worked));
            }
        }
        match year.instead.keys().find(|day| year.off.contains(day)) {
            Some(day) => Err(BadYear::Twice(*day)),
            None => Ok(year),
        }
    }

    /// Its number.
    pub fn number(&self) -> i16 {
        self.number
    }

    /// Whether nobody works on this day.
    pub fn is_off(&self, day: Date) -> bool {
        self.off.contains(&day)
    }

    /// The day in whose place this one is worked.
    pub fn worked_instead_of(&self, day: Date) -> Option<Date> {
        self.instead.get(&day).copied()
    }
}
