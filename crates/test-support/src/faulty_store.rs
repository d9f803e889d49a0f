//! A store between which and its user things go wrong, by a seed: calls take long, are lost on the way there or on the
//! way back, take effect after the caller has given up; streams end or fall silent.
//!
//! What changes something runs on the side of the server: a caller that goes away, as in a crash or at a deadline,
//! takes its call not with it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bson::RawDocumentBuf;
use csb_core::consumer::checkpoint::{Checkpoint, MessageAttempts};
use csb_core::consumer::position::Position;
use csb_core::dead_letter::DeadLetter;
use csb_core::error::{Error, Result};
use csb_core::error_code::{Effect, ErrorCode};
use csb_core::feed::stream_token::ClusterTime;
use csb_core::runtime::clock;
use csb_core::store::contract::{
    AppendFailure, Claim, CommitOutcome, FeedCursor, FeedRequest, FeedStart, HistoryRange, OffsetKey,
    OffsetRecord, RetentionIndex, RetentionStats, Store, StoredOffset, Topic,
};
use futures_util::future::BoxFuture;
use tokio::sync::oneshot;

mod faults;
mod faulty_cursor;
mod faulty_groups;
mod faulty_letters;
mod faulty_transactions;

use faults::CallFate;
pub use faults::{FaultRates, Faults};
use faulty_cursor::FaultyCursor;

/// Starts what runs on the side of the server.
pub type ServerTasks = Arc<dyn Fn(BoxFuture<'static, ()>) + Send + Sync>;

/// A store with faults. Which ones is decided by [`Faults`], also while it is used.
pub struct FaultyStore {
    inner: Arc<dyn Store>,
    faults: Faults,
    server: ServerTasks,
}

impl FaultyStore {
    /// Puts faults before a store.
    pub fn new(inner: Arc<dyn Store>, faults: Faults, server: ServerTasks) -> Arc<Self> {
        Arc::new(Self { inner, faults, server })
    }

    /// A call that changes nothing: it ends when its caller does.
    async fn read<T>(&self, call: impl Future<Output = Result<T>> + Send) -> Result<T> {
        match self.faults.next_call() {
            CallFate::Answered { request, reply } => {
                clock::sleep(request).await;
                let outcome = call.await;
                clock::sleep(reply).await;
                outcome
            }
            CallFate::Refused { after } => {
                clock::sleep(after).await;
                Err(refused())
            }
            CallFate::RequestLost { after } | CallFate::ReplyLost { after, .. } => {
                clock::sleep(after).await;
                Err(connection_lost())
            }
            CallFate::Late { deadline, .. } => {
                clock::sleep(deadline).await;
                Err(timed_out())
            }
        }
    }

    /// A call that changes something.
    async fn change<T, F>(&self, call: impl FnOnce(Arc<dyn Store>) -> F + Send + 'static) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        self.change_with(self.faults.next_call(), call(Arc::clone(&self.inner))).await
    }

    async fn change_with<T, F>(&self, fate: CallFate, call: F) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        match fate {
            CallFate::Answered { request, reply } => {
                let outcome = self.on_server(request, call).await;
                clock::sleep(reply).await;
                outcome
            }
            CallFate::Refused { after } => {
                clock::sleep(after).await;
                Err(refused())
            }
            CallFate::RequestLost { after } => {
                clock::sleep(after).await;
                Err(connection_lost())
            }
            CallFate::ReplyLost { request, after } => {
                // It is the outcome that gets lost.
                drop(self.on_server(request, call).await);
                clock::sleep(after).await;
                Err(connection_lost())
            }
            CallFate::Late { effect_after, deadline } => {
                let late = self.on_server(effect_after, call);
                match clock::timeout(deadline, late).await {
                    Some(outcome) => outcome,
                    None => Err(timed_out()),
                }
            }
        }
    }

    /// Begins at once, and does not end with its caller.
    fn on_server<T, F>(&self, after: Duration, call: F) -> impl Future<Output = Result<T>> + Send + use<T, F>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let (reply, outcome) = oneshot::channel();
        (self.server)(Box::pin(async move {
            clock::sleep(after).await;
            // The caller may have gone.
            let _ = reply.send(call.await);
        }));
        async move { outcome.await.unwrap_or_else(|_| Err(connection_lost())) }
    }
}

fn refused() -> Error {
    Error::new(ErrorCode::Unavailable, "simulated: no server could be selected")
}

fn connection_lost() -> Error {
    Error::new(ErrorCode::ConnectionLost, "simulated: the connection broke").with_effect(Effect::Possible)
}

fn timed_out() -> Error {
    Error::new(ErrorCode::Timeout, "simulated: no answer within the deadline").with_effect(Effect::Possible)
}

fn history_lost() -> Error {
    Error::new(
        ErrorCode::HistoryLost,
        "simulated: the stream no longer reaches back to where it was to begin",
    )
}

#[async_trait]
impl Store for FaultyStore {
    async fn connect(&self) -> Result<()> {
        self.read(self.inner.connect()).await
    }

    async fn close(&self) {
        self.inner.close().await;
    }

    async fn renew_client(&self) -> Result<()> {
        self.inner.renew_client().await
    }

    async fn load_topic(&self, name: &str) -> Result<Option<Topic>> {
        self.read(self.inner.load_topic(name)).await
    }

