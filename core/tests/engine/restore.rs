//! After a restore: fenced, asked, held for one decision, then sent. The partners have what the lost time sent.

use jiff::Timestamp;
use lienthong_core::{
    finding::Finding,
    flow::{
        operator::{self, Deed},
        replay,
        restore::{self, Evidence, Place},
    },
    need::Need,
    operation::{ActionKind, OperationState, Payload},
    outcome::{Cause, Outcome},
    plan::rules::PartnerKind,
    port::{
        store::{Store, decide},
        work::{Scope, Work},
    },
    replay::{Order, Pace, Plan, Purpose, ReplayState, Selection},
    testing::{
        MemoryStore, ScriptedConnector,
        fixtures::{
            self,
            events::{Event, event, payment_id},
        },
    },
};
use std::{collections::BTreeSet, time::Duration};

use crate::world::{World, code, rules};

/// What the first dossier tells before the backup.
fn before() -> Vec<Event> {
    let code = code(1);
    vec![event("dossier.received", &code, 1), event("fee.requested", &code, 2)]
}

/// What is told after it: the first dossier goes on, a second one comes with everything.
fn after() -> Vec<Event> {
    let (first, second) = (code(1), code(2));
    vec![
        event("dossier.processing", &first, 3),
        event("dossier.received", &second, 1),
        event("fee.requested", &second, 2),
        event("post.return_requested", &second, 3),
        event("dossier.processing", &second, 4),
    ]
}

async fn stopped_and_put_back(world: &mut World, backup: &MemoryStore) {
    world.settled().await;
    assert!(world.stop().await);
    let lost = world.store.installation().await.unwrap();
    world.store.put_back(backup);
    let known = world.store.installation().await.unwrap();
    let evidence = Evidence {
        reason: "older".into(),
        epoch: lost.epoch,
        outbox: lost.outbox_highest,
        ..Evidence::default()
    };
    assert!(restore::fence(&world.store, &known, &evidence).await.unwrap());
}

pub async fn fence(world: &World) {
    let known = world.store.installation().await.unwrap();
    assert!(restore::fence(&world.store, &known, &Evidence::default()).await.unwrap());
}

/// A world that lived on after its backup, was put back, and was told everything again.
async fn restored() -> World {
    let mut world = World::running();
    world.admit(before()).await;
    world.settled().await;
    let backup = world.store.copy();
    world.admit(after()).await;
    stopped_and_put_back(&mut world, &backup).await;
    world.restart_with(rules()).await;
    world.admit(before().into_iter().chain(after())).await;
    world
}

fn sent(world: &World) -> usize {
    world.portal.tasks().len() + world.platform.tasks().len() + world.post.tasks().len()
}

/// Waits until everything that can be asked about has been, and nothing moves any more.
async fn comes_to_rest(world: &World) {
    world
        .eventually("what can be asked about has been", |w| {
            let moves = |o: &lienthong_core::operation::Operation| match o.state {
                OperationState::Ready | OperationState::Running | OperationState::Doubtful => true,
                // The platform can be asked; what it does not know has that as its cause.
                OperationState::Held => o.payload.kind() == ActionKind::OpenPayment && o.cause.is_none(),
                _ => false,
            };
            !w.store.operations().iter().any(moves)
        })
        .await;
}

async fn released(world: &World, steps_until: Option<Timestamp>) {
    comes_to_rest(world).await;
    decided(world, steps_until).await;
}

/// Lifts the fence as soon as everything is marked, and waits until nothing is held by it.
pub async fn decided(world: &World, steps_until: Option<Timestamp>) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    loop {
        let deed = restore::release(&world.engine, "an", "đã đối chiếu", steps_until).await.unwrap();
        if deed == Deed::Done {
            break;
        }
        assert_eq!(deed, Deed::NotAllowed("not_marked".into()));
        assert!(tokio::time::Instant::now() < deadline, "never marked");
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
    world
        .eventually("nothing is held by the fence", |w| {
            let is_held = |o: &lienthong_core::operation::Operation| matches!(o.need, Some(Need::Restore(_)));
            !w.store.operations().iter().any(is_held)
        })
        .await;
    world.settled().await;
}

fn steps(seen: &[String]) -> Vec<&String> {
    seen.iter().filter(|s| !s.starts_with("sync ")).collect()
}

