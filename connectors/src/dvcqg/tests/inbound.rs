//! What the portal sends to the province: read, judged and answered as the contract says (8), and the pitfalls of those who
//! did it before (10.13, 10.20).

use super::*;
use crate::dvcqg::inbound::fetch::{Way, allowed};
use lienthong_core::{
    catalogue::Book,
    event::data::Dossier as Contract,
    port::{
        connector::CallbackRequest,
        inbound::{
            Became, FileSource, Inbound, InboundRequest, InboundResult, Item, Known, Message, Said, Unread,
        },
    },
};
use lienthong_mocks::portal::sender;
use serde::Deserialize;
use std::net::IpAddr;

const CODE: &str = "G22.99-261122-000001";

fn door(more: Value) -> Dvcqg {
    let mut inbound = json!({"trust_network": true});
    inbound.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    portal_with("http://10.0.0.5:8080", json!({"inbound": inbound}))
}

fn request(path: &str, body: &Value) -> InboundRequest {
    raw(path, body.to_string().into_bytes())
}

fn raw(path: &str, body: Vec<u8>) -> InboundRequest {
    let http = CallbackRequest { path: path.to_owned(), query: String::new(), headers: Vec::new(), body };
    InboundRequest { peer: None, http }
}

fn messages(portal: &Dvcqg, request: &InboundRequest) -> Vec<Message> {
    let Said::News(items) = portal.read(request).unwrap() else { panic!("a question") };
    let message = |item| match item {
        Item::Message(message) => *message,
        Item::Faulty { subject, said } => panic!("{subject}: {said}"),
    };
    items.into_iter().map(message).collect()
}

fn invalid(portal: &Dvcqg, request: &InboundRequest) -> String {
    match portal.read(request) {
        Err(Unread::Invalid(said)) => said,
        other => panic!("{other:?}"),
    }
}

fn envelope(service: &str, data: &Value) -> Value {
    json!({"service": service, "isUpdating": "False", "data": data})
}

fn notices(xml: &str) -> InboundRequest {
    let coded = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, xml);
    request("nhantbthuedvcqg", &envelope("NhanThongBaoThueDat", &json!({"FileThongBaoThue": coded})))
}

fn answered(portal: &Dvcqg, path: &str, result: &InboundResult) -> (u16, Value) {
    let answer = portal.answer(&request(path, &json!({})), result);
    (answer.status, serde_json::from_str(&answer.body).unwrap_or(Value::String(answer.body)))
}

#[test]
fn a_promotion_becomes_a_dossier_with_its_files_and_the_rest_beside_it() {
    let units = json!({"units": {"2.000033": "000.00.05.H99"}});
    let mut all = messages(&door(units), &request("addtthcKhuyenMai", &sender::promotion(CODE)));
    let message = all.pop().unwrap();
    assert_eq!((message.name, message.subject.as_str()), ("portal.dossier_submitted", CODE));
    assert_eq!((&message.identity, &message.known), (&format!("submitted:{CODE}"), &Known::Nothing));
    assert_eq!(message.unit.unwrap().as_str(), "000.00.05.H99");
    let dossier = Contract::deserialize(&message.data["dossier"]).unwrap();
    assert_eq!(dossier.portal_code.unwrap().as_str(), CODE);
    assert_eq!(dossier.applicant.unwrap().id.unwrap().number, "0300000001");
    assert_eq!(message.data["dossier"]["submitted_at"], "2026-11-22T01:15:00Z");
    assert_eq!(message.data["dossier"]["origin"], "portal");
    assert_eq!(message.data["promotion"]["NoiDungChiTiet"], "Giảm 20%");
    assert_eq!(message.data["promotion"].get("TepDonDangKy"), None, "files are files");
    let files: Vec<_> = message.files.iter().map(|f| (f.name.as_str(), f.at.as_deref().unwrap())).collect();
    let wanted = [("đơn đăng ký.pdf", "/dossier/documents/0"), ("the-le.pdf", "/dossier/documents/1")];
    assert_eq!(files, wanted);
    assert_eq!(message.files[0].source, FileSource::Content(sender::PDF.into(), "application/pdf"));
}

