//! The questions of people over the tables.

use async_trait::async_trait;
use jiff::Timestamp;
use std::collections::BTreeMap;

use super::{
    MemoryStore,
    tables::{StoredQuarantine, Tables},
};
use crate::{
    id::{DossierCode, RowId},
    lane::{Lane, LaneState},
    need::Need,
    operation::{Attempt, Operation, OperationState},
    port::{
        store::{LedgerState, StoreError},
        views::{
            AttemptView, EditView, EventView, IncidentView, LaneCount, LaneFilter, LaneView, OUTBOX_COUNTED,
            OperationFilter, OperationView, Overview, ParcelView, PartnerCount, PaymentView, QuarantineView,
            ReferenceView, Timeline, UnitCount, Views,
        },
        work::EditRecord,
    },
};

fn us(at: Timestamp) -> i64 {
    at.as_microsecond()
}

fn json<T: serde::Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|e| StoreError::Rejected(e.to_string()))
}

fn operation_view(tables: &Tables, o: &Operation) -> Result<OperationView, StoreError> {
    let lane = tables.lanes.get(&o.lane);
    Ok(OperationView {
        id: o.id,
        connector: o.connector.to_string(),
        action: o.payload.kind().name().to_owned(),
        lane: lane.map(|l| l.key.to_string()).unwrap_or_default(),
        position: o.position,
        is_head: lane.is_some_and(|l| l.head == Some(o.id)),
        subject: o.subject.as_ref().map(ToString::to_string),
        unit: o.unit.as_ref().map(ToString::to_string),
        version: o.version,
        state: o.state.name().to_owned(),
        need: o.need.as_ref().map(ToString::to_string),
        cause: o.cause.map(|c| c.code().to_owned()),
        said: o.said.clone(),
        attempts: o.attempts,
        edits: o.edits,
        begun: o.begun,
        due_us: us(o.due_at),
        created_us: us(o.created_at),
        ended_us: o.ended_at.map(us),
        superseded_by: o.superseded_by,
        decided_by: o.decided_by.clone(),
        payload: json(&*o.payload)?,
        proof: o.proof.as_ref().map(json).transpose()?,
        event: o.event,
    })
}

fn attempt_view(operation: RowId, a: &Attempt) -> AttemptView {
    AttemptView {
        operation,
        number: a.number,
        started_us: us(a.started_at),
        ended_us: a.ended_at.map(us),
        outcome: a.outcome.clone(),
        cause: a.cause.map(|c| c.code().to_owned()),
        said: a.said.clone(),
        holder: a.holder.clone(),
    }
}

fn attempts(tables: &Tables, o: &Operation) -> Vec<AttemptView> {
    let past = tables.attempts.range((o.id, i32::MIN)..=(o.id, i32::MAX)).map(|(_, a)| a);
    past.chain(o.attempt.as_ref()).map(|a| attempt_view(o.id, a)).collect()
}

fn quarantine_view(q: &StoredQuarantine) -> QuarantineView {
    let r = &q.record;
    QuarantineView {
        id: r.row,
        received_us: us(q.received_at),
        origin: r.origin.clone(),
        source: r.source.clone(),
        event_id: r.event_id.clone(),
        subject: r.subject.clone(),
        event_type: r.event_type.clone(),
        reason: r.reason.clone(),
        path: r.path.clone(),
        expected: r.expected.clone(),
        got: r.got.clone(),
        closed_us: q.closed_at.map(us),
        closed_by: None,
        closed_because: None,
        raw: Vec::new(),
    }
}

/// Open operations, and those that ended since.
fn partners(tables: &Tables, since_us: i64) -> Vec<PartnerCount> {
    let mut counts: BTreeMap<(String, &str, OperationState), i64> = BTreeMap::new();
    let ended = tables.operations.values().filter(|o| o.ended_at.is_some_and(|at| us(at) >= since_us));
    for o in open(tables).chain(ended) {
        *counts.entry((o.connector.to_string(), o.payload.kind().name(), o.state)).or_default() += 1;
    }
    let count = |((connector, action, state), operations): ((String, &str, OperationState), i64)| {
        PartnerCount { connector, action: action.to_owned(), state: state.name().to_owned(), operations }
    };
    counts.into_iter().map(count).collect()
}

