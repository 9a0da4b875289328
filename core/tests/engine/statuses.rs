//! Status reconciliation: what is asked, what is believed, what is mended, and what is left for a person.

use lienthong_core::{
    clock::Clock,
    flow::{
        discrepancy::{self, Moved},
        engine::{EngineSettings, PartnerSettings},
        operator::{self, Deed},
        statuses::{self, StatusSettings},
    },
    id::ConnectorId,
    operation::{ActionKind, OperationState},
    outcome::{Cause, Outcome, Proof},
    policy::allowance::{Limits, Rate},
    port::{connector::CheckFailure, reconciliation::ReconciliationStore, store::Store},
    reconciliation::{Answer, Discrepancy, Filter, Kind, Move, Reach, Run},
    testing::{fixtures::events::event, scripted::Asked},
};
use serde_json::json;
use std::time::Duration;

use crate::world::{World, code, rules, settings};

fn portal() -> ConnectorId {
    ConnectorId::parse("dvcqg").unwrap()
}

fn known(status: u8) -> Answer {
    Answer { is_known: true, status: Some(status), others: Vec::new() }
}

fn done(mode: &str, status: u8) -> Outcome {
    let mut proof = Proof { said: "ok".into(), ..Proof::default() };
    proof.facts.insert("mode".into(), json!(mode));
    proof.facts.insert("portal_status".into(), json!(status));
    Outcome::Done(proof)
}

fn world_with(change: impl FnOnce(&mut StatusSettings)) -> World {
    let mut all = settings();
    all.statuses = StatusSettings { per_second: 1e6, night: None, ..StatusSettings::default() };
    change(&mut all.statuses);
    let mut world = World::with_settings(rules(), |portal| portal, all);
    // It can be asked; so far it knows nothing.
    world.portal.has("nobody", Answer::default());
    world.start();
    world
}

fn world() -> World {
    world_with(|_| ())
}

/// A dossier that the portal created and knows; received, and one step on.
async fn told(world: &World, n: u32) -> String {
    let code = code(n);
    world.portal.on_lane(&code, done("create", 2));
    world.admit([event("dossier.received", &code, 1)]).await;
    world.settled().await;
    world.admit([event("dossier.processing", &code, 2)]).await;
    world.settled().await;
    world.portal.has(&code, known(4));
    code
}

/// Time goes on, and the timers run.
async fn turn(world: &World, seconds: i64) {
    world.advance(seconds);
    world.run_timers().await;
    world.settled().await;
}

/// A timer that nobody knows yet begins with its first period, and what is there at the first run is asked about at night.
async fn begin(world: &World) {
    world.run_timers().await;
    turn(world, 61).await;
}

/// Long enough for what changed to be asked about, twice where it has to be, and for a repair to be settled and seen.
async fn rounds(world: &World) {
    for _ in 0..20 {
        turn(world, 61).await;
    }
}

fn looked_up(world: &World) -> Vec<String> {
    let asked = world.portal.journal().into_iter().filter_map(|asked| match asked {
        Asked::LookUp(code) => Some(code),
        _ => None,
    });
    asked.collect()
}

async fn discrepancies(world: &World) -> Vec<Discrepancy> {
    let filter = Filter { closed: true, limit: 100, ..Filter::default() };
    world.store.discrepancies(&filter).await.unwrap()
}

async fn open(world: &World) -> Vec<(Kind, &'static str)> {
    let all = discrepancies(world).await;
    all.iter().filter(|d| d.closed.is_none()).map(|d| (d.kind, d.why.code())).collect()
}

async fn runs(world: &World) -> Vec<Run> {
    world.store.reconciliations(false, 100).await.unwrap()
}

async fn want(world: &World, reach: Reach) {
    world.advance(1);
    assert!(statuses::want(&world.engine, &portal(), "an", reach).await.unwrap());
}

