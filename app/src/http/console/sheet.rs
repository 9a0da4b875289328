//! `/ban-sang`: the morning sheet: the province on one page, and a unit's with its dossiers. Made to be printed.

use askama::Template;
use axum::{
    extract::{Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use jiff::{Timestamp, civil::Date};
use lienthong_core::{
    clock::business,
    sheet::{Figure, Line, Row},
};

use super::{
    index::{download, workbook},
    notice,
    operations::{Choice, choice},
    shell::{Section, Shell, Visit, page as rendered},
    when::When,
    words::percent,
};
use crate::{
    http::{
        AppState,
        api::sheet::Wanted,
        index::gain,
        sheet::{self, Shown, count, partner_name, procedure_name, to_json, unit_name},
    },
    i18n::{Arg, Locale, text_with},
    sheets,
};

struct UnitRow {
    code: String,
    name: String,
    query: String,
    tone: &'static str,
    /// The figures, in the order of the columns.
    cells: Vec<CellRow>,
}

struct CellRow {
    heading: String,
    number: String,
    under: String,
    /// There is something.
    is_some: bool,
}

struct DossierRow {
    code: String,
    officer: String,
    procedure: String,
    procedure_name: String,
    due: String,
    /// Since when, until when, how long: what the figure is about.
    what: String,
    under: String,
}

struct FigureRows {
    id: &'static str,
    title: String,
    tone: &'static str,
    heading: String,
    rows: Vec<DossierRow>,
    /// How many there are beyond those that are named.
    more: i64,
}

#[derive(Template)]
#[template(path = "sheet.html")]
struct SheetPage {
    s: Shell,
    tone: &'static str,
    day: String,
    headline: String,
    unit: Option<(String, String)>,
    of: When,
    is_kept: bool,
    is_building: bool,
    as_of: Option<When>,
    lost_at: Option<When>,
    month: String,
    missing: Option<String>,
    query: String,
    units: Vec<Choice>,
    days: Vec<Choice>,
    headings: Vec<String>,
    total: Option<UnitRow>,
    rows: Vec<UnitRow>,
    figures: Vec<FigureRows>,
}

/// What the page's address says.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct Address {
    unit: String,
    day: String,
    table: String,
}

impl Address {
    fn wanted(&self) -> Wanted {
        Wanted { unit: Some(self.unit.clone()), day: Some(self.day.clone()) }
    }

    /// The sheet that is asked for, or a page that says why there is none.
    async fn ask(&self, state: &AppState, visit: &Visit) -> Result<Shown, Response> {
        let wanted = self.wanted();
        let Ok(day) = wanted.day(state) else {
            return Err(notice::not_found(visit, "notice-day", &self.day));
        };
        match sheet::ask(state, wanted.unit(), day).await {
            Ok(Some(shown)) => Ok(shown),
            Ok(None) => Err(notice::not_found(visit, "notice-sheet", &self.day)),
            Err(error) => Err(notice::store_failed(visit, &error)),
        }
    }
}

fn query(unit: Option<&str>, day: Option<Date>) -> String {
    let unit = unit.map(|unit| format!("unit={}", percent(unit)));
    let day = day.map(|day| format!("day={day}"));
    unit.into_iter().chain(day).collect::<Vec<_>>().join("&")
}

/// The page.
pub async fn page(State(state): State<AppState>, visit: Visit, Query(address): Query<Address>) -> Response {
    let shown = match address.ask(&state, &visit).await {
        Ok(shown) => shown,
        Err(response) => return response,
    };
    let (w, sheet, totals) = (visit.w, &shown.sheet, shown.sheet.totals());
    let day = shown.is_kept.then_some(shown.day);
    let at = |us: i64| visit.when(us);
    let lines = || sheet.lines.iter().map(|line| unit_row(&state, &visit, &shown, line, day));
    let is_province = shown.unit.is_none();
    let units = state.engine.rules.units.iter();
    let chosen = shown.unit.clone().unwrap_or_default();
    let units = units.map(|(code, unit)| choice(code.as_str(), unit.name.clone(), &chosen));
    let page = SheetPage {
        s: visit.shell(Section::Sheet, w.t("nav-sheet")),
        tone: match (totals.late, totals.due_soon + totals.blocked) {
            (1.., _) => "bad",
            (_, 1..) => "warn",
            _ => "good",
        },
        day: long_day(w.locale, shown.day),
        headline: headline(&visit, sheet.hours, &totals),
        unit: shown.unit.clone().map(|code| (unit_name(&state.engine, &code), code)),
        of: at(sheet.taken_us),
        is_kept: shown.is_kept,
        is_building: sheet.as_of_us.is_none(),
        as_of: sheet.as_of_us.map(at),
        lost_at: sheet.lost_us.map(at),
        month: sheet.month.clone(),
        missing: (!shown.missing_years.is_empty()).then(|| {
            let years = shown.missing_years.iter().map(ToString::to_string);
            years.collect::<Vec<_>>().join(", ")
        }),
        query: query(shown.unit.as_deref(), day),
        units: std::iter::once(choice("", w.t("morning-province"), &chosen)).chain(units).collect(),
        days: days(&visit, &shown),
        headings: headings(&visit, sheet.hours),
        total: is_province.then(|| UnitRow {
            name: w.t("morning-total"),
            query: String::new(),
            ..unit_row(&state, &visit, &shown, &totals, day)
        }),
        rows: lines().collect(),
        figures: if is_province { Vec::new() } else { figures(&state, &visit, &shown) },
    };
    rendered(StatusCode::OK, &page)
}

fn days(visit: &Visit, shown: &Shown) -> Vec<Choice> {
    let chosen = if shown.is_kept { shown.day.to_string() } else { String::new() };
    let kept = shown.days.iter().map(|day| choice(&day.to_string(), short_day(*day), &chosen));
    std::iter::once(choice("", visit.w.t("morning-now"), &chosen)).chain(kept).collect()
}

fn short_day(day: Date) -> String {
    day.strftime("%d/%m/%Y").to_string()
}

/// `Thứ Hai 23/11/2026`.
fn long_day(locale: Locale, day: Date) -> String {
    let weekday = format!("morning-day-{}", day.weekday().to_monday_one_offset());
    format!("{} {}", crate::i18n::text(locale, &weekday), short_day(day))
}

fn headline(visit: &Visit, hours: [i64; 2], totals: &Line) -> String {
    let w = visit.w;
    let due = |n: i64| {
        let args = [("n", Arg::Count(n)), ("hours", Arg::Count(hours[0]))];
        text_with(w.locale, "morning-said-soon", &args)
    };
    let parts = [
        (totals.late, w.tn("morning-said-late", &totals.late)),
        (totals.due_soon, due(totals.due_soon)),
        (totals.blocked, w.tn("morning-said-blocked", &totals.blocked)),
        (totals.waiting_over, w.tn("morning-said-over", &totals.waiting_over)),
    ];
    let said: Vec<String> = parts.into_iter().filter(|(n, _)| *n > 0).map(|(_, said)| said).collect();
    if said.is_empty() { w.t("morning-said-nothing") } else { said.join(" · ") }
}

fn headings(visit: &Visit, hours: [i64; 2]) -> Vec<String> {
    let w = visit.w;
    vec![
        w.t("morning-col-received"),
        w.tn("morning-short-within", &hours[0]),
        w.tn("morning-short-within", &hours[1]),
        w.t("morning-col-late"),
        w.t("morning-col-waiting"),
        w.t("morning-col-blocked"),
        w.t("morning-col-lost"),
    ]
}

fn unit_row(state: &AppState, visit: &Visit, shown: &Shown, line: &Line, day: Option<Date>) -> UnitRow {
    let w = visit.w;
    let since = |at: Option<i64>| {
        at.map(|at| w.tv("morning-from", &short(at, shown.sheet.taken_us))).unwrap_or_default()
    };
    let some = |n: i64, key: &str| if n > 0 { w.tn(key, &n) } else { String::new() };
    let lost = line.lost.map_or_else(|| "–".to_owned(), |lost| decimal(w.locale, &gain(lost)));
    let values = [
        (
            w.num(&line.received_today),
            some(line.received_before, "morning-and-before"),
            line.received_today > 0,
        ),
        (w.num(&line.due_soon), String::new(), line.due_soon > 0),
        (w.num(&line.due_next), String::new(), line.due_next > 0),
        (w.num(&line.late), since(line.late_since), line.late > 0),
        (w.num(&line.waiting), some(line.waiting_over, "morning-and-over"), line.waiting > 0),
        (w.num(&line.blocked), since(line.blocked_since), line.blocked > 0),
        (lost, String::new(), line.lost.is_some_and(|lost| lost > 0)),
    ];
    let cell = |(heading, (number, under, is_some))| CellRow { heading, number, under, is_some };
    UnitRow {
        tone: if line.late > 0 { "bad" } else { "" },
        name: match line.unit.as_str() {
            "" => w.t("morning-no-unit"),
            unit => unit_name(&state.engine, unit),
        },
        query: if line.unit.is_empty() { String::new() } else { query(Some(&line.unit), day) },
        code: line.unit.clone(),
        cells: headings(visit, shown.sheet.hours).into_iter().zip(values).map(cell).collect(),
    }
}

fn figures(state: &AppState, visit: &Visit, shown: &Shown) -> Vec<FigureRows> {
    let (w, hours) = (visit.w, shown.sheet.hours);
    let of = |figure: Figure| {
        let rows: Vec<&Row> = shown.sheet.rows.iter().filter(|row| row.figure == figure).collect();
        let all = shown.sheet.lines.iter().map(|line| count(line, figure)).sum::<i64>();
        let named = i64::try_from(rows.len()).unwrap_or(i64::MAX);
        let title = match figure {
            Figure::DueSoon => w.tn("morning-within", &hours[0]),
            Figure::DueNext => w.tn("morning-within", &hours[1]),
            Figure::Late | Figure::Blocked | Figure::Waiting | Figure::Received => {
                w.name("figure", figure.name())
            }
        };
        FigureRows {
            id: figure.name(),
            title: format!("{title}: {}", w.num(&all)),
            tone: match figure {
                Figure::Late => "bad",
                Figure::DueSoon | Figure::Blocked => "warn",
                Figure::DueNext | Figure::Waiting | Figure::Received => "",
            },
            heading: w.name("figure-what", figure.name()),
            rows: rows.into_iter().map(|row| dossier_row(state, visit, shown, row)).collect(),
            more: (all - named).max(0),
        }
    };
    Figure::ALL.into_iter().map(of).filter(|figure| !figure.rows.is_empty()).collect()
}

fn dossier_row(state: &AppState, visit: &Visit, shown: &Shown, row: &Row) -> DossierRow {
    let w = visit.w;
    let at = |at: Option<i64>| at.map(|at| short(at, shown.sheet.taken_us));
    let length = row.minutes.map(|minutes| working(w.locale, minutes)).unwrap_or_default();
    let since = at(row.since).map(|since| w.tv("morning-from", &since)).unwrap_or_default();
    let (what, under) = match row.figure {
        Figure::Late => (w.tv("morning-late-by", &length), since),
        Figure::DueSoon | Figure::DueNext => (w.tv("morning-left", &length), String::new()),
        Figure::Waiting => {
            let until = at(row.respond_by).map(|until| w.tv("morning-until", &until)).unwrap_or_default();
            let is_over = row.respond_by.is_some_and(|by| by < shown.sheet.taken_us / 1_000_000);
            let over = if is_over { format!(" · {}", w.t("morning-over")) } else { String::new() };
            (since, format!("{until}{over}"))
        }
        Figure::Blocked => {
            let partner = row.partner.as_deref().map(|p| partner_name(&state.engine, p)).unwrap_or_default();
            let cause = row.cause.as_deref().map(|cause| w.name("cause", cause)).unwrap_or_default();
            (format!("{partner} · {since}"), cause)
        }
        Figure::Received => (at(row.since).unwrap_or_default(), String::new()),
    };
    DossierRow {
        code: row.dossier.clone(),
        officer: row.officer.clone(),
        procedure: row.procedure.clone(),
        procedure_name: procedure_name(&state.engine, &row.procedure),
        due: at(row.due).unwrap_or_else(|| "–".to_owned()),
        what,
        under,
    }
}

/// `16:30 23/11`, with the year where it is another one than the sheet's.
fn short(at: i64, taken_us: i64) -> String {
    let Ok(moment) = Timestamp::from_second(at) else { return "–".to_owned() };
    let year = Timestamp::from_microsecond(taken_us).map_or(0, |taken| business(taken).year());
    let local = business(moment);
    let pattern = if local.year() == year { "%H:%M %d/%m" } else { "%H:%M %d/%m/%Y" };
    local.strftime(pattern).to_string()
}

/// `2 giờ 30 phút`.
fn working(locale: Locale, minutes: i64) -> String {
    let key = if minutes % 60 == 0 { "morning-hours" } else { "morning-hours-minutes" };
    let args = [("hours", Arg::Count(minutes / 60)), ("minutes", Arg::Count(minutes % 60))];
    text_with(locale, key, &args)
}

fn decimal(locale: Locale, digits: &str) -> String {
    match locale {
        Locale::Vi => digits.replace('.', ","),
        Locale::En => digits.to_owned(),
    }
}

/// A file's name without its ending.
fn file(shown: &Shown) -> String {
    let unit = shown.unit.as_deref().map(|unit| format!("-{unit}")).unwrap_or_default();
    format!("ban-sang-{}{unit}", shown.day)
}

/// One table.
pub async fn csv(State(state): State<AppState>, visit: Visit, Query(address): Query<Address>) -> Response {
    let shown = match address.ask(&state, &visit).await {
        Ok(shown) => shown,
        Err(response) => return response,
    };
    let tables = sheets::morning(&to_json(&state, &shown)["sheet"], visit.w.locale);
    // Of a unit its dossiers are what is wanted.
    let table = tables.iter().find(|t| t.name == address.table).or(tables.last());
    let text = table.map(sheets::csv).unwrap_or_default();
    download(&format!("{}.csv", file(&shown)), "text/csv; charset=utf-8", text.into_bytes()).into_response()
}

/// All tables.
pub async fn xlsx(State(state): State<AppState>, visit: Visit, Query(address): Query<Address>) -> Response {
    match address.ask(&state, &visit).await {
        Ok(shown) => {
            let tables = sheets::morning(&to_json(&state, &shown)["sheet"], visit.w.locale);
            workbook(&format!("{}.xlsx", file(&shown)), &tables)
        }
        Err(response) => response,
    }
}
