//! Adding up: dossiers in any order, each once; what stays is a count for every combination of unit, procedure, service
//! and marks, so that any scope can be scored and any repair tried without reading a dossier twice.

use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, HashMap};

use super::{
    check::{self, Check},
    facts::Facts,
    marks::{BITS, Marks, Reader},
    repair::{self, Found, Wanted},
};
use crate::id::{RowId, UnitCode};

/// What the portal has of a dossier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AtPortal {
    /// Nothing that it acknowledged.
    Nothing,
    /// Exactly what is known here.
    Same,
    /// Something older.
    Older(Box<Facts>),
}

/// A dossier as the store keeps it for the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FactRow {
    /// The dossier.
    pub dossier: RowId,
    /// Its code.
    pub code: String,
    /// The unit that handles it.
    pub unit: Option<UnitCode>,
    /// When it counts, seconds since 1970; none: neither received nor handed in.
    pub anchor: Option<i64>,
    /// As it is known here.
    pub known: Facts,
    /// As the portal has it.
    pub portal: AtPortal,
}

impl FactRow {
    /// The facts that the portal has acknowledged.
    pub fn acknowledged(&self) -> Option<&Facts> {
        match &self.portal {
            AtPortal::Nothing => None,
            AtPortal::Same => Some(&self.known),
            AtPortal::Older(facts) => Some(facts),
        }
    }
}

/// A combination that is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Cell {
    unit: u32,
    procedure: u32,
    service: u32,
    marks: Marks,
}

/// Names by number; 0 is "none".
#[derive(Debug, Clone)]
struct Names {
    numbers: HashMap<String, u32>,
    names: Vec<String>,
}

impl Default for Names {
    fn default() -> Self {
        Self { numbers: [(String::new(), 0)].into(), names: vec![String::new()] }
    }
}

impl Names {
    fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        self.names.push(name.to_owned());
        self.numbers.insert(name.to_owned(), number);
        number
    }

    fn find(&self, name: &str) -> Option<u32> {
        self.numbers.get(name).copied()
    }
}

/// What was counted of one side of a scope.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Dossiers by mark.
    pub bits: [u64; BITS],
    /// Dossiers received within the period as known here, delivered or not.
    pub received_here: u64,
    /// Dossiers by procedure: fee rows (3.5), paid online (3.5b), population data (4.5a).
    by_procedure: HashMap<u32, [u64; 3]>,
    /// Online dossiers by service (3.2).
    by_service: HashMap<u32, u64>,
}

/// The bits that count procedures.
const PROCEDURE_BITS: [Marks; 3] = [Marks::FEE_ROW, Marks::PAID_PROCEDURE, Marks::CITIZEN_POPULATION];

impl Counts {
    /// How many dossiers have a mark.
    pub fn of(&self, mark: Marks) -> u64 {
        usize::try_from(mark.0.trailing_zeros()).ok().and_then(|bit| self.bits.get(bit)).copied().unwrap_or(0)
    }

    /// How many procedures have a dossier with this one of the marks that count procedures.
    pub fn procedures_with(&self, mark: Marks) -> u64 {
        let Some(place) = PROCEDURE_BITS.iter().position(|bit| *bit == mark) else { return 0 };
        let have = self.by_procedure.values().filter(|n| n.get(place).is_some_and(|n| *n > 0));
        u64::try_from(have.count()).unwrap_or(u64::MAX)
    }

    /// How many services have an online dossier.
    pub fn services_used(&self) -> u64 {
        u64::try_from(self.by_service.values().filter(|n| **n > 0).count()).unwrap_or(u64::MAX)
    }

    fn add(&mut self, (procedure, service): (u32, u32), marks: Marks, n: u64) {
        self.change((procedure, service), marks, |count| *count = count.saturating_add(n));
    }

    fn take(&mut self, (procedure, service): (u32, u32), marks: Marks, n: u64) {
        self.change((procedure, service), marks, |count| *count = count.saturating_sub(n));
    }

    fn change(&mut self, (procedure, service): (u32, u32), marks: Marks, change: impl Fn(&mut u64)) {
        for (bit, count) in self.bits.iter_mut().enumerate().filter(|(bit, _)| marks.0 & (1 << bit) != 0) {
            debug_assert!(bit < BITS);
            change(count);
        }
        let counts_procedures = PROCEDURE_BITS.iter().any(|bit| marks.has(*bit));
        if counts_procedures {
            let counts = self.by_procedure.entry(procedure).or_default();
            for (count, bit) in counts.iter_mut().zip(PROCEDURE_BITS) {
                if marks.has(bit) {
                    change(count);
                }
            }
        }
        if marks.has(Marks::SERVICE) {
            change(self.by_service.entry(service).or_default());
        }
    }

    /// What the counts would be if so many dossiers had other marks.
    #[must_use]
    pub fn repaired(&self, wanted: &Wanted, n: u64) -> Self {
        let mut other = self.clone();
        let place = (wanted.procedure, wanted.service);
        other.take(place, wanted.before, n);
        other.add(place, wanted.after, n);
        other
    }
}

