//! Orders and cancellations: what is sent, what each answer means.

use lienthong_core::{
    need::Need,
    outcome::{Cause, Outcome},
    parcel::Direction,
    port::connector::Task,
};
use serde_json::{Value, json};
use std::time::Duration;
use wiremock::ResponseTemplate;

use super::{NUMBER, Post, cancel, config, create, creation, made, ok, parcel, settings};

async fn sent(task: &Task, more: &Value) -> Value {
    let post = Post::new(more).await;
    post.says("/order/post", ok(json!({"Status": 100, "Message": "ok"}))).await;
    let outcome = post.connector.attempt(task, &post.call()).await;
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
    serde_json::from_slice(&post.seen("/order/post").await[0].body).unwrap()
}

/// The outcome, and that nothing was sent.
async fn unsent(task: &Task, more: &Value) -> Outcome {
    let post = Post::new(more).await;
    let outcome = post.connector.attempt(task, &post.call()).await;
    assert!(post.server.received_requests().await.unwrap().is_empty());
    outcome
}

async fn answered(answer: ResponseTemplate, task: &Task) -> Outcome {
    let post = Post::new(&json!({"cancel_gone_status": [103]})).await;
    post.says("/order/post", answer.clone()).await;
    post.says("/order/cancel", answer).await;
    post.connector.attempt(task, &post.call()).await
}

fn changed(pointer: &str, value: Value) -> Task {
    let mut parcel = parcel();
    *parcel.pointer_mut(pointer).unwrap() = value;
    creation(parcel, Direction::Return)
}

#[tokio::test]
async fn a_return_goes_from_the_agency_to_the_citizen() {
    assert_eq!(
        sent(&create(), &json!({})).await,
        json!({
            "CustomerCode": "TEST-CUSTOMER", "OrderNumber": NUMBER, "CODAmount": 25_000,
            "SenderProvince": 70, "SenderDistrict": 7001, "SenderAddress": "1 Đường Mẫu",
            "SenderName": "Trung tâm HCC Mẫu", "SenderEmail": "hcc@example.gov.vn", "SenderTel": "02993000000",
            "SenderDesc": "01 giấy khai sinh", "Description": "Gọi trước",
            "ReceiverName": "Trần Thị Mẫu", "ReceiverAddress": "Ấp 1, xã Mẫu", "ReceiverTel": "0900000001",
            "ReceiverProvince": 70, "ReceiverDistrict": 7005, "ReceiverEmail": "",
        })
    );
}

#[tokio::test]
async fn a_pickup_goes_from_the_citizen_to_the_agency() {
    let order = sent(&creation(parcel(), Direction::Pickup), &json!({})).await;
    assert_eq!((&order["SenderName"], &order["SenderDistrict"]), (&json!("Trần Thị Mẫu"), &json!(7005)));
    assert_eq!(
        (&order["ReceiverName"], &order["ReceiverTel"]),
        (&json!("Trung tâm HCC Mẫu"), &json!("02993000000"))
    );
}

#[tokio::test]
async fn the_desk_or_the_unit_may_have_an_address_of_its_own() {
    let mut desk = parcel();
    desk["desk_unit"] = json!("000.00.09.H99");
    let order = sent(&creation(desk, Direction::Return), &json!({})).await;
    assert_eq!(order["SenderName"], "Sở Mẫu");
    assert!(order.get("SenderDistrict").is_none(), "what is not configured is not sent");
    let mut units = settings("")["units"].clone();
    units["000.00.08.H99"] = json!({"name": "UBND xã Mẫu", "phone": "1", "address": "2", "province": 71});
    assert_eq!(sent(&create(), &json!({ "units": units })).await["SenderName"], "UBND xã Mẫu");
}

#[tokio::test]
async fn what_the_post_needs_is_asked_for_before_anything_is_sent() {
    for field in ["name", "phone", "address"] {
        let outcome = unsent(&changed(&format!("/recipient/{field}"), json!(" ")), &json!({})).await;
        let Outcome::Refused(refusal) = outcome else { panic!("{outcome:?}") };
        assert_eq!(
            (refusal.code.as_str(), refusal.field),
            ("local", Some(format!("parcel.recipient.{field}")))
        );
    }
    let nobody = unsent(&changed("/recipient", json!(null)), &json!({})).await;
    assert!(matches!(nobody, Outcome::Refused(r) if r.field.as_deref() == Some("parcel.recipient")));
    let nowhere = unsent(&changed("/recipient/ward_code", json!("")), &json!({})).await;
    assert!(
        matches!(nowhere, Outcome::Refused(r) if r.field.as_deref() == Some("parcel.recipient.ward_code"))
    );
}

