//! The portal: sessions, create or update, steps, look-up, strictness.

use crate::wire::{ask, dossier, listener, step};
use lienthong_mocks::{Behaviour, Effect, Rule, portal};
use serde_json::{Value, json};
use std::time::Duration;

const CODE: &str = "000.00.01.H99-250110-0007";
const BORN: &str = "G22.99-250110-000001";
const QUERY: &str = "dstcode=VN:GOV:000.00.00.G22:vpcpdvcprovider&providerurl=https%3A%2F%2Fprovider.example";

struct Client {
    portal: portal::PortalHandle,
    session: String,
}

impl Client {
    async fn new(options: portal::Options) -> Self {
        let portal = portal::start(listener().await, options).await;
        let mut client = Self { portal, session: String::new() };
        client.login().await;
        client
    }

    async fn login(&mut self) {
        let url = format!("{}/VXPAdapter/RestService/forward/mapi/login?{QUERY}", self.portal.url());
        let answer = ask(&url, &json!({"username": "000.00.00.H99", "password": "TEST-PASSWORD"})).await;
        answer["session"].as_str().unwrap().clone_into(&mut self.session);
    }

    async fn call(&self, service: &str, rest: Value) -> Value {
        let mut body = json!({"session": self.session, "madonvi": "000.00.00.H99", "service": service});
        body.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        let url = format!("{}/VXPAdapter/RestService/forward/mapi/g?{QUERY}", self.portal.url());
        ask(&url, &body).await
    }

    async fn sync(&self, updating: &str, dossier: Value) -> Value {
        self.call("DongBoHoSoMC", json!({"isUpdating": updating, "data": [dossier]})).await
    }
}

fn is_success(answer: &Value) -> bool {
    let code = &answer["error_code"];
    (*code == 0 || *code == "0" || *code == "00")
        && answer["message"].as_str().is_some_and(|m| m.contains("thành công"))
}

#[tokio::test]
async fn a_dossier_is_created_once_then_updated_and_looked_up() {
    let client = Client::new(portal::Options::default()).await;
    assert_eq!(client.call("TraCuuHoSo", json!({"mahoso": CODE})).await["result"], json!([]));
    assert_eq!(client.sync("True", dossier(CODE)).await["error_code"], "-1");
    assert!(is_success(&client.sync("False", dossier(CODE)).await));
    let again = client.sync("False", dossier(CODE)).await;
    assert_eq!(again["error_code"], "-3");
    assert!(again["message"].as_str().unwrap().contains("đã tồn tại"));
    assert!(is_success(&client.sync("True", dossier(CODE)).await));
    assert_eq!(
        client.call("TraCuuHoSo", json!({"mahoso": CODE})).await["result"].as_array().unwrap().len(),
        1
    );
    let known = client.portal.dossier(CODE).unwrap();
    assert_eq!((known.syncs, known.creates, &known.last), (2, 1, &dossier(CODE)));
    let summary = client.portal.journal().summary();
    assert_eq!(summary.count("DongBoHoSoMC", Effect::Created), 1);
    assert_eq!(summary.count("DongBoHoSoMC", Effect::None), 2);
    assert_eq!(client.portal.journal().violations(), Vec::<String>::new());
}

#[tokio::test]
async fn success_is_spelt_three_ways() {
    let client = Client::new(portal::Options::default()).await;
    let mut codes = vec![json!("0")];
    for _ in 0..3 {
        codes.push(client.call("LayThuTuc", json!({"maTTHC": "1.001193"})).await["error_code"].clone());
    }
    assert_eq!(codes, [json!("0"), json!(0), json!("00"), json!("0")]);
}

#[tokio::test]
async fn the_catalogue_answers_in_capitals() {
    let client = Client::new(portal::Options::default()).await;
    let one = client.call("LayThuTuc", json!({"maTTHC": "1.001193"})).await;
    assert_eq!(one["result"][0]["TENTTHC"], "Đăng ký khai sinh");
    let scoped = client.call("LayThuTuc", json!({"maTTHC": "1.001193.000.00.00.H99"})).await;
    assert_eq!(scoped["result"].as_array().unwrap().len(), 1);
    assert_eq!(client.call("LayThuTuc", json!({"maTTHC": "9.999999"})).await["result"], json!([]));
    assert_eq!(client.call("LayDanhSachTTHC", json!({})).await["result"].as_array().unwrap().len(), 9);
}

