//! The facts of the index: what they are made of, and how they are kept.

use serde_json::{Value, json};
use std::time::Duration;

use super::{
    harness::{Harness, Verdict, ensure, ensure_eq},
    seed,
    whole::AWKWARD,
};
use crate::{
    id::UnitCode,
    index::{
        facts::{Facts, flag},
        tally::{AtPortal, FactRow},
    },
    operation::{OperationState, Payload},
    outcome::Proof,
    port::{
        index::FactFilter,
        work::{Merge, VersionRecord},
    },
    testing::fixtures::{self, morning},
};

fn fact(dossier: i64, anchor: Option<i64>, unit: &str) -> FactRow {
    let known = Facts {
        procedure: AWKWARD.to_owned(),
        received: anchor,
        flags: flag::FILE,
        steps: vec![(2, 5), (9, 7)],
        supplements: vec![(5, None), (6, Some(7))],
        ..Facts::default()
    };
    FactRow {
        dossier,
        code: format!("000.00.08.H99-261123-{dossier:04}"),
        unit: UnitCode::parse(unit).ok(),
        anchor,
        known,
        portal: AtPortal::Same,
    }
}

fn proof(facts: Value) -> Proof {
    Proof { facts: facts.as_object().cloned().unwrap_or_default(), ..Proof::default() }
}

pub(super) async fn facts_come_back_whole_by_anchor_and_page(h: &Harness) -> Verdict {
    let (one, other) = ("000.00.08.H99", "000.00.09.H99");
    let mut rows = vec![
        fact(1, Some(100), one),
        fact(2, Some(100), other),
        fact(3, Some(50), one),
        fact(4, Some(200), one),
        fact(5, None, one),
    ];
    rows[1].portal = AtPortal::Older(Box::new(Facts { status: 4, ..rows[1].known.clone() }));
    rows[2].portal = AtPortal::Nothing;
    h.store.keep_index_facts(&rows).await?;
    h.store.keep_index_facts(&[]).await?;
    let all = FactFilter { from: 50, until: 200, unit: None, after: None, limit: 2 };
    let page = h.second.index_facts(&all).await?;
    ensure_eq!(page, vec![rows[2].clone(), rows[0].clone()], "the first page");
    let after = page.last().and_then(|row| Some((row.anchor?, row.dossier)));
    let page = h.second.index_facts(&FactFilter { after, ..all.clone() }).await?;
    ensure_eq!(page, vec![rows[1].clone()], "the second page, without what is anchored at the end");
    let of_unit = FactFilter { unit: Some(other.to_owned()), ..all.clone() };
    ensure_eq!(h.second.index_facts(&of_unit).await?, vec![rows[1].clone()], "of one unit");
    let moved = FactRow { anchor: Some(300), unit: None, ..rows[0].clone() };
    h.store.keep_index_facts(std::slice::from_ref(&moved)).await?;
    let late = FactFilter { from: 300, until: 301, ..all };
    ensure_eq!(h.second.index_facts(&late).await?, vec![moved], "a row in the place of an earlier one");
    Ok(())
}

pub(super) async fn what_the_portal_has_is_told_beside_what_is_known(h: &Harness) -> Verdict {
    let code = fixtures::nth_code(1);
    let (of_code, other) = (code.clone(), fixtures::nth_code(2));
    let ids = h
        .unit(seed::nothing(), move |work| {
            let mut dossier = fixtures::dossier(work.id(), &of_code);
            dossier.version = 3;
            seed::put_dossier(work, &dossier);
            for version in [1, 2] {
                let state = format!("state {version}").as_str().into();
                work.new_versions.push(VersionRecord { dossier: dossier.row, version, state, event: 0 });
            }
            let ready = (OperationState::Ready, morning(5));
            let mut lane = seed::lane_with(work, of_code.as_str(), &[ready; 9]);
            lane.acknowledged = true;
            for operation in &mut lane.open {
                (operation.dossier, operation.subject) = (Some(dossier.row), Some(of_code.clone()));
            }
            let steps = |text: &str| Payload::AppendProgress { steps: vec![fixtures::step(text)] };
            // Two states that the portal has, one that it refused, one that waits; steps it has, lost ones, waiting ones.
            let told = [
                (Payload::SyncDossier, 1, OperationState::Succeeded),
                (Payload::SyncDossier, 2, OperationState::Succeeded),
                (Payload::SyncDossier, 3, OperationState::Refused),
                (steps("has"), 2, OperationState::Succeeded),
                // By configuration the portal is told of neither.
                (Payload::SyncDossier, 3, OperationState::Succeeded),
                (steps("unsent"), 3, OperationState::Succeeded),
                (steps("never"), 2, OperationState::Dismissed),
                (Payload::SyncDossier, 3, OperationState::Ready),
                (steps("waits"), 3, OperationState::Ready),
            ];
            for (operation, (payload, version, state)) in lane.open.iter_mut().zip(told) {
                (operation.payload, operation.version) = (payload.into(), Some(version));
                if state.is_ended() {
                    seed::ended(operation, state, morning(9));
                }
                if state == OperationState::Succeeded {
                    // The same word about a part of what was sent says nothing of the whole.
                    let word = json!({ (Proof::NOT_SENT): "as configured" });
                    operation.proof = Some(proof(if version == 3 { word } else { json!({ "part": word }) }));
                }
            }
            seed::put_lane(work, lane);
            let unknown = fixtures::dossier(work.id(), &other);
            seed::put_dossier(work, &unknown);
            vec![dossier.row, unknown.row]
        })
        .await?;
    let asked: Vec<i64> = ids.iter().copied().chain([i64::MAX]).collect();
    let sources = h.second.index_sources(&asked).await?;
    ensure_eq!(sources.iter().map(|s| s.dossier).collect::<Vec<_>>(), ids, "the dossiers that are there");
    let told = &sources[0];
    ensure_eq!(told.code, code, "the code");
    ensure_eq!(told.newest.as_ref().map(|n| n.0), Some(3), "the newest version");
    ensure!(
        told.is_acknowledged && told.kept.is_none(),
        "the portal has it, and no facts were made: {told:?}"
    );
    ensure_eq!(told.acknowledged, Some((2, "state 2".to_owned())), "the newest version that the portal has");
    ensure!(told.is_unsent, "a version that was not sent: {told:?}");
    let steps: Vec<_> = told.steps.iter().map(|(steps, has)| (steps[0].content.as_str(), *has)).collect();
    ensure_eq!(steps, vec![("has", true), ("waits", false)], "steps that it has or will have");
    let unknown = &sources[1];
    ensure!(
        !unknown.is_acknowledged && unknown.acknowledged.is_none() && !unknown.is_unsent,
        "nothing is acknowledged: {unknown:?}"
    );
    let row = FactRow { code: code.to_string(), ..fact(ids[0], Some(7), "000.00.08.H99") };
    h.store.keep_index_facts(std::slice::from_ref(&row)).await?;
    let again = h.second.index_sources(&ids[..1]).await?;
    ensure_eq!(again[0].kept, Some(row), "the facts made of it before");
    Ok(())
}

