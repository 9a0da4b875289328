//! Backup and restore of the embedded store.

use lienthong_tests::{Place, Plan, restored};

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_store_sends_nothing_before_the_decision_and_doubles_nothing_after_it() {
    restored::story(Plan::embedded(Place::Program).open().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_put_back_by_other_means_is_noticed_by_the_state_file() {
    let mut world = Plan::embedded(Place::Inside).open().await;
    let lines = lienthong_tests::traffic::SIXTY.lines();
    let (first, second) = lines.split_at(lines.len() / 2);
    world.api.publish(first).await;
    world.rests(first.len()).await;
    world.stop().await;
    let (store, aside) = (world.file("lienthong.sqlite"), world.file("copy"));
    std::fs::copy(&store, &aside).unwrap();
    world.start().await;
    assert!(world.api.get("/v1/status").await["fenced_at"].is_null(), "a restart is no restore");
    world.api.publish(second).await;
    world.rests(lines.len()).await;
    world.stop().await;
    std::fs::copy(&aside, &store).unwrap();
    world.start().await;
    let report = world.api.get("/v1/restore").await;
    assert_eq!((&report["fenced"], &report["reason"]), (&true.into(), &"older".into()), "{report}");
}
