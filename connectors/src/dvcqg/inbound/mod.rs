//! What the portal sends to the province (contract 8): who may send, which service it is, what is answered. Each service is
//! read in a file of its own.

mod config;
mod content;
mod dossiers;
pub(super) mod fetch;
mod fields;
mod guard;
mod lookup;
mod notice;
mod promotion;
mod tax;

pub use config::{DossierRoute, InboundConfig, Paths};
pub use content::Kind;

use async_trait::async_trait;
use lienthong_core::port::{
    connector::{Call, CallbackAnswer},
    inbound::{Became, Fetched, Inbound, InboundRequest, InboundResult, Item, NotFetched, Said, Unread},
};
use serde_json::{Value, json};

use super::{Dvcqg, config::Config, connection};
use crate::http::{ConfigError, Http};
use fields::{Object, text};

/// What adapters put before the provider's own path; known implementations take both names.
const ADAPTERS: [&str; 2] = ["XrdAdapter/RestService/forward/", "VXPAdapter/RestService/forward/"];

/// More files than any request has: they are one unit of work.
const MOST_FILES: usize = 500;

/// The door, where configuration opens it.
pub(super) struct Door {
    config: InboundConfig,
    guard: guard::Guard,
    http: Http,
}

impl Door {
    pub(super) fn new(config: &Config) -> Result<Option<Self>, ConfigError> {
        let Some(inbound) = &config.inbound else { return Ok(None) };
        inbound.check()?;
        // A gateway answers base64: a third more.
        let limit = inbound.largest_file_bytes / 3 * 4 + 4096;
        let http = Http::new(&connection(config))?.body_limit(limit);
        Ok(Some(Self { config: inbound.clone(), guard: guard::Guard::new(inbound)?, http }))
    }

    fn service(&self, path: &str) -> Option<Service> {
        let own = |path: &str| self.config.dossiers.as_ref().is_some_and(|route| route.path == path);
        let path = ADAPTERS
            .iter()
            .find_map(|prefix| path.strip_prefix(prefix))
            .unwrap_or(path)
            .trim_end_matches('/');
        let Paths { promotion, data, tax, search } = &self.config.paths;
        let known = [
            (promotion, Service::Promotion),
            (data, Service::Data),
            (tax, Service::Tax),
            (search, Service::Search),
        ];
        let service = known.into_iter().find(|(known, _)| !path.is_empty() && *known == path);
        service.map(|(_, service)| service).or_else(|| own(path).then_some(Service::Dossiers))
    }
}

/// What stands behind a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Service {
    Promotion,
    Data,
    Tax,
    Search,
    /// The assumed route, where no other service has its path.
    Dossiers,
}

impl Dvcqg {
    /// What a request says, service by service.
    fn said(&self, request: &InboundRequest) -> Result<Said, Unread> {
        let shut = || Unread::Invalid("không có dịch vụ này".to_owned());
        let service =
            self.inbound.as_ref().and_then(|door| door.service(&request.http.path)).ok_or_else(shut)?;
        let body: Value = serde_json::from_slice(&request.http.body)
            .map_err(|error| Unread::Unparsable(format!("JSON: {error}")))?;
        let Value::Object(body) = body else {
            return Err(Unread::Invalid("thân không phải đối tượng JSON".to_owned()));
        };
        let route = self.config.inbound.as_ref().and_then(|inbound| inbound.dossiers.as_ref());
        // It may share its path with the amendments; the names of the services tell them apart.
        let route = route.filter(|route| match service {
            Service::Dossiers => true,
            Service::Data => self.config.inbound.as_ref().is_some_and(|i| i.paths.data == route.path),
            Service::Promotion | Service::Tax | Service::Search => false,
        });
        if let Some(deed) = route.and_then(|route| dossiers::Deed::of(route, &text(&body, "service"))) {
            return Ok(Said::News(dossiers::read(deed, &body, &self.config)?));
        }
        match service {
            Service::Dossiers => {
                Err(Unread::Invalid(format!("service: không có {:?}", text(&body, "service"))))
            }
            Service::Promotion => Ok(Said::News(vec![promotion::submitted(&body, &self.config)?])),
            Service::Data if text(&body, "service") == "NhanChungTuThueDat" => {
                Ok(Said::News(vec![tax::voucher(data(&body)?)?]))
            }
            Service::Data => Ok(Said::News(vec![promotion::amended(data(&body)?, &self.config)?])),
            Service::Tax if text(&body, "service") == "NhanThongBaoThueDat" => {
                Ok(Said::News(tax::notices(data(&body)?, &self.config)?))
            }
            Service::Tax => Err(Unread::Invalid(format!(
                "service: {:?} không phải NhanThongBaoThueDat",
                text(&body, "service")
            ))),
            Service::Search => match text(&body, "masohoso") {
                code if code.is_empty() => Err(Unread::Invalid("Thiếu masohoso".to_owned())),
                code => Ok(Said::Question(code)),
            },
        }
    }
}

