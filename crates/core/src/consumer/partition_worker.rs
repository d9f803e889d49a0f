//! The loop of one partition: take messages, have them handled, advance, commit.
//!
//! Messages are handled in order and one at a time, also while one of them is tried again. Nothing here decides
//! alone: the retry policy says what follows a failure, the committer when a position is stored.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bson::DateTime;
use tokio::sync::{mpsc, watch};

use super::delivery_policy::{AfterFailure, RetryPolicy};
use super::offset_committer::OffsetCommitter;
use super::position::Position;
use super::record_handler::{DeliveredMessage, Delivery, DeliveryId, DeliveryReport, RecordHandler};
use super::subscription_progress::SubscriptionProgress;
use crate::config::CommitSchedule;
use crate::dead_letter::{DeadLetter, FailedAttempt, HandlerError};
use crate::feed::Feed;
use crate::feed::partition_buffer::{BufferedMessage, PartitionBuffer};
use crate::observe::log::Logger;
use crate::record::record_layout;
use crate::runtime::clock;
use crate::store::contract::OffsetKey;

/// Messages of one delivery at most: many enough that crossing into the user's language costs little, few enough
/// that a stop or a pause is heard soon.
const MOST_MESSAGES: usize = 256;
const MOST_BYTES: usize = 1 << 20;
/// An idle partition moves its offset on this often, so that it does not age out of the oplog.
const IDLE_ADVANCE: Duration = Duration::from_mins(1);

/// What a subscription wants its workers to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Control {
    Run,
    Pause,
    Close,
}

/// What a worker works with.
pub(super) struct WorkerParts {
    pub(super) key: OffsetKey,
    pub(super) buffer: Arc<PartitionBuffer>,
    pub(super) feed: Feed,
    pub(super) handler: Arc<dyn RecordHandler>,
    pub(super) committer: OffsetCommitter,
    pub(super) commit_schedule: CommitSchedule,
    pub(super) retry_policy: RetryPolicy,
    pub(super) control: watch::Receiver<Control>,
    pub(super) progress: SubscriptionProgress,
    pub(super) logger: Logger,
}

/// Why a worker ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WorkerEnd {
    /// It was told to.
    Closed,
    /// Another member owns the partition.
    Fenced,
    /// The embedder takes no more deliveries.
    HandlerGone,
}

pub(super) struct PartitionWorker {
    parts: WorkerParts,
    /// Taken from the buffer, not finished; the first one is being tried.
    pending: VecDeque<BufferedMessage>,
    /// Failed attempts of the first one.
    attempts: Vec<FailedAttempt>,
}

enum Outcome {
    Continue,
    End(WorkerEnd),
}

impl PartitionWorker {
    pub(super) fn new(parts: WorkerParts) -> Self {
        Self { parts, pending: VecDeque::new(), attempts: Vec::new() }
    }

    pub(super) async fn run(mut self) -> WorkerEnd {
        loop {
            let control = *self.parts.control.borrow_and_update();
            let outcome = match control {
                Control::Close => return WorkerEnd::Closed,
                Control::Pause => self.wait_for_control().await,
                Control::Run if self.pending.is_empty() => self.wait_for_messages().await,
                Control::Run => self.deliver().await,
            };
            if let Outcome::End(end) = outcome {
                return end;
            }
        }
    }

    async fn wait_for_control(&mut self) -> Outcome {
        tokio::select! {
            changed = self.parts.control.changed() => match changed {
                Ok(()) => Outcome::Continue,
                Err(_) => Outcome::End(WorkerEnd::Closed),
            },
            () = self.parts.committer.fenced() => Outcome::End(WorkerEnd::Fenced),
        }
    }

    async fn wait_for_messages(&mut self) -> Outcome {
        tokio::select! {
            biased;
            changed = self.parts.control.changed() => match changed {
                Ok(()) => Outcome::Continue,
                Err(_) => Outcome::End(WorkerEnd::Closed),
            },
            () = self.parts.committer.fenced() => Outcome::End(WorkerEnd::Fenced),
            messages = self.parts.buffer.take(MOST_MESSAGES, MOST_BYTES) => {
                self.pending.extend(messages);
                Outcome::Continue
            }
            () = clock::sleep(IDLE_ADVANCE) => {
                self.advance_idle();
                Outcome::Continue
            }
        }
    }

    /// Everything up to the feed's frontier is finished if nothing of it is left in the buffer.
    fn advance_idle(&self) {
        let frontier = self.parts.feed.frontier();
        if self.parts.commit_schedule == CommitSchedule::Manual || !self.parts.buffer.is_live_and_empty() {
            return;
        }
        // 1.4.2 resumes a stream over one collection, which works from a token that names no event.
        if let Some(after) = frontier.filter(crate::feed::stream_token::StreamToken::is_high_water_mark) {
            self.parts.committer.advance(Position::Stream { after });
        }
    }

    async fn deliver(&mut self) -> Outcome {
        let id = DeliveryId::next();
        let (reports, received) = mpsc::unbounded_channel();
        let handler = Arc::clone(&self.parts.handler);
        let delivered = match self.delivery(id) {
            Ok(delivery) => {
                let delivered = delivery.messages.len();
                handler.deliver(delivery, reports);
                delivered
            }
            Err(unreadable) => return self.give_up(unreadable).await,
        };
        match self.follow_delivery(id, delivered, received).await {
            DeliveryEnd::Finished => Outcome::Continue,
            DeliveryEnd::Failed(error) => self.after_failure(id, error).await,
            DeliveryEnd::HandlerGone => Outcome::End(WorkerEnd::HandlerGone),
        }
    }

