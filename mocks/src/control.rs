//! Control over HTTP, on the simulator's own port under `/_sim/`; never journaled, never faulty.

use crate::{
    behaviour::Rule,
    request::{Answer, Incoming},
    simulator::{Partner, Simulator},
};
use serde_json::{Value, json};
use std::sync::Arc;

pub(crate) fn answer<P: Partner>(simulator: &Arc<Simulator<P>>, verb: &str, incoming: &Incoming) -> Answer {
    match (incoming.method.as_str(), verb) {
        ("GET", "journal") => {
            let number = |name| incoming.param(name).and_then(|text| text.parse::<u64>().ok());
            let limit = usize::try_from(number("limit").unwrap_or(1000)).unwrap_or(usize::MAX);
            ok(json!({"entries": simulator.journal.after(number("after").unwrap_or(0), limit)}))
        }
        ("GET", "state") => ok(simulator.partner.state()),
        ("GET", "summary") => ok(json!(simulator.journal.summary())),
        ("GET", "behaviour") => ok(json!(simulator.rules.list())),
        ("POST", "behaviour") => behave(simulator, &incoming.json),
        ("DELETE", "behaviour") => {
            simulator.rules.replace(Vec::new());
            ok(json!({"rules": 0}))
        }
        ("POST", "reset") => {
            simulator.rules.replace(Vec::new());
            simulator.partner.reset();
            simulator.journal.clear();
            ok(json!({"reset": true}))
        }
        ("POST", _) => match P::control(simulator, verb, &incoming.json) {
            Some(value) => ok(value),
            None => Answer::json(404, json!({"error": "no such control"})),
        },
        _ => Answer::json(404, json!({"error": "no such control"})),
    }
}

/// One rule or a list of rules; replaces those in force.
fn behave<P: Partner>(simulator: &Arc<Simulator<P>>, body: &Value) -> Answer {
    let list = if body.is_array() { body.clone() } else { json!([body]) };
    match serde_json::from_value::<Vec<Rule>>(list) {
        Ok(rules) => {
            let count = rules.len();
            simulator.rules.replace(rules);
            ok(json!({ "rules": count }))
        }
        Err(error) => Answer::json(400, json!({"error": error.to_string()})),
    }
}

fn ok(value: Value) -> Answer {
    Answer::json(200, value)
}
