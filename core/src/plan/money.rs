//! Payments: records that change at once, beside the operations that open them. What a platform tells about a
//! reference, by whatever way, ends here too.

use serde_json::{Value, json};
use std::sync::Arc;

use crate::{
    clock::compact,
    dossier::{Settled, SettledHow},
    event::{
        Admissible, Subject, canonical,
        data::{PaidAtDeskData, Payment, PaymentLine},
        names::EventData,
        rejection::{Reason, Rejection},
    },
    id::{ConnectorId, DossierCode, LaneKey, PaymentId, Reference, RowId},
    need::Need,
    operation::{ActionKind, Payload},
    payment::{PaymentRecord, PaymentState, ReferenceRecord, ReferenceState},
    plan::{
        admit::Effect,
        course::{bound, replace_state, unassigned},
        out,
        queue::{Missing, Planned, annul, enqueue},
        rules::{PartnerKind, Rules},
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

/// The same payment id with other content is a conflict.
pub fn check(work: &Work, event: &Admissible) -> Result<(), Rejection> {
    let Some((payment, raw)) = requested(event) else { return Ok(()) };
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
            unsettle(work, &code, id.as_str(), row);
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
    if let Some(listed) = payment.beneficiary_code.as_ref().and_then(|c| rules.beneficiaries.get(c)) {
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
    let taken_back = effect.late && is_taken_back(work, dossier.row, &payment.id);
    let reference = Reference::of(&payment.id, &event.key, 1);
    let sent_at = compact(work.now);
    let record = PaymentRecord {
        row: work.id(),
        id: payment.id.clone(),
        dossier: dossier.row,
        subject: code.clone(),
        unit: dossier.unit.clone(),
        connector: connector.clone(),
        amount,
        state: if taken_back { PaymentState::Cancelled } else { PaymentState::Open },
        body: Arc::new(body.clone()),
        content_hash: canonical::hash(raw),
        references: vec![ReferenceRecord {
            reference: reference.clone(),
            connector: connector.clone(),
            state: if taken_back { ReferenceState::Dead } else { ReferenceState::Planned },
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
    if taken_back {
        remark(effect, "a newer event took this payment back");
        return Ok(());
    }
    let (payload, need) = if platform.is_some() {
        (Payload::OpenPayment { payment: Box::new(body), reference, amount, sent_at }, None)
    } else {
        let wanted = "open_payment".to_owned();
        let need = Need::Action(wanted.clone());
        work.opened.push(IncidentRecord { key: need.to_string(), connector: None, said: wanted.clone() });
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

/// Whether a newer event of the dossier's history took this payment back or settled it.
fn is_taken_back(work: &Work, dossier: RowId, payment: &PaymentId) -> bool {
    let stored = work.history.get(&dossier).into_iter().flatten().map(|past| &past.body);
    let of_this_batch = work.new_events.iter().filter(|e| e.dossier == Some(dossier)).map(|e| &e.body);
    stored.chain(of_this_batch).any(|body| {
        let past: Value = serde_json::from_str(body).unwrap_or_default();
        let name = past.get("type").and_then(Value::as_str).unwrap_or_default();
        let about = past.pointer("/data/payment_id").and_then(Value::as_str) == Some(payment.as_str());
        about && (name.contains("fee.cancelled") || name.contains("fee.paid_at_desk"))
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
    let annulled = annul(work, rules, &(LaneKey::from(id), connector), kind, why)?;
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
            needs_refund(work, rules, &known.id, "paid online and at the desk");
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
    let mut wanted: Vec<_> = lines.iter().map(line).collect();
    wanted.sort_unstable();
    let same = |p: &PaymentRecord| {
        let mut have: Vec<_> = p.body.lines.iter().map(line).collect();
        have.sort_unstable();
        have == wanted
    };
    Ok(work
        .payments
        .values()
        .map(|p| &p.row)
        .find(|p| &p.subject == code && p.state == PaymentState::Open && same(p))
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

fn unsettle(work: &mut Work, code: &DossierCode, payment: &str, event: RowId) {
    let Some(mut state) = work.dossiers.get(code).map(|d| (*d.row.state).clone()) else { return };
    state.settled.retain(|s| s.payment.as_deref() != Some(payment));
    replace_state(work, code, state, event);
}

/// Marks a payment as having more money than is due.
pub fn needs_refund(work: &mut Work, rules: &Rules, id: &PaymentId, reason: &str) {
    let now = work.now;
    let Some(loaded) = work.payments.get_mut(id) else { return };
    let record = loaded.edit();
    (record.state, record.updated_at) = (PaymentState::NeedsRefund, now);
    let (subject, unit, amount) = (record.subject.clone(), record.unit.clone(), record.amount);
    let about =
        format!("{id}:{}", record.references.iter().filter(|r| r.state == ReferenceState::Paid).count());
    let data = json!({ "payment_id": id, "amount": amount, "reason": reason });
    out::tell(work, rules, "payment.needs_refund", subject.as_str(), unit.as_ref(), &about, data);
    let key = format!("refund:{id}");
    work.opened.push(IncidentRecord { key, connector: None, said: reason.to_owned() });
}