    async fn save_topic(&self, topic: &Topic) -> Result<()> {
        let topic = topic.clone();
        self.change(|inner| async move { inner.save_topic(&topic).await }).await
    }

    async fn prepare_partition(&self, collection: &str, retention_ms: u64) -> Result<()> {
        let collection = collection.to_owned();
        self.change(move |inner| async move { inner.prepare_partition(&collection, retention_ms).await })
            .await
    }

    async fn retention_index(&self, collection: &str) -> Result<Option<RetentionIndex>> {
        self.read(self.inner.retention_index(collection)).await
    }

    async fn retention_stats(&self) -> Result<Vec<RetentionStats>> {
        self.read(self.inner.retention_stats()).await
    }

    async fn sample_message(&self, collection: &str) -> Result<Option<RawDocumentBuf>> {
        self.read(self.inner.sample_message(collection)).await
    }

    async fn append(&self, collection: &str, messages: &[RawDocumentBuf]) -> Result<Vec<AppendFailure>> {
        let (collection, messages) = (collection.to_owned(), messages.to_vec());
        self.change(|inner| async move { inner.append(&collection, &messages).await }).await
    }

    async fn open_feed(&self, request: FeedRequest) -> Result<Box<dyn FeedCursor>> {
        if matches!(request.start, FeedStart::At(_)) && self.faults.next_stream_is_lost() {
            return self.read(async { Err(history_lost()) }).await;
        }
        let cursor = self.read(self.inner.open_feed(request)).await?;
        Ok(Box::new(FaultyCursor::new(cursor, self.faults.clone())))
    }

    async fn read_history(
        &self,
        collection: &str,
        range: HistoryRange,
        as_of: Option<ClusterTime>,
        limit: u32,
    ) -> Result<Vec<RawDocumentBuf>> {
        self.read(self.inner.read_history(collection, range, as_of, limit)).await
    }

    async fn count_history(&self, collection: &str, range: HistoryRange, most: u64) -> Result<u64> {
        self.read(self.inner.count_history(collection, range, most)).await
    }

    async fn cluster_time(&self) -> Result<ClusterTime> {
        self.read(self.inner.cluster_time()).await
    }

    async fn load_offset(&self, key: &OffsetKey) -> Result<Option<StoredOffset>> {
        self.read(self.inner.load_offset(key)).await
    }

    async fn claim_offset_after(
        &self,
        key: &OffsetKey,
        owner: &str,
        epoch: Option<i64>,
    ) -> Result<Option<StoredOffset>> {
        let (key, owner) = (key.clone(), owner.to_owned());
        self.change(move |inner| async move { inner.claim_offset_after(&key, &owner, epoch).await }).await
    }

    async fn group_birth(&self, group_id: &str, topic: &str) -> Result<Option<ClusterTime>> {
        self.read(self.inner.group_birth(group_id, topic)).await
    }

    async fn restore_offset(&self, claim: &Claim, checkpoint: &Checkpoint) -> Result<CommitOutcome> {
        let (claim, checkpoint) = (claim.clone(), checkpoint.clone());
        self.change(|inner| async move { inner.restore_offset(&claim, &checkpoint).await }).await
    }

    async fn commit_offset(&self, claim: &Claim, checkpoint: &Checkpoint) -> Result<CommitOutcome> {
        let (claim, checkpoint) = (claim.clone(), checkpoint.clone());
        self.change(|inner| async move { inner.commit_offset(&claim, &checkpoint).await }).await
    }

    async fn record_attempts(&self, claim: &Claim, attempts: &[MessageAttempts]) -> Result<CommitOutcome> {
        let (claim, attempts) = (claim.clone(), attempts.to_vec());
        self.change(|inner| async move { inner.record_attempts(&claim, &attempts).await }).await
    }

    async fn forget_unclean_ends(&self, claim: &Claim) -> Result<CommitOutcome> {
        let claim = claim.clone();
        self.change(|inner| async move { inner.forget_unclean_ends(&claim).await }).await
    }

    async fn release_offset(&self, claim: &Claim, unclean_ends: u32) -> Result<CommitOutcome> {
        let claim = claim.clone();
        self.change(move |inner| async move { inner.release_offset(&claim, unclean_ends).await }).await
    }

    async fn commit_dead_letter(
        &self,
        claim: &Claim,
        checkpoint: &Checkpoint,
        dead_letter: &DeadLetter,
    ) -> Result<CommitOutcome> {
        let (claim, checkpoint, letter) = (claim.clone(), checkpoint.clone(), dead_letter.clone());
        self.change(|inner| async move { inner.commit_dead_letter(&claim, &checkpoint, &letter).await }).await
    }

    async fn list_offsets(&self, group_id: &str) -> Result<Vec<OffsetRecord>> {
        self.read(self.inner.list_offsets(group_id)).await
    }

    async fn read_offset_record(&self, key: &OffsetKey) -> Result<Option<OffsetRecord>> {
        self.read(self.inner.read_offset_record(key)).await
    }

    async fn reset_offset(&self, key: &OffsetKey, epoch: Option<i64>, position: &Position) -> Result<bool> {
        let (key, position) = (key.clone(), position.clone());
        self.change(move |inner| async move { inner.reset_offset(&key, epoch, &position).await }).await
    }

    async fn write_offset_record(&self, record: &OffsetRecord) -> Result<()> {
        let record = record.clone();
        self.change(|inner| async move { inner.write_offset_record(&record).await }).await
    }
}
