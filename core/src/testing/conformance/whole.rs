//! Whole values: what a unit wrote comes back, field by field, through every kind of scope.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    harness::{Harness, Verdict, ensure, ensure_eq},
    seed::{self, PAY, PORTAL, POST},
};
use crate::{
    dossier::{DossierRecord, Settled, SettledHow},
    id::{EventKey, RowId},
    lane::{Lane, Lease},
    operation::{Attempt, Operation, OperationState, Payload},
    outcome::{Cause, Proof},
    parcel::{Direction, ParcelRecord, ParcelState},
    payment::{PaymentRecord, PaymentState, ReferenceState},
    plan::rules::PartnerKind,
    port::work::{Change, EventRecord, Loaded, Merge, PastEvent, Scope, Work},
    testing::fixtures::{self, morning},
};

/// Text that breaks careless quoting.
pub(super) const AWKWARD: &str = "Đặng 'Q' \"k\" \\ %_ {a,b} $1 ?1 \u{1F600}\n\t\r ; -- null NULL";

#[derive(Clone)]
struct Written {
    event: EventRecord,
    dossier: DossierRecord,
    lane: Lane,
    other_lane: Lane,
    ended: Operation,
    payment: PaymentRecord,
    parcel: ParcelRecord,
}

fn rich_dossier(row: RowId) -> DossierRecord {
    let mut dossier = fixtures::dossier(row, &fixtures::nth_code(1));
    dossier.version = 7;
    dossier.sequences = BTreeMap::from([
        (fixtures::source("/motcua/a"), 3),
        (fixtures::source("/motcua/b?x='1'"), i64::from(u32::MAX) + 5),
    ]);
    dossier.bindings = BTreeMap::from([
        (PartnerKind::Portal, fixtures::connector(PORTAL)),
        (PartnerKind::Payment, fixtures::connector(PAY)),
        (PartnerKind::Post, fixtures::connector(POST)),
    ]);
    let mut state = (*dossier.state).clone();
    state.fields.insert("note".into(), AWKWARD.into());
    if let serde_json::Value::Object(supplement) = serde_json::json!({"id": "BS1", "content": AWKWARD}) {
        state.merge_supplement(&supplement);
    }
    state.settled.push(Settled {
        payment: Some("TT-1".into()),
        lines: vec![("LP01".into(), 8000)],
        amount: 8000,
        at: morning(5),
        how: SettledHow::Online,
    });
    dossier.state = Arc::new(state);
    dossier
}

pub(super) fn attempt(number: i32) -> Attempt {
    Attempt {
        number,
        started_at: morning(10),
        ended_at: Some(morning(11)),
        outcome: Some("unclear".into()),
        cause: Some(Cause::NoAnswer),
        said: Some(AWKWARD.into()),
        holder: "process-1".into(),
    }
}

fn rich_operation(id: RowId, lane: &Lane, position: i64, dossier: &DossierRecord, event: RowId) -> Operation {
    let mut operation = fixtures::operation(id, lane, position);
    operation.dossier = Some(dossier.row);
    operation.version = Some(dossier.version);
    operation.event = event;
    operation.payload =
        Arc::new(Payload::AppendProgress { steps: vec![fixtures::step(AWKWARD), fixtures::step("hai")] });
    operation.due_at = morning(77);
    operation.attempts = 3;
    operation.begun = true;
    operation.doubted = true;
    operation.attempt = Some(attempt(4));
    operation.cause = Some(Cause::Unlisted);
    operation.said = Some(AWKWARD.into());
    operation.proof = Some(Proof {
        said: AWKWARD.into(),
        facts: serde_json::Map::from_iter([("mode".into(), "update".into())]),
        repeated: true,
    });
    operation.superseded_by = Some(99);
    operation.decided_by = Some(format!("cán bộ: {AWKWARD}"));
    operation
}

