//! One database of the embedded store, shared by the handles of this process.
//!
//! [`State`] is the data, pure and told the time; [`Database`] puts it behind one lock that is never held across a
//! wait, and wakes the feeds.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bson::{DateTime, RawDocumentBuf};
use tokio::sync::watch;

use super::cluster_clock::ClusterClock;
use super::dead_letter_table::DeadLetterTable;
use super::event_log::{EventLog, HistoryLost, LogEntry, LogRead};
use super::event_token::CollectionId;
use super::group_table::GroupTable;
use super::message_collection::MessageCollection;
use super::offset_table::OffsetTable;
use super::topic_table::TopicTable;
use crate::consumer::checkpoint::Checkpoint;
use crate::dead_letter::DeadLetter;
use crate::error::Result;
use crate::feed::stream_token::ClusterTime;
use crate::runtime::clock;
use crate::store::contract::{
    AppendFailure, Claim, CommitOutcome, HistoryRange, PartitionMessages, RetentionStats,
};

/// Of events whose message has expired the log keeps the newest, as an oplog does.
const LOG_LIMIT_BYTES: usize = 64 * 1024 * 1024;

/// The data, and who waits for it.
#[derive(Debug)]
pub(super) struct Database {
    state: Mutex<State>,
    changes: watch::Sender<()>,
}

/// The data.
#[derive(Debug, Default)]
pub(super) struct State {
    clock: ClusterClock,
    log: EventLog,
    collections: BTreeMap<Arc<str>, MessageCollection>,
    pub(super) topics: TopicTable,
    pub(super) offsets: OffsetTable,
    pub(super) groups: GroupTable,
    pub(super) dead_letters: DeadLetterTable,
}

impl Database {
    pub(super) fn new() -> Self {
        Self { state: Mutex::default(), changes: watch::Sender::new(()) }
    }

    /// The data. A panic of another thread cannot have left it half changed in a way that reading could not bear.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells of every append, and of a handle that was closed.
    pub(super) fn subscribe(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    /// Lets every feed look again.
    pub(super) fn wake_feeds(&self) {
        self.changes.send_replace(());
    }

    pub(super) fn append(&self, collection: &str, messages: &[RawDocumentBuf]) -> Vec<AppendFailure> {
        let failures = self.state().append(collection, messages, clock::unix_millis());
        self.wake_feeds();
        failures
    }

    /// All of them at one moment. What cannot be stored was refused before.
    pub(super) fn append_together(&self, messages: &[PartitionMessages]) -> Result<()> {
        let mut state = self.state();
        let failures: Vec<_> = messages
            .iter()
            .flat_map(|part| state.append(&part.collection, &part.documents, clock::unix_millis()))
            .collect();
        drop(state);
        self.wake_feeds();
        failures.into_iter().next().map_or(Ok(()), |failure| Err(failure.error))
    }
}

impl State {
    /// A cluster time later than everything so far.
    pub(super) fn tick(&mut self, unix_millis: i64) -> ClusterTime {
        self.clock.tick(unix_millis)
    }

    pub(super) fn append(
        &mut self,
        collection: &str,
        messages: &[RawDocumentBuf],
        unix_millis: i64,
    ) -> Vec<AppendFailure> {
        let name: Arc<str> = collection.into();
        let collection_id = CollectionId::of(collection);
        let mut failures = Vec::new();
        let Self { clock, log, collections, .. } = self;
        let stored = collections.entry(Arc::clone(&name)).or_default();
        stored.expire(unix_millis);
        for (index, message) in messages.iter().enumerate() {
            match stored.insert(message, || clock.tick(unix_millis)) {
                Ok(Some((time, document))) => log.push(LogEntry {
                    time,
                    collection: Arc::clone(&name),
                    collection_id: collection_id.clone(),
                    document,
                }),
                Ok(None) => {}
                Err(error) => failures.push(AppendFailure { index, error }),
            }
        }
        self.trim_log(unix_millis);
        failures
    }

    fn trim_log(&mut self, unix_millis: i64) {
        let collections = &mut self.collections;
        self.log.trim(LOG_LIMIT_BYTES, |entry| {
            collections.get_mut(&entry.collection).is_none_or(|collection| {
                collection.expire(unix_millis);
                !collection.contains(entry.time)
            })
        });
    }

    /// The collection, made if there is none.
    pub(super) fn collection(&mut self, name: &str) -> &mut MessageCollection {
        self.collections.entry(name.into()).or_default()
    }

    /// The collection without what has expired, if there is one.
    pub(super) fn existing_collection(
        &mut self,
        name: &str,
        unix_millis: i64,
    ) -> Option<&mut MessageCollection> {
        let collection = self.collections.get_mut(name)?;
        collection.expire(unix_millis);
        Some(collection)
    }

    pub(super) fn read_history(
        &mut self,
        collection: &str,
        range: &HistoryRange,
        as_of: Option<ClusterTime>,
        limit: u32,
        unix_millis: i64,
    ) -> Vec<RawDocumentBuf> {
        self.existing_collection(collection, unix_millis)
            .map_or_else(Vec::new, |collection| collection.read(range, as_of, limit))
    }

