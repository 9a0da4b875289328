//! A replay: operations that a person sends (or dismisses) again in bulk, on record. Here is the plan with its items and
//! how it moves; which operation may be sent is `policy/replay.rs`, the doing is `flow/replay.rs`.

mod item;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

use crate::{
    clock::later,
    id::{ConnectorId, DossierCode, RowId, UnitCode},
    operation::{ActionKind, OperationState},
    outcome::Cause,
};

pub use item::{Case, ItemFilter, ItemState, ItemView, ReplayItem, Tally, Treatment};

/// What a plan does with the operations that it selects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Send them again.
    Send,
    /// End them without their effect.
    Dismiss,
}

/// Which operations a plan is about. What is empty does not narrow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// By connector instance.
    pub connector: ConnectorId,
    /// By state; never empty.
    pub states: BTreeSet<OperationState>,
    /// By action.
    #[serde(default)]
    pub action: Option<ActionKind>,
    /// By cause.
    #[serde(default)]
    pub cause: Option<Cause>,
    /// By unit.
    #[serde(default)]
    pub unit: Option<UnitCode>,
    /// Planned at this moment or later.
    #[serde(default)]
    pub since: Option<Timestamp>,
    /// Planned before this moment.
    #[serde(default)]
    pub until: Option<Timestamp>,
    /// Of these dossiers (canonical codes).
    #[serde(default)]
    pub subjects: BTreeSet<DossierCode>,
}

/// How fast a plan runs, and when it stops by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pace {
    /// At most this many a minute.
    pub rate: u32,
    /// At most this many sent and without an outcome.
    pub window: u32,
    /// How many go first, before all others; 0: none.
    pub canary: u32,
    /// Stops when this share of what has ended since it was started or resumed has failed, in percent.
    pub stop_percent: u32,
}

impl Default for Pace {
    fn default() -> Self {
        Self { rate: 60, window: 20, canary: 5, stop_percent: 20 }
    }
}

/// So many have to have ended before their ratio says something.
const ENOUGH_TO_JUDGE: i64 = 10;
/// What was not sent while nobody looked is not made up for beyond this: a round's worth.
const MADE_UP_FOR: SignedDuration = SignedDuration::from_secs(2);

/// Where a plan stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplayState {
    /// Its items are being collected.
    Planning = 1,
    /// Complete; waits for a person to start it.
    Planned = 2,
    /// The first few are out; nothing else goes before each has its outcome.
    Canary = 3,
    /// Sends by itself.
    Running = 4,
    /// A person stopped it for now.
    Paused = 5,
    /// It stopped itself: too much failed.
    Stopped = 6,
    /// Every item has its outcome.
    Finished = 10,
    /// A person ended it.
    Cancelled = 11,
}

impl ReplayState {
    /// All states.
    pub const ALL: [Self; 8] = [
        Self::Planning,
        Self::Planned,
        Self::Canary,
        Self::Running,
        Self::Paused,
        Self::Stopped,
        Self::Finished,
        Self::Cancelled,
    ];

    /// The store's number.
    pub fn number(self) -> i16 {
        self as i16
    }

    /// The state with this number.
    pub fn from_number(number: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.number() == number)
    }

    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Planning => "planning",
            Self::Planned => "planned",
            Self::Canary => "canary",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Stopped => "stopped",
            Self::Finished => "finished",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether it sends.
    pub fn sends(self) -> bool {
        matches!(self, Self::Canary | Self::Running)
    }
}

/// Why a plan stopped itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// One of the first few failed.
    CanaryFailed,
    /// Too large a share failed.
    TooManyFailed,
}

/// How many items are in each state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// To be sent.
    pub waiting: i64,
    /// Sent, without an outcome.
    pub sent: i64,
    /// Done.
    pub done: i64,
    /// Failed.
    pub failed: i64,
    /// Not sent after all.
    pub skipped: i64,
    /// Never to be sent.
    pub left: i64,
}

impl Counts {
    fn of(&mut self, state: ItemState) -> &mut i64 {
        match state {
            ItemState::Waiting => &mut self.waiting,
            ItemState::Sent => &mut self.sent,
            ItemState::Done => &mut self.done,
            ItemState::Failed => &mut self.failed,
            ItemState::Skipped => &mut self.skipped,
            ItemState::Left => &mut self.left,
        }
    }

    /// How many have ended, well or badly.
    fn ended(&self) -> i64 {
        self.done + self.failed
    }

    /// How many were ever sent.
    fn ever_sent(&self) -> i64 {
        self.sent + self.ended()
    }

    /// The counts by the states' names.
    pub fn by_name(&self) -> [(&'static str, i64); 6] {
        let mut counts = *self;
        ItemState::ALL.map(|state| (state.name(), *counts.of(state)))
    }
}

/// Something that a person ordered, on record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deed {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: String,
    /// What: `plan`, `start`, `pause`, `resume`, `cancel`.
    pub order: String,
    /// Why, where somebody said so.
    #[serde(default)]
    pub reason: String,
}

/// What changes while a plan is made and runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Progress {
    /// Planning: the highest operation number that was looked at.
    pub cursor: RowId,
    /// Items by state.
    pub counts: Counts,
    /// The counts when it was started or resumed last: what came before is not held against it again.
    pub since: Counts,
    /// Whether the first few went well.
    pub is_tried: bool,
    /// Nothing goes before this moment.
    pub next_at: Option<Timestamp>,
    /// Why it stopped itself.
    pub stopped: Option<StopReason>,
    /// When it was complete.
    pub planned_at: Option<Timestamp>,
    /// When it was started first.
    pub started_at: Option<Timestamp>,
    /// When it finished or was cancelled.
    pub ended_at: Option<Timestamp>,
    /// What persons ordered.
    pub deeds: Vec<Deed>,
}

