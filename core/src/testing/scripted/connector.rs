//! A connector that answers from a script and keeps a journal of every task in order.

use async_trait::async_trait;
use jiff::SignedDuration;
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::{Semaphore, watch};

use crate::{
    id::{ConnectorId, RowId},
    operation::ActionKind,
    outcome::{Outcome, Proof},
    plan::rules::{ConnectorRule, PartnerKind},
    port::connector::{
        Call, Callbacks, CatalogueSource, CheckFailure, Connector, Feed, Inquiries, LookUps, Manifest,
        Prober, Task,
    },
    testing::{fixtures, scripted::abilities::Abilities},
};

/// An entry of the journal.
#[derive(Debug, Clone)]
pub enum Asked {
    /// An attempt began.
    Attempt(Task),
    /// An attempt ended with this outcome's name.
    Answered(RowId, &'static str),
    /// A probe.
    Probe(Task),
    /// An inquiry about this reference.
    Inquiry(String),
    /// A page of the feed after this cursor.
    Page(String),
    /// A list of the catalogue, or one code of it.
    List(String, Option<String>),
    /// A look-up of this dossier.
    LookUp(String),
    /// A test of credentials and reachability.
    Check,
}

#[derive(Default)]
pub(super) struct Script {
    lanes: BTreeMap<String, VecDeque<Outcome>>,
    actions: BTreeMap<ActionKind, VecDeque<Outcome>>,
    any: VecDeque<Outcome>,
    always: Option<Outcome>,
    checks: VecDeque<Result<String, CheckFailure>>,
    slow: Option<Duration>,
    panics: usize,
    gate: Option<Arc<Semaphore>>,
    pub(super) journal: Vec<Asked>,
    running: BTreeMap<String, usize>,
    in_flight: usize,
    highest_in_flight: usize,
    overlaps: BTreeSet<String>,
}

/// The connector. Control it through `&self` while the engine holds it in an `Arc`.
pub struct ScriptedConnector {
    manifest: Manifest,
    script: Mutex<Script>,
    begun: watch::Sender<usize>,
    pub(super) abilities: Abilities,
}

/// The lane key of a task, as the engine chose it: the payment, the parcel or the dossier.
pub(super) fn lane_key(task: &Task) -> String {
    let payment = task.payload.payment().map(ToString::to_string);
    let parcel = task.payload.parcel().map(ToString::to_string);
    let subject = || task.subject.as_ref().map(ToString::to_string).unwrap_or_default();
    payment.or(parcel).unwrap_or_else(subject)
}

impl ScriptedConnector {
    /// A connector with this manifest, without optional abilities; everything it attempts is done.
    pub fn new(manifest: Manifest) -> Self {
        Self {
            manifest,
            script: Mutex::default(),
            begun: watch::Sender::new(0),
            abilities: Abilities::default(),
        }
    }

    /// A portal under this name.
    pub fn portal(id: &str) -> Self {
        Self::new(fixtures::manifest(id, PartnerKind::Portal))
    }

    /// A payment platform under this name, with callbacks, inquiries and a prober.
    pub fn payment(id: &str) -> Self {
        Self::new(fixtures::manifest(id, PartnerKind::Payment))
            .with_callbacks()
            .with_inquiries()
            .with_prober()
    }

    /// A post under this name, with a tracking feed.
    pub fn post(id: &str) -> Self {
        Self::new(fixtures::manifest(id, PartnerKind::Post)).with_feed()
    }

    /// Changes the manifest.
    pub fn with_manifest(mut self, change: impl FnOnce(&mut Manifest)) -> Self {
        change(&mut self.manifest);
        self
    }

    /// How long after an unclear attempt nothing goes out.
    pub fn with_settling_window(self, window: SignedDuration) -> Self {
        self.with_manifest(|m| m.settling_window = window)
    }

    /// Can be asked about doubtful operations.
    pub fn with_prober(mut self) -> Self {
        self.abilities.probes = true;
        self
    }

    /// Takes callbacks of [`super::callback_request`]'s form.
    pub fn with_callbacks(mut self) -> Self {
        self.abilities.calls_back = true;
        self
    }

    /// Can be asked about references.
    pub fn with_inquiries(mut self) -> Self {
        self.abilities.inquires = true;
        self
    }

