//! The workloads P1 to P10, and the peers: what is measured, against what, and when it is good enough.

use std::time::Duration;

use clap::ValueEnum;

use crate::{
    engine::Engine,
    failed::Failed,
    grown,
    measure::median,
    peers::{Peer, Peers},
    report::Outcome,
    run::{Ground, Load, Run},
    traffic,
};

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "UPPER")]
pub enum Workload {
    /// One operation an event, different dossiers, a partner that answers at once
    P1,
    /// P1 on SQLite, fed by HTTP
    P2,
    /// A partner that takes 20 ms, 64 and 512 in flight
    P3,
    /// Lives of several events each, a partner that takes 5 ms
    P4,
    /// P4 on a store with years in it, beside the same with hardly anything in it
    #[value(name = "P4-grown")]
    P4Grown,
    /// 500 events a second: from being stored to the answer's being recorded
    P5,
    /// What has waited for a partner goes out, beside the same without an outage
    P6,
    /// Callbacks about open payments, 1,000 a second
    P7,
    /// Memory: idle, and with events waiting
    P8,
    /// The start with events waiting
    P9,
    /// Several replicas beside one
    P10,
    /// Other programs for the same job, in the folder that --peers names
    Peers,
}

/// How much is measured.
#[derive(Debug, Clone)]
pub struct Size {
    /// Pairs of runs.
    pub pairs: usize,
    /// Events of a run.
    pub events: usize,
    /// Ended operations in the grown store.
    pub grown: usize,
    /// Events that wait in the store for an outage to end, or for a start.
    pub waiting: usize,
    /// Numbers of replicas to be measured beside one.
    pub replicas: Vec<usize>,
    /// Intake queues of the replicas.
    pub queues: usize,
    /// Other programs for the same job.
    pub peers: Option<Peers>,
}

impl Workload {
    /// Measures it.
    pub async fn measure(self, ground: &mut Ground, size: &Size) -> Result<Vec<Outcome>, Failed> {
        match self {
            Self::P1 => p1(ground, size).await,
            Self::P2 => p2(ground, size).await,
            Self::P3 => p3(ground, size).await,
            Self::P4 => p4(ground, size).await,
            Self::P4Grown => grown::measure(ground, size).await,
            Self::P5 => p5(ground, size).await,
            Self::P6 => p6(ground, size).await,
            Self::P7 => p7(ground, size).await,
            Self::P8 => p8(ground, size).await,
            Self::P9 => p9(ground, size).await,
            Self::P10 => p10(ground, size).await,
            Self::Peers => peers(ground, size).await,
        }
    }
}

/// Floor and engine, one after the other, again and again.
async fn pairs(ground: &mut Ground, load: &Load, pairs: usize) -> Result<(Vec<Run>, Vec<Run>), Failed> {
    let (mut floor, mut engine) = (Vec::new(), Vec::new());
    for _ in 0..pairs {
        floor.push(ground.floor(load).await?);
        engine.push(ground.engine(load).await?);
    }
    Ok((floor, engine))
}

async fn p1(ground: &mut Ground, size: &Size) -> Result<Vec<Outcome>, Failed> {
    let load = Load::of(traffic::submissions(0, size.events));
    let (floor, engine) = pairs(ground, &load, size.pairs).await?;
    let plain =
        Outcome::of_pairs("P1", "≥ 0.5 of the floor, CPU ≤ 2.5 × the floor's", &floor, &engine).at_least(0.5);
    let load = Load { tells: true, ..load };
    let (floor, engine) = pairs(ground, &load, size.pairs).await?;
    let told = Outcome::of_pairs("P1-told", "≥ 0.35 of a floor that publishes results too", &floor, &engine);
    Ok(vec![plain, told.at_least(0.35)])
}

async fn p2(ground: &mut Ground, size: &Size) -> Result<Vec<Outcome>, Failed> {
    let load = Load::of(traffic::submissions(0, size.events));
    let (mut floor, mut engine) = (Vec::new(), Vec::new());
    for _ in 0..size.pairs {
        floor.push(ground.embedded_floor(&load).await?);
        engine.push(ground.embedded_engine(&load).await?);
    }
    let outcome =
        Outcome::of_pairs("P2", "≥ 0.5 of a SQLite floor fed by the same HTTP intake", &floor, &engine);
    Ok(vec![outcome.at_least(0.5)])
}

