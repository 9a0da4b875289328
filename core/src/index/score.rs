//! From counts to points: whole hundredths, no floats. A total is always "x of what could be computed".

use super::{
    catalogue::Shelf,
    indicator::{Group, Indicator, Standing},
    marks::{Marks, results, reuse},
    rules::{FiledOnline, Granularity, ResultOf, ReuseMark, Rules},
    tally::Counts,
};

/// Parts of a point in a displayed figure.
pub const HUNDREDTHS: i64 = 100;
/// Parts of a point in what one dossier brings, which may be very little.
pub const BILLIONTHS: i64 = 1_000_000_000;

/// A ratio as the formula has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ratio {
    /// What counts.
    pub numerator: u64,
    /// Among how many.
    pub denominator: u64,
}

/// What is known of one indicator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scored {
    /// Which.
    pub indicator: Indicator,
    /// The ratio, where there is one.
    pub ratio: Option<Ratio>,
    /// In hundredths of a point; none is not 0.
    pub points: Option<i64>,
    /// How sure this is.
    pub standing: Standing,
    /// The numerator was above the denominator and was cut: something is wrong with the data.
    pub is_odd: bool,
    /// Other readings of a disputed formula: its name, the ratio, the points.
    pub readings: Vec<(&'static str, Ratio, Option<i64>)>,
}

/// A score.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Score {
    /// By indicator, in the portal's order.
    pub indicators: Vec<Scored>,
}

/// What a score is made from.
#[derive(Debug, Clone, Copy)]
pub struct Basis<'a> {
    /// The switches.
    pub rules: &'a Rules,
    /// What there is to divide by; none: the catalogue does not say.
    pub shelf: Option<Shelf>,
    /// It is about one procedure: what counts procedures makes no sense.
    pub is_one_procedure: bool,
}

/// Points in parts of a point: `max · n / d`, full at the target, rounded half up.
pub fn points(max: i64, ratio: Ratio, target_percent: i64, parts: i64) -> Option<i64> {
    let (n, d) = (i128::from(ratio.numerator.min(ratio.denominator)), i128::from(ratio.denominator));
    let divisor = d.checked_mul(i128::from(target_percent)).filter(|d| *d > 0)?;
    let full = i128::from(parts).checked_mul(i128::from(max))?;
    let product = full.checked_mul(100)?.checked_mul(n)?;
    let rounded = product.checked_mul(2)?.checked_add(divisor)? / divisor.checked_mul(2)?;
    i64::try_from(rounded.min(full)).ok()
}

