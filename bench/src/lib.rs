//! Benchmarks: the engine beside the floor (the same job with nothing promised), alternately, on private servers and one
//! machine. Only ratios of one run count. What is measured is the program itself, as a process.

mod broker;
mod embedded;
mod engine;
mod failed;
mod feed;
mod floor;
mod grown;
mod measure;
mod partner;
mod report;
mod run;
mod servers;
mod store;
mod traffic;
mod workload;

use std::process::ExitCode;

use clap::Args;

pub use failed::Failed;
pub use report::Outcome;
pub use workload::Workload;

use crate::{embedded::Embedded, floor::Floor, run::Ground, servers::Servers, workload::Size};

/// What to measure.
#[derive(Debug, Clone, Args)]
pub struct Bench {
    /// Các phép đo, cách nhau bằng dấu phẩy (mặc định: tất cả)
    /// The workloads, separated by commas (default: all)
    #[arg(long, value_enum, value_delimiter = ',', ignore_case = true, verbatim_doc_comment)]
    workload: Vec<Workload>,
    /// Số lần đo, mỗi lần một lượt sàn và một lượt hệ thống
    /// Pairs of runs
    #[arg(long, default_value_t = 5, verbatim_doc_comment)]
    pairs: usize,
    /// Số sự kiện mỗi lượt
    /// Events of a run
    #[arg(long, default_value_t = 20_000, verbatim_doc_comment)]
    events: usize,
    /// Số thao tác đã xong có sẵn trong kho của P4-grown (đầy đủ: 15000000, khoảng 23 GB đĩa)
    /// Ended operations in the grown store of P4-grown (in full: 15000000, about 23 GB of disk)
    #[arg(long, default_value_t = 300_000, verbatim_doc_comment)]
    grown: usize,
    /// Chỉ chạy sàn (nội bộ) · Runs the floor alone
    #[arg(long, hide = true, value_name = "TASK")]
    floor: Option<String>,
    /// Chỉ chạy sàn không máy chủ (nội bộ) · Runs the floor without servers alone
    #[arg(long, hide = true, value_name = "TASK")]
    embedded: Option<String>,
}

impl Bench {
    /// Measures, and prints a table, or JSON.
    #[expect(clippy::print_stdout, clippy::print_stderr, reason = "a report for the person who runs it")]
    pub async fn run(self, json: bool) -> Result<ExitCode, Failed> {
        if let Some(task) = &self.floor {
            let floor: Floor = serde_json::from_str(task).map_err(failed::at("the floor's task"))?;
            floor.run().await?;
            return Ok(ExitCode::SUCCESS);
        }
        if let Some(task) = &self.embedded {
            let embedded: Embedded = serde_json::from_str(task).map_err(failed::at("the floor's task"))?;
            embedded.run().await?;
            return Ok(ExitCode::SUCCESS);
        }
        let Some(servers) = Servers::known() else { return servers::inside().await };
        let mut ground = Ground::open(servers).await?;
        let size = Size { pairs: self.pairs.max(1), events: self.events.max(100), grown: self.grown };
        let chosen = if self.workload.is_empty() {
            <Workload as clap::ValueEnum>::value_variants()
        } else {
            &self.workload
        };
        let mut outcomes = Vec::new();
        for workload in chosen {
            eprintln!("{workload:?} …");
            outcomes.extend(workload.measure(&mut ground, size).await?);
        }
        ground.broker.close().await;
        if json {
            println!("{}", serde_json::to_string(&outcomes).map_err(failed::at("the outcomes"))?);
        } else {
            println!("{}", report::table(&outcomes));
        }
        Ok(ExitCode::SUCCESS)
    }
}
