//! The partners: what they were asked, what came into being there, and everything that can go wrong on the way. Their
//! side goes on when a replica dies.

use async_trait::async_trait;
use jiff::SignedDuration;
use lienthong_core::{
    clock::later,
    dossier::DossierState,
    finding::Finding,
    id::{OrderNumber, PaymentId, Reference, RowId},
    operation::{ActionKind, Payload},
    outcome::{Acceptance, Cause, Outcome, Proof, Setback},
    parcel::{ParcelMove, ParcelState},
    payment::{News, Tiding},
    plan::rules::PartnerKind,
    port::{
        connector::{
            Call, Callbacks, CheckFailure, Connector, Feed, FeedPage, Inquiries, Manifest, Prober, Task,
        },
        store::ReferenceToAsk,
    },
    testing::{ScriptedConnector, fixtures},
};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};

use super::{
    machine::{Cut, Link, Machine},
    weather::Weather,
    world::{Shared, aside},
};

/// The partners of the simulated province.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Portal,
    Platform,
    Post,
}

impl Kind {
    pub const ALL: [Self; 3] = [Self::Portal, Self::Platform, Self::Post];

    fn name(self) -> &'static str {
        match self {
            Self::Portal => "dvcqg",
            Self::Platform => "pay",
            Self::Post => "post",
        }
    }
}

/// The deadline of an attempt.
const DEADLINE: Duration = Duration::from_secs(5);
/// How much later than its deadline a request may still take effect; well within the settling window.
const LATE_MS: u64 = 10_000;
/// After an unclear attempt nothing goes out for so long.
const SETTLING: SignedDuration = SignedDuration::from_secs(40);

/// One call of a connector's `attempt`.
#[derive(Debug, Clone, Hash)]
pub struct Sent {
    pub connector: &'static str,
    pub key: String,
    pub operation: RowId,
    pub attempt: i32,
    pub kind: ActionKind,
    pub from: Duration,
    /// When the call ended: answered, cut off, or dropped with its replica.
    pub until: Option<Duration>,
    /// It was answered that there is certainly no effect.
    pub was_nothing: bool,
}

/// What arrived at a partner.
#[derive(Debug, Clone)]
pub struct Effect {
    pub at: Duration,
    pub connector: &'static str,
    pub key: String,
    pub operation: RowId,
    pub payload: Arc<Payload>,
    pub subject: String,
    pub dossier: Option<Arc<DossierState>>,
}

/// A payment as the platform has it.
#[derive(Debug, Clone)]
pub struct Opened {
    pub payment: PaymentId,
    pub amount: i64,
    pub is_paid: bool,
}

#[derive(Default)]
struct State {
    sent: Vec<Sent>,
    /// About which operation somebody was asked, and answered, when.
    asked: Vec<(RowId, Duration)>,
    effects: Vec<Effect>,
    opened: BTreeMap<Reference, Opened>,
    orders: BTreeMap<OrderNumber, String>,
    moves: Vec<ParcelMove>,
}

/// All partners.
pub struct Partners {
    began: Instant,
    state: Mutex<State>,
    down: [AtomicBool; 3],
    /// How many requests are on their way to an effect.
    travelling: AtomicUsize,
    /// Tells the citizens of a payment that was opened.
    citizens: mpsc::Sender<Reference>,
    /// How many citizens are still to make up their minds, to pay or to be told of.
    busy: AtomicUsize,
}

