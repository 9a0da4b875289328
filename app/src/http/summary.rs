//! The province at a glance, worked out of one overview: what needs a person, how each partner and unit stands. The
//! front page and `GET /v1/status` show the same.

use jiff::SignedDuration;
use lienthong_core::{
    clock::business,
    flow::{engine::Engine, operator},
    id::DossierCode,
    need::Need,
    operation::OperationState,
    outcome::Cause,
    policy::{allowance::Limits, health::Phase},
    port::{
        store::{ConnectorCondition, StoreError},
        views::{IncidentView, OperationFilter, OperationView, Overview, Views},
    },
};
use std::collections::BTreeMap;

use super::advice::{self, Advice};

/// Something for the morning's list.
#[derive(Debug, Clone, PartialEq)]
pub struct Matter {
    /// Why, who, what next.
    pub advice: Advice,
    /// The connector.
    pub connector: Option<String>,
    /// How many operations it holds.
    pub count: i64,
    /// Whether the true number is higher than `count`.
    pub at_least: bool,
    /// Since when, microseconds.
    pub since_us: Option<i64>,
    /// What the partner or we said.
    pub said: String,
    /// Where the console shows more; empty: nowhere.
    pub link: String,
    /// The incident that only a person's word ends.
    pub closable: Option<i64>,
    /// Whether it is about a partner as a whole: how long what waits there takes belongs to it.
    pub is_standing: bool,
}

/// A partner's row.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Partner {
    /// The connector instance.
    pub connector: String,
    /// What people call it.
    pub label: String,
    /// Operations that succeeded today.
    pub done: i64,
    /// Operations that wait by themselves: ready, running, doubtful, awaiting.
    pub waiting: i64,
    /// Of those, doubtful ones.
    pub doubtful: i64,
    /// Operations that need somebody: held, stuck.
    pub stuck: i64,
    /// The oldest head that is not idle, microseconds.
    pub oldest_us: Option<i64>,
    /// How it stands: phase, hold. None: nothing here carries it out.
    pub condition: Option<ConnectorCondition>,
    /// What it is allowed.
    pub limits: Limits,
    /// How long what waits takes once it flows. None: nobody knows.
    pub drain: Option<SignedDuration>,
}

impl Partner {
    /// What to do about its trouble.
    pub fn advice(&self) -> Advice {
        match self.condition.as_ref().map(|c| &c.phase) {
            Some(Phase::HalfOpen { .. } | Phase::Ramp { .. }) => advice::of_return(),
            phase => advice::of_pause(phase.and_then(Phase::trouble).map(|t| t.cause)),
        }
    }
}

/// Everything.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// What the store said.
    pub overview: Overview,
    /// Since when counts "today", microseconds.
    pub since_us: i64,
    /// Partners in the order of the configuration.
    pub partners: Vec<Partner>,
    /// What needs a person, or is being waited out, most pressing first.
    pub matters: Vec<Matter>,
    /// Discrepancies that are open.
    pub discrepancies: i64,
    /// Unit names by code.
    pub unit_names: BTreeMap<String, String>,
}

/// How many stuck operations are looked at to tell their causes apart.
const SAMPLE: i64 = 200;

impl Summary {
    /// Asks the views.
    pub async fn ask(engine: &Engine, views: &dyn Views) -> Result<Self, StoreError> {
        let since_us = start_of_day(engine);
        let overview = views.overview(since_us).await?;
        let is_stuck = overview.partners.iter().any(|p| p.state == OperationState::Stuck.name());
        let stuck = if is_stuck {
            let filter = OperationFilter {
                state: Some(OperationState::Stuck),
                limit: SAMPLE,
                ..OperationFilter::default()
            };
            views.operations(&filter).await?
        } else {
            Vec::new()
        };
        let partners = partners(engine, &overview);
        let unit_names =
            engine.rules.units.iter().map(|(code, unit)| (code.to_string(), unit.name.clone())).collect();
        let matters = matters(engine, &overview, &partners, &stuck);
        let discrepancies = engine.store.open_discrepancies().await?;
        Ok(Self { overview, since_us, partners, matters, discrepancies, unit_names })
    }

    /// How many matters a person has to take up, the quarantine and the discrepancies among them.
    pub fn for_persons(&self) -> usize {
        let quarantine = usize::from(self.overview.quarantine_open > 0);
        let discrepancies = usize::from(self.discrepancies > 0);
        self.matters.iter().filter(|m| m.advice.needs_person).count() + quarantine + discrepancies
    }