/// What lies ahead of the dossiers of a unit that have not ended, as they are known here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ahead {
    /// Not ended.
    pub open: u64,
    /// Past their due time.
    pub overdue: u64,
    /// Due within 24 working hours of the unit.
    pub due_soon: u64,
    /// Due within 72 working hours, those within 24 among them.
    pub due_next: u64,
    /// Waiting for the citizen's supplements.
    pub waiting_for_citizen: u64,
    /// With something that has not reached the portal.
    pub waiting_for_portal: u64,
}

impl Ahead {
    /// Of several units together.
    pub fn join(&mut self, other: &Self) {
        self.open += other.open;
        self.overdue += other.overdue;
        self.due_soon += other.due_soon;
        self.due_next += other.due_next;
        self.waiting_for_citizen += other.waiting_for_citizen;
        self.waiting_for_portal += other.waiting_for_portal;
    }
}

/// Working hours in which something is due soon, and next.
const SOON: [i64; 2] = [24, 72];

/// Of which dossiers a score is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// Of this unit only.
    pub unit: Option<String>,
    /// Of this procedure only, by its national code.
    pub procedure: Option<String>,
}

/// The sum over the dossiers of a period.
#[derive(Debug)]
pub struct Tally<'a> {
    reader: Reader<'a>,
    units: Names,
    procedures: Names,
    services: Names,
    at_portal: HashMap<Cell, u64>,
    here: HashMap<Cell, u64>,
    repairs: HashMap<Wanted, Found>,
    checks: BTreeMap<(String, Check), Found>,
    /// Dossiers of a unit that the portal counts, and how many of them say that an account is verified.
    verified: BTreeMap<String, (u64, u64)>,
    /// By unit: what lies ahead, and the moments by which something is due soon and next.
    ahead: BTreeMap<String, (Ahead, [i64; 2])>,
    now: Timestamp,
    scope: Scope,
    boundary: u64,
    unknown_procedures: u64,
    waiting: u64,
}

impl<'a> Tally<'a> {
    /// An empty one. `scope`: whose repairs are looked for, and what is left out altogether.
    pub fn new(reader: Reader<'a>, scope: Scope, now: Timestamp) -> Self {
        Self {
            reader,
            units: Names::default(),
            procedures: Names::default(),
            services: Names::default(),
            at_portal: HashMap::new(),
            here: HashMap::new(),
            repairs: HashMap::new(),
            checks: BTreeMap::new(),
            verified: BTreeMap::new(),
            ahead: BTreeMap::new(),
            now,
            scope,
            boundary: 0,
            unknown_procedures: 0,
            waiting: 0,
        }
    }

    /// Adds a dossier of the period. `within`: the period's seconds; each side counts by its own date.
    pub fn add(&mut self, row: &FactRow, within: &std::ops::Range<i64>) {
        let unit = row.unit.as_ref().map_or("", UnitCode::as_str);
        let national = self.reader.catalogue.national(&row.known.procedure);
        if self.scope.unit.as_ref().is_some_and(|wanted| wanted != unit)
            || self.scope.procedure.as_ref().is_some_and(|wanted| wanted != national)
        {
            return;
        }
        let counts = |facts: &Facts| facts.anchor().is_some_and(|at| within.contains(&at));
        let (unit_number, here) = (self.units.number(unit), counts(&row.known));
        let here_marks = here.then(|| self.reader.marks(&row.known, row.unit.as_ref()));
        if let Some(marks) = here_marks {
            let cell = self.cell(unit_number, &row.known, marks);
            *self.here.entry(cell).or_default() += 1;
        }
        let acknowledged = row.acknowledged().filter(|facts| counts(facts));
        let mut portal_marks = None;
        if let Some(facts) = acknowledged {
            let judged = self.reader.judged(facts, row.unit.as_ref());
            let marks = self.reader.marks_of(facts, judged.as_ref());
            let cell = self.cell(unit_number, facts, marks);
            *self.at_portal.entry(cell).or_default() += 1;
            portal_marks = Some(marks);
            self.boundary += u64::from(judged.is_some_and(|j| j.is_boundary));
            self.unknown_procedures +=
                u64::from(!self.reader.catalogue.is_empty() && self.reader.procedure(facts).is_none());
            let verified = self.verified.entry(unit.to_owned()).or_default();
            verified.0 += 1;
            verified.1 += u64::from(facts.has(super::facts::flag::VNEID));
        }
        if row.portal != AtPortal::Same {
            self.waiting += 1;
        }
        self.look_for_repairs(row, portal_marks, here_marks);
        if here {
            self.look_ahead(row);
            for check in check::of(&self.reader, row) {
                self.checks.entry((unit.to_owned(), check)).or_default().add(row);
            }
        }
    }

