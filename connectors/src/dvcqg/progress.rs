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
    Dvcqg,
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
        if steps.is_empty() || steps.len() > 10 {
            return Outcome::refused(
                Cause::Internal,
                "local",
                format!("{} steps: from 1 to 10 go in a call", steps.len()),
            );
        }
        let mapped = self.mapped(call, |s| map::steps(state, &dossier, steps, &s.config, &self.manifest.id));
        let (steps, notes) = match mapped.await {
            Ok((_, mapped)) => mapped,
            Err(outcome) => return outcome,
        };
        let mut visit = Visit::new(self, call, map::personal(&dossier));
        if task.doubted {
            self.one_by_one(task.operation, &mut visit, &steps, &notes).await
        } else {
            self.together(task.operation, &mut visit, &steps, &notes).await
        }
    }

    async fn together(
        &self,
        operation: i64,
        visit: &mut Visit<'_>,
        steps: &[TienDo],
        notes: &Notes,
    ) -> Outcome {
        let reply = match visit.ask(&CapNhatTienDoHoSoMC { data: steps }, Effect::Write).await {
            Ok(reply) => reply,
            Err(outcome) => return outcome,
        };
        if classify::meaning(&reply, &self.config) == Meaning::Success {
            self.accepted.note(operation, steps);
        }
        self.judge(visit, &reply, notes, 1, 0)
    }

    async fn one_by_one(
        &self,
        operation: i64,
        visit: &mut Visit<'_>,
        steps: &[TienDo],
        notes: &Notes,
    ) -> Outcome {
        let known = self.accepted.count(operation, steps);
        let mut last = None;
        for taken in known..steps.len() {
            let reply =
                match visit.ask(&CapNhatTienDoHoSoMC { data: &steps[taken..=taken] }, Effect::Write).await {
                    Ok(reply) => reply,
                    Err(outcome) => return partly(outcome, taken, steps.len()),
                };
            if classify::meaning(&reply, &self.config) != Meaning::Success {
                return partly(self.judge(visit, &reply, notes, 0, known), taken, steps.len());
            }
            self.accepted.note(operation, &steps[..=taken]);
            last = Some(reply);
        }
        if let Some(reply) = last {
            return self.judge(visit, &reply, notes, steps.len() - known, known);
        }
        let mut proof = Proof { repeated: true, ..Proof::default() };
        proof.facts.insert("accepted_before".into(), json!(known));
        notes.write(&mut proof.facts);
        Outcome::Done(proof)
    }

    fn judge(&self, visit: &Visit<'_>, reply: &Reply, notes: &Notes, calls: usize, known: usize) -> Outcome {
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
        proof.facts.insert("calls".into(), json!(calls));
        if known > 0 {
            proof.facts.insert("accepted_before".into(), json!(known));
        }
        notes.write(&mut proof.facts);
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
