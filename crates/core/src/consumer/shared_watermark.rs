//! The watermark of a partition as its worker and its committer share it: one moves it, the other stores it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use bson::{Bson, RawDocument};
use tokio::sync::Notify;

use super::checkpoint::Checkpoint;
use super::position::Position;
use super::watermark::{Numbered, Watermark};

/// What was finished at one moment.
#[derive(Debug, Clone)]
pub(super) struct Snapshot {
    pub(super) checkpoint: Checkpoint,
    /// Tells how new it is: the revision of the watermark.
    pub(super) revision: u64,
}

/// A watermark, and the news that it has moved.
pub(super) struct SharedWatermark {
    watermark: Mutex<Watermark>,
    moved: Notify,
}

impl SharedWatermark {
    pub(super) fn new(watermark: Watermark) -> Self {
        Self { watermark: Mutex::new(watermark), moved: Notify::new() }
    }

    /// Takes the next messages in: the position behind each, and its stored document.
    pub(super) fn push<'a>(
        &self,
        messages: impl IntoIterator<Item = (Position, &'a RawDocument)>,
    ) -> Vec<Numbered> {
        let mut watermark = self.lock();
        let before = watermark.revision();
        let numbered =
            messages.into_iter().map(|(after, document)| watermark.push(after, document)).collect();
        let has_moved = watermark.revision() > before;
        drop(watermark);
        if has_moved {
            self.moved.notify_one();
        }
        numbered
    }

    /// These messages are finished: number and stored document.
    pub(super) fn finish<'a>(&self, messages: impl IntoIterator<Item = (u64, &'a RawDocument)>) {
        let mut watermark = self.lock();
        for (number, document) in messages {
            watermark.finish(number, document);
        }
        drop(watermark);
        self.moved.notify_one();
    }

    /// These messages are finished: number and id.
    pub(super) fn finish_known(&self, messages: impl IntoIterator<Item = (u64, Option<Bson>)>) {
        let mut watermark = self.lock();
        for (number, id) in messages {
            watermark.finish_known(number, id);
        }
        drop(watermark);
        self.moved.notify_one();
    }

    /// What would be finished if these were, too: number and id, in the order of the numbers.
    pub(super) fn checkpoint_with(&self, finished: &[(u64, Option<Bson>)]) -> Checkpoint {
        self.lock().checkpoint_with(finished)
    }

    /// This is the same message as an unfinished one before it, or behind the end of a replay.
    pub(super) fn pass_over(&self, number: u64) {
        self.lock().pass_over(number);
        self.moved.notify_one();
    }

    /// Nothing was sent up to here. Only while no message is taken in.
    pub(super) fn advance_idle(&self, position: Position) {
        self.lock().advance_idle(position);
        self.moved.notify_one();
    }

    /// Grows whenever more is finished.
    pub(super) fn revision(&self) -> u64 {
        self.lock().revision()
    }

    /// Everything up to here is finished.
    pub(super) fn position(&self) -> Position {
        self.lock().position().clone()
    }

    /// Messages finished behind the oldest unfinished one.
    pub(super) fn finished_ahead(&self) -> usize {
        self.lock().finished_ahead()
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        let watermark = self.lock();
        Snapshot { checkpoint: watermark.checkpoint(), revision: watermark.revision() }
    }

    /// Resolves when it may have moved since the last call.
    pub(super) async fn moved(&self) {
        self.moved.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, Watermark> {
        // Nothing panics while it holds the lock; a poisoned one still has whole contents.
        self.watermark.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