fn open(tables: &Tables) -> impl Iterator<Item = &Operation> {
    tables.open.values().flat_map(BTreeMap::values).filter_map(|id| tables.operations.get(id))
}

fn lanes(tables: &Tables) -> Vec<LaneCount> {
    let mut counts: BTreeMap<_, (i64, Option<i64>)> = BTreeMap::new();
    for lane in tables.lanes.values().filter(|l| l.state != LaneState::Idle) {
        let created = lane.head.and_then(|id| tables.operations.get(&id)).map(|o| us(o.created_at));
        let (lanes, oldest) = counts.entry((lane.connector.to_string(), lane.state)).or_default();
        *lanes += 1;
        *oldest = [*oldest, created].into_iter().flatten().min();
    }
    let count = |((connector, state), (lanes, oldest_us)): ((String, LaneState), _)| LaneCount {
        connector,
        state: state.name().to_owned(),
        lanes,
        oldest_us,
    };
    counts.into_iter().map(count).collect()
}

fn units(tables: &Tables, since_us: i64) -> Vec<UnitCount> {
    let mut counts: BTreeMap<String, UnitCount> = BTreeMap::new();
    fn of<'a>(
        counts: &'a mut BTreeMap<String, UnitCount>,
        unit: Option<&crate::id::UnitCode>,
    ) -> &'a mut UnitCount {
        let unit = unit.map(ToString::to_string).unwrap_or_default();
        let zero = || UnitCount { unit: unit.clone(), events: 0, sent: 0, waiting: 0, stuck: 0 };
        counts.entry(unit.clone()).or_insert_with(zero)
    }
    for event in tables.events.values().filter(|e| us(e.received_at) >= since_us) {
        of(&mut counts, event.record.unit.as_ref()).events += 1;
    }
    for o in tables.operations.values() {
        match o.state {
            OperationState::Succeeded => {
                if o.ended_at.is_some_and(|at| us(at) >= since_us) {
                    of(&mut counts, o.unit.as_ref()).sent += 1;
                }
            }
            OperationState::Held | OperationState::Stuck => of(&mut counts, o.unit.as_ref()).stuck += 1,
            OperationState::Ready
            | OperationState::Running
            | OperationState::Awaiting
            | OperationState::Doubtful => {
                of(&mut counts, o.unit.as_ref()).waiting += 1;
            }
            OperationState::Refused | OperationState::Superseded | OperationState::Dismissed => {}
        }
    }
    counts.into_values().collect()
}

fn incidents(tables: &Tables) -> Vec<IncidentView> {
    let waiting = |key: &str| {
        let paused = key.strip_prefix("pause:");
        let waits = |o: &&Operation| match paused {
            Some(connector) => o.connector.as_str() == connector,
            None => o.need.as_ref().is_some_and(|need| need.to_string() == key),
        };
        open(tables).filter(waits).count() as i64
    };
    let open = tables.incidents.iter().filter(|i| i.closed_at.is_none());
    open.map(|i| IncidentView {
        id: i.id,
        key: i.key.clone(),
        connector: i.connector.as_ref().map(ToString::to_string),
        said: i.said.clone(),
        opened_us: us(i.opened_at),
        waiting: waiting(&i.key),
    })
    .collect()
}

