//! The store port over the tables. Every method begins by giving way, so that callers interleave as with a real store.

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use super::{
    MemoryStore, catalogue, replays, retention,
    tables::{LeaseRow, StoredCallback, TimerRow, add},
};
use crate::{
    catalogue::{Change, ChangeFilter, Entry, EntryFilter, ListHead, Mapping},
    clock::later,
    id::{ConnectorId, RowId},
    lane::LaneState,
    operation::OperationState,
    payment::{PaymentState, ReferenceState},
    port::{
        retention::{Holding, Kind, Step, Taken},
        store::{
            ConnectorCondition, Decision, DueTimer, Fence, Installation, LedgerAudit, LedgerState, OutboxRow,
            RawCallback, ReferenceToAsk, Session, Store, StoreError,
        },
        work::{LedgerDelta, Scope},
    },
    replay::{Case, ItemFilter, ItemView, Replay, Tally},
};

fn size(limit: i64) -> usize {
    usize::try_from(limit).unwrap_or(0)
}

/// Leases are over only after their last moment, as in SQL: `until < now`.
fn is_free(lease: &LeaseRow, now: Timestamp) -> bool {
    lease.holder.is_none() || lease.until < now
}

#[async_trait]
impl Store for MemoryStore {
    async fn transact(&self, scope: Scope, decide: Decision) -> Result<(), StoreError> {
        tokio::task::yield_now().await;
        let decided = self.unit(scope, &decide);
        // A caller may go away between the commit and its answer, as with the other stores.
        match self.owed_delay() {
            Some(delay) => tokio::time::sleep(delay).await,
            None => tokio::task::yield_now().await,
        }
        decided
    }

    async fn now(&self) -> Result<Timestamp, StoreError> {
        tokio::task::yield_now().await;
        self.open().map(|_| self.time())
    }

    async fn outbox(&self, after: i64, limit: i64) -> Result<Vec<OutboxRow>, StoreError> {
        tokio::task::yield_now().await;
        let tables = self.open()?;
        if tables.is_fenced() {
            return Ok(Vec::new());
        }
        let from = tables.outbox.partition_point(|row| row.number <= after);
        Ok(tables.outbox[from..].iter().take(size(limit)).cloned().collect())
    }

    async fn acquire(
        &self,
        name: &str,
        holder: &str,
        ttl: SignedDuration,
    ) -> Result<Option<Fence>, StoreError> {
        tokio::task::yield_now().await;
        let (mut tables, now) = (self.open()?, self.time());
        let lease = tables.singletons.entry(name.to_owned()).or_default();
        if is_free(lease, now) {
            lease.fence += 1;
        } else if lease.holder.as_deref() != Some(holder) {
            return Ok(None);
        }
        (lease.holder, lease.until) = (Some(holder.to_owned()), later(now, ttl));
        Ok(Some(Fence { name: name.to_owned(), number: lease.fence }))
    }

    async fn relinquish(&self, fence: &Fence) -> Result<(), StoreError> {
        tokio::task::yield_now().await;
        let mut tables = self.open()?;
        if let Some(lease) = tables.singletons.get_mut(&fence.name).filter(|l| l.fence == fence.number) {
            lease.holder = None;
        }
        Ok(())
    }

    async fn cursor(&self, name: &str) -> Result<Option<String>, StoreError> {
        tokio::task::yield_now().await;
        Ok(self.open()?.cursors.get(name).cloned())
    }

    async fn set_cursor(&self, name: &str, cursor: &str, fence: &Fence) -> Result<(), StoreError> {
        tokio::task::yield_now().await;
        let mut tables = self.open()?;
        if tables.singletons.get(&fence.name).map(|l| l.fence) != Some(fence.number) {
            return Err(StoreError::Fenced(fence.name.clone()));
        }
        tables.cursors.insert(name.to_owned(), cursor.to_owned());
        Ok(())
    }

    async fn keep_callback(&self, raw: &RawCallback) -> Result<RowId, StoreError> {
        tokio::task::yield_now().await;
        let (mut tables, received_at) = (self.open()?, self.time());
        let row = tables.callbacks.keys().next_back().map_or(1, |last| last + 1);
        tables
            .callbacks
            .insert(row, StoredCallback { raw: raw.clone(), received_at, identity: None, verdict: None });
        Ok(row)
    }

    async fn session(&self, connector: &ConnectorId) -> Result<Option<Session>, StoreError> {
        tokio::task::yield_now().await;
        Ok(self.open()?.sessions.get(connector).cloned())
    }

