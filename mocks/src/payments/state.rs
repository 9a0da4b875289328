//! References and what became of them; money that was asked for twice is visible here.

use crate::clock;
use serde::Serialize;
use std::collections::HashMap;

/// Where a reference stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    Open,
    Paid,
    Failed,
}

/// One reference (MaThamChieu) as the platform knows it.
#[derive(Clone, Debug, Serialize)]
pub struct Reference {
    pub reference: String,
    pub amount: u64,
    pub beneficiary_account: String,
    /// MaHoSo.
    pub dossier: String,
    /// NoiDungThanhToan.
    pub content: String,
    /// ThongTinGiaoDich.
    pub description: String,
    /// ThoiGianGD of the INIT, byte for byte.
    pub opened_at: String,
    /// How often INIT came with this content.
    pub inits: u64,
    pub standing: Standing,
    /// MaGiaoDich, once paid or failed.
    pub transaction: Option<String>,
    /// ThoiGianGD of the result.
    pub settled_at: Option<String>,
    pub pay_url: String,
    pub callbacks_sent: u64,
    pub callbacks_acknowledged: u64,
    #[serde(skip)]
    pub(super) fingerprint: String,
}

/// All references of one MaHoSo and NoiDungThanhToan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Opening {
    pub dossier: String,
    pub content: String,
    /// References ever opened.
    pub references: u64,
    /// Open now.
    pub open: u64,
    /// The most that were open at once; above 1 a citizen could have paid twice.
    pub peak_open: u64,
    /// Paid; above 1 a citizen did pay twice.
    pub paid: u64,
}

/// Totals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    pub references: u64,
    /// INITs that came again with identical content while the reference was open.
    pub repeated_inits: u64,
    pub paid: u64,
    pub failed: u64,
    pub callbacks_sent: u64,
    pub callbacks_acknowledged: u64,
    pub forged_sent: u64,
    /// Forged callbacks answered with success: each is a hole in the receiver.
    pub forged_accepted: u64,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) references: Vec<Reference>,
    index: HashMap<String, usize>,
    openings: HashMap<(String, String), Opening>,
    pub(super) counts: Counts,
    transactions: u64,
}

impl State {
    pub(super) fn get(&self, reference: &str) -> Option<&Reference> {
        self.references.get(*self.index.get(reference)?)
    }

    pub(super) fn get_mut(&mut self, reference: &str) -> Option<&mut Reference> {
        self.references.get_mut(*self.index.get(reference)?)
    }

    pub(super) fn open(&mut self, reference: Reference) {
        let opening =
            self.openings.entry((reference.dossier.clone(), reference.content.clone())).or_default();
        opening.dossier.clone_from(&reference.dossier);
        opening.content.clone_from(&reference.content);
        opening.references += 1;
        opening.open += 1;
        opening.peak_open = opening.peak_open.max(opening.open);
        self.counts.references += 1;
        self.index.insert(reference.reference.clone(), self.references.len());
        self.references.push(reference);
    }

    /// Records a result; a failed reference can still be paid (a late success), a paid one is final.
    pub(super) fn settle(&mut self, reference: &str, to: Standing) -> bool {
        self.transactions += 1;
        let stamp = clock::stamp();
        let transaction = format!("{}{:010}", stamp.get(2..8).unwrap_or_default(), self.transactions);
        let Some(known) = self.get_mut(reference) else { return false };
        let was = known.standing;
        if was == Standing::Paid || was == to || to == Standing::Open {
            return false;
        }
        known.standing = to;
        known.transaction = Some(transaction);
        known.settled_at = Some(stamp);
        let key = (known.dossier.clone(), known.content.clone());
        let opening = self.openings.entry(key).or_default();
        opening.open -= u64::from(was == Standing::Open);
        opening.paid += u64::from(to == Standing::Paid);
        self.counts.paid += u64::from(to == Standing::Paid);
        self.counts.failed += u64::from(to == Standing::Failed);
        true
    }

    pub(super) fn openings(&self) -> Vec<Opening> {
        let mut openings: Vec<Opening> = self.openings.values().cloned().collect();
        openings.sort_by(|a, b| (&a.dossier, &a.content).cmp(&(&b.dossier, &b.content)));
        openings
    }
}
