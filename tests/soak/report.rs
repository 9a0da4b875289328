//! The figures at the end, and what differs from what must be.

use std::{collections::BTreeMap, time::Duration};

use lienthong_tests::{Allowance, Oracle, World};

/// What happened on the way.
pub(crate) struct Course {
    pub(crate) kills: usize,
    pub(crate) outages: usize,
    /// How long each outage lasted.
    pub(crate) outage: Duration,
    /// Until everything published was with the partners.
    pub(crate) delivered: Duration,
    pub(crate) whole: Duration,
    /// Whether broken events were published: some operations may then wait for a person.
    pub(crate) is_messy: bool,
}

/// Prints everything; whether it is as it must be.
pub(crate) async fn report(world: &World, oracle: &Oracle, allowance: Allowance, course: &Course) -> bool {
    let seen = world.seen().await;
    let differences = oracle.differences(&seen, allowance);
    let (portal, payments, post) =
        (world.suite.portal.counts(), world.suite.payments.counts(), world.suite.post.counts());
    let doubled = oracle.doubled_steps(&seen);
    let double_openings = world.suite.payments.double_openings().len();
    let unfinished = world.unfinished().await;
    let ordered = seen.orders.iter().filter(|o| !o.is_cancelled).count();
    let conflicts: u64 = seen.orders.iter().map(|o| o.conflicts).sum();
    let at_portal: usize = seen.portal.values().map(|d| d.steps.len()).sum();
    let ledger =
        |name: &str| format!("difference {}: {}", seen.ledgers[name]["difference"], seen.ledgers[name]);
    let rows: [(&str, String); 18] = [
        ("dossiers published", oracle.lives.len().to_string()),
        ("events published", oracle.lines.to_string()),
        ("program killed", course.kills.to_string()),
        ("partner outages held", format!("{} × {:.0} s", course.outages, course.outage.as_secs_f64())),
        ("seconds until delivered", format!("{:.1}", course.delivered.as_secs_f64())),
        ("seconds in all", format!("{:.1}", course.whole.as_secs_f64())),
        ("dossiers at the portal", format!("{} of {}", seen.portal.len(), oracle.known().count())),
        ("creates, updates", format!("{}, {}", portal.creates, portal.updates)),
        ("steps at the portal, doubles left out", format!("{} of {}", at_portal - doubled, oracle.steps())),
        (
            "steps twice (adjacent, identical)",
            format!("{doubled}, allowed {}", allowance.adjacent_identical_steps),
        ),
        (
            "payments opened, paid",
            format!("{}, {} of {}", payments.references, payments.paid, oracle.payable().count()),
        ),
        ("payments opened twice", double_openings.to_string()),
        ("parcels ordered, delivered", format!("{ordered}, {} of {}", post.delivered, oracle.parcels())),
        ("parcels ordered with two contents", conflicts.to_string()),
        ("contract violations", seen.violations.len().to_string()),
        (
            "quarantined",
            format!("{} of {} broken lines", seen.ledgers["messages"]["quarantined"], oracle.broken.len()),
        ),
        ("ledger of messages", ledger("messages")),
        ("ledger of operations", ledger("operations")),
    ];
    println!();
    for (name, value) in rows {
        println!("{name:<38} {value}");
    }
    for (why, count) in quarantine_reasons(world).await {
        println!("  {count:>5} × {why}");
    }
    println!("{:<38} {}", "unfinished operations", unfinished.len());
    for line in unfinished.iter().take(10) {
        println!("  {line}");
    }
    println!("{:<38} {}", "differences", differences.len());
    for difference in differences.iter().take(50) {
        println!("  {difference}");
    }
    differences.is_empty() && double_openings == 0 && (course.is_messy || unfinished.is_empty())
}

/// How many messages were set aside for which reason, as a clerk reads it; the most frequent first.
async fn quarantine_reasons(world: &World) -> Vec<(String, usize)> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut after = Some(0);
    while let Some(from) = after {
        let page = world.api.get(&format!("/v1/quarantine?after={from}&limit=500")).await;
        for entry in page["quarantine"].as_array().into_iter().flatten() {
            let why = entry["advice"]["vi"]["why"].as_str().unwrap_or_default();
            *counts
                .entry(format!("{why} ({})", entry["reason"].as_str().unwrap_or_default()))
                .or_default() += 1;
        }
        after = page["next"].as_i64();
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts
}
