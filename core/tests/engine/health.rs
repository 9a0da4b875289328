//! A partner that is down, on hold, under maintenance or limited: what goes, what waits, what is told.

use jiff::{SignedDuration, Timestamp};
use lienthong_core::{
    clock::{Clock, business, later},
    flow::{
        engine::{Engine, EngineSettings, PartnerSettings},
        health,
        operator::Deed,
        partner,
        pool::Pool,
        probe, reconcile,
        run::{self, Roles},
    },
    id::ConnectorId,
    lane::LaneState,
    operation::OperationState,
    outcome::{Cause, Outcome},
    payment::Tiding,
    policy::{
        allowance::Rate,
        backoff::Schedule,
        calendar::Maintenance,
        health::{Alarm, CALENDAR, HealthSettings, Phase},
    },
    port::{
        connector::{Call, CheckFailure, Connector, Feed, FeedPage, Inquiries, Manifest, Task},
        store::ReferenceToAsk,
    },
    testing::{
        ScriptedConnector,
        fixtures::{self, events::event},
    },
};
use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
    time::Duration,
};
use tokio_util::sync::CancellationToken;

use crate::world::{World, code, rules, settings};

fn portal() -> ConnectorId {
    ConnectorId::parse("dvcqg").unwrap()
}

/// Everything running, with these settings of health and of the portal.
fn running(health: HealthSettings, of_portal: PartnerSettings) -> World {
    let partners = [(portal(), of_portal)].into();
    let settings = EngineSettings { health, partners, ..settings() };
    let mut world = World::with_settings(rules(), |portal| portal, settings);
    world.start();
    world
}

fn phase(world: &World) -> Phase {
    world.engine.members[&portal()].condition().phase
}

fn at_portal(world: &World, state: LaneState) -> usize {
    world.store.lanes().iter().filter(|l| l.connector == portal() && l.state == state).count()
}

fn away() -> CheckFailure {
    CheckFailure { cause: Cause::Unreachable, said: "từ chối kết nối".into() }
}

fn burnt(world: &World) -> i32 {
    world.store.operations().iter().map(|o| o.attempts).sum()
}

fn pauses(world: &World) -> (usize, usize) {
    let incidents = world.store.incidents();
    let pauses = incidents.iter().filter(|i| i.key.starts_with("pause:"));
    (pauses.clone().count(), pauses.filter(|i| i.closed_at.is_none()).count())
}

/// Lets the ramp's steps go by.
async fn climb(world: &World) {
    for _ in 0..HealthSettings::default().ramp.len() {
        let before = phase(world);
        world.advance(61);
        world.eventually("a step up", |w| phase(w) != before).await;
    }
    assert_eq!(phase(world), Phase::Closed);
}

