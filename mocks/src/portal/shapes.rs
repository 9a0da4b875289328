//! The portal's messages as tables: dossiers with their lists, steps (docs/partners/dvcqg.md, 5-7).

use crate::shape::{
    Field,
    Kind::{Agency, Any, Code, Digits, Dossier, List, Stamp, Text, Url},
    filled, may, present,
};

/// Where the contract names no limit; large enough never to be hit by honest data.
const LONG: usize = 4000;
const FLAG: &[&str] = &["0", "1"];
const BOOL: &[&str] = &["True", "False"];
const STATUS: &[&str] = &["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"];

pub(super) const LOGIN: &[Field] = &[filled("username", Text(LONG)), filled("password", Text(LONG))];

const SESSION: Field = filled("session", Text(LONG));
const UNIT: Field = filled("madonvi", Agency);
const SERVICE: Field = filled("service", Text(100));

const LIST: &[Field] = &[SESSION, UNIT, SERVICE];
const READ_PROCEDURE: &[Field] = &[SESSION, UNIT, SERVICE, filled("maTTHC", Text(100))];
const LOOK_UP: &[Field] = &[SESSION, UNIT, SERVICE, filled("mahoso", Dossier)];
const SYNC: &[Field] =
    &[SESSION, UNIT, SERVICE, filled("isUpdating", Code(BOOL)), filled("data", List(DOSSIER))];
const PROGRESS: &[Field] = &[SESSION, UNIT, SERVICE, filled("data", List(STEP))];
const STATUS_OF_BORN: &[Field] = &[SESSION, UNIT, SERVICE, filled("type", Code(&["2"])), filled("data", Any)];

const ACCOUNT: &[Field] =
    &[SESSION, UNIT, SERVICE, filled("provider", Code(&["wso2is"])), filled("mstorcmnd", Text(50))];

/// The whole message of a service.
pub(super) fn of(service: &str) -> Option<&'static [Field]> {
    Some(match service {
        "LayDanhSachTTHC" | "LayDVC" => LIST,
        other if other.starts_with("LayDanhMuc") => LIST,
        "LayThuTuc" => READ_PROCEDURE,
        "TraCuuTechID" => ACCOUNT,
        "TraCuuHoSo" => LOOK_UP,
        "DongBoHoSoMC" => SYNC,
        "CapNhatTienDoHoSoMC" => PROGRESS,
        "DongBoTrangThaiHoSo" => STATUS_OF_BORN,
        _ => return None,
    })
}

const DOSSIER: &[Field] = &[
    filled("MaHoSo", Dossier),
    filled("MaTTHC", Text(100)),
    filled("TenTTHC", Text(LONG)),
    filled("MaLinhVuc", Text(100)),
    filled("TenLinhVuc", Text(LONG)),
    may("SoBienNhan", Text(LONG)),
    filled("KenhThucHien", Code(&["1", "2", "3"])),
    may("ChuHoSo", Text(LONG)),
    may("SoGiayToChuHoSo", Text(100)),
    filled("LoaiDoiTuong", Code(&["1", "2", "3", "4"])),
    may("MaDoiTuong", Text(LONG)),
    may("ThongTinKhac", Text(LONG)),
    may("Email", Text(LONG)),
    may("SoDienThoai", Text(LONG)),
    may("Fax", Text(LONG)),
    filled("TrichYeuHoSo", Text(1000)),
    filled("NgayNopHoSo", Stamp),
    // Empty is allowed only where nothing was received: see `semantics` in services.rs.
    present("NgayTiepNhan", Stamp),
    may("NgayHenTra", Stamp),
    filled("TrangThaiHoSo", Code(STATUS)),
    may("NgayTra", Stamp),
    may("NgayTuChoi", Stamp),
    may("ThongTinTra", Text(LONG)),
    filled("HinhThuc", Code(FLAG)),
    may("NgayKetThucXuLy", Stamp),
    filled("DonViXuLy", Text(LONG)),
    may("GhiChu", Text(1999)),
    filled("NoiNopHoSo", Code(&["1", "2"])),
    filled("HoSoCoThanhPhanSoHoa", Code(FLAG)),
    filled("TaiKhoanDuocXacThucVoiVNeID", Code(FLAG)),
    filled("DuocThanhToanTrucTuyen", Code(&["0", "1", "2", "3"])),
    may("TaiLieuNop", List(DOCUMENT)),
    may("DanhSachLePhi", List(FEE)),
    may("DanhSachTepDinhKemKhac", List(PAPER)),
    may("DanhSachHoSoBoSung", List(SUPPLEMENT)),
    may("DanhSachGiayToKetQua", List(RESULT)),
    present("DinhDanhCHS", List(IDENTITY)),
    present("DSKetNoiCSDL", List(DATABASE)),
];

