//! Payments: records that change at once, beside the operations that open them. What a platform tells about a
//! reference, by whatever way, ends here too.

use serde_json::{Value, json};
use std::sync::Arc;

use crate::{
    clock::compact,
    dossier::{Settled, SettledHow},
    event::{
        Admissible, Subject, canonical,
        data::{Account, LineKind, PaidAtDeskData, Payment, PaymentLine},
        names::{EventData, EventName},
        rejection::{Reason, Rejection},
    },
    id::{ConnectorId, DossierCode, LaneKey, PaymentId, Reference, RowId, UnitCode},
    need::Need,
    operation::{ActionKind, Payload},
    payment::{PaymentRecord, PaymentState, ReferenceRecord, ReferenceState},
    plan::{
        admit::Effect,
        course::{bound, names, replace_state, unassigned},
        late, out,
        queue::{Missing, Planned, annul, end_waiting, enqueue},
        rules::{PartnerKind, Rules, is_match},
    },
    port::work::{IncidentRecord, Loaded, Work},
};

fn requested(event: &Admissible) -> Option<(&Payment, &Value)> {
    let payment = match &event.data {
        EventData::FeeRequested(data) => &data.payment,
        EventData::Dossier(data) => data.payment.as_ref()?,
        _ => return None,
    };
    Some((payment, event.raw.get("payment")?))
}

/// Payments that a former system opened, as an adopted dossier brings them.
fn still_open(event: &Admissible) -> impl Iterator<Item = (usize, &Payment, &Value)> {
    let typed = if let EventData::Dossier(data) = &event.data { data.open_payments.as_slice() } else { &[] };
    let raw = event.raw.get("open_payments").and_then(Value::as_array).into_iter().flatten();
    typed.iter().zip(raw).enumerate().map(|(at, (payment, raw))| (at, payment, raw))
}

/// Keeps what a former system opened: it is known by its id, may be paid at the desk, taken back, refunded, and is not
/// opened again. Its platform does not know a reference of ours, so that nobody can be asked about it.
fn adopt(work: &mut Work, rules: &Rules, event: &Admissible, code: &DossierCode) {
    let Some(dossier) = work.dossiers.get(code).map(|d| d.row.clone()) else { return };
    for (_, payment, raw) in still_open(event) {
        if work.payments.contains_key(&payment.id) {
            continue;
        }
        let connector = bound(work, rules, code, PartnerKind::Payment, event.name.as_str());
        let record = PaymentRecord {
            row: work.id(),
            id: payment.id.clone(),
            dossier: dossier.row,
            subject: code.clone(),
            unit: dossier.unit.clone(),
            connector: connector.unwrap_or_else(unassigned),
            amount: payment.lines.iter().map(|l| l.amount.get()).sum(),
            state: PaymentState::Open,
            body: Arc::new(payment.clone()),
            content_hash: canonical::hash(raw),
            references: Vec::new(),
            created_at: work.now,
            updated_at: work.now,
        };
        work.payments.insert(payment.id.clone(), Loaded::fresh(record));
    }
}

/// The payment that an event names, and where.
fn named(event: &Admissible) -> Option<(&PaymentId, &'static str)> {
    match &event.data {
        EventData::FeeRequested(data) => Some((&data.payment.id, "/data/payment/id")),
        EventData::Dossier(data) => match &data.payment {
            Some(payment) => Some((&payment.id, "/data/payment/id")),
            None => data.payment_id.as_ref().map(|id| (id, "/data/payment_id")),
        },
        EventData::FeeCancelled(data) => Some((&data.payment_id, "/data/payment_id")),
        EventData::PaidAtDesk(data) => data.payment_id.as_ref().map(|id| (id, "/data/payment_id")),
        EventData::RefundRequested(data) => Some((&data.payment_id, "/data/payment_id")),
        EventData::Refunded(data) => Some((&data.payment_id, "/data/payment_id")),
        EventData::ReceiptCancelled(data) => Some((&data.payment_id, "/data/payment_id")),
        EventData::Result(_)
        | EventData::Parcel(_)
        | EventData::ParcelCancelled(_)
        | EventData::Survey(_)
        | EventData::Question(_) => None,
    }
}

