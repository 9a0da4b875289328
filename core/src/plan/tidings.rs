//! What a platform told about a reference, by callback, query or statement: applied once, whatever the way and order.

use serde_json::json;

use crate::{
    dossier::{Settled, SettledHow},
    id::{ConnectorId, LaneKey},
    operation::OperationState,
    outcome::Proof,
    payment::{News, PaymentState, ReferenceState, Tiding},
    plan::{
        course::{bound, sync},
        money::{needs_refund, settle_fees},
        out,
        queue::Missing,
        rules::{PartnerKind, Rules},
    },
    port::work::{IncidentRecord, Work},
};

/// What became of a tiding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// The record changed.
    Applied,
    /// Nothing new.
    Repeated,
    /// No payment has this reference.
    Unknown,
    /// The amount is not the one due.
    OtherAmount {
        /// In đồng.
        due: i64,
        /// In đồng.
        told: i64,
    },
}

/// Applies a tiding to the payment that has the reference.
pub fn apply(
    work: &mut Work,
    rules: &Rules,
    connector: &ConnectorId,
    tiding: &Tiding,
) -> Result<Told, Missing> {
    let found = work.payments.values().find_map(|p| {
        let r =
            p.row.references.iter().find(|r| r.reference == tiding.reference && &r.connector == connector)?;
        Some((p.row.clone(), r.clone()))
    });
    let Some((payment, reference)) = found else { return Ok(Told::Unknown) };
    ask_for(work, &payment)?;
    let now = work.now;
    let mut changed = reference.clone();
    changed.asked_at = Some(now);
    if !tiding.platform_ref.is_empty() && changed.platform_ref.is_none() {
        changed.platform_ref = Some(tiding.platform_ref.clone());
    }
    let told = match &tiding.news {
        News::Pending => {
            if reference.state == ReferenceState::Planned {
                changed.state = ReferenceState::Live;
            }
            Told::Repeated
        }
        News::Failed { code } => {
            if reference.state == ReferenceState::Paid || reference.state == ReferenceState::Dead {
                Told::Repeated
            } else {
                changed.state = ReferenceState::Dead;
                failed(work, rules, &payment, code);
                Told::Applied
            }
        }
        News::Paid { amount, .. } if *amount != payment.amount => {
            let key = format!("amount:{}", payment.id);
            let said = format!("due {}, the platform says {amount}", payment.amount);
            work.opened.push(IncidentRecord { key, connector: Some(connector.clone()), said });
            Told::OtherAmount { due: payment.amount, told: *amount }
        }
        News::Paid { amount, at } => {
            let is_same = reference.state == ReferenceState::Paid
                && (tiding.platform_ref.is_empty()
                    || changed.platform_ref.as_ref() == Some(&tiding.platform_ref));
            if is_same {
                Told::Repeated
            } else {
                let again = reference.state == ReferenceState::Paid;
                changed.state = ReferenceState::Paid;
                // All that was paid under this reference: what is too much is known when some of it goes back.
                let before = if again { reference.paid_amount.unwrap_or_default() } else { 0 };
                (changed.paid_at, changed.paid_amount) = (Some(*at), Some(before + amount));
                // An earlier, failed transaction of the same reference may have left its number here.
                if !tiding.platform_ref.is_empty() {
                    changed.platform_ref = Some(tiding.platform_ref.clone());
                }
                let changed = changed.clone();
                store_reference(work, &payment, &changed);
                paid(work, rules, &payment, tiding, again)?;
                Told::Applied
            }
        }
    };
    store_reference(work, &payment, &changed);
    if !matches!(told, Told::OtherAmount { .. }) {
        settle_opening(work, &payment, connector, tiding)?;
    }
    Ok(told)
}

/// Asks at once for what a tiding touches beside the payment: each thing that is found missing later is one more load.
fn ask_for(work: &mut Work, payment: &crate::payment::PaymentRecord) -> Result<(), Missing> {
    let keys = [LaneKey::from(&payment.id), LaneKey::from(&payment.subject)];
    let lanes: Vec<_> = keys.into_iter().filter(|key| !work.scope.lanes.contains(key)).collect();
    let knows_dossier =
        work.dossier(&payment.subject).is_some() || work.scope.dossiers.contains(&payment.subject);
    if lanes.is_empty() && knows_dossier {
        return Ok(());
    }
    work.missing.lanes.extend(lanes);
    work.missing.dossiers.insert(payment.subject.clone());
    Err(Missing)
}

