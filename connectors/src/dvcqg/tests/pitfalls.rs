//! The pitfalls that other clients of the portal fell into (docs/partners/dvcqg.md, 10), one test each. Some are tested where
//! their subject is:
//!
//! | 2 | `attempts::a_failed_look_up_is_a_setback_and_never_unknown_there` |
//! | 4 | the engine: `a_dossier_reaches_the_portal_in_the_order_of_its_events` |
//! | 5 | `simulator::a_lost_answer_to_a_create_is_unclear_and_its_repeat_updates_the_same_dossier` |
//! | 8 | `attempts::local_needs_are_found_before_anything_is_sent` |
//! | 10 | `map::long_texts_are_cut_visibly_and_noted` |
//! | 18 | `attempts::each_answer_to_a_write_means_what_the_table_says`, `gateway::…` |

use super::*;

const SYNC: &str = "DongBoHoSoMC";
const STEPS: &str = "CapNhatTienDoHoSoMC";

/// Every body that the portal got, but logins.
async fn bodies(server: &MockServer) -> Vec<Value> {
    let requests = server.received_requests().await.unwrap();
    let bodies = requests.iter().map(|r| r.body_json::<Value>().unwrap());
    bodies.filter(|b| b["service"].is_string()).collect()
}

/// The dossier as it was sent.
async fn sent(task: &Task, more: Value) -> Value {
    let server = Script::default().start().await;
    let sessions = Shared::default();
    let outcome = portal_with(&server.uri(), more).attempt(task, &call(&sessions)).await;
    assert_eq!(outcome.name(), "done", "{outcome:?}");
    bodies(&server).await.pop().unwrap()["data"][0].clone()
}

fn told(change: impl FnOnce(&mut Value)) -> Task {
    let mut fields = local();
    change(&mut fields);
    Task { acknowledged: true, ..task_of(Payload::SyncDossier, state(fields, PortalStatus::Finished)) }
}

#[tokio::test]
async fn pitfall_1_what_the_portal_acknowledged_to_us_is_updated_whatever_a_look_up_would_say() {
    let server = Script::default().known(false).start().await;
    let sessions = Shared::default();
    let task = Task { acknowledged: true, ..sync() };
    portal(&server.uri()).attempt(&task, &call(&sessions)).await;
    assert_eq!(asked(&server).await, ["login", "update"]);
}

#[tokio::test]
async fn pitfall_3_a_dossier_that_was_taken_is_not_sent_again_because_its_steps_failed() {
    let server = Script::default().known(false).on(STEPS, ResponseTemplate::new(503)).start().await;
    let (portal, sessions) = (portal(&server.uri()), Shared::default());
    assert_eq!(portal.attempt(&sync(), &call(&sessions)).await.name(), "done");
    assert_eq!(portal.attempt(&progress(&["Một"]), &call(&sessions)).await.name(), "not_done");
    assert_eq!(portal.attempt(&progress(&["Một"]), &call(&sessions)).await.name(), "not_done");
    assert_eq!(asked(&server).await, ["login", "TraCuuHoSo", "create", STEPS, STEPS]);
}

#[tokio::test]
async fn pitfall_6_a_call_carries_one_dossier_and_no_more_steps_than_configured() {
    let server = Script::default().known(false).start().await;
    let sessions = Shared::default();
    let portal = portal_with(&server.uri(), json!({"steps_per_call": 2}));
    let outcome = portal.attempt(&progress(&["1", "2", "3", "4", "5"]), &call(&sessions)).await;
    assert!(matches!(&outcome, Outcome::Done(p) if p.facts["calls"] == 3), "{outcome:?}");
    portal.attempt(&sync(), &call(&sessions)).await;
    let sizes = bodies(&server).await;
    let size = |service: &str| -> Vec<usize> {
        let own = sizes.iter().filter(|b| b["service"] == service);
        own.map(|b| b["data"].as_array().unwrap().len()).collect()
    };
    assert_eq!((size(STEPS), size(SYNC)), (vec![2, 2, 1], vec![1]));
}