/// A lane whose open operations are in every open state, the head running under a lease.
fn rich_lane(work: &Work, dossier: &DossierRecord, event: RowId) -> Lane {
    let mut lane = fixtures::lane(work.id(), PORTAL, dossier.code.as_str());
    lane.acknowledged = true;
    lane.claim = 12;
    lane.lease = Some(Lease { holder: "process-1".into(), until: morning(90) });
    let states = [
        OperationState::Running,
        OperationState::Ready,
        OperationState::Doubtful,
        OperationState::Awaiting,
        OperationState::Held,
        OperationState::Stuck,
    ];
    for state in states {
        let mut operation = rich_operation(work.id(), &lane, lane.next_position, dossier, event);
        operation.state = state;
        operation.need =
            (state == OperationState::Held).then(|| fixtures::need("mapping:dvcqg:procedure:1.0_1%"));
        lane.next_position += 1;
        lane.open.push(operation);
    }
    lane
}

fn rich_payment(work: &Work, dossier: &DossierRecord) -> PaymentRecord {
    let mut payment = fixtures::payment(work.id(), "TT-1", dossier, PAY, morning(20));
    payment.state = PaymentState::NeedsRefund;
    payment.amount = crate::money::Dong::MAX;
    let mut first = fixtures::live_reference(PAY, "LTFIRST", morning(10));
    first.state = ReferenceState::Paid;
    first.platform_ref = Some(AWKWARD.into());
    first.paid_at = Some(morning(12));
    first.paid_amount = Some(8000);
    first.asked_at = Some(morning(13));
    let mut dead = fixtures::live_reference(PAY, "LTDEAD", morning(11));
    (dead.state, dead.pay_url) = (ReferenceState::Dead, None);
    payment.references.insert(0, dead);
    payment.references.insert(0, first);
    payment
}

fn rich_parcel(work: &Work, dossier: &DossierRecord) -> ParcelRecord {
    let mut parcel = fixtures::parcel(work.id(), "BG-1", dossier, POST);
    parcel.direction = Direction::Pickup;
    parcel.state = ParcelState::CameBack;
    parcel.item_code = Some("EB1".into());
    parcel.moved_at = Some(morning(30));
    parcel.last_move = Some(AWKWARD.into());
    parcel
}

fn write_all(work: &mut Work) -> Written {
    let dossier = rich_dossier(work.id());
    seed::put_dossier(work, &dossier);
    work.new_aliases.push((fixtures::code("G22.99-261123-000001"), dossier.row));
    let mut event = fixtures::event(work.id(), "e-1", Some(&dossier));
    event.note = Some(AWKWARD.into());
    event.late = true;
    event.planned = 6;
    event.body = format!("{{ \"x\":  \"{}\" }}", "é".repeat(100)).into();
    work.new_events.push(event.clone());
    let lane = rich_lane(work, &dossier, event.row);
    let lane = seed::put_lane(work, lane);
    let mut other_lane = fixtures::lane(work.id(), POST, dossier.code.as_str());
    let mut ended = rich_operation(work.id(), &other_lane, 1, &dossier, event.row);
    seed::ended(&mut ended, OperationState::Superseded, morning(80));
    other_lane.next_position = 2;
    other_lane.open.push(ended.clone());
    let other_lane = seed::put_lane(work, other_lane);
    let payment = rich_payment(work, &dossier);
    work.payments.insert(payment.id.clone(), Loaded::fresh(payment.clone()));
    let parcel = rich_parcel(work, &dossier);
    work.parcels.insert(parcel.id.clone(), Loaded::fresh(parcel.clone()));
    Written { event, dossier, lane, other_lane, ended, payment, parcel }
}