fn timeline(tables: &Tables, row: RowId) -> Result<Option<Timeline>, StoreError> {
    let Some(dossier) = tables.dossiers.get(&row) else { return Ok(None) };
    let events = tables.events_of.get(&row).into_iter().flatten().filter_map(|id| tables.events.get(id));
    let events = events.map(|e| EventView {
        row: e.record.row,
        source: e.record.key.source.to_string(),
        id: e.record.key.id.to_string(),
        name: e.record.name.clone(),
        sequence: e.record.sequence,
        late: e.record.late,
        at_us: us(e.record.at),
        received_us: us(e.received_at),
        planned: e.record.planned,
        note: e.record.note.clone(),
        body: e.record.body.to_string(),
    });
    let ids = tables.operations_of.get(&row).into_iter().flatten();
    let operations: Vec<&Operation> = ids.filter_map(|id| tables.operations.get(id)).collect();
    let payments =
        tables.payments.values().filter(|p| p.dossier == row).filter_map(|p| tables.payment(p.row));
    let payments = payments.map(|p| PaymentView {
        id: p.id.to_string(),
        connector: p.connector.to_string(),
        amount: p.amount,
        state: p.state.name().to_owned(),
        updated_us: us(p.updated_at),
        references: p
            .references
            .into_iter()
            .map(|r| ReferenceView {
                reference: r.reference.to_string(),
                state: r.state.number(),
                pay_url: r.pay_url,
                platform_ref: r.platform_ref,
                paid_us: r.paid_at.map(us),
            })
            .collect(),
    });
    let parcels = tables.parcels.values().filter(|p| p.dossier == row).map(|p| ParcelView {
        id: p.id.to_string(),
        connector: p.connector.to_string(),
        order_number: p.order_number.to_string(),
        direction: p.direction.name().to_owned(),
        state: p.state.name().to_owned(),
        item_code: p.item_code.clone(),
        moved_us: p.moved_at.map(us),
        last_move: p.last_move.clone(),
        updated_us: us(p.updated_at),
    });
    let state = match tables.versions.get(&(row, dossier.version)) {
        Some(version) => version.record.state.to_string(),
        None => json(&crate::dossier::DossierState::new(dossier.code.clone()))?,
    };
    Ok(Some(Timeline {
        code: dossier.code.to_string(),
        aliases: tables.aliases.iter().filter(|(_, r)| **r == row).map(|(a, _)| a.to_string()).collect(),
        known: dossier.known,
        unit: dossier.unit.as_ref().map(ToString::to_string),
        version: dossier.version,
        state,
        events: events.collect(),
        operations: operations.iter().map(|o| operation_view(tables, o)).collect::<Result<_, _>>()?,
        attempts: operations.iter().flat_map(|o| attempts(tables, o)).collect(),
        payments: payments.collect(),
        parcels: parcels.collect(),
    }))
}

fn is_wanted(filter: &OperationFilter, o: &Operation) -> bool {
    fn fits(wanted: Option<&String>, value: Option<&str>) -> bool {
        wanted.is_none_or(|w| value == Some(w.as_str()))
    }
    o.id > filter.after
        && !(filter.open_only && o.state.is_ended())
        && filter.state.is_none_or(|s| s == o.state)
        && fits(filter.connector.as_ref(), Some(o.connector.as_str()))
        && fits(filter.action.as_ref(), Some(o.payload.kind().name()))
        && fits(filter.unit.as_ref(), o.unit.as_ref().map(crate::id::UnitCode::as_str))
        && fits(filter.cause.as_ref(), o.cause.map(crate::outcome::Cause::code))
        && fits(filter.need.as_ref(), o.need.as_ref().map(Need::to_string).as_deref())
}

fn lane_view(tables: &Tables, lane: &Lane) -> Result<LaneView, StoreError> {
    let head = lane.head.and_then(|id| tables.operations.get(&id));
    Ok(LaneView {
        id: lane.id,
        connector: lane.connector.to_string(),
        key: lane.key.to_string(),
        state: lane.state.name().to_owned(),
        since_us: us(lane.since),
        due_us: us(lane.due_at),
        behind: tables.open.get(&lane.id).map_or(0, |open| open.len() as i64 - 1),
        head: head.map(|o| operation_view(tables, o)).transpose()?,
    })
}

fn is_wanted_lane(filter: &LaneFilter, lane: &LaneView) -> bool {
    let head = lane.head.as_ref();
    let fits = |wanted: &Option<String>, value: Option<&String>| wanted.is_none() || wanted.as_ref() == value;
    let has_setbacks = head.is_some_and(|head| head.attempts > 0);
    let is_state = match (filter.state, filter.id) {
        (Some(state), _) => state != LaneState::Idle && state.name() == lane.state,
        (None, Some(_)) => true,
        (None, None) => match lane.state.as_str() {
            "idle" | "running" => false,
            "ready" => has_setbacks,
            _ => true,
        },
    };
    is_state
        && filter.id.is_none_or(|id| id == lane.id)
        && fits(&filter.connector, Some(&lane.connector))
        && fits(&filter.unit, head.and_then(|o| o.unit.as_ref()))
        && fits(&filter.cause, head.and_then(|o| o.cause.as_ref()))
        && filter.after.is_none_or(|after| lane.place().is_some_and(|place| place > after))
}

