//! The oracle: compares what the world did with what was promised (`docs/guarantees.md`).

mod money;
mod portal;
mod told;

use lienthong_core::{
    need::Need,
    operation::{ActionKind, Operation, OperationState},
    port::store::{OutboxRow, Store},
};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, hash_map::DefaultHasher},
    hash::{Hash, Hasher},
};

use super::{
    Report,
    lives::Lives,
    partner::{Effect, Sent},
    world::Shared,
};

/// What must not be, in words.
pub type Violation = String;

/// How many different out-events there are.
pub fn distinct(taken: &[OutboxRow]) -> usize {
    taken.iter().map(|row| row.number).collect::<BTreeSet<_>>().len()
}

/// Judges what happened.
pub async fn judge(seed: u64, shared: &Shared, lives: &Lives) -> Report {
    let mut judge = Judge {
        shared,
        lives,
        operations: shared.store.operations().into_iter().map(|o| (o.id, o)).collect(),
        sent: shared.partners.sent(),
        effects: shared.partners.effects(),
        violations: Vec::new(),
    };
    judge.acknowledged();
    judge.everything_ended();
    judge.effects_are_ours();
    judge.sent_by_the_rules();
    judge.lanes_in_order();
    judge.doubles();
    judge.histories();
    judge.money();
    judge.parcels();
    judge.callbacks();
    judge.incidents();
    judge.out_events().await;
    judge.ledgers().await;
    let mut hasher = DefaultHasher::new();
    for sent in &judge.sent {
        sent.hash(&mut hasher);
    }
    for effect in &judge.effects {
        (effect.at, effect.operation, &effect.key).hash(&mut hasher);
    }
    for row in shared.broker.taken() {
        (row.number, &row.id, &row.data, row.at.as_microsecond()).hash(&mut hasher);
    }
    let (effects, violations) = (judge.effects.len(), judge.violations);
    let mut faults = lives.faults.clone();
    faults.extend(shared.weather.faults());
    Report { seed, violations, faults, events: lives.messages.len(), effects, trace: hasher.finish() }
}

struct Judge<'a> {
    shared: &'a Shared,
    lives: &'a Lives,
    operations: BTreeMap<i64, Operation>,
    sent: Vec<Sent>,
    effects: Vec<Effect>,
    violations: Vec<Violation>,
}

