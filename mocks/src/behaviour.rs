//! Faults that can be switched on while a simulator runs: a list of rules, the first match wins.

use crate::runtime::lock;
use serde::{Deserialize, Serialize};
use std::sync::Mutex;

/// The operation name under which callbacks look for their rule.
pub const CALLBACK: &str = "callback";

/// How a simulator answers a request instead of normally.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Behaviour {
    /// Normally; as a first rule it exempts an operation from later ones.
    Ok,
    /// The partner's own refusal; no effect.
    Refuse { code: String, message: String },
    /// HTTP 429 or 503 with `Retry-After` in seconds; no effect.
    Throttle {
        retry_after: u64,
        #[serde(default = "too_many")]
        status: u16,
    },
    /// The effect takes place at once, the answer comes late.
    Stall { millis: u64 },
    /// The effect takes place, then the connection closes without an answer.
    DropAfterEffect,
    /// The connection closes without an answer and without an effect.
    DropBeforeEffect,
    /// A proxy's HTML page; no effect.
    HttpError { status: u16, html: String },
    /// The effect takes place; half of the answer's body arrives, then the connection closes.
    HalfBody,
    /// Payments only: an acknowledged callback is sent once more.
    DuplicateCallback,
    /// All sessions or tokens are forgotten before the request is looked at.
    ExpiredSession,
    /// HTTP 503 with an HTML page; no effect.
    Down,
    /// The credentials are refused as the partner does it; no effect.
    Unauthorized,
}

fn too_many() -> u16 {
    429
}

impl Behaviour {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Refuse { .. } => "refuse",
            Self::Throttle { .. } => "throttle",
            Self::Stall { .. } => "stall",
            Self::DropAfterEffect => "drop_after_effect",
            Self::DropBeforeEffect => "drop_before_effect",
            Self::HttpError { .. } => "http_error",
            Self::HalfBody => "half_body",
            Self::DuplicateCallback => "duplicate_callback",
            Self::ExpiredSession => "expired_session",
            Self::Down => "down",
            Self::Unauthorized => "unauthorized",
        }
    }
}

/// A behaviour and when it applies. In JSON only `behaviour` is required.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    pub behaviour: Behaviour,
    /// Only this operation; without it every operation, `login` and `token` too.
    #[serde(default)]
    pub operation: Option<String>,
    /// Only this dossier code, reference or order number.
    #[serde(default)]
    pub key: Option<String>,
    /// Let so many matching requests pass first.
    #[serde(default)]
    pub skip: u64,
    /// Apply at most so many times.
    #[serde(default)]
    pub times: Option<u64>,
    /// Apply to this share (0 to 1) of the matching requests, drawn from `seed`.
    #[serde(default)]
    pub probability: Option<f64>,
    #[serde(default)]
    pub seed: u64,
}

impl Rule {
    /// Applies to every operation.
    pub fn always(behaviour: Behaviour) -> Self {
        Self { behaviour, operation: None, key: None, skip: 0, times: None, probability: None, seed: 0 }
    }

    /// Applies to one operation.
    pub fn on(operation: &str, behaviour: Behaviour) -> Self {
        Self { operation: Some(operation.to_owned()), ..Self::always(behaviour) }
    }

    pub fn key(self, key: &str) -> Self {
        Self { key: Some(key.to_owned()), ..self }
    }

    pub fn skip(self, skip: u64) -> Self {
        Self { skip, ..self }
    }

    pub fn times(self, times: u64) -> Self {
        Self { times: Some(times), ..self }
    }

    pub fn chance(self, probability: f64, seed: u64) -> Self {
        Self { probability: Some(probability), seed, ..self }
    }

    fn concerns(&self, operation: &str, key: &str) -> bool {
        // A duplicate is a matter of callbacks only; a general rule is a matter of requests only.
        let is_callback = operation == CALLBACK;
        let fits_kind = match (&self.behaviour, &self.operation) {
            (Behaviour::DuplicateCallback, _) => is_callback,
            (_, None) => !is_callback,
            (_, Some(_)) => true,
        };
        fits_kind
            && self.operation.as_deref().is_none_or(|wanted| wanted == operation)
            && self.key.as_deref().is_none_or(|wanted| wanted == key)
    }
}

/// The rules in force, with how often each was seen and used.
#[derive(Debug, Default)]
pub(crate) struct Rules(Mutex<Vec<Watched>>);

#[derive(Debug)]
struct Watched {
    rule: Rule,
    seen: u64,
    used: u64,
    dice: u64,
}

impl Rules {
    pub(crate) fn replace(&self, rules: Vec<Rule>) {
        let watched = rules.into_iter().map(|rule| Watched { dice: rule.seed, seen: 0, used: 0, rule });
        *lock(&self.0) = watched.collect();
    }

    pub(crate) fn push(&self, rule: Rule) {
        lock(&self.0).push(Watched { dice: rule.seed, seen: 0, used: 0, rule });
    }

    pub(crate) fn list(&self) -> Vec<Rule> {
        lock(&self.0).iter().map(|watched| watched.rule.clone()).collect()
    }

    pub(crate) fn pick(&self, operation: &str, key: &str) -> Behaviour {
        let mut rules = lock(&self.0);
        for watched in rules.iter_mut().filter(|watched| watched.rule.concerns(operation, key)) {
            if watched.rule.times.is_some_and(|times| watched.used >= times) {
                continue;
            }
            watched.seen += 1;
            if watched.seen <= watched.rule.skip || !watched.falls() {
                continue;
            }
            watched.used += 1;
            return watched.rule.behaviour.clone();
        }
        Behaviour::Ok
    }
}

impl Watched {
    /// Throws the dice of the rule (SplitMix64, so that a seed repeats a run).
    fn falls(&mut self) -> bool {
        let Some(probability) = self.rule.probability else { return true };
        self.dice = self.dice.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.dice;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^= mixed >> 31;
        ((mixed >> 11) as f64 / (1_u64 << 53) as f64) < probability
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_match_wins_and_counts_run_out() {
        let rules = Rules::default();
        rules.push(Rule::on("login", Behaviour::Ok));
        rules.push(Rule::always(Behaviour::Down).skip(1).times(2));
        let picked: Vec<_> = ["login", "a", "b", "c", "d"].iter().map(|op| rules.pick(op, "")).collect();
        let (ok, down) = (Behaviour::Ok, Behaviour::Down);
        assert_eq!(picked, [ok.clone(), ok.clone(), down.clone(), down, ok]);
    }

    #[test]
    fn a_seed_repeats_its_draws_and_keeps_its_share() {
        let draw = || {
            let rules = Rules::default();
            rules.push(Rule::always(Behaviour::Down).chance(0.3, 7));
            (0..1000).map(|_| rules.pick("a", "") == Behaviour::Down).collect::<Vec<_>>()
        };
        let first = draw();
        assert_eq!(first, draw());
        let share = first.iter().filter(|hit| **hit).count();
        assert!((250..350).contains(&share), "{share}");
    }

    #[test]
    fn general_rules_leave_callbacks_alone_and_json_is_short() {
        let rules = Rules::default();
        rules.push(Rule::always(Behaviour::DropBeforeEffect));
        assert_eq!(rules.pick(CALLBACK, ""), Behaviour::Ok);
        let rule: Rule =
            serde_json::from_str(r#"{"behaviour":{"kind":"throttle","retry_after":3},"times":1}"#).unwrap();
        assert_eq!(rule, Rule::always(Behaviour::Throttle { retry_after: 3, status: 429 }).times(1));
    }
}
