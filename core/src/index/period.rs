//! The periods that the portal scores: a month, a quarter, a year, on the business clock.

use jiff::{Timestamp, ToSpan, civil::Date};
use std::{fmt, str::FromStr};

use crate::clock::business_zone;

/// A month, a quarter or a year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period {
    first: Date,
    months: i8,
}

/// A text that is no period.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a month (2026-10), a quarter (2026-Q4) or a year (2026), got {0:?}")]
pub struct BadPeriod(pub String);

impl FromStr for Period {
    type Err = BadPeriod;

    fn from_str(text: &str) -> Result<Self, BadPeriod> {
        let bad = || BadPeriod(text.to_owned());
        let (year, part) = match text.trim().split_once('-') {
            Some((year, part)) => (year, Some(part)),
            None => (text.trim(), None),
        };
        let is_year = year.len() == 4 && year.bytes().all(|b| b.is_ascii_digit());
        let year: i16 = year.parse().ok().filter(|y| is_year && (2000..2200).contains(y)).ok_or_else(bad)?;
        let (month, months) = match part {
            None => (1, 12),
            Some(part) => match part.strip_prefix(['Q', 'q']) {
                Some(quarter) => {
                    let quarter: i8 = quarter.parse().ok().filter(|q| (1..=4).contains(q)).ok_or_else(bad)?;
                    (quarter * 3 - 2, 3)
                }
                None if part.len() == 2 => (part.parse::<i8>().map_err(|_| bad())?, 1),
                None => return Err(bad()),
            },
        };
        let first = Date::new(year, month, 1).map_err(|_| bad())?;
        Ok(Self { first, months })
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.months {
            12 => write!(f, "{:04}", self.first.year()),
            3 => write!(f, "{:04}-Q{}", self.first.year(), (self.first.month() + 2) / 3),
            _ => write!(f, "{:04}-{:02}", self.first.year(), self.first.month()),
        }
    }
}

impl Period {
    /// The month of a day.
    pub fn month_of(day: Date) -> Self {
        Self { first: day.first_of_month(), months: 1 }
    }

    /// Its first moment, and the first one after it.
    pub fn bounds(self) -> (Timestamp, Timestamp) {
        let end = self.first.checked_add(i32::from(self.months).months()).unwrap_or(Date::MAX);
        let moment =
            |date: Date| date.to_zoned(business_zone()).map_or(Timestamp::MAX, |zoned| zoned.timestamp());
        (moment(self.first), moment(end))
    }

    /// The period of this one's length in which another one begins.
    #[must_use]
    pub fn around(self, other: Self) -> Self {
        let (year, month) = (other.first.year(), other.first.month());
        let month = (month - 1) / self.months * self.months + 1;
        Self { first: Date::new(year, month, 1).unwrap_or(other.first), ..self }
    }

    /// The same length, one earlier.
    pub fn previous(self) -> Self {
        let first = self.first.checked_sub(i32::from(self.months).months()).unwrap_or(self.first);
        Self { first, ..self }
    }

    /// The same length, one later.
    pub fn next(self) -> Self {
        let first = self.first.checked_add(i32::from(self.months).months()).unwrap_or(self.first);
        Self { first, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_are_read_and_written_alike_and_begin_and_end_on_the_business_clock() {
        for text in ["2026-10", "2026-Q4", "2026"] {
            assert_eq!(text.parse::<Period>().unwrap().to_string(), text);
        }
        let (from, until) = "2026-Q4".parse::<Period>().unwrap().bounds();
        assert_eq!(from.to_string(), "2026-09-30T17:00:00Z");
        assert_eq!(until.to_string(), "2026-12-31T17:00:00Z");
        assert_eq!("2026-01".parse::<Period>().unwrap().previous().to_string(), "2025-12");
        assert_eq!("2025-Q4".parse::<Period>().unwrap().next().to_string(), "2026-Q1");
        let month: Period = "2026-05".parse().unwrap();
        let around =
            ["2025-01", "2025-Q1", "2025"].map(|length| length.parse::<Period>().unwrap().around(month));
        assert_eq!(around.map(|period| period.to_string()), ["2026-05", "2026-Q2", "2026"]);
        for text in ["2026-13", "2026-Q5", "26", "2026-1", "", "2026-10-01", "+026"] {
            assert!(text.parse::<Period>().is_err(), "{text}");
        }
    }
}
