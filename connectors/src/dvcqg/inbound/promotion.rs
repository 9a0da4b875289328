//! Trade promotions (contract 8.1): new ones, and amendments. What the dossier of the events has a place for goes there; the
//! rest stays beside it under the portal's own names.

use lienthong_core::{
    event::canonical,
    id::{DossierCode, UnitCode},
    port::inbound::{FileIn, FileSource, Item, Known, Message, Unread},
};
use serde_json::{Value, json};

use super::{
    content,
    fields::{Object, as_sent, clean, missing, moment, short, text},
};
use crate::dvcqg::config::Config;

/// Fields that the dossier has a place for whatever they say, and files.
const MAPPED: [&str; 11] = [
    "MaHoSo",
    "MaHoSoQG",
    "MaTTHC",
    "MaSoThue",
    "TenThuongNhan",
    "Email",
    "TenChuongTrinhKhuyenMai",
    "TepDonDangKy",
    "TenTepDonDangKy",
    "TaiLieuNop",
    "URLTepDangKy",
];

/// A new promotion.
pub(super) fn submitted(body: &Object, config: &Config) -> Result<Item, Unread> {
    required(body, &["MaHoSo", "MaTTHC", "MaSoThue", "TenThuongNhan"])?;
    let code = code(body, "MaHoSo")?;
    let (files, documents) = files(body, config)?;
    let dossier = dossier(body, &code, documents, config)?;
    Ok(Item::Message(Box::new(Message {
        identity: identity(&code),
        hash: canonical::hash(&Value::Object(body.clone())),
        name: "portal.dossier_submitted",
        known: Known::Nothing,
        unit: unit_of(&dossier),
        data: json!({ "dossier": dossier, "promotion": rest(body) }),
        subject: code.to_string(),
        files,
    })))
}

/// A change of one that was submitted before. Every other content is another amendment: nothing else tells them apart.
pub(super) fn amended(body: &Object, config: &Config) -> Result<Item, Unread> {
    required(body, &["MaHoSoQG"])?;
    let code = code(body, "MaHoSoQG")?;
    let (files, documents) = files(body, config)?;
    let dossier = dossier(body, &code, documents, config)?;
    let hash = canonical::hash(&Value::Object(body.clone()));
    let short = short(&hash);
    Ok(Item::Message(Box::new(Message {
        identity: format!("amended:{code}:{short}"),
        hash,
        name: "portal.dossier_supplemented",
        known: Known::DossierOr(identity(&code)),
        unit: unit_of(&dossier),
        data: json!({ "dossier": dossier, "amendment": rest(body) }),
        subject: code.to_string(),
        files,
    })))
}

/// What makes a submission one: the portal's code, and nothing else.
pub(super) fn identity(code: &DossierCode) -> String {
    format!("submitted:{code}")
}

/// The dossier's code in this field.
pub(super) fn code(body: &Object, field: &str) -> Result<DossierCode, Unread> {
    let said = text(body, field);
    DossierCode::parse(&said).map_err(|_| Unread::Invalid(format!("{field}: {said:?} không phải mã hồ sơ")))
}

fn required(body: &Object, fields: &[&str]) -> Result<(), Unread> {
    let missing = missing(body, fields);
    if missing.is_empty() { Ok(()) } else { Err(Unread::Invalid(format!("Thiếu {}", missing.join(", ")))) }
}

