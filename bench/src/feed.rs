//! Events by HTTP, as a one-stop system without RabbitMQ sends them.
#![expect(clippy::disallowed_methods, reason = "a benchmark's own tasks, no work of the engine")]

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::{
    failed::{Failed, at},
    traffic::Event,
};

/// Events in a request.
const BATCH: usize = 100;
/// Requests at once.
const AT_ONCE: usize = 4;

/// Sends all events to `base`, every batch again and again until it is taken.
pub async fn send(base: &str, token: Option<&str>, events: &[Event]) -> Result<(), Failed> {
    let client = reqwest::Client::builder().build().map_err(at("a client"))?;
    let permits = Arc::new(Semaphore::new(AT_ONCE));
    let mut sending = Vec::new();
    for batch in events.chunks(BATCH) {
        let bodies: Vec<&str> = batch.iter().map(|event| event.body.as_str()).collect();
        let mut request = client
            .post(format!("{base}/v1/events"))
            .header("content-type", "application/cloudevents-batch+json")
            .body(format!("[{}]", bodies.join(",")));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let permit = Arc::clone(&permits).acquire_owned().await.map_err(at("a permit"))?;
        sending.push(tokio::spawn(async move {
            let answer = request.send().await;
            drop(permit);
            answer.map(|answer| answer.status())
        }));
    }
    for sent in sending {
        let status = sent.await.map_err(at("a request"))?.map_err(at("a request"))?;
        if status != reqwest::StatusCode::ACCEPTED {
            return Err(Failed::new(format!("a batch of events was answered {status}")));
        }
    }
    Ok(())
}
