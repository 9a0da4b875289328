//! Retention: what is old goes, what is needed stays, and the ledgers still match what is counted.

use jiff::{SignedDuration, Timestamp};
use std::{sync::Arc, time::Duration};

use super::{
    harness::{Failure, Harness, Verdict, ensure, ensure_eq},
    seed::{self, PORTAL},
};
use crate::{
    clock::later,
    flow::restore::{Evidence, fence},
    operation::{
        OperationState::{self, Dismissed, Ready, Refused, Succeeded},
        Payload,
    },
    port::{
        retention::{Kind, Step},
        work::{CallbackVerdict, LedgerDelta, Scope, VersionRecord, Work},
    },
    testing::fixtures::{self, connector, morning, nth_code},
};

/// A dossier with an event, an earlier version, and a lane in whose places are these.
fn put(work: &mut Work, n: u32, states: &[OperationState]) {
    let mut dossier = fixtures::dossier(work.id(), &nth_code(n));
    (dossier.version, dossier.created_at) = (2, fixtures::whole_us(work.now));
    seed::put_dossier(work, &dossier);
    let state = seed::state_text(&dossier);
    work.new_versions.push(VersionRecord { dossier: dossier.row, version: 1, state, event: 0 });
    let event = fixtures::event(work.id(), &format!("e-{n}"), Some(&dossier));
    work.new_events.push(event);
    let places: Vec<_> = states.iter().map(|_| (Ready, morning(0))).collect();
    let mut lane = seed::lane_of(work, PORTAL, nth_code(n).as_str(), &places);
    for (operation, state) in lane.open.iter_mut().zip(states) {
        (operation.dossier, operation.version) = (Some(dossier.row), Some(1));
        if state.is_ended() {
            seed::ended(operation, *state, work.now);
        }
    }
    let attempts = lane.open.iter().map(|o| (o.id, super::whole::attempt(1)));
    work.past_attempts.extend(attempts);
    seed::put_lane(work, lane);
}

async fn populate(h: &Harness) -> Result<(), Failure> {
    h.unit(seed::nothing(), |work| put(work, 1, &[Succeeded, Refused, Dismissed])).await?;
    (h.pass)(Duration::from_millis(5)).await;
    h.unit(seed::nothing(), |work| put(work, 2, &[Succeeded, Ready])).await?;
    (h.pass)(Duration::from_millis(5)).await;
    h.unit(seed::nothing(), |work| {
        put(work, 3, &[Succeeded]);
        let entries =
            [super::views::quarantined(work.id(), false), super::views::quarantined(work.id(), false)];
        work.new_quarantine.extend(entries);
        work.ledger = LedgerDelta {
            received: 5,
            admitted: 3,
            quarantined: 2,
            planned: 6,
            succeeded: 3,
            refused: 1,
            dismissed: 1,
            ..LedgerDelta::default()
        };
        work.audit.push(("an".into(), "deed".into(), "1".into()));
    })
    .await
}

/// Takes away all that may go of every kind, in steps of so many; how many rows of each went.
async fn retire(h: &Harness, before: Timestamp, limit: i64, relays: bool) -> Result<Vec<i64>, Failure> {
    let mut gone = Vec::new();
    for kind in Kind::ALL {
        let mut rows = 0;
        for _ in 0..100 {
            let taken = h.store.retire(&Step { kind, before, limit, relays }).await?;
            rows += taken.rows;
            if taken.is_done {
                break;
            }
        }
        gone.push(rows);
    }
    Ok(gone)
}

async fn tomorrow(h: &Harness) -> Result<Timestamp, Failure> {
    Ok(later(h.store.now().await?, SignedDuration::from_hours(24)))
}

async fn balanced(h: &Harness, when: &str) -> Verdict {
    let audit = h.store.recount_ledgers().await?;
    let wrong: Vec<_> =
        audit.entries().into_iter().filter(|(_, booked, counted)| booked != counted).collect();
    ensure!(wrong.is_empty(), "expected the ledgers to match the rows {when}, but for {wrong:?}");
    Ok(())
}

pub(super) async fn what_is_old_goes_and_the_ledgers_still_match(h: &Harness) -> Verdict {
    populate(h).await?;
    balanced(h, "before").await?;
    let yesterday = later(h.store.now().await?, SignedDuration::from_hours(-24));
    ensure_eq!(retire(h, yesterday, 1, false).await?, vec![0; 9], "rows gone while nothing is old");

    // The second dossier has something open; the third has the newest event.
    let gone = retire(h, tomorrow(h).await?, 1, false).await?;
    ensure_eq!(gone, vec![2, 1, 4, 3, 0, 0, 0, 0, 0], "rows gone, by kind");
    balanced(h, "afterwards").await?;
    let (first, second) = (nth_code(1), nth_code(2));
    let Some(old) = h.views.timeline(first.as_str()).await? else {
        return Err(Failure("expected the dossier itself to stay".into()));
    };
    let left = (old.events.len(), old.operations.len(), old.attempts.len(), old.version);
    ensure_eq!(left, (0, 0, 0, 2), "what is left of the dossier");
    let Some(busy) = h.views.timeline(second.as_str()).await? else {
        return Err(Failure("expected the busy dossier to stay".into()));
    };
    let left = (busy.events.len(), busy.operations.len(), busy.attempts.len());
    ensure_eq!(left, (1, 2, 2), "what is left of the dossier of which something is open");

    let both = [first.clone(), second.clone()];
    let both = Scope { dossiers: both.clone().into(), history_of: both.into(), ..Scope::default() };
    let forgotten = h.look(both, move |work| {
        let is = |code| work.dossier(code).is_some_and(|d| work.forgotten.contains(&d.row));
        (is(&first), is(&second))
    });
    ensure_eq!(forgotten.await?, (true, false), "whose history is not whole any more");
    let holding = h.store.holding(Kind::Operations, Some(tomorrow(h).await?)).await?;
    ensure!(
        holding.gone == 4 && holding.last.is_some() && holding.due == Some(1) && holding.oldest.is_some(),
        "what is told of operations: {holding:?}"
    );
    let keys = Scope { event_keys: [fixtures::event_key("e-1")].into(), ..Scope::default() };
    ensure!(h.look(keys, |work| work.known_events.is_empty()).await?, "expected the keys to be gone");
    Ok(())
}