#[tokio::test]
async fn what_changed_is_asked_about_once_and_nothing_follows_where_both_agree() {
    let world = world();
    begin(&world).await;
    let code = told(&world, 1).await;
    rounds(&world).await;
    assert_eq!(looked_up(&world), std::slice::from_ref(&code), "once, though four operations ended");
    let all = runs(&world).await;
    assert_eq!((all.len(), all[0].reach, all[0].counts.agrees), (1, Reach::Changed, 1), "{all:?}");
    assert!(all[0].ended_at.is_some());
    assert_eq!(open(&world).await, []);
    assert_eq!(world.operations(ActionKind::SyncDossier).len(), 2, "nothing was sent again");
}

#[tokio::test]
async fn a_dossier_that_the_portal_lost_is_created_anew_with_its_whole_history_once() {
    let world = world();
    begin(&world).await;
    let code = told(&world, 1).await;
    let before = world.seen_at_portal(&code);
    assert_eq!(before.len(), 4, "{before:?}");
    world.portal.loses(&code);
    world.portal.on_lane(&code, done("create", 4));
    // It is there again as soon as it is created.
    for _ in 0..20 {
        turn(&world, 61).await;
        if world.seen_at_portal(&code).len() > 4 {
            world.portal.has(&code, known(4));
        }
    }
    let after = world.seen_at_portal(&code);
    let steps: Vec<_> = before.iter().filter(|seen| !seen.starts_with("sync")).cloned().collect();
    assert_eq!(after[4..], [vec!["sync 4".to_owned()], steps].concat(), "the state, then all steps, once");
    let last = world.portal.tasks_of(&code);
    let sync = last.iter().rev().find(|task| task.payload.kind() == ActionKind::SyncDossier).unwrap();
    assert!(!sync.acknowledged, "the connector asks once more and creates");
    assert_eq!(open(&world).await, []);
    let repaired: i64 = runs(&world).await.iter().map(|run| run.counts.repaired).sum();
    assert_eq!(repaired, 1);
    assert!(looked_up(&world).len() >= 3, "twice before, once after: {:?}", looked_up(&world));
    world.ledgers_balance().await;
}

#[tokio::test]
async fn nobody_sends_the_steps_of_a_repair_before_the_portal_has_said_that_it_made_the_dossier_anew() {
    let world = world();
    begin(&world).await;
    let code = told(&world, 1).await;
    world.portal.loses(&code);
    world.portal.hold();
    let held = |w: &World| {
        let steps = w.operations(ActionKind::AppendProgress);
        steps.into_iter().find(|o| o.state == OperationState::Held).map(|o| o.id)
    };
    for _ in 0..20 {
        if held(&world).is_some() {
            break;
        }
        world.advance(61);
        world.run_timers().await;
    }
    world.eventually("its steps wait", |w| held(w).is_some()).await;
    let deed = operator::retry(&world.engine, held(&world).unwrap(), "an", "").await.unwrap();
    assert_eq!(deed, Deed::NotAllowed("recreated".to_owned()));
}

/// It was there after all: an update went out, and its steps are there too.
#[tokio::test]
async fn no_step_is_sent_twice_where_the_portal_had_not_lost_the_dossier() {
    let world = world();
    begin(&world).await;
    let code = told(&world, 1).await;
    world.portal.loses(&code);
    world.portal.on_lane(&code, done("update", 4));
    for _ in 0..20 {
        turn(&world, 61).await;
        if world.seen_at_portal(&code).len() > 4 {
            world.portal.has(&code, known(4));
        }
    }
    assert_eq!(world.seen_at_portal(&code)[4..], ["sync 4".to_owned()]);
    assert_eq!(open(&world).await, []);
    world.ledgers_balance().await;
}

/// An attempt of the repair got no answer: whoever created it, nobody knows whether the steps are there.
#[tokio::test]
async fn a_repair_in_doubt_sends_no_steps_and_goes_to_a_person() {
    let world = world();
    begin(&world).await;
    let code = told(&world, 1).await;
    world.portal.loses(&code);
    world.portal.on_lane(&code, Outcome::unclear(Cause::NoAnswer, "no answer"));
    world.portal.on_lane(&code, done("update", 4));
    for _ in 0..20 {
        turn(&world, 61).await;
        if world.seen_at_portal(&code).len() > 5 {
            world.portal.has(&code, known(4));
        }
    }
    let steps = world.seen_at_portal(&code)[4..].iter().filter(|seen| !seen.starts_with("sync")).count();
    assert_eq!(steps, 0, "{:?}", world.seen_at_portal(&code));
    assert_eq!(open(&world).await, [(Kind::StepsUnclear, "history_unknown")]);
}

