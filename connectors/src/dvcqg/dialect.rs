//! The two ways to the portal: the security-server adapter, with a session in every body, and a provincial gateway that
//! keeps the session to itself, takes bare data under an address per service, and wraps the portal's answer as text in
//! `message` (contract 1.3). Here is where a request goes and in which form.

use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::Value;

use lienthong_core::outcome::{Cause, Outcome};

use super::{
    Dvcqg,
    config::{Config, DstcodeIn, PortalBorn},
    session::Lent,
    wire::{Envelope, Place, Service},
};
use crate::http::{ConfigError, Request};

/// How the portal is reached.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dialect {
    /// Through the local adapter: login, session, envelope.
    #[default]
    Adapter,
    /// Through a provincial gateway: no session, the answer as text in `message`.
    Gateway,
}

/// Paths of a provincial gateway below `adapter_url`. `{service}`, `{isUpdating}` (`True` or `False`) and `{madonvi}` stand
/// for what they name.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gateway {
    /// Reads, by GET with the parameters in the query.
    #[serde(default = "read_path")]
    pub read_path: String,
    /// New dossiers.
    #[serde(default)]
    pub create_path: String,
    /// Known dossiers.
    #[serde(default)]
    pub update_path: String,
    /// Progress steps.
    #[serde(default)]
    pub progress_path: String,
    /// Statuses of portal-born dossiers; needed where `portal_born` is `status` or `both`.
    #[serde(default)]
    pub status_path: String,
    /// Files that the portal names by address.
    #[serde(default = "file_path")]
    pub file_path: String,
}

/// As one client has it.
fn file_path() -> String {
    "/KetNoiMotCuaQuocGia/getfile".to_owned()
}

/// As two unrelated clients have it.
fn read_path() -> String {
    "/KetNoiMotCuaQuocGia/{service}".to_owned()
}

impl Gateway {
    /// What can be wrong beyond types.
    pub(super) fn check(&self, config: &Config) -> Result<(), ConfigError> {
        let tells_status = config.keeps_born_by(PortalBorn::Status) || config.keeps_born_by(PortalBorn::Both);
        for (key, path, is_needed) in [
            ("gateway.read_path", &self.read_path, true),
            ("gateway.create_path", &self.create_path, true),
            ("gateway.update_path", &self.update_path, true),
            ("gateway.progress_path", &self.progress_path, true),
            ("gateway.status_path", &self.status_path, tells_status),
            ("gateway.file_path", &self.file_path, config.inbound.is_some()),
        ] {
            if is_needed && path.trim().is_empty() {
                return Err(ConfigError::new(
                    key,
                    "missing: each gateway has its own paths, ask its operator",
                ));
            }
            if path.contains("{madonvi}") && config.madonvi.trim().is_empty() {
                return Err(ConfigError::new("madonvi", format!("empty, and {key} names it")));
            }
            if !path.is_empty() {
                url(config, path, "Sample", "False").map_err(|said| ConfigError::new(key, said))?;
            }
        }
        if !self.read_path.contains("{service}") {
            return Err(ConfigError::new("gateway.read_path", "does not name the service: write {service}"));
        }
        Ok(())
    }

    fn path(&self, place: Place) -> &str {
        match place {
            Place::Read => &self.read_path,
            Place::Create => &self.create_path,
            Place::Update => &self.update_path,
            Place::Progress => &self.progress_path,
            Place::Status => &self.status_path,
        }
    }

    /// A read as GET, data as a POST of what stands in `data`, bare.
    fn request<S: Service>(&self, config: &Config, service: &S) -> Result<Request, String> {
        let place = service.place();
        let updating = if place == Place::Update { "True" } else { "False" };
        let mut address = url(config, self.path(place), service.name(), updating)?;
        let Ok(Value::Object(mut body)) = serde_json::to_value(service) else {
            return Err(format!("{} cannot be written", service.name()));
        };
        if place == Place::Read {
            if !body.is_empty() {
                let mut query = address.query_pairs_mut();
                for (name, value) in &body {
                    query.append_pair(name, value.as_str().unwrap_or_default());
                }
            }
            return Ok(Request::get(address));
        }
        let data = body.remove("data").unwrap_or(Value::Null);
        Ok(Request::post_json(address, serde_json::to_vec(&data).map_err(|e| e.to_string())?))
    }
}