#[tokio::test]
async fn nothing_is_sent_before_the_decision_and_nothing_is_doubled_after_it() {
    let world = restored().await;
    comes_to_rest(&world).await;
    let lost = sent(&world);
    let portal: Vec<Vec<String>> = [1, 2].map(|n| world.seen_at_portal(&code(n))).into();

    assert_eq!(world.store.outbox(0, 100).await.unwrap(), vec![], "nothing is told");
    let incidents = world.store.incidents();
    let open: Vec<_> = incidents.iter().filter(|i| i.closed_at.is_none()).map(|i| i.key.as_str()).collect();
    assert_eq!(open, ["restore:2"]);
    // The platform was asked about the second payment, and has it.
    assert_eq!(world.states(ActionKind::OpenPayment), [OperationState::Succeeded; 2]);
    assert_eq!(world.platform.probes().len(), 1);
    let held = world.operations(ActionKind::CreateParcel);
    assert_eq!(held[0].need, Some(Need::Restore(2)));
    assert_eq!(sent(&world), lost, "nothing goes out before the decision");

    released(&world, Some(Timestamp::MAX)).await;
    assert_eq!(world.platform.tasks().len(), 2, "no payment is opened twice");
    let parcels = world.post.tasks();
    let numbers: BTreeSet<_> = parcels.iter().map(|task| format!("{:?}", task.payload)).collect();
    assert_eq!(
        (parcels.len(), numbers.len()),
        (2, 1),
        "the same order number: the post takes it for the same"
    );
    assert!(parcels[1].begun, "that it is there already is about us");
    for (n, before) in [1, 2].into_iter().zip(portal) {
        let seen = world.seen_at_portal(&code(n));
        assert_eq!(steps(&seen), steps(&before), "no step is doubled");
        let again = &seen[before.len()..];
        assert_eq!(again.len(), 1, "of all states only the newest goes out: {again:?}");
        assert_eq!(again.last(), before.iter().rfind(|s| s.starts_with("sync ")), "and it is the newest");
    }
    let told = world.store.outbox(0, 100).await.unwrap();
    let numbers: Vec<i64> = told.iter().map(|row| row.number).collect();
    assert!(numbers.iter().any(|n| *n > restore::OUTBOX_MARGIN), "{numbers:?}");
    assert!(world.store.incidents().iter().all(|i| i.closed_at.is_some()));
    world.ledgers_balance().await;
}

#[tokio::test]
async fn steps_are_sent_again_only_if_the_person_wants_them() {
    let world = restored().await;
    comes_to_rest(&world).await;
    let before = [1, 2].map(|n| steps(&world.seen_at_portal(&code(n))).len());
    released(&world, None).await;
    let now = [1, 2].map(|n| steps(&world.seen_at_portal(&code(n))).len());
    // The first dossier's first step was acknowledged before the backup.
    assert_eq!(now, [before[0] + 1, before[1] * 2]);
    let seen = world.seen_at_portal(&code(2));
    let (first, again) = seen.split_at(seen.len() / 2);
    assert_eq!(first, again, "in their order, each behind the state that it needs");
    world.ledgers_balance().await;
}

#[tokio::test]
async fn only_steps_up_to_the_moment_are_left_out() {
    let world = restored().await;
    let second = code(2);
    let of = |w: &World| {
        let steps = w.operations(ActionKind::AppendProgress).into_iter();
        let of =
            steps.filter(|o| o.subject.as_ref().is_some_and(|s| s.as_str() == second) && !o.state.is_ended());
        of.flat_map(|o| match &*o.payload {
            Payload::AppendProgress { steps } => {
                steps.iter().map(|s| (s.at, s.content.clone())).collect::<Vec<_>>()
            }
            _ => Vec::new(),
        })
        .collect::<Vec<_>>()
    };
    comes_to_rest(&world).await;
    let waiting = of(&world);
    let (first, last) = (waiting.first().unwrap().0, waiting.last().unwrap().clone());
    let before = world.seen_at_portal(&second).len();
    released(&world, Some(first)).await;
    let again: Vec<_> = world.seen_at_portal(&second)[before..].to_vec();
    let expected: Vec<_> =
        waiting.iter().filter(|(at, _)| *at > first).map(|(_, said)| said.clone()).collect();
    assert_eq!(
        steps(&again).into_iter().cloned().collect::<Vec<_>>(),
        expected,
        "after {first}, last {last:?}"
    );
}

