//! What the process shows of itself: its health, and the gauges that are counted in the store rather than as it happens.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, OnceLock},
    time::Duration,
};

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use lienthong_core::{
    flow::{
        engine::Engine,
        ledger::{self, Audit},
    },
    operation::OperationState,
    policy::health::Phase,
    port::views::{Overview, Views},
    replay::{ItemState, Replay},
};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::{sync::watch, time::MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::{
    broker::link::Link,
    http::{Health, summary},
};

/// How often the store is asked whether it answers.
const ASK_EVERY: Duration = Duration::from_secs(2);
/// How long it may take.
const ASK_WITHIN: Duration = Duration::from_secs(3);
/// How often the counted gauges are renewed: they read the whole overview.
const COUNT_EVERY: Duration = Duration::from_secs(15);
/// Plans of replays that are counted.
const ACTIVE_REPLAYS: i64 = 100;
/// Upper bounds of latencies in seconds: partners answer between tens of milliseconds and their deadlines.
const LATENCIES: [f64; 12] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

/// The process's recorder, installed once; later applications of the same process (tests) share it.
pub(super) fn recorder() -> Option<PrometheusHandle> {
    static HANDLE: OnceLock<Option<PrometheusHandle>> = OnceLock::new();
    HANDLE
        .get_or_init(|| {
            let built = PrometheusBuilder::new()
                .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &LATENCIES)
                .and_then(PrometheusBuilder::install_recorder);
            built.map_err(|error| tracing::warn!(%error, "no metrics")).ok()
        })
        .clone()
}

/// Publishes whether store and broker work.
pub(super) async fn health(
    engine: Arc<Engine>,
    health: watch::Sender<Health>,
    mut links: Vec<watch::Receiver<Link>>,
    stop: CancellationToken,
) -> Result<(), String> {
    let mut tick = tokio::time::interval(ASK_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        // A link that has come up makes the process ready now, not when it is asked next.
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            _ = tick.tick() => {}
            () = changed(&mut links) => {}
        }
        let store = match tokio::time::timeout(ASK_WITHIN, engine.store.ping()).await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some(format!("the store did not answer within {ASK_WITHIN:?}")),
        };
        let seen: Vec<Link> = links.iter().map(|l| l.borrow().clone()).collect();
        let now = combined(store, &seen);
        health.send_if_modified(|old| {
            let is_new = *old != now;
            if is_new {
                if now.is_ready() {
                    tracing::info!(store = now.store, broker = ?now.broker, detail = now.detail, "ready");
                } else {
                    tracing::warn!(store = now.store, broker = ?now.broker, detail = now.detail, "not ready");
                }
                old.clone_from(&now);
            }
            is_new
        });
    }
}

/// Waits until one of the links has changed; those of roles that have ended do not any more.
async fn changed(links: &mut [watch::Receiver<Link>]) {
    let changes = links.iter_mut().map(async |link| {
        if link.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    });
    let mut changes: FuturesUnordered<_> = changes.collect();
    if changes.next().await.is_none() {
        std::future::pending::<()>().await;
    }
}

fn combined(store: Option<String>, links: &[Link]) -> Health {
    let broker = (!links.is_empty()).then(|| links.iter().all(Link::is_connected));
    let mut said: Vec<String> = store.iter().cloned().collect();
    said.extend(links.iter().filter_map(|link| match link {
        Link::Down(why) => Some(format!("RabbitMQ: {why}")),
        Link::Up(warning) => warning.clone(),
        Link::Connecting => Some("RabbitMQ: connecting".to_owned()),
        Link::Waiting | Link::Stopped => None,
    }));
    Health { broker, store: store.is_none(), detail: said.join("; ") }
}

