//! The pull of a partner's catalogue: once a night, or when a person asks for it. One question after another within a
//! pace; each answer is one unit of work with how far the pull is, so that a restart goes on where it stopped. Then: which
//! of our mappings break by what is stored now.

use jiff::{Timestamp, civil::Time};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};
use tokio::time::Instant;

use crate::{
    catalogue::{
        AGENCIES, Bound, Broken, Entry, EntryFilter, Origin, PROCEDURE_DETAILS, PROCEDURES, Pulled, Table,
        drift,
        listing::{self, Belief},
    },
    clock::{business, business_zone},
    flow::{
        cursor::{put, read},
        engine::{Engine, Member},
        health::turn,
        operator,
        reconcile::{QUESTION, Reading, concerns_all, note},
    },
    id::ConnectorId,
    port::{
        connector::{Call, CatalogueSource, CheckFailure, Codes},
        store::{Store, StoreError, decide},
        work::{Change, IncidentRecord, Loaded, Scope, Work},
    },
};

/// Codes of a list that are asked about one by one, read at once.
const PAGE: i64 = 200;

/// How far the pull of a catalogue is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Progress {
    /// The pull that runs.
    pub run: Option<Run>,
    /// The latest one that came to its end.
    pub last: Option<Run>,
    /// When that was.
    pub ended_at: Option<Timestamp>,
    /// When the next one begins by itself.
    pub next_at: Option<Timestamp>,
}

/// One pull.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Run {
    /// When it began.
    pub since: Timestamp,
    /// Who asked for it; none: the clock.
    pub by: Option<String>,
    /// Whether that person says that what is missing is really gone.
    pub confirmed: bool,
    /// Lists that are done.
    pub done: Vec<String>,
    /// Of a list that is asked for one by one: the last code that is done.
    pub after: String,
    /// Lists that the partner did not give.
    pub refused: Vec<String>,
    /// Single entries that it did not give.
    pub failed: i64,
}

/// That a person wants a pull.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Wanted {
    at: Timestamp,
    by: String,
    confirmed: bool,
}

/// What the latest look at the mappings was about, and what it found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Looked {
    mappings: i64,
    lists: Vec<(String, i64)>,
    day: String,
    incidents: BTreeSet<String>,
}

fn cursor_of(connector: &ConnectorId) -> String {
    format!("catalogue:{connector}")
}

fn wanted_of(connector: &ConnectorId) -> String {
    format!("catalogue-wanted:{connector}")
}

fn looked_of(connector: &ConnectorId) -> String {
    format!("catalogue-looked:{connector}")
}

/// How far the pull of a connector's catalogue is.
pub async fn progress(store: &dyn Store, connector: &ConnectorId) -> Result<Progress, StoreError> {
    Ok(read(store, &cursor_of(connector)).await?.unwrap_or_default())
}

/// A person wants the catalogue pulled; the timer does it. `confirmed`: what is missing is really gone. `false`: this
/// connector has no catalogue.
pub async fn want(
    engine: &Arc<Engine>,
    connector: &ConnectorId,
    actor: &str,
    confirmed: bool,
) -> Result<bool, StoreError> {
    if engine.members.get(connector).and_then(|m| m.connector.catalogue()).is_none() {
        return Ok(false);
    }
    let (connector, actor) = (connector.clone(), actor.to_owned());
    decide(&*engine.store, Scope::default(), move |work| {
        let wanted = Wanted { at: work.now, by: actor.clone(), confirmed };
        put(work, wanted_of(&connector), &wanted);
        work.audit.push((actor.clone(), "catalogue.pull".to_owned(), connector.to_string()));
    })
    .await?;
    Ok(true)
}

/// One round of the timer: begins a pull whose time has come, carries one on, and looks at the mappings.
pub async fn round(engine: &Arc<Engine>, member: &Member) -> Result<(), StoreError> {
    let Some(source) = member.connector.catalogue() else { return Ok(()) };
    let connector = &member.manifest.id;
    let mut at = progress(&*engine.store, connector).await?;
    let now = engine.store.now().await?;
    if at.run.is_none() && begin(&mut at, wanted(engine, connector).await?, engine.settings.catalogue_at, now)
    {
        keep(engine, connector, &at).await?;
    }
    if at.run.is_some() {
        let reading = pull(engine, member, source, &mut at).await?;
        note(engine, member, "catalogue", reading).await?;
    }
    look(engine, member).await
}

async fn wanted(engine: &Engine, connector: &ConnectorId) -> Result<Option<Wanted>, StoreError> {
    read(&*engine.store, &wanted_of(connector)).await
}

