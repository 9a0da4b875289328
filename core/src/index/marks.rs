//! What one dossier adds to the indicators: a handful of bits. Scores, and what a repair would bring, are sums of them.

use super::{
    catalogue::{Catalogue, Procedure},
    facts::{Facts, flag},
    lateness::{Judge, Judged},
    rules::{ResultOf, ReuseMark, Rules},
};
use crate::id::UnitCode;

/// How many bits there are.
pub const BITS: usize = 20;

/// The bits of a dossier.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Marks(pub u32);

macro_rules! bits {
    ($($(#[$doc:meta])* $name:ident $place:literal;)+) => {
        impl Marks { $($(#[$doc])* pub const $name: Self = Self(1 << $place);)+ }
    };
}

bits! {
    /// Received within the period: it counts.
    RECEIVED 0;
    /// 2.1: on time.
    ON_TIME 1;
    /// 2.1: on time if days are compared (or seconds, where days are the rule).
    ON_TIME_OTHERWISE 2;
    /// 3.3: filed online.
    ONLINE 3;
    /// 3.3: filed online, and has its result or needs none.
    ONLINE_WITH_RESULT 4;
    /// 3.6: owes a fee.
    OWES 5;
    /// 3.6: paid it online.
    PAID 6;
    /// 4.1: should end in a paper result.
    PAPER 7;
    /// 4.1: the result has an address.
    RESULT 8;
    /// 4.1: has come to its end, and should end in a paper result.
    ENDED_PAPER 9;
    /// 4.1: … and the result has an address.
    ENDED_RESULT 10;
    /// 4.2: has a file, and its result.
    DIGITAL 11;
    /// 4.3: has a digitised component.
    COMPONENT 12;
    /// 4.3: reuses one.
    REUSED 13;
    /// 4.4: has a component from the national store.
    FROM_STORE 14;
    /// 4.5: uses population data.
    POPULATION 15;
    /// 4.5a: uses population data in a procedure for citizens.
    CITIZEN_POPULATION 16;
    /// 3.5: has a fee row above 0, in a procedure with fees.
    FEE_ROW 17;
    /// 3.5b: paid online in a procedure with fees.
    PAID_PROCEDURE 18;
    /// 3.2: online, in a procedure with services.
    SERVICE 19;
}

impl Marks {
    /// Whether all bits of `other` are set.
    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// With these bits as well, or without them.
    #[must_use]
    pub fn with(self, other: Self, is: bool) -> Self {
        if is { Self(self.0 | other.0) } else { Self(self.0 & !other.0) }
    }
}

/// What turns facts into marks.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    /// The switches.
    pub rules: &'a Rules,
    /// What is known of procedures.
    pub catalogue: &'a Catalogue,
    /// What judges lateness.
    pub judge: Judge<'a>,
}

impl<'a> Reader<'a> {
    /// The procedure of a dossier, if the catalogue has it.
    pub fn procedure(&self, facts: &Facts) -> Option<&'a Procedure> {
        self.catalogue.procedure(&facts.procedure)
    }

    /// The online service that a dossier belongs to: the one that it names, or the only one of its procedure.
    pub fn service(&self, facts: &Facts) -> Option<&'a str> {
        let services = &self.procedure(facts)?.services;
        let named = services.iter().find(|s| s.code == facts.service);
        let only = if let [only] = services.as_slice() { Some(only) } else { None };
        named.or(only).map(|s| s.code.as_str())
    }

    /// The verdict on a dossier.
    pub fn judged(&self, facts: &Facts, unit: Option<&UnitCode>) -> Option<Judged> {
        self.judge.judge(facts, unit, self.procedure(facts).and_then(|p| p.limit))
    }

    /// The marks of a dossier whose anchor lies in the period. One that was never received adds at most a used service.
    pub fn marks(&self, facts: &Facts, unit: Option<&UnitCode>) -> Marks {
        let judged = self.judged(facts, unit);
        self.marks_of(facts, judged.as_ref())
    }

    /// The same, judged already.
    pub fn marks_of(&self, facts: &Facts, judged: Option<&Judged>) -> Marks {
        let procedure = self.procedure(facts);
        let (fees, has_fee) = (fees(facts), has_fee(procedure, facts));
        let online = facts.is_online();
        let is_paid = has_fee && fees != Fees::Exempt && facts.has(flag::PAID_ONLINE);
        // 3.2 and 3.5 count dossiers that were handed in, too.
        let marks = Marks::default()
            .with(Marks::SERVICE, online && self.service(facts).is_some())
            .with(Marks::FEE_ROW, procedure.is_some_and(|p| p.has_fee) && facts.has(flag::FEE_ROW));
        let Some(judged) = judged else { return marks };
        // Of an unknown procedure the harder case is assumed: that it ends in a paper.
        let has_result = procedure.is_none_or(|p| p.has_result);
        let (link, whole) = (facts.has(flag::RESULT_LINK), facts.has(flag::RESULT_WHOLE));
        let is_on_time = judged.late.is_none();
        let population = facts.has(flag::VNEID)
            || facts.has(flag::FROM_STORE)
            || facts.databases.iter().any(|code| self.rules.population_databases.contains(code));
        marks
            .with(Marks::RECEIVED, true)
            .with(Marks::ON_TIME, is_on_time)
            .with(Marks::ON_TIME_OTHERWISE, is_on_time != judged.is_boundary)
            .with(Marks::ONLINE, online)
            .with(Marks::ONLINE_WITH_RESULT, online && (!has_result || whole))
            .with(Marks::OWES, has_fee && fees != Fees::Exempt)
            .with(Marks::PAID, is_paid)
            .with(Marks::PAPER, has_result)
            .with(Marks::RESULT, has_result && link)
            .with(Marks::ENDED_PAPER, has_result && facts.is_ended())
            .with(Marks::ENDED_RESULT, has_result && facts.is_ended() && link)
            .with(Marks::DIGITAL, facts.has(flag::FILE) && (!has_result || link))
            .with(Marks::COMPONENT, facts.has(flag::DIGITISED))
            .with(Marks::REUSED, facts.has(flag::REUSED))
            .with(Marks::FROM_STORE, facts.has(flag::FROM_STORE))
            .with(Marks::POPULATION, population)
            .with(Marks::CITIZEN_POPULATION, population && procedure.is_some_and(|p| p.is_for_citizens))
            .with(Marks::PAID_PROCEDURE, is_paid && procedure.is_some_and(|p| p.has_fee))
    }
}

/// The bits of 4.1 by the switch: what counts, and among which.
pub fn results(rules: &Rules) -> (Marks, Marks) {
    match rules.result_of {
        ResultOf::All => (Marks::RESULT, Marks::PAPER),
        ResultOf::Finished => (Marks::ENDED_RESULT, Marks::ENDED_PAPER),
    }
}

/// The bit of 4.3 by the switch.
pub fn reuse(rules: &Rules) -> Marks {
    match rules.reuse_mark {
        ReuseMark::Component => Marks::COMPONENT,
        ReuseMark::Reused => Marks::REUSED,
    }
}

/// What the fee rows say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fees {
    /// Nothing: an empty list does not mean exempt.
    Silent,
    /// All rows are 0.
    Exempt,
    /// A row above 0.
    Due,
}

/// What a dossier's fee rows say.
pub fn fees(facts: &Facts) -> Fees {
    match (facts.has(flag::FEE_ROW), facts.has(flag::FEE_ZERO)) {
        (true, _) => Fees::Due,
        (false, true) => Fees::Exempt,
        (false, false) => Fees::Silent,
    }
}

/// Whether its procedure has a fee; of an unknown one, whether the dossier itself has.
pub fn has_fee(procedure: Option<&Procedure>, facts: &Facts) -> bool {
    procedure.map_or_else(|| facts.has(flag::FEE_ROW) || facts.has(flag::FEE_UNSENT), |p| p.has_fee)
}
