//! What only this dialect can get wrong: every column's way through JSON and back, ranges over texts, leases of a live
//! process, the folder's lock. What all stores have to do is in the conformance suite of core.
#![expect(clippy::unwrap_used, reason = "this is how a test fails")]

use jiff::{SignedDuration, Timestamp};
use lienthong_core::{
    dossier::{DossierRecord, DossierState},
    flow::health::enter,
    id::{ConnectorId, DossierCode, LaneKey, OrderNumber, ParcelId, PaymentId, Reference, UnitCode},
    lane::{Lane, LaneState, Lease},
    need::Need,
    operation::{Attempt, Operation, OperationState, Payload},
    outcome::{Cause, Proof},
    parcel::{Direction, ParcelMove, ParcelRecord, ParcelState},
    payment::{PaymentRecord, PaymentState, ReferenceRecord, ReferenceState},
    plan::rules::PartnerKind,
    policy::health::{Phase, Trouble},
    port::{
        store::{RawCallback, Store, StoreError, decide},
        views::{OperationFilter, QuarantineView, Views},
        work::{
            CallbackVerdict, Change, EventRecord, IncidentRecord, Loaded, OutEvent, QuarantineRecord, Scan,
            Scope, VersionRecord, Work, event_key,
        },
    },
};
use lienthong_store_sqlite::{Options, SqliteStore};
use serde_json::json;
use std::{collections::BTreeMap, sync::Arc};

/// Text that JSON and SQL could mangle.
const ODD: &str = "Nguyễn \"Văn\" \\u0041 'A' \u{1f}\u{10ffff} \\";

struct Fixture {
    store: SqliteStore,
    folder: tempfile::TempDir,
}

async fn fixture() -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::connect(Options::new(folder.path(), "me")).await.unwrap();
    store.migrate().await.unwrap();
    Fixture { store, folder }
}

fn at(microseconds: i64) -> Timestamp {
    Timestamp::from_microsecond(microseconds).unwrap()
}

fn connector(name: &str) -> ConnectorId {
    ConnectorId::parse(name).unwrap()
}

fn code() -> DossierCode {
    DossierCode::parse("000.00.08.H99-261122-0001").unwrap()
}

fn alias() -> DossierCode {
    DossierCode::parse("G22.99-261122-000001").unwrap()
}

fn unit() -> UnitCode {
    UnitCode::parse("000.00.08.H99").unwrap()
}

fn dossier(row: i64) -> DossierRecord {
    let mut state = DossierState::new(code());
    state.fields.insert("note".into(), json!(ODD));
    DossierRecord {
        row,
        code: code(),
        unit: Some(unit()),
        known: true,
        version: 1,
        sequences: BTreeMap::from([("/motcua/1".parse().unwrap(), 7)]),
        bindings: BTreeMap::from([(PartnerKind::Portal, connector("dvcqg"))]),
        state: Arc::new(state),
        created_at: at(1_700_000_000_000_001),
    }
}

fn operation(id: i64, lane: &mut Lane, dossier: Option<i64>) -> Operation {
    let position = lane.next_position;
    lane.next_position += 1;
    Operation {
        id,
        lane: lane.id,
        position,
        connector: lane.connector.clone(),
        dossier,
        subject: dossier.map(|_| code()),
        version: dossier.map(|_| 1),
        unit: Some(unit()),
        event: 0,
        payload: Arc::new(Payload::Unassigned { wanted: ODD.into() }),
        state: OperationState::Ready,
        due_at: at(5),
        need: None,
        attempts: 0,
        edits: 3,
        begun: false,
        doubted: false,
        attempt: None,
        cause: None,
        said: None,
        proof: None,
        superseded_by: None,
        decided_by: None,
        created_at: at(6),
        ended_at: None,
    }
}

/// Plans one operation on a new lane; the change is applied to it before it is written.
fn plan(work: &mut Work, name: &str, key: &str, change: impl FnOnce(&mut Operation, &mut Lane)) -> i64 {
    let (connector, key) = (connector(name), LaneKey::parse(key).unwrap());
    let (id, lane_id) = (work.id(), work.id());
    let mut lane = Lane::new(lane_id, connector.clone(), key.clone(), work.now);
    let mut operation = operation(id, &mut lane, None);
    change(&mut operation, &mut lane);
    lane.open.push(operation);
    work.touched.insert(id, Change::Insert);
    work.lanes.insert((key, connector), Loaded::fresh(lane));
    id
}

