//! What listeners must have been told: everything, in order.

use lienthong_core::{
    payment::PaymentState,
    port::store::{OutboxRow, Store},
};
use std::collections::BTreeMap;

use super::Judge;

impl Judge<'_> {
    /// 7. What goes out is complete and in order.
    pub(super) async fn out_events(&mut self) {
        let all = self.shared.store.outbox(0, i64::MAX).await.unwrap_or_default();
        let taken = self.shared.broker.taken();
        let mut next = 0;
        for row in &taken {
            if all.get(next).is_some_and(|wanted| wanted.number == row.number) {
                next += 1;
            } else if !all[..next].iter().any(|known| known == row) {
                self.say(format!("out-event {} went out before {}", row.number, next + 1));
            }
        }
        if next != all.len() {
            self.say(format!("{} of {} out-events went out", next, all.len()));
        }
        let mut ids: BTreeMap<&str, &OutboxRow> = BTreeMap::new();
        for row in &all {
            // What is put aside twice is told twice under one id: whoever listens knows it for the same.
            let is_put_aside = matches!(row.name.as_str(), "event.quarantined" | "event.conflict");
            if let Some(other) = ids.insert(&row.id, row).filter(|_| !is_put_aside) {
                self.say(format!("two out-events have the same id: {other:?} and {row:?}"));
            }
        }
        for payment in self.shared.store.payments() {
            let id = payment.id.as_str();
            let told = |name: &str| {
                all.iter().filter(|r| r.name == name && r.data.contains(&format!("\"{id}\""))).count()
            };
            let paid = usize::from(payment.state == PaymentState::Paid);
            if told("payment.succeeded") < paid || told("payment.succeeded") > 1 {
                self.say(format!("payment {id} was told as paid {} times", told("payment.succeeded")));
            }
            let refund = usize::from(payment.state == PaymentState::NeedsRefund);
            if told("payment.needs_refund") != refund {
                self.say(format!("{id} needs a refund, told {} times", told("payment.needs_refund")));
            }
        }
    }
}