/// The same payment id with other content or for another dossier is a conflict; postage keeps to itself.
pub fn check(work: &Work, rules: &Rules, event: &Admissible) -> Result<(), Rejection> {
    let Subject::Dossier(subject) = &event.subject else { return Ok(()) };
    let dossier = work.dossier(subject);
    if let Some((id, path)) = named(event)
        && let Some(known) = work.payments.get(id)
        && !names(work, event, subject, known.row.dossier)
    {
        let expected = "khoản thanh toán của chính hồ sơ này";
        return Err(Rejection::new(Reason::EffectConflict, path, expected, id.as_str()));
    }
    for (at, payment, raw) in still_open(event) {
        let path = format!("/data/open_payments/{at}/id");
        let is_other = |known: &Loaded<PaymentRecord>| {
            known.row.content_hash != canonical::hash(raw) || !names(work, event, subject, known.row.dossier)
        };
        if work.payments.get(&payment.id).is_some_and(is_other) {
            let expected = "khoản thanh toán của chính hồ sơ này, nội dung đúng như lần đầu";
            return Err(Rejection::new(Reason::EffectConflict, path, expected, payment.id.as_str()));
        }
    }
    let Some((payment, raw)) = requested(event) else { return Ok(()) };
    let unit = dossier.and_then(|d| d.unit.as_ref()).map_or(subject.unit_part(), UnitCode::as_str);
    let postage = payment.lines.iter().filter(|l| l.kind == LineKind::Postage).count();
    let is_mixed = postage > 0 && postage < payment.lines.len();
    if is_mixed && !rules.postage_with_fees.iter().any(|p| is_match(p, unit)) {
        let expected = "cước bưu chính tách khỏi phí, lệ phí (hoặc cấu hình postage_with_fees cho đơn vị)";
        return Err(Rejection::new(Reason::Amount, "/data/payment/lines", expected, "postage + fee"));
    }
    match work.payments.get(&payment.id) {
        Some(known) if known.row.content_hash != canonical::hash(raw) => {
            let expected = "nội dung đúng như lần đầu của khoản thanh toán này, hoặc một mã thanh toán mới";
            Err(Rejection::new(Reason::EffectConflict, "/data/payment/id", expected, payment.id.as_str()))
        }
        _ => Ok(()),
    }
}

/// Applies what the event says about money.
pub fn follow(
    work: &mut Work,
    rules: &Rules,
    event: &Admissible,
    row: RowId,
    effect: &mut Effect,
) -> Result<(), Missing> {
    let Subject::Dossier(subject) = &event.subject else { return Ok(()) };
    let Some(code) = work.dossier(subject).map(|d| d.code.clone()) else { return Ok(()) };
    adopt(work, rules, event, &code);
    if let Some((payment, raw)) = requested(event) {
        return request(work, rules, &Request { event, row, code: &code, payment, raw }, effect);
    }
    match &event.data {
        EventData::FeeCancelled(data) => {
            let why = format!("fee.cancelled: {}", data.reason);
            if !take_back(work, rules, &data.payment_id, PaymentState::Cancelled, &why)? {
                remark(effect, "fee.cancelled for a payment that is unknown or has money");
            }
            Ok(())
        }
        EventData::PaidAtDesk(data) => paid_at_desk(work, rules, &code, data, row),
        EventData::RefundRequested(data) => {
            let unit = effect.unit.clone();
            let Some(known) = work.payments.get_mut(&data.payment_id).filter(|p| p.row.state.has_money())
            else {
                remark(effect, "fee.refund_requested for a payment without money of ours");
                return Ok(());
            };
            let (id, now) = (known.row.id.clone(), work.now);
            let record = known.edit();
            (record.state, record.updated_at) = (PaymentState::NeedsRefund, now);
            let told = json!({ "payment_id": id, "amount": data.amount, "reason": data.reason });
            out::tell(
                work,
                rules,
                "payment.needs_refund",
                code.as_str(),
                unit.as_ref(),
                &format!("{id}:asked"),
                told,
            );
            Ok(())
        }
        EventData::Refunded(data) => {
            let unit = effect.unit.clone();
            let Some(known) = work.payments.get_mut(&data.payment_id) else {
                unsettle(work, &code, data.payment_id.as_str(), row);
                return Ok(());
            };
            let (id, now) = (known.row.id.clone(), work.now);
            let record = known.edit();
            (record.state, record.updated_at) = (PaymentState::Refunded, now);
            let (due, online) = (record.amount, record.references.iter().filter_map(|r| r.paid_amount).sum());
            work.close(format!("refund:{id}"));
            work.close(format!("amount:{id}"));
            give_back(work, &code, &id, &Given { due, online, back: data.amount.get() }, row);
            let told = json!({ "payment_id": id, "amount": data.amount, "at": data.at, "reference": data.reference });
            out::tell(work, rules, "payment.refunded", code.as_str(), unit.as_ref(), id.as_str(), told);
            Ok(())
        }
        _ => Ok(()),
    }
}

