//! The portal's messages as documented (docs/partners/dvcqg.md, 3, 5, 6); names untouched, every scalar a string, `""` for
//! absent. The comments give the meaning once.
#![expect(non_snake_case, reason = "the partner's own names")]

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;

/// Login.
#[derive(Serialize)]
pub(super) struct Login<'a> {
    pub(super) username: &'a str,
    pub(super) password: &'a str,
}

/// The envelope of every service; `body` is flat beside it.
#[derive(Serialize)]
pub(super) struct Envelope<'a, B> {
    pub(super) session: &'a str,
    /// Code of the connected system.
    pub(super) madonvi: &'a str,
    pub(super) service: &'a str,
    #[serde(flatten)]
    pub(super) body: &'a B,
}

/// A service's own part of a request.
pub(super) trait Service: Serialize + Sync {
    const NAME: &'static str;
    /// Catalogues go to the share path, everything else to the integration path.
    const IS_SHARED: bool = false;
    /// The name on the wire.
    fn name(&self) -> &str {
        Self::NAME
    }

    /// Where a gateway takes it.
    fn place(&self) -> Place {
        Place::Read
    }
}

/// The addresses that a gateway has in place of service names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Read,
    Create,
    Update,
    Progress,
    Status,
}

/// All procedures.
#[derive(Serialize)]
pub(super) struct LayDanhSachTTHC {}

/// All online services.
#[derive(Serialize)]
pub(super) struct LayDVC {}

/// A catalogue without parameters, by its service's name.
pub(super) struct LayDanhMuc<'a>(pub(super) &'a str);

impl Serialize for LayDanhMuc<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serde::ser::SerializeMap::end(serializer.serialize_map(Some(0))?)
    }
}

/// One procedure.
#[derive(Serialize)]
pub(super) struct LayThuTuc<'a> {
    pub(super) maTTHC: &'a str,
}

/// Look-up of a dossier.
#[derive(Serialize)]
pub(super) struct TraCuuHoSo<'a> {
    pub(super) mahoso: &'a str,
}

/// Create or replace dossiers.
#[derive(Serialize)]
pub(super) struct DongBoHoSoMC<'a> {
    /// `"True"` or `"False"`, a string.
    pub(super) isUpdating: &'static str,
    pub(super) data: [Sent<'a>; 1],
}

/// Append progress steps.
#[derive(Serialize)]
pub(super) struct CapNhatTienDoHoSoMC<'a> {
    pub(super) data: &'a [TienDo],
}

/// The status of a dossier born on the portal.
#[derive(Serialize)]
pub(super) struct DongBoTrangThaiHoSo<'a> {
    /// Always `"2"`.
    pub(super) r#type: &'static str,
    /// One object, other than everywhere else.
    pub(super) data: &'a TrangThaiHoSo,
}

/// The portal's account of a person or business.
#[derive(Serialize)]
pub(super) struct TraCuuTechID<'a> {
    /// Always `"wso2is"`.
    pub(super) provider: &'static str,
    /// Identity number or tax code.
    pub(super) mstorcmnd: &'a str,
}

impl Service for DongBoTrangThaiHoSo<'_> {
    const NAME: &'static str = "DongBoTrangThaiHoSo";

    fn place(&self) -> Place {
        Place::Status
    }
}
impl Service for TraCuuTechID<'_> {
    const NAME: &'static str = "TraCuuTechID";
    const IS_SHARED: bool = true;
}
impl Service for LayDanhSachTTHC {
    const NAME: &'static str = "LayDanhSachTTHC";
    const IS_SHARED: bool = true;
}
impl Service for LayDVC {
    const NAME: &'static str = "LayDVC";
}
impl Service for LayDanhMuc<'_> {
    const NAME: &'static str = "LayDanhMuc";
    const IS_SHARED: bool = true;
    fn name(&self) -> &str {
        self.0
    }
}
impl Service for LayThuTuc<'_> {
    const NAME: &'static str = "LayThuTuc";
}
impl Service for TraCuuHoSo<'_> {
    const NAME: &'static str = "TraCuuHoSo";
}
impl Service for DongBoHoSoMC<'_> {
    const NAME: &'static str = "DongBoHoSoMC";

    fn place(&self) -> Place {
        if self.isUpdating == "True" { Place::Update } else { Place::Create }
    }
}
impl Service for CapNhatTienDoHoSoMC<'_> {
    const NAME: &'static str = "CapNhatTienDoHoSoMC";

    fn place(&self) -> Place {
        Place::Progress
    }
}