impl Partners {
    pub fn new(citizens: mpsc::Sender<Reference>) -> Self {
        Self {
            began: Instant::now(),
            state: Mutex::default(),
            down: Default::default(),
            travelling: AtomicUsize::new(0),
            citizens,
            busy: AtomicUsize::new(0),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn set_down(&self, kind: Kind, down: bool) {
        self.down[kind as usize].store(down, Ordering::Release);
    }

    fn is_down(&self, kind: Kind) -> bool {
        self.down[kind as usize].load(Ordering::Acquire)
    }

    /// A citizen is done with a payment.
    pub fn citizen_left(&self) {
        self.busy.fetch_sub(1, Ordering::AcqRel);
    }

    /// Whether no citizen is about to pay, or to be told of.
    pub fn citizens_rest(&self) -> bool {
        self.busy.load(Ordering::Acquire) == 0
    }

    /// Whether no request is on its way to an effect.
    pub fn is_quiet(&self) -> bool {
        self.travelling.load(Ordering::Acquire) == 0
    }

    pub fn sent(&self) -> Vec<Sent> {
        self.state().sent.clone()
    }

    /// About which operation somebody was asked, and answered, when.
    pub fn asked(&self) -> Vec<(RowId, Duration)> {
        self.state().asked.clone()
    }

    pub fn effects(&self) -> Vec<Effect> {
        self.state().effects.clone()
    }

    pub fn opened(&self) -> BTreeMap<Reference, Opened> {
        self.state().opened.clone()
    }

    pub fn orders(&self) -> BTreeMap<OrderNumber, String> {
        self.state().orders.clone()
    }

    /// How many tracking records there are.
    pub fn moves(&self) -> usize {
        self.state().moves.len()
    }

    /// What is to be paid.
    pub fn amount(&self, reference: &Reference) -> Option<i64> {
        self.state().opened.get(reference).map(|opened| opened.amount)
    }

    /// The citizen pays. `None`: it is paid already.
    pub fn pay(&self, reference: &Reference) -> Option<i64> {
        let mut state = self.state();
        let opened = state.opened.get_mut(reference)?;
        let is_first = !std::mem::replace(&mut opened.is_paid, true);
        is_first.then_some(opened.amount)
    }

    /// A request arrives and takes effect.
    fn arrive(&self, kind: Kind, key: &str, task: &Task) -> Proof {
        self.travelling.fetch_sub(1, Ordering::AcqRel);
        let mut proof = Proof { said: "ok".into(), ..Proof::default() };
        let mut state = self.state();
        state.effects.push(Effect {
            at: self.began.elapsed(),
            connector: kind.name(),
            key: key.to_owned(),
            operation: task.operation,
            payload: Arc::clone(&task.payload),
            subject: task.subject.as_ref().map(ToString::to_string).unwrap_or_default(),
            dossier: task.dossier.clone(),
        });
        match &*task.payload {
            Payload::OpenPayment { payment, reference, amount, .. } => {
                proof
                    .facts
                    .insert("pay_url".into(), format!("https://pay.example.gov.vn/{reference}").into());
                if !state.opened.contains_key(reference) {
                    let opened = Opened { payment: payment.id.clone(), amount: *amount, is_paid: false };
                    state.opened.insert(reference.clone(), opened);
                    self.busy.fetch_add(1, Ordering::AcqRel);
                    // The world may have ended.
                    drop(self.citizens.try_send(reference.clone()));
                }
            }
            Payload::CreateParcel { parcel, order_number, .. } => {
                proof.facts.insert("item_code".into(), format!("E{order_number}").into());
                if !state.orders.contains_key(order_number) {
                    state.orders.insert(order_number.clone(), parcel.id.to_string());
                    for (code, means) in [(1, ParcelState::Moving), (2, ParcelState::Delivered)] {
                        let record = ParcelMove {
                            record: format!("{}", state.moves.len() + 1),
                            order_number: order_number.to_string(),
                            item_code: format!("E{order_number}"),
                            status_code: code,
                            status: String::new(),
                            post_office: String::new(),
                            at: fixtures::morning(code),
                            notes: String::new(),
                            means: Some(means),
                        };
                        state.moves.push(record);
                    }
                }
            }
            Payload::SyncDossier
            | Payload::AdoptDossier
            | Payload::AppendProgress { .. }
            | Payload::CancelParcel { .. }
            | Payload::Unassigned { .. } => {}
        }
        proof
    }
}

/// One replica's way to one partner.
pub struct Window {
    kind: Kind,
    manifest: Manifest,
    partners: Arc<Partners>,
    weather: Arc<Weather>,
    machine: Arc<Machine>,
    /// Its callbacks are of the scripted connector's form.
    callbacks: ScriptedConnector,
}

impl Window {
    pub fn new(shared: &Shared, kind: Kind, machine: &Arc<Machine>) -> Self {
        let partner = match kind {
            Kind::Portal => PartnerKind::Portal,
            Kind::Platform => PartnerKind::Payment,
            Kind::Post => PartnerKind::Post,
        };
        let mut manifest = fixtures::manifest(kind.name(), partner);
        manifest.settling_window = SETTLING;
        for deadline in manifest.actions.values_mut() {
            *deadline = DEADLINE;
        }
        Self {
            kind,
            manifest,
            partners: Arc::clone(&shared.partners),
            weather: Arc::clone(&shared.weather),
            machine: Arc::clone(machine),
            callbacks: ScriptedConnector::payment(kind.name()),
        }
    }

    async fn latency(&self) {
        tokio::time::sleep(self.weather.dice.ms(1..200)).await;
    }

    /// A question: answered, unless the partner is away.
    async fn ask<T>(&self, answer: impl FnOnce(&mut State) -> T) -> Result<T, CheckFailure> {
        let cut = self.machine.cut(Link::Partners);
        self.machine.lives().await;
        self.latency().await;
        let is_down = self.partners.is_down(self.kind) || cut == Cut::Requests;
        if is_down || self.weather.strikes("question unanswered", 300) {
            return Err(CheckFailure { cause: Cause::Unreachable, said: "nobody there".into() });
        }
        let answer = answer(&mut self.partners.state());
        if cut == Cut::Answers {
            std::future::pending::<()>().await;
        }
        if self.weather.strikes("crash while asking a partner", 80) {
            self.machine.crash().await;
        }
        if self.weather.strikes("question answered late", 100) {
            tokio::time::sleep(self.weather.dice.ms(500..20_000)).await;
        }
        self.machine.runs().await;
        Ok(answer)
    }

    /// A request on its way there and back.
    async fn request(&self, task: &Task, call: &Call<'_>, key: String) -> Outcome {
        let (partners, weather) = (&self.partners, &self.weather);
        let cut = self.machine.cut(Link::Partners);
        if cut == Cut::Requests && weather.dice.strikes(5000) {
            // The connection stood already: nobody hears of it.
            std::future::pending::<()>().await;
        }
        if partners.is_down(self.kind) || cut == Cut::Requests || weather.strikes("partner away", 300) {
            self.latency().await;
            return Outcome::not_done(Cause::Unreachable, "connection refused");
        }
        if weather.strikes("throttled", 100) {
            self.latency().await;
            let retry_after = Some(SignedDuration::from_secs(3));
            return Outcome::NotDone(Setback { cause: Cause::Throttled, said: "429".into(), retry_after });
        }
        if weather.strikes("credentials rejected", 20) {
            return Outcome::paused(Cause::CredentialsRejected, "401");
        }
        if weather.strikes("refused", 60) {
            self.latency().await;
            return Outcome::refused(Cause::DataRefused, "-1", "not like this");
        }
        if weather.strikes("request lost", 150) {
            std::future::pending::<()>().await;
        }
        let late = weather.strikes("late effect", 100);
        let travel = if late { DEADLINE + weather.dice.ms(0..LATE_MS) } else { weather.dice.ms(1..200) };
        let (tell, told) = oneshot::channel();
        let (there, kind, whose) = (Arc::clone(partners), self.kind, task.clone());
        partners.travelling.fetch_add(1, Ordering::AcqRel);
        aside(async move {
            tokio::time::sleep(travel).await;
            // The caller may be gone.
            drop(tell.send(there.arrive(kind, &key, &whose)));
        });
        if weather.strikes("crash after the send, before its answer", 60) {
            tokio::time::sleep(weather.dice.ms(0..300)).await;
            self.machine.crash().await;
        }
        if cut == Cut::Answers {
            std::future::pending::<()>().await;
        }
        if weather.strikes("answer broken", 200) {
            self.latency().await;
            return Outcome::unclear(Cause::Broken, "connection reset");
        }
        if weather.strikes("answer lost", 200) {
            std::future::pending::<()>().await;
        }
        let Ok(proof) = told.await else { return Outcome::unclear(Cause::NoAnswer, "gone") };
        if self.kind == Kind::Platform && weather.strikes("half an answer: taken, not settled", 800) {
            let ask_at = later(call.now, SignedDuration::from_secs(10));
            return Outcome::Accepted(Acceptance { reference: "taken".into(), ask_at });
        }
        self.latency().await;
        self.machine.runs().await;
        Outcome::Done(proof)
    }
}

/// The end of a call, however it comes.
struct Ending<'a> {
    partners: &'a Partners,
    at: usize,
}

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        let now = self.partners.began.elapsed();
        if let Some(sent) = self.partners.state().sent.get_mut(self.at) {
            sent.until = Some(now);
        }
    }
}

