//! The portal as a sender (contract 8): the bodies of its services, sent to an address that the province publishes, and the
//! answers checked. Knows the wire only.

use crate::{encoding::base64, runtime};
use serde_json::{Value, json};
use std::sync::Mutex;

/// Sends what the portal sends by itself.
pub struct Sender {
    client: Option<reqwest::Client>,
    /// Everything before the service's path, without a slash at the end.
    base: String,
    headers: Vec<(String, String)>,
    violations: Mutex<Vec<String>>,
}

/// What the province answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Replied {
    /// 0: no answer came.
    pub status: u16,
    /// Null where it is no JSON.
    pub body: Value,
    pub text: String,
}

impl Replied {
    /// The number in `error_code`, whether it is written as a number or as text.
    pub fn code(&self) -> Option<i64> {
        let code = self.body.get("error_code")?;
        code.as_i64().or_else(|| code.as_str()?.parse().ok())
    }
}

/// A tax notice's decision: number, day, amount, sub-item.
pub type Decision<'a> = (&'a str, &'a str, &'a str, &'a str);

impl Sender {
    /// To this address, e.g. `http://127.0.0.1:1/inbound/dvcqg`.
    pub fn new(base: impl Into<String>) -> Self {
        Self {
            client: runtime::http_client(),
            base: base.into(),
            headers: Vec::new(),
            violations: Mutex::default(),
        }
    }

    /// With one more header, as the adapter adds it.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Rules that answers have broken (contract 8.4, 8.5).
    pub fn violations(&self) -> Vec<String> {
        runtime::lock(&self.violations).clone()
    }

    /// Sends bytes to a service's path.
    pub async fn send(&self, path: &str, body: Vec<u8>) -> Replied {
        let nothing = |text: String| Replied { status: 0, body: Value::Null, text };
        let Some(client) = &self.client else { return nothing("no client".to_owned()) };
        let mut request = client
            .post(format!("{}/{path}", self.base))
            .header("content-type", "application/json")
            .header("accept", "application/json")
            .header("charset", "utf-8");
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let response = match request.body(body).send().await {
            Ok(response) => response,
            Err(error) => return nothing(error.to_string()),
        };
        let status = response.status().as_u16();
        let text = response.text().await.unwrap_or_default();
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        let replied = Replied { status, body, text };
        self.check(path, &replied);
        replied
    }

    /// Sends JSON.
    pub async fn post(&self, path: &str, body: &Value) -> Replied {
        self.send(path, body.to_string().into_bytes()).await
    }

    /// A new trade promotion.
    pub async fn promotion(&self, body: &Value) -> Replied {
        self.post("addtthcKhuyenMai", body).await
    }

    /// A change of one.
    pub async fn amendment(&self, data: &Value) -> Replied {
        let body = json!({"service": "SuaDoiKhuyenMai", "isUpdating": "True", "data": data});
        self.post("nhanhsdvcqg", &body).await
    }

    /// A voucher of land tax.
    pub async fn voucher(&self, data: &Value) -> Replied {
        let body = json!({"service": "NhanChungTuThueDat", "isUpdating": "False", "data": data});
        self.post("nhanhsdvcqg", &body).await
    }

    /// A file of tax notices.
    pub async fn notices(&self, xml: &str) -> Replied {
        let body = json!({"service": "NhanThongBaoThueDat", "isUpdating": "False",
            "data": {"FileThongBaoThue": base64(xml.as_bytes())}});
        self.post("nhantbthuedvcqg", &body).await
    }

    /// A look-up.
    pub async fn look_up(&self, code: &str) -> Replied {
        let body = json!({"madonvi": "000.00.00.G22", "service": "TraCuuHoSo", "masohoso": code});
        self.post("search/call", &body).await
    }

    fn check(&self, path: &str, replied: &Replied) {
        let Replied { status, body, text } = replied;
        let is_flat = path.ends_with("search/call") && body.get("error_code").is_none();
        let is_refused = matches!(status, 401 | 413 | 503);
        let mut broken = Vec::new();
        match status {
            200 if is_flat => {
                let fields = [
                    "MaHoSo",
                    "MaTTHC",
                    "TenTTHC",
                    "MaLinhVuc",
                    "TenLinhVuc",
                    "LoaiDoiTuong",
                    "TrangThaiHoSo",
                ];
                let missing =
                    fields.iter().chain(&["HinhThuc", "DonViXuLy"]).filter(|f| !body[**f].is_string());
                broken.extend(missing.map(|field| format!("{field}: must be a string")));
            }
            500 if body.is_null() => {}
            200 | 401 | 413 | 503 => {
                let code = &body["error_code"];
                let is_code = if path.ends_with("search/call") { code == "-1" } else { code.is_i64() };
                if !is_code || !body["message"].is_string() {
                    broken.push(format!("the answer is not {{error_code, message}}: {text}"));
                }
                if is_refused && replied.code() != Some(-1) {
                    broken.push(format!("HTTP {status} with error_code {code}"));
                }
            }
            other => broken.push(format!("HTTP {other}: {text}")),
        }
        let mut violations = runtime::lock(&self.violations);
        violations.extend(broken.into_iter().map(|rule| format!("{path}: {rule}")));
    }
}