/// Contract 10, pitfall 2: a time-out is not "unknown there".
#[tokio::test]
async fn a_lost_answer_repairs_nothing_and_is_asked_for_again() {
    let world = world();
    begin(&world).await;
    let code = told(&world, 1).await;
    let lost = |cause| CheckFailure { cause, said: "lost".into() };
    for cause in [Cause::NoAnswer, Cause::Unreadable, Cause::Unreachable] {
        world.portal.fail_look_up(lost(cause));
    }
    for _ in 0..80 {
        turn(&world, 61).await;
    }
    assert_eq!(world.operations(ActionKind::SyncDossier).len(), 2, "nothing was sent");
    assert_eq!(open(&world).await, []);
    assert_eq!(looked_up(&world).len(), 4, "asked until it is answered");
    assert!(runs(&world).await.iter().map(|run| run.counts.failed).sum::<i64>() >= 2);
    assert!(code.starts_with("000"));
}

#[tokio::test]
async fn one_answer_that_it_is_unknown_there_is_not_enough() {
    let world = world();
    begin(&world).await;
    let code = told(&world, 1).await;
    world.portal.loses(&code);
    for _ in 0..20 {
        if looked_up(&world).is_empty() {
            turn(&world, 61).await;
        }
    }
    assert_eq!(looked_up(&world).len(), 1);
    assert_eq!(world.operations(ActionKind::SyncDossier).len(), 2);
    world.portal.has(&code, known(4));
    rounds(&world).await;
    assert_eq!(looked_up(&world).len(), 2);
    assert_eq!(world.operations(ActionKind::SyncDossier).len(), 2, "nothing was sent");
    assert_eq!(open(&world).await, []);
}

#[tokio::test]
async fn a_state_that_is_behind_is_sent_again_once_and_then_goes_to_a_person() {
    let world = world();
    begin(&world).await;
    let code = told(&world, 1).await;
    world.portal.has(&code, known(2));
    rounds(&world).await;
    rounds(&world).await;
    assert_eq!(world.seen_at_portal(&code)[4..], ["sync 4".to_owned()], "once");
    assert_eq!(open(&world).await, [(Kind::Behind, "not_cured")]);
    let told = world.told("discrepancy.opened").await;
    assert_eq!(
        (told.len(), &told[0]["kind"], &told[0]["cause"]),
        (1, &json!("status.behind"), &json!("not_cured"))
    );
    // It comes right by itself in the end.
    world.portal.has(&code, known(4));
    want(&world, Reach::Open).await;
    rounds(&world).await;
    assert_eq!(open(&world).await, []);
    let closed = discrepancies(&world).await.remove(0).closed.unwrap();
    assert_eq!(closed.by, None);
    assert_eq!(world.told("discrepancy.closed").await[0]["by"], "comparison");
}

#[tokio::test]
async fn what_somebody_else_changed_there_is_never_overwritten_without_a_person() {
    let world = world();
    begin(&world).await;
    let code = told(&world, 1).await;
    world.portal.has(&code, known(9));
    rounds(&world).await;
    assert_eq!(world.operations(ActionKind::SyncDossier).len(), 2, "nothing was sent");
    assert_eq!(open(&world).await, [(Kind::Ahead, "changed_there")]);
    let found = discrepancies(&world).await.remove(0);
    assert_eq!((&found.ours["status"], &found.theirs["status"]), (&json!(4), &json!(9)));
    let act =
        async |wish, reason| discrepancy::act(&world.engine, found.id, wish, "an", reason).await.unwrap();
    assert_eq!(act(Move::Close, " ").await, Moved::NotAllowed("reason_missing"));
    assert_eq!(act(Move::Resend, "bên Cổng nhập nhầm").await, Moved::Done);
    world.settled().await;
    assert_eq!(world.seen_at_portal(&code)[4..], ["sync 4".to_owned()]);
    assert_eq!(act(Move::Ask, "xem lại").await, Moved::Done);
    world.portal.has(&code, known(4));
    rounds(&world).await;
    assert_eq!(open(&world).await, []);
    let deeds: Vec<_> =
        discrepancies(&world).await.remove(0).history.into_iter().map(|note| note.deed).collect();
    assert_eq!(deeds, ["opened", "resend", "ask", "agreed"]);
}

