//! When a write is made, and made again after it failed.

use std::time::Duration;

use crate::runtime::backoff::Backoff;
use crate::runtime::clock::{self, Instant};
use crate::runtime::random;

/// The times of one kind of write.
pub(super) struct RetriedWrite {
    due: Option<Instant>,
    backoff: Backoff,
}

impl RetriedWrite {
    pub(super) fn new() -> Self {
        Self { due: None, backoff: Backoff::of_store_calls() }
    }

    /// When it is made next, if it has to be made.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    pub(super) fn is_due(&self) -> bool {
        self.due.is_some_and(|due| due <= clock::now())
    }

    /// It has to be made at this time, unless it is to be made anyway.
    pub(super) fn schedule(&mut self, at: Instant) {
        self.due.get_or_insert(at);
    }

    /// It need not be made.
    pub(super) fn cancel(&mut self) {
        self.due = None;
    }

    pub(super) fn succeeded(&mut self) {
        self.due = None;
        self.backoff.reset();
    }

    /// It has to be made again after the returned time.
    pub(super) fn failed(&mut self) -> Duration {
        let delay = self.backoff.next_delay(random::next_u32());
        self.due = Some(clock::now() + delay);
        delay
    }
}
