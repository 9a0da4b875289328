//! The oracle: compares what the world did with what was promised (`docs/guarantees.md`).

use lienthong_core::{
    operation::{ActionKind, Operation, OperationState, Payload},
    payment::PaymentState,
    port::store::{OutboxRow, Store},
};
use std::{
    collections::{BTreeMap, BTreeSet, HashSet, hash_map::DefaultHasher},
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
    Report {
        seed,
        violations,
        faults: shared.weather.faults(),
        events: lives.messages.len(),
        effects,
        trace: hasher.finish(),
    }
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

    /// After the storm nothing is left over.
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
        let mut attempts = BTreeSet::new();
        let mut lanes: BTreeMap<(&str, &str), Vec<&Sent>> = BTreeMap::new();
        for sent in &self.sent {
            if !attempts.insert((sent.operation, sent.attempt)) {
                said.push(format!("attempt {} of operation {} was sent twice", sent.attempt, sent.operation));
            }
            if sent.kind == ActionKind::OpenPayment || sent.kind == ActionKind::AppendProgress {
                let doubted = self.operations.get(&sent.operation).is_some_and(|o| o.doubted);
                let had_effect =
                    self.effects.iter().any(|e| e.operation == sent.operation && e.at < sent.from);
                if had_effect && !doubted {
                    said.push(format!("operation {} was sent again without a doubt", sent.operation));
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

    /// Every dossier is at the portal in its last state, with all its steps in the order of their admission.
    fn histories(&mut self) {
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
            if there != wanted {
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
            let wanted: Vec<_> = on_time.into_iter().map(|(_, content)| content).collect();
            let in_order: Vec<_> = steps.iter().filter(|s| wanted.contains(s)).cloned().collect();
            if in_order != wanted {
                said.push(format!("{code}: steps came as {in_order:?} instead of {wanted:?}"));
            }
            let status = last.and_then(|state| state.status).map(lienthong_core::status::PortalStatus::code);
            if status != Some(10) {
                said.push(format!("{code}: the portal's last status is {status:?}, not 10"));
            }
        }
        self.violations.extend(said);
    }

    /// 5. What citizens paid is what is recorded; nobody can pay the same thing twice.
    fn money(&mut self) {
        let mut said = Vec::new();
        let opened = self.shared.partners.opened();
        let payments = self.shared.store.payments();
        let mut references: BTreeMap<String, usize> = BTreeMap::new();
        for (reference, opened) in &opened {
            *references.entry(opened.payment.to_string()).or_default() += 1;
            let record = payments.iter().find(|p| p.id == opened.payment);
            let known = record.and_then(|p| p.references.iter().find(|r| r.reference == *reference));
            let Some((record, known)) = record.zip(known) else {
                said.push(format!("the platform has {reference}, of which we know nothing"));
                continue;
            };
            if opened.is_paid != known.paid_at.is_some() {
                said.push(format!(
                    "{reference}: paid there {}, recorded {:?}",
                    opened.is_paid, known.paid_at
                ));
            }
            let fits = match record.state {
                PaymentState::Paid | PaymentState::NeedsRefund => opened.is_paid,
                _ => !opened.is_paid,
            };
            if !fits {
                said.push(format!(
                    "{}: {:?} while paid there is {}",
                    record.id, record.state, opened.is_paid
                ));
            }
        }
        for (payment, count) in references {
            if count > 1 {
                said.push(format!("payment {payment} has {count} references at the platform"));
            }
        }
        self.violations.extend(said);
    }

    /// Every parcel is ordered once.
    fn parcels(&mut self) {
        let mut said = Vec::new();
        let mut orders: BTreeMap<String, usize> = BTreeMap::new();
        for parcel in self.shared.partners.orders().values() {
            *orders.entry(parcel.clone()).or_default() += 1;
        }
        for (parcel, count) in &orders {
            if *count > 1 {
                said.push(format!("parcel {parcel} was ordered {count} times"));
            }
        }
        for parcel in self.shared.store.parcels() {
            let created = self.operations.values().any(|o| {
                o.state == OperationState::Succeeded
                    && o.payload.kind() == ActionKind::CreateParcel
                    && o.payload.parcel() == Some(&parcel.id)
            });
            if created && !orders.contains_key(parcel.id.as_str()) {
                said.push(format!("parcel {} is not at the post", parcel.id));
            }
        }
        self.violations.extend(said);
    }

    /// 7. What goes out is complete and in order.
    async fn out_events(&mut self) {
        let all = self.shared.store.outbox(0, i64::MAX).await.unwrap_or_default();
        let taken = self.shared.broker.taken();
        let mut next = 0;
        for row in &taken {
            if all.get(next).is_some_and(|wanted| wanted.number == row.number) {
                next += 1;
            } else if !all[..next].iter().any(|known| known == row) {
                self.say(format!("out-event {} went out before {}", row.number, next + 1));
            }
        }
        if next != all.len() {
            self.say(format!("{} of {} out-events went out", next, all.len()));
        }
        let mut ids: BTreeMap<&str, &OutboxRow> = BTreeMap::new();
        for row in &all {
            // What is put aside twice is told twice under one id: whoever listens knows it for the same.
            let is_put_aside = matches!(row.name.as_str(), "event.quarantined" | "event.conflict");
            if let Some(other) = ids.insert(&row.id, row).filter(|_| !is_put_aside) {
                self.say(format!("two out-events have the same id: {other:?} and {row:?}"));
            }
        }
        for payment in self.shared.store.payments() {
            let id = payment.id.as_str();
            let told = |name: &str| {
                all.iter().filter(|r| r.name == name && r.data.contains(&format!("\"{id}\""))).count()
            };
            let paid = usize::from(payment.state == PaymentState::Paid);
            if told("payment.succeeded") < paid || told("payment.succeeded") > 1 {
                self.say(format!("payment {id} was told as paid {} times", told("payment.succeeded")));
            }
            let refund = usize::from(payment.state == PaymentState::NeedsRefund);
            if told("payment.needs_refund") != refund {
                self.say(format!("{id} needs a refund, told {} times", told("payment.needs_refund")));
            }
        }
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
