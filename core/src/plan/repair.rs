//! The safe repair of a difference: the full current state once more, on the dossier's lane; and where the partner lost the
//! dossier, all steps behind it, which go out only once the partner has really created it anew.

use crate::{
    id::{ConnectorId, DossierCode, LaneKey, RowId},
    lane::Lane,
    need::Need,
    operation::{Operation, OperationState, Payload, ProgressStep},
    outcome::Proof,
    plan::{
        course::{STEPS_PER_OPERATION, plan_at_portal},
        queue::{self, Missing},
        rules::{PartnerKind, Rules},
    },
    port::work::Work,
    reconciliation::Stamp,
};

/// A lane at this moment.
pub fn stamp(lane: &Lane) -> Stamp {
    Stamp { place: lane.next_position, claim: lane.claim }
}

/// Plans the newest state of a dossier and, if it is lost there, its history behind it. Answers the operation and the
/// version; `None`: not now, because the lane has something open or must rest, or the dossier is not this partner's.
pub fn resend(
    work: &mut Work,
    rules: &Rules,
    (connector, code): (&ConnectorId, &DossierCode),
    lost: Option<&[ProgressStep]>,
    by: &str,
) -> Result<Option<(RowId, i64)>, Missing> {
    let (now, key) = (work.now, LaneKey::from(code));
    let Some(dossier) = work.dossiers.get(code).map(|d| d.row.clone()) else {
        if work.scope.dossiers.contains(code) {
            return Ok(None);
        }
        work.missing.dossiers.insert(code.clone());
        return Err(Missing);
    };
    let is_bound = dossier.bindings.get(&PartnerKind::Portal) == Some(connector);
    let lane = work.lane(connector, &key).ok_or(Missing)?;
    let is_free = lane.row.open.is_empty() && lane.row.due_at <= now;
    if !is_bound || !dossier.known || !is_free || work.is_fenced {
        return Ok(None);
    }
    if lost.is_some()
        && let Some(lane) = work.lanes.get_mut(&(key.clone(), connector.clone()))
    {
        // It has nothing of it: the connector asks once more before it creates, and the state goes before any steps.
        lane.edit().acknowledged = false;
    }
    let id = plan_at_portal(work, rules, connector, code, 0, Payload::SyncDossier, None)?;
    for chunk in lost.unwrap_or_default().chunks(STEPS_PER_OPERATION) {
        let payload = Payload::AppendProgress { steps: chunk.to_vec() };
        let need = Need::Recreated(code.to_string());
        plan_at_portal(work, rules, connector, code, 0, payload, Some(need))?;
    }
    if let Some(lane) = work.lanes.get_mut(&(key, connector.clone())) {
        for operation in lane.edit().open.iter_mut().filter(|o| o.id >= id) {
            operation.decided_by = Some(by.to_owned());
        }
    }
    Ok(Some((id, dossier.version)))
}

/// What became of the operation of a repair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repaired {
    /// It has not ended.
    NotYet,
    /// Another one stands in for it.
    Instead(RowId),
    /// The partner has it.
    Done,
    /// The partner has it, and nobody knows whether we created it anew: an attempt got no answer.
    Unclear,
    /// It ended without its effect.
    NotSent,
}

/// Looks how the operation of a repair ended, and lets the steps behind it go, or takes them away: they go only where the
/// partner created the dossier anew. Its lane is loaded by the operation.
pub fn conclude(
    work: &mut Work,
    rules: &Rules,
    (connector, code): (&ConnectorId, &DossierCode),
    id: RowId,
) -> Repaired {
    let lane = (LaneKey::from(code), connector.clone());
    let is_open = work.lanes.get(&lane).is_some_and(|l| l.row.open.iter().any(|o| o.id == id));
    if is_open {
        return Repaired::NotYet;
    }
    let Some(ended) = work.ended.get(&id) else {
        drop_steps(work, &lane);
        return Repaired::NotSent;
    };
    match ended.state {
        OperationState::Succeeded if ended.proof.as_ref().is_some_and(is_create) => {
            free_steps(work, rules, &lane);
            Repaired::Done
        }
        OperationState::Succeeded => {
            let is_unclear = ended.doubted || ended.proof.as_ref().is_some_and(|proof| proof.repeated);
            let had_steps = drop_steps(work, &lane);
            if had_steps && is_unclear { Repaired::Unclear } else { Repaired::Done }
        }
        OperationState::Superseded => match ended.superseded_by {
            Some(by) => Repaired::Instead(by),
            None => Repaired::NotYet,
        },
        OperationState::Refused | OperationState::Dismissed => {
            drop_steps(work, &lane);
            Repaired::NotSent
        }
        OperationState::Ready
        | OperationState::Running
        | OperationState::Doubtful
        | OperationState::Awaiting
        | OperationState::Held
        | OperationState::Stuck => Repaired::NotYet,
    }
}

fn is_create(proof: &Proof) -> bool {
    proof.facts.get("mode").is_some_and(|mode| mode == "create")
}

fn waits(operation: &Operation) -> bool {
    operation.state == OperationState::Held && matches!(operation.need, Some(Need::Recreated(_)))
}

fn free_steps(work: &mut Work, rules: &Rules, lane: &(LaneKey, ConnectorId)) {
    let now = work.now;
    let Some(loaded) = work.lanes.get_mut(lane).filter(|l| l.row.open.iter().any(waits)) else { return };
    let mut woken = Vec::new();
    for operation in loaded.edit().open.iter_mut().filter(|o| waits(o)) {
        queue::supply(operation, rules, now);
        woken.push(operation.id);
    }
    for id in woken {
        work.touch(id);
    }
}

/// Answers whether there were any.
fn drop_steps(work: &mut Work, lane: &(LaneKey, ConnectorId)) -> bool {
    let mut were_any = false;
    while queue::end_waiting(work, lane, "lienthong: not created anew by us", waits) {
        were_any = true;
    }
    were_any
}
