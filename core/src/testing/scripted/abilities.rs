//! The optional abilities of the scripted connector: prober, callbacks, inquiries, feed.

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use super::connector::{Asked, ScriptedConnector, lane_key};
use crate::{
    catalogue::{Bound, PROCEDURE_DETAILS, PROCEDURES, Pulled},
    finding::Finding,
    id::{DossierCode, Reference},
    operation::ActionKind,
    outcome::Proof,
    parcel::ParcelMove,
    payment::{News, Tiding},
    port::{
        connector::{
            Call, CallbackAnswer, CallbackRequest, CallbackResult, Callbacks, CatalogueList, CatalogueSource,
            CheckFailure, Feed, FeedPage, Inquiries, LookUps, Prober, Task, Verified,
        },
        store::ReferenceToAsk,
    },
    reconciliation::Answer,
};

type Inquired = Result<Option<Tiding>, CheckFailure>;

/// Which abilities there are, and their scripts.
#[derive(Default)]
pub(super) struct Abilities {
    pub(super) probes: bool,
    pub(super) calls_back: bool,
    pub(super) inquires: bool,
    pub(super) feeds: bool,
    findings_of: Mutex<BTreeMap<String, VecDeque<Finding>>>,
    findings: Mutex<VecDeque<Finding>>,
    always_finding: Mutex<Option<Finding>>,
    inquiries: Mutex<BTreeMap<String, VecDeque<Inquired>>>,
    moves: Mutex<Vec<ParcelMove>>,
    feed_failures: Mutex<VecDeque<CheckFailure>>,
    feed_hangs: AtomicBool,
    lists: Mutex<BTreeMap<String, Vec<Pulled>>>,
    bound: Mutex<Vec<Bound>>,
    list_failures: Mutex<VecDeque<CheckFailure>>,
    has: Mutex<Option<BTreeMap<String, Answer>>>,
    look_up_failures: Mutex<VecDeque<CheckFailure>>,
    look_ups_left: Mutex<Option<usize>>,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many records a page of the feed has.
const PAGE: usize = 100;
/// The header that proves a callback's origin, and its only good value.
const PROOF: (&str, &str) = ("x-proof", "good");

impl ScriptedConnector {
    /// The next probe on this lane finds this; lane scripts come before [`Self::on_probe`].
    pub fn on_probe_of(&self, key: &str, finding: Finding) {
        lock(&self.abilities.findings_of).entry(key.to_owned()).or_default().push_back(finding);
    }

    /// The next probe finds this.
    pub fn on_probe(&self, finding: Finding) {
        lock(&self.abilities.findings).push_back(finding);
    }

    /// From now on every probe without a script finds this; at first they find the effect present.
    pub fn always_finds(&self, finding: Finding) {
        *lock(&self.abilities.always_finding) = Some(finding);
    }

    /// The next inquiry about this reference is answered like this; without a script the platform says "pending".
    pub fn on_inquiry(&self, reference: &str, answer: Inquired) {
        lock(&self.abilities.inquiries).entry(reference.to_owned()).or_default().push_back(answer);
    }

    /// Adds records to the feed; the cursor counts them.
    pub fn feed_moves(&self, moves: impl IntoIterator<Item = ParcelMove>) {
        lock(&self.abilities.moves).extend(moves);
    }

    /// The next page cannot be read.
    pub fn fail_feed(&self, failure: CheckFailure) {
        lock(&self.abilities.feed_failures).push_back(failure);
    }

    /// From now on the connector has a catalogue, and this list of it says this.
    pub fn publish(&self, list: &str, rows: Vec<Pulled>) {
        lock(&self.abilities.lists).insert(list.to_owned(), rows);
    }

    /// The mappings of its configuration.
    pub fn bind(&self, bound: Vec<Bound>) {
        *lock(&self.abilities.bound) = bound;
    }

    /// The next question about the catalogue fails.
    pub fn fail_list(&self, failure: CheckFailure) {
        lock(&self.abilities.list_failures).push_back(failure);
    }

