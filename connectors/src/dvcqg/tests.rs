//! Tests of the portal's connector: what they share, and one file per subject.

mod attempts;
mod born;
mod catalogue;
mod files;
mod gateway;
mod map;
mod pitfalls;
mod progress;
mod read_back;
mod session;
mod simulator;

use super::*;
use crate::http::Request;
use jiff::Timestamp;
use lienthong_core::{
    id::DossierCode,
    operation::ProgressStep,
    port::{
        connector::Sessions,
        store::{Session, StoreError},
    },
    status::PortalStatus,
};
use serde_json::{Value, json};
use std::{
    collections::{HashMap, VecDeque},
    sync::Mutex,
    time::Duration,
};
use wiremock::{Mock, MockServer, Request as Received, Respond, ResponseTemplate, matchers::any};

/// The store's shared sessions.
#[derive(Default)]
struct Shared(Mutex<Option<Session>>);

#[async_trait]
impl Sessions for Shared {
    async fn get(&self, _: &ConnectorId) -> Result<Option<Session>, StoreError> {
        Ok(self.0.lock().unwrap().clone())
    }
    async fn put(&self, _: &ConnectorId, session: &Session) -> Result<(), StoreError> {
        *self.0.lock().unwrap() = Some(session.clone());
        Ok(())
    }
}

fn now() -> Timestamp {
    "2026-11-23T08:10:00+07:00".parse().unwrap()
}

fn call(sessions: &Shared) -> Call<'_> {
    Call { now: now(), deadline: Duration::from_secs(10), sessions }
}

fn call_at(sessions: &Shared, seconds: i64) -> Call<'_> {
    Call { now: now() + SignedDuration::from_secs(seconds), ..call(sessions) }
}

fn config(url: &str, more: Value) -> Config {
    let mut settings = json!({
        "adapter_url": url, "username": "000.00.00.H99", "password": "TEST-PASSWORD", "madonvi": "000.00.00.H99",
        "call_timeout_ms": 2000, "min_write_ms": 100,
    });
    settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    serde_json::from_value(settings).unwrap()
}

fn portal_with(url: &str, more: Value) -> Dvcqg {
    Dvcqg::new(id(), "Cổng DVCQG".to_owned(), None, &config(url, more)).unwrap()
}

fn portal(url: &str) -> Dvcqg {
    portal_with(url, json!({}))
}

fn id() -> ConnectorId {
    ConnectorId::parse("portal").unwrap()
}

fn local() -> Value {
    serde_json::from_str(include_str!("fixtures/local.dossier.json")).unwrap()
}

fn state(fields: Value, status: PortalStatus) -> DossierState {
    let mut state = DossierState::new(DossierCode::parse(fields["code"].as_str().unwrap()).unwrap());
    state.fields = fields.as_object().unwrap().clone();
    state.status = Some(status);
    state
}

fn task_of(payload: Payload, state: DossierState) -> Task {
    Task {
        operation: 7,
        payload: Arc::new(payload),
        subject: Some(state.code.clone()),
        dossier: Some(Arc::new(state)),
        acknowledged: false,
        begun: false,
        doubted: false,
        attempt: 1,
    }
}

/// A first sync of the contract's example.
fn sync() -> Task {
    task_of(Payload::SyncDossier, state(local(), PortalStatus::Received))
}

fn step(content: &str) -> ProgressStep {
    ProgressStep {
        at: now(),
        officer: "Lê Văn Mẫu".to_owned(),
        title: String::new(),
        department: "Bộ phận một cửa".to_owned(),
        content: content.to_owned(),
        status: PortalStatus::Processing,
        started_at: None,
        due_at: None,
    }
}

fn progress(contents: &[&str]) -> Task {
    let steps = contents.iter().map(|c| step(c)).collect();
    task_of(Payload::AppendProgress { steps }, state(local(), PortalStatus::Processing))
}

/// A portal that answers each service from a list; the last answer repeats. Logins give `session-1`, `session-2`, …
#[derive(Clone, Default)]
struct Script(Arc<Mutex<HashMap<String, VecDeque<ResponseTemplate>>>>, Arc<Mutex<u32>>);

impl Script {
    fn on(self, service: &str, answer: ResponseTemplate) -> Self {
        self.0.lock().unwrap().entry(service.to_owned()).or_default().push_back(answer);
        self
    }

    fn says(self, service: &str, code: &str, message: &str) -> Self {
        self.on(service, said(code, message))
    }

    /// What `TraCuuHoSo` answers.
    fn known(self, is_known: bool) -> Self {
        let rows = if is_known { json!([{"MAHOSO": "x"}]) } else { json!([]) };
        self.on("TraCuuHoSo", json_of(json!({"error_code": 0, "result": rows})))
    }

    async fn start(self) -> MockServer {
        let server = MockServer::start().await;
        Mock::given(any()).respond_with(self).mount(&server).await;
        server
    }
}

impl Respond for Script {
    fn respond(&self, request: &Received) -> ResponseTemplate {
        let body: Value = request.body_json().unwrap();
        let service = body["service"].as_str().unwrap_or("login").to_owned();
        let mut answers = self.0.lock().unwrap();
        match answers.get_mut(&service) {
            Some(list) if list.len() > 1 => list.pop_front().unwrap(),
            Some(list) if list.len() == 1 => list[0].clone(),
            _ if service == "login" => {
                let mut logins = self.1.lock().unwrap();
                *logins += 1;
                json_of(json!({"error_code": "00", "message": "ok", "session": format!("session-{logins}")}))
            }
            _ if service == "LayThuTuc" => json_of(json!({"error_code": "0", "result": []})),
            _ => said("0", "Thao tác thành công"),
        }
    }
}

