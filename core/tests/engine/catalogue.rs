//! The catalogue's pull, and mappings that a person confirms.

use jiff::SignedDuration;
use lienthong_core::{
    catalogue::{Bound, ChangeFilter, EntryFilter, Origin, PROCEDURE_DETAILS, PROCEDURES, Pulled, Table},
    clock::Clock,
    flow::{
        catalogue,
        mapping::{self, Confirmed, Wanted, Withdrawn},
    },
    id::ConnectorId,
    need::Need,
    operation::{ActionKind, OperationState},
    outcome::{Cause, Outcome},
    port::{connector::CheckFailure, store::Store, views::Views},
    testing::{fixtures::events::event, scripted::Asked},
};
use serde_json::json;

use crate::world::{World, code};

fn portal() -> ConnectorId {
    ConnectorId::parse("dvcqg").unwrap()
}

fn row(code: &str) -> Pulled {
    let name = format!("Thủ tục {code}");
    Pulled { code: code.into(), content: json!({"MATTHC": code, "TENTTHC": name}), name, in_force: true }
}

fn codes(count: usize) -> Vec<Pulled> {
    (1..=count).map(|n| row(&format!("1.{n:06}"))).collect()
}

/// A world whose portal has a catalogue of so many procedures.
fn world(count: usize) -> World {
    let world = World::resting();
    world.portal.publish(PROCEDURES, codes(count));
    world.portal.publish(PROCEDURE_DETAILS, codes(count));
    world
}

/// Somebody asks for a pull, and the timers run.
async fn pull(world: &World) {
    // A timer that nobody knows yet begins with its first period.
    world.run_timers().await;
    world.clock.advance(SignedDuration::from_secs(61));
    assert!(catalogue::want(&world.engine, &portal(), "an", false).await.unwrap());
    world.clock.advance(SignedDuration::from_secs(61));
    world.run_timers().await;
}

async fn live(world: &World, list: &str) -> usize {
    let filter = EntryFilter {
        connector: portal(),
        list: list.into(),
        code: None,
        withdrawn: false,
        after: String::new(),
        limit: 1000,
    };
    world.store.catalogue_entries(&filter).await.unwrap().len()
}

async fn changes(world: &World) -> Vec<(String, &'static str)> {
    let (connector, list, since) = (portal(), Some(PROCEDURES.to_owned()), jiff::Timestamp::UNIX_EPOCH);
    let filter = ChangeFilter { connector, list, since, limit: 100 };
    let changes = world.store.catalogue_changes(&filter).await.unwrap();
    changes.into_iter().map(|change| (change.code, change.kind.name())).collect()
}

fn asked(world: &World) -> Vec<(String, Option<String>)> {
    let lists = world.portal.journal().into_iter().filter_map(|asked| match asked {
        Asked::List(list, code) => Some((list, code)),
        _ => None,
    });
    lists.collect()
}

async fn incidents(world: &World) -> Vec<String> {
    world.store.overview(0).await.unwrap().incidents.into_iter().map(|i| i.key).collect()
}

#[tokio::test]
async fn the_catalogue_is_pulled_at_night_and_by_hand_and_not_otherwise() {
    let world = world(3);
    world.run_timers().await;
    world.clock.advance(SignedDuration::from_secs(61));
    world.run_timers().await;
    assert_eq!(asked(&world), [], "a start pulls nothing");
    let next = catalogue::progress(&world.store, &portal()).await.unwrap().next_at.unwrap();
    assert_eq!(next.to_zoned(lienthong_core::clock::business_zone()).strftime("%H:%M").to_string(), "01:30");
    // A night that was slept through is made up for.
    world.clock.advance(next.duration_since(world.clock.now()) + SignedDuration::from_hours(30));
    world.run_timers().await;
    assert_eq!((live(&world, PROCEDURES).await, live(&world, PROCEDURE_DETAILS).await), (3, 3));
    assert_eq!(asked(&world).len(), 4, "one list and three trees");
    world.clock.advance(SignedDuration::from_secs(61));
    world.run_timers().await;
    assert_eq!(asked(&world).len(), 4, "once a night");
    pull(&world).await;
    assert_eq!(asked(&world).len(), 8);
    let progress = catalogue::progress(&world.store, &portal()).await.unwrap();
    assert_eq!(progress.last.unwrap().by.as_deref(), Some("an"));
}

