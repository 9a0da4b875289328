//! A dossier as we know it: the merged fields, the portal status, supplements, what was paid. Merging is here;
//! what follows from a change is planned elsewhere.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::{collections::BTreeMap, sync::Arc};

use crate::{
    event::data::{Dossier, Supplement},
    id::{ConnectorId, DossierCode, RowId, Source, UnitCode},
    plan::rules::PartnerKind,
    status::PortalStatus,
};

/// Money received for fees of a dossier, as sent to the portal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settled {
    /// The payment, where there is one.
    pub payment: Option<String>,
    /// The fees it covers: fee id (or line code), amount in đồng.
    pub lines: Vec<(String, i64)>,
    /// In đồng.
    pub amount: i64,
    /// When it was paid.
    pub at: Timestamp,
    /// How we know.
    pub how: SettledHow,
}

/// How money came, and who says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SettledHow {
    /// Online through a platform of ours: verified.
    Online,
    /// At the desk: stated by the one-stop system.
    Desk,
}

/// When a status came, and with which words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusFrom {
    /// When it happened: the step's time, else the event's.
    pub at: Timestamp,
    /// What the step says, may be empty.
    #[serde(default)]
    pub content: String,
}

/// The state of a dossier; one version of it is stored per change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DossierState {
    /// The canonical code: of first sight, never changes.
    pub code: DossierCode,
    /// Merged `data.dossier`, JSON.
    pub fields: Map<String, Value>,
    /// The portal status; none: nothing said yet.
    pub status: Option<PortalStatus>,
    /// Where that status comes from; none in states stored before this was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_from: Option<StatusFrom>,
    /// The status to return to, should a person decide that the dossier is not void after all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before_void: Option<PortalStatus>,
    /// Units that had it before, each until when: what they said by then may still be under way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub former_units: Vec<(UnitCode, Timestamp)>,
    /// Supplements by their order of first sight, merged by id.
    #[serde(default)]
    pub supplements: Vec<Map<String, Value>>,
    /// Money received.
    #[serde(default)]
    pub settled: Vec<Settled>,
}

impl DossierState {
    /// Nothing known but the code.
    pub fn new(code: DossierCode) -> Self {
        Self {
            code,
            fields: Map::new(),
            status: None,
            status_from: None,
            before_void: None,
            former_units: Vec::new(),
            supplements: Vec::new(),
            settled: Vec::new(),
        }
    }

    /// The merged fields as typed values. Every merged event was checked, so this fails only on a defect of ours.
    pub fn dossier(&self) -> Result<Dossier, serde_json::Error> {
        Dossier::deserialize(&self.fields)
    }

    /// The merged supplements as typed values.
    pub fn supplements(&self) -> Result<Vec<Supplement>, serde_json::Error> {
        self.supplements.iter().map(Supplement::deserialize).collect()
    }

    fn text(&self, field: &str) -> Option<&str> {
        self.fields.get(field)?.as_str().filter(|t| !t.is_empty())
    }

    /// Whether it was born on the national portal.
    pub fn is_portal_born(&self) -> bool {
        self.text("origin") == Some("portal")
    }

    /// The code by which the portal knows it: the portal's own code if it was born there, else ours.
    pub fn portal_code(&self) -> DossierCode {
        let stated = ["portal_code", "code"].iter().find_map(|f| DossierCode::parse(self.text(f)?).ok());
        match stated {
            Some(code) if self.is_portal_born() => code,
            _ => self
                .text("code")
                .and_then(|c| DossierCode::parse(c).ok())
                .unwrap_or_else(|| self.code.clone()),
        }
    }

    /// The handling unit's code.
    pub fn unit(&self) -> Option<UnitCode> {
        UnitCode::parse(self.fields.get("unit")?.get("code")?.as_str()?).ok()
    }

    /// The procedure's code.
    pub fn procedure(&self) -> Option<&str> {
        self.fields.get("procedure")?.get("code")?.as_str().filter(|c| !c.is_empty())
    }

    /// Merges a supplement by its id.
    pub fn merge_supplement(&mut self, supplement: &Map<String, Value>) {
        match self.supplement_mut(supplement) {
            Some(known) => merge(known, supplement),
            None => self.supplements.push(supplement.clone()),
        }
    }

    /// Merges what a late event says of a supplement: what is known wins.
    pub fn merge_late_supplement(&mut self, supplement: &Map<String, Value>) {
        match self.supplement_mut(supplement) {
            Some(known) => {
                let newer = std::mem::replace(known, supplement.clone());
                merge(known, &newer);
            }
            None => self.supplements.push(supplement.clone()),
        }
    }

    /// Takes over what was said of the same dossier under another code; what is known here wins.
    pub fn absorb(&mut self, other: &Self) {
        let mut fields = other.fields.clone();
        fields.remove("code");
        merge(&mut fields, &self.fields);
        self.fields = fields;
        if self.status.is_none() {
            (self.status, self.status_from) = (other.status, other.status_from.clone());
        }
        self.former_units.extend(other.former_units.iter().cloned());
        for supplement in &other.supplements {
            self.merge_late_supplement(supplement);
        }
        for settled in &other.settled {
            if !self.settled.contains(settled) {
                self.settled.push(settled.clone());
            }
        }
    }

    fn supplement_mut(&mut self, like: &Map<String, Value>) -> Option<&mut Map<String, Value>> {
        self.supplements.iter_mut().find(|s| s.get("id") == like.get("id"))
    }
}

/// Arrays of the dossier that merge by `id`; a shorter array deletes nothing.
const KEYED: [&str; 5] = ["documents", "results", "fees", "papers", "applicants"];