#[test]
fn a_promotion_without_what_is_mandatory_or_of_a_procedure_that_is_not_ours_is_refused_by_name() {
    for field in ["MaHoSo", "MaTTHC", "MaSoThue", "TenThuongNhan"] {
        let mut body = sender::promotion(CODE);
        body[field] = json!("");
        assert!(invalid(&door(json!({})), &request("addtthcKhuyenMai", &body)).contains(field));
    }
    let body = sender::promotion("không phải mã");
    assert!(invalid(&door(json!({})), &request("addtthcKhuyenMai", &body)).contains("MaHoSo"));
    let elsewhere = door(json!({"units": {"1.009999": "000.00.05.H99"}}));
    let said = invalid(&elsewhere, &request("addtthcKhuyenMai", &sender::promotion(CODE)));
    assert!(said.contains("MaTTHC"), "{said}");
    let mut body = sender::promotion(CODE);
    body["TaiLieuNop"] = vec![body["TaiLieuNop"][0].clone(); 501].into();
    assert!(invalid(&door(json!({})), &request("addtthcKhuyenMai", &body)).contains("500"));
    let mut body = sender::promotion(CODE);
    body["TaiLieuNop"][0]["Base64"] = json!("%%%");
    assert!(invalid(&door(json!({})), &request("addtthcKhuyenMai", &body)).contains("TaiLieuNop[0]"));
}

#[test]
fn a_file_that_is_too_large_or_of_a_kind_that_is_not_taken_is_refused_and_the_dossier_is_not() {
    let of = |more: Value| {
        let mut all = messages(&door(more), &request("addtthcKhuyenMai", &sender::promotion(CODE)));
        all.pop().unwrap().files.remove(0).source
    };
    assert!(matches!(of(json!({"file_types": ["png"]})), FileSource::Refused(said) if said.contains("Pdf")));
    let mut body = sender::promotion(CODE);
    let large = [sender::PDF, &[b' '; 4096]].concat();
    body["TepDonDangKy"] = json!(base64::Engine::encode(&base64::engine::general_purpose::STANDARD, large));
    let small = door(json!({"largest_file_bytes": 2048}));
    let all = messages(&small, &request("addtthcKhuyenMai", &body));
    assert!(matches!(&all[0].files[0].source, FileSource::Refused(said) if said.contains("2048")));
    body["TepDonDangKy"] = json!("TVqQAAMAAAAEAAAA");
    let all = messages(&door(json!({})), &request("addtthcKhuyenMai", &body));
    assert!(matches!(&all[0].files[0].source, FileSource::Refused(_)), "a program is no document");
}

#[test]
fn any_other_service_of_the_second_path_amends_a_promotion_and_each_content_is_one_amendment() {
    let portal = door(json!({}));
    let amended =
        |body: &Value| messages(&portal, &request("nhanhsdvcqg", &envelope("BatKy", body))).pop().unwrap();
    let first = amended(&sender::amendment(CODE, "http://x:8080/XrdAdapter/RestService/forward/f/1"));
    assert_eq!((first.name, first.subject.as_str()), ("portal.dossier_supplemented", CODE));
    assert_eq!(first.known, Known::DossierOr(format!("submitted:{CODE}")));
    assert_eq!(first.data["amendment"]["LyDoDieuChinh"], "Kéo dài");
    assert!(matches!(&first.files[0].source, FileSource::Address(url) if url.ends_with("/f/1")));
    Contract::deserialize(&first.data["dossier"]).unwrap();
    let again = amended(&sender::amendment(CODE, "http://x:8080/XrdAdapter/RestService/forward/f/1"));
    let other = amended(&sender::amendment(CODE, "http://x:8080/XrdAdapter/RestService/forward/f/2"));
    assert_eq!(first.identity, again.identity);
    assert_ne!(first.identity, other.identity);
    let body = envelope("BatKy", &json!({"MaHoSo": CODE}));
    assert!(invalid(&portal, &request("nhanhsdvcqg", &body)).contains("MaHoSoQG"));
}

