use super::*;
use jiff::civil::date;
use proptest::prelude::*;

fn at(text: &str) -> Timestamp {
    format!("{text}:00+07:00").parse().unwrap()
}

fn unit(code: &str) -> UnitCode {
    UnitCode::parse(code).unwrap()
}

/// 2026 with the National Day swap, and a commune whose desk is open on Saturday mornings.
fn calendar() -> Calendar {
    let holidays = [date(2026, 9, 1), date(2026, 9, 2)];
    let year = Year::new(2026, &holidays, &[(date(2026, 8, 31), date(2026, 8, 22))]).unwrap();
    let mut desk = Week::default();
    desk.set(Weekday::Saturday, vec![Shift::parse("07:30-11:30").unwrap()]).unwrap();
    Calendar::new(vec![year], Week::default(), [(unit("000.00.08.H99"), desk)].into())
}

fn hours(hours: i64) -> SignedDuration {
    SignedDuration::from_hours(hours)
}

#[test]
fn nobody_works_on_holidays_and_swapped_days_and_the_swapped_saturday_has_a_mondays_hours() {
    let calendar = calendar();
    // Friday 28 August to Thursday 3 September: Friday afternoon and Thursday morning are left.
    let worked = calendar.worked(None, at("2026-08-28T13:00"), at("2026-09-03T11:30"));
    assert_eq!(worked, hours(8));
    assert_eq!(calendar.worked(None, at("2026-08-22T00:00"), at("2026-08-23T00:00")), hours(8));
    // The Saturday desk works the whole swapped Saturday, and half of any other.
    let desk = unit("000.00.08.H99");
    assert_eq!(calendar.worked(Some(&desk), at("2026-08-22T00:00"), at("2026-08-23T00:00")), hours(8));
    assert_eq!(calendar.worked(Some(&desk), at("2026-08-15T00:00"), at("2026-08-16T00:00")), hours(4));
    assert_eq!(calendar.worked(None, at("2026-08-15T00:00"), at("2026-08-16T00:00")), hours(0));
}

#[test]
fn a_due_time_goes_over_the_weekend_and_the_holidays() {
    let calendar = calendar();
    assert_eq!(calendar.after(None, at("2026-08-28T16:00"), hours(2)), Some(at("2026-09-03T08:30")));
    assert_eq!(calendar.days_later(None, at("2026-08-28T09:00"), 2), Some(at("2026-09-04T09:00")));
    assert_eq!(calendar.days_later(None, at("2026-08-28T09:00"), 0), Some(at("2026-08-28T09:00")));
    let nobody = Calendar::new(Vec::new(), Week::empty(), BTreeMap::new());
    assert_eq!(nobody.after(None, at("2026-08-28T16:00"), hours(1)), None);
    assert_eq!(nobody.days_later(None, at("2026-08-28T16:00"), 1), None);
}

#[test]
fn the_next_years_file_is_missed_in_time() {
    let calendar = calendar();
    assert_eq!(calendar.missing(at("2026-09-30T08:00"), 60), Vec::<i16>::new());
    assert_eq!(calendar.missing(at("2026-11-22T08:00"), 60), vec![2027]);
    assert_eq!(calendar.missing(at("2027-01-02T08:00"), 60), vec![2027]);
}

#[test]
fn what_cannot_be_a_year_or_a_shift_is_refused() {
    assert_eq!(Year::new(2026, &[date(2027, 1, 1)], &[]), Err(BadYear::OtherYear(date(2027, 1, 1), 2026)));
    let off = date(2026, 9, 2);
    assert_eq!(Year::new(2026, &[off], &[(off, date(2026, 9, 5))]), Err(BadYear::Twice(off)));
    assert!(Shift::parse("11:30-07:30").is_err());
    let shifts = ["07:30-11:30", "11:00-17:00"].map(|s| Shift::parse(s).unwrap());
    assert!(Week::default().set(Weekday::Monday, shifts.to_vec()).is_err());
    // A swap over the turn of the year counts in each year's file for its own day.
    let swap = (date(2026, 12, 31), date(2027, 1, 9));
    assert!(Year::new(2026, &[], &[swap]).unwrap().is_off(swap.0));
    assert_eq!(Year::new(2027, &[], &[swap]).unwrap().worked_instead_of(swap.1), Some(swap.0));
}

fn moments() -> impl Strategy<Value = Timestamp> {
    // Two months around the swap, to the second.
    (0_i64..60 * 86_400).prop_map(|s| Timestamp::from_second(at("2026-08-01T00:00").as_second() + s).unwrap())
}

proptest! {
    #[test]
    fn working_time_is_additive((a, b, c) in (moments(), moments(), moments()), at_desk: bool) {
        let (calendar, desk) = (calendar(), unit("000.00.08.H99"));
        let place = at_desk.then_some(&desk);
        let mut order = [a, b, c];
        order.sort_unstable();
        let [a, b, c] = order;
        let parts = calendar.worked(place, a, b) + calendar.worked(place, b, c);
        prop_assert_eq!(parts, calendar.worked(place, a, c));
        prop_assert!(calendar.worked(place, a, c) <= a.duration_until(c));
        prop_assert_eq!(calendar.worked(place, c, a), if a == c { calendar.worked(place, a, c) } else { SignedDuration::ZERO });
    }

    #[test]
    fn a_due_time_measured_again_is_what_was_asked_for(from in moments(), seconds in 0_i64..200 * 3600) {
        let calendar = calendar();
        let work = SignedDuration::from_secs(seconds);
        let due = calendar.after(None, from, work).unwrap();
        prop_assert_eq!(calendar.worked(None, from, due), work);
        // It is the first such moment.
        if seconds > 0 {
            let before = Timestamp::from_second(due.as_second() - 1).unwrap();
            prop_assert!(calendar.worked(None, from, before) < work);
        }
    }

    #[test]
    fn so_many_working_days_later_lie_so_many_working_days(from in moments(), days in 1_u32..40) {
        let calendar = calendar();
        let due = calendar.days_later(None, from, days).unwrap();
        let (first, last) = (business(from).date(), business(due).date());
        let between = days_from(first).skip(1).take_while(|d| *d <= last);
        prop_assert_eq!(between.filter(|d| calendar.is_working_day(None, *d)).count(), days as usize);
        prop_assert!(calendar.is_working_day(None, last));
    }
}
