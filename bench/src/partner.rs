//! The partner: it accepts whatever it is asked for, in the national portal's words, after a while, and counts. It costs
//! next to nothing, because it shares the machine with what is measured.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
    serve::ListenerExt,
};
use serde::Deserialize;
use tokio::{net::TcpListener, task::JoinHandle};

use crate::failed::{Failed, at};

const LOGIN: &str = r#"{"error_code":"0","message":"ok","session":"c0ffee00-0000-4000-8000-000000000001"}"#;
const NOTHING: &str = r#"{"error_code":"0","message":"ok","result":[]}"#;
const DONE: &str = r#"{"error_code":"0","message":"ok"}"#;
const OPENED: &str = r#"{"MaLoi":"00","MoTaLoi":"ok","UrlThanhToan":"https://pay.example.gov.vn/1"}"#;

/// A payment that was opened, in the payment platform's words.
#[derive(Debug, Clone, Deserialize)]
pub struct Opened {
    /// The reference.
    #[serde(rename = "MaThamChieu")]
    pub reference: String,
    /// In đồng.
    #[serde(rename = "SoTien")]
    pub amount: String,
}

#[derive(Default)]
struct Behaviour {
    delay_ms: AtomicU64,
    is_down: AtomicBool,
    effects: AtomicU64,
    opened: Mutex<Vec<Opened>>,
}

/// A running partner; it ends when this is dropped.
pub struct Partner {
    /// Where it is.
    pub address: SocketAddr,
    behaviour: Arc<Behaviour>,
    serving: JoinHandle<()>,
}

impl Partner {
    /// Starts one on a free port.
    #[expect(clippy::disallowed_methods, reason = "a benchmark's own task, no work of the engine")]
    pub async fn start() -> Result<Self, Failed> {
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(at("a port for the partner"))?;
        let address = listener.local_addr().map_err(at("the partner's port"))?;
        let behaviour = Arc::new(Behaviour::default());
        let router =
            Router::new().route("/payments", post(open)).fallback(answer).with_state(Arc::clone(&behaviour));
        // Without it small answers wait for acknowledgements of earlier ones.
        let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
        let serving = tokio::spawn(async move { drop(axum::serve(listener, router).await) });
        Ok(Self { address, behaviour, serving })
    }

    /// How long every answer takes from now on.
    pub fn set_delay(&self, delay: Duration) {
        self.behaviour
            .delay_ms
            .store(u64::try_from(delay.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Whether it only says that it is being repaired.
    pub fn set_down(&self, is_down: bool) {
        self.behaviour.is_down.store(is_down, Ordering::Relaxed);
    }

    /// How many effects it has had; from zero again.
    pub fn reset(&self) {
        self.behaviour.effects.store(0, Ordering::Relaxed);
        self.opened();
    }

    /// The payments opened since this was asked last.
    pub fn opened(&self) -> Vec<Opened> {
        std::mem::take(&mut *self.behaviour.opened.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// How many effects it has had.
    pub fn effects(&self) -> u64 {
        self.behaviour.effects.load(Ordering::Relaxed)
    }
}

impl Drop for Partner {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn answer(State(behaviour): State<Arc<Behaviour>>, body: Bytes) -> Response {
    // The portal's words come first in a request; what follows is the dossier.
    let words = body.get(..256).unwrap_or(&body);
    let says = |word: &[u8]| words.windows(word.len()).any(|w| w == word);
    if behaviour.is_down.load(Ordering::Relaxed) {
        return (StatusCode::SERVICE_UNAVAILABLE, "down").into_response();
    }
    let text = if says(b"\"username\"") {
        LOGIN
    } else if says(b"\"Lay") || says(b"\"TraCuu") {
        NOTHING
    } else {
        behaviour.effects.fetch_add(1, Ordering::Relaxed);
        DONE
    };
    let delay = behaviour.delay_ms.load(Ordering::Relaxed);
    if delay > 0 {
        tokio::time::sleep(Duration::from_millis(delay)).await;
    }
    ([(header::CONTENT_TYPE, "application/json")], text).into_response()
}

async fn open(State(behaviour): State<Arc<Behaviour>>, body: Bytes) -> Response {
    let Ok(opened) = serde_json::from_slice::<Opened>(&body) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    behaviour.opened.lock().unwrap_or_else(PoisonError::into_inner).push(opened);
    ([(header::CONTENT_TYPE, "application/json")], OPENED).into_response()
}
