//! The way back: whatever the forward way can send is read and goes out the same again; older clients' forms are read too.

use super::*;
use crate::dvcqg::{
    map,
    procedure::Names,
    read_back::{self, ReadDossier, Tables},
};
use lienthong_core::dossier::{Settled, SettledHow};
use proptest::{arbitrary::any, collection::vec, option, prelude::*, sample::select};

/// Settings with something in every table that the way back has to turn round.
fn tabled() -> Config {
    config(
        "http://a",
        json!({
            "units": {"000.00.09.H99": "UBND phường Hai"}, "fees": {"LP01": "P-01"}, "databases": {"dancu": "7"},
            "paper_kinds": {"original": "0", "copy": "1", "electronic": "2"}, "send_owner_number": true,
            "identity_kinds": {"passport": "3", "tax_code": "4"},
            "supplement_states": {"requested": "0", "received": "1"},
            "url_rewrite": [{"from": "http://noi-bo/", "to": "http://truc/RestService/", "query": "dstcode=x"}],
            "statuses": {"6": 4},
        }),
    )
}

fn forward(state: &DossierState, config: &Config) -> Value {
    let dossier = state.dossier().unwrap();
    let procedure = dossier.procedure.clone().unwrap();
    let mut mapped = map::dossier(state, &dossier, &procedure.code, config, &id()).unwrap();
    let Names { name, field_code, field_name } =
        Names { name: procedure.name, field_code: procedure.field_code, field_name: procedure.field_name };
    mapped.name(Names { name, field_code, field_name }, config).unwrap();
    serde_json::to_value(&mapped.dossier).unwrap()
}

fn back(wire: &Value, config: &Config) -> ReadDossier {
    read_back::dossier(wire, &Tables::of(config)).unwrap()
}

/// What a dossier is after it was read.
fn state_of(read: &ReadDossier) -> DossierState {
    let mut state = state(Value::Object(read.dossier.clone()), read.status.unwrap());
    state.supplements.clone_from(&read.supplements);
    state
}

fn text() -> BoxedStrategy<String> {
    select(vec!["", "có hai  từ", "Đăng ký khai sinh", "dòng\nmới", "\"ngoặc\"", "0", "x"])
        .prop_map(str::to_owned)
        .boxed()
}

fn moment() -> BoxedStrategy<Value> {
    let at = (0..400_000_000_i64)
        .prop_map(|second| json!(Timestamp::from_second(1_600_000_000 + second).unwrap().to_string()));
    prop_oneof![Just(Value::Null), at].boxed()
}

fn url() -> BoxedStrategy<&'static str> {
    select(vec![
        "",
        "http://noi-bo/f/1",
        "http://noi-bo/f?x=1",
        "https://khac/f",
        "khong-co",
        "http://truc/y",
    ])
    .boxed()
}

fn identity() -> BoxedStrategy<Value> {
    select(vec![
        json!({"kind": "citizen_id", "number": "080099000001"}),
        json!({"kind": "old_citizen_id", "number": "123456789"}),
        json!({"kind": "passport", "number": "B1234567"}),
        json!({"kind": "tax_code", "number": "0101234567"}),
    ])
    .boxed()
}

fn fees() -> BoxedStrategy<Value> {
    let fee = (
        select(vec!["", "LP01", "LP02"]),
        text(),
        0..3_000_000_i64,
        option::of(select(vec!["charge", "fee"])),
        option::of(select(vec!["reception", "supplement", "return"])),
        any::<(bool, bool)>(),
    );
    let fee = fee.prop_map(|(code, name, amount, kind, collected, (paid, exempt))| {
        json!({"code": code, "name": name, "amount": amount, "kind": kind, "collected_on": collected,
            "paid_elsewhere": paid, "exempt": exempt.then(|| json!({"reason": "x"}))})
    });
    vec(fee, 0..4).prop_map(numbered).boxed()
}

fn numbered(mut list: Vec<Value>) -> Value {
    for (n, item) in list.iter_mut().enumerate() {
        item["id"] = json!(format!("M{n}"));
    }
    Value::Array(list)
}

