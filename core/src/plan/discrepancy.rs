//! Opens and closes discrepancies, with what is told of it, in the unit of work that found or settled the difference.

use serde_json::{Value, json};

use crate::{
    id::{ConnectorId, DossierCode, RowId, UnitCode},
    plan::{out, rules::Rules},
    port::work::{Loaded, Work},
    reconciliation::{Discrepancy, Kind, Why},
};

/// A difference that a person has to see.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The connector.
    pub connector: ConnectorId,
    /// What sort.
    pub kind: Kind,
    /// About what.
    pub key: String,
    /// The dossier, if it is known here.
    pub subject: Option<DossierCode>,
    /// Its unit.
    pub unit: Option<UnitCode>,
    /// What we have.
    pub ours: Value,
    /// What the partner has.
    pub theirs: Value,
    /// Why a person is needed.
    pub why: Why,
}

/// Whether a person has explained this very difference. Discrepancies of the key are loaded.
pub fn is_explained(
    work: &Work,
    connector: &ConnectorId,
    key: &str,
    kind: Kind,
    both: (&Value, &Value),
) -> bool {
    let of_key = |d: &&Discrepancy| d.connector == *connector && d.key == key && d.kind == kind;
    let newest = work.discrepancies.values().map(|d| &d.row).filter(of_key).max_by_key(|d| d.id);
    newest.is_some_and(|d| d.explains(kind, both.0, both.1))
}

/// Opens a discrepancy unless one is open about the same, which is brought up to date, or a person has explained it. Answers
/// whether one was opened.
pub fn open(work: &mut Work, rules: &Rules, found: Found) -> bool {
    let now = work.now;
    let is_it =
        |d: &Discrepancy| d.connector == found.connector && d.kind == found.kind && d.key == found.key;
    if let Some(known) = work.discrepancies.values_mut().find(|d| d.row.closed.is_none() && is_it(&d.row)) {
        let known = known.edit();
        known.seen_at = now;
        if (&known.ours, &known.theirs, known.why) != (&found.ours, &found.theirs, found.why) {
            known.note(now, None, "changed", found.why.code());
            (known.ours, known.theirs, known.why) = (found.ours, found.theirs, found.why);
        }
        return false;
    }
    if is_explained(work, &found.connector, &found.key, found.kind, (&found.ours, &found.theirs)) {
        return false;
    }
    let id = work.id();
    let mut new = Discrepancy {
        id,
        connector: found.connector,
        kind: found.kind,
        key: found.key,
        subject: found.subject,
        unit: found.unit,
        ours: found.ours,
        theirs: found.theirs,
        why: found.why,
        opened_at: now,
        seen_at: now,
        closed: None,
        history: Vec::new(),
    };
    new.note(now, None, "opened", new.why.code());
    tell(work, rules, "discrepancy.opened", &new);
    work.discrepancies.insert(id, Loaded::fresh(new));
    true
}

/// A later comparison shows no such difference any more: what is open about the key closes. `but`: all kinds but this one.
/// Answers how many.
pub fn agreed(work: &mut Work, rules: &Rules, connector: &ConnectorId, key: &str, but: Option<Kind>) -> i64 {
    let is_it = |d: &Discrepancy| {
        let is_of_status = matches!(d.kind, Kind::Missing | Kind::Behind | Kind::Ahead);
        d.closed.is_none() && is_of_status && d.connector == *connector && d.key == key && Some(d.kind) != but
    };
    let ids: Vec<RowId> = work.discrepancies.values().filter(|d| is_it(&d.row)).map(|d| d.row.id).collect();
    for id in &ids {
        close(work, rules, *id, None, "");
    }
    ids.len() as i64
}

/// Closes a loaded discrepancy. `false`: there is none, or it is closed.
pub fn close(work: &mut Work, rules: &Rules, id: RowId, by: Option<&str>, reason: &str) -> bool {
    let now = work.now;
    let Some(loaded) = work.discrepancies.get_mut(&id).filter(|d| d.row.closed.is_none()) else {
        return false;
    };
    loaded.edit().close(now, by, reason);
    let closed = loaded.row.clone();
    tell(work, rules, "discrepancy.closed", &closed);
    true
}

fn tell(work: &mut Work, rules: &Rules, name: &str, of: &Discrepancy) {
    let mut data = json!({
        "discrepancy_id": of.id, "partner": of.connector, "kind": of.kind, "key": of.key,
        "ours": of.ours, "theirs": of.theirs, "cause": of.why.code(),
    });
    if let Some(data) = data.as_object_mut() {
        if let Some(closed) = &of.closed {
            data.insert("by".into(), json!(if closed.by.is_some() { "person" } else { "comparison" }));
            data.insert("reason".into(), json!(closed.reason));
        } else {
            data.insert("owner".into(), json!(of.why.owner()));
            data.insert("next_step".into(), json!(of.why.next_step()));
        }
    }
    let subject = of.subject.as_ref().map_or(of.key.as_str(), DossierCode::as_str);
    out::tell(work, rules, name, subject, of.unit.as_ref(), &of.id.to_string(), data);
}
