//! What of a dossier the index looks at: as the portal has it, or as it would have it if everything known here were
//! delivered. Small, so that a month of a million dossiers can be read.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use crate::{
    dossier::{DossierState, SettledHow},
    event::data::{Channel, Dossier, Fee, Reused},
    operation::ProgressStep,
};

/// The shape of stored facts: another one means that all of them are made anew.
pub const SHAPE: u32 = 2;

/// Marks of a dossier, as bits of [`Facts::flags`].
pub mod flag {
    /// A file that the portal can fetch.
    pub const FILE: u32 = 1;
    /// A digitised component.
    pub const DIGITISED: u32 = 1 << 1;
    /// A reused component.
    pub const REUSED: u32 = 1 << 2;
    /// A component from the national document store.
    pub const FROM_STORE: u32 = 1 << 3;
    /// A result with an address.
    pub const RESULT_LINK: u32 = 1 << 4;
    /// A result with address and code.
    pub const RESULT_WHOLE: u32 = 1 << 5;
    /// A result with only one of them.
    pub const RESULT_HALF: u32 = 1 << 6;
    /// A fee row above 0 (DanhSachLePhi).
    pub const FEE_ROW: u32 = 1 << 7;
    /// A fee row of 0: the citizen is exempt.
    pub const FEE_ZERO: u32 = 1 << 8;
    /// A fee that is due and stands in no row, because it is not paid.
    pub const FEE_UNSENT: u32 = 1 << 9;
    /// Something was paid online.
    pub const PAID_ONLINE: u32 = 1 << 10;
    /// The applicant's account is verified with VNeID.
    pub const VNEID: u32 = 1 << 11;
    /// Born on the portal.
    pub const PORTAL_BORN: u32 = 1 << 12;
}

/// Where a dossier stands, by what is known here; the store's number is fixed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Not received.
    NotReceived = 0,
    /// Received and in work.
    InWork = 1,
    /// Waiting for the citizen's supplement.
    Waiting = 2,
    /// Ended.
    Ended = 3,
}

impl Stage {
    /// The store's number.
    pub fn number(self) -> i16 {
        self as i16
    }
}

/// How the connector turns a dossier into the portal's: what of it decides here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reading {
    /// Status numbers that are sent otherwise; 0: not sent.
    pub statuses: BTreeMap<u8, u8>,
    /// Beginnings of addresses that the connector makes absolute.
    pub rewritten: Vec<String>,
    /// Fees that are due and not paid are sent as well.
    pub sends_unpaid_fees: bool,
}

/// The facts. Moments in seconds since 1970: the portal's own dates are no finer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Code of the procedure as events give it.
    #[serde(rename = "p", default, skip_serializing_if = "String::is_empty")]
    pub procedure: String,
    /// Code of the service, if events give one.
    #[serde(rename = "v", default, skip_serializing_if = "String::is_empty")]
    pub service: String,
    /// Received (NgayTiepNhan).
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
    pub received: Option<i64>,
    /// Handed in (NgayNopHoSo).
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    pub submitted: Option<i64>,
    /// Due (NgayHenTra).
    #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
    pub due: Option<i64>,
    /// Finished (NgayKetThucXuLy).
    #[serde(rename = "f", default, skip_serializing_if = "Option::is_none")]
    pub finished: Option<i64>,
    /// Handed over (NgayTra).
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    pub returned: Option<i64>,
    /// Status number (TrangThaiHoSo); 0: none yet.
    #[serde(rename = "s", default)]
    pub status: u8,
    /// Channel as the source says it (KenhThucHien): 1 counter, 2 online, 3 post; 0: it does not say.
    #[serde(rename = "c", default)]
    pub channel: u8,
    /// Marks: see [`flag`].
    #[serde(rename = "b", default)]
    pub flags: u32,
    /// Steps in order: status number, moment.
    #[serde(rename = "h", default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<(u8, i64)>,
    /// Supplements: asked for, received.
    #[serde(rename = "x", default, skip_serializing_if = "Vec::is_empty")]
    pub supplements: Vec<(i64, Option<i64>)>,
    /// Databases consulted.
    #[serde(rename = "k", default, skip_serializing_if = "Vec::is_empty")]
    pub databases: Vec<String>,
    /// Until when the citizen may answer what was asked last and has not come.
    #[serde(rename = "w", default, skip_serializing_if = "Option::is_none")]
    pub respond_by: Option<i64>,
    /// Who handled it last.
    #[serde(rename = "o", default, skip_serializing_if = "String::is_empty")]
    pub officer: String,
}