/// What a person asked for; never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// To send, or to dismiss.
    pub purpose: Purpose,
    /// Which operations.
    pub selection: Selection,
    /// How fast.
    pub pace: Pace,
    /// Who asked.
    pub actor: String,
    /// Why.
    pub reason: String,
}

/// A plan, and how far it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replay {
    /// Its number.
    pub id: RowId,
    /// What was asked for.
    pub plan: Plan,
    /// Where it stands.
    pub state: ReplayState,
    /// How far it is.
    pub progress: Progress,
    /// When it was made: only operations planned before are selected.
    pub created_at: Timestamp,
}

/// What a person may order about a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Begin.
    Start,
    /// Send nothing for now.
    Pause,
    /// Go on.
    Resume,
    /// End it; what was sent stays sent.
    Cancel,
}

impl Order {
    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Cancel => "cancel",
        }
    }
}

impl Replay {
    /// Whether there is anything to do about it: to plan, to send, or to learn outcomes of what was sent.
    pub fn is_active(&self) -> bool {
        self.state == ReplayState::Planning || self.state.sends() || self.progress.counts.sent > 0
    }

    /// Whether one more item may be sent now.
    pub fn may_send(&self, now: Timestamp) -> bool {
        let Progress { counts, since, next_at, .. } = &self.progress;
        let is_in_time = next_at.is_none_or(|at| at <= now) && counts.sent < i64::from(self.plan.pace.window);
        let sent = counts.ever_sent() - since.ever_sent();
        is_in_time
            && match self.state {
                ReplayState::Running => true,
                ReplayState::Canary => sent < i64::from(self.plan.pace.canary),
                ReplayState::Planning
                | ReplayState::Planned
                | ReplayState::Paused
                | ReplayState::Stopped
                | ReplayState::Finished
                | ReplayState::Cancelled => false,
            }
    }

    /// One was sent: the next one has to wait its share of a minute.
    pub fn note_sent(&mut self, now: Timestamp) {
        let share = SignedDuration::from_micros(60_000_000 / i64::from(self.plan.pace.rate.max(1)));
        let earliest = later(now, -MADE_UP_FOR);
        let from = self.progress.next_at.map_or(now, |at| at.max(earliest));
        self.progress.next_at = Some(later(from, share));
    }

    /// An item goes from one state to another; none: it is new.
    pub fn count(&mut self, from: Option<ItemState>, to: ItemState) {
        let counts = &mut self.progress.counts;
        if let Some(from) = from {
            *counts.of(from) -= 1;
        }
        *counts.of(to) += 1;
    }

    /// Goes on, stops or finishes, as what has ended since says.
    pub fn advance(&mut self, now: Timestamp) {
        let Progress { counts, since, .. } = self.progress;
        if self.state.sends() && counts.waiting == 0 && counts.sent == 0 {
            self.state = ReplayState::Finished;
            self.progress.ended_at = Some(now);
            return;
        }
        let (failed, ended) = (counts.failed - since.failed, counts.ended() - since.ended());
        let stop = match self.state {
            ReplayState::Canary if failed > 0 => Some(StopReason::CanaryFailed),
            ReplayState::Canary => {
                if ended >= i64::from(self.plan.pace.canary) && counts.sent == 0 {
                    self.progress.is_tried = true;
                    self.state = ReplayState::Running;
                }
                None
            }
            ReplayState::Running => {
                let is_too_much = failed * 100 >= i64::from(self.plan.pace.stop_percent) * ended;
                (ended >= ENOUGH_TO_JUDGE && failed > 0 && is_too_much).then_some(StopReason::TooManyFailed)
            }
            ReplayState::Planning
            | ReplayState::Planned
            | ReplayState::Paused
            | ReplayState::Stopped
            | ReplayState::Finished
            | ReplayState::Cancelled => None,
        };
        if stop.is_some() {
            self.state = ReplayState::Stopped;
            self.progress.stopped = stop;
        }
    }

    /// Carries out a person's order. `false`: not in this state.
    pub fn order(&mut self, order: Order, actor: &str, reason: &str, now: Timestamp) -> bool {
        let state = match (order, self.state) {
            (Order::Start, ReplayState::Planned)
            | (Order::Resume, ReplayState::Paused | ReplayState::Stopped) => {
                // Who looked at the failures and goes on anyway does not want to be stopped by the same ones.
                self.progress.since = self.progress.counts;
                self.progress.stopped = None;
                if self.plan.pace.canary == 0 || self.progress.is_tried {
                    ReplayState::Running
                } else {
                    // Those sent before a pause count as part of the first few no more: new ones are tried.
                    ReplayState::Canary
                }
            }
            (Order::Pause, ReplayState::Canary | ReplayState::Running) => ReplayState::Paused,
            (
                Order::Cancel,
                ReplayState::Planning
                | ReplayState::Planned
                | ReplayState::Canary
                | ReplayState::Running
                | ReplayState::Paused
                | ReplayState::Stopped,
            ) => ReplayState::Cancelled,
            _ => return false,
        };
        self.state = state;
        if order == Order::Start {
            self.progress.started_at = Some(now);
        }
        if state == ReplayState::Cancelled {
            self.progress.ended_at = Some(now);
        }
        self.note(order.name(), actor, reason, now);
        self.advance(now);
        true
    }

    /// Puts a deed on record.
    pub fn note(&mut self, order: &str, actor: &str, reason: &str, now: Timestamp) {
        let (actor, order, reason) = (actor.to_owned(), order.to_owned(), reason.to_owned());
        self.progress.deeds.push(Deed { at: now, actor, order, reason });
    }
}
