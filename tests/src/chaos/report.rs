//! The closing table.

use std::{collections::BTreeMap, fmt, path::PathBuf, time::Duration};

use serde_json::{Value, json};

use super::Fault;
use crate::{
    oracle::{Difference, Kind},
    proxy::Counts,
};

/// What became of one kind of fault.
#[derive(Debug, Clone, Copy, Default)]
pub struct Survived {
    pub times: usize,
    /// How often things went on afterwards.
    pub survived: usize,
    /// The longest time until they did.
    pub slowest: Duration,
}

impl Survived {
    pub(super) fn count(&mut self, recovered: Option<Duration>) {
        self.times += 1;
        if let Some(after) = recovered {
            self.survived += 1;
            self.slowest = self.slowest.max(after);
        }
    }
}

/// All faults of a run, by kind.
#[derive(Debug, Clone)]
pub struct Faults(pub(super) BTreeMap<Fault, Survived>);

impl Faults {
    pub(super) fn doubts(&self, replicas: usize) -> usize {
        self.0.iter().map(|(fault, survived)| fault.doubts(replicas) * survived.times).sum()
    }

    /// What became of a kind.
    pub fn of(&self, fault: Fault) -> Survived {
        self.0.get(&fault).copied().unwrap_or_default()
    }
}

/// What the proxies did, each under the name of what stands behind it.
#[derive(Debug, Clone)]
pub struct Network {
    pub(super) counts: Vec<(&'static str, Counts)>,
    /// How often the one-stop system had to connect again.
    pub(super) reconnected: usize,
}

impl Network {
    /// Connections to one of them that ended or fell silent in their middle: each may have had a call under way.
    pub(super) fn torn(&self, name: &str) -> usize {
        let of = self.counts.iter().filter(|(known, _)| *known == name);
        of.map(|(_, c)| usize::try_from(c.cut + c.reset + c.vanished).unwrap_or(usize::MAX)).sum()
    }
}

/// What a run came to.
#[derive(Debug, Clone)]
pub struct Report {
    pub seed: u64,
    pub replicas: usize,
    /// Lines published, the deliberate duplicates among them.
    pub events: usize,
    /// Those that RabbitMQ brought in another order than they were published in.
    pub late: usize,
    pub dossiers: usize,
    pub steps: usize,
    pub faults: Faults,
    pub network: Network,
    /// Answers of partners that were lost after their effect.
    pub lost_answers: usize,
    /// Steps that stand twice, identical and next to each other.
    pub adjacent: usize,
    /// For so many steps the faults can have left in doubt whether they had arrived.
    pub doubts: usize,
    pub double_openings: usize,
    /// Out-events, and those that no listener has heard.
    pub results: usize,
    pub unheard: usize,
    pub unfinished: Vec<String>,
    pub differences: Vec<Difference>,
    /// Replicas that ended although nobody killed them; panics in their logs.
    pub fallen: Vec<String>,
    pub published: Duration,
    pub delivered: Duration,
    pub whole: Duration,
    pub logs: PathBuf,
}

impl Report {
    fn count(&self, kind: Kind) -> usize {
        self.differences.iter().filter(|d| d.kind == kind).count()
    }

    fn faults(&self) -> (usize, usize) {
        let all = self.faults.0.values();
        all.fold((0, 0), |(times, survived), f| (times + f.times, survived + f.survived))
    }

