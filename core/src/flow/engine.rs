//! The engine: what every flow shares. It holds no state of its own beyond hints and caches; the truth is in the store.

use jiff::SignedDuration;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};
use tokio::sync::Notify;

use crate::{
    clock::Clock,
    flow::{execute::Dispatcher, in_hand::InHand, permits::Permits, pool::Pool},
    id::ConnectorId,
    operation::ActionKind,
    plan::rules::Rules,
    policy::backoff::Schedule,
    port::{
        connector::{Connector, Manifest, Sessions},
        store::{ConnectorCondition, Session, Store, StoreError},
    },
};

/// Settings of the engine; every one has a default that suits a province.
#[derive(Debug, Clone)]
pub struct EngineSettings {
    /// The name of this run of the process; no two runs share one.
    pub holder: String,
    /// When to try again.
    pub retry: Schedule,
    /// What a lease outlasts the deadline of the whole attempt by, and what must remain of it before the first byte.
    pub lease_margin: Duration,
    /// The largest batch of an admission, a claim, a settlement.
    pub batch: usize,
    /// How long a loop sleeps at most when nobody wakes it.
    pub poll: Duration,
    /// The largest message.
    pub max_message_bytes: usize,
    /// How long an opened payment is asked about.
    pub fresh_payment_days: i64,
    /// How often the sweep runs, and how old its last answer must be.
    pub sweep_every: Duration,
    /// How often tracking feeds are read.
    pub tracking_every: Duration,
    /// How often plans of replays are looked at: they send this often, and learn what came of it.
    pub replay_every: Duration,
    /// How long a timer that runs stays ours without being renewed: so long it stands still after a kill.
    pub timer_tenure: Duration,
    /// How long a paused connector waits before it is tested.
    pub test_every: Duration,
    /// How many setbacks in a row, of any lanes, pause a connector.
    pub setbacks_to_pause: u32,
}

impl Default for EngineSettings {
    fn default() -> Self {
        Self {
            holder: "engine".into(),
            retry: Schedule::default(),
            lease_margin: Duration::from_secs(15),
            batch: 100,
            poll: Duration::from_secs(1),
            max_message_bytes: 1 << 20,
            fresh_payment_days: 3,
            sweep_every: Duration::from_mins(15),
            tracking_every: Duration::from_mins(10),
            replay_every: Duration::from_secs(2),
            timer_tenure: Duration::from_secs(30),
            test_every: Duration::from_secs(30),
            setbacks_to_pause: 20,
        }
    }
}

/// A connector with what the engine keeps about it in this process.
pub struct Member {
    /// The connector.
    pub connector: Arc<dyn Connector>,
    /// Its manifest, cloned once.
    pub manifest: Manifest,
    /// The actions about which it can be asked.
    pub probes: BTreeSet<ActionKind>,
    /// How many more operations may be with the partner.
    pub permits: Arc<Permits>,
    /// How many more questions about doubts may be with the partner. Apart from the permits: a backlog must not keep
    /// doubts from being resolved.
    pub questions: Permits,
    /// Wakes the loop that claims.
    pub work: Notify,
    /// Whether it is paused, as far as this process knows.
    condition: Mutex<Condition>,
}

#[derive(Debug, Clone, Default)]
struct Condition {
    paused: Option<ConnectorCondition>,
    setbacks: u32,
    /// Grows with every change of this process's own, so that an older reading of the store does not undo it.
    changes: u64,
}

/// What every flow shares.
pub struct Engine {
    /// The store.
    pub store: Arc<dyn Store>,
    /// The rules of planning.
    pub rules: Arc<Rules>,
    /// The connectors by name.
    pub members: BTreeMap<ConnectorId, Arc<Member>>,
    /// Where "now" comes from, for partners; the store has its own clock for leases.
    pub clock: Arc<dyn Clock>,
    /// Settings.
    pub settings: EngineSettings,
    /// Wakes the relay.
    pub told: Notify,
    /// Runs assignments, once the execute role has begun in this process.
    pub dispatcher: OnceLock<Dispatcher>,
    /// What this process has claimed and not yet settled.
    pub in_hand: InHand,
    /// Where work runs that must come to its end, once flows run in this process.
    pub pool: OnceLock<Pool>,
}

