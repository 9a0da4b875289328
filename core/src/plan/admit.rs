//! Admission of a batch, pure: verdict per message, de-duplication, who may speak for whom; then one planner per family
//! of events. Runs inside the store's transaction, possibly several times.

use serde_json::json;
use std::{collections::HashMap, sync::Arc};

use crate::{
    event::{
        Admissible, Origin, Subject,
        data::Snapshot,
        names::{EventData, EventName},
        rejection::{Reason, Rejection, Verdict},
    },
    id::{DossierCode, EventKey, LaneKey, RowId, UnitCode},
    plan::{course, join, money, out, post, queue::Missing, rules::Rules},
    port::work::{EventRecord, IdBlock, QuarantineRecord, Scope, Work},
};

/// A message that was read, with its bytes for quarantine.
#[derive(Debug, Clone)]
pub struct Incoming {
    /// Where it came from.
    pub origin: Origin,
    /// The bytes.
    pub raw: Vec<u8>,
    /// What was read.
    pub read: Result<Admissible, Rejection>,
}

/// What one event did, beside its record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Effect {
    /// Operations planned.
    pub planned: i32,
    /// The dossier it was about.
    pub dossier: Option<RowId>,
    /// The unit.
    pub unit: Option<UnitCode>,
    /// Whether it came late.
    pub late: bool,
    /// Whether it brought a full snapshot.
    pub has_snapshot: bool,
    /// A remark for people.
    pub note: Option<String>,
}

/// Why an event of good form is not admitted after all, or that more has to be loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Into quarantine.
    Rejected(Rejection),
    /// The store decides again.
    Missing,
}

impl From<Missing> for Refusal {
    fn from(_: Missing) -> Self {
        Self::Missing
    }
}

