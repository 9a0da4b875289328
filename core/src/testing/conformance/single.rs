//! What exists once: singletons with their fences and cursors, timers, sessions, conditions, the clock.

use jiff::SignedDuration;
use std::time::Duration;

use super::{
    harness::{Harness, Verdict, ensure, ensure_eq},
    seed::{self, PAY, PORTAL},
};
use crate::{
    clock::later,
    port::store::{Fence, Session, StoreError},
    testing::fixtures::{connector, morning, whole_us},
};

const LONG: SignedDuration = SignedDuration::from_mins(10);
/// A lease that nobody expects to be alive: a story only waits for its end.
const SHORT: SignedDuration = SignedDuration::from_millis(20);

fn number(fence: Option<&Fence>) -> Option<i64> {
    fence.map(|f| f.number)
}

/// Lets time pass until a short lease that was given before is over by the store's own clock.
async fn outlive_a_short_lease(h: &Harness) -> Verdict {
    let end = later(h.store.now().await?, SHORT);
    while h.store.now().await? <= end {
        (h.pass)(Duration::from_millis(10)).await;
    }
    Ok(())
}

pub(super) async fn a_singleton_has_one_holder_and_growing_fences(h: &Harness) -> Verdict {
    let first = h.store.acquire("relay", "one", LONG).await?;
    ensure!(first.is_some(), "expected the free singleton, got none");
    ensure_eq!(h.second.acquire("relay", "two", LONG).await?, None, "the singleton while somebody has it");
    ensure!(
        h.second.acquire("sweep:pay", "two", LONG).await?.is_some(),
        "expected another singleton to be free"
    );
    let renewed = h.store.acquire("relay", "one", SHORT).await?;
    ensure_eq!(number(renewed.as_ref()), number(first.as_ref()), "the fence of a renewal by the same holder");
    outlive_a_short_lease(h).await?;
    let second = h.second.acquire("relay", "two", LONG).await?;
    ensure!(
        number(second.as_ref()) > number(first.as_ref()),
        "expected a higher fence, got {second:?} after {first:?}"
    );
    ensure_eq!(h.store.acquire("relay", "one", LONG).await?, None, "the singleton for the one that lost it");
    let (Some(stale), Some(newest)) = (first, second) else { return Ok(()) };
    // A stale hand-back takes nothing from the new holder; whether it is an error is the store's business.
    drop(h.store.relinquish(&stale).await);
    ensure_eq!(h.store.acquire("relay", "one", LONG).await?, None, "the singleton after a stale hand-back");
    h.second.relinquish(&newest).await?;
    let third = h.store.acquire("relay", "one", LONG).await?;
    ensure!(
        number(third.as_ref()) > Some(newest.number),
        "expected a higher fence after a hand-back, got {third:?}"
    );
    Ok(())
}

pub(super) async fn a_fenced_off_holder_cannot_move_the_cursor(h: &Harness) -> Verdict {
    ensure_eq!(h.store.cursor("relay").await?, None, "a cursor that nobody set");
    let Some(old) = h.store.acquire("relay", "one", SHORT).await? else {
        ensure!(false, "expected the free singleton");
        return Ok(());
    };
    h.store.set_cursor("relay", "5", &old).await?;
    ensure_eq!(
        h.second.cursor("relay").await?.as_deref(),
        Some("5"),
        "the cursor as the other handle sees it"
    );
    outlive_a_short_lease(h).await?;
    let Some(new) = h.second.acquire("relay", "two", LONG).await? else {
        ensure!(false, "expected the expired singleton");
        return Ok(());
    };
    let answer = h.store.set_cursor("relay", "6", &old).await;
    ensure!(
        matches!(answer, Err(StoreError::Fenced(_))),
        "expected Fenced for the old holder, got {answer:?}"
    );
    ensure_eq!(
        h.second.cursor("relay").await?.as_deref(),
        Some("5"),
        "the cursor after the old holder's try"
    );
    h.second.set_cursor("relay", "7", &new).await?;
    ensure_eq!(h.store.cursor("relay").await?.as_deref(), Some("7"), "the cursor of the new holder");
    let unknown = Fence { name: "nobody".into(), number: 1 };
    let answer = h.store.set_cursor("relay", "8", &unknown).await;
    ensure!(
        matches!(answer, Err(StoreError::Fenced(_))),
        "expected Fenced for an unknown singleton, got {answer:?}"
    );
    Ok(())
}

