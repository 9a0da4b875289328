//! Reconciliation on the short clock: open payments are asked about, tracking feeds are read. Each question's answer is
//! applied in its own transaction; a feed's page and its cursor are one.

use jiff::SignedDuration;
use std::{sync::Arc, time::Duration};

use crate::{
    clock::later,
    flow::{
        engine::{Engine, Member},
        health::turn,
    },
    id::{LaneKey, OrderNumber},
    outcome::Cause,
    payment::Tiding,
    plan::{
        money, post,
        tidings::{self, Told},
    },
    port::{
        connector::{Call, CheckFailure, FeedPage},
        store::{ReferenceToAsk, StoreError, decide},
        work::{IncidentRecord, Scope, Work},
    },
};

/// A question's deadline.
pub(super) const QUESTION: Duration = Duration::from_secs(45);

/// How a reading of a partner ended.
pub(super) enum Reading {
    /// There was nothing to ask, or nobody is to be asked now.
    Skipped,
    /// To its end.
    Done,
    /// The partner could not be asked, or gave no answer in time: the next run goes on where this one stopped.
    Failed(String),
}

impl Reading {
    pub(super) fn failed(failure: &CheckFailure) -> Self {
        Self::Failed(format!("{}: {}", failure.cause.code(), failure.said))
    }

    pub(super) fn no_answer() -> Self {
        Self::Failed("no answer in time".into())
    }
}

/// Asks the platform about every reference that may be paid and was not asked about lately, while it is fresh, and once
/// more when the payment's time is over.
pub async fn sweep(engine: &Arc<Engine>, member: &Member) -> Result<(), StoreError> {
    let reading = ask_all(engine, member).await?;
    note(engine, member, "sweep", reading).await
}

async fn ask_all(engine: &Arc<Engine>, member: &Member) -> Result<Reading, StoreError> {
    let Some(inquiries) = member.connector.inquiries() else { return Ok(Reading::Skipped) };
    if !member.may_be_asked() {
        return Ok(Reading::Skipped);
    }
    let connector = &member.manifest.id;
    let now = engine.store.now().await?;
    let made_after = later(now, SignedDuration::from_hours(-24 * engine.settings.fresh_payment_days));
    let every =
        SignedDuration::try_from(engine.settings.sweep_every).unwrap_or(SignedDuration::from_mins(15));
    let before = later(now, -every);
    let mut reading = Reading::Done;
    loop {
        let batch = i64::try_from(engine.settings.batch).unwrap_or(100);
        let references = engine.store.references_to_ask(connector, made_after, before, now, batch).await?;
        let is_last = references.len() < engine.settings.batch;
        for reference in references {
            turn(engine, member).await?;
            if !member.may_be_asked() {
                return Ok(Reading::Skipped);
            }
            let call = Call { now: engine.clock.now(), deadline: QUESTION, sessions: &**engine };
            let answer = tokio::time::timeout(QUESTION, inquiries.inquire(&reference, &call)).await;
            match answer {
                Ok(Ok(tiding)) => learn(engine, member, &reference, tiding).await?,
                Ok(Err(failure)) => {
                    // Asked all the same: one that cannot be answered must not stand before the others for ever.
                    pass_over(engine, member, &reference).await?;
                    reading = Reading::failed(&failure);
                    if concerns_all(failure.cause) {
                        return Ok(reading);
                    }
                }
                Err(_) => {
                    pass_over(engine, member, &reference).await?;
                    return Ok(Reading::no_answer());
                }
            }
        }
        if is_last {
            return Ok(reading);
        }
    }
}

/// Counts a reading that failed and keeps an incident open until one ends well: what nobody reads, nobody misses.
pub(super) async fn note(
    engine: &Arc<Engine>,
    member: &Member,
    name: &'static str,
    reading: Reading,
) -> Result<(), StoreError> {
    let connector = member.manifest.id.clone();
    let failures = metrics::counter!(
        "lienthong_reading_failures_total", "partner" => connector.to_string(), "reading" => name
    );
    let key = format!("reading:{name}:{connector}");
    let failed = match reading {
        Reading::Skipped => return Ok(()),
        // Not one more, but a counter that is there before the first failure.
        Reading::Done => {
            failures.increment(0);
            None
        }
        Reading::Failed(said) => {
            failures.increment(1);
            tracing::warn!(partner = %connector, reading = name, said, "the partner could not be asked");
            Some(said)
        }
    };
    decide(&*engine.store, Scope::default(), move |work| match &failed {
        None => work.close(key.clone()),
        Some(said) => {
            let (key, connector, said) = (key.clone(), Some(connector.clone()), said.clone());
            work.opened.push(IncidentRecord { key, connector, said });
        }
    })
    .await
}

