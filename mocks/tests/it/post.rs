//! The post: tokens, orders, cancellation, the tracking feed.

use crate::wire::{client, get, listener, order};
use lienthong_mocks::{
    Behaviour, Rule,
    post::{self, PostHandle},
};
use reqwest::StatusCode;
use serde_json::{Value, json};

const ZEROS: &str = "000000000000000000000000";

struct Client {
    post: PostHandle,
    token: String,
}

impl Client {
    async fn new(options: post::Options) -> Self {
        let mut client = Self { post: post::start(listener().await, options).await, token: String::new() };
        client.login().await;
        client
    }

    async fn login(&mut self) {
        let request = client()
            .post(format!("{}/token", self.post.url()))
            .basic_auth("TEST-CUSTOMER-KEY", Some("TEST-SECRET-KEY"))
            .form(&[("grant_type", "client_credentials")]);
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        assert!((3599..=3600).contains(&answer["expires_in"].as_u64().unwrap()));
        self.token = format!(
            "{} {}",
            answer["token_type"].as_str().unwrap(),
            answer["access_token"].as_str().unwrap()
        );
    }

    async fn create(&self, order: &Value) -> (StatusCode, Value) {
        let request =
            client().post(format!("{}/order/post", self.post.url())).header("authorization", &self.token);
        let response = request.json(order).send().await.unwrap();
        (response.status(), response.json().await.unwrap())
    }

    async fn get(&self, path_and_query: &str) -> Value {
        let request = client().get(format!("{}{path_and_query}", self.post.url()));
        request.header("authorization", &self.token).send().await.unwrap().json().await.unwrap()
    }
}

#[tokio::test]
async fn an_order_exists_once_however_often_it_is_created() {
    let client = Client::new(post::Options::default()).await;
    assert_eq!(client.create(&order("HS-1")).await.1["Status"], 100);
    assert_eq!(client.create(&order("HS-1")).await.1["Status"], 101);
    assert!(client.post.journal().violations().is_empty());
    let mut other = order("HS-1");
    other["ReceiverName"] = json!("Người khác");
    assert_eq!(client.create(&other).await.1["Status"], 101);
    assert_eq!(client.post.journal().violations().len(), 1);
    let known = client.post.order("HS-1").unwrap();
    assert_eq!((known.creates, known.duplicates, known.conflicts, known.order), (3, 2, 1, order("HS-1")));
}

#[tokio::test]
async fn orders_are_typed_and_complete() {
    let client = Client::new(post::Options::default()).await;
    let cases = [
        ("SenderProvince", json!("99")),
        ("ReceiverTel", json!("")),
        ("CODAmount", json!("0")),
        ("ItemCode", json!("x")),
        ("CustomerCode", json!("ANOTHER")),
        ("SenderEmail", Value::Null),
    ];
    for (field, value) in cases {
        let mut bad = order("HS-2");
        bad[field] = value;
        assert_eq!(client.create(&bad).await.1["Status"], 400, "{field}");
    }
    assert_eq!(client.post.journal().violations().len(), 6);
    assert!(client.post.orders().is_empty());
}

#[tokio::test]
async fn a_token_is_demanded_and_can_be_lost() {
    let mut client = Client::new(post::Options::default()).await;
    client.post.behave(Rule::on("order", Behaviour::ExpiredSession).times(1));
    assert_eq!(client.create(&order("HS-3")).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(client.create(&order("HS-3")).await.0, StatusCode::UNAUTHORIZED);
    client.login().await;
    assert_eq!(client.create(&order("HS-3")).await.1["Status"], 100);
    let request = crate::wire::client()
        .post(format!("{}/token", client.post.url()))
        .header("ContentType", "application/x-www-form-urlencoded")
        .basic_auth("TEST-CUSTOMER-KEY", Some("wrong"))
        .body("grant_type=client_credentials");
    assert_eq!(request.send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn the_feed_is_read_by_cursor_to_its_end() {
    let client = Client::new(post::Options::default()).await;
    let empty = client.get(&format!("/order/tracking?pagesize=10&lastId={ZEROS}")).await;
    assert_eq!((&empty["_returned"], empty.get("_embedded")), (&json!(0), None));
    for n in 0..5 {
        client.create(&order(&format!("HS-{n}"))).await;
    }
    assert_eq!(client.post.move_all(Some(4)), 5);
    assert!(!client.post.move_order("HS-0", Some(2)), "delivered is the end");
    let (mut last, mut codes) = (ZEROS.to_owned(), Vec::new());
    loop {
        let page = client.get(&format!("/order/tracking?pagesize=3&lastId={last}")).await;
        let Some(records) = page.pointer("/_embedded/rh:doc").and_then(Value::as_array) else { break };
        for record in records {
            let id = record["_id"]["$oid"].as_str().unwrap();
            assert!(id.len() == 24 && id > last.as_str());
            id.clone_into(&mut last);
            codes.push(record["StatusCode"].as_i64().unwrap());
        }
    }
    assert_eq!(codes, [1, 1, 1, 1, 1, 4, 4, 4, 4, 4]);
    assert_eq!(client.get(&format!("/order/tracking?pagesize=1001&lastId={ZEROS}")).await["Status"], 400);
}

#[tokio::test]
async fn an_order_is_cancelled_until_it_is_delivered() {
    let client = Client::new(post::Options::default()).await;
    client.create(&order("HS 1/a")).await;
    client.create(&order("HS-2")).await;
    assert!(client.post.move_order("HS-2", None) && client.post.move_order("HS-2", None));
    assert_eq!(client.post.order("HS-2").unwrap().moves, [1, 2, 4]);
    let cancel = async |number: &str| {
        client.get(&format!("/order/cancel?CustomerCode=TEST-CUSTOMER&OrderNumber={number}")).await["Status"]
            .clone()
    };
    assert_eq!(cancel("HS%201%2Fa").await, 100);
    assert_eq!(cancel("HS%201%2Fa").await, 100);
    assert_eq!(cancel("HS-2").await, 102);
    assert_eq!(cancel("HS-9").await, 102);
    assert_eq!(client.post.counts().cancelled, 1);
}

#[tokio::test]
async fn parcels_move_by_control_and_by_themselves() {
    let delay = std::time::Duration::from_millis(5);
    let client = Client::new(post::Options { auto_move: Some(delay), ..Default::default() }).await;
    client.create(&order("HS-1")).await;
    crate::wire::eventually("delivery", || client.post.counts().delivered == 1).await;
    let still = Client::new(post::Options::default()).await;
    still.create(&order("HS-1")).await;
    let url = format!("{}/_sim", still.post.url());
    assert_eq!(crate::wire::ask(&format!("{url}/pickup"), &json!({"order_number": "HS-1"})).await["done"], 1);
    assert_eq!(
        crate::wire::ask(&format!("{url}/move"), &json!({"all": true, "status_code": 4})).await["done"],
        1
    );
    assert_eq!(get(&format!("{url}/state")).await["orders"]["HS-1"]["moves"], json!([1, 2, 4]));
}
