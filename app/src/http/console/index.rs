//! `/chi-so`: the national index of a period: what was computed, what it rests on, what costs points and wins them back.

use askama::Template;
use axum::{
    extract::{Query, State},
    http::{HeaderName, StatusCode, header},
    response::{IntoResponse, Response},
};
use lienthong_core::{
    clock::business,
    flow::index::{self, Answered},
    id::UnitCode,
    index::{
        indicator::Standing,
        period::Period,
        repair::Example,
        report::{Part, Repair},
        rules::VERSION,
        score::Scored,
        tally::{Ahead, Scope},
    },
    port::store::StoreError,
};
use serde::Deserialize;
use std::sync::Arc;

use super::{
    notice,
    shell::{Section, Shell, Visit, page as rendered},
    words::percent,
};
use crate::{
    http::{
        AppState,
        index::{gain, periods, points, shown},
    },
    i18n::Locale,
    sheets,
};

/// Repairs on the page.
const REPAIRS: usize = 30;
/// Dossiers named of each on the page.
const NAMED: usize = 5;
/// Dossiers named of each in a table.
const IN_TABLES: usize = 200;
/// Periods that are led to.
const KNOWN: usize = 12;
/// Procedures on the page.
const PROCEDURES: usize = 50;

struct IndicatorRow {
    code: String,
    name: String,
    group: String,
    points: String,
    ratio: String,
    here: String,
    standing: String,
    tone: &'static str,
    readings: Vec<String>,
}

struct FoundRow {
    gain: String,
    of_all: String,
    dossiers: String,
    what: String,
    examples: Vec<(String, String)>,
}

struct PartRow {
    code: String,
    name: String,
    query: String,
    points: String,
    dossiers: String,
    late: String,
    /// Of a unit: what lies ahead of what has not ended.
    ahead: String,
}

#[derive(Template)]
#[template(path = "index.html")]
struct IndexPage {
    s: Shell,
    tone: &'static str,
    period: String,
    unit: Option<String>,
    procedure: Option<String>,
    query: String,
    before: (String, String),
    after: (String, String),
    total: String,
    of: String,
    is_running: bool,
    is_building: bool,
    /// Nothing counts in the period.
    is_empty: bool,
    /// The latest periods with dossiers, and where they are.
    known: Vec<(String, String)>,
    facts: Vec<(String, String)>,
    indicators: Vec<IndicatorRow>,
    repairs: Vec<FoundRow>,
    checks: Vec<FoundRow>,
    parts: Vec<(&'static str, String, Vec<PartRow>)>,
}

/// Which index.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wanted {
    period: String,
    unit: String,
    procedure: String,
    table: String,
}

impl Wanted {
    fn period(&self, state: &AppState) -> Option<Period> {
        match self.period.trim() {
            "" => Some(Period::month_of(business(state.engine.clock.now()).date())),
            text => text.parse().ok(),
        }
    }

    fn scope(&self) -> Scope {
        let named = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        Scope { unit: named(&self.unit), procedure: named(&self.procedure) }
    }

    /// The report, and the months that have dossiers.
    async fn ask(
        &self,
        state: &AppState,
        period: Period,
    ) -> Result<(Arc<Answered>, Vec<Period>), StoreError> {
        let answered = state.index.ask(&state.engine, period, self.scope()).await?;
        Ok((answered, index::months(&state.engine).await?))
    }
}

fn query(period: Period, scope: &Scope) -> String {
    let named = [("unit", &scope.unit), ("procedure", &scope.procedure)];
    let named = named
        .into_iter()
        .filter_map(|(name, value)| value.as_ref().map(|value| format!("{name}={}", percent(value))));
    std::iter::once(format!("period={period}")).chain(named).collect::<Vec<_>>().join("&")
}

