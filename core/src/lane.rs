//! A lane: one connector instance and one key, first in, first out. Here is the row with its open operations, and what
//! keeps the two in step: the lane's state is always that of its head. Decisions about outcomes live in `policy/`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    id::{ConnectorId, LaneKey, RowId},
    need::Need,
    operation::{Operation, OperationState},
};

/// What a lane does: its head's state, or nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LaneState {
    /// No open operation.
    Idle = 0,
    /// The head may be claimed at `due_at`.
    Ready = 1,
    /// The head is with the partner under the lease.
    Running = 2,
    /// The head's effect is unknown; to be resolved at `due_at`.
    Doubtful = 3,
    /// The partner has the head; to be asked at `due_at`.
    Awaiting = 4,
    /// The head waits for something of ours.
    Held = 5,
    /// The head needs a person.
    Stuck = 6,
}

impl LaneState {
    /// All states.
    pub const ALL: [Self; 7] =
        [Self::Idle, Self::Ready, Self::Running, Self::Doubtful, Self::Awaiting, Self::Held, Self::Stuck];

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
            Self::Idle => "idle",
            Self::Ready => "ready",
            Self::Running => "running",
            Self::Doubtful => "doubtful",
            Self::Awaiting => "awaiting",
            Self::Held => "held",
            Self::Stuck => "stuck",
        }
    }

    fn of(head: OperationState) -> Self {
        match head {
            OperationState::Ready => Self::Ready,
            OperationState::Running => Self::Running,
            OperationState::Doubtful => Self::Doubtful,
            OperationState::Awaiting => Self::Awaiting,
            OperationState::Held => Self::Held,
            OperationState::Stuck => Self::Stuck,
            OperationState::Succeeded
            | OperationState::Refused
            | OperationState::Superseded
            | OperationState::Dismissed => Self::Idle,
        }
    }
}

/// Who may have the head with the partner, and until when by the store's clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The process: a name that no two runs share.
    pub holder: String,
    /// After this the head is doubtful.
    pub until: Timestamp,
}

/// A lane with its open operations, as loaded and locked by the store.
#[derive(Debug, Clone, PartialEq)]
pub struct Lane {
    /// Its row.
    pub id: RowId,
    /// The connector instance.
    pub connector: ConnectorId,
    /// The key.
    pub key: LaneKey,
    /// The place that the next operation gets; only grows.
    pub next_position: i64,
    /// Whether the partner has acknowledged a full state of this lane's key (portal: the dossier exists there).
    pub acknowledged: bool,
    /// The head's state.
    pub state: LaneState,
    /// When the state asks for something: claim, probe; while idle: the earliest moment for what comes next.
    pub due_at: Timestamp,
    /// The head's need, while held.
    pub need: Option<Need>,
    /// The head: the open operation with the lowest place.
    pub head: Option<RowId>,
    /// The lease on the head, while running.
    pub lease: Option<Lease>,
    /// Grows with every claim: the fence of a settle.
    pub claim: i64,
    /// Since when the lane is in this state.
    pub since: Timestamp,
    /// Open operations by place.
    pub open: Vec<Operation>,
}

impl Lane {
    /// A lane without operations.
    pub fn new(id: RowId, connector: ConnectorId, key: LaneKey, now: Timestamp) -> Self {
        Self {
            id,
            connector,
            key,
            next_position: 1,
            acknowledged: false,
            state: LaneState::Idle,
            due_at: now,
            need: None,
            head: None,
            lease: None,
            claim: 0,
            since: now,
            open: Vec::new(),
        }
    }

    /// The running head and the number of the claim that it runs under.
    pub fn held_claim(&self) -> Option<(RowId, i64)> {
        (self.state == LaneState::Running).then_some((self.head?, self.claim))
    }

    /// The head.
    pub fn head(&self) -> Option<&Operation> {
        self.open.get(self.front()?)
    }

    /// Where the head is in `open`. Within a unit of work that is not always the first one: operations that ended are
    /// still there, and one that took over a place stands at the end, until [`Self::sync`].
    pub fn front(&self) -> Option<usize> {
        let open = self.open.iter().enumerate().filter(|(_, o)| !o.state.is_ended());
        open.min_by_key(|(_, o)| o.position).map(|(at, _)| at)
    }

    /// Brings the row in step with its open operations: drops ended ones (returned), orders by place, copies the
    /// head's state, time and need.
    pub fn sync(&mut self, now: Timestamp) -> Vec<Operation> {
        let (ended, mut open): (Vec<_>, Vec<_>) = self.open.drain(..).partition(|o| o.state.is_ended());
        open.sort_by_key(|o| o.position);
        self.open = open;
        let (state, due_at, need, head) = if let Some(head) = self.open.first() {
            (LaneState::of(head.state), head.due_at, head.need.clone(), Some(head.id))
        } else {
            // Nothing may go out before what the last one left behind is over.
            let due_at = ended.iter().map(|o| o.due_at).max().unwrap_or(self.due_at);
            (LaneState::Idle, due_at, None, None)
        };
        if state != self.state || head != self.head {
            self.since = now;
        }
        if state != LaneState::Running {
            self.lease = None;
        }
        (self.state, self.due_at, self.need, self.head) = (state, due_at, need, head);
        ended
    }
}
