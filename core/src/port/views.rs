//! Questions of people: console, CLI, API. Read-only, never part of a transition.

use async_trait::async_trait;
use serde::Serialize;

use crate::port::store::{ConnectorCondition, LedgerState, StoreError};

/// How many operations of a connector are in a state.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PartnerCount {
    /// The connector instance.
    pub connector: String,
    /// The action.
    pub action: String,
    /// The operation state's name.
    pub state: String,
    /// How many.
    pub operations: i64,
}

/// How a connector's lanes stand.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LaneCount {
    /// The connector instance.
    pub connector: String,
    /// The lane state's name.
    pub state: String,
    /// How many lanes.
    pub lanes: i64,
    /// Creation of the oldest head operation in that state, microseconds since 1970.
    pub oldest_us: Option<i64>,
}

/// A unit's day.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct UnitCount {
    /// The unit's code; empty: unknown yet.
    pub unit: String,
    /// Events received since the given moment.
    pub events: i64,
    /// Operations that succeeded since then.
    pub sent: i64,
    /// Operations open now that wait by themselves (ready, running, awaiting, doubtful).
    pub waiting: i64,
    /// Operations open now that need somebody (held, stuck).
    pub stuck: i64,
}

/// An open incident.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct IncidentView {
    /// Its row.
    pub id: i64,
    /// What makes it one.
    pub key: String,
    /// The connector.
    pub connector: Option<String>,
    /// In words.
    pub said: String,
    /// Since, microseconds.
    pub opened_us: i64,
    /// How many open operations wait for it.
    pub waiting: i64,
}

/// How many waiting out-events are counted at most: nobody needs to know more exactly how far behind the relay is.
pub const OUTBOX_COUNTED: i64 = 100_000;

/// Everything the front page shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Overview {
    /// The store's clock, microseconds.
    pub now_us: i64,
    /// Operations that are open or ended since the given moment, by connector, action, state.
    pub partners: Vec<PartnerCount>,
    /// Lanes that are not idle, by connector and state.
    pub lanes: Vec<LaneCount>,
    /// Units that had any event or have anything open.
    pub units: Vec<UnitCount>,
    /// Open incidents, oldest first.
    pub incidents: Vec<IncidentView>,
    /// Connector conditions.
    pub conditions: Vec<ConnectorCondition>,
    /// The ledgers.
    pub ledgers: LedgerState,
    /// Quarantine entries that nobody closed.
    pub quarantine_open: i64,
    /// Dossiers known.
    pub dossiers: i64,
    /// The number of the newest out-event.
    pub outbox_highest: i64,
    /// Out-events that the relay has not passed yet, counted up to [`OUTBOX_COUNTED`].
    pub outbox_waiting: i64,
}

/// An operation, for people.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OperationView {
    /// Its number.
    pub id: i64,
    /// Its connector.
    pub connector: String,
    /// Its action.
    pub action: String,
    /// Its lane's key.
    pub lane: String,
    /// Its place in the lane.
    pub position: i64,
    /// Whether it heads its lane.
    pub is_head: bool,
    /// The dossier's code.
    pub subject: Option<String>,
    /// The unit.
    pub unit: Option<String>,
    /// The dossier version that it carries.
    pub version: Option<i64>,
    /// Its state.
    pub state: String,
    /// What it waits for.
    pub need: Option<String>,
    /// The cause's code.
    pub cause: Option<String>,
    /// In words.
    pub said: Option<String>,
    /// How often a person edited what it carries.
    pub edits: i32,
    /// Whether any attempt may have reached the partner.
    pub begun: bool,
    /// Setbacks since it was planned or retried; how often it was sent is its attempts' highest number.
    pub attempts: i32,
    /// Not before, microseconds.
    pub due_us: i64,
    /// Planned, microseconds.
    pub created_us: i64,
    /// Ended, microseconds.
    pub ended_us: Option<i64>,
    /// Which operation stands in for it.
    pub superseded_by: Option<i64>,
    /// Who decided by hand.
    pub decided_by: Option<String>,
    /// What it carries, JSON.
    pub payload: String,
    /// The proof, JSON.
    pub proof: Option<String>,
    /// The event that planned it, row.
    pub event: i64,
}

