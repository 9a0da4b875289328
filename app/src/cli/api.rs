//! One way to ask: the running server, or, when none answers, the same router inside this process over the same store.

use std::time::Duration;

use axum::{Router, body::Body, http::Request};
use jiff::SignedDuration;
use lienthong_connectors::http::{Http, HttpConfig, Request as Outgoing};
use lienthong_core::clock::{Clock, SystemClock};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::{Failure, Global, Screen, words::text};
use crate::{
    compose::{Application, Purpose},
    config::Config,
    http::auth::Scope,
    tokens,
};

/// How long a server may take to show that it is there.
const GREETING: Duration = Duration::from_secs(2);
/// How long one answer may take.
const ANSWER: Duration = Duration::from_mins(1);
/// How long a token of our own making lives: one command.
const TOKEN_LIFE: SignedDuration = SignedDuration::from_mins(60);

/// Who answers.
enum Way {
    Server { http: Http, base: String },
    Inside { application: Box<Application>, router: Router },
}

/// The API, with a token.
pub(super) struct Api {
    way: Way,
    token: String,
}

/// A body and its type.
pub(super) struct Sent {
    pub(super) content_type: &'static str,
    pub(super) bytes: Vec<u8>,
}

impl Sent {
    pub(super) fn json(value: &Value) -> Self {
        Self { content_type: "application/json", bytes: value.to_string().into_bytes() }
    }
}

impl Api {
    /// Finds who answers.
    pub(super) async fn open(global: &Global, screen: &Screen) -> Result<Self, Failure> {
        let config = super::load(global)?;
        let base = address(global, &config);
        let http = Http::new(&HttpConfig::default()).map_err(|e| Failure::new(e.to_string(), ""))?;
        if is_ours(&http, &base).await {
            let token = token(global, &config, screen)?;
            return Ok(Self { way: Way::Server { http, base }, token });
        }
        if global.server.is_some() {
            let said = screen.say_with("no-server", &[("url", crate::i18n::Arg::Text(&base))]);
            return Err(Failure::new(said, screen.say("no-server.remedy")));
        }
        let application = Application::build(config, Purpose::Answer).await?;
        let token = application.token(&user(), &Scope::ALL, TOKEN_LIFE)?;
        let router = application.router();
        Ok(Self { way: Way::Inside { application: Box::new(application), router }, token })
    }

    /// GET.
    pub(super) async fn get(&self, path: &str) -> Result<Value, Failure> {
        self.call("GET", path, None).await
    }

    /// POST.
    pub(super) async fn post(&self, path: &str, body: Sent) -> Result<Value, Failure> {
        self.call("POST", path, Some(body)).await
    }

    async fn call(&self, method: &'static str, path: &str, body: Option<Sent>) -> Result<Value, Failure> {
        let (status, bytes) = match &self.way {
            Way::Server { http, base } => self.over_http(http, base, method, path, body).await?,
            Way::Inside { router, .. } => request(router.clone(), &self.token, method, path, body).await?,
        };
        read(status, &bytes)
    }

    async fn over_http(
        &self,
        http: &Http,
        base: &str,
        method: &'static str,
        path: &str,
        body: Option<Sent>,
    ) -> Result<(u16, Vec<u8>), Failure> {
        let mut request = Outgoing::get(format!("{base}{path}"));
        request.method = method;
        if let Some(body) = body {
            request.content_type = body.content_type;
            request.body = body.bytes;
        }
        let request = request.header("authorization", format!("Bearer {}", self.token));
        let answer = http.send(request, ANSWER).await.map_err(|failure| Failure::new(failure.said, base))?;
        Ok((answer.status, answer.body))
    }

    /// Gives the store back, where it is ours.
    pub(super) async fn close(self) {
        if let Way::Inside { application, .. } = self.way {
            application.close().await;
        }
    }
}

/// Asks one question and gives the store back.
pub(super) async fn ask(global: &Global, screen: &Screen, path: &str) -> Result<Value, Failure> {
    let api = Api::open(global, screen).await?;
    let answer = api.get(path).await;
    api.close().await;
    answer
}

