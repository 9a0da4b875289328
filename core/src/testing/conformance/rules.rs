//! The rules of a unit of work: all or nothing, unique keys, more scope, row numbers, panics.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use super::{
    harness::{Failure, Harness, Verdict, ensure, ensure_eq},
    seed::{self, PAY, PORTAL, POST},
    whole::{key_of, pretended},
};
use crate::{
    id::OrderNumber,
    operation::OperationState,
    port::{
        store::{Decision, RawCallback, StoreError},
        work::{CallbackVerdict, Change, IDS_PER_DECISION, IncidentRecord, LedgerDelta, Loaded, Scope, Work},
    },
    testing::fixtures::{self, morning},
};

type Write = fn(&mut Work);

/// Runs a unit that also leaves a mark, expects it to fail, and that the mark is not there.
async fn fails_whole(h: &Harness, what: &str, write: Write) -> Result<StoreError, Failure> {
    let marks = seed::outbox(h).await?.len();
    let decision: Decision = Arc::new(move |work: &mut Work| {
        write(work);
        work.outbox.push(seed::out_event("mark"));
    });
    let error = match h.store.transact(seed::nothing(), decision).await {
        Ok(()) => return Err(Failure(format!("{what}: expected an error, the store took it"))),
        Err(error) => error,
    };
    ensure!(
        matches!(error, StoreError::Contended(_) | StoreError::Rejected(_)),
        "{what}: expected Contended or Rejected, got {error:?}"
    );
    let left = seed::outbox(h).await?.len();
    ensure_eq!(left, marks, "{what}: out-events after the unit failed");
    Ok(error)
}

pub(super) async fn a_failed_unit_writes_nothing(h: &Harness) -> Verdict {
    let before = h.second.now().await?;
    let error = fails_whole(h, "two open operations in one place", |work| {
        let dossier = fixtures::dossier(work.id(), &fixtures::nth_code(1));
        seed::put_dossier(work, &dossier);
        work.new_aliases.push((fixtures::nth_code(2), dossier.row));
        let event = fixtures::event(work.id(), "e-1", Some(&dossier));
        work.new_events.push(event);
        let payment = fixtures::payment(work.id(), "TT-1", &dossier, PAY, morning(0));
        work.payments.insert(payment.id.clone(), Loaded::fresh(payment));
        let parcel = fixtures::parcel(work.id(), "BG-1", &dossier, POST);
        work.parcels.insert(parcel.id.clone(), Loaded::fresh(parcel));
        let ready = (OperationState::Ready, morning(0));
        let mut lane = seed::lane_with(work, dossier.code.as_str(), &[ready, ready]);
        lane.open[1].position = 1;
        seed::put_lane(work, lane);
        work.ledger = LedgerDelta { received: 1, admitted: 1, planned: 2, ..LedgerDelta::default() };
        work.cursors.push(("feed".into(), "9".into()));
        work.opened.push(IncidentRecord { key: "pause:x".into(), connector: None, said: "x".into() });
    })
    .await?;
    drop(error);
    let scope = Scope {
        event_keys: [key_of(1)].into(),
        dossiers: [fixtures::nth_code(1), fixtures::nth_code(2)].into(),
        payments: [fixtures::payment_id("TT-1")].into(),
        parcels: [fixtures::parcel_id("BG-1")].into(),
        lanes: [fixtures::lane_key(fixtures::nth_code(1).as_str())].into(),
        ..Scope::default()
    };
    let left = h
        .look(scope, |w| {
            w.known_events.len() + w.dossiers.len() + w.payments.len() + w.parcels.len() + w.lanes.len()
        })
        .await?;
    ensure_eq!(left, 0, "rows of a unit that failed");
    ensure_eq!(h.second.cursor("feed").await?, None, "the cursor of a unit that failed");
    let ledgers = h.second.ledgers().await?;
    ensure_eq!(ledgers, crate::port::store::LedgerState::default(), "the ledgers after a unit that failed");
    let overview = h.views.overview(before.as_microsecond()).await?;
    ensure_eq!(overview.incidents, vec![], "the incidents of a unit that failed");
    Ok(())
}

