//! What a unit's dossiers of a month cost the province: for every indicator that counts dossiers, what the province would
//! have if the unit's part of it were whole.

use std::collections::BTreeMap;

use crate::index::{
    indicator::Indicator,
    report::Report,
    rules::Rules,
    score::{BILLIONTHS, Ratio, Score, points},
};

/// The indicators that count dossiers: those that count procedures are nobody's dossier's.
const OF_DOSSIERS: [Indicator; 10] = [
    Indicator::Synced,
    Indicator::OnTime,
    Indicator::FiledOnline,
    Indicator::PaidOnline,
    Indicator::ElectronicResult,
    Indicator::Digitised,
    Indicator::Reused,
    Indicator::FromStore,
    Indicator::PopulationDossiers,
    Indicator::Satisfied,
];

/// By unit, in billionths of a point.
pub fn lost(report: &Report, rules: &Rules) -> BTreeMap<String, i64> {
    let units = report.units.iter();
    units.map(|unit| (unit.code.clone(), of_unit(&report.at_portal, &unit.score, rules))).collect()
}

fn of_unit(province: &Score, unit: &Score, rules: &Rules) -> i64 {
    let of = |indicator: Indicator| {
        let (all, own) = (province.of(indicator)?.ratio?, unit.of(indicator)?.ratio?);
        let missing = own.denominator.saturating_sub(own.numerator);
        let whole = Ratio { numerator: all.numerator.saturating_add(missing), ..all };
        let worth =
            |ratio| points(indicator.max(), ratio, rules.target_percent(indicator), BILLIONTHS).unwrap_or(0);
        Some(worth(whole) - worth(all))
    };
    OF_DOSSIERS.into_iter().filter_map(of).sum()
}
