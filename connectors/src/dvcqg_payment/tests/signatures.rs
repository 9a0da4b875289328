//! The worked examples of docs/partners/dvcqg-payment.md, 2.5, and random messages against a second implementation.

use aws_lc_rs::digest;
use serde_json::{Value, json};
use std::fmt::Write as _;

use super::super::{
    sign,
    wire::{Init, Query, Report},
};
use super::{KEY, key, task};
use crate::dvcqg_payment::map::{self, Opening};

const REF: &str = "41023_7f3c2a9e-1b2c-";
const INFO: &str = "THANH TOAN HO SO H30.19-240315-0001";

fn independent(fields: &[&str], key: &str) -> String {
    let text = [fields, &[key]].concat().join("|");
    digest::digest(&digest::SHA256, text.as_bytes()).as_ref().iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    })
}

fn init() -> Init {
    let task = task();
    let config = super::config("http://127.0.0.1:1", &json!({}));
    let mut message = map::init(Opening::of(&task.payload).unwrap(), &task, &config, &key()).unwrap();
    message.MaDoiTac = "TESTPARTNER".into();
    message.MaThamChieu = REF.into();
    message.SoTien = "150000".into();
    message.ThongTinGiaoDich = INFO.into();
    message.ThoiGianGD = "20240315143005".into();
    message
}

fn report(fields: &Value) -> Report {
    serde_json::from_value(fields.clone()).unwrap()
}

fn query(kind: &'static str) -> Query {
    Query {
        LoaiBanTin: kind,
        PhienBan: "1.0.6".into(),
        MaDoiTac: "TESTPARTNER".into(),
        MaThamChieu: REF.into(),
        ThoiGianGD: "20240315143005".into(),
        MaXacThuc: String::new(),
    }
}

#[test]
fn init_is_signed_as_in_the_worked_example() {
    let expected = "69f6d4681ae669afd22769ae8d90b6f97804bc750d6869f963f3b7fce05e336c";
    assert_eq!(sign::init(&init(), &key()), expected);
}

#[test]
fn questions_are_signed_as_in_the_worked_examples() {
    let expected = "17f8b19c57cf735d2b630045f81c3729427962116c4c08d033eddfee0dcb3a6a";
    assert_eq!(sign::query(&query("QUERY"), &key()), expected);
    let expected = "ff7ab88216284831ce56259e8e9a5a96c65ce79dba01a23792ad2fcc5489f3f0";
    assert_eq!(sign::query(&query("GET_BILL"), &key()), expected);
}

#[test]
fn a_callback_is_signed_as_in_the_worked_example() {
    let report = report(&json!({
        "LoaiBanTin": "CONFIRM", "MaLoi": "00", "MaDoiTac": "TESTPARTNER", "MaThamChieu": REF, "SoTien": 150_000,
        "MaTienTe": "VND", "MaGiaoDich": "2403150000123456", "MaNganHang": "VIETCOMBANK",
        "ThoiGianGD": "20240315143210", "ThongTinGiaoDich": INFO,
        "MaXacThuc": "8bcc567676f4d5470c4ebf736d9749c57c834b32a39d41f94b4ea7cd1599e128",
    }));
    assert_eq!(sign::report(&report, &key()), report.MaXacThuc.as_str());
    assert!(sign::is_genuine(&report, &key()));
    assert!(!sign::is_genuine(&report, &"ANOTHER-KEY".into()));
}

#[test]
fn random_messages_are_signed_like_the_second_implementation() {
    let mut seed = 7u64;
    let mut word = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        format!("{:x}é{}", seed >> 40, seed >> 50)
    };
    for _ in 0..100 {
        let secret = word();
        let w: Vec<String> = (0..10).map(|_| word()).collect();
        let report = report(&json!({
            "LoaiBanTin": w[0], "MaLoi": w[1], "MaDoiTac": w[2], "MaThamChieu": w[3], "SoTien": w[4], "MaTienTe": w[5],
            "MaGiaoDich": w[6], "MaNganHang": w[7], "ThoiGianGD": w[8], "ThongTinGiaoDich": w[9],
        }));
        let fields: Vec<&str> = w.iter().map(String::as_str).collect();
        assert_eq!(sign::report(&report, &secret.as_str().into()), independent(&fields, &secret));
        let mut message = init();
        message.SoTien.clone_from(&w[0]);
        message.ThongTinGiaoDich.clone_from(&w[1]);
        message.ThoiGianGD.clone_from(&w[2]);
        let fields = [
            "INIT",
            "1.0.6",
            "TESTPARTNER",
            REF,
            &w[0],
            "PAY",
            "1",
            "1",
            "vi-VN",
            "VND",
            "PAYMENT",
            &w[1],
            &w[2],
            "203.0.113.10",
        ];
        assert_eq!(sign::init(&message, &secret.as_str().into()), independent(&fields, &secret));
    }
}

#[test]
fn a_number_is_signed_by_its_digits_as_sent() {
    for (token, text) in
        [("150000", "150000"), ("\"150000\"", "150000"), ("150000.00", "150000.00"), ("1.5e5", "1.5e5")]
    {
        let body = format!(r#"{{"LoaiBanTin":"CONFIRM","SoTien":{token}}}"#);
        let report: Report = serde_json::from_str(&body).unwrap();
        assert_eq!(report.SoTien.as_str(), text);
        let fields = ["CONFIRM", "", "", "", text, "", "", "", "", ""];
        assert_eq!(sign::report(&report, &key()), independent(&fields, KEY));
    }
}

#[test]
fn a_signed_text_cannot_be_read_with_its_fields_shifted() {
    let fields = ["CONFIRM", "99", "P", "R", "1", "VND", "9", "VCB", "20240315143210", "info"];
    let signature = independent(&fields, KEY);
    let shifted = report(&json!({
        "LoaiBanTin": "CONFIRM|99", "MaLoi": "P", "MaDoiTac": "R", "MaThamChieu": "1", "SoTien": "VND", "MaTienTe": "9",
        "MaGiaoDich": "VCB", "MaNganHang": "20240315143210", "ThoiGianGD": "info", "MaXacThuc": signature,
    }));
    assert!(!sign::is_genuine(&shifted, &key()));
    let moved = report(&json!({
        "LoaiBanTin": "CONFIRM|99", "MaLoi": "P", "MaDoiTac": "R", "MaThamChieu": "1", "SoTien": "VND", "MaTienTe": "9",
        "MaGiaoDich": "VCB", "MaNganHang": "20240315143210", "ThoiGianGD": "info", "ThongTinGiaoDich": "",
        "MaXacThuc": independent(&["CONFIRM|99", "P", "R", "1", "VND", "9", "VCB", "20240315143210", "info", ""], KEY),
    }));
    assert!(!sign::is_genuine(&moved, &key()));
}
