//! Which callbacks are believed, what they tell, how they are answered.

use lienthong_core::{
    payment::News,
    port::connector::{CallbackAnswer, CallbackRequest, CallbackResult, Connector, Verified},
};
use serde_json::{Value, json};
use std::sync::Arc;

use super::{REFERENCE, config, key, made};
use crate::dvcqg_payment::{sign, wire::Report};

fn fields() -> Value {
    json!({
        "LoaiBanTin": "CONFIRM", "MaLoi": "00", "MaDoiTac": "TESTPARTNER", "MaThamChieu": REFERENCE, "SoTien": 150_000,
        "MaTienTe": "VND", "MaGiaoDich": "2611230000123456", "MaNganHang": "VIETCOMBANK", "ThoiGianGD": "20261123143210",
        "ThongTinGiaoDich": "Le phi ho tich",
    })
}

fn with(changes: &Value) -> Value {
    let mut fields = fields();
    for (name, value) in changes.as_object().unwrap() {
        fields[name] = value.clone();
    }
    fields
}

fn signed(mut fields: Value) -> CallbackRequest {
    let report: Report = serde_json::from_value(fields.clone()).unwrap();
    fields["MaXacThuc"] = json!(sign::report(&report, &key()));
    request(fields.to_string())
}

fn request(body: String) -> CallbackRequest {
    CallbackRequest {
        path: String::new(),
        query: String::new(),
        headers: Vec::new(),
        body: body.into_bytes(),
    }
}

fn platform(more: &Value) -> Arc<dyn Connector> {
    made(&config("http://127.0.0.1:1", more))
}

fn verify(request: &CallbackRequest) -> Result<Verified, String> {
    platform(&json!({})).callbacks().unwrap().verify(request)
}

fn answer(more: &Value, request: &CallbackRequest, result: &CallbackResult) -> (CallbackAnswer, Value) {
    let answer = platform(more).callbacks().unwrap().answer(request, result);
    let body = serde_json::from_str(&answer.body).unwrap();
    (answer, body)
}

#[test]
fn a_genuine_success_tells_amount_time_and_identity() {
    let verified = verify(&signed(fields())).unwrap();
    assert_eq!(verified.identity, format!("dvcqg-payment|{REFERENCE}|2611230000123456|00"));
    assert_eq!(verified.claims_match, Ok(()));
    assert_eq!(verified.tiding.reference.as_str(), REFERENCE);
    assert_eq!(verified.tiding.platform_ref, "2611230000123456");
    assert_eq!(verified.tiding.by, "callback");
    let at = "2026-11-23T14:32:10+07:00".parse().unwrap();
    assert_eq!(verified.tiding.news, News::Paid { amount: 150_000, at });
}

#[test]
fn the_amount_may_be_a_text_or_have_an_empty_fraction() {
    for amount in ["150000", "150000.00"] {
        let verified = verify(&signed(with(&json!({ "SoTien": amount })))).unwrap();
        assert!(matches!(verified.tiding.news, News::Paid { amount: 150_000, .. }), "{amount}");
    }
    let genuine = signed(with(&json!({"SoTien": 999})));
    let body = String::from_utf8(genuine.body).unwrap().replace(":999", ":999.00");
    assert!(verify(&request(body)).is_err(), "the digits as sent are what is signed");
}

