//! P4-grown: the traffic of P4, a third of it about dossiers that were there before, on a store with hardly anything in it and
//! on one with years in it, alternately. What a store has in it is made of rows that the engine itself has written: two lives
//! go through it, one whole and one that has begun, and their rows are multiplied by SQL over 24 months.

use std::time::Duration;

use crate::{
    engine::{Engine, Setting},
    failed::Failed,
    report::Outcome,
    run::{Ground, Load, PATIENCE, Run, around, each, run_of},
    store::Database,
    traffic,
    workload::Size,
};

/// The two lives that are multiplied: numbers that no other dossier has.
const WHOLE: usize = 9_999_986;
const BEGUN: usize = 9_999_987;
/// How many events of the second one there are; the traffic goes on behind them.
const BEGUN_EVENTS: usize = 3;
/// What a whole life and one that has begun have ended.
const OPERATIONS_OF_A_BEGINNING: usize = 5;
/// New dossiers of the traffic are numbered from here.
const NEW: usize = 2_000_000;
/// Dossiers whose rows lie between each other's, as those of two weeks do.
const BLOCK: usize = 20_000;

const BEFORE: &str = include_str!("grown/before.sql");
const BLOCK_OF_ROWS: &str = include_str!("grown/block.sql");
const AFTER: &str = include_str!("grown/after.sql");

/// A store and what the next run finds in it.
struct Grown {
    setting: Setting,
    /// The next dossiers that have begun, and the next new ones.
    begun: usize,
    new: usize,
}

/// Measures it.
pub async fn measure(ground: &mut Ground, size: &Size) -> Result<Vec<Outcome>, Failed> {
    let each_run = size.events / (traffic::EVENTS_OF_A_LIFE * 2 - BEGUN_EVENTS);
    let begun = each_run * size.pairs;
    let mut small = grow(ground, 0, begun).await?;
    let mut large = grow(ground, size.grown / traffic::OPERATIONS_OF_A_LIFE, begun).await?;
    let (mut on_small, mut on_large) = (Vec::new(), Vec::new());
    for pair in 0..size.pairs {
        // Whoever comes second finds a warmer machine: by turns.
        if pair % 2 == 0 {
            on_small.push(small.run(ground, each_run).await?);
            on_large.push(large.run(ground, each_run).await?);
        } else {
            on_large.push(large.run(ground, each_run).await?);
            on_small.push(small.run(ground, each_run).await?);
        }
    }
    ground.drop_of(&small.setting).await?;
    ground.drop_of(&large.setting).await?;
    let outcome = Outcome::of_pairs(
        "P4-grown",
        "≥ 0.9 of the same on a store with hardly anything in it",
        &on_small,
        &on_large,
    );
    Ok(vec![Outcome { against: "small", ..outcome }.at_least(0.9)])
}

/// The traffic: dossiers that have begun go on to their end, between whole new lives.
fn load_of(begun: usize, new: usize, dossiers: usize) -> Load {
    let mut events = Vec::new();
    for (old, fresh) in
        traffic::lives(begun, dossiers).chunks(AT_ONCE).zip(traffic::lives(new, dossiers).chunks(AT_ONCE))
    {
        let goes_on = |event: &&traffic::Event| {
            let place = event.id.rsplit_once('-').and_then(|(_, place)| place.parse().ok());
            place.is_some_and(|place: usize| place > BEGUN_EVENTS)
        };
        events.extend(old.iter().filter(goes_on).cloned());
        events.extend_from_slice(fresh);
    }
    let operations = dossiers * (traffic::OPERATIONS_OF_A_LIFE * 2 - OPERATIONS_OF_A_BEGINNING);
    Load { operations, delay: Duration::from_millis(5), ..Load::of(events) }
}

/// As many events as one block of interleaved lives has.
const AT_ONCE: usize = 40 * traffic::EVENTS_OF_A_LIFE;

