//! Against the simulator, which was written from the contract by somebody else: no rule broken, no parcel doubled.

use lienthong_core::{
    id::OrderNumber,
    operation::Payload,
    outcome::Outcome,
    parcel::{Direction, ParcelState},
    port::connector::{Connector, Task},
};
use lienthong_mocks::{
    Behaviour, Rule,
    post::{self, Options, PostHandle},
};
use serde_json::json;
use std::sync::Arc;
use tokio::net::TcpListener;

use super::{NUMBER, Shared, call, config, create, creation, made, parcel, task_of};

async fn both(options: Options) -> (PostHandle, Arc<dyn Connector>) {
    let post = post::start(TcpListener::bind("127.0.0.1:0").await.unwrap(), options).await;
    let connector = made(&config(&post.url(), &json!({"call_timeout_ms": 800, "page_size": 2})));
    (post, connector)
}

fn cancellation() -> Task {
    let order_number = OrderNumber::parse(NUMBER).unwrap();
    let parcel = lienthong_core::id::ParcelId::parse(NUMBER).unwrap();
    task_of(Payload::CancelParcel { parcel, order_number, reason: String::new() })
}

fn assert_clean(post: &PostHandle) {
    assert_eq!(post.journal().violations(), Vec::<String>::new());
    assert_eq!(post.counts().conflicts, 0);
}

#[tokio::test]
async fn both_directions_are_accepted_and_cancelled() {
    for direction in [Direction::Return, Direction::Pickup] {
        let (post, connector) = both(Options::default()).await;
        let sessions = Shared::default();
        let outcome = connector.attempt(&creation(parcel(), direction), &call(&sessions)).await;
        assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
        for _ in 0..2 {
            let outcome = connector.attempt(&cancellation(), &call(&sessions)).await;
            assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
        }
        assert_eq!((post.counts().orders, post.counts().cancelled), (1, 1));
        assert_clean(&post);
    }
}

#[tokio::test]
async fn an_order_without_a_district_is_accepted() {
    let (post, _) = both(Options::default()).await;
    let connector = made(&config(&post.url(), &json!({"wards": {}, "default_district_from_province": true})));
    let outcome = connector.attempt(&create(), &call(&Shared::default())).await;
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
    assert_clean(&post);
}

#[tokio::test]
async fn a_lost_answer_is_unclear_and_the_repeat_makes_no_second_parcel() {
    for behaviour in [Behaviour::DropAfterEffect, Behaviour::HalfBody, Behaviour::Stall { millis: 1500 }] {
        let (post, connector) = both(Options::default()).await;
        post.behave(Rule::on("order", behaviour.clone()).times(1));
        let sessions = Shared::default();
        let outcome = connector.attempt(&create(), &call(&sessions)).await;
        assert!(matches!(outcome, Outcome::Unclear(_)), "{behaviour:?}: {outcome:?}");
        let again = Task { begun: true, doubted: true, ..create() };
        let Outcome::Done(proof) = connector.attempt(&again, &call(&sessions)).await else {
            panic!("not done")
        };
        assert!(proof.repeated);
        assert_eq!((post.counts().orders, post.counts().duplicates), (1, 1));
        assert_clean(&post);
    }
}

#[tokio::test]
async fn each_fault_is_named() {
    let cases = [
        (Behaviour::DropBeforeEffect, "unclear"),
        (Behaviour::HttpError { status: 502, html: "<html>".into() }, "unclear"),
        (Behaviour::Throttle { retry_after: 3, status: 429 }, "not_done"),
        (Behaviour::Down, "not_done"),
        (Behaviour::Unauthorized, "paused"),
        (Behaviour::ExpiredSession, "paused"),
        (Behaviour::Refuse { code: "400".into(), message: "Dữ liệu sai".into() }, "refused"),
    ];
    for (behaviour, name) in cases {
        for task in [create(), cancellation()] {
            let (post, connector) = both(Options::default()).await;
            let operation = if name_of(&task) == "create_parcel" { "order" } else { "cancel" };
            post.behave(Rule::on(operation, behaviour.clone()));
            let outcome = connector.attempt(&task, &call(&Shared::default())).await;
            assert_eq!(outcome.name(), name, "{behaviour:?}: {outcome:?}");
            assert_clean(&post);
        }
    }
}

fn name_of(task: &Task) -> &'static str {
    task.payload.kind().name()
}

#[tokio::test]
async fn an_expired_token_is_renewed_without_a_loss() {
    let (post, connector) = both(Options::default()).await;
    let sessions = Shared::default();
    connector.check(&call(&sessions)).await.unwrap();
    post.behave(Rule::on("order", Behaviour::ExpiredSession).times(1));
    assert!(matches!(connector.attempt(&create(), &call(&sessions)).await, Outcome::Done(_)));
    assert_eq!(post.counts().orders, 1);
    assert_clean(&post);
}

#[tokio::test]
async fn the_feed_is_read_to_its_end_and_again_from_a_little_before() {
    let (post, connector) = both(Options::default()).await;
    let sessions = Shared::default();
    connector.attempt(&create(), &call(&sessions)).await;
    post.move_order(NUMBER, Some(2));
    post.move_order(NUMBER, Some(4));
    let feed = connector.feed().unwrap();
    let (mut cursor, mut moves) = (feed.resume(None), Vec::new());
    loop {
        let page = feed.page(&cursor, &call(&sessions)).await.unwrap();
        moves.extend(page.moves);
        cursor = page.cursor;
        if !page.more {
            break;
        }
    }
    let codes: Vec<i64> = moves.iter().map(|m| m.status_code).collect();
    assert_eq!(codes, [1, 2, 4]);
    assert_eq!(moves[2].means, Some(ParcelState::Delivered));
    assert!(moves.iter().all(|m| m.order_number == NUMBER && !m.item_code.is_empty()));
    assert!(feed.page(&cursor, &call(&sessions)).await.unwrap().moves.is_empty());
    let again = feed.page(&feed.resume(Some(&cursor)), &call(&sessions)).await.unwrap();
    assert_eq!(again.moves[0].record, moves[0].record);
    assert_clean(&post);
}

#[tokio::test]
async fn a_delivered_parcel_cannot_be_cancelled() {
    let (post, connector) = both(Options::default()).await;
    let sessions = Shared::default();
    connector.attempt(&create(), &call(&sessions)).await;
    post.move_order(NUMBER, Some(4));
    assert!(
        matches!(connector.attempt(&cancellation(), &call(&sessions)).await, Outcome::Refused(r) if r.code == "102")
    );
    assert_clean(&post);
}
