//! One partition while it is subscribed, from the first message to the release.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use super::consumer_events::ConsumerEvents;
use super::offset_committer::OffsetCommitter;
use super::partition_reader::PartitionReader;
use super::partition_set::{EndedPartition, PartitionEnd, PartitionSet};
use super::partition_worker::{PartitionWorker, WorkerEnd};
use super::record_handler::RecordHandler;
use crate::error::{Error, Result};
use crate::error_code::ErrorCode;
use crate::feed::Joined;
use crate::observe::consumer_event::{ConsumerEvent, RevokedReason};
use crate::observe::log::Logger;
use crate::runtime::backoff::Backoff;
use crate::runtime::{clock, random};
use crate::store::contract::{Claim, OffsetKey, Store};

/// A partition that was left is given back within this time, if the server lets us; the grace period of a shutdown may
/// end sooner.
const LAST_WRITES_WITHIN: Duration = Duration::from_secs(30);

/// What is needed when a partition ends.
pub(super) struct PartitionEnding {
    pub(super) store: Arc<dyn Store>,
    pub(super) claim: Claim,
    pub(super) handler: Arc<dyn RecordHandler>,
    pub(super) committer: OffsetCommitter,
    pub(super) set: PartitionSet,
    /// How long the user is waited for when he is told.
    pub(super) awaits_revoked: Option<Duration>,
    pub(super) give_up: Arc<Notify>,
    pub(super) events: ConsumerEvents,
    pub(super) logger: Logger,
}

/// The reader runs as long as the worker does. When reading fails for good the partition ends, loudly, because its
/// next message is not known; what is being handled is finished before.
pub(super) async fn run_partition(
    mut worker: PartitionWorker,
    reader: PartitionReader,
    joined: Option<Joined>,
    ending: PartitionEnding,
) {
    let end = tokio::select! {
        biased;
        end = worker.run() => Ok(end),
        error = reader.run(joined) => Err(error),
        () = ending.give_up.notified() => Err(stalled(&ending.claim.key)),
    };
    let end = match end {
        Ok(end) => Ok(end),
        Err(error) => match worker.drain().await {
            WorkerEnd::Fenced => Ok(WorkerEnd::Fenced),
            WorkerEnd::Closed | WorkerEnd::HandlerGone => Err(error),
        },
    };
    // What it waited for, the committer does without it from here on.
    drop(worker);
    ending.finish(end).await;
}

impl PartitionEnding {
    async fn finish(self, end: std::result::Result<WorkerEnd, Error>) {
        let key = &self.claim.key;
        let is_revoked = self.set.is_revoked(key.partition);
        let (end, reason) = match end {
            Ok(WorkerEnd::Fenced) => {
                self.logger.warn(|| format!("{:?}", lease_lost(key)));
                (PartitionEnd::Fenced, RevokedReason::LeaseLost)
            }
            Ok(WorkerEnd::Closed) if is_revoked => (PartitionEnd::Released, RevokedReason::Rebalanced),
            Ok(WorkerEnd::Closed) => (PartitionEnd::Released, RevokedReason::Unsubscribed),
            Ok(WorkerEnd::HandlerGone) => (PartitionEnd::HandlerGone, RevokedReason::Unsubscribed),
            Err(error) => {
                // Before the user is told, who may ask at once whether the consumer is still subscribed.
                self.set.ends(key.partition, PartitionEnd::Failed);
                self.report(&error.on_topic(&key.topic).on_partition(key.partition).in_group(&key.group_id));
                (PartitionEnd::Failed, RevokedReason::Failed)
            }
        };
        self.set.ends(key.partition, end);
        let (end, reason) = match end {
            PartitionEnd::Fenced => {
                self.tell(reason).await;
                (end, reason)
            }
            _ => self.leave_in_time(end, reason).await,
        };
        self.revoked(reason);
        self.set.has_ended(EndedPartition { partition: key.partition, end });
    }

    /// How it ends in the end: that somebody else has it may show only now.
    async fn leave_in_time(&self, end: PartitionEnd, reason: RevokedReason) -> (PartitionEnd, RevokedReason) {
        match clock::timeout(self.longest_end(), self.leave(reason)).await {
            Some(false) if end == PartitionEnd::Released => (PartitionEnd::Fenced, RevokedReason::LeaseLost),
            Some(true | false) => (end, reason),
            None => {
                let key = &self.claim.key;
                self.logger.error(|| {
                    format!(
                        "{key} could not be left in good order: its last messages will be delivered again"
                    )
                });
                (end, reason)
            }
        }
    }

    fn longest_end(&self) -> Duration {
        LAST_WRITES_WITHIN + self.awaits_revoked.unwrap_or_default()
    }

    /// Lets the user have his say.
    async fn tell(&self, reason: RevokedReason) {
        let Some(limit) = self.awaits_revoked else { return };
        let partition = self.claim.key.partition;
        if clock::timeout(limit, self.handler.revoked(partition, reason)).await.is_none() {
            self.logger.warn(|| format!("onRevoked for partition {partition} did not end in time; going on"));
        }
    }

    /// Stores what is finished and gives the partition back, however long the server takes. Whether it was still this
    /// member's.
    async fn leave(&self, reason: RevokedReason) -> bool {
        let key = &self.claim.key;
        // Also when commits are the user's: without a crash nothing that is handled is delivered again.
        let flushed = self.persist(|| self.committer.flush_everything()).await;
        if let Err(error) = &flushed {
            self.logger.error(|| {
                format!("last commit of {key} failed, its messages will be delivered again: {error:?}")
            });
        }
        let is_lost = flushed.is_err_and(|error| error.code() == ErrorCode::LeaseLost);
        self.tell(if is_lost { RevokedReason::LeaseLost } else { reason }).await;
        if let Err(error) = self.persist(|| self.store.release_offset(&self.claim, 0)).await {
            self.logger.warn(|| format!("{key} could not be released: {error:?}"));
        }
        !is_lost
    }

    /// Tries as long as it may help.
    async fn persist<T, F: Future<Output = Result<T>>>(&self, write: impl Fn() -> F) -> Result<T> {
        let mut backoff = Backoff::of_store_calls();
        loop {
            match write().await {
                Err(error) if error.is_retryable() => {
                    clock::sleep(backoff.next_delay(random::next_u32())).await;
                }
                outcome => return outcome,
            }
        }
    }

    fn revoked(&self, reason: RevokedReason) {
        self.events.emit(|| ConsumerEvent::Revoked { partition: self.claim.key.partition, reason });
    }

    fn report(&self, error: &Error) {
        self.logger.error(|| format!("{} ended: {error:?}", self.claim.key));
        self.events.emit(|| ConsumerEvent::Failed(error.clone()));
        self.handler.consumer_failed(error);
    }
}

fn stalled(key: &OffsetKey) -> Error {
    Error::new(
        ErrorCode::Stalled,
        format!("{key}: the deployment answers, but nothing came for minutes over new streams; given up"),
    )
}

pub(super) fn lease_lost(key: &OffsetKey) -> Error {
    Error::new(
        ErrorCode::LeaseLost,
        format!(
            "{key}: another member of the group has taken the partition over, or its offset was set anew"
        ),
    )
    .on_topic(&key.topic)
    .on_partition(key.partition)
    .in_group(&key.group_id)
}
