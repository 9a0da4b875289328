//! The console: plain pages for people who answer for it. No script, one style sheet, Vietnamese with an English switch.

mod catalogue;
mod dossier;
mod edit;
mod inbound;
mod index;
mod lanes;
mod login;
pub mod notice;
mod operation;
pub mod operations;
mod partner;
mod province;
mod quarantine;
mod reconcile;
mod replays;
mod restore;
mod sheet;
pub mod shell;
mod timeline;
pub mod when;
pub mod words;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware::{from_fn_with_state, map_request_with_state},
    routing::{get, post},
};

use super::{AppState, auth::Scope, guard};

/// A form of ours is a reason and a few hidden fields.
const LARGEST_FORM: usize = 16 * 1024;

/// The console's routes, grouped by what a visitor must be allowed.
pub fn routes(state: &AppState) -> Router<AppState> {
    let guarded = |routes: Router<AppState>, scope: Scope| {
        routes.route_layer(from_fn_with_state((state.clone(), scope), guard::console))
    };
    let open = Router::new()
        .route("/login", get(login::arrive).post(login::enter))
        .route("/logout", post(login::leave));
    let read = Router::new()
        .route("/", get(province::page))
        .route("/ho-so", get(dossier::search))
        .route("/ho-so/{code}", get(dossier::page))
        .route("/thao-tac", get(operations::page))
        .route("/thao-tac/{id}", get(operation::page))
        .route("/luong", get(lanes::page))
        .route("/luong/{id}", get(lanes::one))
        .route("/phuc-hoi", get(restore::page))
        .route("/doi-tac/{id}", get(partner::page))
        .route("/gui-lai", get(replays::list))
        .route("/gui-lai/{id}", get(replays::page))
        .route("/chi-so", get(index::page))
        .route("/chi-so.csv", get(index::csv))
        .route("/chi-so.xlsx", get(index::xlsx))
        .route("/ban-sang", get(sheet::page))
        .route("/ban-sang.csv", get(sheet::csv))
        .route("/ban-sang.xlsx", get(sheet::xlsx))
        .route("/danh-muc", get(catalogue::page))
        .route("/tu-cong", get(inbound::page))
        .route("/doi-soat", get(reconcile::page))
        .route("/doi-soat/{id}", get(reconcile::one))
        .route("/cach-ly", get(quarantine::list))
        .route("/cach-ly/{id}", get(quarantine::page));
    let operate = Router::new()
        .route("/thao-tac/{id}/lam-lai", post(operation::retry))
        .route("/thao-tac/{id}/bo-qua", post(operation::dismiss))
        .route(
            "/thao-tac/{id}/sua",
            get(edit::page).post(edit::send).layer(DefaultBodyLimit::max(edit::LARGEST_FORM)),
        )
        .route("/phuc-hoi/cho-gui", post(restore::release))
        .route("/gui-lai/{id}/{order}", post(replays::order))
        .route("/danh-muc/lay-lai", post(catalogue::pull))
        .route("/danh-muc/xac-nhan", post(catalogue::confirm))
        .route("/danh-muc/{id}/thu-hoi", post(catalogue::withdraw))
        .route("/doi-soat", post(reconcile::start))
        .route("/doi-soat/{id}/{wish}", post(reconcile::act))
        .route("/su-co/{id}/dong", post(province::close))
        .route("/doi-tac/{id}/tam-ngung", post(partner::hold))
        .route("/doi-tac/{id}/gui-lai", post(partner::release))
        .route("/doi-tac/{id}/thu", post(partner::trial))
        .route("/cach-ly/{id}/dong", post(quarantine::close));
    open.merge(guarded(read, Scope::Read))
        .merge(guarded(operate, Scope::Operate))
        .route_layer(map_request_with_state(state.clone(), shell::choose_language))
        .layer(DefaultBodyLimit::max(LARGEST_FORM))
}
