//! The fence after a restore: it comes up once, holds for every handle in the unit that asks, and ends for all.

use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

use super::{
    harness::{Failure, Harness, Meeting, Verdict, ensure, ensure_eq},
    seed::{self, PORTAL},
};
use crate::{
    flow::{
        restore::{Evidence, OUTBOX_MARGIN, fence},
        settle,
    },
    id::RowId,
    operation::OperationState::{Doubtful, Held, Ready, Running, Succeeded},
    port::{
        store::{Installation, ROWS_APART},
        work::{Release, RestoreStep, Scan, Scope, Work},
    },
    testing::fixtures::{connector, morning, need, whole_us},
};

fn evidence(epoch: i64, outbox: i64) -> Evidence {
    let (backup_at, seen_at) = (Some(morning(1)), Some(morning(2)));
    Evidence { reason: "older".into(), epoch, outbox, backup_at, seen_at }
}

async fn fenced(h: &Harness) -> Result<Installation, Failure> {
    let known = h.store.installation().await?;
    ensure!(fence(&*h.store, &known, &evidence(0, 0)).await?, "expected the fence to come up");
    Ok(h.second.installation().await?)
}

fn release(work: &mut Work) {
    let release = Release { at: whole_us(work.now), by: "an: looked".into(), steps_until: Some(morning(3)) };
    work.restore = Some(RestoreStep::Release(release));
}

pub(super) async fn a_fence_comes_up_once_and_numbers_jump(h: &Harness) -> Verdict {
    let first = h.unit(seed::nothing(), |work| work.id()).await?;
    h.unit(seed::nothing(), |work| work.outbox.push(seed::out_event("o-1"))).await?;
    let known = h.store.installation().await?;
    ensure!(known.outbox_highest >= 1, "expected the number of the out-event, got {known:?}");
    let told = evidence(known.epoch + 4, 5_000);
    let both = futures_util::join!(fence(&*h.store, &known, &told), fence(&*h.second, &known, &told));
    let (first_was_up, second_was_up) = (both.0?, both.1?);
    ensure!(first_was_up != second_was_up, "expected one of two that notice at once to put up the fence");
    let now = h.second.installation().await?;
    ensure_eq!(now.epoch, known.epoch + 5, "the epoch, above every one that is known");
    ensure_eq!(now.id, known.id, "the installation's id");
    ensure_eq!(now.outbox_highest, 5_000 + OUTBOX_MARGIN, "what out-events are numbered above");
    let Some(restored) = now.fenced() else { return Err(Failure("expected a fence".into())) };
    let facts = (restored.reason.as_str(), restored.backup_at, restored.seen_at);
    ensure_eq!(facts, ("older", Some(morning(1)), Some(morning(2))), "what is told of the restore");
    ensure!(!fence(&*h.store, &known, &told).await?, "expected an old view to change nothing");
    h.unit(seed::nothing(), release).await?;
    h.unit(seed::nothing(), |work| work.outbox.push(seed::out_event("o-2"))).await?;
    let numbers: Vec<i64> = h.second.outbox(0, 10).await?.iter().map(|row| row.number).collect();
    ensure!(
        numbers.len() == 2 && numbers[0] <= known.outbox_highest && numbers[1] > 5_000 + OUTBOX_MARGIN,
        "expected the old number and one beyond all that are known, got {numbers:?}"
    );
    // Row numbers are parts of ids that are known outside.
    let by = if first_was_up {
        h.unit(seed::nothing(), |work| work.id()).await?
    } else {
        h.look(seed::nothing(), |work| work.id()).await?
    };
    ensure!(
        by > first + ROWS_APART / 2,
        "expected row numbers beyond those that were given, got {by} after {first}"
    );
    let again = fence(&*h.store, &h.store.installation().await?, &evidence(0, 0)).await?;
    let twice = h.store.installation().await?;
    ensure!(again && twice.epoch == now.epoch + 1 && twice.fenced().is_some(), "a second restore: {twice:?}");
    Ok(())
}

pub(super) async fn nothing_goes_out_or_is_told_under_the_fence(h: &Harness) -> Verdict {
    h.unit(seed::lanes_of(["k-1"]), |work| {
        let lane = seed::lane_with(work, "k-1", &[(Ready, Timestamp::UNIX_EPOCH)]);
        seed::put_lane(work, lane);
        work.outbox.push(seed::out_event("o-1"));
    })
    .await?;
    let known = fenced(h).await?;
    ensure_eq!(h.second.outbox(0, 10).await?, vec![], "out-events under the fence");
    // The other handle has heard of nothing; its unit reads the fence itself.
    let claim = |work: &mut Work| {
        let lease = SignedDuration::from_mins(1);
        (work.is_fenced, work.epoch, settle::claim(work, &connector(PORTAL), 9, "two", lease, |_| true).len())
    };
    let scope = || Scope { head_states: true, ..seed::lanes_of(["k-1"]) };
    ensure_eq!(h.look(scope(), claim).await?, (true, known.epoch, 0), "a claim under the fence");
    h.unit(seed::nothing(), release).await?;
    let released = h.second.installation().await?;
    ensure!(released.fenced().is_none(), "expected no fence after the decision, got {released:?}");
    let decision = released.restored.and_then(|r| r.released);
    ensure_eq!(
        decision.map(|d| (d.by, d.steps_until)),
        Some(("an: looked".into(), Some(morning(3)))),
        "the decision"
    );
    ensure_eq!(h.look(scope(), claim).await?, (false, known.epoch, 1), "a claim after it");
    ensure_eq!(h.second.outbox(0, 10).await?.len(), 1, "out-events after it");
    let late = h.unit(seed::nothing(), release).await;
    ensure!(late.is_err(), "expected a second decision to be refused");
    Ok(())
}