#[tokio::test]
async fn steps_are_kept_in_order_with_duplicates_and_backward_moves_counted() {
    let client = Client::new(portal::Options::default()).await;
    let send = async |steps: &[Value]| client.call("CapNhatTienDoHoSoMC", json!({ "data": steps })).await;
    let (a, b) = (step(CODE, "20250113093000"), step(CODE, "20250114093000"));
    assert_eq!(send(std::slice::from_ref(&a)).await["error_code"], "-1", "unknown dossier");
    client.sync("False", dossier(CODE)).await;
    assert!(is_success(&send(&[a.clone(), b.clone()]).await));
    assert!(is_success(&send(std::slice::from_ref(&b)).await));
    assert!(is_success(&send(std::slice::from_ref(&a)).await));
    let known = client.portal.dossier(CODE).unwrap();
    assert_eq!(known.steps, [a.clone(), b.clone(), b, a]);
    let counts = client.portal.counts();
    assert_eq!((counts.steps, counts.duplicate_steps), (4, 2));
    assert_eq!((counts.adjacent_duplicates, counts.other_duplicates, counts.backward_steps), (1, 1, 1));
    let too_many: Vec<Value> = (0..11).map(|n| step(CODE, &format!("202501150930{n:02}"))).collect();
    assert_eq!(send(&too_many).await["error_code"], "-1");
    let mixed = [step(CODE, "20250116093000"), step("000.00.01.H99-250110-0008", "20250116093000")];
    assert_eq!(send(&mixed).await["error_code"], "-1");
    assert_eq!(client.portal.journal().violations().len(), 2);
}

#[tokio::test]
async fn dossiers_born_on_the_portal_are_known_from_the_start() {
    let client = Client::new(portal::Options::default()).await;
    assert_eq!(
        client.call("TraCuuHoSo", json!({"mahoso": BORN})).await["result"].as_array().unwrap().len(),
        1
    );
    assert_eq!(client.sync("False", dossier(BORN)).await["error_code"], "-3");
    assert!(is_success(&client.sync("True", dossier(BORN)).await));
    let status = json!({"MaHoSo": BORN, "MaHoSoDonVi": CODE, "MaDoiTuong": "", "NoiDung": "Đã tiếp nhận",
        "NgayXuLy": "20250110100000", "TrangThai": "2", "TaiLieuXuLy": []});
    let answer = client.call("DongBoTrangThaiHoSo", json!({"type": "2", "data": status})).await;
    assert!(is_success(&answer), "{answer}");
    let mut local = status.clone();
    local["MaHoSo"] = json!(CODE);
    assert_eq!(
        client.call("DongBoTrangThaiHoSo", json!({"type": "2", "data": local})).await["error_code"],
        "-1"
    );
    assert_eq!(client.portal.dossier(BORN).unwrap().statuses, [status]);
}

#[tokio::test]
async fn every_broken_rule_is_refused_and_journaled() {
    let client = Client::new(portal::Options::default()).await;
    let cases: &[(&str, Value)] = &[
        ("LoaiDoiTuong", json!(1)),
        ("MaDoiTuong", Value::Null),
        ("KenhThucHien", json!("4")),
        ("TrangThaiHoSo", json!("11")),
        ("NgayNopHoSo", json!("20250230081500")),
        ("NgayNopHoSo", json!("2025-01-10")),
        ("NgayTiepNhan", json!("")),
        ("NgayHenTra", json!("0")),
        ("TrichYeuHoSo", json!("x".repeat(1001))),
        ("GhiChu", json!("x".repeat(2000))),
        ("DonViXuLy", json!("")),
        ("MaHoSo", json!("00.00.01.H99-250110-0007")),
        ("NoiNopHoSo", json!("3")),
        ("DSKetNoiCSDL", json!("7")),
        ("DinhDanhCHS", json!([{"LoaiDinhDanh": "1", "SoDinhDanh": "123456789"}])),
        ("TaiLieuNop", json!([{"TenTepDinhKem": "a.pdf"}])),
        (
            "DanhSachLePhi",
            json!([{"TenPhiLePhi": "a", "MaPhiLePhi": "1", "HinhThucThu": "1", "Gia": 30000, "LoaiPhiLePhi": "2"}]),
        ),
        ("LaTruongLa", json!("")),
    ];
    for (field, value) in cases {
        let mut bad = dossier(CODE);
        bad[*field] = value.clone();
        let answer = client.sync("False", bad).await;
        assert_eq!(answer["error_code"], "-1", "{field} = {value}");
        let entry = client.portal.journal().entries().last().unwrap().clone();
        assert_eq!(entry.effect, Effect::None);
        assert!(
            entry.violations.iter().any(|rule| rule.starts_with(&format!("data[0].{field}"))),
            "{field}: {entry:?}"
        );
    }
    let mut missing = dossier(CODE);
    missing.as_object_mut().unwrap().remove("DSKetNoiCSDL");
    assert_eq!(client.sync("False", missing).await["error_code"], "-1");
    assert_eq!(client.sync("false", dossier(CODE)).await["error_code"], "-1");
    let two = json!({"isUpdating": "False", "data": [dossier(CODE), dossier("000.00.01.H99-250110-0008")]});
    assert_eq!(client.call("DongBoHoSoMC", two).await["error_code"], "-1");
    assert!(client.portal.dossiers().is_empty());
    let mut step = step(CODE, "20250113093000");
    step["NoiDungXuLy"] = json!("");
    step["NguoiXuLy"] = json!("x".repeat(51));
    client.call("CapNhatTienDoHoSoMC", json!({"data": [step]})).await;
    assert_eq!(client.portal.journal().entries().last().unwrap().violations.len(), 2);
}

