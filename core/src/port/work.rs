//! A unit of work: the rows that one business transition loads under lock, changes in memory, and writes, all in one
//! transaction of the store. The decision between loading and writing is pure and lives in `plan/`, `policy/`, `flow/`.
//! Conditions of connectors come last of all locks: whoever holds one waits for no lane.

use jiff::Timestamp;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use crate::{
    catalogue::{Change as CatalogueChange, Entry, ListHead, Mapping},
    dossier::DossierRecord,
    id::{
        ConnectorId, DossierCode, EventId, EventKey, LaneKey, ParcelId, PaymentId, RowId, Source, UnitCode,
    },
    lane::Lane,
    need::Need,
    operation::{ActionKind, Attempt, Operation, OperationState, Payload},
    parcel::{ParcelMove, ParcelRecord},
    payment::PaymentRecord,
    port::{inbound::InboundWork, store::ConnectorCondition},
    reconciliation::{Discrepancy, Expectation, Run},
    replay::{Case, Replay, ReplayItem},
};

pub use crate::port::{
    ids::{IDS_PER_DECISION, IdBlock, IdSource},
    scope::{Scan, Scope},
};

/// A dossier, or the knowledge that there is none.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded<T> {
    /// The row as it is to be.
    pub row: T,
    /// Whether it has to be written.
    pub change: Change,
}

/// Whether and how a row has to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// As loaded.
    None,
    /// An update.
    Update,
    /// A new row.
    Insert,
}

impl<T> Loaded<T> {
    /// A row as the store has it.
    pub fn stored(row: T) -> Self {
        Self { row, change: Change::None }
    }

    /// A row that the store does not have yet.
    pub fn fresh(row: T) -> Self {
        Self { row, change: Change::Insert }
    }

    /// The row, to be changed.
    pub fn edit(&mut self) -> &mut T {
        if self.change == Change::None {
            self.change = Change::Update;
        }
        &mut self.row
    }
}

/// A connector's condition under lock, with what the store counted then.
#[derive(Debug, Clone, PartialEq)]
pub struct PartnerAtWork {
    /// The condition; one that was never stored works.
    pub condition: Loaded<ConnectorCondition>,
    /// How many lanes have their head with the partner, in all replicas.
    pub running: usize,
    /// Whether any lane is ready and due.
    pub is_waiting: bool,
}

/// An event that is to be stored.
#[derive(Debug, Clone, PartialEq)]
pub struct EventRecord {
    /// Its row.
    pub row: RowId,
    /// Its key.
    pub key: EventKey,
    /// SHA-256 of the canonical content.
    pub content_hash: [u8; 32],
    /// The name within the type: `dossier.received`.
    pub name: String,
    /// The ordering key.
    pub subject: String,
    /// The unit, where known.
    pub unit: Option<UnitCode>,
    /// The dossier, unless the event is about a unit.
    pub dossier: Option<RowId>,
    /// When it happened.
    pub at: Timestamp,
    /// Its number within the dossier and source.
    pub sequence: Option<i64>,
    /// Whether it came after events with a higher number.
    pub late: bool,
    /// How many operations it planned.
    pub planned: i32,
    /// A remark for people: "recorded", …
    pub note: Option<String>,
    /// The event as it came, JSON.
    pub body: Arc<str>,
}

/// An event that cannot be admitted, with its raw bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuarantineRecord {
    /// Its row.
    pub row: RowId,
    /// `amqp`, `http`, `file`.
    pub origin: String,
    /// What could be read of its source.
    pub source: Option<String>,
    /// What could be read of its id.
    pub event_id: Option<String>,
    /// What could be read of its subject.
    pub subject: Option<String>,
    /// What could be read of its type.
    pub event_type: Option<String>,
    /// The reason's stable code.
    pub reason: String,
    /// Where in the event, as a JSON pointer.
    pub path: String,
    /// What was expected, in words.
    pub expected: String,
    /// What was found, cut to 200 characters.
    pub got: String,
    /// The bytes as they came.
    pub raw: Vec<u8>,
}

/// An event for the one-stop system and whoever else listens.
#[derive(Debug, Clone, PartialEq)]
pub struct OutEvent {
    /// The name within the type: `portal.synced`.
    pub name: String,
    /// The ordering key.
    pub subject: String,
    /// The unit, for the routing key.
    pub unit: Option<UnitCode>,
    /// A stable id: the same effect has the same id.
    pub id: String,
    /// Its data.
    pub data: serde_json::Value,
    /// When it happened.
    pub at: Timestamp,
}

