//! What is to be said of a restore: since when nothing goes out, what was found, what waits for the decision, and what a
//! decision would do. Command line, API and console show the same.

use jiff::Timestamp;
use lienthong_core::{
    flow::{engine::Engine, restore},
    need::Need,
    operation::{ActionKind, OperationState, Payload},
    outcome::Cause,
    port::{
        store::{Installation, Store, StoreError},
        views::{OperationFilter, OperationView, Views},
    },
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

use super::{api::partners::moment_of, json::rfc3339};

/// Rows of one question; the line on every page counts no further.
pub const PAGE: i64 = 1000;

/// Operations of one kind that wait for the decision.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Waiting {
    /// How many.
    pub operations: i64,
    /// Of those: the partner was asked, and says that it is not there.
    pub absent: i64,
}

/// Progress steps that wait, by the moment up to which they would count as sent before.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Steps {
    /// That happened up to the moment.
    pub before: i64,
    /// That happened later.
    pub after: i64,
}

/// Everything.
#[derive(Debug, Clone)]
pub struct Report {
    /// The installation.
    pub installation: Installation,
    /// Whether everything that was open has been looked at.
    pub is_marked: bool,
    /// What waits, by connector and action.
    pub waiting: BTreeMap<(String, String), Waiting>,
    /// What is being asked about.
    pub asking: i64,
    /// What needs a decision of its own.
    pub single: i64,
    /// The moment, as asked for.
    pub steps_until: Option<Timestamp>,
    /// The steps.
    pub steps: Steps,
    /// The labels of connectors.
    labels: BTreeMap<String, String>,
}

impl Report {
    /// Asks. `until`: up to when steps would count as sent; none: up to the restore.
    pub async fn ask(
        engine: &Engine,
        views: &dyn Views,
        until: Option<Timestamp>,
    ) -> Result<Self, StoreError> {
        let installation = engine.store.installation().await?;
        let is_marked = restore::is_marked(&*engine.store, installation.epoch).await?;
        let fenced = installation.fenced().map(|restored| restored.since);
        let steps_until = until.or(fenced);
        let labels =
            engine.members.iter().map(|(id, m)| (id.to_string(), m.manifest.label.clone())).collect();
        let mut report = Self {
            is_marked,
            waiting: BTreeMap::new(),
            asking: 0,
            single: 0,
            steps_until,
            steps: Steps::default(),
            labels,
            installation,
        };
        if fenced.is_none() {
            return Ok(report);
        }
        let need = Need::Restore(report.installation.epoch).to_string();
        let held = OperationFilter { need: Some(need), ..open() };
        each(views, held, |o| {
            let waiting = report.waiting.entry((o.connector.clone(), o.action.clone())).or_default();
            waiting.operations += 1;
            waiting.absent += i64::from(o.cause.as_deref() == Some(Cause::UnknownThere.code()));
        })
        .await?;
        let steps = OperationFilter { action: Some(ActionKind::AppendProgress.name().into()), ..open() };
        let (mut before, mut after) = (0, 0);
        each(views, steps, |o| {
            for at in steps_of(o) {
                if steps_until.is_some_and(|until| at <= until) { before += 1 } else { after += 1 }
            }
        })
        .await?;
        report.steps = Steps { before, after };
        for (state, count) in
            [(OperationState::Doubtful, &mut report.asking), (OperationState::Stuck, &mut report.single)]
        {
            let filter = OperationFilter { state: Some(state), ..open() };
            each(views, filter, |_| *count += 1).await?;
        }
        Ok(report)
    }

    /// How many operations wait for the decision.
    pub fn total(&self) -> i64 {
        self.waiting.values().map(|w| w.operations).sum()
    }

    /// What people call a connector.
    pub fn label<'s>(&'s self, connector: &'s str) -> &'s str {
        self.labels.get(connector).map_or(connector, String::as_str)
    }

    /// As the API tells it.
    pub fn to_json(&self) -> Value {
        let restored = self.installation.restored.as_ref();
        let at = |at: Option<Timestamp>| at.map(rfc3339);
        let waiting = self.waiting.iter().map(|((connector, action), w)| {
            json!({ "connector": connector, "label": self.label(connector), "action": action,
                    "operations": w.operations, "absent": w.absent })
        });
        json!({
            "fenced": self.installation.fenced().is_some(),
            "epoch": self.installation.epoch,
            "since_at": at(restored.map(|r| r.since)),
            "reason": restored.map(|r| &r.reason),
            "backup_at": at(restored.and_then(|r| r.backup_at)),
            "seen_at": at(restored.and_then(|r| r.seen_at)),
            "is_marked": self.is_marked,
            "asking": self.asking,
            "single": self.single,
            "total": self.total(),
            "waiting": waiting.collect::<Vec<_>>(),
            "steps": { "until_at": at(self.steps_until), "before": self.steps.before, "after": self.steps.after },
            "released": restored.and_then(|r| r.released.as_ref()).map(|release| json!({
                "at": rfc3339(release.at), "by": release.by, "steps_until_at": at(release.steps_until),
            })),
        })
    }
}

/// How many wait, counted to a bound: for the line on every page. `None`: nothing is fenced.
pub async fn banner(engine: &Engine, views: &dyn Views) -> Result<Option<(Timestamp, i64)>, StoreError> {
    let installation = engine.store.installation().await?;
    let Some(restored) = installation.fenced() else { return Ok(None) };
    let need = Need::Restore(installation.epoch).to_string();
    let filter = OperationFilter { need: Some(need), limit: PAGE, ..open() };
    Ok(Some((restored.since, views.operations(&filter).await?.len() as i64)))
}

fn open() -> OperationFilter {
    OperationFilter { open_only: true, limit: PAGE, ..OperationFilter::default() }
}

async fn each(
    views: &dyn Views,
    mut filter: OperationFilter,
    mut see: impl FnMut(&OperationView),
) -> Result<(), StoreError> {
    loop {
        let page = views.operations(&filter).await?;
        page.iter().for_each(&mut see);
        match page.last() {
            Some(last) if page.len() as i64 == filter.limit => filter.after = last.id,
            Some(_) | None => return Ok(()),
        }
    }
}

/// When the steps of an operation happened that a decision could leave out.
fn steps_of(operation: &OperationView) -> Vec<Timestamp> {
    let waits = ["ready", "held", "doubtful"].contains(&operation.state.as_str());
    match serde_json::from_str::<Payload>(&operation.payload) {
        Ok(Payload::AppendProgress { steps }) if waits => steps.iter().map(|step| step.at).collect(),
        _ => Vec::new(),
    }
}

/// Up to when steps count as sent before the restore, as a person writes it: `restore` (up to the restore), `none` (all
/// are sent), or a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// The moment of the restore.
    Restore,
    /// None counts as sent.
    None,
    /// This moment.
    At(Timestamp),
}

impl Until {
    /// Reads it; an empty text is the restore.
    pub fn parse(text: &str) -> Option<Self> {
        match text.trim() {
            "" | "restore" => Some(Self::Restore),
            "none" => Some(Self::None),
            moment => moment_of(moment).map(Self::At),
        }
    }

    /// As the engine wants it.
    pub async fn of(self, store: &dyn Store) -> Result<Option<Timestamp>, StoreError> {
        Ok(match self {
            Self::Restore => store.installation().await?.restored.map(|restored| restored.since),
            Self::None => None,
            Self::At(at) => Some(at),
        })
    }
}
