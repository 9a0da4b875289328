//! Task -> dossier and steps: golden pairs, limits, what is refused or held before anything is sent.

use super::*;
use crate::dvcqg::{map, notes::Notes, procedure::Names};
use lienthong_core::{
    dossier::{Settled, SettledHow},
    need::Need,
    outcome::Refusal,
};

fn mapped(state: &DossierState, config: &Config) -> Result<Value, Outcome> {
    with_notes(state, config).map(|(dossier, _)| dossier)
}

fn with_notes(state: &DossierState, config: &Config) -> Result<(Value, Value), Outcome> {
    let dossier = state.dossier().unwrap();
    let procedure = dossier.procedure.clone().unwrap();
    let mut mapped = map::dossier(state, &dossier, &procedure.code, config, &id())?;
    let is_born = state.is_portal_born();
    let names = if is_born {
        Names {
            name: "Đăng ký biến động".into(),
            field_code: "G14-DD01".into(),
            field_name: "Đất đai".into(),
        }
    } else {
        Names { name: procedure.name, field_code: procedure.field_code, field_name: procedure.field_name }
    };
    mapped.name(names, config)?;
    Ok((serde_json::to_value(&mapped.dossier).unwrap(), facts(&mapped.notes)))
}

fn facts(notes: &Notes) -> Value {
    let mut facts = serde_json::Map::new();
    notes.write(&mut facts);
    Value::Object(facts)
}

fn plain() -> Config {
    config("http://a", json!({}))
}

fn born() -> DossierState {
    let fields = serde_json::from_str(include_str!("../fixtures/born.dossier.json")).unwrap();
    let mut state = state(fields, PortalStatus::Returned);
    state.settled = vec![Settled {
        payment: Some("TT-1".into()),
        lines: vec![
            ("PHI1".into(), 300_000),
            ("F1".into(), 200_000),
            ("PBS".into(), 20_000),
            ("KHAC".into(), 1),
        ],
        amount: 520_001,
        at: now(),
        how: SettledHow::Online,
    }];
    let supplement = json!({"id": "S1", "seq": 3, "requested_by": "Lê Văn Mẫu", "content": "Thiếu sơ đồ",
        "requested_at": "2026-11-24T09:00:00+07:00", "received_by": "Một Cửa", "received_at": "2026-11-25T09:00:00+07:00",
        "note": "đã đủ", "documents": [{"id": "9", "name": "so-do-moi.pdf", "url": "http://noi-bo/files/9"}],
        "fees": [{"id": "PBS", "kind": "charge", "code": "PBS", "name": "Phí bổ sung", "amount": 20000, "collected_on": "supplement"}],
        "due_before": "2026-12-03T17:00:00+07:00", "due_after": "2026-12-05T17:00:00+07:00"});
    state.merge_supplement(supplement.as_object().unwrap());
    state.merge_supplement(json!({"id": "S2", "note": "tự nộp thêm"}).as_object().unwrap());
    state
}

fn rewriting() -> Config {
    config(
        "http://a",
        json!({"url_rewrite": [{"from": "http://noi-bo/", "to": "http://adapter/f/"}], "fees": {"PHI1": "9"},
            "paper_kinds": {"original": "0"}, "units": {"000.00.08.H99": "UBND xã Mẫu"}}),
    )
}

#[test]
fn the_contracts_example_becomes_the_portals_dossier() {
    let expected: Value = serde_json::from_str(include_str!("../fixtures/local.portal.json")).unwrap();
    let (dossier, notes) = with_notes(&state(local(), PortalStatus::Received), &plain()).unwrap();
    assert_eq!(dossier, expected);
    assert_eq!(notes, json!({}));
}

#[test]
fn a_full_portal_born_dossier_is_sent_under_the_portals_code_with_every_list() {
    let expected: Value = serde_json::from_str(include_str!("../fixtures/born.portal.json")).unwrap();
    let (dossier, notes) = with_notes(&born(), &rewriting()).unwrap();
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&dossier[field], value, "{field}");
    }
    assert_eq!(dossier, expected);
    let left_out = notes["left_out"].to_string();
    for part in
        ["kind of identity", "not 12 digits", "TaiLieuNop[2]", "DanhSachHoSoBoSung[1]", "does not list"]
    {
        assert!(left_out.contains(part), "{part} in {left_out}");
    }
    for personal in ["0100000001", "Sai Số", "123"] {
        assert!(!left_out.contains(personal), "{personal}");
    }
}

