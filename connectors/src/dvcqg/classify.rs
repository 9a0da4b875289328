//! The portal's codes and words -> what they mean. The portal publishes no code list: the phrases are configuration,
//! and an unlisted refusal is a refusal of the data, with its words.

use lienthong_core::outcome::{Cause, Outcome, Pause, Proof, Refusal, Setback};
use serde_json::json;

use super::{config::Config, wire::Reply};
use crate::http::masked_of;

/// What a reply says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Numerically 0.
    Success,
    /// The dossier exists.
    Exists,
    /// The portal does not know the dossier.
    Unknown,
    /// Our account as a whole is not accepted.
    Account,
    /// The session is not accepted.
    Session,
    /// A refusal that no table lists.
    Unlisted,
}

/// Reads a reply by the tables, first match wins.
pub(super) fn meaning(reply: &Reply, config: &Config) -> Meaning {
    let code = reply.code();
    // "phiên bản" is a version, not a session.
    let words = reply.message().to_lowercase().replace("phiên bản", "");
    let says =
        |phrases: &[String]| phrases.iter().any(|p| !p.is_empty() && words.contains(&p.to_lowercase()));
    let is = |codes: &[String]| codes.contains(&code);
    match () {
        () if reply.is_success() => Meaning::Success,
        () if says(&config.exists_phrases) || is(&config.exists_codes) => Meaning::Exists,
        () if says(&config.unknown_phrases) => Meaning::Unknown,
        () if says(&config.account_phrases) => Meaning::Account,
        () if is(&config.session_error_codes) && says(&config.session_phrases) => Meaning::Session,
        () => Meaning::Unlisted,
    }
}

/// A reply in words, masked.
pub(super) fn said(reply: &Reply, personal: &[&str]) -> String {
    masked_of(&reply.message(), personal)
}

/// The proof of a successful write.
pub(super) fn proof(reply: &Reply, config: &Config, personal: &[&str]) -> Proof {
    let mut proof = Proof { said: said(reply, personal), ..Proof::default() };
    let phrase = config.success_phrase.to_lowercase();
    if !reply.message().to_lowercase().contains(&phrase) {
        proof.facts.insert("without_phrase".into(), json!(config.success_phrase));
    }
    proof
}

/// The outcome of a write that the portal clearly did not carry out; `exists` and `unknown` are what those replies mean
/// for this action.
pub(super) fn refusal(
    reply: &Reply,
    config: &Config,
    personal: &[&str],
    exists: Cause,
    unknown: Cause,
) -> Outcome {
    let cause = match meaning(reply, config) {
        Meaning::Account => return Outcome::Paused(pause(reply, personal)),
        Meaning::Session => return Outcome::NotDone(session_setback(reply, personal)),
        Meaning::Exists => exists,
        Meaning::Unknown => unknown,
        Meaning::Success | Meaning::Unlisted => Cause::DataRefused,
    };
    Outcome::Refused(Refusal { cause, code: reply.code(), said: said(reply, personal), field: field(reply) })
}

/// The outcome of an attempt whose look-up was refused: a setback, never "unknown there".
pub(super) fn read_refusal(reply: &Reply, config: &Config, personal: &[&str]) -> Outcome {
    match meaning(reply, config) {
        Meaning::Account => Outcome::Paused(pause(reply, personal)),
        Meaning::Session => Outcome::NotDone(session_setback(reply, personal)),
        Meaning::Success | Meaning::Exists | Meaning::Unknown | Meaning::Unlisted => {
            let said = format!("{}: {}", reply.code(), said(reply, personal));
            Outcome::NotDone(Setback { cause: Cause::PartnerFailed, said, retry_after: None })
        }
    }
}

fn pause(reply: &Reply, personal: &[&str]) -> Pause {
    Pause { cause: Cause::CredentialsRejected, said: format!("{}: {}", reply.code(), said(reply, personal)) }
}

fn session_setback(reply: &Reply, personal: &[&str]) -> Setback {
    let said = format!("{}: {}", reply.code(), said(reply, personal));
    Setback { cause: Cause::SessionRejected, said, retry_after: None }
}

/// The field that the portal names, where it names one of ours.
fn field(reply: &Reply) -> Option<String> {
    const FIELDS: [&str; 39] = [
        "MaHoSo",
        "MaTTHC",
        "TenTTHC",
        "MaLinhVuc",
        "TenLinhVuc",
        "SoBienNhan",
        "KenhThucHien",
        "ChuHoSo",
        "LoaiDoiTuong",
        "MaDoiTuong",
        "Email",
        "SoDienThoai",
        "TrichYeuHoSo",
        "NgayNopHoSo",
        "NgayTiepNhan",
        "NgayHenTra",
        "TrangThaiHoSo",
        "NgayTra",
        "NgayTuChoi",
        "ThongTinTra",
        "HinhThuc",
        "NgayKetThucXuLy",
        "DonViXuLy",
        "GhiChu",
        "NoiNopHoSo",
        "DinhDanhCHS",
        "DSKetNoiCSDL",
        "TaiLieuNop",
        "DanhSachLePhi",
        "DanhSachTepDinhKemKhac",
        "DanhSachHoSoBoSung",
        "DanhSachGiayToKetQua",
        "NguoiXuLy",
        "ThoiDiemXuLy",
        "NoiDungXuLy",
        "TrangThai",
        "MaHoSoDonVi",
        "NgayXuLy",
        "TaiLieuXuLy",
    ];
    let message = reply.message();
    let mut words = message.split(|c: char| !c.is_ascii_alphanumeric());
    words.find(|word| FIELDS.contains(word)).map(str::to_owned)
}