#[tokio::test]
async fn an_outage_burns_no_attempt_once_it_is_seen_and_what_waited_goes_in_order_one_by_one_then_more() {
    const DOSSIERS: u32 = 500;
    // Steps so short that no lease runs out while they go by.
    let health = HealthSettings { step: SignedDuration::from_secs(5), ..HealthSettings::default() };
    let world = running(health, PartnerSettings::default());
    world.portal.always(Outcome::not_done(Cause::Unreachable, "từ chối kết nối"));
    for _ in 0..3 {
        world.portal.on_check(Err(away()));
    }
    let codes: Vec<String> = (1..=DOSSIERS).map(code).collect();
    for code in &codes {
        world.admit([event("dossier.received", code, 1)]).await;
    }
    world.eventually("open", |w| !phase(w).is_closed()).await;
    world.eventually("nothing runs", |w| at_portal(w, LaneState::Running) == 0).await;
    let (seen, sent) = (burnt(&world), world.portal.tasks().len());
    assert!(seen <= 30, "{seen} attempts were burnt before it was seen");
    // An hour of trials that fail: nothing is sent, nothing burnt, one incident.
    for trials in 1..=3 {
        world.advance(301);
        world.eventually("a trial", |w| phase(w).trouble().is_some_and(|t| t.trials == trials)).await;
    }
    assert_eq!(world.portal.checks(), 3);
    assert_eq!((burnt(&world), world.portal.tasks().len()), (seen, sent));
    assert_eq!(pauses(&world), (1, 1));
    let began = world.store.incidents()[0].opened_at;

    world.portal.works();
    world.portal.hold();
    world.advance(301);
    world.portal.until_begun(sent + 1).await;
    assert!(matches!(phase(&world), Phase::HalfOpen { .. }), "{:?}", phase(&world));
    assert_eq!(at_portal(&world, LaneState::Running), 1, "one operation tries");
    world.portal.release(1);
    world.eventually("a ramp", |w| matches!(phase(w), Phase::Ramp { step: 0, .. })).await;
    world.portal.until_begun(sent + 2).await;
    assert_eq!(at_portal(&world, LaneState::Running), 1, "a tenth of four is one");
    world.advance(6);
    world.eventually("the next step", |w| matches!(phase(w), Phase::Ramp { step: 1, .. })).await;
    world.advance(6);
    world.portal.until_begun(sent + 3).await;
    assert_eq!(at_portal(&world, LaneState::Running), 2, "half of four");
    assert_eq!(pauses(&world), (1, 1), "until it is back for good");
    world.advance(6);
    world.portal.until_begun(sent + 5).await;
    assert_eq!(world.portal.tasks().len(), sent + 5, "four are with it, as many as before");
    world.portal.release_all();
    world.settled().await;
    assert_eq!(burnt(&world), seen);
    assert_eq!((pauses(&world), world.store.incidents()[0].opened_at), ((1, 0), began));
    assert!(world.portal.overlaps().is_empty());
    assert!(world.store.operations().iter().all(|o| o.state == OperationState::Succeeded));
    for code in &codes {
        let mut seen = world.seen_at_portal(code);
        seen.dedup();
        assert!(seen[0].starts_with("sync") && seen[1..].iter().all(|s| !s.starts_with("sync")), "{seen:?}");
    }
    world.ledgers_balance().await;
}

#[tokio::test]
async fn a_return_that_fails_is_the_same_incident_and_the_one_that_tried_keeps_its_attempts() {
    let health = HealthSettings { in_a_row: 3, ..HealthSettings::default() };
    let world = running(health, PartnerSettings::default());
    world.portal.always(Outcome::not_done(Cause::Throttled, "429"));
    world.admit((1..=9).map(|n| event("dossier.received", &code(n), 1))).await;
    world.eventually("open", |w| !phase(w).is_closed()).await;
    world.eventually("nothing runs", |w| at_portal(w, LaneState::Running) == 0).await;
    let (seen, sent) = (burnt(&world), world.portal.tasks().len());
    let began = phase(&world).trouble().unwrap().since;
    for failed in 1..=2 {
        // The question is answered, the operation after it is not.
        world.advance(301);
        world.eventually("tried", |w| w.portal.tasks().len() == sent + failed).await;
        world
            .eventually("open again", |w| phase(w).trouble().is_some_and(|t| t.trials as usize == failed))
            .await;
    }
    assert_eq!((burnt(&world), phase(&world).trouble().unwrap().since), (seen, began));
    assert_eq!(pauses(&world), (1, 1));
}

#[tokio::test]
async fn one_operation_that_alone_fails_ends_stuck_and_the_others_go_through() {
    let health = HealthSettings { in_a_row: 4, ..HealthSettings::default() };
    let retry = Schedule::from_seconds(&[2, 2, 2, 2, 2, 2, 2, 2]);
    let partners = BTreeMap::new();
    let settings = EngineSettings { health, retry, partners, ..settings() };
    let mut world = World::with_settings(rules(), |portal| portal, settings);
    world.start();
    let ill = code(1);
    for _ in 0..60 {
        world.portal.on_lane(&ill, Outcome::not_done(Cause::PartnerFailed, "500"));
    }
    world.admit([event("dossier.received", &ill, 1)]).await;
    for n in 2..40 {
        world.advance(40);
        world.admit([event("dossier.received", &code(n), 1)]).await;
        world.settled().await;
        if at_portal(&world, LaneState::Stuck) == 1 {
            break;
        }
    }
    assert_eq!(at_portal(&world, LaneState::Stuck), 1, "a partner that answers others is not down");
    for _ in 0..8 {
        world.advance(61);
        world.settled().await;
    }
    world.eventually("closed", |w| phase(w).is_closed()).await;
    world.settled().await;
    assert_eq!(
        at_portal(&world, LaneState::Stuck) + at_portal(&world, LaneState::Idle),
        world.store.lanes().len()
    );
}

