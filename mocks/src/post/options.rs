//! How a simulated postal service is set up.

use crate::credentials;
use std::time::Duration;

#[derive(Clone, Debug)]
pub struct Options {
    pub customer_key: String,
    pub secret_key: String,
    pub customer_code: String,
    pub token_path: String,
    pub order_path: String,
    /// \[GUESS\] No literal path was found for cancelling and tracking.
    pub cancel_path: String,
    pub tracking_path: String,
    /// Life of a token; told in seconds.
    pub expires_in: Duration,
    /// Give the same token again until it expires, as WSO2 does.
    pub reuse_token: bool,
    /// The codes an order passes, accepted first. Only 4 = delivered is evidenced \[GUESS\].
    pub script: Vec<i64>,
    /// Put the script's first code into the feed when the order is created \[GUESS\].
    pub accept_event: bool,
    /// The code after which nothing moves and nothing can be cancelled.
    pub delivered_code: i64,
    /// Move every order along the script, one code per delay.
    pub auto_move: Option<Duration>,
    /// \[GUESS\] Status when a cancellation is refused.
    pub cancel_refused_code: i64,
    /// \[GUESS\] Status when an order breaks the contract.
    pub invalid_code: i64,
    /// Keep whole requests and answers in the journal.
    pub keep_bodies: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            customer_key: credentials::POST_CUSTOMER_KEY.to_owned(),
            secret_key: credentials::POST_SECRET_KEY.to_owned(),
            customer_code: credentials::POST_CUSTOMER_CODE.to_owned(),
            token_path: "/token".to_owned(),
            order_path: "/order/post".to_owned(),
            cancel_path: "/order/cancel".to_owned(),
            tracking_path: "/order/tracking".to_owned(),
            expires_in: Duration::from_hours(1),
            reuse_token: true,
            script: vec![1, 2, 4],
            accept_event: true,
            delivered_code: 4,
            auto_move: None,
            cancel_refused_code: 102,
            invalid_code: 400,
            keep_bodies: true,
        }
    }
}
