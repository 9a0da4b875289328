//! `AppendProgress`: the portal has no key for a step and no look-up, so an unclear step can only be repeated byte for
//! byte. After a doubt every step goes in a call of its own, and what this process saw accepted is not sent again.

use lienthong_core::{
    operation::ProgressStep,
    outcome::{Cause, Outcome, Proof},
    port::connector::{Call, Task},
};
use serde_json::json;
use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use super::{
    Dvcqg, PortalBorn,
    born::not_sent,
    classify::{self, Meaning},
    exchange::{Effect, Visit},
    map,
    notes::Notes,
    wire::{CapNhatTienDoHoSoMC, Reply, TienDo},
};

/// Far more operations than can be between their attempts and their settling at once; the oldest is forgotten first.
const REMEMBERED: usize = 1000;

/// Steps that the portal has accepted, by operation: an operation that failed half-way, or whose success could not be
/// stored, goes on from there. Lost with the process: then they are repeated, byte for byte.
#[derive(Debug, Default)]
pub(super) struct Accepted(Mutex<BTreeMap<i64, Vec<TienDo>>>);

impl Accepted {
    fn count(&self, operation: i64, steps: &[TienDo]) -> usize {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(&operation).filter(|done| steps.starts_with(done)).map_or(0, Vec::len)
    }

    fn note(&self, operation: i64, done: &[TienDo]) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.insert(operation, done.to_vec());
        while kept.len() > REMEMBERED {
            kept.pop_first();
        }
    }
}

/// The steps of one attempt and how far they came.
struct Sending<'a> {
    steps: &'a [TienDo],
    notes: &'a Notes,
    /// Accepted in an earlier attempt.
    known: usize,
    /// So many go in a call.
    at_once: usize,
    /// Calls that were accepted.
    calls: usize,
}

impl Dvcqg {
    /// The whole attempt.
    pub(super) async fn append_progress(
        &self,
        task: &Task,
        steps: &[ProgressStep],
        call: &Call<'_>,
    ) -> Outcome {
        let (state, dossier) = match Self::typed(task) {
            Ok(typed) => typed,
            Err(outcome) => return outcome,
        };
        if self.born_by(state) == Some(PortalBorn::Status) {
            return not_sent("steps: the status alone is told of this procedure's portal-born dossiers");
        }
        if steps.is_empty() || steps.len() > 10 {
            return Outcome::refused(
                Cause::Internal,
                "local",
                format!("{} steps: from 1 to 10 go in a call", steps.len()),
            );
        }
        let mapped = self.mapped(call, |b| map::steps(state, &dossier, steps, &b.config, &self.manifest.id));
        let (steps, notes) = match mapped.await {
            Ok(mapped) => mapped,
            Err(outcome) => return outcome,
        };
        let mut visit = Visit::new(self, call, map::personal(&dossier));
        let mut sending = Sending {
            steps: &steps,
            notes: &notes,
            // Only what may have been sent before can have been accepted before.
            known: if task.begun { self.accepted.count(task.operation, &steps) } else { 0 },
            at_once: if task.doubted { 1 } else { self.config.steps_per_call },
            calls: 0,
        };
        self.send_steps(task.operation, &mut visit, &mut sending).await
    }

    async fn send_steps(&self, operation: i64, visit: &mut Visit<'_>, sending: &mut Sending<'_>) -> Outcome {
        let (all, mut last) = (sending.steps.len(), None);
        let mut taken = sending.known;
        while taken < all {
            let end = all.min(taken + sending.at_once);
            let data = sending.steps.get(taken..end).unwrap_or_default();
            let reply = match visit.ask(&CapNhatTienDoHoSoMC { data }, Effect::Write).await {
                Ok(reply) => reply,
                Err(outcome) => return partly(outcome, taken, all),
            };
            if classify::meaning(&reply, &self.config) != Meaning::Success {
                return partly(self.judge(visit, &reply, sending), taken, all);
            }
            self.accepted.note(operation, sending.steps.get(..end).unwrap_or_default());
            sending.calls += 1;
            taken = end;
            last = Some(reply);
        }
        if let Some(reply) = last {
            return self.judge(visit, &reply, sending);
        }
        let mut proof = Proof { repeated: true, ..Proof::default() };
        proof.facts.insert("accepted_before".into(), json!(sending.known));
        sending.notes.write(&mut proof.facts);
        Outcome::Done(proof)
    }

    fn judge(&self, visit: &Visit<'_>, reply: &Reply, sending: &Sending<'_>) -> Outcome {
        if classify::meaning(reply, &self.config) != Meaning::Success {
            let personal = visit.personal();
            return classify::refusal(
                reply,
                &self.config,
                &personal,
                Cause::DataRefused,
                Cause::UnknownThere,
            );
        }
        let mut proof = classify::proof(reply, &self.config, &visit.personal());
        proof.facts.insert("calls".into(), json!(sending.calls));
        if sending.known > 0 {
            proof.facts.insert("accepted_before".into(), json!(sending.known));
        }
        sending.notes.write(&mut proof.facts);
        Outcome::Done(proof)
    }
}

/// Some steps exist and this one does not: as a whole that is neither done nor not done.
fn partly(outcome: Outcome, taken: usize, all: usize) -> Outcome {
    let words = |said: &str| format!("{taken} of {all} steps were accepted, then: {said}");
    match outcome {
        _ if taken == 0 => outcome,
        Outcome::NotDone(setback) => Outcome::unclear(setback.cause, words(&setback.said)),
        Outcome::Refused(mut refusal) => {
            refusal.said = words(&refusal.said);
            Outcome::Refused(refusal)
        }
        // A pause sends the operation again later, from where this process remembers.
        other => other,
    }
}
