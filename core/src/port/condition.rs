//! How a connector stands with its partner, as all replicas share it through the store, and as columns.

use jiff::{SignedDuration, Timestamp};

use crate::{
    id::ConnectorId,
    outcome::Cause,
    policy::health::{Hold, Phase, Trouble},
};

/// How a connector stands with its partner: the row that all replicas obey, and that claims lock where its limits hold
/// for all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectorCondition {
    /// The connector instance.
    pub connector: ConnectorId,
    /// Closed, open, half-open, ramp.
    pub phase: Phase,
    /// Nothing is sent, because somebody or the calendar says so.
    pub hold: Option<Hold>,
    /// The end of the last planned window that was turned into a hold: a window that a person ended early stays so.
    pub planned_until: Option<Timestamp>,
    /// The rate's theoretical arrival time.
    pub tat: Option<Timestamp>,
    /// How long an attempt took lately, on the average of those that the partner answered.
    pub mean: Option<SignedDuration>,
}

impl ConnectorCondition {
    /// One that works, without anything known about it.
    pub fn works(connector: ConnectorId) -> Self {
        Self { connector, phase: Phase::Closed, hold: None, planned_until: None, tat: None, mean: None }
    }

    /// Whether nothing at all is to be sent: the partner is taken for down, or the connector is held.
    pub fn is_shut(&self) -> bool {
        self.hold.is_some() || matches!(self.phase, Phase::Open { .. })
    }

    /// Whether it works without a hold: then nothing but limits bounds it.
    pub fn is_plain(&self) -> bool {
        self.hold.is_none() && self.phase.is_closed()
    }
}

/// A condition as a row of plain values; moments and durations in microseconds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConditionRow {
    /// The connector instance.
    pub connector: String,
    /// 0 closed, 1 open, 2 half-open, 3 ramp.
    pub phase: i16,
    /// The trouble's beginning.
    pub paused_since: Option<i64>,
    /// Its cause's code.
    pub cause: Option<String>,
    /// Its words.
    pub said: Option<String>,
    /// Its failed trials.
    pub trials: i32,
    /// Open: the next trial. Ramp: the step's end.
    pub test_at: Option<i64>,
    /// Ramp: the step.
    pub step: i16,
    /// Who holds it.
    pub held_by: Option<String>,
    /// Why.
    pub held_because: Option<String>,
    /// Since when.
    pub held_since: Option<i64>,
    /// Until when.
    pub held_until: Option<i64>,
    /// The last planned window's end.
    pub planned_until: Option<i64>,
    /// The theoretical arrival time.
    pub tat: Option<i64>,
    /// The mean duration of an attempt.
    pub mean_us: Option<i64>,
}

impl From<&ConnectorCondition> for ConditionRow {
    fn from(condition: &ConnectorCondition) -> Self {
        let us = |at: Timestamp| at.as_microsecond();
        let (phase, test_at, step) = match &condition.phase {
            Phase::Closed => (0, None, 0),
            Phase::Open { trial_at, .. } => (1, Some(us(*trial_at)), 0),
            Phase::HalfOpen { .. } => (2, None, 0),
            Phase::Ramp { step, until, .. } => {
                (3, Some(us(*until)), i16::try_from(*step).unwrap_or(i16::MAX))
            }
        };
        let (trouble, hold) = (condition.phase.trouble(), condition.hold.as_ref());
        Self {
            connector: condition.connector.to_string(),
            phase,
            paused_since: trouble.map(|t| us(t.since)),
            cause: trouble.map(|t| t.cause.code().to_owned()),
            said: trouble.map(|t| t.said.clone()),
            trials: trouble.map_or(0, |t| i32::try_from(t.trials).unwrap_or(i32::MAX)),
            test_at,
            step,
            held_by: hold.map(|h| h.by.clone()),
            held_because: hold.map(|h| h.reason.clone()),
            held_since: hold.map(|h| us(h.since)),
            held_until: hold.and_then(|h| h.until).map(us),
            planned_until: condition.planned_until.map(us),
            tat: condition.tat.map(us),
            mean_us: condition.mean.and_then(|m| i64::try_from(m.as_micros()).ok()),
        }
    }
}

impl ConditionRow {
    /// The condition. `Err`: which value cannot be read. A row of an earlier version has only a pause, or none.
    pub fn condition(self) -> Result<ConnectorCondition, String> {
        let time = |us: i64| Timestamp::from_microsecond(us).map_err(|e| e.to_string());
        let time_if = |us: Option<i64>| us.map(time).transpose();
        let trouble = match self.paused_since {
            Some(since) => Some(Trouble {
                since: time(since)?,
                cause: self.cause.as_deref().and_then(Cause::from_code).unwrap_or(Cause::PartnerUnavailable),
                said: self.said.unwrap_or_default(),
                trials: u32::try_from(self.trials).unwrap_or(0),
            }),
            None => None,
        };
        let at = time_if(self.test_at)?.unwrap_or(Timestamp::UNIX_EPOCH);
        let step = usize::try_from(self.step).unwrap_or(0);
        let phase = match (self.phase, trouble) {
            (0 | 1, Some(trouble)) => Phase::Open { trouble, trial_at: at },
            (0 | 1, None) => Phase::Closed,
            (2, trouble) => Phase::HalfOpen { trouble },
            (3, trouble) => Phase::Ramp { trouble, step, until: at },
            (other, _) => return Err(format!("phase {other} is unknown")),
        };
        let hold = match (self.held_by, self.held_since) {
            (Some(by), Some(since)) => Some(Hold {
                by,
                reason: self.held_because.unwrap_or_default(),
                since: time(since)?,
                until: time_if(self.held_until)?,
            }),
            _ => None,
        };
        Ok(ConnectorCondition {
            connector: self.connector.parse().map_err(|e| format!("connector: {e}"))?,
            phase,
            hold,
            planned_until: time_if(self.planned_until)?,
            tat: time_if(self.tat)?,
            mean: self.mean_us.map(SignedDuration::from_micros),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_of_an_earlier_version_is_a_pause_or_none() {
        let paused = ConditionRow {
            connector: "dvcqg".into(),
            paused_since: Some(5),
            cause: Some("unreachable".into()),
            test_at: Some(9),
            ..ConditionRow::default()
        };
        let Phase::Open { trouble, trial_at } = paused.clone().condition().unwrap().phase else {
            panic!("not open: {paused:?}")
        };
        assert_eq!((trouble.since.as_microsecond(), trouble.trials), (5, 0));
        assert_eq!(trial_at.as_microsecond(), 9);
        // One that was resumed by a replica of that version knows nothing of phases.
        let resumed = ConditionRow { phase: 1, paused_since: None, ..paused };
        assert_eq!(resumed.condition().unwrap().phase, Phase::Closed);
    }
}