impl Facts {
    /// The facts of a state and the steps told beside it.
    pub fn of(
        state: &DossierState,
        steps: &[ProgressStep],
        reading: &Reading,
    ) -> Result<Self, serde_json::Error> {
        let dossier = state.dossier()?;
        let seconds = |at: Option<Timestamp>| at.map(Timestamp::as_second);
        let supplements = state.supplements()?;
        let asked = supplements.iter().filter_map(|s| Some((s.requested_at?, s.received_at)));
        let mut facts = Self {
            procedure: dossier.procedure.as_ref().map(|p| p.code.trim().to_owned()).unwrap_or_default(),
            service: dossier.procedure.as_ref().and_then(|p| p.service_code.clone()).unwrap_or_default(),
            received: seconds(dossier.received_at),
            submitted: seconds(dossier.submitted_at),
            due: seconds(dossier.due_at),
            finished: seconds(dossier.finished_at),
            returned: seconds(dossier.returned_at),
            status: state.status.map_or(0, |status| reading.status(status.code())),
            channel: dossier.channel.map_or(0, |channel| match channel {
                Channel::Counter => 1,
                Channel::Online => 2,
                Channel::Post => 3,
            }),
            flags: flags(state, &dossier, reading),
            steps: Vec::new(),
            supplements: asked.map(|(from, until)| (from.as_second(), seconds(until))).collect(),
            databases: dossier.databases.clone(),
            respond_by: supplements
                .iter()
                .filter(|s| s.received_at.is_none())
                .max_by_key(|s| s.requested_at)
                .and_then(|s| seconds(s.respond_by)),
            officer: String::new(),
        };
        facts.add_steps(steps, reading);
        Ok(facts)
    }

    /// Puts steps in their places; what the portal was told stays told, so that none is ever taken out.
    pub fn add_steps(&mut self, steps: &[ProgressStep], reading: &Reading) {
        let told = steps.iter().map(|s| (reading.status(s.status.code()), s.at.as_second()));
        self.keep_steps(&told.filter(|(status, _)| *status != 0).collect::<Vec<_>>());
        if let Some(last) = steps.iter().max_by_key(|step| step.at) {
            let officer = [&last.officer, &last.department].map(|text| text.trim());
            let officer = officer.into_iter().find(|text| !text.is_empty()).unwrap_or_default();
            officer.clone_into(&mut self.officer);
        }
    }

    /// Steps that were known before and whose operations are gone.
    pub fn keep_steps(&mut self, steps: &[(u8, i64)]) {
        for step in steps {
            if !self.steps.contains(step) {
                self.steps.push(*step);
            }
        }
        self.steps.sort_by_key(|(_, at)| *at);
    }

    /// Whether a mark is set.
    pub fn has(&self, flag: u32) -> bool {
        self.flags & flag != 0
    }

    /// Whether it came online, as the portal is told where the source does not say.
    pub fn is_online(&self) -> bool {
        self.channel == 2 || (self.channel == 0 && self.has(flag::PORTAL_BORN))
    }

    /// Whether it has come to an end.
    pub fn is_ended(&self) -> bool {
        matches!(self.status, 3 | 7..=10)
    }

    /// Where it stands.
    pub fn stage(&self) -> Stage {
        match self.status {
            _ if self.received.is_none() => Stage::NotReceived,
            _ if self.is_ended() => Stage::Ended,
            // The clock stands still while the citizen is asked.
            5 => Stage::Waiting,
            _ => Stage::InWork,
        }
    }

