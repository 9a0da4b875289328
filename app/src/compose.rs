//! How the parts are put together: the one place where configuration, store, connectors, engine, broker and HTTP meet.
//! `main` and tests build the same [`Application`].

mod index;
mod observe;
mod parts;
mod store;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use jiff::SignedDuration;
use lienthong_core::{
    clock::{Clock, SystemClock},
    flow::{
        engine::{Engine, EngineSettings},
        pool::{Ends, Pool},
        run::{self, Roles},
    },
    port::{publisher::Publisher, views::Views},
};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::{net::TcpListener, sync::watch};
use tokio_util::sync::CancellationToken;

pub use index::{calendar, index_settings};
pub use parts::{broker_settings, connectors, engine_settings, store_address};
pub use store::StoreHandle;

use crate::{
    broker::{self, link::Link, publisher::RabbitPublisher},
    cli::Failure,
    config::Config,
    http::{
        self, AppState, Display, Health,
        auth::{Auth, Scope},
    },
    i18n::Locale,
    lifecycle::{self, Ending},
    state_file::{self, StateFile},
    tokens,
};

/// What an application is built for.
#[derive(Debug, Clone)]
pub enum Purpose {
    /// To run, in these roles.
    Serve(Roles),
    /// To answer a few questions inside this process; nothing listens and nothing runs.
    Answer,
}

/// Where a built application can be reached. Known before anything runs: port 0 has become a number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Addresses {
    /// The API, the console, the callbacks.
    pub http: Option<SocketAddr>,
}

/// Everything, put together and not running yet.
pub struct Application {
    config: Config,
    engine: Arc<Engine>,
    store: StoreHandle,
    state_file: Option<StateFile>,
    auth: Auth,
    broker: Option<Arc<broker::Settings>>,
    metrics: Option<PrometheusHandle>,
    health: watch::Sender<Health>,
    roles: Option<Roles>,
    listener: Option<TcpListener>,
    addresses: Addresses,
    index: Arc<http::index::Kept>,
    vendors: Arc<http::vendor::Vendors>,
}

impl Application {
    /// Binds first (a port in use is the likeliest mistake and must not cost a migration), then opens the store, brings
    /// its schema up to date, and builds connectors and engine.
    pub async fn build(config: Config, purpose: Purpose) -> Result<Self, Failure> {
        let roles = match purpose {
            Purpose::Serve(roles) => Some(roles),
            Purpose::Answer => None,
        };
        let listener = match &roles {
            Some(roles) if roles.http => Some(bind(config.http.listen).await?),
            Some(_) | None => None,
        };
        let addresses = Addresses { http: listener.as_ref().and_then(|l| l.local_addr().ok()) };
        let auth = tokens::existing_or_new(&config)?;
        let built = connectors(&config)?;
        let settings = EngineSettings { index: index_settings(&config)?, ..engine_settings(&config) };
        let store = StoreHandle::open(&config, &settings.holder).await?;
        store.migrate().await?;
        // Before anything can be claimed: an older store than this process has seen is fenced.
        let state_file = match &roles {
            Some(_) => Some(StateFile::open(state_file::path(&config), &*store.store()).await?),
            None => None,
        };
        let rules = parts::rules(&config, &built);
        let vendors = Arc::new(http::vendor::Vendors::of(&config)?);
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let engine = Engine::new(store.store(), rules, built, clock, settings);
        let broker = broker_settings(&config)?.map(Arc::new);
        let uses_broker = broker.is_some() && roles.is_some();
        let health = Health { broker: uses_broker.then_some(false), store: true, detail: String::new() };
        let metrics = roles.is_some().then(observe::recorder).flatten();
        let (health, _) = watch::channel(health);
        Ok(Self {
            config,
            engine,
            store,
            state_file,
            auth,
            broker,
            metrics,
            health,
            roles,
            listener,
            addresses,
            index: Arc::default(),
            vendors,
        })
    }

    /// Where it listens.
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// The engine.
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// The read-only questions.
    pub fn views(&self) -> Arc<dyn Views> {
        self.store.views()
    }

    /// The HTTP surface, as served; also for questions from inside the process.
    pub fn router(&self) -> axum::Router {
        http::router(AppState {
            engine: Arc::clone(&self.engine),
            views: self.store.views(),
            auth: self.auth.clone(),
            metrics: self.metrics.clone(),
            health: self.health.subscribe(),
            display: Display {
                name: self.config.installation.title().to_owned(),
                installation: self.config.installation.name.clone(),
                locale: Locale::Vi,
                public_url: self.config.http.public_url.clone(),
            },
            broker: self.broker.clone(),
            index: Arc::clone(&self.index),
            vendors: Arc::clone(&self.vendors),
        })
    }

    /// A token of this installation.
    pub fn token(&self, subject: &str, scopes: &[Scope], life: SignedDuration) -> Result<String, Failure> {
        let issued = self.auth.issue(subject, scopes, life, self.engine.clock.now());
        issued.map_err(|error| Failure::new(error.to_string(), ""))
    }

