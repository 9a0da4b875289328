//! Status reconciliation: what changed is asked about on the short clock, all open dossiers at night, one by one within the
//! partner's rate, the riskiest first. An answer and what follows from it are one unit of work, so that a run that is cut
//! off goes on where it stopped.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use tokio::time::Instant;

use crate::{
    clock::{business, later},
    flow::{
        cursor::{put, read},
        engine::{Engine, Member},
        health::turn,
        heard::{self, Heard, Learned},
        reconcile::{QUESTION, Reading, concerns_all, note},
    },
    id::{ConnectorId, DossierCode, RowId},
    outcome::Cause,
    plan::{
        discrepancy::{self, Found},
        out,
        repair::{self, Repaired},
    },
    port::{
        connector::{Call, LookUps},
        store::{Store, StoreError, decide},
        work::{Change, Loaded, Scope, Work},
    },
    reconciliation::{
        Counts, Expectation, Kind, Reach, Run, Standing, Wanted, Why, expect, expect::risk, refreshed,
        standing,
    },
};

pub use crate::reconciliation::settings::StatusSettings;

/// Ended operations that are read at once.
const CHANGED: i64 = 1_000;
/// Dossiers whose expectations are made at once.
const PAGE: i64 = 500;
/// Stored expectations that are compared at once.
const COMPARED: i64 = 5_000;
/// Questions between two looks at what else there is to do.
const SLICE: i64 = 20;
/// How far the reconciliation of a connector is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Progress {
    /// All dossiers have an expectation.
    pub is_made: bool,
    /// Until then: the last dossier that has one.
    pub made: RowId,
    /// The last ended operation that was looked at: when it ended, its number.
    pub seen: Option<(Timestamp, RowId)>,
    /// When what changed was last begun to be asked about.
    pub changed_at: Option<Timestamp>,
    /// When all open ones were last begun to be asked about.
    pub open_at: Option<Timestamp>,
    /// The run for which the risks were looked at anew, and how far.
    pub rated: Option<(RowId, Option<DossierCode>)>,
}

/// That a person wants a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Asked {
    at: Timestamp,
    by: String,
    reach: Reach,
}

fn cursor_of(connector: &ConnectorId) -> String {
    format!("statuses:{connector}")
}

fn asked_of(connector: &ConnectorId) -> String {
    format!("statuses-wanted:{connector}")
}

/// How far the reconciliation of a connector is.
pub async fn progress(store: &dyn Store, connector: &ConnectorId) -> Result<Progress, StoreError> {
    Ok(read(store, &cursor_of(connector)).await?.unwrap_or_default())
}

/// A person wants a run; the timer does it. `false`: this connector cannot be asked.
pub async fn want(
    engine: &Arc<Engine>,
    connector: &ConnectorId,
    actor: &str,
    reach: Reach,
) -> Result<bool, StoreError> {
    if engine.members.get(connector).and_then(|m| m.connector.look_ups()).is_none() {
        return Ok(false);
    }
    let (connector, actor) = (connector.clone(), actor.to_owned());
    decide(&*engine.store, Scope::default(), move |work| {
        wish(work, &connector, &actor, reach);
        let deed = format!("reconciliation.run: {}", reach.name());
        work.audit.push((actor.clone(), deed, connector.to_string()));
    })
    .await?;
    Ok(true)
}

/// The same as part of another unit.
pub(super) fn wish(work: &mut Work, connector: &ConnectorId, actor: &str, reach: Reach) {
    let asked = Asked { at: work.now, by: actor.to_owned(), reach };
    put(work, asked_of(connector), &asked);
}

/// One round of the timer.
pub async fn round(engine: &Arc<Engine>, member: &Member) -> Result<(), StoreError> {
    let Some(look_ups) = member.connector.look_ups() else { return Ok(()) };
    // After a restore what we believe is older than what the partner has.
    if engine.store.installation().await?.fenced().is_some() {
        return Ok(());
    }
    let mut round = Round { engine, member, look_ups, last: None };
    let reading = round.run().await?;
    note(engine, member, "statuses", reading).await
}

struct Round<'a> {
    engine: &'a Arc<Engine>,
    member: &'a Member,
    look_ups: &'a dyn LookUps,
    /// When the last question went out.
    last: Option<Instant>,
}

