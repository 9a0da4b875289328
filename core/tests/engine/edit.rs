//! Fix and retry: what goes out after a person edited it, and what may not be edited.

use lienthong_core::{
    flow::{
        edit::{self, Answer, Wish},
        operator,
    },
    need::Need,
    operation::{ActionKind, Operation, OperationState, Payload},
    outcome::{Cause, Outcome, Refusal},
    plan::edit::{Draft, Fault},
    port::views::Views,
    testing::fixtures::events::{event, payment_id},
};
use serde_json::{Value, json};

use crate::{
    restore,
    world::{World, code},
};

const SUMMARY: &str = "/fields/summary";

fn refused() -> Outcome {
    Outcome::Refused(Refusal {
        cause: Cause::DataRefused,
        code: "03".into(),
        said: "sai dữ liệu".into(),
        field: None,
    })
}

async fn draft(world: &World, operation: i64) -> Draft {
    let answer = edit::open(&world.engine, operation, "an").await.unwrap();
    let draft = if let Answer::Done(draft) = answer { Some(draft) } else { None };
    draft.expect("it can be edited")
}

fn changed(draft: &Draft, path: &str, value: Value) -> Value {
    let mut content = draft.content.clone();
    let (parent, name) = path.rsplit_once('/').unwrap();
    content.pointer_mut(parent).unwrap()[name] = value;
    content
}

async fn send(world: &World, operation: i64, expected: i64, content: Value) -> Answer<i32> {
    let (actor, reason) = ("an".to_owned(), "theo phiếu 12".to_owned());
    edit::edit(&world.engine, Wish { operation, actor, reason, expected, content }).await.unwrap()
}

/// Looks, changes one field, sends.
async fn fix(world: &World, operation: i64, path: &str, value: Value) -> Answer<i32> {
    let draft = draft(world, operation).await;
    send(world, operation, draft.expected, changed(&draft, path, value)).await
}

async fn refusal(world: &World, operation: i64) -> &'static str {
    let answer = edit::open(&world.engine, operation, "an").await.unwrap();
    let code = if let Answer::NotAllowed(code) = answer { Some(code) } else { None };
    code.expect("it cannot be edited")
}

fn one(world: &World, kind: ActionKind) -> Operation {
    world.operations(kind).into_iter().find(|o| !o.state.is_ended()).expect("one is open")
}

/// What the portal was told of the dossier's summary, in order.
fn summaries(world: &World, code: &str) -> Vec<String> {
    let syncs =
        world.portal.tasks_of(code).into_iter().filter(|t| t.payload.kind() == ActionKind::SyncDossier);
    let states = syncs.filter_map(|task| task.dossier.clone());
    states.map(|s| s.fields.get("summary").and_then(Value::as_str).unwrap_or("").to_owned()).collect()
}

#[tokio::test]
async fn what_was_edited_before_it_was_sent_goes_out_once_and_the_original_never() {
    let mut world = World::resting();
    let code = code(1);
    world.admit([event("dossier.received", &code, 1).with_data("/dossier/summary", "gốc")]).await;
    let operation = one(&world, ActionKind::SyncDossier);
    assert_eq!(fix(&world, operation.id, SUMMARY, json!("sửa 1")).await, Answer::Done(1));
    assert_eq!(fix(&world, operation.id, SUMMARY, json!("sửa 2")).await, Answer::Done(2));
    world.start();
    world.settled().await;
    assert_eq!(summaries(&world, &code), ["sửa 2"]);
    let edits = world.store.edits(&[operation.id]).await.unwrap();
    let summary =
        |text: &str| serde_json::from_str::<Value>(text).unwrap().pointer(SUMMARY).cloned().unwrap();
    let kept: Vec<_> = edits.iter().map(|e| (e.number, summary(&e.before), summary(&e.after))).collect();
    assert_eq!(kept, [(1, json!("gốc"), json!("sửa 1")), (2, json!("sửa 1"), json!("sửa 2"))]);
    let audit = world.store.audit();
    let deeds: Vec<&str> = audit.iter().map(|(_, _, deed, _)| deed.as_str()).collect();
    let twice = ["operation.open", "operation.edit: theo phiếu 12"].repeat(2);
    assert_eq!(deeds, twice, "who looked at unmasked data is on record, and who edited");
    world.ledgers_balance().await;
}