/// A version of a dossier's state, stored once.
#[derive(Debug, Clone, PartialEq)]
pub struct VersionRecord {
    /// The dossier.
    pub dossier: RowId,
    /// Its number.
    pub version: i64,
    /// The state, JSON of [`crate::dossier::DossierState`].
    pub state: Arc<str>,
    /// The event that made it (0: a payment or parcel did).
    pub event: RowId,
}

/// A dossier that goes into another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merge {
    /// The row that goes.
    pub from: RowId,
    /// The row that stays.
    pub into: RowId,
    /// Its code.
    pub code: DossierCode,
}

/// One line of somebody's morning: something that needs a person, once, however many operations it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncidentRecord {
    /// What makes it one: a need, a connector's pause.
    pub key: String,
    /// The connector concerned.
    pub connector: Option<ConnectorId>,
    /// In words for the log; the console translates by key.
    pub said: String,
}

impl IncidentRecord {
    /// That an operation waits for something of ours.
    fn of_need(need: &Need, operation: &Operation) -> Self {
        let (connector, said) = if let Payload::Unassigned { wanted } = &*operation.payload {
            (None, wanted.clone())
        } else {
            let subject = operation.subject.as_ref().map_or_else(String::new, ToString::to_string);
            (Some(operation.connector.clone()), subject)
        };
        Self { key: need.to_string(), connector, said }
    }
}

/// A step of the installation as a whole around a restore, part of a unit of work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RestoreStep {
    /// Nothing goes out any more.
    Fence(Fenced),
    /// The decision: what waits goes out.
    Release(Release),
}

/// How the installation is fenced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fenced {
    /// The new epoch.
    pub epoch: i64,
    /// Out-events are numbered above this from now on.
    pub outbox_above: i64,
    /// What showed that the store is an older one: a stable word.
    pub reason: String,
    /// When the backup was taken, where that is known.
    pub backup_at: Option<Timestamp>,
    /// The last known sign of life of the time that is lost.
    pub seen_at: Option<Timestamp>,
}

/// A person's decision that lifts the fence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// When.
    pub at: Timestamp,
    /// Who and why.
    pub by: String,
    /// Progress steps that happened up to here count as sent before the restore; none: all are sent.
    pub steps_until: Option<Timestamp>,
}

/// What one transaction adds to the two ledgers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LedgerDelta {
    /// Messages taken in.
    pub received: i64,
    /// … admitted.
    pub admitted: i64,
    /// … known already, with the same content.
    pub duplicate: i64,
    /// … put into quarantine.
    pub quarantined: i64,
    /// Operations planned.
    pub planned: i64,
    /// … ended as succeeded.
    pub succeeded: i64,
    /// … refused.
    pub refused: i64,
    /// … superseded.
    pub superseded: i64,
    /// … dismissed.
    pub dismissed: i64,
}

impl LedgerDelta {
    /// Whether it changes nothing.
    pub fn is_zero(&self) -> bool {
        *self == Self::default()
    }
}

/// What a person made of what an operation carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EditRecord {
    /// The operation.
    pub operation: RowId,
    /// 1, 2, 3, …
    pub number: i32,
    /// Who.
    pub actor: String,
    /// Why.
    pub reason: String,
    /// What it carried, JSON.
    pub before: Arc<str>,
    /// What it carries now, JSON.
    pub after: Arc<str>,
}

/// A past event of a dossier, for late arrivals.
#[derive(Debug, Clone, PartialEq)]
pub struct PastEvent {
    /// Who published it.
    pub source: Source,
    /// Its number.
    pub sequence: Option<i64>,
    /// The event, JSON.
    pub body: Arc<str>,
}

/// The verdict on a callback that was stored before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallbackVerdict {
    /// The stored callback.
    pub callback: RowId,
    /// (platform, our reference, their reference, result), once verified.
    pub identity: Option<String>,
    /// `applied`, `repeated`, `rejected: …`.
    pub verdict: String,
}

