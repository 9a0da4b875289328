//! A generated night of the reconciliation: how long a million stored expectations take to be compared with a million
//! stored answers, in how much memory. `cargo run --release -p lienthong-store-postgres --example reconcile_million URL
//! [COUNT]`, on an empty database. Prints; asserts nothing.

use std::{error::Error, io::Write, time::Instant};

use jiff::{SignedDuration, Timestamp};
use lienthong_core::{
    flow::statuses,
    id::{ConnectorId, DossierCode},
    port::{
        store::{Store, decide},
        work::{Loaded, Scope},
    },
    reconciliation::{Answer, Expectation, Ours, Stamp},
};
use lienthong_store_postgres::{Options, PostgresStore};

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

/// A dossier that was asked about tonight: most are well, some are missing, behind or ahead there, some got no answer.
fn asked(connector: &ConnectorId, n: i64, at: Timestamp) -> Option<Expectation> {
    let key =
        DossierCode::parse(&format!("000.00.{:02}.H99-26{:02}01-{n:07}", n % 90 + 1, n % 12 + 1)).ok()?;
    let known = |status| Some(Answer { is_known: true, status: Some(status), others: Vec::new() });
    let (answer, absent_since) = match n % 1000 {
        0 => (Some(Answer::default()), at.checked_sub(SignedDuration::from_mins(5)).ok()),
        1 | 2 => (known(2), None),
        3 => (known(10), None),
        4 => (None, None),
        _ => (known(4), None),
    };
    Some(Expectation {
        connector: connector.clone(),
        asked_as: key.clone(),
        key,
        dossier: n,
        unit: None,
        ours: Ours {
            is_acknowledged: true,
            is_born_there: false,
            status: Some(4),
            told: vec![2, 4],
            version: Some(n % 8 + 1),
            steps: n % 8,
        },
        stamp: Stamp { place: n % 16 + 1, claim: n % 16 },
        is_open: true,
        is_waiting: false,
        is_doubted: n % 50 == 0,
        is_whole: true,
        due_at: Some(at),
        changed_at: at,
        risk: 0,
        is_fresh: false,
        asked_at: Some(at),
        answer,
        absent_since,
        again_at: None,
        repair: None,
    })
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().ok_or("the address of an empty database")?;
    let count: i64 = arguments.next().map_or(Ok(1_000_000), |n| n.parse())?;
    let store = PostgresStore::connect(Options::new(url)).await?;
    store.migrate().await?;
    let connector = ConnectorId::parse("dvcqg")?;
    let at = store.now().await?;
    let began = Instant::now();
    let mut n = 0;
    while n < count {
        let (from, until, of) = (n, (n + 5_000).min(count), connector.clone());
        decide(&store, Scope::default(), move |work| {
            for row in (from..until).filter_map(|n| asked(&of, n, at)) {
                work.expectations.insert((row.connector.clone(), row.key.clone()), Loaded::fresh(row));
            }
        })
        .await?;
        n = until;
    }
    say(&format!("{count} expectations with their answers written: {:.1} s", began.elapsed().as_secs_f64()))?;
    let before = peak();
    for round in 1..=3 {
        let began = Instant::now();
        let found = statuses::stand(&store, &connector, SignedDuration::from_secs(90)).await?;
        say(&format!(
            "round {round}: {} compared in {:.2} s: {} agree, {} missing, {} behind, {} ahead, {} not asked; peak {} MiB \
             (before: {before} MiB)",
            found.all,
            began.elapsed().as_secs_f64(),
            found.agrees,
            found.missing,
            found.behind,
            found.ahead,
            found.not_asked,
            peak()
        ))?;
    }
    store.close().await;
    Ok(())
}
