//! The lists of a dossier (contract 5.1-5.7), pure.

use jiff::Timestamp;
use lienthong_core::{
    clock::compact,
    dossier::{Settled, SettledHow},
    event::data::{
        CollectedOn, Document, Dossier, Fee, FeeKind, IdKind, Identity, Paper, ResultPaper, Reused,
        Supplement,
    },
};
use std::collections::BTreeMap;

use super::{
    config::Config,
    notes::Notes,
    wire::{BoSung, DinhDanh, KetNoi, KetQua, LePhi, TaiLieu, TaiLieuXuLy, TepKhac},
};

/// `yyyyMMddHHmmss` in UTC+7, or nothing.
pub(super) fn date(at: Option<Timestamp>) -> String {
    at.map(compact).unwrap_or_default()
}

fn flag(is: bool) -> &'static str {
    if is { "1" } else { "0" }
}

fn word(is: bool) -> &'static str {
    if is { "True" } else { "False" }
}

/// What an id begins with that is only ours: what came without one is listed by it here, and goes out without one.
pub(super) const OWN_ID: char = '~';

/// An id, if the source gave it.
fn given(id: &str) -> &str {
    if id.starts_with(OWN_ID) { "" } else { id }
}

/// The first of these that says something.
pub(super) fn first<'a>(texts: &[&'a str]) -> &'a str {
    texts.iter().map(|t| t.trim()).find(|t| !t.is_empty()).unwrap_or_default()
}

/// Documents; withdrawn ones are told as deleted. One without an absolute address cannot be fetched and is left out.
pub(super) fn documents(list: &[Document], at: &str, config: &Config, notes: &mut Notes) -> Vec<TaiLieu> {
    let mut out = Vec::with_capacity(list.len());
    for (index, document) in list.iter().enumerate() {
        let field = format!("{at}[{index}]");
        let url = config.reachable(document.url.trim());
        if !is_absolute(&url) {
            notes.left_out(&field, "no absolute address");
            continue;
        }
        let id = given(&document.id);
        let name = first(&[&document.name, &document.component_code, id]);
        out.push(TaiLieu {
            TepDinhKemId: id.to_owned(),
            TenTepDinhKem: notes.cut(&format!("{field}.TenTepDinhKem"), name, config.lengths.document_name),
            IsDeleted: word(document.deleted),
            MaThanhPhanHoSo: document.component_code.clone(),
            DuongDanTaiTepTin: url,
            DuocSoHoa: flag(document.digitised),
            DuocTaiSuDung: match document.reused {
                None | Some(Reused::No) => "0",
                Some(Reused::Data) => "1",
                Some(Reused::Result) => "2",
            },
            DuocLayTuKhoDMQG: flag(document.from_national_store),
            MaKetQuaThayThe: document.replaces_result_code.clone().unwrap_or_default(),
        });
    }
    out
}

/// The results as documents of the processing, for a portal-born dossier whose status alone is told.
pub(super) fn processing_documents(
    list: &[ResultPaper],
    config: &Config,
    notes: &mut Notes,
) -> Vec<TaiLieuXuLy> {
    let mut out = Vec::new();
    for (index, result) in list.iter().enumerate() {
        let field = format!("TaiLieuXuLy[{index}]");
        let url = config.reachable(result.url.trim());
        if !is_absolute(&url) {
            notes.left_out(&field, "no absolute address");
            continue;
        }
        let is_number = !result.id.is_empty() && result.id.bytes().all(|b| b.is_ascii_digit());
        let name = first(&[&result.name, &result.number, &result.code, &result.id]);
        out.push(TaiLieuXuLy {
            TepDinhKemId: if is_number { result.id.clone() } else { String::new() },
            TenTepDinhKem: notes.cut(&format!("{field}.TenTepDinhKem"), name, config.lengths.document_name),
            IsDeleted: word(result.deleted),
            MaThanhPhanHoSo: result.component_code.clone(),
            DuongDanTaiTepTin: url,
        });
    }
    out
}

fn is_absolute(url: &str) -> bool {
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    rest.is_some_and(|r| !r.is_empty() && !r.starts_with('/')) && !url.contains(char::is_whitespace)
}

