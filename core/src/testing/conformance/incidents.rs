//! Incidents of needs open and close with the operations that wait; what people close by number; quarantine entries
//! whose event was told again.

use super::{
    harness::{Harness, Meeting, Verdict, ensure_eq},
    races::{PATIENCE, once, warm_up},
    seed,
    whole::key_of,
};
use crate::{
    operation::OperationState,
    port::work::{IncidentRecord, QuarantineRecord, Scope, Work},
    testing::{
        conformance::Failure,
        fixtures::{self, morning},
    },
};

const NEED: &str = "mapping:dvcqg:ward:99001";

/// Lanes whose heads wait for the same need.
async fn waiting<const N: usize>(h: &Harness, keys: [&'static str; N]) -> Verdict {
    h.unit(seed::nothing(), move |work| {
        for key in keys {
            let mut lane = seed::lane_with(work, key, &[(OperationState::Held, morning(0))]);
            lane.open[0].need = Some(fixtures::need(NEED));
            seed::put_lane(work, lane);
        }
    })
    .await
}

fn wake(work: &mut Work, key: &str) {
    seed::change_head(work, key, |head| {
        (head.state, head.need) = (OperationState::Ready, None);
    });
}

fn hold(work: &mut Work, key: &str) {
    seed::change_head(work, key, |head| {
        (head.state, head.need) = (OperationState::Held, Some(fixtures::need(NEED)));
    });
}

async fn open(h: &Harness) -> Result<Vec<(i64, String, i64)>, Failure> {
    let incidents = h.views.overview(0).await?.incidents;
    Ok(incidents.into_iter().map(|i| (i.id, i.key, i.waiting)).collect())
}

async fn open_keys(h: &Harness) -> Result<Vec<String>, Failure> {
    Ok(open(h).await?.into_iter().map(|(_, key, _)| key).collect())
}

pub(super) async fn a_need_has_one_incident_as_long_as_somebody_waits(h: &Harness) -> Verdict {
    waiting(h, ["k-1", "k-2"]).await?;
    let first = open(h).await?;
    ensure_eq!(first.iter().map(|(_, _, n)| *n).collect::<Vec<_>>(), vec![2], "one incident, two wait");
    h.unit(seed::lanes_of(["k-1"]), |work| wake(work, "k-1")).await?;
    ensure_eq!(open(h).await?, vec![(first[0].0, NEED.into(), 1)], "the other one still waits");
    h.unit(seed::lanes_of(["k-2"]), |work| {
        seed::change_head(work, "k-2", |head| seed::ended(head, OperationState::Dismissed, morning(1)));
    })
    .await?;
    ensure_eq!(open(h).await?, vec![], "nobody waits any more");
    h.unit(seed::lanes_of(["k-1"]), |work| hold(work, "k-1")).await?;
    ensure_eq!(open_keys(h).await?, vec![NEED.to_owned()], "somebody waits again");
    // Within one unit one leaves and another one comes.
    waiting(h, ["k-3"]).await?;
    h.unit(seed::lanes_of(["k-1", "k-3"]), |work| {
        wake(work, "k-1");
        wake(work, "k-3");
    })
    .await?;
    h.unit(seed::lanes_of(["k-1"]), |work| hold(work, "k-1")).await?;
    h.unit(seed::lanes_of(["k-1", "k-3"]), |work| {
        wake(work, "k-1");
        hold(work, "k-3");
    })
    .await?;
    ensure_eq!(open_keys(h).await?, vec![NEED.to_owned()], "the one that came waits");
    Ok(())
}

pub(super) async fn two_that_leave_a_need_at_once_close_its_incident(h: &Harness) -> Verdict {
    waiting(h, ["k-1", "k-2"]).await?;
    warm_up(h).await?;
    let meeting = Meeting::of(2, PATIENCE);
    let leave = |key: &'static str| {
        let wait = once(h, &meeting);
        move |work: &mut Work| {
            wait();
            wake(work, key);
        }
    };
    let both = futures_util::join!(
        h.unit(seed::lanes_of(["k-1"]), leave("k-1")),
        h.look(seed::lanes_of(["k-2"]), leave("k-2"))
    );
    both.0.and(both.1)?;
    ensure_eq!(open(h).await?, vec![], "nobody waits any more");
    Ok(())
}

pub(super) async fn nobody_waits_without_an_incident(h: &Harness) -> Verdict {
    waiting(h, ["k-1", "k-2"]).await?;
    h.unit(seed::lanes_of(["k-2"]), |work| wake(work, "k-2")).await?;
    warm_up(h).await?;
    let (mut here, mut there) = ("k-1", "k-2");
    for round in 0..10 {
        // The only one that waits leaves while another one comes.
        let meeting = Meeting::of(2, PATIENCE);
        let (wait, wait_too) = (once(h, &meeting), once(h, &meeting));
        let both = futures_util::join!(
            h.unit(seed::lanes_of([here]), move |work| {
                wait();
                wake(work, here);
            }),
            h.look(seed::lanes_of([there]), move |work| {
                wait_too();
                hold(work, there);
            })
        );
        both.0.and(both.1)?;
        ensure_eq!(open_keys(h).await?, vec![NEED.to_owned()], "round {round}: one waits");
        std::mem::swap(&mut here, &mut there);
    }
    Ok(())
}

