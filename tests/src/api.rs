//! The adapter's HTTP surface as a stranger sees it: plain requests with a token.

use std::time::Duration;

use reqwest::Method;
use serde_json::Value;

/// A client of one running adapter.
#[derive(Clone)]
pub struct Api {
    client: reqwest::Client,
    /// `http://host:port`
    pub base: String,
    token: String,
}

/// What was answered.
#[derive(Debug)]
pub struct Answered {
    pub status: u16,
    pub body: String,
}

impl Answered {
    /// The body as JSON; null where it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }
}

impl Api {
    #[expect(clippy::disallowed_methods, reason = "a stranger's client knows none of our crates")]
    pub fn new(base: String, token: String) -> Self {
        let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_mins(1)).build();
        Self { client: client.expect("an HTTP client"), base, token }
    }

    /// One request; `Err` when no answer came.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<(&str, Vec<u8>)>,
    ) -> Result<Answered, String> {
        let mut request =
            self.client.request(method, format!("{}{path}", self.base)).bearer_auth(&self.token);
        if let Some((kind, bytes)) = body {
            request = request.header("content-type", kind).body(bytes);
        }
        let response = request.send().await.map_err(|e| e.to_string())?;
        let status = response.status().as_u16();
        Ok(Answered { status, body: response.text().await.map_err(|e| e.to_string())? })
    }

    /// The JSON of a page that must answer 200.
    pub async fn get(&self, path: &str) -> Value {
        let answered = self.try_get(path).await;
        answered.unwrap_or_else(|error| panic!("GET {path}: {error}"))
    }

    /// The JSON of a page, while the adapter may be away.
    pub async fn try_get(&self, path: &str) -> Result<Value, String> {
        let answered = self.send(Method::GET, path, None).await?;
        if answered.status == 200 {
            Ok(answered.json())
        } else {
            Err(format!("{} {}", answered.status, answered.body))
        }
    }

    /// Publishes lines over HTTP in their order, as a simple client would: batches, and broken lines alone. The verdicts.
    pub async fn publish(&self, lines: &[Vec<u8>]) -> Vec<Value> {
        let mut verdicts = Vec::with_capacity(lines.len());
        let mut batch: Vec<&[u8]> = Vec::new();
        for line in lines {
            if serde_json::from_slice::<Value>(line).is_ok() {
                batch.push(line);
                if batch.len() == 100 {
                    verdicts.extend(self.post_batch(&std::mem::take(&mut batch)).await);
                }
            } else {
                verdicts.extend(self.post_batch(&std::mem::take(&mut batch)).await);
                verdicts.extend(self.post_events("application/cloudevents+json", line.clone()).await);
            }
        }
        verdicts.extend(self.post_batch(&batch).await);
        verdicts
    }

    async fn post_batch(&self, lines: &[&[u8]]) -> Vec<Value> {
        if lines.is_empty() {
            return Vec::new();
        }
        let mut body = b"[".to_vec();
        body.extend(lines.join(b",".as_slice()));
        body.push(b']');
        self.post_events("application/cloudevents-batch+json", body).await
    }

    async fn post_events(&self, kind: &str, body: Vec<u8>) -> Vec<Value> {
        let answered = self.send(Method::POST, "/v1/events", Some((kind, body))).await;
        let answered = answered.unwrap_or_else(|error| panic!("POST /v1/events: {error}"));
        assert_eq!(answered.status, 202, "{}", answered.body);
        answered.json()["verdicts"].as_array().cloned().unwrap_or_default()
    }

    /// A counter of this one process at `/metrics`: a series that has these labels; 0 before it first counted.
    pub async fn counted(&self, name: &str, labels: &str) -> u64 {
        let answered = self.send(Method::GET, "/metrics", None).await;
        let text = answered.unwrap_or_else(|error| panic!("GET /metrics: {error}")).body;
        let series = text.lines().filter(|line| line.starts_with(name) && line.contains(labels));
        series.filter_map(|line| line.rsplit_once(' ')?.1.parse::<u64>().ok()).sum()
    }

    /// Where everything stands.
    pub async fn standing(&self) -> Result<Standing, String> {
        self.try_get("/v1/status").await.map(|status| Standing::read(&status))
    }
}

/// What decides whether the adapter has come to rest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// Messages that were received, whatever became of them.
    pub received: i64,
    /// Lanes whose head goes on by itself.
    pub moving: i64,
    /// Operations that wait for something of ours.
    pub held: i64,
    /// Operations that wait for a person.
    pub stuck: i64,
    /// Out-events that no broker has confirmed yet.
    pub unrelayed: i64,
    /// Paused partners.
    pub paused: Vec<String>,
}

impl Standing {
    fn read(status: &Value) -> Self {
        let sum = |list: &str, states: &[&str], field: &str| -> i64 {
            let rows = status[list].as_array().into_iter().flatten();
            let rows = rows.filter(|r| states.contains(&r["state"].as_str().unwrap_or_default()));
            rows.filter_map(|r| r[field].as_i64()).sum()
        };
        let partners = status["partners"].as_array().into_iter().flatten();
        let number = |value: &Value| value.as_i64().unwrap_or(0);
        Self {
            received: number(&status["ledgers"]["messages"]["received"]),
            moving: sum("lanes", &["ready", "running", "doubtful", "awaiting"], "lanes"),
            held: sum("operations", &["held"], "operations"),
            stuck: sum("operations", &["stuck"], "operations"),
            unrelayed: number(&status["outbox"]["waiting"]),
            paused: partners
                .filter(|p| !p["paused"].is_null())
                .filter_map(|p| p["connector"].as_str().map(str::to_owned))
                .collect(),
        }
    }
}
