//! The connector against the strict portal simulator: no broken rule of the contract, whatever goes wrong.

use super::*;
use lienthong_core::dossier::StatusFrom;
use lienthong_mocks::{
    Behaviour, Rule,
    portal::{self as simulated, GatewayPaths, Options, PortalHandle},
};
use tokio::net::TcpListener;

const CODE: &str = "000.00.08.H99-261123-0001";
const SYNC: &str = "DongBoHoSoMC";
const STEPS: &str = "CapNhatTienDoHoSoMC";

async fn start() -> PortalHandle {
    start_with(Options::default()).await
}

pub(super) async fn start_with(options: Options) -> PortalHandle {
    simulated::start(TcpListener::bind("127.0.0.1:0").await.unwrap(), options).await
}

async fn run(portal: &Dvcqg, sessions: &Shared, task: &Task) -> Outcome {
    portal.attempt(task, &call(sessions)).await
}

#[tokio::test]
async fn a_dossier_lives_its_life_without_a_broken_rule() {
    let simulator = start().await;
    let (portal, sessions) = (portal(&simulator.url()), Shared::default());
    assert!(portal.check(&call(&sessions)).await.unwrap().contains("9 procedures"));
    let outcome = run(&portal, &sessions, &sync()).await;
    assert!(matches!(&outcome, Outcome::Done(p) if p.facts["mode"] == "create"), "{outcome:?}");
    for status in [PortalStatus::Processing, PortalStatus::Finished, PortalStatus::Returned] {
        let mut fields = local();
        fields["finished_at"] = json!("2026-11-24T10:00:00+07:00");
        fields["results"] =
            json!([{"id": "1", "name": "Giấy khai sinh", "code": "KQ-1", "url": "https://m.vn/kq/1"}]);
        let task = Task { acknowledged: true, ..task_of(Payload::SyncDossier, state(fields, status)) };
        assert_eq!(run(&portal, &sessions, &task).await.name(), "done");
    }
    assert_eq!(run(&portal, &sessions, &progress(&["Một", "Hai"])).await.name(), "done");
    assert_eq!(simulator.journal().violations(), Vec::<String>::new());
    let (dossier, counts) = (simulator.dossier(CODE).unwrap(), simulator.counts());
    assert_eq!((dossier.creates, dossier.syncs, dossier.steps.len(), counts.logins), (1, 4, 2, 1));
    assert_eq!(dossier.last["TenTTHC"], "Đăng ký khai sinh");
}

#[tokio::test]
async fn a_portal_born_dossier_with_everything_is_updated_without_a_broken_rule() {
    let simulator = start().await;
    let more = json!({"url_rewrite": [{"from": "http://noi-bo/", "to": "http://adapter/f/"}]});
    let (portal, sessions) = (portal_with(&simulator.url(), more), Shared::default());
    let fields = serde_json::from_str(include_str!("../fixtures/born.dossier.json")).unwrap();
    let outcome =
        run(&portal, &sessions, &task_of(Payload::SyncDossier, state(fields, PortalStatus::Returned))).await;
    assert!(matches!(&outcome, Outcome::Done(p) if p.facts["mode"] == "update"), "{outcome:?}");
    assert_eq!(simulator.journal().violations(), Vec::<String>::new());
    assert_eq!(simulator.dossier("G22.99-261122-000001").unwrap().last["NoiNopHoSo"], "1");
}