    /// Whether both ledgers come out.
    pub fn is_balanced(&self) -> bool {
        let ledgers = &self.overview.ledgers;
        ledgers.message_difference() == 0 && ledgers.operation_difference() == 0
    }
}

/// The first moment of the business day.
fn start_of_day(engine: &Engine) -> i64 {
    let now = business(engine.clock.now());
    now.start_of_day().map_or(0, |day| day.timestamp().as_microsecond())
}

/// Under this name stands what no connector does.
pub const UNASSIGNED: &str = "unassigned";

fn is_open(state: &str) -> bool {
    OperationState::from_name(state).is_some_and(|s| !s.is_ended())
}

/// How each partner stands, in the order of the configuration.
pub fn partners(engine: &Engine, overview: &Overview) -> Vec<Partner> {
    let mut rows: Vec<Partner> = Vec::new();
    for (id, member) in &engine.members {
        let label = member.manifest.label.clone();
        let limits = member.limits.clone();
        let stored = overview.conditions.iter().find(|c| c.connector == *id).cloned();
        let condition = Some(stored.unwrap_or_else(|| ConnectorCondition::works(id.clone())));
        let connector = id.to_string();
        rows.push(Partner { connector, label, condition, limits, ..Partner::default() });
    }
    // Connectors that were taken out of the configuration with work still in the store stay visible.
    // What has no connector is shown as long as something of it is open.
    for count in overview.partners.iter().filter(|c| c.connector != UNASSIGNED || is_open(&c.state)) {
        if !rows.iter().any(|r| r.connector == count.connector) {
            rows.push(Partner {
                connector: count.connector.clone(),
                label: count.connector.clone(),
                ..Partner::default()
            });
        }
    }
    for row in &mut rows {
        for count in overview.partners.iter().filter(|c| c.connector == row.connector) {
            match OperationState::from_name(&count.state) {
                Some(OperationState::Succeeded) => row.done += count.operations,
                Some(OperationState::Held | OperationState::Stuck) => row.stuck += count.operations,
                Some(OperationState::Doubtful) => {
                    row.waiting += count.operations;
                    row.doubtful += count.operations;
                }
                Some(OperationState::Ready | OperationState::Running | OperationState::Awaiting) => {
                    row.waiting += count.operations;
                }
                Some(OperationState::Refused | OperationState::Superseded | OperationState::Dismissed)
                | None => {}
            }
        }
        row.oldest_us =
            overview.lanes.iter().filter(|l| l.connector == row.connector).filter_map(|l| l.oldest_us).min();
        let member = engine.members.iter().find(|(id, _)| id.as_str() == row.connector).map(|(_, m)| m);
        let stored = row.condition.as_ref().and_then(|c| c.mean);
        let mean = member.and_then(|m| m.mean()).or(stored);
        row.drain = member.and_then(|_| row.limits.drain(row.waiting, mean));
    }
    rows
}

fn matters(
    engine: &Engine,
    overview: &Overview,
    partners: &[Partner],
    stuck: &[OperationView],
) -> Vec<Matter> {
    let mut found: Vec<Matter> = partners.iter().flat_map(standing).collect();
    found.extend(incidents(engine, overview));
    found.extend(stuck_groups(overview, stuck));
    found.sort_by_key(|m| (!m.advice.needs_person, m.since_us.unwrap_or(i64::MAX)));
    found
}

/// More than this many incidents of a kind are told as one.
const TOLD_SINGLY: usize = 3;

fn incidents(engine: &Engine, overview: &Overview) -> Vec<Matter> {
    let mut kinds: BTreeMap<String, Vec<&IncidentView>> = BTreeMap::new();
    // A pause is told by the connector's condition, with its cause and phase; once that is gone the incident goes too.
    for incident in overview.incidents.iter().filter(|i| !i.key.starts_with("pause:")) {
        kinds.entry(advice::kind_of(&incident.key)).or_default().push(incident);
    }
    let mut found = Vec::new();
    for kind in kinds.values() {
        if kind.len() <= TOLD_SINGLY {
            found.extend(kind.iter().map(|i| single(engine, i)));
        } else {
            found.push(many(kind));
        }
    }
    found
}

