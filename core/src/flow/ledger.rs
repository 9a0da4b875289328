//! The audit of the two ledgers: once a day, or when somebody asks, the rows are counted again and compared with the
//! books, entry by entry. An entry that differs keeps an incident open until a later audit finds it right.

use serde::{Deserialize, Serialize};
use std::sync::Arc;

use crate::{
    flow::engine::Engine,
    port::{
        store::{StoreError, decide},
        work::{IncidentRecord, Scope},
    },
};

/// Where the last audit's result is kept.
const LAST: &str = "ledger-audit";

/// One entry of an audit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its name.
    pub entry: String,
    /// What the books say.
    pub booked: i64,
    /// What was counted.
    pub counted: i64,
}

/// An audit's result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audit {
    /// When, microseconds.
    pub at_us: i64,
    /// Every entry that can be recounted.
    pub entries: Vec<Entry>,
}

/// Audits the ledgers and keeps the result. `by`: the person who asked.
pub async fn audit(engine: &Arc<Engine>, by: Option<&str>) -> Result<Audit, StoreError> {
    let recount = engine.store.recount_ledgers().await?;
    let entries: Vec<Entry> = recount
        .entries()
        .into_iter()
        .map(|(entry, booked, counted)| Entry { entry: entry.to_owned(), booked, counted })
        .collect();
    for entry in entries.iter().filter(|e| e.booked != e.counted) {
        tracing::error!(entry.entry, entry.booked, entry.counted, "a ledger does not match what it counts");
    }
    let by = by.map(str::to_owned);
    decide(&*engine.store, Scope::default(), move |work| {
        let audit = Audit { at_us: work.now.as_microsecond(), entries: entries.clone() };
        for entry in &audit.entries {
            let key = format!("ledger:{}", entry.entry);
            if entry.booked == entry.counted {
                work.close(key);
            } else {
                let said = format!("booked {}, counted {}", entry.booked, entry.counted);
                work.opened.push(IncidentRecord { key, connector: None, said });
            }
        }
        work.cursors.push((LAST.into(), serde_json::to_string(&audit).unwrap_or_default()));
        if let Some(by) = &by {
            work.audit.push((by.clone(), "ledger.audit".into(), String::new()));
        }
        audit
    })
    .await
}

/// The last audit, if there was one.
pub async fn last(engine: &Engine) -> Result<Option<Audit>, StoreError> {
    let kept = engine.store.cursor(LAST).await?;
    Ok(kept.and_then(|text| serde_json::from_str(&text).ok()))
}