/// Begins a pull that a person wants or whose time has come. Answers whether anything changed.
fn begin(at: &mut Progress, wanted: Option<Wanted>, time: Option<Time>, now: Timestamp) -> bool {
    let begun = at.last.as_ref().map(|run| run.since);
    let wanted = wanted.filter(|wanted| begun.is_none_or(|begun| begun < wanted.at));
    let is_due = at.next_at.is_some_and(|next| next <= now);
    let next_at = time.and_then(|time| next(time, now));
    if wanted.is_none() && !is_due {
        // The configured time may have changed.
        let is_other = at.next_at != next_at;
        at.next_at = next_at;
        return is_other;
    }
    let (by, confirmed) = wanted.map_or((None, false), |wanted| (Some(wanted.by), wanted.confirmed));
    at.run = Some(Run { since: now, by, confirmed, ..Run::default() });
    at.next_at = next_at;
    true
}

/// The first such time of day after a moment.
fn next(time: Time, now: Timestamp) -> Option<Timestamp> {
    let today = business(now).date();
    let at = |day: jiff::civil::Date| Some(day.to_datetime(time).to_zoned(business_zone()).ok()?.timestamp());
    at(today).filter(|at| *at > now).or_else(|| at(today.tomorrow().ok()?))
}

async fn keep(engine: &Engine, connector: &ConnectorId, at: &Progress) -> Result<(), StoreError> {
    let (connector, at) = (connector.clone(), at.clone());
    decide(&*engine.store, Scope::default(), move |work| put(work, cursor_of(&connector), &at)).await
}

/// Questions one after another.
struct Pace {
    least: Duration,
    last: Option<Instant>,
}

impl Pace {
    async fn wait(&mut self) {
        if let Some(last) = self.last {
            tokio::time::sleep(self.least.saturating_sub(last.elapsed())).await;
        }
        self.last = Some(Instant::now());
    }
}

async fn pull(
    engine: &Arc<Engine>,
    member: &Member,
    source: &dyn CatalogueSource,
    at: &mut Progress,
) -> Result<Reading, StoreError> {
    let connector = &member.manifest.id;
    let mut pace = Pace { least: source.pace(), last: None };
    for list in source.lists() {
        let Some(run) = at.run.as_mut().filter(|run| !run.done.contains(&list.name)) else { continue };
        let belief = if run.confirmed {
            Belief::Confirmed
        } else {
            Belief::Percent(source.believed_missing_percent())
        };
        if let Some(of) = &list.each_of {
            if let Some(reading) = pull_each(engine, member, source, (&list.name, of), at, &mut pace).await? {
                return Ok(reading);
            }
            if let Some(run) = &mut at.run {
                (run.after, run.done) = (String::new(), [&run.done[..], &[list.name]].concat());
            }
            keep(engine, connector, at).await?;
            continue;
        }
        match ask(engine, member, source, &list.name, None, &mut pace).await? {
            Asked::NotNow => return Ok(Reading::Skipped),
            Asked::Failed(reading) => return Ok(reading),
            Asked::Refused(failure) => {
                tracing::warn!(partner = %connector, list = list.name, said = failure.said, "a list was not given");
                run.refused.push(list.name.clone());
                run.done.push(list.name);
                keep(engine, connector, at).await?;
            }
            Asked::Rows(rows) => {
                run.done.push(list.name.clone());
                take_whole(engine, connector, &list.name, rows, belief, at).await?;
            }
        }
    }
    let run = at.run.take();
    let refused = run.as_ref().map(|run| run.refused.join(", ")).unwrap_or_default();
    at.ended_at = Some(engine.store.now().await?);
    at.last = run;
    keep(engine, connector, at).await?;
    Ok(if refused.is_empty() { Reading::Done } else { Reading::Failed(format!("not given: {refused}")) })
}

/// What became of a question.
enum Asked {
    Rows(Vec<Pulled>),
    /// Not for a reason that has to do with what was asked: the next round goes on.
    Failed(Reading),
    /// The partner does not give it.
    Refused(CheckFailure),
    /// Nothing is to be asked now.
    NotNow,
}

