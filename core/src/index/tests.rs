//! The worked month and the cases of lateness of docs/index-766.md, to the last hundredth.

use super::{
    catalogue::{Catalogue, Limit, LimitUnit, Procedure, Service},
    compare,
    facts::{Facts, Reading, flag},
    indicator::{Indicator, Standing},
    lateness::Judge,
    marks::Reader,
    period::Period,
    repair::Act,
    report::{Repair, Report, report},
    rules::{Cutoff, FiledOnline, Granularity, Rules, TwoRequests, Which},
    tally::{AtPortal, FactRow, Scope, Tally},
};
use crate::{calendar::Calendar, dossier::DossierState, id::DossierCode};
use jiff::Timestamp;
use serde_json::json;

fn at(text: &str) -> i64 {
    let text = if text.len() == 16 { format!("{text}:00") } else { text.to_owned() };
    format!("{text}+07:00").parse::<Timestamp>().unwrap().as_second()
}

fn moment(text: &str) -> Timestamp {
    Timestamp::from_second(at(text)).unwrap()
}

mod lateness {
    use super::*;

    fn dossier(due: &str, steps: &[(u8, &str)]) -> Facts {
        let steps: Vec<_> = steps.iter().map(|(s, t)| (*s, at(&format!("2026-08-{t}")))).collect();
        let mut facts =
            Facts { received: Some(at("2026-08-03T08:00")), due: Some(at(due)), ..Facts::default() };
        facts.keep_steps(&steps);
        facts
    }

    const DUE: &str = "2026-08-10T17:00";

    fn is_on_time_by(facts: &Facts, rules: &Rules, now: &str) -> Option<bool> {
        let calendar = Calendar::default();
        let judge = Judge::new(rules, &calendar, moment("2026-09-01T00:00"), moment(now));
        judge.judge(facts, None, None).map(|judged| judged.late.is_none())
    }

    fn is_on_time(facts: &Facts) -> Option<bool> {
        is_on_time_by(facts, &Rules::default(), "2026-10-01T00:00")
    }

    #[test]
    fn the_nineteen_cases_are_judged_as_verified() {
        let (yes, no) = (Some(true), Some(false));
        let l1 = dossier(DUE, &[(2, "03T08:00"), (9, "09T08:00"), (10, "12T08:00")]);
        assert_eq!(is_on_time(&l1), yes, "9 beats 10");
        let l2 = dossier(DUE, &[(9, "10T16:59:59"), (10, "20T08:00")]);
        assert_eq!(is_on_time(&l2), yes, "late collection does not count");
        assert_eq!(is_on_time(&dossier(DUE, &[(10, "11T09:00")])), no, "a missing 9 costs the point");
        assert_eq!(is_on_time(&dossier(DUE, &[(9, "10T17:00")])), yes, "equality");
        assert_eq!(is_on_time(&dossier(DUE, &[(5, "07T08:00")])), yes, "the clock ends at the 5");
        assert_eq!(is_on_time(&dossier(DUE, &[(5, "12T08:00")])), no, "asked too late");
        let l8 = dossier("2026-08-28T17:00", &[(5, "04T08:00"), (4, "05T08:00"), (5, "06T08:00")]);
        assert_eq!(is_on_time(&l8), no, "two requests");
        let l9 = dossier(DUE, &[(5, "05T09:00"), (4, "08T09:00"), (9, "12T15:00")]);
        assert_eq!(is_on_time(&l9), yes, "three days off");
        assert_eq!(
            is_on_time(&dossier(DUE, &[(5, "05T09:00"), (9, "12T15:00")])),
            no,
            "no end of the supplement"
        );
        assert_eq!(is_on_time(&dossier("2026-09-05T17:00", &[(4, "04T08:00")])), yes, "cut off at the end");
        let l12 = dossier("2026-08-20T17:00", &[(4, "04T08:00")]);
        assert_eq!(is_on_time(&l12), no);
        assert_eq!(is_on_time_by(&l12, &Rules::default(), "2026-08-15T08:00"), yes, "running period");
        for end in [8, 7] {
            assert_eq!(is_on_time(&dossier(DUE, &[(end, "06T08:00")])), yes, "{end} is an end");
        }
        let never = Facts { received: None, ..dossier(DUE, &[(3, "04T08:00")]) };
        assert_eq!(is_on_time(&never), None, "never received");
        assert_eq!(
            is_on_time(&dossier("2026-08-10T00:00", &[(9, "10T10:00")])),
            no,
            "a due time at midnight"
        );
        let l18 = Facts { finished: Some(at("2026-08-09T08:00")), ..dossier(DUE, &[]) };
        assert_eq!(is_on_time(&l18), yes, "no steps: the dossier's own date");
        let l19 = dossier(DUE, &[(9, "09T08:00"), (4, "10T08:00"), (9, "12T08:00")]);
        assert_eq!(is_on_time(&l19), no, "the last 9");
    }

