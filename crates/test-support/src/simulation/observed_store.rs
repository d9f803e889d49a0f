//! A store that writes down what takes effect in it, when it does.

use std::sync::Arc;

use async_trait::async_trait;
use bson::{RawDocument, RawDocumentBuf};
use csb_core::consumer::checkpoint::{Checkpoint, MessageAttempts};
use csb_core::consumer::position::Position;
use csb_core::dead_letter::DeadLetter;
use csb_core::error::Result;
use csb_core::feed::stream_token::ClusterTime;
use csb_core::record::record_layout;
use csb_core::store::contract::{
    AppendFailure, Claim, CommitOutcome, FeedCursor, FeedRequest, HistoryRange, OffsetKey, OffsetRecord,
    RetentionIndex, RetentionStats, Store, StoredOffset, Topic,
};

use super::event::{ClaimName, ClaimedPartition, Event, EventLog};
use super::plan::group_index;

/// Stands right before the real store, behind all faults.
pub(super) struct ObservedStore {
    pub(super) inner: Arc<dyn Store>,
    pub(super) events: EventLog,
}

impl ObservedStore {
    pub(super) fn new(inner: Arc<dyn Store>, events: EventLog) -> Arc<Self> {
        Arc::new(Self { inner, events })
    }
}

/// The number that a simulated message carries.
pub(super) fn number_of(document: &RawDocument) -> Option<i64> {
    let value = record_layout::decode(document).ok()?.value().ok()?;
    value.as_document()?.get_i64("n").ok()
}

fn name_of(claim: &Claim) -> ClaimName {
    let at = (group_index(&claim.key.group_id), claim.key.partition);
    ClaimName { at, owner: claim.owner.clone(), epoch: claim.epoch }
}

fn short(attempts: &[MessageAttempts]) -> Vec<(bson::Bson, u32, bool)> {
    attempts.iter().map(|one| (one.message_id.clone(), one.count(), one.in_flight)).collect()
}

fn is_accepted(outcome: CommitOutcome) -> bool {
    outcome == CommitOutcome::Committed
}

#[async_trait]
impl Store for ObservedStore {
    async fn append(&self, collection: &str, messages: &[RawDocumentBuf]) -> Result<Vec<AppendFailure>> {
        let failures = self.inner.append(collection, messages).await?;
        let is_stored = |index: &usize| failures.iter().all(|failure| failure.index != *index);
        let stored = (0..messages.len()).filter(is_stored);
        let numbers = stored.filter_map(|index| number_of(&messages[index])).collect();
        self.events.record(Event::Appended { collection: collection.to_owned(), numbers });
        Ok(failures)
    }

    async fn claim_offset_after(
        &self,
        key: &OffsetKey,
        owner: &str,
        epoch: Option<i64>,
    ) -> Result<Option<StoredOffset>> {
        let claimed = self.inner.claim_offset_after(key, owner, epoch).await?;
        let Some((offset, claim)) = claimed.as_ref().and_then(|offset| Some((offset, Claim::of(offset)?)))
        else {
            return Ok(claimed);
        };
        self.events.record(Event::Claimed(ClaimedPartition {
            claim: name_of(&claim),
            position: offset.position.clone(),
            finished_ahead: offset.finished_ahead.clone(),
            attempts: short(&offset.attempts),
        }));
        Ok(claimed)
    }

    async fn commit_offset(&self, claim: &Claim, checkpoint: &Checkpoint) -> Result<CommitOutcome> {
        let outcome = self.inner.commit_offset(claim, checkpoint).await?;
        self.events.record(Event::Committed {
            claim: name_of(claim),
            checkpoint: checkpoint.clone(),
            is_accepted: is_accepted(outcome),
        });
        Ok(outcome)
    }

    async fn restore_offset(&self, claim: &Claim, checkpoint: &Checkpoint) -> Result<CommitOutcome> {
        let outcome = self.inner.restore_offset(claim, checkpoint).await?;
        // The refusal before it was recorded.
        if is_accepted(outcome) {
            let (claim, checkpoint) = (name_of(claim), checkpoint.clone());
            self.events.record(Event::Committed { claim, checkpoint, is_accepted: true });
        }
        Ok(outcome)
    }

