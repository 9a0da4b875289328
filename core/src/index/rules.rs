//! The rule set: what is disputed, as switches. The defaults are the readings of docs/index-766.md; its version is told
//! with every result.

use serde::{Deserialize, Serialize};

use super::indicator::Indicator;

/// The version of everything in this room that no switch changes.
pub const VERSION: &str = "2026-09-fit";

/// How moments are compared with the due time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Granularity {
    /// As moments.
    #[default]
    Second,
    /// As days.
    Day,
}

/// Up to when a dossier without an end is looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cutoff {
    /// To the present moment, or the end of the period if that is earlier.
    #[default]
    Now,
    /// To the end of the period even while it runs.
    End,
}

/// Which of several ends counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Which {
    /// The last one.
    #[default]
    Last,
    /// The first one.
    First,
}

/// What two requests for supplements do to a dossier that was finished.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TwoRequests {
    /// Nothing of their own.
    #[default]
    Normal,
    /// They make it late, as they do an unfinished one.
    Late,
}

/// What indicator 3.3 counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FiledOnline {
    /// Online dossiers that have their result, among all received, synced or not.
    #[default]
    WithResult,
    /// Online dossiers among all synced.
    Raw,
}

/// Which dossiers indicator 4.1 counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResultOf {
    /// All.
    #[default]
    All,
    /// Ended ones.
    Finished,
}

/// Which mark indicator 4.3 counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReuseMark {
    /// `HoSoCoThanhPhanSoHoa`.
    #[default]
    Component,
    /// `DuocTaiSuDung`.
    Reused,
}

/// The switches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    /// How moments are compared with the due time.
    pub granularity: Granularity,
    /// Up to when a dossier without an end is looked at.
    pub cutoff: Cutoff,
    /// Which of several steps 9 is the end.
    pub finish: Which,
    /// What two requests do to a finished dossier.
    pub two_requests: TwoRequests,
    /// What 3.3 counts.
    pub filed_online: FiledOnline,
    /// Which dossiers 4.1 counts.
    pub result_of: ResultOf,
    /// From which share on 4.2 brings all its points, in percent.
    pub digitised_target_percent: u8,
    /// Which mark 4.3 counts.
    pub reuse_mark: ReuseMark,
    /// Codes of the population database in `DSKetNoiCSDL`.
    pub population_databases: Vec<String>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            granularity: Granularity::default(),
            cutoff: Cutoff::default(),
            finish: Which::default(),
            two_requests: TwoRequests::default(),
            filed_online: FiledOnline::default(),
            result_of: ResultOf::default(),
            digitised_target_percent: 100,
            reuse_mark: ReuseMark::default(),
            population_databases: Vec::new(),
        }
    }
}

impl Rules {
    /// From which share on an indicator brings all its points, in percent.
    pub fn target_percent(&self, indicator: Indicator) -> i64 {
        match indicator {
            Indicator::Offered | Indicator::PaymentOffered | Indicator::PaymentUsed | Indicator::Reused => 80,
            Indicator::FiledOnline => 50,
            Indicator::Satisfied => 90,
            Indicator::Digitised => i64::from(self.digitised_target_percent.clamp(1, 100)),
            _ => 100,
        }
    }
}
