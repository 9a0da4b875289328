//! How the process ends: at a signal softly (take nothing new, finish what runs, give back the rest), after a deadline
//! or at a second signal hard; and at once, with a failure, when a task that must live ends by itself.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Cancels `soft` at the first SIGTERM or SIGINT and `hard` at the second. Ends with `hard`.
pub async fn watch_signals(soft: CancellationToken, hard: CancellationToken) {
    let (mut terminate, mut interrupt) =
        match (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) {
            (Ok(terminate), Ok(interrupt)) => (terminate, interrupt),
            (Err(error), _) | (_, Err(error)) => {
                tracing::error!(%error, "signals cannot be received; stop the process with kill -9");
                return;
            }
        };
    for (name, token) in [("soft", &soft), ("hard", &hard)] {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            () = hard.cancelled() => return,
        }
        tracing::info!(stop = name, "a signal asks us to stop");
        token.cancel();
    }
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// Asked to, and everything was finished or given back.
    Clean,
    /// Asked to, but something had to be dropped after the deadline. Safe by construction: leases expire.
    Cut,
    /// A task that must live ended: which and why.
    Failed(String),
}

/// Waits for whichever comes first, for at most `deadline` once `hard` or the work itself says nothing.
pub async fn within(deadline: Duration, hard: &CancellationToken, work: impl Future<Output = ()>) -> bool {
    tokio::select! {
        () = work => true,
        () = hard.cancelled() => false,
        () = tokio::time::sleep(deadline) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_that_does_not_end_is_cut_at_the_deadline_or_by_the_second_signal() {
        let hard = CancellationToken::new();
        assert!(within(Duration::from_secs(9), &hard, async {}).await);
        assert!(!within(Duration::from_millis(5), &hard, std::future::pending()).await);
        hard.cancel();
        assert!(!within(Duration::from_secs(99_999), &hard, std::future::pending()).await);
    }
}
