//! Lanes: scans, places, and a row that follows its head.

use jiff::{SignedDuration, Timestamp};

use super::{
    harness::{Harness, Verdict, ensure, ensure_eq},
    seed::{self, PORTAL, POST},
};
use crate::{
    clock::later,
    lane::LaneState,
    operation::OperationState,
    port::work::{Change, Scan, Scope, Work},
    testing::fixtures::{self, connector},
};

fn in_minutes(now: Timestamp, minutes: i64) -> Timestamp {
    fixtures::whole_us(later(now, SignedDuration::from_mins(minutes)))
}

pub(super) async fn due_lanes_are_found_by_time_oldest_first(h: &Harness) -> Verdict {
    use OperationState::{Awaiting, Doubtful, Ready};
    h.unit(seed::nothing(), |work| {
        let now = work.now;
        let at = |minutes| in_minutes(now, minutes);
        let lanes = [
            ("a", Ready, at(-1)),
            ("b", Ready, at(-3)),
            ("c", Ready, at(-2)),
            ("later", Ready, at(60)),
            ("doubtful", Doubtful, at(-5)),
            ("awaiting", Awaiting, at(-5)),
        ];
        for (key, state, due) in lanes {
            let lane = seed::lane_with(work, key, &[(state, due), (Ready, at(-60))]);
            seed::put_lane(work, lane);
        }
        let mut other = fixtures::lane(work.id(), POST, "other");
        let mut operation = fixtures::operation(work.id(), &other, 1);
        operation.due_at = at(-60);
        other.open.push(operation);
        seed::put_lane(work, other);
    })
    .await?;
    let words = |keys: &[&str]| keys.iter().map(|k| (*k).to_owned()).collect::<Vec<_>>();
    let found = seed::found(h, seed::due(LaneState::Ready, 10)).await?;
    ensure_eq!(found, words(&["a", "b", "c"]), "lanes whose ready head is due");
    let found = seed::found(h, seed::due(LaneState::Ready, 2)).await?;
    ensure_eq!(found, words(&["b", "c"]), "the two that have been due for longest");
    let found = seed::found(h, seed::due(LaneState::Doubtful, 10)).await?;
    ensure_eq!(found, words(&["doubtful"]), "due lanes with a doubtful head");
    let mut both = seed::due(LaneState::Awaiting, 10);
    both.merge(seed::due(LaneState::Doubtful, 10));
    ensure_eq!(seed::found(h, both).await?, words(&["awaiting", "doubtful"]), "two scans in one scope");
    ensure_eq!(
        seed::found(h, seed::due(LaneState::Held, 10)).await?,
        words(&[]),
        "due lanes with a held head"
    );
    Ok(())
}

pub(super) async fn expired_leases_are_found_and_live_ones_are_not(h: &Harness) -> Verdict {
    h.unit(seed::nothing(), |work| {
        for (key, minutes) in [("dead-1", -10), ("dead-2", -1), ("live", 10)] {
            let lane = seed::running_lane(work, key, "a-dead-process", in_minutes(work.now, minutes));
            seed::put_lane(work, lane);
        }
        let lane = seed::lane_with(work, "ready", &[(OperationState::Ready, in_minutes(work.now, -60))]);
        seed::put_lane(work, lane);
    })
    .await?;
    let found = seed::found(h, seed::scan(Scan::LeaseExpired { limit: 10 })).await?;
    ensure_eq!(found, vec!["dead-1".to_owned(), "dead-2".to_owned()], "lanes whose lease has run out");
    let found = seed::found(h, seed::scan(Scan::LeaseExpired { limit: 1 })).await?;
    ensure_eq!(found.len(), 1, "lanes whose lease has run out, at most one");
    Ok(())
}

pub(super) async fn lanes_are_found_by_their_holder(h: &Harness) -> Verdict {
    h.unit(seed::nothing(), |work| {
        for (key, holder) in [("a", "one"), ("b", "two"), ("c", "one")] {
            let lane = seed::running_lane(work, key, holder, in_minutes(work.now, 10));
            seed::put_lane(work, lane);
        }
    })
    .await?;
    let scan = |holder: &str, limit| seed::scan(Scan::HeldBy { holder: holder.into(), limit });
    let found = seed::found(h, scan("one", 10)).await?;
    ensure_eq!(found, vec!["a".to_owned(), "c".to_owned()], "running lanes of the holder");
    ensure_eq!(seed::found(h, scan("one", 1)).await?.len(), 1, "running lanes of the holder, at most one");
    ensure_eq!(seed::found(h, scan("nobody", 10)).await?.len(), 0, "running lanes of a holder without any");
    Ok(())
}