#[test]
fn a_voucher_needs_every_field_and_whole_dong() {
    let portal = door(json!({}));
    let whole = sender::voucher("000.00.08.H99-261123-0001", "TB-1", 1_500_000, "http://x/RestService/f/1");
    let read = |data: &Value| portal.read(&request("nhanhsdvcqg", &envelope("NhanChungTuThueDat", data)));
    for field in whole.as_object().unwrap().keys() {
        let mut data = whole.clone();
        data.as_object_mut().unwrap().remove(field);
        assert!(
            matches!(read(&data), Err(Unread::Invalid(said)) if said.contains(field.trim_start_matches("ThongTinThanhToan"))),
            "{field}"
        );
    }
    for field in whole["ThongTinThanhToan"].as_object().unwrap().keys() {
        let mut data = whole.clone();
        data["ThongTinThanhToan"][field] = json!("");
        assert!(matches!(read(&data), Err(Unread::Invalid(said)) if said.contains(field)), "{field}");
    }
    for (amount, is_whole) in [
        (json!("1500000"), true),
        (json!(1_500_000.0), true),
        (json!("1.500.000"), false),
        (json!(0.5), false),
        (json!(-1), false),
    ] {
        let mut data = whole.clone();
        data["ThongTinThanhToan"]["SoTien"] = amount.clone();
        assert_eq!(read(&data).is_ok(), is_whole, "{amount}");
    }
    let all = messages(&portal, &request("nhanhsdvcqg", &envelope("NhanChungTuThueDat", &whole)));
    let event = &all[0];
    assert_eq!((event.name, &event.known), ("tax.voucher_received", &Known::Dossier));
    assert_eq!((&event.data["amount"], &event.data["notice_no"]), (&json!(1_500_000), &json!("TB-1")));
    assert_eq!(event.data["paid_at"], "2026-11-25T03:15:00Z");
    assert_eq!((&event.data["payer"]["name"], event.files.len()), (&json!("Trần Thị Mẫu"), 1));
}

#[test]
fn a_file_of_notices_is_one_message_for_each_dossier_and_a_bad_row_does_not_stop_the_others() {
    let (one, two, bad) =
        ("000.00.08.H99-261123-0001", "000.00.08.H99-261123-0002", "000.00.08.H99-261123-0003");
    let xml = sender::notice_xml(&[
        (
            one,
            &[
                ("QD-1", "25/11/2026", "1500000", "Tiền sử dụng đất"),
                ("QD-2", "20261125", "20000", "Lệ phí &amp; khác"),
            ],
        ),
        (bad, &[("QD-4", "25/11/2026", "1.500.000", "")]),
        (two, &[("QD-3", "hôm qua", "7", "")]),
        (one, &[("QD-5", "2026-11-25", "1", "")]),
    ]);
    let Said::News(items) = door(json!({})).read(&notices(&xml)).unwrap() else { panic!("a question") };
    assert_eq!(items.len(), 3);
    let Item::Message(first) = &items[0] else { panic!("{:?}", items[0]) };
    assert_eq!((first.name, first.subject.as_str()), ("tax.notice_received", one));
    assert_eq!(first.identity, format!("notice:{one}:QD-1|QD-2|QD-5"));
    assert_eq!(first.data["amount"], 1_520_001);
    assert_eq!(first.data["notices"][1]["sub_item"], "Lệ phí & khác");
    let days: Vec<_> = [0, 1, 2].iter().map(|n| first.data["notices"][n]["decided_on"].clone()).collect();
    assert_eq!(days, ["2026-11-25", "2026-11-25", "2026-11-25"]);
    assert!(
        matches!(&items[1], Item::Faulty { subject, said } if subject == bad && said.contains("SO_TIEN"))
    );
    let Item::Message(last) = &items[2] else { panic!("{:?}", items[2]) };
    assert_eq!((&last.data["notices"][0]["decided_on"], last.subject.as_str()), (&Value::Null, two));
}

#[test]
fn pitfall_20_xml_with_a_document_type_or_entities_of_its_own_is_refused() {
    let inside = "<ROW_LIST><MA_HSO>&x;</MA_HSO></ROW_LIST>";
    let fetching = format!(
        r#"<?xml version="1.0"?><!DOCTYPE D [<!ENTITY x SYSTEM "file:///etc/passwd">]><D>{inside}</D>"#
    );
    assert!(invalid(&door(json!({})), &notices(&fetching)).contains("DOCTYPE"));
    let undeclared = format!("<D>{inside}</D>");
    assert!(invalid(&door(json!({})), &notices(&undeclared)).contains("&x;"));
    let entity = |n: i32| format!("<!ENTITY l{n} \"{}\">", format!("&l{};", n - 1).repeat(10));
    let laughs = (1..10).map(entity).collect::<Vec<_>>().concat();
    let laughs = format!("<!DOCTYPE D [<!ENTITY l0 \"ha\">{laughs}]><D>&l9;</D>");
    assert!(invalid(&door(json!({})), &notices(&laughs)).contains("DOCTYPE"));
}

