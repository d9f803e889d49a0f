//! The stored messages of one collection, with the indexes that reading and expiring them need. Pure: the caller
//! brings the time.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use bson::Bson;
use bson::oid::ObjectId;
use bson::raw::{RawDocument, RawDocumentBuf};

use super::bson_order::MessageId;
use super::server_insert::{IndexedFields, Insertion};
use crate::error::Result;
use crate::feed::stream_token::ClusterTime;
use crate::store::contract::{HistoryRange, LARGEST_PAGE_BYTES, RetentionIndex, RetentionStats};

/// Messages by the cluster time of their insert, which is unique.
#[derive(Debug, Default)]
pub(super) struct MessageCollection {
    messages: BTreeMap<ClusterTime, Message>,
    by_id: BTreeMap<MessageId, ClusterTime>,
    by_stamp: BTreeSet<(ClusterTime, ClusterTime)>,
    unstamped: BTreeMap<MessageId, ClusterTime>,
    by_timestamp: BTreeSet<(i64, ClusterTime)>,
    retention_ms: Option<u64>,
}

#[derive(Debug)]
struct Message {
    id: MessageId,
    fields: IndexedFields,
    document: Arc<RawDocumentBuf>,
}

impl MessageCollection {
    /// Whether the message that was inserted then is still stored.
    pub(super) fn contains(&self, inserted_at: ClusterTime) -> bool {
        self.messages.contains_key(&inserted_at)
    }

    /// Stores a message under the next cluster time; `None` if its id is stored already.
    pub(super) fn insert(
        &mut self,
        message: &RawDocument,
        next_time: impl FnOnce() -> ClusterTime,
    ) -> Result<Option<(ClusterTime, Arc<RawDocumentBuf>)>> {
        let insertion = Insertion::check(message)?;
        if self.by_id.contains_key(&insertion.id) {
            return Ok(None);
        }
        let time = next_time();
        let document = Arc::new(insertion.stored_at(time)?);
        self.index(time, insertion.id, Arc::clone(&document));
        Ok(Some((time, document)))
    }

    fn index(&mut self, inserted_at: ClusterTime, id: MessageId, document: Arc<RawDocumentBuf>) {
        let fields = IndexedFields::of(&document);
        self.by_id.insert(id.clone(), inserted_at);
        match fields.stamp {
            Some(stamp) => _ = self.by_stamp.insert((stamp, inserted_at)),
            None => _ = self.unstamped.insert(id.clone(), inserted_at),
        }
        if let Some(timestamp_ms) = fields.timestamp_ms {
            self.by_timestamp.insert((timestamp_ms, inserted_at));
        }
        self.messages.insert(inserted_at, Message { id, fields, document });
    }

    /// Creates or changes the TTL index.
    pub(super) fn keep_for(&mut self, retention_ms: u64) {
        self.retention_ms = Some(retention_ms);
    }

    /// Deletes the messages whose retention has ended.
    pub(super) fn expire(&mut self, unix_millis: i64) {
        let Some(retention_ms) = self.retention_ms else { return };
        let oldest_kept = unix_millis.saturating_sub_unsigned(retention_ms);
        while let Some(&(timestamp_ms, inserted_at)) = self.by_timestamp.first() {
            if timestamp_ms > oldest_kept {
                break;
            }
            self.by_timestamp.pop_first();
            self.remove(inserted_at);
        }
    }

    fn remove(&mut self, inserted_at: ClusterTime) {
        let Some(message) = self.messages.remove(&inserted_at) else { return };
        self.by_id.remove(&message.id);
        match message.fields.stamp {
            Some(stamp) => _ = self.by_stamp.remove(&(stamp, inserted_at)),
            None => _ = self.unstamped.remove(&message.id),
        }
    }

    /// What is stored; of that only what was there at `as_of`.
    pub(super) fn read(
        &self,
        range: &HistoryRange,
        as_of: Option<ClusterTime>,
        limit: u32,
    ) -> Vec<RawDocumentBuf> {
        let was_there = |at: &&ClusterTime| as_of.is_none_or(|as_of| **at <= as_of);
        self.documents(self.within(range).filter(was_there).take(limit as usize))
    }