pub(super) async fn a_units_cursor_is_part_of_the_unit(h: &Harness) -> Verdict {
    for cursor in ["10", "20"] {
        h.unit(seed::nothing(), move |work| {
            work.cursors.push(("tracking:vnpost".into(), cursor.into()));
            work.outbox.push(seed::out_event(cursor));
        })
        .await?;
        ensure_eq!(h.second.cursor("tracking:vnpost").await?.as_deref(), Some(cursor), "the feed's cursor");
    }
    ensure_eq!(h.second.cursor("tracking:other").await?, None, "another feed's cursor");
    // A cursor that units move can be set under a fence as well.
    if let Some(fence) = h.store.acquire("tracking", "one", LONG).await? {
        h.store.set_cursor("tracking:vnpost", "30", &fence).await?;
    }
    ensure_eq!(
        h.second.cursor("tracking:vnpost").await?.as_deref(),
        Some("30"),
        "the cursor set under a fence"
    );
    Ok(())
}

pub(super) async fn timers_run_once_and_catch_up(h: &Harness) -> Verdict {
    let now = whole_us(h.store.now().await?);
    let past = later(now, SignedDuration::from_hours(-48));
    let known = [("sweep".to_owned(), past), ("later".to_owned(), later(now, LONG))];
    let due = h.store.due_timers(&known, "one", LONG).await?;
    let names: Vec<_> = due.iter().map(|t| (t.name.as_str(), t.planned_at)).collect();
    ensure_eq!(names, vec![("sweep", past)], "due timers: the one whose time has come, planned when it was");
    ensure_eq!(
        h.second.due_timers(&known, "two", LONG).await?,
        vec![],
        "due timers while somebody runs them"
    );
    h.store.timer_done(&due[0].fence, later(now, LONG)).await?;
    ensure_eq!(h.store.due_timers(&known, "one", LONG).await?, vec![], "due timers once it has run");
    let dying = [("dying".to_owned(), past)];
    let due = h.store.due_timers(&dying, "one", SHORT).await?;
    outlive_a_short_lease(h).await?;
    let again = h.second.due_timers(&dying, "two", LONG).await?;
    ensure_eq!((due.len(), again.len()), (1, 1), "due timers, and after the first holder died");
    let (old, new) = (&due[0].fence, &again[0].fence);
    ensure!(new.number > old.number, "expected a higher fence, got {new:?} after {old:?}");
    let answer = h.store.timer_done(old, later(now, LONG)).await;
    ensure!(
        matches!(answer, Err(StoreError::Fenced(_))),
        "expected Fenced for the dead holder, got {answer:?}"
    );
    h.second.timer_done(new, later(now, LONG)).await?;
    // A known timer keeps its plan: the first time given is only for new ones. Missed runs are one run.
    let fresh = [("sweep".to_owned(), past), ("other".to_owned(), past)];
    let due = h.store.due_timers(&fresh, "one", LONG).await?;
    let names: Vec<_> = due.iter().map(|t| t.name.as_str()).collect();
    ensure_eq!(names, vec!["other"], "due timers: only the new one");
    h.store.timer_done(&due[0].fence, later(past, SignedDuration::from_hours(1))).await?;
    let due = h.second.due_timers(&fresh, "two", LONG).await?;
    ensure_eq!(due.len(), 1, "a timer whose next time is over already is due again");
    Ok(())
}