/// A dossier, field set of 2022 and later. Dates `yyyyMMddHHmmss` in UTC+7.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(super) struct HoSo {
    /// Code: the key at the portal.
    pub(super) MaHoSo: String,
    /// Procedure: national code, name; field: code, name.
    pub(super) MaTTHC: String,
    pub(super) TenTTHC: String,
    pub(super) MaLinhVuc: String,
    pub(super) TenLinhVuc: String,
    /// Receipt number.
    pub(super) SoBienNhan: String,
    /// Channel: 1 counter, 2 online, 3 post.
    pub(super) KenhThucHien: String,
    /// Owner's name.
    pub(super) ChuHoSo: String,
    /// Owner's identity number; only where configured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) SoGiayToChuHoSo: Option<String>,
    /// Owner: 1 citizen, 2 business, 3 agency, 4 organisation.
    pub(super) LoaiDoiTuong: String,
    /// Owner's account at the portal.
    pub(super) MaDoiTuong: String,
    /// Other information.
    pub(super) ThongTinKhac: String,
    pub(super) Email: String,
    pub(super) Fax: String,
    /// Phone.
    pub(super) SoDienThoai: String,
    /// Summary.
    pub(super) TrichYeuHoSo: String,
    /// Handed in, received, due.
    pub(super) NgayNopHoSo: String,
    pub(super) NgayTiepNhan: String,
    pub(super) NgayHenTra: String,
    /// Status 1-10.
    pub(super) TrangThaiHoSo: String,
    /// Handed over; not accepted.
    pub(super) NgayTra: String,
    pub(super) NgayTuChoi: String,
    /// Remark on the hand-over.
    pub(super) ThongTinTra: String,
    /// Result goes out: 0 at the desk, 1 by post.
    pub(super) HinhThuc: String,
    /// Finished.
    pub(super) NgayKetThucXuLy: String,
    /// Name of the unit.
    pub(super) DonViXuLy: String,
    /// Note.
    pub(super) GhiChu: String,
    /// Born: 1 on the portal, 2 here.
    pub(super) NoiNopHoSo: String,
    /// Has a digitised component; owner's account is verified: 0, 1.
    pub(super) HoSoCoThanhPhanSoHoa: String,
    pub(super) TaiKhoanDuocXacThucVoiVNeID: String,
    /// 0 not paid online, 1 on the portal, 2 on our gateway.
    pub(super) DuocThanhToanTrucTuyen: String,
    /// Owners' identities; databases consulted.
    pub(super) DinhDanhCHS: Vec<DinhDanh>,
    pub(super) DSKetNoiCSDL: Vec<KetNoi>,
    /// Documents, fees, papers without file, supplements, results.
    pub(super) TaiLieuNop: Vec<TaiLieu>,
    pub(super) DanhSachLePhi: Vec<LePhi>,
    pub(super) DanhSachTepDinhKemKhac: Vec<TepKhac>,
    pub(super) DanhSachHoSoBoSung: Vec<BoSung>,
    pub(super) DanhSachGiayToKetQua: Vec<KetQua>,
}

/// A document handed in.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct TaiLieu {
    pub(super) TepDinhKemId: String,
    pub(super) TenTepDinhKem: String,
    /// `"True"` or `"False"`.
    pub(super) IsDeleted: &'static str,
    /// Code of the component.
    pub(super) MaThanhPhanHoSo: String,
    /// Address from which the portal pulls it.
    pub(super) DuongDanTaiTepTin: String,
    /// Digitised: 0, 1.
    pub(super) DuocSoHoa: &'static str,
    /// Reused: 0 no, 1 from data, 2 another dossier's result.
    pub(super) DuocTaiSuDung: &'static str,
    /// From the national document store: 0, 1.
    pub(super) DuocLayTuKhoDMQG: &'static str,
    /// Code of the result that it replaces.
    pub(super) MaKetQuaThayThe: String,
}

