//! What the engine asks of a connector. Three required methods; what a partner cannot do is absent, not pretended.

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use crate::{
    catalogue::{Book, Bound, Entry, Pulled},
    dossier::DossierState,
    finding::Finding,
    id::{ConnectorId, DossierCode, RowId},
    operation::{ActionKind, Payload},
    outcome::{Cause, Outcome},
    parcel::ParcelMove,
    payment::Tiding,
    plan::rules::PartnerKind,
    port::{
        inbound::Inbound,
        store::{ReferenceToAsk, Session, StoreError},
    },
    reconciliation::Answer,
};

/// What a connector is, for the planner, the engine and people.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest {
    /// The instance's name.
    pub id: ConnectorId,
    /// Which kind of partner.
    pub kind: PartnerKind,
    /// The implementation's name: `dvcqg`, `dvcqg-payment`, `vnpost`.
    pub implementation: &'static str,
    /// What people call it, from configuration.
    pub label: String,
    /// What it can do, with the deadline of one whole attempt (login, look-up, call, fall-back).
    pub actions: BTreeMap<ActionKind, Duration>,
    /// After an unclear attempt nothing goes out on the lane for this long, and "absent" does not count.
    pub settling_window: SignedDuration,
    /// Actions that a person decides about after an unclear attempt, where the action table would repeat them.
    pub person_after_doubt: BTreeSet<ActionKind>,
    /// How many operations may be with the partner at once, per process.
    pub in_flight: usize,
}

/// What an attempt works on. Payload and dossier are those fixed at planning.
#[derive(Debug, Clone)]
pub struct Task {
    /// The operation's number.
    pub operation: RowId,
    /// What it carries.
    pub payload: Arc<Payload>,
    /// The dossier's canonical code.
    pub subject: Option<DossierCode>,
    /// The dossier's state at the planned version.
    pub dossier: Option<Arc<DossierState>>,
    /// Whether the partner has acknowledged a full state of the dossier before.
    pub acknowledged: bool,
    /// Whether an earlier attempt of this operation may have reached the partner.
    pub begun: bool,
    /// Whether one of them ended in doubt: from then on byte for byte, one step a call.
    pub doubted: bool,
    /// 1, 2, 3, …
    pub attempt: i32,
}

/// The circumstances of one attempt or probe.
pub struct Call<'a> {
    /// Now, by the engine's clock.
    pub now: Timestamp,
    /// The whole attempt has to end within this; the engine cuts it off after it, as unclear.
    pub deadline: Duration,
    /// The shared sessions.
    pub sessions: &'a dyn Sessions,
}

/// Sessions and tokens shared by all replicas through the store.
#[async_trait]
pub trait Sessions: Send + Sync {
    /// The newest one of a connector.
    async fn get(&self, connector: &ConnectorId) -> Result<Option<Session>, StoreError>;
    /// Replaces it, unless a newer one is there already.
    async fn put(&self, connector: &ConnectorId, session: &Session) -> Result<(), StoreError>;
    /// The codes that replicas share too; none outside an engine.
    fn codes(&self) -> Option<&dyn Codes> {
        None
    }
}

/// Confirmed mappings and the stored catalogue, as connectors look codes up.
#[async_trait]
pub trait Codes: Send + Sync {
    /// The mappings, as new as a few seconds; `renewed`: as the store has them now.
    async fn book(&self, renewed: bool) -> Result<Arc<Book>, StoreError>;
    /// An entry of the stored catalogue that is not withdrawn.
    async fn entry(
        &self,
        connector: &ConnectorId,
        list: &str,
        code: &str,
    ) -> Result<Option<Entry>, StoreError>;
}

/// A partner, as the engine sees it.
#[async_trait]
pub trait Connector: Send + Sync {
    /// What it is and can do.
    fn manifest(&self) -> &Manifest;

