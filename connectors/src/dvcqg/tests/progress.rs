//! `AppendProgress`: together at first, one by one and byte for byte after a doubt.

use super::*;

const STEPS: &str = "CapNhatTienDoHoSoMC";

/// The bytes of the step objects of every call.
async fn sent(server: &MockServer) -> Vec<String> {
    let requests = server.received_requests().await.unwrap();
    let bodies = requests.iter().map(|r| String::from_utf8(r.body.clone()).unwrap());
    let data =
        |body: String| body.split_once("\"data\":[").map(|(_, data)| data.trim_end_matches("]}").to_owned());
    bodies.filter_map(data).collect()
}

#[tokio::test]
async fn steps_go_together_first_and_one_by_one_with_the_same_bytes_after_a_doubt() {
    let server =
        Script::default().on(STEPS, ResponseTemplate::new(500)).says(STEPS, "0", "thành công").start().await;
    let (portal, sessions) = (portal(&server.uri()), Shared::default());
    let task = progress(&["Một", "Hai", "Ba"]);
    assert_eq!(portal.attempt(&task, &call(&sessions)).await.name(), "unclear");
    let again = Task { begun: true, doubted: true, ..task };
    let outcome = portal.attempt(&again, &call(&sessions)).await;
    assert!(matches!(&outcome, Outcome::Done(p) if p.facts["calls"] == 3), "{outcome:?}");
    let sent = sent(&server).await;
    assert_eq!(sent.len(), 4);
    assert_eq!(sent[0], sent[1..].join(","));
}

#[tokio::test]
async fn a_doubted_operation_goes_on_where_the_portal_stopped_accepting() {
    let script = Script::default().says(STEPS, "0", "thành công").on(STEPS, ResponseTemplate::new(502));
    let server = script.says(STEPS, "0", "thành công").start().await;
    let (portal, sessions) = (portal(&server.uri()), Shared::default());
    let task = Task { begun: true, doubted: true, ..progress(&["Một", "Hai", "Ba"]) };
    assert_eq!(portal.attempt(&task, &call(&sessions)).await.name(), "unclear");
    let outcome = portal.attempt(&task, &call(&sessions)).await;
    assert!(matches!(&outcome, Outcome::Done(p) if p.facts["accepted_before"] == 1), "{outcome:?}");
    let contents: Vec<String> = sent(&server)
        .await
        .iter()
        .map(|s| serde_json::from_str::<Value>(s).unwrap()["NoiDungXuLy"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(contents, ["Một", "Hai", "Hai", "Ba"]);
    // A success that could not be stored is not sent again by the same process.
    let outcome = portal.attempt(&task, &call(&sessions)).await;
    assert!(matches!(&outcome, Outcome::Done(p) if p.repeated), "{outcome:?}");
    assert_eq!(sent(&server).await.len(), 4);
}

#[tokio::test]
async fn a_setback_after_accepted_steps_is_a_doubt_and_a_refusal_says_how_far_it_came() {
    let ok = || Script::default().says(STEPS, "0", "thành công");
    let task = Task { begun: true, doubted: true, ..progress(&["Một", "Hai"]) };
    let sessions = Shared::default();
    let server = ok().on(STEPS, ResponseTemplate::new(503)).start().await;
    let outcome = portal(&server.uri()).attempt(&task, &call(&sessions)).await;
    assert!(
        matches!(&outcome, Outcome::Unclear(d) if d.cause == Cause::Throttled && d.said.starts_with("1 of 2")),
        "{outcome:?}"
    );
    let server = ok().says(STEPS, "-7", "NoiDungXuLy sai").start().await;
    let outcome = portal(&server.uri()).attempt(&task, &call(&sessions)).await;
    assert!(
        matches!(&outcome, Outcome::Refused(r) if r.said.starts_with("1 of 2") && r.field.as_deref() == Some("NoiDungXuLy")),
        "{outcome:?}"
    );
    let server = Script::default().on(STEPS, ResponseTemplate::new(503)).start().await;
    assert_eq!(portal(&server.uri()).attempt(&task, &call(&sessions)).await.name(), "not_done");
}

#[tokio::test]
async fn an_unknown_dossier_refuses_its_steps() {
    let server = Script::default().says(STEPS, "-1", "Hồ sơ không tồn tại").start().await;
    let sessions = Shared::default();
    let outcome = portal(&server.uri()).attempt(&progress(&["a"]), &call(&sessions)).await;
    assert!(matches!(&outcome, Outcome::Refused(r) if r.cause == Cause::UnknownThere), "{outcome:?}");
}

#[tokio::test]
async fn impossible_payloads_are_refused_before_anything_is_sent() {
    let (portal, sessions) = (portal("http://127.0.0.1:1"), Shared::default());
    for task in [progress(&[]), progress(&["x"; 11]), progress(&[" "])] {
        let outcome = portal.attempt(&task, &call(&sessions)).await;
        assert!(matches!(&outcome, Outcome::Refused(r) if r.code == "local"), "{outcome:?}");
    }
}
