//! The figures at the end, and what differs from what must be.

use std::time::Duration;

use lienthong_tests::{Allowance, Oracle, World};

/// Prints everything; whether it is as it must be.
pub(crate) async fn report(
    world: &World,
    oracle: &Oracle,
    allowance: Allowance,
    delivered: Duration,
    whole: Duration,
) -> bool {
    let seen = world.seen().await;
    let differences = oracle.differences(&seen, allowance);
    let (portal, payments, post) =
        (world.suite.portal.counts(), world.suite.payments.counts(), world.suite.post.counts());
    let doubled = oracle.doubled_steps(&seen);
    let double_openings = world.suite.payments.double_openings().len();
    let unfinished = world.unfinished().await;
    let rows: [(&str, String); 14] = [
        ("events published", oracle.lines.to_string()),
        ("seconds until delivered", format!("{:.1}", delivered.as_secs_f64())),
        ("seconds in all", format!("{:.1}", whole.as_secs_f64())),
        ("dossiers at the portal", format!("{} of {}", seen.portal.len(), oracle.known().count())),
        ("creates, updates", format!("{}, {}", portal.creates, portal.updates)),
        ("steps at the portal", format!("{} of {}", portal.steps, oracle.steps())),
        (
            "steps twice (adjacent, identical)",
            format!("{doubled}, allowed {}", allowance.adjacent_identical_steps),
        ),
        (
            "payments opened, paid",
            format!("{}, {} of {}", payments.references, payments.paid, oracle.payable().count()),
        ),
        ("payments opened twice", double_openings.to_string()),
        (
            "parcels ordered, delivered",
            format!("{}, {} of {}", post.orders, post.delivered, oracle.parcels()),
        ),
        ("contract violations", seen.violations.len().to_string()),
        (
            "quarantined",
            format!("{} of {} broken lines", seen.ledgers["messages"]["quarantined"], oracle.broken.len()),
        ),
        ("ledger of messages", seen.ledgers["messages"].to_string()),
        ("ledger of operations", seen.ledgers["operations"].to_string()),
    ];
    println!();
    for (name, value) in rows {
        println!("{name:<34} {value}");
    }
    println!("{:<34} {}", "unfinished operations", unfinished.len());
    for line in unfinished.iter().take(10) {
        println!("  {line}");
    }
    println!("{:<34} {}", "differences", differences.len());
    for difference in differences.iter().take(50) {
        println!("  {difference}");
    }
    differences.is_empty() && double_openings == 0
}