/// A fee.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct LePhi {
    pub(super) TenPhiLePhi: String,
    pub(super) MaPhiLePhi: String,
    /// Collected: 1 at reception, 2 with a supplement, 4 with the result.
    pub(super) HinhThucThu: &'static str,
    /// Whole đồng.
    pub(super) Gia: String,
    /// 1 phí, 2 lệ phí.
    pub(super) LoaiPhiLePhi: &'static str,
}

/// A paper without file: name, how many, kind.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct TepKhac {
    pub(super) TenGiayTo: String,
    pub(super) SoLuong: String,
    pub(super) LoaiGiayTo: String,
}

/// A supplement.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct BoSung {
    /// An integer, as text.
    pub(super) HoSoBoSungId: String,
    /// Who asked, for what, when.
    pub(super) NguoiYeuCauBoSung: String,
    pub(super) NoiDungBoSung: String,
    pub(super) NgayBoSung: String,
    /// Who received it, remark, when.
    pub(super) NguoiTiepNhanBoSung: String,
    pub(super) ThongTinTiepNhan: String,
    pub(super) NgayTiepNhanBoSung: String,
    /// Received: `"True"` or `"False"`, as configured.
    pub(super) TrangThaiBoSung: String,
    pub(super) DanhSachGiayToBoSung: Vec<TaiLieu>,
    pub(super) DanhSachLePhiBoSung: Vec<LePhi>,
    /// Due before and after.
    pub(super) NgayHenTraTruoc: String,
    pub(super) NgayHenTraMoi: String,
}

/// A result.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct KetQua {
    pub(super) TenGiayTo: String,
    pub(super) MaThanhPhanHoSo: String,
    pub(super) GiayToId: String,
    /// Address from which the portal pulls it.
    pub(super) DuongDanTepTinKetQua: String,
    /// Code of the procedure's result.
    pub(super) MaGiayToKetQua: String,
}

/// An identity: 1 citizen id (12 digits), 2 old citizen id (9 digits), others as configured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct DinhDanh {
    pub(super) LoaiDinhDanh: String,
    pub(super) SoDinhDanh: String,
}

/// A database consulted.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct KetNoi {
    pub(super) MaCSDL: String,
}

/// A progress step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct TienDo {
    pub(super) MaHoSo: String,
    /// Who, title, when, department.
    pub(super) NguoiXuLy: String,
    pub(super) ChucDanh: String,
    pub(super) ThoiDiemXuLy: String,
    pub(super) PhongBanXuLy: String,
    /// What was done.
    pub(super) NoiDungXuLy: String,
    /// Status 1-10 after it.
    pub(super) TrangThai: String,
    /// Begun; due.
    pub(super) NgayBatDau: String,
    pub(super) NgayKetThucTheoQuyDinh: String,
}

/// The status of a dossier born on the portal.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct TrangThaiHoSo {
    /// The portal's code, and ours.
    pub(super) MaHoSo: String,
    pub(super) MaHoSoDonVi: String,
    /// Owner's account at the portal.
    pub(super) MaDoiTuong: String,
    /// What was done, when.
    pub(super) NoiDung: String,
    pub(super) NgayXuLy: String,
    /// A status of this service's own table.
    pub(super) TrangThai: String,
    pub(super) TaiLieuXuLy: Vec<TaiLieuXuLy>,
}

/// A document of the processing: a document handed in without the fields of 2022.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct TaiLieuXuLy {
    /// An integer, as text, or nothing.
    pub(super) TepDinhKemId: String,
    pub(super) TenTepDinhKem: String,
    /// `"True"` or `"False"`.
    pub(super) IsDeleted: &'static str,
    pub(super) MaThanhPhanHoSo: String,
    pub(super) DuongDanTaiTepTin: String,
}

/// The dossier's fields that may be empty: all others are refused locally while they are.
const OPTIONAL: [&str; 20] = [
    "SoBienNhan",
    "MaDoiTuong",
    "ThongTinKhac",
    "Email",
    "Fax",
    "SoDienThoai",
    "NgayTiepNhan",
    "NgayHenTra",
    "NgayTra",
    "NgayTuChoi",
    "ThongTinTra",
    "NgayKetThucXuLy",
    "GhiChu",
    "DinhDanhCHS",
    "DSKetNoiCSDL",
    "TaiLieuNop",
    "DanhSachLePhi",
    "DanhSachTepDinhKemKhac",
    "DanhSachHoSoBoSung",
    "DanhSachGiayToKetQua",
];

