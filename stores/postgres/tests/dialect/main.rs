//! What is PostgreSQL's own: waiting for locks, concurrent inserts, arrays, the order of out-events,
//! hints, several processes. What every store has to do is in the conformance suite of core.

#[cfg(test)]
mod rows;
#[cfg(test)]
#[path = "../support/mod.rs"]
mod support;

#[cfg(test)]
mod tests {
    use crate::{
        rows::{at, code, connector, dossier, plan},
        support::{eventually, with_store},
    };

    use lienthong_core::{
        id::{LaneKey, UnitCode},
        lane::LaneState,
        operation::OperationState,
        port::{
            store::{Decision, OutboxRow, Store, StoreError, decide},
            views::Views,
            work::{EventRecord, Loaded, OutEvent, Scan, Scope, VersionRecord, Work, event_key},
        },
    };
    use lienthong_store_postgres::{Options, PostgresStore};
    use serde_json::json;
    use sqlx::{Connection, Executor, PgConnection};
    use std::{
        collections::{BTreeSet, HashSet},
        sync::{
            Arc, Barrier, Mutex,
            atomic::{AtomicU32, Ordering},
        },
    };
    use tokio::task::JoinSet;

    fn event(work: &Work, source: &str, id: &str) -> EventRecord {
        EventRecord {
            row: work.id(),
            key: event_key(source, id).unwrap(),
            content_hash: [7; 32],
            name: "dossier.received".into(),
            subject: code(1).to_string(),
            unit: Some(UnitCode::parse("000.00.08.H99").unwrap()),
            dossier: None,
            at: at(1_000_000),
            sequence: Some(3),
            late: true,
            planned: 2,
            note: Some("recorded".into()),
            body: Arc::from(r#"{"a":"Hồ sơ"}"#),
        }
    }

    fn out(name: &str) -> OutEvent {
        OutEvent {
            name: name.into(),
            subject: code(1).to_string(),
            unit: None,
            id: format!("id of {name}"),
            data: json!({"b": 1}),
            at: at(5),
        }
    }

    /// The outbox, once it shows so many rows.
    async fn out_events(store: &PostgresStore, wanted: usize) -> Vec<OutboxRow> {
        let what = format!("{wanted} out-events");
        eventually(&what, || async { store.outbox(0, 10).await.unwrap().len() == wanted }).await;
        store.outbox(0, 10).await.unwrap()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn an_event_admitted_twice_at_once_is_stored_once_and_found_by_the_other() {
        with_store(|store, _| async move {
            let (both, calls) = (Arc::new(Barrier::new(2)), Arc::new(AtomicU32::new(0)));
            let mut tasks = JoinSet::new();
            for _ in 0..2 {
                let (store, both, calls) = (store.clone(), Arc::clone(&both), Arc::clone(&calls));
                tasks.spawn(async move {
                    let key = event_key("/m", "e1").unwrap();
                    let scope = Scope { event_keys: BTreeSet::from([key.clone()]), ..Scope::default() };
                    let decision = move |work: &mut Work| {
                        // The first calls of both see nothing, and only then may either write.
                        if calls.fetch_add(1, Ordering::SeqCst) < 2 {
                            tokio::task::block_in_place(|| both.wait());
                        }
                        if work.known_events.contains_key(&key) {
                            work.ledger.duplicate += 1;
                        } else {
                            work.new_events.push(event(work, "/m", "e1"));
                            work.ledger.admitted += 1;
                        }
                        work.ledger.received += 1;
                    };
                    decide(&store, scope, decision).await.unwrap();
                });
            }
            tasks.join_all().await;
            let total = store.ledgers().await.unwrap().total;
            assert_eq!((total.received, total.admitted, total.duplicate), (2, 1, 1));
        })
        .await;
    }

    /// Reading the newest version in the statement that waits for the lock would miss it: that statement sees
    /// `dossier_versions` as it was before the wait.
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn what_is_counted_beside_a_fold_is_counted_once() {
        with_store(|store, url| async move {
            let one = |work: &mut Work| work.ledger.received = 1;
            decide(&store, Scope::default(), one).await.unwrap();
            // A unit that has written its row and not committed, and a fold that has not either.
            let mut unit = PgConnection::connect(&url).await.unwrap();
            let counting = "begin; insert into ledger_deltas (received, admitted, duplicate, quarantined, planned,
                succeeded, refused, superseded, dismissed) values (10, 0, 0, 0, 0, 0, 0, 0, 0)";
            unit.execute(counting).await.unwrap();
            let mut fold = PgConnection::connect(&url).await.unwrap();
            let folding = "begin; with folded as (delete from ledger_deltas returning received)
                insert into ledger_deltas (received, admitted, duplicate, quarantined, planned, succeeded, refused,
                    superseded, dismissed) select sum(received), 0, 0, 0, 0, 0, 0, 0, 0 from folded";
            fold.execute(folding).await.unwrap();
            assert_eq!(store.ledgers().await.unwrap().total.received, 1, "before both commits");
            unit.execute("commit").await.unwrap();
            assert_eq!(store.ledgers().await.unwrap().total.received, 11, "between them");
            // Another fold waits for the first one, and finds nothing of what that took.
            let other = JoinSet::from_iter([{
                let store = store.clone();
                async move { store.fold_ledgers().await }
            }]);
            fold.execute("commit").await.unwrap();
            assert!(other.join_all().await.into_iter().all(|folded| folded.is_ok()));
            assert_eq!(store.ledgers().await.unwrap().total.received, 11, "after both folds");
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn who_waited_for_a_dossier_sees_the_version_written_meanwhile() {
        with_store(|store, _| async move {
            let mut tasks = JoinSet::new();
            for _ in 0..12 {
                let store = store.clone();
                tasks.spawn(async move {
                    let scope = Scope { dossiers: BTreeSet::from([code(1)]), ..Scope::default() };
                    decide(&store, scope, |work: &mut Work| {
                        let fresh = dossier(work.id(), &code(1));
                        let loaded =
                            work.dossiers.entry(code(1)).or_insert_with(|| Loaded::fresh(fresh)).edit();
                        loaded.version += 1;
                        let state = Arc::make_mut(&mut loaded.state);
                        state.supplements.push(json!({"id": loaded.version}).as_object().unwrap().clone());
                        let version = VersionRecord {
                            dossier: loaded.row,
                            version: loaded.version,
                            state: Arc::from(serde_json::to_string(state).unwrap()),
                            event: 0,
                        };
                        work.new_versions.push(version);
                    })
                    .await
                    .unwrap();
                });
            }
            tasks.join_all().await;
            let timeline = store.timeline(code(1).as_str()).await.unwrap().unwrap();
            let state: serde_json::Value = serde_json::from_str(&timeline.state).unwrap();
            assert_eq!((timeline.version, state["supplements"].as_array().unwrap().len()), (12, 12));
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_successor_takes_the_place_of_a_superseded_head_in_the_same_unit() {
        with_store(|store, _| async move {
            let key = LaneKey::from(&code(1));
            let scope = Scope { lanes: BTreeSet::from([key.clone()]), ..Scope::default() };
            let lane = key.clone();
            decide(&store, scope.clone(), move |work| {
                plan(work, &lane, |_| {});
                plan(work, &lane, |_| {});
            })
            .await
            .unwrap();
            let lane = key.clone();
            decide(&store, scope.clone(), move |work| {
                let new = plan(work, &lane, |_| {}).unwrap();
                let now = work.now;
                let row = work.lane(&connector(), &lane).unwrap().edit();
                let (first, second) = (row.open[0].id, row.open[1].id);
                // The second operation takes the first one's place, the third the second one's.
                row.open[0].state = OperationState::Superseded;
                row.open[0].ended_at = Some(now);
                row.open[2].position = row.open[1].position;
                row.open[1].position = row.open[0].position;
                row.open[1].state = OperationState::Dismissed;
                row.open[2].position = 1;
                row.open[0].superseded_by = Some(new);
                work.touch(first);
                work.touch(second);
            })
            .await
            .unwrap();
            let lane = key.clone();
            let open =
                decide(&store, scope, move |work| work.lane(&connector(), &lane).unwrap().row.clone()).await;
            let open = open.unwrap();
            assert_eq!((open.open.len(), open.open[0].position, open.state), (1, 1, LaneState::Ready));
            assert_eq!(open.head, Some(open.open[0].id));
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_update_of_an_operation_that_is_not_there_is_not_taken_for_done() {
        with_store(|store, _| async move {
            let key = LaneKey::from(&code(1));
            let scope = Scope { lanes: BTreeSet::from([key.clone()]), ..Scope::default() };
            let answer = decide(&store, scope, move |work| {
                let id = plan(work, &key, |_| {}).unwrap();
                work.touched.insert(id, lienthong_core::port::work::Change::Update);
            });
            assert!(matches!(answer.await, Err(StoreError::Contended(_))));
            assert_eq!(store.ledgers().await.unwrap().open, 0);
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn numbers_of_out_events_are_drawn_by_one_transaction_at_a_time() {
        with_store(|store, url| async move {
            let mut other = PgConnection::connect(&url).await.unwrap();
            other.execute("begin").await.unwrap();
            other.execute("select pg_advisory_xact_lock(hashtextextended('lienthong.outbox', 0))").await.unwrap();
            other
                .execute("insert into outbox (name, subject, event_id, data, at) values ('older', 's', 'i', '{}', 1)")
                .await
                .unwrap();
            let later =
                decide(&store, Scope::default(), |work| work.outbox.extend([out("first"), out("second")]));
            let older = async {
                let other = Arc::new(tokio::sync::Mutex::new(other));
                eventually("the later one waits for the older", || async {
                    let waiting = "select count(*) from pg_locks where locktype = 'advisory' and not granted
                        and database = (select oid from pg_database where datname = current_database())";
                    let mut other = other.lock().await;
                    let waiting: i64 = sqlx::query_scalar(waiting).fetch_one(&mut *other).await.unwrap();
                    waiting == 1
                })
                .await;
                assert_eq!(store.outbox(0, 10).await.unwrap(), []);
                other.lock().await.execute("commit").await.unwrap();
            };
            let (stored, ()) = tokio::join!(later, older);
            stored.unwrap();
            let rows = out_events(&store, 3).await;
            let names: Vec<&str> = rows.iter().map(|r| r.name.as_str()).collect();
            assert_eq!(names, ["older", "first", "second"]);
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_the_server_cannot_hold_is_rejected_and_a_panic_poisons_nothing() {
        with_store(|store, _| async move {
            let answer = decide(&store, Scope::default(), |work| {
                work.audit.push(("a\0".into(), "b".into(), "c".into()));
            });
            assert!(matches!(answer.await, Err(StoreError::Rejected(_))));
            let decision: Decision = Arc::new(|work| {
                assert!(work.outbox.len() > 1, "meant to fail");
            });
            let answer = store.transact(Scope::default(), decision).await;
            assert!(matches!(answer, Err(StoreError::Rejected(_))), "{answer:?}");
            decide(&store, Scope::default(), |work| work.outbox.push(out("after"))).await.unwrap();
            out_events(&store, 1).await;
            let greedy = decide(&store, Scope::default(), |work| {
                for _ in 0..=lienthong_core::port::work::IDS_PER_DECISION {
                    work.id();
                }
            });
            assert!(matches!(greedy.await, Err(StoreError::Rejected(_))));
            let insatiable = decide(&store, Scope::default(), |work| {
                work.missing.head_states = true;
            });
            assert!(matches!(insatiable.await, Err(StoreError::Rejected(_))));
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_closed_store_is_unavailable() {
        with_store(|store, url| async move {
            let other = PostgresStore::connect(Options::new(url)).await.unwrap();
            let mut hints = other.hints().await;
            other.close().await;
            assert!(matches!(other.ping().await, Err(StoreError::Unavailable(_))));
            while hints.recv().await.is_some() {}
            store.ping().await.unwrap();
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn no_row_number_is_given_twice_by_concurrent_units_of_two_processes() {
        with_store(|store, url| async move {
            let other = PostgresStore::connect(Options::new(url)).await.unwrap();
            let seen = Arc::new(Mutex::new(HashSet::new()));
            let mut tasks = JoinSet::new();
            for n in 0..120 {
                let store = if n % 2 == 0 { store.clone() } else { other.clone() };
                let seen = Arc::clone(&seen);
                tasks.spawn(async move {
                    let ids = decide(&store, Scope::default(), |work| {
                        (0..50).map(|_| work.id()).collect::<Vec<_>>()
                    });
                    for id in ids.await.unwrap() {
                        assert!(seen.lock().unwrap().insert(id), "{id} was given twice");
                    }
                });
            }
            tasks.join_all().await;
            assert_eq!(seen.lock().unwrap().len(), 6000);
            other.close().await;
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_hint_reaches_another_process() {
        with_store(|store, url| async move {
            let other = PostgresStore::connect(Options::new(url)).await.unwrap();
            let mut hints = other.hints().await;
            // The first one says that it listens.
            hints.recv().await.unwrap();
            decide(&store, Scope::default(), |work| work.outbox.push(out("x"))).await.unwrap();
            let hint = tokio::time::timeout(std::time::Duration::from_secs(10), hints.recv()).await;
            assert_eq!(hint.unwrap(), Some(()));
            other.close().await;
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn scans_pass_over_lanes_that_somebody_else_has() {
        with_store(|store, url| async move {
            for n in 1..=3 {
                let key = LaneKey::from(&code(n));
                let scope = Scope { lanes: BTreeSet::from([key.clone()]), ..Scope::default() };
                decide(&store, scope, move |work| {
                    let need =
                        ["mapping:portal:unit:a_b%", "mapping:portal:unit:a_b%c", "mapping:portal:unit:axb%"];
                    plan(work, &key, |o| {
                        o.state = OperationState::Held;
                        o.need = Some(need[n as usize - 1].parse().unwrap());
                    });
                })
                .await
                .unwrap();
            }
            let found = |prefix: &str| {
                let scan =
                    vec![Scan::Need { connectors: vec![connector()], prefix: prefix.into(), limit: 10 }];
                let store = store.clone();
                async move {
                    let scope = Scope { scan, ..Scope::default() };
                    decide(&store, scope, |work| work.lanes.len()).await.unwrap()
                }
            };
            assert_eq!(found("mapping:portal:unit:a_b%").await, 2);
            assert_eq!(found("mapping:").await, 3);
            assert_eq!(found("").await, 3);
            assert_eq!(found("mapping:portal:unit:b").await, 0);
            let mut other = PgConnection::connect(&url).await.unwrap();
            other.execute("begin; select id from lanes order by id limit 1 for update").await.unwrap();
            assert_eq!(found("mapping:").await, 2);
            other.execute("rollback").await.unwrap();
            assert_eq!(found("mapping:").await, 3);
        })
        .await;
    }
}