fn remark(effect: &mut Effect, note: &str) {
    effect.note = Some(note.to_owned());
}

struct Request<'a> {
    event: &'a Admissible,
    row: RowId,
    code: &'a DossierCode,
    payment: &'a Payment,
    raw: &'a Value,
}

/// Makes the payment's record and plans its opening.
fn request(
    work: &mut Work,
    rules: &Rules,
    request: &Request<'_>,
    effect: &mut Effect,
) -> Result<(), Missing> {
    let Request { event, row, code, payment, raw } = *request;
    if !work.scope.payments.contains(&payment.id) {
        work.missing.payments.insert(payment.id.clone());
        return Err(Missing);
    }
    if work.payments.contains_key(&payment.id) {
        // The same content was checked before: one payment.
        return Ok(());
    }
    let mut body = payment.clone();
    if let Some(listed) = listed(rules, payment) {
        body.beneficiary = Some(listed.clone());
    }
    let wished = payment.platform.as_deref().and_then(|p| ConnectorId::parse(p).ok());
    let platform = match wished.filter(|w| rules.connector(w).is_some_and(|c| c.kind == PartnerKind::Payment))
    {
        Some(wished) => Some(wished),
        None => bound(work, rules, code, PartnerKind::Payment, event.name.as_str()),
    };
    let connector = platform.clone().unwrap_or_else(unassigned);
    let Some(dossier) = work.dossiers.get(code).map(|d| d.row.clone()) else { return Ok(()) };
    let amount: i64 = payment.lines.iter().map(|l| l.amount.get()).sum();
    let taken_back = if effect.late { taken_back(work, dossier.row, payment) } else { None };
    let reference = Reference::of(&payment.id, &event.key, 1);
    // The event's own moment, as the reference is made of the event: planned again after a restore, both are the same, and
    // the platform can be asked about what the time that is lost has opened.
    let sent_at = compact(event.at);
    let record = PaymentRecord {
        row: work.id(),
        id: payment.id.clone(),
        dossier: dossier.row,
        subject: code.clone(),
        unit: dossier.unit.clone(),
        connector: connector.clone(),
        amount,
        state: taken_back.unwrap_or(PaymentState::Open),
        body: Arc::new(body.clone()),
        content_hash: canonical::hash(raw),
        references: vec![ReferenceRecord {
            reference: reference.clone(),
            connector: connector.clone(),
            state: if taken_back.is_some() { ReferenceState::Dead } else { ReferenceState::Planned },
            sent_at: sent_at.clone(),
            pay_url: None,
            platform_ref: None,
            paid_at: None,
            paid_amount: None,
            asked_at: None,
            created_at: work.now,
        }],
        created_at: work.now,
        updated_at: work.now,
    };
    work.payments.insert(payment.id.clone(), Loaded::fresh(record));
    if taken_back.is_some() {
        remark(effect, "a newer event took this payment back");
        return Ok(());
    }
    let (payload, need) = if platform.is_some() {
        (Payload::OpenPayment { payment: Box::new(body), reference, amount, sent_at }, None)
    } else {
        let wanted = "open_payment".to_owned();
        let need = Need::Action(wanted.clone());
        (Payload::Unassigned { wanted }, Some(need))
    };
    let need = need.or_else(|| (!dossier.known).then(|| Need::Snapshot(code.to_string())));
    let dossier = Some((dossier.row, code.clone(), dossier.version));
    let key = LaneKey::from(&payment.id);
    enqueue(
        work,
        rules,
        Planned { connector, key, payload, dossier, unit: effect.unit.clone(), event: row, need },
    )?;
    effect.planned += 1;
    Ok(())
}

