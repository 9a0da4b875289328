//! The settings that planning goes by, as one value: who may speak for whom, which connector serves what, which status
//! an event means where the contract leaves it open, which accounts may receive money.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

use crate::{
    event::data::Account,
    id::{ConnectorId, Source, UnitCode},
    operation::ActionKind,
    status::PortalStatus,
};

/// What sort of partner a connector speaks to. A dossier is bound to one instance per kind at first use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartnerKind {
    /// The national portal.
    Portal,
    /// A payment platform.
    Payment,
    /// The post.
    Post,
}

impl PartnerKind {
    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Portal => "portal",
            Self::Payment => "payment",
            Self::Post => "post",
        }
    }
}

/// Which events, units and procedures a connector instance serves. Patterns: exact, or a beginning followed by `*`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Route {
    /// Event names such as `dossier.*`. Empty: all.
    pub events: Vec<String>,
    /// Unit codes. Empty: all.
    pub units: Vec<String>,
    /// Procedure codes. Empty: all.
    pub procedures: Vec<String>,
}

impl Route {
    /// Whether an event about this unit and procedure goes here. Unknown unit or procedure match only an empty list.
    pub fn takes(&self, event: &str, unit: Option<&str>, procedure: Option<&str>) -> bool {
        fn any(patterns: &[String], value: Option<&str>) -> bool {
            patterns.is_empty() || value.is_some_and(|v| patterns.iter().any(|p| is_match(p, v)))
        }
        any(&self.events, Some(event)) && any(&self.units, unit) && any(&self.procedures, procedure)
    }
}

/// Whether a value fits a pattern: exact, or a beginning followed by `*`.
pub fn is_match(pattern: &str, value: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => value.starts_with(beginning),
        None => pattern == value,
    }
}

/// A connector instance as the planner sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct ConnectorRule {
    /// The instance.
    pub id: ConnectorId,
    /// Its kind of partner.
    pub kind: PartnerKind,
    /// What it can do.
    pub actions: BTreeSet<ActionKind>,
    /// About which of these the partner can be asked.
    pub probes: BTreeSet<ActionKind>,
    /// The partner's settling window.
    pub settling: jiff::SignedDuration,
    /// Actions that a person decides about after doubt, by configuration.
    pub person_after_doubt: BTreeSet<ActionKind>,
    /// What it serves; any of them. Empty: everything.
    pub routes: Vec<Route>,
}

/// A unit and the other codes that mean it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitRule {
    /// The canonical code.
    pub code: UnitCode,
    /// Its name.
    pub name: String,
    /// First business day on which it exists.
    pub from: Option<jiff::civil::Date>,
    /// Last business day on which it exists.
    pub until: Option<jiff::civil::Date>,
}

/// What the contract leaves to configuration about statuses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StatusRules {
    /// Status after `dossier.supplement_expired`; none: unchanged.
    pub supplement_expired: Option<PortalStatus>,
    /// Status after `dossier.refused` (written refusal after acceptance): 8 or 9.
    pub refused: PortalStatus,
    /// Status after `dossier.voided`, once a person has confirmed.
    pub voided: PortalStatus,
}

impl Default for StatusRules {
    fn default() -> Self {
        Self { supplement_expired: None, refused: PortalStatus::Stopped, voided: PortalStatus::Stopped }
    }
}

/// All rules of planning.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rules {
    /// Which units (patterns) a source (pattern) may speak for. Empty: every source for every unit.
    pub sources: Vec<(String, Vec<String>)>,
    /// Units by canonical code. Empty: every well-formed code is a unit.
    pub units: BTreeMap<UnitCode, UnitRule>,
    /// Other codes of units.
    pub unit_aliases: BTreeMap<UnitCode, UnitCode>,
    /// Connector instances in order of preference.
    pub connectors: Vec<ConnectorRule>,
    /// Open points of the status mapping.
    pub status: StatusRules,
    /// Approved beneficiaries by name.
    pub beneficiaries: BTreeMap<String, Account>,
    /// Units (patterns) that let postage share a payment with fees.
    pub postage_with_fees: Vec<String>,
    /// Names of out-events that nobody wants: not written to the outbox. Patterns.
    pub muted: Vec<String>,
}

impl Rules {
    /// The canonical form of a unit's code.
    pub fn canonical_unit(&self, code: &UnitCode) -> UnitCode {
        self.unit_aliases.get(code).unwrap_or(code).clone()
    }

    /// Whether a source may speak for a unit (canonical code).
    pub fn may_speak(&self, source: &Source, unit: &UnitCode) -> bool {
        self.sources.is_empty()
            || self.sources.iter().any(|(pattern, units)| {
                is_match(pattern, source.as_str()) && units.iter().any(|u| is_match(u, unit.as_str()))
            })
    }

    /// The connector instance with this name.
    pub fn connector(&self, id: &ConnectorId) -> Option<&ConnectorRule> {
        self.connectors.iter().find(|c| &c.id == id)
    }

    /// The row of the action table for an action of a connector, as its configuration has it.
    pub fn action(&self, id: &ConnectorId, action: ActionKind) -> crate::policy::action::ActionRule {
        let connector = self.connector(id);
        let has_query = connector.is_some_and(|c| c.probes.contains(&action));
        let rule = crate::policy::action::rule(action, has_query);
        if connector.is_some_and(|c| c.person_after_doubt.contains(&action)) {
            rule.for_a_person()
        } else {
            rule
        }
    }

    /// The partner's settling window.
    pub fn settling(&self, id: &ConnectorId) -> jiff::SignedDuration {
        self.connector(id).map_or(jiff::SignedDuration::from_secs(60), |c| c.settling)
    }

    /// The first connector of a kind that serves this.
    pub fn route(
        &self,
        kind: PartnerKind,
        event: &str,
        unit: Option<&str>,
        procedure: Option<&str>,
    ) -> Option<&ConnectorRule> {
        self.connectors.iter().find(|c| {
            c.kind == kind
                && (c.routes.is_empty() || c.routes.iter().any(|r| r.takes(event, unit, procedure)))
        })
    }
}
