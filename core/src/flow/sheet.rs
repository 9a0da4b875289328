//! The morning sheet: asked for at any moment, and kept once a day as it was. Reads facts and lanes through indexes; only
//! what was lost of the index's points is reckoned over the month, once for the sheet that is kept.

use jiff::{
    Timestamp,
    civil::{Date, Time},
};
use std::collections::BTreeMap;

use crate::{
    calendar::Calendar,
    clock::business,
    flow::{
        engine::Engine,
        index::{self, Answered},
    },
    id::UnitCode,
    index::{period::Period, rules::Rules, tally::Scope},
    port::{
        sheet::{OnSheet, SheetAsk},
        store::{ConnectorCondition, StoreError},
    },
    sheet::{Figure, Line, ROWS, Reckoning, Row, Sheet, Window, lost, oldest_kept, worst_first},
};

/// Units whose sheets are written at once.
const WRITTEN: usize = 20;

/// How the sheet is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SheetSettings {
    /// From which time of day on, on the business clock, the day's sheet is kept; none: none is.
    pub at: Option<Time>,
    /// For how many days.
    pub keep_days: i32,
    /// Working hours within which something is due soon, and next.
    pub hours: [i64; 2],
}

impl Default for SheetSettings {
    fn default() -> Self {
        Self { at: None, keep_days: 90, hours: [24, 72] }
    }
}

/// What units' dossiers of the month cost, and when that was reckoned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lost {
    /// Microseconds since 1970; none: it is not known.
    pub at_us: Option<i64>,
    /// By unit, in billionths of a point.
    pub by_unit: BTreeMap<String, i64>,
}

impl Lost {
    /// From a report of the whole province.
    pub fn of(answered: &Answered, rules: &Rules, now: Timestamp) -> Self {
        Self { at_us: Some(now.as_microsecond()), by_unit: lost(&answered.report, rules) }
    }
}

/// The month that a sheet of this moment speaks of.
pub fn month(now: Timestamp) -> Period {
    Period::month_of(business(now).date())
}

/// What was lost as the month's latest kept sheet says it: it was reckoned this month, and need not be again. `None`: there
/// is none yet.
pub async fn kept_loss(engine: &Engine, now: Timestamp) -> Result<Option<Lost>, StoreError> {
    let Some(day) = engine.store.sheet_days().await?.first().copied() else { return Ok(None) };
    let Some(sheet) = kept(engine, day, "").await? else { return Ok(None) };
    if sheet.month != month(now).to_string() || sheet.lost_us.is_none() {
        return Ok(None);
    }
    let by_unit = sheet.lines.into_iter().filter_map(|line| Some((line.unit, line.lost?))).collect();
    Ok(Some(Lost { at_us: sheet.lost_us, by_unit }))
}

/// The sheet of the province: one line a unit, the worst first.
pub async fn province(engine: &Engine, now: Timestamp, lost: &Lost) -> Result<Sheet, StoreError> {
    let mut lines = lines(engine, &ask(engine, now).await?, lost).await?;
    worst_first(&mut lines);
    sheet(engine, now, lost, lines, Vec::new()).await
}

/// The sheet of a unit, with its dossiers. `unit`: its code; empty: dossiers of which no unit is known.
pub async fn of_unit(engine: &Engine, now: Timestamp, lost: &Lost, unit: &str) -> Result<Sheet, StoreError> {
    let ask = ask(engine, now).await?;
    let line = lines(engine, &ask, lost).await?.into_iter().find(|line| line.unit == unit);
    let line = line.unwrap_or_else(|| Line { unit: unit.to_owned(), ..Line::default() });
    let rows = rows(engine, &ask, &line).await?;
    sheet(engine, now, lost, vec![line], rows).await
}

async fn sheet(
    engine: &Engine,
    now: Timestamp,
    lost: &Lost,
    lines: Vec<Line>,
    rows: Vec<Row>,
) -> Result<Sheet, StoreError> {
    Ok(Sheet {
        taken_us: now.as_microsecond(),
        as_of_us: index::as_of(engine).await?.map(Timestamp::as_microsecond),
        hours: engine.settings.sheet.hours,
        month: month(now).to_string(),
        lost_us: lost.at_us,
        lines,
        rows,
    })
}

/// The moments that decide, and the connectors that send nothing.
async fn ask(engine: &Engine, now: Timestamp) -> Result<SheetAsk, StoreError> {
    let (calendar, hours) = (&*engine.settings.index.calendar, engine.settings.sheet.hours);
    let own = |unit: &UnitCode| (unit.clone(), Window::at(calendar, Some(unit), now, hours));
    let conditions = engine.store.conditions().await?;
    Ok(SheetAsk {
        usual: Window::at(calendar, None, now, hours),
        units: calendar.units().map(own).collect(),
        shut: conditions.iter().filter_map(|c| Some((c.connector.clone(), shut_since(c)?))).collect(),
    })
}

/// Since when nothing is sent to a partner; `None`: something is.
fn shut_since(condition: &ConnectorCondition) -> Option<i64> {
    let held = condition.hold.as_ref().map(|hold| hold.since);
    let trouble = condition.phase.trouble().map(|trouble| trouble.since);
    let since = held.into_iter().chain(trouble).min().filter(|_| condition.is_shut())?;
    Some(since.as_microsecond())
}