    /// Since when it waits for the citizen. `None`: it does not, or nobody said when it was asked.
    pub fn asked(&self) -> Option<i64> {
        if self.stage() != Stage::Waiting {
            return None;
        }
        let open =
            self.supplements.iter().filter(|(_, received)| received.is_none()).map(|(asked, _)| *asked);
        let step = || self.steps.iter().rev().find(|(status, _)| *status == 5).map(|(_, at)| *at);
        open.max().or_else(step)
    }

    /// When it counts: received, or handed in.
    pub fn anchor(&self) -> Option<i64> {
        self.received.or(self.submitted)
    }
}

impl Reading {
    fn status(&self, status: u8) -> u8 {
        self.statuses.get(&status).copied().unwrap_or(status)
    }

    fn is_reachable(&self, url: &str) -> bool {
        let url = url.trim();
        let is_absolute = url.starts_with("http://") || url.starts_with("https://");
        (is_absolute || self.rewritten.iter().any(|from| !url.is_empty() && url.starts_with(from)))
            && !url.contains(char::is_whitespace)
    }
}

fn flags(state: &DossierState, dossier: &Dossier, reading: &Reading) -> u32 {
    let mut flags = 0;
    let mut set = |flag: u32, is: bool| flags |= if is { flag } else { 0 };
    for document in dossier.documents.iter().filter(|d| !d.deleted) {
        // What the portal cannot fetch is not listed there.
        let is_listed = reading.is_reachable(&document.url);
        set(flag::FILE, is_listed);
        set(flag::DIGITISED, document.digitised);
        set(flag::REUSED, is_listed && !matches!(document.reused, None | Some(Reused::No)));
        set(flag::FROM_STORE, is_listed && document.from_national_store);
    }
    for result in dossier.results.iter().filter(|r| !r.deleted) {
        let (link, code) = (reading.is_reachable(&result.url), !result.code.trim().is_empty());
        set(flag::RESULT_LINK, link);
        set(flag::RESULT_WHOLE, link && code);
        set(flag::RESULT_HALF, link != code);
    }
    let paid = paid(state, &dossier.fees);
    for (fee, paid) in dossier.fees.iter().zip(&paid).filter(|(fee, _)| !fee.deleted) {
        let is_sent = fee.exempt.is_some() || fee.paid_elsewhere || reading.sends_unpaid_fees;
        let price = if fee.exempt.is_some() { 0 } else { fee.amount.get() };
        set(flag::FEE_ROW, *paid > 0 || (is_sent && price > 0));
        set(flag::FEE_ZERO, *paid == 0 && is_sent && price == 0);
        set(flag::FEE_UNSENT, *paid == 0 && !is_sent && price > 0);
    }
    let is_online = state.settled.iter().any(|s| s.how == SettledHow::Online && s.amount > 0);
    set(flag::PAID_ONLINE, is_online || dossier.paid_online.is_some());
    set(flag::DIGITISED, dossier.digitised);
    set(flag::VNEID, dossier.applicant.as_ref().is_some_and(|a| a.vneid_verified));
    set(flag::PORTAL_BORN, state.is_portal_born());
    flags
}

/// What was paid of each fee.
fn paid(state: &DossierState, fees: &[Fee]) -> Vec<i64> {
    let mut sums = vec![0_i64; fees.len()];
    for (key, amount) in state.settled.iter().flat_map(|settled| &settled.lines) {
        let by_id = fees.iter().position(|fee| !fee.deleted && fee.id == *key);
        let by_code = || fees.iter().position(|fee| !fee.deleted && !fee.code.is_empty() && fee.code == *key);
        if let Some(sum) = by_id.or_else(by_code).and_then(|place| sums.get_mut(place)) {
            *sum = sum.saturating_add(*amount);
        }
    }
    sums
}
