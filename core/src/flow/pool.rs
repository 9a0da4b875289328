//! The one place that spawns. Long-lived tasks end the process if they end by themselves; short ones are waited for at
//! a soft stop and dropped at a hard one, which is safe by construction.

use std::{future::Future, time::Duration};
use tokio::sync::{mpsc, oneshot};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// How a long-lived task ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskEnd {
    /// Its name.
    pub name: &'static str,
    /// Why; `None`: it panicked or returned without being asked to.
    pub why: Option<String>,
}

/// Spawns and waits.
#[derive(Debug, Clone)]
pub struct Pool {
    stop: CancellationToken,
    kill: CancellationToken,
    tasks: TaskTracker,
    ended: mpsc::Sender<TaskEnd>,
}

/// The receiving end of a pool: who ended unasked.
#[derive(Debug)]
pub struct Ends(mpsc::Receiver<TaskEnd>);

impl Ends {
    /// Waits for the first long-lived task that ends without being asked to.
    pub async fn first(&mut self) -> TaskEnd {
        match self.0.recv().await {
            Some(end) => end,
            None => std::future::pending().await,
        }
    }
}

impl Pool {
    /// A pool whose tasks are asked to stop by `stop`.
    pub fn new(stop: CancellationToken) -> (Self, Ends) {
        let (ended, ends) = mpsc::channel(16);
        let pool = Self { stop, kill: CancellationToken::new(), tasks: TaskTracker::new(), ended };
        (pool, Ends(ends))
    }

    /// Says that no new work is to be taken.
    pub fn stopping(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Spawns a long-lived task. It ends when [`Self::stopping`] is cancelled; ending before that is told to [`Ends`].
    pub fn spawn<F>(&self, name: &'static str, task: F)
    where
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        let (stop, ended, kill) = (self.stop.clone(), self.ended.clone(), self.kill.clone());
        let body = async move {
            let mut guard = Guard { name, stop: stop.clone(), ended: Some(ended), why: None };
            tokio::select! {
                biased;
                () = kill.cancelled() => {}
                result = task => guard.why = result.err(),
            }
            drop(guard);
        };
        self.run(body);
    }

    /// Spawns a short task that belongs to no one: an attempt, a probe. A soft stop waits for it.
    pub fn work<F>(&self, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let kill = self.kill.clone();
        self.run(async move {
            tokio::select! {
                biased;
                () = kill.cancelled() => {}
                () = task => {}
            }
        });
    }

    /// Runs work to its end, whether or not the caller stays to hear of it. `None`: it panicked or was dropped at a
    /// hard stop.
    pub async fn finish<T, F>(&self, task: F) -> Option<T>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let (tell, told) = oneshot::channel();
        self.work(async move {
            // Nobody may be waiting any more.
            drop(tell.send(task.await));
        });
        told.await.ok()
    }

    fn run<F>(&self, body: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        drop(self.tasks.spawn(body));
    }

    /// Asks everybody to stop, waits for `soft`, then drops what still runs. `true`: all ended by themselves.
    pub async fn stop(&self, soft: Duration) -> bool {
        self.stop.cancel();
        self.tasks.close();
        let in_time = tokio::time::timeout(soft, self.tasks.wait()).await.is_ok();
        if !in_time {
            self.kill().await;
        }
        in_time
    }

    /// Drops everything where it is, as the end of the process would.
    pub async fn kill(&self) {
        self.kill.cancel();
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// Tells of the end of a task, also when it panics.
struct Guard {
    name: &'static str,
    stop: CancellationToken,
    ended: Option<mpsc::Sender<TaskEnd>>,
    why: Option<String>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        if self.stop.is_cancelled() {
            return;
        }
        if let Some(ended) = self.ended.take() {
            // A full channel means that the end of another task is being told already.
            drop(ended.try_send(TaskEnd { name: self.name, why: self.why.take() }));
        }
    }
}