#[tokio::test]
async fn what_a_person_has_explained_is_not_opened_again_until_it_changes() {
    let world = world();
    begin(&world).await;
    let code = told(&world, 1).await;
    world.portal.has(&code, known(9));
    rounds(&world).await;
    let found = discrepancies(&world).await.remove(0);
    let closed = discrepancy::act(&world.engine, found.id, Move::Close, "an", "đã thống nhất").await.unwrap();
    assert_eq!(closed, Moved::Done);
    let again = discrepancy::act(&world.engine, found.id, Move::Close, "an", "lần nữa").await.unwrap();
    assert_eq!(again, Moved::NotAllowed("closed"));
    want(&world, Reach::Open).await;
    rounds(&world).await;
    assert_eq!((open(&world).await, discrepancies(&world).await.len()), (vec![], 1));
    assert!(
        world
            .store
            .audit()
            .iter()
            .any(|(_, by, deed, _)| by == "an" && deed.starts_with("discrepancy.close"))
    );
    world.portal.has(&code, known(8));
    want(&world, Reach::Open).await;
    rounds(&world).await;
    assert_eq!(open(&world).await, [(Kind::Ahead, "changed_there")]);
}

#[tokio::test]
async fn with_repair_switched_off_everything_is_only_reported() {
    let world = world_with(|settings| settings.repair = false);
    begin(&world).await;
    let (lost, behind) = (told(&world, 1).await, told(&world, 2).await);
    world.portal.loses(&lost);
    world.portal.has(&behind, known(2));
    rounds(&world).await;
    assert_eq!(world.operations(ActionKind::SyncDossier).len(), 4, "nothing was sent");
    let mut found = open(&world).await;
    found.sort_unstable();
    assert_eq!(found, [(Kind::Missing, "report_only"), (Kind::Behind, "report_only")]);
}

#[tokio::test]
async fn nothing_goes_past_a_lane_that_has_something_open() {
    let world = world();
    begin(&world).await;
    let code = told(&world, 1).await;
    world.portal.loses(&code);
    let refused = Outcome::refused(Cause::DataRefused, "-1", "sai");
    world.portal.on_lane(&code, refused);
    world.admit([event("dossier.finished", &code, 3)]).await;
    world.settled().await;
    want(&world, Reach::Open).await;
    rounds(&world).await;
    let states = world.states(ActionKind::SyncDossier);
    assert_eq!(states[2..], [OperationState::Stuck], "nothing was planned behind what is stuck");
    assert_eq!(open(&world).await, []);
}

#[tokio::test]
async fn a_run_that_is_cut_off_goes_on_where_it_stopped() {
    let world = world();
    begin(&world).await;
    for n in 1..=50 {
        told(&world, n).await;
    }
    // All are made known before anybody is asked, and then the partner is away after thirty of them.
    world.portal.hang_look_ups_after(Some(30));
    world.advance(1000);
    let cut = tokio::time::timeout(Duration::from_millis(800), world.run_timers()).await;
    assert!(cut.is_err(), "it hangs");
    assert_eq!(looked_up(&world).len(), 31);
    world.portal.hang_look_ups_after(None);
    rounds(&world).await;
    let mut asked = looked_up(&world);
    assert_eq!(asked.len(), 51, "the one without an answer once more, the others not");
    asked.sort_unstable();
    asked.dedup();
    assert_eq!(asked.len(), 50);
    let all = runs(&world).await;
    assert_eq!((all.len(), all[0].counts.agrees), (1, 50), "one run, counted once");
}

