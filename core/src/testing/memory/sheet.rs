//! The morning sheet over the tables: the same answers as the SQL of the other stores.

use async_trait::async_trait;
use jiff::civil::Date;
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use super::{MemoryStore, tables::Tables};
use crate::{
    id::UnitCode,
    index::{facts::Stage, tally::FactRow},
    lane::LaneState,
    port::{
        sheet::{BlockedLane, OnSheet, SheetAsk, SheetStore},
        store::StoreError,
    },
    sheet::Line,
};

fn unit_of(row: &FactRow) -> &str {
    row.unit.as_ref().map_or("", UnitCode::as_str)
}

fn size(limit: i64) -> usize {
    usize::try_from(limit).unwrap_or(0)
}

#[async_trait]
impl SheetStore for MemoryStore {
    async fn sheet_lines(&self, ask: &SheetAsk) -> Result<Vec<Line>, StoreError> {
        tokio::task::yield_now().await;
        let tables = self.open()?;
        let mut lines: BTreeMap<String, Line> = BTreeMap::new();
        for row in tables.index_facts.values() {
            let (facts, window) = (&row.known, ask.window(row.unit.as_ref()));
            let mut own = Line::default();
            if let Some(at) = row
                .anchor
                .filter(|at| facts.stage() != Stage::NotReceived && (window.before..=window.now).contains(at))
            {
                let is_today = i64::from(at >= window.today);
                (own.received_today, own.received_before) = (is_today, 1 - is_today);
            }
            match facts.stage() {
                Stage::InWork => {
                    own.open = 1;
                    if let Some(due) = facts.due {
                        let is_ahead = due >= window.now;
                        own.late = i64::from(!is_ahead);
                        own.late_since = Some(due).filter(|_| !is_ahead);
                        own.due_soon = i64::from(is_ahead && due <= window.soon);
                        own.due_next = i64::from(is_ahead && due <= window.next);
                    }
                }
                Stage::Waiting => {
                    (own.open, own.waiting) = (1, 1);
                    own.waiting_over = i64::from(facts.respond_by.is_some_and(|until| until < window.now));
                }
                Stage::NotReceived | Stage::Ended => {}
            }
            if own != Line::default() {
                lines.entry(unit_of(row).to_owned()).or_default().join(&own);
            }
        }
        let mut dossiers = BTreeSet::new();
        for lane in blocked(&tables, ask) {
            let line = lines.entry(lane.unit.clone()).or_default();
            line.blocked += i64::from(dossiers.insert(lane.dossier));
            line.join(&Line { blocked_since: Some(lane.since), ..Line::default() });
        }
        Ok(lines.into_iter().map(|(unit, line)| Line { unit, ..line }).collect())
    }

    async fn sheet_facts(&self, unit: &str, wanted: OnSheet, limit: i64) -> Result<Vec<FactRow>, StoreError> {
        tokio::task::yield_now().await;
        let tables = self.open()?;
        let mut rows: Vec<FactRow> = tables
            .index_facts
            .values()
            .filter(|row| unit_of(row) == unit)
            .filter(|row| {
                let (facts, stage) = (&row.known, row.known.stage());
                match wanted {
                    OnSheet::Due { from, until } => {
                        stage == Stage::InWork && facts.due.is_some_and(|due| due >= from && due < until)
                    }
                    OnSheet::Waiting => stage == Stage::Waiting,
                    OnSheet::Received { from, until } => {
                        stage != Stage::NotReceived
                            && row.anchor.is_some_and(|at| (from..=until).contains(&at))
                    }
                }
            })
            .cloned()
            .collect();
        match wanted {
            OnSheet::Due { .. } => rows.sort_by_key(|row| (row.known.due, row.dossier)),
            // Those of which nobody said when it was asked come last.
            OnSheet::Waiting => rows.sort_by_key(|row| {
                let asked = row.known.asked();
                (asked.is_none(), asked, row.dossier)
            }),
            OnSheet::Received { .. } => rows.sort_by_key(|row| Reverse((row.anchor, row.dossier))),
        }
        rows.truncate(size(limit));
        Ok(rows)
    }

    async fn blocked_lanes(
        &self,
        ask: &SheetAsk,
        unit: Option<&str>,
        limit: i64,
    ) -> Result<Vec<BlockedLane>, StoreError> {
        tokio::task::yield_now().await;
        let tables = self.open()?;
        let mut lanes = blocked(&tables, ask);
        lanes.retain(|lane| unit.is_none_or(|unit| unit == lane.unit));
        lanes.sort_by(|a, b| (&a.unit, a.since, a.lane).cmp(&(&b.unit, b.since, b.lane)));
        let mut taken: BTreeMap<String, usize> = BTreeMap::new();
        lanes.retain(|lane| {
            let count = taken.entry(lane.unit.clone()).or_default();
            *count += 1;
            *count <= size(limit)
        });
        Ok(lanes)
    }

    async fn keep_sheets(
        &self,
        day: Date,
        sheets: &[(String, String)],
        oldest: Date,
    ) -> Result<(), StoreError> {
        tokio::task::yield_now().await;
        let mut tables = self.open()?;
        tables.sheets.retain(|(day, _), _| *day >= oldest);
        let sheets = sheets.iter().map(|(unit, body)| ((day, unit.clone()), body.clone()));
        tables.sheets.extend(sheets);
        Ok(())
    }

    async fn kept_sheet(&self, day: Date, unit: &str) -> Result<Option<String>, StoreError> {
        tokio::task::yield_now().await;
        Ok(self.open()?.sheets.get(&(day, unit.to_owned())).cloned())
    }

    async fn sheet_days(&self) -> Result<Vec<Date>, StoreError> {
        tokio::task::yield_now().await;
        let tables = self.open()?;
        let days = tables.sheets.keys().filter(|(_, unit)| unit.is_empty()).map(|(day, _)| *day);
        Ok(days.rev().collect())
    }
}

/// Lanes of dossiers that are held, stuck, or whose partner is sent nothing.
fn blocked(tables: &Tables, ask: &SheetAsk) -> Vec<BlockedLane> {
    let mut lanes = Vec::new();
    for lane in tables.lanes.values() {
        let Some(head) = lane.head.and_then(|id| tables.operations.get(&id)) else { continue };
        let shut = ask.shut.iter().find(|(connector, _)| *connector == lane.connector);
        let since = match lane.state {
            LaneState::Held | LaneState::Stuck => lane.since.as_microsecond(),
            LaneState::Ready | LaneState::Doubtful => match shut {
                Some((_, since)) => head.created_at.as_microsecond().max(*since),
                None => continue,
            },
            LaneState::Idle | LaneState::Running | LaneState::Awaiting => continue,
        };
        let (Some(subject), Some(row)) = (&head.subject, head.dossier) else { continue };
        let fact = tables.index_facts.get(&row);
        let unit = fact.and_then(|fact| fact.unit.as_ref()).or(head.unit.as_ref());
        lanes.push(BlockedLane {
            lane: lane.id,
            dossier: fact.map_or_else(|| subject.to_string(), |fact| fact.code.clone()),
            unit: unit.map(ToString::to_string).unwrap_or_default(),
            connector: lane.connector.to_string(),
            since: since.div_euclid(1_000_000),
            cause: head.cause.map(|cause| cause.code().to_owned()),
            facts: fact.map(|fact| fact.known.clone()),
        });
    }
    lanes
}
