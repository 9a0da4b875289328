//! From configuration to the planner's rules.

use lienthong_core::{
    event::data::Account,
    plan::rules::{Rules, UnitRule},
};

use super::Config;

/// The planner's rules, connectors aside: those come from the built connectors' manifests.
pub fn rules(config: &Config) -> Rules {
    let units = config.units.iter().map(|unit| {
        let rule =
            UnitRule { code: unit.code.clone(), name: unit.name.clone(), from: unit.from, until: unit.until };
        (unit.code.clone(), rule)
    });
    let aliases =
        config.units.iter().flat_map(|u| u.aliases.iter().map(|alias| (alias.clone(), u.code.clone())));
    let beneficiaries = config.beneficiaries.iter().map(|b| {
        let account = Account {
            account: b.account.clone(),
            bank_bin: b.bank_bin.clone(),
            bank_code: b.bank_code.clone(),
            holder: b.holder.clone(),
        };
        (b.name.clone(), account)
    });
    Rules {
        sources: config.sources.iter().map(|s| (s.pattern.clone(), s.units.clone())).collect(),
        units: units.collect(),
        unit_aliases: aliases.collect(),
        connectors: Vec::new(),
        status: config.planning.status.clone(),
        beneficiaries: beneficiaries.collect(),
        postage_with_fees: config.planning.postage_with_fees.clone(),
        muted: config.planning.muted.clone(),
    }
}
