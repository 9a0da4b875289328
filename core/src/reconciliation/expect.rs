//! What we believe a partner has, made of what it was told and acknowledged.

use jiff::{SignedDuration, Timestamp};

use super::{Expectation, Ours, Stamp};
use crate::{
    clock::later,
    dossier::DossierState,
    id::{ConnectorId, DossierCode, RowId, UnitCode},
    operation::{ActionKind, OperationState, ProgressStep},
    outcome::Proof,
    status::PortalStatus,
};

/// A dossier with what a connector's partner was told of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// The dossier.
    pub dossier: RowId,
    /// Its code.
    pub code: DossierCode,
    /// The unit that handles it.
    pub unit: Option<UnitCode>,
    /// First sight.
    pub created_at: Timestamp,
    /// Its newest state; none: no version is stored yet.
    pub state: Option<DossierState>,
    /// The lane.
    pub stamp: Stamp,
    /// The partner has acknowledged a full state.
    pub is_acknowledged: bool,
    /// Open and succeeded operations of the lane, by number.
    pub operations: Vec<ToldOperation>,
}

/// An operation of a dossier.
#[derive(Debug, Clone, PartialEq)]
pub struct ToldOperation {
    /// Its number.
    pub id: RowId,
    /// What it does.
    pub action: ActionKind,
    /// The version that it carries.
    pub version: Option<i64>,
    /// Where it stands.
    pub state: OperationState,
    /// An attempt ended in doubt.
    pub is_doubted: bool,
    /// What the partner said at success.
    pub proof: Option<Proof>,
    /// The steps that it carries.
    pub steps: Vec<ProgressStep>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

impl ToldOperation {
    fn is_there(&self) -> bool {
        self.state == OperationState::Succeeded && !self.proof.as_ref().is_some_and(Proof::is_unsent)
    }

    fn fact(&self, name: &str) -> Option<&serde_json::Value> {
        self.proof.as_ref()?.facts.get(name)
    }

    fn status(&self) -> Option<u8> {
        u8::try_from(self.fact("portal_status")?.as_u64()?).ok()
    }
}

impl Told {
    fn states(&self) -> impl DoubleEndedIterator<Item = &ToldOperation> {
        self.operations.iter().filter(|o| o.is_there() && o.action == ActionKind::SyncDossier)
    }

    /// All steps that the partner accepted, in the order in which they went out; each once, however often they were sent.
    pub fn steps(&self) -> Vec<ProgressStep> {
        let there = self.operations.iter().filter(|o| o.is_there());
        let mut steps: Vec<ProgressStep> = Vec::new();
        for step in there.flat_map(|o| &o.steps) {
            if !steps.contains(step) {
                steps.push(step.clone());
            }
        }
        steps
    }
}

/// What we believe; `soon` and `silent`: so near its due date, so long without news it is asked about earlier.
pub fn expect(
    connector: &ConnectorId,
    told: &Told,
    now: Timestamp,
    soon: SignedDuration,
    silent: SignedDuration,
) -> Expectation {
    let ended = told.operations.iter().filter_map(|o| o.ended_at).max();
    let statuses: Vec<u8> = told.states().filter_map(ToldOperation::status).collect();
    // What a gateway without a look-up acknowledged without saying so is not known: only a create that was seen.
    let is_whole = told.states().next().is_some_and(|first| {
        first.fact("mode").is_some_and(|mode| mode == "create") && first.fact("recreated").is_none()
    });
    let state = told.state.as_ref();
    let due_at = state.and_then(|s| s.fields.get("due_at")?.as_str()?.parse().ok());
    let mut made = Expectation {
        connector: connector.clone(),
        key: told.code.clone(),
        dossier: told.dossier,
        asked_as: state.map_or_else(|| told.code.clone(), DossierState::portal_code),
        unit: told.unit.clone(),
        ours: Ours {
            is_acknowledged: told.is_acknowledged,
            is_born_there: state.is_some_and(DossierState::is_portal_born),
            status: statuses.last().copied(),
            told: once(statuses),
            version: told.states().filter_map(|o| o.version).max(),
            steps: told.steps().len() as i64,
        },
        stamp: told.stamp,
        is_open: !state.and_then(|s| s.status).is_some_and(is_over),
        is_waiting: told.operations.iter().any(|o| !o.state.is_ended()),
        is_doubted: told.operations.iter().any(|o| {
            // A repeat that found what an earlier attempt had done: nobody saw that one end.
            o.is_doubted || o.proof.as_ref().is_some_and(|proof| proof.repeated)
        }),
        is_whole,
        due_at,
        changed_at: ended.unwrap_or(told.created_at),
        risk: 0,
        is_fresh: false,
        asked_at: None,
        answer: None,
        absent_since: None,
        again_at: None,
        repair: None,
    };
    made.risk = risk(&made, now, soon, silent);
    made
}

fn once(mut statuses: Vec<u8>) -> Vec<u8> {
    statuses.sort_unstable();
    statuses.dedup();
    statuses
}

/// Whether nothing more is to come: what is finished is still to be handed over.
fn is_over(status: PortalStatus) -> bool {
    match status {
        PortalStatus::Rejected | PortalStatus::Stopped | PortalStatus::Returned => true,
        PortalStatus::Registered
        | PortalStatus::Received
        | PortalStatus::Processing
        | PortalStatus::SupplementRequested
        | PortalStatus::FeeRequested
        | PortalStatus::Withdrawn
        | PortalStatus::Finished => false,
    }
}

/// How early it is asked about.
pub fn risk(made: &Expectation, now: Timestamp, soon: SignedDuration, silent: SignedDuration) -> u8 {
    let is_near = made.due_at.is_some_and(|due| due <= later(now, soon));
    match () {
        () if made.is_doubted => 3,
        () if made.is_open && is_near => 2,
        () if now.duration_since(made.changed_at) >= silent => 1,
        () => 0,
    }
}

/// An expectation made anew in the place of the one before: an answer to another state is none. `fresh`: whether what
/// changed is to be asked about soon.
pub fn refreshed(before: Option<&Expectation>, mut made: Expectation, fresh: bool) -> Expectation {
    let Some(before) = before else {
        made.is_fresh = fresh && !made.is_waiting;
        return made;
    };
    made.repair.clone_from(&before.repair);
    made.asked_at = before.asked_at;
    if before.stamp == made.stamp && before.ours == made.ours && before.is_waiting == made.is_waiting {
        made.is_fresh = before.is_fresh;
        made.answer.clone_from(&before.answer);
        (made.absent_since, made.again_at) = (before.absent_since, before.again_at);
    } else {
        made.is_fresh = fresh && !made.is_waiting;
    }
    made
}
