//! Fix and retry: a person changes what an operation carries, and it goes out as edited, never as it was. One
//! transaction; the original is kept. What may change is decided in `plan/edit.rs`.

use serde_json::Value;
use std::{collections::BTreeSet, sync::Arc};

use crate::{
    dossier::DossierState,
    flow::{
        engine::Engine,
        operator::{connectors, earliest, resumed},
    },
    id::{ConnectorId, DossierCode, LaneKey, RowId},
    lane::Lane,
    need::Need,
    operation::{Operation, OperationState, Payload},
    plan::{
        course,
        edit::{self, Draft, Fault, Standing},
        money,
        rules::Rules,
    },
    port::{
        store::{StoreError, decide},
        work::{EditRecord, Loaded, Scope, VersionRecord, Work},
    },
};

/// What a person wants an operation to carry.
#[derive(Debug, Clone, PartialEq)]
pub struct Wish {
    /// The operation.
    pub operation: RowId,
    /// Who.
    pub actor: String,
    /// Why.
    pub reason: String,
    /// Which state of it that person looked at: [`Draft::expected`].
    pub expected: i64,
    /// What it is to carry.
    pub content: Value,
}

/// What became of a wish to edit or to look at what can be edited.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer<T> {
    /// Done.
    Done(T),
    /// There is no such operation.
    NotFound,
    /// Not in its present state; the code says why: those of [`Standing::barrier`], `reason_missing`, `no_connector`,
    /// `unchanged`.
    NotAllowed(&'static str),
    /// Somebody else changed it since: this is the state that it is in now.
    Stale(i64),
    /// The content does not fit.
    Faulty(Fault),
}

/// What an operation carries, unmasked, for the person who is about to edit it; the look is on record.
pub async fn open(engine: &Arc<Engine>, operation: RowId, actor: &str) -> Result<Answer<Draft>, StoreError> {
    let (rules, connectors) = (Arc::clone(&engine.rules), connectors(engine));
    let actor = actor.to_owned();
    decide(&*engine.store, scope(operation), move |work| match find(work, &rules, &connectors, operation) {
        Ok(found) => {
            work.audit.push((actor.clone(), "operation.open".into(), operation.to_string()));
            Answer::Done(found.draft)
        }
        Err(refused) => refused.of(),
    })
    .await
}

/// Edits what an operation carries and lets it go out, unless it waits for its turn or its time anyway. Answers the
/// number of the edit.
pub async fn edit(engine: &Arc<Engine>, wish: Wish) -> Result<Answer<i32>, StoreError> {
    if wish.reason.trim().is_empty() {
        return Ok(Answer::NotAllowed("reason_missing"));
    }
    let (rules, connectors) = (Arc::clone(&engine.rules), connectors(engine));
    let largest = engine.settings.max_message_bytes;
    let answer = decide(&*engine.store, scope(wish.operation), move |work| {
        let found = match find(work, &rules, &connectors, wish.operation) {
            Ok(found) => found,
            Err(refused) => return refused.of(),
        };
        if found.draft.expected != wish.expected {
            return Answer::Stale(found.draft.expected);
        }
        if found.draft.content == wish.content {
            return Answer::NotAllowed("unchanged");
        }
        match edit::check(&found.draft, &found.operation.payload, &wish.content, largest) {
            Ok(edited) => apply(work, &rules, &found, edited, &wish),
            Err(fault) => Answer::Faulty(fault),
        }
    })
    .await;
    engine.wake();
    answer
}

fn scope(operation: RowId) -> Scope {
    Scope { operations: [operation].into(), head_states: true, ..Scope::default() }
}

/// An operation that can be edited now.
struct Found {
    lane: (LaneKey, ConnectorId),
    is_head: bool,
    operation: Operation,
    draft: Draft,
}

