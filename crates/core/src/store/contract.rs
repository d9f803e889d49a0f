//! What the engine needs from a database: the seam between deciding and doing.
//!
//! Two implementations: `mongo` (the product) and `memory` (embedded, for demos, users' tests and simulation). One
//! conformance suite in `csb-test-support` runs on both.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bson::oid::ObjectId;
use bson::{Bson, RawDocumentBuf};

use crate::consumer::checkpoint::{Checkpoint, MessageAttempts};
use crate::consumer::position::Position;
use crate::dead_letter::DeadLetter;
use crate::error::{Error, Result};
use crate::error_code::ErrorCode;
use crate::feed::stream_token::{ClusterTime, StreamToken};
use crate::store::dead_letter_contract::DeadLetterStore;
use crate::store::group_contract::GroupStore;
use crate::store::transaction_contract::TransactionStore;

/// A topic as it is stored in `topics`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    /// Name that producers and consumers use.
    pub name: String,
    /// Prefix of the partition collections; equals `name` unless a 1.4.2 configuration said otherwise.
    pub collection: String,
    /// Number of partitions. Only grows.
    pub partitions: u32,
    /// How long a message stays, in milliseconds.
    pub retention_ms: u64,
}

/// TTL index of a partition collection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetentionIndex {
    /// Name of the index.
    pub name: String,
    /// Seconds after `_timestamp` at which a message is deleted.
    pub expire_after_seconds: u64,
    /// Version of the index, as the server reports it.
    pub version: i32,
}

/// What is known about the messages of one collection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetentionStats {
    /// Collection name.
    pub collection: String,
    /// Its TTL index, if it has one.
    pub index: Option<RetentionIndex>,
    /// Number of documents.
    pub document_count: u64,
    /// Whether any document has a `_timestamp` of type Date, without which nothing expires.
    pub has_timestamp_field: bool,
}

/// Messages for one partition, in the order in which they were given.
#[derive(Debug, Clone, PartialEq)]
pub struct PartitionMessages {
    /// The partition's collection.
    pub collection: String,
    /// As they are stored.
    pub documents: Vec<RawDocumentBuf>,
}

/// One document of an insert that was not stored, while others of the same insert may have been.
#[derive(Debug, Clone)]
pub struct AppendFailure {
    /// Index within the appended slice.
    pub index: usize,
    /// Why; its effect says whether the document may be stored all the same.
    pub error: Error,
}

/// Where a change stream begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeedStart {
    /// With the first event after the stream was opened.
    Now,
    /// With the first event of this cluster time or later. Events before a wanted position are the reader's to skip.
    At(ClusterTime),
}

/// A change stream over the inserts into some collections, and over the groups.
#[derive(Debug, Clone)]
pub struct FeedRequest {
    /// Collections wanted.
    pub collections: Vec<Arc<str>>,
    /// Where it begins.
    pub start: FeedStart,
    /// Events per batch at most.
    pub batch_size: u32,
    /// How long the server waits for an event before it answers with an empty batch.
    pub max_await: Duration,
}

/// One inserted message, as the stream shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct FeedEvent {
    /// Collection it was inserted into.
    pub collection: Arc<str>,
    /// Its place in the stream.
    pub token: StreamToken,
    /// The stored document, whole.
    pub document: RawDocumentBuf,
}

/// Events in stream order, and the place up to which the stream has been read. A batch may be empty; its frontier
/// still advances.
#[derive(Debug, Clone)]
pub struct FeedBatch {
    /// Events, in order, all at or before `frontier`.
    pub events: Vec<FeedEvent>,
    /// Everything wanted up to here has been returned, in this batch or an earlier one.
    pub frontier: StreamToken,
    /// Groups that have changed, whichever collections are wanted.
    pub changed_groups: Vec<String>,
}

/// An open change stream.
#[async_trait]
pub trait FeedCursor: Send {
    /// The next batch, at the latest after `max_await`. Dropping the returned future loses nothing.
    async fn next_batch(&mut self) -> Result<FeedBatch>;

    /// Ends the stream on the server. Never waits for a server that does not answer.
    async fn close(self: Box<Self>);
}

/// Where the offsets of all groups are.
pub const OFFSETS_COLLECTION: &str = "consumer_offsets";

/// With the message that reaches this size a page of stored messages ends.
pub const LARGEST_PAGE_BYTES: usize = 16 * 1024 * 1024;

/// Which stored messages to read, in ascending order of what `after` names.
#[derive(Debug, Clone)]
pub enum HistoryRange {
    /// Messages without `_ts`, by `_id`.
    Unstamped {
        /// Exclusive lower bound.
        after: Option<Bson>,
        /// Leaves out what was made before this id: messages with a smaller id of its type and an earlier
        /// `_timestamp`, because a payload may have brought an old id along. Whatever does not tell comes.
        since: Option<ObjectId>,
    },
    /// Messages with `after < _ts <= until`, by `_ts`.
    Stamped {
        /// Exclusive lower bound.
        after: ClusterTime,
        /// Inclusive upper bound.
        until: ClusterTime,
    },
}