pub(super) async fn what_was_written_comes_back_through_every_scope(h: &Harness) -> Verdict {
    let w = h.unit(seed::nothing(), write_all).await?;
    let alias = fixtures::code("G22.99-261123-000001");

    for code in [&w.dossier.code, &alias] {
        let loaded =
            h.look(seed::dossiers_of([code]), |work| (work.dossiers.clone(), work.aliases.clone())).await?;
        let expected = BTreeMap::from([(w.dossier.code.clone(), Loaded::stored(w.dossier.clone()))]);
        ensure_eq!(loaded.0, expected, "the dossier by {code}");
        ensure_eq!(loaded.1.get(code), Some(&w.dossier.code), "what {code} resolves to");
        ensure_eq!(
            loaded.1.get(&w.dossier.code),
            Some(&w.dossier.code),
            "the canonical code resolves to itself"
        );
        let scope = Scope { history_of: [code.clone()].into(), ..Scope::default() };
        let history = h.look(scope, |work| work.history.clone()).await?;
        let (source, body) = (w.event.key.source.clone(), Arc::clone(&w.event.body));
        let past = vec![PastEvent { source, sequence: w.event.sequence, body }];
        ensure_eq!(history.get(&w.dossier.row), Some(&past), "the history by {code}");
    }

    let by_reference = |text: &str| [(fixtures::connector(PAY), fixtures::reference(text))].into();
    let scopes = [
        ("id", Scope { payments: [w.payment.id.clone()].into(), ..Scope::default() }),
        ("dossier", Scope { payments_of: [w.dossier.code.clone()].into(), ..Scope::default() }),
        ("reference", Scope { references: by_reference("LTDEAD"), ..Scope::default() }),
    ];
    for (by, scope) in scopes {
        let payments = h.look(scope, |work| work.payments.clone()).await?;
        let expected = BTreeMap::from([(w.payment.id.clone(), Loaded::stored(w.payment.clone()))]);
        ensure_eq!(payments, expected, "the payment by {by}, references oldest first");
    }
    let order = (w.parcel.connector.clone(), w.parcel.order_number.clone());
    let scopes = [
        ("id", Scope { parcels: [w.parcel.id.clone()].into(), ..Scope::default() }),
        ("order", Scope { orders: [order].into(), ..Scope::default() }),
    ];
    for (by, scope) in scopes {
        let parcels = h.look(scope, |work| work.parcels.clone()).await?;
        let expected = BTreeMap::from([(w.parcel.id.clone(), Loaded::stored(w.parcel.clone()))]);
        ensure_eq!(parcels, expected, "the parcel by {by}");
    }

    let both = BTreeMap::from([
        ((w.lane.key.clone(), w.lane.connector.clone()), Loaded::stored(w.lane.clone())),
        ((w.other_lane.key.clone(), w.other_lane.connector.clone()), Loaded::stored(w.other_lane.clone())),
    ]);
    let mut scope = seed::lanes_of([w.lane.key.as_str()]);
    scope.head_states = true;
    let (lanes, states) = h.look(scope, |work| (work.lanes.clone(), work.states.clone())).await?;
    ensure_eq!(lanes, both, "the lanes of all connectors by key, with open operations by place");
    let state = states.get(&(w.dossier.row, w.dossier.version));
    ensure_eq!(state, Some(&seed::state_text(&w.dossier)), "the state that the head carries, byte for byte");
    let middle = w.lane.open[3].id;
    let scope = Scope { operations: [middle, w.ended.id].into(), ..Scope::default() };
    let (lanes, ended) = h.look(scope, |work| (work.lanes.clone(), work.ended.clone())).await?;
    ensure_eq!(lanes, both, "the lanes of an open and of an ended operation");
    ensure_eq!(ended.get(&w.ended.id), Some(&w.ended), "the ended operation itself");
    ensure_eq!(ended.len(), 1, "only ended operations of the scope are loaded as ended");

    let unknown = fixtures::event_key("e-2");
    let keys = [w.event.key.clone(), unknown].into();
    let known =
        h.look(Scope { event_keys: keys, ..Scope::default() }, |work| work.known_events.clone()).await?;
    ensure_eq!(
        known,
        [(w.event.key.clone(), w.event.content_hash)].into(),
        "the known event keys of the scope"
    );
    Ok(())
}