#[test]
fn unpaid_fees_go_out_only_by_configuration_and_desk_money_is_not_online() {
    let mut paid = state(local(), PortalStatus::Received);
    let rows = |state: &DossierState, more| mapped(state, &config("http://a", more)).unwrap();
    assert_eq!(rows(&paid, json!({}))["DanhSachLePhi"], json!([]));
    assert_eq!(rows(&paid, json!({"send_unpaid_fees": true}))["DanhSachLePhi"][0]["Gia"], "8000");
    paid.settled = vec![Settled {
        payment: None,
        lines: vec![("LP01".into(), 8000)],
        amount: 8000,
        at: now(),
        how: SettledHow::Desk,
    }];
    let dossier = rows(&paid, json!({}));
    assert_eq!(
        (&dossier["DanhSachLePhi"][0]["Gia"], &dossier["DuocThanhToanTrucTuyen"]),
        (&json!("8000"), &json!("0"))
    );
    paid.settled[0].how = SettledHow::Online;
    assert_eq!(rows(&paid, json!({"online_payment_code": "1"}))["DuocThanhToanTrucTuyen"], "1");
}

#[test]
fn long_texts_are_cut_visibly_and_noted() {
    let mut fields = local();
    fields["note"] = json!("ă".repeat(2000));
    fields["summary"] = json!("x".repeat(1000));
    fields["documents"][0]["name"] = json!("y".repeat(4001));
    let (dossier, notes) = with_notes(&state(fields, PortalStatus::Received), &plain()).unwrap();
    let note = dossier["GhiChu"].as_str().unwrap();
    assert_eq!((note.chars().count(), note.ends_with('…')), (1999, true));
    assert_eq!(dossier["TrichYeuHoSo"].as_str().unwrap().len(), 1000);
    assert_eq!(dossier["TaiLieuNop"][0]["TenTepDinhKem"].as_str().unwrap().chars().count(), 4000);
    assert_eq!(notes["cut"], json!(["GhiChu", "TaiLieuNop[0].TenTepDinhKem"]));
}

#[test]
fn a_dossier_without_a_summary_is_summed_up_by_its_procedure() {
    let mut fields = local();
    fields["summary"] = json!("");
    let (dossier, notes) = with_notes(&state(fields, PortalStatus::Received), &plain()).unwrap();
    assert_eq!(dossier["TrichYeuHoSo"], "Đăng ký khai sinh");
    assert!(notes["assumed"][0].as_str().unwrap().starts_with("TrichYeuHoSo"));
}

#[test]
fn what_the_portal_requires_is_refused_locally_by_name() {
    let table = [
        ("/applicant/name", json!(" "), "ChuHoSo"),
        ("/applicant/kind", Value::Null, "LoaiDoiTuong"),
        ("/received_at", Value::Null, "NgayTiepNhan"),
        ("/unit", Value::Null, "DonViXuLy"),
        ("/procedure/name", json!(""), "TenTTHC"),
    ];
    for (at, value, field) in table {
        let mut fields = local();
        *fields.pointer_mut(at).unwrap() = value;
        let outcome = mapped(&state(fields, PortalStatus::Received), &plain()).unwrap_err();
        let Outcome::Refused(Refusal { cause, code, field: named, .. }) = outcome else {
            panic!("{outcome:?}")
        };
        assert_eq!((cause, code.as_str(), named.as_deref()), (Cause::DataRefused, "local", Some(field)));
    }
    let mut fields = local();
    (fields["submitted_at"], fields["received_at"]) = (Value::Null, Value::Null);
    let outcome = mapped(&state(fields, PortalStatus::Registered), &plain()).unwrap_err();
    assert!(matches!(outcome, Outcome::Refused(r) if r.field.as_deref() == Some("NgayNopHoSo")));
}