    /// From now on it can be asked about dossiers, and says this of this one; of the others that it does not know them.
    pub fn has(&self, code: &str, answer: Answer) {
        lock(&self.abilities.has).get_or_insert_default().insert(code.to_owned(), answer);
    }

    /// It does not know this one any more.
    pub fn loses(&self, code: &str) {
        lock(&self.abilities.has).get_or_insert_default().remove(code);
    }

    /// The next look-up fails.
    pub fn fail_look_up(&self, failure: CheckFailure) {
        lock(&self.abilities.look_up_failures).push_back(failure);
    }

    /// It answers so many look-ups more, and then never; none: it always answers.
    pub fn hang_look_ups_after(&self, answers: Option<usize>) {
        *lock(&self.abilities.look_ups_left) = answers;
    }

    /// Whether it can be asked about dossiers.
    pub(super) fn can_look_up(&self) -> bool {
        lock(&self.abilities.has).is_some()
    }

    /// Whether it has a catalogue.
    pub(super) fn has_lists(&self) -> bool {
        !lock(&self.abilities.lists).is_empty()
    }

    /// From now on the feed takes questions and never answers, or answers again.
    pub fn hang_feed(&self, hangs: bool) {
        self.abilities.feed_hangs.store(hangs, Ordering::SeqCst);
    }
}

#[async_trait]
impl LookUps for ScriptedConnector {
    async fn look_up(&self, code: &DossierCode, _call: &Call<'_>) -> Result<Answer, CheckFailure> {
        tokio::task::yield_now().await;
        self.note(Asked::LookUp(code.to_string()));
        let hangs = match &mut *lock(&self.abilities.look_ups_left) {
            Some(0) => true,
            Some(left) => {
                *left -= 1;
                false
            }
            None => false,
        };
        if hangs {
            std::future::pending::<()>().await;
        }
        if let Some(failure) = lock(&self.abilities.look_up_failures).pop_front() {
            return Err(failure);
        }
        let has = lock(&self.abilities.has);
        Ok(has.as_ref().and_then(|has| has.get(code.as_str())).cloned().unwrap_or_default())
    }
}

#[async_trait]
impl CatalogueSource for ScriptedConnector {
    fn lists(&self) -> Vec<CatalogueList> {
        let each_of = |name: &String| (name == PROCEDURE_DETAILS).then(|| PROCEDURES.to_owned());
        let lists = lock(&self.abilities.lists);
        let mut lists: Vec<_> =
            lists.keys().map(|name| CatalogueList { name: name.clone(), each_of: each_of(name) }).collect();
        lists.sort_by_key(|list| list.each_of.is_some());
        lists
    }

    fn pace(&self) -> Duration {
        Duration::ZERO
    }

    fn believed_missing_percent(&self) -> u8 {
        10
    }

    fn configured(&self) -> Vec<Bound> {
        lock(&self.abilities.bound).clone()
    }

    async fn rows(
        &self,
        list: &str,
        code: Option<&str>,
        _call: &Call<'_>,
    ) -> Result<Vec<Pulled>, CheckFailure> {
        tokio::task::yield_now().await;
        self.note(Asked::List(list.to_owned(), code.map(str::to_owned)));
        if let Some(failure) = lock(&self.abilities.list_failures).pop_front() {
            return Err(failure);
        }
        let rows = lock(&self.abilities.lists).get(list).cloned().unwrap_or_default();
        Ok(rows.into_iter().filter(|row| code.is_none_or(|code| row.code == code)).collect())
    }
}

#[async_trait]
impl Prober for ScriptedConnector {
    fn can_probe(&self, action: ActionKind) -> bool {
        use crate::port::connector::Connector;
        self.manifest().actions.contains_key(&action)
    }

