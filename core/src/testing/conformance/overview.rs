//! The front page, field by field: whatever a store leaves out or counts twice shows here.

use jiff::SignedDuration;

use super::{
    harness::{Harness, Verdict, ensure, ensure_eq},
    seed::{self, PAY, PORTAL, POST},
    views::{populate, quarantined},
};
use crate::{
    clock::later,
    lane::Lease,
    operation::OperationState,
    outcome::Cause,
    policy::health::{Phase, Trouble},
    port::{
        store::{ConnectorCondition, LedgerState},
        views::{IncidentView, LaneCount, Overview, PartnerCount, UnitCount},
        work::{IncidentRecord, LedgerDelta, Work},
    },
    testing::fixtures::{self, connector, morning},
};

const LEDGER: LedgerDelta = LedgerDelta {
    received: 9,
    admitted: 4,
    duplicate: 3,
    quarantined: 2,
    planned: 15,
    succeeded: 2,
    refused: 1,
    superseded: 1,
    dismissed: 1,
};

/// Beside [`populate`]: lanes in every state, ends of today and of the day before yesterday.
fn enrich(work: &mut Work) {
    let now = fixtures::whole_us(work.now);
    let long_ago = later(now, SignedDuration::from_hours(-48));
    let ready = (OperationState::Ready, morning(0));
    let one = |state| vec![(state, morning(0))];
    let mut lane = seed::lane_of(work, PORTAL, "k-run", &[(OperationState::Running, morning(0)), ready]);
    let until = fixtures::whole_us(later(now, SignedDuration::from_mins(5)));
    (lane.lease, lane.claim) = (Some(Lease { holder: "one".into(), until }), 1);
    seed::put_lane(work, lane);
    let doubtful = seed::lane_of(work, PAY, "p-1", &one(OperationState::Doubtful));
    seed::put_lane(work, doubtful);
    let mut awaiting = seed::lane_of(work, PAY, "p-2", &one(OperationState::Awaiting));
    awaiting.open[0].created_at = morning(-30);
    seed::put_lane(work, awaiting);
    let mut refused = seed::lane_of(work, PAY, "p-3", &[ready]);
    seed::ended(&mut refused.open[0], OperationState::Refused, now);
    seed::put_lane(work, refused);
    let mut superseded = seed::lane_of(work, PAY, "p-4", &[ready, ready]);
    seed::ended(&mut superseded.open[0], OperationState::Superseded, now);
    seed::put_lane(work, superseded);
    let mut dismissed = seed::lane_of(work, PAY, "p-5", &[ready]);
    seed::ended(&mut dismissed.open[0], OperationState::Dismissed, long_ago);
    seed::put_lane(work, dismissed);
    let mut stuck = seed::lane_of(work, POST, "t-1", &[ready, (OperationState::Stuck, morning(0))]);
    seed::ended(&mut stuck.open[0], OperationState::Succeeded, long_ago);
    seed::put_lane(work, stuck);

    let mut nameless = fixtures::event(work.id(), "e-4", None);
    nameless.unit = None;
    work.new_events.push(nameless);
    let entry = quarantined(work.id(), false);
    work.new_quarantine.push(entry);
    work.ledger = LEDGER;
    let incident =
        |key: &str, connector| IncidentRecord { key: key.into(), connector, said: "xem lại".into() };
    work.opened.extend([incident("amount:TT-1", Some(connector(PAY))), incident("over:TT-2", None)]);
}

fn conditions() -> [ConnectorCondition; 2] {
    let trouble =
        Trouble { since: morning(0), cause: Cause::CredentialsRejected, said: "sai khoá".into(), trials: 2 };
    let phase = Phase::Open { trouble, trial_at: morning(60) };
    let works = |id| ConnectorCondition::works(connector(id));
    [ConnectorCondition { phase, ..works(PAY) }, works(POST)]
}

fn partners(is_today: bool) -> Vec<PartnerCount> {
    let count = |connector: &str, action: &str, state: &str, operations| PartnerCount {
        connector: connector.into(),
        action: action.into(),
        state: state.into(),
        operations,
    };
    let mut all = vec![
        count(PORTAL, "append_progress", "ready", 1),
        count(PORTAL, "sync_dossier", "ready", 2),
        count(PORTAL, "sync_dossier", "running", 1),
        count(PORTAL, "sync_dossier", "held", 1),
        count(PORTAL, "sync_dossier", "stuck", 1),
        count(PORTAL, "sync_dossier", "succeeded", 1),
        count(PAY, "sync_dossier", "ready", 1),
        count(PAY, "sync_dossier", "doubtful", 1),
        count(PAY, "sync_dossier", "awaiting", 1),
        count(PAY, "sync_dossier", "refused", 1),
        count(PAY, "sync_dossier", "superseded", 1),
        count(POST, "sync_dossier", "stuck", 1),
    ];
    all.retain(|c| is_today || !["succeeded", "refused", "superseded"].contains(&c.state.as_str()));
    all
}

