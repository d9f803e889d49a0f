//! Commits that a transaction of the user's makes, together with the effects of his handler.

use std::time::Duration;

use bson::Bson;

use super::committer_task::CommitterTask;
use super::lease_lost;
use crate::consumer::checkpoint::Checkpoint;
use crate::consumer::offset_loan::{LoanRequest, OffsetLoan, TransactionOutcome};
use crate::error::{Error, Result};
use crate::error_code::ErrorCode;
use crate::runtime::clock;

/// The server ends a transaction after a minute. Whoever has not said by then what became of his is not waited for.
const LONGEST_LOAN: Duration = Duration::from_secs(65);

impl CommitterTask {
    /// Lends the offset document and waits until it is given back: no other write of ours may come between.
    pub(super) async fn lend(&mut self, LoanRequest { finished, lent }: LoanRequest) {
        if self.burials.is_in_doubt {
            let text = "it is not known whether a dead letter of this partition is stored";
            // Whoever asked may have gone, here and below.
            let _ = lent.send(Err(Error::new(ErrorCode::Unavailable, text)));
            return;
        }
        let checkpoint = self.parts.watermark.checkpoint_with(&finished);
        let (loan, lender) = match self.parts.offset.lend(&checkpoint) {
            Ok(update) => OffsetLoan::new(update),
            Err(error) => {
                let _ = lent.send(Err(error));
                return;
            }
        };
        if lent.send(Ok(loan)).is_err() {
            return;
        }
        let outcome = clock::timeout(LONGEST_LOAN, lender.outcome).await;
        let outcome = outcome.and_then(std::result::Result::ok).unwrap_or(TransactionOutcome::Unknown(None));
        let is_committed = match outcome {
            TransactionOutcome::Committed => {
                self.parts.offset.was_committed(&checkpoint);
                Ok(true)
            }
            TransactionOutcome::Aborted => Ok(false),
            TransactionOutcome::Refused => self.find_out(&checkpoint).await,
            TransactionOutcome::Unknown(session) => {
                self.parts.offset.end_session(session).await;
                self.find_out(&checkpoint).await
            }
        };
        if let Ok(true) = is_committed {
            self.lent_is_committed(finished, checkpoint);
        }
        let _ = lender.is_committed.send(is_committed);
    }

    /// Asks until there is an answer: without it the same message might be handled twice.
    async fn find_out(&mut self, lent: &Checkpoint) -> Result<bool> {
        loop {
            match self.parts.offset.settle(lent).await {
                Ok(Some(is_committed)) => {
                    self.lookup.succeeded();
                    return Ok(is_committed);
                }
                Ok(None) => {
                    self.fence();
                    return Err(lease_lost());
                }
                Err(error) => {
                    let delay = self.lookup.failed();
                    self.say_failed("outcome of a transaction", delay, &error);
                    if self.is_orphaned() {
                        return Err(error);
                    }
                    clock::sleep(delay).await;
                }
            }
        }
    }

    fn lent_is_committed(&mut self, finished: Vec<(u64, Option<Bson>)>, checkpoint: Checkpoint) {
        self.parts.watermark.finish_known(finished);
        self.committed = checkpoint;
        self.committed_revision = self.parts.watermark.revision();
        self.committed(self.committed_revision);
    }
}
