//! The small built-in catalogue: the procedures of the project's synthetic traffic, as LayThuTuc
//! answers them (docs/partners/dvcqg.md, 4, keys in capitals).

use serde_json::{Value, json};

struct Procedure(&'static str, &'static str, &'static str, &'static str, &'static str, &'static str);

/// Code, name, field code, field name, fee as published (not always numeric), working days.
const PROCEDURES: &[Procedure] = &[
    Procedure("1.004227", "Đăng ký biến động quyền sử dụng đất", "G14-DD01", "Đất đai", "28.000", "10"),
    Procedure("1.004199", "Cấp đổi giấy chứng nhận quyền sử dụng đất", "G14-DD01", "Đất đai", "50.000", "7"),
    Procedure(
        "1.009994",
        "Cấp giấy phép xây dựng nhà ở riêng lẻ",
        "G18-XD01",
        "Hoạt động xây dựng",
        "75000",
        "15",
    ),
    Procedure(
        "1.001612",
        "Đăng ký thành lập hộ kinh doanh",
        "G05-KD01",
        "Thành lập và hoạt động hộ kinh doanh",
        "100000",
        "3",
    ),
    Procedure("1.001193", "Đăng ký khai sinh", "G15-TP01", "Hộ tịch", "không", "1"),
    Procedure("1.000894", "Đăng ký kết hôn", "G15-TP01", "Hộ tịch", "", "1"),
    Procedure("2.000635", "Cấp bản sao trích lục hộ tịch", "G15-TP01", "Hộ tịch", "8.000", "1"),
    Procedure("2.000488", "Cấp phiếu lý lịch tư pháp", "G15-TP02", "Lý lịch tư pháp", "200000", "10"),
    Procedure("1.001731", "Hỗ trợ chi phí mai táng", "G09-XH01", "Bảo trợ xã hội", "0", "5"),
];

/// The rows of LayDanhSachTTHC.
pub(super) fn all() -> Value {
    PROCEDURES.iter().map(|p| json!({"MATTHC": p.0, "TENTTHC": p.1})).collect()
}

/// The rows of LayThuTuc: one, or none for an unknown code. A province's suffix is ignored.
pub(super) fn one(code: &str) -> Value {
    let is_it =
        |known: &str| code == known || code.strip_prefix(known).is_some_and(|rest| rest.starts_with('.'));
    PROCEDURES.iter().filter(|p| is_it(p.0)).enumerate().map(|(index, p)| row(index, p)).collect()
}

fn row(index: usize, p: &Procedure) -> Value {
    json!({
        "ID": (index + 11).to_string(), "MATTHC": p.0, "TENTTHC": p.1, "TRANGTHAI": "1",
        "MACOQUANCONGBO": "000.00.00.H99", "LOAITTHC": "", "MOTA": "",
        "LINHVUCTHUCHIEN": [{"MALINHVUC": p.2, "TENLINHVUC": p.3}],
        "CAPTHUCHIEN": [{"CAPTHUCHIEN": "3", "TENCAP": "Cấp xã"}],
        "CACHTHUCTHUCHIEN": [{"KENH": "1", "THOIGIAN": [{"THOIGIANGIAIQUYET": p.5, "DONVITINH": "Ngày làm việc",
            "MOTA": "", "PHILEPHI": [{"MAPHILEPHI": "2", "SOTIEN": p.4, "DONVI": "đồng", "MOTA": ""}]}]}],
        "THANHPHANHOSO": [{"TRUONGHOP": "Chung", "GIAYTO": [
            {"MAGIAYTO": "GT-01", "MA_KQ_THAYTHE": "", "TENGIAYTO": "Tờ khai", "SOBANCHINH": "1", "SOBANSAO": "0"},
            {"MAGIAYTO": "GT-02", "MA_KQ_THAYTHE": "", "TENGIAYTO": "Giấy tờ kèm theo", "SOBANCHINH": "", "SOBANSAO": "1"}]}],
        "KETQUATHUCHIEN": [{"MAKETQUA": format!("KQ-{}", p.0), "TENKETQUA": format!("Kết quả {}", p.1)}],
        "COQUANTHUCHIEN": [], "CANCUPHAPLY": []
    })
}
