//! The oracle: reads the events that were published and says what must have reached every partner, from docs/events.md
//! alone. It knows none of the adapter's types, so that a misunderstanding there is not repeated here.
//!
//! `read`: lines -> what they mean; `dossier`: one dossier's life; `seen`: what the partners have; `compare`: differences.

mod compare;
mod dossier;
mod read;
mod seen;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use compare::{Allowance, Difference, Kind};
pub use dossier::{Life, Paying, Posting, Step};
pub use read::Broken;
pub use seen::{Order, PortalDossier, Reference, Seen};

/// What must be true once everything that was published has been worked off.
#[derive(Debug, Clone, Default)]
pub struct Oracle {
    /// Lines that were published.
    pub lines: usize,
    /// Events that had to be admitted.
    pub admitted: usize,
    /// Events that came again, the same.
    pub duplicates: usize,
    /// Lines that had to go to quarantine.
    pub broken: Vec<Broken>,
    /// Lives by subject.
    pub lives: BTreeMap<String, Life>,
}

impl Oracle {
    /// Reads lines in the order of their publication.
    pub fn of<'l>(lines: impl IntoIterator<Item = &'l Vec<u8>>) -> Self {
        let mut oracle = Self::default();
        let mut reader = read::Reader::default();
        for line in lines {
            oracle.lines += 1;
            match reader.read(line) {
                Ok(read::Read::New(event)) => {
                    match oracle.lives.entry(event.subject.clone()).or_default().live(&event) {
                        Ok(()) => oracle.admitted += 1,
                        Err(why) => oracle.broken.push(Broken { line: oracle.lines, why }),
                    }
                }
                Ok(read::Read::Again) => oracle.duplicates += 1,
                Err(why) => oracle.broken.push(Broken { line: oracle.lines, why }),
            }
        }
        oracle
    }

    /// Lives that the adapter can know: a whole dossier was published.
    pub fn known(&self) -> impl Iterator<Item = (&String, &Life)> {
        self.lives.iter().filter(|(_, life)| life.is_known)
    }

    /// Payments that have to be opened and can be paid online: id, dossier at the portal, content.
    pub fn payable(&self) -> impl Iterator<Item = (&String, &str, &Paying)> {
        self.known().flat_map(|(subject, life)| {
            let open = life.payments.iter().filter(|(_, p)| !p.is_settled_elsewhere);
            open.map(move |(id, paying)| (id, life.portal_code(subject), paying))
        })
    }

    /// How many steps the portal must have.
    pub fn steps(&self) -> usize {
        self.known().map(|(_, life)| life.steps.len()).sum()
    }

    /// How many parcels must be ordered and not taken back.
    pub fn parcels(&self) -> usize {
        self.lives.values().flat_map(|l| l.parcels.values()).filter(|p| !p.is_cancelled).count()
    }
}
