//! What is claimed ahead of its turn: it waits in the process, never goes where it should not, and is given back unsent.

use jiff::{SignedDuration, Timestamp};
use lienthong_core::{
    flow::{engine::EngineSettings, health, permits::Permits},
    id::ConnectorId,
    lane::LaneState,
    outcome::{Cause, Outcome},
    policy::health::{Alarm, HealthSettings, Phase, Sign},
    port::store::ConnectorCondition,
    testing::fixtures::events::event,
};
use std::time::Duration;
use tokio::time::Instant;

use crate::world::{World, code, rules, settings};

const DOSSIERS: u32 = 60;

fn portal() -> ConnectorId {
    ConnectorId::parse("dvcqg").unwrap()
}

/// Everything running, so much of a partner's time ahead.
fn running() -> World {
    let ahead = SignedDuration::from_millis(200);
    let mut world = World::with_settings(rules(), |portal| portal, EngineSettings { ahead, ..settings() });
    world.start();
    world
}

fn claimed(world: &World) -> usize {
    world.store.lanes().iter().filter(|l| l.connector == portal() && l.state == LaneState::Running).count()
}

fn alarm() -> Alarm {
    Alarm { cause: Cause::Unreachable, said: "từ chối kết nối".into(), retry_after: None }
}

/// A quick partner that now answers nobody, and more claimed than it may have. Answers how many it had before.
async fn more_claimed_than_sent(world: &World) -> usize {
    world.admit([event("dossier.received", &code(1), 1)]).await;
    world.settled().await;
    let sent = world.portal.tasks().len();
    world.portal.hold();
    for n in 2..=DOSSIERS {
        world.admit([event("dossier.received", &code(n), 1)]).await;
    }
    let most = world.engine.members[&portal()].manifest.in_flight;
    world.eventually("more are claimed", |w| claimed(w) > most).await;
    assert_eq!(world.portal.tasks().len(), sent + most, "the others wait for their turn");
    sent
}

#[tokio::test]
async fn what_is_claimed_ahead_waits_for_its_turn_and_no_more_are_with_the_partner_than_may_be() {
    let world = running();
    more_claimed_than_sent(&world).await;
    world.portal.release_all();
    world.settled().await;
    assert_eq!(world.portal.highest_in_flight(), world.engine.members[&portal()].manifest.in_flight);
    assert!(world.portal.overlaps().is_empty());
    for n in 1..=DOSSIERS {
        assert_eq!(world.seen_at_portal(&code(n)), ["sync 2", "Tiếp nhận hồ sơ"]);
    }
    world.ledgers_balance().await;
}

#[tokio::test]
async fn an_admission_waits_for_what_waits_for_its_turn_and_never_for_what_is_with_the_partner() {
    let world = running();
    let health = HealthSettings::default();
    let post = &world.engine.members[&ConnectorId::parse("post").unwrap()];
    more_claimed_than_sent(&world).await;
    let member = &world.engine.members[&portal()];
    let ahead = member.places.limit() - member.manifest.in_flight;
    world.eventually("the portal is busy", |_| member.places.free() == 0).await;
    assert_eq!(member.worth_waiting_for(1, &health), Some(1));
    assert_eq!(member.worth_waiting_for(10_000, &health), Some(ahead), "the partner keeps what it works on");
    assert_eq!(member.worth_waiting_for(0, &health), None, "nothing is for it");
    assert_eq!(post.worth_waiting_for(1, &health), None, "it has places");
    member.note(&Sign::Down(alarm()), Timestamp::UNIX_EPOCH, &health);
    assert_eq!(member.worth_waiting_for(1, &health), None, "nothing goes there soon");
    member.heard();
    world.portal.release_all();
    world.settled().await;
}

#[tokio::test]
async fn a_backlog_is_claimed_by_the_quarter_while_the_partner_has_enough_to_do() {
    let (ahead, poll) = (SignedDuration::from_hours(1), Duration::from_hours(1));
    let mut world =
        World::with_settings(rules(), |portal| portal, EngineSettings { ahead, poll, ..settings() });
    world.start();
    more_claimed_than_sent(&world).await;
    let places = world.engine.members[&portal()].places.limit();
    world.eventually("all places are taken", |w| claimed(w) == places).await;
    let share = places / 4;
    assert!(1 < share && places + share < DOSSIERS as usize, "{places} places");
    let ended = |w: &World| w.store.operations().iter().filter(|o| o.state.is_ended()).count();
    let before = ended(&world);
    world.portal.release(1);
    world.eventually("a claim shows that more waits", |w| ended(w) > before && claimed(w) == places).await;
    for n in 1..share {
        world.portal.release(1);
        world.eventually("its place stays free", |w| claimed(w) == places - n).await;
    }
    world.portal.release(1);
    world.eventually("the share is claimed at once", |w| claimed(w) == places).await;
    world.portal.release_all();
    world.settled().await;
    world.ledgers_balance().await;
}

