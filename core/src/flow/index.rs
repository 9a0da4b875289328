//! The index: a timer brings the facts up to date, beside the way of events; a report streams over the facts of a period.
//! Facts can be made anew at any time, so that a run that is cut off or done twice costs nothing but time.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

use crate::{
    calendar::Calendar,
    catalogue::Table,
    clock::{business, later},
    flow::engine::Engine,
    id::RowId,
    index::{
        catalogue::Catalogue,
        facts::{Reading, SHAPE},
        gather::gather,
        indicator::Indicator,
        lateness::Judge,
        marks::Reader,
        period::Period,
        report::{Report, report},
        rules::Rules,
        tally::{Scope, Tally},
    },
    port::{
        connector::Codes,
        index::FactFilter,
        store::{StoreError, decide},
        work::{IncidentRecord, Scope as Rows},
    },
};

/// Where the refresh is kept.
const CURSOR: &str = "index";
/// Dossiers whose states are read at once.
const FOLD: i64 = 500;
/// Dossiers that are asked for at once, of those that changed: asking costs as much as all that changed.
const CHANGED: i64 = 50_000;
/// Rows of facts that are read at once.
const PAGE: i64 = 5_000;
/// What was stamped earlier may be committed later: so far the refresh looks back behind its last beginning.
const OVERLAP: SignedDuration = SignedDuration::from_mins(5);

/// How the index is computed.
#[derive(Debug, Clone)]
pub struct IndexSettings {
    /// How often facts are brought up to date.
    pub every: Duration,
    /// How the connector of the portal turns dossiers into the portal's.
    pub reading: Reading,
    /// The switches.
    pub rules: Rules,
    /// What is known of procedures.
    pub catalogue: Arc<Catalogue>,
    /// Working time.
    pub calendar: Arc<Calendar>,
    /// So many days before a year begins its file should be there; none: nobody is told.
    pub calendar_ahead_days: Option<i32>,
}

impl Default for IndexSettings {
    fn default() -> Self {
        Self {
            every: Duration::from_mins(15),
            reading: Reading::default(),
            rules: Rules::default(),
            catalogue: Arc::default(),
            calendar: Arc::default(),
            calendar_ahead_days: None,
        }
    }
}

/// How far the facts are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Progress {
    /// The shape that they have.
    shape: u32,
    /// Everything before this moment is in them, microseconds; none: they are being made.
    since_us: Option<i64>,
    /// While they are being made: dossiers up to this one are in them.
    after: RowId,
    /// When that began, microseconds.
    begun_us: i64,
}

/// Brings the facts up to date; answers how many rows changed. The first time, and after a change of their shape, all of
/// them are made.
pub async fn refresh(engine: &Engine) -> Result<u64, StoreError> {
    let store = &engine.store;
    let now = store.now().await?;
    tell_of_missing_years(engine, now).await?;
    let mut progress = progress(engine).await?.unwrap_or(Progress {
        shape: SHAPE,
        since_us: None,
        after: 0,
        begun_us: now.as_microsecond(),
    });
    let mut changed = 0;
    while progress.since_us.is_none() {
        let ids = store.index_changed(None, progress.after, FOLD).await?;
        match ids.last() {
            Some(last) => {
                changed += fold(engine, &ids, true).await?;
                progress.after = *last;
            }
            None => progress.since_us = Some(progress.begun_us),
        }
        save(engine, &progress).await?;
    }
    let since = progress.since_us.and_then(|us| Timestamp::from_microsecond(us).ok()).unwrap_or(now);
    let since = later(since, -OVERLAP);
    let mut after = 0;
    loop {
        let ids = store.index_changed(Some(since), after, CHANGED).await?;
        let Some(last) = ids.last() else { break };
        after = *last;
        for page in ids.chunks(usize::try_from(FOLD).unwrap_or(1)) {
            changed += fold(engine, page, false).await?;
        }
    }
    progress.since_us = Some(now.as_microsecond());
    save(engine, &progress).await?;
    Ok(changed)
}

