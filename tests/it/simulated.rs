//! A few seeds of the deterministic simulation; `make simulate` plays thousands.

use lienthong_tests::simulate;

#[test]
fn a_few_seeds_of_faults_break_no_promise() {
    let violations: Vec<_> = (1..=40)
        .flat_map(|seed| {
            let report = simulate::run(seed);
            report.violations.into_iter().map(move |said| format!("seed {seed}: {said}"))
        })
        .collect();
    assert_eq!(violations, Vec::<String>::new());
}

#[test]
fn a_seed_is_the_same_run_every_time_and_another_seed_another_one() {
    let (once, again, other) = (simulate::run(7), simulate::run(7), simulate::run(8));
    assert_eq!(once, again);
    assert_ne!(once.trace, other.trace);
    assert!(once.effects > 0 && once.faults.values().sum::<u64>() > 0, "{once:?}");
}