/// The account of a payment as the approved list has it now.
fn listed<'a>(rules: &'a Rules, payment: &Payment) -> Option<&'a Account> {
    if let Some(code) = &payment.beneficiary_code {
        return rules.beneficiaries.get(code);
    }
    // Given in full, and since completed in the list: what was given still has to be the same.
    let given = payment.beneficiary.as_ref()?;
    let fits = |given: &str, listed: &str| given.is_empty() || given == listed;
    if let Some(same) = rules.beneficiaries.values().find(|a| *a == given) {
        return Some(same);
    }
    let mut fitting = rules.beneficiaries.values().filter(|a| {
        a.account == given.account
            && fits(&given.bank_bin, &a.bank_bin)
            && fits(&given.bank_code, &a.bank_code)
            && fits(&given.holder, &a.holder)
    });
    // The same number may stand for accounts of two banks: nobody guesses.
    let first = fitting.next()?;
    fitting.all(|other| other == first).then_some(first)
}

/// Puts the account of the approved list into an opening that waited because the list was incomplete when the payment
/// was asked for. One that may have reached the platform keeps its bytes. What is not loaded is
/// asked for in [`Work::missing`].
pub fn resolve_account(work: &mut Work, rules: &Rules, lane: &(LaneKey, ConnectorId), operation: RowId) {
    let open = work.lanes.get(lane).into_iter().flat_map(|l| &l.row.open);
    // After a restore what never went out counts as begun too.
    let mut kept = open.clone().filter(|o| !o.begun || o.attempt.is_none());
    let Some(operation) = kept.find(|o| o.id == operation) else { return };
    let Payload::OpenPayment { payment, .. } = &*operation.payload else { return };
    let Some(account) = listed(rules, payment).filter(|a| payment.beneficiary.as_ref() != Some(*a)) else {
        return;
    };
    let (payment, id) = (payment.id.clone(), operation.id);
    if !work.scope.payments.contains(&payment) {
        work.missing.payments.insert(payment);
        return;
    }
    let Some(record) = work.payments.get_mut(&payment) else { return };
    Arc::make_mut(&mut record.edit().body).beneficiary = Some(account.clone());
    let open = work.lanes.get_mut(lane).into_iter().flat_map(|l| &mut l.edit().open);
    for operation in open.filter(|o| o.id == id) {
        if let Payload::OpenPayment { payment, .. } = Arc::make_mut(&mut operation.payload) {
            payment.beneficiary = Some(account.clone());
        }
    }
    work.touch(id);
}

/// Where a payment stands whose request comes after the event that took it back or settled it.
fn taken_back(work: &Work, dossier: RowId, payment: &Payment) -> Option<PaymentState> {
    late::took_back(work, dossier, |name, data| {
        let names_it = data.get("payment_id").and_then(Value::as_str).map(|id| id == payment.id.as_str());
        match name {
            EventName::FeeCancelled if names_it == Some(true) => Some(PaymentState::Cancelled),
            EventName::PaidAtDesk if names_it == Some(true) => Some(PaymentState::PaidAtDesk),
            EventName::PaidAtDesk if names_it.is_none() => {
                let lines: Vec<PaymentLine> = serde_json::from_value(data.get("lines")?.clone()).ok()?;
                is_same_money(&lines, &payment.lines).then_some(PaymentState::PaidAtDesk)
            }
            _ => None,
        }
    })
}

