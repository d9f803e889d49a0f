//! The `Store` of a MongoDB replica set: each verb in the file of the collection it works on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use bson::{Document, RawDocumentBuf, doc};
use tokio::sync::OnceCell;

use super::connection::{Connection, MongoSettings};
use super::joined_updates::JoinedUpdates;
use super::{
    change_stream, dead_letter_collection, member_collection, message_collection, message_insert,
    offset_collection, retention_index, topic_collection,
};
use crate::consumer::checkpoint::{Checkpoint, MessageAttempts};
use crate::consumer::position::Position;
use crate::dead_letter::DeadLetter;
use crate::error::{Error, Result};
use crate::feed::stream_token::ClusterTime;
use crate::store::contract::{
    AppendFailure, Claim, CommitOutcome, FeedCursor, FeedRequest, HistoryRange, OffsetKey, OffsetRecord,
    RetentionIndex, RetentionStats, Store, StoredOffset, Topic,
};

/// A store over one shared client.
pub struct MongoStore {
    connection: Connection,
    offset_index: OnceCell<()>,
    member_indexes: OnceCell<()>,
    letter_indexes: OnceCell<()>,
    offset_updates: JoinedUpdates,
    closed: AtomicBool,
}

impl MongoStore {
    /// Reads the connection string and sets the client up. Reaches no server, except for the DNS of `mongodb+srv`.
    pub async fn open(settings: &MongoSettings) -> Result<Arc<Self>> {
        let connection = Connection::open(settings).await?;
        Ok(Arc::new(Self {
            connection,
            offset_index: OnceCell::new(),
            member_indexes: OnceCell::new(),
            letter_indexes: OnceCell::new(),
            offset_updates: JoinedUpdates::default(),
            closed: AtomicBool::new(false),
        }))
    }

    pub(super) fn open_connection(&self) -> Result<&Connection> {
        if self.closed.load(Ordering::Acquire) {
            return Err(Error::closed("the broker"));
        }
        Ok(&self.connection)
    }

    async fn with_offset_index(&self) -> Result<&Connection> {
        let connection = self.open_connection()?;
        self.offset_index.get_or_try_init(|| offset_collection::ensure_index(connection)).await?;
        Ok(connection)
    }

    pub(super) async fn with_member_indexes(&self) -> Result<&Connection> {
        let connection = self.open_connection()?;
        self.member_indexes.get_or_try_init(|| member_collection::ensure_indexes(connection)).await?;
        Ok(connection)
    }

    pub(super) async fn with_letter_indexes(&self) -> Result<&Connection> {
        let connection = self.open_connection()?;
        self.letter_indexes.get_or_try_init(|| dead_letter_collection::ensure_indexes(connection)).await?;
        Ok(connection)
    }
}

#[async_trait]
impl Store for MongoStore {
    async fn connect(&self) -> Result<()> {
        self.open_connection()?.check().await?;
        // The check is open to everybody; this is refused without the right to read.
        self.cluster_time().await.map(drop)
    }

    async fn renew_client(&self) -> Result<()> {
        self.open_connection()?.renew()
    }

    async fn close(&self) {
        if !self.closed.swap(true, Ordering::AcqRel) {
            self.connection.close().await;
        }
    }

    async fn load_topic(&self, name: &str) -> Result<Option<Topic>> {
        topic_collection::load(self.open_connection()?, name).await
    }

    async fn save_topic(&self, topic: &Topic) -> Result<()> {
        topic_collection::save(self.open_connection()?, topic).await
    }

    async fn prepare_partition(&self, collection: &str, retention_ms: u64) -> Result<()> {
        retention_index::prepare(self.open_connection()?, collection, retention_ms).await
    }

    async fn retention_index(&self, collection: &str) -> Result<Option<RetentionIndex>> {
        retention_index::find(self.open_connection()?, collection).await
    }

    async fn retention_stats(&self) -> Result<Vec<RetentionStats>> {
        retention_index::stats(self.open_connection()?).await
    }

    async fn sample_message(&self, collection: &str) -> Result<Option<RawDocumentBuf>> {
        message_collection::sample(self.open_connection()?, collection).await
    }

    async fn append(&self, collection: &str, messages: &[RawDocumentBuf]) -> Result<Vec<AppendFailure>> {
        message_insert::append(self.open_connection()?, collection, messages).await
    }

