//! Two handles at once. Decisions wait for each other inside, with a deadline, where the store has several writers;
//! elsewhere the same units run as they come, and the end must be the same.

use jiff::SignedDuration;
use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use super::{
    harness::{Harness, Meeting, Verdict, ensure, ensure_eq},
    seed::{self, PAY, PORTAL, POST},
    whole::key_of,
};
use crate::{
    clock::later,
    id::DossierCode,
    lane::{LaneState, Lease},
    operation::OperationState,
    port::{
        store::{Decision, Store},
        work::{Loaded, Scope, VersionRecord, Work},
    },
    testing::fixtures::{self, morning},
};

/// Only a store that does not let both in waits for so long.
pub(super) const PATIENCE: Duration = Duration::from_secs(3);

/// Makes both handles ready, so that two units really run at once: a first connection takes its time.
pub(super) async fn warm_up(h: &Harness) -> Verdict {
    let both = futures_util::join!(h.unit(seed::nothing(), |_| ()), h.look(seed::nothing(), |_| ()));
    both.0.and(both.1)
}

/// Lets a decision wait at a meeting on its first call only, and only where that cannot hang.
pub(super) fn once(h: &Harness, meeting: &Arc<Meeting>) -> impl Fn() + Send + Sync + 'static {
    let (is_first, meeting, may_wait) = (AtomicBool::new(true), Arc::clone(meeting), h.concurrent_writers);
    move || {
        if may_wait && is_first.swap(false, Ordering::AcqRel) {
            meeting.announce();
            meeting.wait();
        }
    }
}

pub(super) async fn two_handles_that_insert_the_same_see_one_winner(h: &Harness) -> Verdict {
    let code = fixtures::nth_code(1);
    let scope = || Scope {
        event_keys: [key_of(1)].into(),
        dossiers: [fixtures::nth_code(1)].into(),
        lanes: [fixtures::lane_key(fixtures::nth_code(1).as_str())].into(),
        ..Scope::default()
    };
    warm_up(h).await?;
    let meeting = Meeting::of(2, PATIENCE);
    let insert = || {
        let (wait, code) = (once(h, &meeting), code.clone());
        move |work: &mut Work| {
            wait();
            let is_known = work.dossier(&code).is_some();
            let is_duplicate = work.known_events.contains_key(&key_of(1));
            if !is_known {
                let dossier = fixtures::dossier(work.id(), &code);
                seed::put_dossier(work, &dossier);
            }
            if !is_duplicate {
                let event = fixtures::event(work.id(), "e-1", None);
                work.new_events.push(event);
            }
            seed::add_operation(work, code.as_str());
            (is_known, is_duplicate)
        }
    };
    let (a, b) = futures_util::join!(h.unit(scope(), insert()), h.look(scope(), insert()));
    let (a, b) = (a?, b?);
    ensure!(!h.concurrent_writers || meeting.has_all(), "expected both units to be open at once");
    ensure!(
        a != b && [a, b].contains(&(true, true)),
        "expected one winner and one that saw its rows, got {a:?}, {b:?}"
    );
    let lane = seed::lane(h, code.as_str()).await?;
    let places = lane.map(|l| (l.next_position, l.open.iter().map(|o| o.position).collect::<Vec<_>>()));
    ensure_eq!(places, Some((3, vec![1, 2])), "the lane that both made: next place and places");
    Ok(())
}