/// The lane key of a task: the payment, the parcel or the dossier.
fn key_of(task: &Task) -> String {
    let payment = task.payload.payment().map(ToString::to_string);
    let parcel = task.payload.parcel().map(ToString::to_string);
    payment.or(parcel).unwrap_or_else(|| task.subject.as_ref().map(ToString::to_string).unwrap_or_default())
}

#[async_trait]
impl Connector for Window {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    async fn attempt(&self, task: &Task, call: &Call<'_>) -> Outcome {
        let partners = &self.partners;
        self.machine.lives().await;
        let key = key_of(task);
        let at = {
            let sent = Sent {
                connector: self.kind.name(),
                key: key.clone(),
                operation: task.operation,
                attempt: task.attempt,
                kind: task.payload.kind(),
                from: partners.began.elapsed(),
                until: None,
                was_nothing: false,
            };
            let mut state = partners.state();
            state.sent.push(sent);
            state.sent.len() - 1
        };
        let ending = Ending { partners, at };
        let outcome = self.request(task, call, key).await;
        if matches!(outcome, Outcome::NotDone(_) | Outcome::Refused(_) | Outcome::Paused(_)) {
            partners.state().sent[at].was_nothing = true;
        }
        drop(ending);
        outcome
    }

    async fn check(&self, _call: &Call<'_>) -> Result<String, CheckFailure> {
        self.ask(|_| "ok".to_owned()).await
    }