/// Renews the counted gauges, and lets the recorder tidy up: unscraped histograms would grow without bound.
pub(super) async fn metrics(
    engine: Arc<Engine>,
    views: Arc<dyn Views>,
    has_broker: bool,
    handle: PrometheusHandle,
    stop: CancellationToken,
) -> Result<(), String> {
    let mut tick = tokio::time::interval(Duration::from_secs(5));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut counted: Option<tokio::time::Instant> = None;
    let mut counts = Counts::default();
    begin();
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            _ = tick.tick() => {}
        }
        handle.run_upkeep();
        if counted.is_some_and(|at| at.elapsed() < COUNT_EVERY) {
            continue;
        }
        counted = Some(tokio::time::Instant::now());
        match engine.store.replays(true, ACTIVE_REPLAYS).await {
            Ok(active) => record_replays(&active),
            Err(error) => tracing::debug!(%error, "the replays could not be counted"),
        }
        match views.overview(i64::MAX).await {
            Ok(overview) => {
                record_partners(&engine, &overview);
                counts.record(&overview, has_broker);
            }
            Err(error) => tracing::debug!(%error, "the gauges could not be counted"),
        }
        match ledger::last(&engine).await {
            Ok(audit) => record_audit(audit.as_ref()),
            Err(error) => tracing::debug!(%error, "the last audit could not be read"),
        }
    }
}

/// What was counted last time: a state that has emptied is not in the overview, and its gauge must go to 0.
#[derive(Default)]
struct Counts {
    operations: BTreeSet<[String; 3]>,
    lanes: BTreeSet<[String; 2]>,
    partners: BTreeSet<String>,
}

/// Counters begin at 0, or an alarm would miss what they count first.
fn begin() {
    metrics::counter!("lienthong_leases_lost_total").increment(0);
    metrics::counter!("lienthong_store_connections_dropped_total").increment(0);
    metrics::counter!("lienthong_store_pool_replaced_total").increment(0);
    metrics::gauge!("lienthong_dead_letters").set(0.0);
    for role in ["intake", "publisher"] {
        metrics::counter!("lienthong_broker_reconnects_total", "role" => role).increment(0);
    }
    for verdict in ["accepted", "duplicate", "quarantined"] {
        metrics::counter!("lienthong_events_total", "verdict" => verdict).increment(0);
    }
}

/// Every replica shows the last audit, whoever made it.
fn record_audit(audit: Option<&Audit>) {
    for entry in audit.into_iter().flat_map(|audit| &audit.entries) {
        let difference = (entry.booked - entry.counted) as f64;
        metrics::gauge!("lienthong_ledger_audit_difference", "entry" => entry.entry.clone()).set(difference);
    }
    metrics::gauge!("lienthong_ledger_audit_timestamp_seconds")
        .set(audit.map_or(0.0, |audit| audit.at_us as f64 / 1e6));
}

impl Counts {
    fn record(&mut self, overview: &Overview, has_broker: bool) {
        for [connector, action, state] in std::mem::take(&mut self.operations) {
            operations_open(connector, action, state).set(0.0);
        }
        for count in &overview.partners {
            if OperationState::from_name(&count.state).is_some_and(|s| !s.is_ended()) {
                let labels = [count.connector.clone(), count.action.clone(), count.state.clone()];
                let [connector, action, state] = labels.clone();
                operations_open(connector, action, state).set(count.operations as f64);
                self.operations.insert(labels);
            }
        }
        for [connector, state] in std::mem::take(&mut self.lanes) {
            lanes(connector.clone(), state.clone()).set(0.0);
            oldest_age(connector, state).set(0.0);
        }
        for connector in std::mem::take(&mut self.partners) {
            partner_age(connector).set(0.0);
        }
        let connectors: BTreeSet<String> = overview.lanes.iter().map(|l| l.connector.clone()).collect();
        for connector in &connectors {
            let of_it = overview.lanes.iter().filter(|l| l.connector == *connector);
            let oldest = of_it.filter_map(|l| l.oldest_us).min().unwrap_or(overview.now_us);
            partner_age(connector.clone()).set((overview.now_us - oldest).max(0) as f64 / 1e6);
        }
        self.partners = connectors;
        for lane in &overview.lanes {
            let (connector, state) = (lane.connector.clone(), lane.state.clone());
            let age_us = lane.oldest_us.map_or(0, |since| (overview.now_us - since).max(0));
            lanes(connector.clone(), state.clone()).set(lane.lanes as f64);
            oldest_age(connector.clone(), state.clone()).set(age_us as f64 / 1e6);
            self.lanes.insert([connector, state]);
        }
        record_totals(overview, has_broker);
    }
}