pub(super) async fn unique_keys_refuse_a_second_row(h: &Harness) -> Verdict {
    fn dossier(work: &mut Work) {
        let row = fixtures::dossier(work.id(), &fixtures::nth_code(1));
        seed::put_dossier(work, &row);
    }
    fn alias(work: &mut Work) {
        let row = work.id();
        work.new_aliases.push((fixtures::nth_code(9), row));
    }
    fn event(work: &mut Work) {
        let row = fixtures::event(work.id(), "e-1", None);
        work.new_events.push(row);
    }
    fn lane(work: &mut Work) {
        let row = fixtures::lane(work.id(), PORTAL, "k-1");
        seed::put_lane(work, row);
    }
    fn payment(work: &mut Work) {
        let dossier = fixtures::dossier(1, &fixtures::nth_code(1));
        let row = fixtures::payment(work.id(), "TT-1", &dossier, PAY, morning(0));
        work.payments.insert(row.id.clone(), Loaded::fresh(row));
    }
    fn parcel(work: &mut Work) {
        let dossier = fixtures::dossier(1, &fixtures::nth_code(1));
        let row = fixtures::parcel(work.id(), "BG-1", &dossier, POST);
        work.parcels.insert(row.id.clone(), Loaded::fresh(row));
    }
    fn order(work: &mut Work) {
        let dossier = fixtures::dossier(1, &fixtures::nth_code(1));
        let id = format!("BG-{}", work.id());
        let mut row = fixtures::parcel(work.id(), &id, &dossier, POST);
        row.order_number = OrderNumber::of(&fixtures::parcel_id("BG-9"));
        work.parcels.insert(row.id.clone(), Loaded::fresh(row));
    }
    let kinds: [(&str, Write); 7] = [
        ("a dossier's code", dossier),
        ("an alias", alias),
        ("an event's key", event),
        ("a lane's key", lane),
        ("a payment's id", payment),
        ("a parcel's id", parcel),
        ("a parcel's order number", order),
    ];
    for (what, write) in kinds {
        let first: Decision = Arc::new(write);
        h.store.transact(seed::nothing(), first).await?;
        fails_whole(h, &format!("{what} for the second time"), write).await?;
    }
    // The same key of another connector is another lane.
    h.unit(seed::nothing(), |work| {
        let row = fixtures::lane(work.id(), POST, "k-1");
        seed::put_lane(work, row);
    })
    .await
}

pub(super) async fn a_reference_belongs_to_one_payment(h: &Harness) -> Verdict {
    fn payment(work: &mut Work, id: &str) {
        let dossier = fixtures::dossier(1, &fixtures::nth_code(1));
        let mut row = fixtures::payment(work.id(), id, &dossier, PAY, morning(0));
        row.references = vec![fixtures::live_reference(PAY, "LTSAME", morning(0))];
        work.payments.insert(row.id.clone(), Loaded::fresh(row));
    }
    h.unit(seed::nothing(), |work| payment(work, "TT-1")).await?;
    fails_whole(h, "the reference of another payment", |work| payment(work, "TT-2")).await?;
    let scope = Scope {
        references: [(fixtures::connector(PAY), fixtures::reference("LTSAME"))].into(),
        ..Scope::default()
    };
    let owners = h.look(scope, |w| w.payments.keys().map(ToString::to_string).collect::<Vec<_>>()).await?;
    ensure_eq!(owners, vec!["TT-1".to_owned()], "whose reference it is");
    Ok(())
}

