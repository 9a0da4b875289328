//! Faults and control over HTTP, shown on the post because its messages are the shortest.

use crate::wire::{ask, client, get, listener, order, post_json};
use lienthong_mocks::{Behaviour, Effect, Rule, post};
use serde_json::{Value, json};
use std::time::Duration;

async fn start() -> (post::PostHandle, String) {
    let post = post::start(listener().await, post::Options::default()).await;
    let request = client()
        .post(format!("{}/token", post.url()))
        .basic_auth("TEST-CUSTOMER-KEY", Some("TEST-SECRET-KEY"))
        .form(&[("grant_type", "client_credentials")]);
    let answer: Value = request.send().await.unwrap().json().await.unwrap();
    (post, format!("Bearer {}", answer["access_token"].as_str().unwrap()))
}

async fn create(post: &post::PostHandle, token: &str, number: &str) -> reqwest::Result<reqwest::Response> {
    let request = client().post(format!("{}/order/post", post.url())).header("authorization", token);
    request.timeout(Duration::from_millis(400)).json(&order(number)).send().await
}

#[tokio::test]
async fn connections_break_before_or_after_the_effect() {
    let (post, token) = start().await;
    post.behave(Rule::on("order", Behaviour::DropAfterEffect).times(1));
    post.behave(Rule::on("order", Behaviour::DropBeforeEffect).times(1));
    assert!(!create(&post, &token, "A").await.unwrap_err().is_timeout());
    assert!(!create(&post, &token, "B").await.unwrap_err().is_timeout());
    assert!(create(&post, &token, "C").await.is_ok());
    assert!(post.order("A").is_some() && post.order("B").is_none() && post.order("C").is_some());
    let entries = post.journal().of("order");
    let told: Vec<_> = entries.iter().map(|entry| (entry.status, entry.effect, entry.behaviour)).collect();
    assert_eq!(told[0], (None, Effect::Created, Some("drop_after_effect")));
    assert_eq!(told[1], (None, Effect::None, Some("drop_before_effect")));
    assert_eq!(entries[0].answer, "dropped");
}

#[tokio::test]
async fn answers_come_late_or_by_halves_while_the_effect_exists() {
    let (post, token) = start().await;
    post.behave(Rule::on("order", Behaviour::Stall { millis: 5000 }).key("A"));
    post.behave(Rule::on("order", Behaviour::HalfBody).key("B"));
    assert!(create(&post, &token, "A").await.unwrap_err().is_timeout());
    let half = create(&post, &token, "B").await.unwrap();
    assert_eq!(half.status(), 200);
    assert!(half.bytes().await.is_err());
    assert_eq!(post.orders().len(), 2);
    post.stop().await;
}

#[tokio::test]
async fn refusals_throttles_pages_and_outages_have_no_effect() {
    let (post, token) = start().await;
    let refusal = Behaviour::Refuse { code: "500".to_owned(), message: "Lỗi".to_owned() };
    let page = Behaviour::HttpError { status: 502, html: "<h1>Bad gateway</h1>".to_owned() };
    let throttle = Behaviour::Throttle { retry_after: 7, status: 429 };
    post.behave_only(
        [refusal, throttle, page, Behaviour::Unauthorized].map(|b| Rule::always(b).times(1)).to_vec(),
    );
    post.behave(Rule::always(Behaviour::Down));
    let refused: Value = create(&post, &token, "A").await.unwrap().json().await.unwrap();
    assert_eq!(refused, json!({"Status": 500, "Message": "Lỗi"}));
    let throttled = create(&post, &token, "A").await.unwrap();
    assert_eq!(
        (throttled.status().as_u16(), &throttled.headers()["retry-after"]),
        (429, &"7".parse().unwrap())
    );
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(create(&post, &token, "A").await.unwrap().status().as_u16());
    }
    assert_eq!(statuses, [502, 401, 503, 503]);
    assert!(post.orders().is_empty());
    post.behave_well();
    assert_eq!(create(&post, &token, "A").await.unwrap().status(), 200);
}

#[tokio::test]
async fn everything_can_be_controlled_over_http() {
    let (post, token) = start().await;
    let sim = format!("{}/_sim", post.url());
    let rules = json!([{"operation": "order", "behaviour": {"kind": "throttle", "retry_after": 1, "status": 503}, "times": 1}]);
    assert_eq!(ask(&format!("{sim}/behaviour"), &rules).await, json!({"rules": 1}));
    assert_eq!(create(&post, &token, "A").await.unwrap().status(), 503);
    assert_eq!(create(&post, &token, "A").await.unwrap().status(), 200);
    assert_eq!(
        post_json(&format!("{sim}/behaviour"), &json!([{"nonsense": 1}])).await.unwrap().status(),
        400
    );
    assert_eq!(get(&format!("{sim}/behaviour")).await.as_array().unwrap().len(), 1);
    client().delete(format!("{sim}/behaviour")).send().await.unwrap();
    assert_eq!(get(&format!("{sim}/behaviour")).await, json!([]));
    let page = get(&format!("{sim}/journal?after=1&limit=1")).await;
    assert_eq!(page["entries"][0]["seq"], 2);
    let summary = get(&format!("{sim}/summary")).await;
    assert_eq!(summary["by_operation"]["order"], json!({"none": 1, "created": 1}));
    assert_eq!(get(&format!("{sim}/state")).await["counts"]["orders"], 1);
    ask(&format!("{sim}/reset"), &json!({})).await;
    assert!(post.orders().is_empty() && post.journal().is_empty());
}

#[tokio::test]
async fn a_journal_without_bodies_keeps_digests() {
    let options = post::Options { keep_bodies: false, ..Default::default() };
    let post = post::start(listener().await, options).await;
    post_json(&format!("{}/order/post", post.url()), &order("A")).await.unwrap();
    let entry = post.journal().entries()[0].clone();
    assert_eq!((entry.request.clone(), entry.answer.clone(), entry.digest.len()), (None, Value::Null, 16));
}