/// Whether a question failed for a reason that has nothing to do with what was asked about.
pub(super) fn concerns_all(cause: Cause) -> bool {
    match cause {
        Cause::Unreachable
        | Cause::Throttled
        | Cause::PartnerFailed
        | Cause::SessionRejected
        | Cause::CredentialsRejected
        | Cause::PartnerUntrusted
        | Cause::PartnerUnavailable
        | Cause::NoAnswer => true,
        Cause::DataRefused
        | Cause::ForeignRecord
        | Cause::UnknownThere
        | Cause::Broken
        | Cause::Unreadable
        | Cause::Unlisted
        | Cause::Interrupted
        | Cause::Exhausted
        | Cause::Internal => false,
    }
}

async fn pass_over(
    engine: &Arc<Engine>,
    member: &Member,
    reference: &ReferenceToAsk,
) -> Result<(), StoreError> {
    let mut scope = Scope::default();
    scope.references.insert((member.manifest.id.clone(), reference.reference.clone()));
    let reference = reference.clone();
    decide(&*engine.store, scope, move |work| asked(work, &reference)).await
}

async fn learn(
    engine: &Arc<Engine>,
    member: &Member,
    reference: &ReferenceToAsk,
    tiding: Option<Tiding>,
) -> Result<(), StoreError> {
    let connector = member.manifest.id.clone();
    let mut scope = Scope::default();
    scope.references.insert((connector.clone(), reference.reference.clone()));
    scope.lanes.insert(LaneKey::from(&reference.payment));
    let (rules, reference) = (Arc::clone(&engine.rules), reference.clone());
    decide(&*engine.store, scope, move |work| {
        let told = match &tiding {
            Some(tiding) => tidings::apply(work, &rules, &connector, tiding).map(Some),
            None => Ok(None),
        };
        // The store decides again with more rows.
        let Ok(told) = told else { return };
        asked(work, &reference);
        // Money came, though not what is due: that is no expiry.
        if !matches!(told, Some(Told::OtherAmount { .. })) {
            money::expire(work, &rules, &reference.payment);
        }
    })
    .await
}

/// That it was asked is noted whatever the answer, or the sweep would ask for ever; where the platform does not know
/// the reference, the operation's own probe decides.
fn asked(work: &mut Work, reference: &ReferenceToAsk) {
    let now = work.now;
    if let Some(loaded) = work.payments.get_mut(&reference.payment) {
        for r in loaded.edit().references.iter_mut().filter(|r| r.reference == reference.reference) {
            r.asked_at = Some(now);
        }
    }
}

/// Reads a tracking feed to its end.
pub async fn track(engine: &Arc<Engine>, member: &Member) -> Result<(), StoreError> {
    let reading = read_all(engine, member).await?;
    note(engine, member, "tracking", reading).await
}

async fn read_all(engine: &Arc<Engine>, member: &Member) -> Result<Reading, StoreError> {
    let Some(feed) = member.connector.feed() else { return Ok(Reading::Skipped) };
    if !member.may_be_asked() {
        return Ok(Reading::Skipped);
    }
    let name = format!("tracking:{}", member.manifest.id);
    let stored = engine.store.cursor(&name).await?;
    let mut cursor = feed.resume(stored.as_deref());
    loop {
        turn(engine, member).await?;
        if !member.may_be_asked() {
            return Ok(Reading::Skipped);
        }
        let call = Call { now: engine.clock.now(), deadline: QUESTION, sessions: &**engine };
        let page = match tokio::time::timeout(QUESTION, feed.page(&cursor, &call)).await {
            Ok(Ok(page)) => page,
            Ok(Err(failure)) => return Ok(Reading::failed(&failure)),
            Err(_) => return Ok(Reading::no_answer()),
        };
        let (more, next) = (page.more && page.cursor != cursor, page.cursor.clone());
        apply_page(engine, member, &name, page).await?;
        cursor = next;
        if !more {
            return Ok(Reading::Done);
        }
    }
}

async fn apply_page(
    engine: &Arc<Engine>,
    member: &Member,
    name: &str,
    page: FeedPage,
) -> Result<(), StoreError> {
    if page.moves.is_empty() {
        return Ok(());
    }
    let connector = member.manifest.id.clone();
    let mut scope = Scope::default();
    for order in page.moves.iter().filter_map(|m| OrderNumber::parse(&m.order_number).ok()) {
        scope.orders.insert((connector.clone(), order));
    }
    let (rules, name) = (Arc::clone(&engine.rules), name.to_owned());
    decide(&*engine.store, scope, move |work| {
        post::track(work, &rules, &connector, &page.moves);
        work.cursors.push((name.clone(), page.cursor.clone()));
    })
    .await
}
