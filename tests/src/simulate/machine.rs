//! The machine that a replica runs on: it can freeze, be cut off from its neighbours in either direction, show a wrong
//! time, and end at any step.

use jiff::{SignedDuration, Timestamp};
use lienthong_core::{clock::Clock, testing::ManualClock};
use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU64, Ordering},
};
use tokio::sync::Notify;

/// To whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    Store,
    Broker,
    Partners,
}

/// What gets lost on a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    Nothing,
    Requests,
    Answers,
}

impl Cut {
    const ALL: [Self; 3] = [Self::Nothing, Self::Requests, Self::Answers];
}

/// The machine that a replica runs on.
#[derive(Debug, Default)]
pub struct Machine {
    frozen: AtomicBool,
    thawed: Notify,
    ends: AtomicBool,
    end: Notify,
    is_over: AtomicBool,
    cuts: [AtomicU8; 3],
    wrong_by_us: AtomicI64,
    /// The broker's connection of the replica.
    pub connection: AtomicU64,
}

impl Machine {
    /// Waits until the machine runs: at once, unless it is frozen; for ever, once its end has come.
    pub async fn runs(&self) {
        self.lives().await;
        while self.frozen.load(Ordering::Acquire) {
            self.thawed.notified().await;
        }
        self.lives().await;
    }

    /// Waits for ever once the machine's end has come.
    pub async fn lives(&self) {
        if self.ends.load(Ordering::Acquire) {
            std::future::pending::<()>().await;
        }
    }

    pub fn set_frozen(&self, frozen: bool) {
        self.frozen.store(frozen, Ordering::Release);
        self.thawed.notify_waiters();
    }

    /// The process ends right here: whoever calls this does not get any further.
    pub async fn crash(&self) {
        self.crash_behind();
        std::future::pending::<()>().await;
    }

    /// The process ends before the caller can wait for anything else.
    pub fn crash_behind(&self) {
        self.ends.store(true, Ordering::Release);
        self.end.notify_one();
    }

    /// Waits for a crash.
    pub async fn ended(&self) {
        self.end.notified().await;
    }

    /// Says that nothing of the replica is left.
    pub fn set_over(&self) {
        self.is_over.store(true, Ordering::Release);
    }

    pub fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Acquire)
    }

    pub fn set_cut(&self, link: Link, cut: Cut) {
        self.cuts[link as usize].store(cut as u8, Ordering::Release);
    }

    pub fn cut(&self, link: Link) -> Cut {
        let cut = self.cuts[link as usize].load(Ordering::Acquire);
        Cut::ALL.into_iter().find(|c| *c as u8 == cut).unwrap_or(Cut::Nothing)
    }

    pub fn set_wrong_by(&self, by: SignedDuration) {
        self.wrong_by_us.store(i64::try_from(by.as_micros()).unwrap_or(0), Ordering::Release);
    }
}

/// What the clock on a machine's wall shows.
#[derive(Debug)]
pub struct WallClock {
    /// The right time.
    pub right: ManualClock,
    pub machine: Arc<Machine>,
}

impl Clock for WallClock {
    fn now(&self) -> Timestamp {
        let wrong_by = SignedDuration::from_micros(self.machine.wrong_by_us.load(Ordering::Acquire));
        let shown = self.right.now().checked_add(wrong_by).unwrap_or(Timestamp::MAX);
        Timestamp::from_microsecond(shown.as_microsecond()).unwrap_or(shown)
    }
}
