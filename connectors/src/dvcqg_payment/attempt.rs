//! One attempt to open a payment, the first or one after a doubt, and what QUERY's news mean for an operation.

use lienthong_core::{
    outcome::{Cause, Outcome, Proof, Refusal},
    payment::{News, Tiding},
    port::connector::{Call, Task},
};
use serde_json::json;
use std::time::Duration;

use super::{
    DvcqgPayment, classify,
    map::{self, Opening},
};
use crate::http::Budget;

impl DvcqgPayment {
    /// After a doubt: what does the platform know? Only then may the same INIT go out again.
    pub(super) async fn open_again(
        &self,
        opening: Opening<'_>,
        task: &Task,
        call: &Call<'_>,
        budget: Budget,
    ) -> Outcome {
        let known = match self.ask(opening.reference, opening.sent_at, budget).await {
            Ok(known) => known,
            // Nothing new was sent: the doubt stays.
            Err(failure) => {
                return Outcome::unclear(Cause::NoAnswer, format!("QUERY told nothing: {}", failure.said));
            }
        };
        let Some(tiding) = known else { return self.open(opening, task, call, budget).await };
        match &tiding.news {
            News::Paid { .. } => Outcome::Done(Proof { repeated: true, ..found(&tiding) }),
            News::Failed { code } => Outcome::Refused(dead(code)),
            // Nobody may be given the link any more, but somebody may still pay: it counts as open until it is dead.
            News::Pending if is_expired(opening, call) => {
                Outcome::Done(Proof { repeated: true, ..found(&tiding) })
            }
            News::Pending => match self.open(opening, task, call, budget).await {
                // It is open there: a refusal of the repeat does not make it dead.
                Outcome::Refused(refusal) => Outcome::unclear(
                    refusal.cause,
                    format!("open there, the repeat was refused: {}", refusal.said),
                ),
                outcome => outcome,
            },
        }
    }

    pub(super) async fn open(
        &self,
        opening: Opening<'_>,
        task: &Task,
        call: &Call<'_>,
        budget: Budget,
    ) -> Outcome {
        if is_expired(opening, call) {
            return map::refused("payment.expires_at", "the payment's time ran out before it was opened");
        }
        let message = match map::init(opening, task, &self.config, &self.secret) {
            Ok(message) => message,
            Err(outcome) => return outcome,
        };
        if !budget.has(Duration::from_millis(self.config.min_write_ms)) {
            return Outcome::not_done(
                Cause::Internal,
                "too little of the attempt's time was left to send INIT",
            );
        }
        match self.post(&self.config.init_url, &message, budget).await {
            Ok(answer) => classify::opened(&answer, &message, task.begun, &self.config),
            Err(failure) => failure.outcome(),
        }
    }
}

fn is_expired(opening: Opening<'_>, call: &Call<'_>) -> bool {
    opening.payment.expires_at.is_some_and(|at| at <= call.now)
}

/// The reference exists there. A pay link is told only in the answer to INIT.
pub(super) fn found(tiding: &Tiding) -> Proof {
    let mut proof = Proof { said: "found by QUERY".into(), ..Proof::default() };
    proof.facts.insert("reference".into(), json!(tiding.reference.as_str()));
    match &tiding.news {
        News::Paid { amount, at } => {
            let paid = json!({"amount": amount, "at": at.to_string(), "platform_ref": tiding.platform_ref});
            proof.facts.insert("paid".into(), paid);
        }
        News::Pending | News::Failed { .. } => {
            proof.facts.insert("pending".into(), json!(true));
        }
    }
    proof
}

pub(super) fn dead(code: &str) -> Refusal {
    let said = "QUERY says that the transaction failed".to_owned();
    Refusal { cause: Cause::DataRefused, code: format!("TrangThaiGD {code}"), said, field: None }
}
