//! Retention: once an hour what is older than its kind is kept for goes, a few rows a transaction. Each step is whole by itself:
//! a run that is cut off is gone on with by the next.

use jiff::{SignedDuration, Timestamp};
use std::{collections::BTreeMap, sync::Arc};

use crate::{
    clock::later,
    flow::engine::Engine,
    port::{
        retention::{Holding, Kind, Step},
        store::{StoreError, decide},
        work::Scope,
    },
};

/// Rows that a step looks at: what it locks is free again within milliseconds.
const ROWS: i64 = 500;
/// Steps of a kind in one round. A year that is due at once takes some hours; the day's share of a province one round.
const STEPS: usize = 400;

/// For how long each kind is kept; one that is not named, for ever.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Retention {
    /// How long, by kind.
    pub kept: BTreeMap<Kind, SignedDuration>,
    /// Whether out-events are relayed: those that have not been are kept.
    pub relays: bool,
}

impl Retention {
    /// What is older has to go. `None`: nothing does.
    pub fn before(&self, kind: Kind, now: Timestamp) -> Option<Timestamp> {
        self.kept.get(&kind).map(|kept| later(now, -*kept))
    }
}

/// One round over all kinds; what went is in the audit trail.
pub async fn round(engine: &Arc<Engine>) -> Result<(), StoreError> {
    let retention = &engine.settings.retention;
    let now = engine.store.now().await?;
    let mut gone: Vec<(Kind, i64)> = Vec::new();
    let mut failed = None;
    for kind in Kind::ALL {
        let Some(before) = retention.before(kind, now) else { continue };
        let step = Step { kind, before, limit: ROWS, relays: retention.relays };
        let mut rows = 0;
        for _ in 0..STEPS {
            let taken = match engine.store.retire(&step).await {
                Ok(taken) => taken,
                Err(error) => {
                    // The other kinds have their turn all the same.
                    failed = Some(error);
                    break;
                }
            };
            rows += taken.rows;
            if taken.is_done {
                break;
            }
        }
        if rows > 0 {
            metrics::counter!("lienthong_retention_rows_total", "kind" => kind.name())
                .increment(rows.unsigned_abs());
            gone.push((kind, rows));
        }
    }
    if !gone.is_empty() {
        record(engine, &gone).await?;
    }
    failed.map_or(Ok(()), Err)
}

async fn record(engine: &Engine, gone: &[(Kind, i64)]) -> Result<(), StoreError> {
    let told: Vec<String> = gone.iter().map(|(kind, rows)| format!("{} {rows}", kind.name())).collect();
    let deed = format!("retention: {}", told.join(", "));
    decide(&*engine.store, Scope::default(), move |work| {
        work.audit.push(("lienthong".into(), deed.clone(), String::new()));
    })
    .await
}

/// Every kind: for how long it is kept (`None`: for ever), what is due and what has gone.
pub async fn holdings(engine: &Engine) -> Result<Vec<(Kind, Option<SignedDuration>, Holding)>, StoreError> {
    let retention = &engine.settings.retention;
    let now = engine.store.now().await?;
    let mut all = Vec::new();
    for kind in Kind::ALL {
        let holding = engine.store.holding(kind, retention.before(kind, now)).await?;
        all.push((kind, retention.kept.get(&kind).copied(), holding));
    }
    Ok(all)
}
