//! The catalogue and the mappings on the whole: pulled from the strict portal, suggested, confirmed by a person, sent.

use lienthong_core::testing::fixtures::{self, events::event};
use lienthong_tests::{Place, Plan, World, eventually};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_mins(2);

async fn post(world: &World, path: &str, body: &Value) -> (u16, Value) {
    let body = Some(("application/json", body.to_string().into_bytes()));
    let answered = world.api.send(Method::POST, path, body).await.unwrap();
    (answered.status, answered.json())
}

/// Has the catalogue pulled and waits until that is done once more.
async fn pull(world: &World) {
    let ended = async || world.api.get("/v1/catalogue").await["catalogues"][0]["ended_at"].clone();
    let before = ended().await;
    let (status, answer) = post(world, "/v1/catalogue/pull", &json!({})).await;
    assert_eq!(status, 202, "{answer}");
    let is_done = async || {
        let now = ended().await;
        if now != before && !now.is_null() { Ok(()) } else { Err(now) }
    };
    eventually("the catalogue is pulled", PATIENCE, is_done).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dossier_of_an_unknown_procedure_waits_and_goes_when_a_person_has_mapped_it() {
    let world = Plan::embedded(Place::Inside).open().await;
    let code = fixtures::nth_code(1);
    let procedure = json!({"code": "TT-KHAISINH", "name": "Đăng ký khai sinh cho trẻ em"});
    let received = event("dossier.received", code.as_str(), 1).with_data("/dossier/procedure", procedure);
    world.api.publish(&[received.bytes()]).await;
    let is_held = async || {
        let held = world.api.get("/v1/operations?state=held").await["operations"].clone();
        if held.as_array().is_some_and(|held| held.len() == 1) { Ok(held) } else { Err(held) }
    };
    let held = eventually("it is held", PATIENCE, is_held).await;
    assert!(held[0]["need"].as_str().unwrap().ends_with(":procedure:TT-KHAISINH"), "{held}");
    assert!(world.suite.portal.dossier(code.as_str()).is_none());

    pull(&world).await;
    let catalogue = world.api.get("/v1/catalogue").await;
    assert_eq!(catalogue["catalogues"][0]["last"]["refused"], json!([]), "{catalogue}");
    let codes = world.api.get("/v1/mappings/suggestions").await["codes"].clone();
    assert_eq!((codes[0]["local"].as_str(), codes[0]["waiting"].as_i64()), (Some("TT-KHAISINH"), Some(1)));
    let best = codes[0]["suggestions"][0].clone();
    assert_eq!(best["national"], "1.001193", "{codes}");
    assert!(world.suite.portal.dossier(code.as_str()).is_none(), "a suggestion decides nothing");

    let mut wanted =
        json!({"table": "procedure", "local": "TT-KHAISINH", "national": "1.999999", "reason": "x"});
    assert_eq!(post(&world, "/v1/mappings", &wanted).await.0, 400, "no such code in the catalogue");
    wanted["national"] = best["national"].clone();
    let (status, answer) = post(&world, "/v1/mappings", &wanted).await;
    assert_eq!((status, &answer["woken"]), (201, &json!(1)), "{answer}");
    let is_there = async || world.suite.portal.dossier(code.as_str()).filter(|d| d.syncs > 0).ok_or(());
    let dossier = eventually("it is at the portal", PATIENCE, is_there).await;
    assert_eq!(dossier.last["MaTTHC"], "1.001193");
    assert_eq!(dossier.last["TenTTHC"], "Đăng ký khai sinh", "as the stored catalogue calls it");

    // The portal withdraws the procedure: nothing is switched off, somebody is told.
    world.suite.portal.withdraw_procedure("1.001193");
    world.suite.portal.name_procedure("1.009999", "Đăng ký khai sinh có yếu tố nước ngoài");
    pull(&world).await;
    let drift = world.api.get("/v1/catalogue/drift?list=procedures").await;
    let kinds: Vec<_> =
        drift["changes"].as_array().unwrap().iter().map(|c| (&c["code"], &c["kind"])).collect();
    assert_eq!(kinds, [(&json!("1.001193"), &json!("withdrawn")), (&json!("1.009999"), &json!("new"))]);
    assert_eq!(
        (&drift["broken"][0]["local"], &drift["broken"][0]["why"]),
        (&json!("TT-KHAISINH"), &json!("withdrawn"))
    );
    let told = async || {
        let incidents = world.api.get("/v1/incidents").await.to_string();
        if incidents.contains("catalogue-broken:") { Ok(()) } else { Err(incidents) }
    };
    eventually("an incident tells of the broken mapping", PATIENCE, told).await;

    // A truncated answer withdraws nothing.
    world.suite.portal.truncate_lists(Some(1));
    pull(&world).await;
    let lists = world.api.get("/v1/catalogue").await["catalogues"][0]["lists"].clone();
    let procedures = lists.as_array().unwrap().iter().find(|list| list["list"] == "procedures").unwrap();
    assert_eq!((&procedures["rows"], &procedures["held_back"]), (&json!(9), &json!(8)), "{lists}");
    assert_eq!(world.suite.portal.journal().violations(), Vec::<String>::new());
}