    async fn put_session(&self, connector: &ConnectorId, session: &Session) -> Result<(), StoreError> {
        tokio::task::yield_now().await;
        let mut tables = self.open()?;
        if tables.sessions.get(connector).is_none_or(|known| known.acquired_at < session.acquired_at) {
            tables.sessions.insert(connector.clone(), session.clone());
        }
        Ok(())
    }

    async fn conditions(&self) -> Result<Vec<ConnectorCondition>, StoreError> {
        tokio::task::yield_now().await;
        Ok(self.open()?.conditions.values().cloned().collect())
    }

    async fn due_timers(
        &self,
        known: &[(String, Timestamp)],
        holder: &str,
        ttl: SignedDuration,
    ) -> Result<Vec<DueTimer>, StoreError> {
        tokio::task::yield_now().await;
        let (mut tables, now) = (self.open()?, self.time());
        let mut due = Vec::new();
        for (name, first) in known {
            let timer = tables
                .timers
                .entry(name.clone())
                .or_insert_with(|| TimerRow { next_at: *first, lease: LeaseRow::default() });
            if timer.next_at > now || !is_free(&timer.lease, now) {
                continue;
            }
            timer.lease.fence += 1;
            (timer.lease.holder, timer.lease.until) = (Some(holder.to_owned()), later(now, ttl));
            let fence = Fence { name: name.clone(), number: timer.lease.fence };
            due.push(DueTimer { name: name.clone(), planned_at: timer.next_at, fence });
        }
        Ok(due)
    }

    async fn renew_timer(&self, fence: &Fence, ttl: SignedDuration) -> Result<(), StoreError> {
        tokio::task::yield_now().await;
        let (mut tables, now) = (self.open()?, self.time());
        let timer = tables.timers.get_mut(&fence.name);
        let timer = timer.filter(|t| t.lease.fence == fence.number && t.lease.holder.is_some());
        let timer = timer.ok_or_else(|| StoreError::Fenced(fence.name.clone()))?;
        timer.lease.until = later(now, ttl);
        Ok(())
    }

    async fn timer_done(&self, fence: &Fence, next_at: Timestamp) -> Result<(), StoreError> {
        tokio::task::yield_now().await;
        let mut tables = self.open()?;
        let timer = tables.timers.get_mut(&fence.name).filter(|t| t.lease.fence == fence.number);
        let timer = timer.ok_or_else(|| StoreError::Fenced(fence.name.clone()))?;
        (timer.next_at, timer.lease.holder) = (next_at, None);
        Ok(())
    }

    async fn fold_ledgers(&self) -> Result<(), StoreError> {
        tokio::task::yield_now().await;
        let mut tables = self.open()?;
        let deltas = std::mem::take(&mut tables.deltas);
        tables.folded = deltas.into_iter().fold(tables.folded, add);
        Ok(())
    }

    async fn ledgers(&self) -> Result<LedgerState, StoreError> {
        tokio::task::yield_now().await;
        let tables = self.open()?;
        Ok(LedgerState { total: tables.ledger_total(), open: tables.open_count })
    }

    async fn recount_ledgers(&self) -> Result<LedgerAudit, StoreError> {
        tokio::task::yield_now().await;
        let tables = self.open()?;
        let total = tables.ledger_total();
        let ended = |state| tables.operations.values().filter(|o| o.state == state).count() as i64;
        let counted = LedgerDelta {
            admitted: tables.events.len() as i64,
            quarantined: tables.quarantine.len() as i64,
            planned: tables.operations.len() as i64,
            succeeded: ended(OperationState::Succeeded),
            refused: ended(OperationState::Refused),
            superseded: ended(OperationState::Superseded),
            dismissed: ended(OperationState::Dismissed),
            ..LedgerDelta::default()
        };
        let counted = add(counted, tables.retired_ledger);
        let counted = LedgerDelta { received: total.received, duplicate: total.duplicate, ..counted };
        Ok(LedgerAudit { ledgers: LedgerState { total, open: tables.open_count }, counted })
    }

    async fn retire(&self, step: &Step) -> Result<Taken, StoreError> {
        tokio::task::yield_now().await;
        let now = self.time();
        Ok(retention::retire(&mut *self.open()?, step, now))
    }

    async fn holding(&self, kind: Kind, before: Option<Timestamp>) -> Result<Holding, StoreError> {
        tokio::task::yield_now().await;
        Ok(retention::holding(&*self.open()?, kind, before))
    }

