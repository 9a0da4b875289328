//! What people do about blocked lanes: edits, the lanes as they see them, the release of many at once; and the audit that
//! tells when rows are gone.

use std::sync::Arc;

use super::{
    harness::{Harness, Verdict, ensure, ensure_eq},
    seed::{self, PAY, PORTAL},
};
use crate::{
    flow::{
        engine::{Engine, EngineSettings},
        operator,
    },
    lane::LaneState,
    operation::{ActionKind, OperationState},
    plan::rules::Rules,
    port::{
        views::LaneFilter,
        work::{EditRecord, LedgerDelta, Scope, Work},
    },
    testing::{
        ManualClock, ScriptedConnector,
        conformance::Failure,
        fixtures::{self, morning},
    },
};

pub(super) async fn edits_are_kept_beside_what_they_changed(h: &Harness) -> Verdict {
    let ids = h
        .unit(seed::nothing(), |work| {
            let held = (OperationState::Held, morning(0));
            let lane = seed::lane_with(work, "k-1", &[held, held]);
            let ids = [lane.open[0].id, lane.open[1].id];
            seed::put_lane(work, lane);
            ids
        })
        .await?;
    let edit = |number, before: &str, after: &str| EditRecord {
        operation: ids[0],
        number,
        actor: "an.tran".into(),
        reason: "theo phiếu 12".into(),
        before: before.into(),
        after: after.into(),
    };
    for record in [edit(1, "{\"a\": 1}", "{\"a\":2}"), edit(2, "{\"a\":2}", "{\"a\":3}")] {
        h.unit(seed::lanes_of(["k-1"]), move |work| {
            seed::change_head(work, "k-1", |head| head.edits = record.number);
            work.edits.push(record.clone());
        })
        .await?;
    }
    let kept = h.views.edits(&ids).await?;
    let shown: Vec<_> =
        kept.iter().map(|e| (e.operation, e.number, e.before.as_str(), e.after.as_str())).collect();
    let expected = vec![(ids[0], 1, "{\"a\": 1}", "{\"a\":2}"), (ids[0], 2, "{\"a\":2}", "{\"a\":3}")];
    ensure_eq!(shown, expected, "the edits, byte for byte");
    let who = (kept[0].actor.as_str(), kept[0].reason.as_str(), kept[0].at_us > 0);
    ensure_eq!(who, ("an.tran", "theo phiếu 12", true), "who, why and when");
    let lane = seed::lane(h, "k-1").await?;
    let edits: Vec<_> = lane.iter().flat_map(|l| &l.open).map(|o| o.edits).collect();
    ensure_eq!(edits, vec![2, 0], "how often each was edited");
    let view = h.views.operation(ids[0]).await?.map(|(o, ..)| o.edits);
    ensure_eq!(view, Some(2), "the same for people");
    ensure_eq!(h.views.edits(&[ids[1]]).await?, vec![], "edits of one that nobody edited");
    let same = edit(2, "{}", "{}");
    let again = h.unit(seed::nothing(), move |work| work.edits.push(same.clone())).await;
    ensure!(again.is_err(), "expected an error for the same edit twice, the store took it");
    Ok(())
}

async fn shown(h: &Harness, filter: LaneFilter) -> Result<Vec<String>, Failure> {
    let lanes = h.views.lanes(&LaneFilter { limit: 10, ..filter }).await?;
    Ok(lanes.into_iter().map(|l| l.key).collect())
}