async fn ask(
    engine: &Arc<Engine>,
    member: &Member,
    source: &dyn CatalogueSource,
    list: &str,
    code: Option<&str>,
    pace: &mut Pace,
) -> Result<Asked, StoreError> {
    pace.wait().await;
    if !member.may_be_asked() {
        return Ok(Asked::NotNow);
    }
    turn(engine, member).await?;
    let call = Call { now: engine.clock.now(), deadline: QUESTION, sessions: &**engine };
    Ok(match tokio::time::timeout(QUESTION, source.rows(list, code, &call)).await {
        Ok(Ok(rows)) => Asked::Rows(rows),
        Ok(Err(failure)) if concerns_all(failure.cause) => Asked::Failed(Reading::failed(&failure)),
        Ok(Err(failure)) => Asked::Refused(failure),
        Err(_) => Asked::Failed(Reading::no_answer()),
    })
}

/// A list that is asked for by the codes of another one. `Some`: it is not done.
async fn pull_each(
    engine: &Arc<Engine>,
    member: &Member,
    source: &dyn CatalogueSource,
    (list, of): (&str, &str),
    at: &mut Progress,
    pace: &mut Pace,
) -> Result<Option<Reading>, StoreError> {
    let connector = &member.manifest.id;
    loop {
        let after = at.run.as_ref().map(|run| run.after.clone()).unwrap_or_default();
        let filter = filter(connector, of, after);
        let codes = engine.store.catalogue_entries(&filter).await?;
        if codes.is_empty() {
            return Ok(None);
        }
        for code in codes.into_iter().map(|entry| entry.code) {
            let rows = match ask(engine, member, source, list, Some(&code), pace).await? {
                Asked::NotNow => return Ok(Some(Reading::Skipped)),
                Asked::Failed(reading) => return Ok(Some(reading)),
                Asked::Refused(_) => Vec::new(),
                // Whatever it is called in its tree: it is the one that was asked for.
                Asked::Rows(rows) => {
                    rows.into_iter().take(1).map(|r| Pulled { code: code.clone(), ..r }).collect()
                }
            };
            if let Some(run) = &mut at.run {
                run.failed += i64::from(rows.is_empty());
                run.after.clone_from(&code);
            }
            take_one(engine, connector, list, &code, rows, at).await?;
        }
    }
}

fn filter(connector: &ConnectorId, list: &str, after: String) -> EntryFilter {
    let (connector, list) = (connector.clone(), list.to_owned());
    EntryFilter { connector, list, code: None, withdrawn: false, after, limit: PAGE }
}

async fn take_whole(
    engine: &Engine,
    connector: &ConnectorId,
    list: &str,
    rows: Vec<Pulled>,
    belief: Belief,
    at: &Progress,
) -> Result<(), StoreError> {
    let key = (connector.clone(), list.to_owned());
    let scope = Scope { catalogue: BTreeSet::from([key.clone()]), ..Scope::default() };
    let (rows, at) = (Arc::new(rows), at.clone());
    decide(&*engine.store, scope, move |work| {
        let head = work.catalogue_heads.get(&key).map(|head| head.row.clone());
        let known = known(work, &key);
        let taken = listing::whole(head.as_ref(), (&key.0, &key.1), &known, &rows, belief, work.now);
        guard(work, &key, taken.head.held_back, taken.head.rows);
        apply(work, &key, taken);
        put(work, cursor_of(&key.0), &at);
    })
    .await
}

async fn take_one(
    engine: &Engine,
    connector: &ConnectorId,
    list: &str,
    code: &str,
    rows: Vec<Pulled>,
    at: &Progress,
) -> Result<(), StoreError> {
    let key = (connector.clone(), list.to_owned());
    let entry = (connector.clone(), list.to_owned(), code.to_owned());
    let scope = Scope { catalogue_entries: BTreeSet::from([entry]), ..Scope::default() };
    let (rows, at) = (Arc::new(rows), at.clone());
    decide(&*engine.store, scope, move |work| {
        let head = work.catalogue_heads.get(&key).map(|head| head.row.clone());
        let known = known(work, &key);
        let taken = listing::part(head.as_ref(), (&key.0, &key.1), &known, &rows, work.now);
        apply(work, &key, taken);
        put(work, cursor_of(&key.0), &at);
    })
    .await
}

fn known(work: &Work, key: &(ConnectorId, String)) -> BTreeMap<String, Entry> {
    let of = work.catalogue.iter().filter(|((connector, list, _), _)| *connector == key.0 && *list == key.1);
    of.map(|((_, _, code), entry)| (code.clone(), entry.row.clone())).collect()
}

fn apply(work: &mut Work, key: &(ConnectorId, String), taken: listing::Taken) {
    let change = |is_new| if is_new { Change::Insert } else { Change::Update };
    let is_new = !work.catalogue_heads.contains_key(key);
    work.catalogue_heads.insert(key.clone(), Loaded { row: taken.head, change: change(is_new) });
    for (row, is_new) in taken.entries {
        let key = (key.0.clone(), key.1.clone(), row.code.clone());
        work.catalogue.insert(key, Loaded { row, change: change(is_new) });
    }
    work.catalogue_changes.extend(taken.changes);
}

