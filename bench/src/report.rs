//! What a workload came to: a table for people, JSON for machines.

use std::fmt::Write as _;

use comfy_table::{ContentArrangement, LineStyle, Table, TableStyle};
use serde::Serialize;

use crate::{measure::median, run::Run};

/// Engine over floor: the middle pair, the worst, the best.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Ratio {
    /// The middle one.
    pub median: f64,
    /// The worst.
    pub min: f64,
    /// The best.
    pub max: f64,
}

/// One workload's result. What does not apply is null.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// Its name.
    pub workload: String,
    /// How often it was measured, side by side.
    pub pairs: usize,
    /// What it is measured against, a second: the floor, or what `against` says.
    pub floor_per_s: Option<f64>,
    /// The engine, a second.
    pub engine_per_s: Option<f64>,
    /// Engine over floor.
    pub ratio: Option<Ratio>,
    /// Processor time of the engine for each event, milliseconds.
    pub cpu_ms_per_event: Option<f64>,
    /// The same of the floor.
    pub floor_cpu_ms_per_event: Option<f64>,
    /// Processor time of PostgreSQL, RabbitMQ and the partner for each event of the engine, milliseconds.
    pub around_ms_per_event: Option<[f64; 3]>,
    /// The most memory of the engine, MiB.
    pub peak_rss_mib: Option<f64>,
    /// From being stored to the partner's answer being recorded, milliseconds.
    pub p50_ms: Option<f64>,
    /// The same, ninety-nine of a hundred.
    pub p99_ms: Option<f64>,
    /// The same of the floor.
    pub floor_p99_ms: Option<f64>,
    /// What `floor_per_s` is, where it is not the floor.
    pub against: &'static str,
    /// The goal, in words.
    pub goal: &'static str,
    /// Whether it is reached.
    pub is_reached: bool,
}

impl Outcome {
    /// Of runs in pairs.
    pub fn of_pairs(workload: impl Into<String>, goal: &'static str, floor: &[Run], engine: &[Run]) -> Self {
        let middle = |runs: &[Run], of: fn(&Run) -> f64| median(&runs.iter().map(of).collect::<Vec<_>>());
        let ratios: Vec<f64> = floor.iter().zip(engine).map(|(f, e)| e.per_second / f.per_second).collect();
        let around = [0, 1, 2].map(|place: usize| {
            median(&engine.iter().filter_map(|r| r.around_ms.get(place).copied()).collect::<Vec<_>>())
        });
        Self {
            workload: workload.into(),
            pairs: engine.len(),
            floor_per_s: Some(middle(floor, |r| r.per_second)),
            engine_per_s: Some(middle(engine, |r| r.per_second)),
            ratio: Some(ratio_of(&ratios)),
            cpu_ms_per_event: Some(middle(engine, |r| r.cpu_ms)),
            floor_cpu_ms_per_event: Some(middle(floor, |r| r.cpu_ms)),
            around_ms_per_event: Some(around),
            peak_rss_mib: Some(middle(engine, |r| r.peak_mib)),
            p50_ms: Some(middle(engine, |r| r.latency.p50_ms)),
            p99_ms: Some(middle(engine, |r| r.latency.p99_ms)),
            floor_p99_ms: Some(middle(floor, |r| r.latency.p99_ms)),
            against: "floor",
            goal,
            is_reached: false,
        }
    }

    /// One that is no comparison of rates.
    pub fn single(workload: impl Into<String>, goal: &'static str) -> Self {
        Self {
            workload: workload.into(),
            pairs: 1,
            floor_per_s: None,
            engine_per_s: None,
            ratio: None,
            cpu_ms_per_event: None,
            floor_cpu_ms_per_event: None,
            around_ms_per_event: None,
            peak_rss_mib: None,
            p50_ms: None,
            p99_ms: None,
            floor_p99_ms: None,
            against: "",
            goal,
            is_reached: false,
        }
    }

    /// With the judgement that the middle ratio is at least so much.
    pub fn at_least(mut self, ratio: f64) -> Self {
        self.is_reached = self.ratio.is_some_and(|r| r.median >= ratio);
        self
    }
}

fn ratio_of(ratios: &[f64]) -> Ratio {
    let fold = |f: fn(f64, f64) -> f64, start| ratios.iter().copied().fold(start, f);
    Ratio {
        median: median(ratios),
        min: fold(f64::min, f64::INFINITY),
        max: fold(f64::max, f64::NEG_INFINITY),
    }
}

/// A line below the headings, nothing else.
const LINED: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// The table, and under it what each line is held against. It fits 100 columns.
pub fn table(outcomes: &[Outcome]) -> String {
    let mut table = Table::new();
    table.load_style(LINED).set_content_arrangement(ContentArrangement::Dynamic).set_width(100);
    table.set_header([
        "workload",
        "floor/s",
        "ours/s",
        "ratio (min–max)",
        "cpu ms (floor)",
        "MiB",
        "p50 ms",
        "p99 ms",
        "goal",
    ]);
    let number =
        |value: Option<f64>, digits: usize| value.map_or_else(String::new, |v| format!("{v:.digits$}"));
    for o in outcomes {
        let ratio =
            o.ratio.map_or_else(String::new, |r| format!("{:.3} ({:.3}–{:.3})", r.median, r.min, r.max));
        let cpu = match (o.cpu_ms_per_event, o.floor_cpu_ms_per_event) {
            (Some(engine), Some(floor)) => format!("{engine:.3} ({floor:.3})"),
            (engine, _) => number(engine, 3),
        };
        table.add_row([
            o.workload.clone(),
            number(o.floor_per_s, 0),
            number(o.engine_per_s, 0),
            ratio,
            cpu,
            number(o.peak_rss_mib, 0),
            number(o.p50_ms.filter(|p| *p > 0.0), 1),
            number(o.p99_ms.filter(|p| *p > 0.0), 1),
            if o.is_reached { "yes" } else { "no" }.to_owned(),
        ]);
    }
    let mut text = table.to_string();
    for o in outcomes {
        let against = if ["", "floor"].contains(&o.against) { "" } else { o.against };
        let is_reached = if o.is_reached { "reached" } else { "not reached" };
        write!(text, "\n{}: {} ({is_reached})", o.workload, o.goal).ok();
        if !against.is_empty() {
            write!(text, "; instead of the floor: {against}").ok();
        }
        if let Some([store, broker, partner]) =
            o.around_ms_per_event.filter(|around| around.iter().any(|ms| *ms > 0.0))
        {
            write!(text, "; beside it PostgreSQL {store:.3}, RabbitMQ {broker:.3}, partner {partner:.3} ms")
                .ok();
        }
    }
    text
}
