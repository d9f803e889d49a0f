//! Change streams.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bson::Bson;
use csb_core::runtime::clock;
use csb_core::store::contract::{FeedRequest, FeedStart, HistoryRange, Store};

use super::event_reader::{DEADLINE, EventReader, event_ids, request};
use super::message::{EARLIEST, LATEST, ids, message, messages, stamp_of};

/// What was stored before the stream opened does not appear.
pub async fn from_now_on_sees_only_what_comes(store: Arc<dyn Store>) {
    store.append("c", &[message("before")]).await.expect("appends");
    let mut reader = EventReader::open(&*store, &["c"], FeedStart::Now).await;
    store.append("c", &[message("a"), message("b")]).await.expect("appends");
    assert_eq!(event_ids(&reader.next_events(2).await), ["a", "b"].map(Bson::from));
    reader.close().await;
}

/// A stream that begins behind the present cluster time sees nothing acknowledged before, and everything after; one
/// that begins at an event's time sees that event.
pub async fn from_a_time_on_sees_everything_since(store: Arc<dyn Store>) {
    store.append("c", &[message("before")]).await.expect("appends");
    let time = store.cluster_time().await.expect("a time");
    store.append("c", &[message("a"), message("b")]).await.expect("appends");

    let mut reader = EventReader::open(&*store, &["c"], FeedStart::At(time.next())).await;
    let events = reader.next_events(2).await;
    assert_eq!(event_ids(&events), ["a", "b"].map(Bson::from));
    reader.close().await;

    let start = FeedStart::At(events[1].token.cluster_time());
    let mut reader = EventReader::open(&*store, &["c"], start).await;
    assert_eq!(event_ids(&reader.next_events(1).await)[0], Bson::from("b"));
    reader.close().await;
}

/// Each event names its collection; those of others do not appear.
pub async fn sees_only_wanted_collections(store: Arc<dyn Store>) {
    let mut reader = EventReader::open(&*store, &["a", "b"], FeedStart::Now).await;
    for collection in ["a", "other", "b", "other", "a"] {
        store.append(collection, &[message(Bson::from(bson::oid::ObjectId::new()))]).await.expect("appends");
    }
    let events = reader.next_events(3).await;
    let collections: Vec<_> = events.iter().map(|event| &*event.collection).collect();
    assert_eq!(collections, ["a", "b", "a"]);
    reader.close().await;
}

/// Stamp included.
pub async fn shows_the_document_as_it_is_stored(store: Arc<dyn Store>) {
    let mut reader = EventReader::open(&*store, &["c"], FeedStart::Now).await;
    store.append("c", &[message("a")]).await.expect("appends");
    let range = HistoryRange::Stamped { after: EARLIEST, until: LATEST };
    let stored = store.read_history("c", range, None, 1).await.expect("reads");
    let event = reader.next_events(1).await.remove(0);
    assert_eq!(event.document.as_bytes(), stored[0].as_bytes());
    assert!(stamp_of(&event.document) <= event.token.cluster_time());
    reader.close().await;
}

/// Also over several collections.
pub async fn batches_are_bounded_sorted_and_within_their_frontier(store: Arc<dyn Store>) {
    let wanted = FeedRequest { batch_size: 10, ..request(&["a", "b"], FeedStart::Now) };
    let mut cursor = store.open_feed(wanted).await.expect("opens");
    let mut expected = Vec::new();
    for n in 0..5 {
        let (a, b) = (messages(&format!("a{n}-"), 7), messages(&format!("b{n}-"), 4));
        store.append("a", &a).await.expect("appends");
        store.append("b", &b).await.expect("appends");
        expected.extend(ids(a.iter().chain(&b)));
    }
    let (mut events, mut frontiers) = (Vec::new(), Vec::new());
    while events.len() < expected.len() {
        let batch = clock::timeout(DEADLINE, cursor.next_batch()).await.expect("in time").expect("goes on");
        assert!(batch.events.len() <= 10);
        assert!(
            batch
                .events
                .iter()
                .all(|event| event.token <= batch.frontier && !event.token.is_high_water_mark())
        );
        assert!(
            batch.events.first().zip(frontiers.last()).is_none_or(|(event, before)| event.token > *before)
        );
        frontiers.push(batch.frontier);
        events.extend(batch.events);
    }
    assert_eq!(event_ids(&events), expected);
    assert!(events.is_sorted_by(|a, b| a.token < b.token));
    assert!(frontiers.is_sorted());
    cursor.close().await;
}

