//! The attempts that have to be stored; the newest replace those before.

use bson::Bson;
use tokio::sync::oneshot;

use super::committer_task::CommitterTask;
use super::lease_lost;
use super::retried_write::RetriedWrite;
use crate::consumer::checkpoint::MessageAttempts;
use crate::error::Result;
use crate::runtime::clock;
use crate::store::contract::CommitOutcome;

pub(super) struct AttemptNotes {
    newest: Vec<MessageAttempts>,
    /// Who waits until they are.
    waiting: Vec<oneshot::Sender<Result<()>>>,
    pub(super) write: RetriedWrite,
}

impl AttemptNotes {
    pub(super) fn new() -> Self {
        Self { newest: Vec::new(), waiting: Vec::new(), write: RetriedWrite::new() }
    }

    pub(super) fn replace(
        &mut self,
        attempts: Vec<MessageAttempts>,
        stored: Option<oneshot::Sender<Result<()>>>,
    ) {
        self.newest = attempts;
        self.waiting.extend(stored);
        self.write.schedule(clock::now());
    }

    /// This message is finished, and the worker, which would say so, has ended.
    pub(super) fn forget(&mut self, message_id: Option<&Bson>) {
        let before = self.newest.len();
        self.newest.retain(|one| Some(&one.message_id) != message_id);
        if self.newest.len() < before {
            self.write.schedule(clock::now());
        }
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
        let is_wanted = if now { self.notes.write.due().is_some() } else { self.notes.write.is_due() };
        if !is_wanted {
            return Ok(());
        }
        match self.parts.offset.record_attempts(&self.notes.newest).await {
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
                let delay = self.notes.write.failed();
                self.say_failed("attempts", delay, &error);
                Err(error)
            }
        }
    }
}
