//! Whether a partition gets what is sent to it: the reader says what it waits for, the stall watch reads it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::runtime::sign_of_life::SignOfLife;

/// What a reader waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Waiting {
    /// For an answer of the server.
    Server,
    /// For room in the buffer, which the handler makes; or for its turn, which others of this process have.
    Process,
    /// For the feed, which reads for it.
    Feed,
}

/// What a reader waits for, and since when. Cheap to clone; the clones are one.
#[derive(Clone)]
pub(super) struct SourceSign {
    waiting: Arc<Mutex<Waiting>>,
    own: SignOfLife,
    feed: SignOfLife,
}

impl SourceSign {
    /// `feed` is given a sign whenever the shared stream has advanced.
    pub(super) fn new(feed: SignOfLife) -> Self {
        Self { waiting: Arc::new(Mutex::new(Waiting::Server)), own: SignOfLife::new(), feed }
    }

    /// The server has answered, and what it said brought the reader on.
    pub(super) fn advanced(&self) {
        self.wait_for(Waiting::Server);
    }

    /// The reader waits for something that is not the server's to give.
    pub(super) fn waits_for_process(&self) {
        self.wait_for(Waiting::Process);
    }

    /// The feed reads from here on.
    pub(super) fn follows_feed(&self) {
        self.wait_for(Waiting::Feed);
    }

    fn wait_for(&self, what: Waiting) {
        self.own.give();
        *self.waiting.lock().unwrap_or_else(PoisonError::into_inner) = what;
    }

    /// How long the server has not brought the partition on, though it should have.
    pub(super) fn silence(&self) -> Duration {
        let waiting = *self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        match waiting {
            Waiting::Server => self.own.silence(),
            Waiting::Process => Duration::ZERO,
            Waiting::Feed => self.own.silence().min(self.feed.silence()),
        }
    }
}