    /// Has a tracking feed.
    pub fn with_feed(mut self) -> Self {
        self.abilities.feeds = true;
        self
    }

    /// Shared, as the engine takes it.
    pub fn shared(self) -> Arc<Self> {
        Arc::new(self)
    }

    /// Its instance name.
    pub fn id(&self) -> &ConnectorId {
        &self.manifest.id
    }

    /// It as the planner's rules know it: serves everything it can do.
    pub fn rule(&self) -> ConnectorRule {
        ConnectorRule {
            id: self.manifest.id.clone(),
            kind: self.manifest.kind,
            actions: self.manifest.actions.keys().copied().collect(),
            probes: self.manifest.actions.keys().copied().filter(|_| self.abilities.probes).collect(),
            settling: self.manifest.settling_window,
            person_after_doubt: self.manifest.person_after_doubt.clone(),
            routes: Vec::new(),
        }
    }

    /// The next attempt on this lane ends like this. Several queue up; lane scripts come before action scripts, those
    /// before [`Self::next`].
    pub fn on_lane(&self, key: &str, outcome: Outcome) {
        self.script().lanes.entry(key.to_owned()).or_default().push_back(outcome);
    }

    /// The next attempt of this action ends like this.
    pub fn on_action(&self, action: ActionKind, outcome: Outcome) {
        self.script().actions.entry(action).or_default().push_back(outcome);
    }

    /// The next attempt ends like this, whatever it is.
    pub fn next(&self, outcome: Outcome) {
        self.script().any.push_back(outcome);
    }

    /// From now on every attempt without a script ends like this.
    pub fn always(&self, outcome: Outcome) {
        self.script().always = Some(outcome);
    }

    /// From now on every attempt without a script is done.
    pub fn works(&self) {
        self.script().always = None;
    }

    /// The next check ends like this; without a script checks succeed.
    pub fn on_check(&self, result: Result<String, CheckFailure>) {
        self.script().checks.push_back(result);
    }

    /// The next attempt panics after the partner was reached.
    pub fn panic_next(&self) {
        self.script().panics += 1;
    }

    /// Every attempt takes this long.
    pub fn slow(&self, by: Duration) {
        self.script().slow = Some(by);
    }

    /// From now on attempts wait, after they were written into the journal, until they are released.
    pub fn hold(&self) {
        self.script().gate = Some(Arc::new(Semaphore::new(0)));
    }

    /// Lets this many waiting (or coming) attempts go.
    pub fn release(&self, attempts: usize) {
        if let Some(gate) = &self.script().gate {
            gate.add_permits(attempts);
        }
    }

    /// Lets all waiting attempts go and holds no further ones.
    pub fn release_all(&self) {
        if let Some(gate) = self.script().gate.take() {
            gate.close();
        }
    }

    /// Waits until this many attempts have begun in all. Put a deadline around it.
    pub async fn until_begun(&self, attempts: usize) {
        let mut begun = self.begun.subscribe();
        // The sender lives as long as `self`, so that waiting cannot fail.
        drop(begun.wait_for(|n| *n >= attempts).await);
    }

    /// The whole journal.
    pub fn journal(&self) -> Vec<Asked> {
        self.script().journal.clone()
    }

    /// Every attempted task in order.
    pub fn tasks(&self) -> Vec<Task> {
        let task = |asked: Asked| if let Asked::Attempt(task) = asked { Some(task) } else { None };
        self.journal().into_iter().filter_map(task).collect()
    }

    /// The attempted tasks of one lane in order.
    pub fn tasks_of(&self, key: &str) -> Vec<Task> {
        self.tasks().into_iter().filter(|task| lane_key(task) == key).collect()
    }

    /// Every probed task in order.
    pub fn probes(&self) -> Vec<Task> {
        let task = |asked: Asked| if let Asked::Probe(task) = asked { Some(task) } else { None };
        self.journal().into_iter().filter_map(task).collect()
    }

    /// How many checks there were.
    pub fn checks(&self) -> usize {
        self.script().journal.iter().filter(|asked| matches!(asked, Asked::Check)).count()
    }

