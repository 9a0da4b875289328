//! The token: fetched once, shared, renewed, and never shown.

use jiff::{SignedDuration, Timestamp};
use lienthong_core::{
    outcome::{Cause, Outcome},
    port::store::Session,
};
use serde_json::json;
use std::time::Duration;
use wiremock::ResponseTemplate;

use super::{Post, config, create, made, ok, token};
use crate::vnpost::token::base64;

fn accepted() -> ResponseTemplate {
    ok(json!({"Status": 100, "Message": "ok"}))
}

fn shared(name: &str, expires_at: Timestamp) -> Session {
    Session { token: name.into(), acquired_at: expires_at - SignedDuration::from_secs(60), expires_at }
}

#[test]
fn base64_is_the_standard_one() {
    for (plain, coded) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
        assert_eq!(base64(plain.as_bytes()), coded);
    }
    assert_eq!(base64(&[0xfb, 0xff]), "+/8=");
}

#[tokio::test]
async fn a_token_is_asked_for_as_documented_and_used_as_given() {
    let post = Post::new(&json!({})).await;
    post.says("/order/post", accepted()).await;
    post.connector.attempt(&create(), &post.call()).await;
    let asked = &post.seen("/token").await[0];
    assert_eq!(asked.method.as_str(), "POST");
    assert_eq!(asked.body, b"grant_type=client_credentials");
    assert_eq!(asked.headers["content-type"], "application/x-www-form-urlencoded");
    let basic = format!("Basic {}", base64(b"TEST-CUSTOMER-KEY:TEST-SECRET-KEY"));
    assert_eq!(asked.headers["authorization"], *basic);
    assert_eq!(post.seen("/order/post").await[0].headers["authorization"], "Bearer T1");
}

#[tokio::test]
async fn many_attempts_at_once_fetch_one_token() {
    let post = Post::with(&json!({})).await;
    post.says("/token", token("T1").set_delay(Duration::from_millis(50))).await;
    post.says("/order/post", accepted()).await;
    let (task, call) = (create(), post.call());
    let one = || post.connector.attempt(&task, &call);
    let outcomes = tokio::join!(one(), one(), one(), one(), one());
    assert!(matches!(
        outcomes,
        (Outcome::Done(_), Outcome::Done(_), Outcome::Done(_), Outcome::Done(_), Outcome::Done(_))
    ));
    assert_eq!(post.seen("/token").await.len(), 1);
}

#[tokio::test]
async fn a_token_of_another_replica_is_used_and_ours_is_shared_with_a_margin() {
    let post = Post::new(&json!({})).await;
    post.says("/order/post", accepted()).await;
    let now = post.call().now;
    *post.sessions.0.lock().unwrap() = Some(shared("Bearer T0", now + SignedDuration::from_secs(5)));
    post.connector.attempt(&create(), &post.call()).await;
    assert_eq!(post.seen("/order/post").await[0].headers["authorization"], "Bearer T0");
    let mut later = post.call();
    later.now = now + SignedDuration::from_secs(6);
    post.connector.attempt(&create(), &later).await;
    let kept = post.sessions.0.lock().unwrap().clone().unwrap();
    assert_eq!(kept.token, "Bearer T1");
    let life = kept.expires_at.duration_since(kept.acquired_at).as_secs();
    assert_eq!(life, 3600 - 60);
}

#[tokio::test]
async fn a_rejected_token_is_renewed_once_and_the_order_sent_again() {
    let post = Post::with(&json!({})).await;
    post.says_once("/token", token("T1")).await;
    post.says("/token", token("T2")).await;
    post.says_once("/order/post", ResponseTemplate::new(401)).await;
    post.says("/order/post", accepted()).await;
    assert!(matches!(post.connector.attempt(&create(), &post.call()).await, Outcome::Done(_)));
    let seen = post.seen("/order/post").await;
    let used: Vec<&str> = seen.iter().map(|r| r.headers["authorization"].to_str().unwrap()).collect();
    assert_eq!(used, ["Bearer T1", "Bearer T2"]);
    assert_eq!(seen[0].body, seen[1].body);
}

#[tokio::test]
async fn a_token_rejected_again_pauses_the_connector() {
    let post = Post::new(&json!({})).await;
    post.says("/order/post", ResponseTemplate::new(401).set_body_json(json!({"fault": {"code": 900_901}})))
        .await;
    let outcome = post.connector.attempt(&create(), &post.call()).await;
    assert!(matches!(&outcome, Outcome::Paused(p) if p.cause == Cause::SessionRejected), "{outcome:?}");
    assert_eq!((post.seen("/token").await.len(), post.seen("/order/post").await.len()), (2, 2));
}

#[tokio::test]
async fn without_a_token_nothing_is_sent() {
    for (answer, name) in [
        (ResponseTemplate::new(401).set_body_json(json!({"error": "invalid_client"})), "paused"),
        (ResponseTemplate::new(400).set_body_json(json!({"error": "invalid_client"})), "paused"),
        (ResponseTemplate::new(500), "not_done"),
        (ResponseTemplate::new(503), "not_done"),
        (ok(json!({"token_type": "Bearer"})), "not_done"),
        (ResponseTemplate::new(200).set_body_string("<html>"), "not_done"),
        (token("T1").set_delay(Duration::from_millis(800)), "not_done"),
    ] {
        let post = Post::with(&json!({})).await;
        post.says("/token", answer).await;
        let outcome = post.connector.attempt(&create(), &post.call()).await;
        assert_eq!(outcome.name(), name, "{outcome:?}");
        assert!(post.seen("/order/post").await.is_empty());
    }
}

#[tokio::test]
async fn an_order_is_not_begun_when_too_little_time_is_left() {
    let post = Post::with(&json!({"min_write_ms": 300})).await;
    post.says("/token", token("T1").set_delay(Duration::from_millis(200))).await;
    let mut call = post.call();
    call.deadline = Duration::from_millis(450);
    assert!(matches!(post.connector.attempt(&create(), &call).await, Outcome::NotDone(_)));
    assert!(post.seen("/order/post").await.is_empty());
}

#[tokio::test]
async fn a_check_says_which_part_failed() {
    let post = Post::with(&json!({})).await;
    post.says("/token", ResponseTemplate::new(401)).await;
    assert_eq!(post.connector.check(&post.call()).await.unwrap_err().cause, Cause::CredentialsRejected);
    let post = Post::new(&json!({})).await;
    post.says("/order/tracking", ok(json!({"_size": 0, "_total_pages": 0, "_returned": 0}))).await;
    assert!(post.connector.check(&post.call()).await.unwrap().contains("no record yet"));
}

#[test]
fn no_text_shows_the_secret() {
    let config = config("http://127.0.0.1:1", &json!({}));
    assert!(!format!("{config:?}").contains("TEST-SECRET-KEY"));
    assert!(!format!("{:?}", made(&config).manifest()).contains("TEST-SECRET-KEY"));
}