async fn progress(engine: &Engine) -> Result<Option<Progress>, StoreError> {
    let kept = engine.store.cursor(CURSOR).await?;
    let progress = kept.and_then(|text| serde_json::from_str::<Progress>(&text).ok());
    Ok(progress.filter(|progress| progress.shape == SHAPE))
}

async fn save(engine: &Engine, progress: &Progress) -> Result<(), StoreError> {
    let text = serde_json::to_string(progress).unwrap_or_default();
    decide(&*engine.store, Rows::default(), move |work| work.cursors.push((CURSOR.into(), text.clone())))
        .await
}

/// Makes the facts of these dossiers; answers how many rows were written. `anew`: also those that say the same, because what
/// the store makes of them may differ.
async fn fold(engine: &Engine, dossiers: &[RowId], anew: bool) -> Result<u64, StoreError> {
    let sources = engine.store.index_sources(dossiers).await?;
    let mut rows = Vec::with_capacity(sources.len());
    for source in &sources {
        match gather(source, &engine.settings.index.reading) {
            Ok(row) => rows.extend(row.filter(|row| anew || source.kept.as_ref() != Some(row))),
            Err(error) => {
                tracing::warn!(%error, dossier = source.dossier, "a dossier's state cannot be read for the index");
            }
        }
    }
    if !rows.is_empty() {
        engine.store.keep_index_facts(&rows).await?;
    }
    Ok(u64::try_from(rows.len()).unwrap_or(u64::MAX))
}

/// A year whose file is missing keeps an incident open.
async fn tell_of_missing_years(engine: &Engine, now: Timestamp) -> Result<(), StoreError> {
    let settings = &engine.settings.index;
    let Some(ahead) = settings.calendar_ahead_days else { return Ok(()) };
    let missing = settings.calendar.missing(now, ahead);
    let this = business(now).year();
    decide(&*engine.store, Rows::default(), move |work| {
        for year in [this.saturating_sub(1), this, this.saturating_add(1)] {
            let key = format!("calendar:{year}");
            if missing.contains(&year) {
                let said = format!("no file for {year}: its holidays count as working days");
                work.opened.push(IncidentRecord { key, connector: None, said });
            } else {
                work.close(key);
            }
        }
    })
    .await
}

/// What a person entered of an indicator that nothing here can know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entered {
    /// In hundredths of a point.
    pub points: i64,
    /// Who.
    pub by: String,
    /// When, microseconds.
    pub at_us: i64,
    /// Where it is from.
    pub reason: String,
}

/// What was entered for a period, by the indicator's code.
pub async fn entered(engine: &Engine, period: Period) -> Result<BTreeMap<String, Entered>, StoreError> {
    let mut figures = BTreeMap::new();
    for indicator in Indicator::ALL.iter().filter(|indicator| !indicator.is_computable()) {
        let kept = engine.store.cursor(&entered_name(period, *indicator)).await?;
        // A figure that was taken back is kept as `null`.
        if let Some(figure) =
            kept.and_then(|text| serde_json::from_str::<Option<Entered>>(&text).ok()).flatten()
        {
            figures.insert(indicator.code().to_owned(), figure);
        }
    }
    Ok(figures)
}

/// Keeps a figure that was entered; none takes an earlier one back.
pub async fn enter(
    engine: &Engine,
    period: Period,
    indicator: Indicator,
    points: Option<i64>,
    (by, reason): (&str, &str),
) -> Result<(), StoreError> {
    let (by, reason) = (by.to_owned(), reason.to_owned());
    decide(&*engine.store, Rows::default(), move |work| {
        let at_us = work.now.as_microsecond();
        let figure = points.map(|points| Entered { points, by: by.clone(), at_us, reason: reason.clone() });
        let text = serde_json::to_string(&figure).unwrap_or_default();
        work.cursors.push((entered_name(period, indicator), text));
        let points = points.map_or_else(|| "-".to_owned(), |points| points.to_string());
        let subject = format!("{period} {} {points} {reason}", indicator.code());
        work.audit.push((by.clone(), "index.enter".into(), subject));
    })
    .await
}