    fn look_ahead(&mut self, row: &FactRow) {
        let unit = row.unit.as_ref().map_or("", UnitCode::as_str);
        let by = |hours| {
            let work = SignedDuration::from_hours(hours);
            let at = self.reader.judge.calendar.after(row.unit.as_ref(), self.now, work);
            at.map_or(i64::MAX, Timestamp::as_second)
        };
        let (ahead, [soon, next]) =
            self.ahead.entry(unit.to_owned()).or_insert_with(|| (Ahead::default(), SOON.map(by)));
        let facts = &row.known;
        if facts.is_ended() || facts.received.is_none() {
            return;
        }
        ahead.open += 1;
        ahead.waiting_for_portal += u64::from(row.portal != AtPortal::Same);
        // The clock stands still while the citizen is asked.
        if facts.status == 5 {
            ahead.waiting_for_citizen += 1;
            return;
        }
        let Some(due) = facts.due else { return };
        if due < self.now.as_second() {
            ahead.overdue += 1;
        } else {
            ahead.due_soon += u64::from(due <= *soon);
            ahead.due_next += u64::from(due <= *next);
        }
    }

    fn cell(&mut self, unit: u32, facts: &Facts, marks: Marks) -> Cell {
        let service = self.reader.service(facts).map_or(0, |service| self.services.number(service));
        let procedure = self.procedures.number(self.reader.catalogue.national(&facts.procedure));
        Cell { unit, procedure, service, marks }
    }

    fn look_for_repairs(&mut self, row: &FactRow, at_portal: Option<Marks>, here: Option<Marks>) {
        for (act, before, after) in repair::of(&self.reader, row, at_portal, here) {
            // What a procedure or service gains by its first dossier depends on which one it is.
            let differs = |bit: Marks| before.has(bit) != after.has(bit);
            let facts = &row.known;
            let procedure = if PROCEDURE_BITS.into_iter().any(differs) {
                self.procedures.number(self.reader.catalogue.national(&facts.procedure))
            } else {
                0
            };
            let service = match self.reader.service(facts).filter(|_| differs(Marks::SERVICE)) {
                Some(service) => self.services.number(service),
                None => 0,
            };
            // Only what changes matters, and belongs to the key.
            let (before, after) = (Marks(before.0 & !after.0), Marks(after.0 & !before.0));
            self.repairs.entry(Wanted { act, procedure, service, before, after }).or_default().add(row);
        }
    }

    /// What was counted, of the portal's side or of what is known here.
    pub fn counts(&self, scope: &Scope, is_here: bool) -> Counts {
        let number = |names: &Names, wanted: &Option<String>| {
            wanted.as_ref().map(|name| names.find(name).unwrap_or(u32::MAX))
        };
        let (unit, procedure) =
            (number(&self.units, &scope.unit), number(&self.procedures, &scope.procedure));
        let is_wanted = |cell: &Cell| {
            unit.is_none_or(|u| u == cell.unit) && procedure.is_none_or(|p| p == cell.procedure)
        };
        let mut counts = Counts::default();
        for (cell, n) in if is_here { &self.here } else { &self.at_portal } {
            if is_wanted(cell) {
                counts.add((cell.procedure, cell.service), cell.marks, *n);
            }
        }
        let received =
            self.here.iter().filter(|(cell, _)| is_wanted(cell) && cell.marks.has(Marks::RECEIVED));
        counts.received_here = received.map(|(_, n)| *n).sum();
        counts
    }

    /// The units that had a dossier.
    pub fn units(&self) -> impl Iterator<Item = &str> {
        self.units.names.iter().map(String::as_str).filter(|name| !name.is_empty())
    }

    /// The procedures that had a dossier, by national code.
    pub fn procedures(&self) -> impl Iterator<Item = &str> {
        self.procedures.names.iter().map(String::as_str).filter(|name| !name.is_empty())
    }

    /// What would win points back, in no order.
    pub fn repairs(&self) -> impl Iterator<Item = (&Wanted, &Found)> {
        self.repairs.iter()
    }

    /// What is odd about the data, by unit.
    pub fn checks(&self) -> &BTreeMap<(String, Check), Found> {
        &self.checks
    }

    /// Units of which every dossier says that no account is verified: rather a constant than the truth.
    pub fn never_verified(&self) -> impl Iterator<Item = &str> {
        const ENOUGH: u64 = 50;
        self.verified
            .iter()
            .filter(|(_, (all, yes))| *all >= ENOUGH && *yes == 0)
            .map(|(unit, _)| unit.as_str())
    }

    /// What lies ahead of a unit's dossiers, or of all.
    pub fn ahead(&self, unit: Option<&str>) -> Ahead {
        let mut sum = Ahead::default();
        for (_, (ahead, _)) in self.ahead.iter().filter(|(of, _)| unit.is_none_or(|unit| unit == *of)) {
            sum.join(ahead);
        }
        sum
    }

    /// Dossiers on which days and seconds disagree.
    pub fn boundary(&self) -> u64 {
        self.boundary
    }

    /// Dossiers whose procedure is not in the catalogue.
    pub fn unknown_procedures(&self) -> u64 {
        self.unknown_procedures
    }

    /// Dossiers of which the portal has nothing, or something older.
    pub fn waiting(&self) -> u64 {
        self.waiting
    }
}
