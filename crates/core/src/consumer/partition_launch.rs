//! What the tasks of a partition are made of, and their start.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::held_offset::HeldOffset;
use super::offset_committer::{CommitterParts, OffsetCommitter};
use super::partition_opening::{OwnedPartition, PartitionHome};
use super::partition_reader::{PartitionReader, ReaderParts};
use super::partition_run::{PartitionEnding, run_partition};
use super::partition_worker::{Control, PartitionWorker, WorkerParts};
use super::retry_policy::RetryPolicy;
use super::shared_watermark::SharedWatermark;
use super::source_sign::SourceSign;
use super::stall_watch::PartitionControls;
use super::subscription::SubscriptionParts;
use super::watermark::Watermark;
use crate::config::CommitSchedule;
use crate::dead_letter::{QueueParts, RedriveQueue};
use crate::feed::Joined;
use crate::feed::partition_buffer::PartitionBuffer;
use crate::group::Lease;

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
        let watermark = Arc::new(SharedWatermark::new(Watermark::new(self.partition.checkpoint())));
        let committer =
            OffsetCommitter::start(self.committer_parts(Arc::clone(&watermark)), &self.home.commits);
        let worker = self.worker_parts(watermark, committer.clone());
        let worker = PartitionWorker::new(worker, self.partition.inheritance());
        let reader = PartitionReader::new(self.reader_parts(), self.partition.start.clone());
        let ending = self.ending(committer.clone());
        self.home.partitions.spawn("partition", run_partition(worker, reader, self.joined, ending));
        committer
    }

    fn commit_schedule(&self) -> CommitSchedule {
        self.parts.handler_config.commit_schedule(&self.parts.config)
    }

    fn committer_parts(&self, watermark: Arc<SharedWatermark>) -> CommitterParts {
        let (parts, claim, stored) = (self.parts, &self.partition.claim, self.partition.checkpoint());
        let (store, logger) = (Arc::clone(&parts.store), parts.logger.clone());
        CommitterParts {
            key: claim.key.clone(),
            offset: HeldOffset::new(store, claim.clone(), stored.clone(), logger),
            watermark,
            committed: stored,
            schedule: self.commit_schedule(),
            pacer: parts.commit_pacer.clone(),
            events: parts.events.clone(),
            logger: parts.logger.clone(),
        }
    }

    fn worker_parts(&self, watermark: Arc<SharedWatermark>, committer: OffsetCommitter) -> WorkerParts {
        let parts = self.parts;
        let config = &parts.handler_config;
        WorkerParts {
            key: self.partition.claim.key.clone(),
            buffer: Arc::clone(&self.buffer),
            feed: parts.feed.clone(),
            handler: Arc::clone(&parts.handler),
            watermark,
            committer,
            commit_schedule: self.commit_schedule(),
            retry_policy: RetryPolicy {
                max_retries: config.max_retries,
                retry_delay: Duration::from_millis(config.retry_delay_ms),
                backoff: config.retry_backoff,
                max_retry_delay: Duration::from_millis(config.max_retry_delay_ms),
            },
            handler_timeout: Duration::from_millis(config.handler_timeout_ms),
            concurrency: config.concurrency as usize,
            batch: config.batch,
            redrives: self.redrives(),
            dead_letter_retention_ms: parts.config.dead_letter_retention_ms,
            until: parts.config.until.clone(),
            set: self.home.set.clone(),
            suspect_turn: Arc::clone(&parts.suspect_turn),
            control: self.control.clone(),
            lease: self.lease.clone(),
            may_begin: self.may_begin.clone(),
            progress: parts.progress.clone(),
            events: parts.events.clone(),
            logger: parts.logger.clone(),
        }
    }

    fn redrives(&self) -> RedriveQueue {
        let parts = self.parts;
        self.home.redrives.queue(QueueParts {
            store: Arc::clone(&parts.store),
            claim: self.partition.claim.clone(),
            collection: Arc::clone(&self.partition.collection),
            retention_ms: parts.config.dead_letter_retention_ms,
            logger: parts.logger.clone(),
        })
    }

    fn reader_parts(&self) -> ReaderParts {
        let parts = self.parts;
        ReaderParts {
            store: Arc::clone(&parts.store),
            feed: parts.feed.clone(),
            key: self.partition.claim.key.clone(),
            collection: Arc::clone(&self.partition.collection),
            buffer: Arc::clone(&self.buffer),
            turns: Arc::clone(&parts.catch_up_turns),
            batch_size: parts.config.options.batch_size,
            max_await: Duration::from_millis(parts.config.options.max_await_time_ms),
            on_expired: parts.config.on_expired,
            sign: self.sign.clone(),
            read_anew: Arc::clone(&self.controls.read_anew),
            events: parts.events.clone(),
            logger: parts.logger.clone(),
        }
    }

    fn ending(&self, committer: OffsetCommitter) -> PartitionEnding {
        let parts = self.parts;
        PartitionEnding {
            store: Arc::clone(&parts.store),
            claim: self.partition.claim.clone(),
            handler: Arc::clone(&parts.handler),
            committer,
            set: self.home.set.clone(),
            awaits_revoked: parts.handler_config.awaits_revoked.then(|| parts.handover_timeout()),
            give_up: Arc::clone(&self.controls.give_up),
            events: parts.events.clone(),
            logger: parts.logger.clone(),
        }
    }
}