const DOCUMENT: &[Field] = &[
    present("TepDinhKemId", Text(100)),
    filled("TenTepDinhKem", Text(4000)),
    filled("IsDeleted", Code(BOOL)),
    present("MaThanhPhanHoSo", Text(100)),
    filled("DuongDanTaiTepTin", Url),
    filled("DuocSoHoa", Code(FLAG)),
    filled("DuocTaiSuDung", Code(&["0", "1", "2"])),
    filled("DuocLayTuKhoDMQG", Code(FLAG)),
    present("MaKetQuaThayThe", Text(100)),
];

const FEE: &[Field] = &[
    filled("TenPhiLePhi", Text(LONG)),
    filled("MaPhiLePhi", Text(100)),
    filled("HinhThucThu", Code(&["1", "2", "4"])),
    filled("Gia", Digits),
    filled("LoaiPhiLePhi", Code(&["1", "2"])),
];

const PAPER: &[Field] =
    &[filled("TenGiayTo", Text(2000)), filled("SoLuong", Digits), present("LoaiGiayTo", Digits)];

const SUPPLEMENT: &[Field] = &[
    filled("HoSoBoSungId", Digits),
    present("NguoiYeuCauBoSung", Text(LONG)),
    filled("NoiDungBoSung", Text(LONG)),
    filled("NgayBoSung", Stamp),
    may("NguoiTiepNhanBoSung", Text(LONG)),
    may("ThongTinTiepNhan", Text(LONG)),
    may("NgayTiepNhanBoSung", Stamp),
    may("TrangThaiBoSung", Code(&["0", "1", "True", "False"])),
    may("DanhSachGiayToBoSung", List(DOCUMENT)),
    may("DanhSachLePhiBoSung", List(FEE)),
    may("NgayHenTraTruoc", Stamp),
    may("NgayHenTraMoi", Stamp),
];

const RESULT: &[Field] = &[
    filled("TenGiayTo", Text(2000)),
    present("MaThanhPhanHoSo", Text(100)),
    present("GiayToId", Text(100)),
    present("DuongDanTepTinKetQua", Url),
    present("MaGiayToKetQua", Text(100)),
];

const IDENTITY: &[Field] = &[filled("LoaiDinhDanh", Digits), filled("SoDinhDanh", Text(50))];
const DATABASE: &[Field] = &[filled("MaCSDL", Text(20))];

const STEP: &[Field] = &[
    filled("MaHoSo", Dossier),
    filled("NguoiXuLy", Text(50)),
    may("ChucDanh", Text(LONG)),
    filled("ThoiDiemXuLy", Stamp),
    may("PhongBanXuLy", Text(LONG)),
    filled("NoiDungXuLy", Text(LONG)),
    filled("TrangThai", Code(STATUS)),
    may("NgayBatDau", Stamp),
    may("NgayKetThucTheoQuyDinh", Stamp),
];

const BORN_CODES: &[&str] = &["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11"];

pub(super) const BORN_STATUS: &[Field] = &[
    filled("MaHoSo", Dossier),
    present("MaHoSoDonVi", Text(100)),
    may("MaDoiTuong", Text(LONG)),
    may("NoiDung", Text(LONG)),
    filled("NgayXuLy", Stamp),
    // 11 is what TD sends for its own 3.
    filled("TrangThai", Code(BORN_CODES)),
    may("TaiLieuXuLy", List(BORN_DOCUMENT)),
];

const BORN_DOCUMENT: &[Field] = &[
    present("TepDinhKemId", Digits),
    filled("TenTepDinhKem", Text(4000)),
    filled("IsDeleted", Code(BOOL)),
    present("MaThanhPhanHoSo", Text(100)),
    filled("DuongDanTaiTepTin", Url),
];
