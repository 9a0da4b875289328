//! Two real transitions over the same rows, one asked for while the other is inside, in both orders: whatever comes
//! first, the end is that of one after the other. Stores with one writer run them as they come.

use jiff::SignedDuration;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use super::{
    harness::{Failure, Harness, Meeting, Verdict, ensure, ensure_eq},
    races::warm_up,
    seed::{self, PAY, PORTAL},
};
use crate::{
    clock::later,
    flow::{
        engine::{Engine, EngineSettings},
        operator::{self, Deed},
        settle::{self, Assignment, Settled, Settlement},
    },
    id::RowId,
    lane::{LaneState, Lease},
    operation::{Operation, OperationState, Payload},
    outcome::{Outcome, Proof},
    payment::{News, PaymentState, Tiding},
    plan::{
        queue::{self, Planned},
        rules::Rules,
        tidings,
    },
    policy::{backoff::Schedule, health::HealthSettings},
    port::work::{Loaded, Scope, Work},
    testing::{
        clock::ManualClock,
        fixtures::{self, morning},
        scripted::ScriptedConnector,
    },
};

/// So long the one inside waits for the other to get in as well, which a store that locks does not let happen.
const MOMENT: Duration = Duration::from_millis(150);
const KEY: &str = "k-1";

/// Lets the other one in only while this one is inside: entered first, it waits until the other got in or a moment has
/// passed.
struct Door {
    is_first_in: Arc<AtomicBool>,
    both: Arc<Meeting>,
}

impl Door {
    fn new() -> Self {
        Self { is_first_in: Arc::default(), both: Meeting::of(2, MOMENT) }
    }

