//! The outbox: every field, order, and a cursor behind which nothing appears.

use std::{sync::Arc, time::Duration};

use super::{
    harness::{Failure, Harness, Meeting, Verdict, ensure, ensure_eq},
    seed,
    whole::AWKWARD,
};
use crate::{
    port::{store::Store, work::Work},
    testing::fixtures::{self, morning},
};

pub(super) async fn the_outbox_keeps_order_and_every_field(h: &Harness) -> Verdict {
    ensure_eq!(h.store.outbox(0, 10).await?, vec![], "the outbox of an empty store");
    h.unit(seed::nothing(), |work| {
        let mut first = seed::out_event("o-1");
        first.data = serde_json::json!({ "said": AWKWARD, "n": 1 });
        first.at = morning(42);
        let mut second = seed::out_event("o-2");
        (second.unit, second.name, second.subject) = (None, "post.moved".into(), AWKWARD.into());
        work.outbox.extend([first, second]);
    })
    .await?;
    h.unit(seed::nothing(), |work| work.outbox.extend(["o-3", "o-4"].map(seed::out_event))).await?;
    let rows = seed::outbox(h).await?;
    let ids: Vec<_> = rows.iter().map(|row| row.id.as_str()).collect();
    ensure_eq!(ids, vec!["o-1", "o-2", "o-3", "o-4"], "out-events in the order in which they were written");
    ensure!(rows.windows(2).all(|w| w[0].number < w[1].number), "expected growing numbers, got {rows:#?}");
    ensure!(rows[0].number > 0, "expected numbers above 0, got {}", rows[0].number);
    let first = &rows[0];
    let got = (first.name.as_str(), first.subject.as_str(), first.unit.as_deref(), first.at);
    let subject = fixtures::nth_code(1);
    ensure_eq!(
        got,
        ("portal.synced", subject.as_str(), Some(fixtures::UNIT), morning(42)),
        "the first row's fields"
    );
    let data: Option<serde_json::Value> = serde_json::from_str(&first.data).ok();
    ensure_eq!(data, Some(serde_json::json!({ "said": AWKWARD, "n": 1 })), "the first row's data");
    ensure_eq!(
        (rows[1].unit.as_deref(), rows[1].subject.as_str()),
        (None, AWKWARD),
        "the second row's unit and subject"
    );
    let after = h.second.outbox(rows[1].number, 1).await?;
    ensure_eq!(after, vec![rows[2].clone()], "one row above the second");
    let last = h.second.outbox(0, 10).await?.last().map_or(0, |row| row.number);
    ensure_eq!(h.second.outbox(last, 10).await?, vec![], "rows above the last");
    Ok(())
}

/// Follows the outbox like the relay until so many rows were seen, or nothing new has come for ten seconds.
async fn follow(store: &dyn Store, wanted: usize) -> Result<Vec<String>, Failure> {
    let (mut cursor, mut seen, mut idle) = (0, Vec::new(), 0);
    while seen.len() < wanted && idle < 5000 {
        let rows = store.outbox(cursor, 500).await?;
        if rows.is_empty() {
            idle += 1;
            tokio::time::sleep(Duration::from_millis(2)).await;
        } else {
            idle = 0;
        }
        for row in rows {
            ensure!(row.number > cursor, "expected numbers above the cursor {cursor}, got {}", row.number);
            cursor = row.number;
            seen.push(row.id);
        }
    }
    Ok(seen)
}

pub(super) async fn no_outbox_row_appears_behind_a_cursor(h: &Harness) -> Verdict {
    const SMALL: usize = 150;
    const LARGE: usize = 4;
    const LARGE_ROWS: usize = 3000;
    let all = SMALL + LARGE * LARGE_ROWS;
    h.unit(seed::lanes_of(["k-1"]), |work| seed::add_operation(work, "k-1")).await?;
    let may_linger = h.concurrent_writers;
    // Large units take their numbers over a long time while small ones commit in between. A small one has its lock, and
    // so its transaction's number, before it lingers: it may be older than the large one that it meets in the outbox.
    let large = async {
        for n in 0..LARGE {
            h.unit(seed::nothing(), move |work| {
                work.outbox.extend((0..LARGE_ROWS).map(|i| seed::out_event(&format!("large-{n}-{i:04}"))));
            })
            .await?;
        }
        Verdict::Ok(())
    };
    let small = async {
        for n in 0..SMALL {
            h.look(seed::lanes_of(["k-1"]), move |work| {
                if may_linger {
                    std::thread::sleep(Duration::from_millis(4));
                }
                work.outbox.push(seed::out_event(&format!("small-{n:03}")));
            })
            .await?;
        }
        Verdict::Ok(())
    };
    let writers = async {
        let (large, small) = futures_util::join!(large, small);
        large.and(small)
    };
    let (seen, written) = futures_util::join!(follow(&*h.second, all), writers);
    written?;
    let seen = seen?;
    ensure_eq!(seen.len(), all, "rows seen by a reader that never goes back");
    for n in 0..LARGE {
        let of: Vec<_> = seen.iter().filter(|id| id.starts_with(&format!("large-{n}-"))).collect();
        ensure!(of.is_sorted(), "expected the rows of unit {n} in the order in which it wrote them");
    }
    let small: Vec<_> = seen.iter().filter(|id| id.starts_with("small")).collect();
    ensure!(
        small.is_sorted(),
        "expected the rows of units that followed each other in that order, got {small:?}"
    );
    Ok(())
}

pub(super) async fn a_slow_unit_cannot_be_overtaken_in_the_outbox(h: &Harness) -> Verdict {
    h.unit(seed::lanes_of(["k-1"]), |work| seed::add_operation(work, "k-1")).await?;
    // The slow unit holds a row lock (and so has its transaction number) while the quick one commits.
    let (entered, quick_is_done) =
        (Meeting::of(1, Duration::from_secs(5)), Meeting::of(1, Duration::from_secs(2)));
    let (inside, goes_on, may_wait) =
        (Arc::clone(&entered), Arc::clone(&quick_is_done), h.concurrent_writers);
    let slow = h.unit(seed::lanes_of(["k-1"]), move |work: &mut Work| {
        inside.announce();
        if may_wait {
            goes_on.wait();
        }
        work.outbox.push(seed::out_event("slow"));
    });
    let quick = async {
        while h.concurrent_writers && !entered.has_all() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        h.look(seed::nothing(), |work| work.outbox.push(seed::out_event("quick"))).await?;
        let early = h.second.outbox(0, 10).await?;
        quick_is_done.announce();
        Ok::<_, Failure>(early)
    };
    let (slow, early) = futures_util::join!(slow, quick);
    slow?;
    let (early, all) = (early?, seed::outbox(h).await?);
    ensure_eq!(all.len(), 2, "rows once both have committed");
    ensure_eq!(
        all[..early.len()].to_vec(),
        early,
        "what was seen early is the beginning of what is seen at the end"
    );
    ensure!(all.windows(2).all(|w| w[0].number < w[1].number), "expected growing numbers, got {all:#?}");
    Ok(())
}
