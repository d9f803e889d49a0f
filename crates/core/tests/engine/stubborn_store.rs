//! A store of which single verbs refuse, or do not answer, when a test says so.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bson::RawDocumentBuf;
use csb_core::consumer::checkpoint::{Checkpoint, MessageAttempts};
use csb_core::consumer::position::Position;
use csb_core::dead_letter::DeadLetter;
use csb_core::error::{Error, Result};
use csb_core::error_code::{Effect, ErrorCode};
use csb_core::feed::stream_token::{ClusterTime, StreamToken};
use csb_core::runtime::clock;
use csb_core::store::contract::{
    AppendFailure, Claim, CommitOutcome, FeedCursor, FeedRequest, HistoryRange, OffsetKey, OffsetRecord,
    RetentionIndex, RetentionStats, Store, StoredOffset, Topic,
};
use tokio::sync::watch;

mod groups;
mod letters;
mod transactions;

/// What an owner writes about its partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Verb {
    Commit,
    Attempts,
    DeadLetter,
    Forget,
    Release,
    Beat,
    ChangeMember,
    Reset,
}

#[derive(Debug, Clone, Default)]
struct Rules {
    refused: HashSet<Verb>,
    held: HashSet<Verb>,
    /// A partition whose notes of attempts wait, and how many do.
    held_attempts_of: Option<u32>,
    waiting_attempts: usize,
    /// What is done, but not answered: whoever asked cannot know.
    unanswered: HashSet<Verb>,
    /// Writes that are still let through, if that is bounded.
    left: Option<usize>,
    /// Newest place that was stored, and how often an earlier one was stored after it.
    newest: Option<StreamToken>,
    went_back: usize,
    /// Calls so far, also those that were refused or held.
    calls: HashMap<Verb, usize>,
}

/// A store before another one.
pub(crate) struct StubbornStore {
    inner: Arc<dyn Store>,
    rules: watch::Sender<Rules>,
}

impl StubbornStore {
    pub(crate) fn before(inner: Arc<dyn Store>) -> Arc<Self> {
        Arc::new(Self { inner, rules: watch::Sender::default() })
    }

    /// From now on the verb fails.
    pub(crate) fn refuse(&self, verb: Verb) {
        self.rules.send_modify(|rules| {
            rules.refused.insert(verb);
        });
    }

    /// From now on the verb does not fail any more.
    pub(crate) fn accept(&self, verb: Verb) {
        self.rules.send_modify(|rules| {
            rules.refused.remove(&verb);
        });
    }

    /// From now on the verb does what is asked, and its answer gets lost.
    pub(crate) fn lose_answers(&self, verb: Verb) {
        self.rules.send_modify(|rules| {
            rules.unanswered.insert(verb);
        });
    }

    /// From now on the verb does not answer; what is asked waits.
    pub(crate) fn hold(&self, verb: Verb) {
        self.rules.send_modify(|rules| {
            rules.held.insert(verb);
        });
    }

    /// Notes of attempts of this partition wait until it is none any more.
    pub(crate) fn hold_attempts_of(&self, partition: Option<u32>) {
        self.rules.send_modify(|rules| rules.held_attempts_of = partition);
    }

    /// Waits until one of them waits.
    pub(crate) async fn wait_for_held_attempts(&self) {
        let mut rules = self.rules.subscribe();
        let waiting = rules.wait_for(|rules| rules.waiting_attempts > 0);
        assert!(clock::timeout(Duration::from_mins(1), waiting).await.is_some(), "nothing is noted");
    }

    async fn wait_while_held(&self, partition: u32) {
        let mut rules = self.rules.subscribe();
        if rules.borrow().held_attempts_of != Some(partition) {
            return;
        }
        self.rules.send_modify(|rules| rules.waiting_attempts += 1);
        // The sender lives as long as the store.
        let _ = rules.wait_for(|rules| rules.held_attempts_of != Some(partition)).await;
    }

    /// After so many writes none is answered any more.
    pub(crate) fn fall_silent_after(&self, writes: usize) {
        self.rules.send_modify(|rules| rules.left = Some(writes));
    }

    /// What waited for an answer of the verb gets it.
    pub(crate) fn let_go(&self, verb: Verb) {
        self.rules.send_modify(|rules| {
            rules.held.remove(&verb);
        });
    }

    /// How often a position was stored that was before the one that was stored.
    pub(crate) fn commits_that_went_back(&self) -> usize {
        self.rules.borrow().went_back
    }

    /// All is well again.
    pub(crate) fn heal(&self) {
        self.rules.send_modify(|rules| {
            rules.refused.clear();
            rules.unanswered.clear();
            rules.held.clear();
            rules.left = None;
        });
    }

    pub(crate) fn calls(&self, verb: Verb) -> usize {
        self.rules.borrow().calls.get(&verb).copied().unwrap_or_default()
    }

