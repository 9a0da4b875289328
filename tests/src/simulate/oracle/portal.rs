//! What the portal must have in the end: every dossier in its last state, with all its steps in order.

use lienthong_core::operation::{ActionKind, Operation, OperationState, Payload};
use std::collections::BTreeSet;

use super::Judge;

impl Judge<'_> {
    /// Every dossier is at the portal in its last state, with all its steps in the order of their admission.
    pub(super) fn histories(&mut self) {
        let mut said = Vec::new();
        for (code, expected) in &self.lives.steps {
            let of_dossier = self.effects.iter().filter(|e| e.connector == "dvcqg" && e.key == *code);
            let mut steps: Vec<String> = Vec::new();
            let mut last = None;
            for effect in of_dossier {
                match &*effect.payload {
                    Payload::AppendProgress { steps: more } => {
                        for step in more {
                            if !steps.contains(&step.content) {
                                steps.push(step.content.clone());
                            }
                        }
                    }
                    _ => last.clone_from(&effect.dossier),
                }
            }
            let (there, wanted): (BTreeSet<_>, BTreeSet<_>) =
                (steps.iter().collect(), expected.iter().collect());
            // What a person ended may be there or not; nothing else may be missing, and nothing may be there beside it.
            let ended = self.ended_by_a_person(code);
            let given_up: BTreeSet<&String> = ended
                .iter()
                .filter_map(|o| {
                    if let Payload::AppendProgress { steps } = &*o.payload { Some(steps) } else { None }
                })
                .flatten()
                .map(|step| &step.content)
                .collect();
            let missing: Vec<_> =
                wanted.difference(&there).filter(|step| !given_up.contains(*step)).collect();
            if !there.is_subset(&wanted) || !missing.is_empty() {
                said.push(format!("{code}: the portal has {steps:?} instead of {expected:?}"));
            }
            // Late events add their step behind what is there; all others keep the order of their numbers.
            let mut on_time: Vec<(Option<i64>, String)> = self
                .shared
                .store
                .events()
                .into_iter()
                .filter(|e| e.subject == *code && !e.late)
                .filter_map(|e| {
                    let body: serde_json::Value = serde_json::from_str(&e.body).ok()?;
                    Some((e.sequence, body.pointer("/data/step/content")?.as_str()?.to_owned()))
                })
                .collect();
            on_time.sort();
            let wanted: Vec<_> =
                on_time.into_iter().map(|(_, content)| content).filter(|c| steps.contains(c)).collect();
            let in_order: Vec<_> = steps.iter().filter(|s| wanted.contains(s)).cloned().collect();
            if in_order != wanted {
                said.push(format!("{code}: steps came as {in_order:?} instead of {wanted:?}"));
            }
            if ended.iter().any(|o| o.payload.kind() == ActionKind::SyncDossier) {
                continue;
            }
            let note =
                last.as_ref().and_then(|state| state.fields.get("note")).and_then(|note| note.as_str());
            if self.lives.notes.get(code).is_some_and(|wanted| note != Some(wanted)) {
                said.push(format!("{code}: the portal has the note {note:?}"));
            }
            let status = last.and_then(|state| state.status).map(lienthong_core::status::PortalStatus::code);
            if status != Some(10) {
                said.push(format!("{code}: the portal's last status is {status:?}, not 10"));
            }
        }
        self.violations.extend(said);
    }

    /// The operations of a dossier that a person dismissed.
    fn ended_by_a_person(&self, code: &str) -> Vec<&Operation> {
        let is_of_it = |o: &&Operation| o.subject.as_ref().is_some_and(|subject| subject.as_str() == code);
        let dismissed = |o: &&Operation| o.state == OperationState::Dismissed;
        self.operations.values().filter(is_of_it).filter(dismissed).collect()
    }
}