    #[test]
    fn what_is_disputed_goes_by_the_switches() {
        let l5 = dossier(DUE, &[(9, "10T17:30")]);
        let calendar = Calendar::default();
        let rules = Rules::default();
        let judge = Judge::new(&rules, &calendar, moment("2026-09-01T00:00"), moment("2026-10-01T00:00"));
        let judged = judge.judge(&l5, None, None).unwrap();
        assert!(judged.late.is_some() && judged.is_boundary);
        let by_day = Rules { granularity: Granularity::Day, ..Rules::default() };
        assert_eq!(is_on_time_by(&l5, &by_day, "2026-10-01T00:00"), Some(true));
        let first = Rules { finish: Which::First, ..Rules::default() };
        let l19 = dossier(DUE, &[(9, "09T08:00"), (4, "10T08:00"), (9, "12T08:00")]);
        assert_eq!(is_on_time_by(&l19, &first, "2026-10-01T00:00"), Some(true));
        let harsh = Rules { two_requests: TwoRequests::Late, ..Rules::default() };
        let twice = [(5, "04T08:00"), (4, "04T09:00"), (5, "05T08:00"), (4, "05T09:00"), (9, "06T08:00")];
        assert_eq!(is_on_time(&dossier(DUE, &twice)), Some(true));
        assert_eq!(is_on_time_by(&dossier(DUE, &twice), &harsh, "2026-10-01T00:00"), Some(false));
        let end = Rules { cutoff: Cutoff::End, ..Rules::default() };
        let l12 = dossier("2026-08-20T17:00", &[(4, "04T08:00")]);
        assert_eq!(is_on_time_by(&l12, &end, "2026-08-15T08:00"), Some(false));
    }

    #[test]
    fn without_a_due_time_the_procedures_limit_decides() {
        let facts = Facts { due: None, ..dossier(DUE, &[(9, "10T08:00")]) };
        let (calendar, rules) = (Calendar::default(), Rules::default());
        let judge = Judge::new(&rules, &calendar, moment("2026-09-01T00:00"), moment("2026-10-01T00:00"));
        let limit =
            |count, unit| judge.judge(&facts, None, Some(Limit { count, unit })).unwrap().late.is_none();
        // Received on Monday the 3rd at eight, finished on Monday the 10th at eight.
        assert!(limit(5, LimitUnit::WorkingDays) && !limit(4, LimitUnit::WorkingDays));
        assert!(limit(7, LimitUnit::Days) && !limit(6, LimitUnit::Days));
        assert!(limit(168, LimitUnit::Hours) && !limit(167, LimitUnit::Hours));
        assert!(limit(1, LimitUnit::Months));
        assert!(judge.judge(&facts, None, None).unwrap().late.is_some());
    }
}

mod month {
    use super::*;