#[tokio::test]
async fn pitfall_6_a_setback_between_two_calls_of_steps_is_a_doubt_and_what_was_accepted_stays_so() {
    let script = Script::default().says(STEPS, "0", "thành công").on(STEPS, ResponseTemplate::new(503));
    let server = script.says(STEPS, "0", "thành công").start().await;
    let sessions = Shared::default();
    let portal = portal_with(&server.uri(), json!({"steps_per_call": 2}));
    let task = progress(&["1", "2", "3"]);
    assert_eq!(portal.attempt(&task, &call(&sessions)).await.name(), "unclear");
    let again = Task { begun: true, doubted: true, ..task };
    assert_eq!(portal.attempt(&again, &call(&sessions)).await.name(), "done");
    let contents: Vec<Value> = bodies(&server)
        .await
        .iter()
        .flat_map(|b| b["data"].as_array().unwrap().clone())
        .map(|s| s["NoiDungXuLy"].clone())
        .collect();
    assert_eq!(contents, ["1", "2", "3", "3"]);
}

#[tokio::test]
async fn pitfall_7_the_procedure_is_read_once_for_many_dossiers() {
    let row = json!({"TENTTHC": "Tên", "LINHVUCTHUCHIEN": [{"MALINHVUC": "G1", "TENLINHVUC": "Lĩnh vực"}]});
    let known = json_of(json!({"error_code": "0", "result": [row]}));
    let server = Script::default().on("LayThuTuc", known).start().await;
    let (portal, sessions) = (portal(&server.uri()), Shared::default());
    for _ in 0..3 {
        portal.attempt(&Task { acknowledged: true, ..sync() }, &call(&sessions)).await;
    }
    let read = bodies(&server).await.iter().filter(|b| b["service"] == "LayThuTuc").count();
    assert_eq!(read, 1);
}

#[tokio::test]
async fn pitfall_9_parameters_and_fields_keep_the_portals_own_case() {
    let server = Script::default().known(false).start().await;
    let sessions = Shared::default();
    portal(&server.uri()).attempt(&sync(), &call(&sessions)).await;
    let bodies = bodies(&server).await;
    let of = |service: &str| bodies.iter().find(|b| b["service"] == service).unwrap();
    assert_eq!(of("LayThuTuc")["maTTHC"], "1.001193");
    assert_eq!(of("TraCuuHoSo")["mahoso"], "000.00.08.H99-261123-0001");
    assert_eq!(of(SYNC)["data"][0]["MaTTHC"], "1.001193");
    assert_eq!(of(SYNC)["isUpdating"], "False");
}

fn nulls(at: &str, value: &Value, out: &mut Vec<String>) {
    match value {
        Value::Null => out.push(at.to_owned()),
        Value::Array(list) => list.iter().for_each(|v| nulls(at, v, out)),
        Value::Object(map) => map.iter().for_each(|(k, v)| nulls(&format!("{at}.{k}"), v, out)),
        Value::Bool(_) | Value::Number(_) => out.push(format!("{at}: no text")),
        Value::String(_) => {}
    }
}

#[tokio::test]
async fn pitfall_11_what_is_absent_is_empty_text_and_never_null() {
    let server = Script::default().known(false).start().await;
    let (portal, sessions) = (portal_with(&server.uri(), json!({"portal_born": "both"})), Shared::default());
    let sparse = told(|fields| {
        *fields = json!({"code": "000.00.08.H99-261123-0001", "procedure": fields["procedure"], "unit": fields["unit"],
            "applicant": {"kind": "citizen", "name": "Trần Thị Mẫu"}, "received_at": "2026-11-23T08:05:00+07:00",
            "documents": [{"id": "1", "url": "https://m.vn/1"}], "results": [{"id": "K"}]});
    });
    assert_eq!(portal.attempt(&sparse, &call(&sessions)).await.name(), "done");
    let bare = ProgressStep { officer: String::new(), department: String::new(), ..step("x") };
    let fields = sparse.dossier.as_ref().unwrap().fields.clone();
    let steps = Payload::AppendProgress { steps: vec![bare] };
    let task = task_of(steps, state(Value::Object(fields.clone()), PortalStatus::Finished));
    assert_eq!(portal.attempt(&task, &call(&sessions)).await.name(), "done");
    let mut born = state(Value::Object(fields), PortalStatus::Received);
    born.fields.insert("origin".into(), json!("portal"));
    born.fields.insert("portal_code".into(), json!("G22.99-261122-000001"));
    assert_eq!(portal.attempt(&task_of(Payload::SyncDossier, born), &call(&sessions)).await.name(), "done");
    let mut found = Vec::new();
    for body in bodies(&server).await {
        nulls(body["service"].as_str().unwrap(), &body, &mut found);
    }
    assert_eq!(found, Vec::<String>::new());
}