    /// Waits until the verb was called so many times.
    pub(crate) async fn wait_for_calls(&self, verb: Verb, count: usize) {
        let mut rules = self.rules.subscribe();
        let enough = rules.wait_for(|rules| rules.calls.get(&verb).is_some_and(|calls| *calls >= count));
        let seen = clock::timeout(Duration::from_mins(1), enough).await;
        assert!(seen.is_some(), "{verb:?} was not called {count} times");
    }

    /// Waits until no write is answered any more, and somebody waits for one.
    pub(crate) async fn wait_until_silent(&self) {
        let mut rules = self.rules.subscribe();
        let silent = rules.wait_for(|rules| rules.left == Some(0) && !rules.held.is_empty());
        assert!(clock::timeout(Duration::from_mins(1), silent).await.is_some(), "too few writes");
    }

    fn answer(&self, verb: Verb, outcome: CommitOutcome) -> Result<CommitOutcome> {
        if self.rules.borrow().unanswered.contains(&verb) {
            let lost = Error::new(ErrorCode::ConnectionLost, "lost by the test");
            return Err(lost.with_effect(Effect::Possible));
        }
        Ok(outcome)
    }

    /// For what comes by itself, and is no write of an owner.
    fn refuse_if_told(&self, verb: Verb) -> Result<()> {
        if self.rules.borrow().refused.contains(&verb) {
            return Err(Error::new(ErrorCode::Unavailable, "refused by the test"));
        }
        Ok(())
    }

    async fn pass(&self, verb: Verb) -> Result<()> {
        let mut has_right = false;
        self.rules.send_modify(|rules| {
            *rules.calls.entry(verb).or_default() += 1;
            match &mut rules.left {
                Some(0) => {
                    rules.held.insert(verb);
                }
                Some(left) => {
                    *left -= 1;
                    has_right = true;
                }
                None => {}
            }
        });
        if !has_right {
            let mut rules = self.rules.subscribe();
            // The sender lives as long as the store.
            let _ = rules.wait_for(|rules| !rules.held.contains(&verb)).await;
        }
        self.refuse_if_told(verb)
    }
}

#[async_trait]
impl Store for StubbornStore {
    async fn connect(&self) -> Result<()> {
        self.inner.connect().await
    }

    async fn renew_client(&self) -> Result<()> {
        self.inner.renew_client().await
    }

    /// The test still looks into the store that is behind.
    async fn close(&self) {}

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
        self.inner.append(collection, messages).await
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
        self.inner.claim_offset_after(key, owner, epoch).await
    }

    async fn group_birth(&self, group_id: &str, topic: &str) -> Result<Option<ClusterTime>> {
        self.inner.group_birth(group_id, topic).await
    }

    async fn restore_offset(&self, claim: &Claim, checkpoint: &Checkpoint) -> Result<CommitOutcome> {
        self.inner.restore_offset(claim, checkpoint).await
    }

    async fn commit_offset(&self, claim: &Claim, checkpoint: &Checkpoint) -> Result<CommitOutcome> {
        self.pass(Verb::Commit).await?;
        let outcome = self.inner.commit_offset(claim, checkpoint).await?;
        self.rules.send_modify(|rules| {
            let token = checkpoint.position.stream_token().cloned();
            rules.went_back += usize::from(token < rules.newest);
            rules.newest = token;
        });
        self.answer(Verb::Commit, outcome)
    }

    async fn record_attempts(&self, claim: &Claim, attempts: &[MessageAttempts]) -> Result<CommitOutcome> {
        self.wait_while_held(claim.key.partition).await;
        self.pass(Verb::Attempts).await?;
        self.inner.record_attempts(claim, attempts).await
    }

    async fn forget_unclean_ends(&self, claim: &Claim) -> Result<CommitOutcome> {
        self.pass(Verb::Forget).await?;
        self.inner.forget_unclean_ends(claim).await
    }

    async fn release_offset(&self, claim: &Claim, unclean_ends: u32) -> Result<CommitOutcome> {
        self.pass(Verb::Release).await?;
        self.inner.release_offset(claim, unclean_ends).await
    }

    async fn commit_dead_letter(
        &self,
        claim: &Claim,
        checkpoint: &Checkpoint,
        dead_letter: &DeadLetter,
    ) -> Result<CommitOutcome> {
        self.pass(Verb::DeadLetter).await?;
        let outcome = self.inner.commit_dead_letter(claim, checkpoint, dead_letter).await?;
        self.answer(Verb::DeadLetter, outcome)
    }

    async fn list_offsets(&self, group_id: &str) -> Result<Vec<OffsetRecord>> {
        self.inner.list_offsets(group_id).await
    }

    async fn read_offset_record(&self, key: &OffsetKey) -> Result<Option<OffsetRecord>> {
        self.inner.read_offset_record(key).await
    }

    async fn reset_offset(&self, key: &OffsetKey, epoch: Option<i64>, position: &Position) -> Result<bool> {
        self.pass(Verb::Reset).await?;
        self.inner.reset_offset(key, epoch, position).await
    }

    async fn write_offset_record(&self, record: &OffsetRecord) -> Result<()> {
        self.inner.write_offset_record(record).await
    }
}