fn json_of(body: Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(body)
}

fn said(code: &str, message: &str) -> ResponseTemplate {
    json_of(json!({"error_code": code, "message": message}))
}

/// What the portal was asked, in order: service, and for `DongBoHoSoMC` its mode.
async fn asked(server: &MockServer) -> Vec<String> {
    let requests = server.received_requests().await.unwrap();
    let name = |request: &Received| {
        let body: Value = request.body_json().unwrap();
        match (body["service"].as_str(), body["isUpdating"].as_str()) {
            (None, _) => "login".to_owned(),
            (Some(_), Some("True")) => "update".to_owned(),
            (Some(_), Some(_)) => "create".to_owned(),
            (Some(service), None) => service.to_owned(),
        }
    };
    requests.iter().map(name).filter(|s| s != "LayThuTuc").collect()
}

#[test]
fn a_manifest_tells_the_longest_path_and_the_window() {
    let portal = portal("http://127.0.0.1:9");
    let manifest = portal.manifest();
    assert_eq!(
        (manifest.kind, manifest.implementation, manifest.in_flight),
        (PartnerKind::Portal, "dvcqg", 16)
    );
    assert_eq!(manifest.actions[&ActionKind::SyncDossier], Duration::from_secs(14));
    assert_eq!(manifest.actions[&ActionKind::AppendProgress], Duration::from_secs(24));
    assert_eq!(manifest.settling_window, SignedDuration::from_secs(90));
}

#[test]
fn addresses_carry_the_destination_where_it_is_configured() {
    let login = "http://a:8080/VXPAdapter/RestService/forward/mapi/login";
    let portal = portal_with("http://a:8080/", json!({"providerurl": "https://p.vn/"}));
    let query = "?dstcode=VN:GOV:000.00.00.G22:vpcpdvcprovider&providerurl=https%3A%2F%2Fp.vn%2F";
    assert_eq!(portal.login_url, format!("{login}{query}"));
    let portal = portal_with("http://a:8080", json!({"dstcode_in": "header"}));
    assert_eq!(portal.login_url, login);
    let request = portal.with_headers(Request::post_json(login, Vec::new()));
    assert!(
        request.headers.contains(&("dstcode".to_owned(), "VN:GOV:000.00.00.G22:vpcpdvcprovider".to_owned()))
    );
}

#[test]
fn wrong_settings_are_named() {
    let table = [
        (json!({"born_statuses": {"0": 1}}), "born_statuses.0"),
        (json!({"born_statuses": {"4": 12}}), "born_statuses.4"),
        (json!({"steps_per_call": 0}), "steps_per_call"),
        (json!({"steps_per_call": 11}), "steps_per_call"),
        (json!({"omit_empty": ["MaHoSo"]}), "omit_empty"),
        (json!({"headers": {"a b": "x"}}), "headers.a b"),
        (json!({"username": " "}), "username"),
        (json!({"procedures": {"table": {"TT1": {"code": ""}}}}), "procedures.table.TT1.code"),
        (json!({"statuses": {"11": 1}}), "statuses.11"),
        (json!({"statuses": {"4": 12}}), "statuses.4"),
        (json!({"min_write_ms": 9000}), "min_write_ms"),
        (json!({"adapter_url": "file:///x"}), "adapter_url"),
        (json!({"password": null}), "password"),
        (json!({"online_payment_code": "9"}), "online_payment_code"),
        (json!({"lengths": {"officer": 3}}), "lengths.officer"),
    ];
    for (settings, key) in table {
        let error = Dvcqg::new(id(), String::new(), None, &config("http://a", settings)).err().unwrap();
        assert_eq!(error.key, key, "{error}");
    }
    let portal = portal_with("http://a", json!({"on_unclear_steps": "person"}));
    assert_eq!(portal.manifest.person_after_doubt, [ActionKind::AppendProgress].into());
    assert!(!format!("{:?}", portal.config).contains("TEST-PASSWORD"));
}

#[tokio::test]
async fn a_check_logs_in_anew_and_counts_the_procedures() {
    let list = json_of(json!({"error_code": 0, "result": [{"MATTHC": "1"}, {"MATTHC": "2"}]}));
    let server = Script::default().on("LayDanhSachTTHC", list).start().await;
    let (portal, sessions) = (portal(&server.uri()), Shared::default());
    for _ in 0..2 {
        assert!(portal.check(&call(&sessions)).await.unwrap().contains("2 procedures"));
    }
    assert_eq!(asked(&server).await, ["login", "LayDanhSachTTHC", "login", "LayDanhSachTTHC"]);

    let server = Script::default().says("login", "-1", "Sai mật khẩu TEST-PASSWORD").start().await;
    let failure = self::portal(&server.uri()).check(&call(&sessions)).await.unwrap_err();
    assert_eq!(failure.cause, Cause::CredentialsRejected);
    assert!(!failure.said.contains("TEST-PASSWORD"), "{}", failure.said);
}
