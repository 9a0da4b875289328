//! The sections of the file and their defaults. Every key is explained in `lienthong.example.toml`; a test compares.

use std::{net::SocketAddr, path::PathBuf};

use jiff::civil::{Date, DateTime, Time, Weekday};
use lienthong_connectors::{dvcqg, dvcqg_payment, vnpost};
use lienthong_core::{
    id::{ConnectorId, UnitCode},
    plan::rules::{Route, StatusRules},
    policy::calendar::Maintenance,
    port::retention::Kind,
};
use secrecy::SecretString;
use serde::Deserialize;

/// `[installation]`
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Installation {
    /// The short name in the `source` of what we publish: `/lienthong/{name}`.
    pub name: String,
    /// What people read at the top of the console.
    pub label: String,
    /// The folder for the embedded store, generated secrets and state.
    pub data_dir: PathBuf,
    /// What this process has seen of the store, to notice a restore; `state.json` in the data folder if not set.
    pub state_file: Option<PathBuf>,
}

impl Default for Installation {
    fn default() -> Self {
        Self { name: "lienthong".into(), label: String::new(), data_dir: "data".into(), state_file: None }
    }
}

impl Installation {
    /// The label, or the name where there is none.
    pub fn title(&self) -> &str {
        if self.label.is_empty() { &self.name } else { &self.label }
    }
}

/// Which store.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StoreKind {
    /// A file in the data folder; one process.
    #[default]
    Sqlite,
    /// A PostgreSQL 15 or newer; any number of processes.
    Postgres,
}

/// `[store]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Store {
    /// Which store.
    pub kind: StoreKind,
    /// The database's address, password included.
    pub url: Option<SecretString>,
    /// A file that holds it.
    pub url_file: Option<PathBuf>,
    /// Connections of one process.
    pub max_connections: Option<u32>,
    /// How long PostgreSQL lets a statement run; twice as long ends a unit of work whose connection has vanished.
    pub statement_seconds: Option<u64>,
}

/// `[broker]`
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Broker {
    /// RabbitMQ's address, password included.
    pub url: Option<SecretString>,
    /// A file that holds it.
    pub url_file: Option<PathBuf>,
    /// How many unacknowledged messages RabbitMQ hands over at most.
    pub prefetch: u16,
    /// Where the one-stop systems publish.
    pub exchange_in: String,
    /// Where we publish.
    pub exchange_out: String,
    /// Our queue.
    pub queue: String,
    /// The exchange behind it for what RabbitMQ itself gives up.
    pub dead_exchange: String,
    /// The queue behind that exchange.
    pub dead_queue: String,
    /// Which routing keys our queue takes from the exchange in.
    pub bindings: Vec<String>,
    /// Whether results are published; off: only the HTTP feed has them.
    pub publish: bool,
    /// How long a confirmation by RabbitMQ may take.
    pub confirm_timeout_ms: u64,
}

impl Default for Broker {
    fn default() -> Self {
        Self {
            url: None,
            url_file: None,
            prefetch: 1000,
            exchange_in: "motcua.events".into(),
            exchange_out: "lienthong.events".into(),
            queue: "lienthong.intake".into(),
            dead_exchange: "lienthong.dead".into(),
            dead_queue: "lienthong.dead".into(),
            bindings: vec!["#".into()],
            publish: true,
            confirm_timeout_ms: 30_000,
        }
    }
}

/// `[http]`
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Http {
    /// Where to listen.
    pub listen: SocketAddr,
    /// What signs the tokens: at least 32 characters.
    pub token_secret: Option<SecretString>,
    /// A file that holds it.
    pub token_secret_file: Option<PathBuf>,
    /// The address under which others reach us; callbacks are given this one.
    pub public_url: Option<String>,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            token_secret: None,
            token_secret_file: None,
            public_url: None,
        }
    }
}

