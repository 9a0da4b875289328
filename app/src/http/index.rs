//! The index for people: reports kept for a moment, as JSON, and as tables for spreadsheets.

use jiff::Timestamp;
use lienthong_core::{
    flow::{
        engine::Engine,
        index::{Answered, as_of, score},
    },
    index::{
        check::Check,
        compare::Compared,
        indicator::Group,
        period::Period,
        repair::{Act, Example, Found},
        report::{Part, Repair, Report},
        rules::VERSION,
        score::{Score, Scored},
        tally::{Ahead, Scope},
    },
    port::store::StoreError,
};
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, sync::Arc};
use tokio::sync::Mutex;

use super::json::rfc3339;
use crate::i18n::{Locale, find};

/// A report of a running period is made anew after this: the present moment decides about what is late.
const KEPT_SECONDS: i64 = 60;
/// Dossiers that cost most, told apart.
const COSTLY: usize = 10;
/// Reports that are kept.
const MOST: usize = 32;

/// A report that was made a moment ago.
struct Made {
    period: Period,
    scope: Scope,
    as_of: Option<Timestamp>,
    at: Timestamp,
    answered: Arc<Answered>,
}

/// Reports that were made a moment ago. Held while one is made: two that ask at once cost one.
#[derive(Default)]
pub struct Kept(Mutex<Vec<Made>>);

impl Kept {
    /// The report of a period.
    pub async fn ask(
        &self,
        engine: &Engine,
        period: Period,
        scope: Scope,
    ) -> Result<Arc<Answered>, StoreError> {
        let now = engine.clock.now();
        let mut made = self.0.lock().await;
        let as_of = as_of(engine).await?;
        made.retain(|m| m.as_of == as_of && now.as_second() - m.at.as_second() < KEPT_SECONDS);
        if let Some(known) = made.iter().find(|m| m.period == period && m.scope == scope) {
            return Ok(Arc::clone(&known.answered));
        }
        let answered = Arc::new(score(engine, period, scope.clone()).await?);
        if made.len() >= MOST {
            made.remove(0);
        }
        made.push(Made { period, scope, as_of, at: now, answered: Arc::clone(&answered) });
        Ok(answered)
    }

    /// Forgets them: a figure was entered, or the facts were brought up to date.
    pub async fn forget(&self) {
        self.0.lock().await.clear();
    }
}

/// Hundredths as `53.08`.
pub fn points(hundredths: i64) -> String {
    let sign = if hundredths < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", (hundredths / 100).abs(), (hundredths % 100).abs())
}

/// Billionths of a point as `0.0267`, with as many digits as it takes to be more than nothing.
pub fn gain(billionths: i64) -> String {
    let (whole, part) = (billionths / 1_000_000_000, (billionths % 1_000_000_000).abs());
    let digits = format!("{part:09}");
    let length =
        if billionths.abs() >= 10_000_000 { 2 } else { 4 + usize::from(billionths.abs() < 100_000) * 3 };
    format!("{whole}.{}", digits.get(..length).unwrap_or(&digits))
}

fn words(key: &str) -> Value {
    let say = |locale| find(locale, key, &[]).unwrap_or_default();
    json!({ "vi": say(Locale::Vi), "en": say(Locale::En) })
}

/// The key of an indicator's name in the translation files.
pub fn key_of(code: &str) -> String {
    format!("indicator-{}", code.replace('.', "-"))
}

fn total((hundredths, of): (i64, i64)) -> Value {
    json!({ "points": points(hundredths), "of": of })
}

/// The periods that have dossiers, of the length of this one, the latest first.
pub fn periods(months: &[Period], period: Period) -> Vec<Period> {
    let mut periods: Vec<Period> = months.iter().map(|month| period.around(*month)).collect();
    periods.dedup();
    periods
}

