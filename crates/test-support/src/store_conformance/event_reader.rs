//! Reading a stream until it has shown what a test waits for.

use std::time::Duration;

use bson::Bson;
use csb_core::runtime::clock;
use csb_core::store::contract::{FeedBatch, FeedCursor, FeedEvent, FeedRequest, FeedStart, Store};

use super::message::id_of;

/// No answer takes this long unless something is broken.
pub(super) const DEADLINE: Duration = Duration::from_secs(30);
const MAX_AWAIT: Duration = Duration::from_millis(100);

/// An open stream, read under a deadline.
pub(super) struct EventReader {
    cursor: Box<dyn FeedCursor>,
}

impl EventReader {
    pub(super) async fn open(store: &dyn Store, collections: &[&str], start: FeedStart) -> Self {
        let cursor = store.open_feed(request(collections, start)).await.expect("the stream opens");
        Self { cursor }
    }

    pub(super) async fn next_batch(&mut self) -> FeedBatch {
        let batch = clock::timeout(DEADLINE, self.cursor.next_batch()).await;
        batch.expect("an answer in time").expect("the stream goes on")
    }

    /// The next events, at least this many.
    pub(super) async fn next_events(&mut self, count: usize) -> Vec<FeedEvent> {
        let mut events = Vec::new();
        let collect = async {
            while events.len() < count {
                events.extend(self.next_batch().await.events);
            }
        };
        let in_time = clock::timeout(DEADLINE, collect).await;
        assert!(in_time.is_some(), "only {} of {count} events came: {:?}", events.len(), event_ids(&events));
        events
    }

    pub(super) async fn close(self) {
        self.cursor.close().await;
    }
}

pub(super) fn request(collections: &[&str], start: FeedStart) -> FeedRequest {
    let collections = collections.iter().map(|name| (*name).into()).collect();
    FeedRequest { collections, start, batch_size: 100, max_await: MAX_AWAIT }
}

pub(super) fn event_ids(events: &[FeedEvent]) -> Vec<Bson> {
    events.iter().map(|event| id_of(&event.document)).collect()
}
