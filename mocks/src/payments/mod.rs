//! The payment platform of the national portal (docs/partners/dvcqg-payment.md): open, query, receipt, callbacks.

mod callback;
mod inspect;
mod messages;
mod options;
mod page;
mod services;
mod state;

pub use options::Options;
pub use state::{Counts, Opening, Reference, Standing};

use crate::{
    handle::{Handle, addr_of},
    journal::Effect,
    request::{Answer, Incoming, decode},
    runtime::{self, lock},
    shape::text,
    simulator::{Partner, Reply, Route, Simulator},
};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, atomic::AtomicUsize};
use tokio::{net::TcpListener, sync::Semaphore};

pub type PaymentsHandle = Handle<Payments>;

/// At most so many callbacks are on their way at once.
const SENDERS: usize = 64;

/// The partner's rules and state.
pub struct Payments {
    options: Options,
    public_url: String,
    callback_url: Mutex<Option<String>>,
    client: Option<reqwest::Client>,
    senders: Semaphore,
    under_way: Arc<AtomicUsize>,
    state: Mutex<state::State>,
}

/// Starts a payment platform on a bound listener.
#[expect(clippy::unused_async, reason = "starting needs a runtime, and the signature says so")]
pub async fn start(listener: TcpListener, options: Options) -> PaymentsHandle {
    let addr = addr_of(&listener);
    let keep_bodies = options.keep_bodies;
    let payments = Payments {
        public_url: options.public_url.clone().unwrap_or_else(|| format!("http://{addr}")),
        callback_url: Mutex::new(options.callback_url.clone()),
        client: runtime::http_client(),
        senders: Semaphore::new(SENDERS),
        under_way: Arc::default(),
        state: Mutex::default(),
        options,
    };
    Handle::start(listener, addr, payments, keep_bodies)
}

impl Payments {
    fn path_reference(path: &str) -> Option<(&'static str, String)> {
        let reference = |rest: &str| decode(&rest.replace('+', "%2B"));
        let page = path.strip_prefix("/pay/").map(|rest| ("page", reference(rest)));
        page.or_else(|| path.strip_prefix("/receipt/").map(|rest| ("receipt", reference(rest))))
    }
}

impl Partner for Payments {
    const NAME: &'static str = "payments";

    fn route(&self, incoming: &Incoming) -> Route {
        if let Some((operation, key)) = Self::path_reference(&incoming.path) {
            return Route { operation: operation.to_owned(), key };
        }
        let paths = [
            (&self.options.init_path, "INIT"),
            (&self.options.query_path, "QUERY"),
            (&self.options.bill_path, "GET_BILL"),
        ];
        let found = paths.iter().filter(|(path, _)| **path == incoming.path).map(|(_, operation)| *operation);
        let mut found: Vec<&str> = found.collect();
        // One address may serve all messages: then the message's own kind decides.
        if found.len() > 1 {
            found.retain(|operation| *operation == text(&incoming.json, "LoaiBanTin"));
        }
        let operation = found.first().copied().unwrap_or("unknown").to_owned();
        Route { operation, key: text(&incoming.json, "MaThamChieu").to_owned() }
    }

    fn handle(&self, route: &Route, incoming: &Incoming) -> Reply {
        match route.operation.as_str() {
            "INIT" => self.init(incoming),
            "QUERY" => self.query(incoming),
            "GET_BILL" => self.bill(incoming),
            "page" => self.page(&route.key, incoming),
            "receipt" => self.receipt(&route.key),
            _ => {
                let rule = format!("path: no {:?}, or no such LoaiBanTin", incoming.path);
                Reply::violated(Answer::json(404, json!({"MaLoi": self.options.other_code})), vec![rule])
            }
        }
    }

    fn refusal(&self, code: &str, message: &str) -> Answer {
        self.refuse(code, message, &Value::Null)
    }

    fn unauthorized(&self) -> Answer {
        Answer::json(401, json!({"error": "unauthorized"}))
    }

    /// There are no sessions here.
    fn forget_sessions(&self) {}

    fn state(&self) -> Value {
        let state = lock(&self.state);
        json!({"counts": state.counts, "references": state.references, "openings": state.openings()})
    }

    fn reset(&self) {
        *lock(&self.state) = state::State::default();
    }

    fn after(simulator: &Arc<Simulator<Self>>, route: &Route, effect: Effect) {
        match effect {
            Effect::Paid | Effect::Failed => callback::deliver(simulator, &route.key),
            Effect::Created => {
                let Some(delay) = simulator.partner.options.auto_pay else { return };
                let (shared, reference) = (Arc::clone(simulator), route.key.clone());
                simulator.runtime.spawn(async move {
                    tokio::time::sleep(delay).await;
                    inspect::settle(&shared, &reference, Standing::Paid, true);
                });
            }
            _ => {}
        }
    }

    fn control(simulator: &Arc<Simulator<Self>>, verb: &str, body: &Value) -> Option<Value> {
        inspect::control(simulator, verb, body)
    }
}
