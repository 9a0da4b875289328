//! What must be true of money and parcels in the end.

use lienthong_core::{
    operation::{ActionKind, OperationState},
    payment::PaymentState,
};
use std::collections::BTreeMap;

use super::Judge;

impl Judge<'_> {
    /// 5. What citizens paid is what is recorded; nobody can pay the same thing twice.
    pub(super) fn money(&mut self) {
        let mut said = Vec::new();
        let opened = self.shared.partners.opened();
        let payments = self.shared.store.payments();
        let mut references: BTreeMap<String, usize> = BTreeMap::new();
        for (reference, opened) in &opened {
            *references.entry(opened.payment.to_string()).or_default() += 1;
            let record = payments.iter().find(|p| p.id == opened.payment);
            let known = record.and_then(|p| p.references.iter().find(|r| r.reference == *reference));
            let Some((record, known)) = record.zip(known) else {
                said.push(format!("the platform has {reference}, of which we know nothing"));
                continue;
            };
            if opened.is_paid != known.paid_at.is_some() {
                said.push(format!(
                    "{reference}: paid there {}, recorded {:?}: {known:?}",
                    opened.is_paid, known.paid_at
                ));
            }
            let fits = match record.state {
                PaymentState::Paid | PaymentState::NeedsRefund => opened.is_paid,
                _ => !opened.is_paid,
            };
            if !fits {
                said.push(format!(
                    "{}: {:?} while paid there is {}",
                    record.id, record.state, opened.is_paid
                ));
            }
        }
        for (payment, count) in references {
            if count > 1 {
                said.push(format!("payment {payment} has {count} references at the platform"));
            }
        }
        self.violations.extend(said);
    }

    /// Every parcel is ordered once.
    pub(super) fn parcels(&mut self) {
        let mut said = Vec::new();
        let mut orders: BTreeMap<String, usize> = BTreeMap::new();
        for parcel in self.shared.partners.orders().values() {
            *orders.entry(parcel.clone()).or_default() += 1;
        }
        for (parcel, count) in &orders {
            if *count > 1 {
                said.push(format!("parcel {parcel} was ordered {count} times"));
            }
        }
        for parcel in self.shared.store.parcels() {
            let created = self.operations.values().any(|o| {
                o.state == OperationState::Succeeded
                    && o.payload.kind() == ActionKind::CreateParcel
                    && o.payload.parcel() == Some(&parcel.id)
            });
            if created && !orders.contains_key(parcel.id.as_str()) {
                said.push(format!("parcel {} is not at the post", parcel.id));
            }
        }
        self.violations.extend(said);
    }

    /// Only what the platform itself said, about a payment of ours and its amount, moves money.
    pub(super) fn callbacks(&mut self) {
        let opened = self.shared.partners.opened();
        for stored in self.shared.store.callbacks() {
            let said = serde_json::from_slice::<serde_json::Value>(&stored.raw.body).unwrap_or_default();
            let is_due = opened.iter().any(|(reference, opened)| {
                said["reference"] == reference.as_str() && said["amount"] == opened.amount
            });
            let is_genuine = stored.raw.headers.contains("\"good\"") && is_due;
            let is_applied = stored.verdict.as_deref() == Some("applied");
            if is_applied && !is_genuine {
                self.say(format!("a callback was believed: {stored:?}"));
            }
        }
        for payment in self.shared.store.payments() {
            for reference in &payment.references {
                if reference.paid_amount.is_some_and(|paid| paid != payment.amount) {
                    self.say(format!(
                        "{}: {:?} recorded of {}",
                        payment.id, reference.paid_amount, payment.amount
                    ));
                }
            }
        }
    }
}