/// The page.
pub async fn page(State(state): State<AppState>, visit: Visit, Query(wanted): Query<Wanted>) -> Response {
    let Some(period) = wanted.period(&state) else {
        return notice::not_found(&visit, "notice-period", &wanted.period);
    };
    let (answered, months) = match wanted.ask(&state, period).await {
        Ok(answered) => answered,
        Err(error) => return notice::store_failed(&visit, &error),
    };
    let (w, report, scope) = (visit.w, &answered.report, &answered.scope);
    let (sum, of) = report.at_portal.total();
    let repairs = report.repairs.iter().take(REPAIRS);
    let named = |found: &[Example]| -> Vec<(String, String)> {
        found.iter().take(NAMED).map(|e| (e.code.clone(), e.officer.clone())).collect()
    };
    let checks = report.checks.iter().map(|(check, found)| FoundRow {
        gain: check.hits().join(", "),
        of_all: String::new(),
        dossiers: number(&visit, found.dossiers),
        what: w.name("check", check.name()),
        examples: named(&found.examples),
    });
    let page = IndexPage {
        s: visit.shell(Section::Index, w.t("nav-index")),
        tone: if answered.as_of.is_none() { "warn" } else { "" },
        period: period.to_string(),
        unit: scope.unit.clone(),
        procedure: scope.procedure.clone(),
        query: query(period, scope),
        before: (period.previous().to_string(), query(period.previous(), scope)),
        after: (period.next().to_string(), query(period.next(), scope)),
        total: decimal(w.locale, sum),
        of: of.to_string(),
        is_running: answered.is_running,
        is_building: answered.as_of.is_none(),
        is_empty: report.received_here == 0 && report.dossiers == 0,
        known: periods(&months, period)
            .into_iter()
            .take(KNOWN)
            .map(|known| (known.to_string(), query(known, scope)))
            .collect(),
        facts: facts(&visit, &answered),
        indicators: report.at_portal.indicators.iter().map(|s| indicator(&visit, s, &answered)).collect(),
        repairs: repairs.map(|r| repair(&visit, r, named(&r.examples))).collect(),
        checks: checks.collect(),
        parts: parts(&state, &visit, &answered),
    };
    rendered(StatusCode::OK, &page)
}

/// `5,45` or `5.45`.
fn decimal(locale: Locale, hundredths: i64) -> String {
    comma(locale, points(hundredths))
}

fn comma(locale: Locale, digits: String) -> String {
    match locale {
        Locale::Vi => digits.replace('.', ","),
        Locale::En => digits,
    }
}

fn number(visit: &Visit, n: u64) -> String {
    visit.w.num(&i64::try_from(n).unwrap_or(i64::MAX))
}

fn facts(visit: &Visit, answered: &Answered) -> Vec<(String, String)> {
    let (w, report) = (visit.w, &answered.report);
    let (least, most) = report.at_portal.range();
    let mut facts = vec![
        (w.t("index-here"), decimal(w.locale, report.here.total().0)),
        (w.t("index-range"), format!("{} – {}", decimal(w.locale, least), decimal(w.locale, most))),
    ];
    let (entered, of) = report.at_portal.entered();
    if of > 0 {
        let figure = format!("{} / {of}", decimal(w.locale, entered));
        facts.push((w.t("index-entered"), w.tv("index-entered-of", &figure)));
    }
    let counts = [
        ("index-dossiers", report.dossiers),
        ("index-received", report.received_here),
        ("index-waiting", report.waiting),
        ("index-boundary", report.boundary),
        ("index-unknown", report.unknown_procedures),
    ];
    facts.extend(counts.map(|(key, n)| (w.t(key), number(visit, n))));
    let ahead = ahead(visit, &report.ahead);
    if !ahead.is_empty() {
        facts.push((w.t("index-ahead"), ahead));
    }
    if !report.never_verified.is_empty() {
        facts.push((w.t("index-never"), report.never_verified.join(", ")));
    }
    if let Some(as_of) = answered.as_of {
        facts.push((w.t("index-as-of"), visit.when(as_of.as_microsecond()).exact));
    }
    facts.push((w.t("index-rules"), VERSION.to_owned()));
    facts
}

fn indicator(visit: &Visit, scored: &Scored, answered: &Answered) -> IndicatorRow {
    let w = visit.w;
    let shown = |value: Option<i64>| value.map_or_else(|| "–".to_owned(), |p| decimal(w.locale, p));
    let ratio = |n: u64, d: u64| format!("{} / {}", number(visit, n), number(visit, d));
    let readings = scored.readings.iter().filter(|(_, _, value)| *value != scored.points);
    IndicatorRow {
        code: scored.indicator.code().to_owned(),
        name: w.name("indicator", scored.indicator.code()),
        group: w.name("group", scored.indicator.group().name()),
        points: format!("{} / {}", shown(scored.points), scored.indicator.max()),
        ratio: scored.ratio.map_or_else(|| "–".to_owned(), |r| ratio(r.numerator, r.denominator)),
        here: shown(answered.report.here.of(scored.indicator).and_then(|s| s.points)),
        standing: w.name("standing", scored.standing.name()),
        tone: match scored.standing {
            _ if scored.is_odd => "bad",
            Standing::Computed => "good",
            Standing::Estimate | Standing::UpperBound => "warn",
            Standing::Entered => "wait",
            Standing::NoData | Standing::Unknown => "mute",
        },
        readings: readings
            .map(|(name, r, value)| {
                format!(
                    "{}: {} ({})",
                    w.name("reading", name),
                    shown(*value),
                    ratio(r.numerator, r.denominator)
                )
            })
            .collect(),
    }
}

fn repair(visit: &Visit, repair: &Repair, examples: Vec<(String, String)>) -> FoundRow {
    FoundRow {
        gain: comma(visit.w.locale, gain(repair.gain)),
        of_all: comma(visit.w.locale, gain(repair.gain_of_all)),
        dossiers: number(visit, repair.dossiers),
        what: visit.w.name("act", repair.act.name()),
        examples,
    }
}

