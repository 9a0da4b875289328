//! The index over HTTP: figures, files for spreadsheets, the portal's figures beside ours, the page.

use axum::http::{Method, StatusCode};
use lienthong_core::{flow::intake, testing::fixtures::events::event};
use serde_json::{Value, json};

use super::{Server, live};
use crate::http::auth::Scope;

const CODE: &str = "000.00.08.H99-261123-0001";

async fn with_a_dossier() -> Server {
    let server = live();
    let message = event("dossier.received", CODE, 1).message();
    intake::admit(&server.engine, vec![message]).await.unwrap();
    server.api(Method::POST, "/v1/index/refresh", &[Scope::Operate], "application/json", "{}").await;
    server
}

async fn post(server: &Server, path: &str, scopes: &[Scope], body: &Value) -> (StatusCode, Value) {
    let answer = server.api(Method::POST, path, scopes, "application/json", &body.to_string()).await;
    (answer.status, answer.json())
}

#[tokio::test]
async fn the_index_says_of_how_much_and_never_a_hundred() {
    let server = with_a_dossier().await;
    let index = server.ask("/v1/index?period=2026-11").await.json()["index"].take();
    // Without a catalogue: what counts procedures cannot be computed, nor what has nothing to divide by.
    assert!(index["computed"]["of"].as_i64().unwrap() <= 76 - 14, "{}", index["computed"]);
    assert_eq!((&index["received_here"], &index["waiting"]), (&json!(1), &json!(1)));
    let indicators = index["indicators"].as_array().unwrap();
    let of = |code: &str| indicators.iter().find(|i| i["code"] == code).unwrap();
    assert_eq!(of("5.2")["standing"], "unknown");
    assert_eq!(of("5.2")["points"], Value::Null, "not known is not 0");
    assert_eq!((&of("1.4")["denominator"], &of("1.4")["standing"]), (&json!(1), &json!("estimate")));
    let other = server.ask("/v1/index?period=2026-11&unit=000.00.01.H99").await.json();
    assert_eq!(other["index"]["received_here"], 0);
    assert_eq!(server.ask("/v1/index?period=2026-13").await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn figures_are_entered_on_record_and_only_where_nothing_is_computed() {
    let server = with_a_dossier().await;
    let figure = |indicator: &str, points: &str, reason: &str| json!({"period": "2026-11", "indicator": indicator, "points": points, "reason": reason});
    let good = figure("5.2", "5,50", "trang công khai");
    assert_eq!(post(&server, "/v1/index/entered", &[Scope::Read], &good).await.0, StatusCode::FORBIDDEN);
    let (status, answer) = post(&server, "/v1/index/entered", &[Scope::Operate], &good).await;
    assert_eq!((status, &answer["entered"]["5.2"]["points"]), (StatusCode::OK, &json!(550)));
    let index = server.ask("/v1/index?period=2026-11").await.json();
    assert_eq!(index["index"]["entered"], json!({"points": "5.50", "of": 6}));
    for bad in [figure("2.1", "20", "x"), figure("5.2", "6.01", "x"), figure("5.2", "5", "")] {
        let (status, answer) = post(&server, "/v1/index/entered", &[Scope::Operate], &bad).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{answer}");
    }
}

#[tokio::test]
async fn the_portals_figures_stand_beside_ours() {
    let server = with_a_dossier().await;
    let saved = json!({"data": {"evaluation": [{"metrics": [
        {"code": "DOSSIER_SYNC", "numerator": 1, "denominator": 1, "score": 6.0}]}]}});
    let (status, answer) = post(&server, "/v1/index/compare?period=2026-11", &[Scope::Read], &saved).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let synced = answer["compared"].as_array().unwrap().iter().find(|c| c["code"] == "1.4").unwrap();
    assert_eq!((&synced["ours"]["numerator"], &synced["agrees"]), (&json!(0), &json!(false)));
    let (status, _) = post(&server, "/v1/index/compare", &[Scope::Read], &json!({"data": {}})).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn the_page_and_its_files_show_the_same_in_both_languages() {
    let server = with_a_dossier().await;
    for lang in ["vi", "en"] {
        let cookies = format!("lienthong={}; lang={lang}", server.token(&[Scope::Read]));
        let page = server.browse("/chi-so?period=2026-11", &cookies).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.body);
        for missing in [">index-", ">indicator-", ">standing-", ">act-", ">check-", ">group-", ">reading-"] {
            assert!(!page.body.contains(missing), "{lang}: {missing}");
        }
        assert!(page.body.contains("data-label="), "a phone shows rows as cards");
    }
    let page = server.page("/chi-so?period=2026-11", &[Scope::Read]).await;
    assert!(page.body.contains("điểm tính được") && !page.body.contains("/ 100"), "{}", page.body);
    let csv = server.page("/chi-so.csv?period=2026-11&table=indicators", &[Scope::Read]).await;
    assert!(csv.body.contains("1.4,") && csv.body.contains("Hồ sơ được đồng bộ"), "{}", csv.body);
    let book = server.page("/chi-so.xlsx?period=2026-11", &[Scope::Read]).await;
    assert!(book.status == StatusCode::OK && book.body.starts_with("PK"));
    let bad = server.page("/chi-so?period=thang-muoi", &[Scope::Read]).await;
    assert_eq!(bad.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_period_without_dossiers_leads_to_those_that_have_some() {
    let server = with_a_dossier().await;
    let index = server.ask("/v1/index?period=2026-05").await.json()["index"].take();
    assert_eq!((&index["received_here"], &index["periods"]), (&json!(0), &json!(["2026-11"])));
    let quarter = server.ask("/v1/index?period=2026-Q1").await.json();
    assert_eq!(quarter["index"]["periods"], json!(["2026-Q4"]), "of the length that is asked for");
    let page = server.page("/chi-so?period=2026-05&unit=000.00.08.H99", &[Scope::Read]).await;
    assert!(page.body.contains("Kỳ này chưa có hồ sơ nào."), "{}", page.body);
    let there = "href=\"/chi-so?period=2026-11&#38;unit=000.00.08.H99\"";
    assert!(page.body.contains(there), "{}", page.body);
    let page = server.page("/chi-so?period=2026-11", &[Scope::Read]).await;
    assert!(!page.body.contains("Kỳ này chưa có hồ sơ nào."), "{}", page.body);
    let nothing = live();
    let page = nothing.page("/chi-so", &[Scope::Read]).await;
    assert!(
        page.body.contains("Kỳ này chưa có hồ sơ nào.") && !page.body.contains("Kỳ gần nhất"),
        "{}",
        page.body
    );
}