fn payment(row: i64, dossier: i64) -> PaymentRecord {
    let body = json!({"id": "TT-1", "purpose": "fee", "lines": [], "description": ODD});
    let reference = |text: &str, created| ReferenceRecord {
        reference: Reference::parse(text).unwrap(),
        connector: connector("paygov"),
        state: ReferenceState::Dead,
        sent_at: "20261122100000".into(),
        pay_url: Some(ODD.into()),
        platform_ref: None,
        paid_at: Some(at(8)),
        paid_amount: Some(1_000_000_000_000_000),
        asked_at: None,
        created_at: at(created),
    };
    PaymentRecord {
        row,
        id: PaymentId::parse("TT-1").unwrap(),
        dossier,
        subject: code(),
        unit: None,
        connector: connector("paygov"),
        amount: 50_000,
        state: PaymentState::Open,
        body: Arc::new(serde_json::from_value(body).unwrap()),
        content_hash: [0xab; 32],
        references: vec![reference("LTB", 10), reference("LTA", 11)],
        created_at: at(9),
        updated_at: at(10),
    }
}

fn parcel(row: i64, dossier: i64) -> ParcelRecord {
    ParcelRecord {
        row,
        id: ParcelId::parse("BG-1").unwrap(),
        dossier,
        subject: code(),
        unit: Some(unit()),
        connector: connector("vnpost"),
        direction: Direction::Pickup,
        order_number: OrderNumber::parse("BG-1").unwrap(),
        state: ParcelState::CameBack,
        item_code: Some("CH1".into()),
        moved_at: Some(at(12)),
        last_move: Some(ODD.into()),
        body: Arc::new(serde_json::from_value(json!({"id": "BG-1", "note": ODD})).unwrap()),
        content_hash: [0; 32],
        created_at: at(13),
        updated_at: at(14),
    }
}

/// Everything that a unit of work can write, once.
fn write_everything(work: &mut Work) {
    let now = work.now;
    let (event, row) = (work.id(), work.id());
    work.new_events.push(EventRecord {
        row: event,
        key: event_key("/motcua/1", ODD.replace('\u{1f}', "").as_str()).unwrap(),
        content_hash: [0x0f; 32],
        name: "dossier.received".into(),
        subject: code().to_string(),
        unit: Some(unit()),
        dossier: Some(row),
        at: at(1),
        sequence: Some(i64::MAX),
        late: true,
        planned: 1,
        note: Some(ODD.into()),
        body: json!({"odd": ODD}).to_string().into(),
    });
    work.new_quarantine.push(QuarantineRecord {
        row: work.id(),
        origin: "amqp".into(),
        source: None,
        event_id: Some(ODD.into()),
        subject: None,
        event_type: None,
        reason: "invalid".into(),
        path: "/data".into(),
        expected: "an object".into(),
        got: ODD.into(),
        raw: vec![0, 255, 7],
    });
    let dossier = dossier(row);
    let state = serde_json::to_string(&*dossier.state).unwrap().into();
    work.new_versions.push(VersionRecord { dossier: row, version: 1, state, event });
    work.new_aliases.push((alias(), row));
    work.dossiers.insert(code(), Loaded::fresh(dossier));
    work.payments.insert(PaymentId::parse("TT-1").unwrap(), Loaded::fresh(payment(work.id(), row)));
    work.parcels.insert(ParcelId::parse("BG-1").unwrap(), Loaded::fresh(parcel(work.id(), row)));
    let id = plan(work, "dvcqg", code().as_str(), |operation, lane| {
        lane.acknowledged = true;
        lane.claim = 3;
        lane.lease = Some(Lease { holder: "me".into(), until: at(77) });
        operation.state = OperationState::Running;
        operation.dossier = Some(row);
        operation.version = Some(1);
        operation.subject = Some(code());
        operation.event = event;
        operation.attempts = 2;
        operation.begun = true;
        operation.doubted = true;
        operation.need = Some(Need::Snapshot(ODD.into()));
        operation.cause = Some(Cause::Throttled);
        operation.said = Some(ODD.into());
        operation.proof = Some(Proof { said: ODD.into(), ..Proof::default() });
        operation.decided_by = Some("An".into());
        operation.superseded_by = Some(42);
        operation.attempt = Some(Attempt {
            number: 2,
            started_at: at(20),
            ended_at: None,
            outcome: Some("unclear".into()),
            cause: Some(Cause::NoAnswer),
            said: None,
            holder: "me".into(),
        });
    });
    let first = Attempt {
        number: 1,
        started_at: at(15),
        ended_at: Some(at(16)),
        outcome: Some("not_done".into()),
        cause: Some(Cause::Broken),
        said: Some(ODD.into()),
        holder: "me".into(),
    };
    work.past_attempts.push((id, first));
    work.new_moves.push((
        connector("vnpost"),
        None,
        ParcelMove {
            record: "1".into(),
            order_number: "BG-1".into(),
            item_code: "CH1".into(),
            status_code: 91,
            status: ODD.into(),
            post_office: "H".into(),
            at: now,
            notes: String::new(),
            means: None,
        },
    ));
    work.new_moves.push(work.new_moves[0].clone());
    work.opened.push(IncidentRecord { key: format!("snapshot:{ODD}"), connector: None, said: ODD.into() });
    work.opened.push(work.opened[0].clone());
    work.cursors.push(("tracking".into(), ODD.into()));
    for n in 0..3 {
        work.outbox.push(OutEvent {
            name: "portal.synced".into(),
            subject: ODD.into(),
            unit: Some(unit()),
            id: format!("out-{n}"),
            data: json!({"n": n, "odd": ODD}),
            at: at(21),
        });
    }
    work.ledger.received = 1;
    work.ledger.admitted = 1;
    work.ledger.planned = 1;
    work.audit.push(("An".into(), "wrote".into(), ODD.into()));
}

