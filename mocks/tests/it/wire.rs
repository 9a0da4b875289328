//! A small HTTP client and well-formed example messages.

use serde_json::{Value, json};
use std::time::Duration;
use tokio::net::TcpListener;

pub(crate) async fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

#[expect(clippy::disallowed_methods, reason = "a stranger's client")]
pub(crate) fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(5)).build().unwrap()
}

pub(crate) async fn post_json(url: &str, body: &Value) -> reqwest::Result<reqwest::Response> {
    client().post(url).json(body).send().await
}

/// Posts and reads JSON; panics on a broken connection.
pub(crate) async fn ask(url: &str, body: &Value) -> Value {
    post_json(url, body).await.unwrap().json().await.unwrap()
}

pub(crate) async fn get(url: &str) -> Value {
    client().get(url).send().await.unwrap().json().await.unwrap()
}

/// Waits until `done` holds.
pub(crate) async fn eventually(what: &str, mut done: impl FnMut() -> bool) {
    for _ in 0..500 {
        if done() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never happened: {what}");
}

/// A dossier as docs/partners/dvcqg.md, 5 describes it.
pub(crate) fn dossier(code: &str) -> Value {
    json!({"MaHoSo": code, "MaTTHC": "1.001193", "TenTTHC": "Đăng ký khai sinh", "MaLinhVuc": "G15-TP01",
        "TenLinhVuc": "Hộ tịch", "SoBienNhan": "", "KenhThucHien": "1", "ChuHoSo": "Trần Thị Mẫu", "LoaiDoiTuong": "1",
        "MaDoiTuong": "", "ThongTinKhac": "", "Email": "", "Fax": "", "SoDienThoai": "0900000000",
        "TrichYeuHoSo": "Đề nghị xác nhận", "NgayNopHoSo": "20250110081500", "NgayTiepNhan": "20250110083000",
        "NgayHenTra": "20250117170000", "TrangThaiHoSo": "2", "NgayTra": "", "NgayTuChoi": "", "ThongTinTra": "",
        "HinhThuc": "0", "NgayKetThucXuLy": "", "DonViXuLy": "Sở Mẫu", "GhiChu": "", "NoiNopHoSo": "2",
        "HoSoCoThanhPhanSoHoa": "1", "TaiKhoanDuocXacThucVoiVNeID": "0", "DuocThanhToanTrucTuyen": "0",
        "DinhDanhCHS": [{"LoaiDinhDanh": "1", "SoDinhDanh": "001099000000"}], "DSKetNoiCSDL": [{"MaCSDL": "1"}],
        "TaiLieuNop": [{"TepDinhKemId": "501", "TenTepDinhKem": "to-khai.pdf", "IsDeleted": "False",
            "MaThanhPhanHoSo": "GT-01", "DuongDanTaiTepTin": "http://adapter.local:8080/files/501", "DuocSoHoa": "1",
            "DuocTaiSuDung": "0", "DuocLayTuKhoDMQG": "0", "MaKetQuaThayThe": ""}],
        "DanhSachLePhi": [{"TenPhiLePhi": "Lệ phí mẫu", "MaPhiLePhi": "2", "HinhThucThu": "1", "Gia": "30000",
            "LoaiPhiLePhi": "2"}],
        "DanhSachTepDinhKemKhac": [], "DanhSachHoSoBoSung": [], "DanhSachGiayToKetQua": []})
}

pub(crate) fn step(code: &str, at: &str) -> Value {
    json!({"MaHoSo": code, "NguoiXuLy": "Lê Văn Mẫu", "ChucDanh": "", "ThoiDiemXuLy": at,
        "PhongBanXuLy": "Phòng Mẫu", "NoiDungXuLy": "Thẩm định hồ sơ", "TrangThai": "4",
        "NgayBatDau": "20250110083000", "NgayKetThucTheoQuyDinh": "20250115170000"})
}

/// An order of the return of a result.
pub(crate) fn order(number: &str) -> Value {
    json!({"CustomerCode": "TEST-CUSTOMER", "OrderNumber": number, "CODAmount": 0, "SenderProvince": 99,
        "SenderDistrict": 9901, "SenderAddress": "Số 1 đường Mẫu", "SenderName": "UBND xã Mẫu", "SenderEmail": "",
        "SenderTel": "0900000000", "SenderDesc": "01 giấy khai sinh", "Description": "", "ReceiverName": "Trần Thị Mẫu",
        "ReceiverAddress": "Ấp 1", "ReceiverTel": "0900000001", "ReceiverProvince": 99, "ReceiverDistrict": 9902,
        "ReceiverEmail": ""})
}
