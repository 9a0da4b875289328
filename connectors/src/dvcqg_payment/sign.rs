//! The platform's signatures: SHA-256 over values joined by `|`, the secret last, hex in lower case
//! (docs/partners/dvcqg-payment.md, 2.5).
//! The trap: INIT has ThongTinGiaoDich before ThoiGianGD, the callback has them the other way round.

use aws_lc_rs::{constant_time, digest};
use secrecy::{ExposeSecret, SecretString};

use super::wire::{Init, Query, Report, Said};

/// The signature of an INIT; `ThongTinBienLai` is not covered.
pub(super) fn init(m: &Init, secret: &SecretString) -> String {
    of(
        &[
            m.LoaiBanTin,
            &m.PhienBan,
            &m.MaDoiTac,
            &m.MaThamChieu,
            &m.SoTien,
            &m.LoaiHinhThanhToan,
            &m.MaKenhThanhToan,
            &m.MaThietBi,
            &m.NgonNgu,
            &m.MaTienTe,
            &m.MaNganHang,
            &m.ThongTinGiaoDich,
            &m.ThoiGianGD,
            &m.Ip,
        ],
        secret,
    )
}

/// The signature of a QUERY.
pub(super) fn query(m: &Query, secret: &SecretString) -> String {
    of(&[m.LoaiBanTin, &m.PhienBan, &m.MaDoiTac, &m.MaThamChieu, &m.ThoiGianGD], secret)
}

/// What a callback or an answer to QUERY has to be signed with.
pub(super) fn report(m: &Report, secret: &SecretString) -> String {
    let mut values = delimited(m).to_vec();
    values.push(m.ThongTinGiaoDich.as_str());
    of(&values, secret)
}

/// Whether a report carries its right signature. A `|` in any field but the last would let a signed text be read in
/// another way than it was meant: such a report is not believed.
pub(super) fn is_genuine(m: &Report, secret: &SecretString) -> bool {
    let given = m.MaXacThuc.as_str().to_ascii_lowercase();
    let is_same =
        constant_time::verify_slices_are_equal(given.as_bytes(), report(m, secret).as_bytes()).is_ok();
    is_same && !delimited(m).iter().any(|field| field.contains('|'))
}

/// The signed fields before the description, in the callback's order.
fn delimited(m: &Report) -> [&str; 9] {
    [
        &m.LoaiBanTin,
        &m.MaLoi,
        &m.MaDoiTac,
        &m.MaThamChieu,
        &m.SoTien,
        &m.MaTienTe,
        &m.MaGiaoDich,
        &m.MaNganHang,
        &m.ThoiGianGD,
    ]
    .map(Said::as_str)
}

fn of(values: &[&str], secret: &SecretString) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    for value in values {
        context.update(value.as_bytes());
        context.update(b"|");
    }
    context.update(secret.expose_secret().as_bytes());
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    let bytes = context.finish();
    bytes.as_ref().iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}
