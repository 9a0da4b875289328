//! The workloads P1 to P10: what is measured, against what, and when it is good enough.

use std::time::Duration;

use clap::ValueEnum;

use crate::{
    engine::Engine,
    failed::Failed,
    grown,
    measure::median,
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
    /// Memory: idle, and with five times the events waiting
    P8,
    /// The start with five times the events waiting
    P9,
    /// Two replicas beside one
    P10,
}

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Pairs of runs.
    pub pairs: usize,
    /// Events of a run.
    pub events: usize,
    /// Ended operations in the grown store.
    pub grown: usize,
}

impl Workload {
    /// Measures it.
    pub async fn measure(self, ground: &mut Ground, size: Size) -> Result<Vec<Outcome>, Failed> {
        match self {
            Self::P1 => p1(ground, size).await,
            Self::P2 => p2(ground, size).await,
            Self::P3 => p3(ground, size).await,
            Self::P4 => p4(ground, size).await,
            Self::P4Grown => grown::measure(ground, size).await,
            Self::P5 => p5(ground, size).await,
            Self::P6 => p6(ground, size).await,
            Self::P8 => p8(ground, size).await,
            Self::P9 => p9(ground, size).await,
            Self::P10 => p10(ground, size).await,
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

async fn p1(ground: &mut Ground, size: Size) -> Result<Vec<Outcome>, Failed> {
    let load = Load::of(traffic::submissions(0, size.events));
    let (floor, engine) = pairs(ground, &load, size.pairs).await?;
    let plain =
        Outcome::of_pairs("P1", "≥ 0.5 of the floor, CPU ≤ 2.5 × the floor's", &floor, &engine).at_least(0.5);
    let load = Load { tells: true, ..load };
    let (floor, engine) = pairs(ground, &load, size.pairs).await?;
    let told = Outcome::of_pairs("P1-told", "≥ 0.35 of a floor that publishes results too", &floor, &engine);
    Ok(vec![plain, told.at_least(0.35)])
}

async fn p2(ground: &mut Ground, size: Size) -> Result<Vec<Outcome>, Failed> {
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

async fn p3(ground: &mut Ground, size: Size) -> Result<Vec<Outcome>, Failed> {
    let delay = Duration::from_millis(20);
    let load = Load { delay, ..Load::of(traffic::submissions(0, size.events)) };
    let (floor, engine) = pairs(ground, &load, size.pairs).await?;
    let narrow = Outcome::of_pairs("P3-64", "≥ 0.95 of the floor", &floor, &engine).at_least(0.95);
    let load = Load { in_flight: 512, ..load };
    let (floor, engine) = pairs(ground, &load, size.pairs).await?;
    let wide = Outcome::of_pairs("P3-512", "≥ 0.45 of the floor", &floor, &engine).at_least(0.45);
    Ok(vec![narrow, wide])
}

async fn p4(ground: &mut Ground, size: Size) -> Result<Vec<Outcome>, Failed> {
    let dossiers = size.events / traffic::EVENTS_OF_A_LIFE;
    let load = Load {
        operations: dossiers * traffic::OPERATIONS_OF_A_LIFE,
        delay: Duration::from_millis(5),
        ..Load::of(traffic::lives(0, dossiers))
    };
    let (floor, engine) = pairs(ground, &load, size.pairs).await?;
    Ok(vec![Outcome::of_pairs("P4", "≥ 0.2 of the floor in events", &floor, &engine).at_least(0.2)])
}

async fn p5(ground: &mut Ground, size: Size) -> Result<Vec<Outcome>, Failed> {
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

async fn p6(ground: &mut Ground, size: Size) -> Result<Vec<Outcome>, Failed> {
    let load = Load::of(traffic::submissions(0, size.events));
    let (mut steady, mut drained) = (Vec::new(), Vec::new());
    for _ in 0..size.pairs {
        steady.push(ground.engine(&load).await?);
        let (engine, setting, mut database) = ground.waiting(&load).await?;
        let before = engine.cost()?.cpu_seconds;
        let per_second = ground.drained(&load, &mut database).await?;
        let cost = engine.stop().await?;
        let cpu_ms = (cost.cpu_seconds - before) * 1000.0 / load.events.len() as f64;
        drained.push(Run { per_second, cpu_ms, peak_mib: cost.peak_mib, ..Run::default() });
        database.close().await;
        ground.drop_of(&setting).await?;
    }
    let outcome = Outcome::of_pairs("P6", "≥ 0.8 of the steady rate", &steady, &drained).at_least(0.8);
    Ok(vec![Outcome { against: "steady", ..outcome }])
}

/// How long an engine is left alone before its memory is read.
const REST: Duration = Duration::from_secs(5);

async fn p8(ground: &mut Ground, size: Size) -> Result<Vec<Outcome>, Failed> {
    let load = Load::of(traffic::submissions(0, size.events * 5));
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

async fn p9(ground: &mut Ground, size: Size) -> Result<Vec<Outcome>, Failed> {
    let load = Load::of(traffic::submissions(0, size.events * 5));
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

async fn p10(ground: &mut Ground, size: Size) -> Result<Vec<Outcome>, Failed> {
    let load = Load::of(traffic::submissions(0, size.events));
    let two = Load { replicas: 2, ..load.clone() };
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    for _ in 0..size.pairs {
        alone.push(ground.engine(&load).await?);
        beside.push(ground.engine(&two).await?);
    }
    let outcome = Outcome::of_pairs("P10", "two replicas ≥ 0.9 of one", &alone, &beside);
    Ok(vec![Outcome { against: "one replica", ..outcome }.at_least(0.9)])
}