    fn catalogue() -> Catalogue {
        let procedure =
            |code: &str, has_fee, has_result, is_for_citizens, is_online, is_described| Procedure {
                code: code.to_owned(),
                local: Vec::new(),
                name: String::new(),
                has_fee,
                has_result,
                is_for_citizens,
                is_described,
                limit: None,
                services: if is_online { vec![Service { code: format!("{code}.1") }] } else { Vec::new() },
                units: Vec::new(),
            };
        Catalogue::new(vec![
            procedure("P1", true, true, true, true, true),
            procedure("P2", false, true, true, true, true),
            procedure("P3", true, false, false, true, true),
            procedure("P4", false, true, true, false, true),
            procedure("P5", true, true, true, true, false),
        ])
        .unwrap()
    }

    const DUE: &str = "2026-08-20T17:00";
    const NOW: &str = "2026-10-01T00:00";

    fn row(number: i64, procedure: &str, channel: u8, steps: &[(u8, &str)], flags: u32) -> FactRow {
        let steps: Vec<_> = steps.iter().map(|(s, t)| (*s, at(&format!("2026-08-{t}")))).collect();
        let mut known = Facts {
            procedure: procedure.to_owned(),
            received: Some(at("2026-08-03T08:00")),
            due: Some(at(DUE)),
            channel,
            flags,
            status: steps.last().map_or(2, |(status, _)| *status),
            ..Facts::default()
        };
        known.keep_steps(&steps);
        let anchor = known.anchor();
        let code = format!("D{number:02}");
        FactRow { dossier: number, code, unit: None, anchor, known, portal: AtPortal::Same }
    }

    /// D01 to D10 at the portal; D11 received here and not synced.
    fn dossiers() -> Vec<FactRow> {
        use flag::*;
        let result = RESULT_LINK | RESULT_WHOLE;
        let done: &[(u8, &str)] = &[(2, "03T08:00"), (9, "10T08:00")];
        let late: &[(u8, &str)] = &[(2, "03T08:00"), (9, "25T08:00")];
        let twice: &[(u8, &str)] = &[(5, "04T08:00"), (4, "05T08:00"), (5, "06T08:00")];
        let waits: &[(u8, &str)] = &[(5, "10T08:00"), (4, "13T08:00"), (9, "22T08:00")];
        let mut rows = vec![
            row(1, "P1", 2, done, result | PAID_ONLINE | FEE_ROW | VNEID | FILE | DIGITISED),
            row(2, "P1", 2, late, result | PAID_ONLINE | FEE_ROW | VNEID | FILE | DIGITISED),
            row(3, "P1", 1, done, FEE_ROW | FILE),
            row(4, "P1", 2, done, result | FEE_ZERO | VNEID | FILE | DIGITISED | FROM_STORE),
            row(5, "P2", 2, &[(5, "10T08:00")], FILE | DIGITISED),
            row(6, "P2", 1, twice, 0),
            row(7, "P3", 2, done, PAID_ONLINE | FEE_ROW | FILE | DIGITISED),
            row(8, "P3", 3, &[(4, "04T08:00")], FILE),
            row(9, "P4", 0, &[(8, "10T08:00")], 0),
            row(10, "P4", 1, waits, result | FILE | DIGITISED),
            row(11, "P2", 1, done, 0),
        ];
        // D08 runs, and is due after the month.
        rows[7].known.due = Some(at("2026-09-10T17:00"));
        rows[10].portal = AtPortal::Nothing;
        rows
    }

    fn report_of(rows: &[FactRow], rules: &Rules) -> Report {
        let (calendar, catalogue) = (Calendar::default(), catalogue());
        let (from, until) = "2026-08".parse::<Period>().unwrap().bounds();
        let judge = Judge::new(rules, &calendar, until, moment("2026-10-01T00:00"));
        let mut tally =
            Tally::new(Reader { rules, catalogue: &catalogue, judge }, Scope::default(), moment(NOW));
        for row in rows {
            tally.add(row, &(from.as_second()..until.as_second()));
        }
        report(&tally, rules, &catalogue, &Scope::default())
    }