fn documents() -> BoxedStrategy<Value> {
    let document = (
        (text(), text(), url()),
        any::<(bool, bool, bool)>(),
        option::of(select(vec!["no", "data", "result"])),
        option::of(Just("KQ-1")),
    );
    let document = document.prop_map(|((name, component, url), (deleted, digitised, store), reused, replaces)| {
        json!({"name": name, "component_code": component, "url": url, "deleted": deleted, "digitised": digitised,
            "from_national_store": store, "reused": reused, "replaces_result_code": replaces})
    });
    vec(document, 0..4).prop_map(numbered).boxed()
}

fn supplements() -> BoxedStrategy<Vec<Value>> {
    let supplement = (text(), moment(), moment(), moment(), documents(), fees(), option::of(1..9_i64));
    let supplement = supplement.prop_map(|(content, asked, received, due, documents, fees, seq)| {
        json!({"seq": seq, "requested_by": content, "content": content, "requested_at": asked, "received_by": "A",
            "received_at": received, "note": "n", "documents": documents, "fees": fees, "due_before": due,
            "due_after": asked})
    });
    vec(supplement, 0..3).prop_map(|list| numbered(list).as_array().unwrap().clone()).boxed()
}

fn fields() -> BoxedStrategy<Value> {
    let words = (
        option::of(select(vec!["counter", "online", "post"])),
        option::of(select(vec!["local", "portal"])),
        option::of(select(vec!["desk", "post"])),
        select(vec!["citizen", "business", "agency", "organisation"]),
        option::of(select(vec!["portal", "gateway"])),
        any::<(bool, bool)>(),
        select(vec!["000.00.08.H99", "000.00.09.H99"]),
    );
    let people = (option::of(identity()), vec(identity(), 0..3), text(), text(), text());
    let moments = (moment(), moment(), moment(), moment(), moment());
    let papers = vec((text(), 0..5_u32, option::of(select(vec!["original", "copy", "electronic"]))), 0..3);
    let results = vec((text(), text(), url(), select(vec!["", "KQ-1"])), 0..3);
    let lists = (documents(), fees(), papers, results, vec(select(vec!["dancu", "9"]), 0..3));
    (words, people, (text(), text(), text(), text()), moments, lists)
        .prop_map(|(words, people, texts, moments, lists)| {
            let (channel, origin, return_by, kind, paid_online, (vneid, digitised), unit) = words;
            let (identity, further, phone, email, account) = people;
            // Who is named first on the wire is the owner.
            let further = if identity.is_some() { further } else { Vec::new() };
            let further: Vec<Value> = further.into_iter().map(|i| json!({ "identity": i })).collect();
            let (documents, fees, papers, results, databases) = lists;
            let papers = papers.into_iter().map(|(name, quantity, kind)| {
                json!({"name": name, "quantity": quantity, "kind": kind})
            });
            let results = results.into_iter().map(|(name, component, url, code)| {
                json!({"name": name, "component_code": component, "url": url, "code": code})
            });
            json!({"code": "000.00.08.H99-261123-0001", "unit": {"code": unit, "name": "UBND xã Mẫu"},
                "procedure": {"code": "1.001193", "name": "Đăng ký khai sinh", "field_code": "F", "field_name": "Hộ tịch"},
                "applicant": {"kind": kind, "name": "Trần Thị Mẫu", "id": identity, "phone": phone, "email": email,
                    "portal_account": account, "vneid_verified": vneid},
                "applicants": numbered(further), "channel": channel, "origin": origin, "return_by": return_by,
                "paid_online": paid_online, "digitised": digitised, "summary": texts.0, "note": texts.1,
                "receipt_no": texts.2, "return_info": texts.3, "submitted_at": moments.0,
                "received_at": "2026-11-23T08:05:00+07:00", "due_at": moments.1, "finished_at": moments.2,
                "returned_at": moments.3, "rejected_at": moments.4, "documents": documents, "fees": fees,
                "papers": numbered(papers.collect()), "results": numbered(results.collect()), "databases": databases})
        })
        .boxed()
}

