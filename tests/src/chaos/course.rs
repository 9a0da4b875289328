//! What a run is to be like.

use std::time::Duration;

use lienthong_mocks::suite::Options;

use crate::{Place, Plan, province::Tuning, traffic};

/// The options of a run. The seed decides the traffic, the order of faults and whom they meet.
#[derive(Debug, Clone)]
pub struct Course {
    pub seed: u64,
    pub dossiers: u32,
    pub replicas: usize,
    /// Events published in a second.
    pub rate: f64,
    /// A replica is killed about so often.
    pub kill_every: Duration,
    /// How long a fault lasts that has no end of its own.
    pub hold: Duration,
    /// Between one fault and the next of its lane.
    pub rest: Duration,
    /// The share of partners' answers that are lost after the effect, all the time.
    pub lost_answers: f64,
    /// The share of events that are published twice.
    pub duplicates: f64,
    /// How long one call may take; leases follow from it.
    pub call_timeout: Duration,
    /// How long anything may take to go on after a fault, and to come to rest at the end.
    pub patience: Duration,
}

impl Course {
    /// About a thousand events and two replicas; every kind of fault once.
    pub fn short(seed: u64) -> Self {
        Self {
            seed,
            dossiers: 130,
            replicas: 2,
            rate: 22.0,
            kill_every: Duration::from_secs(12),
            hold: Duration::from_secs(1),
            rest: Duration::ZERO,
            lost_answers: 0.05,
            duplicates: 0.05,
            call_timeout: Duration::from_secs(1),
            patience: Duration::from_mins(3),
        }
    }

    /// More than 20,000 events and three replicas; every kind of fault again and again.
    pub fn long(seed: u64) -> Self {
        Self {
            dossiers: 2_700,
            replicas: 3,
            rate: 45.0,
            kill_every: Duration::from_secs(6),
            hold: Duration::from_secs(3),
            rest: Duration::from_secs(1),
            patience: Duration::from_mins(10),
            ..Self::short(seed)
        }
    }

    /// Operations with one partner at once, per replica.
    pub(super) const PERMITS: usize = 8;

    pub(super) fn plan(&self) -> Plan {
        let tuning = Tuning {
            permits: Self::PERMITS,
            call_timeout_ms: u64::try_from(self.call_timeout.as_millis()).unwrap_or(u64::MAX),
            sweep_seconds: 3,
            // A connection that has vanished is missed after six.
            statement_seconds: Some(3),
            ..Tuning::default()
        };
        Plan {
            place: Place::Apart,
            alone: true,
            proxied: true,
            tuning,
            partners: Options::default().keep_bodies(false),
            patience: self.patience,
            ..Plan::on_servers()
        }
    }

    /// The lines to publish, a share of them again a little later.
    pub(super) async fn traffic(&self) -> Vec<Vec<u8>> {
        let (dossiers, seed) = (self.dossiers.to_string(), self.seed.to_string());
        let lines = traffic::lines(&traffic::generate(&["--dossiers", &dossiers, "--seed", &seed]).await);
        let mut dice = fastrand::Rng::with_seed(self.seed);
        let mut again: Vec<(usize, Vec<u8>)> = Vec::new();
        let mut published = Vec::with_capacity(lines.len());
        for (at, line) in lines.into_iter().enumerate() {
            if dice.f64() < self.duplicates {
                again.push((at + dice.usize(1..30), line.clone()));
            }
            published.push(line);
            published.extend(again.extract_if(.., |(due, _)| *due <= at).map(|(_, line)| line));
        }
        published.extend(again.into_iter().map(|(_, line)| line));
        published
    }
}