    /// The messages as far as they can be read. `Err` if the first one cannot: trying again would not help.
    fn delivery(&self, id: DeliveryId) -> Result<Delivery<'_>, HandlerError> {
        let mut messages = Vec::with_capacity(self.pending.len());
        for pending in &self.pending {
            match record_layout::decode(&pending.document) {
                Ok(stored) => messages.push(DeliveredMessage { token: pending.after.stream_token(), stored }),
                Err(error) if messages.is_empty() => {
                    return Err(HandlerError {
                        name: error.code().to_string(),
                        message: error.message().to_owned(),
                        stack: None,
                    });
                }
                Err(_) => break,
            }
        }
        let attempt = u32::try_from(self.attempts.len()).unwrap_or(u32::MAX).saturating_add(1);
        Ok(Delivery { id, partition: self.parts.key.partition, attempt, messages })
    }

    async fn follow_delivery(
        &mut self,
        id: DeliveryId,
        delivered: usize,
        mut reports: mpsc::UnboundedReceiver<DeliveryReport>,
    ) -> DeliveryEnd {
        let before = self.pending.len();
        let mut stopped = false;
        loop {
            tokio::select! {
                biased;
                report = reports.recv() => {
                    let handled = before - self.pending.len();
                    match report {
                        Some(DeliveryReport::Progress(count)) => self.finish(count.saturating_sub(handled)),
                        Some(DeliveryReport::Done) => {
                            self.finish(delivered.saturating_sub(handled));
                            return DeliveryEnd::Finished;
                        }
                        Some(DeliveryReport::Stopped(count)) => {
                            self.finish(count.saturating_sub(handled));
                            return DeliveryEnd::Finished;
                        }
                        Some(DeliveryReport::Failed { handled: count, error }) => {
                            self.finish(count.saturating_sub(handled));
                            return DeliveryEnd::Failed(error);
                        }
                        Some(DeliveryReport::ErrorHandlerFinished) => {}
                        None => return DeliveryEnd::HandlerGone,
                    }
                }
                changed = self.parts.control.changed(), if !stopped => {
                    if changed.is_err() || *self.parts.control.borrow_and_update() != Control::Run {
                        stopped = true;
                        self.parts.handler.stop(id);
                    }
                }
                () = self.parts.committer.fenced(), if !stopped => {
                    stopped = true;
                    self.parts.handler.stop(id);
                }
            }
        }
    }

    /// The first messages are finished.
    fn finish(&mut self, count: usize) {
        let Some(last) = count.checked_sub(1).and_then(|index| self.pending.get(index)) else { return };
        let position = last.after.clone();
        self.pending.drain(..count);
        self.attempts.clear();
        self.parts.progress.processed(&position);
        self.parts.committer.advance(position);
    }

    async fn after_failure(&mut self, id: DeliveryId, error: HandlerError) -> Outcome {
        self.attempts.push(FailedAttempt { error, at: DateTime::from_millis(clock::unix_millis()) });
        let decision = self.parts.retry_policy.after_failure(self.attempts.len());
        let attempt = u32::try_from(self.attempts.len()).unwrap_or(u32::MAX);
        self.parts.logger.warn(|| {
            let name = self.attempts.last().map_or("error", |attempt| attempt.error.name.as_str());
            format!("{}: attempt {attempt} of a message failed with {name}", self.parts.key)
        });
        let (reports, mut told) = mpsc::unbounded_channel();
        self.parts.handler.attempt_failed(id, attempt, decision != AfterFailure::GiveUp, reports);
        if told.recv().await.is_none() {
            return Outcome::End(WorkerEnd::HandlerGone);
        }
        match decision {
            AfterFailure::Retry(delay) => self.wait_for_retry(delay).await,
            AfterFailure::GiveUp => self.bury_first().await,
        }
    }

    async fn wait_for_retry(&mut self, delay: Duration) -> Outcome {
        tokio::select! {
            () = clock::sleep(delay) => Outcome::Continue,
            changed = self.parts.control.changed() => match changed {
                Ok(()) => Outcome::Continue,
                Err(_) => Outcome::End(WorkerEnd::Closed),
            },
            () = self.parts.committer.fenced() => Outcome::End(WorkerEnd::Fenced),
        }
    }

    async fn give_up(&mut self, error: HandlerError) -> Outcome {
        self.attempts.push(FailedAttempt { error, at: DateTime::from_millis(clock::unix_millis()) });
        self.bury_first().await
    }

    /// Moves the first message to the dead letters. Until that is stored the partition stays where it is.
    async fn bury_first(&mut self) -> Outcome {
        let Some(message) = self.pending.front() else { return Outcome::Continue };
        let letter = DeadLetter {
            key: self.parts.key.clone(),
            message: message.document.clone(),
            token: message.after.stream_token().cloned(),
            attempts: std::mem::take(&mut self.attempts),
            at: DateTime::from_millis(clock::unix_millis()),
        };
        let (attempts, position) = (letter.attempts.len(), message.after.clone());
        match self.parts.committer.bury(letter, position.clone()).await {
            Ok(()) => {
                self.parts.logger.error(|| {
                    format!(
                        "{}: gave a message up after {attempts} attempts; it is in dead_letters",
                        self.parts.key
                    )
                });
                self.pending.pop_front();
                self.parts.progress.processed(&position);
                Outcome::Continue
            }
            Err(_) => Outcome::End(WorkerEnd::Fenced),
        }
    }
}

enum DeliveryEnd {
    Finished,
    Failed(HandlerError),
    HandlerGone,
}
