//! The morning sheet: what a unit has to look at today, by working hours, and which dossiers are behind each figure. Pure:
//! rows come in, lines and rows of the sheet come out. The index knows what was missed; the sheet, what can still be kept.

mod lost;

use jiff::{SignedDuration, Timestamp, ToSpan, civil::Date};
use serde::{Deserialize, Serialize};

use crate::{
    calendar::Calendar,
    clock::{business, business_zone},
    id::UnitCode,
    index::tally::FactRow,
    port::sheet::BlockedLane,
};

pub use lost::lost;

/// Dossiers named of each figure of a unit.
pub const ROWS: i64 = 200;

/// The moments that decide about a unit's dossiers, in seconds since 1970.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Window {
    /// The beginning of the last working day before today: what came since then and before today is new as well.
    pub before: i64,
    /// The beginning of today.
    pub today: i64,
    /// Now.
    pub now: i64,
    /// By when the unit will have worked the first number of hours.
    pub soon: i64,
    /// By when the second.
    pub next: i64,
}

impl Window {
    /// That of a unit. `hours`: the two numbers of working hours, the smaller one first.
    pub fn at(calendar: &Calendar, unit: Option<&UnitCode>, now: Timestamp, hours: [i64; 2]) -> Self {
        let today = business(now).date();
        let before = calendar.working_day_before(unit, today).or_else(|| today.yesterday().ok());
        // A unit that never works again has all the time there is.
        let by = |hours: i64| {
            let at = calendar.after(unit, now, SignedDuration::from_hours(hours));
            at.map_or(i64::MAX, Timestamp::as_second)
        };
        Self {
            before: beginning(before.unwrap_or(today)),
            today: beginning(today),
            now: now.as_second(),
            soon: by(hours[0]),
            next: by(hours[1]),
        }
    }

    /// What a due time means. `None`: it is further away than the sheet looks.
    pub fn figure(&self, due: i64) -> Option<Figure> {
        if due < self.now {
            Some(Figure::Late)
        } else if due <= self.soon {
            Some(Figure::DueSoon)
        } else {
            (due <= self.next).then_some(Figure::DueNext)
        }
    }
}

fn beginning(day: Date) -> i64 {
    day.to_zoned(business_zone()).map_or(i64::MIN, |at| at.timestamp().as_second())
}

/// The first day whose sheet is kept, of so many.
pub fn oldest_kept(today: Date, keep_days: i32) -> Date {
    today.checked_sub(keep_days.days()).unwrap_or(today)
}

/// Why a dossier is named, the most urgent first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Figure {
    /// Past its due time and not ended.
    Late,
    /// Due within the first number of working hours.
    DueSoon,
    /// Due within the second, but not within the first.
    DueNext,
    /// Something of it does not reach a partner.
    Blocked,
    /// It waits for the citizen's supplement.
    Waiting,
    /// It was received today, or since the last working day began.
    Received,
}

impl Figure {
    /// All, the most urgent first.
    pub const ALL: [Self; 6] =
        [Self::Late, Self::DueSoon, Self::DueNext, Self::Blocked, Self::Waiting, Self::Received];

    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Late => "late",
            Self::DueSoon => "due_soon",
            Self::DueNext => "due_next",
            Self::Blocked => "blocked",
            Self::Waiting => "waiting",
            Self::Received => "received",
        }
    }
}

/// A unit's figures; moments in seconds since 1970.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Its code; empty: dossiers of which no unit is known, or the sum over all.
    pub unit: String,
    /// Received today.
    pub received_today: i64,
    /// Received since the last working day began, and before today.
    pub received_before: i64,
    /// Received and not ended.
    pub open: i64,
    /// Of these, due within the first number of working hours.
    pub due_soon: i64,
    /// Due within the second, those within the first among them.
    pub due_next: i64,
    /// Past their due time.
    pub late: i64,
    /// The due time of the one that is late the longest.
    pub late_since: Option<i64>,
    /// Waiting for the citizen.
    pub waiting: i64,
    /// Of these, the citizen's time is over: the unit has to decide.
    pub waiting_over: i64,
    /// Dossiers of which something does not reach a partner.
    pub blocked: i64,
    /// Since when the first of them.
    pub blocked_since: Option<i64>,
    /// What the province's index of the month would gain if this unit's dossiers lacked nothing, in billionths of a point;
    /// none: not known.
    pub lost: Option<i64>,
}

impl Line {
    /// Adds another unit's figures.
    pub fn join(&mut self, other: &Self) {
        let earlier = |one: Option<i64>, other: Option<i64>| [one, other].into_iter().flatten().min();
        self.received_today += other.received_today;
        self.received_before += other.received_before;
        self.open += other.open;
        self.due_soon += other.due_soon;
        self.due_next += other.due_next;
        self.late += other.late;
        self.late_since = earlier(self.late_since, other.late_since);
        self.waiting += other.waiting;
        self.waiting_over += other.waiting_over;
        self.blocked += other.blocked;
        self.blocked_since = earlier(self.blocked_since, other.blocked_since);
        self.lost = match (self.lost, other.lost) {
            (Some(one), Some(other)) => Some(one + other),
            (one, other) => one.or(other),
        };
    }
}