#[tokio::test]
async fn unknown_and_expired_sessions_are_refused_without_a_violation() {
    let options = portal::Options {
        session_ttl: Duration::from_millis(200),
        session_error_code: "-77".to_owned(),
        ..Default::default()
    };
    let mut client = Client::new(options).await;
    assert_eq!(client.call("LayDanhSachTTHC", json!({})).await["result"].as_array().unwrap().len(), 9);
    tokio::time::sleep(Duration::from_millis(250)).await;
    assert_eq!(client.call("LayDanhSachTTHC", json!({})).await["error_code"], "-77");
    client.login().await;
    client.portal.behave(Rule::on("LayDanhSachTTHC", Behaviour::ExpiredSession).times(1));
    assert_eq!(client.call("LayDanhSachTTHC", json!({})).await["error_code"], "-77");
    client.login().await;
    assert!(client.call("LayDanhSachTTHC", json!({})).await["result"].is_array());
    assert!(client.portal.journal().violations().is_empty());
}

#[tokio::test]
async fn the_destination_code_is_demanded_in_query_or_header() {
    let portal = portal::start(listener().await, portal::Options::default()).await;
    let url = format!("{}/VXPAdapter/RestService/forward/mapi/login", portal.url());
    let body = json!({"username": "000.00.00.H99", "password": "TEST-PASSWORD"});
    let refused = crate::wire::post_json(&url, &body).await.unwrap();
    assert_eq!(refused.status(), 400);
    let request = crate::wire::client().post(&url).header("dstcode", "VN:GOV:000.00.00.G22:vpcpdvcprovider");
    let answer: Value = request.json(&body).send().await.unwrap().json().await.unwrap();
    assert!(answer["session"].is_string());
    let wrong = json!({"username": "000.00.00.H99", "password": "x"});
    let answer = ask(&format!("{url}?{QUERY}"), &wrong).await;
    assert!(answer["session"].is_null() && answer["error_code"] == "-1");
    assert_eq!(portal.journal().violations().len(), 1);
}

#[tokio::test]
async fn an_account_is_answered_in_capitals_or_not_at_all() {
    let client = Client::new(portal::Options::default()).await;
    let account = async |number: &str| {
        client.call("TraCuuTechID", json!({"provider": "wso2is", "mstorcmnd": number})).await["result"]
            .clone()
    };
    assert_eq!(account("001099000000").await, json!([{"TECHNICALID": "tech-001099000000"}]));
    assert_eq!(account("0100000001").await, json!([]));
    let other = client.call("TraCuuTechID", json!({"provider": "x", "mstorcmnd": "1"})).await;
    assert_eq!(other["error_code"], "-1");
    assert_eq!(client.portal.journal().violations().len(), 1);
}

/// The portal's own reply out of a gateway's.
fn inside(answer: &Value) -> Value {
    serde_json::from_str(answer["message"].as_str().unwrap()).unwrap()
}

#[tokio::test]
async fn a_gateway_takes_bare_arrays_and_wraps_every_reply() {
    let options = portal::Options { gateway: Some(portal::GatewayPaths::default()), ..Default::default() };
    let portal = portal::start(listener().await, options).await;
    let at = |path: &str| format!("{}/KetNoiMotCuaQuocGia/{path}", portal.url());
    let get = async |path: &str| crate::wire::get(&at(path)).await;
    assert_eq!(inside(&get("LayDanhSachTTHC").await)["result"].as_array().unwrap().len(), 9);
    assert_eq!(inside(&get(&format!("TraCuuHoSo?mahoso={CODE}")).await)["result"], json!([]));
    let made = ask(&at("ThemMoi"), &json!([dossier(CODE)])).await;
    assert!(is_success(&inside(&made)), "{made}");
    let again = ask(&at("ThemMoi"), &json!([dossier(CODE)])).await;
    assert_eq!(again["error_code"], "-3", "the code stands outside as well");
    assert!(inside(&again)["message"].as_str().unwrap().contains("đã tồn tại"));
    assert!(is_success(&inside(&ask(&at("CapNhat"), &json!([dossier(CODE)])).await)));
    assert!(is_success(&inside(&ask(&at("DongBoTienTrinh"), &json!([step(CODE, "20250113093000")])).await)));
    let known = portal.dossier(CODE).unwrap();
    assert_eq!((known.creates, known.syncs, known.steps.len()), (1, 2, 1));
    assert_eq!(portal.journal().violations(), Vec::<String>::new());

    // An envelope, a session in the query, a read by POST: nothing of the direct way belongs here.
    ask(&at("ThemMoi"), &json!({"session": "x", "data": [dossier(CODE)]})).await;
    get(&format!("TraCuuHoSo?mahoso={CODE}&session=x")).await;
    ask(&at("TraCuuHoSo"), &json!({"mahoso": CODE})).await;
    let mut long = dossier(CODE);
    long["TrichYeuHoSo"] = json!("x".repeat(1001));
    ask(&at("CapNhat"), &json!([long])).await;
    let journal = portal.journal();
    assert_eq!(journal.entries().iter().filter(|e| !e.violations.is_empty()).count(), 4);
    assert_eq!(portal.dossier(CODE).unwrap().syncs, 2);
}