/// The unit of work.
#[derive(Debug)]
pub struct Work {
    /// The store's clock, read in this transaction.
    pub now: Timestamp,
    /// The installation's epoch.
    pub epoch: i64,
    /// Whether nothing may go out: the store was restored and nobody has decided yet. Read in this transaction.
    pub is_fenced: bool,
    /// What was loaded.
    pub scope: Scope,
    /// Content hashes of known event keys of the scope.
    pub known_events: HashMap<EventKey, [u8; 32]>,
    /// Dossiers by canonical code.
    pub dossiers: BTreeMap<DossierCode, Loaded<DossierRecord>>,
    /// Alias (or code) to canonical code, of everything that resolved.
    pub aliases: HashMap<DossierCode, DossierCode>,
    /// Past events by dossier row.
    pub history: HashMap<RowId, Vec<PastEvent>>,
    /// Of these dossiers retention has taken events: their history is not whole.
    pub forgotten: HashSet<RowId>,
    /// Payments with their references.
    pub payments: BTreeMap<PaymentId, Loaded<PaymentRecord>>,
    /// Parcels.
    pub parcels: BTreeMap<ParcelId, Loaded<ParcelRecord>>,
    /// Lanes with their open operations, by key and connector.
    pub lanes: BTreeMap<(LaneKey, ConnectorId), Loaded<Lane>>,
    /// Operations of the scope that have ended already (they are not in a lane's `open` any more).
    pub ended: HashMap<RowId, Operation>,
    /// Dossier states of the lanes' heads and of named operations by (dossier, version), where wanted.
    pub states: HashMap<(RowId, i64), Arc<str>>,
    /// Conditions of the scope's connectors.
    pub partners: BTreeMap<ConnectorId, PartnerAtWork>,
    /// Identities among the scope's callbacks that were applied before.
    pub applied_callbacks: HashSet<String>,
    /// Keys of the scope's incidents that are open.
    pub incidents: BTreeMap<RowId, String>,
    /// The scope's quarantine entries that are open.
    pub quarantine: BTreeSet<RowId>,
    /// Plans of replays.
    pub replays: BTreeMap<RowId, Loaded<Replay>>,
    /// Their items.
    pub replay_items: BTreeMap<(RowId, RowId), Loaded<ReplayItem>>,
    /// How the scope's lists of the catalogue stand, by connector and list.
    pub catalogue_heads: BTreeMap<(ConnectorId, String), Loaded<ListHead>>,
    /// Entries of the catalogue by connector, list and code.
    pub catalogue: BTreeMap<(ConnectorId, String, String), Loaded<Entry>>,
    /// Mappings.
    pub mappings: BTreeMap<RowId, Loaded<Mapping>>,
    /// What we believe of dossiers at partners.
    pub expectations: BTreeMap<(ConnectorId, DossierCode), Loaded<Expectation>>,
    /// Discrepancies.
    pub discrepancies: BTreeMap<RowId, Loaded<Discrepancy>>,
    /// Runs of the reconciliation.
    pub reconciliations: BTreeMap<RowId, Loaded<Run>>,
    /// What plans decide by, by operation.
    pub cases: HashMap<RowId, Case>,