#[test]
fn pitfall_20_xml_that_is_too_large_too_deep_cut_off_or_no_xml_is_refused() {
    let portal = door(json!({"largest_xml_bytes": 2048}));
    let large = format!("<D><!-- {} --></D>", "x".repeat(4096));
    assert!(invalid(&portal, &notices(&large)).contains("2048"));
    let deep = format!("{}{}", "<A>".repeat(100), "</A>".repeat(100));
    assert!(invalid(&portal, &notices(&deep)).contains("cấp"));
    for broken in ["<D><ROW_LIST>", "<D></E>", "không phải XML", "<D/>", ""] {
        let said = invalid(&portal, &notices(broken));
        assert!(said.contains("FileThongBaoThue"), "{broken}: {said}");
    }
    let data = json!({"FileThongBaoThue": "%%%"});
    let body = request("nhantbthuedvcqg", &envelope("NhanThongBaoThueDat", &data));
    assert!(invalid(&portal, &body).contains("base64"));
    let other = request("nhantbthuedvcqg", &envelope("Khac", &data));
    assert!(invalid(&portal, &other).contains("service"));
}

#[test]
fn answers_are_those_of_the_contract() {
    let portal = door(json!({}));
    let part = |subject: &str, became: Became| (subject.to_owned(), became);
    let of = |parts: Vec<(String, Became)>| {
        let (status, body) = answered(&portal, "nhanhsdvcqg", &InboundResult::Taken(parts));
        (status, body["error_code"].clone(), body["message"].as_str().unwrap().to_owned())
    };
    assert_eq!(of(vec![part("A", Became::Told)]).1, 0);
    assert_eq!(of(vec![part("A", Became::Told), part("B", Became::Repeated)]).1, 0);
    assert_eq!(of(vec![part("A", Became::Repeated)]).1, 1);
    assert_eq!(of(vec![part("A", Became::Conflict)]).1, 1);
    let (status, code, message) = of(vec![part("A", Became::Told), part("B", Became::Unknown)]);
    assert_eq!((status, code), (200, json!(-1)));
    assert!(message.contains('B') && !message.contains('A'), "{message}");
    assert_eq!(of(vec![part("A", Became::Faulty("SO_TIEN".into()))]).1, -1);

    let unread = InboundResult::Unread(Unread::Unparsable("JSON: …".into()));
    assert_eq!(answered(&portal, "nhanhsdvcqg", &unread), (500, json!("JSON: …")), "plain text");
    let unread = InboundResult::Unread(Unread::Invalid("Thiếu MaHoSo".into()));
    let wanted = json!({"error_code": -1, "message": "Thiếu MaHoSo"});
    assert_eq!(answered(&portal, "nhanhsdvcqg", &unread), (200, wanted));
    let wanted = json!({"error_code": "-1", "message": "Thiếu MaHoSo"});
    assert_eq!(answered(&portal, "search/call", &unread), (200, wanted), "look-ups write it as text");
    assert_eq!(answered(&portal, "nhanhsdvcqg", &InboundResult::Unavailable).0, 503);
    let other = door(json!({"unavailable_status": 500}));
    assert_eq!(answered(&other, "nhanhsdvcqg", &InboundResult::Unavailable).0, 500);
    assert_eq!(answered(&portal, "nhanhsdvcqg", &InboundResult::Refused).0, 401);
    assert!(matches!(portal.read(&raw("nhanhsdvcqg", b"{".to_vec())), Err(Unread::Unparsable(_))));
}

#[test]
fn a_look_up_is_answered_flat_in_the_portals_codes() {
    let portal = door(json!({}));
    let asked = portal.read(&request("search/call", &json!({"service": "TraCuuHoSo", "masohoso": CODE})));
    assert_eq!(asked, Ok(Said::Question(CODE.to_owned())));
    let state = Arc::new(state(local(), PortalStatus::Processing));
    let found = InboundResult::Found(state, Arc::new(Book::default()), now());
    let (status, body) = answered(&portal, "search/call", &found);
    let wanted = json!({"MaHoSo": "000.00.08.H99-261123-0001", "MaTTHC": "1.001193", "TenTTHC": "Đăng ký khai sinh",
        "MaLinhVuc": "G15-TP01", "TenLinhVuc": "Hộ tịch", "LoaiDoiTuong": "1", "TrangThaiHoSo": "4", "HinhThuc": "1",
        "DonViXuLy": "UBND xã Mẫu"});
    assert_eq!((status, body), (200, wanted));
    let (status, body) = answered(&portal, "search/call", &InboundResult::NotFound);
    assert_eq!((status, &body["error_code"]), (200, &json!("-1")));
}

