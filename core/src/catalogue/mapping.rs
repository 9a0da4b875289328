//! Mappings from our codes to a partner's, confirmed by a person, and the book of those that hold. A mapping is never
//! deleted, and none pushes another one out: it is withdrawn by a person, or ends on a day.

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use crate::{
    id::{ConnectorId, RowId},
    need::Need,
};

/// Which codes a mapping is about; the names are those of the needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Table {
    /// Procedures.
    Procedure,
    /// Statuses.
    Status,
    /// Units.
    Unit,
    /// Fees.
    Fee,
}

impl Table {
    /// All tables.
    pub const ALL: [Self; 4] = [Self::Procedure, Self::Status, Self::Unit, Self::Fee];

    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Procedure => "procedure",
            Self::Status => "status",
            Self::Unit => "unit",
            Self::Fee => "fee",
        }
    }

    /// The table of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.name() == name)
    }

    /// The list of the catalogue that has its codes, where there is one.
    pub fn list(self) -> Option<&'static str> {
        match self {
            Self::Procedure => Some(super::PROCEDURES),
            Self::Unit => Some(super::AGENCIES),
            Self::Status | Self::Fee => None,
        }
    }
}

/// A person's word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Word {
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// Why.
    pub reason: String,
}

/// That a code of ours means a code of the partner's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mapping {
    /// Its row.
    pub id: RowId,
    /// Whose codes.
    pub connector: ConnectorId,
    /// Which codes.
    pub table: Table,
    /// Ours.
    pub local: String,
    /// The partner's.
    pub national: String,
    /// What the partner calls it, as of the confirmation; may be empty.
    #[serde(default)]
    pub name: String,
    /// The first day on which it holds; none: always before.
    #[serde(default)]
    pub from: Option<Date>,
    /// The last day on which it holds; none: until further notice.
    #[serde(default)]
    pub until: Option<Date>,
    /// Who confirmed it.
    pub confirmed: Word,
    /// Who withdrew it.
    #[serde(default)]
    pub withdrawn: Option<Word>,
}

impl Mapping {
    /// Whether it holds on a day.
    pub fn holds(&self, day: Date) -> bool {
        self.withdrawn.is_none()
            && self.from.is_none_or(|from| from <= day)
            && self.until.is_none_or(|until| day <= until)
    }

    /// Whether there is a day on which both hold.
    pub fn meets(&self, other: &Self) -> bool {
        let begins_before =
            |a: Option<Date>, b: Option<Date>| a.zip(b).is_none_or(|(from, until)| from <= until);
        self.withdrawn.is_none()
            && other.withdrawn.is_none()
            && begins_before(self.from, other.until)
            && begins_before(other.from, self.until)
    }

    /// What waits for it.
    pub fn need(&self) -> Need {
        Need::Mapping {
            connector: self.connector.to_string(),
            table: self.table.name().to_owned(),
            code: self.local.clone(),
        }
    }
}

/// The mappings that were not withdrawn, as they were when the store was asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Book {
    /// The store's version of them.
    pub version: i64,
    by_table: BTreeMap<(ConnectorId, Table), BTreeMap<String, Vec<Mapping>>>,
}

impl Book {
    /// A book of these.
    pub fn new(version: i64, mappings: Vec<Mapping>) -> Self {
        let mut book = Self { version, by_table: BTreeMap::new() };
        for mapping in mappings.into_iter().filter(|m| m.withdrawn.is_none()) {
            let table = book.by_table.entry((mapping.connector.clone(), mapping.table)).or_default();
            table.entry(mapping.local.clone()).or_default().push(mapping);
        }
        book
    }

    /// What a code of ours means on a day.
    pub fn find(&self, connector: &ConnectorId, table: Table, local: &str, day: Date) -> Option<&Mapping> {
        let all = self.by_table.get(&(connector.clone(), table))?.get(local)?;
        all.iter().find(|mapping| mapping.holds(day))
    }

    /// All that hold on a day.
    pub fn holding(
        &self,
        connector: &ConnectorId,
        table: Table,
        day: Date,
    ) -> impl Iterator<Item = &Mapping> {
        let all = self.by_table.get(&(connector.clone(), table));
        all.into_iter().flatten().flat_map(|(_, all)| all).filter(move |mapping| mapping.holds(day))
    }

    /// Whether there is none of a connector.
    pub fn is_empty_of(&self, connector: &ConnectorId) -> bool {
        !self.by_table.keys().any(|(of, _)| of == connector)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapping(local: &str, from: &str, until: &str) -> Mapping {
        let day = |text: &str| text.parse().ok();
        Mapping {
            id: 1,
            connector: ConnectorId::parse("portal").unwrap(),
            table: Table::Procedure,
            local: local.into(),
            national: format!("N-{from}"),
            name: String::new(),
            from: day(from),
            until: day(until),
            confirmed: Word { by: "an".into(), at: Timestamp::UNIX_EPOCH, reason: "đúng".into() },
            withdrawn: None,
        }
    }

    #[test]
    fn days_decide_which_of_several_holds() {
        let (old, new) = (mapping("TT", "", "2025-06-30"), mapping("TT", "2025-07-01", ""));
        assert!(!old.meets(&new) && !new.meets(&old));
        assert!(mapping("TT", "2025-06-30", "").meets(&old));
        let book = Book::new(1, vec![old, new]);
        let portal = ConnectorId::parse("portal").unwrap();
        let on = |day: &str| {
            let found = book.find(&portal, Table::Procedure, "TT", day.parse().unwrap());
            found.map(|m| m.national.clone())
        };
        assert_eq!(on("2025-06-30").as_deref(), Some("N-"));
        assert_eq!(on("2025-07-01").as_deref(), Some("N-2025-07-01"));
    }

    #[test]
    fn a_withdrawn_one_holds_never() {
        let mut gone = mapping("TT", "", "");
        gone.withdrawn = Some(gone.confirmed.clone());
        assert!(!gone.holds("2025-06-30".parse().unwrap()) && !gone.meets(&mapping("TT", "", "")));
        assert!(Book::new(1, vec![gone]).is_empty_of(&ConnectorId::parse("portal").unwrap()));
    }
}