    async fn open_feed(&self, request: FeedRequest) -> Result<Box<dyn FeedCursor>> {
        change_stream::open(self.open_connection()?, request).await
    }

    async fn read_history(
        &self,
        collection: &str,
        range: HistoryRange,
        as_of: Option<ClusterTime>,
        limit: u32,
    ) -> Result<Vec<RawDocumentBuf>> {
        let connection = self.open_connection()?;
        match as_of {
            Some(time) => message_collection::read_snapshot(connection, collection, range, time, limit).await,
            None => message_collection::read_history(connection, collection, range, limit).await,
        }
    }

    async fn count_history(&self, collection: &str, range: HistoryRange, most: u64) -> Result<u64> {
        // The server takes a limit of 0 for none.
        if most == 0 {
            return Ok(0);
        }
        message_collection::count_history(self.open_connection()?, collection, range, most).await
    }

    /// The time of a majority read: whatever was acknowledged with write concern majority before this call has it
    /// or an earlier one.
    async fn cluster_time(&self) -> Result<ClusterTime> {
        let connection = self.open_connection()?;
        let find = doc! { "find": "topics", "limit": 1, "projection": { "_id": 1 }, "readConcern": { "level": "majority" } };
        let reply: Document =
            connection.within_deadline("read cluster time", connection.database().run_command(find)).await?;
        let time = reply
            .get_timestamp("operationTime")
            .map_err(|error| Error::internal("the server's answer has no operationTime").caused_by(error))?;
        Ok(time.into())
    }

    async fn load_offset(&self, key: &OffsetKey) -> Result<Option<StoredOffset>> {
        offset_collection::load(self.open_connection()?, key).await
    }

    async fn claim_offset_after(
        &self,
        key: &OffsetKey,
        owner: &str,
        epoch: Option<i64>,
    ) -> Result<Option<StoredOffset>> {
        offset_collection::claim_after(self.with_offset_index().await?, key, owner, epoch).await
    }

    async fn group_birth(&self, group_id: &str, topic: &str) -> Result<Option<ClusterTime>> {
        offset_collection::group_birth(self.open_connection()?, group_id, topic).await
    }

    async fn restore_offset(&self, claim: &Claim, checkpoint: &Checkpoint) -> Result<CommitOutcome> {
        offset_collection::restore(self.with_offset_index().await?, claim, checkpoint).await
    }

    async fn commit_offset(&self, claim: &Claim, checkpoint: &Checkpoint) -> Result<CommitOutcome> {
        let update = offset_collection::commit_update(claim, checkpoint)?;
        self.offset_updates.write(self.open_connection()?, update).await
    }

    async fn record_attempts(&self, claim: &Claim, attempts: &[MessageAttempts]) -> Result<CommitOutcome> {
        let update = offset_collection::attempts_update(claim, attempts)?;
        self.offset_updates.write(self.open_connection()?, update).await
    }

    async fn forget_unclean_ends(&self, claim: &Claim) -> Result<CommitOutcome> {
        let update = offset_collection::forget_unclean_ends_update(claim)?;
        self.offset_updates.write(self.open_connection()?, update).await
    }

    async fn release_offset(&self, claim: &Claim, unclean_ends: u32) -> Result<CommitOutcome> {
        offset_collection::release(self.open_connection()?, claim, unclean_ends).await
    }

    async fn commit_dead_letter(
        &self,
        claim: &Claim,
        checkpoint: &Checkpoint,
        dead_letter: &DeadLetter,
    ) -> Result<CommitOutcome> {
        dead_letter_collection::commit(self.with_letter_indexes().await?, claim, checkpoint, dead_letter)
            .await
    }

    async fn list_offsets(&self, group_id: &str) -> Result<Vec<OffsetRecord>> {
        offset_collection::list(self.open_connection()?, group_id).await
    }

    async fn read_offset_record(&self, key: &OffsetKey) -> Result<Option<OffsetRecord>> {
        offset_collection::read_record(self.open_connection()?, key).await
    }

    async fn reset_offset(&self, key: &OffsetKey, epoch: Option<i64>, position: &Position) -> Result<bool> {
        offset_collection::reset(self.with_offset_index().await?, key, epoch, position).await
    }

    async fn write_offset_record(&self, record: &OffsetRecord) -> Result<()> {
        offset_collection::write_record(self.with_offset_index().await?, record).await
    }
}
