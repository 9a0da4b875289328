//! The gateway that vendors already call, offered by us: new and known dossiers, progress, look-up, on the addresses of the
//! configuration. What comes is turned into ordinary events and admitted like any other: `statement.rs`. Who may call is
//! in `caller.rs`, where a dossier stands in `standing.rs`, what is answered in `answer.rs`.

mod answer;
mod caller;
mod catalogue;
mod progress;
mod standing;
mod statement;

use axum::{
    body::to_bytes,
    extract::{Query, Request},
    http::{HeaderMap, StatusCode, header::CONTENT_LENGTH},
    response::Response,
};
use jiff::{SignedDuration, Timestamp};
use lienthong_connectors::dvcqg::{self, read_back::Tables};
use lienthong_core::{
    event::rejection::Verdict,
    flow::intake,
    id::{ConnectorId, UnitCode, derived},
    plan::{admit::Incoming, rules::Rules},
    port::store::StoreError,
};
use secrecy::SecretString;
use serde_json::Value;
use std::{
    collections::{BTreeSet, HashMap},
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Mutex, PoisonError},
};

use super::{AppState, api::longest_body};
use crate::config::{self, Config, ConfigError, Fees, Vendor as Entry, read_secret};
use answer::{Answer, Item, Outcome};

/// A shorter password could be guessed.
const SHORTEST: usize = 16;

/// A login is a name and a password.
const LONGEST_LOGIN: usize = 64 * 1024;

/// A refusal of the same bytes is told again for so long, and not put aside again: known clients repeat for ever.
const REMEMBERED: SignedDuration = SignedDuration::from_mins(10);

/// So many refusals are remembered at most.
const MOST: usize = 10_000;

/// The vendors that call us.
#[derive(Default)]
pub struct Vendors {
    all: Vec<Vendor>,
    refused: Mutex<HashMap<String, (Timestamp, Outcome)>>,
    turns: Turns,
}

/// Whose turn it is: what a call does not name is taken from what is known, so that two calls about one dossier must not
/// read it at once. Of this process only; dossiers share locks.
struct Turns([tokio::sync::Mutex<()>; 64]);

impl Default for Turns {
    fn default() -> Self {
        Self(std::array::from_fn(|_| tokio::sync::Mutex::default()))
    }
}

impl Turns {
    /// Waits until it is the turn of all these dossiers. Always in the same order: nobody waits for each other.
    async fn of(&self, codes: impl Iterator<Item = &str>) -> Vec<tokio::sync::MutexGuard<'_, ()>> {
        let place = |code: &str| {
            let mut hasher = DefaultHasher::new();
            code.hash(&mut hasher);
            hasher.finish() as usize % self.0.len()
        };
        let places: BTreeSet<usize> = codes.map(place).collect();
        let mut turns = Vec::with_capacity(places.len());
        for lock in places.into_iter().filter_map(|place| self.0.get(place)) {
            turns.push(lock.lock().await);
        }
        turns
    }
}

/// One of them.
struct Vendor {
    entry: Entry,
    password: Option<SecretString>,
    tables: Tables,
    /// The connection whose rules hold, and its settings.
    portal: Option<(ConnectorId, dvcqg::Config)>,
}

/// What an address is for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Login,
    Envelope,
    /// `isUpdating` stands in the query.
    Sync,
    Create,
    Update,
    Progress,
    LookUp,
    /// A service by its name: catalogues, or nothing that we have.
    Other(String),
}

impl Vendors {
    /// The vendors of a configuration; reads files that hold passwords.
    pub fn of(config: &Config) -> Result<Self, ConfigError> {
        let rules = config::rules(config);
        let all = config.vendors.iter().enumerate().map(|(i, entry)| vendor(config, &rules, i, entry));
        Ok(Self { all: all.collect::<Result<_, _>>()?, ..Self::default() })
    }

    /// Those who have this address, and what it is for.
    fn at(&self, path: &str) -> Vec<(&Vendor, Place)> {
        self.all.iter().filter_map(|vendor| Some((vendor, vendor.place(path)?))).collect()
    }

    fn remembered(&self, key: &str, now: Timestamp) -> Option<Outcome> {
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.get(key).filter(|(until, _)| *until > now).map(|(_, outcome)| outcome.clone())
    }

    fn remember(&self, key: String, outcome: &Outcome, now: Timestamp) {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        if refused.len() >= MOST {
            refused.retain(|_, (until, _)| *until > now);
        }
        if refused.len() < MOST {
            refused.insert(key, (lienthong_core::clock::later(now, REMEMBERED), outcome.clone()));
        }
    }
}