    pub(super) fn count(&self, range: &HistoryRange, most: u64) -> u64 {
        self.within(range).take(usize::try_from(most).unwrap_or(usize::MAX)).count() as u64
    }

    /// When the messages of a range were inserted, in the order of the range.
    fn within<'a>(&'a self, range: &'a HistoryRange) -> Box<dyn Iterator<Item = &'a ClusterTime> + 'a> {
        match range {
            HistoryRange::Unstamped { after, since } => {
                let after = after.clone().map(MessageId);
                let lower = after.map_or(Bound::Unbounded, Bound::Excluded);
                let later = self.unstamped.range((lower, Bound::Unbounded));
                Box::new(later.filter(|(id, at)| !self.is_older(id, **at, *since)).map(|(_, at)| at))
            }
            HistoryRange::Stamped { after, until } if after >= until => Box::new(std::iter::empty()),
            HistoryRange::Stamped { after, until } => {
                let range = (Bound::Excluded((*after, LATEST)), Bound::Included((*until, LATEST)));
                Box::new(self.by_stamp.range(range).map(|(_, at)| at))
            }
        }
    }

    /// Whether a message without a stamp was made before this id, by its own id and by its date.
    fn is_older(&self, id: &MessageId, at: ClusterTime, since: Option<ObjectId>) -> bool {
        let made_ms = self.messages.get(&at).and_then(|message| message.fields.timestamp_ms);
        match (&id.0, made_ms, since) {
            (Bson::ObjectId(id), Some(made_ms), Some(since)) => {
                *id < since && made_ms < since.timestamp().timestamp_millis()
            }
            _ => false,
        }
    }

    fn documents<'a>(&self, times: impl Iterator<Item = &'a ClusterTime>) -> Vec<RawDocumentBuf> {
        let mut bytes = 0;
        let within_page = |message: &&Message| {
            let is_room = bytes < LARGEST_PAGE_BYTES;
            bytes += message.document.as_bytes().len();
            is_room
        };
        let messages = times.filter_map(|at| self.messages.get(at)).take_while(within_page);
        messages.map(|message| (*message.document).clone()).collect()
    }

    /// The message with this id.
    pub(super) fn find(&self, id: &Bson) -> Option<RawDocumentBuf> {
        let inserted_at = self.by_id.get(&MessageId(id.clone()))?;
        self.messages.get(inserted_at).map(|message| (*message.document).clone())
    }

    pub(super) fn sample(&self) -> Option<RawDocumentBuf> {
        let undated =
            self.messages.values().find(|message| message.document.get_datetime("_timestamp").is_err());
        undated.or_else(|| self.messages.values().next()).map(|message| (*message.document).clone())
    }

    pub(super) fn retention_index(&self, collection: &str) -> Option<RetentionIndex> {
        self.retention_ms.map(|retention_ms| RetentionIndex {
            name: format!("ttl_{collection}_timestamp"),
            expire_after_seconds: retention_ms / 1000,
            version: 2,
        })
    }

    pub(super) fn stats(&self, collection: &str) -> RetentionStats {
        RetentionStats {
            collection: collection.to_owned(),
            index: self.retention_index(collection),
            document_count: self.messages.len() as u64,
            has_timestamp_field: !self.by_timestamp.is_empty(),
        }
    }
}

/// Sorts behind every insert of the same stamp.
const LATEST: ClusterTime = ClusterTime { seconds: u32::MAX, increment: u32::MAX };

#[cfg(test)]
mod tests {
    use bson::{Bson, DateTime, Document, Timestamp, doc};

    use super::*;

    fn at(increment: u32) -> ClusterTime {
        ClusterTime { seconds: 1, increment }
    }