pub(super) async fn lanes_are_shown_with_their_heads_oldest_first(h: &Harness) -> Verdict {
    use OperationState as S;
    let id = h
        .unit(seed::nothing(), |work| {
            let lane = |work: &mut Work, of: &str, key: &str, states: &[S], age: i64| {
                let states: Vec<_> = states.iter().map(|s| (*s, morning(7))).collect();
                let mut lane = seed::lane_of(work, of, key, &states);
                for operation in &mut lane.open {
                    operation.created_at = morning(-age);
                }
                lane
            };
            let mut stuck = lane(work, PORTAL, "stuck", &[S::Stuck, S::Ready, S::Ready], 10);
            stuck.open[0].cause = Some(crate::outcome::Cause::DataRefused);
            stuck.open[0].begun = true;
            let id = stuck.id;
            let mut setback = lane(work, PORTAL, "setback", &[S::Ready], 40);
            setback.open[0].attempts = 2;
            let others = [
                lane(work, PAY, "held", &[S::Held], 30),
                lane(work, PORTAL, "doubt", &[S::Doubtful], 20),
                lane(work, PORTAL, "moves", &[S::Ready], 50),
                lane(work, PAY, "idle", &[S::Dismissed], 60),
            ];
            for lane in [stuck, setback].into_iter().chain(others) {
                seed::put_lane(work, lane);
            }
            seed::put_lane(work, seed::running_lane(work, "runs", "one", morning(60)));
            id
        })
        .await?;
    let all = shown(h, LaneFilter::default()).await?;
    ensure_eq!(
        all,
        vec!["setback", "held", "doubt", "stuck"],
        "lanes that do not move, the oldest head first"
    );
    let of = |connector: &str| LaneFilter { connector: Some(connector.into()), ..LaneFilter::default() };
    ensure_eq!(shown(h, of(PAY)).await?, vec!["held"], "by connector");
    let state = |state| LaneFilter { state: Some(state), ..LaneFilter::default() };
    ensure_eq!(shown(h, state(LaneState::Ready)).await?, vec!["moves", "setback"], "by state");
    ensure_eq!(shown(h, state(LaneState::Running)).await?, vec!["runs"], "running ones");
    let cause = LaneFilter { cause: Some("data_refused".into()), ..LaneFilter::default() };
    ensure_eq!(shown(h, cause).await?, vec!["stuck"], "by cause");
    let unit = LaneFilter { unit: Some("000.00.99.H99".into()), ..LaneFilter::default() };
    ensure_eq!(shown(h, unit).await?, Vec::<String>::new(), "by another unit");
    let first = h.views.lanes(&LaneFilter { limit: 2, ..LaneFilter::default() }).await?;
    let after = first.last().and_then(crate::port::views::LaneView::place);
    let rest = shown(h, LaneFilter { after, ..LaneFilter::default() }).await?;
    ensure_eq!(rest, vec!["doubt", "stuck"], "the next page");
    let one = h.views.lanes(&LaneFilter { id: Some(id), limit: 1, ..LaneFilter::default() }).await?;
    let Some(lane) = one.first() else { return Err(Failure("expected the stuck lane".into())) };
    let told = (lane.state.as_str(), lane.behind, lane.due_us, lane.connector.as_str());
    ensure_eq!(told, ("stuck", 2, morning(7).as_microsecond(), PORTAL), "the lane");
    let head = lane.head.as_ref().map(|o| (o.state.as_str(), o.is_head, o.begun, o.cause.as_deref()));
    ensure_eq!(head, Some(("stuck", true, true, Some("data_refused"))), "its head");
    ensure_eq!(
        shown(h, LaneFilter { id: Some(404_404), ..LaneFilter::default() }).await?.len(),
        0,
        "no lane"
    );
    Ok(())
}

pub(super) async fn the_states_of_named_operations_are_loaded_too(h: &Harness) -> Verdict {
    let dossier = fixtures::dossier(1, &fixtures::nth_code(1));
    let (row, named) = h
        .unit(seed::nothing(), move |work| {
            let mut dossier = dossier.clone();
            dossier.row = work.id();
            seed::put_dossier(work, &dossier);
            let ready = (OperationState::Ready, morning(0));
            let mut lane = seed::lane_with(work, "k-1", &[ready, ready, ready]);
            for operation in &mut lane.open[1..] {
                (operation.dossier, operation.version) = (Some(dossier.row), Some(1));
            }
            let named = lane.open[1].id;
            seed::put_lane(work, lane);
            (dossier.row, named)
        })
        .await?;
    let scope = Scope { operations: [named].into(), head_states: true, ..Scope::default() };
    let states = h.look(scope, |work| work.states.keys().copied().collect::<Vec<_>>()).await?;
    ensure_eq!(states, vec![(row, 1)], "the state of an operation behind the head");
    Ok(())
}

const MANY: usize = 10_000;

