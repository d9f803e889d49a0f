//! The offset document of a partition in the hands of a transaction of the user's.

use bson::{Binary, Bson, RawDocumentBuf};
use tokio::sync::oneshot;

use crate::error::{Error, Result};

/// What became of the transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TransactionOutcome {
    /// It is committed.
    Committed,
    /// It is aborted, or never wrote the offset.
    Aborted,
    /// Its write of the offset has found nothing: the partition may be lost. It is aborted.
    Refused,
    /// It may be committed, or still be open: the answer got lost. It was in this session, if that is known.
    Unknown(Option<Binary>),
}

/// A commit that a transaction of the user's makes. Nobody else writes the offset document until it is given back.
#[derive(Debug)]
pub struct OffsetLoan {
    /// The statement (`q`, `u`) of an `update` command, to be the last write of the transaction.
    pub update: RawDocumentBuf,
    outcome: oneshot::Sender<TransactionOutcome>,
    is_committed: oneshot::Receiver<Result<bool>>,
}

/// What a loan is asked for with.
#[derive(Debug)]
pub(super) struct LoanRequest {
    /// Messages that are finished if the transaction commits: number and id, in the order of the numbers.
    pub(super) finished: Vec<(u64, Option<Bson>)>,
    pub(super) lent: oneshot::Sender<Result<OffsetLoan>>,
}

/// The lender's side.
pub(super) struct LentOffset {
    /// Dropped without a word: nothing is known.
    pub(super) outcome: oneshot::Receiver<TransactionOutcome>,
    pub(super) is_committed: oneshot::Sender<Result<bool>>,
}

impl OffsetLoan {
    pub(super) fn new(update: RawDocumentBuf) -> (Self, LentOffset) {
        let (outcome, outcome_receiver) = oneshot::channel();
        let (is_committed_sender, is_committed) = oneshot::channel();
        let lent = LentOffset { outcome: outcome_receiver, is_committed: is_committed_sender };
        (Self { update, outcome, is_committed }, lent)
    }

    /// Says what became of the transaction. Resolves to whether it is committed, which is found out if it is not known.
    /// Fails if the partition is lost.
    pub async fn give_back(self, outcome: TransactionOutcome) -> Result<bool> {
        // A lender that has gone does not answer.
        let _ = self.outcome.send(outcome);
        self.is_committed.await.unwrap_or_else(|_| Err(Error::closed("the consumer")))
    }
}
