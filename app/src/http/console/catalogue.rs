//! `/danh-muc`: the portal's catalogue, what drifts, and the mappings that a person confirms or withdraws.

use askama::Template;
use axum::{
    Extension, Form,
    extract::{Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect, Response},
};
use jiff::{SignedDuration, civil::Date};
use lienthong_core::{
    catalogue::{Mapping, Table},
    clock::later,
    flow::{
        catalogue,
        mapping::{self, Confirmed, Wanted, Withdrawn},
    },
    id::ConnectorId,
    port::store::StoreError,
};
use serde::Deserialize;

use super::{
    notice,
    operation::Shown,
    shell::{Section, Shell, Visit, page as rendered},
    when::When,
};
use crate::http::{
    AppState,
    api::{Number, operations::checked_reason},
    auth::{Caller, Scope},
    codes, mask,
    session::is_our_form,
};

/// Changes shown.
const CHANGES: usize = 50;
/// They are shown for so long.
const DAYS: i64 = 30;

struct ListRow {
    name: String,
    partner: String,
    rows: String,
    version: i64,
    held_back: i64,
    changed: When,
    pulled: When,
}

struct BrokenRow {
    table: String,
    local: String,
    national: String,
    name: String,
    why: String,
}

struct WaitingRow {
    connector: String,
    table: &'static str,
    table_name: String,
    local: String,
    name: String,
    operations: i64,
    /// Code, name, how alike in percent.
    suggestions: Vec<(String, String, u16)>,
}

struct MappingRow {
    id: i64,
    table: String,
    local: String,
    national: String,
    name: String,
    days: String,
    word: String,
}

struct ChangeRow {
    at: When,
    list: String,
    kind: String,
    entry: String,
}

