//! Plays seeds of the deterministic simulation: `simulate --seeds 10000`, or one seed in full: `simulate --seed 42`.

#![expect(clippy::print_stdout, reason = "its output is for the terminal")]

use clap::Parser;
use lienthong_tests::simulate::{self, Report};
use std::{
    collections::BTreeMap,
    process::ExitCode,
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

/// The engine under faults, on virtual time.
#[derive(Parser)]
struct Arguments {
    /// How many seeds.
    #[arg(long, default_value_t = 100)]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// Only this one, twice, with what it did.
    #[arg(long)]
    seed: Option<u64>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Some(seed) = arguments.seed {
        let (once, again) = (simulate::run(seed), simulate::run(seed));
        show(&once);
        println!("faults: {:?}", once.faults);
        println!("{} events, {} effects, trace {:016x}", once.events, once.effects, once.trace);
        if once != again {
            println!("the second run was another one: trace {:016x}", again.trace);
            return ExitCode::FAILURE;
        }
        return if once.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let next = AtomicU64::new(arguments.from);
    let end = arguments.from.saturating_add(arguments.seeds);
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let reports: Vec<Report> = thread::scope(|scope| {
        let work = || {
            let mut reports = Vec::new();
            loop {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= end {
                    return reports;
                }
                let report = simulate::run(seed);
                show(&report);
                reports.push(report);
            }
        };
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap_or_default()).collect()
    });
    let mut faults: BTreeMap<&str, u64> = BTreeMap::new();
    for (fault, count) in reports.iter().flat_map(|report| &report.faults) {
        *faults.entry(fault).or_default() += count;
    }
    for (fault, count) in &faults {
        println!("{count:>9}  {fault}");
    }
    for fault in simulate::FAULTS.iter().filter(|fault| !faults.contains_key(*fault)) {
        println!("{:>9}  {fault}", "never");
    }
    println!("{:>9}  events", reports.iter().map(|r| r.events).sum::<usize>());
    println!("{:>9}  effects", reports.iter().map(|r| r.effects).sum::<usize>());
    let violations: usize = reports.iter().map(|r| r.violations.len()).sum();
    println!("{} seeds, {violations} violations", reports.len());
    // A worker that panicked brought nothing.
    if violations == 0 && reports.len() as u64 == arguments.seeds {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn show(report: &Report) {
    for violation in &report.violations {
        println!("seed {}: {violation}", report.seed);
    }
    if !report.violations.is_empty() {
        println!("  again: simulate --seed {}", report.seed);
    }
}
