//! Planned maintenance: windows of the week and of the calendar, on the business clock.

use jiff::{Timestamp, ToSpan, Zoned, civil};

use crate::clock::business;

/// When nothing is sent to a partner, by configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Maintenance {
    /// Every week.
    Weekly {
        /// On which days it begins.
        days: Vec<civil::Weekday>,
        /// From this time of day.
        from: civil::Time,
        /// Until this one: of the next day, if it is not later.
        until: civil::Time,
    },
    /// Once.
    Dated {
        /// From this moment on the business clock.
        from: civil::DateTime,
        /// Until this one.
        until: civil::DateTime,
    },
}

impl Maintenance {
    /// When the window that covers this moment ends. `None`: none does.
    pub fn ends(&self, now: Timestamp) -> Option<Timestamp> {
        let now = business(now);
        let (from, until) = match self {
            Self::Dated { from, until } => (*from, *until),
            Self::Weekly { days, from, until } => {
                let begun = |date: civil::Date| {
                    let last = if until > from { date } else { date.checked_add(1.day()).ok()? };
                    let window = (date.to_datetime(*from), last.to_datetime(*until));
                    days.contains(&date.weekday()).then_some(window)
                };
                let today = now.date();
                let yesterday = today.checked_sub(1.day()).ok();
                let covers = |w: &(civil::DateTime, civil::DateTime)| covers(*w, &now);
                begun(today).filter(covers).or_else(|| yesterday.and_then(begun).filter(covers))?
            }
        };
        covers((from, until), &now).then_some(())?;
        until.to_zoned(now.time_zone().clone()).ok().map(|end| end.timestamp())
    }
}

fn covers((from, until): (civil::DateTime, civil::DateTime), now: &Zoned) -> bool {
    (from..until).contains(&now.datetime())
}

/// When the last of the windows that cover this moment ends.
pub fn ends(windows: &[Maintenance], now: Timestamp) -> Option<Timestamp> {
    windows.iter().filter_map(|window| window.ends(now)).max()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::{Weekday, date, time};

    fn at(text: &str) -> Timestamp {
        format!("{text}:00+07:00").parse().unwrap()
    }

    #[test]
    fn a_week_s_window_may_go_past_midnight() {
        let window = Maintenance::Weekly {
            days: vec![Weekday::Saturday],
            from: time(22, 0, 0, 0),
            until: time(2, 0, 0, 0),
        };
        // 2026-11-21 is a Saturday.
        let end = Some(at("2026-11-22T02:00"));
        assert_eq!(window.ends(at("2026-11-21T21:59")), None);
        assert_eq!(window.ends(at("2026-11-21T22:00")), end);
        assert_eq!(window.ends(at("2026-11-22T01:59")), end);
        assert_eq!(window.ends(at("2026-11-22T02:00")), None);
        assert_eq!(window.ends(at("2026-11-22T23:00")), None);
    }

    #[test]
    fn windows_that_overlap_last_until_the_last_one_ends() {
        let dated = |from: i8, until: i8| Maintenance::Dated {
            from: date(2026, 12, 1).at(from, 0, 0, 0),
            until: date(2026, 12, 1).at(until, 0, 0, 0),
        };
        let windows = [dated(8, 10), dated(9, 12)];
        assert_eq!(ends(&windows, at("2026-12-01T09:30")), Some(at("2026-12-01T12:00")));
        assert_eq!(ends(&windows, at("2026-12-01T07:30")), None);
        assert_eq!(ends(&windows, at("2026-12-02T09:30")), None);
    }
}
