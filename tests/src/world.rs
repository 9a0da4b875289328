//! A world for one test: the partners, the adapter, and what it needs. Everything on ports of its own, everything gone at
//! the end.

use std::{
    collections::{BTreeMap, HashSet},
    path::PathBuf,
    process::ExitStatus,
    time::Duration,
};

use jiff::SignedDuration;
use lienthong::{
    compose::{Application, Purpose, Running},
    config::Config,
    http::auth::Scope,
    lifecycle::Ending,
};
use lienthong_mocks::{
    Suite,
    suite::{Listeners, Options},
};
use serde_json::Value;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::{
    api::{Api, Standing},
    eventually,
    listener::Listener,
    oracle::{Oracle, Seen},
    program::{self, Program},
    province::{self, PAYMENTS, Partners, Places, Tuning},
    proxy::{self, Proxy},
    servers::{Database, Held, Servers, unique},
};

/// When a server gives up a client that has vanished, as its keepalives would make it.
const FORGOTTEN: Duration = Duration::from_secs(15);
/// Short, so that tests need not wait long for what only silence tells.
const HEARTBEAT_SECONDS: u16 = 3;

/// Where the adapter runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In this process, as `main` puts it together.
    Inside,
    /// As the real program.
    Program,
    /// As programs that the test itself starts.
    Apart,
}

/// What a world is to be like.
#[derive(Clone)]
pub struct Plan {
    pub place: Place,
    /// PostgreSQL and RabbitMQ of the private servers; otherwise embedded, and events by HTTP.
    pub with_servers: bool,
    /// Whether the test may stop the servers: it gets them to itself.
    pub alone: bool,
    /// Whether a proxy stands before each server and each partner: see [`Proxies`].
    pub proxied: bool,
    pub tuning: Tuning,
    pub partners: Options,
    /// How long anything may take to come to rest.
    pub patience: Duration,
}

impl Plan {
    /// Nothing installed is needed.
    pub fn embedded(place: Place) -> Self {
        let (tuning, partners) = (Tuning::default(), Options::default());
        let patience = Duration::from_mins(5);
        Self { place, with_servers: false, alone: false, proxied: false, tuning, partners, patience }
    }

    /// The real program on the private servers.
    pub fn on_servers() -> Self {
        Self { with_servers: true, ..Self::embedded(Place::Program) }
    }

    /// Makes it.
    pub async fn open(self) -> World {
        lienthong::install_crypto();
        let folder =
            tempfile::Builder::new().prefix("lienthong-test-").tempdir().expect("a temporary folder");
        let mut places = Places { folder: folder.path().display().to_string(), ..Places::default() };
        let (mut database, mut servers, mut held, mut listener) = (None, None, None, None);
        if self.with_servers {
            let known = Servers::get();
            held = Some(if self.alone { known.alone().await } else { known.shared().await });
            let made = Database::create(&known).await;
            places.database = Some(made.url.clone());
            places.broker = Some((known.rabbitmq.clone(), unique()));
            // What no queue takes counts as not published: somebody has to listen.
            listener = Some(Listener::bind(&known.rabbitmq, &places.exchange_out()).await);
            (database, servers) = (Some(made), Some(known));
        }
        let listeners = Listeners::local().await.expect("free ports");
        let suite = Suite::start(listeners, self.partners.clone()).await;
        let proxies = match &servers {
            Some(servers) if self.proxied => Some(Proxies::before(servers, &suite, &mut places)),
            _ => None,
        };
        let text = province::configuration(&places, &suite, &self.tuning);
        std::fs::write(folder.path().join("lienthong.toml"), text).expect("the configuration can be written");
        let api = Api::new(String::new(), String::new());
        let (app, plan) = (App::Down, self);
        let mut world = World {
            app,
            suite,
            proxies,
            api,
            places,
            plan,
            listener,
            database,
            servers,
            folder,
            _held: held,
        };
        world.start().await;
        world
    }
}

/// A proxy before each server and each partner; the adapter reaches them only through it.
pub struct Proxies {
    pub store: Proxy,
    pub broker: Proxy,
    pub portal: Proxy,
    pub payments: Proxy,
    pub post: Proxy,
}