/// A store in which so many dossiers have ended and so many have begun.
#[expect(clippy::print_stderr, reason = "it takes minutes")]
async fn grow(ground: &mut Ground, whole: usize, begun: usize) -> Result<Grown, Failed> {
    let lives = [traffic::lives(WHOLE, 1), traffic::lives(BEGUN, 1)[..BEGUN_EVENTS].to_vec()].concat();
    let operations = traffic::OPERATIONS_OF_A_LIFE + OPERATIONS_OF_A_BEGINNING;
    // Slowly, so that no state stands in for another.
    let load = Load { operations, per_second: Some(20.0), ..Load::of(lives) };
    let setting = ground.prepare(&load).await?;
    let mut database = Database::connect(&ground.database_of(&setting)).await?;
    ground.set_out(&load);
    let (engine, _) = Engine::start(&setting).await?;
    ground.broker.publish(&setting.exchange(), &load.events, load.per_second).await?;
    let ended = i64::try_from(operations).unwrap_or(i64::MAX);
    database.reach(crate::store::ENGINE_FINISHED, ended, PATIENCE).await?;
    engine.stop().await?;
    // The facts of the index too, which a timer makes: else making them for the whole store would be measured.
    database.run(FACTS_ARE_DUE.to_owned()).await?;
    let (engine, _) = Engine::start(&setting).await?;
    database.reach(FACTS, 2, PATIENCE).await?;
    engine.stop().await?;
    let began = tokio::time::Instant::now();
    database.run(BEFORE.to_owned()).await?;
    for (template, from, to) in [(WHOLE, 0, whole), (BEGUN, whole, whole + begun)] {
        for block in (from..to).step_by(BLOCK) {
            let until = (block + BLOCK).min(to);
            // What retention leaves of old dossiers: no earlier versions, no out-events, no keys.
            let share = |of_hundred: usize| block * 100 >= (whole + begun) * of_hundred;
            let statements = BLOCK_OF_ROWS
                .replace("{code}", &traffic::code(template))
                .replace("{from}", &block.to_string())
                .replace("{to}", &until.to_string())
                .replace("{all}", &(whole + begun).to_string())
                .replace("{has_keys}", &share(45).to_string())
                .replace("{has_versions}", &share(50).to_string())
                .replace("{has_told}", &share(87).to_string());
            database.run(statements).await?;
        }
    }
    database.run(AFTER.to_owned()).await?;
    database.run("vacuum (analyze)".to_owned()).await?;
    let size = database.number("select pg_database_size(current_database()) / 1048576").await?;
    let rows = database.number("select count(*) from operations").await?;
    eprintln!(
        "a store with {rows} operations of {} dossiers: {size} MiB, {:.0?}",
        whole + begun,
        began.elapsed()
    );
    database.close().await;
    Ok(Grown { setting, begun: whole, new: NEW })
}

impl Grown {
    /// One run of the engine.
    async fn run(&mut self, ground: &mut Ground, dossiers: usize) -> Result<Run, Failed> {
        let load = load_of(self.begun, self.new, dossiers);
        (self.begun, self.new) = (self.begun + dossiers, self.new + dossiers);
        let mut database = Database::connect(&ground.database_of(&self.setting)).await?;
        database.run("checkpoint".to_owned()).await?;
        let since = database.number(NOW).await?;
        ground.set_out(&load);
        ground.broker.publish(&self.setting.exchange(), &load.events, None).await?;
        let before = around()?;
        let (engine, _) = Engine::start(&self.setting).await?;
        let operations = i64::try_from(load.operations).unwrap_or(i64::MAX);
        let began = tokio::time::Instant::now();
        let span = loop {
            let span = database.span_since(SPAN, since).await?;
            if span.finished >= operations {
                break span;
            }
            if began.elapsed() > PATIENCE {
                return Err(Failed::new(format!("{} of {operations} finished", span.finished)));
            }
            tokio::time::sleep(Duration::from_millis(150)).await;
        };
        let after = around()?;
        let cost = engine.stop().await?;
        let latency = database.latency_since(LATENCY, since).await?;
        database.close().await;
        ground.all_asked(&load)?;
        let mut run = run_of(&load, span.seconds, cost.cpu_seconds, cost.peak_mib, latency);
        run.around_ms = each(&load, before, after);
        Ok(run)
    }
}

const FACTS_ARE_DUE: &str = "update timers set next_at = 0 where name = 'index'";
const FACTS: &str = "select count(*) from index_facts where at_portal > 0";
const NOW: &str = "select (extract(epoch from clock_timestamp()) * 1000000)::bigint";
const SPAN: &str = "select count(*) as finished,
        coalesce((max(ended_at) - (select min(received_at) from events where received_at >= $1)) / 1e6, 0)::float8 as seconds
    from operations where ended_at >= $1";
const LATENCY: &str = "select
        coalesce(percentile_cont(0.5) within group (order by o.ended_at - e.received_at), 0)::float8 / 1000 as p50,
        coalesce(percentile_cont(0.99) within group (order by o.ended_at - e.received_at), 0)::float8 / 1000 as p99
    from operations o join events e on e.id = o.event where o.ended_at >= $1";