pub(super) async fn held_lanes_are_found_by_the_exact_beginning_of_their_need(h: &Harness) -> Verdict {
    const NEEDS: [(&str, &str); 6] = [
        ("a", "mapping:dvcqg:unit:a_b"),
        ("b", "mapping:dvcqg:unit:aXb"),
        ("c", "mapping:dvcqg:unit:a%b"),
        ("d", "mapping:dvcqg:unit:A_b"),
        ("e", "mapping:dvcqg:unit:a_b\u{10ffff}"),
        ("f", "snapshot:a_b"),
    ];
    h.unit(seed::nothing(), |work| {
        for (key, need) in NEEDS {
            let mut lane = seed::lane_with(work, key, &[(OperationState::Held, in_minutes(work.now, 0))]);
            lane.open[0].need = Some(fixtures::need(need));
            seed::put_lane(work, lane);
        }
        // Held, but not at the head: found once it is.
        let now = in_minutes(work.now, 0);
        let mut lane =
            seed::lane_with(work, "behind", &[(OperationState::Stuck, now), (OperationState::Held, now)]);
        lane.open[1].need = Some(fixtures::need("snapshot:a_b"));
        seed::put_lane(work, lane);
    })
    .await?;
    let expected: [(&str, &[&str]); 7] = [
        ("mapping:dvcqg:unit:a_b", &["a", "e"]),
        ("mapping:dvcqg:unit:a_", &["a", "e"]),
        ("mapping:dvcqg:unit:a%", &["c"]),
        ("mapping:dvcqg:unit:A", &["d"]),
        ("mapping:dvcqg:", &["a", "b", "c", "d", "e"]),
        ("snapshot:", &["f"]),
        ("snapshot:a_bc", &[]),
    ];
    for (prefix, keys) in expected {
        let found = seed::found(h, seed::needed(prefix, 10)).await?;
        ensure_eq!(found, keys.to_vec(), "held lanes whose need begins with {prefix:?}, exactly");
    }
    let found = seed::found(h, seed::needed("mapping:", 2)).await?;
    ensure_eq!(found.len(), 2, "held lanes by need, at most two");
    h.unit(seed::nothing(), |work| {
        for key in ["0-gone", "1-gone"] {
            let mut lane =
                seed::lane_of(work, "gone", key, &[(OperationState::Held, in_minutes(work.now, 0))]);
            lane.open[0].need = Some(fixtures::need("mapping:dvcqg:unit:0"));
            seed::put_lane(work, lane);
        }
    })
    .await?;
    let found = seed::found(h, seed::needed("mapping:", 2)).await?;
    ensure_eq!(found, vec!["c", "d"], "lanes of other connectors do not stand before ours");
    Ok(())
}

pub(super) async fn lanes_are_found_by_their_operations_open_or_ended(h: &Harness) -> Verdict {
    let ids = h
        .unit(seed::nothing(), |work| {
            let now = in_minutes(work.now, 0);
            let mut lane =
                seed::lane_with(work, "k-1", &[(OperationState::Ready, now), (OperationState::Ready, now)]);
            seed::ended(&mut lane.open[0], OperationState::Refused, now);
            let ids = [lane.open[0].id, lane.open[1].id];
            seed::put_lane(work, lane);
            ids
        })
        .await?;
    for (id, is_ended) in [(ids[0], true), (ids[1], false)] {
        let scope = Scope { operations: [id].into(), ..Scope::default() };
        let (open, ended) = h
            .look(scope, |work| {
                let open = work.lanes.values().flat_map(|l| &l.row.open).map(|o| o.id).collect::<Vec<_>>();
                (open, work.ended.keys().copied().collect::<Vec<_>>())
            })
            .await?;
        ensure_eq!(open, vec![ids[1]], "open operations of the lane of operation {id}");
        let expected = if is_ended { vec![id] } else { vec![] };
        ensure_eq!(ended, expected, "ended operations for operation {id}");
    }
    Ok(())
}

