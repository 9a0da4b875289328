//! Files that the portal names by address (contract 7.6): through our own adapter, or the gateway's `getfile`. Whoever may
//! send us addresses must not make us call any place he likes.

use lienthong_core::port::{
    connector::Call,
    inbound::{Fetched, NotFetched},
};
use serde_json::{Value, json};

use super::content;
use crate::{
    dvcqg::{Dvcqg, config::Config, dialect},
    http::{Answer, Budget, Request},
};

fn later(said: impl Into<String>) -> NotFetched {
    NotFetched { said: said.into(), is_final: false }
}

fn never(said: impl Into<String>) -> NotFetched {
    NotFetched { said: said.into(), is_final: true }
}

impl Dvcqg {
    pub(super) async fn fetch_file(&self, address: &str, call: &Call<'_>) -> Result<Fetched, NotFetched> {
        let Some(door) = &self.inbound else { return Err(never("nothing is taken from the portal")) };
        let request = match &self.config.gateway {
            Some(gateway) => {
                let url = dialect::joined(&self.config.adapter_url, &gateway.file_path).map_err(later)?;
                self.with_headers(Request::post_json(
                    url,
                    json!({ "DuongDan": address }).to_string().into_bytes(),
                ))
            }
            None => match allowed(address, &self.config)? {
                Way::Adapter(url) => self.with_headers(Request::get(url)),
                // What opens our adapter is nobody else's business.
                Way::Named(url) => Request::get(url),
            },
        };
        let budget = Budget::new(call.deadline);
        let request = request.header("Accept", "*/*");
        let answer = door.http.send(request, budget.for_call(call.deadline)).await;
        let answer = answer.map_err(|failure| later(failure.said))?;
        if !answer.is_success() || answer.is_html() || answer.body.is_empty() {
            return Err(later(answer.said()));
        }
        let content = if self.config.gateway.is_some() { unwrapped(&answer)? } else { answer.body };
        match content::judged(&content, &door.config) {
            Ok(media_type) => Ok(Fetched { content, media_type }),
            // An error that calls itself success is no file either; the next answer may be one.
            Err(said) if content.starts_with(b"{") => Err(later(said)),
            Err(said) => Err(never(said)),
        }
    }
}

/// The gateway answers base64, as a JSON text or bare.
fn unwrapped(answer: &Answer) -> Result<Vec<u8>, NotFetched> {
    let text = match serde_json::from_slice(&answer.body) {
        Ok(Value::String(text)) => text,
        _ => String::from_utf8_lossy(&answer.body).into_owned(),
    };
    content::decoded(&text)
        .filter(|bytes| !bytes.is_empty())
        .ok_or_else(|| later("the gateway answered no base64"))
}

/// Where a file is fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::dvcqg) enum Way {
    /// Below our adapter's `/RestService/`.
    Adapter(String),
    /// On a host that configuration names, at its scheme's own port.
    Named(String),
}

/// The address at which we fetch it.
pub(in crate::dvcqg) fn allowed(address: &str, config: &Config) -> Result<Way, NotFetched> {
    let ours = config.fetchable(address).map_err(|error| never(error.to_string()))?;
    let url = reqwest::Url::parse(&ours).map_err(|error| never(format!("no address: {error}")))?;
    if !["http", "https"].contains(&url.scheme()) || !url.username().is_empty() || url.password().is_some() {
        return Err(never("neither http nor https, or with a user inside"));
    }
    // The parser has resolved every `..`; what is left begins as our adapter's address does, or it leads elsewhere.
    let adapter =
        config.own_adapter().ok().and_then(|own| reqwest::Url::parse(&format!("{own}/RestService/")).ok());
    let is_ours =
        adapter.is_some_and(|own| url.origin() == own.origin() && url.path().starts_with(own.path()));
    let hosts = config.inbound.as_ref().map(|inbound| inbound.file_hosts.as_slice()).unwrap_or_default();
    let is_named =
        url.host_str().is_some_and(|host| hosts.iter().any(|named| named.eq_ignore_ascii_case(host)));
    if is_ours {
        Ok(Way::Adapter(url.to_string()))
    } else if is_named && url.port().is_none() {
        Ok(Way::Named(url.to_string()))
    } else {
        Err(never(
            "leads past our adapter, to a host that file_hosts does not name, or to another port of it",
        ))
    }
}
