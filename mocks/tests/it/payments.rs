//! The payment platform: worked examples, references, queries, callbacks, forgeries.

use crate::wire::{ask, client, eventually, listener};
use axum::{Json, Router, extract::State, routing::post};
use lienthong_mocks::{
    Behaviour, Effect, Rule,
    payments::{self, PaymentsHandle, Standing},
};
use serde_json::{Value, json};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

const REFERENCE: &str = "41023_7f3c2a9e-1b2c-";
const OPENED: &str = "20240315143005";
const INIT_HASH: &str = "69f6d4681ae669afd22769ae8d90b6f97804bc750d6869f963f3b7fce05e336c";
const QUERY_HASH: &str = "17f8b19c57cf735d2b630045f81c3729427962116c4c08d033eddfee0dcb3a6a";
const BILL_HASH: &str = "ff7ab88216284831ce56259e8e9a5a96c65ce79dba01a23792ad2fcc5489f3f0";

/// The INIT of docs/partners/dvcqg-payment.md, 2.5, with its published signature.
fn init() -> Value {
    json!({"LoaiBanTin": "INIT", "PhienBan": "1.0.6", "MaDoiTac": "TESTPARTNER", "MaThamChieu": REFERENCE,
        "SoTien": "150000", "LoaiHinhThanhToan": "PAY", "MaKenhThanhToan": "1", "MaThietBi": "1", "NgonNgu": "vi-VN",
        "MaTienTe": "VND", "MaNganHang": "PAYMENT", "ThongTinGiaoDich": "THANH TOAN HO SO H30.19-240315-0001",
        "ThoiGianGD": OPENED, "Ip": "203.0.113.10", "MaXacThuc": INIT_HASH,
        "ThongTinBienLai": {"MaDichVu": "2", "MaTTHC": "2.000635", "TenTTHC": "Cấp bản sao trích lục hộ tịch",
            "MaDVC": "2.000635.01", "TenDVC": "Cấp bản sao trích lục hộ tịch", "MaDonVi": "000.00.19.H30",
            "TenDonVi": "Sở Tư pháp", "MaCoQuanQD": "", "TenCoQuanQD": "", "MaHoSo": "H30.19-240315-0001",
            "NoiDungThanhToan": "Lệ phí", "TKThuHuong": "0011001234567", "MaNHThuHuong": "970436",
            "TenTKThuHuong": "KBNN Mẫu", "PhiLePhi": [{"LoaiPhiLePhi": "2", "MaPhiLePhi": "2", "TenPhiLePhi": "Lệ phí",
            "SoTien": "150000"}], "HoTenNguoiNop": "Nguyễn Văn A", "SoCMNDNguoiNop": "099000000001",
            "DiaChiNguoiNop": "Số 1", "HuyenNguoiNop": "", "TinhNguoiNop": "", "KhoBac": "",
            "DSKhoanNop": [{"NoiDung": "Lệ phí", "SoTien": "150000"}]}})
}

fn query(hash: &str, kind: &str) -> Value {
    json!({"LoaiBanTin": kind, "PhienBan": "1.0.6", "MaDoiTac": "TESTPARTNER", "MaThamChieu": REFERENCE,
        "ThoiGianGD": OPENED, "MaXacThuc": hash})
}

/// An adapter that answers callbacks: with 00 after so many refusals.
#[derive(Clone, Default)]
struct Receiver {
    refusals: Arc<Mutex<u32>>,
    seen: Arc<Mutex<Vec<Value>>>,
}

impl Receiver {
    async fn start(refusals: u32) -> (Self, String) {
        let receiver = Self { refusals: Arc::new(Mutex::new(refusals)), seen: Arc::default() };
        let app = Router::new().route("/cb", post(Self::receive)).with_state(receiver.clone());
        let listener = listener().await;
        let url = format!("http://{}/cb", listener.local_addr().unwrap());
        #[expect(clippy::disallowed_methods, reason = "a test server")]
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        (receiver, url)
    }

    #[expect(clippy::unused_async, reason = "a handler is async")]
    async fn receive(State(receiver): State<Self>, Json(body): Json<Value>) -> Json<Value> {
        receiver.seen.lock().unwrap().push(body.clone());
        let mut refusals = receiver.refusals.lock().unwrap();
        let code = if *refusals > 0 { "99" } else { "00" };
        *refusals = refusals.saturating_sub(1);
        Json(
            json!({"MaLoi": code, "MoTaLoi": "", "MaDoiTac": body["MaDoiTac"], "MaThamChieu": body["MaThamChieu"],
            "ThoiGianGD": body["ThoiGianGD"], "MaXacThuc": body["MaXacThuc"]}),
        )
    }

