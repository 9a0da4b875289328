//! After a restore: every surface says so, counts what waits, and takes the decision once, from those who may.

use axum::http::{Method, StatusCode};
use lienthong_core::{
    flow::restore::{self, Evidence, Place},
    port::store::Store,
    testing::fixtures::{self, events::event},
};
use serde_json::json;

use super::{Server, live};
use crate::http::auth::Scope;

/// A fenced store with a dossier that was told of since.
async fn fenced() -> Server {
    let server = live();
    let known = server.store.installation().await.unwrap();
    let evidence = Evidence { reason: "older".into(), ..Evidence::default() };
    assert!(restore::fence(&server.store, &known, &evidence).await.unwrap());
    let message = event("dossier.received", fixtures::nth_code(1).as_str(), 1).message();
    lienthong_core::flow::intake::admit(&server.engine, vec![message]).await.unwrap();
    server
}

async fn marked(server: &Server) {
    while restore::round(&server.engine, &mut Place::default()).await.unwrap() {}
}

#[tokio::test]
async fn what_waits_is_counted_and_the_decision_is_taken_once() {
    let server = fenced().await;
    let body = json!({ "reason": "đã phát lại", "steps_until": "none" }).to_string();
    let release = |body: String, scopes: &'static [Scope]| {
        let server = &server;
        async move { server.api(Method::POST, "/v1/restore/release", scopes, "application/json", &body).await }
    };
    let early = release(body.clone(), &Scope::ALL).await;
    assert_eq!((early.status, &early.json()["error"]["code"]), (StatusCode::CONFLICT, &json!("not_allowed")));
    assert!(early.body.contains("rà xong"), "{}", early.body);
    marked(&server).await;
    let report = server.ask("/v1/restore").await.json();
    assert_eq!(
        (&report["fenced"], &report["is_marked"], &report["total"]),
        (&json!(true), &json!(true), &json!(2))
    );
    assert_eq!(report["steps"]["before"].as_i64().unwrap() + report["steps"]["after"].as_i64().unwrap(), 1);
    let late = server.ask("/v1/restore?steps_until=2099-01-01T00:00:00Z").await.json();
    assert_eq!((&late["steps"]["before"], &late["steps"]["after"]), (&json!(1), &json!(0)));
    let status = server.ask("/v1/status").await.json();
    assert!(status["fenced_at"].is_string(), "{status}");
    assert_eq!(release(body.clone(), &[Scope::Read]).await.status, StatusCode::FORBIDDEN);
    let silent = release(json!({ "steps_until": "none" }).to_string(), &Scope::ALL).await;
    assert_eq!(silent.json()["error"]["code"], "reason_missing");
    let odd = release(json!({ "reason": "x", "steps_until": "hôm qua" }).to_string(), &Scope::ALL).await;
    assert_eq!(odd.json()["error"]["code"], "moment_unreadable");
    assert_eq!(release(body.clone(), &Scope::ALL).await.status, StatusCode::OK);
    assert_eq!(release(body, &Scope::ALL).await.status, StatusCode::CONFLICT);
    marked(&server).await;
    let report = server.ask("/v1/restore").await.json();
    assert_eq!((&report["fenced"], &report["total"]), (&json!(false), &json!(0)), "{report}");
    assert!(report["released"]["by"].as_str().unwrap().contains("an.tran"), "{report}");
    assert!(
        server.store.audit().iter().any(|(_, who, deed, _)| who == "an.tran" && deed.contains("đã phát lại"))
    );
}

#[tokio::test]
async fn every_page_says_that_nothing_is_sent_until_somebody_has_decided_in_the_form() {
    let server = fenced().await;
    for path in ["/", "/thao-tac", "/cach-ly", "/phuc-hoi"] {
        let page = server.page(path, &[Scope::Read]).await;
        assert!(page.body.contains("chưa có gì được gửi đi"), "{path}: {}", page.body);
    }
    assert!(
        !server.bare(Method::GET, "/login").await.body.contains("phục hồi"),
        "strangers are told nothing"
    );
    marked(&server).await;
    let cookies = format!("lienthong={}", server.token(&Scope::ALL));
    let page = server.browse("/phuc-hoi", &cookies).await;
    assert!(page.body.contains("/phuc-hoi/cho-gui"), "{}", page.body);
    for key in [">restore-", "\"restore-"] {
        assert!(!page.body.contains(key), "{key}");
    }
    let reader = server.page("/phuc-hoi", &[Scope::Read]).await;
    assert!(!reader.body.contains("/phuc-hoi/cho-gui"));
    let form = |steps: &str, moment: &str| {
        let token = page.form_token();
        format!("form_token={token}&reason=ok&steps={steps}&moment={moment}")
    };
    let odd = server.post("/phuc-hoi/cho-gui", &cookies, &form("at", "")).await;
    assert!(odd.headers["location"].to_str().unwrap().ends_with("kq=moment"));
    let foreign = server.post("/phuc-hoi/cho-gui", &cookies, "form_token=x&reason=ok&steps=none").await;
    assert_eq!(foreign.status, StatusCode::FORBIDDEN);
    let done = server.post("/phuc-hoi/cho-gui", &cookies, &form("at", "2026-11-23T08:00")).await;
    assert!(done.headers["location"].to_str().unwrap().ends_with("kq=released"), "{:?}", done.headers);
    let release = server.store.installation().await.unwrap().restored.and_then(|r| r.released).unwrap();
    assert_eq!(release.steps_until, "2026-11-23T01:00:00Z".parse().ok());
    assert!(!server.page("/", &[Scope::Read]).await.body.contains("chưa có gì được gửi đi"));
}
