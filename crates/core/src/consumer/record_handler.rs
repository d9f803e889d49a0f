//! The user's handler as the engine sees it. The embedder implements it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::{mpsc, oneshot};

use super::offset_loan::OffsetLoan;
use crate::dead_letter::HandlerError;
use crate::error::{Error, Result};
use crate::error_code::ErrorCode;
use crate::feed::stream_token::StreamToken;
use crate::observe::consumer_event::RevokedReason;
use crate::record::record_layout::StoredMessage;

/// While a delivery runs, its progress is reported at most this often, so that commits need not wait for its end.
pub const PROGRESS_INTERVAL: Duration = Duration::from_millis(5);

/// Names a delivery, in this process: a late report of a subscription that has ended must not pass for one of the
/// subscription after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeliveryId(pub u32);

impl DeliveryId {
    /// An id that no running delivery has.
    pub(super) fn next() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// A message as it is given to the handler.
pub struct DeliveredMessage<'a> {
    /// Its place in the stream; `None` for a message read from the stored history.
    pub token: Option<&'a StreamToken>,
    /// The message.
    pub stored: StoredMessage<'a>,
    /// From 1.
    pub attempt: u32,
    /// It may have been handled before: it was read again after the position was lost.
    pub possible_duplicate: bool,
    /// It is a dead letter that is delivered again because somebody asked for it.
    pub redriven: bool,
}

/// How the user's function is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryMode {
    /// Once per message, in order, one after the other.
    Each,
    /// Once, with all messages.
    Batch,
}

/// Messages of one partition, in order.
pub struct Delivery<'a> {
    /// Names it in the reports.
    pub id: DeliveryId,
    /// Where the messages come from.
    pub partition: u32,
    /// How the user's function is called.
    pub mode: DeliveryMode,
    /// At least one.
    pub messages: Vec<DeliveredMessage<'a>>,
}

/// Why the user's function failed.
#[derive(Debug, Clone)]
pub struct HandlerFailure {
    /// What was thrown.
    pub error: HandlerError,
    /// Whether another attempt makes sense, by the word of the user (`retryIf`).
    pub may_retry: bool,
    /// Its transaction was ended by the server, as when another one was faster. It is made again, and the attempt does
    /// not count, unless that goes on and on.
    pub is_transient: bool,
}

/// What became of a delivery. Counts and indexes are of its messages, from the first.
#[derive(Debug, Clone)]
pub enum DeliveryReport {
    /// So many are handled; the delivery goes on.
    Progress(usize),
    /// All are handled.
    Done,
    /// It ended early because it was told to; so many are handled.
    Stopped(usize),
    /// So many are handled; the next one failed.
    Failed {
        /// Messages before the failed one.
        handled: usize,
        /// Why.
        failure: HandlerFailure,
    },
    /// Of a batch these failed, by index; the others are handled.
    BatchFailed(Vec<(usize, HandlerFailure)>),
    /// The user has been told of a failed attempt.
    ErrorHandlerFinished,
    /// The handler is gone: nothing more will come.
    Gone,
}

/// Where the reports of one delivery go. Dropping it without a final report says that the handler is gone.
#[derive(Debug)]
pub struct Reports {
    id: DeliveryId,
    worker: mpsc::UnboundedSender<(DeliveryId, FromHandler)>,
    has_ended: bool,
}

/// What the worker of a partition hears of a delivery.
#[derive(Debug)]
pub enum FromHandler {
    /// What became of it.
    Report(DeliveryReport),
    /// A transaction is about to commit the effects on these messages, by index in ascending order, and wants to commit
    /// the offset, too.
    OffsetWanted {
        /// Indexes of the messages.
        finished: Vec<usize>,
        /// Gets the offset.
        lent: oneshot::Sender<Result<OffsetLoan>>,
    },
}

impl Reports {
    /// Reports of this delivery.
    pub fn new(id: DeliveryId, worker: mpsc::UnboundedSender<(DeliveryId, FromHandler)>) -> Self {
        Self { id, worker, has_ended: false }
    }

