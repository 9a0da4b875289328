//! An operation: one intended effect on one partner, its state, and what it carries. Transitions live in `lane.rs`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

use crate::{
    event::data::{Parcel, Payment},
    id::{ConnectorId, DossierCode, OrderNumber, ParcelId, PaymentId, Reference, RowId, UnitCode},
    need::Need,
    outcome::{Cause, Proof},
    parcel::Direction,
    status::PortalStatus,
};

/// The kinds of effect. What follows from each is in `policy/action.rs`, and only there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActionKind {
    /// Create or replace the dossier at the portal.
    SyncDossier,
    /// Append progress steps to it.
    AppendProgress,
    /// Open a payment at a platform.
    OpenPayment,
    /// Order a parcel at the post.
    CreateParcel,
    /// Cancel that order.
    CancelParcel,
    /// An effect that no connector of this installation offers; waits as `Held(action)`.
    Unassigned,
}

impl ActionKind {
    /// All kinds.
    pub const ALL: [Self; 6] = [
        Self::SyncDossier,
        Self::AppendProgress,
        Self::OpenPayment,
        Self::CreateParcel,
        Self::CancelParcel,
        Self::Unassigned,
    ];

    /// The stable name, as in the store, JSON and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::SyncDossier => "sync_dossier",
            Self::AppendProgress => "append_progress",
            Self::OpenPayment => "open_payment",
            Self::CreateParcel => "create_parcel",
            Self::CancelParcel => "cancel_parcel",
            Self::Unassigned => "unassigned",
        }
    }

    /// The kind with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|a| a.name() == name)
    }
}

/// Where an operation stands. The numbers are those of the store's `operations.state`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OperationState {
    /// May go as soon as it heads its lane and its time has come.
    Ready = 1,
    /// With the partner under a lease.
    Running = 2,
    /// Unknown effect: to be probed, repeated by rule, or decided by a person.
    Doubtful = 3,
    /// Taken by the partner, not settled.
    Awaiting = 4,
    /// Waits for something of ours.
    Held = 5,
    /// Needs a person.
    Stuck = 6,
    /// Ended: the effect exists.
    Succeeded = 10,
    /// Ended: the partner refused.
    Refused = 11,
    /// Ended: a newer operation stands in for it.
    Superseded = 12,
    /// Ended: a person, or an event that annulled it, said so.
    Dismissed = 13,
}

impl OperationState {
    /// All states.
    pub const ALL: [Self; 10] = [
        Self::Ready,
        Self::Running,
        Self::Doubtful,
        Self::Awaiting,
        Self::Held,
        Self::Stuck,
        Self::Succeeded,
        Self::Refused,
        Self::Superseded,
        Self::Dismissed,
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
            Self::Ready => "ready",
            Self::Running => "running",
            Self::Doubtful => "doubtful",
            Self::Awaiting => "awaiting",
            Self::Held => "held",
            Self::Stuck => "stuck",
            Self::Succeeded => "succeeded",
            Self::Refused => "refused",
            Self::Superseded => "superseded",
            Self::Dismissed => "dismissed",
        }
    }

    /// The state with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.name() == name)
    }

    /// Whether nothing will happen any more.
    pub fn is_ended(self) -> bool {
        self.number() >= 10
    }
}

/// One progress entry as the portal is to see it. Fixed at planning; a repeat sends the same bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgressStep {
    /// When it happened.
    pub at: Timestamp,
    /// Who did it.
    pub officer: String,
    /// That person's title, may be empty.
    pub title: String,
    /// Department, may be empty.
    pub department: String,
    /// What was done; never empty.
    pub content: String,
    /// The dossier's status at the portal after this step.
    pub status: PortalStatus,
    /// When the step began.
    pub started_at: Option<Timestamp>,
    /// When the step was due.
    pub due_at: Option<Timestamp>,
}