/// An attempt, for people.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AttemptView {
    /// The operation.
    pub operation: i64,
    /// 1, 2, 3, …
    pub number: i32,
    /// Microseconds.
    pub started_us: i64,
    /// Microseconds.
    pub ended_us: Option<i64>,
    /// The outcome's name.
    pub outcome: Option<String>,
    /// The cause's code.
    pub cause: Option<String>,
    /// In words.
    pub said: Option<String>,
    /// Which process.
    pub holder: String,
}

/// An event, for people.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EventView {
    /// Its row.
    pub row: i64,
    /// Its source.
    pub source: String,
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its number.
    pub sequence: Option<i64>,
    /// Whether it was late.
    pub late: bool,
    /// When it happened, microseconds.
    pub at_us: i64,
    /// When we stored it, microseconds.
    pub received_us: i64,
    /// How many operations it planned.
    pub planned: i32,
    /// A remark.
    pub note: Option<String>,
    /// The event, JSON.
    pub body: String,
}

/// A payment, for people.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PaymentView {
    /// The payment's id.
    pub id: String,
    /// Its platform.
    pub connector: String,
    /// In đồng.
    pub amount: i64,
    /// Its state.
    pub state: String,
    /// Updated, microseconds.
    pub updated_us: i64,
    /// Its openings: reference, state number, pay link, platform's number.
    pub references: Vec<ReferenceView>,
}

/// An opening, for people.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReferenceView {
    /// Our reference.
    pub reference: String,
    /// The state's number.
    pub state: i16,
    /// Where the citizen pays.
    pub pay_url: Option<String>,
    /// The platform's number.
    pub platform_ref: Option<String>,
    /// When it was paid, microseconds.
    pub paid_us: Option<i64>,
}

/// A parcel, for people.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ParcelView {
    /// The parcel's id.
    pub id: String,
    /// Its post.
    pub connector: String,
    /// Its order number.
    pub order_number: String,
    /// Its direction's name.
    pub direction: String,
    /// Its state.
    pub state: String,
    /// The post's item code.
    pub item_code: Option<String>,
    /// Latest movement, microseconds.
    pub moved_us: Option<i64>,
    /// Latest movement in the post's words.
    pub last_move: Option<String>,
    /// Updated, microseconds.
    pub updated_us: i64,
}

/// Everything about a dossier.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Timeline {
    /// The canonical code.
    pub code: String,
    /// Other codes that resolve to it.
    pub aliases: Vec<String>,
    /// Whether a full snapshot came.
    pub known: bool,
    /// The unit.
    pub unit: Option<String>,
    /// The newest version's number.
    pub version: i64,
    /// The newest state, JSON.
    pub state: String,
    /// Events in the order they came.
    pub events: Vec<EventView>,
    /// Operations in the order they were planned.
    pub operations: Vec<OperationView>,
    /// Attempts of those operations, latest included.
    pub attempts: Vec<AttemptView>,
    /// Payments.
    pub payments: Vec<PaymentView>,
    /// Parcels.
    pub parcels: Vec<ParcelView>,
}

/// Which operations are wanted. Everything that is `None` does not narrow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OperationFilter {
    /// By connector.
    pub connector: Option<String>,
    /// By action.
    pub action: Option<String>,
    /// By state.
    pub state: Option<crate::operation::OperationState>,
    /// By unit.
    pub unit: Option<String>,
    /// By cause.
    pub cause: Option<String>,
    /// By need; only open operations have one.
    pub need: Option<String>,
    /// Only open ones.
    pub open_only: bool,
    /// Only numbers above this.
    pub after: i64,
    /// At most this many, by ascending number.
    pub limit: i64,
}