pub(super) async fn ten_thousand_that_wait_for_one_need_are_released_in_few_passes(h: &Harness) -> Verdict {
    const NEED: &str = "mapping:dvcqg:procedure:XX-9";
    for batch in 0..MANY / 2_000 {
        h.unit(seed::nothing(), move |work| {
            for n in 0..2_000 {
                let key = format!("k-{batch}-{n}");
                let mut lane = seed::lane_with(work, &key, &[(OperationState::Held, morning(0))]);
                lane.open[0].need = Some(fixtures::need(NEED));
                seed::put_lane(work, lane);
            }
        })
        .await?;
    }
    // More of a connector that is gone than one pass takes, and before the others in the order of needs.
    h.unit(seed::nothing(), |work| {
        for n in 0..1_500 {
            let held = [(OperationState::Held, morning(0))];
            let mut lane = seed::lane_of(work, "gone", &format!("g-{n}"), &held);
            lane.open[0].need = Some(fixtures::need("mapping:a:ward:1"));
            seed::put_lane(work, lane);
        }
    })
    .await?;
    let waiting = |incidents: Vec<crate::port::views::IncidentView>| -> Vec<(String, i64)> {
        incidents.into_iter().map(|i| (i.key, i.waiting)).collect()
    };
    let open = waiting(h.views.overview(0).await?.incidents);
    let expected = vec![(NEED.to_owned(), MANY as i64), ("mapping:a:ward:1".to_owned(), 1_500)];
    ensure_eq!(open, expected, "one incident for each need");
    let portal = ScriptedConnector::portal(PORTAL).shared();
    let engine = Engine::new(
        Arc::clone(&h.store),
        Rules::default(),
        vec![portal],
        Arc::new(ManualClock::default()),
        EngineSettings::default(),
    );
    ensure_eq!(operator::wake(&engine, "mapping:").await?, MANY, "all of ours are woken");
    let open = waiting(h.views.overview(0).await?.incidents);
    ensure_eq!(open, expected[1..].to_vec(), "the incident of those that were woken is closed");
    let counts = h.views.overview(i64::MAX).await?.partners;
    let ready: Vec<_> = counts
        .iter()
        .filter(|c| c.connector == PORTAL && c.action == ActionKind::SyncDossier.name())
        .map(|c| (c.state.as_str(), c.operations))
        .collect();
    ensure_eq!(ready, vec![("ready", MANY as i64)], "nobody was left behind");
    Ok(())
}

pub(super) async fn an_audit_names_the_entry_of_a_row_that_is_gone(h: &Harness) -> Verdict {
    use OperationState as S;
    let ids = h
        .unit(seed::nothing(), |work| {
            let states = [S::Succeeded, S::Refused, S::Superseded, S::Dismissed, S::Ready, S::Stuck];
            let mut lane = seed::lane_with(work, "k-1", &states.map(|state| (state, morning(0))));
            for operation in lane.open.iter_mut().filter(|o| o.state.is_ended()) {
                operation.ended_at = Some(morning(1));
            }
            let ids: Vec<i64> = lane.open.iter().map(|o| o.id).collect();
            seed::put_lane(work, lane);
            let events = ["e-1", "e-2"].map(|id| fixtures::event(work.id(), id, None));
            work.new_events.extend(events);
            work.ledger = LedgerDelta {
                received: 3,
                admitted: 2,
                duplicate: 1,
                planned: 6,
                succeeded: 1,
                refused: 1,
                superseded: 1,
                dismissed: 1,
                ..LedgerDelta::default()
            };
            ids
        })
        .await?;
    let differ = |audit: crate::port::store::LedgerAudit| -> Vec<(&'static str, i64)> {
        let entries = audit.entries().into_iter();
        entries.map(|(name, booked, counted)| (name, booked - counted)).filter(|(_, d)| *d != 0).collect()
    };
    ensure_eq!(differ(h.store.recount_ledgers().await?), vec![], "sound books before folding");
    h.store.fold_ledgers().await?;
    ensure_eq!(differ(h.store.recount_ledgers().await?), vec![], "sound books after folding");
    let ends = ["succeeded", "refused", "superseded", "dismissed"];
    for (gone, (id, name)) in ids.iter().zip(ends).enumerate() {
        (h.tamper)(*id).await;
        let found = differ(h.store.recount_ledgers().await?);
        let mut expected = vec![("planned", gone as i64 + 1)];
        expected.extend(ends[..=gone].iter().map(|end| (*end, 1)));
        ensure_eq!(found, expected, "an operation that was {name} is gone");
    }
    (h.tamper)(ids[4]).await;
    let audit = h.store.recount_ledgers().await?;
    ensure_eq!(audit.ledgers.operation_difference(), 1, "an open one that is gone shows in the balance");
    ensure_eq!(differ(audit)[0], ("planned", 5), "and among those planned");
    Ok(())
}
