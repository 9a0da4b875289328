//! A vendor that changes one base address: the calls of known clients through the real program to the strict portal.

use lienthong_tests::{Place, Plan, World, eventually, province::Tuning};
use reqwest::Method;
use serde_json::{Value, json};
use std::{process::Stdio, time::Duration};

const PATIENCE: Duration = Duration::from_mins(2);
const NAME: &str = "motcua-000.00.08.H99";
const PASSWORD: &str = "mot-mat-khau-du-dai";
const PAGE: &str = include_str!("../../docs/vendor.md");

const SYNC: &str = "/api/SynsTTHCC/DongBoHoSoMC?MaDinhDanhDV=000.00.08.H99&isUpdating=";
const CREATE: &str = "/cu/them-moi";
const UPDATE: &str = "/cu/cap-nhat";
const PROGRESS: &str = "/cu/tien-trinh";
const LOGIN: &str = "/VXPAdapter/RestService/forward/mapi/login";
const ENVELOPE: &str = "/VXPAdapter/RestService/forward/mapi/g";

async fn world() -> World {
    let vendors = format!(
        "[[vendor]]\nname = \"{NAME}\"\nsource = \"/motcua/000.00.08.H99\"\npassword = \"{PASSWORD}\"\n\
         header = \"X-Api-Key\"\ncreate_path = \"{CREATE}\"\nupdate_path = \"{UPDATE}\"\nprogress_path = \"{PROGRESS}\"\n\
         [[vendor]]\nname = \"motcua-09\"\nsource = \"/motcua/000.00.09.H99\"\npassword = \"mat-khau-cua-so-chin\"\n\
         repeated_create = \"update\"\nunknown_progress = \"refuse\"\n"
    );
    let mut plan = Plan::embedded(Place::Program);
    plan.tuning = Tuning { further: vendors, ..Tuning::default() };
    plan.open().await
}

/// A client that knows the gateway's protocol and nothing of ours.
struct Client {
    http: reqwest::Client,
    name: &'static str,
    password: &'static str,
}

#[expect(clippy::disallowed_methods, reason = "a stranger's client knows none of our crates")]
fn client() -> Client {
    let http = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
    Client { http, name: NAME, password: PASSWORD }
}

impl Client {
    async fn post(&self, world: &World, path: &str, body: &Value) -> Value {
        let request = self.http.post(format!("{}{path}", world.api.base));
        let request = request.basic_auth(self.name, Some(self.password)).body(body.to_string());
        request.send().await.unwrap().json().await.unwrap()
    }

    async fn look_up(&self, world: &World, code: &str) -> Value {
        let url = format!("{}/KetNoiMotCuaQuocGia/TraCuuHoSo?mahoso={code}", world.api.base);
        let request = self.http.get(url).basic_auth(self.name, Some(self.password));
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        let inner: Value = serde_json::from_str(answer["message"].as_str().unwrap()).unwrap();
        assert_eq!(inner["result"], answer["result"]);
        inner["result"][0].clone()
    }
}

fn dossier(number: u32, status: u8) -> Value {
    json!({"MaHoSo": code(number), "MaTTHC": "1.001193", "TenTTHC": "Đăng ký khai sinh", "MaLinhVuc": "G15-TP01",
        "TenLinhVuc": "Hộ tịch", "KenhThucHien": 1, "ChuHoSo": "Trần Thị Mẫu", "LoaiDoiTuong": "1", "MaDoiTuong": "",
        "SoDienThoai": "0900000001", "TrichYeuHoSo": "Đăng ký khai sinh cho con", "NgayNopHoSo": "20261123080500",
        "NgayTiepNhan": "20261123080500", "NgayHenTra": "20261125170000", "TrangThaiHoSo": status.to_string(),
        "NgayTra": "", "HinhThuc": "0", "DonViXuLy": "UBND xã Mẫu", "NoiNopHoSo": "2", "DuocThanhToanTrucTuyen": "2",
        "DinhDanhCHS": [{"LoaiDinhDanh": "1", "SoDinhDanh": "080099000001"}],
        "TaiLieuNop": [{"TepDinhKemId": "", "TenTepDinhKem": "to-khai.pdf", "IsDeleted": "False", "MaThanhPhanHoSo": "GT-01",
            "DuongDanTaiTepTin": "https://motcua.example.gov.vn/files/501", "DuocSoHoa": "1", "DuocTaiSuDung": "0",
            "DuocLayTuKhoDMQG": "0", "MaKetQuaThayThe": ""}],
        "DanhSachLePhi": [{"TenPhiLePhi": "Lệ phí hộ tịch", "MaPhiLePhi": "LP01", "HinhThucThu": "1", "Gia": "8000",
            "LoaiPhiLePhi": "2"}]})
}

