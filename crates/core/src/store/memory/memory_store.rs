//! [`MemoryStore`]: the verbs of [`Store`] on a shared [`Database`].

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bson::{DateTime, RawDocumentBuf};

use super::database::Database;
use super::memory_feed::MemoryFeed;
use super::registry;
use crate::consumer::checkpoint::{Checkpoint, MessageAttempts};
use crate::consumer::position::Position;
use crate::dead_letter::DeadLetter;
use crate::error::{Error, Result};
use crate::feed::stream_token::ClusterTime;
use crate::runtime::clock;
use crate::store::contract::{
    AppendFailure, Claim, CommitOutcome, FeedCursor, FeedRequest, HistoryRange, OffsetKey, OffsetRecord,
    RetentionIndex, RetentionStats, Store, StoredOffset, Topic,
};

/// A handle of an embedded database. The data ends with its last handle that is neither closed nor dropped.
pub struct MemoryStore {
    session: Arc<Session>,
}

/// What a handle and its feeds share: the database, until the handle is closed.
pub(super) struct Session {
    database: Mutex<Option<Arc<Database>>>,
}

impl MemoryStore {
    /// Opens the database of this process with this name (the part of `memory://name`) and database; makes it if
    /// nobody uses it now.
    pub fn open(name: &str, database: &str) -> Arc<Self> {
        let database = Mutex::new(Some(registry::open(name, database)));
        Arc::new(Self { session: Arc::new(Session { database }) })
    }

    /// Forgets every event so far, as an oplog does that has rolled over. The messages stay.
    pub fn forget_events(&self) -> Result<()> {
        self.database()?.state().forget_events(clock::unix_millis());
        Ok(())
    }

    /// Deletes the offset document of a partition, as an operator might.
    pub fn delete_offset(&self, key: &OffsetKey) -> Result<()> {
        self.database()?.state().offsets.delete(key);
        Ok(())
    }

    pub(super) fn database(&self) -> Result<Arc<Database>> {
        self.session.database()
    }
}

impl Session {
    pub(super) fn database(&self) -> Result<Arc<Database>> {
        self.database.lock().unwrap_or_else(PoisonError::into_inner).clone().ok_or_else(Self::closed)
    }

    pub(super) fn closed() -> Error {
        Error::closed("the broker")
    }

    fn close(&self) {
        let database = self.database.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(database) = database {
            database.wake_feeds();
        }
    }
}

fn now() -> DateTime {
    DateTime::from_millis(clock::unix_millis())
}

#[async_trait]
impl Store for MemoryStore {
    async fn connect(&self) -> Result<()> {
        self.database().map(drop)
    }

    /// There are no connections.
    async fn renew_client(&self) -> Result<()> {
        self.database().map(drop)
    }

    async fn close(&self) {
        self.session.close();
    }

    async fn load_topic(&self, name: &str) -> Result<Option<Topic>> {
        Ok(self.database()?.state().topics.load(name))
    }

    async fn save_topic(&self, topic: &Topic) -> Result<()> {
        self.database()?.state().topics.save(topic);
        Ok(())
    }

    async fn prepare_partition(&self, collection: &str, retention_ms: u64) -> Result<()> {
        self.database()?.state().collection(collection).keep_for(retention_ms);
        Ok(())
    }

    async fn retention_index(&self, collection: &str) -> Result<Option<RetentionIndex>> {
        let database = self.database()?;
        let mut state = database.state();
        let found = state.existing_collection(collection, clock::unix_millis());
        Ok(found.and_then(|found| found.retention_index(collection)))
    }

    async fn retention_stats(&self) -> Result<Vec<RetentionStats>> {
        Ok(self.database()?.state().stats(clock::unix_millis()))
    }

    async fn sample_message(&self, collection: &str) -> Result<Option<RawDocumentBuf>> {
        let database = self.database()?;
        let mut state = database.state();
        Ok(state.existing_collection(collection, clock::unix_millis()).and_then(|found| found.sample()))
    }