    pub(super) fn count_history(
        &mut self,
        collection: &str,
        range: &HistoryRange,
        most: u64,
        unix_millis: i64,
    ) -> u64 {
        self.existing_collection(collection, unix_millis)
            .map_or(0, |collection| collection.count(range, most))
    }

    /// Drops every event so far from the log.
    pub(super) fn forget_events(&mut self, unix_millis: i64) {
        let now = self.tick(unix_millis);
        self.log.forget_before(now);
    }

    pub(super) fn stats(&mut self, unix_millis: i64) -> Vec<RetentionStats> {
        let of_messages = self.collections.iter_mut().map(|(name, collection)| {
            collection.expire(unix_millis);
            collection.stats(name)
        });
        self.dead_letters.expire(DateTime::from_millis(unix_millis));
        let (members, groups) = self.groups.counts();
        let others = [
            ("consumer_groups", groups),
            ("consumer_members", members),
            ("consumer_offsets", self.offsets.len()),
            ("dead_letters", self.dead_letters.len()),
            ("topics", self.topics.len()),
        ];
        let of_others =
            others.into_iter().filter(|(_, count)| *count > 0).map(|(name, count)| RetentionStats {
                collection: name.into(),
                index: None,
                document_count: count as u64,
                has_timestamp_field: false,
            });
        of_messages.chain(of_others).collect()
    }

    pub(super) fn log_reaches_back_to(&self, time: ClusterTime) -> bool {
        self.log.reaches_back_to(time)
    }

    pub(super) fn read_log(
        &self,
        from: ClusterTime,
        wanted: &HashSet<Arc<str>>,
        limit: usize,
    ) -> Result<LogRead, HistoryLost> {
        self.log.read(from, wanted, limit)
    }

    /// Stores the letter and the checkpoint, or neither.
    pub(super) fn commit_dead_letter(
        &mut self,
        claim: &Claim,
        checkpoint: &Checkpoint,
        dead_letter: &DeadLetter,
        now: DateTime,
    ) -> CommitOutcome {
        let outcome = self.offsets.commit(claim, checkpoint, now);
        if outcome == CommitOutcome::Committed {
            self.dead_letters.bury(dead_letter.clone());
        }
        outcome
    }
}

#[cfg(test)]
mod tests {
    use bson::{DateTime, doc, rawdoc};

    use super::*;
    use crate::error_code::ErrorCode;

    fn message(id: &str, unix_millis: i64) -> RawDocumentBuf {
        rawdoc! { "_id": id, "_timestamp": DateTime::from_millis(unix_millis) }
    }

    fn events(state: &State, from: ClusterTime) -> Vec<ClusterTime> {
        let wanted = HashSet::from(["c".into()]);
        let found = state.read_log(from, &wanted, 100).expect("in the log");
        found.events.iter().map(|event| event.token.cluster_time()).collect()
    }

    #[test]
    fn one_append_gets_consecutive_times_and_a_known_id_makes_no_event() {
        let mut state = State::default();
        let start = state.tick(5000);
        assert!(state.append("c", &[message("a", 0), message("b", 0)], 5000).is_empty());
        assert!(state.append("c", &[message("b", 0), message("d", 0)], 5000).is_empty());
        let expected = [start.next(), start.next().next(), start.next().next().next()];
        assert_eq!(events(&state, start), expected);
    }

    #[test]
    fn a_refused_message_does_not_hold_the_others() {
        let mut state = State::default();
        let bad = RawDocumentBuf::try_from(doc! { "_id": [1] }).expect("encodes");
        let failures = state.append("c", &[message("a", 0), bad, message("b", 0)], 5000);
        assert_eq!(failures.iter().map(|failure| failure.index).collect::<Vec<_>>(), [1]);
        assert_eq!(failures[0].error.code(), ErrorCode::InvalidMessage);
        assert_eq!(events(&state, ClusterTime::default()).len(), 2);
    }

    #[test]
    fn an_expired_message_leaves_its_collection_but_not_the_log() {
        let mut state = State::default();
        state.collection("c").keep_for(1000);
        state.append("c", &[message("a", 5000)], 5000);
        let range = HistoryRange::Unstamped { after: None, since: None };
        assert_eq!(state.read_history("c", &range, None, 9, 5999).len(), 1);
        assert_eq!(state.read_history("c", &range, None, 9, 6000).len(), 0);
        assert_eq!(events(&state, ClusterTime::default()).len(), 1);

        assert!(state.append("c", &[message("a", 6000)], 6000).is_empty());
        assert_eq!(events(&state, ClusterTime::default()).len(), 2, "its id is free again");
    }

    #[test]
    fn the_log_forgets_expired_messages_only() {
        let mut state = State::default();
        state.collection("c").keep_for(1000);
        let large = |id: &str| {
            rawdoc! {
                "_id": id, "_timestamp": DateTime::from_millis(5000), "text": "x".repeat(LOG_LIMIT_BYTES / 5),
            }
        };
        let ids = ["a", "b", "c", "d", "e", "f"];
        state.append("c", &ids.map(large), 5000);
        assert!(state.log_reaches_back_to(ClusterTime::default()), "nothing has expired");
        state.append("c", &[message("g", 9000)], 9000);
        assert!(!state.log_reaches_back_to(ClusterTime::default()));
    }
}
