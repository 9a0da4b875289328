//! Rows that stories begin with, and short forms of scopes.

use jiff::Timestamp;
use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use crate::{
    dossier::DossierRecord,
    flow::health::enter,
    id::{DossierCode, RowId},
    lane::{Lane, LaneState, Lease},
    operation::{Operation, OperationState},
    port::{
        store::{ConnectorCondition, OutboxRow},
        work::{Change, Loaded, OutEvent, Scan, Scope, VersionRecord, Work},
    },
    testing::{
        conformance::{Failure, Harness},
        fixtures,
    },
};

/// The portal's name in all stories.
pub(super) const PORTAL: &str = "dvcqg";
/// The payment platform's.
pub(super) const PAY: &str = "pay";
/// The post's.
pub(super) const POST: &str = "vnpost";

/// Nothing.
pub(super) fn nothing() -> Scope {
    Scope::default()
}

/// Lanes by key.
pub(super) fn lanes_of<'a>(keys: impl IntoIterator<Item = &'a str>) -> Scope {
    Scope { lanes: keys.into_iter().map(fixtures::lane_key).collect(), ..Scope::default() }
}

/// Dossiers by code or alias.
pub(super) fn dossiers_of<'a>(codes: impl IntoIterator<Item = &'a DossierCode>) -> Scope {
    Scope { dossiers: codes.into_iter().cloned().collect(), ..Scope::default() }
}

/// Lanes by what they wait for.
pub(super) fn scan(scan: Scan) -> Scope {
    Scope { scan: vec![scan], ..Scope::default() }
}

/// Held lanes of the portal by their need.
pub(super) fn needed(prefix: &str, limit: usize) -> Scope {
    scan(Scan::Need { connectors: vec![fixtures::connector(PORTAL)], prefix: prefix.into(), limit })
}

/// Due lanes of the portal in a state.
pub(super) fn due(state: LaneState, limit: usize) -> Scope {
    scan(Scan::Due { connector: fixtures::connector(PORTAL), state, limit })
}

/// Conditions of connectors.
pub(super) fn partners_of<'a>(connectors: impl IntoIterator<Item = &'a str>) -> Scope {
    Scope { partners: connectors.into_iter().map(fixtures::connector).collect(), ..Scope::default() }
}

/// Stores a condition, with the incident that goes with it.
pub(super) async fn put_condition(h: &Harness, condition: &ConnectorCondition) -> Result<(), Failure> {
    let (condition, connector) = (condition.clone(), condition.connector.clone());
    h.unit(partners_of([condition.connector.clone().as_str()]), move |work| {
        let Some(partner) = work.partners.get_mut(&connector) else { return };
        let before = partner.condition.row.phase.clone();
        *partner.condition.edit() = ConnectorCondition { phase: before, ..condition.clone() };
        enter(work, &connector, condition.phase.clone());
    })
    .await
}

/// JSON of a dossier's state.
pub(super) fn state_text(dossier: &DossierRecord) -> std::sync::Arc<str> {
    serde_json::to_string(&*dossier.state).unwrap_or_default().into()
}

/// Puts a new dossier with its version.
pub(super) fn put_dossier(work: &mut Work, dossier: &DossierRecord) {
    work.new_versions.push(VersionRecord {
        dossier: dossier.row,
        version: dossier.version,
        state: state_text(dossier),
        event: 0,
    });
    work.dossiers.insert(dossier.code.clone(), Loaded::fresh(dossier.clone()));
}

/// Puts a new lane with all the operations in its `open` (ended ones among them are stored as ended). Returns the lane
/// as it has to come back.
pub(super) fn put_lane(work: &mut Work, lane: Lane) -> Lane {
    work.touched.extend(lane.open.iter().map(|o| (o.id, Change::Insert)));
    let mut expected = lane.clone();
    expected.sync(fixtures::whole_us(work.now));
    work.lanes.insert((lane.key.clone(), lane.connector.clone()), Loaded::fresh(lane));
    expected
}

/// A lane of the portal whose open operations are in these states and due at these moments.
pub(super) fn lane_with(work: &Work, key: &str, states: &[(OperationState, Timestamp)]) -> Lane {
    lane_of(work, PORTAL, key, states)
}