pub(super) async fn an_update_of_no_row_is_an_error(h: &Harness) -> Verdict {
    fails_whole(h, "the update of a dossier that is not there", |work| {
        let row = fixtures::dossier(work.id(), &fixtures::nth_code(1));
        work.dossiers.insert(row.code.clone(), pretended(row));
    })
    .await?;
    fails_whole(h, "the update of a payment that is not there", |work| {
        let dossier = fixtures::dossier(1, &fixtures::nth_code(1));
        let row = fixtures::payment(work.id(), "TT-1", &dossier, PAY, morning(0));
        work.payments.insert(row.id.clone(), pretended(row));
    })
    .await?;
    fails_whole(h, "the update of a parcel that is not there", |work| {
        let dossier = fixtures::dossier(1, &fixtures::nth_code(1));
        let row = fixtures::parcel(work.id(), "BG-1", &dossier, POST);
        work.parcels.insert(row.id.clone(), pretended(row));
    })
    .await?;
    fails_whole(h, "the update of a lane that is not there", |work| {
        let row = fixtures::lane(work.id(), PORTAL, "k-1");
        work.lanes.insert((row.key.clone(), row.connector.clone()), pretended(row));
    })
    .await?;
    fails_whole(h, "the update of an operation that is not there", |work| {
        let lane = seed::lane_with(work, "k-1", &[(OperationState::Ready, morning(0))]);
        let id = lane.open[0].id;
        seed::put_lane(work, lane);
        work.touched.insert(id, Change::Update);
    })
    .await?;
    Ok(())
}

pub(super) async fn known_event_keys_are_told_with_their_hash(h: &Harness) -> Verdict {
    h.unit(seed::nothing(), |work| {
        for (n, hash) in [(1, [1; 32]), (2, [0xff; 32])] {
            let mut event = fixtures::event(work.id(), &format!("e-{n}"), None);
            (event.content_hash, event.sequence, event.unit) = (hash, None, None);
            work.new_events.push(event);
        }
    })
    .await?;
    let scope = Scope { event_keys: [key_of(1), key_of(2), key_of(3)].into(), ..Scope::default() };
    let known = h.look(scope, |work| work.known_events.clone()).await?;
    ensure_eq!(known, [(key_of(1), [1; 32]), (key_of(2), [0xff; 32])].into(), "known keys with their hashes");
    Ok(())
}

pub(super) async fn a_decision_that_asks_for_more_decides_again(h: &Harness) -> Verdict {
    h.unit(seed::lanes_of(["k-1", "k-2"]), |work| {
        seed::add_operation(work, "k-1");
        seed::add_operation(work, "k-2");
    })
    .await?;
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let seen = h
        .unit(seed::lanes_of(["k-1"]), move |work| {
            counted.fetch_add(1, Ordering::AcqRel);
            // What an incomplete decision leaves behind must not be written.
            work.outbox.push(seed::out_event(&format!("call-{}", counted.load(Ordering::Acquire))));
            let portal = fixtures::connector(PORTAL);
            let has_second = work.lane(&portal, &fixtures::lane_key("k-2")).is_some();
            if has_second {
                seed::change_head(work, "k-1", |o| o.attempts = 1);
                seed::change_head(work, "k-2", |o| o.attempts = 2);
            }
            work.lanes.len()
        })
        .await?;
    ensure_eq!(seen, 2, "lanes that the last decision saw: those of both scopes");
    ensure_eq!(calls.load(Ordering::Acquire), 2, "calls of the decision");
    let out: Vec<_> = seed::outbox(h).await?.into_iter().map(|row| row.id).collect();
    ensure_eq!(out, vec!["call-2".to_owned()], "only the last call's changes are written");
    let attempts = |lane: Option<crate::lane::Lane>| lane.and_then(|l| l.open.first().map(|o| o.attempts));
    let both = (attempts(seed::lane(h, "k-1").await?), attempts(seed::lane(h, "k-2").await?));
    ensure_eq!(both, (Some(1), Some(2)), "what was written to both lanes");
    Ok(())
}

