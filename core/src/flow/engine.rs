//! The engine: what every flow shares. It holds no state of its own beyond hints and caches; the truth is in the store.

use jiff::{SignedDuration, Timestamp, civil::Time};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};
use tokio::{sync::Notify, time::Instant};

use crate::{
    catalogue::{Book, Entry, EntryFilter},
    clock::Clock,
    flow::{
        callback::Believed, execute::Dispatcher, in_hand::InHand, index::IndexSettings, permits::Permits,
        pool::Pool, retention::Retention, sheet::SheetSettings, statuses::StatusSettings,
    },
    id::ConnectorId,
    operation::ActionKind,
    plan::rules::Rules,
    policy::{
        allowance::{Limits, Rate},
        backoff::Schedule,
        calendar::Maintenance,
        health::{Alarm, HealthSettings, Phase, Sign},
        watch::Watch,
    },
    port::{
        connector::{Codes, Connector, Manifest, Sessions},
        store::{ConnectorCondition, Session, Store, StoreError},
    },
};

/// So old mappings may be when they are looked up.
const BOOK_FRESH: Duration = Duration::from_secs(2);

/// See [`ahead`].
const AHEAD_AT_MOST: usize = 7;

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
    /// How much of a partner's time may wait in this process, claimed ahead of its turn; zero: nothing is.
    pub ahead: SignedDuration,
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
    /// How often it is looked whether files of partners are to be fetched.
    pub files_every: Duration,
    /// The address under which others reach us, for links.
    pub public_url: Option<String>,
    /// How often plans of replays are looked at: they send this often, and learn what came of it.
    pub replay_every: Duration,
    /// The time of day, on the business clock, from which the partners' catalogues are pulled; none: only by hand.
    pub catalogue_at: Option<Time>,
    /// How often it is looked whether a catalogue is to be pulled.
    pub catalogue_every: Duration,
    /// How long a timer that runs stays ours without being renewed: so long it stands still after a kill.
    pub timer_tenure: Duration,
    /// When a connector opens, how it is tried, how it comes back.
    pub health: HealthSettings,
    /// For how long things are kept.
    pub retention: Retention,
    /// What holds for single connectors; one that is not named has no limits of its own.
    pub partners: BTreeMap<ConnectorId, PartnerSettings>,
    /// How the index is computed.
    pub index: IndexSettings,
    /// How the morning sheet is made.
    pub sheet: SheetSettings,
    /// How statuses are reconciled.
    pub statuses: StatusSettings,
}

/// Settings of one connector that hold across all processes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PartnerSettings {
    /// Operations with the partner at once.
    pub in_flight_total: Option<usize>,
    /// Operations and questions a second.
    pub rate: Option<Rate>,
    /// When nothing is sent, planned.
    pub maintenance: Vec<Maintenance>,
}

