//! The reconciliation's tables: what ended is told in order, what a partner was told is gathered, expectations are found by
//! what they ask for, and one discrepancy is open at a time.

use jiff::Timestamp;
use serde_json::json;
use std::{collections::BTreeSet, sync::Arc};

use super::{
    harness::{Harness, Verdict, ensure_eq},
    seed::{self, PORTAL},
};
use crate::{
    id::{DossierCode, LaneKey},
    operation::{ActionKind, OperationState, Payload},
    outcome::Proof,
    port::{
        store::StoreError,
        work::{Change, Loaded, Scope, VersionRecord, Work},
    },
    reconciliation::{
        Answer, Counts, Discrepancy, Expectation, Filter, Kind, Ours, Reach, Repair, Run, Stamp, Wanted, Why,
    },
    testing::fixtures::{self, connector, morning},
};

fn made(n: u32) -> Expectation {
    let key = fixtures::nth_code(n);
    Expectation {
        connector: connector(PORTAL),
        asked_as: key.clone(),
        key,
        dossier: i64::from(n),
        unit: None,
        ours: Ours {
            is_acknowledged: true,
            is_born_there: false,
            status: Some(4),
            told: vec![2, 4],
            version: Some(3),
            steps: 5,
        },
        stamp: Stamp { place: 7, claim: 2 },
        is_open: true,
        is_waiting: false,
        is_doubted: false,
        is_whole: true,
        due_at: Some(morning(9)),
        changed_at: morning(1),
        risk: 0,
        is_fresh: false,
        asked_at: None,
        answer: None,
        absent_since: None,
        again_at: None,
        repair: None,
    }
}

fn put(work: &mut Work, row: &Expectation) {
    let key = (row.connector.clone(), row.key.clone());
    work.expectations.insert(key, Loaded::fresh(row.clone()));
}

fn keys(rows: &[Expectation]) -> Vec<DossierCode> {
    rows.iter().map(|row| row.key.clone()).collect()
}

pub(super) async fn expectations_are_found_by_what_they_ask_for(h: &Harness) -> Verdict {
    let repair = Repair { kind: Kind::Missing, version: 3, at: morning(2), operation: Some(77) };
    let asked = Some(morning(2));
    let rows = [
        Expectation { is_fresh: true, asked_at: asked, ..made(1) },
        Expectation { is_fresh: true, risk: 3, asked_at: asked, ..made(2) },
        Expectation { again_at: Some(morning(3)), absent_since: asked, asked_at: asked, ..made(3) },
        Expectation { is_waiting: true, ..made(4) },
        Expectation { is_open: false, ..made(5) },
        Expectation { repair: Some(repair), answer: Some(Answer::default()), asked_at: asked, ..made(6) },
        Expectation { risk: 2, ..made(7) },
        Expectation { asked_at: Some(morning(1)), ..made(8) },
        made(9),
    ];
    let written = rows.clone();
    h.unit(seed::nothing(), move |work| {
        for row in &written {
            put(work, row);
        }
        put(work, &Expectation { connector: connector("dvcqg-2"), is_fresh: true, ..made(1) });
    })
    .await?;
    let portal = connector(PORTAL);
    let wanted = |wanted| h.second.expectations_wanted(&portal, wanted, 100);
    let of = |numbers: &[u32]| numbers.iter().map(|n| fixtures::nth_code(*n)).collect::<Vec<_>>();
    ensure_eq!(keys(&wanted(Wanted::Changed).await?), of(&[2, 1]), "what changed, the riskiest first");
    let since = morning(2);
    let none = Wanted::Open { risk: 0, since };
    ensure_eq!(keys(&wanted(none).await?), of(&[9, 8]), "open ones, the longest not asked first");
    let near = wanted(Wanted::Open { risk: 2, since }).await?;
    ensure_eq!(near, vec![rows[6].clone()], "by their risk, whole");
    ensure_eq!(wanted(Wanted::Again { by: morning(2) }).await?, vec![], "not yet again");
    ensure_eq!(wanted(Wanted::Again { by: morning(3) }).await?, vec![rows[2].clone()], "again");
    ensure_eq!(wanted(Wanted::Repairing).await?, vec![rows[5].clone()], "repairs under way");
    let page = h.second.expectations(&portal, None, 4).await?;
    ensure_eq!(page, rows[..4].to_vec(), "all by key");
    let rest = h.second.expectations(&portal, Some(&rows[3].key), 100).await?;
    ensure_eq!(rest, rows[4..].to_vec(), "the rest");
    // Changed under lock.
    let key = (portal.clone(), rows[0].key.clone());
    let absent = (portal.clone(), fixtures::nth_code(99));
    let scope = Scope { expectations: BTreeSet::from([key, absent]), ..Scope::default() };
    let found = h
        .unit(scope, |work| {
            for row in work.expectations.values_mut() {
                (row.edit().is_fresh, row.edit().asked_at) = (false, Some(morning(4)));
            }
            work.expectations.len()
        })
        .await?;
    ensure_eq!(found, 1, "only what is there");
    ensure_eq!(keys(&wanted(Wanted::Changed).await?), of(&[2]), "it does not ask any more");
    Ok(())
}

