//! What a simulator was asked, what it answered, and which rules of the contract were broken.
//! Entries are written before the answer leaves, so a caller that hangs up is still on record.

use crate::{clock, runtime::lock, sign};
use serde::Serialize;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

/// What a request changed on the partner's side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    None,
    Created,
    Updated,
    Appended,
    /// The same thing asked for again: nothing new exists.
    Repeated,
    Cancelled,
    /// A session or a token was given.
    Session,
    Paid,
    Failed,
    /// A callback that was not acknowledged.
    Sent,
    /// A callback answered with success.
    Acknowledged,
}

/// One request (or one callback) and its answer.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    pub seq: u64,
    pub at: String,
    pub partner: &'static str,
    /// Service name, message type, or `login`, `token`, `callback`, ...
    pub operation: String,
    /// Dossier code, payment reference or order number; empty when there is none.
    pub key: String,
    /// The behaviour that was in force, if any.
    pub behaviour: Option<&'static str>,
    /// The first 16 hex digits of the SHA-256 of the request body.
    pub digest: String,
    /// Absent when bodies are not kept.
    pub request: Option<Value>,
    /// `None` when the connection was closed without an answer.
    pub status: Option<u16>,
    /// The answer's JSON, `"dropped"`, or null when bodies are not kept.
    pub answer: Value,
    pub effect: Effect,
    /// `path: rule`, one per broken rule of the contract.
    pub violations: Vec<String>,
}

/// Counts over a whole journal.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Summary {
    pub total: u64,
    pub violations: u64,
    pub by_operation: BTreeMap<String, BTreeMap<Effect, u64>>,
}

impl Summary {
    pub fn count(&self, operation: &str, effect: Effect) -> u64 {
        self.by_operation.get(operation).and_then(|effects| effects.get(&effect)).copied().unwrap_or(0)
    }

    /// All requests of an operation, whatever they changed.
    pub fn requests(&self, operation: &str) -> u64 {
        self.by_operation.get(operation).map_or(0, |effects| effects.values().sum())
    }
}

/// A shared, append-only journal; cloning it clones the reference.
#[derive(Clone, Debug)]
pub struct Journal {
    partner: &'static str,
    keep_bodies: bool,
    pages: Arc<Mutex<Pages>>,
}

#[derive(Debug, Default)]
struct Pages {
    next: u64,
    entries: Vec<Arc<Entry>>,
    summary: Summary,
}

/// What the simulator knows when it writes an entry.
pub(crate) struct Draft {
    pub(crate) operation: String,
    pub(crate) key: String,
    pub(crate) behaviour: Option<&'static str>,
    pub(crate) raw: Vec<u8>,
    pub(crate) request: Value,
    pub(crate) status: Option<u16>,
    pub(crate) answer: Value,
    pub(crate) effect: Effect,
    pub(crate) violations: Vec<String>,
}

impl Journal {
    pub(crate) fn new(partner: &'static str, keep_bodies: bool) -> Self {
        Self { partner, keep_bodies, pages: Arc::default() }
    }

    pub(crate) fn write(&self, draft: Draft) {
        let mut digest = sign::sha256_hex(&draft.raw);
        digest.truncate(16);
        let (request, answer) =
            if self.keep_bodies { (Some(draft.request), draft.answer) } else { (None, Value::Null) };
        let at = clock::now().to_string();
        let mut pages = lock(&self.pages);
        pages.next += 1;
        pages.summary.total += 1;
        pages.summary.violations += draft.violations.len() as u64;
        let effects = pages.summary.by_operation.entry(draft.operation.clone()).or_default();
        *effects.entry(draft.effect).or_default() += 1;
        let entry = Entry {
            seq: pages.next,
            at,
            partner: self.partner,
            operation: draft.operation,
            key: draft.key,
            behaviour: draft.behaviour,
            digest,
            request,
            status: draft.status,
            answer,
            effect: draft.effect,
            violations: draft.violations,
        };
        pages.entries.push(Arc::new(entry));
    }

    /// Entries with `seq` above `after`, oldest first, at most `limit`.
    pub fn after(&self, after: u64, limit: usize) -> Vec<Arc<Entry>> {
        let pages = lock(&self.pages);
        let start = pages.entries.partition_point(|entry| entry.seq <= after);
        pages.entries.iter().skip(start).take(limit).cloned().collect()
    }

    pub fn entries(&self) -> Vec<Arc<Entry>> {
        lock(&self.pages).entries.clone()
    }

    /// Entries of one operation, oldest first.
    pub fn of(&self, operation: &str) -> Vec<Arc<Entry>> {
        self.entries().into_iter().filter(|entry| entry.operation == operation).collect()
    }

    /// Entries about one dossier, reference or order, oldest first.
    pub fn about(&self, key: &str) -> Vec<Arc<Entry>> {
        self.entries().into_iter().filter(|entry| entry.key == key).collect()
    }

    /// Every broken rule as `operation key: path: rule`.
    pub fn violations(&self) -> Vec<String> {
        let line = |entry: &Arc<Entry>, rule: &String| format!("{} {}: {rule}", entry.operation, entry.key);
        let entries = self.entries();
        entries.iter().flat_map(|entry| entry.violations.iter().map(move |rule| line(entry, rule))).collect()
    }

    pub fn summary(&self) -> Summary {
        lock(&self.pages).summary.clone()
    }

    pub fn len(&self) -> usize {
        lock(&self.pages).entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets the entries; numbers go on.
    pub fn clear(&self) {
        let mut pages = lock(&self.pages);
        pages.entries.clear();
        pages.summary = Summary::default();
    }
}
