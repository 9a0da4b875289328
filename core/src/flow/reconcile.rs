//! Reconciliation on the short clock: open payments are asked about, tracking feeds are read. Each question's answer is
//! applied in its own transaction; a feed's page and its cursor are one.

use jiff::SignedDuration;
use std::{sync::Arc, time::Duration};

use crate::{
    clock::later,
    flow::engine::{Engine, Member},
    id::OrderNumber,
    outcome::Pause,
    payment::Tiding,
    plan::{money, post, tidings},
    port::{
        connector::{Call, CheckFailure, FeedPage},
        store::{ReferenceToAsk, StoreError, decide},
        work::{Scope, Work},
    },
};

/// A question's deadline.
const QUESTION: Duration = Duration::from_secs(45);

/// Asks the platform about every reference that may be paid and was not asked about lately, while it is fresh, and once
/// more when the payment's time is over.
pub async fn sweep(engine: &Arc<Engine>, member: &Member) -> Result<(), StoreError> {
    let Some(inquiries) = member.connector.inquiries() else { return Ok(()) };
    if member.paused().is_some() {
        return Ok(());
    }
    let connector = &member.manifest.id;
    let now = engine.store.now().await?;
    let made_after = later(now, SignedDuration::from_hours(-24 * engine.settings.fresh_payment_days));
    let every =
        SignedDuration::try_from(engine.settings.sweep_every).unwrap_or(SignedDuration::from_mins(15));
    let before = later(now, -every);
    loop {
        let batch = i64::try_from(engine.settings.batch).unwrap_or(100);
        let references = engine.store.references_to_ask(connector, made_after, before, now, batch).await?;
        let is_last = references.len() < engine.settings.batch;
        for reference in references {
            let call = Call { now: engine.clock.now(), deadline: QUESTION, sessions: &**engine };
            let answer = tokio::time::timeout(QUESTION, inquiries.inquire(&reference, &call)).await;
            match answer {
                Ok(Ok(tiding)) => learn(engine, member, &reference, tiding).await?,
                // The platform cannot be asked now: the next run goes on with the oldest.
                Ok(Err(failure)) => {
                    return {
                        log_failure(member, &failure);
                        Ok(())
                    };
                }
                Err(_) => {
                    return {
                        let _: () = tracing::warn!(partner = %connector, "the sweep got no answer in time");
                        Ok(())
                    };
                }
            }
        }
        if is_last {
            return Ok(());
        }
    }
}

fn log_failure(member: &Member, failure: &CheckFailure) {
    let pause = Pause { cause: failure.cause, said: failure.said.clone() };
    tracing::warn!(partner = %member.manifest.id, cause = pause.cause.code(), said = %pause.said, "the partner could not be asked");
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
    let (rules, reference) = (Arc::clone(&engine.rules), reference.clone());
    decide(&*engine.store, scope, move |work| {
        if let Some(tiding) = &tiding
            && tidings::apply(work, &rules, &connector, tiding).is_err()
        {
            // The store decides again with more rows.
            return;
        }
        asked(work, &reference);
        money::expire(work, &rules, &reference.payment);
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
    let Some(feed) = member.connector.feed() else { return Ok(()) };
    if member.paused().is_some() {
        return Ok(());
    }
    let name = format!("tracking:{}", member.manifest.id);
    let stored = engine.store.cursor(&name).await?;
    let mut cursor = feed.resume(stored.as_deref());
    loop {
        let call = Call { now: engine.clock.now(), deadline: QUESTION, sessions: &**engine };
        let page = match tokio::time::timeout(QUESTION, feed.page(&cursor, &call)).await {
            Ok(Ok(page)) => page,
            Ok(Err(failure)) => {
                return {
                    log_failure(member, &failure);
                    Ok(())
                };
            }
            Err(_) => {
                return {
                    let _: () =
                        tracing::warn!(partner = %member.manifest.id, "the feed gave no answer in time");
                    Ok(())
                };
            }
        };
        let (more, next) = (page.more && page.cursor != cursor, page.cursor.clone());
        apply_page(engine, member, &name, page).await?;
        cursor = next;
        if !more {
            return Ok(());
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
