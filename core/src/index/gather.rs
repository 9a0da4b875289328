//! From what a store knows of a dossier to its row of facts, pure.

use crate::{
    dossier::DossierState,
    index::{
        facts::{Facts, Reading},
        tally::{AtPortal, FactRow},
    },
    operation::ProgressStep,
    port::index::Sources,
};

/// The row of a dossier; none: nothing was ever said of it.
pub fn gather(sources: &Sources, reading: &Reading) -> Result<Option<FactRow>, serde_json::Error> {
    let Some((version, state)) = &sources.newest else { return Ok(None) };
    let told = |only_acknowledged: bool| -> Vec<ProgressStep> {
        let wanted = sources.steps.iter().filter(|(_, has)| *has || !only_acknowledged);
        let mut told: Vec<ProgressStep> = Vec::new();
        for step in wanted.flat_map(|(steps, _)| steps) {
            // What was sent again to a portal that had lost it is the same step.
            if !told.contains(step) {
                told.push(step.clone());
            }
        }
        told
    };
    let state: DossierState = serde_json::from_str(state)?;
    let mut known = Facts::of(&state, &told(false), reading)?;
    let kept = sources.kept.as_ref();
    let kept_portal = kept.and_then(FactRow::acknowledged);
    if !sources.is_acknowledged {
        return Ok(Some(row(sources, known, AtPortal::Nothing)));
    }
    let mut portal = match &sources.acknowledged {
        Some((acknowledged, _)) if acknowledged == version => Facts::of(&state, &told(true), reading)?,
        Some((_, state)) => Facts::of(&serde_json::from_str(state)?, &told(true), reading)?,
        // Its acknowledgement stands for nothing that was sent.
        None if sources.is_unsent && kept_portal.is_none() => {
            return Ok(Some(row(sources, known, AtPortal::Nothing)));
        }
        // Its operation is gone: what was known of the portal before, and the steps that came since.
        None => {
            let mut facts = kept_portal.cloned().unwrap_or_else(|| known.clone());
            facts.add_steps(&told(true), reading);
            facts
        }
    };
    // The portal takes no step back, and neither does the removal of an old operation.
    if let Some(before) = kept_portal {
        portal.keep_steps(&before.steps);
        known.keep_steps(&before.steps);
    }
    // Who handled it, and until when the citizen may answer, is not part of what the portal has.
    portal.officer.clone_from(&known.officer);
    portal.respond_by = known.respond_by;
    let portal = if portal == known { AtPortal::Same } else { AtPortal::Older(Box::new(portal)) };
    Ok(Some(row(sources, known, portal)))
}

fn row(sources: &Sources, known: Facts, portal: AtPortal) -> FactRow {
    FactRow {
        dossier: sources.dossier,
        code: sources.code.to_string(),
        unit: sources.unit.clone(),
        anchor: known.anchor(),
        known,
        portal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{id::DossierCode, status::PortalStatus};
    use serde_json::json;

    fn state(received: &str) -> String {
        let mut state = DossierState::new(DossierCode::parse("000.00.08.H99-261122-0001").unwrap());
        state.status = Some(PortalStatus::Received);
        state.fields = json!({ "received_at": received }).as_object().unwrap().clone();
        serde_json::to_string(&state).unwrap()
    }

    fn step(at: &str, status: PortalStatus) -> ProgressStep {
        ProgressStep {
            at: at.parse().unwrap(),
            officer: "Lê Văn Mẫu".into(),
            title: String::new(),
            department: String::new(),
            content: "x".into(),
            status,
            started_at: None,
            due_at: None,
        }
    }

    const ONE: &str = "2026-11-02T08:00:00+07:00";
    const TWO: &str = "2026-11-03T08:00:00+07:00";

    fn sources() -> Sources {
        Sources {
            dossier: 1,
            code: DossierCode::parse("000.00.08.H99-261122-0001").unwrap(),
            unit: None,
            newest: Some((1, state(ONE))),
            is_acknowledged: true,
            acknowledged: Some((1, state(ONE))),
            is_unsent: false,
            steps: vec![(vec![step(ONE, PortalStatus::Received)], true)],
            kept: None,
        }
    }

    fn of(sources: &Sources) -> FactRow {
        gather(sources, &Reading::default()).unwrap().unwrap()
    }

    #[test]
    fn what_is_acknowledged_stands_beside_what_is_known() {
        let same = of(&sources());
        assert_eq!((same.portal, same.known.officer.as_str()), (AtPortal::Same, "Lê Văn Mẫu"));
        let nothing = of(&Sources { is_acknowledged: false, ..sources() });
        assert_eq!((nothing.acknowledged(), nothing.known.steps.len()), (None, 1));
        // A newer state and a further step that the portal does not have yet.
        let mut waiting = Sources { newest: Some((2, state(TWO))), ..sources() };
        waiting.steps.push((vec![step(TWO, PortalStatus::Finished)], false));
        let row = of(&waiting);
        let portal = row.acknowledged().unwrap();
        assert_eq!((portal.steps.len(), row.known.steps.len()), (1, 2));
        assert!(portal.received < row.known.received);
    }

    #[test]
    fn a_step_that_was_sent_again_counts_once() {
        let mut again = sources();
        again.steps.push((vec![step(ONE, PortalStatus::Received)], false));
        assert_eq!(of(&again), of(&sources()));
    }

    #[test]
    fn what_was_not_sent_is_not_at_the_portal() {
        let never = Sources { acknowledged: None, is_unsent: true, ..sources() };
        assert_eq!(of(&never).portal, AtPortal::Nothing);
        // What it had before it still has.
        let before = of(&sources());
        let later = Sources { newest: Some((2, state(TWO))), kept: Some(before.clone()), ..never };
        assert_eq!(of(&later).acknowledged().unwrap().received, before.known.received);
    }

    #[test]
    fn what_the_portal_had_outlives_its_operations() {
        let before = of(&sources());
        let later = Sources {
            newest: Some((2, state(TWO))),
            acknowledged: None,
            steps: vec![(vec![step(TWO, PortalStatus::Finished)], true)],
            kept: Some(before.clone()),
            ..sources()
        };
        let row = of(&later);
        let portal = row.acknowledged().unwrap();
        assert_eq!(portal.received, before.known.received);
        assert_eq!(portal.steps.iter().map(|(status, _)| *status).collect::<Vec<_>>(), [2, 9]);
        assert_eq!(row.known.steps, portal.steps);
    }
}
