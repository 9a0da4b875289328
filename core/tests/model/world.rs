//! The world that the steps change: tables in memory, three processes with what they have in hand, the partners, and
//! notes of everything that the rules are judged by.

use jiff::SignedDuration;
use lienthong_core::{
    finding::Finding,
    flow::{
        engine::{Engine, EngineSettings},
        execute, operator, probe,
        settle::{self, Assignment, Settled, Settlement},
    },
    id::{LaneKey, OrderNumber, Reference, RowId},
    lane::{Lane, LaneState},
    operation::{ActionKind, Operation, Payload},
    outcome::{Acceptance, Cause, Outcome, Proof},
    parcel::Direction,
    plan::{
        queue::{self, Planned},
        rules::Rules,
    },
    policy::{backoff::Schedule, health::HealthSettings},
    port::{
        connector::Connector,
        store::{LedgerState, Store, decide},
        work::{Scan, Scope, Work},
    },
    testing::{ManualClock, MemoryStore, ScriptedConnector, fixtures},
};
use std::{collections::BTreeMap, sync::Arc};

use crate::{
    partner::{Effect, Partner},
    steps::{Fate, Step, Word},
};

/// The lanes, one per partner: connector, key.
pub const LANES: [(&str, &str); 5] = [
    ("dvcqg", "000.00.08.H99-261123-0001"),
    // A portal where a person decides about unclear steps.
    ("careful", "000.00.08.H99-261123-0002"),
    // A platform that can be asked, and one that cannot.
    ("asked", "TT-1"),
    ("silent", "TT-2"),
    ("post", "BG-1"),
];

/// What a process has in hand.
#[derive(Debug, Clone)]
struct Held {
    assignment: Assignment,
    claimed_at: i64,
    phase: Phase,
}

#[derive(Debug, Clone)]
enum Phase {
    Claimed,
    Sent(Fate),
    Asking,
    Known(Settled),
}

struct Process {
    engine: Arc<Engine>,
    hand: Vec<Held>,
}

/// One request that went out.
#[derive(Debug, Clone)]
pub struct Sent {
    pub step: usize,
    pub attempt: i32,
    /// A stored outcome said that it certainly had no effect.
    pub was_nothing: bool,
}

/// What the rules ask about an operation.
#[derive(Debug, Clone, Default)]
pub struct Notes {
    pub lane: usize,
    pub planned: usize,
    pub sent: Vec<Sent>,
    /// The last step in which a person said: again.
    pub retried: Option<usize>,
    /// The last step in which a finding was stored that lets it go out again.
    pub found_absent: Option<usize>,
    /// The last step in which a finding was stored that says that it is there.
    pub found_present: Option<usize>,
}

pub struct World {
    pub store: MemoryStore,
    clock: ManualClock,
    /// Seconds since the beginning.
    second: i64,
    pub step: usize,
    processes: Vec<Process>,
    runs: usize,
    pub partner: Partner,
    pub notes: BTreeMap<RowId, Notes>,
    /// What happened, for whoever reads a failure.
    pub log: Vec<String>,
    /// What must not be.
    pub broken: Vec<String>,
}

fn place(lane: usize) -> (LaneKey, lienthong_core::id::ConnectorId) {
    (fixtures::lane_key(LANES[lane].1), fixtures::connector(LANES[lane].0))
}

impl World {
    pub fn new() -> Self {
        let clock = ManualClock::default();
        let mut world = Self {
            store: MemoryStore::new(clock.clone()),
            clock,
            second: 0,
            step: 0,
            processes: Vec::new(),
            runs: 0,
            partner: Partner::default(),
            notes: BTreeMap::new(),
            log: Vec::new(),
            broken: Vec::new(),
        };
        for _ in 0..3 {
            let process = world.process();
            world.processes.push(process);
        }
        world
    }

