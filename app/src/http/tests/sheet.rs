//! The morning sheet over HTTP: figures and dossiers, files, the printable page, what was kept.

use axum::http::{Method, StatusCode};
use jiff::civil::time;
use lienthong_core::{
    flow::{engine::EngineSettings, intake, sheet, sheet::SheetSettings},
    testing::fixtures::{UNIT, events::event},
};
use serde_json::{Value, json};

use super::{Server, live, tuned};
use crate::http::auth::Scope;

const CODE: &str = "000.00.08.H99-261123-0001";
/// It is past its due time when the tests begin.
const LATE: &str = "000.00.08.H99-261120-0002";

async fn filled(server: Server) -> Server {
    let late = event("dossier.received", LATE, 1)
        .with_data("/dossier/code", LATE)
        .with_data("/dossier/received_at", "2026-11-02T08:00:00+07:00")
        .with_data("/dossier/due_at", "2025-11-20T16:00:00+07:00");
    let messages = vec![event("dossier.received", CODE, 1).message(), late.message()];
    intake::admit(&server.engine, messages).await.unwrap();
    let refreshed =
        server.api(Method::POST, "/v1/index/refresh", &[Scope::Operate], "application/json", "{}").await;
    assert_eq!(refreshed.status, StatusCode::OK, "{}", refreshed.body);
    server
}

async fn sheet(server: &Server, query: &str) -> Value {
    server.ask(&format!("/v1/sheet{query}")).await.json()["sheet"].take()
}

#[tokio::test]
async fn the_province_has_a_line_a_unit_and_a_unit_names_its_dossiers() {
    let server = filled(live()).await;
    let province = sheet(&server, "").await;
    assert_eq!((&province["unit"], &province["is_kept"]), (&Value::Null, &json!(false)));
    assert_eq!((&province["totals"]["late"], &province["units"][0]["unit"]), (&json!(1), &json!(UNIT)));
    assert!(province.get("rows").is_none(), "one page for leaders names no dossiers");
    assert!(province["units"][0]["lost"].as_str().is_some(), "{province}");
    let unit = sheet(&server, &format!("?unit={UNIT}")).await;
    let late = &unit["rows"][0];
    assert_eq!((&late["figure"], &late["dossier"]), (&json!("late"), &json!(LATE)), "{unit}");
    assert_eq!((&late["officer"], &late["procedure"]), (&json!("Lê Văn Mẫu"), &json!("1.001193")));
    assert_eq!(late["since"], "2025-11-20T16:00:00+07:00");
    let other = sheet(&server, "?unit=000.00.01.H99").await;
    assert_eq!((&other["totals"]["open"], &other["rows"]), (&json!(0), &json!([])));
    assert_eq!(server.ask("/v1/sheet?day=hom-nay").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(server.ask("/v1/sheet?day=2026-11-20").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_was_kept_is_shown_as_it_was() {
    let sheet_settings = SheetSettings { at: Some(time(0, 0, 0, 0)), ..SheetSettings::default() };
    let settings = EngineSettings { sheet: sheet_settings, ..EngineSettings::default() };
    let server = filled(tuned(settings)).await;
    sheet::round(&server.engine).await.unwrap();
    let kept = sheet(&server, "?day=today").await;
    assert_eq!((&kept["is_kept"], &kept["totals"]["late"]), (&json!(true), &json!(1)));
    let ended = event("dossier.finished", LATE, 2);
    intake::admit(&server.engine, vec![ended.message()]).await.unwrap();
    server.api(Method::POST, "/v1/index/refresh", &[Scope::Operate], "application/json", "{}").await;
    assert_eq!(sheet(&server, "").await["totals"]["late"], 0, "it has ended");
    assert_eq!(sheet(&server, "?day=today").await, kept, "it was late then");
    let day = kept["day"].as_str().unwrap();
    let unit = sheet(&server, &format!("?day={day}&unit={UNIT}")).await;
    assert_eq!(unit["rows"][0]["dossier"], LATE);
    let page = server.page(&format!("/ban-sang?day={day}"), &[Scope::Read]).await;
    assert!(page.body.contains("Bản đã lưu lúc") && page.body.contains("1 hồ sơ quá hạn"), "{}", page.body);
    let page = server.page("/ban-sang", &[Scope::Read]).await;
    let chosen = format!("<option value=\"{day}\">");
    assert!(page.body.contains(&chosen) && !page.body.contains("1 hồ sơ quá hạn"), "{}", page.body);
    let page = server.page("/ban-sang?day=2026-01-01", &[Scope::Read]).await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_page_and_its_files_show_the_same_in_both_languages_and_go_on_paper() {
    let server = filled(live()).await;
    for lang in ["vi", "en"] {
        for path in ["/ban-sang".to_owned(), format!("/ban-sang?unit={UNIT}")] {
            let cookies = format!("lienthong={}; lang={lang}", server.token(&[Scope::Read]));
            let page = server.browse(&path, &cookies).await;
            assert_eq!(page.status, StatusCode::OK, "{}", page.body);
            for missing in [">morning-", ">figure-", ">cause-", ">nav-", "\"morning-"] {
                assert!(!page.body.contains(missing), "{lang} {path}: {missing}");
            }
            assert!(page.body.contains("data-label=") && page.body.contains("off-paper"));
        }
    }
    let unit = server.page(&format!("/ban-sang?unit={UNIT}"), &[Scope::Read]).await;
    assert!(unit.body.contains(&format!("href=\"/ho-so/{LATE}\"")), "{}", unit.body);
    let csv = server.page(&format!("/ban-sang.csv?unit={UNIT}"), &[Scope::Read]).await;
    assert!(csv.body.contains(&format!("Quá hạn,{LATE},1.001193,")), "{}", csv.body);
    let csv = server.page("/ban-sang.csv", &[Scope::Read]).await;
    assert!(csv.body.contains(UNIT) && csv.body.contains("Toàn tỉnh"), "{}", csv.body);
    let book = server.page("/ban-sang.xlsx", &[Scope::Read]).await;
    assert!(book.status == StatusCode::OK && book.body.starts_with("PK"));
}