    // What is to be written beside the rows above.
    /// New events.
    pub new_events: Vec<EventRecord>,
    /// New quarantine entries. Admitting an event closes the open ones of its key, whatever their reason; a conflict's
    /// stays, because its key was admitted before.
    pub new_quarantine: Vec<QuarantineRecord>,
    /// Quarantine entries to close.
    pub closed_quarantine: Vec<RowId>,
    /// New dossier versions.
    pub new_versions: Vec<VersionRecord>,
    /// New aliases: alias, dossier row.
    pub new_aliases: Vec<(DossierCode, RowId)>,
    /// Dossiers that go into others: their rows go away, and what is not loaded of theirs (events, ended operations,
    /// aliases) belongs to the others. New rows name the others already.
    pub merged: Vec<Merge>,
    /// Operations changed in place within their lanes (or planned): filled through [`Work::touch`].
    pub touched: BTreeMap<RowId, Change>,
    /// Operations to insert or update, those that ended in this work included; filled by [`Work::finish`].
    pub operations: BTreeMap<RowId, Loaded<Operation>>,
    /// Earlier attempts that a new one pushed out of the operation's row.
    pub past_attempts: Vec<(RowId, Attempt)>,
    /// Edits by hand; the operation's own row carries their number.
    pub edits: Vec<EditRecord>,
    /// Events for the outbox, in order.
    pub outbox: Vec<OutEvent>,
    /// Tracking records: connector, parcel row if matched, record. Known records (connector, record) are ignored.
    pub new_moves: Vec<(ConnectorId, Option<RowId>, ParcelMove)>,
    /// Incidents to open unless one with the key is open. [`Work::finish`] adds those of needs.
    pub opened: Vec<IncidentRecord>,
    /// Keys of incidents to close.
    pub closed: Vec<String>,
    /// Needs that some operation does not wait for any more: their incidents close, unless another open operation still
    /// waits. Filled by [`Work::finish`].
    pub left: BTreeSet<String>,
    /// What happened to entries of the catalogue.
    pub catalogue_changes: Vec<CatalogueChange>,
    /// Verdicts on stored callbacks.
    pub callbacks: Vec<CallbackVerdict>,
    /// What partners send by themselves.
    pub inbound: InboundWork,
    /// A feed's cursor to advance: feed name, cursor. Part of the same transaction as what the feed brought.
    pub cursors: Vec<(String, String)>,
    /// A step around a restore; a store refuses it as contended if the epoch has changed meanwhile.
    pub restore: Option<RestoreStep>,
    /// What the ledgers gain.
    pub ledger: LedgerDelta,
    /// Who did it and what, for the audit trail: actor, deed, subject.
    pub audit: Vec<(String, String, String)>,
    /// What else has to be loaded: if not empty, the store rolls back, loads both scopes and decides again.
    pub missing: Scope,
    /// What the loaded operations wait for.
    waiting: HashMap<RowId, Need>,
    ids: Arc<IdBlock>,
}

impl Work {
    /// An empty unit of work, to be filled by a store.
    pub fn new(now: Timestamp, scope: Scope, ids: Arc<IdBlock>) -> Self {
        Self {
            now,
            epoch: 0,
            is_fenced: false,
            scope,
            known_events: HashMap::new(),
            dossiers: BTreeMap::new(),
            aliases: HashMap::new(),
            history: HashMap::new(),
            forgotten: HashSet::new(),
            payments: BTreeMap::new(),
            parcels: BTreeMap::new(),
            lanes: BTreeMap::new(),
            ended: HashMap::new(),
            states: HashMap::new(),
            partners: BTreeMap::new(),
            applied_callbacks: HashSet::new(),
            incidents: BTreeMap::new(),
            quarantine: BTreeSet::new(),
            replays: BTreeMap::new(),
            replay_items: BTreeMap::new(),
            catalogue_heads: BTreeMap::new(),
            catalogue: BTreeMap::new(),
            mappings: BTreeMap::new(),
            expectations: BTreeMap::new(),
            discrepancies: BTreeMap::new(),
            reconciliations: BTreeMap::new(),
            cases: HashMap::new(),
            new_events: Vec::new(),
            new_quarantine: Vec::new(),
            closed_quarantine: Vec::new(),
            new_versions: Vec::new(),
            new_aliases: Vec::new(),
            merged: Vec::new(),
            touched: BTreeMap::new(),
            operations: BTreeMap::new(),
            past_attempts: Vec::new(),
            edits: Vec::new(),
            outbox: Vec::new(),
            new_moves: Vec::new(),
            opened: Vec::new(),
            closed: Vec::new(),
            left: BTreeSet::new(),
            catalogue_changes: Vec::new(),
            callbacks: Vec::new(),
            inbound: InboundWork::default(),
            cursors: Vec::new(),
            restore: None,
            ledger: LedgerDelta::default(),
            audit: Vec::new(),
            missing: Scope::default(),
            waiting: HashMap::new(),
            ids,
        }
    }

    /// A new row number.
    pub fn id(&self) -> RowId {
        self.ids.take()
    }

    /// Whether the store has to load more and decide again.
    pub fn is_incomplete(&self) -> bool {
        self.missing != Scope::default()
    }

    /// Closes an incident, also one that this very work opened.
    pub fn close(&mut self, key: String) {
        self.opened.retain(|incident| incident.key != key);
        self.closed.push(key);
    }

    /// Marks an operation of a loaded lane as changed. Its lane must be marked by `edit` as well.
    pub fn touch(&mut self, operation: RowId) {
        self.touched.entry(operation).or_insert(Change::Update);
    }