pub(super) async fn what_changed_is_told_by_time(h: &Harness) -> Verdict {
    let before = h.store.now().await?;
    let ids = h
        .unit(seed::nothing(), |work| {
            let mut rows = Vec::new();
            for n in 1..=4 {
                let code = fixtures::nth_code(n);
                let dossier = fixtures::dossier(work.id(), &code);
                seed::put_dossier(work, &dossier);
                rows.push(dossier.row);
                match n {
                    1 => {
                        let event = fixtures::event(work.id(), "e-1", Some(&dossier));
                        work.new_events.push(event);
                    }
                    // One that ended just now, one that was planned just now.
                    2 | 3 => {
                        let now = work.now;
                        let mut lane = seed::lane_with(work, code.as_str(), &[(OperationState::Ready, now)]);
                        let operation = &mut lane.open[0];
                        operation.dossier = Some(dossier.row);
                        if n == 2 {
                            operation.created_at = morning(0);
                            seed::ended(operation, OperationState::Succeeded, now);
                        } else {
                            operation.created_at = now;
                        }
                        seed::put_lane(work, lane);
                    }
                    _ => {}
                }
            }
            rows
        })
        .await?;
    let (all, since) = (h.second.index_changed(None, 0, 10), h.second.index_changed(Some(before), 0, 10));
    ensure_eq!(all.await?, ids, "all of them");
    ensure_eq!(since.await?, ids[..3].to_vec(), "those of which something was admitted, planned or ended");
    let page = h.second.index_changed(Some(before), ids[0], 1).await?;
    ensure_eq!(page, ids[1..2].to_vec(), "a page");
    (h.pass)(Duration::from_millis(5)).await;
    let later = h.store.now().await?;
    ensure_eq!(h.second.index_changed(Some(later), 0, 10).await?, Vec::<i64>::new(), "nothing since");
    Ok(())
}

pub(super) async fn facts_of_a_dossier_that_went_into_another_leave(h: &Harness) -> Verdict {
    let (stays, goes) = (fixtures::nth_code(1), fixtures::nth_code(2));
    let (of_stays, of_goes) = (stays.clone(), goes.clone());
    let rows = h
        .unit(seed::nothing(), move |work| {
            [&of_stays, &of_goes].map(|code| {
                let dossier = fixtures::dossier(work.id(), code);
                seed::put_dossier(work, &dossier);
                dossier.row
            })
        })
        .await?;
    let row = |place: usize, code: &str| FactRow {
        code: code.to_owned(),
        ..fact(rows[place], Some(10), "000.00.08.H99")
    };
    h.store.keep_index_facts(&[row(0, stays.as_str()), row(1, goes.as_str())]).await?;
    let (of_stays, of_goes) = (stays.clone(), goes.clone());
    h.unit(seed::dossiers_of([&stays, &goes]), move |work| {
        work.dossiers.remove(&of_goes);
        work.new_aliases.push((of_goes.clone(), rows[0]));
        work.merged.push(Merge { from: rows[1], into: rows[0], code: of_stays.clone() });
    })
    .await?;
    ensure_eq!(h.second.index_sources(&rows[1..]).await?, Vec::new(), "a dossier that is not there any more");
    h.store.keep_index_facts(&[row(0, stays.as_str())]).await?;
    let filter = FactFilter { from: 0, until: 20, unit: None, after: None, limit: 10 };
    ensure_eq!(h.second.index_facts(&filter).await?, vec![row(0, stays.as_str())], "one is left");
    Ok(())
}
