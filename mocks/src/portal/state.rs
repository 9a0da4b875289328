//! What the portal knows of dossiers, and the counts a test asks for.

use serde::Serialize;
use serde_json::Value;
use std::{
    collections::{HashMap, HashSet},
    hash::{DefaultHasher, Hash, Hasher},
};

/// One dossier as the portal last saw it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct PortalDossier {
    /// The last object of DongBoHoSoMC; null when only steps or statuses came.
    pub last: Value,
    /// Accepted DongBoHoSoMC calls: creates and updates.
    pub syncs: u64,
    pub creates: u64,
    /// Steps in order of arrival, as sent.
    pub steps: Vec<Value>,
    /// Objects of DongBoTrangThaiHoSo in order of arrival.
    pub statuses: Vec<Value>,
    /// Steps equal to the one just before.
    pub adjacent_duplicates: u64,
    /// Steps equal to an earlier one, but not to the one just before.
    pub other_duplicates: u64,
    /// Steps whose ThoiDiemXuLy is before that of the step just before.
    pub backward_steps: u64,
    #[serde(skip)]
    seen: HashSet<u64>,
}

/// Totals over all dossiers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    pub dossiers: u64,
    pub creates: u64,
    pub updates: u64,
    pub steps: u64,
    /// Adjacent and other duplicates together.
    pub duplicate_steps: u64,
    pub adjacent_duplicates: u64,
    pub other_duplicates: u64,
    pub backward_steps: u64,
    pub statuses: u64,
    pub logins: u64,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) dossiers: HashMap<String, PortalDossier>,
    pub(super) counts: Counts,
}

impl State {
    fn entry(&mut self, code: &str) -> &mut PortalDossier {
        if !self.dossiers.contains_key(code) {
            self.counts.dossiers += 1;
        }
        self.dossiers.entry(code.to_owned()).or_default()
    }

    pub(super) fn sync(&mut self, code: &str, dossier: &Value, is_create: bool) {
        let known = self.entry(code);
        known.last = dossier.clone();
        known.syncs += 1;
        known.creates += u64::from(is_create);
        self.counts.creates += u64::from(is_create);
        self.counts.updates += u64::from(!is_create);
    }

    /// It and all its steps are gone. Whether it was known.
    pub(super) fn forget(&mut self, code: &str) -> bool {
        self.dossiers.remove(code).is_some()
    }

    /// Shows another status than it was told. Whether it is known.
    pub(super) fn show(&mut self, code: &str, status: &str) -> bool {
        let last = self.dossiers.get_mut(code).and_then(|known| known.last.as_object_mut());
        last.map(|last| last.insert("TrangThaiHoSo".to_owned(), Value::from(status))).is_some()
    }

    pub(super) fn step(&mut self, code: &str, step: &Value) {
        let mut hasher = DefaultHasher::new();
        step.to_string().hash(&mut hasher);
        let known = self.entry(code);
        let previous = known.steps.last();
        let is_adjacent = previous == Some(step);
        let is_other = !known.seen.insert(hasher.finish()) && !is_adjacent;
        let at = |step: &Value| crate::shape::text(step, "ThoiDiemXuLy").to_owned();
        let is_backward = previous.is_some_and(|previous| at(step) < at(previous));
        known.adjacent_duplicates += u64::from(is_adjacent);
        known.other_duplicates += u64::from(is_other);
        known.backward_steps += u64::from(is_backward);
        known.steps.push(step.clone());
        self.counts.steps += 1;
        self.counts.duplicate_steps += u64::from(is_adjacent || is_other);
        self.counts.adjacent_duplicates += u64::from(is_adjacent);
        self.counts.other_duplicates += u64::from(is_other);
        self.counts.backward_steps += u64::from(is_backward);
    }

    pub(super) fn status(&mut self, code: &str, status: &Value) {
        self.entry(code).statuses.push(status.clone());
        self.counts.statuses += 1;
    }
}