/// A stream without wanted events moves on with the deployment, so that its position does not age.
pub async fn an_idle_stream_answers_in_time_and_its_frontier_grows(store: Arc<dyn Store>) {
    let mut reader = EventReader::open(&*store, &["c"], FeedStart::Now).await;
    let first = reader.next_batch().await;
    assert!(first.events.is_empty());

    store.append("other", &[message("a")]).await.expect("appends");
    let range = HistoryRange::Stamped { after: EARLIEST, until: LATEST };
    let stamp = stamp_of(&store.read_history("other", range, None, 1).await.expect("reads")[0]);
    let caught_up = async {
        loop {
            let batch = reader.next_batch().await;
            assert!(batch.events.is_empty());
            if batch.frontier.cluster_time() >= stamp {
                return batch.frontier;
            }
        }
    };
    let frontier = clock::timeout(DEADLINE, caught_up).await.expect("the frontier grows");
    assert!(frontier > first.frontier);
    assert!(frontier.is_high_water_mark(), "{frontier:?}");
    reader.close().await;
}

/// Long before `max_await`.
pub async fn answers_as_soon_as_there_is_an_event(store: Arc<dyn Store>) {
    let patient = FeedRequest { max_await: DEADLINE * 2, ..request(&["c"], FeedStart::Now) };
    let mut cursor = store.open_feed(patient).await.expect("opens");
    let read = async {
        loop {
            let batch = cursor.next_batch().await.expect("goes on");
            if !batch.events.is_empty() {
                return batch;
            }
        }
    };
    let append = async {
        // Gives the reader the time to be waiting; the outcome is the same without it.
        clock::sleep(Duration::from_millis(50)).await;
        store.append("c", &[message("a")]).await.expect("appends");
    };
    let (batch, ()) = tokio::join!(clock::timeout(DEADLINE, read), append);
    assert_eq!(event_ids(&batch.expect("at once").events), [Bson::from("a")]);
    cursor.close().await;
}

/// Tokens of one stream can be compared with those of another.
pub async fn an_event_has_the_same_token_in_every_stream(store: Arc<dyn Store>) {
    let mut narrow = EventReader::open(&*store, &["a"], FeedStart::Now).await;
    let mut wide = EventReader::open(&*store, &["a", "b"], FeedStart::Now).await;
    for n in 0..3 {
        store.append("b", &messages(&format!("b{n}-"), 2)).await.expect("appends");
        store.append("a", &messages(&format!("a{n}-"), 2)).await.expect("appends");
    }
    let in_wide = wide.next_events(12).await;
    let in_wide: HashMap<_, _> = event_ids(&in_wide).into_iter().zip(in_wide).collect();
    let in_narrow = narrow.next_events(6).await;
    assert_eq!(in_narrow.len(), 6);
    for (id, event) in event_ids(&in_narrow).iter().zip(&in_narrow) {
        assert_eq!(event.token, in_wide[id].token);
    }
    narrow.close().await;
    wide.close().await;
}

/// A reader that gives up waiting, at any moment, gets the same events from its next call.
pub async fn a_dropped_wait_loses_nothing(store: Arc<dyn Store>) {
    const COUNT: usize = 40;
    let mut cursor = store.open_feed(request(&["c"], FeedStart::Now)).await.expect("opens");
    let append = async {
        for one in messages("m", COUNT) {
            store.append("c", &[one]).await.expect("appends");
        }
    };
    let read = async {
        let (mut events, mut patience_us) = (Vec::new(), 0);
        while events.len() < COUNT {
            // Cuts the wait off at ever different points of the answer's way.
            patience_us = (patience_us + 700) % 10_000;
            let wait = clock::timeout(Duration::from_micros(patience_us), cursor.next_batch()).await;
            events.extend(wait.into_iter().flat_map(|batch| batch.expect("goes on").events));
        }
        events
    };
    let (events, ()) = tokio::join!(clock::timeout(DEADLINE, read), append);
    assert_eq!(event_ids(&events.expect("every event in time")), ids(&messages("m", COUNT)));
    cursor.close().await;
}