pub(super) async fn edits_come_back_whole(h: &Harness) -> Verdict {
    let w = h.unit(seed::nothing(), write_all).await?;
    let scope = Scope {
        dossiers: [w.dossier.code.clone()].into(),
        payments: [w.payment.id.clone()].into(),
        parcels: [w.parcel.id.clone()].into(),
        lanes: [w.lane.key.clone()].into(),
        ..Scope::default()
    };
    let key = (w.lane.key.clone(), w.lane.connector.clone());
    let at = key.clone();
    let edited = h
        .unit(scope.clone(), move |work| {
            let mut versions = Vec::new();
            for dossier in work.dossiers.values_mut() {
                let row = dossier.edit();
                (row.version, row.known, row.unit) = (8, false, None);
                row.sequences.insert(fixtures::source("/motcua/c"), 1);
                row.bindings.clear();
                let mut state = (*row.state).clone();
                state.status = None;
                state.fields.clear();
                row.state = Arc::new(state);
                versions.push((row.row, seed::state_text(row)));
            }
            for (dossier, state) in versions {
                work.new_versions.push(crate::port::work::VersionRecord {
                    dossier,
                    version: 8,
                    state,
                    event: 0,
                });
            }
            for payment in work.payments.values_mut() {
                let row = payment.edit();
                (row.state, row.updated_at) = (PaymentState::Refunded, morning(200));
                row.references[2].asked_at = Some(morning(201));
                row.references[2].state = ReferenceState::Dead;
                row.references.push(fixtures::live_reference(PAY, "LTNEW", morning(100)));
            }
            for parcel in work.parcels.values_mut() {
                let row = parcel.edit();
                (row.state, row.item_code, row.moved_at, row.last_move) =
                    (ParcelState::Delivered, None, None, None);
                row.updated_at = morning(200);
            }
            let lane = work.lanes.get_mut(&at)?.edit();
            (lane.acknowledged, lane.claim) = (false, 13);
            let head = lane.open.first_mut()?;
            head.state = OperationState::Held;
            (head.attempt, head.cause, head.said, head.proof) = (None, None, None, None);
            (head.superseded_by, head.decided_by) = (None, None);
            (head.begun, head.doubted, head.attempts) = (false, false, 0);
            (head.need, head.due_at) = (Some(fixtures::need("setting:x")), morning(300));
            let head = head.id;
            let mut expected = lane.clone();
            expected.sync(fixtures::whole_us(work.now));
            work.touch(head);
            let dossier = work.dossiers.values().next()?.row.clone();
            let payment = work.payments.values().next()?.row.clone();
            let parcel = work.parcels.values().next()?.row.clone();
            Some((dossier, payment, parcel, expected))
        })
        .await?;
    let Some((dossier, payment, parcel, lane)) = edited else {
        ensure!(false, "expected the unit to find its rows again");
        return Ok(());
    };
    let loaded = h
        .look(scope, |work| {
            (work.dossiers.clone(), work.payments.clone(), work.parcels.clone(), work.lanes.clone())
        })
        .await?;
    ensure_eq!(
        loaded.0.get(&dossier.code),
        Some(&Loaded::stored(dossier)),
        "the edited dossier, newest state"
    );
    ensure_eq!(
        loaded.1.get(&payment.id),
        Some(&Loaded::stored(payment)),
        "the edited payment, new reference"
    );
    ensure_eq!(loaded.2.get(&parcel.id), Some(&Loaded::stored(parcel)), "the edited parcel");
    ensure_eq!(loaded.3.get(&key), Some(&Loaded::stored(lane)), "the edited lane: held, no lease, its need");
    Ok(())
}