#[tokio::test]
async fn planned_maintenance_sends_nothing_is_no_incident_and_ends_gently() {
    let now = World::resting().clock.now();
    let local = |minutes| business(later(now, SignedDuration::from_mins(minutes))).datetime();
    let maintenance = vec![Maintenance::Dated { from: local(10), until: local(60) }];
    let world =
        running(HealthSettings::default(), PartnerSettings { maintenance, ..PartnerSettings::default() });
    world.admit([event("dossier.received", &code(1), 1)]).await;
    world.settled().await;
    let sent = world.portal.tasks().len();
    assert!(sent > 0);
    world.advance(10 * 60);
    let held = |w: &World| w.engine.members[&portal()].condition().hold;
    world.eventually("held", |w| held(w).is_some()).await;
    let hold = held(&world).unwrap();
    assert_eq!((hold.by.as_str(), hold.until), (CALENDAR, Some(later(now, SignedDuration::from_mins(60)))));
    world.admit([event("dossier.received", &code(2), 1)]).await;
    world.advance(49 * 60);
    assert_eq!((world.portal.tasks().len(), pauses(&world)), (sent, (0, 0)));
    assert!(at_portal(&world, LaneState::Ready) > 0, "what waits stays in sight");
    world.advance(60);
    world.eventually("through", |w| at_portal(w, LaneState::Ready) == 0).await;
    world.eventually("gently", |w| matches!(phase(w), Phase::Ramp { trouble: None, .. })).await;
    world.settled().await;
    assert_eq!((burnt(&world), pauses(&world), held(&world)), (0, (0, 0), None));
    climb(&world).await;
}

#[tokio::test]
async fn a_hold_by_hand_that_ends_within_planned_maintenance_gives_way_to_the_rest_of_it() {
    let now = World::resting().clock.now();
    let at = |minutes| later(now, SignedDuration::from_mins(minutes));
    let window = Maintenance::Dated { from: business(at(0)).datetime(), until: business(at(60)).datetime() };
    let of_portal = PartnerSettings { maintenance: vec![window], ..PartnerSettings::default() };
    let world = running(HealthSettings::default(), of_portal);
    let held = |w: &World| w.engine.members[&portal()].condition().hold;
    let by_calendar = |w: &World| held(w).is_some_and(|h| h.by == CALENDAR && h.until == Some(at(60)));
    world.eventually("the window holds", by_calendar).await;
    world.admit([event("dossier.received", &code(1), 1)]).await;
    partner::hold(&world.engine, &portal(), "an", "đổi khoá", Some(at(20))).await.unwrap();
    assert_eq!(held(&world).unwrap().by, "an");
    world.advance(20 * 60);
    world.eventually("the window holds again", by_calendar).await;
    partner::hold(&world.engine, &portal(), "an", "đối chiếu", None).await.unwrap();
    world.advance(20 * 60);
    partner::release(&world.engine, &portal(), "an", "xong").await.unwrap();
    assert!(by_calendar(&world), "at once, before anything is claimed");
    assert!(world.portal.tasks().is_empty());
    world.advance(20 * 60);
    world.eventually("through", |w| !w.portal.tasks().is_empty()).await;
}