fn vendor(config: &Config, rules: &Rules, i: usize, entry: &Entry) -> Result<Vendor, ConfigError> {
    use secrecy::ExposeSecret;
    let key = format!("vendor[{i}].password");
    let password = read_secret(&key, entry.password.as_ref(), entry.password_file.as_ref())?;
    if password.as_ref().is_some_and(|p| p.expose_secret().chars().count() < SHORTEST) {
        return Err(ConfigError::plain(
            format!("{key}: ngắn hơn {SHORTEST} ký tự, đoán được."),
            "Tạo mật khẩu mới: openssl rand -hex 16\nMake a new one: openssl rand -hex 16",
        ));
    }
    let named = |id: &ConnectorId| entry.connector.as_ref().is_none_or(|named| named == id);
    let mut portals = config.connectors.iter().filter(|c| named(&c.id));
    let portal = portals.find_map(|c| Some((c.id.clone(), c.dvcqg.clone()?)));
    let tables = portal.as_ref().map(|(_, settings)| Tables::of(settings)).unwrap_or_default();
    let units = rules.units.values().map(|unit| (&unit.code, unit.name.as_str()));
    let statuses = entry.statuses.iter().map(|(code, status)| (code.clone(), *status));
    let tables = tables.with_units(units).with_statuses(statuses).with_paid_fees(entry.fees == Fees::Paid);
    Ok(Vendor { entry: entry.clone(), password, tables, portal })
}

impl Vendor {
    fn place(&self, path: &str) -> Option<Place> {
        // Known gateways do not mind the case of letters, nor a slash at the end.
        let path = path.trim_end_matches('/');
        let is = |own: &str| own.eq_ignore_ascii_case(path);
        let is_one = |own: &Option<String>| own.as_deref().is_some_and(is);
        let entry = &self.entry;
        let below = || {
            let (base, service) = path.rsplit_once('/')?;
            entry.base_path.eq_ignore_ascii_case(base).then_some(service)
        };
        match () {
            () if is_one(&entry.create_path) => Some(Place::Create),
            () if is_one(&entry.update_path) => Some(Place::Update),
            () if is_one(&entry.progress_path) => Some(Place::Progress),
            () if is(&entry.sync_path) => Some(Place::Sync),
            () if is(&entry.login_path) => Some(Place::Login),
            () if is(&entry.envelope_path) => Some(Place::Envelope),
            () => below().map(service),
        }
    }
}

/// A service by its name.
fn service(name: &str) -> Place {
    match name {
        "DongBoHoSoMC" => Place::Sync,
        "CapNhatTienDoHoSoMC" => Place::Progress,
        "TraCuuHoSo" => Place::LookUp,
        other => Place::Other(other.to_owned()),
    }
}

/// What a call brings.
struct Call {
    headers: HeaderMap,
    query: HashMap<String, String>,
    body: Value,
}

impl Call {
    /// A parameter: from the envelope, else from the query.
    fn text(&self, name: &str) -> String {
        let in_body = self.body.as_object().and_then(|fields| {
            fields.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
        });
        match in_body {
            Some(Value::String(text)) => text.trim().to_owned(),
            Some(value @ (Value::Number(_) | Value::Bool(_))) => value.to_string(),
            _ => {
                let mut query = self.query.iter();
                let found = query.find(|(key, _)| key.eq_ignore_ascii_case(name));
                found.map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
            }
        }
    }

    /// `True` or `False`, as the envelope or the query says.
    fn is_updating(&self) -> Option<bool> {
        match self.text("isUpdating").to_ascii_lowercase().as_str() {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => None,
        }
    }

    /// The rows: a bare array or object, or what the envelope has in `data`.
    fn rows(&self) -> Vec<Value> {
        let data = match &self.body {
            Value::Object(fields) if fields.contains_key("data") => fields.get("data"),
            body => Some(body),
        };
        match data {
            Some(Value::Array(rows)) => rows.clone(),
            Some(row @ Value::Object(_)) => vec![row.clone()],
            _ => Vec::new(),
        }
    }
}

/// What a body shows of its sender.
#[derive(serde::Deserialize)]
struct Shown {
    #[serde(alias = "Session")]
    session: Option<String>,
    #[serde(alias = "Username", alias = "userName", alias = "UserName")]
    username: Option<String>,
    #[serde(alias = "Password")]
    password: Option<String>,
}

impl Shown {
    fn into_body(self) -> Value {
        serde_json::json!({ "session": self.session, "username": self.username, "password": self.password })
    }
}