/// Ends a payment that has no money yet. Its opening is annulled if it has not begun; a reference that may be live
/// stays watched, and money that still comes needs a refund. `false`: unknown, or it has money.
fn take_back(
    work: &mut Work,
    rules: &Rules,
    id: &PaymentId,
    state: PaymentState,
    why: &str,
) -> Result<bool, Missing> {
    let Some(known) = work.payments.get(id) else { return Ok(false) };
    if known.row.state.has_money() || known.row.state == PaymentState::Refunded {
        return Ok(false);
    }
    let connector = known.row.connector.clone();
    let kind = if connector == unassigned() { ActionKind::Unassigned } else { ActionKind::OpenPayment };
    let lane = (LaneKey::from(id), connector);
    let annulled = annul(work, rules, &lane, kind, why)?;
    if !annulled {
        // It may have begun, but it waits to be sent again: nobody may be asked to pay any more. Its reference stays
        // watched.
        end_waiting(work, &lane, why, |o| o.payload.kind() == ActionKind::OpenPayment);
    }
    let now = work.now;
    if let Some(loaded) = work.payments.get_mut(id) {
        let record = loaded.edit();
        (record.state, record.updated_at) = (state, now);
        if annulled {
            for reference in record.references.iter_mut().filter(|r| r.state == ReferenceState::Planned) {
                reference.state = ReferenceState::Dead;
            }
        }
    }
    Ok(true)
}

/// Marks a payment as expired whose time is over; called when the platform was asked and knows of no money. Its
/// references stay watched, and money that still comes counts. The payment's lane has to be loaded.
pub fn expire(work: &mut Work, rules: &Rules, id: &PaymentId) {
    let now = work.now;
    let Some(loaded) = work.payments.get_mut(id) else { return };
    let is_over = loaded.row.body.expires_at.is_some_and(|at| at <= now);
    if !is_over || loaded.row.state != PaymentState::Open {
        return;
    }
    let record = loaded.edit();
    (record.state, record.updated_at) = (PaymentState::Expired, now);
    let (subject, unit, platform) = (record.subject.clone(), record.unit.clone(), record.connector.clone());
    let data = json!({ "payment_id": id, "platform": platform, "expires_at": record.body.expires_at });
    // Nobody may be asked to pay any more.
    let lane = (LaneKey::from(id), platform);
    end_waiting(work, &lane, "the payment has expired", |o| o.payload.kind() == ActionKind::OpenPayment);
    out::tell(work, rules, "payment.expired", subject.as_str(), unit.as_ref(), id.as_str(), data);
}

fn paid_at_desk(
    work: &mut Work,
    rules: &Rules,
    code: &DossierCode,
    data: &PaidAtDeskData,
    event: RowId,
) -> Result<(), Missing> {
    let id = match &data.payment_id {
        Some(id) => Some(id.clone()),
        None => open_payment_for(work, code, &data.lines)?,
    };
    let known = id.as_ref().and_then(|id| work.payments.get(id)).map(|p| p.row.clone());
    let mut lines = data.lines.clone();
    if let Some(known) = &known {
        if lines.is_empty() {
            lines.clone_from(&known.body.lines);
        }
        if known.state == PaymentState::Paid || known.state == PaymentState::NeedsRefund {
            // Verified money online and stated money at the desk: what came second has to go back.
            needs_refund(
                work,
                rules,
                &known.id,
                "paid online and at the desk",
                &format!("{}:desk", known.id),
            );
        } else {
            let why = "fee.paid_at_desk";
            take_back(work, rules, &known.id, PaymentState::PaidAtDesk, why)?;
        }
    }
    let settled = Settled {
        payment: id.map(|id| id.to_string()),
        lines: lines.iter().map(line).collect(),
        amount: data.amount.get(),
        at: data.paid_at,
        how: SettledHow::Desk,
    };
    settle_fees(work, code, settled, event);
    Ok(())
}