pub(super) async fn a_head_is_superseded_in_its_place(h: &Harness) -> Verdict {
    h.unit(seed::nothing(), |work| {
        let now = in_minutes(work.now, -1);
        let lane =
            seed::lane_with(work, "k-1", &[(OperationState::Stuck, now), (OperationState::Ready, now)]);
        seed::put_lane(work, lane);
    })
    .await?;
    let before = seed::lane(h, "k-1").await?.map(|l| l.since);
    (h.pass)(std::time::Duration::from_millis(20)).await;
    let (old, new) = h
        .unit(seed::lanes_of(["k-1"]), |work| {
            let (new, now) = (work.id(), work.now);
            let old = seed::change_head(work, "k-1", |head| {
                seed::ended(head, OperationState::Superseded, now);
                head.superseded_by = Some(new);
            });
            if let Some(lane) = work.lanes.values_mut().next() {
                let row = lane.edit();
                let mut successor = fixtures::operation(new, row, 1);
                successor.created_at = in_minutes(now, 0);
                row.open.push(successor);
            }
            work.touched.insert(new, Change::Insert);
            (old, new)
        })
        .await?;
    let Some(lane) = seed::lane(h, "k-1").await? else {
        ensure!(false, "expected the lane, found none");
        return Ok(());
    };
    let places: Vec<_> = lane.open.iter().map(|o| (o.position, o.state)).collect();
    let expected = vec![(1, OperationState::Ready), (2, OperationState::Ready)];
    ensure_eq!(places, expected, "places after the head was superseded");
    ensure_eq!((lane.head, lane.state), (Some(new), LaneState::Ready), "the lane's head and state");
    ensure!(Some(lane.since) != before, "expected the lane to be in its state since now, not since before");
    let scope = Scope { operations: old.into_iter().collect(), ..Scope::default() };
    let by = h.look(scope, |w| w.ended.values().map(|o| o.superseded_by).collect::<Vec<_>>()).await?;
    ensure_eq!(by, vec![Some(new)], "which operation stands in for the old head");
    Ok(())
}

pub(super) async fn a_lane_follows_its_head_until_it_is_idle(h: &Harness) -> Verdict {
    h.unit(seed::lanes_of(["k-1"]), |work| {
        seed::add_operation(work, "k-1");
        seed::add_operation(work, "k-1");
    })
    .await?;
    let states = [OperationState::Succeeded, OperationState::Refused];
    for (n, end) in states.into_iter().enumerate() {
        let Some(lane) = seed::lane(h, "k-1").await? else {
            ensure!(false, "expected the lane, found none");
            return Ok(());
        };
        ensure_eq!(lane.open.len(), 2 - n, "open operations before end {n}");
        ensure_eq!(
            (lane.state, lane.head),
            (LaneState::Ready, Some(lane.open[0].id)),
            "state and head before end {n}"
        );
        h.unit(seed::lanes_of(["k-1"]), move |work: &mut Work| {
            let now = work.now;
            seed::change_head(work, "k-1", |head| seed::ended(head, end, now));
        })
        .await?;
    }
    let lane = seed::lane(h, "k-1").await?;
    let row = lane.map(|l| (l.state, l.head, l.open.len(), l.next_position, l.need, l.lease));
    ensure_eq!(
        row,
        Some((LaneState::Idle, None, 0, 3, None, None)),
        "an idle lane remembers only its next place"
    );
    ensure_eq!(
        seed::found(h, seed::due(LaneState::Ready, 10)).await?.len(),
        0,
        "due lanes once all has ended"
    );
    ensure_eq!(
        h.second.next_due(&connector(PORTAL), LaneState::Ready).await?,
        None,
        "next due once all has ended"
    );
    // A place is never given twice: the next operation goes behind the ended ones.
    h.unit(seed::lanes_of(["k-1"]), |work| seed::add_operation(work, "k-1")).await?;
    let place = seed::lane(h, "k-1").await?.and_then(|l| l.open.first().map(|o| o.position));
    ensure_eq!(place, Some(3), "the place of an operation after an idle time");
    Ok(())
}

pub(super) async fn next_due_is_the_earliest_of_that_state(h: &Harness) -> Verdict {
    let portal = connector(PORTAL);
    ensure_eq!(h.store.next_due(&portal, LaneState::Ready).await?, None, "next due of an empty store");
    let earliest = h
        .unit(seed::nothing(), |work| {
            let now = work.now;
            let at = |minutes| in_minutes(now, minutes);
            let lanes = [
                ("a", OperationState::Ready, 30),
                ("b", OperationState::Ready, 10),
                ("c", OperationState::Doubtful, 5),
            ];
            for (key, state, minutes) in lanes {
                let lane = seed::lane_with(work, key, &[(state, at(minutes))]);
                seed::put_lane(work, lane);
            }
            let mut other = fixtures::lane(work.id(), POST, "other");
            let mut operation = fixtures::operation(work.id(), &other, 1);
            operation.due_at = at(1);
            other.open.push(operation);
            seed::put_lane(work, other);
            at(10)
        })
        .await?;
    let next = h.second.next_due(&portal, LaneState::Ready).await?;
    ensure_eq!(next, Some(earliest), "next due of the portal's ready lanes");
    ensure_eq!(
        h.second.next_due(&portal, LaneState::Held).await?,
        None,
        "next due of held lanes without any"
    );
    Ok(())
}