fn store_reference(
    work: &mut Work,
    payment: &crate::payment::PaymentRecord,
    changed: &crate::payment::ReferenceRecord,
) {
    if let Some(loaded) = work.payments.get_mut(&payment.id)
        && let Some(slot) = loaded.edit().references.iter_mut().find(|r| r.reference == changed.reference)
    {
        slot.clone_from(changed);
    }
}

fn failed(work: &mut Work, rules: &Rules, payment: &crate::payment::PaymentRecord, code: &str) {
    if payment.state != PaymentState::Open {
        return;
    }
    let now = work.now;
    if let Some(loaded) = work.payments.get_mut(&payment.id) {
        let record = loaded.edit();
        (record.state, record.updated_at) = (PaymentState::Failed, now);
    }
    let data = json!({ "payment_id": payment.id, "platform": payment.connector, "code": code });
    let about = format!("{}:{}", payment.id, payment.references.len());
    out::tell(work, rules, "payment.failed", payment.subject.as_str(), payment.unit.as_ref(), &about, data);
}

/// Money came. Paid beats failed and expired; what comes beside other money, or after a cancellation, goes back.
fn paid(
    work: &mut Work,
    rules: &Rules,
    payment: &crate::payment::PaymentRecord,
    tiding: &Tiding,
    again: bool,
) -> Result<(), Missing> {
    let News::Paid { amount, at } = &tiding.news else { return Ok(()) };
    let reason = match payment.state {
        PaymentState::Open | PaymentState::Failed | PaymentState::Expired if !again => None,
        PaymentState::Cancelled => Some("paid after it was cancelled"),
        PaymentState::PaidAtDesk => Some("paid online after it was paid at the desk"),
        _ => Some("paid a second time"),
    };
    if let Some(reason) = reason {
        let about = format!("{}:{}", tiding.reference, tiding.platform_ref);
        needs_refund(work, rules, &payment.id, reason, &about);
        return Ok(());
    }
    let now = work.now;
    if let Some(loaded) = work.payments.get_mut(&payment.id) {
        let record = loaded.edit();
        (record.state, record.updated_at) = (PaymentState::Paid, now);
    }
    let data = json!({
        "payment_id": payment.id, "amount": amount, "paid_at": at, "platform": payment.connector,
        "platform_ref": tiding.platform_ref, "known_by": tiding.by,
    });
    out::tell(
        work,
        rules,
        "payment.succeeded",
        payment.subject.as_str(),
        payment.unit.as_ref(),
        payment.id.as_str(),
        data,
    );
    if work.dossier(&payment.subject).is_none() {
        work.missing.dossiers.insert(payment.subject.clone());
        work.missing.lanes.insert(LaneKey::from(&payment.subject));
        return Err(Missing);
    }
    let settled = Settled {
        payment: Some(payment.id.to_string()),
        lines: payment
            .body
            .lines
            .iter()
            .map(|l| (l.fee_id.clone().unwrap_or_else(|| l.code.clone()), l.amount.get()))
            .collect(),
        amount: *amount,
        at: *at,
        how: SettledHow::Online,
    };
    if settle_fees(work, &payment.subject, settled, 0)
        && let Some(portal) = bound(work, rules, &payment.subject, PartnerKind::Portal, "payment.succeeded")
    {
        sync(work, rules, &portal, &payment.subject, 0, None)?;
    }
    Ok(())
}

/// A tiding about a reference proves that its opening took place: settles its operation, in doubt or about to go out
/// (again), but never a running one.
fn settle_opening(
    work: &mut Work,
    payment: &crate::payment::PaymentRecord,
    connector: &ConnectorId,
    tiding: &Tiding,
) -> Result<(), Missing> {
    let key = LaneKey::from(&payment.id);
    if !work.scope.lanes.contains(&key) {
        work.missing.lanes.insert(key);
        return Err(Missing);
    }
    let now = work.now;
    let Some(lane) = work.lanes.get_mut(&(key, connector.clone())) else { return Ok(()) };
    let waits = |o: &crate::operation::Operation| {
        o.state != OperationState::Running
            && matches!(&*o.payload, crate::operation::Payload::OpenPayment { reference, .. } if *reference == tiding.reference)
    };
    // Still pending without a pay link helps nobody: the doubt remains, and the same reference goes out again.
    if tiding.news == News::Pending || !lane.row.open.first().is_some_and(waits) {
        return Ok(());
    }
    let id = if let Some(operation) = lane.edit().open.first_mut() {
        let said = format!("known by {}", tiding.by);
        operation.state = OperationState::Succeeded;
        operation.proof = Some(Proof { said, ..Proof::default() });
        operation.ended_at = Some(now);
        operation.need = None;
        operation.id
    } else {
        return Ok(());
    };
    work.ledger.succeeded += 1;
    work.touch(id);
    Ok(())
}
