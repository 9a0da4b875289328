//! What the three simulators share: a partner's rules and state behind one door, where behaviours
//! are applied and every request is journaled.

use crate::{
    behaviour::{Behaviour, Rules},
    journal::{Draft, Effect, Journal},
    request::{Answer, Incoming},
    runtime::Runtime,
};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

/// What a request is about, for rules and journal.
pub struct Route {
    pub(crate) operation: String,
    pub(crate) key: String,
}

/// A partner's answer, what it changed and which rules were broken.
pub struct Reply {
    pub(crate) answer: Answer,
    pub(crate) effect: Effect,
    pub(crate) violations: Vec<String>,
}

impl Reply {
    pub(crate) fn new(answer: Answer, effect: Effect) -> Self {
        Self { answer, effect, violations: Vec::new() }
    }

    pub(crate) fn violated(answer: Answer, violations: Vec<String>) -> Self {
        Self { answer, effect: Effect::None, violations }
    }
}

/// One partner: pure state behind its own locks, never awaiting.
pub trait Partner: Sized + Send + Sync + 'static {
    const NAME: &'static str;
    fn route(&self, incoming: &Incoming) -> Route;
    fn handle(&self, route: &Route, incoming: &Incoming) -> Reply;
    fn refusal(&self, code: &str, message: &str) -> Answer;
    fn unauthorized(&self) -> Answer;
    fn forget_sessions(&self);
    fn state(&self) -> Value;
    fn reset(&self);
    /// Called after an effect, for what happens by itself later.
    fn after(_simulator: &Arc<Simulator<Self>>, _route: &Route, _effect: Effect) {}
    /// Controls of this partner's own under `/_sim/`; `None` = no such control.
    fn control(_simulator: &Arc<Simulator<Self>>, _verb: &str, _body: &Value) -> Option<Value> {
        None
    }
}

/// A running partner with its journal, rules and tasks.
pub struct Simulator<P> {
    pub(crate) partner: P,
    pub(crate) journal: Journal,
    pub(crate) rules: Rules,
    pub(crate) runtime: Runtime,
}

/// How the answer leaves.
pub(crate) enum Exit {
    Answer(Answer),
    Late(Answer, Duration),
    Half(Answer),
    Cut,
}

impl<P: Partner> Simulator<P> {
    pub(crate) fn new(partner: P, keep_bodies: bool) -> Arc<Self> {
        let journal = Journal::new(P::NAME, keep_bodies);
        Arc::new(Self { partner, journal, rules: Rules::default(), runtime: Runtime::default() })
    }

    /// Runs one request: behaviour, effect, journal, in this order and without awaiting.
    pub(crate) fn run(self: &Arc<Self>, mut incoming: Incoming) -> Exit {
        let route = self.partner.route(&incoming);
        let behaviour = self.rules.pick(&route.operation, &route.key);
        let reply = match &behaviour {
            Behaviour::Refuse { code, message } => {
                Reply::new(self.partner.refusal(code, message), Effect::None)
            }
            Behaviour::Throttle { retry_after, status } => {
                let mut answer = Answer::html(*status, "<html><body>Too many requests</body></html>");
                answer.retry_after = Some(*retry_after);
                Reply::new(answer, Effect::None)
            }
            Behaviour::HttpError { status, html } => {
                Reply::new(Answer::html(*status, html.clone()), Effect::None)
            }
            Behaviour::Down => {
                let html = "<html><body><h1>503 Service Unavailable</h1></body></html>";
                Reply::new(Answer::html(503, html), Effect::None)
            }
            Behaviour::Unauthorized => Reply::new(self.partner.unauthorized(), Effect::None),
            Behaviour::DropBeforeEffect => Reply::new(Answer::json(200, Value::Null), Effect::None),
            Behaviour::ExpiredSession => {
                self.partner.forget_sessions();
                self.partner.handle(&route, &incoming)
            }
            Behaviour::Ok
            | Behaviour::Stall { .. }
            | Behaviour::DropAfterEffect
            | Behaviour::HalfBody
            | Behaviour::DuplicateCallback => self.partner.handle(&route, &incoming),
        };
        let is_cut = matches!(behaviour, Behaviour::DropAfterEffect | Behaviour::DropBeforeEffect);
        let effect = reply.effect;
        self.journal.write(Draft {
            operation: route.operation.clone(),
            key: route.key.clone(),
            behaviour: (behaviour != Behaviour::Ok).then(|| behaviour.name()),
            request: incoming.record(),
            raw: incoming.raw,
            status: (!is_cut).then_some(reply.answer.status),
            answer: if is_cut { json!("dropped") } else { reply.answer.record() },
            effect,
            violations: reply.violations,
        });
        if effect != Effect::None {
            P::after(self, &route, effect);
        }
        match behaviour {
            _ if is_cut => Exit::Cut,
            Behaviour::Stall { millis } => Exit::Late(reply.answer, Duration::from_millis(millis)),
            Behaviour::HalfBody => Exit::Half(reply.answer),
            _ => Exit::Answer(reply.answer),
        }
    }
}