impl Proxies {
    fn before(servers: &Servers, suite: &Suite, places: &mut Places) -> Self {
        let before = |url: &str| Proxy::before(proxy::target(url), FORGOTTEN);
        let proxies = Self {
            store: before(&servers.postgres),
            broker: before(&servers.rabbitmq),
            portal: before(&suite.portal.url()),
            payments: before(&suite.payments.url()),
            post: before(&suite.post.url()),
        };
        let Self { store, broker, portal, payments, post } = &proxies;
        places.database = places.database.as_deref().map(|url| store.instead_of(url));
        if let Some((url, _)) = &mut places.broker {
            *url = format!("{}?heartbeat={HEARTBEAT_SECONDS}", broker.instead_of(url));
        }
        places.partners = Some(Partners {
            portal: portal.instead_of(&suite.portal.url()),
            payments: payments.instead_of(&suite.payments.url()),
            post: post.instead_of(&suite.post.url()),
        });
        proxies
    }
}

enum App {
    Down,
    Inside(Box<Running>),
    Program(Program),
}

/// Everything that runs. Fields are dropped in this order: the adapter before what it uses.
pub struct World {
    app: App,
    pub suite: Suite,
    pub proxies: Option<Proxies>,
    pub api: Api,
    pub places: Places,
    pub plan: Plan,
    /// A one-stop system that listens to the results, where there is a broker.
    pub listener: Option<Listener>,
    pub database: Option<Database>,
    pub servers: Option<Servers>,
    folder: TempDir,
    _held: Option<Held>,
}

impl World {
    /// The configuration file.
    pub fn config(&self) -> PathBuf {
        self.folder.path().join("lienthong.toml")
    }

    /// A file in the world's folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts the adapter; citizens' payments are reported to it from now on.
    pub async fn start(&mut self) {
        assert!(matches!(self.app, App::Down), "it runs already");
        let (address, token) = match self.plan.place {
            Place::Inside => {
                let application = self.build().await;
                let address = application.addresses().http.expect("it serves HTTP");
                let token = application.token("test", &Scope::ALL, SignedDuration::from_hours(1));
                let token = token.unwrap_or_else(|failure| panic!("{failure}"));
                let running = application.start().unwrap_or_else(|failure| panic!("{failure}"));
                self.app = App::Inside(Box::new(running));
                (address, token)
            }
            Place::Program => {
                let program = Program::start(&self.config(), &self.file("program.log")).await;
                let address = program.address;
                self.app = App::Program(program);
                (address, self.token().await)
            }
            Place::Apart => return,
        };
        self.api = Api::new(format!("http://{address}"), token);
        self.suite.payments.set_callback_url(format!("http://{address}/callbacks/{PAYMENTS}"));
    }

    async fn build(&self) -> Application {
        let path = self.config();
        let text = std::fs::read_to_string(&path).expect("the configuration");
        let config = Config::parse(&path.display().to_string(), &text, None, &BTreeMap::new());
        let config = config.unwrap_or_else(|error| panic!("{error}"));
        let built = Application::build(config, Purpose::Serve(lienthong_core::flow::run::Roles::all())).await;
        built.unwrap_or_else(|failure| panic!("{failure}"))
    }