    /// Remembers what the loaded operations wait for: called once, between loading and the decision.
    pub(super) fn begin(&mut self) {
        let open = self.lanes.values().flat_map(|lane| &lane.row.open);
        self.waiting = open.filter_map(|o| Some((o.id, o.need.clone()?))).collect();
    }

    /// Whether it fences the installation.
    pub fn fences(&self) -> bool {
        matches!(self.restore, Some(RestoreStep::Fence(_)))
    }

    /// Brings every changed lane in step with its operations and collects what has to be written; a need has an incident
    /// as long as an operation waits for it. Stores call it once, after the decision and before writing.
    pub fn finish(&mut self) {
        let now = self.now;
        for lane in self.lanes.values_mut() {
            if lane.change == Change::None {
                continue;
            }
            if self.is_fenced {
                for operation in &mut lane.row.open {
                    if let Some(change) = self.touched.get(&operation.id) {
                        hold_back(operation, *change, self.epoch);
                    }
                }
            }
            let ended = lane.row.sync(now);
            for operation in ended.into_iter().chain(lane.row.open.iter().cloned()) {
                if let Some(change) = self.touched.get(&operation.id) {
                    let need = operation.need.as_ref().filter(|_| !operation.state.is_ended());
                    let before = self.waiting.get(&operation.id);
                    if let Some(before) = before.filter(|before| need != Some(before) && has_incident(before))
                    {
                        self.left.insert(before.to_string());
                    }
                    if let Some(need) = need.filter(|need| before != Some(need) && has_incident(need)) {
                        self.opened.push(IncidentRecord::of_need(need, &operation));
                    }
                    self.operations.insert(operation.id, Loaded { row: operation, change: *change });
                }
            }
        }
    }

    /// Which dossier states a store has to load: of the lanes' heads and of the open operations that the scope names.
    pub fn wanted_states(&self) -> BTreeSet<(RowId, i64)> {
        if !self.scope.head_states {
            return BTreeSet::new();
        }
        let heads = self.lanes.values().filter_map(|lane| lane.row.head());
        let open = self.lanes.values().flat_map(|lane| &lane.row.open);
        let named = open.filter(|o| self.scope.operations.contains(&o.id));
        heads.chain(named).filter_map(|o| o.dossier.zip(o.version)).collect()
    }

    /// The dossier with this code or alias.
    pub fn dossier(&self, code: &DossierCode) -> Option<&DossierRecord> {
        let canonical = self.aliases.get(code).unwrap_or(code);
        self.dossiers.get(canonical).map(|d| &d.row)
    }

    /// The lane of a connector and key; makes it if the scope says that it was looked for. `None`: it is now missing.
    pub fn lane(&mut self, connector: &ConnectorId, key: &LaneKey) -> Option<&mut Loaded<Lane>> {
        if !self.lanes.contains_key(&(key.clone(), connector.clone())) {
            if !self.scope.lanes.contains(key) {
                self.missing.lanes.insert(key.clone());
                return None;
            }
            let lane = Lane::new(self.id(), connector.clone(), key.clone(), self.now);
            self.lanes.insert((key.clone(), connector.clone()), Loaded::fresh(lane));
        }
        self.lanes.get_mut(&(key.clone(), connector.clone()))
    }
}

/// A fence has one incident from its first to its last moment, whoever waits behind it. What waits for the state before it
/// needs nobody.
fn has_incident(need: &Need) -> bool {
    !matches!(need, Need::Restore(_) | Need::Recreated(_))
}

/// Nothing that is written under the fence is ready to go: the time that is lost may have sent it. What is new is marked
/// as what may have begun, so that a partner's "it exists" is about us.
fn hold_back(operation: &mut Operation, change: Change, epoch: i64) {
    let is_ready = operation.state == OperationState::Ready;
    if (is_ready || change == Change::Insert) && operation.payload.kind() != ActionKind::Unassigned {
        (operation.begun, operation.doubted) = (true, true);
    }
    if is_ready {
        (operation.state, operation.need) = (OperationState::Held, Some(Need::Restore(epoch)));
    }
}

/// The key of an event with parsed parts.
pub fn event_key(source: &str, id: &str) -> Option<EventKey> {
    Some(EventKey { source: Source::parse(source).ok()?, id: EventId::parse(id).ok()? })
}