#[tokio::test]
async fn a_stuck_head_goes_out_as_edited_and_the_next_event_builds_on_it() {
    let world = World::running();
    let code = code(1);
    world.portal.next(refused());
    world.admit([event("dossier.received", &code, 1).with_data("/dossier/summary", "gốc")]).await;
    world.settled().await;
    let stuck = one(&world, ActionKind::SyncDossier);
    assert_eq!(stuck.state, OperationState::Stuck);
    assert_eq!(fix(&world, stuck.id, SUMMARY, json!("sửa")).await, Answer::Done(1));
    world.settled().await;
    assert_eq!(summaries(&world, &code), ["gốc", "sửa"]);
    assert_eq!(world.told("operation.resumed").await[0]["by"], "edit");
    let next = event("dossier.corrected", &code, 2).with_data("/dossier", json!({ "note": "thêm" }));
    world.admit([next]).await;
    world.settled().await;
    assert_eq!(summaries(&world, &code).last().map(String::as_str), Some("sửa"));
    world.ledgers_balance().await;
}

#[tokio::test]
async fn an_edit_before_a_newer_state_is_that_operations_alone() {
    let mut world = World::resting();
    let code = code(1);
    let first = event("dossier.received", &code, 1).with_data("/dossier/summary", "gốc");
    let second = event("dossier.corrected", &code, 2).with_data("/dossier", json!({ "summary": "mới" }));
    world.admit([first, second]).await;
    let operation = one(&world, ActionKind::SyncDossier);
    assert_eq!(fix(&world, operation.id, SUMMARY, json!("sửa")).await, Answer::Done(1));
    world.start();
    world.settled().await;
    assert_eq!(summaries(&world, &code), ["sửa", "mới"]);
    // The newest state is what the next event builds on.
    world.admit([event("dossier.corrected", &code, 3).with_data("/dossier", json!({ "note": "x" }))]).await;
    world.settled().await;
    assert_eq!(summaries(&world, &code), ["sửa", "mới", "mới"]);
}

#[tokio::test]
async fn after_an_edit_before_it_the_newest_state_can_still_be_edited_as_the_newest() {
    let mut world = World::resting();
    let code = code(1);
    let first = event("dossier.received", &code, 1).with_data("/dossier/summary", "gốc");
    let second = event("dossier.corrected", &code, 2).with_data("/dossier", json!({ "summary": "mới" }));
    world.admit([first, second]).await;
    let [older, newer] = world.operations(ActionKind::SyncDossier).try_into().unwrap();
    assert_eq!(fix(&world, older.id, SUMMARY, json!("sửa")).await, Answer::Done(1));
    let [older, newer] = [older.id, newer.id]
        .map(|id| world.store.operations().into_iter().find(|o| o.id == id).and_then(|o| o.version).unwrap());
    assert!(older < newer, "numbers tell which state is the newer one: {older}, {newer}");
    let newest = world.operations(ActionKind::SyncDossier)[1].id;
    assert_eq!(fix(&world, newest, SUMMARY, json!("sửa mới")).await, Answer::Done(1));
    world.start();
    world.settled().await;
    world.admit([event("dossier.corrected", &code, 3).with_data("/dossier", json!({ "note": "x" }))]).await;
    world.settled().await;
    assert_eq!(summaries(&world, &code), ["sửa", "sửa mới", "sửa mới"], "the next event builds on it");
}

#[tokio::test]
async fn of_two_who_edit_the_same_the_second_is_told() {
    let world = World::resting();
    world.admit([event("dossier.received", &code(1), 1)]).await;
    let operation = one(&world, ActionKind::SyncDossier).id;
    let seen = draft(&world, operation).await;
    assert_eq!(fix(&world, operation, SUMMARY, json!("của An")).await, Answer::Done(1));
    let content = changed(&seen, SUMMARY, json!("của Bình"));
    let stale = send(&world, operation, seen.expected, content).await;
    assert_eq!(stale, Answer::Stale(draft(&world, operation).await.expected));
    let same = draft(&world, operation).await;
    let unchanged = send(&world, operation, same.expected, same.content.clone()).await;
    assert_eq!(unchanged, Answer::NotAllowed("unchanged"));
    assert_eq!(one(&world, ActionKind::SyncDossier).edits, 1);
}