fn dossier() -> BoxedStrategy<DossierState> {
    (fields(), select(PortalStatus::ALL.to_vec()), supplements(), any::<bool>())
        .prop_map(|(fields, status, supplements, is_paid)| {
            let mut fields = fields;
            fields.as_object_mut().unwrap().retain(|_, value| !value.is_null());
            let mut state = state(fields, status);
            state.supplements = supplements.into_iter().map(|s| s.as_object().unwrap().clone()).collect();
            if is_paid {
                let lines = vec![("M0".to_owned(), 5000)];
                let (amount, at, how) = (5000, now(), SettledHow::Online);
                state.settled = vec![Settled { payment: None, lines, amount, at, how }];
            }
            state
        })
        .boxed()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_goes_out_is_read_back_and_goes_out_the_same(state in dossier(), is_tabled: bool) {
        let config = if is_tabled { tabled() } else { plain() };
        let wire = forward(&state, &config);
        let read = back(&wire, &config);
        let again = forward(&state_of(&read), &config);
        prop_assert_eq!(&again, &wire, "{:?}", read);
        // Read twice it says the same: what a repeated call says is nothing new.
        prop_assert_eq!(back(&again, &config), read);
    }

    #[test]
    fn steps_are_read_back_and_go_out_the_same(
        texts in (text(), text(), text(), text()), moments in (moment(), moment()),
        status in select(PortalStatus::ALL.to_vec()),
    ) {
        prop_assume!(!texts.0.trim().is_empty());
        let at = |value: &Value| value.as_str().map(|text| text.parse().unwrap());
        let step = ProgressStep {
            at: now(), officer: texts.1, title: texts.2, department: texts.3, content: texts.0, status,
            started_at: at(&moments.0), due_at: at(&moments.1),
        };
        let (state, config) = (state(local(), status), plain());
        let sent = |step: ProgressStep| {
            let (sent, _) = map::steps(&state, &state.dossier().unwrap(), &[step], &config, &id()).unwrap();
            serde_json::to_value(&sent[0]).unwrap()
        };
        let wire = sent(step);
        let read = read_back::step(&wire, &Tables::of(&config)).unwrap();
        prop_assert_eq!(&read.left_over, &serde_json::Map::new());
        let typed: lienthong_core::event::data::Step = serde_json::from_value(Value::Object(read.step)).unwrap();
        let again = ProgressStep {
            at: typed.at, officer: typed.officer, title: typed.title, department: typed.department,
            content: typed.content, status: typed.status.unwrap(), started_at: typed.started_at, due_at: typed.due_at,
        };
        prop_assert_eq!(sent(again), wire);
    }
}

fn plain() -> Config {
    config("http://a", json!({}))
}

fn wire() -> Value {
    serde_json::from_str(include_str!("../fixtures/local.portal.json")).unwrap()
}

#[test]
fn a_dossier_on_the_wire_is_the_contracts_dossier() {
    let read = back(&wire(), &plain());
    let expected = json!({
        "code": "000.00.08.H99-261123-0001", "unit": {"code": "000.00.08.H99", "name": "UBND xã Mẫu"},
        "procedure": {"code": "1.001193", "name": "Đăng ký khai sinh", "field_code": "G15-TP01", "field_name": "Hộ tịch"},
        "applicant": {"kind": "citizen", "name": "Trần Thị Mẫu", "phone": "0900000001", "vneid_verified": true,
            "id": {"kind": "citizen_id", "number": "080099000001"}},
        "channel": "counter", "origin": "local", "summary": "Đăng ký khai sinh cho con", "receipt_no": "000001",
        "submitted_at": "2026-11-23T08:05:00+07:00", "received_at": "2026-11-23T08:05:00+07:00",
        "due_at": "2026-11-25T17:00:00+07:00", "return_by": "post",
        "documents": [{"id": "501", "name": "to-khai.pdf", "component_code": "GT-01", "deleted": false, "digitised": true,
            "url": "https://motcua.example.gov.vn/files/501", "reused": "no", "from_national_store": false}],
        "fees": [], "papers": [], "results": [], "databases": [],
    });
    assert_eq!(Value::Object(read.dossier.clone()), expected);
    assert_eq!((read.status, read.left_over.len()), (Some(PortalStatus::Received), 0));
    let core: Dossier = serde_json::from_value(Value::Object(read.dossier)).unwrap();
    assert_eq!(core.applicant.unwrap().name, "Trần Thị Mẫu");
}