/// A code of its own and an alias are unique each in their table; no constraint says that they are not the same. Several
/// rounds, because both units have to look before either has committed.
pub(super) async fn two_handles_that_give_a_code_two_meanings_see_one_winner(h: &Harness) -> Verdict {
    const ROUNDS: u32 = 20;
    warm_up(h).await?;
    for round in 0..ROUNDS {
        let [code, other] = [1, 2].map(|n| fixtures::nth_code(2 * round + n));
        let seeded = other.clone();
        h.unit(seed::nothing(), move |work| {
            let dossier = fixtures::dossier(work.id(), &seeded);
            seed::put_dossier(work, &dossier);
        })
        .await?;
        let of = |codes: &[&DossierCode]| Scope {
            dossiers: codes.iter().map(|&code| code.clone()).collect(),
            ..Scope::default()
        };
        let meeting = Meeting::of(2, PATIENCE);
        let give = |is_own: bool| {
            let (wait, code, other) = (once(h, &meeting), code.clone(), other.clone());
            move |work: &mut Work| {
                wait();
                let is_known = work.dossier(&code).is_some();
                if !is_known && is_own {
                    let dossier = fixtures::dossier(work.id(), &code);
                    seed::put_dossier(work, &dossier);
                } else if !is_known && let Some(row) = work.dossier(&other).map(|d| d.row) {
                    work.new_aliases.push((code.clone(), row));
                }
                is_known
            }
        };
        // Only one of them locks the other dossier, or they would not meet.
        let (own, both) = (of(&[&code]), of(&[&code, &other]));
        let (a, b) = futures_util::join!(h.unit(own, give(true)), h.look(both.clone(), give(false)));
        let (a, b) = (a?, b?);
        ensure!(!h.concurrent_writers || meeting.has_all(), "expected both units to be open at once");
        ensure!(a != b, "expected one winner and one that saw its meaning, got {a:?}, {b:?}");
        let asked = code.clone();
        let owner = h.look(both, move |w| w.dossier(&asked).map(|d| d.code.clone())).await?;
        ensure_eq!(owner, Some(if a { other } else { code }), "the one dossier that the code means");
    }
    Ok(())
}

pub(super) async fn two_handles_never_claim_the_same_lane(h: &Harness) -> Verdict {
    const LANES: usize = 20;
    h.unit(seed::nothing(), |work| {
        for n in 0..LANES {
            let due = fixtures::whole_us(later(work.now, SignedDuration::from_secs(-60)));
            let lane = seed::lane_with(work, &format!("k-{n:02}"), &[(OperationState::Ready, due)]);
            seed::put_lane(work, lane);
        }
    })
    .await?;
    warm_up(h).await?;
    let meeting = Meeting::of(2, PATIENCE);
    let claim = |holder: &'static str| {
        let wait = once(h, &meeting);
        move |work: &mut Work| {
            wait();
            let until = fixtures::whole_us(later(work.now, SignedDuration::from_mins(5)));
            let mut heads = Vec::new();
            for lane in work.lanes.values_mut() {
                let row = lane.edit();
                row.claim += 1;
                row.lease = Some(Lease { holder: holder.into(), until });
                if let Some(head) = row.open.first_mut() {
                    head.state = OperationState::Running;
                    heads.push(head.id);
                }
            }
            for id in &heads {
                work.touch(*id);
            }
            heads
        }
    };
    let scope = || seed::due(LaneState::Ready, 15);
    let (a, b) = futures_util::join!(h.unit(scope(), claim("one")), h.look(scope(), claim("two")));
    let (mut a, mut b): (BTreeSet<_>, BTreeSet<_>) = (a?.into_iter().collect(), b?.into_iter().collect());
    ensure!(!h.concurrent_writers || meeting.has_all(), "expected both units to be open at once");
    let both: Vec<_> = a.intersection(&b).copied().collect();
    ensure_eq!(both, Vec::<i64>::new(), "operations that both handles claimed");
    // Whoever was passed over takes what is left.
    a.extend(h.unit(scope(), claim("one")).await?);
    b.extend(h.look(scope(), claim("two")).await?);
    ensure_eq!(a.len() + b.len(), LANES, "operations claimed in the end");
    for (holder, claimed) in [("one", a), ("two", b)] {
        let scan = crate::port::work::Scan::HeldBy { holder: holder.into(), limit: 100 };
        let held =
            h.look(seed::scan(scan), |w| w.lanes.values().filter_map(|l| l.row.head).collect()).await?;
        let held: Vec<_> = held;
        ensure_eq!(held.into_iter().collect::<BTreeSet<_>>(), claimed, "operations held by {holder}");
    }
    Ok(())
}

