//! A generated month for the index: how long a million dossiers take to be scored, in how much memory, and how fast facts
//! are made of whole dossiers. `cargo run --release -p lienthong-store-postgres --example index_month URL [FACTS [WHOLE]]`,
//! on an empty database. Prints; asserts nothing.

use std::{error::Error, io::Write, sync::Arc, time::Instant};

use lienthong_core::{
    clock::SystemClock,
    flow::{
        engine::{Engine, EngineSettings},
        index::{self, IndexSettings},
    },
    id::UnitCode,
    index::{
        catalogue::{Catalogue, Procedure, Service},
        facts::{Facts, flag},
        period::Period,
        tally::{AtPortal, FactRow, Scope},
    },
    operation::{OperationState, Payload},
    plan::rules::Rules,
    port::{
        index::IndexStore,
        store::{Store, decide},
        work::{Change, Loaded, Scope as Rows, VersionRecord},
    },
    testing::fixtures,
};
use lienthong_store_postgres::{Options, PostgresStore};

const MONTH: &str = "2026-10";
const UNITS: i64 = 124;
const PROCEDURES: i64 = 400;
const HOUR: i64 = 3600;

fn say(text: &str) -> std::io::Result<()> {
    writeln!(std::io::stdout(), "{text}")
}

/// The most memory that this process ever had, in MiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()).and_then(|n| n.parse::<u64>().ok());
    kib.unwrap_or(0) / 1024
}

/// A dossier of the month: most are well, some lack one thing or another.
fn fact(n: i64, first: i64) -> Option<FactRow> {
    let received = first + n * 2_592_000 / 1_000_000;
    let (is_late, is_open, is_online) = (n % 17 == 0, n % 9 == 0, n % 5 != 0);
    let due = received + 120 * HOUR;
    let mut flags = flag::FILE | flag::DIGITISED;
    if n % 3 != 0 {
        flags |= flag::VNEID;
    }
    if n % 7 != 0 && !is_open {
        flags |= flag::RESULT_LINK | flag::RESULT_WHOLE;
    }
    if n % 4 != 0 {
        flags |= flag::FEE_ROW;
    }
    if n % 2 == 0 {
        flags |= flag::PAID_ONLINE;
    }
    let mut known = Facts {
        procedure: format!("1.{:06}", n % PROCEDURES),
        received: Some(received),
        submitted: Some(received - HOUR),
        due: Some(due),
        channel: if is_online { 2 } else { 1 },
        flags,
        status: if is_open { 4 } else { 10 },
        officer: format!("Cán bộ {}", n % 3_000),
        ..Facts::default()
    };
    let mut steps = vec![(2, received), (4, received + HOUR), (4, received + 20 * HOUR)];
    if n % 11 == 0 {
        steps.extend([(5, received + 30 * HOUR), (4, received + 50 * HOUR)]);
    }
    if !is_open {
        let end = if is_late { due + 5 * HOUR } else { due - 5 * HOUR };
        steps.extend([(9, end), (10, end + HOUR)]);
        (known.finished, known.returned) = (Some(end), Some(end + HOUR));
    }
    known.keep_steps(&steps);
    let portal = match n % 100 {
        0 => AtPortal::Nothing,
        1 => AtPortal::Older(Box::new(Facts { status: 4, ..known.clone() })),
        _ => AtPortal::Same,
    };
    Some(FactRow {
        dossier: n,
        code: format!("000.00.{:02}.H99-2610{:02}-{n:07}", n % UNITS % 99, n % 28 + 1),
        unit: Some(UnitCode::parse(&format!("000.{:02}.{:02}.H99", n % UNITS / 99, n % UNITS % 99)).ok()?),
        anchor: Some(received),
        known,
        portal,
    })
}

fn catalogue() -> Result<Catalogue, Box<dyn Error>> {
    let procedure = |n: i64| Procedure {
        code: format!("1.{n:06}"),
        local: Vec::new(),
        name: String::new(),
        has_fee: n % 3 != 0,
        has_result: n % 5 != 0,
        is_for_citizens: n % 2 == 0,
        is_described: true,
        limit: None,
        services: vec![Service { code: format!("1.{n:06}.1") }],
        units: Vec::new(),
    };
    Catalogue::new((0..PROCEDURES + 50).map(procedure).collect()).map_err(|twice| format!("{twice:?}").into())
}

