//! The JSON API, `/v1`: the same things as the command line and the console. One file per subject.
//!
//! Every view comes as `json::shown` makes it. Lists answer `{"<things>": [..], "next": number|null}`; errors
//! `{"error": {"code", "message_vi", "message_en", "field"?}}`.

mod catalogue;
mod closing;
mod dead;
mod discrepancies;
mod dossiers;
pub(super) mod editing;
mod events;
mod feed;
mod files;
pub(super) mod inbound;
mod incidents;
mod index;
pub(super) mod lanes;
mod mappings;
pub(super) mod operations;
pub(super) mod partners;
mod quarantine;
mod reconciliations;
mod replays;
mod restore;
mod retention;
pub(super) mod sheet;
mod status;

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, FromRequestParts, Path, Query},
    http::{StatusCode, request::Parts},
    middleware::from_fn_with_state,
    routing::{get, post},
};
use serde::de::DeserializeOwned;
use serde_json::Value;

pub(super) use events::longest_body;

use super::{AppState, auth::Scope, error::ApiError, guard};

/// What a handler answers.
type Answer = Result<Json<Value>, ApiError>;

/// At most this many rows of a list.
const LONGEST_PAGE: i64 = 500;

/// A wanted page length within reason.
fn page(limit: Option<i64>) -> i64 {
    limit.unwrap_or(100).clamp(1, LONGEST_PAGE)
}

/// The API's routes, grouped by what a caller must be allowed.
pub fn routes(state: &AppState) -> Router<AppState> {
    let guarded = |routes: Router<AppState>, scope: Scope| {
        routes.route_layer(from_fn_with_state((state.clone(), scope), guard::api))
    };
    let read = Router::new()
        .route("/status", get(status::status))
        .route("/ledgers", get(status::ledgers))
        .route("/dossiers/{code}", get(dossiers::timeline))
        .route("/operations", get(operations::list))
        .route("/operations/{id}", get(operations::show))
        .route("/lanes", get(lanes::list))
        .route("/lanes/{id}", get(lanes::show))
        .route("/incidents", get(incidents::list))
        .route("/restore", get(restore::status))
        .route("/retention", get(retention::list))
        .route("/partners", get(partners::list))
        .route("/partners/{id}", get(partners::show))
        .route("/quarantine", get(quarantine::list))
        .route("/quarantine/{id}", get(quarantine::show))
        .route("/dead", get(dead::count))
        .route("/reconciliations", get(reconciliations::list))
        .route("/discrepancies", get(discrepancies::list))
        .route("/discrepancies/{id}", get(discrepancies::show))
        .route("/catalogue", get(catalogue::show))
        .route("/catalogue/entries", get(catalogue::entries))
        .route("/catalogue/drift", get(catalogue::drift))
        .route("/mappings", get(mappings::list))
        .route("/mappings/suggestions", get(mappings::suggest))
        .route("/replays", get(replays::list))
        .route("/replays/{id}", get(replays::show))
        .route("/replays/{id}/items", get(replays::items))
        .route("/index", get(index::show))
        .route("/index/compare", post(index::compare_with).layer(DefaultBodyLimit::max(index::LARGEST)))
        .route("/inbound", get(inbound::list))
        .route("/inbound/{id}", get(inbound::show))
        .route("/files/{id}", get(files::show))
        .route("/sheet", get(sheet::show))
        .route("/events", get(feed::feed));
    let publish = Router::new()
        .route("/events", post(events::publish))
        .layer(DefaultBodyLimit::max(longest_body(state)));
    let operate = Router::new()
        .route("/operations/{id}/retry", post(operations::retry))
        .route("/operations/{id}/dismiss", post(operations::dismiss))
        .route("/operations/{id}/payload", get(editing::payload))
        .route("/operations/{id}/edit", post(editing::edit))
        .route("/ledgers/audit", post(status::audit))
        .route("/index/refresh", post(index::refresh))
        .route("/index/entered", post(index::enter))
        .route("/restore/release", post(restore::release))
        .route("/replays", post(replays::plan))
        .route("/replays/{id}/start", post(replays::start))
        .route("/replays/{id}/pause", post(replays::pause))
        .route("/replays/{id}/resume", post(replays::resume))
        .route("/replays/{id}/cancel", post(replays::cancel))
        .route("/reconciliations", post(reconciliations::start))
        .route("/discrepancies/{id}/{wish}", post(discrepancies::act))
        .route("/catalogue/pull", post(catalogue::pull))
        .route("/mappings", post(mappings::confirm))
        .route("/mappings/{id}/withdraw", post(mappings::withdraw))
        .route("/incidents/{id}/close", post(closing::incident))
        .route("/partners/{id}/hold", post(partners::hold))
        .route("/partners/{id}/release", post(partners::release))
        .route("/partners/{id}/trial", post(partners::trial))
        .route("/quarantine/{id}/close", post(closing::entry))
        .route("/dead/admit", post(dead::admit));
    guarded(read, Scope::Read).merge(guarded(publish, Scope::Publish)).merge(guarded(operate, Scope::Operate))
}

/// The number at the end of an address; anything else is an address that does not exist.
pub struct Number(pub i64);

impl<S: Send + Sync> FromRequestParts<S> for Number {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let path = Path::<i64>::from_request_parts(parts, state).await;
        path.map(|Path(number)| Self(number))
            .map_err(|_| ApiError::new(StatusCode::NOT_FOUND, "no_such_address"))
    }
}

/// A query string that is refused in our words.
pub struct Asked<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let asked = Query::<T>::from_request_parts(parts, state).await;
        asked
            .map(|Query(asked)| Self(asked))
            .map_err(|rejection| ApiError::bad("query_unreadable", "query", rejection.body_text()))
    }
}