impl From<Rejection> for Refusal {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

/// What has to be loaded to admit a batch.
pub fn scope(batch: &[Incoming]) -> Scope {
    let mut scope = Scope::default();
    for event in batch.iter().filter_map(|m| m.read.as_ref().ok()) {
        scope.event_keys.insert(event.key.clone());
        if let Subject::Dossier(code) = &event.subject {
            scope.dossiers.insert(code.clone());
            scope.lanes.insert(LaneKey::from(code));
            if is_whole(event) {
                scope.payments_of.insert(code.clone());
            }
        }
        if let EventData::Dossier(data) = &event.data {
            for payment in &data.open_payments {
                scope.lanes.insert(LaneKey::from(&payment.id));
                scope.payments.insert(payment.id.clone());
            }
            for parcel in &data.open_parcels {
                scope.lanes.insert(LaneKey::from(&parcel.id));
                scope.parcels.insert(parcel.id.clone());
            }
        }
        let (payment, parcel) = effects_of(event);
        if let Some(payment) = payment {
            scope.lanes.insert(LaneKey::from(&payment));
            scope.payments.insert(payment);
        }
        if let Some(parcel) = parcel {
            scope.lanes.insert(LaneKey::from(&parcel));
            scope.parcels.insert(parcel);
        }
        if let EventData::Dossier(data) = &event.data
            && let Some(dossier) = &data.dossier
        {
            scope.dossiers.extend(dossier.code.clone());
            scope.dossiers.extend(dossier.portal_code.clone());
        }
        if let (EventData::PaidAtDesk(paid), Subject::Dossier(code)) = (&event.data, &event.subject)
            && paid.payment_id.is_none()
        {
            scope.payments_of.insert(code.clone());
        }
    }
    scope
}

/// Whether it brings the full snapshot that others may wait for.
fn is_whole(event: &Admissible) -> bool {
    event.name == EventName::Adopted
        || matches!(&event.data, EventData::Dossier(data) if data.snapshot == Some(Snapshot::Full))
}

fn effects_of(event: &Admissible) -> (Option<crate::id::PaymentId>, Option<crate::id::ParcelId>) {
    match &event.data {
        EventData::Dossier(data) => {
            (data.payment.as_ref().map(|p| p.id.clone()).or_else(|| data.payment_id.clone()), None)
        }
        EventData::FeeRequested(data) => (Some(data.payment.id.clone()), None),
        EventData::FeeCancelled(data) => (Some(data.payment_id.clone()), None),
        EventData::PaidAtDesk(data) => (data.payment_id.clone(), None),
        EventData::RefundRequested(data) => (Some(data.payment_id.clone()), None),
        EventData::Refunded(data) => (Some(data.payment_id.clone()), None),
        EventData::ReceiptCancelled(data) => (Some(data.payment_id.clone()), None),
        EventData::Parcel(data) => (None, Some(data.parcel.id.clone())),
        EventData::ParcelCancelled(data) => (None, Some(data.parcel_id.clone())),
        EventData::Result(_) | EventData::Survey(_) | EventData::Question(_) => (None, None),
    }
}

/// Admits a batch in order. The verdicts are worth nothing while [`Work::is_incomplete`].
pub fn admit(work: &mut Work, rules: &Rules, batch: &[Incoming]) -> Vec<Verdict> {
    let mut seen: HashMap<EventKey, [u8; 32]> = HashMap::new();
    let mut verdicts = Vec::with_capacity(batch.len());
    for message in batch {
        work.ledger.received += 1;
        let verdict = match &message.read {
            Ok(event) => match admit_one(work, rules, event, &mut seen) {
                Ok(verdict) => verdict,
                // What was decided is worth nothing now; the rest still says what it needs, so that a whole batch
                // costs as many rounds as one event.
                Err(Refusal::Missing) => continue,
                Err(Refusal::Rejected(rejection)) => {
                    let rejection = identified(rejection, event);
                    quarantine(work, rules, message, &rejection);
                    Verdict::Quarantined(rejection)
                }
            },
            Err(rejection) => {
                quarantine(work, rules, message, rejection);
                Verdict::Quarantined(rejection.clone())
            }
        };
        verdicts.push(verdict);
    }
    verdicts
}

fn identified(mut rejection: Rejection, event: &Admissible) -> Rejection {
    rejection.source = Some(event.key.source.to_string());
    rejection.event_id = Some(event.key.id.to_string());
    rejection.subject = Some(event.subject.as_str().to_owned());
    rejection.event_type = Some(event.name.event_type());
    rejection
}

fn admit_one(
    work: &mut Work,
    rules: &Rules,
    event: &Admissible,
    seen: &mut HashMap<EventKey, [u8; 32]>,
) -> Result<Verdict, Refusal> {
    let (source, id) = (event.key.source.to_string(), event.key.id.to_string());
    if let Some(known) = seen.get(&event.key).or_else(|| work.known_events.get(&event.key)) {
        if *known == event.content_hash {
            work.ledger.duplicate += 1;
            return Ok(Verdict::Duplicate { source, id });
        }
        let expected = "nội dung đúng như lần gửi đầu, hoặc một mã sự kiện mới";
        return Err(Rejection::new(Reason::Conflict, "/id", expected, id).into());
    }
    let row = work.id();
    let effect = match &event.subject {
        Subject::Dossier(code) => about_dossier(work, rules, event, row, code)?,
        Subject::Unit(unit) => about_unit(work, rules, event, row, unit)?,
    };
    work.ledger.admitted += 1;
    seen.insert(event.key.clone(), event.content_hash);
    work.new_events.push(EventRecord {
        row,
        key: event.key.clone(),
        content_hash: event.content_hash,
        name: event.name.as_str().to_owned(),
        subject: event.subject.as_str().to_owned(),
        unit: effect.unit,
        dossier: effect.dossier,
        at: event.at,
        sequence: event.sequence,
        late: effect.late,
        planned: effect.planned,
        note: effect.note,
        body: event.body.clone(),
    });
    let subject = event.subject.as_str().to_owned();
    Ok(Verdict::Accepted { source, id, subject, planned: effect.planned, late: effect.late })
}

fn about_dossier(
    work: &mut Work,
    rules: &Rules,
    event: &Admissible,
    row: RowId,
    code: &DossierCode,
) -> Result<Effect, Refusal> {
    // Every reason to reject comes before the first change.
    let standing = check(work, rules, event)?;
    let planned = join::join(work, rules, event, row, code)?;
    let mut effect = course::follow(work, rules, event, row, code, standing)?;
    effect.planned += planned;
    money::follow(work, rules, event, row, &mut effect)?;
    post::follow(work, rules, event, row, &mut effect)?;
    course::finish(work, rules, event, row, &mut effect)?;
    course::answer_question(work, rules, event, row, &mut effect)?;
    if effect.planned == 0 && effect.note.is_none() {
        effect.note = Some("recorded".into());
    }
    Ok(effect)
}

fn about_unit(
    work: &mut Work,
    rules: &Rules,
    event: &Admissible,
    row: RowId,
    unit: &UnitCode,
) -> Result<Effect, Refusal> {
    check(work, rules, event)?;
    let unit = rules.canonical_unit(unit);
    let mut effect = Effect { unit: Some(unit), note: Some("recorded".into()), ..Effect::default() };
    course::answer_question(work, rules, event, row, &mut effect)?;
    Ok(effect)
}

/// Whether an event of good form may be admitted, given what is loaded of its dossier, payment and parcel; and by which
/// right its source speaks.
fn check(work: &Work, rules: &Rules, event: &Admissible) -> Result<Standing, Rejection> {
    match &event.subject {
        Subject::Dossier(code) => {
            let standing = check_right(work, rules, event, code)?;
            money::check(work, rules, event)?;
            post::check(work, event)?;
            Ok(standing)
        }
        Subject::Unit(unit) => {
            check_unit(rules, event, &rules.canonical_unit(unit)).map(|()| Standing::Present)
        }
    }
}

/// The same where nothing is known of any of them: what can be told without a store.
pub fn judge(rules: &Rules, event: &Admissible) -> Result<(), Rejection> {
    let nothing = Work::new(event.at, Scope::default(), Arc::new(IdBlock::new(0..0)));
    check(&nothing, rules, event).map(drop).map_err(|rejection| identified(rejection, event))
}

/// By which right a source speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It may speak for the unit that has the dossier.
    Present,
    /// It may speak for a unit that had the dossier when the event happened: what it says is late.
    Former,
}

