//! The platform's messages as tables and their signatures (docs/partners/dvcqg-payment.md, 2.4-2.8).

use crate::{
    shape::{
        Field,
        Kind::{Agency, Code, Digits, Ip, List, LooseAmount, Object, Stamp, Text},
        check, filled, may, present, text,
    },
    sign,
};
use serde_json::Value;

const LONG: usize = 1000;
const VERSION: Field = filled("PhienBan", Code(&["1.0.6"]));
const PARTNER: Field = filled("MaDoiTac", Text(50));
const REFERENCE: Field = filled("MaThamChieu", Text(255));
const SIGNATURE: Field = filled("MaXacThuc", Text(255));

pub(super) const INIT: &[Field] = &[
    filled("LoaiBanTin", Code(&["INIT"])),
    VERSION,
    PARTNER,
    REFERENCE,
    filled("SoTien", Digits),
    filled("LoaiHinhThanhToan", Code(&["PAY"])),
    filled("MaKenhThanhToan", Code(&["1"])),
    filled("MaThietBi", Code(&["1"])),
    filled("NgonNgu", Code(&["vi-VN"])),
    filled("MaTienTe", Code(&["VND"])),
    filled("MaNganHang", Text(50)),
    filled("ThongTinGiaoDich", Text(LONG)),
    filled("ThoiGianGD", Stamp),
    filled("Ip", Ip),
    filled("ThongTinBienLai", Object(BILL_INFO)),
    SIGNATURE,
];

pub(super) const QUERY: &[Field] = &[
    filled("LoaiBanTin", Code(&["QUERY"])),
    VERSION,
    PARTNER,
    REFERENCE,
    filled("ThoiGianGD", Stamp),
    SIGNATURE,
];

pub(super) const GET_BILL: &[Field] = &[
    filled("LoaiBanTin", Code(&["GET_BILL"])),
    VERSION,
    PARTNER,
    REFERENCE,
    filled("ThoiGianGD", Stamp),
    SIGNATURE,
];

const BILL_INFO: &[Field] = &[
    filled("MaDichVu", Code(&["1", "2"])),
    present("MaTTHC", Text(100)),
    present("TenTTHC", Text(LONG)),
    present("MaDVC", Text(100)),
    present("TenDVC", Text(LONG)),
    filled("MaDonVi", Agency),
    filled("TenDonVi", Text(LONG)),
    present("MaCoQuanQD", Text(100)),
    present("TenCoQuanQD", Text(LONG)),
    filled("MaHoSo", Text(255)),
    filled("NoiDungThanhToan", Text(LONG)),
    filled("TKThuHuong", Text(50)),
    filled("MaNHThuHuong", Text(50)),
    filled("TenTKThuHuong", Text(LONG)),
    present("PhiLePhi", List(FEE)),
    filled("HoTenNguoiNop", Text(LONG)),
    present("SoCMNDNguoiNop", Text(50)),
    present("DiaChiNguoiNop", Text(LONG)),
    present("HuyenNguoiNop", Text(LONG)),
    present("TinhNguoiNop", Text(LONG)),
    filled("DSKhoanNop", List(LINE)),
    may("MaLoaiHinhThuPhat", Text(LONG)),
    may("TenLoaiHinhThuPhat", Text(LONG)),
    may("KhoBac", Text(LONG)),
    may("NgayQD", Text(LONG)),
    may("SoQD", Text(LONG)),
    may("ThoiGianViPham", Text(LONG)),
    may("DiaDiemViPham", Text(LONG)),
    may("TenNguoiViPham", Text(LONG)),
    may("TaiKhoanThuNSNN", Text(LONG)),
];

const FEE: &[Field] = &[
    filled("LoaiPhiLePhi", Code(&["1", "2"])),
    filled("MaPhiLePhi", Text(100)),
    filled("TenPhiLePhi", Text(LONG)),
    filled("SoTien", LooseAmount),
];

const LINE: &[Field] = &[filled("NoiDung", Text(LONG)), filled("SoTien", Digits)];

/// Blank unless MaDichVu is 1 (a fine).
const FINES: &[&str] = &[
    "MaLoaiHinhThuPhat",
    "TenLoaiHinhThuPhat",
    "KhoBac",
    "NgayQD",
    "SoQD",
    "ThoiGianViPham",
    "DiaDiemViPham",
    "TenNguoiViPham",
    "TaiKhoanThuNSNN",
];

const INIT_SIGNED: &[&str] = &[
    "LoaiBanTin",
    "PhienBan",
    "MaDoiTac",
    "MaThamChieu",
    "SoTien",
    "LoaiHinhThanhToan",
    "MaKenhThanhToan",
    "MaThietBi",
    "NgonNgu",
    "MaTienTe",
    "MaNganHang",
    "ThongTinGiaoDich",
    "ThoiGianGD",
    "Ip",
];
const SHORT_SIGNED: &[&str] = &["LoaiBanTin", "PhienBan", "MaDoiTac", "MaThamChieu", "ThoiGianGD"];
/// ThoiGianGD before ThongTinGiaoDich here, after it on INIT: the contract's trap.
const RESULT_SIGNED: &[&str] = &[
    "LoaiBanTin",
    "MaLoi",
    "MaDoiTac",
    "MaThamChieu",
    "SoTien",
    "MaTienTe",
    "MaGiaoDich",
    "MaNganHang",
    "ThoiGianGD",
    "ThongTinGiaoDich",
];