/// Whether a field of the dossier may be empty.
pub(super) fn is_optional(field: &str) -> bool {
    OPTIONAL.contains(&field)
}

impl HoSo {
    /// As it is sent: without the fields that are empty and that the portal is not to get empty.
    pub(super) fn sent(&self, omit_empty: &BTreeSet<String>) -> serde_json::Result<Sent<'_>> {
        if omit_empty.is_empty() {
            return Ok(Sent::Whole(self));
        }
        let mut value = serde_json::to_value(self)?;
        if let Value::Object(fields) = &mut value {
            let is_empty = |v: &Value| v.as_str() == Some("") || v.as_array().is_some_and(Vec::is_empty);
            fields.retain(|name, value| !(omit_empty.contains(name) && is_empty(value)));
        }
        Ok(Sent::Rest(value))
    }
}

/// A dossier as it is sent.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Sent<'a> {
    Whole(&'a HoSo),
    /// Without some of its fields.
    Rest(Value),
}

/// Every answer. `error_code` comes as number or text, `message` sometimes as an array or JSON.
#[derive(Deserialize)]
pub(super) struct Reply {
    error_code: Value,
    #[serde(default)]
    message: Value,
    #[serde(default)]
    session: Option<String>,
    #[serde(default, deserialize_with = "present")]
    result: Option<Value>,
}

/// `null` is something, other than absence.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

impl Reply {
    /// The answer in this body; none: it does not state a result.
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        let reply: Self =
            serde_json::from_slice(body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body)).ok()?;
        (!reply.code().is_empty()).then_some(reply)
    }

    /// The portal's answer inside a gateway's: `message` holds it as text. None: the two contradict each other, which
    /// states nothing.
    pub(super) fn unwrapped(mut self) -> Option<Self> {
        let inner = match &self.message {
            Value::String(text) => serde_json::from_str(text.trim()).unwrap_or(Value::Null),
            other => other.clone(),
        };
        match inner {
            Value::Array(rows) if self.result.is_none() => self.result = Some(Value::Array(rows)),
            Value::Object(mut inner) if inner.contains_key("error_code") || inner.contains_key("result") => {
                if let Some(code) = inner.remove("error_code") {
                    let is_refused = !self.is_success();
                    let outer = std::mem::replace(&mut self.error_code, code);
                    if is_refused {
                        if self.is_success() {
                            return None;
                        }
                        self.error_code = outer;
                    }
                }
                self.message = inner.remove("message").unwrap_or_default();
                self.result = inner.remove("result");
            }
            _ => {}
        }
        (!self.code().is_empty()).then_some(self)
    }

    /// The code, verbatim.
    pub(super) fn code(&self) -> String {
        match &self.error_code {
            Value::String(text) => text.trim().to_owned(),
            Value::Number(number) => number.to_string(),
            _ => String::new(),
        }
    }

    /// Numerically 0: `0`, `"0"`, `"00"`.
    pub(super) fn is_success(&self) -> bool {
        self.code().parse::<i64>() == Ok(0)
    }

    /// Its words.
    pub(super) fn message(&self) -> String {
        match &self.message {
            Value::String(text) => text.clone(),
            Value::Null => self.result.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned(),
            other => other.to_string(),
        }
    }

    /// The session of a login.
    pub(super) fn session(&self) -> Option<&str> {
        self.session.as_deref().map(str::trim).filter(|s| !s.is_empty())
    }

    /// The rows of a read; none: the answer has no `result`, which is not the same as an empty one or `null`.
    pub(super) fn rows(&self) -> Option<Vec<&Value>> {
        match self.result.as_ref()? {
            Value::Null => Some(Vec::new()),
            Value::Array(rows) => Some(rows.iter().collect()),
            Value::Object(row) if row.is_empty() => Some(Vec::new()),
            row @ Value::Object(_) => Some(vec![row]),
            _ => None,
        }
    }
}