#[tokio::test]
async fn everything_that_is_written_is_read_back_as_it_was() {
    let Fixture { store, folder: _folder } = fixture().await;
    let written = decide(&store, Scope::default(), |work| {
        write_everything(work);
        (work.dossiers.clone(), work.payments.clone(), work.parcels.clone(), work.lanes.clone())
    })
    .await
    .unwrap();
    let key = event_key("/motcua/1", ODD.replace('\u{1f}', "").as_str()).unwrap();
    let mut scope = Scope { head_states: true, ..Scope::default() };
    scope.event_keys.insert(key.clone());
    scope.dossiers.insert(alias());
    scope.history_of.insert(alias());
    scope.payments_of.insert(code());
    scope.orders.insert((connector("vnpost"), OrderNumber::parse("BG-1").unwrap()));
    scope.lanes.insert(LaneKey::from(&code()));
    decide(&store, scope, move |work| {
        let (dossiers, payments, parcels, mut lanes) = written.clone();
        assert_eq!(work.known_events.get(&key), Some(&[0x0f; 32]));
        assert_eq!(rows(&work.dossiers), rows(&dossiers));
        assert_eq!(work.aliases.get(&alias()), Some(&code()));
        assert_eq!(rows(&work.payments), rows(&payments));
        assert_eq!(rows(&work.parcels), rows(&parcels));
        // `finish` brought the row in step with its head after the decision.
        for lane in lanes.values_mut() {
            lane.row.sync(work.now);
            lane.row.since = work.lanes.values().next().unwrap().row.since;
        }
        assert_eq!(rows(&work.lanes), rows(&lanes));
        let (head, history) =
            (lanes.values().next().unwrap().row.open[0].clone(), work.history.values().next().unwrap());
        assert!(work.states[&(head.dossier.unwrap(), 1)].contains("Văn"));
        assert_eq!((history.len(), history[0].sequence), (1, Some(i64::MAX)));
        assert_eq!(serde_json::from_str::<serde_json::Value>(&history[0].body).unwrap(), json!({"odd": ODD}));
    })
    .await
    .unwrap();

    let outbox = store.outbox(0, 10).await.unwrap();
    assert_eq!(outbox.iter().map(|o| o.id.as_str()).collect::<Vec<_>>(), ["out-0", "out-1", "out-2"]);
    assert_eq!(outbox[1].subject, ODD);
    assert_eq!(store.outbox(outbox[0].number, 1).await.unwrap()[0].id, "out-1");
    assert_eq!(store.cursor("tracking").await.unwrap().as_deref(), Some(ODD));
    let ledgers = store.ledgers().await.unwrap();
    assert_eq!((ledgers.message_difference(), ledgers.operation_difference(), ledgers.open), (0, 0, 1));
    let listed = store.quarantine(0, 10).await.unwrap().remove(0);
    let entry = store.quarantine_entry(listed.id).await.unwrap().unwrap();
    assert_eq!((entry.raw.as_slice(), entry.got.as_str()), (&[0, 255, 7][..], ODD));
    assert_eq!(listed, QuarantineView { raw: Vec::new(), ..entry });

    let timeline = store.timeline(alias().as_str()).await.unwrap().unwrap();
    assert_eq!(
        (timeline.code.as_str(), timeline.aliases.as_slice()),
        (code().as_str(), &[alias().to_string()][..])
    );
    assert_eq!(
        (timeline.events.len(), timeline.payments[0].references.len(), timeline.parcels.len()),
        (1, 2, 1)
    );
    assert_eq!(timeline.attempts.iter().map(|a| a.number).collect::<Vec<_>>(), [1, 2]);
    let (operation, attempts, state) = store.operation(timeline.operations[0].id).await.unwrap().unwrap();
    assert_eq!((&operation, attempts), (&timeline.operations[0], timeline.attempts));
    assert!(operation.is_head && operation.state == "running" && state.unwrap().contains("Văn"));
    assert_eq!(store.timeline("X-261122-1").await.unwrap(), None);

    let overview = store.overview(0).await.unwrap();
    assert_eq!((overview.dossiers, overview.quarantine_open, overview.outbox_highest), (1, 1, 3));
    assert_eq!((overview.incidents.len(), overview.incidents[0].waiting), (1, 1));
    assert_eq!((overview.lanes[0].state.as_str(), overview.lanes[0].lanes), ("running", 1));
    assert_eq!((overview.units[0].events, overview.units[0].waiting), (1, 1));
    assert_eq!(overview.partners[0].state, "running");
}

