//! The items of a plan: what becomes of each operation, what that goes by, and how far it is.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    id::{DossierCode, RowId, UnitCode},
    operation::{ActionKind, OperationState},
    outcome::Cause,
};

/// What becomes of an operation in a plan, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Treatment {
    /// Sent again in its place.
    Retry,
    /// Its dossier's newest state is sent, as a new operation.
    ResendState,
    /// Its steps are sent, as a new operation.
    ResendSteps,
    /// Ended without its effect.
    Dismiss,
    /// Left: it waits for something that sending again cannot supply.
    Wait,
    /// Left: it moves by itself.
    Moving,
    /// Left: its effect may exist and would be doubled; a person decides about it alone.
    Unsure,
    /// Left: its effect exists or may exist.
    Duplicate,
    /// Left: it would put something older over something newer.
    Regress,
    /// Left: a newer state of its dossier is under way or goes in its place.
    Covered,
    /// Left: the one-stop system has to ask for it under a new id.
    Renew,
    /// Left: it was tried or decided otherwise since the plan was made.
    Changed,
}

impl Treatment {
    /// All treatments.
    pub const ALL: [Self; 12] = [
        Self::Retry,
        Self::ResendState,
        Self::ResendSteps,
        Self::Dismiss,
        Self::Wait,
        Self::Moving,
        Self::Unsure,
        Self::Duplicate,
        Self::Regress,
        Self::Covered,
        Self::Renew,
        Self::Changed,
    ];

    /// The stable name, as in the store and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::ResendState => "resend_state",
            Self::ResendSteps => "resend_steps",
            Self::Dismiss => "dismiss",
            Self::Wait => "wait",
            Self::Moving => "moving",
            Self::Unsure => "unsure",
            Self::Duplicate => "duplicate",
            Self::Regress => "regress",
            Self::Covered => "covered",
            Self::Renew => "renew",
            Self::Changed => "changed",
        }
    }

    /// The treatment with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|t| t.name() == name)
    }

    /// Whether the plan acts on it.
    pub fn acts(self) -> bool {
        matches!(self, Self::Retry | Self::ResendState | Self::ResendSteps | Self::Dismiss)
    }
}

/// Where an item of a plan stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemState {
    /// To be sent.
    Waiting = 1,
    /// Sent, without an outcome yet.
    Sent = 2,
    /// Done as wished.
    Done = 10,
    /// Sent, and stuck, refused or held.
    Failed = 11,
    /// Not sent: when its turn came it had to be treated otherwise; or what was sent ended without having gone out.
    Skipped = 12,
    /// Never to be sent by this plan.
    Left = 13,
}

impl ItemState {
    /// All states.
    pub const ALL: [Self; 6] =
        [Self::Waiting, Self::Sent, Self::Done, Self::Failed, Self::Skipped, Self::Left];

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
            Self::Waiting => "waiting",
            Self::Sent => "sent",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Left => "left",
        }
    }

    /// The state with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.name() == name)
    }
}

/// An operation in a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayItem {
    /// The plan.
    pub replay: RowId,
    /// The operation.
    pub operation: RowId,
    /// Its lane.
    pub lane: RowId,
    /// Its dossier's code.
    pub subject: Option<DossierCode>,
    /// Its unit.
    pub unit: Option<UnitCode>,
    /// When it was planned: its age.
    pub since: Timestamp,
    /// Its latest attempt's number when the plan was made (0: none): another one since means that it was tried.
    pub tried: i32,
    /// What becomes of it.
    pub treatment: Treatment,
    /// Where it stands.
    pub state: ItemState,
    /// The operation that was sent: itself, or a new one.
    pub sent_as: Option<RowId>,
    /// When the state was reached.
    pub at: Timestamp,
}

/// What the verdict about an operation goes by: the operation, its lane and its dossier, as the store has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// The operation.
    pub operation: RowId,
    /// Its lane.
    pub lane: RowId,
    /// Its dossier's code.
    pub subject: Option<DossierCode>,
    /// Its unit.
    pub unit: Option<UnitCode>,
    /// Its action.
    pub action: ActionKind,
    /// Its state.
    pub state: OperationState,
    /// Whether an attempt may have reached the partner.
    pub begun: bool,
    /// Whether an attempt ended in doubt.
    pub doubted: bool,
    /// Why it is where it is.
    pub cause: Option<Cause>,
    /// Its latest attempt's number; 0: none.
    pub tried: i32,
    /// When it was planned.
    pub since: Timestamp,
    /// Whether the dossier was told whole.
    pub is_known: bool,
    /// Whether the partner has acknowledged a full state of the lane's key.
    pub acknowledged: bool,
    /// Whether the lane belongs to another code than the dossier's: the dossier went into another one.
    pub is_moved: bool,
    /// Whether another state of the dossier is open in the lane.
    pub has_open_state: bool,
    /// Whether the lane's head is another operation that is stuck, or held by anything but the lack of a state.
    pub stands: bool,
    /// Whether a later step of the dossier is open, done, or may have reached the partner.
    pub has_later_step: bool,
    /// Whether an item of this plan sends the dossier's state already.
    pub is_sent_by_plan: bool,
}

/// An item with what its operation (or the one sent in its place) looks like now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemView {
    /// The item.
    pub item: ReplayItem,
    /// The operation's state now.
    pub now: OperationState,
    /// Its cause.
    pub cause: Option<Cause>,
    /// In words.
    pub said: Option<String>,
}

/// Which items of a plan are wanted, by ascending operation number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ItemFilter {
    /// The plan.
    pub replay: RowId,
    /// Only with this treatment.
    pub treatment: Option<Treatment>,
    /// Only in this state.
    pub state: Option<ItemState>,
    /// Only operations above this number.
    pub after: RowId,
    /// At most this many.
    pub limit: i64,
}

/// How many items of a plan have a treatment and a state, and how old their operations are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// The treatment.
    pub treatment: Treatment,
    /// The state.
    pub state: ItemState,
    /// How many.
    pub items: i64,
    /// The oldest operation's planning.
    pub oldest: Timestamp,
    /// The newest one's.
    pub newest: Timestamp,
}