impl Basis<'_> {
    /// The ratio of an indicator; none: not known here.
    pub fn ratio(&self, counts: &Counts, indicator: Indicator) -> Option<Ratio> {
        let of = |n: Marks, d: Marks| Some(ratio(counts.of(n), counts.of(d)));
        let shelf = |n: &dyn Fn(&Shelf) -> u64, d: &dyn Fn(&Shelf) -> u64| {
            self.shelf.as_ref().filter(|_| !self.is_one_procedure).map(|shelf| ratio(n(shelf), d(shelf)))
        };
        let received = counts.of(Marks::RECEIVED);
        match indicator {
            Indicator::Described => shelf(&|s| s.described, &|s| s.procedures),
            Indicator::Offered => shelf(&|s| s.offered, &|s| s.procedures),
            Indicator::Used => shelf(&|_| counts.services_used(), &|s| s.services),
            Indicator::PaymentOffered => shelf(&|_| counts.procedures_with(Marks::FEE_ROW), &|s| s.with_fee),
            Indicator::PaymentUsed => {
                shelf(&|_| counts.procedures_with(Marks::PAID_PROCEDURE), &|s| s.with_fee)
            }
            Indicator::PopulationProcedures => {
                shelf(&|_| counts.procedures_with(Marks::CITIZEN_POPULATION), &|s| s.for_citizens)
            }
            Indicator::Synced => Some(ratio(received, counts.received_here.max(received))),
            Indicator::OnTime => of(Marks::ON_TIME, Marks::RECEIVED),
            Indicator::FiledOnline => Some(filed_online(counts, self.rules.filed_online)),
            Indicator::PaidOnline => of(Marks::PAID, Marks::OWES),
            Indicator::ElectronicResult => {
                let (n, d) = results(self.rules);
                of(n, d)
            }
            Indicator::Digitised => of(Marks::DIGITAL, Marks::RECEIVED),
            Indicator::Reused => of(reuse(self.rules), Marks::RECEIVED),
            Indicator::FromStore => of(Marks::FROM_STORE, Marks::RECEIVED),
            Indicator::PopulationDossiers => of(Marks::POPULATION, Marks::RECEIVED),
            // 100 % less the share of late ones; dislikes and petitions are not known here.
            Indicator::Satisfied if !self.is_one_procedure => of(Marks::ON_TIME, Marks::RECEIVED),
            Indicator::Satisfied
            | Indicator::PublishedOnTime
            | Indicator::MadePublicOnTime
            | Indicator::CertifiedCopies
            | Indicator::PetitionsOnTime
            | Indicator::PetitionsSatisfied => None,
        }
    }

    /// The points of an indicator.
    fn points(&self, indicator: Indicator, ratio: Ratio, parts: i64) -> Option<i64> {
        if ratio.denominator == 0 {
            return indicator.is_zero_when_empty().then_some(0);
        }
        points(indicator.max(), ratio, self.rules.target_percent(indicator), parts)
    }

    /// Everything that these counts allow.
    pub fn score(&self, counts: &Counts) -> Score {
        let scored = Indicator::ALL.iter().map(|indicator| self.scored(counts, *indicator));
        Score { indicators: scored.collect() }
    }

    fn scored(&self, counts: &Counts, indicator: Indicator) -> Scored {
        let ratio = self.ratio(counts, indicator);
        let points = ratio.and_then(|ratio| self.points(indicator, ratio, HUNDREDTHS));
        let is_guess = self.shelf.is_none() && indicator.asks_catalogue();
        let standing = match (indicator.is_computable(), points) {
            (false, _) => Standing::Unknown,
            (true, None) => Standing::NoData,
            (true, Some(_)) if indicator == Indicator::Satisfied => Standing::UpperBound,
            (true, Some(_)) if indicator == Indicator::Synced || is_guess => Standing::Estimate,
            (true, Some(_)) => Standing::Computed,
        };
        Scored {
            indicator,
            ratio,
            points,
            standing,
            is_odd: ratio.is_some_and(|r| r.numerator > r.denominator),
            readings: self.readings(counts, indicator),
        }
    }

    /// The other readings of a disputed formula.
    fn readings(&self, counts: &Counts, indicator: Indicator) -> Vec<(&'static str, Ratio, Option<i64>)> {
        let of = |n: Marks, d: Marks| ratio(counts.of(n), counts.of(d));
        let usual = |name, ratio| (name, ratio, self.points(indicator, ratio, HUNDREDTHS));
        match indicator {
            Indicator::OnTime => {
                let name = match self.rules.granularity {
                    Granularity::Second => "by_day",
                    Granularity::Day => "by_second",
                };
                vec![usual(name, of(Marks::ON_TIME_OTHERWISE, Marks::RECEIVED))]
            }
            Indicator::FiledOnline => {
                let (name, other) = match self.rules.filed_online {
                    FiledOnline::WithResult => ("raw", FiledOnline::Raw),
                    FiledOnline::Raw => ("with_result", FiledOnline::WithResult),
                };
                vec![usual(name, filed_online(counts, other))]
            }
            Indicator::ElectronicResult => match self.rules.result_of {
                ResultOf::All => vec![usual("finished", of(Marks::ENDED_RESULT, Marks::ENDED_PAPER))],
                ResultOf::Finished => vec![usual("all", of(Marks::RESULT, Marks::PAPER))],
            },
            Indicator::Digitised => {
                let ratio = of(Marks::DIGITAL, Marks::RECEIVED);
                let (name, target) = if self.rules.digitised_target_percent >= 100 {
                    ("target_80", 80)
                } else {
                    ("target_100", 100)
                };
                vec![(name, ratio, points(indicator.max(), ratio, target, HUNDREDTHS))]
            }
            Indicator::Reused => match self.rules.reuse_mark {
                ReuseMark::Component => vec![usual("reused", of(Marks::REUSED, Marks::RECEIVED))],
                ReuseMark::Reused => vec![usual("component", of(Marks::COMPONENT, Marks::RECEIVED))],
            },
            _ => Vec::new(),
        }
    }

    /// The exact sum over all indicators in billionths of a point: for differences between two counts.
    pub fn exact(&self, counts: &Counts) -> i64 {
        let exact = |indicator: &Indicator| {
            self.ratio(counts, *indicator).and_then(|ratio| self.points(*indicator, ratio, BILLIONTHS))
        };
        Indicator::ALL.iter().filter_map(exact).sum()
    }
}

