//! Everything that listens on HTTP: the JSON API, partners' callbacks and what they send by themselves, health and metrics, the console.
//! Handlers only ask the engine, the store and the views; none opens a transaction or spawns a task.

pub mod advice;
pub mod api;
pub mod assets;
pub mod auth;
pub mod callbacks;
pub mod codes;
pub mod console;
pub mod difference;
pub mod edge;
pub mod error;
pub mod guard;
pub mod health;
pub mod inbound;
pub mod index;
pub mod json;
pub mod lanes;
pub mod mask;
pub mod reconciled;
pub mod restored;
pub mod session;
pub mod sheet;
pub mod summary;
#[cfg(test)]
mod tests;
pub mod vendor;

use axum::Router;
use lienthong_core::{flow::engine::Engine, port::views::Views};
use metrics_exporter_prometheus::PrometheusHandle;
use std::sync::Arc;
use tokio::sync::watch;

use crate::i18n::Locale;

/// What the handlers work with.
#[derive(Clone)]
pub struct AppState {
    /// The engine: store, connectors, rules, clock.
    pub engine: Arc<Engine>,
    /// The read-only questions.
    pub views: Arc<dyn Views>,
    /// Issues and checks tokens.
    pub auth: auth::Auth,
    /// Where `/metrics` comes from; none: metrics are switched off.
    pub metrics: Option<PrometheusHandle>,
    /// Whether the parts work, as the process sees it.
    pub health: watch::Receiver<Health>,
    /// What pages show of the installation.
    pub display: Display,
    /// How the broker is reached; none: this installation uses none.
    pub broker: Option<Arc<crate::broker::Settings>>,
    /// Reports of the index that were made a moment ago.
    pub index: Arc<index::Kept>,
    /// One-stop systems that call us as the gateway they know.
    pub vendors: Arc<vendor::Vendors>,
}

/// Whether the parts of the process work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// Whether the broker is connected; none: this installation uses none.
    pub broker: Option<bool>,
    /// Whether the store answers.
    pub store: bool,
    /// In words, for the log and `/readyz`; no secrets, no personal data.
    pub detail: String,
}

impl Health {
    /// Whether events can be taken in: the store works, and the broker where one is used.
    pub fn is_ready(&self) -> bool {
        self.store && self.broker != Some(false)
    }
}

/// What pages and out-events say of the installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Display {
    /// The short name, as in the `source` of out-events, e.g. `h99`.
    pub installation: String,
    /// The installation's name, e.g. "Tỉnh Mẫu".
    pub name: String,
    /// The language where the visitor chose none.
    pub locale: Locale,
    /// The address that people use, e.g. `https://lienthong.tinhmau.gov.vn`; https makes cookies `Secure`.
    pub public_url: Option<String>,
}

impl Display {
    /// Whether people reach us by https only.
    pub fn is_https(&self) -> bool {
        self.public_url.as_deref().is_some_and(|u| u.starts_with("https://"))
    }
}

impl Default for Display {
    fn default() -> Self {
        Self {
            installation: "lienthong".into(),
            name: "Liên thông".into(),
            locale: Locale::Vi,
            public_url: None,
        }
    }
}

/// The whole of it.
pub fn router(state: AppState) -> Router {
    let routes = Router::new()
        .merge(health::routes())
        .merge(callbacks::routes())
        .merge(inbound::routes())
        .nest("/v1", api::routes(&state))
        .merge(console::routes(&state))
        .merge(assets::routes());
    edge::wrap(routes, &state).with_state(state)
}
