//! The router as its callers see it: over fixed views for pages, over the memory store where something is stored.

mod access;
mod api;
mod console;
mod editing;
mod fake;
mod inbound;
mod index;
mod replays;
mod restored;
mod sheet;
mod words;

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Method, Request, StatusCode, header},
};
use jiff::{SignedDuration, Timestamp};
use lienthong_core::{
    flow::engine::{Engine, EngineSettings},
    plan::rules::Rules,
    port::views::Views,
    testing::{ManualClock, MemoryStore, ScriptedConnector},
};
use serde_json::Value;
use std::sync::Arc;
use tokio::sync::watch;
use tower::ServiceExt;

use super::{
    AppState, Display, Health,
    auth::{Auth, Scope},
    router,
};

/// A server in memory.
pub struct Server {
    /// What it serves.
    pub router: Router,
    /// Its tokens.
    pub auth: Auth,
    /// Its store.
    pub store: MemoryStore,
    /// Its engine; nothing runs.
    pub engine: Arc<Engine>,
    /// Tells it how the parts are.
    pub health: watch::Sender<Health>,
}

/// What came back.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.body))
    }

    /// The value of a cookie that the answer sets.
    pub fn cookie(&self, name: &str) -> Option<String> {
        self.headers.get_all(header::SET_COOKIE).iter().find_map(|line| {
            let line = line.to_str().ok()?;
            let value = line.strip_prefix(name)?.strip_prefix('=')?;
            Some(value.split(';').next().unwrap_or("").to_owned())
        })
    }

    /// The form token that a page carries.
    pub fn form_token(&self) -> String {
        let (_, rest) = self.body.split_once("name=\"form_token\" value=\"").expect("a form");
        rest.split('"').next().unwrap_or("").to_owned()
    }
}

pub fn now() -> Timestamp {
    Timestamp::from_microsecond(fake::NOW_US).unwrap()
}

/// Over fixed views.
pub fn over(views: fake::Fake) -> Server {
    server(|_| Arc::new(views), Display::default())
}

/// Over the memory store's own views.
pub fn live() -> Server {
    server(|store| Arc::new(store), Display::default())
}

/// The same with an engine of these settings.
pub fn tuned(settings: EngineSettings) -> Server {
    built(|store| Arc::new(store), Display::default(), settings)
}

pub fn server(views: impl FnOnce(MemoryStore) -> Arc<dyn Views>, display: Display) -> Server {
    built(views, display, EngineSettings::default())
}

fn built(
    views: impl FnOnce(MemoryStore) -> Arc<dyn Views>,
    display: Display,
    settings: EngineSettings,
) -> Server {
    // Whoever comes first installs it; the others find it there.
    jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default().ok();
    let clock = ManualClock::default();
    clock.set(now());
    let store = MemoryStore::new(clock.clone());
    let engine = Engine::new(
        Arc::new(store.clone()),
        Rules::default(),
        vec![
            ScriptedConnector::portal("dvcqg").shared(),
            ScriptedConnector::payment("dvcqg-payment").with_callbacks().shared(),
            ScriptedConnector::post("vnpost").shared(),
        ],
        Arc::new(clock),
        settings,
    );
    let auth = Auth::new("a secret of at least thirty-two bytes".to_owned().into());
    let (health, seen) = watch::channel(Health { broker: None, store: true, detail: String::new() });
    let views = views(store.clone());
    let state = AppState {
        engine: Arc::clone(&engine),
        views,
        auth: auth.clone(),
        metrics: None,
        health: seen,
        display,
        broker: None,
        index: Arc::default(),
        vendors: Arc::default(),
    };
    Server { router: router(state), auth, store, engine, health }
}

impl Server {
    pub fn token(&self, scopes: &[Scope]) -> String {
        self.auth.issue("an.tran", scopes, SignedDuration::from_hours(1), now()).unwrap()
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let body = String::from_utf8_lossy(&bytes).into_owned();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// With a Bearer token of these scopes.
    pub async fn api(&self, method: Method, path: &str, scopes: &[Scope], kind: &str, body: &str) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token(scopes)))
            .header(header::CONTENT_TYPE, kind)
            .body(Body::from(body.to_owned()))
            .unwrap();
        self.send(request).await
    }

    pub async fn ask(&self, path: &str) -> Answer {
        self.api(Method::GET, path, &[Scope::Read], "application/json", "").await
    }

    /// Without anything.
    pub async fn bare(&self, method: Method, path: &str) -> Answer {
        self.send(Request::builder().method(method).uri(path).body(Body::empty()).unwrap()).await
    }

    /// As a browser with these cookies.
    pub async fn browse(&self, path: &str, cookies: &str) -> Answer {
        self.send(Request::builder().uri(path).header(header::COOKIE, cookies).body(Body::empty()).unwrap())
            .await
    }

    /// A page for somebody with these scopes.
    pub async fn page(&self, path: &str, scopes: &[Scope]) -> Answer {
        self.browse(path, &format!("lienthong={}", self.token(scopes))).await
    }

    /// A posted form.
    pub async fn post(&self, path: &str, cookies: &str, form: &str) -> Answer {
        let request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header(header::COOKIE, cookies)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(form.to_owned()))
            .unwrap();
        self.send(request).await
    }
}
