//! From a payment to INIT and from a reference to QUERY. Pure: the same task gives the same bytes, as a repeat needs.

use lienthong_core::{
    event::data::{Account, Applicant, LineKind, Payer, Payment, PaymentLine, Purpose},
    id::Reference,
    need::Need,
    operation::Payload,
    outcome::{Cause, Outcome, Refusal},
    port::connector::Task,
};
use secrecy::SecretString;

use super::{
    config::{BankField, Config},
    plain::plain,
    sign,
    wire::{BillInfo, FeeLine, Init, Item, Query},
};

/// A procedure's name longer than 250 characters is sent as its first 200 and three dots, as the other client does.
const NAME: (usize, usize) = (250, 200);

/// One opening of a payment, out of an operation's payload.
#[derive(Clone, Copy)]
pub(super) struct Opening<'a> {
    pub(super) payment: &'a Payment,
    pub(super) reference: &'a Reference,
    pub(super) amount: i64,
    pub(super) sent_at: &'a str,
}

impl<'a> Opening<'a> {
    /// What a payload opens, if it opens a payment.
    pub(super) fn of(payload: &'a Payload) -> Option<Self> {
        let Payload::OpenPayment { payment, reference, amount, sent_at } = payload else { return None };
        Some(Self { payment, reference, amount: *amount, sent_at })
    }
}

/// The signed INIT, or why it cannot be sent.
pub(super) fn init(
    opening: Opening<'_>,
    task: &Task,
    config: &Config,
    secret: &SecretString,
) -> Result<Init, Outcome> {
    let info = bill_info(opening, task, config)?;
    let mut message = Init {
        LoaiBanTin: "INIT",
        PhienBan: config.protocol_version.clone(),
        MaDoiTac: config.partner_code.clone(),
        MaThamChieu: opening.reference.to_string(),
        SoTien: opening.amount.to_string(),
        LoaiHinhThanhToan: config.payment_kind.clone(),
        MaKenhThanhToan: config.channel.clone(),
        MaThietBi: config.device.clone(),
        NgonNgu: config.language.clone(),
        MaTienTe: config.currency.clone(),
        MaNganHang: config.bank.clone(),
        ThongTinGiaoDich: description(opening.payment, &info.MaHoSo, config.description_length),
        ThoiGianGD: opening.sent_at.to_owned(),
        Ip: config.payer_ip(),
        ThongTinBienLai: info,
        MaXacThuc: String::new(),
    };
    message.MaXacThuc = sign::init(&message, secret);
    Ok(message)
}

/// The signed QUERY about a reference; `sent_at` is the INIT's, byte for byte.
pub(super) fn query(reference: &Reference, sent_at: &str, config: &Config, secret: &SecretString) -> Query {
    let mut message = Query {
        LoaiBanTin: "QUERY",
        PhienBan: config.protocol_version.clone(),
        MaDoiTac: config.partner_code.clone(),
        MaThamChieu: reference.to_string(),
        ThoiGianGD: sent_at.to_owned(),
        MaXacThuc: String::new(),
    };
    message.MaXacThuc = sign::query(&message, secret);
    message
}

/// Our own refusal, before anything is sent.
pub(super) fn refused(field: &str, said: &str) -> Outcome {
    let field = Some(field.to_owned());
    Outcome::Refused(Refusal { cause: Cause::DataRefused, code: "local".into(), said: said.into(), field })
}

fn description(payment: &Payment, dossier: &str, longest: usize) -> String {
    match plain(&payment.description, longest) {
        text if text.is_empty() => plain(&format!("THANH TOAN HO SO {dossier}"), longest),
        text => text,
    }
}

fn bill_info(opening: Opening<'_>, task: &Task, config: &Config) -> Result<BillInfo, Outcome> {
    let payment = opening.payment;
    check_amount(opening)?;
    let account = beneficiary(payment)?;
    let Some(state) = task.dossier.as_ref() else {
        let code = task.subject.as_ref().map(ToString::to_string).unwrap_or_default();
        return Err(Outcome::Held(Need::Snapshot(code)));
    };
    let dossier = state.dossier().map_err(|error| {
        Outcome::refused(Cause::Internal, "local", format!("the stored dossier cannot be read: {error}"))
    })?;
    let procedure = dossier.procedure.unwrap_or_default();
    if procedure.code.is_empty() {
        return Err(refused("dossier.procedure.code", "the platform asks for the procedure"));
    }
    let Some(unit) = dossier.unit else {
        return Err(refused("dossier.unit", "the platform asks for the unit"));
    };
    let payer = payer(payment, dossier.applicant.as_ref())?;
    let unit_name = or(&unit.name, unit.code.as_str());
    let name = cut(or(&procedure.name, &procedure.code));
    let service = match procedure.service_code {
        Some(code) if !code.is_empty() => code,
        _ => format!("{}{}", procedure.code, config.service_suffix),
    };
    let service_name =
        procedure.service_name.filter(|text| !text.is_empty()).map_or_else(|| name.clone(), |t| cut(&t));
    Ok(BillInfo {
        MaDichVu: service_kind(payment.purpose, config)?,
        MaTTHC: procedure.code,
        TenTTHC: name,
        MaDVC: service,
        TenDVC: service_name,
        MaDonVi: unit.code.to_string(),
        TenDonVi: unit_name.to_owned(),
        MaCoQuanQD: unit.code.to_string(),
        TenCoQuanQD: unit_name.to_owned(),
        MaHoSo: state.portal_code().to_string(),
        NoiDungThanhToan: content(payment),
        TKThuHuong: account.account.clone(),
        MaNHThuHuong: bank(account, config).to_owned(),
        TenTKThuHuong: account.holder.clone(),
        PhiLePhi: payment.lines.iter().map(|line| fee_line(line, payment, config)).collect(),
        HoTenNguoiNop: payer.name,
        SoCMNDNguoiNop: payer.id_number,
        DiaChiNguoiNop: payer.address,
        HuyenNguoiNop: payer.district.unwrap_or_default(),
        TinhNguoiNop: payer.province.unwrap_or_default(),
        DSKhoanNop: payment.lines.iter().map(|line| item(line, payment)).collect(),
        // The event contract carries nothing about fines; blank is what a fee has to send (section 2.4).
        MaLoaiHinhThuPhat: String::new(),
        TenLoaiHinhThuPhat: String::new(),
        KhoBac: String::new(),
        NgayQD: String::new(),
        SoQD: String::new(),
        ThoiGianViPham: String::new(),
        DiaDiemViPham: String::new(),
        TenNguoiViPham: String::new(),
        TaiKhoanThuNSNN: String::new(),
    })
}

