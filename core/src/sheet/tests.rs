use super::*;
use crate::{
    calendar::{Shift, Week, Year},
    index::{
        facts::Facts,
        indicator::{Indicator, Standing},
        report::{Part, Report},
        rules::Rules,
        score::{BILLIONTHS, Ratio, Score, Scored},
        tally::{Ahead, AtPortal},
    },
};
use jiff::civil::{Weekday, date};

/// A commune whose desk is open on Saturday mornings.
const DESK: &str = "000.00.08.H99";

fn at(text: &str) -> Timestamp {
    format!("{text}:00+07:00").parse().unwrap()
}

fn second(text: &str) -> i64 {
    at(text).as_second()
}

fn desk() -> UnitCode {
    UnitCode::parse(DESK).unwrap()
}

/// 2026 with the National Day: 1 and 2 September off, Monday 31 August swapped with Saturday 22 August.
fn calendar() -> Calendar {
    let holidays = [date(2026, 9, 1), date(2026, 9, 2)];
    let year = Year::new(2026, &holidays, &[(date(2026, 8, 31), date(2026, 8, 22))]).unwrap();
    let mut week = Week::default();
    week.set(Weekday::Saturday, vec![Shift::parse("07:30-11:30").unwrap()]).unwrap();
    Calendar::new(vec![year], Week::default(), [(desk(), week)].into())
}

fn fact(facts: Facts) -> FactRow {
    let code = "000.00.08.H99-260828-0001".to_owned();
    FactRow { dossier: 1, code, unit: None, anchor: facts.anchor(), known: facts, portal: AtPortal::Same }
}

#[test]
fn what_is_due_is_judged_by_the_working_hours_of_the_unit_over_weekends_and_holidays() {
    let calendar = calendar();
    let desk = desk();
    // Friday 28 August 2026, 08:00; the next working day elsewhere is Thursday 3 September, at the desk Saturday too.
    let (usual, own) = (None, Some(&desk));
    let now = "2026-08-28T08:00";
    let table = [
        // A moment ago, just now.
        (usual, now, "2026-08-28T07:59", Some(Figure::Late)),
        (usual, now, now, Some(Figure::DueSoon)),
        // Friday has 7.5 hours left, Thursday 3 and Friday 4 September 8 each, Monday 7 September half an hour: 24.
        (usual, now, "2026-09-07T08:00", Some(Figure::DueSoon)),
        (usual, now, "2026-09-07T08:01", Some(Figure::DueNext)),
        // Four hours of Saturday 29 August make it come earlier where the desk is open.
        (own, now, "2026-09-04T13:30", Some(Figure::DueSoon)),
        (own, now, "2026-09-04T13:31", Some(Figure::DueNext)),
        // 72: six more days, the swapped Saturday being behind us.
        (usual, now, "2026-09-15T08:00", Some(Figure::DueNext)),
        (usual, now, "2026-09-15T08:01", None),
        // On a holiday nothing passes: as from Thursday morning.
        (usual, "2026-09-01T10:00", "2026-09-07T17:00", Some(Figure::DueSoon)),
        (usual, "2026-09-01T10:00", "2026-09-08T07:31", Some(Figure::DueNext)),
        // Late stays late over a weekend.
        (usual, "2026-09-06T09:00", "2026-09-04T16:59", Some(Figure::Late)),
    ];
    for (unit, now, due, expected) in table {
        let window = Window::at(&calendar, unit, at(now), [24, 72]);
        assert_eq!(window.figure(second(due)), expected, "{unit:?}: at {now}, due {due}");
    }
}

#[test]
fn what_is_new_goes_back_to_the_last_working_day() {
    let calendar = calendar();
    let desk = desk();
    let before = |unit, now: &str| Window::at(&calendar, unit, at(now), [24, 72]).before;
    let table = [
        // Tuesday: Monday.
        (None, "2026-09-08T07:30", "2026-09-07T00:00"),
        // Monday: Friday, and at the desk Saturday.
        (None, "2026-09-07T07:30", "2026-09-04T00:00"),
        (Some(&desk), "2026-09-07T07:30", "2026-09-05T00:00"),
        // Thursday after the holidays: Friday, and at the desk Saturday.
        (None, "2026-09-03T07:30", "2026-08-28T00:00"),
        (Some(&desk), "2026-09-03T07:30", "2026-08-29T00:00"),
        // Monday after a Saturday that was worked in the place of another day.
        (None, "2026-08-24T07:30", "2026-08-22T00:00"),
    ];
    for (unit, now, expected) in table {
        assert_eq!(before(unit, now), second(expected), "{unit:?}: {now}");
    }
    let nobody = Calendar::new(Vec::new(), Week::empty(), std::collections::BTreeMap::new());
    let window = Window::at(&nobody, None, at("2026-09-08T07:30"), [24, 72]);
    assert_eq!((window.before, window.soon), (second("2026-09-07T00:00"), i64::MAX));
}