    async fn probe(&self, task: &Task, _call: &Call<'_>) -> Finding {
        self.note(Asked::Probe(task.clone()));
        tokio::task::yield_now().await;
        let of_lane =
            lock(&self.abilities.findings_of).get_mut(&lane_key(task)).and_then(VecDeque::pop_front);
        of_lane
            .or_else(|| lock(&self.abilities.findings).pop_front())
            .or_else(|| lock(&self.abilities.always_finding).clone())
            .unwrap_or_else(|| Finding::Present(Proof { said: "found".into(), ..Proof::default() }))
    }
}

/// What the scripted platform sends as a callback.
#[derive(Serialize, Deserialize)]
struct CallbackBody {
    reference: Reference,
    platform_ref: String,
    result: CallbackWord,
    amount: i64,
    at: Timestamp,
    #[serde(default)]
    mismatch: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum CallbackWord {
    Paid,
    Failed,
    Pending,
}

/// The body of a callback: `result` is `paid`, `failed` or `pending`.
pub fn callback_body(
    reference: &str,
    platform_ref: &str,
    result: &str,
    amount: i64,
    at: Timestamp,
) -> Vec<u8> {
    serde_json::json!({
        "reference": reference, "platform_ref": platform_ref, "result": result, "amount": amount, "at": at,
    })
    .to_string()
    .into_bytes()
}

/// A genuine callback with this body. Forge it by changing the header `x-proof`.
pub fn callback_request(body: Vec<u8>) -> CallbackRequest {
    let headers = vec![(PROOF.0.to_owned(), PROOF.1.to_owned())];
    CallbackRequest { path: "result".into(), query: String::new(), headers, body }
}

impl Callbacks for ScriptedConnector {
    fn verify(&self, request: &CallbackRequest) -> Result<Verified, String> {
        if !request.headers.iter().any(|(name, value)| (name.as_str(), value.as_str()) == PROOF) {
            return Err("the proof of origin does not hold".into());
        }
        let body: CallbackBody = serde_json::from_slice(&request.body).map_err(|e| e.to_string())?;
        let (word, news) = match body.result {
            CallbackWord::Paid => ("paid", News::Paid { amount: body.amount, at: body.at }),
            CallbackWord::Failed => ("failed", News::Failed { code: "09".into() }),
            CallbackWord::Pending => ("pending", News::Pending),
        };
        let platform = self.id();
        Ok(Verified {
            identity: format!("{platform}|{}|{}|{word}", body.reference, body.platform_ref),
            tiding: Tiding {
                reference: body.reference,
                platform_ref: body.platform_ref,
                news,
                by: "callback",
            },
            claims_match: body.mismatch.map_or(Ok(()), Err),
        })
    }

    fn answer(&self, _request: &CallbackRequest, result: &CallbackResult) -> CallbackAnswer {
        let (status, body) = match result {
            CallbackResult::Applied | CallbackResult::Repeated => (200, "ok"),
            CallbackResult::Rejected(_) => (400, "no"),
            CallbackResult::Unavailable => (503, "again"),
        };
        CallbackAnswer { status, content_type: "text/plain", body: body.into() }
    }
}

#[async_trait]
impl Inquiries for ScriptedConnector {
    async fn inquire(&self, reference: &ReferenceToAsk, _call: &Call<'_>) -> Inquired {
        self.note(Asked::Inquiry(reference.reference.to_string()));
        tokio::task::yield_now().await;
        let scripted = lock(&self.abilities.inquiries)
            .get_mut(reference.reference.as_str())
            .and_then(VecDeque::pop_front);
        scripted.unwrap_or_else(|| {
            let reference = reference.reference.clone();
            Ok(Some(Tiding { reference, platform_ref: String::new(), news: News::Pending, by: "query" }))
        })
    }
}

#[async_trait]
impl Feed for ScriptedConnector {
    fn resume(&self, stored: Option<&str>) -> String {
        stored.unwrap_or("0").to_owned()
    }

    async fn page(&self, cursor: &str, _call: &Call<'_>) -> Result<FeedPage, CheckFailure> {
        self.note(Asked::Page(cursor.to_owned()));
        tokio::task::yield_now().await;
        if self.abilities.feed_hangs.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        if let Some(failure) = lock(&self.abilities.feed_failures).pop_front() {
            return Err(failure);
        }
        let all = lock(&self.abilities.moves);
        let from = cursor.parse().unwrap_or(0).min(all.len());
        let to = (from + PAGE).min(all.len());
        Ok(FeedPage { moves: all[from..to].to_vec(), cursor: to.to_string(), more: to < all.len() })
    }
}
