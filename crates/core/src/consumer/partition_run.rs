//! One partition while it is subscribed: its tasks, from the first message to the release.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};

use super::consumer_events::ConsumerEvents;
use super::held_offset::HeldOffset;
use super::offset_committer::{CommitterParts, OffsetCommitter};
use super::partition_opening::{OwnedPartition, PartitionHome};
use super::partition_reader::{PartitionReader, ReaderParts};
use super::partition_set::{EndedPartition, PartitionEnd, PartitionSet};
use super::partition_worker::{Control, PartitionWorker, WorkerEnd, WorkerParts};
use super::record_handler::RecordHandler;
use super::retry_policy::RetryPolicy;
use super::shared_watermark::SharedWatermark;
use super::source_sign::SourceSign;
use super::stall_watch::PartitionControls;
use super::subscription::SubscriptionParts;
use super::watermark::Watermark;
use crate::dead_letter::QueueParts;
use crate::error::{Error, Result};
use crate::error_code::ErrorCode;
use crate::feed::Joined;
use crate::feed::partition_buffer::PartitionBuffer;
use crate::group::Lease;
use crate::observe::consumer_event::{ConsumerEvent, RevokedReason};
use crate::observe::log::Logger;
use crate::runtime::backoff::Backoff;
use crate::runtime::{clock, random};
use crate::store::contract::{Claim, OffsetKey, Store};

/// A partition that was left is given back within this time, if the server lets us; the grace period of a shutdown may
/// end sooner.
const LAST_WRITES_WITHIN: Duration = Duration::from_secs(30);
const RETRY_AFTER: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// Starts the tasks of one partition.
pub(super) struct PartitionLaunch<'a> {
    pub(super) parts: &'a SubscriptionParts,
    pub(super) home: &'a PartitionHome,
    pub(super) partition: &'a OwnedPartition,
    pub(super) buffer: Arc<PartitionBuffer>,
    pub(super) joined: Option<Joined>,
    pub(super) sign: SourceSign,
    pub(super) controls: PartitionControls,
    pub(super) lease: Lease,
    pub(super) may_begin: watch::Receiver<bool>,
    pub(super) control: watch::Receiver<Control>,
}

impl PartitionLaunch<'_> {
    pub(super) fn start(self) -> OffsetCommitter {
        let (parts, claim) = (self.parts, &self.partition.claim);
        let commit_schedule = parts.handler_config.commit_schedule(&parts.config);
        let stored = self.partition.checkpoint();
        let watermark = Arc::new(SharedWatermark::new(Watermark::new(stored.clone())));
        let committer = OffsetCommitter::start(
            CommitterParts {
                key: claim.key.clone(),
                offset: HeldOffset::new(
                    Arc::clone(&parts.store),
                    claim.clone(),
                    stored.clone(),
                    parts.logger.clone(),
                ),
                watermark: Arc::clone(&watermark),
                committed: stored,
                schedule: commit_schedule,
                pacer: parts.commit_pacer.clone(),
                events: parts.events.clone(),
                logger: parts.logger.clone(),
            },
            &self.home.commits,
        );
        let dead_letter_retention_ms = parts.config.dead_letter_retention_ms;
        let redrives = self.home.redrives.queue(QueueParts {
            store: Arc::clone(&parts.store),
            claim: claim.clone(),
            collection: Arc::clone(&self.partition.collection),
            retention_ms: dead_letter_retention_ms,
            logger: parts.logger.clone(),
        });
        let config = &parts.handler_config;
        let worker = WorkerParts {
            key: claim.key.clone(),
            buffer: Arc::clone(&self.buffer),
            feed: parts.feed.clone(),
            handler: Arc::clone(&parts.handler),
            watermark,
            committer: committer.clone(),
            commit_schedule,
            retry_policy: RetryPolicy {
                max_retries: config.max_retries,
                retry_delay: Duration::from_millis(config.retry_delay_ms),
                backoff: config.retry_backoff,
                max_retry_delay: Duration::from_millis(config.max_retry_delay_ms),
            },
            handler_timeout: Duration::from_millis(config.handler_timeout_ms),
            concurrency: config.concurrency as usize,
            batch: config.batch,
            redrives,
            dead_letter_retention_ms,
            until: parts.config.until.clone(),
            set: self.home.set.clone(),
            suspect_turn: Arc::clone(&parts.suspect_turn),
            control: self.control,
            lease: self.lease,
            may_begin: self.may_begin,
            progress: parts.progress.clone(),
            events: parts.events.clone(),
            logger: parts.logger.clone(),
        };
        let worker = PartitionWorker::new(worker, self.partition.inheritance());
        let reader = PartitionReader::new(
            ReaderParts {
                store: Arc::clone(&parts.store),
                feed: parts.feed.clone(),
                key: claim.key.clone(),
                collection: Arc::clone(&self.partition.collection),
                buffer: self.buffer,
                turns: Arc::clone(&parts.catch_up_turns),
                batch_size: parts.config.options.batch_size,
                max_await: Duration::from_millis(parts.config.options.max_await_time_ms),
                on_expired: parts.config.on_expired,
                sign: self.sign,
                read_anew: Arc::clone(&self.controls.read_anew),
                events: parts.events.clone(),
                logger: parts.logger.clone(),
            },
            self.partition.start.clone(),
        );
        let ending = PartitionEnding {
            store: Arc::clone(&parts.store),
            claim: claim.clone(),
            handler: Arc::clone(&parts.handler),
            committer: committer.clone(),
            set: self.home.set.clone(),
            awaits_revoked: parts.handler_config.awaits_revoked.then(|| parts.handover_timeout()),
            give_up: self.controls.give_up,
            events: parts.events.clone(),
            logger: parts.logger.clone(),
        };
        self.home.partitions.spawn("partition", run_partition(worker, reader, self.joined, ending));
        committer
    }
}

/// What is needed when a partition ends.
struct PartitionEnding {
    store: Arc<dyn Store>,
    claim: Claim,
    handler: Arc<dyn RecordHandler>,
    committer: OffsetCommitter,
    set: PartitionSet,
    /// How long the user is waited for when he is told.
    awaits_revoked: Option<Duration>,
    give_up: Arc<Notify>,
    events: ConsumerEvents,
    logger: Logger,
}

/// The reader runs as long as the worker does. When reading fails for good the partition ends, loudly, because its
/// next message is not known; what is being handled is finished before.
async fn run_partition(
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
        let mut backoff = Backoff::new(RETRY_AFTER.0, RETRY_AFTER.1);
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
