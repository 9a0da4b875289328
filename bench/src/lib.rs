//! Benchmarks: the engine beside the floor (the same job with nothing promised), alternately, on private servers and one
//! machine. Only ratios of one run count. What is measured is the program itself, as a process.

mod broker;
mod callbacks;
mod embedded;
mod engine;
mod failed;
mod feed;
mod floor;
mod grown;
mod measure;
mod partner;
mod peers;
mod report;
mod run;
mod servers;
mod store;
mod traffic;
mod workload;

use std::{path::PathBuf, process::ExitCode};

use clap::Args;

pub use failed::Failed;
pub use report::Outcome;
pub use workload::Workload;

use crate::{
    callbacks::Callbacks, embedded::Embedded, floor::Floor, peers::Peers, run::Ground, servers::Servers,
    workload::Size,
};

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
    /// Số sự kiện chờ sẵn trong kho (P6, P8, P9)
    /// Events that wait in the store (P6, P8, P9)
    #[arg(long, default_value_t = 100_000, verbatim_doc_comment)]
    waiting: usize,
    /// Số tiến trình được so với một tiến trình (P10), cách nhau bằng dấu phẩy
    /// Numbers of replicas to be measured beside one (P10), separated by commas
    #[arg(long, value_delimiter = ',', default_values_t = [2], verbatim_doc_comment)]
    replicas: Vec<usize>,
    /// Số hàng đợi vào của các tiến trình ấy; mỗi hàng đợi một phần các đơn vị
    /// Intake queues of those replicas, each with its share of the units
    #[arg(long, default_value_t = 1, verbatim_doc_comment)]
    queues: usize,
    /// Thư mục có các chương trình để so sánh (Node, Celery) và các gói của chúng
    /// The folder with the other programs (Node, Celery) and their packages: node/ after npm ci, venv/ after pip install
    #[arg(long, value_name = "FOLDER", verbatim_doc_comment)]
    peers: Option<PathBuf>,
    /// Chỉ chạy sàn (nội bộ) · Runs the floor alone
    #[arg(long, hide = true, value_name = "TASK")]
    floor: Option<String>,
    /// Chỉ chạy sàn không máy chủ (nội bộ) · Runs the floor without servers alone
    #[arg(long, hide = true, value_name = "TASK")]
    embedded: Option<String>,
    /// Chỉ chạy sàn callback (nội bộ) · Runs the floor of callbacks alone
    #[arg(long, hide = true, value_name = "TASK")]
    callbacks: Option<String>,
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
        if let Some(task) = &self.callbacks {
            let callbacks: Callbacks = serde_json::from_str(task).map_err(failed::at("the floor's task"))?;
            callbacks.run().await?;
            return Ok(ExitCode::SUCCESS);
        }
        let peers = self.peers.as_deref().map(Peers::of).transpose()?;
        if peers.is_none() && self.workload.contains(&Workload::Peers) {
            return Err(Failed::new("PEERS takes --peers FOLDER: the other programs and their packages"));
        }
        let Some(servers) = Servers::known() else { return servers::inside().await };
        let mut ground = Ground::open(servers).await?;
        let chosen = if self.workload.is_empty() {
            let all = <Workload as clap::ValueEnum>::value_variants().iter().copied();
            all.filter(|workload| peers.is_some() || *workload != Workload::Peers).collect()
        } else {
            self.workload.clone()
        };
        let size = Size {
            pairs: self.pairs.max(1),
            events: self.events.max(100),
            grown: self.grown,
            waiting: self.waiting.max(100),
            replicas: self.replicas.iter().map(|replicas| (*replicas).max(1)).collect(),
            queues: self.queues.max(1),
            peers,
        };
        let mut outcomes = Vec::new();
        for workload in chosen {
            eprintln!("{workload:?} …");
            outcomes.extend(workload.measure(&mut ground, &size).await?);
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