    fn process(&mut self) -> Process {
        self.runs += 1;
        let careful = ScriptedConnector::portal("careful").with_manifest(|m| {
            m.person_after_doubt.insert(ActionKind::AppendProgress);
        });
        let silent = fixtures::manifest("silent", lienthong_core::plan::rules::PartnerKind::Payment);
        let connectors: Vec<Arc<dyn Connector>> = vec![
            ScriptedConnector::portal("dvcqg").shared(),
            careful.shared(),
            ScriptedConnector::payment("asked").shared(),
            ScriptedConnector::new(silent).shared(),
            ScriptedConnector::post("post").shared(),
        ];
        let settings = EngineSettings {
            holder: format!("run-{}", self.runs),
            retry: Schedule::from_seconds(&[10, 20, 40, 80]),
            ..EngineSettings::default()
        };
        let engine = Engine::new(
            Arc::new(self.store.second()),
            Rules::default(),
            connectors,
            Arc::new(self.clock.clone()),
            settings,
        );
        Process { engine, hand: Vec::new() }
    }

    fn say(&mut self, said: String) {
        self.log.push(format!("{:>4} at {:>6} s: {said}", self.step, self.second));
    }

    pub fn break_rule(&mut self, said: String) {
        self.broken.push(format!("step {}: {said}", self.step));
    }

    pub fn lane(&self, lane: usize) -> Option<Lane> {
        let (key, connector) = place(lane);
        self.store.lanes().into_iter().find(|l| l.key == key && l.connector == connector)
    }

    pub fn operation(&self, id: RowId) -> Operation {
        self.store.operations().into_iter().find(|o| o.id == id).expect("operations are never deleted")
    }

    pub async fn ledgers(&self) -> LedgerState {
        self.store.ledgers().await.expect("the store is up")
    }

    /// How many claims a process has in hand.
    pub fn in_hand(&self, process: usize) -> usize {
        self.processes[process].hand.len()
    }

    /// Plays a step.
    pub async fn play(&mut self, step: Step) {
        self.step += 1;
        match step {
            Step::Plan { lane, is_state, hand_over } => {
                self.plan(usize::from(lane), is_state, hand_over.map(usize::from)).await;
            }
            Step::Claim { process, partner } => {
                self.claim(usize::from(process), usize::from(partner), false).await;
            }
            Step::ClaimLost { process, partner } => {
                self.claim(usize::from(process), usize::from(partner), true).await;
            }
            Step::Reclaim { process } => {
                let unsent = execute::reclaim(&self.processes[usize::from(process)].engine).await;
                if unsent != Ok(0) {
                    self.say(format!("{process} gave back {unsent:?} lost claims"));
                }
            }
            Step::Send { process, at, fate } => self.send(usize::from(process), usize::from(at), fate),
            Step::Answer { process, at, word } => self.answer(usize::from(process), usize::from(at), word),
            Step::Settle { process, at, is_answer_lost } => {
                self.settle(usize::from(process), usize::from(at), is_answer_lost).await;
            }
            Step::Crash { process } => {
                self.say(format!("{process} crashed"));
                let next = self.process();
                self.processes[usize::from(process)] = next;
            }
            Step::Pass { seconds } => self.pass(i64::from(seconds)),
            Step::Expire { process } => {
                let expired = execute::expire(&self.processes[usize::from(process)].engine).await;
                if expired != Ok(0) {
                    self.say(format!("{expired:?} leases ran out"));
                }
            }
            Step::Resolve { process, partner, is_awaiting } => {
                let state = if is_awaiting { LaneState::Awaiting } else { LaneState::Doubtful };
                self.resolve(usize::from(process), usize::from(partner), state).await;
            }
            Step::Retry { lane, at } => self.person(usize::from(lane), usize::from(at), false).await,
            Step::Dismiss { lane, at } => self.person(usize::from(lane), usize::from(at), true).await,
        }
    }