pub(super) async fn settle_and_admit_never_leave_an_operation_waiting(h: &Harness) -> Verdict {
    warm_up(h).await?;
    for round in 0..6 {
        let key = format!("k-{round}");
        let seeded = key.clone();
        h.unit(seed::nothing(), move |work| {
            let until = fixtures::whole_us(later(work.now, SignedDuration::from_mins(5)));
            let lane = seed::running_lane(work, &seeded, "one", until);
            seed::put_lane(work, lane);
        })
        .await?;
        // The first one in waits for the other, which must not get in, until its patience has run out.
        let meeting = Meeting::of(2, Duration::from_millis(150));
        let (at, wait) = (key.clone(), once(h, &meeting));
        let settle = h.unit(seed::lanes_of([key.as_str()]), move |work: &mut Work| {
            wait();
            let now = work.now;
            seed::change_head(work, &at, |head| seed::ended(head, OperationState::Succeeded, now));
        });
        let (at, wait) = (key.clone(), once(h, &meeting));
        let admit = h.look(seed::lanes_of([key.as_str()]), move |work: &mut Work| {
            wait();
            seed::add_operation(work, &at)
        });
        let (settled, admitted) = if round % 2 == 0 {
            futures_util::join!(settle, admit)
        } else {
            let (admitted, settled) = futures_util::join!(admit, settle);
            (settled, admitted)
        };
        settled?;
        let admitted = admitted?;
        let lane = seed::lane(h, &key).await?;
        let row = lane.map(|l| (l.state, l.head, l.open.iter().map(|o| o.position).collect::<Vec<_>>()));
        ensure_eq!(
            row,
            Some((LaneState::Ready, admitted, vec![2])),
            "round {round}: the lane is ready for the new head"
        );
    }
    Ok(())
}

pub(super) async fn concurrent_edits_of_one_row_are_not_lost(h: &Harness) -> Verdict {
    const ROUNDS: i64 = 8;
    h.unit(seed::nothing(), |work| {
        let dossier = fixtures::dossier(work.id(), &fixtures::nth_code(1));
        seed::put_dossier(work, &dossier);
        let mut payment = fixtures::payment(work.id(), "TT-1", &dossier, PAY, morning(0));
        payment.amount = 0;
        work.payments.insert(payment.id.clone(), Loaded::fresh(payment));
        let mut parcel = fixtures::parcel(work.id(), "BG-1", &dossier, POST);
        parcel.item_code = Some("0".into());
        work.parcels.insert(parcel.id.clone(), Loaded::fresh(parcel));
    })
    .await?;
    let scopes = [
        Scope { dossiers: [fixtures::nth_code(1)].into(), ..Scope::default() },
        Scope { payments_of: [fixtures::nth_code(1)].into(), ..Scope::default() },
        Scope {
            orders: [(fixtures::connector(POST), fixtures::order_number("BG-1"))].into(),
            ..Scope::default()
        },
    ];
    let edit = |work: &mut Work| {
        let mut versions = Vec::new();
        for dossier in work.dossiers.values_mut() {
            let row = dossier.edit();
            row.version += 1;
            versions.push(VersionRecord {
                dossier: row.row,
                version: row.version,
                state: seed::state_text(row),
                event: 0,
            });
        }
        work.new_versions.extend(versions);
        for payment in work.payments.values_mut() {
            payment.edit().amount += 1;
        }
        for parcel in work.parcels.values_mut() {
            let row = parcel.edit();
            let n: i64 = row.item_code.as_deref().and_then(|t| t.parse().ok()).unwrap_or(-1000);
            row.item_code = Some((n + 1).to_string());
        }
    };
    warm_up(h).await?;
    for scope in &scopes {
        let one = async {
            for _ in 0..ROUNDS {
                h.unit(scope.clone(), edit).await?;
            }
            Verdict::Ok(())
        };
        let two = async {
            for _ in 0..ROUNDS {
                h.look(scope.clone(), edit).await?;
            }
            Verdict::Ok(())
        };
        let (one, two) = futures_util::join!(one, two);
        one.and(two)?;
    }
    let mut all = scopes[0].clone();
    all.merge(scopes[1].clone());
    all.merge(scopes[2].clone());
    let end = h
        .look(all, |work| {
            let dossier = work.dossiers.values().map(|d| d.row.version).next();
            let payment = work.payments.values().map(|p| p.row.amount).next();
            (dossier, payment, work.parcels.values().find_map(|p| p.row.item_code.clone()))
        })
        .await?;
    let edits = 2 * ROUNDS;
    let expected = (Some(1 + edits), Some(edits), Some(edits.to_string()));
    ensure_eq!(end, expected, "dossier version, payment amount and parcel counter after all edits");
    Ok(())
}