/// How each partner stands: 1 for its phase (or `held`), what waits, and how long that takes; -1: nobody knows.
fn record_partners(engine: &Engine, overview: &Overview) {
    for partner in summary::partners(engine, overview) {
        let Some(condition) = &partner.condition else { continue };
        let now = if condition.hold.is_some() { "held" } else { condition.phase.name() };
        let name = partner.connector;
        for phase in Phase::NAMES.into_iter().chain(["held"]) {
            metrics::gauge!("lienthong_partner_phase", "partner" => name.clone(), "phase" => phase)
                .set(f64::from(u8::from(phase == now)));
        }
        let drain = partner.drain.map_or(-1.0, |d| d.as_secs_f64());
        metrics::gauge!("lienthong_partner_waiting", "partner" => name.clone()).set(partner.waiting as f64);
        metrics::gauge!("lienthong_partner_drain_seconds", "partner" => name).set(drain);
    }
}

fn operations_open(connector: String, action: String, state: String) -> metrics::Gauge {
    metrics::gauge!("lienthong_operations_open", "connector" => connector, "action" => action, "state" => state)
}

fn lanes(connector: String, state: String) -> metrics::Gauge {
    metrics::gauge!("lienthong_lanes", "connector" => connector, "state" => state)
}

fn oldest_age(connector: String, state: String) -> metrics::Gauge {
    metrics::gauge!("lienthong_lane_oldest_age_seconds", "connector" => connector, "state" => state)
}

/// Over all lanes that are not idle, whatever they wait for: nothing waits silently.
fn partner_age(connector: String) -> metrics::Gauge {
    metrics::gauge!("lienthong_partner_oldest_age_seconds", "connector" => connector)
}

/// The items of all plans that are under way.
fn record_replays(active: &[Replay]) {
    let mut counts: BTreeMap<_, i64> = ItemState::ALL.map(|state| (state.name(), 0)).into();
    for (state, items) in active.iter().flat_map(|replay| replay.progress.counts.by_name()) {
        *counts.entry(state).or_default() += items;
    }
    for (state, items) in counts {
        metrics::gauge!("lienthong_replay_items", "state" => state).set(items as f64);
    }
}

fn record_totals(overview: &Overview, has_broker: bool) {
    let ledgers = &overview.ledgers;
    let differences =
        [("messages", ledgers.message_difference()), ("operations", ledgers.operation_difference())];
    for (ledger, difference) in differences {
        metrics::gauge!("lienthong_ledger_difference", "ledger" => ledger).set(difference as f64);
    }
    let t = &ledgers.total;
    for (entry, value) in [
        ("received", t.received),
        ("admitted", t.admitted),
        ("duplicate", t.duplicate),
        ("quarantined", t.quarantined),
        ("planned", t.planned),
        ("succeeded", t.succeeded),
        ("refused", t.refused),
        ("superseded", t.superseded),
        ("dismissed", t.dismissed),
        ("open", ledgers.open),
    ] {
        metrics::gauge!("lienthong_ledger", "entry" => entry).set(value as f64);
    }
    metrics::gauge!("lienthong_quarantine_open").set(overview.quarantine_open as f64);
    // Who reads over HTTP moves no cursor of ours: there is nothing to be behind with.
    let backlog = if has_broker { overview.outbox_waiting } else { 0 };
    metrics::gauge!("lienthong_outbox_backlog").set(backlog as f64);
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn a_link_that_comes_up_is_seen_at_once_and_one_that_has_ended_is_not_asked_again() {
        let (up, first) = watch::channel(Link::Connecting);
        let (ended, second) = watch::channel(Link::Connecting);
        drop(ended);
        let mut links = [first, second];
        assert!(changed(&mut links).now_or_never().is_none());
        up.send(Link::Up(None)).unwrap();
        assert!(changed(&mut links).now_or_never().is_some());
        assert!(changed(&mut links).now_or_never().is_none());
        assert!(changed(&mut []).now_or_never().is_none());
    }

    #[test]
    fn health_is_that_of_the_worst_part_and_says_why() {
        assert_eq!(combined(None, &[]).broker, None);
        let good = combined(None, &[Link::Up(None), Link::Waiting]);
        assert_eq!((good.store, good.broker, good.detail.as_str()), (true, Some(true), ""));
        let bad = combined(Some("disk full".into()), &[Link::Up(None), Link::Down("refused".into())]);
        assert_eq!((bad.store, bad.broker), (false, Some(false)));
        assert_eq!(bad.detail, "disk full; RabbitMQ: refused");
    }
}
