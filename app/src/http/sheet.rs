//! The morning sheet for people: live or as it was kept, and as JSON; console, API and command line show the same.

use jiff::{Timestamp, civil::Date};
use lienthong_core::{
    clock::business,
    flow::{engine::Engine, sheet},
    id::UnitCode,
    index::tally::Scope,
    port::store::StoreError,
    sheet::{Figure, Line, ROWS, Row, Sheet},
};
use serde_json::{Value, json};

use super::{
    AppState,
    index::gain,
    json::{moment, rfc3339},
};
use crate::i18n::{Locale, find};

/// A sheet with what is around it.
pub struct Shown {
    /// The sheet.
    pub sheet: Sheet,
    /// Of this unit; none: the province.
    pub unit: Option<String>,
    /// Of this day.
    pub day: Date,
    /// It was kept, and is of then; otherwise it is of now.
    pub is_kept: bool,
    /// The days that are kept, the latest first.
    pub days: Vec<Date>,
    /// Years whose calendar is missing: what is said of working hours is not to be relied on there.
    pub missing_years: Vec<i16>,
}

/// The sheet of the province or a unit, of now or as it was kept on a day. `None`: nothing was kept that day.
pub async fn ask(
    state: &AppState,
    unit: Option<&str>,
    day: Option<Date>,
) -> Result<Option<Shown>, StoreError> {
    let engine = &state.engine;
    let now = engine.clock.now();
    let days = engine.store.sheet_days().await?;
    let sheet = match day {
        Some(day) => kept(engine, day, unit).await?,
        None => Some(live(state, unit, now).await?),
    };
    let Some(sheet) = sheet else { return Ok(None) };
    let settings = &engine.settings.index;
    let missing = |ahead| settings.calendar.missing(now, ahead);
    Ok(Some(Shown {
        sheet,
        unit: unit.map(str::to_owned),
        day: day.unwrap_or_else(|| business(now).date()),
        is_kept: day.is_some(),
        days,
        missing_years: settings.calendar_ahead_days.map(missing).unwrap_or_default(),
    }))
}

async fn live(state: &AppState, unit: Option<&str>, now: Timestamp) -> Result<Sheet, StoreError> {
    let engine = &state.engine;
    let kept = sheet::kept_loss(engine, now).await?;
    let lost = if let Some(lost) = kept {
        lost
    } else {
        let answered = state.index.ask(engine, sheet::month(now), Scope::default()).await?;
        sheet::Lost::of(&answered, &engine.settings.index.rules, now)
    };
    match unit {
        Some(unit) => sheet::of_unit(engine, now, &lost, unit).await,
        None => sheet::province(engine, now, &lost).await,
    }
}

async fn kept(engine: &Engine, day: Date, unit: Option<&str>) -> Result<Option<Sheet>, StoreError> {
    let Some(province) = sheet::kept(engine, day, "").await? else { return Ok(None) };
    let Some(unit) = unit else { return Ok(Some(province)) };
    // A unit that has none had nothing to look at.
    let nothing = || Sheet {
        lines: vec![Line { unit: unit.to_owned(), ..Line::default() }],
        rows: Vec::new(),
        ..province
    };
    Ok(Some(sheet::kept(engine, day, unit).await?.unwrap_or_else(nothing)))
}

/// A unit's name; empty: it is not configured.
pub fn unit_name(engine: &Engine, code: &str) -> String {
    let unit = UnitCode::parse(code).ok().and_then(|code| engine.rules.units.get(&code));
    unit.map(|unit| unit.name.clone()).unwrap_or_default()
}

/// A procedure's name; empty: the catalogue does not have it.
pub fn procedure_name(engine: &Engine, code: &str) -> String {
    engine.settings.index.catalogue.procedure(code).map(|p| p.name.clone()).unwrap_or_default()
}

/// What people call a connector.
pub fn partner_name(engine: &Engine, connector: &str) -> String {
    let member = engine.members.iter().find(|(id, _)| id.as_str() == connector);
    member.map_or_else(|| connector.to_owned(), |(_, member)| member.manifest.label.clone())
}

fn second(at: Option<i64>) -> Option<String> {
    at.and_then(|at| Timestamp::from_second(at).ok()).map(rfc3339)
}

/// A sheet as the API tells it.
pub fn to_json(state: &AppState, shown: &Shown) -> Value {
    let (engine, sheet) = (&*state.engine, &shown.sheet);
    let lines = sheet.lines.iter().map(|one| line(engine, one));
    let mut value = json!({
        "day": shown.day.to_string(),
        "at": moment(sheet.taken_us),
        "is_kept": shown.is_kept,
        "kept_at": engine.settings.sheet.at.map(|at| at.strftime("%H:%M").to_string()),
        "as_of": sheet.as_of_us.and_then(moment),
        "days": shown.days.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "working_hours": sheet.hours,
        "month": sheet.month,
        "lost_at": sheet.lost_us.and_then(moment),
        "missing_years": shown.missing_years,
        "unit": shown.unit,
        "name": shown.unit.as_deref().map(|unit| unit_name(engine, unit)),
        "totals": line(engine, &sheet.totals()),
        "units": lines.collect::<Vec<_>>(),
    });
    if shown.unit.is_some() {
        value["rows"] = sheet.rows.iter().map(|one| row(engine, one)).collect();
        // Of each figure so many are named at most; the figures count all.
        value["most_rows"] = ROWS.into();
    }
    json!({ "sheet": value })
}

fn line(engine: &Engine, line: &Line) -> Value {
    json!({
        "unit": line.unit,
        "name": unit_name(engine, &line.unit),
        "received_today": line.received_today,
        "received_before": line.received_before,
        "open": line.open,
        "due_soon": line.due_soon,
        "due_next": line.due_next,
        "late": line.late,
        "late_since": second(line.late_since),
        "waiting": line.waiting,
        "waiting_over": line.waiting_over,
        "blocked": line.blocked,
        "blocked_since": second(line.blocked_since),
        "lost": line.lost.map(gain),
    })
}

fn row(engine: &Engine, row: &Row) -> Value {
    let cause = row.cause.as_deref();
    let words = cause.map(|cause| {
        let say = |locale| find(locale, &format!("cause-{cause}"), &[]).unwrap_or_else(|| cause.to_owned());
        json!({ "vi": say(Locale::Vi), "en": say(Locale::En) })
    });
    json!({
        "figure": row.figure.name(),
        "dossier": row.dossier,
        "procedure": row.procedure,
        "procedure_name": procedure_name(engine, &row.procedure),
        "officer": row.officer,
        "due_at": second(row.due),
        "since": second(row.since),
        "respond_by": second(row.respond_by),
        "working_minutes": row.minutes,
        "partner": row.partner,
        "partner_name": row.partner.as_deref().map(|partner| partner_name(engine, partner)),
        "lane": row.lane,
        "cause": cause,
        "cause_words": words,
    })
}

/// How many dossiers a figure counts, of those that the rows of a unit's sheet belong to.
pub fn count(line: &Line, figure: Figure) -> i64 {
    match figure {
        Figure::Late => line.late,
        Figure::DueSoon => line.due_soon,
        Figure::DueNext => line.due_next - line.due_soon,
        Figure::Blocked => line.blocked,
        Figure::Waiting => line.waiting,
        Figure::Received => line.received_today + line.received_before,
    }
}
