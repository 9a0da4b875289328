//! What the index asks of procedures: a catalogue that the operator keeps, from the national database.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

use crate::id::UnitCode;

/// The unit of a procedure's time limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitUnit {
    /// Hours of the clock.
    Hours,
    /// Days.
    Days,
    /// Working days.
    WorkingDays,
    /// Months.
    Months,
}

/// How long a procedure may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// How many.
    pub count: u32,
    /// Of what.
    pub unit: LimitUnit,
}

/// An online service (LayDVC).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// Its code; dossiers name it, or belong to the only service of their procedure.
    pub code: String,
}

/// A procedure as the national database has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Procedure {
    /// National code.
    pub code: String,
    /// Codes that events use for it.
    #[serde(default)]
    pub local: Vec<String>,
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// It has a fee or charge (PHILEPHI).
    #[serde(default)]
    pub has_fee: bool,
    /// It ends in a paper result (KETQUATHUCHIEN).
    #[serde(default = "yes")]
    pub has_result: bool,
    /// Citizens or foreigners may apply (DOITUONGTHUCHIEN).
    #[serde(default)]
    pub is_for_citizens: bool,
    /// Its description is complete (1.3).
    #[serde(default)]
    pub is_described: bool,
    /// How long it may take, where a dossier says nothing.
    #[serde(default)]
    pub limit: Option<Limit>,
    /// Its online services, in part or in full; none: it is not offered online.
    #[serde(default)]
    pub services: Vec<Service>,
    /// The units that offer it; none: it counts for the province only.
    #[serde(default)]
    pub units: Vec<UnitCode>,
}

fn yes() -> bool {
    true
}

/// All procedures under the province's authority.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Catalogue {
    procedures: BTreeMap<String, Procedure>,
    local: BTreeMap<String, String>,
}

/// How many procedures and services there are to divide by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Shelf {
    /// All.
    pub procedures: u64,
    /// With a complete description.
    pub described: u64,
    /// Offered online.
    pub offered: u64,
    /// Online services.
    pub services: u64,
    /// With a fee.
    pub with_fee: u64,
    /// For citizens.
    pub for_citizens: u64,
}

impl Catalogue {
    /// A catalogue; the codes that belong to two entries come back as an error.
    pub fn new(procedures: Vec<Procedure>) -> Result<Self, BTreeSet<String>> {
        let (mut catalogue, mut twice) = (Self::default(), BTreeSet::new());
        for procedure in procedures {
            for local in &procedure.local {
                if catalogue.local.insert(local.clone(), procedure.code.clone()).is_some() {
                    twice.insert(local.clone());
                }
            }
            if let Some(other) = catalogue.procedures.insert(procedure.code.clone(), procedure) {
                twice.insert(other.code);
            }
        }
        if twice.is_empty() { Ok(catalogue) } else { Err(twice) }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.procedures.is_empty()
    }

    /// A code of an event also means this national one.
    pub fn also(&mut self, local: &str, national: &str) {
        self.local.entry(local.to_owned()).or_insert_with(|| national.to_owned());
    }

    /// A code of an event means this national one, whatever was known of it.
    pub fn means(&mut self, local: &str, national: &str) {
        self.local.insert(local.to_owned(), national.to_owned());
    }

    /// The national code of a dossier's procedure.
    pub fn national<'a>(&'a self, code: &'a str) -> &'a str {
        self.local.get(code).map_or(code, String::as_str)
    }

    /// The procedure of a dossier.
    pub fn procedure(&self, code: &str) -> Option<&Procedure> {
        self.procedures.get(self.national(code))
    }

    /// What there is to divide by: of the province, or of a unit. `None`: the catalogue says nothing of it.
    pub fn shelf(&self, unit: Option<&str>) -> Option<Shelf> {
        let of_unit = |p: &&Procedure| unit.is_none_or(|u| p.units.iter().any(|of| of.as_str() == u));
        let mut shelf = Shelf::default();
        for procedure in self.procedures.values().filter(of_unit) {
            shelf.procedures += 1;
            shelf.described += u64::from(procedure.is_described);
            shelf.offered += u64::from(!procedure.services.is_empty());
            shelf.services += u64::try_from(procedure.services.len()).unwrap_or_default();
            shelf.with_fee += u64::from(procedure.has_fee);
            shelf.for_citizens += u64::from(procedure.is_for_citizens);
        }
        (shelf.procedures > 0).then_some(shelf)
    }
}
