//! `[reconcile]`: how what partners have is compared with what we have.

use jiff::SignedDuration;
use lienthong_core::flow::statuses::StatusSettings;
use serde::Deserialize;
use std::time::Duration;

/// `[reconcile]`
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Reconcile {
    /// How often what changed is asked about.
    pub every_seconds: u64,
    /// From which time of day on all open dossiers are asked about, `22:00`; empty: only by hand.
    pub night_from: String,
    /// Until which time of day.
    pub night_until: String,
    /// Questions a second, at most.
    pub per_second: f64,
    /// Of a connector's rate questions take at most this share, in percent.
    pub share_percent: u8,
    /// So long after its last operation a dossier is asked about at the earliest.
    pub rest_seconds: u32,
    /// Whether what can be mended safely is mended; else it is only reported.
    pub repair: bool,
    /// So many days before it is due a dossier is asked about earlier.
    pub near_due_days: u32,
    /// So many days without news, and a dossier is asked about earlier.
    pub silent_days: u32,
}

impl Default for Reconcile {
    fn default() -> Self {
        Self {
            every_seconds: 900,
            night_from: "22:00".into(),
            night_until: "05:00".into(),
            per_second: 2.0,
            share_percent: 20,
            rest_seconds: 60,
            repair: true,
            near_due_days: 3,
            silent_days: 30,
        }
    }
}

impl Reconcile {
    /// As the engine takes it. What is no time of day was refused when the configuration was checked.
    pub fn settings(&self) -> StatusSettings {
        let days = |days: u32| SignedDuration::from_hours(24 * i64::from(days));
        StatusSettings {
            every: Duration::from_secs(self.every_seconds),
            night: self.night_from.parse().ok().zip(self.night_until.parse().ok()),
            per_second: self.per_second,
            share_percent: self.share_percent,
            rest: SignedDuration::from_secs(i64::from(self.rest_seconds)),
            repair: self.repair,
            soon: days(self.near_due_days),
            silent: days(self.silent_days),
            ..StatusSettings::default()
        }
    }
}
