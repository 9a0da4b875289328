//! The feed of movements: cursor, pages, records that cannot be read.

use lienthong_core::{outcome::Cause, parcel::ParcelState, port::connector::FeedPage};
use serde_json::{Value, json};
use wiremock::ResponseTemplate;

use super::{NUMBER, Post, config, made, ok};

const START: &str = "000000000000000000000000";

fn record(id: &str, code: i64) -> Value {
    json!({"_id": {"$oid": id}, "CustomerCode": "TEST-CUSTOMER", "OrderNumber": NUMBER, "EventTime": 1_795_509_000_000_i64,
        "POSID": "100900", "ItemCode": "EH000000001VN", "StatusCode": code, "StatusMessage": "Đang vận chuyển",
        "Notes": "ghi chú"})
}

fn page(docs: &[Value]) -> Value {
    json!({"_size": docs.len(), "_total_pages": 1, "_returned": docs.len(), "_embedded": {"rh:doc": docs}})
}

async fn read(answer: Value, more: &Value) -> FeedPage {
    let post = Post::new(more).await;
    post.says("/order/tracking", ok(answer)).await;
    post.connector.feed().unwrap().page(START, &post.call()).await.unwrap()
}

#[test]
fn the_cursor_begins_with_zeros_and_goes_ten_minutes_back() {
    let connector = made(&config("http://127.0.0.1:1", &json!({})));
    let feed = connector.feed().unwrap();
    assert_eq!(feed.resume(None), START);
    assert_eq!(feed.resume(Some("65f0025800abcdef01234567")), "65f000000000000000000000");
    for odd in [START, "not-an-id", "00000001aaaaaaaaaaaaaaaa", ""] {
        assert_eq!(feed.resume(Some(odd)), odd, "what no clock made is kept");
    }
}

#[tokio::test]
async fn a_page_is_read_record_by_record() {
    let post = Post::new(&json!({"page_size": 2})).await;
    let docs = [record("65f000000000000000000001", 2), record("65f000000000000000000002", 4)];
    post.says("/order/tracking", ok(page(&docs))).await;
    let read = post.connector.feed().unwrap().page(START, &post.call()).await.unwrap();
    assert_eq!((read.cursor.as_str(), read.more), ("65f000000000000000000002", true));
    let first = &read.moves[0];
    assert_eq!(first.record, "65f000000000000000000001");
    assert_eq!((first.order_number.as_str(), first.item_code.as_str()), (NUMBER, "EH000000001VN"));
    assert_eq!((first.status_code, first.status.as_str(), first.means), (2, "Đang vận chuyển", None));
    assert_eq!((first.post_office.as_str(), first.notes.as_str()), ("100900", "ghi chú"));
    assert_eq!(first.at.as_millisecond(), 1_795_509_000_000);
    assert_eq!(read.moves[1].means, Some(ParcelState::Delivered));
    let asked = &post.seen("/order/tracking").await[0];
    assert_eq!(asked.url.query(), Some("pagesize=2&lastId=000000000000000000000000"));
}

#[tokio::test]
async fn nothing_new_is_an_empty_page() {
    for answer in
        [json!({"_size": 0, "_total_pages": 0, "_returned": 0}), json!({"_size": 0, "_embedded": null})]
    {
        let page = read(answer, &json!({})).await;
        assert_eq!(page, FeedPage { moves: Vec::new(), cursor: START.into(), more: false });
    }
}

#[tokio::test]
async fn a_bad_record_stops_nothing() {
    let id = |n: u8| format!("65f0000000000000000000{n:02}");
    let mut timeless = record(&id(1), 2);
    timeless["EventTime"] = json!("yesterday");
    let mut lenient = record(&id(3), 2);
    lenient["StatusCode"] = json!("4");
    lenient["EventTime"] = json!({"$numberLong": "1795509000000"});
    lenient["OrderNumber"] = json!(12345);
    lenient["POSID"] = json!(null);
    let docs = [timeless, json!("text"), json!(null), lenient, json!({"_id": {"$oid": id(4)}})];
    let page = read(page(&docs), &json!({})).await;
    assert_eq!(page.moves.len(), 1);
    assert_eq!((page.moves[0].order_number.as_str(), page.moves[0].status_code), ("12345", 4));
    assert_eq!(page.cursor, id(4), "the cursor goes on behind what cannot be read");
}

#[tokio::test]
async fn a_full_page_without_progress_is_the_last() {
    let read = read(page(&[json!({}), json!({})]), &json!({"page_size": 2})).await;
    assert_eq!((read.more, read.cursor.as_str()), (false, START));
}

#[tokio::test]
async fn the_cursor_never_goes_back() {
    let docs = [record("65f000000000000000000009", 2), record("65f000000000000000000003", 1)];
    assert_eq!(read(page(&docs), &json!({})).await.cursor, "65f000000000000000000009");
}

#[tokio::test]
async fn unit_of_time_and_meanings_are_configured() {
    let more = json!({"event_time_unit": "s", "status_meanings": {"2": "moving", "7": "came_back"}});
    let mut first = record("65f000000000000000000001", 2);
    first["EventTime"] = json!(1_795_509_000);
    let mut second = first.clone();
    second["StatusCode"] = json!(4);
    let read = read(page(&[first, second]), &more).await;
    assert_eq!(read.moves[0].at.as_second(), 1_795_509_000);
    assert_eq!((read.moves[0].means, read.moves[1].means), (Some(ParcelState::Moving), None));
}

#[tokio::test]
async fn what_is_no_page_is_a_failure_not_an_empty_page() {
    for (answer, cause) in [
        (ok(json!({})), Cause::Unreadable),
        (ok(json!({"Status": 500, "Message": "x"})), Cause::Unreadable),
        (ResponseTemplate::new(200).set_body_string("<html>"), Cause::Unreadable),
        (ResponseTemplate::new(500).set_body_json(page(&[])), Cause::PartnerFailed),
        (ResponseTemplate::new(503), Cause::Throttled),
        (ResponseTemplate::new(401), Cause::SessionRejected),
    ] {
        let post = Post::new(&json!({})).await;
        post.says("/order/tracking", answer).await;
        let failure = post.connector.feed().unwrap().page(START, &post.call()).await.unwrap_err();
        assert_eq!(failure.cause, cause, "{failure:?}");
    }
}