#[tokio::test]
async fn a_held_partner_gets_nothing_until_it_is_released_and_both_are_on_record() {
    let world = running(HealthSettings::default(), PartnerSettings::default());
    let engine = &world.engine;
    let missing = Deed::NotAllowed("reason_missing".into());
    assert_eq!(partner::hold(engine, &portal(), "an", " ", None).await.unwrap(), missing);
    let past = Some(Timestamp::UNIX_EPOCH);
    let over = Deed::NotAllowed("until_past".into());
    assert_eq!(partner::hold(engine, &portal(), "an", "đối chiếu", past).await.unwrap(), over);
    assert_eq!(partner::hold(engine, &portal(), "an", "đối chiếu", None).await.unwrap(), Deed::Done);
    world.admit([event("dossier.received", &code(1), 1)]).await;
    // Another partner is not held.
    world.admit([event("post.return_requested", &code(1), 2)]).await;
    world.eventually("the post works", |w| w.post.tasks().len() == 1).await;
    assert!(world.portal.tasks().is_empty());
    let held = Deed::NotAllowed("held".into());
    assert_eq!(partner::try_now(engine, &portal(), "an").await.unwrap(), held);
    assert_eq!(partner::release(engine, &portal(), "bình", "xong").await.unwrap(), Deed::Done);
    world.eventually("through", |w| !w.portal.tasks().is_empty()).await;
    world.settled().await;
    let not_held = Deed::NotAllowed("not_held".into());
    assert_eq!(partner::release(engine, &portal(), "an", "lần nữa").await.unwrap(), not_held);
    let audit = world.store.audit();
    let deeds: Vec<_> = audit.iter().map(|(_, who, deed, about)| (&**who, &**deed, &**about)).collect();
    assert_eq!(
        deeds,
        [("an", "partner.hold: đối chiếu", "dvcqg"), ("bình", "partner.release: xong", "dvcqg")]
    );
    assert_eq!(pauses(&world), (0, 0));
}

#[tokio::test]
async fn a_hold_with_an_end_ends_by_itself() {
    let world = running(HealthSettings::default(), PartnerSettings::default());
    let until = Some(later(world.clock.now(), SignedDuration::from_mins(5)));
    partner::hold(&world.engine, &portal(), "an", "đổi khoá", until).await.unwrap();
    world.admit([event("dossier.received", &code(1), 1)]).await;
    assert!(world.portal.tasks().is_empty());
    world.advance(5 * 60);
    world.eventually("through", |w| !w.portal.tasks().is_empty()).await;
    world.settled().await;
    assert_eq!(burnt(&world), 0);
}

#[tokio::test]
async fn a_person_s_trial_does_not_wait_for_its_time() {
    let world = running(HealthSettings::default(), PartnerSettings::default());
    let not_open = Deed::NotAllowed("not_open".into());
    assert_eq!(partner::try_now(&world.engine, &portal(), "an").await.unwrap(), not_open);
    world.portal.next(Outcome::paused(Cause::CredentialsRejected, "sai khoá"));
    world.admit([event("dossier.received", &code(1), 1)]).await;
    world.eventually("open", |w| !phase(w).is_closed()).await;
    assert_eq!(world.portal.checks(), 0);
    assert_eq!(partner::try_now(&world.engine, &portal(), "an").await.unwrap(), Deed::Done);
    world.eventually("through", |w| at_portal(w, LaneState::Idle) == 1).await;
    assert_eq!((world.portal.checks(), burnt(&world)), (1, 0));
}

#[tokio::test]
async fn two_replicas_together_keep_to_what_all_may_have_with_a_partner() {
    let in_flight_total = Some(3);
    let of_portal = PartnerSettings { in_flight_total, ..PartnerSettings::default() };
    let world = running(HealthSettings::default(), of_portal.clone());
    let partners = [(portal(), of_portal)].into();
    let settings = EngineSettings { holder: "other".into(), partners, ..settings() };
    let connectors: Vec<Arc<dyn Connector>> = vec![world.portal.clone()];
    let other = Engine::new(
        Arc::new(world.store.second()),
        rules(),
        connectors,
        Arc::new(world.clock.clone()),
        settings,
    );
    let (pool, _ends) = Pool::new(CancellationToken::new());
    run::start(&other, &pool, Roles { schedule: false, ..Roles::all() }, None);
    world.portal.hold();
    world.admit((1..=20).map(|n| event("dossier.received", &code(n), 1))).await;
    world.portal.until_begun(3).await;
    for n in 4..=20 {
        world.portal.release(1);
        world.portal.until_begun(n).await;
    }
    world.portal.release_all();
    world.settled().await;
    assert_eq!(world.portal.highest_in_flight(), 3);
    assert!(world.store.operations().iter().all(|o| o.state == OperationState::Succeeded));
    assert!(pool.stop(Duration::from_secs(5)).await);
}