fn dossier(
    body: &Object,
    code: &DossierCode,
    documents: Vec<Value>,
    config: &Config,
) -> Result<Value, Unread> {
    let mut dossier = json!({
        "code": code, "portal_code": code, "origin": "portal", "channel": "online", "documents": documents,
    });
    let procedure = text(body, "MaTTHC");
    if !procedure.is_empty() {
        dossier["procedure"] = json!({ "code": procedure });
    }
    if let Some(unit) = unit(&procedure, config)? {
        dossier["unit"] = unit;
    }
    let name = text(body, "TenThuongNhan");
    if !name.is_empty() {
        let phone = text(body, "DienThoai");
        let address = body.get("DiaChiDoanhNghiep").and_then(Value::as_object);
        dossier["applicant"] = json!({
            "kind": "business", "name": name, "email": text(body, "Email"),
            "phone": if phone.is_empty() { text(body, "SoDienThoaiNguoiLienHe") } else { phone },
            "address": address.map(|address| text(address, "DiaChiChiTiet")).unwrap_or_default(),
        });
        let number = text(body, "MaSoThue");
        if !number.is_empty() {
            dossier["applicant"]["id"] = json!({ "kind": "tax_code", "number": number });
        }
    }
    let summary = text(body, "TenChuongTrinhKhuyenMai");
    if !summary.is_empty() {
        dossier["summary"] = json!(summary);
    }
    if let Some(at) = moment(&text(body, "NgayNopHoSo")) {
        dossier["submitted_at"] = json!(at.to_string());
    }
    Ok(dossier)
}

/// The unit that gets dossiers of a procedure. Where the table is used, a procedure without an entry is not ours.
pub(super) fn unit(procedure: &str, config: &Config) -> Result<Option<Value>, Unread> {
    let units = config.inbound.as_ref().map(|inbound| &inbound.units);
    let Some(units) = units.filter(|units| !units.is_empty() && !procedure.is_empty()) else {
        return Ok(None);
    };
    let Some(code) = units.get(procedure).or_else(|| units.get("*")) else {
        return Err(Unread::Invalid(format!("MaTTHC: {procedure:?} chưa được ánh xạ")));
    };
    let name = config.units.get(code.as_str()).cloned().unwrap_or_default();
    Ok(Some(json!({ "code": code, "name": name })))
}

/// The unit that a dossier names.
pub(super) fn unit_of(dossier: &Value) -> Option<UnitCode> {
    UnitCode::parse(dossier.pointer("/unit/code")?.as_str()?).ok()
}

/// The registration, further documents, and what is only an address.
fn files(body: &Object, config: &Config) -> Result<(Vec<FileIn>, Vec<Value>), Unread> {
    let (mut files, mut documents) = (Vec::new(), Vec::new());
    let mut add = |id: String, name: String, source: FileSource| {
        let at = format!("/dossier/documents/{}", documents.len());
        documents.push(json!({ "id": id, "name": name }));
        files.push(FileIn { at: Some(at), name, source });
    };
    let taken = |field: &str, coded: &str| {
        let inbound = config.inbound.clone().unwrap_or_default();
        content::source(coded, &inbound).map_err(|said| Unread::Invalid(format!("{field}: {said}")))
    };
    if let Some(coded) =
        body.get("TepDonDangKy").and_then(Value::as_str).filter(|text| !text.trim().is_empty())
    {
        add(
            "TepDonDangKy".into(),
            named(text(body, "TenTepDonDangKy"), "don-dang-ky"),
            taken("TepDonDangKy", coded)?,
        );
    }
    let url = text(body, "URLTepDangKy");
    if !url.is_empty() {
        add(
            "URLTepDangKy".into(),
            named(text(body, "TenTepDangKy"), "don-dang-ky"),
            FileSource::Address(url),
        );
    }
    let further = body.get("TaiLieuNop").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    for (index, document) in further.iter().enumerate() {
        let Some(document) = document.as_object() else { continue };
        let Some(coded) = document.get("Base64").and_then(Value::as_str) else { continue };
        let (id, field) = (format!("TaiLieuNop-{}", index + 1), format!("TaiLieuNop[{index}].Base64"));
        let name = named(text(document, "TenTepDinhKem"), &id);
        add(id, name, taken(&field, coded)?);
    }
    Ok((files, documents))
}

fn named(name: String, otherwise: &str) -> String {
    if name.is_empty() { otherwise.to_owned() } else { name }
}

/// What the dossier has no place for, as it was sent.
fn rest(body: &Object) -> Value {
    let fields = body.iter().filter(|(name, _)| !MAPPED.contains(&name.as_str()));
    Value::Object(fields.map(|(name, value)| (clean(name), as_sent(value))).collect())
}
