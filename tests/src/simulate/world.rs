//! The world of one seed: replicas over one store, the broker, the partners, the citizens, and fate. A storm of faults
//! rages while events are published; then it is calm, and everything has to come to its end.

use lienthong_core::{
    clock::Clock,
    event::data::Account,
    flow::{callback, engine::Engine, operator},
    id::Reference,
    operation::OperationState,
    plan::rules::Rules,
    port::store::Store,
    testing::{ManualClock, MemoryStore, fixtures, scripted},
};
use std::{
    collections::BTreeMap,
    future::Future,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{sync::mpsc, time::Instant};

use super::{
    Dice, Report,
    broker::Broker,
    lives::{self, Lives},
    oracle,
    partner::{Kind, Partners},
    replica::Replica,
};

/// Chance, and whether the storm still rages.
pub struct Weather {
    pub dice: Dice,
    calm: AtomicBool,
    faults: Mutex<BTreeMap<&'static str, u64>>,
}

impl Weather {
    fn new(seed: u64, part: &str) -> Self {
        Self { dice: Dice::new(seed, part), calm: AtomicBool::new(false), faults: Mutex::default() }
    }

    /// Whether a fault strikes now that strikes so many times in ten thousand; never in the calm.
    pub fn strikes(&self, fault: &'static str, in_ten_thousand: u32) -> bool {
        if self.calm.load(Ordering::Acquire) || !self.dice.strikes(in_ten_thousand) {
            return false;
        }
        self.count(fault);
        true
    }

    /// How often each fault struck.
    pub fn faults(&self) -> BTreeMap<&'static str, u64> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn count(&self, fault: &'static str) {
        *self.faults.lock().unwrap_or_else(PoisonError::into_inner).entry(fault).or_default() += 1;
    }
}

/// What replicas share.
#[derive(Clone)]
pub struct Shared {
    pub store: MemoryStore,
    pub broker: Arc<Broker>,
    pub partners: Arc<Partners>,
    pub weather: Arc<Weather>,
    engines: Arc<Mutex<BTreeMap<usize, Arc<Engine>>>>,
}

impl Shared {
    fn living(&self) -> MutexGuard<'_, BTreeMap<usize, Arc<Engine>>> {
        self.engines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The engines of the living replicas.
    fn engines(&self) -> BTreeMap<usize, Arc<Engine>> {
        self.living().clone()
    }
}

/// Work of the world that goes on beside everything, whatever happens to replicas.
#[expect(clippy::disallowed_methods, reason = "the world around the program is not the program")]
pub fn aside(work: impl Future<Output = ()> + Send + 'static) {
    drop(tokio::spawn(work));
}

/// The rules of the simulated province.
pub fn rules() -> Rules {
    let account = Account {
        account: "3511.0.1234567".into(),
        bank_bin: "970400".into(),
        bank_code: "KBNN".into(),
        holder: "KBNN Mẫu".into(),
    };
    Rules {
        beneficiaries: [(format!("KB-{}", fixtures::UNIT), account)].into(),
        sources: vec![("/motcua/*".into(), vec!["000.00.*".into()])],
        ..Rules::default()
    }
}

/// How long the storm lasts after the last event was published.
const AFTER_LIVES: Duration = Duration::from_mins(1);
/// Within this the calm has to bring everything to its end.
const PATIENCE: Duration = Duration::from_hours(2);

/// Plays a seed.
///
/// # Panics
/// If the runtime cannot be built.
#[expect(clippy::expect_used, reason = "without a runtime there is no simulation")]
pub fn run(seed: u64) -> Report {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime can be built");
    runtime.block_on(play(seed))
}

struct World {
    shared: Shared,
    replicas: Vec<Option<Replica>>,
    started: u32,
}

impl World {
    fn start(&mut self, slot: usize) {
        self.started += 1;
        let replica = Replica::start(&self.shared, &format!("replica-{slot}.{}", self.started));
        self.shared.living().insert(slot, Arc::clone(&replica.engine));
        self.replicas[slot] = Some(replica);
    }

    /// Ends a replica, killed or softly.
    async fn end(&mut self, slot: usize, is_killed: bool) {
        self.shared.living().remove(&slot);
        match self.replicas[slot].take() {
            Some(replica) if is_killed => replica.kill(&self.shared).await,
            Some(replica) => replica.stop(&self.shared).await,
            None => {}
        }
    }

