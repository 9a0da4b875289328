//! A dossier's course: merging what an event says, the status it means, versions, and what the portal is told.

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use std::sync::Arc;

use crate::{
    dossier::{DossierRecord, DossierState, StatusFrom, merge},
    event::{
        Admissible, Subject,
        data::{Dossier, DossierData, OnPortal, Snapshot, Step},
        names::{EventData, EventName},
    },
    id::{ConnectorId, DossierCode, LaneKey, RowId, UnitCode, derived},
    index::check::{self, ADVICE, Check},
    need::Need,
    operation::{ActionKind, Operation, Payload, ProgressStep},
    plan::{
        admit::{Effect, Standing, is_unassigned},
        late, out,
        queue::{Missing, Planned, enqueue, wake_snapshot},
        rules::{PartnerKind, Rules},
    },
    port::work::{Loaded, VersionRecord, Work},
    status::PortalStatus,
};

/// The lane of what no connector carries.
pub const UNASSIGNED: &str = "unassigned";

/// How many steps one operation carries at most (docs/partners/dvcqg.md).
pub(super) const STEPS_PER_OPERATION: usize = 10;

/// The connector id of what no connector carries.
pub fn unassigned() -> ConnectorId {
    // The text is in the grammar: tested below.
    ConnectorId::parse(UNASSIGNED).unwrap_or_else(|_| unreachable!("a constant in the grammar"))
}

/// The codes that an event gives its dossier.
pub fn stated_codes(event: &Admissible) -> Vec<DossierCode> {
    let EventData::Dossier(data) = &event.data else { return Vec::new() };
    let Some(dossier) = &data.dossier else { return Vec::new() };
    dossier.code.iter().chain(&dossier.portal_code).cloned().collect()
}

/// Whether one of an event's codes means the dossier of this row.
pub fn names(work: &Work, event: &Admissible, subject: &DossierCode, dossier: RowId) -> bool {
    let stated = stated_codes(event);
    let mut codes = std::iter::once(subject).chain(&stated);
    codes.any(|code| work.dossier(code).is_some_and(|d| d.row == dossier))
}

fn canonical(work: &Work, event: &Admissible, subject: &DossierCode) -> Option<DossierCode> {
    let codes = stated_codes(event);
    std::iter::once(subject).chain(&codes).find_map(|c| work.dossier(c)).map(|d| d.code.clone())
}

/// Makes the dossier that an event is about if it is new; its codes become aliases. Answers the canonical code.
fn open(work: &mut Work, event: &Admissible, subject: &DossierCode) -> DossierCode {
    let code = canonical(work, event, subject).unwrap_or_else(|| subject.clone());
    if !work.dossiers.contains_key(&code) {
        let record = DossierRecord {
            row: work.id(),
            code: code.clone(),
            unit: None,
            known: false,
            version: 0,
            sequences: std::collections::BTreeMap::new(),
            bindings: std::collections::BTreeMap::new(),
            state: Arc::new(DossierState::new(code.clone())),
            created_at: work.now,
        };
        work.dossiers.insert(code.clone(), Loaded::fresh(record));
        work.aliases.insert(code.clone(), code.clone());
    }
    let row = work.dossiers.get(&code).map_or(0, |d| d.row.row);
    let mut codes = stated_codes(event);
    codes.push(subject.clone());
    for alias in codes {
        if alias != code && work.aliases.insert(alias.clone(), code.clone()).is_none() {
            work.new_aliases.push((alias, row));
        }
    }
    code
}