    /// A token for everything.
    pub async fn token(&self) -> String {
        let config = self.config().display().to_string();
        let issue =
            ["--config", &config, "token", "issue", "--subject", "test", "--scope", "read,publish,operate"];
        let output = program::run(&issue).await;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Another process on the same configuration, for the test to kill or stop, and a client of its own. Citizens'
    /// payments are not reported to it.
    pub async fn replica(&self) -> (Program, Api) {
        assert!(self.plan.with_servers, "an embedded store belongs to one process");
        let program = Program::start(&self.config(), &self.file("replica.log")).await;
        let api = Api::new(format!("http://{}", program.address), self.token().await);
        (program, api)
    }

    /// `kill -9`.
    pub fn kill9(&mut self) {
        match std::mem::replace(&mut self.app, App::Down) {
            App::Program(program) => program.kill9(),
            App::Inside(_) | App::Down => panic!("only a program that runs can be killed"),
        }
    }

    /// Asks the adapter to stop and waits for it; how it ended.
    pub async fn stop(&mut self) -> Option<ExitStatus> {
        match std::mem::replace(&mut self.app, App::Down) {
            App::Program(program) => Some(program.stop().await),
            App::Inside(running) => {
                let ending = running.stop(&CancellationToken::new()).await;
                assert_eq!(ending, Ending::Clean);
                None
            }
            App::Down => panic!("it does not run"),
        }
    }

    /// A command of the program about this world, with `--json`.
    pub async fn command(&self, arguments: &[&str]) -> (ExitStatus, Value) {
        let config = self.config().display().to_string();
        let server = self.api.base.clone();
        program::json(&[&["--config", &config, "--server", &server], arguments].concat()).await
    }

    /// Publishes a file's lines to RabbitMQ as a one-stop system would, by an independent client.
    pub fn publish(&self, name: &str, lines: &[Vec<u8>], options: &[&str]) -> std::process::Child {
        let file = self.file(name);
        std::fs::write(&file, lines.join(&b'\n')).expect("the lines can be written");
        let servers = self.servers.as_ref().expect("a world with servers");
        crate::traffic::publisher(&file, &servers.rabbitmq, &self.places.exchange_in(), options)
    }

    /// Waits until so many messages were received and nothing moves by itself any more.
    pub async fn rests(&self, received: usize) -> Standing {
        let received = i64::try_from(received).unwrap_or(i64::MAX);
        let has_broker = self.plan.with_servers;
        eventually("everything comes to rest", self.plan.patience, async || {
            let standing = self.api.standing().await?;
            let is_relayed = !has_broker || standing.unrelayed == 0;
            if standing.received >= received
                && standing.moving == 0
                && standing.paused.is_empty()
                && is_relayed
            {
                Ok(standing)
            } else {
                Err(format!("{standing:?}, {received} published"))
            }
        })
        .await
    }

    /// Operations that have not ended, each as a line for people: what is wrong shows here first.
    pub async fn unfinished(&self) -> Vec<String> {
        let list = self.api.get("/v1/operations?open=1&limit=500").await;
        let rows = list["operations"].as_array().into_iter().flatten();
        let fields = ["subject", "connector", "action", "state", "cause", "need", "said"];
        rows.map(|row| fields.map(|f| row[f].as_str().unwrap_or("-")).join(" | ")).collect()
    }

    /// Every citizen who has something to pay online pays; the adapter is told.
    pub async fn citizens_pay(&self, oracle: &Oracle) {
        let payable: HashSet<(&str, &str)> =
            oracle.payable().map(|(_, dossier, p)| (dossier, p.content.as_str())).collect();
        for open in self.suite.payments.references() {
            if payable.contains(&(open.dossier.as_str(), open.content.as_str())) {
                self.suite.payments.pay(&open.reference);
            }
        }
        self.suite.payments.callbacks_delivered().await;
    }

    /// Postmen bring every parcel to its door, stage by stage, and the adapter tells of each; what it has told then.
    pub async fn postmen_deliver(&self, oracle: &Oracle) -> Vec<Value> {
        self.suite.post.move_all(None);
        self.told("post.moved", oracle.parcels()).await;
        self.suite.post.move_all(None);
        self.told("post.delivered", oracle.parcels()).await
    }

    /// Waits until the adapter has told of so many events of a name.
    pub async fn told(&self, name: &str, count: usize) -> Vec<Value> {
        eventually(&format!("{count} × {name} is told"), self.plan.patience, async || {
            let events = crate::feed::whole(&self.api, 500).await;
            let found = events.iter().filter(|e| crate::feed::name(e) == name).count();
            if found >= count { Ok(events) } else { Err(found) }
        })
        .await
    }

    /// What everybody has.
    pub async fn seen(&self) -> Seen {
        Seen::of(&self.suite, self.api.get("/v1/ledgers").await)
    }
}