#[tokio::test]
async fn what_the_platform_does_not_know_is_opened_after_the_decision_under_its_reference() {
    let mut world = World::resting();
    world.admit([event("dossier.received", &code(1), 1), event("fee.requested", &code(1), 2)]).await;
    let reference = world.payment(&payment_id(&code(1))).references[0].reference.clone();
    let backup = world.store.copy();
    world.store.put_back(&backup);
    fence(&world).await;
    world.platform.always_finds(Finding::Absent);
    world.start();
    comes_to_rest(&world).await;
    assert_eq!((world.platform.probes().len(), sent(&world)), (1, 0), "asked once, and not sent");
    released(&world, Some(Timestamp::MAX)).await;
    let tasks = world.platform.tasks();
    assert_eq!(tasks.len(), 1);
    assert!(matches!(&*tasks[0].payload, Payload::OpenPayment { reference: r, .. } if *r == reference));
}

#[tokio::test]
async fn a_payment_that_nobody_can_ask_about_waits_for_a_decision_of_its_own() {
    let mut world = World::resting();
    let manifest = fixtures::manifest("pay", PartnerKind::Payment);
    world.platform = ScriptedConnector::new(manifest).with_callbacks().shared();
    world.restart_with(rules()).await;
    world.admit(before()).await;
    world.settled().await;
    let backup = world.store.copy();
    world.admit([event("dossier.received", &code(2), 1), event("fee.requested", &code(2), 2)]).await;
    stopped_and_put_back(&mut world, &backup).await;
    world.restart_with(rules()).await;
    world.admit([event("dossier.received", &code(2), 1), event("fee.requested", &code(2), 2)]).await;
    world
        .eventually("the payment is stuck", |w| w.states(ActionKind::OpenPayment)[1] == OperationState::Stuck)
        .await;
    let stuck = world.operations(ActionKind::OpenPayment)[1].id;
    let refused = operator::retry(&world.engine, stuck, "an", "gọi rồi").await.unwrap();
    assert_eq!(refused, Deed::NotAllowed("fenced".into()));
    let opened = world.platform.tasks().len();
    released(&world, Some(Timestamp::MAX)).await;
    assert_eq!(world.states(ActionKind::OpenPayment)[1], OperationState::Stuck, "not with the group");
    assert_eq!(world.platform.tasks().len(), opened);
    assert_eq!(operator::retry(&world.engine, stuck, "an", "gọi rồi").await.unwrap(), Deed::Done);
    world.settled().await;
    assert_eq!(world.platform.tasks().len(), opened + 1);
}

#[tokio::test]
async fn a_replica_that_ran_all_the_time_sends_and_tells_nothing_under_the_fence() {
    let world = World::running();
    world.admit(before()).await;
    world.settled().await;
    let backup = world.store.copy();
    world.admit(after()).await;
    world.settled().await;
    world.store.put_back(&backup);
    let known = world.store.installation().await.unwrap();
    // Another process notices; this one is not told.
    assert!(restore::fence(&world.store.second(), &known, &Evidence::default()).await.unwrap());
    let (lost, told) = (sent(&world), world.publisher.published().len());
    world.admit(after()).await;
    comes_to_rest(&world).await;
    assert_eq!(sent(&world), lost);
    assert_eq!(world.publisher.published().len(), told);
    released(&world, Some(Timestamp::MAX)).await;
    assert!(sent(&world) > lost);
    world.eventually("it is told", |w| w.publisher.published().len() > told).await;
}

