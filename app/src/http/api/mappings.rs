//! `/v1/mappings`: what our codes mean at a partner: looked at, suggested, confirmed, withdrawn by a person.

use axum::{
    Extension, Json,
    extract::{State, rejection::JsonRejection},
    http::StatusCode,
};
use jiff::civil::Date;
use lienthong_core::{
    catalogue::{Mapping, Table, Word, similar::Suggestion},
    flow::mapping::{self, Confirmed, Wanted, Withdrawn},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, Asked, Number, catalogue::connector, operations::checked_reason};
use crate::http::{AppState, auth::Caller, codes, error::ApiError, json::rfc3339};

/// Which mappings.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct WantedMappings {
    connector: String,
    table: String,
    local: String,
    name: String,
    withdrawn: bool,
}

impl WantedMappings {
    fn table(&self) -> Result<Option<Table>, ApiError> {
        match self.table.trim() {
            "" => Ok(None),
            name => {
                Table::from_name(name).map(Some).ok_or_else(|| ApiError::bad("value_unknown", "table", name))
            }
        }
    }
}

/// The confirmed mappings.
pub async fn list(State(state): State<AppState>, Asked(wanted): Asked<WantedMappings>) -> Answer {
    let (connector, table) = (connector(&state, &wanted.connector)?, wanted.table()?);
    let all = codes::mappings(&state, &connector, wanted.withdrawn).await?;
    let local = wanted.local.trim();
    let shown = all
        .iter()
        .filter(|m| table.is_none_or(|table| m.table == table) && (local.is_empty() || m.local == local));
    Ok(Json(json!({ "mappings": shown.map(row).collect::<Vec<_>>(), "next": null })))
}

fn row(mapping: &Mapping) -> Value {
    let word = |word: &Word| json!({ "by": word.by, "at": rfc3339(word.at), "reason": word.reason });
    json!({
        "id": mapping.id, "connector": mapping.connector, "table": mapping.table, "local": mapping.local,
        "national": mapping.national, "name": mapping.name, "from": mapping.from, "until": mapping.until,
        "confirmed": word(&mapping.confirmed), "withdrawn": mapping.withdrawn.as_ref().map(word),
    })
}

/// What a code of ours might mean; without a code: for all that operations wait for.
pub async fn suggest(State(state): State<AppState>, Asked(wanted): Asked<WantedMappings>) -> Answer {
    let (connector, table) = (connector(&state, &wanted.connector)?, wanted.table()?);
    let waiting = codes::waiting(&state, &connector).await?;
    let (local, name) = (wanted.local.trim(), wanted.name.trim());
    let mut out = Vec::new();
    let mut asked: Vec<(Table, String, String, i64)> = Vec::new();
    for one in waiting {
        let is_it = table.is_none_or(|table| one.table == table) && (local.is_empty() || one.local == local);
        if is_it {
            let name = if name.is_empty() { one.name } else { name.to_owned() };
            asked.push((one.table, one.local, name, one.operations));
        }
    }
    if asked.is_empty() && !(local.is_empty() && name.is_empty()) {
        asked.push((table.unwrap_or(Table::Procedure), local.to_owned(), name.to_owned(), 0));
    }
    for table in Table::ALL {
        let of_table = || asked.iter().filter(|(of, ..)| *of == table);
        if of_table().next().is_none() {
            continue;
        }
        let candidates = codes::candidates(&state, &connector, table).await?;
        for (_, local, name, operations) in of_table() {
            let found = codes::suggestions(&candidates, local, name);
            out.push(json!({ "table": table, "local": local, "name": name, "waiting": operations,
                "suggestions": found.iter().map(suggestion).collect::<Vec<_>>() }));
        }
    }
    Ok(Json(json!({ "connector": connector, "codes": out })))
}

fn suggestion(one: &Suggestion) -> Value {
    json!({ "national": one.code, "name": one.name, "score": one.score })
}

/// What a person confirms, and why.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Confirmation {
    connector: String,
    table: String,
    local: String,
    national: String,
    from: Option<Date>,
    until: Option<Date>,
    reason: String,
}

/// Confirms a mapping.
pub async fn confirm(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    body: Result<Json<Confirmation>, JsonRejection>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let Json(said) = body.map_err(|r| ApiError::bad("body_unreadable", "body", r.body_text()))?;
    let reason = checked_reason(&said.reason).ok_or_else(|| ApiError::bad("reason_missing", "reason", ""))?;
    let table = Table::from_name(said.table.trim())
        .ok_or_else(|| ApiError::bad("value_unknown", "table", &said.table))?;
    let wanted = Wanted {
        connector: connector(&state, &said.connector)?,
        table,
        local: said.local.trim().to_owned(),
        national: said.national.trim().to_owned(),
        from: said.from,
        until: said.until,
    };
    match mapping::confirm(&state.engine, wanted, &caller.subject, &reason).await? {
        Confirmed::Done(id, woken) => {
            Ok((StatusCode::CREATED, Json(json!({ "result": "confirmed", "id": id, "woken": woken }))))
        }
        Confirmed::Known(id) => {
            Ok((StatusCode::OK, Json(json!({ "result": "known", "id": id, "woken": 0 }))))
        }
        Confirmed::Clashes(other) => Err(ApiError {
            what: format!("#{} {} → {}", other.id, other.local, other.national),
            field: Some("local".into()),
            ..ApiError::new(StatusCode::CONFLICT, "mapping_clashes")
        }),
        Confirmed::NotInCatalogue => Err(ApiError::bad("not_in_catalogue", "national", said.national)),
        Confirmed::Impossible(field) => Err(ApiError::bad("value_unknown", field, "")),
    }
}

/// Why somebody withdraws one.
#[derive(Debug, Default, Deserialize)]
pub struct Because {
    #[serde(default)]
    reason: String,
}

/// Withdraws a mapping.
pub async fn withdraw(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Number(id): Number,
    body: Result<Json<Because>, JsonRejection>,
) -> Answer {
    let Json(because) = body.map_err(|r| ApiError::bad("body_unreadable", "body", r.body_text()))?;
    let reason =
        checked_reason(&because.reason).ok_or_else(|| ApiError::bad("reason_missing", "reason", ""))?;
    match mapping::withdraw(&state.engine, id, &caller.subject, &reason).await? {
        Withdrawn::Done | Withdrawn::Before => Ok(Json(json!({ "result": "withdrawn", "id": id }))),
        Withdrawn::NotFound => Err(ApiError::not_found("no_such_mapping", id.to_string())),
    }
}
