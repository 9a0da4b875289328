//! The platform's messages exactly as documented (docs/partners/dvcqg-payment.md, 2.3-2.7), names untouched.
//! What they are made from and what they mean to us is in `map.rs` and `classify.rs`.
#![expect(non_snake_case, reason = "the partner's own names")]

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::value::RawValue;

/// The text of a JSON string, or a number's digits exactly as they were sent: this is what the platform signs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Said(String);

impl Said {
    /// The text, untouched.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Said {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let token = raw.get();
        match token.as_bytes().first() {
            Some(b'"') => {
                serde_json::from_str(token).map(Self).map_err(|_| D::Error::custom("a broken string"))
            }
            Some(b'n') => Ok(Self::default()),
            Some(b'{' | b'[') | None => Err(D::Error::custom("expected a text or a number")),
            Some(_) => Ok(Self(token.to_owned())),
        }
    }
}

/// `INIT`: opens a reference.
#[derive(Serialize)]
pub(super) struct Init {
    /// Message type: `INIT`.
    pub(super) LoaiBanTin: &'static str,
    /// Protocol version.
    pub(super) PhienBan: String,
    /// Partner code: ours.
    pub(super) MaDoiTac: String,
    /// Our reference.
    pub(super) MaThamChieu: String,
    /// Amount in đồng, as a string.
    pub(super) SoTien: String,
    /// Kind of payment.
    pub(super) LoaiHinhThanhToan: String,
    /// Channel.
    pub(super) MaKenhThanhToan: String,
    /// Device.
    pub(super) MaThietBi: String,
    /// Language.
    pub(super) NgonNgu: String,
    /// Currency.
    pub(super) MaTienTe: String,
    /// Bank; `PAYMENT` lets the platform offer the choice.
    pub(super) MaNganHang: String,
    /// Description without accents.
    pub(super) ThongTinGiaoDich: String,
    /// `yyyyMMddHHmmss`, UTC+7; QUERY repeats it byte for byte.
    pub(super) ThoiGianGD: String,
    /// Address of the payer's side.
    pub(super) Ip: String,
    /// What the receipt says. Not signed.
    pub(super) ThongTinBienLai: BillInfo,
    /// Signature.
    pub(super) MaXacThuc: String,
}

/// `ThongTinBienLai`: procedure, agency, dossier, beneficiary, lines, payer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct BillInfo {
    /// 1 = administrative fine, 2 = fee or charge of a dossier.
    pub(super) MaDichVu: String,
    /// Procedure: code.
    pub(super) MaTTHC: String,
    /// Procedure: name.
    pub(super) TenTTHC: String,
    /// Public service: code.
    pub(super) MaDVC: String,
    /// Public service: name.
    pub(super) TenDVC: String,
    /// Agency: code.
    pub(super) MaDonVi: String,
    /// Agency: name.
    pub(super) TenDonVi: String,
    /// Deciding agency: code.
    pub(super) MaCoQuanQD: String,
    /// Deciding agency: name.
    pub(super) TenCoQuanQD: String,
    /// Dossier code.
    pub(super) MaHoSo: String,
    /// What is paid for.
    pub(super) NoiDungThanhToan: String,
    /// Beneficiary: account.
    pub(super) TKThuHuong: String,
    /// Beneficiary: bank.
    pub(super) MaNHThuHuong: String,
    /// Beneficiary: holder.
    pub(super) TenTKThuHuong: String,
    /// Fees and charges.
    pub(super) PhiLePhi: Vec<FeeLine>,
    /// Payer: name.
    pub(super) HoTenNguoiNop: String,
    /// Payer: identity number.
    pub(super) SoCMNDNguoiNop: String,
    /// Payer: address.
    pub(super) DiaChiNguoiNop: String,
    /// Payer: district.
    pub(super) HuyenNguoiNop: String,
    /// Payer: province.
    pub(super) TinhNguoiNop: String,
    /// Items; their sum is the amount.
    pub(super) DSKhoanNop: Vec<Item>,
    /// Fines only, as all below: kind of penalty, code.
    pub(super) MaLoaiHinhThuPhat: String,
    /// Kind of penalty, name.
    pub(super) TenLoaiHinhThuPhat: String,
    /// Treasury.
    pub(super) KhoBac: String,
    /// Date of the decision.
    pub(super) NgayQD: String,
    /// Number of the decision.
    pub(super) SoQD: String,
    /// Time of the offence.
    pub(super) ThoiGianViPham: String,
    /// Place of the offence.
    pub(super) DiaDiemViPham: String,
    /// Offender.
    pub(super) TenNguoiViPham: String,
    /// Budget revenue account.
    pub(super) TaiKhoanThuNSNN: String,
}