fn line(line: &PaymentLine) -> (String, i64) {
    (line.fee_id.clone().unwrap_or_else(|| line.code.clone()), line.amount.get())
}

/// Whether two lists of lines are about the same fees and amounts.
fn is_same_money(one: &[PaymentLine], other: &[PaymentLine]) -> bool {
    let sorted = |lines: &[PaymentLine]| {
        let mut lines: Vec<_> = lines.iter().map(line).collect();
        lines.sort_unstable();
        lines
    };
    sorted(one) == sorted(other)
}

/// The open payment of the dossier that covers the same fees, if the desk did not name one.
fn open_payment_for(
    work: &mut Work,
    code: &DossierCode,
    lines: &[PaymentLine],
) -> Result<Option<PaymentId>, Missing> {
    if !work.scope.payments_of.contains(code) {
        work.missing.payments_of.insert(code.clone());
        return Err(Missing);
    }
    Ok(work
        .payments
        .values()
        .map(|p| &p.row)
        .find(|p| &p.subject == code && p.state == PaymentState::Open && is_same_money(lines, &p.body.lines))
        .map(|p| p.id.clone()))
}

/// Adds money to the dossier's state. Once per payment and way.
pub fn settle_fees(work: &mut Work, code: &DossierCode, settled: Settled, event: RowId) -> bool {
    let Some(mut state) = work.dossiers.get(code).map(|d| (*d.row.state).clone()) else { return false };
    let is_known = settled.payment.is_some()
        && state.settled.iter().any(|s| s.payment == settled.payment && s.how == settled.how);
    if is_known {
        return false;
    }
    state.settled.push(settled);
    replace_state(work, code, state, event)
}

/// Money of a payment that goes back, in đồng.
struct Given {
    due: i64,
    online: i64,
    back: i64,
}

/// What goes back may have been too much: then the fee stays paid, once.
fn give_back(work: &mut Work, code: &DossierCode, id: &PaymentId, given: &Given, event: RowId) {
    let Some(mut state) = work.dossiers.get(code).map(|d| (*d.row.state).clone()) else { return };
    let is_of_it = |s: &Settled| s.payment.as_deref() == Some(id.as_str());
    let at_desk = |s: &Settled| is_of_it(s) && s.how == SettledHow::Desk;
    let desk: i64 = state.settled.iter().filter(|s| at_desk(s)).map(|s| s.amount).sum();
    if given.online + desk - given.back < given.due {
        return unsettle(work, code, id.as_str(), event);
    }
    if desk > 0 && given.online > 0 {
        state.settled.retain(|s| !is_of_it(s) || at_desk(s));
        replace_state(work, code, state, event);
    }
}

fn unsettle(work: &mut Work, code: &DossierCode, payment: &str, event: RowId) {
    let Some(mut state) = work.dossiers.get(code).map(|d| (*d.row.state).clone()) else { return };
    state.settled.retain(|s| s.payment.as_deref() != Some(payment));
    replace_state(work, code, state, event);
}

/// Marks a payment as having more money than is due. `about`: which money, so that each is told once.
pub fn needs_refund(work: &mut Work, rules: &Rules, id: &PaymentId, reason: &str, about: &str) {
    let now = work.now;
    let Some(loaded) = work.payments.get_mut(id) else { return };
    let record = loaded.edit();
    (record.state, record.updated_at) = (PaymentState::NeedsRefund, now);
    let (subject, unit, amount) = (record.subject.clone(), record.unit.clone(), record.amount);
    let data = json!({ "payment_id": id, "amount": amount, "reason": reason });
    out::tell(work, rules, "payment.needs_refund", subject.as_str(), unit.as_ref(), about, data);
    let key = format!("refund:{id}");
    work.opened.push(IncidentRecord { key, connector: None, said: reason.to_owned() });
}
