//! Sessions with the broker, one after the other, without limit: whatever breaks one drops all of it, and the next
//! begins after a jittered pause.

use std::{future::Future, time::Duration};

use backon::{BackoffBuilder, ExponentialBuilder};
use tokio_util::sync::CancellationToken;

use super::link::{Broken, Link, LinkSender};

/// A session that lasted this long was a good one: the next pause is short again.
const GOOD_AFTER: Duration = Duration::from_secs(30);

/// Runs `session` again and again until `stop`. It returns `Ok` only when it was told to stop.
pub(super) async fn supervise<S, F>(
    role: &'static str,
    link: &LinkSender,
    stop: &CancellationToken,
    mut session: S,
) where
    S: FnMut() -> F,
    F: Future<Output = Result<(), Broken>>,
{
    let mut pauses = pauses();
    while !stop.is_cancelled() {
        link.send_replace(Link::Connecting);
        let began = tokio::time::Instant::now();
        let Err(broken) = session().await else { break };
        if began.elapsed() > GOOD_AFTER {
            pauses = self::pauses();
        }
        let pause = pauses.next().unwrap_or(Duration::from_secs(15));
        tracing::warn!(role, error = %broken, pause_ms = pause.as_millis(), "the broker session ended");
        metrics::counter!("lienthong_broker_reconnects_total", "role" => role).increment(1);
        link.send_replace(Link::Down(broken.to_string()));
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
    link.send_replace(Link::Stopped);
}

/// 0.2 s doubling to 15 s, each with up to as much again by chance: replicas must not come back in step.
fn pauses() -> impl Iterator<Item = Duration> {
    ExponentialBuilder::new()
        .with_min_delay(Duration::from_millis(200))
        .with_max_delay(Duration::from_secs(15))
        .with_jitter()
        .without_max_times()
        .build()
}