fn discrepancy(id: i64, key: &str) -> Discrepancy {
    let mut made = Discrepancy {
        id,
        connector: connector(PORTAL),
        kind: Kind::Missing,
        key: key.into(),
        subject: DossierCode::parse(key).ok(),
        unit: None,
        ours: json!({"known": true, "note": "\"'"}),
        theirs: json!({"known": false}),
        why: Why::ReportOnly,
        opened_at: morning(1),
        seen_at: morning(1),
        closed: None,
        history: Vec::new(),
    };
    made.note(morning(1), None, "opened", "report_only");
    made
}

fn about(key: &str) -> Scope {
    Scope { discrepancies: BTreeSet::from([(connector(PORTAL), key.to_owned())]), ..Scope::default() }
}

pub(super) async fn one_discrepancy_is_open_per_kind_and_key(h: &Harness) -> Verdict {
    let key = fixtures::nth_code(1).to_string();
    let (one, of_key) = (key.clone(), about(&key));
    let first = h
        .unit(of_key.clone(), move |work| {
            let id = work.id();
            work.discrepancies.insert(id, Loaded::fresh(discrepancy(id, &one)));
            id
        })
        .await?;
    let all = Filter { closed: true, limit: 10, ..Filter::default() };
    ensure_eq!(h.second.discrepancies(&all).await?, vec![discrepancy(first, &key)], "it comes back whole");
    ensure_eq!(h.second.open_discrepancies().await?, 1, "one is open");
    let twice = key.clone();
    let second = h
        .unit(seed::nothing(), move |work| {
            let id = work.id();
            work.discrepancies.insert(id, Loaded::fresh(discrepancy(id, &twice)));
        })
        .await;
    let is_refused = matches!(&second, Err(failure) if failure.to_string().contains("discrepancies"));
    ensure_eq!(is_refused, true, "a second open one of the kind");
    let other = key.clone();
    h.unit(of_key.clone(), move |work| {
        for found in work.discrepancies.values_mut() {
            found.edit().close(morning(2), Some("an"), "đã đối chiếu");
        }
        let id = work.id();
        let behind = Discrepancy { kind: Kind::Behind, ..discrepancy(id, &other) };
        work.discrepancies.insert(id, Loaded::fresh(behind));
    })
    .await?;
    let kinds = h
        .look(of_key.clone(), |work| {
            work.discrepancies.values().map(|d| (d.row.kind, d.row.closed.is_some())).collect::<Vec<_>>()
        })
        .await?;
    ensure_eq!(kinds, vec![(Kind::Missing, true), (Kind::Behind, false)], "open ones and the newest closed");
    let open = Filter { closed: false, ..all.clone() };
    ensure_eq!(h.second.discrepancies(&open).await?.len(), 1, "the open ones");
    let by_kind = Filter { kind: Some(Kind::Missing), key: Some(key.clone()), ..all.clone() };
    let found = h.second.discrepancies(&by_kind).await?;
    ensure_eq!(found.first().and_then(|d| d.closed.clone()).and_then(|c| c.by), Some("an".into()), "by kind");
    let after = Filter { after: first, ..all };
    ensure_eq!(h.second.discrepancies(&after).await?.len(), 1, "a page on");
    let by_id = Scope { discrepancy_ids: BTreeSet::from([first]), ..Scope::default() };
    ensure_eq!(h.look(by_id, |work| work.discrepancies.len()).await?, 1, "by number");
    Ok(())
}

pub(super) async fn runs_come_back_the_newest_first(h: &Harness) -> Verdict {
    let run = |id, reach| Run {
        id,
        connector: connector(PORTAL),
        reach,
        day: jiff::civil::date(2026, 11, 22),
        began_at: morning(1),
        ended_at: None,
        by: Some("an".into()),
        counts: Counts { asked: 3, ..Counts::default() },
        standing: None,
    };
    let ids = h
        .unit(seed::nothing(), move |work| {
            let ids = [work.id(), work.id()];
            for (id, reach) in ids.into_iter().zip([Reach::Open, Reach::Changed]) {
                work.reconciliations.insert(id, Loaded::fresh(run(id, reach)));
            }
            ids
        })
        .await?;
    let newest = h.second.reconciliations(false, 10).await?;
    ensure_eq!(newest, vec![run(ids[1], Reach::Changed), run(ids[0], Reach::Open)], "the newest first");
    let one = Scope { reconciliations: BTreeSet::from([ids[1]]), ..Scope::default() };
    h.unit(one, |work| {
        for run in work.reconciliations.values_mut() {
            run.edit().ended_at = Some(morning(2));
        }
    })
    .await?;
    ensure_eq!(h.second.reconciliations(true, 10).await?, vec![run(ids[0], Reach::Open)], "open ones");
    Ok(())
}