    fn prober(&self) -> Option<&dyn Prober> {
        (self.kind == Kind::Platform).then_some(self as &dyn Prober)
    }

    fn callbacks(&self) -> Option<&dyn Callbacks> {
        if self.kind == Kind::Platform { self.callbacks.callbacks() } else { None }
    }

    fn inquiries(&self) -> Option<&dyn Inquiries> {
        (self.kind == Kind::Platform).then_some(self as &dyn Inquiries)
    }

    fn feed(&self) -> Option<&dyn Feed> {
        (self.kind == Kind::Post).then_some(self as &dyn Feed)
    }
}

#[async_trait]
impl Prober for Window {
    fn can_probe(&self, action: ActionKind) -> bool {
        action == ActionKind::OpenPayment
    }

    async fn probe(&self, task: &Task, _call: &Call<'_>) -> Finding {
        let Payload::OpenPayment { reference, .. } = &*task.payload else {
            return Finding::Inconclusive { cause: Cause::Internal, said: "not a payment".into() };
        };
        let at = self.partners.began.elapsed();
        let asked = |state: &mut State| {
            state.asked.push((task.operation, at));
            state.opened.get(reference).cloned()
        };
        match self.ask(asked).await {
            Ok(Some(opened)) => {
                let facts = [("pending".to_owned(), (!opened.is_paid).into())].into_iter().collect();
                Finding::Present(Proof { said: "known".into(), facts, repeated: false })
            }
            Ok(None) => Finding::Absent,
            Err(failure) => Finding::Inconclusive { cause: failure.cause, said: failure.said },
        }
    }
}

#[async_trait]
impl Inquiries for Window {
    async fn inquire(
        &self,
        reference: &ReferenceToAsk,
        call: &Call<'_>,
    ) -> Result<Option<Tiding>, CheckFailure> {
        let opened = self.ask(|state| state.opened.get(&reference.reference).cloned()).await?;
        Ok(opened.map(|opened| Tiding {
            reference: reference.reference.clone(),
            platform_ref: format!("GD-{}", reference.reference),
            news: if opened.is_paid {
                News::Paid { amount: opened.amount, at: call.now }
            } else {
                News::Pending
            },
            by: "query",
        }))
    }
}

#[async_trait]
impl Feed for Window {
    fn resume(&self, stored: Option<&str>) -> String {
        stored.unwrap_or("0").to_owned()
    }

    async fn page(&self, cursor: &str, _call: &Call<'_>) -> Result<FeedPage, CheckFailure> {
        let from = cursor.parse::<usize>().unwrap_or(0);
        self.ask(|state| {
            let moves: Vec<_> = state.moves.iter().skip(from).take(20).cloned().collect();
            let cursor = from + moves.len();
            FeedPage { more: cursor < state.moves.len(), cursor: cursor.to_string(), moves }
        })
        .await
    }
}
