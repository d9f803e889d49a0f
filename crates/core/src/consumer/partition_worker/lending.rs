//! A transaction of the user's commits the offset of the messages that it handles.

use tokio::sync::oneshot;

use super::PartitionWorker;
use crate::consumer::in_flight::REDRIVEN;
use crate::consumer::offset_loan::{LoanRequest, OffsetLoan};
use crate::consumer::record_handler::DeliveryId;
use crate::consumer::watermark::message_id;
use crate::error::Result;
use crate::group::LeaseStatus;

impl PartitionWorker {
    /// Only what user code has in hand can be finished. Without an answer the transaction is not committed.
    pub(super) fn lend_offset(
        &mut self,
        id: DeliveryId,
        finished: &[usize],
        lent: oneshot::Sender<Result<OffsetLoan>>,
    ) {
        if self.parts.lease.status() != LeaseStatus::Held
            || self.end.is_some_and(|end| end != super::WorkerEnd::Closed)
        {
            return;
        }
        let Some(delivery) = self.running.get(&id).filter(|delivery| delivery.is_handling()) else { return };
        let numbers = finished.iter().filter_map(|index| delivery.messages.get(*index));
        // A letter is beside the messages of the partition: the offset stays, and is still what fences.
        let numbers = numbers.filter(|number| **number != REDRIVEN);
        let messages = numbers.filter_map(|number| {
            let message = self.in_flight.get(*number)?;
            Some((*number, message_id(&message.buffered.document)))
        });
        let mut finished: Vec<_> = messages.collect();
        finished.sort_unstable_by_key(|(number, _)| *number);
        self.parts.committer.lend(LoanRequest { finished, lent });
    }
}