/// A new trade promotion with a registration and one more document.
pub fn promotion(code: &str) -> Value {
    json!({
        "MaHoSo": code, "MaTTHC": "2.000033", "MaSoThue": "0300000001", "TenThuongNhan": "Công ty TNHH Mẫu",
        "SoVanBan": "01/KM", "NgayNopHoSo": "20261122081500",
        "DiaChiDoanhNghiep": {"MaTinh": "99", "MaHuyen": "9901", "MaXa": "99001", "DiaChiChiTiet": "Số 1, đường Mẫu"},
        "DienThoai": "0270000001", "Fax": "", "Email": "km@example.vn", "NguoiLienHe": "Trần Thị Mẫu",
        "SoDienThoaiNguoiLienHe": "0900000001", "TenChuongTrinhKhuyenMai": "Khuyến mại cuối năm",
        "HinhThucKhuyenMai": "Giảm giá", "ThoiGianKhuyenMaiTu": "20261201000000", "ThoiGianKhuyenMaiDen": "20261231000000",
        "HangHoaDichVuKhuyenMai": "Hàng gia dụng", "SoLuongHangHoaDichVu": "1000", "KhachHang": "Mọi khách hàng",
        "CoCauGiaiThuong": "", "TongGiaTriHangHoa": "500000000", "NoiDungChiTiet": "Giảm 20%",
        "TenCacThuongNhanCungThucHien": "", "TenTepDonDangKy": "đơn đăng ký.pdf", "TepDonDangKy": base64(PDF),
        "TaiLieuNop": [{"TenTepDinhKem": "the-le.pdf", "Base64": base64(PDF)}],
    })
}

/// A change of a promotion; its registration is an address.
pub fn amendment(code: &str, url: &str) -> Value {
    json!({
        "MaHoSoQG": code, "MaTTHC": "2.000033", "MaSoThue": "0300000001", "TenThuongNhan": "Công ty TNHH Mẫu",
        "NgayNopHoSo": "20261125091500",
        "ThongTinDaNop": {"MaHoSoQGDNP": code, "SoVanBanDaNopDNP": "01/KM", "NgayNopHoSoDNP": "20261122081500",
            "TenChuongTrinhKhuyenMaiDNP": "Khuyến mại cuối năm", "ThoiGianKhuyenMaiTuDNP": "20261201000000",
            "ThoiGianKhuyenMaiDenDNP": "20261231000000", "DiaBanKhuyenMaiDNP": "Tỉnh Mẫu"},
        "ThongTinSuaDoi": {"ThoiGianKhuyenMaiDenKM": "20270115000000"}, "LyDoDieuChinh": "Kéo dài",
        "NoiDungCamKetKhac": "", "TenTepDangKy": "don-sua-doi.pdf", "URLTepDangKy": url,
    })
}

/// A voucher of land tax, every field filled.
pub fn voucher(code: &str, notice: &str, amount: u64, url: &str) -> Value {
    json!({
        "MaHoSo": code, "HoTenNguoiNopTien": "Trần Thị Mẫu", "SoCMTNguoiNopTien": "080099000001",
        "DiaChiNguoiNopTien": "Ấp 1", "TinhNguoiNopTien": "99", "HuyenNguoiNopTien": "9901", "XaNguoiNopTien": "99001",
        "MaSoThue": "8000000001", "UrlFileChungTu": url,
        "ThongTinThanhToan": {"MaThongBaoThue": notice, "ThoiGianThanhToan": "20261125101500", "SoTien": amount,
            "NoiDungThanhToan": "Nộp tiền sử dụng đất", "TrangThaiThanhToan": 1},
    })
}

/// A file of tax notices.
pub fn notice_xml(dossiers: &[(&str, &[Decision<'_>])]) -> String {
    let rows = dossiers.iter().map(|(code, decisions)| {
        let lists = decisions.iter().map(|(number, day, amount, item)| {
            format!(
                "<LIST><MA_SO_THUE>8000000001</MA_SO_THUE><SO_QUYET_DINH>{number}</SO_QUYET_DINH>\
                 <NGAY_QUYET_DINH>{day}</NGAY_QUYET_DINH><SO_TIEN>{amount}</SO_TIEN>\
                 <TEN_TIEU_MUC>{item}</TEN_TIEU_MUC></LIST>"
            )
        });
        format!("<ROW_LIST><MA_HSO>{code}</MA_HSO>{}</ROW_LIST>", lists.collect::<String>())
    });
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><DATA>{}</DATA>", rows.collect::<String>())
}

/// The smallest thing that calls itself PDF.
pub const PDF: &[u8] = b"%PDF-1.4\n%%EOF\n";
