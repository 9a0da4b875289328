//! Conditions of connectors: kept whole, locked by whoever claims by them, and so obeyed by all handles together.

use jiff::SignedDuration;

use super::{
    harness::{Failure, Harness, Verdict, ensure, ensure_eq},
    races::warm_up,
    seed::{self, PORTAL},
};
use crate::{
    clock::later,
    flow::settle::{Share, claim_within},
    lane::LaneState,
    operation::OperationState,
    outcome::Cause,
    policy::{
        allowance::{Limits, Rate},
        health::{HealthSettings, Hold, Phase, Trouble},
    },
    port::{
        store::{self, ConnectorCondition, Store},
        work::Scope,
    },
    testing::fixtures::{self, connector, morning},
};

fn trouble(said: &str) -> Trouble {
    Trouble { since: morning(5), cause: Cause::Unreachable, said: said.into(), trials: 3 }
}

fn in_phase(phase: Phase) -> ConnectorCondition {
    ConnectorCondition { phase, ..ConnectorCondition::works(connector(PORTAL)) }
}

pub(super) async fn a_condition_comes_back_whole_in_every_phase(h: &Harness) -> Verdict {
    ensure_eq!(h.store.conditions().await?, vec![], "conditions of an empty store");
    let hold = Hold {
        by: "an".into(),
        reason: "Cổng bảo trì · 'x'".into(),
        since: morning(1),
        until: Some(morning(9)),
    };
    let phases = [
        Phase::Open { trouble: trouble("từ chối kết nối"), trial_at: morning(60) },
        Phase::HalfOpen { trouble: Some(trouble("từ chối kết nối")) },
        Phase::Ramp { trouble: Some(trouble("a")), step: 2, until: morning(70) },
        Phase::Ramp { trouble: None, step: 0, until: morning(71) },
        Phase::HalfOpen { trouble: None },
        Phase::Closed,
    ];
    for (n, phase) in phases.into_iter().enumerate() {
        let condition = ConnectorCondition {
            hold: (n % 2 == 0).then(|| Hold { until: hold.until.filter(|_| n > 0), ..hold.clone() }),
            planned_until: Some(morning(n as i64)),
            tat: Some(morning(100 + n as i64)),
            mean: Some(SignedDuration::from_millis(1234)),
            ..in_phase(phase)
        };
        seed::put_condition(h, &condition).await?;
        ensure_eq!(h.second.conditions().await?, vec![condition.clone()], "the stored condition");
        let loaded = h.look(seed::partners_of([PORTAL]), |work| {
            work.partners.values().map(|p| (p.condition.row.clone(), p.running)).collect::<Vec<_>>()
        });
        ensure_eq!(loaded.await?, vec![(condition, 0)], "the loaded condition");
    }
    Ok(())
}

pub(super) async fn an_incident_of_a_partner_lasts_from_opening_to_closing(h: &Harness) -> Verdict {
    let open = |said| Phase::Open { trouble: trouble(said), trial_at: morning(60) };
    let incidents = || async {
        let found = h.views.overview(0).await?.incidents;
        Ok::<_, Failure>(found.into_iter().map(|i| (i.key, i.connector, i.said)).collect::<Vec<_>>())
    };
    let one = vec![("pause:dvcqg".to_owned(), Some(PORTAL.to_owned()), "sai khoá".to_owned())];
    seed::put_condition(h, &in_phase(open("sai khoá"))).await?;
    ensure_eq!(incidents().await?, one, "one incident per pause");
    seed::put_condition(h, &in_phase(Phase::HalfOpen { trouble: Some(trouble("x")) })).await?;
    seed::put_condition(h, &in_phase(open("lại hỏng"))).await?;
    ensure_eq!(incidents().await?, one, "the same incident after a return that failed");
    seed::put_condition(h, &in_phase(Phase::Closed)).await?;
    ensure_eq!(incidents().await?, vec![], "incidents once it works again");
    seed::put_condition(h, &in_phase(Phase::HalfOpen { trouble: None })).await?;
    ensure_eq!(incidents().await?, vec![], "incidents of a planned return");
    Ok(())
}