impl Default for EngineSettings {
    fn default() -> Self {
        Self {
            holder: "engine".into(),
            retry: Schedule::default(),
            lease_margin: Duration::from_secs(15),
            batch: 200,
            ahead: SignedDuration::from_millis(200),
            poll: Duration::from_secs(1),
            max_message_bytes: 1 << 20,
            fresh_payment_days: 3,
            sweep_every: Duration::from_mins(15),
            tracking_every: Duration::from_mins(10),
            files_every: Duration::from_secs(5),
            public_url: None,
            replay_every: Duration::from_secs(2),
            catalogue_at: Some(jiff::civil::time(1, 30, 0, 0)),
            catalogue_every: Duration::from_secs(10),
            timer_tenure: Duration::from_secs(30),
            health: HealthSettings::default(),
            retention: Retention::default(),
            partners: BTreeMap::new(),
            index: IndexSettings::default(),
            sheet: SheetSettings::default(),
            statuses: StatusSettings::default(),
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
    /// How many more this process may claim: those with the partner, those that wait in this process for their turn, and
    /// those whose outcome is on its way to the store. Taken before anything is claimed.
    pub places: Permits,
    /// Whether anything may be claimed before its turn: not what only a person may repeat if the process dies meanwhile,
    /// nor where all replicas share a limit.
    pub goes_ahead: bool,
    /// How much of the partner's time may wait here.
    ahead: SignedDuration,
    /// How many more questions about doubts may be with the partner. Apart from the permits: a backlog must not keep
    /// doubts from being resolved.
    pub questions: Permits,
    /// Wakes the loop that claims.
    pub work: Notify,
    /// Callbacks that wait to be applied.
    pub callbacks: Believed,
    /// What configuration allows it.
    pub limits: Limits,
    /// When nothing is sent, planned.
    pub maintenance: Vec<Maintenance>,
    /// What this process knows of its condition.
    known: Mutex<Known>,
}

/// What a process knows of a connector's condition.
struct Known {
    condition: ConnectorCondition,
    /// When the store said so.
    told: Option<Instant>,
    /// Grows with every change of this process's own, so that an older reading of the store does not undo it.
    changes: u64,
    watch: Watch,
    mean: Option<SignedDuration>,
    is_tried: bool,
    /// Alarms that the store has not heard yet: as long as there are any, nothing is sent.
    alarms: usize,
    /// The number of places is as it is.
    is_stopping: bool,
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
    /// Confirmed mappings, and when the store was asked for them.
    book: Mutex<(Arc<Book>, Option<Instant>)>,
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
            let places = Permits::new(manifest.in_flight);
            let questions = Permits::new(manifest.in_flight);
            let id = manifest.id.clone();
            let PartnerSettings { in_flight_total, rate, maintenance } =
                settings.partners.get(&id).cloned().unwrap_or_default();
            let limits = Limits { in_flight: manifest.in_flight, in_flight_total, rate };
            let known = Mutex::new(Known::nothing(id.clone()));
            let work = Notify::new();
            let mut actions = manifest.actions.keys();
            let goes_ahead = settings.ahead.is_positive()
                && !limits.are_shared()
                && actions.all(|action| rules.action(&id, *action).handed_over);
            let member = Member {
                connector,
                manifest,
                probes,
                permits,
                places,
                goes_ahead,
                ahead: settings.ahead,
                questions,
                work,
                callbacks: Believed::default(),
                limits,
                maintenance,
                known,
            };
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
            book: Mutex::default(),
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

impl Known {
    fn nothing(connector: ConnectorId) -> Self {
        Self {
            condition: ConnectorCondition::works(connector),
            told: None,
            changes: 0,
            watch: Watch::default(),
            mean: None,
            is_tried: false,
            alarms: 0,
            is_stopping: false,
        }
    }

    fn is_shut(&self) -> bool {
        self.alarms > 0 || self.condition.is_shut()
    }

    fn is_plain(&self) -> bool {
        self.alarms == 0 && self.condition.is_plain()
    }

    fn take_over(&mut self, condition: ConnectorCondition, told: Instant) {
        if condition.phase.name() != self.condition.phase.name() {
            self.watch.clear();
        }
        (self.condition, self.told) = (condition, Some(told));
    }
}

impl Member {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The condition, as far as this process knows.
    pub fn condition(&self) -> ConnectorCondition {
        self.known().condition.clone()
    }

    /// Whether nothing is to be sent, as far as this process knows.
    pub fn is_shut(&self) -> bool {
        self.known().is_shut()
    }

    /// Whether what was claimed may be sent now. What was claimed `freely` while the partner worked goes back if it is only
    /// tried now, or coming back: then all processes share what may be with it.
    pub fn may_go(&self, freely: bool) -> bool {
        let known = self.known();
        !known.is_shut() && (!freely || known.is_plain())
    }

    /// Whether questions may go out: not while nothing is sent, nor while a single operation tries.
    pub fn may_be_asked(&self) -> bool {
        let known = self.known();
        !known.is_shut() && !matches!(known.condition.phase, Phase::HalfOpen { .. })
    }

    /// Whether what this process knows is so new that no other one can have brought the connector back since it opened:
    /// that takes a whole trial's time.
    pub fn is_up_to_date(&self, health: &HealthSettings) -> bool {
        let fresh = Duration::try_from(health.trial_every).unwrap_or_default() / 2;
        self.known().told.is_some_and(|told| told.elapsed() < fresh)
    }

    /// Whether claims need no lock on the condition: it certainly works, and no limit holds for all processes.
    pub fn is_free(&self, health: &HealthSettings) -> bool {
        !self.limits.are_shared() && self.known().is_plain() && self.is_up_to_date(health)
    }

    /// How often this process changed the condition itself; see [`Self::learn`].
    pub fn changes(&self) -> u64 {
        self.known().changes
    }

    /// Takes over what the store said when it was asked, unless this process has changed the condition since it began to
    /// read (`changes` then).
    pub fn learn(&self, condition: ConnectorCondition, changes: u64, asked: Instant) {
        let mut known = self.known();
        if known.changes == changes {
            known.take_over(condition, asked);
        }
    }

    /// Takes over what a unit of work of this process stored or read under the lock.
    pub fn set(&self, condition: ConnectorCondition, asked: Instant) {
        let mut known = self.known();
        known.changes += 1;
        known.take_over(condition, asked);
    }

    /// Takes note of an attempt's outcome; an alarm if the connector should open. From then on this process sends nothing
    /// until the store has heard it ([`Self::heard`]): what waits for its turn must not follow what failed.
    pub fn note(&self, sign: &Sign, now: Timestamp, health: &HealthSettings) -> Option<Alarm> {
        let mut known = self.known();
        let is_returning = !known.condition.phase.is_closed();
        let alarm = known.watch.note(now, sign, is_returning, health);
        if alarm.is_some() {
            known.alarms += 1;
        }
        alarm
    }

    /// The outcome of an alarm is stored, and with it how the partner stands; or it never will be.
    pub fn heard(&self) {
        let mut known = self.known();
        known.alarms = known.alarms.saturating_sub(1);
    }

    /// Takes note of how long an attempt took that the partner answered.
    pub fn took(&self, time: Duration) {
        let (mut known, time) = (self.known(), SignedDuration::try_from(time).unwrap_or_default());
        // A moving average over the last twenty or so.
        let mean = known.mean.map_or(time, |mean| mean + (time - mean) / 20);
        known.mean = Some(mean);
        if self.goes_ahead && !known.is_stopping {
            let in_flight = self.manifest.in_flight;
            self.places.resize(in_flight + ahead(in_flight, mean, self.ahead));
        }
    }

    /// How many places are to be waited for before so much is admitted: they are short although the partner works and is
    /// quick, so that they are free again soon. Never those of what is with it: it would have nothing to do meanwhile.
    pub fn worth_waiting_for(&self, wanted: usize, health: &HealthSettings) -> Option<usize> {
        let places = wanted.min(self.places.limit().saturating_sub(self.manifest.in_flight));
        (self.places.free() < places && self.is_free(health)).then_some(places)
    }

    /// How many places should be free before more is claimed of a backlog. Where more is claimed than is with the partner
    /// the partner is busy meanwhile, and what has waited gets its share beside what is new.
    pub fn share(&self, batch: usize) -> usize {
        let limit = self.places.limit();
        if limit > self.manifest.in_flight { (limit / 4).clamp(1, batch) } else { 1 }
    }

    /// No place comes or goes any more: the process is stopping, and waits for all of them.
    pub fn keep_places(&self) {
        let mut known = self.known();
        known.is_stopping = true;
        self.places.keep();
    }

    /// How long an attempt takes lately, as far as this process or the store knows.
    pub fn mean(&self) -> Option<SignedDuration> {
        let known = self.known();
        known.mean.or(known.condition.mean)
    }

    /// Whether this process makes no trial yet and may begin one.
    pub fn begin_trial(&self) -> bool {
        !std::mem::replace(&mut self.known().is_tried, true)
    }

    /// The trial is over.
    pub fn end_trial(&self) {
        self.known().is_tried = false;
    }
}

/// How many operations may wait in this process for their turn at a partner that takes so long for one: as many as it does
/// within the time that may wait, so that none waits long, and a few times those in flight at most, so that a process that
/// dies leaves few behind.
fn ahead(in_flight: usize, mean: SignedDuration, time: SignedDuration) -> usize {
    let turns = time.as_micros() / mean.as_micros().max(1);
    in_flight * usize::try_from(turns).unwrap_or(0).min(AHEAD_AT_MOST)
}

#[async_trait::async_trait]
impl Sessions for Engine {
    async fn get(&self, connector: &ConnectorId) -> Result<Option<Session>, StoreError> {
        self.store.session(connector).await
    }

    async fn put(&self, connector: &ConnectorId, session: &Session) -> Result<(), StoreError> {
        self.store.put_session(connector, session).await
    }

    fn codes(&self) -> Option<&dyn Codes> {
        Some(self)
    }
}

#[async_trait::async_trait]
impl Codes for Engine {
    async fn book(&self, renewed: bool) -> Result<Arc<Book>, StoreError> {
        let (known, told) = self.book.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if !renewed && told.is_some_and(|told| told.elapsed() < BOOK_FRESH) {
            return Ok(known);
        }
        let asked = Instant::now();
        let version = self.store.mapping_version().await?;
        let book = if told.is_some() && known.version == version {
            known
        } else {
            let (version, mappings) = self.store.mappings(false).await?;
            Arc::new(Book::new(version, mappings))
        };
        let mut kept = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        // Somebody else may have asked later than this and have been answered sooner.
        if kept.1.is_none_or(|told| told < asked) {
            *kept = (Arc::clone(&book), Some(asked));
        }
        Ok(book)
    }

    async fn entry(
        &self,
        connector: &ConnectorId,
        list: &str,
        code: &str,
    ) -> Result<Option<Entry>, StoreError> {
        let (connector, list) = (connector.clone(), list.to_owned());
        let (code, after) = (Some(code.to_owned()), String::new());
        let filter = EntryFilter { connector, list, code, withdrawn: false, after, limit: 1 };
        Ok(self.store.catalogue_entries(&filter).await?.pop())
    }
}
