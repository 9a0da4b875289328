//! The portal's messages as documented (docs/partners/dvcqg.md, 3, 5, 6); names untouched, every scalar a string, `""` for
//! absent. The comments give the meaning once.
#![expect(non_snake_case, reason = "the partner's own names")]

use serde::{Deserialize, Serialize};
use serde_json::Value;

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
    pub(super) data: [&'a HoSo; 1],
}

/// Append progress steps.
#[derive(Serialize)]
pub(super) struct CapNhatTienDoHoSoMC<'a> {
    pub(super) data: &'a [TienDo],
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
}
impl Service for CapNhatTienDoHoSoMC<'_> {
    const NAME: &'static str = "CapNhatTienDoHoSoMC";
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
    /// Received: `"True"` or `"False"`.
    pub(super) TrangThaiBoSung: &'static str,
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

/// An identity: 1 citizen id (12 digits), 2 old citizen id (9 digits).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct DinhDanh {
    pub(super) LoaiDinhDanh: &'static str,
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