/// A lane, for people.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LaneView {
    /// Its row.
    pub id: i64,
    /// The connector instance.
    pub connector: String,
    /// Its key.
    pub key: String,
    /// The state's name.
    pub state: String,
    /// Since when it is in that state, microseconds.
    pub since_us: i64,
    /// When it asks for something again, microseconds.
    pub due_us: i64,
    /// How many operations wait behind the head.
    pub behind: i64,
    /// The operation at its head; none: it is idle.
    pub head: Option<OperationView>,
}

/// Which lanes are wanted. Everything that is `None` does not narrow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LaneFilter {
    /// This one, in whatever state.
    pub id: Option<i64>,
    /// By connector.
    pub connector: Option<String>,
    /// By state; none: those that do not move (stuck, held, doubtful, awaiting, and ready ones whose head has setbacks).
    pub state: Option<crate::lane::LaneState>,
    /// By the head's unit.
    pub unit: Option<String>,
    /// By the head's cause.
    pub cause: Option<String>,
    /// Only those after this place in the order: the head's creation (microseconds) and number.
    pub after: Option<(i64, i64)>,
    /// At most this many, the oldest head first.
    pub limit: i64,
}

impl LaneView {
    /// Its place in the order of [`LaneFilter::after`].
    pub fn place(&self) -> Option<(i64, i64)> {
        self.head.as_ref().map(|head| (head.created_us, head.id))
    }
}

/// An edit of what an operation carries, for people.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EditView {
    /// The operation.
    pub operation: i64,
    /// 1, 2, 3, …
    pub number: i32,
    /// Microseconds.
    pub at_us: i64,
    /// Who.
    pub actor: String,
    /// Why.
    pub reason: String,
    /// What it carried, JSON.
    pub before: String,
    /// What it carried then, JSON.
    pub after: String,
}

/// A quarantine entry, for people.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct QuarantineView {
    /// Its row.
    pub id: i64,
    /// When, microseconds.
    pub received_us: i64,
    /// `amqp`, `http`, `file`.
    pub origin: String,
    /// What could be read of its source.
    pub source: Option<String>,
    /// … of its id.
    pub event_id: Option<String>,
    /// … of its subject.
    pub subject: Option<String>,
    /// … of its type.
    pub event_type: Option<String>,
    /// The reason's code.
    pub reason: String,
    /// Where.
    pub path: String,
    /// What was expected.
    pub expected: String,
    /// What was found.
    pub got: String,
    /// Closed, microseconds; none: it is open.
    pub closed_us: Option<i64>,
    /// Who closed it; none at a closed one: its event was admitted after all. None in lists.
    pub closed_by: Option<String>,
    /// Why, in that person's words. None in lists.
    pub closed_because: Option<String>,
    /// The raw bytes; none in lists.
    #[serde(skip)]
    pub raw: Vec<u8>,
}

/// Read-only questions. Each answers from one consistent snapshot.
#[async_trait]
pub trait Views: Send + Sync {
    /// The front page; `since_us`: what counts as today.
    async fn overview(&self, since_us: i64) -> Result<Overview, StoreError>;
    /// A dossier by code or alias.
    async fn timeline(&self, code: &str) -> Result<Option<Timeline>, StoreError>;
    /// Operations by filter.
    async fn operations(&self, filter: &OperationFilter) -> Result<Vec<OperationView>, StoreError>;
    /// One operation with its attempts and the dossier state that it carries (JSON).
    async fn operation(
        &self,
        id: i64,
    ) -> Result<Option<(OperationView, Vec<AttemptView>, Option<String>)>, StoreError>;
    /// Lanes by filter; one by its number even if it is idle.
    async fn lanes(&self, filter: &LaneFilter) -> Result<Vec<LaneView>, StoreError>;
    /// Edits of these operations, by operation and number.
    async fn edits(&self, operations: &[i64]) -> Result<Vec<EditView>, StoreError>;
    /// Open quarantine entries above `after`, by number, at most `limit`.
    async fn quarantine(&self, after: i64, limit: i64) -> Result<Vec<QuarantineView>, StoreError>;
    /// One entry, open or closed.
    async fn quarantine_entry(&self, id: i64) -> Result<Option<QuarantineView>, StoreError>;
}
