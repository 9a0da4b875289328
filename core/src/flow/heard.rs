//! What follows from an answer to a look-up: one unit of work over the dossier, its lane, what is expected and what is open
//! about it. Pure but for the transaction.

use jiff::SignedDuration;
use serde_json::{Value, json};
use std::sync::Arc;

use crate::{
    clock::later,
    flow::{
        engine::Engine,
        statuses::{StatusSettings, found, ours},
    },
    id::{DossierCode, LaneKey, RowId},
    plan::{
        discrepancy::{self, Found},
        queue::Missing,
        repair,
        rules::Rules,
    },
    port::{
        store::{StoreError, decide},
        work::{Scope, Work},
    },
    reconciliation::{Answer, Counts, Expectation, Judgement, Kind, Repair, Told, Wait, Why, compare},
};

/// An answer, to what, and in which run.
#[derive(Debug, Clone)]
pub(super) struct Heard {
    /// As it was when the question went out.
    pub expectation: Expectation,
    /// What the partner said.
    pub answer: Answer,
    /// The run that it counts for.
    pub run: RowId,
    /// All that the partner was told, where that was asked for.
    pub told: Option<Told>,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Learned {
    /// It is stored with all that follows.
    Done,
    /// Nothing is stored yet: the repair needs all that the partner was told.
    WantsHistory,
}

/// Who sends again, on record.
const BY: &str = "lienthong: reconciliation";

/// Stores an answer and what follows from it.
pub(super) async fn learn(engine: &Arc<Engine>, heard: &Heard) -> Result<Learned, StoreError> {
    let expectation = &heard.expectation;
    let key = (expectation.connector.clone(), expectation.key.clone());
    let mut scope = Scope::default();
    scope.dossiers.insert(key.1.clone());
    scope.lanes.insert(LaneKey::from(&key.1));
    scope.discrepancies.insert((key.0.clone(), key.1.to_string()));
    scope.reconciliations.insert(heard.run);
    for other in &heard.answer.others {
        scope.dossiers.extend(DossierCode::parse(other).ok());
        scope.discrepancies.insert((key.0.clone(), other.clone()));
    }
    scope.expectations.insert(key);
    let (rules, settings) = (Arc::clone(&engine.rules), engine.settings.statuses.clone());
    let heard = heard.clone();
    decide(&*engine.store, scope, move |work| {
        // Missing: the store decides again with more rows.
        apply(work, &rules, &settings, &heard).unwrap_or(Learned::Done)
    })
    .await
}

fn apply(
    work: &mut Work,
    rules: &Rules,
    settings: &StatusSettings,
    heard: &Heard,
) -> Result<Learned, Missing> {
    let (now, key) = (work.now, (heard.expectation.connector.clone(), heard.expectation.key.clone()));
    let Some(mut row) = work.expectations.get(&key).map(|e| e.row.clone()) else { return Ok(Learned::Done) };
    let settling = rules.settling(&key.0);
    let mut counts = Counts { asked: 1, ..Counts::default() };
    let judged = if is_current(work, heard, &row) {
        compare(&row, &heard.answer, now, settling)
    } else {
        Judgement::CannotTell(Wait::Operation)
    };
    let every = SignedDuration::try_from(settings.every).unwrap_or(SignedDuration::from_mins(15));
    (row.asked_at, row.is_fresh, row.again_at) = (Some(now), false, None);
    match judged {
        Judgement::CannotTell(Wait::Again(at)) => {
            row.absent_since = row.absent_since.or(Some(now));
            row.answer = Some(heard.answer.clone());
            row.again_at = Some(at.max(now));
        }
        // The end of what is open brings it back; what else moved, in a while.
        Judgement::CannotTell(_) => {
            let lane = work.lanes.get(&(LaneKey::from(&key.1), key.0.clone()));
            let is_busy = lane.is_some_and(|lane| !lane.row.open.is_empty());
            row.again_at = (!is_busy).then(|| later(now, every));
        }
        Judgement::Agrees => {
            (row.absent_since, row.answer) = (None, Some(heard.answer.clone()));
            row.repair = row.repair.filter(|repair| repair.operation.is_some());
            counts.closed += discrepancy::agreed(work, rules, &key.0, key.1.as_str(), None);
        }
        Judgement::Differs(kind) => {
            row.answer = Some(heard.answer.clone());
            if kind != Kind::Missing {
                row.absent_since = None;
            }
            match mend(work, rules, settings, heard, &row, kind)? {
                Mended::Sent(repair) => {
                    row.repair = Some(repair);
                    counts.repaired += 1;
                }
                Mended::WantsHistory => return Ok(Learned::WantsHistory),
                Mended::NotNow => row.again_at = Some(later(now, every)),
                Mended::Explained => {}
                Mended::Not(why) => {
                    let found = found(&row, kind, why, theirs(&heard.answer));
                    counts.opened += i64::from(discrepancy::open(work, rules, found));
                }
            }
            counts.closed += discrepancy::agreed(work, rules, &key.0, key.1.as_str(), Some(kind));
        }
    }
    counts.count(&judged);
    counts.opened += others(work, rules, heard, &mut counts.unknown_here);
    if let Some(loaded) = work.expectations.get_mut(&key) {
        *loaded.edit() = row;
    }
    if let Some(run) = work.reconciliations.get_mut(&heard.run) {
        add(&mut run.edit().counts, counts);
    }
    Ok(Learned::Done)
}

/// Whether nothing has moved since before the question: then the answer is about what we believe.
fn is_current(work: &Work, heard: &Heard, row: &Expectation) -> bool {
    let lane = work.lanes.get(&(LaneKey::from(&row.key), row.connector.clone()));
    row.stamp == heard.expectation.stamp
        && row.ours == heard.expectation.ours
        && lane.is_some_and(|lane| {
            let lane = &lane.row;
            repair::stamp(lane) == row.stamp
                && lane.open.is_empty()
                && lane.due_at <= work.now
                && lane.acknowledged == row.ours.is_acknowledged
        })
}

/// What is done about a difference.
enum Mended {
    Sent(Repair),
    WantsHistory,
    NotNow,
    Explained,
    Not(Why),
}

fn mend(
    work: &mut Work,
    rules: &Rules,
    settings: &StatusSettings,
    heard: &Heard,
    row: &Expectation,
    kind: Kind,
) -> Result<Mended, Missing> {
    let (ours, theirs) = (ours(row), theirs(&heard.answer));
    if discrepancy::is_explained(work, &row.connector, row.key.as_str(), kind, (&ours, &theirs)) {
        return Ok(Mended::Explained);
    }
    let version = work.dossiers.get(&row.key).map_or(0, |d| d.row.version);
    let is_tried = row.repair.as_ref().is_some_and(|repair| repair.version >= version);
    match kind {
        Kind::Ahead | Kind::StepsUnclear | Kind::UnknownHere => return Ok(Mended::Not(Why::ChangedThere)),
        Kind::Missing if row.ours.is_born_there => return Ok(Mended::Not(Why::BornThere)),
        Kind::Missing | Kind::Behind if is_tried => return Ok(Mended::Not(Why::NotCured)),
        Kind::Missing | Kind::Behind if !settings.repair => return Ok(Mended::Not(Why::ReportOnly)),
        Kind::Missing if !row.is_whole => return Ok(Mended::Not(Why::HistoryUnknown)),
        Kind::Missing | Kind::Behind => {}
    }
    let steps = match (kind, &heard.told) {
        (Kind::Missing, None) => return Ok(Mended::WantsHistory),
        // What was told since is not in it.
        (Kind::Missing, Some(told)) if told.stamp != row.stamp => return Ok(Mended::NotNow),
        // Retention has taken a part of it since.
        (Kind::Missing, Some(told)) if i64::try_from(told.steps().len()) != Ok(row.ours.steps) => {
            return Ok(Mended::Not(Why::HistoryUnknown));
        }
        (Kind::Missing, Some(told)) => Some(told.steps()),
        _ => None,
    };
    let sent = repair::resend(work, rules, (&row.connector, &row.key), steps.as_deref(), BY)?;
    let at = work.now;
    Ok(sent.map_or(Mended::NotNow, |(id, version)| {
        Mended::Sent(Repair { kind, version, at, operation: Some(id) })
    }))
}

/// What the partner has, as it is shown beside what we have.
pub(super) fn theirs(answer: &Answer) -> Value {
    json!({ "known": answer.is_known, "status": answer.status })
}

/// Rows that name what we do not have.
fn others(work: &mut Work, rules: &Rules, heard: &Heard, count: &mut i64) -> i64 {
    let mut opened = 0;
    for other in &heard.answer.others {
        let is_ours = DossierCode::parse(other).is_ok_and(|code| work.dossier(&code).is_some());
        if is_ours {
            continue;
        }
        *count += 1;
        let found = Found {
            connector: heard.expectation.connector.clone(),
            kind: Kind::UnknownHere,
            key: other.clone(),
            subject: None,
            unit: heard.expectation.unit.clone(),
            ours: json!({ "known": false }),
            theirs: json!({ "known": true, "named_by": heard.expectation.asked_as }),
            why: Why::NotOurs,
        };
        opened += i64::from(discrepancy::open(work, rules, found));
    }
    opened
}

fn add(to: &mut Counts, by: Counts) {
    to.asked += by.asked;
    to.agrees += by.agrees;
    to.cannot_tell += by.cannot_tell;
    to.missing += by.missing;
    to.behind += by.behind;
    to.ahead += by.ahead;
    to.unknown_here += by.unknown_here;
    to.repaired += by.repaired;
    to.opened += by.opened;
    to.closed += by.closed;
}