#[derive(Template)]
#[template(path = "catalogue.html")]
struct Page {
    s: Shell,
    may: bool,
    running: bool,
    lists: Vec<ListRow>,
    broken: Vec<BrokenRow>,
    waiting: Vec<WaitingRow>,
    mappings: Vec<MappingRow>,
    changes: Vec<ChangeRow>,
    connectors: Vec<String>,
    result: Option<(String, &'static str)>,
}

/// The page.
pub async fn page(State(state): State<AppState>, visit: Visit, Query(shown): Query<Shown>) -> Response {
    match told(&state, &visit, &shown).await {
        Ok(page) => rendered(StatusCode::OK, &page),
        Err(error) => notice::store_failed(&visit, &error),
    }
}

async fn told(state: &AppState, visit: &Visit, shown: &Shown) -> Result<Page, StoreError> {
    let w = visit.w;
    let standings = codes::standing(state).await?;
    let since = later(state.engine.clock.now(), SignedDuration::from_hours(-24 * DAYS));
    let mut page = Page {
        s: visit.shell(Section::Catalogue, w.t("nav-catalogue")),
        may: visit.may(Scope::Operate),
        running: standings.iter().any(|standing| standing.progress.run.is_some()),
        lists: Vec::new(),
        broken: Vec::new(),
        waiting: Vec::new(),
        mappings: Vec::new(),
        changes: Vec::new(),
        connectors: standings.iter().map(|standing| standing.connector.to_string()).collect(),
        result: match shown.kq.as_str() {
            "" => None,
            "done" => Some((w.t("catalogue-noted"), "good")),
            other => Some((w.name("catalogue-failed", other), "bad")),
        },
    };
    for standing in &standings {
        let connector = &standing.connector;
        page.lists.extend(standing.lists.iter().map(|head| ListRow {
            name: w.name("list", &head.list),
            partner: connector.to_string(),
            rows: w.num(&head.rows),
            version: head.version,
            held_back: head.held_back,
            changed: visit.when(head.changed_at.as_microsecond()),
            pulled: visit.when(head.pulled_at.as_microsecond()),
        }));
        let (changes, broken) = codes::drift(state, connector, None, since).await?;
        page.broken.extend(broken.into_iter().map(|one| BrokenRow {
            table: w.name("table", one.bound.table.name()),
            local: one.bound.local,
            national: one.bound.national,
            name: one.name,
            why: w.name("broken", one.why.name()),
        }));
        page.changes.extend(changes.into_iter().take(CHANGES).map(|change| ChangeRow {
            at: visit.when(change.at.as_microsecond()),
            list: w.name("list", &change.list),
            kind: w.name("change", change.kind.name()),
            entry: format!("{} {}", change.code, change.name),
        }));
        page.waiting.extend(waiting(state, visit, connector).await?);
        let mappings = codes::mappings(state, connector, false).await?;
        page.mappings.extend(mappings.into_iter().map(|mapping| row(visit, mapping)));
    }
    Ok(page)
}

async fn waiting(
    state: &AppState,
    visit: &Visit,
    connector: &ConnectorId,
) -> Result<Vec<WaitingRow>, StoreError> {
    let (all, mut out) = (codes::waiting(state, connector).await?, Vec::new());
    for table in Table::ALL {
        let of_table: Vec<_> = all.iter().filter(|one| one.table == table).collect();
        if of_table.is_empty() {
            continue;
        }
        let candidates = codes::candidates(state, connector, table).await?;
        out.extend(of_table.into_iter().map(|one| {
            let found = codes::suggestions(&candidates, &one.local, &one.name);
            WaitingRow {
                connector: connector.to_string(),
                table: table.name(),
                table_name: visit.w.name("table", table.name()),
                local: one.local.clone(),
                name: one.name.clone(),
                operations: one.operations,
                suggestions: found.into_iter().map(|s| (s.code, s.name, s.score / 10)).collect(),
            }
        }));
    }
    Ok(out)
}

fn row(visit: &Visit, mapping: Mapping) -> MappingRow {
    let day = |day: Option<Date>| day.map(|day| day.to_string()).unwrap_or_default();
    let at = visit.when(mapping.confirmed.at.as_microsecond()).exact;
    MappingRow {
        id: mapping.id,
        table: visit.w.name("table", mapping.table.name()),
        days: if mapping.from.or(mapping.until).is_none() {
            String::new()
        } else {
            format!("{} – {}", day(mapping.from), day(mapping.until))
        },
        word: mask::free(&format!("{at} {}: {}", mapping.confirmed.by, mapping.confirmed.reason)),
        local: mapping.local,
        national: mapping.national,
        name: mapping.name,
    }
}

fn back(code: &str) -> Response {
    Redirect::to(&format!("/danh-muc?kq={code}")).into_response()
}

/// The form: what means what, and why.
#[derive(Debug, Deserialize)]
pub struct Confirmation {
    form_token: String,
    connector: String,
    table: String,
    local: String,
    /// A suggestion.
    #[serde(default)]
    national: String,
    /// Typed by hand: goes before a suggestion.
    #[serde(default)]
    other: String,
    #[serde(default)]
    from: String,
    #[serde(default)]
    until: String,
    #[serde(default)]
    reason: String,
}

impl Confirmation {
    fn wanted(&self, state: &AppState) -> Option<Wanted> {
        let day = |text: &str| match text.trim() {
            "" => Some(None),
            text => text.parse().ok().map(Some),
        };
        let national = if self.other.trim().is_empty() { &self.national } else { &self.other };
        Some(Wanted {
            connector: codes::chosen(state, &self.connector)?,
            table: Table::from_name(&self.table)?,
            local: self.local.trim().to_owned(),
            national: national.trim().to_owned(),
            from: day(&self.from)?,
            until: day(&self.until)?,
        })
    }
}

/// Confirms a mapping.
pub async fn confirm(
    State(state): State<AppState>,
    visit: Visit,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    Form(said): Form<Confirmation>,
) -> Response {
    if !is_our_form(&headers, &state, &said.form_token) {
        return notice::foreign_form(&visit);
    }
    let Some(reason) = checked_reason(&said.reason) else { return back("reason") };
    let Some(wanted) = said.wanted(&state) else { return back("value") };
    match mapping::confirm(&state.engine, wanted, &caller.subject, &reason).await {
        Ok(Confirmed::Done(..) | Confirmed::Known(_)) => back("done"),
        Ok(Confirmed::Clashes(_)) => back("clash"),
        Ok(Confirmed::NotInCatalogue) => back("unknown"),
        Ok(Confirmed::Impossible(_)) => back("value"),
        Err(error) => notice::store_failed(&visit, &error),
    }
}

/// The form: a reason.
#[derive(Debug, Deserialize)]
pub struct Wish {
    form_token: String,
    #[serde(default)]
    connector: String,
    #[serde(default)]
    reason: String,
}

/// Withdraws a mapping.
pub async fn withdraw(
    State(state): State<AppState>,
    visit: Visit,
    Extension(caller): Extension<Caller>,
    Number(id): Number,
    headers: HeaderMap,
    Form(wish): Form<Wish>,
) -> Response {
    if !is_our_form(&headers, &state, &wish.form_token) {
        return notice::foreign_form(&visit);
    }
    let Some(reason) = checked_reason(&wish.reason) else { return back("reason") };
    match mapping::withdraw(&state.engine, id, &caller.subject, &reason).await {
        Ok(Withdrawn::Done | Withdrawn::Before) => back("done"),
        Ok(Withdrawn::NotFound) => back("value"),
        Err(error) => notice::store_failed(&visit, &error),
    }
}

/// Has the catalogue pulled.
pub async fn pull(
    State(state): State<AppState>,
    visit: Visit,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    Form(wish): Form<Wish>,
) -> Response {
    if !is_our_form(&headers, &state, &wish.form_token) {
        return notice::foreign_form(&visit);
    }
    let Some(connector) = codes::chosen(&state, &wish.connector) else { return back("value") };
    match catalogue::want(&state.engine, &connector, &caller.subject, false).await {
        Ok(_) => back("done"),
        Err(error) => notice::store_failed(&visit, &error),
    }
}