async fn ready_lanes(h: &Harness, lanes: usize) -> Verdict {
    h.unit(seed::nothing(), move |work| {
        for n in 0..lanes {
            let due = fixtures::whole_us(later(work.now, SignedDuration::from_secs(-60)));
            let lane = seed::lane_with(work, &format!("k-{n:02}"), &[(OperationState::Ready, due)]);
            seed::put_lane(work, lane);
        }
    })
    .await
}

/// Claims as an execute loop does.
async fn claim(store: &dyn Store, holder: &'static str, limits: &Limits) -> Result<Share, Failure> {
    let scope = Scope { partners: [connector(PORTAL)].into(), ..seed::due(LaneState::Ready, 3) };
    let (limits, health) = (limits.clone(), HealthSettings::default());
    let lease = SignedDuration::from_mins(5);
    let claimed = store::decide(store, scope, move |work| {
        claim_within(work, &connector(PORTAL), (&limits, &health), 3, holder, lease)
    });
    Ok(claimed.await?)
}

/// Both handles claim as long as anything is given to them; how many operations each got.
async fn race(h: &Harness, limits: &Limits) -> Result<(usize, usize), Failure> {
    let all = |store: &'static str| async move {
        let handle = if store == "one" { &h.store } else { &h.second };
        let (mut got, mut in_vain) = (0, 0);
        while in_vain < 3 {
            let claimed = claim(&**handle, store, limits).await?.assignments.len();
            got += claimed;
            in_vain = if claimed == 0 { in_vain + 1 } else { 0 };
        }
        Ok::<_, Failure>(got)
    };
    warm_up(h).await?;
    let (one, two) = futures_util::join!(all("one"), all("two"));
    Ok((one?, two?))
}

pub(super) async fn two_handles_never_have_more_with_a_partner_than_all_may(h: &Harness) -> Verdict {
    ready_lanes(h, 20).await?;
    let limits = Limits { in_flight: 16, in_flight_total: Some(7), rate: None };
    let (one, two) = race(h, &limits).await?;
    ensure_eq!(one + two, 7, "operations with the partner");
    let running = h.look(seed::partners_of([PORTAL]), |work| {
        work.partners.values().map(|p| (p.running, p.is_waiting)).collect::<Vec<_>>()
    });
    ensure_eq!(running.await?, vec![(7, true)], "what the store counts");
    // On a ramp it is a share of that.
    seed::put_condition(h, &in_phase(Phase::Ramp { trouble: None, step: 2, until: morning(0) })).await?;
    ensure_eq!(race(h, &limits).await?, (0, 0), "more on a ramp");
    seed::put_condition(h, &in_phase(Phase::Closed)).await?;
    let more = Limits { in_flight_total: Some(9), ..limits };
    let (one, two) = race(h, &more).await?;
    ensure_eq!(one + two, 2, "what a wider limit lets go");
    Ok(())
}

pub(super) async fn half_open_lets_one_operation_go_of_all_handles(h: &Harness) -> Verdict {
    ready_lanes(h, 5).await?;
    seed::put_condition(h, &in_phase(Phase::HalfOpen { trouble: Some(trouble("x")) })).await?;
    let limits = Limits { in_flight: 16, in_flight_total: None, rate: None };
    let (one, two) = race(h, &limits).await?;
    ensure_eq!(one + two, 1, "operations that try");
    let still = h.store.conditions().await?;
    ensure!(matches!(still[0].phase, Phase::HalfOpen { .. }), "expected half-open, got {:?}", still[0].phase);
    let open = Phase::Open { trouble: trouble("x"), trial_at: morning(0) };
    seed::put_condition(h, &in_phase(open)).await?;
    ensure_eq!(race(h, &limits).await?, (0, 0), "operations of an open connector");
    Ok(())
}

pub(super) async fn the_rate_is_shared_by_all_handles(h: &Harness) -> Verdict {
    ready_lanes(h, 20).await?;
    // Slower than any test: the burst, and nothing after it.
    let rate = Some(Rate::new(0.000_1, 5));
    let limits = Limits { in_flight: 16, in_flight_total: None, rate };
    let (one, two) = race(h, &limits).await?;
    ensure_eq!(one + two, 5, "operations within the burst");
    let share = claim(&*h.store, "one", &limits).await?;
    ensure!(share.is_bounded && share.wait > SignedDuration::from_mins(1), "expected a wait, got {share:?}");
    Ok(())
}
