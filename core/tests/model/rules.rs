//! The rules, said once more and without the engine's words: what may go out again, what a partner may see, what the
//! tables must show after every step.

use lienthong_core::{
    id::RowId,
    lane::{Lane, LaneState},
    operation::{ActionKind, Operation, OperationState},
};
use std::collections::BTreeSet;

use crate::{
    partner::Effect,
    steps::{Fate, Step, Word},
    world::{LANES, World},
};

impl World {
    /// Before a request goes out: may it?
    pub fn judge_send(&mut self, id: RowId, lane: usize, attempt: i32) {
        let operation = self.operation(id);
        if self.partner.expects(lane) {
            self.break_rule(format!("{id} goes out while a request of its lane is on its way"));
        }
        if operation.state.is_ended() {
            self.break_rule(format!("{id} goes out after its end"));
        }
        let notes = &self.notes[&id];
        if notes.sent.iter().any(|sent| sent.attempt == attempt) {
            self.break_rule(format!("{id} goes out twice in attempt {attempt}"));
        }
        let notes = &self.notes[&id];
        let Some(unclear) = notes.sent.iter().rev().find(|sent| !sent.was_nothing).map(|sent| sent.step)
        else {
            return;
        };
        let said_so = notes.retried.is_some_and(|step| step > unclear);
        let may = match (LANES[lane].0, operation.payload.kind()) {
            // A full state, bytes that are recognisable, a parcel under its number.
            (_, ActionKind::SyncDossier | ActionKind::CreateParcel) | ("dvcqg", _) => true,
            // Somebody was asked since.
            ("asked", _) => said_so || notes.found_absent.is_some_and(|step| step > unclear),
            // Only a person decides.
            _ => said_so,
        };
        if !may {
            self.break_rule(format!("{id} goes out again although its effect may exist"));
        }
    }

    /// After an effect came into being: was it its turn, and is it not doubled apart?
    pub fn judge_effect(&mut self, new: &Effect) {
        let place = |id: RowId| self.operation(id).position;
        let mut before: Vec<RowId> = self.partner.of(new.lane).iter().map(|e| e.operation).collect();
        before.pop();
        let overtaken = before.iter().find(|id| place(**id) > place(new.operation)).copied();
        let is_apart = before.contains(&new.operation) && before.last() != Some(&new.operation);
        if let Some(overtaken) = overtaken {
            self.break_rule(format!("{} takes effect after {overtaken}", new.operation));
        }
        if is_apart {
            self.break_rule(format!("{} takes effect again, with others in between", new.operation));
        }
    }

    /// After every step: what the tables must show.
    pub async fn judge_tables(&mut self) {
        let operations = self.store.operations();
        let ledgers = self.ledgers().await;
        let planned = i64::try_from(self.notes.len()).expect("few");
        if ledgers.operation_difference() != 0 || ledgers.total.planned != planned {
            self.break_rule(format!("{planned} were planned, the ledger shows {ledgers:?}"));
        }
        let mut said = Vec::new();
        for lane in self.store.lanes() {
            said.extend(in_step(&lane).err());
        }
        for operation in &operations {
            said.extend(self.ended_well(operation, &operations).err());
        }
        for said in said {
            self.break_rule(said);
        }
    }

    fn ended_well(&self, operation: &Operation, all: &[Operation]) -> Result<(), String> {
        let id = operation.id;
        let is_said = operation.state.is_ended() == operation.ended_at.is_some();
        if !is_said {
            return Err(format!("{id} is {} since {:?}", operation.state.name(), operation.ended_at));
        }
        match operation.state {
            OperationState::Succeeded if !self.partner.has(id) => {
                Err(format!("{id} counts as done without an effect"))
            }
            OperationState::Superseded => {
                let by = operation.superseded_by.and_then(|by| all.iter().find(|o| o.id == by));
                let is_newer = by.is_some_and(|by| {
                    by.lane == operation.lane
                        && by.payload.kind() == operation.payload.kind()
                        && self.notes[&by.id].planned > self.notes[&id].planned
                });
                if is_newer { Ok(()) } else { Err(format!("{id} names no newer one in its place: {by:?}")) }
            }
            OperationState::Dismissed if operation.decided_by.is_none() => {
                Err(format!("{id} was dismissed by nobody"))
            }
            _ => Ok(()),
        }
    }