    fn insert(collection: &mut MessageCollection, inserted_at: ClusterTime, document: Document) {
        let document = RawDocumentBuf::try_from(document).expect("encodes");
        let inserted = collection.insert(&document, || inserted_at).expect("is valid");
        assert!(inserted.is_some());
    }

    fn ids(documents: &[RawDocumentBuf]) -> Vec<Bson> {
        let id =
            |document: &RawDocumentBuf| document.get("_id").ok().flatten().and_then(|id| id.try_into().ok());
        documents.iter().map(|document| id(document).expect("an id")).collect()
    }

    #[test]
    fn reads_stamped_messages_in_the_order_of_their_stamps() {
        let mut collection = MessageCollection::default();
        for (increment, stamp) in [(1, 5), (2, 3), (3, 4), (4, 9)] {
            insert(&mut collection, at(increment), doc! { "_id": stamp, "_ts": Timestamp::from(at(stamp)) });
        }
        let read = |after, until, limit| {
            ids(&collection.read(&HistoryRange::Stamped { after: at(after), until: at(until) }, None, limit))
        };
        assert_eq!(read(0, 8, 9), [3, 4, 5].map(Bson::from));
        assert_eq!(read(3, 9, 9), [4, 5, 9].map(Bson::from));
        assert_eq!(read(3, 9, 1), [4].map(Bson::from));
        assert_eq!(read(5, 5, 9), []);
        assert_eq!(read(9, 5, 9), []);
    }

    #[test]
    fn reads_unstamped_messages_in_the_order_of_their_ids_across_types() {
        let mut collection = MessageCollection::default();
        let id = bson::oid::ObjectId::from_bytes([1; 12]);
        insert(&mut collection, at(1), doc! { "_id": id });
        insert(&mut collection, at(2), doc! { "_id": "b" });
        insert(&mut collection, at(3), doc! { "_id": "a", "_ts": "no timestamp" });
        insert(&mut collection, at(4), doc! { "_id": "c", "_ts": Timestamp::from(at(4)) });
        let read = |after| ids(&collection.read(&HistoryRange::Unstamped { after, since: None }, None, 2));
        assert_eq!(read(None), ["a", "b"].map(Bson::from));
        assert_eq!(read(Some("a".into())), [Bson::from("b"), Bson::from(id)]);
        assert_eq!(read(Some(id.into())), []);
    }

    #[test]
    fn expires_by_timestamp_and_forgets_the_id() {
        let mut collection = MessageCollection::default();
        for (increment, timestamp_ms) in [(1, 1000), (2, 3000), (3, 2000)] {
            let date = DateTime::from_millis(timestamp_ms);
            let increment_as_id = increment.to_string();
            insert(&mut collection, at(increment), doc! { "_id": increment_as_id, "_timestamp": date });
        }
        insert(&mut collection, at(4), doc! { "_id": "4", "_ts": Timestamp::from(at(4)) });
        collection.expire(i64::MAX);
        assert_eq!(collection.stats("c").document_count, 4, "there is no TTL index yet");

        collection.keep_for(500);
        collection.expire(2499);
        assert!(!collection.contains(at(1)) && collection.contains(at(3)));
        insert(&mut collection, at(5), doc! { "_id": "1" });
        collection.expire(2500);
        assert_eq!(
            ids(&collection.read(&HistoryRange::Unstamped { after: None, since: None }, None, 9)),
            ["1", "2"].map(Bson::from)
        );
        collection.expire(i64::MAX);
        assert_eq!(collection.stats("c").document_count, 2, "what has no date stays");
        assert!(!collection.stats("c").has_timestamp_field);
    }

    #[test]
    fn shows_the_index_as_the_server_does() {
        let mut collection = MessageCollection::default();
        assert_eq!(collection.retention_index("orders_p0"), None);
        collection.keep_for(1999);
        let index = collection.retention_index("orders_p0").expect("an index");
        assert_eq!((index.name.as_str(), index.expire_after_seconds), ("ttl_orders_p0_timestamp", 1));
    }
}
