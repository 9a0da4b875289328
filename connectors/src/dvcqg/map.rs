//! A task -> the portal's dossier or steps, pure. What the portal requires and the event does not give is refused or held
//! here, before anything is sent.

use lienthong_core::{
    dossier::DossierState,
    event::data::{Applicant, ApplicantKind, Channel, Dossier, PaidOnline, ReturnBy},
    id::ConnectorId,
    need::Need,
    operation::ProgressStep,
    outcome::{Cause, Outcome, Refusal},
    status::PortalStatus,
};

use super::{
    config::Config,
    lists::{self, date, first},
    notes::Notes,
    procedure::Names,
    wire::{HoSo, TienDo, TrangThaiHoSo},
};

/// A dossier ready to be sent, but for the procedure's names.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Mapped {
    pub(super) dossier: HoSo,
    pub(super) notes: Notes,
}

/// Something that the portal requires and we do not have: certainly not sent.
pub(super) fn lacks(field: &str, said: &str) -> Outcome {
    Outcome::Refused(Refusal {
        cause: Cause::DataRefused,
        code: "local".to_owned(),
        said: format!("{field}: {said}"),
        field: Some(field.to_owned()),
    })
}

/// An entry of a mapping table that is missing.
pub(super) fn unmapped(connector: &ConnectorId, table: &str, code: &str) -> Outcome {
    let (connector, table, code) = (connector.to_string(), table.to_owned(), code.to_owned());
    Outcome::Held(Need::Mapping { connector, table, code })
}

/// The status number as text.
pub(super) fn status(
    config: &Config,
    connector: &ConnectorId,
    status: PortalStatus,
) -> Result<String, Outcome> {
    let code = config.status(status).map(|c| c.to_string());
    code.ok_or_else(|| unmapped(connector, "status", &status.code().to_string()))
}

/// Values that must not appear in what we store of the partner's words.
pub(super) fn personal(dossier: &Dossier) -> Vec<String> {
    let mut out = Vec::new();
    for person in [dossier.applicant.as_ref(), dossier.submitter.as_ref()].into_iter().flatten() {
        let Applicant { name, phone, email, address, portal_account, id, .. } = person;
        out.extend([name, phone, email, address, portal_account].map(Clone::clone));
        out.extend(id.iter().map(|i| i.number.clone()));
    }
    for person in &dossier.applicants {
        out.push(person.name.clone());
        out.extend(person.identity.iter().map(|i| i.number.clone()));
    }
    out
}

fn unit_name(dossier: &Dossier, config: &Config, connector: &ConnectorId) -> Result<String, Outcome> {
    let unit = dossier.unit.as_ref().ok_or_else(|| lacks("DonViXuLy", "the dossier names no unit"))?;
    let name = first(&[config.units.get(unit.code.as_str()).map_or("", String::as_str), &unit.name]);
    if name.is_empty() { Err(unmapped(connector, "unit", unit.code.as_str())) } else { Ok(name.to_owned()) }
}

