//! The lists of a dossier (contract 5.1-5.7) read back.

use lienthong_core::id::derived;
use serde_json::{Map, Value, json};

use super::{Tables, Unreadable, row::Row};
use crate::dvcqg::lists::OWN_ID;

/// What is left over of all rows.
pub(super) type LeftOver = Map<String, Value>;

/// What one client puts in the place of an identity that it does not know.
const DUMMY: (&str, &str) = ("2", "000000001");

/// The id that the wire gives, or one of our own.
fn id_or_own(id: String, parts: &[&str]) -> String {
    if id.is_empty() { derived(&OWN_ID.to_string(), parts, 13) } else { id }
}

fn fields(list: Vec<(&str, Value)>) -> Value {
    let said = |(_, value): &(&str, Value)| !value.is_null() && value.as_str() != Some("");
    Value::Object(list.into_iter().filter(said).map(|(name, value)| (name.to_owned(), value)).collect())
}

/// The word for a code; a code that is not known is left over.
pub(super) fn word(
    row: &mut Row<'_>,
    name: &str,
    words: &[(&str, &'static str)],
) -> Result<Option<&'static str>, Unreadable> {
    let said = row.said(name)?;
    let word = words.iter().find(|(code, _)| *code == said).map(|(_, word)| *word);
    if word.is_none() {
        row.not_understood(name);
    }
    Ok(word.filter(|word| !word.is_empty()))
}

/// `TaiLieuNop`, `DanhSachGiayToBoSung`.
pub(super) fn documents(
    row: &mut Row<'_>,
    name: &str,
    tables: &Tables,
    left: &mut LeftOver,
) -> Result<Option<Vec<Value>>, Unreadable> {
    let Some(rows) = row.rows(name)? else { return Ok(None) };
    let mut out = Vec::with_capacity(rows.len());
    for mut row in rows {
        let (id, name) = (row.said("TepDinhKemId")?, row.said("TenTepDinhKem")?);
        let (component, url) = (row.said("MaThanhPhanHoSo")?, tables.url(row.said("DuongDanTaiTepTin")?));
        let reused = [("", ""), ("0", "no"), ("1", "data"), ("2", "result")];
        out.push(fields(vec![
            ("id", json!(id_or_own(id, &[&name, &component, &url]))),
            ("name", json!(name)),
            ("component_code", json!(component)),
            ("url", json!(url)),
            ("deleted", json!(row.flag("IsDeleted")?)),
            ("digitised", json!(row.flag("DuocSoHoa")?)),
            ("reused", json!(word(&mut row, "DuocTaiSuDung", &reused)?)),
            ("from_national_store", json!(row.flag("DuocLayTuKhoDMQG")?)),
            ("replaces_result_code", json!(row.said("MaKetQuaThayThe")?)),
        ]));
        row.left_over(left);
    }
    Ok(Some(out))
}

/// `DanhSachLePhi`, `DanhSachLePhiBoSung`. A price of 0 is an exemption, as it goes out; any other was paid, or is due, by
/// what the tables say.
pub(super) fn fees(
    row: &mut Row<'_>,
    name: &str,
    tables: &Tables,
    left: &mut LeftOver,
) -> Result<Option<Vec<Value>>, Unreadable> {
    let Some(rows) = row.rows(name)? else { return Ok(None) };
    let mut out: Vec<Value> = Vec::with_capacity(rows.len());
    for mut row in rows {
        let (name, code) = (row.said("TenPhiLePhi")?, row.said("MaPhiLePhi")?);
        let code = tables.fees.get(&code).cloned().unwrap_or(code);
        let Some(amount) = row.amount("Gia")? else {
            return Err(row.bad("Gia", "số tiền nguyên (đồng)", ""));
        };
        let kind = word(&mut row, "LoaiPhiLePhi", &[("", ""), ("1", "charge"), ("2", "fee")])?;
        let collected = [("", ""), ("1", "reception"), ("2", "supplement"), ("4", "return")];
        let key = if code.is_empty() { id_or_own(String::new(), &[&name]) } else { code.clone() };
        // A code may stand for several fees: the key has to be one of a kind.
        let count = out.iter().filter(|fee| fee["id"] == key || fee["code"] == code).count();
        let id = if count == 0 { key } else { format!("{key}#{}", count + 1) };
        let collected = word(&mut row, "HinhThucThu", &collected)?;
        let exempt = (amount == 0).then(|| json!({ "full_amount": 0 }));
        out.push(fields(vec![
            ("id", json!(id)),
            ("code", json!(code)),
            ("name", json!(name)),
            ("kind", json!(kind)),
            ("amount", json!(amount)),
            ("collected_on", json!(collected)),
            ("exempt", json!(exempt)),
            ("paid_elsewhere", json!((tables.fees_are_paid && amount > 0).then_some(true))),
        ]));
        row.left_over(left);
    }
    Ok(Some(out))
}

/// `DanhSachTepDinhKemKhac`.
pub(super) fn papers(
    row: &mut Row<'_>,
    tables: &Tables,
    left: &mut LeftOver,
) -> Result<Option<Vec<Value>>, Unreadable> {
    let Some(rows) = row.rows("DanhSachTepDinhKemKhac")? else { return Ok(None) };
    let mut out = Vec::with_capacity(rows.len());
    for (index, mut row) in rows.into_iter().enumerate() {
        let (name, kind) = (row.said("TenGiayTo")?, row.said("LoaiGiayTo")?);
        let quantity = row.said("SoLuong")?;
        let number = match quantity.as_str() {
            "" => None,
            text => Some(text.parse::<u32>().map_err(|_| row.bad("SoLuong", "một số nguyên", text))?),
        };
        let kind = if kind.is_empty() { None } else { tables.paper_kind(&kind) };
        if kind.is_none() {
            row.not_understood("LoaiGiayTo");
        }
        out.push(fields(vec![
            ("id", json!((index + 1).to_string())),
            ("name", json!(name)),
            ("quantity", json!(number)),
            ("kind", json!(kind)),
        ]));
        row.left_over(left);
    }
    Ok(Some(out))
}

/// `DanhSachGiayToKetQua`.
pub(super) fn results(
    row: &mut Row<'_>,
    tables: &Tables,
    left: &mut LeftOver,
) -> Result<Option<Vec<Value>>, Unreadable> {
    let Some(rows) = row.rows("DanhSachGiayToKetQua")? else { return Ok(None) };
    let mut out = Vec::with_capacity(rows.len());
    for mut row in rows {
        let (name, component) = (row.said("TenGiayTo")?, row.said("MaThanhPhanHoSo")?);
        let (url, code) = (tables.url(row.said("DuongDanTepTinKetQua")?), row.said("MaGiayToKetQua")?);
        out.push(fields(vec![
            ("id", json!(id_or_own(row.said("GiayToId")?, &[&name, &component, &url, &code]))),
            ("name", json!(name)),
            ("component_code", json!(component)),
            ("url", json!(url)),
            ("code", json!(code)),
        ]));
        row.left_over(left);
    }
    Ok(Some(out))
}

/// `DanhSachHoSoBoSung`.
pub(super) fn supplements(
    row: &mut Row<'_>,
    tables: &Tables,
    left: &mut LeftOver,
) -> Result<Option<Vec<Map<String, Value>>>, Unreadable> {
    let Some(rows) = row.rows("DanhSachHoSoBoSung")? else { return Ok(None) };
    let mut out = Vec::with_capacity(rows.len());
    for mut row in rows {
        let (number, content) = (row.said("HoSoBoSungId")?, row.said("NoiDungBoSung")?);
        let requested = row.at("NgayBoSung")?;
        let at = requested.clone().unwrap_or_default();
        let supplement = fields(vec![
            ("id", json!(id_or_own(number.clone(), &[&content, &at]))),
            ("seq", json!(number.parse::<i64>().ok())),
            ("requested_by", json!(row.said("NguoiYeuCauBoSung")?)),
            ("content", json!(content)),
            ("requested_at", json!(requested)),
            ("received_by", json!(row.said("NguoiTiepNhanBoSung")?)),
            ("note", json!(row.said("ThongTinTiepNhan")?)),
            ("received_at", json!(row.at("NgayTiepNhanBoSung")?)),
            ("documents", json!(documents(&mut row, "DanhSachGiayToBoSung", tables, left)?)),
            ("fees", json!(fees(&mut row, "DanhSachLePhiBoSung", tables, left)?)),
            ("due_before", json!(row.at("NgayHenTraTruoc")?)),
            ("due_after", json!(row.at("NgayHenTraMoi")?)),
        ]);
        // Whether it was received follows from when.
        let received = tables.received(&row.said("TrangThaiBoSung")?);
        if received.is_none_or(|is| is != supplement.get("received_at").is_some()) {
            row.not_understood("TrangThaiBoSung");
        }
        row.left_over(left);
        if let Value::Object(supplement) = supplement {
            out.push(supplement);
        }
    }
    Ok(Some(out))
}

/// `DinhDanhCHS`: who it belongs to, in the order of the wire. No dummies.
pub(super) fn identities(
    row: &mut Row<'_>,
    tables: &Tables,
    left: &mut LeftOver,
) -> Result<Option<Vec<Value>>, Unreadable> {
    let Some(rows) = row.rows("DinhDanhCHS")? else { return Ok(None) };
    let mut out = Vec::with_capacity(rows.len());
    for mut row in rows {
        let (code, number) = (row.said("LoaiDinhDanh")?, row.said("SoDinhDanh")?);
        let kind = if code.is_empty() { kind_by_form(&number) } else { tables.identity_kind(&code) };
        match kind {
            _ if number.is_empty() => {}
            Some(_) if (code.as_str(), number.as_str()) == DUMMY => row.not_understood("SoDinhDanh"),
            Some(kind) => out.push(json!({ "kind": kind, "number": number })),
            None => {
                row.not_understood("LoaiDinhDanh");
                row.not_understood("SoDinhDanh");
            }
        }
        row.left_over(left);
    }
    Ok(Some(out))
}

/// The kind of an identity whose number alone is given; only the forms that are unmistakable.
pub(super) fn kind_by_form(number: &str) -> Option<&'static str> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let is_tax = |text: &str| {
        let (whole, branch) = text.split_once('-').unwrap_or((text, "000"));
        whole.len() == 10 && digits(whole) && branch.len() == 3 && digits(branch)
    };
    match number.len() {
        12 if digits(number) => Some("citizen_id"),
        9 if digits(number) => Some("old_citizen_id"),
        10 | 14 if is_tax(number) => Some("tax_code"),
        _ => None,
    }
}

/// `DSKetNoiCSDL`.
pub(super) fn databases(
    row: &mut Row<'_>,
    tables: &Tables,
    left: &mut LeftOver,
) -> Result<Option<Vec<Value>>, Unreadable> {
    let Some(rows) = row.rows("DSKetNoiCSDL")? else { return Ok(None) };
    let mut out = Vec::with_capacity(rows.len());
    for mut row in rows {
        let code = row.said("MaCSDL")?;
        if !code.is_empty() {
            out.push(json!(tables.databases.get(&code).unwrap_or(&code)));
        }
        row.left_over(left);
    }
    Ok(Some(out))
}