pub(super) async fn what_a_partner_was_told_is_gathered_and_its_ends_come_in_order(h: &Harness) -> Verdict {
    let code = fixtures::nth_code(1);
    let seeded = code.clone();
    let (dossier, ops) = h
        .unit(seed::nothing(), move |work| {
            let dossier = fixtures::dossier(work.id(), &seeded);
            let state = serde_json::to_string(&*dossier.state).unwrap_or_default();
            let version = VersionRecord { dossier: dossier.row, version: 1, state: state.into(), event: 0 };
            work.new_versions.push(version);
            work.dossiers.insert(seeded.clone(), Loaded::fresh(dossier.clone()));
            let mut lane = fixtures::lane(work.id(), PORTAL, seeded.as_str());
            (lane.acknowledged, lane.claim) = (true, 4);
            let mut ops = Vec::new();
            for place in 0..4 {
                let mut operation = fixtures::operation(work.id(), &lane, place);
                (operation.dossier, operation.version) = (Some(dossier.row), Some(1));
                let ended = [Some(morning(3)), Some(morning(2)), Some(morning(2)), None];
                operation.ended_at = ended.get(place as usize).copied().flatten();
                operation.state = match place {
                    0 | 1 => OperationState::Succeeded,
                    2 => OperationState::Dismissed,
                    _ => OperationState::Ready,
                };
                operation.doubted = place == 1;
                if place > 0 {
                    let steps = vec![fixtures::step("Đang xử lý")];
                    operation.payload = Arc::new(Payload::AppendProgress { steps });
                } else {
                    let mut proof = Proof { said: "ok".into(), ..Proof::default() };
                    proof.facts.insert("mode".into(), json!("create"));
                    operation.proof = Some(proof);
                }
                ops.push(operation.id);
                lane.next_position = place + 1;
                work.touched.insert(operation.id, Change::Insert);
                lane.open.push(operation);
            }
            work.lanes.insert((LaneKey::from(&seeded), lane.connector.clone()), Loaded::fresh(lane));
            (dossier.row, ops)
        })
        .await?;
    let portal = connector(PORTAL);
    let mut told = h.second.told(&portal, &[dossier, -5]).await?;
    ensure_eq!(told.len(), 1, "one dossier");
    let told = told.remove(0);
    ensure_eq!(
        (&told.code, told.stamp, told.is_acknowledged),
        (&code, Stamp { place: 4, claim: 4 }, true),
        "it"
    );
    ensure_eq!(told.state.is_some(), true, "its state");
    let seen: Vec<_> =
        told.operations.iter().map(|o| (o.id, o.action, o.state, o.is_doubted, o.steps.len())).collect();
    let (sync, steps) = (ActionKind::SyncDossier, ActionKind::AppendProgress);
    let expected = vec![
        (ops[0], sync, OperationState::Succeeded, false, 0),
        (ops[1], steps, OperationState::Succeeded, true, 1),
        (ops[3], steps, OperationState::Ready, false, 1),
    ];
    ensure_eq!(seen, expected, "open and succeeded operations");
    ensure_eq!(told.operations[0].proof.is_some(), true, "the proof");
    ensure_eq!(h.second.told(&connector("dvcqg-2"), &[dossier]).await?, vec![], "of another connector");
    let ended = |after: (Timestamp, i64), until, limit| {
        let (store, portal) = (Arc::clone(&h.second), portal.clone());
        async move {
            let ended = store.ended_operations(&portal, after, until, limit).await?;
            Ok::<_, StoreError>(ended.into_iter().map(|(_, id, _)| id).collect::<Vec<_>>())
        }
    };
    let start = (Timestamp::UNIX_EPOCH, 0);
    ensure_eq!(ended(start, morning(9), 9).await?, vec![ops[1], ops[2], ops[0]], "by their end");
    ensure_eq!(ended((morning(2), ops[1]), morning(9), 1).await?, vec![ops[2]], "a page on");
    ensure_eq!(ended(start, morning(3), 9).await?, vec![ops[1], ops[2]], "until a moment");
    Ok(())
}
