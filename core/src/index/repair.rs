//! What costs points, and which truthful act would win them back. Nothing here says that something is to be stated that
//! did not happen: an act is to send what is held, or to find out whether it is held.

use std::collections::BTreeMap;

use super::{
    facts::{Facts, flag},
    lateness::{Judged, Late},
    marks::{Fees, Marks, Reader, fees, has_fee},
    tally::{AtPortal, FactRow},
};

/// How many dossiers are named of each kind.
pub const EXAMPLES: usize = 200;

/// What would win points back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Act {
    /// It is known here and not at the portal: deliver what waits.
    Deliver,
    /// It has ended, and its result has no code or address: send the result that was issued.
    SendResult,
    /// It has not ended: send the result once it is issued.
    ResultOnceIssued,
    /// Handed over or finished, but the portal has no step 9 in time: send the step with the moment at which it happened.
    SendFinish,
    /// Asked for supplements and went on without a word of their arrival: send the step with which it was resumed.
    SendResumption,
    /// No due time, or one at midnight or before it was received: state the due time that the citizen was given.
    StateDue,
    /// No fee row: if the citizen paid online, say so.
    StatePayment,
    /// No fee row: if the citizen is exempt, send a row of 0.
    StateExemption,
    /// Paid otherwise: offer online payment; if it was paid online, say so.
    PayOnline,
    /// The account is not said to be verified: if it is, say so.
    StateVerification,
    /// No file that the portal can fetch: attach what was scanned.
    AttachFile,
    /// No component is said to be digitised: if one is, say so.
    StateDigitised,
    /// No channel: say how it came.
    StateChannel,
    /// It is late: nothing truthful wins this back; the next one can be in time.
    Late,
}

impl Act {
    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Deliver => "deliver",
            Self::SendResult => "send_result",
            Self::ResultOnceIssued => "result_once_issued",
            Self::SendFinish => "send_finish",
            Self::SendResumption => "send_resumption",
            Self::StateDue => "state_due",
            Self::StatePayment => "state_payment",
            Self::StateExemption => "state_exemption",
            Self::PayOnline => "pay_online",
            Self::StateVerification => "state_verification",
            Self::AttachFile => "attach_file",
            Self::StateDigitised => "state_digitised",
            Self::StateChannel => "state_channel",
            Self::Late => "late",
        }
    }

    /// Whether it can still be won back.
    pub fn can_be_won_back(self) -> bool {
        self != Self::Late
    }
}

/// A repair of one kind of dossier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Wanted {
    /// What is to be done.
    pub act: Act,
    /// The procedure's number in the tally, where it matters.
    pub procedure: u32,
    /// The service's, where it matters.
    pub service: u32,
    /// The marks that would go.
    pub before: Marks,
    /// The marks that would come.
    pub after: Marks,
}

/// A dossier that is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// Its code.
    pub code: String,
    /// Its unit.
    pub unit: String,
    /// Who handled it last.
    pub officer: String,
}

/// Dossiers that were found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// How many.
    pub dossiers: u64,
    /// How many by unit.
    pub by_unit: BTreeMap<String, u64>,
    /// The first of them.
    pub examples: Vec<Example>,
}

impl Found {
    pub(super) fn add(&mut self, row: &FactRow) {
        let unit = row.unit.as_ref().map(ToString::to_string).unwrap_or_default();
        self.dossiers += 1;
        if self.examples.len() < EXAMPLES {
            let (code, officer) = (row.code.clone(), row.known.officer.clone());
            self.examples.push(Example { code, unit: unit.clone(), officer });
        }
        *self.by_unit.entry(unit).or_default() += 1;
    }

    pub(super) fn join(&mut self, other: &Self) {
        self.dossiers += other.dossiers;
        let free = EXAMPLES.saturating_sub(self.examples.len());
        self.examples.extend(other.examples.iter().take(free).cloned());
        for (unit, n) in &other.by_unit {
            *self.by_unit.entry(unit.clone()).or_default() += n;
        }
    }
}