    /// Starts everything. It runs until [`Running::stop`].
    pub fn start(mut self) -> Result<Running, Failure> {
        let (pool, ends) = Pool::new(CancellationToken::new());
        let roles = self.roles.unwrap_or_else(none);
        let router = self.router();
        if let Some(listener) = self.listener.take() {
            let stopping = pool.stopping();
            pool.spawn("http", async move {
                // A bare router would be copied whole, every route and its layers, for each connection: a third of a mebibyte.
                let service = router.into_make_service_with_connect_info::<SocketAddr>();
                let served =
                    axum::serve(listener, service).with_graceful_shutdown(stopping.cancelled_owned());
                served.await.map_err(|error| error.to_string())
            });
        }
        let links = self.start_broker(&pool, roles);
        let publisher = links.publisher;
        run::start(&self.engine, &pool, roles, publisher);
        if let Some(file) = self.state_file.take() {
            pool.spawn("state-file", file.keep(self.store.store(), pool.stopping()));
        }
        pool.spawn("hints", hints(self.store.clone(), Arc::clone(&self.engine), pool.stopping()));
        pool.spawn(
            "health",
            observe::health(Arc::clone(&self.engine), self.health.clone(), links.seen, pool.stopping()),
        );
        if let Some(metrics) = self.metrics.clone() {
            let has_broker = self.health.borrow().broker.is_some();
            let (engine, views) = (Arc::clone(&self.engine), self.store.views());
            let metrics = observe::metrics(engine, views, has_broker, metrics, pool.stopping());
            pool.spawn("metrics", metrics);
        }
        Ok(Running { application: self, pool, ends })
    }

    fn start_broker(&self, pool: &Pool, roles: Roles) -> Links {
        let mut links = Links { publisher: None, seen: Vec::new() };
        let Some(settings) = &self.broker else { return links };
        let settings = || broker::Settings::clone(settings);
        let wants_publisher = self.config.broker.as_ref().is_some_and(|b| b.publish);
        if roles.intake {
            let (link, seen) = watch::channel(Link::Connecting);
            links.seen.push(seen);
            let (engine, settings, stop) = (Arc::clone(&self.engine), settings(), pool.stopping());
            pool.spawn("broker-intake", async move {
                broker::intake::run(engine, settings, link, stop).await;
                Ok(())
            });
        }
        if roles.relay && wants_publisher {
            let (link, seen) = watch::channel(Link::Connecting);
            links.seen.push(seen);
            let (publisher, orders) = RabbitPublisher::new();
            links.publisher = Some(Arc::new(publisher));
            let (settings, stop) = (settings(), pool.stopping());
            pool.spawn("broker-publisher", async move {
                broker::publisher::run(orders, settings, link, stop).await;
                Ok(())
            });
        }
        links
    }

    /// Runs until a token says stop or a task that must live ends. `soft`: finish what runs; `hard`: drop it.
    pub async fn run(self, soft: CancellationToken, hard: CancellationToken) -> Ending {
        let mut running = match self.start() {
            Ok(running) => running,
            Err(failure) => return Ending::Failed(failure.to_string()),
        };
        tokio::select! {
            () = soft.cancelled() => running.stop(&hard).await,
            why = running.ended() => {
                let ending = running.stop(&hard).await;
                tracing::debug!(?ending, "stopped after a failure");
                Ending::Failed(why)
            }
        }
    }

    /// Gives the store back without having run.
    pub async fn close(self) {
        self.store.close().await;
    }
}

/// A running application.
pub struct Running {
    application: Application,
    pool: Pool,
    ends: Ends,
}

impl Running {
    /// The application.
    pub fn application(&self) -> &Application {
        &self.application
    }

    /// Waits until a task that must live ends by itself, and says which.
    pub async fn ended(&mut self) -> String {
        let end = self.ends.first().await;
        let why = end.why.unwrap_or_else(|| "it ended without being asked to".to_owned());
        format!("{}: {why}", end.name)
    }

    /// Takes no new work, finishes what runs, gives back the rest, closes the store. `hard` cuts it short.
    pub async fn stop(self, hard: &CancellationToken) -> Ending {
        let deadline = Duration::from_secs(self.application.config.engine.stop_seconds);
        let pool = self.pool.clone();
        let in_time = tokio::select! {
            in_time = pool.stop(deadline) => in_time,
            () = hard.cancelled() => pool.stop(Duration::ZERO).await,
        };
        let closed = lifecycle::within(Duration::from_secs(10), hard, self.application.store.close()).await;
        if in_time && closed { Ending::Clean } else { Ending::Cut }
    }
}

struct Links {
    publisher: Option<Arc<dyn Publisher>>,
    seen: Vec<watch::Receiver<Link>>,
}

fn none() -> Roles {
    Roles { intake: false, execute: false, http: false, relay: false, schedule: false }
}

async fn bind(listen: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(listen).await.map_err(|error| {
        Failure::new(
            format!("http.listen: không nghe được ở {listen}: {error}"),
            "Có chương trình khác đang dùng cổng này? Dừng nó, hoặc đổi http.listen.\nIs another program using the port? \
             Stop it, or change http.listen.",
        )
    })
}

/// The store's hints wake the engine; polling goes on beside.
async fn hints(store: StoreHandle, engine: Arc<Engine>, stop: CancellationToken) -> Result<(), String> {
    let mut hints = store.hints().await;
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            hint = hints.recv() => {
                if hint.is_none() {
                    // Without hints the engine still polls.
                    tracing::warn!("the store gives no hints any more");
                    stop.cancelled().await;
                    return Ok(());
                }
                engine.wake();
            }
        }
    }
}
