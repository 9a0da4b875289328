//! Figures that the operator saved from the portal's public pages, read into ratios (docs/index-766.md): ours beside theirs.

use serde_json::Value;
use std::collections::BTreeMap;

use super::{indicator::Indicator, score::Score};

/// What the portal shows of an indicator. Null is not 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Theirs {
    /// What counts.
    pub numerator: Option<i64>,
    /// Among how many.
    pub denominator: Option<i64>,
    /// The points in hundredths.
    pub points: Option<i64>,
}

/// An indicator side by side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compared {
    /// Which.
    pub indicator: Indicator,
    /// What the portal shows.
    pub theirs: Theirs,
    /// Our numerator and denominator.
    pub ours: Option<(u64, u64)>,
    /// Our points in hundredths.
    pub points: Option<i64>,
    /// Whether both agree within the portal's rounding; none: one side says nothing.
    pub agrees: Option<bool>,
}

/// How far apart two figures may be and still agree, in hundredths: the portal rounds parts before adding.
const TOLERANCE: i64 = 1;

/// Counters of the portal that make up indicators without a metric of their own.
const COUNTERS: [(Indicator, &[&str], &[&str]); 7] = [
    (Indicator::OnTime, &["totalOnTime"], &["totalReceived"]),
    (Indicator::Offered, &["partialCount", "fullCount"], &["authorityCount"]),
    (Indicator::Used, &["onlineDossierCount"], &["onlineServiceTotal"]),
    (Indicator::FiledOnline, &["channelOnlineSum"], &["channelTotalSum"]),
    (Indicator::PaymentOffered, &["totalFeeDossierFormality"], &["totalFeeFormality"]),
    (
        Indicator::PaymentUsed,
        &["totalDossierOnlineFormalityPaymentSuccess"],
        &["totalFeeDossierFormalityDistinct"],
    ),
    (Indicator::PaidOnline, &["totalDossierOnlinePaymentSuccess"], &["totalDossierFinancialObligation"]),
];

/// Reads a saved answer, or a file with several of them in a list.
pub fn read(saved: &Value) -> BTreeMap<Indicator, Theirs> {
    let mut found = BTreeMap::new();
    look(saved, &mut found, 0);
    found
}

fn look(value: &Value, found: &mut BTreeMap<Indicator, Theirs>, depth: usize) {
    // Deeper than any answer of the portal.
    if depth > 12 {
        return;
    }
    match value {
        Value::Array(items) => items.iter().for_each(|item| look(item, found, depth + 1)),
        Value::Object(fields) => {
            if let Some(indicator) =
                fields.get("code").and_then(Value::as_str).and_then(Indicator::from_metric)
            {
                let theirs = Theirs {
                    numerator: fields.get("numerator").and_then(whole),
                    denominator: fields.get("denominator").and_then(whole),
                    points: fields.get("score").and_then(hundredths),
                };
                found.entry(indicator).or_insert(theirs);
            }
            for (indicator, numerator, denominator) in COUNTERS {
                let sum = |names: &[&str]| {
                    names.iter().map(|name| fields.get(*name).and_then(whole)).sum::<Option<i64>>()
                };
                if let (Some(n), Some(d)) = (sum(numerator), sum(denominator)) {
                    let theirs = Theirs { numerator: Some(n), denominator: Some(d), points: None };
                    found.entry(indicator).or_insert(theirs);
                }
            }
            // The whole province stands above its units and is found first.
            let first = ["data", "overview", "parent"];
            let named = first.iter().filter_map(|name| fields.get(*name));
            let rest =
                fields.iter().filter(|(name, _)| !first.contains(&name.as_str()) && *name != "children");
            for inner in named.chain(rest.map(|(_, inner)| inner)) {
                look(inner, found, depth + 1);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => {
            number.as_i64().or_else(|| number.to_string().strip_suffix(".0").and_then(|n| n.parse().ok()))
        }
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// A decimal number in hundredths, half up, by its digits.
pub fn hundredths(value: &Value) -> Option<i64> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.trim().replace(',', "."),
        _ => return None,
    };
    let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
    let is_digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || whole.len() > 12 || !is_digits(whole) || !is_digits(part) {
        return None;
    }
    let digit = |place: usize| part.as_bytes().get(place).map_or(0, |b| i64::from(b - b'0'));
    let up = i64::from(digit(2) >= 5);
    Some(whole.parse::<i64>().ok()? * 100 + digit(0) * 10 + digit(1) + up)
}

/// Ours beside theirs, for every indicator of which either says something.
pub fn compare(ours: &Score, theirs: &BTreeMap<Indicator, Theirs>) -> Vec<Compared> {
    let compared = ours.indicators.iter().filter_map(|scored| {
        let theirs = theirs.get(&scored.indicator).copied();
        if theirs.is_none() && scored.points.is_none() {
            return None;
        }
        let theirs = theirs.unwrap_or_default();
        let ratio = scored.ratio.map(|r| (r.numerator, r.denominator));
        let by_ratio = ratio.zip(theirs.numerator.zip(theirs.denominator)).map(|((n, d), (tn, td))| {
            i64::try_from(n).is_ok_and(|n| n == tn) && i64::try_from(d).is_ok_and(|d| d == td)
        });
        let by_points = scored.points.zip(theirs.points).map(|(one, other)| (one - other).abs() <= TOLERANCE);
        Some(Compared {
            indicator: scored.indicator,
            theirs,
            ours: ratio,
            points: scored.points,
            agrees: by_ratio.or(by_points),
        })
    });
    compared.collect()
}
