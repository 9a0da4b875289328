//! Plans of replays: they come back whole, select what they say, tell what the verdict goes by, and are changed by one
//! unit at a time.

use jiff::Timestamp;

use super::{
    harness::{Harness, Verdict, ensure, ensure_eq},
    seed::{self, PORTAL},
};
use crate::{
    id::RowId,
    lane::Lane,
    operation::{ActionKind, Operation, OperationState, Payload},
    outcome::Cause,
    port::work::{Loaded, Scope, Work},
    replay::{
        Case, Counts, ItemFilter, ItemState, Order, Pace, Plan, Progress, Purpose, Replay, ReplayItem,
        ReplayState, Selection, Treatment,
    },
    testing::{
        conformance::Failure,
        fixtures::{self, connector, morning},
    },
};
use std::{collections::BTreeSet, sync::Arc};

fn plan_of(id: RowId, states: &[OperationState]) -> Replay {
    let selection = Selection {
        connector: connector(PORTAL),
        states: states.iter().copied().collect(),
        action: None,
        cause: None,
        unit: None,
        since: None,
        until: None,
        subjects: BTreeSet::new(),
    };
    let (actor, reason) = ("an".to_owned(), "sửa \"dữ liệu\"".to_owned());
    let plan = Plan { purpose: Purpose::Send, selection, pace: Pace::default(), actor, reason };
    let (state, progress) = (ReplayState::Planning, Progress::default());
    Replay { id, plan, state, progress, created_at: morning(1000) }
}

fn item(replay: RowId, operation: &Operation, treatment: Treatment, state: ItemState) -> ReplayItem {
    ReplayItem {
        replay,
        operation: operation.id,
        lane: operation.lane,
        subject: operation.subject.clone(),
        unit: operation.unit.clone(),
        since: operation.created_at,
        tried: 3,
        treatment,
        state,
        sent_as: None,
        at: morning(1),
    }
}

fn put_item(work: &mut Work, item: &ReplayItem) {
    work.replay_items.insert((item.replay, item.operation), Loaded::fresh(item.clone()));
}

fn of_plan(id: RowId) -> Scope {
    Scope { replays: BTreeSet::from([id]), ..Scope::default() }
}

/// A lane with operations of these actions and states, planned a minute apart.
fn lane_of(work: &Work, key: &str, operations: &[(ActionKind, OperationState)]) -> Lane {
    let states: Vec<_> = operations.iter().map(|(_, state)| (*state, morning(0))).collect();
    let mut lane = seed::lane_with(work, key, &states);
    for (n, (operation, (action, state))) in lane.open.iter_mut().zip(operations).enumerate() {
        operation.created_at = morning(n as i64 * 60);
        if *action == ActionKind::AppendProgress {
            operation.payload = Arc::new(Payload::AppendProgress { steps: vec![fixtures::step("nhận")] });
        } else {
            operation.payload = Arc::new(Payload::SyncDossier);
        }
        if state.is_ended() {
            seed::ended(operation, *state, morning(500));
        }
    }
    lane
}