/// Why there is none.
enum Refused {
    NotFound,
    NotAllowed(&'static str),
}

impl Refused {
    fn of<T>(self) -> Answer<T> {
        match self {
            Self::NotFound => Answer::NotFound,
            Self::NotAllowed(code) => Answer::NotAllowed(code),
        }
    }
}

fn find(work: &Work, rules: &Rules, connectors: &BTreeSet<ConnectorId>, id: RowId) -> Result<Found, Refused> {
    if work.ended.contains_key(&id) {
        return Err(Refused::NotAllowed("ended"));
    }
    let of_lane = |(key, loaded): (&(LaneKey, ConnectorId), &Loaded<Lane>)| {
        let operation = loaded.row.open.iter().find(|o| o.id == id)?;
        Some((key.clone(), loaded.row.head == Some(id), operation.clone()))
    };
    let (lane, is_head, operation) = work.lanes.iter().find_map(of_lane).ok_or(Refused::NotFound)?;
    if work.is_fenced {
        return Err(Refused::NotAllowed("fenced"));
    }
    let repeat = rules.action(&lane.1, operation.payload.kind()).repeat;
    if let Some(code) = Standing::of(&operation, repeat).barrier(work.now) {
        return Err(Refused::NotAllowed(code));
    }
    if !connectors.contains(&lane.1) {
        return Err(Refused::NotAllowed("no_connector"));
    }
    let state = operation.dossier.zip(operation.version).and_then(|at| work.states.get(&at));
    let draft = Draft::of(&operation, state.map(|state| &**state));
    let draft = draft.ok_or(Refused::NotAllowed("nothing_to_edit"))?;
    Ok(Found { lane, is_head, operation, draft })
}

fn apply(work: &mut Work, rules: &Rules, found: &Found, edited: edit::Edited, wish: &Wish) -> Answer<i32> {
    let id = found.operation.id;
    let number = found.operation.edits + 1;
    let (payload, version) = match edited {
        edit::Edited::State(state) => {
            let Some(version) = carry(work, &found.operation, *state) else { return Answer::NotFound };
            (None, Some(version))
        }
        edit::Edited::Payload(payload) => {
            keep_in_record(work, &payload);
            (Some(payload), None)
        }
    };
    if work.is_incomplete() {
        // The store decides again with more rows.
        return Answer::Done(number);
    }
    let now = work.now;
    let Some(lane) = work.lanes.get_mut(&found.lane).map(Loaded::edit) else {
        return Answer::NotFound;
    };
    if found.is_head && found.operation.attempt.is_some() {
        // An answer about the original that is still under way must not settle the edited one.
        lane.claim += 1;
    }
    let Some(operation) = lane.open.iter_mut().find(|o| o.id == id) else { return Answer::NotFound };
    if let Some(payload) = payload {
        operation.payload = Arc::new(payload);
    }
    operation.version = version.or(operation.version);
    operation.edits = number;
    operation.decided_by = Some(format!("{}: {}", wish.actor, wish.reason));
    let (was, need) = (operation.state, operation.need.clone());
    // One that waits for its turn or its time goes on waiting.
    if found.is_head && was != OperationState::Ready {
        operation.state = OperationState::Ready;
        operation.due_at = earliest(operation, rules, now);
        operation.need = None;
        operation.attempts = 0;
    }
    let operation = operation.clone();
    work.touch(id);
    if let Some(Need::Setting(_)) = &need {
        money::resolve_account(work, rules, &found.lane, id);
    }
    if found.is_head && was == OperationState::Stuck {
        resumed(work, rules, &operation, "edit");
    }
    work.edits.push(EditRecord {
        operation: id,
        number,
        actor: wish.actor.clone(),
        reason: wish.reason.clone(),
        before: found.draft.content.to_string().into(),
        after: wish.content.to_string().into(),
    });
    work.audit.push((wish.actor.clone(), format!("operation.edit: {}", wish.reason), id.to_string()));
    Answer::Done(number)
}

/// Stores an edited dossier state as a version of its own and answers its number; the original version stays. If the
/// operation carries the newest state, the newest state is edited too: the next event builds on it, or the next
/// operation would undo the edit. If a newer one is there already, the edit is this operation's alone, and the newest
/// state stays the newest under a new number.
fn carry(work: &mut Work, operation: &Operation, state: DossierState) -> Option<i64> {
    let code: &DossierCode = operation.subject.as_ref()?;
    let Some(dossier) = work.dossier(code).cloned() else {
        // A dossier that was looked for and is not there cannot be missing again.
        if work.scope.dossiers.contains(code) {
            return None;
        }
        work.missing.dossiers.insert(code.clone());
        return Some(0);
    };
    if operation.version == Some(dossier.version) {
        course::replace_state(work, &dossier.code, state, 0);
        return work.dossier(code).map(|d| d.version);
    }
    let version = dossier.version + 1;
    let newest = (*dossier.state).clone();
    for (version, state) in [(version, &state), (version + 1, &newest)] {
        let state = serde_json::to_string(state).ok()?.into();
        work.new_versions.push(VersionRecord { dossier: dossier.row, version, state, event: 0 });
    }
    work.dossiers.get_mut(&dossier.code)?.edit().version = version + 1;
    // Who carries the newest state goes on carrying it: numbers tell which state is the newer one.
    let mut carriers = Vec::new();
    for loaded in work.lanes.values_mut() {
        let is_carrier = |o: &Operation| o.dossier == Some(dossier.row) && o.version == Some(dossier.version);
        if loaded.row.open.iter().any(is_carrier) {
            for carrier in loaded.edit().open.iter_mut().filter(|o| is_carrier(o)) {
                carrier.version = Some(version + 1);
                carriers.push(carrier.id);
            }
        }
    }
    for id in carriers {
        work.touch(id);
    }
    Some(version)
}

/// A payment's or parcel's record says the same as the operation that is about it.
fn keep_in_record(work: &mut Work, payload: &Payload) {
    let now = work.now;
    match payload {
        Payload::OpenPayment { payment, .. } if work.scope.payments.contains(&payment.id) => {
            if let Some(record) = work.payments.get_mut(&payment.id).map(Loaded::edit) {
                (record.body, record.updated_at) = (Arc::new((**payment).clone()), now);
            }
        }
        Payload::OpenPayment { payment, .. } => drop(work.missing.payments.insert(payment.id.clone())),
        Payload::CreateParcel { parcel, .. } if work.scope.parcels.contains(&parcel.id) => {
            if let Some(record) = work.parcels.get_mut(&parcel.id).map(Loaded::edit) {
                (record.body, record.updated_at) = (Arc::new((**parcel).clone()), now);
            }
        }
        Payload::CreateParcel { parcel, .. } => drop(work.missing.parcels.insert(parcel.id.clone())),
        Payload::SyncDossier
        | Payload::AdoptDossier
        | Payload::AppendProgress { .. }
        | Payload::CancelParcel { .. }
        | Payload::Unassigned { .. } => {}
    }
}