#[test]
fn paths_may_have_the_adapters_prefix_and_what_is_empty_is_off() {
    let portal = door(json!({"paths": {"search": ""}}));
    for prefix in ["", "XrdAdapter/RestService/forward/", "VXPAdapter/RestService/forward/"] {
        assert!(portal.has(&format!("{prefix}nhanhsdvcqg")), "{prefix}");
        assert!(!portal.has(&format!("{prefix}search/call")) && !portal.has(&format!("{prefix}khac")));
    }
    assert!(!portal.has("") && !portal.has("OtherAdapter/RestService/forward/nhanhsdvcqg"));
    assert!(super::portal("http://x").inbound().is_none(), "off unless configured");
}

fn judged(more: Value, headers: &[(&str, &str)], peer: Option<&str>) -> Result<(), String> {
    let mut inbound = json!({"inbound": {}});
    inbound["inbound"] = more;
    let portal = portal_with("http://x", inbound);
    let mut request = request("nhanhsdvcqg", &json!({}));
    request.http.headers = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    request.peer = peer.map(|peer| peer.parse::<IpAddr>().unwrap());
    portal.admit(&request)
}

#[test]
fn everything_that_is_configured_about_the_sender_has_to_hold() {
    let secret = json!({"secret_header": "X-Sender", "secret": "S3cret-of-the-adapter"});
    assert_eq!(judged(secret.clone(), &[("x-sender", "S3cret-of-the-adapter")], None), Ok(()));
    for headers in [
        vec![],
        vec![("x-sender", "other")],
        vec![("x-sender", "S3cret-of-the-adapter "), ("x-sender", "other")],
        vec![("x-sender", "S3cret-of-the-adapter"), ("x-sender", "S3cret-of-the-adapter")],
    ] {
        assert!(judged(secret.clone(), &headers, None).is_err(), "{headers:?}");
    }
    let basic = json!({"basic_username": "cong", "basic_password": "mat-khau"});
    assert_eq!(judged(basic.clone(), &[("authorization", "Basic Y29uZzptYXQta2hhdQ==")], None), Ok(()));
    assert_eq!(judged(basic.clone(), &[("authorization", "basic  Y29uZzptYXQta2hhdQ==")], None), Ok(()));
    assert!(judged(basic.clone(), &[("authorization", "Basic Y29uZzpzYWk=")], None).is_err());
    assert!(judged(basic, &[("authorization", "Bearer Y29uZzptYXQta2hhdQ==")], None).is_err());
    let peers = json!({"allowed_peers": ["10.0.0.5", "192.168.8.0/22", "fd00::/8"]});
    for (peer, is_good) in [
        ("10.0.0.5", true),
        ("::ffff:10.0.0.5", true),
        ("10.0.0.6", false),
        ("192.168.11.255", true),
        ("192.168.12.0", false),
        ("fd12::1", true),
        ("fe80::1", false),
    ] {
        assert_eq!(judged(peers.clone(), &[], Some(peer)).is_ok(), is_good, "{peer}");
    }
    assert!(judged(peers, &[], None).is_err(), "a peer that is not known");
    let both = json!({"allowed_peers": ["10.0.0.5"], "secret_header": "x-sender", "secret": "S3cret"});
    assert_eq!(judged(both.clone(), &[("x-sender", "S3cret")], Some("10.0.0.5")), Ok(()));
    assert!(judged(both.clone(), &[("x-sender", "S3cret")], Some("10.0.0.6")).is_err());
    assert!(judged(both, &[], Some("10.0.0.5")).is_err());
    let portal = portal_with("http://x", json!({"inbound": secret}));
    assert_eq!(portal.secret_headers(), ["x-sender"], "never stored");
}

