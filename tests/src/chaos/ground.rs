//! Where it happens: the lanes of faults, the traffic and the citizens meanwhile, and whether things go on after a fault.

use std::{
    collections::{BTreeMap, HashSet},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use lienthong_mocks::{Behaviour, Effect, Rule};
use tokio::time::{Instant, sleep, timeout};

use super::{
    Course, Fault, Survived,
    fault::Lane,
    fleet::Fleet,
    report::{Faults, Network},
};
use crate::{
    Oracle, World,
    proxy::{self, Mode, Proxy},
    traffic,
};

/// The portal is never quite at once, so that calls are under way whenever something fails.
const PORTAL_CALM: Mode = Mode::Delay(Duration::from_millis(8));
/// So much more means that things go on: what was under way already when a fault came is less.
const GOES_ON: Progress = Progress { admitted: 8, steps: 5 };
/// How often is looked whether things go on.
const LOOK_EVERY: Duration = Duration::from_millis(150);
/// The portal's name of the call that appends a step.
const STEP: &str = "CapNhatTienDoHoSoMC";

/// A partner, as faults see it.
pub(super) struct Partner<'w> {
    name: &'static str,
    pub(super) proxy: &'w Proxy,
    /// How its proxy is without a fault.
    pub(super) calm: Mode,
}

/// How far everything has come.
#[derive(Debug, Clone, Copy)]
struct Progress {
    admitted: usize,
    steps: usize,
}

pub(super) struct Ground<'w> {
    pub(super) course: &'w Course,
    pub(super) world: &'w World,
    pub(super) fleet: Fleet,
    /// Before RabbitMQ, for the one-stop system.
    pub(super) outlet: Proxy,
    oracle: &'w Oracle,
    lines: &'w [Vec<u8>],
    dice: Mutex<fastrand::Rng>,
    faults: Mutex<BTreeMap<Fault, Survived>>,
    is_published: AtomicBool,
    /// How often the one-stop system had to connect again.
    reconnected: AtomicUsize,
    /// Lanes of faults that still go on.
    lanes: AtomicUsize,
}

impl<'w> Ground<'w> {
    pub(super) async fn prepare(
        course: &'w Course,
        world: &'w World,
        oracle: &'w Oracle,
        lines: &'w [Vec<u8>],
    ) -> Self {
        let servers = world.servers.as_ref().expect("a world with servers");
        let outlet = Proxy::before(proxy::target(&servers.rabbitmq), Duration::from_secs(15));
        let ground = Self {
            course,
            world,
            fleet: Fleet::start(world, course.replicas).await,
            outlet,
            oracle,
            lines,
            dice: Mutex::new(fastrand::Rng::with_seed(course.seed)),
            faults: Mutex::default(),
            is_published: AtomicBool::new(false),
            reconnected: AtomicUsize::new(0),
            lanes: AtomicUsize::new(2),
        };
        world.proxies.as_ref().expect("proxies").portal.set(PORTAL_CALM);
        for partner in 0..3 {
            ground.behave_as_usual(&ground.partner(partner));
        }
        ground
    }

    fn draw<T>(&self, draw: impl FnOnce(&mut fastrand::Rng) -> T) -> T {
        draw(&mut self.dice.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn a_member(&self) -> usize {
        self.draw(|dice| dice.usize(0..self.fleet.size()))
    }

    /// The portal half of the time: most operations are for it.
    pub(super) fn a_partner(&self) -> Partner<'w> {
        self.partner(self.draw(|dice| dice.usize(0..4)))
    }

    fn partner(&self, number: usize) -> Partner<'w> {
        let proxies = self.world.proxies.as_ref().expect("proxies");
        match number {
            1 => Partner { name: "payments", proxy: &proxies.payments, calm: Mode::Pass },
            2 => Partner { name: "post", proxy: &proxies.post, calm: Mode::Pass },
            _ => Partner { name: "portal", proxy: &proxies.portal, calm: PORTAL_CALM },
        }
    }

    fn rules(&self, partner: &Partner<'_>, rules: Vec<Rule>) {
        match partner.name {
            "payments" => self.world.suite.payments.behave_only(rules),
            "post" => self.world.suite.post.behave_only(rules),
            _ => self.world.suite.portal.behave_only(rules),
        }
    }

    /// Some answers are lost all the time.
    fn behave_as_usual(&self, partner: &Partner<'_>) {
        let seed = self.draw(|dice| dice.u64(..));
        let lost = Rule::always(Behaviour::DropAfterEffect).chance(self.course.lost_answers, seed);
        self.rules(partner, vec![lost]);
    }

    pub(super) async fn behave_badly(&self, partner: &Partner<'_>, rule: Rule) {
        self.rules(partner, vec![rule]);
        sleep(self.course.hold).await;
        self.behave_as_usual(partner);
    }

    /// The one-stop system publishes everything, confirmed, and again what was not.
    pub(super) async fn publish(&self) {
        let file = self.world.file("events.jsonl");
        std::fs::write(&file, self.lines.join(&b'\n')).expect("the lines can be written");
        let url = &self.world.servers.as_ref().expect("a world with servers").rabbitmq;
        let url = format!("{}?heartbeat=4", self.outlet.instead_of(url));
        let (rate, seed) = (self.course.rate.to_string(), self.course.seed.to_string());
        let options = ["--rate", &rate, "--seed", &seed, "--binary", "0.2", "--patience", "180"];
        let publisher = traffic::publisher(&file, &url, &self.world.places.exchange_in(), &options);
        let counts = traffic::published(publisher).await;
        let reconnects = counts["reconnects"].as_u64().and_then(|n| usize::try_from(n).ok());
        self.reconnected.store(reconnects.unwrap_or(0), Ordering::Release);
        self.is_published.store(true, Ordering::Release);
    }