async fn lines(engine: &Engine, ask: &SheetAsk, lost: &Lost) -> Result<Vec<Line>, StoreError> {
    let mut lines = engine.store.sheet_lines(ask).await?;
    for (unit, points) in &lost.by_unit {
        match lines.iter_mut().find(|line| line.unit == *unit) {
            Some(line) => line.lost = Some(*points),
            None if *points > 0 => {
                lines.push(Line { unit: unit.clone(), lost: Some(*points), ..Line::default() });
            }
            None => {}
        }
    }
    // Where it was reckoned, a unit without dossiers of the month has lost nothing.
    if lost.at_us.is_some() {
        for line in &mut lines {
            line.lost.get_or_insert(0);
        }
    }
    Ok(lines)
}

/// The dossiers behind a unit's figures; what has no figure is not asked for.
async fn rows(engine: &Engine, ask: &SheetAsk, line: &Line) -> Result<Vec<Row>, StoreError> {
    let (store, calendar): (_, &Calendar) = (&engine.store, &engine.settings.index.calendar);
    let unit = UnitCode::parse(&line.unit).ok();
    let window = ask.window(unit.as_ref());
    let reckoning = Reckoning { calendar, unit: unit.as_ref(), window };
    let Window { before, now, soon, next, .. } = window;
    let asked = [
        (Figure::Late, line.late, OnSheet::Due { from: i64::MIN, until: now }),
        (Figure::DueSoon, line.due_soon, OnSheet::Due { from: now, until: soon.saturating_add(1) }),
        (
            Figure::DueNext,
            line.due_next - line.due_soon,
            OnSheet::Due { from: soon.saturating_add(1), until: next.saturating_add(1) },
        ),
        (Figure::Waiting, line.waiting, OnSheet::Waiting),
        (
            Figure::Received,
            line.received_today + line.received_before,
            OnSheet::Received { from: before, until: now },
        ),
    ];
    let mut rows = Vec::new();
    for (figure, count, wanted) in asked {
        if count > 0 {
            let facts = store.sheet_facts(&line.unit, wanted, ROWS).await?;
            rows.extend(facts.iter().map(|fact| reckoning.row(figure, fact)));
        }
    }
    if line.blocked > 0 {
        let lanes = store.blocked_lanes(ask, Some(&line.unit), ROWS).await?;
        rows.extend(lanes.iter().map(|lane| reckoning.blocked(lane)));
    }
    // Within a figure they come as they are to be shown.
    rows.sort_by_key(|row| row.figure);
    Ok(rows)
}

/// A sheet as it was kept. `unit`: empty for the province.
pub async fn kept(engine: &Engine, day: Date, unit: &str) -> Result<Option<Sheet>, StoreError> {
    let text = engine.store.kept_sheet(day, unit).await?;
    Ok(text.and_then(|text| match serde_json::from_str(&text) {
        Ok(sheet) => Some(sheet),
        Err(error) => {
            tracing::warn!(%error, %day, unit, "a kept sheet cannot be read");
            None
        }
    }))
}

/// Keeps the day's sheet once its time has come; after a standstill it is kept later, and says of when it is. The province's
/// is written last: as long as it is missing, all of them are made again.
pub async fn round(engine: &Engine) -> Result<(), StoreError> {
    let settings = &engine.settings.sheet;
    let Some(at) = settings.at else { return Ok(()) };
    let local = business(engine.clock.now());
    let (day, time) = (local.date(), local.time());
    if time < at || engine.store.kept_sheet(day, "").await?.is_some() {
        return Ok(());
    }
    // The first time facts are made for a long while: half a province is no sheet.
    if index::as_of(engine).await?.is_none() {
        return Ok(());
    }
    index::refresh(engine).await?;
    let now = engine.clock.now();
    let answered = index::score(engine, month(now), Scope::default()).await?;
    let lost = Lost::of(&answered, &engine.settings.index.rules, now);
    let ask = ask(engine, now).await?;
    let mut lines = lines(engine, &ask, &lost).await?;
    worst_first(&mut lines);
    let oldest = oldest_kept(day, settings.keep_days);
    for some in lines.chunks(WRITTEN) {
        let mut written = Vec::with_capacity(some.len());
        // The line of no unit has the province's place; its dossiers are asked for live.
        for line in some.iter().filter(|line| !line.unit.is_empty()) {
            let rows = rows(engine, &ask, line).await?;
            let one = sheet(engine, now, &lost, vec![line.clone()], rows).await?;
            written.push((line.unit.clone(), text(&one)?));
        }
        engine.store.keep_sheets(day, &written, oldest).await?;
    }
    let whole = sheet(engine, now, &lost, lines, Vec::new()).await?;
    engine.store.keep_sheets(day, &[(String::new(), text(&whole)?)], oldest).await
}

fn text(sheet: &Sheet) -> Result<String, StoreError> {
    serde_json::to_string(sheet).map_err(|error| StoreError::Rejected(error.to_string()))
}
