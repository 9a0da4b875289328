//! A request as read from the wire, and the answer that goes back.

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderMap, Method, StatusCode, header},
    response::Response,
};
use serde_json::{Map, Value, json};

/// Larger than any documented message; the portal's files go by reference.
const MAX_BODY: usize = 32 << 20;

/// One request, completely read.
pub struct Incoming {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) raw: Vec<u8>,
    /// The body as JSON; null when it is not.
    pub(crate) json: Value,
}

impl Incoming {
    pub(crate) async fn read(request: Request) -> Result<Self, axum::Error> {
        let (head, body) = request.into_parts();
        let raw = axum::body::to_bytes(body, MAX_BODY).await?.to_vec();
        let json = serde_json::from_slice(&raw).unwrap_or(Value::Null);
        let query = pairs(head.uri.query().unwrap_or_default());
        let path = head.uri.path().to_owned();
        Ok(Self { method: head.method, path, query, headers: head.headers, raw, json })
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub(crate) fn param(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The body as an urlencoded form.
    pub(crate) fn form(&self) -> Vec<(String, String)> {
        pairs(&String::from_utf8_lossy(&self.raw))
    }

    pub(crate) fn is_json(&self) -> bool {
        self.header("content-type")
            .is_some_and(|kind| kind.to_ascii_lowercase().starts_with("application/json"))
    }

    /// What the journal keeps of it.
    pub(crate) fn record(&mut self) -> Value {
        if !self.json.is_null() {
            return self.json.take();
        }
        let query = self.query.drain(..).map(|(key, value)| (key, Value::String(value)));
        json!({"query": query.collect::<Map<_, _>>(), "body": String::from_utf8_lossy(&self.raw)})
    }
}

/// Splits `a=b&c=d`; percent-encoded or raw values are both accepted, a plus is a space.
fn pairs(text: &str) -> Vec<(String, String)> {
    let parts = text.split('&').filter(|part| !part.is_empty());
    parts
        .map(|part| part.split_once('=').unwrap_or((part, "")))
        .map(|(k, v)| (decode(k), decode(v)))
        .collect()
}

pub(crate) fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let hex = tail.get(..2).and_then(|pair| std::str::from_utf8(pair).ok());
        match (first, hex.and_then(|pair| u8::from_str_radix(pair, 16).ok())) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = tail.get(2..).unwrap_or_default();
                continue;
            }
            (b'+', _) => bytes.push(b' '),
            (other, _) => bytes.push(*other),
        }
        rest = tail;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Encodes everything but unreserved characters.
pub(crate) fn encode(text: &str) -> String {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes()
        .map(|b| if unreserved(b) { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect()
}

/// The body of an answer.
#[derive(Clone, Debug)]
pub enum Content {
    Json(Value),
    Html(String),
    Pdf(Vec<u8>),
}

/// An answer before it becomes bytes.
#[derive(Clone, Debug)]
pub struct Answer {
    pub(crate) status: u16,
    pub(crate) content: Content,
    pub(crate) retry_after: Option<u64>,
}

impl Answer {
    pub(crate) fn json(status: u16, value: Value) -> Self {
        Self { status, content: Content::Json(value), retry_after: None }
    }

    pub(crate) fn html(status: u16, html: impl Into<String>) -> Self {
        Self { status, content: Content::Html(html.into()), retry_after: None }
    }

    /// What the journal keeps of it.
    pub(crate) fn record(&self) -> Value {
        match &self.content {
            Content::Json(value) => value.clone(),
            Content::Html(html) => json!({ "html": html }),
            Content::Pdf(bytes) => json!({ "pdf_bytes": bytes.len() }),
        }
    }

    /// The HTTP response; with `half` the body breaks off in the middle.
    pub(crate) fn into_response(self, half: bool) -> Response {
        let (kind, bytes) = match self.content {
            Content::Json(value) => ("application/json; charset=utf-8", value.to_string().into_bytes()),
            Content::Html(html) => ("text/html; charset=utf-8", html.into_bytes()),
            Content::Pdf(bytes) => ("application/pdf", bytes),
        };
        let mut builder = Response::builder()
            .status(StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR))
            .header(header::CONTENT_TYPE, kind)
            .header(header::CONTENT_LENGTH, bytes.len());
        if let Some(seconds) = self.retry_after {
            builder = builder.header(header::RETRY_AFTER, seconds);
        }
        let body = if half { crate::server::broken_body(bytes) } else { Body::from(bytes) };
        builder.body(body).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoded_and_raw_values_read_the_same() {
        let raw = pairs("dstcode=VN:GOV:000.00.00.G22:vpcp&x=");
        let encoded = pairs("dstcode=VN%3AGOV%3A000.00.00.G22%3Avpcp&x=");
        assert_eq!(raw, encoded);
        assert_eq!(decode(&encode("a b/ü%")), "a b/ü%");
        assert_eq!(decode("100%"), "100%");
    }
}
