//! Plans of replays over the API: made and complete in one answer, ordered about, and refused in words.

use axum::http::{Method, StatusCode};
use lienthong_core::testing::fixtures::events::event;
use serde_json::{Value, json};

use super::{Answer, Server, live};
use crate::http::auth::Scope;

const CODE: &str = "000.00.08.H99-261123-0001";

async fn post(server: &Server, path: &str, body: &Value) -> Answer {
    let scopes = [Scope::Operate, Scope::Publish];
    server.api(Method::POST, path, &scopes, "application/json", &body.to_string()).await
}

/// A server with a dossier whose operations were dismissed, the steps first.
async fn dismissed() -> Server {
    let server = live();
    let received = event("dossier.received", CODE, 1).json().to_string();
    let kind = "application/cloudevents+json";
    server.api(Method::POST, "/v1/events", &[Scope::Publish], kind, &received).await;
    let list = server.ask("/v1/operations?open=true").await.json();
    for operation in list["operations"].as_array().unwrap().iter().rev() {
        let path = format!("/v1/operations/{}/dismiss", operation["id"]);
        assert_eq!(post(&server, &path, &json!({ "reason": "nhầm" })).await.status, StatusCode::OK);
    }
    server
}

fn wanted() -> Value {
    json!({ "connector": "dvcqg", "states": ["dismissed"], "since": "2026-11-01", "rate": 30, "reason": "đã sửa" })
}

#[tokio::test]
async fn a_small_plan_is_complete_when_it_is_answered_and_goes_where_it_is_ordered() {
    let server = dismissed().await;
    let made = post(&server, "/v1/replays", &wanted()).await;
    assert_eq!(made.status, StatusCode::ACCEPTED, "{}", made.body);
    let made = made.json();
    let replay = &made["replay"];
    assert_eq!((&replay["state"], &replay["by"]), (&json!("planned"), &json!("an.tran")));
    assert_eq!((&replay["pace"]["rate"], &replay["minutes_left"]), (&json!(30), &json!(1)));
    let tallies = made["tallies"].as_array().unwrap();
    let of = |name: &str| tallies.iter().find(|t| t["treatment"] == name).unwrap();
    assert_eq!((&of("resend_state")["items"], &of("resend_state")["state"]), (&json!(1), &json!("waiting")));
    assert_eq!(of("wait")["state"], "left", "steps of what the portal does not have");
    assert!(of("wait")["words"]["vi"].as_str().unwrap().contains("Để nguyên"));
    assert_eq!(of("resend_state")["examples"][0]["dossier"], CODE);

    let path = format!("/v1/replays/{}", replay["id"]);
    let items = server.ask(&format!("{path}/items?state=waiting")).await.json();
    assert_eq!(items["items"].as_array().unwrap().len(), 1);
    let orders =
        [("pause", 409), ("start", 200), ("start", 409), ("pause", 200), ("resume", 200), ("cancel", 200)];
    for (order, status) in orders {
        let answer = post(&server, &format!("{path}/{order}"), &json!({ "reason": "được duyệt" })).await;
        assert_eq!(answer.status.as_u16(), status, "{order}: {}", answer.body);
    }
    let shown = server.ask(&path).await.json();
    assert_eq!(shown["replay"]["state"], "cancelled");
    let deeds: Vec<_> = shown["replay"]["deeds"].as_array().unwrap().iter().map(|d| &d["order"]).collect();
    assert_eq!(deeds, ["plan", "start", "pause", "resume", "cancel"]);
    let list = server.ask("/v1/replays").await.json();
    assert_eq!(list["replays"][0]["id"], replay["id"]);
    assert!(
        server
            .store
            .audit()
            .iter()
            .any(|(_, who, what, _)| who == "an.tran" && what.starts_with("replay.start"))
    );
}

#[tokio::test]
async fn what_cannot_be_planned_is_refused_with_the_field() {
    let server = live();
    let with = |field: &str, value: Value| {
        let mut wanted = wanted();
        wanted[field] = value;
        wanted
    };
    for (body, field) in [
        (with("connector", json!("other")), "connector"),
        (with("states", json!(["sad"])), "states"),
        (with("action", json!("x")), "action"),
        (with("cause", json!("x")), "cause"),
        (with("unit", json!("..")), "unit"),
        (with("since", json!("yesterday")), "since"),
        (with("dossiers", json!(["x"])), "dossiers"),
        (with("rate", json!(0)), "rate"),
        (with("canary", json!(1000)), "canary"),
        (with("reason", json!(" ")), "reason"),
        (with("speed", json!(1)), "body"),
    ] {
        let answer = post(&server, "/v1/replays", &body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{field}: {}", answer.body);
        assert_eq!(answer.json()["error"]["field"], field, "{}", answer.body);
    }
    let absent = post(&server, "/v1/replays/9/start", &json!({})).await;
    assert_eq!(
        (absent.status, &absent.json()["error"]["code"]),
        (StatusCode::NOT_FOUND, &json!("no_such_replay"))
    );
    assert_eq!(server.ask("/v1/replays/9").await.status, StatusCode::NOT_FOUND);
    let reader = server.api(Method::POST, "/v1/replays", &[Scope::Read], "application/json", "{}").await;
    assert_eq!(reader.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_person_starts_and_pauses_a_plan_on_its_page() {
    let server = dismissed().await;
    let made = post(&server, "/v1/replays", &wanted()).await.json();
    let path = format!("/gui-lai/{}", made["replay"]["id"]);
    let cookies = format!("lienthong={}", server.token(&Scope::ALL));
    let list = server.browse("/gui-lai", &cookies).await;
    assert!(list.body.contains("đã sửa") && list.body.contains(&path), "{}", list.body);
    let page = server.browse(&path, &cookies).await;
    for words in
        ["Đã lập, chờ bắt đầu", "Gửi trạng thái mới nhất của hồ sơ", "bat-dau", "nhiều nhất 30 thao tác"]
    {
        assert!(page.body.contains(words), "{words}: {}", page.body);
    }
    let form = format!("form_token={}&reason=duoc+duyet", page.form_token());
    let started = server.post(&format!("{path}/bat-dau"), &cookies, &form).await;
    assert_eq!(started.status, StatusCode::SEE_OTHER);
    let page = server.browse(&format!("{path}?kq=done"), &cookies).await;
    assert!(page.body.contains("Đang gửi thử") && page.body.contains("tam-dung"), "{}", page.body);
    let again = server.post(&format!("{path}/bat-dau"), &cookies, &form).await;
    assert!(again.headers["location"].to_str().unwrap().ends_with("kq=not-allowed"));
    let foreign = server.post(&format!("{path}/huy"), &cookies, "form_token=x").await;
    assert_eq!(foreign.status, StatusCode::FORBIDDEN);
    let reader = server.page(&path, &[Scope::Read]).await;
    assert!(
        !reader.body.contains("<form method=\"post\" action=\"/gui-lai"),
        "who may only read orders nothing"
    );
}