/// Applies what the event says about the dossier itself, and the sequence. Operations are planned in [`finish`].
pub fn follow(
    work: &mut Work,
    rules: &Rules,
    event: &Admissible,
    row: RowId,
    subject: &DossierCode,
    standing: Standing,
) -> Result<Effect, Missing> {
    let known = canonical(work, event, subject);
    let late = standing == Standing::Former || late::is_late(work, event, known.as_ref());
    let patch = match &known {
        Some(code) if late => Some(late::patch(work, event, code, standing)?),
        _ => None,
    };
    let is_new = known.is_none();
    let code = open(work, event, subject);
    let Some(dossier) = work.dossiers.get_mut(&code).map(Loaded::edit) else { return Err(Missing) };
    if let Some(sequence) = event.sequence {
        let highest = dossier.sequences.entry(event.key.source.clone()).or_insert(sequence);
        *highest = sequence.max(*highest);
    }
    let mut state = (*dossier.state).clone();
    let mut has_snapshot = false;
    if let Some(patch) = &patch {
        merge(&mut state.fields, patch);
    } else if let Some(result) = late::result(event.name, &event.raw) {
        merge(&mut state.fields, &Map::from_iter([("results".to_owned(), json!([result]))]));
    }
    if let EventData::Dossier(data) = &event.data {
        let raw = event.raw.get("dossier").and_then(Value::as_object);
        match (&patch, raw) {
            (None, Some(raw))
                if data.snapshot == Some(Snapshot::Full) || event.name == EventName::Adopted =>
            {
                state.fields = Map::new();
                merge(&mut state.fields, raw);
            }
            (None, Some(raw)) => merge(&mut state.fields, raw),
            (Some(_), _) | (None, None) => {}
        }
        if data.snapshot == Some(Snapshot::Full) || event.name == EventName::Adopted {
            has_snapshot = true;
            dossier.known = true;
        }
        apply_course(&mut state, event, data, rules, late);
    }
    let unit = state.unit().map(|u| rules.canonical_unit(&u));
    let of_code = || UnitCode::parse(code.unit_part()).ok().map(|u| rules.canonical_unit(&u));
    if let Some(unit) = &unit {
        let before = dossier.unit.clone().or_else(|| if is_new { None } else { of_code() });
        if let Some(before) = before.filter(|before| before != unit) {
            state.former_units.push((before, event.at));
        }
        dossier.unit = Some(unit.clone());
    }
    let (known, id) = (dossier.known, dossier.row);
    let unit = dossier.unit.clone().or_else(of_code);
    let note = if known && !late { advice(&dossier.state, &state) } else { None };
    replace_state(work, &code, state, row);
    if is_new && !known {
        let data = json!({ "code": code, "asked_because": event.name.as_str() });
        out::tell(
            work,
            rules,
            "dossier.snapshot_requested",
            code.as_str(),
            unit.as_ref(),
            code.as_str(),
            data,
        );
    }
    Ok(Effect { planned: 0, dossier: Some(id), unit, late, has_snapshot, note })
}

/// What an event leaves odd about its dossier and was not odd before: told with the event, never a reason to refuse it.
fn advice(before: &DossierState, after: &DossierState) -> Option<String> {
    let known = check::of_event(None, before);
    let is_first = before.fields.is_empty();
    let found = check::of_event(Some(before), after);
    let new = found.into_iter().filter(|check| is_first || !known.contains(check));
    let names: Vec<&str> = new.map(Check::name).collect();
    (!names.is_empty()).then(|| format!("{ADVICE}{}", names.join(",")))
}

/// Status, supplements and the fields that an event states outside `data.dossier`.
fn apply_course(state: &mut DossierState, event: &Admissible, data: &DossierData, rules: &Rules, late: bool) {
    if !late && let Some(status) = event.name.portal_status(data.status, &rules.status) {
        state.before_void = if event.name == EventName::Voided { state.status } else { None };
        // A status that is only said again came when it came; a further request for a supplement is one of its own.
        if state.status != Some(status) || event.name == EventName::SupplementRequested {
            let step = data.step.as_ref().or_else(|| data.steps.iter().max_by_key(|s| s.at));
            state.status_from = Some(match step {
                Some(step) => StatusFrom { at: step.at, content: step.content.clone() },
                None => StatusFrom { at: event.at, content: data.reason.clone().unwrap_or_default() },
            });
        }
        state.status = Some(status);
    }
    if let Some(supplement) = event.raw.get("supplement").and_then(Value::as_object) {
        if late {
            state.merge_late_supplement(supplement);
        } else {
            state.merge_supplement(supplement);
        }
    }
    if late {
        return;
    }
    match event.name {
        EventName::Extended => {
            if let Some(due) = event.raw.get("due_new") {
                state.fields.insert("due_at".into(), due.clone());
            }
        }
        EventName::Transferred => {
            if let Some(unit) = event.raw.get("to_unit") {
                state.fields.insert("unit".into(), unit.clone());
            }
        }
        EventName::Reopened => {
            // What is undone did not happen: its dates would make the portal count an end.
            for field in ["finished_at", "returned_at"] {
                let keeps =
                    field == "finished_at" && data.undoes == Some(crate::event::data::Undoes::Returned);
                if !keeps {
                    state.fields.remove(field);
                }
            }
        }
        EventName::Finished if !state.fields.contains_key("finished_at") => {
            state.fields.insert("finished_at".into(), json!(event.at));
        }
        EventName::Returned if !state.fields.contains_key("returned_at") => {
            state.fields.insert("returned_at".into(), json!(event.at));
        }
        _ => {}
    }
}