#[async_trait]
impl Views for MemoryStore {
    async fn overview(&self, since_us: i64) -> Result<Overview, StoreError> {
        let tables = self.open()?;
        let relayed: i64 = tables.cursors.get("relay").and_then(|c| c.parse().ok()).unwrap_or(0);
        let waiting = tables.outbox.iter().filter(|row| row.number > relayed).count() as i64;
        Ok(Overview {
            now_us: us(self.time()),
            partners: partners(&tables, since_us),
            lanes: lanes(&tables),
            units: units(&tables, since_us),
            incidents: incidents(&tables),
            conditions: tables.conditions.values().cloned().collect(),
            ledgers: LedgerState { total: tables.ledger_total(), open: tables.open_count },
            quarantine_open: tables.quarantine.values().filter(|q| q.closed_at.is_none()).count() as i64,
            dossiers: tables.dossiers.len() as i64,
            outbox_highest: tables.outbox.last().map_or(0, |row| row.number),
            outbox_waiting: waiting.min(OUTBOX_COUNTED),
        })
    }

    async fn timeline(&self, code: &str) -> Result<Option<Timeline>, StoreError> {
        let tables = self.open()?;
        let row = DossierCode::parse(code).ok().and_then(|code| tables.dossier_row(&code));
        row.map_or(Ok(None), |row| timeline(&tables, row))
    }

    async fn operations(&self, filter: &OperationFilter) -> Result<Vec<OperationView>, StoreError> {
        let tables = self.open()?;
        let wanted = tables.operations.values().filter(|o| is_wanted(filter, o));
        wanted.take(usize::try_from(filter.limit).unwrap_or(0)).map(|o| operation_view(&tables, o)).collect()
    }

    async fn operation(
        &self,
        id: i64,
    ) -> Result<Option<(OperationView, Vec<AttemptView>, Option<String>)>, StoreError> {
        let tables = self.open()?;
        let Some(o) = tables.operations.get(&id) else { return Ok(None) };
        let state = o.dossier.zip(o.version).and_then(|key| tables.versions.get(&key));
        let state = state.map(|version| version.record.state.to_string());
        Ok(Some((operation_view(&tables, o)?, attempts(&tables, o), state)))
    }

    async fn lanes(&self, filter: &LaneFilter) -> Result<Vec<LaneView>, StoreError> {
        let tables = self.open()?;
        let all = tables.lanes.values().map(|lane| lane_view(&tables, lane));
        let mut wanted: Vec<LaneView> = all.collect::<Result<_, _>>()?;
        wanted.retain(|lane| is_wanted_lane(filter, lane));
        wanted.sort_by_key(LaneView::place);
        wanted.truncate(usize::try_from(filter.limit).unwrap_or(0));
        Ok(wanted)
    }

    async fn edits(&self, operations: &[i64]) -> Result<Vec<EditView>, StoreError> {
        let tables = self.open()?;
        let wanted = tables.edits.iter().filter(|((operation, _), _)| operations.contains(operation));
        let view = |((operation, number), (at, edit)): (&(RowId, i32), &(Timestamp, EditRecord))| EditView {
            operation: *operation,
            number: *number,
            at_us: us(*at),
            actor: edit.actor.clone(),
            reason: edit.reason.clone(),
            before: edit.before.to_string(),
            after: edit.after.to_string(),
        };
        Ok(wanted.map(view).collect())
    }

    async fn quarantine(&self, after: i64, limit: i64) -> Result<Vec<QuarantineView>, StoreError> {
        let tables = self.open()?;
        let from = tables.quarantine.range(after.saturating_add(1)..).map(|(_, q)| q);
        let from = from.filter(|q| q.closed_at.is_none()).map(quarantine_view);
        Ok(from.take(usize::try_from(limit).unwrap_or(0)).collect())
    }

    async fn quarantine_entry(&self, id: i64) -> Result<Option<QuarantineView>, StoreError> {
        let tables = self.open()?;
        let subject = id.to_string();
        let closing =
            tables.audit.iter().filter(|(_, _, _, s)| *s == subject).find_map(|(_, actor, deed, _)| {
                Some((actor.clone(), deed.strip_prefix("quarantine.close: ")?.to_owned()))
            });
        let (closed_by, closed_because) = closing.unzip();
        let entry = tables.quarantine.get(&id);
        Ok(entry.map(|q| QuarantineView {
            raw: q.record.raw.clone(),
            closed_by,
            closed_because,
            ..quarantine_view(q)
        }))
    }
}