    async fn record_attempts(&self, claim: &Claim, attempts: &[MessageAttempts]) -> Result<CommitOutcome> {
        let outcome = self.inner.record_attempts(claim, attempts).await?;
        self.events.record(Event::AttemptsStored {
            claim: name_of(claim),
            attempts: short(attempts),
            is_accepted: is_accepted(outcome),
        });
        Ok(outcome)
    }

    async fn release_offset(&self, claim: &Claim, unclean_ends: u32) -> Result<CommitOutcome> {
        let outcome = self.inner.release_offset(claim, unclean_ends).await?;
        self.events.record(Event::Released { claim: name_of(claim), is_accepted: is_accepted(outcome) });
        Ok(outcome)
    }

    async fn commit_dead_letter(
        &self,
        claim: &Claim,
        checkpoint: &Checkpoint,
        dead_letter: &DeadLetter,
    ) -> Result<CommitOutcome> {
        let outcome = self.inner.commit_dead_letter(claim, checkpoint, dead_letter).await?;
        self.events.record(Event::Buried {
            claim: name_of(claim),
            number: number_of(&dead_letter.message).expect("a message of this run"),
            attempts: dead_letter.attempts.len(),
            checkpoint: checkpoint.clone(),
            is_accepted: is_accepted(outcome),
        });
        Ok(outcome)
    }

    async fn connect(&self) -> Result<()> {
        self.inner.connect().await
    }

    async fn close(&self) {
        self.inner.close().await;
    }

    async fn renew_client(&self) -> Result<()> {
        self.inner.renew_client().await
    }

    async fn load_topic(&self, name: &str) -> Result<Option<Topic>> {
        self.inner.load_topic(name).await
    }

    async fn save_topic(&self, topic: &Topic) -> Result<()> {
        self.inner.save_topic(topic).await
    }

    async fn prepare_partition(&self, collection: &str, retention_ms: u64) -> Result<()> {
        self.inner.prepare_partition(collection, retention_ms).await
    }

    async fn retention_index(&self, collection: &str) -> Result<Option<RetentionIndex>> {
        self.inner.retention_index(collection).await
    }

    async fn retention_stats(&self) -> Result<Vec<RetentionStats>> {
        self.inner.retention_stats().await
    }

    async fn sample_message(&self, collection: &str) -> Result<Option<RawDocumentBuf>> {
        self.inner.sample_message(collection).await
    }

    async fn open_feed(&self, request: FeedRequest) -> Result<Box<dyn FeedCursor>> {
        self.inner.open_feed(request).await
    }

    async fn read_history(
        &self,
        collection: &str,
        range: HistoryRange,
        as_of: Option<ClusterTime>,
        limit: u32,
    ) -> Result<Vec<RawDocumentBuf>> {
        self.inner.read_history(collection, range, as_of, limit).await
    }

    async fn count_history(&self, collection: &str, range: HistoryRange, most: u64) -> Result<u64> {
        self.inner.count_history(collection, range, most).await
    }

    async fn cluster_time(&self) -> Result<ClusterTime> {
        self.inner.cluster_time().await
    }

    async fn load_offset(&self, key: &OffsetKey) -> Result<Option<StoredOffset>> {
        self.inner.load_offset(key).await
    }

    async fn forget_unclean_ends(&self, claim: &Claim) -> Result<CommitOutcome> {
        self.inner.forget_unclean_ends(claim).await
    }

    async fn group_birth(&self, group_id: &str, topic: &str) -> Result<Option<ClusterTime>> {
        self.inner.group_birth(group_id, topic).await
    }

    async fn list_offsets(&self, group_id: &str) -> Result<Vec<OffsetRecord>> {
        self.inner.list_offsets(group_id).await
    }

    async fn read_offset_record(&self, key: &OffsetKey) -> Result<Option<OffsetRecord>> {
        self.inner.read_offset_record(key).await
    }

    async fn reset_offset(&self, key: &OffsetKey, epoch: Option<i64>, position: &Position) -> Result<bool> {
        self.inner.reset_offset(key, epoch, position).await
    }

    async fn write_offset_record(&self, record: &OffsetRecord) -> Result<()> {
        self.inner.write_offset_record(record).await
    }
}
