//! Blocked lanes, fix and retry, and the audit of the ledgers, as callers and visitors see them.

use axum::http::{Method, StatusCode, header};
use lienthong_core::{
    port::{
        store::decide,
        work::{self, IncidentRecord},
    },
    testing::fixtures::events::event,
};
use serde_json::{Value, json};

use super::{Server, fake, live, over};
use crate::http::{auth::Scope, console::words::percent};

const CODE: &str = "000.00.08.H99-261123-0001";

async fn operate(server: &Server, method: Method, path: &str, body: &Value) -> super::Answer {
    server.api(method, path, &[Scope::Operate], "application/json", &body.to_string()).await
}

/// A server with one dossier; the number of its first operation.
async fn with_dossier() -> (Server, i64) {
    let server = live();
    let mut received = event("dossier.received", CODE, 1).json();
    received["data"]["dossier"]["applicant"]["phone"] = json!("0900000001");
    let body = received.to_string();
    let kind = "application/cloudevents+json";
    let taken = server.api(Method::POST, "/v1/events", &[Scope::Publish], kind, &body).await;
    assert_eq!(taken.status, StatusCode::ACCEPTED, "{}", taken.body);
    let list = server.ask("/v1/operations?connector=dvcqg&open=true").await.json();
    let id = list["operations"][0]["id"].as_i64().unwrap();
    (server, id)
}

#[tokio::test]
async fn what_an_operation_carries_is_edited_on_record_and_the_original_kept() {
    let (server, id) = with_dossier().await;
    let (look, send) = (format!("/v1/operations/{id}/payload"), format!("/v1/operations/{id}/edit"));
    assert_eq!(server.ask(&look).await.status, StatusCode::FORBIDDEN);
    let seen = operate(&server, Method::GET, &look, &json!(null)).await.json();
    assert_eq!(
        seen["payload"]["fields"]["applicant"]["phone"], "0900000001",
        "unmasked, or a mask would be sent"
    );
    assert!(seen["fixed"].as_array().unwrap().iter().any(|f| f["path"] == "/code" && f["why"] == "identity"));

    let edited = |path: &str, value: Value| {
        let mut payload = seen["payload"].clone();
        let (parent, name) = path.rsplit_once('/').unwrap();
        payload.pointer_mut(parent).unwrap()[name] = value;
        json!({ "reason": "theo phiếu 12", "payload": payload, "expected": seen["expected"] })
    };
    for (path, value, code) in [
        ("/code", json!("000.00.08.H99-261123-0002"), "edit_identity"),
        ("/fields/unit/code", json!("000.00.09.H99"), "edit_course"),
        ("/fields/due_at", json!("mai"), "edit_misfit"),
        ("/fields/sumary", json!("x"), "edit_misfit"),
    ] {
        let refused = operate(&server, Method::POST, &send, &edited(path, value)).await;
        let error = refused.json()["error"].clone();
        assert_eq!(
            (refused.status, &error["code"], &error["field"]),
            (StatusCode::BAD_REQUEST, &json!(code), &json!(path))
        );
        assert!(error["message_vi"].as_str().unwrap().contains(path), "{error}");
    }
    let good = edited("/fields/applicant/phone", json!("0900000002"));
    let read_only =
        server.api(Method::POST, &send, &[Scope::Read], "application/json", &good.to_string()).await;
    assert_eq!(read_only.status, StatusCode::FORBIDDEN);
    let silent = json!({ "payload": good["payload"], "expected": good["expected"] });
    assert_eq!(
        operate(&server, Method::POST, &send, &silent).await.json()["error"]["code"],
        "reason_missing"
    );
    let done = operate(&server, Method::POST, &send, &good).await;
    assert_eq!((done.status, &done.json()["edit"]), (StatusCode::OK, &json!(1)));
    let late = operate(&server, Method::POST, &send, &edited("/fields/note", json!("x"))).await;
    assert_eq!((late.status, &late.json()["error"]["code"]), (StatusCode::CONFLICT, &json!("edit_stale")));

    let shown = server.ask(&format!("/v1/operations/{id}")).await.json();
    let edit = &shown["edits"][0];
    assert_eq!((&edit["actor"], &edit["reason"]), (&json!("an.tran"), &json!("theo phiếu 12")));
    let change = json!({ "path": "/fields/applicant/phone", "before": "090****001", "after": "090****002" });
    assert_eq!(edit["changes"], json!([change]));
    assert_eq!(shown["operation"]["edits"], 1);
    let deeds: Vec<String> = server.store.audit().into_iter().map(|(_, _, deed, _)| deed).collect();
    assert_eq!(deeds, ["operation.open", "operation.edit: theo phiếu 12"]);
}