    /// How many attempts were with the partner at once, at most.
    pub fn highest_in_flight(&self) -> usize {
        self.script().highest_in_flight
    }

    /// Lanes that ever had two attempts with the partner at once: must stay empty.
    pub fn overlaps(&self) -> Vec<String> {
        self.script().overlaps.iter().cloned().collect()
    }

    pub(super) fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn note(&self, asked: Asked) {
        self.script().journal.push(asked);
    }

    fn begin(&self, task: &Task) -> (Option<Arc<Semaphore>>, Option<Duration>) {
        let key = lane_key(task);
        let mut script = self.script();
        script.journal.push(Asked::Attempt(task.clone()));
        script.in_flight += 1;
        script.highest_in_flight = script.highest_in_flight.max(script.in_flight);
        let running = script.running.entry(key.clone()).or_default();
        *running += 1;
        if *running > 1 {
            script.overlaps.insert(key);
        }
        (script.gate.clone(), script.slow)
    }

    #[expect(clippy::panic, reason = "a script may want it")]
    fn answer(&self, task: &Task) -> Outcome {
        let mut script = self.script();
        if script.panics > 0 {
            script.panics -= 1;
            drop(script);
            panic!("as ordered");
        }
        let by_lane = script.lanes.get_mut(&lane_key(task)).and_then(VecDeque::pop_front);
        let by_action =
            |s: &mut Script| s.actions.get_mut(&task.payload.kind()).and_then(VecDeque::pop_front);
        by_lane
            .or_else(|| by_action(&mut script))
            .or_else(|| script.any.pop_front())
            .or_else(|| script.always.clone())
            .unwrap_or_else(|| Outcome::Done(done(task)))
    }
}

/// What a partner that works says; a portal that has taken a state shows its status.
fn done(task: &Task) -> Proof {
    let mut proof = Proof { said: "ok".into(), ..Proof::default() };
    let status = task.dossier.as_ref().and_then(|d| d.status);
    if let (ActionKind::SyncDossier, Some(status)) = (task.payload.kind(), status) {
        proof.facts.insert("portal_status".into(), status.code().into());
    }
    proof
}

/// Counts an attempt out again, also when the engine cuts it off.
struct InFlight<'a> {
    connector: &'a ScriptedConnector,
    key: String,
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        let mut script = self.connector.script();
        script.in_flight -= 1;
        if let Some(running) = script.running.get_mut(&self.key) {
            *running -= 1;
        }
    }
}

#[async_trait]
impl Connector for ScriptedConnector {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    async fn attempt(&self, task: &Task, _call: &Call<'_>) -> Outcome {
        let (gate, slow) = self.begin(task);
        let in_flight = InFlight { connector: self, key: lane_key(task) };
        self.begun.send_modify(|n| *n += 1);
        if let Some(gate) = gate
            && let Ok(permit) = gate.acquire().await
        {
            permit.forget();
        }
        match slow {
            Some(by) => tokio::time::sleep(by).await,
            None => tokio::task::yield_now().await,
        }
        let outcome = self.answer(task);
        drop(in_flight);
        self.note(Asked::Answered(task.operation, outcome.name()));
        outcome
    }

    async fn check(&self, _call: &Call<'_>) -> Result<String, CheckFailure> {
        let mut script = self.script();
        script.journal.push(Asked::Check);
        script.checks.pop_front().unwrap_or_else(|| Ok("ok".into()))
    }

    fn prober(&self) -> Option<&dyn Prober> {
        self.abilities.probes.then_some(self as &dyn Prober)
    }

    fn callbacks(&self) -> Option<&dyn Callbacks> {
        self.abilities.calls_back.then_some(self as &dyn Callbacks)
    }

    fn inquiries(&self) -> Option<&dyn Inquiries> {
        self.abilities.inquires.then_some(self as &dyn Inquiries)
    }

    fn feed(&self) -> Option<&dyn Feed> {
        self.abilities.feeds.then_some(self as &dyn Feed)
    }

    fn look_ups(&self) -> Option<&dyn LookUps> {
        self.can_look_up().then_some(self as &dyn LookUps)
    }

    fn catalogue(&self) -> Option<&dyn CatalogueSource> {
        self.has_lists().then_some(self as &dyn CatalogueSource)
    }
}