/// The same of any connector.
pub(super) fn lane_of(work: &Work, of: &str, key: &str, states: &[(OperationState, Timestamp)]) -> Lane {
    let mut lane = fixtures::lane(work.id(), of, key);
    for (state, due_at) in states {
        let mut operation = fixtures::operation(work.id(), &lane, lane.next_position);
        (operation.state, operation.due_at) = (*state, *due_at);
        if *state == OperationState::Held {
            operation.need = Some(fixtures::need(&format!("snapshot:{key}")));
        }
        lane.next_position += 1;
        lane.open.push(operation);
    }
    lane
}

/// A portal lane whose head runs under this lease.
pub(super) fn running_lane(work: &Work, key: &str, holder: &str, until: Timestamp) -> Lane {
    let mut lane = lane_with(work, key, &[(OperationState::Running, until)]);
    lane.state = LaneState::Running;
    lane.lease = Some(Lease { holder: holder.into(), until });
    lane.claim = 1;
    lane
}

/// Adds a ready operation at the end of a loaded lane.
pub(super) fn add_operation(work: &mut Work, key: &str) -> Option<RowId> {
    let id = work.id();
    let connector = fixtures::connector(PORTAL);
    let lane = work.lane(&connector, &fixtures::lane_key(key))?;
    let row = lane.edit();
    let operation = fixtures::operation(id, row, row.next_position);
    row.next_position += 1;
    row.open.push(operation);
    work.touched.insert(id, Change::Insert);
    Some(id)
}

/// Changes the head of a loaded lane of the portal.
pub(super) fn change_head(work: &mut Work, key: &str, change: impl FnOnce(&mut Operation)) -> Option<RowId> {
    let lane = work.lanes.get_mut(&(fixtures::lane_key(key), fixtures::connector(PORTAL)))?;
    let head = lane.edit().open.first_mut()?;
    change(head);
    let id = head.id;
    work.touch(id);
    Some(id)
}

/// Ends an operation.
pub(super) fn ended(operation: &mut Operation, state: OperationState, at: Timestamp) {
    (operation.state, operation.ended_at) = (state, Some(fixtures::whole_us(at)));
}

/// An event on its way out.
pub(super) fn out_event(id: &str) -> OutEvent {
    OutEvent {
        name: "portal.synced".into(),
        subject: fixtures::nth_code(1).to_string(),
        unit: Some(fixtures::unit(fixtures::UNIT)),
        id: id.into(),
        data: serde_json::json!({ "portal_status": 2 }),
        at: fixtures::morning(0),
    }
}

/// A lane of the portal as the second handle sees it.
pub(super) async fn lane(h: &Harness, key: &str) -> Result<Option<Lane>, Failure> {
    let at = (fixtures::lane_key(key), fixtures::connector(PORTAL));
    h.look(lanes_of([key]), move |work| work.lanes.get(&at).map(|lane| lane.row.clone())).await
}

/// Keys of all lanes that a scope finds, on the second handle.
pub(super) async fn found(h: &Harness, scope: Scope) -> Result<Vec<String>, Failure> {
    h.look(scope, |work| work.lanes.keys().map(|(key, _)| key.to_string()).collect()).await
}

/// All out-events of units that committed before this call, the rows that this function adds itself left out. A store
/// may hide rows for a while (other transactions run, even in other databases), never out of order: once a row that
/// was written now is seen, all earlier ones are.
pub(super) async fn outbox(h: &Harness) -> Result<Vec<OutboxRow>, Failure> {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    const SENTINEL: &str = "sentinel-";
    let id = format!("{SENTINEL}{}", COUNT.fetch_add(1, Ordering::Relaxed));
    let sentinel = out_event(&id);
    h.unit(nothing(), move |work| work.outbox.push(sentinel.clone())).await?;
    for _ in 0..1000 {
        let rows = h.second.outbox(0, 10_000).await?;
        if rows.iter().any(|row| row.id == id) {
            return Ok(rows.into_iter().filter(|row| !row.id.starts_with(SENTINEL)).collect());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Err(Failure("expected a committed out-event to be readable within ten seconds".into()))
}