/// The whole address of one of the gateway's paths.
fn url(config: &Config, path: &str, service: &str, updating: &str) -> Result<reqwest::Url, String> {
    let path = path.replace("{service}", service).replace("{isUpdating}", updating);
    let path = path.replace("{madonvi}", &config.madonvi);
    if path.contains(['{', '}']) {
        return Err(format!("{path}: only {{service}}, {{isUpdating}} and {{madonvi}} are known"));
    }
    joined(&config.adapter_url, &path)
}

/// An absolute address below a base.
pub(super) fn joined(base: &str, path: &str) -> Result<reqwest::Url, String> {
    let joined = format!("{}/{}", base.trim().trim_end_matches('/'), path.trim_start_matches('/'));
    let url = reqwest::Url::parse(&joined).map_err(|e| format!("{joined}: {e}"))?;
    let is_web = ["http", "https"].contains(&url.scheme()) && url.has_host();
    if is_web { Ok(url) } else { Err(format!("{joined}: not an http or https address")) }
}

/// The whole address of one of the adapter's paths, with the adapter's parameters.
pub(super) fn adapter_address(config: &Config, key: &str, path: &str) -> Result<String, ConfigError> {
    let mut url = joined(&config.adapter_url, path).map_err(|said| {
        let key = if said.contains("not an http") { "adapter_url" } else { key };
        ConfigError::new(key, said)
    })?;
    let mut parameters = Vec::new();
    if config.dstcode_in == DstcodeIn::Query && !config.dstcode.is_empty() {
        parameters.push(format!("dstcode={}", encoded(&config.dstcode)));
    }
    if let Some(provider) = config.providerurl.as_deref().filter(|p| !p.is_empty()) {
        parameters.push(format!("providerurl={}", encoded(provider).replace(':', "%3A")));
    }
    if !parameters.is_empty() {
        url.set_query(Some(&parameters.join("&")));
    }
    Ok(url.to_string())
}

/// Percent-encoding of a value; the colons of a destination code stay as the known clients send them.
fn encoded(value: &str) -> String {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~:".contains(&b);
    value.bytes().map(|b| if is_plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

impl Dvcqg {
    /// The request for a service; `lent` is the session, which a gateway has none of.
    pub(super) fn request<S: Service>(&self, service: &S, lent: Option<&Lent>) -> Result<Request, Outcome> {
        let defect = |said: String| Outcome::not_done(Cause::Internal, said);
        let request = match (&self.config.gateway, lent) {
            (Some(gateway), _) => gateway.request(&self.config, service).map_err(defect)?,
            (None, lent) => {
                let envelope = Envelope {
                    session: lent.map_or("", |l| l.token.expose_secret()),
                    madonvi: &self.config.madonvi,
                    service: service.name(),
                    body: service,
                };
                let body = serde_json::to_vec(&envelope).map_err(|e| defect(e.to_string()))?;
                let url = if S::IS_SHARED { &self.share_url } else { &self.integration_url };
                Request::post_json(url, body)
            }
        };
        Ok(self.with_headers(request))
    }

    /// As known clients send it; the destination code where the adapter looks for it.
    pub(super) fn with_headers(&self, request: Request) -> Request {
        let mut request = request.header("Accept", "application/json").header("Charset", "utf-8");
        for (name, value) in &self.config.headers {
            request = request.header(name, value.expose_secret());
        }
        let is_header =
            self.config.dialect == Dialect::Adapter && self.config.dstcode_in == DstcodeIn::Header;
        if is_header && !self.config.dstcode.is_empty() {
            request = request.header("dstcode", &self.config.dstcode);
        }
        request
    }
}
