//! What a workload came to: a table for people, JSON for machines.

use comfy_table::{ContentArrangement, Table};
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
    pub workload: &'static str,
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
    /// What `floor_per_s` is, where it is not the floor.
    pub against: &'static str,
    /// The goal, in words.
    pub goal: &'static str,
    /// Whether it is reached.
    pub is_reached: bool,
}

impl Outcome {
    /// Of runs in pairs.
    pub fn of_pairs(workload: &'static str, goal: &'static str, floor: &[Run], engine: &[Run]) -> Self {
        let middle = |runs: &[Run], of: fn(&Run) -> f64| median(&runs.iter().map(of).collect::<Vec<_>>());
        let ratios: Vec<f64> = floor.iter().zip(engine).map(|(f, e)| e.per_second / f.per_second).collect();
        let around = [0, 1, 2].map(|place: usize| {
            median(&engine.iter().filter_map(|r| r.around_ms.get(place).copied()).collect::<Vec<_>>())
        });
        Self {
            workload,
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
            against: "floor",
            goal,
            is_reached: false,
        }
    }

    /// One that is no comparison of rates.
    pub fn single(workload: &'static str, goal: &'static str) -> Self {
        Self {
            workload,
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

/// The table.
pub fn table(outcomes: &[Outcome]) -> String {
    let mut table = Table::new();
    table.set_content_arrangement(ContentArrangement::Dynamic).set_width(150);
    table.set_header([
        "workload",
        "goal",
        "floor/s",
        "engine/s",
        "ratio (min–max)",
        "cpu ms/event",
        "store, broker, partner",
        "MiB",
        "p50 ms",
        "p99 ms",
        "",
    ]);
    let number =
        |value: Option<f64>, digits: usize| value.map_or_else(String::new, |v| format!("{v:.digits$}"));
    for o in outcomes {
        let ratio =
            o.ratio.map_or_else(String::new, |r| format!("{:.3} ({:.3}–{:.3})", r.median, r.min, r.max));
        let cpu = match (o.cpu_ms_per_event, o.floor_cpu_ms_per_event) {
            (Some(engine), Some(floor)) => format!("{engine:.3} (floor {floor:.3})"),
            (engine, _) => number(engine, 3),
        };
        let around = o.around_ms_per_event.map_or_else(String::new, |[store, broker, partner]| {
            format!("{store:.3} {broker:.3} {partner:.3}")
        });
        let floor = number(o.floor_per_s, 0);
        let against = if o.against == "floor" { floor } else { format!("{floor} {}", o.against) };
        table.add_row([
            o.workload.to_owned(),
            o.goal.to_owned(),
            against.trim().to_owned(),
            number(o.engine_per_s, 0),
            ratio,
            cpu,
            around,
            number(o.peak_rss_mib, 0),
            number(o.p50_ms, 1),
            number(o.p99_ms, 1),
            if o.is_reached { "reached" } else { "not reached" }.to_owned(),
        ]);
    }
    table.to_string()
}