impl Judge<'_> {
    fn say(&mut self, said: String) {
        self.violations.push(said);
    }

    /// 1. What was acknowledged is in the store, and everything was.
    fn acknowledged(&mut self) {
        if !self.shared.broker.is_empty() {
            self.say("messages were left in the queue".into());
        }
        let events: HashSet<String> =
            self.shared.store.events().into_iter().map(|e| e.key.id.to_string()).collect();
        self.kept_as_they_came();
        let quarantined: HashSet<Vec<u8>> =
            self.shared.store.quarantined().into_iter().map(|q| q.raw).collect();
        for body in self.shared.broker.acknowledged() {
            let id = serde_json::from_slice::<serde_json::Value>(&body)
                .ok()
                .and_then(|json| json.get("id")?.as_str().map(str::to_owned));
            let is_kept = id.map_or_else(|| quarantined.contains(&body), |id| events.contains(&id));
            if !is_kept {
                self.say(format!("acknowledged and lost: {}", String::from_utf8_lossy(&body)));
            }
        }
        for id in &self.lives.ids {
            if !events.contains(id) {
                self.violations.push(format!("event {id} never came into the store"));
            }
        }
    }

    /// What is in the store is what was published.
    fn kept_as_they_came(&mut self) {
        let published: HashMap<&str, serde_json::Value> = self
            .lives
            .sound
            .iter()
            .filter_map(|(id, body)| Some((id.as_str(), serde_json::from_slice(body).ok()?)))
            .collect();
        for event in self.shared.store.events() {
            let kept = serde_json::from_str::<serde_json::Value>(&event.body).ok();
            if kept.as_ref() != published.get(event.key.id.as_str()) {
                self.say(format!("event {} is not what was published: {}", event.key.id, event.body));
            }
        }
        let put_aside: HashSet<Vec<u8>> =
            self.shared.store.quarantined().into_iter().map(|q| q.raw).collect();
        for body in self.lives.unsound.iter().filter(|body| !put_aside.contains(*body)) {
            self.violations.push(format!("not in quarantine: {}", String::from_utf8_lossy(body)));
        }
    }

    /// After the storm nothing is left over; what ended without its effect says who ended it.
    fn everything_ended(&mut self) {
        let open: Vec<_> = self
            .operations
            .values()
            .filter(|o| !o.state.is_ended())
            .map(|o| {
                let (kind, state) = (o.payload.kind().name(), o.state.name());
                format!(
                    "{kind} {} of {:?} is still {state} ({:?}, {:?}, due {})",
                    o.id, o.subject, o.cause, o.need, o.due_at
                )
            })
            .collect();
        self.violations.extend(open);
        let mut said = Vec::new();
        for operation in self.operations.values() {
            let successor = operation.superseded_by.and_then(|id| self.operations.get(&id));
            let is_named = match operation.state {
                OperationState::Superseded => successor.is_some_and(|by| by.lane == operation.lane),
                OperationState::Dismissed => operation.decided_by.is_some(),
                _ => true,
            };
            if !is_named {
                said.push(format!("operation {} ended and nobody says why: {operation:?}", operation.id));
            }
        }
        self.violations.extend(said);
    }

    /// Nobody is asked for what nobody waits for.
    fn incidents(&mut self) {
        for incident in self.shared.store.incidents().into_iter().filter(|i| i.closed_at.is_none()) {
            let waits = |o: &Operation| o.need.as_ref().is_some_and(|need| need.to_string() == incident.key);
            if incident.key.parse::<Need>().is_ok() && !self.operations.values().any(waits) {
                self.say(format!("an incident is open for nobody: {incident:?}"));
            }
        }
    }

    /// No foreign work, payload intact.
    fn effects_are_ours(&mut self) {
        let mut said = Vec::new();
        for effect in &self.effects {
            let Some(operation) = self.operations.get(&effect.operation) else {
                said.push(format!("an effect of operation {} that nobody planned", effect.operation));
                continue;
            };
            let subject = operation.subject.as_ref().map(ToString::to_string).unwrap_or_default();
            if operation.payload != effect.payload
                || subject != effect.subject
                || operation.connector.as_str() != effect.connector
            {
                said.push(format!("the effect of operation {} is not what was planned", operation.id));
            }
        }
        for operation in self.operations.values() {
            let has_effect = self.effects.iter().any(|e| e.operation == operation.id);
            let must_have = operation.state == OperationState::Succeeded;
            if must_have && !has_effect {
                said.push(format!("operation {} counts as done without an effect", operation.id));
            }
        }
        self.violations.extend(said);
    }

    /// Nothing goes out twice in the same attempt, at the same time, or after its end.
    fn sent_by_the_rules(&mut self) {
        let mut said = Vec::new();
        let (mut attempts, asked) = (BTreeSet::new(), self.shared.partners.asked());
        let mut lanes: BTreeMap<(&str, &str), Vec<&Sent>> = BTreeMap::new();
        for sent in &self.sent {
            if !attempts.insert((sent.operation, sent.attempt)) {
                said.push(format!("attempt {} of operation {} was sent twice", sent.attempt, sent.operation));
            }
            let operation = self.operations.get(&sent.operation);
            if sent.kind == ActionKind::AppendProgress {
                let doubted = operation.is_some_and(|o| o.doubted);
                let had_effect =
                    self.effects.iter().any(|e| e.operation == sent.operation && e.at < sent.from);
                if had_effect && !doubted {
                    said.push(format!("operation {} was sent again without a doubt", sent.operation));
                }
            }
            // Only a person may send a payment again without the platform having been asked since.
            let is_by_person = operation.is_some_and(|o| o.decided_by.is_some());
            if sent.kind == ActionKind::OpenPayment && !is_by_person {
                let earlier =
                    self.sent.iter().rfind(|s| s.operation == sent.operation && s.attempt < sent.attempt);
                let was_asked = |since| {
                    asked.iter().any(|(of, at)| *of == sent.operation && since <= *at && *at <= sent.from)
                };
                if earlier.is_some_and(|e| !e.was_nothing && !was_asked(e.from)) {
                    said.push(format!("payment operation {} was sent again unasked", sent.operation));
                }
            }
            lanes.entry((sent.connector, &sent.key)).or_default().push(sent);
        }
        for ((connector, key), all) in lanes {
            for pair in all.windows(2) {
                if pair[0].until.is_none_or(|until| until > pair[1].from) {
                    said.push(format!("lane {connector} {key}: {:?} overlaps {:?}", pair[0], pair[1]));
                }
            }
        }
        self.violations.extend(said);
    }

    /// 3. A partner sees the operations of a lane in order.
    fn lanes_in_order(&mut self) {
        let mut said = Vec::new();
        let mut last = BTreeMap::new();
        for effect in &self.effects {
            let Some(operation) = self.operations.get(&effect.operation) else { continue };
            // What takes over a place is planned later; row numbers of two replicas do not grow with time.
            let place = (operation.position, operation.created_at, operation.id);
            let seen = last.entry((effect.connector, &effect.key)).or_insert(place);
            if place < *seen {
                said.push(format!(
                    "lane {} {}: operation {} after {}",
                    effect.connector, effect.key, operation.id, seen.2
                ));
            }
            *seen = (*seen).max(place);
        }
        self.violations.extend(said);
    }

    /// 4. No effect is doubled, except a step after a doubt, adjacent and the same.
    fn doubles(&mut self) {
        let mut said = Vec::new();
        let mut lanes: BTreeMap<(&str, &str), Vec<&Effect>> = BTreeMap::new();
        for effect in &self.effects {
            lanes.entry((effect.connector, &effect.key)).or_default().push(effect);
        }
        for ((connector, key), effects) in lanes {
            let mut done: Vec<i64> = Vec::new();
            for effect in effects {
                if effect.payload.kind() != ActionKind::AppendProgress {
                    continue;
                }
                let doubted = self.operations.get(&effect.operation).is_some_and(|o| o.doubted);
                let is_adjacent = done.last() == Some(&effect.operation);
                if done.contains(&effect.operation) && !(is_adjacent && doubted) {
                    said.push(format!(
                        "lane {connector} {key}: the step of {} is doubled apart",
                        effect.operation
                    ));
                }
                done.push(effect.operation);
            }
        }
        self.violations.extend(said);
    }

    /// 2. The two ledgers balance.
    async fn ledgers(&mut self) {
        match self.shared.store.ledgers().await {
            Ok(ledgers) if ledgers.message_difference() == 0 && ledgers.operation_difference() == 0 => {}
            other => self.say(format!("the ledgers: {other:?}")),
        }
        let received = self.shared.broker.acknowledged().len();
        let total = self.shared.store.ledgers().await.map_or(0, |l| l.total.received);
        if usize::try_from(total).unwrap_or(0) < received {
            self.say(format!("{received} messages were acknowledged, {total} counted"));
        }
    }
}
