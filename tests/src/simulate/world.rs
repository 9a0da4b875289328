//! The world of one seed: replicas over one store, the broker, the partners, the citizens, and fate. A storm of faults
//! rages while events are published; then it is calm, and everything has to come to its end.

use jiff::SignedDuration;
use lienthong_core::{
    event::data::Account,
    flow::engine::Engine,
    lane::LaneState,
    plan::rules::Rules,
    port::store::Store,
    testing::{ManualClock, MemoryStore, fixtures},
};
use std::{
    collections::BTreeMap,
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering},
    time::Duration,
};
use tokio::{sync::mpsc, time::Instant};

use super::{
    Dice, Report,
    broker::Broker,
    lives::{self, Lives},
    machine::{Cut, Link, Machine},
    oracle,
    partner::{Kind, Partners},
    people,
    replica::Replica,
    weather::Weather,
};

/// What replicas share.
#[derive(Clone)]
pub struct Shared {
    pub store: MemoryStore,
    /// The right time, which no clock has to show.
    pub time: ManualClock,
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
    pub fn engines(&self) -> BTreeMap<usize, Arc<Engine>> {
        self.living().clone()
    }

    /// The replica with this engine does not live any more.
    pub fn forget(&self, engine: &Arc<Engine>) {
        self.living().retain(|_, living| !Arc::ptr_eq(living, engine));
    }