fn rows<K: Ord + Clone, T: Clone>(loaded: &BTreeMap<K, Loaded<T>>) -> BTreeMap<K, T> {
    loaded.iter().map(|(k, l)| (k.clone(), l.row.clone())).collect()
}

#[tokio::test]
async fn updates_replace_what_changes_and_an_idle_lane_is_not_told_of() {
    let Fixture { store, folder: _folder } = fixture().await;
    let id = decide(&store, Scope::default(), |work| plan(work, "dvcqg", "a", |_, _| {})).await.unwrap();
    let scope = Scope { operations: [id].into(), ..Scope::default() };
    decide(&store, scope.clone(), move |work| {
        let lane = work.lanes.values_mut().next().unwrap().edit();
        lane.open[0].state = OperationState::Succeeded;
        lane.open[0].ended_at = Some(work.now);
        work.touch(id);
    })
    .await
    .unwrap();
    decide(&store, scope, move |work| {
        assert_eq!(work.ended[&id].state, OperationState::Succeeded);
        let lane = &work.lanes.values().next().unwrap().row;
        assert_eq!((lane.state, lane.head, lane.open.len()), (LaneState::Idle, None, 0));
    })
    .await
    .unwrap();
    assert_eq!(store.overview(0).await.unwrap().lanes, []);
}