/// Gives the dossier a new state; a new version if that changed anything.
pub fn replace_state(work: &mut Work, code: &DossierCode, state: DossierState, event: RowId) -> bool {
    let Some(loaded) = work.dossiers.get_mut(code) else { return false };
    if *loaded.row.state == state {
        return false;
    }
    let dossier = loaded.edit();
    dossier.version += 1;
    let (row, version) = (dossier.row, dossier.version);
    let text = serde_json::to_string(&state).unwrap_or_default();
    dossier.state = Arc::new(state);
    work.new_versions.push(VersionRecord { dossier: row, version, state: text.into(), event });
    true
}

/// The connector instance that a dossier is bound to for a kind of partner; binds it at first use.
pub fn bound(
    work: &mut Work,
    rules: &Rules,
    code: &DossierCode,
    kind: PartnerKind,
    event: &str,
) -> Option<ConnectorId> {
    let loaded = work.dossiers.get_mut(code)?;
    if let Some(bound) = loaded.row.bindings.get(&kind) {
        return Some(bound.clone());
    }
    let unit = loaded.row.unit.clone();
    let procedure = loaded.row.state.procedure().map(str::to_owned);
    let is_known = loaded.row.known;
    let of_code = || UnitCode::parse(code.unit_part()).ok().map(|u| rules.canonical_unit(&u));
    let unit = unit.or_else(|| if is_known { None } else { of_code() });
    let rule = rules
        .route(kind, event, unit.as_ref().map(UnitCode::as_str), procedure.as_deref())
        // What an unknown dossier is about is not known yet: its operations wait where most go, and are not lost.
        .or_else(|| rules.connectors.iter().find(|c| c.kind == kind && !is_known))?;
    loaded.edit().bindings.insert(kind, rule.id.clone());
    Some(rule.id.clone())
}

/// Plans what the portal is told, then wakes what waited for this dossier's snapshot. In this order: the new full
/// state takes the place of a held one at the head of the lane, and the steps follow it.
pub fn finish(
    work: &mut Work,
    rules: &Rules,
    event: &Admissible,
    row: RowId,
    effect: &mut Effect,
) -> Result<(), Missing> {
    let Subject::Dossier(subject) = &event.subject else { return Ok(()) };
    let Some(code) = canonical(work, event, subject) else { return Ok(()) };
    tell_portal(work, rules, event, row, &code, effect)?;
    if effect.has_snapshot { wake_known(work, rules, &code) } else { Ok(()) }
}

/// Wakes everything that waited for a snapshot: the dossier's own lanes and those of its payments. A partner may have
/// asked for another one of a dossier that was known already.
fn wake_known(work: &mut Work, rules: &Rules, code: &DossierCode) -> Result<(), Missing> {
    if !work.scope.payments_of.contains(code) || !work.scope.lanes.contains(&LaneKey::from(code)) {
        work.missing.payments_of.insert(code.clone());
        work.missing.lanes.insert(LaneKey::from(code));
        return Err(Missing);
    }
    let payments = work.payments.values().filter(|p| p.row.subject == *code);
    let mut keys: Vec<LaneKey> = payments.map(|p| LaneKey::from(&p.row.id)).collect();
    keys.push(LaneKey::from(code));
    if let Some(absent) = keys.iter().find(|key| !work.scope.lanes.contains(key.as_str())) {
        work.missing.lanes.insert(absent.clone());
        return Err(Missing);
    }
    let version = work.dossiers.get(code).map_or(0, |d| d.row.version);
    for key in keys {
        wake_snapshot(work, rules, &key, code, version);
    }
    Ok(())
}