#[test]
fn a_registered_or_rejected_dossier_may_lack_the_reception() {
    let mut fields = local();
    fields["received_at"] = Value::Null;
    fields["rejected_at"] = json!("2026-11-23T09:00:00+07:00");
    let dossier = mapped(&state(fields.clone(), PortalStatus::Registered), &plain()).unwrap();
    assert_eq!((&dossier["NgayTiepNhan"], &dossier["NgayTuChoi"]), (&json!(""), &json!("")));
    let dossier = mapped(&state(fields, PortalStatus::Rejected), &plain()).unwrap();
    assert_eq!((&dossier["TrangThaiHoSo"], &dossier["NgayTuChoi"]), (&json!("3"), &json!("20261123090000")));
}

#[test]
fn missing_entries_of_tables_hold_the_operation() {
    let outcome = mapped(
        &state(local(), PortalStatus::FeeRequested),
        &config("http://a", json!({"statuses": {"6": 0}})),
    );
    let need = Need::Mapping { connector: "portal".into(), table: "status".into(), code: "6".into() };
    assert_eq!(outcome.unwrap_err(), Outcome::Held(need));
    let config = config("http://a", json!({"statuses": {"6": 4}}));
    assert_eq!(mapped(&state(local(), PortalStatus::FeeRequested), &config).unwrap()["TrangThaiHoSo"], "4");
    let mut fields = local();
    fields["unit"]["name"] = json!("");
    let need =
        Need::Mapping { connector: "portal".into(), table: "unit".into(), code: "000.00.08.H99".into() };
    assert_eq!(mapped(&state(fields, PortalStatus::Received), &plain()).unwrap_err(), Outcome::Held(need));
}

#[test]
fn only_well_formed_national_codes_pass_without_an_entry() {
    use crate::dvcqg::procedure::national;
    let procedures = Procedures::default();
    for code in ["1.001193", "2.002492.000.00.00.H56", "2.002621.H56"] {
        assert_eq!(national(code, &procedures).unwrap().0, code);
    }
    for code in ["", "TT-01", "1.01193", "1.001193.", "10.001193", "1.001193.-"] {
        assert!(national(code, &procedures).is_none(), "{code}");
    }
    let none = Procedures { passthrough_national: false, ..Procedures::default() };
    assert!(national("1.001193", &none).is_none());
}

#[test]
fn a_step_always_names_somebody_and_nobody_invented() {
    let state = state(local(), PortalStatus::Processing);
    let dossier = state.dossier().unwrap();
    let officer = |officer: &str, department: &str| {
        let step =
            ProgressStep { officer: officer.into(), department: department.into(), ..step("Thẩm định") };
        let (steps, notes) = map::steps(&state, &dossier, &[step], &plain(), &id()).unwrap();
        (steps[0].NguoiXuLy.clone(), facts(&notes))
    };
    assert_eq!(officer("Lê Văn Mẫu", "Phòng A").0, "Lê Văn Mẫu");
    assert_eq!(officer("", "Phòng A").0, "Phòng A");
    assert_eq!(officer(" ", "").0, "UBND xã Mẫu");
    let (cut, notes) = officer(&"N".repeat(51), "");
    assert_eq!((cut.chars().count(), cut.ends_with('…')), (50, true));
    assert_eq!(notes["cut"], json!(["data[0].NguoiXuLy"]));
}

#[test]
fn a_step_becomes_the_documented_object() {
    let state = state(local(), PortalStatus::Processing);
    let step =
        ProgressStep {
            started_at: Some(now()), title: "Chuyên viên".into(), ..step("Thẩm định hồ sơ")
        };
    let (steps, _) = map::steps(&state, &state.dossier().unwrap(), &[step], &plain(), &id()).unwrap();
    let expected = r#"{"MaHoSo":"000.00.08.H99-261123-0001","NguoiXuLy":"Lê Văn Mẫu","ChucDanh":"Chuyên viên","ThoiDiemXuLy":"20261123081000","PhongBanXuLy":"Bộ phận một cửa","NoiDungXuLy":"Thẩm định hồ sơ","TrangThai":"4","NgayBatDau":"20261123081000","NgayKetThucTheoQuyDinh":""}"#;
    assert_eq!(serde_json::to_string(&steps[0]).unwrap(), expected);
}
