//! One run of the floor or of the engine: a fresh database, a full queue, from the first event stored to the last result.

use std::{process::Stdio, time::Duration};

use serde::Serialize;
use tokio::process::{Child, Command};

use crate::{
    broker::Broker,
    embedded::Embedded,
    engine::{self, Engine, Setting},
    failed::{Failed, at},
    feed,
    floor::{self, Floor},
    measure,
    partner::Partner,
    servers::Servers,
    store::{self, Database, Latency},
    traffic::Event,
};

/// How long a run may take.
pub(crate) const PATIENCE: Duration = Duration::from_mins(10);

/// What there is to do.
#[derive(Debug, Clone)]
pub struct Load {
    /// The events.
    pub events: Vec<Event>,
    /// How many operations they plan.
    pub operations: usize,
    /// How long the partner takes.
    pub delay: Duration,
    /// Operations with it at once.
    pub in_flight: usize,
    /// Whether results are published.
    pub tells: bool,
    /// Events a second, published while the run lasts; none: all wait in the queue when it begins.
    pub per_second: Option<f64>,
    /// Processes of the engine.
    pub replicas: usize,
    /// Intake queues, each with its share of the units.
    pub queues: usize,
}

impl Load {
    /// Events of one operation each, waiting in the queue, for a partner that answers at once.
    pub fn of(events: Vec<Event>) -> Self {
        let operations = events.len();
        let (delay, in_flight) = (Duration::ZERO, 64);
        Self { events, operations, delay, in_flight, tells: false, per_second: None, replicas: 1, queues: 1 }
    }
}

/// What a run came to.
#[derive(Debug, Clone, Copy, Default)]
pub struct Run {
    /// Events a second.
    pub per_second: f64,
    /// Processor time of the process, for each event, milliseconds.
    pub cpu_ms: f64,
    /// The same of PostgreSQL, RabbitMQ and the partner (with this program).
    pub around_ms: [f64; 3],
    /// The most memory it had, MiB.
    pub peak_mib: f64,
    /// From being stored to the answer's being recorded.
    pub latency: Latency,
}

/// Where runs happen.
pub struct Ground {
    /// The servers.
    pub servers: Servers,
    /// The partner.
    pub partner: Partner,
    /// A connection that makes databases.
    pub admin: Database,
    /// A connection that fills queues.
    pub broker: Broker,
    runs: usize,
}

/// Processor times so far: of PostgreSQL, RabbitMQ and this program.
pub(crate) fn around() -> Result<[f64; 3], Failed> {
    let own = measure::cpu_seconds(std::process::id())?;
    Ok([measure::cpu_seconds_of_all("postgres"), measure::cpu_seconds_of_all("beam.smp"), own])
}

impl Ground {
    /// Connects to everything.
    pub async fn open(servers: Servers) -> Result<Self, Failed> {
        let admin = Database::connect(&servers.postgres).await?;
        let broker = Broker::connect(&servers.rabbitmq).await?;
        Ok(Self { servers, partner: Partner::start().await?, admin, broker, runs: 0 })
    }

    /// A name that no other run has.
    pub fn name(&mut self, of: &str) -> String {
        self.runs += 1;
        format!("{of}_{}_{}", std::process::id(), self.runs)
    }

    /// The partner's address.
    pub fn portal(&self) -> String {
        format!("http://{}", self.partner.address)
    }

    /// A run of the floor.
    pub async fn floor(&mut self, load: &Load) -> Result<Run, Failed> {
        let name = self.name("floor");
        self.admin.create(&name, "template0").await?;
        let mut database = Database::connect(&self.servers.database(&name)).await?;
        database.run(floor::TABLE.to_owned()).await?;
        self.broker.declare(&name).await?;
        let told = format!("{name}.told");
        if load.tells {
            self.broker.declare(&told).await?;
        }
        let floor = Floor {
            rabbitmq: self.servers.rabbitmq.clone(),
            queue: name.clone(),
            store: self.servers.database(&name),
            partner: self.portal(),
            events: load.events.len(),
            in_flight: load.in_flight,
            tell: load.tells.then(|| told.clone()),
        };
        self.set_out(load);
        if load.per_second.is_none() {
            self.broker.publish(&name, &load.events, None).await?;
        }
        let before = around()?;
        let mut process = start_floor("--floor", &floor)?;
        if let Some(rate) = load.per_second {
            self.broker.publish(&name, &load.events, Some(rate)).await?;
        }
        let (cpu, peak) = watch(&mut process).await?;
        let after = around()?;
        let question = if load.tells { store::FLOOR_SINCE_THE_FIRST } else { store::FLOOR_SPAN };
        let span = database.span(question).await?;
        let latency = database.floor_latency().await?;
        database.close().await;
        self.admin.drop(&name).await?;
        let mut run = run_of(load, span.seconds, cpu, peak, latency);
        run.around_ms = each(load, before, after);
        Ok(run)
    }