#[test]
fn a_door_without_a_lock_does_not_open_and_what_is_missing_is_named() {
    let key = |inbound: Value| {
        let config = config("http://x", json!({ "inbound": inbound }));
        let built = Dvcqg::new(id(), String::new(), None, &config);
        built.err().map_or_else(|| "opens".to_owned(), |error| error.key)
    };
    assert_eq!(key(json!({})), "inbound");
    assert_eq!(key(json!({"trust_network": true})), "opens");
    assert_eq!(key(json!({"secret_header": "x-sender"})), "inbound.secret");
    assert_eq!(key(json!({"secret": "s"})), "inbound.secret_header");
    assert_eq!(key(json!({"basic_username": "u"})), "inbound.basic_password");
    assert_eq!(key(json!({"basic_password": "p"})), "inbound.basic_username");
    assert_eq!(key(json!({"allowed_peers": ["10.0.0.0/33"]})), "inbound.allowed_peers");
    assert_eq!(key(json!({"allowed_peers": ["adapter"]})), "inbound.allowed_peers");
    let trusted = |more: Value| {
        let mut inbound = json!({"trust_network": true});
        inbound.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        key(inbound)
    };
    assert_eq!(trusted(json!({"dossiers": {}})), "inbound.dossiers.path");
    assert_eq!(trusted(json!({"dossiers": {"path": "hs"}})), "inbound.dossiers");
    assert_eq!(trusted(json!({"dossiers": {"path": "hs", "submit": "A", "pay": "A"}})), "inbound.dossiers");
    assert_eq!(trusted(json!({"paths": {"tax": "nhanhsdvcqg"}})), "inbound.paths");
    assert_eq!(trusted(json!({"unavailable_status": 20})), "inbound.unavailable_status");
}

#[test]
fn the_assumed_route_of_ordinary_dossiers_is_off_and_takes_only_services_that_have_a_name() {
    let dossier = json!({"MaHoSo": CODE, "MaTTHC": "1.001193", "TenTTHC": "Đăng ký khai sinh", "ChuHoSo": "Trần Thị Mẫu",
        "LoaiDoiTuong": "1", "KenhThucHien": "2", "NgayNopHoSo": "20261122081500", "TrangThaiHoSo": "1", "Fax": "0270",
        "TaiLieuNop": [{"TepDinhKemId": "7", "TenTepDinhKem": "to-khai.pdf", "IsDeleted": "False",
            "DuongDanTaiTepTin": "http://ip-ss-donvi:8080/XrdAdapter/RestService/forward/f/7"}]});
    assert!(!door(json!({})).has("hs"));
    let names = json!({"path": "hs", "submit": "GuiHoSo", "withdraw": "RutHoSo", "pay": "NopPhi"});
    let portal = door(json!({ "dossiers": names }));
    let one = |service: &str| {
        messages(&portal, &request("hs", &envelope(service, &json!([dossier])))).pop().unwrap()
    };
    let told = one("GuiHoSo");
    assert_eq!((told.name, told.identity), ("portal.dossier_submitted", format!("submitted:{CODE}")));
    assert_eq!(told.data["dossier"]["origin"], "portal");
    assert_eq!(told.data["dossier"]["channel"], "online");
    assert_eq!(told.data["as_sent"]["Fax"], "0270", "what has no place is kept");
    assert!(matches!(&told.files[0].source, FileSource::Address(url) if url.ends_with("/f/7")));
    Contract::deserialize(&told.data["dossier"]).unwrap();
    assert_eq!(one("RutHoSo").name, "portal.dossier_withdrawn");
    assert_eq!(one("NopPhi").name, "portal.dossier_paid");
    assert_eq!(one("NopPhi").known, Known::DossierOr(format!("submitted:{CODE}")));
    assert!(invalid(&portal, &request("hs", &envelope("BoSung", &dossier))).contains("BoSung"));
    // On the path of the amendments its own names come first, and everything else is an amendment as before.
    let shared = door(json!({"dossiers": {"path": "nhanhsdvcqg", "submit": "GuiHoSo"}}));
    let told = messages(&shared, &request("nhanhsdvcqg", &envelope("GuiHoSo", &dossier)));
    assert_eq!(told[0].name, "portal.dossier_submitted");
    let other = request("nhanhsdvcqg", &envelope("Khac", &sender::amendment(CODE, "http://x/RestService/1")));
    assert_eq!(messages(&shared, &other)[0].name, "portal.dossier_supplemented");
}