/// Which offset document.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OffsetKey {
    /// Consumer group.
    pub group_id: String,
    /// Topic name.
    pub topic: String,
    /// Partition number.
    pub partition: u32,
}

impl fmt::Display for OffsetKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "group {} on {}[{}]", self.group_id, self.topic, self.partition)
    }
}

/// An offset document as far as the engine cares.
#[derive(Debug, Clone)]
pub struct StoredOffset {
    /// Which one.
    pub key: OffsetKey,
    /// What resuming starts from. `None` if nothing was committed yet.
    pub position: Option<Position>,
    /// Ids of messages behind the position that are finished too.
    pub finished_ahead: Vec<Bson>,
    /// Attempts of messages behind the position.
    pub attempts: Vec<MessageAttempts>,
    /// How many owners in a row have gone without releasing the partition, as in a crash.
    pub unclean_ends: u32,
    /// Who owns the partition, if anybody.
    pub owner: Option<String>,
    /// Grows with every change of the owner. A commit under an older epoch is refused.
    pub epoch: i64,
    /// Grows with every write of an owner. An older write is refused.
    pub revision: i64,
}

/// The right to commit: an owner under an epoch. A write that carries it is refused when a later one of this owner is
/// stored already: the deadline of a call ends the wait for it, not the call, which may still take effect.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Claim {
    /// Which offset document.
    pub key: OffsetKey,
    /// Who holds it.
    pub owner: String,
    /// Epoch under which it was given.
    pub epoch: i64,
    /// Number of the write: not smaller than that of any write before.
    pub revision: i64,
}

impl Claim {
    /// What the owner of a document holds; `None` if it has no owner.
    pub fn of(offset: &StoredOffset) -> Option<Self> {
        let StoredOffset { key, owner, epoch, revision, .. } = offset;
        Some(Self { key: key.clone(), owner: owner.clone()?, epoch: *epoch, revision: *revision })
    }
}

/// As often a claim is tried. Whoever is overtaken loses a try, so that many members at once need as many.
const CLAIM_TRIES: usize = 100;

/// What became of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommitOutcome {
    /// Stored.
    Committed,
    /// Refused: the partition has another owner or a newer epoch, or a later write is stored. Nothing was written.
    Fenced,
}

/// An offset in the form that 1.4.2's `OffsetStorage` shows: the token as the server made it.
#[derive(Debug, Clone, PartialEq)]
pub struct OffsetRecord {
    /// Which offset document.
    pub key: OffsetKey,
    /// The stored `offset`, usually `{ _data: "82…" }`.
    pub offset: Bson,
    /// When it was committed.
    pub timestamp: bson::DateTime,
}

/// The verbs of the engine on a database.
///
/// Every method has a deadline of its own and fails with a typed error; none retries beyond what the driver does.
#[async_trait]
pub trait Store: DeadLetterStore + GroupStore + TransactionStore {
    /// Reaches the deployment and makes sure that it can serve change streams.
    async fn connect(&self) -> Result<()>;

    /// Opens a new client in place of one whose connections no longer answer. Calls under way stay on the old one until
    /// they end, at their deadline at the latest.
    async fn renew_client(&self) -> Result<()>;

    /// Gives every connection back. Later calls fail with `ERR_CSB_CLOSED`.
    async fn close(&self);

    /// The topic with this name.
    async fn load_topic(&self, name: &str) -> Result<Option<Topic>>;

    /// Creates or changes a topic. `partitions` never shrinks, whoever writes at the same time.
    async fn save_topic(&self, topic: &Topic) -> Result<()>;

    /// Makes sure that the collection exists and that its TTL index expires messages after `retention_ms`
    /// (created or changed), and its index on `_ts`.
    async fn prepare_partition(&self, collection: &str, retention_ms: u64) -> Result<()>;

    /// The TTL index of a collection; `None` if it or the collection does not exist.
    async fn retention_index(&self, collection: &str) -> Result<Option<RetentionIndex>>;

    /// What is known about every collection of the database.
    async fn retention_stats(&self) -> Result<Vec<RetentionStats>>;

    /// A stored message whose `_timestamp` is not a Date, if there is one; else any.
    async fn sample_message(&self, collection: &str) -> Result<Option<RawDocumentBuf>>;

    /// Inserts messages in their order. A message whose `_id` exists already counts as stored. Returns those that
    /// were refused one by one; fails as a whole when the outcome of all of them is the same.
    async fn append(&self, collection: &str, messages: &[RawDocumentBuf]) -> Result<Vec<AppendFailure>>;