/// Plans what the portal is told: the full state if it changed, then the steps. Runs after money and post, whose
/// changes belong to the same state.
fn tell_portal(
    work: &mut Work,
    rules: &Rules,
    event: &Admissible,
    row: RowId,
    code: &DossierCode,
    effect: &mut Effect,
) -> Result<(), Missing> {
    let changed = work.new_versions.iter().any(|v| v.event == row && Some(v.dossier) == effect.dossier)
        || is_wanted(work, code, effect)?;
    let steps = steps_of(work, event, code, effect.late);
    if !changed && steps.is_empty() {
        return Ok(());
    }
    let Some(portal) = bound(work, rules, code, PartnerKind::Portal, event.name.as_str()) else {
        effect.note = Some("no portal connector serves this unit and procedure".into());
        return Ok(());
    };
    let adopted = if let EventData::Dossier(data) = &event.data { data.on_portal } else { None };
    if adopted == Some(OnPortal::Yes) {
        let lane = work.lane(&portal, &LaneKey::from(code)).ok_or(Missing)?;
        lane.edit().acknowledged = true;
    }
    if changed && adopted != Some(OnPortal::Yes) {
        let is_voided = event.name == EventName::Voided;
        let need = is_voided.then(|| Need::Decision(format!("voided:{code}")));
        let lane = &work.lane(&portal, &LaneKey::from(code)).ok_or(Missing)?.row;
        // A state that waits already has to go whatever the portal knows; the question must not stand in for it.
        let is_state = |o: &Operation| !o.state.is_ended() && o.payload.kind() == ActionKind::SyncDossier;
        let may_ask = !lane.acknowledged && !lane.open.iter().any(is_state);
        let payload = match adopted {
            Some(OnPortal::Ask) if may_ask => Payload::AdoptDossier,
            _ => Payload::SyncDossier,
        };
        plan_at_portal(work, rules, &portal, code, row, payload, need)?;
        effect.planned += 1;
    }
    for chunk in steps.chunks(STEPS_PER_OPERATION) {
        let payload = Payload::AppendProgress { steps: chunk.to_vec() };
        plan_at_portal(work, rules, &portal, code, row, payload, None)?;
        effect.planned += 1;
    }
    Ok(())
}

/// Whether a snapshot that says nothing new is sent all the same: its dossier has steps at the portal's lane, but no
/// state is there or on its way, because a person dismissed it.
fn is_wanted(work: &mut Work, code: &DossierCode, effect: &Effect) -> Result<bool, Missing> {
    let bound = work.dossiers.get(code).and_then(|d| d.row.bindings.get(&PartnerKind::Portal).cloned());
    let (true, Some(portal)) = (effect.has_snapshot, bound) else { return Ok(false) };
    let need = Need::Snapshot(code.to_string());
    let lane = &work.lane(&portal, &LaneKey::from(code)).ok_or(Missing)?.row;
    Ok(!lane.acknowledged
        && lane.head().is_some_and(|head| {
            head.payload.kind() == ActionKind::AppendProgress && head.need.as_ref() == Some(&need)
        }))
}

/// Plans one `SyncDossier` of the newest version.
pub fn sync(
    work: &mut Work,
    rules: &Rules,
    portal: &ConnectorId,
    code: &DossierCode,
    event: RowId,
    need: Option<Need>,
) -> Result<RowId, Missing> {
    plan_at_portal(work, rules, portal, code, event, Payload::SyncDossier, need)
}

/// A person decided that a dossier is not void: its status returns, and the portal is told the state as it is now.
pub fn not_void(work: &mut Work, rules: &Rules, code: &DossierCode) -> Result<(), Missing> {
    let key = LaneKey::from(code);
    let Some(dossier) = work.dossier(code).cloned().filter(|_| work.scope.lanes.contains(&key)) else {
        work.missing.dossiers.insert(code.clone());
        work.missing.lanes.insert(key);
        return Err(Missing);
    };
    let mut state = (*dossier.state).clone();
    let Some(before) = state.before_void.take() else { return Ok(()) };
    (state.status, state.status_from) = (Some(before), None);
    replace_state(work, &dossier.code, state, 0);
    let Some(portal) = dossier.bindings.get(&PartnerKind::Portal) else { return Ok(()) };
    sync(work, rules, portal, &dossier.code, 0, None).map(|_| ())
}

/// Plans an operation on a dossier's lane at the portal; held, if the dossier was never told whole.
pub fn plan_at_portal(
    work: &mut Work,
    rules: &Rules,
    portal: &ConnectorId,
    code: &DossierCode,
    event: RowId,
    payload: Payload,
    need: Option<Need>,
) -> Result<RowId, Missing> {
    let Some(dossier) = work.dossiers.get(code).map(|d| d.row.clone()) else {
        work.missing.dossiers.insert(code.clone());
        return Err(Missing);
    };
    let need = need.or_else(|| (!dossier.known).then(|| Need::Snapshot(code.to_string())));
    enqueue(
        work,
        rules,
        Planned {
            connector: portal.clone(),
            key: LaneKey::from(code),
            payload,
            dossier: Some((dossier.row, code.clone(), dossier.version)),
            unit: dossier.unit.clone(),
            event,
            need,
        },
    )
}