/// `12 đang mở · 1 quá hạn · …`: what there is any of.
fn ahead(visit: &Visit, ahead: &Ahead) -> String {
    let counts = [
        ("index-open", ahead.open),
        ("index-overdue", ahead.overdue),
        ("index-due-24", ahead.due_soon),
        ("index-due-72", ahead.due_next),
        ("index-for-citizen", ahead.waiting_for_citizen),
        ("index-for-portal", ahead.waiting_for_portal),
    ];
    let some = counts.into_iter().filter(|(_, n)| *n > 0);
    let parts = some.map(|(key, n)| visit.w.tn(key, &i64::try_from(n).unwrap_or(i64::MAX)));
    parts.collect::<Vec<_>>().join(" · ")
}

fn parts(state: &AppState, visit: &Visit, answered: &Answered) -> Vec<(&'static str, String, Vec<PartRow>)> {
    let (w, report, scope) = (visit.w, &answered.report, &answered.scope);
    let unit_name = |code: &str| {
        let unit = UnitCode::parse(code).ok().and_then(|code| state.engine.rules.units.get(&code));
        unit.map(|unit| unit.name.clone()).unwrap_or_default()
    };
    let procedure_name = |code: &str| {
        let procedure = state.engine.settings.index.catalogue.procedure(code);
        procedure.map(|p| p.name.clone()).unwrap_or_default()
    };
    let row = |part: &Part, name: String, below: Scope| {
        let (sum, of) = part.score.total();
        PartRow {
            code: part.code.clone(),
            name,
            query: query(answered.period, &below),
            points: format!("{} / {of}", decimal(w.locale, sum)),
            dossiers: number(visit, part.dossiers),
            late: number(visit, part.late),
            ahead: ahead(visit, &part.ahead),
        }
    };
    let unit = |part: &Part| {
        row(part, unit_name(&part.code), Scope { unit: Some(part.code.clone()), ..scope.clone() })
    };
    let procedure = |part: &Part| {
        row(part, procedure_name(&part.code), Scope { procedure: Some(part.code.clone()), ..scope.clone() })
    };
    let units: Vec<PartRow> = report.units.iter().map(unit).collect();
    let procedures: Vec<PartRow> = report.procedures.iter().take(PROCEDURES).map(procedure).collect();
    [("don-vi-bang", w.t("index-units"), units), ("thu-tuc-bang", w.t("index-procedures"), procedures)]
        .into_iter()
        .filter(|(_, _, rows)| !rows.is_empty())
        .collect()
}

/// A file as an answer.
pub type Download = ([(HeaderName, String); 2], Vec<u8>);

/// A file to be saved.
pub fn download(name: &str, kind: &str, bytes: Vec<u8>) -> Download {
    let disposition = format!("attachment; filename=\"{name}\"");
    ([(header::CONTENT_TYPE, kind.to_owned()), (header::CONTENT_DISPOSITION, disposition)], bytes)
}

async fn tables(
    state: &AppState,
    visit: &Visit,
    wanted: &Wanted,
) -> Result<(Period, Vec<sheets::Sheet>), Response> {
    let Some(period) = wanted.period(state) else {
        return Err(notice::not_found(visit, "notice-period", &wanted.period));
    };
    let asked = wanted.ask(state, period).await;
    let (answered, months) = asked.map_err(|error| notice::store_failed(visit, &error))?;
    Ok((period, sheets::sheets(&shown(&answered, &months, IN_TABLES)["index"], visit.w.locale)))
}

/// One table.
pub async fn csv(State(state): State<AppState>, visit: Visit, Query(wanted): Query<Wanted>) -> Response {
    match tables(&state, &visit, &wanted).await {
        Ok((period, tables)) => {
            let table = tables.iter().find(|t| t.name == wanted.table).or(tables.first());
            let text = table.map(sheets::csv).unwrap_or_default();
            let name = format!("chi-so-{period}-{}.csv", table.map_or("", |t| t.name));
            download(&name, "text/csv; charset=utf-8", text.into_bytes()).into_response()
        }
        Err(response) => response,
    }
}

/// All tables.
pub async fn xlsx(State(state): State<AppState>, visit: Visit, Query(wanted): Query<Wanted>) -> Response {
    match tables(&state, &visit, &wanted).await {
        Ok((period, tables)) => workbook(&format!("chi-so-{period}.xlsx"), &tables),
        Err(response) => response,
    }
}

/// Tables as a workbook to be saved.
pub fn workbook(name: &str, tables: &[sheets::Sheet]) -> Response {
    const KIND: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
    match sheets::xlsx(tables) {
        Ok(book) => download(name, KIND, book).into_response(),
        Err(error) => {
            tracing::error!(%error, "a workbook could not be made");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