fn check_amount(opening: Opening<'_>) -> Result<(), Outcome> {
    let sum = opening.payment.lines.iter().try_fold(0i64, |sum, line| sum.checked_add(line.amount.get()));
    if opening.amount <= 0 {
        return Err(refused("payment.lines", "nothing to pay: the platform takes no payment of 0 đồng"));
    }
    if sum != Some(opening.amount) {
        return Err(refused("payment.lines", "the lines do not make the amount of the operation"));
    }
    Ok(())
}

/// The account of the approved list, resolved at planning; an incomplete entry is as good as none.
fn beneficiary(payment: &Payment) -> Result<&Account, Outcome> {
    let has_bank = |a: &Account| !a.bank_code.is_empty() || !a.bank_bin.is_empty();
    let is_complete = |a: &&Account| !a.account.is_empty() && !a.holder.is_empty() && has_bank(a);
    let account = payment.beneficiary.as_ref().filter(is_complete);
    account.ok_or_else(|| Outcome::Held(Need::Setting("beneficiary".into())))
}

fn bank<'a>(account: &'a Account, config: &Config) -> &'a str {
    match config.beneficiary_bank {
        BankField::Code => or(&account.bank_code, &account.bank_bin),
        BankField::Bin => or(&account.bank_bin, &account.bank_code),
    }
}

fn service_kind(purpose: Purpose, config: &Config) -> Result<String, Outcome> {
    match purpose {
        Purpose::Fee => Ok(config.fee_service_kind.clone()),
        Purpose::Fine => Ok(config.fine_service_kind.clone()),
        Purpose::Tax => config
            .tax_service_kind
            .clone()
            .ok_or_else(|| Outcome::Held(Need::Setting("tax_service_kind".into()))),
    }
}

/// Who pays: the payer as requested, or the applicant as a whole; never one's name with the other's number.
fn payer(payment: &Payment, applicant: Option<&Applicant>) -> Result<Payer, Outcome> {
    if !payment.payer.name.trim().is_empty() {
        return Ok(payment.payer.clone());
    }
    match applicant.filter(|applicant| !applicant.name.trim().is_empty()) {
        Some(applicant) => Ok(Payer {
            name: applicant.name.clone(),
            id_number: applicant.id.as_ref().map(|id| id.number.clone()).unwrap_or_default(),
            address: applicant.address.clone(),
            ..Payer::default()
        }),
        None => Err(refused("payment.payer.name", "the platform asks for the payer's name")),
    }
}

fn fee_line(line: &PaymentLine, payment: &Payment, config: &Config) -> FeeLine {
    let kind = match line.kind {
        LineKind::Charge => "1",
        LineKind::Fee | LineKind::Tax | LineKind::Fine => "2",
        LineKind::Postage => &config.postage_line_kind,
    };
    let code = or(&line.code, line.fee_id.as_deref().unwrap_or_default());
    FeeLine {
        LoaiPhiLePhi: kind.to_owned(),
        MaPhiLePhi: or(code, &config.missing_fee_code).to_owned(),
        TenPhiLePhi: line_name(line, payment),
        SoTien: line.amount.to_string(),
    }
}

fn item(line: &PaymentLine, payment: &Payment) -> Item {
    Item { NoiDung: line_name(line, payment), SoTien: line.amount.to_string() }
}

fn line_name(line: &PaymentLine, payment: &Payment) -> String {
    [&line.name, &payment.description, &line.code]
        .into_iter()
        .find(|text| !text.trim().is_empty())
        .map_or_else(|| "Thanh toán hồ sơ".to_owned(), ToString::to_string)
}

fn content(payment: &Payment) -> String {
    if !payment.description.trim().is_empty() {
        return payment.description.clone();
    }
    let names: Vec<String> = payment.lines.iter().map(|line| line_name(line, payment)).collect();
    names.join("; ")
}

fn or<'a>(text: &'a str, otherwise: &'a str) -> &'a str {
    if text.trim().is_empty() { otherwise } else { text }
}

fn cut(name: &str) -> String {
    if name.chars().count() <= NAME.0 {
        return name.to_owned();
    }
    name.chars().take(NAME.1).chain("...".chars()).collect()
}