/// The whole dossier with the national code of its procedure; names follow by [`Mapped::name`].
pub(super) fn dossier(
    state: &DossierState,
    dossier: &Dossier,
    procedure: &str,
    config: &Config,
    connector: &ConnectorId,
) -> Result<Mapped, Outcome> {
    let mut notes = Notes::default();
    let applicant = dossier.applicant.clone().unwrap_or_default();
    if applicant.name.trim().is_empty() {
        return Err(lacks("ChuHoSo", "the owner has no name"));
    }
    let kind = match applicant.kind {
        Some(ApplicantKind::Citizen) => "1",
        Some(ApplicantKind::Business) => "2",
        Some(ApplicantKind::Agency) => "3",
        Some(ApplicantKind::Organisation) => "4",
        None => return Err(lacks("LoaiDoiTuong", "it is not said what the owner is")),
    };
    let stated = state.status.ok_or_else(|| lacks("TrangThaiHoSo", "nothing was said of the status yet"))?;
    let status = status(config, connector, stated)?;
    let submitted = dossier.submitted_at.or(dossier.received_at);
    let submitted = submitted.ok_or_else(|| lacks("NgayNopHoSo", "neither handed in nor received"))?;
    // The portal counts no dossier without it; only what was never received may lack it.
    if dossier.received_at.is_none() && !["1", "3", "7"].contains(&status.as_str()) {
        return Err(lacks("NgayTiepNhan", "the dossier was not received"));
    }
    let is_born_there = state.is_portal_born();
    let channel = channel(state, dossier);
    if dossier.channel.is_none() {
        notes.assumed("KenhThucHien", if is_born_there { "online" } else { "counter" });
    }
    let text = |value: &Option<String>| value.as_deref().unwrap_or_default().trim().to_owned();
    let supplements = state.supplements();
    let supplements =
        supplements.map_err(|e| lacks("DanhSachHoSoBoSung", &format!("cannot be read: {e}")))?;
    let settled = lists::without_supplements(&state.settled, &dossier.fees, &supplements);
    let mapped = HoSo {
        MaHoSo: state.portal_code().to_string(),
        MaTTHC: procedure.to_owned(),
        SoBienNhan: text(&dossier.receipt_no),
        KenhThucHien: match channel {
            Channel::Counter => "1",
            Channel::Online => "2",
            Channel::Post => "3",
        }
        .to_owned(),
        ChuHoSo: applicant.name.trim().to_owned(),
        SoGiayToChuHoSo: config
            .send_owner_number
            .then(|| applicant.id.as_ref().map(|i| i.number.trim().to_owned()).unwrap_or_default()),
        LoaiDoiTuong: kind.to_owned(),
        MaDoiTuong: account_of(dossier, channel),
        Email: applicant.email.trim().to_owned(),
        SoDienThoai: applicant.phone.trim().to_owned(),
        TrichYeuHoSo: notes.cut("TrichYeuHoSo", &text(&dossier.summary), config.lengths.summary),
        NgayNopHoSo: date(Some(submitted)),
        NgayTiepNhan: date(dossier.received_at),
        NgayHenTra: date(dossier.due_at),
        TrangThaiHoSo: status,
        NgayTra: date(dossier.returned_at),
        NgayTuChoi: if stated == PortalStatus::Rejected { date(rejected_at(state)) } else { String::new() },
        ThongTinTra: text(&dossier.return_info),
        HinhThuc: if dossier.return_by == Some(ReturnBy::Post) { "1" } else { "0" }.to_owned(),
        NgayKetThucXuLy: date(dossier.finished_at),
        DonViXuLy: unit_name(dossier, config, connector)?,
        GhiChu: notes.cut("GhiChu", &text(&dossier.note), config.lengths.note),
        NoiNopHoSo: if is_born_there { &config.origins.portal } else { &config.origins.local }.clone(),
        HoSoCoThanhPhanSoHoa: flag(
            dossier.digitised || dossier.documents.iter().any(|d| d.digitised && !d.deleted),
        ),
        TaiKhoanDuocXacThucVoiVNeID: flag(applicant.vneid_verified),
        // What we know goes before what the source states.
        DuocThanhToanTrucTuyen: match dossier.paid_online {
            _ if lists::is_paid_online(&state.settled) => config.online_payment_code.as_str(),
            Some(PaidOnline::Portal) => "1",
            Some(PaidOnline::Gateway) => "2",
            None => "0",
        }
        .to_owned(),
        DinhDanhCHS: lists::identities(dossier, config, &mut notes),
        DSKetNoiCSDL: lists::databases(&dossier.databases, config),
        TaiLieuNop: lists::documents(&dossier.documents, "TaiLieuNop", config, &mut notes),
        DanhSachLePhi: lists::fees(&dossier.fees, &settled, config, &mut notes),
        DanhSachTepDinhKemKhac: lists::papers(&dossier.papers, config, &mut notes),
        DanhSachHoSoBoSung: lists::supplements(&supplements, &state.settled, config, &mut notes),
        DanhSachGiayToKetQua: lists::results(&dossier.results, config, &mut notes),
        ..HoSo::default()
    };
    Ok(Mapped { dossier: mapped, notes })
}

/// How it was handed in. What the event does not say follows from where the dossier was born.
pub(super) fn channel(state: &DossierState, dossier: &Dossier) -> Channel {
    let by_birth = || if state.is_portal_born() { Channel::Online } else { Channel::Counter };
    dossier.channel.unwrap_or_else(by_birth)
}

/// The owner's account at the portal, of online dossiers only.
fn account_of(dossier: &Dossier, channel: Channel) -> String {
    let account = dossier.applicant.as_ref().map(|a| a.portal_account.trim().to_owned());
    account.filter(|_| channel == Channel::Online).unwrap_or_default()
}