/// Papers handed in without a file.
pub(super) fn papers(list: &[Paper], config: &Config, notes: &mut Notes) -> Vec<TepKhac> {
    let mut out = Vec::with_capacity(list.len());
    for (index, paper) in list.iter().enumerate().filter(|(_, p)| !p.deleted) {
        let field = format!("DanhSachTepDinhKemKhac[{index}].TenGiayTo");
        let name = first(&[&paper.name, &paper.component_code, &paper.id]);
        out.push(TepKhac {
            TenGiayTo: notes.cut(&field, name, config.lengths.paper_name),
            // A listed paper is one at least.
            SoLuong: paper.quantity.max(1).to_string(),
            LoaiGiayTo: config.paper_kinds.of(paper.kind).to_owned(),
        });
    }
    out
}

/// Results; revoked ones are not listed any more.
pub(super) fn results(list: &[ResultPaper], config: &Config, notes: &mut Notes) -> Vec<KetQua> {
    let mut out = Vec::with_capacity(list.len());
    for (index, result) in list.iter().enumerate().filter(|(_, r)| !r.deleted) {
        let field = format!("DanhSachGiayToKetQua[{index}]");
        let mut url = config.reachable(result.url.trim());
        if !url.is_empty() && !is_absolute(&url) {
            notes.left_out(&format!("{field}.DuongDanTepTinKetQua"), "no absolute address");
            url.clear();
        }
        let id = given(&result.id);
        let name = first(&[&result.name, &result.number, &result.code, id]);
        out.push(KetQua {
            TenGiayTo: notes.cut(&format!("{field}.TenGiayTo"), name, config.lengths.paper_name),
            MaThanhPhanHoSo: result.component_code.clone(),
            GiayToId: id.to_owned(),
            DuongDanTepTinKetQua: url,
            MaGiayToKetQua: result.code.clone(),
        });
    }
    out
}

/// What was paid, by the index of the fee; money that belongs to no listed fee is noted.
fn paid(fees: &[Fee], settled: &[Settled], notes: &mut Notes) -> BTreeMap<usize, i64> {
    let mut sums = BTreeMap::new();
    for (key, amount) in settled.iter().flat_map(|s| &s.lines) {
        let by_id = fees.iter().position(|f| !f.deleted && f.id == *key);
        match by_id.or_else(|| fees.iter().position(|f| !f.deleted && !f.code.is_empty() && f.code == *key)) {
            Some(index) => *sums.entry(index).or_insert(0_i64) += amount,
            None => notes.left_out("DanhSachLePhi", "money for a fee that the dossier does not list"),
        }
    }
    sums
}

/// Fees: paid ones with what was paid, exempt ones as a row of 0, others only by configuration.
pub(super) fn fees(list: &[Fee], settled: &[Settled], config: &Config, notes: &mut Notes) -> Vec<LePhi> {
    let paid = paid(list, settled, notes);
    let mut out = Vec::with_capacity(list.len());
    for (index, fee) in list.iter().enumerate().filter(|(_, f)| !f.deleted) {
        let price = match (paid.get(&index), &fee.exempt) {
            (Some(amount), _) => *amount,
            (None, Some(_)) => 0,
            (None, None) if fee.paid_elsewhere || config.send_unpaid_fees => fee.amount.get(),
            (None, None) => continue,
        };
        let code = first(&[config.fees.get(&fee.code).map_or("", String::as_str), &fee.code, &fee.id]);
        out.push(LePhi {
            TenPhiLePhi: first(&[&fee.name, code]).to_owned(),
            MaPhiLePhi: code.to_owned(),
            HinhThucThu: match fee.collected_on {
                None | Some(CollectedOn::Reception) => "1",
                Some(CollectedOn::Supplement) => "2",
                Some(CollectedOn::Return) => "4",
            },
            Gia: price.to_string(),
            LoaiPhiLePhi: if is_fee(fee) { "2" } else { "1" },
        });
    }
    out
}

/// Lệ phí, other than phí. Where the event does not say, the name does.
fn is_fee(fee: &Fee) -> bool {
    match fee.kind {
        Some(kind) => kind == FeeKind::Fee,
        None => fee.name.trim().to_lowercase().starts_with("lệ phí"),
    }
}

/// Whether anything was paid online, by our own knowledge.
pub(super) fn is_paid_online(settled: &[Settled]) -> bool {
    settled.iter().any(|s| s.how == SettledHow::Online && s.amount > 0)
}