/// Whether the source may speak for the unit that the event states and for the one that has the dossier, or had it then.
pub fn check_right(
    work: &Work,
    rules: &Rules,
    event: &Admissible,
    code: &DossierCode,
) -> Result<Standing, Rejection> {
    let stated = stated_unit(event).map(|unit| rules.canonical_unit(&unit));
    let had_it = |(unit, until): &(UnitCode, jiff::Timestamp)| {
        event.at <= *until
            && stated.as_ref().is_none_or(|stated| stated == unit)
            && check_unit(rules, event, unit).is_ok()
    };
    match check_right_of_now(work, rules, event, code) {
        Ok(()) => Ok(Standing::Present),
        Err(_) if work.dossier(code).is_some_and(|d| d.state.former_units.iter().any(had_it)) => {
            Ok(Standing::Former)
        }
        Err(rejection) => Err(rejection),
    }
}

/// A statement alone must not take a dossier over: both units count. While neither is known, the code says it, if it
/// names a unit of the province.
fn check_right_of_now(
    work: &Work,
    rules: &Rules,
    event: &Admissible,
    code: &DossierCode,
) -> Result<(), Rejection> {
    let canonical = |unit: &UnitCode| rules.canonical_unit(unit);
    let stored = work.dossier(code).and_then(|d| d.unit.as_ref()).map(canonical);
    match (stated_unit(event).as_ref().map(canonical), stored) {
        (Some(stated), stored) => {
            check_unit(rules, event, &stated)?;
            // A unit that was merged away since has nobody left to speak for it.
            match stored.filter(|s| *s != stated && is_in_office(rules, event, s)) {
                Some(stored) => check_unit(rules, event, &stored),
                None => Ok(()),
            }
        }
        (None, Some(stored)) => check_unit(rules, event, &stored),
        (None, None) => of_code(rules, code).map_or(Ok(()), |unit| check_unit(rules, event, &unit)),
    }
}

