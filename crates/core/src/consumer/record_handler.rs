//! The user's handler as the engine sees it. The embedder implements it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;

use crate::dead_letter::HandlerError;
use crate::error::Error;
use crate::feed::stream_token::StreamToken;
use crate::record::record_layout::StoredMessage;

/// While a delivery runs, its progress is reported at most this often, so that commits need not wait for its end.
pub const PROGRESS_INTERVAL: Duration = Duration::from_millis(5);

/// Names a delivery, in this process: a late report of a subscription that has ended must not pass for one of the
/// subscription after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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
}

/// Messages of one partition, in order.
pub struct Delivery<'a> {
    /// Names it in the reports.
    pub id: DeliveryId,
    /// Where the messages come from.
    pub partition: u32,
    /// Attempt of the first message, from 1. The others are tried for the first time.
    pub attempt: u32,
    /// At least one.
    pub messages: Vec<DeliveredMessage<'a>>,
}

/// What became of a delivery. Counts are of its messages, from the first.
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
        /// What was thrown.
        error: HandlerError,
    },
    /// The user has been told of a failed attempt.
    ErrorHandlerFinished,
}

/// Where the reports of one delivery go. Dropping it without a final report means that the handler is gone.
pub type ReportSender = mpsc::UnboundedSender<DeliveryReport>;

/// Runs user code. No method may block or wait: the reports say when something is finished.
pub trait RecordHandler: Send + Sync + 'static {
    /// Handles the messages one at a time, in order, and ends with exactly one final report.
    fn deliver(&self, delivery: Delivery<'_>, reports: ReportSender);

    /// Ends a delivery after the message that is being handled.
    fn stop(&self, id: DeliveryId);

    /// Tells the user that the first unhandled message of a delivery failed; reports when he has been told.
    fn attempt_failed(&self, id: DeliveryId, attempt: u32, will_retry: bool, reports: ReportSender);

    /// Tells the user of an error that belongs to no message, such as a partition that another member took over.
    fn consumer_failed(&self, error: &Error);
}