#[tokio::test]
async fn a_held_parcel_goes_out_with_the_code_that_a_person_corrected() {
    let world = World::running();
    world.settled().await;
    let code = code(1);
    let need = Need::Mapping { connector: "post".into(), table: "ward".into(), code: "99001".into() };
    world.post.next(Outcome::Held(need));
    world.admit([event("dossier.received", &code, 1), event("post.return_requested", &code, 2)]).await;
    world.eventually("it is held", |w| w.states(ActionKind::CreateParcel) == [OperationState::Held]).await;
    let held = one(&world, ActionKind::CreateParcel);
    let ward = "/parcel/recipient/ward_code";
    let fault = fix(&world, held.id, "/parcel/cod_amount", json!(5000)).await;
    assert!(matches!(fault, Answer::Faulty(Fault::Fixed(path, _)) if path == "/parcel/cod_amount"));
    let fault = fix(&world, held.id, "/parcel/recipient", json!({ "name": "" })).await;
    assert!(matches!(fault, Answer::Faulty(Fault::Misfit(r)) if r.path == "/parcel/recipient/name"));
    assert_eq!(
        world.states(ActionKind::CreateParcel),
        [OperationState::Held],
        "a faulty edit changes nothing"
    );
    assert_eq!(fix(&world, held.id, ward, json!("00001")).await, Answer::Done(1));
    world.settled().await;
    let tasks = world.post.tasks();
    let Payload::CreateParcel { parcel, .. } = &*tasks[1].payload else { panic!("{tasks:?}") };
    assert_eq!((tasks.len(), parcel.recipient.as_ref().unwrap().ward_code.as_str()), (2, "00001"));
    let record = world.store.parcels().remove(0);
    assert_eq!(record.body.recipient.as_ref().unwrap().ward_code, "00001");
    assert!(
        world.store.overview(0).await.unwrap().incidents.is_empty(),
        "nobody waits for the code any more"
    );
    world.ledgers_balance().await;
}

#[tokio::test]
async fn what_is_with_the_partner_or_may_be_there_is_not_edited() {
    let world = World::running();
    let code = code(1);
    world.portal.hold();
    world.admit([event("dossier.received", &code, 1), event("fee.requested", &code, 2)]).await;
    world.portal.until_begun(1).await;
    assert_eq!(refusal(&world, one(&world, ActionKind::SyncDossier).id).await, "running");
    world.portal.release_all();
    world.settled().await;
    let ended = world.operations(ActionKind::SyncDossier)[0].id;
    assert_eq!(refusal(&world, ended).await, "ended");

    world.portal.next(Outcome::unclear(Cause::NoAnswer, "không trả lời"));
    world.admit([event("dossier.corrected", &code, 3).with_data("/dossier", json!({ "note": "x" }))]).await;
    world
        .eventually("it is in doubt", |w| {
            w.states(ActionKind::SyncDossier).contains(&OperationState::Doubtful)
        })
        .await;
    assert_eq!(refusal(&world, one(&world, ActionKind::SyncDossier).id).await, "doubtful");
    assert_eq!(edit::open(&world.engine, 404_404, "an").await.unwrap(), Answer::NotFound);
}

#[tokio::test]
async fn steps_and_orders_that_may_have_arrived_are_repeated_as_they_were_or_not_at_all() {
    let world = World::running();
    let code = code(1);
    world.admit([event("dossier.received", &code, 1)]).await;
    world.settled().await;
    world.post.next(Outcome::unclear(Cause::NoAnswer, "không trả lời"));
    world.admit([event("post.return_requested", &code, 2)]).await;
    world.eventually("in doubt", |w| w.states(ActionKind::CreateParcel) == [OperationState::Doubtful]).await;
    world.post.always(refused());
    world.advance(120);
    world.eventually("stuck", |w| w.states(ActionKind::CreateParcel) == [OperationState::Stuck]).await;
    assert_eq!(refusal(&world, one(&world, ActionKind::CreateParcel).id).await, "begun");

    // A step that was refused is certainly not there.
    world.portal.on_action(ActionKind::AppendProgress, refused());
    world.admit([event("dossier.processing", &code, 3)]).await;
    world
        .eventually("stuck", |w| w.states(ActionKind::AppendProgress).contains(&OperationState::Stuck))
        .await;
    let step = one(&world, ActionKind::AppendProgress).id;
    world.portal.works();
    assert_eq!(fix(&world, step, "/steps/0/content", json!("viết lại")).await, Answer::Done(1));
    world.settled().await;
    assert_eq!(world.seen_at_portal(&code).last().map(String::as_str), Some("viết lại"));
}