#[tokio::test]
async fn a_rate_holds_whatever_waits() {
    let rate = Some(Rate::new(2.0, 4));
    let world = running(HealthSettings::default(), PartnerSettings { rate, ..PartnerSettings::default() });
    world.admit((1..=10).map(|n| event("dossier.received", &code(n), 1))).await;
    // Two operations a dossier: the burst, then two a second.
    for second in 0..8 {
        let most = 4 + 2 * second;
        world.eventually("what may go has gone", |w| w.portal.tasks().len() >= most).await;
        assert_eq!(world.portal.tasks().len(), most, "after {second} s");
        world.advance(1);
    }
    world.eventually("all of it", |w| w.portal.tasks().len() == 20).await;
}

/// A partner that never answers the question without effect.
struct Silent(Arc<ScriptedConnector>);

#[async_trait::async_trait]
impl Connector for Silent {
    fn manifest(&self) -> &Manifest {
        self.0.manifest()
    }

    async fn attempt(&self, task: &Task, call: &Call<'_>) -> Outcome {
        self.0.attempt(task, call).await
    }

    async fn check(&self, _call: &Call<'_>) -> Result<String, CheckFailure> {
        std::future::pending().await
    }
}

#[tokio::test]
async fn a_trial_that_hangs_holds_up_no_news_of_the_other_partners() {
    let world = World::resting();
    let silent: Arc<dyn Connector> = Arc::new(Silent(world.portal.clone()));
    let engine = Engine::new(
        Arc::new(world.store.clone()),
        rules(),
        vec![silent, world.post.clone()],
        Arc::new(world.clock.clone()),
        settings(),
    );
    for member in engine.members.values() {
        let alarm = Alarm { cause: Cause::Unreachable, said: String::new(), retry_after: None };
        let opened = health::change(&engine, member, move |condition, health, now| {
            let mut condition = condition.clone();
            condition.phase = condition.phase.open(now, &alarm, health);
            condition
        });
        assert!(opened.await.unwrap().is_shut());
    }
    let (pool, _ends) = Pool::new(CancellationToken::new());
    run::start(&engine, &pool, Roles { schedule: false, ..Roles::all() }, None);
    world.clock.advance(SignedDuration::from_secs(31));
    let post = Arc::clone(&engine.members[world.post.id()]);
    world.eventually("the post is back", |_| post.condition().is_plain()).await;
    // And news still come: somebody holds it elsewhere.
    let other = world.store.second();
    let held = Engine::new(
        Arc::new(other),
        rules(),
        vec![world.post.clone()],
        Arc::new(world.clock.clone()),
        settings(),
    );
    partner::hold(&held, world.post.id(), "an", "đối chiếu", None).await.unwrap();
    world.eventually("the hold is known", |_| post.is_shut()).await;
    assert!(engine.members[world.portal.id()].is_shut(), "its trial still hangs");
    assert!(pool.stop(Duration::from_secs(5)).await);
}