#[tokio::test]
async fn a_release_that_is_cut_off_in_the_middle_goes_on_with_the_next_start() {
    const DOSSIERS: u32 = 250;
    let mut world = World::resting();
    for n in 1..=DOSSIERS {
        world.admit([event("dossier.received", &code(n), 1)]).await;
    }
    fence(&world).await;
    let mut place = Place::default();
    let deed = || restore::release(&world.engine, "an", "đã đối chiếu", Some(Timestamp::MAX));
    assert!(restore::round(&world.engine, &mut place).await.unwrap(), "one pass is not all");
    assert_eq!(deed().await.unwrap(), Deed::NotAllowed("not_marked".into()));
    while restore::round(&world.engine, &mut place).await.unwrap() {}
    assert_eq!(deed().await.unwrap(), Deed::Done);
    assert_eq!(deed().await.unwrap(), Deed::NotAllowed("not_fenced".into()));
    assert!(restore::round(&world.engine, &mut Place::default()).await.unwrap());
    let held = |w: &World| w.store.operations().iter().filter(|o| o.state == OperationState::Held).count();
    assert!((1..2 * DOSSIERS as usize).contains(&held(&world)), "{}", held(&world));
    world.restart_with(rules()).await;
    world.eventually("everything went out", |w| w.portal.tasks().len() == DOSSIERS as usize).await;
    world.settled().await;
    let seen = (1..=DOSSIERS).map(|n| world.seen_at_portal(&code(n)));
    assert!(seen.into_iter().all(|seen| seen == ["sync 2"]));
    world.ledgers_balance().await;
}

#[tokio::test]
async fn a_release_reaches_every_lane_though_a_note_of_the_walk_before_it_comes_late() {
    const DOSSIERS: u32 = 250;
    let mut world = World::resting();
    for n in 1..=DOSSIERS {
        world.admit([event("dossier.received", &code(n), 1)]).await;
    }
    fence(&world).await;
    let mut place = Place::default();
    while restore::round(&world.engine, &mut place).await.unwrap() {}
    let note = world.store.cursor("restore").await.unwrap().unwrap();
    assert_eq!(restore::release(&world.engine, "an", "đã đối chiếu", None).await.unwrap(), Deed::Done);
    assert!(restore::round(&world.engine, &mut place).await.unwrap(), "one pass is not all");
    // Another process' unit had nothing left to mark: the decision did not wait for it.
    let late = move |work: &mut Work| work.cursors.push(("restore".into(), note.clone()));
    decide(&world.store, Scope::default(), late).await.unwrap();
    world.start();
    world.eventually("everything went out", |w| w.portal.tasks().len() >= 2 * DOSSIERS as usize).await;
    world.settled().await;
    let mut seen = (1..=DOSSIERS).map(|n| world.seen_at_portal(&code(n)));
    assert!(seen.all(|seen| seen == ["sync 2", "Tiếp nhận hồ sơ"]), "and once");
    world.ledgers_balance().await;
}

#[tokio::test]
async fn what_was_planned_in_the_moment_of_the_decision_goes_out_with_the_rest() {
    let mut world = World::resting();
    fence(&world).await;
    while restore::round(&world.engine, &mut Place::default()).await.unwrap() {}
    world.admit([event("dossier.received", &code(1), 1)]).await;
    // The decision read the clock before this unit did, and waited for its end.
    world.advance(-1);
    assert_eq!(restore::release(&world.engine, "an", "đã đối chiếu", None).await.unwrap(), Deed::Done);
    world.start();
    world.eventually("it is sent", |w| w.portal.tasks().len() == 2).await;
    world.settled().await;
    assert_eq!(world.seen_at_portal(&code(1)), ["sync 2", "Tiếp nhận hồ sơ"]);
    world.ledgers_balance().await;
}

#[tokio::test]
async fn a_second_restore_is_looked_at_from_the_beginning() {
    let world = World::resting();
    for n in 1..=250 {
        world.admit([event("dossier.received", &code(n), 1)]).await;
    }
    let backup = world.store.copy();
    let fence = async || {
        let known = world.store.installation().await.unwrap();
        assert!(
            restore::fence(&world.store, &known, &Evidence { epoch: 7, ..Evidence::default() })
                .await
                .unwrap()
        );
    };
    fence().await;
    let mut place = Place::default();
    assert!(
        restore::round(&world.engine, &mut place).await.unwrap(),
        "the first lanes are behind this process"
    );
    world.store.put_back(&backup);
    fence().await;
    fence().await;
    while restore::round(&world.engine, &mut place).await.unwrap() {}
    let ready = world.store.operations().iter().filter(|o| o.state == OperationState::Ready).count();
    assert_eq!(ready, 0, "a later fence covers what was passed before it");
}