    /// What must be nothing, by name.
    fn failures(&self) -> [(&'static str, usize); 11] {
        let (times, survived) = self.faults();
        [
            ("lost", self.count(Kind::Lost) + self.unheard),
            ("forbidden doubles", self.count(Kind::Doubled) + self.double_openings),
            ("reordered", self.count(Kind::Reordered)),
            ("events behind a later one", self.late),
            ("wrong", self.count(Kind::Wrong)),
            ("ledgers that do not come out", self.count(Kind::Ledger)),
            ("contract violations", self.count(Kind::Contract)),
            ("unfinished operations", self.unfinished.len()),
            ("replicas fallen by themselves", self.fallen.len()),
            ("faults not survived", times - survived),
            ("steps doubled beyond the doubts", self.adjacent.saturating_sub(self.doubts)),
        ]
    }

    /// Whether everything is as it must be.
    pub fn is_good(&self) -> bool {
        self.failures().iter().all(|(_, count)| *count == 0)
    }

    /// As JSON, for machines.
    pub fn json(&self) -> Value {
        let faults = self.faults.0.iter().map(|(fault, of)| {
            let slowest = of.slowest.as_secs_f64();
            (
                format!("{fault:?}"),
                json!({"times": of.times, "survived": of.survived, "slowest_seconds": slowest}),
            )
        });
        let failures = self.failures().into_iter().map(|(name, count)| (name.to_owned(), json!(count)));
        json!({
            "seed": self.seed,
            "good": self.is_good(),
            "replicas": self.replicas,
            "events": self.events,
            "dossiers": self.dossiers,
            "steps": self.steps,
            "results": self.results,
            "lost_answers": self.lost_answers,
            "adjacent_identical_steps": self.adjacent,
            "doubts": self.doubts,
            "faults": faults.collect::<serde_json::Map<_, _>>(),
            "connections_torn": self.network.counts.iter().map(|(name, _)| ((*name).to_owned(), json!(self.network.torn(name)))).collect::<serde_json::Map<_, _>>(),
            "publisher_reconnected": self.network.reconnected,
            "failures": failures.collect::<serde_json::Map<_, _>>(),
            "differences": self.differences.iter().map(|d| &d.said).collect::<Vec<_>>(),
            "unfinished": self.unfinished,
            "fallen": self.fallen,
            "seconds": self.whole.as_secs_f64(),
            "logs": self.logs,
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = |f: &mut fmt::Formatter<'_>, name: &str, value: String| writeln!(f, "{name:<34} {value}");
        writeln!(f, "{:<34} {:>6} {:>9} {:>12}", "fault", "times", "survived", "went on after")?;
        for (fault, of) in &self.faults.0 {
            let slowest = format!("≤ {:.1} s", of.slowest.as_secs_f64());
            writeln!(f, "{:<34} {:>6} {:>9} {slowest:>13}", format!("{fault:?}"), of.times, of.survived)?;
        }
        let (times, survived) = self.faults();
        row(f, "faults, survived", format!("{times}, {survived}"))?;
        let torn = self.network.counts.iter().map(|(name, _)| format!("{name} {}", self.network.torn(name)));
        row(f, "connections torn, reset, vanished", torn.collect::<Vec<_>>().join(", "))?;
        row(f, "publisher connected again", self.network.reconnected.to_string())?;
        row(f, "partners' answers lost", self.lost_answers.to_string())?;
        row(f, "seed, replicas", format!("{}, {}", self.seed, self.replicas))?;
        row(f, "events, dossiers, steps", format!("{}, {}, {}", self.events, self.dossiers, self.steps))?;
        row(f, "results told", self.results.to_string())?;
        row(
            f,
            "adjacent identical steps",
            format!("{} (doubts that faults can have caused: {})", self.adjacent, self.doubts),
        )?;
        let seconds = [self.published, self.delivered, self.whole].map(|d| format!("{:.0}", d.as_secs_f64()));
        row(f, "seconds: published, delivered, all", seconds.join(", "))?;
        for (name, count) in self.failures() {
            row(f, name, count.to_string())?;
        }
        let said = self.differences.iter().map(|d| &d.said);
        for line in said.chain(&self.unfinished).chain(&self.fallen).take(60) {
            writeln!(f, "  {line}")?;
        }
        if !self.is_good() {
            writeln!(f, "seed {}; logs of the replicas: {}", self.seed, self.logs.display())?;
        }
        Ok(())
    }
}