    async fn append(&self, collection: &str, messages: &[RawDocumentBuf]) -> Result<Vec<AppendFailure>> {
        Ok(self.database()?.append(collection, messages))
    }

    async fn open_feed(&self, request: FeedRequest) -> Result<Box<dyn FeedCursor>> {
        Ok(Box::new(MemoryFeed::open(Arc::clone(&self.session), request)?))
    }

    async fn read_history(
        &self,
        collection: &str,
        range: HistoryRange,
        as_of: Option<ClusterTime>,
        limit: u32,
    ) -> Result<Vec<RawDocumentBuf>> {
        Ok(self.database()?.state().read_history(collection, &range, as_of, limit, clock::unix_millis()))
    }

    async fn count_history(&self, collection: &str, range: HistoryRange, most: u64) -> Result<u64> {
        Ok(self.database()?.state().count_history(collection, &range, most, clock::unix_millis()))
    }

    async fn cluster_time(&self) -> Result<ClusterTime> {
        Ok(self.database()?.state().tick(clock::unix_millis()))
    }

    async fn load_offset(&self, key: &OffsetKey) -> Result<Option<StoredOffset>> {
        self.database()?.state().offsets.load(key)
    }

    async fn claim_offset_after(
        &self,
        key: &OffsetKey,
        owner: &str,
        epoch: Option<i64>,
    ) -> Result<Option<StoredOffset>> {
        let database = self.database()?;
        let mut state = database.state();
        let born_at = state.tick(clock::unix_millis());
        state.offsets.claim_after(key, (owner, epoch), born_at, now())
    }

    async fn group_birth(&self, group_id: &str, topic: &str) -> Result<Option<ClusterTime>> {
        Ok(self.database()?.state().offsets.birth(group_id, topic))
    }

    async fn restore_offset(&self, claim: &Claim, checkpoint: &Checkpoint) -> Result<CommitOutcome> {
        let database = self.database()?;
        let mut state = database.state();
        let born_at = state.tick(clock::unix_millis());
        Ok(state.offsets.restore(claim, checkpoint, born_at, now()))
    }

    async fn commit_offset(&self, claim: &Claim, checkpoint: &Checkpoint) -> Result<CommitOutcome> {
        Ok(self.database()?.state().offsets.commit(claim, checkpoint, now()))
    }

    async fn record_attempts(&self, claim: &Claim, attempts: &[MessageAttempts]) -> Result<CommitOutcome> {
        Ok(self.database()?.state().offsets.record_attempts(claim, attempts))
    }

    async fn forget_unclean_ends(&self, claim: &Claim) -> Result<CommitOutcome> {
        Ok(self.database()?.state().offsets.forget_unclean_ends(claim))
    }

    async fn release_offset(&self, claim: &Claim, unclean_ends: u32) -> Result<CommitOutcome> {
        Ok(self.database()?.state().offsets.release(claim, unclean_ends))
    }

    async fn commit_dead_letter(
        &self,
        claim: &Claim,
        checkpoint: &Checkpoint,
        dead_letter: &DeadLetter,
    ) -> Result<CommitOutcome> {
        Ok(self.database()?.state().commit_dead_letter(claim, checkpoint, dead_letter, now()))
    }

    async fn list_offsets(&self, group_id: &str) -> Result<Vec<OffsetRecord>> {
        self.database()?.state().offsets.list(group_id)
    }

    async fn read_offset_record(&self, key: &OffsetKey) -> Result<Option<OffsetRecord>> {
        self.database()?.state().offsets.read_record(key)
    }

    async fn reset_offset(&self, key: &OffsetKey, epoch: Option<i64>, position: &Position) -> Result<bool> {
        let database = self.database()?;
        let mut state = database.state();
        let born_at = state.tick(clock::unix_millis());
        state.offsets.reset(key, epoch, position, (born_at, now()))
    }

    async fn write_offset_record(&self, record: &OffsetRecord) -> Result<()> {
        self.database()?.state().offsets.write_record(record, now());
        Ok(())
    }
}

#[cfg(test)]
mod tests;