#[tokio::test]
async fn what_waits_for_its_turn_does_not_follow_the_one_that_found_the_partner_down() {
    let world = running();
    let sent = more_claimed_than_sent(&world).await;
    let most = world.engine.members[&portal()].manifest.in_flight;
    // It says to all that are with it that it takes nothing from us.
    world.portal.always(Outcome::not_done(Cause::SessionRejected, "sai phiên"));
    world.portal.release_all();
    world.eventually("open", |w| !w.engine.members[&portal()].condition().phase.is_closed()).await;
    world.eventually("nothing is claimed", |w| claimed(w) == 0).await;
    assert_eq!(world.portal.tasks().len(), sent + most, "nothing more was sent");
    world.portal.works();
    while !world.engine.members[&portal()].condition().phase.is_closed() {
        world.advance(61);
        tokio::task::yield_now().await;
    }
    world.settled().await;
    for n in 1..=DOSSIERS {
        let seen = world.seen_at_portal(&code(n));
        assert_eq!(seen.last().map(String::as_str), Some("Tiếp nhận hồ sơ"), "{n}: {seen:?}");
    }
    world.ledgers_balance().await;
}

#[tokio::test]
async fn what_waits_for_its_turn_goes_back_once_the_partner_is_only_tried() {
    let world = running();
    let sent = more_claimed_than_sent(&world).await;
    let member = &world.engine.members[&portal()];
    let most = member.manifest.in_flight;
    // As if another process had found it down, and back.
    let tried = health::change(&world.engine, member, |condition, _, _| ConnectorCondition {
        phase: Phase::HalfOpen { trouble: None },
        ..condition.clone()
    });
    assert!(!tried.await.unwrap().phase.is_closed());
    world.portal.release(1);
    world.eventually("only those with the partner are claimed", |w| claimed(w) == most - 1).await;
    assert_eq!(world.portal.tasks().len(), sent + most, "the one that came back lets none of the others go");
    world.portal.release_all();
    while !world.engine.members[&portal()].condition().phase.is_closed() {
        world.advance(61);
        tokio::task::yield_now().await;
    }
    world.settled().await;
    for n in 1..=DOSSIERS {
        assert_eq!(world.seen_at_portal(&code(n)), ["sync 2", "Tiếp nhận hồ sơ"]);
    }
    world.ledgers_balance().await;
}

#[tokio::test]
async fn an_alarm_holds_this_process_until_the_store_has_said_how_the_partner_stands() {
    let world = World::resting();
    let (member, health) = (&world.engine.members[&portal()], HealthSettings::default());
    let works = || ConnectorCondition::works(portal());
    member.set(works(), Instant::now());
    assert!(member.may_go(true) && member.is_free(&health));
    let changes = member.changes();
    let now = Timestamp::UNIX_EPOCH;
    assert_eq!(member.note(&Sign::Down(alarm()), now, &health), Some(alarm()));
    let is_braked = || !member.may_go(false) && member.is_shut() && !member.is_free(&health);
    assert!(is_braked());
    member.learn(works(), changes, Instant::now());
    member.set(works(), Instant::now());
    assert!(is_braked(), "what is read does not know of an alarm that is on its way");
    assert_eq!(member.note(&Sign::Down(alarm()), now, &health), Some(alarm()));
    member.heard();
    assert!(is_braked(), "another one is on its way");
    member.heard();
    assert!(!is_braked() && member.may_go(true));
}

#[tokio::test]
async fn what_was_claimed_while_the_partner_worked_goes_back_while_it_is_tried_or_coming_back() {
    let world = World::resting();
    let member = &world.engine.members[&portal()];
    let trouble = None;
    let ramp = Phase::Ramp { trouble: None, step: 0, until: Timestamp::UNIX_EPOCH };
    for phase in [Phase::HalfOpen { trouble }, ramp] {
        member.set(ConnectorCondition { phase, ..ConnectorCondition::works(portal()) }, Instant::now());
        assert!(!member.may_go(true) && member.may_go(false), "only what was claimed for it");
    }
}

#[tokio::test]
async fn places_that_are_out_go_as_they_come_back_once_the_partner_is_slow() {
    let world = World::resting();
    let member = &world.engine.members[&portal()];
    let in_flight = member.manifest.in_flight;
    let mut limits = vec![member.places.limit()];
    member.took(Duration::from_millis(1));
    let out = member.places.take(usize::MAX).await;
    limits.push(out.len());
    for _ in 0..100 {
        member.took(Duration::from_secs(5));
    }
    limits.push(member.places.limit());
    drop(out);
    let again = member.places.take(usize::MAX).await;
    assert_eq!(limits, [in_flight, 8 * in_flight, 8 * in_flight]);
    assert_eq!((again.len(), member.places.limit()), (in_flight, in_flight));
}

#[tokio::test]
async fn permits_that_are_kept_all_come_back() {
    let permits = Permits::new(10);
    let out = permits.take(7).await;
    permits.resize(4);
    assert_eq!((permits.limit(), permits.free()), (7, 0), "three were free and are gone");
    permits.keep();
    drop(out);
    assert_eq!((permits.take(10).await.len(), permits.limit()), (7, 7));
}