pub(super) async fn a_plan_and_its_items_come_back_whole(h: &Harness) -> Verdict {
    let (mut replay, items) = h
        .unit(seed::nothing(), |work| {
            let states = [(OperationState::Stuck, morning(0)); 3];
            let mut lane = seed::lane_with(work, "k-1", &states);
            for (n, operation) in lane.open.iter_mut().enumerate() {
                operation.created_at = morning(n as i64);
                (operation.cause, operation.said) = (Some(Cause::DataRefused), Some("thiếu".into()));
            }
            let replay = plan_of(work.id(), &[OperationState::Stuck]);
            let items: Vec<_> = lane
                .open
                .iter()
                .map(|o| {
                    let first = o.position == 1;
                    let treatment = if first { Treatment::Wait } else { Treatment::Retry };
                    item(replay.id, o, treatment, if first { ItemState::Left } else { ItemState::Waiting })
                })
                .collect();
            seed::put_lane(work, lane);
            work.replays.insert(replay.id, Loaded::fresh(replay.clone()));
            for item in &items {
                put_item(work, item);
            }
            (replay, items)
        })
        .await?;
    let id = replay.id;
    ensure_eq!(h.second.replays(true, 10).await?, vec![replay.clone()], "a plan in the making is active");
    // It changes, and one item with it.
    let sent = items[1].operation;
    let mut scope = of_plan(id);
    scope.replay_items.extend([(id, sent), (id, -1)]);
    let changed = h
        .unit(scope, move |work| {
            let replay = work.replays.get_mut(&id)?.edit();
            replay.state = ReplayState::Planned;
            replay.progress.planned_at = Some(morning(1001));
            replay.progress.counts = Counts { waiting: 2, left: 1, ..Counts::default() };
            replay.order(Order::Start, "bình", "được duyệt", morning(1002));
            replay.count(Some(ItemState::Waiting), ItemState::Sent);
            replay.note_sent(morning(1003));
            let replay = replay.clone();
            let item = work.replay_items.get_mut(&(id, sent))?.edit();
            (item.state, item.sent_as, item.at) = (ItemState::Sent, Some(sent), morning(1003));
            Some((replay, item.clone(), work.replay_items.len()))
        })
        .await?;
    let Some((expected, expected_item, loaded)) = changed else {
        return Err(Failure("the plan and its item were not loaded".into()));
    };
    ensure_eq!(loaded, 1, "an item that is not there is not loaded");
    replay = expected;
    let (found, tallies) = h.second.replay(id).await?.ok_or_else(|| Failure("the plan is gone".into()))?;
    ensure_eq!(found, replay, "the plan after its change");
    let tallies: Vec<_> =
        tallies.iter().map(|t| (t.treatment, t.state, t.items, t.oldest, t.newest)).collect();
    let (retry, wait) = (Treatment::Retry, Treatment::Wait);
    ensure_eq!(
        tallies,
        vec![
            (retry, ItemState::Waiting, 1, morning(2), morning(2)),
            (retry, ItemState::Sent, 1, morning(1), morning(1)),
            (wait, ItemState::Left, 1, morning(0), morning(0)),
        ],
        "items by treatment and state, with their ages"
    );
    let all = ItemFilter { replay: id, limit: 10, ..ItemFilter::default() };
    let views = h.second.replay_items(&all).await?;
    let of: Vec<_> = views.iter().map(|v| v.item.operation).collect();
    ensure_eq!(of, items.iter().map(|i| i.operation).collect::<Vec<_>>(), "all items by number");
    ensure_eq!(views[1].item, expected_item, "the item that was sent");
    let shown = (views[1].now, views[1].cause, views[1].said.as_deref());
    ensure_eq!(shown, (OperationState::Stuck, Some(Cause::DataRefused), Some("thiếu")), "its operation now");
    for (filter, expected) in [
        (ItemFilter { state: Some(ItemState::Waiting), ..all.clone() }, vec![of[2]]),
        (ItemFilter { treatment: Some(wait), ..all.clone() }, vec![of[0]]),
        (ItemFilter { after: of[0], limit: 1, ..all.clone() }, vec![of[1]]),
        (ItemFilter { replay: -1, ..all.clone() }, vec![]),
    ] {
        let found = h.second.replay_items(&filter).await?;
        let found: Vec<_> = found.iter().map(|v| v.item.operation).collect();
        ensure_eq!(found, expected, "items by {filter:?}");
    }
    h.unit(of_plan(id), move |work| {
        let Some(replay) = work.replays.get_mut(&id) else { return };
        let replay = replay.edit();
        replay.count(Some(ItemState::Sent), ItemState::Done);
        replay.order(Order::Cancel, "an", "", morning(1004));
    })
    .await?;
    ensure_eq!(h.second.replays(true, 10).await?, vec![], "nothing is to be done about it any more");
    ensure_eq!(h.second.replays(false, 10).await?.len(), 1, "but it is there");
    ensure_eq!(h.second.replay(-1).await?, None, "an absent plan");
    Ok(())
}