    async fn references_to_ask(
        &self,
        connector: &ConnectorId,
        made_after: Timestamp,
        before: Timestamp,
        expired_by: Timestamp,
        limit: i64,
    ) -> Result<Vec<ReferenceToAsk>, StoreError> {
        tokio::task::yield_now().await;
        let tables = self.open()?;
        let mut wanted: Vec<_> = tables
            .references
            .iter()
            .filter(|((of, _), (_, r))| {
                of == connector
                    && r.state != ReferenceState::Paid
                    && r.asked_at.is_none_or(|asked| asked < before)
            })
            .filter_map(|(_, (payment, r))| Some((tables.payments.get(payment)?, r)))
            .filter(|(payment, r)| {
                let is_over = payment.body.expires_at.is_some_and(|at| at <= expired_by);
                r.created_at > made_after || (payment.state == PaymentState::Open && is_over)
            })
            .collect();
        wanted.sort_by_key(|(_, r)| (r.asked_at.unwrap_or(Timestamp::UNIX_EPOCH), r.created_at));
        let to_ask = |(payment, r): (&crate::payment::PaymentRecord, &crate::payment::ReferenceRecord)| {
            ReferenceToAsk {
                payment: payment.id.clone(),
                reference: r.reference.clone(),
                sent_at: r.sent_at.clone(),
                amount: payment.amount,
            }
        };
        Ok(wanted.into_iter().take(size(limit)).map(to_ask).collect())
    }

    async fn next_due(
        &self,
        connector: &ConnectorId,
        state: LaneState,
    ) -> Result<Option<Timestamp>, StoreError> {
        tokio::task::yield_now().await;
        let tables = self.open()?;
        let from = (connector.clone(), state, Timestamp::MIN, RowId::MIN);
        let to = (connector.clone(), state, Timestamp::MAX, RowId::MAX);
        Ok(tables.lanes_due.range(from..=to).next().map(|(_, _, due, _)| *due))
    }

    async fn replays(&self, is_active: bool, limit: i64) -> Result<Vec<Replay>, StoreError> {
        tokio::task::yield_now().await;
        Ok(replays::replays(&*self.open()?, is_active, size(limit)))
    }

    async fn replay(&self, id: RowId) -> Result<Option<(Replay, Vec<Tally>)>, StoreError> {
        tokio::task::yield_now().await;
        let tables = self.open()?;
        let replay = tables.replays.get(&id).cloned();
        Ok(replay.map(|replay| (replay, replays::tallies(&tables, id))))
    }

    async fn replay_cases(&self, replay: &Replay, limit: i64) -> Result<Vec<Case>, StoreError> {
        tokio::task::yield_now().await;
        Ok(replays::cases(&*self.open()?, replay, size(limit)))
    }

    async fn replay_items(&self, filter: &ItemFilter) -> Result<Vec<ItemView>, StoreError> {
        tokio::task::yield_now().await;
        Ok(replays::items(&*self.open()?, filter, size(filter.limit)))
    }

    async fn catalogue_lists(&self) -> Result<Vec<ListHead>, StoreError> {
        tokio::task::yield_now().await;
        Ok(self.open()?.catalogue_heads.values().cloned().collect())
    }

    async fn catalogue_entries(&self, filter: &EntryFilter) -> Result<Vec<Entry>, StoreError> {
        tokio::task::yield_now().await;
        Ok(catalogue::entries(&*self.open()?, filter, size(filter.limit)))
    }

    async fn catalogue_changes(&self, filter: &ChangeFilter) -> Result<Vec<Change>, StoreError> {
        tokio::task::yield_now().await;
        Ok(catalogue::changes(&*self.open()?, filter, size(filter.limit)))
    }

    async fn mapping_version(&self) -> Result<i64, StoreError> {
        tokio::task::yield_now().await;
        Ok(self.open()?.mapping_version)
    }

    async fn mappings(&self, withdrawn: bool) -> Result<(i64, Vec<Mapping>), StoreError> {
        tokio::task::yield_now().await;
        let tables = self.open()?;
        let wanted = tables.mappings.values().filter(|m| withdrawn || m.withdrawn.is_none());
        Ok((tables.mapping_version, wanted.cloned().collect()))
    }

    async fn installation(&self) -> Result<Installation, StoreError> {
        tokio::task::yield_now().await;
        let tables = self.open()?;
        Ok(Installation {
            id: tables.installation.clone(),
            epoch: tables.epoch,
            outbox_highest: tables.outbox_highest(),
            newest_event_at: tables.events.values().map(|event| event.received_at).max(),
            restored: tables.restored.clone(),
        })
    }

    async fn ping(&self) -> Result<(), StoreError> {
        tokio::task::yield_now().await;
        self.open().map(drop)
    }
}
