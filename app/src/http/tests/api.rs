//! The JSON API over the memory store: verdicts, dry run, 400 and 503, deeds, feed, callbacks, health.

use axum::{
    body::Body,
    http::{Method, Request, StatusCode, header},
};
use lienthong_core::{
    port::store::StoreError,
    testing::{
        fixtures::events::event,
        scripted::{callback_body, callback_request},
    },
};
use serde_json::{Value, json};

use super::{Answer, Server, fake, live, now, over};
use crate::http::{Health, auth::Scope};

const CODE: &str = "000.00.08.H99-261123-0001";
const ONE: &str = "application/cloudevents+json";
const BATCH: &str = "application/cloudevents-batch+json";

async fn publish(server: &Server, query: &str, kind: &str, body: &str) -> Answer {
    server.api(Method::POST, &format!("/v1/events{query}"), &[Scope::Publish], kind, body).await
}

fn received() -> Value {
    event("dossier.received", CODE, 1).json()
}

#[tokio::test]
async fn a_batch_gets_a_verdict_for_each_after_commit() {
    let server = live();
    let batch = json!([received(), received(), {"id": 1}]).to_string();
    let answer = publish(&server, "", BATCH, &batch).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.body);
    let answer = answer.json();
    let verdicts: Vec<&str> =
        answer["verdicts"].as_array().unwrap().iter().map(|v| v["verdict"].as_str().unwrap()).collect();
    assert_eq!(verdicts, ["accepted", "duplicate", "quarantined"]);
    assert!(answer["verdicts"][2]["message_vi"].as_str().unwrap().len() > 10);
    assert_eq!((server.store.events().len(), server.store.quarantined().len()), (1, 1));
}

#[tokio::test]
async fn a_dry_run_judges_and_stores_nothing() {
    let server = live();
    let batch = json!([received(), {"id": 1}]).to_string();
    let answer = publish(&server, "?dry_run=true", BATCH, &batch).await;
    assert_eq!((answer.status, &answer.json()["dry_run"]), (StatusCode::OK, &json!(true)));
    assert_eq!(answer.json()["verdicts"][0]["verdict"], "acceptable");
    assert_eq!(answer.json()["verdicts"][1]["verdict"], "quarantined");
    assert!(server.store.events().is_empty() && server.store.quarantined().is_empty());
}