/// Merges `patch` into `known`: objects field by field, keyed arrays by `id`, everything else replaced; `null` says
/// nothing. An element that says `deleted: true` stays as a tombstone, so that partners can be told.
pub fn merge(known: &mut Map<String, Value>, patch: &Map<String, Value>) {
    for (name, new) in patch {
        match (known.get_mut(name), new) {
            (_, Value::Null) => {}
            (Some(Value::Object(old)), Value::Object(new)) => merge(old, new),
            (Some(Value::Array(old)), Value::Array(new)) if KEYED.contains(&name.as_str()) => {
                merge_by_id(old, new);
            }
            (Some(old), new) => *old = new.clone(),
            (None, new) => {
                known.insert(name.clone(), new.clone());
            }
        }
    }
}

fn merge_by_id(known: &mut Vec<Value>, patch: &[Value]) {
    for new in patch {
        let id = new.get("id");
        match (known.iter_mut().find(|k| id.is_some() && k.get("id") == id), new) {
            (Some(Value::Object(old)), Value::Object(new)) => merge(old, new),
            (Some(old), new) => *old = new.clone(),
            (None, new) => known.push(new.clone()),
        }
    }
}

/// Takes out of `patch` every field that `newer` sets as well: what is left of a late event.
pub fn without(patch: &Map<String, Value>, newer: &Map<String, Value>) -> Map<String, Value> {
    let mut left = Map::new();
    for (name, value) in patch {
        match (value, newer.get(name)) {
            (_, None | Some(Value::Null)) => {
                left.insert(name.clone(), value.clone());
            }
            (Value::Object(mine), Some(Value::Object(theirs))) => {
                let rest = without(mine, theirs);
                if !rest.is_empty() {
                    left.insert(name.clone(), Value::Object(rest));
                }
            }
            (Value::Array(mine), Some(Value::Array(theirs))) if KEYED.contains(&name.as_str()) => {
                let rest: Vec<Value> = mine.iter().filter_map(|m| element_without(m, theirs)).collect();
                if !rest.is_empty() {
                    left.insert(name.clone(), Value::Array(rest));
                }
            }
            (_, Some(_)) => {}
        }
    }
    left
}

fn element_without(mine: &Value, theirs: &[Value]) -> Option<Value> {
    let Value::Object(fields) = mine else { return Some(mine.clone()) };
    let id = fields.get("id");
    let Some(Value::Object(newer)) = theirs.iter().find(|t| id.is_some() && t.get("id") == id) else {
        return Some(mine.clone());
    };
    let mut rest = without(fields, newer);
    if rest.is_empty() {
        return None;
    }
    if let Some(id) = id {
        rest.insert("id".into(), id.clone());
    }
    Some(Value::Object(rest))
}

/// A dossier as the store keeps it: the head row with the newest state.
#[derive(Debug, Clone, PartialEq)]
pub struct DossierRecord {
    /// Its row.
    pub row: RowId,
    /// The canonical code.
    pub code: DossierCode,
    /// The unit that handles it.
    pub unit: Option<UnitCode>,
    /// Whether a full snapshot came.
    pub known: bool,
    /// The newest version's number; 0: none stored yet.
    pub version: i64,
    /// The highest sequence applied, by source.
    pub sequences: BTreeMap<Source, i64>,
    /// The connector instance per kind of partner, bound at first use.
    pub bindings: BTreeMap<PartnerKind, ConnectorId>,
    /// The newest state.
    pub state: Arc<DossierState>,
    /// First sight.
    pub created_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(value: Value) -> Map<String, Value> {
        match value {
            Value::Object(map) => map,
            other => panic!("{other}"),
        }
    }

    #[test]
    fn keyed_arrays_merge_by_id_and_a_shorter_array_deletes_nothing() {
        let mut known =
            object(json!({"documents":[{"id":"1","name":"a"},{"id":"2","name":"b"}],"databases":["1","7"]}));
        merge(
            &mut known,
            &object(json!({"documents":[{"id":"2","name":"c"},{"id":"3","name":"d"}],"databases":["1"]})),
        );
        assert_eq!(
            Value::Object(known),
            json!({"documents":[{"id":"1","name":"a"},{"id":"2","name":"c"},{"id":"3","name":"d"}],"databases":["1"]})
        );
    }

    #[test]
    fn null_says_nothing_and_deleted_leaves_a_tombstone() {
        let mut known = object(json!({"note":"x","papers":[{"id":"1","name":"a"}]}));
        merge(&mut known, &object(json!({"note":null,"papers":[{"id":"1","deleted":true}]})));
        assert_eq!(Value::Object(known), json!({"note":"x","papers":[{"id":"1","name":"a","deleted":true}]}));
    }

    #[test]
    fn a_late_patch_keeps_only_what_no_newer_event_set() {
        let late = object(
            json!({"note":"old","applicant":{"phone":"1","email":"e"},"fees":[{"id":"A","amount":1,"name":"n"}]}),
        );
        let newer = object(json!({"note":"new","applicant":{"phone":"2"},"fees":[{"id":"A","amount":2}]}));
        assert_eq!(
            Value::Object(without(&late, &newer)),
            json!({"applicant":{"email":"e"},"fees":[{"id":"A","name":"n"}]})
        );
    }

    #[test]
    fn a_portal_born_dossier_is_known_there_by_the_portals_code() {
        let mut state = DossierState::new(DossierCode::parse("000.00.08.H99-261122-0001").unwrap());
        state.fields = object(
            json!({"code":"000.00.08.H99-261122-0001","portal_code":"G22.99-261122-000001","origin":"portal"}),
        );
        assert_eq!(state.portal_code().as_str(), "G22.99-261122-000001");
        state.fields.insert("origin".into(), json!("local"));
        assert_eq!(state.portal_code().as_str(), "000.00.08.H99-261122-0001");
    }
}
