//! Mappings that a person confirms or withdraws, on record. None is ever deleted, and none pushes another one out.

use jiff::civil::Date;
use std::{collections::BTreeSet, sync::Arc};

use crate::{
    catalogue::{Entry, EntryFilter, Mapping, Table, Word, drift},
    flow::{engine::Engine, operator},
    id::{ConnectorId, RowId},
    port::{
        connector::Codes,
        store::{StoreError, decide},
        work::{Loaded, Scope},
    },
    status::PortalStatus,
};

/// A code of ours or of a partner is no longer than this.
const LONGEST: usize = 200;

/// What a person confirms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Whose codes.
    pub connector: ConnectorId,
    /// Which codes.
    pub table: Table,
    /// Ours.
    pub local: String,
    /// The partner's.
    pub national: String,
    /// The first day on which it holds.
    pub from: Option<Date>,
    /// The last day on which it holds.
    pub until: Option<Date>,
}

/// What became of a confirmation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Confirmed {
    /// It holds; how many operations that waited for it go again.
    Done(RowId, usize),
    /// It was confirmed before.
    Known(RowId),
    /// Another one for the same code of ours holds on some of the same days.
    Clashes(Box<Mapping>),
    /// The catalogue does not have the partner's code, or not any more.
    NotInCatalogue,
    /// A value that cannot be: which.
    Impossible(&'static str),
}

/// What became of a withdrawal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Withdrawn {
    /// It does not hold any more.
    Done,
    /// There is no such mapping.
    NotFound,
    /// Somebody withdrew it before.
    Before,
}

fn impossible(engine: &Engine, wanted: &Wanted) -> Option<&'static str> {
    let is_bad = |text: &str| {
        text.trim() != text
            || text.is_empty()
            || text.chars().count() > LONGEST
            || text.contains(char::is_control)
    };
    let is_status = |text: &str| text.parse::<u8>().is_ok_and(|code| PortalStatus::try_from(code).is_ok());
    let is_state = wanted.table == Table::Status;
    let has_catalogue =
        engine.members.get(&wanted.connector).is_some_and(|m| m.connector.catalogue().is_some());
    if !has_catalogue {
        Some("connector")
    } else if is_bad(&wanted.local) || (is_state && !is_status(&wanted.local)) {
        Some("local")
    } else if is_bad(&wanted.national) || (is_state && !is_status(&wanted.national)) {
        Some("national")
    } else if wanted.from.zip(wanted.until).is_some_and(|(from, until)| until < from) {
        Some("until")
    } else {
        None
    }
}

/// What the catalogue has of the partner's code. `Err`: it was pulled and does not have it.
async fn entry_of(engine: &Engine, wanted: &Wanted) -> Result<Result<Option<Entry>, ()>, StoreError> {
    let Some(list) = wanted.table.list() else { return Ok(Ok(None)) };
    let heads = engine.store.catalogue_lists().await?;
    if !heads.iter().any(|h| h.connector == wanted.connector && h.list == list && h.rows > 0) {
        return Ok(Ok(None));
    }
    for code in drift::forms(&wanted.national) {
        let (connector, list, code) = (wanted.connector.clone(), list.to_owned(), Some(code.to_owned()));
        let filter = EntryFilter { connector, list, code, withdrawn: false, after: String::new(), limit: 1 };
        if let Some(entry) = engine.store.catalogue_entries(&filter).await?.pop() {
            return Ok(Ok(Some(entry)));
        }
    }
    Ok(Err(()))
}

/// Stores a mapping that a person confirms, and wakes what waits for it.
pub async fn confirm(
    engine: &Arc<Engine>,
    wanted: Wanted,
    actor: &str,
    reason: &str,
) -> Result<Confirmed, StoreError> {
    if let Some(field) = impossible(engine, &wanted) {
        return Ok(Confirmed::Impossible(field));
    }
    let Ok(entry) = entry_of(engine, &wanted).await? else { return Ok(Confirmed::NotInCatalogue) };
    let name = entry.map(|entry| entry.name).unwrap_or_default();
    let key = (wanted.connector.clone(), wanted.table, wanted.local.clone());
    let scope = Scope { mappings: BTreeSet::from([key]), ..Scope::default() };
    let (actor, reason) = (actor.to_owned(), reason.to_owned());
    let (stored, need) = decide(&*engine.store, scope, move |work| {
        let Wanted { connector, table, local, national, from, until } = wanted.clone();
        let confirmed = Word { by: actor.clone(), at: work.now, reason: reason.clone() };
        let (id, name) = (work.id(), name.clone());
        let mapping =
            Mapping { id, connector, table, local, national, name, from, until, confirmed, withdrawn: None };
        let need = mapping.need().to_string();
        let others = || work.mappings.values().map(|other| &other.row).filter(|other| other.meets(&mapping));
        let is_same = |other: &&Mapping| {
            other.national == mapping.national && (other.from, other.until) == (mapping.from, mapping.until)
        };
        if let Some(same) = others().find(is_same) {
            return (Confirmed::Known(same.id), need);
        }
        if let Some(other) = others().next() {
            return (Confirmed::Clashes(Box::new(other.clone())), need);
        }
        let deed = format!("mapping.confirm: {} → {}: {reason}", mapping.local, mapping.national);
        work.audit.push((actor.clone(), deed, mapping.need().to_string()));
        work.mappings.insert(id, Loaded::fresh(mapping));
        (Confirmed::Done(id, 0), need)
    })
    .await?;
    let Confirmed::Done(id, _) = stored else { return Ok(stored) };
    Codes::book(&**engine, true).await?;
    // Should this be cut off, the catalogue's timer wakes them.
    let woken = operator::wake(engine, &need).await?;
    Ok(Confirmed::Done(id, woken))
}

/// Withdraws a mapping; what was sent by it stays as it is.
pub async fn withdraw(
    engine: &Arc<Engine>,
    id: RowId,
    actor: &str,
    reason: &str,
) -> Result<Withdrawn, StoreError> {
    let scope = Scope { mapping_ids: BTreeSet::from([id]), ..Scope::default() };
    let (actor, reason) = (actor.to_owned(), reason.to_owned());
    let answer = decide(&*engine.store, scope, move |work| {
        let now = work.now;
        let Some(mapping) = work.mappings.get_mut(&id) else { return Withdrawn::NotFound };
        if mapping.row.withdrawn.is_some() {
            return Withdrawn::Before;
        }
        mapping.edit().withdrawn = Some(Word { by: actor.clone(), at: now, reason: reason.clone() });
        let need = mapping.row.need().to_string();
        work.audit.push((actor.clone(), format!("mapping.withdraw: {reason}"), need));
        Withdrawn::Done
    })
    .await?;
    Codes::book(&**engine, true).await?;
    Ok(answer)
}