    fn count(&self) -> usize {
        self.seen.lock().unwrap().len()
    }
}

async fn start(refusals: u32) -> (PaymentsHandle, Receiver) {
    let (receiver, url) = Receiver::start(refusals).await;
    let backoff = Duration::from_millis(5);
    let options =
        payments::Options { callback_url: Some(url), callback_backoff: backoff, ..Default::default() };
    (payments::start(listener().await, options).await, receiver)
}

#[tokio::test]
async fn the_worked_examples_are_accepted() {
    let (platform, receiver) = start(0).await;
    let opened = ask(&format!("{}/init", platform.url()), &init()).await;
    assert_eq!(opened["MaLoi"], "00", "{opened}");
    assert!(opened["UrlThanhToan"].as_str().unwrap().ends_with(REFERENCE));
    let (query_url, bill_url) = (format!("{}/query", platform.url()), format!("{}/bill", platform.url()));
    let pending = ask(&query_url, &query(QUERY_HASH, "QUERY")).await;
    assert_eq!((&pending["MaLoi"], &pending["TrangThaiGD"]), (&json!("00"), &json!("3")));
    assert_ne!(ask(&bill_url, &query(BILL_HASH, "GET_BILL")).await["MaLoi"], "00");
    assert!(platform.pay(REFERENCE) && !platform.pay(REFERENCE));
    platform.callbacks_delivered().await;
    let paid = ask(&query_url, &query(QUERY_HASH, "QUERY")).await;
    assert_eq!((&paid["TrangThaiGD"], &paid["SoTien"]), (&json!("1"), &json!(150_000)));
    let callback = receiver.seen.lock().unwrap()[0].clone();
    assert_eq!((&callback["LoaiBanTin"], &callback["SoTien"]), (&json!("CONFIRM"), &json!(150_000)));
    assert_eq!(callback["MaGiaoDich"], paid["MaGiaoDich"]);
    let bill = ask(&bill_url, &query(BILL_HASH, "GET_BILL")).await;
    let pdf = client().get(bill["UrlBienLai"].as_str().unwrap()).send().await.unwrap().bytes().await.unwrap();
    assert!(pdf.starts_with(b"%PDF"));
    let known = platform.reference(REFERENCE).unwrap();
    assert_eq!((known.standing, known.callbacks_acknowledged), (Standing::Paid, 1));
    assert_eq!(platform.journal().violations(), Vec::<String>::new());
}

#[tokio::test]
async fn a_reference_is_repeated_with_the_same_content_only() {
    let (platform, _receiver) = start(0).await;
    let url = format!("{}/init", platform.url());
    let first = ask(&url, &init()).await;
    assert_eq!(ask(&url, &init()).await, first);
    assert_eq!(platform.counts().repeated_inits, 1);
    let mut other = init();
    other["ThongTinBienLai"]["TKThuHuong"] = json!("9999"); // unsigned, and still another payment
    assert_eq!(ask(&url, &other).await["MaLoi"], "01");
    assert_eq!(platform.journal().violations().len(), 1);
    platform.pay_silently(REFERENCE);
    assert_eq!(ask(&url, &init()).await["MaLoi"], "01");
    assert_eq!(platform.journal().violations().len(), 1);
    assert_eq!(platform.references().len(), 1);
    assert!(platform.double_openings().is_empty());
}