/// Text fit for a path or a query.
pub(super) fn percent(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.~".contains(&b);
    text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

/// Where the server would be: as the command says, or where the configured one is from this machine.
fn address(global: &Global, config: &Config) -> String {
    if let Some(server) = &global.server {
        return server.trim_end_matches('/').to_owned();
    }
    let mut listen = config.http.listen;
    if listen.ip().is_unspecified() {
        listen.set_ip(if listen.is_ipv4() { [127, 0, 0, 1].into() } else { [0, 0, 0, 0, 0, 0, 0, 1].into() });
    }
    format!("http://{listen}")
}

/// Whether the service of this configuration runs.
pub(super) async fn is_served(global: &Global, config: &Config) -> Result<bool, Failure> {
    let http = Http::new(&HttpConfig::default()).map_err(|e| Failure::new(e.to_string(), ""))?;
    Ok(is_ours(&http, &address(global, config)).await)
}

/// Whether a server of ours answers there: anything else on that port does not say exactly this.
async fn is_ours(http: &Http, base: &str) -> bool {
    match http.send(Outgoing::get(format!("{base}/livez")), GREETING).await {
        Ok(answer) => answer.status == 200 && answer.body == b"ok\n",
        Err(failure) => {
            tracing::debug!(said = failure.said, base, "no server answers");
            false
        }
    }
}

fn token(global: &Global, config: &Config, screen: &Screen) -> Result<String, Failure> {
    if let Some(path) = &global.token_file {
        let text = std::fs::read_to_string(path).map_err(|error| {
            Failure::new(format!("{}: {error}", path.display()), screen.say("no-token.remedy"))
        })?;
        return Ok(text.trim().to_owned());
    }
    let Some(auth) = tokens::existing(config)? else {
        return Err(Failure::new(screen.say("no-token"), screen.say("no-token.remedy")));
    };
    let issued = auth.issue(&user(), &Scope::ALL, TOKEN_LIFE, SystemClock.now());
    issued.map_err(|e| Failure::new(e.to_string(), ""))
}

/// Who is at the keyboard, for the audit trail.
fn user() -> String {
    let name = ["SUDO_USER", "USER", "LOGNAME"].iter().find_map(|v| std::env::var(v).ok());
    format!("cli:{}", name.filter(|n| !n.is_empty()).unwrap_or_else(|| "?".to_owned()))
}

/// `{"reason": …}` as a body.
pub(super) fn reason(text: &str) -> Sent {
    Sent::json(&json!({ "reason": text }))
}

/// Asks a router of this process.
pub(crate) async fn inside(router: Router, token: &str, path: &str) -> Result<Value, Failure> {
    let (status, bytes) = request(router, token, "GET", path, None).await?;
    read(status, &bytes)
}

/// The answer, or the error that it is.
fn read(status: u16, bytes: &[u8]) -> Result<Value, Failure> {
    let value: Value = serde_json::from_slice(bytes).unwrap_or(Value::Null);
    if (200..300).contains(&status) {
        return Ok(value);
    }
    let error = value.get("error").unwrap_or(&Value::Null);
    let said = match text(error, "message_vi") {
        "" => format!("HTTP {status}"),
        words => format!("{words}\n  {}", text(error, "message_en")),
    };
    Err(Failure::new(said, ""))
}

async fn request(
    router: Router,
    token: &str,
    method: &str,
    path: &str,
    body: Option<Sent>,
) -> Result<(u16, Vec<u8>), Failure> {
    let failed = |e: &dyn std::fmt::Display| Failure::new(e.to_string(), "");
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "localhost")
        .header("authorization", format!("Bearer {token}"));
    if let Some(body) = &body {
        request = request.header("content-type", body.content_type);
    }
    let body = body.map_or_else(Body::empty, |b| Body::from(b.bytes));
    let request = request.body(body).map_err(|e| failed(&e))?;
    let response = router.oneshot(request).await.map_err(|e| failed(&e))?;
    let status = response.status().as_u16();
    let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.map_err(|e| failed(&e))?;
    Ok((status, bytes.to_vec()))
}
