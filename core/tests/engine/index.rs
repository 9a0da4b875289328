//! The index from events: facts follow what the portal acknowledges, and what waits stands beside it.

use jiff::civil::date;
use lienthong_core::{
    calendar::{Calendar, Week, Year},
    catalogue::{PROCEDURES, Table},
    event::rejection::Verdict,
    flow::{
        engine::EngineSettings,
        index::{self, IndexSettings},
        mapping::{self, Confirmed, Wanted},
    },
    id::ConnectorId,
    index::{
        catalogue::{Catalogue, Procedure},
        check::Check,
        indicator::{Indicator, Standing},
        period::Period,
        repair::Act,
        tally::Scope,
    },
    outcome::{Cause, Outcome},
    port::{store::decide, views::Views, work::Scope as Rows},
    testing::fixtures::events::event,
};
use std::sync::Arc;

use crate::world::{World, code, rules, settings};

fn november() -> Period {
    "2026-11".parse().unwrap()
}

async fn scored(world: &World) -> index::Answered {
    index::score(&world.engine, november(), Scope::default()).await.unwrap()
}

fn points(answered: &index::Answered, indicator: Indicator) -> (u64, u64) {
    let ratio = answered.report.at_portal.of(indicator).unwrap().ratio.unwrap();
    (ratio.numerator, ratio.denominator)
}

#[tokio::test]
async fn what_the_portal_has_acknowledged_counts_and_what_waits_stands_beside_it() {
    let world = World::running();
    world.admit([event("dossier.received", &code(1), 1), event("dossier.received", &code(2), 1)]).await;
    world.settled().await;
    // The portal goes down: the third dossier and the first one's end wait.
    world.portal.always(Outcome::not_done(Cause::PartnerFailed, "down"));
    world.admit([event("dossier.received", &code(3), 1), event("dossier.finished", &code(1), 2)]).await;
    world.settled().await;
    assert_eq!(index::as_of(&world.engine).await.unwrap(), None, "nothing was made yet");
    assert!(index::refresh(&world.engine).await.unwrap() > 0);
    let answered = scored(&world).await;
    assert!(answered.as_of.is_some());
    assert_eq!(points(&answered, Indicator::Synced), (2, 3));
    assert_eq!((answered.report.dossiers, answered.report.received_here, answered.report.waiting), (2, 3, 2));
    assert!(answered.report.repairs.iter().any(|r| r.act == Act::Deliver), "{:?}", answered.report.repairs);
    // Nothing changed: nothing is written.
    assert_eq!(index::refresh(&world.engine).await.unwrap(), 0);

    world.portal.works();
    world.advance(24 * 3600);
    world.settled().await;
    assert!(index::refresh(&world.engine).await.unwrap() > 0);
    let answered = scored(&world).await;
    assert_eq!(points(&answered, Indicator::Synced), (3, 3));
    assert_eq!(
        (answered.report.waiting, answered.report.repairs.iter().any(|r| r.act == Act::Deliver)),
        (0, false)
    );
    let here = answered.report.here.of(Indicator::OnTime).unwrap().ratio;
    assert_eq!(answered.report.at_portal.of(Indicator::OnTime).unwrap().ratio, here);
}

#[tokio::test]
async fn an_event_that_leaves_something_odd_is_admitted_and_says_so() {
    let world = World::running();
    let odd = event("dossier.received", &code(1), 1)
        .with_data("/dossier/due_at", "2026-11-25T00:00:00+07:00")
        .with_data("/dossier/channel", serde_json::Value::Null);
    let verdicts = world.admit([odd]).await;
    assert!(matches!(verdicts[0], Verdict::Accepted { .. }), "{verdicts:?}");
    let timeline = world.store.timeline(&code(1)).await.unwrap().unwrap();
    assert_eq!(timeline.events[0].note.as_deref(), Some("advice:no_channel,due_at_midnight"));
    // What was odd before is not said again.
    world.admit([event("dossier.processing", &code(1), 2)]).await;
    let timeline = world.store.timeline(&code(1)).await.unwrap().unwrap();
    assert_eq!(timeline.events[1].note, None);
    world.settled().await;
    index::refresh(&world.engine).await.unwrap();
    let checks = scored(&world).await.report.checks;
    assert!(
        checks.iter().any(|(check, found)| *check == Check::DueAtMidnight && found.dossiers == 1),
        "{checks:?}"
    );
}

