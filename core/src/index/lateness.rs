//! Lateness, step by step (docs/index-766.md): when a dossier's clock ends, what is deducted, and the verdict.

use jiff::{SignedDuration, Timestamp, ToSpan};

use super::{
    catalogue::{Limit, LimitUnit},
    facts::Facts,
    rules::{Cutoff, Granularity, Rules, TwoRequests, Which},
};
use crate::{
    calendar::Calendar,
    clock::{business, business_zone},
    id::UnitCode,
};

const DAY: i64 = 86_400;
/// The business clock's distance from UTC.
const ZONE: i64 = 7 * 3600;

/// Why a dossier is late.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Late {
    /// Its end, or the present moment, is after the due time.
    AfterDue,
    /// Asked for supplements more than once.
    TwoRequests,
    /// No due time, and the procedure's limit is not known.
    NoDue,
}

/// The verdict on a dossier that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Judged {
    /// Why it is late; none: it is on time.
    pub late: Option<Late>,
    /// Days and seconds say different things of it.
    pub is_boundary: bool,
    /// When its clock ended, what was waited for the citizen taken off; seconds since 1970.
    pub end: i64,
}

/// What dossiers are judged by.
#[derive(Debug, Clone, Copy)]
pub struct Judge<'a> {
    /// The switches.
    pub rules: &'a Rules,
    /// Working time, for limits in working days.
    pub calendar: &'a Calendar,
    /// Up to when a dossier without an end is looked at; seconds since 1970.
    pub cutoff: i64,
}

impl<'a> Judge<'a> {
    /// For a period that ends before `until`, seen at `now`.
    pub fn new(rules: &'a Rules, calendar: &'a Calendar, until: Timestamp, now: Timestamp) -> Self {
        let last = until.as_second().saturating_sub(1);
        let cutoff = match rules.cutoff {
            Cutoff::Now => now.as_second().min(last),
            Cutoff::End => last,
        };
        Self { rules, calendar, cutoff }
    }

    /// The verdict; none: a dossier that was never received does not count.
    pub fn judge(&self, facts: &Facts, unit: Option<&UnitCode>, limit: Option<Limit>) -> Option<Judged> {
        let received = facts.received?;
        let (end, deducted, forced) = self.end(facts);
        let end = end.saturating_sub(deducted);
        let Some(due) = facts.due.or_else(|| self.limit(unit, received, limit?)) else {
            return Some(Judged { late: Some(forced.unwrap_or(Late::NoDue)), is_boundary: false, end });
        };
        let (by_second, by_day) = (end <= due, day(end) <= day(due));
        let in_time = match self.rules.granularity {
            Granularity::Second => by_second,
            Granularity::Day => by_day,
        };
        let late = forced.or((!in_time).then_some(Late::AfterDue));
        Some(Judged { late, is_boundary: forced.is_none() && by_second != by_day, end })
    }

    /// When the clock ends, what is taken off, and what makes it late whatever the dates.
    fn end(&self, facts: &Facts) -> (i64, i64, Option<Late>) {
        let steps = &facts.steps;
        let mut finishes = steps.iter().filter(|(status, _)| *status == 9).map(|(_, at)| *at);
        let finish = match self.rules.finish {
            Which::Last => finishes.next_back(),
            Which::First => finishes.next(),
        };
        let last = |wanted: &[u8]| steps.iter().rev().find(|(s, _)| wanted.contains(s)).map(|(_, at)| *at);
        let ended = finish.or_else(|| last(&[10])).or_else(|| last(&[8, 3, 7]));
        let requests = steps.iter().filter(|(status, _)| *status == 5).count();
        if let Some(end) = ended {
            let forced = requests > 1 && self.rules.two_requests == TwoRequests::Late;
            return (end, deducted(facts), forced.then_some(Late::TwoRequests));
        }
        if requests > 1 {
            return (self.cutoff, 0, Some(Late::TwoRequests));
        }
        if let Some(asked) = last(&[5]).filter(|asked| resumed(facts, *asked).is_none()) {
            return (asked, 0, None);
        }
        let without_steps = steps.is_empty().then(|| facts.finished.or(facts.returned)).flatten();
        (without_steps.unwrap_or(self.cutoff), deducted(facts), None)
    }

    /// The latest moment that the procedure allows.
    fn limit(&self, unit: Option<&UnitCode>, received: i64, limit: Limit) -> Option<i64> {
        let from = Timestamp::from_second(received).ok()?;
        let count = i64::from(limit.count);
        let at = match limit.unit {
            LimitUnit::Hours => from.checked_add(SignedDuration::from_hours(count)).ok()?,
            LimitUnit::Days => from.checked_add(SignedDuration::from_hours(count.checked_mul(24)?)).ok()?,
            LimitUnit::WorkingDays => self.calendar.days_later(unit, from, limit.count)?,
            LimitUnit::Months => {
                let later = business(from).datetime().checked_add(count.months()).ok()?;
                later.to_zoned(business_zone()).ok()?.timestamp()
            }
        };
        Some(at.as_second())
    }
}

/// The day of a moment, on the business clock.
fn day(at: i64) -> i64 {
    (at + ZONE).div_euclid(DAY)
}

/// When the citizen came back after a request: the next step 2 or 4, or else what the supplement itself says.
fn resumed(facts: &Facts, asked: i64) -> Option<i64> {
    let place = facts.steps.iter().position(|step| *step == (5, asked))?;
    let mut later = facts.steps.iter().skip(place + 1);
    let step = later.find(|(status, _)| matches!(status, 2 | 4)).map(|(_, at)| *at);
    step.or_else(|| facts.supplements.iter().filter_map(|(_, received)| *received).find(|at| *at >= asked))
}

/// How long the dossier waited for the citizen: elapsed time, not working time.
fn deducted(facts: &Facts) -> i64 {
    let (mut sum, mut asked) = (0_i64, None);
    for (status, at) in &facts.steps {
        match (status, asked) {
            (5, None) => asked = Some(*at),
            (2 | 4, Some(since)) => {
                sum += at - since;
                asked = None;
            }
            _ => {}
        }
    }
    if sum > 0 {
        return sum;
    }
    let told = facts.supplements.iter().filter_map(|(from, until)| Some(until.as_ref()? - from));
    told.filter(|length| *length > 0).sum()
}
