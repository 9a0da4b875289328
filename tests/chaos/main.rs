//! `chaos`: replicas of the real program under every kind of fault; run it by scripts/chaos.
#![expect(clippy::print_stdout, reason = "a report for the person who runs it")]
#![expect(clippy::expect_used, reason = "what the run cannot do ends it")]

use std::{process::ExitCode, time::Duration};

use clap::Parser;
use lienthong_tests::{
    chaos::{self, Course},
    program,
};

/// Plays traffic through replicas on private servers while everything fails; run it by scripts/chaos.
#[derive(Debug, Parser)]
struct Arguments {
    /// Decides the traffic, the order of faults and whom they meet
    #[arg(long, env = "SEED", default_value_t = 1)]
    seed: u64,
    /// How many dossier lives; about 7.7 events each
    #[arg(long, env = "DOSSIERS", default_value_t = 2_700)]
    dossiers: u32,
    #[arg(long, env = "REPLICAS", default_value_t = 3)]
    replicas: usize,
    /// How long publishing takes if nothing blocks it, in seconds; the faults go on as long
    #[arg(long, env = "DURATION", default_value_t = 480)]
    duration: u64,
    /// A replica is killed about so often, in seconds
    #[arg(long, default_value_t = 6)]
    kill_every: u64,
    /// The closing table as JSON
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // About so many events has a life.
    let events = f64::from(arguments.dossiers) * 8.1;
    let course = Course {
        dossiers: arguments.dossiers,
        replicas: arguments.replicas.max(1),
        rate: (events / arguments.duration.max(1) as f64).max(1.0),
        kill_every: Duration::from_secs(arguments.kill_every.max(1)),
        ..Course::long(arguments.seed)
    };
    let logs = program::binary().with_file_name("chaos-logs").join(format!("seed-{}", course.seed));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let report = runtime.block_on(chaos::run(&course, &logs));
    if arguments.json {
        println!("{}", report.json());
    } else {
        println!("{report}");
    }
    if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