/// An answer that is not believed stays in somebody's morning until one is.
fn guard(work: &mut Work, (connector, list): &(ConnectorId, String), missing: i64, rows: i64) {
    let key = format!("catalogue:{connector}:{list}");
    work.close(key.clone());
    if missing > 0 {
        let said = format!("{missing}/{rows}");
        work.opened.push(IncidentRecord { key, connector: Some(connector.clone()), said });
    }
}

/// The mappings of a connector that break by what is stored of its catalogue now.
pub async fn broken(engine: &Engine, connector: &ConnectorId) -> Result<Vec<Broken>, StoreError> {
    let Some(source) = engine.members.get(connector).and_then(|m| m.connector.catalogue()) else {
        return Ok(Vec::new());
    };
    let today = business(engine.store.now().await?).date();
    let book = Codes::book(engine, true).await?;
    let mut bound = source.configured();
    for table in Table::ALL {
        let stored: Vec<_> = book.holding(connector, table, today).collect();
        // What a person confirmed is used, not what the configuration says of the same code.
        bound.retain(|b| b.table != table || stored.iter().all(|m| m.local != b.local));
        bound.extend(stored.into_iter().map(|mapping| Bound {
            connector: connector.clone(),
            table,
            local: mapping.local.clone(),
            national: mapping.national.clone(),
            origin: Origin::Stored(mapping.id),
        }));
    }
    let mut lists = BTreeMap::new();
    for list in [PROCEDURES, PROCEDURE_DETAILS, AGENCIES] {
        lists.insert(list.to_owned(), whole_list(engine, connector, list).await?);
    }
    Ok(drift::broken(&bound, &lists))
}

/// All entries of a list, withdrawn ones too.
pub async fn whole_list(
    engine: &Engine,
    connector: &ConnectorId,
    list: &str,
) -> Result<BTreeMap<String, Entry>, StoreError> {
    let mut all = BTreeMap::new();
    let mut filter = EntryFilter { withdrawn: true, limit: 1000, ..filter(connector, list, String::new()) };
    loop {
        let page = engine.store.catalogue_entries(&filter).await?;
        let Some(last) = page.last() else { return Ok(all) };
        filter.after.clone_from(&last.code);
        // The trees are large, and nothing here reads them.
        let lean = |entry: Entry| (entry.code.clone(), Entry { content: "".into(), ..entry });
        all.extend(page.into_iter().map(lean));
    }
}

/// Looks at the mappings when they, the catalogue or the day have changed: those that break have an incident each, and
/// what waited for one that holds now goes again, also if whoever confirmed it was interrupted.
async fn look(engine: &Arc<Engine>, member: &Member) -> Result<(), StoreError> {
    let connector = &member.manifest.id;
    let name = looked_of(connector);
    let before: Option<Looked> = read(&*engine.store, &name).await?;
    let heads = engine.store.catalogue_lists().await?;
    let of_ours = heads.into_iter().filter(|head| head.connector == *connector);
    let now = Looked {
        mappings: engine.store.mapping_version().await?,
        lists: of_ours.map(|head| (head.list, head.version)).collect(),
        day: business(engine.store.now().await?).date().to_string(),
        incidents: before.as_ref().map(|b| b.incidents.clone()).unwrap_or_default(),
    };
    if before.as_ref() == Some(&now) {
        return Ok(());
    }
    let broken = broken(engine, connector).await?;
    let was = before.as_ref().map(|b| b.mappings).unwrap_or_default();
    if was != now.mappings || before.is_some_and(|b| b.day != now.day) {
        operator::wake(engine, &format!("mapping:{connector}:")).await?;
    }
    let connector = connector.clone();
    decide(&*engine.store, Scope::default(), move |work| {
        let mut looked = now.clone();
        let old = std::mem::take(&mut looked.incidents);
        for found in &broken {
            let Bound { table, local, national, .. } = &found.bound;
            let key = format!("catalogue-broken:{connector}:{}:{local}", table.name());
            let said = format!("{local} → {national}: {}", found.why.name());
            work.opened.push(IncidentRecord { key: key.clone(), connector: Some(connector.clone()), said });
            looked.incidents.insert(key);
        }
        for key in old.difference(&looked.incidents) {
            work.closed.push(key.clone());
        }
        put(work, name.clone(), &looked);
    })
    .await
}