#[tokio::test]
async fn one_broken_event_is_kept_but_nothing_readable_is_400() {
    let server = live();
    let broken = publish(&server, "", ONE, "{oops").await;
    assert_eq!(broken.status, StatusCode::ACCEPTED);
    assert_eq!(server.store.quarantined().first().map(|q| q.raw.clone()), Some(b"{oops".to_vec()));
    for (kind, body) in [(BATCH, "{oops"), (BATCH, "{}"), (ONE, ""), (BATCH, "  ")] {
        let answer = publish(&server, "", kind, body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{kind} {body}");
        assert!(answer.json()["error"]["message_vi"].is_string());
    }
    assert_eq!(publish(&server, "", "text/xml", "<a/>").await.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(publish(&server, "?dry_run=maybe", ONE, "{}").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(server.store.quarantined().len(), 1);
}

#[tokio::test]
async fn a_store_that_is_down_is_503_with_retry_after() {
    let server = live();
    server.store.set_down(true);
    for answer in [
        publish(&server, "", ONE, &received().to_string()).await,
        server.ask("/v1/status").await,
        server.ask("/v1/ledgers").await,
        server.ask("/v1/events").await,
        server.page("/", &[Scope::Read]).await,
        server.page("/thao-tac", &[Scope::Read]).await,
    ] {
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(answer.headers[header::RETRY_AFTER], "5");
    }
    server.store.set_down(false);
    server.store.fail_next(StoreError::Unavailable("gone".into()));
    assert_eq!(server.ask("/v1/ledgers").await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(publish(&server, "", ONE, &received().to_string()).await.status, StatusCode::ACCEPTED);
}

#[tokio::test]
async fn deeds_are_done_on_record_and_need_a_reason() {
    let server = live();
    publish(&server, "", ONE, &received().to_string()).await;
    let list = server.ask("/v1/operations?connector=dvcqg&open=true").await.json();
    let id = list["operations"][0]["id"].as_i64().unwrap();
    let deed = |path: String, body: &'static str| {
        let server = &server;
        async move { server.api(Method::POST, &path, &[Scope::Operate], "application/json", body).await }
    };
    let silent = deed(format!("/v1/operations/{id}/dismiss"), r#"{"reason":"  "}"#).await;
    assert_eq!(
        (silent.status, &silent.json()["error"]["code"]),
        (StatusCode::BAD_REQUEST, &json!("reason_missing"))
    );
    let retried = deed(format!("/v1/operations/{id}/retry"), r#"{"reason":"đã sửa"}"#).await;
    assert_eq!((retried.status, &retried.json()["result"]), (StatusCode::OK, &json!("done")));
    let dismissed = deed(format!("/v1/operations/{id}/dismiss"), r#"{"reason":"lập nhầm"}"#).await;
    assert_eq!(dismissed.status, StatusCode::OK);
    let again = deed(format!("/v1/operations/{id}/retry"), r#"{"reason":"x"}"#).await;
    assert_eq!(again.status, StatusCode::CONFLICT, "{}", again.body);
    assert_eq!(
        deed("/v1/operations/9/retry".into(), r#"{"reason":"x"}"#).await.status,
        StatusCode::NOT_FOUND
    );
    assert!(server.store.audit().iter().any(|(_, who, _, _)| who == "an.tran"));
}

#[tokio::test]
async fn what_a_person_closes_is_closed_on_record() {
    let server = live();
    let broken = event("dossier.received", CODE, 1).with_data("/step/content", " ").json();
    publish(&server, "", ONE, &broken.to_string()).await;
    publish(
        &server,
        "",
        ONE,
        &event("dossier.processing", "000.00.08.H99-261123-0077", 1).json().to_string(),
    )
    .await;
    let close = |path: String, scope: Scope| {
        let server = &server;
        async move {
            let body = r#"{"reason":"đã xong"}"#;
            server.api(Method::POST, &path, &[scope], "application/json", body).await
        }
    };
    let list = server.ask("/v1/quarantine").await.json();
    let path = format!("/v1/quarantine/{}/close", list["quarantine"][0]["id"]);
    assert_eq!(close(path.clone(), Scope::Read).await.status, StatusCode::FORBIDDEN);
    assert_eq!(close(path.clone(), Scope::Operate).await.json()["result"], "done");
    assert_eq!(close(path, Scope::Operate).await.status, StatusCode::CONFLICT);
    assert_eq!(close("/v1/quarantine/9999/close".into(), Scope::Operate).await.status, StatusCode::NOT_FOUND);
    assert_eq!(server.ask("/v1/quarantine").await.json()["quarantine"], json!([]));

    let status = server.ask("/v1/status").await.json();
    let path = format!("/v1/incidents/{}/close", status["incidents"][0]["id"]);
    let refused = close(path, Scope::Operate).await;
    assert_eq!(
        (refused.status, &refused.json()["error"]["code"]),
        (StatusCode::CONFLICT, &json!("closes_itself"))
    );
    assert_eq!(close("/v1/incidents/9999/close".into(), Scope::Operate).await.status, StatusCode::NOT_FOUND);
    assert!(server.store.audit().iter().any(|(_, _, deed, _)| deed == "quarantine.close: đã xong"));
}

#[tokio::test]
async fn views_come_masked_with_times_in_words_and_advice() {
    let server = over(fake::rich());
    let list = server.ask("/v1/operations?state=stuck").await.json();
    let row = &list["operations"][0];
    assert_eq!(row["advice"]["needs_person"], true);
    assert_eq!(row["advice"]["vi"]["why"], "Đối tác từ chối vì dữ liệu chưa đúng");
    assert!(row["created_at"].as_str().unwrap().ends_with("+07:00"));
    for path in
        ["/v1/dossiers/G22.99-261122-000001", "/v1/operations/104", "/v1/quarantine", "/v1/operations"]
    {
        let body = server.ask(path).await.body;
        assert!(!body.contains("0900000001") && !body.contains("080099000001"), "{path}: {body}");
    }
    assert_eq!(server.ask("/v1/dossiers/H99.08-261122-0009").await.status, StatusCode::NOT_FOUND);
    assert_eq!(server.ask("/v1/operations?state=lost").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(server.ask("/v1/operations/x").await.json()["error"]["code"], "no_such_address");
    assert_eq!(server.ask("/v1/operations?after=x").await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn lists_go_on_where_the_page_ended() {
    let server = over(fake::rich());
    let first = server.ask("/v1/operations?limit=3").await.json();
    assert_eq!((first["operations"].as_array().unwrap().len(), &first["next"]), (3, &json!(103)));
    let last = server.ask("/v1/operations?limit=500&after=103").await.json();
    assert_eq!((last["operations"].as_array().unwrap().len(), &last["next"]), (4, &json!(null)));
}

#[tokio::test]
async fn raw_quarantine_bytes_are_for_those_who_may_operate() {
    let server = over(fake::rich());
    assert_eq!(server.ask("/v1/quarantine/1").await.json()["entry"]["raw"], json!(null));
    let operator = server.api(Method::GET, "/v1/quarantine/1", &Scope::ALL, "", "").await;
    assert!(operator.json()["entry"]["raw"].as_str().unwrap().contains("0900000001"));
}

#[tokio::test]
async fn the_feed_goes_on_after_its_cursor_and_says_when_the_epoch_changed() {
    let server = live();
    publish(&server, "", ONE, r#"{"id":1}"#).await;
    publish(&server, "", ONE, &event("dossier.processing", CODE, 2).json().to_string()).await;
    let first = server.ask("/v1/events").await.json();
    let events = first["events"].as_array().unwrap();
    assert!(events.iter().any(|e| e["type"] == "vn.lienthong.dossier.snapshot_requested.v1"), "{first}");
    let next = first["next"].as_str().unwrap().to_owned();
    let rest = server.ask(&format!("/v1/events?after={next}")).await.json();
    assert_eq!((rest["events"].as_array().unwrap().len(), rest["next"].as_str()), (0, Some(next.as_str())));
    server.store.set_epoch(77);
    let stale = server.ask(&format!("/v1/events?after={next}")).await;
    assert_eq!(
        (stale.status, &stale.json()["error"]["code"]),
        (StatusCode::CONFLICT, &json!("epoch_changed"))
    );
    assert_eq!(server.ask("/v1/events?after=x").await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn open_incidents_are_listed_with_what_to_do() {
    let list = over(fake::rich()).ask("/v1/incidents").await.json();
    let of = |prefix: &str| {
        let rows = list["incidents"].as_array().unwrap();
        rows.iter().find(|i| i["key"].as_str().unwrap().starts_with(prefix)).unwrap().clone()
    };
    assert_eq!(of("mapping:")["closes_itself"], true);
    assert_eq!(of("amount:")["closes_itself"], false);
    assert_eq!(of("mapping:")["advice"]["vi"]["who"], "Quản trị hệ thống của tỉnh");
}

#[tokio::test]
async fn callbacks_pass_through_both_ways_unchanged() {
    let server = live();
    let wanted = callback_request(callback_body("LTABC", "p1", "paid", 8_000, now()));
    let mut request = Request::builder().method(Method::POST).uri("/callbacks/dvcqg-payment/result?a=1");
    for (name, value) in &wanted.headers {
        request = request.header(name, value);
    }
    let answer = server.send(request.body(Body::from(wanted.body.clone())).unwrap()).await;
    assert_ne!(answer.status, StatusCode::NOT_FOUND, "{}", answer.body);
    let kept = server.store.callbacks();
    assert_eq!(kept.len(), 1);
    for path in [
        "/callbacks/none/result",
        "/callbacks/dvcqg/result",
        "/callbacks/Bad Name".replace(' ', "%20").as_str(),
    ] {
        assert_eq!(server.bare(Method::POST, path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    let large =
        Request::post("/callbacks/dvcqg-payment/result").body(Body::from(vec![b'x'; 300 * 1024])).unwrap();
    assert_eq!(server.send(large).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(server.store.callbacks().len(), 1);
}

#[tokio::test]
async fn health_says_what_works() {
    let server = live();
    assert_eq!(server.bare(Method::GET, "/livez").await.status, StatusCode::OK);
    assert_eq!(server.bare(Method::GET, "/readyz").await.status, StatusCode::OK);
    server.health.send(Health { broker: Some(false), store: true, detail: "refused".into() }).unwrap();
    let answer = server.bare(Method::GET, "/readyz").await;
    assert_eq!((answer.status, &answer.json()["broker"]), (StatusCode::SERVICE_UNAVAILABLE, &json!(false)));
    assert_eq!(server.bare(Method::GET, "/livez").await.status, StatusCode::OK);
    assert_eq!(server.bare(Method::GET, "/metrics").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_status_tells_matters_partners_and_ledgers() {
    let server = over(fake::rich());
    let status = server.ask("/v1/status").await.json();
    assert_eq!(status["needs_person"], 5);
    assert_eq!(status["ledgers"]["operations"]["difference"], 0);
    assert_eq!(status["partners"][2]["paused"]["cause"], "unreachable");
    let whys: Vec<&str> = status["matters"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| m["advice"]["vi"]["why"].as_str().unwrap())
        .collect();
    assert!(whys.iter().any(|w| w.starts_with("5 hồ sơ chưa có thông tin đầy đủ")), "{whys:?}");
    assert_eq!(status["since_at"], "2026-11-22T00:00:00+07:00");
}

#[tokio::test]
async fn a_partner_is_held_and_released_on_record_and_shown_as_it_stands() {
    let server = live();
    let act = |deed: &'static str, scopes: &'static [Scope], body: Value| {
        let path = format!("/v1/partners/dvcqg/{deed}");
        let server = &server;
        async move { server.api(Method::POST, &path, scopes, "application/json", &body.to_string()).await }
    };
    let shown = || async {
        let answer = server.api(Method::GET, "/v1/partners/dvcqg", &[Scope::Read], ONE, "").await;
        answer.json()["partner"].clone()
    };
    let before = shown().await;
    assert_eq!((&before["phase"], &before["hold"]), (&json!("closed"), &Value::Null));
    assert_eq!(before["drain_seconds"], Value::Null, "nobody knows yet");
    let wish = json!({ "reason": "Cổng báo bảo trì", "until": "2036-12-01T06:00" });
    assert_eq!(act("hold", &[Scope::Read], wish.clone()).await.status, StatusCode::FORBIDDEN);
    assert_eq!(act("hold", &[Scope::Operate], json!({})).await.status, StatusCode::BAD_REQUEST);
    let unreadable = act("hold", &[Scope::Operate], json!({ "reason": "x", "until": "mai" })).await;
    assert_eq!(
        (unreadable.status, &unreadable.json()["error"]["field"]),
        (StatusCode::BAD_REQUEST, &json!("until"))
    );
    assert_eq!(act("hold", &[Scope::Operate], wish).await.status, StatusCode::OK);
    let held = shown().await;
    assert_eq!((&held["hold"]["by"], &held["phase"]), (&json!("an.tran"), &json!("closed")));
    assert_eq!(held["hold"]["until_at"], "2036-12-01T06:00:00+07:00");
    let trial = act("trial", &[Scope::Operate], json!({})).await;
    assert_eq!(
        (trial.status, &trial.json()["error"]["code"]),
        (StatusCode::CONFLICT, &json!("partner_not_allowed"))
    );
    let page = server.page("/", &[Scope::Read]).await.body;
    assert!(page.contains("an.tran tạm ngừng gửi đến 06:00 01/12/2036"), "{page}");
    assert_eq!(act("release", &[Scope::Operate], json!({ "reason": "xong" })).await.status, StatusCode::OK);
    assert_eq!(shown().await["phase"], "half_open", "the way back is gentle");
    let again = act("release", &[Scope::Operate], json!({ "reason": "xong" })).await;
    assert!(again.json()["error"]["message_vi"].as_str().unwrap().contains("không bị tạm ngừng"));
    let audit = server.store.audit();
    let deeds: Vec<_> = audit.iter().map(|(_, who, deed, _)| (who.as_str(), deed.as_str())).collect();
    assert_eq!(deeds, [("an.tran", "partner.hold: Cổng báo bảo trì"), ("an.tran", "partner.release: xong")]);
    let nobody = server.api(Method::GET, "/v1/partners/x", &[Scope::Read], ONE, "").await;
    assert_eq!(nobody.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_incident_of_a_partner_says_since_when_why_what_waits_and_how_long_it_takes() {
    let answer = over(fake::rich()).api(Method::GET, "/v1/incidents", &[Scope::Read], ONE, "").await.json();
    let incidents = answer["incidents"].as_array().unwrap();
    let pause = incidents.iter().find(|i| i["key"] == "pause:vnpost").unwrap();
    assert_eq!(pause["partner"]["trouble"]["cause"], "unreachable");
    assert!(pause["partner"]["waiting"].as_i64().unwrap() > 0 && !pause["opened_at"].is_null());
    // The post has neither a rate nor any answer to tell its pace by.
    assert_eq!(pause["partner"]["drain_seconds"], Value::Null);
    assert_eq!(pause["advice"]["needs_person"], false);
}
