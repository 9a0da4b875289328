//! One way to ask: the running server, or, when none answers, the same router inside this process over the same store.

use std::{os::unix::fs::MetadataExt, time::Duration};

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
    i18n::Arg,
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
    Inside { application: Box<Application>, router: Router, base: String },
}

/// The API, with a token.
pub(super) struct Api {
    way: Way,
    token: Token,
}

/// A token, and where it is from.
struct Token {
    text: String,
    /// The file that it is from or was made by; for the words of a refusal.
    from: String,
    /// Whether it names who is at the keyboard.
    is_signed: bool,
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
        let (base, token) = match (&global.server, &global.token_file) {
            // Both given: nothing of this machine's configuration is needed.
            (Some(server), Some(_)) => (server.trim_end_matches('/').to_owned(), given(global, screen)?),
            _ => (String::new(), None),
        };
        let config = if token.is_some() { None } else { Some(super::load(global)?) };
        let base = config.as_ref().map_or(base, |config| address(global, config));
        let http = Http::new(&HttpConfig::default()).map_err(|e| Failure::new(e.to_string(), ""))?;
        if is_ours(&http, &base).await {
            let token = match (token, &config) {
                (None, Some(config)) => self::token(global, config, screen)?,
                (token, _) => token.ok_or_else(|| no_token(screen))?,
            };
            return Ok(Self { way: Way::Server { http, base }, token });
        }
        let Some(config) = config.filter(|_| global.server.is_none()) else {
            let said = screen.say_with("no-server", &[("url", Arg::Text(&base))]);
            return Err(Failure::new(said, screen.say("no-server.remedy")));
        };
        let application = Application::build(config, Purpose::Answer).await?;
        let (subject, is_signed) = subject();
        let text = application.token(&subject, &Scope::ALL, TOKEN_LIFE)?;
        let token = Token { text, from: file(global, screen), is_signed };
        let router = application.router();
        Ok(Self { way: Way::Inside { application: Box::new(application), router, base }, token })
    }

    /// Says so when no service answers: figures come from the store then, and nothing is on its way.
    pub(super) fn tell(&self, screen: &Screen) {
        if let (Way::Inside { base, .. }, false) = (&self.way, screen.json) {
            screen.line(screen.say_with("not-served", &[("url", Arg::Text(base))]));
        }
    }

    /// Whether a service answers.
    pub(super) fn is_served(&self) -> bool {
        matches!(self.way, Way::Server { .. })
    }

    /// A person's decision, with the reason; not without a name for the record.
    pub(super) async fn decide(&self, screen: &Screen, path: &str, reason: &str) -> Result<Value, Failure> {
        self.order(screen, path, &json!({ "reason": reason })).await
    }

    /// The same with a body of its own.
    pub(super) async fn order(&self, screen: &Screen, path: &str, body: &Value) -> Result<Value, Failure> {
        if !self.token.is_signed {
            return Err(Failure::new(screen.say("no-name"), screen.say("no-name.remedy")));
        }
        self.tell(screen);
        self.post(screen, path, Sent::json(body)).await
    }

    /// GET.
    pub(super) async fn get(&self, screen: &Screen, path: &str) -> Result<Value, Failure> {
        self.call(screen, "GET", path, None).await
    }

    /// POST.
    pub(super) async fn post(&self, screen: &Screen, path: &str, body: Sent) -> Result<Value, Failure> {
        self.call(screen, "POST", path, Some(body)).await
    }

    async fn call(
        &self,
        screen: &Screen,
        method: &'static str,
        path: &str,
        body: Option<Sent>,
    ) -> Result<Value, Failure> {
        let (status, bytes) = match &self.way {
            Way::Server { http, base } => self.over_http(http, base, method, path, body).await?,
            Way::Inside { router, .. } => {
                request(router.clone(), &self.token.text, method, path, body).await?
            }
        };
        if let (401, Way::Server { base, .. }) = (status, &self.way) {
            let args = [("url", base), ("file", &self.token.from)].map(|(n, v)| (n, Arg::Text(v.as_str())));
            let remedy = screen.say_with("token-refused.remedy", &args);
            return Err(Failure::new(screen.say_with("token-refused", &args), remedy));
        }
        let mut answer = read(status, &bytes)?;
        if let Value::Object(fields) = &mut answer {
            fields.insert("service".into(), self.is_served().into());
        }
        Ok(answer)
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
        let request = request.header("authorization", format!("Bearer {}", self.token.text));
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
    let answer = api.get(screen, path).await;
    if answer.is_ok() {
        api.tell(screen);
    }
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

/// The token of `--token-file`, if the call names one.
fn given(global: &Global, screen: &Screen) -> Result<Option<Token>, Failure> {
    let Some(path) = &global.token_file else { return Ok(None) };
    let text = std::fs::read_to_string(path).map_err(|error| {
        Failure::new(format!("{}: {error}", path.display()), screen.say("no-token.remedy"))
    })?;
    let from = path.display().to_string();
    Ok(Some(Token { text: text.trim().to_owned(), from, is_signed: true }))
}

fn token(global: &Global, config: &Config, screen: &Screen) -> Result<Token, Failure> {
    if let Some(token) = given(global, screen)? {
        return Ok(token);
    }
    let Some(auth) = tokens::existing(config)? else { return Err(no_token(screen)) };
    let (subject, is_signed) = subject();
    let issued = auth.issue(&subject, &Scope::ALL, TOKEN_LIFE, SystemClock.now());
    let text = issued.map_err(|e| Failure::new(e.to_string(), ""))?;
    Ok(Token { text, from: file(global, screen), is_signed })
}

fn no_token(screen: &Screen) -> Failure {
    Failure::new(screen.say("no-token"), screen.say("no-token.remedy"))
}

/// The configuration in use, for people.
fn file(global: &Global, screen: &Screen) -> String {
    super::config_path(global).map_or_else(|| screen.say("config-embedded"), |p| p.display().to_string())
}

/// Who is at the keyboard, for the audit trail, and whether that is known.
fn subject() -> (String, bool) {
    let variables = ["SUDO_USER", "USER", "LOGNAME"].map(|name| std::env::var(name).ok());
    // The owner of our own entry there is the account that we run as.
    let account = std::fs::metadata("/proc/self").ok().map(|own| own.uid());
    let name = name_of(variables, account);
    (format!("cli:{}", name.as_deref().unwrap_or("?")), name.is_some())
}

fn name_of(variables: [Option<String>; 3], account: Option<u32>) -> Option<String> {
    let named = variables.into_iter().flatten().find(|name| !name.trim().is_empty());
    named.or_else(|| account.map(|id| format!("uid-{id}")))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_audit_trail_names_an_account_even_without_its_variables() {
        let nobody = || [None, Some(String::new()), None];
        assert_eq!(
            name_of([None, Some("an".into()), Some("binh".into())], Some(1000)).as_deref(),
            Some("an")
        );
        assert_eq!(name_of(nobody(), Some(1000)).as_deref(), Some("uid-1000"));
        assert_eq!(name_of(nobody(), None), None);
    }
}