    fn figures(report: &Report) -> Vec<(&'static str, u64, u64, i64)> {
        let scored = report.at_portal.indicators.iter().filter_map(|s| {
            let ratio = s.ratio?;
            Some((s.indicator.code(), ratio.numerator, ratio.denominator, s.points?))
        });
        scored.collect()
    }

    #[test]
    fn the_worked_month_comes_out_to_the_hundredth() {
        let report = report_of(&dossiers(), &Rules::default());
        assert_eq!(
            figures(&report),
            [
                ("1.3", 4, 5, 160),
                ("1.4", 10, 11, 545),
                ("2.1", 8, 10, 1600),
                ("3.1", 4, 5, 200),
                ("3.2", 3, 4, 300),
                // 4/10 of the synced ones times 10/11 synced.
                ("3.3", 4, 11, 436),
                ("3.5", 2, 3, 167),
                ("3.5b", 2, 3, 167),
                ("3.6", 3, 5, 360),
                ("4.1", 4, 8, 300),
                ("4.2", 6, 10, 240),
                ("4.3", 6, 10, 150),
                ("4.4", 1, 10, 40),
                ("4.5a", 1, 4, 50),
                ("4.5b", 3, 10, 60),
                ("5.4", 8, 10, 533),
            ]
        );
        assert_eq!(report.at_portal.total(), (5308, 76));
        let standing = |indicator| report.at_portal.of(indicator).unwrap().standing;
        assert_eq!(standing(Indicator::Synced), Standing::Estimate);
        assert_eq!(standing(Indicator::Satisfied), Standing::UpperBound);
        assert_eq!(standing(Indicator::PetitionsOnTime), Standing::Unknown);
    }

    #[test]
    fn other_readings_of_what_is_disputed_are_told_as_a_range() {
        let raw = Rules { filed_online: FiledOnline::Raw, ..Rules::default() };
        assert_eq!(report_of(&dossiers(), &raw).at_portal.total(), (5472, 76));
        let eighty = Rules { digitised_target_percent: 80, ..Rules::default() };
        assert_eq!(report_of(&dossiers(), &eighty).at_portal.total(), (5368, 76));
        let report = report_of(&dossiers(), &Rules::default());
        let readings = |indicator| report.at_portal.of(indicator).unwrap().readings.clone();
        assert_eq!(readings(Indicator::FiledOnline)[0].2, Some(600));
        assert_eq!(readings(Indicator::Digitised)[0].2, Some(300));
        let (least, most) = report.at_portal.range();
        assert!(least <= 5308 && most >= 5308 + 164 + 60, "{least} {most}");
    }

    fn gain(report: &Report, act: Act, dossier: &str) -> i64 {
        let names = |repair: &&Repair| repair.act == act && repair.examples.iter().any(|e| e.code == dossier);
        let repair = report.repairs.iter().find(names).unwrap_or_else(|| panic!("{act:?} {dossier}"));
        (repair.gain + 5_000_000) / 10_000_000
    }

    #[test]
    fn the_repairs_of_the_worked_month_bring_what_was_verified() {
        let report = report_of(&dossiers(), &Rules::default());
        assert_eq!(gain(&report, Act::Late, "D06"), 267);
        assert_eq!(gain(&report, Act::ResultOnceIssued, "D05"), 224);
        assert_eq!(gain(&report, Act::StatePayment, "D08"), 120);
        assert_eq!(gain(&report, Act::StateExemption, "D08"), 90);
        assert_eq!(gain(&report, Act::SendResult, "D03"), 115);
        assert_eq!(gain(&report, Act::StateVerification, "D05"), 70);
        assert_eq!(gain(&report, Act::StateVerification, "D07"), 20);
        // Ranked: nothing stands above something that brings more.
        assert!(report.repairs.windows(2).all(|pair| pair[0].gain >= pair[1].gain));
        assert!(!Act::Late.can_be_won_back());
    }