fn stated_unit(event: &Admissible) -> Option<UnitCode> {
    match &event.data {
        EventData::Dossier(data) => {
            data.dossier.as_ref().and_then(|d| d.unit.as_ref()).map(|u| u.code.clone())
        }
        EventData::Survey(survey) => Some(survey.unit.clone()),
        EventData::Result(_)
        | EventData::FeeRequested(_)
        | EventData::FeeCancelled(_)
        | EventData::PaidAtDesk(_)
        | EventData::RefundRequested(_)
        | EventData::Refunded(_)
        | EventData::ReceiptCancelled(_)
        | EventData::Parcel(_)
        | EventData::ParcelCancelled(_)
        | EventData::Question(_) => None,
    }
}

/// The unit in a dossier's code. A code of the portal's own names a ministry: no unit of ours.
fn of_code(rules: &Rules, code: &DossierCode) -> Option<UnitCode> {
    let unit = rules.canonical_unit(&UnitCode::parse(code.unit_part()).ok()?);
    let is_ours =
        if rules.units.is_empty() { unit.as_str().len() == 13 } else { rules.units.contains_key(&unit) };
    is_ours.then_some(unit)
}

fn is_in_office(rules: &Rules, event: &Admissible, unit: &UnitCode) -> bool {
    let day = crate::clock::business(event.at).date();
    let is_listed = rules
        .units
        .get(unit)
        .is_some_and(|u| u.from.is_none_or(|from| from <= day) && u.until.is_none_or(|until| day <= until));
    rules.units.is_empty() || is_listed
}

fn check_unit(rules: &Rules, event: &Admissible, unit: &UnitCode) -> Result<(), Rejection> {
    if !is_in_office(rules, event, unit) {
        let expected =
            "đơn vị có trong danh mục và còn hiệu lực vào ngày của sự kiện ([[unit]] trong cấu hình)";
        return Err(Rejection::new(Reason::UnknownUnit, "/data/dossier/unit/code", expected, unit.as_str()));
    }
    if rules.may_speak(&event.key.source, unit) {
        return Ok(());
    }
    let expected = format!("nguồn có quyền với đơn vị {unit} ([[source]] trong cấu hình)");
    Err(Rejection::new(Reason::UnitNotAllowed, "/source", expected, event.key.source.as_str()))
}

/// Puts a message aside and tells its source.
pub fn quarantine(work: &mut Work, rules: &Rules, message: &Incoming, rejection: &Rejection) {
    work.ledger.quarantined += 1;
    let row = work.id();
    let subject = rejection.subject.clone().unwrap_or_default();
    let name = if rejection.reason == Reason::Conflict { "event.conflict" } else { "event.quarantined" };
    let data = json!({
        "event_id": rejection.event_id, "source": rejection.source, "reason": rejection.reason.code(),
        "path": rejection.path, "expected": rejection.expected, "got": rejection.got, "quarantine_id": row,
    });
    let unit = DossierCode::parse(&subject).ok().and_then(|c| UnitCode::parse(c.unit_part()).ok());
    let about =
        crate::id::derived("", &[&String::from_utf8_lossy(&message.raw), rejection.reason.code()], 26);
    out::tell(work, rules, name, &subject, unit.as_ref(), &about, data);
    work.new_quarantine.push(QuarantineRecord {
        row,
        origin: message.origin.name().to_owned(),
        source: rejection.source.clone(),
        event_id: rejection.event_id.clone(),
        subject: rejection.subject.clone(),
        event_type: rejection.event_type.clone(),
        reason: rejection.reason.code().to_owned(),
        path: rejection.path.clone(),
        expected: rejection.expected.clone(),
        got: rejection.got.clone(),
        raw: message.raw.clone(),
    });
}

/// Whether an event must reach a partner for which no connector exists yet.
pub fn is_unassigned(name: EventName) -> bool {
    matches!(name, EventName::QuestionAnswered)
}