/// The status of a dossier born on the portal, as this service's own table has it. None: by configuration the portal is
/// not told of it.
pub(super) fn born_status(
    state: &DossierState,
    dossier: &Dossier,
    config: &Config,
    connector: &ConnectorId,
) -> Result<Option<(TrangThaiHoSo, Notes)>, Outcome> {
    let mut notes = Notes::default();
    let stated = state.status.ok_or_else(|| lacks("TrangThai", "nothing was said of the status yet"))?;
    let code = stated.code().to_string();
    let told = match config.born_statuses.get(&code) {
        Some(0) => return Ok(None),
        Some(told) => told.to_string(),
        None => return Err(unmapped(connector, "born_status", &code)),
    };
    let (own, there) = (dossier.code.as_ref().unwrap_or(&state.code), state.portal_code());
    let status = TrangThaiHoSo {
        MaHoSo: there.to_string(),
        // A dossier that the one-stop system keeps under the portal's code has no other.
        MaHoSoDonVi: if *own == there { String::new() } else { own.to_string() },
        MaDoiTuong: account_of(dossier, channel(state, dossier)),
        NoiDung: notes.cut(
            "NoiDung",
            state.status_from.as_ref().map_or("", |from| from.content.as_str()),
            config.lengths.note,
        ),
        NgayXuLy: date(Some(status_at(state, dossier, stated, &mut notes)?)),
        TrangThai: told,
        TaiLieuXuLy: lists::processing_documents(&dossier.results, config, &mut notes),
    };
    Ok(Some((status, notes)))
}

/// When the status came; states stored before that was kept have only the dossier's dates.
fn status_at(
    state: &DossierState,
    dossier: &Dossier,
    status: PortalStatus,
    notes: &mut Notes,
) -> Result<jiff::Timestamp, Outcome> {
    if let Some(from) = &state.status_from {
        return Ok(from.at);
    }
    let own = match status {
        PortalStatus::Registered => dossier.submitted_at,
        PortalStatus::Received => dossier.received_at,
        PortalStatus::Finished => dossier.finished_at,
        PortalStatus::Returned => dossier.returned_at,
        PortalStatus::Rejected
        | PortalStatus::Processing
        | PortalStatus::SupplementRequested
        | PortalStatus::FeeRequested
        | PortalStatus::Withdrawn
        | PortalStatus::Stopped => None,
    };
    if let Some(at) = own {
        return Ok(at);
    }
    let last = dossier.received_at.or(dossier.submitted_at);
    let last = last.ok_or_else(|| lacks("NgayXuLy", "nothing says when the status came"))?;
    notes.assumed("NgayXuLy", "the date of reception");
    Ok(last)
}

fn flag(is: bool) -> String {
    if is { "1" } else { "0" }.to_owned()
}

/// The moment of the rejection: as the source states it beside the contract's fields, else when the status came.
fn rejected_at(state: &DossierState) -> Option<jiff::Timestamp> {
    let stated = state.fields.get("rejected_at").and_then(|at| at.as_str()?.parse().ok());
    stated.or_else(|| state.status_from.as_ref().map(|from| from.at))
}

impl Mapped {
    /// Puts in the names of procedure and field. A dossier without a summary is summed up by its procedure.
    pub(super) fn name(&mut self, names: Names, config: &Config) -> Result<(), Outcome> {
        for (field, value) in
            [("TenTTHC", &names.name), ("MaLinhVuc", &names.field_code), ("TenLinhVuc", &names.field_name)]
        {
            if value.is_empty() {
                return Err(lacks(field, "neither the mapping nor the portal nor the event gives it"));
            }
        }
        if self.dossier.TrichYeuHoSo.is_empty() {
            self.notes.assumed("TrichYeuHoSo", "the procedure's name");
            self.dossier.TrichYeuHoSo = self.notes.cut("TrichYeuHoSo", &names.name, config.lengths.summary);
        }
        (self.dossier.TenTTHC, self.dossier.MaLinhVuc, self.dossier.TenLinhVuc) =
            (names.name, names.field_code, names.field_name);
        Ok(())
    }
}

/// Steps ready to be sent. The same payload and dossier version give the same bytes.
pub(super) fn steps(
    state: &DossierState,
    dossier: &Dossier,
    steps: &[ProgressStep],
    config: &Config,
    connector: &ConnectorId,
) -> Result<(Vec<TienDo>, Notes), Outcome> {
    let (mut notes, mut out) = (Notes::default(), Vec::with_capacity(steps.len()));
    let code = state.portal_code().to_string();
    for (index, step) in steps.iter().enumerate() {
        let content = step.content.trim();
        if content.is_empty() {
            return Err(lacks("NoiDungXuLy", "a step without content"));
        }
        let officer = match first(&[&step.officer, &step.department]) {
            "" => unit_name(dossier, config, connector)?,
            officer => officer.to_owned(),
        };
        out.push(TienDo {
            MaHoSo: code.clone(),
            NguoiXuLy: notes.cut(&format!("data[{index}].NguoiXuLy"), &officer, config.lengths.officer),
            ChucDanh: step.title.trim().to_owned(),
            ThoiDiemXuLy: date(Some(step.at)),
            PhongBanXuLy: step.department.trim().to_owned(),
            NoiDungXuLy: content.to_owned(),
            TrangThai: status(config, connector, step.status)?,
            NgayBatDau: date(step.started_at),
            NgayKetThucTheoQuyDinh: date(step.due_at),
        });
    }
    Ok((out, notes))
}
