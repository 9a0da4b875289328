//! HTTP as every connector uses it: one client, one `send()`, one account of what a failure means. What a partner's
//! answer means is judged in the connectors; only what the status alone decides is in `judge.rs`.

mod budget;
mod client;
mod failure;
mod judge;
mod mask;
mod secret;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tls_tests;

pub use budget::Budget;
pub use client::{BuildError, HttpConfig};
pub use failure::{Failure, FailureKind};
pub use judge::{read_setback, write_outcome};
pub use mask::{masked, masked_of};
pub use secret::SecretSource;

use jiff::SignedDuration;
use std::{
    fmt,
    time::{Duration, Instant},
};

/// A wrong setting: which one, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {said}")]
pub struct ConfigError {
    /// The setting's path below the connector's table.
    pub key: String,
    /// What is wrong with which value, and what to write instead.
    pub said: String,
}

impl ConfigError {
    /// About this setting.
    pub fn new(key: impl Into<String>, said: impl Into<String>) -> Self {
        Self { key: key.into(), said: said.into() }
    }
}

/// Larger answers are not read: no partner documents one near it.
const BODY_LIMIT: usize = 4 * 1024 * 1024;

/// A client for one connector: keep it, it holds the connections.
#[derive(Debug, Clone)]
pub struct Http {
    client: reqwest::Client,
    body_limit: usize,
}

/// One request. Its `Debug` shows neither query, headers nor body: they carry secrets and people.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// `GET`, `POST`.
    pub method: &'static str,
    /// Absolute.
    pub url: String,
    /// Beside the content type and the user agent.
    pub headers: Vec<(String, String)>,
    /// Sent with its length.
    pub body: Vec<u8>,
    /// Empty: no such header.
    pub content_type: &'static str,
}

impl Request {
    /// A POST of JSON.
    pub fn post_json(url: impl Into<String>, body: Vec<u8>) -> Self {
        Self { method: "POST", url: url.into(), headers: Vec::new(), body, content_type: "application/json" }
    }

    /// A GET.
    pub fn get(url: impl Into<String>) -> Self {
        Self { method: "GET", url: url.into(), headers: Vec::new(), body: Vec::new(), content_type: "" }
    }

    /// With one more header.
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    fn place(&self) -> &str {
        self.url.split(['?', '#']).next().unwrap_or_default()
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({} bytes)", self.method, self.place(), self.body.len())
    }
}

/// A complete answer. Its `Debug` does not show the body.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status; redirects are not followed, so 3xx comes here.
    pub status: u16,
    /// The `Content-Type` header.
    pub content_type: Option<String>,
    /// `Retry-After`, given in seconds. A date is not read.
    pub retry_after: Option<SignedDuration>,
    /// The whole body.
    pub body: Vec<u8>,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?} ({} bytes)", self.status, self.content_type, self.body.len())
    }
}

impl Answer {
    /// Whether the status says success.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Whether it is a page for people, whatever the status says.
    pub fn is_html(&self) -> bool {
        let start = self.body.trim_ascii_start();
        self.content_type.as_deref().is_some_and(|t| t.to_ascii_lowercase().contains("html"))
            || start.starts_with(b"<")
    }

    /// What it says, masked, for people.
    pub fn said(&self) -> String {
        let text = String::from_utf8_lossy(&self.body[..self.body.len().min(2000)]);
        format!("HTTP {}: {}", self.status, masked(&text))
    }
}

impl Http {
    /// Builds the client. Needs no network.
    pub fn new(config: &HttpConfig) -> Result<Self, BuildError> {
        Ok(Self { client: client::build(config)?, body_limit: BODY_LIMIT })
    }

    /// With another limit on the size of answers.
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = bytes;
        self
    }

    /// Sends once and reads the whole answer, within `budget`. Never retries what may have been seen by the partner.
    pub async fn send(&self, request: Request, budget: Duration) -> Result<Answer, Failure> {
        let started = Instant::now();
        let place = format!("{} {}", request.method, request.place());
        let result = self.exchange(request, budget).await;
        let millis = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        match &result {
            Ok(answer) => tracing::debug!(%place, millis, status = answer.status, "partner answered"),
            Err(failure) => {
                tracing::debug!(%place, millis, kind = ?failure.kind, said = %failure.said, "no answer of the partner");
            }
        }
        result
    }

    async fn exchange(&self, request: Request, budget: Duration) -> Result<Answer, Failure> {
        let method = reqwest::Method::from_bytes(request.method.as_bytes()).map_err(|_| {
            Failure::new(FailureKind::NotSent, format!("{:?} is not a method", request.method))
        })?;
        let mut builder = self.client.request(method, &request.url).timeout(budget);
        if !request.content_type.is_empty() {
            builder = builder.header(reqwest::header::CONTENT_TYPE, request.content_type);
        }
        for (name, value) in &request.headers {
            builder = builder.header(name, value);
        }
        if request.method != "GET" {
            builder = builder.body(request.body);
        }
        let mut response = builder.send().await.map_err(Failure::of)?;
        let header = |name: reqwest::header::HeaderName| {
            response.headers().get(name).and_then(|v| v.to_str().ok()).map(str::to_owned)
        };
        let mut answer = Answer {
            status: response.status().as_u16(),
            content_type: header(reqwest::header::CONTENT_TYPE),
            retry_after: header(reqwest::header::RETRY_AFTER)
                .and_then(|t| t.trim().parse::<u32>().ok())
                .map(|s| SignedDuration::from_secs(i64::from(s))),
            body: Vec::new(),
        };
        while let Some(chunk) = response.chunk().await.map_err(Failure::of)? {
            if answer.body.len() + chunk.len() > self.body_limit {
                let said =
                    format!("HTTP {}: an answer of more than {} bytes", answer.status, self.body_limit);
                return Err(Failure::new(FailureKind::Unreadable, said));
            }
            answer.body.extend_from_slice(&chunk);
        }
        Ok(answer)
    }
}
