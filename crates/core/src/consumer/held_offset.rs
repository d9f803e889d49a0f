//! The offset document of a partition that this member owns. Deleting it does not end the partition: it is made again,
//! unless somebody else has done so.

use std::sync::Arc;

use bson::{Binary, RawDocumentBuf};

use super::checkpoint::{Checkpoint, MessageAttempts};
use crate::dead_letter::DeadLetter;
use crate::error::{Error, Result};
use crate::error_code::ErrorCode;
use crate::observe::log::Logger;
use crate::store::contract::{Claim, CommitOutcome, Store};

/// Writes the document under a claim. Each write has a number of its own, by which the server refuses one that was given
/// up, takes effect late, and would overtake those behind it.
pub(super) struct HeldOffset {
    store: Arc<dyn Store>,
    claim: Claim,
    /// What is stored, as far as it is known.
    last: Checkpoint,
    logger: Logger,
}

impl HeldOffset {
    pub(super) fn new(store: Arc<dyn Store>, claim: Claim, stored: Checkpoint, logger: Logger) -> Self {
        Self { store, claim, last: stored, logger }
    }

    pub(super) async fn commit(&mut self, checkpoint: &Checkpoint) -> Result<CommitOutcome> {
        self.claim.revision += 1;
        let mut outcome = self.store.commit_offset(&self.claim, checkpoint).await?;
        if outcome == CommitOutcome::Fenced {
            outcome = self.restore(checkpoint).await?;
        }
        self.keep(checkpoint, outcome);
        Ok(outcome)
    }

    /// The commit for a transaction of the user's to make. It is not known to be stored before it is settled.
    pub(super) fn lend(&mut self, checkpoint: &Checkpoint) -> Result<RawDocumentBuf> {
        self.claim.revision += 1;
        self.store.offset_statement(&self.claim, checkpoint)?.ok_or_else(|| {
            Error::new(
                ErrorCode::BadSession,
                "the embedded broker (memory://) has no transactions of a client",
            )
        })
    }

    /// A lent commit was made.
    pub(super) fn was_committed(&mut self, checkpoint: &Checkpoint) {
        self.keep(checkpoint, CommitOutcome::Committed);
    }

    /// Ends a session in which a transaction may still be open, and hold the document. Without that the server ends it within
    /// a minute, which is waited for.
    pub(super) async fn end_session(&self, session: Option<Binary>) {
        let sessions: Vec<_> = session.into_iter().collect();
        if let Err(error) = self.store.end_sessions(&sessions).await {
            let key = &self.claim.key;
            self.logger.warn(|| format!("{key}: the session of a transaction could not be ended: {error:?}"));
        }
    }

    /// Whether a lent commit was made. From now on it is not going to be. `None`: the partition is lost.
    pub(super) async fn settle(&mut self, lent: &Checkpoint) -> Result<Option<bool>> {
        self.claim.revision += 1;
        if let Some(stored) = self.store.settle_offset(&self.claim).await? {
            let is_committed = stored.position.as_ref() == Some(&lent.position)
                && stored.finished_ahead == lent.finished_ahead;
            if is_committed {
                self.was_committed(lent);
            }
            return Ok(Some(is_committed));
        }
        Ok(self.is_restored().await?.then_some(false))
    }

    pub(super) async fn record_attempts(&mut self, attempts: &[MessageAttempts]) -> Result<CommitOutcome> {
        self.claim.revision += 1;
        match self.store.record_attempts(&self.claim, attempts).await? {
            CommitOutcome::Fenced if self.is_restored().await? => {
                self.store.record_attempts(&self.claim, attempts).await
            }
            outcome => Ok(outcome),
        }
    }

    pub(super) async fn forget_unclean_ends(&mut self) -> Result<CommitOutcome> {
        self.claim.revision += 1;
        match self.store.forget_unclean_ends(&self.claim).await? {
            // A new document counts none.
            CommitOutcome::Fenced => self.restore(&self.last).await,
            CommitOutcome::Committed => Ok(CommitOutcome::Committed),
        }
    }

    pub(super) async fn bury(
        &mut self,
        letter: &DeadLetter,
        checkpoint: &Checkpoint,
    ) -> Result<CommitOutcome> {
        self.claim.revision += 1;
        let mut outcome = self.store.commit_dead_letter(&self.claim, checkpoint, letter).await?;
        if outcome == CommitOutcome::Fenced && self.is_restored().await? {
            outcome = self.store.commit_dead_letter(&self.claim, checkpoint, letter).await?;
        }
        self.keep(checkpoint, outcome);
        Ok(outcome)
    }

    async fn is_restored(&self) -> Result<bool> {
        Ok(self.restore(&self.last).await? == CommitOutcome::Committed)
    }

    /// The claim was refused: another member has the partition, or there is no document.
    async fn restore(&self, checkpoint: &Checkpoint) -> Result<CommitOutcome> {
        let outcome = self.store.restore_offset(&self.claim, checkpoint).await?;
        if outcome == CommitOutcome::Committed {
            let key = &self.claim.key;
            self.logger.warn(|| format!("{key}: its offset was deleted; it is stored again"));
        }
        Ok(outcome)
    }

    fn keep(&mut self, checkpoint: &Checkpoint, outcome: CommitOutcome) {
        if outcome == CommitOutcome::Committed {
            self.last = checkpoint.clone();
        }
    }
}
