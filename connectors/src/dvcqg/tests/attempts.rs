//! `SyncDossier`: every branch of the create-or-update rule, and what each answer means.

use super::*;
use lienthong_core::need::Need;

const SYNC: &str = "DongBoHoSoMC";

async fn attempt(server: &MockServer, task: &Task) -> Outcome {
    let sessions = Shared::default();
    portal(&server.uri()).attempt(task, &call(&sessions)).await
}

fn proof(outcome: Outcome) -> lienthong_core::outcome::Proof {
    match outcome {
        Outcome::Done(proof) => proof,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_unknown_dossier_is_created_and_a_known_one_updated() {
    for (is_known, mode) in [(false, "create"), (true, "update")] {
        let server = Script::default().known(is_known).start().await;
        let proof = proof(attempt(&server, &sync()).await);
        assert_eq!((&proof.facts["mode"], proof.repeated), (&json!(mode), false));
        assert_eq!(proof.facts["portal_status"], 2);
        assert_eq!(asked(&server).await, ["login", "TraCuuHoSo", mode]);
    }
}

#[tokio::test]
async fn the_proof_names_the_status_as_this_deployment_sends_it() {
    let server = Script::default().start().await;
    let sessions = Shared::default();
    let portal = portal_with(&server.uri(), json!({"statuses": {"2": 4}}));
    let outcome = portal.attempt(&Task { acknowledged: true, ..sync() }, &call(&sessions)).await;
    assert_eq!(proof(outcome).facts["portal_status"], 4);
}

#[tokio::test]
async fn an_adopted_dossier_is_looked_up_and_sent_only_if_the_portal_does_not_know_it() {
    let adopt = || task_of(Payload::AdoptDossier, state(local(), PortalStatus::Received));
    let server = Script::default().known(true).start().await;
    let found = proof(attempt(&server, &adopt()).await);
    assert_eq!(found.facts["found"], true);
    assert!(!found.facts.contains_key("portal_status"), "nobody knows what the portal shows");
    assert_eq!(asked(&server).await, ["login", "TraCuuHoSo"]);

    let server = Script::default().known(false).start().await;
    let made = proof(attempt(&server, &adopt()).await);
    assert_eq!((&made.facts["mode"], made.facts.get("found")), (&json!("create"), None));
    assert_eq!(asked(&server).await, ["login", "TraCuuHoSo", "create"], "one question is enough");

    // What an unclear attempt of ours may have made is sent in full.
    let server = Script::default().known(true).start().await;
    let repeated = proof(attempt(&server, &Task { begun: true, ..adopt() }).await);
    assert_eq!((&repeated.facts["mode"], repeated.facts.get("found")), (&json!("update"), None));

    let server = Script::default().on("TraCuuHoSo", ResponseTemplate::new(500)).start().await;
    let outcome = attempt(&server, &adopt()).await;
    assert!(matches!(outcome, Outcome::NotDone(_)), "{outcome:?}");
}

#[tokio::test]
async fn the_envelope_is_flat_and_its_mode_is_a_word() {
    let server = Script::default().known(false).start().await;
    proof(attempt(&server, &sync()).await);
    let requests = server.received_requests().await.unwrap();
    let body: Value = requests.last().unwrap().body_json().unwrap();
    assert_eq!((&body["session"], &body["madonvi"]), (&json!("session-1"), &json!("000.00.00.H99")));
    assert_eq!((&body["service"], &body["isUpdating"]), (&json!(SYNC), &json!("False")));
    let expected: Value = serde_json::from_str(include_str!("../fixtures/local.portal.json")).unwrap();
    assert_eq!(body["data"], json!([expected]));
    let request = &requests[0];
    assert_eq!(request.url.query(), Some("dstcode=VN:GOV:000.00.00.G22:vpcpdvcprovider"));
    assert_eq!(
        (&request.headers["charset"], &request.headers["accept"]),
        (&"utf-8".parse().unwrap(), &"application/json".parse().unwrap())
    );
}

#[tokio::test]
async fn an_acknowledged_dossier_is_updated_without_a_look_up() {
    let server = Script::default().start().await;
    proof(attempt(&server, &Task { acknowledged: true, ..sync() }).await);
    assert_eq!(asked(&server).await, ["login", "update"]);
}

#[tokio::test]
async fn a_failed_look_up_is_a_setback_and_never_unknown_there() {
    let failures = [
        ResponseTemplate::new(500),
        ResponseTemplate::new(200).set_body_string("<html>bảo trì</html>"),
        ResponseTemplate::new(200).set_delay(Duration::from_secs(3)),
        json_of(json!({})),
        json_of(json!({"error_code": "0"})),
        said("-9", "Lỗi hệ thống"),
    ];
    for failure in failures {
        let server = Script::default().on("TraCuuHoSo", failure).start().await;
        let outcome = attempt(&server, &sync()).await;
        assert!(matches!(outcome, Outcome::NotDone(_)), "{outcome:?}");
        assert!(!asked(&server).await.iter().any(|s| s == "create"));
    }
    let server = Script::default().says("TraCuuHoSo", "-1", "Không tìm thấy hồ sơ").start().await;
    assert_eq!(proof(attempt(&server, &sync()).await).facts["mode"], "create");
}

#[tokio::test]
async fn exists_after_an_attempt_that_had_begun_is_our_own_and_is_updated() {
    for (code, message) in [("-3", "Hồ sơ đã tồn tại"), ("3", "khác"), ("-1", "Mã hồ sơ ĐÃ TỒN TẠI")]
    {
        let server =
            Script::default().known(false).says(SYNC, code, message).says(SYNC, "00", "Cập nhật thành công");
        let server = server.start().await;
        let proof = proof(attempt(&server, &Task { begun: true, ..sync() }).await);
        assert_eq!((&proof.facts["mode"], proof.repeated), (&json!("update"), true));
        assert_eq!(asked(&server).await, ["login", "TraCuuHoSo", "create", "update"]);
    }
}

#[tokio::test]
async fn configuration_may_leave_the_look_up_out_where_the_portal_cannot_know_the_dossier_from_us() {
    let asks = async |script: Script, task: Task| {
        let server = script.start().await;
        let sessions = Shared::default();
        let portal = portal_with(&server.uri(), json!({"look_up": "in_doubt"}));
        (proof(portal.attempt(&task, &call(&sessions)).await), asked(&server).await)
    };
    let (_, new) = asks(Script::default(), sync()).await;
    assert_eq!(new, ["login", "create"]);
    let (_, begun) = asks(Script::default().known(false), Task { begun: true, ..sync() }).await;
    assert_eq!(begun, ["login", "TraCuuHoSo", "create"]);
    // It is there all the same: looked up then, and adopted.
    let exists =
        Script::default().known(true).says(SYNC, "-3", "Hồ sơ đã tồn tại").says(SYNC, "0", "thành công");
    let (adopted, met) = asks(exists, sync()).await;
    assert_eq!(adopted.facts["adopted"], true);
    assert_eq!(met, ["login", "create", "TraCuuHoSo", "update"]);
}

#[tokio::test]
async fn where_nothing_can_be_looked_up_a_create_that_meets_exists_becomes_an_update() {
    let run = async |script: Script, task: Task| {
        let server = script.start().await;
        let sessions = Shared::default();
        let portal = portal_with(&server.uri(), json!({"look_up": "never"}));
        (portal.attempt(&task, &call(&sessions)).await, asked(&server).await)
    };
    let exists = || Script::default().says(SYNC, "-3", "Hồ sơ đã tồn tại").says(SYNC, "0", "thành công");
    for task in [sync(), Task { begun: true, ..sync() }] {
        let (outcome, asked) = run(exists(), task).await;
        assert_eq!(proof(outcome).facts["mode"], "update");
        assert_eq!(asked, ["login", "create", "update"]);
    }
    let adopt = task_of(Payload::AdoptDossier, state(local(), PortalStatus::Received));
    let (outcome, asked) = run(Script::default(), adopt).await;
    assert_eq!(outcome, Outcome::Held(Need::Setting("look_up".into())));
    assert!(asked.is_empty());
}

#[tokio::test]
async fn exists_on_a_first_attempt_is_adopted_by_look_up_or_foreign() {
    let script = || Script::default().known(false).says(SYNC, "-3", "Hồ sơ đã tồn tại");
    let server = script().known(true).says(SYNC, "0", "thành công").start().await;
    let adopted = proof(attempt(&server, &sync()).await);
    assert_eq!((&adopted.facts["adopted"], adopted.repeated), (&json!(true), false));
    assert_eq!(asked(&server).await, ["login", "TraCuuHoSo", "create", "TraCuuHoSo", "update"]);

    let server = script().start().await;
    let outcome = attempt(&server, &sync()).await;
    assert!(
        matches!(&outcome, Outcome::Refused(r) if r.cause == Cause::ForeignRecord && r.code == "-3"),
        "{outcome:?}"
    );

    let server = script().on("TraCuuHoSo", ResponseTemplate::new(500)).start().await;
    assert!(matches!(attempt(&server, &sync()).await, Outcome::NotDone(_)));
}

#[tokio::test]
async fn an_update_of_what_the_portal_lost_creates_it_once() {
    let script = || Script::default().says(SYNC, "-1", "Không tìm thấy hồ sơ");
    let task = Task { acknowledged: true, ..sync() };
    let server = script().says(SYNC, "0", "thành công").start().await;
    let proof = proof(attempt(&server, &task).await);
    assert_eq!((&proof.facts["mode"], &proof.facts["recreated"]), (&json!("create"), &json!(true)));
    assert_eq!(asked(&server).await, ["login", "update", "create"]);

    let server = script().start().await;
    let outcome = attempt(&server, &task).await;
    assert!(matches!(&outcome, Outcome::Refused(r) if r.cause == Cause::DataRefused), "{outcome:?}");
    assert_eq!(asked(&server).await, ["login", "update", "create"]);
}

#[tokio::test]
async fn each_answer_to_a_write_means_what_the_table_says() {
    let success = "Đồng bộ thành công";
    let table: [(ResponseTemplate, &str, Option<Cause>); 19] = [
        (json_of(json!({"error_code": 0, "message": success})), "done", None),
        (json_of(json!({"error_code": "00", "message": success})), "done", None),
        (json_of(json!({"error_code": "0", "message": [success]})), "done", None),
        (said("-7", "NgayTiepNhan sai định dạng"), "refused", Some(Cause::DataRefused)),
        (said("ERR", "khác"), "refused", Some(Cause::DataRefused)),
        (said("-1", "Biểu mẫu sai phiên bản"), "refused", Some(Cause::DataRefused)),
        (said("-1", "Phiên làm việc hết hạn"), "not_done", Some(Cause::SessionRejected)),
        (said("-1", "Tài khoản không có quyền truy cập"), "paused", Some(Cause::CredentialsRejected)),
        (json_of(json!({"message": success})), "unclear", Some(Cause::Unreadable)),
        (json_of(json!({"error_code": null})), "unclear", Some(Cause::Unreadable)),
        (
            ResponseTemplate::new(200).set_body_string("{\"error_code\": 0, \"mess"),
            "unclear",
            Some(Cause::Unreadable),
        ),
        (ResponseTemplate::new(200).set_body_string("<html>ok</html>"), "unclear", Some(Cause::Unreadable)),
        (ResponseTemplate::new(200), "unclear", Some(Cause::Unreadable)),
        (ResponseTemplate::new(500).set_body_string("<html/>"), "unclear", Some(Cause::PartnerFailed)),
        (
            ResponseTemplate::new(500).set_body_json(json!({"error_code": "0"})),
            "unclear",
            Some(Cause::PartnerFailed),
        ),
        (
            ResponseTemplate::new(400).set_body_json(json!({"error_code": "-2", "message": "sai"})),
            "refused",
            Some(Cause::DataRefused),
        ),
        (ResponseTemplate::new(403).set_body_string("<html/>"), "paused", Some(Cause::CredentialsRejected)),
        (ResponseTemplate::new(503).insert_header("retry-after", "9"), "not_done", Some(Cause::Throttled)),
        (ResponseTemplate::new(200).set_delay(Duration::from_secs(3)), "unclear", Some(Cause::NoAnswer)),
    ];
    for (answer, name, expected) in table {
        let shown = format!("{answer:?}");
        let server = Script::default().known(false).on(SYNC, answer).start().await;
        let outcome = attempt(&server, &sync()).await;
        let cause = match &outcome {
            Outcome::Refused(r) => Some(r.cause),
            Outcome::NotDone(s) => Some(s.cause),
            Outcome::Paused(p) => Some(p.cause),
            Outcome::Unclear(d) => Some(d.cause),
            Outcome::Done(_) | Outcome::Accepted(_) | Outcome::Held(_) => None,
        };
        assert_eq!((outcome.name(), cause), (name, expected), "{shown}: {outcome:?}");
        if let Outcome::NotDone(setback) = outcome
            && setback.cause == Cause::Throttled
        {
            assert_eq!(setback.retry_after, Some(SignedDuration::from_secs(9)));
        }
    }
}

#[tokio::test]
async fn a_refusal_keeps_code_words_and_field_but_no_person() {
    let words = "NgayTiepNhan của Trần Thị Mẫu, 080099000001, 0900000001 sai (session-1)";
    let server = Script::default().known(false).says(SYNC, "-7", words).start().await;
    let outcome = attempt(&server, &sync()).await;
    let Outcome::Refused(refusal) = outcome else { panic!("{outcome:?}") };
    assert_eq!(refusal.said, "NgayTiepNhan của ***, ***, *** sai (***)");
    assert_eq!((refusal.code.as_str(), refusal.field.as_deref()), ("-7", Some("NgayTiepNhan")));
}

#[tokio::test]
async fn success_without_the_usual_words_is_success_and_noted() {
    let server = Script::default().known(false).says(SYNC, "0", "OK").start().await;
    assert_eq!(proof(attempt(&server, &sync()).await).facts["without_phrase"], "thành công");
}

#[tokio::test]
async fn local_needs_are_found_before_anything_is_sent() {
    let server = Script::default().start().await;
    let mut fields = local();
    fields["procedure"]["code"] = json!("TT-KHAI-SINH");
    let task = task_of(Payload::SyncDossier, state(fields.clone(), PortalStatus::Received));
    let need =
        Need::Mapping { connector: "portal".into(), table: "procedure".into(), code: "TT-KHAI-SINH".into() };
    assert_eq!(attempt(&server, &task).await, Outcome::Held(need));
    fields["procedure"]["code"] = json!("");
    let task = task_of(Payload::SyncDossier, state(fields, PortalStatus::Received));
    assert!(
        matches!(attempt(&server, &task).await, Outcome::Refused(r) if r.field.as_deref() == Some("MaTTHC"))
    );
    let outcome = attempt(&server, &Task { dossier: None, ..sync() }).await;
    assert!(matches!(outcome, Outcome::Refused(r) if r.cause == Cause::Internal));
    assert!(asked(&server).await.is_empty());
}

#[tokio::test]
async fn names_come_from_the_table_then_the_portal_then_the_event() {
    let row = json!({"TENTTHC": "Tên cổng", "LINHVUCTHUCHIEN": [{"MALINHVUC": "G1", "TENLINHVUC": "Lĩnh vực cổng"}]});
    let known = json_of(json!({"error_code": "0", "result": [row]}));
    let sent = async |server: &MockServer| {
        let requests = server.received_requests().await.unwrap();
        let body: Value = requests.last().unwrap().body_json().unwrap();
        let look_ups =
            requests.iter().filter(|r| r.body_json::<Value>().unwrap()["service"] == "LayThuTuc").count();
        let dossier = &body["data"][0];
        (
            format!("{} {} {}", dossier["TenTTHC"], dossier["MaLinhVuc"], dossier["TenLinhVuc"])
                .replace('"', ""),
            look_ups,
        )
    };
    let (sessions, task) = (Shared::default(), Task { acknowledged: true, ..sync() });

    let server = Script::default().on("LayThuTuc", known).start().await;
    let portal = portal(&server.uri());
    for _ in 0..2 {
        proof(portal.attempt(&task, &call(&sessions)).await);
    }
    assert_eq!(sent(&server).await, ("Tên cổng G1 Lĩnh vực cổng".to_owned(), 1));
    proof(portal.attempt(&task, &call_at(&sessions, 12 * 3600 + 1)).await);
    assert_eq!(sent(&server).await.1, 2);

    let server = Script::default().on("LayThuTuc", ResponseTemplate::new(500)).start().await;
    let portal = self::portal(&server.uri());
    for seconds in [0, 59, 61] {
        proof(portal.attempt(&task, &call_at(&sessions, seconds)).await);
    }
    assert_eq!(sent(&server).await, ("Đăng ký khai sinh G15-TP01 Hộ tịch".to_owned(), 2));

    let entry =
        json!({"code": "1.001193", "name": "Tên bảng", "field_code": "B1", "field_name": "Lĩnh vực bảng"});
    let portal = portal_with(&server.uri(), json!({"procedures": {"table": {"1.001193": entry}}}));
    proof(portal.attempt(&task, &call(&sessions)).await);
    assert_eq!(sent(&server).await, ("Tên bảng B1 Lĩnh vực bảng".to_owned(), 2));
}

#[tokio::test]
async fn a_name_that_nobody_gives_is_a_setback_only_while_the_portal_did_not_answer() {
    let mut fields = local();
    fields["procedure"]["name"] = json!("");
    let task = task_of(Payload::SyncDossier, state(fields, PortalStatus::Received));
    let server = Script::default().on("LayThuTuc", ResponseTemplate::new(500)).start().await;
    assert!(matches!(attempt(&server, &task).await, Outcome::NotDone(s) if s.cause == Cause::PartnerFailed));
    let row = json!({"TENTTHC": "", "LINHVUCTHUCHIEN": []});
    let server =
        Script::default().on("LayThuTuc", json_of(json!({"error_code": 0, "result": [row]}))).start().await;
    assert!(
        matches!(attempt(&server, &task).await, Outcome::Refused(r) if r.field.as_deref() == Some("TenTTHC"))
    );
}

#[tokio::test]
async fn no_write_begins_when_too_little_time_is_left() {
    let slow = json_of(json!({"error_code": 0, "result": []})).set_delay(Duration::from_millis(700));
    let server = Script::default().on("TraCuuHoSo", slow).start().await;
    let (portal, sessions) = (portal_with(&server.uri(), json!({"min_write_ms": 1000})), Shared::default());
    let call = Call { deadline: Duration::from_millis(1500), ..call(&sessions) };
    let outcome = portal.attempt(&sync(), &call).await;
    assert!(matches!(&outcome, Outcome::NotDone(s) if s.said.contains("not sent")), "{outcome:?}");
    assert_eq!(asked(&server).await, ["login", "TraCuuHoSo"]);
}

#[tokio::test]
async fn a_portal_that_is_not_there_is_unreachable() {
    let sessions = Shared::default();
    let outcome = portal("http://127.0.0.1:1").attempt(&sync(), &call(&sessions)).await;
    assert!(matches!(outcome, Outcome::NotDone(s) if s.cause == Cause::Unreachable));
}
