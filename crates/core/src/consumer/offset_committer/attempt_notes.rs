//! The attempts that have to be stored; the newest replace those before.

use tokio::sync::oneshot;

use super::committer_task::CommitterTask;
use super::lease_lost;
use super::retried_write::RetriedWrite;
use crate::consumer::checkpoint::MessageAttempts;
use crate::error::Result;
use crate::store::contract::CommitOutcome;

pub(super) struct AttemptNotes {
    /// Not stored yet.
    newest: Option<Vec<MessageAttempts>>,
    /// Who waits until they are.
    waiting: Vec<oneshot::Sender<Result<()>>>,
    pub(super) write: RetriedWrite,
}

impl AttemptNotes {
    pub(super) fn new() -> Self {
        Self { newest: None, waiting: Vec::new(), write: RetriedWrite::new() }
    }

    pub(super) fn replace(
        &mut self,
        attempts: Vec<MessageAttempts>,
        stored: Option<oneshot::Sender<Result<()>>>,
    ) {
        self.newest = Some(attempts);
        self.waiting.extend(stored);
        self.write.schedule(crate::runtime::clock::now());
    }

    fn answer(&mut self, outcome: &Result<()>) {
        for waiting in self.waiting.drain(..) {
            // Whoever asked may have stopped waiting.
            let _ = waiting.send(outcome.clone());
        }
    }
}

impl CommitterTask {
    /// Also when they are not due, if somebody wants everything stored.
    pub(super) async fn store_attempts(&mut self, now: bool) -> Result<()> {
        if !now && !self.notes.write.is_due() {
            return Ok(());
        }
        let Some(attempts) = self.notes.newest.take() else { return Ok(()) };
        match self.parts.offset.record_attempts(&attempts).await {
            Ok(CommitOutcome::Committed) => {
                self.notes.write.succeeded();
                self.notes.answer(&Ok(()));
                Ok(())
            }
            Ok(CommitOutcome::Fenced) => {
                self.fence();
                self.notes.answer(&Err(lease_lost()));
                Err(lease_lost())
            }
            Err(error) => {
                self.notes.newest = Some(attempts);
                let delay = self.notes.write.failed();
                self.say_failed("attempts", delay, &error);
                Err(error)
            }
        }
    }
}
