//! Results posted to the adapter: signed, repeated until acknowledged, each attempt journaled.

use super::{Payments, messages, state::Standing};
use crate::{
    behaviour::{Behaviour, CALLBACK},
    journal::{Draft, Effect},
    runtime::lock,
    simulator::Simulator,
};
use serde_json::{Value, json};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

/// Lowers the number of deliveries under way, also when one is cancelled.
struct UnderWay(Arc<AtomicUsize>);

impl UnderWay {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::AcqRel);
        Self(Arc::clone(count))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Sends the result of a settled reference in the background, until it is acknowledged.
pub(super) fn deliver(simulator: &Arc<Simulator<Payments>>, reference: &str) {
    let payments = &simulator.partner;
    let Some(url) = lock(&payments.callback_url).clone() else { return };
    let payload = {
        let state = lock(&payments.state);
        let Some(known) = state.get(reference) else { return };
        let code = if known.standing == Standing::Paid { "00" } else { &payments.options.other_code };
        payments.result(&payments.options.callback_kind, known, known.amount, code)
    };
    let (under_way, reference) = (UnderWay::new(&payments.under_way), reference.to_owned());
    let shared = Arc::clone(simulator);
    simulator.runtime.spawn(async move {
        let _under_way = under_way;
        let mut wait = shared.partner.options.callback_backoff;
        for attempt in 1..=shared.partner.options.callback_attempts {
            if attempt > 1 {
                tokio::time::sleep(wait).await;
                wait *= 2;
            }
            let behaviour = shared.rules.pick(CALLBACK, &reference);
            if let Behaviour::Stall { millis } = behaviour {
                tokio::time::sleep(Duration::from_millis(millis)).await;
            }
            if behaviour == Behaviour::DropBeforeEffect {
                continue;
            }
            let is_acknowledged = send(&shared, &url, &reference, &payload, false).await;
            // DropAfterEffect: received over there, but the platform never hears the answer.
            if is_acknowledged && behaviour != Behaviour::DropAfterEffect {
                if behaviour == Behaviour::DuplicateCallback {
                    send(&shared, &url, &reference, &payload, false).await;
                }
                return;
            }
        }
    });
}

/// Sends one callback that says "paid" with a signature that is not the platform's.
pub(super) fn forge(simulator: &Arc<Simulator<Payments>>, reference: &str, amount: Option<u64>) -> bool {
    let payments = &simulator.partner;
    let Some(url) = lock(&payments.callback_url).clone() else { return false };
    let payload = {
        let state = lock(&payments.state);
        let Some(known) = state.get(reference) else { return false };
        let mut payload =
            payments.result(&payments.options.callback_kind, known, amount.unwrap_or(known.amount), "00");
        payload["MaGiaoDich"] = json!("9999999999999999");
        payload["MaNganHang"] = json!(payments.options.bank);
        payload["MaXacThuc"] = json!(messages::result_signature(&payload, "NOT-THE-SECRET"));
        payload
    };
    let (under_way, reference) = (UnderWay::new(&payments.under_way), reference.to_owned());
    let shared = Arc::clone(simulator);
    simulator.runtime.spawn(async move {
        let _under_way = under_way;
        send(&shared, &url, &reference, &payload, true).await;
    });
    true
}

/// One attempt; `true` = answered with MaLoi 00.
async fn send(
    simulator: &Arc<Simulator<Payments>>,
    url: &str,
    reference: &str,
    payload: &Value,
    is_forged: bool,
) -> bool {
    let payments = &simulator.partner;
    let (Some(client), Ok(_permit)) = (&payments.client, payments.senders.acquire().await) else {
        return false;
    };
    let raw = payload.to_string().into_bytes();
    let request = client.post(url).header("content-type", "application/json").body(raw.clone());
    let (status, answer, mut violations) = match request.send().await {
        Ok(response) => {
            let status = response.status().as_u16();
            let text = response.text().await.unwrap_or_default();
            match serde_json::from_str::<Value>(&text) {
                // An honest answer needs its echoes; a refusal of a forgery may look as it likes.
                Ok(answer) if is_forged => (Some(status), answer, Vec::new()),
                Ok(answer) if (200..300).contains(&status) => {
                    let violations = messages::answer_violations(&answer, payload);
                    (Some(status), answer, violations)
                }
                Ok(answer) => (Some(status), answer, Vec::new()),
                Err(_) => (Some(status), json!({ "text": text }), Vec::new()),
            }
        }
        Err(error) => (None, json!({"error": error.to_string()}), Vec::new()),
    };
    let is_acknowledged =
        status.is_some_and(|status| status < 300) && answer.get("MaLoi") == Some(&json!("00"));
    if is_forged && is_acknowledged {
        violations.push("callback: a forged result was accepted".to_owned());
    }
    payments.count_callback(reference, is_forged, is_acknowledged);
    let operation = if is_forged { "forged_callback" } else { CALLBACK };
    simulator.journal.write(Draft {
        operation: operation.to_owned(),
        key: reference.to_owned(),
        behaviour: None,
        raw,
        request: payload.clone(),
        status,
        answer,
        effect: if is_acknowledged { Effect::Acknowledged } else { Effect::Sent },
        violations,
    });
    is_acknowledged
}

impl Payments {
    fn count_callback(&self, reference: &str, is_forged: bool, is_acknowledged: bool) {
        let mut state = lock(&self.state);
        if is_forged {
            state.counts.forged_sent += 1;
            state.counts.forged_accepted += u64::from(is_acknowledged);
            return;
        }
        state.counts.callbacks_sent += 1;
        state.counts.callbacks_acknowledged += u64::from(is_acknowledged);
        if let Some(known) = state.get_mut(reference) {
            known.callbacks_sent += 1;
            known.callbacks_acknowledged += u64::from(is_acknowledged);
        }
    }
}