fn single(engine: &Engine, incident: &IncidentView) -> Matter {
    Matter {
        advice: advice::of_incident(&incident.key),
        connector: incident.connector.clone(),
        count: incident.waiting,
        at_least: false,
        since_us: Some(incident.opened_us),
        said: if is_need(&incident.key) { String::new() } else { advice::said(Some(&incident.said)) },
        link: incident_link(&incident.key),
        closable: Some(incident.id).filter(|_| !operator::closes_itself(engine, &incident.key)),
        is_standing: false,
    }
}

fn many(kind: &[&IncidentView]) -> Matter {
    let keys: Vec<&str> = kind.iter().map(|i| i.key.as_str()).collect();
    let first = kind.first().and_then(|i| i.connector.clone());
    let is_shared = kind.iter().all(|i| i.connector == first);
    let are_needs = keys.iter().all(|key| is_need(key));
    Matter {
        advice: advice::of_many(&keys),
        connector: first.filter(|_| is_shared),
        count: kind.iter().map(|i| i.waiting).sum(),
        at_least: false,
        since_us: kind.iter().map(|i| i.opened_us).min(),
        said: String::new(),
        link: if are_needs { link(&[("state", OperationState::Held.name())]) } else { String::new() },
        closable: None,
        is_standing: false,
    }
}

/// What is to be told of a partner: its trouble, and who holds it.
fn standing(partner: &Partner) -> Vec<Matter> {
    let Some(condition) = &partner.condition else { return Vec::new() };
    let matter = |advice, since: jiff::Timestamp, said: &str| Matter {
        advice,
        connector: Some(partner.connector.clone()),
        count: partner.waiting,
        at_least: false,
        since_us: Some(since.as_microsecond()),
        said: advice::said(Some(said)),
        link: link(&[("connector", &partner.connector), ("open", "1")]),
        closable: None,
        is_standing: true,
    };
    let hold = condition.hold.as_ref().map(|h| matter(advice::of_hold(h), h.since, &h.reason));
    let trouble = condition.phase.trouble();
    let trouble = trouble.map(|trouble| matter(partner.advice(), trouble.since, &trouble.said));
    hold.into_iter().chain(trouble).collect()
}

fn stuck_groups(overview: &Overview, stuck: &[OperationView]) -> Vec<Matter> {
    let total: i64 = overview
        .partners
        .iter()
        .filter(|p| p.state == OperationState::Stuck.name())
        .map(|p| p.operations)
        .sum();
    let at_least = total > stuck.len() as i64;
    // What mends refused data depends on the action; other causes are one matter whatever was to be done.
    let mut groups: BTreeMap<(&str, Option<&str>, &str), Vec<&OperationView>> = BTreeMap::new();
    for operation in stuck {
        let cause = operation.cause.as_deref();
        let is_refused = cause == Some(Cause::DataRefused.code());
        let action = if is_refused { operation.action.as_str() } else { "" };
        groups.entry((&operation.connector, cause, action)).or_default().push(operation);
    }
    groups
        .into_iter()
        .map(|((connector, cause, action), group)| {
            let mut query = vec![("connector", connector), ("state", OperationState::Stuck.name())];
            query.extend(cause.map(|c| ("cause", c)));
            query.extend(Some(("action", action)).filter(|_| !action.is_empty()));
            Matter {
                advice: advice::of_cause_at(cause, action),
                connector: Some(connector.to_owned()),
                count: group.len() as i64,
                at_least,
                since_us: group.iter().map(|o| o.created_us).min(),
                said: advice::said(group.first().and_then(|o| o.said.as_deref())),
                link: link(&query),
                closable: None,
                is_standing: false,
            }
        })
        .collect()
}

fn is_need(key: &str) -> bool {
    key.parse::<Need>().is_ok()
}

/// A need's operations; for money matters the dossier, where the payment's id names it. Empty: nothing to show.
fn incident_link(key: &str) -> String {
    if is_need(key) {
        return link(&[("need", key), ("open", "1")]);
    }
    let parts: Vec<&str> = key.split([':', '-']).collect();
    let code = parts.windows(3).find_map(|w| DossierCode::parse(&w.join("-")).ok());
    code.map(|code| format!("/ho-so/{code}")).unwrap_or_default()
}

fn link(query: &[(&str, &str)]) -> String {
    let pairs: Vec<String> = query
        .iter()
        .map(|(name, value)| format!("{name}={}", super::console::words::percent(value)))
        .collect();
    format!("/thao-tac?{}", pairs.join("&"))
}