    /// A run of the engine.
    pub async fn engine(&mut self, load: &Load) -> Result<Run, Failed> {
        let setting = self.prepare(load).await?;
        let mut database = Database::connect(&self.database_of(&setting)).await?;
        let done = database.number(store::ENGINE_FINISHED).await?;
        self.set_out(load);
        if load.per_second.is_none() {
            self.broker.publish(&setting.exchange(), &load.events, None).await?;
        }
        let before = around()?;
        let (engine, _) = Engine::start(&setting).await?;
        let mut replicas = Vec::new();
        for number in 1..load.replicas {
            let queue = (number % load.queues, load.queues);
            replicas.push(Engine::start(&Setting { queue, ..setting.clone() }).await?.0);
        }
        if let Some(rate) = load.per_second {
            self.broker.publish(&setting.exchange(), &load.events, Some(rate)).await?;
        }
        let operations = i64::try_from(load.operations).unwrap_or(i64::MAX);
        database.reach(store::ENGINE_FINISHED, done + operations, PATIENCE).await?;
        let mut span = database.span(store::ENGINE_SPAN).await?;
        if load.tells {
            span.seconds = self.all_told(&setting, load, &mut database).await?;
        }
        let after = around()?;
        let mut cost = engine.stop().await?;
        for replica in replicas {
            let more = replica.stop().await?;
            cost.cpu_seconds += more.cpu_seconds;
            cost.peak_mib += more.peak_mib;
        }
        let latency = database.engine_latency().await?;
        database.close().await;
        self.drop_of(&setting).await?;
        self.all_asked(load)?;
        let mut run = run_of(load, span.seconds, cost.cpu_seconds, cost.peak_mib, latency);
        run.around_ms = each(load, before, after);
        Ok(run)
    }

    /// Whether the partner was told of everything: ended is not yet carried out. Where states stand in for older ones it is
    /// told of fewer.
    pub(crate) fn all_asked(&self, load: &Load) -> Result<(), Failed> {
        let (effects, wanted) = (self.partner.effects(), load.events.len() as u64);
        if effects >= wanted {
            return Ok(());
        }
        Err(Failed::new(format!("the partner was told {effects} times, of {wanted} events")))
    }

    /// A run of the floor without servers.
    pub async fn embedded_floor(&mut self, load: &Load) -> Result<Run, Failed> {
        let folder = tempfile::tempdir().map_err(at("a folder for the floor"))?;
        let port = engine::free_port().await?;
        let file = folder.path().join("floor.sqlite");
        let (events, in_flight, partner) = (load.events.len(), load.in_flight, self.portal());
        let embedded = Embedded { file: file.clone(), port, partner, events, in_flight };
        self.set_out(load);
        let before = around()?;
        let mut process = start_floor("--embedded", &embedded)?;
        let address = format!("127.0.0.1:{port}");
        while !engine::is_ready(&address).await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        feed::send(&format!("http://{address}"), None, &load.events).await?;
        let (cpu, peak) = watch(&mut process).await?;
        let span = store::embedded_span(&file, store::EMBEDDED_FLOOR_SPAN).await?;
        let mut run = run_of(load, span.seconds, cpu, peak, Latency::default());
        run.around_ms = each(load, before, around()?);
        Ok(run)
    }

    /// A run of the engine on SQLite, fed by HTTP.
    pub async fn embedded_engine(&mut self, load: &Load) -> Result<Run, Failed> {
        let setting = Setting {
            store: None,
            rabbitmq: None,
            name: self.name("embedded"),
            partner: self.portal(),
            in_flight: load.in_flight,
            tells: false,
            has_payments: false,
            queue: (0, 1),
        };
        self.set_out(load);
        let before = around()?;
        let (engine, _) = Engine::start(&setting).await?;
        let token = engine.token().await?;
        feed::send(&engine.base, Some(&token), &load.events).await?;
        let began = tokio::time::Instant::now();
        let span = loop {
            let span = store::embedded_span(&engine.file(), store::EMBEDDED_ENGINE_SPAN).await?;
            if span.finished as usize >= load.operations {
                break span;
            }
            if began.elapsed() > PATIENCE {
                return Err(Failed::new(format!("{} of {} finished", span.finished, load.operations)));
            }
            tokio::time::sleep(Duration::from_millis(150)).await;
        };
        let after = around()?;
        let cost = engine.stop().await?;
        self.all_asked(load)?;
        let mut run = run_of(load, span.seconds, cost.cpu_seconds, cost.peak_mib, Latency::default());
        run.around_ms = each(load, before, after);
        Ok(run)
    }

    /// An engine that has stored all events while the partner is away.
    pub async fn waiting(&mut self, load: &Load) -> Result<(Engine, Setting, Database), Failed> {
        let setting = self.prepare(load).await?;
        let mut database = Database::connect(&self.database_of(&setting)).await?;
        self.set_out(load);
        self.partner.set_down(true);
        let (engine, _) = Engine::start(&setting).await?;
        self.broker.publish(&setting.exchange(), &load.events, None).await?;
        let events = i64::try_from(load.events.len()).unwrap_or(i64::MAX);
        database.reach(store::ENGINE_STORED, events, PATIENCE).await?;
        Ok((engine, setting, database))
    }

