//! The connector against the strict portal simulator: no broken rule of the contract, whatever goes wrong.

use super::*;
use lienthong_mocks::{
    Behaviour, Rule,
    portal::{self as simulated, Options, PortalHandle},
};
use tokio::net::TcpListener;

const CODE: &str = "000.00.08.H99-261123-0001";
const SYNC: &str = "DongBoHoSoMC";
const STEPS: &str = "CapNhatTienDoHoSoMC";

async fn start() -> PortalHandle {
    simulated::start(TcpListener::bind("127.0.0.1:0").await.unwrap(), Options::default()).await
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
