//! Intake: read, admit in one transaction, hand over what may go at once. When it answers, the events are durable.

use std::{collections::BTreeMap, ops::Range, sync::Arc, time::Duration};
use tokio::{sync::OwnedSemaphorePermit, time::Instant};

use crate::{
    event::{
        Admissible, RawMessage, envelope,
        rejection::{Reason, Rejection, Verdict},
    },
    flow::{
        engine::Engine,
        execute::{Claimed, Dispatcher},
        settle::{self, Assignment},
    },
    id::ConnectorId,
    plan::admit::{self, Incoming},
    port::store::{StoreError, decide},
};

/// Judges a message without the store: a dry run. The verdict is that of an admission to an empty store: what only the
/// store knows (duplicates, conflicts, which unit has the dossier now) is not judged.
pub fn judge(engine: &Engine, message: &RawMessage) -> Result<Admissible, Rejection> {
    let event = envelope::read(message, &engine.rules, engine.settings.max_message_bytes)?;
    admit::judge(&engine.rules, &event)?;
    Ok(event)
}

/// Reads messages; the store is not asked.
pub fn read(engine: &Engine, messages: impl IntoIterator<Item = RawMessage>) -> Vec<Incoming> {
    let read = |message: RawMessage| {
        let read = envelope::read(&message, &engine.rules, engine.settings.max_message_bytes);
        Incoming { origin: message.origin, raw: message.body, read }
    };
    messages.into_iter().map(read).collect()
}

/// Reads and admits messages; see [`admit_read`].
pub async fn admit(engine: &Arc<Engine>, messages: Vec<RawMessage>) -> Result<Vec<Verdict>, StoreError> {
    admit_read(engine, read(engine, messages).into()).await
}

/// Admits what was read, in order; verdicts in the same order. [`StoreError::Unavailable`]: nothing may be acknowledged,
/// and the same call may be made again.
pub async fn admit_read(engine: &Arc<Engine>, batch: Arc<[Incoming]>) -> Result<Vec<Verdict>, StoreError> {
    let mut verdicts = Vec::with_capacity(batch.len());
    let (mut from, most) = (0, engine.settings.batch.max(1));
    while from < batch.len() {
        let to = batch.len().min(from + most);
        verdicts.extend(admit_part(engine, Part { all: Arc::clone(&batch), range: from..to }).await?);
        from = to;
    }
    count(&verdicts);
    Ok(verdicts)
}

fn count(verdicts: &[Verdict]) {
    let mut counts = BTreeMap::new();
    for verdict in verdicts {
        let name = match verdict {
            Verdict::Accepted { .. } => "admitted",
            Verdict::Duplicate { .. } => "duplicate",
            Verdict::Quarantined(_) => "quarantined",
        };
        *counts.entry(name).or_insert(0) += 1;
    }
    for (name, count) in counts {
        metrics::counter!("lienthong_events_total", "verdict" => name).increment(count);
    }
}

/// How often a part is tried again that the store reports as contended, each time after the store's own repeats and a
/// growing pause (about ten seconds in all): no other writer is in the way for so long, so it is the content's fault.
const CONTENDED_AT_MOST: u32 = 9;

/// Some messages of a batch, shared: a part may be tried again, or divided.
#[derive(Clone)]
struct Part {
    all: Arc<[Incoming]>,
    range: Range<usize>,
}

impl Part {
    fn messages(&self) -> &[Incoming] {
        self.all.get(self.range.clone()).unwrap_or_default()
    }

    fn halves(self) -> (Self, Self) {
        let Range { start, end } = self.range;
        let middle = start + (end - start) / 2;
        (
            Self { all: Arc::clone(&self.all), range: start..middle },
            Self { all: self.all, range: middle..end },
        )
    }
}

/// Admits a batch; one that the store refuses is halved until the culprit is alone, and that goes to quarantine.
async fn admit_part(engine: &Arc<Engine>, batch: Part) -> Result<Vec<Verdict>, StoreError> {
    // A stack of parts still to admit, the next one on top: order is kept, recursion is not needed.
    let mut parts = vec![batch];
    let mut verdicts = Vec::new();
    let mut contended = 0;
    while let Some(part) = parts.pop() {
        let committed = match commit(engine, part.clone()).await {
            // The store has repeated it by itself already: a part that never gets through is refused for good.
            Err(StoreError::Contended(said)) if contended >= CONTENDED_AT_MOST => {
                Err(StoreError::Rejected(said))
            }
            other => other,
        };
        if matches!(committed, Err(StoreError::Contended(_))) {
            tokio::time::sleep(Duration::from_millis(20 << contended)).await;
            contended += 1;
        } else {
            contended = 0;
        }
        match committed {
            Ok(more) => verdicts.extend(more),
            Err(StoreError::Rejected(said)) if part.messages().len() == 1 => {
                let all = part.messages().iter().map(|m| unstorable(m.clone(), &said)).collect();
                verdicts.extend(commit(engine, Part { all, range: 0..1 }).await?);
            }
            Err(StoreError::Rejected(_)) => {
                let (first, second) = part.halves();
                parts.push(second);
                parts.push(first);
            }
            Err(StoreError::Contended(_)) => parts.push(part),
            Err(error @ (StoreError::Unavailable(_) | StoreError::Fenced(_))) => return Err(error),
        }
    }
    Ok(verdicts)
}

