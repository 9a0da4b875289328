//! The postal service behind the national adapter (docs/partners/vnpost.md, flavour V1): tokens, orders,
//! the tracking feed.

mod options;
mod orders;
mod state;
mod token;

pub use options::Options;
pub use state::{Counts, Order};

use crate::{
    handle::{Handle, addr_of},
    journal::Effect,
    request::{Answer, Incoming},
    runtime::lock,
    shape::text,
    simulator::{Partner, Reply, Route, Simulator},
};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

pub type PostHandle = Handle<Post>;

/// The partner's rules and state.
pub struct Post {
    options: Options,
    tokens: Mutex<token::Tokens>,
    state: Mutex<state::State>,
}

/// Starts a postal service on a bound listener.
#[expect(clippy::unused_async, reason = "starting needs a runtime, and the signature says so")]
pub async fn start(listener: TcpListener, options: Options) -> PostHandle {
    let addr = addr_of(&listener);
    let keep_bodies = options.keep_bodies;
    let post = Post { options, tokens: Mutex::default(), state: Mutex::default() };
    Handle::start(listener, addr, post, keep_bodies)
}

impl Handle<Post> {
    pub fn order(&self, order_number: &str) -> Option<Order> {
        lock(&self.simulator.partner.state).orders.get(order_number).cloned()
    }

    /// All orders, in order of creation.
    pub fn orders(&self) -> Vec<Order> {
        let state = lock(&self.simulator.partner.state);
        state.numbers.iter().filter_map(|number| state.orders.get(number)).cloned().collect()
    }

    pub fn counts(&self) -> Counts {
        lock(&self.simulator.partner.state).counts
    }

    /// Gives an order a status code, or the next of the script; it then appears in the feed.
    pub fn move_order(&self, order_number: &str, status_code: Option<i64>) -> bool {
        self.simulator.partner.advance(order_number, status_code)
    }

    /// Moves every order that is neither cancelled nor delivered; the number moved.
    pub fn move_all(&self, status_code: Option<i64>) -> usize {
        self.simulator.partner.advance_all(status_code)
    }
}

impl Post {
    fn advance(&self, number: &str, code: Option<i64>) -> bool {
        let mut state = lock(&self.state);
        let code = code.or_else(|| state.next_code(number, &self.options.script));
        code.is_some_and(|code| state.advance(number, code, self.options.delivered_code))
    }

    fn advance_all(&self, code: Option<i64>) -> usize {
        let numbers = lock(&self.state).numbers.clone();
        numbers.iter().filter(|number| self.advance(number, code)).count()
    }
}

impl Partner for Post {
    const NAME: &'static str = "post";

    fn route(&self, incoming: &Incoming) -> Route {
        let (path, options) = (&incoming.path, &self.options);
        let (operation, key) = if *path == options.token_path {
            ("token", "")
        } else if *path == options.order_path {
            ("order", text(&incoming.json, "OrderNumber"))
        } else if *path == options.cancel_path {
            ("cancel", incoming.param("OrderNumber").unwrap_or_default())
        } else if *path == options.tracking_path {
            ("tracking", "")
        } else {
            ("unknown", "")
        };
        Route { operation: operation.to_owned(), key: key.to_owned() }
    }

    fn handle(&self, route: &Route, incoming: &Incoming) -> Reply {
        match route.operation.as_str() {
            "token" => self.token(incoming),
            "unknown" => {
                let rule = format!("path: no {:?}", incoming.path);
                Reply::violated(
                    Answer::json(404, json!({"fault": {"message": "No matching resource"}})),
                    vec![rule],
                )
            }
            _ if !self.is_authorized(incoming) => Reply::new(self.unauthorized(), Effect::None),
            "order" => self.create(incoming),
            "cancel" => self.cancel(incoming),
            _ => self.tracking(incoming),
        }
    }

    fn refusal(&self, code: &str, message: &str) -> Answer {
        let status = code.parse::<i64>().map_or_else(|_| json!(code), |number| json!(number));
        Answer::json(200, json!({"Status": status, "Message": message}))
    }

    /// \[GUESS\] The gateway's fault, as WSO2 writes it.
    fn unauthorized(&self) -> Answer {
        let text = "Invalid Credentials";
        Answer::json(401, json!({"fault": {"code": 900_901, "message": text, "description": text}}))
    }

    fn forget_sessions(&self) {
        lock(&self.tokens).forget();
    }

    fn state(&self) -> Value {
        let state = lock(&self.state);
        json!({"counts": state.counts, "orders": state.orders})
    }

    fn reset(&self) {
        lock(&self.state).clear();
        self.forget_sessions();
    }

    fn after(simulator: &Arc<Simulator<Self>>, route: &Route, effect: Effect) {
        let (Some(delay), Effect::Created) = (simulator.partner.options.auto_move, effect) else { return };
        let (shared, number) = (Arc::clone(simulator), route.key.clone());
        simulator.runtime.spawn(async move {
            loop {
                tokio::time::sleep(delay).await;
                if !shared.partner.advance(&number, None) {
                    return;
                }
            }
        });
    }

    /// `/_sim/move` (a code, or the next of the script) and `/_sim/pickup` (code 2).
    fn control(simulator: &Arc<Simulator<Self>>, verb: &str, body: &Value) -> Option<Value> {
        let code = match verb {
            "move" => body.get("status_code").and_then(Value::as_i64),
            "pickup" => Some(2),
            _ => return None,
        };
        let partner = &simulator.partner;
        let count = if body.get("all") == Some(&json!(true)) {
            partner.advance_all(code)
        } else {
            usize::from(partner.advance(text(body, "order_number"), code))
        };
        Some(json!({ "done": count }))
    }
}