pub(super) async fn a_plan_selects_by_every_filter_page_by_page(h: &Harness) -> Verdict {
    let ids = h
        .unit(seed::nothing(), |work| {
            use ActionKind::{AppendProgress, SyncDossier};
            use OperationState::{Ready, Stuck, Succeeded};
            let mut lane = lane_of(
                work,
                "k-1",
                &[(SyncDossier, Succeeded), (SyncDossier, Stuck), (AppendProgress, Ready)],
            );
            lane.open[1].cause = Some(Cause::DataRefused);
            lane.open[1].unit = Some(fixtures::unit("000.00.01.H99"));
            lane.open[2].subject = Some(fixtures::nth_code(7));
            let mut other = seed::lane_of(work, "other", "k-1", &[(Stuck, morning(0))]);
            other.open[0].created_at = morning(0);
            let mut late = lane_of(work, "k-2", &[(SyncDossier, Stuck)]);
            late.open[0].created_at = morning(2000);
            let ids: Vec<_> = lane.open.iter().map(|o| o.id).collect();
            for lane in [lane, other, late] {
                seed::put_lane(work, lane);
            }
            ids
        })
        .await?;
    let all = plan_of(0, &OperationState::ALL);
    let with = |change: &dyn Fn(&mut Replay)| {
        let mut replay = all.clone();
        change(&mut replay);
        replay
    };
    let state = |states: &[OperationState]| plan_of(0, states);
    let at = |seconds| Some(morning(seconds));
    for (name, replay, expected) in [
        ("all that were planned before the plan", all.clone(), vec![0, 1, 2]),
        ("open ones", state(&[OperationState::Ready, OperationState::Stuck]), vec![1, 2]),
        ("ended ones", state(&[OperationState::Succeeded]), vec![0]),
        ("an action", with(&|r| r.plan.selection.action = Some(ActionKind::AppendProgress)), vec![2]),
        ("a cause", with(&|r| r.plan.selection.cause = Some(Cause::DataRefused)), vec![1]),
        ("a unit", with(&|r| r.plan.selection.unit = Some(fixtures::unit("000.00.01.H99"))), vec![1]),
        ("since", with(&|r| r.plan.selection.since = at(60)), vec![1, 2]),
        ("until", with(&|r| r.plan.selection.until = at(60)), vec![0]),
        (
            "subjects",
            with(&|r| r.plan.selection.subjects = [fixtures::nth_code(7), fixtures::nth_code(8)].into()),
            vec![2],
        ),
        ("above the cursor", with(&|r| r.progress.cursor = ids[0]), vec![1, 2]),
    ] {
        let found: Vec<RowId> =
            h.second.replay_cases(&replay, 10).await?.iter().map(|c| c.operation).collect();
        let expected: Vec<RowId> = expected.into_iter().map(|n: usize| ids[n]).collect();
        ensure_eq!(found, expected, "operations selected by: {name}");
    }
    let first = h.second.replay_cases(&all, 2).await?;
    ensure_eq!(first.len(), 2, "a page");
    let open = state(&[OperationState::Ready, OperationState::Stuck]);
    let first: Vec<_> = h.second.replay_cases(&open, 1).await?.iter().map(|c| c.operation).collect();
    ensure_eq!(first, vec![ids[1]], "a page of open ones begins with the lowest number");
    Ok(())
}

/// What a case tells beside the operation's own fields.
fn told(case: &Case) -> [bool; 7] {
    let Case {
        is_known,
        acknowledged,
        is_moved,
        has_open_state,
        stands,
        has_later_step,
        is_sent_by_plan,
        ..
    } = case;
    [*is_known, *acknowledged, *is_moved, *has_open_state, *stands, *has_later_step, *is_sent_by_plan]
}