/// The repairs of a dossier: the act, the marks now and then.
pub(super) fn of(
    reader: &Reader<'_>,
    row: &FactRow,
    at_portal: Option<Marks>,
    here: Option<Marks>,
) -> Vec<(Act, Marks, Marks)> {
    let now = at_portal.unwrap_or_default();
    let mut repairs = Vec::new();
    if let (Some(here), false) = (here, row.portal == AtPortal::Same)
        && here != now
    {
        repairs.push((Act::Deliver, now, here));
    }
    // What the portal has is what counts; what waits here already need not be asked for.
    let Some(facts) = row.acknowledged().filter(|_| at_portal.is_some()) else { return repairs };
    let judged = reader.judged(facts, row.unit.as_ref());
    let is_cured = |change: &dyn Fn(&mut Facts)| {
        let mut cured = row.known.clone();
        change(&mut cured);
        cured == row.known
    };
    let mut offer = |act: Act, change: &dyn Fn(&mut Facts)| {
        let mut then = facts.clone();
        change(&mut then);
        let after = reader.marks_of(&then, judged.as_ref());
        if after != now && !is_cured(change) {
            repairs.push((act, now, after));
        }
    };
    let result = if facts.is_ended() { Act::SendResult } else { Act::ResultOnceIssued };
    offer(result, &|f| f.flags = (f.flags | flag::RESULT_LINK | flag::RESULT_WHOLE) & !flag::RESULT_HALF);
    offer(Act::AttachFile, &|f| f.flags |= flag::FILE);
    offer(Act::StateDigitised, &|f| f.flags |= flag::DIGITISED);
    offer(Act::StateVerification, &|f| f.flags |= flag::VNEID);
    if facts.channel == 0 && !facts.is_online() {
        offer(Act::StateChannel, &|f| f.channel = 2);
    }
    if has_fee(reader.procedure(facts), facts) {
        match fees(facts) {
            // A fee that is known and not paid is neither forgotten nor waived.
            Fees::Silent if facts.has(flag::FEE_UNSENT) => {
                offer(Act::PayOnline, &|f| f.flags |= flag::FEE_ROW | flag::PAID_ONLINE);
            }
            Fees::Silent => {
                offer(Act::StatePayment, &|f| f.flags |= flag::FEE_ROW | flag::PAID_ONLINE);
                offer(Act::StateExemption, &|f| f.flags |= flag::FEE_ZERO);
            }
            Fees::Due => offer(Act::PayOnline, &|f| f.flags |= flag::PAID_ONLINE),
            Fees::Exempt => {}
        }
    }
    if let Some(judged) = judged.filter(|j| j.late.is_some()) {
        let act = of_late(facts, &judged);
        let in_time = Judged { late: None, is_boundary: false, ..judged };
        repairs.push((act, now, reader.marks_of(facts, Some(&in_time))));
    }
    repairs
}

/// What may be behind a late dossier: a word that is missing, or nothing but time.
fn of_late(facts: &Facts, judged: &Judged) -> Act {
    let has = |wanted: u8| facts.steps.iter().any(|(status, _)| *status == wanted);
    let midnight = facts.due.is_some_and(is_midnight);
    if judged.late == Some(Late::NoDue) || (judged.is_boundary && midnight) {
        return Act::StateDue;
    }
    if facts.due.zip(facts.received).is_some_and(|(due, received)| due < received) {
        return Act::StateDue;
    }
    let ended_by = facts.finished.or(facts.returned);
    if !has(9)
        && (has(10) || ended_by.is_some())
        && facts.due.zip(ended_by).is_none_or(|(due, end)| end <= due)
    {
        return Act::SendFinish;
    }
    if is_unresumed(facts) { Act::SendResumption } else { Act::Late }
}

/// Whether the moment is midnight on the business clock.
pub(super) fn is_midnight(at: i64) -> bool {
    (at + 7 * 3600).rem_euclid(86_400) == 0
}

/// Whether a request for supplements is followed by an end and nothing between says that it was answered.
pub(super) fn is_unresumed(facts: &Facts) -> bool {
    let mut asked = false;
    for (status, _) in &facts.steps {
        match status {
            5 => asked = true,
            2 | 4 => asked = false,
            9 | 10 if asked => return true,
            _ => {}
        }
    }
    false
}
