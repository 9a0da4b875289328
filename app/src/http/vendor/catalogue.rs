//! The portal's catalogues for vendors, from what was pulled: the same rows. A list that we do not have is refused: known
//! clients switch off what an empty one does not name.

use axum::{http::StatusCode, response::Response};
use lienthong_connectors::dvcqg;
use lienthong_core::{
    catalogue::{Entry, EntryFilter, PROCEDURE_DETAILS, drift::forms},
    id::ConnectorId,
    port::store::StoreError,
};
use serde_json::{Value, json};

use super::{Vendor, answer};
use crate::http::AppState;

/// More rows than any list has.
const ALL: i64 = 200_000;

/// Answers a read of a catalogue. `code`: of which procedure.
pub(super) async fn read(
    state: &AppState,
    vendor: &Vendor,
    service: &str,
    code: &str,
    is_envelope: bool,
) -> Result<Response, StoreError> {
    let list = dvcqg::catalogue_of(service);
    let Some((connector, list)) = vendor.portal.as_ref().map(|(id, _)| id).zip(list) else {
        return Ok(answer::refuse(StatusCode::OK, "vendor-service", &answer::cut(service)));
    };
    let is_one = list == PROCEDURE_DETAILS;
    let entries =
        if is_one { one(state, connector, code).await? } else { all(state, connector, list).await? };
    if entries.is_empty() {
        return Ok(answer::refuse(StatusCode::OK, "vendor-catalogue", &answer::cut(service)));
    }
    let rows: Vec<Value> =
        entries.iter().filter_map(|entry| serde_json::from_str(&entry.content).ok()).collect();
    // One service has its rows one level below.
    let result = if service == "LayDVC" { json!({ "data": rows }) } else { json!(rows) };
    Ok(answer::read(&result, is_envelope))
}

async fn all(state: &AppState, connector: &ConnectorId, list: String) -> Result<Vec<Entry>, StoreError> {
    let filter = EntryFilter {
        connector: connector.clone(),
        list,
        code: None,
        withdrawn: false,
        after: String::new(),
        limit: ALL,
    };
    state.engine.store.catalogue_entries(&filter).await
}

/// A procedure by its code, with or without the suffix of a unit.
async fn one(state: &AppState, connector: &ConnectorId, code: &str) -> Result<Vec<Entry>, StoreError> {
    for form in forms(code) {
        let filter = EntryFilter {
            connector: connector.clone(),
            list: PROCEDURE_DETAILS.to_owned(),
            code: Some(form.to_owned()),
            withdrawn: false,
            after: String::new(),
            limit: 1,
        };
        let found = state.engine.store.catalogue_entries(&filter).await?;
        if !found.is_empty() {
            return Ok(found);
        }
    }
    Ok(Vec::new())
}
