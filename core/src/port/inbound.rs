//! What partners send by themselves: how a connector reads and answers it, what is kept of it, and the files that come
//! with it.

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
};

use crate::{
    catalogue::Book,
    dossier::DossierState,
    id::{ConnectorId, RowId, UnitCode},
    port::{
        connector::{Call, CallbackAnswer, CallbackRequest},
        store::StoreError,
    },
};

/// A request of a partner as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboundRequest {
    /// Who is at the other end of the connection: the partner's adapter, or a proxy of ours.
    pub peer: Option<IpAddr>,
    /// The request; its body is empty before the sender is believed.
    pub http: CallbackRequest,
}

/// What must be known here before something is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// Nothing: it begins here.
    Nothing,
    /// The dossier.
    Dossier,
    /// The dossier, or what was told under this identity before.
    DossierOr(String),
}

/// Something to be told once.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// What makes it one, within the connector: the same again with the same content is a repeat.
    pub identity: String,
    /// SHA-256 of its content.
    pub hash: [u8; 32],
    /// The out-event's name.
    pub name: &'static str,
    /// The dossier, as the partner calls it.
    pub subject: String,
    /// What must be known here.
    pub known: Known,
    /// The unit that it goes to; none: the dossier's.
    pub unit: Option<UnitCode>,
    /// The out-event's data.
    pub data: Value,
    /// Files that came with it.
    pub files: Vec<FileIn>,
}

/// A file, as the partner sends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileIn {
    /// The object in the data that gets its link as `url` (a JSON pointer); none: it is only listed.
    pub at: Option<String>,
    /// Its name.
    pub name: String,
    /// Where it is.
    pub source: FileSource,
}

/// Where a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileSource {
    /// Here, with its media type.
    Content(Arc<[u8]>, &'static str),
    /// To be fetched from here.
    Address(String),
    /// Not taken; why.
    Refused(String),
}

/// A part of a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// To be told.
    Message(Box<Message>),
    /// Not readable; the other parts are not concerned.
    Faulty {
        /// Which dossier it is about, as far as can be read.
        subject: String,
        /// What is wrong.
        said: String,
    },
}

/// What a request says.
#[derive(Debug, Clone, PartialEq)]
pub enum Said {
    /// News for the one-stop systems.
    News(Vec<Item>),
    /// A question about the dossier of this code.
    Question(String),
}

/// Why a request says nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unread {
    /// It cannot be taken apart.
    Unparsable(String),
    /// It breaks a rule of the contract.
    Invalid(String),
}

/// What became of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Became {
    /// It is told now.
    Told,
    /// It was told before.
    Repeated,
    /// Something else was told under its identity: a person has to look.
    Conflict,
    /// The dossier is not known here.
    Unknown,
    /// It could not be read.
    Faulty(String),
}

/// What became of a request, for the answer.
#[derive(Debug, Clone)]
pub enum InboundResult {
    /// News: dossier by dossier.
    Taken(Vec<(String, Became)>),
    /// A question about a dossier that is known here: with the mappings, as of this moment.
    Found(Arc<DossierState>, Arc<Book>, Timestamp),
    /// A question about one that is not.
    NotFound,
    /// It says nothing.
    Unread(Unread),
    /// Not believed to come from the partner.
    Refused,
    /// Larger than is taken.
    TooLarge,
    /// We could not store it: the partner must repeat.
    Unavailable,
}

/// A file that was fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// What is in it.
    pub content: Vec<u8>,
    /// What it is.
    pub media_type: &'static str,
}

/// Why a file was not fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotFetched {
    /// In words, masked.
    pub said: String,
    /// Asking again cannot help.
    pub is_final: bool,
}

/// Takes what a partner sends by itself.
#[async_trait]
pub trait Inbound: Send + Sync {
    /// Whether there is anything at this path.
    fn has(&self, path: &str) -> bool;
    /// The largest body that is taken, in bytes.
    fn largest_body(&self) -> usize;
    /// Headers that prove the sender and are never stored.
    fn secret_headers(&self) -> Vec<String>;
    /// Whether it comes from the partner, by its headers and its peer. An error is in words for the log, without secrets.
    fn admit(&self, request: &InboundRequest) -> Result<(), String>;
    /// Reads it.
    fn read(&self, request: &InboundRequest) -> Result<Said, Unread>;
    /// The answer that this partner expects.
    fn answer(&self, request: &InboundRequest, result: &InboundResult) -> CallbackAnswer;
    /// Fetches a file that the partner named.
    async fn fetch(&self, address: &str, call: &Call<'_>) -> Result<Fetched, NotFetched>;
}

/// That something was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToldRecord {
    /// Who sent it.
    pub connector: ConnectorId,
    /// What makes it one.
    pub identity: String,
    /// Of its content.
    pub hash: [u8; 32],
    /// The stored request that brought it.
    pub request: RowId,
    /// The out-event's name.
    pub name: String,
    /// Its subject.
    pub subject: String,
}

