//! What the portal sends by itself, on the whole: from its wire through the real program to the one-stop system's feed, and
//! the statuses back.

use lienthong_core::testing::fixtures::{self, events::event};
use lienthong_mocks::portal::{
    PortalHandle,
    sender::{self, Sender},
};
use lienthong_tests::{Place, Plan, World, eventually, feed, province};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_mins(2);
const CODE: &str = "G22.99-261122-000001";

fn portal(world: &World) -> Sender {
    let (name, value) = province::SENDER;
    Sender::new(format!("{}/inbound/dvcqg", world.api.base)).header(name, value)
}

async fn told(world: &World, name: &str, count: usize) -> Vec<Value> {
    let found = async || {
        let events = feed::whole(&world.api, 500).await;
        let found: Vec<Value> = events.into_iter().filter(|e| feed::name(e) == name).collect();
        if found.len() >= count { Ok(found) } else { Err(found) }
    };
    eventually(name, PATIENCE, found).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_promotion_comes_in_is_handled_and_its_status_goes_back() {
    let world = Plan::embedded(Place::Program).open().await;
    let portal = portal(&world);
    let stranger = Sender::new(format!("{}/inbound/dvcqg", world.api.base));
    assert_eq!(stranger.promotion(&sender::promotion(CODE)).await.status, 401);
    assert_eq!(portal.promotion(&sender::promotion(CODE)).await.code(), Some(0));
    // The same again, also as the adapter forwards it: the code of a duplicate, and nothing is told twice.
    assert_eq!(portal.promotion(&sender::promotion(CODE)).await.code(), Some(1));
    let (name, value) = province::SENDER;
    let adapter =
        Sender::new(format!("{}/VXPAdapter/RestService/forward", world.api.base)).header(name, value);
    assert_eq!(adapter.promotion(&sender::promotion(CODE)).await.code(), Some(1));
    let mut other = sender::promotion(CODE);
    other["NoiDungChiTiet"] = json!("Giảm 90%");
    assert_eq!(portal.promotion(&other).await.code(), Some(1));
    let incidents = world.api.get("/v1/incidents").await.to_string();
    assert!(incidents.contains("inbound:dvcqg:submitted:"), "{incidents}");

    // The one-stop system reads the event and its file, and publishes the dossier.
    let events = told(&world, "portal.dossier_submitted", 1).await;
    assert_eq!((events.len(), &events[0]["subject"]), (1, &json!(CODE)));
    let file = &events[0]["data"]["files"][0];
    let path = format!("/v1/files/{}", file["id"]);
    assert_eq!((file["state"].as_str(), file["url"].as_str()), (Some("stored"), Some(path.as_str())));
    let answered = world.api.send(Method::GET, &path, None).await.unwrap();
    assert_eq!((answered.status, answered.body.as_bytes()), (200, sender::PDF));
    let mut dossier = events[0]["data"]["dossier"].clone();
    dossier["code"] = json!(CODE);
    dossier["procedure"] = json!({"code": "2.000033", "name": "Thông báo hoạt động khuyến mại",
        "field_code": "G01-XX", "field_name": "Xúc tiến thương mại"});
    dossier["unit"] = json!({"code": fixtures::UNIT, "name": "Sở Công Thương"});
    dossier["received_at"] = json!("2026-11-23T08:00:00+07:00");
    let received = event("dossier.received", CODE, 1).with_data("/dossier", dossier);
    let verdicts = world.api.publish(&[received.bytes()]).await;
    assert_eq!(verdicts[0]["verdict"], "accepted", "{verdicts:?}");
    let is_there = async || world.suite.portal.dossier(CODE).filter(|d| d.syncs > 0).ok_or(());
    let at_portal = eventually("its status is at the portal", PATIENCE, is_there).await;
    assert_eq!(
        (at_portal.creates, &at_portal.last["TrangThaiHoSo"]),
        (0, &json!("2")),
        "an update of theirs"
    );
    assert_eq!(at_portal.last["NoiNopHoSo"], "1");

    // And now the portal may ask about it.
    let asked = portal.look_up(CODE).await;
    assert_eq!((&asked.body["MaHoSo"], &asked.body["TrangThaiHoSo"]), (&json!(CODE), &json!("2")));
    assert_eq!(portal.look_up("G22.99-261122-000009").await.code(), Some(-1));
    assert_eq!(portal.violations(), Vec::<String>::new());
    assert_eq!(world.suite.portal.journal().violations(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_amendments_file_is_fetched_through_the_adapter_when_it_is_there() {
    let world = Plan::embedded(Place::Inside).open().await;
    let portal = portal(&world);
    let url = PortalHandle::file_address("don.pdf");
    let amendment = sender::amendment(CODE, &url);
    assert_eq!(portal.amendment(&amendment).await.code(), Some(-1), "of nothing that is known");
    assert_eq!(portal.promotion(&sender::promotion(CODE)).await.code(), Some(0));
    assert_eq!(portal.amendment(&amendment).await.code(), Some(0));
    let events = told(&world, "portal.dossier_supplemented", 1).await;
    let file = events[0]["data"]["files"][0].clone();
    assert_eq!(file["state"], "waiting", "the event did not wait for it");
    let path = format!("/v1/files/{}", file["id"]);
    assert_eq!(world.api.send(Method::GET, &path, None).await.unwrap().status, 503);
    let tried = async || {
        let listed = world.api.get("/v1/inbound").await;
        let files = listed["inbound"][0]["files"].clone();
        if files[0]["tries"].as_i64() > Some(0) { Ok(files) } else { Err(listed) }
    };
    let files = eventually("it was tried", PATIENCE, tried).await;
    assert_eq!(
        (&files[0]["state"], files[0]["said"].as_str().unwrap().contains("404")),
        (&json!("waiting"), true)
    );
    world.suite.portal.offer_file("don.pdf", sender::PDF);
    let fetched = async || {
        let answered = world.api.send(Method::GET, &path, None).await.unwrap();
        if answered.status == 200 { Ok(answered.body) } else { Err(answered) }
    };
    assert_eq!(eventually("it is here", PATIENCE, fetched).await.as_bytes(), sender::PDF);
    assert_eq!(portal.violations(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn tax_notices_and_vouchers_reach_the_one_stop_system_once_each() {
    let world = Plan::embedded(Place::Inside).open().await;
    let portal = portal(&world);
    let (one, two) = (fixtures::nth_code(1), fixtures::nth_code(2));
    let (one, two) = (one.as_str(), two.as_str());
    let unknown = "000.00.09.H99-261122-0009";
    let received = [event("dossier.received", one, 1).bytes(), event("dossier.received", two, 1).bytes()];
    world.api.publish(&received).await;
    let decisions: &[sender::Decision<'_>] = &[("QD-1", "25/11/2026", "1500000", "Tiền sử dụng đất")];
    let xml = sender::notice_xml(&[(one, decisions), (unknown, decisions), (two, decisions)]);
    let answered = portal.notices(&xml).await;
    assert_eq!(answered.code(), Some(-1));
    assert!(answered.body["message"].as_str().unwrap().contains(unknown), "{answered:?}");
    let notices = told(&world, "tax.notice_received", 2).await;
    let subjects: Vec<_> = notices.iter().map(|e| e["subject"].as_str().unwrap()).collect();
    assert_eq!(subjects, [one, two]);
    assert_eq!(notices[0]["data"]["notices"][0]["amount"], 1_500_000);
    assert_eq!(portal.notices(&sender::notice_xml(&[(one, decisions)])).await.code(), Some(1));

    let url = world.suite.portal.offer_file("ct.pdf", sender::PDF);
    let voucher = sender::voucher(one, "TB-1", 1_500_000, &url);
    let both = tokio::join!(portal.voucher(&voucher), portal.voucher(&voucher));
    let mut codes = [both.0.code(), both.1.code()];
    codes.sort_unstable();
    assert_eq!(codes, [Some(0), Some(1)], "of two at once one is the duplicate");
    let mut lacking = voucher.clone();
    lacking["MaSoThue"] = json!("");
    assert_eq!(portal.voucher(&lacking).await.code(), Some(-1));
    let vouchers = told(&world, "tax.voucher_received", 1).await;
    assert_eq!((vouchers.len(), &vouchers[0]["data"]["amount"]), (1, &json!(1_500_000)));
    let evil = "<!DOCTYPE D [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><D>&x;</D>";
    assert_eq!(portal.notices(evil).await.code(), Some(-1));
    let broken = portal.send("nhanhsdvcqg", b"{\"service\":".to_vec()).await;
    assert_eq!((broken.status, &broken.body), (500, &Value::Null));
    assert_eq!(portal.violations(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dossier_whose_status_alone_is_told_back_never_goes_out_as_a_dossier() {
    let mut plan = Plan::embedded(Place::Inside);
    plan.tuning.portal_born = "status";
    let world = plan.open().await;
    let portal = portal(&world);
    assert_eq!(portal.promotion(&sender::promotion(CODE)).await.code(), Some(0));
    let events = told(&world, "portal.dossier_submitted", 1).await;
    let mut dossier = events[0]["data"]["dossier"].clone();
    dossier["unit"] = json!({"code": fixtures::UNIT, "name": "Sở Công Thương"});
    dossier["received_at"] = json!("2026-11-23T08:00:00+07:00");
    let received = event("dossier.received", CODE, 1).with_data("/dossier", dossier);
    world.api.publish(&[received.bytes()]).await;
    let is_there = async || world.suite.portal.dossier(CODE).filter(|d| !d.statuses.is_empty()).ok_or(());
    let at_portal = eventually("its status is at the portal", PATIENCE, is_there).await;
    assert_eq!((at_portal.syncs, at_portal.steps.len()), (0, 0), "pitfall 13");
    assert_eq!(at_portal.statuses[0]["TrangThai"], "2");
    assert_eq!(world.suite.portal.journal().violations(), Vec::<String>::new());
}