    /// Tries to bring the effect about. Never retries what may have taken place.
    async fn attempt(&self, task: &Task, call: &Call<'_>) -> Outcome;

    /// Tests credentials and reachability, without effect.
    async fn check(&self, call: &Call<'_>) -> Result<String, CheckFailure>;

    /// Asks the partner about doubtful operations, where the partner can answer.
    fn prober(&self) -> Option<&dyn Prober> {
        None
    }

    /// Takes the partner's callbacks, where it has them.
    fn callbacks(&self) -> Option<&dyn Callbacks> {
        None
    }

    /// Takes what the partner sends by itself, where it does and configuration says so.
    fn inbound(&self) -> Option<&dyn Inbound> {
        None
    }

    /// Asks about open payments, where the platform can answer.
    fn inquiries(&self) -> Option<&dyn Inquiries> {
        None
    }

    /// Reads the partner's feed of movements, where it has one.
    fn feed(&self) -> Option<&dyn Feed> {
        None
    }

    /// Asks whether the partner knows a dossier, where it can be asked.
    fn look_ups(&self) -> Option<&dyn LookUps> {
        None
    }

    /// Reads the partner's catalogue, where it has one.
    fn catalogue(&self) -> Option<&dyn CatalogueSource> {
        None
    }
}

/// Why a check failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{said}")]
pub struct CheckFailure {
    /// The class of the reason.
    pub cause: Cause,
    /// In words, masked.
    pub said: String,
}

/// Asks about an operation whose effect is unknown or still to come.
#[async_trait]
pub trait Prober: Send + Sync {
    /// Whether this kind of action can be asked about.
    fn can_probe(&self, action: ActionKind) -> bool;
    /// Asks.
    async fn probe(&self, task: &Task, call: &Call<'_>) -> Finding;
}

/// A callback as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallbackRequest {
    /// The path below the connector's callback address, without the leading slash.
    pub path: String,
    /// The raw query.
    pub query: String,
    /// Header names in lower case, values as text.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// What a callback says, once its proof of origin held.
#[derive(Debug, Clone, PartialEq)]
pub struct Verified {
    /// (platform, our reference, their reference, result) as one text.
    pub identity: String,
    /// What it tells of a payment.
    pub tiding: Tiding,
    /// What was claimed beside it, for the comparison with our record: currency, partner code.
    pub claims_match: Result<(), String>,
}

/// An answer to a partner, exactly as it expects it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallbackAnswer {
    /// HTTP status.
    pub status: u16,
    /// Content type.
    pub content_type: &'static str,
    /// The body.
    pub body: String,
}

/// What became of a callback, for the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallbackResult {
    /// Stored and applied now.
    Applied,
    /// Applied before: answered like the first time.
    Repeated,
    /// Not believed, or of nothing of ours; in words for the log.
    Rejected(String),
    /// We could not store it: the partner must repeat.
    Unavailable,
}

/// Takes a partner's callbacks.
pub trait Callbacks: Send + Sync {
    /// Reads and verifies. An error is in words for the log; it must not contain secrets.
    fn verify(&self, request: &CallbackRequest) -> Result<Verified, String>;
    /// The answer that this partner expects.
    fn answer(&self, request: &CallbackRequest, result: &CallbackResult) -> CallbackAnswer;
}

/// Asks a platform about a reference.
#[async_trait]
pub trait Inquiries: Send + Sync {
    /// Asks. `Ok(None)`: the platform does not know the reference.
    async fn inquire(
        &self,
        reference: &ReferenceToAsk,
        call: &Call<'_>,
    ) -> Result<Option<Tiding>, CheckFailure>;
}

/// A list of a partner's catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogueList {
    /// Its name.
    pub name: String,
    /// It is asked for entry by entry: one for each entry of this other list, which comes before it. None: in one answer.
    pub each_of: Option<String>,
}

/// Reads a partner's catalogue.
#[async_trait]
pub trait CatalogueSource: Send + Sync {
    /// The lists, in the order in which they are pulled.
    fn lists(&self) -> Vec<CatalogueList>;
    /// What the pull keeps to: the least time from one question to the next.
    fn pace(&self) -> Duration;
    /// Up to this share of a list that is missing from an answer, in percent, is believed to be withdrawn.
    fn believed_missing_percent(&self) -> u8;
    /// The mappings of the configuration.
    fn configured(&self) -> Vec<Bound>;
    /// The whole list, or what it says of one code.
    async fn rows(
        &self,
        list: &str,
        code: Option<&str>,
        call: &Call<'_>,
    ) -> Result<Vec<Pulled>, CheckFailure>;
}

/// Asks what a partner has of a dossier.
#[async_trait]
pub trait LookUps: Send + Sync {
    /// Asks about the code by which the partner knows it. Only a clear answer is one: everything else is a failure, and
    /// never "unknown there".
    async fn look_up(&self, code: &DossierCode, call: &Call<'_>) -> Result<Answer, CheckFailure>;
}

/// One page of a feed.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FeedPage {
    /// The records, in the feed's order.
    pub moves: Vec<ParcelMove>,
    /// The cursor after this page.
    pub cursor: String,
    /// Whether there is more now.
    pub more: bool,
}

/// Reads a partner's feed.
#[async_trait]
pub trait Feed: Send + Sync {
    /// The cursor to begin with, given the stored one: none at first, ten minutes back after a restart.
    fn resume(&self, stored: Option<&str>) -> String;
    /// The page after a cursor.
    async fn page(&self, cursor: &str, call: &Call<'_>) -> Result<FeedPage, CheckFailure>;
}