    /// After the storm: everything drains, or waits for somebody who is named; people then see to that.
    pub async fn drain(&mut self) {
        for _ in 0..80 {
            self.let_it_run().await;
            let waiting: Vec<_> = self.store.lanes().into_iter().filter(|l| l.head.is_some()).collect();
            if waiting.is_empty() {
                return;
            }
            for lane in waiting {
                let head = lane.head().expect("it has one").clone();
                let is_named = match head.state {
                    OperationState::Stuck => head.cause.is_some(),
                    OperationState::Held => head.need.is_some(),
                    _ => false,
                };
                if !is_named {
                    self.break_rule(format!("{} is {} and waits for nobody", head.id, head.state.name()));
                    return;
                }
                let at = LANES.iter().position(|(name, _)| *name == lane.connector.as_str());
                let lane = u8::try_from(at.expect("one of ours")).expect("few");
                self.play(Step::Retry { lane, at: 0 }).await;
            }
        }
        self.break_rule("it never came to an end".into());
    }

    async fn let_it_run(&mut self) {
        let rests = |state| matches!(state, LaneState::Idle | LaneState::Held | LaneState::Stuck);
        for _ in 0..1000 {
            if self.store.lanes().into_iter().all(|lane| rests(lane.state)) {
                break;
            }
            for process in 0..3 {
                self.play(Step::Reclaim { process }).await;
                for partner in 0..5 {
                    if process == 0 {
                        self.play(Step::Resolve { process, partner, is_awaiting: false }).await;
                        self.play(Step::Resolve { process, partner, is_awaiting: true }).await;
                        self.play(Step::Claim { process, partner }).await;
                    }
                }
                while self.in_hand(usize::from(process)) > 0 {
                    self.play(Step::Send { process, at: 0, fate: Fate::Done }).await;
                    self.play(Step::Answer { process, at: 0, word: Word::Truth }).await;
                    self.play(Step::Settle { process, at: 0, is_answer_lost: false }).await;
                }
            }
            self.play(Step::Pass { seconds: 4000 }).await;
            self.play(Step::Expire { process: 0 }).await;
        }
    }

    /// In the end: no change was swallowed. The newest state that nobody dismissed is what the portal has.
    pub fn judge_end(&mut self) {
        let operations = self.store.operations();
        for (lane, (portal, _)) in LANES.iter().enumerate().take(2) {
            let is_state = |id: &RowId| {
                operations.iter().any(|o| o.id == *id && o.payload.kind() == ActionKind::SyncDossier)
            };
            // Whoever dismisses the one that stands in for others has dismissed them all.
            let end_of = |id: &RowId| {
                let mut at = operations.iter().find(|o| o.id == *id);
                while let Some(by) = at.and_then(|o| o.superseded_by) {
                    at = operations.iter().find(|o| o.id == by);
                }
                at.map(|o| o.state)
            };
            let dismissed: BTreeSet<RowId> = operations
                .iter()
                .map(|o| o.id)
                .filter(|id| end_of(id) == Some(OperationState::Dismissed))
                .collect();
            let planned = |id: &RowId| self.notes[id].planned;
            let of_lane = self.notes.iter().filter(|(_, notes)| notes.lane == lane).map(|(id, _)| *id);
            let newest = of_lane.filter(is_state).filter(|id| !dismissed.contains(id)).max_by_key(planned);
            let there: Vec<RowId> = self.partner.of(lane).iter().map(|e| e.operation).collect();
            let last = there.into_iter().rfind(|id| is_state(id) && !dismissed.contains(id));
            if newest != last {
                self.break_rule(format!("{portal} has the state of {last:?}, not of {newest:?}"));
            }
        }
    }
}

/// Whether a lane's row says what its operations say.
fn in_step(lane: &Lane) -> Result<(), String> {
    let places: BTreeSet<i64> = lane.open.iter().map(|o| o.position).collect();
    let head = lane.open.iter().min_by_key(|o| o.position);
    let state = head.map_or("idle", |head| head.state.name());
    let is_leased = lane.lease.is_some() == (lane.state == LaneState::Running);
    let others = lane.open.iter().filter(|o| Some(o.id) != lane.head);
    let is_one_out = others.into_iter().all(|o| {
        !matches!(o.state, OperationState::Running | OperationState::Doubtful | OperationState::Awaiting)
    });
    let is_in_step = places.len() == lane.open.len()
        && lane.head == head.map(|head| head.id)
        && lane.state.name() == state
        && lane.open.iter().all(|o| !o.state.is_ended());
    if is_in_step && is_leased && is_one_out {
        Ok(())
    } else {
        Err(format!("a lane is out of step: {lane:?}"))
    }
}