/// Supplements. One without content or without the moment of the request has no form at the portal.
pub(super) fn supplements(
    list: &[Supplement],
    settled: &[Settled],
    config: &Config,
    notes: &mut Notes,
) -> Vec<BoSung> {
    let mut out = Vec::with_capacity(list.len());
    for (index, supplement) in list.iter().enumerate() {
        let field = format!("DanhSachHoSoBoSung[{index}]");
        let text = |value: &Option<String>| value.as_deref().unwrap_or_default().trim().to_owned();
        let content = text(&supplement.content);
        if content.is_empty() || supplement.requested_at.is_none() {
            notes.left_out(&field, "a supplement that nobody asked for");
            continue;
        }
        let number =
            supplement.seq.filter(|s| *s > 0).or_else(|| i64::try_from(index + 1).ok()).unwrap_or_default();
        out.push(BoSung {
            HoSoBoSungId: number.to_string(),
            NguoiYeuCauBoSung: text(&supplement.requested_by),
            NoiDungBoSung: content,
            NgayBoSung: date(supplement.requested_at),
            NguoiTiepNhanBoSung: text(&supplement.received_by),
            ThongTinTiepNhan: text(&supplement.note),
            NgayTiepNhanBoSung: date(supplement.received_at),
            TrangThaiBoSung: if supplement.received_at.is_some() {
                config.supplement_states.received.clone()
            } else {
                config.supplement_states.requested.clone()
            },
            DanhSachGiayToBoSung: documents(
                &supplement.documents,
                &format!("{field}.DanhSachGiayToBoSung"),
                config,
                notes,
            ),
            DanhSachLePhiBoSung: fees(&supplement.fees, &of_fees(settled, &supplement.fees), config, notes),
            NgayHenTraTruoc: date(supplement.due_before),
            NgayHenTraMoi: date(supplement.due_after),
        });
    }
    out
}

fn is_of(key: &str, fees: &[Fee]) -> bool {
    fees.iter().any(|f| f.id == key || (!f.code.is_empty() && f.code == key))
}

/// The money of these fees only.
fn of_fees(settled: &[Settled], fees: &[Fee]) -> Vec<Settled> {
    split(settled, |key| is_of(key, fees))
}

/// The money that belongs to the dossier itself and not to one of its supplements.
pub(super) fn without_supplements(
    settled: &[Settled],
    fees: &[Fee],
    supplements: &[Supplement],
) -> Vec<Settled> {
    split(settled, |key| is_of(key, fees) || !supplements.iter().any(|s| is_of(key, &s.fees)))
}

fn split(settled: &[Settled], keep: impl Fn(&str) -> bool) -> Vec<Settled> {
    let mut parts = settled.to_vec();
    for part in &mut parts {
        part.lines.retain(|(key, _)| keep(key));
    }
    parts
}

/// Owners' identities. Only two kinds have a known code, others go by configuration; a number of another form would be
/// refused. No dummies.
pub(super) fn identities(dossier: &Dossier, config: &Config, notes: &mut Notes) -> Vec<DinhDanh> {
    let first = dossier.applicant.as_ref().and_then(|a| a.id.as_ref());
    let further = dossier.applicants.iter().filter(|a| !a.deleted).filter_map(|a| a.identity.as_ref());
    let mut out: Vec<DinhDanh> = Vec::new();
    for Identity { kind, number } in first.into_iter().chain(further) {
        let number = number.trim();
        let (code, length) = match kind {
            IdKind::CitizenId => ("1", Some(12)),
            IdKind::OldCitizenId => ("2", Some(9)),
            IdKind::Passport => (config.identity_kinds.passport.as_str(), None),
            IdKind::TaxCode => (config.identity_kinds.tax_code.as_str(), None),
        };
        if code.is_empty() {
            notes.left_out("DinhDanhCHS", "no known code for this kind of identity");
            continue;
        }
        if number.is_empty() {
            continue;
        }
        if let Some(length) = length
            && (number.len() != length || !number.bytes().all(|b| b.is_ascii_digit()))
        {
            notes.left_out("DinhDanhCHS", &format!("an identity number that is not {length} digits"));
            continue;
        }
        let identity = DinhDanh { LoaiDinhDanh: code.to_owned(), SoDinhDanh: number.to_owned() };
        if !out.contains(&identity) {
            out.push(identity);
        }
    }
    out
}

/// Databases consulted.
pub(super) fn databases(codes: &[String], config: &Config) -> Vec<KetNoi> {
    let codes = codes.iter().map(|c| c.trim()).filter(|c| !c.is_empty());
    let there = |code: &str| config.databases.get(code).map_or_else(|| code.to_owned(), Clone::clone);
    codes.map(|code| KetNoi { MaCSDL: there(code) }).collect()
}
