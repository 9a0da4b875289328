//! A few seeds of the deterministic simulation; `make simulate` plays thousands.

use lienthong_tests::simulate;
use std::collections::BTreeSet;

/// Seeds that have found a defect: 20143, an outcome that was told twice after its storing was answered by nothing; 175,
/// an operation that came to an empty lane within the settling window of one that a person had dismissed; 4540, where the
/// store's clock jumped by hours while a replica that stood still had a claim in hand: more than is promised.
const KEPT: [u64; 3] = [20143, 175, 4540];

#[test]
fn a_few_seeds_of_faults_break_no_promise_and_every_kind_of_fault_strikes() {
    let (mut violations, mut struck) = (Vec::new(), BTreeSet::new());
    let every: BTreeSet<_> = simulate::FAULTS.into_iter().collect();
    // The rarest kinds strike in one seed of twenty or so: go on until they have.
    for (played, seed) in KEPT.into_iter().chain(1..=200).enumerate() {
        if played >= KEPT.len() + 40 && struck == every {
            break;
        }
        let report = simulate::run(seed);
        violations.extend(report.violations.iter().map(|said| format!("seed {seed}: {said}")));
        struck.extend(report.faults.keys().copied());
    }
    assert_eq!(violations, Vec::<String>::new());
    assert_eq!(struck, every);
}

#[test]
fn a_seed_is_the_same_run_every_time_and_another_seed_another_one() {
    let (once, again, other) = (simulate::run(7), simulate::run(7), simulate::run(8));
    assert_eq!(once, again);
    assert_ne!(once.trace, other.trace);
    assert!(once.effects > 0 && once.faults.values().sum::<u64>() > 0, "{once:?}");
}