fn unstorable(message: Incoming, said: &str) -> Incoming {
    tracing::warn!(reason = said, "the store refused an event; it goes to quarantine");
    let mut rejection = Rejection::new(Reason::Unstorable, "", "nội dung mà kho dữ liệu lưu được", said);
    if let Ok(event) = &message.read {
        rejection.source = Some(event.key.source.to_string());
        rejection.event_id = Some(event.key.id.to_string());
        rejection.subject = Some(event.subject.as_str().to_owned());
        rejection.event_type = Some(event.name.event_type());
    }
    Incoming { read: Err(rejection), ..message }
}

/// How long an admission waits for places at most: a batch's worth of a partner that is quick enough to be waited for.
const ROOM_WITHIN: Duration = Duration::from_millis(100);

/// Waits a moment while the partners that these messages concern work and are busy: what is admitted when there are places
/// goes out at once, and need not be claimed. Whatever waits is safe where it is.
async fn room(engine: &Engine, messages: &[Incoming]) {
    let health = &engine.settings.health;
    let concerning =
        |kind| messages.iter().filter(|m| m.read.as_ref().is_ok_and(|e| e.name.partner() == kind)).count();
    let busy = engine.members.values().filter_map(|member| {
        member.worth_waiting_for(concerning(member.manifest.kind), health).map(|places| (member, places))
    });
    let busy: Vec<_> = busy.collect();
    let all = async {
        for (member, places) in busy {
            member.places.wait_for(places).await;
        }
    };
    tokio::time::timeout(ROOM_WITHIN, all).await.ok();
}

/// Places taken before the admission: it hands over at most so many operations.
type Reserved = Vec<(ConnectorId, Vec<OwnedSemaphorePermit>)>;

fn reserve(engine: &Engine, most: usize) -> Reserved {
    if engine.dispatcher.get().is_none_or(Dispatcher::is_stopping) {
        return Vec::new();
    }
    let health = &engine.settings.health;
    // Where something holds for all processes, or may, only the execute loop claims: it asks for the lock.
    let free = engine.members.iter().filter(|(_, member)| member.is_free(health));
    free.map(|(id, member)| (id.clone(), member.places.try_take(most))).collect()
}

async fn commit(engine: &Arc<Engine>, batch: Part) -> Result<Vec<Verdict>, StoreError> {
    engine.finish(commit_and_hand_over(Arc::clone(engine), batch)).await
}

async fn commit_and_hand_over(engine: Arc<Engine>, batch: Part) -> Result<Vec<Verdict>, StoreError> {
    let engine = &engine;
    if engine.dispatcher.get().is_some() {
        room(engine, batch.messages()).await;
    }
    let reserved = reserve(engine, batch.messages().len());
    let limits: Vec<_> = reserved
        .iter()
        .map(|(id, permits)| (id.clone(), permits.len(), engine.lease(id)))
        .filter(|(_, limit, _)| *limit > 0)
        .collect();
    // The lease counts from before the transaction was sent.
    let claimed_at = Instant::now();
    let (rules, holder) = (Arc::clone(&engine.rules), engine.settings.holder.clone());
    let scope = admit::scope(batch.messages());
    let _claiming = engine.in_hand.claiming().await;
    let decided = decide(&*engine.store, scope, move |work| {
        let verdicts = admit::admit(work, &rules, batch.messages());
        let mut assignments: Vec<Assignment> = Vec::new();
        if !work.is_incomplete() {
            for (connector, limit, lease) in &limits {
                let may =
                    |o: &crate::operation::Operation| rules.action(connector, o.payload.kind()).handed_over;
                assignments.extend(settle::claim(work, connector, *limit, &holder, *lease, may));
            }
        }
        (verdicts, assignments, settle::leaves_work(work))
    })
    .await;
    if let Err(StoreError::Unavailable(_)) = &decided {
        engine.claims_may_be_lost();
    }
    let (verdicts, assignments, leaves_work) = decided?;
    engine.told.notify_one();
    if leaves_work {
        engine.wake();
    }
    hand_over(engine, reserved, assignments, claimed_at);
    Ok(verdicts)
}

fn hand_over(
    engine: &Arc<Engine>,
    mut reserved: Reserved,
    assignments: Vec<Assignment>,
    claimed_at: Instant,
) {
    let Some(dispatcher) = engine.dispatcher.get() else { return };
    for assignment in assignments {
        let permit =
            reserved.iter_mut().find(|(id, _)| *id == assignment.connector).and_then(|(_, p)| p.pop());
        if let Some(permit) = permit {
            // Only where the partner worked was anything reserved.
            dispatcher.perform(engine, assignment, permit, Claimed { at: claimed_at, freely: true });
        }
    }
}