fn entry(work: &Work, id: &str, reason: &str) -> QuarantineRecord {
    QuarantineRecord {
        row: work.id(),
        origin: "amqp".into(),
        source: Some(fixtures::SOURCE.into()),
        event_id: Some(id.into()),
        subject: None,
        event_type: None,
        reason: reason.into(),
        path: String::new(),
        expected: String::new(),
        got: String::new(),
        raw: b"{}".to_vec(),
    }
}

pub(super) async fn incidents_and_entries_are_closed_by_number(h: &Harness) -> Verdict {
    let rows = h
        .unit(seed::nothing(), |work| {
            let incident = |key: &str| IncidentRecord { key: key.into(), connector: None, said: "x".into() };
            work.opened.extend([incident("refund:TT-1"), incident("refund:TT-2")]);
            let entries = [entry(work, "e-1", "data"), entry(work, "e-2", "data")];
            let rows = [entries[0].row, entries[1].row];
            work.new_quarantine.extend(entries);
            rows
        })
        .await?;
    let incidents = open(h).await?;
    let Some((id, key)) = incidents.iter().map(|(id, key, _)| (*id, key.clone())).next() else {
        return Err(Failure("expected two open incidents".into()));
    };
    let scope =
        move || Scope { incidents: [id, 404].into(), quarantine: [rows[0], 404].into(), ..Scope::default() };
    let close = |work: &mut Work| {
        let found = (work.incidents.clone(), work.quarantine.clone());
        work.closed.extend(work.incidents.values().cloned());
        for row in &work.quarantine {
            let deed = "quarantine.close: nothing will come".to_owned();
            work.audit.push(("an.tran".into(), deed, row.to_string()));
        }
        work.closed_quarantine.extend(&work.quarantine);
        found
    };
    let found = h.unit(scope(), close).await?;
    ensure_eq!(found, ([(id, key)].into(), [rows[0]].into()), "what the scope named and is open");
    ensure_eq!(open_keys(h).await?, vec![incidents[1].1.clone()], "the other incident");
    let left: Vec<_> = h.views.quarantine(0, 10).await?.iter().map(|e| e.id).collect();
    ensure_eq!(left, vec![rows[1]], "the list shows the open entry");
    ensure_eq!(h.views.overview(0).await?.quarantine_open, 1, "open entries");
    let kept = h.views.quarantine_entry(rows[0]).await?;
    let kept = kept.map(|e| (e.closed_us.is_some(), e.closed_by, e.closed_because));
    let by_whom = (true, Some("an.tran".to_owned()), Some("nothing will come".to_owned()));
    ensure_eq!(kept, Some(by_whom), "the closed one is kept, with who closed it and why");
    let other = h.views.quarantine_entry(rows[1]).await?.map(|e| (e.closed_us, e.closed_by));
    ensure_eq!(other, Some((None, None)), "the open one says so");
    let again = h.unit(scope(), close).await?;
    ensure_eq!(again, Default::default(), "what is closed is not found");
    Ok(())
}

pub(super) async fn an_admitted_event_closes_what_was_set_aside_under_its_key(h: &Harness) -> Verdict {
    h.unit(seed::nothing(), |work| {
        let before = [entry(work, "e-1", "data"), entry(work, "e-2", "data"), entry(work, "e-3", "data")];
        work.new_quarantine.extend(before);
    })
    .await?;
    let rows = h
        .unit(seed::nothing(), |work| {
            // Set aside and told again in one batch; and told again with other content.
            let entries = [entry(work, "e-4", "data"), entry(work, "e-1", "conflict")];
            let conflict = entries[1].row;
            work.new_quarantine.extend(entries);
            let events = ["e-1", "e-4"].map(|id| fixtures::event(work.id(), id, None));
            work.new_events.extend(events);
            conflict
        })
        .await?;
    let left = h.views.quarantine(0, 10).await?;
    let left: Vec<_> = left.iter().map(|e| (e.event_id.as_deref(), e.reason.as_str())).collect();
    let expected = vec![(Some("e-2"), "data"), (Some("e-3"), "data"), (Some("e-1"), "conflict")];
    ensure_eq!(left, expected, "what nobody told again, and the conflict");
    ensure_eq!(h.views.quarantine_entry(rows).await?.is_some(), true, "the conflict's entry");
    let known = Scope { event_keys: [key_of(1)].into(), ..Scope::default() };
    ensure_eq!(h.look(known, |work| work.known_events.len()).await?, 1, "the event owns its key");
    Ok(())
}