#[tokio::test]
async fn a_payment_is_edited_with_its_record_and_never_in_its_money() {
    let mut world = World::resting();
    let code = code(1);
    world.admit([event("dossier.received", &code, 1), event("fee.requested", &code, 2)]).await;
    let operation = one(&world, ActionKind::OpenPayment).id;
    for (path, value) in [("/payment/lines/0/amount", json!(1)), ("/reference", json!("LT9"))] {
        let fault = fix(&world, operation, path, value).await;
        assert!(matches!(&fault, Answer::Faulty(Fault::Fixed(at, _)) if at == path), "{fault:?}");
    }
    assert_eq!(fix(&world, operation, "/payment/payer/name", json!("Trần Mẫu")).await, Answer::Done(1));
    world.start();
    world.settled().await;
    let tasks = world.platform.tasks();
    let Payload::OpenPayment { payment, .. } = &*tasks[0].payload else { panic!("{tasks:?}") };
    assert_eq!((tasks.len(), payment.payer.name.as_str()), (1, "Trần Mẫu"));
    assert_eq!(world.payment(&payment_id(&code)).body.payer.name, "Trần Mẫu");
}

#[tokio::test]
async fn what_waits_for_a_snapshot_or_a_decision_is_not_edited_away() {
    let world = World::resting();
    world.admit([event("dossier.processing", &code(1), 1)]).await;
    assert_eq!(refusal(&world, one(&world, ActionKind::SyncDossier).id).await, "snapshot");
    world.admit([event("dossier.received", &code(2), 1), event("dossier.voided", &code(2), 2)]).await;
    let asked = world
        .operations(ActionKind::SyncDossier)
        .into_iter()
        .find(|o| matches!(o.need, Some(Need::Decision(_))));
    assert_eq!(refusal(&world, asked.unwrap().id).await, "decision");
}

#[tokio::test]
async fn an_edit_that_waits_behind_others_keeps_its_place() {
    let mut world = World::resting();
    let code = code(1);
    world.admit([event("dossier.received", &code, 1), event("dossier.processing", &code, 2)]).await;
    let last = world.operations(ActionKind::AppendProgress).pop().unwrap();
    assert_eq!(fix(&world, last.id, "/steps/0/content", json!("sửa bước sau")).await, Answer::Done(1));
    assert_eq!(operator::retry(&world.engine, last.id, "an", "x").await.unwrap(), operator::Deed::Done);
    world.start();
    world.settled().await;
    assert_eq!(world.seen_at_portal(&code).last().map(String::as_str), Some("sửa bước sau"));
    assert_eq!(world.seen_at_portal(&code).first().map(String::as_str), Some("sync 2"));
}

#[tokio::test]
async fn nothing_is_edited_under_the_fence_after_a_restore() {
    let world = World::running();
    let code = code(1);
    world.portal.next(refused());
    world.admit([event("dossier.received", &code, 1).with_data("/dossier/summary", "gốc")]).await;
    world.settled().await;
    let stuck = one(&world, ActionKind::SyncDossier).id;
    let seen = draft(&world, stuck).await;
    restore::fence(&world).await;
    assert_eq!(refusal(&world, stuck).await, "fenced");
    let content = changed(&seen, SUMMARY, json!("sửa"));
    assert_eq!(send(&world, stuck, seen.expected, content).await, Answer::NotAllowed("fenced"));
    let untouched = one(&world, ActionKind::SyncDossier);
    assert_eq!((untouched.state, untouched.edits), (OperationState::Stuck, 0));
    restore::decided(&world, None).await;
    assert_eq!(fix(&world, stuck, SUMMARY, json!("sửa")).await, Answer::Done(1));
    world.settled().await;
    assert_eq!(summaries(&world, &code), ["gốc", "sửa"]);
}
