//! What vendors' clients read: `{"error_code", "message"}`, with the phrases that they look for. Nothing of what they sent is
//! said back but the dossier's code and the names of fields: it may be personal, or hold one of those phrases.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use lienthong_core::event::rejection::{Reason, Rejection};
use serde_json::{Value, json};

use crate::i18n::{Arg, Locale, text, text_with};

/// Success, for clients that compare texts.
const DONE: &str = "0";
/// It exists: the code that known clients take together with the words "đã tồn tại".
const EXISTS: &str = "-3";
/// Anything else.
const REFUSED: &str = "-1";

/// So many refused dossiers are named in the message; all are in `details`.
const NAMED: usize = 20;

/// What became of a dossier, or of a dossier's steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It says nothing new.
    Repeated,
    /// Stored.
    Stored,
    /// A create of a dossier that is known here.
    Exists,
    /// Not taken: which field, and what was expected there.
    Refused { field: String, expected: String },
}

impl Outcome {
    /// Why an event was put aside.
    pub(super) fn refused(rejection: &Rejection) -> Self {
        let field = rejection.path.rsplit('/').next().unwrap_or_default();
        let expected = match rejection.reason {
            Reason::Data
            | Reason::Subject
            | Reason::UnknownUnit
            | Reason::UnitNotAllowed
            | Reason::Amount => rejection.expected.clone(),
            other => text(Locale::Vi, &format!("reason-{}", other.code())),
        };
        Self::Refused { field: cut(field), expected }
    }

    /// The worse, the higher.
    pub(super) fn rank(&self) -> u8 {
        match self {
            Self::Repeated | Self::Stored => 0,
            Self::Exists => 1,
            Self::Refused { .. } => 2,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Repeated | Self::Stored => DONE,
            Self::Exists => EXISTS,
            Self::Refused { .. } => REFUSED,
        }
    }

    /// In words.
    fn said(&self, code: &str) -> String {
        let what = ("what", Arg::Text(code));
        match self {
            Self::Repeated => text_with(Locale::Vi, "vendor-repeated", &[what]),
            Self::Stored => text_with(Locale::Vi, "vendor-stored", &[what]),
            Self::Exists => text_with(Locale::Vi, "vendor-exists", &[what]),
            Self::Refused { field, expected } => {
                let more = [what, ("field", Arg::Text(field)), ("expected", Arg::Text(expected))];
                without_success(&text_with(Locale::Vi, "vendor-refused", &more))
            }
        }
    }
}

/// Of an answer that is not all success, no part must be taken for it: a refusal must not hold the words by which known clients tell success.
fn without_success(said: &str) -> String {
    said.replace("thành công", "th.công").replace("Thành công", "Th.công").replace("THÀNH CÔNG", "TH.CÔNG")
}

/// A dossier of a call.
pub(super) struct Item {
    /// Its code, as far as it could be read.
    pub(super) code: String,
    pub(super) outcome: Outcome,
}

/// The answer to a whole call.
#[derive(Default)]
pub(super) struct Answer {
    pub(super) items: Vec<Item>,
}

impl Answer {
    /// `0` only if everything is stored; otherwise the message names what is not.
    pub(super) fn response(&self) -> Response {
        if self.items.is_empty() {
            return refuse(StatusCode::OK, "vendor-empty", "");
        }
        let worst = self.items.iter().max_by_key(|item| item.outcome.rank());
        let code = worst.map_or(REFUSED, |item| item.outcome.code());
        let left: Vec<&Item> = self.items.iter().filter(|item| item.outcome.rank() > 0).collect();
        let (all, taken) = (self.items.len() as i64, (self.items.len() - left.len()) as i64);
        let counts = [("taken", Arg::Count(taken)), ("all", Arg::Count(all))];
        let message = if left.is_empty() {
            text_with(Locale::Vi, "vendor-done", &counts)
        } else {
            let mut said: Vec<String> =
                left.iter().take(NAMED).map(|item| item.outcome.said(&item.code)).collect();
            if left.len() > NAMED {
                said.push("…".to_owned());
            }
            said.push(text_with(Locale::Vi, "vendor-part", &counts));
            said.join(" ")
        };
        for item in &self.items {
            metrics::counter!("lienthong_vendor_items_total", "answer" => item.outcome.code()).increment(1);
        }
        let detail = |item: &Item| json!({ "MaHoSo": item.code, "error_code": item.outcome.code(), "message": item.outcome.said(&item.code) });
        let details: Vec<Value> = self.items.iter().map(detail).collect();
        body(StatusCode::OK, &json!({ "error_code": code, "message": message, "details": details }))
    }
}

fn body(status: StatusCode, value: &Value) -> Response {
    (status, Json(value)).into_response()
}

/// A text of a stranger, short and without what could be taken for markup.
pub(super) fn cut(text: &str) -> String {
    let plain = text.chars().filter(|c| c.is_alphanumeric() || "._-[]:".contains(*c));
    plain.take(60).collect()
}

/// Nothing of a call was taken.
pub(super) fn refuse(status: StatusCode, key: &str, what: &str) -> Response {
    let message = text_with(Locale::Vi, key, &[("what", Arg::Text(what))]);
    let mut response = body(status, &json!({ "error_code": REFUSED, "message": without_success(&message) }));
    if status == StatusCode::UNAUTHORIZED {
        let basic = HeaderValue::from_static("Basic realm=\"lienthong\"");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, basic);
    }
    response
}

/// The store is away: the same has to be sent again.
pub(super) fn unavailable() -> Response {
    let mut response = refuse(StatusCode::SERVICE_UNAVAILABLE, "vendor-unavailable", "");
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    response
}

/// A login.
pub(super) fn session(session: &str) -> Response {
    let message = text(Locale::Vi, "vendor-session");
    body(StatusCode::OK, &json!({ "error_code": DONE, "message": message, "session": session }))
}

/// The result of a read: bare for those who send the envelope; a gateway's clients look for the portal's answer as text in
/// `message`.
pub(super) fn read(result: &Value, is_envelope: bool) -> Response {
    let answer = json!({ "error_code": DONE, "result": result });
    if is_envelope {
        return body(StatusCode::OK, &answer);
    }
    body(StatusCode::OK, &json!({ "error_code": DONE, "message": answer.to_string(), "result": result }))
}