#[tokio::test]
async fn a_payment_that_is_planned_again_asks_the_same_question() {
    let world = World::resting();
    let backup = world.store.copy();
    world.admit(before()).await;
    let lost = world.payment(&payment_id(&code(1))).references[0].clone();
    world.advance(7200);
    world.store.put_back(&backup);
    world.admit(before()).await;
    let again = world.payment(&payment_id(&code(1))).references[0].clone();
    assert_eq!((again.reference, again.sent_at), (lost.reference, lost.sent_at));
}

/// Put back without anything to be told again, and running.
async fn put_back_as_it_was(mut world: World) -> World {
    let backup = world.store.copy();
    stopped_and_put_back(&mut world, &backup).await;
    world.restart_with(rules()).await;
    world
}

#[tokio::test]
async fn what_waited_behind_a_stuck_state_does_not_go_out_after_its_correction() {
    let world = World::running();
    let code = code(1);
    let note = |n: u32, text: &str| event("dossier.corrected", &code, n).with_data("/dossier/note", text);
    world.portal.hold();
    world.admit([event("dossier.received", &code, 1)]).await;
    world.portal.until_begun(1).await;
    // Behind the one that runs, which nobody may leave out while it does.
    world.admit([note(2, "hai")]).await;
    world.portal.on_lane(&code, Outcome::refused(Cause::DataRefused, "-1", "sai"));
    world.portal.release_all();
    world.settled().await;
    let world = put_back_as_it_was(world).await;
    released(&world, None).await;
    world.admit([note(3, "ba")]).await;
    world.settled().await;
    let notes: Vec<_> = world
        .portal
        .tasks_of(&code)
        .iter()
        .filter(|t| t.payload.kind() == ActionKind::SyncDossier)
        .filter_map(|t| t.dossier.as_ref()?.fields.get("note").cloned())
        .collect();
    assert_eq!(notes.last().unwrap(), "ba", "{notes:?}");
    assert!(!notes.iter().skip_while(|n| *n != "ba").any(|n| n == "hai"), "{notes:?}");
    world.ledgers_balance().await;
}

#[tokio::test]
async fn a_payment_that_waited_for_its_dossier_is_asked_about_and_goes_out_with_it() {
    let world = World::running();
    let code = code(1);
    world.admit([event("fee.requested", &code, 2)]).await;
    world.settled().await;
    assert_eq!(world.states(ActionKind::OpenPayment), [OperationState::Held]);
    let world = put_back_as_it_was(world).await;
    decided(&world, None).await;
    world.platform.on_probe(Finding::Absent);
    world.admit([event("dossier.received", &code, 1)]).await;
    world.eventually("asked about", |w| w.states(ActionKind::OpenPayment) == [OperationState::Ready]).await;
    assert_eq!(world.platform.probes().len(), 1);
    world.advance(60);
    world.eventually("opened", |w| w.states(ActionKind::OpenPayment) == [OperationState::Succeeded]).await;
    assert!(world.platform.tasks()[0].dossier.is_some(), "with the dossier that came");
    assert_eq!(world.platform.tasks().len(), 1);
}

#[tokio::test]
async fn a_replay_that_ran_is_paused_by_a_restore() {
    let world = World::running();
    for n in 1..=3 {
        world.portal.on_lane(&code(n), Outcome::refused(Cause::DataRefused, "-1", "sai"));
        world.admit([event("dossier.received", &code(n), 1)]).await;
    }
    world.settled().await;
    let plan = Plan {
        purpose: Purpose::Send,
        selection: Selection {
            connector: world.portal.id().clone(),
            states: [OperationState::Stuck].into(),
            action: None,
            cause: None,
            unit: None,
            since: None,
            until: None,
            subjects: [].into(),
        },
        pace: Pace::default(),
        actor: "an".into(),
        reason: "bảng mã".into(),
    };
    let id = replay::plan(&world.engine, plan).await.unwrap();
    replay::round(&world.engine).await.unwrap();
    replay::order(&world.engine, id, Order::Start, "an", "").await.unwrap();
    let world = put_back_as_it_was(world).await;
    replay::round(&world.engine).await.unwrap();
    let (replay, _) = world.store.replay(id).await.unwrap().unwrap();
    assert_eq!(replay.state, ReplayState::Paused, "its progress is as old as the backup");
    let waiting = replay.progress.counts.waiting;
    assert_eq!(waiting, 3, "nothing was skipped or counted as failed: {:?}", replay.progress.counts);
}