#[test]
fn files_are_fetched_through_our_adapter_or_from_named_hosts_and_from_nowhere_else() {
    let at = |more: Value| config("http://10.0.0.5:8080", json!({ "inbound": more }));
    let plain = at(json!({"trust_network": true}));
    let ok = "http://ip-ss-donvi:8080/XrdAdapter/RestService/forward/files/1?dstcode=A";
    let ours = "http://10.0.0.5:8080/VXPAdapter/RestService/forward/files/1?dstcode=A";
    assert_eq!(allowed(ok, &plain).unwrap(), Way::Adapter(ours.to_owned()));
    for elsewhere in [
        "http://169.254.169.254/latest/meta-data",
        "http://10.0.0.5:8080/admin",
        "http://x/RestService/../../admin",
        "http://x/RestService/%2e%2e/%2e%2e/admin",
        "file:///etc/passwd",
        "http://u:p@x/1",
        "",
    ] {
        let refused = allowed(elsewhere, &plain).unwrap_err();
        assert!(refused.is_final, "{elsewhere}");
    }
    let named = at(json!({"trust_network": true, "file_hosts": ["files.example.vn"]}));
    let there = "https://files.example.vn/1";
    assert_eq!(
        allowed(there, &named).unwrap(),
        Way::Named(there.to_owned()),
        "without what opens our adapter"
    );
    assert!(allowed("https://files.example.vn:8443/1", &named).is_err(), "another service of that host");
    assert!(allowed("https://files.example.vn.evil/1", &named).is_err());
}

async fn fetched(answer: ResponseTemplate, more: Value) -> Result<Vec<u8>, bool> {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(answer).mount(&server).await;
    let portal = portal_with(&server.uri(), more);
    let sessions = Shared::default();
    let file = portal.fetch("http://x:8080/XrdAdapter/RestService/forward/f/1", &call(&sessions)).await;
    file.map(|file| file.content).map_err(|failure| failure.is_final)
}

#[tokio::test]
async fn a_file_that_does_not_come_is_asked_for_again_and_one_that_may_not_be_taken_is_not() {
    let door = || json!({"inbound": {"trust_network": true, "largest_file_bytes": 4096}});
    let body =
        |bytes: &[u8]| ResponseTemplate::new(200).set_body_raw(bytes.to_vec(), "application/octet-stream");
    assert_eq!(fetched(body(sender::PDF), door()).await, Ok(sender::PDF.to_vec()));
    let html = ResponseTemplate::new(200).set_body_raw("<html>lỗi</html>", "text/html");
    for again in
        [ResponseTemplate::new(500), ResponseTemplate::new(404), body(b""), html, body(b"{\"error_code\":1}")]
    {
        assert_eq!(fetched(again, door()).await, Err(false));
    }
    assert_eq!(fetched(body(b"MZ\x90\0"), door()).await, Err(true), "a program");
    assert!(
        fetched(body(&[b"%PDF-".as_slice(), &vec![0; 20_000]].concat()), door()).await.is_err(),
        "too large"
    );
}

#[tokio::test]
async fn a_gateway_gives_files_as_base64() {
    let more = json!({"dialect": "gateway", "inbound": {"trust_network": true}, "gateway": {
        "create_path": "/a", "update_path": "/b", "progress_path": "/c"}});
    let coded = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, sender::PDF);
    for text in [json!(coded).to_string(), coded.clone()] {
        let answer = ResponseTemplate::new(200).set_body_raw(text, "application/json");
        assert_eq!(fetched(answer, more.clone()).await, Ok(sender::PDF.to_vec()));
    }
    let none = ResponseTemplate::new(200).set_body_raw("không có tệp", "text/plain");
    assert_eq!(fetched(none, more.clone()).await, Err(false));

    let server = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200).set_body_string(coded)).mount(&server).await;
    let sessions = Shared::default();
    portal_with(&server.uri(), more).fetch("http://x/tep/1", &call(&sessions)).await.unwrap();
    let asked = &server.received_requests().await.unwrap()[0];
    assert_eq!((asked.url.path(), asked.method.as_str()), ("/KetNoiMotCuaQuocGia/getfile", "POST"));
    assert_eq!(asked.body_json::<Value>().unwrap(), json!({"DuongDan": "http://x/tep/1"}));
}
