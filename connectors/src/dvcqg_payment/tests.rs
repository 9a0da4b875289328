//! What the tests of this connector share: a config, a dossier, a payment, a call.

mod bodies;
mod callbacks;
mod opening;
mod settings;
mod signatures;
mod simulator;

use async_trait::async_trait;
use jiff::Timestamp;
use lienthong_core::{
    dossier::DossierState,
    id::{ConnectorId, DossierCode, Reference},
    operation::Payload,
    port::{
        connector::{Call, Connector, Sessions, Task},
        store::{Session, StoreError},
    },
};
use secrecy::SecretString;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

use super::{Config, connector};

const KEY: &str = "TEST-HASH-KEY";
const SENT_AT: &str = "20261123080605";
const REFERENCE: &str = "LT234567ABCDEFGHJKLMNPQRS";

struct NoSessions;

#[async_trait]
impl Sessions for NoSessions {
    async fn get(&self, _: &ConnectorId) -> Result<Option<Session>, StoreError> {
        Ok(None)
    }
    async fn put(&self, _: &ConnectorId, _: &Session) -> Result<(), StoreError> {
        Ok(())
    }
}

fn key() -> SecretString {
    KEY.into()
}

fn settings(base: &str) -> Value {
    json!({
        "init_url": format!("{base}/init"), "query_url": format!("{base}/query"), "partner_code": "TESTPARTNER",
        "secret": KEY, "ip": "203.0.113.10", "call_timeout_ms": 400, "min_write_ms": 50,
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
    connector(ConnectorId::parse("thanh-toan").unwrap(), "Thanh toán".into(), None, config).unwrap()
}

fn payment() -> Value {
    json!({
        "id": "TT-000.00.08.H99-261123-0001-1", "purpose": "fee",
        "lines": [
            {"fee_id": "LP01", "kind": "fee", "code": "LP01", "name": "Lệ phí hộ tịch", "amount": 8000},
            {"kind": "charge", "code": "", "name": "Phí cấp bản sao", "amount": 142_000},
        ],
        "payer": {"name": "Trần Thị Mẫu", "id_number": "080099000001", "address": "Ấp 1, xã Mẫu", "phone": "0900000001",
            "province": "Tỉnh Mẫu"},
        "beneficiary": {"account": "0011001234567", "bank_bin": "970436", "bank_code": "VCB", "holder": "Sở Tư pháp"},
        "description": "Lệ phí hộ tịch | đăng ký",
    })
}

fn dossier() -> DossierState {
    let mut state = DossierState::new(DossierCode::parse("000.00.08.H99-261123-0001").unwrap());
    let fields = json!({
        "code": "000.00.08.H99-261123-0001",
        "procedure": {"code": "1.001193", "name": "Đăng ký khai sinh"},
        "unit": {"code": "000.00.08.H99", "name": "UBND xã Mẫu"},
        "applicant": {"kind": "citizen", "name": "Lê Văn Chủ", "id": {"kind": "citizen_id", "number": "080099000002"},
            "address": "Ấp 2"},
    });
    state.fields = fields.as_object().unwrap().clone();
    state
}

fn payload(payment: Value, amount: i64) -> Payload {
    Payload::OpenPayment {
        payment: Box::new(serde_json::from_value(payment).unwrap()),
        reference: Reference::parse(REFERENCE).unwrap(),
        amount,
        sent_at: SENT_AT.into(),
    }
}

fn task_of(payload: Payload) -> Task {
    let dossier = dossier();
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

fn task() -> Task {
    task_of(payload(payment(), 150_000))
}

fn doubted() -> Task {
    Task { begun: true, doubted: true, attempt: 2, ..task() }
}

fn call() -> Call<'static> {
    let now: Timestamp = "2026-11-23T08:06:05+07:00".parse().unwrap();
    Call { now, deadline: Duration::from_secs(3), sessions: &NoSessions }
}