/// A report as the API tells it. `examples`: how many dossiers of each repair and check; `months`: those with dossiers.
pub fn shown(answered: &Answered, months: &[Period], examples: usize) -> Value {
    let report = &answered.report;
    let (least, most) = report.at_portal.range();
    let groups = Group::ALL.map(|group| {
        let (sum, of) = report.at_portal.group(group);
        json!({ "group": group.name(), "name": words(&format!("group-{}", group.name())),
            "points": points(sum), "of": of })
    });
    let indicators = report.at_portal.indicators.iter().map(|scored| indicator(scored, answered));
    json!({ "index": {
        "period": answered.period.to_string(),
        "periods": periods(months, answered.period).iter().map(ToString::to_string).collect::<Vec<_>>(),
        "unit": answered.scope.unit,
        "procedure": answered.scope.procedure,
        "as_of": answered.as_of.map(rfc3339),
        "is_running": answered.is_running,
        "rules": VERSION,
        "computed": total(report.at_portal.total()),
        "range": { "least": points(least), "most": points(most) },
        "if_delivered": total(report.here.total()),
        "entered": total(report.at_portal.entered()),
        "dossiers": report.dossiers,
        "received_here": report.received_here,
        "waiting": report.waiting,
        "boundary": report.boundary,
        "unknown_procedures": report.unknown_procedures,
        "ahead": ahead(&report.ahead),
        "groups": groups,
        "indicators": indicators.collect::<Vec<_>>(),
        "units": report.units.iter().map(unit).collect::<Vec<_>>(),
        "procedures": report.procedures.iter().map(part).collect::<Vec<_>>(),
        "costly": costly(report).iter().map(costing).collect::<Vec<_>>(),
        "repairs": report.repairs.iter().map(|r| repair(r, examples)).collect::<Vec<_>>(),
        "checks": report.checks.iter().map(|(c, found)| check(*c, found, examples)).collect::<Vec<_>>(),
        "never_verified": report.never_verified,
    } })
}

fn indicator(scored: &Scored, answered: &Answered) -> Value {
    let code = scored.indicator.code();
    let readings = scored.readings.iter().map(|(name, ratio, value)| {
        json!({ "reading": name, "name": words(&format!("reading-{name}")), "numerator": ratio.numerator,
            "denominator": ratio.denominator, "points": value.map(points) })
    });
    let here = answered.report.here.of(scored.indicator);
    let entered = answered.entered.get(code).map(|figure| {
        let at = Timestamp::from_microsecond(figure.at_us).ok().map(rfc3339);
        json!({ "by": figure.by, "at": at, "reason": figure.reason })
    });
    json!({
        "code": code,
        "name": words(&key_of(code)),
        "group": scored.indicator.group().name(),
        "max": scored.indicator.max(),
        "points": scored.points.map(points),
        "numerator": scored.ratio.map(|r| r.numerator),
        "denominator": scored.ratio.map(|r| r.denominator),
        "standing": scored.standing.name(),
        "is_odd": scored.is_odd,
        "readings": readings.collect::<Vec<_>>(),
        "if_delivered": here.map(|s| json!({ "points": s.points.map(points),
            "numerator": s.ratio.map(|r| r.numerator), "denominator": s.ratio.map(|r| r.denominator) })),
        "entered": entered,
    })
}

fn part(part: &Part) -> Value {
    let (sum, of) = part.score.total();
    json!({ "code": part.code, "points": points(sum), "of": of, "dossiers": part.dossiers, "late": part.late })
}

fn ahead(ahead: &Ahead) -> Value {
    json!({
        "open": ahead.open, "overdue": ahead.overdue, "due_in_24_working_hours": ahead.due_soon,
        "due_in_72_working_hours": ahead.due_next, "waiting_for_citizen": ahead.waiting_for_citizen,
        "waiting_for_portal": ahead.waiting_for_portal,
    })
}

fn unit(unit: &Part) -> Value {
    let mut shown = part(unit);
    shown["ahead"] = ahead(&unit.ahead);
    shown
}

