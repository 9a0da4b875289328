//! What touches the machine: background tasks that end with the simulator, the client that sends
//! callbacks, and locks that survive a panicking test.

use std::{
    future::Future,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The tasks of one simulator and the token that ends them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Runtime {
    pub(crate) token: CancellationToken,
    tasks: TaskTracker,
}

impl Runtime {
    /// Runs `work` until it ends or the simulator stops.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let token = self.token.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                () = token.cancelled() => {}
                () = work => {}
            }
        });
    }

    /// Runs `work` to its end; used for the server itself, which watches the token.
    pub(crate) fn spawn_server(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(work);
    }

    /// Stops everything and waits at most two seconds for it.
    pub(crate) async fn stop(&self) {
        self.token.cancel();
        self.tasks.close();
        if tokio::time::timeout(Duration::from_secs(2), self.tasks.wait()).await.is_err() {
            tracing::warn!("a simulator's tasks did not end in time");
        }
    }
}

/// The client of the callbacks; `None` when the machine cannot make one.
#[expect(
    clippy::disallowed_methods,
    reason = "a simulator knows none of our crates, so not connectors::http"
)]
pub(crate) fn http_client() -> Option<reqwest::Client> {
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10)).build();
    client.inspect_err(|error| tracing::error!(%error, "no client for callbacks")).ok()
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