/// Whole dossiers with versions, lanes and operations, as admission and settlement leave them.
async fn whole(store: &dyn Store, count: u32) -> Result<(), Box<dyn Error>> {
    let mut from = 1;
    while from <= count {
        let until = (from + 200).min(count + 1);
        decide(store, Rows::default(), move |work| {
            for n in from..until {
                let code = fixtures::nth_code(n);
                let dossier = fixtures::dossier(work.id(), &code);
                let state = serde_json::to_string(&*dossier.state).unwrap_or_default();
                let version =
                    VersionRecord { dossier: dossier.row, version: 1, state: state.into(), event: 0 };
                work.new_versions.push(version);
                work.dossiers.insert(code.clone(), Loaded::fresh(dossier.clone()));
                let mut lane = fixtures::lane(work.id(), "dvcqg", code.as_str());
                lane.acknowledged = true;
                for place in 0..5 {
                    let mut operation = fixtures::operation(work.id(), &lane, place);
                    (operation.dossier, operation.version) = (Some(dossier.row), Some(1));
                    if place > 0 {
                        let steps = vec![fixtures::step("Đang xử lý")];
                        operation.payload = Arc::new(Payload::AppendProgress { steps });
                    }
                    (operation.state, operation.ended_at) = (OperationState::Succeeded, Some(work.now));
                    lane.next_position += 1;
                    work.touched.insert(operation.id, Change::Insert);
                    lane.open.push(operation);
                }
                work.lanes.insert((lane.key.clone(), lane.connector.clone()), Loaded::fresh(lane));
            }
        })
        .await?;
        from = until;
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().ok_or("the address of an empty database")?;
    let count: i64 = arguments.next().map_or(Ok(1_000_000), |n| n.parse())?;
    let whole_count: u32 = arguments.next().map_or(Ok(0), |n| n.parse())?;
    let store = PostgresStore::connect(Options::new(url)).await?;
    store.migrate().await?;
    let period: Period = MONTH.parse()?;
    let first = period.bounds().0.as_second();
    let catalogue = Arc::new(catalogue()?);
    let index = IndexSettings { catalogue, ..IndexSettings::default() };
    let settings = EngineSettings { index, ..EngineSettings::default() };
    let shared: Arc<dyn Store> = Arc::new(store.clone());
    let engine =
        Engine::new(Arc::clone(&shared), Rules::default(), Vec::new(), Arc::new(SystemClock), settings);
    if whole_count > 0 {
        whole(&*shared, whole_count).await?;
        let began = Instant::now();
        index::refresh(&engine).await?;
        say(&format!("facts of {whole_count} whole dossiers: {:.1} s", began.elapsed().as_secs_f64()))?;
        let began = Instant::now();
        index::refresh(&engine).await?;
        say(&format!("the same once more, nothing changed: {:.1} s", began.elapsed().as_secs_f64()))?;
    }
    let began = Instant::now();
    // Numbers that no dossier of the other part has.
    let far = 1_000_000_000;
    let mut n = 0;
    while n < count {
        let rows = (n..(n + 5_000).min(count)).filter_map(|n| fact(n, first));
        let rows: Vec<FactRow> = rows.map(|row| FactRow { dossier: row.dossier + far, ..row }).collect();
        store.keep_index_facts(&rows).await?;
        n += 5_000;
    }
    say(&format!("{count} rows of facts written: {:.1} s", began.elapsed().as_secs_f64()))?;
    let before = peak();
    for round in 1..=3 {
        let began = Instant::now();
        let answered = index::score(&engine, period, Scope::default()).await?;
        let report = &answered.report;
        let (points, of) = report.at_portal.total();
        say(&format!(
            "round {round}: {} dossiers scored in {:.2} s: {}.{:02} of {of}, {} kinds of repair, {} units; peak {} MiB \
             (before: {before} MiB)",
            report.received_here,
            began.elapsed().as_secs_f64(),
            points / 100,
            points % 100,
            report.repairs.len(),
            report.units.len(),
            peak()
        ))?;
    }
    store.close().await;
    Ok(())
}