    fn is_published(&self) -> bool {
        self.is_published.load(Ordering::Acquire)
    }

    fn has_faults(&self) -> bool {
        self.lanes.load(Ordering::Acquire) > 0 || !self.is_published()
    }

    /// Each kind of a lane once, and on in another order as long as there is traffic.
    pub(super) async fn suffer_again_and_again(&self, lane: Lane) {
        let mut is_first = true;
        while is_first || !self.is_published() {
            let mut faults = lane.faults();
            self.draw(|dice| dice.shuffle(&mut faults));
            for fault in faults {
                if is_first || !self.is_published() {
                    self.suffer(fault).await;
                    sleep(self.course.rest).await;
                }
            }
            is_first = false;
        }
        self.lanes.fetch_sub(1, Ordering::AcqRel);
    }

    pub(super) async fn kill_again_and_again(&self) {
        while self.has_faults() {
            let pause = self.course.kill_every.mul_f64(self.draw(|dice| 0.5 + dice.f64()));
            sleep(pause).await;
            self.suffer(Fault::Kill).await;
        }
    }

    /// Citizens pay, postmen deliver, the supervisor looks after the replicas.
    pub(super) async fn live_on(&self) {
        while self.has_faults() {
            sleep(Duration::from_secs(2)).await;
            self.fleet.look_after(self.world).await;
            // A callback may be under way to a replica that stands still: nobody waits for that.
            timeout(Duration::from_secs(3), self.world.citizens_pay(self.oracle)).await.ok();
            if self.draw(fastrand::Rng::bool) {
                self.postmen_go_on();
            }
        }
    }

    /// What somebody will want back stays where it is: a parcel on its way cannot be cancelled.
    fn postmen_go_on(&self) {
        let postings = self.oracle.lives.values().flat_map(|life| life.parcels.values());
        let wanted_back: HashSet<_> = postings.filter(|p| p.is_cancelled).map(|p| &p.citizen).collect();
        let post = &self.world.suite.post;
        for order in crate::Seen::of(&self.world.suite, serde_json::Value::Null).orders {
            if !wanted_back.contains(&order.sender) && !wanted_back.contains(&order.receiver) {
                post.move_order(&order.number, None);
            }
        }
    }

    /// A fault, and how long it takes until things go on.
    async fn suffer(&self, fault: Fault) {
        fault.happen(self).await;
        let recovered = self.goes_on().await;
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        faults.entry(fault).or_default().count(recovered);
    }

    /// How long until some more is admitted and some more delivered, or everything is; none: not in time.
    async fn goes_on(&self) -> Option<Duration> {
        let began = Instant::now();
        let mut first: Option<Progress> = None;
        while began.elapsed() < self.course.patience {
            if let Some(now) = self.progress().await {
                let before = *first.get_or_insert(now);
                let admitted = (before.admitted + GOES_ON.admitted).min(self.oracle.admitted);
                let steps = (before.steps + GOES_ON.steps).min(self.oracle.steps());
                if now.admitted >= admitted && now.steps >= steps {
                    return Some(began.elapsed());
                }
            }
            sleep(LOOK_EVERY).await;
        }
        None
    }

    async fn progress(&self) -> Option<Progress> {
        let database = self.world.database.as_ref().expect("a database");
        let admitted = database.try_ask("select count(*) from events").await.ok()?.parse().ok()?;
        let steps = usize::try_from(self.world.suite.portal.counts().steps).unwrap_or(usize::MAX);
        Some(Progress { admitted, steps })
    }

    /// No more faults. What happened, and the replicas.
    pub(super) fn end(self) -> (Faults, Network, Fleet) {
        let proxies = self.world.proxies.as_ref().expect("proxies");
        let mut counts = vec![("publisher", self.outlet.counts())];
        for (name, proxy) in [
            ("broker", &proxies.broker),
            ("store", &proxies.store),
            ("portal", &proxies.portal),
            ("payments", &proxies.payments),
            ("post", &proxies.post),
        ] {
            proxy.set(Mode::Pass);
            counts.push((name, proxy.counts()));
        }
        for partner in 0..3 {
            self.rules(&self.partner(partner), Vec::new());
        }
        let network = Network { counts, reconnected: self.reconnected.into_inner() };
        (Faults(self.faults.into_inner().unwrap_or_else(PoisonError::into_inner)), network, self.fleet)
    }
}

/// Answers of partners that were lost after their effect, steps and all.
#[derive(Debug, Clone, Copy)]
pub(super) struct LostAnswers {
    pub(super) all: usize,
    pub(super) steps: usize,
}

pub(super) fn lost_answers(world: &World) -> LostAnswers {
    let suite = &world.suite;
    let mut lost = LostAnswers { all: 0, steps: 0 };
    for journal in [suite.portal.journal(), suite.payments.journal(), suite.post.journal()] {
        for entry in journal.entries() {
            let is_lost = matches!(entry.behaviour, Some("drop_after_effect" | "half_body" | "stall"));
            if is_lost && !matches!(entry.effect, Effect::None | Effect::Session) {
                lost.all += 1;
                lost.steps += usize::from(entry.operation == STEP);
            }
        }
    }
    lost
}