/// Answers a call, if this address is a vendor's.
pub async fn take(state: &AppState, request: Request) -> Result<Response, Request> {
    let found = state.vendors.at(request.uri().path());
    if found.is_empty() {
        return Err(request);
    }
    let (parts, body) = request.into_parts();
    let query = Query::<HashMap<String, String>>::try_from_uri(&parts.uri);
    let query = query.map(|query| query.0).unwrap_or_default();
    let mut call = Call { headers: parts.headers.clone(), query, body: Value::Null };
    // Whoever shows who they are in a header does so before anything else is read.
    let in_body = |place: &Place| matches!(place, Place::Login | Place::Envelope);
    if !found.iter().any(|(_, place)| in_body(place))
        && let Err(key) = caller::of(state, &found, &call)
    {
        return Ok(answer::refuse(StatusCode::UNAUTHORIZED, key, ""));
    }
    let is_login = found.iter().all(|(_, place)| *place == Place::Login);
    let longest = if is_login { LONGEST_LOGIN } else { longest_body(state) };
    let is_long = |n: &axum::http::HeaderValue| {
        n.to_str().ok().and_then(|n| n.parse::<usize>().ok()).is_some_and(|n| n > longest)
    };
    if parts.headers.get(CONTENT_LENGTH).is_some_and(is_long) {
        return Ok(answer::refuse(StatusCode::PAYLOAD_TOO_LARGE, "vendor-too-large", ""));
    }
    let Ok(bytes) = to_bytes(body, longest).await else {
        return Ok(answer::refuse(StatusCode::BAD_REQUEST, "vendor-unreadable", ""));
    };
    let text = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&bytes);
    // Of a stranger's body nothing else is taken apart: parsed it is many times as large.
    call.body = serde_json::from_slice::<Shown>(text).map(Shown::into_body).unwrap_or_default();
    let (vendor, place) = match caller::of(state, &found, &call) {
        Ok((vendor, place)) => (vendor, place.clone()),
        Err(key) => return Ok(answer::refuse(StatusCode::UNAUTHORIZED, key, "")),
    };
    call.body = match serde_json::from_slice(text) {
        Ok(body) => body,
        Err(_) if text.trim_ascii().is_empty() => Value::Null,
        Err(_) => return Ok(answer::refuse(StatusCode::BAD_REQUEST, "vendor-unreadable", "")),
    };
    if place == Place::Login {
        return Ok(caller::log_in(state, vendor));
    }
    Ok(serve(state, vendor, place, &call).await.unwrap_or_else(|error| {
        tracing::warn!(error = %error, vendor = vendor.entry.name, "a vendor's call could not be stored");
        answer::unavailable()
    }))
}

async fn serve(state: &AppState, vendor: &Vendor, place: Place, call: &Call) -> Result<Response, StoreError> {
    let (place, is_envelope) = match place {
        Place::Envelope => (service(&call.text("service")), true),
        place => (place, false),
    };
    let is_updating = match &place {
        Place::Create => Some(false),
        Place::Update => Some(true),
        _ => call.is_updating(),
    };
    let answer = match place {
        Place::LookUp => return standing::look_up(state, vendor, &call.text("mahoso"), is_envelope).await,
        Place::Other(name) => {
            return catalogue::read(state, vendor, &name, &call.text("maTTHC"), is_envelope).await;
        }
        Place::Progress => progress::take(state, vendor, call.rows()).await?,
        Place::Sync | Place::Create | Place::Update => match is_updating {
            None => return Ok(answer::refuse(StatusCode::OK, "vendor-mode", "")),
            Some(is_updating) => {
                let unit = ["MaDinhDanhDV", "madonvi"].map(|name| call.text(name));
                let unit = unit.iter().find_map(|code| UnitCode::parse(code).ok());
                statement::take(state, vendor, call.rows(), is_updating, unit).await?
            }
        },
        Place::Login | Place::Envelope => return Ok(answer::refuse(StatusCode::OK, "vendor-service", "")),
    };
    Ok(answer.response())
}

/// What waits to be admitted together: every item with its messages.
#[derive(Default)]
struct Batch {
    answer: Answer,
    messages: Vec<Incoming>,
    /// The place of each message's item in the answer, and under what its refusal is remembered.
    of: Vec<(usize, String)>,
}

impl Batch {
    /// An item whose messages have to be admitted before it is known what becomes of it.
    fn add(&mut self, code: &str, key: &str, messages: Vec<Incoming>) {
        let place = self.answer.items.len();
        self.answer.items.push(Item { code: code.to_owned(), outcome: Outcome::Repeated });
        for message in messages {
            self.of.push((place, key.to_owned()));
            self.messages.push(message);
        }
    }

    /// An item of which it is known.
    fn tell(&mut self, code: &str, outcome: Outcome) {
        self.answer.items.push(Item { code: code.to_owned(), outcome });
    }

    /// Admits what waits. An error: some of it may be stored, and all may be repeated.
    async fn admit(&mut self, state: &AppState) -> Result<(), StoreError> {
        let messages = std::mem::take(&mut self.messages);
        let of = std::mem::take(&mut self.of);
        if messages.is_empty() {
            return Ok(());
        }
        let verdicts = intake::admit_read(&state.engine, messages.into()).await?;
        let now = state.engine.clock.now();
        for ((place, key), verdict) in of.into_iter().zip(verdicts) {
            let Some(item) = self.answer.items.get_mut(place) else { continue };
            let outcome = match verdict {
                Verdict::Accepted { .. } => Outcome::Stored,
                Verdict::Duplicate { .. } => Outcome::Repeated,
                Verdict::Quarantined(rejection) => {
                    let outcome = Outcome::refused(&rejection);
                    state.vendors.remember(key, &outcome, now);
                    outcome
                }
            };
            // A refusal goes before what was stored of the same item, and news before a repetition.
            let is_news = item.outcome == Outcome::Repeated && outcome == Outcome::Stored;
            if is_news || outcome.rank() > item.outcome.rank() {
                item.outcome = outcome;
            }
        }
        Ok(())
    }
}

/// Under what a refusal of this row is remembered.
fn key_of(vendor: &Vendor, kind: &str, row: &Value) -> String {
    derived("", &[&vendor.entry.name, kind, &row.to_string()], 40)
}
