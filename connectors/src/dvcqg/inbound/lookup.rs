//! `search/call`: the portal asks about a dossier of the province (contract 8.5). A flat answer without `error_code`; a
//! failure has it as text.

use jiff::Timestamp;
use lienthong_core::{
    catalogue::{Book, Table},
    clock::business,
    dossier::DossierState,
    event::data::{ApplicantKind, ReturnBy},
};
use serde_json::{Value, json};

use crate::dvcqg::{Dvcqg, lists::first, procedure};

impl Dvcqg {
    /// What is known of the dossier, in the portal's codes; what is not known is empty.
    pub(super) fn found(&self, state: &DossierState, book: &Book, now: Timestamp) -> Value {
        let day = business(now).date();
        let config = self.with_confirmed(book, day);
        let dossier = state.dossier().unwrap_or_default();
        let stated = dossier.procedure.unwrap_or_default();
        let confirmed = book.find(&self.manifest.id, Table::Procedure, &stated.code, day);
        let configured = procedure::national(&stated.code, &config.procedures);
        let entry = configured.as_ref().and_then(|(_, entry)| *entry);
        let of = |text: Option<&String>| text.map(String::as_str).unwrap_or_default().to_owned();
        let code = match (confirmed, &configured) {
            (Some(mapping), _) => mapping.national.clone(),
            (None, Some((code, _))) => code.clone(),
            (None, None) => stated.code.clone(),
        };
        let named =
            (confirmed.map(|m| m.name.clone()).unwrap_or_default(), of(entry.and_then(|e| e.name.as_ref())));
        let unit = dossier.unit.map(|unit| {
            let ours = config.units.get(unit.code.as_str()).map(String::as_str).unwrap_or_default();
            first(&[ours, &unit.name]).to_owned()
        });
        let kind = match dossier.applicant.and_then(|applicant| applicant.kind) {
            Some(ApplicantKind::Citizen) => "1",
            Some(ApplicantKind::Business) => "2",
            Some(ApplicantKind::Agency) => "3",
            Some(ApplicantKind::Organisation) => "4",
            None => "",
        };
        let status = state.status.and_then(|status| config.status(status));
        json!({
            "MaHoSo": state.portal_code(),
            "MaTTHC": code,
            "TenTTHC": first(&[&named.0, &named.1, &stated.name]),
            "MaLinhVuc": first(&[&of(entry.and_then(|e| e.field_code.as_ref())), &stated.field_code]),
            "TenLinhVuc": first(&[&of(entry.and_then(|e| e.field_name.as_ref())), &stated.field_name]),
            "LoaiDoiTuong": kind,
            "TrangThaiHoSo": status.map(|status| status.to_string()).unwrap_or_default(),
            "HinhThuc": if dossier.return_by == Some(ReturnBy::Post) { "1" } else { "0" },
            "DonViXuLy": unit.unwrap_or_default(),
        })
    }
}