pub(super) async fn absent_things_are_absent(h: &Harness) -> Verdict {
    let scope = Scope {
        event_keys: [fixtures::event_key("none")].into(),
        dossiers: [fixtures::nth_code(404)].into(),
        history_of: [fixtures::nth_code(404)].into(),
        payments: [fixtures::payment_id("none")].into(),
        payments_of: [fixtures::nth_code(404)].into(),
        references: [(fixtures::connector(PAY), fixtures::reference("NONE"))].into(),
        parcels: [fixtures::parcel_id("none")].into(),
        orders: [(fixtures::connector(POST), fixtures::order_number("none"))].into(),
        lanes: [fixtures::lane_key("none")].into(),
        operations: [404].into(),
        callback_identities: ["none".to_owned()].into(),
        head_states: true,
        ..Scope::default()
    };
    let asked = scope.clone();
    let counts = h
        .look(scope, move |work| {
            let rows = work.dossiers.len() + work.payments.len() + work.parcels.len() + work.lanes.len();
            let facts = work.known_events.len() + work.aliases.len() + work.ended.len() + work.states.len();
            let past: usize = work.history.values().map(Vec::len).sum();
            (rows, facts + past + work.applied_callbacks.len(), work.scope == asked)
        })
        .await?;
    ensure_eq!(
        counts,
        (0, 0, true),
        "rows, facts of things that do not exist, and the scope as it was asked for"
    );
    Ok(())
}

pub(super) async fn earlier_attempts_are_kept_beside_the_latest(h: &Harness) -> Verdict {
    let id = h
        .unit(seed::nothing(), |work| {
            let mut lane = seed::lane_with(work, "k-1", &[(OperationState::Doubtful, morning(0))]);
            let id = lane.open[0].id;
            lane.open[0].attempt = Some(attempt(3));
            seed::put_lane(work, lane);
            work.past_attempts.push((id, attempt(1)));
            work.past_attempts
                .push((id, Attempt { ended_at: None, outcome: None, cause: None, said: None, ..attempt(2) }));
            id
        })
        .await?;
    let shown = h.views.operation(id).await?;
    let attempts = shown.map(|(_, attempts, _)| attempts).unwrap_or_default();
    let numbers: Vec<i32> = attempts.iter().map(|a| a.number).collect();
    ensure_eq!(numbers, vec![1, 2, 3], "the attempts of the operation, the latest included");
    ensure_eq!(attempts[0].said.as_deref(), Some(AWKWARD), "what an earlier attempt said");
    ensure_eq!(attempts[1].outcome, None, "the outcome of an attempt that never ended");
    Ok(())
}

pub(super) async fn a_large_batch_is_one_unit(h: &Harness) -> Verdict {
    const MANY: u32 = 300;
    let codes: Vec<_> = (1..=MANY).map(fixtures::nth_code).collect();
    let keys = codes.iter().map(|c| fixtures::lane_key(c.as_str()));
    let event_keys = (1..=MANY).map(|n| fixtures::event_key(&format!("e-{n}")));
    let scope = Scope {
        dossiers: codes.iter().cloned().collect(),
        lanes: keys.collect(),
        event_keys: event_keys.collect(),
        ..Scope::default()
    };
    let all = codes.clone();
    h.unit(scope.clone(), move |work| {
        for (n, code) in (1..).zip(&all) {
            let dossier = fixtures::dossier(work.id(), code);
            seed::put_dossier(work, &dossier);
            let event = fixtures::event(work.id(), &format!("e-{n}"), Some(&dossier));
            work.new_events.push(event);
            seed::add_operation(work, code.as_str());
            work.outbox.push(seed::out_event(&format!("o-{n}")));
        }
    })
    .await?;
    let counts = h.look(scope, |w| (w.dossiers.len(), w.known_events.len(), w.lanes.len())).await?;
    let many = MANY as usize;
    ensure_eq!(counts, (many, many, many), "dossiers, event keys and lanes of one batch");
    let out: Vec<String> = seed::outbox(h).await?.into_iter().map(|row| row.id).collect();
    let expected: Vec<String> = (1..=MANY).map(|n| format!("o-{n}")).collect();
    ensure_eq!(out, expected, "the batch's out-events in order");
    Ok(())
}

/// The key of an event, for stories elsewhere.
pub(super) fn key_of(n: u32) -> EventKey {
    fixtures::event_key(&format!("e-{n}"))
}

/// A row that claims to be stored and is not.
pub(super) fn pretended<T>(row: T) -> Loaded<T> {
    Loaded { row, change: Change::Update }
}

