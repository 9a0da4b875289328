//! The pages: they render with nothing and with everything, escape what came from outside, and let a person decide.

use axum::{
    body::Body,
    http::{Method, Request, StatusCode, header},
};
use lienthong_core::testing::fixtures::events::event;

use super::{fake, live, over};
use crate::http::auth::Scope;

const PAGES: [&str; 14] = [
    "/luong",
    "/luong?owner=unit",
    "/luong/1102",
    "/",
    "/?auto=1",
    "/ho-so",
    "/ho-so/000.00.08.H99-261122-0001",
    "/thao-tac",
    "/thao-tac?state=stuck&open=1",
    "/thao-tac/102",
    "/doi-tac/vnpost",
    "/doi-tac/dvcqg",
    "/cach-ly",
    "/cach-ly/3",
];

#[tokio::test]
async fn pages_render_with_everything_in_both_languages_and_nothing_unescaped() {
    let server = over(fake::rich());
    for path in PAGES {
        for lang in ["vi", "en"] {
            let cookies = format!("lienthong={}; lang={lang}", server.token(&Scope::ALL));
            let page = server.browse(path, &cookies).await;
            assert_eq!(page.status, StatusCode::OK, "{path}");
            for bad in ["<script", "<b>09", "<i>HS", "href=\"javascript:", " style=\"", "onclick"] {
                assert!(!page.body.contains(bad), "{path} {lang}: {bad}");
            }
            // A key without a text shows itself, in its own shape.
            for key in ["col-", "fact-", "nav-", "headline-", "cause-", "state-", "action-", "event-dossier"]
            {
                assert!(!page.body.contains(&format!(">{key}")), "{path} {lang}: {key}");
            }
        }
    }
}