/// Puts the units that need somebody most in front: late ones, then what is due first, what is blocked, what was lost.
pub fn worst_first(lines: &mut [Line]) {
    let urgency =
        |line: &Line| (line.late, line.due_soon, line.blocked, line.due_next, line.lost.unwrap_or(0));
    lines.sort_by(|a, b| urgency(b).cmp(&urgency(a)).then_with(|| a.unit.cmp(&b.unit)));
}

/// A dossier on the sheet; moments in seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Why.
    pub figure: Figure,
    /// Its code.
    pub dossier: String,
    /// Its procedure's code, as events give it.
    pub procedure: String,
    /// Who handled it last.
    pub officer: String,
    /// When it is due.
    pub due: Option<i64>,
    /// Since when: it is late, waits, is blocked; or when it was received.
    pub since: Option<i64>,
    /// Until when the citizen has time.
    pub respond_by: Option<i64>,
    /// Working minutes of the unit: since then, or until it is due.
    pub minutes: Option<i64>,
    /// The connector that it is blocked at.
    pub partner: Option<String>,
    /// The lane.
    pub lane: Option<i64>,
    /// Why it is blocked: the cause's code.
    pub cause: Option<String>,
}

/// What rows are made with.
#[derive(Debug, Clone, Copy)]
pub struct Reckoning<'a> {
    /// Working time.
    pub calendar: &'a Calendar,
    /// Whose dossiers they are.
    pub unit: Option<&'a UnitCode>,
    /// The unit's moments.
    pub window: Window,
}

impl Reckoning<'_> {
    /// Working minutes between two moments.
    fn minutes(&self, from: i64, until: i64) -> Option<i64> {
        let (from, until) = (Timestamp::from_second(from).ok()?, Timestamp::from_second(until).ok()?);
        Some(self.calendar.worked(self.unit, from, until).as_mins())
    }

    /// A dossier's row.
    pub fn row(&self, figure: Figure, fact: &FactRow) -> Row {
        let (facts, now) = (&fact.known, self.window.now);
        let since = match figure {
            Figure::Late => facts.due,
            Figure::Waiting => facts.asked(),
            Figure::Received => facts.received,
            Figure::DueSoon | Figure::DueNext | Figure::Blocked => None,
        };
        let minutes = match figure {
            Figure::DueSoon | Figure::DueNext => facts.due.and_then(|due| self.minutes(now, due)),
            Figure::Late | Figure::Waiting => since.and_then(|since| self.minutes(since, now)),
            Figure::Blocked | Figure::Received => None,
        };
        Row {
            figure,
            dossier: fact.code.clone(),
            procedure: facts.procedure.clone(),
            officer: facts.officer.clone(),
            due: facts.due,
            since,
            respond_by: facts.respond_by.filter(|_| figure == Figure::Waiting),
            minutes,
            partner: None,
            lane: None,
            cause: None,
        }
    }

    /// The row of a dossier that is blocked.
    pub fn blocked(&self, blocked: &BlockedLane) -> Row {
        let facts = blocked.facts.as_ref();
        Row {
            figure: Figure::Blocked,
            dossier: blocked.dossier.clone(),
            procedure: facts.map(|f| f.procedure.clone()).unwrap_or_default(),
            officer: facts.map(|f| f.officer.clone()).unwrap_or_default(),
            due: facts.and_then(|f| f.due),
            since: Some(blocked.since),
            respond_by: None,
            minutes: self.minutes(blocked.since, self.window.now),
            partner: Some(blocked.connector.clone()),
            lane: Some(blocked.lane),
            cause: blocked.cause.clone(),
        }
    }
}

/// A sheet: of the province, one line a unit, or of a unit, with its dossiers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sheet {
    /// The moment that it is of, microseconds since 1970.
    pub taken_us: i64,
    /// Everything before this moment is in it; none: the facts are still being made.
    pub as_of_us: Option<i64>,
    /// The two numbers of working hours.
    pub hours: [i64; 2],
    /// The month whose points were lost.
    pub month: String,
    /// When those were reckoned; none: they are not known.
    pub lost_us: Option<i64>,
    /// The units' figures, the worst first; of a unit, its own.
    pub lines: Vec<Line>,
    /// The dossiers, the most urgent first.
    pub rows: Vec<Row>,
}

impl Sheet {
    /// The sum over all lines.
    pub fn totals(&self) -> Line {
        let mut sum = Line::default();
        self.lines.iter().for_each(|line| sum.join(line));
        sum
    }
}

#[cfg(test)]
mod tests;