#[tokio::test]
async fn pitfall_12_the_code_is_the_events_and_none_is_made_up() {
    for code in ["000.00.08.H99-261123-0001", "H99.08-261123-0001"] {
        let dossier = sent(&told(|f| f["code"] = json!(code)), json!({})).await;
        assert_eq!(dossier["MaHoSo"], code);
    }
}

#[tokio::test]
async fn pitfalls_14_and_15_times_are_on_the_24_hour_clock_of_vietnam_wherever_they_come_from() {
    let dossier = sent(
        &told(|f| {
            f["submitted_at"] = json!("2026-11-22T23:30:00Z");
            f["received_at"] = json!("2026-11-23T13:05:09+07:00");
            f["due_at"] = json!("2026-11-30T00:00:00+07:00");
        }),
        json!({}),
    )
    .await;
    assert_eq!(dossier["NgayNopHoSo"], "20261123063000");
    assert_eq!(dossier["NgayTiepNhan"], "20261123130509");
    assert_eq!(dossier["NgayHenTra"], "20261130000000");
}

#[tokio::test]
async fn pitfall_16_a_finished_dossier_without_a_result_has_none_at_the_portal_either() {
    let dossier = sent(&told(|f| f["results"] = json!([])), json!({})).await;
    assert_eq!(dossier["TaiLieuNop"].as_array().unwrap().len(), 1);
    assert_eq!(dossier["DanhSachGiayToKetQua"], json!([]));
}

#[tokio::test]
async fn pitfall_17_an_unknown_identity_is_absent_and_no_dummy() {
    for id in [
        Value::Null,
        json!({"kind": "citizen_id", "number": ""}),
        json!({"kind": "passport", "number": "B1"}),
    ] {
        let dossier = sent(&told(|f| f["applicant"]["id"] = id), json!({"send_owner_number": false})).await;
        assert_eq!(dossier["DinhDanhCHS"], json!([]));
        assert!(dossier.get("SoGiayToChuHoSo").is_none());
    }
    let passport = told(|f| f["applicant"]["id"] = json!({"kind": "passport", "number": "B1"}));
    let dossier =
        sent(&passport, json!({"identity_kinds": {"passport": "4"}, "send_owner_number": true})).await;
    assert_eq!(dossier["DinhDanhCHS"], json!([{"LoaiDinhDanh": "4", "SoDinhDanh": "B1"}]));
    assert_eq!(dossier["SoGiayToChuHoSo"], "B1");
}

#[tokio::test]
async fn pitfall_19_neither_password_nor_session_nor_person_is_in_what_is_kept_of_the_portals_words() {
    let words = "Trần Thị Mẫu 080099000001 session-1 TEST-PASSWORD TOKEN-9";
    let server = Script::default().known(false).says(SYNC, "-7", words).start().await;
    let sessions = Shared::default();
    let portal = portal_with(&server.uri(), json!({"headers": {"X-Token": "TOKEN-9"}}));
    let outcome = format!("{:?}", portal.attempt(&sync(), &call(&sessions)).await);
    for secret in ["Trần", "080099000001", "session-1", "TOKEN-9"] {
        assert!(!outcome.contains(secret), "{secret} in {outcome}");
    }
    assert!(!format!("{:?}", portal.config).contains("TOKEN-9"));
    let requests = server.received_requests().await.unwrap();
    assert_eq!(requests[0].headers["x-token"], "TOKEN-9");
}

#[tokio::test]
async fn pitfall_22_every_result_goes_out_and_not_the_last_alone() {
    let dossier = sent(
        &told(|f| {
            f["results"] = json!([{"id": "1", "name": "Một", "code": "KQ-1", "url": "https://m.vn/1"},
                {"id": "2", "name": "Hai", "code": "KQ-2", "url": "https://m.vn/2"}]);
        }),
        json!({}),
    )
    .await;
    let codes =
        dossier["DanhSachGiayToKetQua"].as_array().unwrap().iter().map(|r| r["MaGiayToKetQua"].clone());
    assert_eq!(codes.collect::<Vec<_>>(), ["KQ-1", "KQ-2"]);
}
