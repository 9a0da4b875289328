//! What a test or the sandbox may look at and do: references, payments, callbacks.

use super::{
    Payments, callback,
    state::{Counts, Opening, Reference, Standing},
};
use crate::{handle::Handle, runtime::lock, simulator::Simulator};
use serde_json::{Value, json};
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

impl Handle<Payments> {
    /// Where results go from now on.
    pub fn set_callback_url(&self, url: impl Into<String>) {
        *lock(&self.simulator.partner.callback_url) = Some(url.into());
    }

    /// All references, in order of opening.
    pub fn references(&self) -> Vec<Reference> {
        lock(&self.simulator.partner.state).references.clone()
    }

    pub fn reference(&self, reference: &str) -> Option<Reference> {
        lock(&self.simulator.partner.state).get(reference).cloned()
    }

    /// References whose money was taken.
    pub fn paid(&self) -> Vec<Reference> {
        self.references().into_iter().filter(|known| known.standing == Standing::Paid).collect()
    }

    /// References by MaHoSo and NoiDungThanhToan.
    pub fn openings(&self) -> Vec<Opening> {
        lock(&self.simulator.partner.state).openings()
    }

    /// Openings that had more than one payable reference at once, or were paid twice.
    pub fn double_openings(&self) -> Vec<Opening> {
        self.openings().into_iter().filter(|opening| opening.peak_open > 1 || opening.paid > 1).collect()
    }

    pub fn counts(&self) -> Counts {
        lock(&self.simulator.partner.state).counts
    }

    /// The citizen pays; the callback follows in the background. `false` = unknown or paid before.
    pub fn pay(&self, reference: &str) -> bool {
        settle(&self.simulator, reference, Standing::Paid, true)
    }

    /// The citizen pays and the callback is lost for good: only QUERY can tell.
    pub fn pay_silently(&self, reference: &str) -> bool {
        settle(&self.simulator, reference, Standing::Paid, false)
    }

    /// Pays everything open; the number paid.
    pub fn pay_all(&self) -> usize {
        settle_all(&self.simulator, Standing::Paid)
    }

    /// The payment fails; the callback follows in the background.
    pub fn fail(&self, reference: &str) -> bool {
        settle(&self.simulator, reference, Standing::Failed, true)
    }

    /// Sends "paid" with a wrong signature; nothing is paid.
    pub fn forge(&self, reference: &str, amount: Option<u64>) -> bool {
        callback::forge(&self.simulator, reference, amount)
    }

    /// Sends the result of a settled reference once more. `false` = unknown or still open.
    pub fn resend(&self, reference: &str) -> bool {
        resend(&self.simulator, reference)
    }

    /// Waits until no callback is under way.
    pub async fn callbacks_delivered(&self) {
        while self.simulator.partner.under_way.load(Ordering::Acquire) > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

pub(super) fn settle(
    simulator: &Arc<Simulator<Payments>>,
    reference: &str,
    to: Standing,
    tell: bool,
) -> bool {
    let is_settled = lock(&simulator.partner.state).settle(reference, to);
    if is_settled && tell {
        callback::deliver(simulator, reference);
    }
    is_settled
}

fn settle_all(simulator: &Arc<Simulator<Payments>>, to: Standing) -> usize {
    let open: Vec<String> = {
        let state = lock(&simulator.partner.state);
        let open = state.references.iter().filter(|known| known.standing == Standing::Open);
        open.map(|known| known.reference.clone()).collect()
    };
    open.iter().filter(|reference| settle(simulator, reference, to, true)).count()
}

fn resend(simulator: &Arc<Simulator<Payments>>, reference: &str) -> bool {
    let is_settled =
        lock(&simulator.partner.state).get(reference).is_some_and(|known| known.standing != Standing::Open);
    if is_settled {
        callback::deliver(simulator, reference);
    }
    is_settled
}

/// `/_sim/pay`, `/_sim/fail`, `/_sim/forge`, `/_sim/resend`, `/_sim/callback_url`.
pub(super) fn control(simulator: &Arc<Simulator<Payments>>, verb: &str, body: &Value) -> Option<Value> {
    let reference = crate::shape::text(body, "reference");
    let is_silent = body.get("silent") == Some(&json!(true));
    let count = match verb {
        "pay" if body.get("all") == Some(&json!(true)) => settle_all(simulator, Standing::Paid),
        "pay" => usize::from(settle(simulator, reference, Standing::Paid, !is_silent)),
        "fail" => usize::from(settle(simulator, reference, Standing::Failed, !is_silent)),
        "forge" => {
            let amount = body.get("amount").and_then(Value::as_u64);
            usize::from(callback::forge(simulator, reference, amount))
        }
        "resend" => usize::from(resend(simulator, reference)),
        "callback_url" => {
            let url = crate::shape::text(body, "url");
            *lock(&simulator.partner.callback_url) = (!url.is_empty()).then(|| url.to_owned());
            1
        }
        _ => return None,
    };
    Some(json!({ "done": count }))
}