/// Idle lanes (`p-3`, `p-5`) are not told of.
fn lanes() -> Vec<LaneCount> {
    let count = |connector: &str, state: &str, oldest| LaneCount {
        connector: connector.into(),
        state: state.into(),
        lanes: 1,
        oldest_us: Some(morning(oldest).as_microsecond()),
    };
    vec![
        count(PORTAL, "running", 0),
        count(PORTAL, "held", -60),
        count(PORTAL, "stuck", 0),
        count(PAY, "ready", 0),
        count(PAY, "doubtful", 0),
        count(PAY, "awaiting", -30),
        count(POST, "stuck", 0),
    ]
}

fn units(is_today: bool) -> Vec<UnitCount> {
    let count = |unit: &str, events, sent, waiting, stuck| {
        let (events, sent) = if is_today { (events, sent) } else { (0, 0) };
        UnitCount { unit: unit.into(), events, sent, waiting, stuck }
    };
    vec![count("", 1, 0, 1, 0), count(fixtures::UNIT, 3, 1, 6, 2), count("000.00.09.H99", 0, 0, 0, 1)]
}

/// Oldest first; what waits is counted by need, for a pause by connector. Row and moment are the store's own.
fn incidents(got: &[IncidentView]) -> Vec<IncidentView> {
    let all = [
        ("snapshot:k-held", None, "chờ hồ sơ", 1),
        ("amount:TT-1", Some(PAY), "xem lại", 0),
        ("pause:pay", Some(PAY), "sai khoá", 3),
    ];
    let incident = |(i, (key, of, said, waiting)): (usize, (&str, Option<&str>, &str, i64))| IncidentView {
        id: got.get(i).map_or(0, |g| g.id),
        key: key.into(),
        connector: of.map(str::to_owned),
        said: said.into(),
        opened_us: got.get(i).map_or(0, |g| g.opened_us),
        waiting,
    };
    all.into_iter().enumerate().map(incident).collect()
}

pub(super) async fn the_overview_is_the_same_in_every_store(h: &Harness) -> Verdict {
    let before = h.store.now().await?.as_microsecond() - 10_000;
    let empty = h.views.overview(before).await?;
    let nothing = Overview {
        now_us: empty.now_us,
        partners: vec![],
        lanes: vec![],
        units: vec![],
        incidents: vec![],
        conditions: vec![],
        ledgers: LedgerState::default(),
        quarantine_open: 0,
        dossiers: 0,
        outbox_highest: 0,
        outbox_waiting: 0,
    };
    ensure_eq!(empty, nothing, "the overview of an empty store");

    h.unit(seed::nothing(), populate).await?;
    h.unit(seed::nothing(), enrich).await?;
    h.unit(seed::nothing(), |work| work.closed.push("over:TT-2".into())).await?;
    for condition in conditions() {
        seed::put_condition(h, &condition).await?;
    }
    if let Some(fence) = h.store.acquire("relay", "one", SignedDuration::from_mins(1)).await? {
        h.store.set_cursor("relay", "1", &fence).await?;
    }
    let today = h.views.overview(before).await?;
    let later = h.views.overview(today.now_us + 3_600_000_000).await?;
    let written = seed::outbox(h).await?;
    let last = written.last().map_or(0, |row| row.number);
    ensure!(today.now_us >= before, "expected the store's clock, got {}", today.now_us);
    let opened: Vec<i64> = today.incidents.iter().map(|i| i.opened_us).collect();
    ensure!(opened.iter().all(|us| *us >= before), "expected incidents opened just now, got {opened:?}");
    let expected = Overview {
        now_us: today.now_us,
        partners: partners(true),
        lanes: lanes(),
        units: units(true),
        incidents: incidents(&today.incidents),
        conditions: conditions().into(),
        ledgers: LedgerState { total: LEDGER, open: 10 },
        quarantine_open: 2,
        dossiers: 1,
        outbox_highest: last,
        outbox_waiting: written.len() as i64 - 1,
    };
    ensure_eq!(today, expected, "the overview, field by field");
    let expected =
        Overview { now_us: later.now_us, partners: partners(false), units: units(false), ..expected };
    ensure_eq!(later, expected, "the same with only the future counted as today");
    Ok(())
}