    #[test]
    fn syncing_the_last_one_brings_little_and_changes_the_denominators() {
        let mut rows = dossiers();
        let before = report_of(&rows, &Rules::default());
        assert_eq!(gain(&before, Act::Deliver, "D11"), 25);
        assert_eq!((before.waiting, before.here.total()), (1, (5333, 76)));
        rows[10].portal = AtPortal::Same;
        let after = report_of(&rows, &Rules::default());
        let points = |code| after.at_portal.of(Indicator::from_code(code).unwrap()).unwrap().points.unwrap();
        assert_eq!(["1.4", "2.1", "5.4", "3.3"].map(points), [600, 1636, 545, 436]);
        assert_eq!(["4.1", "4.2", "4.3", "4.4", "4.5b"].map(points), [267, 218, 136, 36, 55]);
        assert_eq!(after.at_portal.total(), (5333, 76));
    }

    #[test]
    fn what_waits_here_already_is_not_asked_for() {
        let mut rows = dossiers();
        // D03's result is known here and on its way.
        let older = rows[2].known.clone();
        rows[2].known.flags |= flag::RESULT_LINK | flag::RESULT_WHOLE;
        rows[2].portal = AtPortal::Older(Box::new(older));
        let report = report_of(&rows, &Rules::default());
        assert_eq!(report.at_portal.total(), (5308, 76));
        assert_eq!(gain(&report, Act::Deliver, "D03"), 115);
        let asks = report.repairs.iter().filter(|r| r.act == Act::SendResult);
        assert_eq!(asks.flat_map(|r| &r.examples).filter(|e| e.code == "D03").count(), 0);
    }

    #[test]
    fn without_a_catalogue_less_can_be_computed_and_guesses_say_so() {
        let (calendar, catalogue, rules) = (Calendar::default(), Catalogue::default(), Rules::default());
        let (from, until) = "2026-08".parse::<Period>().unwrap().bounds();
        let judge = Judge::new(&rules, &calendar, until, moment("2026-10-01T00:00"));
        let mut tally =
            Tally::new(Reader { rules: &rules, catalogue: &catalogue, judge }, Scope::default(), moment(NOW));
        for row in &dossiers() {
            tally.add(row, &(from.as_second()..until.as_second()));
        }
        let report = report(&tally, &rules, &catalogue, &Scope::default());
        assert_eq!(report.at_portal.total().1, 76 - 14);
        let standing = |indicator| report.at_portal.of(indicator).unwrap().standing;
        assert_eq!(standing(Indicator::Used), Standing::NoData);
        assert_eq!(standing(Indicator::ElectronicResult), Standing::Estimate);
    }

    #[test]
    fn an_empty_month_has_no_progress_and_no_points_for_payments() {
        let report = report_of(&[], &Rules::default());
        let scored = |indicator| report.at_portal.of(indicator).unwrap().clone();
        assert_eq!((scored(Indicator::OnTime).points, scored(Indicator::PaidOnline).points), (None, Some(0)));
        assert_eq!(scored(Indicator::OnTime).standing, Standing::NoData);
    }

    #[test]
    fn what_falls_due_is_told_in_working_time() {
        let (calendar, catalogue, rules) = (Calendar::default(), catalogue(), Rules::default());
        let (from, until) = "2026-08".parse::<Period>().unwrap().bounds();
        // Friday the 14th at four in the afternoon: 24 working hours reach to Wednesday at four, 72 to Thursday week.
        let now = moment("2026-08-14T16:00");
        let judge = Judge::new(&rules, &calendar, until, now);
        let mut tally =
            Tally::new(Reader { rules: &rules, catalogue: &catalogue, judge }, Scope::default(), now);
        let dues = ["14T15:00", "19T16:00", "19T16:01", "27T16:00", "27T16:01"];
        for (number, due) in (1..).zip(dues) {
            let mut open = row(number, "P1", 1, &[(4, "04T08:00")], 0);
            open.known.due = Some(at(&format!("2026-08-{due}")));
            tally.add(&open, &(from.as_second()..until.as_second()));
        }
        tally.add(&row(9, "P1", 1, &[(5, "04T08:00")], 0), &(from.as_second()..until.as_second()));
        let ahead = tally.ahead(None);
        assert_eq!((ahead.open, ahead.overdue, ahead.due_soon, ahead.due_next), (6, 1, 1, 3));
        assert_eq!(ahead.waiting_for_citizen, 1);
    }