pub(super) async fn units_over_the_same_rows_never_block_each_other_for_ever(h: &Harness) -> Verdict {
    const ROUNDS: usize = 15;
    let ids = h
        .unit(seed::nothing(), |work| {
            let ready = (OperationState::Ready, morning(0));
            let lanes = ["k-a", "k-b", "k-c"].map(|key| seed::lane_with(work, key, &[ready]));
            lanes.map(|lane| seed::put_lane(work, lane).open[0].id)
        })
        .await?;
    let by_key = seed::lanes_of(["k-a", "k-c"]);
    let by_operation = Scope { operations: [ids[2], ids[1]].into(), ..Scope::default() };
    let mut mixed = Scope { operations: [ids[0]].into(), ..seed::lanes_of(["k-b"]) };
    mixed.merge(seed::due(LaneState::Ready, 3));
    let run = |store: &'static str, scope: Scope| {
        let store: &dyn Store = if store == "one" { &*h.store } else { &*h.second };
        async move {
            for _ in 0..ROUNDS {
                let count = |work: &mut Work| {
                    let keys: Vec<_> = work.lanes.keys().map(|(key, _)| key.to_string()).collect();
                    for key in keys {
                        seed::change_head(work, &key, |head| head.attempts += 1);
                    }
                };
                let decision: Decision = Arc::new(count);
                store.transact(scope.clone(), decision).await?;
            }
            Verdict::Ok(())
        }
    };
    let units = (run("one", by_key), run("two", by_operation), run("two", mixed));
    let all = async { futures_util::join!(units.0, units.1, units.2) };
    let Ok((a, b, c)) = tokio::time::timeout(Duration::from_mins(1), all).await else {
        ensure!(false, "expected all units to end within a minute: they wait for each other");
        return Ok(());
    };
    a.and(b).and(c)?;
    let attempts = h
        .look(seed::lanes_of(["k-a", "k-b", "k-c"]), |work| {
            work.lanes.values().flat_map(|l| &l.row.open).map(|o| o.attempts).collect::<Vec<_>>()
        })
        .await?;
    ensure!(attempts.iter().all(|n| *n >= ROUNDS as i32), "expected every edit to be kept, got {attempts:?}");
    Ok(())
}

pub(super) async fn a_caller_that_goes_away_leaves_whole_units(h: &Harness) -> Verdict {
    const CALLERS: usize = 40;
    let mut decided = Vec::new();
    for n in 0..CALLERS {
        let (key, calls) = (format!("k-{n:02}"), Arc::new(AtomicUsize::new(0)));
        let (at, counted) = (key.clone(), Arc::clone(&calls));
        let decision: Decision = Arc::new(move |work: &mut Work| {
            counted.fetch_add(1, Ordering::AcqRel);
            seed::add_operation(work, &at);
            work.outbox.push(seed::out_event(&at));
        });
        let unit = h.store.transact(seed::lanes_of([key.as_str()]), decision);
        // Whether it ended in time does not matter here, only what it left.
        drop(tokio::time::timeout(Duration::from_micros(200 * n as u64), unit).await);
        decided.push((key, calls));
    }
    // A unit that began ends: the store's next answers come behind it.
    for _ in 0..50 {
        tokio::time::sleep(Duration::from_millis(20)).await;
        let out: BTreeSet<String> = h.second.outbox(0, 1000).await?.into_iter().map(|row| row.id).collect();
        if decided.iter().all(|(key, calls)| calls.load(Ordering::Acquire) == 0 || out.contains(key)) {
            break;
        }
    }
    let out: BTreeSet<String> = seed::outbox(h).await?.into_iter().map(|row| row.id).collect();
    for (key, calls) in &decided {
        let is_lane = seed::lane(h, key).await?.is_some_and(|lane| lane.open.len() == 1);
        let began = calls.load(Ordering::Acquire) > 0;
        ensure_eq!(
            is_lane,
            out.contains(key),
            "{key}: lane and out-event are written together or not at all"
        );
        ensure!(
            !began || is_lane,
            "{key}: expected the unit that had begun to end although its caller went away"
        );
    }
    let portal = fixtures::connector(PORTAL);
    h.unit(seed::lanes_of(["k-last"]), move |work| {
        work.lane(&portal, &fixtures::lane_key("k-last"));
        seed::add_operation(work, "k-last")
    })
    .await?;
    ensure!(
        seed::lane(h, "k-last").await?.is_some(),
        "expected the store to see what was written after that"
    );
    Ok(())
}
