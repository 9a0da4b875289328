//! What can be seen in the data before the portal scores it: advice with a cause, never a refusal.

use serde_json::{Map, Value};

use super::{
    facts::{Facts, flag},
    marks::{Fees, Reader, fees},
    repair::{is_midnight, is_unresumed},
    tally::{AtPortal, FactRow},
};
use crate::{dossier::DossierState, status::PortalStatus};

/// How the note of an event begins that left something odd; names of checks follow, with commas.
pub const ADVICE: &str = "advice:";

/// The checks in the note of an event.
pub fn advised(note: &str) -> Vec<Check> {
    let names = note.strip_prefix(ADVICE).unwrap_or_default();
    names.split(',').filter_map(Check::from_name).collect()
}

/// Something odd.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Check {
    /// Accepted, but no moment at which it was received.
    NotReceived,
    /// Nothing says how it came.
    NoChannel,
    /// No due time.
    NoDue,
    /// Due before it was received.
    DueBeforeReceived,
    /// Due at midnight: the whole day is lost.
    DueAtMidnight,
    /// The due time was moved later by an update.
    DueMovedLater,
    /// Handed over, and no step 9.
    NotFinished,
    /// Supplements were asked for, and it ended without a word of their arrival.
    NotResumed,
    /// A second request for supplements while it is open.
    SecondRequest,
    /// The date of finishing is not that of the step.
    FinishedOtherwise,
    /// The portal has the dossier and not its steps.
    StepsMissing,
    /// A result with an address and no code, or the reverse.
    HalfResult,
    /// A procedure with fees, and neither a payment nor an exemption.
    NoFeeRow,
    /// Paid online, and no fee row above 0.
    PaidWithoutFee,
    /// A procedure that the catalogue does not know.
    UnknownProcedure,
}

impl Check {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::NotReceived,
        Self::NoChannel,
        Self::NoDue,
        Self::DueBeforeReceived,
        Self::DueAtMidnight,
        Self::DueMovedLater,
        Self::NotFinished,
        Self::NotResumed,
        Self::SecondRequest,
        Self::FinishedOtherwise,
        Self::StepsMissing,
        Self::HalfResult,
        Self::NoFeeRow,
        Self::PaidWithoutFee,
        Self::UnknownProcedure,
    ];

    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::NotReceived => "not_received",
            Self::NoChannel => "no_channel",
            Self::NoDue => "no_due",
            Self::DueBeforeReceived => "due_before_received",
            Self::DueAtMidnight => "due_at_midnight",
            Self::DueMovedLater => "due_moved_later",
            Self::NotFinished => "not_finished",
            Self::NotResumed => "not_resumed",
            Self::SecondRequest => "second_request",
            Self::FinishedOtherwise => "finished_otherwise",
            Self::StepsMissing => "steps_missing",
            Self::HalfResult => "half_result",
            Self::NoFeeRow => "no_fee_row",
            Self::PaidWithoutFee => "paid_without_fee",
            Self::UnknownProcedure => "unknown_procedure",
        }
    }

    /// The check with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|check| check.name() == name)
    }

    /// The indicators that it hits, by code.
    pub fn hits(self) -> &'static [&'static str] {
        match self {
            Self::NotReceived => &["1.4", "2.1", "3.3", "4.1", "4.2", "4.3", "4.4", "4.5b"],
            Self::NoChannel => &["3.2", "3.3"],
            Self::NoDue | Self::DueBeforeReceived | Self::DueAtMidnight => &["2.1", "5.4"],
            Self::DueMovedLater
            | Self::NotFinished
            | Self::NotResumed
            | Self::SecondRequest
            | Self::FinishedOtherwise
            | Self::StepsMissing => &["2.1"],
            Self::HalfResult => &["3.3", "4.1", "4.2"],
            Self::NoFeeRow | Self::PaidWithoutFee => &["3.5", "3.6"],
            Self::UnknownProcedure => &["3.2", "3.5", "3.6", "4.1", "4.2"],
        }
    }
}