#[tokio::test]
async fn an_unmapped_ward_is_held_unless_its_province_may_do() {
    let need = |table: &str, code: &str| {
        let (connector, table, code) = ("buu-dien".into(), table.into(), code.into());
        Outcome::Held(Need::Mapping { connector, table, code })
    };
    let unmapped = changed("/recipient/ward_code", json!("99002"));
    assert_eq!(unsent(&unmapped, &json!({})).await, need("ward", "99002"));
    let by_province = json!({"default_district_from_province": true});
    let order = sent(&unmapped, &by_province).await;
    assert_eq!(order["ReceiverProvince"], 70);
    assert!(order.get("ReceiverDistrict").is_none());
    let mut elsewhere = parcel();
    elsewhere["recipient"]["ward_code"] = json!("");
    elsewhere["recipient"]["province_code"] = json!("98");
    assert_eq!(unsent(&creation(elsewhere, Direction::Return), &by_province).await, need("province", "98"));
}

#[tokio::test]
async fn each_answer_to_an_order_says_what_it_says() {
    let cases = [
        (ok(json!({"Status": 100, "Message": "ok"})), "done"),
        (ok(json!({"Status": "100"})), "done"),
        (ok(json!({"Status": 101, "Message": "Đơn hàng đã tồn tại"})), "refused"),
        (ok(json!({"Status": 102, "Message": null})), "refused"),
        (ok(json!({"Status": "x"})), "unclear"),
        (ok(json!({})), "unclear"),
        (ResponseTemplate::new(200).set_body_string("{\"Status\":1"), "unclear"),
        (ResponseTemplate::new(200).set_body_string("<html>"), "unclear"),
        (ResponseTemplate::new(400).set_body_json(json!({"Status": 400, "Message": "x"})), "refused"),
        (ResponseTemplate::new(400).set_body_json(json!({"Status": 100})), "unclear"),
        (ResponseTemplate::new(500).set_body_json(json!({"Status": 500})), "unclear"),
        (ResponseTemplate::new(403), "paused"),
        (ResponseTemplate::new(429), "not_done"),
        (ResponseTemplate::new(503), "not_done"),
        (ok(json!({"Status": 100})).set_delay(Duration::from_millis(800)), "unclear"),
    ];
    for (index, (answer, name)) in cases.into_iter().enumerate() {
        let outcome = answered(answer, &create()).await;
        assert_eq!(outcome.name(), name, "row {index}: {outcome:?}");
    }
}

#[tokio::test]
async fn an_order_that_exists_is_ours_only_if_we_had_begun() {
    let exists = || ok(json!({"Status": 101, "Message": "Đơn hàng đã tồn tại"}));
    let first = answered(exists(), &create()).await;
    assert!(matches!(first, Outcome::Refused(r) if r.cause == Cause::ForeignRecord && r.code == "101"));
    let Outcome::Done(proof) = answered(exists(), &Task { begun: true, ..create() }).await else {
        panic!("not done")
    };
    assert!(proof.repeated);
    assert_eq!(proof.facts["order_number"], NUMBER);
}

#[tokio::test]
async fn a_refusal_repeats_no_personal_value() {
    let words = "Người nhận Trần Thị Mẫu, 0900000001, Ấp 1, xã Mẫu: sai địa chỉ";
    let Outcome::Refused(refusal) = answered(ok(json!({"Status": 7, "Message": words})), &create()).await
    else {
        panic!("not refused")
    };
    assert!(refusal.said.contains("sai địa chỉ"));
    assert!(!refusal.said.contains("Mẫu") && !refusal.said.contains("0900"), "{}", refusal.said);
}

#[tokio::test]
async fn a_cancellation_is_an_encoded_get() {
    let post = Post::new(&json!({"customer_code": "MÃ 1"})).await;
    post.says("/order/cancel", ok(json!({"Status": 100}))).await;
    assert!(matches!(post.connector.attempt(&cancel(), &post.call()).await, Outcome::Done(_)));
    let seen = &post.seen("/order/cancel").await[0];
    assert_eq!(
        (seen.method.as_str(), seen.url.query()),
        ("GET", Some("CustomerCode=M%C3%83%201&OrderNumber=BG%2F1%262"))
    );
}

#[tokio::test]
async fn each_answer_to_a_cancellation_says_what_it_says() {
    let Outcome::Done(gone) = answered(ok(json!({"Status": 103})), &cancel()).await else {
        panic!("not done")
    };
    assert!(gone.facts["note"].as_str().unwrap().contains("103"));
    for (answer, name) in [
        (ok(json!({"Status": 102, "Message": "Đơn hàng đã phát"})), "refused"),
        (ok(json!({"Status": 101})), "refused"),
        (ResponseTemplate::new(404).set_body_json(json!({"Status": 100})), "unclear"),
        (ok(json!([])), "unclear"),
        (ResponseTemplate::new(500), "unclear"),
        (ResponseTemplate::new(503), "not_done"),
    ] {
        let outcome = answered(answer, &cancel()).await;
        assert_eq!(outcome.name(), name, "{outcome:?}");
    }
}

#[tokio::test]
async fn nobody_there_means_that_nothing_was_sent() {
    let sessions = super::Shared::default();
    let outcome =
        made(&config("http://127.0.0.1:1", &json!({}))).attempt(&create(), &super::call(&sessions)).await;
    assert!(matches!(&outcome, Outcome::NotDone(s) if s.cause == Cause::Unreachable), "{outcome:?}");
}
