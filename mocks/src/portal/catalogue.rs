//! The small built-in catalogue: the procedures of the project's synthetic traffic, as LayThuTuc
//! answers them (docs/partners/dvcqg.md, 4, keys in capitals).

use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

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

/// What a test changed of the catalogue.
#[derive(Default)]
pub(super) struct Edits {
    /// Names that are other ones now, and procedures that are new, by code.
    pub(super) named: BTreeMap<String, String>,
    /// Codes that no list names any more.
    pub(super) withdrawn: BTreeSet<String>,
    /// Every list ends after so many rows.
    pub(super) longest: Option<usize>,
}

impl Edits {
    fn name<'a>(&'a self, code: &str, name: &'a str) -> &'a str {
        self.named.get(code).map_or(name, String::as_str)
    }

    fn list(&self, rows: Vec<Value>) -> Value {
        Value::Array(rows.into_iter().take(self.longest.unwrap_or(usize::MAX)).collect())
    }

    fn procedures(&self) -> Vec<(String, String)> {
        let known = PROCEDURES.iter().map(|p| (p.0.to_owned(), self.name(p.0, p.1).to_owned()));
        let added = self.named.iter().filter(|(code, _)| !PROCEDURES.iter().any(|p| p.0 == code.as_str()));
        let all = known.chain(added.map(|(code, name)| (code.clone(), name.clone())));
        all.filter(|(code, _)| !self.withdrawn.contains(code)).collect()
    }

    /// The rows of LayDanhSachTTHC.
    pub(super) fn all(&self) -> Value {
        let rows = self.procedures().into_iter().map(|(code, name)| json!({"MATTHC": code, "TENTTHC": name}));
        self.list(rows.collect())
    }

    /// The rows of LayThuTuc: one, or none for an unknown code. A province's suffix is ignored.
    pub(super) fn one(&self, code: &str) -> Value {
        let is_it =
            |known: &str| code == known || code.strip_prefix(known).is_some_and(|rest| rest.starts_with('.'));
        let known = PROCEDURES.iter().filter(|p| is_it(p.0) && !self.withdrawn.contains(p.0)).enumerate();
        known.map(|(index, p)| row(index, p, self.name(p.0, p.1))).collect()
    }

    /// The rows of a LayDanhMuc…; none: there is no such service.
    pub(super) fn other(&self, service: &str) -> Option<Value> {
        let rows = match service {
            "LayDanhMucLinhVuc" => {
                let fields: BTreeMap<_, _> = PROCEDURES.iter().map(|p| (p.2, p.3)).collect();
                let row =
                    |(code, name)| json!({"MALINHVUC": code, "TENLINHVUC": name, "MANGANH": "000.00.00.H99"});
                fields.into_iter().map(row).collect()
            }
            "LayDanhMucCoQuan" => AGENCIES
                .iter()
                .map(|(code, name, level)| json!({"MADONVI": code, "TENDONVI": name, "CAPDONVI": level}))
                .collect(),
            // [GUESS] Only the names of these services are known.
            "LayDanhMucGioiTinh" => vec![
                json!({"MAGIOITINH": "1", "TENGIOITINH": "Nam"}),
                json!({"MAGIOITINH": "2", "TENGIOITINH": "Nữ"}),
            ],
            _ => return None,
        };
        Some(self.list(rows))
    }

    /// The result of LayDVC: an object with the rows in `data`.
    pub(super) fn services(&self) -> Value {
        let row = |(code, name): (String, String)| {
            json!({"MADVC": format!("{code}.01"), "TENDVC": name, "MATTHC": code, "TENTTHC": name,
                "TENCOQUANBANHANH": "UBND Tỉnh Mẫu", "TENLINHVUC": "",
                "APDUNGDVC": [{"MACOQUANTHUCHIEN": "000.00.00.H99", "MUCDO": 4}]})
        };
        json!({ "data": self.list(self.procedures().into_iter().map(row).collect()) })
    }
}

const AGENCIES: &[(&str, &str, &str)] = &[
    ("000.00.00.H99", "UBND Tỉnh Mẫu", "1"),
    ("000.00.01.H99", "Sở Nông nghiệp và Môi trường", "1"),
    ("000.00.02.H99", "Sở Xây dựng", "1"),
    ("000.00.08.H99", "UBND Phường Mẫu Đông", "3"),
];

fn row(index: usize, p: &Procedure, name: &str) -> Value {
    json!({
        "ID": (index + 11).to_string(), "MATTHC": p.0, "TENTTHC": name, "TRANGTHAI": "1",
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