pub(super) async fn what_is_written_under_the_fence_is_held_and_counts_as_begun(h: &Harness) -> Verdict {
    h.unit(seed::lanes_of(["k-1"]), |work| {
        let lane = seed::running_lane(work, "k-1", "one", morning(60));
        seed::put_lane(work, lane);
    })
    .await?;
    let epoch = fenced(h).await?.epoch;
    let waits = need(&format!("restore:{epoch}"));
    let id = h.unit(seed::lanes_of(["k-1", "k-2"]), |work| seed::add_operation(work, "k-2")).await?;
    h.unit(seed::lanes_of(["k-1"]), |work| seed::change_head(work, "k-1", |o| o.state = Ready)).await?;
    for key in ["k-1", "k-2"] {
        let lane = seed::lane(h, key).await?;
        let head = lane.as_ref().and_then(|lane| lane.head());
        let got = head.map(|o| (o.state, o.need.clone(), o.begun, o.doubted));
        ensure_eq!(got, Some((Held, Some(waits.clone()), true, true)), "the head of {key}");
        ensure_eq!(lane.and_then(|l| l.need), Some(waits.clone()), "what lane {key} waits for");
    }
    // Others than ready ones are left as they are.
    h.unit(seed::lanes_of(["k-1"]), |work| {
        seed::change_head(work, "k-1", |o| (o.state, o.need) = (Doubtful, None))
    })
    .await?;
    ensure_eq!(
        seed::lane(h, "k-1").await?.and_then(|l| l.head().map(|o| o.state)),
        Some(Doubtful),
        "a doubt"
    );
    let scope = || Scope { operations: id.into_iter().collect(), ..Scope::default() };
    h.unit(seed::nothing(), release).await?;
    h.unit(scope(), |work| seed::change_head(work, "k-2", |o| (o.state, o.need) = (Ready, None))).await?;
    ensure_eq!(
        seed::lane(h, "k-2").await?.and_then(|l| l.head().map(|o| o.state)),
        Some(Ready),
        "after the fence"
    );
    Ok(())
}

pub(super) async fn open_lanes_are_walked_by_number(h: &Harness) -> Verdict {
    let states = [Ready, Running, Doubtful, Held, Succeeded];
    h.unit(Scope::default(), move |work| {
        for (n, state) in states.into_iter().enumerate() {
            let mut lane = seed::lane_with(work, &format!("k-{n}"), &[(state, morning(9_000_000))]);
            if state == Succeeded {
                seed::ended(&mut lane.open[0], state, morning(1));
            }
            seed::put_lane(work, lane);
        }
    })
    .await?;
    let walk = async |after: RowId| -> Result<Vec<(RowId, String)>, Failure> {
        let scope = Scope { scan: vec![Scan::Open { after, limit: 3 }], ..Scope::default() };
        let mut found = h
            .look(scope, |work| {
                work.lanes.values().map(|l| (l.row.id, l.row.key.to_string())).collect::<Vec<_>>()
            })
            .await?;
        found.sort();
        Ok(found)
    };
    let first = walk(0).await?;
    let keys: Vec<&str> = first.iter().map(|(_, key)| key.as_str()).collect();
    ensure_eq!(keys, vec!["k-0", "k-1", "k-2"], "the first pass, whatever the state and the time");
    let rest = walk(first.last().map_or(0, |(id, _)| *id)).await?;
    let keys: Vec<&str> = rest.iter().map(|(_, key)| key.as_str()).collect();
    ensure_eq!(keys, vec!["k-3"], "the second pass, without the idle lane");
    Ok(())
}

/// A unit that began under the fence and comes to its end after the decision must not leave something held.
pub(super) async fn a_unit_that_held_something_back_is_never_left_behind(h: &Harness) -> Verdict {
    fenced(h).await?;
    let patience = if h.concurrent_writers { Duration::from_secs(20) } else { Duration::ZERO };
    let (inside, decided) = (Meeting::of(1, patience), Meeting::of(1, patience));
    let (is_inside, go_on) = (inside.clone(), decided.clone());
    let slow = h.unit(seed::lanes_of(["k-1"]), move |work| {
        is_inside.announce();
        go_on.wait();
        seed::add_operation(work, "k-1")
    });
    let decision = async {
        while !inside.has_all() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let result = h.look(seed::nothing(), release).await;
        decided.announce();
        result
    };
    let (slow, decision) = futures_util::join!(slow, decision);
    slow?;
    decision?;
    let head = seed::lane(h, "k-1").await?.and_then(|lane| lane.head().map(|o| o.state));
    let walk = Scope { scan: vec![Scan::Open { after: 0, limit: 9 }], ..Scope::default() };
    let held = h.look(walk, |work| work.lanes.values().filter(|l| l.row.need.is_some()).count()).await?;
    // Where there is one writer the unit ended before the decision, and the walk after the decision finds it.
    ensure!(
        head == Some(Ready) || !h.concurrent_writers && held == 1,
        "expected it not to be held, got {head:?}"
    );
    Ok(())
}