pub(super) async fn a_decision_that_always_asks_for_more_is_refused(h: &Harness) -> Verdict {
    let n = Arc::new(AtomicUsize::new(0));
    let decision: Decision = Arc::new(move |work: &mut Work| {
        let n = n.fetch_add(1, Ordering::AcqRel);
        work.missing.lanes.insert(fixtures::lane_key(&format!("k-{n}")));
        work.outbox.push(seed::out_event("never"));
    });
    let answer = h.store.transact(seed::nothing(), decision).await;
    ensure!(matches!(answer, Err(StoreError::Rejected(_))), "expected Rejected, got {answer:?}");
    ensure_eq!(seed::outbox(h).await?, vec![], "out-events of a unit that never became complete");
    Ok(())
}

pub(super) async fn a_decision_that_panics_hurts_nobody_else(h: &Harness) -> Verdict {
    let decision: Decision = Arc::new(|work: &mut Work| {
        work.outbox.push(seed::out_event("never"));
        // Unwinds like a panic, without a line in the log.
        std::panic::resume_unwind(Box::new("as the story wants it"));
    });
    let answer = h.store.transact(seed::lanes_of(["k-1"]), decision).await;
    ensure!(matches!(answer, Err(StoreError::Rejected(_))), "expected Rejected, got {answer:?}");
    for store in [&h.store, &h.second] {
        crate::port::store::decide(&**store, seed::lanes_of(["k-1"]), |work| {
            seed::add_operation(work, "k-1")
        })
        .await?;
    }
    let places = seed::lane(h, "k-1").await?.map(|l| l.open.len());
    ensure_eq!(places, Some(2), "operations of the units after the panic");
    ensure_eq!(seed::outbox(h).await?, vec![], "out-events of the unit that panicked");
    Ok(())
}

pub(super) async fn row_numbers_are_never_given_twice(h: &Harness) -> Verdict {
    let take = |work: &mut Work| (0..100).map(|_| work.id()).collect::<Vec<_>>();
    let mut all = BTreeSet::new();
    let mut count = 0;
    for _ in 0..10 {
        let units =
            (h.unit(seed::nothing(), take), h.look(seed::nothing(), take), h.unit(seed::nothing(), take));
        let (a, b, c) = futures_util::join!(units.0, units.1, units.2);
        for id in [a?, b?, c?].into_iter().flatten() {
            ensure!(id > 0, "expected row numbers above 0 (0 means none), got {id}");
            all.insert(id);
            count += 1;
        }
    }
    ensure_eq!(all.len(), count, "distinct row numbers");
    Ok(())
}

pub(super) async fn a_decision_cannot_overdraw_its_row_numbers(h: &Harness) -> Verdict {
    let decision: Decision = Arc::new(|work: &mut Work| {
        for _ in 0..=IDS_PER_DECISION {
            work.id();
        }
        work.outbox.push(seed::out_event("never"));
    });
    let answer = h.store.transact(seed::nothing(), decision).await;
    ensure!(matches!(answer, Err(StoreError::Rejected(_))), "expected Rejected, got {answer:?}");
    ensure_eq!(seed::outbox(h).await?, vec![], "out-events of a unit that took too many row numbers");
    let whole = h
        .unit(seed::nothing(), |work| {
            (0..IDS_PER_DECISION).for_each(|_| {
                work.id();
            });
        })
        .await;
    ensure_eq!(whole, Ok(()), "a unit that takes exactly what there is");
    Ok(())
}

pub(super) async fn known_tracking_records_are_ignored(h: &Harness) -> Verdict {
    let dossier = fixtures::nth_code(1);
    for round in 0..2 {
        let code = dossier.clone();
        let answer = h
            .unit(seed::nothing(), move |work| {
                let _ = &code;
                for record in ["1", "2"] {
                    let mut moved = fixtures::parcel_move(record, "BG-1", None);
                    moved.status = format!("round {round}");
                    let parcel = (record == "1").then_some(7);
                    work.new_moves.push((fixtures::connector(POST), parcel, moved));
                }
                work.outbox.push(seed::out_event(&format!("round-{round}")));
            })
            .await;
        ensure_eq!(answer, Ok(()), "round {round} of the same tracking records");
    }
    ensure_eq!(seed::outbox(h).await?.len(), 2, "both units were written");
    Ok(())
}