/// `PhiLePhi[]`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct FeeLine {
    /// 1 = phí, 2 = lệ phí.
    pub(super) LoaiPhiLePhi: String,
    /// Code.
    pub(super) MaPhiLePhi: String,
    /// Name.
    pub(super) TenPhiLePhi: String,
    /// Amount in đồng, as a string.
    pub(super) SoTien: String,
}

/// `DSKhoanNop[]`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Item {
    /// What it is.
    pub(super) NoiDung: String,
    /// Amount in đồng, as a string.
    pub(super) SoTien: String,
}

/// `QUERY`: asks about a reference.
#[derive(Serialize)]
pub(super) struct Query {
    /// Message type: `QUERY`.
    pub(super) LoaiBanTin: &'static str,
    /// Protocol version.
    pub(super) PhienBan: String,
    /// Partner code.
    pub(super) MaDoiTac: String,
    /// Our reference.
    pub(super) MaThamChieu: String,
    /// That of the INIT, byte for byte.
    pub(super) ThoiGianGD: String,
    /// Signature.
    pub(super) MaXacThuc: String,
}

/// The answer to INIT.
#[derive(Deserialize)]
pub(super) struct InitAnswer {
    /// `00` = opened.
    #[serde(default)]
    pub(super) MaLoi: Said,
    /// In words.
    #[serde(default)]
    pub(super) MoTaLoi: Said,
    /// Where the citizen pays.
    #[serde(default)]
    pub(super) UrlThanhToan: Said,
}

/// A callback, and the answer to QUERY: the same signed fields.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Report {
    /// Message type.
    pub(super) LoaiBanTin: Said,
    /// Callback: `00` = paid. QUERY: `00` = the question was answered.
    pub(super) MaLoi: Said,
    /// In words.
    pub(super) MoTaLoi: Said,
    /// Partner code.
    pub(super) MaDoiTac: Said,
    /// Our reference.
    pub(super) MaThamChieu: Said,
    /// Amount in đồng: a number in callbacks, a string elsewhere.
    pub(super) SoTien: Said,
    /// Currency.
    pub(super) MaTienTe: Said,
    /// The platform's number of the transaction.
    pub(super) MaGiaoDich: Said,
    /// Bank.
    pub(super) MaNganHang: Said,
    /// `yyyyMMddHHmmss`, UTC+7.
    pub(super) ThoiGianGD: Said,
    /// Description.
    pub(super) ThongTinGiaoDich: Said,
    /// Signature.
    pub(super) MaXacThuc: Said,
    /// QUERY only: 1 = paid, 3 = pending, 4 = failed. Not signed.
    pub(super) TrangThaiGD: Said,
}

/// Our answer to a callback.
#[derive(Serialize)]
pub(super) struct Receipt<'a> {
    /// `00` = received and stored.
    pub(super) MaLoi: &'a str,
    /// In words.
    pub(super) MoTaLoi: &'a str,
    /// Echo.
    pub(super) MaDoiTac: &'a str,
    /// Echo.
    pub(super) MaThamChieu: &'a str,
    /// Echo.
    pub(super) ThoiGianGD: &'a str,
    /// Echo.
    pub(super) MaXacThuc: &'a str,
}

/// An answer in either envelope: the platform's own, or an adapter's around it (section 2.4).
#[derive(Deserialize)]
pub(super) struct Envelope {
    /// The platform's own.
    pub(super) MaLoi: Option<Said>,
    /// The adapter's: `0` = passed on.
    pub(super) error_code: Option<Said>,
    /// The adapter's: the platform's answer as JSON text, or the adapter's words.
    pub(super) message: Option<Box<RawValue>>,
}