    /// Opens a change stream. Fails with `ERR_CSB_HISTORY_LOST` when the oplog no longer reaches back to its start.
    async fn open_feed(&self, request: FeedRequest) -> Result<Box<dyn FeedCursor>>;

    /// Up to `limit` stored messages of a collection, fewer if they reach [`LARGEST_PAGE_BYTES`], and at least one if
    /// there is any. Majority committed: as they are, or as they were at the cluster time `as_of`. Fails with `ERR_CSB_HISTORY_LOST` when the deployment no longer knows how they were.
    async fn read_history(
        &self,
        collection: &str,
        range: HistoryRange,
        as_of: Option<ClusterTime>,
        limit: u32,
    ) -> Result<Vec<RawDocumentBuf>>;

    /// Number of stored messages of a collection, majority committed; `most` if there are more.
    async fn count_history(&self, collection: &str, range: HistoryRange, most: u64) -> Result<u64>;

    /// The deployment's present cluster time, majority committed.
    async fn cluster_time(&self) -> Result<ClusterTime>;

    /// The offset document, if there is one.
    async fn load_offset(&self, key: &OffsetKey) -> Result<Option<StoredOffset>>;

    /// Makes `owner` the owner of the partition under the epoch behind this one, or of a new document if that is
    /// `None`. Returns `None` if the document has another epoch meanwhile; nothing was written then.
    async fn claim_offset_after(
        &self,
        key: &OffsetKey,
        owner: &str,
        epoch: Option<i64>,
    ) -> Result<Option<StoredOffset>>;

    /// Makes `owner` the owner of the partition under a new epoch, whoever has it.
    async fn claim_offset(&self, key: &OffsetKey, owner: &str) -> Result<StoredOffset> {
        for _ in 0..CLAIM_TRIES {
            let epoch = self.load_offset(key).await?.map(|offset| offset.epoch);
            if let Some(claimed) = self.claim_offset_after(key, owner, epoch).await? {
                return Ok(claimed);
            }
        }
        Err(Error::new(
            ErrorCode::Unavailable,
            "other members claim the partition at the same time, again and again",
        )
        .in_group(&key.group_id)
        .on_topic(&key.topic)
        .on_partition(key.partition))
    }

    /// Since when a group has been reading a topic: the earliest time at which one of its offset documents was made
    /// that has an offset. `None` if there is none.
    async fn group_birth(&self, group_id: &str, topic: &str) -> Result<Option<ClusterTime>>;

    /// Makes the document again, with this claim and this checkpoint, after somebody has deleted it. Fenced if there is
    /// one.
    async fn restore_offset(&self, claim: &Claim, checkpoint: &Checkpoint) -> Result<CommitOutcome>;

    /// Stores a checkpoint, if the claim still holds.
    async fn commit_offset(&self, claim: &Claim, checkpoint: &Checkpoint) -> Result<CommitOutcome>;

    /// Stores the attempts of all unfinished messages in place of the ones before, if the claim still holds.
    async fn record_attempts(&self, claim: &Claim, attempts: &[MessageAttempts]) -> Result<CommitOutcome>;

    /// Notes that the owner has got past whatever ended the ones before: they are no longer counted.
    async fn forget_unclean_ends(&self, claim: &Claim) -> Result<CommitOutcome>;

    /// Gives the partition up in good order, if the claim still holds. Checkpoint and attempts stay. `unclean_ends` is
    /// what the next owner will find: 0, or as many as this one has found if it never began.
    async fn release_offset(&self, claim: &Claim, unclean_ends: u32) -> Result<CommitOutcome>;

    /// Stores a dead letter and a checkpoint that has its message finished in one transaction, if the claim still
    /// holds.
    async fn commit_dead_letter(
        &self,
        claim: &Claim,
        checkpoint: &Checkpoint,
        dead_letter: &DeadLetter,
    ) -> Result<CommitOutcome>;

    /// Sets the position of a group in a partition, whoever owned it before: its owner is out, under the epoch behind this
    /// one (`None`: there is no document). Whether it is set; nothing was written if the document has another epoch.
    async fn reset_offset(&self, key: &OffsetKey, epoch: Option<i64>, position: &Position) -> Result<bool>;

    /// The offsets of a group, newest first.
    async fn list_offsets(&self, group_id: &str) -> Result<Vec<OffsetRecord>>;

    /// The offset as 1.4.2 would read it.
    async fn read_offset_record(&self, key: &OffsetKey) -> Result<Option<OffsetRecord>>;

    /// Sets an offset as 1.4.2's `OffsetStorage.commitOffset` does: without a claim, for administration.
    async fn write_offset_record(&self, record: &OffsetRecord) -> Result<()>;
}
