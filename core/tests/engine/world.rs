//! The little world of these tests: one engine, three connectors, a store in memory, a manual clock.

use jiff::SignedDuration;
use lienthong_core::{
    clock::Clock,
    event::{RawMessage, data::Account, rejection::Verdict},
    flow::{
        engine::{Engine, EngineSettings},
        intake,
        pool::Pool,
        run::{self, Roles},
        schedule,
    },
    operation::{ActionKind, Operation, OperationState, Payload},
    payment::PaymentRecord,
    plan::rules::Rules,
    policy::health::HealthSettings,
    port::store::Store,
    testing::{
        ManualClock, MemoryStore, ScriptedConnector, ScriptedPublisher,
        fixtures::{self, events},
    },
};
use serde_json::Value;
use std::{sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

pub struct World {
    pub clock: ManualClock,
    pub store: MemoryStore,
    pub portal: Arc<ScriptedConnector>,
    pub platform: Arc<ScriptedConnector>,
    pub post: Arc<ScriptedConnector>,
    pub publisher: Arc<ScriptedPublisher>,
    pub engine: Arc<Engine>,
    pool: Option<Pool>,
}

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

impl World {
    /// Everything built, nothing running: events are admitted, nobody carries them out.
    pub fn resting() -> Self {
        Self::with(rules(), |portal| portal)
    }

    /// Everything running.
    pub fn running() -> Self {
        let mut world = Self::resting();
        world.start();
        world
    }

    pub fn with(rules: Rules, portal: impl FnOnce(ScriptedConnector) -> ScriptedConnector) -> Self {
        Self::with_settings(rules, portal, settings())
    }

    pub fn with_settings(
        rules: Rules,
        portal: impl FnOnce(ScriptedConnector) -> ScriptedConnector,
        settings: EngineSettings,
    ) -> Self {
        let clock = ManualClock::default();
        let store = MemoryStore::new(clock.clone());
        let portal = portal(ScriptedConnector::portal("dvcqg")).shared();
        let platform =
            ScriptedConnector::payment("pay").with_prober().with_callbacks().with_inquiries().shared();
        let post = ScriptedConnector::post("post").with_feed().shared();
        let engine = Engine::new(
            Arc::new(store.clone()),
            rules,
            vec![portal.clone(), platform.clone(), post.clone()],
            Arc::new(clock.clone()),
            settings,
        );
        let publisher = Arc::new(ScriptedPublisher::default());
        Self { clock, store, portal, platform, post, publisher, engine, pool: None }
    }

    /// Stops, and starts again with other rules: a process that was given another configuration.
    pub async fn restart_with(&mut self, rules: Rules) {
        assert!(self.stop().await);
        self.engine = Engine::new(
            Arc::new(self.store.clone()),
            rules,
            vec![self.portal.clone(), self.platform.clone(), self.post.clone()],
            Arc::new(self.clock.clone()),
            settings(),
        );
        self.start();
    }

    pub fn start(&mut self) {
        let (pool, _ends) = Pool::new(CancellationToken::new());
        // Timers are run by hand where a test wants them.
        let roles = Roles { schedule: false, ..Roles::all() };
        run::start(&self.engine, &pool, roles, Some(self.publisher.clone()));
        self.pool = Some(pool);
    }

    pub async fn stop(&mut self) -> bool {
        match self.pool.take() {
            Some(pool) => pool.stop(Duration::from_secs(5)).await,
            None => true,
        }
    }

    pub async fn admit(&self, messages: impl IntoIterator<Item = events::Event>) -> Vec<Verdict> {
        let messages: Vec<RawMessage> = messages.into_iter().map(|e| e.message()).collect();
        intake::admit(&self.engine, messages).await.expect("the store is up")
    }

    pub fn advance(&self, seconds: i64) {
        self.clock.advance(SignedDuration::from_secs(seconds));
        self.engine.wake();
    }

    pub async fn run_timers(&self) {
        schedule::round(&self.engine, &CancellationToken::new()).await.expect("the store is up");
    }

    /// Waits until a condition holds; fails after a minute with what there is.
    pub async fn eventually(&self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        let deadline = tokio::time::Instant::now() + Duration::from_mins(1);
        while !holds(self) {
            assert!(
                tokio::time::Instant::now() < deadline,
                "never happened: {what}\n{:#?}",
                self.store.operations().iter().map(brief).collect::<Vec<_>>()
            );
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
    }

    /// Waits until nothing is ready to go or on its way.
    pub async fn settled(&self) {
        let now = self.clock.now();
        self.eventually("all operations rest", |w| {
            w.store.operations().iter().all(|o| match o.state {
                OperationState::Running => false,
                OperationState::Ready => {
                    let blocked = w
                        .store
                        .lanes()
                        .iter()
                        .any(|l| l.id == o.lane && l.head.is_some_and(|head| head != o.id));
                    o.due_at > now || blocked
                }
                _ => true,
            })
        })
        .await;
    }

    pub fn operations(&self, kind: ActionKind) -> Vec<Operation> {
        self.store.operations().into_iter().filter(|o| o.payload.kind() == kind).collect()
    }

    pub fn states(&self, kind: ActionKind) -> Vec<OperationState> {
        self.operations(kind).iter().map(|o| o.state).collect()
    }

    pub fn payment(&self, id: &str) -> PaymentRecord {
        self.store.payments().into_iter().find(|p| p.id.as_str() == id).expect("the payment exists")
    }

    /// What reached the portal about a dossier, in order: `sync STATUS` or the steps' contents.
    pub fn seen_at_portal(&self, code: &str) -> Vec<String> {
        self.portal
            .tasks_of(code)
            .iter()
            .flat_map(|task| {
                if let Payload::AppendProgress { steps } = &*task.payload {
                    steps.iter().map(|s| s.content.clone()).collect()
                } else {
                    let status = task
                        .dossier
                        .as_ref()
                        .and_then(|d| d.status)
                        .map_or(0, lienthong_core::status::PortalStatus::code);
                    vec![format!("sync {status}")]
                }
            })
            .collect()
    }

    pub async fn told(&self, name: &str) -> Vec<Value> {
        let rows = self.store.outbox(0, 10_000).await.expect("the store is up");
        rows.iter()
            .filter(|r| r.name == name)
            .map(|r| serde_json::from_str(&r.data).expect("data is JSON"))
            .collect()
    }

    pub async fn ledgers_balance(&self) {
        let ledgers = self.store.ledgers().await.expect("the store is up");
        assert_eq!(ledgers.message_difference(), 0, "{ledgers:?}");
        assert_eq!(ledgers.operation_difference(), 0, "{ledgers:?}");
    }
}

pub fn settings() -> EngineSettings {
    EngineSettings {
        holder: "test".into(),
        poll: Duration::from_millis(5),
        // Tests of single operations have more setbacks than a partner that works.
        health: HealthSettings { minimum: 1000, in_a_row: 1000, ..HealthSettings::default() },
        ..EngineSettings::default()
    }
}

fn brief(operation: &Operation) -> String {
    format!(
        "{} {} place {} {} need {:?} cause {:?}",
        operation.id,
        operation.payload.kind().name(),
        operation.position,
        operation.state.name(),
        operation.need,
        operation.cause
    )
}

pub fn code(n: u32) -> String {
    fixtures::nth_code(n).to_string()
}