#[test]
fn forged_callbacks_are_not_believed() {
    let genuine = signed(fields());
    let text = String::from_utf8(genuine.body.clone()).unwrap();
    assert!(verify(&request(text.replace("150000", "1500000"))).is_err());
    assert!(verify(&request(text.replace("TESTPARTNER", "OTHERPARTNER"))).is_err());
    assert!(verify(&request(text.replace("MaXacThuc", "maxacthuc"))).is_err(), "no signature");
    assert!(verify(&request(fields().to_string())).is_err(), "no signature");
    assert!(verify(&request(String::new())).is_err());
    assert!(verify(&request("<html>".into())).is_err());
    let twice = text.replacen('{', r#"{"MaLoi":"00","#, 1);
    assert!(verify(&request(twice)).is_err(), "a field given twice has no one meaning");
    let shouting = text.replace(&text[text.find("MaXacThuc").unwrap() + 12..][..64], &"A".repeat(64));
    assert!(verify(&request(shouting)).is_err());
}

#[test]
fn a_signature_in_capitals_is_the_same_signature() {
    let mut fields: Value = serde_json::from_slice(&signed(fields()).body).unwrap();
    fields["MaXacThuc"] = json!(fields["MaXacThuc"].as_str().unwrap().to_uppercase());
    assert!(verify(&request(fields.to_string())).is_ok());
}

#[test]
fn what_is_claimed_for_somebody_else_does_not_match() {
    let other = verify(&signed(with(&json!({"MaDoiTac": "OTHERPARTNER"})))).unwrap();
    assert!(other.claims_match.unwrap_err().contains("MaDoiTac"));
    let dollars = verify(&signed(with(&json!({"MaTienTe": "USD"})))).unwrap();
    assert!(dollars.claims_match.unwrap_err().contains("VND"));
    let unreadable = verify(&signed(with(&json!({"SoTien": "1.5e5"})))).unwrap();
    assert!(unreadable.claims_match.unwrap_err().contains("SoTien"));
    let timeless = verify(&signed(with(&json!({"ThoiGianGD": "23/11/2026"})))).unwrap();
    assert!(timeless.claims_match.unwrap_err().contains("ThoiGianGD"));
    assert!(verify(&signed(with(&json!({"MaThamChieu": "41023_7f3c2a9e"})))).is_err());
}

#[test]
fn every_other_code_is_a_failure_with_that_code() {
    let verified = verify(&signed(with(&json!({"MaLoi": "24", "MaGiaoDich": ""})))).unwrap();
    assert_eq!(verified.tiding.news, News::Failed { code: "24".into() });
    assert_eq!(verified.identity, format!("dvcqg-payment|{REFERENCE}||24"));
}

#[test]
fn answers_to_our_questions_are_never_callbacks() {
    for kind in ["INIT", "QUERY", "GET_BILL"] {
        let request = signed(with(&json!({ "LoaiBanTin": kind })));
        let any = platform(&json!({"callback_message_types": ["any", kind]}));
        assert!(any.callbacks().unwrap().verify(&request).is_err(), "{kind}");
    }
    let request = signed(with(&json!({"LoaiBanTin": "RESULT"})));
    assert!(verify(&request).is_err());
    let any = platform(&json!({"callback_message_types": ["any"]}));
    assert!(any.callbacks().unwrap().verify(&request).is_ok());
}

#[test]
fn the_answer_echoes_and_says_00_for_what_is_stored() {
    let request = signed(fields());
    let sent: Value = serde_json::from_slice(&request.body).unwrap();
    for result in [CallbackResult::Applied, CallbackResult::Repeated] {
        let (answer, body) = answer(&json!({}), &request, &result);
        assert_eq!(answer.status, 200);
        let expected = json!({"MaLoi": "00", "MoTaLoi": "Thành công", "MaDoiTac": "TESTPARTNER",
            "MaThamChieu": REFERENCE, "ThoiGianGD": "20261123143210", "MaXacThuc": sent["MaXacThuc"]});
        assert_eq!(body, expected);
    }
}

#[test]
fn a_failed_payment_is_stored_too_unless_configured_otherwise() {
    let request = signed(with(&json!({"MaLoi": "24"})));
    let (_, body) = answer(&json!({}), &request, &CallbackResult::Applied);
    assert_eq!(body["MaLoi"], "00");
    let (_, body) = answer(&json!({"answer_failed_with": "99"}), &request, &CallbackResult::Applied);
    assert_eq!(body["MaLoi"], "99");
}

#[test]
fn refusals_say_99_and_our_own_trouble_makes_the_platform_repeat() {
    let request = signed(fields());
    let (refused, body) = answer(&json!({}), &request, &CallbackResult::Rejected("secret words".into()));
    assert_eq!((refused.status, &body["MaLoi"]), (200, &json!("99")));
    assert!(!refused.body.contains("secret"));
    let (down, _) = answer(&json!({}), &request, &CallbackResult::Unavailable);
    assert_eq!(down.status, 503);
    let garbage = CallbackRequest { body: b"garbage".to_vec(), ..request };
    let (answer, body) = answer(&json!({}), &garbage, &CallbackResult::Rejected(String::new()));
    assert_eq!((answer.status, &body["MaLoi"]), (200, &json!("99")));
}