    /// What the first one calls inside its decision.
    fn first(&self, h: &Harness) -> impl Fn() + Send + Sync + 'static {
        let (entered, both, may_wait) =
            (Arc::clone(&self.is_first_in), Arc::clone(&self.both), h.concurrent_writers);
        move || {
            if !entered.swap(true, Ordering::AcqRel) && may_wait {
                both.announce();
                both.wait();
            }
        }
    }

    /// What the second one calls inside its decision.
    fn second(&self) -> impl Fn() + Send + Sync + 'static {
        let both = Arc::clone(&self.both);
        move || both.announce()
    }

    /// What the second one waits for before it asks.
    async fn opened(&self) {
        while !self.is_first_in.load(Ordering::Acquire) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

/// Runs `first` on one handle and `second` on the other, asked for while the first is inside.
async fn one_inside_the_other<A, B>(
    h: &Harness,
    first: (Scope, impl Fn(&mut Work) -> A + Send + Sync + 'static),
    second: (Scope, impl Fn(&mut Work) -> B + Send + Sync + 'static),
) -> Result<(A, B), Failure>
where
    A: Send + 'static,
    B: Send + 'static,
{
    let door = Door::new();
    let (enter, enter_too) = (door.first(h), door.second());
    let one = h.unit(first.0, move |work| {
        enter();
        (first.1)(work)
    });
    let other = async {
        door.opened().await;
        h.look(second.0, move |work| {
            enter_too();
            (second.1)(work)
        })
        .await
    };
    let (one, other) = futures_util::join!(one, other);
    Ok((one?, other?))
}

fn claim_of(holder: &'static str) -> impl Fn(&mut Work) -> Vec<Assignment> + Send + Sync + 'static {
    move |work| {
        let lease = SignedDuration::from_mins(5);
        settle::claim(work, &fixtures::connector(PORTAL), 9, holder, lease, |_| true)
    }
}

fn lane_scope() -> Scope {
    Scope { head_states: true, ..seed::lanes_of([KEY]) }
}

/// A lane that the portal knows, with one ready state.
async fn ready_lane(h: &Harness) -> Result<RowId, Failure> {
    h.unit(seed::nothing(), |work| {
        let due = fixtures::whole_us(later(work.now, SignedDuration::from_secs(-60)));
        let mut lane = seed::lane_with(work, KEY, &[(OperationState::Ready, due)]);
        lane.acknowledged = true;
        seed::put_lane(work, lane).open[0].id
    })
    .await
}

/// The lane's head as the second handle sees it.
async fn head(h: &Harness) -> Result<Option<Operation>, Failure> {
    Ok(seed::lane(h, KEY).await?.and_then(|lane| lane.head().cloned()))
}

pub(super) async fn of_two_that_claim_one_lane_by_its_key_one_gets_it(h: &Harness) -> Verdict {
    ready_lane(h).await?;
    warm_up(h).await?;
    let (one, two) =
        one_inside_the_other(h, (lane_scope(), claim_of("one")), (lane_scope(), claim_of("two"))).await?;
    ensure_eq!((one.len(), two.len()), (1, 0), "claims of the first and of the second");
    let lane = seed::lane(h, KEY).await?;
    ensure_eq!(lane.as_ref().map(|l| l.claim), Some(1), "the claim's number");
    ensure_eq!(lane.and_then(|l| l.lease).map(|l| l.holder), Some("one".to_owned()), "who holds it");
    Ok(())
}

fn newer(work: &mut Work) -> Option<RowId> {
    let planned = Planned {
        connector: fixtures::connector(PORTAL),
        key: fixtures::lane_key(KEY),
        payload: Payload::SyncDossier,
        dossier: None,
        unit: None,
        event: 0,
        need: None,
    };
    queue::enqueue(work, &Rules::default(), planned).ok()
}

pub(super) async fn a_state_that_is_claimed_meanwhile_is_not_superseded(h: &Harness) -> Verdict {
    let old = ready_lane(h).await?;
    warm_up(h).await?;
    let (claimed, new) =
        one_inside_the_other(h, (lane_scope(), claim_of("one")), (lane_scope(), newer)).await?;
    ensure_eq!(claimed.first().map(|a| a.operation.id), Some(old), "what was claimed");
    let lane = seed::lane(h, KEY).await?;
    let open = lane.map(|l| (l.state, l.open.iter().map(|o| o.id).collect::<Vec<_>>()));
    ensure_eq!(
        open,
        Some((LaneState::Running, vec![old, new.unwrap_or(0)])),
        "the old one runs, the new one waits"
    );
    Ok(())
}

pub(super) async fn a_state_that_is_superseded_meanwhile_is_not_claimed(h: &Harness) -> Verdict {
    let old = ready_lane(h).await?;
    warm_up(h).await?;
    let (new, claimed) =
        one_inside_the_other(h, (lane_scope(), newer), (lane_scope(), claim_of("two"))).await?;
    ensure!(
        claimed.iter().all(|a| a.operation.id != old),
        "expected the old one to be over, got {claimed:?}"
    );
    ensure_eq!(claimed.first().map(|a| a.operation.id), new, "what was claimed");
    ensure_eq!(
        head(h).await?.map(|o| (o.id, o.state)),
        new.map(|id| (id, OperationState::Running)),
        "the head"
    );
    Ok(())
}

/// A person's way to the lane, through the second handle.
fn person(h: &Harness) -> Arc<Engine> {
    let portal = ScriptedConnector::portal(PORTAL).shared();
    let clock = Arc::new(ManualClock::default());
    Engine::new(Arc::clone(&h.second), Rules::default(), vec![portal], clock, EngineSettings::default())
}

pub(super) async fn a_person_who_retries_what_is_claimed_meanwhile_is_told_that_it_runs(
    h: &Harness,
) -> Verdict {
    let id = ready_lane(h).await?;
    warm_up(h).await?;
    let (door, engine) = (Door::new(), person(h));
    let (enter, claim) = (door.first(h), claim_of("one"));
    let claiming = h.unit(lane_scope(), move |work| {
        enter();
        claim(work)
    });
    let retrying = async {
        door.opened().await;
        operator::retry(&engine, id, "an", "again").await
    };
    let (claimed, deed) = futures_util::join!(claiming, retrying);
    ensure_eq!(claimed?.len(), 1, "claims");
    ensure_eq!(deed?, Deed::NotAllowed("running".into()), "what the person was told");
    ensure_eq!(
        seed::lane(h, KEY).await?.map(|l| (l.state, l.claim)),
        Some((LaneState::Running, 1)),
        "the lane"
    );
    Ok(())
}

/// Lets the head run for `one` and answers what settles it as done.
async fn running(h: &Harness) -> Result<Settlement, Failure> {
    let claim = claim_of("one");
    let claimed = h.unit(lane_scope(), move |work| claim(work)).await?;
    let Some(assignment) = claimed.into_iter().next() else {
        return Err(Failure("expected the head to be claimed".into()));
    };
    Ok(Settlement::of(assignment, Settled::Outcome(Outcome::Done(Proof::default()))))
}

fn settling(settlement: Settlement) -> (Scope, impl Fn(&mut Work) -> Vec<bool> + Send + Sync + 'static) {
    let all = vec![settlement];
    (settle::scope(&all), move |work: &mut Work| {
        settle::settle(work, &Rules::default(), &Schedule::default(), &HealthSettings::default(), &all)
    })
}

pub(super) async fn a_person_who_dismisses_what_is_settled_meanwhile_is_told_that_it_ended(
    h: &Harness,
) -> Verdict {
    let id = ready_lane(h).await?;
    let settlement = running(h).await?;
    warm_up(h).await?;
    let (door, engine) = (Door::new(), person(h));
    let (enter, (scope, settle)) = (door.first(h), settling(settlement));
    let settling = h.unit(scope, move |work| {
        enter();
        settle(work)
    });
    let dismissing = async {
        door.opened().await;
        operator::dismiss(&engine, id, "an", "because").await
    };
    let (settled, deed) = futures_util::join!(settling, dismissing);
    ensure_eq!(settled?, vec![true], "the outcome was its own to settle");
    ensure_eq!(deed?, Deed::NotAllowed("ended".into()), "what the person was told");
    let total = h.second.ledgers().await?.total;
    ensure_eq!((total.succeeded, total.dismissed), (1, 0), "endings in the ledger");
    Ok(())
}

pub(super) async fn an_outcome_and_a_newer_state_at_once_leave_the_newer_one_ready(h: &Harness) -> Verdict {
    for is_settled_first in [true, false] {
        // The second round settles the newer state of the first.
        if is_settled_first {
            ready_lane(h).await?;
        }
        let settlement = running(h).await?;
        let ran = settlement.assignment.operation.id;
        warm_up(h).await?;
        let (scope, settle) = settling(settlement);
        let (settled, new) = if is_settled_first {
            one_inside_the_other(h, (scope, settle), (lane_scope(), newer)).await?
        } else {
            let (new, settled) = one_inside_the_other(h, (lane_scope(), newer), (scope, settle)).await?;
            (settled, new)
        };
        ensure_eq!(settled, vec![true], "the outcome was its own to settle");
        ensure!(new != Some(ran), "expected another operation than the one that ran");
        let lane = seed::lane(h, KEY).await?;
        let row = lane.map(|l| (l.state, l.head, l.open.len(), l.acknowledged));
        ensure_eq!(row, Some((LaneState::Ready, new, 1, true)), "the lane after both");
    }
    Ok(())
}

/// A payment whose opening runs. Answers what settles it as done.
async fn opening(h: &Harness, n: u32) -> Result<(Settlement, Tiding), Failure> {
    let id = format!("TT-{n}");
    let settlement = h
        .unit(seed::nothing(), move |work| {
            let dossier = fixtures::dossier(work.id(), &fixtures::nth_code(n));
            seed::put_dossier(work, &dossier);
            let payment = fixtures::payment(work.id(), &id, &dossier, PAY, morning(0));
            let reference = payment.references[0].reference.clone();
            work.payments.insert(payment.id.clone(), Loaded::fresh(payment.clone()));
            let until = fixtures::whole_us(later(work.now, SignedDuration::from_mins(5)));
            let mut lane = seed::lane_of(work, PAY, &id, &[(OperationState::Running, until)]);
            (lane.state, lane.claim) = (LaneState::Running, 1);
            lane.lease = Some(Lease { holder: "one".into(), until });
            let operation = &mut lane.open[0];
            (operation.dossier, operation.subject) = (Some(dossier.row), Some(dossier.code.clone()));
            operation.payload = Arc::new(Payload::OpenPayment {
                payment: Box::new(fixtures::payment_body(&id)),
                reference: reference.clone(),
                amount: payment.amount,
                sent_at: "20261123080000".into(),
            });
            let (operation, key) = (operation.clone(), lane.key.clone());
            seed::put_lane(work, lane);
            work.ledger.planned = 1;
            let assignment = Assignment {
                connector: fixtures::connector(PAY),
                key,
                claim: 1,
                operation,
                state: None,
                acknowledged: false,
            };
            let tiding = Tiding {
                reference,
                platform_ref: "GD-1".into(),
                news: News::Paid { amount: payment.amount, at: morning(60) },
                by: "callback",
            };
            (Settlement::of(assignment, Settled::Outcome(Outcome::Done(Proof::default()))), tiding)
        })
        .await?;
    Ok(settlement)
}

pub(super) async fn a_callback_and_the_answer_at_once_pay_once_and_open_once(h: &Harness) -> Verdict {
    warm_up(h).await?;
    for (n, is_settled_first) in [(1, true), (2, false)] {
        let (settlement, tiding) = opening(h, n).await?;
        let (scope, settle) = settling(settlement);
        let reference = (fixtures::connector(PAY), tiding.reference.clone());
        let told = Scope { references: [reference].into(), ..Scope::default() };
        let apply = move |work: &mut Work| {
            tidings::apply(work, &Rules::default(), &fixtures::connector(PAY), &tiding).is_ok()
        };
        let (settled, applied) = if is_settled_first {
            one_inside_the_other(h, (scope, settle), (told, apply)).await?
        } else {
            let (applied, settled) = one_inside_the_other(h, (told, apply), (scope, settle)).await?;
            (settled, applied)
        };
        ensure!(settled == [true] && applied, "expected both to count, got {settled:?}, {applied}");
        let id = fixtures::payment_id(&format!("TT-{n}"));
        let wanted = Scope { payments: [id].into(), ..seed::lanes_of([format!("TT-{n}").as_str()]) };
        let end = h.look(wanted, |work| {
            let payments = work.payments.values().map(|p| p.row.state).collect::<Vec<_>>();
            let open: usize = work.lanes.values().map(|l| l.row.open.len()).sum();
            (payments, open)
        });
        ensure_eq!(
            end.await?,
            (vec![PaymentState::Paid], 0),
            "{n}: the payment, and what is open of its lane"
        );
        let paid = seed::outbox(h).await?.iter().filter(|row| row.name == "payment.succeeded").count();
        ensure_eq!(paid, n as usize, "how often it was told, once a payment");
        let ledgers = h.second.ledgers().await?;
        ensure_eq!(ledgers.total.succeeded, i64::from(n), "successes in the ledger");
    }
    Ok(())
}