    fn payload(&self, lane: usize, is_state: bool) -> Payload {
        let number = self.step;
        match lane {
            0 | 1 if is_state => Payload::SyncDossier,
            0 | 1 => Payload::AppendProgress { steps: vec![fixtures::step(&format!("bước {number}"))] },
            2 | 3 => Payload::OpenPayment {
                payment: Box::new(fixtures::payment_body(LANES[lane].1)),
                reference: Reference::parse(&format!("LT{number}")).expect("a reference"),
                amount: 8000,
                sent_at: "20261123080000".into(),
            },
            _ => Payload::CreateParcel {
                parcel: Box::new(fixtures::parcel_body(LANES[lane].1)),
                direction: Direction::Return,
                order_number: OrderNumber::of(&fixtures::parcel_id(LANES[lane].1)),
            },
        }
    }

    async fn plan(&mut self, lane: usize, is_state: bool, hand_over: Option<usize>) {
        let (key, connector) = place(lane);
        let payload = self.payload(lane, is_state);
        let kind = payload.kind();
        let by = hand_over.unwrap_or(0);
        let engine = Arc::clone(&self.processes[by].engine);
        let (rules, holder) = (Arc::clone(&engine.rules), engine.settings.holder.clone());
        let (lease, hands_over) = (engine.lease(&connector), hand_over.is_some());
        let scope = Scope { lanes: [key.clone()].into(), ..Scope::default() };
        let planned = decide(&*engine.store, scope, move |work: &mut Work| {
            let planned = Planned {
                connector: connector.clone(),
                key: key.clone(),
                payload: payload.clone(),
                dossier: None,
                unit: None,
                event: 0,
                need: None,
            };
            let id = queue::enqueue(work, &rules, planned).ok();
            let may = |o: &Operation| hands_over && rules.action(&connector, o.payload.kind()).handed_over;
            let claimed = settle::claim(work, &connector, 9, &holder, lease, may);
            (id, claimed)
        });
        let (id, claimed) = planned.await.expect("the store is up");
        let id = id.expect("the lane was loaded");
        self.notes.insert(id, Notes { lane, planned: self.step, ..Notes::default() });
        self.say(format!("planned {} {id} on {}", kind.name(), LANES[lane].0));
        self.take(by, claimed);
    }

    fn take(&mut self, process: usize, claimed: Vec<Assignment>) {
        for assignment in claimed {
            let claim = (assignment.operation.id, assignment.claim);
            self.say(format!("{process} claimed {} as claim {}", claim.0, claim.1));
            self.processes[process].engine.in_hand.take(claim);
            let held = Held { assignment, claimed_at: self.second, phase: Phase::Claimed };
            self.processes[process].hand.push(held);
        }
    }

    async fn claim(&mut self, process: usize, partner: usize, is_lost: bool) {
        let engine = Arc::clone(&self.processes[process].engine);
        let connector = place(partner).1;
        let (holder, lease) = (engine.settings.holder.clone(), engine.lease(&connector));
        let scan = Scan::Due { connector: connector.clone(), state: LaneState::Ready, limit: 9 };
        let scope = Scope { scan: vec![scan], head_states: true, ..Scope::default() };
        let claimed = decide(&*engine.store, scope, move |work: &mut Work| {
            settle::claim(work, &connector, 9, &holder, lease, |_| true)
        });
        let claimed = claimed.await.expect("the store is up");
        if is_lost {
            self.say(format!("{process} claimed {} and never heard of it", claimed.len()));
        } else {
            self.take(process, claimed);
        }
    }

    fn held(&mut self, process: usize, at: usize, is_wanted: impl Fn(&Phase) -> bool) -> Option<&mut Held> {
        let mut wanted: Vec<_> =
            self.processes[process].hand.iter_mut().filter(|held| is_wanted(&held.phase)).collect();
        if wanted.is_empty() {
            return None;
        }
        let at = at % wanted.len();
        Some(wanted.swap_remove(at))
    }