/// `[engine]`
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Engine {
    /// How many events or operations go through one transaction.
    pub batch: usize,
    /// How much of a partner's time may wait in a process, claimed ahead of its turn, milliseconds; 0: nothing is.
    pub ahead_ms: u64,
    /// How often the store is asked for work when nothing was announced.
    pub poll_ms: u64,
    /// What must be left of a lease, beyond the partner's deadline, before anything is sent.
    pub lease_margin_ms: u64,
    /// The largest event.
    pub max_message_bytes: usize,
    /// How many days an open payment is asked about.
    pub fresh_payment_days: i64,
    /// How often open payments are asked about.
    pub sweep_seconds: u64,
    /// How often the post's feed is read.
    pub tracking_seconds: u64,
    /// From which time of day on the partners' catalogues are pulled, `01:30`; empty: only by hand.
    pub catalogue_at: String,
    /// How long after a partner was found to be down it is tried; doubles with every trial that fails.
    pub test_seconds: u64,
    /// The longest time between two trials.
    pub test_longest_seconds: u64,
    /// The share of setbacks within the window that pauses a partner, in percent.
    pub failure_percent: u32,
    /// Fewer outcomes within the window than this say nothing.
    pub failure_minimum: u32,
    /// How far back outcomes count.
    pub failure_window_seconds: u64,
    /// Where traffic is too thin for shares: how many setbacks in a row, of any dossiers, pause a partner.
    pub setbacks_to_pause: u32,
    /// The way back: shares of what may be with the partner at once, in percent.
    pub ramp_percent: Vec<u32>,
    /// How long each step of the way back lasts.
    pub ramp_step_seconds: u64,
    /// How long a soft stop waits for what runs.
    pub stop_seconds: u64,
    /// When a setback is tried again: the delays after the first, second, … attempt. Empty: about three days.
    pub retry_seconds: Vec<u32>,
}

impl Default for Engine {
    fn default() -> Self {
        Self {
            batch: 200,
            ahead_ms: 200,
            poll_ms: 1_000,
            lease_margin_ms: 15_000,
            max_message_bytes: 1_048_576,
            fresh_payment_days: 3,
            sweep_seconds: 900,
            tracking_seconds: 600,
            catalogue_at: "01:30".into(),
            test_seconds: 30,
            test_longest_seconds: 300,
            failure_percent: 50,
            failure_minimum: 20,
            failure_window_seconds: 60,
            setbacks_to_pause: 20,
            ramp_percent: vec![10, 25, 50],
            ramp_step_seconds: 60,
            stop_seconds: 20,
            retry_seconds: Vec::new(),
        }
    }
}

/// `[retention]`: for how many days each kind is kept; 0: for ever. What is open, and what money hangs on, is kept for ever.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Retention {
    /// Dossiers' versions but the newest, since anything last happened to the dossier.
    pub versions_days: u32,
    /// Events with their bodies, since anything last happened to the dossier.
    pub events_days: u32,
    /// Ended operations with their attempts, since anything last happened to the dossier.
    pub operations_days: u32,
    /// De-duplication keys.
    pub keys_days: u32,
    /// Out-events that were told.
    pub outbox_days: u32,
    /// Judged callbacks that were not applied.
    pub callbacks_days: u32,
    /// Closed quarantine entries, since they were closed.
    pub quarantine_days: u32,
    /// The audit trail.
    pub audit_days: u32,
    /// Files that partners sent, and those fetched from them.
    pub files_days: u32,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            versions_days: 1825,
            events_days: 3650,
            operations_days: 3650,
            keys_days: 400,
            outbox_days: 90,
            callbacks_days: 365,
            quarantine_days: 365,
            audit_days: 3650,
            files_days: 180,
        }
    }
}

impl Retention {
    /// Every kind with its key here and its days.
    pub fn days(&self) -> [(Kind, &'static str, u32); 9] {
        [
            (Kind::Versions, "versions_days", self.versions_days),
            (Kind::Events, "events_days", self.events_days),
            (Kind::Operations, "operations_days", self.operations_days),
            (Kind::Keys, "keys_days", self.keys_days),
            (Kind::Outbox, "outbox_days", self.outbox_days),
            (Kind::Callbacks, "callbacks_days", self.callbacks_days),
            (Kind::Quarantine, "quarantine_days", self.quarantine_days),
            (Kind::Audit, "audit_days", self.audit_days),
            (Kind::Files, "files_days", self.files_days),
        ]
    }
}

/// `[planning]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Planning {
    /// Statuses that the contract leaves open.
    pub status: StatusRules,
    /// Units (patterns) that let postage share a payment with fees.
    pub postage_with_fees: Vec<String>,
    /// Out-events (patterns) that nobody wants.
    pub muted: Vec<String>,
}