    /// One blow of fate. It lasts a while, and is over when this returns.
    async fn blow(&mut self) {
        let weather = Arc::clone(&self.shared.weather);
        let dice = &weather.dice;
        let slot = usize::try_from(dice.pick(0..self.replicas.len() as u64)).unwrap_or(0);
        match dice.pick(0..9) {
            0 | 1 => {
                weather.count("replica killed");
                self.end(slot, true).await;
                tokio::time::sleep(dice.ms(100..20_000)).await;
                self.start(slot);
            }
            2 => {
                weather.count("replica stopped softly");
                self.end(slot, false).await;
                self.start(slot);
            }
            3 | 4 => {
                weather.count("replica frozen");
                let Some(replica) = &self.replicas[slot] else { return };
                let machine = Arc::clone(&replica.machine);
                machine.set_frozen(true);
                tokio::time::sleep(dice.ms(100..10_000)).await;
                // The broker gives up on a silent consumer.
                self.shared.broker.disconnect(machine.connection.load(Ordering::Acquire));
                tokio::time::sleep(dice.ms(100..90_000)).await;
                machine.set_frozen(false);
            }
            5 => {
                weather.count("replica cut off from the store");
                let Some(replica) = &self.replicas[slot] else { return };
                let machine = Arc::clone(&replica.machine);
                machine.set_cut_off(true);
                tokio::time::sleep(dice.ms(100..30_000)).await;
                machine.set_cut_off(false);
            }
            6 => {
                weather.count("broker stopped");
                self.shared.broker.set_down(true);
                tokio::time::sleep(dice.ms(100..20_000)).await;
                self.shared.broker.set_down(false);
            }
            _ => {
                weather.count("partner down");
                let kind = Kind::ALL[usize::try_from(dice.pick(0..3)).unwrap_or(0)];
                self.shared.partners.set_down(kind, true);
                tokio::time::sleep(dice.ms(1000..90_000)).await;
                self.shared.partners.set_down(kind, false);
            }
        }
    }

    /// Whether nothing is left to do.
    async fn rests(&self, lives: &Lives) -> bool {
        let store = &self.shared.store;
        let told = store.outbox(0, i64::MAX).await.map_or(0, |rows| rows.len());
        let paid = self.shared.partners.opened().values().filter(|o| o.is_paid).count();
        let known =
            store.payments().iter().flat_map(|p| &p.references).filter(|r| r.paid_at.is_some()).count();
        self.shared.broker.is_empty()
            && store.events().len() == lives.ids.len()
            && store.operations().iter().all(|o| o.state.is_ended())
            && oracle::distinct(&self.shared.broker.taken()) == told
            && paid == known
    }
}

async fn play(seed: u64) -> Report {
    let (tell_citizens, news) = mpsc::channel(1000);
    let weather = Arc::new(Weather::new(seed, "weather"));
    let shared = Shared {
        store: MemoryStore::new(ManualClock::running()),
        broker: Arc::default(),
        partners: Arc::new(Partners::new(tell_citizens)),
        weather: Arc::clone(&weather),
        engines: Arc::default(),
    };
    let fate = Dice::new(seed, "fate");
    let lives = lives::live(&Weather::new(seed, "lives"), 3 + u32::try_from(fate.pick(0..8)).unwrap_or(0));
    let count = usize::try_from(fate.pick(1..4)).unwrap_or(1);
    let mut world =
        World { shared: shared.clone(), replicas: (0..count).map(|_| None).collect(), started: 0 };
    for slot in 0..count {
        world.start(slot);
    }
    aside(citizens(shared.clone(), Arc::new(Dice::new(seed, "citizens")), news));
    aside(publish(Arc::clone(&shared.broker), lives.messages.clone()));

    let began = Instant::now();
    let storm_ends = lives.messages.last().map_or(Duration::ZERO, |(at, _)| *at) + AFTER_LIVES;
    while began.elapsed() < storm_ends {
        tokio::time::sleep(fate.ms(500..20_000)).await;
        world.blow().await;
    }
    weather.calm.store(true, Ordering::Release);
    let calm_since = Instant::now();
    while calm_since.elapsed() < PATIENCE && !world.rests(&lives).await {
        // People see to what is stuck.
        let engine = shared.engines().values().next().cloned();
        for stuck in shared.store.operations().iter().filter(|o| o.state == OperationState::Stuck) {
            if let Some(engine) = &engine {
                drop(operator::retry(engine, stuck.id, "person", "calm").await);
            }
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    for slot in 0..count {
        world.end(slot, false).await;
    }
    oracle::judge(seed, &shared, &lives).await
}

async fn publish(broker: Arc<Broker>, messages: Vec<(Duration, Vec<u8>)>) {
    let began = Instant::now();
    for (at, body) in messages {
        tokio::time::sleep_until(began + at).await;
        broker.publish(body);
    }
}

/// The citizens: most of those who can pay do, some time later.
async fn citizens(shared: Shared, dice: Arc<Dice>, mut news: mpsc::Receiver<Reference>) {
    while let Some(reference) = news.recv().await {
        if !dice.strikes(3000) {
            aside(pay(shared.clone(), Arc::clone(&dice), reference));
        }
    }
}

/// A citizen pays; the platform calls back until somebody takes it, several times, or never.
async fn pay(shared: Shared, dice: Arc<Dice>, reference: Reference) {
    tokio::time::sleep(dice.ms(100..120_000)).await;
    let Some(amount) = shared.partners.pay(&reference) else { return };
    let (theirs, at) = (format!("GD-{reference}"), shared.store.clock().now());
    let genuine =
        scripted::callback_request(scripted::callback_body(reference.as_str(), &theirs, "paid", amount, at));
    for _ in 0..dice.pick(0..4) {
        let mut request = genuine.clone();
        if dice.strikes(1000) {
            request.headers.clear();
        }
        let alive = shared.engines();
        let at = usize::try_from(dice.pick(0..3)).unwrap_or(0);
        if let Some(engine) = alive.values().nth(at % alive.len().max(1)) {
            let answer = callback::receive(engine, &fixtures::connector("pay"), request).await;
            if answer.is_some_and(|a| a.status == 200) && !dice.strikes(2000) {
                return;
            }
        }
        tokio::time::sleep(dice.ms(500..5000)).await;
    }
}