#[tokio::test]
async fn pages_render_with_nothing() {
    let server = over(fake::empty());
    for path in ["/", "/ho-so", "/thao-tac", "/luong", "/gui-lai", "/cach-ly"] {
        assert_eq!(server.page(path, &Scope::ALL).await.status, StatusCode::OK, "{path}");
    }
    let front = server.page("/", &[Scope::Read]).await;
    assert!(front.body.contains("không có gì cần người xử lý"));
    for path in [
        "/ho-so/x",
        "/thao-tac/1",
        "/thao-tac/x",
        "/luong/1",
        "/luong/x",
        "/doi-tac/x",
        "/gui-lai/1",
        "/gui-lai/x",
        "/cach-ly/1",
        "/cach-ly/x",
    ] {
        assert_eq!(server.page(path, &Scope::ALL).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn the_front_page_says_how_much_needs_a_person_and_why() {
    let page = over(fake::rich()).page("/", &[Scope::Read]).await.body;
    assert!(page.contains("Có 5 việc cần người xử lý"));
    for words in
        ["Bảng mã “ward” chưa có dòng cho mã 99001", "Quản trị hệ thống của tỉnh", "Tạm dừng", "5.303 hồ sơ"]
    {
        assert!(page.contains(words), "{words}");
    }
    assert!(page.contains("/thao-tac?need=mapping%3Avnpost%3Award%3A99001&#38;open=1"), "{page}");
    assert!(!page.contains("http-equiv=\"refresh\""));
    let auto = over(fake::rich()).page("/?auto=1", &[Scope::Read]).await.body;
    assert!(auto.contains("http-equiv=\"refresh\" content=\"30\""));
}

#[tokio::test]
async fn what_no_connector_does_is_no_working_partner_and_goes_with_its_last_operation() {
    let mut views = fake::empty();
    let count = |state: &str| lienthong_core::port::views::PartnerCount {
        connector: "unassigned".into(),
        action: "unassigned".into(),
        state: state.into(),
        operations: 1,
    };
    let row = "href=\"/thao-tac?connector=unassigned";
    views.overview.partners = vec![count("held"), count("dismissed")];
    let page = over(views.clone()).page("/", &[Scope::Read]).await.body;
    assert!(page.contains("Chưa có kết nối") && page.contains(row), "{page}");
    assert_eq!(page.matches("Hoạt động").count(), 3, "the three connectors");
    views.overview.partners = vec![count("dismissed")];
    let page = over(views).page("/", &[Scope::Read]).await.body;
    assert!(!page.contains("Chưa có kết nối") && !page.contains(row), "{page}");
}

#[tokio::test]
async fn numbers_of_citizens_are_masked_on_every_page() {
    let server = over(fake::rich());
    for path in PAGES {
        let page = server.page(path, &[Scope::Read]).await.body;
        assert!(!page.contains("0900000001") && !page.contains("080099000001"), "{path}");
    }
    let dossier = server.page("/ho-so/000.00.08.H99-261122-0001", &[Scope::Read]).await.body;
    assert!(dossier.contains("090****001") && dossier.contains("Trần Thị Mẫu"));
    assert!(!server.page("/cach-ly/1", &[Scope::Read]).await.body.contains("&lt;b&gt;"));
    assert!(server.page("/cach-ly/1", &Scope::ALL).await.body.contains("0900000001"));
}

#[tokio::test]
async fn a_ledger_that_does_not_balance_is_the_headline() {
    let mut views = fake::rich();
    views.overview.ledgers.open += 1;
    let page = over(views).page("/", &[Scope::Read]).await.body;
    assert!(
        page.contains("Hệ thống đang có sự cố") && page.contains("Sổ đối chiếu lệch") && page.contains("−1")
    );
}

#[tokio::test]
async fn operations_that_are_open_are_listed_unless_all_are_asked_for() {
    let server = over(fake::rich());
    let page = server.page("/thao-tac", &[Scope::Read]).await.body;
    assert!(page.contains("/thao-tac/102\"") && !page.contains("/thao-tac/101\""), "{page}");
    let all = server.page("/thao-tac?state=", &[Scope::Read]).await.body;
    assert!(all.contains("/thao-tac/101\"") && all.contains("/thao-tac/102\""));
}

#[tokio::test]
async fn an_operation_says_how_often_it_was_sent() {
    let page = over(fake::rich()).page("/thao-tac/102", &[Scope::Read]).await.body;
    assert!(page.contains("<dt>Số lần đã gửi</dt><dd>3</dd>"), "{page}");
    assert!(page.contains("<dt>Số lần trục trặc</dt><dd>1</dd>"));
}

#[tokio::test]
async fn an_unknown_address_is_a_page_for_people_and_json_for_programs() {
    let server = over(fake::empty());
    let of = |path: &str, accept: &str| {
        Request::builder().uri(path).header(header::ACCEPT, accept).body(Body::empty()).unwrap()
    };
    let page = server.send(of("/xyz", "text/html,*/*")).await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    assert!(page.body.contains("Không có trang này: /xyz") && page.body.contains("<html"), "{}", page.body);
    for (path, accept) in [("/xyz", "*/*"), ("/v1/xyz", "text/html")] {
        let answer = server.send(of(path, accept)).await;
        assert_eq!(answer.json()["error"]["code"], "no_such_address", "{path}");
    }
}

#[tokio::test]
async fn a_search_leads_to_the_dossier() {
    let server = over(fake::rich());
    let found = server.page("/ho-so?ma=%20G22.99-261122-000001", &[Scope::Read]).await;
    assert_eq!(found.headers[header::LOCATION], "/ho-so/G22.99-261122-000001");
}

#[tokio::test]
async fn a_person_decides_with_a_reason_and_is_told_what_came_of_it() {
    let server = live();
    let body = event("dossier.received", "000.00.08.H99-261123-0001", 1).json().to_string();
    server.api(Method::POST, "/v1/events", &[Scope::Publish], "application/cloudevents+json", &body).await;
    let list = server.ask("/v1/operations").await.json();
    let id = list["operations"][0]["id"].as_i64().unwrap();
    let cookie = format!("lienthong={}", server.token(&Scope::ALL));
    let page = server.browse(&format!("/thao-tac/{id}"), &cookie).await;
    let form = |reason: &str| format!("form_token={}&reason={reason}", page.form_token());
    let silent = server.post(&format!("/thao-tac/{id}/bo-qua"), &cookie, &form("")).await;
    assert_eq!(silent.headers[header::LOCATION], format!("/thao-tac/{id}?kq=reason"));
    let done = server.post(&format!("/thao-tac/{id}/bo-qua"), &cookie, &form("lap+nham")).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER);
    let told = server.browse(done.headers[header::LOCATION].to_str().unwrap(), &cookie).await.body;
    assert!(told.contains("Đã bỏ qua thao tác") && told.contains("an.tran: lap nham"), "{told}");
    let late = server.post(&format!("/thao-tac/{id}/lam-lai"), &cookie, &form("x")).await;
    let told = server.browse(late.headers[header::LOCATION].to_str().unwrap(), &cookie).await.body;
    assert!(told.contains("đã kết thúc"), "{told}");
    let odd = server.browse(&format!("/thao-tac/{id}?kq=%3Cscript%3E"), &cookie).await.body;
    assert!(odd.contains("Lúc này không làm được việc đó") && !odd.contains("<script"));
}

#[tokio::test]
async fn a_quarantine_entry_is_closed_with_a_reason_and_says_so_from_then_on() {
    let server = live();
    server.api(Method::POST, "/v1/events", &[Scope::Publish], "application/cloudevents+json", "{}").await;
    let list = server.ask("/v1/quarantine").await.json();
    let id = list["quarantine"][0]["id"].as_i64().unwrap();
    let cookie = format!("lienthong={}", server.token(&Scope::ALL));
    let page = server.browse(&format!("/cach-ly/{id}"), &cookie).await;
    let form = |reason: &str| format!("form_token={}&reason={reason}", page.form_token());
    let address = format!("/cach-ly/{id}/dong");
    let silent = server.post(&address, &cookie, &form("")).await;
    assert_eq!(silent.headers[header::LOCATION], format!("/cach-ly/{id}?kq=reason"));
    assert_eq!(server.post(&address, &cookie, "reason=x").await.status, StatusCode::FORBIDDEN);
    assert_eq!(server.ask("/v1/quarantine").await.json()["quarantine"].as_array().unwrap().len(), 1);
    let done = server.post(&address, &cookie, &form("don+vi+da+gui+ma+khac")).await;
    let told = server.browse(done.headers[header::LOCATION].to_str().unwrap(), &cookie).await.body;
    assert!(told.contains("Đã đóng") && told.contains("an.tran: don vi da gui ma khac"), "{told}");
    assert!(!told.contains("/dong"), "{told}");
    let again = server.post(&address, &cookie, &form("x")).await;
    let told = server.browse(again.headers[header::LOCATION].to_str().unwrap(), &cookie).await.body;
    assert!(told.contains("đã đóng rồi"), "{told}");
    let by_api = format!("/v1/quarantine/{id}/close");
    let again = server.api(Method::POST, &by_api, &Scope::ALL, "application/json", r#"{"reason":"x"}"#).await;
    assert_eq!(
        (again.status, again.json()["error"]["code"].as_str()),
        (StatusCode::CONFLICT, Some("closed_already"))
    );
    let entry = server.ask(&format!("/v1/quarantine/{id}")).await.json();
    assert_eq!(entry["entry"]["closed_by"], "an.tran");
    assert!(entry["entry"]["closed_at"].is_string());
}

#[tokio::test]
async fn what_only_a_persons_word_ends_is_closed_on_the_front_page() {
    let server = live();
    let incident = lienthong_core::port::work::IncidentRecord {
        key: "amount:TT-1".into(),
        connector: None,
        said: "8000, 80000".into(),
    };
    let open = move |work: &mut lienthong_core::port::work::Work| work.opened.push(incident.clone());
    lienthong_core::port::store::decide(&server.store, lienthong_core::port::work::Scope::default(), open)
        .await
        .unwrap();
    let cookie = format!("lienthong={}", server.token(&Scope::ALL));
    let page = server.browse("/", &cookie).await;
    let (_, rest) = page.body.split_once("action=\"/su-co/").expect("a form");
    let address = format!("/su-co/{}", rest.split('"').next().unwrap());
    let form = |reason: &str| format!("form_token={}&reason={reason}", page.form_token());
    assert!(!server.page("/", &[Scope::Read]).await.body.contains("/su-co/"));
    let silent = server.post(&address, &cookie, &form("")).await;
    assert_eq!(silent.headers[header::LOCATION], "/?kq=reason");
    let done = server.post(&address, &cookie, &form("da+doi+chieu")).await;
    let told = server.browse(done.headers[header::LOCATION].to_str().unwrap(), &cookie).await.body;
    assert!(told.contains("Đã đóng") && !told.contains("/su-co/"), "{told}");
    let deeds = server.store.audit();
    assert!(deeds.iter().any(|(_, who, deed, _)| who == "an.tran" && deed == "incident.close: da doi chieu"));
    let again = server.post(&address, &cookie, &form("x")).await;
    assert_eq!(again.headers[header::LOCATION], "/?kq=already");
}

#[tokio::test]
async fn those_who_only_read_are_told_which_right_is_missing() {
    let page = over(fake::rich()).page("/thao-tac/102", &[Scope::Read]).await.body;
    assert!(!page.contains("lam-lai") && page.contains("operate"));
}

#[tokio::test]
async fn assets_are_kept_by_browsers_and_nothing_else_is_served() {
    let server = over(fake::empty());
    let page = server.bare(Method::GET, "/login").await.body;
    let (_, rest) = page.split_once("rel=\"stylesheet\" href=\"").unwrap();
    let style = server.bare(Method::GET, rest.split('"').next().unwrap()).await;
    assert_eq!(style.status, StatusCode::OK);
    assert_eq!(style.headers[header::CONTENT_TYPE], "text/css");
    assert!(style.headers[header::CACHE_CONTROL].to_str().unwrap().contains("immutable"));
    assert_eq!(server.bare(Method::GET, "/assets/x/..%2fCargo.toml").await.status, StatusCode::NOT_FOUND);
}

#[test]
fn every_table_becomes_cards_on_a_phone() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
    let mut tables = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        for table in text.split("<table").skip(1) {
            assert!(table.starts_with(" class=\"cards\""), "{} has a table without cards", path.display());
            tables += 1;
        }
    }
    assert!(tables > 5, "{tables} tables found");
}