#[tokio::test]
async fn behind_a_backlog_that_takes_every_place_of_a_rate_one_question_goes_on_credit() {
    // A place falls free every two seconds.
    let rate = Some(Rate::new(0.5, 3));
    let partners = [(portal(), PartnerSettings { rate, ..PartnerSettings::default() })].into();
    let asked = |portal: ScriptedConnector| portal.with_prober().with_settling_window(SignedDuration::ZERO);
    let mut world = World::with_settings(rules(), asked, EngineSettings { partners, ..settings() });
    world.start();
    world.portal.always(Outcome::unclear(Cause::NoAnswer, "không trả lời"));
    world.portal.hold();
    world.admit((1..=9).map(|n| event("dossier.received", &code(n), 1))).await;
    world.portal.until_begun(3).await;
    world.portal.release_all();
    for asked in 1..=2 {
        world.eventually("one is asked about", |w| w.portal.probes().len() == asked).await;
        world.eventually("nothing runs", |w| at_portal(w, LaneState::Running) == 0).await;
        let member = &world.engine.members[&portal()];
        let more = probe::round(&world.engine, member, LaneState::Doubtful, 9).await.unwrap();
        assert!(more.is_empty(), "so far ahead of the rate is none: {more:?}");
        world.advance(2);
    }
    assert_eq!(world.portal.tasks().len(), 3);
}

/// A partner that a person holds as soon as it has answered one question.
struct HeldMeanwhile {
    partner: Arc<ScriptedConnector>,
    engine: OnceLock<Arc<Engine>>,
}

impl HeldMeanwhile {
    async fn hold(&self) {
        let engine = self.engine.get().unwrap();
        let deed = partner::hold(engine, self.partner.id(), "an", "đối chiếu", None);
        assert_eq!(deed.await.unwrap(), Deed::Done);
    }
}

#[async_trait::async_trait]
impl Connector for HeldMeanwhile {
    fn manifest(&self) -> &Manifest {
        self.partner.manifest()
    }

    async fn attempt(&self, task: &Task, call: &Call<'_>) -> Outcome {
        self.partner.attempt(task, call).await
    }

    async fn check(&self, call: &Call<'_>) -> Result<String, CheckFailure> {
        self.partner.check(call).await
    }

    fn inquiries(&self) -> Option<&dyn Inquiries> {
        self.partner.inquiries().map(|_| self as &dyn Inquiries)
    }

    fn feed(&self) -> Option<&dyn Feed> {
        self.partner.feed().map(|_| self as &dyn Feed)
    }
}

#[async_trait::async_trait]
impl Inquiries for HeldMeanwhile {
    async fn inquire(
        &self,
        reference: &ReferenceToAsk,
        call: &Call<'_>,
    ) -> Result<Option<Tiding>, CheckFailure> {
        self.hold().await;
        self.partner.inquire(reference, call).await
    }
}

#[async_trait::async_trait]
impl Feed for HeldMeanwhile {
    fn resume(&self, stored: Option<&str>) -> String {
        self.partner.resume(stored)
    }

    async fn page(&self, cursor: &str, call: &Call<'_>) -> Result<FeedPage, CheckFailure> {
        self.hold().await;
        self.partner.page(cursor, call).await
    }
}

#[tokio::test]
async fn a_hold_that_begins_between_two_questions_of_a_reading_ends_it() {
    let world = World::resting();
    for n in 1..=3 {
        world.admit([event("dossier.received", &code(n), 1), event("fee.requested", &code(n), 2)]).await;
    }
    // More than a page.
    world.post.feed_moves((1..=150).map(|n| fixtures::parcel_move(&n.to_string(), "VD1", None)));
    let partners = [&world.platform, &world.post]
        .map(|partner| Arc::new(HeldMeanwhile { partner: partner.clone(), engine: OnceLock::new() }));
    let engine = Engine::new(
        Arc::new(world.store.clone()),
        rules(),
        partners.iter().map(|partner| Arc::clone(partner) as Arc<dyn Connector>).collect(),
        Arc::new(world.clock.clone()),
        settings(),
    );
    for partner in &partners {
        assert!(partner.engine.set(Arc::clone(&engine)).is_ok());
    }
    reconcile::sweep(&engine, &engine.members[world.platform.id()]).await.unwrap();
    reconcile::track(&engine, &engine.members[world.post.id()]).await.unwrap();
    assert_eq!([world.platform.journal().len(), world.post.journal().len()], [1, 1]);
    assert_eq!(world.store.moves().len(), 100, "what was answered counts");
    assert!(world.store.incidents().is_empty(), "a hold is no failure");
}