#[test]
fn how_late_it_is_and_how_much_is_left_is_told_in_working_time() {
    let calendar = calendar();
    let now = "2026-09-03T09:00";
    let window = Window::at(&calendar, None, at(now), [24, 72]);
    let reckoning = Reckoning { calendar: &calendar, unit: None, window };
    let of = |figure, facts: Facts| reckoning.row(figure, &fact(facts));
    let due = |text| Facts { received: Some(1), status: 4, due: Some(second(text)), ..Facts::default() };
    // Due on Friday before the holidays at 16:00: an hour of that day and an hour and a half of this one.
    let late = of(Figure::Late, due("2026-08-28T16:00"));
    assert_eq!((late.since, late.minutes), (Some(second("2026-08-28T16:00")), Some(150)));
    // Three more hours of this day less the pause at noon.
    let soon = of(Figure::DueSoon, due("2026-09-03T13:30"));
    assert_eq!((soon.since, soon.minutes), (None, Some(180)));
    let asked = second("2026-08-28T15:00");
    let waits = Facts {
        status: 5,
        supplements: vec![(asked - 900, Some(asked - 800)), (asked, None)],
        respond_by: Some(second("2026-09-10T17:00")),
        ..due("2026-09-03T13:30")
    };
    let waits = of(Figure::Waiting, waits);
    assert_eq!((waits.since, waits.minutes), (Some(asked), Some(210)));
    assert_eq!(waits.respond_by, Some(second("2026-09-10T17:00")));
}

#[test]
fn a_dossier_that_waits_for_the_citizen_is_neither_due_nor_ended() {
    let facts = |status| Facts { received: Some(1), status, ..Facts::default() };
    use crate::index::facts::Stage;
    let stages: Vec<Stage> = (1..=10).map(|status| facts(status).stage()).collect();
    let (work, ended) = (Stage::InWork, Stage::Ended);
    assert_eq!(stages, [work, work, ended, work, Stage::Waiting, work, ended, ended, ended, ended]);
    assert_eq!(Facts { status: 4, ..Facts::default() }.stage(), Stage::NotReceived);
    // Without a supplement's own date the step says since when; what was answered says nothing.
    let by_step = Facts { steps: vec![(5, 10), (4, 20), (5, 30)], ..facts(5) };
    assert_eq!(by_step.asked(), Some(30));
    assert_eq!(Facts { status: 4, ..by_step }.asked(), None);
}

#[test]
fn the_worst_unit_comes_first_and_sums_keep_the_earliest_moments() {
    let line = |unit: &str, late, due_soon, lost| Line {
        unit: unit.into(),
        late,
        due_soon,
        late_since: (late > 0).then_some(late),
        lost,
        ..Line::default()
    };
    let mut lines = vec![
        line("a", 0, 9, None),
        line("b", 2, 0, Some(5)),
        line("c", 7, 0, Some(1)),
        line("d", 0, 9, Some(3)),
    ];
    worst_first(&mut lines);
    assert_eq!(lines.iter().map(|l| l.unit.as_str()).collect::<Vec<_>>(), ["c", "b", "d", "a"]);
    let sheet = Sheet {
        taken_us: 0,
        as_of_us: None,
        hours: [24, 72],
        month: String::new(),
        lost_us: None,
        lines,
        rows: vec![],
    };
    let sum = sheet.totals();
    assert_eq!((sum.late, sum.due_soon, sum.late_since, sum.lost), (9, 18, Some(2), Some(9)));
}

fn scored(indicator: Indicator, numerator: u64, denominator: u64) -> Scored {
    Scored {
        indicator,
        ratio: Some(Ratio { numerator, denominator }),
        points: None,
        standing: Standing::Computed,
        is_odd: false,
        readings: Vec::new(),
    }
}

#[test]
fn a_unit_has_lost_what_the_province_would_gain_if_the_units_part_were_whole() {
    let score = |indicators| Score { indicators };
    let part = |code: &str, indicators| Part {
        code: code.into(),
        score: score(indicators),
        dossiers: 0,
        late: 0,
        ahead: Ahead::default(),
    };
    let report = |at_portal, units| Report {
        here: Score { indicators: Vec::new() },
        at_portal,
        dossiers: 0,
        received_here: 0,
        waiting: 0,
        boundary: 0,
        unknown_procedures: 0,
        ahead: Ahead::default(),
        units,
        procedures: Vec::new(),
        repairs: Vec::new(),
        checks: Vec::new(),
        never_verified: Vec::new(),
    };
    let province = score(vec![
        scored(Indicator::OnTime, 90, 100),
        // Full at half: it has all its points, and nobody has lost any.
        scored(Indicator::FiledOnline, 50, 100),
        // Counts procedures.
        scored(Indicator::Described, 1, 10),
    ]);
    let one = part("one", vec![scored(Indicator::OnTime, 30, 38), scored(Indicator::FiledOnline, 0, 38)]);
    let other = part("other", vec![scored(Indicator::OnTime, 60, 62), scored(Indicator::Described, 0, 10)]);
    let lost = lost(&report(province, vec![one, other]), &Rules::default());
    // 20 points over 100 dossiers: 8 late ones cost 1.6 points, 2 cost 0.4.
    assert_eq!(lost["one"], BILLIONTHS * 16 / 10);
    assert_eq!(lost["other"], BILLIONTHS * 4 / 10);
}
