//! What INIT and QUERY carry, field by field, and what is refused or held before anything is sent.

use lienthong_core::{
    need::Need,
    outcome::{Cause, Outcome},
    port::connector::Task,
};
use serde_json::{Value, json};
use std::sync::Arc;

use super::{REFERENCE, SENT_AT, config, dossier, key, payload, payment, task, task_of};
use crate::dvcqg_payment::map::{self, Opening};

fn body(task: &Task, more: &Value) -> Result<Value, Outcome> {
    let config = config("http://127.0.0.1:1", more);
    let opening = Opening::of(&task.payload).unwrap();
    map::init(opening, task, &config, &key()).map(|message| serde_json::to_value(message).unwrap())
}

fn changed(path: &str, value: Value) -> Task {
    let mut payment = payment();
    *payment.pointer_mut(path).unwrap() = value;
    task_of(payload(payment, 150_000))
}

fn refused_field(task: &Task) -> String {
    match body(task, &json!({})) {
        Err(Outcome::Refused(r)) if r.code == "local" && r.cause == Cause::DataRefused => r.field.unwrap(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn init_is_complete() {
    let mut sent = body(&task(), &json!({})).unwrap();
    let signature = sent["MaXacThuc"].take();
    assert_eq!(signature.as_str().unwrap().len(), 64);
    let blank = [
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
    let info = sent["ThongTinBienLai"].as_object_mut().unwrap();
    for name in blank {
        assert_eq!(info.remove(name).unwrap(), "", "{name}");
    }
    assert_eq!(
        sent,
        json!({
            "LoaiBanTin": "INIT", "PhienBan": "1.0.6", "MaDoiTac": "TESTPARTNER", "MaThamChieu": REFERENCE,
            "SoTien": "150000", "LoaiHinhThanhToan": "PAY", "MaKenhThanhToan": "1", "MaThietBi": "1",
            "NgonNgu": "vi-VN", "MaTienTe": "VND", "MaNganHang": "PAYMENT",
            "ThongTinGiaoDich": "Le phi ho tich dang ky", "ThoiGianGD": SENT_AT, "Ip": "203.0.113.10",
            "ThongTinBienLai": {
                "MaDichVu": "2", "MaTTHC": "1.001193", "TenTTHC": "Đăng ký khai sinh", "MaDVC": "1.001193.01",
                "TenDVC": "Đăng ký khai sinh", "MaDonVi": "000.00.08.H99", "TenDonVi": "UBND xã Mẫu",
                "MaCoQuanQD": "000.00.08.H99", "TenCoQuanQD": "UBND xã Mẫu", "MaHoSo": "000.00.08.H99-261123-0001",
                "NoiDungThanhToan": "Lệ phí hộ tịch | đăng ký", "TKThuHuong": "0011001234567", "MaNHThuHuong": "VCB",
                "TenTKThuHuong": "Sở Tư pháp",
                "PhiLePhi": [
                    {"LoaiPhiLePhi": "2", "MaPhiLePhi": "LP01", "TenPhiLePhi": "Lệ phí hộ tịch", "SoTien": "8000"},
                    {"LoaiPhiLePhi": "1", "MaPhiLePhi": "2", "TenPhiLePhi": "Phí cấp bản sao", "SoTien": "142000"},
                ],
                "HoTenNguoiNop": "Trần Thị Mẫu", "SoCMNDNguoiNop": "080099000001", "DiaChiNguoiNop": "Ấp 1, xã Mẫu",
                "HuyenNguoiNop": "", "TinhNguoiNop": "Tỉnh Mẫu",
                "DSKhoanNop": [
                    {"NoiDung": "Lệ phí hộ tịch", "SoTien": "8000"}, {"NoiDung": "Phí cấp bản sao", "SoTien": "142000"},
                ],
            },
            "MaXacThuc": null,
        })
    );
}

#[test]
fn the_same_task_gives_the_same_bytes() {
    assert_eq!(
        body(&task(), &json!({})).unwrap().to_string(),
        body(&task(), &json!({})).unwrap().to_string()
    );
}

#[test]
fn the_applicant_pays_as_a_whole_where_no_payer_is_named() {
    let sent = body(&changed("/payer/name", json!(" ")), &json!({})).unwrap();
    let info = &sent["ThongTinBienLai"];
    assert_eq!(info["HoTenNguoiNop"], "Lê Văn Chủ");
    assert_eq!(info["SoCMNDNguoiNop"], "080099000002");
    assert_eq!(info["DiaChiNguoiNop"], "Ấp 2");
    assert_eq!(info["TinhNguoiNop"], "", "the payer's province is not the applicant's");
    let sent = body(&changed("/payer/id_number", json!("")), &json!({})).unwrap();
    assert_eq!(
        sent["ThongTinBienLai"]["SoCMNDNguoiNop"], "",
        "never an invented number, never another person's"
    );
}

#[test]
fn configuration_decides_what_the_contract_leaves_open() {
    let more = json!({"beneficiary_bank": "bin", "postage_line_kind": "2", "service_suffix": ".000", "description_length": 6});
    let sent = body(&changed("/lines/1/kind", json!("postage")), &more).unwrap();
    let info = &sent["ThongTinBienLai"];
    assert_eq!(info["MaNHThuHuong"], "970436");
    assert_eq!(info["PhiLePhi"][1]["LoaiPhiLePhi"], "2");
    assert_eq!(info["MaDVC"], "1.001193.000");
    assert_eq!(sent["ThongTinGiaoDich"], "Le phi");
}

#[test]
fn a_payment_without_description_is_described_by_its_dossier_and_lines() {
    let sent = body(&changed("/description", json!("")), &json!({})).unwrap();
    assert_eq!(sent["ThongTinGiaoDich"], "THANH TOAN HO SO 000.00.08.H99-261123-0001");
    assert_eq!(sent["ThongTinBienLai"]["NoiDungThanhToan"], "Lệ phí hộ tịch; Phí cấp bản sao");
}

#[test]
fn a_long_procedure_name_is_cut_visibly() {
    let mut task = task();
    let mut state = dossier();
    state.fields["procedure"]["name"] = json!("ă".repeat(251));
    task.dossier = Some(Arc::new(state));
    let sent = body(&task, &json!({})).unwrap();
    let name = sent["ThongTinBienLai"]["TenTTHC"].as_str().unwrap();
    assert_eq!((name.chars().count(), name.ends_with("ă...")), (203, true));
}

#[test]
fn a_missing_beneficiary_is_held() {
    let missing = Err(Outcome::Held(Need::Setting("beneficiary".into())));
    assert_eq!(body(&changed("/beneficiary", json!(null)), &json!({})), missing);
    assert_eq!(body(&changed("/beneficiary/account", json!("")), &json!({})), missing);
    assert_eq!(body(&changed("/beneficiary/holder", json!("")), &json!({})), missing);
}

#[test]
fn what_cannot_be_sent_is_refused_by_its_field_or_held_by_its_need() {
    assert_eq!(refused_field(&task_of(payload(payment(), 149_999))), "payment.lines");
    let mut nothing = payment();
    nothing["lines"] = json!([{"kind": "fee", "amount": 0}]);
    assert_eq!(refused_field(&task_of(payload(nothing, 0))), "payment.lines");
    let mut state = dossier();
    state.fields.remove("applicant");
    let anonymous = Task { dossier: Some(Arc::new(state)), ..changed("/payer/name", json!("")) };
    assert_eq!(refused_field(&anonymous), "payment.payer.name");
    let mut state = dossier();
    state.fields.remove("procedure");
    assert_eq!(refused_field(&Task { dossier: Some(Arc::new(state)), ..task() }), "dossier.procedure.code");
    let mut state = dossier();
    state.fields.remove("unit");
    assert_eq!(refused_field(&Task { dossier: Some(Arc::new(state)), ..task() }), "dossier.unit");
    let unknown = Task { dossier: None, ..task() };
    let snapshot = Need::Snapshot("000.00.08.H99-261123-0001".into());
    assert_eq!(body(&unknown, &json!({})), Err(Outcome::Held(snapshot)));
    let tax = changed("/purpose", json!("tax"));
    assert_eq!(body(&tax, &json!({})), Err(Outcome::Held(Need::Setting("tax_service_kind".into()))));
    assert_eq!(body(&tax, &json!({"tax_service_kind": "3"})).unwrap()["ThongTinBienLai"]["MaDichVu"], "3");
    assert_eq!(
        body(&changed("/purpose", json!("fine")), &json!({})).unwrap()["ThongTinBienLai"]["MaDichVu"],
        "1"
    );
}

#[test]
fn query_repeats_reference_and_time() {
    let config = config("http://127.0.0.1:1", &json!({}));
    let task = task();
    let opening = Opening::of(&task.payload).unwrap();
    let sent = serde_json::to_value(map::query(opening.reference, opening.sent_at, &config, &key())).unwrap();
    assert_eq!(sent["MaThamChieu"], REFERENCE);
    assert_eq!(sent["ThoiGianGD"], SENT_AT);
    assert_eq!(sent.as_object().unwrap().len(), 6);
}