#[async_trait]
impl Inbound for Dvcqg {
    fn has(&self, path: &str) -> bool {
        self.inbound.as_ref().is_some_and(|door| door.service(path).is_some())
    }

    fn largest_body(&self) -> usize {
        self.inbound.as_ref().map_or(0, |door| door.config.largest_request_bytes)
    }

    fn secret_headers(&self) -> Vec<String> {
        self.inbound.as_ref().map(|door| door.guard.secret_headers()).unwrap_or_default()
    }

    fn admit(&self, request: &InboundRequest) -> Result<(), String> {
        self.inbound.as_ref().map_or(Err("the door is shut".to_owned()), |door| door.guard.admit(request))
    }

    fn read(&self, request: &InboundRequest) -> Result<Said, Unread> {
        let said = self.said(request)?;
        if let Said::News(items) = &said {
            let files = items.iter().map(|item| match item {
                Item::Message(message) => message.files.len(),
                Item::Faulty { .. } => 0,
            });
            if files.sum::<usize>() > MOST_FILES {
                return Err(Unread::Invalid(format!("hơn {MOST_FILES} tệp trong một gói tin")));
            }
        }
        Ok(said)
    }

    fn answer(&self, request: &InboundRequest, result: &InboundResult) -> CallbackAnswer {
        let service = self.inbound.as_ref().and_then(|door| door.service(&request.http.path));
        let is_question = service == Some(Service::Search);
        let said = |status: u16, code: i64, message: &str| {
            // Look-ups fail with the code as text, everything else with a number (contract 8.4, 8.5).
            let code = if is_question { json!(code.to_string()) } else { json!(code) };
            json_answer(status, &json!({ "error_code": code, "message": message }))
        };
        match result {
            InboundResult::Taken(became) => {
                let (code, message) = verdict(became);
                said(200, code, &message)
            }
            InboundResult::Found(state, book, now) => json_answer(200, &self.found(state, book, *now)),
            InboundResult::NotFound => said(200, -1, "Không tìm thấy hồ sơ"),
            InboundResult::Unread(Unread::Unparsable(why)) => {
                CallbackAnswer { status: 500, content_type: "text/plain; charset=utf-8", body: why.clone() }
            }
            InboundResult::Unread(Unread::Invalid(why)) => said(200, -1, why),
            InboundResult::Refused => said(401, -1, "Không có quyền truy cập"),
            InboundResult::TooLarge => said(413, -1, "Gói tin quá lớn"),
            InboundResult::Unavailable => {
                let status = self.inbound.as_ref().map_or(503, |door| door.config.unavailable_status);
                said(status, -1, "Hệ thống tạm thời không nhận được, đề nghị gửi lại")
            }
        }
    }

    async fn fetch(&self, address: &str, call: &Call<'_>) -> Result<Fetched, NotFetched> {
        self.fetch_file(address, call).await
    }
}

/// The object in `data`.
fn data(body: &Object) -> Result<&Object, Unread> {
    let missing = || Unread::Invalid("Thiếu data".to_owned());
    body.get("data").and_then(Value::as_object).ok_or_else(missing)
}

fn json_answer(status: u16, body: &Value) -> CallbackAnswer {
    CallbackAnswer { status, content_type: "application/json; charset=utf-8", body: body.to_string() }
}

/// Code and words for what became of all parts: whatever was not taken outweighs what was, because the portal has to know.
fn verdict(became: &[(String, Became)]) -> (i64, String) {
    let of = |wanted: fn(&Became) -> bool| -> Vec<&str> {
        became.iter().filter(|(_, became)| wanted(became)).map(|(subject, _)| subject.as_str()).collect()
    };
    let mut lacking = Vec::new();
    let unknown = of(|became| *became == Became::Unknown);
    if !unknown.is_empty() {
        lacking.push(format!("Không tìm thấy hồ sơ: {}", unknown.join(", ")));
    }
    for (subject, became) in became {
        if let Became::Faulty(said) = became {
            lacking.push(format!("{subject}: {said}"));
        }
    }
    if !lacking.is_empty() {
        return (-1, lacking.join("; "));
    }
    let differing = of(|became| *became == Became::Conflict);
    if !differing.is_empty() {
        let subjects = differing.join(", ");
        return (
            1,
            format!("Mã tham chiếu đã tồn tại với nội dung khác, nội dung mới chưa được nhận: {subjects}"),
        );
    }
    if became.iter().all(|(_, became)| *became == Became::Repeated) {
        let subjects = of(|became| *became == Became::Repeated).join(", ");
        return (1, format!("Mã tham chiếu đã tồn tại: {subjects}"));
    }
    (0, "Thành công".to_owned())
}