#[tokio::test]
async fn a_lost_answer_to_a_create_is_unclear_and_its_repeat_updates_the_same_dossier() {
    for lost in [Behaviour::DropAfterEffect, Behaviour::HalfBody, Behaviour::Stall { millis: 3000 }] {
        let simulator = start().await;
        simulator.behave(Rule::on(SYNC, lost).times(1));
        let (portal, sessions) = (portal(&simulator.url()), Shared::default());
        let outcome = run(&portal, &sessions, &sync()).await;
        assert_eq!(outcome.name(), "unclear", "{outcome:?}");
        let again = Task { begun: true, doubted: true, attempt: 2, ..sync() };
        let outcome = run(&portal, &sessions, &again).await;
        assert!(matches!(&outcome, Outcome::Done(p) if p.facts["mode"] == "update"), "{outcome:?}");
        let dossier = simulator.dossier(CODE).unwrap();
        assert_eq!((dossier.creates, dossier.syncs), (1, 2));
        assert_eq!(simulator.journal().violations(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn lost_answers_to_steps_make_adjacent_recognisable_doubles_at_most() {
    let simulator = start().await;
    let (portal, sessions) = (portal(&simulator.url()), Shared::default());
    run(&portal, &sessions, &sync()).await;
    simulator.behave(Rule::on(STEPS, Behaviour::DropAfterEffect).times(1));
    let task = progress(&["Một"]);
    assert_eq!(run(&portal, &sessions, &task).await.name(), "unclear");
    assert_eq!(run(&portal, &sessions, &Task { begun: true, doubted: true, ..task }).await.name(), "done");
    let dossier = simulator.dossier(CODE).unwrap();
    assert_eq!((dossier.steps.len(), dossier.adjacent_duplicates, dossier.other_duplicates), (2, 1, 0));
}

#[tokio::test]
async fn expired_sessions_are_renewed_within_the_attempt() {
    let simulator = start().await;
    let (portal, sessions) = (portal(&simulator.url()), Shared::default());
    run(&portal, &sessions, &sync()).await;
    simulator.expire_sessions();
    let task = Task { acknowledged: true, ..sync() };
    let outcome = portal.attempt(&task, &call_at(&sessions, 60)).await;
    assert_eq!(outcome.name(), "done", "{outcome:?}");
    assert_eq!(simulator.counts().logins, 2);
}

#[tokio::test]
async fn every_behaviour_of_the_portal_has_its_outcome() {
    let refuse = Behaviour::Refuse { code: "-5".into(), message: "Dữ liệu không hợp lệ".into() };
    let table = [
        (refuse, "refused"),
        (Behaviour::Throttle { retry_after: 3, status: 429 }, "not_done"),
        (Behaviour::Throttle { retry_after: 3, status: 503 }, "not_done"),
        (Behaviour::Down, "not_done"),
        (Behaviour::DropBeforeEffect, "unclear"),
        (Behaviour::DropAfterEffect, "unclear"),
        (Behaviour::HalfBody, "unclear"),
        (Behaviour::HttpError { status: 502, html: "<html/>".into() }, "unclear"),
        (Behaviour::HttpError { status: 200, html: "<html/>".into() }, "unclear"),
        (Behaviour::HttpError { status: 401, html: "<html/>".into() }, "paused"),
        (Behaviour::Unauthorized, "paused"),
    ];
    for (behaviour, name) in table {
        let simulator = start().await;
        let (portal, sessions) = (portal(&simulator.url()), Shared::default());
        simulator.behave(Rule::on(SYNC, behaviour.clone()));
        let outcome = run(&portal, &sessions, &sync()).await;
        assert_eq!(outcome.name(), name, "{behaviour:?}: {outcome:?}");
    }
}

fn born(status: PortalStatus) -> Task {
    let fields = serde_json::from_str(include_str!("../fixtures/born.dossier.json")).unwrap();
    let mut state = state(fields, status);
    state.status_from = Some(StatusFrom { at: now(), content: "Đã tiếp nhận".to_owned() });
    task_of(Payload::SyncDossier, state)
}

#[tokio::test]
async fn the_status_of_a_portal_born_dossier_is_told_without_a_broken_rule() {
    for (how, syncs) in [("status", 0), ("both", 2)] {
        let simulator = start().await;
        let more = json!({"portal_born": how, "born_statuses": {"2": 2, "10": 11}});
        let (portal, sessions) = (portal_with(&simulator.url(), more), Shared::default());
        for status in [PortalStatus::Received, PortalStatus::Returned] {
            let outcome = run(&portal, &sessions, &born(status)).await;
            assert_eq!(outcome.name(), "done", "{outcome:?}");
        }
        assert_eq!(simulator.journal().violations(), Vec::<String>::new());
        let dossier = simulator.dossier("G22.99-261122-000001").unwrap();
        assert_eq!((dossier.syncs, dossier.statuses.len()), (syncs, 2), "{how}");
        assert_eq!(dossier.statuses[0]["MaHoSoDonVi"], "000.00.08.H99-261123-0002");
    }
}

#[tokio::test]
async fn a_lost_answer_to_a_status_is_repeated_with_the_same_bytes() {
    let simulator = start().await;
    simulator.behave(Rule::on("DongBoTrangThaiHoSo", Behaviour::DropAfterEffect).times(1));
    let (portal, sessions) =
        (portal_with(&simulator.url(), json!({"portal_born": "status"})), Shared::default());
    let task = born(PortalStatus::Received);
    assert_eq!(run(&portal, &sessions, &task).await.name(), "unclear");
    assert_eq!(run(&portal, &sessions, &Task { begun: true, doubted: true, ..task }).await.name(), "done");
    let statuses = simulator.dossier("G22.99-261122-000001").unwrap().statuses;
    assert_eq!((statuses.len(), &statuses[0]), (2, &statuses[1]));
}

#[tokio::test]
async fn an_account_is_looked_up_without_a_broken_rule() {
    let simulator = start().await;
    let (portal, sessions) =
        (portal_with(&simulator.url(), json!({"look_up_account": true})), Shared::default());
    let mut fields = local();
    fields["channel"] = json!("online");
    fields["applicant"]["portal_account"] = json!("");
    let outcome =
        run(&portal, &sessions, &task_of(Payload::SyncDossier, state(fields, PortalStatus::Received))).await;
    assert_eq!(outcome.name(), "done", "{outcome:?}");
    assert_eq!(simulator.journal().violations(), Vec::<String>::new());
    assert_eq!(simulator.dossier(CODE).unwrap().last["MaDoiTuong"], "tech-080099000001");
}

pub(super) fn gateway_settings(more: Value) -> Value {
    let mut gateway = json!({"create_path": "/KetNoiMotCuaQuocGia/ThemMoi", "update_path": "/KetNoiMotCuaQuocGia/CapNhat",
        "progress_path": "/KetNoiMotCuaQuocGia/DongBoTienTrinh", "status_path": "/KetNoiMotCuaQuocGia/DongBoTrangThai"});
    gateway.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({"dialect": "gateway", "gateway": gateway, "password": null, "portal_born": "both", "look_up_account": true})
}

#[tokio::test]
async fn a_dossier_lives_its_life_behind_a_gateway_of_either_form_without_a_broken_rule() {
    let single = "/api/SynsTTHCC/DongBoHoSoMC?MaDinhDanhDV={madonvi}&isUpdating={isUpdating}";
    let by_parameters = GatewayPaths {
        create: "/api/SynsTTHCC/DongBoHoSoMC".to_owned(),
        by_parameters: true,
        ..GatewayPaths::default()
    };
    for (paths, settings) in [
        (GatewayPaths::default(), json!({})),
        (by_parameters, json!({"create_path": single, "update_path": single})),
    ] {
        let simulator = start_with(Options { gateway: Some(paths), ..Options::default() }).await;
        let (portal, sessions) =
            (portal_with(&simulator.url(), gateway_settings(settings)), Shared::default());
        assert!(portal.check(&call(&sessions)).await.unwrap().contains("9 procedures"));
        let outcome = run(&portal, &sessions, &sync()).await;
        assert!(matches!(&outcome, Outcome::Done(p) if p.facts["mode"] == "create"), "{outcome:?}");
        let outcome = run(&portal, &sessions, &Task { acknowledged: true, ..sync() }).await;
        assert!(matches!(&outcome, Outcome::Done(p) if p.facts["mode"] == "update"), "{outcome:?}");
        assert_eq!(run(&portal, &sessions, &progress(&["Một", "Hai"])).await.name(), "done");
        assert_eq!(run(&portal, &sessions, &born(PortalStatus::Received)).await.name(), "done");
        assert_eq!(simulator.journal().violations(), Vec::<String>::new());
        let dossier = simulator.dossier(CODE).unwrap();
        assert_eq!((dossier.creates, dossier.syncs, dossier.steps.len()), (1, 2, 2));
        assert_eq!(simulator.dossier("G22.99-261122-000001").unwrap().statuses.len(), 1);
    }
}

#[tokio::test]
async fn behind_a_gateway_too_a_lost_create_is_unclear_and_its_repeat_updates_the_same_dossier() {
    for lost in [Behaviour::DropAfterEffect, Behaviour::HalfBody, Behaviour::Stall { millis: 3000 }] {
        let simulator =
            start_with(Options { gateway: Some(GatewayPaths::default()), ..Options::default() }).await;
        simulator.behave(Rule::on(SYNC, lost).times(1));
        let (portal, sessions) =
            (portal_with(&simulator.url(), gateway_settings(json!({}))), Shared::default());
        assert_eq!(run(&portal, &sessions, &sync()).await.name(), "unclear");
        let again = Task { begun: true, doubted: true, attempt: 2, ..sync() };
        let outcome = run(&portal, &sessions, &again).await;
        assert!(matches!(&outcome, Outcome::Done(p) if p.facts["mode"] == "update"), "{outcome:?}");
        let dossier = simulator.dossier(CODE).unwrap();
        assert_eq!((dossier.creates, dossier.syncs), (1, 2));
        assert_eq!(simulator.journal().violations(), Vec::<String>::new());
    }
}