pub(super) async fn a_timer_is_renewed_and_given_back_by_its_holder_only(h: &Harness) -> Verdict {
    let past = later(whole_us(h.store.now().await?), SignedDuration::from_hours(-1));
    let known = [("sweep".to_owned(), past)];
    let first = h.store.due_timers(&known, "one", SHORT).await?;
    ensure_eq!(first.len(), 1, "due timers");
    h.store.renew_timer(&first[0].fence, LONG).await?;
    outlive_a_short_lease(h).await?;
    ensure_eq!(
        h.second.due_timers(&known, "two", LONG).await?,
        vec![],
        "due timers after the first lease's end, once renewed"
    );
    // Given back before it has run: it keeps its plan.
    h.store.timer_done(&first[0].fence, first[0].planned_at).await?;
    let answer = h.store.renew_timer(&first[0].fence, LONG).await;
    ensure!(matches!(answer, Err(StoreError::Fenced(_))), "expected Fenced once given back, got {answer:?}");
    let second = h.second.due_timers(&known, "two", SHORT).await?;
    let planned: Vec<_> = second.iter().map(|t| t.planned_at).collect();
    ensure_eq!(planned, vec![past], "the plan of a timer that was given back");
    // A lease that ran out and that nobody took can be renewed; one that somebody took cannot.
    outlive_a_short_lease(h).await?;
    h.second.renew_timer(&second[0].fence, SHORT).await?;
    outlive_a_short_lease(h).await?;
    ensure_eq!(h.store.due_timers(&known, "one", LONG).await?.len(), 1, "due timers after a short renewal");
    let answer = h.second.renew_timer(&second[0].fence, LONG).await;
    ensure!(matches!(answer, Err(StoreError::Fenced(_))), "expected Fenced once taken, got {answer:?}");
    let unknown = Fence { name: "nobody".into(), number: 1 };
    let answer = h.store.renew_timer(&unknown, LONG).await;
    ensure!(
        matches!(answer, Err(StoreError::Fenced(_))),
        "expected Fenced for an unknown timer, got {answer:?}"
    );
    Ok(())
}

pub(super) async fn the_newer_session_wins(h: &Harness) -> Verdict {
    let (pay, portal) = (connector(PAY), connector(PORTAL));
    ensure_eq!(h.store.session(&pay).await?, None, "the session of a connector without one");
    let session = |token: &str, seconds| Session {
        token: token.into(),
        acquired_at: morning(seconds),
        expires_at: morning(seconds + 3600),
    };
    h.store.put_session(&pay, &session("first", 10)).await?;
    ensure_eq!(
        h.second.session(&pay).await?,
        Some(session("first", 10)),
        "the session as the other handle sees it"
    );
    h.second.put_session(&pay, &session("older", 5)).await?;
    ensure_eq!(
        h.store.session(&pay).await?,
        Some(session("first", 10)),
        "the session after an older one came"
    );
    h.second.put_session(&pay, &session("newer", 20)).await?;
    ensure_eq!(
        h.store.session(&pay).await?,
        Some(session("newer", 20)),
        "the session after a newer one came"
    );
    ensure_eq!(h.store.session(&portal).await?, None, "another connector's session");
    Ok(())
}

pub(super) async fn the_store_tells_its_time_and_epoch(h: &Harness) -> Verdict {
    h.store.ping().await?;
    h.second.ping().await?;
    let (a, b) = (h.store.installation().await?, h.second.installation().await?);
    ensure_eq!(a, b, "the installation through both handles");
    ensure!(
        a.epoch >= 1 && !a.id.is_empty() && a.restored.is_none(),
        "expected a new installation, got {a:?}"
    );
    let before = h.store.now().await?;
    let inside = h.look(seed::nothing(), |work| work.now).await?;
    let (p, tolerance) = (Duration::from_millis(50), SignedDuration::from_millis(5));
    (h.pass)(p).await;
    let after = h.store.now().await?;
    // SQLite reads milliseconds, so that one moment may look a little earlier than another.
    ensure!(inside >= later(before, -tolerance), "expected a unit's clock {inside} not before {before}");
    ensure!(after > inside, "expected the clock to go on from {inside}, got {after}");
    Ok(())
}