#[tokio::test]
async fn a_pull_that_is_cut_off_goes_on_where_it_stopped() {
    let world = world(5);
    catalogue::want(&world.engine, &portal(), "an", false).await.unwrap();
    world.portal.publish(PROCEDURES, codes(5));
    // The third question does not come through.
    world.run_timers().await;
    world.clock.advance(SignedDuration::from_secs(61));
    let gone = || CheckFailure { cause: Cause::Unreachable, said: "refused".into() };
    world.portal.fail_list(gone());
    world.run_timers().await;
    assert_eq!(asked(&world).len(), 1);
    assert_eq!(incidents(&world).await, ["reading:catalogue:dvcqg"]);
    world.clock.advance(SignedDuration::from_secs(61));
    world.run_timers().await;
    let again = asked(&world);
    assert_eq!(again.len(), 1 + 6, "{again:?}");
    assert_eq!(live(&world, PROCEDURE_DETAILS).await, 5);
    assert!(incidents(&world).await.is_empty());
    // In the middle of the trees: what is done is not asked for again.
    let third = |w: &World| asked(w).iter().filter(|(_, code)| code.as_deref() == Some("1.000001")).count();
    let before = third(&world);
    let progress = catalogue::progress(&world.store, &portal()).await.unwrap();
    assert_eq!((progress.run, before), (None, 1));
}

#[tokio::test]
async fn a_tree_that_is_refused_does_not_stop_the_others() {
    let world = world(3);
    catalogue::want(&world.engine, &portal(), "an", false).await.unwrap();
    world.run_timers().await;
    world.portal.publish(PROCEDURE_DETAILS, vec![row("1.000001"), row("1.000003")]);
    world.clock.advance(SignedDuration::from_secs(61));
    world.run_timers().await;
    assert_eq!(live(&world, PROCEDURE_DETAILS).await, 2);
    let progress = catalogue::progress(&world.store, &portal()).await.unwrap();
    assert_eq!(progress.last.unwrap().failed, 1);
}

/// Contract 10, pitfall 21.
#[tokio::test]
async fn an_empty_or_truncated_answer_withdraws_nothing_until_a_person_says_so() {
    let world = world(40);
    pull(&world).await;
    world.portal.publish(PROCEDURES, Vec::new());
    pull(&world).await;
    world.portal.publish(PROCEDURES, codes(20));
    pull(&world).await;
    assert_eq!((live(&world, PROCEDURES).await, changes(&world).await), (40, vec![]));
    assert_eq!(incidents(&world).await, ["catalogue:dvcqg:procedures"]);
    // A few that are gone are believed.
    world.portal.publish(PROCEDURES, codes(38));
    pull(&world).await;
    assert_eq!(
        changes(&world).await,
        [("1.000039".to_owned(), "withdrawn"), ("1.000040".to_owned(), "withdrawn")]
    );
    assert!(incidents(&world).await.is_empty());
    world.portal.publish(PROCEDURES, codes(20));
    pull(&world).await;
    assert_eq!(live(&world, PROCEDURES).await, 38);
    world.clock.advance(SignedDuration::from_secs(61));
    catalogue::want(&world.engine, &portal(), "an", true).await.unwrap();
    world.clock.advance(SignedDuration::from_secs(61));
    world.run_timers().await;
    assert_eq!(live(&world, PROCEDURES).await, 20);
    assert!(incidents(&world).await.is_empty());
}