#[tokio::test]
async fn broken_messages_are_refused_and_journaled() {
    let (platform, _receiver) = start(0).await;
    let url = format!("{}/init", platform.url());
    let cases: &[(&str, Value, &str)] = &[
        ("/SoTien", json!(150_000), "SoTien: must be a string"),
        ("/MaTienTe", json!("USD"), "MaTienTe"),
        ("/ThoiGianGD", json!("20240315"), "ThoiGianGD"),
        ("/MaXacThuc", json!("0".repeat(64)), "MaXacThuc: wrong signature"),
        ("/Ip", json!("localhost"), "Ip"),
        ("/ThongTinBienLai/TKThuHuong", json!(""), "ThongTinBienLai.TKThuHuong"),
        ("/ThongTinBienLai/MaDichVu", json!("3"), "ThongTinBienLai.MaDichVu"),
        ("/ThongTinBienLai/SoQD", json!("12"), "ThongTinBienLai.SoQD"),
        (
            "/ThongTinBienLai/PhiLePhi/0/LoaiPhiLePhi",
            json!("Phi"),
            "ThongTinBienLai.PhiLePhi[0].LoaiPhiLePhi",
        ),
        ("/ThongTinBienLai/DSKhoanNop/0/SoTien", json!("1"), "ThongTinBienLai.DSKhoanNop"),
    ];
    for (pointer, value, rule) in cases {
        let mut bad = init();
        match bad.pointer_mut(pointer) {
            Some(place) => *place = value.clone(),
            None => bad["ThongTinBienLai"]["SoQD"] = value.clone(),
        }
        let answer = ask(&url, &bad).await;
        assert_ne!(answer["MaLoi"], "00", "{pointer}");
        let entry = platform.journal().entries().last().unwrap().clone();
        assert!(
            entry.violations.iter().any(|found| found.starts_with(rule)),
            "{pointer}: {:?}",
            entry.violations
        );
    }
    assert!(platform.references().is_empty());
    let unknown = ask(&format!("{}/query", platform.url()), &query(QUERY_HASH, "QUERY")).await;
    assert_eq!(unknown["MaLoi"], "04");
}

#[tokio::test]
async fn callbacks_are_repeated_until_acknowledged_and_duplicated_on_request() {
    let (platform, receiver) = start(2).await;
    ask(&format!("{}/init", platform.url()), &init()).await;
    platform.behave(Rule::on("callback", Behaviour::DuplicateCallback));
    platform.pay(REFERENCE);
    platform.callbacks_delivered().await;
    assert_eq!(receiver.count(), 4, "two refused, one acknowledged, one duplicate");
    let summary = platform.journal().summary();
    assert_eq!(summary.count("callback", Effect::Acknowledged), 2);
    assert_eq!(summary.count("callback", Effect::Sent), 2);
    platform.behave_well();
    assert!(platform.resend(REFERENCE));
    platform.callbacks_delivered().await;
    assert_eq!(receiver.count(), 5);
}

#[tokio::test]
async fn a_forged_callback_is_sent_with_a_wrong_signature_and_its_acceptance_is_a_violation() {
    let (platform, receiver) = start(0).await;
    ask(&format!("{}/init", platform.url()), &init()).await;
    assert!(platform.forge(REFERENCE, Some(1)));
    platform.callbacks_delivered().await;
    let forged = receiver.seen.lock().unwrap()[0].clone();
    assert_eq!((&forged["MaLoi"], &forged["SoTien"]), (&json!("00"), &json!(1)));
    assert_eq!(platform.counts().forged_accepted, 1, "this receiver checks nothing");
    assert_eq!(platform.reference(REFERENCE).unwrap().standing, Standing::Open);
    assert_eq!(platform.journal().violations().len(), 1);
}

#[tokio::test]
async fn failures_automatic_payment_controls_and_the_page_work() {
    let (platform, receiver) = start(0).await;
    ask(&format!("{}/init", platform.url()), &init()).await;
    let control =
        async |verb: &str, body: Value| ask(&format!("{}/_sim/{verb}", platform.url()), &body).await;
    assert_eq!(control("fail", json!({"reference": REFERENCE})).await, json!({"done": 1}));
    platform.callbacks_delivered().await;
    assert_eq!(receiver.seen.lock().unwrap()[0]["MaLoi"], "99");
    let answer = ask(&format!("{}/query", platform.url()), &query(QUERY_HASH, "QUERY")).await;
    assert_eq!(answer["TrangThaiGD"], "4");
    let page = format!("{}/pay/{REFERENCE}", platform.url());
    assert!(client().get(&page).send().await.unwrap().text().await.unwrap().contains("150000"));
    let done = client().post(&page).form(&[("result", "ok")]).send().await.unwrap().text().await.unwrap();
    assert!(done.contains("Đã thanh toán"), "a late success");
    eventually("the callback", || receiver.count() == 2).await;
    assert_eq!(control("pay", json!({"all": true})).await, json!({"done": 0}));

    let options = payments::Options {
        auto_pay: Some(Duration::from_millis(10)),
        adapter_envelope: true,
        ..Default::default()
    };
    let automatic = payments::start(listener().await, options).await;
    let wrapped = ask(&format!("{}/init", automatic.url()), &init()).await;
    let inner: Value = serde_json::from_str(wrapped["message"].as_str().unwrap()).unwrap();
    assert_eq!((&wrapped["error_code"], &inner["MaLoi"]), (&json!("0"), &json!("00")));
    eventually("the payment", || automatic.paid().len() == 1).await;
}