    /// How fast what has waited goes out once the partner is back, in events a second: from its first answer, and from the
    /// moment when it was back and nobody had tried it yet.
    pub async fn drained(&mut self, load: &Load, database: &mut Database) -> Result<(f64, f64), Failed> {
        let back = database.number(store::NOW).await?;
        self.partner.set_down(false);
        let operations = i64::try_from(load.operations).unwrap_or(i64::MAX);
        database.reach(store::ENGINE_FINISHED, operations, PATIENCE).await?;
        let (span, last) =
            (database.span(store::ENGINE_DRAINED).await?, database.number(store::LAST_DONE).await?);
        let events = load.events.len() as f64;
        Ok((events / span.seconds, events * 1e6 / (last - back) as f64))
    }

    /// A database with the tables and a queue with the bindings that the engine makes.
    pub async fn prepare(&mut self, load: &Load) -> Result<Setting, Failed> {
        let name = self.name("engine");
        self.admin.create(&name, "template0").await?;
        let setting = Setting {
            store: Some(self.servers.database(&name)),
            rabbitmq: Some(self.servers.rabbitmq.clone()),
            name,
            partner: self.portal(),
            in_flight: load.in_flight,
            tells: load.tells,
            has_payments: false,
            queue: (0, load.queues),
        };
        if load.tells {
            self.broker.declare(&setting.told()).await?;
        }
        for place in 0..load.queues {
            let queue = (place, load.queues);
            Engine::start(&Setting { queue, ..setting.clone() }).await?.0.stop().await?;
        }
        Ok(setting)
    }

    /// The address of a setting's database.
    pub fn database_of(&self, setting: &Setting) -> String {
        self.servers.database(&setting.name)
    }

    /// Drops a setting's database.
    pub async fn drop_of(&mut self, setting: &Setting) -> Result<(), Failed> {
        self.admin.drop(&setting.name).await
    }

    pub(crate) fn set_out(&self, load: &Load) {
        self.partner.reset();
        self.partner.set_delay(load.delay);
        self.partner.set_down(false);
    }

    /// Waits until every result has been published; the seconds since the first event was stored.
    async fn all_told(&self, setting: &Setting, load: &Load, database: &mut Database) -> Result<f64, Failed> {
        let began = tokio::time::Instant::now();
        while (self.broker.waiting(&setting.told()).await? as usize) < load.operations {
            if began.elapsed() > PATIENCE {
                return Err(Failed::new("not every result was published"));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        database.span(store::SINCE_THE_FIRST).await.map(|span| span.seconds)
    }
}

/// The floor runs as a process of its own, of this very program.
pub(crate) fn start_floor(flag: &str, task: &impl Serialize) -> Result<Child, Failed> {
    let task = serde_json::to_string(task).map_err(at("the floor's task"))?;
    let program = std::env::current_exe().map_err(at("the program's own path"))?;
    Command::new(program)
        .args(["bench", flag, &task])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(at("starting the floor"))
}

/// Watches a process to its end: its processor time in seconds, and the most memory it had, MiB. Its times go with it, so
/// they are read again and again.
async fn watch(process: &mut Child) -> Result<(f64, f64), Failed> {
    let pid = process.id().ok_or_else(|| Failed::new("the floor ended at once"))?;
    let (mut cpu, mut peak) = (0.0, 0.0);
    let status = loop {
        if let (Ok(seconds), Ok(mib)) = (measure::cpu_seconds(pid), measure::peak_mib(pid)) {
            (cpu, peak) = (seconds, mib);
        }
        if let Ok(status) = tokio::time::timeout(Duration::from_millis(20), process.wait()).await {
            break status.map_err(at("the floor"))?;
        }
    };
    if status.success() { Ok((cpu, peak)) } else { Err(Failed::new(format!("the floor failed: {status}"))) }
}

pub(crate) fn run_of(load: &Load, seconds: f64, cpu_seconds: f64, peak_mib: f64, latency: Latency) -> Run {
    let events = load.events.len() as f64;
    let (per_second, cpu_ms) = (events / seconds, cpu_seconds * 1000.0 / events);
    Run { per_second, cpu_ms, around_ms: [0.0; 3], peak_mib, latency }
}

pub(crate) fn each(load: &Load, before: [f64; 3], after: [f64; 3]) -> [f64; 3] {
    of_each(load.events.len(), before, after)
}

pub(crate) fn of_each(count: usize, before: [f64; 3], after: [f64; 3]) -> [f64; 3] {
    let events = count as f64;
    [0, 1, 2].map(|at_place: usize| {
        let of = |times: [f64; 3]| times.get(at_place).copied().unwrap_or(0.0);
        (of(after) - of(before)) * 1000.0 / events
    })
}
