//! Row numbers: a process reserves them from the store in ranges, and every decision gets a block.

use std::{
    ops::Range,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
};

/// Row numbers for one decision, sliced off the process's [`IdSource`].
#[derive(Debug)]
pub struct IdBlock {
    next: AtomicI64,
    end: i64,
}

impl IdBlock {
    /// The numbers of a range.
    pub fn new(range: Range<i64>) -> Self {
        Self { next: AtomicI64::new(range.start), end: range.end }
    }

    /// The next number. Beyond the end it still answers, and [`Self::is_overdrawn`] tells the store to refuse the work.
    pub fn take(&self) -> i64 {
        self.next.fetch_add(1, Ordering::AcqRel)
    }

    /// Whether more numbers were taken than there were.
    pub fn is_overdrawn(&self) -> bool {
        self.next.load(Ordering::Acquire) > self.end
    }

    /// What is left.
    pub fn rest(&self) -> Range<i64> {
        self.next.load(Ordering::Acquire).min(self.end)..self.end
    }
}

/// Row numbers that this process has reserved from the store.
#[derive(Debug, Default)]
pub struct IdSource {
    ranges: Mutex<Vec<Range<i64>>>,
}

impl IdSource {
    /// A block for one decision, or `None`: reserve more with [`Self::add`] and ask again.
    pub fn slice(&self) -> Option<IdBlock> {
        let mut ranges = self.ranges.lock().unwrap_or_else(PoisonError::into_inner);
        let at = ranges.iter().position(|r| r.end - r.start >= IDS_PER_DECISION)?;
        let start = ranges[at].start;
        ranges[at].start += IDS_PER_DECISION;
        Some(IdBlock::new(start..start + IDS_PER_DECISION))
    }

    /// Adds numbers: newly reserved ones, or the rest of a block.
    pub fn add(&self, range: Range<i64>) {
        if range.is_empty() {
            return;
        }
        let mut ranges = self.ranges.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(next) = ranges.iter_mut().find(|r| r.start == range.end) {
            next.start = range.start;
        } else if let Some(last) = ranges.iter_mut().find(|r| r.end == range.start) {
            last.end = range.end;
        } else if range.end - range.start >= IDS_PER_DECISION {
            ranges.push(range);
            ranges.sort_by_key(|r| r.start);
        }
        // A shorter rest that joins no other range would serve nobody: kept, such rests would pile up for ever.
    }
}

/// The number of row numbers in one decision's block.
pub const IDS_PER_DECISION: i64 = 20_000;