    fn send(&mut self, process: usize, at: usize, fate: Fate) {
        let (engine, second, step) = (Arc::clone(&self.processes[process].engine), self.second, self.step);
        let Some(held) = self.held(process, at, |phase| matches!(phase, Phase::Claimed)) else { return };
        let operation = &held.assignment.operation;
        let (id, connector) = (operation.id, &held.assignment.connector);
        let lane = LANES.iter().position(|(name, _)| *name == connector.as_str()).expect("one of ours");
        let whole = engine.deadline(connector, operation.payload.kind()) + engine.settings.lease_margin;
        let whole = i64::try_from(whole.as_secs()).expect("seconds");
        if engine.lease(connector).as_secs() - (second - held.claimed_at) < whole {
            held.phase = Phase::Known(Settled::GivenBack);
            self.say(format!("{process} has too little left of the lease on {id}"));
            return;
        }
        // Only a platform takes something without settling it.
        let fate = if fate == Fate::Taken && !(2..=3).contains(&lane) { Fate::Done } else { fate };
        held.phase = Phase::Sent(fate);
        let attempt = operation.attempt.as_ref().map_or(0, |a| a.number);
        self.say(format!("{process} sent {id}, attempt {attempt}: {fate:?}"));
        self.judge_send(id, lane, attempt);
        let notes = self.notes.get_mut(&id).expect("it was planned");
        notes.sent.push(Sent { step, attempt, was_nothing: false });
        let effect = Effect { lane, operation: id, sent: step };
        match fate {
            Fate::Done | Fate::AnswerLost | Fate::Taken => self.arrives(effect),
            Fate::Late(by) => self.partner.arrive_at(second + 5 + i64::from(by), effect),
            Fate::RequestLost | Fate::NotDone | Fate::Refused | Fate::Held | Fate::Paused => {}
        }
    }

    fn arrives(&mut self, effect: Effect) {
        self.say(format!("{} has its effect", effect.operation));
        self.partner.arrive(effect.clone());
        self.judge_effect(&effect);
    }

    fn pass(&mut self, seconds: i64) {
        self.second += seconds;
        self.clock.advance(SignedDuration::from_secs(seconds));
        for effect in self.partner.due(self.second) {
            self.arrives(effect);
        }
    }

    fn answer(&mut self, process: usize, at: usize, word: Word) {
        let now = lienthong_core::clock::Clock::now(&self.clock);
        let asked = |phase: &Phase| matches!(phase, Phase::Sent(_) | Phase::Asking);
        let Some(id) = self.held(process, at, asked).map(|held| held.assignment.operation.id) else { return };
        let is_there = self.partner.has(id);
        let held = self.held(process, at, asked).expect("it was there a moment ago");
        let proof = |link: bool| {
            let mut proof = Proof { said: "ok".into(), ..Proof::default() };
            proof.facts.insert("pending".into(), true.into());
            if link {
                proof.facts.insert("pay_url".into(), "https://pay.example.gov.vn/1".into());
            }
            proof
        };
        let known = match held.phase {
            Phase::Sent(fate) => Settled::Outcome(match fate {
                Fate::Done => Outcome::Done(proof(true)),
                Fate::AnswerLost | Fate::Late(_) | Fate::RequestLost => {
                    Outcome::unclear(Cause::NoAnswer, "no answer")
                }
                Fate::NotDone => Outcome::not_done(Cause::PartnerFailed, "500"),
                Fate::Refused => Outcome::refused(Cause::DataRefused, "-1", "no"),
                Fate::Held => Outcome::Held(fixtures::need("mapping:dvcqg:unit:X")),
                Fate::Paused => Outcome::paused(Cause::CredentialsRejected, "401"),
                Fate::Taken => {
                    let ask_at = lienthong_core::clock::later(now, SignedDuration::from_secs(30));
                    Outcome::Accepted(Acceptance { reference: "taken".into(), ask_at })
                }
            }),
            _ => Settled::Finding(match word {
                Word::Truth if is_there => Finding::Present(proof(true)),
                Word::TruthWithoutLink if is_there => Finding::Present(proof(false)),
                Word::Truth | Word::TruthWithoutLink => Finding::Absent,
                Word::InProgress => Finding::InProgress,
                Word::Silence => Finding::Inconclusive { cause: Cause::NoAnswer, said: "nothing".into() },
            }),
        };
        held.phase = Phase::Known(known.clone());
        self.say(format!("{process} knows of {id}: {known:?}"));
    }