/// What is odd about a dossier of the index.
pub(super) fn of(reader: &Reader<'_>, row: &FactRow) -> Vec<Check> {
    let facts = &row.known;
    let has = |wanted: u8| facts.steps.iter().any(|(status, _)| *status == wanted);
    let last = |wanted: &[u8]| facts.steps.iter().rev().find(|(s, _)| wanted.contains(s)).map(|(_, at)| *at);
    let requests = facts.steps.iter().filter(|(status, _)| *status == 5).count();
    let (procedure, is_paid) = (reader.procedure(facts), facts.has(flag::PAID_ONLINE));
    let has_fee = procedure.is_some_and(|p| p.has_fee);
    let lacks_steps = match &row.portal {
        AtPortal::Older(older) => older.steps.len() < facts.steps.len(),
        AtPortal::Same | AtPortal::Nothing => false,
    };
    let mut found = plain(facts);
    let mut note = |check: Check, is: bool| {
        if is && !found.contains(&check) {
            found.push(check);
        }
    };
    note(Check::NotFinished, (has(10) || facts.returned.is_some()) && !has(9) && !facts.steps.is_empty());
    note(Check::NotResumed, is_unresumed(facts));
    note(Check::SecondRequest, requests > 1 && !facts.is_ended());
    note(
        Check::FinishedOtherwise,
        facts.finished.zip(last(&[9]).or_else(|| last(&[10, 8]))).is_some_and(|(one, other)| one != other),
    );
    note(Check::StepsMissing, lacks_steps);
    note(Check::NoFeeRow, has_fee && fees(facts) == Fees::Silent && !is_paid && !facts.has(flag::FEE_UNSENT));
    note(Check::PaidWithoutFee, is_paid && !facts.has(flag::FEE_ROW));
    note(Check::UnknownProcedure, !reader.catalogue.is_empty() && procedure.is_none());
    found
}

/// What the fields alone show.
fn plain(facts: &Facts) -> Vec<Check> {
    let is_accepted = matches!(facts.status, 2 | 4..=6 | 8..=10);
    let mut found = Vec::new();
    let mut note = |check: Check, is: bool| {
        if is {
            found.push(check);
        }
    };
    note(Check::NotReceived, is_accepted && facts.received.is_none());
    note(Check::NoChannel, facts.channel == 0);
    note(Check::NoDue, facts.received.is_some() && facts.due.is_none());
    note(
        Check::DueBeforeReceived,
        facts.due.zip(facts.received).is_some_and(|(due, received)| due < received),
    );
    note(Check::DueAtMidnight, facts.due.is_some_and(is_midnight));
    note(Check::HalfResult, facts.has(flag::RESULT_HALF));
    found
}

/// What an event leaves odd about its dossier, from the fields as they are: cheap, for every event that comes.
pub fn of_event(before: Option<&DossierState>, after: &DossierState) -> Vec<Check> {
    let at = |state: &DossierState, field: &str| moment(&state.fields, field);
    let (received, due) = (at(after, "received_at"), at(after, "due_at"));
    let status = after.status.map_or(0, PortalStatus::code);
    let said = |field: &str| after.fields.get(field).and_then(Value::as_str).is_some_and(|t| !t.is_empty());
    let results = after.fields.get("results").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let mut flags = 0;
    for result in results.iter().filter(|r| r.get("deleted") != Some(&Value::Bool(true))) {
        let is =
            |field: &str| result.get(field).and_then(Value::as_str).is_some_and(|t| !t.trim().is_empty());
        flags |= if is("url") == is("code") { 0 } else { flag::RESULT_HALF };
    }
    let facts =
        Facts { received, due, status, flags, channel: u8::from(said("channel")), ..Facts::default() };
    let mut found = plain(&facts);
    if at(after, "returned_at").is_some() && at(after, "finished_at").is_none() {
        found.push(Check::NotFinished);
    }
    let requests = after.supplements.iter().filter(|s| s.contains_key("requested_at")).count();
    if requests > 1 && !facts.is_ended() {
        found.push(Check::SecondRequest);
    }
    let earlier = before.and_then(|state| at(state, "due_at"));
    if earlier.zip(due).is_some_and(|(earlier, due)| due > earlier) {
        found.push(Check::DueMovedLater);
    }
    found
}

fn moment(fields: &Map<String, Value>, field: &str) -> Option<i64> {
    let at: jiff::Timestamp = fields.get(field)?.as_str()?.parse().ok()?;
    Some(at.as_second())
}