pub(super) async fn incidents_are_open_once_and_can_come_again(h: &Harness) -> Verdict {
    let incident = |said: &str| IncidentRecord {
        key: "snapshot:k-1".into(),
        connector: Some(fixtures::connector(PORTAL)),
        said: said.into(),
    };
    for said in ["first", "second"] {
        h.unit(seed::nothing(), move |work| work.opened.push(incident(said))).await?;
    }
    // Twice in one unit too.
    h.unit(seed::nothing(), move |work| work.opened.extend([incident("third"), incident("fourth")])).await?;
    let open = h.views.overview(0).await?.incidents;
    let said: Vec<_> =
        open.iter().map(|i| (i.key.as_str(), i.said.as_str(), i.connector.as_deref())).collect();
    ensure_eq!(said, vec![("snapshot:k-1", "first", Some(PORTAL))], "one open incident per key, the first");
    h.unit(seed::nothing(), |work| work.closed.extend(["snapshot:k-1".into(), "unknown".into()])).await?;
    ensure_eq!(h.views.overview(0).await?.incidents, vec![], "open incidents after closing");
    h.unit(seed::nothing(), move |work| work.opened.push(incident("again"))).await?;
    let again = h.views.overview(0).await?.incidents;
    ensure_eq!(again.len(), 1, "incidents after it came again");
    ensure!(again[0].id != open[0].id, "expected a new incident, got the closed one ({})", again[0].id);
    Ok(())
}

pub(super) async fn the_same_tidings_are_applied_once(h: &Harness) -> Verdict {
    let raw = RawCallback {
        door: crate::port::store::Door::Callback,
        connector: fixtures::connector(PAY),
        path: "result?x=1".into(),
        headers: r#"{"x":"y"}"#.into(),
        body: vec![0, 0xff, b'{', 0xc3, 0x28],
    };
    let mut rows = Vec::new();
    for _ in 0..4 {
        rows.push(h.store.keep_callback(&raw).await?);
    }
    let distinct: BTreeSet<_> = rows.iter().copied().collect();
    ensure_eq!(distinct.len(), 4, "every callback is kept, the same one too");
    fn verdict(callback: i64, identity: Option<&str>, verdict: &str) -> CallbackVerdict {
        CallbackVerdict { callback, identity: identity.map(Into::into), verdict: verdict.into() }
    }
    let scope =
        || Scope { callback_identities: ["id-1".to_owned(), "id-2".to_owned()].into(), ..Scope::default() };
    let (first, second, third, fourth) = (rows[0], rows[1], rows[2], rows[3]);
    h.unit(scope(), move |work| {
        work.callbacks.push(verdict(first, Some("id-1"), "applied"));
        work.callbacks.push(verdict(second, Some("id-2"), "rejected: amount"));
    })
    .await?;
    let applied = h.look(scope(), |work| work.applied_callbacks.clone()).await?;
    ensure_eq!(
        applied,
        ["id-1".to_owned()].into(),
        "identities that were applied; a rejected one poisons nothing"
    );
    let blind: Decision = Arc::new(move |work: &mut Work| {
        work.callbacks.push(verdict(third, Some("id-1"), "applied"));
        work.outbox.push(seed::out_event("twice"));
    });
    let answer = h.store.transact(seed::nothing(), blind).await;
    ensure!(answer.is_err(), "expected an error for the same identity applied twice, the store took it");
    ensure_eq!(seed::outbox(h).await?, vec![], "out-events of the second application");
    h.unit(scope(), move |work| {
        work.callbacks.push(verdict(third, Some("id-1"), "repeated"));
        work.callbacks.push(verdict(fourth, Some("id-2"), "applied"));
    })
    .await?;
    let applied = h.look(scope(), |work| work.applied_callbacks.clone()).await?;
    ensure_eq!(applied.len(), 2, "a genuine callback is applied after a rejected one with its identity");
    Ok(())
}