/// How it stands with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileState {
    /// It is here.
    Stored,
    /// It is still to be fetched.
    Waiting,
    /// It could not be fetched.
    Failed,
    /// It was not taken: too large, or of a kind that is not taken.
    Refused,
}

impl FileState {
    /// All states.
    pub const ALL: [Self; 4] = [Self::Stored, Self::Waiting, Self::Failed, Self::Refused];

    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Waiting => "waiting",
            Self::Failed => "failed",
            Self::Refused => "refused",
        }
    }

    /// The state of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// A file, all but its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRecord {
    /// Its row.
    pub id: RowId,
    /// Who sent it.
    pub connector: ConnectorId,
    /// The stored request that brought it.
    pub request: RowId,
    /// The dossier.
    pub subject: String,
    /// Its name.
    pub name: String,
    /// How it stands with it.
    pub state: FileState,
    /// What it is, once it is here.
    pub media_type: Option<String>,
    /// In bytes, once it is here.
    pub size: Option<i64>,
    /// Where it is fetched.
    pub address: Option<String>,
    /// How often that was tried.
    pub tries: i32,
    /// When it is tried next.
    pub next_at: Option<Timestamp>,
    /// What was said last.
    pub said: String,
    /// When it came.
    pub created_at: Timestamp,
}

/// What came of trying to fetch a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileNews {
    /// It is here.
    Stored(Arc<[u8]>, String),
    /// It is tried again.
    Later(String, Timestamp),
    /// It is not.
    Ended(FileState, String),
}

/// Which requests are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestFilter {
    /// Only this one.
    pub id: Option<RowId>,
    /// Only those before this one.
    pub before: Option<RowId>,
    /// At most this many, newest first.
    pub limit: i64,
}

/// A stored request, all but its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestView {
    /// Its row.
    pub id: RowId,
    /// Who sent it.
    pub connector: String,
    /// Path and query.
    pub path: String,
    /// When.
    pub received_at: Timestamp,
    /// How large its body is.
    pub bytes: i64,
    /// What became of it: a word, and behind a colon what else there is to say. None: the process ended before it was judged.
    pub verdict: Option<String>,
    /// What was told because of it.
    pub told: Vec<(String, String)>,
    /// The files that came with it.
    pub files: Vec<FileRecord>,
}

/// A file with its content, as far as it is here.
pub type WholeFile = (FileRecord, Option<Arc<[u8]>>);

/// What a unit of work has to do with requests of partners.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct InboundWork {
    /// What was told under the scope's identities.
    pub known: BTreeMap<(ConnectorId, String), [u8; 32]>,
    /// What is told now.
    pub told: Vec<ToldRecord>,
    /// New files, with their content as far as it is here.
    pub files: Vec<WholeFile>,
}

/// Identities of a scope.
pub type Identities = BTreeSet<(ConnectorId, String)>;

/// The part of a store that keeps what partners send by themselves.
#[async_trait]
pub trait InboundStore: Send + Sync {
    /// Stored requests with what became of them, newest first.
    async fn inbound_requests(&self, filter: &RequestFilter) -> Result<Vec<RequestView>, StoreError>;

    /// A file, and its content if it is here.
    async fn file(&self, id: RowId) -> Result<Option<(FileRecord, Option<Vec<u8>>)>, StoreError>;

    /// Files whose time to be fetched has come, by the store's clock, oldest first.
    async fn files_to_fetch(
        &self,
        connector: &ConnectorId,
        limit: i64,
    ) -> Result<Vec<FileRecord>, StoreError>;

    /// Notes what came of trying to fetch a file, unless it is not waited for any more.
    async fn settle_file(&self, id: RowId, news: &FileNews) -> Result<(), StoreError>;
}
