//! What the tests of this connector share: a config, a parcel, a call, shared sessions in memory.

mod orders;
mod settings;
mod simulator;
mod tokens;
mod tracking;

use async_trait::async_trait;
use jiff::Timestamp;
use lienthong_core::{
    dossier::DossierState,
    id::{ConnectorId, DossierCode, OrderNumber, ParcelId},
    operation::Payload,
    parcel::Direction,
    port::{
        connector::{Call, Connector, Sessions, Task},
        store::{Session, StoreError},
    },
};
use serde_json::{Value, json};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use wiremock::{
    Mock, MockServer, Request, ResponseTemplate,
    matchers::{any, path},
};

use super::{Config, connector};

const NUMBER: &str = "BG-000.00.08.H99-261123-0001-1";

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

fn settings(base: &str) -> Value {
    json!({
        "token_url": format!("{base}/token"), "order_url": format!("{base}/order/post"),
        "cancel_url": format!("{base}/order/cancel"), "tracking_url": format!("{base}/order/tracking"),
        "customer_key": "TEST-CUSTOMER-KEY", "secret_key": "TEST-SECRET-KEY", "customer_code": "TEST-CUSTOMER",
        "sender": {"name": "Trung tâm HCC Mẫu", "phone": "02993000000", "address": "1 Đường Mẫu",
            "email": "hcc@example.gov.vn", "province": 70, "district": 7001},
        "units": {"000.00.09.H99": {"name": "Sở Mẫu", "phone": "02993000009", "address": "9 Đường Mẫu", "province": 70}},
        "provinces": {"99": 70},
        "wards": {"99001": {"province": 70, "district": 7005}},
        "call_timeout_ms": 400, "min_write_ms": 50,
    })
}

fn config(base: &str, more: &Value) -> Config {
    let mut settings = settings(base);
    for (key, value) in more.as_object().unwrap() {
        settings[key] = value.clone();
    }
    serde_json::from_value(settings).unwrap()
}

fn made(config: &Config) -> Arc<dyn Connector> {
    connector(ConnectorId::parse("buu-dien").unwrap(), "Bưu điện".into(), None, config).unwrap()
}

fn party() -> Value {
    json!({"name": "Trần Thị Mẫu", "phone": "0900000001", "address": "Ấp 1, xã Mẫu", "province_code": "99",
        "ward_code": "99001"})
}

fn parcel() -> Value {
    json!({"id": NUMBER, "recipient": party(), "sender": party(), "contents": "01 giấy khai sinh", "note": "Gọi trước",
        "cod_amount": 25_000})
}

fn task_of(payload: Payload) -> Task {
    let mut dossier = DossierState::new(DossierCode::parse("000.00.08.H99-261123-0001").unwrap());
    dossier.fields.insert("unit".into(), json!({"code": "000.00.08.H99", "name": "UBND xã Mẫu"}));
    Task {
        operation: 1,
        payload: Arc::new(payload),
        subject: Some(dossier.code.clone()),
        dossier: Some(Arc::new(dossier)),
        acknowledged: false,
        begun: false,
        doubted: false,
        attempt: 1,
    }
}

fn creation(parcel: Value, direction: Direction) -> Task {
    let parcel = Box::new(serde_json::from_value(parcel).unwrap());
    task_of(Payload::CreateParcel { parcel, direction, order_number: OrderNumber::parse(NUMBER).unwrap() })
}

fn create() -> Task {
    creation(parcel(), Direction::Return)
}

fn cancel() -> Task {
    let (parcel, order_number) =
        (ParcelId::parse("BG-1").unwrap(), OrderNumber::parse("BG/1&2 ".trim()).unwrap());
    task_of(Payload::CancelParcel { parcel, order_number, reason: "x".into() })
}

fn call(sessions: &Shared) -> Call<'_> {
    let now: Timestamp = "2026-11-24T15:30:00+07:00".parse().unwrap();
    Call { now, deadline: Duration::from_secs(5), sessions }
}

struct Post {
    server: MockServer,
    sessions: Shared,
    connector: Arc<dyn Connector>,
}

impl Post {
    async fn with(more: &Value) -> Self {
        let server = MockServer::start().await;
        let connector = made(&config(&server.uri(), more));
        Self { server, sessions: Shared::default(), connector }
    }

    /// A post whose tokens are fine.
    async fn new(more: &Value) -> Self {
        let post = Self::with(more).await;
        post.says("/token", token("T1")).await;
        post
    }

    async fn says(&self, at: &str, answer: ResponseTemplate) {
        Mock::given(any()).and(path(at)).respond_with(answer).mount(&self.server).await;
    }

    async fn says_once(&self, at: &str, answer: ResponseTemplate) {
        let mock = Mock::given(any()).and(path(at)).respond_with(answer);
        mock.up_to_n_times(1).with_priority(1).mount(&self.server).await;
    }

    async fn seen(&self, at: &str) -> Vec<Request> {
        let all = self.server.received_requests().await.unwrap();
        all.into_iter().filter(|request| request.url.path() == at).collect()
    }

    fn call(&self) -> Call<'_> {
        call(&self.sessions)
    }
}

fn token(name: &str) -> ResponseTemplate {
    ok(json!({"access_token": name, "token_type": "Bearer", "expires_in": 3600, "scope": "default"}))
}

fn ok(body: Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(body)
}
