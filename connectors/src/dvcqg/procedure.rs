//! Procedures: local code -> national code by table, and the names that go with it, from the table, the portal
//! (the stored catalogue, else `LayThuTuc`, kept for hours) or the event.

use jiff::{SignedDuration, Timestamp};
use lienthong_core::{
    catalogue::{PROCEDURE_DETAILS, drift::forms},
    clock::later,
    event::data::Procedure,
    outcome::{Cause, Outcome},
};
use serde_json::Value;
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::{
    config::{ProcedureEntry, Procedures},
    exchange::{Effect, Visit},
    lists::first,
    wire::LayThuTuc,
};

/// After a failed `LayThuTuc` the portal is not asked about the same procedure for so long.
const FAILURE_KEPT: SignedDuration = SignedDuration::from_mins(1);

/// What the stored catalogue says is asked for again after so long: the next pull may say something else.
const STORED_KEPT: SignedDuration = SignedDuration::from_mins(10);

/// Names of a procedure and its field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Names {
    pub(super) name: String,
    pub(super) field_code: String,
    pub(super) field_name: String,
}

impl Names {
    fn is_complete(&self) -> bool {
        ![&self.name, &self.field_code, &self.field_name].iter().any(|t| t.is_empty())
    }

    /// What is missing here comes from `other`; a field's code and name stay together.
    fn or(self, other: &Self) -> Self {
        let name = first(&[&self.name, &other.name]).to_owned();
        let (field_code, field_name) = match self.field_code.as_str() {
            "" => (&other.field_code, &other.field_name),
            code if self.field_name.is_empty() && code == other.field_code => {
                (&self.field_code, &other.field_name)
            }
            _ => (&self.field_code, &self.field_name),
        };
        Self { name, field_code: field_code.clone(), field_name: field_name.clone() }
    }
}

/// The national code of a procedure and its entry, if it has one.
pub(super) fn national<'a>(
    code: &str,
    procedures: &'a Procedures,
) -> Option<(String, Option<&'a ProcedureEntry>)> {
    if let Some(entry) = procedures.table.get(code) {
        return Some((entry.code.clone(), Some(entry)));
    }
    (procedures.passthrough_national && is_national(code)).then(|| (code.to_owned(), None))
}

/// `N.NNNNNN`, with or without a suffix such as `.000.00.00.H22` or `.H56` (contract 4.2).
fn is_national(code: &str) -> bool {
    let mut groups = code.split('.');
    let digits = |group: Option<&str>, length| {
        group.is_some_and(|g| g.len() == length && g.bytes().all(|b| b.is_ascii_digit()))
    };
    digits(groups.next(), 1)
        && digits(groups.next(), 6)
        && groups.all(|g| !g.is_empty() && g.bytes().all(|b| b.is_ascii_alphanumeric()))
}

/// What the portal said of procedures.
#[derive(Debug, Default)]
pub(super) struct Catalogue(Mutex<Kept>);

/// By national code: until when, and the names or why there are none.
type Kept = HashMap<String, (Timestamp, Result<Names, String>)>;

impl Catalogue {
    /// The names for a dossier. A failed look-up does not matter as long as the event names everything.
    pub(super) async fn names(
        &self,
        visit: &mut Visit<'_>,
        code: &str,
        entry: Option<&ProcedureEntry>,
        event: Option<&Procedure>,
    ) -> Result<Names, Outcome> {
        let text = |value: Option<&String>| value.map(|t| t.trim().to_owned()).unwrap_or_default();
        let table = Names {
            name: text(entry.and_then(|e| e.name.as_ref())),
            field_code: text(entry.and_then(|e| e.field_code.as_ref())),
            field_name: text(entry.and_then(|e| e.field_name.as_ref())),
        };
        if table.is_complete() {
            return Ok(table);
        }
        let event = Names {
            name: text(event.map(|p| &p.name)),
            field_code: text(event.map(|p| &p.field_code)),
            field_name: text(event.map(|p| &p.field_name)),
        };
        match self.portal(visit, code).await {
            Ok(portal) => Ok(table.or(&portal).or(&event)),
            Err(said) => {
                let names = table.or(&event);
                let lacking = || Outcome::not_done(Cause::PartnerFailed, format!("LayThuTuc {code}: {said}"));
                if names.is_complete() { Ok(names) } else { Err(visit.blocked().unwrap_or_else(lacking)) }
            }
        }
    }

    async fn portal(&self, visit: &mut Visit<'_>, code: &str) -> Result<Names, String> {
        let now = visit.now();
        if let Some((until, known)) = self.kept().get(code)
            && *until > now
        {
            return known.clone();
        }
        if let Some(names) = stored(visit, code).await {
            self.kept().insert(code.to_owned(), (later(now, STORED_KEPT), Ok(names.clone())));
            return Ok(names);
        }
        let answer = match visit.ask(&LayThuTuc { maTTHC: code }, Effect::None).await {
            Ok(reply) if reply.is_success() => {
                let rows = reply.rows().unwrap_or_default();
                rows.first().map(|row| names(row)).ok_or_else(|| "no such procedure there".to_owned())
            }
            Ok(reply) => Err(format!("refused with {}", reply.code())),
            Err(outcome) => Err(outcome.name().to_owned()),
        };
        if visit.blocked().is_none() {
            let hours = i64::from(visit.portal.config.procedure_cache_hours);
            let kept = if answer.is_ok() { SignedDuration::from_hours(hours) } else { FAILURE_KEPT };
            self.kept().insert(code.to_owned(), (later(now, kept), answer.clone()));
        }
        answer
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the stored catalogue says of a procedure, if it says everything.
async fn stored(visit: &Visit<'_>, code: &str) -> Option<Names> {
    let codes = visit.codes()?;
    let connector = &visit.portal.manifest.id;
    for form in forms(code) {
        // A store that does not answer leaves the portal to be asked.
        if let Ok(Some(entry)) = codes.entry(connector, PROCEDURE_DETAILS, form).await {
            let names = serde_json::from_str(&entry.content).map(|row| names(&row)).ok()?;
            return Some(names).filter(Names::is_complete);
        }
    }
    None
}

fn names(row: &Value) -> Names {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().trim().to_owned();
    let field = row.pointer("/LINHVUCTHUCHIEN/0");
    Names {
        name: text(row.get("TENTTHC")),
        field_code: text(field.and_then(|f| f.get("MALINHVUC"))),
        field_name: text(field.and_then(|f| f.get("TENLINHVUC"))),
    }
}