pub(super) async fn money_and_what_nobody_has_judged_stay(h: &Harness) -> Verdict {
    populate(h).await?;
    h.unit(seed::nothing(), |work| {
        let mut lane = seed::lane_of(work, PORTAL, "TT-1", &[(Ready, morning(0)), (Ready, morning(0))]);
        for operation in &mut lane.open {
            seed::ended(operation, Succeeded, work.now);
        }
        lane.open[0].payload = Arc::new(Payload::OpenPayment {
            payment: Box::new(fixtures::payment_body("TT-1")),
            reference: fixtures::live_reference(seed::PAY, "R1", morning(0)).reference,
            amount: 8000,
            sent_at: String::new(),
        });
        lane.open[1].edits = 1;
        seed::put_lane(work, lane);
        work.ledger = LedgerDelta { planned: 2, succeeded: 2, ..LedgerDelta::default() };
    })
    .await?;
    let mut raised = Vec::new();
    for verdict in [Some("applied"), Some("rejected"), None] {
        let raw = crate::port::store::RawCallback {
            connector: connector(seed::PAY),
            door: crate::port::store::Door::Callback,
            path: "/callbacks/pay".into(),
            headers: "{}".into(),
            body: b"{}".to_vec(),
        };
        let callback = h.store.keep_callback(&raw).await?;
        raised.push(callback);
        let Some(verdict) = verdict else { continue };
        let identity = Some(format!("id-{callback}"));
        h.unit(seed::nothing(), move |work| {
            let verdict = CallbackVerdict { callback, identity: identity.clone(), verdict: verdict.into() };
            work.callbacks.push(verdict);
        })
        .await?;
    }
    let gone = retire(h, tomorrow(h).await?, 10, false).await?;
    ensure_eq!(gone, vec![2, 1, 4, 3, 0, 1, 0, 0, 0], "rows gone, by kind");
    let identity = format!("id-{}", raised[0]);
    let scope = Scope { callback_identities: [identity.clone()].into(), ..Scope::default() };
    let is_known = h.look(scope, move |work| work.applied_callbacks.contains(&identity)).await?;
    ensure!(is_known, "expected the applied callback to stay");
    balanced(h, "with money").await
}

pub(super) async fn told_out_events_and_closed_entries_go(h: &Harness) -> Verdict {
    populate(h).await?;
    let told: Vec<i64> = {
        for n in 0..3 {
            let event = seed::out_event(&format!("o-{n}"));
            h.unit(seed::nothing(), move |work| work.outbox.push(event.clone())).await?;
        }
        h.store.outbox(0, 10).await?.iter().map(|row| row.number).collect()
    };
    let highest = h.store.installation().await?.outbox_highest;
    let entries = h.views.quarantine(0, 10).await?;
    let one = entries.first().map_or(0, |entry| entry.id);
    let scope = Scope { quarantine: [one].into(), ..Scope::default() };
    h.unit(scope, move |work| work.closed_quarantine.push(one)).await?;
    // Out-events of the fixtures happened "this morning", which may still be to come.
    let before = later(tomorrow(h).await?.max(morning(0)), SignedDuration::from_hours(24));
    let gone = retire(h, before, 10, true).await?;
    ensure_eq!(&gone[4..7], &[0, 0, 1], "gone before anything was relayed: out-events, callbacks, entries");
    if let Some(fence) = h.store.acquire("relay", "one", SignedDuration::from_mins(1)).await? {
        h.store.set_cursor("relay", &told[0].to_string(), &fence).await?;
    }
    ensure_eq!(retire(h, before, 10, true).await?[4], 1, "out-events gone behind the relay's cursor");
    ensure_eq!(retire(h, before, 10, false).await?[4], 1, "out-events gone where nothing is relayed");
    let left: Vec<i64> = h.store.outbox(0, 10).await?.iter().map(|row| row.number).collect();
    ensure_eq!(left, vec![told[2]], "the newest stays");
    ensure_eq!(h.store.installation().await?.outbox_highest, highest, "the highest number");
    balanced(h, "without an entry").await
}

pub(super) async fn nothing_goes_under_the_fence(h: &Harness) -> Verdict {
    populate(h).await?;
    let known = h.store.installation().await?;
    let evidence = Evidence { reason: "older".into(), epoch: 0, outbox: 0, backup_at: None, seen_at: None };
    ensure!(fence(&*h.store, &known, &evidence).await?, "expected the fence to come up");
    ensure_eq!(retire(h, tomorrow(h).await?, 10, false).await?, vec![0; 9], "rows gone under the fence");
    Ok(())
}