#[tokio::test]
async fn a_successor_takes_the_place_of_what_it_supersedes() {
    let Fixture { store, folder: _folder } = fixture().await;
    let old = decide(&store, Scope::default(), |work| plan(work, "dvcqg", "a", |_, _| {})).await.unwrap();
    let scope = Scope { operations: [old].into(), ..Scope::default() };
    decide(&store, scope, move |work| {
        let new = work.id();
        let lane = work.lanes.values_mut().next().unwrap().edit();
        let mut successor = operation(new, lane, None);
        successor.position = lane.open[0].position;
        lane.open[0].state = OperationState::Superseded;
        lane.open[0].superseded_by = Some(new);
        lane.open.push(successor);
        work.touch(old);
        work.touched.insert(new, Change::Insert);
    })
    .await
    .unwrap();
    let open = OperationFilter { open_only: true, limit: 10, ..OperationFilter::default() };
    let open = store.operations(&open).await.unwrap();
    assert_eq!((open.len(), open[0].position, open[0].is_head), (1, 1, true));
}

#[tokio::test]
async fn an_update_that_finds_no_row_is_not_taken_for_done() {
    let Fixture { store, folder: _folder } = fixture().await;
    let lost = decide(&store, Scope::default(), |work| {
        let id = plan(work, "dvcqg", "a", |_, _| {});
        work.touched.insert(id, Change::Update);
    });
    assert!(matches!(lost.await, Err(StoreError::Contended(_))));
    assert_eq!(store.overview(0).await.unwrap().lanes, []);
}

#[tokio::test]
async fn a_second_lane_of_the_same_key_is_contended_and_u_0000_is_rejected() {
    let Fixture { store, folder: _folder } = fixture().await;
    let again = || decide(&store, Scope::default(), |work| plan(work, "dvcqg", "a", |_, _| {}));
    again().await.unwrap();
    assert!(matches!(again().await, Err(StoreError::Contended(said)) if said.contains("lanes")));
    let zero =
        decide(&store, Scope::default(), |work| work.audit.push(("a".into(), "b".into(), "\0".into())));
    assert!(matches!(zero.await, Err(StoreError::Rejected(said)) if said.contains("audit")));
}

