//! Tokens by client credentials (docs/partners/vnpost.md, 1.2, variant V1).

use super::Post;
use crate::{
    encoding::base64,
    journal::Effect,
    request::{Answer, Incoming},
    runtime::lock,
    simulator::Reply,
};
use serde_json::json;
use std::time::{Duration, Instant};

#[derive(Default)]
pub(super) struct Tokens {
    given: u64,
    alive: Vec<(String, Instant)>,
}

impl Tokens {
    /// A token and the seconds it has left.
    fn give(&mut self, life: Duration, reuse: bool) -> (String, u64) {
        let now = Instant::now();
        self.alive.retain(|(_, end)| *end > now);
        if let Some((token, end)) = self.alive.last().filter(|_| reuse) {
            return (token.clone(), end.duration_since(now).as_secs());
        }
        self.given += 1;
        let token = format!("TEST-TOKEN-{:08}", self.given);
        self.alive.push((token.clone(), now + life));
        (token, life.as_secs())
    }

    pub(super) fn is_alive(&self, token: &str) -> bool {
        let now = Instant::now();
        self.alive.iter().any(|(known, end)| known == token && *end > now)
    }

    pub(super) fn forget(&mut self) {
        self.alive.clear();
    }
}

impl Post {
    pub(super) fn token(&self, incoming: &Incoming) -> Reply {
        let expected = format!("{}:{}", self.options.customer_key, self.options.secret_key);
        let basic = incoming.header("authorization").and_then(|value| value.strip_prefix("Basic "));
        let mut out = Vec::new();
        if incoming.method != "POST" {
            out.push("method: must be POST".to_owned());
        }
        // The vendor's SDK names the header without its hyphen; real servers had to live with it.
        let kind =
            incoming.header("content-type").or_else(|| incoming.header("contenttype")).unwrap_or_default();
        if !kind.starts_with("application/x-www-form-urlencoded") {
            out.push("Content-Type: must be application/x-www-form-urlencoded".to_owned());
        }
        if basic.is_none() {
            out.push("Authorization: must be Basic".to_owned());
        }
        let form = incoming.form();
        if form != [("grant_type".to_owned(), "client_credentials".to_owned())] {
            out.push("body: must be grant_type=client_credentials".to_owned());
        }
        if !out.is_empty() {
            let answer = json!({"error": "invalid_request", "error_description": out.join("; ")});
            return Reply::violated(Answer::json(400, answer), out);
        }
        if basic != Some(base64(expected.as_bytes()).as_str()) {
            return Reply::new(bad_client(), Effect::None);
        }
        let (token, seconds) = lock(&self.tokens).give(self.options.expires_in, self.options.reuse_token);
        let answer = json!({"access_token": token, "scope": "am_application_scope default",
            "token_type": "Bearer", "expires_in": seconds});
        Reply::new(Answer::json(200, answer), Effect::Session)
    }

    pub(super) fn is_authorized(&self, incoming: &Incoming) -> bool {
        let token = incoming.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
        token.is_some_and(|token| lock(&self.tokens).is_alive(token))
    }
}

fn bad_client() -> Answer {
    let text = "Client Authentication failed.";
    Answer::json(401, json!({"error": "invalid_client", "error_description": text}))
}
