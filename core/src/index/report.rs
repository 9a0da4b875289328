//! A finished tally as people ask for it: the score of what the portal has beside that of what is known here, the scopes
//! below, and the repairs by what they bring.

use super::{
    catalogue::Catalogue,
    check::Check,
    repair::{Act, Example, Found},
    rules::Rules,
    score::{Basis, Score},
    tally::{Ahead, Counts, Scope, Tally},
};

/// A repair, with what it brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repair {
    /// What is to be done.
    pub act: Act,
    /// What one such dossier brings, in billionths of a point.
    pub gain: i64,
    /// What all of them bring together.
    pub gain_of_all: i64,
    /// How many there are.
    pub dossiers: u64,
    /// The first of them.
    pub examples: Vec<Example>,
    /// By unit.
    pub by_unit: Vec<(String, u64)>,
}

/// A scope below the one that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The unit's or the procedure's code.
    pub code: String,
    /// What the portal has of it.
    pub score: Score,
    /// Dossiers that the portal counts.
    pub dossiers: u64,
    /// Late ones among them.
    pub late: u64,
    /// What lies ahead of those that have not ended; of units only.
    pub ahead: Ahead,
}

/// The report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// From what the portal has acknowledged.
    pub at_portal: Score,
    /// If everything known here were delivered.
    pub here: Score,
    /// Dossiers that the portal counts.
    pub dossiers: u64,
    /// Dossiers received within the period, delivered or not.
    pub received_here: u64,
    /// Dossiers of which the portal has nothing, or something older.
    pub waiting: u64,
    /// Dossiers on which days and seconds disagree.
    pub boundary: u64,
    /// Dossiers whose procedure the catalogue does not have.
    pub unknown_procedures: u64,
    /// What lies ahead of those that have not ended.
    pub ahead: Ahead,
    /// By unit; empty if a unit was asked for.
    pub units: Vec<Part>,
    /// By procedure; empty if a procedure was asked for.
    pub procedures: Vec<Part>,
    /// By what one of them brings, highest first.
    pub repairs: Vec<Repair>,
    /// What is odd about the data: the check and where it was found.
    pub checks: Vec<(Check, Found)>,
    /// Units of which every dossier says that no account is verified.
    pub never_verified: Vec<String>,
}

/// Makes the report of a tally.
pub fn report(tally: &Tally<'_>, rules: &Rules, catalogue: &Catalogue, scope: &Scope) -> Report {
    use super::marks::Marks;
    let basis = |scope: &Scope| Basis {
        rules,
        shelf: catalogue.shelf(scope.unit.as_deref()),
        is_one_procedure: scope.procedure.is_some(),
    };
    let (counts, whole) = (tally.counts(scope, false), basis(scope));
    let part = |scope: Scope, code: &str| {
        let counts = tally.counts(&scope, false);
        let (dossiers, on_time) = (counts.of(Marks::RECEIVED), counts.of(Marks::ON_TIME));
        Part {
            code: code.to_owned(),
            score: basis(&scope).score(&counts),
            dossiers,
            late: dossiers.saturating_sub(on_time),
            ahead: match (&scope.unit, &scope.procedure) {
                (Some(unit), None) => tally.ahead(Some(unit)),
                _ => Ahead::default(),
            },
        }
    };
    let units = tally.units().filter(|_| scope.unit.is_none() && scope.procedure.is_none());
    let procedures = tally.procedures().filter(|_| scope.procedure.is_none());
    let mut units: Vec<Part> =
        units.map(|unit| part(Scope { unit: Some(unit.to_owned()), procedure: None }, unit)).collect();
    let mut procedures: Vec<Part> = procedures
        .map(|code| part(Scope { procedure: Some(code.to_owned()), ..scope.clone() }, code))
        .collect();
    units.sort_by(|a, b| a.code.cmp(&b.code));
    procedures.sort_by(|a, b| b.dossiers.cmp(&a.dossiers).then_with(|| a.code.cmp(&b.code)));
    let mut checks: Vec<(Check, Found)> = Vec::new();
    for ((_, check), found) in tally.checks() {
        match checks.iter_mut().find(|(known, _)| known == check) {
            Some((_, sum)) => sum.join(found),
            None => checks.push((*check, found.clone())),
        }
    }
    checks.sort_by_key(|(check, _)| *check);
    Report {
        at_portal: whole.score(&counts),
        here: whole.score(&tally.counts(scope, true)),
        dossiers: counts.of(Marks::RECEIVED),
        received_here: counts.received_here,
        waiting: tally.waiting(),
        boundary: tally.boundary(),
        unknown_procedures: tally.unknown_procedures(),
        ahead: tally.ahead(None),
        units,
        procedures,
        repairs: repairs(tally, &whole, &counts),
        checks,
        never_verified: tally.never_verified().map(str::to_owned).collect(),
    }
}

/// Every kind of repair that brings something. What each brings is found by scoring again, not by adding shares.
fn repairs(tally: &Tally<'_>, basis: &Basis<'_>, counts: &Counts) -> Vec<Repair> {
    let now = basis.exact(counts);
    let mut repairs: Vec<Repair> = tally
        .repairs()
        .map(|(wanted, found)| Repair {
            act: wanted.act,
            gain: basis.exact(&counts.repaired(wanted, 1)) - now,
            gain_of_all: basis.exact(&counts.repaired(wanted, found.dossiers)) - now,
            dossiers: found.dossiers,
            examples: found.examples.clone(),
            by_unit: found.by_unit.iter().map(|(unit, n)| (unit.clone(), *n)).collect(),
        })
        .filter(|repair| repair.gain > 0 || repair.gain_of_all > 0)
        .collect();
    repairs.sort_by(|a, b| {
        b.gain.cmp(&a.gain).then_with(|| b.gain_of_all.cmp(&a.gain_of_all)).then_with(|| a.act.cmp(&b.act))
    });
    repairs
}
