//! Land tax through the portal (contract 8.2, 8.3): notices as XML in base64, one file for several dossiers, and vouchers.

use lienthong_core::{
    event::canonical,
    port::inbound::{FileIn, FileSource, Item, Known, Message, Unread},
};
use serde_json::{Value, json};

use super::{
    content,
    fields::{self, Object, as_sent, missing, text},
    notice::{self, Row},
    promotion::code,
};
use crate::dvcqg::config::Config;

const VOUCHER: [&str; 9] = [
    "MaHoSo",
    "HoTenNguoiNopTien",
    "SoCMTNguoiNopTien",
    "DiaChiNguoiNopTien",
    "TinhNguoiNopTien",
    "HuyenNguoiNopTien",
    "XaNguoiNopTien",
    "MaSoThue",
    "UrlFileChungTu",
];
const PAYMENT: [&str; 5] =
    ["MaThongBaoThue", "ThoiGianThanhToan", "SoTien", "NoiDungThanhToan", "TrangThaiThanhToan"];

/// That somebody has paid. Another moment is another payment for the same notice.
pub(super) fn voucher(data: &Object) -> Result<Item, Unread> {
    let empty = Object::new();
    let payment = data.get("ThongTinThanhToan").and_then(Value::as_object).unwrap_or(&empty);
    let mut missing_fields = missing(data, &VOUCHER);
    missing_fields
        .extend(missing(payment, &PAYMENT).into_iter().map(|field| format!("ThongTinThanhToan.{field}")));
    if !missing_fields.is_empty() {
        return Err(Unread::Invalid(format!("Thiếu {}", missing_fields.join(", "))));
    }
    let code = code(data, "MaHoSo")?;
    let of = |field: &str| text(payment, field);
    let amount = whole(payment.get("SoTien")).ok_or_else(|| {
        Unread::Invalid(format!("SoTien: {:?} không phải số tiền nguyên đồng", of("SoTien")))
    })?;
    let status: i64 = of("TrangThaiThanhToan")
        .parse()
        .map_err(|_| Unread::Invalid("TrangThaiThanhToan: không phải số nguyên".to_owned()))?;
    let (notice, said_at) = (of("MaThongBaoThue"), of("ThoiGianThanhToan"));
    let who = |field: &str| text(data, field);
    let event = json!({
        "dossier": code, "notice_no": notice, "amount": amount, "paid_at": fields::moment(&said_at).map(|at| at.to_string()),
        "paid_at_said": said_at, "content": of("NoiDungThanhToan"), "portal_status": status,
        "payer": {
            "name": who("HoTenNguoiNopTien"), "id_number": who("SoCMTNguoiNopTien"), "address": who("DiaChiNguoiNopTien"),
            "province": who("TinhNguoiNopTien"), "district": who("HuyenNguoiNopTien"), "ward": who("XaNguoiNopTien"),
            "tax_code": who("MaSoThue"),
        },
        "voucher": {},
    });
    Ok(Item::Message(Box::new(Message {
        identity: format!("voucher:{code}:{}", fields::key(&[&notice, &said_at])),
        hash: canonical::hash(&as_sent(&Value::Object(data.clone()))),
        name: "tax.voucher_received",
        known: Known::Dossier,
        unit: None,
        data: event,
        subject: code.to_string(),
        files: vec![FileIn {
            at: Some("/voucher".to_owned()),
            name: format!("chung-tu-{notice}"),
            source: FileSource::Address(who("UrlFileChungTu")),
        }],
    })))
}

/// JSON writers differ in whether a whole number has a fraction of nothing.
fn whole(value: Option<&Value>) -> Option<i64> {
    match value? {
        Value::String(said) => fields::amount(said.trim()),
        Value::Number(number) => {
            let exact = number.as_f64().filter(|n| n.fract() == 0.0 && (0.0..=1e15).contains(n));
            number
                .as_i64()
                .or_else(|| exact.map(|n| n as i64))
                .filter(|n| (0..=1_000_000_000_000_000).contains(n))
        }
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// What the tax authority demands: a part for every dossier of the file.
pub(super) fn notices(data: &Object, config: &Config) -> Result<Vec<Item>, Unread> {
    let coded = data.get("FileThongBaoThue").and_then(Value::as_str).unwrap_or_default();
    if coded.trim().is_empty() {
        return Err(Unread::Invalid("Thiếu FileThongBaoThue".to_owned()));
    }
    let most = config.inbound.as_ref().map_or(0, |inbound| inbound.largest_xml_bytes);
    let xml = content::decoded(coded)
        .ok_or_else(|| Unread::Invalid("FileThongBaoThue: không phải base64".to_owned()))?;
    if xml.len() > most {
        return Err(Unread::Invalid(format!("FileThongBaoThue: {} byte, nhiều nhất {most}", xml.len())));
    }
    let dossiers = notice::read(&xml).map_err(|said| Unread::Invalid(format!("FileThongBaoThue: {said}")))?;
    if dossiers.is_empty() {
        return Err(Unread::Invalid("FileThongBaoThue: không có ROW_LIST nào".to_owned()));
    }
    Ok(dossiers.into_iter().map(|(subject, rows)| item(&subject, &rows)).collect())
}

fn item(subject: &str, rows: &[Row]) -> Item {
    let faulty = |said: String| Item::Faulty { subject: subject.to_owned(), said };
    if subject.is_empty() {
        return faulty("thiếu MA_HSO".to_owned());
    }
    if rows.is_empty() {
        return faulty("không có LIST nào".to_owned());
    }
    let (mut notices, mut total, mut decisions) = (Vec::new(), 0i64, Vec::new());
    for row in rows {
        if row.decision.is_empty() {
            return faulty("thiếu SO_QUYET_DINH".to_owned());
        }
        let Some(amount) = fields::amount(&row.amount) else {
            return faulty(format!("SO_TIEN: {:?} không phải số tiền nguyên đồng", row.amount));
        };
        // Fifteen digits at most each, and no more than a file has.
        total = total.saturating_add(amount);
        decisions.push(row.decision.as_str());
        notices.push(json!({
            "tax_code": row.tax_code, "decision_no": row.decision, "decided_on": fields::day(&row.decided),
            "decided_on_said": row.decided, "amount": amount, "sub_item": row.sub_item,
        }));
    }
    decisions.sort_unstable();
    decisions.dedup();
    let data = json!({ "dossier": subject, "amount": total, "notices": notices });
    Item::Message(Box::new(Message {
        identity: format!("notice:{}:{}", fields::key(&[subject]), fields::key(&decisions)),
        hash: canonical::hash(&data),
        name: "tax.notice_received",
        subject: subject.to_owned(),
        known: Known::Dossier,
        unit: None,
        data,
        files: Vec::new(),
    }))
}
