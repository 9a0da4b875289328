//! What a person may do about a discrepancy, on record: have the partner asked again, send our full state, close it.

use std::sync::Arc;

use crate::{
    flow::{engine::Engine, statuses},
    id::{DossierCode, LaneKey, RowId},
    plan::{discrepancy, repair},
    port::{
        store::{StoreError, decide},
        work::{Scope, Work},
    },
    reconciliation::{Discrepancy, Filter, Kind, Move, Reach, Repair, Told},
};

/// What became of a person's move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moved {
    /// Done.
    Done,
    /// There is no such discrepancy.
    NotFound,
    /// Not now; the code says why: `reason_missing`, `closed`, `not_this_kind`, `busy`, `no_connector`.
    NotAllowed(&'static str),
}

/// Carries out a move. A reason is needed.
pub async fn act(
    engine: &Arc<Engine>,
    id: RowId,
    wish: Move,
    actor: &str,
    reason: &str,
) -> Result<Moved, StoreError> {
    if reason.trim().is_empty() {
        return Ok(Moved::NotAllowed("reason_missing"));
    }
    let filter = Filter { id: Some(id), closed: true, limit: 1, ..Filter::default() };
    let Some(known) = engine.store.discrepancies(&filter).await?.pop() else { return Ok(Moved::NotFound) };
    if !known.kind.moves().contains(&wish) {
        return Ok(Moved::NotAllowed("not_this_kind"));
    }
    if wish != Move::Close && !engine.members.contains_key(&known.connector) {
        return Ok(Moved::NotAllowed("no_connector"));
    }
    let mut scope = Scope::default();
    scope.discrepancy_ids.insert(id);
    let mut told = None;
    if let (Some(code), true) = (&known.subject, wish != Move::Close) {
        let key = (known.connector.clone(), code.clone());
        scope.dossiers.insert(code.clone());
        scope.lanes.insert(LaneKey::from(code));
        scope.expectations.insert(key);
        told = history(engine, &known, code).await?;
    }
    let (rules, actor, reason) = (Arc::clone(&engine.rules), actor.to_owned(), reason.to_owned());
    let moved = decide(&*engine.store, scope, move |work| {
        let Some(row) = work.discrepancies.get(&id).map(|d| d.row.clone()) else { return Moved::NotFound };
        if row.closed.is_some() {
            return Moved::NotAllowed("closed");
        }
        let moved = match wish {
            Move::Close => {
                discrepancy::close(work, &rules, id, Some(&actor), &reason);
                Moved::Done
            }
            Move::Ask => ask(work, &row, &actor),
            Move::Resend => {
                let by = format!("{actor}: {reason}");
                resend(work, &rules, &row, told.as_ref(), &by)
            }
        };
        if moved == Moved::Done {
            if let (Some(loaded), true) = (work.discrepancies.get_mut(&id), wish != Move::Close) {
                let now = work.now;
                loaded.edit().note(now, Some(&actor), wish.name(), &reason);
            }
            let deed = format!("discrepancy.{}: {reason}", wish.name());
            work.audit.push((actor.clone(), deed, id.to_string()));
        }
        moved
    })
    .await?;
    engine.wake();
    Ok(moved)
}

async fn history(
    engine: &Arc<Engine>,
    known: &Discrepancy,
    code: &DossierCode,
) -> Result<Option<Told>, StoreError> {
    let key = (known.connector.clone(), code.clone());
    let scope = Scope { expectations: [key.clone()].into(), ..Scope::default() };
    let dossier =
        decide(&*engine.store, scope, move |work| work.expectations.get(&key).map(|e| e.row.dossier)).await?;
    match dossier {
        Some(dossier) => Ok(engine.store.told(&known.connector, &[dossier]).await?.pop()),
        None => Ok(None),
    }
}

/// The next run asks about it, and begins at once.
fn ask(work: &mut Work, row: &Discrepancy, actor: &str) -> Moved {
    let Some(code) = &row.subject else { return Moved::NotAllowed("not_this_kind") };
    let key = (row.connector.clone(), code.clone());
    let Some(expectation) = work.expectations.get_mut(&key) else { return Moved::NotAllowed("busy") };
    let expectation = expectation.edit();
    (expectation.is_fresh, expectation.again_at) = (true, None);
    statuses::wish(work, &row.connector, actor, Reach::Changed);
    Moved::Done
}

fn resend(
    work: &mut Work,
    rules: &crate::plan::rules::Rules,
    row: &Discrepancy,
    told: Option<&Told>,
    by: &str,
) -> Moved {
    let (Some(code), Some(told)) = (&row.subject, told) else { return Moved::NotAllowed("busy") };
    let key = (row.connector.clone(), code.clone());
    let lane = work.lanes.get(&(LaneKey::from(code), row.connector.clone()));
    // What was told since is not in the history.
    if lane.is_none_or(|lane| repair::stamp(&lane.row) != told.stamp) {
        return Moved::NotAllowed("busy");
    }
    let steps = (row.kind == Kind::Missing).then(|| told.steps());
    match repair::resend(work, rules, (&row.connector, code), steps.as_deref(), by) {
        Ok(Some((id, version))) => {
            let at = work.now;
            if let Some(expectation) = work.expectations.get_mut(&key) {
                let repair = Repair { kind: row.kind, version, at, operation: Some(id) };
                expectation.edit().repair = Some(repair);
            }
            Moved::Done
        }
        Ok(None) => Moved::NotAllowed("busy"),
        // The store decides again with more rows.
        Err(_) => Moved::Done,
    }
}
