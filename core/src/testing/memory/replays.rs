//! Plans of replays and their items over the tables: the same answers as the SQL of the other stores.

use super::tables::Tables;
use crate::{
    id::RowId,
    lane::LaneState,
    operation::{ActionKind, Operation, OperationState},
    port::work::{Change, Loaded, Work},
    replay::{Case, ItemFilter, ItemState, ItemView, Replay, ReplayItem, Tally, Treatment},
};
use std::collections::BTreeMap;

/// The plans of a unit, their items, and what it decides by.
pub(super) fn load(tables: &Tables, work: &mut Work) {
    for replay in work.scope.replays.iter().filter_map(|id| tables.replays.get(id)) {
        work.replays.insert(replay.id, Loaded::stored(replay.clone()));
    }
    for key in &work.scope.replay_items {
        if let Some(item) = tables.replay_items.get(key) {
            work.replay_items.insert(*key, Loaded::stored(item.clone()));
        }
    }
    for operation in work.scope.cases.iter().filter_map(|id| tables.operations.get(id)) {
        work.cases.insert(operation.id, case(tables, operation, 0));
    }
}

/// Writes the plans and items that changed.
pub(super) fn apply(
    tables: &mut Tables,
    replays: BTreeMap<RowId, Loaded<Replay>>,
    items: BTreeMap<(RowId, RowId), Loaded<ReplayItem>>,
) {
    let replays = replays.into_iter().filter(|(_, r)| r.change != Change::None);
    tables.replays.extend(replays.map(|(id, replay)| (id, replay.row)));
    let items = items.into_iter().filter(|(_, i)| i.change != Change::None);
    tables.replay_items.extend(items.map(|(key, item)| (key, item.row)));
}

fn case(tables: &Tables, o: &Operation, replay: RowId) -> Case {
    let lane = tables.lanes.get(&o.lane);
    let action = o.payload.kind();
    let open = tables.open.get(&o.lane).into_iter().flat_map(BTreeMap::values);
    let has_open_state = open
        .filter_map(|id| tables.operations.get(id))
        .any(|p| p.id != o.id && p.payload.kind() == ActionKind::SyncDossier);
    let is_of_dossier = matches!(action, ActionKind::SyncDossier | ActionKind::AppendProgress);
    let is_moved = is_of_dossier
        && lane.zip(o.subject.as_ref()).is_some_and(|(lane, code)| lane.key.as_str() != code.as_str());
    let stands = lane.is_some_and(|lane| {
        let waits_for_state = lane.need.as_ref().is_some_and(|n| n.to_string().starts_with("snapshot:"));
        lane.head != Some(o.id)
            && (lane.state == LaneState::Stuck || (lane.state == LaneState::Held && !waits_for_state))
    });
    let is_later = |p: &&Operation| {
        p.lane == o.lane
            && p.payload.kind() == ActionKind::AppendProgress
            && p.position > o.position
            && (p.state.number() <= OperationState::Succeeded.number() || p.begun)
            && !stands_in_for_earlier(tables, p, o)
    };
    let of_dossier = o.dossier.and_then(|row| tables.operations_of.get(&row)).into_iter().flatten();
    let has_later_step = of_dossier.filter_map(|id| tables.operations.get(id)).any(|p| is_later(&p));
    let mut items = tables.replay_items.range((replay, RowId::MIN)..=(replay, RowId::MAX));
    let is_sent_by_plan = items.any(|(_, i)| i.lane == o.lane && i.treatment == Treatment::ResendState);
    Case {
        operation: o.id,
        lane: o.lane,
        subject: o.subject.clone(),
        unit: o.unit.clone(),
        action,
        state: o.state,
        begun: o.begun,
        doubted: o.doubted,
        cause: o.cause,
        tried: o.attempt.as_ref().map_or(0, |a| a.number),
        since: o.created_at,
        is_known: o.dossier.and_then(|row| tables.dossiers.get(&row)).is_some_and(|d| d.known),
        acknowledged: lane.is_some_and(|l| l.acknowledged),
        is_moved,
        has_open_state,
        stands,
        has_later_step,
        is_sent_by_plan,
    }
}

/// Whether an operation was sent in the place of one that was earlier than `than`.
fn stands_in_for_earlier(tables: &Tables, sent: &Operation, than: &Operation) -> bool {
    let mut items = tables.replay_items.values().filter(|i| i.sent_as == Some(sent.id));
    items.any(|i| {
        let origin = tables.operations.get(&i.operation);
        origin.is_some_and(|q| q.lane == than.lane && q.position < than.position)
    })
}

pub(super) fn cases(tables: &Tables, replay: &Replay, limit: usize) -> Vec<Case> {
    let wanted = &replay.plan.selection;
    let above = tables.operations.range(replay.progress.cursor + 1..).map(|(_, o)| o);
    let selected = above.filter(|o| {
        o.connector == wanted.connector
            && o.created_at <= replay.created_at
            && wanted.states.contains(&o.state)
            && wanted.action.is_none_or(|action| o.payload.kind() == action)
            && wanted.cause.is_none_or(|cause| o.cause == Some(cause))
            && (wanted.unit.is_none() || o.unit == wanted.unit)
            && wanted.since.is_none_or(|since| o.created_at >= since)
            && wanted.until.is_none_or(|until| o.created_at < until)
            && (wanted.subjects.is_empty() || o.subject.as_ref().is_some_and(|s| wanted.subjects.contains(s)))
    });
    selected.take(limit).map(|o| case(tables, o, replay.id)).collect()
}

pub(super) fn items(tables: &Tables, filter: &ItemFilter, limit: usize) -> Vec<ItemView> {
    let after = (filter.replay, filter.after.saturating_add(1));
    let items = tables.replay_items.range(after..=(filter.replay, RowId::MAX)).map(|(_, item)| item);
    let wanted = items.filter(|i| {
        filter.treatment.is_none_or(|t| i.treatment == t) && filter.state.is_none_or(|s| i.state == s)
    });
    let view = |item: &ReplayItem| {
        let o = tables.operations.get(&item.sent_as.unwrap_or(item.operation))?;
        Some(ItemView { item: item.clone(), now: o.state, cause: o.cause, said: o.said.clone() })
    };
    wanted.filter_map(view).take(limit).collect()
}

pub(super) fn tallies(tables: &Tables, replay: RowId) -> Vec<Tally> {
    let mut tallies: BTreeMap<(&str, ItemState), Tally> = BTreeMap::new();
    for (_, item) in tables.replay_items.range((replay, RowId::MIN)..=(replay, RowId::MAX)) {
        let (treatment, state) = (item.treatment, item.state);
        let tally = tallies.entry((treatment.name(), state)).or_insert(Tally {
            treatment,
            state,
            items: 0,
            oldest: item.since,
            newest: item.since,
        });
        tally.items += 1;
        tally.oldest = tally.oldest.min(item.since);
        tally.newest = tally.newest.max(item.since);
    }
    tallies.into_values().collect()
}

pub(super) fn replays(tables: &Tables, is_active: bool, limit: usize) -> Vec<Replay> {
    let mut replays: Vec<_> =
        tables.replays.values().filter(|r| !is_active || r.is_active()).cloned().collect();
    replays.sort_by_key(|r| std::cmp::Reverse((r.created_at, r.id)));
    replays.truncate(limit);
    replays
}