#[tokio::test]
async fn a_code_that_a_person_confirmed_is_a_known_procedure() {
    let national = Procedure {
        code: "1.001193".into(),
        local: Vec::new(),
        name: "Đăng ký khai sinh".into(),
        has_fee: false,
        has_result: true,
        is_for_citizens: true,
        is_described: true,
        limit: None,
        services: Vec::new(),
        units: Vec::new(),
    };
    let catalogue = Arc::new(Catalogue::new(vec![national]).unwrap());
    let index = IndexSettings { catalogue, ..IndexSettings::default() };
    let world = World::with_settings(rules(), |portal| portal, EngineSettings { index, ..settings() });
    world.portal.publish(PROCEDURES, Vec::new());
    world
        .admit([event("dossier.received", &code(1), 1)
            .with_data("/dossier/procedure", serde_json::json!({"code": "TT-LA", "name": "Khai sinh"}))])
        .await;
    index::refresh(&world.engine).await.unwrap();
    let unknown = async |world: &World| {
        scored(world).await.report.checks.iter().any(|(check, _)| *check == Check::UnknownProcedure)
    };
    assert!(unknown(&world).await);
    let wanted = Wanted {
        connector: ConnectorId::parse("dvcqg").unwrap(),
        table: Table::Procedure,
        local: "TT-LA".into(),
        national: "1.001193".into(),
        from: None,
        until: None,
    };
    let confirmed = mapping::confirm(&world.engine, wanted, "an", "đã đối chiếu").await.unwrap();
    assert!(matches!(confirmed, Confirmed::Done(..)), "{confirmed:?}");
    assert!(!unknown(&world).await);
    // One that holds from December on says nothing of November, also when December has come.
    let later = Wanted {
        connector: ConnectorId::parse("dvcqg").unwrap(),
        table: Table::Procedure,
        local: "TT-MOI".into(),
        national: "1.001193".into(),
        from: Some(date(2026, 12, 1)),
        until: None,
    };
    world
        .admit([event("dossier.received", &code(2), 1)
            .with_data("/dossier/procedure", serde_json::json!({"code": "TT-MOI", "name": "Khai sinh"}))])
        .await;
    let confirmed = mapping::confirm(&world.engine, later, "an", "sáp nhập").await.unwrap();
    assert!(matches!(confirmed, Confirmed::Done(..)), "{confirmed:?}");
    world.advance(10 * 24 * 3600);
    index::refresh(&world.engine).await.unwrap();
    assert!(unknown(&world).await, "it did not hold then");
}

#[tokio::test]
async fn a_figure_that_a_person_enters_stands_apart_from_what_is_computed() {
    let world = World::resting();
    index::refresh(&world.engine).await.unwrap();
    let computed = scored(&world).await.report.at_portal.total();
    let by = ("an", "trang công khai của Cổng");
    index::enter(&world.engine, november(), Indicator::PetitionsOnTime, Some(550), by).await.unwrap();
    let score = scored(&world).await.report.at_portal;
    assert_eq!((score.total(), score.entered()), (computed, (550, 6)));
    assert_eq!(score.of(Indicator::PetitionsOnTime).unwrap().standing, Standing::Entered);
    assert!(world.store.audit().iter().any(|(_, who, deed, _)| who == "an" && deed == "index.enter"));
    index::enter(&world.engine, november(), Indicator::PetitionsOnTime, None, by).await.unwrap();
    assert_eq!(scored(&world).await.report.at_portal.entered(), (0, 0));
}

#[tokio::test]
async fn a_year_without_its_file_keeps_an_incident_open_until_it_is_there() {
    let keys = async |world: &World| -> Vec<String> {
        world.store.overview(0).await.unwrap().incidents.into_iter().map(|i| i.key).collect()
    };
    let of = |years: Vec<Year>| {
        let calendar = Arc::new(Calendar::new(years, Week::default(), std::collections::BTreeMap::new()));
        let index = IndexSettings { calendar, calendar_ahead_days: Some(60), ..IndexSettings::default() };
        EngineSettings { index, ..settings() }
    };
    let year = |n| Year::new(n, &[date(n, 1, 1)], &[]).unwrap();
    let mut world = World::with_settings(rules(), |portal| portal, of(vec![year(2026)]));
    // The clock of these tests starts on 23 November 2026.
    index::refresh(&world.engine).await.unwrap();
    index::refresh(&world.engine).await.unwrap();
    assert_eq!(keys(&world).await, ["calendar:2027"]);
    let store = world.store.clone();
    world.engine = lienthong_core::flow::engine::Engine::new(
        Arc::new(store.clone()),
        rules(),
        Vec::new(),
        Arc::new(world.clock.clone()),
        of(vec![year(2026), year(2027)]),
    );
    index::refresh(&world.engine).await.unwrap();
    assert_eq!(keys(&world).await, Vec::<String>::new());
}

#[tokio::test]
async fn facts_of_an_earlier_shape_are_all_written_anew_and_keep_what_they_knew() {
    let world = World::running();
    world.admit([event("dossier.received", &code(1), 1), event("dossier.received", &code(2), 1)]).await;
    world.settled().await;
    assert_eq!(index::refresh(&world.engine).await.unwrap(), 2);
    assert_eq!(index::refresh(&world.engine).await.unwrap(), 0, "nothing changed");
    let before = scored(&world).await.report;
    decide(&world.store, Rows::default(), |work| {
        let earlier = r#"{"shape":1,"since_us":1795395600000000,"after":9,"begun_us":1795395600000000}"#;
        work.cursors.push(("index".into(), earlier.into()));
    })
    .await
    .unwrap();
    assert_eq!(index::as_of(&world.engine).await.unwrap(), None, "until then they are incomplete");
    // The same facts: what the store keeps beside them may be missing.
    assert_eq!(index::refresh(&world.engine).await.unwrap(), 2);
    assert_eq!(scored(&world).await.report, before);
}
