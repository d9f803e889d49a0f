//! What is stored at the end of a run: the truth that everything is judged by.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bson::Bson;
use csb_core::consumer::position::{HistoryProgress, Position};
use csb_core::feed::stream_token::{ClusterTime, StreamToken};
use csb_core::partition::partition_id::collection_name;
use csb_core::record::record_layout;
use csb_core::store::contract::{FeedEvent, FeedRequest, FeedStart, Store};

use super::effect_recorder::number_of;
use super::plan::TOPIC;

/// A message that was stored.
#[derive(Debug, Clone)]
pub(super) struct LoggedMessage {
    pub(super) partition: u32,
    /// Place among the messages of its partition, in the order of their commits.
    pub(super) index: usize,
    pub(super) number: i64,
    pub(super) id: Bson,
    pub(super) key: Option<String>,
    pub(super) token: StreamToken,
    /// `_ts`; 1.4.2 writes none.
    pub(super) stamp: Option<ClusterTime>,
}

/// Every message, by its number.
#[derive(Debug, Clone, Default)]
pub(super) struct StoredLog {
    pub(super) messages: BTreeMap<i64, LoggedMessage>,
    /// Numbers of each partition, in the order of their commits.
    pub(super) partitions: BTreeMap<u32, Vec<i64>>,
    read_up_to: ClusterTime,
}

impl StoredLog {
    /// Adds what has been stored since the last time. Whatever is stored until the caller waits again is not there yet.
    pub(super) async fn read_on(&mut self, store: &Arc<dyn Store>, partitions: u32) {
        let collections: Vec<Arc<str>> =
            (0..partitions).map(|partition| collection_name(TOPIC, partition).into()).collect();
        let request = FeedRequest {
            collections: collections.clone(),
            start: FeedStart::At(self.read_up_to.next()),
            batch_size: 10_000,
            max_await: Duration::from_millis(1),
        };
        let mut cursor = store.open_feed(request).await.expect("read before it is forgotten");
        loop {
            let batch = cursor.next_batch().await.expect("a batch");
            self.read_up_to = batch.frontier.cluster_time();
            if batch.events.is_empty() {
                return;
            }
            batch.events.into_iter().for_each(|event| self.add(event, &collections));
        }
    }

    fn add(&mut self, event: FeedEvent, collections: &[Arc<str>]) {
        let stored = record_layout::decode(&event.document).expect("a message");
        let partition = collections.iter().position(|name| *name == event.collection);
        let partition = partition.and_then(|at| u32::try_from(at).ok()).expect("a wanted collection");
        let number = number_of(&event.document).expect("a number");
        let numbers = self.partitions.entry(partition).or_default();
        let message = LoggedMessage {
            partition,
            index: numbers.len(),
            number,
            id: Bson::try_from(stored.id).expect("an id"),
            key: stored.key.map(str::to_owned),
            token: event.token,
            stamp: stored.ts.map(ClusterTime::from),
        };
        numbers.push(number);
        assert!(self.messages.insert(number, message).is_none(), "{number} is stored twice");
    }

    pub(super) fn in_partition(&self, partition: u32) -> impl DoubleEndedIterator<Item = &LoggedMessage> {
        let numbers = self.partitions.get(&partition).into_iter().flatten();
        numbers.filter_map(|number| self.messages.get(number))
    }
}

impl LoggedMessage {
    /// Whether a group at this position is past the message. `None` for what only the reader can know: messages
    /// without a stamp, which are read by their ids first and may come again in the stream.
    pub(super) fn is_behind(&self, position: &Position) -> Option<bool> {
        match position {
            Position::Stream(stream) => {
                let was_stored =
                    self.stamp.zip(stream.history_until).is_some_and(|(stamp, until)| stamp <= until);
                Some(self.token <= stream.after || was_stored)
            }
            Position::History(history) => {
                let stamp = self.stamp?;
                let was_visible = !history.snapshot || self.token.cluster_time() <= history.until;
                let is_read = match history.finished {
                    HistoryProgress::Unstamped { .. } => false,
                    HistoryProgress::Stamped { after } => stamp <= after.min(history.until) && was_visible,
                };
                Some(is_read || stamp <= history.behind)
            }
        }
    }

    /// Whether it became visible when the server stamped it, not at the end of a longer transaction.
    pub(super) fn is_plain(&self) -> bool {
        self.stamp == Some(self.token.cluster_time())
    }
}