fn ratio(numerator: u64, denominator: u64) -> Ratio {
    Ratio { numerator, denominator }
}

/// 3.3. Among all received: the share among synced ones, times the share of synced ones (1.4).
fn filed_online(counts: &Counts, reading: FiledOnline) -> Ratio {
    let received = counts.of(Marks::RECEIVED);
    match reading {
        FiledOnline::WithResult => {
            ratio(counts.of(Marks::ONLINE_WITH_RESULT), counts.received_here.max(received))
        }
        FiledOnline::Raw => ratio(counts.of(Marks::ONLINE), received),
    }
}

impl Score {
    /// One indicator.
    pub fn of(&self, indicator: Indicator) -> Option<&Scored> {
        self.indicators.iter().find(|scored| scored.indicator == indicator)
    }

    /// The sum in hundredths, and of how many whole points: only what could be computed counts on either side.
    pub fn total(&self) -> (i64, i64) {
        self.sum(|_| true)
    }

    /// The same of a group.
    pub fn group(&self, group: Group) -> (i64, i64) {
        self.sum(|indicator| indicator.group() == group)
    }

    fn sum(&self, wanted: impl Fn(Indicator) -> bool) -> (i64, i64) {
        let known = self.indicators.iter().filter(|s| s.indicator.is_computable() && wanted(s.indicator));
        known
            .filter_map(|s| Some((s.points?, s.indicator.max())))
            .fold((0, 0), |(points, max), (p, m)| (points + p, max + m))
    }

    /// The least and the most that the total would be under other readings of what is disputed, in hundredths.
    pub fn range(&self) -> (i64, i64) {
        let (total, _) = self.total();
        self.indicators.iter().fold((total, total), |(least, most), scored| {
            let Some(points) = scored.points else { return (least, most) };
            let others = || scored.readings.iter().filter_map(|(_, _, other)| *other).chain([points]);
            let (low, high) = (others().min().unwrap_or(points), others().max().unwrap_or(points));
            (least + low - points, most + high - points)
        })
    }

    /// What people know of the indicators that nothing here can know; in hundredths.
    pub fn enter(&mut self, indicator: Indicator, points: i64) {
        if let Some(scored) =
            self.indicators.iter_mut().find(|s| s.indicator == indicator && !indicator.is_computable())
        {
            scored.points = Some(points);
            scored.standing = Standing::Entered;
        }
    }

    /// What was entered: the sum in hundredths, and of how many whole points.
    pub fn entered(&self) -> (i64, i64) {
        let entered = self.indicators.iter().filter(|s| s.standing == Standing::Entered);
        entered.fold((0, 0), |(points, max), s| (points + s.points.unwrap_or(0), max + s.indicator.max()))
    }
}