#[tokio::test]
async fn at_night_all_open_dossiers_are_asked_about_the_riskiest_first() {
    let world = world_with(|settings| {
        let at = |hour| jiff::civil::time(hour, 0, 0, 0);
        settings.night = Some((at(22), at(5)));
        settings.every = Duration::from_hours(1000);
    });
    begin(&world).await;
    let quiet = told(&world, 1).await;
    world.portal.on_lane(&code(2), Outcome::unclear(Cause::NoAnswer, "no answer"));
    let doubted = told(&world, 2).await;
    turn(&world, 200).await;
    let over = told(&world, 3).await;
    for (name, n) in [("dossier.finished", 3), ("dossier.returned", 4)] {
        world.admit([event(name, &over, n)]).await;
        world.settled().await;
    }
    world.run_timers().await;
    turn(&world, 200).await;
    let before = looked_up(&world).len();
    // To half past ten in the evening, and to the next night.
    let until = |world: &World, hour: i8| {
        let now = world.clock.now().to_zoned(lienthong_core::clock::business_zone());
        let wanted = now.date().to_datetime(jiff::civil::time(hour, 30, 0, 0));
        let wanted = wanted.to_zoned(lienthong_core::clock::business_zone()).unwrap();
        let wanted = if wanted > now { wanted } else { wanted.tomorrow().unwrap() };
        wanted.timestamp().duration_since(now.timestamp()).as_secs()
    };
    turn(&world, until(&world, 22)).await;
    turn(&world, 61).await;
    let night: Vec<String> = looked_up(&world)[before..].to_vec();
    assert_eq!(night, [doubted, quiet], "the returned one is not open any more");
    let closed = world.told("reconciliation.closed").await;
    assert_eq!((closed.len(), &closed[0]["partner"]), (1, &json!("dvcqg")));
    assert_eq!(closed[0]["counts"]["agrees"], 2, "{closed:?}");
    rounds(&world).await;
    assert_eq!(looked_up(&world).len(), before + 2, "once a night");
    turn(&world, until(&world, 22)).await;
    turn(&world, 61).await;
    assert_eq!(looked_up(&world).len(), before + 4, "and again the next");
}

#[tokio::test]
async fn a_dossier_that_we_do_not_have_is_a_discrepancy_of_its_own() {
    let world = world();
    begin(&world).await;
    let first = told(&world, 1).await;
    let other = code(77);
    world.portal.has(&first, Answer { others: vec![other.clone()], ..known(4) });
    rounds(&world).await;
    assert_eq!(open(&world).await, [(Kind::UnknownHere, "not_ours")]);
    assert_eq!(discrepancies(&world).await[0].key, other);
}

#[test]
fn questions_take_a_share_of_the_rate_and_never_more_than_their_own() {
    let settings = StatusSettings { per_second: 2.0, share_percent: 20, ..StatusSettings::default() };
    let limits =
        |rate: Option<f64>| Limits { rate: rate.map(|rate| Rate::new(rate, 1)), ..Limits::default() };
    assert_eq!(settings.pace(&limits(None)), Duration::from_millis(500));
    assert_eq!(settings.pace(&limits(Some(100.0))), Duration::from_millis(500));
    assert_eq!(settings.pace(&limits(Some(5.0))), Duration::from_secs(1));
}

#[tokio::test]
async fn a_question_takes_its_place_under_the_rate_of_all() {
    let partner = PartnerSettings { rate: Some(Rate::new(1000.0, 100)), ..PartnerSettings::default() };
    let mut all: EngineSettings = settings();
    all.statuses = StatusSettings { per_second: 1e6, night: None, ..StatusSettings::default() };
    all.partners = [(portal(), partner)].into();
    let mut world = World::with_settings(rules(), |portal| portal, all);
    world.portal.has("nobody", Answer::default());
    world.start();
    begin(&world).await;
    told(&world, 1).await;
    world.advance(200);
    let before = world.clock.now();
    begin(&world).await;
    let conditions = world.store.conditions().await.unwrap();
    let tat = conditions.iter().find(|c| c.connector == portal()).and_then(|c| c.tat).unwrap();
    assert_eq!(looked_up(&world).len(), 1);
    assert!(tat > before, "the question is counted");
}

#[tokio::test]
async fn under_the_fence_after_a_restore_nobody_is_asked() {
    let world = world();
    begin(&world).await;
    told(&world, 1).await;
    crate::restore::fence(&world).await;
    rounds(&world).await;
    assert_eq!(looked_up(&world), [] as [String; 0]);
}