fn entered_name(period: Period, indicator: Indicator) -> String {
    format!("index-entered:{period}:{}", indicator.code())
}

/// A report with what it was made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// Of this period.
    pub period: Period,
    /// Of these dossiers.
    pub scope: Scope,
    /// Everything before this moment is in it; none: the facts are still being made.
    pub as_of: Option<Timestamp>,
    /// The period runs: this is so far.
    pub is_running: bool,
    /// What was entered, by the indicator's code; of the province as a whole.
    pub entered: BTreeMap<String, Entered>,
    /// The report.
    pub report: Report,
}

/// Until when the facts are complete; none: they are still being made.
pub async fn as_of(engine: &Engine) -> Result<Option<Timestamp>, StoreError> {
    let progress = progress(engine).await?;
    Ok(progress.and_then(|p| p.since_us).and_then(|us| Timestamp::from_microsecond(us).ok()))
}

/// How many months are named at most.
const MONTHS: usize = 24;

/// The months in which dossiers count, the latest first: found by going from one to the one before, not by reading dossiers.
pub async fn months(engine: &Engine) -> Result<Vec<Period>, StoreError> {
    let (mut months, mut until) = (Vec::new(), i64::MAX);
    while months.len() < MONTHS
        && let Some(latest) = engine.store.index_latest(until).await?
    {
        let Ok(at) = Timestamp::from_second(latest) else {
            until = latest;
            continue;
        };
        let month = Period::month_of(business(at).date());
        until = month.bounds().0.as_second();
        months.push(month);
    }
    Ok(months)
}

/// What is known of procedures, with the codes of ours that persons confirmed: those that held on the period's last day, or hold
/// today while it runs.
async fn procedures(engine: &Engine, period: Period) -> Result<Arc<Catalogue>, StoreError> {
    let mut known = Arc::clone(&engine.settings.index.catalogue);
    let book = Codes::book(engine, false).await?;
    let last = later(period.bounds().1, SignedDuration::from_secs(-1));
    let day = business(engine.clock.now().min(last)).date();
    for connector in engine.members.keys() {
        for mapping in book.holding(connector, Table::Procedure, day) {
            Arc::make_mut(&mut known).means(&mapping.local, &mapping.national);
        }
    }
    Ok(known)
}

/// Scores a period, page by page: memory is bounded by what differs between dossiers, not by how many there are.
pub async fn score(engine: &Engine, period: Period, scope: Scope) -> Result<Answered, StoreError> {
    let settings = &engine.settings.index;
    let as_of = as_of(engine).await?;
    let (from, until) = period.bounds();
    let now = engine.clock.now();
    let judge = Judge::new(&settings.rules, &settings.calendar, until, now);
    let catalogue = procedures(engine, period).await?;
    let reader = Reader { rules: &settings.rules, catalogue: &catalogue, judge };
    let mut tally = Tally::new(reader, scope.clone(), now);
    let within = from.as_second()..until.as_second();
    let mut filter = FactFilter {
        from: within.start,
        until: within.end,
        unit: scope.unit.clone(),
        after: None,
        limit: PAGE,
    };
    loop {
        let rows = engine.store.index_facts(&filter).await?;
        for row in &rows {
            tally.add(row, &within);
        }
        filter.after = rows.last().and_then(|row| Some((row.anchor?, row.dossier)));
        if filter.after.is_none() {
            break;
        }
    }
    let mut report = report(&tally, &settings.rules, &catalogue, &scope);
    // What is entered is of the whole province.
    let entered = if scope == Scope::default() { entered(engine, period).await? } else { BTreeMap::new() };
    for (code, figure) in &entered {
        if let Some(indicator) = Indicator::from_code(code) {
            report.at_portal.enter(indicator, figure.points);
            report.here.enter(indicator, figure.points);
        }
    }
    Ok(Answered { period, scope, as_of, is_running: now < until, entered, report })
}