#[tokio::test]
async fn the_form_shows_what_is_wrong_and_loses_nothing() {
    let (server, id) = with_dossier().await;
    let path = format!("/thao-tac/{id}/sua");
    assert_eq!(server.page(&path, &[Scope::Read]).await.status, StatusCode::FORBIDDEN);
    let cookies = format!("lienthong={}", server.token(&Scope::ALL));
    let form = server.browse(&path, &cookies).await;
    assert!(
        form.body.contains("0900000001") && form.body.contains("/fields/documents/*/id"),
        "{}",
        form.body
    );
    let (_, rest) = form.body.split_once("name=\"expected\" value=\"").unwrap();
    let expected = rest.split('"').next().unwrap();
    let token = form.form_token();
    let fill = |content: &str, reason: &str| {
        format!(
            "form_token={token}&expected={expected}&reason={}&content={}",
            percent(reason),
            percent(content)
        )
    };
    let state =
        operate(&server, Method::GET, &format!("/v1/operations/{id}/payload"), &json!(null)).await.json();
    let mut wrong = state["payload"].clone();
    wrong["fields"]["due_at"] = json!("mai");
    let answer = server.post(&path, &cookies, &fill(&wrong.to_string(), "theo phiếu 12")).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    for kept in ["role=\"alert\"", "/fields/due_at", "mai", "theo phiếu 12"] {
        assert!(answer.body.contains(kept), "{kept}: {}", answer.body);
    }
    let answer = server.post(&path, &cookies, &fill("{", "theo phiếu 12")).await;
    assert!(answer.body.contains("JSON"), "{}", answer.body);

    let mut right = state["payload"].clone();
    right["fields"]["summary"] = json!("<b>sửa</b>");
    // As large as a message may be: more than other forms take.
    right["fields"]["note"] = json!("ghi chú ".repeat(5_000));
    let answer = server.post(&path, &cookies, &fill(&right.to_string(), "theo phiếu 12")).await;
    let back = answer.headers.get(header::LOCATION).unwrap().to_str().unwrap().to_owned();
    assert_eq!(
        (answer.status, back.as_str()),
        (StatusCode::SEE_OTHER, &*format!("/thao-tac/{id}?kq=edited"))
    );
    let page = server.browse(&back, &cookies).await.body;
    for told in ["Lần sửa 1", "an.tran", "/fields/summary", "&#60;b&#62;sửa&#60;/b&#62;"] {
        assert!(page.contains(told), "{told}: {page}");
    }
    let timeline = server.browse(&format!("/ho-so/{CODE}"), &cookies).await.body;
    assert!(timeline.contains("Đã sửa 1 lần"), "{timeline}");
    let foreign = server.post(&path, &cookies, "reason=x&content={}&expected=1").await;
    assert_ne!(foreign.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn blocked_lanes_are_told_with_age_owner_and_exits() {
    let server = over(fake::rich());
    let list = server.ask("/v1/lanes").await.json();
    let lanes = list["lanes"].as_array().unwrap();
    let of = |state: &str| lanes.iter().find(|l| l["state"] == state).unwrap();
    let names = |lane: &Value| -> Vec<String> {
        let exits = lane["exits"].as_array().unwrap().iter();
        exits.map(|e| e["name"].as_str().unwrap().to_owned()).collect()
    };
    let stuck = of("stuck");
    assert_eq!(
        (&stuck["owner"], &stuck["behind"], &stuck["unit"]),
        (&json!("unit"), &json!(2), &json!("000.00.08.H99"))
    );
    assert!(stuck["age_seconds"].as_i64() > Some(3600), "{stuck}");
    assert_eq!(names(stuck), ["retry", "edit", "dismiss"], "no event replaces a step");
    let held = of("held");
    assert_eq!(
        (&held["owner"], &held["need"]),
        (&json!("administrator"), &json!("mapping:vnpost:ward:99001"))
    );
    assert_eq!(names(held), ["retry", "edit", "correction", "dismiss"]);
    let correction = held["exits"].as_array().unwrap().iter().find(|e| e["name"] == "correction").unwrap();
    assert_eq!(correction["events"][0], "post.cancelled");
    assert!(correction["vi"].as_str().unwrap().contains("post.return_requested"));
    let doubtful = of("doubtful");
    assert_eq!(
        (&doubtful["owner"], names(doubtful)),
        (&json!("nobody"), vec!["retry".to_owned(), "dismiss".into(), "wait".into()])
    );
    let wait = doubtful["exits"].as_array().unwrap().last().unwrap();
    assert!(
        wait["until_at"].as_str().unwrap().ends_with("+07:00")
            && wait["en"].as_str().unwrap().contains("2026-")
    );
    assert!(!list.to_string().contains("0900000001"), "{list}");

    let mine = server.ask("/v1/lanes?owner=unit").await.json();
    assert_eq!(mine["lanes"].as_array().unwrap().len(), 1);
    let first = server.ask("/v1/lanes?limit=1").await.json();
    let next = first["next"].as_str().unwrap();
    let rest = server.ask(&format!("/v1/lanes?after={next}")).await.json();
    assert_eq!(rest["lanes"].as_array().unwrap().len(), lanes.len() - 1);
    assert_eq!(rest["next"], json!(null));
    for bad in ["owner=ai", "state=idle", "after=x"] {
        assert_eq!(server.ask(&format!("/v1/lanes?{bad}")).await.status, StatusCode::BAD_REQUEST, "{bad}");
    }
    let id = stuck["id"].as_i64().unwrap();
    let one = server.ask(&format!("/v1/lanes/{id}")).await.json();
    assert_eq!(one["lane"]["head"]["payload"]["action"], "append_progress");
    assert_eq!(server.ask("/v1/lanes/9").await.json()["error"]["code"], "no_such_lane");

    let page = server.page("/luong", &[Scope::Read]).await.body;
    for told in
        ["Luồng bị chặn", "Sửa rồi gửi lại", "2 thao tác đợi phía sau", "Ai làm", "post.return_requested"]
    {
        assert!(page.contains(told), "{told}: {page}");
    }
    assert!(server.page("/", &[Scope::Read]).await.body.contains("href=\"/luong\""));
}

#[tokio::test]
async fn an_incident_of_a_connector_that_is_gone_is_a_persons_to_close() {
    let server = live();
    let incident = |key: &str| IncidentRecord { key: key.into(), connector: None, said: String::new() };
    decide(&server.store, work::Scope::default(), move |work| {
        work.opened.extend(["pause:gone", "pause:dvcqg", "ledger:planned"].map(incident));
    })
    .await
    .unwrap();
    let list = server.ask("/v1/incidents").await.json();
    let mut told: Vec<_> = list["incidents"]
        .as_array()
        .unwrap()
        .iter()
        .map(|i| (i["key"].clone(), i["closes_itself"].clone()))
        .collect();
    told.sort_by_key(|(key, _)| key.to_string());
    let expected = [("ledger:planned", true), ("pause:dvcqg", true), ("pause:gone", false)];
    assert_eq!(told, expected.map(|(key, closes)| (json!(key), json!(closes))));
}

#[tokio::test]
async fn the_ledgers_are_audited_on_demand_and_the_result_stays() {
    let (server, id) = with_dossier().await;
    assert_eq!(server.ask("/v1/ledgers").await.json()["audit"], json!(null));
    assert_eq!(
        server.api(Method::POST, "/v1/ledgers/audit", &[Scope::Read], "", "").await.status,
        StatusCode::FORBIDDEN
    );
    let sound = operate(&server, Method::POST, "/v1/ledgers/audit", &json!({})).await.json();
    assert!(sound["audit"]["entries"].as_array().unwrap().iter().all(|e| e["difference"] == 0), "{sound}");
    server.store.lose_operation(id);
    operate(&server, Method::POST, "/v1/ledgers/audit", &json!({})).await;
    let audit = server.ask("/v1/ledgers").await.json()["audit"].clone();
    let entries = audit["entries"].as_array().unwrap();
    let wrong: Vec<_> = entries.iter().filter(|e| e["difference"] != 0).map(|e| &e["entry"]).collect();
    assert_eq!(wrong, ["planned"]);
    let front = server.page("/", &[Scope::Read]).await.body;
    assert!(front.contains("Sổ đối chiếu lệch với số dòng trong kho"), "{front}");
    assert!(front.contains("lệch với sổ"), "{front}");
}
