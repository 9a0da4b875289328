//! Status reconciliation through the real program: the strict portal forgets a dossier, or shows what nobody sent it.

use lienthong_core::testing::fixtures::{self, events::event};
use lienthong_tests::{Place, Plan, World, eventually};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_mins(3);

async fn post(world: &World, path: &str, body: &Value) -> Value {
    let body = Some(("application/json", body.to_string().into_bytes()));
    let answered = world.api.send(Method::POST, path, body).await.unwrap();
    let answer = answered.json();
    assert!((200..300).contains(&answered.status), "{answer}");
    answer
}

async fn compare_now(world: &World) {
    let answer = post(world, "/v1/reconciliations", &json!({ "connector": "dvcqg" })).await;
    assert_eq!((&answer["result"], &answer["reach"]), (&json!("wanted"), &json!("open")));
}

async fn open(world: &World) -> Vec<Value> {
    world.api.get("/v1/discrepancies").await["discrepancies"].as_array().cloned().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_portal_forgot_is_there_again_with_its_history_and_what_it_invented_goes_to_a_person() {
    let mut plan = Plan::embedded(Place::Inside);
    plan.tuning.reconcile = true;
    let world = plan.open().await;
    let (code, other) = (fixtures::nth_code(1), fixtures::nth_code(2));
    for code in [&code, &other] {
        let events = ["dossier.received", "dossier.processing"];
        let events = events.iter().zip(1..).map(|(name, n)| event(name, code.as_str(), n).bytes());
        world.api.publish(&events.collect::<Vec<_>>()).await;
    }
    let portal = &world.suite.portal;
    let are_told = async || {
        let steps = |code: &str| portal.dossier(code).map_or(0, |d| d.steps.len());
        let both = (steps(code.as_str()), steps(other.as_str()));
        if both == (2, 2) { Ok(()) } else { Err(both) }
    };
    eventually("both are at the portal", PATIENCE, are_told).await;
    let before = portal.dossier(code.as_str()).unwrap();

    assert!(portal.forget(code.as_str()));
    assert!(portal.show_status(other.as_str(), "9"));
    tokio::time::sleep(Duration::from_secs(2)).await;
    compare_now(&world).await;
    let is_back = async || {
        let now = portal.dossier(code.as_str());
        if now.as_ref().is_some_and(|d| d.steps.len() == 2) { Ok(now) } else { Err(now) }
    };
    let after = eventually("it is there again", PATIENCE, is_back).await.unwrap();
    assert_eq!((after.creates, &after.steps), (1, &before.steps), "the whole history, in order, once");
    assert_eq!(after.last["TrangThaiHoSo"], before.last["TrangThaiHoSo"]);

    let is_told = async || {
        let found = open(&world).await;
        if found.len() == 1 { Ok(found) } else { Err(found) }
    };
    let found = eventually("the other one is a discrepancy", PATIENCE, is_told).await.remove(0);
    assert_eq!((&found["kind"], &found["key"]), (&json!("status.ahead"), &json!(other)));
    assert_eq!((&found["ours"]["status"], &found["theirs"]["status"]), (&json!(4), &json!(9)));
    let status = world.api.get("/v1/status").await;
    assert_eq!(status["discrepancies_open"], 1);
    assert_eq!(portal.dossier(other.as_str()).unwrap().last["TrangThaiHoSo"], "9", "nothing was overwritten");

    let id = found["id"].to_string();
    let reason = json!({ "reason": "đã thống nhất với Cổng" });
    post(&world, &format!("/v1/discrepancies/{id}/close"), &reason).await;
    let runs = async || {
        let runs = world.api.get("/v1/reconciliations").await["reconciliations"].clone();
        let has_ended = |run: &&Value| !run["ended_at"].is_null() && run["reach"] == "open";
        let ended = runs.as_array().unwrap().iter().filter(has_ended).count();
        if ended > 0 { Ok(ended) } else { Err(runs) }
    };
    let ended = eventually("the run has ended", PATIENCE, runs).await;
    compare_now(&world).await;
    let again = async || {
        let runs = world.api.get("/v1/reconciliations").await["reconciliations"].clone();
        let has_ended = |run: &&Value| !run["ended_at"].is_null() && run["reach"] == "open";
        let now = runs.as_array().unwrap().iter().filter(has_ended).count();
        if now > ended { Ok(runs) } else { Err(runs) }
    };
    eventually("another run has ended", PATIENCE, again).await;
    assert_eq!(open(&world).await, [] as [Value; 0], "what a person has explained is not opened again");
    assert_eq!(portal.dossier(code.as_str()).unwrap().steps.len(), 2, "nothing is sent a third time");
    assert_eq!(portal.journal().violations(), Vec::<String>::new());
}