/// What became of a question.
enum Answered {
    Went,
    /// It has no usable answer; others may have.
    Failed(Reading),
    /// Nobody is to be asked now.
    Over(Reading),
}

impl Round<'_> {
    fn settings(&self) -> &StatusSettings {
        &self.engine.settings.statuses
    }

    fn connector(&self) -> &ConnectorId {
        &self.member.manifest.id
    }

    async fn run(&mut self) -> Result<Reading, StoreError> {
        let mut reading = Reading::Skipped;
        loop {
            self.conclude().await?;
            let mut progress = progress(&*self.engine.store, self.connector()).await?;
            self.learn_changes(&mut progress).await?;
            let runs = self.begin(&mut progress).await?;
            let Some((run, wanted)) = self.next(&runs, &mut progress).await? else {
                self.end(&runs).await?;
                return Ok(reading);
            };
            for expectation in wanted {
                match self.ask(expectation, run).await? {
                    Answered::Went if matches!(reading, Reading::Failed(_)) => {}
                    Answered::Went => reading = Reading::Done,
                    Answered::Failed(failed) => reading = failed,
                    Answered::Over(over) => return Ok(over),
                }
            }
        }
    }

    /// Looks how repairs ended.
    async fn conclude(&self) -> Result<(), StoreError> {
        let connector = self.connector().clone();
        let under_way = self.engine.store.expectations_wanted(&connector, Wanted::Repairing, PAGE).await?;
        let mut is_any = false;
        for expectation in under_way {
            let Some(operation) = expectation.repair.as_ref().and_then(|r| r.operation) else { continue };
            let key = (connector.clone(), expectation.key.clone());
            let mut scope = Scope::default();
            scope.operations.insert(operation);
            scope.lanes.insert((&key.1).into());
            scope.discrepancies.insert((connector.clone(), key.1.to_string()));
            scope.expectations.insert(key.clone());
            let rules = Arc::clone(&self.engine.rules);
            is_any |= decide(&*self.engine.store, scope, move |work| {
                let became = repair::conclude(work, &rules, (&key.0, &key.1), operation);
                let Some(loaded) = work.expectations.get_mut(&key) else { return false };
                let Some(repair) = loaded.row.repair.clone().filter(|r| r.operation == Some(operation))
                else {
                    return false;
                };
                let next = match became {
                    Repaired::NotYet => return false,
                    Repaired::Instead(by) => Some(by),
                    Repaired::Done | Repaired::Unclear | Repaired::NotSent => None,
                };
                let expectation = loaded.edit();
                expectation.repair =
                    Some(crate::reconciliation::Repair { operation: next, ..repair.clone() });
                let expectation = expectation.clone();
                let left = match became {
                    Repaired::NotSent => Some((repair.kind, Why::NotSent)),
                    Repaired::Unclear => Some((Kind::StepsUnclear, Why::HistoryUnknown)),
                    Repaired::NotYet | Repaired::Instead(_) | Repaired::Done => None,
                };
                if let Some((kind, why)) = left {
                    discrepancy::open(work, &rules, found(&expectation, kind, why, Value::Null));
                }
                true
            })
            .await?;
        }
        if is_any {
            self.engine.wake();
        }
        Ok(())
    }

    /// Makes the expectations of all dossiers once, and then of those that changed.
    async fn learn_changes(&self, progress: &mut Progress) -> Result<(), StoreError> {
        let store = &self.engine.store;
        let now = store.now().await?;
        if progress.seen.is_none() {
            progress.seen = Some((later(now, -self.settings().rest), 0));
        }
        while !progress.is_made {
            let ids = store.index_changed(None, progress.made, PAGE).await?;
            match ids.last() {
                Some(last) => progress.made = *last,
                None => progress.is_made = true,
            }
            self.keep(&ids, progress, false).await?;
        }
        let settling = self.member.manifest.settling_window.max(self.settings().rest);
        let until = later(now, -settling);
        loop {
            let after = progress.seen.unwrap_or((now, 0));
            let ended = store.ended_operations(self.connector(), after, until, CHANGED).await?;
            let Some((at, id, _)) = ended.last() else { return Ok(()) };
            progress.seen = Some((*at, *id));
            let ids: BTreeSet<RowId> = ended.iter().filter_map(|(_, _, dossier)| *dossier).collect();
            let ids: Vec<RowId> = ids.into_iter().collect();
            self.keep(&ids, progress, true).await?;
        }
    }

    /// Makes expectations and keeps how far they are, in one unit.
    async fn keep(&self, ids: &[RowId], progress: &Progress, fresh: bool) -> Result<(), StoreError> {
        let (connector, now) = (self.connector().clone(), self.engine.store.now().await?);
        let StatusSettings { soon, silent, .. } = *self.settings();
        let told = self.engine.store.told(&connector, ids).await?;
        let made: Vec<Expectation> =
            told.iter().map(|told| expect(&connector, told, now, soon, silent)).collect();
        let keys = made.iter().map(|e| (e.connector.clone(), e.key.clone())).collect();
        let scope = Scope { expectations: keys, ..Scope::default() };
        let progress = progress.clone();
        decide(&*self.engine.store, scope, move |work| {
            for made in &made {
                let key = (made.connector.clone(), made.key.clone());
                let before = work.expectations.get(&key).map(|e| &e.row);
                let row = refreshed(before, made.clone(), fresh);
                let change = if before.is_some() { Change::Update } else { Change::Insert };
                if before != Some(&row) {
                    work.expectations.insert(key, Loaded { row, change });
                }
            }
            put(work, cursor_of(&connector), &progress);
        })
        .await
    }

    /// Begins the runs whose time has come; answers those that go on.
    async fn begin(&self, progress: &mut Progress) -> Result<Vec<Run>, StoreError> {
        let (store, connector) = (&self.engine.store, self.connector().clone());
        let now = store.now().await?;
        let mut runs = store.reconciliations(true, 100).await?;
        runs.retain(|run| run.connector == connector);
        let is_on = |runs: &[Run], reach| runs.iter().any(|run| run.reach == reach);
        let asked: Option<Asked> = read(&**store, &asked_of(&connector)).await?;
        let begun = |reach| if reach == Reach::Open { progress.open_at } else { progress.changed_at };
        let by_hand = |reach| {
            let asked = asked.clone().filter(|asked| asked.reach == reach);
            asked.filter(|asked| begun(reach).is_none_or(|begun| begun < asked.at)).map(|asked| asked.by)
        };
        let every = SignedDuration::try_from(self.settings().every).unwrap_or(SignedDuration::MAX);
        let mut new: Vec<(Reach, Option<String>)> = Vec::new();
        if !is_on(&runs, Reach::Changed) {
            let by = by_hand(Reach::Changed);
            let is_due = progress.changed_at.is_none_or(|at| now.duration_since(at) >= every);
            if (by.is_some() || is_due) && self.has_changed(now).await? {
                new.push((Reach::Changed, by));
            }
        }
        if !is_on(&runs, Reach::Open) {
            let by = by_hand(Reach::Open);
            // One a night: the same night may begin the day before.
            let is_first =
                progress.open_at.is_none_or(|at| now.duration_since(at) >= SignedDuration::from_hours(18));
            if by.is_some() || (is_first && self.settings().is_night(now)) {
                new.push((Reach::Open, by));
            }
        }
        for (reach, by) in new {
            let (connector, at) = (connector.clone(), progress.clone());
            let (run, at) = decide(&**store, Scope::default(), move |work| {
                let (id, now, mut at) = (work.id(), work.now, at.clone());
                match reach {
                    Reach::Changed => at.changed_at = Some(now),
                    Reach::Open => at.open_at = Some(now),
                }
                put(work, cursor_of(&connector), &at);
                let (connector, by, counts) = (connector.clone(), by.clone(), Counts::default());
                let day = business(now).date();
                let run = Run {
                    id,
                    connector,
                    reach,
                    day,
                    began_at: now,
                    ended_at: None,
                    by,
                    counts,
                    standing: None,
                };
                work.reconciliations.insert(id, Loaded::fresh(run.clone()));
                (run, at)
            })
            .await?;
            *progress = at;
            runs.push(run);
        }
        Ok(runs)
    }

    async fn has_changed(&self, now: Timestamp) -> Result<bool, StoreError> {
        for wanted in [Wanted::Changed, Wanted::Again { by: now }] {
            if !self.engine.store.expectations_wanted(self.connector(), wanted, 1).await?.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The next few to be asked about, and the run that they count for.
    async fn next(
        &self,
        runs: &[Run],
        progress: &mut Progress,
    ) -> Result<Option<(RowId, Vec<Expectation>)>, StoreError> {
        let (store, connector) = (&self.engine.store, self.connector());
        let now = store.now().await?;
        let run_of = |reach| runs.iter().find(|run| run.reach == reach);
        let any = run_of(Reach::Changed).or(run_of(Reach::Open));
        let Some(any) = any else { return Ok(None) };
        let mut kinds = vec![(any.id, Wanted::Again { by: now })];
        if let Some(run) = run_of(Reach::Changed) {
            kinds.push((run.id, Wanted::Changed));
        }
        if let Some(run) = run_of(Reach::Open)
            && (run.by.is_some() || self.settings().is_night(now))
        {
            self.rate(run, progress).await?;
            let since = run.began_at;
            kinds.extend([3, 2, 1, 0].map(|risk| (run.id, Wanted::Open { risk, since })));
        }
        for (run, wanted) in kinds {
            let found = store.expectations_wanted(connector, wanted, SLICE).await?;
            if !found.is_empty() {
                return Ok(Some((run, found)));
            }
        }
        Ok(None)
    }

    /// Looks at the risks anew, once a run: time alone brings due dates near.
    async fn rate(&self, run: &Run, progress: &mut Progress) -> Result<(), StoreError> {
        let (store, connector) = (&self.engine.store, self.connector().clone());
        let now = store.now().await?;
        let StatusSettings { soon, silent, .. } = *self.settings();
        loop {
            let after = match &progress.rated {
                Some((of, None)) if *of == run.id => return Ok(()),
                Some((of, Some(after))) if *of == run.id => Some(after.clone()),
                _ => None,
            };
            let page = store.expectations(&connector, after.as_ref(), COMPARED).await?;
            progress.rated = Some((run.id, page.last().map(|e| e.key.clone())));
            let changed = page.iter().filter(|e| e.is_open && risk(e, now, soon, silent) != e.risk);
            let keys: BTreeSet<_> = changed.map(|e| (connector.clone(), e.key.clone())).collect();
            let (connector, progress) = (connector.clone(), progress.clone());
            let scope = Scope { expectations: keys, ..Scope::default() };
            decide(&**store, scope, move |work| {
                for loaded in work.expectations.values_mut() {
                    let rated = risk(&loaded.row, now, soon, silent);
                    loaded.edit().risk = rated;
                }
                put(work, cursor_of(&connector), &progress);
            })
            .await?;
        }
    }

    async fn ask(&mut self, expectation: Expectation, run: RowId) -> Result<Answered, StoreError> {
        if let Some(last) = self.last {
            let least = self.settings().pace(&self.member.limits);
            tokio::time::sleep(least.saturating_sub(last.elapsed())).await;
        }
        self.last = Some(Instant::now());
        if !self.member.may_be_asked() {
            return Ok(Answered::Over(Reading::Skipped));
        }
        turn(self.engine, self.member).await?;
        let call = Call { now: self.engine.clock.now(), deadline: QUESTION, sessions: &**self.engine };
        let asked = self.look_ups.look_up(&expectation.asked_as, &call);
        match tokio::time::timeout(QUESTION, asked).await {
            Ok(Ok(answer)) => {
                let mut heard = Heard { expectation, answer, run, told: None };
                if heard::learn(self.engine, &heard).await? == Learned::WantsHistory {
                    let dossier = heard.expectation.dossier;
                    heard.told = self.engine.store.told(self.connector(), &[dossier]).await?.pop();
                    heard::learn(self.engine, &heard).await?;
                }
                self.engine.wake();
                Ok(Answered::Went)
            }
            Ok(Err(failure)) if failure.cause == Cause::NoAnswer => {
                self.pass_over(&expectation, run).await?;
                Ok(Answered::Over(Reading::failed(&failure)))
            }
            Ok(Err(failure)) if concerns_all(failure.cause) => Ok(Answered::Over(Reading::failed(&failure))),
            Ok(Err(failure)) => {
                self.pass_over(&expectation, run).await?;
                Ok(Answered::Failed(Reading::failed(&failure)))
            }
            Err(_) => {
                self.pass_over(&expectation, run).await?;
                Ok(Answered::Over(Reading::no_answer()))
            }
        }
    }

    /// No answer says nothing: asked again later, so that one that cannot be answered does not stand before the others.
    async fn pass_over(&self, expectation: &Expectation, run: RowId) -> Result<(), StoreError> {
        let key = (expectation.connector.clone(), expectation.key.clone());
        let mut scope = Scope::default();
        scope.expectations.insert(key.clone());
        scope.reconciliations.insert(run);
        let every = SignedDuration::try_from(self.settings().every).unwrap_or(SignedDuration::from_mins(15));
        decide(&*self.engine.store, scope, move |work| {
            let now = work.now;
            if let Some(loaded) = work.expectations.get_mut(&key) {
                let row = loaded.edit();
                (row.asked_at, row.is_fresh, row.again_at) = (Some(now), false, Some(later(now, every)));
            }
            if let Some(run) = work.reconciliations.get_mut(&run) {
                run.edit().counts.failed += 1;
            }
        })
        .await
    }

    /// Ends the runs that have nothing more to ask: what is to be asked again later belongs to them.
    async fn end(&self, runs: &[Run]) -> Result<(), StoreError> {
        let (store, connector) = (&self.engine.store, self.connector());
        let now = store.now().await?;
        let ever = Wanted::Again { by: Timestamp::MAX };
        // What got no answer is for a later run; what was unknown once belongs to this one.
        let again = store.expectations_wanted(connector, ever, PAGE).await?;
        if again.iter().any(|e| e.absent_since.is_some()) {
            return Ok(());
        }
        for run in runs {
            if run.reach == Reach::Open && run.by.is_none() && !self.settings().is_night(now) {
                let is_left = |found: Vec<Expectation>| !found.is_empty();
                let mut left = false;
                for risk in 0..=3 {
                    let wanted = Wanted::Open { risk, since: run.began_at };
                    left |= is_left(store.expectations_wanted(connector, wanted, 1).await?);
                }
                if left {
                    continue;
                }
            }
            let standing = match run.reach {
                Reach::Open => Some(stand(&**store, connector, self.member.manifest.settling_window).await?),
                Reach::Changed => None,
            };
            self.close(run.id, standing).await?;
        }
        Ok(())
    }

    async fn close(&self, id: RowId, standing: Option<Standing>) -> Result<(), StoreError> {
        let scope = Scope { reconciliations: BTreeSet::from([id]), ..Scope::default() };
        let rules = Arc::clone(&self.engine.rules);
        decide(&*self.engine.store, scope, move |work| {
            let now = work.now;
            let Some(loaded) = work.reconciliations.get_mut(&id).filter(|r| r.row.ended_at.is_none()) else {
                return;
            };
            let run = loaded.edit();
            (run.ended_at, run.standing) = (Some(now), standing);
            let run = run.clone();
            if run.reach == Reach::Open {
                let mut counts = BTreeMap::new();
                if let Ok(Value::Object(map)) = serde_json::to_value(run.counts) {
                    counts.extend(map);
                }
                let data = json!({ "partner": run.connector, "day": run.day, "counts": counts,
                    "standing": run.standing });
                let subject = run.connector.to_string();
                out::tell(work, &rules, "reconciliation.closed", &subject, None, &id.to_string(), data);
            }
        })
        .await
    }
}

/// Compares all stored expectations with the stored answers, page by page.
pub async fn stand(
    store: &dyn Store,
    connector: &ConnectorId,
    settling: SignedDuration,
) -> Result<Standing, StoreError> {
    let (mut counted, mut after): (Standing, Option<DossierCode>) = (Standing::default(), None);
    loop {
        let page = store.expectations(connector, after.as_ref(), COMPARED).await?;
        for expectation in &page {
            counted.count(&standing(expectation, settling));
        }
        match page.last() {
            Some(last) => after = Some(last.key.clone()),
            None => return Ok(counted),
        }
    }
}

/// A difference about a dossier, for a person.
pub(super) fn found(expectation: &Expectation, kind: Kind, why: Why, theirs: Value) -> Found {
    Found {
        connector: expectation.connector.clone(),
        kind,
        key: expectation.key.to_string(),
        subject: Some(expectation.key.clone()),
        unit: expectation.unit.clone(),
        ours: ours(expectation),
        theirs,
        why,
    }
}

/// What we have, as it is shown beside what the partner has.
pub(super) fn ours(expectation: &Expectation) -> Value {
    let ours = &expectation.ours;
    json!({ "known": ours.is_acknowledged || ours.is_born_there, "status": ours.status, "version": ours.version,
        "steps": ours.steps })
}