fn example(example: &Example) -> Value {
    json!({ "dossier": example.code, "unit": example.unit, "officer": example.officer })
}

/// A dossier that costs points.
struct Costing<'r> {
    example: &'r Example,
    gain: i64,
    acts: Vec<Act>,
}

/// The dossiers that cost most, of those that are named in the repairs, the costliest first.
fn costly(report: &Report) -> Vec<Costing<'_>> {
    let mut found: BTreeMap<&str, Costing<'_>> = BTreeMap::new();
    for repair in &report.repairs {
        for example in &repair.examples {
            let one = found.entry(&example.code);
            let one = one.or_insert_with(|| Costing { example, gain: 0, acts: Vec::new() });
            // Paid or exempt: it cannot be both.
            let is_other = |act: &Act| {
                let fees = [Act::StatePayment, Act::StateExemption];
                *act == repair.act || (fees.contains(act) && fees.contains(&repair.act))
            };
            if !one.acts.iter().any(is_other) {
                one.gain = one.gain.saturating_add(repair.gain);
                one.acts.push(repair.act);
            }
        }
    }
    let mut costly: Vec<Costing<'_>> = found.into_values().collect();
    costly.sort_by(|a, b| b.gain.cmp(&a.gain).then_with(|| a.example.code.cmp(&b.example.code)));
    costly.truncate(COSTLY);
    costly
}

fn costing(costing: &Costing<'_>) -> Value {
    let mut shown = example(costing.example);
    shown["gain"] = gain(costing.gain).into();
    let act = |act: &Act| json!({ "act": act.name(), "words": words(&format!("act-{}", act.name())) });
    shown["acts"] = costing.acts.iter().map(act).collect();
    shown
}

fn repair(repair: &Repair, examples: usize) -> Value {
    let by_unit: Map<String, Value> = repair.by_unit.iter().map(|(u, n)| (u.clone(), (*n).into())).collect();
    json!({
        "act": repair.act.name(),
        "words": words(&format!("act-{}", repair.act.name())),
        "can_be_won_back": repair.act.can_be_won_back(),
        "gain": gain(repair.gain),
        "gain_of_all": gain(repair.gain_of_all),
        "dossiers": repair.dossiers,
        "by_unit": by_unit,
        "examples": repair.examples.iter().take(examples).map(example).collect::<Vec<_>>(),
    })
}

fn check(check: Check, found: &Found, examples: usize) -> Value {
    let by_unit: Map<String, Value> = found.by_unit.iter().map(|(u, n)| (u.clone(), (*n).into())).collect();
    json!({
        "check": check.name(),
        "words": words(&format!("check-{}", check.name())),
        "hits": check.hits(),
        "dossiers": found.dossiers,
        "by_unit": by_unit,
        "examples": found.examples.iter().take(examples).map(example).collect::<Vec<_>>(),
    })
}

/// Ours beside theirs.
pub fn compared(rows: &[Compared]) -> Value {
    let row = |row: &Compared| {
        json!({
            "code": row.indicator.code(),
            "name": words(&key_of(row.indicator.code())),
            "ours": { "numerator": row.ours.map(|o| o.0), "denominator": row.ours.map(|o| o.1),
                "points": row.points.map(points) },
            "portal": { "numerator": row.theirs.numerator, "denominator": row.theirs.denominator,
                "points": row.theirs.points.map(points) },
            "agrees": row.agrees,
        })
    };
    json!({ "compared": rows.iter().map(row).collect::<Vec<_>>() })
}

/// The score of a report that counts: what the portal has acknowledged.
pub fn counted(report: &Report) -> &Score {
    &report.at_portal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_written_without_floats() {
        assert_eq!([0, 5, 5308, -7].map(points), ["0.00", "0.05", "53.08", "-0.07"]);
        assert_eq!(
            [2_666_666_667, 26_700_000, 2_670_000, 20_000].map(gain),
            ["2.66", "0.02", "0.0026", "0.0000200"]
        );
    }
}
