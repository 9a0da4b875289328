//! Dossiers born on the portal: the whole dossier, the status alone, or both.

use super::*;
use lienthong_core::{dossier::StatusFrom, need::Need};

const STATUS: &str = "DongBoTrangThaiHoSo";

fn born(status: PortalStatus) -> DossierState {
    let fields = serde_json::from_str(include_str!("../fixtures/born.dossier.json")).unwrap();
    let mut state = state(fields, status);
    state.status_from = Some(StatusFrom {
        at: "2026-11-24T14:00:00+07:00".parse().unwrap(),
        content: "Thiếu sơ đồ".to_owned(),
    });
    state
}

fn told(status: PortalStatus) -> Task {
    task_of(Payload::SyncDossier, born(status))
}

async fn run(server: &MockServer, more: Value, task: &Task) -> Outcome {
    let sessions = Shared::default();
    portal_with(&server.uri(), more).attempt(task, &call(&sessions)).await
}

#[tokio::test]
async fn by_default_a_portal_born_dossier_is_kept_in_step_in_full() {
    let server = Script::default().known(true).start().await;
    assert_eq!(run(&server, json!({}), &told(PortalStatus::Received)).await.name(), "done");
    assert_eq!(asked(&server).await, ["login", "TraCuuHoSo", "update"]);
}

#[tokio::test]
async fn pitfall_13_where_its_status_alone_is_told_no_dossier_and_no_step_goes_out() {
    let server = Script::default().start().await;
    let more = json!({"portal_born": "status"});
    let outcome = run(&server, more.clone(), &told(PortalStatus::SupplementRequested)).await;
    assert!(matches!(&outcome, Outcome::Done(p) if p.facts["portal_status"] == 5), "{outcome:?}");
    assert_eq!(asked(&server).await, ["login", STATUS]);
    let requests = server.received_requests().await.unwrap();
    let body: Value = requests.last().unwrap().body_json().unwrap();
    assert_eq!(body["type"], "2");
    let expected = json!({"MaHoSo": "G22.99-261122-000001", "MaHoSoDonVi": "000.00.08.H99-261123-0002", "MaDoiTuong": "TECH-1",
        "NoiDung": "Thiếu sơ đồ", "NgayXuLy": "20261124140000", "TrangThai": "5",
        "TaiLieuXuLy": [{"TepDinhKemId": "", "TenTepDinhKem": "Giấy chứng nhận", "IsDeleted": "False",
            "MaThanhPhanHoSo": "", "DuongDanTaiTepTin": "http://noi-bo/kq/1"}]});
    assert_eq!(body["data"], expected);

    let steps = Payload::AppendProgress { steps: vec![step("Thẩm định")] };
    let outcome = run(&server, more, &task_of(steps, born(PortalStatus::Processing))).await;
    assert!(matches!(&outcome, Outcome::Done(p) if p.facts.contains_key("not_sent")), "{outcome:?}");
    assert_eq!(asked(&server).await, ["login", STATUS], "nothing more was sent");
}

#[tokio::test]
async fn a_status_without_an_entry_is_held_and_one_that_is_not_to_be_told_is_not_sent() {
    let server = Script::default().start().await;
    let outcome = run(&server, json!({"portal_born": "status"}), &told(PortalStatus::Stopped)).await;
    let need = Need::Mapping { connector: "portal".into(), table: "born_status".into(), code: "8".into() };
    assert_eq!(outcome, Outcome::Held(need));
    let more = json!({"portal_born": "status", "born_statuses": {"8": 0}});
    let outcome = run(&server, more, &told(PortalStatus::Stopped)).await;
    assert!(
        matches!(&outcome, Outcome::Done(p) if p.facts.contains_key("not_sent") && !p.facts.contains_key("portal_status")),
        "{outcome:?}"
    );
    assert!(asked(&server).await.is_empty());
    let more = json!({"portal_born": "status", "born_statuses": {"8": 11}});
    let outcome = run(&server, more, &told(PortalStatus::Stopped)).await;
    assert!(matches!(&outcome, Outcome::Done(p) if p.facts["portal_status"] == 11), "{outcome:?}");
}

#[tokio::test]
async fn the_procedures_entry_decides_and_dossiers_born_here_are_always_told_in_full() {
    let entry = json!({"code": "1.004227", "name": "a", "field_code": "b", "field_name": "c", "portal_born": "status"});
    let more = json!({"procedures": {"table": {"1.004227.000.00.00.H99": entry}}});
    let server = Script::default().known(true).start().await;
    run(&server, more.clone(), &told(PortalStatus::Received)).await;
    assert_eq!(asked(&server).await, ["login", STATUS]);
    let server = Script::default().known(true).start().await;
    run(&server, json!({"portal_born": "status"}), &sync()).await;
    assert_eq!(asked(&server).await, ["login", "TraCuuHoSo", "update"]);
}

#[tokio::test]
async fn both_tell_the_dossier_first_and_what_fails_after_it_is_never_taken_for_done() {
    let more = json!({"portal_born": "both"});
    let server = Script::default().known(true).start().await;
    let outcome = run(&server, more.clone(), &told(PortalStatus::Received)).await;
    assert!(
        matches!(&outcome, Outcome::Done(p) if p.facts["portal_status"] == 2 && p.facts["status_told"]["mode"] == "status"),
        "{outcome:?}"
    );
    assert_eq!(asked(&server).await, ["login", "TraCuuHoSo", "update", STATUS]);

    // Nothing goes out if the status cannot be told anyway.
    let server = Script::default().known(true).start().await;
    assert_eq!(run(&server, more.clone(), &told(PortalStatus::Stopped)).await.name(), "held");
    assert!(asked(&server).await.is_empty());

    let refused = said("-7", "TrangThai sai");
    let table = [
        (ResponseTemplate::new(503), "unclear"),
        (ResponseTemplate::new(500), "unclear"),
        (refused, "refused"),
    ];
    for (answer, name) in table {
        let server = Script::default().known(true).on(STATUS, answer).start().await;
        let outcome = run(&server, more.clone(), &told(PortalStatus::Received)).await;
        assert_eq!(outcome.name(), name, "{outcome:?}");
        if let Outcome::Refused(refusal) = outcome {
            assert!(refusal.said.starts_with("DongBoHoSoMC was accepted"), "{}", refusal.said);
        }
    }
}

#[tokio::test]
async fn a_status_of_before_its_origin_was_kept_takes_the_dossiers_own_dates() {
    let date = async |status: PortalStatus| {
        let server = Script::default().start().await;
        let mut state = born(status);
        state.status_from = None;
        let more = json!({"portal_born": "status", "born_statuses": {"2": 2, "4": 2, "10": 2}});
        let outcome = run(&server, more, &task_of(Payload::SyncDossier, state)).await;
        let requests = server.received_requests().await.unwrap();
        let body: Value = requests.last().unwrap().body_json().unwrap();
        (
            body["data"]["NgayXuLy"].clone(),
            matches!(outcome, Outcome::Done(p) if p.facts.contains_key("assumed")),
        )
    };
    assert_eq!(date(PortalStatus::Received).await, (json!("20261123080000"), false));
    assert_eq!(date(PortalStatus::Returned).await, (json!("20261202090000"), false));
    assert_eq!(date(PortalStatus::Processing).await, (json!("20261123080000"), true));
}