    /// Some more are handled; `handled` counts from the first message.
    pub fn progress(&self, handled: usize) {
        self.send(DeliveryReport::Progress(handled));
    }

    /// Borrows the offset for a transaction that handles these messages, by index in ascending order. Fails with
    /// `ERR_CSB_LEASE_LOST` if the partition is lost, or the delivery has ended otherwise.
    pub fn borrow_offset(
        &self,
        finished: Vec<usize>,
    ) -> impl Future<Output = Result<OffsetLoan>> + Send + use<> {
        let (lent, loan) = oneshot::channel();
        let _ = self.worker.send((self.id, FromHandler::OffsetWanted { finished, lent }));
        async move { loan.await.unwrap_or_else(|_| Err(no_offset())) }
    }

    /// The last report.
    pub fn end(mut self, report: DeliveryReport) {
        self.has_ended = true;
        self.send(report);
    }

    fn send(&self, report: DeliveryReport) {
        // The worker has gone when its grace period ended first.
        let _ = self.worker.send((self.id, FromHandler::Report(report)));
    }
}

/// There is nobody to lend it.
fn no_offset() -> Error {
    Error::new(ErrorCode::LeaseLost, "the delivery has ended, or another member has taken its partition over")
}

impl Drop for Reports {
    fn drop(&mut self) {
        if !self.has_ended {
            self.send(DeliveryReport::Gone);
        }
    }
}

/// A message of a delivery whose attempt failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailedMessage {
    /// The delivery.
    pub id: DeliveryId,
    /// Index of the message in it.
    pub index: usize,
    /// Failed attempts of the message so far, this one included.
    pub attempt: u32,
    /// Whether another attempt follows.
    pub will_retry: bool,
    /// Whether it is the last one of this delivery that the user is told of.
    pub is_last: bool,
}

/// Runs user code. No method may block or wait: the reports say when something is finished.
pub trait RecordHandler: Send + Sync + 'static {
    /// Handles the messages and ends with exactly one final report.
    fn deliver(&self, delivery: Delivery<'_>, reports: Reports);

    /// Ends a delivery after the message (of a batch: after all) being handled.
    fn stop(&self, id: DeliveryId);

    /// The call that is running has used up its time: the user's code is asked to end (`AbortSignal`). It may still
    /// succeed.
    ///
    /// It is the call after `handled` messages that is meant. If more have been reported meanwhile it has ended, and
    /// the one that is running now must not suffer for it: nothing is done.
    fn time_out(&self, id: DeliveryId, handled: usize);

    /// The call that is running did not end after it was asked to. It has to be reported as failed; what it comes to
    /// later is ignored. Said again, after a while, as long as no report comes. `handled` as for `time_out`.
    fn abandon(&self, id: DeliveryId, handled: usize);

    /// Another member may have the partition by now: the user's code is asked to end (`AbortSignal`).
    fn lease_lost(&self, _: DeliveryId) {}

    /// Tells the user that the consumer has these partitions now. Nothing of them is delivered before what is returned
    /// resolves, or has been waited for long enough. Asked only if the configuration of the handler says so.
    fn assigned(&self, _: &[u32]) -> BoxFuture<'static, ()> {
        async {}.boxed()
    }

    /// Tells the user that the consumer gives a partition up, or has lost it. It is given back when what is returned
    /// resolves, or has been waited for long enough. Asked only if the configuration of the handler says so.
    fn revoked(&self, _: u32, _: RevokedReason) -> BoxFuture<'static, ()> {
        async {}.boxed()
    }

    /// The delivery has ended with a failure that does not count: the user is not told.
    fn forgotten(&self, _: DeliveryId) {}

    /// Tells the user that an attempt failed; reports [`DeliveryReport::ErrorHandlerFinished`] when he has been told.
    fn attempt_failed(&self, failed: FailedMessage, reports: Reports);

    /// Answers as soon as user code could run.
    fn ping(&self, answer: oneshot::Sender<()>);

    /// Tells the user of an error that belongs to no message, such as a partition that another member took over.
    fn consumer_failed(&self, error: &Error);
}