fn code(number: u32) -> String {
    format!("000.00.08.H99-261123-{number:04}")
}

fn step(number: u32, nth: u32, status: u8) -> Value {
    json!({"MaHoSo": code(number), "NguoiXuLy": "Lê Văn Mẫu", "ChucDanh": "", "ThoiDiemXuLy": format!("20261123{:02}0000", nth + 8),
        "PhongBanXuLy": "Bộ phận một cửa", "NoiDungXuLy": format!("Bước {nth}"), "TrangThai": status, "NgayBatDau": "",
        "NgayKetThucTheoQuyDinh": ""})
}

fn is_done(answer: &Value) -> bool {
    answer["error_code"] == "0" && answer["message"].as_str().unwrap().contains("thành công")
}

/// Waits until everything that was said has reached the portal.
async fn arrived(client: &Client, world: &World, number: u32) -> Value {
    let code = code(number);
    let is_there = async || {
        let row = client.look_up(world, &code).await;
        if row["TINHTRANG"] == "DA_GHI_NHAN" { Ok(row) } else { Err(row) }
    };
    eventually("the portal has it", PATIENCE, is_there).await
}

async fn messages(world: &World) -> (i64, i64, i64) {
    let ledger = world.api.get("/v1/status").await["ledgers"]["messages"].clone();
    let of = |name: &str| ledger[name].as_i64().unwrap();
    (of("admitted"), of("duplicate"), of("quarantined"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vendor_that_changes_one_address_reaches_the_portal_and_repeats_harm_nothing() {
    let (mut world, client) = (world().await, client());
    // One client creates with status 1 and tells the reception at once, as an update.
    for _ in 0..2 {
        let answer = client.post(&world, CREATE, &json!([dossier(1, 1)])).await;
        assert!(is_done(&answer), "{answer}");
    }
    for _ in 0..2 {
        let answer = client.post(&world, UPDATE, &json!([dossier(1, 2)])).await;
        assert!(is_done(&answer), "{answer}");
    }
    assert_eq!(messages(&world).await, (2, 2, 0), "a repetition is a duplicate");
    // Another one sends a whole history in chunks of ten, the dossier at its end first.
    let mut last = dossier(1, 9);
    last["NgayKetThucXuLy"] = json!("20261123120000");
    assert!(is_done(&client.post(&world, &format!("{SYNC}True"), &json!([last])).await));
    let steps: Vec<Value> = (1..=12).map(|n| step(1, n, if n == 12 { 9 } else { 4 })).collect();
    for _ in 0..2 {
        for chunk in steps.chunks(10) {
            assert!(is_done(&client.post(&world, PROGRESS, &json!(chunk)).await));
        }
    }
    arrived(&client, &world, 1).await;
    // Killed and started again, it still knows what it was told.
    world.kill9();
    world.start().await;
    for chunk in steps.chunks(10) {
        assert!(is_done(&client.post(&world, PROGRESS, &json!(chunk)).await));
    }
    assert!(is_done(&client.post(&world, UPDATE, &json!([last])).await));
    assert_eq!(messages(&world).await, (15, 27, 0));

    let row = arrived(&client, &world, 1).await;
    assert_eq!((&row["TRANGTHAIHOSO"], &row["TRANGTHAITAICONG"]), (&json!("9"), &json!("9")), "{row}");
    let there = world.suite.portal.dossier(&code(1)).unwrap();
    let statuses: Vec<&str> = there.steps.iter().map(|s| s["TrangThai"].as_str().unwrap()).collect();
    assert_eq!(statuses.len(), 12, "each step once");
    assert!(statuses[..11].iter().all(|s| *s == "4") && statuses[11] == "9", "each with its own status");
    assert_eq!((there.adjacent_duplicates + there.other_duplicates, there.backward_steps), (0, 0));
    for (field, value) in [
        ("TrangThaiHoSo", json!("9")),
        ("NgayKetThucXuLy", json!("20261123120000")),
        ("DonViXuLy", json!("UBND xã Mẫu")),
        ("DuocThanhToanTrucTuyen", json!("2")),
        ("DanhSachLePhi", dossier(1, 9)["DanhSachLePhi"].clone()),
        ("TaiLieuNop", dossier(1, 9)["TaiLieuNop"].clone()),
    ] {
        assert_eq!(there.last[field], value, "{field} as the vendor said it");
    }
    assert_eq!(world.suite.portal.journal().violations(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_said_before_is_said_anew_and_what_is_not_sent_stays() {
    let (world, client) = (world().await, client());
    assert!(is_done(&client.post(&world, CREATE, &json!([dossier(1, 4)])).await));
    let (asks, again) = (json!([dossier(1, 5)]), json!([dossier(1, 4)]));
    for body in [&asks, &again, &again] {
        assert!(is_done(&client.post(&world, UPDATE, body).await));
    }
    let row = arrived(&client, &world, 1).await;
    assert_eq!(row["TRANGTHAITAICONG"], "4", "back to what it was: {row}");
    assert_eq!(messages(&world).await, (3, 1, 0), "said again after something else it is no duplicate");
    // Only what changes is sent.
    let short = json!([{"MaHoSo": code(1), "TrangThaiHoSo": "4", "GhiChu": "gọi lại", "DanhSachLePhi": []}]);
    assert!(is_done(&client.post(&world, UPDATE, &short).await));
    arrived(&client, &world, 1).await;
    let last = world.suite.portal.dossier(&code(1)).unwrap().last;
    assert_eq!((&last["GhiChu"], &last["ChuHoSo"]), (&json!("gọi lại"), &json!("Trần Thị Mẫu")));
    assert_eq!(last["TaiLieuNop"], dossier(1, 4)["TaiLieuNop"], "not sent: kept");
    assert_eq!(last["DanhSachLePhi"], json!([]), "sent empty: emptied");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_bad_dossier_of_a_batch_is_named_and_the_others_are_stored() {
    let (world, client) = (world().await, client());
    let (mut bad, mut nameless) = (dossier(2, 2), dossier(3, 2));
    bad["TrangThaiHoSo"] = json!("12");
    nameless["ChuHoSo"] = json!("");
    let batch = json!([dossier(1, 2), bad, nameless, dossier(4, 2)]);
    for _ in 0..3 {
        let answer = client.post(&world, CREATE, &batch).await;
        assert_eq!(answer["error_code"], "-1");
        let message = answer["message"].as_str().unwrap();
        assert!(message.contains(&format!("{} - TrangThaiHoSo", code(2))), "{message}");
        assert!(message.contains(&format!("{} - ChuHoSo", code(3))), "{message}");
        // Known clients look for these words anywhere in the answer.
        assert!(!answer.to_string().contains("thành công") && !message.contains(&code(1)), "{answer}");
        let codes: Vec<_> =
            answer["details"].as_array().unwrap().iter().map(|d| d["error_code"].clone()).collect();
        assert_eq!(codes, ["0", "-1", "-1", "0"]);
    }
    assert_eq!(messages(&world).await, (2, 4, 2), "the same refusal is not put aside again and again");
    for number in [1, 4] {
        arrived(&client, &world, number).await;
    }
    let quarantine = world.api.get("/v1/quarantine").await["quarantine"].clone();
    assert_eq!(quarantine.as_array().unwrap().len(), 2, "{quarantine}");
    bad["TrangThaiHoSo"] = json!("2");
    assert!(is_done(&client.post(&world, CREATE, &json!([bad])).await), "corrected it goes");
    arrived(&client, &world, 2).await;
    assert!(world.suite.portal.dossier(&code(3)).is_none());
    let empty = client.post(&world, CREATE, &json!([])).await;
    assert_eq!(empty["error_code"], "-1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_create_of_a_known_dossier_exists_as_at_the_portal_or_is_an_update_by_configuration() {
    let (world, client) = (world().await, client());
    assert!(is_done(&client.post(&world, &format!("{SYNC}False"), &json!([dossier(1, 2)])).await));
    let mut other = dossier(1, 2);
    other["ChuHoSo"] = json!("Người khác");
    let answer = client.post(&world, &format!("{SYNC}False"), &json!([other, dossier(2, 2)])).await;
    assert_eq!(answer["error_code"], "-3");
    assert!(answer["message"].as_str().unwrap().contains("đã tồn tại"), "{answer}");
    arrived(&client, &world, 1).await;
    arrived(&client, &world, 2).await;
    assert_eq!(world.suite.portal.dossier(&code(1)).unwrap().last["ChuHoSo"], "Trần Thị Mẫu");
    // What clients do then.
    assert!(is_done(&client.post(&world, &format!("{SYNC}True"), &json!([other, dossier(2, 2)])).await));
    let is_told = async || {
        let last = world.suite.portal.dossier(&code(1)).unwrap().last;
        if last["ChuHoSo"] == "Người khác" { Ok(()) } else { Err(last) }
    };
    eventually("the portal has the update", PATIENCE, is_told).await;

    let ninth = Client { name: "motcua-09", password: "mat-khau-cua-so-chin", ..client };
    let mut own = dossier(1, 2);
    own["MaHoSo"] = json!("000.00.09.H99-261123-0001");
    assert!(is_done(&ninth.post(&world, &format!("{SYNC}False"), &json!([own])).await));
    own["GhiChu"] = json!("khác");
    assert!(is_done(&ninth.post(&world, &format!("{SYNC}False"), &json!([own])).await), "taken as an update");
    // Another unit's dossier is neither told of nor touched.
    assert_eq!(ninth.look_up(&world, &code(1)).await, Value::Null);
    let answer = ninth.post(&world, &format!("{SYNC}True"), &json!([dossier(1, 8)])).await;
    assert_eq!(answer["error_code"], "-1");
    assert!(answer["message"].as_str().unwrap().contains("nguồn có quyền"), "{answer}");
    let step = json!([{"MaHoSo": "000.00.09.H99-261123-0077", "NguoiXuLy": "A", "ThoiDiemXuLy": "20261123080500",
        "NoiDungXuLy": "x", "TrangThai": "4"}]);
    let answer = ninth.post(&world, "/KetNoiMotCuaQuocGia/CapNhatTienDoHoSoMC", &step).await;
    assert_eq!(answer["error_code"], "-1", "progress of an unknown dossier, where that is configured");
    assert_eq!(world.suite.portal.journal().violations(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_that_comes_before_its_dossier_waits_for_it_and_its_standing_says_why() {
    let (world, client) = (world().await, client());
    let steps = json!([step(1, 1, 2), step(1, 2, 4)]);
    assert!(is_done(&client.post(&world, PROGRESS, &steps).await));
    assert_eq!(client.look_up(&world, &code(1)).await, Value::Null, "no dossier yet: a client creates it");
    assert!(is_done(&client.post(&world, CREATE, &json!([dossier(1, 4)])).await));
    assert!(is_done(&client.post(&world, PROGRESS, &steps).await), "as it was stored");
    arrived(&client, &world, 1).await;
    let there = world.suite.portal.dossier(&code(1)).unwrap();
    let told: Vec<_> =
        there.steps.iter().map(|s| (s["NoiDungXuLy"].clone(), s["TrangThai"].clone())).collect();
    assert_eq!(told, [(json!("Bước 1"), json!("2")), (json!("Bước 2"), json!("4"))]);
    // A procedure that nobody has mapped.
    let mut local = dossier(2, 2);
    local["MaTTHC"] = json!("TT-LA");
    assert!(is_done(&client.post(&world, CREATE, &json!([local])).await), "stored, not yet accepted");
    let is_told = async || {
        let row = client.look_up(&world, &code(2)).await;
        if row["TINHTRANG"] == "VUONG_MAC" { Ok(row) } else { Err(row) }
    };
    let row = eventually("its standing says that somebody has to act", PATIENCE, is_told).await;
    assert!(row["LYDO"].as_str().unwrap().contains("TT-LA"), "{row}");
    assert_eq!((&row["TRANGTHAITAICONG"], &row["TRANGTHAIHOSO"]), (&json!(""), &json!("2")));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_shows_a_token_a_password_or_a_session_of_a_vendor_is_let_in() {
    let (world, client) = (world().await, client());
    let url = |path: &str| format!("{}{path}", world.api.base);
    let body = json!([dossier(1, 2)]).to_string();
    let bare = || client.http.post(url(CREATE)).body(body.clone());
    let config = world.config().display().to_string();
    let token = async |subject: &str, scope: &str| {
        let issue = ["--config", &config, "token", "issue", "--subject", subject, "--scope", scope];
        let output = lienthong_tests::program::run(&issue).await;
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    let (own, reading, other) =
        (token(NAME, "publish").await, token(NAME, "read").await, token("motcua-09", "publish").await);
    for (request, is_let_in) in [
        (bare(), false),
        (bare().basic_auth(NAME, Some("sai")), false),
        (bare().basic_auth("motcua-09", Some(PASSWORD)), false),
        (bare().bearer_auth(&reading), false),
        (bare().bearer_auth(&other), false),
        (bare().header("X-Api-Key", "sai"), false),
        (bare().bearer_auth(&own), true),
        (bare().basic_auth(NAME, Some(&own)), true),
        (bare().basic_auth(NAME, Some(PASSWORD)), true),
        (bare().header("x-api-key", &own), true),
        (bare().header("x-api-key", PASSWORD), true),
    ] {
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status() == 200, is_let_in, "{:?}", answer.text().await);
    }
    let login = |password: &str| json!({"username": NAME, "password": password}).to_string();
    let refused = client.http.post(url(LOGIN)).body(login("sai")).send().await.unwrap();
    assert_eq!(refused.status(), 401);
    let answer: Value =
        client.http.post(url(LOGIN)).body(login(PASSWORD)).send().await.unwrap().json().await.unwrap();
    let session = answer["session"].as_str().unwrap().to_owned();
    assert!(answer["error_code"] == "0" && session.len() <= 75, "{answer}");
    let envelope = |session: &str, service: &str| {
        json!({"session": session, "madonvi": "000.00.08.H99", "service": service, "isUpdating": "True", "mahoso": code(1),
            "data": [dossier(1, 4)]})
    };
    let call = async |body: Value| {
        let answer = client.http.post(url(ENVELOPE)).body(body.to_string()).send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
    };
    let (status, answer) = call(envelope("1-abc", "DongBoHoSoMC")).await;
    assert_eq!((status, &answer["error_code"]), (401, &json!("-1")));
    let (status, answer) = call(envelope(&session, "DongBoHoSoMC")).await;
    assert!(status == 200 && is_done(&answer), "{answer}");
    let (_, answer) = call(envelope(&session, "TraCuuHoSo")).await;
    assert_eq!((&answer["result"][0]["MAHOSO"], answer.get("message")), (&json!(code(1)), None));
    // Catalogues come from what was pulled; what was not is no empty list.
    let (_, answer) = call(envelope(&session, "LayDanhSachTTHC")).await;
    assert!(answer["error_code"] == "-1" && answer.get("result").is_none(), "{answer}");
    let body = Some(("application/json", b"{}".to_vec()));
    assert_eq!(world.api.send(Method::POST, "/v1/catalogue/pull", body).await.unwrap().status, 202);
    let is_pulled = async || {
        let url = url("/KetNoiMotCuaQuocGia/LayThuTuc?maTTHC=1.001193");
        let answer = client.http.get(url).basic_auth(NAME, Some(PASSWORD)).send().await.unwrap();
        let answer: Value = answer.json().await.unwrap();
        if answer["error_code"] == "0" { Ok(answer) } else { Err(answer) }
    };
    let answer = eventually("the procedure is there", PATIENCE, is_pulled).await;
    let inner: Value = serde_json::from_str(answer["message"].as_str().unwrap()).unwrap();
    assert_eq!(inner["result"][0]["TENTTHC"], "Đăng ký khai sinh");
    let (_, answer) = call(envelope(&session, "LayDanhSachTTHC")).await;
    assert!(answer["result"].as_array().unwrap().iter().any(|row| row["MATTHC"] == "1.001193"), "{answer}");
    let (_, answer) = call(envelope(&session, "DongBoDanhGia")).await;
    assert_eq!(answer["error_code"], "-1");
    // A session is good for nothing else.
    let api = client.http.get(url("/v1/status")).bearer_auth(&session).send().await.unwrap();
    assert_eq!(api.status(), 401);
    for (body, said) in [("{", "JSON"), ("[1]", "Chưa nhận"), ("", "không có mục nào")] {
        let request = client.http.post(url(CREATE)).basic_auth(NAME, Some(PASSWORD)).body(body.to_owned());
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        assert!(
            answer["error_code"] == "-1" && answer["message"].as_str().unwrap().contains(said),
            "{answer}"
        );
    }
    let (status, _) = {
        let answer = world.api.send(Method::GET, "/cu/khac", None).await.unwrap();
        (answer.status, answer.body)
    };
    assert_eq!(status, 404, "other addresses are none");
}

/// The calls of the page with the answers that it shows, in its order.
fn examples() -> Vec<(String, Value)> {
    let (_, section) = PAGE.split_once("## Đổi một địa chỉ").unwrap();
    let (section, _) = section.split_once("\n---\n").unwrap();
    let mut found = Vec::new();
    for part in section.split("```sh\n").skip(1) {
        let (call, rest) = part.split_once("\n```\n").unwrap();
        let (_, answer) = rest.split_once("```json\n").unwrap();
        let (answer, _) = answer.split_once("\n```").unwrap();
        found.push((call.to_owned(), serde_json::from_str(answer).unwrap()));
    }
    found
}

/// Whether everything that is shown is there.
fn holds(answer: &Value, shown: &Value) -> bool {
    match (answer, shown) {
        (Value::Object(answer), Value::Object(shown)) => {
            shown.iter().all(|(name, value)| answer.get(name).is_some_and(|a| holds(a, value)))
        }
        (Value::Array(answer), Value::Array(shown)) => {
            answer.len() == shown.len() && answer.iter().zip(shown).all(|(a, s)| holds(a, s))
        }
        (answer, shown) => answer == shown,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_calls_of_the_page_are_answered_as_it_shows() {
    let world = world().await;
    let examples = examples();
    assert_eq!(examples.len(), 6);
    for (call, shown) in examples {
        let answered = async || {
            let mut command = tokio::process::Command::new("sh");
            command.args(["-e", "-c", &call]).env("LIENTHONG", &world.api.base).env("MATKHAU", PASSWORD);
            let output = command.stdin(Stdio::null()).output().await.unwrap();
            let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
            if holds(&answer, &shown) {
                Ok(())
            } else {
                Err(String::from_utf8_lossy(&output.stdout).into_owned())
            }
        };
        // A look-up shows what it does once the portal has everything; the rest is answered so at once, and again.
        if call.contains("TraCuuHoSo") {
            eventually("the look-up shows it", PATIENCE, answered).await;
        } else {
            for _ in 0..2 {
                assert_eq!(answered().await, Ok(()), "{call}");
            }
        }
    }
    let there = world.suite.portal.dossier("000.00.08.H99-261123-0801").unwrap();
    assert_eq!((there.steps.len(), &there.last["TrangThaiHoSo"]), (2, &json!("4")));
    assert_eq!(there.last["DanhSachLePhi"][0]["Gia"], "8000");
    assert!(world.suite.portal.dossier("000.00.08.H99-261123-0803").is_none());
    assert_eq!(world.suite.portal.journal().violations(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_at_the_same_moment_lose_nothing_of_each_other() {
    let (world, client) = (world().await, client());
    assert!(is_done(&client.post(&world, CREATE, &json!([dossier(1, 4)])).await));
    let parts =
        [("GhiChu", "một"), ("SoBienNhan", "hai"), ("SoDienThoai", "0900000009"), ("Email", "a@b.vn")];
    let calls = parts.map(|(field, value)| json!([{"MaHoSo": code(1), field: value}]));
    let answers = calls.iter().map(|body| client.post(&world, UPDATE, body));
    for answer in futures_util::future::join_all(answers).await {
        assert!(is_done(&answer), "{answer}");
    }
    arrived(&client, &world, 1).await;
    let last = world.suite.portal.dossier(&code(1)).unwrap().last;
    for (field, value) in parts {
        assert_eq!(last[field], value, "{field}");
    }
}
