//! `TraCuuHoSo`: where a dossier stands, from what we know: what the portal has acknowledged, what waits and why.

use axum::response::Response;
use jiff::Timestamp;
use lienthong_core::{
    clock::compact,
    id::DossierCode,
    operation::{ActionKind, OperationState},
    plan::rules::PartnerKind,
    port::{store::StoreError, views::OperationView},
};
use serde_json::{Value, json};

use super::{
    Vendor, answer,
    statement::{Known, known},
};
use crate::{
    http::{AppState, advice},
    i18n::Locale,
};

/// Everything that was said has reached the portal.
const THERE: &str = "DA_GHI_NHAN";
/// Something is on its way.
const WAITS: &str = "DANG_CHO";
/// Somebody has to act.
const STUCK: &str = "VUONG_MAC";

/// Answers a look-up: a row, or none.
pub(super) async fn look_up(
    state: &AppState,
    vendor: &Vendor,
    code: &str,
    is_envelope: bool,
) -> Result<Response, StoreError> {
    let Ok(code) = DossierCode::parse(code) else { return Ok(answer::read(&json!([]), is_envelope)) };
    let Some(known) = known(state, vendor, &code).await? else {
        return Ok(answer::read(&json!([]), is_envelope));
    };
    // Steps alone are no dossier: whoever asks has to bring it first.
    if !known.timeline.known {
        return Ok(answer::read(&json!([]), is_envelope));
    }
    let conditions = state.engine.store.conditions().await?;
    let shut = |operation: &OperationView| {
        conditions.iter().find(|c| c.is_shut() && c.connector.as_str() == operation.connector)
    };
    let at_portal = |operation: &&OperationView| {
        let mut members = state.engine.members.iter();
        members.any(|(id, m)| id.as_str() == operation.connector && m.manifest.kind == PartnerKind::Portal)
    };
    let operations: Vec<&OperationView> = known.timeline.operations.iter().filter(at_portal).collect();
    let is_open = |o: &&&OperationView| OperationState::from_name(&o.state).is_some_and(|s| !s.is_ended());
    let open: Vec<&OperationView> = operations.iter().filter(is_open).copied().collect();
    let head = open.iter().find(|operation| operation.is_head);
    let matter = head.and_then(|head| advice::of_operation(head, shut(head)));
    let stands = match &matter {
        _ if open.is_empty() => THERE,
        Some(advice) if advice.needs_person => STUCK,
        _ => WAITS,
    };
    let why = matter
        .map(|advice| [advice.why(Locale::Vi), advice.who(Locale::Vi), advice.next(Locale::Vi)].join(" "));
    let row = row(&code, &known, acknowledged(&operations), stands, open.len(), why);
    Ok(answer::read(&json!([row]), is_envelope))
}

/// The status that the portal has acknowledged last, and when.
fn acknowledged(operations: &[&OperationView]) -> Option<(Value, i64)> {
    let is_state = |o: &&&OperationView| o.action == ActionKind::SyncDossier.name();
    let done = operations.iter().filter(is_state).filter(|o| o.state == OperationState::Succeeded.name());
    let last = done.max_by_key(|o| o.ended_us)?;
    let proof: Value = serde_json::from_str(last.proof.as_deref()?).ok()?;
    let status = proof.pointer("/facts/portal_status").cloned().unwrap_or(Value::Null);
    Some((status, last.ended_us?))
}

fn row(
    code: &DossierCode,
    known: &Known,
    acknowledged: Option<(Value, i64)>,
    stands: &str,
    open: usize,
    why: Option<String>,
) -> Value {
    let fields = &known.state.fields;
    let text = |pointer: &str| {
        let value = Value::Object(fields.clone());
        value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let moment = |name: &str| {
        let at = fields.get(name).and_then(Value::as_str).and_then(|at| at.parse::<Timestamp>().ok());
        at.map(compact).unwrap_or_default()
    };
    let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let status = known.state.status.map(|s| s.code().to_string()).unwrap_or_default();
    let there = acknowledged.as_ref().filter(|(status, _)| !status.is_null());
    let since = acknowledged.as_ref().and_then(|(_, at)| Timestamp::from_microsecond(*at).ok());
    json!({
        "MAHOSO": code, "MATTHC": text("/procedure/code"), "TENTTHC": text("/procedure/name"),
        "DONVIXULY": text("/unit/name"), "TRANGTHAIHOSO": status,
        "NGAYTIEPNHAN": moment("received_at"), "NGAYHENTRA": moment("due_at"),
        "TRANGTHAITAICONG": there.map(|(status, _)| plain(status)).unwrap_or_default(),
        "NGAYGHINHAN": since.map(compact).unwrap_or_default(),
        "TINHTRANG": stands, "SOVIECCHO": open.to_string(), "LYDO": why.unwrap_or_default(),
    })
}