    /// By how much a machine's clock may be wrong.
    pub fn wrong_time(&self) -> SignedDuration {
        SignedDuration::from_secs(i64::try_from(self.weather.dice.pick(0..1200)).unwrap_or(0) - 600)
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

/// Longer than a settling window and what can happen in it.
const BETWEEN_JUMPS: Duration = Duration::from_secs(90);

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
    /// When the store's clock last jumped on.
    jumped_at: Option<Instant>,
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

    /// Starts again what crashed.
    async fn revive(&mut self) {
        for slot in 0..self.replicas.len() {
            if self.replicas[slot].as_ref().is_none_or(|replica| replica.machine.is_over()) {
                self.end(slot, true).await;
                self.start(slot);
            }
        }
    }

    /// One blow of fate. It is over when this returns, or lasts while others fall.
    async fn blow(&mut self) {
        let weather = Arc::clone(&self.shared.weather);
        let dice = &weather.dice;
        let slot = usize::try_from(dice.pick(0..self.replicas.len() as u64)).unwrap_or(0);
        let Some(machine) = self.replicas[slot].as_ref().map(|replica| Arc::clone(&replica.machine)) else {
            return;
        };
        match dice.pick(0..16) {
            0 | 1 => {
                weather.count("replica killed");
                self.end(slot, true).await;
                tokio::time::sleep(dice.ms(100..20_000)).await;
                self.start(slot);
            }
            2 => {
                weather.count("all replicas killed");
                for slot in 0..self.replicas.len() {
                    self.end(slot, true).await;
                }
                tokio::time::sleep(dice.ms(100..60_000)).await;
                self.revive().await;
            }
            3 => {
                weather.count("replica stopped softly");
                self.end(slot, false).await;
                self.start(slot);
            }
            4 | 5 => {
                weather.count("replica frozen");
                machine.set_frozen(true);
                let broker = Arc::clone(&self.shared.broker);
                let (silent, long) = (dice.ms(100..10_000), dice.ms(100..90_000));
                self.lasts(async move {
                    tokio::time::sleep(silent).await;
                    // The broker gives up on a silent consumer.
                    broker.disconnect(machine.connection.load(Ordering::Acquire));
                    tokio::time::sleep(long).await;
                    machine.set_frozen(false);
                })
                .await;
            }
            6..=9 => self.cut(machine).await,
            10 => {
                weather.count("broker stopped");
                let (broker, long) = (Arc::clone(&self.shared.broker), dice.ms(100..20_000));
                broker.set_down(true);
                self.lasts(async move {
                    tokio::time::sleep(long).await;
                    broker.set_down(false);
                })
                .await;
            }
            11 | 12 => {
                weather.count("partner down");
                let kind = Kind::ALL[usize::try_from(dice.pick(0..3)).unwrap_or(0)];
                let (partners, long) = (Arc::clone(&self.shared.partners), dice.ms(1000..90_000));
                partners.set_down(kind, true);
                self.lasts(async move {
                    tokio::time::sleep(long).await;
                    partners.set_down(kind, false);
                })
                .await;
            }
            13 | 14 => self.move_store_clock(),
            _ => {
                weather.count("replica's clock jumps");
                machine.set_wrong_by(self.shared.wrong_time());
            }
        }
    }

    /// Waits for the end of something, or lets it last while other things happen.
    async fn lasts(&self, blow: impl Future<Output = ()> + Send + 'static) {
        if self.shared.weather.dice.strikes(5000) {
            aside(blow);
        } else {
            blow.await;
        }
    }

    /// Cuts a replica off from one of its neighbours, in one direction.
    async fn cut(&self, machine: Arc<Machine>) {
        const KINDS: [(Link, Cut, &str); 6] = [
            (Link::Store, Cut::Requests, "replica's requests to the store lost"),
            (Link::Store, Cut::Answers, "the store's answers to a replica lost"),
            (Link::Broker, Cut::Requests, "replica's requests to the broker lost"),
            (Link::Broker, Cut::Answers, "the broker's answers to a replica lost"),
            (Link::Partners, Cut::Requests, "replica's requests to partners lost"),
            (Link::Partners, Cut::Answers, "partners' answers to a replica lost"),
        ];
        let dice = &self.shared.weather.dice;
        let (link, cut, fault) = KINDS[usize::try_from(dice.pick(0..6)).unwrap_or(0)];
        self.shared.weather.count(fault);
        machine.set_cut(link, cut);
        let (broker, long) = (Arc::clone(&self.shared.broker), dice.ms(100..60_000));
        self.lasts(async move {
            tokio::time::sleep(long).await;
            machine.set_cut(link, Cut::Nothing);
            if link == Link::Broker {
                // Neither side heard from the other.
                broker.disconnect(machine.connection.load(Ordering::Acquire));
            }
        })
        .await;
    }

    /// The store's clock jumps. On: by less than the settling window has to spare, and not again within one; by hours
    /// only while nothing is on its way to a partner, nor claimed to be sent (a replica that stands still may have it in
    /// hand), because that clock measures leases and the window. Back: by minutes.
    fn move_store_clock(&mut self) {
        let (weather, clock) = (&self.shared.weather, self.shared.store.clock());
        let seconds = |range| i64::try_from(weather.dice.pick(range)).unwrap_or(0);
        match weather.dice.pick(0..3) {
            0 if self.jumped_at.is_none_or(|at| at.elapsed() > BETWEEN_JUMPS) => {
                weather.count("store's clock jumps on");
                self.jumped_at = Some(Instant::now());
                clock.advance(SignedDuration::from_secs(seconds(1..20)));
            }
            1 if self.shared.partners.is_quiet() && !self.has_claims() => {
                weather.count("store's clock jumps on by hours");
                clock.advance(SignedDuration::from_secs(seconds(60..10_000)));
            }
            2 => {
                weather.count("store's clock jumps back");
                clock.advance(SignedDuration::from_secs(-seconds(1..600)));
            }
            _ => {}
        }
    }

    /// Whether anything is claimed.
    fn has_claims(&self) -> bool {
        self.shared.store.lanes().iter().any(|lane| lane.state == LaneState::Running)
    }

    /// Whether everything that was published is in the store.
    fn has_admitted(&self, lives: &Lives) -> bool {
        self.shared.broker.is_empty() && self.shared.store.events().len() == lives.ids.len()
    }

    /// Whether nothing is left to do.
    async fn rests(&self, lives: &Lives) -> bool {
        let store = &self.shared.store;
        let told = store.outbox(0, i64::MAX).await.map_or(0, |rows| rows.len());
        let paid = self.shared.partners.opened().values().filter(|o| o.is_paid).count();
        let known =
            store.payments().iter().flat_map(|p| &p.references).filter(|r| r.paid_at.is_some()).count();
        self.has_admitted(lives)
            && self.shared.partners.citizens_rest()
            && self.shared.partners.moves() == store.moves().len()
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
        time: ManualClock::running(),
        broker: Arc::default(),
        partners: Arc::new(Partners::new(tell_citizens)),
        weather: Arc::clone(&weather),
        engines: Arc::default(),
    };
    let fate = Dice::new(seed, "fate");
    let lives = lives::live(&Weather::new(seed, "lives"), 3 + u32::try_from(fate.pick(0..8)).unwrap_or(0));
    let count = usize::try_from(fate.pick(1..4)).unwrap_or(1);
    let mut world = World {
        shared: shared.clone(),
        replicas: (0..count).map(|_| None).collect(),
        started: 0,
        jumped_at: None,
    };
    for slot in 0..count {
        world.start(slot);
    }
    aside(people::citizens(shared.clone(), Arc::new(Dice::new(seed, "citizens")), news));
    aside(people::officials(shared.clone(), Arc::new(Dice::new(seed, "officials"))));
    aside(publish(Arc::clone(&shared.broker), lives.messages.clone()));

    let began = Instant::now();
    let storm_ends = lives.messages.last().map_or(Duration::ZERO, |(at, _)| *at) + AFTER_LIVES;
    while began.elapsed() < storm_ends {
        tokio::time::sleep(fate.ms(500..20_000)).await;
        world.blow().await;
        world.revive().await;
    }
    weather.calm_down();
    let calm_since = Instant::now();
    while calm_since.elapsed() < PATIENCE && !world.rests(&lives).await {
        world.revive().await;
        people::see_to_what_waits(&shared, world.has_admitted(&lives)).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    for slot in 0..count {
        world.end(slot, false).await;
    }
    weather.count_so_many("messages delivered again", shared.broker.returns());
    oracle::judge(seed, &shared, &lives).await
}

async fn publish(broker: Arc<Broker>, messages: Vec<(Duration, Vec<u8>)>) {
    let began = Instant::now();
    for (at, body) in messages {
        tokio::time::sleep_until(began + at).await;
        broker.publish(body);
    }
}