/// The signature of a request: INIT has its own fields, QUERY and GET_BILL share theirs.
pub(super) fn request_signature(body: &Value, secret: &str) -> String {
    let fields = if text(body, "LoaiBanTin") == "INIT" { INIT_SIGNED } else { SHORT_SIGNED };
    signature(body, fields, secret)
}

/// The signature of a callback, and \[GUESS\] of the answer to QUERY.
pub(super) fn result_signature(body: &Value, secret: &str) -> String {
    signature(body, RESULT_SIGNED, secret)
}

fn signature(body: &Value, fields: &[&str], secret: &str) -> String {
    let value = |name: &&str| match body.get(*name) {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    };
    let values: Vec<String> = fields.iter().map(value).collect();
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    sign::pipes(&values, secret)
}

/// Rules of INIT that need more than one field.
pub(super) fn init_semantics(body: &Value, out: &mut Vec<String>) {
    let info = body.get("ThongTinBienLai").unwrap_or(&Value::Null);
    let amount = text(body, "SoTien").parse::<u64>().unwrap_or(0);
    if amount == 0 {
        out.push("SoTien: nothing to pay".to_owned());
    }
    let lines = info.get("DSKhoanNop").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let sum: u64 = lines.iter().filter_map(|line| text(line, "SoTien").parse::<u64>().ok()).sum();
    if sum != amount {
        out.push(format!("ThongTinBienLai.DSKhoanNop: the lines make {sum}, SoTien is {amount}"));
    }
    if text(info, "MaDichVu") == "2" {
        for name in ["MaTTHC", "TenTTHC"].iter().filter(|name| text(info, name).is_empty()) {
            out.push(format!("ThongTinBienLai.{name}: must not be empty when MaDichVu is 2"));
        }
        for name in FINES.iter().filter(|name| !text(info, name).is_empty()) {
            out.push(format!("ThongTinBienLai.{name}: must be blank when MaDichVu is 2"));
        }
    }
}

/// Checks a callback's answer: MaLoi, and the partner and reference echoed (section 2.6).
pub(super) fn answer_violations(answer: &Value, sent: &Value) -> Vec<String> {
    let mut out = Vec::new();
    let known = [filled("MaLoi", Text(10)), PARTNER, REFERENCE];
    check("answer", answer, &known, &mut out);
    out.retain(|rule| !rule.ends_with("unknown field"));
    for name in ["MaDoiTac", "MaThamChieu"] {
        if answer.get(name).is_some_and(|echo| Some(echo) != sent.get(name)) {
            out.push(format!("answer.{name}: is not the one sent"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const KEY: &str = "TEST-HASH-KEY";

    #[test]
    fn signatures_equal_the_worked_examples() {
        let init = json!({"LoaiBanTin": "INIT", "PhienBan": "1.0.6", "MaDoiTac": "TESTPARTNER",
            "MaThamChieu": "41023_7f3c2a9e-1b2c-", "SoTien": "150000", "LoaiHinhThanhToan": "PAY",
            "MaKenhThanhToan": "1", "MaThietBi": "1", "NgonNgu": "vi-VN", "MaTienTe": "VND", "MaNganHang": "PAYMENT",
            "ThongTinGiaoDich": "THANH TOAN HO SO H30.19-240315-0001", "ThoiGianGD": "20240315143005", "Ip": "203.0.113.10"});
        let expected = "69f6d4681ae669afd22769ae8d90b6f97804bc750d6869f963f3b7fce05e336c";
        assert_eq!(request_signature(&init, KEY), expected);
        let callback = json!({"LoaiBanTin": "CONFIRM", "MaLoi": "00", "MaDoiTac": "TESTPARTNER",
            "MaThamChieu": "41023_7f3c2a9e-1b2c-", "SoTien": 150_000, "MaTienTe": "VND", "MaGiaoDich": "2403150000123456",
            "MaNganHang": "VIETCOMBANK", "ThoiGianGD": "20240315143210",
            "ThongTinGiaoDich": "THANH TOAN HO SO H30.19-240315-0001"});
        let expected = "8bcc567676f4d5470c4ebf736d9749c57c834b32a39d41f94b4ea7cd1599e128";
        assert_eq!(result_signature(&callback, KEY), expected);
        let mut query = json!({"LoaiBanTin": "QUERY", "PhienBan": "1.0.6", "MaDoiTac": "TESTPARTNER",
            "MaThamChieu": "41023_7f3c2a9e-1b2c-", "ThoiGianGD": "20240315143005"});
        let expected = "17f8b19c57cf735d2b630045f81c3729427962116c4c08d033eddfee0dcb3a6a";
        assert_eq!(request_signature(&query, KEY), expected);
        query["LoaiBanTin"] = json!("GET_BILL");
        let expected = "ff7ab88216284831ce56259e8e9a5a96c65ce79dba01a23792ad2fcc5489f3f0";
        assert_eq!(request_signature(&query, KEY), expected);
    }

    #[test]
    fn an_answer_must_echo_partner_and_reference() {
        let sent = json!({"MaDoiTac": "P", "MaThamChieu": "R"});
        assert!(
            answer_violations(&json!({"MaLoi": "00", "MaDoiTac": "P", "MaThamChieu": "R", "x": 1}), &sent)
                .is_empty()
        );
        assert_eq!(answer_violations(&json!({"MaLoi": "00", "MaDoiTac": "Q"}), &sent).len(), 2);
    }
}