impl Engine {
    /// Puts the parts together. The rules learn from the connectors which actions exist and can be asked about.
    pub fn new(
        store: Arc<dyn Store>,
        mut rules: Rules,
        connectors: Vec<Arc<dyn Connector>>,
        clock: Arc<dyn Clock>,
        settings: EngineSettings,
    ) -> Arc<Self> {
        let mut members = BTreeMap::new();
        for connector in connectors {
            let manifest = connector.manifest().clone();
            let probes: BTreeSet<ActionKind> = ActionKind::ALL
                .into_iter()
                .filter(|a| connector.prober().is_some_and(|p| p.can_probe(*a)))
                .collect();
            if let Some(rule) = rules.connectors.iter_mut().find(|r| r.id == manifest.id) {
                rule.actions = manifest.actions.keys().copied().collect();
                rule.probes.clone_from(&probes);
                rule.settling = manifest.settling_window;
                rule.person_after_doubt.clone_from(&manifest.person_after_doubt);
            } else {
                rules.connectors.push(crate::plan::rules::ConnectorRule {
                    id: manifest.id.clone(),
                    kind: manifest.kind,
                    actions: manifest.actions.keys().copied().collect(),
                    probes: probes.clone(),
                    settling: manifest.settling_window,
                    person_after_doubt: manifest.person_after_doubt.clone(),
                    routes: Vec::new(),
                });
            }
            let permits = Arc::new(Permits::new(manifest.in_flight));
            let questions = Permits::new(manifest.in_flight);
            let id = manifest.id.clone();
            let condition = Mutex::default();
            let work = Notify::new();
            let member = Member { connector, manifest, probes, permits, questions, work, condition };
            members.insert(id, Arc::new(member));
        }
        Arc::new(Self {
            store,
            rules: Arc::new(rules),
            members,
            clock,
            settings,
            told: Notify::new(),
            dispatcher: OnceLock::new(),
            in_hand: InHand::default(),
            pool: OnceLock::new(),
        })
    }

    /// Runs work to its end even if whoever waits for it goes away: a client that hangs up after the commit must not
    /// keep what it planned from being handed over.
    pub async fn finish<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        match self.pool.get() {
            Some(pool) => pool.finish(work).await.unwrap_or_else(|| {
                Err(StoreError::Unavailable("the work was cut off: the process is stopping".into()))
            }),
            None => work.await,
        }
    }

    /// A hint that there may be work: for all loops.
    pub fn wake(&self) {
        for member in self.members.values() {
            member.work.notify_one();
        }
        self.told.notify_one();
    }

    /// The whole attempt's deadline for an action of a connector.
    pub fn deadline(&self, connector: &ConnectorId, action: ActionKind) -> Duration {
        let member = self.members.get(connector);
        member.and_then(|m| m.manifest.actions.get(&action)).copied().unwrap_or(Duration::from_mins(1))
    }

    /// How long a lease is: the deadline, the margin before the first byte, and the margin for settling.
    pub fn lease(&self, connector: &ConnectorId) -> SignedDuration {
        let longest = self.members.get(connector).and_then(|m| m.manifest.actions.values().max().copied());
        let whole = longest.unwrap_or(Duration::from_mins(1)) + 2 * self.settings.lease_margin;
        SignedDuration::try_from(whole).unwrap_or(SignedDuration::from_mins(5))
    }

    /// The answer to a transaction that may have claimed something was lost. What it claimed turns up in the store
    /// while its lease runs, or it is not worth looking for.
    pub fn claims_may_be_lost(&self) {
        let longest = self.members.keys().map(|id| self.lease(id)).max().unwrap_or_default();
        self.in_hand.answer_lost(Duration::try_from(longest).unwrap_or_default());
    }
}

impl Member {
    /// Whether the connector is paused, as far as this process knows.
    pub fn paused(&self) -> Option<ConnectorCondition> {
        self.condition.lock().unwrap_or_else(PoisonError::into_inner).paused.clone()
    }

    /// How often this process changed the condition itself; see [`Self::learn`].
    pub fn changes(&self) -> u64 {
        self.condition.lock().unwrap_or_else(PoisonError::into_inner).changes
    }

    /// Takes over what the store said, unless this process has changed the condition since it began to read
    /// (`changes` then).
    pub fn learn(&self, condition: Option<ConnectorCondition>, changes: u64) {
        let mut own = self.condition.lock().unwrap_or_else(PoisonError::into_inner);
        if own.changes == changes {
            if condition.is_none() && own.paused.is_some() {
                own.setbacks = 0;
            }
            own.paused = condition;
        }
    }

    /// Changes the condition; the caller stores it and calls this again afterwards.
    pub fn set_paused(&self, condition: Option<ConnectorCondition>) {
        let mut own = self.condition.lock().unwrap_or_else(PoisonError::into_inner);
        own.changes += 1;
        own.setbacks = 0;
        own.paused = condition;
    }

    /// Counts a setback of the partner as a whole; `true` when so many came in a row that it should be paused.
    pub fn count_setback(&self, limit: u32) -> bool {
        let mut own = self.condition.lock().unwrap_or_else(PoisonError::into_inner);
        own.setbacks = own.setbacks.saturating_add(1);
        own.setbacks >= limit && own.paused.is_none()
    }

    /// Any answer of the partner ends a row of setbacks.
    pub fn count_answer(&self) {
        self.condition.lock().unwrap_or_else(PoisonError::into_inner).setbacks = 0;
    }
}

#[async_trait::async_trait]
impl Sessions for Engine {
    async fn get(&self, connector: &ConnectorId) -> Result<Option<Session>, StoreError> {
        self.store.session(connector).await
    }

    async fn put(&self, connector: &ConnectorId, session: &Session) -> Result<(), StoreError> {
        self.store.put_session(connector, session).await
    }
}