#[tokio::test]
async fn needs_are_found_by_their_beginning_and_nothing_else() {
    let Fixture { store, folder: _folder } = fixture().await;
    let needs =
        ["mapping:p:ward:1", "mapping:p:ward:\u{10ffff}", "mapping:p:ward_:1", "mapping:p:warc:9", "code:%"];
    decide(&store, Scope::default(), move |work| {
        for (n, need) in needs.into_iter().enumerate() {
            plan(work, "dvcqg", &format!("k{n}"), |operation, _| {
                operation.state = OperationState::Held;
                operation.need = Some(need.parse().unwrap());
            });
        }
    })
    .await
    .unwrap();
    for prefix in
        ["mapping:p:ward:", "mapping:p:ward", "mapping:p:ward:\u{10ffff}", "code:%", "code:_", "", "z"]
    {
        let connectors = vec!["dvcqg".parse().unwrap()];
        let scan = vec![Scan::Need { connectors, prefix: prefix.into(), limit: 9 }];
        let scope = Scope { scan, ..Scope::default() };
        let found = decide(&store, scope, |work| work.lanes.len()).await.unwrap();
        assert_eq!(found, needs.iter().filter(|n| n.starts_with(prefix)).count(), "{prefix}");
    }
    let held = OperationFilter {
        need: Some("code:%".into()),
        state: Some(OperationState::Held),
        limit: 9,
        ..OperationFilter::default()
    };
    assert_eq!(store.operations(&held).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_live_process_keeps_its_own_leases_whatever_the_clock_says() {
    let Fixture { store, folder: _folder } = fixture().await;
    decide(&store, Scope::default(), |work| {
        for (key, holder) in [("mine", "me"), ("theirs", "somebody that died")] {
            plan(work, "dvcqg", key, |operation, lane| {
                operation.state = OperationState::Running;
                lane.lease = Some(Lease { holder: holder.into(), until: at(1) });
            });
        }
    })
    .await
    .unwrap();
    let found = |scan| {
        let scope = Scope { scan: vec![scan], ..Scope::default() };
        decide(&store, scope, |work| work.lanes.keys().map(|(k, _)| k.to_string()).collect::<Vec<_>>())
    };
    assert_eq!(found(Scan::LeaseExpired { limit: 9 }).await.unwrap(), ["theirs"]);
    assert_eq!(found(Scan::HeldBy { holder: "me".into(), limit: 9 }).await.unwrap(), ["mine"]);
}

#[tokio::test]
async fn due_lanes_come_oldest_first_and_the_next_one_is_known() {
    let Fixture { store, folder: _folder } = fixture().await;
    decide(&store, Scope::default(), |work| {
        let later = work.now.checked_add(SignedDuration::from_hours(1)).unwrap();
        for (key, due) in [("b", at(2)), ("a", at(3)), ("later", later)] {
            plan(work, "dvcqg", key, |operation, _| operation.due_at = due);
        }
        plan(work, "other", "c", |_, _| {});
    })
    .await
    .unwrap();
    let due = Scan::Due { connector: connector("dvcqg"), state: LaneState::Ready, limit: 1 };
    let scope = Scope { scan: vec![due], ..Scope::default() };
    let found =
        decide(&store, scope, |work| work.lanes.keys().map(|(k, _)| k.to_string()).collect::<Vec<_>>());
    assert_eq!(found.await.unwrap(), ["b"]);
    assert_eq!(store.next_due(&connector("dvcqg"), LaneState::Ready).await.unwrap(), Some(at(2)));
    assert_eq!(store.next_due(&connector("dvcqg"), LaneState::Doubtful).await.unwrap(), None);
}

#[tokio::test]
async fn rounds_load_what_is_missing_and_end_some_time() {
    let Fixture { store, folder: _folder } = fixture().await;
    decide(&store, Scope::default(), |work| {
        let key = LaneKey::parse("a").unwrap();
        if let Some(lane) = work.lane(&connector("dvcqg"), &key) {
            lane.edit().acknowledged = true;
        }
    })
    .await
    .unwrap();
    let endless = decide(&store, Scope::default(), |work| {
        work.missing.operations.insert(work.scope.operations.len() as i64);
    });
    assert!(matches!(endless.await, Err(StoreError::Rejected(_))));
}

#[tokio::test]
async fn a_callback_is_applied_once() {
    let Fixture { store, folder: _folder } = fixture().await;
    let raw = RawCallback {
        connector: connector("p"),
        door: lienthong_core::port::store::Door::Callback,
        path: "/x".into(),
        headers: "{}".into(),
        body: vec![0, 1],
    };
    let (one, two) = (store.keep_callback(&raw).await.unwrap(), store.keep_callback(&raw).await.unwrap());
    let apply = |callback| {
        let verdict = CallbackVerdict { callback, identity: Some("id".into()), verdict: "applied".into() };
        decide(&store, Scope::default(), move |work| work.callbacks.push(verdict.clone()))
    };
    apply(one).await.unwrap();
    assert!(matches!(apply(two).await, Err(StoreError::Contended(_))));
    let scope = Scope { callback_identities: ["id".into(), "other".into()].into(), ..Scope::default() };
    assert_eq!(decide(&store, scope, |work| work.applied_callbacks.len()).await.unwrap(), 1);
}

#[tokio::test]
async fn a_fence_grows_with_every_hand_over_and_guards_the_cursor() {
    let Fixture { store, folder: _folder } = fixture().await;
    let (hour, none) = (SignedDuration::from_hours(1), SignedDuration::from_secs(-1));
    let mine = store.acquire("relay", "me", hour).await.unwrap().unwrap();
    assert_eq!(store.acquire("relay", "me", hour).await.unwrap().as_ref(), Some(&mine));
    assert_eq!(store.acquire("relay", "you", hour).await.unwrap(), None);
    store.set_cursor("relay", "5", &mine).await.unwrap();
    assert_eq!(store.acquire("relay", "me", none).await.unwrap().as_ref(), Some(&mine));
    let yours = store.acquire("relay", "you", hour).await.unwrap().unwrap();
    assert_eq!(yours.number, mine.number + 1);
    assert_eq!(store.set_cursor("relay", "6", &mine).await, Err(StoreError::Fenced("relay".into())));
    assert_eq!(store.cursor("relay").await.unwrap().as_deref(), Some("5"));
    store.relinquish(&mine).await.unwrap();
    assert_eq!(store.acquire("relay", "me", hour).await.unwrap(), None);
    store.relinquish(&yours).await.unwrap();
    assert_eq!(store.acquire("relay", "you", hour).await.unwrap().unwrap().number, yours.number + 1);
}

#[tokio::test]
async fn timers_are_due_once_and_only_known_ones() {
    let Fixture { store, folder: _folder } = fixture().await;
    let (hour, past) = (SignedDuration::from_hours(1), at(1));
    let known = [("a".to_owned(), past), ("b".to_owned(), Timestamp::MAX)];
    let due = store.due_timers(&known, "me", hour).await.unwrap();
    assert_eq!(due.iter().map(|d| (d.name.as_str(), d.planned_at)).collect::<Vec<_>>(), [("a", past)]);
    assert_eq!(store.due_timers(&known, "you", hour).await.unwrap(), []);
    store.timer_done(&due[0].fence, at(2)).await.unwrap();
    let again = store.due_timers(&known, "you", hour).await.unwrap();
    assert_eq!(again[0].planned_at, at(2));
    assert_eq!(store.timer_done(&due[0].fence, at(3)).await, Err(StoreError::Fenced("a".into())));
}

#[tokio::test]
async fn an_incident_of_a_partner_counts_what_waits_and_keeps_odd_words() {
    let Fixture { store, folder: _folder } = fixture().await;
    decide(&store, Scope::default(), |work| plan(work, "dvcqg", "a", |_, _| {})).await.unwrap();
    let scope = || Scope { partners: [connector("dvcqg")].into(), ..Scope::default() };
    let trouble = Trouble { since: at(1), cause: Cause::CredentialsRejected, said: ODD.into(), trials: 0 };
    let open = Phase::Open { trouble, trial_at: at(60) };
    let inside = open.clone();
    decide(&store, scope(), move |work| enter(work, &connector("dvcqg"), inside.clone())).await.unwrap();
    let incidents = store.overview(0).await.unwrap().incidents;
    assert_eq!((incidents.len(), incidents[0].key.as_str(), incidents[0].waiting), (1, "pause:dvcqg", 1));
    assert_eq!(store.conditions().await.unwrap()[0].phase, open);
}

#[tokio::test]
async fn folding_changes_no_sum() {
    let Fixture { store, folder: _folder } = fixture().await;
    for _ in 0..3 {
        decide(&store, Scope::default(), |work| work.ledger.received = 2).await.unwrap();
    }
    let before = store.ledgers().await.unwrap();
    for _ in 0..2 {
        store.fold_ledgers().await.unwrap();
        assert_eq!(store.ledgers().await.unwrap(), before);
    }
    assert_eq!(before.total.received, 6);
}

#[tokio::test]
async fn row_numbers_are_never_given_twice_across_restarts() {
    let folder = tempfile::tempdir().unwrap();
    let mut last = 0;
    for run in 0..3 {
        let store = SqliteStore::connect(Options::new(folder.path(), format!("run {run}"))).await.unwrap();
        store.migrate().await.unwrap();
        for _ in 0..3 {
            let id = decide(&store, Scope::default(), |work| work.id()).await.unwrap();
            assert!(id > last, "{id} after {last}");
            last = id;
        }
        store.close().await;
    }
}

#[tokio::test]
async fn a_second_process_is_told_whichfolder_and_what_to_do() {
    let Fixture { store, folder } = fixture().await;
    let second = SqliteStore::connect(Options::new(folder.path(), "second")).await.err().unwrap().to_string();
    assert!(second.contains(&folder.path().display().to_string()), "{second}");
    assert!(
        second.contains("in use by another process (me") && second.contains("choose another folder"),
        "{second}"
    );
    store.close().await;
    assert!(matches!(store.ping().await, Err(StoreError::Unavailable(_))));
    SqliteStore::connect(Options::new(folder.path(), "second")).await.unwrap().ping().await.unwrap();
}

#[tokio::test]
async fn hints_come_after_commits_that_give_somebody_something_to_do() {
    let Fixture { store, folder: _folder } = fixture().await;
    let mut hints = store.hints().await;
    decide(&store, Scope::default(), |work| work.ledger.received = 1).await.unwrap();
    assert!(hints.try_recv().is_err());
    decide(&store, Scope::default(), |work| plan(work, "dvcqg", "a", |_, _| {})).await.unwrap();
    hints.recv().await.unwrap();
}
