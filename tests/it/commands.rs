//! The command line of the real program, against a running server.

use lienthong_tests::{Place, Plan, program, traffic};
use serde_json::Value;

#[tokio::test(flavor = "multi_thread")]
async fn the_demonstration_runs_to_its_end_and_everything_comes_out() {
    let (status, closing) = program::json(&["demo"]).await;
    assert!(status.success(), "{closing:#}");
    assert_eq!(closing["good"], true, "{closing:#}");
    for ledger in ["messages", "operations"] {
        assert_eq!(closing["ledgers"][ledger]["difference"], 0, "{closing:#}");
    }
    assert!(closing["told"]["payment.succeeded"]["count"].as_i64() > Some(10), "{closing:#}");
    // The index of the quarter that the sample plays in.
    let index = &closing["index"];
    assert_eq!(
        (&index["period"], &closing["index_page"]),
        (&"2026-Q1".into(), &"/chi-so?period=2026-Q1".into())
    );
    assert!(index["dossiers"].as_i64() > Some(250), "{index:#}");
    let of = index["computed"]["of"].as_i64().unwrap();
    assert!((60..=76).contains(&of), "x of what can be computed: {of}");
    let costly = index["costly"].as_array().unwrap();
    assert!(
        costly.len() > 5 && costly[0]["acts"].as_array().is_some_and(|acts| !acts.is_empty()),
        "{costly:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_demonstration_that_leaves_something_behind_fails() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("events.jsonl");
    let unknown = r#"{"specversion":"1.0","id":"1","source":"/motcua/000.00.08.H99",
        "type":"vn.motcua.dossier.processing.v1","subject":"000.00.08.H99-261123-0001","time":"2026-11-23T09:00:00+07:00",
        "data":{"step":{"at":"2026-11-23T09:00:00+07:00","officer":"Lê Văn Mẫu","content":"Thẩm định"}}}"#;
    for (left, line) in [("quarantined", "no event"), ("held", &unknown.replace('\n', ""))] {
        std::fs::write(&file, line).unwrap();
        let (status, closing) = program::json(&["demo", "--events", &file.display().to_string()]).await;
        assert!(!status.success() && closing["good"] == false, "{left}: {closing:#}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_answers_in_json() {
    let world = Plan::embedded(Place::Program).open().await;
    let mess = world.file("mess.jsonl");
    std::fs::write(&mess, traffic::MESS.lines().join(&b'\n')).unwrap();
    let file = mess.display().to_string();

    let (status, judged) = world.command(&["event", "validate", &file]).await;
    assert!(!status.success() && judged["problems"].as_array().is_some_and(|p| !p.is_empty()), "{judged}");
    assert_eq!(world.api.get("/v1/ledgers").await["messages"]["received"], 0, "validating stores nothing");
    let (status, published) = world.command(&["event", "publish", &file]).await;
    assert!(!status.success(), "some lines are broken: {published}");
    let lines = traffic::MESS.lines();
    assert_eq!(published["lines"], lines.len());
    world.rests(lines.len()).await;

    let (status, report) = world.command(&["status"]).await;
    assert!(status.success(), "{report}");
    assert_eq!(report["ledgers"]["messages"]["difference"], 0);

    let (_, operations) = world.command(&["operation", "list"]).await;
    let operation = operations["operations"][0].clone();
    let id = operation["id"].to_string();
    let (status, shown) = world.command(&["operation", "show", &id]).await;
    assert!(status.success() && shown["operation"]["id"] == operation["id"], "{shown}");
    let code = operation["subject"].as_str().unwrap();
    let (status, timeline) = world.command(&["dossier", code]).await;
    assert!(status.success() && timeline["events"].as_array().is_some_and(|e| !e.is_empty()), "{timeline}");

    let (_, quarantine) = world.command(&["quarantine", "list"]).await;
    let entry = quarantine["quarantine"][0]["id"].to_string();
    let (status, shown) = world.command(&["quarantine", "show", &entry]).await;
    assert!(status.success() && shown != Value::Null, "{shown}");

    let (status, checked) = world.command(&["config", "check"]).await;
    assert!(status.success() && checked["ok"] == true, "{checked}");
    let (status, issued) = world.command(&["token", "issue", "--subject", "an", "--scope", "read"]).await;
    assert!(status.success() && issued != Value::Null, "{issued}");
}

#[test]
fn a_command_without_a_configuration_invents_no_province() {
    let folder = tempfile::tempdir().unwrap();
    for line in
        ["status", "migrate", "quarantine list", "token issue --subject an --scope read", "config check"]
    {
        let mut command = std::process::Command::new(program::binary());
        command.args(line.split(' ')).current_dir(folder.path()).env_remove("LIENTHONG_CONFIG");
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains("--config"), "{line}: {said}");
    }
    assert_eq!(folder.path().read_dir().unwrap().count(), 0, "nothing was made");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_partner_can_be_asked_whether_it_takes_our_credentials() {
    let mut world = Plan::embedded(Place::Program).open().await;
    let names = |checked: &Value| {
        let partners = checked["partners"].as_array().unwrap().iter();
        let failed = partners.filter(|p| p["ok"] == false);
        failed.map(|p| (p["connector"].to_string(), p["cause"].to_string())).collect::<Vec<_>>()
    };
    let (status, checked) = world.command(&["check"]).await;
    assert!(status.success() && checked["ok"] == true, "beside the running service: {checked}");
    assert_eq!(checked["partners"].as_array().map(Vec::len), Some(3), "{checked}");
    let (_, status) = world.command(&["status"]).await;
    assert_eq!(status["service"], true, "{status}");
    world.stop().await;
    let own = world.config().display().to_string();
    let (_, status) = program::json(&["--config", &own, "status"]).await;
    assert_eq!(status["service"], false, "figures of the store alone say so: {status}");

    let text = std::fs::read_to_string(world.config()).unwrap();
    let is_password = |line: &&str| line.starts_with("password = ");
    let password = text.lines().find(is_password).expect("the portal has a password");
    let file = world.file("wrong.toml");
    std::fs::write(&file, text.replace(password, "password = \"sai\"")).unwrap();
    let file = file.display().to_string();
    let (status, checked) = program::json(&["--config", &file, "check"]).await;
    assert!(!status.success(), "{checked}");
    assert_eq!(
        names(&checked),
        [("\"dvcqg\"".to_owned(), "\"credentials_rejected\"".to_owned())],
        "{checked}"
    );
    let advice = &checked["partners"][0]["advice"]["vi"];
    assert!(advice["next"].as_str().is_some_and(|next| next.contains("cấu hình")), "{advice}");
    let (status, checked) = program::json(&["--config", &file, "check", "vnpost"]).await;
    assert!(status.success() && checked["partners"].as_array().map(Vec::len) == Some(1), "{checked}");
    assert!(!program::run(&["--config", &file, "check", "nobody"]).await.status.success());
    assert_eq!(world.suite.portal.dossiers().len(), 0, "a question without effect");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_operation_can_be_dismissed_with_a_reason_and_is_gone() {
    let world = Plan::embedded(Place::Program).open().await;
    let lines = traffic::MESS.lines();
    world.api.publish(&lines).await;
    world.rests(lines.len()).await;
    let (_, held) = world.command(&["operation", "list", "--state", "held"]).await;
    let id = held["operations"][0]["id"].to_string();
    assert_ne!(id, "null", "the sample leaves nothing held");
    let (status, done) = world.command(&["operation", "dismiss", &id, "--reason", "Hồ sơ thử"]).await;
    assert!(status.success(), "{done}");
    let (_, shown) = world.command(&["operation", "show", &id]).await;
    assert_eq!(shown["operation"]["state"], "dismissed", "{shown}");
    let ledgers = world.api.get("/v1/ledgers").await;
    assert_eq!(ledgers["operations"]["difference"], 0, "{ledgers}");
}