pub(super) async fn a_dossier_that_goes_into_another_takes_everything_along(h: &Harness) -> Verdict {
    let (stays, goes, alias) = (fixtures::nth_code(1), fixtures::nth_code(2), fixtures::nth_code(3));
    let (of_stays, of_goes) = (stays.clone(), goes.clone());
    h.unit(seed::nothing(), move |work| {
        let stays = fixtures::dossier(work.id(), &of_stays);
        let goes = fixtures::dossier(work.id(), &of_goes);
        seed::put_dossier(work, &stays);
        seed::put_dossier(work, &goes);
        work.new_aliases.push((fixtures::nth_code(3), goes.row));
        let events = [("e-1", &goes), ("e-2", &stays)].map(|(id, d)| fixtures::event(work.id(), id, Some(d)));
        work.new_events.extend(events);
        let payment = fixtures::payment(work.id(), "TT-1", &goes, PAY, morning(0));
        work.payments.insert(payment.id.clone(), Loaded::fresh(payment));
        let parcel = fixtures::parcel(work.id(), "BG-1", &goes, POST);
        work.parcels.insert(parcel.id.clone(), Loaded::fresh(parcel));
        let ready = (OperationState::Ready, morning(0));
        let mut lane = seed::lane_with(work, of_goes.as_str(), &[ready, ready]);
        for operation in &mut lane.open {
            (operation.dossier, operation.version) = (Some(goes.row), Some(1));
        }
        seed::ended(&mut lane.open[0], OperationState::Superseded, morning(1));
        seed::put_lane(work, lane);
    })
    .await?;
    let scope = Scope {
        payments_of: [goes.clone()].into(),
        parcels_of: [goes.clone()].into(),
        lanes: [fixtures::lane_key(goes.as_str())].into(),
        ..seed::dossiers_of([&stays, &goes])
    };
    let (of_stays, of_goes) = (stays.clone(), goes.clone());
    let loaded = h
        .unit(scope, move |work| {
            let loaded = (work.payments.len(), work.parcels.len());
            let rows = [&of_stays, &of_goes].map(|code| work.dossiers.get(code).map_or(0, |d| d.row.row));
            work.dossiers.remove(&of_goes);
            work.new_aliases.push((of_goes.clone(), rows[0]));
            work.merged.push(Merge { from: rows[1], into: rows[0], code: of_stays.clone() });
            for payment in work.payments.values_mut() {
                let record = payment.edit();
                (record.dossier, record.subject) = (rows[0], of_stays.clone());
            }
            for parcel in work.parcels.values_mut() {
                let record = parcel.edit();
                (record.dossier, record.subject) = (rows[0], of_stays.clone());
            }
            seed::change_head(work, of_goes.as_str(), |head| {
                (head.dossier, head.subject) = (Some(rows[0]), Some(of_stays.clone()));
            });
            loaded
        })
        .await?;
    ensure_eq!(loaded, (1, 1), "payments and parcels of a dossier");
    for code in [&stays, &goes, &alias] {
        let Some(one) = h.views.timeline(code.as_str()).await? else {
            ensure!(false, "expected {code} to be found");
            return Ok(());
        };
        ensure_eq!(one.code, stays.to_string(), "whose code {code} is");
        ensure_eq!(one.aliases, vec![goes.to_string(), alias.to_string()], "its other codes");
        let counts = (one.events.len(), one.operations.len(), one.payments.len(), one.parcels.len());
        ensure_eq!(counts, (2, 2, 1, 1), "events, operations, payments, parcels");
        let versions: Vec<_> = one.operations.iter().map(|o| (o.subject.clone(), o.version)).collect();
        let of_it = Some(stays.to_string());
        ensure_eq!(versions, vec![(of_it.clone(), None), (of_it, Some(1))], "ended and open operations");
    }
    ensure_eq!(h.views.overview(0).await?.dossiers, 1, "dossiers");
    let history = Scope { history_of: [stays.clone()].into(), ..seed::dossiers_of([&stays]) };
    let past = h.look(history, |work| work.history.values().map(Vec::len).sum::<usize>()).await?;
    ensure_eq!(past, 2, "the past events of the one that stays");
    Ok(())
}
