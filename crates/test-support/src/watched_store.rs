//! A store before another one: somebody hears of calls before they reach it, and of what took effect.

use std::sync::Arc;

use async_trait::async_trait;
use bson::RawDocumentBuf;
use csb_core::consumer::checkpoint::{Checkpoint, MessageAttempts};
use csb_core::consumer::position::Position;
use csb_core::dead_letter::DeadLetter;
use csb_core::error::Result;
use csb_core::feed::stream_token::ClusterTime;
use csb_core::store::contract::{
    AppendFailure, Claim, CommitOutcome, FeedCursor, FeedRequest, HistoryRange, OffsetKey, OffsetRecord,
    RetentionIndex, RetentionStats, Store, StoredOffset, Topic,
};

mod effect;
mod groups;
mod letters;
mod transactions;

pub use effect::StoreEffect;

/// Calls of which a watcher hears before they reach the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StoreCall {
    /// `commit_offset`
    Commit,
    /// `record_attempts`
    Attempts,
    /// `commit_dead_letter`
    DeadLetter,
    /// `forget_unclean_ends`
    Forget,
    /// `release_offset`
    Release,
    /// `reset_offset`
    Reset,
    /// `beat`
    Beat,
    /// `change_member`
    ChangeMember,
}

/// Hears of what goes to a store, and may be in its way.
#[async_trait]
pub trait StoreWatcher: Send + Sync + 'static {
    /// A call is about to reach the store, under this claim if it needs one. It does not while this has not ended, and
    /// never if this fails.
    async fn before(&self, _: StoreCall, _: Option<&Claim>) -> Result<()> {
        Ok(())
    }

    /// Something took effect. If this fails, whoever called gets this error for an answer.
    fn after(&self, _: StoreEffect<'_>) -> Result<()> {
        Ok(())
    }

    /// Whether closing reaches the store.
    fn closes(&self) -> bool {
        true
    }
}

/// The store in front. Everything that its watcher does not care about passes.
pub struct WatchedStore {
    inner: Arc<dyn Store>,
    watcher: Arc<dyn StoreWatcher>,
}

impl WatchedStore {
    /// Puts a watcher before a store.
    pub fn new(inner: Arc<dyn Store>, watcher: Arc<dyn StoreWatcher>) -> Arc<Self> {
        Arc::new(Self { inner, watcher })
    }
}

#[async_trait]
impl Store for WatchedStore {
    async fn connect(&self) -> Result<()> {
        self.inner.connect().await
    }

    async fn renew_client(&self) -> Result<()> {
        self.inner.renew_client().await
    }

    async fn close(&self) {
        if self.watcher.closes() {
            self.inner.close().await;
        }
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

    async fn append(&self, collection: &str, messages: &[RawDocumentBuf]) -> Result<Vec<AppendFailure>> {
        let failures = self.inner.append(collection, messages).await?;
        self.watcher.after(StoreEffect::Appended { collection, messages, failures: &failures })?;
        Ok(failures)
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

    async fn claim_offset_after(
        &self,
        key: &OffsetKey,
        owner: &str,
        epoch: Option<i64>,
    ) -> Result<Option<StoredOffset>> {
        let claimed = self.inner.claim_offset_after(key, owner, epoch).await?;
        if let Some(offset) = &claimed {
            self.watcher.after(StoreEffect::Claimed { offset })?;
        }
        Ok(claimed)
    }

    async fn group_birth(&self, group_id: &str, topic: &str) -> Result<Option<ClusterTime>> {
        self.inner.group_birth(group_id, topic).await
    }

    async fn restore_offset(&self, claim: &Claim, checkpoint: &Checkpoint) -> Result<CommitOutcome> {
        let outcome = self.inner.restore_offset(claim, checkpoint).await?;
        self.watcher.after(StoreEffect::Restored { claim, checkpoint, outcome })?;
        Ok(outcome)
    }

    async fn commit_offset(&self, claim: &Claim, checkpoint: &Checkpoint) -> Result<CommitOutcome> {
        self.watcher.before(StoreCall::Commit, Some(claim)).await?;
        let outcome = self.inner.commit_offset(claim, checkpoint).await?;
        self.watcher.after(StoreEffect::Committed { claim, checkpoint, outcome })?;
        Ok(outcome)
    }

    async fn record_attempts(&self, claim: &Claim, attempts: &[MessageAttempts]) -> Result<CommitOutcome> {
        self.watcher.before(StoreCall::Attempts, Some(claim)).await?;
        let outcome = self.inner.record_attempts(claim, attempts).await?;
        self.watcher.after(StoreEffect::AttemptsStored { claim, attempts, outcome })?;
        Ok(outcome)
    }

    async fn forget_unclean_ends(&self, claim: &Claim) -> Result<CommitOutcome> {
        self.watcher.before(StoreCall::Forget, Some(claim)).await?;
        self.inner.forget_unclean_ends(claim).await
    }

    async fn release_offset(&self, claim: &Claim, unclean_ends: u32) -> Result<CommitOutcome> {
        self.watcher.before(StoreCall::Release, Some(claim)).await?;
        let outcome = self.inner.release_offset(claim, unclean_ends).await?;
        self.watcher.after(StoreEffect::Released { claim, outcome })?;
        Ok(outcome)
    }

    async fn commit_dead_letter(
        &self,
        claim: &Claim,
        checkpoint: &Checkpoint,
        dead_letter: &DeadLetter,
    ) -> Result<CommitOutcome> {
        self.watcher.before(StoreCall::DeadLetter, Some(claim)).await?;
        let outcome = self.inner.commit_dead_letter(claim, checkpoint, dead_letter).await?;
        self.watcher.after(StoreEffect::Buried { claim, checkpoint, dead_letter, outcome })?;
        Ok(outcome)
    }

    async fn list_offsets(&self, group_id: &str) -> Result<Vec<OffsetRecord>> {
        self.inner.list_offsets(group_id).await
    }

    async fn read_offset_record(&self, key: &OffsetKey) -> Result<Option<OffsetRecord>> {
        self.inner.read_offset_record(key).await
    }

    async fn reset_offset(&self, key: &OffsetKey, epoch: Option<i64>, position: &Position) -> Result<bool> {
        self.watcher.before(StoreCall::Reset, None).await?;
        self.inner.reset_offset(key, epoch, position).await
    }

    async fn write_offset_record(&self, record: &OffsetRecord) -> Result<()> {
        self.inner.write_offset_record(record).await
    }
}
