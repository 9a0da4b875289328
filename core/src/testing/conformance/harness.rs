//! What a story gets, and how it says what does not hold.

use futures_util::future::BoxFuture;
use std::{
    fmt,
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::{
    id::RowId,
    port::{
        store::{self, Store, StoreError},
        views::Views,
        work::{Scope, Work},
    },
};

type Pass = Arc<dyn Fn(Duration) -> BoxFuture<'static, ()> + Send + Sync>;
type Tamper = Arc<dyn Fn(RowId) -> BoxFuture<'static, ()> + Send + Sync>;

/// A fresh store in the hands of a story.
pub struct Harness {
    /// The store.
    pub store: Arc<dyn Store>,
    /// Its views.
    pub views: Arc<dyn Views>,
    /// Another process' handle on the same store, or as near to it as the store allows.
    pub second: Arc<dyn Store>,
    /// Whether two units may be open at once. If not, stories do not wait inside a decision for another unit.
    pub concurrent_writers: bool,
    /// Lets time pass, by the store's clock.
    pub pass: Pass,
    /// Deletes an operation's row behind the store's back.
    pub tamper: Tamper,
    /// Closes and removes the store after the story. In a mutex only because futures are not `Sync`.
    finish: Mutex<Option<BoxFuture<'static, ()>>>,
}

impl Harness {
    /// A harness of a store under the machine's clock.
    pub fn new(
        store: Arc<dyn Store>,
        views: Arc<dyn Views>,
        second: Arc<dyn Store>,
        concurrent_writers: bool,
    ) -> Self {
        let pass: Pass = Arc::new(|by| Box::pin(tokio::time::sleep(by)));
        let tamper: Tamper = Arc::new(|_| Box::pin(async {}));
        Self { store, views, second, concurrent_writers, pass, tamper, finish: Mutex::default() }
    }

    /// How an operation's row is deleted behind the store's back.
    pub fn with_tamper(
        mut self,
        tamper: impl Fn(RowId) -> BoxFuture<'static, ()> + Send + Sync + 'static,
    ) -> Self {
        self.tamper = Arc::new(tamper);
        self
    }

    /// How time passes, for a store under a manual clock.
    pub fn with_pass(
        mut self,
        pass: impl Fn(Duration) -> BoxFuture<'static, ()> + Send + Sync + 'static,
    ) -> Self {
        self.pass = Arc::new(pass);
        self
    }

    /// What to do after the story.
    pub fn with_finish(self, finish: BoxFuture<'static, ()>) -> Self {
        Self { finish: Mutex::new(Some(finish)), ..self }
    }

    /// Lets go of the store, then does what was asked for.
    pub(super) async fn close(self) {
        let Self { finish, .. } = self;
        if let Some(finish) = finish.into_inner().unwrap_or_else(PoisonError::into_inner) {
            finish.await;
        }
    }

    /// A unit of work on the first handle.
    pub(super) async fn unit<T, F>(&self, scope: Scope, decision: F) -> Result<T, Failure>
    where
        T: Send + 'static,
        F: Fn(&mut Work) -> T + Send + Sync + 'static,
    {
        Ok(store::decide(&*self.store, scope, decision).await?)
    }

    /// A look at rows through the second handle.
    pub(super) async fn look<T, F>(&self, scope: Scope, decision: F) -> Result<T, Failure>
    where
        T: Send + 'static,
        F: Fn(&mut Work) -> T + Send + Sync + 'static,
    {
        Ok(store::decide(&*self.second, scope, decision).await?)
    }
}

/// What does not hold, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure(pub String);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self(format!("expected success, the store answered {error:?}"))
    }
}

/// How a story ends.
pub type Verdict = Result<(), Failure>;

/// Ends the story unless the condition holds.
macro_rules! ensure {
    ($holds:expr, $($words:tt)+) => {
        if !$holds {
            let words = format!($($words)+);
            return Err($crate::testing::conformance::Failure(format!("{}:{}: {words}", file!(), line!())));
        }
    };
}

/// Ends the story unless the first value is the second, expected one.
macro_rules! ensure_eq {
    ($got:expr, $expected:expr, $($words:tt)+) => {
        match (&$got, &$expected) {
            (got, expected) => {
                if got != expected {
                    let words = format!($($words)+);
                    let (file, line) = (file!(), line!());
                    let text = format!("{file}:{line}: {words}\n  expected {expected:#?}\n  got {got:#?}");
                    return Err($crate::testing::conformance::Failure(text));
                }
            }
        }
    };
}

pub(super) use {ensure, ensure_eq};

/// A place inside decisions where units wait for each other, but never longer than a deadline: a store that lets only
/// one of them in at a time must not hang.
pub(super) struct Meeting {
    arrived: Mutex<usize>,
    changed: Condvar,
    expected: usize,
    patience: Duration,
}

impl Meeting {
    /// A meeting of so many.
    pub(super) fn of(expected: usize, patience: Duration) -> Arc<Self> {
        Arc::new(Self { arrived: Mutex::new(0), changed: Condvar::new(), expected, patience })
    }

    /// Says that one more is here, without waiting.
    pub(super) fn announce(&self) {
        *self.arrived.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.changed.notify_all();
    }

    /// Whether all are here.
    pub(super) fn has_all(&self) -> bool {
        *self.arrived.lock().unwrap_or_else(PoisonError::into_inner) >= self.expected
    }

    /// Waits until all are here or patience has run out. Whether all came.
    pub(super) fn wait(&self) -> bool {
        if self.patience.is_zero() || self.has_all() {
            return self.has_all();
        }
        // The worker's other tasks go on elsewhere: among them may be those that are waited for.
        tokio::task::block_in_place(|| self.wait_here())
    }

    fn wait_here(&self) -> bool {
        let deadline = Instant::now() + self.patience;
        let mut arrived = self.arrived.lock().unwrap_or_else(PoisonError::into_inner);
        while *arrived < self.expected {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let waited = self.changed.wait_timeout(arrived, left).unwrap_or_else(PoisonError::into_inner);
            arrived = waited.0;
        }
        true
    }
}
