//! Which of our mappings break by what the catalogue says now. Pure.

use serde::Serialize;
use std::collections::BTreeMap;

use super::{Entry, mapping::Table};
use crate::id::{ConnectorId, RowId};

/// Where a mapping comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "from", content = "id")]
pub enum Origin {
    /// The configuration file.
    Configuration,
    /// A person's confirmation.
    Stored(RowId),
}

/// A mapping that is in use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bound {
    /// Whose codes.
    pub connector: ConnectorId,
    /// Which codes.
    pub table: Table,
    /// Ours.
    pub local: String,
    /// The partner's.
    pub national: String,
    /// Where it comes from.
    pub origin: Origin,
}

/// Why a mapping does not hold any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// The catalogue has never named the code.
    Unknown,
    /// The catalogue does not name it any more.
    Withdrawn,
    /// The catalogue names it, but says that it is not in force.
    NotInForce,
}

impl Why {
    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Withdrawn => "withdrawn",
            Self::NotInForce => "not_in_force",
        }
    }
}

/// A mapping that is in use and broken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Broken {
    /// The mapping.
    #[serde(flatten)]
    pub bound: Bound,
    /// Why.
    pub why: Why,
    /// What the code is called, where the catalogue knows it.
    pub name: String,
}

/// `N.NNNNNN`, with or without a suffix of a province, without it. Anything else is itself.
fn base(code: &str) -> &str {
    let mut dots = code.match_indices('.').map(|(at, _)| at);
    match (dots.next(), dots.next()) {
        (Some(1), Some(8)) => &code[..8],
        _ => code,
    }
}

/// The forms under which the catalogue may list a code: itself, and without a province's suffix.
pub fn forms(code: &str) -> impl Iterator<Item = &str> + Clone {
    let base = base(code);
    [Some(code), (base != code).then_some(base)].into_iter().flatten()
}

/// The entry that a code means: the first of its forms that is there and not withdrawn, else a withdrawn one.
fn entry_of<'a>(entries: &'a BTreeMap<String, Entry>, code: &str) -> Option<&'a Entry> {
    let mut found = forms(code).filter_map(|form| entries.get(form));
    let mut all = found.clone();
    all.find(|entry| entry.withdrawn_at.is_none()).or_else(|| found.next())
}

/// Those of `bound` that break. `lists`: entries by list and code, withdrawn ones too; a list that was never pulled breaks
/// nothing.
pub fn broken(bound: &[Bound], lists: &BTreeMap<String, BTreeMap<String, Entry>>) -> Vec<Broken> {
    let mut out = Vec::new();
    for bound in bound {
        let entries = bound.table.list().and_then(|list| lists.get(list)).filter(|list| !list.is_empty());
        let Some(entries) = entries else { continue };
        let entry = entry_of(entries, &bound.national);
        let details = lists.get(super::PROCEDURE_DETAILS).filter(|_| bound.table == Table::Procedure);
        let detail = details.and_then(|details| entry_of(details, &bound.national));
        let why = match entry {
            None => Why::Unknown,
            Some(entry) if entry.withdrawn_at.is_some() => Why::Withdrawn,
            Some(entry) if !entry.in_force || detail.is_some_and(|d| !d.in_force) => Why::NotInForce,
            Some(_) => continue,
        };
        let name = entry.map(|e| e.name.clone()).unwrap_or_default();
        out.push(Broken { bound: bound.clone(), why, name });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    fn entry(code: &str) -> Entry {
        Entry {
            connector: ConnectorId::parse("portal").unwrap(),
            list: super::super::PROCEDURES.into(),
            code: code.into(),
            name: "Khai sinh".into(),
            in_force: true,
            content: "{}".into(),
            version: 1,
            first_at: Timestamp::UNIX_EPOCH,
            changed_at: Timestamp::UNIX_EPOCH,
            withdrawn_at: None,
        }
    }

    fn bound(national: &str) -> Bound {
        Bound {
            connector: ConnectorId::parse("portal").unwrap(),
            table: Table::Procedure,
            local: format!("TT-{national}"),
            national: national.into(),
            origin: Origin::Configuration,
        }
    }

    #[test]
    fn unknown_withdrawn_and_closed_codes_break_their_mappings_and_others_do_not() {
        let mut gone = entry("1.000002");
        gone.withdrawn_at = Some(Timestamp::UNIX_EPOCH);
        let list = [entry("1.000001"), gone, entry("1.000003")].map(|e| (e.code.clone(), e));
        let closed = Entry { in_force: false, ..entry("1.000003") };
        let lists = BTreeMap::from([
            (super::super::PROCEDURES.to_owned(), BTreeMap::from(list)),
            (super::super::PROCEDURE_DETAILS.to_owned(), BTreeMap::from([(closed.code.clone(), closed)])),
        ]);
        let all = ["1.000001", "1.000001.000.00.00.H99", "1.000002.H99", "1.000003", "1.999999"].map(bound);
        let found = broken(&all, &lists);
        let whys: Vec<_> = found.iter().map(|b| (b.bound.national.as_str(), b.why)).collect();
        assert_eq!(
            whys,
            [("1.000002.H99", Why::Withdrawn), ("1.000003", Why::NotInForce), ("1.999999", Why::Unknown)]
        );
        // What was never pulled says nothing.
        assert_eq!(broken(&all, &BTreeMap::new()), []);
    }
}