pub(super) async fn what_a_plan_decides_by_is_told_of_every_operation(h: &Harness) -> Verdict {
    use ActionKind::{AppendProgress, SyncDossier};
    use OperationState::{Dismissed, Held, Ready, Stuck, Succeeded};
    let (code, gone) = (fixtures::nth_code(1), fixtures::nth_code(2));
    let ids = h
        .unit(seed::nothing(), move |work| {
            let dossier = fixtures::dossier(work.id(), &code);
            seed::put_dossier(work, &dossier);
            let own = |lane: &mut Lane| {
                for operation in &mut lane.open {
                    (operation.dossier, operation.subject) = (Some(dossier.row), Some(code.clone()));
                }
            };
            // A dossier's lane: a state that went, three dismissed steps, a step sent in the first one's place, a stuck one.
            let states = [
                (SyncDossier, Succeeded),
                (AppendProgress, Dismissed),
                (AppendProgress, Dismissed),
                (AppendProgress, Succeeded),
                (SyncDossier, Stuck),
            ];
            let mut lane = lane_of(work, code.as_str(), &states);
            own(&mut lane);
            lane.acknowledged = true;
            lane.open[1].begun = true;
            lane.open[1].cause = Some(Cause::NoAnswer);
            // A lane of a code that went into the dossier, and one that waits for a state.
            let mut moved = lane_of(work, gone.as_str(), &[(SyncDossier, Dismissed), (AppendProgress, Held)]);
            own(&mut moved);
            let mut unknown = lane_of(work, "k-3", &[(SyncDossier, Dismissed), (SyncDossier, Ready)]);
            for operation in &mut unknown.open {
                (operation.dossier, operation.subject) = (None, None);
            }
            let replay = plan_of(77, &[Dismissed]);
            // The plan has sent the step in the place of the first one, and the state of that lane.
            let mut stands_in = item(77, &lane.open[1], Treatment::ResendSteps, ItemState::Sent);
            stands_in.sent_as = Some(lane.open[3].id);
            put_item(work, &stands_in);
            put_item(work, &item(77, &lane.open[0], Treatment::ResendState, ItemState::Waiting));
            work.replays.insert(77, Loaded::fresh(replay));
            let ids: Vec<RowId> =
                [&lane, &moved, &unknown].into_iter().flat_map(|l| l.open.iter().map(|o| o.id)).collect();
            for lane in [lane, moved, unknown] {
                seed::put_lane(work, lane);
            }
            ids
        })
        .await?;
    let mut replay = plan_of(77, &OperationState::ALL);
    replay.created_at = Timestamp::MAX;
    let cases = h.second.replay_cases(&replay, 100).await?;
    ensure_eq!(cases.iter().map(|c| c.operation).collect::<Vec<_>>(), ids, "all, by number");
    let (no, yes) = (false, true);
    // known, acknowledged, moved, open state, stands, later step, sent by the plan
    let expected = [
        ("the state that went", [yes, yes, no, yes, yes, yes, yes]),
        ("the first step: its own stand-in comes later", [yes, yes, no, yes, yes, yes, yes]),
        ("the second step: what is later stands in for an earlier one", [yes, yes, no, yes, yes, no, yes]),
        ("the stand-in", [yes, yes, no, yes, yes, no, yes]),
        ("the stuck head", [yes, yes, no, no, no, no, yes]),
        ("in the lane of a code that is gone", [yes, no, yes, no, no, yes, no]),
        ("a step that waits for a state does not make the lane stand", [yes, no, yes, no, no, no, no]),
        ("of no dossier", [no, no, no, yes, no, no, no]),
        ("an open state itself", [no, no, no, no, no, no, no]),
    ];
    for (case, (name, expected)) in cases.iter().zip(expected) {
        ensure_eq!(told(case), expected, "{name}");
    }
    let step = &cases[1];
    ensure_eq!(
        (step.action, step.state, step.begun, step.doubted, step.cause, step.since),
        (AppendProgress, Dismissed, yes, no, Some(Cause::NoAnswer), morning(60)),
        "the operation's own fields"
    );
    // The same behind the locks of the lanes, but of no plan.
    let wanted: BTreeSet<RowId> = ids.iter().copied().collect();
    let scope = Scope { operations: wanted.clone(), cases: wanted, ..Scope::default() };
    let locked = h.unit(scope, |work| work.cases.clone()).await?;
    for case in cases {
        let same = Case { is_sent_by_plan: false, ..case };
        ensure_eq!(locked.get(&same.operation), Some(&same), "the case in a unit of work");
    }
    Ok(())
}

pub(super) async fn a_plan_is_changed_by_one_unit_at_a_time(h: &Harness) -> Verdict {
    let id = h
        .unit(seed::nothing(), |work| {
            let replay = plan_of(work.id(), &[OperationState::Stuck]);
            let id = replay.id;
            work.replays.insert(id, Loaded::fresh(replay));
            id
        })
        .await?;
    let add = move |work: &mut Work| {
        if let Some(replay) = work.replays.get_mut(&id) {
            replay.edit().count(None, ItemState::Waiting);
        }
    };
    let one = async {
        for _ in 0..20 {
            h.unit(of_plan(id), add).await?;
        }
        Verdict::Ok(())
    };
    let two = async {
        for _ in 0..20 {
            h.look(of_plan(id), add).await?;
        }
        Verdict::Ok(())
    };
    let (one, two) = futures_util::join!(one, two);
    one.and(two)?;
    let waiting = h.second.replay(id).await?.map(|(replay, _)| replay.progress.counts.waiting);
    ensure!(waiting == Some(40), "expected 40 counted by two handles, got {waiting:?}");
    Ok(())
}