/// What an operation carries beside its dossier version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum Payload {
    /// The dossier version says it all.
    SyncDossier,
    /// The same, but only if the partner, asked first, does not know the dossier: what a former system has sent is not
    /// sent again.
    AdoptDossier,
    /// 1-10 consecutive steps of one dossier.
    AppendProgress {
        /// In order.
        steps: Vec<ProgressStep>,
    },
    /// One opening of a payment.
    OpenPayment {
        /// The payment, as requested, with its beneficiary resolved (again when it waited for a setting).
        payment: Box<Payment>,
        /// Our reference of this opening.
        reference: Reference,
        /// The sum of the lines, in đồng.
        amount: i64,
        /// The moment that the platform is told, `yyyyMMddHHmmss`: the requesting event's; repeated byte for byte in every later
        /// question.
        sent_at: String,
    },
    /// An order of a parcel.
    CreateParcel {
        /// The parcel, as requested.
        parcel: Box<Parcel>,
        /// Which way it goes.
        direction: Direction,
        /// The order number, derived from the parcel's id.
        order_number: OrderNumber,
    },
    /// The cancellation of that order.
    CancelParcel {
        /// The parcel.
        parcel: ParcelId,
        /// Its order number.
        order_number: OrderNumber,
        /// Why, in the source's words.
        reason: String,
    },
    /// Something that must reach a partner for which this installation has no connector.
    Unassigned {
        /// The event name that asked for it.
        wanted: String,
    },
}

impl Payload {
    /// Its kind.
    pub fn kind(&self) -> ActionKind {
        match self {
            Self::SyncDossier | Self::AdoptDossier => ActionKind::SyncDossier,
            Self::AppendProgress { .. } => ActionKind::AppendProgress,
            Self::OpenPayment { .. } => ActionKind::OpenPayment,
            Self::CreateParcel { .. } => ActionKind::CreateParcel,
            Self::CancelParcel { .. } => ActionKind::CancelParcel,
            Self::Unassigned { .. } => ActionKind::Unassigned,
        }
    }

    /// The payment that it is about.
    pub fn payment(&self) -> Option<&PaymentId> {
        if let Self::OpenPayment { payment, .. } = self { Some(&payment.id) } else { None }
    }

    /// The parcel that it is about.
    pub fn parcel(&self) -> Option<&ParcelId> {
        match self {
            Self::CreateParcel { parcel, .. } => Some(&parcel.id),
            Self::CancelParcel { parcel, .. } => Some(parcel),
            Self::SyncDossier
            | Self::AdoptDossier
            | Self::AppendProgress { .. }
            | Self::OpenPayment { .. }
            | Self::Unassigned { .. } => None,
        }
    }
}

/// One try to bring the effect about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// 1, 2, 3, …
    pub number: i32,
    /// When it was claimed.
    pub started_at: Timestamp,
    /// When its outcome was recorded.
    pub ended_at: Option<Timestamp>,
    /// The outcome's name: `done`, `refused`, …
    pub outcome: Option<String>,
    /// The cause's code.
    pub cause: Option<Cause>,
    /// In words, masked.
    pub said: Option<String>,
    /// Which process held it.
    pub holder: String,
}

/// An operation as the store keeps it.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    /// Its number.
    pub id: RowId,
    /// Its lane.
    pub lane: RowId,
    /// Its place in the lane; open operations of a lane have distinct places.
    pub position: i64,
    /// The connector instance that carries it out.
    pub connector: ConnectorId,
    /// The dossier that it belongs to, if any.
    pub dossier: Option<RowId>,
    /// That dossier's code, for people and logs.
    pub subject: Option<DossierCode>,
    /// The dossier version fixed at planning.
    pub version: Option<i64>,
    /// The unit that handles the dossier.
    pub unit: Option<UnitCode>,
    /// The event that planned it (0: none, a callback or timer did).
    pub event: RowId,
    /// What it carries.
    pub payload: Arc<Payload>,
    /// Where it stands.
    pub state: OperationState,
    /// Not before.
    pub due_at: Timestamp,
    /// What it waits for, while held.
    pub need: Option<Need>,
    /// How many attempts have counted against the retry schedule.
    pub attempts: i32,
    /// How often a person edited what it carries; the edits themselves are kept beside it.
    pub edits: i32,
    /// Whether any attempt may have reached the partner.
    pub begun: bool,
    /// Whether an attempt ended in doubt; from then on repeats are byte for byte, one step a call.
    pub doubted: bool,
    /// The latest attempt.
    pub attempt: Option<Attempt>,
    /// Why it is where it is.
    pub cause: Option<Cause>,
    /// The same in words, masked.
    pub said: Option<String>,
    /// What the partner said at success.
    pub proof: Option<Proof>,
    /// The operation that stands in for it.
    pub superseded_by: Option<RowId>,
    /// Who ended or moved it by hand, and why.
    pub decided_by: Option<String>,
    /// When it was planned.
    pub created_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}