/// The steps of an event as the portal is to see them. A late step carries the dossier's present status: what the
/// portal shows never goes back because of it.
fn steps_of(work: &Work, event: &Admissible, code: &DossierCode, late: bool) -> Vec<ProgressStep> {
    let EventData::Dossier(data) = &event.data else { return Vec::new() };
    let present = work.dossiers.get(code).and_then(|d| d.row.state.status);
    let own = match event.name {
        EventName::Adopted | EventName::Reopened => data.status,
        _ if late => None,
        _ => present,
    };
    let status = own.or(present).unwrap_or(PortalStatus::Processing);
    let is_left = |step: &ProgressStep| data.steps_sent_until.is_none_or(|until| step.at > until);
    let mut steps = history(work, code, &data.steps, status, data.step.is_none());
    steps.retain(is_left);
    // Of a late one the dossier's present status is told, whatever it states.
    steps.extend(data.step.iter().map(|s| progress(s, s.status.filter(|_| !late).unwrap_or(status))));
    if let (EventName::Reopened, None, Some(reason)) = (event.name, &data.step, &data.reason) {
        steps.push(ProgressStep {
            at: event.at,
            officer: String::new(),
            title: String::new(),
            department: String::new(),
            content: reason.clone(),
            status,
            started_at: None,
            due_at: None,
        });
    }
    steps
}

/// A history that is brought whole, in the order in which it happened. One end repeated for each of its steps would stop the
/// portal's clock at the first: where a step states no status, the dossier's own dates tell what it was then.
fn history(
    work: &Work,
    code: &DossierCode,
    steps: &[Step],
    status: PortalStatus,
    ends_it: bool,
) -> Vec<ProgressStep> {
    let dossier = work.dossiers.get(code).and_then(|d| d.row.state.dossier().ok()).unwrap_or_default();
    let mut steps: Vec<&Step> = steps.iter().collect();
    steps.sort_by_key(|step| step.at);
    let last = steps.len().saturating_sub(1);
    let then = |(at, step): (usize, &&Step)| {
        let status = if ends_it && at == last { status } else { status_then(&dossier, status, step.at) };
        progress(step, step.status.unwrap_or(status))
    };
    steps.iter().enumerate().map(then).collect()
}

/// What a dossier with these dates, and by now with this status, was at a moment of its history.
fn status_then(dossier: &Dossier, now: PortalStatus, at: Timestamp) -> PortalStatus {
    let is_since = |date: Option<Timestamp>| date.is_some_and(|date| at >= date);
    let is_finished = matches!(now, PortalStatus::Finished | PortalStatus::Returned);
    match () {
        () if now == PortalStatus::Returned && is_since(dossier.returned_at) => PortalStatus::Returned,
        () if is_finished && is_since(dossier.finished_at) => PortalStatus::Finished,
        () if dossier.received_at.is_none_or(|received| at < received) => PortalStatus::Registered,
        () if dossier.received_at == Some(at) => PortalStatus::Received,
        () => PortalStatus::Processing,
    }
}

fn progress(step: &Step, status: PortalStatus) -> ProgressStep {
    ProgressStep {
        at: step.at,
        officer: step.officer.clone(),
        title: step.title.clone(),
        department: step.department.clone(),
        content: step.content.clone(),
        status,
        started_at: step.started_at,
        due_at: step.due_at,
    }
}

/// An answer to a citizen's question has to reach the portal; no connector carries it yet.
pub fn answer_question(
    work: &mut Work,
    rules: &Rules,
    event: &Admissible,
    row: RowId,
    effect: &mut Effect,
) -> Result<(), Missing> {
    let EventData::Question(question) = &event.data else { return Ok(()) };
    if !is_unassigned(event.name) {
        return Ok(());
    }
    let key = derived("Q-", &["question", &question.question_id], 30);
    let Ok(key) = LaneKey::parse(&key) else { return Ok(()) };
    let wanted = event.name.as_str().to_owned();
    let need = Need::Action(wanted.clone());
    let dossier = match &event.subject {
        Subject::Dossier(subject) => work.dossier(subject).map(|d| (d.row, d.code.clone(), d.version)),
        Subject::Unit(_) => None,
    };
    enqueue(
        work,
        rules,
        Planned {
            connector: unassigned(),
            key,
            payload: Payload::Unassigned { wanted },
            dossier,
            unit: effect.unit.clone(),
            event: row,
            need: Some(need),
        },
    )?;
    effect.planned += 1;
    effect.note = None;
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_unassigned_connector_has_a_name_in_the_grammar() {
        assert_eq!(super::unassigned().as_str(), super::UNASSIGNED);
    }
}