    #[test]
    fn a_dossier_of_a_neighbouring_month_does_not_count() {
        let mut rows = dossiers();
        for row in &mut rows {
            row.known.received = Some(at("2026-09-01T00:00"));
        }
        assert_eq!(report_of(&rows, &Rules::default()).dossiers, 0);
    }

    #[test]
    fn ours_stands_beside_the_figures_saved_from_the_portal() {
        let saved = json!([
            {"code": "OK", "data": {"overview": {}, "evaluation": [{"metrics": [
                {"code": "DOSSIER_SYNC", "numerator": 10, "denominator": 12, "ratio": 83.33, "score": 5.00, "maxScore": 6},
                {"code": "REUSED_DIGITIZED_DATA", "numerator": 6, "denominator": 10, "score": 1.5},
                {"code": "PETITION_PROCESSING_ON_TIME", "numerator": null, "denominator": null, "score": null}]}]}},
            {"data": {"parent": {"totalReceived": 10, "totalOnTime": 8, "totalOverdue": 2},
                "children": [{"totalReceived": 1, "totalOnTime": 0}]}}
        ]);
        let report = report_of(&dossiers(), &Rules::default());
        let compared = compare::compare(&report.at_portal, &compare::read(&saved));
        let of = |indicator| compared.iter().find(|c| c.indicator == indicator).unwrap();
        assert_eq!(of(Indicator::OnTime).agrees, Some(true));
        assert_eq!(of(Indicator::Reused).agrees, Some(true));
        let synced = of(Indicator::Synced);
        assert_eq!(
            (synced.agrees, synced.theirs.denominator, synced.ours),
            (Some(false), Some(12), Some((10, 11)))
        );
        assert_eq!(
            (of(Indicator::FiledOnline).agrees, of(Indicator::PetitionsOnTime).theirs.points),
            (None, None)
        );
        assert_eq!(compare::hundredths(&json!(17.5415)), Some(1754));
        assert_eq!(compare::hundredths(&json!("0,005")), Some(1));
        assert_eq!(compare::hundredths(&json!("-1")), None);
    }
}

#[test]
fn facts_are_what_the_portal_is_told() {
    let mut state = DossierState::new(DossierCode::parse("000.00.08.H99-261122-0001").unwrap());
    let fields = json!({"procedure": {"code": "1.001193"}, "channel": "online", "received_at": "2026-11-23T08:05:00+07:00",
        "applicant": {"name": "A", "vneid_verified": true}, "databases": ["1"],
        "documents": [{"id": "1", "url": "/files/1", "digitised": true}, {"id": "2", "url": "https://m/2", "deleted": true}],
        "results": [{"id": "1", "url": "https://m/kq.pdf", "code": ""}],
        "fees": [{"id": "A", "amount": 8000}, {"id": "B", "amount": 5000, "exempt": {"reason": "x"}}]});
    state.fields = fields.as_object().unwrap().clone();
    let of = |reading: &Reading| Facts::of(&state, &[], reading).unwrap();
    let facts = of(&Reading::default());
    // A file that the portal cannot fetch is none; a fee that is due and not paid stands in no row.
    assert_eq!(
        facts.flags,
        flag::DIGITISED
            | flag::RESULT_LINK
            | flag::RESULT_HALF
            | flag::FEE_ZERO
            | flag::FEE_UNSENT
            | flag::VNEID
    );
    let reading = Reading { rewritten: vec!["/files".into()], sends_unpaid_fees: true, ..Reading::default() };
    assert!(of(&reading).has(flag::FILE) && of(&reading).has(flag::FEE_ROW));
    let text = serde_json::to_string(&facts).unwrap();
    assert_eq!(serde_json::from_str::<Facts>(&text).unwrap(), facts);
}