async fn p3(ground: &mut Ground, size: &Size) -> Result<Vec<Outcome>, Failed> {
    let delay = Duration::from_millis(20);
    let load = Load { delay, ..Load::of(traffic::submissions(0, size.events)) };
    let (floor, engine) = pairs(ground, &load, size.pairs).await?;
    let narrow = Outcome::of_pairs("P3-64", "≥ 0.95 of the floor", &floor, &engine).at_least(0.95);
    let load = Load { in_flight: 512, ..load };
    let (floor, engine) = pairs(ground, &load, size.pairs).await?;
    let wide = Outcome::of_pairs("P3-512", "≥ 0.45 of the floor", &floor, &engine).at_least(0.45);
    Ok(vec![narrow, wide])
}

async fn p4(ground: &mut Ground, size: &Size) -> Result<Vec<Outcome>, Failed> {
    let dossiers = size.events / traffic::EVENTS_OF_A_LIFE;
    let load = Load {
        operations: dossiers * traffic::OPERATIONS_OF_A_LIFE,
        delay: Duration::from_millis(5),
        ..Load::of(traffic::lives(0, dossiers))
    };
    let (floor, engine) = pairs(ground, &load, size.pairs).await?;
    Ok(vec![Outcome::of_pairs("P4", "≥ 0.2 of the floor in events", &floor, &engine).at_least(0.2)])
}

async fn p5(ground: &mut Ground, size: &Size) -> Result<Vec<Outcome>, Failed> {
    let events = size.events.min(10_000);
    let load = Load { per_second: Some(500.0), ..Load::of(traffic::submissions(0, events)) };
    let (floor, engine) = pairs(ground, &load, size.pairs).await?;
    let mut at_once = Outcome::of_pairs("P5", "p50 ≤ 5 ms, p99 ≤ 25 ms", &floor, &engine);
    at_once.is_reached =
        at_once.p50_ms.is_some_and(|p| p <= 5.0) && at_once.p99_ms.is_some_and(|p| p <= 25.0);
    let load = Load { delay: Duration::from_millis(20), ..load };
    let (floor, engine) = pairs(ground, &load, size.pairs).await?;
    let mut slow = Outcome::of_pairs("P5-20ms", "p99 ≤ 20 ms over the partner's 20 ms", &floor, &engine);
    slow.is_reached = slow.p99_ms.is_some_and(|p| p <= 40.0);
    Ok(vec![at_once, slow])
}

async fn p6(ground: &mut Ground, size: &Size) -> Result<Vec<Outcome>, Failed> {
    let load = Load::of(traffic::submissions(0, size.waiting));
    let (mut steady, mut answering, mut back) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..size.pairs {
        steady.push(ground.engine(&load).await?);
        let (engine, setting, mut database) = ground.waiting(&load).await?;
        let before = engine.cost()?.cpu_seconds;
        let (since_first_answer, since_back) = ground.drained(&load, &mut database).await?;
        let cost = engine.stop().await?;
        let cpu_ms = (cost.cpu_seconds - before) * 1000.0 / load.events.len() as f64;
        let run = |per_second| Run { per_second, cpu_ms, peak_mib: cost.peak_mib, ..Run::default() };
        answering.push(run(since_first_answer));
        back.push(run(since_back));
        database.close().await;
        ground.drop_of(&setting).await?;
    }
    let goal = "from the first answer after an outage, ≥ 0.8 of the steady rate, 100,000 events";
    let drain = Outcome::of_pairs("P6", goal, &steady, &answering).at_least(0.8);
    let goal = "the same from when the partner was back, the trial included; no goal of its own";
    let since_back = Outcome::of_pairs("P6-back", goal, &steady, &back).at_least(0.8);
    Ok([drain, since_back].map(|outcome| Outcome { against: "steady rate", ..outcome }).into())
}

/// Callbacks a second.
const CALLBACKS: f64 = 1000.0;

async fn p7(ground: &mut Ground, size: &Size) -> Result<Vec<Outcome>, Failed> {
    let count = (size.events / 2).clamp(1000, 10_000);
    let (mut floor, mut engine) = (Vec::new(), Vec::new());
    for _ in 0..size.pairs {
        floor.push(ground.callbacks_floor(count, CALLBACKS).await?);
        engine.push(ground.callbacks_engine(count, CALLBACKS).await?);
    }
    let goal = "1,000 callbacks a second, p99 ≤ 20 ms over one commit's";
    let mut outcome = Outcome::of_pairs("P7", goal, &floor, &engine);
    let over = outcome.p99_ms.zip(outcome.floor_p99_ms).map(|(ours, floor)| ours - floor);
    outcome.is_reached = over.is_some_and(|ms| ms <= 20.0) && outcome.engine_per_s >= Some(0.98 * CALLBACKS);
    Ok(vec![outcome])
}