/// `[[source]]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The source: exact, or a beginning followed by `*`.
    pub pattern: String,
    /// The units that it may speak for, in the same manner.
    pub units: Vec<String>,
}

/// `[[unit]]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unit {
    /// The canonical code.
    pub code: UnitCode,
    /// The name.
    pub name: String,
    /// Other codes that mean it.
    #[serde(default)]
    pub aliases: Vec<UnitCode>,
    /// The first day in office, `yyyy-mm-dd`.
    pub from: Option<Date>,
    /// The last day in office.
    pub until: Option<Date>,
}

/// `[[beneficiary]]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Beneficiary {
    /// What events call it: `beneficiary_code`.
    pub name: String,
    /// The account's number.
    pub account: String,
    /// The bank's BIN.
    #[serde(default)]
    pub bank_bin: String,
    /// The bank's code.
    #[serde(default)]
    pub bank_code: String,
    /// The holder's name.
    #[serde(default)]
    pub holder: String,
}

/// `[[connector]]`: exactly one of the three tables.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Connector {
    /// The instance's name, part of its callback address; never changes once operations exist.
    pub id: ConnectorId,
    /// What people call it.
    pub label: String,
    /// How many operations may be with the partner at once, per process.
    pub in_flight: Option<usize>,
    /// The same of all processes together.
    pub in_flight_total: Option<usize>,
    /// How many operations and questions a second, of all processes together.
    pub rate_per_second: Option<f64>,
    /// How many of them may go at once after a rest.
    pub burst: Option<u32>,
    /// When the partner is under maintenance: nothing is sent.
    #[serde(default)]
    pub maintenance: Vec<Window>,
    /// What it serves; none: everything of its kind.
    #[serde(default)]
    pub routes: Vec<Route>,
    /// The national portal.
    pub dvcqg: Option<dvcqg::Config>,
    /// The portal's payment platform.
    pub dvcqg_payment: Option<dvcqg_payment::Config>,
    /// The post.
    pub vnpost: Option<vnpost::Config>,
}

/// A window of planned maintenance: every week (`days`, times of day), or once (two moments), on the business clock.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// `mon` … `sun`; none: the window is once.
    #[serde(default)]
    pub days: Vec<Day>,
    /// `22:00`, or `2026-12-01T22:00`.
    pub from: String,
    /// The same; a time of day that is not later is the next day's.
    pub until: String,
}

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Day {
    /// Monday.
    Mon,
    /// Tuesday.
    Tue,
    /// Wednesday.
    Wed,
    /// Thursday.
    Thu,
    /// Friday.
    Fri,
    /// Saturday.
    Sat,
    /// Sunday.
    Sun,
}

impl From<Day> for Weekday {
    fn from(day: Day) -> Self {
        match day {
            Day::Mon => Self::Monday,
            Day::Tue => Self::Tuesday,
            Day::Wed => Self::Wednesday,
            Day::Thu => Self::Thursday,
            Day::Fri => Self::Friday,
            Day::Sat => Self::Saturday,
            Day::Sun => Self::Sunday,
        }
    }
}

impl Window {
    /// The window. `Err`: which text is no moment of its kind.
    pub fn read(&self) -> Result<Maintenance, String> {
        if self.days.is_empty() {
            let moment = |text: &String| text.parse::<DateTime>().map_err(|_| text.clone());
            let (from, until) = (moment(&self.from)?, moment(&self.until)?);
            return if from < until {
                Ok(Maintenance::Dated { from, until })
            } else {
                Err(self.until.clone())
            };
        }
        let time = |text: &String| text.parse::<Time>().map_err(|_| text.clone());
        let days = self.days.iter().map(|day| Weekday::from(*day)).collect();
        Ok(Maintenance::Weekly { days, from: time(&self.from)?, until: time(&self.until)? })
    }
}