    async fn settle(&mut self, process: usize, at: usize, is_answer_lost: bool) {
        let engine = Arc::clone(&self.processes[process].engine);
        let Some(held) = self.held(process, at, |phase| matches!(phase, Phase::Known(_))) else { return };
        let assignment = held.assignment.clone();
        let Phase::Known(result) = held.phase.clone() else { return };
        let (id, claim) = (assignment.operation.id, assignment.claim);
        let settlements = Arc::new(vec![Settlement::of(assignment, result.clone())]);
        let (rules, schedule) = (Arc::clone(&engine.rules), engine.settings.retry.clone());
        let (scope, inside) = (settle::scope(&settlements), Arc::clone(&settlements));
        let is_ours = decide(&*engine.store, scope, move |work: &mut Work| {
            settle::settle(work, &rules, &schedule, &HealthSettings::default(), &inside)
        });
        let is_ours = is_ours.await.expect("the store is up")[0];
        self.say(format!(
            "{process} stored what it knows of {id}: its own {is_ours}, heard {}",
            !is_answer_lost
        ));
        if is_ours {
            self.note_settled(id, &result);
        }
        if !is_answer_lost {
            engine.in_hand.release((id, claim));
            let is_it = |h: &Held| h.assignment.operation.id == id && h.assignment.claim == claim;
            self.processes[process].hand.retain(|h| !is_it(h));
        }
    }

    fn note_settled(&mut self, id: RowId, result: &Settled) {
        let step = self.step;
        let notes = self.notes.get_mut(&id).expect("it was planned");
        match result {
            Settled::Outcome(
                Outcome::NotDone(_) | Outcome::Refused(_) | Outcome::Held(_) | Outcome::Paused(_),
            ) => {
                if let Some(sent) = notes.sent.last_mut() {
                    sent.was_nothing = true;
                }
            }
            Settled::Finding(Finding::Absent) => notes.found_absent = Some(step),
            // Only the same reference again tells where to pay.
            Settled::Finding(Finding::Present(proof)) if !proof.facts.contains_key("pay_url") => {
                notes.found_absent = Some(step);
            }
            Settled::Finding(Finding::Present(_)) => notes.found_present = Some(step),
            Settled::Outcome(Outcome::Done(_) | Outcome::Accepted(_) | Outcome::Unclear(_))
            | Settled::Finding(_)
            | Settled::GivenBack => {}
        }
    }

    async fn resolve(&mut self, process: usize, partner: usize, state: LaneState) {
        let engine = Arc::clone(&self.processes[process].engine);
        let member = Arc::clone(&engine.members[&place(partner).1]);
        let questions = probe::round(&engine, &member, state, 9).await.expect("the store is up");
        for assignment in questions {
            self.say(format!("{process} asks about {}", assignment.operation.id));
            let held = Held { assignment, claimed_at: self.second, phase: Phase::Asking };
            self.processes[process].hand.push(held);
        }
    }

    async fn person(&mut self, lane: usize, at: usize, is_dismissal: bool) {
        let Some(row) = self.lane(lane).filter(|lane| !lane.open.is_empty()) else { return };
        let id = row.open[at % row.open.len()].id;
        let engine = Arc::clone(&self.processes[0].engine);
        let deed = if is_dismissal {
            operator::dismiss(&engine, id, "person", "because").await
        } else {
            operator::retry(&engine, id, "person", "because").await
        };
        let deed = deed.expect("the store is up");
        self.say(format!("a person: {} {id}: {deed:?}", if is_dismissal { "dismiss" } else { "retry" }));
        if deed == operator::Deed::Done && !is_dismissal {
            self.notes.get_mut(&id).expect("it was planned").retried = Some(self.step);
        }
    }
}