#[tokio::test]
async fn a_withdrawn_procedure_breaks_its_mapping_and_an_incident_says_so_until_it_is_mended() {
    let world = world(3);
    let bound = |local: &str, national: &str| Bound {
        connector: portal(),
        table: Table::Procedure,
        local: local.into(),
        national: national.into(),
        origin: Origin::Configuration,
    };
    world.portal.bind(vec![bound("TT-01", "1.000001"), bound("TT-02", "1.000002")]);
    pull(&world).await;
    assert!(incidents(&world).await.is_empty());
    world.portal.publish(PROCEDURES, vec![row("1.000001"), row("1.000003")]);
    pull(&world).await;
    assert_eq!(incidents(&world).await, ["catalogue-broken:dvcqg:procedure:TT-02"]);
    let broken = catalogue::broken(&world.engine, &portal()).await.unwrap();
    assert_eq!((broken.len(), broken[0].why.name()), (1, "withdrawn"));
    // A person maps it to another one.
    let done = confirm(&world, "TT-02", "1.000003").await;
    assert!(matches!(done, Confirmed::Done(..)), "{done:?}");
    world.clock.advance(SignedDuration::from_secs(61));
    world.run_timers().await;
    assert!(incidents(&world).await.is_empty());
}

async fn confirm(world: &World, local: &str, national: &str) -> Confirmed {
    let wanted = Wanted {
        connector: portal(),
        table: Table::Procedure,
        local: local.into(),
        national: national.into(),
        from: None,
        until: None,
    };
    mapping::confirm(&world.engine, wanted, "an", "đã đối chiếu").await.unwrap()
}

#[tokio::test]
async fn what_waits_for_a_mapping_goes_by_itself_once_a_person_confirms_it() {
    let mut world = world(3);
    pull(&world).await;
    world.start();
    world.settled().await;
    let need = Need::Mapping { connector: "dvcqg".into(), table: "procedure".into(), code: "TT-01".into() };
    world.portal.always(Outcome::Held(need));
    world.admit([event("dossier.received", &code(1), 1)]).await;
    world.eventually("it is held", |w| w.states(ActionKind::SyncDossier) == [OperationState::Held]).await;
    world.portal.works();
    let done = confirm(&world, "TT-01", "1.000001").await;
    assert!(matches!(done, Confirmed::Done(_, 1)), "{done:?}");
    world.settled().await;
    assert_eq!(world.states(ActionKind::SyncDossier), [OperationState::Succeeded]);
    assert!(
        world.store.audit().iter().any(|(_, by, deed, _)| by == "an" && deed.starts_with("mapping.confirm"))
    );
}

/// Contract 10, pitfall 8.
#[tokio::test]
async fn no_mapping_pushes_another_one_out() {
    let world = world(3);
    pull(&world).await;
    let Confirmed::Done(first, _) = confirm(&world, "TT-01", "1.000001").await else { panic!("not stored") };
    assert_eq!(confirm(&world, "TT-01", "1.000001").await, Confirmed::Known(first));
    // Several of ours may mean one of theirs.
    assert!(matches!(confirm(&world, "TT-02", "1.000001").await, Confirmed::Done(..)));
    // Two of theirs for one of ours: a person has to withdraw the first.
    let clash = confirm(&world, "TT-01", "1.000002").await;
    assert!(matches!(&clash, Confirmed::Clashes(other) if other.id == first), "{clash:?}");
    assert_eq!(confirm(&world, "TT-03", "1.999999").await, Confirmed::NotInCatalogue);
    assert_eq!(confirm(&world, " ", "1.000001").await, Confirmed::Impossible("local"));
    assert_eq!(mapping::withdraw(&world.engine, first, "bình", "sai").await.unwrap(), Withdrawn::Done);
    assert_eq!(mapping::withdraw(&world.engine, first, "bình", "sai").await.unwrap(), Withdrawn::Before);
    assert!(matches!(confirm(&world, "TT-01", "1.000002").await, Confirmed::Done(..)));
    assert_eq!(world.store.mappings(true).await.unwrap().1.len(), 3, "nothing is deleted");
}