#[test]
fn numbers_nulls_and_names_in_other_letters_are_read() {
    let row = json!({"mahoso": "000.00.08.H99-261123-0001", "TRANGTHAIHOSO": 4, "kenhThucHien": 2, "NgayTra": null,
        "DonViXuLy": "  ubnd  PHƯỜNG hai", "HinhThuc": 0, "DanhSachLePhi": [{"TenPhiLePhi": "Phí", "MaPhiLePhi": 1, "Gia": 30000.0}],
        "NgayTiepNhan": "00010101000000"});
    let mut row = row;
    row["DanhSachLePhi"][0]["Gia"] = json!("30.000");
    let read = back(&row, &tabled());
    assert_eq!(read.status, Some(PortalStatus::Processing));
    assert_eq!(read.dossier["channel"], "online");
    assert_eq!(read.dossier["unit"]["code"], "000.00.09.H99", "by its name");
    assert_eq!(read.dossier["fees"][0]["amount"], 30_000);
    assert_eq!(read.dossier["fees"][0]["paid_elsewhere"], true);
    assert!(!read.dossier.contains_key("received_at"), "a date before all dossiers is none");
}

#[test]
fn what_has_no_place_is_kept_by_its_name_and_nothing_is_invented() {
    let mut row = wire();
    row["ThongTinKhac"] = json!("gì đó");
    row["Fax"] = json!("0900000001");
    row["TruongLa"] = json!({"a": 1});
    row["TaiLieuNop"][0]["Hash"] = json!("abc");
    row["DuocThanhToanTrucTuyen"] = json!("3");
    row["DinhDanhCHS"] = json!([{"LoaiDinhDanh": "2", "SoDinhDanh": "000000001"}]);
    row["SoGiayToChuHoSo"] = json!("");
    let read = back(&row, &plain());
    let left = json!({"ThongTinKhac": "gì đó", "TruongLa": {"a": 1}, "TaiLieuNop[0].Hash": "abc",
        "DuocThanhToanTrucTuyen": "3", "DinhDanhCHS[0].SoDinhDanh": "000000001"});
    assert_eq!(Value::Object(read.left_over), left);
    assert!(read.dossier["applicant"].get("id").is_none() && !read.dossier.contains_key("paid_online"));
    // One client puts the identity number where the portal's account belongs.
    let mut row = wire();
    row["MaDoiTuong"] = json!("080099000001");
    let read = back(&row, &plain());
    assert!(read.dossier["applicant"].get("portal_account").is_none());
    assert_eq!(Value::Object(read.left_over), json!({"MaDoiTuong": "080099000001"}));
}

#[test]
fn what_cannot_be_read_names_its_field() {
    for (field, value, named) in [
        ("MaHoSo", json!("1234"), "MaHoSo"),
        ("MaHoSo", Value::Null, "MaHoSo"),
        ("TrangThaiHoSo", json!("12"), "TrangThaiHoSo"),
        ("NgayTiepNhan", json!("hôm qua"), "NgayTiepNhan"),
        ("DanhSachLePhi", json!([{"Gia": "không"}]), "DanhSachLePhi[0].Gia"),
        ("TaiLieuNop", json!("x"), "TaiLieuNop"),
        ("ChuHoSo", json!({}), "ChuHoSo"),
    ] {
        let mut row = wire();
        row[field] = value;
        let error = read_back::dossier(&row, &Tables::of(&plain())).unwrap_err();
        assert_eq!(error.field, named);
    }
    assert_eq!(read_back::dossier(&json!([]), &Tables::default()).unwrap_err().field, "");
    let step =
        json!({"MaHoSo": "000.00.08.H99-261123-0001", "ThoiDiemXuLy": "20261123080500", "NoiDungXuLy": " "});
    assert_eq!(read_back::step(&step, &Tables::default()).unwrap_err().field, "NoiDungXuLy");
}

#[test]
fn what_the_wire_does_not_name_is_as_it_was_known() {
    let known = local();
    let mut row = wire();
    let fields = row.as_object_mut().unwrap();
    for gone in ["TaiLieuNop", "SoDienThoai", "NgayHenTra"] {
        fields.remove(gone);
    }
    fields.insert("SoBienNhan".into(), json!(""));
    let whole = back(&row, &plain()).over(known.as_object());
    assert_eq!(whole["documents"], known["documents"], "not named: kept");
    assert_eq!((&whole["applicant"]["phone"], &whole["due_at"]), (&json!("0900000001"), &known["due_at"]));
    assert!(!whole.contains_key("receipt_no"), "named as empty: gone");
    assert_eq!(whole["lookup_secret"], "7K3M", "the wire has no name for it");
    let again = back(&row, &plain()).over(Some(&whole));
    assert_eq!(again, whole, "said twice it is nothing new");
}