/// How long an engine is left alone before its memory is read.
const REST: Duration = Duration::from_secs(5);

async fn p8(ground: &mut Ground, size: &Size) -> Result<Vec<Outcome>, Failed> {
    let load = Load::of(traffic::submissions(0, size.waiting));
    let setting = ground.prepare(&load).await?;
    let (engine, _) = Engine::start(&setting).await?;
    tokio::time::sleep(REST).await;
    let mut idle = Outcome::single("P8-idle", "≤ 40 MiB");
    let resident = engine.resident_mib()?;
    (idle.peak_rss_mib, idle.is_reached) = (Some(resident), resident <= 40.0);
    engine.stop().await?;
    ground.drop_of(&setting).await?;
    let (engine, setting, database) = ground.waiting(&load).await?;
    tokio::time::sleep(REST).await;
    let mut waiting = Outcome::single("P8-waiting", "≤ 150 MiB with 1,000,000 events waiting");
    let peak = engine.stop().await?.peak_mib;
    (waiting.peak_rss_mib, waiting.is_reached) =
        (Some(peak), peak <= 150.0 && load.events.len() >= 1_000_000);
    database.close().await;
    ground.drop_of(&setting).await?;
    Ok(vec![idle, waiting])
}

async fn p9(ground: &mut Ground, size: &Size) -> Result<Vec<Outcome>, Failed> {
    let load = Load::of(traffic::submissions(0, size.waiting));
    let (engine, setting, database) = ground.waiting(&load).await?;
    engine.stop().await?;
    let mut times = Vec::new();
    for _ in 0..size.pairs {
        let (engine, took) = Engine::start(&setting).await?;
        times.push(took.as_secs_f64() * 1000.0);
        engine.stop().await?;
    }
    database.close().await;
    ground.drop_of(&setting).await?;
    let mut start = Outcome::single("P9", "ready within 1 s with 1,000,000 operations");
    let middle = median(&times);
    (start.pairs, start.p50_ms) = (times.len(), Some(middle));
    start.is_reached = middle <= 1000.0 && load.operations >= 1_000_000;
    Ok(vec![start])
}

async fn p10(ground: &mut Ground, size: &Size) -> Result<Vec<Outcome>, Failed> {
    let load = Load::of(traffic::submissions(0, size.events));
    let mut alone = Vec::new();
    let mut beside = vec![Vec::new(); size.replicas.len()];
    for _ in 0..size.pairs {
        alone.push(ground.engine(&load).await?);
        for (runs, replicas) in beside.iter_mut().zip(&size.replicas) {
            let queues = size.queues.min(*replicas);
            runs.push(ground.engine(&Load { replicas: *replicas, queues, ..load.clone() }).await?);
        }
    }
    let outcomes = beside.iter().zip(&size.replicas).map(|(runs, replicas)| {
        let queues =
            if size.queues > 1 { format!(", {} queues", size.queues.min(*replicas)) } else { String::new() };
        let outcome =
            Outcome::of_pairs(format!("P10, {replicas}{queues}"), "≥ 0.9 of one replica", &alone, runs);
        Outcome { against: "one replica", ..outcome }.at_least(0.9)
    });
    Ok(outcomes.collect())
}

async fn peers(ground: &mut Ground, size: &Size) -> Result<Vec<Outcome>, Failed> {
    let Some(peers) = &size.peers else { return Ok(Vec::new()) };
    let load = Load::of(traffic::submissions(0, size.events));
    let (mut engine, mut node, mut celery) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..size.pairs {
        engine.push(ground.engine(&load).await?);
        node.push(ground.peer(&load, peers, Peer::Node).await?);
        celery.push(ground.peer(&load, peers, Peer::Celery).await?);
    }
    let beside_node = Outcome::of_pairs("node", "≥ 3 × Node (aim: 5)", &node, &engine).at_least(3.0);
    let beside_celery =
        Outcome::of_pairs("celery", "≥ 15 × Celery (aim: 25)", &celery, &engine).at_least(15.0);
    Ok(vec![
        Outcome { against: "Node, one process", ..beside_node },
        Outcome { against: "Celery with gevent", ..beside_celery },
    ])
}
